/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HELLO at both ends, and RETRY (HTP-5.3, HTP-4.5). */
#include "libhtp/handshake/handshake.h"
#include "libter/bytes.h"

enum { NODE_AT = 0, INDEX_AT = 16, T1_AT = 24, TICKET_AT = 32, MODE_AT = 48, SIG_AT = 49, PAD_AT = 113 };

void hkp_htp__mac1_key(uint8_t key[32], const uint8_t s_v[32]) {
    hkp_htp__b2(key, NULL, PARTS(LABEL("HTP1 mac1"), {s_v, 32}));
}

static void hello_rdv(uint8_t rdv[32], const uint8_t s_v[32], const uint8_t *dgram) {
    uint8_t key[32];
    hkp_htp__mac1_key(key, s_v);
    hkp_htp__rdv_packet(rdv, key, dgram, HKP_HTP__BIG);
}

/* h over version, type, token and lists: not over time, nonce and cookie, so that c1 survives a RETRY. */
static void mix_clear(struct hkp_htp__chain_secret *c, const uint8_t *dgram) {
    static const uint8_t kind[4] = {1, 0, 0, 1};
    hkp_htp__chain_mix_hash(
        c, PARTS({kind, 4}, {dgram + HKP_HTP__AT_TOKEN, 8}, {dgram + HKP_HTP__PREFIX_RES, HKP_HTP__LISTS}));
}

static void reject_key(uint8_t key[32], uint8_t h[32], const struct hkp_htp__chain_secret *c) {
    hkp_htp__expand(key, 32, c->ck, PARTS(LABEL("HTP1 reject")));
    memcpy(h, c->h, 32);
}

static size_t label_and_hash(uint8_t *dst, const char *label, size_t label_len, const uint8_t h[32]) {
    memcpy(dst, label, label_len);
    memcpy(dst + label_len, h, 32);
    return label_len + 32;
}

hkp_status hkp_htp__hello_build(struct hkp_htp__edge_secret *e, const uint8_t e_key[32], uint64_t sid_e,
                                uint64_t t1, const struct hkp_htp__stamp *stamp) {
    uint8_t *d = e->hello[0], *lists = d + HKP_HTP__PREFIX_RES, *inner = d + HKP_HTP__C1_AT, dh[32];
    memset(d, 0, HKP_HTP__BIG);
    hkp_htp__wire_header(d, HKP_HTP__HELLO, 0, stamp->seconds, sid_e, stamp->nonce, HKP_HTP__FLAG_RES,
                         HKP_HTP__BIG);
    lists[0] = 1;
    lists[1] = e->n_suites;
    hkp_put_be16(lists + 2, e->features);
    hkp_put_be16(lists + 4, HKP_HTP__VERSION);
    for (size_t i = 0; i < e->n_suites; i++) hkp_put_be16(lists + 12 + 2 * i, e->suites[i]);
    if (crypto_scalarmult_curve25519_base(lists + 20, e_key) != 0 || hkp_htp__dh(dh, e_key, e->peer_s) != 0)
        return HKP_E_HTP_DH;

    hkp_htp__chain_init(&e->chain, e->peer_s, e->self->tap);
    mix_clear(&e->chain, d);
    hkp_htp__chain_mix_key(&e->chain, PARTS({dh, 32}));
    sodium_memzero(dh, sizeof dh);
    hkp_htp__w_commit(d + HKP_HTP__AT_POSF, e->chain.ck, e->chain.h, &e->neural, e->psk_res);
    hkp_htp__chain_mix_hash(&e->chain, PARTS({d + HKP_HTP__AT_POSF, 32}));

    memcpy(inner + NODE_AT, e->self->node_id, 16);
    hkp_put_be64(inner + INDEX_AT, e->neural.ck_index);
    hkp_put_be64(inner + T1_AT, t1);
    memcpy(inner + TICKET_AT, e->ticket, 16);
    inner[MODE_AT] = e->mode;
    if (e->mode == HKP_HTP_MODE_N) {
        uint8_t text[64];
        size_t n = label_and_hash(text, "HTP1 HELLO", 11, e->chain.h);
        crypto_sign_ed25519_detached(inner + SIG_AT, NULL, text, n, e->self->a_key);
    }
    hkp_htp__chain_seal(&e->chain, stamp->nonce, inner, HKP_HTP__HELLO_INNER);
    hello_rdv(d + HKP_HTP__AT_RDV, e->peer_s, d);

    hkp_htp__hello_key(e->answer_key, d);
    reject_key(e->reject_key, e->reject_h, &e->chain);
    memcpy(e->hello[1], d, HKP_HTP__BIG);
    memcpy(e->e_key, e_key, 32);
    e->sid_e = sid_e;
    e->t1 = t1;
    return HKP_OK;
}

