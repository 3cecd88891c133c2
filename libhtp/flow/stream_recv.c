/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Stream frames that come in: offsets, credit, messages (HTP-10.6, 10.7). */
#include <hookprobe/htp.h>

#include <assert.h>

#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__stream stream;
typedef struct hkp_htp__flow flow_t;

enum { CODE_CANCELLED = 0, CODE_DENIED = 1 };

/* ---- Credit. An allowance is raised when less than half a window of it is left, by no less than a quarter.
 */

static int is_due(uint64_t target, uint64_t limit, uint64_t used, uint64_t window) {
    if (target <= limit || limit - used >= window / 2) return 0;
    return target - limit >= window / 4 || limit == used;
}

/*
 * HTP-10.6: when a whole window was taken within two round trips, it is the window that holds the sender
 * back: it doubles, to HKP_HTP__CREDIT_GROWN_MAX or a quarter of the pool of all sessions.
 */
static uint32_t grown(const flow_t *flow, uint32_t window, struct hkp_htp__credit_pace *pace) {
    const uint64_t twice = 2 * (uint64_t)window, most = hkp_htp__pools_limit(flow->pools) / 4;
    if (flow->rx_consumed - pace->from < window) return window;
    const int fast = pace->since != 0 && flow->now - pace->since < 2 * flow->recovery.own.srtt;
    *pace = (struct hkp_htp__credit_pace){flow->now, flow->rx_consumed};
    return fast && twice <= most && twice <= HKP_HTP__CREDIT_GROWN_MAX ? (uint32_t)twice : window;
}

static void grow(flow_t *flow) {
    flow->window_session = grown(flow, flow->window_session, &flow->pace_session);
    /* The same for all streams of a session, and never above the session's. */
    const uint32_t ahead = grown(flow, flow->ahead_stream, &flow->pace_stream);
    if (ahead <= flow->window_session) flow->ahead_stream = ahead;
}

static void offer_session(flow_t *flow) {
    grow(flow);
    uint64_t target = flow->rx_consumed + flow->window_session + flow->rx_need;
    if (!is_due(target, flow->rx_limit, flow->rx_total, flow->window_session)) return;
    flow->rx_limit = target;
    flow->credit_pending |= 1 << HKP_HTP__CREDIT_SESSION;
}

/* The part of rx_need beyond one window; messages longer than the window share CREDIT_EXCESS_MAX. */
static uint64_t excess_of(const flow_t *flow, uint64_t need) {
    return need > flow->window_stream ? need - flow->window_stream : 0;
}

/*
 * Whatever other streams hold, the message at the head of each stream finds room: its bytes come on top of
 * the session's window. So a session full of incomplete messages cannot lock itself up, and its memory stays
 * bounded by window + streams x stream window + CREDIT_EXCESS_MAX.
 */
static void offer(flow_t *flow, stream *s) {
    uint64_t need = 0;
    int head_open = s->rx_delivered == s->rx_start && s->rx_scan > s->rx_chain.done;
    if (s->rx == HKP_HTP__RX_OPEN && head_open) {
        need = s->rx_scan - s->rx_start;
        uint64_t others = flow->rx_excess - excess_of(flow, s->rx_need);
        if (others + excess_of(flow, need) > HKP_HTP__CREDIT_EXCESS_MAX) need = flow->window_stream;
    }
    flow->rx_excess += excess_of(flow, need);
    flow->rx_excess -= excess_of(flow, s->rx_need);
    flow->rx_need += need;
    flow->rx_need -= s->rx_need;
    s->rx_need = need;
    offer_session(flow);
    if (s->rx != HKP_HTP__RX_OPEN || s->rx_final != HKP_HTP__UNKNOWN) return;
    uint64_t ahead = need > flow->ahead_stream ? need : flow->ahead_stream;
    if (!is_due(s->rx_delivered + ahead, s->rx_limit, s->rx_highest, flow->ahead_stream)) return;
    s->rx_limit = s->rx_delivered + ahead;
    s->control |= HKP_HTP__CTL_CREDIT;
    hkp_htp__stream_ready(flow, s);
}

