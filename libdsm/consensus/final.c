/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What a CERT_F makes final (R6): the named header and its ancestors in this epoch, lowest first, each only
 * when its body and blocks are here. Reported when it is durable (D-STO-1). A final boundary ends the epoch.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { DROP_EVERY = 16, SNAPSHOT_HEADS = 256, SNAPSHOT_HEAD_BYTES = 57, LINK_MAX = 65536 };

/* ---- what must be here ---- */

/* Changed heads with all their blocks; asks for what is missing. */
static int blocks_here(node *n, struct prop *p) {
    int complete = 1;
    struct hkp_dsm_cbor_reader at = p->parsed.heads;
    for (size_t i = 0; i < p->parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&at, &head);
        struct author *a = hkp_dsm__author_make(n, head.node_id);
        uint64_t missing = 0;
        if (a == NULL) return 0;
        if (a->n_certs > 0 &&
            hkp_dsm__blocks_path(n, a, a->final.seq, a->final.id, head.seq, head.id, &missing) == 1)
            continue;
        complete = 0;
        a->named_final = missing > 0;
        if (n->now < a->want_again && a->want_again > 1) continue;
        a->want_again = n->now + 2 * n->delay;
        struct peer *who = hkp_dsm__some_peer(n, 0, 1);
        if (a->n_certs == 0)
            hkp_dsm__certificate_ask(n, a, who, head.node_id);
        else if (missing > 0)
            hkp_dsm__want(n, who, 0, a, a->final.seq + 1, missing);
    }
    return complete;
}

/* Blocks of another branch than ours get the rows of their numbers before p is final here, as many at a time
 * as there is room for: one checkpoint may bring more of them than there are events. A start between finds
 * another branch above the final head. */
static int branches_kept(node *n, const struct prop *p) {
    const uint32_t least = (uint32_t)p->parsed.n_heads + EVENTS_RESERVE / 2;
    struct hkp_dsm_cbor_reader at = p->parsed.heads;
    for (size_t i = 0; i < p->parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&at, &head);
        struct author *a = hkp_dsm__author(n, head.node_id);
        uint64_t missing = 0;
        if (hkp_dsm__blocks_path(n, a, a->final.seq, a->final.id, head.seq, head.id, &missing) != 1) return 0;
        for (uint64_t k = 0; k < head.seq - a->final.seq; k++) {
            struct block *b = n->path[k];
            if (b->place != PLACE_BRANCH || b->kept) continue;
            if (hkp_dsm__events_free(n) < least) return 0;
            hkp_dsm__block_put(n, b, 0);
            b->kept = 1;
        }
    }
    return hkp_dsm__events_free(n) + 1 >= least;
}

/* The tree stands on p: applied now, or before when p was judged. A body that does not give the root that q
 * members signed is not the body. */
static int applied(node *n, struct prop *p) {
    if (p->undo != NULL) return 1;
    if (!hkp_dsm__goto(n, NULL)) return 0;
    hkp_status st = hkp_dsm__prop_apply(n, p);
    if (st == HKP_E_DSM_PROOF || st == HKP_E_LIMIT) {
        uint8_t digest[32];
        memcpy(digest, p->h.digest, 32);
        hkp_dsm__prop_free(n, p);
        hkp_dsm__ask_header(n, digest);
    }
    return st == HKP_OK;
}

/* ---- one header ---- */

static void head_final(node *n, const struct hkp_dsm__head *h, uint64_t height) {
    struct author *a = hkp_dsm__author(n, h->node_id);
    struct hkp_dsm__known_head head = {.seq = h->seq,
                                       .time_us = n->path[h->seq - a->final.seq - 1]->b.timestamp_us};
    memcpy(head.id, h->id, 32);
    for (uint64_t i = 0; i < h->seq - a->final.seq; i++) hkp_dsm__block_final(n, a, n->path[i], height);
    hkp_dsm__author_final(n, a, &head);
}

static void put_height(node *n, uint32_t row, uint64_t height, blob *data) {
    uint8_t key[8];
    hkp_put_be64(key, height);
    hkp_dsm__put_blob(n, row, key, sizeof key, data);
}

