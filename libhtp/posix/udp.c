/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The UDP driver. This folder is the only one of the library that may call the system. */
#include <hookprobe/htp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libter/options.h"

enum {
    BATCH = 32,
    /** more than any packet of HTP, so that a longer datagram shows its true length */
    RECV_BYTES = 2048,
    /** receives of one pump: the caller's events have their turn, too */
    ROUNDS = 16,
    SOCKET_BUFFER = 4 * 1024 * 1024
};

struct slot {
    struct sockaddr_in6 addr;
    struct iovec iov;
};

struct hkp_htp_udp {
    struct hkp_mem mem;
    int fd;
    /** the socket is of AF_INET; else it is of AF_INET6 and may take IPv4, too */
    int is_v4;
    uint64_t carrier;
    /** datagrams out[first..last) wait because the system took no more */
    unsigned first, last;
    struct hkp_htp_udp_stats stats;
    struct mmsghdr in_head[BATCH], out_head[BATCH];
    struct slot in_slot[BATCH], out_slot[BATCH];
    uint8_t in[BATCH][RECV_BYTES], out[BATCH][HKP_HTP_DATAGRAM_MAX];
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static socklen_t to_sockaddr(const struct hkp_htp_path *path, int is_v4, struct sockaddr_in6 *out) {
    memset(out, 0, sizeof *out);
    if (!is_v4) {
        out->sin6_family = AF_INET6;
        out->sin6_port = htons(path->port);
        out->sin6_scope_id = path->scope;
        memcpy(&out->sin6_addr, path->addr, 16);
        return sizeof *out;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(path->port)};
    memcpy(&v4.sin_addr, path->addr + 12, 4);
    memcpy(out, &v4, sizeof v4);
    return sizeof v4;
}

static void from_sockaddr(const struct sockaddr_in6 *in, struct hkp_htp_path *path) {
    memset(path, 0, sizeof *path);
    if (in->sin6_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, in, sizeof v4);
        memcpy(path->addr, mapped, sizeof mapped);
        memcpy(path->addr + 12, &v4.sin_addr, 4);
        path->port = ntohs(v4.sin_port);
        return;
    }
    memcpy(path->addr, &in->sin6_addr, 16);
    path->port = ntohs(in->sin6_port);
    path->scope = in->sin6_scope_id;
}

static void set_option(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value); /* all of these only make things better */
}

static int open_socket(const struct hkp_htp_path *path, int is_v4) {
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    /* HTP-9.7: DF is set; PROBE does so without the kernel's own idea of the path's MTU. */
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (!is_v4) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    struct sockaddr_in6 addr;
    socklen_t len = to_sockaddr(path, is_v4, &addr);
    if (bind(fd, (const struct sockaddr *)&addr, len) == 0) return fd;
    (void)close(fd);
    return -1;
}

hkp_status hkp_htp_udp_open(hkp_htp_udp **out, const struct hkp_htp_path *bind_path,
                            const struct hkp_mem *mem) {
    struct hkp_mem m = {NULL, NULL, NULL};
    if (mem != NULL) m = *mem;
    if (out == NULL || bind_path == NULL || hkp_mem_import(&m) != HKP_OK) return HKP_E_INVAL;
    hkp_htp_udp *udp = hkp_mem_alloc(&m, sizeof *udp);
    if (udp == NULL) return HKP_E_NOMEM;
    udp->mem = m;
    udp->carrier = bind_path->carrier;
    udp->is_v4 = memcmp(bind_path->addr, mapped, sizeof mapped) == 0;
    udp->fd = open_socket(bind_path, udp->is_v4);
    if (udp->fd < 0) {
        m.free(m.user, udp, sizeof *udp);
        return HKP_E_IO;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        udp->in_slot[i].iov = (struct iovec){udp->in[i], RECV_BYTES};
        udp->out_slot[i].iov.iov_base = udp->out[i];
        udp->in_head[i].msg_hdr.msg_iov = &udp->in_slot[i].iov;
        udp->out_head[i].msg_hdr.msg_iov = &udp->out_slot[i].iov;
        udp->in_head[i].msg_hdr.msg_iovlen = udp->out_head[i].msg_hdr.msg_iovlen = 1;
        udp->in_head[i].msg_hdr.msg_name = &udp->in_slot[i].addr;
        udp->out_head[i].msg_hdr.msg_name = &udp->out_slot[i].addr;
    }
    *out = udp;
    return HKP_OK;
}

