/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Clock drift and cache timing as sources of the fuzzy extractor. Both are measured for real, and both
 * declare 0: what they show is noise, load and settings of the clock, not the device (SYN-9.2).
 */
#include <hookprobe/ter.h>

#include <string.h>
#include <time.h>

enum { WALK_BYTES = 32768, WALK_STRIDE = 64 };

static int64_t now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A bit for each measurement: did it give more than the one before? */
static int32_t compare_each(uint8_t *dst, size_t n_bits, int64_t (*measure)(void *room), void *room) {
    int64_t before = measure(room);
    memset(dst, 0, (n_bits + 7) / 8);
    for (size_t i = 0; i < n_bits; i++) {
        const int64_t value = measure(room);
        if (value > before) dst[i / 8] = (uint8_t)(dst[i / 8] | 0x80U >> i % 8);
        before = value;
    }
    return 0;
}

/* How far the disciplined clock is from the raw one. */
static int64_t drift(void *room) {
    (void)room;
    const int64_t raw = now(CLOCK_MONOTONIC_RAW);
    return now(CLOCK_MONOTONIC) - raw;
}

static int32_t read_drift(void *user, uint8_t *dst, size_t n_bits) {
    (void)user;
    return compare_each(dst, n_bits, drift, NULL);
}

static int64_t walk(void *room) {
    volatile uint8_t *bytes = room;
    const int64_t start = now(CLOCK_MONOTONIC_RAW);
    for (size_t at = 0; at < WALK_BYTES; at += WALK_STRIDE) bytes[at]++;
    return now(CLOCK_MONOTONIC_RAW) - start;
}

static int32_t read_walks(void *user, uint8_t *dst, size_t n_bits) {
    uint8_t room[WALK_BYTES] = {0};
    (void)user;
    return compare_each(dst, n_bits, walk, room);
}

void hkp_ter_fuzzy_source_clock(struct hkp_ter_fuzzy_source *source) {
    *source = (struct hkp_ter_fuzzy_source){.read = read_drift, .name = "clock drift"};
}

void hkp_ter_fuzzy_source_cache(struct hkp_ter_fuzzy_source *source) {
    *source = (struct hkp_ter_fuzzy_source){.read = read_walks, .name = "cache timing"};
}
