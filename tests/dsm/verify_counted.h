/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How often Ed25519 is asked: the test stands before libsodium's function (ld --wrap) and counts. For one file. */
#ifndef HKP_TESTS_DSM_VERIFY_COUNTED_H
#define HKP_TESTS_DSM_VERIFY_COUNTED_H

#include <sodium.h>
#include <stdint.h>

static uint64_t checked;

int __real_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk);

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long len, const unsigned char *pk) {
    checked++;
    return __real_crypto_sign_verify_detached(sig, m, len, pk);
}

#endif
