/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Handshakes between two processes over loopback: connect, authenticate, hear from the server, close; the
 * close is sent and not waited for. htp.handshake: a second, one after the other. htp.handshake.concurrent: 8
 * under way at once, both sides busy; the peers use as many threads as there are processors, which is what
 * they need to be so. htp.handshake.cpu: what the 8 cost in time of processors, both processes together.
 * primitives: what one costs both sides on curves and key derivations (as in bench_htp.c), for .concurrent by
 * two threads. V's limits against floods are lifted, since all comes from one address.
 */
#include "htp_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef BENCH_OPENSSL
#include "peer_openssl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#endif

enum {
    AT_ONCE = 8, /* what V takes of one address between two turns of its loop */
    THREADS = 2,
    SESSIONS = 4096,
    /* what one handshake in mode N costs both sides together, counted in libsodium */
    KEY_PAIRS = 2,
    AGREEMENTS = 4,
    SIGNATURES = 3,
    HMACS = 54
};

/* ---- ours ---- */

struct ours {
    struct crowd c;
    hkp_htp_udp *udp;
    struct hkp_htp_path path_v;
    /** E speaks for as many nodes as handshakes are under way, each with a copy of its identity */
    struct hkp_htp__self_secret self[AT_ONCE];
    pid_t v;
    uint32_t width;
};

static void make_ends(struct crowd *c, uint64_t seed) {
    bench_need(crowd_new(c, SESSIONS, seed), "no memory");
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_options o;
        hkp_htp_endpoint_free(c->side[is_e].ep);
        crowd_options(c, is_e, &o);
        o.sessions_max = SESSIONS;
        o.sessions_per_node = SESSIONS;
        loop_options(&o);
        bench_need(hkp_htp_endpoint_new(&c->side[is_e].ep, &o, loop_mono_ns()) == HKP_OK, "no endpoint");
    }
}

