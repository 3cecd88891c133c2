/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Real sockets on loopback: E goes to another UDP port in the middle of a transfer; and memory that ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "roads.h"

enum { MESSAGES = 300, MESSAGE = 3000, TURNS = 20000 };

/** V with the driver, E with two sockets of the test: a socket for each carrier. */
struct loop {
    struct world w;
    struct pair p;
    hkp_htp_udp *udp;
    int sockets[2];
    uint16_t ports[2];
    uint64_t session[2];
    unsigned up[2], down[2], messages[2], moved[2];
    uint16_t v_sees;
};

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void open_socket(struct loop *x, int i) {
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    x->sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(x->sockets[i] >= 0);
    CHECK_EQ(bind(x->sockets[i], (const struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(getsockname(x->sockets[i], (struct sockaddr *)&a, &len), 0);
    x->ports[i] = ntohs(a.sin_port);
}

static void loop_new(struct loop *x) {
    struct hkp_htp_path any, local;
    memset(x, 0, sizeof *x);
    CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &any), HKP_OK);
    CHECK_EQ(hkp_htp_udp_open(&x->udp, &any, NULL), HKP_OK);
    for (int i = 0; i < 2; i++) open_socket(x, i);
    world_load(&x->w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&x->p, &x->w);
    CHECK_EQ(hkp_htp_udp_local(x->udp, &local), HKP_OK);
    x->p.path_v = local;
    x->p.now = clock_ns(CLOCK_MONOTONIC);
    x->p.wall = clock_ns(CLOCK_REALTIME) / 1000;
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
}

static void events(struct loop *x, int is_e) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    hkp_htp_endpoint *ep = is_e ? x->p.e : x->p.v;
    while (hkp_htp_event(ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) {
            x->up[is_e]++;
            x->session[is_e] = ev.session;
            CHECK_EQ(hkp_htp_session_allow(ep, ev.session, UINT64_MAX, 0), HKP_OK);
        }
        x->down[is_e] += ev.type == HKP_HTP_EVENT_DOWN || ev.type == HKP_HTP_EVENT_FAILED;
        x->messages[is_e] += ev.type == HKP_HTP_EVENT_MESSAGE && ev.len == MESSAGE;
        if (ev.type == HKP_HTP_EVENT_PATH && ev.value == HKP_HTP_PATH_MOVED) {
            x->moved[is_e]++;
            if (!is_e) x->v_sees = ev.observed.port;
        }
    }
}

static void pump_e(struct loop *x, hkp_time now, uint64_t wall) {
    uint8_t d[2048];
    size_t len;
    ssize_t n;
    for (int i = 0; i < 2; i++)
        while (x->sockets[i] >= 0 && (n = recv(x->sockets[i], d, sizeof d, 0)) > 0) {
            struct hkp_htp_path from = x->p.path_v;
            from.carrier = (uint64_t)i;
            hkp_status st = hkp_htp_recv(x->p.e, now, wall, &from, d, (size_t)n);
            CHECK(st <= HKP_OK);
        }
    if (hkp_htp_wake(x->p.e) <= now) hkp_htp_tick(x->p.e, now, wall);
    struct hkp_htp_path to;
    while (hkp_htp_send(x->p.e, now, wall, &to, d, sizeof d, &len) == HKP_OK && len > 0) {
        const struct sockaddr_in a = loopback(to.port);
        if (x->sockets[to.carrier] >= 0)
            CHECK(sendto(x->sockets[to.carrier], d, len, 0, (const struct sockaddr *)&a, sizeof a) != 0);
    }
}

static void turn(struct loop *x) {
    const hkp_time now = clock_ns(CLOCK_MONOTONIC);
    const uint64_t wall = clock_ns(CLOCK_REALTIME) / 1000;
    pump_e(x, now, wall);
    CHECK_EQ(hkp_htp_udp_pump(x->udp, x->p.v, now, wall), HKP_OK);
    events(x, 0);
    events(x, 1);
    struct pollfd fds[3] = {{x->sockets[0], POLLIN, 0}, {x->sockets[1], POLLIN, 0}, {0, POLLIN, 0}};
    fds[2].fd = hkp_htp_udp_fd(x->udp);
    CHECK(poll(fds, 3, 2) >= 0);
}

