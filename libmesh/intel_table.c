/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Records, their text in cells, the index and the wheel of expiry (M-CACHE-1, M-CACHE-4). No allocation here.
 */
#include "libmesh/intel.h"

#include <assert.h>
#include <string.h>

#define EVICT_SAMPLE 16
#define EVICT_TRIES 256
#define TECHNIQUE_BYTES 12

uint64_t hkp_mesh__intel_hash(const hkp_mesh_intel *t, const void *bytes, size_t len) {
    uint64_t h;
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, bytes, len, t->secret_key);
    memcpy(&h, out, sizeof h);
    return h;
}

void hkp_mesh__table_init(hkp_mesh_intel *t) {
    for (uint32_t i = 0; i < t->recs_cap; i++) t->recs[i].next = i + 1 < t->recs_cap ? i + 1 : HKP_MESH__NIL;
    for (uint32_t i = 0; i < t->cells_cap; i++)
        t->cells[i].next = i + 1 < t->cells_cap ? i + 1 : HKP_MESH__NIL;
    for (uint32_t i = 0; i < t->index_cap; i++) t->index[i].rec = HKP_MESH__NIL;
    for (uint32_t i = 0; i < HKP_MESH__WHEEL_SLOTS; i++) t->wheel[i] = HKP_MESH__NIL;
    t->cells_left = t->cells_cap;
}

/* ---- data ---- */

static size_t data_len(const struct hkp_mesh_record *r) {
    return r->value_len + r->context_len + (size_t)r->technique_count * TECHNIQUE_BYTES;
}

static int fits_inline(const struct hkp_mesh_record *r) {
    return r->ioc_type == HKP_MESH_IOC_IP4 && r->context == NULL && r->technique_count == 0;
}

uint32_t hkp_mesh__table_cells(const struct hkp_mesh_record *r) {
    return fits_inline(r) ? 0 : (uint32_t)((data_len(r) + HKP_MESH__CELL_BYTES - 1) / HKP_MESH__CELL_BYTES);
}

void hkp_mesh__rec_data(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, size_t at, uint8_t *dst,
                        size_t len) {
    if (r->state & HKP_MESH__REC_INLINE) {
        assert(at + len <= sizeof r->data);
        memcpy(dst, (const uint8_t *)&r->data + at, len);
        return;
    }
    uint32_t cell = r->data;
    for (; at >= HKP_MESH__CELL_BYTES; at -= HKP_MESH__CELL_BYTES) cell = t->cells[cell].next;
    while (len > 0) {
        const size_t n = HKP_MESH__CELL_BYTES - at < len ? HKP_MESH__CELL_BYTES - at : len;
        memcpy(dst, t->cells[cell].bytes + at, n);
        dst += n;
        len -= n;
        at = 0;
        cell = t->cells[cell].next;
    }
}

static int same_value(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint32_t type,
                      const uint8_t *value, size_t len) {
    if (r->ioc_type != type || r->value_len != len) return 0;
    if (r->state & HKP_MESH__REC_INLINE) return memcmp(&r->data, value, len) == 0;
    uint32_t cell = r->data;
    for (size_t at = 0; at < len; at += HKP_MESH__CELL_BYTES, cell = t->cells[cell].next) {
        const size_t n = len - at < HKP_MESH__CELL_BYTES ? len - at : HKP_MESH__CELL_BYTES;
        if (memcmp(t->cells[cell].bytes, value + at, n) != 0) return 0;
    }
    return 1;
}

static void put_data(hkp_mesh_intel *t, uint32_t *cell, size_t *at, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        if (*at == HKP_MESH__CELL_BYTES) {
            *cell = t->cells[*cell].next;
            *at = 0;
        }
        const size_t n = HKP_MESH__CELL_BYTES - *at < len ? HKP_MESH__CELL_BYTES - *at : len;
        memcpy(t->cells[*cell].bytes + *at, bytes, n);
        *at += n;
        bytes += n;
        len -= n;
    }
}

static void store_data(hkp_mesh_intel *t, struct hkp_mesh__rec *rec, const struct hkp_mesh_record *r,
                       uint32_t n) {
    if (n == 0) {
        memcpy(&rec->data, r->value, sizeof rec->data);
        rec->state |= HKP_MESH__REC_INLINE;
        return;
    }
    uint32_t last = t->cells_free;
    rec->data = t->cells_free;
    for (uint32_t i = 1; i < n; i++) last = t->cells[last].next;
    t->cells_free = t->cells[last].next;
    t->cells[last].next = HKP_MESH__NIL;
    t->cells_left -= n;

    uint32_t cell = rec->data;
    size_t at = 0;
    put_data(t, &cell, &at, r->value, r->value_len);
    put_data(t, &cell, &at, r->context, r->context_len);
    for (unsigned i = 0; i < r->technique_count; i++)
        put_data(t, &cell, &at, (const uint8_t *)r->technique[i], TECHNIQUE_BYTES);
}

