/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: how a node and its peers stand (mesh.md 6.1, M-STATE).
 */
#ifndef HOOKPROBE_MESH_NODE_STATUS_H
#define HOOKPROBE_MESH_NODE_STATUS_H

#include <hookprobe/mesh/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Consciousness of a node (M-STATE); numbers as in the metric hkp_mesh_state. */
enum {
    HKP_MESH_NODE_DORMANT = 0,
    HKP_MESH_NODE_AWAKENING = 1,
    HKP_MESH_NODE_AWARE = 2,
    HKP_MESH_NODE_SYNCHRONIZED = 3,
    HKP_MESH_NODE_AUTONOMOUS = 4
};

/** How a node stands. */
struct hkp_mesh_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_NODE_* */
    uint32_t state;
    uint8_t node_id[16];
    uint8_t chain_id[32];
    /** members of the validator set, faults tolerated, signatures of a certificate */
    uint32_t members;
    uint32_t faulty_max;
    uint32_t quorum;
    uint32_t peers_configured;
    uint32_t peers_up;
    /** 1: newest own TER has the reference integrity; 0: it differs; 2: no TER yet */
    uint32_t integrity;
    uint64_t height;
    uint64_t view;
    uint64_t epoch;
    uint64_t final_time_ms;
    uint64_t nullified;
    uint64_t evidence;
    /** own TERs, own newest block, all blocks accepted since the start, blocks that are not final */
    uint64_t ter_index;
    uint64_t own_seq;
    uint64_t blocks;
    uint64_t blocks_open;
    /** live threat records and indicators */
    uint64_t records;
    uint64_t indicators;
    /** datagrams that changed nothing, by number of the result of HTP-15.1 */
    uint64_t dropped[64];
    /** refusals by this node since the start */
    uint64_t refused;
    /** 1: this build reads certificates of scheme 2, BLS12-381; 0: it asks for lists (D-QC-4) */
    uint32_t bls;
    /** 1: the validator set lists scheme 2; its seats that have a BLS key; 1: this node is one of them */
    uint32_t bls_listed;
    uint32_t bls_keys;
    uint32_t bls_own;
    /** newest boundary known: HKP_DSM_TRUST_*, time and digest; it began epoch (D-SYN-2) */
    uint32_t trust;
    uint32_t reserved0;
    uint64_t boundary_ms;
    uint8_t boundary[32];
};

/** How a peer stands. */
struct hkp_mesh_peer_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** 1: a session is up */
    uint32_t up;
    uint8_t node_id[16];
    /** 1: that session is in mode R */
    uint32_t mode;
    /** T of 65536 now, and the reasons that limit it as words, NUL-terminated */
    uint32_t trust;
    char reason[128];
    /** NZ1 22.5 states of our instance towards it and of its instance here: 0 none, 1 PENDING, 2 ACTIVE,
     * 3 STALE, 4 LOST */
    uint32_t own_state;
    uint32_t held_state;
    /** agreed commits of both */
    uint64_t own_commit;
    uint64_t held_commit;
    /** its TERs that we hold */
    uint64_t ter_index;
    /** its newest TER: 1 reference integrity, 0 differs, 2 none held */
    uint32_t integrity;
    uint32_t group;
    uint64_t rtt_us;
    /** refusals of this peer after it had proved who it is, and of ours by it */
    uint64_t refused;
    uint64_t refused_by;
    /** 1: in quarantine, which only an operator ends (hkp_mesh_trust_release()) */
    uint32_t quarantined;
    uint32_t reserved0;
};

/**
 * How the node stands.
 *
 * @param node    the object
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_node_status(const hkp_mesh_node *node,
                                                     struct hkp_mesh_status *status);

/**
 * How a peer stands.
 *
 * @param node    the object
 * @param index   0..peers_configured - 1
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  there is no such peer
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_peer_status(const hkp_mesh_node *node, uint32_t index,
                                                     struct hkp_mesh_peer_status *status);

#ifdef __cplusplus
}
#endif

#endif
