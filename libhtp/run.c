/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Datagrams in and out, one at a time or as a run of equal ones in one buffer. */
#include "libhtp/endpoint.h"
#include "libhtp/trace/trace.h"
#include "libter/bytes.h"

static void take_time(struct hkp_htp_endpoint *ep, hkp_time now) {
    if (now > ep->now) ep->now = now;
}

/* ---- in ---- */

static hkp_status recv_counted(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct hkp_htp_path *path,
                               uint8_t *dgram, size_t len) {
    ep->stats.datagrams_in++;
    ep->stats.bytes_in += len;
    HKP_HTP__TRACE(ep, hkp_htp__trace_handshake(ep, path, 0, dgram, len));
    hkp_status st = hkp_htp__recv_one(ep, wall_us, path, dgram, len);
    if (st == HKP_OK) return HKP_OK;
    HKP_HTP__TRACE(ep, hkp_htp__trace_drop(ep, path, len, st));
    return hkp_htp__drop(ep, st);
}

hkp_status hkp_htp_recv(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us, const struct hkp_htp_path *path,
                        uint8_t *dgram, size_t len) {
    if (ep == NULL || path == NULL || (dgram == NULL && len > 0)) return HKP_E_INVAL;
    take_time(ep, now);
    ep->ecn_in = 0; /* not told by this call */
    return recv_counted(ep, wall_us, path, dgram, len);
}

hkp_status hkp_htp_run_recv(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                            const struct hkp_htp_run *run, uint8_t *dgrams, uint32_t *refused) {
    if (ep == NULL || run == NULL || run->struct_size < sizeof *run || (dgrams == NULL && run->len > 0))
        return HKP_E_INVAL;
    const size_t segment = run->segment == 0 || run->segment > run->len ? run->len : run->segment;
    uint32_t dropped = 0;
    size_t at = 0;
    take_time(ep, now);
    ep->ecn_in = run->ecn & 3;
    do { /* one of no bytes is a datagram, too */
        size_t len = run->len - at < segment ? run->len - at : segment;
        dropped += recv_counted(ep, wall_us, &run->path, dgrams + at, len) != HKP_OK;
        at += len;
    } while (at < run->len);
    if (refused != NULL) *refused = dropped;
    return HKP_OK;
}

/* ---- out ---- */

/* Packets of one run when others could go by another path (HTP-11.6). */
enum { SWARM_RUN = 4 };

/* Where a run is made: room for its packets, and how many it may have. */
struct room {
    uint8_t *dst;
    size_t cap;
    unsigned packets;
};

static void send_answer(struct hkp_htp_endpoint *ep, uint8_t *dst, struct hkp_htp_run *run) {
    const struct hkp_htp__answer *a = &ep->answers[ep->answers_first];
    run->path = a->path;
    run->len = a->len;
    memcpy(dst, a->bytes, a->len);
    ep->answers_first = (ep->answers_first + 1) % HKP_HTP__ANSWERS_WAITING;
    ep->answers_n--;
}

/* Full packets follow each other; whatever is shorter is the last. A probe goes alone. */
static void send_packets(struct hkp_htp_endpoint *ep, struct hkp_htp__session *s, uint64_t wall_us,
                         const struct room *room, struct hkp_htp_run *run) {
    size_t len = 0;
    (void)hkp_htp__session_probe(ep, s, wall_us, &run->path, room->dst, &run->len);
    if (run->len > 0) return; /* it goes where it is about */
    const int swarm = hkp_htp__session_way(ep, s, &run->path);
    struct hkp_htp__shape shape = {.max = hkp_htp__session_datagram(s),
                                   .probe = hkp_htp__session_mtu_probe(s, &run->path)};
    if (shape.probe > 0 && shape.probe <= room->cap) {
        (void)hkp_htp__session_send(ep, s, wall_us, room->dst, &shape, &run->len);
        if (run->len > 0) return;
    }
    shape.probe = 0;
    const unsigned packets = swarm && room->packets > SWARM_RUN ? (unsigned)SWARM_RUN : room->packets;
    if (shape.max > room->cap) shape.max = room->cap;
    shape.fill = packets > 1 && 2 * shape.max <= room->cap;
    for (unsigned n = 0; n < packets && room->cap - run->len >= shape.max; n++) {
        (void)hkp_htp__session_send(ep, s, wall_us, room->dst + run->len, &shape, &len);
        run->len += len;
        if (len < shape.max) break;
    }
    run->segment = run->len < shape.max ? run->len : shape.max;
}

