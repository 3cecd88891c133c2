/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Stored rows that the store found damaged: dropped, told, and, where peers have the same, fetched again.
 * What comes is taken only if its hash is one that this node knew before: a block's id stands in the block
 * above it or in the final head, a header's digest in the header above or in the root, a body's hash beside
 * its header's digest. Rows LOST remember over a start what is still to come. Rows that only this node makes
 * (LEAVES, PLACE, DIGEST) are made anew by the store's repair.
 *
 * What is not final needs nothing of this: consensus asks for it like any node that was away.
 */
#include <sodium.h>
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* WAIT_S: what names a row is lost, too, and tells when it comes */
enum { READ_ABOVE = 1, READ_OWN = 2, READ_OWN_HERE = 3, READ_HASH = 4, TRIES = 40, EVERY = 200, WAIT_S = 60 };

static struct lost *find(node *n, uint32_t row, const uint8_t *key, size_t key_len) {
    for (uint32_t i = 0; i < n->n_lost; i++) {
        struct lost *l = &n->lost[i];
        if (l->row == row && l->key_len == key_len && memcmp(l->key, key, key_len) == 0) return l;
    }
    return NULL;
}

static size_t lost_key(uint8_t key[KEY_MAX], const struct lost *l) {
    key[0] = (uint8_t)l->row;
    memcpy(key + 1, l->key, l->key_len);
    return l->key_len + 1;
}

static void forget(node *n, struct lost *l) {
    uint8_t key[KEY_MAX];
    hkp_dsm__drop_one(n, HKP_DSM_ROW_LOST, key, lost_key(key, l));
    if (n->healing == l) n->healing = NULL;
    *l = n->lost[--n->n_lost];
    if (n->healing == &n->lost[n->n_lost]) n->healing = l;
}

/* What came names the row below it, too, which is asked for next: a run of lost rows comes from its top down.
 */
static void next(node *n, uint32_t row, const uint8_t *key, size_t key_len, uint64_t epoch,
                 const uint8_t want[32]) {
    struct lost *l = find(n, row, key, key_len);
    if (l == NULL) return;
    l->tries = 0;
    l->again = n->now;
    l->epoch = epoch;
    if (want == NULL || l->known) return;
    memcpy(l->want, want, 32);
    l->known = 1;
}

static void ends(node *n, struct lost *l, uint32_t kind, hkp_status status) {
    struct event_entry *e = hkp_dsm__fact(n, kind);
    e->e.status = status;
    e->e.row = l->row;
    memcpy(e->key, l->key, l->key_len);
    e->e.key_len = l->key_len;
    forget(n, l);
}

static void healed(node *n, struct lost *l) { ends(n, l, HKP_DSM_EV_HEALED, HKP_OK); }

/* The row of this kind whose number is that of l and so much more; NULL: it is not lost. */
static struct lost *beside(node *n, const struct lost *l, uint32_t row, uint64_t more) {
    uint8_t key[KEY_MAX];
    memcpy(key, l->key, l->key_len);
    hkp_put_be64(key + l->key_len - 8, hkp_be64(key + l->key_len - 8) + more);
    return find(n, row, key, l->key_len);
}

/* Lost, too, and it names l: the block or header above, the header of a body. The newest are known otherwise.
 */
static int waits(node *n, const struct lost *l) {
    const uint64_t number = hkp_be64(l->key + l->key_len - 8);
    const struct author *a = l->row == HKP_DSM_ROW_BLOCK ? hkp_dsm__author(n, l->key) : NULL;
    if (l->row == HKP_DSM_ROW_BODY) return beside(n, l, HKP_DSM_ROW_HEADER, 0) != NULL;
    if (number >= (a != NULL ? a->final.seq : n->root.height)) return 0;
    return beside(n, l, l->row, 1) != NULL;
}

static void waits_no_more(node *n, struct lost *l) {
    if (l == NULL || l->known) return;
    l->tries = TRIES;
    l->again = n->now;
}

