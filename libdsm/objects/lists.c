/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What officers decide beside certificates: revocation lists (D-CA-6, D-CA-7) and orders (D-AUD-6). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

enum { SCOPE_WORKLOAD = 1, SCOPE_RESET = 5 };

static void read_entry(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_revocation *e) {
    (void)hkp_dsm_cbor_array(r, 4, 4);
    hkp_dsm_cbor_fixed(r, e->node_id, 16);
    e->serial = hkp_dsm_cbor_uint(r, 1, UINT64_MAX);
    e->reason = hkp_dsm_cbor_uint(r, 0, 9);
    e->time_s = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
}

/* A stolen or retired key is barred for good, never up to a serial only. */
static int entry_ok(const struct hkp_dsm_revocation *e, const struct hkp_dsm_revocation *before) {
    if (before != NULL && memcmp(before->node_id, e->node_id, 16) >= 0) return 0;
    return (e->reason != 1 && e->reason != 3) || e->serial == HKP_DSM_SERIAL_BARRED;
}

static hkp_status check_list(const struct hkp_dsm_revocations *l) {
    if (l->number == 1 && !hkp_is_zero(l->previous, 32)) return HKP_E_DSM_SCHEMA;
    if (l->next_update_s <= l->this_update_s ||
        l->next_update_s - l->this_update_s > HKP_DSM_REVOCATION_LIFE_S)
        return HKP_E_DSM_VALIDITY;
    return HKP_OK;
}

hkp_status hkp_dsm_revocations_parse(const uint8_t *body, size_t len, struct hkp_dsm_revocations *list) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_revocations l = {0};
    struct hkp_dsm_revocation entries[2] = {0};
    (void)hkp_dsm_cbor_read(&r, body, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    l.number = uint_field(&r, &left, 1, 1, UINT64_MAX);
    l.this_update_s = uint_field(&r, &left, 2, 0, UINT64_MAX);
    l.next_update_s = uint_field(&r, &left, 3, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 4);
    l.n_entries = hkp_dsm_cbor_array(&r, 0, HKP_DSM_REVOCATIONS_MAX);
    l.entries.ptr = r.next;
    for (size_t i = 0; i < l.n_entries && r.status == HKP_OK; i++) {
        read_entry(&r, &entries[i % 2]);
        if (r.status == HKP_OK && !entry_ok(&entries[i % 2], i == 0 ? NULL : &entries[(i + 1) % 2]))
            return HKP_E_DSM_SCHEMA;
    }
    l.entries.len = (size_t)(r.next - l.entries.ptr);
    fixed_field(&r, &left, 5, l.previous, 32);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = check_list(&l);
    if (st == HKP_OK) *list = l;
    return st;
}

hkp_status hkp_dsm_revocations_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                     const struct hkp_dsm_officers *officers, uint64_t held_number,
                                     struct hkp_dsm_revocations *list) {
    struct hkp_dsm_multi m;
    struct hkp_dsm_revocations l;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(chain_id, &m, HKP_DSM_KIND_REVOCATION_LIST, officers);
    if (st != HKP_OK) return st;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    st = hkp_dsm_revocations_parse(m.body.ptr, m.body.len, &l);
    if (st != HKP_OK) return st;
    if (l.number <= held_number) return HKP_E_DSM_STALE;
    hkp_dsm_object_id(l.id, chain_id, HKP_DSM_KIND_REVOCATION_LIST, NULL, m.body.ptr, m.body.len);
    *list = l;
    return HKP_OK;
}

hkp_status hkp_dsm_revocations_next(struct hkp_dsm_revocations *list, struct hkp_dsm_revocation *entry) {
    if (list->n_entries == 0) return HKP_E_NOTFOUND;
    struct hkp_dsm_cbor_reader r = {.next = list->entries.ptr, .end = list->entries.ptr + list->entries.len};
    struct hkp_dsm_revocation e = {0};
    read_entry(&r, &e);
    if (r.status != HKP_OK) return HKP_E_NOTFOUND;
    list->entries = (struct hkp_dsm_view){r.next, (size_t)(r.end - r.next)};
    list->n_entries--;
    *entry = e;
    return HKP_OK;
}

