/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* SWARM: one session over several paths at once (HTP-11.6). */
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"
#include "libhtp/flow/mode.h"

#include <string.h>

typedef struct hkp_htp__session session;
typedef struct hkp_htp__route route;
typedef struct hkp_htp__paths paths;
typedef struct hkp_htp__swarm swarm;
typedef struct hkp_htp__path_state path_state;

_Static_assert(sizeof(swarm) <= HKP_HTP__STREAM_SIZE && sizeof(path_state) <= HKP_HTP__STREAM_SIZE,
               "both are taken from the pool of streams");

enum {
    ASIDE_PTOS = 3,
    /** of 10 parts of the bytes, the most that a path carries while another has room, from 3 paths on */
    SHARE = 6,
    SHARE_PATHS = 3
};

#define PROBE_ASIDE (10 * HKP_HTP__SEC)
#define PART (10 * HKP_HTP__SEC / HKP_HTP__SWARM_PARTS)

static path_state *state_of(const session *s, unsigned i) { return s->flow->recovery.paths[i]; }

static int is_aside(const swarm *w, unsigned i) { return w->aside >> i & 1; }

route *hkp_htp__swarm_route(const session *s, uint8_t index) {
    for (route *r = s->paths->routes; r != NULL; r = r->next)
        if (r->state == HKP_HTP__ROUTE_OPEN && r->index == index) return r;
    return NULL;
}

unsigned hkp_htp__swarm_count(const session *s) {
    unsigned n = 1;
    for (const route *r = s->paths->routes; r != NULL; r = r->next) n += r->state == HKP_HTP__ROUTE_OPEN;
    return n;
}

/* ---- bytes of the last 10 s ---- */

static void roll(swarm *w, hkp_time now) {
    const uint64_t part = now / PART;
    for (unsigned n = 0; w->part < part && n < HKP_HTP__SWARM_PARTS; n++) {
        w->part++;
        for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) w->bytes[i][w->part % HKP_HTP__SWARM_PARTS] = 0;
    }
    w->part = part;
}

static uint64_t bytes_of(const swarm *w, unsigned i) {
    uint64_t sum = 0;
    for (unsigned k = 0; k < HKP_HTP__SWARM_PARTS; k++) sum += w->bytes[i][k];
    return sum;
}

void hkp_htp__swarm_sent(session *s, uint8_t index, size_t len) {
    swarm *w = s->paths->swarm;
    if (w != NULL) w->bytes[index][w->part % HKP_HTP__SWARM_PARTS] += (uint32_t)len;
}

/* ---- which path ---- */

/* Free window by round trip; 0: it has none. */
static uint64_t weight(path_state *p, hkp_time now) {
    if (!hkp_htp__path_state_may_send(p, now)) return 0;
    const uint64_t us = (p->srtt != 0 ? p->srtt : p->initial) / 1000 + 1;
    return (uint64_t)hkp_htp__path_state_room(p) * 1024 / us + 1;
}

/* The paths that serve. When all are set aside each of them does: which one still leads there only a packet
 * tells. */
static unsigned serving(const session *s) {
    unsigned all = 0;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++)
        if (state_of(s, i) != NULL) all |= 1U << i;
    const unsigned live = all & ~(unsigned)s->paths->swarm->aside;
    return live != 0 ? live : all;
}

/* Only these may be drawn: that serve, and not above their share while another has window. */
static unsigned eligible(const session *s) {
    const swarm *w = s->paths->swarm;
    const unsigned live = serving(s);
    uint64_t bytes[HKP_HTP__PATHS_MAX], all = 0;
    unsigned n = 0, below = 0;
    int room = 0;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) all += bytes[i] = bytes_of(w, i);
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = state_of(s, i);
        if (!(live >> i & 1)) continue;
        n++;
        if (bytes[i] * 10 > all * SHARE) continue;
        below |= 1U << i;
        room |= hkp_htp__path_state_room(p) >= p->mtu;
    }
    return n >= SHARE_PATHS && room ? below : live;
}

static uint8_t draw(session *s, hkp_time now) {
    uint64_t weights[HKP_HTP__PATHS_MAX] = {0}, sum = 0;
    const unsigned from = eligible(s);
    uint8_t waits = s->paths->swarm->last_in;
    for (uint8_t i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        if (!(from >> i & 1)) continue;
        weights[i] = weight(state_of(s, i), now);
        sum += weights[i];
        waits = i;
    }
    if (sum == 0) return waits; /* window or pacing of all of them: the next wake tells */
    uint64_t at = hkp_htp__uniform(&s->flow->mode.draws, sum - 1);
    for (uint8_t i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        if (at < weights[i]) return i;
        at -= weights[i];
    }
    return waits;
}

