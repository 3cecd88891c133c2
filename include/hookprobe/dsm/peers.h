/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: sessions of a node, and messages over them (D-GSP-10).
 */
#ifndef HOOKPROBE_DSM_PEERS_H
#define HOOKPROBE_DSM_PEERS_H

#include <hookprobe/dsm/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Verdicts about a peer's clock (HTP-3.8). */
enum { HKP_DSM_CLOCK_UNKNOWN = 0, HKP_DSM_CLOCK_OK = 1, HKP_DSM_CLOCK_WARN = 2, HKP_DSM_CLOCK_FAIL = 3 };

/**
 * A session with a peer is up.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param peer     [16] node_id that the session authenticated
 * @param lanes    mask of open lanes, bit i for lane i (HTP-8.6); lanes 0 and 1 stay open between members
 *
 * @retval HKP_OK       up
 * @retval HKP_E_INVAL  the peer is this node, or lanes is above 31
 * @retval HKP_E_LIMIT  peers_max are up
 * @retval HKP_E_STATE  the node does not run, or the peer is up already
 * @retval HKP_E_DSM_RATE  the peer was sent away and its time is not over (D-GSP-17)
 *
 * Cost: no allocation.
 * Source: D-GSP-18, HTP-8.6, D-STO-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_up(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16],
                                                uint32_t lanes);

/**
 * The lanes that a peer may use changed.
 *
 * @param node   a running node
 * @param now    nanoseconds, monotonic
 * @param peer   [16] node_id
 * @param lanes  mask, bit i for lane i
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  the peer is not up
 * @retval HKP_E_INVAL     lanes is above 31
 *
 * Cost: no allocation.
 * Source: HTP-8.6, D-SMX-11.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_lanes(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16],
                                                   uint32_t lanes);

/**
 * What the session knows of the peer's clock.
 *
 * @param node       a running node
 * @param peer       [16] node_id
 * @param offset_us  peer's clock minus own, microseconds
 * @param verdict    HKP_DSM_CLOCK_*
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  the peer is not up
 * @retval HKP_E_INVAL     unknown verdict
 *
 * Cost: none.
 * Source: D-SMX-R1, D-BLK-16, HTP-3.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_clock(hkp_dsm_node *node, const uint8_t peer[16],
                                                   int64_t offset_us, uint32_t verdict);

/**
 * The session ended; its queues are dropped.
 *
 * @param node  a running node
 * @param now   nanoseconds, monotonic
 * @param peer  [16] node_id
 *
 * @retval HKP_OK          gone
 * @retval HKP_E_NOTFOUND  the peer is not up
 *
 * Cost: no allocation.
 * Source: D-GSP-18.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_down(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16]);

/**
 * The host reports whether the wall clock is synchronised (default: not).
 *
 * @param node          a node
 * @param synchronised  1 or 0
 *
 * Cost: none.
 * Source: D-BLK-16, D-CERT-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_clock_state(hkp_dsm_node *node, int32_t synchronised);

/**
 * Hand over one message of class DSM (the byte that opens a stream is no message).
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param peer     [16] node_id of the session
 * @param lane     lane of the stream, 0..4; above: the peer broke the rules of lanes where only the host sees
 * it (a lane that is none or open already, a message longer than its lane may carry): it loses points
 * @param msg      [len] bytes, borrowed for the call; of a lane above 4 not looked at
 * @param len      bytes
 *
 * @retval HKP_OK                 taken
 * @retval HKP_E_STATE            the node does not run
 * @retval HKP_E_NOTFOUND         the peer is not up
 * @retval HKP_E_LIMIT            events are not drained; nothing changed, hand it over again
 * @retval HKP_E_DSM_RATE         over a ration, or there is no room: dropped, not to be handed over again
 * @retval HKP_E_DSM_LANE         the lane is closed to this peer, wrong for the op, or above 4
 * @retval HKP_E_DSM_DUPLICATE    known already; harmless
 * @retval HKP_E_DSM_GAP          a block is held until the ones before it came
 * @retval HKP_E_DSM_SCHEMA       malformed; every other code of dsm.md 14 by D-GSP-20, D-ENV-2, D-BLK-4;
 *                                unchanged but for evidence of a fork (HKP_E_DSM_FORK)
 *
 * Cost: at most one signature check for each block or vote in it, q for each cert; no allocation.
 * Source: D-GSP-20.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_recv(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                             const uint8_t peer[16], uint32_t lane, const uint8_t *msg,
                                             size_t len);

/**
 * Next outbound message.
 *
 * @param node  a node
 * @param peer  [16] receives the node_id to send to
 * @param lane  receives the lane, 0..4
 * @param msg   receives the bytes, valid until the next call on the node
 * @param len   receives their number
 *
 * @retval HKP_OK          one message
 * @retval HKP_E_NOTFOUND  nothing to send now; outputs untouched
 *
 * Cost: no allocation.
 * Source: D-GSP-10, D-STO-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_send(hkp_dsm_node *node, uint8_t peer[16], uint32_t *lane,
                                             const uint8_t **msg, size_t *len);

/**
 * Next outbound message to one peer, for hosts that stop a peer whose stream is full.
 *
 * @param node  a node
 * @param peer  [16] node_id to send to
 * @param skip  mask of lanes to leave alone
 * @param lane  receives the lane, 0..4
 * @param msg   receives the bytes, valid until the next call on the node
 * @param len   receives their number
 *
 * @retval HKP_OK          one message
 * @retval HKP_E_NOTFOUND  nothing to send to it now, or it is not up; outputs untouched
 *
 * Cost: no allocation.
 * Source: D-GSP-10, dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_send_to(hkp_dsm_node *node, const uint8_t peer[16], uint32_t skip,
                                                uint32_t *lane, const uint8_t **msg, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
