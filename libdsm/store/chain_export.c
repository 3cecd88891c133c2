/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The final chain of a store as a file (D-STO-11): from the genesis on if nothing was pruned, else the links
 * of all ended epochs, the heads at the last boundary, and what came after it. One read transaction, so a
 * node may go on working with the store meanwhile.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdsm/store/chain.h"
#include "libter/bytes.h"

struct out {
    sqlite3 *db;
    sqlite3_stmt *get, *before;
    int fd;
    uint8_t *item;
    size_t used;
    uint8_t *buffer;
    uint8_t chain_id[32];
    /** heads at the boundary that the file begins with, NULL: it begins with the genesis */
    uint8_t *heads;
    size_t n_heads;
    uint64_t first;
    struct hkp_dsm_store_moved *told;
    hkp_status status;
};

enum { BUFFER = 1 << 20 };

/* ---- bytes out ---- */

static void flush(struct out *o) {
    for (size_t at = 0; o->status == HKP_OK && at < o->used;) {
        ssize_t n = write(o->fd, o->buffer + at, o->used - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) o->status = HKP_E_IO;
        at += n > 0 ? (size_t)n : 0;
    }
    o->used = 0;
}

static void put(struct out *o, const uint8_t *bytes, size_t len) {
    while (len > 0 && o->status == HKP_OK) {
        size_t room = BUFFER - o->used, part = len < room ? len : room;
        memcpy(o->buffer + o->used, bytes, part);
        o->used += part;
        bytes += part;
        len -= part;
        if (o->used == BUFFER) flush(o);
    }
}

static struct hkp_dsm_cbor_writer begin(struct out *o, uint64_t kind, size_t n) {
    struct hkp_dsm_cbor_writer w = {.out = o->item, .cap = CHAIN_ITEM_MAX};
    hkp_dsm_cbor_put_array(&w, n);
    hkp_dsm_cbor_put_uint(&w, kind);
    return w;
}

static void end(struct out *o, const struct hkp_dsm_cbor_writer *w) {
    uint8_t head[4];
    if (w->status != HKP_OK) o->status = w->status;
    hkp_put_be32(head, (uint32_t)w->len);
    put(o, head, sizeof head);
    put(o, o->item, w->len);
    o->told->items++;
}

static void put_one(struct out *o, uint64_t kind, const uint8_t *bytes, size_t len) {
    struct hkp_dsm_cbor_writer w = begin(o, kind, 2);
    hkp_dsm_cbor_put_bytes(&w, bytes, len);
    end(o, &w);
}

/* ---- rows ---- */

/* Valid until the next call; 0: not there, or damaged. */
static int row(struct out *o, uint32_t kind, const uint8_t *key, size_t key_len, struct hkp_dsm_view *value) {
    sqlite3_reset(o->get);
    sqlite3_bind_int64(o->get, 1, kind);
    sqlite3_bind_blob(o->get, 2, key, (int)key_len, SQLITE_TRANSIENT);
    int rc = sqlite3_step(o->get);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) o->status = HKP_E_IO;
    if (rc != SQLITE_ROW) return 0;
    value->ptr = sqlite3_column_blob(o->get, 0);
    value->len = (size_t)sqlite3_column_bytes(o->get, 0);
    return hkp_dsm__row_sum(kind, key, key_len, value->ptr, value->len) == sqlite3_column_int64(o->get, 1);
}

static int row_at(struct out *o, uint32_t kind, uint64_t number, struct hkp_dsm_view *value) {
    uint8_t key[8];
    hkp_put_be64(key, number);
    return row(o, kind, key, sizeof key, value);
}

static int row_meta(struct out *o, const char *name, struct hkp_dsm_view *value) {
    return row(o, HKP_DSM_ROW_META, (const uint8_t *)name, strlen(name), value);
}

/* ---- what a height holds ---- */