/* Heads become final, blocks leave the open ones; the leaves of blocks_root are kept for proofs. */
static int heads_final(node *n, struct prop *p) {
    blob *leaves = hkp_dsm__room(n, (size_t)p->h.n_blocks * 32);
    if (leaves == NULL) return 0;
    size_t at_leaf = 0;
    struct hkp_dsm_cbor_reader at = p->parsed.heads;
    for (size_t i = 0; i < p->parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&at, &head);
        struct author *a = hkp_dsm__author(n, head.node_id);
        uint64_t from = a->final.seq, missing = 0;
        if (hkp_dsm__blocks_path(n, a, from, a->final.id, head.seq, head.id, &missing) != 1) continue;
        for (uint64_t k = 0; k < head.seq - from && at_leaf + 32 <= leaves->len; k++, at_leaf += 32)
            memcpy(leaves->ptr + at_leaf, n->path[k]->b.id, 32);
        head_final(n, &head, p->h.height);
        uint8_t key[24], value[8];
        hkp_put_be64(value, p->h.height);
        hkp_dsm__put(n, HKP_DSM_ROW_PLACE, key, hkp_dsm__key_block(key, head.node_id, head.seq), value,
                     sizeof value);
    }
    put_height(n, HKP_DSM_ROW_LEAVES, p->h.height, leaves);
    return 1;
}

/* D-SMX-8: shorter with each finalised view, but half of what a view takes is needed (decision 0448). */
static void shorten_delay(node *n) {
    uint64_t least = n->view_took / 2 > 20 * MS ? n->view_took / 2 : 20 * MS;
    if (n->delay * 9 / 10 > least) least = n->delay * 9 / 10;
    if (least < n->delay) n->delay = least;
}

static void advance_root(node *n, struct prop *p) {
    memcpy(n->root.digest, p->h.digest, 32);
    n->root.height = p->h.height;
    n->root.view = p->h.view;
    n->root.time_ms = p->h.time_ms;
    n->root.at = n->now;
    n->root.ends = p->boundary;
    n->finals++;
    n->had_nullified = 0;
    shorten_delay(n);
    hkp_dsm__pool_give(&n->pool, p->undo);
    p->undo = NULL;
    if (n->cursor == p) n->cursor = NULL;
    p->queued = 1;
    hkp_dsm__blob_drop(&n->pool, n->final_n);
    const struct slot *s = &n->slots[p->h.view % SLOTS];
    n->final_n = s->view == p->h.view && s->cert[CERT_N] != NULL ? hkp_dsm__blob_hold(s->cert[CERT_N]) : NULL;
    for (uint32_t i = 0; i < PROPS; i++)
        if (n->props[i].used && !n->props[i].queued && n->props[i].h.view <= n->root.view)
            hkp_dsm__prop_free(n, &n->props[i]);
}

/* Certs and proposals below the newest final view are of no more use; a watermark says so to the WAL. */
static void forget_below(node *n) {
    uint8_t from[16], to[16];
    hkp_dsm__key_epoch_view(from, n->set.epoch, 0);
    hkp_dsm__key_epoch_view(to, n->set.epoch, n->root.view);
    hkp_dsm__drop(n, HKP_DSM_ROW_PROPOSAL, from, to, sizeof to);
    hkp_dsm__drop(n, HKP_DSM_ROW_CERT, from, to, sizeof to);
    if (n->root.view > n->watermark) {
        n->watermark = n->root.view;
        hkp_dsm__wal(n, 0, n->set.epoch, n->watermark, NULL);
    }
}

/* D-STO-1: what its descendant's CERT_F makes final is told only when that is durable, too; the descendant
 * itself may have to wait. */
static void put_target(node *n) {
    if (n->target_put == n->target_view) return;
    n->target_put = n->target_view;
    uint8_t key[17];
    hkp_dsm__key_epoch_view(key, n->set.epoch, n->target_view);
    key[16] = HKP_DSM_KIND_FINAL;
    hkp_dsm__put_blob(n, HKP_DSM_ROW_CERT, key, sizeof key, hkp_dsm__blob_hold(n->target_cert));
}

