/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ter.capture: one TER of this machine, against what it cannot do without: four preads, a hash, a getrandom.
 */
#include "bench.h"

#include <fcntl.h>
#include <hookprobe/ter.h>
#include <sodium.h>
#include <sys/random.h>
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

int main(int argc, char **argv) {
    static const char *const names[4] = {"/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats"};
    static struct fixture f;
    bench_begin(argc, argv);
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
