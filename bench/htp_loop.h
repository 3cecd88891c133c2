/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What benches of whole processes share: clocks, a socket on loopback, one turn of the loop of a program. */
#ifndef HKP_BENCH_HTP_LOOP_H
#define HKP_BENCH_HTP_LOOP_H

#include "bench.h"
#include "crowd.h"
#include "libhtp/handshake/door.h"

#include <poll.h>

static inline uint32_t from_env(const char *name, uint32_t by_default) {
    const char *given = getenv(name);
    return given != NULL && atol(given) > 0 ? (uint32_t)atol(given) : by_default;
}

static inline uint64_t loop_wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline hkp_time loop_mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000 + (hkp_time)t.tv_nsec;
}

static inline hkp_htp_udp *loop_open_socket(void) {
    const struct hkp_htp_path bind_path = {.addr = {[10] = 0xFF, 0xFF, 127, 0, 0, 1}};
    hkp_htp_udp *udp = NULL;
    bench_need(hkp_htp_udp_open(&udp, &bind_path, NULL) == HKP_OK, "no socket");
    return udp;
}

/* One turn of the loop of a program; it returns at `until` at the latest. */
static inline void loop_turn(struct crowd *c, int is_e, hkp_htp_udp *udp, hkp_time until) {
    struct crowd_side *s = &c->side[is_e];
    hkp_time now = loop_mono_ns(), wake = hkp_htp_wake(s->ep);
    if (wake > until) wake = until;
    const int ms = wake <= now ? 0 : (int)((wake - now + 999999) / 1000000);
    struct pollfd p = {.fd = hkp_htp_udp_fd(udp), .events = POLLIN};
    (void)poll(&p, 1, ms);
    bench_need(hkp_htp_udp_pump(udp, s->ep, loop_mono_ns(), loop_wall_us()) == HKP_OK, "pump failed");
    crowd_take_events(c, is_e);
    c->steps++;
}

/** Options of an endpoint that loop_lift_rates() is for. */
static inline void loop_options(struct hkp_htp_options *o) {
    o->source_cells = 16;
    o->dh_per_second = 1000000;
}

/** Thousands come from one address here: the rates that hold off a flood are not what is measured. */
static inline void loop_lift_rates(hkp_htp_endpoint *ep) {
    memset(ep->door->sources, 0, ep->opt.source_cells * sizeof *ep->door->sources);
    memset(ep->door->nodes, 0, ep->opt.source_cells * sizeof *ep->door->nodes);
    ep->door->hello_in_second = 0;
}

#endif
