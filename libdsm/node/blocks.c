/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Microblocks in memory (D-BLK): accepted, held behind a gap, kept on another branch of a forked chain, made
 * final, forgotten. Nothing is stored or passed on before its signature and rules were found right.
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

/* Out of the list or index of its place; it stays findable by id. */
static void unplace(node *n, struct block *b) {
    struct author *a = b->author;
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

static void block_free(node *n, struct block *b) {
    unplace(n, b);
    struct block **at = id_bucket(n, b->b.id);
    while (*at != b) at = &(*at)->next_by_id;
    *at = b->next_by_id;
    n->n_blocks--;
    hkp_dsm__blob_drop(&n->pool, b->item);
    hkp_dsm__pool_give(&n->pool, b);
}

void hkp_dsm__block_unpin(node *n, struct block *b) {
    if (--b->pins == 0 && b->place == 0) block_free(n, b);
}

static int evict_one(node *n) {
    struct block *b = n->kept_old;
    if (b == NULL || b->pins > 0) return 0;
    block_free(n, b);
    return 1;
}

int hkp_dsm__fuller(const node *n, uint32_t sixteenths) {
    return n->pool.used > n->pool.units / 16 * sixteenths;
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

static void item_views(struct block *b) {
    struct hkp_dsm_cbor_reader r = {.next = b->item->ptr, .end = b->item->ptr + b->item->len};
    hkp_dsm_cbor_array(&r, 3, 3);
    hkp_dsm_cbor_uint(&r, 0, 0);
    b->envelope.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &b->envelope.len);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES)
        b->payload.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &b->payload.len);
}

/* Into memory, findable by id; NULL: no room. */
static struct block *block_new(node *n, struct author *a, const struct hkp_dsm__block *parsed,
                               const struct hkp_dsm_view *envelope, const struct hkp_dsm_view *payload) {
    while (n->n_blocks >= n->blocks_max || hkp_dsm__fuller(n, FILL_BLOCKS))
        if (!evict_one(n)) return NULL;
    size_t room = envelope->len + payload->len + 16;
    blob *item = hkp_dsm__room(n, room);
    struct block *b = item != NULL ? hkp_dsm__take(n, sizeof *b) : NULL;
    if (b == NULL) {
        hkp_dsm__blob_drop(&n->pool, item);
        return NULL;
    }
    struct hkp_dsm_cbor_writer w = {.out = item->ptr, .cap = room};
    hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, envelope, payload->ptr != NULL ? payload : NULL);
    item->len = (uint32_t)w.len;
    *b = (struct block){.author = a, .item = item, .b = *parsed, .seen_at = n->now};
    item_views(b);
    struct block **at = id_bucket(n, b->b.id);
    b->next_by_id = *at;
    *at = b;
    n->n_blocks++;
    return b;
}

static void block_put(node *n, struct block *b, int branch) {
    uint8_t key[KEY_MAX];
    size_t len = hkp_dsm__key_block(key, b->author->node_id, b->b.seq);
    if (branch) {
        memcpy(key + len, b->b.id, 8);
        len += 8;
    }
    b->ticket = hkp_dsm__put_blob(n, HKP_DSM_ROW_BLOCK, key, len, hkp_dsm__blob_hold(b->item));
}

static void extend(node *n, struct block *b) {
    struct author *a = b->author;
    b->place = PLACE_CHAIN;
    seq_put(n, b);
    a->tip = (struct hkp_dsm__known_head){.seq = b->b.seq, .time_us = b->b.timestamp_us};
    memcpy(a->tip.id, b->b.id, 32);
    a->have_changed = 1;
    if (a->known_seq < a->tip.seq) a->known_seq = a->tip.seq;
    hkp_dsm__author_open(n, a);
}

void hkp_dsm__block_tell(node *n, struct block *b, uint32_t kind) {
    struct event_entry *e = hkp_dsm__fact(n, kind);
    memcpy(e->e.node_id, b->author->node_id, 16);
    memcpy(e->e.id, b->b.id, 32);
    e->e.seq = b->b.seq;
    e->e.time_us = b->b.timestamp_us;
    e->e.type = b->b.event_type;
    e->e.height = b->height;
    e->e.count = b->height != 0;
    if (b->payload.ptr != NULL) {
        e->e.data = b->payload.ptr + 16;
        e->e.data_len = b->payload.len - 16;
    }
    e->pinned = b;
    b->pins++;
}

