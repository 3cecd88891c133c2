/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Sessions: when to open which (NZ1 22.5, HTP-3.9, HTP-14.4), and what each may carry (HTP-8.6).
 *
 * Every pair ends with one session in mode R, the one that the lower node_id opened. Each side opens one of
 * its own at least once, because only that proves its own instance (NZ1 22.1).
 */
#include "libmesh/node.h"

#include <stdio.h>
#include <string.h>

static int lower(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    return memcmp(node->node_id, peer->node_id, 16) < 0;
}

/*
 * Mode R before mode N. Of two alike the newer one: a peer opens another session only when it has lost the
 * one before, which is dead then though we have not noticed. Of two that came at once, the one that stays by
 * HTP-14.4.
 */
static int better(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                  const struct hkp_mesh__link *a, const struct hkp_mesh__link *b) {
    if (a->mode != b->mode) return a->mode == HKP_HTP_MODE_R;
    hkp_time apart = a->since > b->since ? a->since - b->since : b->since - a->since;
    uint8_t stays = lower(node, peer) ? HKP_HTP_ROLE_E : HKP_HTP_ROLE_V;
    if (a->role != b->role && apart <= HKP_MESH__AT_ONCE) return a->role == stays;
    return a->since > b->since;
}

struct hkp_mesh__link *hkp_mesh__link_best(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__link *best = NULL;
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        struct hkp_mesh__link *l = &peer->links[i];
        if (l->session != 0 && !l->closing && (best == NULL || better(node, peer, l, best))) best = l;
    }
    return best;
}

static struct hkp_mesh__link *link_find(struct hkp_mesh_node *node, uint64_t session,
                                        struct hkp_mesh__peer **peer) {
    for (uint32_t p = 0; p < node->n_peers; p++)
        for (int i = 0; i < HKP_MESH__LINKS; i++)
            if (node->peers[p].links[i].session == session) {
                *peer = &node->peers[p];
                return &node->peers[p].links[i];
            }
    return NULL;
}

/* ---- Rights ---- */

/* D-CA-8: a list above 7 days limits sessions that begin then, until a current one came. */
static int is_listless(const struct hkp_mesh_node *node) {
    struct hkp_dsm_lists_status s = {.struct_size = sizeof s};
    return hkp_dsm_node_lists(node->dsm, &s) == HKP_OK && s.freshness == HKP_DSM_LISTS_LOST;
}

static int is_stale(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                    const struct hkp_mesh__link *link) {
    uint64_t now_s = node->wall_us / 1000000;
    return link->stale || now_s > node->own_cert.not_after_s || (peer->known && now_s > peer->not_after_s) ||
           hkp_mesh__peer_revoked(node, peer) || (link->listless && is_listless(node));
}

/* Classes that a node uses; none else is ever accepted. */
static const uint64_t classes_used = 1U << HKP_HTP_STREAM_CONTROL | 1U << HKP_HTP_STREAM_DSM |
                                     1U << HKP_HTP_STREAM_TER | 1U << HKP_HTP_STREAM_COMMIT |
                                     1U << HKP_HTP_STREAM_MESH | 1U << HKP_HTP_STREAM_POLICY;
/* Lanes of a session whose peer has not attested: those of signed consensus. */
enum { LANES_UNATTESTED = 3 };

static struct hkp_htp_judgement judgement_of(const struct hkp_mesh_node *node,
                                             const struct hkp_mesh__peer *peer,
                                             const struct hkp_mesh__link *link) {
    int changed = (peer->trust.now.why & HKP_NEURO_WHY_INTEGRITY) != 0;
    return (struct hkp_htp_judgement){
        .struct_size = sizeof(struct hkp_htp_judgement),
        .trust = peer->trust.now.t > HKP_HTP_TRUST_ONE ? HKP_HTP_TRUST_ONE : (uint16_t)peer->trust.now.t,
        .stale = (uint8_t)is_stale(node, peer, link),
        .validators = peer->seated,
        .integrity = !changed ? HKP_HTP_INTEGRITY_GOOD
                              : (node->opt.integrity_close && !peer->change_told ? HKP_HTP_INTEGRITY_CLOSE
                                                                                 : HKP_HTP_INTEGRITY_LIMIT)};
}

