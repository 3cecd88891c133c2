/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects signed by one node (D-ENV, D-SIG-2). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#include <sodium.h>

/* "HKP1 sig" 00 || u16(kind) || chain_id || signer */
enum { PREFIX = 9 + 2 + 32 + 16 };

static void put_prefix(uint8_t dst[PREFIX], const uint8_t chain_id[32], uint64_t kind,
                       const uint8_t signer[16]) {
    memcpy(dst, "HKP1 sig", 9);
    hkp_put_be16(dst + 9, (uint16_t)kind);
    memcpy(dst + 11, chain_id, 32);
    memcpy(dst + 43, signer, 16);
}

static int is_known(uint64_t kind) {
    return kind >= HKP_DSM_KIND_MICROBLOCK && kind <= HKP_DSM_KIND_CE_BUNDLE && kind != 17;
}

size_t hkp_dsm__envelope_body_max(uint64_t kind) {
    if (kind == HKP_DSM_KIND_MICROBLOCK) return HKP_DSM__BLOCK_BODY_MAX;
    if (kind == HKP_DSM_KIND_PROPOSE) return HKP_DSM__PROPOSE_BODY_MAX;
    if (kind >= HKP_DSM_KIND_NOTAR && kind <= HKP_DSM_KIND_FINAL) return HKP_DSM__VOTE_BODY_MAX;
    return HKP_DSM__BODY_MAX;
}

hkp_status hkp_dsm__envelope_shape(const uint8_t *in, size_t len, struct hkp_dsm_envelope *envelope) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_envelope e;
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    e.kind = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    e.signer = hkp_dsm_cbor_bytes(&r, 16, 16, NULL);
    e.body.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &e.body.len);
    e.signature = hkp_dsm_cbor_bytes(&r, 64, 64, NULL);
    if (r.status == HKP_OK) *envelope = e;
    return r.status;
}

hkp_status hkp_dsm_envelope_parse(const uint8_t *in, size_t len, uint32_t kinds,
                                  struct hkp_dsm_envelope *envelope) {
    struct hkp_dsm_envelope e;
    hkp_status st = hkp_dsm__envelope_shape(in, len, &e);
    if (st != HKP_OK) return st;
    if (!is_known(e.kind) || (kinds & HKP_DSM__KIND_BIT(e.kind)) == 0) return HKP_E_DSM_KIND;
    if (e.body.len > hkp_dsm__envelope_body_max(e.kind)) return HKP_E_DSM_TOO_BIG;
    *envelope = e;
    return HKP_OK;
}

hkp_status hkp_dsm__verify(const uint8_t chain_id[32], uint64_t kind, const uint8_t signer[16],
                           const uint8_t *body, size_t body_len, const uint8_t signature[64],
                           const uint8_t key[32]) {
    uint8_t signed_bytes[PREFIX + HKP_DSM__BODY_MAX];
    if (body_len > HKP_DSM__BODY_MAX) return HKP_E_DSM_TOO_BIG;
    put_prefix(signed_bytes, chain_id, kind, signer);
    if (body_len > 0) memcpy(signed_bytes + PREFIX, body, body_len);
    return crypto_sign_verify_detached(signature, signed_bytes, PREFIX + body_len, key) == 0 ? HKP_OK
                                                                                             : HKP_E_DSM_SIG;
}

hkp_status hkp_dsm_envelope_verify(const uint8_t chain_id[32], const struct hkp_dsm_envelope *envelope,
                                   const uint8_t key[32]) {
    return hkp_dsm__verify(chain_id, envelope->kind, envelope->signer, envelope->body.ptr, envelope->body.len,
                           envelope->signature, key);
}

hkp_status hkp_dsm_envelope_sign(const uint8_t chain_id[32], uint32_t kind, const uint8_t signer[16],
                                 const uint8_t secret[64], const uint8_t *body, size_t body_len, uint8_t *dst,
                                 size_t cap, size_t *len) {
    uint8_t signed_bytes[PREFIX + HKP_DSM__BODY_MAX], signature[64];
    if (!is_known(kind) || body_len > hkp_dsm__envelope_body_max(kind)) return HKP_E_INVAL;
    put_prefix(signed_bytes, chain_id, kind, signer);
    if (body_len > 0) memcpy(signed_bytes + PREFIX, body, body_len);
    (void)crypto_sign_detached(signature, NULL, signed_bytes, PREFIX + body_len, secret);

    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, kind);
    hkp_dsm_cbor_put_bytes(&w, signer, 16);
    hkp_dsm_cbor_put_bytes(&w, body, body_len);
    hkp_dsm_cbor_put_bytes(&w, signature, 64);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
