/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The default store with real files: what was reported durable survives kill -9, damage is refused. */
#include <hookprobe/dsm.h>

#include <signal.h>
#include <sys/wait.h>

#include "folder.h"
#include "libter/bytes.h"
#include "sim.h"

static char dir[64];
static struct sim_mesh mesh;

static void fresh_dir(void) { folder_make(dir); }

static void remove_dir(void) { folder_remove(dir); }

static const char *in_dir(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *state = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(state);
    return 0;
}

static uint64_t random_state = 7;

/* The only member of a mesh: everything that it submits becomes final. */
static hkp_dsm_node *node_new(void) {
    struct hkp_dsm_node_options o;
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = mesh.genesis;
    o.genesis_len = mesh.genesis_len;
    o.certificate = mesh.certificate[0];
    o.certificate_len = mesh.certificate_len[0];
    o.secret = mesh.secret[0];
    o.t_cp_ns = HKP_DSM_T_CP_NONE;
    o.pool_bytes = (size_t)8 << 20;
    o.heads_max = 16;
    o.peers_max = 2;
    hkp_dsm_node *n = NULL;
    CHECK_EQ(hkp_dsm_node_new(&n, &o, 1), HKP_OK);
    return n;
}

struct seen {
    uint64_t started, final_height, blocks, row, told, told_final;
    hkp_status damaged;
};

/* seconds that have gone by for the node */
static uint64_t later_s;

static uint64_t wall_us(void) { return (mesh.time_s + later_s) * 1000000 + 1000; }

/* The process kills itself: behind so many writes that the store was asked for; at so many writes to the WAL,
 * before, amid or behind the write. 0: never. */
static uint64_t dies_behind_request, dies_at_record;
static enum { DIES_BEFORE, DIES_AMID, DIES_BEHIND } dies;

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len) {
    const int now = dies_at_record > 0 && len % 64 == 0 && --dies_at_record == 0;
    if (now && dies == DIES_BEFORE) raise(SIGKILL);
    ssize_t n = __real_write(fd, bytes, now && dies == DIES_AMID ? len / 128 * 64 + 32 : len);
    if (now) raise(SIGKILL);
    return n;
}

/* Drains events into the store and commits, until nothing happens. */
static void settle(hkp_dsm_store *store, hkp_dsm_node *n, hkp_time now, struct seen *seen, int report) {
    for (int round = 0; round < 50; round++) {
        struct hkp_dsm_event ev;
        int any = 0;
        while (hkp_dsm_event(n, &ev) == HKP_OK) {
            any = 1;
            if (ev.kind <= HKP_DSM_EV_STORE_DROP) {
                hkp_status st = hkp_dsm_store_apply(store, n, now, &ev);
                (void)st;
                const int writes = ev.kind != HKP_DSM_EV_STORE_GET && ev.kind != HKP_DSM_EV_STORE_SCAN;
                if (writes && dies_behind_request > 0 && --dies_behind_request == 0) raise(SIGKILL);
            }
            if (ev.kind == HKP_DSM_EV_STARTED) seen->started++;
            if (ev.kind == HKP_DSM_EV_DAMAGED) seen->damaged = ev.status, seen->row = ev.row;
            if (ev.kind == HKP_DSM_EV_BLOCK) {
                seen->blocks = ev.seq;
                seen->told++;
                seen->told_final += ev.count == 1 && ev.height > 0;
                uint8_t line[8];
                hkp_put_be64(line, ev.seq);
                if (report >= 0) CHECK(write(report, line, 8) == 8);
            }
            if (ev.kind == HKP_DSM_EV_CHECKPOINT) seen->final_height = ev.height;
        }
        CHECK(hkp_dsm_store_commit(store, n, now) == HKP_OK || seen->damaged != HKP_OK);
        if (!any && round > 2) return;
    }
}

static hkp_dsm_store *store_open(int32_t create) {
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault = {.offset = 0};
    CHECK_EQ(hkp_dsm_store_open(&store, dir, create, &fault), HKP_OK);
    if (store == NULL) printf("# %s: %s at %" PRIu64 "\n", fault.file, fault.what, fault.offset);
    return store;
}