/* What HTP-8.6 leaves of a link. */
static struct hkp_htp_rights rights_of(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                                       const struct hkp_mesh__link *link) {
    const struct hkp_htp_judgement j = judgement_of(node, peer, link);
    struct hkp_htp_rights r = {.struct_size = sizeof r};
    hkp_mesh__drop(hkp_htp_trust_rights(&j, link->mode, link->n_case, &r));
    r.classes_low &= classes_used;
    r.lanes &= hkp_mesh__attest_lacks(node, link) ? LANES_UNATTESTED : HKP_DSM_LANES_ALL;
    return r;
}

int hkp_mesh__may_class(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                        const struct hkp_mesh__link *link, uint32_t stream_class) {
    return stream_class < 64 && (rights_of(node, peer, link).classes_low >> stream_class & 1) != 0;
}

int hkp_mesh__may_lane(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                       const struct hkp_mesh__link *link, uint32_t lane) {
    return (rights_of(node, peer, link).lanes >> lane & 1) != 0;
}

int hkp_mesh__may_act(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                      const struct hkp_mesh__link *link, uint32_t acts) {
    return (rights_of(node, peer, link).acts & acts) == acts;
}

void hkp_mesh__link_close(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint16_t reason) {
    link->closing = 1;
    hkp_mesh__drop(hkp_htp_session_close(node->htp, node->now, link->session, reason));
}

/* HTP-3.8 for D-BLK-16 and D-SMX-R1. */
static void tell_clock(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, uint32_t verdict) {
    static const uint32_t of[] = {[HKP_HTP_CLOCK_UNDECIDED] = HKP_DSM_CLOCK_UNKNOWN,
                                  [HKP_HTP_CLOCK_PASS] = HKP_DSM_CLOCK_OK,
                                  [HKP_HTP_CLOCK_FAIL] = HKP_DSM_CLOCK_FAIL};
    if (peer->dsm_up && verdict <= HKP_HTP_CLOCK_FAIL)
        hkp_mesh__drop(hkp_dsm_peer_clock(node->dsm, peer->node_id, 0, of[verdict]));
}

/* D-GSP-8. Of the packets since it was last told: what was lost long ago says nothing of now. */
static void tell_loss(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                      struct hkp_mesh__link *link) {
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    if (!peer->dsm_up || hkp_htp_session_info(node->htp, link->session, &s) != HKP_OK) return;
    const uint64_t out = s.packets_out - link->loss_out, lost = s.packets_lost - link->loss_lost;
    if (out < HKP_MESH__LOSS_PACKETS) return;
    hkp_mesh__drop(
        hkp_dsm_gossip_loss(node->dsm, peer->node_id, lost < out ? (uint32_t)(lost * 1000 / out) : 1000));
    link->loss_out = s.packets_out;
    link->loss_lost = s.packets_lost;
}

/* What the peer leaves us may be less than what we leave it: a lane that it stopped is closed until it is
 * tried again, so that libdsm asks on one that is open. */
static uint32_t lanes_of(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                         const struct hkp_mesh__link *link) {
    uint32_t lanes = rights_of(node, peer, link).lanes;
    for (uint32_t i = 0; i < HKP_DSM_LANES; i++)
        if (node->now < link->lane_retry[i]) lanes &= ~(1U << i) | HKP_DSM_LANES_SAFETY;
    return lanes;
}

