/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/**
 * libdsm, part: what members' operators command together and the chain does (D-CKP-3, D-CKP-4): a node that
 * is barred for good is retired, an indicator of threats is withdrawn for all.
 */
#ifndef HOOKPROBE_DSM_COMMANDS_H
#define HOOKPROBE_DSM_COMMANDS_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** commands of one operator that wait at once */
    HKP_DSM_COMMANDS_MAX = 16
};

/**
 * Retire a node that the revocation list of the chain bars for good: its head disappears at the next
 * boundary, and its seat, if it has one, as the limits of D-EPO-2 let it.
 *
 * For a node without a seat the command of one member is enough; a member goes when f+1 members' operators
 * say so. The command is repeated in each epoch until it is done or the node is started anew.
 * HKP_DSM_EV_RETIRED tells.
 *
 * @param node     a running node with a seat
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param node_id  [16] who
 *
 * @retval HKP_OK            said; it waits for the list if that does not bar the node yet
 * @retval HKP_E_STATE       the node does not run
 * @retval HKP_E_NOTFOUND    node_id has neither a head nor a seat: nothing is left to retire
 * @retval HKP_E_DSM_SIGNER  this node has no seat
 * @retval HKP_E_LIMIT       too many commands wait, or no memory is left
 *
 * Cost: two signatures' worth of work.
 * Source: D-CKP-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_retire(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                    const uint8_t node_id[16]);

/**
 * Withdraw an indicator for all (M-TI-9): done when f+1 members' operators say so in one epoch.
 *
 * Name only what may be known to all: the chain tells ioc_key to everybody. The command is repeated in each
 * epoch until it is done or the node is started anew. HKP_DSM_EV_TOMBSTONE tells.
 *
 * @param node     a running node with a seat
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param ioc_key  [16] which
 *
 * @retval HKP_OK            said
 * @retval HKP_E_STATE       the node does not run
 * @retval HKP_E_DSM_SIGNER  this node has no seat
 * @retval HKP_E_LIMIT       too many commands wait, or no memory is left
 *
 * Cost: two signatures' worth of work.
 * Source: D-CKP-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_tombstone(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                       const uint8_t ioc_key[16]);

#ifdef __cplusplus
}
#endif

#endif
