/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A damaged database becomes a whole one with less in it (D-STO-10): every row that can be read and agrees
 * with its sum is copied to a new file, rows LOST say which are to be fetched from peers, and what follows
 * from other rows (DIGEST, PLACE, LEAVES) is made anew. The damaged file stays beside the new one. The WAL is
 * not touched: its damage is never repaired (D-STO-7).
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libdsm/node/node.h"
#include "libdsm/store/store.h"
#include "libter/bytes.h"

#define NEW_FILE "dsm.sqlite.new"

enum { KIND_LAST = 255 };

struct repair {
    sqlite3 *from, *to;
    sqlite3_stmt *put, *get;
    struct hkp_dsm_store_repaired *told;
    int dir;
    uint8_t chain_id[32];
    /** blocks of lower heights were pruned */
    uint64_t blocks_from;
    /** of META or HEADS something is gone */
    int place_lost;
};

/* ---- one row ---- */

/* 1: it was not there yet. */
static int put_row(struct repair *r, uint32_t kind, const uint8_t *key, size_t key_len, const uint8_t *data,
                   size_t len) {
    sqlite3_bind_int64(r->put, 1, kind);
    sqlite3_bind_blob(r->put, 2, key, (int)key_len, SQLITE_TRANSIENT);
    sqlite3_bind_blob(r->put, 3, len > 0 ? (const void *)data : (const void *)"", (int)len, SQLITE_TRANSIENT);
    sqlite3_bind_int64(r->put, 4, hkp_dsm__row_sum(kind, key, key_len, data, len));
    int rc = sqlite3_step(r->put);
    sqlite3_reset(r->put);
    return rc == SQLITE_DONE && sqlite3_changes(r->to) == 1;
}

/* The value is valid until the next call; 0: no such row. */
static int get_row(struct repair *r, uint32_t kind, const uint8_t *key, size_t key_len, const uint8_t **data,
                   size_t *len) {
    sqlite3_reset(r->get);
    sqlite3_bind_int64(r->get, 1, kind);
    sqlite3_bind_blob(r->get, 2, key, (int)key_len, SQLITE_TRANSIENT);
    if (sqlite3_step(r->get) != SQLITE_ROW) return 0;
    *data = sqlite3_column_blob(r->get, 0);
    *len = (size_t)sqlite3_column_bytes(r->get, 0);
    return 1;
}

/* ---- what can be read ---- */

static void mark_lost(struct repair *r, uint32_t kind, const uint8_t *key, size_t len) {
    uint8_t marked[KEY_MAX];
    r->told->damaged++;
    r->place_lost |= kind == HKP_DSM_ROW_META || kind == HKP_DSM_ROW_HEADS;
    if (len == 0 || len + 1 >= sizeof marked) return;
    marked[0] = (uint8_t)kind;
    memcpy(marked + 1, key, len);
    put_row(r, HKP_DSM_ROW_LOST, marked, len + 1, NULL, 0);
}

/* 1: to the end; 0: the database cannot be read further. From behind until what the other way brought. */
static int copy_kind(struct repair *r, uint32_t kind, int backwards) {
    sqlite3_stmt *q = NULL;
    const char *text = backwards ? "SELECT key,value,sum FROM rows WHERE kind=?1 ORDER BY key DESC"
                                 : "SELECT key,value,sum FROM rows WHERE kind=?1 ORDER BY key";
    int rc = sqlite3_prepare_v2(r->from, text, -1, &q, NULL);
    if (rc == SQLITE_OK) sqlite3_bind_int64(q, 1, kind);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW) break;
        const uint8_t *key = sqlite3_column_blob(q, 0), *data = sqlite3_column_blob(q, 1);
        size_t key_len = (size_t)sqlite3_column_bytes(q, 0), len = (size_t)sqlite3_column_bytes(q, 1);
        if (key == NULL || sqlite3_column_int64(q, 2) != hkp_dsm__row_sum(kind, key, key_len, data, len))
            mark_lost(r, kind, key, key != NULL ? key_len : 0);
        else if (put_row(r, kind, key, key_len, data, len))
            r->told->rows++;
        else if (backwards)
            break;
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

static void copy_all(struct repair *r) {
    for (uint32_t kind = 0; kind <= KIND_LAST; kind++) {
        if (copy_kind(r, kind, 0)) continue;
        r->told->holes++;
        r->place_lost |= kind == HKP_DSM_ROW_META || kind == HKP_DSM_ROW_HEADS;
        copy_kind(r, kind, 1);
    }
}

/* ---- what follows from other rows ---- */

