/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How well a node is connected to its mesh: the five states of mesh.md 7. */
#ifndef HKP_LIBMESH_STATE_H
#define HKP_LIBMESH_STATE_H

#include <stdint.h>

enum {
    HKP_MESH__DORMANT = 0,
    HKP_MESH__AWAKENING = 1,
    HKP_MESH__AWARE = 2,
    HKP_MESH__SYNCHRONIZED = 3,
    HKP_MESH__AUTONOMOUS = 4
};

/** The first condition that kept the node from SYNCHRONIZED, or NONE (M-STATE-3). */
enum {
    HKP_MESH__WANT_NONE = 0,
    HKP_MESH__WANT_PEERS,
    HKP_MESH__WANT_GROUPS,
    HKP_MESH__WANT_CLEAN_ROUND,
    HKP_MESH__WANT_CHECKPOINT,
    HKP_MESH__WANT_REVOCATIONS,
    HKP_MESH__WANT_RESONANCE
};

struct hkp_mesh__state_inputs {
    int joined;
    /** active peers with an authenticated session, and how many SYNCHRONIZED takes: min(3, others enrolled)
     */
    uint32_t peers;
    uint32_t peers_needed;
    /** groups of those peers, and groups known in the mesh */
    uint32_t groups;
    uint32_t groups_known;
    /** a first anti-entropy round was completed */
    int first_round;
    /** seconds since the last round without difference, the newest final checkpoint, the revocation list */
    uint64_t clean_round_s;
    uint64_t checkpoint_age_s;
    uint64_t revocations_age_s;
    /** not every own instance is LOST */
    int resonance_ok;
    int mssp_configured;
    /** seconds since its last authenticated packet, and of its unbroken session */
    uint64_t mssp_silent_s;
    uint64_t mssp_up_s;
    /** seconds without break since the conditions of SYNCHRONIZED failed; 0 while they hold */
    uint64_t unsync_s;
};

/** Next state from the present one. *want, if not NULL: the first condition of SYNCHRONIZED that fails. */
uint32_t hkp_mesh__state_next(uint32_t state, const struct hkp_mesh__state_inputs *in, uint32_t *want);

#endif
