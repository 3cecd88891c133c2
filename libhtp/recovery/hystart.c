/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HyStart++, RFC 9406 section 4.2, for a sender that paces (L is infinite). */
#include <string.h>

#include "libhtp/recovery/congestion.h"

enum { SAMPLES = 8, RTT_DIVISOR = 8, GROWTH_DIVISOR = 4, ROUNDS = 5 };

#define THRESHOLD_LEAST 4000000ULL
#define THRESHOLD_MOST 16000000ULL

void hkp_htp__hystart_begin(struct hkp_htp__hystart *h) { memset(h, 0, sizeof *h); }

static uint64_t threshold(uint64_t rtt) {
    uint64_t t = rtt / RTT_DIVISOR;
    if (t < THRESHOLD_LEAST) return THRESHOLD_LEAST;
    return t < THRESHOLD_MOST ? t : THRESHOLD_MOST;
}

/* Round trips got longer: slow down; they got shorter again: it was nothing. */
static void judge(struct hkp_htp__hystart *h) {
    if (h->samples < SAMPLES) return;
    if (h->conservative) {
        if (h->now_min < h->baseline) h->conservative = 0;
    } else if (h->last_min != 0 && h->now_min >= h->last_min + threshold(h->last_min)) {
        h->conservative = 1;
        h->rounds = 0;
        h->baseline = h->now_min;
    }
}

uint32_t hkp_htp__hystart_on_acked(struct hkp_htp__hystart *h, const struct hkp_htp__cc_ack *ack,
                                   int *leave) {
    *leave = 0;
    if (h->round_end == 0 || ack->end > h->round_end) {
        if (h->conservative && ++h->rounds >= ROUNDS) *leave = 1;
        h->round_end = ack->next;
        h->last_min = h->now_min;
        h->now_min = 0;
        h->samples = 0;
    }
    if (ack->rtt != 0) {
        if (h->now_min == 0 || ack->rtt < h->now_min) h->now_min = ack->rtt;
        if (h->samples < UINT16_MAX) h->samples++;
        judge(h);
    }
    return h->conservative ? ack->bytes / GROWTH_DIVISOR : ack->bytes;
}
