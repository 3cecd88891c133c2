/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One turn of a loop that has nothing but a driver to wait for (decision 0410). */
#include "libhtp/endpoint.h"
#include "libhtp/posix/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

enum { MS = 1000000 };
/* The system counts its patience with a socket in ticks of up to 10 ms: shorter waits are for ppoll(). */
static const hkp_time patience_least = (hkp_time)16 * MS, patience_most = (hkp_time)1024 * MS;
/* While the system takes no datagrams, what is due cannot go anyway. */
static const hkp_time blocked_most = (hkp_time)10 * MS;

static hkp_time mono(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hkp_time)t.tv_sec * 1000000000U + (hkp_time)t.tv_nsec;
}

static uint64_t wall(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

/* The call that waits is the one that reads. 0: the wait is too short, or there are several sockets. */
static int can_block(hkp_htp_udp *udp, hkp_time ns) {
    hkp_time want = patience_least;
    if (udp->epoll >= 0 || udp->first != udp->last || ns < patience_least) return 0;
    while (want < patience_most && 2 * want <= ns) want *= 2;
    if (want == udp->patience) return 1;
    const int fd = udp->socks[0].fd, modes = fcntl(fd, F_GETFL);
    const struct timeval limit = {(time_t)(want / 1000000000U), (suseconds_t)(want % 1000000000U / 1000U)};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) return 0;
    if (modes < 0 || fcntl(fd, F_SETFL, modes & ~O_NONBLOCK) != 0) return 0;
    udp->patience = want;
    return 1;
}

static void sleep_on(const hkp_htp_udp *udp, hkp_time ns) {
    const struct timespec t = {(time_t)(ns / 1000000000U), (long)(ns % 1000000000U)};
    struct pollfd p = {.fd = hkp_htp_udp_fd(udp),
                       .events = (short)(POLLIN | (hkp_htp_udp_blocked(udp) ? POLLOUT : 0))};
    (void)ppoll(&p, 1, ns == HKP_TIME_NEVER ? NULL : &t, NULL);
}

/* Asks again and again for as long as the options say; messages that wait in the driver. */
static int spin(hkp_htp_udp *udp, hkp_time from, hkp_time until) {
    const hkp_time end = from + (hkp_time)udp->opt.spin_us * 1000U;
    int n = 0;
    if (udp->epoll >= 0 || udp->opt.spin_us == 0) return 0;
    do n = hkp_htp__udp_take(udp, &udp->socks[0], MSG_DONTWAIT);
    while (n == 0 && (from = mono()) < end && from < until);
    return n;
}

/* Waits until something is there, or until `until`; messages that wait in the driver. */
static int wait_for(hkp_htp_udp *udp, hkp_time now, hkp_time until) {
    int n = now < until ? spin(udp, now, until) : 0;
    if (n != 0) return n;
    if (udp->opt.spin_us != 0) now = mono();
    if (now >= until) return 0;
    if (can_block(udp, until - now)) return hkp_htp__udp_take(udp, &udp->socks[0], MSG_WAITFORONE);
    sleep_on(udp, until == HKP_TIME_NEVER ? until : until - now);
    return 0;
}

hkp_status hkp_htp_udp_step(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time until) {
    if (udp == NULL || ep == NULL) return HKP_E_INVAL;
    hkp_time now = mono();
    uint64_t wall_us = wall();
    if (hkp_htp_wake(ep) <= now || udp->first != udp->last) hkp_htp__udp_send_all(udp, ep, now, wall_us);
    const hkp_time wake = hkp_htp_udp_blocked(udp) ? now + blocked_most : hkp_htp_wake(ep);
    if (hkp_htp__events_wait(ep)) until = 0; /* the caller has something to do */
    const int n = wait_for(udp, now, wake < until ? wake : until);
    now = mono();
    wall_us = wall();
    if (n > 0 && !hkp_htp__udp_give(udp, &udp->socks[0], n, ep, now, wall_us)) return HKP_OK;
    hkp_htp__udp_receive_all(udp, ep, now, wall_us);
    return HKP_OK;
}
