/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What an officer promised (D-CA-4, decision 0460). Entries stand one behind the other as u16(length) and
 *     {0:1, 1:type, 2:digest of all before, ...}
 *     BEGIN   3:chain_id, 4:officer's key
 *     PROMISE 3:kind, 4:subject, 5:number, 6:id, 7:not_after_s, 8:token digest (optional)
 *     BARRED  3:node_id
 *     LOST
 */
#include "libdsm/beside/officer.h"
#include "libdsm/objects/fields.h"
#include "libter/bytes.h"

enum { BEGIN, PROMISE, BARRED, LOST, FRAME = 2 };

struct entry {
    uint32_t type;
    uint8_t before[32], chain_id[32], officer[32], node_id[16];
    struct hkp_dsm_promise promise;
};

static void read_promise(struct hkp_dsm_cbor_reader *r, size_t *left, struct hkp_dsm_promise *p) {
    p->kind = (uint32_t)uint_field(r, left, 3, HKP_DSM_KIND_CERTIFICATE, HKP_DSM_KIND_ORDER);
    fixed_field(r, left, 4, p->subject, 16);
    p->number = uint_field(r, left, 5, 0, UINT64_MAX);
    fixed_field(r, left, 6, p->id, 32);
    p->not_after_s = uint_field(r, left, 7, 0, UINT64_MAX);
    p->has_token = optional_fixed(r, left, 8, p->token, 32);
}

/* The entry at the beginning of in; bytes that it takes, 0 if there is no whole one. */
static size_t read_entry(const uint8_t *in, size_t len, struct entry *out) {
    struct hkp_dsm_cbor_reader r;
    struct entry e = {0};
    if (len < FRAME) return 0;
    const size_t size = hkp_be16(in);
    if (size > HKP_DSM_RECORD_ENTRY_MAX - FRAME || size > len - FRAME) return 0;
    (void)hkp_dsm_cbor_read(&r, in + FRAME, size);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    e.type = (uint32_t)uint_field(&r, &left, 1, BEGIN, LOST);
    fixed_field(&r, &left, 2, e.before, 32);
    if (e.type == BEGIN) {
        fixed_field(&r, &left, 3, e.chain_id, 32);
        fixed_field(&r, &left, 4, e.officer, 32);
    } else if (e.type == PROMISE) {
        read_promise(&r, &left, &e.promise);
    } else if (e.type == BARRED) {
        fixed_field(&r, &left, 3, e.node_id, 16);
    }
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return 0;
    *out = e;
    return FRAME + size;
}

/* Walks a record that was opened, or made here; 0 at its end. */
static int next_entry(const struct hkp_dsm_record *record, size_t *at, struct entry *e) {
    const size_t used = read_entry(record->bytes + *at, record->len - *at, e);
    *at += used;
    return used > 0;
}

/* Takes an entry into what is known of the record, or refuses it. */
static int follows(struct hkp_dsm_record *r, const struct entry *e, size_t used) {
    if (memcmp(e->before, r->head, 32) != 0) return 0;
    if ((e->type == BEGIN) != (r->n_entries == 0)) return 0;
    if (e->type == BEGIN) {
        memcpy(r->chain_id, e->chain_id, 32);
        memcpy(r->officer, e->officer, 32);
    }
    if (e->type == LOST) r->is_lost = 1;
    hkp_dsm__hash(r->head, "officer", &(struct hkp_dsm_view){r->bytes + r->len + FRAME, used - FRAME}, 1);
    r->len += used;
    r->n_entries++;
    return 1;
}

static hkp_status read_mark(const uint8_t *mark, size_t len, uint64_t *n, uint8_t head[32]) {
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, mark, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    *n = uint_field(&r, &left, 1, 1, UINT64_MAX);
    fixed_field(&r, &left, 2, head, 32);
    hkp_dsm_cbor_close(&r, left);
    return r.status;
}

hkp_status hkp_dsm_record_mark(const struct hkp_dsm_record *record, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_map(&w, 3);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, record->n_entries);
    put_bytes_field(&w, 2, record->head, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_record_open(struct hkp_dsm_record *record, uint8_t *bytes, size_t len, size_t cap,
                               const uint8_t *mark, size_t mark_len, const uint8_t chain_id[32],
                               const uint8_t officer[32]) {
    struct hkp_dsm_record r = {.bytes = bytes, .cap = cap};
    uint8_t marked_head[32];
    uint64_t marked = 0;
    int reached = 0;
    struct entry e;
    if (len > cap || read_mark(mark, mark_len, &marked, marked_head) != HKP_OK) return HKP_E_DSM_WAL_CORRUPT;
    for (size_t used; (used = read_entry(bytes + r.len, len - r.len, &e)) > 0;) {
        if (!follows(&r, &e, used)) break;
        if (r.n_entries == marked) reached = memcmp(r.head, marked_head, 32) == 0;
    }
    if (!reached) return HKP_E_DSM_WAL_CORRUPT;
    if (memcmp(r.chain_id, chain_id, 32) != 0 || memcmp(r.officer, officer, 32) != 0) return HKP_E_DSM_TARGET;
    *record = r;
    return HKP_OK;
}

/* ---- Growing --------------------------------------------------------------------------------------------
 */

/* A writer behind the record, with what all entries begin with. */
static struct hkp_dsm_cbor_writer begin_entry(const struct hkp_dsm_record *r, uint32_t type, size_t fields) {
    struct hkp_dsm_cbor_writer w = {.status = HKP_E_NOSPC};
    if (r->cap - r->len <= FRAME) return w;
    w = (struct hkp_dsm_cbor_writer){.out = r->bytes + r->len + FRAME, .cap = r->cap - r->len - FRAME};
    hkp_dsm_cbor_put_map(&w, 3 + fields);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, type);
    put_bytes_field(&w, 2, r->head, 32);
    return w;
}

