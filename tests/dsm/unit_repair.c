/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A damaged database under a real node (D-STO-10): found at the start, repaired, and what is missing fetched
 * from the other node of a mesh of two.
 */
#include "store_world.h"

static const char *in_dir(int i, const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", sides[i].dir, name);
    return path;
}

/* Where a text stands in the database for the n-th time; -1: nowhere. */
static off_t find(int i, const char *text, int nth) {
    int fd = open(in_dir(i, "dsm.sqlite"), O_RDONLY);
    struct stat info;
    CHECK(fd >= 0 && fstat(fd, &info) == 0);
    char *all = malloc((size_t)info.st_size);
    off_t found = -1;
    CHECK(all != NULL && pread(fd, all, (size_t)info.st_size, 0) == info.st_size);
    for (off_t at = 0; all != NULL && found < 0 && at + (off_t)strlen(text) <= info.st_size; at++)
        if (memcmp(all + at, text, strlen(text)) == 0 && nth-- == 0) found = at;
    free(all);
    close(fd);
    return found;
}

static void scribble(int i, off_t at, size_t len, uint64_t *state) {
    int fd = open(in_dir(i, "dsm.sqlite"), O_RDWR);
    CHECK(fd >= 0);
    for (size_t k = 0; k < len; k++) {
        uint8_t byte = 0;
        CHECK(pread(fd, &byte, 1, at + (off_t)k) == 1);
        byte ^= (uint8_t)(1 + check_random(state) % 255);
        CHECK(pwrite(fd, &byte, 1, at + (off_t)k) == 1);
    }
    close(fd);
}

static struct hkp_dsm_store_repaired repair(int i) {
    struct hkp_dsm_store_fault fault = {.offset = 0};
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    hkp_dsm_store *refused = NULL;
    CHECK_EQ(hkp_dsm_store_open(&refused, sides[i].dir, 0, &fault), HKP_E_IO);
    CHECK(strcmp(fault.file, "dsm.sqlite") == 0);
    CHECK_EQ(hkp_dsm_store_repair(sides[i].dir, &done, &fault), HKP_OK);
    CHECK(done.rows > 0);
    return done;
}

static void flipped_bytes_are_found_at_the_start_and_come_back(void) {
    begin(24);
    stop(1);
    uint64_t state = check_seed();
    for (int seq = 3; seq <= 24; seq += 4) { /* the newest one, too */
        char text[32];
        snprintf(text, sizeof text, "content of block %03d", seq == 23 ? 24 : seq);
        off_t at = find(1, text, 0);
        CHECK(at > 0);
        scribble(1, at, 2, &state);
    }
    struct hkp_dsm_store_repaired done = repair(1);
    CHECK_EQ(done.damaged, 6);
    CHECK_EQ(done.holes, 0);
    start(1);
    run(60000);
    CHECK_EQ(sides[1].healed, 6);
    CHECK_EQ(sides[1].damaged, 0);
    proves_all(1, 24);
    stop(1);
    start(1); /* and it is a store like any other */
    proves_all(1, 24);
    end();
}

static void damage_while_it_runs_is_found_when_it_is_read(void) {
    begin(12);
    stop(0); /* files are whole and closed once, so the rows stand in the database */
    stop(1);
    start(0);
    start(1);
    uint64_t state = check_seed();
    off_t at = find(1, "content of block 005", 0);
    CHECK(at > 0);
    scribble(1, at, 1, &state);
    hkp_status st = prove(1, 5);
    CHECK(st == HKP_E_NOTFOUND || st == HKP_OK); /* a page that was read before may be in memory */
    run(60000);
    CHECK_EQ(sides[1].lost, sides[1].healed);
    proves_all(1, 12);
    end();
}

static void a_page_that_cannot_be_read_costs_only_its_rows(void) {
    begin(60);
    stop(1);
    uint64_t state = check_seed();
    off_t at = find(1, "content of block 030", 0);
    CHECK(at > 4096);
    scribble(1, at / 4096 * 4096, 64, &state); /* its head: cells are not found any more */
    struct hkp_dsm_store_repaired done = repair(1);
    printf("# %llu rows stay, %llu damaged, %u holes, %llu made anew\n", (unsigned long long)done.rows,
           (unsigned long long)done.damaged, done.holes, (unsigned long long)done.remade);
    CHECK(done.damaged > 0 && done.holes > 0);
    start(1);
    run(120000);
    CHECK_EQ(sides[1].damaged, 0);
    CHECK(sides[1].healed > 0);
    proves_all(1, 60);
    end();
}