static int finalise_one(node *n, struct prop *p, int named) {
    if (!applied(n, p) || !blocks_here(n, p) || !branches_kept(n, p) || !heads_final(n, p)) return 0;
    hkp_dsm__ops_final(n, p);
    uint8_t place[40];
    hkp_put_be64(place, p->h.height);
    put_height(n, HKP_DSM_ROW_HEADER, p->h.height, hkp_dsm__blob_hold(p->header));
    put_height(n, HKP_DSM_ROW_BODY, p->h.height, hkp_dsm__blob_hold(p->body));
    hkp_dsm__body_hash(place + 8, p->body->ptr, p->body->len);
    hkp_dsm__put(n, HKP_DSM_ROW_DIGEST, p->h.digest, 32, place, sizeof place);
    if (named)
        put_height(n, HKP_DSM_ROW_FINAL, p->h.height, hkp_dsm__blob_hold(n->target_cert));
    else
        put_target(n);
    if (named) hkp_dsm__share_final(n, &p->h);
    advance_root(n, p);
    struct report *r = &n->reports[(n->report_head + n->report_count++) % REPORTS_MAX];
    *r = (struct report){.p = p, .ticket = n->ticket, .at = p->parsed.heads};
    if (p->h.height % DROP_EVERY == 0) forget_below(n);
    return 1;
}

/* ---- the end of an epoch (D-EPO-4) ---- */

static void snapshot(node *n) {
    uint8_t key[12];
    size_t count = hkp_dsm__heads_count(n->heads);
    for (size_t at = 0, chunk = 0; at < count; chunk++) {
        size_t here = count - at < SNAPSHOT_HEADS ? count - at : SNAPSHOT_HEADS;
        uint8_t rows[SNAPSHOT_HEADS * SNAPSHOT_HEAD_BYTES];
        for (size_t i = 0; i < here; i++, at++) {
            const struct hkp_dsm__head *h = hkp_dsm__heads_at(n->heads, at);
            uint8_t *row = rows + i * SNAPSHOT_HEAD_BYTES;
            memcpy(row, h->node_id, 16);
            hkp_put_be64(row + 16, h->seq);
            memcpy(row + 24, h->id, 32);
            row[56] = (uint8_t)h->status;
        }
        hkp_put_be64(key, n->root.height);
        hkp_put_be32(key + 8, (uint32_t)chunk);
        hkp_dsm__put(n, HKP_DSM_ROW_HEADS, key, sizeof key, rows, here * SNAPSHOT_HEAD_BYTES);
    }
}

/* Those before it: only when META names the new one, or a power cut between leaves none (D-STO-1). */
static void drop_snapshots(node *n) {
    const uint8_t from[12] = {0};
    uint8_t to[12] = {0};
    hkp_put_be64(to, n->root.height);
    hkp_dsm__drop(n, HKP_DSM_ROW_HEADS, from, to, sizeof to);
}

/* META row "epoch": height, time_ms, digest of its genesis, set. Switches the snapshot, too (D-STO-1). */
static void put_epoch(node *n) {
    blob *b = hkp_dsm__room(n, 48 + n->set_len);
    if (b == NULL) {
        hkp_dsm__die(n, HKP_E_NOMEM, HKP_DSM_ROW_META, NULL, 0);
        return;
    }
    hkp_put_be64(b->ptr, n->root.height);
    hkp_put_be64(b->ptr + 8, n->root.time_ms);
    memcpy(b->ptr + 16, n->root.digest, 32);
    memcpy(b->ptr + 48, n->set_body, n->set_len);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_META, (const uint8_t *)"epoch", 5, b);
}