void hkp_htp_udp_close(hkp_htp_udp *udp) {
    if (udp == NULL) return;
    struct hkp_mem m = udp->mem;
    (void)close(udp->fd);
    m.free(m.user, udp, sizeof *udp);
}

int32_t hkp_htp_udp_fd(const hkp_htp_udp *udp) { return udp->fd; }
int32_t hkp_htp_udp_blocked(const hkp_htp_udp *udp) { return udp->first != udp->last; }

hkp_status hkp_htp_udp_local(const hkp_htp_udp *udp, struct hkp_htp_path *out) {
    struct sockaddr_in6 addr;
    socklen_t len = sizeof addr;
    if (udp == NULL || out == NULL) return HKP_E_INVAL;
    if (getsockname(udp->fd, (struct sockaddr *)&addr, &len) != 0) return HKP_E_IO;
    from_sockaddr(&addr, out);
    out->carrier = udp->carrier;
    return HKP_OK;
}

/* One batch in; 0: there is no more. */
static int receive(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    for (unsigned i = 0; i < BATCH; i++) udp->in_head[i].msg_hdr.msg_namelen = sizeof udp->in_slot[i].addr;
    int n = recvmmsg(udp->fd, udp->in_head, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
        udp->stats.recv_errors++;
        return errno == EINTR || errno == ECONNREFUSED; /* another's trouble; there may be more behind it */
    }
    for (int i = 0; i < n; i++) {
        struct hkp_htp_path path;
        size_t len = udp->in_head[i].msg_len;
        from_sockaddr(&udp->in_slot[i].addr, &path);
        path.carrier = udp->carrier;
        udp->stats.datagrams_in++;
        udp->stats.bytes_in += len;
        /* Longer than the buffer: no packet of HTP is. What is left of it fails the check of its length. */
        if (hkp_htp_recv(ep, now, wall_us, &path, udp->in[i], len) != HKP_OK) udp->stats.refused++;
    }
    return n == BATCH;
}

/* Hands out[first..last) to the system; what it refuses for good is counted and lost. */
static void flush(hkp_htp_udp *udp) {
    while (udp->first < udp->last) {
        int n = sendmmsg(udp->fd, udp->out_head + udp->first, udp->last - udp->first,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            for (unsigned i = udp->first; i < udp->first + (unsigned)n; i++)
                udp->stats.bytes_out += udp->out_slot[i].iov.iov_len;
            udp->stats.datagrams_out += (unsigned)n;
            udp->first += (unsigned)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            return;
        } else if (errno != EINTR) {
            udp->stats.send_errors++;
            udp->first++;
        }
    }
}

/* Fills a batch from the endpoint; 0: it wants to send no more. */
static int fill(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    udp->first = udp->last = 0;
    while (udp->last < BATCH) {
        struct hkp_htp_path path;
        size_t len = 0;
        unsigned i = udp->last;
        if (hkp_htp_send(ep, now, wall_us, &path, udp->out[i], HKP_HTP_DATAGRAM_MAX, &len) != HKP_OK ||
            len == 0)
            return 0;
        if (udp->is_v4 && memcmp(path.addr, mapped, sizeof mapped) != 0) {
            udp->stats.send_errors++; /* an IPv6 peer cannot be reached from here */
            continue;
        }
        udp->out_head[i].msg_hdr.msg_namelen = to_sockaddr(&path, udp->is_v4, &udp->out_slot[i].addr);
        udp->out_slot[i].iov.iov_len = len;
        udp->last++;
    }
    return 1;
}

hkp_status hkp_htp_udp_pump(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    if (udp == NULL || ep == NULL) return HKP_E_INVAL;
    for (int round = 0; round < ROUNDS; round++)
        if (!receive(udp, ep, now, wall_us)) break;
    if (hkp_htp_wake(ep) <= now) hkp_htp_tick(ep, now, wall_us);
    flush(udp);
    while (udp->first == udp->last) {
        int more = fill(udp, ep, now, wall_us);
        flush(udp);
        if (!more) break;
    }
    return HKP_OK;
}

hkp_status hkp_htp_udp_stats(const hkp_htp_udp *udp, struct hkp_htp_udp_stats *out) {
    if (udp == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    *out = udp->stats;
    out->struct_size = (uint32_t)sizeof *out;
    return HKP_OK;
}
