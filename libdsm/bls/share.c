/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Scheme 2 of certificates (D-QC-3): shares of members (FINAL_BLS), and what they become. A share signs the
 * body of the FINAL of its view, under D-SIG-2 with kind 5 and no signer, so that all members sign the same
 * bytes and their shares add up (decision 0535).
 */
#include "libdsm/bls/bls.h"

#include "libdsm/objects/scheme.h"
#include "libter/bytes.h"

#include <string.h>

/* "HKP1 sig" 00 || u16(5) || chain_id || 0^16 || body of the vote */
enum { PREFIX = 9 + 2 + 32 + 16, INPUT_MAX = PREFIX + HKP_DSM__VOTE_BODY_MAX };

static size_t signed_bytes(uint8_t out[INPUT_MAX], const uint8_t chain_id[32], const uint8_t *body,
                           size_t len) {
    memcpy(out, "HKP1 sig", 9);
    hkp_put_be16(out + 9, HKP_DSM_KIND_FINAL);
    memcpy(out + 11, chain_id, 32);
    memset(out + 43, 0, 16);
    memcpy(out + PREFIX, body, len);
    return PREFIX + len;
}

static size_t vote_bytes(uint8_t out[INPUT_MAX], const uint8_t chain_id[32], const struct hkp_dsm__vote *v) {
    uint8_t body[HKP_DSM__VOTE_BODY_MAX];
    const size_t len = hkp_dsm__vote_body(body, sizeof body, v->epoch, v->view, v->digest);
    return signed_bytes(out, chain_id, body, len);
}

static const uint8_t *key_of(const struct hkp_dsm__valset *set, uint32_t seat) {
    return hkp_is_zero(set->bls[seat], 48) ? NULL : set->bls[seat];
}

/* ---- FINAL_BLS: [epoch, view, digest, share] ---- */

hkp_status hkp_dsm__share_make(const uint8_t chain_id[32], const struct hkp_dsm__vote *vote,
                               const uint8_t node_id[16], const uint8_t secret[64],
                               const uint8_t bls_secret[32], uint8_t *dst, size_t cap, size_t *len) {
    uint8_t input[INPUT_MAX], share[96], body[HKP_DSM__SHARE_MAX];
    if (vote->kind != HKP_DSM_KIND_FINAL || hkp_is_zero(vote->digest, 32)) return HKP_E_INVAL;
    const hkp_status st = hkp_dsm__bls_sign(bls_secret, input, vote_bytes(input, chain_id, vote), share);
    if (st != HKP_OK) return st;
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = sizeof body};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, vote->epoch);
    hkp_dsm_cbor_put_uint(&w, vote->view);
    hkp_dsm_cbor_put_bytes(&w, vote->digest, 32);
    hkp_dsm_cbor_put_bytes(&w, share, 96);
    return hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_FINAL_BLS, node_id, secret, body, w.len, dst, cap,
                                 len);
}

static hkp_status share_body(const struct hkp_dsm_view *body, struct hkp_dsm__vote *vote, uint8_t share[96]) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__vote v = {.kind = HKP_DSM_KIND_FINAL};
    (void)hkp_dsm_cbor_read(&r, body->ptr, body->len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    v.epoch = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    v.view = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_fixed(&r, v.digest, 32);
    hkp_dsm_cbor_fixed(&r, share, 96);
    if (r.status != HKP_OK) return r.status;
    if (hkp_is_zero(v.digest, 32)) return HKP_E_DSM_SCHEMA;
    *vote = v;
    return HKP_OK;
}

hkp_status hkp_dsm__share_check(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                const uint8_t *in, size_t len, struct hkp_dsm__vote *vote,
                                uint8_t share[96]) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm__vote v;
    uint8_t input[INPUT_MAX], bytes[96];
    hkp_status st = hkp_dsm_envelope_parse(in, len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_FINAL_BLS), &e);
    if (st != HKP_OK) return st;
    const int seat = hkp_dsm__valset_index(set, e.signer);
    if (seat < 0) return HKP_E_DSM_SIGNER;
    st = hkp_dsm_envelope_verify(chain_id, &e, set->seats[seat].key);
    if (st == HKP_OK) st = share_body(&e.body, &v, bytes);
    if (st != HKP_OK) return st;
    if (v.epoch != set->epoch) return HKP_E_DSM_EPOCH;
    const uint8_t *key = key_of(set, (uint32_t)seat);
    if (!set->has_scheme2 || key == NULL || !hkp_dsm__bls_is_built()) return HKP_E_DSM_SCHEME;
    st = hkp_dsm__bls_verify(&key, 1, input, vote_bytes(input, chain_id, &v), bytes);
    if (st != HKP_OK) return st;
    v.signer = (uint32_t)seat;
    *vote = v;
    if (share != NULL) memcpy(share, bytes, 96);
    return HKP_OK;
}

/* ---- scheme 2 ---- */

static size_t bls_size(uint32_t n_signers) {
    (void)n_signers;
    return 96;
}

static hkp_status bls_verify(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                             const struct hkp_dsm__cert *cert, const uint8_t *const *known,
                             const uint8_t *body, size_t len) {
    (void)known;
    const uint8_t *keys[HKP_DSM_MEMBERS_MAX] = {NULL};
    uint8_t input[INPUT_MAX];
    for (uint32_t i = 0; i < set->n; i++) {
        if (!hkp_dsm__cert_signed(cert, i)) continue;
        keys[i] = key_of(set, i);
        if (keys[i] == NULL) return HKP_E_DSM_BITMAP;
    }
    return hkp_dsm__bls_verify(keys, set->n, input, signed_bytes(input, chain_id, body, len),
                               cert->signatures.ptr);
}

const struct hkp_dsm__scheme *hkp_dsm__scheme_bls(void) {
    static const struct hkp_dsm__scheme scheme = {HKP_DSM__SCHEME_BLS, bls_size, bls_verify,
                                                  hkp_dsm__bls_add};
    return hkp_dsm__bls_is_built() ? &scheme : NULL;
}
