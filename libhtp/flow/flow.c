/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Making a flow, its timers, its end, its events. */
#include "libhtp/flow/flow.h"

#include <hookprobe/htp.h>

#include <sodium.h>
#include <string.h>

#include "libhtp/flow/flow_state.h"
#include "libter/options.h"

typedef struct hkp_htp__flow flow_t;
typedef struct hkp_htp__stream stream;

/** HTP-9.7: so many PTOs in a row with larger packets, and they are given up for so long */
enum { PMTU_PTOS = 3 };
#define PMTU_AGAIN (600 * HKP_HTP__SECOND_NS)

static uint32_t or_default(uint32_t value, uint32_t by_default) { return value != 0 ? value : by_default; }

static void resize(struct hkp_htp__path_state *path) {
    hkp_htp__path_state_set_mtu(path, (uint16_t)path->pmtu.good);
}

/* Larger packets vanish: the base again, for a while (HTP-9.7). */
static void shrink(const flow_t *flow, struct hkp_htp__path_state *path) {
    if (hkp_htp__pmtu_restart(&path->pmtu, flow->now + PMTU_AGAIN, flow->recovery.next_pn)) resize(path);
}

/* ---- What became of the frames we sent. */

static void mtu_of_acked(flow_t *flow, const struct hkp_htp__sent *sent) {
    struct hkp_htp__path_state *path = flow->recovery.paths[sent->path];
    if (path == NULL) return;
    hkp_htp__pmtu_arrived(&path->pmtu, sent->size);
    if (sent->mtu_probe && hkp_htp__pmtu_acked(&path->pmtu, sent->size, sent->pn)) resize(path);
}

static void on_acked(void *user, const struct hkp_htp__sent *sent) {
    flow_t *flow = user;
    if (hkp_htp__sent_res(sent) && hkp_htp__sent_epoch(sent) == (flow->tx_epoch & 7)) flow->tx_res_acked = 1;
    if (sent->ack_named != 0) hkp_htp__acks_forget(&flow->acks, sent->ack_named - 1);
    if (!sent->heartbeat && sent->time >= flow->heart.interval_start) {
        flow->heart.acked = 1;
        if (sent->time > flow->heart.acked_at) flow->heart.acked_at = sent->time;
    }
    mtu_of_acked(flow, sent);
    for (unsigned i = 0; i < hkp_htp__sent_count(sent); i++) {
        const struct hkp_htp__sent_frame *f = &sent->frames[i];
        if (f->type == HKP_HTP__F_REKEY) {
            if (f->aux == flow->rekey_generation) flow->rekey_set = flow->rekey_pending = 0;
        } else if (f->type == HKP_HTP__F_TOKEN || f->type == HKP_HTP__F_RETIRE) {
            hkp_htp__tokens_acked(&flow->paths->tokens, f->type, (uint16_t)f->offset);
        } else {
            hkp_htp__stream_acked(flow, f);
        }
    }
}

static void mtu_of_lost(flow_t *flow, const struct hkp_htp__sent *sent) {
    struct hkp_htp__path_state *path = flow->recovery.paths[sent->path];
    if (path == NULL) return;
    if (sent->mtu_probe)
        hkp_htp__pmtu_lost(&path->pmtu, sent->pn);
    else if (sent->state == HKP_HTP__SENT_LOST && /* not what a PTO only repeats */
             hkp_htp__pmtu_vanished(&path->pmtu, sent->size, sent->pn, flow->recovery.next_pn))
        shrink(flow, path);
}

