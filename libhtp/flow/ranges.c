/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/flow/ranges.h"

#include <string.h>

/* Index of the first range that ends at or above lo, so that [lo, ...) may join it. */
static unsigned first_reaching(const struct hkp_htp__ranges *s, uint64_t lo) {
    unsigned i = s->count;
    while (i > 0 && s->r[i - 1].hi >= lo) i--; /* from the top: what comes is mostly new */
    return i;
}

static void delete_ranges(struct hkp_htp__ranges *s, unsigned at, unsigned n) {
    memmove(s->r + at, s->r + at + n, (s->count - at - n) * sizeof *s->r);
    s->count -= n;
}

int hkp_htp__ranges_add(struct hkp_htp__ranges *s, uint64_t lo, uint64_t hi) {
    unsigned i = first_reaching(s, lo), n = 0;
    while (i + n < s->count && s->r[i + n].lo <= hi) n++;
    if (n == 0) {
        if (s->count == s->cap) return 0;
        memmove(s->r + i + 1, s->r + i, (s->count - i) * sizeof *s->r);
        s->r[i] = (struct hkp_htp__range){lo, hi};
        s->count++;
        return 1;
    }
    if (s->r[i].lo < lo) lo = s->r[i].lo;
    if (s->r[i + n - 1].hi > hi) hi = s->r[i + n - 1].hi;
    s->r[i] = (struct hkp_htp__range){lo, hi};
    delete_ranges(s, i + 1, n - 1);
    return 1;
}

void hkp_htp__ranges_cover(struct hkp_htp__ranges *s, uint64_t lo, uint64_t hi) {
    if (hkp_htp__ranges_add(s, lo, hi)) return;
    unsigned i =
        first_reaching(s, lo); /* full and touching none: i is the range above, i - 1 the one below */
    if (i == s->count || (i > 0 && lo - s->r[i - 1].hi <= s->r[i].lo - hi)) {
        s->r[i - 1].hi = hi;
    } else {
        s->r[i].lo = lo;
    }
}

void hkp_htp__ranges_remove(struct hkp_htp__ranges *s, uint64_t lo, uint64_t hi) {
    for (unsigned i = s->count; i-- > 0;) {
        struct hkp_htp__range *r = &s->r[i];
        if (r->hi <= lo) return;
        if (r->lo >= hi) continue;
        if (r->lo >= lo && r->hi <= hi) {
            delete_ranges(s, i, 1);
        } else if (r->lo >= lo) {
            r->lo = hi;
        } else if (r->hi <= hi) {
            r->hi = lo;
        } else if (s->count < s->cap) {
            memmove(r + 1, r, (s->count - i) * sizeof *r);
            s->count++;
            r[0].hi = lo;
            r[1].lo = hi;
        }
    }
}

int hkp_htp__ranges_has(const struct hkp_htp__ranges *s, uint64_t lo, uint64_t hi) {
    for (unsigned i = s->count; i-- > 0;)
        if (s->r[i].lo <= lo) return s->r[i].hi >= hi;
    return 0;
}
