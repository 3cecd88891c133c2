/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Public areas (TPMT_PUBLIC): which keys we take, and their names (SYN-8.6). */
#include "libter/area.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <string.h>

const uint8_t *hkp_ter__read_bytes(struct hkp_ter__reader *r, size_t n) {
    if (r->bad || n > r->left) {
        r->bad = 1;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->left -= n;
    return at;
}

uint8_t hkp_ter__read_u8(struct hkp_ter__reader *r) {
    const uint8_t *p = hkp_ter__read_bytes(r, 1);
    return p != NULL ? p[0] : 0;
}
uint16_t hkp_ter__read_u16(struct hkp_ter__reader *r) {
    const uint8_t *p = hkp_ter__read_bytes(r, 2);
    return p != NULL ? hkp_be16(p) : 0;
}
uint32_t hkp_ter__read_u32(struct hkp_ter__reader *r) {
    const uint8_t *p = hkp_ter__read_bytes(r, 4);
    return p != NULL ? hkp_be32(p) : 0;
}
uint64_t hkp_ter__read_u64(struct hkp_ter__reader *r) {
    const uint8_t *p = hkp_ter__read_bytes(r, 8);
    return p != NULL ? hkp_be64(p) : 0;
}

const uint8_t *hkp_ter__read_sized(struct hkp_ter__reader *r, size_t n) {
    if (hkp_ter__read_u16(r) != n) r->bad = 1;
    return hkp_ter__read_bytes(r, n);
}

void hkp_ter__read_number(struct hkp_ter__reader *r, uint8_t dst[32]) {
    const size_t n = hkp_ter__read_u16(r);
    memset(dst, 0, 32);
    if (n < 1 || n > 32) r->bad = 1;
    const uint8_t *p = hkp_ter__read_bytes(r, n);
    if (p != NULL) memcpy(dst + 32 - n, p, n);
}

void hkp_ter__read_is(struct hkp_ter__reader *r, uint16_t wanted) {
    if (hkp_ter__read_u16(r) != wanted) r->bad = 1;
}

void hkp_ter_area_name(const uint8_t *area, size_t len, uint8_t name[34]) {
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, area, len);
    hkp_put_be16(name, HKP_TER__ALG_SHA256);
    memcpy(name + 2, digest, 32);
}

/* What both kinds of key share up to their attributes: bound to its TPM, made there, restricted. */
static int attributes_right(uint32_t attributes, uint32_t use) {
    const uint32_t needed = HKP_TER__ATTR_FIXED_TPM | HKP_TER__ATTR_FIXED_PARENT | HKP_TER__ATTR_ORIGIN |
                            HKP_TER__ATTR_RESTRICTED | use;
    const uint32_t free_to_choose =
        HKP_TER__ATTR_USER_AUTH | HKP_TER__ATTR_ADMIN_POLICY | HKP_TER__ATTR_NO_DA;
    return (attributes & ~free_to_choose) == needed;
}

static void read_head(struct hkp_ter__reader *r, uint32_t use) {
    hkp_ter__read_is(r, HKP_TER__ALG_ECC);
    hkp_ter__read_is(r, HKP_TER__ALG_SHA256);
    if (!attributes_right(hkp_ter__read_u32(r), use)) r->bad = 1;
    const uint16_t policy = hkp_ter__read_u16(r);
    if (policy != 0 && policy != 32) r->bad = 1;
    (void)hkp_ter__read_bytes(r, policy);
}

static hkp_status read_tail(struct hkp_ter__reader *r, uint8_t point[64]) {
    uint8_t xy[64];
    hkp_ter__read_is(r, HKP_TER__CURVE_P256);
    hkp_ter__read_is(r, HKP_TER__ALG_NULL); /* kdf */
    hkp_ter__read_number(r, xy);
    hkp_ter__read_number(r, xy + 32);
    if (r->bad || r->left != 0) return HKP_E_TER_QUOTE_AREA;
    memcpy(point, xy, 64);
    return HKP_OK;
}

hkp_status hkp_ter__area_ak(const uint8_t *area, size_t len, uint8_t point[64]) {
    struct hkp_ter__reader r = {area, len, len > HKP_TER_AREA_MAX};
    read_head(&r, HKP_TER__ATTR_SIGN);
    hkp_ter__read_is(&r, HKP_TER__ALG_NULL); /* symmetric */
    hkp_ter__read_is(&r, HKP_TER__ALG_ECDSA);
    hkp_ter__read_is(&r, HKP_TER__ALG_SHA256);
    return read_tail(&r, point);
}

hkp_status hkp_ter__area_ek(const uint8_t *area, size_t len, uint8_t point[64]) {
    struct hkp_ter__reader r = {area, len, len > HKP_TER_AREA_MAX};
    read_head(&r, HKP_TER__ATTR_DECRYPT);
    hkp_ter__read_is(&r, HKP_TER__ALG_AES);
    hkp_ter__read_is(&r, 128);
    hkp_ter__read_is(&r, HKP_TER__ALG_CFB);
    hkp_ter__read_is(&r, HKP_TER__ALG_NULL); /* scheme */
    return read_tail(&r, point);
}

hkp_status hkp_ter_area_check_ak(const uint8_t *area, size_t len) {
    uint8_t point[64];
    return hkp_ter__area_ak(area, len, point);
}

void hkp_ter__pca_area(const uint8_t key[64], uint8_t area[HKP_TER__PCA_AREA_SIZE]) {
    hkp_put_be16(area, HKP_TER__ALG_ECC);
    hkp_put_be16(area + 2, HKP_TER__ALG_SHA256);
    hkp_put_be32(area + 4, HKP_TER__ATTR_USER_AUTH | HKP_TER__ATTR_SIGN);
    hkp_put_be16(area + 8, 0); /* no policy */
    hkp_put_be16(area + 10, HKP_TER__ALG_NULL);
    hkp_put_be16(area + 12, HKP_TER__ALG_ECDSA);
    hkp_put_be16(area + 14, HKP_TER__ALG_SHA256);
    hkp_put_be16(area + 16, HKP_TER__CURVE_P256);
    hkp_put_be16(area + 18, HKP_TER__ALG_NULL);
    hkp_put_be16(area + 20, 32);
    memcpy(area + 22, key, 32);
    hkp_put_be16(area + 54, 32);
    memcpy(area + 56, key + 32, 32);
}