static void on_lost(void *user, const struct hkp_htp__sent *sent) {
    flow_t *flow = user;
    mtu_of_lost(flow, sent);
    for (unsigned i = 0; i < hkp_htp__sent_count(sent); i++) {
        const struct hkp_htp__sent_frame *f = &sent->frames[i];
        if (f->type == HKP_HTP__F_REKEY) {
            if (flow->rekey_set && f->aux == flow->rekey_generation) flow->rekey_pending = 1;
        } else if (f->type == HKP_HTP__F_TOKEN || f->type == HKP_HTP__F_RETIRE) {
            hkp_htp__tokens_lost(&flow->paths->tokens, f->type, (uint16_t)f->offset);
        } else if (f->type == HKP_HTP__F_CREDIT && f->aux != HKP_HTP__CREDIT_STREAM) {
            flow->credit_pending |= (uint8_t)(1 << f->aux);
        } else {
            hkp_htp__stream_lost(flow, f);
        }
    }
}

/* ---- Life. */

hkp_status hkp_htp__flow_new(flow_t **out, const struct hkp_htp__flow_params *p, hkp_time now) {
    struct hkp_mem mem = p->mem;
    if (p->pools == NULL || p->rng.fill == NULL || hkp_mem_import(&mem) != HKP_OK) return HKP_E_INVAL;
    flow_t *flow = hkp_mem_alloc(&mem, sizeof *flow);
    if (flow == NULL) return HKP_E_NOMEM;
    flow->mem = mem;
    flow->rng = p->rng;
    flow->pools = p->pools;
    flow->paths = p->paths;
    flow->is_e = p->is_e != 0;
    flow->nat = p->nat;
    flow->now = flow->last_heard = flow->last_out = now;
    flow->deadline = flow->retry = HKP_TIME_NEVER;
    flow->streams_max = or_default(p->streams_max, HKP_HTP__STREAMS_MAX);
    flow->max_message = or_default(p->max_message, HKP_HTP__MESSAGE_MAX);
    flow->max_message_dsm = or_default(p->max_message_dsm, HKP_HTP__MESSAGE_MAX_DSM);
    flow->window_session = or_default(p->credit_session, HKP_HTP__CREDIT_SESSION_BYTES);
    flow->window_stream = or_default(p->credit_stream, HKP_HTP__CREDIT_STREAM_BYTES);
    flow->ahead_stream = flow->window_stream;
    flow->send_buffer = or_default(p->send_buffer, HKP_HTP__SEND_BUFFER);
    for (unsigned kind = 0; kind < 2; kind++)
        flow->ours_allowed[kind] = flow->theirs_allowed[kind] = HKP_HTP__STREAMS_MAX;
    flow->tx_limit = flow->rx_limit = HKP_HTP__CREDIT_SESSION_BYTES;
    memcpy(flow->allow, p->allow, sizeof flow->allow);
    hkp_htp__acks_init(&flow->acks, flow->pools);
    const struct hkp_htp__recovery_sink sink = {flow, on_acked, on_lost};
    hkp_htp__recovery_init(&flow->recovery, flow->pools, HKP_HTP__PMTU_BASE,
                           hkp_htp__controller_of(p->congestion), p->initial_rtt, &sink);
    hkp_htp__pmtu_init(&flow->recovery.own.pmtu, or_default(p->datagram_limit, HKP_HTP__PMTU_BASE), 0);
    hkp_htp__mode_init(flow, p);
    hkp_htp__heart_init(flow, p);
    *out = flow;
    return HKP_OK;
}

/* What an ending flow no longer needs. */
static void release(flow_t *flow) {
    hkp_htp__streams_clear(flow);
    hkp_htp__fifo_clear(&flow->datagrams_out, flow->pools);
    hkp_htp__fifo_clear(&flow->datagrams_in, flow->pools);
    hkp_htp__recovery_clear(&flow->recovery);
    hkp_htp__acks_clear(&flow->acks);
}

void hkp_htp__flow_free(flow_t *flow) {
    if (flow == NULL) return;
    release(flow);
    struct hkp_mem mem = flow->mem;
    sodium_memzero(flow, sizeof *flow);
    mem.free(mem.user, flow, sizeof *flow);
}

int hkp_htp__flow_state(const flow_t *flow) { return flow->state; }
size_t hkp_htp__flow_datagram_max(const flow_t *flow, uint8_t index) {
    return flow->recovery.paths[index]->mtu;
}

