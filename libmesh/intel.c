/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The threat cache: making it, and merging records into it (M-TI-4 to M-TI-9, M-TI-13). */
#include "libmesh/intel.h"
#include "libter/options.h"

#include <assert.h>
#include <string.h>

#define RECORDS_DEFAULT 50000U
#define RECORDS_MAX 10000000U
#define AUTHORS_DEFAULT 4096U
#define AUTHORS_MAX 1048576U
#define RECORD_BYTES 128U /* of mesh.md 8.1, for record, place in the index and cells together */
#define CELLS_MIN 128U    /* a record of any length fits an empty cache */
#define TOMBSTONE_S (30U * 86400U)
#define SIGHTING_S (90U * 86400U)
#define SWEEP_STEPS 256
/* Records may begin this long before the cache was made: the longest validity, twice. */
#define BASE_BEFORE_S (2U * 365U * 86400U)

/* ---- making ---- */

/* One block of memory for all arrays; NULL base measures. */
struct layout {
    uint8_t *base;
    size_t used;
};

static void *carve(struct layout *l, size_t count, size_t each) {
    void *at = l->base == NULL ? NULL : l->base + l->used;
    l->used += (count * each + 15) / 16 * 16;
    return at;
}

static void lay_out(hkp_mesh_intel *t, struct layout *l) {
    t->recs = carve(l, t->recs_cap, sizeof *t->recs);
    t->cells = carve(l, t->cells_cap, sizeof *t->cells);
    t->index = carve(l, t->index_cap, sizeof *t->index);
    t->wheel = carve(l, HKP_MESH__WHEEL_SLOTS, sizeof *t->wheel);
    t->authors = carve(l, t->authors_cap, sizeof *t->authors);
    t->tombstones.slots = carve(l, t->tombstones.cap, sizeof *t->tombstones.slots);
    t->sightings.slots = carve(l, t->sightings.cap, sizeof *t->sightings.slots);
    t->allow = carve(l, HKP_MESH__ALLOW_SLOTS, sizeof *t->allow);
    t->members = carve(l, HKP_MESH__MEMBERS_MAX, sizeof *t->members);
}

static void set_sizes(hkp_mesh_intel *t, const struct hkp_mesh_intel_options *o) {
    t->recs_cap = o->records;
    t->index_cap = o->records + o->records / 3 + HKP_MESH__PROBE_MAX;
    const uint64_t per_rec = (uint64_t)o->records * (RECORD_BYTES - sizeof(struct hkp_mesh__rec));
    const uint64_t places = (uint64_t)t->index_cap * sizeof(struct hkp_mesh__slot);
    const uint64_t cells = per_rec > places ? (per_rec - places) / sizeof(struct hkp_mesh__cell) : 0;
    t->cells_cap = cells < CELLS_MIN ? CELLS_MIN : (uint32_t)cells;
    t->authors_cap = o->authors + o->authors / 4 + HKP_MESH__PROBE_MAX;
    t->tombstones.cap = t->sightings.cap = o->records / 4 + HKP_MESH__PROBE_MAX;
}

void hkp_mesh_intel_options_init(struct hkp_mesh_intel_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_mesh_intel_new(hkp_mesh_intel **out, const struct hkp_mesh_intel_options *opt,
                              uint64_t now_s) {
    struct hkp_mesh_intel_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.records == 0) o.records = RECORDS_DEFAULT;
    if (o.authors == 0) o.authors = AUTHORS_DEFAULT;
    if (o.group == 0 || o.records > RECORDS_MAX || o.authors > AUTHORS_MAX || o.rng.fill == NULL)
        return HKP_E_INVAL;

    hkp_mesh_intel sizes = {.mem = o.mem, .group = o.group, .now_s = now_s};
    struct layout l = {.used = (sizeof sizes + 15) / 16 * 16};
    set_sizes(&sizes, &o);
    lay_out(&sizes, &l);
    sizes.size = l.used;
    if (o.rng.fill(o.rng.user, sizes.secret_key, sizeof sizes.secret_key) != 0) return HKP_E_CALLBACK;
    uint8_t *block = hkp_mem_alloc(&o.mem, sizes.size);
    if (block == NULL) return HKP_E_NOMEM;

    hkp_mesh_intel *t = (hkp_mesh_intel *)(void *)block;
    *t = sizes;
    l = (struct layout){.base = block, .used = (sizeof sizes + 15) / 16 * 16};
    lay_out(t, &l);
    assert(l.used == t->size);
    t->base_s = now_s > BASE_BEFORE_S ? now_s - BASE_BEFORE_S : 0;
    t->wheel_at = (now_s - t->base_s) / HKP_MESH__WHEEL_TICK_S;
    hkp_mesh__table_init(t);
    *out = t;
    return HKP_OK;
}