/* Another session is another conversation: what was queued on the one before did not arrive. */
static void tell_dsm(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *best) {
    if (peer->dsm_up && (best == NULL || best->session != peer->dsm_session)) {
        hkp_mesh__drop(hkp_dsm_peer_down(node->dsm, node->now, peer->node_id));
        hkp_mesh__stuck_free(node, &peer->stuck_dsm);
        peer->dsm_up = 0;
    }
    if (best == NULL) return;
    uint32_t lanes = lanes_of(node, peer, best);
    if (!peer->dsm_up) {
        struct hkp_htp_session_info s = {.struct_size = sizeof s};
        peer->dsm_up = hkp_dsm_peer_up(node->dsm, node->now, peer->node_id, lanes) == HKP_OK;
        peer->dsm_session = best->session;
        if (hkp_htp_session_info(node->htp, best->session, &s) == HKP_OK) tell_clock(node, peer, s.clock);
    } else if (lanes != peer->dsm_lanes)
        hkp_mesh__drop(hkp_dsm_peer_lanes(node->dsm, node->now, peer->node_id, lanes));
    peer->dsm_lanes = lanes;
}

void hkp_mesh__rights(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        struct hkp_mesh__link *l = &peer->links[i];
        if (l->session == 0 || l->closing) continue;
        const struct hkp_htp_judgement j = judgement_of(node, peer, l);
        hkp_mesh__drop(hkp_htp_session_allow(node->htp, l->session, classes_used, 0));
        hkp_mesh__drop(hkp_htp_session_judge(node->htp, node->now, l->session, &j));
        l->closing = rights_of(node, peer, l).close != 0; /* by libhtp, at once */
    }
    /* Closed once: only a session that opens again can show that the files are back. */
    peer->change_told = (peer->trust.now.why & HKP_NEURO_WHY_INTEGRITY) != 0;
    if (node->started) tell_dsm(node, peer, hkp_mesh__link_best(node, peer));
}

void hkp_mesh__hold(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    int hello = peer->connecting != 0 && peer->connecting_mode == HKP_HTP_MODE_R;
    hkp_neuro_owner_hold(peer->own, node->now, hello || peer->naming);
}

/* ---- Events of the transport ---- */

static void link_clear(struct hkp_mesh__link *link) {
    memset(link, 0, sizeof *link);
    for (int i = 0; i < HKP_DSM_LANES; i++) link->lane_out[i] = link->lane_in[i] = HKP_MESH__NO_STREAM;
    link->ter_out = link->commit_out = link->commit_in = link->back_out = link->back_in = HKP_MESH__NO_STREAM;
    link->ter_in[0] = link->ter_in[1] = link->commit_stopped = HKP_MESH__NO_STREAM;
    link->attest.out = link->attest.in = HKP_MESH__NO_STREAM;
    link->post_out = link->post_in = HKP_MESH__NO_STREAM;
}

static void note_address(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer, uint64_t session);

static void session_up(struct hkp_mesh_node *node, const struct hkp_htp_event *ev) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, ev->peer);
    struct hkp_mesh__link *link = NULL;
    if (peer == NULL) { /* the registry admits configured members only */
        hkp_mesh__drop(hkp_htp_session_close(node->htp, node->now, ev->session, HKP_HTP_REASON_POLICY));
        return;
    }
    if (peer->connecting == ev->session) {
        peer->connecting = 0;
        hkp_mesh__hold(node, peer);
    }
    peer->want_n = 0; /* whoever opened it: mode N was for a pair without any session */
    for (int i = 0; i < HKP_MESH__LINKS && link == NULL; i++)
        if (peer->links[i].session == 0) link = &peer->links[i];
    if (link == NULL) {
        hkp_mesh__drop(hkp_htp_session_close(node->htp, node->now, ev->session, HKP_HTP_REASON_REPLACED));
        return;
    }
    int first = hkp_mesh__link_best(node, peer) == NULL;
    link_clear(link);
    link->session = ev->session;
    link->role = ev->role;
    link->mode = ev->mode;
    link->n_case = (uint8_t)ev->value;
    link->since = node->now;
    link->listless = (uint8_t)is_listless(node);
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    if (hkp_htp_session_info(node->htp, ev->session, &info) == HKP_OK) {
        link->stale = info.stale;
        link->certified = info.peer_cert_form != HKP_HTP_CERT_NONE;
        link->peer_gen = (uint32_t)info.peer_neuro_gen;
    }
    if (ev->mode == HKP_HTP_MODE_R || first) peer->backoff = 0;
    if (ev->role == HKP_HTP_ROLE_E && ev->mode == HKP_HTP_MODE_R) peer->refused_pending = 0;

    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_PEER_UP, peer->node_id, "");
    fact->number = ev->mode == HKP_HTP_MODE_R;
    fact->to = ev->role == HKP_HTP_ROLE_E;
    hkp_mesh__neural_handshake(node, peer, link);
    hkp_mesh__neural_links(node, peer);
    if (first) hkp_mesh__trust_start(node, peer);
    note_address(node, peer, ev->session);
    hkp_mesh__rights(node, peer);
}

