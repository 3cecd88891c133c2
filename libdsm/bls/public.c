/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a host and an edge node need of scheme 2: keys, sets that list them, compact proofs. */
#include "libdsm/bls/bls.h"

#include <hookprobe/dsm/bls.h>
#include <sodium.h>
#include <string.h>

uint32_t hkp_dsm_bls_is_built(void) { return (uint32_t)hkp_dsm__bls_is_built(); }

hkp_status hkp_dsm_bls_keypair(const uint8_t seed[32], uint8_t secret[32], uint8_t key[48]) {
    return hkp_dsm__bls_keypair(seed, secret, key);
}

/* HKDF-Expand (RFC 5869, SHA-256) of the seed, one block; KeyGen takes it from there. */
hkp_status hkp_dsm_bls_of_node(const uint8_t seed[32], uint8_t secret[32], uint8_t key[48]) {
    static const uint8_t info[] = {'H', 'K', 'P', '1', ' ', 'b', 'l', 's', 1};
    uint8_t material[32];
    crypto_auth_hmacsha256(material, info, sizeof info, seed);
    const hkp_status st = hkp_dsm__bls_keypair(material, secret, key);
    sodium_memzero(material, sizeof material);
    return st;
}

hkp_status hkp_dsm_bls_prove(const uint8_t secret[32], uint8_t proof[96]) {
    return hkp_dsm__bls_prove(secret, proof);
}

hkp_status hkp_dsm_bls_check(const uint8_t key[48], const uint8_t proof[96]) {
    return hkp_dsm__bls_possessed(key, proof);
}

hkp_status hkp_dsm_bls_valset_build(const struct hkp_dsm_seat *members, const struct hkp_dsm_bls_key *keys,
                                    size_t n, uint64_t epoch, uint8_t *dst, size_t cap, size_t *len) {
    const uint8_t *bls[HKP_DSM_MEMBERS_MAX];
    if (n > HKP_DSM_MEMBERS_MAX) return HKP_E_DSM_SCHEMA;
    for (size_t i = 0; i < n; i++) {
        bls[i] = keys[i].present ? keys[i].key : NULL;
        const hkp_status st = keys[i].present ? hkp_dsm__bls_possessed(keys[i].key, keys[i].proof) : HKP_OK;
        if (st != HKP_OK) return st;
    }
    return hkp_dsm__valset_write(members, bls, n, epoch, dst, cap, len);
}

/* ---- the compact form of a proof (D-QC-3) ---- */

struct compact {
    const uint8_t *chain_id;
    const struct hkp_dsm_view *shares;
    size_t n_shares;
    const uint8_t *copied; /* of the long proof, up to here */
    struct hkp_dsm_cbor_writer w;
    uint32_t changed;
};

static void copy(struct compact *c, const uint8_t *to) {
    hkp_dsm_cbor_put_raw(&c->w, c->copied, (size_t)(to - c->copied));
    c->copied = to;
}

/* The head of a byte string, as canonical CBOR has it. */
static size_t head_bytes(size_t len) { return len < 24 ? 1 : len < 256 ? 2 : len < 65536 ? 3 : 5; }

/* Shares about this vote, one of each member; bad ones and others are passed over. */
static hkp_status make_cert(const struct compact *c, const struct hkp_dsm__valset *set,
                            const struct hkp_dsm__cert *long_one, uint8_t *dst, size_t cap, size_t *len) {
    uint8_t share[HKP_DSM_MEMBERS_MAX][96];
    const uint8_t *given[HKP_DSM_MEMBERS_MAX] = {NULL};
    struct hkp_dsm__vote v,
        vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = long_one->epoch, .view = long_one->view};
    memcpy(vote.digest, long_one->digest, 32);
    for (size_t i = 0; i < c->n_shares; i++) {
        uint8_t one[96];
        const struct hkp_dsm_view *s = &c->shares[i];
        if (hkp_dsm__share_check(c->chain_id, set, s->ptr, s->len, &v, one) != HKP_OK ||
            v.view != vote.view || memcmp(v.digest, vote.digest, 32) != 0)
            continue;
        memcpy(share[v.signer], one, 96);
        given[v.signer] = share[v.signer];
    }
    return hkp_dsm__cert_compact(set, &vote, given, dst, cap, len);
}

static hkp_status each_cert(void *user, const struct hkp_dsm__valset *set, const struct hkp_dsm_view *bytes,
                            const struct hkp_dsm__cert *cert) {
    struct compact *c = (struct compact *)user;
    uint8_t shorter[256];
    size_t len = 0;
    if (cert->scheme != 1 || make_cert(c, set, cert, shorter, sizeof shorter, &len) != HKP_OK) return HKP_OK;
    copy(c, bytes->ptr - head_bytes(bytes->len));
    hkp_dsm_cbor_put_bytes(&c->w, shorter, len);
    c->copied = bytes->ptr + bytes->len;
    c->changed++;
    return HKP_OK;
}

hkp_status hkp_dsm_bls_compact(const uint8_t *proof, size_t proof_len, const uint8_t chain_id[32],
                               const struct hkp_dsm_trust *trust, const struct hkp_dsm_view *shares,
                               size_t n_shares, uint8_t *dst, size_t cap, size_t *len) {
    struct compact c = {.chain_id = chain_id,
                        .shares = shares,
                        .n_shares = n_shares,
                        .copied = proof,
                        .w = {.out = dst, .cap = cap}};
    struct hkp_dsm__proof_each each = {&c, each_cert};
    struct hkp_dsm_proof result;
    if (!hkp_dsm__bls_is_built()) return HKP_E_UNSUPPORTED;
    const hkp_status st = hkp_dsm__proof_walk(proof, proof_len, chain_id, trust, 1, 0, &each, &result);
    if (st != HKP_OK) return st;
    if (c.changed == 0) return HKP_E_DSM_QUORUM;
    copy(&c, proof + proof_len);
    if (c.w.status == HKP_OK) *len = c.w.len;
    return c.w.status;
}