void hkp_mesh_intel_free(hkp_mesh_intel *intel) {
    if (intel == NULL) return;
    const struct hkp_mem mem = intel->mem;
    const size_t size = intel->size;
    sodium_memzero(intel, sizeof *intel);
    hkp_mem_free(&mem, intel, size);
}

void hkp_mesh_intel_set_faults(hkp_mesh_intel *intel, uint32_t f) { intel->faults = f; }

/* ---- merging ---- */

static void pass_time(hkp_mesh_intel *t, uint64_t now_s) {
    if (now_s > t->now_s) t->now_s = now_s;
}

/* Takes the shares of M-TI-13 for an indicator that comes to BLOCK, and notes the level in all its records.
 */
static uint32_t settle(hkp_mesh_intel *t, uint32_t head, const uint8_t key[16]) {
    struct hkp_mesh__view v;
    const uint32_t day = (uint32_t)(t->now_s / 86400);
    hkp_mesh__chain_view(t, head, key, t->now_s, 0, &v);
    const int was_block = t->recs[head].grade >> 6 == HKP_MESH_LEVEL_BLOCK;
    for (uint32_t rec = head; rec != HKP_MESH__NIL; rec = t->recs[rec].next) {
        struct hkp_mesh__rec *r = &t->recs[rec];
        struct hkp_mesh__author *a = &t->authors[r->author];
        if (v.level == HKP_MESH_LEVEL_BLOCK && (r->proof & 3) != 0 && !(r->state & HKP_MESH__REC_COUNTED) &&
            (was_block || hkp_mesh__may_count(t, r, t->now_s))) {
            r->state |= HKP_MESH__REC_COUNTED;
            if (a->day != day) {
                a->day = day;
                memset(a->day_blocks, 0, sizeof a->day_blocks);
            }
            if (!was_block) a->day_blocks[r->grade & 7]++;
        }
        r->grade = (uint8_t)((r->grade & 0x3f) | v.level << 6);
    }
    return v.level;
}

/* Same words as before? Then the times alone may differ. */
static int same_content(const hkp_mesh_intel *t, const struct hkp_mesh__rec *old,
                        const struct hkp_mesh_record *r) {
    uint8_t data[HKP_MESH_CONTEXT_MAX + sizeof r->technique];
    const size_t techniques = (size_t)r->technique_count * sizeof r->technique[0];
    if (old->threat != r->threat || (old->grade & 0x3f) != (r->severity | r->tlp << 3) ||
        (old->confidence & ~(unsigned)HKP_MESH__PENDING_BIT) != r->confidence ||
        old->proof != (r->evidence | r->technique_count << 2) || old->rule != r->rule ||
        ((old->state & HKP_MESH__REC_HAS_RULE) != 0) != (r->has_rule != 0) ||
        ((old->state & HKP_MESH__REC_HAS_CONTEXT) != 0) != (r->context != NULL) ||
        old->context_len != r->context_len)
        return 0;
    if (r->context_len + techniques == 0) return 1;
    hkp_mesh__rec_data(t, old, r->value_len, data, r->context_len + techniques);
    return (r->context_len == 0 || memcmp(data, r->context, r->context_len) == 0) &&
           memcmp(data + r->context_len, r->technique, techniques) == 0;
}

/* The record of this group in a chain, or NIL. */
static uint32_t of_group(const hkp_mesh_intel *t, uint32_t head, uint32_t group) {
    uint32_t rec = head;
    while (rec != HKP_MESH__NIL && t->authors[t->recs[rec].author].group != group) rec = t->recs[rec].next;
    return rec;
}