static void session_down(struct hkp_mesh_node *node, const struct hkp_htp_event *ev) {
    struct hkp_mesh__peer *peer = NULL;
    struct hkp_mesh__link *link = link_find(node, ev->session, &peer);
    if (link == NULL) return;
    /* Not closed in favour of another: the peer may have died, and forgotten what it had not stored. Of two
     * that come at once libhtp ends ours as soon as it stands (HTP-14.4): that has proved what it had to. */
    int replaced = ev->reason == HKP_HTP_REASON_REPLACED;
    if (!link->closing && !replaced) peer->proved = 0;
    if (replaced && link->role == HKP_HTP_ROLE_E && link->mode == HKP_HTP_MODE_R) peer->proved = 1;
    if (ev->result == HKP_E_HTP_MESSAGE) hkp_mesh__dsm_broken(node, peer); /* E_TOO_BIG, D-GSP-16 */
    link_clear(link);
    if (ev->role == HKP_HTP_ROLE_E) peer->naming = 0;
    hkp_mesh__hold(node, peer);
    /* also with another one up: who ends ours at once is not asked again at once */
    if (peer->retry_at < node->now + HKP_MESH__BACKOFF_FIRST / 2)
        peer->retry_at = node->now + HKP_MESH__BACKOFF_FIRST / 2;
    struct hkp_mesh_event *fact =
        hkp_mesh__fact(node, HKP_MESH_EVENT_PEER_DOWN, peer->node_id, hkp_htp_reason_name(ev->reason));
    fact->status = ev->result;
    if (ev->result == HKP_E_HTP_IDLE) snprintf(fact->text, sizeof fact->text, "silent");
    if (hkp_mesh__link_best(node, peer) == NULL) hkp_mesh__trust_end(node, peer);
    hkp_mesh__neural_links(node, peer);
    hkp_mesh__rights(node, peer);
}

/* NZ1 22.5: PENDING that the peer does not know is enrolled again. 22.4: else from R to N seldom, and once.
 */
static void fall_back(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    int pending =
        hkp_neuro_owner_info(peer->own, &info) == HKP_OK && info.state == HKP_NEURO_INSTANCE_PENDING;
    if (pending) {
        peer->refused_pending = 1;
        peer->refused_index = info.ck_index;
    }
    if (hkp_mesh__link_best(node, peer) != NULL || (!pending && node->now < peer->fallback_at)) return;
    peer->want_n = 1;
    if (!pending) peer->fallback_at = node->now + HKP_MESH__FALLBACK_EVERY;
}

