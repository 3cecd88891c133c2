/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: proofs of finality, checked without a node (D-SYN-5, D-SYN-6).
 */
#ifndef HOOKPROBE_DSM_PROOF_H
#define HOOKPROBE_DSM_PROOF_H

#include <hookprobe/dsm/objects.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a verifier trusts: a validator set by its hash. */
struct hkp_dsm_trust {
    uint64_t epoch;
    uint8_t valset_hash[32];
    /** of the boundary that named the set; of epoch 0 the genesis */
    uint64_t time_ms;
};

/** What a proof has proven; views lie inside the proof. */
struct hkp_dsm_proof {
    uint64_t epoch;
    uint64_t height;
    /** of the checkpoint */
    uint64_t time_ms;
    uint8_t digest[32];
    struct hkp_dsm_view leaf;
    /** 0 head, 1 block, 2 op */
    uint32_t root;
    /** 1: author and seq are proven, those of a block whose body is in the proof */
    uint32_t has_author;
    uint8_t author[16];
    uint64_t seq;
    /** the three of a block whose body is in the proof, otherwise 0 */
    uint64_t timestamp_us;
    uint32_t event_type;
    uint32_t position;
    /** salt and content; empty if the proof has none */
    struct hkp_dsm_view payload;
    /** canonical bytes of the threat record; empty if the proof names none */
    struct hkp_dsm_view record;
    /** certificates in it that are of scheme 2 */
    uint32_t compact;
    /** members that signed the certificate of its checkpoint */
    uint32_t signers;
};

/**
 * The set that a genesis names, as a verifier trusts it.
 *
 * @param genesis  of hkp_dsm_genesis_parse()
 * @param trust    result: epoch 0 and the time of the genesis
 *
 * Cost: one hash.
 * Source: D-SYN-6, D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_genesis_trust(const struct hkp_dsm_genesis *genesis, struct hkp_dsm_trust *trust);

/**
 * Verify a portable proof of finality.
 *
 * @param in        [len] proof as in a message; of a file what hkp_dsm_proof_file() finds; borrowed as
 *                  long as a view in proof is used
 * @param len       bytes
 * @param chain_id  [32] name of the mesh that the verifier means
 * @param trust     [n_trust] sets that the verifier trusts
 * @param n_trust   1 or more
 * @param now_ms    Unix milliseconds; 0: the trust period is not checked
 * @param proof     result; untouched on failure
 *
 * @retval HKP_OK                      final under a trusted set
 * @retval HKP_E_DSM_TOO_BIG           above 256 MiB, or a part above its limit
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object, or another magic
 * @retval HKP_E_DSM_EPOCH             its first epoch is not trusted, or a certificate of another
 * @retval HKP_E_DSM_EXPIRED           trust is older than 14 days
 * @retval HKP_E_DSM_VIEW              a header whose parent view is not below its own
 * @retval HKP_E_DSM_PROOF             a link, a root or the leaf does not fit
 * @retval HKP_E_DSM_SCHEME..          a certificate of votes: _KIND, _BITMAP, _SIG_COUNT, _QUORUM, _SIG
 * @retval HKP_E_DSM_PAYLOAD           the payload is not that of the block
 *
 * Cost: no allocation; 48 KB of stack; per link one Ed25519 verification for each signer.
 * Source: D-SYN-5, D-SYN-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_proof_verify(const uint8_t *in, size_t len,
                                                     const uint8_t chain_id[32],
                                                     const struct hkp_dsm_trust *trust, size_t n_trust,
                                                     uint64_t now_ms, struct hkp_dsm_proof *proof);

/**
 * Find the proof inside a file.
 *
 * @param in     [len] the whole file: the magic HKPPROOF, then the proof; borrowed as long as proof is used
 * @param len    bytes
 * @param proof  the bytes behind the magic; untouched on failure
 *
 * @retval HKP_OK              for hkp_dsm_proof_verify()
 * @retval HKP_E_DSM_TOO_BIG   above 256 MiB
 * @retval HKP_E_DSM_SCHEMA    another magic
 *
 * Cost: none.
 * Source: D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_proof_file(const uint8_t *in, size_t len, struct hkp_dsm_view *proof);

/**
 * Verify a light proof: boundaries, then a target, each with a FINAL certificate of its own.
 *
 * @param in        [len] bytes, borrowed as long as a view in proof is used
 * @param len       bytes
 * @param chain_id  [32] name of the mesh that the verifier means
 * @param trust     one set that the verifier trusts; its time_ms is not used
 * @param proof     result; untouched on failure; author, payload and record stay empty
 *
 * @retval HKP_OK                      final under the trusted set
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_VERSION           a part of a later version
 * @retval HKP_E_DSM_VIEW              a header whose parent view is not below its own
 * @retval HKP_E_DSM_EPOCH             a certificate of votes of another epoch
 * @retval HKP_E_DSM_PROOF             a link, the root or the leaf does not fit
 * @retval HKP_E_DSM_SCHEME..          a certificate of votes: _KIND, _BITMAP, _SIG_COUNT, _QUORUM, _SIG
 *
 * Cost: no allocation; 48 KB of stack; per link one Ed25519 verification for each signer.
 * Source: D-SYN-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_light_proof_verify(const uint8_t *in, size_t len,
                                                           const uint8_t chain_id[32],
                                                           const struct hkp_dsm_trust *trust,
                                                           struct hkp_dsm_proof *proof);

#ifdef __cplusplus
}
#endif

#endif
