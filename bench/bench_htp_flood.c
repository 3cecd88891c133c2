/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * An established session while V gets 200,000 datagrams a second (HKP_FLOOD_RATE) that nobody should send it:
 * E, V and the flood are processes of their own on loopback. Three floods, each packet from another of 64
 * addresses:
 *
 *     noise    64 random bytes
 *     hello    1200 bytes, a HELLO whose RDV is wrong
 *     forged   1200 bytes, a HELLO with the right RDV from one who knows V's public key: what V does most for
 *
 * htp.flood.KIND.p50, .p99: round trips of 64 bytes in µs, ref: the same session before the flood. .cpu: V's
 * time per packet of the flood in ns, its own round trips included; ref: a socket that does nothing but take
 * such packets. .memory: growth of V's resident memory in KiB. What V dropped and why goes to standard error.
 */
#include <hookprobe/htp.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz_pair.h"
#include "htp_loop.h"
#include "libhtp/crypto/resonance.h"

enum { NOISE, HELLO, FORGED, KINDS, SOURCES = 64, PACKETS = 256, TRIPS_MAX = 400000 };

static const char *const kinds[KINDS] = {"noise", "hello", "forged"};

/** What V tells when it is asked. */
struct told {
    uint64_t dropped[64], in, retries, rss_kib;
    double cpu;
};

static int32_t flood_fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}

static void make(int is_e, hkp_htp_endpoint **ep, hkp_htp_udp **udp) {
    struct hkp_htp_options o;
    hkp_htp_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){NULL, flood_fill};
    o.registry = (struct hkp_htp_registry){.find = fuzz_find,
                                           .own_index = fuzz_index,
                                           .neural = fuzz_neural,
                                           .posf = fuzz_posf,
                                           .neural_release = fuzz_release};
    memset(o.node_id, 0x40 + is_e, 16);
    memset(o.a_seed, 0x10 + is_e, 32);
    memset(o.s_secret, 0x20 + is_e, 32);
    bench_need(hkp_htp_endpoint_new(ep, &o, loop_mono_ns()) == HKP_OK, "no endpoint");
    *udp = loop_open_socket();
}

static uint64_t rss_kib(void) {
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%lu %lu", &pages, &resident) != 2) resident = 0;
    if (f != NULL) (void)fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* ---- V ---- */

static void echo(hkp_htp_endpoint *ep) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    while (hkp_htp_event(ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) (void)!hkp_htp_session_allow(ep, ev.session, UINT64_MAX, 0);
        if (ev.type == HKP_HTP_EVENT_MESSAGE)
            (void)!hkp_htp_stream_send(ep, ev.session, ev.stream, ev.data, ev.len, 0);
    }
}

static void tell(const hkp_htp_endpoint *ep, int out) {
    struct hkp_htp_stats s = {.struct_size = sizeof s};
    struct told t = {.rss_kib = rss_kib(), .cpu = cpu_seconds()};
    bench_need(hkp_htp_endpoint_stats(ep, &s) == HKP_OK, "no counters");
    memcpy(t.dropped, s.dropped, sizeof t.dropped);
    t.in = s.datagrams_in;
    t.retries = s.retries_sent;
    bench_need(write(out, &t, sizeof t) == (ssize_t)sizeof t, "V cannot tell");
}

/* Answers each byte of in with what it knows; ends with it. */
static void be_v(int in, int out) {
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    struct hkp_htp_path local;
    make(0, &ep, &udp);
    bench_need(hkp_htp_udp_local(udp, &local) == HKP_OK, "no address");
    bench_need(write(out, &local, sizeof local) == (ssize_t)sizeof local, "V cannot tell");
    for (;;) {
        const hkp_time now = loop_mono_ns(), wake = hkp_htp_wake(ep);
        struct pollfd fds[2] = {{hkp_htp_udp_fd(udp), POLLIN, 0}, {in, POLLIN, 0}};
        (void)poll(fds, 2,
                   wake <= now                 ? 0
                   : wake - now > HKP_HTP__SEC ? 1000
                                               : (int)((wake - now) / 1000000) + 1);
        for (int twice = 0; twice < 2; twice++) {
            (void)!hkp_htp_udp_pump(udp, ep, loop_mono_ns(), loop_wall_us());
            echo(ep);
        }
        char c;
        if (fds[1].revents == 0) continue;
        if (read(in, &c, 1) != 1) _exit(0);
        tell(ep, out);
    }
}

