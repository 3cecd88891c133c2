/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Datagrams in: as many as the system gives in one call, joined where it does that. */
#include "libhtp/endpoint.h"
#include "libhtp/posix/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

typedef struct hkp_htp__udp_sock sock_t;

/* Notes of the system on one message: size of the joined datagrams, ECN field. */
static void read_notes(struct msghdr *msg, struct hkp_htp_run *run) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        int value = 0;
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS && c->cmsg_len >= CMSG_LEN(1)) {
            run->ecn = *CMSG_DATA(c) & 3;
            continue;
        }
        if (c->cmsg_len < CMSG_LEN(sizeof value)) continue;
        memcpy(&value, CMSG_DATA(c), sizeof value);
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) run->ecn = (uint32_t)value & 3;
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO && value > 0)
            run->segment = (size_t)value;
    }
}

enum { MOST_AT_FIRST = 2 };

static size_t room_of(const sock_t *sock) {
    return sock->off & HKP_HTP_UDP_NO_JOIN ? HKP_HTP__UDP_IN_SINGLE : HKP_HTP__UDP_IN_JOINED;
}

static void prepare(hkp_htp_udp *udp, unsigned n, size_t size) {
    for (unsigned i = 0; i < n; i++) {
        struct hkp_htp__udp_slot *slot = &udp->in_slot[i];
        slot->iov = (struct iovec){udp->in + i * size, size};
        udp->in_head[i].msg_hdr = (struct msghdr){.msg_name = &slot->addr,
                                                  .msg_namelen = sizeof slot->addr,
                                                  .msg_iov = &slot->iov,
                                                  .msg_iovlen = 1,
                                                  .msg_control = slot->control,
                                                  .msg_controllen = sizeof slot->control};
    }
}

/* Asked for by the next call: a quiet socket prepares little, a busy one fills its room. */
static unsigned most_of(const sock_t *sock) {
    const unsigned limit = sock->is_long ? HKP_HTP__UDP_IN_LONG : (unsigned)(HKP_HTP__UDP_IN / room_of(sock));
    if (sock->off & HKP_HTP_UDP_NO_BATCH) return 1;
    return sock->most < MOST_AT_FIRST ? (unsigned)MOST_AT_FIRST : sock->most < limit ? sock->most : limit;
}

static int receive(hkp_htp_udp *udp, const sock_t *sock, unsigned n, int flags) {
    udp->stats.recv_calls++;
    if (!(sock->off & HKP_HTP_UDP_NO_BATCH)) return recvmmsg(sock->fd, udp->in_head, n, flags, NULL);
    ssize_t len = recvmsg(sock->fd, &udp->in_head[0].msg_hdr, flags & MSG_DONTWAIT);
    if (len < 0) return -1;
    udp->in_head[0].msg_len = (unsigned)len;
    return 1;
}

int hkp_htp__udp_take(hkp_htp_udp *udp, sock_t *sock, int flags) {
    const unsigned most = most_of(sock);
    prepare(udp, most, room_of(sock));
    const int n = receive(udp, sock, most, flags);
    sock->most = (uint8_t)most;
    if (n >= 0) return n;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    udp->stats.recv_errors++;
    return errno == EINTR || errno == ECONNREFUSED ? -1 : 0; /* another's trouble; more may be behind it */
}

static void give_one(hkp_htp_udp *udp, sock_t *sock, int i, hkp_htp_endpoint *ep, hkp_time now,
                     uint64_t wall_us) {
    struct hkp_htp_run run = {.struct_size = sizeof run, .len = udp->in_head[i].msg_len};
    uint32_t refused = 0;
    hkp_htp__udp_from_sockaddr(&udp->in_slot[i].addr, &run.path);
    run.path.carrier = sock->carrier;
    read_notes(&udp->in_head[i].msg_hdr, &run);
    const int whole = run.segment == 0 || run.segment >= run.len;
    const uint64_t datagrams = whole ? 1 : (run.len + run.segment - 1) / run.segment;
    sock->datagrams_in += datagrams;
    sock->bytes_in += run.len;
    udp->stats.datagrams_in += datagrams;
    udp->stats.bytes_in += run.len;
    udp->stats.runs_in += !whole;
    /* What was longer than its room fails the check of its length. */
    if (hkp_htp_run_recv(ep, now, wall_us, &run, udp->in_slot[i].iov.iov_base, &refused) == HKP_OK)
        udp->stats.refused += refused;
}

int hkp_htp__udp_give(hkp_htp_udp *udp, sock_t *sock, int n, hkp_htp_endpoint *ep, hkp_time now,
                      uint64_t wall_us) {
    const unsigned most = sock->most;
    const uint64_t before = sock->bytes_in;
    for (int i = 0; i < n; i++) {
        give_one(udp, sock, i, ep, now, wall_us);
        /* Those of a flood must not take the room of an honest answer behind them (decision 0409). */
        if (ep->answers_n > 0) hkp_htp__udp_answers(udp, ep, now, wall_us);
    }
    sock->is_long = sock->bytes_in - before >= (unsigned)n * (room_of(sock) / 4);
    sock->most = (uint8_t)(n == (int)most ? 2 * most : (unsigned)n + 1);
    return n == (int)most;
}

int hkp_htp__udp_receive(hkp_htp_udp *udp, sock_t *sock, hkp_htp_endpoint *ep, hkp_time now,
                         uint64_t wall_us) {
    const int n = hkp_htp__udp_take(udp, sock, MSG_DONTWAIT);
    return n <= 0 ? n < 0 : hkp_htp__udp_give(udp, sock, n, ep, now, wall_us);
}
