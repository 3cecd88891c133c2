/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: an officer of the certificate authority. What it promised, as a record that only grows; what
 * it may sign; its signature, which is given only for what the record holds (D-CA-3 to D-CA-6).
 *
 * The host keeps the record in a file, and beside it a mark that says how long the record must be. For each
 * object: judge, promise, append the new bytes to the file and make them durable, replace the mark and make
 * it durable, sign. A record that is shorter than its mark, or changed, signs nothing.
 */
#ifndef HOOKPROBE_DSM_OFFICER_H
#define HOOKPROBE_DSM_OFFICER_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits; sizes in bytes. */
enum {
    HKP_DSM_RECORD_MAX = 64 * 1024 * 1024,
    HKP_DSM_RECORD_ENTRY_MAX = 256,
    HKP_DSM_MARK_MAX = 64,
    /** a token that admits a node; 32 random bytes are good */
    HKP_DSM_TOKEN_MIN = 16,
    HKP_DSM_TOKEN_MAX = 256,
    /** seconds between an officer's clock and the start of what it signs: files travel slowly */
    HKP_DSM_ISSUE_WINDOW_S = 7 * 86400,
    /** seconds after its end in which a certificate is renewed */
    HKP_DSM_RENEWAL_S = 90 * 86400,
    /** seconds after the last certificate's end in which a revocation stays listed */
    HKP_DSM_LISTED_S = 35 * 86400
};

/** What an officer binds itself to by a signature: of this subject and number it signs no other body. */
struct hkp_dsm_promise {
    /** certificate: the node; ORDER: u64 of the scope; else zeros */
    uint8_t subject[16];
    /** of the object (D-SIG-4) */
    uint8_t id[32];
    /** digest of the token that is used up */
    uint8_t token[32];
    /** serial, number, version or epoch */
    uint64_t number;
    /** end of a certificate, Unix seconds; else 0 */
    uint64_t not_after_s;
    /** HKP_DSM_KIND_CERTIFICATE..ORDER */
    uint32_t kind;
    /** 1: token is set */
    uint32_t has_token;
};

/** A record in memory; the bytes are the caller's. */
struct hkp_dsm_record {
    /** [cap] the entries, of which len bytes are filled */
    uint8_t *bytes;
    size_t len;
    size_t cap;
    uint64_t n_entries;
    /** digest of all entries */
    uint8_t head[32];
    uint8_t chain_id[32];
    /** the officer's key */
    uint8_t officer[32];
    /** 1: the record was found incomplete once; this key signs nothing any more */
    uint32_t is_lost;
    /** must be ignored */
    uint32_t reserved0;
};

/** What an officer is asked to sign, and what it knows. Views are borrowed for the call; absent is empty. */
struct hkp_dsm_matter {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_KIND_CERTIFICATE, _REVOCATION_LIST, _CA_SET, _RESTART or _ORDER */
    uint32_t kind;
    /** of the object */
    struct hkp_dsm_view body;
    /** the officer's clock, Unix seconds */
    uint64_t now_s;
    /** the set that issues now; required */
    const struct hkp_dsm_ca_set *set;
    /** sets that verify what is older, with scratch for the list; required */
    const struct hkp_dsm_officers *officers;
    /** certificate: the node's request (envelope); required */
    struct hkp_dsm_view request;
    /** certificate: the token that the officer has of somebody it knows; empty: a renewal */
    struct hkp_dsm_view token;
    /** renewal: the certificate that is renewed (multi) */
    struct hkp_dsm_view certificate;
    /** the newest revocation list that is known (multi) */
    struct hkp_dsm_view list;
};

/**
 * Digest of a token, as a request carries it.
 *
 * @param digest    [32] result
 * @param chain_id  [32] name of the mesh
 * @param token     [len] borrowed
 * @param len       bytes, HKP_DSM_TOKEN_MIN..HKP_DSM_TOKEN_MAX
 *
 * Cost: one hash.
 * Source: D-CA-3, decision 0461.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_token_digest(uint8_t digest[32], const uint8_t chain_id[32], const uint8_t *token,
                                  size_t len);

/* ---- The record (D-CA-4) ------------------------------------------------------------------------------- */

