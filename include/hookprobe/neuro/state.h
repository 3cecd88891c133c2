/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: a state that evolves with every TER, and proofs over it (NZ1 6 to 15).
 */
#ifndef HOOKPROBE_NEURO_STATE_H
#define HOOKPROBE_NEURO_STATE_H

#include <hookprobe/neuro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a state computes; all give the same bits (NZ1 15). */
enum {
    /** the best that this processor has */
    HKP_NEURO_VARIANT_AUTO = 0,
    HKP_NEURO_VARIANT_SCALAR = 1,
    /** the vector unit that every processor of this kind has */
    HKP_NEURO_VARIANT_BASE = 2,
    HKP_NEURO_VARIANT_AVX2 = 3
};

/* Resonance states (NZ1 13.5). */
enum {
    HKP_NEURO_UNALIGNED = 0,
    HKP_NEURO_SEEKING = 1,
    HKP_NEURO_ALIGNED = 2,
    HKP_NEURO_DRIFTING = 3,
    HKP_NEURO_LOST = 4
};

/* Roles in a PoSF (NZ1 13.1). */
enum { HKP_NEURO_ROLE_E = 0x45, HKP_NEURO_ROLE_V = 0x56 };

/** A state (NZ1 6); secret, in memory of its own. */
typedef struct hkp_neuro_state hkp_neuro_state;

/** The public members of a state. */
struct hkp_neuro_state_info {
    /** TERs absorbed */
    uint64_t step;
    /** timestamp of the last one, Unix microseconds; 0 before the first */
    uint64_t last_us;
    uint32_t policy_ver;
    /** HKP_NEURO_VARIANT_SCALAR .. HKP_NEURO_VARIANT_AVX2 */
    uint32_t variant;
    uint8_t h_ref[20];
};

