/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A bounded set of numbers as ascending, disjoint, not touching ranges [lo, hi). */
#ifndef HKP_LIBHTP_RANGES_H
#define HKP_LIBHTP_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct hkp_htp__range {
    uint64_t lo, hi;
};

/** The storage r[cap] is the owner's; count ranges are in use. */
struct hkp_htp__ranges {
    struct hkp_htp__range *r;
    unsigned count, cap;
};

/** Adds [lo, hi), lo < hi. 0: it would need another range and all are in use; nothing changed. */
int hkp_htp__ranges_add(struct hkp_htp__ranges *set, uint64_t lo, uint64_t hi);

/** Adds [lo, hi) and, where the set is full, what lies between it and the nearest range. */
void hkp_htp__ranges_cover(struct hkp_htp__ranges *set, uint64_t lo, uint64_t hi);

/** Takes [lo, hi) out; a hole inside a range of a full set stays filled. */
void hkp_htp__ranges_remove(struct hkp_htp__ranges *set, uint64_t lo, uint64_t hi);

/** 1 if all of [lo, hi) is in the set. */
int hkp_htp__ranges_has(const struct hkp_htp__ranges *set, uint64_t lo, uint64_t hi);

#endif
