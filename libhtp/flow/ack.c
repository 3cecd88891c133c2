/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/flow/ack.h"

#include <string.h>

#include "libhtp/recovery/ecn.h"
#include "libter/bytes.h"

enum {
    /** the first packets of a session, and after a gap, are told more often, so that the peer's window opens
     */
    EARLY_PACKETS = 64,
    EARLY_EVERY = 2,
    LATER_EVERY = 8
};

enum { RANGES_MOST = HKP_HTP__ACK_RANGES_MAX + 1 };

_Static_assert(RANGES_MOST * sizeof(struct hkp_htp__range) <= HKP_HTP__SMALL_SIZE,
               "all ranges are one object");

void hkp_htp__acks_init(struct hkp_htp__acks *a, struct hkp_htp__pools *pools) {
    memset(a, 0, sizeof *a);
    a->pools = pools;
    a->seen = (struct hkp_htp__ranges){a->held, 0, HKP_HTP__ACK_RANGES_HELD};
    a->due = HKP_TIME_NEVER;
    a->early = EARLY_PACKETS;
    a->every = LATER_EVERY;
}

/* More room; without it the oldest range is forgotten, which costs the peer a packet sent again. */
static void widen(struct hkp_htp__acks *a) {
    struct hkp_htp__range *more = a->seen.r == a->held ? hkp_htp__small_take(a->pools) : NULL;
    if (more == NULL) return;
    memcpy(more, a->held, sizeof a->held);
    a->seen.r = more;
    a->seen.cap = RANGES_MOST;
}

static void narrow(struct hkp_htp__acks *a) {
    if (a->seen.r == a->held || a->seen.count > HKP_HTP__ACK_RANGES_HELD) return;
    memcpy(a->held, a->seen.r, sizeof a->held);
    hkp_htp__small_give(a->pools, a->seen.r);
    a->seen.r = a->held;
    a->seen.cap = HKP_HTP__ACK_RANGES_HELD;
}

void hkp_htp__acks_clear(struct hkp_htp__acks *a) {
    while (a->seen.count > HKP_HTP__ACK_RANGES_HELD)
        hkp_htp__ranges_remove(&a->seen, a->seen.r[0].lo, a->seen.r[0].hi);
    narrow(a);
}

int hkp_htp__acks_mark(struct hkp_htp__acks *a, uint8_t ecn) {
    a->ect0 += ecn == HKP_HTP__ECN_ECT0;
    a->ce += ecn == HKP_HTP__ECN_CE;
    return ecn == HKP_HTP__ECN_CE;
}

void hkp_htp__acks_note(struct hkp_htp__acks *a, uint64_t pn, int eliciting, int urgent, hkp_time now) {
    struct hkp_htp__ranges *s = &a->seen;
    /* In order: the number after the largest. Anything else is a gap or reordering. */
    int in_order = s->count == 0 ? pn == 0 : pn == hkp_htp__acks_largest(a) + 1;
    int newest = s->count == 0 || pn > hkp_htp__acks_largest(a);
    int known = hkp_htp__ranges_add(s, pn, pn + 1);
    if (!known) {
        widen(a);
        known = hkp_htp__ranges_add(s, pn, pn + 1);
    }
    if (!known) {
        if (pn < s->r[0].lo) return; /* older than all that is remembered */
        hkp_htp__ranges_remove(s, s->r[0].lo, s->r[0].hi);
        (void)hkp_htp__ranges_add(s, pn, pn + 1);
    }
    narrow(a); /* a gap was filled */
    if (!in_order) a->early = EARLY_PACKETS;
    unsigned every = a->early > 0 ? EARLY_EVERY : a->every;
    if (a->early > 0) a->early--;
    if (newest) a->largest_time = now;
    if (!eliciting) return;
    a->waiting++;
    hkp_time due = urgent || !in_order || a->waiting >= every ? now : now + HKP_HTP__ACK_DELAY_NS;
    if (due < a->due) a->due = due;
}

/* gap and len of an ACK are u16; a range or gap that is longer ends the list. */
static unsigned write_ranges(const struct hkp_htp__ranges *s, uint8_t *dst, unsigned most) {
    unsigned n = 0;
    for (unsigned i = s->count - 1; i-- > 0 && n < most; n++) {
        uint64_t gap = s->r[i + 1].lo - s->r[i].hi, len = s->r[i].hi - s->r[i].lo;
        if (gap > UINT16_MAX) break;
        hkp_put_be16(dst + 4U * n, (uint16_t)gap);
        hkp_put_be16(dst + 4U * n + 2, (uint16_t)(len > UINT16_MAX ? UINT16_MAX : len));
        if (len > UINT16_MAX) return n + 1;
    }
    return n;
}

size_t hkp_htp__acks_write(struct hkp_htp__acks *a, hkp_time now, uint8_t *dst, size_t room) {
    const struct hkp_htp__ranges *s = &a->seen;
    const size_t counts = a->ect0 != 0 || a->ce != 0 ? 8 : 0;
    if (s->count == 0 || room < 16 + counts) return 0;
    size_t most = (room - 16 - counts) / 4;
    if (most > HKP_HTP__ACK_RANGES_MAX) most = HKP_HTP__ACK_RANGES_MAX;
    const struct hkp_htp__range *top = &s->r[s->count - 1];
    uint64_t first = top->hi - top->lo, delay = (now - a->largest_time) / 16000;
    unsigned n = first > UINT32_MAX ? 0 : write_ranges(s, dst + 16, (unsigned)most);
    dst[0] = HKP_HTP__F_ACK;
    dst[1] = (uint8_t)(n | (counts != 0 ? 0x80U : 0));
    hkp_put_be16(dst + 2, (uint16_t)(delay > UINT16_MAX ? UINT16_MAX : delay));
    hkp_put_be64(dst + 4, top->hi - 1);
    hkp_put_be32(dst + 12, (uint32_t)(first > UINT32_MAX ? UINT32_MAX : first));
    if (counts != 0) {
        hkp_put_be32(dst + 16 + 4U * n, a->ect0);
        hkp_put_be32(dst + 20 + 4U * n, a->ce);
    }
    a->due = HKP_TIME_NEVER;
    a->waiting = 0;
    return 16 + 4U * n + counts;
}

void hkp_htp__acks_forget(struct hkp_htp__acks *a, uint64_t largest) {
    if (a->due != HKP_TIME_NEVER || largest == 0) return; /* what waits might be older than largest */
    if (largest >= hkp_htp__acks_largest(a)) largest = hkp_htp__acks_largest(a);
    hkp_htp__ranges_remove(&a->seen, 0, largest);
    narrow(a);
}
