/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The UDP driver. This folder is the only one of the library that may call the system. */
#include "libhtp/posix/udp.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "libter/options.h"

enum {
    OFF_ALL = HKP_HTP_UDP_NO_CUT | HKP_HTP_UDP_NO_JOIN | HKP_HTP_UDP_NO_BATCH | HKP_HTP_UDP_NO_ECN,
    SOCKET_BUFFER_MAX = 1 << 30
};

void hkp_htp_udp_options_init(struct hkp_htp_udp_options *options, size_t size) {
    hkp_options_init(options, size);
}

hkp_status hkp_htp_udp_open_with(hkp_htp_udp **out, const struct hkp_htp_path *bind_path,
                                 const struct hkp_htp_udp_options *options) {
    struct hkp_htp_udp_options o;
    hkp_htp_udp_options_init(&o, sizeof o);
    if (out == NULL || bind_path == NULL) return HKP_E_INVAL;
    hkp_status st = options == NULL ? HKP_OK : hkp_options_import(&o, sizeof o, sizeof o, options);
    if (st != HKP_OK) return st;
    if ((o.off & ~(uint32_t)OFF_ALL) || o.socket_buffer > SOCKET_BUFFER_MAX || o.busy_poll_us > 1000000 ||
        o.spin_us > 1000000 || o.shards > HKP_HTP_SHARDS_MAX || o.carriers >= HKP_HTP_UDP_SOCKETS_MAX ||
        o.swarm_sockets >= HKP_HTP_UDP_SOCKETS_MAX - o.carriers || o.reserved0 != 0 ||
        bind_path->carrier & HKP_HTP__UDP_OWN)
        return HKP_E_INVAL;
    if (hkp_mem_import(&o.mem) != HKP_OK) return HKP_E_INVAL;
    hkp_htp_udp *udp = o.mem.alloc(o.mem.user, sizeof *udp);
    if (udp == NULL) return HKP_E_NOMEM;
    memset(udp, 0, offsetof(hkp_htp_udp, in)); /* a quiet socket touches little of its buffers */
    udp->opt = o;
    udp->look_at = HKP_TIME_NEVER;
    const int several = o.carriers + o.swarm_sockets > 0;
    udp->epoll = several ? epoll_create1(EPOLL_CLOEXEC) : -1;
    st = several && udp->epoll < 0 ? HKP_E_IO : hkp_htp__udp_open_sock(udp, bind_path, 0, 0);
    if (st != HKP_OK) {
        hkp_htp_udp_close(udp);
        return st;
    }
    *out = udp;
    return HKP_OK;
}

hkp_status hkp_htp_udp_open(hkp_htp_udp **out, const struct hkp_htp_path *bind_path,
                            const struct hkp_mem *mem) {
    struct hkp_htp_udp_options o;
    hkp_htp_udp_options_init(&o, sizeof o);
    if (mem != NULL) o.mem = *mem;
    return hkp_htp_udp_open_with(out, bind_path, &o);
}

void hkp_htp_udp_close(hkp_htp_udp *udp) {
    if (udp == NULL) return;
    struct hkp_mem m = udp->opt.mem;
    for (unsigned i = 0; i < udp->count; i++) (void)close(udp->socks[i].fd);
    if (udp->epoll >= 0) (void)close(udp->epoll);
    m.free(m.user, udp, sizeof *udp);
}

int32_t hkp_htp_udp_fd(const hkp_htp_udp *udp) { return udp->epoll >= 0 ? udp->epoll : udp->socks[0].fd; }
int32_t hkp_htp_udp_blocked(const hkp_htp_udp *udp) { return udp->first != udp->last; }

/* A batch of each socket in turn, so that none keeps the others waiting. */
void hkp_htp__udp_receive_all(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    const struct hkp_htp_udp_stats *s = &udp->stats;
    const uint64_t datagrams = s->datagrams_in + HKP_HTP__UDP_PUMP_DATAGRAMS,
                   bytes = s->bytes_in + HKP_HTP__UDP_PUMP_BYTES;
    if (now >= udp->look_at) hkp_htp__udp_look(udp, ep, now);
    uint32_t ready = hkp_htp__udp_ready(udp);
    for (unsigned calls = 0, i = 0; ready != 0 && calls < HKP_HTP__UDP_PUMP_DATAGRAMS;
         i = (i + 1) % udp->count) {
        if (!(ready >> i & 1)) continue;
        calls++;
        if (!hkp_htp__udp_receive(udp, &udp->socks[i], ep, now, wall_us)) ready &= ~(UINT32_C(1) << i);
        if (s->datagrams_in >= datagrams || s->bytes_in >= bytes) break;
    }
}

void hkp_htp__udp_send_all(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    if (hkp_htp_wake(ep) <= now) hkp_htp_tick(ep, now, wall_us);
    hkp_htp__udp_flush(udp, ep);
    while (udp->first == udp->last) {
        int more = hkp_htp__udp_fill(udp, ep, now, wall_us);
        hkp_htp__udp_flush(udp, ep);
        if (!more) break;
    }
}

hkp_status hkp_htp_udp_pump(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us) {
    if (udp == NULL || ep == NULL) return HKP_E_INVAL;
    hkp_htp__udp_receive_all(udp, ep, now, wall_us);
    hkp_htp__udp_send_all(udp, ep, now, wall_us);
    return HKP_OK;
}

hkp_status hkp_htp_udp_stats(const hkp_htp_udp *udp, struct hkp_htp_udp_stats *out) {
    if (udp == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    *out = udp->stats;
    out->struct_size = (uint32_t)sizeof *out;
    for (unsigned i = 0; i < udp->count; i++) out->off |= udp->socks[i].off;
    out->receive_buffer = hkp_htp__udp_receive_buffer(udp->socks[0].fd);
    return HKP_OK;
}
