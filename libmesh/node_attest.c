/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Challenge and response with attestation inside a session (D-AUTH, M-SVC-4). A node whose policy demands it
 * asks each peer once the session may carry more than signed consensus and enrolment, and again every 60 s;
 * while the last answer is not right it carries no more than that (decisions 0542, 0581). All go as mesh
 * packets of class MESH: CONTROL `[7, challenge]`, `[8, AUTH envelope]`, and before a response with a quote
 * `[10, public area of the attestation key]` (decision 0580).
 */
#include "libmesh/node.h"
#include "libmesh/packet.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { OP_CHALLENGE = 7, OP_RESPONSE = 8, OP_AREA = 10, PAYLOAD_MAX = HKP_DSM_AUTH_MAX + 16 };

/** Challenges of one session are answered no more often. */
#define ANSWER_EVERY (5 * HKP_MESH__SECOND)
/** One that names another certificate than the one known here is asked for again after this. */
#define ANOTHER_AFTER (ANSWER_EVERY + HKP_MESH__SECOND)
/** A failed attestation counts for T as long as a quote does (NZ1 16.1). */
#define FAILED_FOR (600 * HKP_MESH__SECOND)

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
    const hkp_status st = hkp_mesh__quote_new(node);
    if (st != HKP_OK || node->opt.attest == HKP_DSM_EVIDENCE_NONE) return st;
    hkp_dsm_challenger_options_init(&o, sizeof o);
    o.challenges_max = HKP_MESH__PEERS_MAX * HKP_MESH__LINKS;
    o.mem = node->mem;
    o.rng = node->opt.rng;
    o.chain_id = node->chain_id;
    o.directory = &directory;
    o.user = node;
    o.quote_check = hkp_mesh__quote_check;
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

hkp_status hkp_mesh__attest_binding(struct hkp_mesh_node *node, const struct hkp_mesh__link *link,
                                    const uint8_t nonce[32], uint8_t binding[32]) {
    static const uint8_t label[] = {'H', 'K', 'P', '1', ' ', 'a', 'u', 't', 'h'};
    return hkp_htp_session_export(node->htp, link->session, 0, label, sizeof label, nonce, 32, binding, 32);
}

/* ---- asked ---- */

void hkp_mesh__attest_respond(struct hkp_mesh_node *node, struct hkp_mesh__link *link,
                              struct hkp_dsm_auth *auth) {
    const struct hkp_mesh__attester *own = &node->attester;
    struct hkp_dsm_multi m;
    uint8_t body[HKP_DSM_AUTH_MAX], envelope[HKP_DSM_AUTH_MAX];
    size_t body_len = 0, envelope_len = 0;
    auth->time_us = node->wall_us;
    memcpy(auth->h_t, node->cursor.h, 32);
    auth->ter_index = node->cursor.index;
    memcpy(auth->integrity_root, node->newest_root, 32);
    memcpy(auth->boot_id, node->boot_id, 16);
    hkp_status st = hkp_dsm_multi_parse(node->own_cert_bytes, node->opt.certificate_len, &m);
    if (st != HKP_OK) return;
    hkp_dsm_object_id(auth->certificate, node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr,
                      m.body.len);
    st = hkp_dsm_auth_build(auth, body, sizeof body, &body_len);
    if (st == HKP_OK)
        st = hkp_dsm_envelope_sign(node->chain_id, HKP_DSM_KIND_AUTH, node->node_id, node->a_secret, body,
                                   body_len, envelope, sizeof envelope, &envelope_len);
    if (st == HKP_OK && auth->evidence == HKP_DSM_EVIDENCE_TPM)
        st = send(node, link, OP_AREA, own->area, own->area_len);
    if (st == HKP_OK) hkp_mesh__drop(send(node, link, OP_RESPONSE, envelope, envelope_len));
}

