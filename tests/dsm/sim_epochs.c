/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Epochs in the simulator: who leaves, who comes, and when (D-EPO, D-EVD-3). */
#include <hookprobe/dsm.h>

#include "check.h"
#include "sim.h"

static struct sim sim;

/** What each node told about one other node. */
static struct told {
    uint64_t revoke, lost, got;
    uint32_t reason, how;
    uint8_t subject[32];
} told[SIM_NODES];
static uint32_t watched;

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    if (memcmp(ev->node_id, s->mesh.node_id[watched], 16) != 0) return;
    struct told *t = &told[i];
    if (ev->kind == HKP_DSM_EV_REVOKE) t->revoke++, t->reason = ev->type;
    if (ev->kind == HKP_DSM_EV_SEAT && ev->count == 0) t->lost++, t->how = ev->type;
    if (ev->kind == HKP_DSM_EV_SEAT && ev->count == 1) t->got++, t->how = ev->type;
}

static void begin(uint64_t seed, uint32_t n, uint32_t extra) {
    sim_new(&sim, seed, n, extra);
    sim.on_fact = on_fact;
    memset(told, 0, sizeof told);
}

/* An hour passes on all clocks: the next header is a boundary (D-EPO-1). */
static void hour(uint32_t by) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += 3600 * 1000000LL;
    sim_submit(&sim, by, "an hour later");
    sim_run(&sim, 4 * SIM_S);
}

/* A twin of node 0 speaks to one half, node 0 to the other, until honest members hold evidence. */
static void twins(uint64_t seed, uint32_t n) {
    begin(seed, n, 1);
    sim.nodes[0].honest = sim.nodes[n].honest = 0;
    sim.links[0][n] = sim.links[n][0] = 0;
    sim.links[0][3] = sim.links[3][0] = 0;
    sim.links[n][1] = sim.links[1][n] = 0;
    sim.delay_max = 60 * SIM_MS;
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (int round = 0; round < 30 && told[2].revoke == 0; round++) {
        sim_submit(&sim, 0, "left");
        sim_submit(&sim, n, "right");
        sim_submit(&sim, 1 + (uint32_t)sim_random(&sim, n - 1), "honest");
        sim_run(&sim, 300 * SIM_MS);
    }
    sim_run(&sim, 3 * SIM_S);
}

static void an_equivocator_leaves_at_the_next_boundary(void) {
    watched = 0;
    for (uint64_t seed = 0; seed < 3; seed++) {
        int before = check_faults;
        twins(check_seed() + seed, 4);
        for (uint32_t i = 1; i < 4; i++) {
            CHECK_EQ(told[i].revoke, 1);
            CHECK_EQ(told[i].reason, 6);
            CHECK_EQ(told[i].lost, 0);
            CHECK_EQ(sim_status(&sim, i).members, 4);
        }
        sim_crash(&sim, 2); /* what was asked for is known again after a start */
        sim_start(&sim, 2);
        sim_run(&sim, SIM_S);
        hour(1);
        for (uint32_t i = 1; i < 4; i++) {
            struct hkp_dsm_node_status s = sim_status(&sim, i);
            CHECK_EQ(s.epoch, 1);
            CHECK_EQ(s.members, 3);
            CHECK_EQ(s.quorum, 3);
            CHECK_EQ(told[i].lost, 1);
            CHECK_EQ(told[i].how, 1);
        }
        CHECK_EQ(sim_status(&sim, 0).own_index, UINT32_MAX);
        uint64_t height = sim_status(&sim, 3).final_height;
        sim_crash(&sim, 1);
        sim_start(&sim, 1); /* from the snapshot of the boundary */
        uint64_t blocks[4];
        for (uint32_t i = 1; i < 4; i++) blocks[i] = sim.nodes[i].blocks_final;
        for (uint32_t i = 1; i < 4; i++) CHECK(sim_submit(&sim, i, "without it") != 0);
        sim_run(&sim, 5 * SIM_S);
        for (uint32_t i = 1; i < 4; i++) {
            CHECK(sim_status(&sim, i).final_height > height);
            CHECK_EQ(sim.nodes[i].blocks_final, blocks[i] + 3);
            CHECK_EQ(sim_status(&sim, i).silent, 0);
        }
        hour(2); /* it is not ejected twice: nothing waits */
        CHECK_EQ(sim_status(&sim, 2).epoch, 2);
        CHECK_EQ(sim_status(&sim, 2).members, 3);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, check_seed() + seed);
        sim_free(&sim);
    }
}

int main(void) {
    CASE(an_equivocator_leaves_at_the_next_boundary);
    return check_done();
}