/* Nobody has it, so nothing will name what lies below: that is not waited for, either. */
static void give_up(node *n, struct lost *l) {
    if (l->row != HKP_DSM_ROW_BODY) waits_no_more(n, beside(n, l, l->row, UINT64_MAX));
    if (l->row == HKP_DSM_ROW_HEADER) waits_no_more(n, beside(n, l, HKP_DSM_ROW_BODY, 0));
    ends(n, l, HKP_DSM_EV_LOST, HKP_E_NOTFOUND);
}

/* ---- what is lost ---- */

static size_t length_of(uint32_t row) {
    return row == HKP_DSM_ROW_BLOCK ? 24 : row == HKP_DSM_ROW_HEADER || row == HKP_DSM_ROW_BODY ? 8 : 0;
}

void hkp_dsm__lost_add(node *n, uint32_t row, const uint8_t *key, size_t key_len, int stored) {
    if (key_len == 0 || key_len != length_of(row) || find(n, row, key, key_len) != NULL) return;
    if (n->n_lost == LOST_MAX) return; /* the rest stays in its rows until the next start */
    struct lost *l = &n->lost[n->n_lost++];
    *l = (struct lost){.row = row, .key_len = key_len};
    memcpy(l->key, key, key_len);
    uint8_t marked[KEY_MAX];
    if (!stored) hkp_dsm__put(n, HKP_DSM_ROW_LOST, marked, lost_key(marked, l), NULL, 0);
}

hkp_status hkp_dsm_lost(hkp_dsm_node *n, hkp_time now, uint64_t ticket, const uint8_t *key, size_t key_len) {
    if (n->state == HKP_DSM_STATE_DEAD) return HKP_E_STATE;
    if (key_len == 0 || key_len >= KEY_MAX) return HKP_E_INVAL;
    const struct read *r = hkp_dsm__read_of(n, ticket);
    if (r == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__time(n, now);
    if (hkp_dsm__events_free(n) < 64) return HKP_OK; /* as if it were not there; found again later */
    if (r->row == HKP_DSM_ROW_META || r->row == HKP_DSM_ROW_HEADS) hkp_dsm__resync_note(n);
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_LOST);
    e->e.row = r->row;
    memcpy(e->key, key, key_len);
    e->e.key_len = key_len;
    hkp_dsm__drop_one(n, r->row, key, key_len);
    hkp_dsm__lost_add(n, r->row, key, key_len, 0);
    return HKP_OK;
}

/* The first header of an epoch names the boundary before it as of view 0. */
static uint64_t epoch_below(const struct hkp_dsm__header *h) {
    return h->parent_view == 0 && h->epoch > 0 ? h->epoch - 1 : h->epoch;
}

/* ---- asking ---- */

/* 1: somebody was asked. */
static int ask_block(node *n, const struct lost *l) {
    const struct author *a = hkp_dsm__author(n, l->key);
    uint64_t seq = hkp_be64(l->key + 16);
    struct peer *p = hkp_dsm__some_peer(n, 3, 0);
    if (a == NULL || p == NULL) return 0;
    if (a->n_certs == 0)
        hkp_dsm__certificate_ask(n, NULL, p, a->node_id);
    else
        hkp_dsm__want(n, p, 3, a, seq, seq);
    return 1;
}

static int ask_pair(node *n, const struct lost *l) {
    struct peer *p = hkp_dsm__some_peer(n, 0, 1);
    if (p != NULL) hkp_dsm__sync_ask(n, p, l->epoch, 0, l->want);
    return p != NULL;
}

static int ask(node *n, const struct lost *l) {
    return l->row == HKP_DSM_ROW_BLOCK ? ask_block(n, l) : ask_pair(n, l);
}

/* ---- what must come: known from the row above, or from what is in memory ---- */

