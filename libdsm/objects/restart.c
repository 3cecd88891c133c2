/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The way out when too many members lost their memory (D-EPO-6). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

struct parts {
    uint64_t epoch;
    size_t n_headers;
    struct hkp_dsm_cbor_reader headers;
    struct hkp_dsm_view cert, valset;
};

static hkp_status parse(const struct hkp_dsm_view *body, struct parts *parts) {
    struct hkp_dsm_cbor_reader r;
    struct parts p = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    p.epoch = uint_field(&r, &left, 1, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 2);
    p.n_headers = hkp_dsm_cbor_array(&r, 1, HKP_DSM__RESTART_HEADERS);
    p.headers = r;
    for (size_t i = 0; i < p.n_headers; i++) (void)hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, NULL);
    hkp_dsm_cbor_key(&r, &left, 3);
    p.cert.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p.cert.len);
    hkp_dsm_cbor_key(&r, &left, 4);
    p.valset.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p.valset.len);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *parts = p;
    return r.status;
}

hkp_status hkp_dsm__restart_epoch(const struct hkp_dsm_view *body, uint64_t *epoch) {
    struct parts p;
    hkp_status st = parse(body, &p);
    if (st == HKP_OK) *epoch = p.epoch;
    return st;
}

/* Each header names the one before as its parent; first and last come back. */
static hkp_status check_headers(const uint8_t chain_id[32], const struct parts *p,
                                struct hkp_dsm__header *first, struct hkp_dsm__header *last) {
    struct hkp_dsm_cbor_reader at = p->headers;
    for (size_t i = 0; i < p->n_headers; i++) {
        struct hkp_dsm__header h;
        size_t len = 0;
        const uint8_t *bytes = hkp_dsm_cbor_bytes(&at, 0, SIZE_MAX, &len);
        hkp_status st = hkp_dsm__header_parse(chain_id, bytes, len, &h);
        if (st != HKP_OK) return st;
        if (h.epoch != p->epoch || (i > 0 && memcmp(h.parent, last->digest, 32) != 0)) return HKP_E_DSM_PROOF;
        if (i == 0) *first = h;
        *last = h;
    }
    return HKP_OK;
}

static hkp_status check_new_set(const struct parts *p) {
    struct hkp_dsm__valset next;
    hkp_status st = hkp_dsm__valset_parse(p->valset.ptr, p->valset.len, &next);
    if (st != HKP_OK) return st;
    return next.epoch >= 2 && next.epoch - 2 == p->epoch ? HKP_OK : HKP_E_DSM_EPOCH;
}

static struct hkp_dsm__restart told(const struct parts *p, const struct hkp_dsm__header *first) {
    struct hkp_dsm__restart r = {.epoch = p->epoch,
                                 .next_height = first->height + 1,
                                 .time_ms = first->time_ms,
                                 .n_headers = p->n_headers,
                                 .headers = p->headers,
                                 .cert = p->cert,
                                 .valset_body = p->valset};
    memcpy(r.genesis, first->digest, 32);
    return r;
}

hkp_status hkp_dsm__restart_open(const uint8_t chain_id[32], const struct hkp_dsm_view *body,
                                 struct hkp_dsm__restart *restart) {
    struct parts p;
    struct hkp_dsm__header first, last;
    if (body->len > hkp_dsm__multi_body_max(HKP_DSM_KIND_RESTART)) return HKP_E_DSM_TOO_BIG;
    hkp_status st = parse(body, &p);
    if (st == HKP_OK) st = check_headers(chain_id, &p, &first, &last);
    if (st == HKP_OK) st = check_new_set(&p);
    if (st == HKP_OK) *restart = told(&p, &first);
    return st;
}

hkp_status hkp_dsm__restart_build(uint64_t epoch, const struct hkp_dsm_view *headers, size_t n,
                                  const struct hkp_dsm_view *cert, const struct hkp_dsm_view *valset,
                                  uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (n == 0 || n > HKP_DSM__RESTART_HEADERS) return HKP_E_INVAL;
    hkp_dsm_cbor_put_map(&w, 5);
    hkp_dsm_cbor_put_uint(&w, 0);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, epoch);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) hkp_dsm_cbor_put_bytes(&w, headers[i].ptr, headers[i].len);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_bytes(&w, cert->ptr, cert->len);
    hkp_dsm_cbor_put_uint(&w, 4);
    hkp_dsm_cbor_put_bytes(&w, valset->ptr, valset->len);
    if (w.status != HKP_OK) return w.status;
    if (w.len > hkp_dsm__multi_body_max(HKP_DSM_KIND_RESTART)) return HKP_E_DSM_TOO_BIG;
    *len = w.len;
    return HKP_OK;
}

hkp_status hkp_dsm__restart_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                  const struct hkp_dsm_officers *officers, const struct hkp_dsm__valset *set,
                                  uint64_t held_height, const uint8_t held_digest[32],
                                  struct hkp_dsm__restart *restart) {
    struct hkp_dsm_multi m;
    struct parts p;
    struct hkp_dsm__header first, last;
    struct hkp_dsm__cert cert;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(chain_id, &m, HKP_DSM_KIND_RESTART, officers);
    if (st != HKP_OK) return st;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    st = parse(&m.body, &p);
    if (st == HKP_OK) st = check_headers(chain_id, &p, &first, &last);
    if (st == HKP_OK) st = hkp_dsm__cert_check(chain_id, set, p.cert.ptr, p.cert.len, &cert);
    if (st != HKP_OK) return st;
    if (cert.kind != HKP_DSM_KIND_FINAL) return HKP_E_DSM_KIND;
    if (memcmp(cert.digest, last.digest, 32) != 0) return HKP_E_DSM_PROOF;
    st = check_new_set(&p);
    if (st != HKP_OK) return st;
    if (held_height > first.height ||
        (held_height == first.height && memcmp(held_digest, first.digest, 32) != 0))
        return HKP_E_DSM_STALE;
    *restart = told(&p, &first);
    return HKP_OK;
}

hkp_status hkp_dsm__restart_link(const struct hkp_dsm__restart *r, const struct hkp_dsm_view *set,
                                 uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_reader at = r->headers;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 3);
    hkp_dsm_cbor_put_array(&w, r->n_headers);
    for (size_t i = 0; i < r->n_headers; i++) {
        size_t header_len = 0;
        const uint8_t *header = hkp_dsm_cbor_bytes(&at, 0, SIZE_MAX, &header_len);
        hkp_dsm_cbor_put_bytes(&w, header, header_len);
    }
    hkp_dsm_cbor_put_bytes(&w, r->cert.ptr, r->cert.len);
    hkp_dsm_cbor_put_bytes(&w, set->ptr, set->len);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
