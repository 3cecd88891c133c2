/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Sessions that have nothing to do. htp.session.bytes: what one holds of the allocator at one end, tables and
 * pools included, a minute after it was used; against one end of a DTLS 1.2 connection of OpenSSL.
 * htp.idle.cpu: percent of one core that the busier of two processes spends on ten thousand sessions that
 * heartbeats and rekeys keep alive over loopback UDP; against the limit of 5. It takes two minutes:
 * HKP_BENCH_SESSIONS and HKP_BENCH_SECONDS (of measuring, after 65 s of waiting until rekeys have begun)
 * change that.
 */
#include "htp_loop.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef BENCH_OPENSSL
#include "peer_openssl.h"
#endif

enum { PAIRS = 1000, IDLE_LIMIT_PERCENT = 5, WARM_SECONDS = 65 };

/* ---- htp.session.bytes ---- */

/* The dearer end. */
static double session_bytes(void) {
    static struct crowd c;
    static const uint8_t text[4096];
    double most = 0;
    const size_t empty[2] = {crowd_empty(0), crowd_empty(1)};
    bench_need(crowd_new(&c, PAIRS, 1), "no memory");
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t stream;
        bench_need(crowd_connect(&c), "no session came up");
        bench_need(hkp_htp_stream_open(c.side[1].ep, c.sessions[1][i], 7, 0, 4, &stream) == HKP_OK,
                   "no stream");
        bench_need(hkp_htp_stream_send(c.side[1].ep, c.sessions[1][i], stream, text, sizeof text, 1) ==
                       HKP_OK,
                   "no message");
        crowd_run(&c, c.now + 2 * HKP_HTP__MS);
    }
    crowd_run(&c, c.now + 90 * HKP_HTP__SEC);
    for (int is_e = 0; is_e < 2; is_e++) {
        const double each = (double)(c.side[is_e].mem.bytes - empty[is_e]) / PAIRS;
        if (each > most) most = each;
    }
    crowd_free(&c);
    return most;
}

#ifdef BENCH_OPENSSL

/* The allocator of OpenSSL, with the size of each block before it. */
enum { HEAD = 16 };
static size_t held;

static void *counted_alloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    char *block = malloc(size + HEAD);
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof size);
    held += size;
    return block + HEAD;
}

static void counted_free(void *ptr, const char *file, int line) {
    (void)file, (void)line;
    size_t size;
    if (ptr == NULL) return;
    memcpy(&size, (char *)ptr - HEAD, sizeof size);
    held -= size;
    free((char *)ptr - HEAD);
}

static void *counted_realloc(void *ptr, size_t size, const char *file, int line) {
    size_t before = 0;
    if (ptr != NULL) memcpy(&before, (char *)ptr - HEAD, sizeof before);
    void *fresh = counted_alloc(size, file, line);
    if (fresh == NULL) return NULL;
    if (ptr != NULL) memcpy(fresh, ptr, before < size ? before : size);
    counted_free(ptr, file, line);
    return fresh;
}

static double dtls_bytes(void) {
    static struct peer_pair pairs[PAIRS];
    struct peer_ssl ssl = peer_ssl_new(1, 0);
    struct peer_pair first = peer_pair_new(&ssl); /* what is made once */
    peer_pair_talk(&first);
    const size_t before = held;
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = peer_pair_new(&ssl);
        peer_pair_talk(&pairs[i]);
        /* a socket would stand in their place */
        SSL_set_bio(pairs[i].server, NULL, NULL);
        SSL_set_bio(pairs[i].client, NULL, NULL);
    }
    const double each = (double)(held - before) / (2 * PAIRS);
    for (int i = 0; i < PAIRS; i++) peer_pair_free(&pairs[i]);
    peer_pair_free(&first);
    peer_ssl_free(&ssl);
    return each;
}

#endif

static void bench_session_bytes(void) {
    const double ours = session_bytes();
#ifdef BENCH_OPENSSL
    bench_once("htp.session.bytes", "bytes", ours, "dtls", dtls_bytes(), 0);
#else
    bench_once("htp.session.bytes", "bytes", ours, NULL, 0, 0);
#endif
}

/* ---- htp.idle.cpu ---- */

/** What both processes see. */
struct shared {
    struct hkp_htp_path path_v;
    double begin, end;
    double cpu[2];
    uint64_t sessions[2], events[2][CROWD_EVENTS], datagrams[2], pumps[2];
};

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void use_clock(struct crowd *c, uint32_t n, uint64_t seed) {
    bench_need(crowd_new(c, n, seed), "no memory");
    for (int is_e = 0; is_e < 2; is_e++) {
        struct hkp_htp_options o;
        hkp_htp_endpoint_free(c->side[is_e].ep);
        crowd_options(c, is_e, &o);
        o.sessions_max = n;
        loop_options(&o);
        bench_need(hkp_htp_endpoint_new(&c->side[is_e].ep, &o, loop_mono_ns()) == HKP_OK, "no endpoint");
    }
}

