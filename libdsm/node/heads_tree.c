/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Level 0 holds the leaf hashes, level k + 1 the hash of each pair of level k; a last node without a partner
 * is taken over as it is. That is the tree of RFC 9162 for every size.
 */
#include "libdsm/node/heads_tree.h"
#include "libter/options.h"

#include <string.h>

enum { LEVELS = 18, ABSENT = 2 }; /* 2^17 = HKP_DSM__HEADS_MAX leaves */

struct hkp_dsm__heads {
    struct hkp_mem mem;
    size_t bytes; /* of this allocation */
    size_t capacity, count;
    struct hkp_dsm__head *heads;
    uint32_t *changed; /* positions of one apply, ascending */
    uint8_t (*level[LEVELS])[32];
    uint8_t root[32];
};

static size_t size_at(size_t count, size_t level) { return (count + ((size_t)1 << level) - 1) >> level; }

static void set_root(struct hkp_dsm__heads *h) {
    struct hkp_dsm__merkle empty = {.size = 0};
    size_t top = 0;
    while (size_at(h->count, top) > 1) top++;
    if (h->count == 0)
        hkp_dsm__merkle_root(&empty, h->root);
    else
        memcpy(h->root, h->level[top][0], 32);
}

hkp_status hkp_dsm__heads_new(struct hkp_dsm__heads **out, size_t capacity, const struct hkp_mem *mem) {
    size_t hashes = 0;
    if (capacity < 1 || capacity > HKP_DSM__HEADS_MAX) return HKP_E_INVAL;
    for (size_t k = 0; k < LEVELS; k++) hashes += size_at(capacity, k);
    const size_t heads_at = (sizeof(struct hkp_dsm__heads) + 15) & ~(size_t)15;
    const size_t hashes_at = heads_at + capacity * sizeof(struct hkp_dsm__head);
    const size_t bytes = hashes_at + hashes * 32 + capacity * sizeof(uint32_t);
    struct hkp_mem own = *mem;
    hkp_status st = hkp_mem_import(&own);
    if (st != HKP_OK) return st;
    uint8_t *block = hkp_mem_alloc(&own, bytes);
    if (block == NULL) return HKP_E_NOMEM;
    struct hkp_dsm__heads *h = (struct hkp_dsm__heads *)(void *)block;
    *h = (struct hkp_dsm__heads){.mem = own, .bytes = bytes, .capacity = capacity};
    h->heads = (struct hkp_dsm__head *)(void *)(block + heads_at);
    uint8_t(*at)[32] = (uint8_t(*)[32])(void *)(block + hashes_at);
    for (size_t k = 0; k < LEVELS; k++) {
        h->level[k] = at;
        at += size_at(capacity, k);
    }
    h->changed = (uint32_t *)(void *)at;
    set_root(h);
    *out = h;
    return HKP_OK;
}

void hkp_dsm__heads_free(struct hkp_dsm__heads *h) {
    if (h == NULL) return;
    struct hkp_mem mem = h->mem;
    hkp_mem_free(&mem, h, h->bytes);
}

size_t hkp_dsm__heads_count(const struct hkp_dsm__heads *h) { return h->count; }
const uint8_t *hkp_dsm__heads_root(const struct hkp_dsm__heads *h) { return h->root; }
const struct hkp_dsm__head *hkp_dsm__heads_at(const struct hkp_dsm__heads *h, size_t position) {
    return &h->heads[position];
}