/* The reference: takes datagrams as a driver does, and nothing else. */
static void be_sink(int in, int out) {
    static uint8_t room[64][2048];
    struct mmsghdr head[64] = {0};
    struct iovec iov[64];
    struct sockaddr_in6 from[64];
    struct hkp_htp_path local;
    struct told t = {0};
    hkp_htp_udp *udp = loop_open_socket(); /* for a socket with the same buffers */
    bench_need(hkp_htp_udp_local(udp, &local) == HKP_OK, "no address");
    bench_need(write(out, &local, sizeof local) == (ssize_t)sizeof local, "the sink cannot tell");
    for (int i = 0; i < 64; i++) {
        iov[i] = (struct iovec){room[i], sizeof room[i]};
        head[i].msg_hdr = (struct msghdr){
            .msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &from[i], .msg_namelen = sizeof from[i]};
    }
    for (;;) {
        struct pollfd fds[2] = {{hkp_htp_udp_fd(udp), POLLIN, 0}, {in, POLLIN, 0}};
        (void)poll(fds, 2, 1000);
        for (int n = 64; n == 64;) {
            n = recvmmsg(hkp_htp_udp_fd(udp), head, 64, MSG_DONTWAIT, NULL);
            t.in += n > 0 ? (uint64_t)n : 0;
        }
        char c;
        if (fds[1].revents == 0) continue;
        if (read(in, &c, 1) != 1) _exit(0);
        t.cpu = cpu_seconds();
        bench_need(write(out, &t, sizeof t) == (ssize_t)sizeof t, "the sink cannot tell");
    }
}

/* ---- the flood ---- */

static size_t packet_of(int kind, uint8_t dgram[1200]) {
    uint8_t a[32], s[32], key[32], nonce[8];
    randombytes_buf(dgram, 1200);
    if (kind == NOISE) return 64;
    memcpy(nonce, dgram + HKP_HTP__AT_NONCE, 8);
    hkp_htp__wire_header(dgram, HKP_HTP__HELLO, 0, (uint32_t)time(NULL), hkp_be64(dgram + 12), nonce,
                         HKP_HTP__FLAG_RES, 1200);
    uint8_t *payload = dgram + HKP_HTP__PREFIX_RES;
    memset(payload, 0, 84);
    payload[0] = payload[1] = 1;
    hkp_put_be16(payload + 4, 0x0100);
    hkp_put_be16(payload + 12, 1);
    randombytes_buf(payload + 20, 32);
    if (kind == HELLO) return 1200;
    fuzz_keys(0, a, s);
    hkp_htp__b2(key, NULL, PARTS(LABEL("HTP1 mac1"), {s, 32}));
    hkp_htp__rdv_packet(dgram + HKP_HTP__AT_RDV, key, dgram, 1200);
    return 1200;
}

/* Sends until it is ended, so many a second; tells how many when it ends. */
static volatile sig_atomic_t flood_over;
static void end_flood(int number) {
    (void)number;
    flood_over = 1;
}

static void be_flood(int kind, uint16_t port, uint32_t rate, int out) {
    static uint8_t packets[PACKETS][1200];
    int fd[SOURCES];
    size_t len = 0;
    uint64_t sent = 0;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001)};
    for (int i = 0; i < PACKETS; i++) len = packet_of(kind, packets[i]);
    for (int i = 0; i < SOURCES; i++) {
        const struct sockaddr_in from = {.sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(0x7F010000U + (uint32_t)i * 256 + 1)};
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        bench_need(fd[i] >= 0 && bind(fd[i], (const struct sockaddr *)&from, sizeof from) == 0, "no source");
    }
    (void)signal(SIGTERM, end_flood);
    const hkp_time start = loop_mono_ns();
    while (!flood_over) {
        const uint64_t due = (loop_mono_ns() - start) * rate / HKP_HTP__SEC;
        if (sent >= due) {
            const struct timespec rest = {.tv_nsec = 200000};
            (void)nanosleep(&rest, NULL);
            continue;
        }
        for (int i = 0; i < 64 && sent < due; i++, sent++)
            (void)!sendto(fd[sent % SOURCES], packets[sent % PACKETS], len, 0, (const struct sockaddr *)&to,
                          sizeof to);
    }
    (void)!write(out, &sent, sizeof sent);
    _exit(0);
}

struct other {
    pid_t pid;
    int ask, hear;
    struct hkp_htp_path at;
};

