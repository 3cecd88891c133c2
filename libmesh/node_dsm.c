/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Lanes of class DSM over sessions (D-GSP-18, -19), and what libdsm reports. */
#include "libmesh/node.h"

#include <stdio.h>
#include <string.h>

/* D-GSP-20: longest message of each lane. */
static const uint32_t lane_max[HKP_DSM_LANES] = {2097152, 2097152, 32768, 1048576, 1048576};

/* D-QC-3: the secret of the BLS key in the certificate. Without it, or without blst, the node shows no shares
 * and does all the rest. */
static void use_bls(struct hkp_mesh_node *node) {
    struct hkp_dsm_certificate c;
    uint8_t secret[32], key[48];
    if (hkp_dsm_certificate_parse(node->opt.certificate, node->opt.certificate_len, &c) != HKP_OK ||
        c.bls_key.len == 0)
        return;
    if (hkp_dsm_bls_of_node(node->a_secret, secret, key) == HKP_OK && memcmp(key, c.bls_key.ptr, 48) == 0)
        hkp_mesh__drop(hkp_dsm_bls_use(node->dsm, secret));
    hkp_ter_wipe(secret, sizeof secret);
}

hkp_status hkp_mesh__dsm_new(struct hkp_mesh_node *node) {
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    o.mem = node->mem;
    o.rng = node->opt.rng;
    o.genesis = node->opt.genesis;
    o.genesis_len = node->opt.genesis_len;
    o.certificate = node->opt.certificate;
    o.certificate_len = node->opt.certificate_len;
    o.secret = node->a_secret;
    o.host = node->opt.host;
    o.build_s = node->opt.build_s;
    memcpy(o.boundary, node->opt.boundary, 32);
    o.t_cp_ns = node->opt.checkpoint_ns; /* HKP_TIME_NEVER is HKP_DSM_T_CP_NONE */
    o.delay_ns = node->opt.delay_ns;
    const hkp_status st = hkp_dsm_node_new(&node->dsm, &o, node->now);
    if (st == HKP_OK) use_bls(node);
    return st;
}

/* ---- In ---- */

void hkp_mesh__dsm_broken(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer) {
    static const uint8_t nothing[1];
    hkp_mesh__drop(
        hkp_dsm_recv(node->dsm, node->now, node->wall_us, peer->node_id, HKP_DSM_LANES, nothing, 0));
}

/* D-GSP-19: the first message is the lane, one byte. */
static void lane_opens(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                       struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    uint8_t lane = ev->len == 1 ? ev->data[0] : 0xFF;
    if (lane >= HKP_DSM_LANES || link->lane_in[lane] != HKP_MESH__NO_STREAM) {
        hkp_mesh__dsm_broken(node, peer);
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, ev->session, ev->stream, HKP_HTP_CODE_DENIED));
        return;
    }
    link->lane_in[lane] = ev->stream;
    hkp_mesh__drop(hkp_htp_stream_limit(node->htp, ev->session, ev->stream, lane_max[lane]));
}

void hkp_mesh__dsm_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                           struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    uint32_t lane = 0;
    while (lane < HKP_DSM_LANES && link->lane_in[lane] != ev->stream) lane++;
    if (lane == HKP_DSM_LANES) {
        lane_opens(node, peer, link, ev);
        return;
    }
    if (!hkp_mesh__may_lane(node, peer, link, lane)) { /* of another session, or no longer */
        link->lane_in[lane] = HKP_MESH__NO_STREAM;
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, ev->session, ev->stream, HKP_HTP_CODE_DENIED));
        return;
    }
    if (!peer->dsm_up) return; /* still loading: the peer's retransmissions come again (R9) */
    if (hkp_dsm_recv(node->dsm, node->now, node->wall_us, peer->node_id, lane, ev->data, ev->len) !=
        HKP_E_LIMIT)
        return;
    hkp_mesh__stuck_keep(node, &node->waiting, lane, ev->data, ev->len);
    node->waiting_of = (uint32_t)(peer - node->peers);
}

int hkp_mesh__dsm_ready(struct hkp_mesh_node *node) {
    struct hkp_mesh__stuck *w = &node->waiting;
    if (w->bytes == NULL) return 1;
    if (hkp_dsm_recv(node->dsm, node->now, node->wall_us, node->peers[node->waiting_of].node_id, w->kind,
                     w->bytes, w->len) == HKP_E_LIMIT)
        return 0;
    hkp_mesh__stuck_free(node, w);
    return 1;
}

