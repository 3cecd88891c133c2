/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The socket of the driver: its options, its addresses, and what the system can do. */
#include "libhtp/path/shard.h"
#include "libhtp/posix/udp.h"
#include "libhtp/wire/wire.h"

#include <linux/filter.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

socklen_t hkp_htp__udp_to_sockaddr(const struct hkp_htp_path *path, int is_v4, struct sockaddr_in6 *out) {
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

void hkp_htp__udp_from_sockaddr(const struct sockaddr_in6 *in, struct hkp_htp_path *path) {
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

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* The limit of the system yields to a caller who may administer the network. */
static void set_buffer(int fd, int forced, int name, uint32_t bytes) {
    if (!set_option(fd, SOL_SOCKET, forced, (int)bytes)) (void)set_option(fd, SOL_SOCKET, name, (int)bytes);
}

/* All of these only make things better: what is refused stays as it was. */
static void tune(int fd, int is_v4, const struct hkp_htp_udp_options *o) {
    const uint32_t buffer = o->socket_buffer != 0 ? o->socket_buffer : (uint32_t)HKP_HTP__UDP_BUFFER;
    /* HTP-9.7: DF is set; PROBE does so without the kernel's own idea of the path's MTU. */
    (void)set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (!is_v4) {
        (void)set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        (void)set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    if (o->busy_poll_us > 0) (void)set_option(fd, SOL_SOCKET, SO_BUSY_POLL, (int)o->busy_poll_us);
}

/* What is wanted and there, is on; the rest is told in off. */
static void offloads(struct hkp_htp__udp_sock *sock, uint32_t off) {
    int value = 0, ecn = 0;
    socklen_t len = sizeof value;
    if (getsockopt(sock->fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) != 0) off |= HKP_HTP_UDP_NO_CUT;
    if (!(off & HKP_HTP_UDP_NO_JOIN) && !set_option(sock->fd, IPPROTO_UDP, UDP_GRO, 1))
        off |= HKP_HTP_UDP_NO_JOIN;
    if (!(off & HKP_HTP_UDP_NO_ECN)) {
        ecn = set_option(sock->fd, IPPROTO_IP, IP_RECVTOS, 1);
        if (!sock->is_v4) ecn = set_option(sock->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) && ecn;
    }
    if (!ecn) off |= HKP_HTP_UDP_NO_ECN;
    sock->off = off;
}

uint32_t hkp_htp__udp_receive_buffer(int fd) {
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len) == 0 && value > 0 ? (uint32_t)value : 0;
}

/*
 * Among the sockets of one address the system asks this program which one a datagram is for; the data begins
 * behind the UDP header. It is hkp_htp_shard_of(): a load beyond the end gives 0.
 */
static int steer(int fd, uint32_t shards) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x01000001, 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HKP_HTP__SHARD_HELLO_AT),
        BPF_STMT(BPF_JMP | BPF_JA, 1),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HKP_HTP__AT_TOKEN),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, shards),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

/* The system takes any index; one that names nothing would silently send nothing. */
static int bind_interface(int fd, uint32_t interface) {
    char name[IF_NAMESIZE];
    return if_indextoname(interface, name) != NULL &&
           set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)interface);
}

static hkp_status bind_socket(const struct hkp_htp__udp_sock *sock, const struct hkp_htp_path *path,
                              uint32_t interface, uint32_t shards) {
    struct sockaddr_in6 addr;
    const socklen_t len = hkp_htp__udp_to_sockaddr(path, sock->is_v4, &addr);
    if (interface != 0 && !bind_interface(sock->fd, interface)) return HKP_E_IO;
    if (shards > 1 && !set_option(sock->fd, SOL_SOCKET, SO_REUSEPORT, 1)) return HKP_E_UNSUPPORTED;
    if (bind(sock->fd, (const struct sockaddr *)&addr, len) != 0) return HKP_E_IO;
    /* Once it is bound it belongs to the group, whose program this is. */
    return shards > 1 && !steer(sock->fd, shards) ? HKP_E_UNSUPPORTED : HKP_OK;
}

hkp_status hkp_htp__udp_socket(struct hkp_htp__udp_sock *sock, const struct hkp_htp_path *path,
                               uint32_t interface, const struct hkp_htp_udp_options *options) {
    *sock = (struct hkp_htp__udp_sock){.carrier = path->carrier,
                                       .is_v4 = (uint8_t)hkp_htp__udp_is_mapped(path->addr)};
    sock->fd = socket(sock->is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sock->fd < 0) return HKP_E_IO;
    tune(sock->fd, sock->is_v4, options);
    const hkp_status st = bind_socket(sock, path, interface, options->shards);
    if (st != HKP_OK) {
        (void)close(sock->fd);
        return st;
    }
    offloads(sock, options->off);
    return HKP_OK;
}