static struct other start_other(void (*be)(int, int)) {
    int down[2], up[2];
    struct other o;
    bench_need(pipe(down) == 0 && pipe(up) == 0, "no pipe");
    o.pid = fork();
    bench_need(o.pid >= 0, "no process");
    if (o.pid == 0) {
        (void)close(down[1]);
        be(down[0], up[1]);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    o.ask = down[1];
    o.hear = up[0];
    bench_need(read(o.hear, &o.at, sizeof o.at) == (ssize_t)sizeof o.at, "it does not begin");
    return o;
}

static struct told asked(const struct other *o) {
    struct told t = {0};
    bench_need(write(o->ask, "?", 1) == 1 && read(o->hear, &t, sizeof t) == (ssize_t)sizeof t,
               "it does not answer");
    return t;
}

static pid_t start_flood(int kind, uint16_t port, uint32_t rate, int *hear) {
    int up[2];
    bench_need(pipe(up) == 0, "no pipe");
    const pid_t pid = fork();
    if (pid == 0) be_flood(kind, port, rate, up[1]);
    bench_need(pid > 0, "no process");
    (void)close(up[1]);
    *hear = up[0];
    return pid;
}

static uint64_t end_of_flood(pid_t pid, int hear) {
    uint64_t sent = 0;
    (void)kill(pid, SIGTERM);
    bench_need(read(hear, &sent, sizeof sent) == (ssize_t)sizeof sent, "no flood");
    (void)close(hear);
    (void)waitpid(pid, NULL, 0);
    return sent;
}

/* ---- E ---- */

struct edge {
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    uint64_t session;
    uint32_t stream;
    int up, back;
    double *trips;
    size_t n;
};

static void turn(struct edge *e) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    const hkp_time now = loop_mono_ns(), wake = hkp_htp_wake(e->ep);
    struct pollfd p = {hkp_htp_udp_fd(e->udp), POLLIN, 0};
    (void)poll(&p, 1, wake <= now ? 0 : wake - now > 100000000 ? 100 : (int)((wake - now) / 1000000) + 1);
    bench_need(hkp_htp_udp_pump(e->udp, e->ep, loop_mono_ns(), loop_wall_us()) == HKP_OK, "pump");
    while (hkp_htp_event(e->ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) e->up = 1;
        if (ev.type == HKP_HTP_EVENT_MESSAGE) e->back++;
        bench_need(ev.type != HKP_HTP_EVENT_DOWN && ev.type != HKP_HTP_EVENT_FAILED, "the session ended");
    }
}

static void connect_edge(struct edge *e, const struct hkp_htp_path *to) {
    uint8_t a[32], s[32], node_id[16];
    make(1, &e->ep, &e->udp);
    fuzz_keys(0, a, s);
    memset(node_id, 0x40, 16);
    bench_need(hkp_htp_connect(e->ep, loop_mono_ns(), loop_wall_us(), to, node_id, s, a, HKP_HTP_MODE_N,
                               &e->session) == HKP_OK,
               "connect");
    while (!e->up) turn(e);
    bench_need(hkp_htp_session_allow(e->ep, e->session, UINT64_MAX, 0) == HKP_OK, "allow");
    bench_need(hkp_htp_stream_open(e->ep, e->session, HKP_HTP_STREAM_APP, 1, 3, &e->stream) == HKP_OK,
               "stream");
}

/* Round trips one after the other, for so long; how many. */
static void trips(struct edge *e, hkp_time span) {
    static const uint8_t text[64] = "64 bytes";
    const hkp_time end = loop_mono_ns() + span;
    for (e->n = 0; loop_mono_ns() < end && e->n < TRIPS_MAX; e->n++) {
        const hkp_time start = loop_mono_ns();
        const int before = e->back;
        bench_need(hkp_htp_stream_send(e->ep, e->session, e->stream, text, sizeof text, 0) == HKP_OK, "send");
        (void)!hkp_htp_udp_pump(e->udp, e->ep, start, loop_wall_us());
        while (e->back == before) turn(e);
        e->trips[e->n] = (double)(loop_mono_ns() - start) / 1000;
    }
}

static void rest(struct edge *e, hkp_time span) {
    for (const hkp_time end = loop_mono_ns() + span; loop_mono_ns() < end;) turn(e);
}

/* ---- what is printed ---- */

static void print_one(int kind, const char *what, const char *unit, double value, const char *ref_name,
                      double ref) {
    char name[64];
    snprintf(name, sizeof name, "htp.flood.%s.%s", kinds[kind], what);
    if (!bench_wanted(name)) return;
    printf("{\"bench\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"n\":1", name, value,
           unit, value, value);
    if (ref_name != NULL)
        printf(",\"ref\":\"%s\",\"ref_value\":%.6g,\"ratio\":%.4g", ref_name, ref,
               value > 0 ? ref / value : 0);
    printf("}\n");
    fflush(stdout);
}

static void say_dropped(int kind, uint64_t sent, double seconds, const struct told *a, const struct told *b) {
    fprintf(stderr,
            "flood %s: %.0f datagrams a second sent, %.1f %% reached V; retries %" PRIu64 "; dropped:",
            kinds[kind], (double)sent / seconds, 100.0 * (double)(b->in - a->in) / (double)sent,
            b->retries - a->retries);
    for (int i = 0; i < 64; i++)
        if (b->dropped[i] > a->dropped[i])
            fprintf(stderr, " %s %" PRIu64, hkp_htp_status_name(HKP_E_HTP_BASE - i) + 10,
                    b->dropped[i] - a->dropped[i]);
    fprintf(stderr, "\n");
}

