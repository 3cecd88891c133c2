/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* T of each peer (NZ1 16): gathered here, decided by libneuro, acting at once on what a session may carry. */
#include "libmesh/node.h"

#include <stdio.h>
#include <string.h>

void hkp_mesh__trust_text(uint32_t why, char *dst, size_t cap) {
    size_t used = 0;
    dst[0] = 0;
    for (uint32_t bit = 0; bit < HKP_NEURO_WHY_COUNT; bit++) {
        if ((why >> bit & 1) == 0) continue;
        int n = snprintf(dst + used, cap - used, "%s%s", used > 0 ? ", " : "", hkp_neuro_why_text(1U << bit));
        if (n < 0 || (size_t)n >= cap - used) return;
        used += (size_t)n;
    }
}

/* A ticket measures no clock, the first heartbeat does (HTP-8.2): until then, and not for long, that of the
 * session before counts, which had the same keys. */
#define CLOCK_SOON (10 * HKP_MESH__SECOND)

static int clock_of(struct hkp_mesh_node *node, struct hkp_mesh__trust *t, const struct hkp_mesh__link *link,
                    const struct hkp_htp_session_info *s) {
    if (s->clock != HKP_HTP_CLOCK_UNDECIDED) t->clock = s->clock;
    const int waits =
        s->resumed && s->clock == HKP_HTP_CLOCK_UNDECIDED && node->now < link->since + CLOCK_SOON;
    return waits ? t->clock : s->clock;
}

static void gather(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                   struct hkp_neuro_trust_inputs *in) {
    struct hkp_mesh__trust *t = &peer->trust;
    struct hkp_mesh__link *best = hkp_mesh__link_best(node, peer);
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    memset(in, 0, sizeof *in);
    hkp_mesh__attest_trust(node, peer, in);
    int jitter = 0, clock = HKP_HTP_CLOCK_UNDECIDED;
    if (best != NULL && hkp_htp_session_info(node->htp, best->session, &s) == HKP_OK) {
        jitter =
            s.rtt_ns > 0 && s.jitter_ns > s.rtt_ns / 2 && s.jitter_ns > 1000000; /* told in milliseconds */
        clock = clock_of(node, t, best, &s);
    }
    uint32_t good = 0;
    for (uint32_t i = 0; i < t->beats_known; i++) good += t->beats >> i & 1;
    in->l = hkp_neuro_trust_l(good, t->beats_known, clock == HKP_HTP_CLOCK_FAIL, jitter);
    if (best == NULL || best->mode == HKP_HTP_MODE_N) in->why |= HKP_NEURO_WHY_MODE_N;
    if (clock == HKP_HTP_CLOCK_FAIL) in->why |= HKP_NEURO_WHY_CLOCK;
    if (t->contradicted) in->why |= HKP_NEURO_WHY_CONTRADICTION;
    if (t->quarantine.quarantined) in->why |= HKP_NEURO_WHY_QUARANTINE;
    hkp_neuro_holder_trust(peer->held, node->wall_us, t->session_us, clock != HKP_HTP_CLOCK_PASS, in);
    /* The operator has judged that fork: as without a replica, so that a fresh ENROL can come (NZ1 22.4). */
    if (t->released && (in->why & HKP_NEURO_WHY_FORK) != 0)
        in->why = (in->why & ~(uint32_t)HKP_NEURO_WHY_FORK) | HKP_NEURO_WHY_NO_REPLICA;
}

static void decided(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                    const struct hkp_neuro_trust *before) {
    struct hkp_mesh__trust *t = &peer->trust;
    if (t->quarantine.quarantined) t->now.t = 0;
    if (t->now.t == before->t && t->now.why == before->why) return;
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_TRUST, peer->node_id, "");
    fact->number = before->t;
    fact->to = t->now.t;
    hkp_mesh__trust_text(t->now.why, fact->text, sizeof fact->text);
    hkp_mesh__rights(node, peer);
}