void hkp_dsm__epoch_begin(node *n, const uint8_t *set_body, size_t len, const uint8_t boundary[32],
                          uint64_t height, uint64_t time_ms) {
    const struct hkp_dsm__valset old = n->set;
    memmove(n->set_body, set_body, len);
    n->set_len = len;
    hkp_status st = hkp_dsm__valset_parse(n->set_body, n->set_len, &n->set);
    if (st != HKP_OK) {
        hkp_dsm__die(n, st, HKP_DSM_ROW_META, (const uint8_t *)"epoch", 5);
        return;
    }
    hkp_dsm__trust_begun(n, boundary);
    memmove(n->root.digest, boundary, 32);
    n->root.height = height;
    n->root.view = 0;
    n->root.ends = 0;
    n->root.time_ms = time_ms;
    n->root.at = n->now;
    n->epoch_first = height + 1;
    n->epoch_ms = time_ms;
    hkp_dsm__leaders(&n->set, boundary, n->perm);
    n->seat = hkp_dsm__valset_index(&n->set, n->id);
    hkp_dsm__slots_clear(n);
    for (uint32_t i = 0; i < PROPS; i++)
        if (n->props[i].used && !n->props[i].queued) hkp_dsm__prop_free(n, &n->props[i]);
    hkp_dsm__blob_drop(&n->pool, n->target_cert);
    hkp_dsm__blob_drop(&n->pool, n->final_n);
    n->target_cert = n->final_n = NULL;
    n->target_view = n->target_put = n->watermark = 0;
    n->silent = 0;
    memset(n->promised, 0, sizeof n->promised);
    n->promise_view = 0;
    memset(n->checked, 0, sizeof n->checked);
    hkp_dsm__notes_clear(n);
    hkp_dsm__shares_turn(n, &old);
    hkp_dsm__peers_seats(n);
    hkp_dsm__enter(n, 1);
}

/* The link of D-SYN-5 that ends the epoch: boundary, empties down to the header that CERT_F names, set. */
static void put_link(node *n, struct prop *const *way, size_t count) {
    blob *b = hkp_dsm__room(n, LINK_MAX + n->set_len);
    if (b == NULL) return;
    struct hkp_dsm_cbor_writer w = {.out = b->ptr, .cap = b->len};
    hkp_dsm_cbor_put_array(&w, 3);
    hkp_dsm_cbor_put_array(&w, count);
    for (size_t i = 0; i < count; i++) hkp_dsm_cbor_put_bytes(&w, way[i]->header->ptr, way[i]->header->len);
    hkp_dsm_cbor_put_bytes(&w, n->target_cert->ptr, n->target_cert->len);
    hkp_dsm_cbor_put_bytes(&w, n->set_body, n->set_len);
    b->len = (uint32_t)w.len;
    uint8_t key[8];
    hkp_put_be64(key, n->set.epoch);
    if (w.status == HKP_OK)
        hkp_dsm__put_blob(n, HKP_DSM_ROW_LINK, key, sizeof key, b);
    else
        hkp_dsm__blob_drop(&n->pool, b);
}

/* D-EPO-7: this build knows version 1 alone. What it would vote for is of no use there, so it votes no more.
 */
void hkp_dsm__version_begins(node *n, uint64_t version) {
    const uint8_t row = (uint8_t)version;
    if (version <= 1 || version <= n->outdated) return;
    n->outdated = (uint32_t)version;
    if (n->state == HKP_DSM_STATE_RUNNING)
        hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"version", 7, &row, 1);
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_OUTDATED);
    e->e.epoch = n->set.epoch;
    e->e.type = (uint32_t)version;
}

/* The epoch has begun: all that a start needs is stored, the switch last. */
static void begun(node *n, const uint8_t digest[32], uint32_t joined) {
    snapshot(n);
    hkp_dsm__chunks_note(n);
    put_epoch(n);
    drop_snapshots(n);
    hkp_dsm__pending_forget(n);
    hkp_dsm__wal(n, 0, n->set.epoch, 0, NULL);
    uint8_t from[16] = {0}, to[16];
    hkp_dsm__key_epoch_view(to, n->set.epoch, 0);
    hkp_dsm__drop(n, HKP_DSM_ROW_PROPOSAL, from, to, sizeof to);
    hkp_dsm__drop(n, HKP_DSM_ROW_CERT, from, to, sizeof to);
    if (n->ahead >= n->set.epoch) {
        n->sync_again = 0;
        hkp_dsm__ask_certs(n, NULL, 1, VOTE_WINDOW);
    }
    hkp_dsm__resync_epoch(n, joined);
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_EPOCH);
    e->e.epoch = n->set.epoch;
    e->e.height = n->epoch_first;
    e->e.count = joined;
    memcpy(e->e.id, digest, 32);
}