/* After excess came free, a long message that had to wait for it may go on. */
static void offer_all(flow_t *flow) {
    for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS && flow->table != NULL; i++)
        for (stream *s = flow->table->buckets[i]; s != NULL; s = s->bucket_next)
            if (s->rx == HKP_HTP__RX_OPEN && s->rx_scan - s->rx_start > s->rx_need) offer(flow, s);
}

/* ---- Who may use a stream. */

/* Finds or opens the stream of a frame. *out NULL: it was there and is gone, the frame is a late copy. */
static hkp_status resolve(flow_t *flow, uint32_t id, int to_receive, stream **out) {
    int ours = hkp_htp__is_ours(flow, id), uni = hkp_htp__is_uni(id);
    unsigned kind = (unsigned)uni;
    uint32_t index = id >> 2;
    *out = NULL;
    if (uni && ours == to_receive) return HKP_E_HTP_STREAM; /* the other direction does not exist */
    if (ours) {
        if (index >= flow->ours_opened[kind]) return HKP_E_HTP_STREAM;
    } else if (index >= flow->theirs_allowed[kind]) {
        return HKP_E_HTP_STREAM;
    }
    while (!ours && flow->theirs_opened[kind] <= index) { /* using one opens those below */
        stream *made;
        if (hkp_htp__stream_make(flow, (flow->theirs_opened[kind] << 2) | (id & 3), &made) != HKP_OK)
            return HKP_E_HTP_INTERNAL;
        flow->theirs_opened[kind]++;
    }
    *out = hkp_htp__stream_find(flow, id);
    return HKP_OK;
}

void hkp_htp__stream_cost(const flow_t *flow, const struct hkp_htp__frame *f, size_t *blocks,
                          size_t *streams) {
    unsigned kind = (unsigned)hkp_htp__is_uni(f->stream);
    uint32_t index = f->stream >> 2;
    if (f->type == HKP_HTP__F_STREAM) *blocks += hkp_htp__chain_need(f->len);
    if (hkp_htp__is_ours(flow, f->stream) || index >= flow->theirs_allowed[kind]) return;
    size_t opens = index >= flow->theirs_opened[kind] ? index - flow->theirs_opened[kind] + 1 : 0;
    if (opens > *streams) *streams = opens;
}

static int is_allowed(const flow_t *flow, uint8_t cls) {
    return (int)(flow->allow[cls / 64] >> cls % 64 & 1);
}

/* ---- Ends. */

static void end_rx(flow_t *flow, stream *s) {
    hkp_htp__chain_clear(&s->rx_chain, flow->pools);
    s->rx = HKP_HTP__RX_DONE;
    s->control &= (uint8_t) ~(HKP_HTP__CTL_STOP | HKP_HTP__CTL_CREDIT);
    hkp_htp__stream_ready(flow, s);
    offer(flow, s);
    offer_all(flow);
}

void hkp_htp__stream_discard(flow_t *flow, stream *s, uint16_t stop_code) {
    flow->rx_consumed += s->rx_highest - s->rx_delivered;
    s->rx_delivered = s->rx_highest;
    hkp_htp__chain_clear(&s->rx_chain, flow->pools);
    s->events &= (uint8_t) ~(HKP_HTP__EV_FIN | HKP_HTP__EV_RESET);
    if (s->rx_final != HKP_HTP__UNKNOWN && s->rx_final == s->rx_highest) {
        end_rx(flow, s);
        return;
    }
    s->rx = HKP_HTP__RX_DISCARD;
    s->rx_stop_code = stop_code;
    s->control |= HKP_HTP__CTL_STOP;
    hkp_htp__stream_ready(flow, s);
    offer(flow, s);
    offer_all(flow);
}

/* The stream's class becomes known with its first STREAM frame. */
static void learn_class(flow_t *flow, stream *s, uint8_t cls) {
    s->cls = cls;
    s->cls_known = 1;
    if (s->max_message == 0)
        s->max_message = cls == HKP_HTP__CLASS_DSM ? flow->max_message_dsm : flow->max_message;
    if (is_allowed(flow, cls)) {
        hkp_htp__stream_event(flow, s, HKP_HTP__EV_OPENED);
        return;
    }
    hkp_htp__stream_reset_tx(flow, s, CODE_DENIED);
    hkp_htp__stream_discard(flow, s, CODE_DENIED);
}

