/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * One way to carry bytes between two parties over loopback: ours, or a peer that it is measured against. Each
 * runs its two sides in two threads of this process, so that its clock of CPU time counts both, with all
 * threads and kernel work that they cause. Each side has a core of its own: left alone, the system puts two
 * threads that wake each other on one core, which measures its scheduler and no network. With a single core,
 * and with several pairs side by side, the system places the threads.
 */
#ifndef HKP_BENCH_WAY_H
#define HKP_BENCH_WAY_H

#include <stddef.h>
#include <stdint.h>

enum { WAY_CHACHA = 1, WAY_AES = 2 };

struct way_load {
    uint64_t bytes;
    /** largest UDP payload; 0: the largest that the way uses by itself */
    uint32_t datagram;
    /** WAY_* */
    uint32_t suite;
    /** ours: 1 the BBR-like controller in place of CUBIC */
    uint32_t bbr;
};

struct way_cost {
    /** from the first byte given to the word of the receiver that it has the last */
    double seconds;
    /** CPU of the whole process meanwhile */
    double cpu;
};

/** All functions: 0 on success; NULL: this way has no such thing. */
struct way {
    const char *name;
    int (*bulk)(const struct way_load *load, struct way_cost *cost);
    /** so many handshakes with authentication and one byte back, one after the other; at_once: in flight */
    int (*handshakes)(unsigned count, unsigned at_once, struct way_cost *cost);
    /** requests and responses of 64 bytes; seconds of each */
    int (*round_trips)(unsigned count, int busy, double *seconds);
    /** reliable messages of 64 bytes, one way */
    int (*messages)(unsigned count, struct way_cost *cost);
};

extern const struct way way_htp, way_ceiling, way_udp, way_dtls, way_tls, way_curve, way_srt, way_ngtcp2;

/* ---- way.c: what all share */

double way_clock(void);
/** CPU seconds of this process, all threads. */
double way_cpu(void);
/** Begins and ends a measurement. */
void way_begin(struct way_cost *cost);
void way_end(struct way_cost *cost);

/**
 * From now on datagrams of way_udp_pair() and of what goes through a relay are lost with this probability and
 * take so long for the way there and back together; 0 and 0: nothing stands between.
 */
void way_network(double loss, double round_trip_ms);
/** A relay before a server's port, if the network asks for one: NULL, and *front = server, if not. */
struct way_relay *way_relay_new(uint16_t server, uint16_t *front);
void way_relay_free(struct way_relay *relay);

/** Two UDP sockets on 127.0.0.1 connected to each other, or to a relay between, with buffers of 8 MiB where
 * allowed. */
int way_udp_pair(int fd[2], struct way_relay **relay);
/** A listening TCP socket on 127.0.0.1; *port is its port. */
int way_tcp_listen(uint16_t *port);
int way_tcp_connect(uint16_t port);

/** The core of a side: 0 the client's, 1 the server's; -1: there are not two. */
int way_core(int side);
/** Keeps the calling thread, and those that it makes, on the core of a side; lets it go again. */
void way_pin(int side);
void way_unpin(void);

/**
 * Runs serve(user) in a thread while use(user) runs in this one, each on its core; 0 if both return 0.
 */
int way_both(int (*serve)(void *user), int (*use)(void *user), void *user);

/** work() at_once times side by side, which share the count; what lies between all their way_begin() and
 * way_end() is one measurement. */
int way_side_by_side(int (*work)(unsigned count, struct way_cost *cost), unsigned count, unsigned at_once,
                     struct way_cost *cost);

#endif
