/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ACCEPT at both ends: after ATTEST (HTP-5.6), and at once after a HELLO with a ticket (HTP-5.8). */
#include "libhtp/handshake/handshake.h"
#include "libter/bytes.h"

enum {
    SECRET_AT = 0,
    CE_AT = 32,
    TICKET_AT = 64,
    RESET_AT = 80,
    LIFE_AT = 96,
    TRUST_AT = 100,
    HEARTBEAT_AT = 102,
    REKEY_AT = 104,
    CLOCK_AT = 106,
    STATE_AT = 107,
    ADDR_AT = 108,
    PORT_AT = 124,
    ACCEPT_USED = 126,
    /* of a resumption */
    SID_AT = 126,
    VERSION_AT = 134,
    SUITE_AT = 136,
    FEATURES_AT = 138,
    MODE_AT = 140,
    RESUME_USED = 141,
    RESUME_INNER = 364,
    RESUME_SEALED_AT = HKP_HTP__PREFIX_RES + 32
};

hkp_status hkp_htp__layer(uint8_t rdv[32], uint8_t posf[32], const struct hkp_htp__chain_secret *chain,
                          const struct hkp_htp__neural_secret *neural, const uint8_t *dgram,
                          const uint8_t *inner, size_t inner_len) {
    uint8_t key[32], msg[32];
    hkp_htp__expand(key, 32, chain->ck, PARTS(LABEL("HTP1 rdv")));
    hkp_htp__rdv(rdv, key, dgram, neural, chain->h);
    hkp_htp__hash(msg, PARTS(LABEL("HTP1 posf hs"), {dgram + 2, 2}, {chain->h, 32}, {inner, inner_len}));
    hkp_status st = hkp_htp__posf(posf, neural, key, hkp_be16(dgram + 2) == HKP_HTP__ATTEST ? 'E' : 'V', msg,
                                  dgram + HKP_HTP__AT_NONCE);
    sodium_memzero(key, sizeof key);
    return st;
}

hkp_status hkp_htp__layer_right(const struct hkp_htp__chain_secret *chain,
                                const struct hkp_htp__neural_secret *neural, const uint8_t *dgram,
                                const uint8_t *inner, size_t inner_len) {
    uint8_t rdv[32], posf[32];
    hkp_status st = hkp_htp__layer(rdv, posf, chain, neural, dgram, inner, inner_len);
    if (sodium_memcmp(rdv, dgram + HKP_HTP__AT_RDV, 32) != 0) return HKP_E_HTP_RDV_NEURAL;
    if (st != HKP_OK) return HKP_E_HTP_POSF;
    return sodium_memcmp(posf, dgram + HKP_HTP__AT_POSF, 32) == 0 ? HKP_OK : HKP_E_HTP_POSF;
}

/* ---- V ---- */

static void accept_inner(uint8_t *p, const struct hkp_htp__accept_secret *a) {
    memcpy(p + SECRET_AT, a->session_secret, 32);
    memcpy(p + CE_AT, a->ce, 32);
    memcpy(p + TICKET_AT, a->ticket, 16);
    memcpy(p + RESET_AT, a->reset_token, 16);
    hkp_put_be32(p + LIFE_AT, a->ticket_life_s);
    hkp_put_be16(p + TRUST_AT, a->trust);
    hkp_put_be16(p + HEARTBEAT_AT, a->heartbeat_s);
    hkp_put_be16(p + REKEY_AT, a->rekey_s);
    p[CLOCK_AT] = a->clock;
    p[STATE_AT] = a->resonance;
    memcpy(p + ADDR_AT, a->addr, 16);
    hkp_put_be16(p + PORT_AT, a->port);
}

/* Layer, transcript and sealing of inner[inner_len] in its place; chain has ck4. */
static hkp_status seal_accept(struct hkp_htp__chain_secret *chain,
                              const struct hkp_htp__neural_secret *neural, const uint8_t nonce[8],
                              uint8_t *dgram, uint8_t *inner, size_t inner_len) {
    hkp_status st = hkp_htp__layer(dgram + HKP_HTP__AT_RDV, dgram + HKP_HTP__AT_POSF, chain, neural, dgram,
                                   inner, inner_len);
    if (st != HKP_OK) {
        sodium_memzero(dgram, HKP_HTP__SMALL);
        return st;
    }
    hkp_htp__chain_mix_hash(chain, PARTS({dgram, HKP_HTP__PREFIX_RES}));
    hkp_htp__chain_seal(chain, nonce, inner, inner_len);
    return HKP_OK;
}

