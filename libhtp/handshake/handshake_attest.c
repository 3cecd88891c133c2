/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ATTEST at both ends (HTP-5.5). */
#include "libhtp/handshake/handshake.h"
#include "libter/bytes.h"

enum {
    T4_AT = 0,
    TER_AT = 8,
    HT_AT = 16,
    INTEGRITY_AT = 48,
    POLICY_AT = 68,
    BOOT_AT = 72,
    FORM_AT = 88,
    CERT_LEN_AT = 90,
    QUOTE_LEN_AT = 92,
    CERT_AT = 96
};

static const uint8_t zero32[32];

void hkp_htp__quote_extra(uint8_t out[32], const uint8_t h[32]) {
    hkp_htp__hash(out, PARTS(LABEL("HTP1 quote"), {h, 32}));
}

/* sig_e = Sign(A_e, "HTP1 ATTEST\0" || h || SHA256(inner up to it) || challenge_nonce || F) */
static size_t signed_text(uint8_t text[176], const uint8_t h[32], const uint8_t *inner, size_t len,
                          const uint8_t nonce[32], const uint8_t f[64]) {
    memcpy(text, "HTP1 ATTEST", 12);
    memcpy(text + 12, h, 32);
    hkp_htp__hash(text + 44, PARTS({inner, len}));
    memcpy(text + 76, nonce, 32);
    memcpy(text + 108, f, 64);
    return 172;
}

static void attest_inner(uint8_t *inner, const struct hkp_htp__attest *a) {
    hkp_put_be64(inner + T4_AT, a->t4);
    hkp_put_be64(inner + TER_AT, a->ter_index);
    memcpy(inner + HT_AT, a->h_t, 32);
    memcpy(inner + INTEGRITY_AT, a->h_integrity, 20);
    hkp_put_be32(inner + POLICY_AT, a->policy_ver);
    memcpy(inner + BOOT_AT, a->boot_id, 16);
    inner[FORM_AT] = a->cert.form;
    hkp_put_be16(inner + CERT_LEN_AT, a->cert.len);
    hkp_put_be16(inner + QUOTE_LEN_AT, a->quote_len);
    if (a->cert.len > 0) memcpy(inner + CERT_AT, a->cert.data, a->cert.len);
    if (a->quote_len > 0) memcpy(inner + CERT_AT + a->cert.len, a->quote, a->quote_len);
}

hkp_status hkp_htp__attest_build(struct hkp_htp__edge_secret *e, const struct hkp_htp__challenge_secret *c,
                                 const struct hkp_htp__attest *a, const struct hkp_htp__stamp *stamp) {
    const size_t extra = (size_t)a->cert.len + a->quote_len, used = HKP_HTP__ATTEST_USED + extra;
    const size_t size = used <= HKP_HTP__ATTEST_SMALL ? HKP_HTP__SMALL : HKP_HTP__BIG;
    const size_t inner_len = size - HKP_HTP__PREFIX_RES - HKP_HTP__TAG;
    uint8_t *d = e->attest, *inner = d + HKP_HTP__PREFIX_RES, text[176];
    struct hkp_htp__chain_secret chain = c->chain;
    if (extra > HKP_HTP__ATTEST_EXTRA_MAX) return HKP_E_INVAL;
    memset(d, 0, HKP_HTP__BIG);
    hkp_htp__wire_header(d, HKP_HTP__ATTEST, 0, stamp->seconds, c->sid_v, stamp->nonce, HKP_HTP__FLAG_RES,
                         size);
    attest_inner(inner, a);
    size_t n =
        signed_text(text, chain.h, inner, CERT_AT + extra, hkp_htp__challenge_nonce(c), e->neural.in.f);
    crypto_sign_ed25519_detached(inner + CERT_AT + extra, NULL, text, n, e->self->a_key);
    sodium_memzero(text, sizeof text);

    hkp_htp__expand(e->reject_key, 32, chain.ck, PARTS(LABEL("HTP1 reject")));
    memcpy(e->reject_h, chain.h, 32);
    hkp_htp__chain_mix_key(&chain, PARTS({e->neural.in.psk, 32}, {zero32, 32}));
    hkp_status st =
        hkp_htp__layer(d + HKP_HTP__AT_RDV, d + HKP_HTP__AT_POSF, &chain, &e->neural, d, inner, inner_len);
    if (st == HKP_OK) {
        hkp_htp__chain_mix_hash(&chain, PARTS({d, HKP_HTP__PREFIX_RES}));
        hkp_htp__chain_seal(&chain, stamp->nonce, inner, inner_len);
        hkp_htp__chain_mix_key(&chain, PARTS({NULL, 0}));
        e->chain = chain;
        e->attest_len = size;
        e->sid_v = c->sid_v;
        e->suite = c->suite;
        e->features_chosen = c->features;
        e->t2 = c->t2;
        e->t3 = c->t3;
        e->t4 = a->t4;
        sodium_memzero(e->e_key, sizeof e->e_key);
    }
    sodium_memzero(&chain, sizeof chain);
    return st;
}

