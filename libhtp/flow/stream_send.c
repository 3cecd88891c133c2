/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Stream frames that go out, and what became of them (HTP-10.3, 10.6). */
#include "libhtp/flow/flow_state.h"

typedef struct hkp_htp__stream stream;
typedef struct hkp_htp__flow flow_t;
typedef struct hkp_htp__writer writer;

enum { CONTROL_ROOM = 16 };

int hkp_htp__writer_res(writer *w) {
    if (w->res) return 1;
    if (w->len + HKP_HTP__RESONANCE_SIZE > w->cap) return 0;
    w->res = 1;
    w->cap -= HKP_HTP__RESONANCE_SIZE;
    return 1;
}

void hkp_htp__writer_note(writer *w, uint8_t type, uint32_t id, uint64_t offset, uint16_t len, uint8_t aux) {
    w->sent->frames[w->frames++] = (struct hkp_htp__sent_frame){offset, id, len, type, aux};
    w->eliciting = 1;
}

int hkp_htp__streams_sendable(const flow_t *flow) {
    for (unsigned i = 0; i <= HKP_HTP__PRIORITIES && flow->table != NULL; i++)
        if (flow->table->ready[i] != NULL) return 1;
    return 0;
}

static void write_control(stream *s, writer *w) {
    if (w->len + CONTROL_ROOM > w->cap) return;
    uint8_t *dst = w->dst + w->len;
    if ((s->control & HKP_HTP__CTL_RESET) != 0) {
        s->control &= (uint8_t)~HKP_HTP__CTL_RESET;
        w->len += hkp_htp__put_reset(dst, s->tx_reset_code, s->id, s->tx_next);
        hkp_htp__writer_note(w, HKP_HTP__F_RESET, s->id, 0, 0, 0);
    } else if ((s->control & HKP_HTP__CTL_STOP) != 0) {
        s->control &= (uint8_t)~HKP_HTP__CTL_STOP;
        w->len += hkp_htp__put_stop(dst, s->rx_stop_code, s->id);
        hkp_htp__writer_note(w, HKP_HTP__F_STOP, s->id, 0, 0, 0);
    } else {
        s->control &= (uint8_t)~HKP_HTP__CTL_CREDIT;
        w->len += hkp_htp__put_credit(dst, HKP_HTP__CREDIT_STREAM, s->id, s->rx_limit);
        hkp_htp__writer_note(w, HKP_HTP__F_CREDIT, s->id, s->rx_limit, 0, HKP_HTP__CREDIT_STREAM);
    }
}

/* The next piece to send: what is lost first, then what is new. */
static void next_piece(const flow_t *flow, const stream *s, uint64_t *lo, uint64_t *hi) {
    if (s->resend.count > 0) {
        *lo = s->resend.r[0].lo;
        *hi = s->resend.r[0].hi;
        return;
    }
    uint64_t session = flow->tx_limit > flow->tx_sent ? flow->tx_limit - flow->tx_sent : 0;
    *lo = s->tx_next;
    *hi = s->tx_end < s->tx_limit ? s->tx_end : s->tx_limit;
    if (*hi < *lo) *hi = *lo; /* the end of the stream needs no credit */
    if (*hi - *lo > session) *hi = *lo + session;
}

static void write_data(flow_t *flow, stream *s, writer *w) {
    if (s->cls == HKP_HTP__CLASS_TER && !hkp_htp__writer_res(w)) return;
    if (w->len + HKP_HTP__STREAM_HEAD > w->cap) return;
    size_t room = w->cap - w->len - HKP_HTP__STREAM_HEAD;
    uint64_t lo, hi;
    next_piece(flow, s, &lo, &hi);
    size_t n = hi - lo < room ? (size_t)(hi - lo) : room;
    int fin = s->tx_fin != HKP_HTP__FIN_NONE && lo + n == s->tx_end;
    if (n == 0 && !fin) return;
    uint8_t *dst = w->dst + w->len;
    w->len += hkp_htp__put_stream(dst, s->cls, fin, s->id, lo, (uint16_t)n);
    hkp_htp__chain_read(&s->tx_chain, lo, dst + HKP_HTP__STREAM_HEAD, n);
    w->len += n;
    hkp_htp__writer_note(w, HKP_HTP__F_STREAM, s->id, lo, (uint16_t)n, (uint8_t)fin);
    if (s->resend.count > 0) hkp_htp__ranges_remove(&s->resend, lo, lo + n);
    if (lo + n > s->tx_next) {
        flow->tx_sent += lo + n - s->tx_next;
        s->tx_next = lo + n;
    }
    if (fin && s->tx_fin == HKP_HTP__FIN_QUEUED) s->tx_fin = HKP_HTP__FIN_SENT;
}