/**
 * Make a state; all of it is zero until hkp_neuro_state_enrol() or hkp_neuro_state_decode().
 *
 * @param out      the object, owned by the caller
 * @param mem      copied; NULL: malloc and free
 * @param variant  HKP_NEURO_VARIANT_*; one that this processor lacks is refused
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        mem is half an allocator, or variant is unknown
 * @retval HKP_E_UNSUPPORTED  this processor or build has no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: one allocation of about 112 kB.
 * Source: NZ1 6, 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_new(hkp_neuro_state **out, const struct hkp_mem *mem,
                                                    uint32_t variant);

/**
 * Wipe and release a state.
 *
 * @param state  NULL is allowed
 *
 * Cost: one release.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_free(hkp_neuro_state *state);

/**
 * Copy the content of a state; variant and memory stay those of dst.
 *
 * @param dst  out
 * @param src  borrowed, not dst
 *
 * Cost: a copy of 112 kB.
 * Source: NZ1 17 "working copies".
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_copy(hkp_neuro_state *dst, const hkp_neuro_state *src);

/**
 * Begin: state 0 of a device. The caller wipes the seed.
 *
 * @param state    the state
 * @param seed     [32] secret, borrowed
 * @param node_id  [16] of the device
 * @param h_ref    [20] reference integrity
 *
 * Cost: no allocation; one ChaCha20 stream of 72 kB.
 * Source: NZ1 8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_enrol(hkp_neuro_state *state, const uint8_t seed[32], const uint8_t node_id[16],
                                   const uint8_t h_ref[20]);

/**
 * Absorb one TER, which the caller has validated (NZ1 3.3).
 *
 * @param state  the state
 * @param ter    [64] bytes, borrowed
 *
 * @retval HKP_OK            absorbed
 * @retval HKP_E_NEURO_TIME  its time is not after the last one; state is unchanged
 * @retval HKP_E_NEURO_STEP  the state has reached its end; state is unchanged
 *
 * Cost: no allocation; one ChaCha20 stream of 18 kB, two HMACs, the network forth and back. Constant time.
 * Source: NZ1 10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_evolve(hkp_neuro_state *state, const uint8_t ter[64]);

/**
 * Change the reference by an authorisation, after its checks.
 *
 * @param state    the state
 * @param node_id  [16] of the device
 * @param rba      [len] bytes, borrowed
 * @param len      bytes
 * @param keys     [n_keys][32] policy keys, borrowed
 * @param n_keys   keys
 *
 * @retval HKP_OK changed
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT, HKP_E_NEURO_RBA_VERSION, HKP_E_NEURO_RBA_EXPIRED  refused; state is unchanged
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_rebase(hkp_neuro_state *state, const uint8_t node_id[16],
                                                       const uint8_t *rba, size_t len, const uint8_t *keys,
                                                       size_t n_keys);

/**
 * Serialise a state. The bytes are secret.
 *
 * @param state  the state
 * @param bytes  [112052] out
 *
 * Cost: no allocation.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_encode(const hkp_neuro_state *state, uint8_t *bytes);

/**
 * Read a serialised state.
 *
 * @param state  the state
 * @param bytes  [len], borrowed
 * @param len    bytes
 *
 * @retval HKP_OK state is set
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION, HKP_E_NEURO_FLAGS, HKP_E_NEURO_COUNT,
 *         HKP_E_NEURO_WEIGHT, HKP_E_NEURO_STATE  refused; state is unchanged
 *
 * Cost: no allocation.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_decode(hkp_neuro_state *state, const uint8_t *bytes,
                                                       size_t len);

/**
 * Fingerprint F of a state. It is secret and never travels.
 *
 * @param state  the state
 * @param f      [64] out
 *
 * Cost: no allocation; SHA-512 of 112 kB. Constant time.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_fingerprint(const hkp_neuro_state *state, uint8_t f[64]);

/**
 * Proof of state: a MAC over a message that needs ratchet, fingerprint and network.
 *
 * @param state     the state
 * @param f         [64] fingerprint of the same state
 * @param role      HKP_NEURO_ROLE_E or HKP_NEURO_ROLE_V of the sender (0 in vectors)
 * @param msg_hash  [32] SHA-256 that names the kind of message
 * @param nonce     [8]
 * @param tag       [32] out
 *
 * Cost: no allocation; one forward pass, two HMACs. Constant time.
 * Source: NZ1 13.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_posf(const hkp_neuro_state *state, const uint8_t f[64], uint8_t role,
                                  const uint8_t msg_hash[32], const uint8_t nonce[8], uint8_t tag[32]);

/**
 * Pre-shared key of a state at an index.
 *
 * @param state  the state
 * @param f      [64] fingerprint of the same state
 * @param index  n_ck
 * @param psk    [32] out
 *
 * Cost: one HMAC.
 * Source: NZ1 13.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_psk(const hkp_neuro_state *state, const uint8_t f[64], uint64_t index,
                                 uint8_t psk[32]);

/**
 * How far the weights of two states are apart. Not constant time.
 *
 * @param a  borrowed
 * @param b  borrowed
 *
 * @return parts per million, 0..2,000,000; 0 does not mean equal
 *
 * Cost: no allocation; one pass.
 * Source: NZ1 13.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_state_drift(const hkp_neuro_state *a, const hkp_neuro_state *b);

/**
 * Loss of a TER before it is absorbed. Not constant time.
 *
 * @param state  the state
 * @param ter    [64] bytes, borrowed
 * @param loss   out, Q32: with the integrity term
 * @param base   out, Q32: L_base, what novelty is computed from
 *
 * Cost: one forward pass.
 * Source: NZ1 9.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_loss(const hkp_neuro_state *state, const uint8_t ter[64], uint64_t *loss,
                                  uint64_t *base);

/**
 * The public members of a state.
 *
 * @param state  the state
 * @param info   out
 *
 * Cost: none.
 * Source: NZ1 6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_info(const hkp_neuro_state *state, struct hkp_neuro_state_info *info);

/**
 * Resonance state from what was compared.
 *
 * @param have_replica     1: yes
 * @param clock_undecided  1: yes
 * @param same_index       1: yes
 * @param equal_proof      1: yes
 * @param drift_known      1: yes
 * @param drift_ppm        parts per million
 *
 * @return HKP_NEURO_UNALIGNED .. HKP_NEURO_LOST
 *
 * Cost: none.
 * Source: NZ1 13.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_resonance(int32_t have_replica, int32_t clock_undecided, int32_t same_index,
                                     int32_t equal_proof, int32_t drift_known, uint32_t drift_ppm);

#ifdef __cplusplus
}
#endif

#endif
