/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/**
 * libdsm, part: BLS12-381, the second scheme of certificates of votes (dsm.md D-QC-3, D-QC-4). It makes
 * proofs of finality shorter for whoever fetches them over a thin line. Nothing else rests on it: a build
 * without blst has all of libdsm but this, and consensus never takes it.
 */
#ifndef HOOKPROBE_DSM_BLS_H
#define HOOKPROBE_DSM_BLS_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes in bytes. */
enum {
    HKP_DSM_BLS_SECRET_BYTES = 32,
    HKP_DSM_BLS_KEY_BYTES = 48,
    HKP_DSM_BLS_PROOF_BYTES = 96,
    /** shares that a node holds, at most */
    HKP_DSM_BLS_SHARES_MAX = 1600
};

/** BLS key of a seat, with the proof that its owner has the secret. */
struct hkp_dsm_bls_key {
    /** 0: the seat has none, and the rest is not read */
    uint32_t present;
    uint8_t key[48];
    uint8_t proof[96];
};

/**
 * Whether this build has scheme 2.
 *
 * @return 1: blst was there when it was built; 0: everything else here is HKP_E_UNSUPPORTED
 *
 * Cost: none.
 * Source: D-QC-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint32_t hkp_dsm_bls_is_built(void);

/**
 * Make a BLS key pair.
 *
 * @param seed    [32] random bytes, secret; the caller wipes them
 * @param secret  [32] result; the caller wipes it
 * @param key     [48] result
 *
 * @retval HKP_OK             made
 * @retval HKP_E_UNSUPPORTED  a build without blst
 *
 * Cost: one multiplication in G1.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_keypair(const uint8_t seed[32], uint8_t secret[32],
                                                    uint8_t key[48]);

/**
 * The BLS key pair that belongs to a node. It follows from the seed of the node's Ed25519 key, so whatever
 * keeps and seals that keeps this one, and a node that is asked for a BLS key later has it already.
 *
 * @param seed    [32] of the node's Ed25519 key
 * @param secret  [32] result; the caller wipes it
 * @param key     [48] result
 *
 * @retval HKP_OK             made
 * @retval HKP_E_UNSUPPORTED  a build without blst
 *
 * Cost: one multiplication in G1.
 * Source: D-QC-3, decision 0572.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_of_node(const uint8_t seed[32], uint8_t secret[32],
                                                    uint8_t key[48]);

/**
 * Prove possession of a secret, for keys 13 and 14 of a certificate.
 *
 * @param secret  [32] of hkp_dsm_bls_keypair()
 * @param proof   [96] result; untouched on failure
 *
 * @retval HKP_OK             made
 * @retval HKP_E_INVAL        not a secret
 * @retval HKP_E_UNSUPPORTED  a build without blst
 *
 * Cost: one signature.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_prove(const uint8_t secret[32], uint8_t proof[96]);

/**
 * Check a proof of possession. No key is to be believed before.
 *
 * @param key    [48] BLS public key
 * @param proof  [96] its proof
 *
 * @retval HKP_OK             its owner has the secret
 * @retval HKP_E_DSM_SIG      it is not proven, or the key is infinity or no point of the group
 * @retval HKP_E_UNSUPPORTED  a build without blst, which believes no key
 *
 * Cost: two pairings.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_check(const uint8_t key[48], const uint8_t proof[96]);

/**
 * Write the body of a validator set that lists both schemes.
 *
 * @param members  [n] as for hkp_dsm_valset_build()
 * @param keys     [n] their BLS keys
 * @param n        members, 1..200
 * @param epoch    epoch of the set
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_VALSET_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK             written
 * @retval HKP_E_DSM_SCHEMA   not ascending, keys equal, or a number out of range
 * @retval HKP_E_DSM_SIG      a BLS key without proof of possession
 * @retval HKP_E_UNSUPPORTED  a key is there, and the build is without blst
 * @retval HKP_E_NOSPC        cap is too small
 *
 * Cost: no allocation; two pairings for each key.
 * Source: D-SMX-1, D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_valset_build(const struct hkp_dsm_seat *members,
                                                         const struct hkp_dsm_bls_key *keys, size_t n,
                                                         uint64_t epoch, uint8_t *dst, size_t cap,
                                                         size_t *len);

/**
 * Shorten a portable proof: certificates of votes for which a quorum of shares is given are written in
 * scheme 2. The long proof is verified first, so the short one proves nothing that it did not.
 *
 * @param proof      [proof_len] as for hkp_dsm_proof_verify(), borrowed for the call
 * @param proof_len  bytes
 * @param chain_id   [32] name of the mesh
 * @param trust      the set where the proof begins
 * @param shares     [n_shares] envelopes of kind FINAL_BLS; bad ones and those about other headers are
 *                   passed over
 * @param n_shares   shares
 * @param dst        [cap] result; undefined on failure
 * @param cap        bytes; proof_len suffices
 * @param len        bytes written; untouched on failure
 *
 * @retval HKP_OK             shorter now
 * @retval HKP_E_DSM_QUORUM   no certificate has its shares, or no set lists scheme 2
 * @retval HKP_E_DSM_SCHEMA.. the proof is refused, as by hkp_dsm_proof_verify()
 * @retval HKP_E_UNSUPPORTED  a build without blst
 * @retval HKP_E_NOSPC        cap is too small
 *
 * Cost: hkp_dsm_proof_verify() and, for each certificate, two pairings for each share about it.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_compact(const uint8_t *proof, size_t proof_len,
                                                    const uint8_t chain_id[32],
                                                    const struct hkp_dsm_trust *trust,
                                                    const struct hkp_dsm_view *shares, size_t n_shares,
                                                    uint8_t *dst, size_t cap, size_t *len);

/**
 * Give a member its BLS secret: from now on it shows shares of what it finds final, and PUSHes them.
 *
 * @param node    a node; it takes a copy, and wipes it when it is freed
 * @param secret  [32] of hkp_dsm_bls_keypair()
 *
 * @retval HKP_OK             taken; without effect while no seat of the set has its key
 * @retval HKP_E_INVAL        not a secret
 * @retval HKP_E_UNSUPPORTED  a build without blst
 *
 * Cost: one multiplication in G1; later one signature for each final view.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_use(hkp_dsm_node *node, const uint8_t secret[32]);

/**
 * Shares that a node holds: of this epoch and of the one before, the newest four of each member. For
 * hkp_dsm_bls_compact().
 *
 * @param node    a node
 * @param shares  [cap] result: envelopes of kind FINAL_BLS; good until the next call that changes the node
 * @param cap     room; HKP_DSM_BLS_SHARES_MAX always suffices
 * @param count   shares written; untouched on failure
 *
 * @retval HKP_OK        written; none if the set lists no scheme 2, or in a build without blst
 * @retval HKP_E_NOSPC   cap is too small
 *
 * Cost: one look at each seat.
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_shares(const hkp_dsm_node *node, struct hkp_dsm_view *shares,
                                                   size_t cap, size_t *count);

/** How a node stands to scheme 2. */
struct hkp_dsm_bls_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** 1: the set of this epoch lists scheme 2 */
    uint32_t listed;
    /** seats of this epoch that have a BLS key */
    uint32_t keys;
    /** 1: the seat of this node has the key of the secret that hkp_dsm_bls_use() gave */
    uint32_t own;
    /** shares held */
    uint32_t shares;
    uint32_t reserved0;
};