hkp_status hkp_htp__retry_take(struct hkp_htp__edge_secret *e, const uint8_t *dgram, int *common) {
    uint8_t want[32];
    hkp_htp__rdv_packet(want, e->answer_key, dgram, HKP_HTP__RETRY_SIZE);
    if (sodium_memcmp(want, dgram + HKP_HTP__AT_RDV, 32) != 0) return HKP_E_HTP_RDV;
    if (!hkp_is_zero(dgram + HKP_HTP__AT_POSF, 32)) return HKP_E_HTP_RDV;
    memcpy(e->hello[1] + HKP_HTP__COOKIE_AT, dgram + HKP_HTP__PREFIX_RES, 32);
    hello_rdv(e->hello[1] + HKP_HTP__AT_RDV, e->peer_s, e->hello[1]);
    *common = 0;
    for (size_t i = 0; i < 4; i++)
        if (hkp_be16(dgram + HKP_HTP__PREFIX_RES + 32 + 2 * i) == HKP_HTP__VERSION) *common = 1;
    return HKP_OK;
}

hkp_status hkp_htp__hello_rdv(const uint8_t mac1[32], const uint8_t *dgram) {
    uint8_t want[32];
    hkp_htp__rdv_packet(want, mac1, dgram, HKP_HTP__BIG);
    return sodium_memcmp(want, dgram + HKP_HTP__AT_RDV, 32) == 0 ? HKP_OK : HKP_E_HTP_RDV;
}

/* A list of 1..4 numbers: used ones not zero, unused ones zero, descending or at least without repeats. */
static int list_right(const uint8_t *list, uint8_t n, int descending) {
    if (n < 1 || n > 4) return 0;
    for (size_t i = 0; i < 4; i++) {
        const uint16_t v = hkp_be16(list + 2 * i);
        if ((v != 0) != (i < n)) return 0;
        for (size_t j = 0; j < i && i < n; j++)
            if (descending ? hkp_be16(list + 2 * j) <= v : hkp_be16(list + 2 * j) == v) return 0;
    }
    return 1;
}

static int list_has(const uint8_t *list, uint16_t a, uint16_t b) {
    for (size_t i = 0; i < 4; i++)
        if (hkp_be16(list + 2 * i) == a || hkp_be16(list + 2 * i) == b) return 1;
    return 0;
}

hkp_status hkp_htp__hello_fields(const uint8_t *dgram) {
    const uint8_t *p = dgram + HKP_HTP__PREFIX_RES;
    if (hkp_is_zero(dgram + HKP_HTP__AT_TOKEN, 8)) return HKP_E_HTP_FIELD;
    if (!list_right(p + 4, p[0], 1) || !list_has(p + 4, HKP_HTP__VERSION, HKP_HTP__VERSION))
        return HKP_E_HTP_FIELD;
    if (!list_right(p + 12, p[1], 0) || !list_has(p + 12, 1, 2)) return HKP_E_HTP_FIELD;
    return HKP_OK;
}

static hkp_status hello_inner(struct hkp_htp__valid_secret *v, const struct hkp_htp__self_secret *self,
                              const uint8_t *inner) {
    memcpy(v->node_id, inner + NODE_AT, 16);
    v->ck_index = hkp_be64(inner + INDEX_AT);
    v->t1 = hkp_be64(inner + T1_AT);
    memcpy(v->ticket, inner + TICKET_AT, 16);
    v->mode = inner[MODE_AT];
    memcpy(v->hello_sig, inner + SIG_AT, 64);
    if (v->mode > HKP_HTP_MODE_R || !hkp_is_zero(inner + PAD_AT, HKP_HTP__HELLO_INNER - PAD_AT))
        return HKP_E_HTP_INNER;
    if ((v->mode == HKP_HTP_MODE_R) != (v->ck_index != 0)) return HKP_E_HTP_INNER;
    if (v->mode == HKP_HTP_MODE_R && !hkp_is_zero(v->hello_sig, 64)) return HKP_E_HTP_INNER;
    return memcmp(v->node_id, self->node_id, 16) == 0 ? HKP_E_HTP_INNER : HKP_OK;
}

