/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * QUIC by ngtcp2 with GnuTLS: one stream one way, UDP_SEGMENT and UDP_GRO, socket buffers of 8 MiB, windows
 * of 64 MiB, CUBIC. Its path MTU discovery ends at 1452 bytes. Certificates of Ed25519; each side verifies
 * that of the other.
 */
#include "way.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { RUN = 40, WINDOW = 64 * 1024 * 1024, SMALL = 64 };

struct end {
    int fd, is_server, done, up;
    ngtcp2_conn *conn;
    ngtcp2_crypto_conn_ref ref;
    gnutls_session_t tls;
    struct sockaddr_storage local, remote;
    socklen_t local_len, remote_len;
    ngtcp2_path path;
    int64_t stream;
    /** to send on the stream, sent so far and acknowledged; received */
    uint64_t want, sent, got, expect;
    /** handshakes: the connection that this end is at */
    unsigned round;
};

struct link {
    struct end client, server;
    struct way_relay *relay;
    gnutls_certificate_credentials_t client_credentials, server_credentials;
    const struct way_load *load;
    struct way_cost *cost;
    const char *priority;
    unsigned count;
};

static uint64_t now_ns(void) { return (uint64_t)(way_clock() * 1e9); }

/* ---- callbacks */

static void on_rand(uint8_t *dst, size_t len, const ngtcp2_rand_ctx *ctx) {
    (void)ctx;
    gnutls_rnd(GNUTLS_RND_RANDOM, dst, len);
}

static int on_new_cid(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user) {
    (void)conn, (void)user;
    gnutls_rnd(GNUTLS_RND_RANDOM, cid->data, len);
    cid->datalen = len;
    gnutls_rnd(GNUTLS_RND_RANDOM, token, NGTCP2_STATELESS_RESET_TOKENLEN);
    return 0;
}

static int on_data(ngtcp2_conn *conn, uint32_t flags, int64_t stream, uint64_t offset, const uint8_t *data,
                   size_t len, void *user, void *stream_user) {
    struct end *e = user;
    (void)flags, (void)offset, (void)data, (void)stream_user;
    e->got += len;
    e->stream = stream;
    ngtcp2_conn_extend_max_stream_offset(conn, stream, len);
    ngtcp2_conn_extend_max_offset(conn, len);
    return 0;
}

static int on_done(ngtcp2_conn *conn, void *user) {
    (void)conn;
    ((struct end *)user)->up = 1;
    return 0;
}

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref) { return ((struct end *)ref->user_data)->conn; }

static const ngtcp2_callbacks callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .handshake_completed = on_done,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .recv_stream_data = on_data,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .rand = on_rand,
    .get_new_connection_id = on_new_cid,
    .update_key = ngtcp2_crypto_update_key_cb,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- making and freeing */

/* A key and certificate for one side, which the other trusts. */
static int make_identity(gnutls_certificate_credentials_t own, gnutls_certificate_credentials_t other) {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    static const unsigned char serial[1] = {1};
    if (gnutls_x509_privkey_init(&key) != 0 || gnutls_x509_crt_init(&cert) != 0) return -1;
    int st = gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 256, 0);
    if (st == 0) st = gnutls_x509_crt_set_version(cert, 3);
    if (st == 0) st = gnutls_x509_crt_set_serial(cert, serial, 1);
    if (st == 0) st = gnutls_x509_crt_set_dn(cert, "CN=bench", NULL);
    if (st == 0) st = gnutls_x509_crt_set_activation_time(cert, time(NULL) - 3600);
    if (st == 0) st = gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 86400);
    if (st == 0) st = gnutls_x509_crt_set_key(cert, key);
    if (st == 0) st = gnutls_x509_crt_set_ca_status(cert, 1);
    if (st == 0) st = gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA512, 0);
    if (st == 0) st = gnutls_certificate_set_x509_key(own, &cert, 1, key);
    if (st == 0) st = gnutls_certificate_set_x509_trust(other, &cert, 1) == 1 ? 0 : -1;
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
    return st;
}

static int make_credentials(struct link *l) {
    if (gnutls_certificate_allocate_credentials(&l->client_credentials) != 0 ||
        gnutls_certificate_allocate_credentials(&l->server_credentials) != 0)
        return -1;
    return make_identity(l->server_credentials, l->client_credentials) == 0 &&
                   make_identity(l->client_credentials, l->server_credentials) == 0
               ? 0
               : -1;
}

