/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a control object remembers (D-AUD-5, D-AUD-6; control.c, control_rules.c, control_state.c). */
#ifndef HKP_LIBDSM_CONTROL_H
#define HKP_LIBDSM_CONTROL_H

#include "libdsm/objects/objects.h"

/* The newest version (POLICY) or number (ORDER) of one scope. */
struct hkp_dsm__rule {
    uint32_t kind; /* HKP_DSM_KIND_POLICY or _ORDER */
    uint32_t scope;
    uint8_t name[16]; /* of a POLICY whose scope is 0 */
    uint64_t number;
    uint64_t not_after_s; /* UINT64_MAX: no end */
    uint8_t in_force;     /* 0: only the number counts */
    uint8_t id[32];
};

/* A workload that an ORDER allows. */
struct hkp_dsm__allowed {
    uint8_t workload[32];
    uint64_t number, not_after_s;
};

struct hkp_dsm__used_nonce {
    uint8_t nonce[16];
    uint64_t until_s; /* end of its assignment: then it is refused by its window */
};

struct hkp_dsm__run {
    uint8_t run[32], workload[32], operator_id[16], scheduler_id[16];
    uint64_t until_s;
    hkp_time due;
};

enum { HKP_DSM__RULES = HKP_DSM_SCOPES + 5 };

struct hkp_dsm_control {
    struct hkp_mem mem;
    uint8_t chain_id[32], node_id[16];
    uint32_t tier;
    struct hkp_dsm_directory directory;
    hkp_time now;
    size_t n_rules, n_allowed, n_nonces, n_runs;
    /** latest end of an assignment whose nonce gave way to another one; 0: none did */
    uint64_t forgotten_s;
    struct hkp_dsm__rule rules[HKP_DSM__RULES];
    struct hkp_dsm__allowed allowed[HKP_DSM_ALLOWED];
    struct hkp_dsm__used_nonce nonces[HKP_DSM_START_NONCES];
    struct hkp_dsm__run runs[HKP_DSM_RUNS];
};

/* Until now_s, exclusive. */
static inline int hkp_dsm__holds(uint64_t not_after_s, uint64_t now_s) {
    return not_after_s == UINT64_MAX || now_s < not_after_s;
}

/* 1 if an ORDER in force allows this WORKLOAD object. */
int hkp_dsm__control_allows(const hkp_dsm_control *control, const uint8_t workload[32], uint64_t now_s);
/* Reads a saved state into a new object. */
hkp_status hkp_dsm__control_load(hkp_dsm_control *control, const uint8_t *in, size_t len);

#endif
