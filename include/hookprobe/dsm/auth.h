/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: challenge and response inside a session, with attestation (D-AUTH). The challenger draws a
 * nonce; the other side answers with what it is now, bound to this session, this nonce and its certificate.
 */
#ifndef HOOKPROBE_DSM_AUTH_H
#define HOOKPROBE_DSM_AUTH_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_directory;

/** What vouches for a response (D-AUTH-2); a higher one is stronger. */
enum { HKP_DSM_EVIDENCE_NONE = 0, HKP_DSM_EVIDENCE_SOFTWARE = 1, HKP_DSM_EVIDENCE_TPM = 2 };

/** Limits; sizes in bytes. */
enum {
    /** outstanding nonces */
    HKP_DSM_CHALLENGES = 1024,
    HKP_DSM_CHALLENGE_MAX = 64,
    /** a quote, and its signature */
    HKP_DSM_QUOTE_MAX = 512,
    /** a response with its envelope */
    HKP_DSM_AUTH_MAX = 2560
};

/** A challenge. */
struct hkp_dsm_challenge {
    uint8_t nonce[32];
    /** microseconds, Unix */
    uint64_t time_us;
    /** PCRs that a quote must cover, bits 0..23 */
    uint32_t pcr_mask;
    /** evidence that is required, HKP_DSM_EVIDENCE_ */
    uint32_t evidence;
};

/** A response. Views lie inside the parsed bytes. */
struct hkp_dsm_auth {
    uint8_t nonce[32];
    /** libhtp's EXPORT(0, "HKP1 auth", nonce, 32) of the session */
    uint8_t binding[32];
    /** id of the own certificate */
    uint8_t certificate[32];
    /** newest TER chain value, and its index */
    uint8_t h_t[32];
    uint64_t ter_index;
    uint8_t integrity_root[32];
    uint8_t boot_id[16];
    /** microseconds, Unix */
    uint64_t time_us;
    /** HKP_DSM_EVIDENCE_; what follows only with _TPM */
    uint32_t evidence;
    /** PCRs in pcr, bits 0..23 */
    uint32_t pcr_mask;
    /** TPMS_ATTEST and TPMT_SIGNATURE; ptr NULL: none */
    struct hkp_dsm_view quote;
    struct hkp_dsm_view signature;
    /** by number of the PCR */
    uint8_t pcr[24][32];
};

/**
 * Write a challenge.
 *
 * @param challenge  all fields
 * @param dst        [cap] result; undefined on failure
 * @param cap        bytes; HKP_DSM_CHALLENGE_MAX always suffices
 * @param len        bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  evidence or pcr_mask out of range
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUTH-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_challenge_build(const struct hkp_dsm_challenge *challenge,
                                                        uint8_t *dst, size_t cap, size_t *len);

/**
 * Read a challenge.
 *
 * @param in         [len] bytes, borrowed for the call
 * @param len        bytes
 * @param challenge  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no challenge
 *
 * Cost: no allocation.
 * Source: D-AUTH-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_challenge_parse(const uint8_t *in, size_t len,
                                                        struct hkp_dsm_challenge *challenge);

/**
 * Qualifying data that a TPM quote for a challenge must carry.
 *
 * @param out      [32] result
 * @param nonce    [32] of the challenge
 * @param binding  [32] of the session
 * @param node_id  [16] of who answers
 *
 * Cost: one hash.
 * Source: D-AUTH-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_auth_quote_data(uint8_t out[32], const uint8_t nonce[32], const uint8_t binding[32],
                                     const uint8_t node_id[16]);

/**
 * Write the body of a response.
 *
 * @param auth  all fields
 * @param dst   [cap] result; undefined on failure
 * @param cap   bytes; HKP_DSM_AUTH_MAX always suffices
 * @param len   bytes written; untouched on failure
 *
 * @retval HKP_OK            written; sign it with hkp_dsm_envelope_sign() as kind AUTH
 * @retval HKP_E_DSM_SCHEMA  a field is out of range, or a quote without evidence TPM
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUTH-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_auth_build(const struct hkp_dsm_auth *auth, uint8_t *dst, size_t cap,
                                                   size_t *len);

/**
 * Read the body of a response, without judging it.
 *
 * @param in    [len] bytes, borrowed as long as views of auth are used
 * @param len   bytes
 * @param auth  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no response
 *
 * Cost: no allocation.
 * Source: D-AUTH-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_auth_parse(const uint8_t *in, size_t len, struct hkp_dsm_auth *auth);

/**
 * Nonce of a response, without judging it.
 *
 * @param in     [len] envelope of kind AUTH, borrowed for the call
 * @param len    bytes
 * @param nonce  [32] receives it; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no response
 *
 * Cost: no allocation.
 * Source: D-AUTH-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_auth_nonce(const uint8_t *in, size_t len, uint8_t nonce[32]);

/* ---- Challenger ---------------------------------------------------------------------------------------- */