/* META row "joined": epoch, BLIND_*. */
static void put_joined(node *n, uint32_t blind) {
    uint8_t joined[9];
    hkp_put_be64(joined, n->set.epoch);
    joined[8] = (uint8_t)blind;
    n->join_blind = blind;
    hkp_dsm__put(n, HKP_DSM_ROW_META, (const uint8_t *)"joined", 6, joined, sizeof joined);
}

/* q members signed another set than this node's own account of who asked for what gives: it is as one that
 * joined in this epoch and does not know, until it takes the set of the boundary from others. Told once for
 * each boundary, and not by who only joined, to whom it is no news (decisions 0605, 0618). */
static void differs(node *n, const struct hkp_dsm__header *h, const uint8_t *set, size_t len) {
    const uint32_t blind = n->join_blind;
    if (blind == BLIND_DIFFERS) return;
    put_joined(n, BLIND_DIFFERS);
    if (blind == BLIND_JOINED) return;
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_SET_DIFFERS);
    e->e.epoch = h->epoch;
    e->e.height = h->height;
    memcpy(e->e.id, h->digest, 32);
    e->data = hkp_dsm__bytes(n, set, len);
}

/* The epoch that a final boundary begins; also at start, when it was final but its epoch not yet durable. */
void hkp_dsm__epoch_again(node *n, const struct hkp_dsm__header *h) {
    uint8_t set[HKP_DSM_VALSET_MAX], digest[32], hash[32];
    struct hkp_dsm__valset old = n->set;
    uint64_t first = n->epoch_first, version = h->version; /* h does not outlive the epoch */
    size_t len = 0;
    if (!hkp_dsm__trust_step(n, h)) return;
    hkp_status st = hkp_dsm__next_set(n, n->pending, h->height, set, &len);
    if (st == HKP_OK) hkp_dsm__valset_hash(hash, set, len);
    if (st != HKP_OK || memcmp(hash, h->next_valset, 32) != 0) {
        differs(n, h, set, st == HKP_OK ? len : 0);
        hkp_dsm__join_hint(n, n->set.epoch + 1);
        return;
    }
    n->join_blind = BLIND_NOT;
    memcpy(digest, h->digest, 32);
    if (!hkp_dsm__goto(n, NULL)) return;
    hkp_dsm__epoch_begin(n, set, len, digest, h->height, h->time_ms);
    hkp_dsm__pending_carry(n, &old, first);
    begun(n, digest, 0);
    hkp_dsm__version_begins(n, version);
    hkp_dsm__promises_epoch(n);
}

void hkp_dsm__epoch_jump(node *n, const struct hkp_dsm__header *h, const uint8_t *set, size_t len) {
    n->pending->count = 0;
    hkp_dsm__epoch_begin(n, set, len, h->digest, h->height, h->time_ms);
    put_joined(n, n->join_blind == BLIND_DIFFERS ? BLIND_AGAIN : BLIND_JOINED);
    begun(n, h->digest, 1);
    hkp_dsm__version_begins(n, n->join.version);
    n->promises_open = 1; /* what it promised here before its store was set back (D-STO-9) */
    hkp_dsm__promises_ask(n, NULL);
}

/* What waited for the boundaries of the old epoch is void: the officers say who sits now. Promises that an
 * older copy of this store made in the new epoch are asked for, as after a jump (D-STO-9). */
