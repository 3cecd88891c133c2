/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Handshakes over loopback: connect, authenticate each other, hear from the server, close; the close is sent
 * and not waited for. Like for like: in HTP each side proves its identity and checks that of the other, so
 * each peer's sides have certificates and verify them: TLS 1.3 and QUIC (ngtcp2 with GnuTLS) of Ed25519, DTLS
 * 1.2 of ECDSA P-256, all with X25519 and ChaCha20-Poly1305, without tickets or resumption. ZeroMQ's CURVE
 * proves the keys of both sides, too, but its server looks none up.
 *
 * htp.handshake: a second, one after the other, each side on a core of its own. htp.handshake.concurrent: 8
 * under way at once, placed by the system: ours from one E to one V, both busy; of the peers 8 pairs of
 * threads. htp.handshake.cpu: what those 8 cost in time of processors, both sides together. primitives: what
 * one costs both sides on curves and key derivations (as in bench_htp.c), for .concurrent by two threads. V's
 * limits against floods are lifted, since all comes from one address.
 */
#include "htp_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ways/way.h"

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
        way_pin(1);
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

static void ours_run(struct ours *o, uint64_t times) {
    uint64_t left = times;
    for (uint32_t k = 0; k < o->width && left > 0; k++, left--) begin_one(o, k);
    for (uint64_t done = 0; done < times;) {
        bench_need(hkp_htp_udp_step(o->udp, o->c.side[1].ep, loop_mono_ns() + HKP_HTP__SEC) == HKP_OK,
                   "step failed");
        done += follow(o, &left);
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

static void primitives(const struct ours *o, uint64_t times) {
    const unsigned threads = o->width > 1 ? THREADS : 1;
    uint64_t parts[THREADS];
    for (unsigned i = 0; i < threads; i++) parts[i] = times / threads + (i < times % threads);
    share(primitives_some, parts, sizeof parts[0], threads);
}

/* ---- what is compared ---- */

/* Ours is first. */
enum { OURS, PRIMITIVES, FIRST_WAY, MOST = FIRST_WAY + 8 };

static const struct way *const peers[] = {
#ifdef WAY_OPENSSL
    &way_dtls, &way_tls,
#endif
#ifdef WAY_NGTCP2
    &way_ngtcp2,
#endif
#ifdef WAY_ZMQ
    &way_curve,
#endif
    NULL};

struct result {
    const char *name;
    double rate[BENCH_ROUNDS], cpu[BENCH_ROUNDS];
    int failed;
};

static double clock_seconds(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Two processes, so two clocks. */
static int ours_cost(struct ours *o, unsigned times, struct way_cost *cost) {
    clockid_t v;
    bench_need(clock_getcpuclockid(o->v, &v) == 0, "no clock of the other process");
    way_pin(0);
    const double before = clock_seconds(v);
    way_begin(cost);
    ours_run(o, times);
    way_end(cost);
    cost->cpu += clock_seconds(v) - before;
    way_unpin();
    return 0;
}

static int cost_of(struct ours *o, int which, unsigned times, struct way_cost *cost) {
    if (which == OURS) return ours_cost(o, times, cost);
    if (which >= FIRST_WAY) return peers[which - FIRST_WAY]->handshakes(times, o->width, cost);
    way_begin(cost);
    primitives(o, times);
    way_end(cost);
    return 0;
}

static void measure(struct ours *o, struct result *r, int n) {
    const unsigned times = 8 * AT_ONCE;
    for (int round = 0; round < BENCH_ROUNDS; round++)
        for (int i = 0; i < n; i++) {
            const int which = (i + round) % n;
            struct way_cost cost;
            if (r[which].failed) continue;
            r[which].failed = cost_of(o, which, times, &cost) != 0;
            r[which].rate[round] = times / cost.seconds;
            r[which].cpu[round] = cost.cpu * 1e6 / times;
        }
}

static void print_all(const char *name, struct result *r, int n, int cpu) {
    if (!bench_wanted(name)) return;
    for (int i = PRIMITIVES; i < n; i++) {
        double ours[BENCH_ROUNDS];
        memcpy(ours, cpu ? r[OURS].cpu : r[OURS].rate, sizeof ours);
        if (r[i].failed)
            fprintf(stderr, "bench: %s: %s failed\n", name, r[i].name);
        else
            bench_print(name, cpu ? "us" : "/s", ours, r[i].name, cpu ? r[i].cpu : r[i].rate, !cpu);
    }
}

/* All in turn, at a width; rates, and what they cost if that has a name. */
static void compare(struct ours *o, uint32_t width, const char *name, const char *cpu_name) {
    static struct result r[MOST];
    int n = FIRST_WAY;
    if (!bench_wanted(name) && (cpu_name == NULL || !bench_wanted(cpu_name))) return;
    memset(r, 0, sizeof r);
    o->width = width;
    r[PRIMITIVES].name = "primitives";
    for (; peers[n - FIRST_WAY] != NULL; n++) r[n].name = peers[n - FIRST_WAY]->name;
    measure(o, r, n);
    print_all(name, r, n, 0);
    if (cpu_name != NULL) print_all(cpu_name, r, n, 1);
}

int main(int argc, char **argv) {
    static struct ours o;
    bench_begin(argc, argv);
    if (!bench_wanted("htp.handshake") && !bench_wanted("htp.handshake.concurrent") &&
        !bench_wanted("htp.handshake.cpu"))
        return 0;
    ours_begin(&o);
    compare(&o, 1, "htp.handshake", NULL);
    compare(&o, AT_ONCE, "htp.handshake.concurrent", "htp.handshake.cpu");
    ours_end(&o);
    return 0;
}
