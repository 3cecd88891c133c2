/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two endpoints with as many sessions between them as wanted, each of its own pair of nodes, in virtual time:
 * E says another node id at each connect, and V has as many names as there are sessions. One wire of constant
 * delay. Also for benches: nothing here checks, it counts.
 */
#ifndef HKP_TESTS_HTP_CROWD_H
#define HKP_TESTS_HTP_CROWD_H

#include "alloc.h"
#include "libhtp/endpoint.h"
#include "libter/bytes.h"

#include <stdio.h>

enum { CROWD_EVENTS = 32 };

struct crowd_packet {
    hkp_time at;
    uint32_t session;
    uint16_t len;
    uint8_t to_e;
    uint8_t *bytes;
};

struct crowd_side {
    hkp_htp_endpoint *ep;
    struct failing mem;
    uint8_t a[32], a_key[64], s_key[32], s[32];
    /** how often an event of this type came */
    uint64_t events[CROWD_EVENTS];
    /** the newest one with a session to name */
    uint64_t last_up;
};

struct crowd {
    /** 0 V, 1 E */
    struct crowd_side side[2];
    uint64_t random;
    hkp_time now, delay;
    uint64_t wall;
    /** made so far; the numbers that E and V know them by */
    uint32_t n;
    uint64_t *sessions[2];
    /** a ring: all packets wait equally long */
    struct crowd_packet *wire;
    size_t wire_cap, wire_first, wire_n;
    uint64_t packets, steps, refused;
    /** nothing that is sent by or to this session arrives; HKP_HTP__NONE */
    uint32_t mute;
    /** 1: nothing arrives at all */
    int cut;
    /** 1: V's owner asks for no events */
    int deaf;
};

static inline uint64_t crowd_random(struct crowd *c) {
    uint64_t z = c->random += 0x9E3779B97F4A7C15U; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
}

static inline int32_t crowd_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i += 8) {
        uint64_t r = crowd_random((struct crowd *)user);
        memcpy(dst + i, &r, len - i < 8 ? len - i : 8);
    }
    return 0;
}

static inline void crowd_node(uint8_t node_id[16], int is_e, uint32_t i) {
    memset(node_id, is_e ? 0xEE : 0xBB, 16);
    hkp_put_be32(node_id + 12, i);
}

/** Path to session i: E's side has an address for each, V's only one. */
static inline struct hkp_htp_path crowd_path(int to_e, uint32_t i) {
    struct hkp_htp_path p = {.addr = {[10] = 0xFF, 0xFF, 10}, .port = 8144};
    hkp_put_be32(p.addr + 12, 0x0A000000U + (to_e ? i + 2 : 1));
    p.carrier = i;
    return p;
}

/* ---- registry: everybody is known, and without neural state ---- */

static inline hkp_status crowd_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct crowd *c = (const struct crowd *)user;
    memset(out, 0, sizeof *out);
    memcpy(out->a, c->side[node_id[0] == 0xEE].a, 32);
    out->neural = HKP_HTP_NEURAL_OFF;
    return HKP_OK;
}

static inline hkp_status crowd_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)user, (void)node_id, (void)ck_index;
    return HKP_E_NOTFOUND;
}

static inline hkp_status crowd_neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                                      struct hkp_htp_neural *out) {
    (void)user, (void)node_id, (void)side, (void)ck_index, (void)out;
    return HKP_E_NOTFOUND;
}

static inline hkp_status crowd_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                                    const uint8_t nonce[8], uint8_t tag[32]) {
    (void)user, (void)handle, (void)role, (void)msg_hash, (void)nonce, (void)tag;
    return HKP_E_NOTFOUND;
}

static inline void crowd_release(void *user, uint64_t handle) { (void)user, (void)handle; }

/* ---- life ---- */

