/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Damage of META or HEADS (D-STO-10): the node finds its place again by its peers, keeps its promises, and
 * signs no block before it knows its own newest one. */
#include <hookprobe/dsm.h>

#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

static struct sim sim;

static void next_epoch(uint32_t authors) { CHECK(sim_next_epoch(&sim, authors)); }

static void begin(uint64_t seed, uint32_t epochs) {
    sim_new(&sim, seed, 4, 0);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "first") != 0);
    sim_run(&sim, 2 * SIM_S);
    for (uint32_t k = 0; k < epochs; k++) next_epoch(4);
}

/* Rows of META with this key (NULL: the first), or all of HEADS. */
static uint32_t damage(uint32_t i, uint32_t row, const char *key) {
    struct sim_disk *d = &sim.nodes[i].disk;
    uint32_t count = 0;
    for (size_t k = 0; k < d->count; k++) {
        struct sim_row *r = &d->rows[k];
        if (r->row != row) continue;
        if (key != NULL && (r->key_len != strlen(key) || memcmp(r->key, key, r->key_len) != 0)) continue;
        r->damaged = 1;
        count++;
        if (row == HKP_DSM_ROW_META) break;
    }
    return count;
}

static uint32_t rows(uint32_t i, uint32_t row, const char *key) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    uint32_t count = 0;
    for (size_t k = 0; k < d->count; k++)
        count +=
            d->rows[k].row == row && (key == NULL || (d->rows[k].key_len == strlen(key) &&
                                                      memcmp(d->rows[k].key, key, d->rows[k].key_len) == 0));
    return count;
}

static void expect_member(uint32_t i) {
    CHECK(sim.nodes[i].up && !sim.nodes[i].damaged);
    CHECK_EQ(sim_status(&sim, i).epoch, sim_status(&sim, 0).epoch);
    CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    CHECK_EQ(sim_status(&sim, i).silent, 0);
    CHECK_EQ(sim.nodes[i].observer, 0); /* its WAL is whole, so it has all its promises */
    CHECK_EQ(sim_status(&sim, 0).members, 4);
    CHECK_EQ(sim.nodes[0].forked + sim.nodes[1].forked, 0);
    CHECK_EQ(sim.faults, 0);
}

/* A block that nobody else has yet. */
static uint64_t hidden(uint32_t i) {
    for (uint32_t k = 0; k < 4; k++) sim_link(&sim, i, k, 0);
    uint64_t seq = sim_submit(&sim, i, "seen by nobody");
    CHECK(seq != 0);
    sim_run(&sim, 20 * SIM_MS);
    sim_crash(&sim, i);
    for (uint32_t k = 0; k < 4; k++) sim_link(&sim, i, k, 1);
    return seq;
}

static const struct {
    uint32_t row, epochs;
    const char *key;
} places[] = {{HKP_DSM_ROW_META, 0, "chain"},
              {HKP_DSM_ROW_META, 1, "epoch"},
              {HKP_DSM_ROW_META, 3, "epoch"},
              {HKP_DSM_ROW_HEADS, 1, NULL},
              {HKP_DSM_ROW_HEADS, 3, NULL}};