static hkp_status end_entry(struct hkp_dsm_record *record, const struct hkp_dsm_cbor_writer *w) {
    struct entry e;
    if (w->status != HKP_OK) return w->status;
    hkp_put_be16(record->bytes + record->len, (uint16_t)w->len);
    const size_t used = read_entry(record->bytes + record->len, FRAME + w->len, &e);
    return used > 0 && follows(record, &e, used) ? HKP_OK : HKP_E_INVAL;
}

hkp_status hkp_dsm_record_begin(struct hkp_dsm_record *record, uint8_t *bytes, size_t cap,
                                const uint8_t chain_id[32], const uint8_t officer[32]) {
    struct hkp_dsm_record r = {.bytes = bytes, .cap = cap};
    struct hkp_dsm_cbor_writer w = begin_entry(&r, BEGIN, 2);
    put_bytes_field(&w, 3, chain_id, 32);
    put_bytes_field(&w, 4, officer, 32);
    const hkp_status st = end_entry(&r, &w);
    if (st == HKP_OK) *record = r;
    return st;
}

hkp_status hkp_dsm_record_find(const struct hkp_dsm_record *record, uint32_t kind, const uint8_t subject[16],
                               struct hkp_dsm_promise *promise) {
    hkp_status st = HKP_E_NOTFOUND;
    struct entry e;
    for (size_t at = 0; next_entry(record, &at, &e);) {
        if (e.type != PROMISE || e.promise.kind != kind || memcmp(e.promise.subject, subject, 16) != 0)
            continue;
        *promise = e.promise; /* numbers rise, so the last one is the newest */
        st = HKP_OK;
    }
    return st;
}

int hkp_dsm__record_holds(const struct hkp_dsm_record *record, const uint8_t id[32]) {
    struct entry e;
    for (size_t at = 0; next_entry(record, &at, &e);)
        if (e.type == PROMISE && memcmp(e.promise.id, id, 32) == 0) return 1;
    return 0;
}

int hkp_dsm__record_barred(const struct hkp_dsm_record *record, const uint8_t node_id[16]) {
    struct entry e;
    for (size_t at = 0; next_entry(record, &at, &e);)
        if (e.type == BARRED && memcmp(e.node_id, node_id, 16) == 0) return 1;
    return 0;
}

static int token_used(const struct hkp_dsm_record *record, const struct hkp_dsm_promise *p) {
    struct entry e;
    for (size_t at = 0; p->has_token && next_entry(record, &at, &e);)
        if (e.type == PROMISE && e.promise.has_token && memcmp(e.promise.token, p->token, 32) == 0) return 1;
    return 0;
}

hkp_status hkp_dsm_record_promise(struct hkp_dsm_record *record, const struct hkp_dsm_promise *promise) {
    struct hkp_dsm_promise newest;
    if (record->is_lost) return HKP_E_DSM_WAL_CORRUPT;
    if (promise->kind < HKP_DSM_KIND_CERTIFICATE || promise->kind > HKP_DSM_KIND_ORDER) return HKP_E_INVAL;
    if (promise->kind == HKP_DSM_KIND_CERTIFICATE && hkp_dsm__record_barred(record, promise->subject))
        return HKP_E_DSM_REVOKED;
    if (hkp_dsm_record_find(record, promise->kind, promise->subject, &newest) == HKP_OK) {
        if (promise->number < newest.number) return HKP_E_DSM_STALE;
        if (promise->number == newest.number)
            return memcmp(promise->id, newest.id, 32) == 0 ? HKP_OK : HKP_E_DSM_FORK;
    }
    if (token_used(record, promise)) return HKP_E_DSM_DUPLICATE;
    struct hkp_dsm_cbor_writer w = begin_entry(record, PROMISE, 5U + (promise->has_token != 0));
    put_uint_field(&w, 3, promise->kind);
    put_bytes_field(&w, 4, promise->subject, 16);
    put_uint_field(&w, 5, promise->number);
    put_bytes_field(&w, 6, promise->id, 32);
    put_uint_field(&w, 7, promise->not_after_s);
    if (promise->has_token) put_bytes_field(&w, 8, promise->token, 32);
    return end_entry(record, &w);
}

hkp_status hkp_dsm_record_bar(struct hkp_dsm_record *record, const uint8_t node_id[16]) {
    if (hkp_dsm__record_barred(record, node_id)) return HKP_OK;
    struct hkp_dsm_cbor_writer w = begin_entry(record, BARRED, 1);
    put_bytes_field(&w, 3, node_id, 16);
    return end_entry(record, &w);
}

hkp_status hkp_dsm_record_lose(struct hkp_dsm_record *record) {
    if (record->is_lost) return HKP_OK;
    const struct hkp_dsm_cbor_writer w = begin_entry(record, LOST, 0);
    return end_entry(record, &w);
}