/* ---- STREAM. */

/* Offsets of a frame that ends at end against final offset and credit; new bytes are counted. */
static hkp_status take_offset(flow_t *flow, stream *s, uint64_t end, int final) {
    if (s->rx_final != HKP_HTP__UNKNOWN && (end > s->rx_final || (final && end != s->rx_final)))
        return HKP_E_HTP_STREAM;
    if (final && end < s->rx_highest) return HKP_E_HTP_STREAM;
    if (end > s->rx_highest) {
        uint64_t more = end - s->rx_highest;
        if (end > s->rx_limit || more > flow->rx_limit - flow->rx_total) return HKP_E_HTP_CREDIT;
        s->rx_highest = end;
        flow->rx_total += more;
    }
    if (final) s->rx_final = end;
    return HKP_OK;
}

/* Reads heads of messages as far as bytes are there without a gap. */
static hkp_status scan(stream *s) {
    uint8_t head[8];
    while (s->rx_scan < s->rx_chain.done) {
        struct hkp_htp__message m;
        uint64_t avail = s->rx_chain.done - s->rx_scan;
        if (avail > sizeof head) avail = sizeof head;
        hkp_htp__chain_read(&s->rx_chain, s->rx_scan, head, (size_t)avail);
        hkp_status st = hkp_htp__message_head(head, avail, s->max_message, &m);
        if (st != HKP_OK) return st;
        if (m.size == 0) break;
        s->rx_start = s->rx_scan;
        s->rx_scan += m.size;
    }
    if (s->rx_final == HKP_HTP__UNKNOWN) return HKP_OK;
    if (s->rx_scan > s->rx_final) return HKP_E_HTP_MESSAGE;
    return s->rx_chain.done == s->rx_final && s->rx_scan != s->rx_final ? HKP_E_HTP_MESSAGE : HKP_OK;
}

int hkp_htp__stream_has_message(const stream *s) {
    uint64_t complete = s->rx_chain.done >= s->rx_scan ? s->rx_scan : s->rx_start;
    return s->rx == HKP_HTP__RX_OPEN && s->rx_delivered < complete;
}

/* All of the peer's direction was given to the application. */
static void check_fin(flow_t *flow, stream *s) {
    if (s->rx == HKP_HTP__RX_OPEN && s->rx_final == s->rx_delivered) {
        hkp_htp__stream_event(flow, s, HKP_HTP__EV_FIN);
        end_rx(flow, s);
    }
}

