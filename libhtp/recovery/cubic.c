/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * CUBIC, RFC 9438, in integers: bytes, milliseconds from the middle of the curve, C = 0.4 packets a cubic
 * second, beta = 0.7. Slow start is left as HyStart++ says, or by a loss.
 */
#include <string.h>

#include "libhtp/recovery/congestion.h"

typedef struct hkp_htp__congestion congestion;
typedef struct hkp_htp__cubic cubic;

enum {
    /** far beyond any epoch; 4 mtu t^3 stays in 64 bits for an mtu of 65535 */
    CURVE_MOST_MS = 40000,
    EST_SHIFT = 10
};

/* W_cubic - W_max = C t^3, bytes: 0.4 mtu (t / 1000)^3. */
static uint64_t curve(uint64_t mtu, uint64_t ms) {
    if (ms > CURVE_MOST_MS) ms = CURVE_MOST_MS;
    return 4 * mtu * ms * ms * ms / 10000000000U;
}

/* The greatest r with r^3 <= x, bit by bit. */
static uint32_t cube_root(uint64_t x) {
    uint64_t r = 0;
    for (int s = 63; s >= 0; s -= 3) {
        r *= 2;
        uint64_t step = 3 * r * (r + 1) + 1;
        if (x >> s < step) continue;
        x -= step << s;
        r++;
    }
    return (uint32_t)r;
}

/* K = cbrt((W_max - cwnd_epoch) / C), ms. The quotient is at most 2^28 10^10 / (4 * 64). */
static uint32_t time_to(uint64_t mtu, uint64_t bytes) {
    if (bytes > UINT64_MAX / 10000000000U) bytes = UINT64_MAX / 10000000000U;
    return cube_root(bytes * 10000000000U / (4 * mtu));
}

static void cubic_init(congestion *c) {
    c->u.cubic.threshold = UINT32_MAX;
    hkp_htp__hystart_begin(&c->u.cubic.hystart);
}

/* RFC 9438 4.2: W_cubic(t) by the curve around K. */
static uint64_t w_cubic(const congestion *c, uint64_t ms) {
    const cubic *q = &c->u.cubic;
    if (ms >= q->k_ms) return q->w_max + curve(c->mtu, ms - q->k_ms);
    uint64_t below = curve(c->mtu, q->k_ms - ms);
    return below < q->w_max ? q->w_max - below : 0;
}

/* RFC 9438 4.2, 4.8: after slow start without loss the curve begins at its flat middle. */
static void begin_epoch(congestion *c, const struct hkp_htp__cc_ack *ack) {
    cubic *q = &c->u.cubic;
    q->in_epoch = 1;
    q->elapsed = 0;
    q->last = ack->now;
    q->w_est = (uint64_t)c->window << EST_SHIFT;
    q->rest = 0;
    if (q->w_max < c->window) {
        q->w_max = c->window;
        q->k_ms = 0;
    } else {
        q->k_ms = time_to(c->mtu, q->w_max - c->window);
    }
}

/* RFC 9438 4.3 to 4.5: what Reno would have, then the curve one round trip ahead. */
static void avoid_congestion(congestion *c, const struct hkp_htp__cc_ack *ack) {
    cubic *q = &c->u.cubic;
    if (!q->in_epoch) begin_epoch(c, ack);
    uint64_t idle = ack->now - q->last;
    q->last = ack->now;
    if (!ack->limited) return; /* RFC 9438 5.8: time without need for the window does not count */
    q->elapsed += idle;
    /* alpha = 3 (1 - beta) / (1 + beta) = 9/17 until W_est is where the window was before */
    uint64_t growth = ((uint64_t)ack->fresh << EST_SHIFT) * c->mtu / c->window;
    q->w_est += q->w_est >> EST_SHIFT < q->prior ? growth * 9 / 17 : growth;
    const uint64_t ms = q->elapsed / 1000000, est = q->w_est >> EST_SHIFT;
    if (w_cubic(c, ms) < est) {
        if (est > c->window) c->window = (uint32_t)(est < HKP_HTP__WINDOW_MOST ? est : HKP_HTP__WINDOW_MOST);
        return;
    }
    uint64_t target = w_cubic(c, ms + ack->srtt / 1000000);
    if (target > c->window + c->window / 2) target = c->window + c->window / 2;
    if (target <= c->window) return;
    q->rest += (target - c->window) * ack->fresh;
    c->window += (uint32_t)(q->rest / c->window);
    q->rest %= c->window;
}

