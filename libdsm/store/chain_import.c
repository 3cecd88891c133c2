/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A chain from a file (D-STO-11). Nothing in it is trusted: a real node, observing, is given the items one
 * after the other and judges them as it judges what a peer sends; what it made final is durable, so an import
 * that is cut short goes on where it was when the same file is given again. A file that begins at a boundary
 * is followed like a light client does, from the genesis over the links, before the node sees it.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdsm/store/chain.h"
#include "libter/bytes.h"
#include "libter/options.h"

struct in {
    int fd;
    const char *directory;
    struct hkp_dsm_node_options options;
    struct hkp_dsm_genesis genesis;
    hkp_dsm_store *store;
    hkp_dsm_node *node;
    uint64_t wall_us, height;
    hkp_time now;
    uint8_t *item;
    uint32_t dead;
    /** the set of the next epoch, as the links before have shown */
    struct hkp_dsm__valset set;
    uint8_t next[32];
    uint64_t epoch;
    struct hkp_dsm__header boundary;
    /** 1: its heads are rows here */
    int seeded;
    /** rows up to there are written here; filled: the store has rows already */
    sqlite3 *db;
    int filled;
    struct hkp_dsm_store_moved *told;
};

/* ---- bytes in ---- */

/* 1: all of them; 0: the file ends before the first; -1: it ends in between, or cannot be read. */
static int take(struct in *in, uint8_t *dst, size_t len) {
    size_t have = 0;
    while (have < len) {
        ssize_t n = read(in->fd, dst + have, len - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0 && have == 0 ? 0 : -1;
        have += (size_t)n;
    }
    return 1;
}

static struct hkp_dsm_view bytes_of(struct hkp_dsm_cbor_reader *r, size_t max) {
    struct hkp_dsm_view v = {0};
    v.ptr = hkp_dsm_cbor_bytes(r, 0, max, &v.len);
    return v;
}

/* ---- the node ---- */

static hkp_status drain(struct in *in) {
    struct hkp_dsm_event ev;
    for (int any = 1; any;) {
        any = 0;
        while (hkp_dsm_event(in->node, &ev) == HKP_OK) {
            any = 1;
            in->dead |= ev.kind == HKP_DSM_EV_DAMAGED;
            if (ev.kind == HKP_DSM_EV_CHECKPOINT && ev.height > in->height) {
                in->height = ev.height;
                in->told->heights++;
                in->told->blocks += ev.count;
            }
            if (ev.kind > HKP_DSM_EV_STORE_DROP) continue;
            hkp_status st = hkp_dsm_store_apply(in->store, in->node, in->now, &ev);
            if (st != HKP_OK) return st;
        }
        hkp_status st = hkp_dsm_store_commit(in->store, in->node, in->now);
        if (st != HKP_OK) return in->dead ? HKP_E_IO : st;
    }
    return in->dead ? HKP_E_IO : HKP_OK;
}

static hkp_status node_up(struct in *in) {
    struct hkp_dsm_store_fault fault;
    if (in->node != NULL) return HKP_OK;
    hkp_status st = hkp_dsm_store_open(&in->store, in->directory, 1, &fault);
    in->options.observer = 1;
    if (st == HKP_OK) st = hkp_dsm_node_new(&in->node, &in->options, in->now);
    if (st != HKP_OK) return st;
    hkp_dsm_clock_state(in->node, 1);
    st = hkp_dsm_node_start(in->node, in->now, in->wall_us);
    return st == HKP_OK ? drain(in) : st;
}

/* What the newest CERT_F names must be final before the next one, or something of it was false. */
static hkp_status all_final(struct in *in) {
    hkp_status st = drain(in);
    if (st == HKP_OK && in->node->target_view > in->node->root.view) st = HKP_E_DSM_PROOF;
    return st;
}

/* The newest block of an author at the boundary: its id stands in the heads, but others will ask for its
 * signature, too. Without a certificate of its author here it is asked for when the node runs. */
static hkp_status head_block(struct in *in, struct author *a, const struct hkp_dsm__block *b,
                             const struct hkp_dsm__item *item) {
    if (memcmp(b->id, a->final.id, 32) != 0) return HKP_E_DSM_PROOF;
    return a->n_certs > 0 ? hkp_dsm__heal_head(in->node, a, b, item) : HKP_OK;
}

static hkp_status block(struct in *in, const struct hkp_dsm_view *bytes) {
    struct hkp_dsm__item item;
    struct hkp_dsm__block b;
    hkp_status st = hkp_dsm__stored_item(bytes->ptr, bytes->len, &item);
    if (st == HKP_OK)
        st = hkp_dsm__block_parse(in->node->chain_id, item.signer, item.body.ptr, item.body.len, &b);
    if (st != HKP_OK) return st;
    struct author *a = hkp_dsm__author(in->node, b.author);
    if (a != NULL && b.seq == a->final.seq && a->headless)
        st = head_block(in, a, &b, &item);
    else if (a != NULL && b.seq <= a->final.seq)
        return HKP_OK; /* of an import before this one */
    else
        st = hkp_dsm__block_take(in->node, NULL, &item, 0, 1);
    if (st != HKP_OK && st != HKP_E_DSM_DUPLICATE) return st;
    return hkp_dsm__events_free(in->node) < EVENTS_RESERVE || in->node->held_count > HELD_MAX / 4 ? drain(in)
                                                                                                  : HKP_OK;
}

static hkp_status cert(struct in *in, const struct hkp_dsm_view *bytes) {
    hkp_status st = all_final(in);
    if (st == HKP_OK) st = hkp_dsm__cert_take(in->node, bytes->ptr, bytes->len);
    struct hkp_dsm__cert c;
    if (st == HKP_OK || st == HKP_E_DSM_OLD || st == HKP_E_DSM_DUPLICATE) return HKP_OK;
    /* of an epoch that an import before this one has finished */
    if (hkp_dsm__cert_parse(bytes->ptr, bytes->len, &c) == HKP_OK && c.epoch < in->node->set.epoch)
        return HKP_OK;
    return st;
}

/* ---- a file that begins at a boundary ---- */

/* Boundary, void empties, CERT_F and the set of their epoch, which the link before named. */
static hkp_status link_row(struct in *in, const struct hkp_dsm_view *link) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__header h, below;
    struct hkp_dsm__cert c;
    hkp_status st = hkp_dsm_cbor_read(&r, link->ptr, link->len);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_array(&r, 3, 3);
    size_t n = hkp_dsm_cbor_array(&r, 1, HEIGHTS_OPEN_MAX + 1);
    for (size_t i = 0; i < n && st == HKP_OK; i++) {
        struct hkp_dsm_view v = bytes_of(&r, HKP_DSM__HEADER_MAX);
        if (r.status != HKP_OK) return r.status;
        st = hkp_dsm__header_parse(in->genesis.chain_id, v.ptr, v.len, &h);
        if (st == HKP_OK && i > 0 && memcmp(h.parent, below.digest, 32) != 0) st = HKP_E_DSM_PROOF;
        if (i == 0) in->boundary = h;
        below = h;
    }
    struct hkp_dsm_view cert_bytes = bytes_of(&r, HKP_DSM__CERT_MAX), set = bytes_of(&r, HKP_DSM_VALSET_MAX);
    if (st == HKP_OK) st = r.status;
    const uint64_t epoch = in->epoch;
    uint8_t hash[32];
    if (st == HKP_OK) hkp_dsm__valset_hash(hash, set.ptr, set.len);
    if (st == HKP_OK && memcmp(hash, in->next, 32) != 0) st = HKP_E_DSM_PROOF;
    if (st == HKP_OK) st = hkp_dsm__valset_parse(set.ptr, set.len, &in->set);
    if (st == HKP_OK && (in->set.epoch != epoch || in->boundary.epoch != epoch)) st = HKP_E_DSM_EPOCH;
    if (st == HKP_OK)
        st = hkp_dsm__cert_check(in->genesis.chain_id, &in->set, cert_bytes.ptr, cert_bytes.len, &c);
    if (st == HKP_OK && c.kind != HKP_DSM_KIND_FINAL) st = HKP_E_DSM_KIND;
    if (st == HKP_OK && memcmp(c.digest, h.digest, 32) != 0) st = HKP_E_DSM_PROOF;
    if (st != HKP_OK) return st;
    memcpy(in->next, in->boundary.next_valset, 32);
    in->epoch++;
    in->told->links++;
    return hkp_is_zero(in->next, 32) ? HKP_E_DSM_PROOF : HKP_OK;
}