static inline void crowd_options(struct crowd *c, int is_e, struct hkp_htp_options *o) {
    struct crowd_side *s = &c->side[is_e];
    hkp_htp_options_init(o, sizeof *o);
    o->mem = failing_mem(&s->mem);
    o->rng = (struct hkp_rng){.user = c, .fill = crowd_fill};
    o->registry = (struct hkp_htp_registry){.user = c,
                                            .find = crowd_find,
                                            .own_index = crowd_index,
                                            .neural = crowd_neural,
                                            .posf = crowd_posf,
                                            .neural_release = crowd_release};
    crowd_node(o->node_id, is_e, 0);
    memset(o->a_seed, is_e ? 0x51 : 0x52, 32);
    crypto_sign_seed_keypair(s->a, s->a_key, o->a_seed);
    memset(s->s_key, 0x53, 32);
    crypto_scalarmult_curve25519_base(s->s, s->s_key);
    if (!is_e) memcpy(o->s_secret, s->s_key, 32);
}

/** 1, or 0 if there is no memory. */
static inline int crowd_new(struct crowd *c, uint32_t sessions_max, uint64_t seed) {
    memset(c, 0, sizeof *c);
    if (sodium_init() < 0) return 0;
    c->random = seed;
    c->now = 1000 * HKP_HTP__SEC;
    c->wall = UINT64_C(1790000000000000);
    c->mute = HKP_HTP__NONE;
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_options o;
        c->side[is_e].mem.left = -1;
        crowd_options(c, is_e, &o);
        o.sessions_max = sessions_max;
        c->sessions[is_e] = (uint64_t *)calloc(sessions_max, sizeof(uint64_t));
        if (hkp_htp_endpoint_new(&c->side[is_e].ep, &o, c->now) != HKP_OK) return 0;
    }
    return 1;
}

static inline void crowd_free(struct crowd *c) {
    for (; c->wire_n > 0; c->wire_n--) free(c->wire[c->wire_first++ % c->wire_cap].bytes);
    for (int is_e = 0; is_e < 2; is_e++) {
        hkp_htp_endpoint_free(c->side[is_e].ep);
        free(c->sessions[is_e]);
    }
    free(c->wire);
}

/** Bytes that an endpoint of this kind holds before it has a session, with no table longer than for one. */
static inline size_t crowd_empty(int is_e) {
    static struct crowd c;
    if (!crowd_new(&c, 1, 1)) return 0;
    const size_t bytes = c.side[is_e].mem.bytes;
    crowd_free(&c);
    return bytes;
}

/* ---- the wire ---- */

static inline void crowd_put(struct crowd *c, const struct crowd_packet *p, const uint8_t *bytes) {
    if (c->wire_n == c->wire_cap) {
        const size_t cap = c->wire_cap != 0 ? 2 * c->wire_cap : 64;
        struct crowd_packet *bigger = (struct crowd_packet *)calloc(cap, sizeof *bigger);
        for (size_t i = 0; i < c->wire_n; i++) bigger[i] = c->wire[(c->wire_first + i) % c->wire_cap];
        free(c->wire);
        c->wire = bigger;
        c->wire_cap = cap;
        c->wire_first = 0;
    }
    struct crowd_packet *q = &c->wire[(c->wire_first + c->wire_n++) % c->wire_cap];
    *q = *p;
    q->bytes = (uint8_t *)malloc(p->len);
    memcpy(q->bytes, bytes, p->len);
}

