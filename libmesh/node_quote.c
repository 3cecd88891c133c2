/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Quotes of TPMs (D-AUTH-3). Own ones are the host's work, one at a time: a TPM takes tens to hundreds of
 * milliseconds, and each session has at most one that waits (D-AUTH-5). Those of peers are judged with the
 * public area that came with them, whose hash their certificate names (SYN-8.6).
 */
#include "libmesh/node.h"

#include "libter/options.h"

#include <string.h>

enum { TRIES = 3, SLOTS = HKP_MESH__PEERS_MAX * HKP_MESH__LINKS };

void hkp_mesh_attest_policy_init(struct hkp_mesh_attest_policy *policy, size_t size) {
    hkp_options_init(policy, size);
}

static hkp_status check(const struct hkp_mesh_node *node, const struct hkp_mesh_attest_policy *p) {
    uint8_t name[HKP_TER_TPM_NAME_SIZE];
    const int demanded = node->opt.attest == HKP_DSM_EVIDENCE_TPM;
    if (p->reserved0 != 0 || p->pcr_mask >> HKP_TER_PCRS != 0 || p->n_pcr_digests > HKP_MESH_ATTEST_DIGESTS ||
        (p->n_pcr_digests > 0 && p->pcr_digests == NULL) ||
        (p->every_s != 0 &&
         (p->every_s < HKP_MESH_ATTEST_EVERY_S_MIN || p->every_s > HKP_MESH_ATTEST_EVERY_S_MAX)))
        return HKP_E_INVAL;
    if (demanded && (p->pcr_mask == 0 || p->n_pcr_digests == 0 || p->ak_area == NULL)) return HKP_E_INVAL;
    if (p->ak_area == NULL) return HKP_OK;
    if (!node->own_cert.has_ak || hkp_ter_area_check_ak(p->ak_area, p->ak_area_len) != HKP_OK)
        return HKP_E_INVAL;
    hkp_ter_area_name(p->ak_area, p->ak_area_len, name);
    return memcmp(name, node->own_cert.ak, sizeof name) == 0 ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_mesh__quote_new(struct hkp_mesh_node *node) {
    struct hkp_mesh__attester *a = &node->attester;
    struct hkp_mesh_attest_policy p;
    hkp_mesh_attest_policy_init(&p, sizeof p);
    hkp_status st = HKP_OK;
    if (node->opt.attest_policy != NULL)
        st = hkp_options_import(&p, sizeof p, sizeof p, node->opt.attest_policy);
    if (st == HKP_OK) st = check(node, &p);
    if (st != HKP_OK) return st;
    a->every = (p.every_s != 0 ? p.every_s : HKP_MESH_ATTEST_EVERY_S) * HKP_MESH__SECOND;
    a->pcr_mask = p.pcr_mask;
    a->n_digests = (uint32_t)p.n_pcr_digests;
    if (p.n_pcr_digests > 0) memcpy(a->digests, p.pcr_digests, p.n_pcr_digests * 32);
    a->area_len = p.ak_area != NULL ? p.ak_area_len : 0;
    if (a->area_len > 0) memcpy(a->area, p.ak_area, a->area_len);
    return HKP_OK;
}

/* ---- Own ---- */

int hkp_mesh__quote_want(struct hkp_mesh_node *node, struct hkp_mesh__link *link,
                         const struct hkp_dsm_challenge *challenge) {
    struct hkp_mesh__attest *a = &link->attest;
    if (challenge->evidence != HKP_DSM_EVIDENCE_TPM || challenge->pcr_mask == 0 ||
        node->attester.area_len == 0)
        return 0;
    a->wants_quote = 1; /* a later challenge takes the place of one that waits */
    a->tries = 0;
    a->quote_mask = challenge->pcr_mask;
    memcpy(a->quote_nonce, challenge->nonce, 32);
    return 1;
}

static void begin(struct hkp_mesh_node *node, uint32_t peer, struct hkp_mesh__link *link) {
    struct hkp_mesh__attester *a = &node->attester;
    link->attest.wants_quote = 0;
    if (hkp_mesh__attest_binding(node, link, link->attest.quote_nonce, a->binding) != HKP_OK) return;
    a->ticket = ++node->next_ticket;
    a->session = link->session;
    a->peer = peer;
    a->mask = link->attest.quote_mask;
    memcpy(a->nonce, link->attest.quote_nonce, 32);
    hkp_dsm_auth_quote_data(a->extra, a->nonce, a->binding, node->node_id);
}

int hkp_mesh__quote_event(struct hkp_mesh_node *node, struct hkp_mesh_event *ev) {
    struct hkp_mesh__attester *a = &node->attester;
    if (a->ticket != 0 || a->area_len == 0) return 0;
    for (uint32_t i = 0; i < SLOTS && a->ticket == 0; i++) {
        const uint32_t at = (a->turn + i) % SLOTS, p = at / HKP_MESH__LINKS;
        if (p >= node->n_peers) continue;
        struct hkp_mesh__link *l = &node->peers[p].links[at % HKP_MESH__LINKS];
        if (!l->attest.wants_quote || l->session == 0 || l->closing) continue;
        begin(node, p, l);
        if (a->ticket != 0) a->turn = at + 1;
    }
    if (a->ticket == 0) return 0;
    ev->kind = HKP_MESH_EVENT_QUOTE;
    ev->ticket = a->ticket;
    ev->number = a->mask;
    ev->data = a->extra;
    ev->data_len = sizeof a->extra;
    return 1;
}

/* The values as the response tells them; 0: they are not those that were quoted. */
static int take_values(struct hkp_dsm_auth *auth, uint32_t mask, const uint8_t *values,
                       const struct hkp_ter_quote *q) {
    uint8_t digest[32];
    uint32_t n = 0;
    for (uint32_t i = 0; i < HKP_TER_PCRS; i++)
        if ((mask >> i & 1U) != 0) memcpy(auth->pcr[i], values + 32 * (size_t)n++, 32);
    auth->pcr_mask = mask;
    hkp_ter_pcr_digest(values, n, digest);
    return memcmp(digest, q->pcr_digest, 32) == 0;
}

static void respond(struct hkp_mesh_node *node, struct hkp_mesh__link *link, const uint8_t *values,
                    const struct hkp_ter_quote *q, const uint8_t *quote, size_t len) {
    const struct hkp_mesh__attester *a = &node->attester;
    struct hkp_mesh__attest *t = &link->attest;
    struct hkp_dsm_auth auth = {.evidence = HKP_DSM_EVIDENCE_TPM};
    const size_t head = 2 + q->attest_len;
    if (!take_values(&auth, a->mask, values, q)) {
        if (t->wants_quote || ++t->tries >= TRIES) return;
        t->wants_quote = 1; /* a PCR changed between: again */
        return;
    }
    auth.quote = (struct hkp_dsm_view){q->attest, q->attest_len};
    auth.signature = (struct hkp_dsm_view){quote + head, len - head};
    memcpy(auth.nonce, a->nonce, 32);
    memcpy(auth.binding, a->binding, 32);
    hkp_mesh__attest_respond(node, link, &auth);
}

hkp_status hkp_mesh_quoted(hkp_mesh_node *node, hkp_time now, uint64_t wall_us, uint64_t ticket,
                           hkp_status status, const uint8_t *values, uint32_t n_values, const uint8_t *quote,
                           size_t len) {
    struct hkp_mesh__attester *a = &node->attester;
    struct hkp_ter_quote q;
    if (ticket == 0 || ticket != a->ticket) return HKP_E_NOTFOUND;
    if (now > node->now) node->now = now;
    node->wall_us = wall_us;
    a->ticket = 0;
    if (status != HKP_OK) return HKP_OK;
    if (values == NULL || n_values != (uint32_t)__builtin_popcount(a->mask) ||
        hkp_ter_quote_parse(&q, quote, len) != HKP_OK || q.pcr_mask != a->mask)
        return HKP_E_INVAL;
    struct hkp_mesh__link *link = hkp_mesh__link_by_session(&node->peers[a->peer], a->session);
    if (link != NULL) respond(node, link, values, &q, quote, len);
    return HKP_OK;
}

/* ---- Of peers ---- */

static int certificate_of(const struct hkp_mesh__peer *peer, struct hkp_dsm_certificate *c) {
    return peer->known && hkp_dsm_certificate_parse(peer->certificate, peer->certificate_len, c) == HKP_OK &&
           c->has_ak;
}

void hkp_mesh__quote_area(struct hkp_mesh__peer *peer, const uint8_t *area, size_t len) {
    struct hkp_dsm_certificate c;
    uint8_t name[HKP_TER_TPM_NAME_SIZE];
    if (len > sizeof peer->attested.area || !certificate_of(peer, &c)) return;
    hkp_ter_area_name(area, len, name);
    if (memcmp(name, c.ak, sizeof name) != 0) return;
    memcpy(peer->attested.area, area, len);
    peer->attested.area_len = len;
}

hkp_status hkp_mesh__quote_check(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                                 uint32_t pcr_mask, const uint8_t *quote, size_t len) {
    struct hkp_mesh_node *node = user;
    struct hkp_mesh__attester *a = &node->attester;
    const struct hkp_mesh__peer *peer = hkp_mesh__peer_find(node, node_id);
    struct hkp_dsm_certificate c;
    a->cause = HKP_E_TER_QUOTE_NAME;
    if (peer == NULL || peer->attested.area_len == 0 || !certificate_of(peer, &c)) return a->cause;
    struct hkp_ter_quote_verifier v = {.area = peer->attested.area,
                                       .area_len = peer->attested.area_len,
                                       .pcr_digests = a->digests,
                                       .n_pcr_digests = a->n_digests,
                                       .pcr_mask = pcr_mask};
    memcpy(v.extra, extra, 32);
    memcpy(v.ak_name, c.ak, sizeof v.ak_name);
    a->cause = hkp_ter_quote_verify(&v, quote, len, NULL);
    return a->cause;
}