/**
 * Begin the record of a new key.
 *
 * @param record    result; untouched on failure
 * @param bytes     [cap] room, owned by the caller as long as record is used
 * @param cap       bytes, at least HKP_DSM_RECORD_ENTRY_MAX
 * @param chain_id  [32] name of the mesh
 * @param officer   [32] the officer's key
 *
 * @retval HKP_OK       one entry was written: make it and its mark durable, and never begin again
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: one hash.
 * Source: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_begin(struct hkp_dsm_record *record, uint8_t *bytes,
                                                     size_t cap, const uint8_t chain_id[32],
                                                     const uint8_t officer[32]);

/**
 * Open a record that was read.
 *
 * What follows behind the mark was never signed. A torn entry there is left out: record->len is then below
 * len, and the host cuts the file before it appends.
 *
 * @param record    result; untouched on failure
 * @param bytes     [cap] the file, borrowed as long as record is used
 * @param len       bytes of the file, at most cap
 * @param cap       bytes that may be written
 * @param mark      [mark_len] what hkp_dsm_record_mark() wrote last
 * @param mark_len  bytes
 * @param chain_id  [32] name of the mesh
 * @param officer   [32] the officer's key
 *
 * @retval HKP_OK                 whole, as far as the mark reaches
 * @retval HKP_E_DSM_WAL_CORRUPT  missing, shorter than the mark, or changed; this key must sign no more
 * @retval HKP_E_DSM_TARGET       of another mesh or officer
 *
 * Cost: one hash for each entry; no allocation.
 * Source: D-CA-4, decision 0460.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_open(struct hkp_dsm_record *record, uint8_t *bytes, size_t len,
                                                    size_t cap, const uint8_t *mark, size_t mark_len,
                                                    const uint8_t chain_id[32], const uint8_t officer[32]);

/**
 * Write the mark of a record that is durable.
 *
 * @param record  a record
 * @param dst     [cap] result; undefined on failure
 * @param cap     bytes; HKP_DSM_MARK_MAX always suffices
 * @param len     bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: none.
 * Source: D-CA-4, decision 0460.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_mark(const struct hkp_dsm_record *record, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Record a promise. Nothing is added if it is the newest one already: the same body may be signed again.
 *
 * @param record   grows by one entry, or not; untouched on failure
 * @param promise  as hkp_dsm_officer_judge() made it
 *
 * @retval HKP_OK                 it stands in the record; sign when the file is durable
 * @retval HKP_E_DSM_FORK         another body of this number was promised
 * @retval HKP_E_DSM_STALE        a higher number was promised
 * @retval HKP_E_DSM_DUPLICATE    the token was used for something else
 * @retval HKP_E_DSM_REVOKED      the node is barred for good
 * @retval HKP_E_DSM_WAL_CORRUPT  the record was found incomplete once
 * @retval HKP_E_INVAL            kind is none that officers promise
 * @retval HKP_E_NOSPC            cap of the record is too small
 *
 * Cost: one pass over the record.
 * Source: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_promise(struct hkp_dsm_record *record,
                                                       const struct hkp_dsm_promise *promise);

/**
 * Record that a node is barred for good: it is never certified again. Nothing is added if it is known.
 *
 * @param record   grows by one entry, or not; untouched on failure
 * @param node_id  [16] the node
 *
 * @retval HKP_OK       recorded
 * @retval HKP_E_NOSPC  cap of the record is too small
 *
 * Cost: one pass over the record.
 * Source: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_bar(struct hkp_dsm_record *record, const uint8_t node_id[16]);

/**
 * Record that the record is incomplete: nothing is signed any more.
 *
 * @param record  grows by one entry, or not
 *
 * @retval HKP_OK       recorded
 * @retval HKP_E_NOSPC  cap of the record is too small
 *
 * Cost: one hash.
 * Source: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_lose(struct hkp_dsm_record *record);

/**
 * The newest promise for a subject.
 *
 * @param record   a record
 * @param kind     HKP_DSM_KIND_CERTIFICATE..ORDER
 * @param subject  [16] as in struct hkp_dsm_promise
 * @param promise  result; untouched if there is none
 *
 * @retval HKP_OK          found
 * @retval HKP_E_NOTFOUND  nothing was promised for it
 *
 * Cost: one pass over the record.
 * Source: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_record_find(const struct hkp_dsm_record *record, uint32_t kind,
                                                    const uint8_t subject[16],
                                                    struct hkp_dsm_promise *promise);

/* ---- What an officer signs ----------------------------------------------------------------------------- */

