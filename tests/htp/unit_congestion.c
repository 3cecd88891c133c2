/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The controllers alone: CUBIC against RFC 9438 in floating point, HyStart++ against RFC 9406, pacing
 * (HTP-10.5). */
#include "flow_net.h"

enum { MTU = 1200 };

#define MILLI 1000000ULL

static struct hkp_htp__congestion fresh(void) {
    struct hkp_htp__congestion c;
    hkp_htp__congestion_init(&c, &hkp_htp__cubic, MTU);
    return c;
}

static void lose(struct hkp_htp__congestion *c, hkp_time sent, hkp_time now, int persistent) {
    struct hkp_htp__cc_loss loss = {
        .now = now, .sent = sent, .bytes = MTU, .persistent = (uint8_t)persistent};
    c->ops->on_lost(c, &loss);
}

/* A packet acknowledged, which was sent after the last loss. */
static void ack_one(struct hkp_htp__congestion *c, hkp_time now, uint64_t rtt, int limited) {
    struct hkp_htp__cc_ack a = {.now = now,
                                .bytes = MTU,
                                .fresh = MTU,
                                .prior = c->window,
                                .rtt = rtt,
                                .srtt = rtt,
                                .min_rtt = rtt,
                                .limited = (uint8_t)limited};
    c->ops->on_acked(c, &a);
}

static double near_by(double a, double b) { return a > b ? a / b : b / a; }

/* ---- CUBIC. */

static void windows_begin_and_end_as_htp_10_5_says(void) {
    static const struct {
        uint32_t mtu, window;
    } of[] = {{1200, 12000}, {1472, 14720}, {2000, 14720}, {9000, 18000}};
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct hkp_htp__congestion c;
        hkp_htp__congestion_init(&c, &hkp_htp__cubic, of[i].mtu);
        CHECK_EQ(c.window, of[i].window);
        for (hkp_time t = 10; t < 200; t += 10) lose(&c, t, t + 1, 0);
        CHECK_EQ(c.window, 2 * of[i].mtu);
        hkp_htp__congestion_set_mtu(&c, 2 * of[i].mtu);
        CHECK_EQ(c.window, 4 * of[i].mtu);
    }
}

static void a_window_that_is_not_used_does_not_grow(void) {
    struct hkp_htp__congestion c = fresh();
    ack_one(&c, 1000, 20 * MILLI, 0);
    CHECK_EQ(c.window, 12000);
    ack_one(&c, 1000, 20 * MILLI, 1);
    CHECK_EQ(c.window, 13200);
    lose(&c, 1000, 2000, 0);
    for (int i = 1; i < 1000; i++) ack_one(&c, (hkp_time)i * 20 * MILLI, 20 * MILLI, 0);
    CHECK_EQ(c.window, 9240);
    /* RFC 9438 5.8: that time did not count; the curve begins where it stood */
    for (int i = 0; i < 7; i++) ack_one(&c, 20000 * MILLI, 20 * MILLI, 1);
    CHECK(c.window < 9240 + MTU);
}

/* One reduction for what was sent before it. */
static void losses_of_one_round_trip_count_once(void) {
    struct hkp_htp__congestion c = fresh();
    lose(&c, 5, 10, 0);
    CHECK_EQ(c.window, 8400);
    lose(&c, 10, 12, 0);
    CHECK_EQ(c.window, 8400);
    lose(&c, 11, 20, 0);
    CHECK_EQ(c.window, 5880);
    /* RFC 9438 4.7: below its old top the window remembers 0.85 of itself */
    CHECK_EQ(c.u.cubic.w_max, 8400 * 17 / 20);
}