void hkp_mesh__trust_start(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__trust *t = &peer->trust;
    struct hkp_neuro_trust before = t->now;
    struct hkp_neuro_trust_inputs in;
    t->session_us = node->wall_us;
    t->beats = t->beats_known = 0;
    t->beat_due = 0;
    t->contradicted = 0;
    gather(node, peer, &in);
    hkp_neuro_trust_update(&t->now, &in);
    t->now.t = hkp_neuro_trust_start(before.t, (int32_t)t->quarantine.quarantined, t->now.t_new);
    decided(node, peer, &before);
}

static void count_beat(struct hkp_mesh__trust *t, uint32_t good) {
    t->beats = (t->beats << 1 | good) & 0xFFFF;
    if (t->beats_known < 16) t->beats_known++;
}

/* An interval of the session without a good heartbeat is a missed one (NZ1 16.6); half of one is its grace.
 */
static void count_beats(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int good) {
    struct hkp_mesh__trust *t = &peer->trust;
    struct hkp_mesh__link *best = hkp_mesh__link_best(node, peer);
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    if (best == NULL || hkp_htp_session_info(node->htp, best->session, &s) != HKP_OK) return;
    hkp_time interval = (hkp_time)(s.heartbeat_s != 0 ? s.heartbeat_s : 30) * HKP_MESH__SECOND;
    if (good) count_beat(t, 1);
    if (good || t->beat_due == 0) t->beat_due = node->now + interval + interval / 2;
    for (int i = 0; i < 16 && node->now >= t->beat_due; i++, t->beat_due += interval) count_beat(t, 0);
}

void hkp_mesh__trust_update(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int good_heartbeat) {
    struct hkp_mesh__trust *t = &peer->trust;
    struct hkp_neuro_trust before = t->now;
    struct hkp_neuro_trust_inputs in;
    if (t->session_us == 0) return; /* no session: T stays as it ended */
    count_beats(node, peer, good_heartbeat);
    gather(node, peer, &in);
    in.good_heartbeat = (uint32_t)good_heartbeat;
    hkp_neuro_trust_update(&t->now, &in);
    decided(node, peer, &before);
}

void hkp_mesh__trust_contradiction(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int fork) {
    hkp_neuro_quarantine_note(&peer->trust.quarantine, fork, node->wall_us / 1000000);
    peer->trust.contradicted = 1;
    peer->trust.released = 0;
    if (peer->trust.quarantine.quarantined && !fork)
        hkp_neuro_holder_contradiction(peer->held, node->now, HKP_NEURO_CAUSE_TAG);
    hkp_mesh__trust_update(node, peer, 0);
    hkp_mesh__trust_keep(node, peer);
}

void hkp_mesh__trust_end(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    if (peer->trust.session_us != 0) hkp_mesh__trust_keep(node, peer);
    peer->trust.session_us = 0;
}

void hkp_mesh__trust_join(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__trust *t = &peer->trust;
    if (hkp_mesh__held_state(peer) != HKP_NEURO_INSTANCE_LOST || t->released) return;
    t->quarantine.quarantined = 1;
    t->now.t = 0;
    (void)node;
}

hkp_status hkp_mesh_trust_release(hkp_mesh_node *node, hkp_time now, const uint8_t node_id[16]) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    struct hkp_neuro_trust_inputs in;
    if (now > node->now) node->now = now;
    if (peer == NULL) return HKP_E_NOTFOUND;
    struct hkp_mesh__trust *t = &peer->trust;
    if (!t->quarantine.quarantined) return HKP_E_MESH_STATE;
    struct hkp_neuro_trust before = t->now;
    memset(&t->quarantine, 0, sizeof t->quarantine);
    t->contradicted = 0;
    t->released = 1;
    gather(node, peer, &in);
    hkp_neuro_trust_update(&t->now, &in);
    t->now.t = hkp_neuro_trust_start(0, 0, t->now.t_new); /* as at the start of a first session */
    decided(node, peer, &before);
    hkp_mesh__trust_keep(node, peer);
    return HKP_OK;
}

/* As much as a good heartbeat gives: a block that was long on its way can name a commit that we hold no more.
 */
void hkp_mesh__trust_false_claim(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_neuro_trust before = peer->trust.now;
    peer->trust.now.t -= before.t < HKP_MESH__FALSE_CLAIM ? before.t : HKP_MESH__FALSE_CLAIM;
    decided(node, peer, &before);
}
