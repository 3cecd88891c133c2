/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects signed by officers of the certificate authority, and their set (D-MULTI, D-SIG-3, D-CA-1). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#include <sodium.h>

/* "HKP1 multi" 00 || u16(kind) || chain_id || u32(ca_version) */
enum { PREFIX = 11 + 2 + 32 + 4, SMALL_BODY = 1024 };

int hkp_dsm__multi_is_known(uint64_t kind) {
    return kind >= HKP_DSM_KIND_CERTIFICATE && kind <= HKP_DSM_KIND_ORDER;
}

size_t hkp_dsm__multi_body_max(uint64_t kind) {
    switch (kind) {
    case HKP_DSM_KIND_CERTIFICATE:
        return HKP_DSM_CERTIFICATE_BODY_MAX;
    case HKP_DSM_KIND_CA_SET:
        return HKP_DSM_CA_SET_BODY_MAX;
    case HKP_DSM_KIND_REVOCATION_LIST:
        return HKP_DSM_REVOCATION_BODY_MAX;
    case HKP_DSM_KIND_ALLOWLIST:
        return 256 * 1024;
    default:
        return 64 * 1024; /* RESTART, ORDER */
    }
}

/* Prefix and body in one piece, as libsodium wants them: in small, or in the caller's scratch. NULL: no room.
 */
static const uint8_t *signed_bytes(const uint8_t chain_id[32], uint64_t kind, uint64_t ca_version,
                                   const struct hkp_dsm_view *body, uint8_t small[PREFIX + SMALL_BODY],
                                   uint8_t *scratch, size_t scratch_len) {
    uint8_t *dst = body->len <= SMALL_BODY ? small : scratch;
    if (dst == NULL || (dst == scratch && scratch_len < body->len + PREFIX)) return NULL;
    memcpy(dst, "HKP1 multi", 11);
    hkp_put_be16(dst + 11, (uint16_t)kind);
    memcpy(dst + 13, chain_id, 32);
    hkp_put_be32(dst + 45, (uint32_t)ca_version);
    if (body->len > 0) memcpy(dst + PREFIX, body->ptr, body->len);
    return dst;
}

hkp_status hkp_dsm_multi_sign(uint8_t signature[64], const uint8_t chain_id[32], uint32_t kind,
                              uint64_t ca_version, const uint8_t secret[64], const uint8_t *body,
                              size_t body_len, uint8_t *scratch, size_t scratch_len) {
    uint8_t small[PREFIX + SMALL_BODY];
    if (!hkp_dsm__multi_is_known(kind) || ca_version > UINT32_MAX) return HKP_E_INVAL;
    const struct hkp_dsm_view view = {body, body_len};
    const uint8_t *bytes = signed_bytes(chain_id, kind, ca_version, &view, small, scratch, scratch_len);
    if (bytes == NULL) return HKP_E_NOSPC;
    (void)crypto_sign_detached(signature, NULL, bytes, PREFIX + body_len, secret);
    return HKP_OK;
}

hkp_status hkp_dsm_multi_build(const struct hkp_dsm_multi *multi, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (!hkp_dsm__multi_is_known(multi->kind) || multi->n_signatures < 1 ||
        multi->n_signatures > HKP_DSM_OFFICERS_MAX)
        return HKP_E_INVAL;
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, multi->kind);
    hkp_dsm_cbor_put_uint(&w, multi->ca_version);
    hkp_dsm_cbor_put_bytes(&w, multi->body.ptr, multi->body.len);
    hkp_dsm_cbor_put_array(&w, (size_t)multi->n_signatures);
    for (size_t i = 0; i < multi->n_signatures; i++) {
        if (i > 0 && multi->index[i] <= multi->index[i - 1]) return HKP_E_INVAL;
        hkp_dsm_cbor_put_array(&w, 2);
        hkp_dsm_cbor_put_uint(&w, multi->index[i]);
        hkp_dsm_cbor_put_bytes(&w, multi->signature[i], 64);
    }
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_multi_parse(const uint8_t *in, size_t len, struct hkp_dsm_multi *multi) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_multi m = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    m.kind = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    m.ca_version = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    m.body.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &m.body.len);
    m.n_signatures = hkp_dsm_cbor_array(&r, 1, HKP_DSM_OFFICERS_MAX);
    for (size_t i = 0; i < m.n_signatures; i++) {
        (void)hkp_dsm_cbor_array(&r, 2, 2);
        m.index[i] = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
        m.signature[i] = hkp_dsm_cbor_bytes(&r, 64, 64, NULL);
    }
    if (r.status == HKP_OK) *multi = m;
    return r.status;
}