/* ---- Out ---- */

/* The stream of a lane, opened when first needed. */
static hkp_status lane_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t lane,
                              uint32_t *stream) {
    if (link->lane_out[lane] == HKP_MESH__NO_STREAM) {
        uint8_t opening = (uint8_t)lane;
        uint32_t s;
        if (node->now < link->lane_retry[lane]) return HKP_E_LIMIT;
        hkp_status st = hkp_htp_stream_open(node->htp, link->session, HKP_HTP_STREAM_DSM, 0, lane, &s);
        if (st == HKP_OK) st = hkp_htp_stream_send(node->htp, link->session, s, &opening, 1, 0);
        if (st != HKP_OK) return st;
        link->lane_out[lane] = s;
    }
    *stream = link->lane_out[lane];
    return HKP_OK;
}

/* HKP_E_LIMIT: the stream takes no more now. */
static hkp_status lane_send(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t lane,
                            const uint8_t *msg, size_t len) {
    uint32_t stream;
    hkp_status st = lane_stream(node, link, lane, &stream);
    return st == HKP_OK ? hkp_htp_stream_send(node->htp, link->session, stream, msg, len, 0) : st;
}

static void pump_peer(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer) {
    struct hkp_mesh__link *link = hkp_mesh__link_best(node, peer);
    if (link == NULL || !peer->dsm_up) return;
    uint32_t skip = 0;
    for (uint32_t lane = 0; lane < HKP_DSM_LANES; lane++)
        if (link->lane_out[lane] == HKP_MESH__NO_STREAM && node->now < link->lane_retry[lane])
            skip |= 1U << lane;
    struct hkp_mesh__stuck *stuck = &peer->stuck_dsm;
    if (stuck->bytes != NULL) {
        if ((skip >> stuck->kind & 1) == 0 &&
            lane_send(node, link, stuck->kind, stuck->bytes, stuck->len) == HKP_E_LIMIT)
            return;
        hkp_mesh__stuck_free(node, stuck);
    }
    uint32_t lane;
    const uint8_t *msg;
    size_t len;
    while (hkp_dsm_send_to(node->dsm, peer->node_id, skip, &lane, &msg, &len) == HKP_OK) {
        if (lane_send(node, link, lane, msg, len) != HKP_E_LIMIT) continue;
        hkp_mesh__stuck_keep(node, stuck, lane, msg, len);
        return;
    }
}

void hkp_mesh__dsm_pump(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; p < node->n_peers; p++) pump_peer(node, &node->peers[p]);
}

/* ---- What libdsm reports ---- */

static uint32_t group_of(struct hkp_mesh_node *node, const uint8_t node_id[16]) {
    struct hkp_dsm_member m = {.struct_size = sizeof m};
    return hkp_dsm_node_member(node->dsm, node_id, &m) == HKP_OK ? m.group : 0;
}

/* D-BLK-3: the payload of a THREAT_REPORT is an array of 1..64 records. */
static void block_threats(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_mesh_origin origin = {.seq = ev->seq, .time_s = ev->time_us / 1000000, .height = ev->height};
    memcpy(origin.author, ev->node_id, 16);
    memcpy(origin.block, ev->id, 32);
    origin.group = group_of(node, ev->node_id);
    if (ev->data == NULL || origin.group == 0 || hkp_dsm_cbor_read(&r, ev->data, ev->data_len) != HKP_OK)
        return;
    size_t n = hkp_dsm_cbor_array(&r, 1, 64);
    for (size_t i = 0; i < n; i++) {
        struct hkp_mesh_added added = {.struct_size = sizeof added};
        size_t len = 0;
        const uint8_t *record = hkp_dsm_cbor_skip(&r, &len);
        if (record == NULL) return;
        origin.position = (uint32_t)i;
        if (hkp_mesh_intel_add(node->intel, node->wall_us / 1000000, &origin, record, len, &added) != HKP_OK)
            continue;
        if (added.result != HKP_MESH_ADDED_NEW && added.level_before == added.level_after) continue;
        struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_THREAT, ev->node_id, "");
        memcpy(fact->ioc_key, added.ioc_key, 16);
        fact->number = added.level_before;
        fact->to = added.level_after;
    }
}

/* D-BLK-1: only the holder that a block names can judge its neural claims; they never decide about the block.
 */