static void connect_failed(struct hkp_mesh_node *node, const struct hkp_htp_event *ev) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, ev->peer);
    if (peer == NULL || peer->connecting != ev->session) return;
    peer->connecting = 0;
    if (peer->connecting_mode == HKP_HTP_MODE_N) peer->want_n = 0;
    hkp_mesh__hold(node, peer);
    peer->backoff = peer->backoff == 0 ? HKP_MESH__BACKOFF_FIRST : 2 * peer->backoff;
    if (peer->backoff > HKP_MESH__BACKOFF_MOST) peer->backoff = HKP_MESH__BACKOFF_MOST;
    peer->retry_at = node->now + peer->backoff;
    if (ev->result <= HKP_E_HTP_INNER &&
        ev->result >= HKP_E_HTP_DOWNGRADE) { /* it could not show who it is */
        node->refused++;
        peer->refused++;
        hkp_mesh__fact(node, HKP_MESH_EVENT_REFUSED, peer->node_id, hkp_htp_status_name(ev->result))->status =
            ev->result;
    }
    if (ev->result != HKP_E_HTP_REJECTED) return;
    if (ev->value * HKP_MESH__SECOND > peer->backoff)
        peer->retry_at = node->now + ev->value * HKP_MESH__SECOND;
    peer->refused_by++;
    struct hkp_mesh_event *fact =
        hkp_mesh__fact(node, HKP_MESH_EVENT_REFUSED_BY, peer->node_id, hkp_htp_reason_name(ev->reason));
    fact->status = ev->result;
    fact->number = peer->connecting_mode == HKP_HTP_MODE_R;
    if (peer->connecting_mode == HKP_HTP_MODE_R && ev->reason == HKP_HTP_REASON_REFUSED)
        fall_back(node, peer);
}

/* A peer has one stream of COMMIT and two of TER; when it opens another, the oldest is stopped. */
static void stream_in(struct hkp_mesh_node *node, struct hkp_mesh__link *link, const struct hkp_htp_event *ev,
                      uint32_t oldest) {
    if (oldest != HKP_MESH__NO_STREAM)
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, link->session, oldest, HKP_HTP_CODE_DENIED));
    hkp_mesh__drop(hkp_htp_stream_limit(node->htp, link->session, ev->stream, HKP_NEURO_SEND_MAX));
}

static void stream_opened(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                          struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    int both = (ev->flags & HKP_HTP_FLAG_BIDIRECTIONAL) != 0;
    int wanted =
        ev->stream_class == HKP_HTP_STREAM_COMMIT || ev->stream_class == HKP_HTP_STREAM_POLICY ? both : !both;
    if (ev->stream_class == HKP_HTP_STREAM_CONTROL) return;
    if (!wanted) {
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, ev->session, ev->stream, HKP_HTP_CODE_DENIED));
        if (both)
            hkp_mesh__drop(hkp_htp_stream_reset(node->htp, ev->session, ev->stream, HKP_HTP_CODE_DENIED));
        return;
    }
    if (ev->stream_class == HKP_HTP_STREAM_TER) {
        stream_in(node, link, ev, link->ter_in[1]);
        link->ter_in[1] = link->ter_in[0];
        link->ter_in[0] = ev->stream;
    }
    if (ev->stream_class == HKP_HTP_STREAM_COMMIT) {
        stream_in(node, link, ev, link->commit_in);
        link->commit_in = ev->stream;
        hkp_mesh__neural_follow(node, peer, link);
    }
    if (ev->stream_class == HKP_HTP_STREAM_MESH) hkp_mesh__attest_stream(node, link, ev->stream);
    if (ev->stream_class == HKP_HTP_STREAM_POLICY) hkp_mesh__post_stream(node, link, ev->stream);
}