/* The heads of the boundary, against its root. */
static hkp_status heads_right(struct in *in, const struct hkp_dsm_view *rows) {
    struct hkp_dsm__heads *tree = NULL;
    size_t n = rows->len / CHAIN_HEAD_BYTES;
    struct hkp_mem mem = {0};
    hkp_status st = n > HKP_DSM__HEADS_MAX || rows->len % CHAIN_HEAD_BYTES != 0 ? HKP_E_DSM_SCHEMA : HKP_OK;
    if (st == HKP_OK) st = hkp_mem_import(&mem);
    if (st == HKP_OK) st = hkp_dsm__heads_new(&tree, n > 0 ? n : 1, &mem);
    for (size_t i = 0; st == HKP_OK && i < n; i++) {
        const uint8_t *at = rows->ptr + i * CHAIN_HEAD_BYTES;
        struct hkp_dsm__head head = {.seq = hkp_be64(at + 16), .status = at[56]};
        memcpy(head.node_id, at, 16);
        memcpy(head.id, at + 24, 32);
        st = head.status > 1 ? HKP_E_DSM_SCHEMA : hkp_dsm__heads_apply(tree, &head, 1, NULL);
    }
    if (st == HKP_OK && (hkp_dsm__heads_count(tree) != in->boundary.n_heads ||
                         memcmp(hkp_dsm__heads_root(tree), in->boundary.heads_root, 32) != 0))
        st = HKP_E_DSM_PROOF;
    hkp_dsm__heads_free(tree);
    return st;
}