void hkp_dsm__block_durable(node *n, struct block *b, int own) {
    if (own) hkp_dsm__spread_block(n, b, NULL, 0);
    hkp_dsm__block_tell(n, b, HKP_DSM_EV_BLOCK);
    hkp_dsm__block_unpin(n, b);
}

/* Durable first, reported (and sent, if own) after. */
static void store_and_hold(node *n, struct block *b, uint32_t what) {
    block_put(n, b, 0);
    b->pins++;
    struct held *h = hkp_dsm__hold(n, what, b->ticket);
    h->ptr = b;
    n->accepted++;
}

void hkp_dsm__take_waiting(node *n, struct author *a) {
    for (int again = 1; again;) {
        again = 0;
        for (struct block *b = a->waiting; b != NULL; b = b->next) {
            if (b->b.seq > a->tip.seq + 1) continue;
            unplace(n, b);
            if (hkp_dsm__block_extends(&b->b, n->chain_id, &a->tip) == HKP_OK) {
                extend(n, b);
                store_and_hold(n, b, HELD_BLOCK);
                if (!a->forked) hkp_dsm__spread_block(n, b, NULL, 0);
            } else {
                block_free(n, b);
            }
            again = 1;
            break;
        }
    }
}

static hkp_status hold_behind_gap(node *n, struct author *a, struct peer *p,
                                  const struct hkp_dsm__block *parsed, const struct hkp_dsm__item *item) {
    if (a->shown_seq < parsed->seq) a->shown_seq = parsed->seq;
    if (a->known_seq < parsed->seq && p != NULL) {
        hkp_dsm__claim(n, a, parsed->seq, p);
        a->want_again = 0;
    }
    if (a->n_waiting >= WAITING_PER_AUTHOR || n->n_waiting >= WAITING_MAX) return HKP_E_DSM_GAP;
    struct block *b = block_new(n, a, parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_DSM_GAP;
    b->place = PLACE_WAITING;
    list_put(&a->waiting, b);
    a->n_waiting++;
    n->n_waiting++;
    return HKP_E_DSM_GAP;
}

/* Another branch (D-BLK-11, D-BLK-13): evidence if both blocks are here, and kept, since a checkpoint may
 * take it. */
static hkp_status take_branch(node *n, struct author *a, const struct hkp_dsm__block *parsed,
                              const struct hkp_dsm__item *item, hkp_status why) {
    struct block *ours = hkp_dsm__block_at(n, a, parsed->seq);
    if (ours != NULL) hkp_dsm__suspect(n, &ours->envelope, &item->object);
    if (ours == NULL && parsed->seq <= a->final.seq) return HKP_E_DSM_OLD;
    if (parsed->seq <= a->final.seq || a->n_branch >= BRANCH_PER_AUTHOR)
        return ours != NULL ? HKP_E_DSM_FORK : why;
    struct block *b = block_new(n, a, parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    b->place = PLACE_BRANCH;
    list_put(&a->branch, b);
    a->n_branch++;
    block_put(n, b, 1);
    return ours != NULL ? HKP_E_DSM_FORK : why;
}

/* D-BLK-8; the tier is that of the newest certificate. */
static int within_cap(node *n, struct author *a) {
    uint32_t tier = a->n_certs > 0 ? a->certs[a->n_certs - 1].tier : HKP_DSM_TIER_SENTINEL;
    uint64_t rate = tier == HKP_DSM_TIER_SENTINEL ? 1 : tier == HKP_DSM_TIER_GUARDIAN ? 4 : 16;
    uint64_t burst = rate * 60000;
    uint64_t more = (n->now - a->tokens_at) / MS * rate;
    if (a->tokens > burst) a->tokens = burst; /* a new author begins with all of it */
    if (more > 0) {
        a->tokens = a->tokens + more > burst ? burst : a->tokens + more;
        a->tokens_at = n->now;
    }
    if (a->tokens < 1000) return 0;
    a->tokens -= 1000;
    return 1;
}

static hkp_status attach_payload(node *n, struct block *b, const struct hkp_dsm__item *item) {
    if (b->payload.ptr != NULL || item->payload.ptr == NULL || b->pins > 0) return HKP_E_DSM_DUPLICATE;
    uint8_t hash[32];
    hkp_dsm__payload_hash(hash, item->payload.ptr, item->payload.len);
    if (item->payload.len != b->b.payload_len || memcmp(hash, b->b.payload_hash, 32) != 0)
        return HKP_E_DSM_PAYLOAD;
    size_t room = b->envelope.len + item->payload.len + 16;
    blob *fresh = hkp_dsm__room(n, room);
    if (fresh == NULL) return HKP_E_LIMIT;
    struct hkp_dsm_cbor_writer w = {.out = fresh->ptr, .cap = room};
    hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, &b->envelope, &item->payload);
    fresh->len = (uint32_t)w.len;
    hkp_dsm__blob_drop(&n->pool, b->item);
    b->item = fresh;
    item_views(b);
    block_put(n, b, b->place == PLACE_BRANCH);
    return HKP_OK;
}

/* Blocks that cannot be kept whatever their signature says: final and forgotten, behind a gap that is full,
 * above the head of a frozen author (D-BLK-12). Nobody makes us verify those again and again. */
static hkp_status of_no_use(const node *n, const struct author *a, const struct hkp_dsm__block *b) {
    if (b->seq <= a->final.seq) return hkp_dsm__block_at(n, a, b->seq) == NULL ? HKP_E_DSM_OLD : HKP_OK;
    if (a->frozen) return HKP_E_DSM_FORK;
    return b->seq > a->tip.seq + 1 && a->n_waiting >= WAITING_PER_AUTHOR ? HKP_E_DSM_GAP : HKP_OK;
}

hkp_status hkp_dsm__block_take(node *n, struct peer *p, const struct hkp_dsm__item *item, uint32_t hops,
                               int asked) {
    struct hkp_dsm__block parsed;
    hkp_status st = hkp_dsm__block_parse(n->chain_id, item->signer, item->body.ptr, item->body.len, &parsed);
    if (st != HKP_OK) return st;
    if (n->n_lost > 0 && hkp_dsm__heal_block(n, &parsed, item)) return HKP_OK;
    struct block *known = hkp_dsm__block_by_id(n, parsed.id);
    if (known != NULL) return attach_payload(n, known, item);
    struct author *a = hkp_dsm__author(n, item->signer);
    if (a == NULL || a->n_certs == 0) {
        hkp_dsm__certificate_ask(n, a, p, item->signer);
        return HKP_E_DSM_SIGNER;
    }
    if (a->tip.seq - a->final.seq >= OPEN_PER_AUTHOR) return HKP_E_LIMIT;
    hkp_status useless = of_no_use(n, a, &parsed);
    if (useless != HKP_OK) return useless;
    struct hkp_dsm__block_rules rules = {.chain_id = n->chain_id,
                                         .certs = a->certs,
                                         .n_certs = a->n_certs,
                                         .revoked = a->revoked,
                                         .now_us = hkp_dsm__wall_us(n),
                                         .head = &a->tip,
                                         .payload = item->payload};
    st = hkp_dsm__block_check(item->object.ptr, item->object.len, &rules, &parsed);
    switch (st) {
    case HKP_OK:
        if (a->headless) return hold_behind_gap(n, a, p, &parsed, item); /* its time is not known */
        break;
    case HKP_E_DSM_SIGNER:
        hkp_dsm__certificate_ask(n, a, p, item->signer);
        return st;
    case HKP_E_DSM_GAP:
        return hold_behind_gap(n, a, p, &parsed, item);
    case HKP_E_DSM_FORK:
    case HKP_E_DSM_OLD:
        return take_branch(n, a, &parsed, item, st);
    case HKP_E_DSM_PREV:
        return parsed.seq > 1 && parsed.seq == a->tip.seq + 1 ? take_branch(n, a, &parsed, item, st) : st;
    default:
        return st;
    }
    if (!asked && !within_cap(n, a)) return HKP_E_LIMIT;
    struct block *b = block_new(n, a, &parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    extend(n, b);
    store_and_hold(n, b, HELD_BLOCK);
    b->hops = (uint8_t)(hops < 255 ? hops + 1 : 255);
    if (!a->forked) hkp_dsm__spread_block(n, b, p, asked);
    hkp_dsm__take_waiting(n, a);
    return HKP_OK;
}

hkp_status hkp_dsm__block_load(node *n, const struct hkp_dsm__item *item, int branch) {
    struct hkp_dsm__block parsed;
    hkp_status st = hkp_dsm__block_parse(n->chain_id, item->signer, item->body.ptr, item->body.len, &parsed);
    if (st != HKP_OK) return st;
    struct author *a = hkp_dsm__author_make(n, item->signer);
    if (a == NULL) return HKP_E_LIMIT;
    if (hkp_dsm__block_by_id(n, parsed.id) != NULL) return HKP_OK;
    int at_final = !branch && parsed.seq == a->final.seq;
    if (at_final && memcmp(parsed.id, a->final.id, 32) != 0) return HKP_E_DSM_FORK;
    if (!at_final && parsed.seq <= a->final.seq) return HKP_OK;
    struct block *b = block_new(n, a, &parsed, &item->object, &item->payload);
    if (b == NULL) return HKP_E_LIMIT;
    if (at_final) {
        a->final.time_us = parsed.timestamp_us;
        if (a->tip.seq == a->final.seq) a->tip.time_us = parsed.timestamp_us;
        seq_put(n, b);
        b->place = PLACE_KEPT;
        /* one that came back while the node runs belongs to no checkpoint that is still to be told */
        b->height =
            n->state == HKP_DSM_STATE_RUNNING && n->epoch_first > 1 ? n->epoch_first - 1 : n->root.height;
        list_put(&n->kept_old, b);
        if (n->kept_new == NULL) n->kept_new = b;
        return HKP_OK;
    }
    if (!branch && hkp_dsm__block_extends(&parsed, n->chain_id, &a->tip) == HKP_OK) {
        extend(n, b);
        a->have_changed = 0;
        return HKP_OK;
    }
    if (!branch && parsed.seq > a->tip.seq) { /* a row below it is lost */
        b->place = PLACE_WAITING;
        list_put(&a->waiting, b);
        a->n_waiting++;
        n->n_waiting++;
        if (a->known_seq < parsed.seq) a->known_seq = parsed.seq;
        return HKP_OK;
    }
    b->place = PLACE_BRANCH;
    list_put(&a->branch, b);
    a->n_branch++;
    return HKP_OK;
}

/* All of a path is here, but some of it waits behind a gap that our own branch will never fill: it is kept as
 * what it is, another branch (D-BLK-13). */
static void off_the_tip(node *n, struct block *const *path, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        struct block *b = path[i];
        if (b->place != PLACE_WAITING) continue;
        unplace(n, b);
        b->place = PLACE_BRANCH;
        list_put(&b->author->branch, b);
        b->author->n_branch++;
        block_put(n, b, 1);
    }
}

int hkp_dsm__blocks_path(node *n, const struct author *a, uint64_t from, const uint8_t from_id[32],
                         uint64_t seq, const uint8_t id[32], uint64_t *missing) {
    const uint8_t *at = id;
    int complete = 1;
    if (seq <= from || seq - from > HKP_DSM__HEAD_BLOCKS_MAX) return -1;
    for (uint64_t s = seq; s > from; s--) {
        struct block *b = hkp_dsm__block_by_id(n, at);
        if (b == NULL) {
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
            unplace(n, ours);
            if (ours->pins == 0) block_free(n, ours);
        }
        unplace(n, b);
        seq_put(n, b);
        block_put(n, b, 0);
    } else {
        unplace(n, b);
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
            unplace(n, above);
            if (above->pins == 0) block_free(n, above);
        }
        a->tip = *head;
        a->have_changed = 1;
    }
    for (struct block *b = a->branch, *next; b != NULL; b = next) {
        next = b->next;
        if (b->b.seq > head->seq) continue;
        unplace(n, b);
        if (b->pins == 0) block_free(n, b);
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
    for (uint64_t s = a->final.seq + 1; s <= a->tip.seq && (!ours || s <= head->seq); s++) {
        struct block *b = hkp_dsm__block_at(n, a, s);
        if (b == NULL) continue;
        if (ours) {
            hkp_dsm__block_final(n, a, b, height);
            hkp_dsm__block_tell(n, b, HKP_DSM_EV_BLOCK_FINAL);
            hkp_dsm__block_unpin(n, b);
        } else {
            unplace(n, b);
            if (b->pins == 0) block_free(n, b);
        }
    }
    if (!ours) {
        a->tip = now;
        now.time_us = 0;
    }
    hkp_dsm__author_final(n, a, &now);
    a->headless = !ours;
}

/* ---- own blocks ---- */

hkp_status hkp_dsm_draft(hkp_dsm_node *n, const uint8_t *content, size_t len, uint64_t *seq, uint8_t prev[32],
                         uint8_t payload_hash[32]) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (len > HKP_DSM_CONTENT_MAX) return HKP_E_INVAL;
    blob *draft = hkp_dsm__room(n, len + 16);
    if (draft == NULL) return HKP_E_LIMIT;
    if (n->rng.fill(n->rng.user, draft->ptr, 16) != 0) {
        hkp_dsm__blob_drop(&n->pool, draft);
        return HKP_E_CALLBACK;
    }
    if (len > 0) memcpy(draft->ptr + 16, content, len);
    hkp_dsm__blob_drop(&n->pool, n->draft);
    n->draft = draft;
    *seq = n->self->tip.seq + 1;
    if (n->self->tip.seq == 0)
        hkp_dsm__first_prev(prev, n->chain_id, n->id);
    else
        memcpy(prev, n->self->tip.id, 32);
    hkp_dsm__payload_hash(payload_hash, draft->ptr, draft->len);
    return HKP_OK;
}

