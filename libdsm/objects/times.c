/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which time a node writes and believes: headers (D-SMX-R1, validity h), blocks (D-BLK-16), checks
 * (D-CERT-5). */
#include "libdsm/objects/objects.h"

enum { CLOCK_MAX_MS = 60000 };

static uint64_t distance(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

int hkp_dsm__header_time_ok(uint64_t time_ms, uint64_t parent_ms, uint64_t clock_ms) {
    if (time_ms <= parent_ms) return 0;
    return time_ms - parent_ms == 1 || distance(time_ms, clock_ms) <= CLOCK_MAX_MS;
}

uint64_t hkp_dsm__header_time(uint64_t wall_ms, uint64_t parent_ms, uint64_t median_ms, int after_null) {
    const uint64_t next = parent_ms + 1, wanted = wall_ms > next ? wall_ms : next;
    return after_null || distance(wanted, median_ms) > CLOCK_MAX_MS ? next : wanted;
}

uint64_t hkp_dsm__median(uint64_t *values, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint64_t v = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > v; at--) values[at] = values[at - 1];
        values[at] = v;
    }
    return values[(n - 1) / 2];
}

uint64_t hkp_dsm__block_time(const struct hkp_dsm__block_clock *c) {
    const uint64_t next = c->prev_us + 1;
    if (!c->clock_known || c->fails >= 2) return next;
    const uint64_t ahead_us = c->since_us + CLOCK_MAX_MS * 1000ULL; /* of the header, no product that wraps */
    if (c->header_ms != 0 && c->wall_us > ahead_us && (c->wall_us - ahead_us - 1) / 1000 >= c->header_ms)
        return next;
    return c->wall_us > next ? c->wall_us : next;
}

uint64_t hkp_dsm__check_time(uint64_t wall_s, int synced, uint64_t header_ms, uint64_t build_s) {
    uint64_t now_s = wall_s;
    if (synced) return now_s;
    if (header_ms / 1000 > now_s) now_s = header_ms / 1000;
    return build_s > now_s ? build_s : now_s;
}
