/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two flows and a bad network between them, under a virtual clock and without keys: packets are lost,
 * doubled, delayed and so reordered as a seed says. Header-only, for tests of the flow.
 */
#ifndef HKP_TESTS_FLOW_NET_H
#define HKP_TESTS_FLOW_NET_H

#include <hookprobe/htp.h>
#include <sodium.h>

#include "alloc.h"
#include "check.h"
#include "libhtp/flow/flow_state.h"

enum { NET_PACKETS = 4096, NET_BYTES = 1200 };

struct net_packet {
    hkp_time at;
    uint64_t order, pn;
    uint32_t epoch, timestamp;
    uint16_t type;
    uint8_t to, res, ecn;
    size_t len;
    uint8_t plain[NET_BYTES];
};

/** A bottleneck that several nets may share: bytes per second, bytes that wait at most. */
struct net_link {
    uint64_t rate, queue;
    /** when the last packet will have left */
    hkp_time free;
    uint64_t dropped;
};

struct net {
    uint64_t random;
    hkp_time now;
    /** chances in 1000 */
    unsigned loss, twice, ce;
    /** the network clears the ECN field */
    uint8_t bleach;
    /** what E sends passes it; NULL: no bottleneck. Marks CE from mark bytes in the queue on, if not 0 */
    struct net_link *link;
    uint64_t mark;
    /** controller of both sides, HKP_HTP_CONGESTION_* */
    uint8_t congestion;
    hkp_time delay, jitter;
    struct failing heap;
    struct hkp_htp__pools *pools[2];
    /** 0 is E, 1 is V */
    struct hkp_htp__flow *flow[2];
    uint64_t pn[2], order, sent, dropped;
    uint32_t epoch[2];
    uint8_t restricted[2];
    /** result of the last _recv that was not HKP_OK, and of _tick */
    hkp_status fault[2];
    /** REKEY frames that arrived */
    unsigned rekeys[2];
    uint8_t rekey[2][HKP_HTP__REKEY_SIZE];
    uint64_t trace;
    /** WRITABLE was told */
    uint8_t writable[2];
    /** numbers that arrived: the replay window of the record layer stands before the flow */
    uint8_t *seen[2];
    size_t count;
    struct net_packet queue[NET_PACKETS];
};

enum { NET_PN_MAX = 1 << 20 };

static int32_t net_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

static inline void net_params(struct net *n, int side, struct hkp_htp__flow_params *p) {
    memset(p, 0, sizeof *p);
    p->mem = failing_mem(&n->heap);
    p->rng = p->draws = (struct hkp_rng){&n->random, net_fill};
    p->pools = n->pools[side];
    p->is_e = side == 0;
    memset(p->challenge0, 0x5A, 16);
    p->allow[0] = p->allow[1] = UINT64_MAX;
    p->congestion = n->congestion;
}

/* The caller may change n->loss and the like afterwards. */
static inline struct net *net_new_with(uint64_t seed, uint8_t congestion) {
    struct net *n = calloc(1, sizeof *n);
    n->congestion = congestion;
    n->random = seed;
    n->now = 1000000000;
    n->delay = 20000000;
    n->heap.left = -1;
    for (int i = 0; i < 2; i++) {
        struct hkp_mem mem = failing_mem(&n->heap);
        struct hkp_htp__flow_params p;
        CHECK_EQ(hkp_htp__pools_new(&n->pools[i], &mem, 0), HKP_OK);
        net_params(n, i, &p);
        CHECK_EQ(hkp_htp__flow_new(&n->flow[i], &p, n->now), HKP_OK);
        n->seen[i] = calloc(1, NET_PN_MAX);
    }
    return n;
}

static inline struct net *net_new(uint64_t seed) { return net_new_with(seed, HKP_HTP_CONGESTION_CUBIC); }