/* D-BLK-16: by the clock only while there is reason to believe it. */
static uint64_t block_time(const node *n, const struct hkp_dsm_certificate *c) {
    uint64_t wall = hkp_dsm__wall_us(n), last = n->self->tip.time_us;
    uint32_t known = 0, wrong = 0;
    for (uint32_t i = 0; i < n->peers_max; i++) {
        if (!n->peers[i].up) continue;
        known += n->peers[i].clock_verdict != HKP_DSM_CLOCK_UNKNOWN;
        wrong += n->peers[i].clock_verdict == HKP_DSM_CLOCK_FAIL;
    }
    int believed = (n->synchronised || known > 0) && wrong < 2;
    if (n->finals > 0 && wall > n->root.time_ms * 1000 + (n->now - n->root.at) / 1000 + 60000000)
        believed = 0;
    if (believed && wall > last && wall >= c->not_before_s * 1000000) return wall;
    return n->self->tip.seq > 0 ? last + 1 : c->not_before_s * 1000000;
}

static hkp_status own_rules(node *n, uint32_t event_type, const struct hkp_dsm_neuro *neuro,
                            const struct hkp_dsm_certificate **c) {
    struct author *self = n->self;
    if (event_type == 0 || event_type > 65535) return HKP_E_INVAL;
    if (n->draft == NULL || self->frozen) return HKP_E_STATE;
    if (self->known_seq > self->tip.seq) return HKP_E_LIMIT; /* D-BLK-7: peers hold newer own blocks */
    if (self->headless || hkp_dsm__own_lost(n)) return HKP_E_LIMIT;
    if (self->tip.seq - self->final.seq >= OPEN_PER_AUTHOR) return HKP_E_LIMIT;
    *c = &self->certs[0];
    for (uint32_t i = 1; i < self->n_certs; i++)
        if (self->certs[i].serial > (*c)->serial) *c = &self->certs[i];
    if ((((*c)->roles & HKP_DSM_ROLE_NEURO) != 0) != (neuro != NULL)) return HKP_E_DSM_NEURO;
    if (neuro != NULL && (neuro->ter_hash == NULL || (neuro->w_commit == NULL) != (neuro->posf == NULL) ||
                          (neuro->w_commit == NULL) != (neuro->holder == NULL)))
        return HKP_E_DSM_NEURO;
    return HKP_OK;
}