static void answer(struct hkp_mesh_node *node, struct hkp_mesh__link *link, const uint8_t *in, size_t len) {
    struct hkp_dsm_challenge q;
    struct hkp_dsm_auth a = {.evidence = HKP_DSM_EVIDENCE_SOFTWARE};
    if (node->now < link->attest.answer_at || hkp_dsm_challenge_parse(in, len, &q) != HKP_OK) return;
    link->attest.answer_at = node->now + ANSWER_EVERY;
    if (hkp_mesh__quote_want(node, link, &q)) return;
    memcpy(a.nonce, q.nonce, 32);
    if (hkp_mesh__attest_binding(node, link, q.nonce, a.binding) == HKP_OK)
        hkp_mesh__attest_respond(node, link, &a);
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
    const uint32_t mask = node->opt.attest == HKP_DSM_EVIDENCE_TPM ? node->attester.pcr_mask : 0;
    size_t len = 0;
    link->attest.ask_at = node->now + node->attester.every;
    link->attest.held = held_of(peer);
    const hkp_status st = hkp_dsm_challenger_ask(node->challenger, node->now, node->wall_us, peer->node_id,
                                                 node->opt.attest, mask, challenge, sizeof challenge, &len);
    if (st == HKP_OK) hkp_mesh__drop(send(node, link, OP_CHALLENGE, challenge, len));
}

/* Evidence of a response that its signer signed, whatever it is worth. */
static uint32_t evidence_of(const uint8_t *in, size_t len) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_auth a;
    if (hkp_dsm_envelope_parse(in, len, 1U << HKP_DSM_KIND_AUTH, &e) != HKP_OK ||
        hkp_dsm_auth_parse(e.body.ptr, e.body.len, &a) != HKP_OK)
        return HKP_DSM_EVIDENCE_NONE;
    return a.evidence;
}

static const char *why_refused(const struct hkp_mesh_node *node, hkp_status st, uint32_t evidence, int back) {
    if (back) return "fewer records than it showed before";
    if (st != HKP_E_DSM_ATTEST) return hkp_dsm_status_name(st);
    if (evidence < node->opt.attest) return "evidence of a lower type than demanded";
    switch (node->attester.cause) {
    case HKP_E_TER_QUOTE_FORM:
        return "no quote of the form that is accepted";
    case HKP_E_TER_QUOTE_AREA:
        return "the key is no restricted one that stays in its TPM";
    case HKP_E_TER_QUOTE_NAME:
        return "the attestation key of its certificate is not known";
    case HKP_E_TER_QUOTE_SIGNATURE:
        return "not signed by the attestation key of its certificate";
    case HKP_E_TER_QUOTE_EXTRA:
        return "the quote was made for another challenge";
    case HKP_E_TER_QUOTE_PCR:
        return "PCR values that the policy does not hold";
    default:
        return "nonce, session, certificate or evidence do not belong to what was asked";
    }
}

/* What was judged is told when it changes something, and each time that it is refused. */
static void judged(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *link,
                   hkp_status st, uint32_t evidence, uint64_t ter_index, const char *why) {
    struct hkp_mesh__attested *t = &peer->attested;
    const int told = st == HKP_OK && link->attest.ok && t->status == HKP_OK && t->evidence == evidence;
    t->at = node->now;
    t->status = st;
    t->evidence = evidence;
    snprintf(t->reason, sizeof t->reason, "%s", why);
    link->attest.ok = st == HKP_OK;
    link->attest.ok_at = node->now;
    if (st != HKP_OK) node->refused++;
    if (told) return;
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_ATTESTED, peer->node_id, why);
    fact->status = st;
    fact->number = ter_index;
    fact->to = evidence;
    hkp_mesh__rights(node, peer);
}

/* While a certificate follows another one a node and its peers know it some seconds apart (decision 0612). It
 * is as if no answer had come: who attested before keeps that for two rounds at most. */
static int names_another(struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer, const uint8_t *in,
                         size_t len) {
    struct hkp_dsm_signer known;
    struct hkp_dsm_envelope e;
    struct hkp_dsm_auth a;
    return hkp_dsm_envelope_parse(in, len, 1U << HKP_DSM_KIND_AUTH, &e) == HKP_OK &&
           hkp_dsm_auth_parse(e.body.ptr, e.body.len, &a) == HKP_OK &&
           find(node, peer->node_id, &known) == HKP_OK && memcmp(known.id, a.certificate, 32) != 0;
}

