/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The table of streams and what the application does with them (HTP-10.6). */
#include <hookprobe/htp.h>

#include <assert.h>
#include <string.h>

#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

typedef struct hkp_htp__stream stream;
typedef struct hkp_htp__flow flow_t;

_Static_assert(sizeof(stream) <= HKP_HTP__STREAM_SIZE, "a stream is one object of the pool");
_Static_assert(sizeof(struct hkp_htp__stream_table) <= HKP_HTP__SMALL_SIZE, "a table is one, too");

/** Indexes beyond this do not fit an id. */
enum { INDEX_END = 1 << 30 };

static stream **bucket_of(flow_t *flow, uint32_t id) {
    return &flow->table->buckets[(id ^ id >> 5) % HKP_HTP__STREAM_BUCKETS];
}

stream *hkp_htp__stream_find(const flow_t *flow, uint32_t id) {
    stream *s = flow->table != NULL ? flow->table->buckets[(id ^ id >> 5) % HKP_HTP__STREAM_BUCKETS] : NULL;
    while (s != NULL && s->id != id) s = s->bucket_next;
    return s;
}

hkp_status hkp_htp__stream_make(flow_t *flow, uint32_t id, stream **out) {
    if (!hkp_htp__pools_reserve(flow->pools, 0, 1, flow->table == NULL)) return HKP_E_NOMEM;
    if (flow->table == NULL) flow->table = hkp_htp__small_take(flow->pools);
    stream *s = hkp_htp__stream_take(flow->pools);
    int ours = hkp_htp__is_ours(flow, id), uni = hkp_htp__is_uni(id);
    s->id = id;
    s->priority = HKP_HTP__PRIORITY_DEFAULT;
    s->tx = ours || !uni ? HKP_HTP__TX_OPEN : HKP_HTP__TX_NONE;
    s->rx = !ours || !uni ? HKP_HTP__RX_OPEN : HKP_HTP__RX_NONE;
    s->resend = (struct hkp_htp__ranges){s->resend_room, 0, HKP_HTP__RESEND_RANGES};
    s->tx_limit = s->rx_limit = HKP_HTP__CREDIT_STREAM_BYTES;
    s->rx_final = HKP_HTP__UNKNOWN;
    s->tx_chain.held = s->rx_chain.held = &flow->held;
    s->bucket_next = *bucket_of(flow, id);
    *bucket_of(flow, id) = s;
    flow->stream_count++;
    *out = s;
    return HKP_OK;
}

static void ring_remove(flow_t *flow, stream *s) {
    if (s->ready_next == NULL) return;
    stream **head = &flow->table->ready[s->ring];
    if (*head == s) *head = s->ready_next != s ? s->ready_next : NULL;
    s->ready_prev->ready_next = s->ready_next;
    s->ready_next->ready_prev = s->ready_prev;
    s->ready_next = s->ready_prev = NULL;
}

static void ring_append(flow_t *flow, stream *s, uint8_t ring) {
    stream **head = &flow->table->ready[ring];
    s->ring = ring;
    if (*head == NULL) {
        *head = s->ready_next = s->ready_prev = s;
        return;
    }
    s->ready_next = *head;
    s->ready_prev = (*head)->ready_prev;
    s->ready_prev->ready_next = s;
    (*head)->ready_prev = s;
}

/* Data of the stream could go into a packet now. */
static int has_data(const flow_t *flow, const stream *s) {
    if (s->tx != HKP_HTP__TX_OPEN) return 0;
    if (s->resend.count > 0) return 1;
    if (s->tx_fin == HKP_HTP__FIN_QUEUED && s->tx_next == s->tx_end) return 1;
    uint64_t end = s->tx_end < s->tx_limit ? s->tx_end : s->tx_limit;
    return s->tx_next < end && flow->tx_sent < flow->tx_limit;
}

void hkp_htp__stream_ready(flow_t *flow, stream *s) {
    int any = s->control != 0 || has_data(flow, s);
    uint8_t ring = s->control != 0 ? 0 : (uint8_t)(1 + s->priority);
    if (s->ready_next != NULL && any && s->ring == ring) return;
    ring_remove(flow, s);
    if (any) ring_append(flow, s, ring);
}

void hkp_htp__stream_event(flow_t *flow, stream *s, uint8_t event) {
    s->events |= event;
    if (s->in_events) return;
    s->in_events = 1;
    s->event_next = NULL;
    if (flow->events_tail != NULL) {
        flow->events_tail->event_next = s;
    } else {
        flow->events_head = s;
    }
    flow->events_tail = s;
}

static void bucket_remove(flow_t *flow, stream *s) {
    stream **at = bucket_of(flow, s->id);
    while (*at != s) at = &(*at)->bucket_next;
    *at = s->bucket_next;
}

