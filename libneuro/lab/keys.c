/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: the next key, and a key that parties make together (LAB-6.1, 6.2). */
#include "libneuro/lab/lab.h"

void hkp_neuro_lab_rotate(const uint8_t key[32], uint32_t generation, const uint8_t fresh[32],
                          uint8_t next[32]) {
    uint8_t input[12 + 4 + 32];
    memcpy(input, "LAB1 rotate", 12);
    hkp_put_be32(input + 12, generation);
    memcpy(input + 16, fresh, 32);
    crypto_auth_hmacsha256(next, input, sizeof input, key);
    sodium_memzero(input, sizeof input);
}

static void commit_of(const struct hkp_neuro_lab_share *s, uint32_t i, const uint8_t secret[32],
                      const uint8_t blind[32], uint8_t commit[32]) {
    uint8_t input[16 + 32 + 2 + 64];
    memcpy(input, "LAB1 fed commit", 16);
    memcpy(input + 16, s->session, 32);
    hkp_put_be16(input + 48, (uint16_t)i);
    memcpy(input + 50, secret, 32);
    memcpy(input + 82, blind, 32);
    crypto_hash_sha256(commit, input, sizeof input);
    sodium_memzero(input, sizeof input);
}

static uint32_t all_of(const struct hkp_neuro_lab_share *s) { return (1U << s->n) - 1; }

hkp_status hkp_neuro_lab_share_begin(struct hkp_neuro_lab_share *share, const uint8_t session[32], uint32_t n,
                                     uint32_t self, const uint8_t secret[32], const uint8_t blind[32]) {
    if (n < 2 || n > HKP_NEURO_LAB_PARTIES_MAX || self >= n) return HKP_E_NEURO_LAB_RANGE;
    memset(share, 0, sizeof *share);
    share->n = n;
    share->self = self;
    share->commits = share->reveals = 1U << self;
    memcpy(share->session, session, 32);
    memcpy(share->secret[self], secret, 32);
    memcpy(share->blind, blind, 32);
    commit_of(share, self, secret, blind, share->commit[self]);
    return HKP_OK;
}

hkp_status hkp_neuro_lab_share_commit(struct hkp_neuro_lab_share *share, uint32_t i,
                                      const uint8_t commit[32]) {
    if (i >= share->n) return HKP_E_NEURO_LAB_RANGE;
    if ((share->commits >> i & 1) != 0)
        return memcmp(share->commit[i], commit, 32) == 0 ? HKP_OK : HKP_E_NEURO_LAB_COMMIT;
    memcpy(share->commit[i], commit, 32);
    share->commits |= 1U << i;
    return HKP_OK;
}

int32_t hkp_neuro_lab_share_open(const struct hkp_neuro_lab_share *share) {
    return share->n != 0 && share->commits == all_of(share);
}

hkp_status hkp_neuro_lab_share_reveal(struct hkp_neuro_lab_share *share, uint32_t i, const uint8_t secret[32],
                                      const uint8_t blind[32]) {
    uint8_t commit[32];
    if (i >= share->n) return HKP_E_NEURO_LAB_RANGE;
    if (!hkp_neuro_lab_share_open(share)) return HKP_E_NEURO_LAB_STATE;
    commit_of(share, i, secret, blind, commit);
    if (sodium_memcmp(commit, share->commit[i], 32) != 0) return HKP_E_NEURO_LAB_COMMIT;
    memcpy(share->secret[i], secret, 32);
    share->reveals |= 1U << i;
    return HKP_OK;
}

hkp_status hkp_neuro_lab_share_key(struct hkp_neuro_lab_share *share, uint8_t key[32]) {
    crypto_hash_sha256_state h;
    uint8_t k[32], n[2];
    if (!hkp_neuro_lab_share_open(share) || share->reveals != all_of(share)) return HKP_E_NEURO_LAB_STATE;
    hkp_put_be16(n, (uint16_t)share->n);
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)"LAB1 fed session", 17);
    crypto_hash_sha256_update(&h, share->session, 32);
    crypto_hash_sha256_update(&h, n, 2);
    crypto_hash_sha256_update(&h, share->commit[0], 32ULL * share->n);
    crypto_hash_sha256_final(&h, k);
    crypto_auth_hmacsha256(key, share->secret[0], 32ULL * share->n, k);
    sodium_memzero(k, sizeof k);
    sodium_memzero(share, sizeof *share);
    return HKP_OK;
}

hkp_status hkp_neuro_lab_share_aborted(struct hkp_neuro_lab_aborts *aborts, uint32_t i) {
    if (i >= HKP_NEURO_LAB_PARTIES_MAX) return HKP_E_NEURO_LAB_RANGE;
    if (aborts->count[i] < HKP_NEURO_LAB_ABORTS_MAX) aborts->count[i]++;
    return aborts->count[i] < HKP_NEURO_LAB_ABORTS_MAX ? HKP_OK : HKP_E_NEURO_LAB_ABORT;
}
