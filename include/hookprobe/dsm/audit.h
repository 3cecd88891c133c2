/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: the audit log of a node (D-AUD-1 to D-AUD-3). Entries form a hash chain and are the leaves of
 * an RFC 9162 tree of which only the right edge is kept; signed heads name its root. Entries are handed to
 * the host, which stores them and gives them back for verification and proofs.
 */
#ifndef HOOKPROBE_DSM_AUDIT_H
#define HOOKPROBE_DSM_AUDIT_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_directory;

/** Classes of entries (D-AUD-1). */
enum {
    HKP_DSM_AUDIT_ENROLMENT = 1,
    HKP_DSM_AUDIT_ATTESTATION = 2,
    HKP_DSM_AUDIT_VALIDATION = 3,
    HKP_DSM_AUDIT_REVOCATION = 4,
    HKP_DSM_AUDIT_ROTATION = 5,
    HKP_DSM_AUDIT_POLICY = 6,
    HKP_DSM_AUDIT_WORKLOAD = 7,
    HKP_DSM_AUDIT_MODEL = 8,
    HKP_DSM_AUDIT_EXPORT = 9,
    HKP_DSM_AUDIT_CONFIGURATION = 10,
    HKP_DSM_AUDIT_SESSION = 11,
    HKP_DSM_AUDIT_BLOCKING = 12
};

/** Sizes that callers need for buffers, bytes; and entries between two heads. */
enum {
    HKP_DSM_AUDIT_ENTRY_MAX = 112,
    /** an AUDIT_HEAD with its envelope */
    HKP_DSM_AUDIT_HEAD_MAX = 256,
    HKP_DSM_AUDIT_STATE_MAX = 2304,
    HKP_DSM_AUDIT_PROOF_MAX = 2176,
    HKP_DSM_AUDIT_HEAD_ENTRIES = 256
};

/** One entry of a log. */
struct hkp_dsm_audit_entry {
    uint64_t index;
    /** microseconds, Unix */
    uint64_t time_us;
    /** HKP_DSM_AUDIT_ENROLMENT..BLOCKING */
    uint32_t type;
    /** must be ignored */
    uint32_t reserved0;
    uint8_t actor[16];
    /** digest of what the entry is about */
    uint8_t data[32];
    /** hash of the entry before; zeros for index 0 */
    uint8_t prev[32];
};

/** A signed head of a log. */
struct hkp_dsm_audit_head {
    /** entries that it covers */
    uint64_t size;
    /** microseconds, Unix */
    uint64_t time_us;
    uint64_t previous_size;
    uint8_t root[32];
    uint8_t previous_root[32];
    /** whose log */
    uint8_t node_id[16];
};

/** Log of one node, as its owner writes it or as somebody else reads it again. */
typedef struct hkp_dsm_audit hkp_dsm_audit;

struct hkp_dsm_audit_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** must be 0 */
    uint32_t reserved0;
    struct hkp_mem mem;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** [16] whose log; required, copied */
    const uint8_t *node_id;
    /** [64] Ed25519 secret of the owner, copied and wiped at the end; NULL: the log is only read */
    const uint8_t *secret;
    /** [state_len] what hkp_dsm_audit_save() wrote; NULL: an empty log */
    const uint8_t *state;
    size_t state_len;
};

