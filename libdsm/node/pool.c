/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libdsm/node/pool.h"

#include <assert.h>
#include <string.h>

#define POOL_NONE 0xFFFFFFFFU

enum { TAG_FREE = 0x80, TAG_INSIDE = 0x7F };

/* A free piece holds its neighbours in the list. */
struct link {
    uint32_t prev, next;
};

size_t hkp_dsm__pool_tag_bytes(size_t bytes) { return bytes / POOL_UNIT; }

static struct link *link_of(const struct hkp_dsm__pool *p, uint32_t unit) {
    return (struct link *)(void *)(p->base + (size_t)unit * POOL_UNIT);
}

static void list_put(struct hkp_dsm__pool *p, uint32_t unit, unsigned order) {
    struct link *l = link_of(p, unit);
    l->prev = POOL_NONE;
    l->next = p->free_list[order];
    if (l->next != POOL_NONE) link_of(p, l->next)->prev = unit;
    p->free_list[order] = unit;
    p->tag[unit] = (uint8_t)(TAG_FREE | order);
}

static void list_remove(struct hkp_dsm__pool *p, uint32_t unit, unsigned order) {
    struct link *l = link_of(p, unit);
    if (l->prev != POOL_NONE)
        link_of(p, l->prev)->next = l->next;
    else
        p->free_list[order] = l->next;
    if (l->next != POOL_NONE) link_of(p, l->next)->prev = l->prev;
    p->tag[unit] = TAG_INSIDE;
}

void hkp_dsm__pool_init(struct hkp_dsm__pool *p, uint8_t *base, uint8_t *tag, size_t bytes) {
    *p = (struct hkp_dsm__pool){.base = base, .tag = tag, .units = bytes / POOL_UNIT};
    memset(tag, TAG_INSIDE, p->units);
    for (unsigned o = 0; o < POOL_ORDERS; o++) p->free_list[o] = POOL_NONE;
    size_t unit = 0;
    while (unit < p->units) {
        unsigned order = POOL_ORDERS - 1;
        while ((unit & (((size_t)1 << order) - 1)) != 0 || unit + ((size_t)1 << order) > p->units) order--;
        list_put(p, (uint32_t)unit, order);
        unit += (size_t)1 << order;
    }
}

void *hkp_dsm__pool_take(struct hkp_dsm__pool *p, size_t size) {
    unsigned order = 0;
    while (order < POOL_ORDERS && ((size_t)POOL_UNIT << order) < size) order++;
    unsigned from = order;
    while (from < POOL_ORDERS && p->free_list[from] == POOL_NONE) from++;
    if (from >= POOL_ORDERS) return NULL;
    uint32_t unit = p->free_list[from];
    list_remove(p, unit, from);
    while (from > order) {
        from--;
        list_put(p, unit + (1U << from), from);
    }
    p->tag[unit] = (uint8_t)order;
    p->used += (size_t)1 << order;
    return p->base + (size_t)unit * POOL_UNIT;
}

void hkp_dsm__pool_give(struct hkp_dsm__pool *p, void *ptr) {
    uint32_t unit = (uint32_t)((size_t)((uint8_t *)ptr - p->base) / POOL_UNIT);
    unsigned order = p->tag[unit];
    assert(order < POOL_ORDERS);
    p->used -= (size_t)1 << order;
    p->tag[unit] = TAG_INSIDE;
    while (order + 1 < POOL_ORDERS) {
        uint32_t buddy = unit ^ (1U << order);
        if ((size_t)buddy + ((size_t)1 << order) > p->units || p->tag[buddy] != (TAG_FREE | order)) break;
        list_remove(p, buddy, order);
        if (buddy < unit) unit = buddy;
        order++;
    }
    list_put(p, unit, order);
}

struct hkp_dsm__blob *hkp_dsm__blob_new(struct hkp_dsm__pool *p, size_t room) {
    struct hkp_dsm__blob *b = hkp_dsm__pool_take(p, sizeof *b + room);
    if (b == NULL) return NULL;
    b->refs = 1;
    b->len = (uint32_t)room;
    b->ptr = (uint8_t *)(b + 1);
    return b;
}

struct hkp_dsm__blob *hkp_dsm__blob_copy(struct hkp_dsm__pool *p, const uint8_t *bytes, size_t len) {
    struct hkp_dsm__blob *b = hkp_dsm__blob_new(p, len);
    if (b != NULL && len > 0) memcpy(b->ptr, bytes, len);
    return b;
}

struct hkp_dsm__blob *hkp_dsm__blob_hold(struct hkp_dsm__blob *b) {
    b->refs++;
    return b;
}

void hkp_dsm__blob_drop(struct hkp_dsm__pool *p, struct hkp_dsm__blob *b) {
    if (b == NULL) return;
    assert(b->refs > 0);
    if (--b->refs == 0) hkp_dsm__pool_give(p, b);
}
