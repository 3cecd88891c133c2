/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: who sits in the validator set (D-EPO). A node asks for a seat or gives it back, members
 * endorse those whom they trust, and the next boundary changes the set. Members who were convicted by
 * evidence leave without being asked.
 */
#ifndef HOOKPROBE_DSM_MEMBERS_H
#define HOOKPROBE_DSM_MEMBERS_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Trust in thousandths that an endorsement needs at least, held for one hour (D-EPO-3). */
enum { HKP_DSM_ENDORSE_TRUST_MIN = 800 };

/**
 * Ask for a seat, in this epoch and the following ones, until the chain gives it; HKP_DSM_EV_SEAT tells.
 *
 * @param node     a running node whose newest certificate has role VALIDATOR
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK          asked, or it has a seat
 * @retval HKP_E_STATE     the node is dead or not started
 * @retval HKP_E_DSM_ROLE  its certificate does not let it, or it was made as an observer
 *
 * Cost: two signatures' worth of work; no allocation.
 * Source: D-EPO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_join(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * Give the seat back at a boundary, in this epoch or, where limits do not let it, a following one.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       said, or it has no seat; a wish for one is withdrawn
 * @retval HKP_E_STATE  the node is dead or not started
 *
 * Cost: two signatures' worth of work; no allocation.
 * Source: D-EPO-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_leave(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * Endorse what HKP_DSM_EV_MEMBER told. Endorsements count in their epoch only: whoever asks again in the next
 * one is told again.
 *
 * @param node     a running node with a seat
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param subject  [32] id of the event
 * @param trust    800..1000, thousandths, held for one hour: the host's own judgement (NZ1 16)
 *
 * @retval HKP_OK            signed and passed on, or done before
 * @retval HKP_E_INVAL       trust is too low or no such number
 * @retval HKP_E_STATE       the node is dead or not started
 * @retval HKP_E_DSM_SIGNER  the node has no seat
 * @retval HKP_E_LIMIT       16 were given in this epoch, or no memory is left
 *
 * Cost: two signatures' worth of work; no allocation.
 * Source: D-EPO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_endorse(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                     const uint8_t subject[32], uint32_t trust);

/**
 * Who has a seat in the epoch that the node is in.
 *
 * @param node   a node
 * @param seats  [cap] result, ascending by node_id
 * @param cap    seats; HKP_DSM_MEMBERS_MAX always suffice
 * @param count  seats written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: a copy.
 * Source: D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_seats(const hkp_dsm_node *node, struct hkp_dsm_seat *seats,
                                                   size_t cap, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
