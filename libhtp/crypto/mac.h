/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal, header-only: HMAC-SHA-256 (RFC 2104) with keys of 32 bytes, in pieces, over libter/sha256.h,
 * which is several times as fast as libsodium's where libcrypto is there. The state is plain bytes: a copy of
 * one that has taken its key in begins another MAC with the same key. A handshake computes some fifty.
 */
#ifndef HKP_LIBHTP_CRYPTO_MAC_H
#define HKP_LIBHTP_CRYPTO_MAC_H

#include "libter/sha256.h"

#include <string.h>

struct hkp_htp__mac {
    struct hkp_sha256 inner, outer;
};

static inline void hkp_htp__mac_init(struct hkp_htp__mac *m, const uint8_t key[32]) {
    uint8_t block[64];
    memset(block, 0x36, sizeof block);
    for (int i = 0; i < 32; i++) block[i] ^= key[i];
    hkp_sha256_init(&m->inner);
    hkp_sha256_update(&m->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5C;
    hkp_sha256_init(&m->outer);
    hkp_sha256_update(&m->outer, block, sizeof block);
    sodium_memzero(block, sizeof block);
}

/** data may be NULL if len is 0. */
static inline void hkp_htp__mac_update(struct hkp_htp__mac *m, const void *data, size_t len) {
    hkp_sha256_update(&m->inner, data, len);
}

/** Ends the MAC and wipes the state. */
static inline void hkp_htp__mac_final(struct hkp_htp__mac *m, uint8_t out[32]) {
    uint8_t hash[32];
    hkp_sha256_final(&m->inner, hash);
    hkp_sha256_update(&m->outer, hash, sizeof hash);
    hkp_sha256_final(&m->outer, out);
    sodium_memzero(hash, sizeof hash);
}

#endif
