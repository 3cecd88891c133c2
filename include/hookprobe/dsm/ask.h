/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/**
 * Questions for proofs of finality, put to peers (dsm.md D-SYN-4): any node may answer, no trust in it is
 * needed.
 */
#ifndef HOOKPROBE_DSM_ASK_H
#define HOOKPROBE_DSM_ASK_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** questions at once, and peers that one is put to before it is given up */
    HKP_DSM_QUESTIONS_MAX = 8,
    HKP_DSM_QUESTION_TRIES = 8
};

/** What is asked for. */
enum {
    /** head of an author; key: its node_id in the first 16 bytes */
    HKP_DSM_ASK_HEAD = 0,
    /** a block without its payload; key: its id */
    HKP_DSM_ASK_BLOCK = 1,
    /** an op; key: its RFC 9162 leaf hash */
    HKP_DSM_ASK_OP = 2,
    /** a threat record of a block; key: id of the block */
    HKP_DSM_ASK_RECORD = 3
};

struct hkp_dsm_question {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_ASK_* */
    uint32_t what;
    uint8_t key[32];
    /** of the record in its payload, 0..63; otherwise 0 */
    uint32_t position;
    uint32_t reserved0;
    /** newest epoch whose valset hash the asker trusts */
    struct hkp_dsm_trust trust;
};

/**
 * Ask peers for a proof; HKP_DSM_EV_PROOF of that ticket answers.
 *
 * @param node      a running node with peers
 * @param now       nanoseconds, monotonic
 * @param question  what is asked for, borrowed for the call
 * @param ticket    receives the number of the answer
 *
 * @retval HKP_OK          asked; status of the event: HKP_OK with a proof that was verified and shows what
 * was asked for, or HKP_E_NOTFOUND when no peer had it
 * @retval HKP_E_INVAL     struct_size is too small, or a member out of range
 * @retval HKP_E_LIMIT     8 questions are open
 * @retval HKP_E_STATE     the node does not run
 * @retval HKP_E_CALLBACK  no randomness
 *
 * Cost: one message for each peer asked; an answer is verified once; no allocation.
 * Source: D-SYN-4, D-SYN-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_ask(hkp_dsm_node *node, hkp_time now,
                                            const struct hkp_dsm_question *question, uint64_t *ticket);

/**
 * Verify a portable proof by what a node trusts: the set of the genesis, and that of the newest RESTART.
 *
 * @param node   a running node
 * @param in     [len] proof as of HKP_DSM_EV_PROOF, borrowed as long as *proof is used
 * @param len    bytes
 * @param proof  filled on HKP_OK
 *
 * @retval HKP_OK                final; its age is not judged
 * @retval HKP_E_DSM_SCHEMA..    refused, as by hkp_dsm_proof_verify()
 *
 * Cost: hkp_dsm_proof_verify().
 * Source: D-SYN-6, D-EPO-6, decision 0611.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_verify(const hkp_dsm_node *node, const uint8_t *in, size_t len,
                                                    struct hkp_dsm_proof *proof);

/**
 * Ask the own store for the portable proof that an op is final; EV_PROOF of that ticket answers.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param leaf_hash   [32] RFC 9162 leaf hash of the op: SHA-256 of 00 and its bytes
 * @param from_epoch  epoch whose valset hash the verifier trusts, at most that of the op's checkpoint
 * @param ticket      receives the number of the answer
 *
 * @retval HKP_OK       asked; status of the event as with hkp_dsm_prove()
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: reads of the store; no allocation.
 * Source: D-SYN-4, D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_prove_op(hkp_dsm_node *node, hkp_time now,
                                                 const uint8_t leaf_hash[32], uint64_t from_epoch,
                                                 uint64_t *ticket);

/**
 * Ask the own store for the portable proof of the newest final head of an author; EV_PROOF of that ticket
 * answers.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param node_id     [16] whose head
 * @param from_epoch  epoch whose valset hash the verifier trusts, at most the one that the node is in
 * @param ticket      receives the number of the answer
 *
 * @retval HKP_OK       asked; status of the event as with hkp_dsm_prove()
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: reads of the store; no allocation.
 * Source: D-SYN-4, D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_prove_head(hkp_dsm_node *node, hkp_time now,
                                                   const uint8_t node_id[16], uint64_t from_epoch,
                                                   uint64_t *ticket);

#ifdef __cplusplus
}
#endif

#endif
