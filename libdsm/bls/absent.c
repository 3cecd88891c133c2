/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A build without blst: it signs nothing, believes no key, and has no scheme 2 (D-QC-4). */
#include "libdsm/bls/bls.h"

int hkp_dsm__bls_is_built(void) { return 0; }

hkp_status hkp_dsm__bls_keypair(const uint8_t seed[32], uint8_t secret[32], uint8_t key[48]) {
    (void)seed, (void)secret, (void)key;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_public(const uint8_t secret[32], uint8_t key[48]) {
    (void)secret, (void)key;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_prove(const uint8_t secret[32], uint8_t proof[96]) {
    (void)secret, (void)proof;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_possessed(const uint8_t key[48], const uint8_t proof[96]) {
    (void)key, (void)proof;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_sign(const uint8_t secret[32], const uint8_t *message, size_t len,
                             uint8_t signature[96]) {
    (void)secret, (void)message, (void)len, (void)signature;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_verify(const uint8_t *const *keys, size_t n, const uint8_t *message, size_t len,
                               const uint8_t signature[96]) {
    (void)keys, (void)n, (void)message, (void)len, (void)signature;
    return HKP_E_UNSUPPORTED;
}

hkp_status hkp_dsm__bls_add(const uint8_t *const *signatures, size_t n, uint8_t sum[96]) {
    (void)signatures, (void)n, (void)sum;
    return HKP_E_UNSUPPORTED;
}
