/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A world of n nodes verifies each signature n times. Here Ed25519 looks at each signature, key and message
 * once: what it found right is kept, all its bytes, and compared with what comes. The test stands before
 * libsodium's function (ld --wrap).
 */
#include <sodium.h>
#include <string.h>

#include "libter/bytes.h"

enum { KNOWN = 1 << 14, MESSAGE_MAX = 416 };

int __real_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);
struct right {
    uint8_t used, sig[64], pk[32];
    unsigned long long len;
    uint8_t m[MESSAGE_MAX];
};

/* One place for each signature, by bytes of its point, which nobody chooses freely. */
static struct right *place(const uint8_t sig[64]) {
    static struct right all[KNOWN];
    return &all[hkp_le32(sig) % KNOWN];
}

/* What is kept of a message: itself, of a longer one its hash. */
static const uint8_t *kept(uint8_t hash[32], const uint8_t *m, unsigned long long len, size_t *n) {
    *n = len > MESSAGE_MAX ? 32 : (size_t)len;
    if (len > MESSAGE_MAX) crypto_generichash(hash, 32, m, len, NULL, 0);
    return len > MESSAGE_MAX ? hash : m;
}

static void keep(const uint8_t sig[64], const uint8_t *m, unsigned long long len, const uint8_t pk[32]) {
    struct right *r = place(sig);
    uint8_t hash[32];
    size_t n;
    m = kept(hash, m, len, &n);
    *r = (struct right){.used = 1, .len = len};
    memcpy(r->sig, sig, 64);
    memcpy(r->pk, pk, 32);
    memcpy(r->m, m, n);
}

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk) {
    const struct right *r = place(sig);
    uint8_t hash[32];
    size_t n;
    const uint8_t *bytes = kept(hash, m, len, &n);
    if (r->used && memcmp(r->sig, sig, 64) == 0 && memcmp(r->pk, pk, 32) == 0 && r->len == len &&
        memcmp(r->m, bytes, n) == 0)
        return 0;
    const int wrong = __real_crypto_sign_verify_detached(sig, m, len, pk);
    if (wrong == 0) keep(sig, m, len, pk);
    return wrong;
}
