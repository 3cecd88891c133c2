/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what a node does so that no history is lost or replaced quietly: a log that lost its end,
 * trust and quarantine that outlive the node.
 */
#ifndef HOOKPROBE_MESH_HISTORY_H
#define HOOKPROBE_MESH_HISTORY_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events besides those of events.h: the first is a request, the second a fact. */
enum {
    /** append data[data_len], whole records as on disk, from index number on to the TER log, durably; then
     * hkp_mesh_logged() */
    HKP_MESH_EVENT_LOG_RESTORE = 6,
    /** about the own history: number, to: first index and index behind; node_id: whose word it is; text */
    HKP_MESH_EVENT_HISTORY = 31
};

/**
 * Say that the log had a torn end at this start: holders are asked before the first TER.
 *
 * @param node  a node that knows the end of its log (hkp_mesh_log_end()) and has not joined
 *
 * @retval HKP_OK       noted
 * @retval HKP_E_STATE  the node has joined, or the end of its log is not known yet
 *
 * Cost: none.
 * Source: NZ1 5.2, SYN-2.6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_log_torn(hkp_mesh_node *node);

/**
 * Ask whether a TER may be made now; before that hkp_mesh_ter() refuses it.
 *
 * After a torn log this takes until every holder that is reachable within 10 s has answered and what the log
 * lost is back or a GAP: at most 60 s after the first answer, 40 s after hkp_mesh_join() without one that
 * tells of more.
 *
 * @param node  the object
 *
 * @return 1: yes; 0: not yet, or the node has not joined
 *
 * Cost: none.
 * Source: NZ1 5.2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API int32_t hkp_mesh_may_capture(const hkp_mesh_node *node);

/**
 * Change the reference by a signed authorisation, between two TERs.
 *
 * The record goes to the log by HKP_MESH_EVENT_LOG; when it is durable the own instances absorb it and a TCK1
 * with flag REBASE follows at once. Until then no TER may be made. The host measures by the manifest of that
 * policy_ver from then on, and gives this RBA1 as `rebase` of its options at the next start. So it does with
 * a REBASE record among those of HKP_MESH_EVENT_LOG_RESTORE, which a torn log had lost.
 *
 * @param node  a node that has made a TER since it joined
 * @param now   nanoseconds, monotonic
 * @param rba   [192] RBA1, borrowed
 *
 * @retval HKP_OK            on its way to the log
 * @retval HKP_E_MESH_STATE  no TER was made at this start yet, or holders are still asked
 * @retval HKP_E_MESH_LIMIT  a TCK1 or a rebase stands at this index: again after the next TER
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT, HKP_E_NEURO_RBA_VERSION, HKP_E_NEURO_RBA_EXPIRED  refused; nothing changed
 *
 * Cost: one signature check; when it is logged, one signature.
 * Source: NZ1 11.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_rebase(hkp_mesh_node *node, hkp_time now, const uint8_t rba[192]);

/**
 * End the quarantine of a peer, as an operator may and nobody else.
 *
 * T begins again as at a first session. An instance of it that is LOST stays so: it counts as "no replica"
 * from now on, and is healed by a fresh ENROL under a raised neuro_gen. The release is stored by an event.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param node_id  [16] of the peer, borrowed
 *
 * @retval HKP_OK            released
 * @retval HKP_E_NOTFOUND    no such peer is configured
 * @retval HKP_E_MESH_STATE  it is not in quarantine; nothing changed
 *
 * Cost: none.
 * Source: NZ1 16 "Only an operator ends quarantine", 22.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_trust_release(hkp_mesh_node *node, hkp_time now,
                                                       const uint8_t node_id[16]);

#ifdef __cplusplus
}
#endif

#endif
