/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Datagrams that wait, each way, in blocks of the pool; and those that the application sends. */
#include <hookprobe/htp.h>

#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

struct hkp_htp__fifo_block {
    struct hkp_htp__fifo_block *next;
    uint32_t head, tail;
    uint8_t data[HKP_HTP__BLOCK_SIZE - sizeof(void *) - 8];
};

_Static_assert(sizeof(struct hkp_htp__fifo_block) == HKP_HTP__BLOCK_SIZE,
               "a queue block is one block of the pool");

enum { ITEM_HEAD = 11 };

int hkp_htp__fifo_put(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools,
                      const struct hkp_htp__datagram *d) {
    size_t size = ITEM_HEAD + d->len;
    if (size > sizeof q->tail->data) return 0;
    if (q->tail == NULL || q->tail->tail + size > sizeof q->tail->data) {
        struct hkp_htp__fifo_block *b =
            q->blocks < HKP_HTP__DATAGRAM_BLOCKS ? hkp_htp__block_take(pools) : NULL;
        if (b == NULL) return 0;
        b->next = NULL;
        b->head = b->tail = 0;
        if (q->tail != NULL) {
            q->tail->next = b;
        } else {
            q->head = b;
        }
        q->tail = b;
        q->blocks++;
    }
    uint8_t *p = q->tail->data + q->tail->tail;
    p[0] = d->cls;
    hkp_put_be16(p + 1, (uint16_t)d->len);
    hkp_put_be64(p + 3, d->at);
    memcpy(p + ITEM_HEAD, d->data, d->len);
    q->tail->tail += (uint32_t)size;
    return 1;
}

int hkp_htp__fifo_peek(const struct hkp_htp__fifo *q, struct hkp_htp__datagram *d) {
    if (q->head == NULL) return 0;
    const uint8_t *p = q->head->data + q->head->head;
    *d = (struct hkp_htp__datagram){
        .cls = p[0], .len = hkp_be16(p + 1), .at = hkp_be64(p + 3), .data = p + ITEM_HEAD};
    return 1;
}

void hkp_htp__fifo_drop(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools) {
    struct hkp_htp__fifo_block *b = q->head;
    b->head += ITEM_HEAD + (uint32_t)hkp_be16(b->data + b->head + 1);
    if (b->head < b->tail) return;
    q->head = b->next;
    if (q->head == NULL) q->tail = NULL;
    q->blocks--;
    hkp_htp__block_give(pools, b);
}

void hkp_htp__fifo_clear(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools) {
    while (q->head != NULL) hkp_htp__fifo_drop(q, pools);
}

hkp_status hkp_htp__flow_datagram_by(struct hkp_htp__flow *flow, uint8_t cls, const uint8_t *data, size_t len,
                                     hkp_time at) {
    if (cls > HKP_HTP__CLASS_MAX || len == 0 || at <= flow->now) return HKP_E_INVAL;
    if (flow->state != HKP_HTP__FLOW_OPEN) return HKP_E_STATE;
    /* It must fit a packet with RES, which any packet may have to be (HTP-3.2), on any path to come. */
    const size_t most =
        HKP_HTP__PMTU_BASE - HKP_HTP__OVERHEAD - HKP_HTP__RESONANCE_SIZE - HKP_HTP__DATAGRAM_HEAD;
    if (len > most) return HKP_E_TOOBIG;
    hkp_htp__mode_queued(flow);
    const struct hkp_htp__datagram d = {.at = at, .data = data, .len = len, .cls = cls};
    if (hkp_htp__fifo_put(&flow->datagrams_out, flow->pools, &d)) return HKP_OK;
    flow->datagram_wanted = 1;
    return HKP_E_LIMIT;
}

hkp_status hkp_htp__flow_datagram(struct hkp_htp__flow *flow, uint8_t cls, const uint8_t *data, size_t len) {
    return hkp_htp__flow_datagram_by(flow, cls, data, len, HKP_TIME_NEVER);
}

void hkp_htp__datagrams_write(struct hkp_htp__flow *flow, struct hkp_htp__writer *w) {
    struct hkp_htp__datagram d;
    while (hkp_htp__fifo_peek(&flow->datagrams_out, &d)) {
        if (d.at > flow->now) {
            if (d.cls == HKP_HTP__CLASS_TER && !hkp_htp__writer_res(w)) return;
            if (w->len + HKP_HTP__DATAGRAM_HEAD + d.len > w->cap) return;
            w->len += hkp_htp__put_datagram(w->dst + w->len, d.cls, (uint16_t)d.len);
            memcpy(w->dst + w->len, d.data, d.len);
            w->len += d.len;
            w->eliciting = 1;
        } else {
            flow->datagrams_dropped++;
        }
        hkp_htp__fifo_drop(&flow->datagrams_out, flow->pools);
    }
    if (flow->datagram_wanted) flow->writable = 1;
    flow->datagram_wanted = 0;
}
