/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter: bytes as a TPM writes them, and its public areas. */
#ifndef HKP_LIBTER_AREA_H
#define HKP_LIBTER_AREA_H

#include <hookprobe/ter.h>

/* TPM 2.0 Library, part 2: the few constants that we accept. */
enum {
    HKP_TER__ALG_AES = 0x0006,
    HKP_TER__ALG_SHA256 = 0x000B,
    HKP_TER__ALG_NULL = 0x0010,
    HKP_TER__ALG_ECDSA = 0x0018,
    HKP_TER__ALG_ECC = 0x0023,
    HKP_TER__ALG_CFB = 0x0043,
    HKP_TER__CURVE_P256 = 0x0003,
    HKP_TER__ATTR_FIXED_TPM = 1 << 1,
    HKP_TER__ATTR_FIXED_PARENT = 1 << 4,
    HKP_TER__ATTR_ORIGIN = 1 << 5,
    HKP_TER__ATTR_USER_AUTH = 1 << 6,
    HKP_TER__ATTR_ADMIN_POLICY = 1 << 7,
    HKP_TER__ATTR_NO_DA = 1 << 10,
    HKP_TER__ATTR_RESTRICTED = 1 << 16,
    HKP_TER__ATTR_DECRYPT = 1 << 17,
    HKP_TER__ATTR_SIGN = 1 << 18,
    HKP_TER__PCA_AREA_SIZE = 88
};

/** Reads on while it can; once it cannot, bad is set and everything read is zero. */
struct hkp_ter__reader {
    const uint8_t *at;
    size_t left;
    int bad;
};
uint8_t hkp_ter__read_u8(struct hkp_ter__reader *r);
uint16_t hkp_ter__read_u16(struct hkp_ter__reader *r);
uint32_t hkp_ter__read_u32(struct hkp_ter__reader *r);
uint64_t hkp_ter__read_u64(struct hkp_ter__reader *r);
/** n bytes, borrowed; NULL if bad. */
const uint8_t *hkp_ter__read_bytes(struct hkp_ter__reader *r, size_t n);
/** A TPM2B of exactly n bytes. */
const uint8_t *hkp_ter__read_sized(struct hkp_ter__reader *r, size_t n);
/** A TPM2B number of 1..32 bytes into dst[32], with zeros before it. */
void hkp_ter__read_number(struct hkp_ter__reader *r, uint8_t dst[32]);
/** Demands this value. */
void hkp_ter__read_is(struct hkp_ter__reader *r, uint16_t wanted);

/** Public point of an attestation key, or of an endorsement key; HKP_E_TER_QUOTE_AREA if it is none. */
hkp_status hkp_ter__area_ak(const uint8_t *area, size_t len, uint8_t point[64]);
hkp_status hkp_ter__area_ek(const uint8_t *area, size_t len, uint8_t point[64]);

/** TPMT_PUBLIC of an operator's PCR key. */
void hkp_ter__pca_area(const uint8_t key[64], uint8_t area[HKP_TER__PCA_AREA_SIZE]);

/** policyRef of every PCA1, 16 bytes: keeps the operator's signatures apart from others of its key. */
extern const uint8_t hkp_ter__pca_ref[16];

/** Parts of a PCA1, borrowed from it. */
struct hkp_ter__pca {
    uint32_t pcr_mask;
    const uint8_t *policy;
    const uint8_t *key;
    const uint8_t *signature;
};
/** HKP_E_TER_PCA if it is none; the signature is not checked. */
hkp_status hkp_ter__pca_parse(struct hkp_ter__pca *out, const uint8_t *pca, size_t len);

#endif