static inline void crowd_take_events(struct crowd *c, int is_e) {
    struct crowd_side *s = &c->side[is_e];
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    while (hkp_htp_event(s->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        s->events[ev.type % CROWD_EVENTS]++;
        if (ev.type != HKP_HTP_EVENT_UP) continue;
        s->last_up = ev.session;
        if (hkp_htp_session_allow(s->ep, ev.session, UINT64_MAX, UINT64_MAX) != HKP_OK) c->refused++;
    }
}

/** Everything that both want to send now goes onto the wire. */
static inline void crowd_send(struct crowd *c) {
    for (int is_e = 0; is_e < 2; is_e++) {
        uint8_t d[HKP_HTP_DATAGRAM_MAX];
        struct hkp_htp_path path;
        for (;;) {
            size_t len = 0;
            if (hkp_htp_send(c->side[is_e].ep, c->now, c->wall, &path, d, sizeof d, &len) != HKP_OK ||
                len == 0)
                break;
            c->packets++;
            if (path.carrier == c->mute || c->cut) continue;
            const struct crowd_packet p = {.at = c->now + c->delay,
                                           .session = (uint32_t)path.carrier,
                                           .len = (uint16_t)len,
                                           .to_e = !is_e};
            crowd_put(c, &p, d);
        }
        if (is_e || !c->deaf) crowd_take_events(c, is_e);
    }
}

/** Delivers what is due, sends what follows from it, until nothing is due now. */
static inline void crowd_settle(struct crowd *c) {
    crowd_send(c);
    while (c->wire_n > 0 && c->wire[c->wire_first].at <= c->now) {
        struct crowd_packet p = c->wire[c->wire_first];
        c->wire_first = (c->wire_first + 1) % c->wire_cap;
        c->wire_n--;
        const struct hkp_htp_path from = crowd_path(!p.to_e, p.session);
        c->refused += hkp_htp_recv(c->side[p.to_e].ep, c->now, c->wall, &from, p.bytes, p.len) != HKP_OK;
        free(p.bytes);
        crowd_send(c);
    }
}

/** Lets both do what is due now. */
static inline void crowd_tick(struct crowd *c) {
    for (int is_e = 0; is_e < 2; is_e++)
        if (hkp_htp_wake(c->side[is_e].ep) <= c->now) hkp_htp_tick(c->side[is_e].ep, c->now, c->wall);
}

/** Lets time pass to `until`, from deadline to deadline. */
static inline void crowd_run(struct crowd *c, hkp_time until) {
    for (;;) {
        crowd_settle(c);
        hkp_time next = until;
        for (int is_e = 0; is_e < 2; is_e++) {
            const hkp_time wake = hkp_htp_wake(c->side[is_e].ep);
            if (wake < next) next = wake;
        }
        if (c->wire_n > 0 && c->wire[c->wire_first].at < next) next = c->wire[c->wire_first].at;
        if (next >= until && c->now >= until) return;
        if (next <= c->now) next = c->now + 1000; /* a deadline in the past must not stop the clock */
        c->wall += (next - c->now) / 1000;
        c->now = next;
        c->steps++;
        crowd_tick(c);
    }
}

/** One more session, up on both sides; without delay, because E's name changes with each. 1: it is up. */
static inline int crowd_connect(struct crowd *c) {
    const uint32_t i = c->n;
    const hkp_time delay = c->delay;
    const struct hkp_htp_path to = crowd_path(0, i);
    const uint64_t up[2] = {c->side[0].events[HKP_HTP_EVENT_UP], c->side[1].events[HKP_HTP_EVENT_UP]};
    uint8_t node[16];
    crowd_run(c, c->now);
    c->delay = 0;
    crowd_node(c->side[1].ep->self.node_id, 1, i);
    crowd_node(node, 0, i);
    if (hkp_htp_connect(c->side[1].ep, c->now, c->wall, &to, node, c->side[0].s, c->side[0].a, HKP_HTP_MODE_N,
                        &c->sessions[1][i]) != HKP_OK)
        return 0;
    while (c->wire_n > 0 || hkp_htp_wake(c->side[0].ep) <= c->now || hkp_htp_wake(c->side[1].ep) <= c->now) {
        crowd_tick(c); /* what fell due at this very moment */
        crowd_settle(c);
        if (c->wire_n > 0 && c->wire[c->wire_first].at > c->now) break;
    }
    c->delay = delay;
    c->sessions[0][i] = c->side[0].last_up;
    c->n++;
    return c->side[0].events[HKP_HTP_EVENT_UP] == up[0] + 1 &&
           c->side[1].events[HKP_HTP_EVENT_UP] == up[1] + 1;
}

#endif
