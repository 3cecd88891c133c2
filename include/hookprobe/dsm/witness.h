/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: witness verification (D-WIT). A claim is confirmed or refuted by k groups of witnesses that
 * do not depend on the claimant or on each other; identities of one group are one witness.
 */
#ifndef HOOKPROBE_DSM_WITNESS_H
#define HOOKPROBE_DSM_WITNESS_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_directory;

/** Types of claims (D-WIT-1). */
enum {
    HKP_DSM_CLAIM_THREAT = 1,
    HKP_DSM_CLAIM_MODEL = 2,
    HKP_DSM_CLAIM_REACHABILITY = 3,
    HKP_DSM_CLAIM_ATTESTATION = 4,
    HKP_DSM_CLAIM_FREE = 5
};

/** Verdicts and methods of witnesses (D-WIT-2). */
enum {
    HKP_DSM_VERDICT_REFUTE = 0,
    HKP_DSM_VERDICT_CONFIRM = 1,
    HKP_DSM_VERDICT_ABSTAIN = 2,
    HKP_DSM_METHOD_SENSOR = 1,
    HKP_DSM_METHOD_RECOMPUTED = 2,
    HKP_DSM_METHOD_PROBE = 3,
    HKP_DSM_METHOD_OPERATOR = 4
};

/** How a claim stands (D-WIT-3). */
enum {
    HKP_DSM_CLAIM_PENDING = 0,
    HKP_DSM_CLAIM_CONFIRMED = 1,
    HKP_DSM_CLAIM_REFUTED = 2,
    HKP_DSM_CLAIM_EXPIRED = 3
};

/** Limits; sizes in bytes. */
enum {
    HKP_DSM_CLAIMS = 1024,
    /** open claims of one group: a sixteenth of the table */
    HKP_DSM_CLAIMS_OF_GROUP = 64,
    HKP_DSM_WITNESSES = 64,
    /** of these at most so many are further witnesses of groups that are there already */
    HKP_DSM_WITNESSES_FURTHER = 16,
    HKP_DSM_STATEMENT_MAX = 256,
    HKP_DSM_CLAIM_MAX = 512,
    HKP_DSM_WITNESS_MAX = 256,
    HKP_DSM_WITNESS_PROOF_MAX = 81920
};

/** What somebody claims. */
struct hkp_dsm_claim {
    /** HKP_DSM_CLAIM_THREAT..FREE */
    uint32_t type;
    /** groups needed, 2..16 */
    uint32_t k;
    uint8_t subject[32];
    /** 0..256 bytes of UTF-8, not terminated; inside the parsed bytes */
    struct hkp_dsm_view statement;
    uint64_t created_s;
    /** at most 24 h after created_s */
    uint64_t expires_s;
};

/** What a witness says about a claim. */
struct hkp_dsm_witness {
    uint8_t claim[32];
    /** digest of what it saw */
    uint8_t evidence[32];
    uint64_t observed_s;
    /** HKP_DSM_VERDICT_ */
    uint32_t verdict;
    /** HKP_DSM_METHOD_ */
    uint32_t method;
};

/** Count of a claim. */
struct hkp_dsm_tally {
    /** id of the claim */
    uint8_t claim[32];
    uint8_t claimant[16];
    uint64_t expires_s;
    /** HKP_DSM_CLAIM_PENDING..EXPIRED */
    uint32_t state;
    /** groups needed, groups that confirm, groups that refute */
    uint32_t k;
    uint32_t confirms;
    uint32_t refutes;
    /** witnesses held, and those of them that said two things */
    uint32_t witnesses;
    uint32_t voided;
};