static void free_data(hkp_mesh_intel *t, const struct hkp_mesh__rec *rec) {
    if (rec->state & HKP_MESH__REC_INLINE) return;
    uint32_t last = rec->data, n = 1;
    for (; t->cells[last].next != HKP_MESH__NIL; n++) last = t->cells[last].next;
    t->cells[last].next = t->cells_free;
    t->cells_free = rec->data;
    t->cells_left += n;
}

void hkp_mesh__rec_key(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint8_t key[16]) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    hkp_mesh__rec_data(t, r, 0, value, r->value_len);
    hkp_mesh_ioc_key(r->ioc_type, value, r->value_len, key);
}

uint32_t hkp_mesh__rec_confidence(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint64_t now_s) {
    return hkp_mesh__decay(hkp_mesh_ioc_ttl_max(r->ioc_type),
                           r->confidence & ~(unsigned)HKP_MESH__PENDING_BIT, t->base_s + r->from_s,
                           hkp_mesh__rec_until(t, r), now_s);
}

/* ---- index: open addressing, linear, deletion by moving back ---- */

static uint32_t home_of(const hkp_mesh_intel *t, uint32_t tag) {
    return (uint32_t)((uint64_t)tag * t->index_cap >> 32);
}

static uint32_t tag_of(const hkp_mesh_intel *t, const uint8_t key[16]) {
    return (uint32_t)(hkp_mesh__intel_hash(t, key, 16) >> 32);
}

static uint32_t step(const hkp_mesh_intel *t, uint32_t at) { return at + 1 < t->index_cap ? at + 1 : 0; }

/* Place of an indicator, or NIL. value NULL: compare keys. */
static uint32_t find_slot(const hkp_mesh_intel *t, const uint8_t key[16], uint32_t type, const uint8_t *value,
                          size_t len) {
    const uint32_t tag = tag_of(t, key);
    uint32_t at = home_of(t, tag);
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = step(t, at)) {
        const struct hkp_mesh__slot *s = &t->index[at];
        if (s->rec == HKP_MESH__NIL) return HKP_MESH__NIL;
        if (s->tag != tag) continue;
        uint8_t other[16];
        if (value != NULL) {
            if (same_value(t, &t->recs[s->rec], type, value, len)) return at;
        } else {
            hkp_mesh__rec_key(t, &t->recs[s->rec], other);
            if (memcmp(other, key, 16) == 0) return at;
        }
    }
    return HKP_MESH__NIL;
}

uint32_t hkp_mesh__table_find(const hkp_mesh_intel *t, const uint8_t key[16], uint32_t type,
                              const uint8_t *value, size_t len) {
    const uint32_t at = find_slot(t, key, type, value, len);
    return at == HKP_MESH__NIL ? HKP_MESH__NIL : t->index[at].rec;
}

uint32_t hkp_mesh__table_find_key(const hkp_mesh_intel *t, const uint8_t key[16]) {
    const uint32_t at = find_slot(t, key, 0, NULL, 0);
    return at == HKP_MESH__NIL ? HKP_MESH__NIL : t->index[at].rec;
}

/* First empty place for a key within the probe bound, or NIL. */
static uint32_t empty_slot(const hkp_mesh_intel *t, uint32_t tag) {
    uint32_t at = home_of(t, tag);
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = step(t, at))
        if (t->index[at].rec == HKP_MESH__NIL) return at;
    return HKP_MESH__NIL;
}

/* Closes the gap, so that no search stops too early. */
static void erase_slot(hkp_mesh_intel *t, uint32_t gap) {
    uint32_t at = gap;
    for (;;) {
        at = step(t, at);
        if (t->index[at].rec == HKP_MESH__NIL) break;
        const uint32_t home = home_of(t, t->index[at].tag);
        const uint32_t from_home = (at + t->index_cap - home) % t->index_cap;
        const uint32_t from_gap = (at + t->index_cap - gap) % t->index_cap;
        if (from_home < from_gap) continue; /* its home is behind the gap */
        t->index[gap] = t->index[at];
        gap = at;
    }
    t->index[gap].rec = HKP_MESH__NIL;
}