static void a_repair_that_was_cut_short_is_begun_again(void) {
    begin(6);
    stop(1);
    uint64_t state = check_seed();
    scribble(1, find(1, "content of block 002", 0), 1, &state);
    char bad[128];
    snprintf(bad, sizeof bad, "%s", in_dir(1, "dsm.sqlite.bad"));
    CHECK_EQ(rename(in_dir(1, "dsm.sqlite"), bad), 0); /* between its two renames */
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, sides[1].dir, 0, &fault), HKP_E_IO); /* not taken for a new one */
    CHECK(store == NULL);
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_OK);
    CHECK_EQ(done.damaged, 1);
    CHECK_EQ(access(bad, F_OK), 0);
    start(1);
    run(20000);
    proves_all(1, 6);
    end();
}

static void what_cannot_be_repaired_is_left_as_it_is(void) {
    begin(3);
    stop(1);
    uint64_t state = check_seed();
    scribble(1, 0, 100, &state);
    struct stat before, after;
    CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &before), 0);
    struct hkp_dsm_store_fault fault;
    struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_E_IO);
    CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size);
    CHECK_EQ(hkp_dsm_store_repair(top, &done, &fault), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_store_repair(sides[0].dir, &done, &fault), HKP_E_STATE); /* in use */
    end();
}

/* Wherever bytes are wrong: all is there again, or it is said that it is not (rows that nobody else has). */
static void anything_may_be_wrong(void) {
    uint64_t state = check_seed(), remade = 0;
    int whole = 0, refused = 0;
    for (int round = 0; round < 12; round++) {
        int before = check_faults;
        begin(12);
        stop(1);
        struct stat info;
        CHECK_EQ(stat(in_dir(1, "dsm.sqlite"), &info), 0);
        for (int k = 0; k < 5; k++)
            scribble(1, (off_t)(check_random(&state) % (uint64_t)(info.st_size - 2)), 2, &state);
        hkp_dsm_store *store = NULL;
        struct hkp_dsm_store_fault fault;
        struct hkp_dsm_store_repaired done = {.struct_size = sizeof done};
        hkp_status st = hkp_dsm_store_open(&store, sides[1].dir, 0, &fault);
        hkp_dsm_store_close(store);
        if (st != HKP_OK) st = hkp_dsm_store_repair(sides[1].dir, &done, &fault);
        remade += done.remade;
        if (st != HKP_OK) {
            refused++;
        } else {
            start_quietly(1);
            if (sides[1].damaged == 0) run(60000);
            if (sides[1].damaged == 0) {
                /* A body that came back names blocks that are missing, too; places and leaves follow last. */
                for (int again = 0; again == 0 || (done.damaged > 0 && again < 4); again++) {
                    stop(1);
                    CHECK_EQ(hkp_dsm_store_repair(sides[1].dir, &done, &fault), HKP_OK);
                    start(1);
                    if (done.damaged > 0) run(60000);
                }
                CHECK_EQ(done.damaged, 0);
                proves_all(1, 12);
                whole++;
            }
            refused += sides[1].damaged > 0;
        }
        CHECK_NOTE(before, "round %d", round);
        end();
    }
    printf("# %d whole again, %d refused, %llu rows made anew\n", whole, refused, (unsigned long long)remade);
    CHECK(whole > refused);
}

int main(void) {
    sim_mesh_make(&mesh, 2, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    CASE(flipped_bytes_are_found_at_the_start_and_come_back);
    CASE(damage_while_it_runs_is_found_when_it_is_read);
    CASE(a_page_that_cannot_be_read_costs_only_its_rows);
    CASE(a_repair_that_was_cut_short_is_begun_again);
    CASE(what_cannot_be_repaired_is_left_as_it_is);
    CASE(anything_may_be_wrong);
    return check_done();
}
