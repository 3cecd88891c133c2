/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Sockets that the driver opens and closes by itself, for the paths of SWARM (HTP-11.6, decision 0400). */
#include "libhtp/posix/udp.h"

typedef struct hkp_htp__udp_sock sock_t;

/* From one look at which sockets are in use to the next; how long one stays open for what comes late. */
#define LOOK UINT64_C(1000000000)
#define LINGER UINT64_C(3000000000)

static unsigned own_count(const hkp_htp_udp *udp) {
    unsigned n = 0;
    for (unsigned i = 0; i < udp->count; i++) n += udp->socks[i].session != 0;
    return n;
}

/* The caller's sockets lend address and interface in turn, so that a swarm spreads over all uplinks. */
static const sock_t *model(const hkp_htp_udp *udp, int is_v4) {
    const sock_t *found[HKP_HTP_UDP_SOCKETS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < udp->count; i++)
        if (udp->socks[i].session == 0 && (is_v4 || !udp->socks[i].is_v4)) found[n++] = &udp->socks[i];
    return n == 0 ? NULL : found[(udp->opened + 1) % n];
}

static void open_path(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now, const struct hkp_htp_event *ev) {
    const sock_t *like = model(udp, hkp_htp__udp_is_mapped(ev->observed.addr));
    if (like == NULL || own_count(udp) >= udp->opt.swarm_sockets) return;
    struct hkp_htp_path bound = like->bound, to = ev->observed;
    bound.port = 0;
    bound.carrier = to.carrier = HKP_HTP__UDP_OWN | udp->opened++;
    if (hkp_htp__udp_open_sock(udp, &bound, like->interface, ev->session) != HKP_OK) return;
    if (hkp_htp_session_path_add(ep, now, ev->session, &to) != HKP_OK) {
        hkp_htp__udp_close_sock(udp, udp->count - 1);
        return;
    }
    udp->look_at = now + LOOK;
}

/* All paths by sockets of ours but the first one of the session. */
static void drop_paths(hkp_htp_endpoint *ep, hkp_time now, uint64_t session) {
    struct hkp_htp_session_path p = {.struct_size = sizeof p};
    for (uint32_t n = 1; hkp_htp_session_path(ep, session, n, &p) == HKP_OK; n++)
        if (p.path.carrier & HKP_HTP__UDP_OWN &&
            hkp_htp_session_path_drop(ep, now, session, &p.path) == HKP_OK)
            n = 0;
}

hkp_status hkp_htp_udp_event(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now,
                             const struct hkp_htp_event *event) {
    if (udp == NULL || ep == NULL || event == NULL) return HKP_E_INVAL;
    if (event->type != HKP_HTP_EVENT_PATH) return HKP_OK;
    if (event->value == HKP_HTP_PATH_WANTED) open_path(udp, ep, now, event);
    if (event->value == HKP_HTP_PATH_SPARE) drop_paths(ep, now, event->session);
    return HKP_OK;
}

static int in_use(const hkp_htp_endpoint *ep, const sock_t *sock) {
    struct hkp_htp_session_path p = {.struct_size = sizeof p};
    for (uint32_t n = 0; hkp_htp_session_path(ep, sock->session, n, &p) == HKP_OK; n++)
        if (p.path.carrier == sock->carrier) return 1;
    return 0;
}

void hkp_htp__udp_look(hkp_htp_udp *udp, const hkp_htp_endpoint *ep, hkp_time now) {
    for (unsigned i = udp->count; i-- > 1;) {
        sock_t *sock = &udp->socks[i];
        if (sock->session == 0) continue;
        if (in_use(ep, sock))
            sock->until = HKP_TIME_NEVER;
        else if (sock->until == HKP_TIME_NEVER)
            sock->until = now + LINGER;
        else if (now >= sock->until)
            hkp_htp__udp_close_sock(udp, i);
    }
    udp->look_at = own_count(udp) > 0 ? now + LOOK : HKP_TIME_NEVER;
}