/* ---- wheel ---- */

static uint32_t wheel_slot(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r) {
    const uint64_t tick = (hkp_mesh__rec_until(t, r) - t->base_s) / HKP_MESH__WHEEL_TICK_S;
    return (uint32_t)(tick % HKP_MESH__WHEEL_SLOTS);
}

static void wheel_link(hkp_mesh_intel *t, uint32_t rec) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    uint32_t *first = &t->wheel[wheel_slot(t, r)];
    r->due_prev = HKP_MESH__NIL;
    r->due_next = *first;
    if (*first != HKP_MESH__NIL) t->recs[*first].due_prev = rec;
    *first = rec;
}

static void wheel_unlink(hkp_mesh_intel *t, uint32_t rec) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    if (r->due_next != HKP_MESH__NIL) t->recs[r->due_next].due_prev = r->due_prev;
    if (r->due_prev != HKP_MESH__NIL)
        t->recs[r->due_prev].due_next = r->due_next;
    else
        t->wheel[wheel_slot(t, r)] = r->due_next;
}

uint32_t hkp_mesh__table_expire(hkp_mesh_intel *t, uint64_t now_s) {
    const uint64_t now_tick = (now_s - t->base_s) / HKP_MESH__WHEEL_TICK_S;
    uint32_t removed = 0;
    if (now_tick - t->wheel_at > HKP_MESH__WHEEL_SLOTS) t->wheel_at = now_tick - HKP_MESH__WHEEL_SLOTS;
    while (t->wheel_at < now_tick) { /* the slot of the running tick still holds live records */
        uint32_t rec = t->wheel[t->wheel_at++ % HKP_MESH__WHEEL_SLOTS];
        while (rec != HKP_MESH__NIL) {
            const uint32_t next = t->recs[rec].due_next;
            if (hkp_mesh__rec_until(t, &t->recs[rec]) <= now_s) {
                hkp_mesh__table_remove(t, rec);
                removed++;
            }
            rec = next;
        }
    }
    return removed;
}

/* ---- records ---- */

static uint32_t *prefix_count(hkp_mesh_intel *t, const struct hkp_mesh__rec *r) {
    uint8_t bits;
    if (r->ioc_type != HKP_MESH_IOC_CIDR4 && r->ioc_type != HKP_MESH_IOC_CIDR6) return NULL;
    hkp_mesh__rec_data(t, r, r->value_len - 1U, &bits, 1);
    return r->ioc_type == HKP_MESH_IOC_CIDR4 ? &t->prefix4[bits] : &t->prefix6[bits];
}

uint32_t hkp_mesh__table_take(hkp_mesh_intel *t, const struct hkp_mesh_record *r, uint32_t n_cells) {
    const uint32_t rec = t->recs_free;
    struct hkp_mesh__rec *to = &t->recs[rec];
    assert(rec != HKP_MESH__NIL && n_cells <= t->cells_left);
    t->recs_free = to->next;
    t->recs_used++;
    *to = (struct hkp_mesh__rec){
        .from_s = (uint32_t)(r->valid_from_s - t->base_s),
        .ttl_s = (uint32_t)(r->valid_until_s - r->valid_from_s),
        .rule = r->rule,
        .value_len = (uint16_t)r->value_len,
        .context_len = (uint16_t)r->context_len,
        .threat = r->threat,
        .ioc_type = r->ioc_type,
        .state = (uint8_t)(HKP_MESH__REC_USED | (r->has_rule ? HKP_MESH__REC_HAS_RULE : 0) |
                           (r->context != NULL ? HKP_MESH__REC_HAS_CONTEXT : 0)),
        .confidence = r->confidence,
        .grade = (uint8_t)(r->severity | r->tlp << 3),
        .proof = (uint8_t)(r->evidence | r->technique_count << 2),
    };
    store_data(t, to, r, n_cells);
    return rec;
}

void hkp_mesh__table_link(hkp_mesh_intel *t, uint32_t rec, uint32_t head, const uint8_t key[16]) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    r->next = HKP_MESH__NIL;
    if (head == HKP_MESH__NIL) {
        const uint32_t tag = tag_of(t, key), at = empty_slot(t, tag);
        assert(at != HKP_MESH__NIL);
        t->index[at] = (struct hkp_mesh__slot){.rec = rec, .tag = tag};
        r->state |= HKP_MESH__REC_HEAD;
        t->keys++;
    } else {
        r->next = t->recs[head].next;
        t->recs[head].next = rec;
    }
    uint32_t *prefixes = prefix_count(t, r);
    if (prefixes != NULL) (*prefixes)++;
    wheel_link(t, rec);
}