static void remake_digest(struct repair *r, const struct hkp_dsm__header *h, const uint8_t *body,
                          size_t len) {
    uint8_t value[40];
    hkp_put_be64(value, h->height);
    if (body != NULL) hkp_dsm__body_hash(value + 8, body, len);
    r->told->remade +=
        (uint64_t)put_row(r, HKP_DSM_ROW_DIGEST, h->digest, 32, value, body != NULL ? sizeof value : 8);
}

static void remake_places(struct repair *r, uint64_t height, const struct hkp_dsm__body *body) {
    struct hkp_dsm_cbor_reader at = body->heads;
    for (size_t i = 0; i < body->n_heads; i++) {
        struct hkp_dsm__head head;
        uint8_t key[24], value[8];
        const uint8_t *data;
        size_t len;
        hkp_dsm__body_head(&at, &head);
        hkp_dsm__key_block(key, head.node_id, head.seq);
        hkp_put_be64(value, height);
        if (get_row(r, HKP_DSM_ROW_BLOCK, key, sizeof key, &data, &len))
            r->told->remade += (uint64_t)put_row(r, HKP_DSM_ROW_PLACE, key, sizeof key, value, sizeof value);
    }
}

/* Rows of ops stand among the digests (D-SYN-4). */
static void remake_ops(struct repair *r, uint64_t height, const struct hkp_dsm__body *body) {
    struct hkp_dsm_cbor_reader at = body->ops;
    for (size_t i = 0; i < body->n_ops; i++) {
        const struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        uint8_t key[32], value[8];
        hkp_dsm__merkle_leaf(key, op.ptr, op.len);
        hkp_put_be64(value, height);
        r->told->remade += (uint64_t)put_row(r, HKP_DSM_ROW_DIGEST, key, sizeof key, value, sizeof value);
    }
}

/* The seq of the author's head before this one; places stand for all heads now. */
static uint64_t seq_before(struct repair *r, const struct hkp_dsm__head *head) {
    sqlite3_stmt *q = NULL;
    uint8_t from[24], to[24];
    uint64_t seq = 0;
    hkp_dsm__key_block(from, head->node_id, 0);
    hkp_dsm__key_block(to, head->node_id, head->seq);
    if (sqlite3_prepare_v2(
            r->to, "SELECT key FROM rows WHERE kind=?1 AND key>=?2 AND key<?3 ORDER BY key DESC LIMIT 1", -1,
            &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, HKP_DSM_ROW_PLACE);
        sqlite3_bind_blob(q, 2, from, sizeof from, SQLITE_TRANSIENT);
        sqlite3_bind_blob(q, 3, to, sizeof to, SQLITE_TRANSIENT);
        if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == 24)
            seq = hkp_be64((const uint8_t *)sqlite3_column_blob(q, 0) + 16);
    }
    sqlite3_finalize(q);
    return seq;
}

static int leaf_of(struct repair *r, const uint8_t node_id[16], uint64_t seq, uint8_t id[32]) {
    uint8_t key[24];
    const uint8_t *data;
    size_t len;
    struct hkp_dsm__item item;
    struct hkp_dsm__block b;
    hkp_dsm__key_block(key, node_id, seq);
    if (!get_row(r, HKP_DSM_ROW_BLOCK, key, sizeof key, &data, &len) ||
        hkp_dsm__stored_item(data, len, &item) != HKP_OK ||
        hkp_dsm__block_parse(r->chain_id, item.signer, item.body.ptr, item.body.len, &b) != HKP_OK)
        return 0;
    memcpy(id, b.id, 32);
    return 1;
}

/* Right only if they give the header's blocks_root. */
static void remake_leaves(struct repair *r, const struct hkp_dsm__header *h,
                          const struct hkp_dsm__body *body) {
    uint8_t key[8], root[32], hash[32];
    size_t count = 0;
    struct hkp_dsm__merkle tree = {.size = 0};
    struct hkp_dsm_cbor_reader at = body->heads;
    uint8_t *leaves = malloc((size_t)h->n_blocks * 32 + 1);
    for (size_t i = 0; leaves != NULL && i < body->n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&at, &head);
        for (uint64_t seq = seq_before(r, &head) + 1; seq <= head.seq && count < h->n_blocks;
             seq++, count++) {
            if (!leaf_of(r, head.node_id, seq, leaves + count * 32)) break;
            hkp_dsm__merkle_leaf(hash, leaves + count * 32, 32);
            hkp_dsm__merkle_add(&tree, hash);
        }
    }
    hkp_dsm__merkle_root(&tree, root);
    hkp_put_be64(key, h->height);
    if (leaves != NULL && count == h->n_blocks && memcmp(root, h->blocks_root, 32) == 0)
        r->told->remade += (uint64_t)put_row(r, HKP_DSM_ROW_LEAVES, key, sizeof key, leaves, count * 32);
    free(leaves);
}

/* ---- what is missing without a trace ---- */

