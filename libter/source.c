/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a TER is made of, as pure functions: the time of a capture and h_entropy (NZ1 2.1, 2.2). */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>

#define CLOCK_BACK_US 1000000ULL
#define CLOCK_HOLD_US 86400000000ULL
#define CLOCK_WAIT_US 600000000ULL
#define SOURCE_ABSENT 0xFFFFFFu

static uint64_t at_most(uint64_t value, uint64_t limit) { return value < limit ? value : limit; }

/* Both terms are at most 2^63 - 1 here, but boot times and the hold are added to them. */
static uint64_t add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

static hkp_status first_time(const struct hkp_ter_clock *clock, uint64_t *timestamp_us) {
    uint64_t c;
    if (clock->synchronised)
        c = clock->realtime_us;
    else if (clock->told_us > 0)
        c = clock->told_us;
    else if (clock->waited_us >= CLOCK_WAIT_US)
        c = clock->build_us > 0 ? clock->build_us : HKP_TER_BUILD_US;
    else
        return HKP_E_STATE;
    *timestamp_us = at_most(c > 0 ? c : 1, HKP_TER_TIME_MAX);
    return HKP_OK;
}

hkp_status hkp_ter_clock_decide(const struct hkp_ter_clock *clock, uint64_t *timestamp_us, uint32_t *flags) {
    uint64_t prev = clock->prev_us, c = clock->realtime_us, m = 1;
    if (prev >= HKP_TER_TIME_MAX) return HKP_E_TER_TIME_RANGE;
    if (prev == 0) {
        hkp_status st = first_time(clock, timestamp_us);
        if (st == HKP_OK) *flags = 0;
        return st;
    }
    if (clock->has_prev_boottime && clock->boottime_us > clock->prev_boottime_us)
        m = clock->boottime_us - clock->prev_boottime_us;
    uint32_t seen = 0;
    if (c > add(add(prev, m), CLOCK_HOLD_US) && !clock->synchronised) {
        seen |= HKP_TER_FLAG_CLOCK_HELD;
        c = add(prev, m);
    }
    if (add(c, CLOCK_BACK_US) < prev) seen |= HKP_TER_FLAG_CLOCK_BACK;
    *timestamp_us = at_most(c > prev ? c : prev + 1, HKP_TER_TIME_MAX);
    *flags = seen;
    return HKP_OK;
}

hkp_status hkp_ter_entropy_digest(const struct hkp_ter_sources *sources, uint8_t h_entropy[32]) {
    crypto_hash_sha256_state hash;
    int readable = 0;
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, (const uint8_t *)"TER1 entropy", 12);
    for (uint8_t k = 0; k < HKP_TER_SOURCES; k++) {
        const uint8_t *bytes = sources->bytes[k];
        uint32_t len = SOURCE_ABSENT;
        if (bytes != NULL) len = (uint32_t)at_most(sources->len[k], HKP_TER_SOURCE_CAP);
        uint8_t head[4] = {k, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16)};
        crypto_hash_sha256_update(&hash, head, sizeof head);
        if (bytes != NULL) crypto_hash_sha256_update(&hash, bytes, len);
        readable |= bytes != NULL;
    }
    if (!readable) return HKP_E_TER_SOURCE;
    uint8_t clocks[16];
    hkp_put_le64(clocks, sources->mono_sec);
    hkp_put_le64(clocks + 8, sources->mono_nsec);
    crypto_hash_sha256_update(&hash, clocks, sizeof clocks);
    crypto_hash_sha256_update(&hash, sources->boot_id, 16);
    crypto_hash_sha256_update(&hash, sources->r, 32);
    crypto_hash_sha256_final(&hash, h_entropy);
    sodium_memzero(&hash, sizeof hash); /* it hides r, which keeps h_entropy a commitment */
    return HKP_OK;
}