hkp_status hkp_htp__accept_build(struct hkp_htp__valid_secret *v, const struct hkp_htp__accept_secret *a,
                                 const struct hkp_htp__stamp *stamp, uint8_t *dgram) {
    uint8_t *inner = dgram + HKP_HTP__PREFIX_RES;
    memset(dgram, 0, HKP_HTP__SMALL);
    hkp_htp__wire_header(dgram, HKP_HTP__ACCEPT, 0, stamp->seconds, v->sid_e, stamp->nonce, HKP_HTP__FLAG_RES,
                         HKP_HTP__SMALL);
    accept_inner(inner, a);
    return seal_accept(&v->chain, &v->neural, stamp->nonce, dgram, inner, HKP_HTP__ACCEPT_INNER);
}

/* ck2 to ck4 of a resumption, from the chain after c1. */
static void mix_resumption(struct hkp_htp__chain_secret *chain, const uint8_t e_v[32], const uint8_t dh[32],
                           const uint8_t psk[32], const uint8_t psk_res[32]) {
    hkp_htp__chain_mix_hash(chain, PARTS({e_v, 32}));
    hkp_htp__chain_mix_key(chain, PARTS({dh, 32}));
    hkp_htp__chain_mix_key(chain, PARTS({psk, 32}, {psk_res, 32}));
    hkp_htp__chain_mix_key(chain, PARTS({NULL, 0}));
}

hkp_status hkp_htp__resume_build(struct hkp_htp__valid_secret *v, const uint8_t e_key[32],
                                 const struct hkp_htp__accept_secret *a, const struct hkp_htp__stamp *stamp,
                                 uint8_t *dgram) {
    uint8_t *e_v = dgram + HKP_HTP__PREFIX_RES, *inner = dgram + RESUME_SEALED_AT, dh[32];
    struct hkp_htp__chain_secret chain = v->chain;
    if (hkp_htp__dh(dh, e_key, v->e_public) != 0) return HKP_E_HTP_DH;
    memset(dgram, 0, HKP_HTP__SMALL);
    crypto_scalarmult_curve25519_base(e_v, e_key);
    hkp_htp__wire_header(dgram, HKP_HTP__ACCEPT, 0, stamp->seconds, v->sid_e, stamp->nonce, HKP_HTP__FLAG_RES,
                         HKP_HTP__SMALL);
    accept_inner(inner, a);
    hkp_put_be64(inner + SID_AT, v->sid_v);
    hkp_put_be16(inner + VERSION_AT, HKP_HTP__VERSION);
    hkp_put_be16(inner + SUITE_AT, v->suite);
    hkp_put_be16(inner + FEATURES_AT, v->features);
    inner[MODE_AT] = v->mode;
    mix_resumption(&chain, e_v, dh, v->neural.in.psk, v->psk_res);
    sodium_memzero(dh, sizeof dh);
    hkp_status st = seal_accept(&chain, &v->neural, stamp->nonce, dgram, inner, RESUME_INNER);
    if (st == HKP_OK) v->chain = chain;
    sodium_memzero(&chain, sizeof chain);
    return st;
}

/* ---- E ---- */

static hkp_status parse_accept(struct hkp_htp__accept_secret *a, const uint8_t *p) {
    memcpy(a->session_secret, p + SECRET_AT, 32);
    memcpy(a->ce, p + CE_AT, 32);
    memcpy(a->ticket, p + TICKET_AT, 16);
    memcpy(a->reset_token, p + RESET_AT, 16);
    a->ticket_life_s = hkp_be32(p + LIFE_AT);
    a->trust = hkp_be16(p + TRUST_AT);
    a->heartbeat_s = hkp_be16(p + HEARTBEAT_AT);
    a->rekey_s = hkp_be16(p + REKEY_AT);
    a->clock = p[CLOCK_AT];
    a->resonance = p[STATE_AT];
    memcpy(a->addr, p + ADDR_AT, 16);
    a->port = hkp_be16(p + PORT_AT);
    if (a->rekey_s < 10 || a->rekey_s > 60 || a->heartbeat_s == 0 || a->clock > 2 || a->resonance > 4)
        return HKP_E_HTP_INNER;
    return a->ticket_life_s > HKP_HTP__TICKET_LIFE_MAX ? HKP_E_HTP_INNER : HKP_OK;
}

