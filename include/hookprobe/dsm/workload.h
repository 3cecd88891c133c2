/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: what operators, schedulers and officers tell nodes to do (D-AUD-5, D-AUD-6), and the object
 * that decides for one node whether it does it.
 */
#ifndef HOOKPROBE_DSM_WORKLOAD_H
#define HOOKPROBE_DSM_WORKLOAD_H

#include <hookprobe/dsm.h>
#include <hookprobe/dsm/directory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_dsm_directory;

/** Scopes of orders (D-AUD-6). POLICY has scopes from HKP_DSM_POLICY_SCOPE_MIN on, or names. */
enum {
    HKP_DSM_ORDER_WORKLOAD = 1,
    HKP_DSM_ORDER_VPN = 2,
    HKP_DSM_ORDER_MEASUREMENT = 3,
    HKP_DSM_ORDER_STEALTH = 4,
    HKP_DSM_ORDER_RESET = 5,
    HKP_DSM_POLICY_SCOPE_MIN = 6
};

/** Limits; sizes in bytes. */
enum {
    HKP_DSM_ARGUMENTS_MAX = 64,
    HKP_DSM_INPUTS_MAX = 64,
    /** body of a WORKLOAD, POLICY or ASSIGN */
    HKP_DSM_CONTROL_BODY_MAX = 16384,
    HKP_DSM_ORDER_BODY_MAX = 65536,
    /** scopes of POLICY that a node remembers, workloads that orders allow, running ones, nonces */
    HKP_DSM_SCOPES = 256,
    HKP_DSM_ALLOWED = 64,
    HKP_DSM_RUNS = 64,
    HKP_DSM_START_NONCES = 1024,
    /** saved state of a control object */
    HKP_DSM_CONTROL_STATE_MAX = 65536
};

/** Body of a WORKLOAD; views lie inside the parsed bytes. */
struct hkp_dsm_workload {
    uint8_t workload_id[16];
    /** SHA-256 or another digest of the image, as the host computes it */
    uint8_t image[32];
    /** from 1 on */
    uint64_t version;
    uint64_t memory_bytes;
    uint64_t disk_bytes;
    uint64_t not_before_s;
    uint64_t not_after_s;
    /** thousandths of a processor, 1 or more */
    uint32_t cpu_milli;
    /** bit t - 1 for tier t, 1..31 */
    uint32_t tiers;
    uint32_t n_arguments;
    uint32_t n_inputs;
    /** UTF-8, not terminated */
    struct hkp_dsm_view arguments[64];
    /** [32] digest each */
    const uint8_t *inputs[64];
};

/** Body of an ASSIGN. */
struct hkp_dsm_assign {
    /** id of the WORKLOAD object */
    uint8_t workload[32];
    /** who is to run it */
    uint8_t node_id[16];
    uint8_t nonce[16];
    uint64_t not_before_s;
    uint64_t not_after_s;
};

/** Body of a POLICY. */
struct hkp_dsm_policy {
    /** 1..2^32-1; 0: name is the scope */
    uint32_t scope;
    /** 1..2^32-1 */
    uint32_t version;
    uint8_t name[16];
    /** what the policy says; inside the parsed bytes */
    struct hkp_dsm_view bytes;
    /** Unix seconds; 2^64-1 if it has no end */
    uint64_t not_after_s;
    /** 1: not_after_s is written, or was read */
    uint32_t has_not_after;
    /** must be ignored */
    uint32_t reserved0;
};

/** Body of an ORDER. */
struct hkp_dsm_order {
    /** HKP_DSM_ORDER_WORKLOAD..RESET */
    uint64_t scope;
    /** from 1 on */
    uint64_t number;
    /** what is ordered; inside the parsed bytes */
    struct hkp_dsm_view bytes;
    /** Unix seconds; 2^64-1 if it has no end */
    uint64_t not_after_s;
    /** 1: not_after_s is written, or was read */
    uint32_t has_not_after;
    /** must be ignored */
    uint32_t reserved0;
};