static void work(int blocks, int report, struct seen *seen) {
    hkp_dsm_store *store = store_open(1);
    hkp_dsm_node *n = node_new();
    if (store == NULL || n == NULL) return;
    CHECK_EQ(hkp_dsm_node_start(n, 1, wall_us()), HKP_OK);
    settle(store, n, 2, seen, -1); /* stored blocks are told again here, and were reported before */
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(n, &s), HKP_OK);
    seen->final_height = s.final_height;
    seen->blocks = s.own_seq;
    for (int i = 0; i < blocks; i++) {
        uint64_t seq = 0;
        hkp_time now = 10 + (hkp_time)i * 1000000;
        CHECK_EQ(hkp_dsm_submit(n, now, wall_us(), 1, (const uint8_t *)"content", 7, NULL, &seq), HKP_OK);
        settle(store, n, now, seen, report);
    }
    hkp_dsm_node_free(n);
    hkp_dsm_store_close(store);
}

static void a_node_goes_on_where_it_stopped(void) {
    fresh_dir();
    struct seen seen = {0};
    work(5, -1, &seen);
    CHECK_EQ(seen.started, 1);
    CHECK_EQ(seen.blocks, 5);
    CHECK(seen.final_height >= 5);
    struct seen again = {0};
    work(0, -1, &again);
    CHECK_EQ(again.started, 1);
    CHECK_EQ(again.blocks, 5);
    CHECK_EQ(again.final_height, seen.final_height);
    CHECK_EQ(again.told, 5); /* what the host had in memory comes again, with its place */
    CHECK_EQ(again.told_final, 5);
    CHECK_EQ(again.damaged, HKP_OK);
    remove_dir();
}

static void what_was_reported_survives_a_kill_at_any_time(void) {
    fresh_dir();
    uint64_t low = 0;
    for (int kill_after = 1; kill_after <= 24; kill_after += 2) {
        int ends[2];
        CHECK_EQ(pipe(ends), 0);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            struct seen ignored = {0};
            close(ends[0]);
            work(1000, ends[1], &ignored);
            _exit(0);
        }
        close(ends[1]);
        uint8_t line[8];
        uint64_t reported = low;
        for (int i = 0; i < kill_after && read(ends[0], line, 8) == 8; i++) reported = hkp_be64(line);
        kill(child, SIGKILL);
        while (read(ends[0], line, 8) == 8) reported = hkp_be64(line);
        waitpid(child, NULL, 0);
        close(ends[0]);
        struct seen seen = {0};
        work(0, -1, &seen);
        CHECK_EQ(seen.started, 1);
        CHECK(seen.blocks >= reported);
        low = seen.blocks;
    }
    CHECK(low >= 12); /* each kill came after one more report */
    remove_dir();
}

/* 1: it was killed on the way. */
static int lives_into_the_next_epoch(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct seen seen = {0};
        work(2, -1, &seen);
        later_s = 3601;
        work(2, -1, &seen);
        _exit(0);
    }
    int how = 0;
    CHECK_EQ(waitpid(child, &how, 0), child);
    dies_behind_request = dies_at_record = 0;
    return WIFSIGNALED(how);
}

/* It starts, and its promises are of what it holds: else the only member would wait for itself. */
static void goes_on(const char *where, uint64_t at) {
    int before = check_faults;
    struct seen seen = {0};
    later_s = 3601;
    work(1, -1, &seen);
    CHECK_EQ(seen.started, 1);
    CHECK_EQ(seen.damaged, HKP_OK);
    struct seen again = {0};
    work(0, -1, &again);
    CHECK_EQ(again.started, 1);
    CHECK(again.blocks > 0);
    CHECK_EQ(again.told_final, again.blocks);
    CHECK_NOTE(before, "killed %s %" PRIu64, where, at);
    later_s = 0;
    remove_dir();
}

/* D-STO-1: what write() took outlives the process, so no record may be there before its rows. */
static void a_kill_behind_any_request_leaves_rows_and_records_that_fit(void) {
    int killed = 1;
    for (uint64_t at = 1; killed; at++) {
        fresh_dir();
        dies_behind_request = at;
        killed = lives_into_the_next_epoch();
        goes_on("behind request", at);
        CHECK(at < 400);
        if (at >= 400) return;
    }
}

