/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * One node of the fault simulator: an endpoint with its registry, generator, clocks and memory. Every call
 * goes through node_do(), which can write it down: an endpoint is a function of its inputs, so a machine that
 * is rolled back is a second endpoint that was given the first part of the journal.
 */
#ifndef HKP_TESTS_HTP_FAULTS_NODE_H
#define HKP_TESTS_HTP_FAULTS_NODE_H

#include <hookprobe/htp.h>

#include "faults_heap.h"
#include "libhtp/handshake/door.h"
#include "libter/bytes.h"

enum { FAULT_DGRAM = 65535, FAULT_LIMIT = 16384, FAULT_CK_FIRST = 5 };

enum {
    DO_RECV,
    DO_SEND,
    DO_TICK,
    DO_EVENT,
    DO_CONNECT,
    DO_ALLOW,
    DO_OPEN,
    DO_MESSAGE,
    DO_DATAGRAM,
    DO_REKEY,
    DO_CLOSE,
    DO_STOP,
    DO_RESET,
    DO_TRANSPORT,
    DO_MIGRATE,
    DO_PATH_ADD,
    DO_PATH_DROP,
    DO_ENERGY,
    DO_COMMIT
};

/** One call: what goes in, and a hash of what came out. */
struct fault_call {
    /** quiet: no stateless reset may answer */
    uint8_t op, cls, fin, mode, quiet;
    uint16_t code;
    hkp_status st;
    hkp_time now;
    uint64_t wall, session, out;
    uint32_t stream, peer;
    struct hkp_htp_path path;
    /** segment: of a run, all packets but the last are so long */
    size_t len, segment;
    const uint8_t *bytes;
};

struct fault_world;

struct fault_node {
    struct fault_world *w;
    uint32_t index, suite, features, mode, swarm_paths;
    /** 1: packets are taken in runs */
    uint8_t runs;
    hkp_htp_endpoint *ep;
    struct fault_heap heap;
    uint64_t rng, rng_born;
    hkp_time born;
    uint8_t no_rollback;
    /** registry: t1 of the last handshake with each node, now and when the endpoint was made; pins */
    uint64_t *last_t1, *last_t1_born;
    uint64_t ck_index, ck_index_born;
    long pins;
    /** what the monotonic clock is behind the world's; what the wall clock is ahead */
    hkp_time lag, asleep_until, wake, app_at, connect_at, watched_at, mtu_again;
    int64_t ahead_us;
    /** journal */
    uint8_t journal_on;
    struct fault_call *journal;
    size_t journal_n, journal_cap;
    /** what the last call gave */
    uint8_t dgram[FAULT_DGRAM];
    struct hkp_htp_event ev;
};

struct fault_world {
    uint64_t seed, random, trace;
    hkp_time now;
    uint64_t wall0;
    /** node 0 is V, all others are E */
    uint32_t n;
    struct fault_node *nodes;
    struct fault_app *app;
    struct fault_net *net;
};

static inline uint64_t fault_random(struct fault_world *w) { return check_random(&w->random); }
static inline uint64_t fault_below(struct fault_world *w, uint64_t n) { return fault_random(w) % n; }
static inline hkp_time node_now(const struct fault_node *n) { return n->w->now - n->lag; }
static inline uint64_t node_wall(const struct fault_node *n) {
    return n->w->wall0 + n->w->now / 1000 + (uint64_t)n->ahead_us;
}

/* ---- keys and registry: everything of a node comes from its number ---- */

static inline void node_name(uint32_t index, uint8_t node_id[16]) {
    memset(node_id, 0x40, 16);
    hkp_put_be32(node_id, index + 1);
}

static inline void node_secret(uint32_t index, uint8_t what, uint8_t out[32]) {
    uint64_t x = (uint64_t)index << 8 | what;
    for (int i = 0; i < 32; i++) out[i] = (uint8_t)check_random(&x);
}

