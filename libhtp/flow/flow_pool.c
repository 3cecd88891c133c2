/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/flow/flow_pool.h"

#include <string.h>

#include "libhtp/flow/flow.h"
#include "libter/options.h"

enum {
    BLOCKS_PER_SLAB = 16,
    STREAMS_PER_SLAB = 32,
    SMALLS_PER_SLAB = 32,
    /** keeps the items of a slab on cache lines of their own */
    SLAB_HEAD = 64
};

struct item {
    struct item *next;
};

struct slab {
    struct slab *next;
    size_t size;
};

struct kind {
    size_t item_size, per_slab;
    struct item *free;
    size_t free_count;
};

struct hkp_htp__pools {
    struct hkp_mem mem;
    size_t limit, held;
    struct slab *slabs;
    struct kind blocks, streams, smalls;
    uint8_t *scratch, *arena;
    size_t scratch_size;
};

hkp_status hkp_htp__pools_new(struct hkp_htp__pools **out, const struct hkp_mem *mem, size_t limit_bytes) {
    struct hkp_mem m = *mem;
    if (hkp_mem_import(&m) != HKP_OK) return HKP_E_INVAL;
    struct hkp_htp__pools *p = hkp_mem_alloc(&m, sizeof *p);
    if (p == NULL) return HKP_E_NOMEM;
    p->mem = m;
    p->limit = limit_bytes != 0 ? limit_bytes : HKP_HTP__POOL_BYTES;
    p->blocks.item_size = HKP_HTP__BLOCK_SIZE;
    p->blocks.per_slab = BLOCKS_PER_SLAB;
    p->streams.item_size = HKP_HTP__STREAM_SIZE;
    p->streams.per_slab = STREAMS_PER_SLAB;
    p->smalls.item_size = HKP_HTP__SMALL_SIZE;
    p->smalls.per_slab = SMALLS_PER_SLAB;
    *out = p;
    return HKP_OK;
}

void hkp_htp__pools_free(struct hkp_htp__pools *p) {
    if (p == NULL) return;
    struct hkp_mem m = p->mem;
    while (p->slabs != NULL) {
        struct slab *s = p->slabs;
        p->slabs = s->next;
        m.free(m.user, s, s->size);
    }
    if (p->scratch != NULL) m.free(m.user, p->scratch, p->scratch_size);
    if (p->arena != NULL) m.free(m.user, p->arena, HKP_HTP__ARENA_SIZE);
    m.free(m.user, p, sizeof *p);
}

size_t hkp_htp__pools_memory(const struct hkp_htp__pools *p) {
    return sizeof *p + p->held + p->scratch_size + (p->arena != NULL ? (size_t)HKP_HTP__ARENA_SIZE : 0);
}

static int grow(struct hkp_htp__pools *p, struct kind *k) {
    size_t size = SLAB_HEAD + k->per_slab * k->item_size;
    if (size > p->limit - p->held) return 0;
    uint8_t *raw = p->mem.alloc(p->mem.user, size);
    if (raw == NULL) return 0;
    struct slab *s = (struct slab *)(void *)raw;
    s->next = p->slabs;
    s->size = size;
    p->slabs = s;
    p->held += size;
    for (size_t i = k->per_slab; i-- > 0;) {
        struct item *it = (struct item *)(void *)(raw + SLAB_HEAD + i * k->item_size);
        it->next = k->free;
        k->free = it;
    }
    k->free_count += k->per_slab;
    return 1;
}

static void *take(struct hkp_htp__pools *p, struct kind *k) {
    if (k->free == NULL && !grow(p, k)) return NULL;
    struct item *it = k->free;
    k->free = it->next;
    k->free_count--;
    return it;
}

static void give(struct kind *k, void *ptr) {
    struct item *it = ptr;
    it->next = k->free;
    k->free = it;
    k->free_count++;
}

void *hkp_htp__block_take(struct hkp_htp__pools *p) { return take(p, &p->blocks); }
void hkp_htp__block_give(struct hkp_htp__pools *p, void *block) { give(&p->blocks, block); }

void *hkp_htp__stream_take(struct hkp_htp__pools *p) {
    void *stream = take(p, &p->streams);
    if (stream != NULL) memset(stream, 0, HKP_HTP__STREAM_SIZE);
    return stream;
}

void hkp_htp__stream_give(struct hkp_htp__pools *p, void *stream) { give(&p->streams, stream); }

void *hkp_htp__small_take(struct hkp_htp__pools *p) {
    void *item = take(p, &p->smalls);
    if (item != NULL) memset(item, 0, HKP_HTP__SMALL_SIZE);
    return item;
}

void hkp_htp__small_give(struct hkp_htp__pools *p, void *item) { give(&p->smalls, item); }

static int has(struct hkp_htp__pools *p, struct kind *k, size_t count) {
    while (k->free_count < count)
        if (!grow(p, k)) return 0;
    return 1;
}

int hkp_htp__pools_reserve(struct hkp_htp__pools *p, size_t blocks, size_t streams, size_t smalls) {
    return has(p, &p->blocks, blocks) && has(p, &p->streams, streams) && has(p, &p->smalls, smalls);
}

uint8_t *hkp_htp__pools_scratch(struct hkp_htp__pools *p, size_t size) {
    if (size <= p->scratch_size) return p->scratch;
    /* Doubling: a peer that sends ever longer messages costs few allocations. */
    size_t want = p->scratch_size != 0 ? p->scratch_size : HKP_HTP__BLOCK_SIZE;
    while (want < size) want *= 2;
    uint8_t *bigger = p->mem.alloc(p->mem.user, want);
    if (bigger == NULL) return NULL;
    if (p->scratch != NULL) p->mem.free(p->mem.user, p->scratch, p->scratch_size);
    p->scratch = bigger;
    p->scratch_size = want;
    return bigger;
}

uint8_t *hkp_htp__pools_arena(struct hkp_htp__pools *p) {
    if (p->arena == NULL) p->arena = p->mem.alloc(p->mem.user, HKP_HTP__ARENA_SIZE);
    return p->arena;
}
