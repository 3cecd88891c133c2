/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the tests of libneuro share: the two streams of the vectors (their README), states and hashes of them.
 */
#ifndef HKP_TESTS_NEURO_SUPPORT_H
#define HKP_TESTS_NEURO_SUPPORT_H

#include "check.h"
#include "libneuro/state.h"
#include "libter/bytes.h"
#include "vectors.h"

#include <hookprobe/ter.h>
#include <sodium.h>

/** Who the device of the vectors is. */
struct profile {
    char tag[32];
    uint64_t t0;
    uint8_t seed[32], node_id[16], h_ref[20], root[32], device_seed[32], device_public[32];
    uint8_t policy_seed[32], policy_public[32], boot_id[16];
};

static inline struct profile profile_of(json_t *file) {
    struct profile p = {0};
    json_t *o = vec_get(file, "profile");
    snprintf(p.tag, sizeof p.tag, "%s", vec_text(o, "tag"));
    p.t0 = vec_u64(o, "t0");
    vec_hex_into(o, "seed", p.seed, 32);
    vec_hex_into(o, "node_id", p.node_id, 16);
    vec_hex_into(o, "h_ref", p.h_ref, 20);
    vec_hex_into(o, "integrity_root", p.root, 32);
    vec_hex_into(o, "device_key_seed", p.device_seed, 32);
    vec_hex_into(o, "device_public", p.device_public, 32);
    vec_hex_into(o, "policy_key_seed", p.policy_seed, 32);
    vec_hex_into(o, "policy_public", p.policy_public, 32);
    vec_hex_into(o, "boot_id", p.boot_id, 16);
    return p;
}

/** A stream of TERs: the next one goes to ter. */
struct stream {
    char tag[32];
    uint32_t i;
    uint64_t ts;
    uint8_t h_ref[20], h_other[20], ter[64];
};

static inline struct stream stream_v(const struct profile *p) {
    struct stream s = {.ts = p->t0};
    memcpy(s.tag, p->tag, sizeof s.tag);
    memcpy(s.h_ref, p->h_ref, 20);
    return s;
}

static inline void stream_v_next(struct stream *s) {
    uint8_t text[64];
    const size_t tag_len = strlen(s->tag);
    struct hkp_ter_record rec = {.sequence = (uint16_t)s->i};
    memcpy(text, s->tag, tag_len);
    hkp_put_le32(text + tag_len, s->i);
    crypto_hash_sha256(rec.h_entropy, text, tag_len + 4);
    s->ts += 1 + hkp_le32(rec.h_entropy) % 2000000;
    if (s->i % 97 == 96) s->ts += 7200000000U;
    if (s->i % 499 == 498) s->ts += 200000000000U;
    memcpy(rec.h_integrity, s->h_ref, 20);
    if (s->i % 251 == 250) {
        uint8_t h[32];
        memcpy(text + tag_len, "int", 3);
        hkp_put_le32(text + tag_len + 3, s->i);
        crypto_hash_sha256(h, text, tag_len + 7);
        memcpy(rec.h_integrity, h, 20);
    }
    rec.timestamp_us = s->ts;
    rec.chain_crc = s->i == 0 ? 0 : hkp_ter_crc16(s->ter, 64);
    hkp_ter_record_encode(&rec, s->ter);
    s->i++;
}

/** Stream P of NZ1 20. */
static inline struct stream stream_p(void) {
    struct stream s = {.ts = 1700000000000000U};
    for (int k = 0; k < 20; k++) s.h_ref[k] = (uint8_t)(17 * k + 3), s.h_other[k] = (uint8_t)(31 * k + 200);
    return s;
}

static inline void stream_p_next(struct stream *s) {
    uint8_t text[16] = {0};
    struct hkp_ter_record rec = {.sequence = (uint16_t)s->i};
    hkp_put_le64(text, s->i);
    crypto_hash_sha256(rec.h_entropy, text, 16);
    s->ts += 1000000U + (s->i % 13) * 777777U;
    memcpy(rec.h_integrity, s->i % 997 == 500 ? s->h_other : s->h_ref, 20);
    rec.timestamp_us = s->ts;
    hkp_ter_record_encode(&rec, s->ter);
    s->i++;
}

/** A state of the variant, or the end of the program. */
static inline hkp_neuro_state *state_make(uint32_t variant) {
    hkp_neuro_state *s = NULL;
    if (hkp_neuro_state_new(&s, NULL, variant) != HKP_OK) {
        printf("Bail out! no state of variant %u\n", variant);
        exit(1);
    }
    return s;
}

/** Variants of this machine, from SCALAR on. */
static inline uint32_t variants_end(void) {
    return hkp_neuro__kernel_find(HKP_NEURO_VARIANT_AVX2) != NULL ? HKP_NEURO_VARIANT_AVX2 + 1
                                                                  : HKP_NEURO_VARIANT_AVX2;
}

/** State n of stream V, with the last TER in s if wanted. */
static inline hkp_neuro_state *state_v(const struct profile *p, uint32_t n, struct stream *s) {
    struct stream own = stream_v(p);
    hkp_neuro_state *state = state_make(HKP_NEURO_VARIANT_AUTO);
    hkp_neuro_state_enrol(state, p->seed, p->node_id, p->h_ref);
    for (uint32_t i = 0; i < n; i++) {
        stream_v_next(&own);
        CHECK_EQ(hkp_neuro_state_evolve(state, own.ter), HKP_OK);
    }
    if (s != NULL) *s = own;
    return state;
}

static inline void check_f(const hkp_neuro_state *state, json_t *o, const char *key) {
    uint8_t f[64], want[64];
    hkp_neuro_state_fingerprint(state, f);
    vec_hex_into(o, key, want, 64);
    CHECK_MEM(f, want, 64);
}

static inline void w_hash(const hkp_neuro_state *state, uint8_t w[32], uint8_t r[32]) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    hkp_neuro_state_encode(state, bytes);
    crypto_hash_sha256(w, bytes + 116, 4 * HKP_NEURO__N);
    crypto_hash_sha256(r, bytes + 74740, 2 * HKP_NEURO__N);
}

#endif
