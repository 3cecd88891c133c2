/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: making a running node, its time, its state, and proofs that it builds.
 */
#ifndef HOOKPROBE_DSM_NODE_H
#define HOOKPROBE_DSM_NODE_H

#include <hookprobe/dsm/objects.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A running node: chains of microblocks, flooding, and checkpoints by DSM-Simplex (dsm.md 5, 7 to 9).
 *
 * It does no I/O. After every call that may change it the host drains hkp_dsm_event() (the store
 * requests among them it executes), reports what became durable with hkp_dsm_stored(), and drains
 * hkp_dsm_send(); it calls hkp_dsm_tick() at hkp_dsm_wake(). hkp_dsm_store_apply() and
 * hkp_dsm_store_commit() do the storage part.
 */
typedef struct hkp_dsm_node hkp_dsm_node;

enum {
    /** lanes of class DSM, 0..4 (D-GSP-10) */
    HKP_DSM_LANES = 5,
    /** lanes mask: 0 and 1, which members of the validator set keep in any case (HTP-8.6) */
    HKP_DSM_LANES_SAFETY = 3,
    /** lanes mask: all five */
    HKP_DSM_LANES_ALL = 31,
    /** longest content of a microblock, bytes (16 of the payload are its salt, D-BLK-2) */
    HKP_DSM_CONTENT_MAX = 16368
};

/** What a node says of itself in status member state. */
enum {
    /** made, not started */
    HKP_DSM_STATE_NEW = 0,
    /** reads its stored state */
    HKP_DSM_STATE_LOADING = 1,
    /** runs */
    HKP_DSM_STATE_RUNNING = 2,
    /** damaged or its store failed; free it */
    HKP_DSM_STATE_DEAD = 3
};

/** Whether later epochs are followed (D-SYN-2), status member trust. */
enum {
    /** they are */
    HKP_DSM_TRUST_GOOD = 0,
    /** the newest boundary known is older than 14 days: an operator has to give a recent one */
    HKP_DSM_TRUST_NEEDED = 1,
    /** two boundaries of one epoch verify: the node joins no more until it is started again */
    HKP_DSM_TRUST_ALARM = 2
};

/** Waits of options that are not the default although zero. */
#define HKP_DSM_T_CP_NONE 0xFFFFFFFFFFFFFFFFULL

/** What is never pruned. */
#define HKP_DSM_KEEP 0xFFFFFFFFFFFFFFFFULL

struct hkp_dsm_node_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** 1: observe only, never vote or propose */
    uint32_t observer;
    /** allocator; all memory is taken in hkp_dsm_node_new() */
    struct hkp_mem mem;
    /** required: salts of payloads */
    struct hkp_rng rng;
    /** canonical genesis (D-SIG-5), borrowed for the call */
    const uint8_t *genesis;
    /** bytes */
    size_t genesis_len;
    /** own certificate (multi of kind 32), borrowed for the call */
    const uint8_t *certificate;
    /** bytes */
    size_t certificate_len;
    /** Ed25519 secret [64] of the certificate's key, as libsodium keeps it; borrowed for the call */
    const uint8_t *secret;
    /** host identity [32] of D-BLK-7, or NULL: zeros */
    const uint8_t *host;
    /** T_cp, nanoseconds; 0: 1 s; HKP_DSM_T_CP_NONE: none (D-SMX-9) */
    uint64_t t_cp_ns;
    /** D at the start, nanoseconds; 0: 250 ms (D-SMX-8) */
    uint64_t delay_ns;
    /** period of HAVE, nanoseconds; 0: 200 ms (D-SMX-7) */
    uint64_t have_ns;
    /** bytes for blocks, proposals, certs and messages; 0: 64 MiB; 1 MiB..2 GiB */
    size_t pool_bytes;
    /** most authors; 0: 4096; 1..131072 */
    uint32_t heads_max;
    /** most peers at once; 0: 64; 1..1024 */
    uint32_t peers_max;
    /** most blocks in memory; 0: 16384; 256..1048576 */
    uint32_t blocks_max;
    /** must be 0 */
    uint32_t reserved0;
    /** ids of items in one generation of those that came lately, a power of two (D-GSP-9); 0: 65536;
     * 1024..65536 */
    uint32_t seen_max;
    /** must be 0 */
    uint32_t reserved1;
    /** blocks below final heads stay so many seconds of chain time; 0: 30 days; HKP_DSM_KEEP (D-STO-8) */
    uint64_t keep_blocks_s;
    /** headers and bodies, no shorter; 0: 365 days; HKP_DSM_KEEP */
    uint64_t keep_headers_s;
    /** most claims that are held (D-WIT); 0: 1024; 16..1024 */
    uint32_t claims_max;
    /** must be 0 */
    uint32_t reserved2;
    /** Unix seconds at which the host was built: while its clock is not synchronised the time is taken to be
     * no earlier (D-CERT-5); 0: not known */
    uint64_t build_s;
    /** digest of a recent boundary, from an operator: with it a node whose newest boundary is older than 14
     * days joins (D-SYN-2); zeros: none */
    uint8_t boundary[32];
};

