/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A stretch of faults and lies drawn from one seed, then quiet, in which progress is demanded. */
#ifndef HKP_TESTS_DSM_CHAOS_H
#define HKP_TESTS_DSM_CHAOS_H

#include "sim.h"

enum {
    /** loss, doubling, wrong bytes, long delays */
    CHAOS_NET = 1,
    /** one-way, flapping and whole partitions */
    CHAOS_PARTS = 2,
    /** power cuts, of one or of all honest members */
    CHAOS_CRASHES = 4,
    /** clocks that are wrong and jump */
    CHAOS_CLOCKS = 8,
    /** an epoch ends in the middle of it, by time */
    CHAOS_EPOCHS = 16,
    CHAOS_ALL = 31
};

struct chaos {
    uint64_t seed;
    /** members; how many of them lie, and how (liar.h) */
    uint32_t n, liars, ways, faults;
    /** how many views it lasts, at least */
    uint64_t views;
};

struct chaos_result {
    uint64_t views, faults, evidence, crashes, cuts, finals, trace, due;
    /** NULL, or what was wrong first */
    const char *fault;
    /** 0: no progress within the bound after the faults had stopped */
    uint32_t live;
};

void chaos_run(struct sim *s, const struct chaos *c, struct chaos_result *r);

#endif
