/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the signed authorisation of a new reference, RBA1 (NZ1 11).
 */
#ifndef HOOKPROBE_NEURO_REBASE_H
#define HOOKPROBE_NEURO_REBASE_H

#include <hookprobe/neuro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The fields of an RBA1 (NZ1 11). */
struct hkp_neuro_rba {
    uint64_t not_after_us;
    uint32_t policy_ver;
    uint8_t node_id[16];
    /** R'; h_ref' is its RIPEMD-160 */
    uint8_t root[32];
};

/**
 * Make an authorisation to change the reference.
 *
 * @param rba            fields, borrowed
 * @param policy_secret  [64] Ed25519 secret key in libsodium's form
 * @param bytes          [192] out
 *
 * Cost: one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_rba_sign(const struct hkp_neuro_rba *rba, const uint8_t policy_secret[64],
                                uint8_t bytes[192]);

/**
 * Check an authorisation without the two conditions about a state (version and expiry), and give its fields.
 *
 * @param rba      out; h_ref' is RIPEMD-160 of its root
 * @param bytes    [len], borrowed
 * @param len      bytes
 * @param node_id  [16] of the device
 * @param keys     [n_keys][32] policy keys, borrowed
 * @param n_keys   keys
 *
 * @retval HKP_OK rba is set
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT  refused; rba is unchanged
 *
 * Cost: one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_rba_check(struct hkp_neuro_rba *rba, const uint8_t *bytes,
                                                    size_t len, const uint8_t node_id[16],
                                                    const uint8_t *keys, size_t n_keys);

#ifdef __cplusplus
}
#endif

#endif
