/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: blocks of the node itself, and what they say of its neural state (D-BLK-1).
 */
#ifndef HOOKPROBE_DSM_SUBMIT_H
#define HOOKPROBE_DSM_SUBMIT_H

#include <hookprobe/dsm/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Claims of an author about its neural state (D-BLK-1). */
struct hkp_dsm_neuro {
    /** newest durable TER chain value; required */
    const uint8_t *ter_hash;
    /** commitment [32], PoSF [32] and holder [16]: all three or none (NULL) */
    const uint8_t *w_commit;
    const uint8_t *posf;
    const uint8_t *holder;
};

/**
 * Commitment to a neural state in a block: shows nothing without the fingerprint.
 *
 * @param out       [32] receives w_commit
 * @param f         [32] first half of the fingerprint F of the commit, secret
 * @param chain_id  [32] name of the mesh
 * @param node_id   [16] author
 * @param seq       number of the block
 *
 * Cost: one hash.
 * Source: D-BLK-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_w_commit(uint8_t out[32], const uint8_t f[32], const uint8_t chain_id[32],
                              const uint8_t node_id[16], uint64_t seq);

/**
 * The message that the PoSF of a block is over; its nonce is the seq, big-endian, its role 0x45.
 *
 * @param out           [32] receives msg_hash
 * @param chain_id      [32] name of the mesh
 * @param node_id       [16] author
 * @param seq           number of the block
 * @param prev          [32] its field prev
 * @param payload_hash  [32] its field payload_hash
 *
 * Cost: one hash.
 * Source: D-BLK-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_posf_message(uint8_t out[32], const uint8_t chain_id[32], const uint8_t node_id[16],
                                  uint64_t seq, const uint8_t prev[32], const uint8_t payload_hash[32]);

/**
 * Prepare the next own block, so that its neural claims can be computed over what they bind (D-BLK-1).
 *
 * The draft is used by the next hkp_dsm_submit() with content NULL; another draft replaces it.
 *
 * @param node          a running node
 * @param content       [len] bytes, borrowed for the call
 * @param len           bytes, 0..HKP_DSM_CONTENT_MAX
 * @param seq           receives the number that the block will have
 * @param prev          [32] receives its field prev
 * @param payload_hash  [32] receives the hash of salt and content
 *
 * @retval HKP_OK          ready
 * @retval HKP_E_INVAL     content is too long
 * @retval HKP_E_STATE     the node does not run yet
 * @retval HKP_E_CALLBACK  no randomness
 *
 * Cost: one hash; no allocation.
 * Source: D-BLK-1, D-BLK-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_draft(hkp_dsm_node *node, const uint8_t *content, size_t len,
                                              uint64_t *seq, uint8_t prev[32], uint8_t payload_hash[32]);

/**
 * Sign an own microblock; it is sent once it is durable.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param wall_us     Unix microseconds
 * @param event_type  1..65535 (D-BLK-3)
 * @param content     [len] bytes, borrowed for the call; NULL: the draft
 * @param len         bytes, 0..HKP_DSM_CONTENT_MAX
 * @param neuro       claims, present exactly if the certificate has role NEURO; else NULL
 * @param seq         receives its number
 *
 * @retval HKP_OK             signed; EV_BLOCK follows when it is durable
 * @retval HKP_E_INVAL        event_type or len out of range
 * @retval HKP_E_STATE        the node does not run, there is no draft, or the own chain is frozen
 * @retval HKP_E_LIMIT        over the cap of the tier (D-BLK-8) or of unfinalised blocks (D-BLK-9); later
 * @retval HKP_E_CALLBACK     no randomness
 * @retval HKP_E_DSM_NEURO    neuro does not fit the certificate's roles
 * @retval HKP_E_DSM_EXPIRED  the own certificate has expired
 *
 * Cost: one signature; no allocation.
 * Source: D-BLK-2, D-BLK-6, D-BLK-8, D-BLK-9, D-BLK-16.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_submit(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                               uint32_t event_type, const uint8_t *content, size_t len,
                                               const struct hkp_dsm_neuro *neuro, uint64_t *seq);

#ifdef __cplusplus
}
#endif

#endif