/* The database of an empty store, open for one transaction that ends when the boundary stands whole. A store
 * that is not empty came from this file before, or is another: the node will see. */
static hkp_status rows_open(struct in *in) {
    if (in->db != NULL || in->filled) return HKP_OK;
    char *path = malloc(strlen(in->directory) + sizeof "/" DB_FILE);
    if (path == NULL) return HKP_E_NOMEM;
    sprintf(path, "%s/" DB_FILE, in->directory);
    hkp_status st = hkp_dsm_store_open(&in->store, in->directory, 1, NULL); /* makes it */
    hkp_dsm_store_close(in->store);
    in->store = NULL;
    if (st == HKP_OK &&
        (sqlite3_open(path, &in->db) != SQLITE_OK ||
         sqlite3_exec(in->db, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK))
        st = HKP_E_IO;
    free(path);
    sqlite3_stmt *q = NULL;
    in->filled =
        st == HKP_OK && (sqlite3_prepare_v2(in->db, "SELECT 1 FROM rows", -1, &q, NULL) != SQLITE_OK ||
                         sqlite3_step(q) != SQLITE_DONE);
    sqlite3_finalize(q);
    return st;
}

static hkp_status rows_close(struct in *in, int keep) {
    hkp_status st = HKP_OK;
    if (in->db != NULL && keep && !in->filled &&
        sqlite3_exec(in->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        st = HKP_E_IO;
    sqlite3_close(in->db); /* what was not committed is gone */
    in->db = NULL;
    in->filled = 1;
    return st;
}

static hkp_status put_row(struct in *in, uint32_t kind, const uint8_t *key, size_t key_len,
                          const uint8_t *data, size_t len) {
    sqlite3_stmt *q = NULL;
    if (in->filled) return HKP_OK;
    if (sqlite3_prepare_v2(in->db, "INSERT OR REPLACE INTO rows VALUES(?1,?2,?3,?4)", -1, &q, NULL) !=
        SQLITE_OK)
        return HKP_E_IO;
    sqlite3_bind_int64(q, 1, kind);
    sqlite3_bind_blob(q, 2, key, (int)key_len, SQLITE_TRANSIENT);
    sqlite3_bind_blob(q, 3, len > 0 ? (const void *)data : (const void *)"", (int)len, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 4, hkp_dsm__row_sum(kind, key, key_len, data, len));
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? HKP_OK : HKP_E_IO;
}

/* What a node that came to this boundary itself would have (hkp_dsm__load_begin() reads it). */
static hkp_status seed(struct in *in, const struct hkp_dsm_view *header, const struct hkp_dsm_view *set,
                       const struct hkp_dsm_view *heads) {
    const struct hkp_dsm__header *b = &in->boundary;
    uint8_t key[12], epoch[48 + HKP_DSM_VALSET_MAX];
    hkp_put_be64(epoch, b->height);
    hkp_put_be64(epoch + 8, b->time_ms);
    memcpy(epoch + 16, b->digest, 32);
    memcpy(epoch + 48, set->ptr, set->len);
    hkp_status st = put_row(in, HKP_DSM_ROW_META, (const uint8_t *)"chain", 5, in->genesis.chain_id, 32);
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_META, (const uint8_t *)"epoch", 5, epoch, 48 + set->len);
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_META, (const uint8_t *)"adopt", 5, NULL, 0);
    hkp_put_be64(key, b->height);
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_HEADER, key, 8, header->ptr, header->len);
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_DIGEST, b->digest, 32, key, 8);
    for (size_t at = 0, chunk = 0, part; st == HKP_OK && at < heads->len; chunk++, at += part) {
        part = heads->len - at < 256 * CHAIN_HEAD_BYTES ? heads->len - at : 256 * CHAIN_HEAD_BYTES;
        hkp_put_be32(key + 8, (uint32_t)chunk);
        st = put_row(in, HKP_DSM_ROW_HEADS, key, sizeof key, heads->ptr + at, part);
    }
    return st;
}