static hkp_status parse_attest(struct hkp_htp__attest_secret *at, size_t inner_len) {
    const uint8_t *p = at->inner;
    struct hkp_htp__attest *a = &at->fields;
    a->t4 = hkp_be64(p + T4_AT);
    a->ter_index = hkp_be64(p + TER_AT);
    memcpy(a->h_t, p + HT_AT, 32);
    memcpy(a->h_integrity, p + INTEGRITY_AT, 20);
    a->policy_ver = hkp_be32(p + POLICY_AT);
    memcpy(a->boot_id, p + BOOT_AT, 16);
    a->cert =
        (struct hkp_htp__cert){.form = p[FORM_AT], .len = hkp_be16(p + CERT_LEN_AT), .data = p + CERT_AT};
    a->quote_len = hkp_be16(p + QUOTE_LEN_AT);
    a->quote = p + CERT_AT + a->cert.len;
    const size_t extra = (size_t)a->cert.len + a->quote_len, used = HKP_HTP__ATTEST_USED + extra;
    if (p[FORM_AT + 1] != 0 || hkp_be16(p + QUOTE_LEN_AT + 2) != 0) return HKP_E_HTP_INNER;
    if (!hkp_htp__cert_right(&a->cert) || a->quote_len > HKP_HTP_QUOTE_MAX || used > inner_len)
        return HKP_E_HTP_INNER;
    if ((inner_len == HKP_HTP__ATTEST_BIG) != (used > HKP_HTP__ATTEST_SMALL)) return HKP_E_HTP_INNER;
    at->signed_len = CERT_AT + extra;
    return hkp_is_zero(p + used, inner_len - used) ? HKP_OK : HKP_E_HTP_INNER;
}

hkp_status hkp_htp__attest_open(struct hkp_htp__valid_secret *v, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__attest_secret *out) {
    struct hkp_htp__chain_secret chain = v->chain;
    const size_t inner_len = len - HKP_HTP__PREFIX_RES - HKP_HTP__TAG;
    hkp_status st = HKP_E_HTP_AUTH;
    hkp_htp__chain_mix_hash(&chain, PARTS({dgram, HKP_HTP__PREFIX_RES}));
    if (hkp_htp__chain_open(&chain, header->nonce, dgram + HKP_HTP__PREFIX_RES, len - HKP_HTP__PREFIX_RES,
                            out->inner) == 0) {
        st = parse_attest(out, inner_len);
        if (st == HKP_OK) st = hkp_htp__layer_right(&v->chain, &v->neural, dgram, out->inner, inner_len);
        hkp_htp__chain_mix_key(&chain, PARTS({NULL, 0}));
        v->chain = chain;
    }
    sodium_memzero(&chain, sizeof chain);
    return st;
}

int hkp_htp__attest_signed(const struct hkp_htp__valid_secret *v, const struct hkp_htp__attest_secret *at,
                           const uint8_t a[32]) {
    uint8_t text[176];
    size_t n = signed_text(text, v->reject_h, at->inner, at->signed_len, v->challenge_nonce, v->neural.in.f);
    int right = crypto_sign_ed25519_verify_detached(at->inner + at->signed_len, text, n, a) == 0;
    sodium_memzero(text, sizeof text);
    return right;
}
