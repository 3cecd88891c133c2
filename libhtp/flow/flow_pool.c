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
    SLAB_HEAD = 128,
    /** before each item: the slab it is of */
    ITEM_HEAD = 16,
    /** one part of so many is for what keeps sessions alive; data may fill the others */
    RESERVE_PARTS = 8
};

#define TRIM_EVERY UINT64_C(1000000000)

/** A free one; its slab stands before it. */
struct item {
    struct item *next;
};

struct slab {
    /** all slabs of the pools; those of the kind that have free items, empty ones last */
    struct slab *all_next, *all_prev, *next, *prev;
    struct item *free;
    size_t size, used;
};

struct kind {
    size_t item_size, per_slab;
    struct slab *first, *last;
    size_t free_count;
    /** slabs of which nothing is in use, and the fewest that there were since the last trim */
    size_t empty, least_empty;
};

struct hkp_htp__pools {
    struct hkp_mem mem;
    /** data: bytes of blocks and streams in use but for records */
    size_t limit, held, data;
    struct slab *slabs;
    struct kind blocks, streams, smalls;
    uint8_t *scratch, *arena, *packer;
    size_t scratch_size;
    hkp_time trimmed;
};

_Static_assert(sizeof(struct slab) <= SLAB_HEAD && sizeof(struct slab *) <= ITEM_HEAD, "heads have room");

hkp_status hkp_htp__pools_new(struct hkp_htp__pools **out, const struct hkp_mem *mem, size_t limit_bytes) {
    struct hkp_mem m = *mem;
    if (hkp_mem_import(&m) != HKP_OK) return HKP_E_INVAL;
    struct hkp_htp__pools *p = hkp_mem_alloc(&m, sizeof *p);
    if (p == NULL) return HKP_E_NOMEM;
    p->mem = m;
    p->limit = limit_bytes != 0 ? limit_bytes : HKP_HTP__POOL_BYTES;
    p->blocks = (struct kind){.item_size = HKP_HTP__BLOCK_SIZE, .per_slab = BLOCKS_PER_SLAB};
    p->streams = (struct kind){.item_size = HKP_HTP__STREAM_SIZE, .per_slab = STREAMS_PER_SLAB};
    p->smalls = (struct kind){.item_size = HKP_HTP__SMALL_SIZE, .per_slab = SMALLS_PER_SLAB};
    *out = p;
    return HKP_OK;
}

size_t hkp_htp__pools_limit(const struct hkp_htp__pools *p) { return p->limit; }

void hkp_htp__pools_free(struct hkp_htp__pools *p) {
    if (p == NULL) return;
    struct hkp_mem m = p->mem;
    while (p->slabs != NULL) {
        struct slab *s = p->slabs;
        p->slabs = s->all_next;
        m.free(m.user, s, s->size);
    }
    if (p->scratch != NULL) m.free(m.user, p->scratch, p->scratch_size);
    if (p->arena != NULL) m.free(m.user, p->arena, HKP_HTP__ARENA_SIZE);
    if (p->packer != NULL) m.free(m.user, p->packer, HKP_HTP__PACKER_SIZE);
    m.free(m.user, p, sizeof *p);
}

size_t hkp_htp__pools_memory(const struct hkp_htp__pools *p) {
    return sizeof *p + p->held + p->scratch_size + (p->arena != NULL ? (size_t)HKP_HTP__ARENA_SIZE : 0) +
           (p->packer != NULL ? (size_t)HKP_HTP__PACKER_SIZE : 0);
}

/* ---- slabs ---- */

static void put_first(struct kind *k, struct slab *s) {
    s->prev = NULL;
    s->next = k->first;
    *(k->first != NULL ? &k->first->prev : &k->last) = s;
    k->first = s;
}

static void put_last(struct kind *k, struct slab *s) {
    s->next = NULL;
    s->prev = k->last;
    *(k->last != NULL ? &k->last->next : &k->first) = s;
    k->last = s;
}

static void take_out(struct kind *k, struct slab *s) {
    *(s->prev != NULL ? &s->prev->next : &k->first) = s->next;
    *(s->next != NULL ? &s->next->prev : &k->last) = s->prev;
}

/* One slab more, within limit. */
static int grow(struct hkp_htp__pools *p, struct kind *k, size_t limit) {
    const size_t stride = ITEM_HEAD + k->item_size, size = SLAB_HEAD + k->per_slab * stride;
    if (p->held > limit || size > limit - p->held) return 0;
    uint8_t *raw = p->mem.alloc(p->mem.user, size);
    if (raw == NULL) return 0;
    struct slab *s = (struct slab *)(void *)raw;
    *s = (struct slab){.size = size, .all_next = p->slabs};
    if (p->slabs != NULL) p->slabs->all_prev = s;
    p->slabs = s;
    p->held += size;
    for (size_t i = k->per_slab; i-- > 0;) {
        uint8_t *head = raw + SLAB_HEAD + i * stride;
        struct item *it = (struct item *)(void *)(head + ITEM_HEAD);
        memcpy(head, &s, sizeof s);
        it->next = s->free;
        s->free = it;
    }
    k->free_count += k->per_slab;
    k->empty++;
    put_last(k, s);
    return 1;
}

static void shrink(struct hkp_htp__pools *p, struct kind *k) {
    struct slab *s = k->last;
    take_out(k, s);
    *(s->all_prev != NULL ? &s->all_prev->all_next : &p->slabs) = s->all_next;
    if (s->all_next != NULL) s->all_next->all_prev = s->all_prev;
    p->held -= s->size;
    k->free_count -= k->per_slab;
    k->empty--;
    p->mem.free(p->mem.user, s, s->size);
}