static inline void net_free(struct net *n) {
    for (int i = 0; i < 2; i++) {
        hkp_htp__flow_free(n->flow[i]);
        hkp_htp__pools_free(n->pools[i]);
        free(n->seen[i]);
    }
    CHECK_EQ(n->heap.live, 0);
    free(n);
}

static inline uint64_t net_wall(const struct net *n) { return 1700000000000000U + n->now / 1000; }

/* When the packet leaves the bottleneck; 0: the queue was full. */
static inline hkp_time net_leave(struct net *n, struct net_packet *p) {
    struct net_link *l = n->link;
    if (l == NULL || p->to != 1) return n->now;
    hkp_time start = l->free > n->now ? l->free : n->now;
    uint64_t size = p->len + HKP_HTP__OVERHEAD + 28, waiting = (start - n->now) * l->rate / 1000000000U;
    if (waiting + size > l->queue) {
        l->dropped++;
        return 0;
    }
    if (n->mark != 0 && waiting > n->mark && p->ecn != HKP_HTP__ECN_NONE) p->ecn = HKP_HTP__ECN_CE;
    l->free = start + size * 1000000000U / l->rate;
    return l->free;
}

static inline void net_put(struct net *n, const struct net_packet *p) {
    if (check_random(&n->random) % 1000 < n->loss || n->count == NET_PACKETS) {
        n->dropped++;
        return;
    }
    struct net_packet copy = *p;
    hkp_time left = net_leave(n, &copy);
    if (left == 0) {
        n->dropped++;
        return;
    }
    struct net_packet *q = &n->queue[n->count++];
    *q = copy;
    q->at = left + n->delay + (n->jitter != 0 ? check_random(&n->random) % n->jitter : 0);
    q->order = n->order++;
    if (n->bleach) q->ecn = HKP_HTP__ECN_NONE;
    if (q->ecn != HKP_HTP__ECN_NONE && n->ce != 0 && check_random(&n->random) % 1000 < n->ce)
        q->ecn = HKP_HTP__ECN_CE;
}

/* Everything that a side wants to send goes on its way. */
static inline void net_flush(struct net *n, int side) {
    for (;;) {
        struct net_packet p = {.to = (uint8_t)!side};
        struct hkp_htp__flow_slot slot = {.pn = n->pn[side],
                                          .epoch = n->epoch[side],
                                          .restricted = n->restricted[side],
                                          .now = n->now,
                                          .wall_us = net_wall(n)};
        struct hkp_htp__flow_out out;
        p.ecn = hkp_htp__flow_ecn(n->flow[side]);
        CHECK_EQ(hkp_htp__flow_send(n->flow[side], &slot, p.plain, &out), HKP_OK);
        if (out.type == 0) return;
        p.pn = n->pn[side]++;
        p.epoch = slot.epoch;
        p.type = out.type;
        p.res = out.res;
        p.len = out.len;
        p.timestamp = (uint32_t)(n->now / 1000000);
        CHECK(out.len > 0 && out.len + HKP_HTP__OVERHEAD + (out.res ? 64U : 0) <= NET_BYTES);
        n->trace = n->trace * 31 + p.pn + p.type + (uint64_t)p.len * 7 + p.res;
        for (size_t i = 0; i < p.len; i++) n->trace = n->trace * 131 + p.plain[i];
        n->sent++;
        net_put(n, &p);
        if (check_random(&n->random) % 1000 < n->twice) net_put(n, &p);
    }
}

