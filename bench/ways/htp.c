/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Ours: two endpoints with pinned keys and no neural state, each with the UDP driver in its own thread. */
#include "bench/htp_registry.h"
#include "way.h"

#include <hookprobe/htp.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 65536, SMALL = 64 };

struct end {
    uint8_t node_id[16], seed[32], a[32], a_key[64], s_key[32], s[32];
    struct bench_node peer;
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    struct hkp_htp_path path;
    uint64_t session, got;
    uint32_t stream;
    int up, closed, writable, answers, echo;
    volatile int stop;
};

struct link {
    struct end client, server;
    const struct way_load *load;
    struct way_cost *cost;
    unsigned count;
    double *seconds;
    struct way_relay *relay;
    uint32_t spin_us;
};

static hkp_time mono(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

static uint64_t wall(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000;
}

static int end_new(struct end *self, uint8_t id, uint32_t suite, const struct link *l) {
    const struct way_load *load = l->load;
    struct hkp_htp_udp_options driver;
    struct hkp_htp_options o;
    struct hkp_htp_path any = {.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}};
    memset(self->node_id, id, 16);
    randombytes_buf(self->seed, 32);
    crypto_sign_ed25519_seed_keypair(self->a, self->a_key, self->seed);
    randombytes_buf(self->s_key, 32);
    crypto_scalarmult_curve25519_base(self->s, self->s_key);
    hkp_htp_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.fill = bench_fill};
    o.registry = bench_registry(&self->peer);
    memcpy(o.node_id, self->node_id, 16);
    memcpy(o.a_seed, self->seed, 32);
    if (id == 2) memcpy(o.s_secret, self->s_key, 32);
    o.suites_allowed = suite == WAY_AES ? HKP_HTP_ALLOW_AES256_GCM : HKP_HTP_ALLOW_CHACHA20_POLY1305;
    o.suite_first = suite == WAY_AES ? HKP_HTP_SUITE_AES256_GCM : HKP_HTP_SUITE_CHACHA20_POLY1305;
    o.sessions_max = 256;
    o.send_buffer = 600000;
    o.datagram_max = load != NULL ? load->datagram : 0; /* 0: what path MTU discovery finds */
    o.congestion = load != NULL && load->bbr ? HKP_HTP_CONGESTION_BBR : HKP_HTP_CONGESTION_CUBIC;
    o.credit_session = o.credit_stream = 16 * 1024 * 1024;
    o.pool_bytes = 128 * 1024 * 1024;
    o.dh_per_second = 100000;
    if (hkp_htp_endpoint_new(&self->ep, &o, mono()) != HKP_OK) return -1;
    hkp_htp_udp_options_init(&driver, sizeof driver);
    driver.spin_us = l->spin_us;
    if (hkp_htp_udp_open_with(&self->udp, &any, &driver) != HKP_OK) return -1;
    return hkp_htp_udp_local(self->udp, &self->path) == HKP_OK ? 0 : -1;
}

static void end_free(struct end *self) {
    hkp_htp_udp_close(self->udp);
    if (self->ep != NULL) hkp_htp_endpoint_free(self->ep);
    self->udp = NULL;
    self->ep = NULL;
}

static void on_event(struct end *self, const struct hkp_htp_event *ev) {
    switch (ev->type) {
    case HKP_HTP_EVENT_UP:
        self->session = ev->session;
        self->up++;
        if (hkp_htp_session_allow(self->ep, ev->session, UINT64_MAX, UINT64_MAX) != HKP_OK) self->closed++;
        break;
    case HKP_HTP_EVENT_MESSAGE:
        self->got += ev->len;
        self->stream = ev->stream;
        self->answers++;
        if (self->echo &&
            hkp_htp_stream_send(self->ep, ev->session, ev->stream, ev->data, ev->len, 0) != HKP_OK)
            self->closed++;
        break;
    case HKP_HTP_EVENT_WRITABLE:
        self->writable = 1;
        break;
    case HKP_HTP_EVENT_DOWN:
        self->closed++;
        break;
    default:
        break;
    }
}

/* A step of the driver, then the events; it waits while there is nothing, 20 ms at most. */
static int go(struct end *self) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    if (hkp_htp_udp_step(self->udp, self->ep, mono() + 20000000) != HKP_OK) return -1;
    while (hkp_htp_event(self->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) on_event(self, &ev);
    return 0;
}

static void know(struct end *self, const struct end *peer) {
    memcpy(self->peer.node_id, peer->node_id, 16);
    memcpy(self->peer.a, peer->a, 32);
}

static int open_link(struct link *l, uint32_t suite) {
    if (sodium_init() < 0 || end_new(&l->client, 1, suite, l) != 0 || end_new(&l->server, 2, suite, l) != 0)
        return -1;
    know(&l->client, &l->server);
    know(&l->server, &l->client);
    return 0;
}

static void close_link(struct link *l) {
    way_relay_free(l->relay);
    end_free(&l->client);
    end_free(&l->server);
}

