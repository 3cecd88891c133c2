/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * E and V, each on a driver with several real sockets of loopback; messages both ways, which are compared.
 */
#ifndef HKP_TESTS_HTP_DRIVE_H
#define HKP_TESTS_HTP_DRIVE_H

#include <poll.h>
#include <time.h>

#include "pair.h"

enum { DRIVE_TURNS = 8000, DRIVE_STREAM = 7, DRIVE_NEWS = 16, DRIVE_MESSAGE = 3000 };

/** Index 0 is V, 1 is E. */
struct drive {
    struct world w;
    struct pair p;
    hkp_htp_udp *udp[2];
    uint64_t session[2];
    unsigned up[2], down[2], queued[2], messages[2];
    uint32_t stream[2];
    /** HKP_HTP_EVENT_PATH by value, of both, and the path of the newest */
    unsigned news[2][DRIVE_NEWS];
    struct hkp_htp_path last[2];
    /** called with every event of E, if set */
    void (*each)(struct drive *d, const struct hkp_htp_event *ev);
    /** check_faults at the beginning */
    int faults;
    /** the clock of both endpoints is so far ahead of the machine's */
    uint64_t ahead_ns;
    /** datagrams that were sent and will not arrive: taken away, or their socket is closed */
    uint64_t gone;
};

static inline uint64_t drive_clock(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline hkp_time drive_now(const struct drive *d) { return drive_clock(CLOCK_MONOTONIC) + d->ahead_ns; }
static inline uint64_t drive_wall(const struct drive *d) {
    return (drive_clock(CLOCK_REALTIME) + d->ahead_ns) / 1000;
}

static inline hkp_htp_endpoint *drive_side(struct drive *d, int i) { return i ? d->p.e : d->p.v; }

static inline struct hkp_htp_path drive_address(const char *text, uint64_t carrier) {
    struct hkp_htp_path path;
    CHECK_EQ(hkp_htp_path_parse(text, &path), HKP_OK);
    path.carrier = carrier;
    return path;
}

static inline hkp_htp_udp *drive_udp(const struct hkp_htp_udp_options *o) {
    const struct hkp_htp_path any = drive_address("127.0.0.1:0", 0);
    hkp_htp_udp *udp = NULL;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &any, o), HKP_OK);
    return udp;
}

static inline struct hkp_htp_udp_options drive_options(uint32_t carriers) {
    struct hkp_htp_udp_options o;
    hkp_htp_udp_options_init(&o, sizeof o);
    o.carriers = carriers;
    return o;
}

/** Where V is, to a socket of E. */
static inline struct hkp_htp_path drive_v(const struct drive *d, uint64_t carrier) {
    struct hkp_htp_path to = d->p.path_v;
    to.carrier = carrier;
    return to;
}

static inline struct hkp_htp_udp_carrier drive_carrier(const struct drive *d, int i, uint64_t carrier) {
    struct hkp_htp_udp_carrier c = {.struct_size = sizeof c};
    CHECK_EQ(hkp_htp_udp_carrier(d->udp[i], carrier, &c), HKP_OK);
    return c;
}

/** Drivers with these options, endpoints with these features, and a connect. */
static inline void drive_new(struct drive *d, const struct hkp_htp_udp_options *v,
                             const struct hkp_htp_udp_options *e, uint32_t features) {
    struct hkp_htp_options o;
    memset(d, 0, sizeof *d);
    d->faults = check_faults;
    d->udp[0] = drive_udp(v);
    d->udp[1] = drive_udp(e);
    world_load(&d->w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&d->p, &d->w);
    d->p.rng_e.seed = drive_clock(CLOCK_MONOTONIC);
    d->p.rng_v.seed = d->p.rng_e.seed + 1;
    d->p.now = drive_now(d);
    d->p.wall = drive_wall(d);
    for (int i = 0; i < 2; i++) {
        hkp_htp_endpoint **ep = i ? &d->p.e : &d->p.v;
        hkp_htp_endpoint_free(*ep);
        pair_options(&d->p, &o, i);
        o.features = features;
        CHECK_EQ(hkp_htp_endpoint_new(ep, &o, d->p.now), HKP_OK);
    }
    CHECK_EQ(hkp_htp_udp_local(d->udp[0], &d->p.path_v), HKP_OK);
    CHECK_EQ(pair_connect(&d->p), HKP_OK);
}

static inline void drive_free(struct drive *d) {
    for (int i = 0; i < 2; i++) hkp_htp_udp_close(d->udp[i]);
    pair_free(&d->p);
}

/* Message n of one side. */
static inline void drive_body(uint8_t dst[DRIVE_MESSAGE], int i, unsigned n) {
    for (unsigned k = 0; k < DRIVE_MESSAGE; k++) dst[k] = (uint8_t)(n * 31 + k * 7 + (unsigned)i);
}