static void missing(struct repair *r, uint32_t kind, const uint8_t *key, size_t len) {
    const uint8_t *data;
    size_t data_len;
    uint8_t marked[KEY_MAX];
    if (get_row(r, kind, key, len, &data, &data_len)) return;
    marked[0] = (uint8_t)kind;
    memcpy(marked + 1, key, len);
    r->told->damaged += (uint64_t)put_row(r, HKP_DSM_ROW_LOST, marked, len + 1, NULL, 0);
}

static void missing_blocks(struct repair *r, const struct hkp_dsm__body *body) {
    struct hkp_dsm_cbor_reader at = body->heads;
    for (size_t i = 0; i < body->n_heads; i++) {
        struct hkp_dsm__head head;
        uint8_t key[24];
        hkp_dsm__body_head(&at, &head);
        uint64_t seq = seq_before(r, &head) + 1;
        if (head.seq - seq >= HKP_DSM__HEAD_BLOCKS_MAX) seq = head.seq; /* a place below it is gone, too */
        for (; seq <= head.seq; seq++)
            missing(r, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, head.node_id, seq));
    }
}

/* ---- height after height ---- */

enum { PASS_PLACES, PASS_LEAVES, PASS_MISSING, PASSES };

static void pass_body(struct repair *r, int pass, uint64_t height, const struct hkp_dsm__header *h,
                      const struct hkp_dsm__body *body) {
    const uint8_t *data;
    uint8_t key[8];
    size_t len;
    hkp_put_be64(key, height);
    if (pass == PASS_PLACES) {
        remake_places(r, height, body);
        remake_ops(r, height, body);
    } else if (pass == PASS_MISSING && height >= r->blocks_from)
        missing_blocks(r, body);
    else if (pass == PASS_LEAVES && h != NULL &&
             !get_row(r, HKP_DSM_ROW_LEAVES, key, sizeof key, &data, &len))
        remake_leaves(r, h, body);
}

static void pass_height(struct repair *r, int pass, uint64_t height) {
    struct hkp_dsm__header h;
    struct hkp_dsm__body body;
    const uint8_t *data;
    size_t len;
    uint8_t key[8];
    hkp_put_be64(key, height);
    int header = get_row(r, HKP_DSM_ROW_HEADER, key, sizeof key, &data, &len) &&
                 hkp_dsm__header_parse(r->chain_id, data, len, &h) == HKP_OK;
    uint8_t *copy = NULL; /* get_row() is called again */
    if (get_row(r, HKP_DSM_ROW_BODY, key, sizeof key, &data, &len)) copy = malloc(len + 1);
    if (copy != NULL) memcpy(copy, data, len);
    if (pass == PASS_PLACES && header) remake_digest(r, &h, copy, len);
    if (copy != NULL && hkp_dsm__body_parse(copy, len, &body) == HKP_OK)
        pass_body(r, pass, height, header ? &h : NULL, &body);
    free(copy);
    if (pass != PASS_MISSING) return;
    missing(r, HKP_DSM_ROW_HEADER, key, sizeof key);
    missing(r, HKP_DSM_ROW_BODY, key, sizeof key);
}

static uint64_t end_of(struct repair *r, uint32_t kind, const char *text) {
    sqlite3_stmt *q = NULL;
    uint64_t height = 0;
    if (sqlite3_prepare_v2(r->to, text, -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, kind);
        if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == 8)
            height = hkp_be64(sqlite3_column_blob(q, 0));
    }
    sqlite3_finalize(q);
    return height;
}

/* From what pruning left (D-STO-8), or a start from a snapshot, up to the newest checkpoint. */
static void remake(struct repair *r) {
    const uint8_t *data;
    size_t len;
    uint64_t from = end_of(r, HKP_DSM_ROW_BODY, "SELECT min(key) FROM rows WHERE kind=?1");
    uint64_t to = end_of(r, HKP_DSM_ROW_HEADER, "SELECT max(key) FROM rows WHERE kind=?1");
    uint64_t body = end_of(r, HKP_DSM_ROW_BODY, "SELECT max(key) FROM rows WHERE kind=?1");
    if (!get_row(r, HKP_DSM_ROW_META, (const uint8_t *)"chain", 5, &data, &len) || len != 32) return;
    memcpy(r->chain_id, data, 32);
    if (get_row(r, HKP_DSM_ROW_META, (const uint8_t *)"pruned", 6, &data, &len) && len == 16) {
        r->blocks_from = hkp_be64(data);
        if (from < hkp_be64(data + 8)) from = hkp_be64(data + 8);
    }
    if (to < body) to = body;
    for (int pass = 0; pass < PASSES; pass++)
        for (uint64_t height = from; from > 0 && height <= to; height++) pass_height(r, pass, height);
}

/* ---- files ---- */