static void copy_neuro(struct hkp_dsm__block *b, const struct hkp_dsm_neuro *neuro) {
    b->has_neuro = 1;
    memcpy(b->neuro.ter_hash, neuro->ter_hash, 32);
    if (neuro->w_commit == NULL) return;
    b->neuro.has_commit = 1;
    memcpy(b->neuro.w_commit, neuro->w_commit, 32);
    memcpy(b->neuro.posf, neuro->posf, 32);
    memcpy(b->neuro.holder, neuro->holder, 16);
}

static hkp_status sign_own(node *n, uint32_t event_type, const struct hkp_dsm_neuro *neuro,
                           const struct hkp_dsm_certificate *c, struct hkp_dsm__block *b, uint8_t *envelope,
                           size_t *len) {
    struct author *self = n->self;
    *b = (struct hkp_dsm__block){.seq = self->tip.seq + 1,
                                 .timestamp_us = block_time(n, c),
                                 .serial = c->serial,
                                 .event_type = event_type,
                                 .payload_len = n->draft->len};
    if (b->timestamp_us / 1000000 >= c->not_after_s + 300) return HKP_E_DSM_EXPIRED;
    memcpy(b->author, n->id, 16);
    memcpy(b->prev, self->tip.id, 32);
    if (self->tip.seq == 0) hkp_dsm__first_prev(b->prev, n->chain_id, n->id);
    hkp_dsm__payload_hash(b->payload_hash, n->draft->ptr, n->draft->len);
    if (neuro != NULL) copy_neuro(b, neuro);
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX];
    size_t body_len = 0;
    hkp_status st = hkp_dsm__block_build(b, body, sizeof body, &body_len);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(b->id, n->chain_id, HKP_DSM_KIND_MICROBLOCK, n->id, body, body_len);
    return hkp_dsm_envelope_sign(n->chain_id, HKP_DSM_KIND_MICROBLOCK, n->id, n->secret, body, body_len,
                                 envelope, HKP_DSM__BLOCK_MAX, len);
}