static inline void node_public(uint32_t index, uint8_t a[32], uint8_t s[32]) {
    uint8_t secret[32], key[64];
    node_secret(index, 1, secret);
    crypto_sign_ed25519_seed_keypair(a, key, secret);
    node_secret(index, 2, secret);
    crypto_scalarmult_curve25519_base(s, secret);
}

static inline hkp_status reg_find(void *user, const uint8_t node_id[16], struct hkp_htp_record *out) {
    const struct fault_node *n = user;
    const uint32_t peer = hkp_be32(node_id) - 1;
    uint8_t s[32];
    if (peer >= n->w->n) return HKP_E_NOTFOUND;
    const uint32_t edge = peer == 0 ? n->index : peer;
    memset(out, 0, sizeof *out);
    node_public(peer, out->a, s);
    out->neural = n->w->nodes[edge].mode == HKP_HTP_MODE_R ? HKP_HTP_NEURAL_REQUIRED : HKP_HTP_NEURAL_OFF;
    out->trust = 60000;
    out->last_t1 = n->last_t1[peer];
    return HKP_OK;
}

static inline hkp_status reg_index(void *user, const uint8_t node_id[16], uint64_t *ck_index) {
    (void)node_id;
    *ck_index = ((const struct fault_node *)user)->ck_index;
    return HKP_OK;
}

/* Edge and commit make the shared state; its handle is (edge, commit). */
static inline void reg_psk(uint64_t handle, uint8_t psk[32]) {
    for (int i = 0; i < 32; i++) psk[i] = (uint8_t)check_random(&handle);
}

static inline hkp_status reg_neural(void *user, const uint8_t node_id[16], uint32_t side, uint64_t ck_index,
                                    struct hkp_htp_neural *out) {
    struct fault_node *n = user;
    const uint32_t edge = side == HKP_HTP_SIDE_OWN ? n->index : hkp_be32(node_id) - 1;
    if (ck_index < FAULT_CK_FIRST || ck_index > 1U << 20 || edge >= n->w->n) return HKP_E_NOTFOUND;
    memset(out, 0, sizeof *out);
    out->handle = (uint64_t)edge << 32 | ck_index;
    reg_psk(out->handle, out->psk);
    memset(out->f, (int)edge, 64);
    out->last_us = ck_index * 1000;
    n->pins++;
    return HKP_OK;
}

static inline hkp_status reg_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg_hash[32],
                                  const uint8_t nonce[8], uint8_t tag[32]) {
    uint8_t psk[32];
    (void)user;
    reg_psk(handle, psk);
    hkp_htp__hmac(tag, psk, PARTS(LABEL("vector posf"), {&role, 1}, {msg_hash, 32}, {nonce, 8}));
    return HKP_OK;
}

static inline void reg_release(void *user, uint64_t handle) {
    (void)handle;
    ((struct fault_node *)user)->pins--;
}

static inline void reg_note(void *user, const uint8_t node_id[16], uint32_t what, uint64_t value) {
    struct fault_node *n = user;
    const uint32_t peer = hkp_be32(node_id) - 1;
    if (what == HKP_HTP_NOTE_COMPLETED && peer < n->w->n) n->last_t1[peer] = value;
}

static inline int32_t node_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

/* ---- life ---- */