static hkp_status told(struct hkp_dsm_store_fault *fault, sqlite3 *db) {
    return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, db != NULL ? sqlite3_errmsg(db) : "no memory",
                                UINT64_MAX);
}

static int open_db(sqlite3 **db, const char *directory, const char *file, int flags) {
    char *path = malloc(strlen(directory) + strlen(file) + 2);
    if (path == NULL) return SQLITE_NOMEM;
    sprintf(path, "%s/%s", directory, file);
    int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    free(path);
    return rc;
}

static hkp_status fill_new(struct repair *r, const char *directory, struct hkp_dsm_store_fault *fault) {
    if (open_db(&r->from, directory, DB_FILE, SQLITE_OPEN_READWRITE) != SQLITE_OK)
        return told(fault, r->from);
    unlinkat(r->dir, NEW_FILE, 0);
    unlinkat(r->dir, NEW_FILE "-journal", 0);
    if (open_db(&r->to, directory, NEW_FILE, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) != SQLITE_OK)
        return told(fault, r->to);
    int rc = sqlite3_exec(r->to, "PRAGMA synchronous=FULL; BEGIN", NULL, NULL, NULL);
    for (int i = 0; rc == SQLITE_OK && i < STORE_TABLES; i++)
        rc = sqlite3_exec(r->to, hkp_dsm__store_schema[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(r->to, "INSERT OR IGNORE INTO rows VALUES(?1,?2,?3,?4)", -1, &r->put, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(r->to, "SELECT value FROM rows WHERE kind=?1 AND key=?2", -1, &r->get, NULL);
    if (rc != SQLITE_OK) return told(fault, r->to);
    copy_all(r);
    if (r->told->rows == 0)
        return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, "nothing in it can be read", 0);
    remake(r);
    if (r->place_lost) put_row(r, HKP_DSM_ROW_META, (const uint8_t *)"resync", 6, NULL, 0);
    sqlite3_reset(r->get);
    rc = sqlite3_exec(r->to, "INSERT INTO info VALUES('installed', 1); COMMIT", NULL, NULL, NULL);
    return rc == SQLITE_OK ? HKP_OK : told(fault, r->to);
}

/* The damaged file and its log step aside first; between the two renames neither is lost. */
static hkp_status take_over(struct repair *r, struct hkp_dsm_store_fault *fault) {
    unlinkat(r->dir, BAD_FILE "-wal", 0);
    unlinkat(r->dir, BAD_FILE "-shm", 0);
    if (renameat(r->dir, DB_FILE, r->dir, BAD_FILE) == 0 &&
        (renameat(r->dir, DB_FILE "-wal", r->dir, BAD_FILE "-wal") == 0 || errno == ENOENT)) {
        unlinkat(r->dir, DB_FILE "-shm", 0);
        if (fsync(r->dir) == 0 && renameat(r->dir, NEW_FILE, r->dir, DB_FILE) == 0 && fsync(r->dir) == 0)
            return HKP_OK;
    }
    return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, strerror(errno), UINT64_MAX);
}

/* A repair that was cut short between its renames is begun again. */
static void put_back(int dir) {
    if (faccessat(dir, DB_FILE, F_OK, 0) == 0 || faccessat(dir, BAD_FILE, F_OK, 0) != 0) return;
    (void)!renameat(dir, BAD_FILE "-wal", dir, DB_FILE "-wal");
    (void)!renameat(dir, BAD_FILE, dir, DB_FILE);
}

static hkp_status repair(struct repair *r, const char *directory, struct hkp_dsm_store_fault *fault) {
    put_back(r->dir);
    if (faccessat(r->dir, DB_FILE, F_OK, 0) != 0) return HKP_E_NOTFOUND;
    hkp_status st = fill_new(r, directory, fault);
    sqlite3_finalize(r->put);
    sqlite3_finalize(r->get);
    sqlite3_close(r->to);
    if (r->from != NULL) sqlite3_db_config(r->from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(r->from);
    return st == HKP_OK ? take_over(r, fault) : st;
}

hkp_status hkp_dsm_store_repair(const char *directory, struct hkp_dsm_store_repaired *out,
                                struct hkp_dsm_store_fault *fault) {
    struct hkp_dsm_store_repaired result = {.struct_size = sizeof result};
    if (out->struct_size < sizeof result) return HKP_E_INVAL;
    struct repair r = {.told = &result, .dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (r.dir < 0) return hkp_dsm__store_fault(fault, HKP_E_IO, ".", strerror(errno), UINT64_MAX);
    int lock = openat(r.dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    hkp_status st = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 ? HKP_OK : HKP_E_STATE;
    if (st == HKP_OK) st = repair(&r, directory, fault);
    if (lock >= 0) close(lock);
    close(r.dir);
    if (st == HKP_OK) *out = result;
    return st;
}