static double sink_ns(int kind, uint32_t rate, hkp_time span) {
    struct other sink = start_other(be_sink);
    int hear;
    const struct told a = asked(&sink);
    const pid_t flood = start_flood(kind, sink.at.port, rate, &hear);
    const struct timespec wait = {.tv_sec = (time_t)(span / HKP_HTP__SEC)};
    (void)nanosleep(&wait, NULL);
    (void)end_of_flood(flood, hear);
    const struct told b = asked(&sink);
    (void)close(sink.ask);
    (void)waitpid(sink.pid, NULL, 0);
    return 1e9 * (b.cpu - a.cpu) / (double)(b.in - a.in);
}

/* hkp_htp_recv() alone, and the pulls that follow it. */
static double drop_ns(int kind) {
    static uint8_t packets[PACKETS][1200], out[1200];
    enum { TIMES = 200000 };
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    struct hkp_htp_path to;
    size_t len = 0, n;
    make(0, &ep, &udp);
    for (int i = 0; i < PACKETS; i++) len = packet_of(kind, packets[i]);
    const double start = cpu_seconds();
    for (uint32_t i = 0; i < TIMES; i++) {
        struct hkp_htp_path from = {.addr = {[10] = 0xFF, 0xFF, 127, 1, (uint8_t)(i % SOURCES), 1},
                                    .port = 4000};
        const hkp_time now = HKP_HTP__SEC + i * UINT64_C(5000);
        (void)!hkp_htp_recv(ep, now, UINT64_C(1750000000000000), &from, packets[i % PACKETS], len);
        for (n = 1; i % 32 == 31 && n > 0;)
            bench_need(hkp_htp_send(ep, now, UINT64_C(1750000000000000), &to, out, sizeof out, &n) == HKP_OK,
                       "send");
    }
    const double seconds = cpu_seconds() - start;
    hkp_htp_udp_close(udp);
    hkp_htp_endpoint_free(ep);
    return 1e9 * seconds / TIMES;
}

static void one_flood(int kind, uint32_t rate, hkp_time span) {
    struct other v = start_other(be_v);
    struct edge e = {.trips = calloc(TRIPS_MAX, sizeof(double))};
    int hear;
    connect_edge(&e, &v.at);
    trips(&e, span / 4); /* all paths walked once */
    trips(&e, span);
    const double quiet50 = bench_percentile(e.trips, e.n, 0.5),
                 quiet99 = bench_percentile(e.trips, e.n, 0.99);
    const struct told a = asked(&v);
    const hkp_time start = loop_mono_ns();
    const pid_t flood = start_flood(kind, v.at.port, rate, &hear);
    trips(&e, span);
    const struct told b = asked(&v);
    rest(&e, span / 2);
    const struct told c = asked(&v);
    const double seconds = (double)(loop_mono_ns() - start) / 1e9;
    const uint64_t sent = end_of_flood(flood, hear);
    print_one(kind, "p50", "us", bench_percentile(e.trips, e.n, 0.5), "quiet", quiet50);
    print_one(kind, "p99", "us", bench_percentile(e.trips, e.n, 0.99), "quiet", quiet99);
    print_one(kind, "cpu", "ns", 1e9 * (c.cpu - b.cpu) / (double)(c.in - b.in), "sink",
              sink_ns(kind, rate, span / 2));
    print_one(kind, "drop", "ns", drop_ns(kind), NULL, 0);
    print_one(kind, "memory", "KiB", (double)c.rss_kib - (double)a.rss_kib, NULL, 0);
    say_dropped(kind, sent, seconds, &a, &c);
    (void)close(v.ask);
    (void)waitpid(v.pid, NULL, 0);
    hkp_htp_udp_close(e.udp);
    hkp_htp_endpoint_free(e.ep);
    free(e.trips);
}

int main(int argc, char **argv) {
    const uint32_t rate = from_env("HKP_FLOOD_RATE", 200000);
    const hkp_time span = from_env("HKP_FLOOD_SECONDS", 4) * HKP_HTP__SEC;
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    for (int kind = 0; kind < KINDS; kind++) {
        char name[64];
        snprintf(name, sizeof name, "htp.flood.%s.", kinds[kind]);
        int wanted = bench_wanted(name);
        for (int i = 1; i < argc; i++) wanted |= strncmp(argv[i], name, strlen(name)) == 0;
        if (wanted) one_flood(kind, rate, span);
    }
    return 0;
}