void hkp_mesh__table_remove(hkp_mesh_intel *t, uint32_t rec) {
    struct hkp_mesh__rec *r = &t->recs[rec];
    uint8_t key[16], value[HKP_MESH_IOC_VALUE_MAX];
    hkp_mesh__rec_data(t, r, 0, value, r->value_len);
    hkp_mesh_ioc_key(r->ioc_type, value, r->value_len, key);
    const uint32_t at = find_slot(t, key, r->ioc_type, value, r->value_len);
    assert(at != HKP_MESH__NIL);
    if (t->index[at].rec != rec) {
        uint32_t before = t->index[at].rec;
        while (t->recs[before].next != rec) before = t->recs[before].next;
        t->recs[before].next = r->next;
    } else if (r->next != HKP_MESH__NIL) {
        t->index[at].rec = r->next;
        t->recs[r->next].state |= HKP_MESH__REC_HEAD | (r->state & HKP_MESH__REC_DOUBTED);
    } else {
        erase_slot(t, at);
        t->keys--;
    }
    uint32_t *prefixes = prefix_count(t, r);
    if (prefixes != NULL) (*prefixes)--;
    wheel_unlink(t, rec);
    if (r->confidence & HKP_MESH__PENDING_BIT) hkp_mesh__pending_unlink(t, rec);
    t->authors[r->author].live--;
    free_data(t, r);
    r->state = 0;
    r->next = t->recs_free;
    t->recs_free = rec;
    t->recs_used--;
}

/* Worth of keeping: over is nothing, then by level, then by confidence. */
static uint32_t worth(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r) {
    if (hkp_mesh__rec_until(t, r) <= t->now_s) return 0;
    return 1 + (uint32_t)(r->grade >> 6) * 16384 + hkp_mesh__rec_confidence(t, r, t->now_s);
}

/* The least worthy of the next used records under the hand; with_cells: of those that hold cells. NIL: none
 * met. */
static uint32_t pick_victim(hkp_mesh_intel *t, int with_cells) {
    uint32_t victim = HKP_MESH__NIL, least = UINT32_MAX;
    for (uint32_t seen = 0, steps = 0; seen < EVICT_SAMPLE && steps < 4096 && steps < t->recs_cap; steps++) {
        const uint32_t rec = t->hand;
        const struct hkp_mesh__rec *r = &t->recs[rec];
        t->hand = rec + 1 < t->recs_cap ? rec + 1 : 0;
        if (!(r->state & HKP_MESH__REC_USED) || (with_cells && (r->state & HKP_MESH__REC_INLINE))) continue;
        const uint32_t w = worth(t, r);
        if (w < least) least = w, victim = rec;
        seen++;
    }
    return victim;
}

/* The least worthy head among those that fill the places of a key. */
static uint32_t pick_neighbour(const hkp_mesh_intel *t, uint32_t tag) {
    uint32_t at = home_of(t, tag), victim = HKP_MESH__NIL, least = UINT32_MAX;
    for (int i = 0; i < HKP_MESH__PROBE_MAX; i++, at = step(t, at)) {
        const uint32_t w = worth(t, &t->recs[t->index[at].rec]);
        if (w < least) least = w, victim = t->index[at].rec;
    }
    return victim;
}

static void evict(hkp_mesh_intel *t, uint32_t rec) {
    hkp_mesh__table_remove(t, rec);
    t->evicted++;
}

int hkp_mesh__table_make_room(hkp_mesh_intel *t, uint32_t n_cells) {
    if (n_cells > t->cells_cap) return 0;
    for (int i = 0; i < EVICT_TRIES && (t->recs_free == HKP_MESH__NIL || t->cells_left < n_cells); i++) {
        const uint32_t victim = pick_victim(t, t->recs_free != HKP_MESH__NIL);
        if (victim != HKP_MESH__NIL) evict(t, victim);
    }
    return t->recs_free != HKP_MESH__NIL && t->cells_left >= n_cells;
}

int hkp_mesh__table_make_slot(hkp_mesh_intel *t, const uint8_t key[16]) {
    const uint32_t tag = tag_of(t, key);
    for (int i = 0; i < EVICT_TRIES && empty_slot(t, tag) == HKP_MESH__NIL; i++)
        evict(t, pick_neighbour(t, tag));
    return empty_slot(t, tag) != HKP_MESH__NIL;
}
