/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The part that reads the system: files, the live capture, measurement (NZ1 2). */
#include "alloc.h"
#include "folder.h"
#include "stream.h"

#include <hookprobe/ter.h>
#include <malloc.h>
#include <sodium.h>
#include <sys/mman.h>

static char dir[64];

static void files_are_replaced_whole_and_read_bounded(void) {
    char path[128], missing[256];
    uint8_t bytes[8];
    size_t len = 77;
    struct stat st;
    folder_path(path, dir, "key");
    CHECK_EQ(hkp_ter_file_read(path, 1, bytes, sizeof bytes, &len), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_file_write(path, (const uint8_t *)"first", 5), HKP_OK);
    CHECK_EQ(hkp_ter_file_write(path, (const uint8_t *)"second", 6), HKP_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    CHECK_EQ(hkp_ter_file_read(path, 1, bytes, 5, &len), HKP_E_NOSPC);
    CHECK_EQ(len, 77);
    CHECK_EQ(hkp_ter_file_read(path, 1, bytes, 6, &len), HKP_OK);
    CHECK_EQ(len, 6);
    CHECK_MEM(bytes, "second", 6);
    CHECK(chmod(path, 0640) == 0);
    CHECK_EQ(hkp_ter_file_read(path, 1, bytes, 8, &len), HKP_E_STATE);
    CHECK_EQ(hkp_ter_file_read(path, 0, bytes, 8, &len), HKP_OK);
    CHECK_EQ(hkp_ter_file_read(dir, 0, bytes, 8, &len), HKP_E_STATE);
    snprintf(missing, sizeof missing, "%s/none/key", dir);
    CHECK_EQ(hkp_ter_file_write(missing, bytes, 8), HKP_E_IO);
    CHECK_EQ(hkp_ter_file_write("", bytes, 8), HKP_E_INVAL);
    snprintf(missing, sizeof missing, "%s.tmp", path);
    CHECK(access(missing, F_OK) != 0);
}

static void the_kernels_randomness_does_not_repeat(void) {
    struct hkp_rng rng;
    uint8_t a[32] = {0}, b[32] = {0};
    hkp_ter_system_rng(&rng);
    CHECK_EQ(rng.fill(rng.user, a, 32), 0);
    CHECK_EQ(rng.fill(rng.user, b, 32), 0);
    CHECK(memcmp(a, b, 32) != 0);
}

static void start(struct hkp_ter_cursor *cursor) {
    const uint8_t node_id[16] = {1}, device_public[32] = {2};
    hkp_ter_cursor_init(cursor, node_id, device_public);
}

static void live_ters_form_a_valid_chain_without_allocation(void) {
    struct failing f = {.left = -1};
    struct hkp_ter_capture_options opt;
    hkp_ter_capture *capture = NULL;
    struct hkp_ter_cursor cursor;
    uint8_t ter[64], boot_id[16] = {0};
    const uint8_t h_integrity[20] = {9};
    uint32_t flags;
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    opt.clock_trusted = 1;
    opt.state_path = dir;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_OK);
    if (capture == NULL) return;
    hkp_ter_capture_boot_id(capture, boot_id);
    CHECK(!hkp_is_zero(boot_id, 16));
    start(&cursor);
    f.left = 0;
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hkp_ter_capture_next(capture, 1, &cursor, h_integrity, ter, &flags), HKP_OK);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, 64, NULL), HKP_OK);
        CHECK_EQ(hkp_ter_warnings(ter, NULL, (uint64_t)time(NULL) * 1000000, h_integrity), 0);
    }
    CHECK_EQ(mallinfo2().uordblks, before);
    CHECK_EQ(f.live, 1);
    hkp_ter_capture_free(capture);
    CHECK_EQ(f.live, 0);
    hkp_ter_capture_free(NULL);
}

static void every_allocation_of_a_capture_may_fail(void) {
    struct failing f = {.left = 0};
    struct hkp_ter_capture_options opt;
    hkp_ter_capture *capture = NULL;
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_E_NOMEM);
    CHECK(capture == NULL);
    opt.struct_size = 8;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_E_INVAL);
    struct {
        struct hkp_ter_capture_options known;
        uint64_t unknown;
    } later;
    hkp_ter_capture_options_init(&later.known, sizeof later);
    later.known.clock_wait_us = 600000001;
    CHECK_EQ(hkp_ter_capture_new(&capture, &later.known, 0), HKP_E_INVAL);
    later.known.clock_wait_us = 0;
    later.unknown = 1;
    CHECK_EQ(hkp_ter_capture_new(&capture, &later.known, 0), HKP_E_TOOBIG);
    CHECK(capture == NULL);
}