static int half_done(const stream *s) {
    int tx = s->tx == HKP_HTP__TX_NONE || s->tx == HKP_HTP__TX_DONE;
    int rx = s->rx == HKP_HTP__RX_NONE || s->rx == HKP_HTP__RX_DONE;
    return tx && rx;
}

static void drop_table(flow_t *flow) {
    hkp_htp__small_give(flow->pools, flow->table);
    flow->table = NULL;
}

int hkp_htp__stream_retire(flow_t *flow, stream *s) {
    if (!half_done(s) || s->in_events || s->control != 0) return 0;
    ring_remove(flow, s);
    bucket_remove(flow, s);
    hkp_htp__chain_clear(&s->tx_chain, flow->pools);
    hkp_htp__chain_clear(&s->rx_chain, flow->pools);
    flow->stream_count--;
    if (!hkp_htp__is_ours(flow, s->id)) {
        unsigned kind = (unsigned)hkp_htp__is_uni(s->id);
        flow->theirs_closed[kind]++;
        uint64_t want = (uint64_t)flow->theirs_closed[kind] + flow->streams_max;
        if (want > flow->theirs_allowed[kind]) {
            flow->theirs_allowed[kind] = want;
            flow->credit_pending |= (uint8_t)(1 << (HKP_HTP__CREDIT_BIDI + kind));
        }
    }
    hkp_htp__stream_give(flow->pools, s);
    if (flow->stream_count == 0) drop_table(flow);
    return 1;
}

void hkp_htp__streams_clear(flow_t *flow) {
    if (flow->table == NULL) return;
    for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS; i++) {
        while (flow->table->buckets[i] != NULL) {
            stream *s = flow->table->buckets[i];
            flow->table->buckets[i] = s->bucket_next;
            hkp_htp__chain_clear(&s->tx_chain, flow->pools);
            hkp_htp__chain_clear(&s->rx_chain, flow->pools);
            hkp_htp__stream_give(flow->pools, s);
        }
    }
    drop_table(flow);
    flow->events_head = flow->events_tail = NULL;
    flow->stream_count = 0;
}

/* Bytes left the send buffer. */
void hkp_htp__stream_buffered(flow_t *flow, uint64_t freed) {
    assert(freed <= flow->buffered);
    flow->buffered -= freed;
    if (flow->writable_wanted && flow->buffered <= flow->send_buffer / 2) flow->writable = 1;
}

void hkp_htp__stream_retry(flow_t *flow) {
    if (flow->now < flow->retry) return;
    flow->retry = HKP_TIME_NEVER;
    if (flow->writable_wanted) flow->writable = 1;
}

void hkp_htp__stream_reset_tx(flow_t *flow, stream *s, uint16_t code) {
    if (s->tx != HKP_HTP__TX_OPEN) return;
    hkp_htp__stream_buffered(flow, s->tx_end - s->tx_chain.base);
    hkp_htp__chain_clear(&s->tx_chain, flow->pools);
    s->resend.count = 0;
    s->tx = HKP_HTP__TX_RESET;
    s->tx_reset_code = code;
    s->control |= HKP_HTP__CTL_RESET;
    hkp_htp__stream_ready(flow, s);
}

/* ---- What the application asks for. */

hkp_status hkp_htp__flow_open(flow_t *flow, uint8_t cls, int bidirectional, uint8_t priority, uint32_t *id) {
    unsigned kind = bidirectional ? 0 : 1;
    if (cls > HKP_HTP__CLASS_MAX || priority >= HKP_HTP__PRIORITIES) return HKP_E_INVAL;
    if (flow->state != HKP_HTP__FLOW_OPEN) return HKP_E_STATE;
    if (flow->ours_opened[kind] >= flow->ours_allowed[kind] || flow->ours_opened[kind] >= INDEX_END) {
        flow->writable_wanted = 1;
        return HKP_E_LIMIT;
    }
    stream *s;
    uint32_t next = flow->ours_opened[kind] << 2 | kind << 1 | (flow->is_e ? 0U : 1U);
    if (hkp_htp__stream_make(flow, next, &s) != HKP_OK) return HKP_E_LIMIT;
    flow->ours_opened[kind]++;
    s->cls = cls;
    s->cls_known = 1;
    s->priority = priority;
    s->max_message = cls == HKP_HTP__CLASS_DSM ? flow->max_message_dsm : flow->max_message;
    *id = next;
    return HKP_OK;
}

