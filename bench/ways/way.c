/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "way.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 8 * 1024 * 1024 };

double way_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double way_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Where all shares of way_side_by_side() meet: before the first does its work and after the last has. */
struct gates {
    pthread_barrier_t begin, end;
};

static _Thread_local struct gates *gates;
static _Thread_local int gates_met;

/* Meets the others at the gates up to this one; twice does nothing. */
static void meet(int n) {
    for (; gates != NULL && gates_met < n; gates_met++)
        (void)pthread_barrier_wait(gates_met == 0 ? &gates->begin : &gates->end);
}

void way_begin(struct way_cost *cost) {
    meet(1);
    cost->cpu = way_cpu();
    cost->seconds = way_clock();
}

void way_end(struct way_cost *cost) {
    meet(2);
    cost->seconds = way_clock() - cost->seconds;
    cost->cpu = way_cpu() - cost->cpu;
}

/* ---- a core for each side */

/* What this process may use; taken before any thread is pinned. */
static const cpu_set_t *all_cores(void) {
    static cpu_set_t all;
    if (CPU_COUNT(&all) == 0) (void)sched_getaffinity(0, sizeof all, &all);
    return &all;
}

int way_core(int side) {
    const cpu_set_t *all = all_cores();
    int n = 0;
    if (CPU_COUNT(all) < 2) return -1;
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET((size_t)core, all) && n++ == side) return core;
    return -1;
}

void way_pin(int side) {
    const int core = way_core(side);
    cpu_set_t one;
    if (core < 0) return;
    CPU_ZERO(&one);
    CPU_SET((size_t)core, &one);
    (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

void way_unpin(void) { (void)pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), all_cores()); }

static int loopback_socket(int type, struct sockaddr_in *at) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), size = SOCKET_BUFFER;
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof *at;
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)at, len) == 0 && getsockname(fd, (struct sockaddr *)at, &len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- a network with loss and delay: one thread between two sockets */

enum { HELD_MAX = 16384, DATAGRAM_MAX = 65536 };

struct held {
    double due;
    uint8_t *bytes;
    size_t len;
};

struct queue {
    struct held held[HELD_MAX];
    unsigned first, n;
};

struct way_relay {
    int fd[2]; /* towards the client, towards the server */
    struct sockaddr_in client;
    volatile int stop, known;
    pthread_t thread;
    uint64_t random;
    double loss, delay;
    struct queue to[2];
    uint8_t buffer[DATAGRAM_MAX];
};

static double network_loss, network_delay;

void way_network(double loss, double round_trip_ms) {
    network_loss = loss;
    network_delay = round_trip_ms / 2000;
}

static int is_lost(struct way_relay *r) {
    r->random = r->random * 6364136223846793005U + 1442695040888963407U;
    return (double)(r->random >> 11) / 9007199254740992.0 < r->loss;
}

static void take_in(struct way_relay *r, int from, double now) {
    struct queue *q = &r->to[!from];
    struct sockaddr_in at;
    for (int i = 0; i < 64; i++) {
        socklen_t len = sizeof at;
        const ssize_t n =
            recvfrom(r->fd[from], r->buffer, sizeof r->buffer, MSG_DONTWAIT, (struct sockaddr *)&at, &len);
        if (n < 0) return;
        if (from == 0) {
            r->client = at;
            r->known = 1;
        }
        if (is_lost(r) || q->n == HELD_MAX) continue;
        struct held *h = &q->held[(q->first + q->n++) % HELD_MAX];
        *h = (struct held){now + r->delay, malloc((size_t)n + 1), (size_t)n};
        memcpy(h->bytes, r->buffer, (size_t)n);
    }
}

static void let_out(struct way_relay *r, int to, double now) {
    struct queue *q = &r->to[to];
    for (; q->n > 0 && q->held[q->first].due <= now; q->n--) {
        struct held *h = &q->held[q->first];
        if (to == 1)
            (void)!send(r->fd[1], h->bytes, h->len, 0);
        else if (r->known)
            (void)!sendto(r->fd[0], h->bytes, h->len, 0, (struct sockaddr *)&r->client, sizeof r->client);
        free(h->bytes);
        q->first = (q->first + 1) % HELD_MAX;
    }
}

static void *relay_thread(void *arg) {
    struct way_relay *r = arg;
    way_unpin();
    while (!r->stop) {
        double wait = 0.01;
        const double now = way_clock();
        for (int i = 0; i < 2; i++) {
            let_out(r, i, now);
            if (r->to[i].n > 0 && r->to[i].held[r->to[i].first].due - now < wait)
                wait = r->to[i].held[r->to[i].first].due - now;
        }
        struct timespec t = {0, wait > 0 ? (long)(wait * 1e9) : 0};
        struct pollfd p[2] = {{.fd = r->fd[0], .events = POLLIN}, {.fd = r->fd[1], .events = POLLIN}};
        (void)ppoll(p, 2, &t, NULL);
        for (int i = 0; i < 2; i++) take_in(r, i, way_clock());
    }
    return NULL;
}

static struct way_relay *relay_make(const struct sockaddr_in *server, struct sockaddr_in *front,
                                    struct sockaddr_in *back) {
    struct way_relay *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->loss = network_loss;
    r->delay = network_delay;
    r->random = 1;
    r->fd[0] = loopback_socket(SOCK_DGRAM, front);
    r->fd[1] = loopback_socket(SOCK_DGRAM, back);
    if (r->fd[0] >= 0 && r->fd[1] >= 0 &&
        connect(r->fd[1], (const struct sockaddr *)server, sizeof *server) == 0 &&
        pthread_create(&r->thread, NULL, relay_thread, r) == 0)
        return r;
    free(r);
    return NULL;
}

struct way_relay *way_relay_new(uint16_t server, uint16_t *front) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(server), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in at, back;
    *front = server;
    if (network_loss <= 0 && network_delay <= 0) return NULL;
    struct way_relay *r = relay_make(&to, &at, &back);
    if (r != NULL) *front = ntohs(at.sin_port);
    return r;
}

