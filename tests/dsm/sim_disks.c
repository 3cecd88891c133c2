/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Disks that lie, tear and rot (D-STO): what a member lost it may not contradict, and damage is told. */
#include "check.h"
#include "sim.h"

static struct sim sim;

static void begin(uint64_t seed, hkp_time t_cp) {
    sim_new(&sim, seed, 4, 0);
    sim.t_cp = t_cp;
    sim.delay = 20 * SIM_MS;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

/* but: an author that lost its blocks signs no more of them (D-BLK-7); 4: all sign. */
static void work(uint32_t rounds, uint32_t but) {
    for (uint32_t k = 0; k < rounds; k++) {
        uint32_t i = (uint32_t)sim_random(&sim, 4);
        if (sim.nodes[i].up && i != but) sim_submit(&sim, i, "block");
        sim_run(&sim, (10 + sim_random(&sim, 60)) * SIM_MS);
    }
}

/* Those but i have the same, all of it. */
static void expect_progress(uint32_t i, uint64_t above) {
    int before = check_faults;
    for (uint32_t k = 0; k < 4; k++) {
        if (k == i) continue;
        CHECK(sim_status(&sim, k).final_height > above);
        CHECK_EQ(sim_status(&sim, k).blocks_open, 0);
    }
    CHECK_EQ(sim.faults, 0);
    CHECK_NOTE(before, "node %u", i);
}

/* fsync said yes and meant no; by the time of the power cut the others have all that was sent. */
static void a_member_never_contradicts_what_its_disk_forgot(void) {
    uint32_t observers = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        uint32_t i = (uint32_t)seed % 4, lies = 1 + (uint32_t)seed % 3;
        begin(check_seed() * 100 + seed, HKP_DSM_T_CP_NONE);
        work(8, 4);
        sim_disk_lie(&sim, i, lies);
        work(1 + (uint32_t)sim_random(&sim, 6), 4);
        for (uint32_t k = 0; k < 4; k++) sim.links[i][k] = 0;
        sim_run(&sim, 6 * SIM_MS);
        sim.nodes[i].spoilt = 1; /* rows without their WAL, or the reverse, may be found out */
        sim_crash(&sim, i);
        for (uint32_t k = 0; k < 4; k++) sim.links[i][k] = 1;
        uint64_t height = sim_status(&sim, (i + 1) % 4).final_height;
        sim_start(&sim, i);
        work(10, i);
        sim_run(&sim, 10 * SIM_S);
        observers += sim.nodes[i].observer > 0;
        int before = check_faults;
        expect_progress(i, height);
        if (sim.nodes[i].up)
            CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, (i + 1) % 4).final_height);
        CHECK_NOTE(before, "seed %" PRIu64 ", lies %u", seed, lies);
        sim_free(&sim);
    }
    CHECK(observers >= 2); /* it did happen, and was seen */
}

/* outlive: the cut comes between rows and records, so that the newest promises are not known any more. */
static void crash_at_each_record(uint32_t outlive, hkp_time t_cp) {
    for (uint64_t record = 1; record <= 24; record++) {
        begin(check_seed() * 200 + record, t_cp);
        sim.rows_outlive = outlive;
        sim.crash_node = (uint32_t)record % 4;
        sim.crash_wal = 1;
        sim.crash_at_write = record;
        work(10, 4);
        sim.crash_at_write = 0;
        if (!sim.nodes[sim.crash_node].up) sim_start(&sim, sim.crash_node);
        sim_run(&sim, 8 * SIM_S);
        int before = check_faults;
        for (uint32_t i = 0; i < 4; i++) {
            CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
            CHECK_EQ(sim.nodes[i].observer, 0);
        }
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "crash at record %" PRIu64 ", rows outlive: %u, T_cp %" PRIu64, record, outlive,
                   t_cp);
        sim_free(&sim);
    }
}

static void a_crash_at_each_record_of_the_wal_is_survived(void) {
    crash_at_each_record(0, HKP_DSM_T_CP_NONE);
}

/* Decision 0646: what was proposed stands in its row, and that it was promised does not. */
static void a_crash_between_rows_and_their_records_is_survived(void) {
    crash_at_each_record(1, HKP_DSM_T_CP_NONE);
    crash_at_each_record(1, 100 * SIM_MS);
}

static void next_epoch(void) {
    uint64_t epoch = sim_status(&sim, 1).epoch;
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)3601 * 1000000;
    for (int k = 0; k < 6; k++) {
        for (uint32_t i = 1; i < 4; i++) sim_submit(&sim, i, "in an epoch");
        sim_run(&sim, 200 * SIM_MS);
    }
    CHECK_EQ(sim_status(&sim, 1).epoch, epoch + 1);
}

/* D-STO-9: a copy of the disk out of an epoch that has ended, while what it promised since is of a later one:
 * it finds nothing missing where it is, and must look again when it comes to the others. */