/* The seq of the author's head before: of its place, or at the boundary. */
static uint64_t seq_before(struct out *o, const struct hkp_dsm__head *head) {
    uint8_t from[24], to[24];
    uint64_t seq = 0;
    hkp_dsm__key_block(from, head->node_id, 0);
    hkp_dsm__key_block(to, head->node_id, head->seq);
    sqlite3_reset(o->before);
    sqlite3_bind_int64(o->before, 1, HKP_DSM_ROW_PLACE);
    sqlite3_bind_blob(o->before, 2, from, sizeof from, SQLITE_TRANSIENT);
    sqlite3_bind_blob(o->before, 3, to, sizeof to, SQLITE_TRANSIENT);
    if (sqlite3_step(o->before) == SQLITE_ROW && sqlite3_column_bytes(o->before, 0) == 24)
        seq = hkp_be64((const uint8_t *)sqlite3_column_blob(o->before, 0) + 16);
    sqlite3_reset(o->before);
    for (size_t i = 0; i < o->n_heads; i++) {
        const uint8_t *at = o->heads + i * CHAIN_HEAD_BYTES;
        if (memcmp(at, head->node_id, 16) == 0 && hkp_be64(at + 16) > seq) seq = hkp_be64(at + 16);
    }
    return seq;
}

/* Of the certificate that a stored block names; 0: there is no block. */
static uint64_t serial_of(const struct out *o, const struct hkp_dsm_view *bytes) {
    struct hkp_dsm__item item;
    struct hkp_dsm__block b;
    if (bytes->ptr == NULL || hkp_dsm__stored_item(bytes->ptr, bytes->len, &item) != HKP_OK ||
        hkp_dsm__block_parse(o->chain_id, item.signer, item.body.ptr, item.body.len, &b) != HKP_OK)
        return 0;
    return b.serial;
}

static struct hkp_dsm_view block_row(struct out *o, const uint8_t node_id[16], uint64_t seq) {
    struct hkp_dsm_view item = {0};
    uint8_t key[24];
    if (seq == 0 || !row(o, HKP_DSM_ROW_BLOCK, key, hkp_dsm__key_block(key, node_id, seq), &item))
        item.ptr = NULL;
    return item;
}

/* before: serial of the block below it. An importer holds the certificates of a few serials of each author:
 * where another one comes into use it is given again. Returns the serial. */
static uint64_t put_block(struct out *o, const uint8_t node_id[16], uint64_t seq, uint64_t before) {
    struct hkp_dsm_view item = block_row(o, node_id, seq), certificate;
    const uint64_t serial = serial_of(o, &item);
    uint8_t key[24];
    if (serial != before &&
        row(o, HKP_DSM_ROW_CERTIFICATE, key, hkp_dsm__key_block(key, node_id, serial), &certificate))
        put_one(o, CHAIN_CERTIFICATE, certificate.ptr, certificate.len);
    if (serial != before) item = block_row(o, node_id, seq);
    if (item.ptr == NULL) {
        o->status = HKP_E_NOTFOUND;
        return 0;
    }
    put_one(o, CHAIN_BLOCK, item.ptr, item.len);
    o->told->blocks++;
    return serial;
}

static void put_blocks(struct out *o, const uint8_t *body, size_t len) {
    struct hkp_dsm__body parsed;
    if (hkp_dsm__body_parse(body, len, &parsed) != HKP_OK) o->status = HKP_E_DSM_SCHEMA;
    for (size_t i = 0; o->status == HKP_OK && i < parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&parsed.heads, &head);
        uint64_t seq = seq_before(o, &head);
        const struct hkp_dsm_view below = block_row(o, head.node_id, seq);
        for (uint64_t serial = serial_of(o, &below); o->status == HKP_OK && ++seq <= head.seq;)
            serial = put_block(o, head.node_id, seq, serial);
    }
}

static void put_pair(struct out *o, uint64_t height) {
    struct hkp_dsm_view header, body;
    struct hkp_dsm_cbor_writer w = begin(o, CHAIN_PAIR, 3);
    if (!row_at(o, HKP_DSM_ROW_HEADER, height, &header)) o->status = HKP_E_NOTFOUND;
    if (o->status == HKP_OK) hkp_dsm_cbor_put_bytes(&w, header.ptr, header.len);
    if (!row_at(o, HKP_DSM_ROW_BODY, height, &body)) o->status = HKP_E_NOTFOUND;
    if (o->status != HKP_OK) return;
    hkp_dsm_cbor_put_bytes(&w, body.ptr, body.len);
    end(o, &w);
    o->told->heights++;
}

