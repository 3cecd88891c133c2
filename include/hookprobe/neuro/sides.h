/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: what owner and holder of an instance have in common: options, sessions, events.
 */
#ifndef HOOKPROBE_NEURO_SIDES_H
#define HOOKPROBE_NEURO_SIDES_H

#include <hookprobe/neuro/commit.h>
#include <hookprobe/neuro/instance.h>
#include <hookprobe/neuro/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Events of an owner or a holder. */
enum {
    /** nothing */
    HKP_NEURO_EVENT_NONE = 0,
    /** store bytes[len] under slot so that they survive a crash, then confirm ticket; only then an answer
       leaves */
    HKP_NEURO_EVENT_STORE = 1,
    /** owner: give durable log records from index from (up to index to) by hkp_neuro_owner_log(); from equal
       to to: what stands in the log behind TER from - 1, perhaps nothing */
    HKP_NEURO_EVENT_WANT_LOG = 2,
    /** the instance went from state from to state to, for cause */
    HKP_NEURO_EVENT_STATE = 3,
    /** a new commit was agreed at index from */
    HKP_NEURO_EVENT_COMMIT = 4,
    /** holder: an ENROL was refused with status: answer STOP code 1 */
    HKP_NEURO_EVENT_REFUSED = 5,
    /** owner: the holder holds TERs from..to-1 that are not in the log here; make no TER with these indexes.
     * bytes[32]: h at to, as it says */
    HKP_NEURO_EVENT_BEHIND = 6,
    /** owner: bytes[len] are log records from index from, brought back by the holder: append them to the log
     */
    HKP_NEURO_EVENT_RESTORED = 7,
    /** owner: the holder has not got TERs from..to-1 either: a GAP record is due */
    HKP_NEURO_EVENT_MISSING = 8,
    /** owner: bytes[192] are an RBA1 that a holder passed on and that holds here: log it, then rebase */
    HKP_NEURO_EVENT_REBASE = 9,
    /** owner: the exchange ASK/HAVE is over, or nobody answered: TERs may be made */
    HKP_NEURO_EVENT_READY = 10
};

/* Slots of EVENT_STORE. */
enum {
    /** all that was agreed: state, gens, E.cur or V.cur and V.prev */
    HKP_NEURO_SLOT_INSTANCE = 1,
    /** the owner's live state, to shorten a replay at the next start */
    HKP_NEURO_SLOT_LIVE = 2
};

/** One session that can carry the messages of an instance. */
struct hkp_neuro_session {
    /** 1: up; 0: gone, all else is ignored */
    uint32_t up;
    /** 1: mode R; 0: mode N, in which no PROPOSE is sent */
    uint32_t mode_r;
    /** 1: both certificates were shown */
    uint32_t certificates;
    /** neuro_gen in them: of the node whose TERs these are, and of the other */
    uint32_t gen_owner;
    uint32_t gen_holder;
    /** 1: NZ1 22.2 has this instance */
    uint32_t allowed;
    /** 1: exported is set (with PQ: from epoch 1 on; call again then) */
    uint32_t has_exported;
    /** holder: least policy_ver that policy asks of the peer */
    uint32_t policy_ver;
    /** EXPORT(e, "HKP1 nz1 seed", hkp_neuro_enrol_ctx(), 32) of HTP-6.6 */
    uint8_t exported[32];
};

/** Options of owners and holders; hkp_neuro_options_init(). Not zero by default: what is marked "needed". */
struct hkp_neuro_options {
    /** set by hkp_neuro_options_init() */
    uint32_t struct_size;
    /** HKP_NEURO_VARIANT_* */
    uint32_t variant;
    struct hkp_mem mem;
    /** needed: nonces of snapshots */
    struct hkp_rng rng;
    /** needed: the key under which snapshots are sealed */
    uint8_t state_key[32];
    /** needed */
    uint8_t chain_id[32];
    /** needed: X, whose TERs these are */
    uint8_t owner_id[16];
    /** needed: Y */
    uint8_t holder_id[16];
    /** needed: Ed25519 key of X */
    uint8_t owner_public[32];
    /** 32 bytes given to all nodes out of band, or zero */
    uint8_t mesh_seed[32];
    /** [n_policy_keys][32] keys that sign RBA1, copied */
    const uint8_t *policy_keys;
    uint32_t n_policy_keys;
    /** TERs between commits; 0: HKP_NEURO_COMMIT_TERS; at most HKP_NEURO_CATCHUP_MAX */
    uint32_t commit_ters;
    /** longest time between commits; 0: HKP_NEURO_COMMIT_NS */
    uint64_t commit_ns;
    /** how long TERs are collected before a LOG; 0: 5 s */
    uint64_t log_ns;
    /** the declared capture period of X; 0: 1,000,000 */
    uint64_t period_us;
};

/** What an owner or a holder wants of its host. */
struct hkp_neuro_event {
    /** HKP_NEURO_EVENT_* */
    uint32_t kind;
    /** HKP_NEURO_CAUSE_* */
    uint32_t cause;
    /** HKP_NEURO_SLOT_* of EVENT_STORE */
    uint32_t slot;
    /** of EVENT_REFUSED */
    hkp_status status;
    /** of EVENT_STORE */
    uint64_t ticket;
    uint64_t from;
    uint64_t to;
    /** borrowed until the next call on the object; those of EVENT_STORE until it is confirmed */
    const uint8_t *bytes;
    size_t len;
};

/** How an owner or a holder stands. */
struct hkp_neuro_instance_info {
    /** set by the caller to sizeof *info */
    uint32_t struct_size;
    /** HKP_NEURO_INSTANCE_* and why */
    uint32_t state;
    uint32_t cause;
    /** recorded neuro_gen (NZ1 22.4) */
    uint32_t gen_owner;
    uint32_t gen_holder;
    uint32_t policy_ver;
    /** where the instance began */
    uint64_t first_index;
    /** agreed commit: E.cur or V.cur; 0: none */
    uint64_t ck_index;
    /** V.prev at the holder, else ck_index */
    uint64_t prev_index;
    /** TERs that this side has seen, and those that its state has absorbed */
    uint64_t index;
    uint64_t state_index;
    /** n of the open PROPOSE; 0: none */
    uint64_t proposed_index;
    /** timestamp of the newest TER, Unix microseconds; 0: none */
    uint64_t newest_us;
    /** messages refused, TERs accepted, TERs that waited for credit */
    uint64_t refused;
    uint64_t accepted;
    uint64_t waited;
    /** oldest index that must be kept in the log for this instance (NZ1 22.6) */
    uint64_t keep_index;
};

/**
 * Default options of an owner or a holder.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_options_init(struct hkp_neuro_options *opt, size_t struct_size);

#ifdef __cplusplus
}
#endif

#endif