static hkp_status snapshot(struct in *in, struct hkp_dsm_cbor_reader *r) {
    struct hkp_dsm_view header = bytes_of(r, HKP_DSM__HEADER_MAX), set = bytes_of(r, HKP_DSM_VALSET_MAX),
                        heads = bytes_of(r, CHAIN_ITEM_MAX);
    struct hkp_dsm__header h;
    uint8_t hash[32];
    if (r->status != HKP_OK) return r->status;
    if (in->node != NULL || in->told->links == 0 || in->seeded) return HKP_E_DSM_SCHEMA;
    hkp_status st = hkp_dsm__header_parse(in->genesis.chain_id, header.ptr, header.len, &h);
    if (st == HKP_OK && memcmp(h.digest, in->boundary.digest, 32) != 0) st = HKP_E_DSM_PROOF;
    hkp_dsm__valset_hash(hash, set.ptr, set.len);
    if (st == HKP_OK && memcmp(hash, in->next, 32) != 0) st = HKP_E_DSM_PROOF;
    if (st == HKP_OK) st = heads_right(in, &heads);
    if (st == HKP_OK) st = seed(in, &header, &set, &heads);
    if (st != HKP_OK) return st;
    in->seeded = 1;
    in->told->from_height = h.height + 1;
    return HKP_OK;
}

static hkp_status put_link(struct in *in, const struct hkp_dsm_view *link) {
    uint8_t key[8];
    if (in->node != NULL || in->seeded) return HKP_E_DSM_SCHEMA;
    hkp_put_be64(key, in->epoch);
    hkp_status st = link_row(in, link);
    if (st == HKP_OK) st = rows_open(in);
    return st == HKP_OK ? put_row(in, HKP_DSM_ROW_LINK, key, sizeof key, link->ptr, link->len) : st;
}

/* D-EPO-6 among links: out of the epoch of the last link, at its boundary, or out of the next one, whose set
 * the link before named. The officers are those of the genesis. */
static hkp_status restart_judged(struct in *in, const struct hkp_dsm_view *multi,
                                 const struct hkp_dsm_view *set, struct hkp_dsm__restart *r) {
    uint8_t hash[32];
    if (set->ptr != NULL) {
        hkp_dsm__valset_hash(hash, set->ptr, set->len);
        if (memcmp(hash, in->next, 32) != 0) return HKP_E_DSM_PROOF;
        hkp_status st = hkp_dsm__valset_parse(set->ptr, set->len, &in->set);
        if (st != HKP_OK) return st;
        if (in->set.epoch != in->epoch) return HKP_E_DSM_EPOCH;
    } else if (in->told->links == 0 || in->set.epoch + 1 != in->epoch)
        return HKP_E_DSM_EPOCH;
    uint8_t *scratch = malloc(multi->len + 64);
    if (scratch == NULL) return HKP_E_NOMEM;
    const struct hkp_dsm_officers officers = {
        .sets = &in->genesis.ca_set, .n_sets = 1, .scratch = scratch, .scratch_len = multi->len + 64};
    hkp_status st = hkp_dsm__restart_check(multi->ptr, multi->len, in->genesis.chain_id, &officers, &in->set,
                                           in->boundary.height, in->boundary.digest, r);
    free(scratch);
    if (st != HKP_OK) return st;
    return set->ptr != NULL || memcmp(r->genesis, in->boundary.digest, 32) == 0 ? HKP_OK : HKP_E_DSM_PROOF;
}