static void check_claims(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    struct hkp_mesh__peer *author = hkp_mesh__peer_find(node, ev->node_id);
    const struct hkp_dsm_claims *c = ev->claims;
    if (author == NULL || c == NULL || !c->has_commit || memcmp(c->holder, node->node_id, 16) != 0) return;
    node->claims_checked++;
    if (hkp_mesh__claims_hold(node, author, ev->seq, c) || hkp_mesh__claims_late(author, ev->time_us)) return;
    hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, author->node_id,
                   "a block claims a neural state that was not agreed")
        ->number = ev->seq;
    hkp_mesh__trust_false_claim(node, author);
}

static void block_event(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    if (ev->kind == HKP_DSM_EV_BLOCK_FINAL) {
        hkp_mesh_intel_finalised(node->intel, ev->node_id, ev->seq, ev->height);
        return;
    }
    if (ev->type == HKP_DSM_EVENT_THREAT_REPORT) block_threats(node, ev);
    if (ev->type == HKP_DSM_EVENT_AUDIT && ev->data != NULL)
        hkp_mesh__audit_heard(node, ev->data, ev->data_len);
    if ((ev->type == HKP_DSM_EVENT_POLICY || ev->type == HKP_DSM_EVENT_WORKLOAD) && ev->data != NULL)
        hkp_mesh__work_block(node, ev->data, ev->data_len);
    check_claims(node, ev);
    if (memcmp(ev->node_id, node->node_id, 16) == 0)
        hkp_mesh__fact(node, HKP_MESH_EVENT_PUBLISHED, ev->node_id, "")->number = ev->seq;
}

static void proof_event(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev,
                        struct hkp_mesh_event *out) {
    hkp_status st = ev->status;
    int asked = 0;
    for (int i = 0; i < HKP_MESH__PROOFS; i++) {
        if (node->proofs[i].ticket != ev->ticket) continue;
        node->proofs[i].ticket = 0;
        asked = 1;
        if (st != HKP_OK) break;
        /* Nobody is shown a proof that this node has not checked itself. */
        struct hkp_dsm_proof proof;
        st = hkp_dsm_node_verify(node->dsm, ev->data, ev->data_len, &proof);
        if (st == HKP_OK && node->proofs[i].asked == HKP_MESH__PROOF_OF_BLOCK &&
            (!proof.has_author || memcmp(proof.author, node->proofs[i].origin.author, 16) != 0 ||
             proof.seq != node->proofs[i].origin.seq))
            st = HKP_E_DSM_PROOF; /* D-SYN-4: taken only if it is what was asked; libdsm judges what peers say
                                   */
        if (st != HKP_OK) break;
        out->number = proof.height;
        out->to = proof.signers;
        break;
    }
    if (!asked) st = HKP_E_DSM_PROOF;
    out->kind = HKP_MESH_EVENT_PROOF;
    out->ticket = ev->ticket;
    out->status = st;
    out->data = st == HKP_OK ? ev->data : NULL;
    out->data_len = st == HKP_OK ? ev->data_len : 0;
}

static void set_path(struct hkp_mesh__peer *peer, const struct hkp_dsm_address *a) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (a->ip_len == 4) memcpy(peer->path.addr, mapped, sizeof mapped);
    memcpy(peer->path.addr + (a->ip_len == 4 ? 12 : 0), a->ip, a->ip_len);
    peer->path.port = (uint16_t)a->port;
    peer->path.scope = 0;
}

/*
 * libdsm wants a neighbour. Only members of the list are known well enough for a session; they are connected
 * anyway, so what is new is where: after a failure each address of the signed record is tried in turn.
 */
static void want_neighbour(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, ev->node_id);
    struct hkp_dsm_peer_record r;
    uint8_t node_id[16];
    memcpy(node_id, ev->node_id, 16);
    if (peer == NULL || hkp_dsm_peer_record_parse(ev->data, ev->data_len, &r) != HKP_OK) {
        hkp_mesh__drop(hkp_dsm_gossip_failed(node->dsm, node->now, node_id));
        return;
    }
    if (peer->connecting != 0 || hkp_mesh__link_best(node, peer) != NULL || peer->backoff == 0) return;
    const struct hkp_dsm_address *a = &r.addresses[peer->address_turn++ % r.n_addresses];
    if (a->transport == HKP_DSM_TRANSPORT_UDP) set_path(peer, a);
}

/* It does not answer: a new session shows whether it is there. What libdsm needs no more, neural states do.
 */
static void close_neighbour(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, ev->node_id);
    struct hkp_mesh__link *link = peer != NULL ? hkp_mesh__link_best(node, peer) : NULL;
    if (link == NULL) return;
    hkp_mesh__link_close(node, link, HKP_HTP_REASON_SHUTDOWN);
    hkp_mesh__rights(node, peer);
}

