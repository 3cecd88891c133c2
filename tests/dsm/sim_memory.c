/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A node takes all its memory when it is made and shares it out piece by piece (dsm.md 13). Here pieces are
 * refused (ld --wrap): to a node that joins, one after the other, and to a member again and again. The node
 * does without, or dies and is started again by its host; it comes to what the others have, and what it took
 * meanwhile is given back. HKP_EVERY=1 refuses every single piece of a joining, not some of them.
 */
#include <hookprobe/dsm.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

static struct sim sim;

/* Pieces of this node: how many it asked for, the first that is refused and how many in a row, or one of each
 * so many. */
static struct refusing {
    uint32_t who, active;
    uint64_t asked, first, count, each, refused;
} refusing;

void *__real_hkp_dsm__pool_take(struct hkp_dsm__pool *p, size_t size);
void *__wrap_hkp_dsm__pool_take(struct hkp_dsm__pool *p, size_t size);
struct hkp_dsm__blob *__real_hkp_dsm__blob_new(struct hkp_dsm__pool *p, size_t room);
struct hkp_dsm__blob *__wrap_hkp_dsm__blob_new(struct hkp_dsm__pool *p, size_t room);

static int refuse(const struct hkp_dsm__pool *p) {
    const struct sim_node *me = &sim.nodes[refusing.who];
    if (!refusing.active || me->node == NULL || p != &me->node->pool) return 0;
    const uint64_t n = refusing.asked++;
    const int no = (n >= refusing.first && n - refusing.first < refusing.count) ||
                   (refusing.each > 0 && n % refusing.each == 0);
    refusing.refused += (uint64_t)no;
    return no;
}

void *__wrap_hkp_dsm__pool_take(struct hkp_dsm__pool *p, size_t size) {
    return refuse(p) ? NULL : __real_hkp_dsm__pool_take(p, size);
}

struct hkp_dsm__blob *__wrap_hkp_dsm__blob_new(struct hkp_dsm__pool *p, size_t room) {
    return refuse(p) ? NULL : __real_hkp_dsm__blob_new(p, room);
}

static void begin(uint64_t seed) {
    sim_new(&sim, seed, 4, 1);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE, 9);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static void blocks(int rounds) {
    for (int round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < 4; i++)
            if (sim.nodes[i].up && sim.nodes[i].node->state == HKP_DSM_STATE_RUNNING)
                (void)sim_submit(&sim, i, "block");
        sim_run(&sim, 300 * SIM_MS);
    }
}

/* An hour passes for all, so the next checkpoint is a boundary (D-EPO-1). */
static void next_epoch(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)3601 * 1000000;
    blocks(6);
}

/* 1: it was dead, and its host started it again. */
static int revive(uint32_t i) {
    if (sim.nodes[i].up && sim.nodes[i].node->state != HKP_DSM_STATE_DEAD) return 0;
    const uint32_t active = refusing.active;
    refusing.active = 0;
    if (sim.nodes[i].up) sim_crash(&sim, i);
    sim.nodes[i].damaged = 0;
    sim_start(&sim, i);
    refusing.active = active;
    return 1;
}

static void expect_equal(uint32_t i) {
    if (sim.nodes[i].node == NULL) return; /* told already */
    CHECK_EQ(sim_status(&sim, i).epoch, sim_status(&sim, 0).epoch);
    CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    CHECK_MEM(sim_status(&sim, i).final_digest, sim_status(&sim, 0).final_digest, 32);
    CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.nodes[i].node->n_lost, 0);
    CHECK_EQ(sim.faults, 0);
}

/* One joining, count pieces refused from this one on; how many it asked for. Units that it holds at the end.
 */
static uint64_t join(uint64_t first, uint64_t count, size_t *used) {
    begin(70);
    next_epoch();
    sim.nodes[4].spoilt = 1; /* it may say that it cannot go on */
    refusing = (struct refusing){.who = 4, .active = 1, .first = first, .count = count};
    sim_start(&sim, 4);
    sim_run(&sim, 10 * SIM_S);
    const uint64_t asked = refusing.asked;
    refusing.active = 0;
    if (revive(4)) sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim.nodes[4].damaged, 0); /* what it stored before it died is whole */
    sim_run(&sim, 15 * SIM_S);
    blocks(2);
    sim_run(&sim, 10 * SIM_S);
    CHECK(sim.nodes[4].node != NULL);
    *used = sim.nodes[4].node != NULL ? sim.nodes[4].node->pool.used : 0;
    return asked;
}

static void whichever_piece_is_refused_a_node_joins(void) {
    size_t most = 0;
    const uint64_t pieces = join(UINT64_MAX, 0, &most);
    expect_equal(4);
    sim_free(&sim);
    CHECK(pieces > 100);
    const uint64_t step = getenv("HKP_EVERY") != NULL ? 1 : pieces / 24 + 1;
    /* in turn one piece and a dozen; each of the first ones, of which an empty store gets its first rows */
    uint64_t first = 0;
    for (uint32_t k = 0; first < pieces; first += k++ < 32 ? 1 : step) {
        const int before = check_faults;
        size_t used = 0;
        (void)join(first, k % 2 == 0 ? 1 : 12, &used);
        CHECK(refusing.refused > 0);
        expect_equal(4);
        CHECK(used <= most + most / 16);
        CHECK_NOTE(before, "piece %" PRIu64 " of %" PRIu64 ", %zu units, %zu without", first, pieces, used,
                   most);
        sim_free(&sim);
    }
}

/* A member that is refused one piece of so many for a long time, and then none. */
static void member_short_of(uint64_t each, size_t *used) {
    begin(71);
    blocks(2);
    sim.nodes[1].spoilt = 1;
    refusing = (struct refusing){.who = 1, .active = each > 0, .each = each, .first = UINT64_MAX};
    for (int round = 0; round < 25; round++) {
        blocks(1);
        (void)revive(1);
    }
    next_epoch();
    refusing.active = 0;
    (void)revive(1);
    sim_run(&sim, 20 * SIM_S);
    blocks(2);
    sim_run(&sim, 10 * SIM_S);
    *used = sim.nodes[1].node->pool.used;
}

static void a_member_short_of_memory_comes_back_to_the_others(void) {
    static const uint64_t each[] = {3, 7, 40, 333};
    size_t most = 0;
    member_short_of(0, &most);
    expect_equal(1);
    sim_free(&sim);
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        const int before = check_faults;
        size_t used = 0;
        member_short_of(each[i], &used);
        CHECK(refusing.refused > 2);
        expect_equal(1);
        CHECK(used <= most + most / 4 + 64);
        CHECK_NOTE(before, "one of %" PRIu64 ", %zu units, %zu without", each[i], used, most);
        sim_free(&sim);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(whichever_piece_is_refused_a_node_joins);
    CASE(a_member_short_of_memory_comes_back_to_the_others);
    return check_done();
}