static void read_for(node *n, struct lost *l, uint32_t what, uint32_t row, const uint8_t *key, size_t len) {
    struct read *r = hkp_dsm__get(n, READ_HEAL, row, key, len);
    if (r == NULL) return;
    l->reading = what;
    n->healing = l;
}

static void know(struct lost *l, const uint8_t want[32]) {
    memcpy(l->want, want, 32);
    l->known = 1;
}

enum { SEEK_ENDS, SEEK_GOES_ON };

static int seek_block(node *n, struct lost *l) {
    struct author *a = hkp_dsm__author(n, l->key);
    uint64_t seq = hkp_be64(l->key + 16);
    if (a == NULL) return SEEK_ENDS;
    const struct block *held = hkp_dsm__block_at(n, a, seq), *above = hkp_dsm__block_at(n, a, seq + 1);
    if (held != NULL) { /* of the chain, still in memory */
        hkp_dsm__put_blob(n, HKP_DSM_ROW_BLOCK, l->key, 24, hkp_dsm__blob_hold(held->item));
        return SEEK_ENDS;
    }
    if (seq == a->final.seq) {
        know(l, a->final.id);
    } else if (seq > a->final.seq) {
        /* An own one that others may hold is waited for: its number must not be used again (D-BLK-7). */
        if (a != n->self || seq <= a->tip.seq) return SEEK_ENDS;
        ask_block(n, l);
    } else if (above != NULL) {
        know(l, above->b.prev);
    } else {
        uint8_t key[24];
        hkp_dsm__key_block(key, a->node_id, seq + 1);
        read_for(n, l, READ_ABOVE, HKP_DSM_ROW_BLOCK, key, sizeof key);
    }
    return SEEK_GOES_ON;
}

static int seek_pair(node *n, struct lost *l) {
    uint64_t height = hkp_be64(l->key);
    uint8_t key[8];
    if (height > n->root.height || height == 0) return SEEK_ENDS;
    if (l->row == HKP_DSM_ROW_BODY) {
        read_for(n, l, READ_OWN, HKP_DSM_ROW_HEADER, l->key, 8);
    } else if (height == n->root.height) {
        l->epoch = height < n->epoch_first ? n->set.epoch - 1 : n->set.epoch;
        know(l, n->root.digest);
    } else {
        hkp_put_be64(key, height + 1);
        read_for(n, l, READ_ABOVE, HKP_DSM_ROW_HEADER, key, sizeof key);
    }
    return SEEK_GOES_ON;
}

/* Waits double up to a minute. A try counts when somebody was asked, or could have been told what to ask for.
 */
static void step(node *n, struct lost *l) {
    l->again = n->now + SECOND * (1ULL << (l->tries < 6 ? l->tries : 6));
    if (l->tries == TRIES)
        give_up(n, l);
    else if (l->known)
        l->tries += (uint32_t)ask(n, l);
    else if ((l->row == HKP_DSM_ROW_BLOCK ? seek_block(n, l) : seek_pair(n, l)) == SEEK_ENDS)
        healed(n, l);
    else if (l->known)
        l->again = n->now;
    else
        l->tries += n->n_peers > 0;
}

/* What can be asked for first: it names what waits for it. */
static struct lost *due(node *n) {
    struct lost *first = NULL;
    for (uint32_t i = 0; i < n->n_lost; i++) {
        struct lost *l = &n->lost[(n->heal_next + i) % n->n_lost];
        if (n->now < l->again) continue;
        if (l->known || l->tries == TRIES) return l;
        if (waits(n, l))
            l->again = n->now + WAIT_S * SECOND;
        else if (first == NULL)
            first = l;
    }
    return first;
}

void hkp_dsm__heal(node *n) {
    if (n->n_lost == 0 || n->healing != NULL || n->now < n->heal_at || !hkp_dsm__may_take(n)) return;
    n->heal_at = n->now + EVERY * MS;
    struct lost *l = due(n);
    if (l == NULL) return;
    n->heal_next = (uint32_t)(l - n->lost) + 1;
    step(n, l);
}