static void stream_gone(struct hkp_mesh_node *node, struct hkp_mesh__link *link,
                        const struct hkp_htp_event *ev) {
    for (int i = 0; i < HKP_DSM_LANES; i++) {
        if (link->lane_in[i] == ev->stream) link->lane_in[i] = HKP_MESH__NO_STREAM;
        if (link->lane_out[i] == ev->stream && ev->type == HKP_HTP_EVENT_STREAM_STOPPED) {
            link->lane_out[i] = HKP_MESH__NO_STREAM;
            link->lane_retry[i] = node->now + HKP_MESH__LANE_RETRY;
        }
    }
    hkp_mesh__attest_gone(link, ev->stream);
    hkp_mesh__post_gone(link, ev->stream);
    if (link->commit_in == ev->stream) link->commit_in = HKP_MESH__NO_STREAM;
    for (int i = 0; i < 2; i++)
        if (link->ter_in[i] == ev->stream) link->ter_in[i] = HKP_MESH__NO_STREAM;
    if (link->back_in == ev->stream) link->back_in = HKP_MESH__NO_STREAM;
    if (link->back_out == ev->stream) link->back_out = HKP_MESH__NO_STREAM;
    if (link->ter_out == ev->stream) link->ter_out = HKP_MESH__NO_STREAM;
    if (link->commit_out == ev->stream) {
        link->commit_stopped = ev->stream; /* the other direction goes on: WANT, CKACK */
        link->commit_out = HKP_MESH__NO_STREAM;
    }
}

/* M-TI-7: an address on which this node itself reached a member is not blocked. */
static void note_address(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer, uint64_t session) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    struct hkp_htp_session_info s = {.struct_size = sizeof s};
    if (hkp_htp_session_info(node->htp, session, &s) != HKP_OK) return;
    int v4 = memcmp(s.path.addr, mapped, sizeof mapped) == 0;
    hkp_mesh_intel_member_seen(node->intel, node->wall_us / 1000000, peer->node_id,
                               v4 ? HKP_MESH_IOC_IP4 : HKP_MESH_IOC_IP6, v4 ? s.path.addr + 12 : s.path.addr,
                               v4 ? 4 : 16);
}

static void link_event(struct hkp_mesh_node *node, const struct hkp_htp_event *ev) {
    struct hkp_mesh__peer *peer = NULL;
    struct hkp_mesh__link *link = link_find(node, ev->session, &peer);
    if (link == NULL) return;
    switch (ev->type) {
    case HKP_HTP_EVENT_STREAM:
        stream_opened(node, peer, link, ev);
        break;
    case HKP_HTP_EVENT_MESSAGE:
        if (ev->stream_class == HKP_HTP_STREAM_DSM)
            hkp_mesh__dsm_message(node, peer, link, ev);
        else if (ev->stream_class == HKP_HTP_STREAM_MESH)
            hkp_mesh__attest_message(node, peer, link, ev);
        else if (ev->stream_class == HKP_HTP_STREAM_POLICY)
            hkp_mesh__post_message(node, peer, link, ev);
        else
            hkp_mesh__neural_message(node, peer, link, ev);
        break;
    case HKP_HTP_EVENT_FIN:
    case HKP_HTP_EVENT_STREAM_RESET:
    case HKP_HTP_EVENT_STREAM_STOPPED:
        stream_gone(node, link, ev);
        if (ev->stream_class == HKP_HTP_STREAM_DSM && node->started)
            tell_dsm(node, peer, hkp_mesh__link_best(node, peer));
        break;
    case HKP_HTP_EVENT_GOOD_HEARTBEAT: /* of one session, however many the peer opens */
        if (link != hkp_mesh__link_best(node, peer)) break;
        hkp_mesh__trust_update(node, peer, 1);
        tell_loss(node, peer, link);
        break;
    case HKP_HTP_EVENT_REKEYED:
        if (link->role == HKP_HTP_ROLE_E) peer->naming = 0;
        hkp_mesh__hold(node, peer);
        break;
    case HKP_HTP_EVENT_CLOCK:
        tell_clock(node, peer, (uint32_t)ev->value);
        break;
    case HKP_HTP_EVENT_ALARM:
        hkp_mesh__trust_contradiction(node, peer, 0);
        break;
    default:
        break; /* WRITABLE, OBSERVED, TRUST, DELIVERED: the next pump does what is due */
    }
}