void hkp_htp__streams_write(flow_t *flow, writer *w) {
    const unsigned rings = flow->table == NULL ? 0 : w->held ? 1 : 1 + HKP_HTP__PRIORITIES;
    for (unsigned ring = 0; ring < rings; ring++) {
        while (flow->table->ready[ring] != NULL) {
            if (w->frames == HKP_HTP__SENT_FRAMES || w->len + HKP_HTP__PIECE_MIN > w->cap) return;
            stream *s = flow->table->ready[ring];
            size_t before = w->len;
            if (ring == 0) {
                write_control(s, w);
            } else {
                write_data(flow, s, w);
            }
            flow->table->ready[ring] = s->ready_next; /* round robin: the next one is first now */
            hkp_htp__stream_ready(flow, s);
            if (w->len == before) {
                if (s->ready_next != NULL && s->ring == ring)
                    return; /* it waits for a packet with more room */
            }
        }
    }
}

/* ---- What became of it. */

static void data_acked(flow_t *flow, stream *s, const struct hkp_htp__sent_frame *f) {
    if (s->tx != HKP_HTP__TX_OPEN) return;
    if (f->len > 0) {
        uint64_t base = s->tx_chain.base;
        hkp_htp__chain_mark(&s->tx_chain, f->offset, f->len);
        hkp_htp__ranges_remove(&s->resend, f->offset, f->offset + f->len);
        hkp_htp__chain_release(&s->tx_chain, flow->pools, s->tx_chain.done);
        /* A late copy may have been taken as lost after its bytes were acknowledged in another packet. */
        if (s->tx_chain.base > 0) hkp_htp__ranges_remove(&s->resend, 0, s->tx_chain.base);
        hkp_htp__stream_buffered(flow, s->tx_chain.base - base);
        hkp_htp__deadlines_acked(flow, s);
    }
    if (f->aux) s->tx_fin = HKP_HTP__FIN_ACKED;
    if (s->tx_fin == HKP_HTP__FIN_ACKED && s->tx_chain.base == s->tx_end) {
        s->tx = HKP_HTP__TX_DONE;
        hkp_htp__stream_event(flow, s, HKP_HTP__EV_DELIVERED);
    }
    hkp_htp__stream_ready(flow, s);
}

void hkp_htp__stream_acked(flow_t *flow, const struct hkp_htp__sent_frame *f) {
    stream *s = hkp_htp__stream_find(flow, f->stream);
    if (s == NULL) return;
    if (f->type == HKP_HTP__F_STREAM) {
        data_acked(flow, s, f);
    } else if (f->type == HKP_HTP__F_RESET && s->tx == HKP_HTP__TX_RESET) {
        s->tx = HKP_HTP__TX_DONE;
        s->control &= (uint8_t)~HKP_HTP__CTL_RESET;
        hkp_htp__stream_ready(flow, s);
    }
    (void)hkp_htp__stream_retire(flow, s);
}

static void data_lost(stream *s, const struct hkp_htp__sent_frame *f) {
    if (s->tx != HKP_HTP__TX_OPEN) return;
    uint64_t lo = f->offset, hi = f->offset + f->len;
    if (lo < s->tx_chain.base) lo = s->tx_chain.base;
    if (lo < hi) hkp_htp__ranges_cover(&s->resend, lo, hi);
    if (f->aux && s->tx_fin == HKP_HTP__FIN_SENT) s->tx_fin = HKP_HTP__FIN_QUEUED;
}

void hkp_htp__stream_lost(flow_t *flow, const struct hkp_htp__sent_frame *f) {
    stream *s = hkp_htp__stream_find(flow, f->stream);
    if (s == NULL) return;
    switch (f->type) {
    case HKP_HTP__F_STREAM:
        data_lost(s, f);
        break;
    case HKP_HTP__F_RESET:
        if (s->tx == HKP_HTP__TX_RESET) s->control |= HKP_HTP__CTL_RESET;
        break;
    case HKP_HTP__F_STOP:
        if (s->rx == HKP_HTP__RX_DISCARD) s->control |= HKP_HTP__CTL_STOP;
        break;
    default: /* CREDIT: the newest value, and only while it still helps */
        if (s->rx == HKP_HTP__RX_OPEN && s->rx_final == HKP_HTP__UNKNOWN) s->control |= HKP_HTP__CTL_CREDIT;
    }
    hkp_htp__stream_ready(flow, s);
}