const struct hkp_dsm_ca_set *hkp_dsm__officers_find(const struct hkp_dsm_officers *officers,
                                                    uint64_t version) {
    for (size_t i = 0; i < officers->n_sets; i++)
        if (officers->sets[i].version == version) return &officers->sets[i];
    return NULL;
}

hkp_status hkp_dsm_multi_check(const uint8_t chain_id[32], const struct hkp_dsm_multi *multi, uint32_t kind,
                               const struct hkp_dsm_officers *officers) {
    uint8_t small[PREFIX + SMALL_BODY];
    if (multi->kind != kind) return HKP_E_DSM_KIND;
    const struct hkp_dsm_ca_set *set = hkp_dsm__officers_find(officers, multi->ca_version);
    if (set == NULL) return HKP_E_DSM_CA_VERSION;
    for (size_t i = 1; i < multi->n_signatures; i++)
        if (multi->index[i] <= multi->index[i - 1]) return HKP_E_DSM_SIG_ORDER;
    for (size_t i = 0; i < multi->n_signatures; i++)
        if (multi->index[i] >= set->n_keys) return HKP_E_DSM_SIGNER;
    if (multi->n_signatures < set->threshold) return HKP_E_DSM_QUORUM;
    const uint8_t *bytes = signed_bytes(chain_id, multi->kind, multi->ca_version, &multi->body, small,
                                        officers->scratch, officers->scratch_len);
    if (bytes == NULL) return HKP_E_NOSPC;
    for (size_t i = 0; i < multi->n_signatures; i++)
        if (crypto_sign_verify_detached(multi->signature[i], bytes, PREFIX + multi->body.len,
                                        set->keys[multi->index[i]]) != 0)
            return HKP_E_DSM_SIG;
    return HKP_OK;
}

/* ---- The set (D-CA-1) -----------------------------------------------------------------------------------
 */

static hkp_status check_set(const struct hkp_dsm_ca_set *set) {
    for (uint32_t i = 1; i < set->n_keys; i++)
        if (memcmp(set->keys[i - 1], set->keys[i], 32) >= 0) return HKP_E_DSM_SCHEMA;
    return set->threshold < set->n_keys / 2 + 1 || set->threshold > set->n_keys ? HKP_E_DSM_QUORUM : HKP_OK;
}

hkp_status hkp_dsm_ca_set_build(const struct hkp_dsm_ca_set *set, uint8_t *dst, size_t cap, size_t *len) {
    if (set->n_keys < 1 || set->n_keys > HKP_DSM_OFFICERS_MAX || set->version < 1 ||
        set->version > UINT32_MAX)
        return HKP_E_DSM_SCHEMA;
    hkp_status st = check_set(set);
    if (st != HKP_OK) return st;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_map(&w, 4);
    hkp_dsm_cbor_put_uint(&w, 0);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, set->version);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_uint(&w, set->threshold);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_array(&w, set->n_keys);
    for (uint32_t i = 0; i < set->n_keys; i++) hkp_dsm_cbor_put_bytes(&w, set->keys[i], 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_ca_set_parse(const uint8_t *in, size_t len, struct hkp_dsm_ca_set *set) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_ca_set s = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    s.version = hkp_dsm_cbor_uint(&r, 1, UINT32_MAX); /* D-SIG-3 signs 32 bits of it */
    hkp_dsm_cbor_key(&r, &left, 2);
    uint64_t threshold = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 3);
    s.n_keys = (uint32_t)hkp_dsm_cbor_array(&r, 1, HKP_DSM_OFFICERS_MAX);
    for (uint32_t i = 0; i < s.n_keys; i++) hkp_dsm_cbor_fixed(&r, s.keys[i], 32);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    s.threshold = threshold > HKP_DSM_OFFICERS_MAX ? HKP_DSM_OFFICERS_MAX + 1 : (uint32_t)threshold;
    hkp_status st = check_set(&s);
    if (st == HKP_OK) *set = s;
    return st;
}