void hkp_mesh__session_events(struct hkp_mesh_node *node) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    while (hkp_mesh__dsm_ready(node) && hkp_htp_event(node->htp, &ev) == HKP_OK &&
           ev.type != HKP_HTP_EVENT_NONE) {
        switch (ev.type) {
        case HKP_HTP_EVENT_UP:
            session_up(node, &ev);
            break;
        case HKP_HTP_EVENT_DOWN:
            session_down(node, &ev);
            break;
        case HKP_HTP_EVENT_FAILED:
            connect_failed(node, &ev);
            break;
        default:
            link_event(node, &ev);
            break;
        }
        ev.struct_size = sizeof ev;
    }
}

/* ---- When to open which ---- */

static int has_link(const struct hkp_mesh__peer *peer, uint8_t mode, uint8_t role) {
    for (int i = 0; i < HKP_MESH__LINKS; i++)
        if (peer->links[i].session != 0 && peer->links[i].mode == mode && !peer->links[i].closing &&
            (role == 0 || peer->links[i].role == role))
            return 1;
    return 0;
}

/* 1: a session of ours names the commit that our instance has now; one from before a fresh ENROL does not. */
static int is_proving(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info own = {.struct_size = sizeof own};
    if (hkp_neuro_owner_info(peer->own, &own) != HKP_OK) return 0;
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        const struct hkp_mesh__link *l = &peer->links[i];
        struct hkp_htp_session_info s = {.struct_size = sizeof s};
        if (l->session == 0 || l->closing || l->mode != HKP_HTP_MODE_R || l->role != HKP_HTP_ROLE_E) continue;
        if (hkp_htp_session_info(node->htp, l->session, &s) == HKP_OK && s.ck_index == own.ck_index) return 1;
    }
    return 0;
}

static int has_enrolling(const struct hkp_mesh__peer *peer) {
    for (int i = 0; i < HKP_MESH__LINKS; i++)
        if (hkp_mesh__enrol_may(&peer->links[i])) return 1;
    return 0;
}

/* The mode of the session that we should open now; -1: none. */
static int wanted_mode(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    uint32_t own = hkp_mesh__own_state(peer);
    int any = hkp_mesh__link_best(node, peer) != NULL;
    if (peer->want_n) return any ? -1 : HKP_HTP_MODE_N;
    switch (own) {
    case HKP_NEURO_INSTANCE_PENDING: /* proven by a session of our own only */
        return is_proving(node, peer) ? -1 : HKP_HTP_MODE_R;
    case HKP_NEURO_INSTANCE_STALE:
        /* our own certificate makes us fresh (22.4): ENROL needs a session that both show theirs in */
        if (hkp_mesh__enrol_wanting(node, peer) && !has_enrolling(peer)) return HKP_HTP_MODE_N;
        return has_link(peer, HKP_HTP_MODE_R, peer->proved ? 0 : HKP_HTP_ROLE_E) ? -1 : HKP_HTP_MODE_R;
    case HKP_NEURO_INSTANCE_ACTIVE: /* the peer may have died before it stored that ours was proven */
        return has_link(peer, HKP_HTP_MODE_R, peer->proved ? 0 : HKP_HTP_ROLE_E) ? -1 : HKP_HTP_MODE_R;
    default: /* none or LOST: first contact, or signed consensus only (HTP-3.9 cases 2 to 4) */
        if (any || !node->tck_before_known) return -1;
        return HKP_HTP_MODE_N;
    }
}

static void connect_peer(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, int mode) {
    uint8_t rekeying = peer->naming;
    hkp_status st = hkp_htp_connect(node->htp, node->now, node->wall_us, &peer->path, peer->node_id, peer->s,
                                    peer->known ? peer->a : NULL, (uint32_t)mode, &peer->connecting);
    if (st == HKP_OK) {
        peer->connecting_mode = (uint8_t)mode;
        peer->naming = rekeying;
        hkp_mesh__hold(node, peer); /* NZ1 17 */
        return;
    }
    peer->connecting = 0;
    peer->naming = rekeying;
    peer->retry_at = node->now + HKP_MESH__BACKOFF_FIRST;
}

