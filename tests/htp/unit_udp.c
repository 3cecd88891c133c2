/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two endpoints and real sockets on loopback: handshake, 1,000 messages, close; and networks that fail. */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "libhtp/handshake/door.h"
#include "pair.h"

enum {
    MESSAGES = 1000,
    TURNS = 20000,
    /** beside HKP_HTP_UDP_NO_*: driven by hkp_htp_udp_step(), which sleeps or asks again and again first */
    STEPS = 16,
    SPINS = 32
};

struct wire {
    struct world w;
    struct pair p;
    /** 0 V, 1 E */
    hkp_htp_udp *udp[2];
    uint64_t session[2];
    unsigned up[2], down[2], messages[2];
    uint16_t reason[2];
    uint32_t stream, off;
    /** by hkp_htp_udp_step() */
    int steps;
};

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static hkp_htp_endpoint *side_of(struct wire *x, int i) { return i ? x->p.e : x->p.v; }

/* 0: this machine has no such address. */
static int wire_new(struct wire *x, const char *bind_e, const char *bind_v, const char *target,
                    uint32_t off) {
    struct hkp_htp_path e, v, local;
    memset(x, 0, sizeof *x);
    x->off = off & 15;
    x->steps = (off & (STEPS | SPINS)) != 0;
    CHECK_EQ(hkp_htp_path_parse(bind_e, &e), HKP_OK);
    CHECK_EQ(hkp_htp_path_parse(bind_v, &v), HKP_OK);
    struct hkp_htp_udp_options o;
    hkp_htp_udp_options_init(&o, sizeof o);
    o.off = off & 15;
    o.spin_us = off & SPINS ? 1000 : 0;
    hkp_status st = hkp_htp_udp_open_with(&x->udp[0], &v, &o);
    if (st == HKP_OK) st = hkp_htp_udp_open_with(&x->udp[1], &e, &o);
    if (st != HKP_OK) {
        CHECK_EQ(st, HKP_E_IO);
        hkp_htp_udp_close(x->udp[0]);
        return 0;
    }
    world_load(&x->w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&x->p, &x->w);
    x->p.rng_e.seed = clock_ns(CLOCK_MONOTONIC);
    x->p.rng_v.seed = x->p.rng_e.seed + 1;
    CHECK_EQ(hkp_htp_udp_local(x->udp[0], &local), HKP_OK);
    CHECK_EQ(hkp_htp_path_parse(target, &x->p.path_v), HKP_OK);
    x->p.path_v.port = local.port;
    x->p.now = clock_ns(CLOCK_MONOTONIC);
    x->p.wall = clock_ns(CLOCK_REALTIME) / 1000;
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
    return 1;
}

static void wire_free(struct wire *x) {
    for (int i = 0; i < 2; i++) hkp_htp_udp_close(x->udp[i]);
    pair_free(&x->p);
}

/* Message n: its number and n bytes more. */
static size_t message(uint8_t *dst, unsigned n) {
    hkp_put_be32(dst, n);
    for (unsigned i = 0; i < n; i++) dst[4 + i] = (uint8_t)(n * 31 + i);
    return 4 + n;
}

static void events(struct wire *x, int i) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    while (hkp_htp_event(side_of(x, i), &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) {
            x->up[i]++;
            x->session[i] = ev.session;
            CHECK_EQ(hkp_htp_session_allow(side_of(x, i), ev.session, UINT64_MAX, 0), HKP_OK);
        } else if (ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED) {
            x->down[i]++;
            x->reason[i] = ev.reason;
        } else if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            uint8_t body[4 + MESSAGES];
            CHECK(ev.len == message(body, x->messages[i]) && memcmp(ev.data, body, ev.len) == 0);
            x->messages[i]++;
        }
    }
}

/* E takes what is there, V waits for what E sent: in a call that reads, or in ppoll() for short deadlines. */
static void turn_by_steps(struct wire *x) {
    CHECK_EQ(hkp_htp_udp_step(x->udp[1], x->p.e, 0), HKP_OK);
    events(x, 1);
    CHECK_EQ(hkp_htp_udp_step(x->udp[0], x->p.v, clock_ns(CLOCK_MONOTONIC) + 20000000U), HKP_OK);
    events(x, 0);
}