static inline void node_options(struct fault_node *n, struct hkp_htp_options *o) {
    hkp_htp_options_init(o, sizeof *o);
    o->mem = fault_mem(&n->heap);
    o->rng = (struct hkp_rng){.user = &n->rng, .fill = node_fill};
    o->registry = (struct hkp_htp_registry){.user = n,
                                            .find = reg_find,
                                            .own_index = reg_index,
                                            .neural = reg_neural,
                                            .posf = reg_posf,
                                            .neural_release = reg_release,
                                            .note = reg_note};
    node_name(n->index, o->node_id);
    node_secret(n->index, 1, o->a_seed);
    if (n->index == 0) node_secret(n->index, 2, o->s_secret);
    o->suites_allowed = crypto_aead_aes256gcm_is_available() ? 3 : 1;
    o->suite_first = o->suites_allowed == 3 ? n->suite : 1;
    o->features = n->features;
    o->swarm_paths = n->swarm_paths;
    o->datagram_max = FAULT_LIMIT;
    o->no_rollback = n->no_rollback;
    o->half_open_max = 64 + 4 * n->w->n;
    o->answer_cache = 64 + n->w->n;
    o->cookie_load = 32;
    o->source_cells = 4096;
    o->strangers_max = 4;
    o->sessions_max = n->index == 0 ? 8 + 4 * n->w->n : 8;
    o->pool_bytes = 4 * 1024 * 1024;
}

/* As after a start of the program: the same long-term keys, a fresh endpoint, other random numbers. */
static inline void node_start(struct fault_node *n) {
    struct hkp_htp_options o;
    n->born = node_now(n);
    n->rng_born = n->rng;
    memcpy(n->last_t1_born, n->last_t1, n->w->n * sizeof *n->last_t1);
    n->ck_index_born = n->ck_index;
    node_options(n, &o);
    CHECK_EQ(hkp_htp_endpoint_new(&n->ep, &o, n->born), HKP_OK);
}

static inline void node_forget(struct fault_node *n, size_t from) {
    for (size_t i = from; i < n->journal_n; i++) free((void *)(uintptr_t)n->journal[i].bytes);
    if (from < n->journal_n) n->journal_n = from;
}

static inline void node_stop(struct fault_node *n) {
    hkp_htp_endpoint_free(n->ep);
    n->ep = NULL;
    CHECK_EQ(n->pins, 0);
    CHECK_EQ(n->heap.live, 0);
    node_forget(n, 0);
}

/* ---- calls ---- */

static inline uint64_t fault_mix(uint64_t h, const void *bytes, size_t len) {
    static const uint8_t key[16] = "trace";
    uint8_t out[8], head[16];
    crypto_shorthash(out, bytes, len, key);
    hkp_put_be64(head, h);
    memcpy(head + 8, out, 8);
    crypto_shorthash(out, head, sizeof head, key);
    return hkp_be64(out);
}

static inline void do_send(struct fault_node *n, struct fault_call *c) {
    struct hkp_htp_run run = {.struct_size = sizeof run};
    if (n->runs) {
        c->st = hkp_htp_run_send(n->ep, c->now, c->wall, n->dgram, sizeof n->dgram, &run);
        c->path = run.path;
    } else {
        c->st = hkp_htp_send(n->ep, c->now, c->wall, &c->path, n->dgram, FAULT_LIMIT, &run.len);
        run.segment = run.len;
    }
    c->len = run.len;
    c->segment = run.segment;
    c->session = run.session;
    c->out = fault_mix(run.len + run.segment, n->dgram, run.len);
}

static inline void do_event(struct fault_node *n, struct fault_call *c) {
    n->ev = (struct hkp_htp_event){.struct_size = sizeof n->ev};
    c->st = hkp_htp_event(n->ep, &n->ev);
    c->out = fault_mix(n->ev.type + n->ev.stream * 64 + n->ev.session,
                       n->ev.data != NULL ? n->ev.data : n->dgram, n->ev.data != NULL ? n->ev.len : 0);
}

static inline void do_connect(struct fault_node *n, struct fault_call *c) {
    uint8_t a[32], s[32], node_id[16];
    node_public(c->peer, a, s);
    node_name(c->peer, node_id);
    c->st = hkp_htp_connect(n->ep, c->now, c->wall, &c->path, node_id, s, a, c->mode, &c->session);
    c->out = c->session;
}