/* The other order: rows that were committed, and their records are not there, or half of one. */
static void a_kill_at_any_write_of_the_wal_is_survived(void) {
    int killed = 1;
    for (uint64_t at = 1; killed; at++) {
        for (dies = DIES_BEFORE; dies <= DIES_BEHIND; dies++) {
            fresh_dir();
            dies_at_record = at;
            killed = lives_into_the_next_epoch();
            goes_on(dies == DIES_BEFORE ? "before WAL" : dies == DIES_AMID ? "amid WAL" : "behind WAL", at);
        }
        CHECK(at < 100);
        if (at >= 100) return;
    }
}

static void a_second_process_is_kept_out(void) {
    fresh_dir();
    hkp_dsm_store *first = store_open(1), *second = NULL;
    CHECK_EQ(hkp_dsm_store_open(&second, dir, 1, NULL), HKP_E_STATE);
    hkp_dsm_store_close(first);
    second = store_open(0);
    hkp_dsm_store_close(second);
    remove_dir();
}

static void absent_files_are_told_from_lost_ones(void) {
    fresh_dir();
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 0, NULL), HKP_E_NOTFOUND);
    struct seen seen = {0};
    work(2, -1, &seen);
    CHECK_EQ(unlink(in_dir("consensus.wal")), 0);
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 1, &fault), HKP_E_IO);
    CHECK(strcmp(fault.file, "consensus.wal") == 0);
    CHECK(store == NULL);
    remove_dir();
}

static void flip(const char *name, off_t at) {
    int fd = open(in_dir(name), O_RDWR);
    uint8_t byte = 0;
    CHECK(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 0x40;
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static off_t size_of(const char *name) {
    struct stat info;
    return stat(in_dir(name), &info) == 0 ? info.st_size : -1;
}

static void a_bad_record_in_the_wal_is_told_with_its_offset(void) {
    fresh_dir();
    struct seen seen = {0};
    work(4, -1, &seen);
    flip("consensus.wal", 64 + 20);
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 0, &fault), HKP_E_DSM_WAL_CORRUPT);
    CHECK(strcmp(fault.file, "consensus.wal") == 0);
    CHECK_EQ(fault.offset, 64);
    CHECK(store == NULL);
    remove_dir();
}

static void a_torn_tail_of_the_wal_is_cut_off(void) {
    fresh_dir();
    struct seen seen = {0};
    work(3, -1, &seen);
    off_t size = size_of("consensus.wal");
    int fd = open(in_dir("consensus.wal"), O_WRONLY | O_APPEND);
    CHECK(fd >= 0 && write(fd, "HKW1 torn", 9) == 9);
    close(fd);
    hkp_dsm_store *store = store_open(0);
    CHECK_EQ(size_of("consensus.wal"), size);
    hkp_dsm_store_close(store);
    struct seen again = {0};
    work(1, -1, &again);
    CHECK_EQ(again.blocks, 4);
    remove_dir();
}

/* Wherever a byte of the database is wrong, the node does not start as if nothing were: it is refused, by
 * SQLite's check, by the sum of the row, or by what the row says. Bytes that nothing depends on may pass. */
static void a_damaged_database_is_never_reset(void) {
    fresh_dir();
    struct seen good = {0};
    work(6, -1, &good);
    off_t size = size_of("dsm.sqlite");
    CHECK(size > 0);
    uint64_t state = check_seed();
    int refused = 0;
    for (int i = 0; i < 24; i++) {
        off_t at = (off_t)(check_random(&state) % (uint64_t)size);
        flip("dsm.sqlite", at);
        hkp_dsm_store *store = NULL;
        struct hkp_dsm_store_fault fault;
        hkp_status st = hkp_dsm_store_open(&store, dir, 0, &fault);
        if (st != HKP_OK) {
            CHECK_EQ(st, HKP_E_IO);
            CHECK(strcmp(fault.file, "dsm.sqlite") == 0);
            refused++;
        } else {
            struct seen seen = {0};
            hkp_dsm_node *n = node_new();
            CHECK_EQ(hkp_dsm_node_start(n, 1, wall_us()), HKP_OK);
            settle(store, n, 2, &seen, -1);
            if (seen.damaged != HKP_OK) {
                refused++;
            } else {
                struct hkp_dsm_node_status s = {.struct_size = sizeof s};
                CHECK_EQ(hkp_dsm_node_status(n, &s), HKP_OK);
                CHECK_EQ(s.final_height, good.final_height);
                CHECK_EQ(s.own_seq, good.blocks);
            }
            hkp_dsm_node_free(n);
            hkp_dsm_store_close(store);
        }
        flip("dsm.sqlite", at);
    }
    printf("# %d of 24 flipped bytes were of a kind that matters\n", refused);
    flip("dsm.sqlite", 3); /* the magic */
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 0, &fault), HKP_E_IO);
    CHECK_EQ(fault.offset, 0);
    remove_dir();
}