/* One turn of both loops; waits on the sockets for at most what the deadlines say. */
static void turn(struct wire *x) {
    hkp_time now = clock_ns(CLOCK_MONOTONIC), next = HKP_TIME_NEVER;
    struct pollfd fds[2];
    if (x->steps) {
        turn_by_steps(x);
        return;
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hkp_htp_udp_pump(x->udp[i], side_of(x, i), now, clock_ns(CLOCK_REALTIME) / 1000), HKP_OK);
        events(x, i);
        hkp_time wake = hkp_htp_wake(side_of(x, i));
        if (wake < next) next = wake;
        fds[i] = (struct pollfd){hkp_htp_udp_fd(x->udp[i]), POLLIN, 0};
        if (hkp_htp_udp_blocked(x->udp[i])) fds[i].events |= POLLOUT;
    }
    int ms = next <= now ? 0 : next - now > 10000000U ? 10 : (int)((next - now) / 1000000U) + 1;
    CHECK(poll(fds, 2, ms) >= 0);
}

static void converse(const char *bind_e, const char *bind_v, const char *target, uint32_t off) {
    static struct wire x;
    static uint8_t body[4 + MESSAGES];
    unsigned queued = 0;
    if (!wire_new(&x, bind_e, bind_v, target, off)) {
        printf("# no address for %s here\n", bind_v);
        return;
    }
    for (int i = 0; i < TURNS && x.messages[0] < MESSAGES && x.down[0] + x.down[1] == 0; i++) {
        if (x.up[1] && queued == 0)
            CHECK_EQ(hkp_htp_stream_open(x.p.e, x.session[1], HKP_HTP_STREAM_APP, 0, 3, &x.stream), HKP_OK);
        while (x.up[1] && queued < MESSAGES) {
            size_t len = message(body, queued);
            if (hkp_htp_stream_send(x.p.e, x.session[1], x.stream, body, len, 0) != HKP_OK) break;
            queued++;
        }
        turn(&x);
    }
    CHECK_EQ(x.messages[0], MESSAGES);
    CHECK(x.up[0] == 1 && x.up[1] == 1);
    if (x.up[1])
        CHECK_EQ(hkp_htp_session_close(x.p.e, clock_ns(CLOCK_MONOTONIC), x.session[1], HKP_HTP_REASON_DONE),
                 HKP_OK);
    for (int i = 0; i < 500 && (!x.down[0] || !x.down[1]); i++) turn(&x);
    CHECK(x.down[0] == 1 && x.down[1] == 1);
    CHECK_EQ(x.reason[0], HKP_HTP_REASON_DONE);
    struct hkp_htp_udp_stats a = {.struct_size = sizeof a}, b = {.struct_size = sizeof b};
    CHECK_EQ(hkp_htp_udp_stats(x.udp[0], &a), HKP_OK);
    CHECK_EQ(hkp_htp_udp_stats(x.udp[1], &b), HKP_OK);
    CHECK(a.datagrams_in > 20 && a.datagrams_in <= b.datagrams_out && b.bytes_out > MESSAGES * MESSAGES / 2);
    CHECK_EQ(a.send_errors + b.send_errors + a.recv_errors + b.recv_errors, 0);
    CHECK_EQ(a.off & x.off, x.off);
    if (a.off & HKP_HTP_UDP_NO_CUT) CHECK_EQ(a.runs_out + b.runs_out, 0);
    if (a.off & HKP_HTP_UDP_NO_JOIN) CHECK_EQ(a.runs_in + b.runs_in, 0);
    if (a.off == 0) CHECK(a.runs_in > 0 && b.runs_out > 0);
    if ((a.off & 5) == 5) CHECK(b.send_calls >= b.datagrams_out); /* neither cut nor batched */
    wire_free(&x);
}

static void a_session_over_ipv4(void) { converse("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", 0); }
static void a_session_over_ipv6(void) { converse("[::1]:0", "[::1]:0", "[::1]:1", 0); }
static void one_socket_takes_both(void) { converse("127.0.0.1:0", "[::]:0", "127.0.0.1:1", 0); }

/* Every set of offloads that may be missing: the same messages arrive. */
static void each_offload_may_be_missing(void) {
    for (uint32_t off = 1; off < 16; off++) converse("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", off);
    converse("[::1]:0", "[::1]:0", "[::1]:1", HKP_HTP_UDP_NO_CUT);
    converse("[::1]:0", "[::1]:0", "[::1]:1", HKP_HTP_UDP_NO_JOIN);
}

