/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How a node learns what it lacks (D-SMX-7, D-SMX-R8): HAVE tells heads, WANT asks for ranges, ITEMS answers
 * from memory or from the store. Every answer is checked like a pushed block.
 */
#include <string.h>

#include "libdsm/node/node.h"

enum { HAVE_ENTRIES = 1024, CERT_WANT_MAX = 64 };

static uint64_t tip_to_tell(const node *n, const struct author *a) {
    const struct block *b = hkp_dsm__block_at(n, a, a->tip.seq);
    return b != NULL && b->ticket > n->durable ? 0 : a->tip.seq; /* D-BLK-6 */
}

static int by_node_id(const void *x, const void *y) {
    const struct author *const *a = x;
    const struct author *const *b = y;
    return memcmp((*a)->node_id, (*b)->node_id, 16);
}

static blob *have_message(node *n, const struct author **list, size_t count) {
    hkp_dsm__sort(list, count, sizeof *list, by_node_id);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_have(&w, n->set.epoch, count);
    for (size_t i = 0; i < count; i++) hkp_dsm__put_have_entry(&w, list[i]->node_id, tip_to_tell(n, list[i]));
    return hkp_dsm__msg(n, &w);
}

enum { HAVE_CHANGED = 1, HAVE_OPEN = 2, HAVE_EVERY = 3 };

static int chosen(const node *n, const struct author *a, int which) {
    if (tip_to_tell(n, a) == 0) return 0;
    return which == HAVE_EVERY || (which == HAVE_OPEN && a->is_open) || a->have_changed;
}

static void tell(node *n, int which, struct peer *only) {
    const struct author *list[HAVE_ENTRIES];
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_authors; i++) {
        struct author *a = &n->authors[i];
        if (!chosen(n, a, which)) continue;
        if (only == NULL) a->have_changed = 0;
        list[count++] = a;
        if (count < HAVE_ENTRIES && i + 1 < n->n_authors) continue;
        blob *msg = have_message(n, list, count);
        count = 0;
        if (only != NULL)
            hkp_dsm__send_peer(n, only, 0, msg);
        else if (msg != NULL)
            hkp_dsm__send_all(n, 0, msg, NULL);
        hkp_dsm__blob_drop(&n->pool, msg);
    }
    if (count == 0) return;
    blob *msg = have_message(n, list, count);
    if (only != NULL)
        hkp_dsm__send_peer(n, only, 0, msg);
    else if (msg != NULL)
        hkp_dsm__send_all(n, 0, msg, NULL);
    hkp_dsm__blob_drop(&n->pool, msg);
}

void hkp_dsm__have_all(node *n, struct peer *p) { tell(n, HAVE_EVERY, p); }

void hkp_dsm__want(node *n, struct peer *p, uint32_t lane, const struct author *a, uint64_t from,
                   uint64_t to) {
    if (p == NULL || from > to) return;
    if (to - from > 1023) to = from + 1023;
    if (!hkp_dsm__lane_open(p, lane)) lane = 0;
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, 1);
    hkp_dsm__put_range(&w, a->node_id, from, to);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Ask on while somebody claims more than is here; after a silence ask somebody else. */
static void ask_on(node *n, struct author *a) {
    if (a->known_seq <= a->tip.seq || n->now < a->want_again) return;
    struct peer *p = a->want_again == 0 ? hkp_dsm__peer(n, a->known_by) : NULL;
    if (p == NULL) p = hkp_dsm__some_peer(n, 0, 0);
    if (p == NULL) return;
    a->want_again = n->now + (n->delay * 2 > SECOND ? 2 * SECOND : n->delay * 4 + 100 * MS);
    if (a->n_certs == 0) {
        hkp_dsm__certificate_ask(n, a, p, a->node_id);
        return;
    }
    hkp_dsm__want(n, p, 3, a, a->tip.seq + 1, a->known_seq);
}

void hkp_dsm__have_tick(node *n) {
    if (n->now < n->have_at) return;
    n->have_at = n->now + n->have_every;
    int open = n->now >= n->have_all_at;
    if (open) n->have_all_at = n->now + 2 * SECOND;
    tell(n, open ? HAVE_OPEN : HAVE_CHANGED, NULL);
    for (uint32_t i = 0; i < n->n_authors; i++) ask_on(n, &n->authors[i]);
}

hkp_status hkp_dsm__on_have(node *n, struct peer *p, struct hkp_dsm__message *m) {
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm__have have;
        hkp_dsm__next_have(&m->list, &have);
        struct author *a = hkp_dsm__author(n, have.node_id);
        if (a == NULL && p->seat >= 0)
            a = hkp_dsm__author_make(n, have.node_id); /* members vouch for authors */
        if (a == NULL || have.seq <= a->tip.seq) continue;
        if (have.seq > a->known_seq) {
            a->known_seq = have.seq;
            memcpy(a->known_by, p->node_id, 16);
        }
        ask_on(n, a);
    }
    return HKP_OK;
}

/* ---- answers ---- */

/* Items are put together behind 16 bytes of room for the head, whose length depends on their number. */
static blob *answer_room(node *n) {
    if (hkp_dsm__fuller(n, FILL_ANSWERS)) return NULL;
    blob *out = hkp_dsm__room(n, ITEMS_BYTES_MAX + 17408 + 16);
    if (out != NULL) out->len = 16;
    return out;
}

static void answer_add(blob *out, uint32_t *count, const uint8_t *item, size_t len) {
    memcpy(out->ptr + out->len, item, len);
    out->len += (uint32_t)len;
    (*count)++;
}

