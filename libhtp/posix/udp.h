/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of the UDP driver. */
#ifndef HKP_LIBHTP_POSIX_UDP_H
#define HKP_LIBHTP_POSIX_UDP_H

#include <hookprobe/htp.h>

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    /** messages of one call of the system */
    HKP_HTP__UDP_BATCH = 64,
    /** what is received in one call: joined datagrams need room for the longest that there may be, single
     *  ones for the largest packet that path MTU discovery asks for by default */
    HKP_HTP__UDP_IN = 16 * 65536,
    HKP_HTP__UDP_IN_JOINED = 65536,
    HKP_HTP__UDP_IN_SINGLE = 16384,
    /** messages of one call while most are long: what was read is still in the cache when it is opened */
    HKP_HTP__UDP_IN_LONG = 4,
    /** datagrams and bytes of one pump: events of the caller and ACKs to the peer have their turn, too */
    HKP_HTP__UDP_PUMP_DATAGRAMS = 512,
    HKP_HTP__UDP_PUMP_BYTES = 4 * 65536,
    /** runs that wait to be sent; longest run, which the system takes as one datagram before it cuts it */
    HKP_HTP__UDP_OUT = 2 * 65536,
    HKP_HTP__UDP_RUN_V4 = 65507,
    HKP_HTP__UDP_RUN_V6 = 65487,
    HKP_HTP__UDP_BUFFER = 4 * 1024 * 1024,
    HKP_HTP__UDP_CONTROL = 128
};

/** Room for the addresses and the notes of one message. */
struct hkp_htp__udp_slot {
    struct sockaddr_in6 addr;
    struct iovec iov;
    _Alignas(struct cmsghdr) uint8_t control[HKP_HTP__UDP_CONTROL];
};

/** One socket of the driver. */
struct hkp_htp__udp_sock {
    int fd;
    /** the socket is of AF_INET; else it is of AF_INET6 and may take IPv4, too */
    uint8_t is_v4;
    /** the last messages were long */
    uint8_t is_long;
    /** messages that the next call asks for: a few more than the last one gave */
    uint8_t most;
    /** HKP_HTP_UDP_NO_* of this socket */
    uint32_t off;
    uint64_t carrier;
    uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
    /** what was asked for */
    struct hkp_htp_path bound;
    uint32_t interface;
    /** 0: the caller's; else opened by us for this session, and not in use any more: when it is closed */
    uint64_t session;
    hkp_time until;
};

/** Carriers from here on are the driver's. */
#define HKP_HTP__UDP_OWN (UINT64_C(1) << 63)

/** A run that waits for the system. */
struct hkp_htp__udp_run {
    uint8_t *bytes;
    size_t len, segment;
    struct sockaddr_in6 addr;
    socklen_t addr_len;
    uint8_t ecn, is_v4;
    /** the system refused to cut it: its packets go one by one */
    uint8_t single;
    /** index of its socket */
    uint8_t sock;
    uint64_t session;
};

struct hkp_htp_udp {
    struct hkp_htp_udp_options opt;
    /** the first is that of hkp_htp_udp_open(); their count */
    struct hkp_htp__udp_sock socks[HKP_HTP_UDP_SOCKETS_MAX];
    unsigned count;
    /** waits on all sockets; -1: there is one, and never more */
    int epoll;
    /** sockets that we opened so far; when to look which of them are in use */
    uint64_t opened;
    hkp_time look_at;
    /** longest run that the shortest limit of the sockets allows */
    size_t longest;
    struct hkp_htp_udp_stats stats;
    /** runs[first..last) wait because the system took no more; sent: bytes of the first that went already */
    unsigned first, last;
    size_t sent;
    size_t used;
    struct hkp_htp__udp_run runs[HKP_HTP__UDP_BATCH];
    struct mmsghdr head[HKP_HTP__UDP_BATCH], in_head[HKP_HTP__UDP_BATCH];
    struct hkp_htp__udp_slot slot[HKP_HTP__UDP_BATCH], in_slot[HKP_HTP__UDP_BATCH];
    /** nanoseconds after which the system ends a call that waits; 0: not set yet */
    hkp_time patience;
    uint8_t in[HKP_HTP__UDP_IN], out[HKP_HTP__UDP_OUT];
};

static inline int hkp_htp__udp_is_mapped(const uint8_t addr[16]) {
    static const uint8_t zero[10];
    return __builtin_memcmp(addr, zero, 10) == 0 && addr[10] == 0xFF && addr[11] == 0xFF;
}

/* socket.c */
socklen_t hkp_htp__udp_to_sockaddr(const struct hkp_htp_path *path, int is_v4, struct sockaddr_in6 *out);
void hkp_htp__udp_from_sockaddr(const struct sockaddr_in6 *in, struct hkp_htp_path *path);
/** Opens, sets and binds sock->fd, and says in sock->off what the system does not have. interface 0: any. */
hkp_status hkp_htp__udp_socket(struct hkp_htp__udp_sock *sock, const struct hkp_htp_path *path,
                               uint32_t interface, const struct hkp_htp_udp_options *options);
/** What the system holds for receiving, as it tells. */
uint32_t hkp_htp__udp_receive_buffer(int fd);

/* carriers.c */
/** One more socket; path->carrier is its number; session: that it is opened for by us, 0: the caller's. */
hkp_status hkp_htp__udp_open_sock(struct hkp_htp_udp *udp, const struct hkp_htp_path *path,
                                  uint32_t interface, uint64_t session);
void hkp_htp__udp_close_sock(struct hkp_htp_udp *udp, unsigned i);
/** Index of the socket of a carrier, -1: none. */
int hkp_htp__udp_find(const struct hkp_htp_udp *udp, uint64_t carrier);
/** Bit i: socket i may have something to read. */
uint32_t hkp_htp__udp_ready(const struct hkp_htp_udp *udp);

/* udp_swarm.c: closes what is no longer in use. */
void hkp_htp__udp_look(struct hkp_htp_udp *udp, const hkp_htp_endpoint *ep, hkp_time now);

/* udp_recv.c */
/** One batch in; 1: there may be more. */
int hkp_htp__udp_receive(struct hkp_htp_udp *udp, struct hkp_htp__udp_sock *sock, hkp_htp_endpoint *ep,
                         hkp_time now, uint64_t wall_us);
/** Takes one batch from the system; flags: MSG_DONTWAIT or MSG_WAITFORONE. Messages, 0: none, -1: none, but
 * there may be more. */
int hkp_htp__udp_take(struct hkp_htp_udp *udp, struct hkp_htp__udp_sock *sock, int flags);
/** Gives the n messages of that batch to the endpoint; 1: there may be more. */
int hkp_htp__udp_give(struct hkp_htp_udp *udp, struct hkp_htp__udp_sock *sock, int n, hkp_htp_endpoint *ep,
                      hkp_time now, uint64_t wall_us);

/* udp.c */
/** Batches of all sockets, as many as one turn of a loop may take. */
void hkp_htp__udp_receive_all(struct hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);
/** Lets time pass and sends all that is to go. */
void hkp_htp__udp_send_all(struct hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);

/* udp_send.c */
/** Hands the runs that wait to the system; what it refuses for good is counted and lost. */
void hkp_htp__udp_flush(struct hkp_htp_udp *udp, hkp_htp_endpoint *ep);
/** Takes the answers of the endpoint to those that it does not know, so that there is room for more. */
void hkp_htp__udp_answers(struct hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);
/** Takes runs of the endpoint; 0: it wants to send no more. */
int hkp_htp__udp_fill(struct hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us);

#endif