size_t hkp_htp__flow_mtu_probe(const flow_t *flow, uint8_t index, int is_v4) {
    const struct hkp_htp__path_state *path = flow->recovery.paths[index];
    if (flow->state != HKP_HTP__FLOW_OPEN || !flow->tx_res_acked || path->probes > 0) return 0;
    size_t size = hkp_htp__pmtu_wants(&path->pmtu, flow->now, is_v4);
    /* Within the window like all others, but a window that fits two packets fits a larger one, too. */
    if (hkp_htp__path_state_room(path) < size && path->in_flight > 0) return 0;
    return size;
}

void hkp_htp__flow_refused(flow_t *flow, uint8_t index, size_t size) {
    struct hkp_htp__path_state *path = flow->recovery.paths[index];
    if (hkp_htp__pmtu_refused(&path->pmtu, (uint32_t)size)) resize(path);
}

void hkp_htp__flow_rerouted(flow_t *flow) {
    struct hkp_htp__path_state *path = &flow->recovery.own;
    if (hkp_htp__pmtu_restart(&path->pmtu, 0, flow->recovery.next_pn)) resize(path);
}

void hkp_htp__flow_follows(flow_t *flow, uint8_t index) {
    struct hkp_htp__path_state *path = &flow->recovery.own;
    hkp_htp__pmtu_follow(&path->pmtu, &flow->recovery.paths[index]->pmtu, flow->recovery.next_pn);
    resize(path);
}

uint8_t hkp_htp__flow_ecn(const flow_t *flow) { return hkp_htp__ecn_mark(&flow->recovery.ecn); }

void hkp_htp__flow_close(flow_t *flow, hkp_time now, uint16_t reason, uint16_t retry_after_s) {
    if (flow->state != HKP_HTP__FLOW_OPEN) return;
    if (now > flow->now) flow->now = now;
    flow->state = HKP_HTP__FLOW_CLOSING;
    flow->closing.reason = reason;
    flow->closing.retry_after_s = retry_after_s;
    flow->closing.send_now = 1;
    flow->closing.at = HKP_TIME_NEVER;
    release(flow);
}

/* ---- Time. */

hkp_time hkp_htp__flow_wake(const flow_t *flow) {
    if (flow->state == HKP_HTP__FLOW_ENDED) return HKP_TIME_NEVER;
    hkp_time at = hkp_htp__heart_idle_at(flow);
    if (flow->state != HKP_HTP__FLOW_OPEN) return flow->closing.at < at ? flow->closing.at : at;
    hkp_time others[4] = {hkp_htp__recovery_wake(&flow->recovery), hkp_htp__heart_wake(flow), HKP_TIME_NEVER,
                          hkp_htp__mode_wake(flow)};
    /* An ACK that is due is for _send, not for _tick; only one that waits needs the clock. */
    if (flow->acks.due > flow->now) others[2] = flow->acks.due;
    if (flow->deadline < at) at = flow->deadline;
    if (flow->retry < at) at = flow->retry;
    for (unsigned i = 0; i < 4; i++)
        if (others[i] < at) at = others[i];
    return at;
}

/* T_c and T_drain, HTP-14.1. */
static void tick_closing(flow_t *flow) {
    struct hkp_htp__closing *c = &flow->closing;
    if (flow->now < c->at) return;
    if (flow->state == HKP_HTP__FLOW_CLOSING && c->sent < HKP_HTP__CLOSE_TRIES) {
        c->send_now = 1;
        c->at = HKP_TIME_NEVER;
    } else {
        flow->state = HKP_HTP__FLOW_ENDED;
    }
}

static void notice_holes(flow_t *flow) {
    for (unsigned i = 0; i < HKP_HTP__PATHS_MAX; i++) {
        struct hkp_htp__path_state *path = flow->recovery.paths[i];
        if (path == NULL || path->pto_count < PMTU_PTOS || path->mtu <= HKP_HTP__PMTU_BASE) continue;
        shrink(flow, path);
    }
}