/* The generator and the registry of the node are part of it; nothing else decides what comes out. */
static inline void node_run(struct fault_node *n, struct fault_call *c) {
    hkp_htp_endpoint *ep = n->ep;
    uint8_t *bytes = NULL;
    c->st = HKP_OK;
    c->out = 0;
    switch (c->op) {
    case DO_RECV: /* a copy of its own size, so that a sanitizer sees a read past its end */
        bytes = malloc(c->len + 1);
        if (c->len > 0) memcpy(bytes, c->bytes, c->len);
        ep->opt.no_reset = c->quiet;
        c->st = hkp_htp_recv(ep, c->now, c->wall, &c->path, bytes, c->len);
        ep->opt.no_reset = 0;
        free(bytes);
        break;
    case DO_SEND:
        do_send(n, c);
        break;
    case DO_TICK:
        hkp_htp_tick(ep, c->now, c->wall);
        break;
    case DO_EVENT:
        do_event(n, c);
        break;
    case DO_CONNECT:
        do_connect(n, c);
        break;
    case DO_ALLOW:
        c->st = hkp_htp_session_allow(ep, c->session, UINT64_MAX, 0);
        break;
    case DO_OPEN:
        c->st = hkp_htp_stream_open(ep, c->session, c->cls, c->fin, c->code & 7, &c->stream);
        c->out = c->stream;
        break;
    case DO_MESSAGE:
        c->st = hkp_htp_stream_send(ep, c->session, c->stream, c->bytes, c->len, c->fin);
        break;
    case DO_DATAGRAM:
        c->st = hkp_htp_datagram_send(ep, c->session, c->cls, c->bytes, c->len);
        break;
    case DO_REKEY:
        c->st = hkp_htp_session_rekey(ep, c->now, c->session);
        break;
    case DO_CLOSE:
        c->st = hkp_htp_session_close(ep, c->now, c->session, c->code);
        break;
    case DO_STOP:
        c->st = hkp_htp_stream_stop(ep, c->session, c->stream, c->code);
        break;
    case DO_RESET:
        c->st = hkp_htp_stream_reset(ep, c->session, c->stream, c->code);
        break;
    case DO_MIGRATE:
        c->st = hkp_htp_session_migrate(ep, c->now, c->session, &c->path);
        break;
    case DO_PATH_ADD:
        c->st = hkp_htp_session_path_add(ep, c->now, c->session, &c->path);
        break;
    case DO_PATH_DROP:
        c->st = hkp_htp_session_path_drop(ep, c->now, c->session, &c->path);
        break;
    case DO_TRANSPORT:
        c->st = hkp_htp_transport_set(ep, c->now, c->session, c->mode);
        break;
    case DO_ENERGY:
        c->st = hkp_htp_energy_set(ep, c->now,
                                   &(struct hkp_htp_energy){.struct_size = sizeof(struct hkp_htp_energy),
                                                            .percent = c->mode,
                                                            .load = c->cls});
        break;
    default:
        n->ck_index++;
    }
    c->out = c->out * 31 + (uint64_t)(int64_t)c->st;
}

static inline hkp_status node_do(struct fault_node *n, struct fault_call *c) {
    c->now = node_now(n);
    c->wall = node_wall(n);
    node_run(n, c);
    if (n->journal_on) {
        if (n->journal_n == n->journal_cap) {
            n->journal_cap = n->journal_cap * 2 + 256;
            n->journal = realloc(n->journal, n->journal_cap * sizeof *n->journal);
        }
        struct fault_call *keep = &n->journal[n->journal_n++];
        const int in = c->bytes != NULL;
        *keep = *c;
        keep->bytes = in ? malloc(c->len + 1) : NULL;
        if (in) memcpy((void *)(uintptr_t)keep->bytes, c->bytes, c->len);
    }
    return c->st;
}

/**
 * The machine as it was after call number at: its memory, its generator, its registry. The caller sets the
 * clocks. Every call is made again and must give what it gave.
 */