/* M-TI-4 and M-TI-5: what a record of the same group means for the one that is there; -1: it goes in. */
static int judge(const hkp_mesh_intel *t, const struct hkp_mesh__rec *old, const struct hkp_mesh_origin *o,
                 const struct hkp_mesh_record *r) {
    const struct hkp_mesh__author *a = &t->authors[old->author];
    if (hkp_mesh__rec_until(t, old) <= t->now_s) return -1;
    if (memcmp(a->node, o->author, 16) != 0) {
        const uint64_t old_time = t->base_s + old->time_s;
        if (o->time_s != old_time) return o->time_s > old_time ? -1 : HKP_MESH_ADDED_OLDER;
        return memcmp(o->author, a->node, 16) > 0 ? -1 : HKP_MESH_ADDED_OLDER;
    }
    if (o->seq < old->seq || (o->seq == old->seq && o->position <= old->position))
        return HKP_MESH_ADDED_OLDER;
    const uint64_t from = t->base_s + old->from_s;
    const int soon = r->valid_from_s < from + hkp_mesh_ioc_ttl_max(r->ioc_type) / 4;
    return soon && same_content(t, old, r) ? HKP_MESH_ADDED_UNCHANGED : -1;
}

/* The record that leaves a full chain: the least confident one, never our own (mesh.md 15). NIL: none is
 * weaker. */
static uint32_t weakest(const hkp_mesh_intel *t, uint32_t head, const struct hkp_mesh_record *r, int own) {
    uint32_t least = own ? UINT32_MAX : hkp_mesh_record_confidence(r, t->now_s), found = HKP_MESH__NIL;
    for (uint32_t rec = head; rec != HKP_MESH__NIL; rec = t->recs[rec].next) {
        if (t->authors[t->recs[rec].author].group == t->group) continue;
        const uint32_t bp = hkp_mesh__rec_confidence(t, &t->recs[rec], t->now_s);
        if (bp < least) least = bp, found = rec;
    }
    return found;
}

static uint32_t chain_len(const hkp_mesh_intel *t, uint32_t head) {
    uint32_t n = 0;
    for (; head != HKP_MESH__NIL; head = t->recs[head].next) n++;
    return n;
}

/* M-TI-6; counts the key if it is within the author's share. */
static int within_share(const hkp_mesh_intel *t, struct hkp_mesh__author *a) {
    const uint32_t hour = (uint32_t)(t->now_s / 3600);
    if (a->hour != hour) {
        a->hour = hour;
        a->hour_keys = 0;
    }
    if (a->live >= HKP_MESH__KEYS_LIVE || a->hour_keys >= HKP_MESH__KEYS_PER_HOUR) return 0;
    a->hour_keys++;
    return 1;
}

static uint32_t block_time(const hkp_mesh_intel *t, uint64_t time_s) {
    if (time_s <= t->base_s) return 0;
    return time_s - t->base_s > UINT32_MAX ? UINT32_MAX : (uint32_t)(time_s - t->base_s);
}

/* Chain, group and share decide; result as HKP_MESH_ADDED_*, *old the record that gives way. */
static int decide(hkp_mesh_intel *t, uint32_t head, struct hkp_mesh__author *a,
                  const struct hkp_mesh_origin *o, const struct hkp_mesh_record *r, uint32_t *old) {
    *old = of_group(t, head, o->group);
    if (*old != HKP_MESH__NIL) {
        const int verdict = judge(t, &t->recs[*old], o, r);
        if (verdict >= 0) return verdict;
        if (&t->authors[t->recs[*old].author] == a) return HKP_MESH_ADDED_REPLACED;
    } else if (chain_len(t, head) >= HKP_MESH__GROUPS_MAX) {
        *old = weakest(t, head, r, o->group == t->group);
        if (*old == HKP_MESH__NIL) return HKP_MESH_ADDED_CAPPED;
    }
    if (!within_share(t, a)) return HKP_MESH_ADDED_CAPPED;
    if (*old != HKP_MESH__NIL) return HKP_MESH_ADDED_REPLACED;
    return head == HKP_MESH__NIL ? HKP_MESH_ADDED_NEW : HKP_MESH_ADDED_GROUP;
}

