/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A RESTART out of a store (D-EPO-6): what officers are to sign, and whether a node with this store would
 * take what they signed. The newest final header is the one of the newest CERT_F by height, or, while nothing
 * of the epoch is final, the boundary with its link.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookprobe/dsm/restart.h>

#include "libdsm/objects/objects.h"
#include "libdsm/store/store.h"
#include "libter/bytes.h"

/** What a store says of its newest final header. */
struct base {
    sqlite3 *db;
    struct hkp_dsm__valset now; /* of the epoch that the store is in */
    struct hkp_dsm__valset old; /* of the epoch of the header */
    uint64_t epoch;             /* of the header */
    struct hkp_dsm__header first;
    size_t n_headers;
    uint8_t headers[HKP_DSM__RESTART_HEADERS][HKP_DSM__HEADER_MAX];
    size_t header_len[HKP_DSM__RESTART_HEADERS];
    uint8_t cert[HKP_DSM__CERT_MAX];
    size_t cert_len;
    uint8_t row[HKP_DSM_RESTART_MAX + HKP_DSM_VALSET_MAX];
    size_t row_len;
};

/* ---- rows ---- */

/* Into b->row: the row of this key, or the one of the highest key up to it. */
static hkp_status row(struct base *b, uint32_t kind, const uint8_t *key, size_t key_len, int below,
                      uint8_t found[8]) {
    static const char *const how[2] = {
        "SELECT value,sum,key FROM rows WHERE kind=?1 AND key=?2",
        "SELECT value,sum,key FROM rows WHERE kind=?1 AND key<=?2 ORDER BY key DESC LIMIT 1"};
    sqlite3_stmt *q = NULL;
    hkp_status st = HKP_E_IO;
    if (sqlite3_prepare_v2(b->db, how[below], -1, &q, NULL) != SQLITE_OK) return HKP_E_IO;
    sqlite3_bind_int64(q, 1, kind);
    sqlite3_bind_blob(q, 2, key, (int)key_len, SQLITE_TRANSIENT);
    const int rc = sqlite3_step(q);
    if (rc == SQLITE_DONE) st = HKP_E_NOTFOUND;
    if (rc == SQLITE_ROW) {
        const uint8_t *value = sqlite3_column_blob(q, 0), *at = sqlite3_column_blob(q, 2);
        const size_t len = (size_t)sqlite3_column_bytes(q, 0), at_len = (size_t)sqlite3_column_bytes(q, 2);
        if (hkp_dsm__row_sum(kind, at, at_len, value, len) == sqlite3_column_int64(q, 1) &&
            len <= sizeof b->row) {
            if (len > 0) memcpy(b->row, value, len);
            if (found != NULL && at_len == 8) memcpy(found, at, 8);
            b->row_len = len;
            st = HKP_OK;
        }
    }
    sqlite3_finalize(q);
    return st;
}

static hkp_status row_at(struct base *b, uint32_t kind, uint64_t number) {
    uint8_t key[8];
    hkp_put_be64(key, number);
    return row(b, kind, key, sizeof key, 0, NULL);
}

static hkp_status meta(struct base *b, const char *name) {
    return row(b, HKP_DSM_ROW_META, (const uint8_t *)name, strlen(name), 0, NULL);
}

/* ---- the newest final header ---- */

static hkp_status take_header(struct base *b, const uint8_t *bytes, size_t len) {
    if (b->n_headers == HKP_DSM__RESTART_HEADERS || len > HKP_DSM__HEADER_MAX) return HKP_E_DSM_SCHEMA;
    memcpy(b->headers[b->n_headers], bytes, len);
    b->header_len[b->n_headers++] = len;
    return HKP_OK;
}

static hkp_status take_cert(struct base *b, const uint8_t *bytes, size_t len) {
    if (len > sizeof b->cert) return HKP_E_DSM_SCHEMA;
    memcpy(b->cert, bytes, len);
    b->cert_len = len;
    return HKP_OK;
}

