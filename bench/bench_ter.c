/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * ter.capture: one TER of this machine, against what it cannot do without: four preads, a hash, a getrandom.
 * ter.measure.1000: what a TER costs with a manifest of 1,000 files that do not change, against a stat of
 * each.
 */
#include "bench.h"

#include <fcntl.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    hkp_ter_capture *capture;
    struct hkp_ter_cursor cursor;
    uint8_t integrity[20];
    int fds[4];
    uint8_t bytes[4][HKP_TER_SOURCE_CAP];
};

static hkp_time now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

static void capture(void *user, uint64_t times) {
    struct fixture *f = user;
    uint8_t ter[HKP_TER_SIZE];
    uint32_t flags;
    for (uint64_t i = 0; i < times; i++)
        bench_need(hkp_ter_capture_next(f->capture, now_ns(), &f->cursor, f->integrity, ter, &flags) ==
                       HKP_OK,
                   "capture failed");
}

static void floor_of_capture(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t i = 0; i < times; i++) {
        crypto_hash_sha256_state hash;
        uint8_t digest[32], random[32];
        crypto_hash_sha256_init(&hash);
        for (int k = 0; k < 4; k++) {
            ssize_t n = pread(f->fds[k], f->bytes[k], HKP_TER_SOURCE_CAP, 0);
            if (n > 0) crypto_hash_sha256_update(&hash, f->bytes[k], (unsigned long long)n);
        }
        bench_need(getrandom(random, sizeof random, 0) == sizeof random, "no randomness");
        crypto_hash_sha256_update(&hash, random, sizeof random);
        crypto_hash_sha256_final(&hash, digest);
    }
}

/* ---- ter.measure.1000 ---- */

enum { FILES = 1000 };

struct measured {
    hkp_ter_measure *measure;
    char folder[32];
    char paths[FILES + 1][64];
    uint8_t manifest[FILES * 64 + 256];
};

static void measure(void *user, uint64_t times) {
    struct measured *m = user;
    uint8_t root[32], h_integrity[20];
    for (uint64_t i = 0; i < times; i++)
        bench_need(hkp_ter_measure_run(m->measure, now_ns(), root, h_integrity) == HKP_OK, "measure failed");
}

static void stat_each(void *user, uint64_t times) {
    struct measured *m = user;
    struct stat st;
    for (uint64_t i = 0; i < times; i++)
        for (int k = 0; k < FILES; k++) bench_need(stat(m->paths[k], &st) == 0, "a file is gone");
}