static inline void drive_events(struct drive *d, int i) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    uint8_t want[DRIVE_MESSAGE];
    while (hkp_htp_event(drive_side(d, i), &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) {
            d->up[i]++;
            d->session[i] = ev.session;
            CHECK_EQ(hkp_htp_session_allow(drive_side(d, i), ev.session, UINT64_MAX, 0), HKP_OK);
        } else if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            drive_body(want, !i, d->messages[i]++);
            CHECK(ev.len == sizeof want && memcmp(ev.data, want, sizeof want) == 0);
        } else if (ev.type == HKP_HTP_EVENT_PATH && ev.value < DRIVE_NEWS) {
            d->news[i][ev.value]++;
            d->last[i] = ev.observed;
        }
        d->down[i] += ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED;
        if (i == 1 && d->each != NULL) d->each(d, &ev);
    }
}

/** 1: goes on; after a fault nothing is waited for. */
static inline int drive_goes_on(const struct drive *d) { return check_faults == d->faults; }

/** One turn of both loops; waits for at most some milliseconds. */
static inline void drive_turn(struct drive *d) {
    const hkp_time now = drive_now(d);
    hkp_time next = HKP_TIME_NEVER;
    struct pollfd fds[2];
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hkp_htp_udp_pump(d->udp[i], drive_side(d, i), now, drive_wall(d)), HKP_OK);
        drive_events(d, i);
        const hkp_time wake = hkp_htp_wake(drive_side(d, i));
        if (wake < next) next = wake;
        fds[i] = (struct pollfd){hkp_htp_udp_fd(d->udp[i]), POLLIN, 0};
        if (hkp_htp_udp_blocked(d->udp[i])) fds[i].events |= POLLOUT;
    }
    const int ms = next <= now ? 0 : next - now > 2000000U ? 2 : (int)((next - now) / 1000000U) + 1;
    CHECK(poll(fds, 2, ms) >= 0);
}

static inline uint64_t drive_on_their_way(const struct drive *d) {
    uint64_t sent = 0, came = 0;
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_udp_stats s = {.struct_size = sizeof s};
        CHECK_EQ(hkp_htp_udp_stats(d->udp[i], &s), HKP_OK);
        sent += s.datagrams_out;
        came += s.datagrams_in;
    }
    return sent - came;
}

/** The clock of both jumps, but not while the machine still carries datagrams: it may be busy with others,
 * and no timer of ours should run out by that. */
static inline void drive_jump(struct drive *d, uint64_t ns) {
    enum { PATIENCE_MS = 300 };
    const uint64_t end = drive_clock(CLOCK_MONOTONIC) + PATIENCE_MS * UINT64_C(1000000);
    while (drive_goes_on(d) && drive_on_their_way(d) != d->gone && drive_clock(CLOCK_MONOTONIC) < end)
        drive_turn(d);
    d->gone = drive_on_their_way(d);
    d->ahead_ns += ns;
}

static inline void drive_up(struct drive *d) {
    for (int i = 0; i < DRIVE_TURNS && drive_goes_on(d) && !(d->up[0] && d->up[1]); i++) drive_turn(d);
    CHECK(d->up[0] == 1 && d->up[1] == 1);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(hkp_htp_stream_open(drive_side(d, i), d->session[i], DRIVE_STREAM, 0, 3, &d->stream[i]),
                 HKP_OK);
}

/** Waits until so many PATH events of a value were told to that side. */
static inline void drive_until(struct drive *d, int i, unsigned value, unsigned count) {
    for (int n = 0; n < DRIVE_TURNS && drive_goes_on(d) && d->news[i][value] < count; n++) drive_turn(d);
    CHECK_EQ(d->news[i][value], count);
}

/** Both send until each has told the other so many messages in all. */
static inline void drive_say(struct drive *d, unsigned messages) {
    uint8_t body[DRIVE_MESSAGE];
    for (int n = 0;
         n < DRIVE_TURNS && drive_goes_on(d) && (d->messages[0] < messages || d->messages[1] < messages);
         n++) {
        for (int i = 0; i < 2; i++)
            while (d->queued[i] < messages) {
                drive_body(body, i, d->queued[i]);
                if (hkp_htp_stream_send(drive_side(d, i), d->session[i], d->stream[i], body, sizeof body,
                                        0) != HKP_OK)
                    break;
                d->queued[i]++;
            }
        drive_turn(d);
    }
    CHECK_EQ(d->messages[0], messages);
    CHECK_EQ(d->messages[1], messages);
    CHECK_EQ(d->down[0] + d->down[1], 0);
}

#endif
