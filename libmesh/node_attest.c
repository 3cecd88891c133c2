/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Challenge and response with attestation inside a session (D-AUTH, M-SVC-4). A node whose policy demands it
 * asks each peer once the session may carry more than signed consensus and enrolment; until the right answer
 * came it carries no more than that (decision 0542). Both go as mesh packets of class MESH: CONTROL
 * `[7, challenge]` and `[8, AUTH envelope]`.
 */
#include "libmesh/node.h"
#include "libmesh/packet.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { OP_CHALLENGE = 7, OP_RESPONSE = 8, PAYLOAD_MAX = HKP_DSM_AUTH_MAX + 16 };

/** An answer that did not come, or was wrong, is asked for again after this. */
#define ASK_AGAIN (60 * HKP_MESH__SECOND)
/** Challenges of one session are answered no more often. */
#define ANSWER_EVERY (5 * HKP_MESH__SECOND)

/* ---- who a peer is ---- */

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    struct hkp_mesh_node *node = user;
    const struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    struct hkp_dsm_multi m;
    if (peer == NULL || !peer->known) return HKP_E_NOTFOUND;
    hkp_status st = hkp_dsm_multi_parse(peer->certificate, peer->certificate_len, &m);
    if (st == HKP_OK)
        st = hkp_dsm_certificate_parse(peer->certificate, peer->certificate_len, &out->certificate);
    if (st != HKP_OK) return HKP_E_NOTFOUND;
    hkp_dsm_object_id(out->id, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    return HKP_OK;
}

static uint64_t revoked(void *user, const uint8_t node_id[16]) {
    const struct hkp_mesh_node *node = user;
    return hkp_dsm_node_revoked(node->dsm, node_id);
}

hkp_status hkp_mesh__attest_new(struct hkp_mesh_node *node) {
    const struct hkp_dsm_directory directory = {.user = node, .find = find, .revoked = revoked};
    struct hkp_dsm_challenger_options o;
    if (node->opt.attest == HKP_DSM_EVIDENCE_NONE) return HKP_OK;
    hkp_dsm_challenger_options_init(&o, sizeof o);
    o.challenges_max = HKP_MESH__PEERS_MAX * HKP_MESH__LINKS;
    o.mem = node->mem;
    o.rng = node->opt.rng;
    o.chain_id = node->chain_id;
    o.directory = &directory;
    return hkp_dsm_challenger_new(&node->challenger, &o);
}

int hkp_mesh__attest_lacks(const struct hkp_mesh_node *node, const struct hkp_mesh__link *link) {
    return node->challenger != NULL && link->attest.ok == 0;
}

/* ---- packets ---- */

static hkp_status send(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint64_t op,
                       const uint8_t *bytes, size_t len) {
    uint8_t payload[PAYLOAD_MAX], packet[PAYLOAD_MAX + HKP_MESH__PACKET_HEADER];
    struct hkp_dsm_cbor_writer w = {.out = payload, .cap = sizeof payload};
    hkp_dsm_cbor_put_array(&w, 2);
    hkp_dsm_cbor_put_uint(&w, op);
    hkp_dsm_cbor_put_bytes(&w, bytes, len);
    if (w.status != HKP_OK) return w.status;
    struct hkp_mesh__attest *a = &link->attest;
    const uint64_t time_us = node->wall_us > a->sent_us ? node->wall_us : a->sent_us + 1;
    const struct hkp_mesh__packet p = {.type = HKP_MESH__TYPE_CONTROL_CMD,
                                       .flags = HKP_MESH__FLAG_RELIABLE,
                                       .sequence = a->sequence,
                                       .timestamp_us = time_us,
                                       .payload = payload,
                                       .payload_len = w.len};
    size_t packet_len = 0;
    hkp_status st = hkp_mesh__packet_encode(&p, packet, sizeof packet, &packet_len);
    if (st == HKP_OK && a->out == HKP_MESH__NO_STREAM)
        st = hkp_htp_stream_open(node->htp, link->session, HKP_HTP_STREAM_MESH, 0, 2, &a->out);
    if (st == HKP_OK) st = hkp_htp_stream_send(node->htp, link->session, a->out, packet, packet_len, 0);
    if (st != HKP_OK) return st;
    a->sequence++;
    a->sent_us = time_us;
    return HKP_OK;
}

static hkp_status binding_of(struct hkp_mesh_node *node, const struct hkp_mesh__link *link,
                             const uint8_t nonce[32], uint8_t binding[32]) {
    static const uint8_t label[] = {'H', 'K', 'P', '1', ' ', 'a', 'u', 't', 'h'};
    return hkp_htp_session_export(node->htp, link->session, 0, label, sizeof label, nonce, 32, binding, 32);
}

/* ---- asked ---- */

