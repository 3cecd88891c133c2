/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Datagrams in: as many as the system gives in one call, joined where it does that. */
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

static void prepare(hkp_htp_udp *udp, unsigned n, size_t size) {
    for (unsigned i = 0; i < n; i++) {
        struct hkp_htp__udp_slot *slot = &udp->slot[i];
        slot->iov = (struct iovec){udp->in + i * size, size};
        udp->head[i].msg_hdr = (struct msghdr){.msg_name = &slot->addr,
                                               .msg_namelen = sizeof slot->addr,
                                               .msg_iov = &slot->iov,
                                               .msg_iovlen = 1,
                                               .msg_control = slot->control,
                                               .msg_controllen = sizeof slot->control};
    }
}

static int receive(hkp_htp_udp *udp, const sock_t *sock, unsigned n) {
    udp->stats.recv_calls++;
    if (!(sock->off & HKP_HTP_UDP_NO_BATCH)) return recvmmsg(sock->fd, udp->head, n, MSG_DONTWAIT, NULL);
    ssize_t len = recvmsg(sock->fd, &udp->head[0].msg_hdr, MSG_DONTWAIT);
    if (len < 0) return -1;
    udp->head[0].msg_len = (unsigned)len;
    return 1;
}

int hkp_htp__udp_receive(hkp_htp_udp *udp, sock_t *sock, hkp_htp_endpoint *ep, hkp_time now,
                         uint64_t wall_us) {
    const int joined = !(sock->off & HKP_HTP_UDP_NO_JOIN);
    const size_t size = joined ? HKP_HTP__UDP_IN_JOINED : HKP_HTP__UDP_IN_SINGLE;
    unsigned most = sock->is_long ? HKP_HTP__UDP_IN_LONG : (unsigned)(HKP_HTP__UDP_IN / size);
    if (sock->off & HKP_HTP_UDP_NO_BATCH) most = 1;
    const uint64_t before = sock->bytes_in;
    prepare(udp, most, size);
    int n = receive(udp, sock, most);
    if (n < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
        udp->stats.recv_errors++;
        return errno == EINTR || errno == ECONNREFUSED; /* another's trouble; there may be more behind it */
    }
    for (int i = 0; i < n; i++) {
        struct hkp_htp_run run = {.struct_size = sizeof run, .len = udp->head[i].msg_len};
        uint32_t refused = 0;
        hkp_htp__udp_from_sockaddr(&udp->slot[i].addr, &run.path);
        run.path.carrier = sock->carrier;
        read_notes(&udp->head[i].msg_hdr, &run);
        const int whole = run.segment == 0 || run.segment >= run.len;
        const uint64_t datagrams = whole ? 1 : (run.len + run.segment - 1) / run.segment;
        sock->datagrams_in += datagrams;
        sock->bytes_in += run.len;
        udp->stats.datagrams_in += datagrams;
        udp->stats.bytes_in += run.len;
        udp->stats.runs_in += !whole;
        /* What was longer than its room fails the check of its length. */
        if (hkp_htp_run_recv(ep, now, wall_us, &run, udp->slot[i].iov.iov_base, &refused) == HKP_OK)
            udp->stats.refused += refused;
    }
    sock->is_long = sock->bytes_in - before >= (unsigned)n * (size / 4);
    return n == (int)most;
}
