/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The flow tokens of one session (HTP-9.1): those by which the peer finds us and those by which we find it.
 * Frames TOKEN and RETIRE change them; the flow sends what waits here. Plain state: who makes a token and
 * who knows it in a table is the endpoint's affair (path/paths.c).
 */
#ifndef HKP_LIBHTP_TOKENS_H
#define HKP_LIBHTP_TOKENS_H

#include <hookprobe/base.h>

#include "libhtp/wire/frames.h"

enum {
    /** tokens of one side that the other knows at most, and that wait unused at least */
    HKP_HTP__TOKENS_MAX = 8,
    HKP_HTP__TOKENS_SPARE = 2
};

struct hkp_htp__tokens {
    /** ours, 0: free place; the peer's */
    uint64_t own[HKP_HTP__TOKENS_MAX], peer[HKP_HTP__TOKENS_MAX];
    uint16_t own_seq[HKP_HTP__TOKENS_MAX], peer_seq[HKP_HTP__TOKENS_MAX];
    /** seqs of the peer's tokens that we gave up, until it says that it knows */
    uint16_t retired[HKP_HTP__TOKENS_MAX];
    /** bit i: place i. Ours: there is one; the peer used it; the peer gave it up; a TOKEN frame waits. The
     *  peer's: we use it. Retired: in use; a RETIRE frame waits */
    uint8_t own_set, own_used, own_gone, own_wait, peer_used, retired_set, retired_wait;
    /** seq of our next token; 0: all are used up */
    uint16_t next;
    /** largest seq of the peer, and bit i: seq top - i came */
    uint16_t top;
    uint64_t seen;
    /** E: reset tokens of V by the places of peer; V: what ours are made from (HTP-9.5). The other is NULL */
    uint8_t (*reset)[16];
    const uint8_t *reset_key;
};

/** Number 0 of both sides; the other members are zero but reset or reset_key. */
void hkp_htp__tokens_init(struct hkp_htp__tokens *t, uint64_t own, uint64_t peer);
/** reset_token of a token (HTP-9.5). */
void hkp_htp__reset_token(const uint8_t key[32], uint64_t token, uint8_t out[16]);

/** One of our tokens came with a packet that opened. */
void hkp_htp__tokens_seen(struct hkp_htp__tokens *t, uint64_t own);
/** 1: there should be one more of ours. */
int hkp_htp__tokens_wanted(const struct hkp_htp__tokens *t);
/** Gives the peer a token; only if one is wanted. */
void hkp_htp__tokens_add(struct hkp_htp__tokens *t, uint64_t own);
/** Takes the next token that the peer gave up out of ours; 0: none. */
uint64_t hkp_htp__tokens_gone(struct hkp_htp__tokens *t);
/** Place of one of ours; -1: it is none. */
int hkp_htp__tokens_own(const struct hkp_htp__tokens *t, uint64_t own);

/** An unused token of the peer, used from now on: its place; -1: there is none. */
int hkp_htp__tokens_take(struct hkp_htp__tokens *t);
/** 1: there is one. */
int hkp_htp__tokens_left(const struct hkp_htp__tokens *t);
/** 1: the token at this place could be given up now. */
int hkp_htp__tokens_may_retire(const struct hkp_htp__tokens *t);
/** Gives up the token at this place; RETIRE follows. */
void hkp_htp__tokens_retire(struct hkp_htp__tokens *t, int place);

/** Frames TOKEN and RETIRE: HKP_OK or HKP_E_HTP_FRAME. */
hkp_status hkp_htp__tokens_on_token(struct hkp_htp__tokens *t, const struct hkp_htp__frame *f);
hkp_status hkp_htp__tokens_on_retire(struct hkp_htp__tokens *t, const struct hkp_htp__frame *f);

/** Something waits to be sent. */
static inline int hkp_htp__tokens_pending(const struct hkp_htp__tokens *t) {
    return (t->own_wait | t->retired_wait) != 0;
}
/** Writes the next frame that waits: its size; 0: none, or too little room. *type and *seq name it. */
size_t hkp_htp__tokens_write(struct hkp_htp__tokens *t, uint8_t *dst, size_t room, uint8_t *type,
                             uint16_t *seq);
/** A frame of this seq was acknowledged, or lost. */
void hkp_htp__tokens_acked(struct hkp_htp__tokens *t, uint8_t type, uint16_t seq);
void hkp_htp__tokens_lost(struct hkp_htp__tokens *t, uint8_t type, uint16_t seq);

#endif
