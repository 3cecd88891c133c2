/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Liars among the members: whatever they sign, nobody honest is split, and what the honest say becomes final.
 * HKP_VIEWS=N lets the last case go on for N views (./run views N), with progress on standard error;
 * HKP_WORLD=SEED plays one world of it again, as a fault names it.
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

/* The same few lies in several worlds: what each may do depends on when it is done. */
static void expect_good_in_worlds(uint32_t ways, uint32_t faults, uint64_t worlds, uint64_t views) {
    for (uint64_t k = 0; k < worlds; k++) {
        struct chaos c = {.seed = check_seed() * 5000 + k, .n = 4, .liars = 1, .views = views};
        c.ways = ways;
        c.faults = faults;
        expect_good(&c);
    }
}

static void nobody_votes_for_what_is_wrong(void) {
    expect_good_in_worlds(LIAR_PROPOSES_BADLY, 0, 6, 50);
    expect_good_in_worlds(LIAR_PROPOSES_BADLY | LIAR_ACCUSES, 0, 3, 50);
}

static void a_false_body_does_not_stop_who_got_it(void) {
    expect_good_in_worlds(LIAR_PROPOSES_BADLY | LIAR_ANSWERS_BADLY | LIAR_HIDES_VOTES,
                          CHAOS_CRASHES | CHAOS_NET, 4, 60);
}

static void no_header_stands_on_what_was_not_notarised(void) {
    expect_good_in_worlds(LIAR_LEAVES_OUT | LIAR_HIDES_VOTES, CHAOS_NET, 4, 60);
}

static void two_liars_of_seven_harm_nobody(void) {
    for (uint64_t k = 0; k < 3; k++) {
        uint64_t state = check_seed() * 77 + k;
        struct chaos c = {
            .seed = state, .n = 7, .liars = 2, .views = 50, .faults = CHAOS_NET | CHAOS_CRASHES};
        c.ways = (uint32_t)check_random(&state) & LIAR_ALL;
        expect_good(&c);
    }
}

/* D-SMX-2: two quorums of n - f share an honest member; two of 2f + 1 = 3 would not. */
static void half_of_six_decides_nothing(void) {
    sim_new(&sim, check_seed(), 6, 0);
    sim.t_cp = HKP_DSM_T_CP_NONE;
    for (uint32_t i = 0; i < 6; i++) sim_start(&sim, i);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t a = 0; a < 3; a++)
        for (uint32_t b = 3; b < 6; b++) sim_link(&sim, a, b, 0);
    sim_run(&sim, SIM_S);
    uint64_t height = sim_status(&sim, 0).final_height;
    for (uint32_t k = 0; k < 20; k++) {
        sim_submit(&sim, k % 6, "on one side");
        sim_run(&sim, 200 * SIM_MS);
    }
    for (uint32_t i = 0; i < 6; i++) CHECK_EQ(sim_status(&sim, i).final_height, height);
    for (uint32_t a = 0; a < 3; a++)
        for (uint32_t b = 3; b < 6; b++) sim_link(&sim, a, b, 1);
    sim_run(&sim, 60 * SIM_S);
    for (uint32_t i = 0; i < 6; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void the_same_seed_gives_the_same_trace_lies_and_all(void) {
    struct chaos c = {
        .seed = check_seed(), .n = 4, .liars = 1, .ways = LIAR_ALL, .faults = CHAOS_ALL, .views = 60};
    struct chaos_result first = expect_good(&c), second = expect_good(&c);
    CHECK_EQ(first.trace, second.trace);
    c.seed++;
    CHECK(expect_good(&c).trace != first.trace);
}

static uint64_t views_wanted(uint64_t by_default) {
    const char *given = getenv("HKP_VIEWS");
    return given != NULL ? strtoull(given, NULL, 0) : by_default;
}

static struct chaos world_of(uint64_t seed) {
    uint64_t state = seed;
    struct chaos c = {.seed = seed, .n = 4, .liars = 1, .views = 200};
    c.ways = (uint32_t)check_random(&state) & (uint32_t)check_random(&state) & LIAR_ALL;
    c.faults = (uint32_t)check_random(&state) & CHAOS_ALL;
    return c;
}

/* All lies and all faults at once, in many worlds of some hundred views. */
static void no_lie_and_no_fault_splits_the_honest(void) {
    uint64_t wanted = views_wanted(600), told = 0;
    struct chaos_result sum = {.views = 0};
    time_t began = time(NULL);
    for (uint64_t world = 0; sum.views < wanted && check_faults == 0; world++) {
        struct chaos c = world_of(check_seed() * 1000003 + world);
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
           " cuts of the network, %" PRIu64 " pieces of evidence (the second half of a lie came %" PRIu64
           " times), %d faults\n",
           sum.views, sum.finals, sum.crashes, sum.cuts, sum.evidence, sum.due, check_faults);
}

static void one_world_again(void) {
    struct chaos c = world_of(strtoull(getenv("HKP_WORLD"), NULL, 0));
    expect_good(&c);
}

int main(void) {
    if (getenv("HKP_WORLD") != NULL) {
        CASE(one_world_again);
        return check_done();
    }
    CASE(each_lie_alone_harms_nobody);
    CASE(nobody_votes_for_what_is_wrong);
    CASE(a_false_body_does_not_stop_who_got_it);
    CASE(no_header_stands_on_what_was_not_notarised);
    CASE(two_liars_of_seven_harm_nobody);
    CASE(half_of_six_decides_nothing);
    CASE(the_same_seed_gives_the_same_trace_lies_and_all);
    CASE(no_lie_and_no_fault_splits_the_honest);
    return check_done();
}
