/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal, header-only, for all five libraries: SHA-256 in pieces. The state is plain bytes, without heap
 * and without failure: a copy of the struct is a second hash that goes on from there, so the hash of what
 * came so far is the final of a copy. By libcrypto where the build has it (it uses the machine's SHA
 * instructions), else by libsodium; the results are the same. The only file that sees OpenSSL's SHA-256
 * (decision 0406).
 */
#ifndef HKP_LIBTER_SHA256_H
#define HKP_LIBTER_SHA256_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HKP_OPENSSL_SHA256
/* Deprecated with OpenSSL 3.0 and still there: EVP would cost memory from the heap, a failure to handle and
 * ten times the time of a short message. */
#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif
#include <openssl/sha.h>
#endif

struct hkp_sha256 {
#ifdef HKP_OPENSSL_SHA256
    SHA256_CTX state;
#else
    crypto_hash_sha256_state state;
#endif
};

static inline void hkp_sha256_init(struct hkp_sha256 *h) {
#ifdef HKP_OPENSSL_SHA256
    (void)SHA256_Init(&h->state);
#else
    (void)crypto_hash_sha256_init(&h->state);
#endif
}

/** data may be NULL if len is 0. */
static inline void hkp_sha256_update(struct hkp_sha256 *h, const void *data, size_t len) {
    if (len == 0) return;
#ifdef HKP_OPENSSL_SHA256
    (void)SHA256_Update(&h->state, data, len);
#else
    (void)crypto_hash_sha256_update(&h->state, (const uint8_t *)data, len);
#endif
}

/** Ends the hash and wipes it: it may be begun anew. To go on afterwards, end a copy. */
static inline void hkp_sha256_final(struct hkp_sha256 *h, uint8_t digest[32]) {
#ifdef HKP_OPENSSL_SHA256
    (void)SHA256_Final(digest, &h->state);
#else
    (void)crypto_hash_sha256_final(&h->state, digest);
#endif
    sodium_memzero(h, sizeof *h);
}

static inline void hkp_sha256(uint8_t digest[32], const void *data, size_t len) {
    struct hkp_sha256 h;
    hkp_sha256_init(&h);
    hkp_sha256_update(&h, data, len);
    hkp_sha256_final(&h, digest);
}

#endif
