/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The audit log: a hash chain whose tree is kept as its right edge (D-AUD-1 to D-AUD-3). */
#include "libdsm/beside/audit.h"
#include "libdsm/objects/fields.h"

#include "libter/options.h"

#include <sodium.h>

#define HEAD_EVERY_NS 60000000000ULL

struct hkp_dsm_audit {
    struct hkp_mem mem;
    struct hkp_dsm__merkle tree;
    struct hkp_dsm_audit_head newest; /* size 0: none; its root is that of no entries then */
    uint64_t stored;
    hkp_time now;
    hkp_time since; /* when the first entry behind the newest head came, if dated; else before this start */
    int dated, has_secret;
    uint8_t prev[32];
    uint8_t chain_id[32], node_id[16], secret[64];
};

void hkp_dsm_audit_options_init(struct hkp_dsm_audit_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

/* ---- State: {0:1, 1:size, 2:prev, 3:[edge ...], 4:newest head's size, 5:its root} ---- */

static size_t edge_len(uint64_t size) { return (size_t)__builtin_popcountll(size); }

hkp_status hkp_dsm_audit_save(const hkp_dsm_audit *audit, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    const size_t n = edge_len(audit->tree.size);
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, audit->tree.size);
    put_bytes_field(&w, 2, audit->prev, 32);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) hkp_dsm_cbor_put_bytes(&w, audit->tree.edge[i], 32);
    put_uint_field(&w, 4, audit->newest.size);
    put_bytes_field(&w, 5, audit->newest.root, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* A head of the whole log has its root; one of nothing that of no entries; an empty log has no history. */
static int state_ok(const hkp_dsm_audit *a) {
    const struct hkp_dsm__merkle none = {.size = 0};
    uint8_t root[32];
    if (a->newest.size > a->tree.size) return 0;
    if (a->tree.size == 0 && memcmp(a->prev, hkp_dsm__zeros, 32) != 0) return 0;
    if (a->newest.size != 0 && a->newest.size != a->tree.size) return 1;
    hkp_dsm__merkle_root(a->newest.size == 0 ? &none : &a->tree, root);
    return memcmp(root, a->newest.root, 32) == 0;
}

static hkp_status load(hkp_dsm_audit *a, const uint8_t *in, size_t len) {
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    a->tree.size = uint_field(&r, &left, 1, 0, HKP_DSM__AUDIT_SIZE_MAX);
    fixed_field(&r, &left, 2, a->prev, 32);
    hkp_dsm_cbor_key(&r, &left, 3);
    const size_t n = edge_len(a->tree.size);
    (void)hkp_dsm_cbor_array(&r, n, n);
    for (size_t i = 0; i < n; i++) hkp_dsm_cbor_fixed(&r, a->tree.edge[i], 32);
    a->newest.size = uint_field(&r, &left, 4, 0, HKP_DSM__AUDIT_SIZE_MAX);
    fixed_field(&r, &left, 5, a->newest.root, 32);
    hkp_dsm_cbor_close(&r, left);
    a->stored = a->tree.size;
    if (r.status != HKP_OK) return r.status;
    return state_ok(a) ? HKP_OK : HKP_E_DSM_SCHEMA;
}

/* ---- Birth and end ---- */

hkp_status hkp_dsm_audit_new(hkp_dsm_audit **out, const struct hkp_dsm_audit_options *opt) {
    struct hkp_dsm_audit_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.chain_id == NULL || o.node_id == NULL || o.reserved0 != 0) return HKP_E_INVAL;
    hkp_dsm_audit *a = (hkp_dsm_audit *)hkp_mem_alloc(&o.mem, sizeof *a);
    if (a == NULL) return HKP_E_NOMEM;
    a->mem = o.mem;
    memcpy(a->chain_id, o.chain_id, 32);
    memcpy(a->node_id, o.node_id, 16);
    hkp_dsm__merkle_root(&a->tree, a->newest.root);
    if (o.secret != NULL) memcpy(a->secret, o.secret, 64);
    a->has_secret = o.secret != NULL;
    st = o.state == NULL ? HKP_OK : load(a, o.state, o.state_len);
    if (st != HKP_OK)
        hkp_dsm_audit_free(a);
    else
        *out = a;
    return st;
}

void hkp_dsm_audit_free(hkp_dsm_audit *audit) {
    if (audit == NULL) return;
    const struct hkp_mem mem = audit->mem;
    sodium_memzero(audit, sizeof *audit);
    hkp_mem_free(&mem, audit, sizeof *audit);
}

/* ---- Entries ---- */

static void add(hkp_dsm_audit *a, const uint8_t *entry, size_t len) {
    uint8_t leaf[32];
    hkp_dsm__merkle_leaf(leaf, entry, len);
    hkp_dsm__merkle_add(&a->tree, leaf);
    hkp_dsm__audit_prev(a->prev, entry, len);
}

static uint64_t open_entries(const hkp_dsm_audit *a) { return a->tree.size - a->newest.size; }