static hkp_status restart_rows(struct in *in, const struct hkp_dsm_view *multi,
                               const struct hkp_dsm_view *set, const struct hkp_dsm__restart *r) {
    uint8_t key[9] = "S";
    size_t len = 0;
    hkp_put_be64(key + 1, r->epoch);
    hkp_status st = rows_open(in);
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_META, key, sizeof key, multi->ptr, multi->len);
    if (st != HKP_OK || set->ptr == NULL) return st;
    uint8_t *row = malloc(multi->len + set->len + 16);
    if (row == NULL) return HKP_E_NOMEM;
    st = hkp_dsm__restart_link(r, set, row, multi->len + set->len + 16, &len);
    key[0] = 'R';
    if (st == HKP_OK) st = put_row(in, HKP_DSM_ROW_META, key, sizeof key, row, len);
    free(row);
    return st;
}

static hkp_status put_restart(struct in *in, const struct hkp_dsm_view *multi,
                              const struct hkp_dsm_view *set) {
    struct hkp_dsm__restart r;
    if (in->seeded) return HKP_E_DSM_SCHEMA;
    hkp_status st = restart_judged(in, multi, set, &r);
    if (st == HKP_OK) st = restart_rows(in, multi, set, &r);
    if (st != HKP_OK) return st;
    struct hkp_dsm_cbor_reader at = r.headers;
    const struct hkp_dsm_view first = bytes_of(&at, HKP_DSM__HEADER_MAX);
    hkp_dsm__valset_hash(in->next, r.valset_body.ptr, r.valset_body.len);
    in->epoch = r.epoch + 2;
    in->told->links++;
    return hkp_dsm__header_parse(in->genesis.chain_id, first.ptr, first.len, &in->boundary);
}

/* By a node that came to the header which it names. */
static hkp_status restart(struct in *in, const struct hkp_dsm_view *multi) {
    struct hkp_dsm_multi m;
    struct hkp_dsm__restart r;
    hkp_status st = all_final(in);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(multi->ptr, multi->len, &m);
    if (st == HKP_OK) st = hkp_dsm__restart_open(in->genesis.chain_id, &m.body, &r);
    if (st != HKP_OK) return st;
    const uint64_t now = in->node->set.epoch;
    if (now > 1 && r.epoch <= now - 2) return HKP_OK; /* of an import before this one */
    st = hkp_dsm_node_restart(in->node, in->now, in->wall_us, multi->ptr, multi->len);
    if (st == HKP_OK) st = drain(in);
    return st == HKP_OK && in->node->set.epoch != r.epoch + 2 ? HKP_E_DSM_PROOF : st;
}

/* ---- items ---- */

static hkp_status node_item(struct in *in, uint64_t kind, const struct hkp_dsm_view *first,
                            struct hkp_dsm_cbor_reader *r) {
    struct hkp_dsm_view body;
    hkp_status st = HKP_OK;
    switch (kind) {
    case CHAIN_CERTIFICATE: /* of officers of later: asked for when it is needed */
        st = hkp_dsm__certificate_take(in->node, first->ptr, first->len, CERT_SHOWN);
        return drain(in);
    case CHAIN_BLOCK:
        return block(in, first);
    case CHAIN_CERT:
        return cert(in, first);
    case CHAIN_PAIR:
        body = bytes_of(r, HKP_DSM__CHECKPOINT_BODY_MAX);
        if (r->status != HKP_OK) return r->status;
        hkp_dsm__pair_take(in->node, first, &body, 0);
        hkp_dsm__advance(in->node);
        return st;
    case CHAIN_RESTART:
        return restart(in, first);
    default:
        return HKP_E_DSM_SCHEMA;
    }
}

static hkp_status item(struct in *in, uint64_t kind, size_t n, struct hkp_dsm_cbor_reader *r) {
    if (kind == CHAIN_SNAPSHOT) return snapshot(in, r);
    struct hkp_dsm_view first = bytes_of(r, CHAIN_ITEM_MAX);
    if (r->status != HKP_OK) return r->status;
    if (kind == CHAIN_LINK) return put_link(in, &first);
    if (kind == CHAIN_RESTART && in->node == NULL) {
        const struct hkp_dsm_view none = {0}, set = n > 2 ? bytes_of(r, HKP_DSM_VALSET_MAX) : none;
        return r->status == HKP_OK ? put_restart(in, &first, &set) : r->status;
    }
    if (in->told->links > 0 && !in->seeded) return HKP_E_DSM_SCHEMA; /* links lead to heads */
    hkp_status st = in->node == NULL ? rows_close(in, 1) : HKP_OK;
    if (st == HKP_OK) st = node_up(in);
    return st == HKP_OK ? node_item(in, kind, &first, r) : st;
}