/* Entries are of unequal length, so they are read from the front; a node asks once per certificate. */
uint64_t hkp_dsm_revocations_find(const struct hkp_dsm_revocations *list, const uint8_t node_id[16]) {
    if (list->n_entries == 0) return 0; /* a list that was never set has no bytes either */
    struct hkp_dsm_cbor_reader r = {.next = list->entries.ptr, .end = list->entries.ptr + list->entries.len};
    for (size_t i = 0; i < list->n_entries; i++) {
        struct hkp_dsm_revocation e = {0};
        read_entry(&r, &e);
        int order = memcmp(e.node_id, node_id, 16);
        if (r.status != HKP_OK || order > 0) return 0;
        if (order == 0) return e.serial;
    }
    return 0;
}

hkp_status hkp_dsm_revocations_build(const struct hkp_dsm_revocations *list,
                                     const struct hkp_dsm_revocation *entries, uint8_t *dst, size_t cap,
                                     size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (list->number < 1 || list->n_entries > HKP_DSM_REVOCATIONS_MAX) return HKP_E_DSM_SCHEMA;
    hkp_status st = check_list(list);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, list->number);
    put_uint_field(&w, 2, list->this_update_s);
    put_uint_field(&w, 3, list->next_update_s);
    hkp_dsm_cbor_put_uint(&w, 4);
    hkp_dsm_cbor_put_array(&w, list->n_entries);
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct hkp_dsm_revocation *e = &entries[i];
        if (e->serial < 1 || e->reason > 9 || !entry_ok(e, i == 0 ? NULL : e - 1)) return HKP_E_DSM_SCHEMA;
        hkp_dsm_cbor_put_array(&w, 4);
        hkp_dsm_cbor_put_bytes(&w, e->node_id, 16);
        hkp_dsm_cbor_put_uint(&w, e->serial);
        hkp_dsm_cbor_put_uint(&w, e->reason);
        hkp_dsm_cbor_put_uint(&w, e->time_s);
    }
    put_bytes_field(&w, 5, list->previous, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* Sizes that a scope fixes: the id of a WORKLOAD object; u32(scope) || u32(version). */
static int order_bytes_ok(const struct hkp_dsm_order *o) {
    if (o->scope == SCOPE_WORKLOAD) return o->bytes.len == 32;
    return o->scope != SCOPE_RESET || o->bytes.len == 8;
}

hkp_status hkp_dsm__order_body(const struct hkp_dsm_view *body, struct hkp_dsm_order *order) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_order o = {.not_after_s = UINT64_MAX};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    o.scope = uint_field(&r, &left, 1, SCOPE_WORKLOAD, SCOPE_RESET);
    o.number = uint_field(&r, &left, 2, 1, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 3);
    o.bytes.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &o.bytes.len);
    o.has_not_after = (uint32_t)hkp_dsm_cbor_option(&r, &left, 4);
    if (o.has_not_after) o.not_after_s = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    if (!order_bytes_ok(&o)) return HKP_E_DSM_SCHEMA;
    *order = o;
    return HKP_OK;
}

hkp_status hkp_dsm_order_parse(const uint8_t *in, size_t len, struct hkp_dsm_order *order) {
    const struct hkp_dsm_view body = {in, len};
    return hkp_dsm__order_body(&body, order);
}

hkp_status hkp_dsm_order_build(const struct hkp_dsm_order *order, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (order->scope < SCOPE_WORKLOAD || order->scope > SCOPE_RESET || order->number < 1 ||
        !order_bytes_ok(order))
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 4U + (order->has_not_after != 0));
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, order->scope);
    put_uint_field(&w, 2, order->number);
    put_bytes_field(&w, 3, order->bytes.ptr, order->bytes.len);
    if (order->has_not_after) put_uint_field(&w, 4, order->not_after_s);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm__order_open(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                               const struct hkp_dsm_officers *officers, struct hkp_dsm_order *order,
                               uint8_t id[32]) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(chain_id, &m, HKP_DSM_KIND_ORDER, officers);
    if (st != HKP_OK) return st;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    st = hkp_dsm__order_body(&m.body, order);
    if (st == HKP_OK) hkp_dsm_object_id(id, chain_id, HKP_DSM_KIND_ORDER, NULL, m.body.ptr, m.body.len);
    return st;
}
