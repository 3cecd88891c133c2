/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A BBR-like controller: after draft-ietf-ccwg-bbr (version 3), reduced. It sends at the rate at which
 * packets were seen to arrive, and keeps about two round trips of that on their way. Loss matters only where
 * a round loses more than a tenth (decision 0330): so it holds its rate on lossy links, where CUBIC cannot.
 */
#include <string.h>

#include "libhtp/recovery/congestion.h"

typedef struct hkp_htp__congestion congestion;
typedef struct hkp_htp__bbr bbr;
typedef struct hkp_htp__cc_ack cc_ack;

enum { STARTUP = 0, DRAIN, DOWN, CRUISE, REFILL, UP, PROBE_RTT };

enum {
    /** packets on their way at least, and for ACKs that come for many at once */
    LEAST_PACKETS = 4,
    AGGREGATION_PACKETS = 16,
    FULL_ROUNDS = 3,
    /** a round is lossy when it lost more than 1/10 and at least so many packets */
    LOSSY_PART = 10,
    LOSSY_PACKETS = 8,
    CRUISE_ROUNDS = 63
};

#define MS 1000000ULL
#define MIN_RTT_VALID (10000 * MS)
#define PROBE_RTT_TIME (200 * MS)
#define CRUISE_TIME (2000 * MS)

/** percent, by phase */
static const uint16_t pacing_gain[] = {277, 36, 90, 100, 100, 125, 100};
static const uint16_t window_gain[] = {200, 200, 200, 200, 200, 225, 50};

static uint64_t greatest_rate(const bbr *b) { return b->rates[0] > b->rates[1] ? b->rates[0] : b->rates[1]; }

static uint64_t rate_of(const bbr *b) {
    uint64_t rate = greatest_rate(b);
    return b->rate_low != 0 && b->rate_low < rate ? b->rate_low : rate;
}

/* Bytes that fill the path; 0: not known. Rates up to 2^36 and round trips of minutes stay in 64 bits. */
static uint64_t filled(const bbr *b, uint64_t percent) {
    return rate_of(b) * (b->min_rtt / 1000) / 1000000 * percent / 100;
}

static void enter(bbr *b, uint8_t phase, hkp_time now) {
    b->phase = phase;
    b->phase_at = now;
    b->phase_rounds = 0;
}

/* The end of a probe for more: what it found becomes the older half of the memory. */
static void enter_down(bbr *b, hkp_time now) {
    if (b->rates[1] != 0) b->rates[0] = b->rates[1];
    b->rates[1] = 0;
    b->draw = b->draw * 1664525 + 1013904223 + (uint32_t)now;
    b->probe_until =
        now + CRUISE_TIME + (b->draw >> 22) * MS; /* up to a second more: flows shall not march in step */
    enter(b, DOWN, now);
}

/* 1: a round trip ended with this ACK. */
static int take_round(bbr *b, const cc_ack *a) {
    b->round_delivered += a->bytes;
    if (a->delivered_then < b->round_end) return 0;
    b->round_end = a->delivered;
    b->rounds++;
    b->phase_rounds++;
    return 1;
}

static void take_rate(bbr *b, const cc_ack *a) {
    if (a->rate > b->rates[1] && (!a->app_limited || a->rate > greatest_rate(b))) b->rates[1] = a->rate;
}

static void take_rtt(bbr *b, const cc_ack *a) {
    if (a->rtt == 0) return;
    /* With little on its way a sample is as good as one that was probed for. */
    int old = a->now - b->min_rtt_at > MIN_RTT_VALID;
    if (b->min_rtt != 0 && a->rtt > b->min_rtt && !(old && a->app_limited)) return;
    b->min_rtt = a->rtt;
    b->min_rtt_at = a->now;
}

/* After each round: was it lossy? Then less is on its way, until a probe finds room again. */
static void take_losses(congestion *c, bbr *b, const cc_ack *a) {
    const uint64_t all = (uint64_t)b->round_delivered + b->round_lost;
    const int lossy = (uint64_t)b->round_lost * LOSSY_PART > all && b->round_lost >= LOSSY_PACKETS * c->mtu;
    b->round_delivered = b->round_lost = 0;
    if (!lossy) return;
    if (b->phase != STARTUP && b->phase != REFILL && b->phase != UP) {
        /* another's probe, perhaps: give way until our own next one */
        const uint64_t low = rate_of(b) * 7 / 10;
        b->rate_low = low > a->rate ? low : a->rate;
        return;
    }
    b->most = a->prior * 7U / 10U;
    if (b->most < LEAST_PACKETS * c->mtu) b->most = LEAST_PACKETS * c->mtu;
    if (b->phase == STARTUP) {
        enter(b, DRAIN, a->now);
    } else {
        enter_down(b, a->now);
    }
}

static void take_startup(bbr *b, const cc_ack *a) {
    if (b->phase != STARTUP || a->app_limited || a->rate == 0) return;
    uint64_t rate = greatest_rate(b);
    if (rate >= b->full_rate + b->full_rate / 4) {
        b->full_rate = rate;
        b->full_rounds = 0;
    } else if (++b->full_rounds >= FULL_ROUNDS) {
        enter(b, DRAIN, a->now);
    }
}

