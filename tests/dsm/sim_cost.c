/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What agreement costs: headers, and signatures that are checked. */

#include "check.h"
#include "sim.h"
#include "verify_counted.h"

enum { BLOCKS = 20 };

static struct sim sim;

/* Four members near each other that wait for nothing, and BLOCKS blocks one after the other. */
static void agree_on_blocks(void) {
    sim_new(&sim, 5, 4, 0);
    sim.delay_min = SIM_MS;
    sim.delay_max = 4 * SIM_MS;
    sim.disk_min = sim.disk_max = SIM_MS;
    sim.t_cp = HKP_DSM_T_CP_NONE;
    sim.delay = 50 * SIM_MS;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    checked = 0;
    for (uint32_t k = 0; k < BLOCKS; k++) {
        CHECK(sim_submit(&sim, k % 4, "block") != 0);
        sim_run(&sim, 200 * SIM_MS);
        for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].blocks_final, k + 1);
    }
    CHECK_EQ(sim.faults, 0);
}

/* Decision 0560: nobody hurries to make an empty header for one that becomes final by itself. */
static void each_block_takes_one_header(void) {
    agree_on_blocks();
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).final_height, BLOCKS);
    sim_free(&sim);
}

/* Decision 0561: the block and the header at the three that did not sign them, and two votes of each kind at
 * each of the four; some more come before the own vote is durable. */
static void no_signature_is_checked_twice(void) {
    agree_on_blocks();
    const uint64_t block = 3, header = 3, votes = 4 * 2 * 2, early = 1;
    CHECK(checked > 0);
    CHECK(checked <= BLOCKS * (block + header + votes + early));
    sim_free(&sim);
}

/* An empty header comes when it is needed: without the FINAL votes of one height the next makes both final.
 */
static void a_header_that_is_not_final_by_itself_gets_another(void) {
    agree_on_blocks();
    sim_crash(&sim, 3);
    for (uint32_t k = 0; k < BLOCKS; k++) {
        CHECK(sim_submit(&sim, k % 3, "block") != 0);
        sim_run(&sim, SIM_S);
    }
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(sim.nodes[i].blocks_final, 2 * BLOCKS);
    sim_free(&sim);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(each_block_takes_one_header);
    CASE(no_signature_is_checked_twice);
    CASE(a_header_that_is_not_final_by_itself_gets_another);
    return check_done();
}