static inline void node_rollback(struct fault_node *n, size_t at) {
    const size_t count = n->journal_n;
    struct fault_call *journal = n->journal;
    struct hkp_htp_options o;
    n->journal = NULL;
    n->journal_n = n->journal_cap = 0;
    hkp_htp_endpoint_free(n->ep);
    CHECK_EQ(n->pins, 0);
    n->rng = n->rng_born;
    memcpy(n->last_t1, n->last_t1_born, n->w->n * sizeof *n->last_t1);
    n->ck_index = n->ck_index_born;
    node_options(n, &o);
    fault_seals.on = 0;
    CHECK_EQ(hkp_htp_endpoint_new(&n->ep, &o, n->born), HKP_OK);
    for (size_t i = 0; i < at; i++) {
        struct fault_call c = journal[i];
        node_run(n, &c);
        CHECK(c.out == journal[i].out);
    }
    fault_seals.on = 1;
    n->journal = journal;
    n->journal_n = count;
    n->journal_cap = count;
    node_forget(n, at);
}

/* ---- what a dropped packet may not change (HTP-7.6) ---- */

static inline size_t node_counters(const struct fault_node *n, struct fault_range *r, size_t cap) {
    const struct hkp_htp_endpoint *ep = n->ep;
    const struct hkp_htp__door *d = ep->door;
    size_t k = 0;
    r[k++] = (struct fault_range){&ep->now, sizeof ep->now};
    r[k++] = (struct fault_range){&ep->stats, sizeof ep->stats};
    r[k++] = (struct fault_range){&ep->ready, sizeof ep->ready};
    r[k++] = (struct fault_range){&ep->ciphers, sizeof ep->ciphers}; /* keyed for the last who tried */
    if (d != NULL) {
        r[k++] = (struct fault_range){d->sources, ep->opt.source_cells * sizeof *d->sources};
        r[k++] = (struct fault_range){&d->second, 3 * sizeof d->second};
    }
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++) {
        const struct hkp_htp__session *s = ep->sessions[i];
        if (s == NULL || k + 6 > cap) continue;
        r[k++] = (struct fault_range){&s->ready_next, 2 * sizeof s->ready_next};
        r[k++] = (struct fault_range){&s->in_ready, 1};
        r[k++] = (struct fault_range){&s->forged, sizeof s->forged};
        for (int e = 0; e < 2; e++)
            if (s->epochs[e] != NULL)
                r[k++] = (struct fault_range){&s->epochs[e]->failed, sizeof s->epochs[e]->failed};
    }
    return k;
}

/** Hands over a packet that nobody made; what is not a counter must be as before. */
static inline hkp_status node_forged(struct fault_node *n, struct fault_call *c) {
    struct fault_range r[512];
    size_t block = 0, offset = 0;
    fault_heap_keep(&n->heap);
    const long live = n->heap.live;
    const uint64_t rng = n->rng;
    const uint32_t half = n->ep->stats.half_open;
    c->quiet = 1; /* a stateless reset is an answer without state (HTP-9.5) */
    hkp_status st = node_do(n, c);
    /* Of a reset only the last 16 bytes say anything (HTP-9.5): the link changed others. */
    if (st == HKP_E_HTP_RESET) return st;
    /* A HELLO that was answered is known by its c1: a copy with another PoSF gets the same answer (HTP-4.2).
     */
    if (st == HKP_OK) {
        CHECK(c->len == HKP_HTP__BIG && c->bytes[3] == HKP_HTP__HELLO && n->ep->stats.half_open == half);
        return st;
    }
    CHECK(n->heap.live == live && n->rng == rng);
    if (n->heap.live == live &&
        fault_heap_changed(&n->heap, r, node_counters(n, r, 512), &block, &offset) != NULL) {
        printf("# a forged packet of %zu bytes, result %d, changed byte %zu of a block of %zu\n", c->len,
               st - HKP_E_HTP_BASE, offset, block);
        CHECK(0 && "state after a forged packet");
    }
    return st;
}

#endif