/**
 * Write the body of a CLAIM.
 *
 * @param claim  all fields
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; HKP_DSM_CLAIM_MAX always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK                      written; sign it with hkp_dsm_envelope_sign()
 * @retval HKP_E_DSM_SCHEMA            a field is out of range
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 24 h
 * @retval HKP_E_DSM_CBOR_UTF8         the statement is no text
 * @retval HKP_E_NOSPC                 cap is too small
 *
 * Cost: no allocation.
 * Source: D-WIT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_build(const struct hkp_dsm_claim *claim, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Read the body of a CLAIM.
 *
 * @param in     [len] bytes, borrowed as long as the statement is used
 * @param len    bytes
 * @param claim  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no claim
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 24 h
 *
 * Cost: no allocation.
 * Source: D-WIT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_parse(const uint8_t *in, size_t len,
                                                    struct hkp_dsm_claim *claim);

/**
 * Write the body of a WITNESS.
 *
 * @param witness  all fields
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_WITNESS_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK            written; sign it with hkp_dsm_envelope_sign()
 * @retval HKP_E_DSM_SCHEMA  verdict or method is unknown
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-WIT-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_witness_build(const struct hkp_dsm_witness *witness, uint8_t *dst,
                                                      size_t cap, size_t *len);

/**
 * Read the body of a WITNESS.
 *
 * @param in       [len] bytes, borrowed for the call
 * @param len      bytes
 * @param witness  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no statement of a witness
 *
 * Cost: no allocation.
 * Source: D-WIT-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_witness_parse(const uint8_t *in, size_t len,
                                                      struct hkp_dsm_witness *witness);

/* ---- Claims and what is said about them ---------------------------------------------------------------- */

/** A bounded table of claims with their witnesses. */
typedef struct hkp_dsm_claim_table hkp_dsm_claim_table;

struct hkp_dsm_claim_table_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** most claims; 0: HKP_DSM_CLAIMS; 16..1024 */
    uint32_t claims_max;
    struct hkp_mem mem;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** required, copied; what it points to outlives the table */
    const struct hkp_dsm_directory *directory;
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
HKP_API void hkp_dsm_claim_table_options_init(struct hkp_dsm_claim_table_options *opt, size_t size);

/**
 * Make an empty table.
 *
 * @param out  receives the table, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   something required is missing or out of range
 * @retval HKP_E_TOOBIG  options ask for something that this build does not know
 * @retval HKP_E_NOMEM   no memory; out is untouched
 *
 * Cost: all memory that the table will ever use, about 1.9 KB a claim.
 * Source: dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_table_new(hkp_dsm_claim_table **out,
                                                        const struct hkp_dsm_claim_table_options *opt);

/**
 * Free a table.
 *
 * @param table  a table or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_claim_table_free(hkp_dsm_claim_table *table);

/**
 * Take a claim.
 *
 * @param table  a table
 * @param in     [len] envelope of kind CLAIM, borrowed for the call
 * @param len    bytes
 * @param now_s  Unix seconds (D-CERT-5)
 * @param id     [32] receives its id; untouched on failure
 *
 * @retval HKP_OK                      taken
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no claim
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 24 h
 * @retval HKP_E_DSM_TIME_AHEAD        created more than 300 s ahead
 * @retval HKP_E_DSM_EXPIRED           it has expired
 * @retval HKP_E_DSM_DUPLICATE         held already
 * @retval HKP_E_LIMIT                 no room: all claims held are open, or 64 open ones are of this group
 *
 * Cost: one Ed25519 verification, a search; no allocation.
 * Source: D-WIT-1, dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_table_claim(hkp_dsm_claim_table *table, const uint8_t *in,
                                                          size_t len, uint64_t now_s, uint8_t id[32]);

/**
 * Take what a witness says.
 *
 * @param table  a table
 * @param in     [len] envelope of kind WITNESS, borrowed for the call
 * @param len    bytes
 * @param now_s  Unix seconds (D-CERT-5)
 * @param tally  receives the count with it; untouched on failure
 *
 * @retval HKP_OK                      taken; a second verdict of one witness voids it
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_ROLE              its signer is no witness
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no statement of a witness
 * @retval HKP_E_NOTFOUND              the claim is not held
 * @retval HKP_E_DSM_EXPIRED           the claim has expired
 * @retval HKP_E_DSM_TIME              observed after the claim expires
 * @retval HKP_E_DSM_TIME_AHEAD        observed more than 300 s ahead
 * @retval HKP_E_DSM_TARGET            the witness is of the claimant's group and does not count
 * @retval HKP_E_DSM_DUPLICATE         this witness said that before, or is void
 * @retval HKP_E_LIMIT                 64 witnesses are held, or 16 further ones of groups that are there
 *
 * Cost: one Ed25519 verification, 64 x 64 comparisons; no allocation.
 * Source: D-WIT-2, D-WIT-3, dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_table_witness(hkp_dsm_claim_table *table, const uint8_t *in,
                                                            size_t len, uint64_t now_s,
                                                            struct hkp_dsm_tally *tally);

/**
 * Void a witness in all claims, when its key turned out to be in other hands.
 *
 * @param table    a table
 * @param node_id  [16] the witness
 *
 * @return number of claims that it had spoken about
 *
 * Cost: a search of the whole table.
 * Source: D-WIT-3, D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint32_t hkp_dsm_claim_table_void(hkp_dsm_claim_table *table, const uint8_t node_id[16]);

/**
 * How a claim stands.
 *
 * @param table  a table
 * @param id     [32] of the claim
 * @param now_s  Unix seconds
 * @param tally  filled; untouched on failure
 *
 * @retval HKP_OK          filled
 * @retval HKP_E_NOTFOUND  the claim is not held
 *
 * Cost: a search, 64 x 64 comparisons.
 * Source: D-WIT-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_claim_table_tally(const hkp_dsm_claim_table *table,
                                                          const uint8_t id[32], uint64_t now_s,
                                                          struct hkp_dsm_tally *tally);

/* ---- Portable proof ------------------------------------------------------------------------------------ */