void way_relay_free(struct way_relay *r) {
    if (r == NULL) return;
    r->stop = 1;
    pthread_join(r->thread, NULL);
    for (int i = 0; i < 2; i++) {
        for (struct queue *q = &r->to[i]; q->n > 0; q->n--, q->first = (q->first + 1) % HELD_MAX)
            free(q->held[q->first].bytes);
        close(r->fd[i]);
    }
    free(r);
}

int way_udp_pair(int fd[2], struct way_relay **relay) {
    struct sockaddr_in at[2], front, back;
    *relay = NULL;
    for (int i = 0; i < 2; i++)
        if ((fd[i] = loopback_socket(SOCK_DGRAM, &at[i])) < 0) return -1;
    front = at[1];
    back = at[0];
    if (network_loss > 0 || network_delay > 0) {
        *relay = relay_make(&at[1], &front, &back);
        if (*relay == NULL) return -1;
    }
    return connect(fd[0], (struct sockaddr *)&front, sizeof front) == 0 &&
                   connect(fd[1], (struct sockaddr *)&back, sizeof back) == 0
               ? 0
               : -1;
}

int way_tcp_listen(uint16_t *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 64) != 0) return -1;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

int way_tcp_connect(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

struct both {
    int (*serve)(void *user);
    void *user;
    int pinned, result;
};

static void *serve_thread(void *arg) {
    struct both *b = arg;
    if (b->pinned) way_pin(1);
    b->result = b->serve(b->user);
    return NULL;
}

int way_both(int (*serve)(void *user), int (*use)(void *user), void *user) {
    struct both b = {serve, user, gates == NULL, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve_thread, &b) != 0) return -1;
    if (b.pinned) way_pin(0);
    int result = use(user);
    pthread_join(thread, NULL);
    if (b.pinned) way_unpin();
    return result != 0 ? result : b.result;
}

struct share {
    int (*work)(unsigned count, struct way_cost *cost);
    struct gates *gates;
    unsigned count;
    int result;
};

static void *share_thread(void *arg) {
    struct share *s = arg;
    struct way_cost ignored;
    gates = s->gates;
    s->result = s->count > 0 ? s->work(s->count, &ignored) : 0;
    meet(2); /* one that failed keeps nobody waiting */
    return NULL;
}

int way_side_by_side(int (*work)(unsigned count, struct way_cost *cost), unsigned count, unsigned at_once,
                     struct way_cost *cost) {
    enum { MOST = 64 };
    pthread_t thread[MOST];
    struct share share[MOST];
    struct gates shared;
    int result = 0;
    if (at_once > MOST) return -1;
    (void)pthread_barrier_init(&shared.begin, NULL, at_once + 1);
    (void)pthread_barrier_init(&shared.end, NULL, at_once + 1);
    for (unsigned i = 0; i < at_once; i++) {
        share[i] = (struct share){work, &shared, count / at_once + (i < count % at_once), 0};
        if (pthread_create(&thread[i], NULL, share_thread, &share[i]) != 0) abort(); /* others wait for it */
    }
    gates = &shared;
    gates_met = 0;
    way_begin(cost);
    way_end(cost);
    gates = NULL;
    for (unsigned i = 0; i < at_once; i++) {
        pthread_join(thread[i], NULL);
        if (share[i].result != 0) result = share[i].result;
    }
    (void)pthread_barrier_destroy(&shared.begin);
    (void)pthread_barrier_destroy(&shared.end);
    return result;
}