/**
 * Whether an officer may sign a body, by all rules but those that need its record; what it would promise.
 *
 * @param record   a record; for the mesh it is of, and for what was promised of a list
 * @param matter   what is asked, and what is known
 * @param promise  result; untouched on failure
 *
 * @retval HKP_OK                      it may; hkp_dsm_record_promise() has the last word
 * @retval HKP_E_INVAL                 something required is missing
 * @retval HKP_E_TOOBIG                matter asks for something that this build does not know
 * @retval HKP_E_DSM_KIND              no kind that officers promise
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  body, request or list are no canonical CBOR
 * @retval HKP_E_DSM_VERSION..         or not of their form: _VERSION, _SCHEMA, _NODE_ID, _QUORUM
 * @retval HKP_E_DSM_SIG..             request, certificate or list are not signed as they must be
 * @retval HKP_E_DSM_VALIDITY          it begins too far from now, has ended, or lasts too long; list: an
 *                                     entry that changed is dated otherwise than now
 * @retval HKP_E_DSM_TARGET            certificate and request, or old certificate, do not agree
 * @retval HKP_E_DSM_ATTEST            no token and nothing to renew, or the token is another one
 * @retval HKP_E_DSM_EXPIRED           renewal: ended more than 90 days ago
 * @retval HKP_E_DSM_ROLE              renewal: group, roles, tier or neuro_gen would change
 * @retval HKP_E_UNSUPPORTED           a certificate with a BLS key, and this build has no blst to check it
 * @retval HKP_E_DSM_REVOKED           serial is revoked; or a list that lets a revoked node count again
 * @retval HKP_E_DSM_STALE             number is not above what is known
 * @retval HKP_E_DSM_PREV              list: key 5 names another list than the newest that is known, of the
 *                                     number before
 * @retval HKP_E_DSM_GAP               list: the one that key 5 names is not known, or its number is more than
 *                                     1024 above what is known and was promised
 * @retval HKP_E_NOSPC                 scratch of officers is too small
 *
 * Cost: at most 15 Ed25519 verifications, a pass over both lists; no allocation.
 * Source: D-CA-3 to D-CA-6, D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_officer_judge(const struct hkp_dsm_record *record,
                                                      const struct hkp_dsm_matter *matter,
                                                      struct hkp_dsm_promise *promise);

/**
 * Whether the officer's own signature stands on something that its record does not know: then the record is
 * an old copy. Call it with everything that other officers hand over.
 *
 * @param record    a record
 * @param officers  sets that are known, with scratch
 * @param multi     a parsed object, complete or not
 *
 * @retval HKP_OK                 no sign of it
 * @retval HKP_E_DSM_WAL_CORRUPT  it is: call hkp_dsm_record_lose()
 * @retval HKP_E_NOSPC            scratch is too small
 *
 * Cost: at most one Ed25519 verification, a pass over the record.
 * Source: D-CA-4, decision 0460.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_officer_seen(const struct hkp_dsm_record *record,
                                                     const struct hkp_dsm_officers *officers,
                                                     const struct hkp_dsm_multi *multi);

/**
 * Add the officer's signature to an object, if its record holds the promise.
 *
 * @param record       a record whose bytes are durable
 * @param set          the set that issues now
 * @param multi        kind, ca_version, body, and the signatures that it has, none allowed
 * @param secret       [64] Ed25519 secret of the officer; not kept
 * @param scratch      [scratch_len] bytes to work in, or NULL: bodies above 1024 bytes need their length + 64
 * @param scratch_len  bytes
 * @param dst          [cap] the object with one signature more; undefined on failure
 * @param cap          bytes
 * @param len          bytes written; untouched on failure
 *
 * @retval HKP_OK                   signed; complete with threshold signatures
 * @retval HKP_E_STATE              the record does not hold this promise
 * @retval HKP_E_LIMIT              it has its signatures already
 * @retval HKP_E_DSM_DUPLICATE      this officer has signed it
 * @retval HKP_E_DSM_SIGNER         secret is not of the record's officer, or not in the set
 * @retval HKP_E_DSM_CA_VERSION     for another set
 * @retval HKP_E_DSM_SIG_ORDER..    a signature that it has: _SIG_ORDER, _SIGNER, _SIG
 * @retval HKP_E_DSM_WAL_CORRUPT    the record was found incomplete once
 * @retval HKP_E_DSM_KIND, HKP_E_DSM_CBOR_TRUNCATED.., HKP_E_DSM_VERSION..  no such body
 * @retval HKP_E_NOSPC              cap or scratch is too small
 *
 * Cost: one Ed25519 signature, at most 6 verifications, a pass over the record.
 * Source: D-MULTI-3, D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_officer_sign(
    const struct hkp_dsm_record *record, const struct hkp_dsm_ca_set *set, const struct hkp_dsm_multi *multi,
    const uint8_t secret[64], uint8_t *scratch, size_t scratch_len, uint8_t *dst, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