static inline hkp_status net_give(struct net *n, const struct net_packet *p) {
    int side = p->to;
    struct hkp_htp__flow_in in = {.pn = p->pn,
                                  .epoch = p->epoch,
                                  .type = p->type,
                                  .has_res = p->res,
                                  .ecn = p->ecn,
                                  .timestamp = p->timestamp,
                                  .plain = p->plain,
                                  .plain_len = p->len,
                                  .datagram_len = p->len + HKP_HTP__OVERHEAD + (p->res ? 64U : 0),
                                  .now = n->now,
                                  .wall_us = net_wall(n),
                                  .port = 4000};
    unsigned rekeys;
    hkp_status st = hkp_htp__flow_recv(n->flow[side], &in, &rekeys);
    if (st != HKP_OK) n->fault[side] = st;
    size_t pos = 0;
    const uint8_t *frame;
    while (rekeys > 0 && (frame = hkp_htp__flow_rekey_next(p->plain, p->len, p->type, &pos)) != NULL) {
        memcpy(n->rekey[side], frame, HKP_HTP__REKEY_SIZE);
        n->rekeys[side]++;
    }
    return st;
}

/* The packet that arrives next; n->count: none is on its way. */
static inline size_t net_first(const struct net *n) {
    size_t first = n->count;
    hkp_time at = HKP_TIME_NEVER;
    for (size_t i = 0; i < n->count; i++) {
        if (n->queue[i].at < at || (n->queue[i].at == at && n->queue[i].order < n->queue[first].order)) {
            first = i;
            at = n->queue[i].at;
        }
    }
    return first;
}

static inline hkp_time net_timer(const struct net *n) {
    hkp_time wake[2] = {hkp_htp__flow_wake(n->flow[0]), hkp_htp__flow_wake(n->flow[1])};
    return wake[0] < wake[1] ? wake[0] : wake[1];
}

/* One event of the network or a timer; 0: nothing will ever happen again, or not before until. */
static inline int net_step(struct net *n, hkp_time until) {
    net_flush(n, 0);
    net_flush(n, 1);
    const size_t first = net_first(n);
    const hkp_time at = first < n->count ? n->queue[first].at : HKP_TIME_NEVER, timer = net_timer(n);
    if (timer < at) {
        if (timer == HKP_TIME_NEVER || timer > until) {
            n->now = until;
            return 0;
        }
        if (timer > n->now) n->now = timer;
        for (int i = 0; i < 2; i++) {
            hkp_status st = hkp_htp__flow_tick(n->flow[i], n->now);
            if (st != HKP_OK) n->fault[i] = st;
        }
        return 1;
    }
    if (at == HKP_TIME_NEVER || at > until) {
        n->now = until;
        return 0;
    }
    struct net_packet p = n->queue[first];
    n->queue[first] = n->queue[--n->count];
    n->now = p.at;
    if (p.pn < NET_PN_MAX && !n->seen[p.to][p.pn]) {
        n->seen[p.to][p.pn] = 1;
        (void)net_give(n, &p);
    }
    return 1;
}

/* Runs until a time. */
static inline void net_run(struct net *n, hkp_time until) {
    while (net_step(n, until)) {
    }
}

/* Next event of a side that is neither of heartbeats nor clocks nor room; 0: none. */
static inline int net_event(struct net *n, int side, struct hkp_htp__flow_event *e) {
    for (;;) {
        CHECK_EQ(hkp_htp__flow_event(n->flow[side], e), HKP_OK);
        if (e->kind == HKP_HTP__FLOW_EV_NONE) return 0;
        if (e->kind == HKP_HTP__FLOW_EV_WRITABLE) n->writable[side] = 1;
        if (e->kind != HKP_HTP__FLOW_EV_HEARTBEAT && e->kind != HKP_HTP__FLOW_EV_CLOCK &&
            e->kind != HKP_HTP__FLOW_EV_WRITABLE && e->kind != HKP_HTP__FLOW_EV_DELIVERED)
            return 1;
    }
}

/* Two flows that have heard of each other. */
static inline struct net *net_started(void) {
    struct net *n = net_new(check_seed());
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    return n;
}

/* Kind of the next event. */
static inline int net_kind(struct net *n, int side) {
    struct hkp_htp__flow_event e;
    return net_event(n, side, &e) ? e.kind : HKP_HTP__FLOW_EV_NONE;
}

#endif
