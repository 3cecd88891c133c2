/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Liars among the members: whatever they sign, nobody honest is split, and what the honest say becomes final.
 * HKP_VIEWS=N lets the last case go on for N views (./run views N), with progress on standard error.
 */
#include "chaos.h"
#include "check.h"
#include "liar.h"

static struct sim sim;

static const char *const way_names[] = {
    "votes twice",    "proposes twice",    "hides votes", "hides proposals",
    "hides certs",    "possesses nothing", "boasts",      "replays",
    "proposes badly", "leaves views out",  "forgets",     "floods",
    "forks blocks",   "answers badly",     "accuses",     "forges certs"};

static struct chaos_result expect_good(const struct chaos *c) {
    struct chaos_result r;
    int before = check_faults;
    chaos_run(&sim, c, &r);
    CHECK(r.fault == NULL);
    CHECK(r.live);
    CHECK_NOTE(before, "seed %" PRIu64 " n %u liars %u ways %x faults %x: %s, %" PRIu64 " views", c->seed,
               c->n, c->liars, c->ways, c->faults, r.fault != NULL ? r.fault : "no progress", r.views);
    return r;
}

static void each_lie_alone_harms_nobody(void) {
    for (uint32_t way = 0; way < sizeof way_names / sizeof way_names[0]; way++) {
        struct chaos c = {
            .seed = check_seed() * 1000 + way, .n = 4, .liars = 1, .ways = 1U << way, .views = 40};
        int before = check_faults;
        expect_good(&c);
        CHECK_NOTE(before, "a liar that %s", way_names[way]);
    }
}

static uint64_t views_wanted(uint64_t by_default) {
    const char *given = getenv("HKP_VIEWS");
    return given != NULL ? strtoull(given, NULL, 0) : by_default;
}

/* All lies and all faults at once, in many worlds of some hundred views. */
static void no_lie_and_no_fault_splits_the_honest(void) {
    uint64_t wanted = views_wanted(1500), told = 0;
    struct chaos_result sum = {.views = 0};
    time_t began = time(NULL);
    for (uint64_t world = 0; sum.views < wanted && check_faults == 0; world++) {
        uint64_t pick = check_seed() * 1000003 + world, state = pick;
        struct chaos c = {.seed = pick, .n = 4, .liars = 1, .views = 200};
        c.ways = (uint32_t)check_random(&state) & (uint32_t)check_random(&state) & LIAR_ALL;
        c.faults = (uint32_t)check_random(&state) & CHAOS_ALL;
        struct chaos_result r = expect_good(&c);
        sum.views += r.views;
        sum.evidence += r.evidence;
        sum.finals += r.finals;
        sum.crashes += r.crashes;
        sum.cuts += r.cuts;
        sum.due += r.due;
        if (getenv("HKP_VIEWS") == NULL || sum.views * 50 / (wanted + 1) == told) continue;
        told = sum.views * 50 / (wanted + 1);
        uint64_t spent = (uint64_t)(time(NULL) - began);
        fprintf(stderr, "views: %" PRIu64 " of %" PRIu64 " in %" PRIu64 " s, %d faults\n", sum.views, wanted,
                spent, check_faults);
    }
    printf("# %" PRIu64 " views, %" PRIu64 " final checkpoints told, %" PRIu64 " crashes, %" PRIu64
           " cuts of the network, %" PRIu64 " pieces of evidence (%" PRIu64 " were due), %d faults\n",
           sum.views, sum.finals, sum.crashes, sum.cuts, sum.evidence, sum.due, check_faults);
}

int main(void) {
    CASE(each_lie_alone_harms_nobody);
    CASE(no_lie_and_no_fault_splits_the_honest);
    return check_done();
}