/* One empty slab stays, so that a packet now and then allocates nothing. */
static void trim(struct hkp_htp__pools *p, struct kind *k) {
    while (k->least_empty > 0 && k->empty > 1) {
        shrink(p, k);
        k->least_empty--;
    }
    k->least_empty = k->empty;
}

void hkp_htp__pools_tick(struct hkp_htp__pools *p, hkp_time now) {
    if (now - p->trimmed < TRIM_EVERY) return;
    p->trimmed = now;
    trim(p, &p->blocks);
    trim(p, &p->streams);
    trim(p, &p->smalls);
}

void hkp_htp__pools_rest(struct hkp_htp__pools *p) {
    struct kind *const kinds[] = {&p->blocks, &p->streams, &p->smalls};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kinds[i]->least_empty = kinds[i]->empty;
        trim(p, kinds[i]);
    }
}

/* ---- items ---- */

static void *take(struct hkp_htp__pools *p, struct kind *k, size_t limit) {
    if (k->first == NULL && !grow(p, k, limit)) return NULL;
    struct slab *s = k->first;
    struct item *it = s->free;
    s->free = it->next;
    k->free_count--;
    if (s->used++ == 0 && --k->empty < k->least_empty) k->least_empty = k->empty;
    if (s->free == NULL) take_out(k, s);
    return it;
}

static void give(struct kind *k, void *ptr) {
    struct item *it = ptr;
    struct slab *s;
    memcpy(&s, (uint8_t *)ptr - ITEM_HEAD, sizeof s);
    const int was_full = s->free == NULL;
    it->next = s->free;
    s->free = it;
    s->used--;
    k->free_count++;
    if (s->used > 0) {
        if (was_full) put_first(k, s);
        return;
    }
    if (!was_full) take_out(k, s);
    k->empty++;
    put_last(k, s);
}

/* What data may fill: a peer that makes us hold much must not keep others from their heartbeats and rekeys.
 */
static size_t data_limit(const struct hkp_htp__pools *p) { return p->limit - p->limit / RESERVE_PARTS; }

static void *take_data(struct hkp_htp__pools *p, struct kind *k) {
    if (p->data + k->item_size > data_limit(p)) return NULL;
    void *item = take(p, k, data_limit(p));
    if (item != NULL) p->data += k->item_size;
    return item;
}

static void give_data(struct hkp_htp__pools *p, struct kind *k, void *item) {
    p->data -= k->item_size;
    give(k, item);
}

void *hkp_htp__block_take(struct hkp_htp__pools *p) { return take_data(p, &p->blocks); }
void hkp_htp__block_give(struct hkp_htp__pools *p, void *block) { give_data(p, &p->blocks, block); }

void *hkp_htp__record_take(struct hkp_htp__pools *p) { return take(p, &p->blocks, p->limit); }
void hkp_htp__record_give(struct hkp_htp__pools *p, void *block) { give(&p->blocks, block); }

void *hkp_htp__stream_take(struct hkp_htp__pools *p) {
    void *stream = take_data(p, &p->streams);
    if (stream != NULL) memset(stream, 0, HKP_HTP__STREAM_SIZE);
    return stream;
}

void hkp_htp__stream_give(struct hkp_htp__pools *p, void *stream) { give_data(p, &p->streams, stream); }

void *hkp_htp__small_take(struct hkp_htp__pools *p) {
    void *item = take(p, &p->smalls, p->limit);
    if (item != NULL) memset(item, 0, HKP_HTP__SMALL_SIZE);
    return item;
}

void hkp_htp__small_give(struct hkp_htp__pools *p, void *item) { give(&p->smalls, item); }

static int has(struct hkp_htp__pools *p, struct kind *k, size_t count, size_t limit) {
    while (k->free_count < count)
        if (!grow(p, k, limit)) return 0;
    return 1;
}

int hkp_htp__pools_reserve(struct hkp_htp__pools *p, size_t blocks, size_t streams, size_t smalls) {
    const size_t limit = data_limit(p), data = blocks * HKP_HTP__BLOCK_SIZE + streams * HKP_HTP__STREAM_SIZE;
    if (p->data + data > limit) return 0;
    return has(p, &p->blocks, blocks, limit) && has(p, &p->streams, streams, limit) &&
           has(p, &p->smalls, smalls, p->limit);
}

int hkp_htp__pools_share(const struct hkp_htp__pools *p, size_t held, size_t more) {
    const size_t limit = data_limit(p), taken = p->data / HKP_HTP__BLOCK_SIZE + more;
    const size_t slabs = p->held < limit ? (limit - p->held) / HKP_HTP__BLOCK_SIZE : 0;
    size_t left = taken < limit / HKP_HTP__BLOCK_SIZE ? limit / HKP_HTP__BLOCK_SIZE - taken : 0;
    /* Records and streams have slabs of their own: less than is not in use may be left for blocks. */
    const size_t there = p->blocks.free_count + slabs > more ? p->blocks.free_count + slabs - more : 0;
    if (there < left) left = there;
    return more == 0 || held + more <= HKP_HTP__POOL_LEAST || held + more <= HKP_HTP__POOL_SHARE * left;
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

uint8_t *hkp_htp__pools_packer(struct hkp_htp__pools *p) {
    if (p->packer == NULL) p->packer = p->mem.alloc(p->mem.user, HKP_HTP__PACKER_SIZE);
    return p->packer;
}