/* A /proc of our own: sources may be missing, the boot id is then made and kept. */
static void missing_sources_and_boot_ids_follow_the_rule(void) {
    char path[128];
    uint8_t made[16], kept[16], ter[64];
    const uint8_t h_integrity[20] = {0};
    uint32_t flags;
    struct hkp_ter_capture_options opt;
    struct hkp_ter_cursor cursor;
    hkp_ter_capture *capture = NULL;
    folder_path(path, dir, "proc");
    CHECK(mkdir(path, 0700) == 0);
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.proc_path = path;
    opt.clock_trusted = 1;
    opt.state_path = dir;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_E_TER_SOURCE);
    char stat_path[128], boot_path[128];
    folder_path(stat_path, dir, "proc/stat");
    folder_path(boot_path, dir, "boot_id");
    file_put(stat_path, "cpu 1", 5);
    opt.state_path = NULL;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_E_TER_SOURCE);
    opt.state_path = dir;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_OK);
    if (capture == NULL) return;
    CHECK_EQ(hkp_ter_capture_boot_id(capture, made), 1);
    CHECK_EQ(file_get(boot_path, kept, 16), 16);
    CHECK_MEM(made, kept, 16);
    start(&cursor);
    CHECK_EQ(hkp_ter_capture_next(capture, 1, &cursor, h_integrity, ter, &flags), HKP_OK);
    cursor.index = 0x7FFFFFFFFFFFFFFF;
    CHECK_EQ(hkp_ter_capture_next(capture, 1, &cursor, h_integrity, ter, &flags), HKP_E_TER_INDEX);
    hkp_ter_capture_free(capture);
}

static void the_first_ter_waits_for_a_clock_but_not_for_ever(void) {
    uint8_t ter[64];
    const uint8_t h_integrity[20] = {0};
    uint32_t flags;
    struct hkp_ter_capture_options opt;
    struct hkp_ter_cursor cursor;
    struct hkp_ter_record record;
    hkp_ter_capture *capture = NULL;
    start(&cursor);
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.clock_wait_us = 1000;
    opt.state_path = dir;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 5), HKP_OK);
    if (capture == NULL) return;
    hkp_status st = hkp_ter_capture_next(capture, 1000000, &cursor, h_integrity, ter, &flags);
    if (st == HKP_E_STATE) { /* else the kernel's clock is synchronised here */
        hkp_ter_capture_tell_time(capture, 1700000000000000);
        CHECK_EQ(hkp_ter_capture_next(capture, 1000000, &cursor, h_integrity, ter, &flags), HKP_OK);
        CHECK_EQ(hkp_ter_record_decode(&record, ter, 64), HKP_OK);
        CHECK(record.timestamp_us == 1700000000000000);
        hkp_ter_capture_tell_time(capture, 0);
        st = hkp_ter_capture_next(capture, 1000005, &cursor, h_integrity, ter, &flags);
        CHECK_EQ(hkp_ter_record_decode(&record, ter, 64), HKP_OK);
        CHECK(record.timestamp_us == HKP_TER_BUILD_US);
    }
    CHECK_EQ(st, HKP_OK);
    hkp_ter_capture_free(capture);
}

/* NZ1 2.1 on a machine whose clock nobody keeps: a stream that lies far back goes on at the pace of boot
 * time. */
static void a_clock_that_cannot_be_trusted_moves_time_by_what_passed(void) {
    uint8_t ter[64], h_integrity[20] = {0};
    uint32_t flags = 0;
    struct hkp_ter_capture_options opt;
    struct hkp_ter_cursor cursor;
    struct stream stream = {.time_us = 1600000000000000};
    struct hkp_ter_record first, second;
    hkp_ter_capture *capture = NULL;
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.state_path = dir;
    CHECK_EQ(hkp_ter_capture_new(&capture, &opt, 0), HKP_OK);
    if (capture == NULL) return;
    start(&cursor);
    stream_next(&stream, ter);
    CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, 64, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_capture_next(capture, 1, &cursor, h_integrity, ter, &flags), HKP_OK);
    if (flags == HKP_TER_FLAG_CLOCK_HELD) { /* else the kernel's clock is synchronised here */
        CHECK_EQ(hkp_ter_record_decode(&first, ter, 64), HKP_OK);
        CHECK(first.timestamp_us == stream.time_us + 1);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, 64, NULL), HKP_OK);
        usleep(20000);
        CHECK_EQ(hkp_ter_capture_next(capture, 1, &cursor, h_integrity, ter, &flags), HKP_OK);
        CHECK_EQ(hkp_ter_record_decode(&second, ter, 64), HKP_OK);
        CHECK_EQ(flags, HKP_TER_FLAG_CLOCK_HELD);
        CHECK(second.timestamp_us - first.timestamp_us >= 20000);
    }
    hkp_ter_capture_free(capture);
}

