/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Entries and signed heads of audit logs (D-AUD-1, D-AUD-2). */
#include "libdsm/beside/audit.h"
#include "libdsm/beside/signed.h"
#include "libdsm/objects/fields.h"

#include <string.h>

size_t hkp_dsm__audit_entry_build(const struct hkp_dsm_audit_entry *e, uint8_t *dst, size_t cap) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 6);
    hkp_dsm_cbor_put_uint(&w, e->index);
    hkp_dsm_cbor_put_uint(&w, e->time_us);
    hkp_dsm_cbor_put_uint(&w, e->type);
    hkp_dsm_cbor_put_bytes(&w, e->actor, 16);
    hkp_dsm_cbor_put_bytes(&w, e->data, 32);
    hkp_dsm_cbor_put_bytes(&w, e->prev, 32);
    return w.status == HKP_OK ? w.len : 0;
}

hkp_status hkp_dsm_audit_entry_parse(const uint8_t *in, size_t len, struct hkp_dsm_audit_entry *entry) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_audit_entry e = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 6, 6);
    e.index = hkp_dsm_cbor_uint(&r, 0, HKP_DSM__AUDIT_SIZE_MAX - 1);
    e.time_us = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    e.type = (uint32_t)hkp_dsm_cbor_uint(&r, HKP_DSM_AUDIT_ENROLMENT, HKP_DSM_AUDIT_BLOCKING);
    hkp_dsm_cbor_fixed(&r, e.actor, 16);
    hkp_dsm_cbor_fixed(&r, e.data, 32);
    hkp_dsm_cbor_fixed(&r, e.prev, 32);
    if (r.status != HKP_OK) return r.status;
    if (e.index == 0 && memcmp(e.prev, hkp_dsm__zeros, 32) != 0) return HKP_E_DSM_SCHEMA;
    *entry = e;
    return HKP_OK;
}

void hkp_dsm__audit_prev(uint8_t prev[32], const uint8_t *entry, size_t len) {
    hkp_dsm__hash(prev, "audit", &(struct hkp_dsm_view){entry, len}, 1);
}

/* A head covers something, more than the one before; the root before the first one is that of no entries. */
static int head_ok(const struct hkp_dsm_audit_head *h) {
    const struct hkp_dsm__merkle none = {.size = 0};
    uint8_t empty[32];
    if (h->size < 1 || h->size > HKP_DSM__AUDIT_SIZE_MAX || h->previous_size >= h->size) return 0;
    hkp_dsm__merkle_root(&none, empty);
    return h->previous_size > 0 || memcmp(h->previous_root, empty, 32) == 0;
}

hkp_status hkp_dsm__audit_head_body(const struct hkp_dsm_view *body, struct hkp_dsm_audit_head *head) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_audit_head h = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    h.size = uint_field(&r, &left, 1, 1, HKP_DSM__AUDIT_SIZE_MAX);
    fixed_field(&r, &left, 2, h.root, 32);
    h.time_us = uint_field(&r, &left, 3, 0, UINT64_MAX);
    h.previous_size = uint_field(&r, &left, 4, 0, HKP_DSM__AUDIT_SIZE_MAX);
    fixed_field(&r, &left, 5, h.previous_root, 32);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    if (!head_ok(&h)) return HKP_E_DSM_SCHEMA;
    *head = h;
    return HKP_OK;
}

hkp_status hkp_dsm__audit_head_build(const struct hkp_dsm_audit_head *h, uint8_t *dst, size_t cap,
                                     size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (!head_ok(h)) return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, h->size);
    put_bytes_field(&w, 2, h->root, 32);
    put_uint_field(&w, 3, h->time_us);
    put_uint_field(&w, 4, h->previous_size);
    put_bytes_field(&w, 5, h->previous_root, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_audit_head_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                    const struct hkp_dsm_directory *directory, uint64_t at_s,
                                    struct hkp_dsm_audit_head *head) {
    const struct hkp_dsm__judge judge = {chain_id, directory, at_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_AUDIT_HEAD, &e, &signer);
    if (st == HKP_OK) st = hkp_dsm__audit_head_body(&e.body, head);
    if (st == HKP_OK) memcpy(head->node_id, e.signer, 16);
    return st;
}

hkp_status hkp_dsm_audit_head_read(const uint8_t *in, size_t len, struct hkp_dsm_audit_head *head) {
    struct hkp_dsm_envelope e;
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_AUDIT_HEAD), &e);
    if (st == HKP_OK) st = hkp_dsm__audit_head_body(&e.body, head);
    if (st == HKP_OK) memcpy(head->node_id, e.signer, 16);
    return st;
}

hkp_status hkp_dsm_audit_head_follows(const struct hkp_dsm_audit_head *old,
                                      const struct hkp_dsm_audit_head *head) {
    if (memcmp(old->node_id, head->node_id, 16) != 0) return HKP_E_DSM_NODE_ID;
    if (head->size <= old->size) return HKP_E_DSM_STALE;
    if (head->previous_size > old->size) return HKP_E_DSM_GAP;
    if (head->previous_size < old->size) return HKP_E_DSM_PREV;
    return memcmp(head->previous_root, old->root, 32) == 0 ? HKP_OK : HKP_E_DSM_FORK;
}