/* The cycle: drain what the probe queued, cruise, one round to fill the path, then ask for more. */
static void next_phase(congestion *c, bbr *b, const cc_ack *a) {
    const uint64_t path = filled(b, 100);
    switch (b->phase) {
    case DRAIN:
        if (a->in_flight <= path || b->phase_rounds > FULL_ROUNDS) enter_down(b, a->now);
        break;
    case DOWN:
        if (a->in_flight <= path || b->phase_rounds > FULL_ROUNDS) enter(b, CRUISE, a->now);
        break;
    case CRUISE:
        if (a->now < b->probe_until && b->phase_rounds < CRUISE_ROUNDS) break;
        b->rate_low = 0;
        enter(b, REFILL, a->now);
        break;
    case REFILL:
        if (b->phase_rounds >= 1) enter(b, UP, a->now);
        break;
    case UP:
        if (b->most != 0 && a->prior + c->mtu >= b->most) b->most += a->bytes;
        if (b->phase_rounds >= 1 && a->now - b->phase_at > b->min_rtt &&
            (a->prior >= filled(b, 125) || b->phase_rounds > FULL_ROUNDS))
            enter_down(b, a->now);
        break;
    default:
        break;
    }
}

/* Once in ten seconds the queue is let run empty, so that the round trip shows. */
static void probe_rtt(congestion *c, bbr *b, const cc_ack *a) {
    if (b->phase == PROBE_RTT) {
        if (a->now - b->phase_at < PROBE_RTT_TIME + b->min_rtt) return;
        b->min_rtt_at = a->now;
        c->window = b->kept > c->window ? b->kept : c->window;
        enter(b, CRUISE, a->now);
        return;
    }
    if (b->phase == STARTUP || b->min_rtt == 0 || a->now - b->min_rtt_at <= MIN_RTT_VALID) return;
    b->kept = c->window;
    b->min_rtt = a->rtt != 0 ? a->rtt : b->min_rtt; /* the path may have become longer */
    enter(b, PROBE_RTT, a->now);
}

static void set_window(congestion *c, const bbr *b, const cc_ack *a) {
    const uint64_t path = filled(b, window_gain[b->phase]);
    uint64_t target = path + AGGREGATION_PACKETS * c->mtu, window = c->window;
    if (b->phase == PROBE_RTT) target = path;
    if (b->phase == STARTUP) {
        if (window < target || a->limited) window += a->bytes;
    } else {
        window = window + a->bytes < target ? window + a->bytes : target;
    }
    uint64_t most = b->phase == CRUISE ? (uint64_t)b->most * 85 / 100 : b->most;
    if (most != 0 && window > most) window = most;
    if (window < LEAST_PACKETS * c->mtu) window = LEAST_PACKETS * c->mtu;
    c->window = (uint32_t)(window < HKP_HTP__WINDOW_MOST ? window : HKP_HTP__WINDOW_MOST);
}

static void bbr_on_acked(congestion *c, const cc_ack *a) {
    bbr *b = &c->u.bbr;
    const int round = take_round(b, a);
    take_rate(b, a);
    take_rtt(b, a);
    if (round) {
        take_startup(b, a);
        take_losses(c, b, a);
    }
    next_phase(c, b, a);
    probe_rtt(c, b, a);
    set_window(c, b, a);
}

static void bbr_on_lost(congestion *c, const struct hkp_htp__cc_loss *loss) {
    c->u.bbr.round_lost += loss->bytes;
    if (loss->persistent) c->window = HKP_HTP__WINDOW_LEAST * c->mtu;
}

/* A mark tells of a queue as a lossy round does, once for each round trip. */
static void bbr_on_ecn(congestion *c, const struct hkp_htp__cc_loss *mark) {
    bbr *b = &c->u.bbr;
    if (c->recovery_start != 0 && mark->sent <= c->recovery_start) return;
    c->recovery_start = mark->now;
    b->most = (uint32_t)((uint64_t)mark->prior * 17 / 20);
    if (b->most < LEAST_PACKETS * c->mtu) b->most = LEAST_PACKETS * c->mtu;
    if (b->phase == STARTUP) enter(b, DRAIN, mark->now);
    if (b->phase == UP || b->phase == REFILL) enter_down(b, mark->now);
    if (c->window > b->most) c->window = b->most;
}

static void bbr_init(congestion *c) { (void)c; } /* all zero: startup, nothing known */

/* One per cent below what was measured, so that queues empty. */
static uint64_t bbr_rate(const congestion *c, uint64_t srtt) {
    const bbr *b = &c->u.bbr;
    uint64_t rate = rate_of(b), least = hkp_htp__per_second(c->window / 2, srtt);
    if (rate == 0 || (b->phase == STARTUP && rate < least)) rate = least;
    return rate * pacing_gain[b->phase] / 100 * 99 / 100 + 1;
}

const struct hkp_htp__controller hkp_htp__bbr = {.init = bbr_init,
                                                 .on_acked = bbr_on_acked,
                                                 .on_lost = bbr_on_lost,
                                                 .on_ecn = bbr_on_ecn,
                                                 .pacing_rate = bbr_rate};