/* ---- Measurement ---- */

static struct hkp_ter_item wanted[16];
static char paths[16][128];
static uint32_t n_wanted;

static void want(const char *path, uint32_t kind) {
    snprintf(paths[n_wanted], sizeof paths[0], "%s", path);
    wanted[n_wanted].path = (const uint8_t *)paths[n_wanted];
    wanted[n_wanted].path_len = (uint32_t)strlen(path);
    wanted[n_wanted++].kind = kind;
}

static void want_in_dir(const char *name, uint32_t kind) {
    char path[128];
    folder_path(path, dir, name);
    want(path, kind);
}

static uint8_t manifest_bytes[8192];
static struct hkp_ter_manifest manifest;

static void make_manifest(void) {
    uint8_t public_key[32], secret[64];
    const uint8_t seed[32] = {7};
    struct hkp_ter_name allow = {(const uint8_t *)"ext4", 4};
    struct hkp_ter_manifest_spec spec = {.items = wanted, .n_items = n_wanted, .allow = &allow, .n_allow = 1};
    size_t len = 0;
    crypto_sign_seed_keypair(public_key, secret, seed);
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, manifest_bytes, sizeof manifest_bytes, &len), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_check(&manifest, manifest_bytes, len, spec.node_id, public_key, 1, NULL),
             HKP_OK);
}

static hkp_ter_measure *new_measure(struct failing *f) {
    struct hkp_ter_measure_options opt;
    hkp_ter_measure *measure = NULL;
    char proc[128];
    folder_path(proc, dir, "proc");
    hkp_ter_measure_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(f);
    opt.manifest = &manifest;
    opt.proc_path = proc;
    CHECK_EQ(hkp_ter_measure_new(&measure, &opt, 0), HKP_OK);
    return measure;
}

static void check_item(hkp_ter_measure *measure, uint32_t i, uint32_t outcome, const void *content,
                       size_t len) {
    struct hkp_ter_measured item;
    uint8_t digest[32] = {0};
    if (content != NULL) crypto_hash_sha256(digest, content, len);
    CHECK_EQ(hkp_ter_measure_item(measure, i, &item), HKP_OK);
    CHECK_EQ(item.outcome, outcome);
    CHECK_EQ(item.path_len, strlen(paths[i]));
    CHECK_MEM(item.path, paths[i], item.path_len);
    CHECK_MEM(item.digest, digest, 32);
}

/* What a verifier would compute from the items that the object reports. */
static void check_root(hkp_ter_measure *measure, const uint8_t root[32]) {
    struct hkp_ter_item items[16];
    struct hkp_ter_measured item;
    uint8_t expected[32];
    for (uint32_t i = 0; i < n_wanted; i++) {
        CHECK_EQ(hkp_ter_measure_item(measure, i, &item), HKP_OK);
        items[i] = (struct hkp_ter_item){.path = item.path, .path_len = item.path_len, .kind = item.outcome};
        memcpy(items[i].digest, item.digest, 32);
    }
    CHECK_EQ(hkp_ter_integrity_root(items, n_wanted, expected), HKP_OK);
    CHECK_MEM(root, expected, 32);
}

static void prepare_items(void) {
    char path[128], target[128];
    folder_path(path, dir, "a-file");
    file_put(path, "content", 7);
    folder_path(target, dir, "b-link");
    CHECK(symlink(path, target) == 0);
    folder_path(path, dir, "proc/cmdline");
    file_put(path, "quiet", 5);
    folder_path(path, dir, "proc/modules");
    file_put(path, "evil 1 0 - Live\next4 1 0 - Live\n", 32);
    want_in_dir("a-file", HKP_TER_KIND_FILE);
    want_in_dir("b-link", HKP_TER_KIND_LINK);
    want_in_dir("b-link-followed", HKP_TER_KIND_FILE);
    want_in_dir("c-none", HKP_TER_KIND_FILE);
    want_in_dir("d-verity", HKP_TER_KIND_VERITY);
    want_in_dir("proc", HKP_TER_KIND_FILE);
    want("@cmdline", HKP_TER_KIND_PSEUDO);
    want("@manifest", HKP_TER_KIND_PSEUDO);
    want("@modules", HKP_TER_KIND_PSEUDO);
    want("@pcr10", HKP_TER_KIND_PSEUDO);
    want("@policy", HKP_TER_KIND_PSEUDO);
    folder_path(target, dir, "b-link-followed");
    folder_path(path, dir, "a-file");
    CHECK(symlink(path, target) == 0);
    folder_path(path, dir, "d-verity");
    file_put(path, "x", 1);
    make_manifest();
}

