/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* CHALLENGE at both ends (HTP-5.4), and REJECT (HTP-5.7). */
#include "libhtp/handshake/handshake.h"
#include "libter/bytes.h"

enum {
    SID_AT = 0,
    NONCE_AT = 8,
    VERSION_AT = 40,
    SUITE_AT = 42,
    FEATURES_AT = 44,
    MODE_AT = 46,
    DEMANDS_AT = 47,
    PCR_AT = 48,
    T2_AT = 52,
    T3_AT = 60,
    A_AT = 68,
    FORM_AT = 100,
    CERT_LEN_AT = 102,
    CERT_AT = 104,
    SEALED_AT = HKP_HTP__PREFIX_RES + 32
};

static const uint8_t zero32[32];

/* sig_v = Sign(A_v, "HTP1 CHALLENGE\0" || h || SHA256(inner up to the signature)) */
static size_t signed_text(uint8_t text[80], const uint8_t h[32], const uint8_t *inner, size_t len) {
    memcpy(text, "HTP1 CHALLENGE", 15);
    memcpy(text + 15, h, 32);
    hkp_htp__hash(text + 47, PARTS({inner, len}));
    return 79;
}

static void challenge_inner(uint8_t *inner, const struct hkp_htp__valid_secret *v,
                            const struct hkp_htp__self_secret *self, const struct hkp_htp__challenge_in *in) {
    hkp_put_be64(inner + SID_AT, v->sid_v);
    memcpy(inner + NONCE_AT, in->challenge_nonce, 32);
    hkp_put_be16(inner + VERSION_AT, HKP_HTP__VERSION);
    hkp_put_be16(inner + SUITE_AT, v->suite);
    hkp_put_be16(inner + FEATURES_AT, v->features);
    inner[MODE_AT] = v->mode;
    inner[DEMANDS_AT] = v->demands;
    hkp_put_be32(inner + PCR_AT, v->pcr_mask);
    hkp_put_be64(inner + T2_AT, v->t2);
    hkp_put_be64(inner + T3_AT, in->t3);
    memcpy(inner + A_AT, self->a, 32);
    inner[FORM_AT] = in->cert.form;
    hkp_put_be16(inner + CERT_LEN_AT, in->cert.len);
    if (in->cert.len > 0) memcpy(inner + CERT_AT, in->cert.data, in->cert.len);
}

hkp_status hkp_htp__challenge_build(struct hkp_htp__valid_secret *v, const struct hkp_htp__self_secret *self,
                                    const struct hkp_htp__challenge_in *in,
                                    const struct hkp_htp__stamp *stamp, uint8_t *dgram, size_t *len) {
    const size_t used = HKP_HTP__CHALLENGE_USED + in->cert.len;
    const size_t size = used <= HKP_HTP__CHALLENGE_SMALL ? HKP_HTP__SMALL : HKP_HTP__BIG;
    uint8_t *inner = dgram + SEALED_AT, dh[32], text[80];
    if (hkp_htp__dh(dh, in->e_key, v->e_public) != 0) return HKP_E_HTP_DH;
    memset(dgram, 0, size);
    crypto_scalarmult_curve25519_base(dgram + HKP_HTP__PREFIX_RES, in->e_key);
    hkp_htp__wire_header(dgram, HKP_HTP__CHALLENGE, 0, stamp->seconds, v->sid_e, stamp->nonce,
                         HKP_HTP__FLAG_RES, size);

    hkp_htp__chain_mix_hash(&v->chain, PARTS({dgram, 32}, {dgram + HKP_HTP__PREFIX_RES, 32}));
    hkp_htp__chain_mix_key(&v->chain, PARTS({dh, 32}));
    sodium_memzero(dh, sizeof dh);
    hkp_htp__w_commit(dgram + HKP_HTP__AT_POSF, v->chain.ck, v->chain.h, &v->neural, zero32);
    hkp_htp__chain_mix_hash(&v->chain, PARTS({dgram + HKP_HTP__AT_POSF, 32}));

    challenge_inner(inner, v, self, in);
    size_t n = signed_text(text, v->chain.h, inner, CERT_AT + in->cert.len);
    crypto_sign_ed25519_detached(inner + CERT_AT + in->cert.len, NULL, text, n, self->a_key);
    hkp_htp__chain_seal(&v->chain, stamp->nonce, inner, size - SEALED_AT - HKP_HTP__TAG);
    hkp_htp__rdv_packet(dgram + HKP_HTP__AT_RDV, v->answer_key, dgram, size);

    hkp_htp__expand(v->reject_key, 32, v->chain.ck, PARTS(LABEL("HTP1 reject")));
    memcpy(v->reject_h, v->chain.h, 32);
    hkp_htp__chain_mix_key(&v->chain, PARTS({v->neural.in.psk, 32}, {zero32, 32}));
    memcpy(v->challenge_nonce, in->challenge_nonce, 32);
    v->t3 = in->t3;
    *len = size;
    return HKP_OK;
}

