/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what an operator does when so many members are lost that no quorum is left (D-EPO-6).
 */
#ifndef HOOKPROBE_MESH_RESTART_H
#define HOOKPROBE_MESH_RESTART_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events besides those of events.h. */
enum {
    /** a RESTART was applied (status HKP_OK) or came to nothing: number: epoch that it begins, to: its first
     * height */
    HKP_MESH_EVENT_RESTART = 35
};

/**
 * Apply a RESTART that officers signed, by an operator's command: hkp_dsm_node_restart().
 *
 * @param node     a node that joined
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param restart  [len] multi of kind 36, borrowed for the call
 * @param len      bytes
 *
 * @retval HKP_OK           taken; HKP_MESH_EVENT_RESTART follows
 * @retval HKP_E_MESH_STATE the node has not joined or stopped
 * @retval other            as hkp_dsm_node_restart()
 *
 * Cost: as hkp_dsm_node_restart().
 * Source: D-EPO-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_restart(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                 const uint8_t *restart, size_t len);

#ifdef __cplusplus
}
#endif

#endif