int hkp_dsm__own_lost(const node *n) {
    for (uint32_t i = 0; i < n->n_lost; i++)
        if (n->lost[i].row == HKP_DSM_ROW_BLOCK && memcmp(n->lost[i].key, n->id, 16) == 0 &&
            hkp_be64(n->lost[i].key + 16) > n->self->tip.seq)
            return 1;
    return 0;
}

hkp_time hkp_dsm__heal_wake(const node *n) {
    hkp_time wake = HKP_TIME_NEVER;
    for (uint32_t i = 0; i < n->n_lost; i++)
        if (n->lost[i].again < wake) wake = n->lost[i].again;
    return n->n_lost == 0 || n->healing != NULL ? HKP_TIME_NEVER : wake > n->heal_at ? wake : n->heal_at;
}

void hkp_dsm__heal_row(node *n, const uint8_t *data, size_t len) {
    struct lost *l = n->healing;
    struct hkp_dsm__item item;
    struct hkp_dsm__block b;
    struct hkp_dsm__header h;
    if (l == NULL) return;
    if (l->reading == READ_HASH) {
        if (len == 40) memcpy(l->hash, data + 8, 32), l->known = 1;
        return;
    }
    if (l->row == HKP_DSM_ROW_BLOCK) {
        if (hkp_dsm__stored_item(data, len, &item) == HKP_OK &&
            hkp_dsm__block_parse(n->chain_id, item.signer, item.body.ptr, item.body.len, &b) == HKP_OK)
            know(l, b.prev);
        return;
    }
    if (hkp_dsm__header_parse(n->chain_id, data, len, &h) != HKP_OK) return;
    if (l->reading == READ_ABOVE) {
        l->epoch = epoch_below(&h);
        know(l, h.parent);
        return;
    }
    l->epoch = h.epoch;
    memcpy(l->want, h.digest, 32);
    l->reading = READ_OWN_HERE;
}

void hkp_dsm__heal_end(node *n) {
    struct lost *l = n->healing;
    n->healing = NULL;
    if (l == NULL) return;
    uint32_t was = l->reading;
    l->reading = 0;
    if (was == READ_OWN_HERE) read_for(n, l, READ_HASH, HKP_DSM_ROW_DIGEST, l->want, 32);
    if (l->known) l->again = n->now;
}

/* ---- what came ---- */

void hkp_dsm__body_hash(uint8_t hash[32], const uint8_t *body, size_t len) {
    crypto_generichash(hash, 32, body, len, NULL, 0);
}

/* The id says that it is the block; others will ask for its signature, too. */
static int authentic(const node *n, const struct author *a, const struct hkp_dsm__block *b,
                     const struct hkp_dsm__item *item) {
    struct hkp_dsm_envelope e;
    return a->n_certs > 0 &&
           hkp_dsm_envelope_parse(item->object.ptr, item->object.len, 1U << HKP_DSM_KIND_MICROBLOCK, &e) ==
               HKP_OK &&
           hkp_dsm_envelope_verify(n->chain_id, &e, a->certs[0].key) == HKP_OK &&
           (item->payload.ptr == NULL ||
            hkp_dsm__block_payload(b, item->payload.ptr, item->payload.len) == HKP_OK);
}

/* Stored, and in memory if its author waits for it as its head. */
static int take_back(node *n, struct author *a, const struct hkp_dsm__block *b,
                     const struct hkp_dsm__item *item) {
    uint8_t key[24];
    blob *row = hkp_dsm__block_row(n, FILL_BLOCKS, &item->object, &item->payload);
    if (row == NULL) return 0;
    hkp_dsm__put_blob(n, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, b->author, b->seq), row);
    if (a->headless && b->seq == a->final.seq && hkp_dsm__block_load(n, item, 0) == HKP_OK) {
        a->headless = 0;
        hkp_dsm__take_waiting(n, a);
    }
    return 1;
}

