/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Datagrams out: runs of the endpoint, cut by the system where it can, else handed over one by one. */
#include "libhtp/endpoint.h"
#include "libhtp/posix/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

typedef struct hkp_htp__udp_run run_t;
typedef struct hkp_htp__udp_sock sock_t;

static void note(struct msghdr *msg, int level, int type, const void *value, size_t len) {
    struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + msg->msg_controllen);
    memset(c, 0, CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), value, len);
    msg->msg_controllen += CMSG_SPACE(len);
}

/* Message i: len bytes at `at` of a run. */
static void put_message(hkp_htp_udp *udp, unsigned i, run_t *r, size_t at, size_t len) {
    struct hkp_htp__udp_slot *slot = &udp->slot[i];
    struct msghdr *msg = &udp->head[i].msg_hdr;
    slot->iov = (struct iovec){r->bytes + at, len};
    *msg = (struct msghdr){.msg_name = &r->addr,
                           .msg_namelen = r->addr_len,
                           .msg_iov = &slot->iov,
                           .msg_iovlen = 1,
                           .msg_control = slot->control};
    if (len > r->segment) {
        const uint16_t segment = (uint16_t)r->segment;
        note(msg, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    if (r->ecn != 0 && !(udp->socks[r->sock].off & HKP_HTP_UDP_NO_ECN)) {
        const int field = r->ecn;
        note(msg, r->is_v4 ? IPPROTO_IP : IPPROTO_IPV6, r->is_v4 ? IP_TOS : IPV6_TCLASS, &field,
             sizeof field);
    }
    if (msg->msg_controllen == 0) msg->msg_control = NULL;
}

/* Messages of what waits for one socket, in order; their count. */
static unsigned put_messages(hkp_htp_udp *udp, const sock_t *sock) {
    const unsigned most = sock->off & HKP_HTP_UDP_NO_BATCH ? 1 : HKP_HTP__UDP_BATCH;
    unsigned n = 0;
    size_t at = udp->sent;
    for (unsigned i = udp->first; i < udp->last && &udp->socks[udp->runs[i].sock] == sock; i++, at = 0) {
        run_t *r = &udp->runs[i];
        const int cut = !r->single && !(sock->off & HKP_HTP_UDP_NO_CUT);
        while (at < r->len) {
            size_t len = cut || r->len - at < r->segment ? r->len - at : r->segment;
            if (n == most) return n;
            put_message(udp, n++, r, at, len);
            at += len;
        }
    }
    return n;
}

static int send_messages(hkp_htp_udp *udp, const sock_t *sock, unsigned n) {
    udp->stats.send_calls++;
    if (n > 1) /* one alone costs less without the list */
        return sendmmsg(sock->fd, udp->head, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sendmsg(sock->fd, &udp->head[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 1;
}

/* The next len bytes are done with. */
static void go_on(hkp_htp_udp *udp, size_t len) {
    udp->sent += len;
    if (udp->sent < udp->runs[udp->first].len) return;
    udp->sent = 0;
    udp->first++;
}

static void went(hkp_htp_udp *udp, sock_t *sock, size_t len) {
    run_t *r = &udp->runs[udp->first];
    const uint64_t datagrams = (len + r->segment - 1) / r->segment;
    sock->bytes_out += len;
    sock->datagrams_out += datagrams;
    udp->stats.bytes_out += len;
    udp->stats.datagrams_out += datagrams;
    udp->stats.runs_out += len > r->segment;
    /* Its datagrams go, its run did not: cutting is what is not there, on this route at least. */
    if (r->single && len == r->segment) sock->off |= HKP_HTP_UDP_NO_CUT;
    go_on(udp, len);
}

/* The first message was refused for good. */
static void was_refused(hkp_htp_udp *udp, hkp_htp_endpoint *ep) {
    run_t *r = &udp->runs[udp->first];
    size_t len = udp->slot[0].iov.iov_len;
    if (len > r->segment) {
        r->single = 1;
        return;
    }
    struct hkp_htp_path path;
    hkp_htp__udp_from_sockaddr(&r->addr, &path);
    path.carrier = udp->socks[r->sock].carrier;
    /* Too long for the interface: what path MTU discovery wants to know (HTP-9.7), and no error of ours. */
    if (errno == EMSGSIZE && r->session != 0 && hkp_htp_run_refused(ep, r->session, &path, len) == HKP_OK)
        udp->stats.too_long++;
    else
        udp->stats.send_errors++;
    go_on(udp, len);
}

/*
 * The socket takes no more now. One alone waits until it does; among several the rest of the run is lost, as
 * it would be in any full queue on its way: a carrier that stands still must not hold up the others (decision
 * 0400).
 */
static int waits(hkp_htp_udp *udp) {
    const run_t *r = &udp->runs[udp->first];
    if (udp->epoll < 0) return 1;
    udp->stats.send_errors += (r->len - udp->sent + r->segment - 1) / r->segment;
    go_on(udp, r->len - udp->sent);
    return 0;
}

void hkp_htp__udp_flush(hkp_htp_udp *udp, hkp_htp_endpoint *ep) {
    while (udp->first < udp->last) {
        sock_t *sock = &udp->socks[udp->runs[udp->first].sock];
        int n = send_messages(udp, sock, put_messages(udp, sock));
        for (int i = 0; i < n; i++) went(udp, sock, udp->slot[i].iov.iov_len);
        if (n > 0) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            if (waits(udp)) return;
        } else if (errno != EINTR)
            was_refused(udp, ep);
    }
    udp->first = udp->last = 0;
    udp->used = 0;
}

static int has_room(const hkp_htp_udp *udp) {
    return udp->last < HKP_HTP__UDP_BATCH && sizeof udp->out - udp->used >= udp->longest;
}

/* 1: the next run waits; 0: there was none. */
static int fill_one(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    for (;;) {
        struct hkp_htp_run run = {.struct_size = sizeof run};
        run_t *r = &udp->runs[udp->last];
        if (hkp_htp_run_send(ep, now, wall_us, udp->out + udp->used, udp->longest, &run) != HKP_OK ||
            run.len == 0)
            return 0;
        const int is_v4 = hkp_htp__udp_is_mapped(run.path.addr),
                  sock = hkp_htp__udp_find(udp, run.path.carrier);
        if (sock < 0 || (udp->socks[sock].is_v4 && !is_v4)) {
            udp->stats.send_errors++; /* the socket is closed, or an IPv6 peer cannot be reached from there */
            continue;
        }
        *r = (run_t){.bytes = udp->out + udp->used,
                     .len = run.len,
                     .segment = run.segment,
                     .ecn = (uint8_t)run.ecn,
                     .is_v4 = (uint8_t)is_v4,
                     .sock = (uint8_t)sock,
                     .session = run.session};
        r->addr_len = hkp_htp__udp_to_sockaddr(&run.path, udp->socks[sock].is_v4, &r->addr);
        udp->used += run.len;
        udp->last++;
        return 1;
    }
}

int hkp_htp__udp_fill(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    while (has_room(udp))
        if (!fill_one(udp, ep, now, wall_us)) return 0;
    return 1;
}

void hkp_htp__udp_answers(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    while (ep->answers_n > 0) {
        if (!has_room(udp)) hkp_htp__udp_flush(udp, ep);
        if (!has_room(udp) || !fill_one(udp, ep, now, wall_us)) return; /* the system takes no more now */
    }
}
