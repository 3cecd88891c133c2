/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The verifier's half of credential activation, without a TPM (D-CA-3; TPM 2.0 Library, part 1, 24 and C.6).
 * KDFa is the counter mode of SP 800-108 with HMAC-SHA256, KDFe the one-step hash of SP 800-56A.
 */
#include "libter/area.h"
#include "libter/bytes.h"
#include "libter/p256.h"

#include <mbedtls/aes.h>
#include <sodium.h>
#include <string.h>

enum { NAME_SIZE = HKP_TER_TPM_NAME_SIZE, POINT_BYTES = 2 * (2 + 32) };

/* The labels count with their terminating zero. */
static void kdfe_identity(const uint8_t z[32], const uint8_t u_x[32], const uint8_t v_x[32],
                          uint8_t seed[32]) {
    static const uint8_t counter[4] = {0, 0, 0, 1};
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, counter, 4);
    crypto_hash_sha256_update(&hash, z, 32);
    crypto_hash_sha256_update(&hash, (const uint8_t *)"IDENTITY", 9);
    crypto_hash_sha256_update(&hash, u_x, 32);
    crypto_hash_sha256_update(&hash, v_x, 32);
    crypto_hash_sha256_final(&hash, seed);
    sodium_memzero(&hash, sizeof hash);
}

static void kdfa(const uint8_t seed[32], const char *label, const uint8_t *context, size_t context_len,
                 uint32_t bits, uint8_t out[32]) {
    crypto_auth_hmacsha256_state hmac;
    uint8_t number[4];
    crypto_auth_hmacsha256_init(&hmac, seed, 32);
    hkp_put_be32(number, 1);
    crypto_auth_hmacsha256_update(&hmac, number, 4);
    crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)label, strlen(label) + 1);
    if (context_len > 0) crypto_auth_hmacsha256_update(&hmac, context, context_len);
    hkp_put_be32(number, bits);
    crypto_auth_hmacsha256_update(&hmac, number, 4);
    crypto_auth_hmacsha256_final(&hmac, out);
    sodium_memzero(&hmac, sizeof hmac);
}

static int encrypt(const uint8_t key[16], uint8_t *bytes, size_t len) {
    mbedtls_aes_context aes;
    uint8_t iv[16] = {0};
    size_t offset = 0;
    mbedtls_aes_init(&aes);
    int result = mbedtls_aes_setkey_enc(&aes, key, 128);
    if (result == 0)
        result = mbedtls_aes_crypt_cfb128(&aes, MBEDTLS_AES_ENCRYPT, len, &offset, iv, bytes, bytes);
    mbedtls_aes_free(&aes);
    return result;
}

/* TPM2B_ID_OBJECT: { TPM2B integrity || encrypted TPM2B secret }; its length. */
static size_t seal(uint8_t *dst, const uint8_t seed[32], const uint8_t name[NAME_SIZE], const uint8_t *secret,
                   size_t len) {
    uint8_t key[32];
    crypto_auth_hmacsha256_state hmac;
    uint8_t *inner = dst + 2 + 2 + 32;
    const size_t inner_len = 2 + len;
    hkp_put_be16(inner, (uint16_t)len);
    memcpy(inner + 2, secret, len);
    kdfa(seed, "STORAGE", name, NAME_SIZE, 128, key);
    const int failed = encrypt(key, inner, inner_len);
    kdfa(seed, "INTEGRITY", NULL, 0, 256, key);
    crypto_auth_hmacsha256_init(&hmac, key, 32);
    crypto_auth_hmacsha256_update(&hmac, inner, inner_len);
    crypto_auth_hmacsha256_update(&hmac, name, NAME_SIZE);
    hkp_put_be16(dst, (uint16_t)(2 + 32 + inner_len));
    hkp_put_be16(dst + 2, 32);
    crypto_auth_hmacsha256_final(&hmac, dst + 4);
    sodium_memzero(key, sizeof key);
    sodium_memzero(&hmac, sizeof hmac);
    return failed ? 0 : 2 + 2 + 32 + inner_len;
}

/* TPM2B_ENCRYPTED_SECRET: our point of the exchange. */
static size_t write_point(uint8_t *dst, const uint8_t point[64]) {
    hkp_put_be16(dst, POINT_BYTES);
    hkp_put_be16(dst + 2, 32);
    memcpy(dst + 4, point, 32);
    hkp_put_be16(dst + 36, 32);
    memcpy(dst + 38, point + 32, 32);
    return 2 + POINT_BYTES;
}

hkp_status hkp_ter_credential_make(const uint8_t *ek_area, size_t ek_len, const uint8_t ak_name[34],
                                   const uint8_t *secret, size_t secret_len, const struct hkp_rng *rng,
                                   uint8_t *dst, size_t cap, size_t *len) {
    uint8_t ek[64], ours[32], point[64], z[32], seed[32], out[HKP_TER_CREDENTIAL_MAX];
    if (secret_len < 1 || secret_len > HKP_TER_CREDENTIAL_SECRET_MAX) return HKP_E_INVAL;
    hkp_status st = hkp_ter__area_ek(ek_area, ek_len, ek);
    if (st != HKP_OK) return st;
    const size_t need = 2 + 2 + 32 + 2 + secret_len + 2 + POINT_BYTES;
    if (cap < need) return HKP_E_NOSPC;
    st = hkp_ter__p256_key(ours, point, rng);
    if (st == HKP_OK) {
        st = hkp_ter__p256_shared(ours, ek, rng, z);
        if (st == HKP_E_INVAL) st = HKP_E_TER_QUOTE_AREA; /* a point that is not on the curve */
    }
    if (st == HKP_OK) {
        kdfe_identity(z, point, ek, seed);
        const size_t at = seal(out, seed, ak_name, secret, secret_len);
        write_point(out + at, point);
        if (at == 0) st = HKP_E_UNSUPPORTED; /* an AES of the system that fails */
    }
    if (st == HKP_OK) {
        memcpy(dst, out, need);
        *len = need;
    }
    sodium_memzero(ours, sizeof ours);
    sodium_memzero(z, sizeof z);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(out, sizeof out);
    return st;
}