static void judge(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *link,
                  const uint8_t *in, size_t len) {
    struct hkp_dsm_auth a = {0};
    uint8_t nonce[32], binding[32];
    if (node->challenger == NULL || link->attest.ask_at == 0) return;
    if (link->attest.ok && names_another(node, peer, in, len)) {
        link->attest.ask_at = node->now + ANOTHER_AFTER;
        return;
    }
    node->attester.cause = HKP_OK;
    hkp_status st = hkp_dsm_auth_nonce(in, len, nonce);
    if (st == HKP_OK) st = hkp_mesh__attest_binding(node, link, nonce, binding);
    if (st == HKP_OK)
        st = hkp_dsm_challenger_judge(node->challenger, node->now, node->wall_us / 1000000, peer->node_id,
                                      binding, in, len, &a);
    const int back = st == HKP_OK && a.ter_index < link->attest.held; /* it forgot what it showed */
    if (back) st = HKP_E_DSM_ATTEST;
    const uint32_t evidence = evidence_of(in, len);
    judged(node, peer, link, st, evidence, st == HKP_OK ? a.ter_index : 0,
           st == HKP_OK ? "" : why_refused(node, st, evidence, back));
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
    if (op == OP_AREA) hkp_mesh__quote_area(peer, bytes, len);
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

/* Who answers no more has attested no longer than two rounds ago. */
static void lapse(struct hkp_mesh_node *node, struct hkp_mesh__peer *peer, struct hkp_mesh__link *link) {
    if (!link->attest.ok || node->now < link->attest.ok_at + 2 * node->attester.every) return;
    link->attest.ok = 0;
    struct hkp_mesh_event *fact = hkp_mesh__fact(node, HKP_MESH_EVENT_ATTESTED, peer->node_id, "no answer");
    fact->status = HKP_E_DSM_ATTEST;
    hkp_mesh__rights(node, peer);
}

/* Asked as soon as the class is open: before, the session carries nothing that attestation guards. */
void hkp_mesh__attest_tick(struct hkp_mesh_node *node) {
    for (uint32_t p = 0; node->challenger != NULL && p < node->n_peers; p++)
        for (int i = 0; i < HKP_MESH__LINKS; i++) {
            struct hkp_mesh__link *l = &node->peers[p].links[i];
            if (l->session == 0 || l->closing) continue;
            lapse(node, &node->peers[p], l);
            if (node->now < l->attest.ask_at) continue;
            if (hkp_mesh__may_class(node, &node->peers[p], l, HKP_HTP_STREAM_MESH))
                ask(node, &node->peers[p], l);
        }
}

void hkp_mesh__attest_trust(const struct hkp_mesh_node *node, const struct hkp_mesh__peer *peer,
                            struct hkp_neuro_trust_inputs *in) {
    const struct hkp_mesh__attested *t = &peer->attested;
    const hkp_time age = node->now - t->at;
    const int quoted = t->at != 0 && t->status == HKP_OK && t->evidence == HKP_DSM_EVIDENCE_TPM;
    const int failed = t->at != 0 && t->status != HKP_OK && age <= FAILED_FOR;
    in->a = hkp_neuro_trust_a(failed, quoted, age / HKP_MESH__SECOND);
    in->why = quoted && age <= FAILED_FOR ? 0 : HKP_NEURO_WHY_NO_TPM;
}

hkp_status hkp_mesh_attest_status(const hkp_mesh_node *node, uint32_t index,
                                  struct hkp_mesh_attest_status *status) {
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    if (index >= node->n_peers) return HKP_E_NOTFOUND;
    const struct hkp_mesh__peer *peer = &node->peers[index];
    struct hkp_mesh_attest_status s = {.struct_size = status->struct_size,
                                       .demanded = node->opt.attest,
                                       .evidence = peer->attested.evidence,
                                       .status =
                                           peer->attested.at != 0 ? peer->attested.status : HKP_E_NOTFOUND};
    memcpy(s.reason, peer->attested.reason, sizeof s.reason);
    for (int i = 0; i < HKP_MESH__LINKS; i++)
        if (peer->links[i].session != 0 && !peer->links[i].closing && peer->links[i].attest.ok)
            s.accepted = 1;
    *status = s;
    return HKP_OK;
}