struct hkp_dsm_node_status {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_STATE_* */
    uint32_t state;
    /** members of the validator set, f, quorum, own index (0xFFFFFFFF: none) */
    uint32_t members;
    uint32_t faulty_max;
    uint32_t quorum;
    uint32_t own_index;
    uint64_t epoch;
    uint64_t view;
    /** newest final height, its view, its time_ms and when it was learned (nanoseconds, monotonic) */
    uint64_t final_height;
    uint64_t final_view;
    uint64_t final_time_ms;
    uint64_t final_at;
    /** finalised heights and nullified views since the start */
    uint64_t finals;
    uint64_t nullified;
    /** pieces of evidence held */
    uint64_t evidence;
    /** authors known, authors with a final head */
    uint64_t authors;
    uint64_t heads;
    /** blocks held that are not final; blocks waiting behind a gap */
    uint64_t blocks_open;
    uint64_t blocks_waiting;
    /** blocks accepted since the start */
    uint64_t blocks;
    /** own newest block */
    uint64_t own_seq;
    /** messages received, refused, sent, dropped from full queues */
    uint64_t received;
    uint64_t refused;
    uint64_t sent;
    uint64_t dropped;
    /** bytes of the pool in use */
    uint64_t pool_used;
    /** peers up; 1 if promises are withheld (observer, D-STO-7, D-STO-9) */
    uint32_t peers;
    uint32_t silent;
    uint8_t final_digest[32];
    uint8_t chain_id[32];
    uint8_t node_id[16];
    /** time_ms and digest of the boundary that began the epoch; epoch 0: the genesis, chain_id */
    uint64_t boundary_ms;
    uint8_t boundary[32];
    /** HKP_DSM_TRUST_* */
    uint32_t trust;
    /** must be ignored */
    uint32_t reserved0;
};