/**
 * How a node stands to scheme 2.
 *
 * @param node    a node
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: one look at each seat.
 * Source: D-QC-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_status(const hkp_dsm_node *node,
                                                   struct hkp_dsm_bls_status *status);

/**
 * Shorten a portable proof that hkp_dsm_node_verify() takes with the shares that a node holds, as
 * hkp_dsm_bls_compact() does.
 *
 * @param node       a node
 * @param proof      [proof_len] as of HKP_DSM_EV_PROOF
 * @param proof_len  bytes
 * @param dst        [cap] result; undefined on failure
 * @param cap        bytes; proof_len suffices
 * @param len        bytes written; untouched on failure
 *
 * @retval HKP_OK             shorter now
 * @retval HKP_E_DSM_QUORUM   no certificate has its shares here, or no set lists scheme 2
 * @retval HKP_E_DSM_SCHEMA.. the proof is refused, as by hkp_dsm_proof_verify()
 * @retval HKP_E_UNSUPPORTED  a build without blst
 * @retval HKP_E_NOSPC        cap is too small
 *
 * Cost: hkp_dsm_bls_compact().
 * Source: D-QC-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_bls_shorten(const hkp_dsm_node *node, const uint8_t *proof,
                                                    size_t proof_len, uint8_t *dst, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