hkp_status hkp_htp__flow_tick(flow_t *flow, hkp_time now) {
    if (now > flow->now) flow->now = now;
    if (flow->state == HKP_HTP__FLOW_ENDED) return HKP_OK;
    hkp_htp__heart_missed(flow);
    if (flow->now >= hkp_htp__heart_idle_at(flow)) {
        int was_open = flow->state == HKP_HTP__FLOW_OPEN;
        flow->state = HKP_HTP__FLOW_ENDED;
        release(flow);
        return was_open ? HKP_E_HTP_IDLE : HKP_OK;
    }
    if (flow->state != HKP_HTP__FLOW_OPEN) {
        tick_closing(flow);
        return HKP_OK;
    }
    hkp_htp__recovery_tick(&flow->recovery, flow->now);
    notice_holes(flow);
    hkp_htp__heart_tick(flow);
    hkp_htp__mode_tick(flow);
    hkp_htp__deadlines_tick(flow);
    hkp_htp__stream_retry(flow);
    return HKP_OK;
}

/* ---- REKEY and PING. */

void hkp_htp__flow_rekey_put(flow_t *flow, const uint8_t frame[HKP_HTP__REKEY_SIZE]) {
    flow->rekey = frame;
    flow->rekey_generation++;
    flow->rekey_set = flow->rekey_pending = 1;
}

void hkp_htp__flow_rekey_withdraw(flow_t *flow) {
    flow->rekey_set = flow->rekey_pending = 0;
    flow->rekey = NULL;
}

void hkp_htp__flow_ping(flow_t *flow) { flow->ping = 1; }
void hkp_htp__flow_heartbeat(flow_t *flow) { flow->heart.wanted = 1; }

/* ---- Datagrams, classes, trust. */

static int is_allowed(const flow_t *flow, uint8_t cls) {
    return (int)(flow->allow[cls / 64] >> cls % 64 & 1);
}

/* What came before the owner named its classes is denied like what comes after; who knows a stream hears of
 * it. */
static void deny(flow_t *flow, stream *s) {
    enum { CODE_DENIED = 1 };
    int known = (s->events & HKP_HTP__EV_OPENED) == 0;
    if (!known) {
        hkp_htp__stream_reset_tx(flow, s, CODE_DENIED);
        s->events = 0; /* nobody heard of it, nobody hears of its end */
    }
    if (s->rx == HKP_HTP__RX_OPEN) {
        hkp_htp__stream_discard(flow, s, CODE_DENIED);
        s->rx_reset_code = CODE_DENIED;
        if (known) hkp_htp__stream_event(flow, s, HKP_HTP__EV_RESET);
    }
    (void)hkp_htp__stream_retire(flow, s);
}

void hkp_htp__flow_allow(flow_t *flow, const uint64_t allow[2]) {
    memcpy(flow->allow, allow, sizeof flow->allow);
    /* the table goes with the last stream */
    for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS && flow->table != NULL; i++) {
        for (stream *s = flow->table->buckets[i], *next; s != NULL; s = next) {
            next = s->bucket_next;
            int live = s->rx == HKP_HTP__RX_OPEN || (s->events & HKP_HTP__EV_OPENED);
            if (live && s->cls_known && !is_allowed(flow, s->cls)) deny(flow, s);
        }
    }
}

void hkp_htp__flow_set_trust(flow_t *flow, uint16_t trust) { flow->trust = trust; }

/* ---- Events. */

int hkp_htp__flow_has_event(const flow_t *flow) {
    return flow->events_head != NULL || flow->datagrams_in.head != NULL || flow->clock_set ||
           flow->closed_set || flow->heartbeat_events || flow->heart.missed_untold || flow->writable ||
           flow->mode.changed;
}