/* K by bisection: C K^3 = W_max - W. */
static double solve(double packets) {
    double lo = 0, hi = 1000;
    for (int i = 0; i < 200; i++) {
        double mid = (lo + hi) / 2;
        if (0.4 * mid * mid * mid < packets) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* RFC 9438 4.2 to 4.4 as they stand, in packets and seconds. */
struct model {
    double window, w_max, prior, k, est, start;
};

static void model_ack(struct model *m, double now, double rtt) {
    double t = now - m->start;
    m->est += (m->est < m->prior ? 3 * (1 - 0.7) / (1 + 0.7) : 1) / m->window;
    double cubic = 0.4 * (t - m->k) * (t - m->k) * (t - m->k) + m->w_max;
    if (cubic < m->est) {
        if (m->est > m->window) m->window = m->est;
        return;
    }
    t += rtt;
    double target = 0.4 * (t - m->k) * (t - m->k) * (t - m->k) + m->w_max;
    if (target > 1.5 * m->window) target = 1.5 * m->window;
    if (target > m->window) m->window += (target - m->window) / m->window;
}

/* From a loss at a window of so many packets; greatest ratio of window to model. *reached: ratio to W_max at
 * K. */
static double follow(uint32_t packets, uint64_t rtt, double seconds, double *reached) {
    struct hkp_htp__congestion c = fresh();
    c.window = packets * MTU;
    hkp_time now = 1000 * MILLI;
    lose(&c, now - 1, now, 0);
    struct model m = {.window = packets * 0.7, .w_max = packets, .prior = packets, .est = packets * 0.7};
    m.k = solve(packets * 0.3);
    now += rtt;
    m.start = (double)now / 1e9;
    double worst = 1;
    *reached = 0;
    while ((double)now / 1e9 < m.start + seconds) {
        ack_one(&c, now, rtt, 1);
        model_ack(&m, (double)now / 1e9, (double)rtt / 1e9);
        double off = near_by(c.window / (double)MTU, m.window);
        if (off > worst) worst = off;
        if (*reached == 0 && (double)now / 1e9 >= m.start + m.k) *reached = c.window / (double)MTU / packets;
        now += rtt * MTU / c.window;
    }
    return worst;
}

static void the_window_follows_the_curve_of_rfc_9438(void) {
    static const struct {
        uint32_t packets;
        uint64_t rtt;
        double seconds;
    } of[] = {{1000, 100 * MILLI, 20}, {5000, 20 * MILLI, 25}, {200, 300 * MILLI, 15}, {30, 200 * MILLI, 10}};
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        double reached, worst = follow(of[i].packets, of[i].rtt, of[i].seconds, &reached);
        CHECK(worst < 1.01);
        CHECK(reached > 0.95 && reached < 1.05);
    }
}

/* RFC 9438 4.3: on short paths it takes what Reno would. */
static void on_short_paths_the_window_follows_reno(void) {
    double reached, worst = follow(20, 5 * MILLI, 3, &reached);
    CHECK(worst < 1.01);
    CHECK(reached > 1.5); /* the curve alone would only be back at the old window */
}

static void persistent_congestion_begins_again(void) {
    struct hkp_htp__congestion c = fresh();
    c.window = 100 * MTU;
    lose(&c, 5, 10, 1);
    CHECK_EQ(c.window, 2 * MTU);
    CHECK_EQ(c.u.cubic.threshold, 70 * MTU);
    ack_one(&c, 100, 20 * MILLI, 1);
    CHECK_EQ(c.window, 3 * MTU);
}

static void a_reduction_that_was_wrong_is_taken_back(void) {
    struct hkp_htp__congestion c = fresh();
    c.window = 100 * MTU;
    lose(&c, 5, 10, 0);
    CHECK_EQ(c.window, 70 * MTU);
    c.ops->on_spurious(&c);
    CHECK_EQ(c.window, 100 * MTU);
    CHECK_EQ(c.u.cubic.threshold, UINT32_MAX);
    c.ops->on_spurious(&c); /* once */
    CHECK_EQ(c.window, 100 * MTU);
    lose(&c, 20, 30, 1);
    c.ops->on_spurious(&c);
    CHECK_EQ(c.window, 2 * MTU); /* all was quiet for 3 PTOs: that was no reordering */
}

/* ---- HyStart++. */

struct rounds {
    struct hkp_htp__hystart h;
    uint64_t order;
    int leave;
    uint32_t growth;
};

/* A round of so many samples, all of one round trip. */
static void play_round(struct rounds *r, unsigned samples, uint64_t rtt) {
    const uint64_t next = r->order + samples;
    r->growth = 0;
    for (unsigned i = 0; i < samples && !r->leave; i++) {
        struct hkp_htp__cc_ack a = {.bytes = MTU, .end = ++r->order, .next = next + i, .rtt = rtt};
        r->growth += hkp_htp__hystart_on_acked(&r->h, &a, &r->leave);
    }
}

static void slow_start_ends_when_round_trips_grow(void) {
    struct rounds r = {.order = 0};
    hkp_htp__hystart_begin(&r.h);
    play_round(&r, 10, 40 * MILLI);
    play_round(&r, 20, 41 * MILLI);
    CHECK_EQ(r.growth, 20 * MTU);
    CHECK_EQ(r.h.conservative, 0);
    play_round(&r, 40, 44 * MILLI); /* 3 ms more: below 41 / 8 */
    CHECK_EQ(r.h.conservative, 0);
    play_round(&r, 80, 50 * MILLI); /* 6 ms: above 44 / 8 */
    CHECK_EQ(r.h.conservative, 1);
    CHECK(r.growth < 80 * MTU * 3 / 8);
    unsigned more = 0;
    for (; !r.leave && more < 20; more++) play_round(&r, 8, 51 * MILLI);
    CHECK_EQ(r.leave, 1);
    CHECK(more >= 4 && more <= 6); /* five rounds, the first may be a part */
}

static void slow_start_goes_on_when_it_was_only_jitter(void) {
    struct rounds r = {.order = 0};
    hkp_htp__hystart_begin(&r.h);
    play_round(&r, 10, 40 * MILLI);
    play_round(&r, 20, 60 * MILLI);
    CHECK_EQ(r.h.conservative, 1);
    play_round(&r, 20, 59 * MILLI); /* below the round in which it slowed down */
    CHECK_EQ(r.h.conservative, 0);
    play_round(&r, 20, 59 * MILLI);
    CHECK_EQ(r.growth, 20 * MTU);
    for (int i = 0; i < 20; i++) play_round(&r, 20, 59 * MILLI);
    CHECK_EQ(r.leave, 0);
}

/* RFC 9406: 4 ms at least, 16 ms at most, and eight samples. */
static void hystart_needs_enough_of_a_difference(void) {
    static const struct {
        uint64_t before, after;
        unsigned samples;
        uint8_t conservative;
    } of[] = {{8 * MILLI, 11 * MILLI, 8, 0},
              {8 * MILLI, 12 * MILLI, 8, 1},
              {8 * MILLI, 12 * MILLI, 7, 0},
              {400 * MILLI, 415 * MILLI, 8, 0},
              {400 * MILLI, 416 * MILLI, 8, 1}};
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct rounds r = {.order = 0};
        hkp_htp__hystart_begin(&r.h);
        play_round(&r, 10, of[i].before);
        play_round(&r, 10, of[i].before);
        play_round(&r, of[i].samples, of[i].after);
        CHECK_EQ(r.h.conservative, of[i].conservative);
    }
}

