/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: witness verification by a running node (D-WIT). A node claims something, others that saw it
 * themselves say so, gossip carries both, and every node counts for itself. HKP_DSM_EV_CLAIM tells of each
 * claim that came, HKP_DSM_EV_VERDICT of each change of how it stands.
 */
#ifndef HOOKPROBE_DSM_TESTIMONY_H
#define HOOKPROBE_DSM_TESTIMONY_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>
#include <hookprobe/dsm/witness.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_claim;
struct hkp_dsm_directory;
struct hkp_dsm_tally;
struct hkp_dsm_witness;

/**
 * Claim something: signed, counted here and passed on.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param claim    what is claimed; created_s and expires_s are the caller's
 * @param id       [32] receives the claim's id; untouched on failure
 *
 * @retval HKP_OK                said
 * @retval HKP_E_STATE           the node is dead or not started
 * @retval HKP_E_LIMIT           64 claims of this node's group are open, or these and what is said about them
 *                               fill its share of memory, or no memory is left
 * @retval HKP_E_DSM_SCHEMA..    codes of hkp_dsm_claim_build()
 * @retval HKP_E_DSM_EXPIRED..   codes of hkp_dsm_claim_table_claim()
 *
 * Cost: two signatures' worth of work; no allocation.
 * Source: D-WIT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_claim(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                   const struct hkp_dsm_claim *claim, uint8_t id[32]);

/**
 * Say what this node itself found out about a claim. It says it once, also after a start: a second verdict
 * would void it. It counts here at once and leaves when the store has it (META row "said"). After a start the
 * same verdict may be given again until others told this node that they have it.
 *
 * @param node     a running node whose certificate has role WITNESS
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param witness  verdict, method and digest of what was seen
 *
 * @retval HKP_OK               said and counted here; passed on when it is durable
 * @retval HKP_E_STATE          the node is dead or not started
 * @retval HKP_E_NOTFOUND       the claim is not held
 * @retval HKP_E_LIMIT          64 witnesses are held, or 16 further ones of groups that are there; or what is
 *                              said about claims of its group fills their share of memory, or no memory is
 *                              left; or this node's word about 1024 claims that are not over is stored
 * @retval HKP_E_DSM_DUPLICATE  this node said something about it before, or something else before a start
 * @retval HKP_E_DSM_ROLE       this node is no witness
 * @retval HKP_E_DSM_TARGET     the claim is of this node's group
 * @retval HKP_E_DSM_EXPIRED..  codes of hkp_dsm_claim_table_witness()
 *
 * Cost: two signatures' worth of work; no allocation.
 * Source: D-WIT-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_testify(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                     const struct hkp_dsm_witness *witness);

/**
 * How a claim stands by what this node heard.
 *
 * @param node   a node
 * @param id     [32] of the claim
 * @param tally  filled; untouched on failure
 *
 * @retval HKP_OK          filled
 * @retval HKP_E_NOTFOUND  the claim is not held
 *
 * Cost: a search, 64 x 64 comparisons.
 * Source: D-WIT-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_tally(const hkp_dsm_node *node, const uint8_t id[32],
                                                   struct hkp_dsm_tally *tally);

/**
 * Write the portable proof of how a claim stands: whoever trusts the officers verifies it with
 * hkp_dsm_witness_proof_verify(). Witnesses that said two things are left out, and those whose certificate of
 * then this node knows to be revoked: with one of them the whole proof would be refused.
 *
 * @param node  a node
 * @param id    [32] of the claim
 * @param dst   [cap] result; undefined on failure
 * @param cap   bytes; HKP_DSM_WITNESS_PROOF_MAX always suffices
 * @param len   bytes written; untouched on failure
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  the claim is not held (any more), its claimant's certificate is revoked, or nobody
 *                         said anything about it that counts
 * @retval HKP_E_NOSPC     cap is too small
 *
 * Cost: one copy.
 * Source: D-WIT-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_claim_proof(const hkp_dsm_node *node, const uint8_t id[32],
                                                         uint8_t *dst, size_t cap, size_t *len);

/**
 * The certificates and revocations that a node holds, for the parts that judge signed objects: collectors,
 * challengers, controls of workloads. Used like the node itself, by one thread at a time.
 *
 * @param node       a node; it outlives the directory
 * @param directory  filled
 *
 * Cost: none; each search costs one hash.
 * Source: D-ENV-2, D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_directory(hkp_dsm_node *node, struct hkp_dsm_directory *directory);

#ifdef __cplusplus
}
#endif

#endif