/* Nobody there, junk coming in, a peer of the other family: counted, and the loop goes on. */
static void trouble_is_counted_and_ends_nothing(void) {
    static struct wire x;
    struct hkp_htp_path junk_from;
    hkp_htp_udp *other;
    CHECK_EQ(wire_new(&x, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", 0), 1);
    hkp_htp_udp_close(x.udp[0]); /* V is gone: its port answers with ICMP */
    CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &junk_from), HKP_OK);
    CHECK_EQ(hkp_htp_udp_open(&x.udp[0], &junk_from, NULL), HKP_OK);
    for (int i = 0; i < 20; i++) turn(&x);
    CHECK_EQ(x.down[1], 0);
    /* A second E, bound to IPv4, is asked to reach an IPv6 peer. */
    uint64_t session;
    struct hkp_htp_path v6;
    CHECK_EQ(hkp_htp_path_parse("[2001:db8::1]:8144", &v6), HKP_OK);
    CHECK_EQ(hkp_htp_connect(x.p.e, clock_ns(CLOCK_MONOTONIC), x.p.wall, &v6, x.w.v.node_id, x.w.v.s, x.w.v.a,
                             HKP_HTP_MODE_R, &session),
             HKP_OK);
    turn(&x);
    struct hkp_htp_udp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_udp_stats(x.udp[1], &s), HKP_OK);
    CHECK(s.send_errors >= 1);
    s.struct_size = 4;
    CHECK_EQ(hkp_htp_udp_stats(x.udp[1], &s), HKP_E_INVAL);
    /* The port of E is taken. */
    struct hkp_htp_path taken;
    CHECK_EQ(hkp_htp_udp_local(x.udp[1], &taken), HKP_OK);
    CHECK_EQ(hkp_htp_udp_open(&other, &taken, NULL), HKP_E_IO);
    wire_free(&x);
}

static void every_allocation_may_fail(void) {
    struct hkp_htp_path any;
    struct failing heap = {.left = 0};
    struct hkp_mem mem = failing_mem(&heap);
    hkp_htp_udp *udp = NULL;
    CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &any), HKP_OK);
    CHECK_EQ(hkp_htp_udp_open(&udp, &any, &mem), HKP_E_NOMEM);
    CHECK(udp == NULL);
    heap.left = 1;
    CHECK_EQ(hkp_htp_udp_open(&udp, &any, &mem), HKP_OK);
    hkp_htp_udp_close(udp);
    CHECK_EQ(heap.live, 0);
}

/* ---- steps */

static void a_session_by_steps(void) {
    for (uint32_t off = 0; off < 16; off += 5)
        converse("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", off | STEPS);
    converse("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", SPINS);
}

static struct hkp_htp_udp_stats stats_of(const struct wire *x, int i) {
    struct hkp_htp_udp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_udp_stats(x->udp[i], &s), HKP_OK);
    return s;
}

/* Brings the session up; what follows from it has gone when both are silent. */
static void settle(struct wire *x) {
    for (int i = 0; i < 500 && (!x->up[0] || !x->up[1]); i++) turn_by_steps(x);
    CHECK(x->up[0] == 1 && x->up[1] == 1);
    for (int i = 0; i < 50; i++) turn_by_steps(x);
}

