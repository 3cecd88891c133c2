/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What nodes keep over hours (D-STO-8): old blocks and headers go, what the chain stands on stays. */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libter/bytes.h"
#include "sim.h"

static struct sim sim;

static void start_all(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static size_t rows(uint32_t i, uint32_t row) {
    size_t count = 0;
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++) count += d->rows[k].row == row;
    return count;
}

/* Rows of that kind whose height is at or above from and below to. */
static size_t heights(uint32_t i, uint32_t row, uint64_t from, uint64_t to) {
    size_t count = 0;
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++)
        if (d->rows[k].row == row) {
            uint64_t h = hkp_be64(d->rows[k].key);
            count += h >= from && h < to;
        }
    return count;
}

static void some_blocks(uint32_t i, int count) {
    for (int k = 0; k < count; k++) {
        CHECK(sim_submit(&sim, i, "\x81\xa1\x01\x02") != 0);
        sim_run(&sim, 200 * SIM_MS);
    }
}

static hkp_status prove(uint32_t i, uint32_t author, uint64_t seq) {
    uint64_t ticket = 0;
    sim.nodes[i].proof_status = HKP_E_STATE;
    CHECK_EQ(hkp_dsm_prove(sim.nodes[i].node, sim.now, sim.mesh.node_id[author], seq, 0, 0, &ticket), HKP_OK);
    sim_pump(&sim, i);
    return sim.nodes[i].proof_status;
}

static hkp_status verify(uint32_t i, uint64_t seq) {
    struct hkp_dsm_node_status s = sim_status(&sim, i);
    struct hkp_dsm_trust trust = {.epoch = 0};
    struct hkp_dsm_proof proof = {0};
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[i].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
    hkp_status st =
        hkp_dsm_proof_verify(sim.nodes[i].proof, sim.nodes[i].proof_len, s.chain_id, &trust, 1, 0, &proof);
    CHECK_EQ(proof.seq, seq);
    return st;
}

#define HOUR (3600 * SIM_S)

static void old_blocks_go_and_the_newest_of_each_author_stays(void) {
    sim_new(&sim, 1, 4, 0);
    sim.keep_blocks_s = 3 * 3600;
    start_all();
    some_blocks(0, 6);
    some_blocks(1, 1);
    sim_run(&sim, HOUR + 120 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 1);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 7);
    some_blocks(0, 3);
    sim_run(&sim, HOUR + 120 * SIM_S);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 10); /* not old enough */
    CHECK_EQ(prove(2, 0, 3), HKP_OK);
    CHECK_EQ(verify(2, 3), HKP_OK);
    sim_run(&sim, HOUR + 300 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t blocks = 0, headers = 1;
        CHECK_EQ(rows(i, HKP_DSM_ROW_BLOCK), 4); /* 7, 8, 9 of one, the only one of the other */
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks, &headers), HKP_OK);
        CHECK(blocks > 1);
        CHECK_EQ(headers, 0);
        CHECK_EQ(heights(i, HKP_DSM_ROW_HEADER, 0, UINT64_MAX), sim_status(&sim, i).final_height);
        CHECK_EQ(heights(i, HKP_DSM_ROW_LEAVES, 0, UINT64_MAX), sim_status(&sim, i).final_height);
    }
    /* What is gone is said to be so; what stayed is proven with what stayed. */
    for (uint64_t seq = 1; seq <= 6; seq++) CHECK_EQ(prove(2, 0, seq), HKP_E_NOTFOUND);
    CHECK_EQ(prove(2, 0, 8), HKP_OK);
    CHECK_EQ(verify(2, 8), HKP_OK);
    CHECK_EQ(prove(3, 1, 1), HKP_OK);
    CHECK_EQ(verify(3, 1), HKP_OK);
    /* The chain of the quiet author goes on from the block that stayed, also after a start. */
    sim_crash(&sim, 2);
    sim_start(&sim, 2);
    sim_run(&sim, 2 * SIM_S);
    some_blocks(1, 1);
    some_blocks(0, 1);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void old_headers_go_and_boundaries_stay(void) {
    sim_new(&sim, 2, 4, 0);
    sim.keep_blocks_s = 1800;
    sim.keep_headers_s = 2 * 3600;
    start_all();
    some_blocks(0, 4);
    for (int hour = 0; hour < 4; hour++) {
        sim_run(&sim, HOUR + 60 * SIM_S);
        some_blocks(1, 1);
    }
    sim_run(&sim, 120 * SIM_S);
    uint64_t epoch = sim_status(&sim, 0).epoch;
    CHECK(epoch >= 3);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t blocks = 0, kept = 0;
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks, &kept), HKP_OK);
        CHECK(blocks >= kept && kept > 1);
        size_t boundaries = heights(i, HKP_DSM_ROW_HEADER, 0, kept); /* of the epochs that are gone */
        CHECK(boundaries >= 1 && boundaries < epoch);
        CHECK_EQ(heights(i, HKP_DSM_ROW_BODY, 0, kept), 0);
        CHECK_EQ(heights(i, HKP_DSM_ROW_LEAVES, 0, kept), 0);
        CHECK(heights(i, HKP_DSM_ROW_FINAL, 0, kept) <= boundaries);
        CHECK_EQ(rows(i, HKP_DSM_ROW_LINK), epoch);
        CHECK_EQ(rows(i, HKP_DSM_ROW_DIGEST), rows(i, HKP_DSM_ROW_HEADER));
        uint64_t all = sim_status(&sim, i).final_height + 1;
        CHECK_EQ(heights(i, HKP_DSM_ROW_BODY, kept, all), all - kept);
    }
    uint64_t seq = sim_status(&sim, 1).own_seq; /* a proof over all those epochs needs their links only */
    CHECK_EQ(prove(3, 1, seq), HKP_OK);
    CHECK_EQ(verify(3, seq), HKP_OK);
    CHECK_EQ(prove(3, 0, 4), HKP_E_NOTFOUND); /* kept as head; its checkpoint is gone */
    sim_crash(&sim, 1);
    sim_start(&sim, 1);
    sim_run(&sim, 2 * SIM_S);
    some_blocks(0, 2);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Interrupted wherever it was, pruning goes on after the next start and leaves the same. */