static off_t find(const char *name, const uint8_t *what, size_t len) {
    int fd = open(in_dir(name), O_RDONLY);
    off_t size = size_of(name), found = -1;
    uint8_t *all = malloc((size_t)size);
    CHECK(fd >= 0 && all != NULL && pread(fd, all, (size_t)size, 0) == size);
    for (off_t at = 0; all != NULL && found < 0 && at + (off_t)len <= size; at++)
        if (memcmp(all + at, what, len) == 0) found = at;
    free(all);
    close(fd);
    return found;
}

/* What lies behind a damaged name or kind would just not be found: the store must not seem empty. */
static void a_table_under_another_name_is_told(void) {
    static const uint8_t name[] = "CREATE TABLE rows";
    fresh_dir();
    struct seen good = {0};
    work(3, -1, &good);
    off_t at = find("dsm.sqlite", name, sizeof name - 1);
    CHECK(at > 8);
    for (int before = 1; before <= 8; before++) { /* the columns type, name and tbl_name stand before it */
        hkp_dsm_store *store = NULL;
        struct hkp_dsm_store_fault fault;
        flip("dsm.sqlite", at - before);
        CHECK_EQ(hkp_dsm_store_open(&store, dir, 0, &fault), HKP_E_IO);
        CHECK(store == NULL && strcmp(fault.file, "dsm.sqlite") == 0);
        flip("dsm.sqlite", at - before);
    }
    remove_dir();
}

static void a_flipped_bit_in_a_row_is_told_with_the_row(void) {
    fresh_dir();
    char row[32];
    struct seen good = {0};
    work(3, -1, &good);
    off_t at = find("dsm.sqlite", mesh.certificate[0], mesh.certificate_len[0]);
    CHECK(at > 0);
    flip("dsm.sqlite", at + 40);
    hkp_dsm_store *store = NULL;
    struct hkp_dsm_store_fault fault;
    CHECK_EQ(hkp_dsm_store_open(&store, dir, 0, &fault), HKP_E_IO);
    CHECK(store == NULL && strcmp(fault.file, "dsm.sqlite") == 0);
    snprintf(row, sizeof row, "a row of kind %d ", HKP_DSM_ROW_CERTIFICATE);
    CHECK(strncmp(fault.what, row, strlen(row)) == 0);
    flip("dsm.sqlite", at + 40); /* nothing was changed: it starts again */
    struct seen again = {0};
    work(0, -1, &again);
    CHECK_EQ(again.started, 1);
    CHECK_EQ(again.blocks, good.blocks);
    remove_dir();
}

int main(void) {
    sim_mesh_make(&mesh, 1, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    CASE(a_node_goes_on_where_it_stopped);
    CASE(what_was_reported_survives_a_kill_at_any_time);
    CASE(a_kill_behind_any_request_leaves_rows_and_records_that_fit);
    CASE(a_kill_at_any_write_of_the_wal_is_survived);
    CASE(a_second_process_is_kept_out);
    CASE(absent_files_are_told_from_lost_ones);
    CASE(a_bad_record_in_the_wal_is_told_with_its_offset);
    CASE(a_torn_tail_of_the_wal_is_cut_off);
    CASE(a_damaged_database_is_never_reset);
    CASE(a_table_under_another_name_is_told);
    CASE(a_flipped_bit_in_a_row_is_told_with_the_row);
    return check_done();
}