/* One event of the stream at the head of the list; kind stays NONE if it has none left. */
static hkp_status stream_event(flow_t *flow, stream *s, struct hkp_htp__flow_event *e) {
    static const struct {
        uint8_t bit;
        int kind;
    } later[] = {{HKP_HTP__EV_FIN, HKP_HTP__FLOW_EV_FIN},
                 {HKP_HTP__EV_RESET, HKP_HTP__FLOW_EV_RESET},
                 {HKP_HTP__EV_STOPPED, HKP_HTP__FLOW_EV_STOPPED},
                 {HKP_HTP__EV_EXPIRED, HKP_HTP__FLOW_EV_EXPIRED},
                 {HKP_HTP__EV_DELIVERED, HKP_HTP__FLOW_EV_DELIVERED}};
    e->stream = s->id;
    e->cls = s->cls;
    e->bidirectional = !hkp_htp__is_uni(s->id);
    if ((s->events & HKP_HTP__EV_OPENED) != 0) {
        s->events &= (uint8_t)~HKP_HTP__EV_OPENED;
        e->kind = HKP_HTP__FLOW_EV_OPENED;
        return HKP_OK;
    }
    if (hkp_htp__stream_has_message(s)) {
        hkp_status st = hkp_htp__stream_take_message(flow, s, &e->data, &e->len);
        if (st == HKP_OK) e->kind = HKP_HTP__FLOW_EV_MESSAGE;
        return st;
    }
    for (unsigned i = 0; i < sizeof later / sizeof later[0]; i++) {
        if ((s->events & later[i].bit) == 0) continue;
        s->events &= (uint8_t)~later[i].bit;
        e->kind = later[i].kind;
        if (later[i].bit == HKP_HTP__EV_RESET) e->code = s->rx_reset_code;
        if (later[i].bit == HKP_HTP__EV_STOPPED) e->code = s->tx_stopped_code;
        return HKP_OK;
    }
    return HKP_OK;
}

/* Streams take turns: after one event a stream goes behind the others. */
static hkp_status next_stream_event(flow_t *flow, struct hkp_htp__flow_event *e) {
    while (flow->events_head != NULL) {
        stream *s = flow->events_head;
        hkp_status st = stream_event(flow, s, e);
        if (st != HKP_OK) return st;
        flow->events_head = s->event_next;
        if (flow->events_head == NULL) flow->events_tail = NULL;
        s->in_events = 0;
        if (s->events != 0 || hkp_htp__stream_has_message(s)) {
            hkp_htp__stream_event(flow, s, 0);
        } else {
            (void)hkp_htp__stream_retire(flow, s);
        }
        if (e->kind != HKP_HTP__FLOW_EV_NONE) return HKP_OK;
    }
    return HKP_OK;
}

static void datagram_event(flow_t *flow, struct hkp_htp__flow_event *e) {
    struct hkp_htp__datagram d = {.len = 0};
    (void)hkp_htp__fifo_peek(&flow->datagrams_in, &d);
    uint8_t *copy = is_allowed(flow, d.cls) ? hkp_htp__pools_scratch(flow->pools, d.len) : NULL;
    if (copy != NULL) {
        memcpy(copy, d.data, d.len);
        e->cls = d.cls;
        e->data = copy;
        e->len = d.len;
        e->kind = HKP_HTP__FLOW_EV_DATAGRAM;
    } else {
        flow->datagrams_dropped++;
    }
    hkp_htp__fifo_drop(&flow->datagrams_in, flow->pools);
}

static void clock_event(const struct hkp_htp__sample *c, struct hkp_htp__flow_event *e) {
    e->kind = HKP_HTP__FLOW_EV_CLOCK;
    e->trust = c->trust;
    e->port = c->port;
    memcpy(e->addr, c->addr, 16);
    memcpy(e->t, c->t, sizeof e->t);
}

/* One of those in a row that nobody was told of: its place in the row. */
static uint16_t missed_place(struct hkp_htp__heart *h) {
    const int place = h->missed_last - --h->missed_untold;
    return (uint16_t)(place > 1 ? place : 1);
}