/**
 * Write the body of a WORKLOAD.
 *
 * @param workload  all fields
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; HKP_DSM_CONTROL_BODY_MAX is the limit of an envelope
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK               written; sign it with hkp_dsm_envelope_sign()
 * @retval HKP_E_DSM_SCHEMA     a field is out of range
 * @retval HKP_E_DSM_VALIDITY   the window is empty
 * @retval HKP_E_DSM_CBOR_UTF8  an argument is no text
 * @retval HKP_E_NOSPC          cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_workload_build(const struct hkp_dsm_workload *workload, uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Read the body of a WORKLOAD, without judging who signed it.
 *
 * @param in        [len] bytes, borrowed as long as views of workload are used
 * @param len       bytes
 * @param workload  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no workload
 * @retval HKP_E_DSM_VALIDITY          the window is empty
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_workload_parse(const uint8_t *in, size_t len,
                                                       struct hkp_dsm_workload *workload);

/**
 * Write the body of an ASSIGN.
 *
 * @param assign  all fields; nonce random
 * @param dst     [cap] result; undefined on failure
 * @param cap     bytes; 128 always suffice
 * @param len     bytes written; untouched on failure
 *
 * @retval HKP_OK              written; sign it with hkp_dsm_envelope_sign()
 * @retval HKP_E_DSM_VALIDITY  the window is empty
 * @retval HKP_E_NOSPC         cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_assign_build(const struct hkp_dsm_assign *assign, uint8_t *dst,
                                                     size_t cap, size_t *len);

/**
 * Read the body of an ASSIGN, without judging who signed it.
 *
 * @param in      [len] bytes, borrowed for the call
 * @param len     bytes
 * @param assign  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no assignment
 * @retval HKP_E_DSM_VALIDITY          the window is empty
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_assign_parse(const uint8_t *in, size_t len,
                                                     struct hkp_dsm_assign *assign);

/**
 * Write the body of a POLICY.
 *
 * @param policy  all fields
 * @param dst     [cap] result; undefined on failure
 * @param cap     bytes; HKP_DSM_CONTROL_BODY_MAX is the limit of an envelope
 * @param len     bytes written; untouched on failure
 *
 * @retval HKP_OK            written; sign it with hkp_dsm_envelope_sign()
 * @retval HKP_E_DSM_SCHEMA  version is 0
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_policy_build(const struct hkp_dsm_policy *policy, uint8_t *dst,
                                                     size_t cap, size_t *len);

/**
 * Read the body of a POLICY, without judging who signed it.
 *
 * @param in      [len] bytes, borrowed as long as bytes of policy is used
 * @param len     bytes
 * @param policy  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no policy
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_policy_parse(const uint8_t *in, size_t len,
                                                     struct hkp_dsm_policy *policy);

/**
 * Write the body of an ORDER, for officers to sign with hkp_dsm_multi_sign().
 *
 * @param order  all fields
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; HKP_DSM_ORDER_BODY_MAX is the limit
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  scope or number out of range, or bytes not of the size that the scope fixes
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_order_build(const struct hkp_dsm_order *order, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Read the body of an ORDER, without judging who signed it.
 *
 * @param in     [len] bytes, borrowed as long as bytes of order is used
 * @param len    bytes
 * @param order  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no order, or bytes not of the size that the scope fixes
 *
 * Cost: no allocation.
 * Source: D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_order_parse(const uint8_t *in, size_t len,
                                                    struct hkp_dsm_order *order);

/* ---- What this node does ------------------------------------------------------------------------------- */

/** Policies and orders in force on one node, and the workloads that it runs. */
typedef struct hkp_dsm_control hkp_dsm_control;

struct hkp_dsm_control_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** tier of this node, 1..5 */
    uint32_t tier;
    struct hkp_mem mem;
    /** [32] name of the mesh; required, copied */
    const uint8_t *chain_id;
    /** [16] this node; required, copied */
    const uint8_t *node_id;
    /** required, copied; what it points to outlives the object */
    const struct hkp_dsm_directory *directory;
    /** [state_len] what hkp_dsm_control_save() wrote; NULL: nothing was ever taken */
    const uint8_t *state;
    size_t state_len;
};

