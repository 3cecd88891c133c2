/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Microblocks in memory (D-BLK): found by id and by number, in the place that they have (on the chain, behind
 * a gap, on another branch, final), made final, forgotten.
 */
#include "libdsm/node/node.h"

#include <string.h>

#include "libter/bytes.h"

static struct block **id_bucket(const node *n, const uint8_t id[32]) {
    return &n->by_id[hkp_le32(id) & n->block_mask];
}

static struct block **seq_bucket(const node *n, const struct author *a, uint64_t seq) {
    return &n->by_seq[(hkp_le32(a->node_id + 4) ^ (uint32_t)(seq * 0x9E3779B1U)) & n->block_mask];
}

struct block *hkp_dsm__block_by_id(const node *n, const uint8_t id[32]) {
    struct block *b = *id_bucket(n, id);
    while (b != NULL && memcmp(b->b.id, id, 32) != 0) b = b->next_by_id;
    return b;
}

struct block *hkp_dsm__block_at(const node *n, const struct author *a, uint64_t seq) {
    struct block *b = *seq_bucket(n, a, seq);
    while (b != NULL && (b->author != a || b->b.seq != seq)) b = b->next_by_seq;
    return b;
}

static void seq_put(node *n, struct block *b) {
    struct block **at = seq_bucket(n, b->author, b->b.seq);
    b->next_by_seq = *at;
    *at = b;
}

static void seq_remove(node *n, struct block *b) {
    struct block **at = seq_bucket(n, b->author, b->b.seq);
    while (*at != NULL && *at != b) at = &(*at)->next_by_seq;
    if (*at == b) *at = b->next_by_seq;
}

static void list_put(struct block **list, struct block *b) {
    b->prev = NULL;
    b->next = *list;
    if (b->next != NULL) b->next->prev = b;
    *list = b;
}

static void list_remove(struct block **list, struct block *b) {
    if (b->prev != NULL)
        b->prev->next = b->next;
    else if (list != NULL && *list == b)
        *list = b->next;
    if (b->next != NULL) b->next->prev = b->prev;
    b->next = b->prev = NULL;
}

/* It counts as its author's until unplace(). */
static void loose(struct block *b) {
    b->loose = b->item->len + (uint32_t)sizeof *b;
    b->author->loose += b->loose;
}

void hkp_dsm__block_beside(node *n, struct block *b, uint8_t place) {
    struct author *a = b->author;
    b->place = place;
    loose(b);
    list_put(place == PLACE_WAITING ? &a->waiting : &a->branch, b);
    if (place == PLACE_BRANCH) {
        a->n_branch++;
    } else {
        a->n_waiting++;
        n->n_waiting++;
    }
}

/* Out of the list or index of its place; it stays findable by id. */
void hkp_dsm__block_unplace(node *n, struct block *b) {
    struct author *a = b->author;
    a->loose -= b->loose;
    b->loose = 0;
    if (b->place == PLACE_WAITING) {
        list_remove(&a->waiting, b);
        a->n_waiting--;
        n->n_waiting--;
    } else if (b->place == PLACE_BRANCH) {
        list_remove(&a->branch, b);
        a->n_branch--;
    } else if (b->place == PLACE_KEPT) {
        if (n->kept_new == b) n->kept_new = b->prev;
        list_remove(&n->kept_old, b);
        seq_remove(n, b);
    } else if (b->place == PLACE_CHAIN) {
        seq_remove(n, b);
    }
    b->place = 0;
}

void hkp_dsm__block_free(node *n, struct block *b) {
    hkp_dsm__block_unplace(n, b);
    struct block **at = id_bucket(n, b->b.id);
    while (*at != b) at = &(*at)->next_by_id;
    *at = b->next_by_id;
    n->n_blocks--;
    hkp_dsm__blob_drop(&n->pool, b->item);
    hkp_dsm__pool_give(&n->pool, b);
}

void hkp_dsm__block_unpin(node *n, struct block *b) {
    if (--b->pins == 0 && b->place == 0) hkp_dsm__block_free(n, b);
}

/* What looks for room may free the oldest block that is final and not pinned: who needs one behind that pins
 * it, or finds it again. */
static int evict_one(node *n) {
    struct block *b = n->kept_old;
    if (b == NULL || b->pins > 0) return 0;
    hkp_dsm__block_free(n, b);
    return 1;
}

int hkp_dsm__fuller(const node *n, uint32_t sixteenths) {
    return n->pool.used > n->pool.units / 16 * sixteenths;
}

int hkp_dsm__fits(node *n, size_t len) {
    /* a piece is a power of two */
    while (n->pool.used + 2 * len / POOL_UNIT > n->pool.units / 16 * FILL_MESSAGES)
        if (!evict_one(n)) return 0;
    return 1;
}