/* CERT_F of a boundary, with the void empties that lie between them. */
static void put_link_cert(struct out *o, const struct hkp_dsm_view *link) {
    static const uint8_t empty_body[3] = {0x82, 0x80, 0x80};
    struct hkp_dsm_view headers[HEIGHTS_OPEN_MAX + 1], cert;
    struct hkp_dsm_cbor_reader r;
    uint8_t *copy = malloc(link->len + 1); /* the row is read on */
    if (copy == NULL) o->status = HKP_E_NOMEM;
    if (copy != NULL) memcpy(copy, link->ptr, link->len);
    if (copy == NULL || hkp_dsm_cbor_read(&r, copy, link->len) != HKP_OK) {
        free(copy);
        return;
    }
    hkp_dsm_cbor_array(&r, 3, 3);
    size_t n = hkp_dsm_cbor_array(&r, 1, HEIGHTS_OPEN_MAX + 1);
    for (size_t i = 0; i < n; i++)
        headers[i].ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__HEADER_MAX, &headers[i].len);
    cert.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__CERT_MAX, &cert.len);
    if (r.status == HKP_OK) put_one(o, CHAIN_CERT, cert.ptr, cert.len);
    for (size_t i = n; r.status == HKP_OK && i-- > 1;) {
        struct hkp_dsm_cbor_writer w = begin(o, CHAIN_PAIR, 3);
        hkp_dsm_cbor_put_bytes(&w, headers[i].ptr, headers[i].len);
        hkp_dsm_cbor_put_bytes(&w, empty_body, sizeof empty_body);
        end(o, &w);
    }
    free(copy);
}

/* Where officers ended this epoch, what they signed; 0: they did not. */
static int restart_of(struct out *o, uint64_t epoch, struct hkp_dsm_view *multi, struct hkp_dsm__restart *r) {
    struct hkp_dsm_multi m;
    uint8_t key[9] = "S";
    hkp_put_be64(key + 1, epoch);
    return row(o, HKP_DSM_ROW_META, key, sizeof key, multi) &&
           hkp_dsm_multi_parse(multi->ptr, multi->len, &m) == HKP_OK &&
           hkp_dsm__restart_open(o->chain_id, &m.body, r) == HKP_OK;
}

/* Heights from first on, in groups that one CERT_F makes final: blocks, CERT_F, then headers from above. */
static void put_heights(struct out *o) {
    uint64_t group = o->first;
    for (uint64_t height = o->first; o->status == HKP_OK; height++) {
        struct hkp_dsm_view header, body, cert, link;
        struct hkp_dsm__header h;
        if (!row_at(o, HKP_DSM_ROW_HEADER, height, &header)) break;
        o->status = hkp_dsm__header_parse(o->chain_id, header.ptr, header.len, &h);
        if (o->status != HKP_OK || !row_at(o, HKP_DSM_ROW_BODY, height, &body)) break;
        uint8_t *copy = malloc(body.len + 1);
        if (copy != NULL) memcpy(copy, body.ptr, body.len);
        if (copy == NULL) o->status = HKP_E_NOMEM;
        if (copy != NULL) put_blocks(o, copy, body.len);
        free(copy);
        int boundary = !hkp_is_zero(h.next_valset, 32);
        if (boundary && row_at(o, HKP_DSM_ROW_LINK, h.epoch, &link))
            put_link_cert(o, &link);
        else if (row_at(o, HKP_DSM_ROW_FINAL, height, &cert))
            put_one(o, CHAIN_CERT, cert.ptr, cert.len);
        else
            continue;
        for (uint64_t down = height; o->status == HKP_OK && down >= group; down--) put_pair(o, down);
        group = height + 1;
        struct hkp_dsm__restart r;
        struct hkp_dsm_view multi;
        if (o->status == HKP_OK && restart_of(o, h.epoch, &multi, &r) && r.next_height == group)
            put_one(o, CHAIN_RESTART, multi.ptr, multi.len);
    }
}

/* ---- where it begins ---- */