void hkp_dsm__epoch_restart(node *n, const struct hkp_dsm__restart *r) {
    struct hkp_dsm__valset old = n->set;
    uint8_t digest[32], key[8], waits[9] = "m";
    uint64_t height = n->root.height, first = n->epoch_first;
    memcpy(digest, r->genesis, 32);
    hkp_put_be64(waits + 1, height);
    hkp_dsm__drop_one(n, HKP_DSM_ROW_META, waits, sizeof waits);
    n->pending->count = 0;
    n->join_blind = BLIND_NOT;
    hkp_put_be64(key, height);
    if (r->n_headers == 1) hkp_dsm__put(n, HKP_DSM_ROW_FINAL, key, sizeof key, r->cert.ptr, r->cert.len);
    hkp_dsm__epoch_begin(n, r->valset_body.ptr, r->valset_body.len, digest, height, r->time_ms);
    hkp_dsm__pending_carry(n, &old, first);
    begun(n, digest, 0);
    n->promises_open = 1;
    hkp_dsm__promises_ask(n, NULL);
}

void hkp_dsm__finalise(node *n) {
    if (n->target_view <= n->root.view) return;
    struct prop *way[PROPS];
    size_t count = 0;
    struct prop *p = hkp_dsm__prop(n, n->target);
    if (p == NULL) {
        hkp_dsm__ask_header(n, n->target);
        return;
    }
    while (p != NULL && count < PROPS) {
        way[count++] = p;
        struct prop *parent = NULL;
        if (hkp_dsm__parent(n, p, &parent) < 0) {
            hkp_dsm__ask_header(n, p->h.parent);
            return;
        }
        p = parent;
    }
    for (size_t i = 0; i < count / 2; i++) {
        struct prop *t = way[i];
        way[i] = way[count - 1 - i];
        way[count - 1 - i] = t;
    }
    for (size_t i = 0; i < count; i++) {
        if (n->report_count == REPORTS_MAX ||
            hkp_dsm__events_free(n) < way[i]->parsed.n_heads + EVENTS_RESERVE / 2)
            return;
        int boundary = (int)way[i]->boundary;
        if (!finalise_one(n, way[i], i + 1 == count)) return;
        if (boundary) {
            put_link(n, way + i, count - i);
            hkp_dsm__share_final(n, &way[count - 1]->h); /* which the link's CERT_F names */
            hkp_dsm__epoch_again(n, &way[i]->h);
            return;
        }
    }
}

/* ---- reports ---- */

/* One step of the oldest report; 0: nothing to say, or it is not durable yet. */
int hkp_dsm__report(node *n) {
    if (n->report_count == 0) return 0;
    struct report *r = &n->reports[n->report_head];
    if (r->ticket > n->durable) return 0;
    struct prop *p = r->p;
    if (r->next_seq > 0) {
        struct block *b = hkp_dsm__block_at(n, hkp_dsm__author(n, r->now.node_id), r->next_seq);
        if (b != NULL) {
            hkp_dsm__block_tell(n, b, HKP_DSM_EV_BLOCK_FINAL);
            hkp_dsm__block_unpin(n, b);
        }
        r->next_seq = r->next_seq < r->now.seq ? r->next_seq + 1 : 0;
        return 1;
    }
    if (r->head < p->parsed.n_heads) {
        r->head++;
        hkp_dsm__body_head(&r->at, &r->now);
        const struct author *a = hkp_dsm__author(n, r->now.node_id);
        uint64_t seq = r->now.seq;
        for (const struct block *b; seq > 1; seq--) {
            b = hkp_dsm__block_at(n, a, seq - 1);
            if (b == NULL || b->height != p->h.height) break;
        }
        r->next_seq = seq;
        return 1;
    }
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_CHECKPOINT);
    e->e.height = p->h.height;
    e->e.epoch = p->h.epoch;
    e->e.view = p->h.view;
    e->e.count = (uint32_t)p->h.n_blocks;
    e->e.time_us = p->h.time_ms * 1000;
    memcpy(e->e.id, p->h.digest, 32);
    n->report_head = (n->report_head + 1) % REPORTS_MAX;
    n->report_count--;
    p->queued = 0;
    hkp_dsm__prop_free(n, p);
    return 1;
}