/* What is not data returns where the newest packet came from. */
uint8_t hkp_htp__swarm_pick(struct hkp_htp_endpoint *ep, session *s) {
    swarm *w = s->paths->swarm;
    if (w == NULL || hkp_htp__flow_state(s->flow) != HKP_HTP__FLOW_OPEN) return 0;
    roll(w, ep->now);
    if (state_of(s, w->last_in) == NULL) w->last_in = 0;
    const unsigned live = serving(s);
    for (uint8_t i = 0; i < HKP_HTP__PATHS_MAX; i++)
        if (live >> i & 1 && state_of(s, i)->probes > 0) return i;
    return hkp_htp__flow_wants(s->flow) ? draw(s, ep->now) : w->last_in;
}

/* ---- paths that come and go ---- */

static int start(struct hkp_htp_endpoint *ep, session *s) {
    paths *p = s->paths;
    if (p->swarm != NULL) return 1;
    p->swarm = hkp_htp__stream_take(ep->pools);
    if (p->swarm == NULL) return 0;
    p->swarm->epoch = s->epoch;
    p->swarm->part = ep->now / PART;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) p->swarm->probe_at[i] = HKP_TIME_NEVER;
    return 1;
}

static int free_index(const session *s) {
    for (int i = 1; i < HKP_HTP__PATHS_MAX; i++)
        if (state_of(s, (unsigned)i) == NULL) return i;
    return -1;
}

static void tell(paths *p, uint8_t news, const struct hkp_htp_path *path) {
    p->news = news;
    p->news_path = *path;
}

/* The path beside the one in use is gone: what was on its way there goes by the others. */
void hkp_htp__swarm_close(struct hkp_htp_endpoint *ep, session *s, route *r) {
    swarm *w = s->paths->swarm;
    hkp_htp__recovery_path_drop(&s->flow->recovery, r->index);
    hkp_htp__stream_give(ep->pools, r->way);
    w->aside &= (uint8_t) ~(1U << r->index);
    w->probe_at[r->index] = HKP_TIME_NEVER;
    memset(w->bytes[r->index], 0, sizeof w->bytes[0]);
    r->way = NULL;
    r->index = 0;
    r->state = HKP_HTP__ROUTE_LEFT;
    hkp_htp__route_drop(ep, s, r);
    if (hkp_htp__swarm_count(s) > 1) return;
    hkp_htp__stream_give(ep->pools, w);
    s->paths->swarm = NULL;
}

static void retire_oldest(struct hkp_htp_endpoint *ep, session *s) {
    const swarm *w = s->paths->swarm;
    unsigned oldest = 0;
    for (unsigned i = 1; i < HKP_HTP__PATHS_MAX; i++)
        if (state_of(s, i) != NULL && w->since[i] < w->since[oldest]) oldest = i;
    if (oldest == 0)
        hkp_htp__swarm_promote(ep, s);
    else
        hkp_htp__swarm_close(ep, s, hkp_htp__swarm_route(s, (uint8_t)oldest));
}

/* A path was validated: it carries packets from now on. */
void hkp_htp__swarm_open(struct hkp_htp_endpoint *ep, session *s, route *r) {
    const int index = free_index(s);
    const uint64_t rtt = r->repeats == 0 ? ep->now - r->sent_at : 0;
    for (route *o = s->paths->routes, *next; o != NULL; o = next) {
        next = o->next; /* the same path after a rebinding */
        if (o != r && o->state == HKP_HTP__ROUTE_OPEN && o->token_in == r->token_in && !r->ours)
            hkp_htp__swarm_close(ep, s, o);
    }
    path_state *way = index > 0 && start(ep, s) ? hkp_htp__stream_take(ep->pools) : NULL;
    if (way == NULL) {
        hkp_htp__route_drop(ep, s, r);
        return;
    }
    hkp_htp__path_state_init(way, (uint8_t)index, HKP_HTP_DATAGRAM_MAX, s->flow->recovery.own.congestion.ops,
                             rtt);
    hkp_htp__pmtu_init(&way->pmtu, s->flow->recovery.own.pmtu.limit, s->flow->recovery.next_pn);
    hkp_htp__recovery_path_add(&s->flow->recovery, way);
    r->way = way;
    r->index = (uint8_t)index;
    r->state = HKP_HTP__ROUTE_OPEN;
    r->ours = r->answered = r->wide = 0;
    r->until = HKP_TIME_NEVER;
    s->paths->swarm->since[index] = ep->now;
    tell(s->paths, HKP_HTP_PATH_ADDED, &r->path);
    s->paths->ask_at = 0;
    if (!s->paths->swarm->renew) return;
    s->paths->swarm->renew = 0;
    retire_oldest(ep, s);
}