static void answer(struct hkp_mesh_node *node, struct hkp_mesh__link *link, const uint8_t *in, size_t len) {
    struct hkp_dsm_challenge q;
    struct hkp_dsm_auth a = {.time_us = node->wall_us, .evidence = HKP_DSM_EVIDENCE_SOFTWARE};
    struct hkp_dsm_multi m;
    uint8_t body[HKP_DSM_AUTH_MAX], envelope[HKP_DSM_AUTH_MAX];
    size_t body_len = 0, envelope_len = 0;
    if (node->now < link->attest.answer_at || hkp_dsm_challenge_parse(in, len, &q) != HKP_OK) return;
    link->attest.answer_at = node->now + ANSWER_EVERY;
    memcpy(a.nonce, q.nonce, 32);
    memcpy(a.h_t, node->cursor.h, 32);
    a.ter_index = node->cursor.index;
    memcpy(a.integrity_root, node->newest_root, 32);
    memcpy(a.boot_id, node->boot_id, 16);
    hkp_status st = hkp_dsm_multi_parse(node->own_cert_bytes, node->opt.certificate_len, &m);
    if (st != HKP_OK) return;
    hkp_dsm_object_id(a.certificate, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    st = binding_of(node, link, q.nonce, a.binding);
    if (st == HKP_OK) st = hkp_dsm_auth_build(&a, body, sizeof body, &body_len);
    if (st == HKP_OK)
        st = hkp_dsm_envelope_sign(node->chain_id, HKP_DSM_KIND_AUTH, node->node_id, node->a_secret, body,
                                   body_len, envelope, sizeof envelope, &envelope_len);
    if (st == HKP_OK) hkp_mesh__drop(send(node, link, OP_RESPONSE, envelope, envelope_len));
}

/* ---- asking ---- */

/* Records of the peer that are here: it has at least those (NZ1 5). */
static uint64_t held_of(const struct hkp_mesh__peer *peer) {
    struct hkp_neuro_instance_info held = {.struct_size = sizeof held};
    if (hkp_neuro_holder_info(peer->held, &held) != HKP_OK) return 0;
    return held.state == HKP_NEURO_INSTANCE_ACTIVE ? held.index : 0;
}

static void ask(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *link) {
    uint8_t challenge[HKP_DSM_CHALLENGE_MAX];
    size_t len = 0;
    link->attest.ask_at = node->now + ASK_AGAIN;
    link->attest.held = held_of(peer);
    const hkp_status st = hkp_dsm_challenger_ask(node->challenger, node->now, node->wall_us, peer->node_id,
                                                 node->opt.attest, 0, challenge, sizeof challenge, &len);
    if (st == HKP_OK) hkp_mesh__drop(send(node, link, OP_CHALLENGE, challenge, len));
}

static void judge(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *link,
                  const uint8_t *in, size_t len) {
    struct hkp_dsm_auth a;
    uint8_t nonce[32], binding[32];
    if (node->challenger == NULL || link->attest.ok || link->attest.ask_at == 0) return;
    hkp_status st = hkp_dsm_auth_nonce(in, len, nonce);
    if (st == HKP_OK) st = binding_of(node, link, nonce, binding);
    if (st == HKP_OK)
        st = hkp_dsm_challenger_judge(node->challenger, node->now, node->wall_us / 1000000, peer->node_id,
                                      binding, in, len, &a);
    if (st == HKP_OK && a.ter_index < link->attest.held) st = HKP_E_DSM_ATTEST; /* it forgot what it showed */
    if (st != HKP_OK) node->refused++;
    struct hkp_mesh_event *fact =
        hkp_mesh__fact(node, HKP_MESH_EVENT_ATTESTED, peer->node_id, st == HKP_OK ? "" : "refused");
    fact->status = st;
    if (st != HKP_OK) return;
    fact->number = a.ter_index;
    fact->to = a.evidence;
    link->attest.ok = 1;
    hkp_mesh__rights(node, peer);
}

void hkp_mesh__attest_message(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer,
                              struct hkp_mesh__link *link, const struct hkp_htp_event *ev) {
    struct hkp_mesh__packet p;
    struct hkp_dsm_cbor_reader r;
    if (link->attest.in != ev->stream ||
        hkp_mesh__packet_decode(&p, ev->data, ev->len, link->mode == HKP_HTP_MODE_R) != HKP_OK ||
        p.type != HKP_MESH__TYPE_CONTROL_CMD || !hkp_mesh__window_take(&link->attest.window, p.sequence)) {
        node->refused++;
        return;
    }
    if (hkp_dsm_cbor_read(&r, p.payload, p.payload_len) != HKP_OK) return;
    size_t len = 0;
    if (hkp_dsm_cbor_array(&r, 2, 2) != 2) return;
    const uint64_t op = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    const uint8_t *bytes = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_AUTH_MAX, &len);
    if (r.status != HKP_OK || bytes == NULL || r.next != r.end) return;
    if (op == OP_CHALLENGE) answer(node, link, bytes, len);
    if (op == OP_RESPONSE) judge(node, peer, link, bytes, len);
}

void hkp_mesh__attest_stream(struct hkp_mesh_node *node, struct hkp_mesh__link *link, uint32_t stream) {
    if (link->attest.in != HKP_MESH__NO_STREAM)
        hkp_mesh__drop(hkp_htp_stream_stop(node->htp, link->session, link->attest.in, HKP_HTP_CODE_DENIED));
    link->attest.in = stream;
    hkp_mesh__drop(
        hkp_htp_stream_limit(node->htp, link->session, stream, PAYLOAD_MAX + HKP_MESH__PACKET_HEADER));
}

void hkp_mesh__attest_gone(struct hkp_mesh__link *link, uint32_t stream) {
    if (link->attest.in == stream) link->attest.in = HKP_MESH__NO_STREAM;
    if (link->attest.out == stream) link->attest.out = HKP_MESH__NO_STREAM;
}

/* Asked as soon as the class is open: before, the session carries nothing that attestation guards. */
void hkp_mesh__attest_tick(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; node->challenger != NULL && p < node->n_peers; p++)
        for (int i = 0; i < HKP_MESH__LINKS; i++) {
            struct hkp_mesh__link *l = &node->peers[p].links[i];
            if (l->session == 0 || l->closing || l->attest.ok || node->now < l->attest.ask_at) continue;
            if (hkp_mesh__may_class(node, &node->peers[p], l, HKP_HTP_STREAM_MESH))
                ask(node, &node->peers[p], l);
        }
}
