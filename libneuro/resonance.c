/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* SynapticState, the verdict about it, and ResonanceProof (SYN-3). */
#include "libter/bytes.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

/* Offsets in a SynapticState and in a proof. */
enum {
    AT_ROLE = 2,
    AT_CLAIM = 3,
    AT_CE_EPOCH = 4,
    AT_CK_INDEX = 8,
    AT_TER_INDEX = 16,
    AT_T = 24,
    AT_NODE = 32,
    AT_BOOT = 48,
    AT_W_COMMIT = 64,
    AT_H = 96,
    AT_H_ENTROPY = 128,
    AT_H_INTEGRITY = 160,
    AT_EPOCH = 180,
    AT_GEN = 184,
    AT_ZERO = 188,
    AT_CE_CHECK = 192,
    AT_AUTH = 224,
    PROOF_STEP = 2,
    PROOF_VERDICT = 3,
    PROOF_DRIFT = 4,
    PROOF_T = 8,
    PROOF_MAC = 16,
    PROOF_POSF = 48,
    VERSION = 1
};
/** a TER older than this shows nothing about now */
#define FRESH_US UINT64_C(60000000)

void hkp_neuro_synaptic_encode(const struct hkp_neuro_synaptic *state, uint8_t bytes[256]) {
    memset(bytes, 0, HKP_NEURO_SYNAPTIC_SIZE);
    hkp_put_be16(bytes, VERSION);
    bytes[AT_ROLE] = (uint8_t)state->role;
    bytes[AT_CLAIM] = (uint8_t)state->claim;
    hkp_put_be32(bytes + AT_CE_EPOCH, state->ce_epoch);
    hkp_put_be64(bytes + AT_CK_INDEX, state->ck_index);
    hkp_put_be64(bytes + AT_TER_INDEX, state->ter_index);
    hkp_put_be64(bytes + AT_T, state->t_us);
    memcpy(bytes + AT_NODE, state->node_id, 16);
    memcpy(bytes + AT_BOOT, state->boot_id, 16);
    memcpy(bytes + AT_W_COMMIT, state->w_commit, 32);
    memcpy(bytes + AT_H, state->h, 32);
    memcpy(bytes + AT_H_ENTROPY, state->h_entropy, 32);
    memcpy(bytes + AT_H_INTEGRITY, state->h_integrity, 20);
    hkp_put_be32(bytes + AT_EPOCH, state->epoch);
    hkp_put_be32(bytes + AT_GEN, state->gen);
    memcpy(bytes + AT_CE_CHECK, state->ce_check, 32);
    memcpy(bytes + AT_AUTH, state->auth, 32);
}

static void decode(struct hkp_neuro_synaptic *state, const uint8_t bytes[256]) {
    state->role = bytes[AT_ROLE];
    state->claim = bytes[AT_CLAIM];
    state->ce_epoch = hkp_be32(bytes + AT_CE_EPOCH);
    state->ck_index = hkp_be64(bytes + AT_CK_INDEX);
    state->ter_index = hkp_be64(bytes + AT_TER_INDEX);
    state->t_us = hkp_be64(bytes + AT_T);
    memcpy(state->node_id, bytes + AT_NODE, 16);
    memcpy(state->boot_id, bytes + AT_BOOT, 16);
    memcpy(state->w_commit, bytes + AT_W_COMMIT, 32);
    memcpy(state->h, bytes + AT_H, 32);
    memcpy(state->h_entropy, bytes + AT_H_ENTROPY, 32);
    memcpy(state->h_integrity, bytes + AT_H_INTEGRITY, 20);
    state->epoch = hkp_be32(bytes + AT_EPOCH);
    state->gen = hkp_be32(bytes + AT_GEN);
    memcpy(state->ce_check, bytes + AT_CE_CHECK, 32);
    memcpy(state->auth, bytes + AT_AUTH, 32);
}

