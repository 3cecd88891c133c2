/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what a node does so that no history is lost or replaced quietly: trust and quarantine that
 * outlive it.
 */
#ifndef HOOKPROBE_MESH_HISTORY_H
#define HOOKPROBE_MESH_HISTORY_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

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
