/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * OpenSSL: DTLS 1.2 over UDP and TLS 1.3 over TCP (peer_openssl.h).
 *
 * DTLS has no flow control: the receiver tells every 128 records that it has them, and the sender keeps at
 * most 512 on their way, as much as the socket holds.
 */
#include "bench/peer_openssl.h"
#include "way.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CREDIT = 512, TELL = 128, TLS_WRITE = 65536, SMALL = 64, RECORD_OVERHEAD = 37 };

struct side {
    SSL *ssl;
    int fd;
};

struct link {
    int dtls, listener;
    struct peer_ssl contexts;
    struct side client, server;
    struct way_relay *relay;
    const struct way_load *load;
    struct way_cost *cost;
    unsigned count;
    uint16_t port;
    double *seconds;
    uint8_t in[TLS_WRITE], out[TLS_WRITE];
};

static void close_link(struct link *l) {
    struct side *s[2] = {&l->client, &l->server};
    for (int i = 0; i < 2; i++) {
        SSL_free(s[i]->ssl);
        if (s[i]->fd >= 0) close(s[i]->fd);
    }
    if (!l->dtls) close(l->listener);
    way_relay_free(l->relay);
    SSL_CTX_free(l->contexts.client);
    SSL_CTX_free(l->contexts.server);
}

static void begin_link(struct link *l, uint32_t suite) {
    l->client.fd = l->server.fd = -1;
    l->contexts = peer_ssl_new(l->dtls, suite == WAY_AES);
}

/* TCP: the listener only; each connection has a socket of its own. */
static int open_sockets(struct link *l) {
    int fd[2];
    if (!l->dtls) return (l->listener = way_tcp_listen(&l->port)) >= 0 ? 0 : -1;
    if (way_udp_pair(fd, &l->relay) != 0) return -1;
    l->client.fd = fd[0];
    l->server.fd = fd[1];
    return 0;
}

