/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a node knows of its neighbours, and of who answers. */
#ifndef HKP_LIBDSM_NEIGHBOURS_H
#define HKP_LIBDSM_NEIGHBOURS_H

#include <hookprobe/dsm/gossip.h>

#include "libdsm/gossip/view.h"

enum {
    /** probes for others that are open at once (D-GSP-5), and of these for one */
    PROBES_FOR_OTHERS = 32,
    PROBES_FOR_ONE = 8,
    PROBE_HELPERS = 3,
    PROBE_MISSES = 5,
    HEALTH_MAX = 8
};

struct hkp_dsm__near {
    uint32_t on, n_addresses, features;
    struct hkp_dsm_address addresses[HKP_DSM_ADDRESSES_MAX];
    /** own record, the one without private addresses (NULL: none is left), and when they were signed */
    struct hkp_dsm__blob *own, *open;
    uint64_t seq;
    hkp_time signed_at, key_at;
    /** records of nodes to be tried first, as stored; when they were looked at last */
    struct hkp_dsm__blob *anchors;
    uint8_t anchors_hash[32];
    hkp_time anchors_at;
    struct hkp_dsm__view view;
};

/** What is open with one peer. */
struct hkp_dsm__probe {
    uint8_t nonce[8];
    /** next thing to do; 0: begin. step: nothing open, asked, asked through others */
    hkp_time at;
    uint32_t step, missed;
};

struct hkp_dsm__probes {
    /** 1: well .. 8 */
    uint32_t health, own_stance;
    uint64_t silent;
    /** nothing is to be done before */
    hkp_time at;
    /** PING of ours for others */
    struct hkp_dsm__probe_for {
        uint8_t nonce[8], their_nonce[8], peer[16], target[16];
        hkp_time until;
    } others[PROBES_FOR_OTHERS];
};

#endif
