/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Threat records: what the cache and the node need beside the public calls. */
#ifndef HKP_LIBMESH_RECORD_H
#define HKP_LIBMESH_RECORD_H

#include <hookprobe/mesh.h>

enum {
    /** how far a record may be dated ahead (M-TI-1) */
    HKP_MESH__AHEAD_S = 300,
    HKP_MESH__DECAY_STEPS = 16,
    HKP_MESH__GROUPS_MAX = 32
};

/** Decayed confidence in basis points (M-TI-2). */
uint32_t hkp_mesh__decay(uint64_t ttl_max_s, uint32_t confidence, uint64_t from_s, uint64_t until_s,
                         uint64_t now_s);

/** What is known of one indicator at one moment. */
struct hkp_mesh__evidence {
    /** distinct groups with a live record, own sensors counting as one */
    uint32_t groups;
    /** decayed confidence of those of them with evidence >= 1: bp[n], reordered by the call */
    uint32_t *bp;
    uint32_t n;
    /** groups that call it a false positive (M-TI-8) */
    uint32_t doubts;
    /** f of the validator set in force */
    uint32_t faults;
    /** on the allowlist */
    int allowed;
    /** an address where a member was reached */
    int member;
};

/** HKP_MESH_LEVEL_* (M-TI-7, M-TI-11). */
uint32_t hkp_mesh__action_level(const struct hkp_mesh__evidence *e);

/** Sorts v[n], lowest first. */
void hkp_mesh__sort(uint32_t *v, size_t n);

/** Lower median of v[n], n >= 1; v is reordered. */
uint32_t hkp_mesh__lower_median(uint32_t *v, uint32_t n);

#endif