hkp_status hkp_dsm_audit_append(hkp_dsm_audit *audit, hkp_time now, uint64_t time_us, uint32_t type,
                                const uint8_t actor[16], const uint8_t data[32], uint8_t *dst, size_t cap,
                                size_t *len) {
    if (type < HKP_DSM_AUDIT_ENROLMENT || type > HKP_DSM_AUDIT_BLOCKING) return HKP_E_INVAL;
    if (!audit->has_secret) return HKP_E_STATE;
    if (open_entries(audit) >= HKP_DSM_AUDIT_HEAD_ENTRIES || audit->tree.size >= HKP_DSM__AUDIT_SIZE_MAX)
        return HKP_E_LIMIT;
    struct hkp_dsm_audit_entry e = {.index = audit->tree.size, .time_us = time_us, .type = type};
    memcpy(e.actor, actor, 16);
    memcpy(e.data, data, 32);
    memcpy(e.prev, audit->prev, 32);
    const size_t n = hkp_dsm__audit_entry_build(&e, dst, cap);
    if (n == 0) return HKP_E_NOSPC;
    if (now > audit->now) audit->now = now;
    if (open_entries(audit) == 0) audit->since = audit->now, audit->dated = 1;
    add(audit, dst, n);
    *len = n;
    return HKP_OK;
}

hkp_status hkp_dsm_audit_stored(hkp_dsm_audit *audit, uint64_t size) {
    if (size > audit->tree.size) return HKP_E_INVAL;
    if (size > audit->stored) audit->stored = size;
    return HKP_OK;
}

hkp_status hkp_dsm_audit_replay(hkp_dsm_audit *audit, const uint8_t *in, size_t len) {
    struct hkp_dsm_audit_entry e;
    hkp_status st = hkp_dsm_audit_entry_parse(in, len, &e);
    if (st != HKP_OK) return st;
    if (e.index != audit->tree.size) return e.index > audit->tree.size ? HKP_E_DSM_GAP : HKP_E_DSM_OLD;
    if (memcmp(e.prev, audit->prev, 32) != 0) return HKP_E_DSM_PREV;
    add(audit, in, len);
    audit->stored = audit->tree.size;
    return HKP_OK;
}

/* ---- Heads ---- */

hkp_time hkp_dsm_audit_wake(const hkp_dsm_audit *audit) {
    if (!audit->has_secret || open_entries(audit) == 0) return HKP_TIME_NEVER;
    if (!audit->dated || open_entries(audit) >= HKP_DSM_AUDIT_HEAD_ENTRIES) return audit->now;
    return audit->since + HEAD_EVERY_NS;
}

static void note_head(hkp_dsm_audit *a, const struct hkp_dsm_audit_head *head) {
    a->newest = *head;
    a->dated = 0;
}

hkp_status hkp_dsm_audit_head(hkp_dsm_audit *audit, hkp_time now, uint64_t time_us, int32_t force,
                              uint8_t *dst, size_t cap, size_t *len) {
    uint8_t body[128];
    size_t body_len = 0;
    if (!audit->has_secret) return HKP_E_STATE;
    if (now > audit->now) audit->now = now;
    if (open_entries(audit) == 0 || (!force && audit->now < hkp_dsm_audit_wake(audit))) return HKP_E_NOTFOUND;
    if (audit->stored < audit->tree.size) return HKP_E_STATE;
    struct hkp_dsm_audit_head h = {
        .size = audit->tree.size, .time_us = time_us, .previous_size = audit->newest.size};
    hkp_dsm__merkle_root(&audit->tree, h.root);
    memcpy(h.previous_root, audit->newest.root, 32);
    memcpy(h.node_id, audit->node_id, 16);
    hkp_status st = hkp_dsm__audit_head_build(&h, body, sizeof body, &body_len);
    if (st == HKP_OK)
        st = hkp_dsm_envelope_sign(audit->chain_id, HKP_DSM_KIND_AUDIT_HEAD, audit->node_id, audit->secret,
                                   body, body_len, dst, cap, len);
    if (st == HKP_OK) note_head(audit, &h);
    return st;
}

hkp_status hkp_dsm_audit_agree(hkp_dsm_audit *audit, const struct hkp_dsm_audit_head *head) {
    uint8_t root[32];
    if (memcmp(head->node_id, audit->node_id, 16) != 0) return HKP_E_DSM_NODE_ID;
    if (head->size > audit->tree.size) return HKP_E_DSM_GAP;
    if (head->size < audit->tree.size) return HKP_E_STATE;
    hkp_dsm__merkle_root(&audit->tree, root);
    if (memcmp(root, head->root, 32) != 0) return HKP_E_DSM_PROOF;
    note_head(audit, head);
    return HKP_OK;
}

hkp_status hkp_dsm_audit_status(const hkp_dsm_audit *audit, struct hkp_dsm_audit_status *status) {
    if (status->struct_size < sizeof *status) return HKP_E_INVAL;
    status->reserved0 = 0;
    status->size = audit->tree.size;
    status->stored = audit->stored;
    status->headed = audit->newest.size;
    hkp_dsm__merkle_root(&audit->tree, status->root);
    return HKP_OK;
}
