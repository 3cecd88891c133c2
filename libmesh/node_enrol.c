/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Which session carries which instance, and first contact (NZ1 22.3). The owner chooses and stays with its
 * choice while the session lives; the holder follows the stream that the owner opened, so that both take the
 * same exported secret whatever sessions the two of them have, and in whichever order those came up.
 */
#include "libmesh/node.h"

#include <sodium.h>
#include <string.h>

/* Both certificates were shown: mode N in the cases that enrol, or mode R that the holder opened (22.3). */
int hkp_mesh__enrol_may(const struct hkp_mesh__link *l) {
    if (l->session == 0 || l->closing || !l->certified) return 0;
    if (l->mode == HKP_HTP_MODE_N) return l->n_case == 2 || l->n_case == 3;
    return l->role == HKP_HTP_ROLE_V;
}

/* 1: our instance has to be enrolled, for the first time or again. */
int hkp_mesh__enrol_wanting(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    if (hkp_neuro_owner_info(peer->own, &info) != HKP_OK) return 0;
    switch (info.state) {
    case HKP_NEURO_INSTANCE_NONE:
        return 1;
    case HKP_NEURO_INSTANCE_PENDING:
        return peer->refused_pending;
    case HKP_NEURO_INSTANCE_ACTIVE:
        return 0; /* over the session at hand, if that is one that enrols */
    default:
        return hkp_neuro_instance_fresh(info.gen_owner, info.gen_holder, node->own_cert.neuro_gen,
                                        peer->neuro_gen);
    }
}

struct hkp_mesh__link *hkp_mesh__link_by_session(struct hkp_mesh__peer *peer, uint64_t session) {
    for (int i = 0; session != 0 && i < HKP_MESH__LINKS; i++)
        if (peer->links[i].session == session && !peer->links[i].closing) return &peer->links[i];
    return NULL;
}

/* The link that carries our instance. */
static struct hkp_mesh__link *own_link(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__link *now = hkp_mesh__link_by_session(peer, peer->own_session);
    struct hkp_mesh__link *found = NULL;
    if (!hkp_mesh__enrol_wanting(node, peer)) return hkp_mesh__link_best(node, peer);
    if (now != NULL && hkp_mesh__enrol_may(now)) return now;
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        struct hkp_mesh__link *l = &peer->links[i];
        if (hkp_mesh__enrol_may(l) && (found == NULL || l->since > found->since)) found = l;
    }
    return found != NULL ? found : hkp_mesh__link_best(node, peer);
}

static void say(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own,
                const struct hkp_neuro_session *s) {
    if (own)
        hkp_neuro_owner_session(peer->own, node->now, s);
    else
        hkp_neuro_holder_session(peer->held, node->now, s);
}

/* What was on its way over the session before must not arrive when the instance comes back to it: a PROPOSE
 * that is late by a commit is an old state (NZ1 17). */
static void reset_streams(struct hkp_mesh_node *node, struct hkp_mesh__link *l) {
    if (l->commit_out != HKP_MESH__NO_STREAM)
        hkp_mesh__drop(hkp_htp_stream_reset(node->htp, l->session, l->commit_out, HKP_HTP_CODE_CANCELLED));
    if (l->ter_out != HKP_MESH__NO_STREAM)
        hkp_mesh__drop(hkp_htp_stream_reset(node->htp, l->session, l->ter_out, HKP_HTP_CODE_CANCELLED));
    l->commit_out = l->ter_out = l->commit_stopped = HKP_MESH__NO_STREAM;
}