static void answer_send(node *n, struct peer *p, uint32_t lane, blob *out, uint32_t count) {
    uint8_t head[16];
    struct hkp_dsm_cbor_writer w = {.out = head, .cap = sizeof head};
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_ITEMS, count);
    out->ptr += 16 - w.len;
    out->len -= 16 - (uint32_t)w.len;
    memcpy(out->ptr, head, w.len);
    if (p != NULL) hkp_dsm__send_peer(n, p, lane, out);
    hkp_dsm__blob_drop(&n->pool, out);
}

static int answer_memory(node *n, blob *out, uint32_t *count, const struct author *a, uint64_t *from,
                         uint64_t to) {
    for (; *from <= to && out->len < ITEMS_BYTES_MAX; ++*from) {
        const struct block *b = hkp_dsm__block_at(n, a, *from);
        if (b == NULL) return 0;
        if (b->ticket > n->durable) return 1;
        answer_add(out, count, b->item->ptr, b->item->len);
    }
    return 1;
}

/* Blocks of another branch of this author: a checkpoint of theirs may need them (D-BLK-13). */
static void answer_branch(blob *out, uint32_t *count, const struct author *a, uint64_t from, uint64_t to) {
    for (const struct block *b = a->branch; b != NULL && out->len < ITEMS_BYTES_MAX; b = b->next)
        if (b->b.seq >= from && b->b.seq <= to && *count < 4096)
            answer_add(out, count, b->item->ptr, b->item->len);
}

static void answer_range(node *n, struct peer *p, uint32_t lane, const struct hkp_dsm__range *range) {
    const struct author *a = hkp_dsm__author(n, range->node_id);
    if (a == NULL) return;
    blob *out = answer_room(n);
    if (out == NULL) return;
    uint32_t count = 0;
    uint64_t from = range->from, to = range->to < a->tip.seq ? range->to : a->tip.seq;
    int memory = answer_memory(n, out, &count, a, &from, to);
    if (memory) answer_branch(out, &count, a, range->from, range->to);
    if (memory || count > 0) {
        answer_send(n, p, lane, out, count);
        return;
    }
    uint8_t key[24], key_to[24];
    hkp_dsm__key_block(key, a->node_id, from);
    struct read *r = hkp_dsm__scan(n, READ_ITEMS, HKP_DSM_ROW_BLOCK, key, key_to,
                                   hkp_dsm__key_block(key_to, a->node_id, to), (uint32_t)(to - from + 1));
    if (r == NULL) {
        hkp_dsm__blob_drop(&n->pool, out);
        return;
    }
    r->out = out;
    r->lane = lane;
    memcpy(r->peer, p->node_id, 16);
}

void hkp_dsm__items_row(node *n, struct read *r, const uint8_t *data, size_t len) {
    (void)n;
    if (r->out->len < ITEMS_BYTES_MAX && len <= 17408) answer_add(r->out, &r->count, data, len);
}

void hkp_dsm__items_end(node *n, struct read *r) {
    answer_send(n, hkp_dsm__peer(n, r->peer), r->lane, r->out, r->count);
}

hkp_status hkp_dsm__on_want(node *n, struct peer *p, struct hkp_dsm__message *m) {
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm__range range;
        hkp_dsm__next_range(&m->list, &range);
        answer_range(n, p, m->lane, &range);
    }
    return HKP_OK;
}

hkp_status hkp_dsm__on_items(node *n, struct peer *p, struct hkp_dsm__message *m) {
    hkp_status worst = HKP_OK;
    struct author *last = NULL;
    for (size_t i = 0; i < m->list.n && hkp_dsm__may_take(n); i++) {
        struct hkp_dsm__item item;
        hkp_dsm__next_item(&m->list, &item);
        if (item.form == HKP_DSM__FORM_MULTI) {
            hkp_status st = hkp_dsm__certificate_take(n, item.object.ptr, item.object.len, 0);
            if (st != HKP_OK) worst = st;
            continue;
        }
        hkp_status st = hkp_dsm__block_take(n, p, &item, 0, 1);
        if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE) worst = st;
        struct author *a = hkp_dsm__author(n, item.signer);
        if (a != NULL && a != last && st == HKP_OK) {
            last = a;
            a->want_again = 1; /* answered: ask on at once, the same or another */
        }
    }
    for (uint32_t i = 0; i < n->n_authors; i++)
        if (n->authors[i].want_again == 1 ||
            (m->lane == 1 && n->authors[i].known_seq > n->authors[i].tip.seq)) {
            n->authors[i].want_again = 0;
            ask_on(n, &n->authors[i]);
        }
    return worst;
}

hkp_status hkp_dsm__on_cert_want(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__may_ask(n, p)) return HKP_E_LIMIT;
    blob *out = answer_room(n);
    if (out == NULL) return HKP_E_LIMIT;
    uint32_t count = 0;
    for (size_t i = 0; i < m->list.n && i < CERT_WANT_MAX; i++) {
        const struct author *a = hkp_dsm__author(n, hkp_dsm__next_fixed(&m->list, 16));
        for (uint32_t c = 0; a != NULL && c < a->n_certs && out->len < ITEMS_BYTES_MAX; c++) {
            struct hkp_dsm_cbor_writer w = {.out = out->ptr + out->len, .cap = 1024};
            struct hkp_dsm_view multi = {.ptr = a->cert_bytes[c]->ptr, .len = a->cert_bytes[c]->len};
            hkp_dsm__put_item(&w, HKP_DSM__FORM_MULTI, &multi, NULL);
            if (w.status != HKP_OK) continue;
            out->len += (uint32_t)w.len;
            count++;
        }
    }
    answer_send(n, p, 1, out, count);
    return HKP_OK;
}