static void cubic_on_acked(congestion *c, const struct hkp_htp__cc_ack *ack) {
    cubic *q = &c->u.cubic;
    if (ack->fresh == 0 || c->window >= HKP_HTP__WINDOW_MOST) return;
    if (c->window >= q->threshold) {
        avoid_congestion(c, ack);
        return;
    }
    int leave;
    uint32_t growth = hkp_htp__hystart_on_acked(&q->hystart, ack, &leave);
    if (ack->limited) c->window += growth;
    if (leave) q->threshold = c->window;
}

static void cubic_on_sent(congestion *c, hkp_time now, uint32_t in_flight) {
    cubic *q = &c->u.cubic;
    if (in_flight == 0 && q->in_epoch) q->last = now; /* nothing was on its way: the curve stood still */
}

static void reduce(congestion *c, const struct hkp_htp__cc_loss *loss) {
    cubic *q = &c->u.cubic;
    const uint32_t least = HKP_HTP__WINDOW_LEAST * c->mtu;
    q->undo_window = c->window;
    q->undo_threshold = q->threshold;
    q->undo_w_max = q->w_max;
    q->reduced = 1;
    c->recovery_start = loss->now;
    q->prior = c->window;
    /* RFC 9438 4.7: fast convergence leaves room for others when the window did not reach its old top. */
    q->w_max = c->window < q->w_max ? (uint32_t)((uint64_t)c->window * 17 / 20) : c->window;
    c->window = (uint32_t)((uint64_t)c->window * 7 / 10);
    if (c->window < least) c->window = least;
    q->threshold = c->window;
    q->in_epoch = 0;
}

static void cubic_on_lost(congestion *c, const struct hkp_htp__cc_loss *loss) {
    cubic *q = &c->u.cubic;
    if (c->recovery_start == 0 || loss->sent > c->recovery_start) reduce(c, loss);
    if (!loss->persistent) return;
    /* RFC 9438 4.8, RFC 9002 7.6.2: as after a timeout, slow start from the least window up to ssthresh. */
    c->window = HKP_HTP__WINDOW_LEAST * c->mtu;
    c->recovery_start = 0;
    q->in_epoch = q->reduced = 0;
    hkp_htp__hystart_begin(&q->hystart);
}

/* RFC 9438 4.9.2: the packets were late, not lost. */
static void cubic_on_spurious(congestion *c) {
    cubic *q = &c->u.cubic;
    if (!q->reduced || c->window >= q->undo_window) return;
    c->window = q->undo_window;
    q->threshold = q->undo_threshold;
    q->w_max = q->undo_w_max;
    q->in_epoch = q->reduced = 0;
    c->recovery_start = 0;
}

/* HTP-10.5: 1.25 cwnd / srtt; in slow start 2, so that the window can double (decision 0331). */
static uint64_t cubic_rate(const congestion *c, uint64_t srtt) {
    const uint64_t window = c->window;
    return hkp_htp__per_second(window < c->u.cubic.threshold ? 2 * window : window + window / 4, srtt);
}

const struct hkp_htp__controller hkp_htp__cubic = {.init = cubic_init,
                                                   .on_sent = cubic_on_sent,
                                                   .on_acked = cubic_on_acked,
                                                   .on_lost = cubic_on_lost,
                                                   .on_ecn = cubic_on_lost,
                                                   .on_spurious = cubic_on_spurious,
                                                   .pacing_rate = cubic_rate};