/* Writes the message behind what is queued, compressed if that is asked for and helps; its size with head. */
static uint64_t queue_message(flow_t *flow, stream *s, const uint8_t *msg, size_t len) {
    uint8_t head[2 * HKP_HTP__MESSAGE_HEAD];
    size_t packed = 0, head_len = HKP_HTP__MESSAGE_HEAD;
    if (s->level != 0 && len >= HKP_HTP__COMPRESS_LEAST && hkp_htp__power_compress(flow->mode.power))
        packed =
            hkp_htp__message_deflate(&s->tx_chain, flow->pools, s->tx_end + sizeof head, msg, len, s->level);
    hkp_put_be32(head, (uint32_t)len);
    if (packed != 0) {
        hkp_put_be32(head + HKP_HTP__MESSAGE_HEAD, (uint32_t)len);
        len = packed + HKP_HTP__MESSAGE_HEAD;
        head_len = sizeof head;
        hkp_put_be32(head, HKP_HTP__MESSAGE_COMPRESSED | (uint32_t)len);
    }
    int whole =
        hkp_htp__chain_write(&s->tx_chain, flow->pools, s->tx_end, head, head_len) &&
        (packed != 0 || hkp_htp__chain_write(&s->tx_chain, flow->pools, s->tx_end + head_len, msg, len));
    assert(whole);
    (void)whole;
    return HKP_HTP__MESSAGE_HEAD + (uint64_t)len;
}

hkp_status hkp_htp__flow_message_by(flow_t *flow, uint32_t id, const uint8_t *msg, size_t len, int fin,
                                    hkp_time at) {
    if (flow->state != HKP_HTP__FLOW_OPEN) return HKP_E_STATE;
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->tx != HKP_HTP__TX_OPEN || s->tx_fin != HKP_HTP__FIN_NONE) return HKP_E_STATE;
    if (at <= flow->now) return HKP_E_INVAL;
    if (len > (s->max_message != 0 ? s->max_message : flow->max_message)) return HKP_E_TOOBIG;
    uint64_t size = len + HKP_HTP__MESSAGE_HEAD;
    const int dated = at != HKP_TIME_NEVER;
    const size_t blocks = 2 * hkp_htp__chain_need(0) + hkp_htp__chain_need(len);
    /* One message always fits an empty buffer, however long its stream allows it to be. */
    if ((flow->buffered != 0 && flow->buffered + size > flow->send_buffer) ||
        (dated && !hkp_htp__deadline_fits(s, at)) || !hkp_htp__pools_share(flow->pools, flow->held, blocks) ||
        !hkp_htp__pools_reserve(flow->pools, blocks, 0, 0)) {
        flow->writable_wanted = 1;
        /* Nothing of its own will come free and tell. */
        if (flow->buffered <= flow->send_buffer / 2)
            flow->retry = flow->now + HKP_HTP__ROOM_RETRY_MS * UINT64_C(1000000);
        return HKP_E_LIMIT;
    }
    hkp_htp__mode_queued(flow);
    size = queue_message(flow, s, msg, len);
    s->tx_end += size;
    flow->buffered += size;
    if (dated) hkp_htp__deadline_put(flow, s, at);
    if (fin) s->tx_fin = HKP_HTP__FIN_QUEUED;
    hkp_htp__stream_ready(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__flow_message(flow_t *flow, uint32_t id, const uint8_t *msg, size_t len, int fin) {
    return hkp_htp__flow_message_by(flow, id, msg, len, fin, HKP_TIME_NEVER);
}

hkp_status hkp_htp__flow_compress(flow_t *flow, uint32_t id, uint8_t level) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (level > HKP_HTP_COMPRESS_BEST) return HKP_E_INVAL;
    s->level = level;
    return HKP_OK;
}

hkp_status hkp_htp__flow_finish(flow_t *flow, uint32_t id) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->tx != HKP_HTP__TX_OPEN || s->tx_fin != HKP_HTP__FIN_NONE) return HKP_E_STATE;
    s->tx_fin = HKP_HTP__FIN_QUEUED;
    hkp_htp__stream_ready(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__flow_limit(flow_t *flow, uint32_t id, uint32_t max_message) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (max_message == 0 || max_message > HKP_HTP__MESSAGE_CEILING) return HKP_E_INVAL;
    s->max_message = max_message;
    return HKP_OK;
}

hkp_status hkp_htp__flow_priority(flow_t *flow, uint32_t id, uint8_t priority) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (priority >= HKP_HTP__PRIORITIES) return HKP_E_INVAL;
    s->priority = priority;
    hkp_htp__stream_ready(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__flow_stop(flow_t *flow, uint32_t id, uint16_t code) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->rx != HKP_HTP__RX_OPEN) return HKP_E_STATE;
    hkp_htp__stream_discard(flow, s, code);
    (void)hkp_htp__stream_retire(flow, s);
    return HKP_OK;
}

hkp_status hkp_htp__flow_reset(flow_t *flow, uint32_t id, uint16_t code) {
    stream *s = hkp_htp__stream_find(flow, id);
    if (s == NULL) return HKP_E_NOTFOUND;
    if (s->tx != HKP_HTP__TX_OPEN) return HKP_E_STATE;
    hkp_htp__stream_reset_tx(flow, s, code);
    return HKP_OK;
}