static void who_lost_its_place_finds_it_again(void) {
    for (uint32_t k = 0; k < sizeof places / sizeof places[0]; k++) {
        int before = check_faults;
        begin(check_seed() * 100 + k, places[k].epochs);
        uint64_t seq = hidden(3);
        CHECK(damage(3, places[k].row, places[k].key) > 0);
        sim_start(&sim, 3);
        sim_run(&sim, 15 * SIM_S);
        CHECK(sim.nodes[3].lost > 0);
        expect_member(3);
        CHECK_EQ(sim_submit(&sim, 3, "too early"), 0);
        sim_crash(&sim, 1); /* its votes are needed */
        uint64_t height = sim_status(&sim, 0).final_height;
        CHECK(sim_submit(&sim, 0, "with it") != 0);
        sim_run(&sim, 8 * SIM_S);
        CHECK(sim_status(&sim, 0).final_height > height);
        sim_start(&sim, 1);
        sim_run(&sim, 5 * SIM_S);
        next_epoch(3);
        CHECK_EQ(sim_submit(&sim, 3, "too early"), 0); /* of that one it saw a part only */
        next_epoch(3);
        CHECK_EQ(sim_submit(&sim, 3, "too early"), 0);
        next_epoch(3);
        sim_run(&sim, 5 * SIM_S);
        CHECK_EQ(sim_submit(&sim, 3, "and on"), seq + 1);
        sim_run(&sim, 5 * SIM_S);
        expect_member(3);
        CHECK_EQ(sim_status(&sim, 0).blocks_open, 0);
        CHECK_EQ(rows(3, HKP_DSM_ROW_META, "resync"), 0);
        sim_crash(&sim, 3); /* and it stands again */
        sim_start(&sim, 3);
        sim_run(&sim, 3 * SIM_S);
        CHECK(sim_submit(&sim, 3, "at once") != 0);
        sim_run(&sim, 5 * SIM_S);
        expect_member(3);
        CHECK_NOTE(before, "row %u, epoch %u", places[k].row, places[k].epochs);
        sim_free(&sim);
    }
}

/* Cut off amid its votes, and its place is gone: it repeats them and never contradicts one. */
static void promises_outlive_the_place(void) {
    for (uint64_t seed = 0; seed < 12; seed++) {
        int before = check_faults;
        begin(check_seed() * 200 + seed, seed % 2 == 0 ? 1 : 3);
        sim.crash_node = 2;
        sim.crash_wal = 1;
        sim.writes = 0;
        sim.crash_at_write = 1 + seed / 2;
        for (int k = 0; k < 8; k++) {
            for (uint32_t i = 0; i < 2; i++) sim_submit(&sim, i, "work");
            sim_run(&sim, 300 * SIM_MS);
        }
        sim.crash_at_write = sim.crash_wal = 0;
        if (sim.nodes[2].up) sim_crash(&sim, 2);
        CHECK(damage(2, seed % 3 == 0 ? HKP_DSM_ROW_HEADS : HKP_DSM_ROW_META,
                     seed % 3 == 0 ? NULL : "epoch") > 0);
        sim_start(&sim, 2);
        sim_run(&sim, 20 * SIM_S);
        expect_member(2);
        for (int k = 0; k < 4; k++) {
            CHECK(sim_submit(&sim, 0, "more") != 0);
            sim_run(&sim, SIM_S);
        }
        sim_run(&sim, 5 * SIM_S);
        expect_member(2);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        sim_free(&sim);
    }
}

static void power_cuts_meanwhile_are_survived(void) {
    for (uint64_t write = 1; write <= 60; write += 1 + write / 3) {
        int before = check_faults;
        begin(check_seed() * 300 + write, 3);
        sim_crash(&sim, 3);
        CHECK(damage(3, HKP_DSM_ROW_META, "epoch") > 0);
        sim.writes = 0;
        sim.crash_node = 3;
        sim.crash_at_write = write;
        sim_start(&sim, 3);
        sim_run(&sim, 5 * SIM_S);
        sim.crash_at_write = 0;
        if (!sim.nodes[3].up) sim_start(&sim, 3);
        sim_run(&sim, 20 * SIM_S);
        expect_member(3);
        CHECK_EQ(sim_submit(&sim, 3, "too early"), 0);
        CHECK_NOTE(before, "power cut at write %" PRIu64, write);
        sim_free(&sim);
    }
}

/* Whose store it is nobody else can say (D-BLK-7). */
static void without_its_host_it_does_not_start(void) {
    begin(check_seed() * 400, 1);
    sim_crash(&sim, 3);
    CHECK_EQ(damage(3, HKP_DSM_ROW_META, "host"), 1);
    sim.nodes[3].spoilt = 1;
    sim_start(&sim, 3);
    CHECK(sim.nodes[3].damaged && !sim.nodes[3].up);
    sim_free(&sim);
}

int main(void) {
    CASE(who_lost_its_place_finds_it_again);
    CASE(promises_outlive_the_place);
    CASE(power_cuts_meanwhile_are_survived);
    CASE(without_its_host_it_does_not_start);
    return check_done();
}