static void started(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    node->started = 1;
    if (node->n_addresses > 0)
        hkp_mesh__drop(hkp_dsm_gossip_addresses(node->dsm, node->now, node->wall_us, node->addresses,
                                                node->n_addresses, 0));
    hkp_mesh__fact(node, HKP_MESH_EVENT_STARTED, NULL, "")->number = ev->height;
    struct hkp_dsm_node_status st = {.struct_size = sizeof st};
    if (hkp_dsm_node_status(node->dsm, &st) == HKP_OK) hkp_mesh_intel_set_faults(node->intel, st.faulty_max);
    for (uint32_t p = 0; p < node->n_peers; p++) {
        struct hkp_mesh__peer *peer = &node->peers[p];
        struct hkp_dsm_member m = {.struct_size = sizeof m};
        if (peer->known)
            hkp_mesh__drop(hkp_dsm_node_add_certificate(node->dsm, node->now, node->wall_us,
                                                        peer->certificate, peer->certificate_len));
        peer->seated = hkp_dsm_node_member(node->dsm, peer->node_id, &m) == HKP_OK && m.seat != 0xFFFFFFFFU;
    }
    hkp_mesh__revocations(node);
}

static void damaged(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    char key[33] = "", text[96];
    for (size_t i = 0; i < ev->key_len && i < 16; i++) snprintf(key + 2 * i, 3, "%02x", ev->key[i]);
    snprintf(text, sizeof text, "stored row %u, key %s: %s", ev->row, key, hkp_dsm_status_name(ev->status));
    hkp_mesh__fact(node, HKP_MESH_EVENT_DAMAGED, NULL, text)->status = ev->status;
    node->life = 2;
}

static void convicted_event(const struct hkp_dsm_event *ev, struct hkp_mesh_event *out) {
    out->kind = HKP_MESH_EVENT_CONVICTED;
    memcpy(out->node_id, ev->node_id, 16);
    out->number = ev->height;
    out->to = ev->epoch;
    out->data = ev->data;
    out->data_len = ev->data_len;
}

/* The evidence is two links: one is stored, the host shows the digests. */
static void differ_event(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    char text[112];
    snprintf(text, sizeof text, "ALARM: it and others tell two boundaries of epoch %llu: no epoch is joined",
             (unsigned long long)ev->epoch);
    hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, ev->node_id, text);
}

/* A seat more or less: other lanes for that peer, other numbers for all. */
static void seat_event(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    static const char *const why[] = {"by a RESTART", "by evidence", "retired", "it left", "it joined"};
    struct hkp_dsm_node_status st = {.struct_size = sizeof st};
    struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, ev->node_id);
    if (hkp_dsm_node_status(node->dsm, &st) == HKP_OK) hkp_mesh_intel_set_faults(node->intel, st.faulty_max);
    if (peer != NULL) peer->seated = ev->count != 0;
    hkp_mesh__revocations(node);
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_SEAT, ev->node_id, "");
    snprintf(fact->text, sizeof fact->text, "%s", ev->type < 5 ? why[ev->type] : "");
    fact->number = ev->epoch;
    fact->to = ev->count;
}

/* What a session may depends on the list, too. */
static void lists_event(struct hkp_mesh_node *node, const struct hkp_dsm_event *ev) {
    hkp_mesh__revocations(node);
    struct hkp_mesh_event *fact = hkp_mesh__fact(
        node, HKP_MESH_EVENT_LISTS, NULL,
        ev->type == HKP_DSM_LISTS_LOST
            ? "revocation list older than 7 days: new sessions fetch a current one and little else"
        : ev->type == HKP_DSM_LISTS_OLD ? "a new revocation list is due: new sessions have no role above EDGE"
                                        : "the revocation list is current again");
    fact->number = ev->type;
    fact->to = ev->seq;
}