static void tell(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int own, struct hkp_mesh__link *l) {
    uint64_t *told = own ? &peer->own_session : &peer->held_session;
    struct hkp_neuro_session s;
    memset(&s, 0, sizeof s);
    struct hkp_mesh__link *before = hkp_mesh__link_by_session(peer, *told);
    if (*told != 0) say(node, peer, own, &s); /* what was under way belongs to the session before */
    if (own && before != NULL && before != l) reset_streams(node, before);
    hkp_mesh__stuck_free(node, own ? &peer->stuck_own : &peer->stuck_held);
    *told = l != NULL ? l->session : 0;
    if (l == NULL) return;
    uint8_t ctx[HKP_NEURO_CTX_SIZE];
    uint32_t gen_peer = l->certified ? l->peer_gen : peer->neuro_gen;
    s.up = 1;
    s.mode_r = l->mode == HKP_HTP_MODE_R;
    s.certificates = l->certified;
    s.gen_owner = own ? node->own_cert.neuro_gen : gen_peer;
    s.gen_holder = own ? gen_peer : node->own_cert.neuro_gen;
    s.allowed = peer->seated; /* NZ1 22.2: members of the validator set */
    hkp_neuro_enrol_ctx(node->chain_id, own ? node->node_id : peer->node_id,
                        own ? peer->node_id : node->node_id, s.gen_owner, s.gen_holder, ctx);
    s.has_exported = hkp_htp_session_export(node->htp, l->session, 0, (const uint8_t *)"HKP1 nz1 seed", 13,
                                            ctx, sizeof ctx, s.exported, 32) == HKP_OK;
    say(node, peer, own, &s);
    sodium_memzero(&s, sizeof s);
}

void hkp_mesh__neural_links(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__link *own = own_link(node, peer);
    /* whom we let nothing of this class in from cannot answer: the conversation begins anew when we do */
    if (own != NULL && !hkp_mesh__may_class(node, peer, own, HKP_NEURO_CLASS_COMMIT)) own = NULL;
    struct hkp_mesh__link *held = hkp_mesh__link_by_session(peer, peer->held_session);
    if (held == NULL || held->commit_in == HKP_MESH__NO_STREAM) held = hkp_mesh__link_best(node, peer);
    if ((own != NULL ? own->session : 0) != peer->own_session) tell(node, peer, 1, own);
    if ((held != NULL ? held->session : 0) != peer->held_session) tell(node, peer, 0, held);
}

void hkp_mesh__neural_follow(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                             struct hkp_mesh__link *link) {
    tell(node, peer, 0, link);
}

void hkp_mesh__enrol(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__link *l = hkp_mesh__link_by_session(peer, peer->own_session);
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    if (l == NULL || !hkp_mesh__enrol_may(l) || !node->tck_before_known || node->now < l->enrol_at ||
        hkp_neuro_owner_info(peer->own, &info) != HKP_OK)
        return;
    if (info.state == HKP_NEURO_INSTANCE_PENDING) {
        if (peer->refused_pending && info.ck_index != peer->refused_index)
            peer->refused_pending = 0; /* anew */
        if (!peer->refused_pending) return;
    }
    if (l->enrol_at != 0 && info.state != HKP_NEURO_INSTANCE_ACTIVE) {
        /* no answer, or a refusal: again with a newer checkpoint, over a stream and with a secret of its own
         */
        if (l->commit_out != HKP_MESH__NO_STREAM)
            hkp_mesh__drop(hkp_htp_stream_reset(node->htp, l->session, l->commit_out, HKP_HTP_CODE_DENIED));
        l->commit_out = HKP_MESH__NO_STREAM;
        tell(node, peer, 1, l);
    }
    struct hkp_neuro_enrol_point point;
    memcpy(point.h_before, node->tck_before, 32);
    memcpy(point.ter, node->tck_before + 32, 64);
    memcpy(point.tck, node->tck, 256);
    memcpy(point.rba, node->opt.rebase, 192);
    hkp_status st = hkp_neuro_owner_enrol(peer->own, node->now, &point);
    if (st == HKP_OK || st == HKP_E_NEURO_ENROL_STATE) l->enrol_at = node->now + HKP_MESH__ENROL_AGAIN;
}

hkp_time hkp_mesh__enrol_wake(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        const struct hkp_mesh__link *l = &peer->links[i];
        if (l->session != 0 && l->session == peer->own_session && l->enrol_at > node->now &&
            hkp_mesh__enrol_wanting(node, peer))
            return l->enrol_at;
    }
    return HKP_TIME_NEVER;
}