/* Both ways messages flow while E opens another port, moves, and closes the old one. */
static void e_changes_its_port_in_a_transfer(void) {
    static struct loop x;
    static const uint8_t body[MESSAGE] = "port";
    unsigned queued[2] = {0, 0};
    uint32_t stream[2];
    int asked = 0;
    loop_new(&x);
    for (int i = 0; i < TURNS && !(x.up[0] && x.up[1]); i++) turn(&x);
    for (int is_e = 0; is_e < 2; is_e++)
        CHECK_EQ(hkp_htp_stream_open(is_e ? x.p.e : x.p.v, x.session[is_e], 7, 0, 3, &stream[is_e]), HKP_OK);
    for (int i = 0; i < TURNS && x.messages[0] + x.messages[1] < 2 * MESSAGES; i++) {
        for (int is_e = 0; is_e < 2; is_e++)
            for (int n = 0; n < 3 && queued[is_e] < MESSAGES && queued[is_e] <= x.messages[!is_e] + 20; n++)
                if (hkp_htp_stream_send(is_e ? x.p.e : x.p.v, x.session[is_e], stream[is_e], body, MESSAGE,
                                        0) == HKP_OK)
                    queued[is_e]++;
        struct hkp_htp_path other = x.p.path_v;
        other.carrier = 1;
        if (!asked && x.messages[0] > MESSAGES / 4)
            asked = hkp_htp_session_migrate(x.p.e, clock_ns(CLOCK_MONOTONIC), x.session[1], &other) == HKP_OK;
        if (x.moved[0] && x.moved[1] && x.sockets[0] >= 0 && x.messages[0] > MESSAGES / 2) {
            close(x.sockets[0]);
            x.sockets[0] = -1;
        }
        turn(&x);
    }
    CHECK_EQ(x.messages[0], MESSAGES);
    CHECK_EQ(x.messages[1], MESSAGES);
    CHECK_EQ(x.moved[0], 1);
    CHECK_EQ(x.moved[1], 1);
    CHECK_EQ(x.v_sees, x.ports[1]);
    CHECK_EQ(x.sockets[0], -1);
    CHECK_EQ(x.down[0] + x.down[1], 0);
    close(x.sockets[1]);
    hkp_htp_udp_close(x.udp);
    pair_free(&x.p);
}

/* E or V gets so many allocations and no more: nothing breaks, nothing is left, and with enough of them E
 * moves. */
static void every_allocation_may_fail(void) {
    for (int is_e = 0; is_e < 2; is_e++) {
        unsigned moved = 0, up = 0;
        for (long left = 0; left < 100 && moved < 3; left++) {
            struct roads *x = roads_new("r", check_seed());
            struct failing heap = {.left = left};
            struct hkp_htp_options o;
            hkp_htp_endpoint **ep = is_e ? &x->p.e : &x->p.v;
            hkp_htp_endpoint_free(*ep);
            *ep = NULL;
            pair_options(&x->p, &o, is_e);
            o.mem = failing_mem(&heap);
            if (hkp_htp_endpoint_new(ep, &o, x->p.now) == HKP_OK) {
                if (pair_connect(&x->p) == HKP_OK) roads_run(x, HKP_HTP__SEC);
                const struct hkp_htp_path to = roads_v(x, 1);
                (void)roads_rebind(x, 1, 8, 45000, 0);
                up += x->up[1];
                if (x->up[1]) CHECK(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to) <= HKP_OK);
                roads_run(x, 6 * HKP_HTP__SEC);
                moved += x->moved[0] == 1 && x->moved[1] == 1;
            }
            hkp_htp_endpoint_free(*ep);
            CHECK_EQ(heap.live, 0);
            hkp_htp_endpoint_free(is_e ? x->p.v : x->p.e);
            free(x);
        }
        CHECK_EQ(moved, 3);
        CHECK(up >= 3);
    }
}

int main(void) {
    CASE(e_changes_its_port_in_a_transfer);
    CASE(every_allocation_may_fail);
    return check_done();
}
