/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/gossip/score.h"

#include <string.h>

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)

enum { GREY_MINUTES = 10, DAY_MINUTES = 24 * 60, DECAY = 8 };

static const struct {
    uint32_t a_second, burst;
    uint32_t times_for_members;
} rates[HKP_DSM__RATES] = {
    {200, 400, 32}, {10, 50, 32}, {50, 500, 1}, {200, 2000, 1}, {256 << 10, 1 << 20, 1},
    {5, 20, 1},     {4, 16, 8},   {1, 4, 1},    {2, 8, 4},      {4 << 20, 4 << 20, 4},
    {4, 32, 1}};

void hkp_dsm__score_init(struct hkp_dsm__score *s, hkp_time now) {
    *s = (struct hkp_dsm__score){.minute = now};
    for (uint32_t i = 0; i < HKP_DSM__RATES; i++) {
        s->rate[i].tokens = UINT64_MAX; /* full, whoever it is */
        s->rate[i].at = now;
    }
}

/* Thousandths a second and in a burst. */
static uint64_t speed(uint32_t rate, int member, uint32_t eighths, uint64_t *burst) {
    const uint64_t times = (member ? rates[rate].times_for_members : 1) * 125ULL * eighths;
    *burst = rates[rate].burst * times;
    return rates[rate].a_second * times;
}

static int take(struct hkp_dsm__score *s, hkp_time now, uint32_t rate, uint32_t amount, int member,
                uint32_t eighths) {
    uint64_t full = 0, a_second = speed(rate, member, eighths, &full);
    uint64_t *tokens = &s->rate[rate].tokens, passed = now - s->rate[rate].at;
    const uint64_t need = (uint64_t)amount * 1000 < full ? (uint64_t)amount * 1000 : full;
    if (passed > 3600 * SECOND) passed = 3600 * SECOND;
    if (*tokens > full) *tokens = full;
    /* in two steps, so that nothing overflows and nothing is lost to rounding but below a thousandth */
    const uint64_t more = passed / SECOND * a_second + passed % SECOND * a_second / SECOND;
    if (more > 0) {
        *tokens += more;
        s->rate[rate].at = now;
    }
    if (*tokens > full) *tokens = full;
    if (*tokens < need) return 0;
    *tokens -= need;
    return 1;
}

int hkp_dsm__score_take(struct hkp_dsm__score *s, hkp_time now, uint32_t rate, uint32_t amount, int member) {
    return take(s, now, rate, amount, member, 8);
}

int hkp_dsm__score_pace(struct hkp_dsm__score *s, hkp_time now, uint32_t rate, uint32_t amount, int member) {
    return take(s, now, rate, amount, member, 7);
}

hkp_time hkp_dsm__score_pace_at(const struct hkp_dsm__score *s, uint32_t rate, uint32_t amount, int member) {
    uint64_t full = 0, a_second = speed(rate, member, 7, &full), need = (uint64_t)amount * 1000;
    if (need > full) need = full;
    if (s->rate[rate].tokens >= need) return s->rate[rate].at;
    need -= s->rate[rate].tokens;
    return s->rate[rate].at + need / a_second * SECOND + need % a_second * SECOND / a_second + 1;
}

static int32_t decayed(int32_t v) {
    if (v == 0) return 0;
    const int32_t step = v / DECAY;
    return v - (step != 0 ? step : v > 0 ? 1 : -1);
}

int32_t hkp_dsm__score_now(struct hkp_dsm__score *s, hkp_time now) {
    for (; now - s->minute >= MINUTE && (s->score != 0 || s->praise != 0); s->minute += MINUTE) {
        s->score = decayed(s->score);
        s->praise = decayed(s->praise);
    }
    if (now - s->minute >= MINUTE) s->minute = now;
    return s->score;
}

int32_t hkp_dsm__score_add(struct hkp_dsm__score *s, hkp_time now, int32_t points) {
    hkp_dsm__score_now(s, now);
    if (points > 0) {
        const int32_t room = HKP_DSM__SCORE_PRAISE_MAX - s->praise;
        if (points > room) points = room;
        s->praise += points;
    }
    if (s->score > -1000000) s->score += points;
    return s->score;
}

static struct hkp_dsm__grey_entry *find(const struct hkp_dsm__grey *g, const uint8_t node_id[16]) {
    for (uint32_t i = 0; i < g->cap; i++)
        if (g->entries[i].times != 0 && memcmp(g->entries[i].node_id, node_id, 16) == 0)
            return &g->entries[i];
    return NULL;
}

hkp_time hkp_dsm__grey_add(struct hkp_dsm__grey *g, hkp_time now, const uint8_t node_id[16]) {
    struct hkp_dsm__grey_entry *e = find(g, node_id);
    if (e == NULL) {
        e = &g->entries[0];
        for (uint32_t i = 1; i < g->cap && e->times != 0; i++)
            if (g->entries[i].times == 0 || g->entries[i].until < e->until) e = &g->entries[i];
        *e = (struct hkp_dsm__grey_entry){0};
        memcpy(e->node_id, node_id, 16);
    }
    if (e->until + DAY_MINUTES * MINUTE < now) e->times = 0;
    uint64_t minutes = GREY_MINUTES;
    for (uint32_t i = 0; i < e->times && minutes < DAY_MINUTES; i++) minutes *= 2;
    if (minutes > DAY_MINUTES) minutes = DAY_MINUTES;
    if (e->times < 32) e->times++;
    return e->until = now + minutes * MINUTE;
}

int hkp_dsm__grey_has(const struct hkp_dsm__grey *g, hkp_time now, const uint8_t node_id[16]) {
    const struct hkp_dsm__grey_entry *e = find(g, node_id);
    return e != NULL && now < e->until;
}