static void make_files(struct measured *m, struct hkp_ter_item *items) {
    strcpy(m->folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/hkp-XXXXXX" : "/tmp/hkp-XXXXXX");
    bench_need(mkdtemp(m->folder) != NULL, "no folder");
    strcpy(m->paths[FILES], "@manifest");
    for (int k = 0; k <= FILES; k++) {
        if (k < FILES) {
            snprintf(m->paths[k], sizeof m->paths[k], "%s/%04d", m->folder, k);
            int fd = open(m->paths[k], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            bench_need(fd >= 0 && write(fd, m->paths[k], 32) == 32, "no file");
            close(fd);
        }
        items[k] = (struct hkp_ter_item){.path = (const uint8_t *)m->paths[k],
                                         .path_len = (uint32_t)strlen(m->paths[k]),
                                         .kind = k < FILES ? HKP_TER_KIND_FILE : HKP_TER_KIND_PSEUDO};
    }
}

/* Files rest for 2.1 s, then a few runs find out that nothing changes. */
static void prepare_measure(struct measured *m) {
    static struct hkp_ter_item items[FILES + 1];
    uint8_t public_key[32], secret[64];
    struct hkp_ter_manifest manifest;
    struct hkp_ter_measure_options opt;
    const struct hkp_ter_manifest_spec spec = {.items = items, .n_items = FILES + 1};
    size_t len = 0;
    make_files(m, items);
    crypto_sign_keypair(public_key, secret);
    bench_need(hkp_ter_manifest_build(&spec, secret, m->manifest, sizeof m->manifest, &len) == HKP_OK &&
                   hkp_ter_manifest_check(&manifest, m->manifest, len, spec.node_id, public_key, 1, NULL) ==
                       HKP_OK,
               "no manifest");
    hkp_ter_measure_options_init(&opt, sizeof opt);
    opt.manifest = &manifest;
    bench_need(hkp_ter_measure_new(&m->measure, &opt, now_ns()) == HKP_OK, "no measurement");
    usleep(2100000);
    measure(m, 20);
}

static void bench_measure(void) {
    static struct measured m;
    prepare_measure(&m);
    bench_time("ter.measure.1000", "us", 1e6, measure, &m, "stat", stat_each);
    hkp_ter_measure_free(m.measure);
    for (int k = 0; k < FILES; k++) unlink(m.paths[k]);
    rmdir(m.folder);
}

/* ---- ter.log.append ---- */

enum { APPENDS = 16384, RECORD = 104 };

struct log_fixture {
    char path[128], file[160];
    hkp_ter_log *log;
    int fd;
    uint64_t offset, written;
    /** a chain of TERs made before, so that only the log is measured */
    uint8_t (*ters)[HKP_TER_SIZE];
    struct hkp_ter_log_options opt;
};

static void log_open(struct log_fixture *f) {
    bench_need(hkp_ter_log_new(&f->log, &f->opt, 1, 1, NULL) == HKP_OK, "the log cannot be opened");
}

/* When the TERs are used up the log begins anew: one file more or less in APPENDS records. */
static void log_begin_anew(struct log_fixture *f) {
    hkp_ter_log_free(f->log);
    bench_need(unlink(f->file) == 0, "the log cannot be removed");
    log_open(f);
}

static void log_append(void *user, uint64_t times) {
    struct log_fixture *f = user;
    for (uint64_t i = 0; i < times; i++, f->written++) {
        if (f->written == APPENDS) {
            log_begin_anew(f);
            f->written = 0;
        }
        bench_need(hkp_ter_log_append_ter(f->log, 1, 1, f->ters[f->written]) == HKP_OK, "append failed");
    }
}

static void log_floor(void *user, uint64_t times) {
    struct log_fixture *f = user;
    static const uint8_t record[RECORD] = {1};
    for (uint64_t i = 0; i < times; i++) {
        if (f->offset == (uint64_t)APPENDS * RECORD) {
            f->offset = 0;
            bench_need(ftruncate(f->fd, 0) == 0, "cannot truncate");
        }
        bench_need(pwrite(f->fd, record, RECORD, (off_t)f->offset) == RECORD, "cannot write");
        f->offset += RECORD;
        if (f->offset / RECORD % HKP_TER_SYNC_RECORDS == 0) bench_need(fdatasync(f->fd) == 0, "cannot sync");
    }
}

static void make_ters(struct log_fixture *f) {
    f->ters = calloc(APPENDS, HKP_TER_SIZE);
    bench_need(f->ters != NULL, "no memory");
    for (uint32_t i = 0; i < APPENDS; i++) {
        struct hkp_ter_record r = {.timestamp_us = 1700000000000000 + i, .sequence = (uint16_t)i};
        crypto_hash_sha256(r.h_entropy, (const uint8_t *)&i, sizeof i);
        if (i > 0) r.chain_crc = hkp_ter_crc16(f->ters[i - 1], HKP_TER_SIZE);
        hkp_ter_record_encode(&r, f->ters[i]);
    }
}

/* On the disk under the current folder: /tmp may be in memory, where a sync costs nothing. */
static void bench_log(void) {
    static struct log_fixture f;
    char floor_path[160];
    snprintf(f.path, sizeof f.path, "bench-ter-%d", (int)getpid());
    snprintf(f.file, sizeof f.file, "%s/ter-%020d.log", f.path, 0);
    snprintf(floor_path, sizeof floor_path, "%s/floor", f.path);
    hkp_ter_log_options_init(&f.opt, sizeof f.opt);
    f.opt.path = f.path;
    make_ters(&f);
    log_open(&f);
    f.fd = open(floor_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bench_need(f.fd >= 0, "cannot write here");
    bench_rate("ter.log.append", "records/s", 1, log_append, &f, "write+fdatasync", log_floor);
    hkp_ter_log_free(f.log);
    close(f.fd);
    free(f.ters);
    snprintf(floor_path, sizeof floor_path, "%s/lock", f.path);
    unlink(floor_path);
    snprintf(floor_path, sizeof floor_path, "%s/floor", f.path);
    unlink(floor_path);
    unlink(f.file);
    rmdir(f.path);
}

int main(int argc, char **argv) {
    static const char *const names[4] = {"/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats"};
    static struct fixture f;
    bench_begin(argc, argv);
    if (bench_wanted("ter.measure.1000")) bench_measure();
    if (bench_wanted("ter.log.append")) bench_log();
    if (!bench_wanted("ter.capture.p50") && !bench_wanted("ter.capture.p95")) return 0;

    struct hkp_ter_capture_options opt;
    hkp_ter_capture_options_init(&opt, sizeof opt);
    opt.clock_trusted = 1;
    bench_need(hkp_ter_capture_new(&f.capture, &opt, now_ns()) == HKP_OK, "no capture on this machine");
    for (int k = 0; k < 4; k++) f.fds[k] = open(names[k], O_RDONLY | O_CLOEXEC);
    bench_latency("ter.capture", "us", 1e6, capture, &f, "floor", floor_of_capture);
    hkp_ter_capture_free(f.capture);
    return 0;
}