int hkp_dsm__room_to_load(node *n, const struct author *a) {
    while (hkp_dsm__fuller(n, FILL_LOADED) || n->n_blocks >= n->blocks_max / 16 * FILL_LOADED)
        if (!evict_one(n)) return 0;
    return a->n_waiting < WAITING_PER_AUTHOR && a->n_branch < BRANCH_PER_AUTHOR &&
           a->tip.seq - a->final.seq < OPEN_PER_AUTHOR;
}

void *hkp_dsm__take(node *n, size_t size) {
    for (;;) {
        void *ptr = hkp_dsm__pool_take(&n->pool, size);
        if (ptr != NULL || !evict_one(n)) return ptr;
    }
}

blob *hkp_dsm__room(node *n, size_t len) {
    for (;;) {
        blob *b = hkp_dsm__blob_new(&n->pool, len);
        if (b != NULL || !evict_one(n)) return b;
    }
}

blob *hkp_dsm__bytes(node *n, const uint8_t *bytes, size_t len) {
    blob *b = hkp_dsm__room(n, len);
    if (b != NULL && len > 0) memcpy(b->ptr, bytes, len);
    return b;
}

void hkp_dsm__item_views(struct block *b) {
    struct hkp_dsm_cbor_reader r = {.next = b->item->ptr, .end = b->item->ptr + b->item->len};
    hkp_dsm_cbor_array(&r, 3, 3);
    hkp_dsm_cbor_uint(&r, 0, 0);
    b->envelope.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &b->envelope.len);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES)
        b->payload.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &b->payload.len);
}

/* Sixteenths of the pool that may be in use before this one: the last are for what a header needs, whoever
 * filled the others; 0: its author has its share. */
static uint32_t room_for(const node *n, const struct author *a, const struct hkp_dsm__block *b, size_t len) {
    const int named = memcmp(a->named, b->id, 32) == 0;
    if (n->state != HKP_DSM_STATE_RUNNING || b->seq <= a->final.seq || (named && a->named_final))
        return FILL_BLOCKS;
    if (a == n->self || named) return FILL_OWN;
    return a->loose + len > n->pool.units / AUTHOR_PART * POOL_UNIT ? 0 : FILL_OTHERS;
}

blob *hkp_dsm__block_row(node *n, uint32_t sixteenths, const struct hkp_dsm_view *envelope,
                         const struct hkp_dsm_view *payload) {
    while (hkp_dsm__fuller(n, sixteenths))
        if (!evict_one(n)) return NULL;
    const size_t room = envelope->len + payload->len + 16;
    blob *row = hkp_dsm__room(n, room);
    if (row == NULL) return NULL;
    struct hkp_dsm_cbor_writer w = {.out = row->ptr, .cap = room};
    hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, envelope, payload->ptr != NULL ? payload : NULL);
    row->len = (uint32_t)w.len;
    return row;
}

struct block *hkp_dsm__block_new(node *n, struct author *a, const struct hkp_dsm__block *parsed,
                                 const struct hkp_dsm_view *envelope, const struct hkp_dsm_view *payload) {
    const uint32_t room = room_for(n, a, parsed, envelope->len + payload->len);
    if (room == 0) return NULL;
    while (n->n_blocks >= n->blocks_max - n->blocks_max / 16 * (FILL_BLOCKS - room))
        if (!evict_one(n)) return NULL;
    blob *item = hkp_dsm__block_row(n, room, envelope, payload);
    struct block *b = item != NULL ? hkp_dsm__take(n, sizeof *b) : NULL;
    if (b == NULL) {
        hkp_dsm__blob_drop(&n->pool, item);
        return NULL;
    }
    *b = (struct block){.author = a, .item = item, .b = *parsed, .seen_at = n->now};
    b->untold = payload->ptr == NULL;
    b->named = memcmp(a->named, b->b.id, 32) == 0;
    hkp_dsm__item_views(b);
    struct block **at = id_bucket(n, b->b.id);
    b->next_by_id = *at;
    *at = b;
    n->n_blocks++;
    return b;
}

static size_t row_key(const struct block *b, int branch, uint8_t key[KEY_MAX]) {
    const size_t len = hkp_dsm__key_block(key, b->author->node_id, b->b.seq);
    if (!branch) return len;
    memcpy(key + len, b->b.id, 8);
    return len + 8;
}

void hkp_dsm__block_put(node *n, struct block *b, int branch) {
    uint8_t key[KEY_MAX];
    const size_t len = row_key(b, branch, key);
    b->ticket = hkp_dsm__put_blob(n, HKP_DSM_ROW_BLOCK, key, len, hkp_dsm__blob_hold(b->item));
}