static int gen_ok(uint32_t gen, uint32_t epoch, const struct hkp_neuro_synaptic_expect *expect) {
    if (gen <= expect->last_gen) return 0;
    if (epoch != expect->epoch && (expect->epoch == 0 || epoch != expect->epoch - 1)) return 0;
    return expect->named_gen == 0 || (gen == expect->named_gen && epoch == expect->named_epoch);
}

hkp_status hkp_neuro_synaptic_check(struct hkp_neuro_synaptic *state, const uint8_t *bytes, size_t len,
                                    const struct hkp_neuro_synaptic_expect *expect) {
    if (len != HKP_NEURO_SYNAPTIC_SIZE) return HKP_E_NEURO_SYN_LENGTH;
    if (hkp_be16(bytes) != VERSION) return HKP_E_NEURO_SYN_VERSION;
    if (bytes[AT_CLAIM] > HKP_NEURO_LOST || !hkp_is_zero(bytes + AT_ZERO, 4)) return HKP_E_NEURO_SYN_RESERVED;
    if (bytes[AT_ROLE] != expect->peer_role) return HKP_E_NEURO_SYN_ROLE;
    if (memcmp(bytes + AT_NODE, expect->peer_id, 16) != 0) return HKP_E_NEURO_SYN_NODE;
    if (!gen_ok(hkp_be32(bytes + AT_GEN), hkp_be32(bytes + AT_EPOCH), expect)) return HKP_E_NEURO_SYN_GEN;
    decode(state, bytes);
    return HKP_OK;
}

void hkp_neuro_synaptic_commit(const uint8_t f[64], const uint8_t k_bind[32], const uint8_t node_id[16],
                               uint64_t ck_index, uint8_t w_commit[32]) {
    uint8_t input[13 + 32 + 16 + 8];
    memcpy(input, "NSE1 wcommit", 13);
    memcpy(input + 13, k_bind, 32);
    memcpy(input + 45, node_id, 16);
    hkp_put_be64(input + 61, ck_index);
    crypto_generichash(w_commit, 32, input, sizeof input, f, 32);
    sodium_memzero(input, sizeof input);
}

static int contradicts(const struct hkp_neuro_synaptic *state,
                       const struct hkp_neuro_resonance_facts *facts) {
    if (facts->w_commit == NULL || sodium_memcmp(facts->w_commit, state->w_commit, 32) != 0) return 1;
    return facts->h != NULL && memcmp(facts->h, state->h, 32) != 0;
}

static int stale(const struct hkp_neuro_synaptic *state, const struct hkp_neuro_resonance_facts *facts) {
    return state->t_us > facts->newest_us && state->t_us - facts->newest_us > FRESH_US;
}

uint32_t hkp_neuro_resonance_verdict(const struct hkp_neuro_synaptic *state,
                                     const struct hkp_neuro_resonance_facts *facts) {
    if (!facts->have_replica) return HKP_NEURO_SEEKING;
    if (contradicts(state, facts)) return HKP_NEURO_LOST;
    const int reached = facts->replica_index >= state->ter_index, known = facts->h != NULL;
    if (!reached || (!known && !facts->caught_up) || stale(state, facts)) return HKP_NEURO_SEEKING;
    const int lag = facts->caught_up;
    return hkp_neuro_resonance(1, facts->clock != HKP_NEURO_CLOCK_PASS, !lag, known,
                               lag && facts->drift_ppm != HKP_NEURO_DRIFT_UNKNOWN, facts->drift_ppm);
}

/* Worst last: ALIGNED, DRIFTING, SEEKING (and UNALIGNED), LOST. */
static uint32_t rank(uint32_t verdict) {
    switch (verdict) {
    case HKP_NEURO_ALIGNED:
        return 0;
    case HKP_NEURO_DRIFTING:
        return 1;
    case HKP_NEURO_LOST:
        return 3;
    default:
        return 2;
    }
}