static void idle_until(struct crowd *c, int is_e, hkp_htp_udp *udp, struct shared *sh) {
    const hkp_time begin = (hkp_time)(sh->begin * 1e9), end = (hkp_time)(sh->end * 1e9);
    while (loop_mono_ns() < begin) loop_turn(c, is_e, udp, begin);
    struct hkp_htp_udp_stats before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    struct hkp_htp_stats stats = {.struct_size = sizeof stats};
    bench_need(hkp_htp_udp_stats(udp, &before) == HKP_OK, "no statistics");
    const double cpu = cpu_seconds();
    const uint64_t steps = c->steps;
    while (loop_mono_ns() < end) loop_turn(c, is_e, udp, end);
    sh->cpu[is_e] = cpu_seconds() - cpu;
    sh->pumps[is_e] = c->steps - steps;
    bench_need(hkp_htp_udp_stats(udp, &after) == HKP_OK &&
                   hkp_htp_endpoint_stats(c->side[is_e].ep, &stats) == HKP_OK,
               "no statistics");
    sh->datagrams[is_e] = after.datagrams_out - before.datagrams_out;
    sh->sessions[is_e] = stats.sessions;
    memcpy(sh->events[is_e], c->side[is_e].events, sizeof sh->events[is_e]);
}

static void run_v(struct shared *sh, uint32_t n, hkp_htp_udp *udp) {
    static struct crowd c;
    use_clock(&c, n, 2);
    while (sh->end == 0) {
        loop_turn(&c, 0, udp, loop_mono_ns() + 10 * HKP_HTP__MS);
        loop_lift_rates(c.side[0].ep);
    }
    idle_until(&c, 0, udp, sh);
}

static void run_e(struct shared *sh, uint32_t n, uint32_t seconds) {
    static struct crowd c;
    hkp_htp_udp *udp = loop_open_socket();
    use_clock(&c, n, 1);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t node[16];
        uint64_t session;
        const uint64_t up = c.side[1].events[HKP_HTP_EVENT_UP];
        crowd_node(c.side[1].ep->self.node_id, 1, i);
        crowd_node(node, 0, i);
        bench_need(hkp_htp_connect(c.side[1].ep, loop_mono_ns(), loop_wall_us(), &sh->path_v, node,
                                   c.side[0].s, c.side[0].a, HKP_HTP_MODE_N, &session) == HKP_OK,
                   "connect failed");
        while (c.side[1].events[HKP_HTP_EVENT_UP] == up) {
            bench_need(c.side[1].events[HKP_HTP_EVENT_FAILED] == 0, "a handshake failed");
            loop_turn(&c, 1, udp, loop_mono_ns() + HKP_HTP__SEC);
        }
    }
    sh->begin = bench_clock() + WARM_SECONDS;
    sh->end = sh->begin + seconds;
    idle_until(&c, 1, udp, sh);
}

static void bench_idle_cpu(void) {
    const uint32_t n = from_env("HKP_BENCH_SESSIONS", 10000), seconds = from_env("HKP_BENCH_SECONDS", 60);
    struct shared *sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench_need(sh != MAP_FAILED, "no memory");
    hkp_htp_udp *udp = loop_open_socket();
    bench_need(hkp_htp_udp_local(udp, &sh->path_v) == HKP_OK, "no address");
    fflush(stdout);
    const pid_t v = fork();
    bench_need(v >= 0, "no process");
    if (v == 0) {
        run_v(sh, n, udp);
        exit(0);
    }
    hkp_htp_udp_close(udp);
    run_e(sh, n, seconds);
    int status = 1;
    bench_need(waitpid(v, &status, 0) == v && status == 0, "V failed");
    for (int is_e = 0; is_e < 2; is_e++) {
        bench_need(sh->sessions[is_e] == n && sh->events[is_e][HKP_HTP_EVENT_DOWN] == 0,
                   "sessions were lost");
        fprintf(
            stderr, "htp.idle.cpu: %s %.2f %%, %.0f datagrams and %.0f turns a second, %llu rekeys so far\n",
            is_e ? "E" : "V", sh->cpu[is_e] / seconds * 100, (double)sh->datagrams[is_e] / seconds,
            (double)sh->pumps[is_e] / seconds, (unsigned long long)sh->events[is_e][HKP_HTP_EVENT_REKEYED]);
    }
    const double most = sh->cpu[0] > sh->cpu[1] ? sh->cpu[0] : sh->cpu[1];
    bench_once("htp.idle.cpu", "%", most / seconds * 100, "limit", IDLE_LIMIT_PERCENT, 0);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
#ifdef BENCH_OPENSSL
    bench_need(CRYPTO_set_mem_functions(counted_alloc, counted_realloc, counted_free) == 1,
               "OpenSSL not counted");
#endif
    if (bench_wanted("htp.session.bytes")) bench_session_bytes();
    if (bench_wanted("htp.idle.cpu")) bench_idle_cpu();
    return 0;
}
