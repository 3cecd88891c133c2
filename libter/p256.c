/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The only curve that TPMs and we have in common. mbedTLS allocates its numbers by itself. */
#include "libter/p256.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <sodium.h>
#include <string.h>

enum { POINT_SIZE = 65, KEY_TRIES = 64 };

/* The numbers that a call works with; all are released by close_numbers(). */
struct numbers {
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi a, b;
};

static int open_numbers(struct numbers *n) {
    mbedtls_ecp_group_init(&n->group);
    mbedtls_ecp_point_init(&n->point);
    mbedtls_mpi_init(&n->a);
    mbedtls_mpi_init(&n->b);
    return mbedtls_ecp_group_load(&n->group, MBEDTLS_ECP_DP_SECP256R1);
}

/* mbedTLS wipes numbers when it frees them. */
static hkp_status close_numbers(struct numbers *n, int result) {
    mbedtls_mpi_free(&n->b);
    mbedtls_mpi_free(&n->a);
    mbedtls_ecp_point_free(&n->point);
    mbedtls_ecp_group_free(&n->group);
    if (result == MBEDTLS_ERR_MPI_ALLOC_FAILED || result == MBEDTLS_ERR_ECP_ALLOC_FAILED) return HKP_E_NOMEM;
    if (result == MBEDTLS_ERR_ECP_RANDOM_FAILED) return HKP_E_CALLBACK;
    return result == 0 ? HKP_OK : HKP_E_INVAL;
}

static int fill(void *user, unsigned char *dst, size_t len) {
    const struct hkp_rng *rng = (const struct hkp_rng *)user;
    return rng->fill(rng->user, dst, len) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static int read_point(struct numbers *n, const uint8_t point[64]) {
    uint8_t sec1[POINT_SIZE] = {4};
    memcpy(sec1 + 1, point, 64);
    const int result = mbedtls_ecp_point_read_binary(&n->group, &n->point, sec1, sizeof sec1);
    return result != 0 ? result : mbedtls_ecp_check_pubkey(&n->group, &n->point);
}

static int write_point(struct numbers *n, uint8_t point[64]) {
    uint8_t sec1[POINT_SIZE];
    size_t len = 0;
    const int result = mbedtls_ecp_point_write_binary(&n->group, &n->point, MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
                                                      sec1, sizeof sec1);
    if (result == 0) memcpy(point, sec1 + 1, 64);
    sodium_memzero(sec1, sizeof sec1);
    return result;
}

static int read_secret(struct numbers *n, const uint8_t secret[32]) {
    const int result = mbedtls_mpi_read_binary(&n->a, secret, 32);
    return result != 0 ? result : mbedtls_ecp_check_privkey(&n->group, &n->a);
}

hkp_status hkp_ter__p256_verify(const uint8_t point[64], const uint8_t digest[32],
                                const uint8_t signature[64]) {
    struct numbers n;
    int result = open_numbers(&n);
    if (result == 0) result = read_point(&n, point);
    if (result == 0) result = mbedtls_mpi_read_binary(&n.a, signature, 32);
    if (result == 0) result = mbedtls_mpi_read_binary(&n.b, signature + 32, 32);
    if (result == 0) result = mbedtls_ecdsa_verify(&n.group, digest, 32, &n.point, &n.a, &n.b);
    return close_numbers(&n, result);
}

hkp_status hkp_ter__p256_sign(const uint8_t secret[32], const uint8_t digest[32], const struct hkp_rng *rng,
                              uint8_t signature[64]) {
    struct numbers n;
    mbedtls_mpi r;
    struct hkp_rng source = *rng;
    mbedtls_mpi_init(&r);
    int result = open_numbers(&n);
    if (result == 0) result = read_secret(&n, secret);
    if (result == 0)
        result = mbedtls_ecdsa_sign_det_ext(&n.group, &r, &n.b, &n.a, digest, 32, MBEDTLS_MD_SHA256, fill,
                                            &source);
    if (result == 0) result = mbedtls_mpi_write_binary(&r, signature, 32);
    if (result == 0) result = mbedtls_mpi_write_binary(&n.b, signature + 32, 32);
    mbedtls_mpi_free(&r);
    return close_numbers(&n, result);
}

hkp_status hkp_ter__p256_public(const uint8_t secret[32], const struct hkp_rng *rng, uint8_t point[64]) {
    struct numbers n;
    struct hkp_rng source = *rng;
    int result = open_numbers(&n);
    if (result == 0) result = read_secret(&n, secret);
    if (result == 0) result = mbedtls_ecp_mul(&n.group, &n.point, &n.a, &n.group.G, fill, &source);
    if (result == 0) result = write_point(&n, point);
    return close_numbers(&n, result);
}

hkp_status hkp_ter__p256_key(uint8_t secret[32], uint8_t point[64], const struct hkp_rng *rng) {
    hkp_status st = HKP_E_CALLBACK;
    for (int i = 0; i < KEY_TRIES; i++) { /* 2^-32 of all strings are no secret */
        if (rng->fill(rng->user, secret, 32) != 0) {
            st = HKP_E_CALLBACK;
            break;
        }
        st = hkp_ter__p256_public(secret, rng, point);
        if (st != HKP_E_INVAL) break;
    }
    if (st != HKP_OK) sodium_memzero(secret, 32);
    return st == HKP_E_INVAL ? HKP_E_CALLBACK : st;
}

hkp_status hkp_ter__p256_shared(const uint8_t secret[32], const uint8_t point[64], const struct hkp_rng *rng,
                                uint8_t x[32]) {
    struct numbers n;
    uint8_t product[64];
    struct hkp_rng source = *rng;
    int result = open_numbers(&n);
    if (result == 0) result = read_point(&n, point);
    if (result == 0) result = read_secret(&n, secret);
    if (result == 0) result = mbedtls_ecp_mul(&n.group, &n.point, &n.a, &n.point, fill, &source);
    if (result == 0) result = write_point(&n, product);
    if (result == 0) memcpy(x, product, 32);
    sodium_memzero(product, sizeof product);
    return close_numbers(&n, result);
}