hkp_status hkp_dsm_submit(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, uint32_t event_type,
                          const uint8_t *content, size_t len, const struct hkp_dsm_neuro *neuro,
                          uint64_t *seq) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (hkp_dsm__events_free(n) < EVENTS_RESERVE || n->held_count > HELD_MAX / 2) return HKP_E_LIMIT;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    if (content != NULL) {
        uint64_t ignored;
        uint8_t prev[32], hash[32];
        hkp_status st = hkp_dsm_draft(n, content, len, &ignored, prev, hash);
        if (st != HKP_OK) return st;
    }
    const struct hkp_dsm_certificate *c = NULL;
    hkp_status st = own_rules(n, event_type, neuro, &c);
    if (st != HKP_OK) return st;
    struct hkp_dsm__block parsed;
    uint8_t envelope[HKP_DSM__BLOCK_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    st = sign_own(n, event_type, neuro, c, &parsed, envelope, &bytes.len);
    if (st != HKP_OK) return st;
    if (!within_cap(n, n->self)) return HKP_E_LIMIT;
    struct hkp_dsm_view payload = {.ptr = n->draft->ptr, .len = n->draft->len};
    struct block *b = block_new(n, n->self, &parsed, &bytes, &payload);
    if (b == NULL) return HKP_E_LIMIT;
    hkp_dsm__blob_drop(&n->pool, n->draft);
    n->draft = NULL;
    extend(n, b);
    store_and_hold(n, b, HELD_OWN_BLOCK);
    *seq = parsed.seq;
    hkp_dsm__advance(n);
    return HKP_OK;
}