static int make_tls(struct link *l, struct end *e) {
    static const gnutls_datum_t alpn = {(unsigned char *)"bench", 5};
    int st = gnutls_init(&e->tls, (e->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_ENABLE_EARLY_DATA |
                                      GNUTLS_NO_END_OF_EARLY_DATA | GNUTLS_NO_AUTO_SEND_TICKET);
    if (st == 0) st = gnutls_priority_set_direct(e->tls, l->priority, NULL);
    if (st == 0)
        st = e->is_server ? ngtcp2_crypto_gnutls_configure_server_session(e->tls)
                          : ngtcp2_crypto_gnutls_configure_client_session(e->tls);
    e->ref = (ngtcp2_crypto_conn_ref){conn_of, e};
    gnutls_session_set_ptr(e->tls, &e->ref);
    if (st == 0) st = gnutls_alpn_set_protocols(e->tls, &alpn, 1, 0);
    if (st == 0)
        st = gnutls_credentials_set(e->tls, GNUTLS_CRD_CERTIFICATE,
                                    e->is_server ? l->server_credentials : l->client_credentials);
    if (e->is_server) gnutls_certificate_server_set_request(e->tls, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(e->tls, NULL, 0);
    return st;
}

static void defaults(const struct link *l, ngtcp2_settings *s, ngtcp2_transport_params *p) {
    ngtcp2_settings_default(s);
    s->initial_ts = now_ns();
    s->cc_algo = NGTCP2_CC_ALGO_CUBIC;
    s->initial_rtt = NGTCP2_MILLISECONDS; /* its default of 333 ms would pace a handshake on loopback */
    s->max_window = s->max_stream_window = WINDOW;
    if (l->load != NULL && l->load->datagram != 0) {
        s->max_tx_udp_payload_size = l->load->datagram;
        s->no_pmtud = 1;
        s->no_tx_udp_payload_size_shaping = 1;
    }
    ngtcp2_transport_params_default(p);
    p->initial_max_data = WINDOW;
    p->initial_max_stream_data_bidi_local = p->initial_max_stream_data_bidi_remote = WINDOW;
    p->initial_max_streams_bidi = 10;
    p->max_idle_timeout = 30 * NGTCP2_SECONDS;
}

static int open_socket_of(struct end *e) {
    const int on = 1;
    e->local_len = e->remote_len = sizeof e->local;
    if (getsockname(e->fd, (struct sockaddr *)&e->local, &e->local_len) != 0 ||
        getpeername(e->fd, (struct sockaddr *)&e->remote, &e->remote_len) != 0)
        return -1;
    e->path = (ngtcp2_path){.local = {(ngtcp2_sockaddr *)&e->local, e->local_len},
                            .remote = {(ngtcp2_sockaddr *)&e->remote, e->remote_len}};
    (void)setsockopt(e->fd, SOL_UDP, UDP_GRO, &on, sizeof on);
    return 0;
}

static int client_new(struct link *l) {
    struct end *e = &l->client;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid dcid = {.datalen = 18}, scid = {.datalen = 8};
    gnutls_rnd(GNUTLS_RND_RANDOM, dcid.data, dcid.datalen);
    gnutls_rnd(GNUTLS_RND_RANDOM, scid.data, scid.datalen);
    defaults(l, &settings, &params);
    if (make_tls(l, e) != 0) return -1;
    if (ngtcp2_conn_client_new(&e->conn, &dcid, &scid, &e->path, NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                               &params, NULL, e) != 0)
        return -1;
    ngtcp2_conn_set_tls_native_handle(e->conn, e->tls);
    e->stream = -1;
    return 0;
}

static int server_new(struct link *l, const uint8_t *first, size_t len) {
    struct end *e = &l->server;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_pkt_hd hd;
    ngtcp2_cid scid = {.datalen = 18};
    if (ngtcp2_accept(&hd, first, len) != 0 || make_tls(l, e) != 0) return -1;
    gnutls_rnd(GNUTLS_RND_RANDOM, scid.data, scid.datalen);
    defaults(l, &settings, &params);
    params.original_dcid = hd.dcid;
    if (ngtcp2_conn_server_new(&e->conn, &hd.scid, &scid, &e->path, hd.version, &callbacks, &settings,
                               &params, NULL, e) != 0)
        return -1;
    ngtcp2_conn_set_tls_native_handle(e->conn, e->tls);
    return 0;
}

/* The connection ends, its socket stays. */
static void end_reset(struct end *e) {
    if (e->conn != NULL) ngtcp2_conn_del(e->conn);
    if (e->tls != NULL) gnutls_deinit(e->tls);
    e->conn = NULL;
    e->tls = NULL;
    e->up = 0;
    e->stream = -1;
    e->want = e->sent = e->got = 0;
}

static void end_free(struct end *e) {
    end_reset(e);
    if (e->fd >= 0) close(e->fd);
    e->fd = -1;
}

/* ---- packets */

static int send_run(const struct end *e, uint8_t *buffer, size_t len, size_t segment) {
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec iov = {buffer, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (len > segment) {
        const uint16_t size = (uint16_t)segment;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    while (sendmsg(e->fd, &m, 0) < 0) {
        struct pollfd p = {.fd = e->fd, .events = POLLOUT};
        if (errno == ECONNREFUSED) return 0;
        if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) return -1;
        (void)poll(&p, 1, 10);
    }
    return 0;
}

/* All that may go now, in runs of packets of one size. */
static int send_all(struct end *e) {
    static const uint8_t zeros[65536];
    uint8_t buffer[RUN * 1500];
    for (int more = 1; more;) {
        size_t len = 0, segment = 0;
        const uint64_t now = now_ns();
        more = 0;
        for (int i = 0; i < RUN; i++) {
            const uint64_t left = e->want - e->sent;
            ngtcp2_vec vec = {(uint8_t *)(uintptr_t)zeros, left < sizeof zeros ? (size_t)left : sizeof zeros};
            ngtcp2_path_storage path;
            ngtcp2_pkt_info info;
            ngtcp2_ssize used = -1;
            const int has = e->stream >= 0 && left > 0;
            ngtcp2_path_storage_zero(&path);
            ngtcp2_ssize n = ngtcp2_conn_writev_stream(e->conn, &path.path, &info, buffer + len, 1500, &used,
                                                       NGTCP2_WRITE_STREAM_FLAG_NONE, has ? e->stream : -1,
                                                       &vec, has ? 1 : 0, now);
            if (n == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
                n = ngtcp2_conn_writev_stream(e->conn, &path.path, &info, buffer + len, 1500, &used,
                                              NGTCP2_WRITE_STREAM_FLAG_NONE, -1, NULL, 0, now);
            }
            if (n < 0) return -1;
            if (used > 0) e->sent += (uint64_t)used;
            if (n == 0) break;
            if (segment == 0) segment = (size_t)n;
            if ((size_t)n > segment) { /* a packet that ends no run and begins another */
                if (send_run(e, buffer, len, segment) != 0) return -1;
                memmove(buffer, buffer + len, (size_t)n);
                len = 0;
                segment = (size_t)n;
            }
            len += (size_t)n;
            if ((size_t)n < segment || i == RUN - 1) {
                more = 1;
                break;
            }
        }
        if (len > 0 && send_run(e, buffer, len, segment) != 0) return -1;
    }
    ngtcp2_conn_update_pkt_tx_time(e->conn, now_ns());
    return 0;
}

/* The server begins anew with the client; 0: this packet belongs to no connection that goes on. */
static int server_ready(struct link *l, const uint8_t *first, size_t len) {
    const unsigned round = __atomic_load_n(&l->client.round, __ATOMIC_ACQUIRE);
    if (l->server.round != round) end_reset(&l->server);
    l->server.round = round;
    return l->server.conn != NULL || server_new(l, first, len) == 0;
}

/* Takes what is there; 1: something came. */
static int receive_all(struct link *l, struct end *e) {
    static _Thread_local uint8_t buffer[65536];
    int came = 0;
    for (int i = 0; i < 16; i++) {
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {buffer, sizeof buffer};
        struct msghdr m = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        const ssize_t n = recvmsg(e->fd, &m, MSG_DONTWAIT);
        if (n <= 0) break;
        int segment = (int)n;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
                memcpy(&segment, CMSG_DATA(c), sizeof segment);
        if (e->is_server && !server_ready(l, buffer, (size_t)(segment < n ? segment : n))) continue;
        const ngtcp2_pkt_info info = {0};
        const uint64_t now = now_ns();
        for (ssize_t at = 0; at < n; at += segment) {
            const size_t len = (size_t)(n - at < segment ? n - at : segment);
            const int st = ngtcp2_conn_read_pkt(e->conn, &e->path, &info, buffer + at, len, now);
            if (st == NGTCP2_ERR_DRAINING || st == NGTCP2_ERR_CLOSING) return e->done ? 0 : -1;
            if (st != 0 && st != NGTCP2_ERR_DROP_CONN) return -1;
        }
        came = 1;
    }
    return came;
}

/* Waits for packets or the next deadline, then does what is due. */
static int step(struct link *l, struct end *e) {
    if (e->conn != NULL) {
        if (ngtcp2_conn_get_expiry(e->conn) <= now_ns() && ngtcp2_conn_handle_expiry(e->conn, now_ns()) != 0)
            return -1;
        if (send_all(e) != 0) return -1;
    }
    struct timespec wait = {0, 50000000};
    if (e->conn != NULL) {
        const uint64_t at = ngtcp2_conn_get_expiry(e->conn), now = now_ns();
        const uint64_t ns = at <= now ? 0 : at - now;
        if (ns < 50000000) wait.tv_nsec = (long)ns;
    }
    struct pollfd p = {.fd = e->fd, .events = POLLIN};
    if (ppoll(&p, 1, &wait, NULL) < 0) return -1;
    return receive_all(l, e) < 0 ? -1 : 0;
}

/* ---- what is measured */

static int open_link(struct link *l) {
    int fd[2];
    if (way_udp_pair(fd, &l->relay) != 0) return -1;
    l->client.fd = fd[0];
    l->server.fd = fd[1];
    l->server.is_server = 1;
    l->server.stream = -1;
    return open_socket_of(&l->server) != 0 || open_socket_of(&l->client) != 0 ? -1 : 0;
}

static int begin_link(struct link *l, uint32_t suite) {
    l->client.fd = l->server.fd = -1;
    l->priority =
        suite == WAY_AES
            ? "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:-GROUP-ALL:+GROUP-X25519"
            : "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519";
    return make_credentials(l);
}

static void end_link(struct link *l) {
    end_free(&l->client);
    end_free(&l->server);
    way_relay_free(l->relay);
    gnutls_certificate_free_credentials(l->client_credentials);
    gnutls_certificate_free_credentials(l->server_credentials);
}

/* The server answers one byte when it has all, and stays until the client has that. */
static int serve_bytes(void *user) {
    struct link *l = user;
    struct end *e = &l->server;
    const double limit = way_clock() + 120;
    while (!__atomic_load_n(&l->client.done, __ATOMIC_ACQUIRE) && way_clock() < limit) {
        if (step(l, e) != 0) return -1;
        if (e->got >= e->expect && e->stream >= 0) e->want = 1;
    }
    return e->got >= e->expect ? 0 : -1;
}

static void client_done(struct end *e) {
    __atomic_store_n(&e->done, 1, __ATOMIC_RELEASE);
    (void)send(e->fd, "", 1, 0); /* no packet, but it wakes the server */
}

static int use_bytes(void *user) {
    struct link *l = user;
    struct end *e = &l->client;
    const double limit = way_clock() + 120;
    int begun = 0;
    const int st = client_new(l);
    while (st == 0 && e->got < 1 && way_clock() < limit) {
        if (step(l, e) != 0) break;
        if (!begun && e->up) {
            if (ngtcp2_conn_open_bidi_stream(e->conn, &e->stream, NULL) != 0) continue;
            way_begin(l->cost);
            begun = 1;
            e->want = l->load->bytes;
        }
    }
    if (begun) way_end(l->cost);
    client_done(e);
    return e->got >= 1 ? 0 : -1;
}

static int bulk(const struct way_load *load, struct way_cost *cost) {
    struct link l = {.load = load, .cost = cost};
    int st = begin_link(&l, load->suite);
    l.server.expect = load->bytes;
    if (st == 0) st = open_link(&l);
    if (st == 0) st = way_both(serve_bytes, use_bytes, &l);
    end_link(&l);
    return st;
}

/* ---- handshakes: a byte there and one back */

static int serve_handshakes(void *user) {
    struct link *l = user;
    struct end *e = &l->server;
    while (!__atomic_load_n(&l->client.done, __ATOMIC_ACQUIRE)) {
        if (step(l, e) != 0) return -1;
        if (e->got >= 1) e->want = 1;
    }
    return 0;
}

static int one_handshake(struct link *l) {
    struct end *e = &l->client;
    const double limit = way_clock() + 5;
    __atomic_store_n(&e->round, e->round + 1, __ATOMIC_RELEASE);
    if (client_new(l) != 0) return -1;
    while (e->got < 1) {
        if (way_clock() > limit || step(l, e) != 0) return -1;
        if (e->up && e->stream < 0 && ngtcp2_conn_open_bidi_stream(e->conn, &e->stream, NULL) == 0)
            e->want = 1;
    }
    end_reset(e);
    return 0;
}

static int use_handshakes(void *user) {
    struct link *l = user;
    int st = 0;
    way_begin(l->cost);
    for (unsigned i = 0; st == 0 && i < l->count; i++) st = one_handshake(l);
    way_end(l->cost);
    client_done(&l->client);
    return st;
}

static int some(unsigned count, struct way_cost *cost) {
    struct link l = {.cost = cost, .count = count};
    int st = begin_link(&l, WAY_CHACHA);
    if (st == 0) st = open_link(&l);
    if (st == 0) st = way_both(serve_handshakes, use_handshakes, &l);
    end_link(&l);
    return st;
}

static int handshakes(unsigned count, unsigned at_once, struct way_cost *cost) {
    return at_once > 1 ? way_side_by_side(some, count, at_once, cost) : some(count, cost);
}

const struct way way_ngtcp2 = {"ngtcp2", bulk, handshakes, NULL, NULL};
