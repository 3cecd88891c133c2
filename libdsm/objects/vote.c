/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Votes (D-SMX-6) and certificates of votes (D-QC). */
#include "libdsm/objects/scheme.h"

#include <string.h>

#include "libter/bytes.h"

static int is_vote(uint64_t kind) { return kind >= HKP_DSM_KIND_NOTAR && kind <= HKP_DSM_KIND_FINAL; }

static int digest_fits(uint64_t kind, const uint8_t digest[32]) {
    return (kind == HKP_DSM_KIND_NULL) == (hkp_is_zero(digest, 32) != 0);
}

size_t hkp_dsm__vote_body(uint8_t *dst, size_t cap, uint64_t epoch, uint64_t view, const uint8_t digest[32]) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 3);
    hkp_dsm_cbor_put_uint(&w, epoch);
    hkp_dsm_cbor_put_uint(&w, view);
    hkp_dsm_cbor_put_bytes(&w, digest, 32);
    return w.len; /* 1 + 9 + 9 + 34 at most */
}

hkp_status hkp_dsm__vote_make(const uint8_t chain_id[32], const struct hkp_dsm__vote *vote,
                              const uint8_t node_id[16], const uint8_t secret[64], uint8_t *dst, size_t cap,
                              size_t *len) {
    uint8_t body[HKP_DSM__VOTE_BODY_MAX];
    const uint8_t *digest = vote->kind == HKP_DSM_KIND_NULL ? hkp_dsm__zeros : vote->digest;
    if (!is_vote(vote->kind) || !digest_fits(vote->kind, digest)) return HKP_E_INVAL;
    const size_t body_len = hkp_dsm__vote_body(body, sizeof body, vote->epoch, vote->view, digest);
    return hkp_dsm_envelope_sign(chain_id, vote->kind, node_id, secret, body, body_len, dst, cap, len);
}

hkp_status hkp_dsm__vote_parse(uint64_t kind, const uint8_t *body, size_t len, struct hkp_dsm__vote *vote) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__vote v = {.kind = (uint32_t)kind};
    (void)hkp_dsm_cbor_read(&r, body, len);
    (void)hkp_dsm_cbor_array(&r, 3, 3);
    v.epoch = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    v.view = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_fixed(&r, v.digest, 32);
    if (r.status != HKP_OK) return r.status;
    if (!is_vote(kind) || !digest_fits(kind, v.digest)) return HKP_E_DSM_SCHEMA;
    *vote = v;
    return HKP_OK;
}

hkp_status hkp_dsm__vote_open(const struct hkp_dsm__valset *set, const uint8_t *in, size_t len,
                              struct hkp_dsm_envelope *envelope, struct hkp_dsm__vote *vote) {
    const uint32_t kinds = HKP_DSM__KIND_BIT(HKP_DSM_KIND_NOTAR) | HKP_DSM__KIND_BIT(HKP_DSM_KIND_NULL) |
                           HKP_DSM__KIND_BIT(HKP_DSM_KIND_FINAL);
    hkp_status st = hkp_dsm_envelope_parse(in, len, kinds, envelope);
    if (st == HKP_OK) st = hkp_dsm__vote_parse(envelope->kind, envelope->body.ptr, envelope->body.len, vote);
    if (st != HKP_OK) return st;
    const int signer = hkp_dsm__valset_index(set, envelope->signer);
    if (vote->epoch != set->epoch) return HKP_E_DSM_EPOCH;
    if (signer < 0) return HKP_E_DSM_SIGNER;
    vote->signer = (uint32_t)signer;
    return HKP_OK;
}

/* ---- Certificates of votes ------------------------------------------------------------------------------
 */

hkp_status hkp_dsm__cert_parse(const uint8_t *in, size_t len, struct hkp_dsm__cert *cert) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__cert c = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 7, 7);
    c.scheme = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    c.kind = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    c.epoch = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    c.view = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_fixed(&r, c.digest, 32);
    c.bitmap.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &c.bitmap.len);
    c.signatures.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &c.signatures.len);
    if (r.status == HKP_OK) *cert = c;
    return r.status;
}

int hkp_dsm__cert_signed(const struct hkp_dsm__cert *cert, uint32_t index) {
    return index / 8 < cert->bitmap.len && (cert->bitmap.ptr[index / 8] >> index % 8 & 1) != 0;
}

/* Signers that the bitmap names, or -1 if it is not one of this set. */
static int count_signers(const struct hkp_dsm__cert *cert, uint32_t n) {
    int count = 0;
    if (cert->bitmap.len != (n + 7) / 8) return -1;
    for (uint32_t i = 0; i < cert->bitmap.len * 8; i++) {
        if (i >= n && hkp_dsm__cert_signed(cert, i)) return -1;
        count += hkp_dsm__cert_signed(cert, i);
    }
    return count;
}

/* ---- Scheme 1: one signature of each ---- */

static size_t list_size(uint32_t n_signers) { return (size_t)n_signers * 64; }

static hkp_status list_verify(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                              const struct hkp_dsm__cert *cert, const uint8_t *const *known,
                              const uint8_t *body, size_t len) {
    const uint8_t *signature = cert->signatures.ptr;
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < set->n; i++) {
        if (!hkp_dsm__cert_signed(cert, i)) continue;
        if (known == NULL || known[i] == NULL || memcmp(known[i], signature, 64) != 0)
            st = hkp_dsm__verify(chain_id, cert->kind, set->seats[i].node_id, body, len, signature,
                                 set->seats[i].key);
        if (st != HKP_OK) return st;
        signature += 64;
    }
    return HKP_OK;
}