/* The path in use is given up, and the oldest of the others takes its place. */
void hkp_htp__swarm_promote(struct hkp_htp_endpoint *ep, session *s) {
    paths *p = s->paths;
    route *to = NULL;
    for (route *r = p->routes; r != NULL; r = r->next)
        if (r->state == HKP_HTP__ROUTE_OPEN &&
            (to == NULL || p->swarm->since[r->index] < p->swarm->since[to->index]))
            to = r;
    if (to == NULL) return;
    const int old = hkp_htp__paths_place(s), place = to->place;
    const uint64_t srtt = to->way->srtt;
    p->swarm->since[0] = p->swarm->since[to->index];
    p->swarm->aside &= 0xFE;
    p->swarm->probe_at[0] = HKP_TIME_NEVER;
    for (route *r = p->routes, *next; r != NULL; r = next) {
        next = r->next;
        if (r->state == HKP_HTP__ROUTE_USED) hkp_htp__route_drop(ep, s, r);
    }
    s->path = to->path;
    s->token_out = p->tokens.peer[place];
    if (to->token_in != 0) p->token_in = to->token_in;
    hkp_htp__recovery_path_lost(&s->flow->recovery, 0);
    hkp_htp__flow_follows(s->flow, to->index);
    hkp_htp__path_state_restart(&s->flow->recovery.own, srtt);
    hkp_htp__path_state_moved(&s->flow->recovery.own, ep->now);
    hkp_htp__swarm_close(ep, s, to);
    hkp_htp__paths_token_leave(ep, s, old);
    tell(p, HKP_HTP_PATH_MOVED, &s->path);
}

/* ---- time ---- */

static const struct hkp_htp_path *path_of(const session *s, unsigned i) {
    return i == 0 ? &s->path : &hkp_htp__swarm_route(s, (uint8_t)i)->path;
}

static void set_aside(struct hkp_htp_endpoint *ep, session *s, unsigned i) {
    swarm *w = s->paths->swarm;
    w->aside |= (uint8_t)(1U << i);
    w->aside_at[i] = ep->now;
    w->probe_at[i] = ep->now + PROBE_ASIDE;
    hkp_htp__recovery_path_lost(&s->flow->recovery, (uint8_t)i);
    state_of(s, i)->pto_count = state_of(s, i)->probes = 0;
    tell(s->paths, HKP_HTP_PATH_ASIDE, path_of(s, i));
}

static void serve_again(session *s, unsigned i) {
    swarm *w = s->paths->swarm;
    w->aside &= (uint8_t) ~(1U << i);
    /* What went by the others while none served goes by this one. */
    for (uint8_t k = 0; k < HKP_HTP__PATHS_MAX; k++)
        if (is_aside(w, k)) hkp_htp__recovery_path_lost(&s->flow->recovery, k);
    w->probe_at[i] = HKP_TIME_NEVER;
    state_of(s, i)->pto_count = 0;
    tell(s->paths, HKP_HTP_PATH_ADDED, path_of(s, i));
}

/* An answer came by a path. */
void hkp_htp__swarm_answered(session *s, const route *r) {
    const swarm *w = s->paths->swarm;
    if (w != NULL && is_aside(w, r->index)) serve_again(s, r->index);
}

void hkp_htp__swarm_unanswered(struct hkp_htp_endpoint *ep, session *s, const route *r) {
    swarm *w = s->paths->swarm;
    if (w != NULL && !is_aside(w, r->index)) set_aside(ep, s, r->index);
}

hkp_time hkp_htp__swarm_wake(const session *s) {
    const swarm *w = s->paths->swarm;
    hkp_time at = HKP_TIME_NEVER;
    if (w == NULL) return at;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = state_of(s, i);
        if (p == NULL) continue;
        if (w->probe_at[i] < at) at = w->probe_at[i];
        const hkp_time idle = w->kept_at[i] + s->flow->heart.interval_s * HKP_HTP__SEC;
        if (i > 0 && !is_aside(w, i) && idle < at) at = idle;
    }
    return at;
}

/* One more challenge: on a path set aside, or that nothing went by for a heartbeat's time. */
static void ask(struct hkp_htp_endpoint *ep, session *s, unsigned i) {
    route *r = i == 0 ? hkp_htp__route_used(ep, s) : hkp_htp__swarm_route(s, (uint8_t)i);
    if (r != NULL && !r->challenging) (void)hkp_htp__route_challenge(ep, s, r);
}

void hkp_htp__swarm_tick(struct hkp_htp_endpoint *ep, session *s) {
    swarm *w = s->paths->swarm;
    if (w == NULL) return;
    if (w->epoch != s->epoch && s->role == HKP_HTP_ROLE_E) {
        w->renew = 1;
        s->paths->ask_at = 0;
    }
    w->epoch = s->epoch;
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        const path_state *p = state_of(s, i);
        if (p == NULL) continue;
        if (!is_aside(w, i) && p->pto_count >= ASIDE_PTOS) set_aside(ep, s, i);
        /* All are set aside, and what goes by this one all the same arrives. */
        if (is_aside(w, i) && p->delivered_time > w->aside_at[i]) serve_again(s, i);
        if (p->last_sent > w->kept_at[i]) w->kept_at[i] = p->last_sent;
        if (is_aside(w, i) && ep->now >= w->probe_at[i]) {
            w->probe_at[i] = ep->now + PROBE_ASIDE;
            ask(ep, s, i);
        } else if (i > 0 && !is_aside(w, i) &&
                   ep->now >= w->kept_at[i] + s->flow->heart.interval_s * HKP_HTP__SEC) {
            w->kept_at[i] = ep->now;
            ask(ep, s, i);
        }
    }
}