/** A workload that may start. */
struct hkp_dsm_start {
    /** id of the ASSIGN: names this run */
    uint8_t run[32];
    /** id of the WORKLOAD object */
    uint8_t object[32];
    /** Unix seconds at which it must end */
    uint64_t until_s;
    /** views lie inside the given bytes */
    struct hkp_dsm_workload workload;
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
HKP_API void hkp_dsm_control_options_init(struct hkp_dsm_control_options *opt, size_t size);

/**
 * Make a control object.
 *
 * @param out  receives the object, owned by the caller
 * @param opt  options, borrowed for the call
 *
 * @retval HKP_OK                      made
 * @retval HKP_E_INVAL                 something required is missing or out of range
 * @retval HKP_E_TOOBIG                options ask for something that this build does not know
 * @retval HKP_E_NOMEM                 no memory; out is untouched
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  state is no canonical CBOR
 * @retval HKP_E_DSM_VERSION           state of a later version
 * @retval HKP_E_DSM_SCHEMA            no such state
 *
 * Cost: one allocation of about 55 KB, all that the object ever uses.
 * Source: D-AUD-5, D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_new(hkp_dsm_control **out,
                                                    const struct hkp_dsm_control_options *opt);

/**
 * Free a control object.
 *
 * @param control  an object or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_control_free(hkp_dsm_control *control);

/**
 * Take a POLICY from the network. The host stores its bytes, and the state, before it acts on it.
 *
 * @param control  an object
 * @param in       [len] envelope of kind POLICY, borrowed as long as policy is used
 * @param len      bytes
 * @param now_s    Unix seconds (D-CERT-5)
 * @param policy   result; untouched on failure
 *
 * @retval HKP_OK                      in force for its scope
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind, or a scope that only an ORDER may set
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_SIGNER            no certificate of its signer is known
 * @retval HKP_E_DSM_NOT_YET..         its certificate: _NOT_YET, _EXPIRED, _REVOKED
 * @retval HKP_E_DSM_ROLE              its signer is no operator
 * @retval HKP_E_DSM_SIG               not signed by it
 * @retval HKP_E_DSM_VERSION           a later version of the format
 * @retval HKP_E_DSM_SCHEMA            no policy
 * @retval HKP_E_DSM_EXPIRED           its not_after has passed
 * @retval HKP_E_DSM_STALE             its version is not above that of the scope, or by more than 1024
 * @retval HKP_E_LIMIT                 256 scopes are remembered
 *
 * Cost: one Ed25519 verification; no allocation.
 * Source: D-AUD-5, D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_policy(hkp_dsm_control *control, const uint8_t *in,
                                                       size_t len, uint64_t now_s,
                                                       struct hkp_dsm_policy *policy);

/**
 * Take an ORDER. The host stores its bytes, and the state, before it acts on it.
 *
 * An order whose not_after has passed raises the number and puts nothing in force: so one withdraws what an
 * earlier one allowed.
 *
 * @param control   an object
 * @param in        [len] ORDER, borrowed as long as order is used
 * @param len       bytes
 * @param officers  CA sets in force; bodies above 1024 bytes need its scratch
 * @param now_s     Unix seconds
 * @param order     result; untouched on failure
 *
 * @retval HKP_OK                      taken
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND..            as hkp_dsm_multi_check()
 * @retval HKP_E_DSM_TOO_BIG           body above 64 KiB
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no order
 * @retval HKP_E_DSM_STALE             its number is not above that of the scope, or by more than 1024
 * @retval HKP_E_DSM_DUPLICATE         the newest one, again
 * @retval HKP_E_DSM_FORK              another one of the newest number: none of the two is in force any more
 * @retval HKP_E_LIMIT                 64 workloads are allowed and in force, or 256 scopes remembered
 * @retval HKP_E_NOSPC                 scratch is too small
 *
 * Cost: at most 7 Ed25519 verifications; no allocation.
 * Source: D-AUD-6, D-CA-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_order(hkp_dsm_control *control, const uint8_t *in, size_t len,
                                                      const struct hkp_dsm_officers *officers, uint64_t now_s,
                                                      struct hkp_dsm_order *order);

/**
 * Which POLICY is in force for a scope.
 *
 * @param control  an object
 * @param scope    of the policy; 0: name is it
 * @param name     [16] NULL unless scope is 0
 * @param now_s    Unix seconds
 * @param id       [32] receives its id; untouched on failure
 *
 * @retval HKP_OK          in force
 * @retval HKP_E_NOTFOUND  none: the built-in rules hold
 *
 * Cost: a search.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_policy_of(const hkp_dsm_control *control, uint32_t scope,
                                                          const uint8_t *name, uint64_t now_s,
                                                          uint8_t id[32]);

/**
 * Which ORDER is in force for a scope.
 *
 * @param control  an object
 * @param scope    HKP_DSM_ORDER_VPN..STEALTH
 * @param now_s    Unix seconds
 * @param id       [32] receives its id; untouched on failure
 *
 * @retval HKP_OK          in force
 * @retval HKP_E_NOTFOUND  none: the built-in rules hold
 *
 * Cost: none.
 * Source: D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_order_of(const hkp_dsm_control *control, uint32_t scope,
                                                         uint64_t now_s, uint8_t id[32]);

/**
 * May this node start a workload? If so its nonce is used up, and it counts as running.
 *
 * The host stores the state before it starts anything: a nonce that is forgotten could be used again.
 *
 * @param control   an object
 * @param now       nanoseconds, monotonic
 * @param now_s     Unix seconds (D-CERT-5)
 * @param workload  envelope of kind WORKLOAD, borrowed as long as start is used
 * @param assign    envelope of kind ASSIGN, borrowed for the call
 * @param image     [32] digest of the image, computed by the host from the bytes that it would run
 * @param start     result; untouched on failure
 *
 * @retval HKP_OK                      it may
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  one of them is no canonical CBOR
 * @retval HKP_E_DSM_KIND              of another kind
 * @retval HKP_E_DSM_TOO_BIG           a body above its limit
 * @retval HKP_E_DSM_SIGNER            no certificate of a signer is known
 * @retval HKP_E_DSM_NOT_YET           a certificate or a window begins later
 * @retval HKP_E_DSM_EXPIRED           a certificate or a window has ended
 * @retval HKP_E_DSM_REVOKED           a certificate is revoked
 * @retval HKP_E_DSM_ROLE              not by an operator, or not by a scheduler
 * @retval HKP_E_DSM_SIG               not signed by its signer
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not of its form
 * @retval HKP_E_DSM_VALIDITY          an empty window
 * @retval HKP_E_DSM_PROOF             the assignment is of another workload
 * @retval HKP_E_DSM_TARGET            for another node, or not for its tier
 * @retval HKP_E_DSM_PAYLOAD           the image is another one
 * @retval HKP_E_DSM_ORDER             no ORDER in force allows this workload
 * @retval HKP_E_DSM_DUPLICATE         its nonce was used, or it ends no later than one whose nonce was forgotten
 *                                     for want of room
 * @retval HKP_E_LIMIT                 64 workloads run, or 1024 nonces are remembered
 *
 * Cost: two Ed25519 verifications; no allocation; 4 KB of stack.
 * Source: D-AUD-5, D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_start(hkp_dsm_control *control, hkp_time now, uint64_t now_s,
                                                      const struct hkp_dsm_view *workload,
                                                      const struct hkp_dsm_view *assign,
                                                      const uint8_t image[32], struct hkp_dsm_start *start);

/**
 * When hkp_dsm_control_check() is due.
 *
 * @param control  an object
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing runs
 *
 * Cost: a search.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_time hkp_dsm_control_wake(const hkp_dsm_control *control);

/**
 * Check again whether what runs may go on; call until it finds nothing.
 *
 * Each run is checked every 60 s: certificates and revocation of both signers, the windows, the ORDER.
 *
 * @param control  an object
 * @param now      nanoseconds, monotonic
 * @param now_s    Unix seconds (D-CERT-5)
 * @param run      [32] receives the run that must stop; untouched if none
 * @param why      receives the reason, a code of hkp_dsm_control_start(); untouched if none
 *
 * @retval HKP_OK          stop this run; it is forgotten
 * @retval HKP_E_NOTFOUND  none must stop now
 *
 * Cost: two look-ups for each run that is due.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_check(hkp_dsm_control *control, hkp_time now, uint64_t now_s,
                                                      uint8_t run[32], hkp_status *why);

/**
 * A run has ended by itself.
 *
 * @param control  an object
 * @param run      [32] as start named it
 *
 * @retval HKP_OK          forgotten; its nonce stays used
 * @retval HKP_E_NOTFOUND  no such run
 *
 * Cost: a search.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_ended(hkp_dsm_control *control, const uint8_t run[32]);

/**
 * Write what must not be forgotten: versions, numbers, what orders allow, nonces.
 *
 * @param control  an object
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_CONTROL_STATE_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation.
 * Source: D-AUD-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_control_save(const hkp_dsm_control *control, uint8_t *dst, size_t cap,
                                                     size_t *len);

#ifdef __cplusplus
}
#endif

#endif