static void a_copy_of_an_earlier_epoch_is_noticed(void) {
    for (uint64_t seed = 0; seed < 4; seed++) {
        sim_new(&sim, check_seed() * 500 + seed, 4, 1);
        sim.t_cp = HKP_DSM_T_CP_NONE;
        sim.delay = 20 * SIM_MS;
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        sim_run(&sim, 50 * SIM_MS);
        work(6, 4);
        if (seed % 2 == 1) next_epoch();
        sim_copy_disk(&sim, 0, 4); /* its other self, to come */
        next_epoch();
        work(1 + (uint32_t)sim_random(&sim, 6), 0);
        sim_crash(&sim, 0);
        uint64_t height = sim_status(&sim, 1).final_height;
        sim_start(&sim, 4);
        sim_run(&sim, SIM_S);
        work(8, 0);
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        CHECK_EQ(sim.nodes[4].observer, 1);
        CHECK_EQ(sim_status(&sim, 4).silent, 1);
        CHECK_EQ(sim_status(&sim, 4).epoch, sim_status(&sim, 1).epoch);
        expect_progress(0, height);
        next_epoch(); /* there it may vote again (D-STO-7) */
        sim_run(&sim, 5 * SIM_S);
        CHECK_EQ(sim_status(&sim, 4).silent, 0);
        sim_crash(&sim, 1); /* and is needed */
        height = sim_status(&sim, 2).final_height;
        CHECK(sim_submit(&sim, 2, "with the copy") != 0);
        sim_run(&sim, 10 * SIM_S);
        CHECK(sim_status(&sim, 2).final_height > height);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        sim_free(&sim);
    }
}

/* The same without a copy: its promises are all there, so it goes on as a member. */
static void who_slept_over_the_end_of_an_epoch_is_a_member_again(void) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        begin(check_seed() * 600 + seed, HKP_DSM_T_CP_NONE);
        work(6, 4);
        sim_crash(&sim, 0);
        next_epoch();
        work(3, 0);
        sim_start(&sim, 0);
        sim_run(&sim, 5 * SIM_S);
        int before = check_faults;
        CHECK_EQ(sim.nodes[0].observer, 0);
        CHECK_EQ(sim_status(&sim, 0).epoch, sim_status(&sim, 1).epoch);
        sim_crash(&sim, 2);
        uint64_t height = sim_status(&sim, 1).final_height;
        CHECK(sim_submit(&sim, 1, "it is needed") != 0);
        sim_run(&sim, 10 * SIM_S);
        CHECK(sim_status(&sim, 1).final_height > height);
        CHECK_EQ(sim_status(&sim, 0).silent, 0);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        sim_free(&sim);
    }
}

/* Without its WAL a member is an observer (D-STO-7): it follows and signs nothing. */
static void replace_disk(uint32_t i, int all) {
    if (all) sim_disk_wipe(&sim, i);
    sim.nodes[i].disk.wal_count = 0;
    sim.nodes[i].damaged = 0;
    sim.nodes[i].observe = 1;
    sim_start(&sim, i);
}

static void a_wal_with_a_bad_record_amid_good_ones_is_not_believed(void) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        begin(check_seed() * 300 + seed, HKP_DSM_T_CP_NONE);
        work(10, 4);
        sim_crash(&sim, 2);
        CHECK(sim_disk_spoil(&sim, 2, HKP_DSM_ROW_WAL));
        sim_start(&sim, 2);
        CHECK(sim.nodes[2].damaged);
        CHECK(!sim.nodes[2].up);
        replace_disk(2, 0);
        uint64_t height = sim_status(&sim, 0).final_height;
        work(10, 2);
        sim_run(&sim, 10 * SIM_S);
        expect_progress(2, height);
        CHECK_EQ(sim_status(&sim, 2).silent, 1);
        CHECK_EQ(sim_status(&sim, 2).final_height, sim_status(&sim, 0).final_height);
        sim_free(&sim);
    }
}

/* One byte of one row: told as damage, or without consequence, never a wrong checkpoint or promise. */
static void a_rotten_row_is_told_or_harmless(void) {
    static const uint32_t rows[] = {HKP_DSM_ROW_BLOCK, HKP_DSM_ROW_HEADER, HKP_DSM_ROW_BODY,
                                    HKP_DSM_ROW_CERT,  HKP_DSM_ROW_FINAL,  HKP_DSM_ROW_PROPOSAL,
                                    HKP_DSM_ROW_META};
    uint32_t told = 0;
    for (uint32_t k = 0; k < 2 * sizeof rows / sizeof rows[0]; k++) {
        begin(check_seed() * 400 + k, HKP_DSM_T_CP_NONE);
        work(10, 4);
        sim_crash(&sim, 1);
        int spoilt = sim_disk_spoil(&sim, 1, rows[k / 2]);
        sim_start(&sim, 1);
        told += sim.nodes[1].damaged;
        if (sim.nodes[1].damaged) replace_disk(1, 1);
        uint64_t height = sim_status(&sim, 0).final_height;
        work(6, 1);
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        expect_progress(1, height);
        CHECK_EQ(sim_status(&sim, 1).final_height, sim_status(&sim, 0).final_height);
        CHECK_NOTE(before, "row %u, spoilt %d, damaged %u", rows[k / 2], spoilt, told);
        sim_free(&sim);
    }
    CHECK(told >= 6);
}

int main(void) {
    CASE(a_member_never_contradicts_what_its_disk_forgot);
    CASE(a_crash_at_each_record_of_the_wal_is_survived);
    CASE(a_crash_between_rows_and_their_records_is_survived);
    CASE(a_copy_of_an_earlier_epoch_is_noticed);
    CASE(who_slept_over_the_end_of_an_epoch_is_a_member_again);
    CASE(a_wal_with_a_bad_record_amid_good_ones_is_not_believed);
    CASE(a_rotten_row_is_told_or_harmless);
    return check_done();
}