static void put_certificates(struct out *o) {
    const uint32_t kind = HKP_DSM_ROW_CERTIFICATE;
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(o->db, "SELECT key,value,sum FROM rows WHERE kind=?1 ORDER BY key", -1, &q,
                           NULL) != SQLITE_OK)
        o->status = HKP_E_IO;
    sqlite3_bind_int64(q, 1, kind);
    while (o->status == HKP_OK && sqlite3_step(q) == SQLITE_ROW) {
        const uint8_t *key = sqlite3_column_blob(q, 0), *value = sqlite3_column_blob(q, 1);
        size_t key_len = (size_t)sqlite3_column_bytes(q, 0), len = (size_t)sqlite3_column_bytes(q, 1);
        if (hkp_dsm__row_sum(kind, key, key_len, value, len) != sqlite3_column_int64(q, 2)) continue;
        put_one(o, CHAIN_CERTIFICATE, value, len);
    }
    sqlite3_finalize(q);
}

/* With the set of its epoch, if no link has shown it. */
static void put_restart(struct out *o, const struct hkp_dsm_view *multi, uint64_t epoch, int linked) {
    struct hkp_dsm_cbor_writer w = begin(o, CHAIN_RESTART, linked ? 2 : 3);
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_view proof;
    uint8_t key[9] = "R";
    size_t len = 0;
    hkp_dsm_cbor_put_bytes(&w, multi->ptr, multi->len);
    hkp_put_be64(key + 1, epoch);
    if (!linked) {
        if (!row(o, HKP_DSM_ROW_META, key, sizeof key, &proof) ||
            hkp_dsm_cbor_read(&r, proof.ptr, proof.len) != HKP_OK) {
            o->status = HKP_E_NOTFOUND;
            return;
        }
        hkp_dsm_cbor_array(&r, 3, 3);
        const size_t n = hkp_dsm_cbor_array(&r, 1, HKP_DSM__RESTART_HEADERS);
        for (size_t i = 0; i <= n; i++) (void)hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, NULL);
        const uint8_t *set = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_VALSET_MAX, &len);
        if (r.status != HKP_OK) o->status = r.status;
        hkp_dsm_cbor_put_bytes(&w, set, len);
    }
    end(o, &w);
}

/* What leads from the genesis to that epoch. */
static void put_links(struct out *o, uint64_t to) {
    for (uint64_t epoch = 0; o->status == HKP_OK && epoch < to; epoch++) {
        struct hkp_dsm_view v;
        struct hkp_dsm__restart r;
        const int linked = row_at(o, HKP_DSM_ROW_LINK, epoch, &v);
        if (linked) put_one(o, CHAIN_LINK, v.ptr, v.len);
        if (!restart_of(o, epoch, &v, &r)) continue;
        put_restart(o, &v, epoch, linked);
        epoch++; /* the one after it never was */
    }
}

/* All chunks of the snapshot at that height, one behind the other. */
static void read_heads(struct out *o, uint64_t height) {
    size_t used = 0;
    for (uint32_t chunk = 0; o->status == HKP_OK; chunk++) {
        struct hkp_dsm_view rows;
        uint8_t key[12];
        hkp_put_be64(key, height);
        hkp_put_be32(key + 8, chunk);
        if (!row(o, HKP_DSM_ROW_HEADS, key, sizeof key, &rows)) break;
        uint8_t *more = realloc(o->heads, used + rows.len + 1);
        if (more == NULL) {
            o->status = HKP_E_NOMEM;
            break;
        }
        o->heads = more;
        memcpy(more + used, rows.ptr, rows.len);
        used += rows.len;
    }
    o->n_heads = used / CHAIN_HEAD_BYTES;
}

static void put_snapshot(struct out *o) {
    struct hkp_dsm_view epoch, header;
    uint8_t set[HKP_DSM_VALSET_MAX];
    if (!row_meta(o, "epoch", &epoch) || epoch.len < 48 || epoch.len - 48 > sizeof set) {
        o->status = HKP_E_NOTFOUND;
        return;
    }
    size_t set_len = epoch.len - 48;
    uint64_t height = hkp_be64(epoch.ptr);
    memcpy(set, epoch.ptr + 48, set_len);
    struct hkp_dsm__valset parsed;
    o->status = hkp_dsm__valset_parse(set, set_len, &parsed);
    put_links(o, parsed.epoch);
    read_heads(o, height);
    if (!row_at(o, HKP_DSM_ROW_HEADER, height, &header)) o->status = HKP_E_NOTFOUND;
    if (o->status != HKP_OK) return;
    struct hkp_dsm_cbor_writer w = begin(o, CHAIN_SNAPSHOT, 4);
    hkp_dsm_cbor_put_bytes(&w, header.ptr, header.len);
    hkp_dsm_cbor_put_bytes(&w, set, set_len);
    hkp_dsm_cbor_put_bytes(&w, o->heads, o->n_heads * CHAIN_HEAD_BYTES);
    end(o, &w);
    o->first = height + 1;
}

