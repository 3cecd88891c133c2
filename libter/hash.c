/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Small cryptographic helpers that the libraries above share: RIPEMD-160, key ids, wiping. */
#include <hookprobe/ter.h>

#include <assert.h>
#include <mbedtls/ripemd160.h>
#include <mbedtls/version.h>
#include <sodium.h>
#include <string.h>

void hkp_ter_wipe(void *ptr, size_t len) {
    if (len > 0) sodium_memzero(ptr, len);
}

void hkp_ter_ripemd160(const uint8_t *data, size_t len, uint8_t digest[20]) {
#if MBEDTLS_VERSION_MAJOR >= 3
    int failed = mbedtls_ripemd160(data, len, digest);
#else
    int failed = mbedtls_ripemd160_ret(data, len, digest);
#endif
    /* Only a hardware replacement of the hash can fail, and such a build must not go on with a wrong digest.
     */
    assert(failed == 0);
    (void)failed;
}

void hkp_ter_key_id(const uint8_t policy_public[32], uint8_t key_id[16]) {
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, policy_public, 32);
    memcpy(key_id, digest, 16);
}