/** One signed statement and the certificate of who signed it. */
struct hkp_dsm_attested {
    struct hkp_dsm_view envelope;
    struct hkp_dsm_view certificate;
};

/**
 * Write a portable proof of how a claim stands.
 *
 * @param chain_id     [32] name of the mesh
 * @param claim        the CLAIM
 * @param witnesses    [n] WITNESS statements, any order, borrowed for the call
 * @param n            1..64
 * @param dst          [cap] result; undefined on failure
 * @param cap          bytes; HKP_DSM_WITNESS_PROOF_MAX always suffices
 * @param len          bytes written; untouched on failure
 *
 * @retval HKP_OK       written; hkp_dsm_witness_proof_verify() judges it
 * @retval HKP_E_INVAL  n is out of range
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: one copy.
 * Source: D-WIT-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_witness_proof_build(const uint8_t chain_id[32],
                                                            const struct hkp_dsm_attested *claim,
                                                            const struct hkp_dsm_attested *witnesses,
                                                            size_t n, uint8_t *dst, size_t cap, size_t *len);

/**
 * Verify a portable proof and count what is in it.
 *
 * Who passes a proof on may have left statements out: CONFIRMED says that k groups confirm, not that nobody
 * else refuted. Certificates must have been valid at some time of the claim's life.
 *
 * @param in         [len] bytes, borrowed as long as the statement of claim is used
 * @param len        bytes, at most HKP_DSM_WITNESS_PROOF_MAX
 * @param chain_id   [32] name of the mesh that the verifier means
 * @param officers   CA sets that may have signed the certificates
 * @param directory  whose revoked() is asked; find may be NULL
 * @param now_s      Unix seconds: whether what is pending is expired
 * @param claim      receives the claim; untouched on failure
 * @param tally      receives the count; untouched on failure
 *
 * @retval HKP_OK                      every statement in it is signed by a witness with a certificate
 * @retval HKP_E_DSM_TOO_BIG           above HKP_DSM_WITNESS_PROOF_MAX
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR, or a part of it
 * @retval HKP_E_DSM_VERSION           a later version, or a part of one
 * @retval HKP_E_DSM_SCHEMA            not this object, or a part of it
 * @retval HKP_E_DSM_PROOF             of another mesh, or a statement about another claim
 * @retval HKP_E_DSM_KIND..            a part: codes of hkp_dsm_certificate_check(), hkp_dsm_claim_parse()
 * @retval HKP_E_DSM_SIGNER            a certificate of somebody else than the signer
 * @retval HKP_E_DSM_ROLE              a signer is no witness
 * @retval HKP_E_DSM_SIG               a statement is not signed by it
 * @retval HKP_E_DSM_TIME              observed after the claim expired
 *
 * Cost: no allocation; 1 + t Ed25519 verifications for each statement.
 * Source: D-WIT-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_witness_proof_verify(const uint8_t *in, size_t len,
                                                             const uint8_t chain_id[32],
                                                             const struct hkp_dsm_officers *officers,
                                                             const struct hkp_dsm_directory *directory,
                                                             uint64_t now_s, struct hkp_dsm_claim *claim,
                                                             struct hkp_dsm_tally *tally);

#ifdef __cplusplus
}
#endif

#endif