/* A child that ends with its parent. */
static pid_t child(void) {
    fflush(stdout);
    const pid_t pid = fork();
    bench_need(pid >= 0, "no process");
    if (pid == 0) (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static void ours_begin(struct ours *o) {
    hkp_htp_udp *v = loop_open_socket();
    bench_need(hkp_htp_udp_local(v, &o->path_v) == HKP_OK, "no address");
    o->v = child();
    if (o->v == 0) {
        make_ends(&o->c, 2);
        for (;;) {
            loop_turn(&o->c, 0, v, loop_mono_ns() + HKP_HTP__SEC);
            loop_lift_rates(o->c.side[0].ep);
        }
    }
    hkp_htp_udp_close(v);
    o->udp = loop_open_socket();
    make_ends(&o->c, 1);
}

static void ours_end(struct ours *o) {
    (void)kill(o->v, SIGKILL);
    hkp_htp_udp_close(o->udp);
    crowd_free(&o->c);
}

/* The number of a handshake is in the node that it names. */
static void begin_one(struct ours *o, uint32_t k) {
    hkp_htp_endpoint *ep = o->c.side[1].ep;
    uint8_t node[16];
    uint64_t session;
    crowd_node(ep->self.node_id, 1, k);
    crowd_node(node, 0, k);
    bench_need(hkp_htp_connect(ep, loop_mono_ns(), loop_wall_us(), &o->path_v, node, o->c.side[0].s,
                               o->c.side[0].a, HKP_HTP_MODE_N, &session) == HKP_OK,
               "connect failed");
    o->self[k] = ep->self;
    hkp_htp__session_find(ep, session)->edge->hs.self = &o->self[k];
}

/* Closes those that came up, and begins as many again; the count of those that came up. */
static uint64_t follow(struct ours *o, uint64_t *to_begin) {
    hkp_htp_endpoint *ep = o->c.side[1].ep;
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    uint64_t done = 0;
    while (hkp_htp_event(ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        bench_need(ev.type != HKP_HTP_EVENT_FAILED, "a handshake failed");
        if (ev.type != HKP_HTP_EVENT_UP) continue;
        done++;
        bench_need(hkp_htp_session_close(ep, loop_mono_ns(), ev.session, HKP_HTP_REASON_DONE) == HKP_OK,
                   "close failed");
        if (*to_begin == 0) continue;
        --*to_begin;
        begin_one(o, hkp_be32(ev.peer + 12));
    }
    return done;
}

static void ours_run(void *user, uint64_t times) {
    struct ours *o = (struct ours *)user;
    uint64_t left = times;
    for (uint32_t k = 0; k < o->width && left > 0; k++, left--) begin_one(o, k);
    for (uint64_t done = 0; done < times;) {
        struct pollfd p = {.fd = hkp_htp_udp_fd(o->udp), .events = POLLIN};
        bench_need(hkp_htp_udp_pump(o->udp, o->c.side[1].ep, loop_mono_ns(), loop_wall_us()) == HKP_OK,
                   "pump failed");
        const uint64_t came = follow(o, &left);
        done += came;
        const hkp_time now = loop_mono_ns(), wake = hkp_htp_wake(o->c.side[1].ep);
        if (came == 0 && wake > now)
            (void)poll(&p, 1, wake - now > HKP_HTP__SEC ? 1000 : (int)((wake - now) / 1000000));
    }
}

/* ---- primitives ---- */

static void *primitives_some(void *user) {
    const uint64_t times = *(const uint64_t *)user;
    uint8_t key[32] = {1}, base[32] = {9}, a[32], a_key[64], out[64], message[32] = {2};
    crypto_sign_seed_keypair(a, a_key, key);
    for (uint64_t i = 0; i < times; i++) {
        for (int k = 0; k < KEY_PAIRS; k++) crypto_scalarmult_curve25519_base(out, key);
        for (int k = 0; k < AGREEMENTS; k++)
            bench_need(crypto_scalarmult_curve25519(out, key, base) == 0, "weak key");
        for (int k = 0; k < SIGNATURES; k++) {
            crypto_sign_detached(out, NULL, message, sizeof message, a_key);
            bench_need(crypto_sign_verify_detached(out, message, sizeof message, a) == 0, "forged");
        }
        for (int k = 0; k < HMACS; k++) crypto_auth_hmacsha256(out, message, sizeof message, key);
    }
    return NULL;
}

/* Shares the work among `threads`. */
static void share(void *(*work)(void *), void *first, size_t step, unsigned threads) {
    pthread_t t[THREADS];
    for (unsigned i = 0; i < threads; i++)
        bench_need(pthread_create(&t[i], NULL, work, (char *)first + i * step) == 0, "no thread");
    for (unsigned i = 0; i < threads; i++) pthread_join(t[i], NULL);
}

static void primitives(void *user, uint64_t times) {
    const struct ours *o = (const struct ours *)user;
    const unsigned threads = o->width > 1 ? THREADS : 1;
    uint64_t parts[THREADS];
    for (unsigned i = 0; i < threads; i++) parts[i] = times / threads + (i < times % threads);
    share(primitives_some, parts, sizeof parts[0], threads);
}

#ifdef BENCH_OPENSSL

/* ---- OpenSSL ---- */

struct peer {
    struct peer_ssl ssl;
    int dtls;
    /** one for each thread of either side */
    int fd[THREADS];
    struct sockaddr_in addr[THREADS];
    pid_t pid;
};

/** One thread's part. */
struct peer_part {
    struct peer *peer;
    unsigned index;
    uint64_t times;
};

static int peer_socket(const struct peer *p, struct sockaddr_in *addr) {
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, p->dtls ? SOCK_DGRAM : SOCK_STREAM, 0);
    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bench_need(fd >= 0 && bind(fd, (struct sockaddr *)addr, sizeof *addr) == 0 &&
                   getsockname(fd, (struct sockaddr *)addr, &len) == 0,
               "no socket");
    return fd;
}

static SSL *peer_session(const struct peer *p, SSL_CTX *ctx, int fd, const struct sockaddr_in *to) {
    SSL *ssl = SSL_new(ctx);
    if (p->dtls) {
        BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
        const struct timeval patience = {.tv_sec = 1};
        if (to != NULL) BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, (void *)(uintptr_t)to);
        BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, (void *)(uintptr_t)&patience);
        SSL_set_bio(ssl, bio, bio);
        SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
        DTLS_set_link_mtu(ssl, 1400);
    } else {
        const int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        SSL_set_fd(ssl, fd);
    }
    SSL_set_quiet_shutdown(ssl, 1);
    return ssl;
}

static void *serve(void *user) {
    const struct peer_part *part = (const struct peer_part *)user;
    const struct peer *p = part->peer;
    for (;;) {
        const int fd = p->dtls ? p->fd[part->index] : accept(p->fd[part->index], NULL, NULL);
        SSL *ssl = peer_session(p, p->ssl.server, fd, NULL);
        if (SSL_accept(ssl) == 1) (void)SSL_write(ssl, "x", 1);
        SSL_free(ssl);
        if (!p->dtls) close(fd);
    }
    return NULL;
}