/* A run of the first session that has something; sessions take turns. */
static void send_session(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct room *room,
                         struct hkp_htp_run *run) {
    while (run->len == 0 && ep->ready.head != NULL) {
        struct hkp_htp__session *s = ep->ready.head;
        run->path = s->path;
        run->ecn = hkp_htp__session_ecn(s); /* no packet of the run changes it */
        if (s->edge != NULL)
            hkp_htp__edge_send(ep, s, room->dst, &run->len);
        else
            send_packets(ep, s, wall_us, room, run);
        hkp_htp__list_drop_ready(ep, s);
        if (run->len > 0) {
            run->session = s->id;
            hkp_htp__session_touch(ep, s);
        } else if (s->state != HKP_HTP__S_ENDED)
            hkp_htp__session_schedule(ep, s, hkp_htp__session_wake(s));
    }
}

static void send_run(struct hkp_htp_endpoint *ep, uint64_t wall_us, const struct room *room,
                     struct hkp_htp_run *run) {
    if (ep->answers_n > 0)
        send_answer(ep, room->dst, run);
    else if (hkp_htp__door_pending(ep))
        (void)hkp_htp__door_send(ep, wall_us, &run->path, room->dst, &run->len);
    if (run->len == 0) send_session(ep, wall_us, room, run);
    if (run->len == 0) return;
    HKP_HTP__TRACE(ep, hkp_htp__trace_handshake(ep, &run->path, 1, room->dst, run->len));
    if (run->segment == 0) run->segment = run->len;
    ep->stats.datagrams_out += (run->len + run->segment - 1) / run->segment;
    ep->stats.bytes_out += run->len;
}

hkp_status hkp_htp_run_send(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us, uint8_t *dst, size_t cap,
                            struct hkp_htp_run *run) {
    struct hkp_htp_run out = {.struct_size = sizeof out};
    if (ep == NULL || dst == NULL || run == NULL || run->struct_size < sizeof out) return HKP_E_INVAL;
    if (cap < HKP_HTP_DATAGRAM_MAX) return HKP_E_NOSPC;
    take_time(ep, now);
    const struct room room = {dst, cap, HKP_HTP_RUN_PACKETS};
    send_run(ep, wall_us, &room, &out);
    *run = out;
    return HKP_OK;
}

hkp_status hkp_htp_send(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us, struct hkp_htp_path *path,
                        uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_htp_run run = {.struct_size = sizeof run};
    if (ep == NULL || path == NULL || dst == NULL || len == NULL) return HKP_E_INVAL;
    if (cap < HKP_HTP_DATAGRAM_MAX) return HKP_E_NOSPC;
    take_time(ep, now);
    const struct room room = {dst, cap, 1};
    send_run(ep, wall_us, &room, &run);
    if (run.len > 0) *path = run.path;
    *len = run.len;
    return HKP_OK;
}

hkp_status hkp_htp_run_refused(hkp_htp_endpoint *ep, uint64_t session, const struct hkp_htp_path *path,
                               size_t size) {
    if (ep == NULL || path == NULL) return HKP_E_INVAL;
    struct hkp_htp__session *s = hkp_htp__session_find(ep, session);
    if (s == NULL) return HKP_E_NOTFOUND;
    const int index = s->state == HKP_HTP__S_UP ? hkp_htp__paths_index(s, path) : -1;
    if (index >= 0) hkp_htp__flow_refused(s->flow, (uint8_t)index, size);
    return HKP_OK;
}