struct hkp_dsm_audit_status {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** must be ignored */
    uint32_t reserved0;
    /** entries */
    uint64_t size;
    /** entries reported durable */
    uint64_t stored;
    /** entries under the newest head, 0: no head yet */
    uint64_t headed;
    /** root over all entries */
    uint8_t root[32];
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
HKP_API void hkp_dsm_audit_options_init(struct hkp_dsm_audit_options *opt, size_t size);

/**
 * Make a log: an empty one, or one that goes on from a saved state.
 *
 * Entries stored behind that state follow with hkp_dsm_audit_replay().
 *
 * @param out  receives the log, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK                      made
 * @retval HKP_E_INVAL                 chain_id or node_id is missing
 * @retval HKP_E_TOOBIG                options ask for something that this build does not know
 * @retval HKP_E_NOMEM                 no memory; out is untouched
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  state is no canonical CBOR
 * @retval HKP_E_DSM_VERSION           state of a later version
 * @retval HKP_E_DSM_SCHEMA            no state of a log
 *
 * Cost: one allocation of about 2.5 KB, all that the log ever uses.
 * Source: D-AUD-1, D-AUD-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_new(hkp_dsm_audit **out,
                                                  const struct hkp_dsm_audit_options *opt);

/**
 * Wipe and free a log.
 *
 * @param audit  a log or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_audit_free(hkp_dsm_audit *audit);

/**
 * Append an entry and write its bytes, which the host stores.
 *
 * @param audit    a log with a secret
 * @param now      nanoseconds, monotonic
 * @param time_us  microseconds, Unix
 * @param type     HKP_DSM_AUDIT_ENROLMENT..BLOCKING
 * @param actor    [16] who did it, node_id or zeros
 * @param data     [32] digest of what was done
 * @param dst      [cap] the entry; undefined on failure
 * @param cap      bytes; HKP_DSM_AUDIT_ENTRY_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK       appended; report it with hkp_dsm_audit_stored() once it is durable
 * @retval HKP_E_INVAL  type is unknown
 * @retval HKP_E_STATE  the log is only read
 * @retval HKP_E_LIMIT  256 entries have no head yet: take one first
 * @retval HKP_E_NOSPC  cap is too small; nothing changed
 *
 * Cost: two hashes of the entry, at most 62 of the tree (two on average); no allocation.
 * Source: D-AUD-1, D-AUD-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_append(hkp_dsm_audit *audit, hkp_time now, uint64_t time_us,
                                                     uint32_t type, const uint8_t actor[16],
                                                     const uint8_t data[32], uint8_t *dst, size_t cap,
                                                     size_t *len);

/**
 * Entries below a number are durable.
 *
 * @param audit  a log
 * @param size   entries that are durable, from index 0 on
 *
 * @retval HKP_OK       taken
 * @retval HKP_E_INVAL  more than there are
 *
 * Cost: none.
 * Source: D-AUD-2; decision 0431.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_stored(hkp_dsm_audit *audit, uint64_t size);

/**
 * When a head is due.
 *
 * @param audit  a log
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if every entry is under a head or the log is only read
 *
 * Cost: none.
 * Source: D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_time hkp_dsm_audit_wake(const hkp_dsm_audit *audit);

/**
 * Sign a head over all entries, for an AUDIT microblock.
 *
 * @param audit    a log with a secret
 * @param now      nanoseconds, monotonic
 * @param time_us  microseconds, Unix
 * @param force    1: also before it is due, as at a clean stop; 0: only when due
 * @param dst      [cap] envelope of kind AUDIT_HEAD; undefined on failure
 * @param cap      bytes; HKP_DSM_AUDIT_HEAD_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  not due, or no entry since the last head
 * @retval HKP_E_STATE     entries are not durable yet, or the log is only read
 * @retval HKP_E_NOSPC     cap is too small; nothing changed
 *
 * Cost: at most 62 hashes, one Ed25519 signature; no allocation.
 * Source: D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_head(hkp_dsm_audit *audit, hkp_time now, uint64_t time_us,
                                                   int32_t force, uint8_t *dst, size_t cap, size_t *len);

/**
 * Take a stored entry, the next one: at a start, or to verify somebody's log.
 *
 * @param audit  a log
 * @param in     [len] the entry, borrowed for the call
 * @param len    bytes
 *
 * @retval HKP_OK                      taken
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            no entry
 * @retval HKP_E_DSM_GAP               an entry before it is missing: deleted or moved
 * @retval HKP_E_DSM_OLD               an entry of this index was taken: inserted or moved
 * @retval HKP_E_DSM_PREV              the entry before was another one: edited or replaced
 *
 * Cost: as hkp_dsm_audit_append().
 * Source: D-AUD-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_replay(hkp_dsm_audit *audit, const uint8_t *in, size_t len);

/**
 * Hold the log, as far as it was replayed, against a head, and note the head as the newest one if it agrees.
 *
 * To find the head of an older log, stop the replay at its size.
 *
 * @param audit  a log
 * @param head   a head that hkp_dsm_audit_head_check() accepted
 *
 * @retval HKP_OK              size and root are those of the head
 * @retval HKP_E_DSM_NODE_ID   head of another node
 * @retval HKP_E_DSM_GAP       the log ends before the head: entries were cut off
 * @retval HKP_E_STATE         the log goes beyond the head
 * @retval HKP_E_DSM_PROOF     another root: entries were changed, and the chain behind them rebuilt
 *
 * Cost: at most 62 hashes.
 * Source: D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_agree(hkp_dsm_audit *audit,
                                                    const struct hkp_dsm_audit_head *head);

/**
 * Write the state of a log, from which a later start goes on without reading all entries.
 *
 * @param audit  a log
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; HKP_DSM_AUDIT_STATE_MAX always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_save(const hkp_dsm_audit *audit, uint8_t *dst, size_t cap,
                                                   size_t *len);

/**
 * How a log stands.
 *
 * @param audit   a log
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: at most 62 hashes.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_status(const hkp_dsm_audit *audit,
                                                     struct hkp_dsm_audit_status *status);

/**
 * Read an entry.
 *
 * @param in     [len] bytes, borrowed for the call
 * @param len    bytes
 * @param entry  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            no entry
 *
 * Cost: no allocation.
 * Source: D-AUD-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_entry_parse(const uint8_t *in, size_t len,
                                                          struct hkp_dsm_audit_entry *entry);

/**
 * Check a signed head.
 *
 * @param in         [len] envelope of kind AUDIT_HEAD, borrowed for the call
 * @param len        bytes
 * @param chain_id   [32] name of the mesh
 * @param directory  certificates and revocations
 * @param at_s       Unix seconds at which its signer's certificate must hold: now, or the time of the
 *                   microblock that carried it (D-CERT-2)
 * @param head       result; untouched on failure
 *
 * @retval HKP_OK                      signed by a node with a certificate
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no head, or sizes and roots that cannot be
 *
 * Cost: one Ed25519 verification.
 * Source: D-ENV-2, D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_head_check(const uint8_t *in, size_t len,
                                                         const uint8_t chain_id[32],
                                                         const struct hkp_dsm_directory *directory,
                                                         uint64_t at_s, struct hkp_dsm_audit_head *head);

/**
 * Does a head name the one before it?
 *
 * @param old   a checked head
 * @param head  a checked head, later
 *
 * @retval HKP_OK              it follows
 * @retval HKP_E_DSM_NODE_ID   of another node
 * @retval HKP_E_DSM_STALE     not larger than old
 * @retval HKP_E_DSM_GAP       a head between them is missing: ask for it, or for a consistency proof
 * @retval HKP_E_DSM_PREV      it names a head before old: a consistency proof decides
 * @retval HKP_E_DSM_FORK      it names another root of that size: two logs of one node
 *
 * Cost: none.
 * Source: D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_head_follows(const struct hkp_dsm_audit_head *old,
                                                           const struct hkp_dsm_audit_head *head);

/**
 * Read a head without judging who signed it.
 *
 * @param in    [len] envelope of kind AUDIT_HEAD, borrowed for the call
 * @param len   bytes
 * @param head  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no head, or sizes and roots that cannot be
 *
 * Cost: no allocation.
 * Source: D-AUD-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_head_read(const uint8_t *in, size_t len,
                                                        struct hkp_dsm_audit_head *head);

/* ---- Proofs -------------------------------------------------------------------------------------------- */

/** Makes one proof from entries that are read once, in order; keeps the hashes of the proof only. */
typedef struct hkp_dsm_audit_prover hkp_dsm_audit_prover;

/**
 * Begin a proof that an entry stands under a head.
 *
 * @param out    receives the prover, owned by the caller
 * @param mem    allocator, or NULL: malloc and free
 * @param index  of the entry
 * @param size   of the head; above index
 *
 * @retval HKP_OK       begun; feed all entries below size
 * @retval HKP_E_INVAL  index is not below size, or size above 2^62
 * @retval HKP_E_NOMEM  no memory; out is untouched
 *
 * Cost: one allocation of about 6 KB.
 * Source: D-MRK-2; RFC 9162 2.1.3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_prover_inclusion(hkp_dsm_audit_prover **out,
                                                               const struct hkp_mem *mem, uint64_t index,
                                                               uint64_t size);

/**
 * Begin a proof that the log of one head only grew until another.
 *
 * @param out       receives the prover, owned by the caller
 * @param mem       allocator, or NULL: malloc and free
 * @param old_size  of the older head, 1 or more
 * @param new_size  of the newer head; at least old_size
 *
 * @retval HKP_OK       begun; feed all entries below new_size
 * @retval HKP_E_INVAL  sizes out of range
 * @retval HKP_E_NOMEM  no memory; out is untouched
 *
 * Cost: one allocation of about 6 KB.
 * Source: D-MRK-3; RFC 9162 2.1.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_prover_consistency(hkp_dsm_audit_prover **out,
                                                                 const struct hkp_mem *mem, uint64_t old_size,
                                                                 uint64_t new_size);

/**
 * Take the next entry, from index 0 on.
 *
 * @param prover  a prover
 * @param in      [len] the stored entry, borrowed for the call
 * @param len     bytes
 *
 * @retval HKP_OK                      taken, or above what is needed
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            no entry
 * @retval HKP_E_DSM_GAP               not the next one
 *
 * Cost: one hash of the entry, two of the tree on average.
 * Source: D-MRK-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_prover_feed(hkp_dsm_audit_prover *prover, const uint8_t *in,
                                                          size_t len);

/**
 * Write the proof.
 *
 * @param prover  a prover that got all entries
 * @param dst     [cap] canonical CBOR of D-MRK-2 or D-MRK-3; undefined on failure
 * @param cap     bytes; HKP_DSM_AUDIT_PROOF_MAX always suffices
 * @param len     bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_STATE  entries are missing
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: one copy.
 * Source: D-MRK-2, D-MRK-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_prover_write(const hkp_dsm_audit_prover *prover, uint8_t *dst,
                                                           size_t cap, size_t *len);

/**
 * Free a prover.
 *
 * @param prover  a prover or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_audit_prover_free(hkp_dsm_audit_prover *prover);

/**
 * Verify that an entry stands under a head.
 *
 * @param proof      [proof_len] D-MRK-2, borrowed for the call
 * @param proof_len  bytes
 * @param in         [len] the entry, borrowed for the call
 * @param len        bytes
 * @param head       a checked head
 * @param entry      receives the entry; untouched on failure
 *
 * @retval HKP_OK                      it does
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  proof or entry is no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            proof or entry is not of its form
 * @retval HKP_E_DSM_PROOF             of another size, another index, or another root comes out
 *
 * Cost: at most 63 hashes; no allocation.
 * Source: D-MRK-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_included(const uint8_t *proof, size_t proof_len,
                                                       const uint8_t *in, size_t len,
                                                       const struct hkp_dsm_audit_head *head,
                                                       struct hkp_dsm_audit_entry *entry);

/**
 * Verify that a log only grew from one head to another.
 *
 * @param proof      [proof_len] D-MRK-3, borrowed for the call
 * @param proof_len  bytes
 * @param old        a checked head
 * @param head       a checked head of the same node, not smaller
 *
 * @retval HKP_OK                      it did
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not of this form
 * @retval HKP_E_DSM_NODE_ID           heads of two nodes
 * @retval HKP_E_DSM_PROOF             of other sizes, or other roots come out
 *
 * Cost: at most 124 hashes; no allocation.
 * Source: D-MRK-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_audit_consistent(const uint8_t *proof, size_t proof_len,
                                                         const struct hkp_dsm_audit_head *old,
                                                         const struct hkp_dsm_audit_head *head);

#ifdef __cplusplus
}
#endif

#endif
