/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How a certificate of votes shows who signed (D-QC). Everything that all schemes share (shape, bitmap,
 * quorum) is in vote.c; a scheme is three functions. Scheme 1 is always there, and consensus takes no other.
 */
#ifndef HKP_LIBDSM_SCHEME_H
#define HKP_LIBDSM_SCHEME_H

#include "libdsm/objects/objects.h"

enum { HKP_DSM__SCHEME_LIST = 1, HKP_DSM__SCHEME_BLS = 2 };

struct hkp_dsm__scheme {
    uint32_t id;
    /* Bytes that the signatures of n_signers members take. */
    size_t (*size)(uint32_t n_signers);
    /* All of the bitmap signed body: E_SIG; E_BITMAP: one of them has no key for this scheme. known:
     * signatures of members that were checked before (hkp_dsm__cert_check_but()), or NULL. */
    hkp_status (*verify)(const uint8_t chain_id[32], const struct hkp_dsm__valset *set,
                         const struct hkp_dsm__cert *cert, const uint8_t *const *known, const uint8_t *body,
                         size_t len);
    /* signatures[n], NULL where there is none, into dst of that size. */
    hkp_status (*join)(const uint8_t *const *signatures, size_t n, uint8_t *dst);
};

extern const struct hkp_dsm__scheme hkp_dsm__scheme_list;
/* Of bls/share.c; NULL in a build without blst (D-QC-4). */
const struct hkp_dsm__scheme *hkp_dsm__scheme_bls(void);

/* Body of a vote, as it is signed; at most HKP_DSM__VOTE_BODY_MAX bytes. */
size_t hkp_dsm__vote_body(uint8_t *dst, size_t cap, uint64_t epoch, uint64_t view, const uint8_t digest[32]);

#endif
