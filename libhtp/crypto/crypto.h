/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The primitives of HTP-1.2 over libsodium, each taking its input as a list of parts, without copies. */
#ifndef HKP_LIBHTP_CRYPTO_H
#define HKP_LIBHTP_CRYPTO_H

#include "libhtp/crypto/mac.h"
#include "libhtp/openssl/ciphers.h"

#include <hookprobe/base.h>
#include <sodium.h>

/** One piece of a hash or MAC input. */
struct hkp_htp__part {
    const void *ptr;
    size_t len;
};

/* The list and its length as two arguments: hkp_htp__hash(out, PARTS({a, 32}, {b, 8})). */
#define PARTS(...)                                                                                           \
    (const struct hkp_htp__part[]){__VA_ARGS__},                                                             \
        sizeof((const struct hkp_htp__part[]){__VA_ARGS__}) / sizeof(struct hkp_htp__part)

/* A label of HTP-1.3 as a part, with its one terminating zero. */
#define LABEL(text)                                                                                          \
    { text, sizeof(text) }

/** SHA-256. */
void hkp_htp__hash(uint8_t out[32], const struct hkp_htp__part *parts, size_t n);
/** BLAKE2b with 32 bytes of output; key NULL: unkeyed. */
void hkp_htp__b2(uint8_t out[32], const uint8_t *key, const struct hkp_htp__part *parts, size_t n);
/** HMAC-SHA-256. */
void hkp_htp__hmac(uint8_t out[32], const uint8_t key[32], const struct hkp_htp__part *parts, size_t n);
/** One block of HKDF-Expand, at most 32 bytes, under a prk that hkp_htp__mac_init() took
 * in. */
void hkp_htp__expand_one(uint8_t *out, size_t len, const struct hkp_htp__mac *keyed,
                         const struct hkp_htp__part *parts, size_t n);
/** HKDF-Expand of RFC 5869; len <= 8160. out must not overlap the parts. */
void hkp_htp__expand(uint8_t *out, size_t len, const uint8_t prk[32], const struct hkp_htp__part *parts,
                     size_t n);

/** X25519; -1 when the result is all zero (HTP-1.4). */
int hkp_htp__dh(uint8_t out[32], const uint8_t secret[32], const uint8_t public_key[32]);

/** Seals in place and writes the tag behind the text; 0, or -1: not sealed and the text is lost, which only
 * libcrypto can bring about. ciphers: contexts of the endpoint, or NULL: by libsodium. */
int hkp_htp__seal(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p);
/** Opens in place; -1: does not open, and the text is lost. */
int hkp_htp__open(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p);

#endif