/* Puts the record in; the room is there, but removing the old one may have emptied the chain. */
static void put_in(hkp_mesh_intel *t, const struct hkp_mesh_origin *o, const struct hkp_mesh_record *r,
                   uint32_t author, uint32_t old, const uint8_t key[16], uint32_t n_cells) {
    const uint8_t level = old == HKP_MESH__NIL ? 0 : t->recs[old].grade & 0xc0;
    if (old != HKP_MESH__NIL) hkp_mesh__table_remove(t, old);
    const uint32_t head = hkp_mesh__table_find(t, key, r->ioc_type, r->value, r->value_len);
    const uint32_t rec = hkp_mesh__table_take(t, r, n_cells);
    struct hkp_mesh__rec *to = &t->recs[rec];
    memcpy(to->block, o->block, sizeof to->block);
    to->seq = o->seq;
    to->time_s = block_time(t, o->time_s);
    to->author = author;
    to->position = (uint16_t)o->position;
    to->grade |= level;
    t->authors[author].live++;
    hkp_mesh__table_link(t, rec, head, key);
    if (o->height == 0)
        hkp_mesh__pending_link(t, rec);
    else
        to->height = o->height > UINT32_MAX ? UINT32_MAX : (uint32_t)o->height;
    if (head == HKP_MESH__NIL && hkp_mesh__doubts(t, key, t->now_s) > 0) to->state |= HKP_MESH__REC_DOUBTED;
}

/* Level that was noted for a chain when it last changed, or what is left of it. */
static uint32_t level_now(const hkp_mesh_intel *t, uint32_t head, const uint8_t key[16]) {
    struct hkp_mesh__view v;
    if (head == HKP_MESH__NIL) return HKP_MESH_LEVEL_NONE;
    hkp_mesh__chain_view(t, head, key, t->now_s, 1, &v);
    return v.level;
}

static hkp_status merge(hkp_mesh_intel *t, const struct hkp_mesh_origin *o, const struct hkp_mesh_record *r,
                        struct hkp_mesh_added *added) {
    uint8_t key[16];
    uint32_t old = HKP_MESH__NIL;
    hkp_mesh_ioc_key(r->ioc_type, r->value, r->value_len, key);
    memcpy(added->ioc_key, key, 16);
    if (hkp_mesh__allowed(t, r->ioc_type, r->value, r->value_len)) {
        added->result = HKP_MESH_ADDED_ALLOWED;
        return HKP_OK;
    }
    if (hkp_mesh__revoked(t, key, o->author, (uint32_t)(r->valid_from_s - t->base_s))) {
        added->result = HKP_MESH_ADDED_REVOKED;
        return HKP_OK;
    }
    const uint32_t author = hkp_mesh__author_get(t, o->author, o->group);
    if (author == HKP_MESH__NIL) return HKP_E_MESH_LIMIT;
    const uint32_t n_cells = hkp_mesh__table_cells(r);
    if (!hkp_mesh__table_make_room(t, n_cells)) return HKP_E_MESH_LIMIT;
    uint32_t head = hkp_mesh__table_find(t, key, r->ioc_type, r->value, r->value_len);
    if (head == HKP_MESH__NIL && !hkp_mesh__table_make_slot(t, key)) return HKP_E_MESH_LIMIT;
    added->level_before = added->level_after = level_now(t, head, key);
    const int result = decide(t, head, &t->authors[author], o, r, &old);
    added->result = (uint32_t)result;
    if (result > HKP_MESH_ADDED_REPLACED) return HKP_OK;
    put_in(t, o, r, author, old, key, n_cells);
    head = hkp_mesh__table_find(t, key, r->ioc_type, r->value, r->value_len);
    (void)settle(t, head, key);
    added->level_after = level_now(t, head, key);
    return HKP_OK;
}

hkp_status hkp_mesh_intel_add(hkp_mesh_intel *intel, uint64_t now_s, const struct hkp_mesh_origin *origin,
                              const uint8_t *bytes, size_t len, struct hkp_mesh_added *added) {
    struct hkp_mesh_record r;
    if (origin->group == 0 || origin->position > UINT16_MAX || added->struct_size < sizeof *added)
        return HKP_E_INVAL;
    *added = (struct hkp_mesh_added){.struct_size = added->struct_size, .result = HKP_MESH_ADDED_REFUSED};
    pass_time(intel, now_s);
    hkp_status st = hkp_mesh_record_decode(&r, bytes, len, intel->now_s);
    if (st == HKP_OK && (r.valid_from_s < intel->base_s || r.valid_from_s - intel->base_s > UINT32_MAX))
        st = HKP_E_MESH_TIME;
    if (st == HKP_OK) st = merge(intel, origin, &r, added);
    intel->added[added->result]++;
    return st;
}

/* ---- sightings, revocation, time ---- */

/* A false positive may lower a level, its end may raise it. */
static void doubt(hkp_mesh_intel *t, uint32_t head, const uint8_t key[16]) {
    if (hkp_mesh__doubts(t, key, t->now_s) > 0) t->recs[head].state |= HKP_MESH__REC_DOUBTED;
    (void)settle(t, head, key);
}