/* First position whose node_id is not below this one. */
static size_t lower_bound(const struct hkp_dsm__heads *h, const uint8_t node_id[16]) {
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(h->heads[middle].node_id, node_id, 16) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ptrdiff_t hkp_dsm__heads_find(const struct hkp_dsm__heads *h, const uint8_t node_id[16]) {
    size_t at = lower_bound(h, node_id);
    return at < h->count && memcmp(h->heads[at].node_id, node_id, 16) == 0 ? (ptrdiff_t)at : -1;
}

static void move_leaf(struct hkp_dsm__heads *h, size_t to, size_t from) {
    if (to == from) return;
    h->heads[to] = h->heads[from];
    memcpy(h->level[0][to], h->level[0][from], 32);
}

/* Close the gaps of heads that leave; returns the first position that moved, or the count. */
static size_t take_away(struct hkp_dsm__heads *h, const struct hkp_dsm__head *changes, size_t n) {
    size_t to = h->count, from, next = 0;
    for (next = 0; next < n && to == h->count; next++)
        if (changes[next].status == ABSENT && hkp_dsm__heads_find(h, changes[next].node_id) >= 0)
            to = (size_t)hkp_dsm__heads_find(h, changes[next].node_id);
    const size_t first = to;
    for (from = to + (to < h->count); from < h->count; from++) {
        while (next < n && memcmp(changes[next].node_id, h->heads[from].node_id, 16) < 0) next++;
        const int leaves = next < n && changes[next].status == ABSENT &&
                           memcmp(changes[next].node_id, h->heads[from].node_id, 16) == 0;
        if (!leaves) move_leaf(h, to++, from);
    }
    if (first < h->count) h->count = to;
    return first;
}

/* Open gaps for new heads, from the back; returns the first position that moved, or the old count. */
static size_t make_room(struct hkp_dsm__heads *h, const struct hkp_dsm__head *changes, size_t n,
                        size_t n_new) {
    size_t from = h->count, to = h->count + n_new, first = h->count;
    for (size_t i = n; i > 0 && from != to; i--) {
        const struct hkp_dsm__head *c = &changes[i - 1];
        if (c->status == ABSENT || hkp_dsm__heads_find(h, c->node_id) >= 0) continue;
        size_t at = lower_bound(h, c->node_id);
        while (from > at) move_leaf(h, --to, --from);
        h->heads[--to] = *c;
        first = to;
        h->count = from; /* what was moved is not searched again */
    }
    return first;
}

static void hash_node(struct hkp_dsm__heads *h, size_t level, size_t index) {
    const size_t left = index * 2, below = size_at(h->count, level - 1);
    if (left + 1 < below)
        hkp_dsm__merkle_node(h->level[level][index], h->level[level - 1][left],
                             h->level[level - 1][left + 1]);
    else
        memcpy(h->level[level][index], h->level[level - 1][left], 32);
}

/* Inner nodes above the n changed positions below dirty, and all at or behind it. */
static void hash_up(struct hkp_dsm__heads *h, size_t n, size_t dirty) {
    for (size_t level = 1; level < LEVELS && size_at(h->count, level - 1) > 1; level++) {
        const size_t from = dirty >> level, size = size_at(h->count, level);
        for (size_t i = 0; i < n; i++) {
            size_t index = h->changed[i] >> level;
            if (index < from && (i == 0 || index != h->changed[i - 1] >> level)) hash_node(h, level, index);
        }
        for (size_t index = from; index < size; index++) hash_node(h, level, index);
    }
    set_root(h);
}

hkp_status hkp_dsm__heads_apply(struct hkp_dsm__heads *h, const struct hkp_dsm__head *changes, size_t n,
                                struct hkp_dsm__head *undo) {
    size_t n_new = 0, n_gone = 0, n_changed = 0;
    if (n > h->capacity * 2) return HKP_E_LIMIT;
    for (size_t i = 0; i < n; i++) {
        const int is_there = hkp_dsm__heads_find(h, changes[i].node_id) >= 0;
        if (i > 0 && memcmp(changes[i - 1].node_id, changes[i].node_id, 16) >= 0) return HKP_E_INVAL;
        n_new += !is_there && changes[i].status != ABSENT;
        n_gone += is_there && changes[i].status == ABSENT;
    }
    if (h->count - n_gone + n_new > h->capacity) return HKP_E_LIMIT;
    for (size_t i = 0; i < n && undo != NULL; i++) {
        const ptrdiff_t at = hkp_dsm__heads_find(h, changes[i].node_id);
        struct hkp_dsm__head absent = {.status = ABSENT};
        memcpy(absent.node_id, changes[i].node_id, 16);
        undo[i] = at >= 0 ? h->heads[at] : absent;
    }

    size_t dirty = n_gone > 0 ? take_away(h, changes, n) : SIZE_MAX;
    const size_t count = h->count + n_new;
    if (n_new > 0) {
        size_t first = make_room(h, changes, n, n_new);
        if (first < dirty) dirty = first;
    }
    h->count = count;
    for (size_t i = 0; i < n; i++) {
        uint8_t leaf[HKP_DSM__LEAF_MAX];
        if (changes[i].status == ABSENT) continue;
        const size_t at = (size_t)hkp_dsm__heads_find(h, changes[i].node_id);
        h->heads[at] = changes[i];
        hkp_dsm__merkle_leaf(h->level[0][at], leaf, hkp_dsm__head_leaf(&changes[i], leaf));
        h->changed[n_changed++] = (uint32_t)at;
    }
    hash_up(h, n_changed, dirty == SIZE_MAX ? h->count : dirty);
    return HKP_OK;
}

const uint8_t *hkp_dsm__heads_node(const struct hkp_dsm__heads *h, size_t level, size_t index) {
    return h->level[level][index];
}

size_t hkp_dsm__heads_room(const struct hkp_dsm__heads *h) { return h->capacity; }

size_t hkp_dsm__heads_prove(const struct hkp_dsm__heads *h, size_t level, size_t index,
                            uint8_t (*hashes)[32]) {
    size_t n = 0;
    for (size_t k = level; k < LEVELS && size_at(h->count, k) > 1; k++, index >>= 1)
        if ((index ^ 1) < size_at(h->count, k)) memcpy(hashes[n++], h->level[k][index ^ 1], 32);
    return n;
}
