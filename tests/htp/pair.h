/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two endpoints, E and V, of one world, on a wire that the test holds in its hands. */
#ifndef HKP_TESTS_HTP_PAIR_H
#define HKP_TESTS_HTP_PAIR_H

#include "libhtp/endpoint.h"
#include "world.h"

/** Random bytes of a test: those queued first, then a seeded stream. */
struct script {
    uint8_t queued[4096];
    size_t n, at;
    uint64_t seed;
};

static inline int32_t script_fill(void *user, uint8_t *dst, size_t len) {
    struct script *s = user;
    /* Draws for jitter and the like are of the size of the pool and never scripted. */
    int scripted = s->at + len <= s->n && len != HKP_HTP__RANDOM_POOL;
    for (size_t i = 0; i < len; i++) dst[i] = scripted ? s->queued[s->at++] : (uint8_t)check_random(&s->seed);
    return 0;
}

static inline void script_add(struct script *s, json_t *draws, const char *name) {
    struct vec_bytes b = vec_hex(draws, name);
    memcpy(s->queued + s->n, b.ptr, b.len);
    s->n += b.len;
    free(b.ptr);
}

struct pair {
    struct world *w;
    struct script rng_e, rng_v;
    hkp_htp_endpoint *e, *v;
    struct hkp_htp_path path_e, path_v;
    hkp_time now;
    uint64_t wall, session;
    /** E's wall clock is ahead by this, microseconds */
    uint64_t ahead_e;
};

static inline void pair_options(struct pair *p, struct hkp_htp_options *o, int is_e) {
    struct world *w = p->w;
    const struct hkp_htp__self_secret *self = is_e ? &w->e : &w->v;
    struct script *rng = is_e ? &p->rng_e : &p->rng_v;
    json_t *s;
    size_t i;
    hkp_htp_options_init(o, sizeof *o);
    o->rng = (struct hkp_rng){.user = rng, .fill = script_fill};
    o->registry = w->registry;
    memcpy(o->node_id, self->node_id, 16);
    vec_hex_into(w->in, is_e ? "A_e" : "A_v", o->a_seed, 32);
    if (!is_e) vec_hex_into(w->in, "s_v", o->s_secret, 32);
    o->certificate = self->cert;
    o->certificate_len = self->cert_len;
    o->own = self->own;
    o->show_certificate = vec_u64(w->in, is_e ? "cert_e_form" : "cert_v_form") == 2 && !w->unknown;
    json_array_foreach(vec_get(w->in, is_e ? "suites" : "v_suites"), i, s) {
        uint32_t suite = (uint32_t)vec_value_u64(s);
        if (i == 0) o->suite_first = suite;
        o->suites_allowed |= 1U << (suite - 1);
    }
    if (!(o->suites_allowed >> (o->suite_first - 1) & 1)) o->suite_first = 1;
    o->features = (uint32_t)vec_u64(w->in, is_e ? "features" : "v_features");
    o->no_rollback = 1;
    o->accept_certified = (uint32_t)w->unknown;
    o->cookie_load = vec_bool(w->in, "loaded") ? 1 : 0;
    o->half_open_max = 64;
    o->answer_cache = 64;
    o->source_cells = 16384; /* so that no two of a few sources share one */
    o->strangers_max = 8;
    o->sessions_max = 8;
}

static inline void pair_new(struct pair *p, struct world *w) {
    struct hkp_htp_options o;
    memset(p, 0, sizeof *p);
    p->w = w;
    p->now = HKP_HTP__SEC;
    p->wall = vec_u64(w->times, "t1");
    p->path_e = (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 192, 0, 2, 7}, .port = 40000};
    p->path_v = (struct hkp_htp_path){.addr = {[10] = 0xFF, 0xFF, 192, 0, 2, 8}, .port = 8144};
    p->rng_e.seed = check_seed() + 1;
    p->rng_v.seed = check_seed() + 2;
    pair_options(p, &o, 1);
    CHECK_EQ(hkp_htp_endpoint_new(&p->e, &o, p->now), HKP_OK);
    pair_options(p, &o, 0);
    CHECK_EQ(hkp_htp_endpoint_new(&p->v, &o, p->now), HKP_OK);
    json_t *ter = vec_get(w->in, "ter");
    uint8_t h_t[32], integrity[20], boot[16], ce[32];
    vec_hex_into(ter, "h_t", h_t, 32);
    vec_hex_into(ter, "integrity", integrity, 20);
    vec_hex_into(ter, "boot_id", boot, 16);
    vec_hex_into(w->in, "ce", ce, 32);
    CHECK_EQ(hkp_htp_endpoint_set_ter(p->e, vec_u64(ter, "index"), h_t, integrity,
                                      (uint32_t)vec_u64(ter, "policy_ver"), boot),
             HKP_OK);
    CHECK_EQ(hkp_htp_endpoint_set_ce(p->v, ce), HKP_OK);
}

