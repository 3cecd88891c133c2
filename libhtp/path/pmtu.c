/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/path/pmtu.h"

#include <string.h>

enum {
    TRIES = 3,
    /** rounds in which larger packets are lost and none arrives */
    ROUNDS = 4,
    /** a search ends when the answer is known to within so many bytes */
    NEAR = 64,
    /** eight full packets, as bits */
    BEGIN = 0xFF
};

void hkp_htp__pmtu_init(struct hkp_htp__pmtu *p, uint32_t limit, uint64_t since) {
    memset(p, 0, sizeof *p);
    p->good = HKP_HTP__PMTU_BASE;
    p->limit = limit;
    p->bad = limit + 1;
    p->since = since;
}

/* What many links carry, in ascending order; then all that may be, then the middle of what is left. */
static uint32_t next_size(const struct hkp_htp__pmtu *p, int is_v4) {
    const uint32_t usual[] = {1280, 1400, is_v4 ? 1452 : 1432};
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (usual[i] > p->good && usual[i] < p->bad) return usual[i];
    if (p->bad > p->limit) return p->good < p->limit ? p->limit : 0;
    return p->bad - p->good > NEAR ? p->good + (p->bad - p->good) / 2 : 0;
}

uint32_t hkp_htp__pmtu_wants(const struct hkp_htp__pmtu *p, hkp_time now, int is_v4) {
    if (p->probe != 0 || p->full != BEGIN || now < p->again) return 0;
    return next_size(p, is_v4);
}

void hkp_htp__pmtu_sent(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn) {
    p->probe = size;
    p->pn = pn;
}

int hkp_htp__pmtu_acked(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn) {
    if (pn < p->since) return 0;
    if (size == p->probe) p->probe = p->tries = 0;
    if (size <= p->good || size >= p->bad) return 0;
    p->good = size;
    return 1;
}

static void too_large(struct hkp_htp__pmtu *p, uint32_t size) {
    p->probe = p->tries = 0;
    p->bad = size;
}

void hkp_htp__pmtu_lost(struct hkp_htp__pmtu *p, uint64_t pn) {
    if (p->probe == 0 || pn != p->pn) return;
    const uint32_t size = p->probe;
    p->probe = 0;
    if (++p->tries >= TRIES) too_large(p, size);
}

int hkp_htp__pmtu_vanished(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn, uint64_t next) {
    if (size <= HKP_HTP__PMTU_BASE || pn < p->since) return 0;
    if (p->rounds == 0 || size < p->vanished) p->vanished = size;
    if (p->rounds > 0 && pn < p->round_from) return 0;
    p->round_from = next;
    return ++p->rounds >= ROUNDS;
}

int hkp_htp__pmtu_refused(struct hkp_htp__pmtu *p, uint32_t size) {
    if (size <= HKP_HTP__PMTU_BASE || size >= p->bad) return 0;
    const int shrinks = size <= p->good;
    if (shrinks) p->good = HKP_HTP__PMTU_BASE;
    too_large(p, size);
    return shrinks;
}

int hkp_htp__pmtu_restart(struct hkp_htp__pmtu *p, hkp_time again, uint64_t since) {
    const int shrinks = p->good > HKP_HTP__PMTU_BASE;
    hkp_htp__pmtu_init(p, p->limit, since);
    p->again = again;
    return shrinks;
}

void hkp_htp__pmtu_follow(struct hkp_htp__pmtu *p, const struct hkp_htp__pmtu *other, uint64_t since) {
    *p = *other;
    p->probe = p->tries = 0;
    p->since = since;
}
