/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What benches of whole processes share: clocks, a socket on loopback, one turn of the loop of a program. */
#ifndef HKP_BENCH_HTP_LOOP_H
#define HKP_BENCH_HTP_LOOP_H

#include "bench.h"
#include "crowd.h"
#include "libhtp/handshake/door.h"

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

/* One turn of the loop of a program; it returns at `until` at the latest. What came is answered by the next.
 */
static inline void loop_turn(struct crowd *c, int is_e, hkp_htp_udp *udp, hkp_time until) {
    bench_need(hkp_htp_udp_step(udp, c->side[is_e].ep, until) == HKP_OK, "step failed");
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