static void every_kind_is_measured_as_the_manifest_demands(void) {
    struct failing f = {.left = -1};
    uint8_t root[32], h_integrity[20], again[20];
    char target[128];
    prepare_items();
    hkp_ter_measure *measure = new_measure(&f);
    if (measure == NULL) return;
    long live = f.live;
    CHECK_EQ(hkp_ter_measure_run(measure, 1, root, h_integrity), HKP_OK);
    folder_path(target, dir, "a-file");
    check_item(measure, 0, HKP_TER_KIND_FILE, "content", 7);
    check_item(measure, 1, HKP_TER_KIND_LINK, target, strlen(target));
    check_item(measure, 2, HKP_TER_KIND_FILE, "content", 7);
    check_item(measure, 3, HKP_TER_KIND_ABSENT, NULL, 0);
    check_item(measure, 4, HKP_TER_KIND_UNREADABLE, NULL, 0);
    check_item(measure, 5, HKP_TER_KIND_UNREADABLE, NULL, 0);
    check_item(measure, 6, HKP_TER_KIND_PSEUDO, "quiet", 5);
    check_item(measure, 7, HKP_TER_KIND_PSEUDO, manifest_bytes, manifest.len);
    check_item(measure, 8, HKP_TER_KIND_PSEUDO, "TER1 modulesevil\n", 17);
    check_item(measure, 9, HKP_TER_KIND_UNREADABLE, NULL, 0);
    check_item(measure, 10, HKP_TER_KIND_UNREADABLE, NULL, 0);
    check_root(measure, root);
    uint8_t digest[32];
    crypto_hash_sha256(digest, (const uint8_t *)"policy", 6);
    hkp_ter_measure_policy_set(measure, digest);
    CHECK_EQ(hkp_ter_measure_run(measure, 2, root, again), HKP_OK);
    check_item(measure, 10, HKP_TER_KIND_PSEUDO, "policy", 6);
    CHECK(memcmp(again, h_integrity, 20) != 0);
    check_root(measure, root);
    CHECK_EQ(f.live, live);
    struct hkp_ter_measured item;
    CHECK_EQ(hkp_ter_measure_item(measure, n_wanted, &item), HKP_E_NOTFOUND);
    hkp_ter_measure_free(measure);
    CHECK_EQ(f.live, 0);
}

static uint32_t n_differing(hkp_ter_measure *measure, uint32_t *last) {
    uint32_t n = 0;
    struct hkp_ter_measured item;
    for (uint32_t i = 0; hkp_ter_measure_item(measure, i, &item) == HKP_OK; i++)
        if (item.differs) {
            n++;
            *last = i;
        }
    return n;
}

/* Behind the first, a write through a mapping of a file in memory leaves no trace in its times; an hour later
 * it shows all the same. */
static void a_digest_is_not_believed_for_ever(hkp_ter_measure *measure, char *map) {
    uint8_t root[32], h_integrity[20];
    const hkp_time hour = 3600000000000;
    for (hkp_time k = 1; k <= 2; k++) {
        map[0] = k == 1 ? 'C' : 'c';
        CHECK_EQ(hkp_ter_measure_run(measure, k * hour + 3, root, h_integrity), HKP_OK);
        check_item(measure, 0, HKP_TER_KIND_FILE, k == 1 ? "Content" : "content", 7);
    }
}

static char *map_file(const char *path) {
    int fd = open(path, O_RDWR);
    char *map = mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) exit(1);
    *(volatile char *)map = map[0]; /* the first write is the one that the kernel sees */
    return map;
}

