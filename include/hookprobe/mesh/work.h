/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what operators, schedulers and officers tell a node to do (D-AUD-5, D-AUD-6). The node
 * verifies POLICY, ORDER, WORKLOAD and ASSIGN, keeps what is in force over a restart and tells its host; what
 * counts is durable before it is told. It runs no workload itself: the host computes the digest of the image
 * that it would run, asks, starts it when told, and stops it when told.
 */
#ifndef HOOKPROBE_MESH_WORK_H
#define HOOKPROBE_MESH_WORK_H

#include <hookprobe/dsm.h>
#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_start;

/** Events of a node beside those of events.h; data is the id [32] of the object that they are about. */
enum {
    /** a POLICY: node_id: its operator; number: scope, 0: a name; to: version; status HKP_OK: in force now,
     * else in force no more, HKP_E_DSM_EXPIRED or _ORDER (reset by officers) */
    HKP_MESH_EVENT_POLICY = 48,
    /** an ORDER: number: scope; to: its number; status as above; HKP_E_DSM_FORK: officers signed two of one
     * number, and none of them counts */
    HKP_MESH_EVENT_ORDER = 49,
    /** an ASSIGN for this node, its WORKLOAD and the ORDER are here and the windows open: node_id: the
     * scheduler; hkp_mesh_workload_start() asks further */
    HKP_MESH_EVENT_ASSIGNED = 50,
    /** hkp_mesh_workload_start() of this ASSIGN is durable: start the workload now */
    HKP_MESH_EVENT_WORKLOAD_START = 51,
    /** stop the run of this ASSIGN: status says why */
    HKP_MESH_EVENT_WORKLOAD_STOP = 52
};

/** Limits. Above them an object is refused; of its own signer the oldest WORKLOAD or ASSIGN makes room. */
enum {
    HKP_MESH_WORK_POLICIES = 128,
    HKP_MESH_WORK_ORDERS = 68,
    HKP_MESH_WORK_WORKLOADS = 64,
    HKP_MESH_WORK_ASSIGNS = 64,
    HKP_MESH_WORK_OF_SIGNER = 16
};

/** How an object stands. */
enum {
    /** a WORKLOAD that is here; an ASSIGN whose time has not come, or that lacks its WORKLOAD or ORDER */
    HKP_MESH_WORK_HELD = 0,
    /** a POLICY or ORDER in force; an ASSIGN that may be asked for */
    HKP_MESH_WORK_IN_FORCE = 1,
    /** an ASSIGN that was granted */
    HKP_MESH_WORK_RUNNING = 2
};

/** One object that the node holds; views live until the next call for this node. */
struct hkp_mesh_work {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_DSM_KIND_POLICY, _ORDER, _WORKLOAD or _ASSIGN */
    uint32_t kind;
    /** HKP_MESH_WORK_HELD, _IN_FORCE or _RUNNING */
    uint32_t state;
    /** of a POLICY or ORDER; 0: name */
    uint32_t scope;
    /** version of a POLICY or WORKLOAD, number of an ORDER */
    uint64_t number;
    /** Unix seconds at which it ends; 2^64-1: never */
    uint64_t until_s;
    uint8_t id[32];
    /** who signed it; zeros: officers */
    uint8_t signer[16];
    uint8_t name[16];
    /** of an ASSIGN, and of an ORDER of scope 1: id of the WORKLOAD object */
    uint8_t workload[32];
    /** [object_len] as it was signed */
    const uint8_t *object;
    size_t object_len;
    /** [bytes_len] what a POLICY or ORDER says; empty for the others */
    const uint8_t *bytes;
    size_t bytes_len;
};

/**
 * The objects that a node holds, one after the other.
 *
 * @param node   a node
 * @param index  from 0 on
 * @param out    struct_size set by the caller; untouched on failure
 *
 * @retval HKP_OK          filled in
 * @retval HKP_E_NOTFOUND  there are no more
 * @retval HKP_E_INVAL     struct_size is of another version
 *
 * Cost: reads it.
 * Source: D-AUD-5, D-AUD-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_work_at(hkp_mesh_node *node, uint32_t index,
                                                 struct hkp_mesh_work *out);

/**
 * Ask whether a workload may start. If so its nonce is used up; HKP_MESH_EVENT_WORKLOAD_START follows when
 * that is durable, and only then the host starts it. After a restart of the node nothing runs any more: the
 * host stops what it started for an earlier one.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param run      [32] id of an ASSIGN
 * @param image    [32] digest of the image, computed by the host from the very bytes that it would run
 * @param start    result; its views live until the next call for this node; untouched on failure
 *
 * @retval HKP_OK                it may, once told
 * @retval HKP_E_STATE           the node has not joined, has left, or is still loading
 * @retval HKP_E_NOTFOUND        no such ASSIGN for this node, or its WORKLOAD is not here
 * @retval HKP_E_DSM_NOT_YET..   codes of hkp_dsm_control_start()
 *
 * Cost: two Ed25519 verifications, and one file.
 * Source: D-AUD-5, D-AUD-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_workload_start(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                        const uint8_t run[32], const uint8_t image[32],
                                                        struct hkp_dsm_start *start);

/**
 * A workload that was started has ended by itself, or was stopped.
 *
 * @param node  a node
 * @param now   nanoseconds, monotonic
 * @param run   [32] id of its ASSIGN
 *
 * @retval HKP_OK          noted; its nonce stays used
 * @retval HKP_E_NOTFOUND  it does not run
 *
 * Cost: a search.
 * Source: D-AUD-5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_workload_ended(hkp_mesh_node *node, hkp_time now,
                                                        const uint8_t run[32]);

#ifdef __cplusplus
}
#endif

#endif
