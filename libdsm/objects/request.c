/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A node's request for a certificate, signed by the key that it is for (D-CA-3). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <sodium.h>
#include <string.h>

static hkp_status parse_body(const struct hkp_dsm_view *body, struct hkp_dsm_request *request) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_request q = {0};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, q.key, 32);
    q.has_static_key = optional_fixed(&r, &left, 2, q.static_key, 32);
    q.has_ak = optional_fixed(&r, &left, 3, q.ak, HKP_DSM_AK_BYTES);
    fixed_field(&r, &left, 4, q.enroll_id, 32);
    q.roles = (uint32_t)uint_field(&r, &left, 5, 1, 255);
    q.tier = (uint32_t)uint_field(&r, &left, 6, HKP_DSM_TIER_SENTINEL, HKP_DSM_TIER_MSSP);
    fixed_field(&r, &left, 7, q.token_digest, 32);
    fixed_field(&r, &left, 8, q.nonce, 32);
    q.neuro_gen = (uint32_t)optional_uint(&r, &left, 9, 1, UINT32_MAX);
    q.has_bls = optional_fixed(&r, &left, 10, q.bls_key, 48);
    if (q.has_bls) fixed_field(&r, &left, 11, q.bls_proof, 96);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_dsm_node_id(q.node_id, q.key, q.has_ak ? q.ak : NULL);
    *request = q;
    return HKP_OK;
}

hkp_status hkp_dsm_request_check(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                 struct hkp_dsm_request *request) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_request q;
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_CERT_REQUEST), &e);
    if (st == HKP_OK) st = parse_body(&e.body, &q); /* the key is in the body, so it is read first */
    if (st != HKP_OK) return st;
    if (memcmp(q.node_id, e.signer, 16) != 0) return HKP_E_DSM_NODE_ID;
    st = hkp_dsm_envelope_verify(chain_id, &e, q.key);
    if (st == HKP_OK) *request = q;
    return st;
}

hkp_status hkp_dsm_request_build(const uint8_t chain_id[32], const struct hkp_dsm_request *request,
                                 const uint8_t secret[64], uint8_t *dst, size_t cap, size_t *len) {
    const struct hkp_dsm_request *q = request;
    uint8_t body[HKP_DSM_REQUEST_MAX], node_id[16];
    const uint8_t *key = secret + 32; /* libsodium keeps the public key behind the seed */
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    if (q->roles < 1 || q->roles > 255 || q->tier < HKP_DSM_TIER_SENTINEL || q->tier > HKP_DSM_TIER_MSSP)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_node_id(node_id, key, q->has_ak ? q->ak : NULL);
    hkp_dsm_cbor_put_map(&w, 7U + (q->has_static_key != 0) + (q->has_ak != 0) + (q->neuro_gen > 0) +
                                 (q->has_bls ? 2U : 0U));
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, key, 32);
    if (q->has_static_key) put_bytes_field(&w, 2, q->static_key, 32);
    if (q->has_ak) put_bytes_field(&w, 3, q->ak, HKP_DSM_AK_BYTES);
    put_bytes_field(&w, 4, q->enroll_id, 32);
    put_uint_field(&w, 5, q->roles);
    put_uint_field(&w, 6, q->tier);
    put_bytes_field(&w, 7, q->token_digest, 32);
    put_bytes_field(&w, 8, q->nonce, 32);
    if (q->neuro_gen > 0) put_uint_field(&w, 9, q->neuro_gen);
    if (q->has_bls) put_bytes_field(&w, 10, q->bls_key, 48);
    if (q->has_bls) put_bytes_field(&w, 11, q->bls_proof, 96);
    return hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_CERT_REQUEST, node_id, secret, body, w.len, dst, cap,
                                 len);
}
