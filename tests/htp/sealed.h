/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A packet that is sealed and opened both ways: by what the build has, and by libsodium alone. */
#ifndef HKP_TESTS_HTP_SEALED_H
#define HKP_TESTS_HTP_SEALED_H

#include "check.h"
#include "libhtp/crypto/crypto.h"

#include <hookprobe/htp.h>

enum { SEALED_MOST = 17000, SEALED_GUARD = 8 };

struct sealed {
    uint8_t key[32], nonce[12], aad[100];
    /** as it was, sealed by libsodium, and at work between guards */
    uint8_t plain[SEALED_MOST], sealed[SEALED_MOST + 16],
        room[SEALED_GUARD + SEALED_MOST + 16 + SEALED_GUARD];
    struct hkp_htp__sealed p;
};

static uint64_t sealed_state;

static inline uint32_t sealed_draw(uint32_t below) {
    sealed_state = sealed_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(sealed_state >> 33) % below;
}

static inline void sealed_noise(void *dst, size_t len) {
    for (size_t i = 0; i < len; i++) ((uint8_t *)dst)[i] = (uint8_t)sealed_draw(256);
}

static inline void sealed_begin(struct sealed *s, uint16_t suite, size_t len, const uint8_t key[32]) {
    memcpy(s->key, key, 32);
    sealed_noise(s->nonce, sizeof s->nonce);
    sealed_noise(s->aad, sizeof s->aad);
    sealed_noise(s->plain, len);
    memset(s->room, 0xEE, sizeof s->room);
    memcpy(s->room + SEALED_GUARD, s->plain, len);
    memcpy(s->sealed, s->plain, len);
    s->p = (struct hkp_htp__sealed){.key = s->key,
                                    .nonce = s->nonce,
                                    .aad = s->aad,
                                    .aad_len = sealed_draw(2) ? 36 : 100,
                                    .text = s->sealed,
                                    .len = len,
                                    .suite = suite};
    CHECK_EQ(hkp_htp__seal(NULL, &s->p), 0);
    s->p.text = s->room + SEALED_GUARD;
}

/** Nothing was written before the text, nor behind the tag. */
static inline void sealed_guards(const struct sealed *s) {
    for (int i = 0; i < SEALED_GUARD; i++) CHECK_EQ(s->room[i], 0xEE);
    for (int i = 0; i < SEALED_GUARD; i++) CHECK_EQ(s->room[SEALED_GUARD + s->p.len + 16 + (size_t)i], 0xEE);
}

/** Seals and opens; the bytes are those of libsodium. */
static inline void sealed_check(struct sealed *s, struct hkp_htp__ciphers *c) {
    CHECK_EQ(hkp_htp__seal(c, &s->p), 0);
    CHECK_MEM(s->p.text, s->sealed, s->p.len + 16);
    CHECK_EQ(hkp_htp__open(c, &s->p), 0);
    CHECK_MEM(s->p.text, s->plain, s->p.len);
    CHECK_MEM(s->p.text + s->p.len, s->sealed + s->p.len, 16);
    sealed_guards(s);
}

static inline uint16_t sealed_suite(int i) {
    return i % 2 != 0 && crypto_aead_aes256gcm_is_available() ? HKP_HTP_SUITE_AES256_GCM
                                                              : HKP_HTP_SUITE_CHACHA20_POLY1305;
}

#endif