void hkp_htp__hello_key(uint8_t key[32], const uint8_t *dgram) {
    hkp_htp__b2(key, NULL, PARTS({dgram + HKP_HTP__C1_AT, HKP_HTP__C1_SIZE}));
}

hkp_status hkp_htp__hello_open(struct hkp_htp__valid_secret *v, const struct hkp_htp__self_secret *self,
                               const struct hkp_htp__header *header, const uint8_t *dgram,
                               const uint8_t key[32]) {
    const uint8_t *lists = dgram + HKP_HTP__PREFIX_RES, *c1 = dgram + HKP_HTP__C1_AT;
    uint8_t dh[32], inner[HKP_HTP__HELLO_INNER];
    memset(v, 0, sizeof *v);
    memcpy(v->e_public, lists + 20, 32);
    if (hkp_htp__dh(dh, self->s_key, v->e_public) != 0) return HKP_E_HTP_DH;
    hkp_htp__chain_init(&v->chain, self->s, self->tap);
    mix_clear(&v->chain, dgram);
    hkp_htp__chain_mix_key(&v->chain, PARTS({dh, 32}));
    sodium_memzero(dh, sizeof dh);
    memcpy(v->h_commit, v->chain.h, 32);
    memcpy(v->w_commit, dgram + HKP_HTP__AT_POSF, 32);
    hkp_htp__chain_mix_hash(&v->chain, PARTS({v->w_commit, 32}));
    memcpy(v->h_sig, v->chain.h, 32);
    if (hkp_htp__chain_open(&v->chain, header->nonce, c1, HKP_HTP__C1_SIZE, inner) != 0)
        return HKP_E_HTP_AUTH;

    v->sid_e = header->token;
    v->n_suites = lists[1];
    v->offered = hkp_be16(lists + 2);
    for (size_t i = 0; i < 4; i++) v->suites[i] = hkp_be16(lists + 12 + 2 * i);
    memcpy(v->answer_key, key, 32);
    reject_key(v->reject_key, v->reject_h, &v->chain);
    hkp_status st = hello_inner(v, self, inner);
    sodium_memzero(inner, sizeof inner);
    return st;
}

int hkp_htp__hello_proves(const struct hkp_htp__valid_secret *v, const struct hkp_htp__neural_secret *neural,
                          const uint8_t psk_res[32]) {
    uint8_t want[32];
    hkp_htp__w_commit(want, v->chain.ck, v->h_commit, neural, psk_res);
    return sodium_memcmp(want, v->w_commit, 32) == 0;
}

int hkp_htp__hello_signed(const struct hkp_htp__valid_secret *v, const uint8_t a[32]) {
    uint8_t text[64];
    size_t n = label_and_hash(text, "HTP1 HELLO", 11, v->h_sig);
    return crypto_sign_ed25519_verify_detached(v->hello_sig, text, n, a) == 0;
}

void hkp_htp__cookie(uint8_t out[32], const uint8_t k_c[32], const struct hkp_htp_path *path,
                     const uint8_t *hello) {
    uint8_t port[2];
    hkp_put_be16(port, path->port);
    hkp_htp__b2(out, k_c,
                PARTS(LABEL("HTP1 cookie"), {path->addr, 16}, {port, 2}, {hello + HKP_HTP__AT_TOKEN, 8},
                      {hello + HKP_HTP__PREFIX_RES, HKP_HTP__LISTS}));
}

void hkp_htp__retry_build(uint8_t dgram[HKP_HTP__RETRY_SIZE], const uint8_t *hello, const uint8_t cookie[32],
                          const struct hkp_htp__stamp *stamp) {
    uint8_t key[32];
    memset(dgram, 0, HKP_HTP__RETRY_SIZE);
    hkp_htp__wire_header(dgram, HKP_HTP__CHALLENGE, 0, stamp->seconds, hkp_be64(hello + HKP_HTP__AT_TOKEN),
                         stamp->nonce, HKP_HTP__FLAG_RES | HKP_HTP__FLAG_RETRY, HKP_HTP__RETRY_SIZE);
    memcpy(dgram + HKP_HTP__PREFIX_RES, cookie, 32);
    hkp_put_be16(dgram + HKP_HTP__PREFIX_RES + 32, HKP_HTP__VERSION);
    hkp_htp__hello_key(key, hello);
    hkp_htp__rdv_packet(dgram + HKP_HTP__AT_RDV, key, dgram, HKP_HTP__RETRY_SIZE);
}
