/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the owner of an instance; owner.c has its life and commits, owner_log.c the log and the exchange.
 */
#ifndef HKP_LIBNEURO_OWNER_H
#define HKP_LIBNEURO_OWNER_H

#include "libneuro/instance.h"

/* What a WANT_LOG is for. */
enum { OWNER_NO_REQUEST = 0, OWNER_FEED_LIVE = 1, OWNER_FEED_NEXT = 2, OWNER_FEED_SEND = 3 };

/** A question that is repeated: ASK, WANT. */
struct hkp_neuro__question {
    uint32_t open, tries;
    hkp_time sent_at;
    uint64_t from, to;
};

struct hkp_neuro_owner {
    struct hkp_neuro__core core;
    /** the state that follows the device's TERs; in force if has_live */
    struct hkp_neuro__replica live;
    /** the state that was proposed, or one that is computed again from E.cur */
    struct hkp_neuro__replica next;
    uint32_t has_live;
    /** 1: PROPOSE is held back by an unanswered handshake or rekey */
    uint32_t hold;
    uint64_t durable;
    /** index at which the last rebase came: no commit there, so that "state n" has one meaning */
    uint64_t rebase_index;
    hkp_time commit_at;
    uint64_t live_stored_index;
    uint32_t live_due;
    /** 1: records may stand in the log behind the last TER of live, a rebase among them */
    uint32_t tail;
    /** the one WANT_LOG that is open */
    uint32_t request, request_told;
    uint64_t request_from, request_to;
    /** LOG: index of the next record to send, the message that waits to leave */
    uint32_t send_ready, send_blocked;
    uint64_t send_index;
    hkp_time send_at;
    uint8_t *log_msg;
    size_t log_len;
    struct hkp_neuro__question ask, want;
    /** h at the index of the last HAVE; TERs below missing_to are not to be had from this holder */
    uint8_t have_h[32];
    uint64_t missing_to;
    /** the open PROPOSE */
    uint32_t proposed, proposal_sent;
    hkp_time proposal_at;
    uint8_t proposal[HKP_NEURO__PROPOSE_BODY];
    /** a CKACK for a state that has to be computed again first */
    uint32_t recompute;
    uint64_t recompute_n;
    uint8_t recompute_ack[32];
    /** ENROL under way: the state that it will be, and the answer that proves the same at the holder */
    hkp_neuro_commit *candidate;
    uint8_t candidate_tag[32];
    uint32_t candidate_gens[2];
    uint8_t rba[HKP_NEURO_RBA_SIZE];
    /** records that the holder brought back */
    uint8_t *restored;
    size_t restored_len;
};

int hkp_neuro__owner_works(const hkp_neuro_owner *owner);
/** Starts what has become due; the end of every call. */
void hkp_neuro__owner_pump(hkp_neuro_owner *owner);
void hkp_neuro__owner_pump_log(hkp_neuro_owner *owner);
/** state next is at recompute_n or at the proposed index: is this ack of it? */
hkp_status hkp_neuro__owner_settle(hkp_neuro_owner *owner, uint64_t n, const uint8_t ack[32]);
hkp_status hkp_neuro__owner_exchange(hkp_neuro_owner *owner, uint32_t type, const uint8_t *msg, size_t len);
void hkp_neuro__owner_ask(hkp_neuro_owner *owner);
hkp_time hkp_neuro__owner_log_wake(const hkp_neuro_owner *owner);
void hkp_neuro__owner_log_reset(hkp_neuro_owner *owner);

#endif