uint32_t hkp_neuro_resonance_pair(uint32_t a, uint32_t b) {
    static const uint32_t of_rank[4] = {HKP_NEURO_ALIGNED, HKP_NEURO_DRIFTING, HKP_NEURO_SEEKING,
                                        HKP_NEURO_LOST};
    return of_rank[rank(a) > rank(b) ? rank(a) : rank(b)];
}

static void proof_mac(const uint8_t k_res[32], const uint8_t state_e[256], const uint8_t state_v[256],
                      const uint8_t *first, const uint8_t head[16], uint8_t mac[32]) {
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, k_res, 32);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)"NSE1 res", 9);
    crypto_auth_hmacsha256_update(&h, state_e, HKP_NEURO_SYNAPTIC_SIZE);
    crypto_auth_hmacsha256_update(&h, state_v, HKP_NEURO_SYNAPTIC_SIZE);
    if (first != NULL) crypto_auth_hmacsha256_update(&h, first, HKP_NEURO_RESONANCE_PROOF_SIZE);
    crypto_auth_hmacsha256_update(&h, head, PROOF_MAC);
    crypto_auth_hmacsha256_final(&h, mac);
    sodium_memzero(&h, sizeof h);
}

void hkp_neuro_resonance_proof_make(const struct hkp_neuro_resonance_proof *proof, const uint8_t k_res[32],
                                    const uint8_t state_e[256], const uint8_t state_v[256],
                                    const uint8_t *first, uint8_t bytes[80]) {
    memset(bytes, 0, HKP_NEURO_RESONANCE_PROOF_SIZE);
    hkp_put_be16(bytes, VERSION);
    bytes[PROOF_STEP] = (uint8_t)proof->step;
    bytes[PROOF_VERDICT] = (uint8_t)proof->verdict;
    hkp_put_be32(bytes + PROOF_DRIFT, proof->drift_ppm);
    hkp_put_be64(bytes + PROOF_T, proof->t_us);
    proof_mac(k_res, state_e, state_v, first, bytes, bytes + PROOF_MAC);
}

void hkp_neuro_resonance_posf_hash(const uint8_t bytes[80], uint8_t msg_hash[32]) {
    uint8_t input[14 + 32];
    memcpy(input, "NSE1 res posf", 14);
    memcpy(input + 14, bytes + PROOF_MAC, 32);
    crypto_hash_sha256(msg_hash, input, sizeof input);
}

hkp_status hkp_neuro_resonance_proof_check(struct hkp_neuro_resonance_proof *proof, const uint8_t *bytes,
                                           size_t len, uint32_t step, const uint8_t k_res[32],
                                           const uint8_t state_e[256], const uint8_t state_v[256],
                                           const uint8_t *first) {
    uint8_t mac[32];
    if (len != HKP_NEURO_RESONANCE_PROOF_SIZE) return HKP_E_NEURO_SYN_LENGTH;
    if (hkp_be16(bytes) != VERSION) return HKP_E_NEURO_SYN_VERSION;
    if (bytes[PROOF_STEP] != step || bytes[PROOF_VERDICT] < HKP_NEURO_SEEKING ||
        bytes[PROOF_VERDICT] > HKP_NEURO_LOST)
        return HKP_E_NEURO_SYN_RESERVED;
    proof_mac(k_res, state_e, state_v, first, bytes, mac);
    if (sodium_memcmp(mac, bytes + PROOF_MAC, 32) != 0) return HKP_E_NEURO_SYN_MAC;
    proof->step = step;
    proof->verdict = bytes[PROOF_VERDICT];
    proof->drift_ppm = hkp_be32(bytes + PROOF_DRIFT);
    proof->t_us = hkp_be64(bytes + PROOF_T);
    memcpy(proof->mac, bytes + PROOF_MAC, 32);
    memcpy(proof->posf, bytes + PROOF_POSF, 32);
    return HKP_OK;
}