int hkp_mesh__dsm_event(struct hkp_mesh_node *node, struct hkp_mesh_event *out) {
    static struct hkp_dsm_event const none = {0};
    struct hkp_dsm_event *ev = &node->dsm_event;
    *ev = none;
    while (hkp_dsm_event(node->dsm, ev) == HKP_OK) {
        if (ev->kind <= HKP_DSM_EV_STORE_DROP) {
            out->kind = HKP_MESH_EVENT_STORE_DSM;
            out->ticket = ev->ticket;
            out->dsm = ev;
            return 1;
        }
        switch (ev->kind) {
        case HKP_DSM_EV_STARTED:
            started(node, ev);
            break;
        case HKP_DSM_EV_DAMAGED:
            damaged(node, ev);
            break;
        case HKP_DSM_EV_BLOCK:
        case HKP_DSM_EV_BLOCK_FINAL:
            block_event(node, ev);
            break;
        case HKP_DSM_EV_CHECKPOINT: {
            struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_FINAL, NULL, "");
            fact->number = ev->height;
            fact->to = ev->count;
            break;
        }
        case HKP_DSM_EV_AUTHOR_FORKED:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, ev->node_id,
                           "author signed two blocks of one number");
            break;
        case HKP_DSM_EV_AUTHOR_FROZEN:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, ev->node_id, "author frozen by the chain");
            break;
        case HKP_DSM_EV_EQUIVOCATED:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, ev->node_id, "member broke a promise of consensus");
            break;
        case HKP_DSM_EV_LOST:
        case HKP_DSM_EV_HEALED: {
            char text[96];
            snprintf(text, sizeof text, "a stored row of kind %u %s", ev->row,
                     ev->kind == HKP_DSM_EV_HEALED ? "is whole again"
                     : ev->status == HKP_OK        ? "was damaged and is dropped"
                                                   : "that is lost was found nowhere and is given up");
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, node->node_id, text);
            break;
        }
        case HKP_DSM_EV_OBJECT:
            if (ev->type == HKP_DSM_KIND_AUDIT_HEAD)
                hkp_mesh__audit_heard(node, ev->data, ev->data_len);
            else if (ev->type == HKP_DSM_KIND_TELEMETRY)
                hkp_mesh__telemetry_heard(node, ev->data, ev->data_len);
            else
                hkp_mesh__work_heard(node, ev->data, ev->data_len);
            break;
        case HKP_DSM_EV_EVIDENCE:
            if (ev->type == 6)
                hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, NULL,
                               "officers signed two objects of one number: replace them");
            break;
        case HKP_DSM_EV_OBSERVER:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, node->node_id,
                           "own promises are missing from the log of consensus: observing only");
            break;
        case HKP_DSM_EV_OUTDATED:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, node->node_id,
                           "the mesh uses a version that this build does not know: observing only");
            break;
        case HKP_DSM_EV_BOUNDARY_NEEDED:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, node->node_id,
                           "newest boundary older than 14 days: none is followed until the configuration "
                           "names a recent one");
            break;
        case HKP_DSM_EV_SET_DIFFERS:
            hkp_mesh__fact(
                node, HKP_MESH_EVENT_EVIDENCE, node->node_id,
                "the members name another set for the next epoch than the own account of joins and "
                "leaves: it is taken from them")
                ->number = ev->epoch;
            break;
        case HKP_DSM_EV_BOUNDARIES_DIFFER:
            differ_event(node, ev);
            break;
        case HKP_DSM_EV_OFFICERS:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, NULL,
                           "the chain holds evidence against officers: replace them");
            break;
        case HKP_DSM_EV_RETIRED:
            hkp_mesh__fact(node, HKP_MESH_EVENT_EVIDENCE, ev->node_id, "retired by the chain");
            break;
        case HKP_DSM_EV_TOMBSTONE: { /* M-TI-9 */
            uint32_t removed = 0;
            hkp_mesh_intel_revoke(node->intel, node->wall_us / 1000000, NULL, ev->id, &removed);
            break;
        }
        case HKP_DSM_EV_REVOCATIONS:
            hkp_mesh__revocations(node);
            break;
        case HKP_DSM_EV_LISTS:
            lists_event(node, ev);
            break;
        case HKP_DSM_EV_PROOF:
            proof_event(node, ev, out);
            return 1;
        case HKP_DSM_EV_REVOKE:
            convicted_event(ev, out);
            return 1;
        case HKP_DSM_EV_RESTART: {
            struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_RESTART, NULL, "");
            fact->status = ev->status;
            fact->number = ev->epoch;
            fact->to = ev->height;
            break;
        }
        case HKP_DSM_EV_SEAT:
            seat_event(node, ev);
            break;
        case HKP_DSM_EV_CONNECT:
            want_neighbour(node, ev);
            break;
        case HKP_DSM_EV_CLOSE:
            if (ev->status != HKP_OK) close_neighbour(node, ev);
            break;
        case HKP_DSM_EV_PEER_BAD:
            close_neighbour(node, ev);
            break;
        default:
            break;
        }
    }
    return 0;
}
