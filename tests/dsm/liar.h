/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Byzantine members of the simulated world (sim.h). Behind each stands a real node, so that the liar knows
 * all that a member knows; what that node writes is left out, changed for some, or joined by what an honest
 * member would never sign. Every signature is made with the member's true key.
 */
#ifndef HKP_TESTS_DSM_LIAR_H
#define HKP_TESTS_DSM_LIAR_H

#include "sim.h"

enum {
    /** other votes to some than to others: two digests, FINAL beside NULL */
    LIAR_VOTES_TWICE = 1 << 0,
    /** another valid header to some, chosen among many by its digest (grinding) */
    LIAR_PROPOSES_TWICE = 1 << 1,
    LIAR_HIDES_VOTES = 1 << 2,
    LIAR_HIDES_PROPOSALS = 1 << 3,
    LIAR_HIDES_CERTS = 1 << 4,
    /** NOTAR and FINAL for every digest that is heard, without a block or a cert */
    LIAR_POSSESSES_NOTHING = 1 << 5,
    /** HAVE of blocks that do not exist, of nodes that do not exist */
    LIAR_BOASTS = 1 << 6,
    LIAR_REPLAYS = 1 << 7,
    /** headers with wrong roots, heights, times, parents, boundaries, ops; bodies of other headers; oversize
     */
    LIAR_PROPOSES_BADLY = 1 << 8,
    /** a child of an old header over views that are not nullified (validity c) */
    LIAR_LEAVES_OUT = 1 << 9,
    /** forgets its promises and makes others */
    LIAR_FORGETS = 1 << 10,
    LIAR_FLOODS = 1 << 11,
    /** two microblocks of one seq */
    LIAR_FORKS = 1 << 12,
    /** SYNC_RESP with false bodies, PROMISES that know of nothing */
    LIAR_ANSWERS_BADLY = 1 << 13,
    /** evidence against honest members */
    LIAR_ACCUSES = 1 << 14,
    /** certs without the signatures that they claim, votes in the names of others */
    LIAR_FORGES = 1 << 15,
    LIAR_ALL = (1 << 16) - 1
};

struct liars;

/** These nodes of the world lie in these ways, those of the first n bits of ways[]. Call before sim_start().
 */
void liars_new(struct sim *s, const uint32_t *nodes, uint32_t count, uint32_t ways);
/** What they do of their own accord; to be called between two steps of the world. */
void liars_act(struct sim *s);
void liars_free(struct sim *s);

#endif