static hkp_status parse_inner(struct hkp_htp__challenge_secret *c, size_t inner_len) {
    const uint8_t *p = c->inner;
    c->sid_v = hkp_be64(p + SID_AT);
    c->version = hkp_be16(p + VERSION_AT);
    c->suite = hkp_be16(p + SUITE_AT);
    c->features = hkp_be16(p + FEATURES_AT);
    c->mode = p[MODE_AT];
    c->demands = p[DEMANDS_AT];
    c->pcr_mask = hkp_be32(p + PCR_AT);
    c->t2 = hkp_be64(p + T2_AT);
    c->t3 = hkp_be64(p + T3_AT);
    c->cert =
        (struct hkp_htp__cert){.form = p[FORM_AT], .len = hkp_be16(p + CERT_LEN_AT), .data = p + CERT_AT};
    if (c->sid_v == 0 || c->mode > HKP_HTP_MODE_R || c->demands > 3 || c->pcr_mask >> 24 != 0)
        return HKP_E_HTP_INNER;
    if (p[FORM_AT + 1] != 0 || !hkp_htp__cert_right(&c->cert)) return HKP_E_HTP_INNER;
    const size_t used = HKP_HTP__CHALLENGE_USED + (size_t)c->cert.len;
    if (used > inner_len || (inner_len == HKP_HTP__CHALLENGE_BIG) != (used > HKP_HTP__CHALLENGE_SMALL))
        return HKP_E_HTP_INNER;
    return hkp_is_zero(p + used, inner_len - used) ? HKP_OK : HKP_E_HTP_INNER;
}

int hkp_htp__cert_right(const struct hkp_htp__cert *cert) {
    if (cert->form == HKP_HTP_CERT_NONE) return cert->len == 0;
    if (cert->form == HKP_HTP_CERT_ID) return cert->len == 32;
    return cert->form == HKP_HTP_CERT_WHOLE && cert->len >= 1 && cert->len <= HKP_HTP_CERTIFICATE_MAX;
}

hkp_status hkp_htp__challenge_open(const struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                   const uint8_t *dgram, size_t len, struct hkp_htp__challenge_secret *out) {
    uint8_t want[32], dh[32];
    const uint8_t *e_v = dgram + HKP_HTP__PREFIX_RES;
    hkp_htp__rdv_packet(want, e->answer_key, dgram, len);
    if (sodium_memcmp(want, dgram + HKP_HTP__AT_RDV, 32) != 0) return HKP_E_HTP_RDV;
    if (hkp_htp__dh(dh, e->e_key, e_v) != 0) return HKP_E_HTP_DH;
    out->chain = e->chain;
    hkp_htp__chain_mix_hash(&out->chain, PARTS({dgram, 32}, {e_v, 32}));
    hkp_htp__chain_mix_key(&out->chain, PARTS({dh, 32}));
    sodium_memzero(dh, sizeof dh);
    hkp_htp__w_commit(want, out->chain.ck, out->chain.h, &e->neural, e->psk_res);
    hkp_htp__chain_mix_hash(&out->chain, PARTS({dgram + HKP_HTP__AT_POSF, 32}));
    memcpy(out->h_sig, out->chain.h, 32);
    if (hkp_htp__chain_open(&out->chain, header->nonce, dgram + SEALED_AT, len - SEALED_AT, out->inner) != 0)
        return HKP_E_HTP_AUTH;
    hkp_status st = parse_inner(out, len - SEALED_AT - HKP_HTP__TAG);
    if (st != HKP_OK) return st;
    return sodium_memcmp(want, dgram + HKP_HTP__AT_POSF, 32) == 0 ? HKP_OK : HKP_E_HTP_WCOMMIT;
}

