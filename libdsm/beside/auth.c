/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Challenges and responses (D-AUTH-1, D-AUTH-2). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

enum { PCRS = 24 };

void hkp_dsm_auth_quote_data(uint8_t out[32], const uint8_t nonce[32], const uint8_t binding[32],
                             const uint8_t node_id[16]) {
    hkp_dsm__quote_data(out, nonce, binding, node_id);
}

hkp_status hkp_dsm_challenge_build(const struct hkp_dsm_challenge *challenge, uint8_t *dst, size_t cap,
                                   size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (challenge->evidence > HKP_DSM_EVIDENCE_TPM || challenge->pcr_mask >> PCRS != 0)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 5);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, challenge->nonce, 32);
    put_uint_field(&w, 2, challenge->time_us);
    put_uint_field(&w, 3, challenge->pcr_mask);
    put_uint_field(&w, 4, challenge->evidence);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_challenge_parse(const uint8_t *in, size_t len, struct hkp_dsm_challenge *challenge) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_challenge c = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, c.nonce, 32);
    c.time_us = uint_field(&r, &left, 2, 0, UINT64_MAX);
    c.pcr_mask = (uint32_t)uint_field(&r, &left, 3, 0, (1U << PCRS) - 1);
    c.evidence = (uint32_t)uint_field(&r, &left, 4, HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_TPM);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *challenge = c;
    return r.status;
}

static void put_pcrs(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_auth *a) {
    hkp_dsm_cbor_put_uint(w, 12);
    hkp_dsm_cbor_put_map(w, (size_t)__builtin_popcount(a->pcr_mask));
    for (uint32_t i = 0; i < PCRS; i++)
        if ((a->pcr_mask >> i & 1U) != 0) put_bytes_field(w, i, a->pcr[i], 32);
}

hkp_status hkp_dsm_auth_build(const struct hkp_dsm_auth *auth, uint8_t *dst, size_t cap, size_t *len) {
    const struct hkp_dsm_auth *a = auth;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    const size_t n = (size_t)(a->quote.ptr != NULL) + (a->signature.ptr != NULL) + (a->pcr_mask != 0);
    if (a->evidence > HKP_DSM_EVIDENCE_TPM || (n > 0 && a->evidence != HKP_DSM_EVIDENCE_TPM) ||
        a->pcr_mask >> PCRS != 0 || a->quote.len > HKP_DSM_QUOTE_MAX || a->signature.len > HKP_DSM_QUOTE_MAX)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 10 + n);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, a->nonce, 32);
    put_bytes_field(&w, 2, a->binding, 32);
    put_bytes_field(&w, 3, a->certificate, 32);
    put_bytes_field(&w, 4, a->h_t, 32);
    put_uint_field(&w, 5, a->ter_index);
    put_bytes_field(&w, 6, a->integrity_root, 32);
    put_bytes_field(&w, 7, a->boot_id, 16);
    put_uint_field(&w, 8, a->time_us);
    put_uint_field(&w, 9, a->evidence);
    if (a->quote.ptr != NULL) put_bytes_field(&w, 10, a->quote.ptr, a->quote.len);
    if (a->signature.ptr != NULL) put_bytes_field(&w, 11, a->signature.ptr, a->signature.len);
    if (a->pcr_mask != 0) put_pcrs(&w, a);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* Keys 10 to 12. What is missing is no fault of the form: it is evidence that is missing (D-AUTH-4). */
static void read_quote(struct hkp_dsm_cbor_reader *r, size_t *left, struct hkp_dsm_auth *a) {
    if (hkp_dsm_cbor_option(r, left, 10))
        a->quote.ptr = hkp_dsm_cbor_bytes(r, 0, HKP_DSM_QUOTE_MAX, &a->quote.len);
    if (hkp_dsm_cbor_option(r, left, 11))
        a->signature.ptr = hkp_dsm_cbor_bytes(r, 0, HKP_DSM_QUOTE_MAX, &a->signature.len);
    if (!hkp_dsm_cbor_option(r, left, 12)) return;
    for (size_t n = hkp_dsm_cbor_map(r, 1, PCRS); n > 0; n--) { /* keys ascend in canonical CBOR */
        const uint64_t pcr = hkp_dsm_cbor_uint(r, 0, PCRS - 1);
        hkp_dsm_cbor_fixed(r, a->pcr[pcr], 32);
        a->pcr_mask |= 1U << pcr;
    }
}

hkp_status hkp_dsm_auth_parse(const uint8_t *in, size_t len, struct hkp_dsm_auth *auth) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_auth a = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, a.nonce, 32);
    fixed_field(&r, &left, 2, a.binding, 32);
    fixed_field(&r, &left, 3, a.certificate, 32);
    fixed_field(&r, &left, 4, a.h_t, 32);
    a.ter_index = uint_field(&r, &left, 5, 0, UINT64_MAX);
    fixed_field(&r, &left, 6, a.integrity_root, 32);
    fixed_field(&r, &left, 7, a.boot_id, 16);
    a.time_us = uint_field(&r, &left, 8, 0, UINT64_MAX);
    a.evidence = (uint32_t)uint_field(&r, &left, 9, HKP_DSM_EVIDENCE_NONE, HKP_DSM_EVIDENCE_TPM);
    if (a.evidence == HKP_DSM_EVIDENCE_TPM) read_quote(&r, &left, &a);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *auth = a;
    return r.status;
}

hkp_status hkp_dsm_auth_nonce(const uint8_t *in, size_t len, uint8_t nonce[32]) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_auth a;
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_AUTH), &e);
    if (st == HKP_OK) st = hkp_dsm_auth_parse(e.body.ptr, e.body.len, &a);
    if (st == HKP_OK) memcpy(nonce, a.nonce, 32);
    return st;
}
