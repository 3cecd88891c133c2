/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: agreed states that no longer change (NZ1 17).
 */
#ifndef HOOKPROBE_NEURO_COMMIT_H
#define HOOKPROBE_NEURO_COMMIT_H

#include <hookprobe/neuro/state.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An agreed state that no longer changes, with what is derived from it (NZ1 17); counted references. */
typedef struct hkp_neuro_commit hkp_neuro_commit;

/**
 * One more reference to a commit.
 *
 * @param commit  borrowed
 *
 * @return the same commit; give it back by hkp_neuro_commit_unref()
 *
 * Cost: none.
 * Source: NZ1 17 "a state pinned by a live key epoch".
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_neuro_commit *hkp_neuro_commit_ref(hkp_neuro_commit *commit);

/**
 * Give a reference back; the last one wipes and releases.
 *
 * @param commit  NULL is allowed
 *
 * Cost: at most one release.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_unref(hkp_neuro_commit *commit);

/**
 * Index of a commit.
 *
 * @param commit  borrowed
 *
 * @return TER index, at least 1
 *
 * Cost: none.
 * Source: NZ1 22.1 "ck_index".
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_commit_index(const hkp_neuro_commit *commit);

/**
 * Time of a commit: that of its last TER, or 0 when it has absorbed none.
 *
 * @param commit  borrowed
 *
 * @return Unix microseconds
 *
 * Cost: none.
 * Source: NZ1 13.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_commit_last_us(const hkp_neuro_commit *commit);

/**
 * Pre-shared key of a commit.
 *
 * @param commit  borrowed
 * @param psk     [32] out, secret
 *
 * Cost: none.
 * Source: NZ1 13.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_psk(const hkp_neuro_commit *commit, uint8_t psk[32]);

/**
 * Fingerprint of a commit.
 *
 * @param commit  borrowed
 * @param f       [64] out, secret
 *
 * Cost: none.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_f(const hkp_neuro_commit *commit, uint8_t f[64]);

/**
 * Proof of state over a commit.
 *
 * @param commit    borrowed
 * @param role      HKP_NEURO_ROLE_E or HKP_NEURO_ROLE_V of the sender
 * @param msg_hash  [32]
 * @param nonce     [8]
 * @param tag       [32] out
 *
 * Cost: no allocation; one forward pass, two HMACs. Constant time.
 * Source: NZ1 13.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_posf(const hkp_neuro_commit *commit, uint8_t role, const uint8_t msg_hash[32],
                                   const uint8_t nonce[8], uint8_t tag[32]);

#ifdef __cplusplus
}
#endif

#endif