/* The hard case: a cached digest, a change of same size, and the time of modification put back. */
static void a_changed_file_shows_at_once_and_is_named(void) {
    struct failing f = {.left = -1};
    uint8_t root[32], good[20], bad[20];
    uint32_t which = 99;
    char path[128];
    struct stat st;
    hkp_ter_measure *measure = new_measure(&f);
    if (measure == NULL) return;
    folder_path(path, dir, "d-verity");
    CHECK(unlink(path) == 0);
    folder_path(path, dir, "a-file");
    char *map = map_file(path);
    usleep(2200000); /* older than the step of any file system's time stamps: from now on the cache is used */
    CHECK_EQ(hkp_ter_measure_run(measure, 1, root, good), HKP_OK);
    hkp_ter_measure_reference_set(measure);
    CHECK_EQ(hkp_ter_measure_run(measure, 2, root, bad), HKP_OK);
    CHECK_MEM(bad, good, 20);
    CHECK_EQ(n_differing(measure, &which), 0);
    a_digest_is_not_believed_for_ever(measure, map);
    munmap(map, 7);

    CHECK(stat(path, &st) == 0);
    file_put(path, "c0ntent", 7);
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
    CHECK_EQ(hkp_ter_measure_run(measure, 7200000000004, root, bad), HKP_OK);
    CHECK(memcmp(bad, good, 20) != 0);
    CHECK_EQ(n_differing(measure, &which), 2); /* the file, and the link that is followed to it */
    CHECK_EQ(which, 2);
    check_root(measure, root);

    file_put(path, "content", 7);
    CHECK_EQ(hkp_ter_measure_run(measure, 7200000000005, root, bad), HKP_OK);
    CHECK_MEM(bad, good, 20);
    CHECK(unlink(path) == 0);
    CHECK_EQ(hkp_ter_measure_run(measure, 7200000000006, root, bad), HKP_OK);
    check_item(measure, 0, HKP_TER_KIND_ABSENT, NULL, 0);
    CHECK_EQ(n_differing(measure, &which), 2);
    file_put(path, "content", 7);
    CHECK_EQ(hkp_ter_measure_run(measure, 7200000000007, root, bad), HKP_OK);
    CHECK_MEM(bad, good, 20);
    hkp_ter_measure_free(measure);
}

/* Changes within one step of the clock leave the times as they are; a young file is therefore read each time.
 */
static void changes_faster_than_time_stamps_are_seen(void) {
    struct failing f = {.left = -1};
    uint8_t root[32], h_integrity[20];
    char path[128], content[8];
    hkp_ter_measure *measure = new_measure(&f);
    if (measure == NULL) return;
    folder_path(path, dir, "a-file");
    for (int i = 0; i < 200; i++) {
        snprintf(content, sizeof content, "run %03d", i);
        int fd = open(path, O_WRONLY);
        CHECK(fd >= 0 && pwrite(fd, content, 7, 0) == 7);
        close(fd);
        CHECK_EQ(hkp_ter_measure_run(measure, 1, root, h_integrity), HKP_OK);
        check_item(measure, 0, HKP_TER_KIND_FILE, content, 7);
    }
    hkp_ter_measure_free(measure);
}

static void every_allocation_of_a_measurement_may_fail(void) {
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_ter_measure_options opt;
        hkp_ter_measure *measure = NULL;
        hkp_ter_measure_options_init(&opt, sizeof opt);
        opt.mem = failing_mem(&f);
        opt.manifest = &manifest;
        hkp_status st = hkp_ter_measure_new(&measure, &opt, 0);
        if (st == HKP_OK) {
            hkp_ter_measure_free(measure);
            CHECK_EQ(f.live, 0);
            CHECK(budget > 0);
            opt.manifest = NULL;
            CHECK_EQ(hkp_ter_measure_new(&measure, &opt, 0), HKP_E_INVAL);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(measure == NULL);
        CHECK_EQ(f.live, 0);
        if (budget > 100) return;
    }
}

int main(void) {
    folder_make(dir);
    CASE(files_are_replaced_whole_and_read_bounded);
    CASE(the_kernels_randomness_does_not_repeat);
    CASE(live_ters_form_a_valid_chain_without_allocation);
    CASE(every_allocation_of_a_capture_may_fail);
    CASE(missing_sources_and_boot_ids_follow_the_rule);
    CASE(the_first_ter_waits_for_a_clock_but_not_for_ever);
    CASE(a_clock_that_cannot_be_trusted_moves_time_by_what_passed);
    CASE(every_kind_is_measured_as_the_manifest_demands);
    CASE(a_changed_file_shows_at_once_and_is_named);
    CASE(changes_faster_than_time_stamps_are_seen);
    CASE(every_allocation_of_a_measurement_may_fail);
    folder_remove(dir);
    return check_done();
}