static void pruning_survives_crashes(void) {
    sim_new(&sim, 3, 4, 0);
    sim.keep_blocks_s = 600;
    sim.keep_headers_s = 1200;
    start_all();
    for (int k = 0; k < 5; k++) some_blocks((uint32_t)k % 4, 1);
    sim_run(&sim, HOUR - 200 * SIM_S);
    for (int k = 0; k < 40; k++) { /* while the epoch ends and its heights go one by one */
        sim_run(&sim, 10 * SIM_S + sim_random(&sim, 3000) * SIM_MS);
        sim_crash(&sim, 2);
        sim_start(&sim, 2);
    }
    sim_run(&sim, 300 * SIM_S);
    uint64_t blocks[4], headers[4];
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(hkp_dsm_node_kept(sim.nodes[i].node, &blocks[i], &headers[i]), HKP_OK);
        CHECK(headers[i] > 1);
    }
    CHECK_EQ(headers[2], headers[0]);
    CHECK_EQ(rows(2, HKP_DSM_ROW_BLOCK), rows(0, HKP_DSM_ROW_BLOCK));
    CHECK_EQ(rows(2, HKP_DSM_ROW_PLACE), rows(0, HKP_DSM_ROW_PLACE));
    CHECK_EQ(rows(2, HKP_DSM_ROW_DIGEST), rows(0, HKP_DSM_ROW_DIGEST));
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Chain time decides: a clock that jumped ahead by years deletes nothing. */
static void a_wrong_clock_deletes_nothing(void) {
    sim_new(&sim, 4, 4, 0);
    sim.keep_blocks_s = 2 * 3600;
    start_all();
    some_blocks(0, 3);
    sim_run(&sim, HOUR + 100 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).epoch, 1);
    sim.nodes[0].clock_us = (int64_t)400 * 86400 * 1000000;
    sim_run(&sim, 200 * SIM_S);
    CHECK_EQ(rows(0, HKP_DSM_ROW_BLOCK), 3);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(old_blocks_go_and_the_newest_of_each_author_stays);
    CASE(old_headers_go_and_boundaries_stay);
    CASE(pruning_survives_crashes);
    CASE(a_wrong_clock_deletes_nothing);
    return check_done();
}
