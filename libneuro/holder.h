/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the holder of an instance; holder.c has its life and commits, holder_log.c what comes in of the
 * log. */
#ifndef HKP_LIBNEURO_HOLDER_H
#define HKP_LIBNEURO_HOLDER_H

#include "libneuro/instance.h"
#include "libneuro/kept.h"

enum { HOLDER_RECENT = 64, HOLDER_WORK = 128 };

struct hkp_neuro_holder {
    struct hkp_neuro__core core;
    /** the end of what was accepted, and the policy in force there */
    struct hkp_ter_cursor head;
    /** h before the last accepted TER, for TCK1 */
    uint8_t h_before[32];
    uint32_t head_policy;
    uint8_t head_h_ref[20];
    /** the replayed state; it follows head by a bounded number of steps a call */
    struct hkp_neuro__replica replica;
    uint32_t has_replica;
    struct hkp_neuro__kept kept;
    /** TERs below it are in the novelty already */
    uint64_t novelty_index;
    struct hkp_neuro_novelty novelty;
    uint32_t has_tck;
    /** 1: every TCK1 since has_tck was seen, so the next one names it */
    uint32_t tck_follows;
    uint8_t tck[256];
    /** the PROPOSE that waits for its TERs or for the replay */
    uint32_t proposed;
    uint8_t proposal[HKP_NEURO__PROPOSE_BODY];
    /** the answer that leaves when the commit is stored */
    uint32_t answer;
    uint8_t answer_body[HKP_NEURO__CKACK_BODY];
    /** WANT: open to..from, how often it was repeated, and how often a broken range was asked for again */
    uint32_t want_open, want_tries, want_failed, broken;
    uint64_t want_from, want_to;
    hkp_time want_at;
    /** answer to the owner's WANT: what is still to be sent back */
    uint64_t back_from, back_to;
    /** credit for TERs in hundredths of milliseconds: one TER costs 10,000 */
    uint64_t credit;
    hkp_time credit_at;
    uint32_t starved;
    /** timestamps of the newest TERs, by index mod HOLDER_RECENT */
    uint64_t recent[HOLDER_RECENT];
    uint64_t recent_count;
    uint32_t healthy;
    /** the newest RBA1 that the host told; it counts while hkp_neuro__rba_fits the head */
    uint32_t has_pending;
    struct hkp_neuro_rba pending;
    uint8_t pending_h_ref[20];
};

int hkp_neuro__holder_works(const hkp_neuro_holder *holder);
void hkp_neuro__holder_lost(hkp_neuro_holder *holder, uint32_t cause);
/** Begin again at V.cur: what was accepted beyond it is asked for again. */
void hkp_neuro__holder_resync(hkp_neuro_holder *holder);
void hkp_neuro__holder_want(hkp_neuro_holder *holder, uint64_t to);
hkp_status hkp_neuro__holder_log(hkp_neuro_holder *holder, uint64_t wall_us, const uint8_t *msg, size_t len);
size_t hkp_neuro__holder_back(hkp_neuro_holder *holder, uint8_t *dst, size_t cap);
void hkp_neuro__holder_timers(hkp_neuro_holder *holder);

#endif
