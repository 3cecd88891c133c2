/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * BLS12-381, keys in G1, signatures in G2, ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_ (D-QC-3).
 * bls.c does it with blst; absent.c stands there in a build without, and all of it is HKP_E_UNSUPPORTED.
 * A key that does not decode, is infinity or lies outside its subgroup is refused wherever one is read.
 */
#ifndef HKP_LIBDSM_BLS_H
#define HKP_LIBDSM_BLS_H

#include <hookprobe/dsm.h>

#include "libdsm/objects/objects.h"

/** Longest FINAL_BLS envelope. */
enum { HKP_DSM__SHARE_MAX = HKP_DSM__VOTE_MAX + 96 };

/** 1: this build has blst. */
int hkp_dsm__bls_is_built(void);
/** KeyGen of 32 secret bytes. */
hkp_status hkp_dsm__bls_keypair(const uint8_t seed[32], uint8_t secret[32], uint8_t key[48]);
/** Key of a secret; HKP_E_INVAL: secret is zero or not below the order. */
hkp_status hkp_dsm__bls_public(const uint8_t secret[32], uint8_t key[48]);
/** PopProve; HKP_E_INVAL: secret is zero or not below the order. */
hkp_status hkp_dsm__bls_prove(const uint8_t secret[32], uint8_t proof[96]);
/** PopVerify; E_SIG. */
hkp_status hkp_dsm__bls_possessed(const uint8_t key[48], const uint8_t proof[96]);
hkp_status hkp_dsm__bls_sign(const uint8_t secret[32], const uint8_t *message, size_t len,
                             uint8_t signature[96]);
/** FastAggregateVerify; keys[n], NULL where a member has no part in it; E_SIG. Possession of all keys is
 * known. */
hkp_status hkp_dsm__bls_verify(const uint8_t *const *keys, size_t n, const uint8_t *message, size_t len,
                               const uint8_t signature[96]);
/** Aggregate; signatures[n], NULL where there is none; E_SIG: one is no point of the group. */
hkp_status hkp_dsm__bls_add(const uint8_t *const *signatures, size_t n, uint8_t sum[96]);

/* ---- share.c ---- */

/** FINAL_BLS (19): vote's own member says FINAL in both ways. dst: HKP_DSM__SHARE_MAX suffices. */
hkp_status hkp_dsm__share_make(const uint8_t chain_id[32], const struct hkp_dsm__vote *vote,
                               const uint8_t node_id[16], const uint8_t secret[64],
                               const uint8_t bls_secret[32], uint8_t *dst, size_t cap, size_t *len);
/** D-ENV by the key in set, then the body: E_SIGNER, E_SIG, E_SCHEMA, E_EPOCH, E_SCHEME (the set or the seat
 * has none, or the build). share: [96], copied for a later cert. */
hkp_status hkp_dsm__share_check(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                                const uint8_t *in, size_t len, struct hkp_dsm__vote *vote, uint8_t share[96]);

#endif