/** What the registry knows of a node. */
struct hkp_dsm_member {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    uint32_t roles;
    uint32_t tier;
    uint32_t group;
    uint64_t serial;
    uint64_t not_before_s;
    uint64_t not_after_s;
    /** index in the validator set, or 0xFFFFFFFF */
    uint32_t seat;
    uint32_t reserved0;
    uint8_t key[32];
    uint8_t node_id[16];
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
HKP_API void hkp_dsm_node_options_init(struct hkp_dsm_node_options *opt, size_t size);

/**
 * Make a node; call hkp_dsm_node_start() next.
 *
 * @param out  receives the node, owned by the caller
 * @param opt  options, borrowed for the call
 * @param now  nanoseconds, monotonic
 *
 * @retval HKP_OK               made
 * @retval HKP_E_INVAL          an option is out of range, or no randomness or identity is given
 * @retval HKP_E_TOOBIG         options ask for something that this build does not know
 * @retval HKP_E_NOMEM          no memory; out is untouched
 * @retval HKP_E_DSM_NODE_ID    the secret is not that of the certificate
 * @retval HKP_E_DSM_SCHEMA     genesis or certificate are malformed; other codes of D-CERT-1 likewise
 *
 * Cost: all memory that the node will ever use.
 * Source: dsm.md 13, D-SIG-5, D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_new(hkp_dsm_node **out, const struct hkp_dsm_node_options *opt,
                                                 hkp_time now);

/**
 * Wipe and free a node.
 *
 * @param node  a node or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_free(hkp_dsm_node *node);

/**
 * Begin: the node asks for its stored state by SCAN events; EV_STARTED or EV_DAMAGED ends that.
 *
 * @param node     a node just made
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       begun; drain events
 * @retval HKP_E_STATE  started before
 *
 * Cost: no allocation.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_start(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * Teach the node a certificate, checked by D-CERT-1.
 *
 * @param node     a node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param multi    [len] certificate (multi of kind 32), borrowed for the call
 * @param len      bytes, at most 1024
 *
 * @retval HKP_OK              known now; of two of one serial the one of D-CA-9 counts, whichever came first
 * @retval HKP_E_LIMIT         the cache is full, or 7 of its serial are known
 * @retval HKP_E_STATE         the node is dead or not started
 * @retval HKP_E_DSM_SCHEMA    malformed; every other code of D-MULTI-2 and D-CERT-1 likewise; unchanged
 *
 * Cost: t signature checks; no allocation.
 * Source: D-CERT-1, D-CA-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_add_certificate(hkp_dsm_node *node, hkp_time now,
                                                             uint64_t wall_us, const uint8_t *multi,
                                                             size_t len);

/**
 * What the registry knows of a node: its newest certificate and its seat.
 *
 * @param node     a node
 * @param node_id  [16] whom
 * @param out      struct_size set by the caller; filled
 *
 * @retval HKP_OK          filled
 * @retval HKP_E_NOTFOUND  no certificate of that node is held; out is untouched
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: one look-up.
 * Source: D-CERT, D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_member(const hkp_dsm_node *node, const uint8_t node_id[16],
                                                    struct hkp_dsm_member *out);

/**
 * Ask for the portable proof of a final block; EV_PROOF of that ticket answers.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param author      [16] node_id
 * @param seq         number of the block
 * @param position    0..63: of the threat record in its payload; -1: the block with its payload;
 *                    -2: the block alone
 * @param from_epoch  epoch whose valset hash the verifier trusts, at most that of the block's checkpoint
 * @param ticket      receives the number of the answer
 *
 * @retval HKP_OK       asked; status of the event: HKP_OK, HKP_E_NOTFOUND (not held or not final),
 *                      HKP_E_DSM_EPOCH (from_epoch is above the checkpoint's), HKP_E_TOOBIG. No proof leads
 *                      over a RESTART: behind one that this node applied it begins in the epoch of that
 * @retval HKP_E_INVAL  position out of range
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: reads of the store; no allocation.
 * Source: D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_prove(hkp_dsm_node *node, hkp_time now, const uint8_t author[16],
                                              uint64_t seq, int32_t position, uint64_t from_epoch,
                                              uint64_t *ticket);

/**
 * Valset hash and start of an epoch, for verifiers (D-SYN-6 trust).
 *
 * @param node     a running node
 * @param epoch    the epoch of the node, 0, or the one that the newest RESTART began
 * @param hash     [32] receives D("HKP1 valset", body)
 * @param time_ms  receives time_ms of the boundary that named it (epoch 0: time of the genesis)
 *
 * @retval HKP_OK          known
 * @retval HKP_E_NOTFOUND  another epoch
 *
 * Cost: none.
 * Source: D-SYN-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_trust(const hkp_dsm_node *node, uint64_t epoch, uint8_t hash[32],
                                                   uint64_t *time_ms);

/**
 * Do what is due.
 *
 * @param node     a node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       done
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: no allocation.
 * Source: D-SMX-R0 to R9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_tick(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * When to call hkp_dsm_tick() next.
 *
 * @param node  a node
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_time hkp_dsm_wake(const hkp_dsm_node *node);

/**
 * How the node stands.
 *
 * @param node    a node
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_status(const hkp_dsm_node *node,
                                                    struct hkp_dsm_node_status *status);

#ifdef __cplusplus
}
#endif

#endif