static int start(struct link *l) {
    uint64_t id;
    struct hkp_htp_path to = l->server.path;
    l->relay = way_relay_new(to.port, &to.port);
    return hkp_htp_connect(l->client.ep, mono(), wall(), &to, l->server.node_id, l->server.s, l->server.a,
                           HKP_HTP_MODE_N, &id) == HKP_OK
               ? 0
               : -1;
}

static int connect_client(struct link *l) {
    const double limit = way_clock() + 10;
    const int before = l->client.up;
    if (start(l) != 0) return -1;
    while (l->client.up == before && way_clock() < limit)
        if (go(&l->client) != 0) return -1;
    return l->client.up == before ? -1 : 0;
}

/* ---- bulk: the server answers one byte when it has all */

static int serve_bytes(void *user) {
    struct link *l = user;
    struct end *e = &l->server;
    int told = 0;
    const uint64_t bytes = l->load != NULL ? l->load->bytes : (uint64_t)l->count * SMALL;
    while (!e->stop) {
        if (go(e) != 0) return -1;
        if (told || e->got < bytes) continue;
        if (hkp_htp_stream_send(e->ep, e->session, e->stream, (const uint8_t *)"k", 1, 0) != HKP_OK)
            return -1;
        told = 1;
    }
    return 0;
}

static int use_bytes(struct link *l, uint64_t bytes, size_t chunk) {
    static const uint8_t zeros[CHUNK];
    struct end *e = &l->client;
    uint32_t stream;
    const double limit = way_clock() + 120;
    if (connect_client(l) != 0) return -1;
    if (hkp_htp_stream_open(e->ep, e->session, HKP_HTP_STREAM_APP, 1, 1, &stream) != HKP_OK) return -1;
    way_begin(l->cost);
    for (uint64_t sent = 0; e->answers == 0 && way_clock() < limit;) {
        hkp_status st = HKP_OK;
        while (sent < bytes && st == HKP_OK) {
            const uint64_t left = bytes - sent;
            const size_t n = left < chunk ? (size_t)left : chunk;
            st = hkp_htp_stream_send(e->ep, e->session, stream, zeros, n, 0);
            if (st == HKP_OK) sent += n;
        }
        if (st != HKP_OK && st != HKP_E_LIMIT) return -1;
        if (go(e) != 0) return -1;
    }
    way_end(l->cost);
    return e->answers != 0 ? 0 : -1;
}

static int use_bulk(void *user) {
    struct link *l = user;
    const int st = use_bytes(l, l->load->bytes, CHUNK);
    l->server.stop = 1;
    return st;
}

static int bulk(const struct way_load *load, struct way_cost *cost) {
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL) return -1;
    l->load = load;
    l->cost = cost;
    int st = open_link(l, load->suite);
    if (st == 0) st = way_both(serve_bytes, use_bulk, l);
    close_link(l);
    free(l);
    return st;
}

static int use_messages(void *user) {
    struct link *l = user;
    const int st = use_bytes(l, (uint64_t)l->count * SMALL, SMALL);
    l->server.stop = 1;
    return st;
}

static int messages(unsigned count, struct way_cost *cost) {
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL) return -1;
    l->count = count;
    l->cost = cost;
    int st = open_link(l, WAY_CHACHA);
    if (st == 0) st = way_both(serve_bytes, use_messages, l);
    close_link(l);
    free(l);
    return st;
}

/* ---- round trips */

static int serve_echo(void *user) {
    struct link *l = user;
    l->server.echo = 1;
    while (!l->server.stop)
        if (go(&l->server) != 0) return -1;
    return 0;
}

static int trips(struct link *l) {
    struct end *e = &l->client;
    const uint8_t buffer[SMALL] = {0};
    uint32_t stream;
    if (connect_client(l) != 0) return -1;
    if (hkp_htp_stream_open(e->ep, e->session, HKP_HTP_STREAM_APP, 1, 1, &stream) != HKP_OK) return -1;
    for (unsigned i = 0; i < l->count; i++) {
        const double t = way_clock();
        const int before = e->answers;
        if (hkp_htp_stream_send(e->ep, e->session, stream, buffer, SMALL, 0) != HKP_OK) return -1;
        while (e->answers == before)
            if (way_clock() > t + 5 || go(e) != 0) return -1;
        l->seconds[i] = way_clock() - t;
    }
    return 0;
}

static int use_trips(void *user) {
    struct link *l = user;
    const int st = trips(l);
    l->server.stop = 1;
    return st;
}

static int round_trips(unsigned count, int busy, double *seconds) {
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL) return -1;
    l->count = count;
    l->seconds = seconds;
    l->spin_us = busy ? 1000000 : 0;
    int st = open_link(l, WAY_CHACHA);
    if (st == 0) st = way_both(serve_echo, use_trips, l);
    close_link(l);
    free(l);
    return st;
}

const struct way way_htp = {"htp", bulk, NULL, round_trips, messages};
