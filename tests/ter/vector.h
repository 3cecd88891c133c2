/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the vector files of nz1/ have in common: the profile, and results as numbers. */
#ifndef HKP_TESTS_TER_VECTOR_H
#define HKP_TESTS_TER_VECTOR_H

#include "check.h"
#include "vectors.h"

#include <hookprobe/ter.h>
#include <sodium.h>

/** The status that a case's `code` stands for (NZ1 23: base - code, 0 is good). */
static inline hkp_status vector_status(json_t *v) {
    int32_t code = (int32_t)vec_i64(v, "code");
    return code == 0 ? HKP_OK : HKP_E_TER_BASE - code;
}

/** Ed25519 secret key of a seed in the profile. */
static inline void vector_key(json_t *file, const char *name, uint8_t secret[64]) {
    uint8_t seed[32], public_key[32];
    vec_hex_into(vec_get(file, "profile"), name, seed, sizeof seed);
    crypto_sign_seed_keypair(public_key, secret, seed);
}

static inline void check_same_cursor(const struct hkp_ter_cursor *a, const struct hkp_ter_cursor *b) {
    uint8_t x[HKP_TER_CURSOR_SIZE], y[HKP_TER_CURSOR_SIZE];
    hkp_ter_cursor_encode(a, x);
    hkp_ter_cursor_encode(b, y);
    CHECK_MEM(x, y, sizeof x);
    CHECK_EQ(a->has_last, b->has_last);
}

#endif
