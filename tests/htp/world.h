/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The two nodes of a handshake vector: keys, registry with the provider of HTP-18.1, certificates. */
#ifndef HKP_TESTS_HTP_WORLD_H
#define HKP_TESTS_HTP_WORLD_H

#include "check.h"
#include "libhtp/handshake/handshake.h"
#include "libter/bytes.h"
#include "vectors.h"

struct world {
    json_t *in, *draws, *times;
    struct hkp_htp__self_secret e, v;
    uint8_t psk[32], f[64];
    uint64_t last_us, ck_index;
    /** registry of both ends: HKP_HTP_NEURAL_*; strangers: V has no record */
    uint8_t neural;
    int unknown, mode;
    uint32_t require, policy_ver;
    uint8_t status;
    /** mode_n() says no */
    int no_mode_n;
    uint8_t quote[HKP_HTP_QUOTE_MAX];
    size_t quote_len;
    /** 1: quotes take their time; how often one was asked for, and the extraData of the last */
    int quote_waits, quote_asked;
    uint8_t quote_extra[32];
    struct hkp_htp_registry registry;
    /** pins that live, notes taken */
    long pins, notes;
    /** notes by kind */
    int unproved, bad_tickets, failed;
    uint16_t trust;
    uint8_t resonance;
    uint32_t pcr_mask, suites_allowed;
    uint64_t last_t1;
};

static inline hkp_status world_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct world *w = user;
    int is_e = memcmp(node_id, w->e.node_id, 16) == 0, is_v = memcmp(node_id, w->v.node_id, 16) == 0;
    if (!is_v && (!is_e || w->unknown)) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->a, is_e ? w->e.a : w->v.a, 32);
    out->neural = w->neural;
    out->require = w->require;
    out->policy_ver = w->policy_ver;
    out->status = w->status;
    out->trust = w->trust;
    out->resonance = w->resonance;
    out->pcr_mask = w->pcr_mask;
    out->suites_allowed = w->suites_allowed;
    out->last_t1 = w->last_t1;
    return HKP_OK;
}

static inline hkp_status world_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)node_id;
    *ck_index = ((const struct world *)user)->ck_index;
    return HKP_OK;
}

static inline hkp_status world_neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                                      struct hkp_htp_neural *out) {
    struct world *w = user;
    const uint8_t *peer = side == HKP_HTP_SIDE_OWN ? w->v.node_id : w->e.node_id;
    if (memcmp(node_id, peer, 16) != 0 || ck_index != w->ck_index) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    memcpy(out->psk, w->psk, 32);
    memcpy(out->f, w->f, 64);
    out->last_us = w->last_us;
    out->handle = 77;
    w->pins++;
    return HKP_OK;
}

static inline hkp_status world_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                                    const uint8_t nonce[8], uint8_t tag[32]) {
    const struct world *w = user;
    CHECK_EQ(handle, 77);
    hkp_htp__hmac(tag, w->psk, PARTS(LABEL("vector posf"), {&role, 1}, {msg_hash, 32}, {nonce, 8}));
    return HKP_OK;
}

static inline void world_release(void *user, uint64_t handle) {
    struct world *w = user;
    CHECK_EQ(handle, 77);
    w->pins--;
}

static inline hkp_status world_certificate(void *user, uint32_t form, const uint8_t *data, size_t len,
                                           uint64_t wall, struct hkp_htp_identity *out) {
    struct world *w = user;
    (void)wall;
    const struct hkp_htp__self_secret *who = NULL;
    if (form == 2 && len == w->e.cert_len && len > 0 && memcmp(data, w->e.cert, len) == 0) who = &w->e;
    if (form == 2 && len == w->v.cert_len && len > 0 && memcmp(data, w->v.cert, len) == 0) who = &w->v;
    if (who == NULL) return HKP_E_NOTFOUND;
    *out = who->own;
    return HKP_OK;
}

static inline hkp_status world_mode_n(void *user, const struct hkp_htp_mode_n *q, uint8_t *n_case) {
    const struct world *w = user;
    if (w->no_mode_n) return HKP_E_NOTFOUND;
    if (w->neural == HKP_HTP_NEURAL_OFF && !w->unknown)
        *n_case = 1;
    else if (q->own_shown && q->peer_shown)
        *n_case = 2;
    else
        return HKP_E_NOTFOUND;
    return HKP_OK;
}

static inline hkp_status world_quote_make(void *user, const uint8_t extra[32], uint32_t mask, uint8_t *dst,
                                          size_t cap, size_t *len) {
    struct world *w = user;
    (void)mask;
    if (w->quote_asked++ > 0 && w->quote_waits) CHECK_MEM(extra, w->quote_extra, 32);
    memcpy(w->quote_extra, extra, 32);
    if (w->quote_waits) return HKP_E_LIMIT;
    if (w->quote_len == 0 || w->quote_len > cap) return HKP_E_NOTFOUND;
    memcpy(dst, w->quote, w->quote_len);
    *len = w->quote_len;
    return HKP_OK;
}