/* ---- Pacing. */

static void rates_are_those_of_htp_10_5(void) {
    struct hkp_htp__congestion c = fresh();
    c.window = 100000;
    CHECK_EQ(c.ops->pacing_rate(&c, 100 * MILLI), 2000000); /* slow start: twice */
    lose(&c, 5, 10, 0);
    CHECK_EQ(c.ops->pacing_rate(&c, 100 * MILLI), 70000 * 10 * 5 / 4);
}

/* In any stretch of time no more than a burst and what the rate allows, and one packet. */
static void no_more_than_a_burst_goes_at_once(void) {
    for (uint64_t rtt = 1 * MILLI; rtt <= 1000 * MILLI; rtt *= 10) {
        struct hkp_htp__path_state p;
        uint64_t random = check_seed();
        hkp_htp__path_state_init(&p, 0, MTU, &hkp_htp__cubic, rtt);
        p.congestion.window = 1000 * MTU;
        hkp_htp__path_state_set_pace(&p);
        const double rate = 1000.0 * MTU * 2 / (double)rtt; /* bytes per ns */
        const double burst = 10.0 * MTU > rate * 1e6 ? 10.0 * MTU : rate * 1e6;
        hkp_time now = 1000 * MILLI, at[2000];
        unsigned n = 0;
        while (n < 2000) {
            if (hkp_htp__path_state_may_send(&p, now)) {
                hkp_htp__path_state_pace(&p, now, MTU);
                at[n++] = now;
                continue;
            }
            CHECK(p.pace_wake > now);
            now = check_random(&random) % 2 ? p.pace_wake : now + check_random(&random) % (p.pace_burst / 2);
        }
        for (unsigned i = 0; i < n; i += 7)
            for (unsigned j = i; j < n; j += 11)
                CHECK((j - i + 1) * (double)MTU <= burst + rate * (double)(at[j] - at[i]) * 1.001 + MTU);
        /* and no less: the rate is used */
        CHECK((double)n * MTU >= 0.8 * rate * (double)(at[n - 1] - at[0]));
    }
}

