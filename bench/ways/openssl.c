/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * OpenSSL: DTLS 1.2 over UDP and TLS 1.3 over TCP. Both sides authenticate by the certificate of the server
 * (P-256 for DTLS: OpenSSL 3.0 refuses Ed25519 there; Ed25519 for TLS), key agreement by X25519.
 *
 * DTLS has no flow control: the receiver tells every 128 records that it has them, and the sender keeps at
 * most 512 on their way, as much as the socket holds.
 */
#include "way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CREDIT = 512, TELL = 128, TLS_WRITE = 65536, SMALL = 64, RECORD_OVERHEAD = 37 };

struct side {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

struct link {
    int dtls;
    struct side client, server;
    struct way_relay *relay;
    const struct way_load *load;
    struct way_cost *cost;
    unsigned count;
    int word;
    double *seconds;
    uint8_t in[TLS_WRITE], out[TLS_WRITE];
};

static int make_certificate(SSL_CTX *ctx, int dtls) {
    EVP_PKEY *key = dtls ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *x = X509_new();
    if (key == NULL || x == NULL) return -1;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"bench",
                               -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    int ok = X509_sign(x, key, dtls ? EVP_sha256() : NULL) > 0 && SSL_CTX_use_certificate(ctx, x) == 1 &&
             SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return ok ? 0 : -1;
}

static int set_suite(SSL_CTX *ctx, int dtls, uint32_t suite) {
    /* X25519 is agreed on; the curve of the certificate must be known besides */
    if (SSL_CTX_set1_groups_list(ctx, dtls ? "X25519:P-256" : "X25519") != 1) return -1;
    if (dtls)
        return SSL_CTX_set_cipher_list(ctx, suite == WAY_AES ? "ECDHE-ECDSA-AES256-GCM-SHA384"
                                                             : "ECDHE-ECDSA-CHACHA20-POLY1305") == 1
                   ? 0
                   : -1;
    return SSL_CTX_set_ciphersuites(ctx, suite == WAY_AES ? "TLS_AES_256_GCM_SHA384"
                                                          : "TLS_CHACHA20_POLY1305_SHA256") == 1
               ? 0
               : -1;
}

static void close_link(struct link *l) {
    struct side *s[2] = {&l->client, &l->server};
    for (int i = 0; i < 2; i++) {
        SSL_free(s[i]->ssl);
        if (s[i]->fd >= 0) close(s[i]->fd);
        s[i]->ssl = NULL;
        s[i]->fd = -1;
    }
    way_relay_free(l->relay);
    l->relay = NULL;
}

static void free_contexts(struct link *l) {
    SSL_CTX_free(l->client.ctx);
    SSL_CTX_free(l->server.ctx);
}

/* Contexts live for all handshakes of a measurement; the client verifies the certificate of the server. */
static int make_contexts(struct link *l, uint32_t suite) {
    const int dtls = l->dtls;
    l->client.fd = l->server.fd = -1;
    l->client.ctx = SSL_CTX_new(dtls ? DTLS_client_method() : TLS_client_method());
    l->server.ctx = SSL_CTX_new(dtls ? DTLS_server_method() : TLS_server_method());
    if (l->client.ctx == NULL || l->server.ctx == NULL) return -1;
    SSL_CTX_set_min_proto_version(l->client.ctx, dtls ? DTLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(l->server.ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(l->server.ctx, 0);
    SSL_CTX_set_options(l->server.ctx, SSL_OP_NO_TICKET);
    if (set_suite(l->client.ctx, dtls, suite) != 0 || set_suite(l->server.ctx, dtls, suite) != 0 ||
        make_certificate(l->server.ctx, dtls) != 0)
        return -1;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(l->client.ctx), SSL_CTX_get0_certificate(l->server.ctx));
    SSL_CTX_set_verify(l->client.ctx, SSL_VERIFY_PEER, NULL);
    return 0;
}

static int open_sockets(struct link *l) {
    if (l->dtls) {
        int fd[2];
        if (way_udp_pair(fd, &l->relay) != 0) return -1;
        l->client.fd = fd[0];
        l->server.fd = fd[1];
        return 0;
    }
    uint16_t port;
    int listener = way_tcp_listen(&port);
    l->client.fd = way_tcp_connect(port);
    l->server.fd = accept(listener, NULL, NULL);
    close(listener);
    return l->client.fd >= 0 && l->server.fd >= 0 ? 0 : -1;
}

static int make_ssl(struct side *s, int dtls) {
    s->ssl = SSL_new(s->ctx);
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

/* Sockets, objects and handshake; both sides in this thread's and the other's hands by turns of their calls.
 */
static int serve_handshake(void *user) {
    struct link *l = user;
    return SSL_accept(l->server.ssl) == 1 ? 0 : -1;
}

static int use_handshake(void *user) {
    struct link *l = user;
    return SSL_connect(l->client.ssl) == 1 ? 0 : -1;
}

static int open_link(struct link *l) {
    if (open_sockets(l) != 0 || make_ssl(&l->client, l->dtls) != 0 || make_ssl(&l->server, l->dtls) != 0)
        return -1;
    return way_both(serve_handshake, use_handshake, l);
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
    int st = make_contexts(&l, load->suite);
    if (st == 0) st = open_link(&l);
    if (st == 0) st = way_both(serve_bulk, use_bulk, &l);
    close_link(&l);
    free_contexts(&l);
    return st;
}

/* ---- handshakes */

static int serve_handshakes(void *user) {
    struct link *l = user;
    for (unsigned i = 0; i < l->count; i++) {
        char word;
        if (read(l->word, &word, 1) != 1) return -1; /* a socket is there: see use_handshakes */
        if (SSL_accept(l->server.ssl) != 1 || SSL_write(l->server.ssl, "k", 1) != 1) return -1;
        if (write(l->word, "d", 1) != 1) return -1;
    }
    return 0;
}

struct handshakes {
    struct link l;
    int pipe[2];
};

static int use_handshakes(void *user) {
    struct link *l = user;
    struct handshakes *h = (struct handshakes *)user;
    way_begin(l->cost);
    for (unsigned i = 0; i < l->count; i++) {
        char byte;
        if (open_sockets(l) != 0 || make_ssl(&l->client, l->dtls) != 0 || make_ssl(&l->server, l->dtls) != 0)
            return -1;
        if (write(h->pipe[0], "s", 1) != 1) return -1;
        if (SSL_connect(l->client.ssl) != 1 || SSL_read(l->client.ssl, &byte, 1) != 1) return -1;
        if (read(h->pipe[0], &byte, 1) != 1) return -1;
        close_link(l);
    }
    way_end(l->cost);
    return 0;
}

static int handshakes(int dtls, unsigned count, struct way_cost *cost) {
    struct handshakes h = {.l = {.dtls = dtls, .cost = cost, .count = count}};
    int st = make_contexts(&h.l, WAY_CHACHA);
    if (st == 0) st = socketpair(AF_UNIX, SOCK_STREAM, 0, h.pipe);
    h.l.word = h.pipe[1];
    if (st == 0) st = way_both(serve_handshakes, use_handshakes, &h.l);
    close_link(&h.l);
    free_contexts(&h.l);
    close(h.pipe[0]);
    close(h.pipe[1]);
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
    int st = make_contexts(&l, WAY_CHACHA);
    if (st == 0) st = open_link(&l);
    if (st == 0) st = way_both(serve_trips, use_trips, &l);
    close_link(&l);
    free_contexts(&l);
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
