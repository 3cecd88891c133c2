/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The sockets of a driver, one for each carrier (decision 0400). */
#include "libhtp/posix/udp.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct hkp_htp__udp_sock sock_t;

int hkp_htp__udp_find(const hkp_htp_udp *udp, uint64_t carrier) {
    for (unsigned i = 0; i < udp->count; i++)
        if (udp->socks[i].carrier == carrier) return (int)i;
    return -1;
}

uint32_t hkp_htp__udp_ready(const hkp_htp_udp *udp) {
    struct epoll_event ev[HKP_HTP_UDP_SOCKETS_MAX];
    uint32_t ready = 0;
    if (udp->epoll < 0) return 1;
    const int n = epoll_wait(udp->epoll, ev, HKP_HTP_UDP_SOCKETS_MAX, 0);
    for (int i = 0; i < n; i++) ready |= UINT32_C(1) << ev[i].data.u32;
    return ready;
}

/* Watches socket i, or goes on to do so after it came to that place. */
static int watch(const hkp_htp_udp *udp, unsigned i, int op) {
    struct epoll_event ev = {.events = EPOLLIN, .data = {.u32 = i}};
    return udp->epoll < 0 || epoll_ctl(udp->epoll, op, udp->socks[i].fd, &ev) == 0;
}

/* A run goes out by any socket: it is no longer than the shortest limit. */
static void set_longest(hkp_htp_udp *udp) {
    udp->longest = HKP_HTP__UDP_RUN_V4;
    for (unsigned i = 0; i < udp->count; i++)
        if (!udp->socks[i].is_v4) udp->longest = HKP_HTP__UDP_RUN_V6;
}

hkp_status hkp_htp__udp_open_sock(hkp_htp_udp *udp, const struct hkp_htp_path *path, uint32_t interface,
                                  uint64_t session) {
    sock_t *sock = &udp->socks[udp->count];
    struct hkp_htp_udp_options o = udp->opt;
    if (session != 0) o.shards = 0; /* a fresh port, which nobody shares */
    const hkp_status st = hkp_htp__udp_socket(sock, path, interface, &o);
    if (st != HKP_OK) return st;
    sock->bound = *path;
    sock->interface = interface;
    sock->session = session;
    sock->until = HKP_TIME_NEVER;
    if (!watch(udp, udp->count, EPOLL_CTL_ADD)) {
        (void)close(sock->fd);
        return HKP_E_IO;
    }
    udp->count++;
    set_longest(udp);
    return HKP_OK;
}

/* Socket i goes, and the last one comes to its place: so for the runs that wait. */
static void move_runs(hkp_htp_udp *udp, unsigned i) {
    unsigned n = udp->first;
    for (unsigned k = udp->first; k < udp->last; k++) {
        struct hkp_htp__udp_run r = udp->runs[k];
        if (r.sock == i) {
            if (k == udp->first) udp->sent = 0;
            udp->stats.send_errors += (r.len + r.segment - 1) / r.segment;
            continue;
        }
        if (r.sock == udp->count - 1) r.sock = (uint8_t)i;
        udp->runs[n++] = r;
    }
    udp->last = n;
}

void hkp_htp__udp_close_sock(hkp_htp_udp *udp, unsigned i) {
    (void)close(udp->socks[i].fd);
    move_runs(udp, i);
    udp->socks[i] = udp->socks[--udp->count];
    if (i < udp->count) (void)watch(udp, i, EPOLL_CTL_MOD);
    set_longest(udp);
}

hkp_status hkp_htp_udp_carrier_add(hkp_htp_udp *udp, const struct hkp_htp_path *bind_path,
                                   uint32_t interface) {
    if (udp == NULL || bind_path == NULL) return HKP_E_INVAL;
    if (hkp_htp__udp_find(udp, bind_path->carrier) >= 0) return HKP_E_INVAL;
    if (bind_path->carrier & HKP_HTP__UDP_OWN) return HKP_E_INVAL;
    unsigned added = 0;
    for (unsigned i = 1; i < udp->count; i++) added += udp->socks[i].session == 0;
    if (added >= udp->opt.carriers) return HKP_E_LIMIT;
    return hkp_htp__udp_open_sock(udp, bind_path, interface, 0);
}

hkp_status hkp_htp_udp_carrier_drop(hkp_htp_udp *udp, uint64_t carrier) {
    if (udp == NULL) return HKP_E_INVAL;
    const int i = hkp_htp__udp_find(udp, carrier);
    if (i < 0) return HKP_E_NOTFOUND;
    if (i == 0 || udp->socks[i].session != 0) return HKP_E_STATE;
    hkp_htp__udp_close_sock(udp, (unsigned)i);
    return HKP_OK;
}

static hkp_status local_of(const sock_t *sock, struct hkp_htp_path *out) {
    struct sockaddr_in6 addr;
    socklen_t len = sizeof addr;
    if (getsockname(sock->fd, (struct sockaddr *)&addr, &len) != 0) return HKP_E_IO;
    hkp_htp__udp_from_sockaddr(&addr, out);
    out->carrier = sock->carrier;
    return HKP_OK;
}

hkp_status hkp_htp_udp_local(const hkp_htp_udp *udp, struct hkp_htp_path *out) {
    if (udp == NULL || out == NULL) return HKP_E_INVAL;
    return local_of(&udp->socks[0], out);
}

hkp_status hkp_htp_udp_carrier(const hkp_htp_udp *udp, uint64_t carrier, struct hkp_htp_udp_carrier *out) {
    struct hkp_htp_path local;
    if (udp == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    const int i = hkp_htp__udp_find(udp, carrier);
    if (i < 0) return HKP_E_NOTFOUND;
    const sock_t *sock = &udp->socks[i];
    if (local_of(sock, &local) != HKP_OK) return HKP_E_IO;
    *out = (struct hkp_htp_udp_carrier){.struct_size = sizeof *out,
                                        .off = sock->off,
                                        .local = local,
                                        .datagrams_in = sock->datagrams_in,
                                        .datagrams_out = sock->datagrams_out,
                                        .bytes_in = sock->bytes_in,
                                        .bytes_out = sock->bytes_out};
    return HKP_OK;
}
