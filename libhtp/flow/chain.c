/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/flow/chain.h"

#include <assert.h>
#include <string.h>

typedef struct hkp_htp__chain_block block;

_Static_assert(sizeof(block) <= HKP_HTP__BLOCK_SIZE, "a chain block is one block of the pool");

static int bit_of(const block *b, size_t i) { return b->bits[i / 8] >> (i % 8) & 1; }

/* The block at start, or the last one before it; NULL if all lie behind. */
static block *seek(struct hkp_htp__chain *c, uint64_t start) {
    if (c->head == NULL || c->head->start > start) return NULL;
    if (c->tail->start <= start) return c->tail;
    block *b = c->cursor != NULL && c->cursor->start <= start ? c->cursor : c->head;
    unsigned steps = 0;
    for (; b->next != NULL && b->next->start <= start; steps++) b = b->next;
    /* What is marked at the head leaves the cursor where the middle is read. */
    if (steps > 1) c->cursor = b;
    return b;
}

static block *find(struct hkp_htp__chain *c, uint64_t offset) {
    uint64_t start = offset - offset % HKP_HTP__CHAIN_DATA;
    block *b = seek(c, start);
    return b != NULL && b->start == start ? b : NULL;
}

static block *find_or_make(struct hkp_htp__chain *c, struct hkp_htp__pools *pools, uint64_t offset) {
    uint64_t start = offset - offset % HKP_HTP__CHAIN_DATA;
    block *before = seek(c, start);
    if (before != NULL && before->start == start) return before;
    block *b = hkp_htp__block_take(pools);
    if (b == NULL) return NULL;
    b->start = start;
    b->prefix = b->scattered = 0;
    /* The block that holds base: what was released counts as marked. */
    if (c->base > start) b->prefix = (uint16_t)(c->base - start);
    b->next = before != NULL ? before->next : c->head;
    if (before != NULL) {
        before->next = b;
    } else {
        c->head = b;
    }
    if (b->next == NULL) c->tail = b;
    c->blocks++;
    if (c->held != NULL) ++*c->held;
    return b;
}

/* Copies into [at, at + len) of one block, but not over marked bytes: the first copy stays (HTP-10.6). */
static void fill(block *b, size_t at, const uint8_t *data, size_t len) {
    size_t skip = at < b->prefix ? b->prefix - at : 0;
    if (skip >= len) return;
    if (b->scattered == 0) {
        memcpy(b->data + at + skip, data + skip, len - skip);
        return;
    }
    for (size_t i = skip; i < len; i++)
        if (!bit_of(b, at + i)) b->data[at + i] = data[i];
}

int hkp_htp__chain_write(struct hkp_htp__chain *c, struct hkp_htp__pools *pools, uint64_t offset,
                         const uint8_t *data, size_t len) {
    if (offset < c->base) {
        uint64_t old = c->base - offset;
        if (old >= len) return 1;
        offset += old;
        data += old;
        len -= (size_t)old;
    }
    while (len > 0) {
        size_t at = (size_t)(offset % HKP_HTP__CHAIN_DATA), n = HKP_HTP__CHAIN_DATA - at;
        if (n > len) n = len;
        block *b = find_or_make(c, pools, offset);
        if (b == NULL) return 0;
        fill(b, at, data, n);
        offset += n;
        data += n;
        len -= n;
        if (offset > c->end) c->end = offset;
    }
    return 1;
}

/* Marks [at, end) of one block. */
static void mark_block(block *b, size_t at, size_t end) {
    if (at > b->prefix) {
        if (b->scattered == 0) memset(b->bits, 0, sizeof b->bits);
        for (size_t i = at; i < end; i++) {
            b->scattered = (uint16_t)(b->scattered + !bit_of(b, i));
            b->bits[i / 8] |= (uint8_t)(1 << i % 8);
        }
        return;
    }
    /* Joins the prefix; marks that the prefix swallows are no longer scattered. */
    size_t p = b->prefix;
    while (b->scattered > 0 && p < HKP_HTP__CHAIN_DATA && (p < end || bit_of(b, p))) {
        b->scattered = (uint16_t)(b->scattered - bit_of(b, p));
        p++;
    }
    b->prefix = (uint16_t)(p > end ? p : end > b->prefix ? end : b->prefix);
}

void hkp_htp__chain_mark(struct hkp_htp__chain *c, uint64_t offset, size_t len) {
    uint64_t end = offset + len;
    if (offset < c->done) offset = c->done;
    while (offset < end) {
        size_t at = (size_t)(offset % HKP_HTP__CHAIN_DATA), n = HKP_HTP__CHAIN_DATA - at;
        if (n > end - offset) n = (size_t)(end - offset);
        block *b = find(c, offset);
        assert(b != NULL);
        mark_block(b, at, at + n);
        offset += n;
    }
    for (block *b = find(c, c->done); b != NULL && b->start <= c->done; b = b->next) {
        if (b->start + b->prefix > c->done) c->done = b->start + b->prefix;
        if (b->prefix < HKP_HTP__CHAIN_DATA) break;
    }
}

const uint8_t *hkp_htp__chain_piece(struct hkp_htp__chain *c, uint64_t offset, size_t *len) {
    block *b = find(c, offset);
    assert(b != NULL);
    size_t at = (size_t)(offset % HKP_HTP__CHAIN_DATA);
    if (*len > HKP_HTP__CHAIN_DATA - at) *len = HKP_HTP__CHAIN_DATA - at;
    return b->data + at;
}

void hkp_htp__chain_read(struct hkp_htp__chain *c, uint64_t offset, uint8_t *dst, size_t len) {
    while (len > 0) {
        size_t n = len;
        const uint8_t *p = hkp_htp__chain_piece(c, offset, &n);
        memmove(dst, p, n); /* a compiler that knows that n is small makes a slow loop of memcpy */
        dst += n;
        offset += n;
        len -= n;
    }
}

static void pop(struct hkp_htp__chain *c, struct hkp_htp__pools *pools) {
    block *b = c->head;
    c->head = b->next;
    if (c->head == NULL) c->tail = NULL;
    if (c->cursor == b) c->cursor = NULL;
    c->blocks--;
    if (c->held != NULL) --*c->held;
    hkp_htp__block_give(pools, b);
}

void hkp_htp__chain_clear(struct hkp_htp__chain *c, struct hkp_htp__pools *pools) {
    while (c->head != NULL) pop(c, pools);
}

void hkp_htp__chain_release(struct hkp_htp__chain *c, struct hkp_htp__pools *pools, uint64_t offset) {
    assert(offset <= c->done);
    while (c->head != NULL && c->head->start + HKP_HTP__CHAIN_DATA <= offset) pop(c, pools);
    if (offset > c->base) c->base = offset;
    if (c->base == c->end) hkp_htp__chain_clear(c, pools); /* an idle stream holds no block */
}
