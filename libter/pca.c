/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * PCR policies, and what an operator authorises (SYN-8.5, decision 0115).
 *
 *     PCA1   "PCA1" 01 00 00 00 || pcr_mask u32 || 0 u32 || policy 32 || key x || y 64 || r || s 64
 *
 * The signature is what TPM2_VerifySignature takes for PolicyAuthorize: over SHA-256(policy || policyRef).
 * The mask is not signed by itself: policy covers it.
 */
#include "libter/area.h"
#include "libter/bytes.h"
#include "libter/p256.h"

#include <sodium.h>
#include <string.h>

enum { CC_POLICY_AUTHORIZE = 0x16A, CC_POLICY_PCR = 0x17F };
enum { MASK_AT = 8, POLICY_AT = 16, KEY_AT = 48, SIGNATURE_AT = 112 };

static const uint8_t magic[8] = {'P', 'C', 'A', '1', 1, 0, 0, 0};
const uint8_t hkp_ter__pca_ref[16] = "HKP1 pcr policy";

void hkp_ter_pcr_digest(const uint8_t *values, uint32_t n, uint8_t digest[32]) {
    crypto_hash_sha256(digest, values, (unsigned long long)n * 32);
}

/* policyDigest after a command in a session that had this one before. */
static void extend(uint8_t policy[32], uint32_t command, const uint8_t *bytes, size_t len) {
    crypto_hash_sha256_state hash;
    uint8_t cc[4];
    hkp_put_be32(cc, command);
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, policy, 32);
    if (command != 0) crypto_hash_sha256_update(&hash, cc, 4);
    crypto_hash_sha256_update(&hash, bytes, len);
    crypto_hash_sha256_final(&hash, policy);
}

void hkp_ter_pcr_policy(uint32_t pcr_mask, const uint8_t pcr_digest[32], uint8_t policy[32]) {
    uint8_t b[42] = {0, 0, 0, 1, 0, HKP_TER__ALG_SHA256, 3};
    b[7] = (uint8_t)pcr_mask;
    b[8] = (uint8_t)(pcr_mask >> 8);
    b[9] = (uint8_t)(pcr_mask >> 16);
    memcpy(b + 10, pcr_digest, 32);
    memset(policy, 0, 32);
    extend(policy, CC_POLICY_PCR, b, sizeof b);
}

void hkp_ter_pca_policy(const uint8_t key[64], uint8_t policy[32]) {
    uint8_t area[HKP_TER__PCA_AREA_SIZE], name[34];
    hkp_ter__pca_area(key, area);
    hkp_ter_area_name(area, sizeof area, name);
    memset(policy, 0, 32);
    extend(policy, CC_POLICY_AUTHORIZE, name, sizeof name);
    extend(policy, 0, hkp_ter__pca_ref, sizeof hkp_ter__pca_ref);
}

hkp_status hkp_ter_pca_key(uint8_t secret[32], uint8_t key[64], const struct hkp_rng *rng) {
    return hkp_ter__p256_key(secret, key, rng);
}

hkp_status hkp_ter_pca_public(const uint8_t secret[32], uint8_t key[64], const struct hkp_rng *rng) {
    return hkp_ter__p256_public(secret, rng, key);
}

static void signed_digest(const uint8_t policy[32], uint8_t digest[32]) {
    memcpy(digest, policy, 32);
    extend(digest, 0, hkp_ter__pca_ref, sizeof hkp_ter__pca_ref);
}

hkp_status hkp_ter_pca_sign(uint32_t pcr_mask, const uint8_t pcr_digest[32], const uint8_t secret[32],
                            const struct hkp_rng *rng, uint8_t pca[176]) {
    uint8_t b[HKP_TER_PCA_SIZE] = {0}, digest[32];
    if (pcr_mask >> HKP_TER_PCRS != 0) return HKP_E_INVAL;
    memcpy(b, magic, sizeof magic);
    hkp_put_le32(b + MASK_AT, pcr_mask);
    hkp_ter_pcr_policy(pcr_mask, pcr_digest, b + POLICY_AT);
    hkp_status st = hkp_ter__p256_public(secret, rng, b + KEY_AT);
    signed_digest(b + POLICY_AT, digest);
    if (st == HKP_OK) st = hkp_ter__p256_sign(secret, digest, rng, b + SIGNATURE_AT);
    if (st == HKP_OK) memcpy(pca, b, sizeof b);
    return st;
}

hkp_status hkp_ter__pca_parse(struct hkp_ter__pca *out, const uint8_t *pca, size_t len) {
    if (len != HKP_TER_PCA_SIZE || memcmp(pca, magic, sizeof magic) != 0) return HKP_E_TER_PCA;
    if (hkp_le32(pca + MASK_AT) >> HKP_TER_PCRS != 0 || hkp_le32(pca + MASK_AT + 4) != 0)
        return HKP_E_TER_PCA;
    *out = (struct hkp_ter__pca){hkp_le32(pca + MASK_AT), pca + POLICY_AT, pca + KEY_AT, pca + SIGNATURE_AT};
    return HKP_OK;
}

hkp_status hkp_ter_pca_check(const uint8_t *pca, size_t len, const uint8_t key[64], uint32_t *pcr_mask,
                             uint8_t policy[32]) {
    struct hkp_ter__pca p;
    uint8_t digest[32];
    hkp_status st = hkp_ter__pca_parse(&p, pca, len);
    if (st != HKP_OK) return st;
    if (key != NULL && memcmp(p.key, key, 64) != 0) return HKP_E_TER_PCA;
    signed_digest(p.policy, digest);
    st = hkp_ter__p256_verify(p.key, digest, p.signature);
    if (st != HKP_OK) return st == HKP_E_INVAL ? HKP_E_TER_PCA : st;
    if (pcr_mask != NULL) *pcr_mask = p.pcr_mask;
    if (policy != NULL) memcpy(policy, p.policy, 32);
    return HKP_OK;
}
