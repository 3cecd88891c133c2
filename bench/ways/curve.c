/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* ZeroMQ with CURVE (X25519, XSalsa20-Poly1305) over TCP; bulk in messages of 64 KiB. */
#include "way.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { CHUNK = 65536, SMALL = 64 };

struct link {
    void *context, *client, *server;
    char server_public[41], server_secret[41];
    const struct way_load *load;
    struct way_cost *cost;
    unsigned count;
    double *seconds;
};

static void close_client(struct link *l) {
    if (l->client != NULL) zmq_close(l->client);
    l->client = NULL;
}

static void close_link(struct link *l) {
    close_client(l);
    if (l->server != NULL) zmq_close(l->server);
    if (l->context != NULL) zmq_ctx_term(l->context);
    l->server = l->context = NULL;
}

static void *secure_socket(struct link *l, int kind, int is_server) {
    char pub[41], sec[41];
    int on = 1, high = 0, zero = 0;
    void *s = zmq_socket(l->context, kind);
    if (s == NULL) return NULL;
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(s, ZMQ_SNDHWM, is_server ? &high : &(int){1000}, sizeof high);
    zmq_setsockopt(s, ZMQ_RCVHWM, &(int){1000}, sizeof high);
    if (is_server) {
        zmq_setsockopt(s, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, l->server_secret, 40);
        return s;
    }
    if (zmq_curve_keypair(pub, sec) != 0) return NULL;
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, l->server_public, 40);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, pub, 40);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, sec, 40);
    return s;
}

static int open_client(struct link *l, int kind) {
    char at[64];
    size_t len = sizeof at;
    l->client = secure_socket(l, kind, 0);
    if (l->client == NULL || zmq_getsockopt(l->server, ZMQ_LAST_ENDPOINT, at, &len) != 0) return -1;
    return zmq_connect(l->client, at);
}

static int open_link(struct link *l, int client_kind, int server_kind) {
    l->context = zmq_ctx_new();
    if (l->context == NULL || zmq_curve_keypair(l->server_public, l->server_secret) != 0) return -1;
    l->server = secure_socket(l, server_kind, 1);
    if (l->server == NULL || zmq_bind(l->server, "tcp://127.0.0.1:*") != 0) return -1;
    return open_client(l, client_kind);
}

static int one_trip(void *socket) {
    char buffer[SMALL] = {0};
    return zmq_send(socket, buffer, SMALL, 0) == SMALL && zmq_recv(socket, buffer, SMALL, 0) >= 1 ? 0 : -1;
}

/* ---- bulk and messages: the client sends, the server tells when it has all */

static int serve_stream(struct link *l, uint64_t bytes) {
    char small[SMALL];
    zmq_msg_t m;
    if (zmq_recv(l->server, small, SMALL, 0) != SMALL || zmq_send(l->server, "k", 1, 0) != 1) return -1;
    zmq_msg_init(&m);
    for (uint64_t got = 0; got < bytes;) {
        int n = zmq_msg_recv(&m, l->server, 0);
        if (n <= 0) return -1;
        got += (uint64_t)n;
    }
    zmq_msg_close(&m);
    return zmq_send(l->server, "k", 1, 0) == 1 ? 0 : -1;
}

static int use_stream(struct link *l, uint64_t bytes, size_t chunk) {
    static const uint8_t zeros[CHUNK];
    char byte;
    if (one_trip(l->client) != 0) return -1; /* the handshake is over */
    way_begin(l->cost);
    for (uint64_t sent = 0; sent < bytes; sent += chunk)
        if (zmq_send(l->client, zeros, chunk, 0) != (int)chunk) return -1;
    int n = zmq_recv(l->client, &byte, 1, 0);
    way_end(l->cost);
    return n == 1 ? 0 : -1;
}

static int serve_bulk(void *user) {
    struct link *l = user;
    return serve_stream(l, l->load->bytes);
}

static int use_bulk(void *user) {
    struct link *l = user;
    return use_stream(l, l->load->bytes, CHUNK);
}

static int bulk(const struct way_load *load, struct way_cost *cost) {
    struct link l = {.load = load, .cost = cost};
    if (load->suite != WAY_CHACHA) return -1;
    int st = open_link(&l, ZMQ_PAIR, ZMQ_PAIR);
    if (st == 0) st = way_both(serve_bulk, use_bulk, &l);
    close_link(&l);
    return st;
}

static int serve_messages(void *user) {
    struct link *l = user;
    return serve_stream(l, (uint64_t)l->count * SMALL);
}

static int use_messages(void *user) {
    struct link *l = user;
    return use_stream(l, (uint64_t)l->count * SMALL, SMALL);
}

static int messages(unsigned count, struct way_cost *cost) {
    struct link l = {.count = count, .cost = cost};
    int st = open_link(&l, ZMQ_PAIR, ZMQ_PAIR);
    if (st == 0) st = way_both(serve_messages, use_messages, &l);
    close_link(&l);
    return st;
}

/* ---- handshakes: a new client socket and one request each */

static int serve_trips(void *user) {
    struct link *l = user;
    char buffer[SMALL];
    for (unsigned i = 0; i < l->count; i++)
        if (zmq_recv(l->server, buffer, SMALL, 0) != SMALL || zmq_send(l->server, buffer, SMALL, 0) != SMALL)
            return -1;
    return 0;
}

static int use_handshakes(void *user) {
    struct link *l = user;
    close_client(l);
    way_begin(l->cost);
    for (unsigned i = 0; i < l->count; i++) {
        if (open_client(l, ZMQ_REQ) != 0 || one_trip(l->client) != 0) return -1;
        close_client(l);
    }
    way_end(l->cost);
    return 0;
}

static int some(unsigned count, struct way_cost *cost) {
    struct link l = {.count = count, .cost = cost};
    int st = open_link(&l, ZMQ_REQ, ZMQ_REP);
    if (st == 0) st = way_both(serve_trips, use_handshakes, &l);
    close_link(&l);
    return st;
}

static int handshakes(unsigned count, unsigned at_once, struct way_cost *cost) {
    return at_once > 1 ? way_side_by_side(some, count, at_once, cost) : some(count, cost);
}

static int use_trips(void *user) {
    struct link *l = user;
    for (unsigned i = 0; i < l->count; i++) {
        double t = way_clock();
        if (one_trip(l->client) != 0) return -1;
        l->seconds[i] = way_clock() - t;
    }
    return 0;
}

static int round_trips(unsigned count, int busy, double *seconds) {
    struct link l = {.count = count, .seconds = seconds};
    if (busy) return -1;
    int st = open_link(&l, ZMQ_REQ, ZMQ_REP);
    if (st == 0) st = way_both(serve_trips, use_trips, &l);
    close_link(&l);
    return st;
}

const struct way way_curve = {"curve", bulk, handshakes, round_trips, messages};