hkp_status hkp_htp__flow_event(flow_t *flow, struct hkp_htp__flow_event *e) {
    memset(e, 0, sizeof *e);
    if (flow->clock_set) {
        clock_event(&flow->clock, e);
        flow->clock_set = 0;
        return HKP_OK;
    }
    if (flow->heartbeat_events) {
        flow->heartbeat_events = 0;
        e->kind = HKP_HTP__FLOW_EV_HEARTBEAT;
        return HKP_OK;
    }
    if (flow->heart.missed_untold > 0) {
        *e =
            (struct hkp_htp__flow_event){.kind = HKP_HTP__FLOW_EV_MISSED, .code = missed_place(&flow->heart)};
        return HKP_OK;
    }
    if (flow->mode.changed) {
        flow->mode.changed = 0;
        *e = (struct hkp_htp__flow_event){
            .kind = HKP_HTP__FLOW_EV_MODE, .cls = flow->mode.mode, .code = flow->mode.why};
        return HKP_OK;
    }
    if (flow->writable) {
        flow->writable = flow->writable_wanted = 0;
        e->kind = HKP_HTP__FLOW_EV_WRITABLE;
        return HKP_OK;
    }
    hkp_status st = next_stream_event(flow, e);
    if (st != HKP_OK || e->kind != HKP_HTP__FLOW_EV_NONE) return st;
    memset(e, 0, sizeof *e);
    while (flow->datagrams_in.head != NULL && e->kind == HKP_HTP__FLOW_EV_NONE) datagram_event(flow, e);
    if (e->kind == HKP_HTP__FLOW_EV_NONE && flow->closed_set) {
        *e = (struct hkp_htp__flow_event){.kind = HKP_HTP__FLOW_EV_CLOSED,
                                          .code = flow->closed_code,
                                          .trust = flow->closed_trust,
                                          .retry_after_s = flow->closed_retry_after_s};
        flow->closed_set = 0;
    }
    return HKP_OK;
}

/* ---- Facts. */

void hkp_htp__flow_info(const flow_t *flow, struct hkp_htp__flow_info *info) {
    const struct hkp_htp__recovery *r = &flow->recovery;
    const struct hkp_htp__path_state *p = &r->own;
    const struct hkp_htp__heart *h = &flow->heart;
    *info = (struct hkp_htp__flow_info){
        .srtt = p->srtt,
        .rttvar = p->var,
        .min_rtt = p->min,
        .latest_rtt = p->latest,
        .pto = hkp_htp__path_state_pto(p),
        .jitter_16ms = flow->jitter,
        .congestion_window = hkp_htp__congestion_window(&p->congestion),
        .bytes_in_flight = p->in_flight,
        .packets_in = flow->packets_in,
        .packets_out = flow->packets_out,
        .eliciting_out = flow->eliciting_out,
        .packets_lost = r->lost,
        .probes = r->probes,
        .bytes_acked = r->bytes_acked,
        .stream_bytes_in = flow->rx_total,
        .stream_bytes_out = flow->tx_sent,
        .datagrams_dropped = flow->datagrams_dropped,
        .good_heartbeats = h->good_count,
        .missed_heartbeats = h->missed_count,
        .last_res = flow->last_res,
        .largest_pn_in = flow->acks.seen.count != 0 ? hkp_htp__acks_largest(&flow->acks) : 0,
        .interval_s = h->interval_s,
        .peer_mode = h->peer_mode,
        .peer_energy = h->peer_energy,
        .peer_load = h->peer_load,
        .peer_nat = h->peer_nat,
        .mode = flow->mode.mode,
        .policy = flow->mode.policy,
        .why = flow->mode.why,
        .waits_for_e = (uint8_t)hkp_htp__mode_waits_for_e(flow),
        .base_s = h->base_s,
        .loss_permille = flow->mode.loss_permille,
        .mode_since = flow->mode.since,
        .hour_rtt = hkp_htp__mode_hour_rtt(flow),
        .streams = flow->stream_count,
        .memory = sizeof *flow,
    };
}