/* Decision 0410: what a request and its answer cost. */
static void a_step_is_one_call_out_and_one_in(void) {
    static struct wire x;
    uint8_t body[4];
    CHECK_EQ(wire_new(&x, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", STEPS), 1);
    settle(&x);
    CHECK_EQ(hkp_htp_stream_open(x.p.e, x.session[1], HKP_HTP_STREAM_APP, 0, 3, &x.stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(x.p.e, x.session[1], x.stream, body, message(body, 0), 0), HKP_OK);
    const struct hkp_htp_udp_stats e = stats_of(&x, 1), v = stats_of(&x, 0);
    CHECK_EQ(hkp_htp_udp_step(x.udp[1], x.p.e, 0), HKP_OK);
    CHECK_EQ(hkp_htp_udp_step(x.udp[0], x.p.v, clock_ns(CLOCK_MONOTONIC) + 10 * HKP_HTP__SEC), HKP_OK);
    CHECK_EQ(stats_of(&x, 1).send_calls - e.send_calls, 1);
    CHECK_EQ(stats_of(&x, 0).recv_calls - v.recv_calls, 1);
    CHECK_EQ(stats_of(&x, 0).send_calls, v.send_calls);
    /* Its message was not taken yet: V looks for more, once, and does not sleep. */
    CHECK_EQ(hkp_htp_udp_step(x.udp[0], x.p.v, HKP_TIME_NEVER), HKP_OK);
    CHECK_EQ(stats_of(&x, 0).recv_calls - v.recv_calls, 2);
    CHECK_EQ(x.messages[0], 0);
    events(&x, 0);
    CHECK_EQ(x.messages[0], 1);
    wire_free(&x);
}

/* Nothing comes at all: the deadlines of the session and of the caller end the wait. */
static void a_step_ends_by_its_deadline(void) {
    static struct wire x;
    CHECK_EQ(wire_new(&x, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", STEPS), 1);
    hkp_htp_udp_close(x.udp[0]);
    x.udp[0] = NULL;
    const uint64_t before = stats_of(&x, 1).datagrams_out;
    /* The first HELLO, and the second, which is due after a second or so. */
    for (int i = 0; i < 200 && stats_of(&x, 1).datagrams_out < before + 2; i++)
        CHECK_EQ(hkp_htp_udp_step(x.udp[1], x.p.e, HKP_TIME_NEVER), HKP_OK);
    CHECK(stats_of(&x, 1).datagrams_out >= before + 2);
    for (int i = 1; i <= 40; i++) /* short ones and long ones */
        CHECK_EQ(hkp_htp_udp_step(x.udp[1], x.p.e, clock_ns(CLOCK_MONOTONIC) + (uint64_t)i * 1000000U),
                 HKP_OK);
    CHECK_EQ(hkp_htp_udp_step(NULL, x.p.e, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_udp_step(x.udp[1], NULL, 0), HKP_E_INVAL);
    wire_free(&x);
}

/* ---- a flood */

enum { SENDERS = 200, NO_COOKIE_YET = HKP_HTP__SOURCE_PER_MINUTE };

static int retry_came(int fd) {
    uint8_t dgram[2048];
    ssize_t n;
    while ((n = recv(fd, dgram, sizeof dgram, MSG_DONTWAIT)) > 0)
        if (n == HKP_HTP__RETRY_SIZE && hkp_be16(dgram + 2) == HKP_HTP__CHALLENGE) return 1;
    return 0;
}

/* Decision 0409: one pump finds more HELLOs than answers may wait, and each gets its RETRY. */
static void each_of_many_hellos_gets_its_retry(void) {
    static struct wire x;
    struct hkp_htp_path to;
    uint8_t hello[1200];
    size_t len = 0;
    int fd[SENDERS], answered = 0;
    CHECK_EQ(wire_new(&x, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", 0), 1);
    CHECK_EQ(hkp_htp_send(x.p.e, x.p.now, x.p.wall, &to, hello, sizeof hello, &len), HKP_OK);
    struct sockaddr_in v = {
        .sin_family = AF_INET, .sin_port = htons(x.p.path_v.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < SENDERS; i++) {
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CHECK(fd[i] >= 0 && sendto(fd[i], hello, len, 0, (struct sockaddr *)&v, sizeof v) == (ssize_t)len);
    }
    CHECK_EQ(hkp_htp_udp_pump(x.udp[0], x.p.v, clock_ns(CLOCK_MONOTONIC), x.p.wall), HKP_OK);
    for (int i = 0; i < SENDERS; i++) {
        answered += retry_came(fd[i]);
        close(fd[i]);
    }
    CHECK_EQ(x.p.v->stats.answers_lost, 0);
    CHECK(answered >= SENDERS - NO_COOKIE_YET);
    wire_free(&x);
}

int main(void) {
    CASE(a_session_over_ipv4);
    CASE(a_session_over_ipv6);
    CASE(one_socket_takes_both);
    CASE(each_offload_may_be_missing);
    CASE(trouble_is_counted_and_ends_nothing);
    CASE(every_allocation_may_fail);
    CASE(a_session_by_steps);
    CASE(a_step_is_one_call_out_and_one_in);
    CASE(a_step_ends_by_its_deadline);
    CASE(each_of_many_hellos_gets_its_retry);
    return check_done();
}