/* A burst of ten when a path begins or was idle, not more. */
static void idle_time_is_not_saved_up(void) {
    struct hkp_htp__path_state p;
    hkp_htp__path_state_init(&p, 0, MTU, &hkp_htp__cubic, 100 * MILLI);
    p.congestion.window = 1000 * MTU;
    p.congestion.u.cubic.threshold = MTU;
    p.initial = 100000 * MILLI;
    hkp_htp__path_state_set_pace(&p);
    for (hkp_time now = 1; now < 4000 * 1000 * MILLI; now += 1000 * 1000 * MILLI) {
        unsigned n = 0;
        for (; hkp_htp__path_state_may_send(&p, now); n++) hkp_htp__path_state_pace(&p, now, MTU);
        CHECK(n == 10 || (now == 1 && n >= 1));
    }
}

/* Decision 0331: where ten packets take less than a millisecond bursts are longer, so that a run of packets
 * that the system cuts stays whole. */
static void fast_paths_have_long_bursts(void) {
    struct hkp_htp__path_state p;
    hkp_htp__path_state_init(&p, 0, MTU, &hkp_htp__cubic, MILLI / 20);
    p.congestion.window = 512 * MTU;
    hkp_htp__path_state_set_pace(&p);
    unsigned n = 0;
    for (; n < 512 && hkp_htp__path_state_may_send(&p, 1000 * MILLI); n++)
        hkp_htp__path_state_pace(&p, 1000 * MILLI, MTU);
    CHECK_EQ(n, 512);
}

int main(void) {
    CASE(windows_begin_and_end_as_htp_10_5_says);
    CASE(a_window_that_is_not_used_does_not_grow);
    CASE(losses_of_one_round_trip_count_once);
    CASE(the_window_follows_the_curve_of_rfc_9438);
    CASE(on_short_paths_the_window_follows_reno);
    CASE(persistent_congestion_begins_again);
    CASE(a_reduction_that_was_wrong_is_taken_back);
    CASE(slow_start_ends_when_round_trips_grow);
    CASE(slow_start_goes_on_when_it_was_only_jitter);
    CASE(hystart_needs_enough_of_a_difference);
    CASE(rates_are_those_of_htp_10_5);
    CASE(no_more_than_a_burst_goes_at_once);
    CASE(idle_time_is_not_saved_up);
    CASE(fast_paths_have_long_bursts);
    return check_done();
}