static hkp_status head_item(struct in *in, uint64_t kind, struct hkp_dsm_cbor_reader *r) {
    hkp_dsm_cbor_uint(r, 1, 1);
    struct hkp_dsm_view chain = bytes_of(r, 32);
    if (kind != CHAIN_HEAD || r->status != HKP_OK || chain.len != 32) return HKP_E_DSM_SCHEMA;
    return memcmp(chain.ptr, in->genesis.chain_id, 32) == 0 ? HKP_OK : HKP_E_DSM_PROOF;
}

/* One item; *ended 1 behind the last. A file that just stops has no last item. */
static hkp_status next_item(struct in *in, int *ended) {
    uint8_t head[4];
    struct hkp_dsm_cbor_reader r;
    if (take(in, head, sizeof head) != 1) return HKP_E_NOTFOUND;
    uint32_t len = hkp_be32(head);
    if (len == 0 || len > CHAIN_ITEM_MAX) return HKP_E_DSM_TOO_BIG;
    if (take(in, in->item, len) != 1) return HKP_E_NOTFOUND;
    hkp_status st = hkp_dsm_cbor_read(&r, in->item, len);
    if (st != HKP_OK) return st;
    const size_t n = hkp_dsm_cbor_array(&r, 2, 4);
    uint64_t kind = hkp_dsm_cbor_uint(&r, 0, CHAIN_RESTART);
    if (r.status != HKP_OK) return r.status;
    if (in->told->items++ == 0) return head_item(in, kind, &r);
    if (kind != CHAIN_END) return item(in, kind, n, &r);
    *ended = 1;
    if (hkp_dsm_cbor_uint(&r, 0, UINT64_MAX) != in->told->items - 1 || r.status != HKP_OK)
        return HKP_E_DSM_SCHEMA;
    return in->node != NULL ? all_final(in) : HKP_OK;
}

static hkp_status all_items(struct in *in) {
    uint8_t magic[8];
    int ended = 0;
    if (take(in, magic, sizeof magic) != 1 || memcmp(magic, CHAIN_MAGIC, 8) != 0) return HKP_E_DSM_SCHEMA;
    hkp_status st = HKP_OK;
    while (st == HKP_OK && !ended) st = next_item(in, &ended);
    return st;
}

/* The host that starts the store is the one that it is of (D-BLK-7). */
static hkp_status leave_to_adopt(struct in *in) {
    hkp_dsm__put(in->node, HKP_DSM_ROW_META, (const uint8_t *)"adopt", 5, NULL, 0);
    hkp_dsm__drop_one(in->node, HKP_DSM_ROW_META, (const uint8_t *)"host", 4);
    return drain(in);
}

hkp_status hkp_dsm_store_import(const char *directory, int32_t fd, const struct hkp_dsm_node_options *opt,
                                uint64_t wall_us, struct hkp_dsm_store_moved *out) {
    struct hkp_dsm_store_moved told = {.struct_size = sizeof told, .from_height = 1};
    struct in in = {.fd = fd, .directory = directory, .wall_us = wall_us, .now = 1, .told = &told};
    if (out->struct_size < sizeof told) return HKP_E_INVAL;
    hkp_status st = hkp_options_import(&in.options, sizeof in.options, sizeof in.options, opt);
    if (st == HKP_OK) st = hkp_dsm_genesis_parse(opt->genesis, opt->genesis_len, &in.genesis);
    if (st != HKP_OK) return st;
    hkp_dsm__valset_hash(in.next, in.genesis.valset_body.ptr, in.genesis.valset_body.len);
    in.item = malloc(CHAIN_ITEM_MAX);
    st = in.item != NULL ? all_items(&in) : HKP_E_NOMEM;
    hkp_status closed = rows_close(&in, st == HKP_OK);
    if (st == HKP_OK) st = closed;
    if (in.node != NULL && !in.dead) {
        hkp_status left = leave_to_adopt(&in);
        if (st == HKP_OK) st = left;
    }
    if (in.node != NULL) told.to_height = in.node->root.height;
    hkp_dsm_node_free(in.node);
    hkp_dsm_store_close(in.store);
    free(in.item);
    *out = told;
    return st;
}
