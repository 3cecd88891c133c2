/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Queues of datagrams in blocks of the pool. */
#include "libhtp/flow/flow_state.h"
#include "libter/bytes.h"

struct hkp_htp__fifo_block {
    struct hkp_htp__fifo_block *next;
    uint32_t head, tail;
    uint8_t data[HKP_HTP__BLOCK_SIZE - sizeof(void *) - 8];
};

_Static_assert(sizeof(struct hkp_htp__fifo_block) == HKP_HTP__BLOCK_SIZE,
               "a queue block is one block of the pool");

enum { ITEM_HEAD = 3 };

int hkp_htp__fifo_put(struct hkp_htp__fifo *q, struct hkp_htp__pools *pools, uint8_t cls, const uint8_t *data,
                      size_t len) {
    size_t size = ITEM_HEAD + len;
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
    p[0] = cls;
    hkp_put_be16(p + 1, (uint16_t)len);
    memcpy(p + ITEM_HEAD, data, len);
    q->tail->tail += (uint32_t)size;
    return 1;
}

const uint8_t *hkp_htp__fifo_peek(const struct hkp_htp__fifo *q, uint8_t *cls, size_t *len) {
    if (q->head == NULL) return NULL;
    const uint8_t *p = q->head->data + q->head->head;
    *cls = p[0];
    *len = hkp_be16(p + 1);
    return p + ITEM_HEAD;
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