/* Behind the certificates by which an importer checks them. */
static void put_head_blocks(struct out *o) {
    for (size_t i = 0; o->status == HKP_OK && i < o->n_heads; i++) {
        struct hkp_dsm_view item;
        uint8_t key[24];
        memcpy(key, o->heads + i * CHAIN_HEAD_BYTES, 24);
        if (row(o, HKP_DSM_ROW_BLOCK, key, sizeof key, &item)) put_one(o, CHAIN_BLOCK, item.ptr, item.len);
    }
}

static void put_all(struct out *o) {
    struct hkp_dsm_view chain, pruned, first;
    if (!row_meta(o, "chain", &chain) || chain.len != 32) {
        o->status = HKP_E_NOTFOUND;
        return;
    }
    memcpy(o->chain_id, chain.ptr, 32);
    put(o, (const uint8_t *)CHAIN_MAGIC, 8);
    struct hkp_dsm_cbor_writer w = begin(o, CHAIN_HEAD, 3);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_bytes(&w, o->chain_id, 32);
    end(o, &w);
    o->first = 1;
    int whole = !(row_meta(o, "pruned", &pruned) && pruned.len == 16 && hkp_be64(pruned.ptr) > 0) &&
                row_at(o, HKP_DSM_ROW_BODY, 1, &first);
    if (!whole) put_snapshot(o);
    o->told->from_height = o->first;
    put_certificates(o);
    put_head_blocks(o);
    put_heights(o);
    o->told->to_height = o->first + o->told->heights - 1;
    if (o->status != HKP_OK) return;
    w = begin(o, CHAIN_END, 2);
    hkp_dsm_cbor_put_uint(&w, o->told->items);
    end(o, &w);
    flush(o);
    if (o->status == HKP_OK && fsync(o->fd) != 0 && errno != EINVAL) o->status = HKP_E_IO;
}

hkp_status hkp_dsm_store_export(const char *directory, int32_t fd, struct hkp_dsm_store_moved *out) {
    struct hkp_dsm_store_moved told = {.struct_size = sizeof told};
    if (out->struct_size < sizeof told) return HKP_E_INVAL;
    struct out o = {.fd = fd, .told = &told, .item = malloc(CHAIN_ITEM_MAX), .buffer = malloc(BUFFER)};
    char *path = malloc(strlen(directory) + sizeof "/" DB_FILE);
    if (o.item == NULL || o.buffer == NULL || path == NULL) o.status = HKP_E_NOMEM;
    if (o.status == HKP_OK) {
        sprintf(path, "%s/" DB_FILE, directory);
        if (access(path, F_OK) != 0) o.status = HKP_E_NOTFOUND;
    }
    if (o.status == HKP_OK &&
        (sqlite3_open_v2(path, &o.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
         sqlite3_exec(o.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
         sqlite3_prepare_v2(o.db, "SELECT value,sum FROM rows WHERE kind=?1 AND key=?2", -1, &o.get, NULL) !=
             SQLITE_OK ||
         sqlite3_prepare_v2(
             o.db, "SELECT key FROM rows WHERE kind=?1 AND key>=?2 AND key<?3 ORDER BY key DESC LIMIT 1", -1,
             &o.before, NULL) != SQLITE_OK))
        o.status = HKP_E_IO;
    if (o.status == HKP_OK) put_all(&o);
    sqlite3_finalize(o.get);
    sqlite3_finalize(o.before);
    sqlite3_close(o.db);
    free(path);
    free(o.heads);
    free(o.item);
    free(o.buffer);
    if (o.status == HKP_OK) *out = told;
    return o.status;
}
