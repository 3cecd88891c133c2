/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Identity certificates (D-CERT). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <sodium.h>
#include <string.h>

enum { LIFETIME_MAX_S = 90 * 86400, SKEW_S = 300 };

static hkp_status check_body(const struct hkp_dsm_certificate *c) {
    uint8_t node_id[16];
    hkp_dsm_node_id(node_id, c->key, c->has_ak ? c->ak : NULL);
    if (memcmp(node_id, c->node_id, 16) != 0) return HKP_E_DSM_NODE_ID;
    if (c->not_before_s >= c->not_after_s || c->not_after_s - c->not_before_s > LIFETIME_MAX_S)
        return HKP_E_DSM_VALIDITY;
    return HKP_OK;
}

hkp_status hkp_dsm__certificate_body(const struct hkp_dsm_view *body,
                                     struct hkp_dsm_certificate *certificate) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_certificate c = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, c.node_id, 16);
    fixed_field(&r, &left, 2, c.key, 32);
    c.has_static_key = optional_fixed(&r, &left, 3, c.static_key, 32);
    c.has_ak = optional_fixed(&r, &left, 4, c.ak, HKP_DSM_AK_BYTES);
    fixed_field(&r, &left, 5, c.enroll_id, 32);
    c.roles = (uint32_t)uint_field(&r, &left, 6, 1, 255);
    c.tier = (uint32_t)uint_field(&r, &left, 7, HKP_DSM_TIER_SENTINEL, HKP_DSM_TIER_MSSP);
    c.group = (uint32_t)uint_field(&r, &left, 8, 1, UINT32_MAX);
    c.not_before_s = uint_field(&r, &left, 9, 0, UINT64_MAX);
    c.not_after_s = uint_field(&r, &left, 10, 0, UINT64_MAX);
    c.serial = uint_field(&r, &left, 11, 1, UINT64_MAX);
    c.policy = (uint32_t)uint_field(&r, &left, 12, 0, UINT32_MAX);
    if (hkp_dsm_cbor_option(&r, &left, 13)) {
        c.bls_key.ptr = hkp_dsm_cbor_bytes(&r, 48, 48, &c.bls_key.len);
        hkp_dsm_cbor_key(&r, &left, 14);
        c.bls_proof.ptr = hkp_dsm_cbor_bytes(&r, 96, 96, &c.bls_proof.len);
    }
    c.neuro_gen = (uint32_t)optional_uint(&r, &left, 15, 1, UINT32_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = check_body(&c);
    if (st == HKP_OK) *certificate = c;
    return st;
}

hkp_status hkp_dsm__certificate_times(const struct hkp_dsm_certificate *c, uint64_t now_s, uint64_t revoked) {
    if (c->not_before_s > now_s && c->not_before_s - now_s > SKEW_S) return HKP_E_DSM_NOT_YET;
    if (now_s > c->not_after_s && now_s - c->not_after_s >= SKEW_S) return HKP_E_DSM_EXPIRED;
    return c->serial <= revoked ? HKP_E_DSM_REVOKED : HKP_OK;
}

hkp_status hkp_dsm_certificate_parse(const uint8_t *in, size_t len, struct hkp_dsm_certificate *certificate) {
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st != HKP_OK) return st;
    if (m.kind != HKP_DSM_KIND_CERTIFICATE) return HKP_E_DSM_KIND;
    if (m.body.len > HKP_DSM_CERTIFICATE_BODY_MAX) return HKP_E_DSM_TOO_BIG;
    return hkp_dsm__certificate_body(&m.body, certificate);
}

hkp_status hkp_dsm_certificate_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                     const struct hkp_dsm_officers *officers, uint64_t now_s,
                                     uint64_t revoked, struct hkp_dsm_certificate *certificate) {
    struct hkp_dsm_multi m;
    struct hkp_dsm_certificate c;
    hkp_status st = hkp_dsm_multi_parse(in, len, &m);
    if (st == HKP_OK) st = hkp_dsm_multi_check(chain_id, &m, HKP_DSM_KIND_CERTIFICATE, officers);
    if (st != HKP_OK && st != HKP_E_NOSPC) return st;
    if (m.body.len > HKP_DSM_CERTIFICATE_BODY_MAX) return HKP_E_DSM_TOO_BIG; /* NOSPC says more than 1024 */
    st = hkp_dsm__certificate_body(&m.body, &c);
    if (st == HKP_OK) st = hkp_dsm__certificate_times(&c, now_s, revoked);
    if (st == HKP_OK) *certificate = c;
    return st;
}

static int fields_in_range(const struct hkp_dsm_certificate *c) {
    return c->roles >= 1 && c->roles <= 255 && c->tier >= HKP_DSM_TIER_SENTINEL &&
           c->tier <= HKP_DSM_TIER_MSSP && c->group >= 1 && c->serial >= 1 &&
           (c->bls_key.len == 0 || c->bls_key.len == 48) && c->bls_proof.len == c->bls_key.len * 2;
}

hkp_status hkp_dsm_certificate_build(const struct hkp_dsm_certificate *certificate, uint8_t *dst, size_t cap,
                                     size_t *len) {
    struct hkp_dsm_certificate c = *certificate;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (!fields_in_range(&c)) return HKP_E_DSM_SCHEMA;
    hkp_dsm_node_id(c.node_id, c.key, c.has_ak ? c.ak : NULL);
    hkp_status st = check_body(&c);
    if (st != HKP_OK) return st;

    hkp_dsm_cbor_put_map(&w, 11U + (c.has_static_key != 0) + (c.has_ak != 0) + (c.bls_key.len > 0 ? 2U : 0U) +
                                 (c.neuro_gen > 0));
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, c.node_id, 16);
    put_bytes_field(&w, 2, c.key, 32);
    if (c.has_static_key) put_bytes_field(&w, 3, c.static_key, 32);
    if (c.has_ak) put_bytes_field(&w, 4, c.ak, HKP_DSM_AK_BYTES);
    put_bytes_field(&w, 5, c.enroll_id, 32);
    put_uint_field(&w, 6, c.roles);
    put_uint_field(&w, 7, c.tier);
    put_uint_field(&w, 8, c.group);
    put_uint_field(&w, 9, c.not_before_s);
    put_uint_field(&w, 10, c.not_after_s);
    put_uint_field(&w, 11, c.serial);
    put_uint_field(&w, 12, c.policy);
    if (c.bls_key.len > 0) put_bytes_field(&w, 13, c.bls_key.ptr, 48);
    if (c.bls_key.len > 0) put_bytes_field(&w, 14, c.bls_proof.ptr, 96);
    if (c.neuro_gen > 0) put_uint_field(&w, 15, c.neuro_gen);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
