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

int main(int argc, char **argv) {
    static const char *const names[4] = {"/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats"};
    static struct fixture f;
    bench_begin(argc, argv);
    if (bench_wanted("ter.measure.1000")) bench_measure();
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
