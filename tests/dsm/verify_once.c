/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A world of n nodes verifies each signature n times. Here Ed25519 looks at each signature, key and message
 * once: what it found right is known by a hash of all three. The test stands before libsodium's function (ld
 * --wrap).
 */
#include <sodium.h>
#include <string.h>

#include "libter/bytes.h"

enum { KNOWN = 1 << 14 };

int __real_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk) {
    static uint8_t right[KNOWN][32];
    crypto_generichash_state state;
    uint8_t hash[32];
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, sig, 64);
    crypto_generichash_update(&state, pk, 32);
    crypto_generichash_update(&state, m, len);
    crypto_generichash_final(&state, hash, sizeof hash);
    uint8_t *known = right[hkp_le32(hash) % KNOWN];
    if (memcmp(known, hash, 32) == 0) return 0;
    int wrong = __real_crypto_sign_verify_detached(sig, m, len, pk);
    if (wrong == 0) memcpy(known, hash, 32);
    return wrong;
}