/* ACCEPT is an answer to ATTEST only; what is heard after it shows that the session stands at both ends. */
static void note_proved(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    for (int i = 0; i < HKP_MESH__LINKS && !peer->proved; i++) {
        const struct hkp_mesh__link *l = &peer->links[i];
        struct hkp_htp_session_info s = {.struct_size = sizeof s};
        if (l->session == 0 || l->mode != HKP_HTP_MODE_R || l->role != HKP_HTP_ROLE_E) continue;
        peer->proved = hkp_htp_session_info(node->htp, l->session, &s) == HKP_OK && s.last_heard > l->since;
    }
}

/* The holder answers PROPOSE only once our instance was proven to it. */
static void note_unanswered(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    const struct hkp_mesh__link *best = hkp_mesh__link_best(node, peer);
    struct hkp_neuro_instance_info info = {.struct_size = sizeof info};
    if (best == NULL || best->mode != HKP_HTP_MODE_R || hkp_neuro_owner_info(peer->own, &info) != HKP_OK)
        info.proposed_index = 0;
    if (info.proposed_index != peer->asked_index) {
        peer->asked_index = info.proposed_index;
        peer->asked_at = node->now;
    } else if (info.proposed_index != 0 && node->now >= peer->asked_at + HKP_MESH__UNANSWERED) {
        peer->proved = 0;
        peer->asked_at = node->now + HKP_MESH__FALLBACK_EVERY;
    }
}

/* Sessions that we opened and that a better one of the pair has replaced, once nothing is enrolled in them.
 */
static void close_replaced(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    const struct hkp_mesh__link *best = hkp_mesh__link_best(node, peer);
    if (best == NULL || best->mode != HKP_HTP_MODE_R || node->now < best->since + HKP_MESH__REPLACE_AFTER)
        return;
    int enrolling =
        hkp_mesh__enrol_wanting(node, peer) || hkp_mesh__held_state(peer) == HKP_NEURO_INSTANCE_NONE;
    for (int i = 0; i < HKP_MESH__LINKS; i++) {
        struct hkp_mesh__link *l = &peer->links[i];
        if (l->session == 0 || l == best || l->role != HKP_HTP_ROLE_E || l->closing) continue;
        if (l->mode == HKP_HTP_MODE_N ? enrolling : !peer->proved) continue;
        hkp_mesh__link_close(node, l, HKP_HTP_REASON_REPLACED);
    }
}

void hkp_mesh__session_tick(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        note_proved(node, peer);
        note_unanswered(node, peer);
        close_replaced(node, peer);
        if (peer->connecting != 0 || node->now < peer->retry_at) continue;
        int mode = wanted_mode(node, peer);
        if (mode < 0) continue;
        /* The lower node_id goes first at a first contact, so that two do not enrol in two sessions. */
        if (mode == HKP_HTP_MODE_N && !lower(node, peer) && peer->backoff == 0) {
            peer->backoff = HKP_MESH__BACKOFF_FIRST;
            peer->retry_at = node->now + 3 * HKP_MESH__SECOND;
            continue;
        }
        connect_peer(node, peer, mode);
    }
}

hkp_time hkp_mesh__session_wake(const struct hkp_mesh_node *node) {
    hkp_time wake = HKP_TIME_NEVER;
    for (uint32_t p = 0; p < node->n_peers; p++) {
        const struct hkp_mesh__peer *peer = &node->peers[p];
        if (peer->connecting == 0 && peer->retry_at > node->now && peer->retry_at < wake)
            wake = peer->retry_at;
        for (int i = 0; i < HKP_MESH__LINKS; i++)
            for (int k = 0; peer->links[i].session != 0 && k < HKP_DSM_LANES; k++)
                if (peer->links[i].lane_retry[k] > node->now && peer->links[i].lane_retry[k] < wake)
                    wake = peer->links[i].lane_retry[k];
    }
    return wake;
}
