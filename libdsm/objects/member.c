/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Bodies of MEMBER and ENDORSE (D-EPO-3), and what an endorsement names as its subject (D-CKP-3). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

enum { BODY_MAX = 64 };

hkp_status hkp_dsm__member_body(const struct hkp_dsm_view *body, struct hkp_dsm__member *member) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__member m = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    m.action = (uint32_t)uint_field(&r, &left, 1, HKP_DSM__ACTION_JOIN, HKP_DSM__ACTION_LEAVE);
    m.epoch = uint_field(&r, &left, 2, 0, UINT64_MAX);
    fixed_field(&r, &left, 3, m.certificate, 32);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *member = m;
    return r.status;
}

hkp_status hkp_dsm__endorse_body(const struct hkp_dsm_view *body, struct hkp_dsm__endorse *endorse) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__endorse e = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, e.subject, 32);
    e.epoch = uint_field(&r, &left, 2, 0, UINT64_MAX);
    e.trust = (uint32_t)uint_field(&r, &left, 3, 0, 1000);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *endorse = e;
    return r.status;
}

hkp_status hkp_dsm__member_make(const uint8_t chain_id[32], const struct hkp_dsm__member *m,
                                const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst, size_t cap,
                                size_t *len) {
    uint8_t body[BODY_MAX];
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    hkp_dsm_cbor_put_map(&w, 4);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, m->action);
    put_uint_field(&w, 2, m->epoch);
    put_bytes_field(&w, 3, m->certificate, 32);
    return hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_MEMBER, node_id, secret, body, w.len, dst, cap, len);
}

hkp_status hkp_dsm__endorse_make(const uint8_t chain_id[32], const struct hkp_dsm__endorse *e,
                                 const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst,
                                 size_t cap, size_t *len) {
    uint8_t body[BODY_MAX];
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    hkp_dsm_cbor_put_map(&w, 4);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, e->subject, 32);
    put_uint_field(&w, 2, e->epoch);
    put_uint_field(&w, 3, e->trust);
    return hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_ENDORSE, node_id, secret, body, w.len, dst, cap, len);
}

/* f+1 of different members and all of them good, about one subject, in one epoch. */
hkp_status hkp_dsm__endorsed(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                             const struct hkp_dsm__op *op, const uint8_t subject[32]) {
    uint8_t seen[HKP_DSM_MEMBERS_MAX] = {0};
    struct hkp_dsm_cbor_reader at = op->endorsements;
    if (op->n_endorsements < set->f + 1) return HKP_E_DSM_QUORUM;
    for (size_t i = 0; i < op->n_endorsements; i++) {
        struct hkp_dsm_view bytes;
        struct hkp_dsm_envelope env;
        struct hkp_dsm__endorse e;
        bytes.ptr = hkp_dsm_cbor_bytes(&at, 1, SIZE_MAX, &bytes.len);
        hkp_status st =
            hkp_dsm_envelope_parse(bytes.ptr, bytes.len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_ENDORSE), &env);
        if (st != HKP_OK) return st;
        int seat = hkp_dsm__valset_index(set, env.signer);
        if (seat < 0 || seen[seat]++) return HKP_E_DSM_SIGNER;
        st = hkp_dsm_envelope_verify(chain_id, &env, set->seats[seat].key);
        if (st == HKP_OK) st = hkp_dsm__endorse_body(&env.body, &e);
        if (st != HKP_OK) return st;
        if (e.epoch != set->epoch) return HKP_E_DSM_EPOCH;
        if (memcmp(e.subject, subject, 32) != 0) return HKP_E_DSM_TARGET;
        if (e.trust < HKP_DSM__TRUST_MIN) return HKP_E_DSM_QUORUM;
    }
    return HKP_OK;
}

hkp_status hkp_dsm__endorsed_op(uint64_t op, const struct hkp_dsm_view *first,
                                const struct hkp_dsm_view *second, const struct hkp_dsm_view *endorsements,
                                size_t n, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, second != NULL ? 4 : 3);
    hkp_dsm_cbor_put_uint(&w, op);
    hkp_dsm_cbor_put_bytes(&w, first->ptr, first->len);
    if (second != NULL) hkp_dsm_cbor_put_bytes(&w, second->ptr, second->len);
    hkp_dsm_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) hkp_dsm_cbor_put_bytes(&w, endorsements[i].ptr, endorsements[i].len);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