static inline hkp_status world_quote_check(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                                           uint32_t mask, const uint8_t *quote, size_t len) {
    const struct world *w = user;
    (void)node_id, (void)extra, (void)mask;
    return len == w->quote_len && memcmp(quote, w->quote, len) == 0 ? HKP_OK : HKP_E_INVAL;
}

static inline void world_note(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value) {
    struct world *w = user;
    (void)node_id, (void)value;
    w->notes++;
    w->unproved += what == HKP_HTP_NOTE_UNPROVED;
    w->bad_tickets += what == HKP_HTP_NOTE_TICKET;
    w->failed += what == HKP_HTP_NOTE_FAILED;
}

static inline void world_keys(struct hkp_htp__self_secret *s, json_t *in, const char *a, const char *x) {
    uint8_t seed[32];
    vec_hex_into(in, a, seed, 32);
    crypto_sign_ed25519_seed_keypair(s->a, s->a_key, seed);
    if (x != NULL) {
        vec_hex_into(in, x, s->s_key, 32);
        crypto_scalarmult_curve25519_base(s->s, s->s_key);
    }
}

static inline void world_cert(struct hkp_htp__self_secret *s, struct vec_bytes cert) {
    memcpy(s->own.node_id, s->node_id, 16);
    memcpy(s->own.a, s->a, 32);
    memcpy(s->own.s, s->s, 32);
    s->own.roles = 3;
    memcpy(s->cert, cert.ptr, cert.len);
    s->cert_len = cert.len;
    free(cert.ptr);
}

static inline void world_load(struct world *w, json_t *in) {
    memset(w, 0, sizeof *w);
    w->in = in;
    w->draws = vec_get(in, "draws");
    w->times = vec_get(in, "times");
    w->mode = (int)vec_u64(in, "mode");
    world_keys(&w->e, in, "A_e", NULL);
    world_keys(&w->v, in, "A_v", "s_v");
    vec_hex_into(in, "node_id", w->e.node_id, 16);
    memset(w->v.node_id, 0xBB, 16);
    vec_hex_into(in, "psk", w->psk, 32);
    vec_hex_into(in, "F", w->f, 64);
    w->last_us = vec_u64(in, "last_us");
    w->trust = 52428;
    w->resonance = w->mode == HKP_HTP_MODE_R ? 2 : 0;
    w->ck_index = vec_u64(in, "ck_index");
    struct vec_bytes quote = vec_hex(in, "quote");
    w->quote_len = quote.len;
    memcpy(w->quote, quote.ptr, quote.len);
    free(quote.ptr);
    world_cert(&w->e, vec_hex(in, "cert_e"));
    world_cert(&w->v, vec_hex(in, "cert_v"));
    const char *policy = vec_text(in, "policy");
    w->unknown = strcmp(policy, "stranger") == 0;
    w->neural = strcmp(policy, "off") == 0                  ? HKP_HTP_NEURAL_OFF
                : strcmp(policy, "open") == 0 || w->unknown ? HKP_HTP_NEURAL_OPEN
                                                            : HKP_HTP_NEURAL_REQUIRED;
    w->registry = (struct hkp_htp_registry){.user = w,
                                            .find = world_find,
                                            .own_index = world_index,
                                            .neural = world_neural,
                                            .posf = world_posf,
                                            .neural_release = world_release,
                                            .certificate = world_certificate,
                                            .mode_n = world_mode_n,
                                            .quote_make = world_quote_make,
                                            .quote_check = world_quote_check,
                                            .note = world_note};
}

static inline void world_inputs(struct world *w, struct hkp_htp__neural_secret *out, uint32_t side) {
    memset(out, 0, sizeof *out);
    if (w->mode == HKP_HTP_MODE_N) return;
    out->registry = &w->registry;
    out->ck_index = w->ck_index;
    CHECK_EQ(
        world_neural(w, side == HKP_HTP_SIDE_OWN ? w->v.node_id : w->e.node_id, side, w->ck_index, &out->in),
        HKP_OK);
}

static inline uint64_t world_draw_u64(struct world *w, const char *name) {
    uint8_t b[8];
    vec_hex_into(w->draws, name, b, 8);
    return hkp_be64(b);
}

static inline struct hkp_htp__stamp world_stamp(struct world *w, const char *message) {
    char name[40];
    struct hkp_htp__stamp s;
    snprintf(name, sizeof name, "nonce_%s", message);
    vec_hex_into(w->draws, name, s.nonce, 8);
    snprintf(name, sizeof name, "ts_%s", message);
    s.seconds = (uint32_t)(vec_u64(w->times, name) / 1000000);
    return s;
}

static inline struct hkp_htp__cert world_shown(const struct hkp_htp__self_secret *s, int form) {
    struct hkp_htp__cert c = {
        .form = (uint8_t)form, .len = (uint16_t)(form == 0 ? 0 : s->cert_len), .data = s->cert};
    return c;
}

#endif