hkp_status hkp_mesh_intel_sighting(hkp_mesh_intel *intel, uint64_t now_s, uint32_t group,
                                   const uint8_t ioc_key[16], uint32_t kind) {
    if (group == 0 || kind > HKP_MESH_SIGHTING_EXPIRED) return HKP_E_INVAL;
    pass_time(intel, now_s);
    const uint32_t now = block_time(intel, intel->now_s);
    struct hkp_mesh__note note = {.who = group, .time_s = now, .expires_s = now + SIGHTING_S, .kind = kind};
    memcpy(note.key, ioc_key, 16);
    hkp_mesh__note_put(intel, &intel->sightings, &note);
    const uint32_t head = hkp_mesh__table_find_key(intel, ioc_key);
    if (head != HKP_MESH__NIL) doubt(intel, head, ioc_key);
    return HKP_OK;
}

/* Longest validity in a chain, from the base. */
static uint32_t latest_end(const hkp_mesh_intel *t, uint32_t head, uint32_t least) {
    for (; head != HKP_MESH__NIL; head = t->recs[head].next) {
        const uint64_t until = hkp_mesh__rec_until(t, &t->recs[head]) - t->base_s;
        if (until > least) least = until > UINT32_MAX ? UINT32_MAX : (uint32_t)until;
    }
    return least;
}

void hkp_mesh_intel_revoke(hkp_mesh_intel *intel, uint64_t now_s, const uint8_t *author,
                           const uint8_t ioc_key[16], uint32_t *removed) {
    pass_time(intel, now_s);
    const uint32_t now = block_time(intel, intel->now_s);
    uint32_t rec = hkp_mesh__table_find_key(intel, ioc_key), n = 0;
    struct hkp_mesh__note note = {.time_s = now, .expires_s = latest_end(intel, rec, now) + TOMBSTONE_S};
    note.who = author == NULL ? 0 : hkp_mesh__intel_hash(intel, author, 16) | 1;
    memcpy(note.key, ioc_key, 16);
    hkp_mesh__note_put(intel, &intel->tombstones, &note);
    while (rec != HKP_MESH__NIL) {
        const uint32_t next = intel->recs[rec].next;
        if (author == NULL || memcmp(intel->authors[intel->recs[rec].author].node, author, 16) == 0) {
            hkp_mesh__table_remove(intel, rec);
            n++;
        }
        rec = next;
    }
    const uint32_t head = hkp_mesh__table_find_key(intel, ioc_key);
    if (n > 0 && head != HKP_MESH__NIL) (void)settle(intel, head, ioc_key);
    intel->revoked += n;
    *removed = n;
}

/* Looks again at some indicators: shares of a new day, another f or an end of doubt may raise them to BLOCK.
 */
static void sweep(hkp_mesh_intel *t) {
    uint8_t key[16];
    for (int i = 0; i < SWEEP_STEPS && (uint32_t)i < t->recs_cap; i++) {
        const uint32_t rec = t->sweep;
        t->sweep = rec + 1 < t->recs_cap ? rec + 1 : 0;
        const struct hkp_mesh__rec *r = &t->recs[rec];
        if (!(r->state & HKP_MESH__REC_HEAD) || r->next == HKP_MESH__NIL)
            continue; /* one group never blocks */
        hkp_mesh__rec_key(t, r, key);
        (void)settle(t, rec, key);
    }
}

void hkp_mesh_intel_expire(hkp_mesh_intel *intel, uint64_t now_s, uint32_t *removed) {
    pass_time(intel, now_s);
    *removed = hkp_mesh__table_expire(intel, intel->now_s);
    intel->expired += *removed;
    sweep(intel);
}

hkp_status hkp_mesh_intel_get_stats(const hkp_mesh_intel *intel, struct hkp_mesh_intel_stats *stats) {
    if (stats->struct_size < sizeof *stats) return HKP_E_INVAL;
    *stats = (struct hkp_mesh_intel_stats){
        .struct_size = stats->struct_size,
        .records = intel->recs_used,
        .indicators = intel->keys,
        .tombstones = intel->tombstones.used,
        .sightings = intel->sightings.used,
        .authors = intel->authors_used,
        .evicted = intel->evicted,
        .expired = intel->expired,
        .revoked = intel->revoked,
        .memory = intel->size,
    };
    memcpy(stats->added, intel->added, sizeof stats->added);
    return HKP_OK;
}