void hkp_dsm__block_lose(node *n, struct block *b) {
    uint8_t key[KEY_MAX];
    const size_t len = row_key(b, 1, key);
    hkp_dsm__drop_one(n, HKP_DSM_ROW_BLOCK, key, len);
    hkp_dsm__block_free(n, b);
}

static void keep(node *n, struct block *b, uint32_t what) {
    hkp_dsm__block_put(n, b, 0);
    b->pins++;
    struct held *h = hkp_dsm__hold(n, what, b->ticket);
    h->ptr = b;
}

void hkp_dsm__drop_above(node *n, const struct author *a, uint64_t seq) {
    uint8_t from[24], to[24];
    if (a == n->self) return; /* it would sign those numbers again */
    hkp_dsm__key_block(from, a->node_id, seq + 1);
    hkp_dsm__key_block(to, a->node_id, UINT64_MAX);
    hkp_dsm__drop(n, HKP_DSM_ROW_BLOCK, from, to, sizeof from);
}

int hkp_dsm__block_complete(node *n, struct block *b, const struct hkp_dsm_view *payload) {
    const int open = b->loose > 0;
    const uint32_t room = open ? room_for(n, b->author, &b->b, payload->len) : FILL_BLOCKS;
    if (room == 0) return 0;
    b->pins++; /* room for it must not come from itself */
    blob *whole = hkp_dsm__block_row(n, room, &b->envelope, payload);
    b->pins--;
    if (whole == NULL) return 0;
    b->author->loose -= b->loose;
    hkp_dsm__blob_drop(&n->pool, b->item); /* no event names bytes of it: it had no content to tell */
    b->item = whole;
    hkp_dsm__item_views(b);
    if (open) loose(b);
    if (b->place == PLACE_BRANCH) {
        hkp_dsm__block_put(n, b, 1);
        b->kept = 0;
    }
    if (b->place == PLACE_CHAIN || b->place == PLACE_KEPT) {
        b->late = 1;
        keep(n, b, HELD_PAYLOAD);
    }
    return 1;
}

void hkp_dsm__block_extend(node *n, struct block *b) {
    struct author *a = b->author;
    b->place = PLACE_CHAIN;
    loose(b);
    seq_put(n, b);
    a->tip = (struct hkp_dsm__known_head){.seq = b->b.seq, .time_us = b->b.timestamp_us};
    memcpy(a->tip.id, b->b.id, 32);
    a->have_changed = 1;
    if (a->known_seq < a->tip.seq) a->known_seq = a->tip.seq;
    hkp_dsm__author_open(n, a);
}

void hkp_dsm__block_oldest(node *n, struct block *b) {
    b->place = PLACE_KEPT;
    seq_put(n, b);
    list_put(&n->kept_old, b);
    if (n->kept_new == NULL) n->kept_new = b;
}

struct event_entry *hkp_dsm__block_tell(node *n, struct block *b, uint32_t kind) {
    struct event_entry *e = hkp_dsm__fact(n, kind);
    memcpy(e->e.node_id, b->author->node_id, 16);
    memcpy(e->e.id, b->b.id, 32);
    e->e.seq = b->b.seq;
    e->e.time_us = b->b.timestamp_us;
    e->e.type = b->b.event_type;
    e->e.height = b->height;
    e->e.count = b->height != 0;
    if (b->payload.ptr != NULL && !b->late) {
        e->e.data = b->payload.ptr + 16;
        e->e.data_len = b->payload.len - 16;
    }
    e->pinned = b;
    b->pins++;
    return e;
}

void hkp_dsm__block_durable(node *n, struct block *b, uint32_t what) {
    if (what == HELD_OWN_BLOCK) hkp_dsm__spread_block(n, b, NULL, 0);
    if (what == HELD_PAYLOAD) b->late = 0;
    hkp_dsm__block_tell(n, b, HKP_DSM_EV_BLOCK)->fresh = what != HELD_PAYLOAD;
    hkp_dsm__block_unpin(n, b);
}

void hkp_dsm__block_keep(node *n, struct block *b, uint32_t what) {
    keep(n, b, what);
    n->accepted++;
}

/* All of a path is here, but some of it waits behind a gap, that of another branch or of blocks below the
 * path: it is kept as another branch (D-BLK-13). Where our own reaches it after all, it goes on there. */
static void off_the_tip(node *n, struct block *const *path, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        struct block *b = path[i];
        if (b->place != PLACE_WAITING) continue;
        hkp_dsm__block_unplace(n, b);
        hkp_dsm__block_beside(n, b, PLACE_BRANCH);
        hkp_dsm__block_put(n, b, 1);
    }
}