static void *connect_some(void *user) {
    const struct peer_part *part = (const struct peer_part *)user;
    const struct peer *p = part->peer;
    const struct sockaddr_in *to = &p->addr[part->index];
    for (uint64_t i = 0; i < part->times; i++) {
        char byte;
        const int fd = socket(AF_INET, p->dtls ? SOCK_DGRAM : SOCK_STREAM, 0);
        bench_need(fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof *to) == 0, "not connected");
        SSL *ssl = peer_session(p, p->ssl.client, fd, to);
        bench_need(SSL_connect(ssl) == 1 && SSL_read(ssl, &byte, 1) == 1, "no handshake of OpenSSL");
        SSL_free(ssl);
        const struct linger at_once = {1, 0}; /* no port may wait in TIME_WAIT */
        if (!p->dtls) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
    return NULL;
}

static void peer_begin(struct peer *p, int dtls) {
    struct peer_part parts[THREADS];
    *p = (struct peer){.ssl = peer_ssl_new(dtls), .dtls = dtls};
    for (unsigned i = 0; i < THREADS; i++) {
        p->fd[i] = peer_socket(p, &p->addr[i]);
        bench_need(dtls || listen(p->fd[i], 64) == 0, "not listening");
        parts[i] = (struct peer_part){p, i, 0};
    }
    p->pid = child();
    if (p->pid == 0) share(serve, parts, sizeof parts[0], THREADS);
    for (unsigned i = 0; i < THREADS; i++) close(p->fd[i]);
}

static void peer_end(struct peer *p) {
    (void)kill(p->pid, SIGKILL);
    peer_ssl_free(&p->ssl);
}

static void peer_run(struct peer *p, uint64_t times, unsigned threads) {
    struct peer_part parts[THREADS];
    for (unsigned i = 0; i < threads; i++)
        parts[i] = (struct peer_part){p, i, times / threads + (i < times % threads)};
    share(connect_some, parts, sizeof parts[0], threads);
}

static struct peer tls, dtls;
static void tls_run(void *user, uint64_t times) {
    peer_run(&tls, times, ((const struct ours *)user)->width > 1 ? THREADS : 1);
}
static void dtls_run(void *user, uint64_t times) {
    peer_run(&dtls, times, ((const struct ours *)user)->width > 1 ? THREADS : 1);
}

#endif

/* ---- */

/* Each peer is measured in turn with ours. */
static void compare(const char *name, struct ours *o) {
    if (!bench_wanted(name)) return;
    bench_rate(name, "/s", 1, ours_run, o, "primitives", primitives);
#ifdef BENCH_OPENSSL
    bench_rate(name, "/s", 1, ours_run, o, "dtls", dtls_run);
    bench_rate(name, "/s", 1, ours_run, o, "tls", tls_run);
#endif
}

/* ---- htp.handshake.cpu ---- */

static double clock_seconds(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* CPU of this process and of the other one, for one handshake, in microseconds. */
static double cpu_us(bench_op *run, struct ours *o, pid_t other, uint64_t times) {
    clockid_t id = 0;
    bench_need(other == 0 || clock_getcpuclockid(other, &id) == 0, "no clock of the other process");
    const double theirs = other != 0 ? clock_seconds(id) : 0, mine = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    run(o, times);
    double spent = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - mine;
    if (other != 0) spent += clock_seconds(id) - theirs;
    return spent * 1e6 / (double)times;
}

static void compare_cpu(struct ours *o, const char *ref_name, bench_op *ref_run, pid_t ref_pid) {
    enum { TIMES = 60 };
    double ours[BENCH_ROUNDS], ref[BENCH_ROUNDS];
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = cpu_us(ours_run, o, o->v, TIMES);
        ref[i] = cpu_us(ref_run, o, ref_pid, TIMES);
    }
    bench_print("htp.handshake.cpu", "us", ours, ref_name, ref, 0);
}

int main(int argc, char **argv) {
    static struct ours o;
    bench_begin(argc, argv);
    if (!bench_wanted("htp.handshake") && !bench_wanted("htp.handshake.concurrent") &&
        !bench_wanted("htp.handshake.cpu"))
        return 0;
#ifdef BENCH_OPENSSL
    peer_begin(&tls, 0);
    peer_begin(&dtls, 1);
#endif
    ours_begin(&o);
    o.width = 1;
    compare("htp.handshake", &o);
    o.width = AT_ONCE;
    compare("htp.handshake.concurrent", &o);
    if (bench_wanted("htp.handshake.cpu")) {
        compare_cpu(&o, "primitives", primitives, 0);
#ifdef BENCH_OPENSSL
        compare_cpu(&o, "dtls", dtls_run, dtls.pid);
        compare_cpu(&o, "tls", tls_run, tls.pid);
#endif
    }
    ours_end(&o);
#ifdef BENCH_OPENSSL
    peer_end(&dtls);
    peer_end(&tls);
#endif
    return 0;
}