/* Headers that are final above it would make it the wrong one: their cert is elsewhere, or lost. */
static hkp_status of_height(struct base *b, uint64_t height) {
    hkp_status st = take_cert(b, b->row, b->row_len);
    if (st == HKP_OK) st = row_at(b, HKP_DSM_ROW_HEADER, height);
    if (st == HKP_OK) st = take_header(b, b->row, b->row_len);
    if (st == HKP_OK && row_at(b, HKP_DSM_ROW_HEADER, height + 1) != HKP_E_NOTFOUND) st = HKP_E_NOTFOUND;
    b->old = b->now;
    return st;
}

/* Nothing of the epoch is final: the link that led to it. */
static hkp_status of_link(struct base *b) {
    struct hkp_dsm_cbor_reader r;
    size_t len = 0;
    hkp_status st = b->now.epoch > 0 ? row_at(b, HKP_DSM_ROW_LINK, b->now.epoch - 1) : HKP_E_NOTFOUND;
    if (st == HKP_OK) st = hkp_dsm_cbor_read(&r, b->row, b->row_len);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_array(&r, 3, 3);
    const size_t count = hkp_dsm_cbor_array(&r, 1, HKP_DSM__RESTART_HEADERS);
    for (size_t i = 0; st == HKP_OK && r.status == HKP_OK && i < count; i++) {
        const uint8_t *header = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__HEADER_MAX, &len);
        if (header != NULL) st = take_header(b, header, len);
    }
    const uint8_t *cert = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__CERT_MAX, &len);
    if (st == HKP_OK && cert != NULL) st = take_cert(b, cert, len);
    const uint8_t *set = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_VALSET_MAX, &len);
    if (r.status != HKP_OK) return r.status;
    return st == HKP_OK ? hkp_dsm__valset_parse(set, len, &b->old) : st;
}

/* The epoch's set and the height at which it began; epoch 0 stands in the genesis. */
static hkp_status read_set(struct base *b, const struct hkp_dsm_genesis *genesis, uint64_t *began) {
    hkp_status st = meta(b, "chain");
    if (st == HKP_OK && (b->row_len != 32 || memcmp(b->row, genesis->chain_id, 32) != 0)) st = HKP_E_NOTFOUND;
    if (st == HKP_OK) st = meta(b, "epoch");
    *began = 0;
    if (st == HKP_E_NOTFOUND)
        return hkp_dsm__valset_parse(genesis->valset_body.ptr, genesis->valset_body.len, &b->now);
    if (st != HKP_OK) return st;
    if (b->row_len < 48) return HKP_E_IO;
    *began = hkp_be64(b->row);
    return hkp_dsm__valset_parse(b->row + 48, b->row_len - 48, &b->now);
}

static hkp_status read_base(struct base *b, const struct hkp_dsm_genesis *genesis) {
    uint8_t key[8] = {0}, highest[8];
    uint64_t began;
    hkp_status st = read_set(b, genesis, &began);
    if (st != HKP_OK) return st;
    memset(highest, 255, sizeof highest);
    st = row(b, HKP_DSM_ROW_FINAL, highest, sizeof highest, 1, key);
    if (st != HKP_OK && st != HKP_E_NOTFOUND) return st;
    if (st == HKP_OK && hkp_be64(key) > began)
        st = of_height(b, hkp_be64(key));
    else
        st = of_link(b);
    if (st == HKP_OK)
        st = hkp_dsm__header_parse(genesis->chain_id, b->headers[0], b->header_len[0], &b->first);
    b->epoch = b->first.epoch;
    return st;
}