static int make_ssl(struct side *s, SSL_CTX *ctx, int dtls) {
    s->ssl = SSL_new(ctx);
    if (s->ssl == NULL) return -1;
    if (!dtls) return SSL_set_fd(s->ssl, s->fd) == 1 ? 0 : -1;
    BIO *bio = BIO_new_dgram(s->fd, BIO_NOCLOSE);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    getpeername(s->fd, (struct sockaddr *)&peer, &len);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_options(s->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(s->ssl, 1500);
    return 0;
}

static int serve_handshake(void *user) {
    struct link *l = user;
    if (!l->dtls) l->server.fd = accept(l->listener, NULL, NULL);
    return make_ssl(&l->server, l->contexts.server, l->dtls) == 0 && SSL_accept(l->server.ssl) == 1 ? 0 : -1;
}

static int use_handshake(void *user) {
    struct link *l = user;
    if (!l->dtls) l->client.fd = way_tcp_connect(l->port);
    return make_ssl(&l->client, l->contexts.client, l->dtls) == 0 && SSL_connect(l->client.ssl) == 1 ? 0 : -1;
}

static int open_link(struct link *l) {
    return open_sockets(l) != 0 ? -1 : way_both(serve_handshake, use_handshake, l);
}

/* ---- bulk */

static size_t chunk_of(const struct link *l) {
    if (!l->dtls) return TLS_WRITE;
    const uint32_t datagram = l->load->datagram != 0 ? l->load->datagram : 16384;
    const size_t chunk = datagram - RECORD_OVERHEAD;
    return chunk < 16384 ? chunk : 16384; /* the most that a record holds */
}

static int serve_bulk(void *user) {
    struct link *l = user;
    uint8_t *const buffer = l->in;
    unsigned records = 0;
    for (uint64_t got = 0; got < l->load->bytes;) {
        int n = SSL_read(l->server.ssl, buffer, TLS_WRITE);
        if (n <= 0) return -1;
        got += (uint64_t)n;
        if (l->dtls && ++records % TELL == 0 && send(l->server.fd, "k", 1, 0) != 1) return -1;
    }
    return SSL_write(l->server.ssl, "k", 1) == 1 ? 0 : -1;
}

/* Bare datagrams of one byte are the credit; they do not pass through the record layer. */
static int take_credit(const struct link *l, unsigned *flying) {
    char byte[64];
    while (recv(l->client.fd, byte, 1, *flying >= CREDIT ? 0 : MSG_DONTWAIT) == 1) *flying -= TELL;
    return 0;
}

static int use_bulk(void *user) {
    struct link *l = user;
    uint8_t *const buffer = l->out;
    const size_t chunk = chunk_of(l);
    unsigned flying = 0;
    char last;
    way_begin(l->cost);
    for (uint64_t sent = 0; sent < l->load->bytes;) {
        size_t n = l->load->bytes - sent < chunk ? (size_t)(l->load->bytes - sent) : chunk;
        if (SSL_write(l->client.ssl, buffer, (int)n) != (int)n) return -1;
        sent += n;
        if (l->dtls && ++flying >= CREDIT) take_credit(l, &flying);
    }
    /* what is left of the credit is of one byte, the answer is a record */
    int n = SSL_read(l->client.ssl, &last, 1);
    way_end(l->cost);
    return n == 1 ? 0 : -1;
}

static int bulk(int dtls, const struct way_load *load, struct way_cost *cost) {
    struct link l = {.dtls = dtls, .load = load, .cost = cost};
    begin_link(&l, load->suite);
    int st = open_link(&l);
    if (st == 0) st = way_both(serve_bulk, use_bulk, &l);
    close_link(&l);
    return st;
}

/* ---- handshakes: one byte comes back; TCP takes a connection for each, DTLS keeps its sockets */

static void end_one(const struct link *l, struct side *s) {
    const struct linger at_once = {1, 0}; /* no port may wait in TIME_WAIT */
    SSL_free(s->ssl);
    s->ssl = NULL;
    if (l->dtls) return;
    if (s == &l->client) (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(s->fd);
    s->fd = -1;
}

static int serve_handshakes(void *user) {
    struct link *l = user;
    for (unsigned i = 0; i < l->count; i++) {
        if (serve_handshake(l) != 0 || SSL_write(l->server.ssl, "k", 1) != 1) return -1;
        end_one(l, &l->server);
    }
    return 0;
}

static int use_handshakes(void *user) {
    struct link *l = user;
    char byte;
    way_begin(l->cost);
    for (unsigned i = 0; i < l->count; i++) {
        if (use_handshake(l) != 0 || SSL_read(l->client.ssl, &byte, 1) != 1) return -1;
        end_one(l, &l->client);
    }
    way_end(l->cost);
    return 0;
}

static int handshakes(int dtls, unsigned count, struct way_cost *cost) {
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL) return -1;
    l->dtls = dtls;
    l->cost = cost;
    l->count = count;
    begin_link(l, WAY_CHACHA);
    int st = open_sockets(l);
    if (st == 0) st = way_both(serve_handshakes, use_handshakes, l);
    close_link(l);
    free(l);
    return st;
}

/* ---- round trips */

static int serve_trips(void *user) {
    struct link *l = user;
    char buffer[SMALL];
    for (unsigned i = 0; i < l->count; i++)
        if (SSL_read(l->server.ssl, buffer, SMALL) != SMALL ||
            SSL_write(l->server.ssl, buffer, SMALL) != SMALL)
            return -1;
    return 0;
}

static int use_trips(void *user) {
    struct link *l = user;
    char buffer[SMALL] = {0};
    for (unsigned i = 0; i < l->count; i++) {
        double t = way_clock();
        if (SSL_write(l->client.ssl, buffer, SMALL) != SMALL ||
            SSL_read(l->client.ssl, buffer, SMALL) != SMALL)
            return -1;
        l->seconds[i] = way_clock() - t;
    }
    return 0;
}

static int round_trips(int dtls, unsigned count, int busy, double *seconds) {
    struct link l = {.dtls = dtls, .count = count, .seconds = seconds};
    if (busy) return -1;
    begin_link(&l, WAY_CHACHA);
    int st = open_link(&l);
    if (st == 0) st = way_both(serve_trips, use_trips, &l);
    close_link(&l);
    return st;
}

static int dtls_bulk(const struct way_load *load, struct way_cost *cost) { return bulk(1, load, cost); }
static int tls_bulk(const struct way_load *load, struct way_cost *cost) { return bulk(0, load, cost); }
static int dtls_some(unsigned count, struct way_cost *cost) { return handshakes(1, count, cost); }
static int tls_some(unsigned count, struct way_cost *cost) { return handshakes(0, count, cost); }
static int dtls_handshakes(unsigned count, unsigned at_once, struct way_cost *cost) {
    return at_once > 1 ? way_side_by_side(dtls_some, count, at_once, cost) : dtls_some(count, cost);
}
static int tls_handshakes(unsigned count, unsigned at_once, struct way_cost *cost) {
    return at_once > 1 ? way_side_by_side(tls_some, count, at_once, cost) : tls_some(count, cost);
}
static int dtls_trips(unsigned count, int busy, double *seconds) {
    return round_trips(1, count, busy, seconds);
}
static int tls_trips(unsigned count, int busy, double *seconds) {
    return round_trips(0, count, busy, seconds);
}

const struct way way_dtls = {"dtls", dtls_bulk, dtls_handshakes, dtls_trips, NULL};
const struct way way_tls = {"tls", tls_bulk, tls_handshakes, tls_trips, NULL};