static inline void pair_free(struct pair *p) {
    hkp_htp_endpoint_free(p->e);
    hkp_htp_endpoint_free(p->v);
    CHECK_EQ(p->w->pins, 0);
}

static inline hkp_status pair_connect(struct pair *p) {
    return hkp_htp_connect(p->e, p->now, p->wall + p->ahead_e, &p->path_v, p->w->v.node_id, p->w->v.s,
                           p->w->unknown ? NULL : p->w->v.a, (uint32_t)p->w->mode, &p->session);
}

/** Next datagram of E (1) or V (0); 0: none. */
static inline size_t pair_pull(struct pair *p, int from_e, uint8_t dgram[1200]) {
    struct hkp_htp_path to;
    size_t len = 0;
    CHECK_EQ(hkp_htp_send(from_e ? p->e : p->v, p->now, p->wall + (from_e ? p->ahead_e : 0), &to, dgram, 1200,
                          &len),
             HKP_OK);
    if (len > 0) {
        const struct hkp_htp_path *want = from_e ? &p->path_v : &p->path_e;
        CHECK(to.port == want->port);
    }
    return len;
}

/** Gives a copy of a datagram to E (1) or V (0). */
static inline hkp_status pair_give(struct pair *p, int to_e, const uint8_t *dgram, size_t len) {
    uint8_t *copy = malloc(len + 1);
    if (len > 0) memcpy(copy, dgram, len);
    hkp_status st = hkp_htp_recv(to_e ? p->e : p->v, p->now, p->wall + (to_e ? p->ahead_e : 0),
                                 to_e ? &p->path_v : &p->path_e, copy, len);
    free(copy);
    return st;
}

/** Both ends exchange everything until neither has more; the count of datagrams. */
static inline int pair_pump(struct pair *p) {
    uint8_t d[1200];
    int moved = 0;
    for (int quiet = 0; quiet < 2 && moved < 10000;) {
        quiet++;
        for (int from_e = 0; from_e < 2; from_e++)
            for (size_t len; (len = pair_pull(p, from_e, d)) > 0; moved++, quiet = 0)
                (void)pair_give(p, !from_e, d, len);
    }
    return moved;
}

/** Lets time pass in steps of a deadline. */
static inline void pair_run(struct pair *p, hkp_time span) {
    const hkp_time end = p->now + span;
    for (int i = 0; i < 100000; i++) {
        pair_pump(p);
        hkp_time a = hkp_htp_wake(p->e), b = hkp_htp_wake(p->v), next = a < b ? a : b;
        if (next > end) break;
        if (next <= p->now) next = p->now + HKP_HTP__MS;
        p->wall += (next - p->now) / 1000;
        p->now = next;
        hkp_htp_tick(p->e, p->now, p->wall);
        hkp_htp_tick(p->v, p->now, p->wall);
    }
    p->wall += (end - p->now) / 1000;
    p->now = end;
    hkp_htp_tick(p->e, p->now, p->wall);
    hkp_htp_tick(p->v, p->now, p->wall);
    pair_pump(p);
}

/** Next event of this type, skipping others; type NONE if none comes. */
static inline struct hkp_htp_event pair_event(hkp_htp_endpoint *ep, uint32_t type) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    do {
        CHECK_EQ(hkp_htp_event(ep, &ev), HKP_OK);
    } while (ev.type != type && ev.type != HKP_HTP_EVENT_NONE);
    return ev;
}

static inline uint64_t pair_dropped(const hkp_htp_endpoint *ep, hkp_status result) {
    struct hkp_htp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_endpoint_stats(ep, &s), HKP_OK);
    return s.dropped[HKP_E_HTP_BASE - result];
}

#endif