hkp_status hkp_htp__challenge_signed(const struct hkp_htp__challenge_secret *c) {
    uint8_t text[80];
    const size_t len = CERT_AT + (size_t)c->cert.len, n = signed_text(text, c->h_sig, c->inner, len);
    return crypto_sign_ed25519_verify_detached(c->inner + len, text, n, c->inner + A_AT) == 0 ? HKP_OK
                                                                                              : HKP_E_HTP_SIG;
}

const uint8_t *hkp_htp__challenge_a(const struct hkp_htp__challenge_secret *c) { return c->inner + A_AT; }

const uint8_t *hkp_htp__challenge_nonce(const struct hkp_htp__challenge_secret *c) {
    return c->inner + NONCE_AT;
}

hkp_status hkp_htp__challenge_choices(const struct hkp_htp__edge_secret *e,
                                      const struct hkp_htp__challenge_secret *c) {
    int offered = 0;
    for (size_t i = 0; i < e->n_suites; i++) offered |= e->suites[i] == c->suite;
    if (!offered || c->version != HKP_HTP__VERSION || c->mode != e->mode) return HKP_E_HTP_DOWNGRADE;
    return (c->features & ~e->features) == 0 ? HKP_OK : HKP_E_HTP_DOWNGRADE;
}

/* REJECT: SEAL(K, 0^4 || nonce, aad = h || header, code || retry_after || zero 12) */
static struct hkp_htp__sealed reject_sealed(const uint8_t key[32], const uint8_t nonce[12],
                                            const uint8_t aad[64], uint8_t inner[32]) {
    return (struct hkp_htp__sealed){.key = key,
                                    .nonce = nonce,
                                    .aad = aad,
                                    .aad_len = 64,
                                    .text = inner,
                                    .len = 16,
                                    .suite = HKP_HTP_SUITE_CHACHA20_POLY1305};
}

void hkp_htp__reject_build(const struct hkp_htp__valid_secret *v, uint16_t code, uint16_t retry_after,
                           const struct hkp_htp__stamp *stamp, uint8_t dgram[HKP_HTP__REJECT_SIZE]) {
    uint8_t aad[64], nonce[12] = {0}, *inner = dgram + HKP_HTP__PREFIX_RES;
    memset(dgram, 0, HKP_HTP__REJECT_SIZE);
    hkp_htp__wire_header(dgram, HKP_HTP__REJECT, 0, stamp->seconds, v->sid_e, stamp->nonce, HKP_HTP__FLAG_RES,
                         HKP_HTP__REJECT_SIZE);
    memcpy(aad, v->reject_h, 32);
    memcpy(aad + 32, dgram, 32);
    memcpy(nonce + 4, stamp->nonce, 8);
    hkp_put_be16(inner, code);
    hkp_put_be16(inner + 2, retry_after);
    const struct hkp_htp__sealed p = reject_sealed(v->reject_key, nonce, aad, inner);
    (void)hkp_htp__seal(NULL, &p);
    hkp_htp__rdv_packet(dgram + HKP_HTP__AT_RDV, v->answer_key, dgram, HKP_HTP__REJECT_SIZE);
}

hkp_status hkp_htp__reject_open(const struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, uint16_t *code, uint16_t *retry_after) {
    uint8_t want[32], aad[64], nonce[12] = {0}, text[32];
    hkp_htp__rdv_packet(want, e->answer_key, dgram, HKP_HTP__REJECT_SIZE);
    if (sodium_memcmp(want, dgram + HKP_HTP__AT_RDV, 32) != 0) return HKP_E_HTP_RDV;
    if (!hkp_is_zero(dgram + HKP_HTP__AT_POSF, 32)) return HKP_E_HTP_RDV;
    memcpy(aad, e->reject_h, 32);
    memcpy(aad + 32, dgram, 32);
    memcpy(nonce + 4, header->nonce, 8);
    memcpy(text, dgram + HKP_HTP__PREFIX_RES, 32);
    const struct hkp_htp__sealed p = reject_sealed(e->reject_key, nonce, aad, text);
    if (hkp_htp__open(NULL, &p) != 0) return HKP_E_HTP_AUTH;
    if (hkp_be16(text) > 15 || !hkp_is_zero(text + 4, 12)) return HKP_E_HTP_INNER;
    *code = hkp_be16(text);
    *retry_after = hkp_be16(text + 2);
    return HKP_OK;
}