static hkp_status open_base(const char *directory, const struct hkp_dsm_genesis *genesis, struct base **out) {
    struct base *b = calloc(1, sizeof *b);
    char *path = malloc(strlen(directory) + sizeof "/" DB_FILE);
    hkp_status st = b != NULL && path != NULL ? HKP_OK : HKP_E_NOMEM;
    if (st == HKP_OK) {
        sprintf(path, "%s/" DB_FILE, directory);
        if (access(path, F_OK) != 0) st = HKP_E_NOTFOUND;
    }
    if (st == HKP_OK &&
        (sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
         sqlite3_exec(b->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK))
        st = HKP_E_IO;
    if (st == HKP_OK) st = read_base(b, genesis);
    free(path);
    if (b != NULL) sqlite3_close(b->db);
    if (st == HKP_OK)
        *out = b;
    else
        free(b);
    return st;
}

/* D-QC-3: the set keeps its schemes, and who stays its key. NULL: it lists no scheme 2. */
static const uint8_t *const *bls_keys(const struct hkp_dsm__valset *now, const struct hkp_dsm_seat *seats,
                                      size_t n, const uint8_t *keys[HKP_DSM_MEMBERS_MAX]) {
    for (size_t i = 0; i < n; i++) {
        const int seat = hkp_dsm__valset_index(now, seats[i].node_id);
        keys[i] = seat >= 0 && !hkp_is_zero(now->bls[seat], 48) ? now->bls[seat] : NULL;
    }
    return now->has_scheme2 ? keys : NULL;
}

/* ---- for the host ---- */

hkp_status hkp_dsm_store_seats(const char *directory, const struct hkp_dsm_genesis *genesis,
                               struct hkp_dsm_seat *seats, size_t cap, size_t *count) {
    struct base *b;
    hkp_status st = open_base(directory, genesis, &b);
    if (st != HKP_OK) return st;
    if (b->now.n > cap) st = HKP_E_NOSPC;
    if (st == HKP_OK) memcpy(seats, b->now.seats, b->now.n * sizeof *seats);
    if (st == HKP_OK) *count = b->now.n;
    free(b);
    return st;
}

hkp_status hkp_dsm_store_restart(const char *directory, const struct hkp_dsm_genesis *genesis,
                                 const struct hkp_dsm_seat *seats, size_t n, uint8_t *body, size_t cap,
                                 size_t *len) {
    struct hkp_dsm_view headers[HKP_DSM__RESTART_HEADERS];
    struct hkp_dsm__valset checked;
    struct base *b;
    if (n == 0 || n > HKP_DSM_MEMBERS_MAX) return HKP_E_INVAL;
    hkp_status st = open_base(directory, genesis, &b);
    if (st != HKP_OK) return st;
    struct hkp_dsm_view set = {.ptr = b->row}; /* the row is done with */
    const uint8_t *keys[HKP_DSM_MEMBERS_MAX];
    st = hkp_dsm__valset_write(seats, bls_keys(&b->now, seats, n, keys), n, b->epoch + 2, b->row,
                               sizeof b->row, &set.len);
    if (st != HKP_OK || hkp_dsm__valset_parse(set.ptr, set.len, &checked) != HKP_OK) st = HKP_E_INVAL;
    for (size_t i = 0; i < b->n_headers; i++)
        headers[i] = (struct hkp_dsm_view){b->headers[i], b->header_len[i]};
    const struct hkp_dsm_view cert = {b->cert, b->cert_len};
    if (st == HKP_OK)
        st = hkp_dsm__restart_build(b->epoch, headers, b->n_headers, &cert, &set, body, cap, len);
    free(b);
    return st;
}

hkp_status hkp_dsm_store_restart_check(const char *directory, const struct hkp_dsm_genesis *genesis,
                                       const uint8_t *restart, size_t len,
                                       const struct hkp_dsm_officers *officers, struct hkp_dsm_restart *out) {
    struct hkp_dsm__restart r, said;
    struct hkp_dsm_multi m;
    struct base *b;
    if (out->struct_size < sizeof *out) return HKP_E_INVAL;
    hkp_status st = hkp_dsm_multi_parse(restart, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(genesis->chain_id, &m, HKP_DSM_KIND_RESTART, officers);
    if (st == HKP_OK) st = hkp_dsm__restart_open(genesis->chain_id, &m.body, &said);
    if (st != HKP_OK) return st;
    st = open_base(directory, genesis, &b);
    if (st != HKP_OK) return st;
    if (said.epoch != b->epoch)
        st = said.epoch > b->epoch ? HKP_E_DSM_EPOCH : HKP_E_DSM_STALE;
    else
        st = hkp_dsm__restart_check(restart, len, genesis->chain_id, officers, &b->old, b->first.height,
                                    b->first.digest, &r);
    free(b);
    return st == HKP_OK ? hkp_dsm_restart_parse(genesis->chain_id, m.body.ptr, m.body.len, out) : st;
}
