/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/bls/bls.h"

#include <blst.h>
#include <sodium.h>

/* Of signatures and of proofs of possession: neither is ever the other. */
static const char dst_sign[] = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
static const char dst_prove[] = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

enum { DST_BYTES = sizeof dst_sign - 1 };

int hkp_dsm__bls_is_built(void) { return 1; }

static int read_secret(blst_scalar *scalar, const uint8_t secret[32]) {
    blst_scalar_from_bendian(scalar, secret);
    return blst_sk_check(scalar);
}

static int read_key(blst_p1_affine *key, const uint8_t in[48]) {
    return blst_p1_uncompress(key, in) == BLST_SUCCESS && !blst_p1_affine_is_inf(key) &&
           blst_p1_affine_in_g1(key);
}

static int read_signature(blst_p2_affine *signature, const uint8_t in[96]) {
    return blst_p2_uncompress(signature, in) == BLST_SUCCESS && !blst_p2_affine_is_inf(signature) &&
           blst_p2_affine_in_g2(signature);
}

static void write_key(uint8_t key[48], const blst_scalar *scalar) {
    blst_p1 point;
    blst_sk_to_pk_in_g1(&point, scalar);
    blst_p1_compress(key, &point);
}

static void sign(const blst_scalar *scalar, const char *dst, const uint8_t *message, size_t len,
                 uint8_t signature[96]) {
    blst_p2 point;
    blst_hash_to_g2(&point, message, len, (const uint8_t *)dst, DST_BYTES, NULL, 0);
    blst_sign_pk_in_g1(&point, &point, scalar);
    blst_p2_compress(signature, &point);
}

static hkp_status verify(const blst_p1_affine *key, const char *dst, const uint8_t *message, size_t len,
                         const uint8_t signature[96]) {
    blst_p2_affine point;
    if (!read_signature(&point, signature)) return HKP_E_DSM_SIG;
    return blst_core_verify_pk_in_g1(key, &point, 1, message, len, (const uint8_t *)dst, DST_BYTES, NULL,
                                     0) == BLST_SUCCESS
               ? HKP_OK
               : HKP_E_DSM_SIG;
}

hkp_status hkp_dsm__bls_keypair(const uint8_t seed[32], uint8_t secret[32], uint8_t key[48]) {
    blst_scalar scalar;
    blst_keygen(&scalar, seed, 32, NULL, 0);
    blst_bendian_from_scalar(secret, &scalar);
    write_key(key, &scalar);
    sodium_memzero(&scalar, sizeof scalar);
    return HKP_OK;
}

hkp_status hkp_dsm__bls_public(const uint8_t secret[32], uint8_t key[48]) {
    blst_scalar scalar;
    const int ok = read_secret(&scalar, secret);
    if (ok) write_key(key, &scalar);
    sodium_memzero(&scalar, sizeof scalar);
    return ok ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_dsm__bls_prove(const uint8_t secret[32], uint8_t proof[96]) {
    blst_scalar scalar;
    uint8_t key[48];
    const int ok = read_secret(&scalar, secret);
    if (ok) {
        write_key(key, &scalar);
        sign(&scalar, dst_prove, key, sizeof key, proof);
    }
    sodium_memzero(&scalar, sizeof scalar);
    return ok ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_dsm__bls_possessed(const uint8_t key[48], const uint8_t proof[96]) {
    blst_p1_affine point;
    return read_key(&point, key) ? verify(&point, dst_prove, key, 48, proof) : HKP_E_DSM_SIG;
}

hkp_status hkp_dsm__bls_sign(const uint8_t secret[32], const uint8_t *message, size_t len,
                             uint8_t signature[96]) {
    blst_scalar scalar;
    const int ok = read_secret(&scalar, secret);
    if (ok) sign(&scalar, dst_sign, message, len, signature);
    sodium_memzero(&scalar, sizeof scalar);
    return ok ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_dsm__bls_verify(const uint8_t *const *keys, size_t n, const uint8_t *message, size_t len,
                               const uint8_t signature[96]) {
    blst_p1 sum = {0}; /* infinity */
    blst_p1_affine key;
    for (size_t i = 0; i < n; i++) {
        if (keys[i] == NULL) continue;
        if (!read_key(&key, keys[i])) return HKP_E_DSM_SIG;
        blst_p1_add_or_double_affine(&sum, &sum, &key);
    }
    if (blst_p1_is_inf(&sum)) return HKP_E_DSM_SIG;
    blst_p1_to_affine(&key, &sum);
    return verify(&key, dst_sign, message, len, signature);
}

hkp_status hkp_dsm__bls_add(const uint8_t *const *signatures, size_t n, uint8_t sum[96]) {
    blst_p2 all = {0};
    blst_p2_affine one;
    for (size_t i = 0; i < n; i++) {
        if (signatures[i] == NULL) continue;
        if (!read_signature(&one, signatures[i])) return HKP_E_DSM_SIG;
        blst_p2_add_or_double_affine(&all, &all, &one);
    }
    if (blst_p2_is_inf(&all)) return HKP_E_DSM_SIG;
    blst_p2_compress(sum, &all);
    return HKP_OK;
}