static hkp_status list_join(const uint8_t *const *signatures, size_t n, uint8_t *dst) {
    for (size_t i = 0; i < n; i++) {
        if (signatures[i] == NULL) continue;
        memcpy(dst, signatures[i], 64);
        dst += 64;
    }
    return HKP_OK;
}

const struct hkp_dsm__scheme hkp_dsm__scheme_list = {HKP_DSM__SCHEME_LIST, list_size, list_verify, list_join};

/* ---- All schemes ---- */

/* D-QC-3: the other scheme shows nothing but finality, and only where the set lists it. */
static int kind_fits(const struct hkp_dsm__scheme *scheme, uint64_t kind) {
    return scheme->id == HKP_DSM__SCHEME_LIST ? is_vote(kind) : kind == HKP_DSM_KIND_FINAL;
}

static hkp_status check(const struct hkp_dsm__scheme *scheme, const uint8_t chain_id[32],
                        const struct hkp_dsm__valset *set, const uint8_t *const *known,
                        struct hkp_dsm__cert *c) {
    uint8_t body[HKP_DSM__VOTE_BODY_MAX];
    if (!kind_fits(scheme, c->kind)) return HKP_E_DSM_KIND;
    if (!digest_fits(c->kind, c->digest)) return HKP_E_DSM_SCHEMA;
    if (c->epoch != set->epoch) return HKP_E_DSM_EPOCH;
    const int n_signers = count_signers(c, set->n);
    if (n_signers < 0) return HKP_E_DSM_BITMAP;
    c->n_signers = (uint32_t)n_signers;
    if (c->signatures.len != scheme->size(c->n_signers)) return HKP_E_DSM_SIG_COUNT;
    if (c->n_signers < set->q) return HKP_E_DSM_QUORUM;
    const size_t body_len = hkp_dsm__vote_body(body, sizeof body, c->epoch, c->view, c->digest);
    return scheme->verify(chain_id, set, c, known, body, body_len);
}

hkp_status hkp_dsm__cert_check(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                               const uint8_t *in, size_t len, struct hkp_dsm__cert *cert) {
    return hkp_dsm__cert_check_but(chain_id, set, in, len, NULL, cert);
}

hkp_status hkp_dsm__cert_check_but(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                   const uint8_t *in, size_t len, const uint8_t *const *known,
                                   struct hkp_dsm__cert *cert) {
    struct hkp_dsm__cert c;
    hkp_status st = hkp_dsm__cert_parse(in, len, &c);
    if (st == HKP_OK && c.scheme != HKP_DSM__SCHEME_LIST) st = HKP_E_DSM_SCHEME;
    if (st == HKP_OK) st = check(&hkp_dsm__scheme_list, chain_id, set, known, &c);
    if (st == HKP_OK) *cert = c;
    return st;
}

hkp_status hkp_dsm__cert_check_any(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                   const uint8_t *in, size_t len, struct hkp_dsm__cert *cert) {
    struct hkp_dsm__cert c;
    const struct hkp_dsm__scheme *bls = set->has_scheme2 ? hkp_dsm__scheme_bls() : NULL;
    hkp_status st = hkp_dsm__cert_parse(in, len, &c);
    if (st == HKP_OK && (bls == NULL || c.scheme != bls->id))
        return hkp_dsm__cert_check(chain_id, set, in, len, cert);
    if (st == HKP_OK) st = check(bls, chain_id, set, NULL, &c);
    if (st == HKP_OK) *cert = c;
    return st;
}

static hkp_status build(const struct hkp_dsm__scheme *scheme, const struct hkp_dsm__valset *set,
                        const struct hkp_dsm__vote *vote, const uint8_t *const *signatures, uint8_t *dst,
                        size_t cap, size_t *len) {
    uint8_t bitmap[HKP_DSM_MEMBERS_MAX / 8] = {0}, all[HKP_DSM_MEMBERS_MAX * 64];
    uint32_t n_signers = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        if (signatures[i] == NULL) continue;
        bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1U << i % 8);
        n_signers++;
    }
    if (!kind_fits(scheme, vote->kind)) return HKP_E_INVAL;
    if (n_signers < set->q) return HKP_E_DSM_QUORUM;
    const hkp_status st = scheme->join(signatures, set->n, all);
    if (st != HKP_OK) return st;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, 7);
    hkp_dsm_cbor_put_uint(&w, scheme->id);
    hkp_dsm_cbor_put_uint(&w, vote->kind);
    hkp_dsm_cbor_put_uint(&w, vote->epoch);
    hkp_dsm_cbor_put_uint(&w, vote->view);
    hkp_dsm_cbor_put_bytes(&w, vote->kind == HKP_DSM_KIND_NULL ? hkp_dsm__zeros : vote->digest, 32);
    hkp_dsm_cbor_put_bytes(&w, bitmap, (set->n + 7) / 8);
    hkp_dsm_cbor_put_bytes(&w, all, scheme->size(n_signers));
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm__cert_build(const struct hkp_dsm__valset *set, const struct hkp_dsm__vote *vote,
                               const uint8_t *const *signatures, uint8_t *dst, size_t cap, size_t *len) {
    return build(&hkp_dsm__scheme_list, set, vote, signatures, dst, cap, len);
}

hkp_status hkp_dsm__cert_compact(const struct hkp_dsm__valset *set, const struct hkp_dsm__vote *vote,
                                 const uint8_t *const *shares, uint8_t *dst, size_t cap, size_t *len) {
    const struct hkp_dsm__scheme *bls = set->has_scheme2 ? hkp_dsm__scheme_bls() : NULL;
    return bls == NULL ? HKP_E_DSM_SCHEME : build(bls, set, vote, shares, dst, cap, len);
}