hkp_status hkp_htp__accept_open(struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__accept_secret *out) {
    uint8_t inner[HKP_HTP__ATTEST_BIG];
    struct hkp_htp__chain_secret chain = e->chain;
    hkp_status st = HKP_E_HTP_AUTH;
    hkp_htp__chain_mix_hash(&chain, PARTS({dgram, HKP_HTP__PREFIX_RES}));
    if (hkp_htp__chain_open(&chain, header->nonce, dgram + HKP_HTP__PREFIX_RES, len - HKP_HTP__PREFIX_RES,
                            inner) == 0) {
        /* 1200 bytes are a length of the type, but ACCEPT has one size only. */
        st = len == HKP_HTP__SMALL ? parse_accept(out, inner) : HKP_E_HTP_INNER;
        if (st == HKP_OK && !hkp_is_zero(inner + ACCEPT_USED, HKP_HTP__ACCEPT_INNER - ACCEPT_USED))
            st = HKP_E_HTP_INNER;
        if (st == HKP_OK)
            st = hkp_htp__layer_right(&e->chain, &e->neural, dgram, inner, HKP_HTP__ACCEPT_INNER);
        if (st == HKP_OK) e->chain = chain;
    }
    sodium_memzero(inner, sizeof inner);
    sodium_memzero(&chain, sizeof chain);
    return st;
}

static hkp_status parse_resumed(struct hkp_htp__accept_secret *a, struct hkp_htp__resumed *r,
                                const uint8_t *p) {
    hkp_status st = parse_accept(a, p);
    r->sid_v = hkp_be64(p + SID_AT);
    r->version = hkp_be16(p + VERSION_AT);
    r->suite = hkp_be16(p + SUITE_AT);
    r->features = hkp_be16(p + FEATURES_AT);
    r->mode = p[MODE_AT];
    if (r->sid_v == 0 || r->mode > HKP_HTP_MODE_R ||
        !hkp_is_zero(p + RESUME_USED, RESUME_INNER - RESUME_USED))
        return HKP_E_HTP_INNER;
    return st;
}

hkp_status hkp_htp__resume_open(struct hkp_htp__edge_secret *e, const struct hkp_htp__header *header,
                                const uint8_t *dgram, size_t len, struct hkp_htp__accept_secret *out,
                                struct hkp_htp__resumed *choice) {
    const uint8_t *e_v = dgram + HKP_HTP__PREFIX_RES;
    uint8_t inner[RESUME_INNER], dh[32];
    struct hkp_htp__chain_secret chain = e->chain, before;
    /* A larger one cannot be from the holder of s_v: nothing of this kind has another size. */
    if (len != HKP_HTP__SMALL) return HKP_E_HTP_AUTH;
    if (hkp_htp__dh(dh, e->e_key, e_v) != 0) return HKP_E_HTP_DH;
    mix_resumption(&chain, e_v, dh, e->neural.in.psk, e->psk_res);
    sodium_memzero(dh, sizeof dh);
    before = chain;
    hkp_htp__chain_mix_hash(&chain, PARTS({dgram, HKP_HTP__PREFIX_RES}));
    hkp_status st = HKP_E_HTP_AUTH;
    if (hkp_htp__chain_open(&chain, header->nonce, dgram + RESUME_SEALED_AT, len - RESUME_SEALED_AT, inner) ==
        0) {
        st = parse_resumed(out, choice, inner);
        if (st == HKP_OK) st = hkp_htp__layer_right(&before, &e->neural, dgram, inner, RESUME_INNER);
        if (st == HKP_OK) {
            e->chain = chain;
            e->sid_v = choice->sid_v;
            sodium_memzero(e->e_key, sizeof e->e_key);
        }
    }
    sodium_memzero(inner, sizeof inner);
    sodium_memzero(&chain, sizeof chain);
    sodium_memzero(&before, sizeof before);
    return st;
}