/** Who challenges, and the nonces that are out. */
typedef struct hkp_dsm_challenger hkp_dsm_challenger;

struct hkp_dsm_challenger_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** most outstanding nonces; 0: HKP_DSM_CHALLENGES, which is also the most */
    uint32_t challenges_max;
    struct hkp_mem mem;
    /** required: nonces */
    struct hkp_rng rng;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** required, copied; what it points to outlives the object */
    const struct hkp_dsm_directory *directory;
    /** handed to quote_check */
    void *user;
    /**
     * HKP_OK if a quote is of this node's attestation key, bound to extra, and of exactly these PCRs with
     * values that the policy holds; the quote is in the wire form of hkp_ter_quote_verify(). NULL: no quote
     * is ever accepted. The same function serves libhtp's registry.
     */
    hkp_status (*quote_check)(void *user, const uint8_t node_id[16], const uint8_t extra[32],
                              uint32_t pcr_mask, const uint8_t *quote, size_t len);
};

/**
 * Fill options with defaults.
 *
 * @param opt   options, owned by the caller
 * @param size  sizeof *opt as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_challenger_options_init(struct hkp_dsm_challenger_options *opt, size_t size);

/**
 * Make a challenger.
 *
 * @param out  receives the object, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   something required is missing or out of range
 * @retval HKP_E_TOOBIG  options ask for something that this build does not know
 * @retval HKP_E_NOMEM   no memory; out is untouched
 *
 * Cost: all memory that the object will ever use, 64 bytes a nonce.
 * Source: dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_challenger_new(hkp_dsm_challenger **out,
                                                       const struct hkp_dsm_challenger_options *opt);

/**
 * Wipe and free a challenger.
 *
 * @param challenger  an object or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_challenger_free(hkp_dsm_challenger *challenger);

/**
 * Challenge a node.
 *
 * @param challenger  an object
 * @param now         nanoseconds, monotonic
 * @param time_us     microseconds, Unix
 * @param peer        [16] node_id that the session authenticated
 * @param evidence    what is required, HKP_DSM_EVIDENCE_
 * @param pcr_mask    PCRs that a quote must cover, bits 0..23
 * @param dst         [cap] the challenge; undefined on failure
 * @param cap         bytes; HKP_DSM_CHALLENGE_MAX always suffices
 * @param len         bytes written; untouched on failure
 *
 * @retval HKP_OK          written; its nonce lives 60 s and is used once
 * @retval HKP_E_INVAL     evidence or pcr_mask out of range, or TPM evidence without a PCR
 * @retval HKP_E_LIMIT     too many nonces are out
 * @retval HKP_E_CALLBACK  no randomness
 * @retval HKP_E_NOSPC     cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUTH-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_challenger_ask(hkp_dsm_challenger *challenger, hkp_time now,
                                                       uint64_t time_us, const uint8_t peer[16],
                                                       uint32_t evidence, uint32_t pcr_mask, uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Judge a response. Once it is known to be signed by the node that was asked its nonce is used up, whatever
 * follows.
 *
 * @param challenger  an object
 * @param now         nanoseconds, monotonic
 * @param now_s       Unix seconds (D-CERT-5)
 * @param peer        [16] node_id that the session authenticated
 * @param binding     [32] EXPORT(0, "HKP1 auth", nonce, 32) of this session, nonce as hkp_dsm_auth_nonce()
 * reads it from the response: one that was never asked is refused anyway
 * @param in          [len] envelope of kind AUTH, borrowed as long as auth is used
 * @param len         bytes
 * @param auth        result; untouched on failure
 *
 * @retval HKP_OK                      all holds; what it says of TER, integrity and boot is for the caller
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no response
 * @retval HKP_E_DSM_ATTEST            not by this peer; nonce unknown, used or 60 s old; of another session;
 *                                     by another certificate; evidence too weak, missing or false; other PCRs
 *
 * Cost: one Ed25519 verification, and what quote_check costs; no allocation.
 * Source: D-AUTH-3, D-AUTH-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_challenger_judge(hkp_dsm_challenger *challenger, hkp_time now,
                                                         uint64_t now_s, const uint8_t peer[16],
                                                         const uint8_t binding[32], const uint8_t *in,
                                                         size_t len, struct hkp_dsm_auth *auth);

#ifdef __cplusplus
}
#endif

#endif