hkp_status hkp_htp__stream_on_data(flow_t *flow, const struct hkp_htp__frame *f) {
    stream *s;
    hkp_status st = resolve(flow, f->stream, 1, &s);
    if (st != HKP_OK || s == NULL) return st;
    if (s->cls_known && s->cls != f->cls) return HKP_E_HTP_STREAM;
    uint64_t before = s->rx_highest;
    st = take_offset(flow, s, f->value + f->len, f->fin);
    if (st != HKP_OK) return st;
    if (!s->cls_known) {
        /* Nothing of the stream is here yet: what is counted now is dropped by a denial. */
        learn_class(flow, s, f->cls);
        if (s->rx != HKP_HTP__RX_OPEN) {
            (void)hkp_htp__stream_retire(flow, s);
            return HKP_OK;
        }
    }
    if (s->rx == HKP_HTP__RX_DISCARD) {
        flow->rx_consumed += s->rx_highest - before;
        s->rx_delivered = s->rx_highest;
        if (s->rx_final == s->rx_highest) {
            end_rx(flow, s);
            (void)hkp_htp__stream_retire(flow, s);
        }
        offer_session(flow);
        return HKP_OK;
    }
    if (s->rx != HKP_HTP__RX_OPEN) return HKP_OK;
    if (!hkp_htp__chain_write(&s->rx_chain, flow->pools, f->value, f->data, f->len))
        return HKP_E_HTP_INTERNAL;
    hkp_htp__chain_mark(&s->rx_chain, f->value, f->len);
    st = scan(s);
    if (st != HKP_OK) return st;
    if (hkp_htp__stream_has_message(s)) hkp_htp__stream_event(flow, s, 0);
    check_fin(flow, s);
    if (s->rx == HKP_HTP__RX_OPEN) offer(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__stream_take_message(flow_t *flow, stream *s, const uint8_t **data, size_t *len) {
    uint8_t head[8];
    struct hkp_htp__message m;
    uint64_t avail = s->rx_chain.done - s->rx_delivered;
    if (avail > sizeof head) avail = sizeof head;
    hkp_htp__chain_read(&s->rx_chain, s->rx_delivered, head, (size_t)avail);
    /* The ceiling, not the stream's own limit: this head was judged when it came. */
    hkp_status st = hkp_htp__message_head(head, avail, HKP_HTP__MESSAGE_CEILING, &m);
    assert(st == HKP_OK && m.size != 0);
    st = hkp_htp__message_body(&s->rx_chain, flow->pools, s->rx_delivered, &m, data);
    if (st != HKP_OK) return st;
    *len = m.plain_len;
    uint64_t freed = excess_of(flow, s->rx_need);
    s->rx_delivered += m.size;
    flow->rx_consumed += m.size;
    hkp_htp__chain_release(&s->rx_chain, flow->pools, s->rx_delivered);
    check_fin(flow, s);
    offer(flow, s);
    if (freed > 0) offer_all(flow);
    return HKP_OK;
}

/* ---- RESET, STOP, CREDIT. */

hkp_status hkp_htp__stream_on_reset(flow_t *flow, const struct hkp_htp__frame *f) {
    stream *s;
    hkp_status st = resolve(flow, f->stream, 1, &s);
    if (st != HKP_OK || s == NULL) return st;
    st = take_offset(flow, s, f->value, 1);
    if (st != HKP_OK) return st;
    if (s->rx == HKP_HTP__RX_DONE) return HKP_OK;
    flow->rx_consumed += s->rx_highest - s->rx_delivered;
    s->rx_delivered = s->rx_highest;
    if (!s->cls_known) {
        hkp_htp__stream_reset_tx(flow, s, CODE_CANCELLED); /* the application never hears of it */
    } else if (s->rx == HKP_HTP__RX_OPEN) {
        s->rx_reset_code = f->code;
        hkp_htp__stream_event(flow, s, HKP_HTP__EV_RESET);
    }
    end_rx(flow, s);
    (void)hkp_htp__stream_retire(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__stream_on_stop(flow_t *flow, const struct hkp_htp__frame *f) {
    stream *s;
    hkp_status st = resolve(flow, f->stream, 0, &s);
    if (st != HKP_OK || s == NULL || s->tx != HKP_HTP__TX_OPEN) return st;
    hkp_htp__stream_reset_tx(flow, s, f->code);
    if (s->cls_known) {
        s->tx_stopped_code = f->code;
        hkp_htp__stream_event(flow, s, HKP_HTP__EV_STOPPED);
    }
    return HKP_OK;
}

static void ready_all(flow_t *flow) {
    for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS && flow->table != NULL; i++)
        for (stream *s = flow->table->buckets[i]; s != NULL; s = s->bucket_next)
            hkp_htp__stream_ready(flow, s);
}

hkp_status hkp_htp__stream_on_credit(flow_t *flow, const struct hkp_htp__frame *f) {
    if (f->kind == HKP_HTP__CREDIT_SESSION) {
        if (f->value <= flow->tx_limit) return HKP_OK;
        int was_blocked = flow->tx_sent >= flow->tx_limit;
        flow->tx_limit = f->value;
        if (was_blocked) ready_all(flow);
        return HKP_OK;
    }
    if (f->kind != HKP_HTP__CREDIT_STREAM) {
        unsigned kind = f->kind - (unsigned)HKP_HTP__CREDIT_BIDI;
        if (f->value <= flow->ours_allowed[kind]) return HKP_OK;
        flow->ours_allowed[kind] = f->value;
        if (flow->writable_wanted) flow->writable = 1;
        return HKP_OK;
    }
    stream *s;
    hkp_status st = resolve(flow, f->stream, 0, &s);
    if (st != HKP_OK || s == NULL || f->value <= s->tx_limit) return st;
    s->tx_limit = f->value;
    hkp_htp__stream_ready(flow, s);
    return HKP_OK;
}
