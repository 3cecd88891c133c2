/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* RBA1, the signed change of the reference, and the step it causes (NZ1 11). */
#include "libneuro/state.h"
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>

/* Offsets in an RBA1. */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_NODE = 8,
    AT_POLICY = 24,
    AT_ZERO1 = 28,
    AT_NOT_AFTER = 32,
    AT_H_REF = 40,
    AT_ZERO2 = 60,
    AT_ROOT = 64,
    AT_SIGNER = 96,
    AT_ZERO3 = 112,
    AT_SIGNATURE = 128
};
enum { LABEL_LEN = 16, VERSION_STEP_MAX = 1024 };

static void message_of(const uint8_t *bytes, uint8_t message[LABEL_LEN + AT_SIGNATURE]) {
    memcpy(message, "NZ1 rebase auth", LABEL_LEN);
    memcpy(message + LABEL_LEN, bytes, AT_SIGNATURE);
}

void hkp_neuro_rba_sign(const struct hkp_neuro_rba *rba, const uint8_t policy_secret[64],
                        uint8_t bytes[192]) {
    uint8_t policy_public[32], message[LABEL_LEN + AT_SIGNATURE];
    memset(bytes, 0, HKP_NEURO_RBA_SIZE);
    memcpy(bytes, "RBA1", 4);
    hkp_put_le16(bytes + AT_VERSION, 1);
    memcpy(bytes + AT_NODE, rba->node_id, 16);
    hkp_put_le32(bytes + AT_POLICY, rba->policy_ver);
    hkp_put_le64(bytes + AT_NOT_AFTER, rba->not_after_us);
    hkp_ter_ripemd160(rba->root, 32, bytes + AT_H_REF);
    memcpy(bytes + AT_ROOT, rba->root, 32);
    crypto_sign_ed25519_sk_to_pk(policy_public, policy_secret);
    hkp_ter_key_id(policy_public, bytes + AT_SIGNER);
    message_of(bytes, message);
    crypto_sign_detached(bytes + AT_SIGNATURE, NULL, message, sizeof message, policy_secret);
}

static const uint8_t *key_of(const uint8_t id[16], const uint8_t *keys, size_t n_keys) {
    for (size_t i = 0; i < n_keys; i++) {
        uint8_t have[16];
        hkp_ter_key_id(keys + 32 * i, have);
        if (memcmp(have, id, 16) == 0) return keys + 32 * i;
    }
    return NULL;
}

hkp_status hkp_neuro_rba_check(struct hkp_neuro_rba *rba, const uint8_t *bytes, size_t len,
                               const uint8_t node_id[16], const uint8_t *keys, size_t n_keys) {
    uint8_t message[LABEL_LEN + AT_SIGNATURE], h_ref[20];
    if (len != HKP_NEURO_RBA_SIZE || memcmp(bytes, "RBA1", 4) != 0 || hkp_le16(bytes + AT_VERSION) != 1 ||
        hkp_le16(bytes + AT_FLAGS) != 0 || !hkp_is_zero(bytes + AT_ZERO1, 4) ||
        !hkp_is_zero(bytes + AT_ZERO2, 4) || !hkp_is_zero(bytes + AT_ZERO3, 16))
        return HKP_E_NEURO_RBA_FORMAT;
    if (memcmp(bytes + AT_NODE, node_id, 16) != 0) return HKP_E_NEURO_RBA_NODE;
    const uint8_t *key = key_of(bytes + AT_SIGNER, keys, n_keys);
    if (key == NULL) return HKP_E_NEURO_RBA_SIGNER;
    message_of(bytes, message);
    if (crypto_sign_verify_detached(bytes + AT_SIGNATURE, message, sizeof message, key) != 0)
        return HKP_E_NEURO_RBA_SIGNATURE;
    hkp_ter_ripemd160(bytes + AT_ROOT, 32, h_ref);
    if (memcmp(h_ref, bytes + AT_H_REF, 20) != 0) return HKP_E_NEURO_RBA_ROOT;
    rba->not_after_us = hkp_le64(bytes + AT_NOT_AFTER);
    rba->policy_ver = hkp_le32(bytes + AT_POLICY);
    memcpy(rba->node_id, bytes + AT_NODE, 16);
    memcpy(rba->root, bytes + AT_ROOT, 32);
    return HKP_OK;
}

hkp_status hkp_neuro__rba_fits(const struct hkp_neuro_rba *rba, uint32_t policy_ver, uint64_t last_us) {
    if (rba->policy_ver <= policy_ver || rba->policy_ver - policy_ver > VERSION_STEP_MAX)
        return HKP_E_NEURO_RBA_VERSION;
    return last_us > rba->not_after_us ? HKP_E_NEURO_RBA_EXPIRED : HKP_OK;
}

void hkp_neuro__rebase_apply(hkp_neuro_state *state, const uint8_t h_ref[20], uint32_t policy_ver) {
    uint8_t message[24];
    memcpy(message, h_ref, 20);
    hkp_put_le32(message + 20, policy_ver);
    hkp_neuro__hmac(state->c, "NZ1 rebase", 11, message, sizeof message, state->c);
    memcpy(state->h_ref, h_ref, 20);
    state->policy_ver = policy_ver;
}

hkp_status hkp_neuro_state_rebase(hkp_neuro_state *state, const uint8_t node_id[16], const uint8_t *rba,
                                  size_t len, const uint8_t *keys, size_t n_keys) {
    struct hkp_neuro_rba fields;
    hkp_status st = hkp_neuro_rba_check(&fields, rba, len, node_id, keys, n_keys);
    if (st == HKP_OK) st = hkp_neuro__rba_fits(&fields, state->policy_ver, state->last_us);
    if (st != HKP_OK) return st;
    hkp_neuro__rebase_apply(state, rba + AT_H_REF, fields.policy_ver);
    return HKP_OK;
}
