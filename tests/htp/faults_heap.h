/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What the fault simulator sees of memory and of sealing: the blocks of an endpoint, so that they can be
 * searched and compared, and every (key, nonce) that was ever used. Link with -Wl,--wrap=hkp_htp__seal.
 */
#ifndef HKP_TESTS_HTP_FAULTS_HEAP_H
#define HKP_TESTS_HTP_FAULTS_HEAP_H

#include "check.h"
#include "libhtp/endpoint.h"
#include "libhtp/flow/flow_state.h"

/* ---- (key, nonce) pairs ---- */

static struct {
    /** 1: sealings are noted; 0: what is computed was computed before (replay of a journal) */
    int on;
    uint64_t count, repeats;
    uint64_t *set;
    size_t mask;
} fault_seals;

static inline void fault_seals_reset(void) {
    free(fault_seals.set);
    memset(&fault_seals, 0, sizeof fault_seals);
    fault_seals.on = 1;
    fault_seals.mask = 1023;
    fault_seals.set = calloc(1024, sizeof(uint64_t));
}

static inline int fault_seals_put(uint64_t *set, size_t mask, uint64_t digest) {
    size_t i = (size_t)digest & mask;
    while (set[i] != 0 && set[i] != digest) i = (i + 1) & mask;
    if (set[i] == digest) return 0;
    set[i] = digest;
    return 1;
}

static inline void fault_seals_grow(void) {
    const size_t wider = fault_seals.mask * 4 + 3;
    uint64_t *set = calloc(wider + 1, sizeof *set);
    for (size_t i = 0; i <= fault_seals.mask; i++)
        if (fault_seals.set[i] != 0) (void)fault_seals_put(set, wider, fault_seals.set[i]);
    free(fault_seals.set);
    fault_seals.set = set;
    fault_seals.mask = wider;
}

int __real_hkp_htp__seal(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p);
int __wrap_hkp_htp__seal(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p);

/* 64 bits of a hash stand for a pair: among a million of them two are equal by chance once in 2^25 runs. */
int __wrap_hkp_htp__seal(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p) {
    static const uint8_t k[16] = "faults";
    uint8_t pair[44];
    uint64_t digest;
    if (fault_seals.on && fault_seals.set != NULL) {
        memcpy(pair, p->key, 32);
        memcpy(pair + 32, p->nonce, 12);
        crypto_shorthash((uint8_t *)&digest, pair, sizeof pair, k);
        digest += digest == 0;
        fault_seals.repeats += !fault_seals_put(fault_seals.set, fault_seals.mask, digest);
        if (++fault_seals.count * 2 > fault_seals.mask) fault_seals_grow();
    }
    return __real_hkp_htp__seal(ciphers, p);
}

/* ---- memory of one endpoint ---- */

struct fault_block {
    struct fault_block *next, *prev;
    size_t size, pad;
};

enum { FAULT_GRAVES = 128, FAULT_GRAVE_MAX = 4096 };

struct fault_heap {
    struct fault_block head;
    /** small blocks that were freed of late, as they were: what is in them was not wiped */
    struct fault_block *graves[FAULT_GRAVES];
    unsigned grave;
    size_t bytes, peak;
    long live;
    uint8_t *copy;
    size_t copy_cap;
};

static inline void *fault_alloc(void *user, size_t size) {
    struct fault_heap *h = user;
    struct fault_block *b = calloc(1, sizeof *b + size); /* what the test freed holds keys, too */
    *b = (struct fault_block){.next = h->head.next, .prev = &h->head, .size = size};
    h->head.next->prev = b;
    h->head.next = b;
    h->live++;
    h->bytes += size;
    if (h->bytes > h->peak) h->peak = h->bytes;
    return b + 1;
}

static inline void fault_free(void *user, void *ptr, size_t size) {
    struct fault_heap *h = user;
    struct fault_block *b = (struct fault_block *)ptr - 1;
    CHECK_EQ(b->size, size);
    b->next->prev = b->prev;
    b->prev->next = b->next;
    h->live--;
    h->bytes -= size;
    if (size <= FAULT_GRAVE_MAX) {
        struct fault_block **g = &h->graves[h->grave++ % FAULT_GRAVES], *old = *g;
        *g = b;
        b = old;
    }
    free(b);
}

static inline struct hkp_mem fault_mem(struct fault_heap *h) {
    if (h->head.next == NULL) h->head.next = h->head.prev = &h->head;
    return (struct hkp_mem){.user = h, .alloc = fault_alloc, .free = fault_free};
}

static inline void fault_heap_end(struct fault_heap *h) {
    for (int i = 0; i < FAULT_GRAVES; i++) free(h->graves[i]);
    free(h->copy);
}

/** 1: these bytes stand somewhere in the endpoint's memory, or in what it gave back. */
static inline int fault_heap_has(const struct fault_heap *h, const uint8_t *secret, size_t len) {
    for (const struct fault_block *b = h->head.next; b != &h->head; b = b->next)
        if (memmem(b + 1, b->size, secret, len) != NULL) return 1;
    for (int i = 0; i < FAULT_GRAVES; i++)
        if (h->graves[i] != NULL && memmem(h->graves[i] + 1, h->graves[i]->size, secret, len) != NULL)
            return 1;
    return 0;
}

static inline void fault_heap_keep(struct fault_heap *h) {
    uint8_t *at;
    if (h->copy_cap < h->bytes) {
        h->copy_cap = h->bytes + h->bytes / 2;
        h->copy = realloc(h->copy, h->copy_cap);
    }
    at = h->copy;
    for (const struct fault_block *b = h->head.next; b != &h->head; at += b->size, b = b->next)
        memcpy(at, b + 1, b->size);
}

/** Counters that a dropped packet may move, and the list of sessions that are looked at next. */
struct fault_range {
    const void *at;
    size_t len;
};

static inline int fault_allowed(const uint8_t *at, const struct fault_range *r, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (at >= (const uint8_t *)r[i].at && at < (const uint8_t *)r[i].at + r[i].len) return 1;
    return 0;
}

/** First byte that changed since fault_heap_keep() and is not among the ranges; NULL: none. */
static inline const uint8_t *fault_heap_changed(const struct fault_heap *h, const struct fault_range *r,
                                                size_t n, size_t *block, size_t *offset) {
    const uint8_t *before = h->copy;
    for (const struct fault_block *b = h->head.next; b != &h->head; before += b->size, b = b->next) {
        const uint8_t *now = (const uint8_t *)(b + 1);
        if (memcmp(now, before, b->size) == 0) continue;
        for (size_t i = 0; i < b->size; i++) {
            if (now[i] == before[i] || fault_allowed(now + i, r, n)) continue;
            *block = b->size;
            *offset = i;
            return now + i;
        }
    }
    return NULL;
}

#endif