hkp_status hkp_dsm__heal_head(node *n, struct author *a, const struct hkp_dsm__block *b,
                              const struct hkp_dsm__item *item) {
    uint8_t key[24];
    if (!authentic(n, a, b, item)) return HKP_E_DSM_SIG;
    if (!take_back(n, a, b, item)) return HKP_E_LIMIT;
    struct lost *l = find(n, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, b->author, b->seq));
    if (l != NULL) healed(n, l);
    return HKP_OK;
}

int hkp_dsm__heal_block(node *n, const struct hkp_dsm__block *b, const struct hkp_dsm__item *item) {
    uint8_t key[24];
    hkp_dsm__key_block(key, b->author, b->seq);
    struct lost *l = n->n_lost > 0 ? find(n, HKP_DSM_ROW_BLOCK, key, sizeof key) : NULL;
    struct author *a = hkp_dsm__author(n, b->author);
    if (l == NULL || a == NULL || !l->known || memcmp(l->want, b->id, 32) != 0) return 0;
    if (!authentic(n, a, b, item) || !take_back(n, a, b, item)) return 0;
    healed(n, l);
    hkp_dsm__key_block(key, b->author, b->seq - 1);
    next(n, HKP_DSM_ROW_BLOCK, key, sizeof key, 0, b->prev);
    return 1;
}

static void heal_header(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header) {
    uint8_t key[8];
    hkp_put_be64(key, h->height);
    struct lost *l = find(n, HKP_DSM_ROW_HEADER, key, sizeof key);
    if (l == NULL || !l->known || memcmp(l->want, h->digest, 32) != 0) return;
    if (n->boundary_unseen && h->height + 1 == n->epoch_first) {
        n->boundary_unseen = 0;
        if (memcmp(h->heads_root, n->boundary_heads, 32) != 0) {
            hkp_dsm__die(n, HKP_E_DSM_PROOF, HKP_DSM_ROW_HEADS, key, sizeof key);
            return;
        }
    }
    hkp_dsm__put(n, HKP_DSM_ROW_HEADER, key, sizeof key, header->ptr, header->len);
    healed(n, l);
    next(n, HKP_DSM_ROW_BODY, key, sizeof key, h->epoch, NULL);
    hkp_put_be64(key, h->height - 1);
    next(n, HKP_DSM_ROW_HEADER, key, sizeof key, epoch_below(h), h->parent);
}

/* Places that were lost with the body, too; the same again if they were not. */
static void put_places(node *n, uint64_t height, const struct hkp_dsm_view *body) {
    struct hkp_dsm__body parsed;
    if (height < n->prune.blocks || hkp_dsm__body_parse(body->ptr, body->len, &parsed) != HKP_OK ||
        parsed.n_heads + 64 > hkp_dsm__events_free(n))
        return;
    for (size_t i = 0; i < parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        uint8_t key[24], value[8];
        hkp_dsm__body_head(&parsed.heads, &head);
        hkp_put_be64(value, height);
        hkp_dsm__put(n, HKP_DSM_ROW_PLACE, key, hkp_dsm__key_block(key, head.node_id, head.seq), value,
                     sizeof value);
    }
}

void hkp_dsm__heal_pair(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header,
                        const struct hkp_dsm_view *body) {
    uint8_t hash[32], key[8];
    hkp_put_be64(key, h->height);
    heal_header(n, h, header);
    struct lost *l = find(n, HKP_DSM_ROW_BODY, key, sizeof key);
    if (l == NULL || !l->known || memcmp(l->want, h->digest, 32) != 0) return;
    hkp_dsm__body_hash(hash, body->ptr, body->len);
    if (memcmp(hash, l->hash, 32) != 0) return;
    hkp_dsm__put(n, HKP_DSM_ROW_BODY, key, sizeof key, body->ptr, body->len);
    put_places(n, h->height, body);
    healed(n, l);
}