int hkp_dsm__blocks_path(node *n, struct author *a, uint64_t from, const uint8_t from_id[32], uint64_t seq,
                         const uint8_t id[32], uint64_t *missing) {
    const uint8_t *at = id;
    int complete = 1;
    if (seq <= from || seq - from > HKP_DSM__HEAD_BLOCKS_MAX) return -1;
    for (uint64_t s = seq; s > from; s--) {
        struct block *b = hkp_dsm__block_by_id(n, at);
        if (b == NULL) {
            memcpy(a->named, at, 32);
            a->named_final = 0;
            *missing = s;
            return 0;
        }
        if (b->author != a || b->b.seq != s) return -1;
        complete &= b->place != PLACE_WAITING;
        n->path[s - from - 1] = b;
        at = b->b.prev;
    }
    uint8_t first[32];
    if (from == 0) {
        hkp_dsm__first_prev(first, n->chain_id, a->node_id);
        from_id = first;
    }
    if (memcmp(at, from_id, 32) != 0) return -1;
    if (!complete && a->headless) { /* they wait for the lost head, not for another branch */
        *missing = seq;
        return 0;
    }
    if (!complete) off_the_tip(n, n->path, seq - from);
    return 1;
}

void hkp_dsm__block_final(node *n, struct author *a, struct block *b, uint64_t height) {
    struct block *ours = hkp_dsm__block_at(n, a, b->b.seq);
    if (ours != b) {
        if (ours != NULL) {
            hkp_dsm__block_unplace(n, ours);
            if (ours->pins == 0) hkp_dsm__block_free(n, ours);
        }
        hkp_dsm__block_unplace(n, b);
        seq_put(n, b);
        if (!b->kept) hkp_dsm__block_put(n, b, 0);
    } else {
        hkp_dsm__block_unplace(n, b);
        seq_put(n, b);
    }
    b->place = PLACE_KEPT;
    b->height = height;
    b->pins++;
    b->prev = n->kept_new;
    b->next = NULL;
    if (n->kept_new != NULL)
        n->kept_new->next = b;
    else
        n->kept_old = b;
    n->kept_new = b;
}

void hkp_dsm__author_final(node *n, struct author *a, const struct hkp_dsm__known_head *head) {
    a->final = *head;
    a->headless = 0;
    uint64_t seq = head->seq + 1;
    struct block *above = hkp_dsm__block_at(n, a, seq);
    if (a->tip.seq < head->seq || (above != NULL && memcmp(above->b.prev, head->id, 32) != 0) ||
        (a->tip.seq == head->seq && memcmp(a->tip.id, head->id, 32) != 0)) {
        for (; above != NULL; above = hkp_dsm__block_at(n, a, ++seq)) {
            hkp_dsm__block_unplace(n, above);
            if (above->pins == 0) hkp_dsm__block_free(n, above);
        }
        a->tip = *head;
        a->have_changed = 1;
        if (hkp_dsm__may_take(n))
            hkp_dsm__drop_above(n, a, head->seq); /* else they wait behind a gap at a start */
    }
    for (struct block *b = a->branch, *next; b != NULL; b = next) {
        next = b->next;
        if (b->b.seq > head->seq) continue;
        hkp_dsm__block_unplace(n, b);
        if (b->pins == 0) hkp_dsm__block_free(n, b);
    }
    hkp_dsm__take_waiting(n, a);
    hkp_dsm__author_open(n, a);
}

/* Of the stored chain what leads to the head is final; what another branch has is forgotten. Without the
 * head's block its time is not known, so nothing is taken behind it before it came. */
void hkp_dsm__author_jump(node *n, struct author *a, const struct hkp_dsm__head *head, uint64_t height) {
    struct block *at = hkp_dsm__block_at(n, a, head->seq);
    struct hkp_dsm__known_head now = {.seq = head->seq, .time_us = at != NULL ? at->b.timestamp_us : 0};
    memcpy(now.id, head->id, 32);
    int ours = at != NULL && memcmp(at->b.id, head->id, 32) == 0;
    if (a->final.seq == head->seq && memcmp(a->final.id, head->id, 32) == 0) return;
    if (ours) a->tell = a->final.seq + 1, a->tell_to = head->seq;
    for (uint64_t s = a->final.seq + 1; s <= a->tip.seq && (!ours || s <= head->seq); s++) {
        struct block *b = hkp_dsm__block_at(n, a, s);
        if (b == NULL) continue;
        if (ours) {
            hkp_dsm__block_final(n, a, b, height); /* pinned until it is told */
        } else {
            hkp_dsm__block_unplace(n, b);
            if (b->pins == 0) hkp_dsm__block_free(n, b);
        }
    }
    if (!ours) {
        if (a->tip.seq > head->seq && hkp_dsm__may_take(n)) hkp_dsm__drop_above(n, a, head->seq);
        a->tip = now;
        now.time_us = 0;
    }
    hkp_dsm__author_final(n, a, &now);
    a->headless = !ours;
}
