/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What was received and when to say so (HTP-10.4). */
#ifndef HKP_LIBHTP_ACK_H
#define HKP_LIBHTP_ACK_H

#include <hookprobe/base.h>

#include "libhtp/flow/flow_pool.h"
#include "libhtp/flow/ranges.h"
#include "libhtp/wire/frames.h"

/** Longest time that an ACK waits (HTP-10.3, 10.4). */
#define HKP_HTP__ACK_DELAY_NS 25000000ULL

/** Ranges that a session holds always; when packets are missing it takes room for more from the pool. */
enum { HKP_HTP__ACK_RANGES_HELD = 2 };

struct hkp_htp__acks {
    struct hkp_htp__pools *pools;
    struct hkp_htp__range held[HKP_HTP__ACK_RANGES_HELD];
    /** in held or in an object of the pool */
    struct hkp_htp__ranges seen;
    /** when the largest number arrived */
    hkp_time largest_time;
    /** deadline of an ACK that waits; HKP_TIME_NEVER: none waits */
    hkp_time due;
    /** packets for which ACKs still come more often */
    unsigned early;
    /** eliciting packets since the last ACK that was sent */
    unsigned waiting;
    /** as many of them bring an ACK, once the first packets of the session are over */
    unsigned every;
    /** packets that came with ECT(0) and with CE, mod 2^32 (HTP-10.2) */
    uint32_t ect0, ce;
};

void hkp_htp__acks_init(struct hkp_htp__acks *a, struct hkp_htp__pools *pools);
/** Gives back what the pool gave; only held ranges, the newest, are left. */
void hkp_htp__acks_clear(struct hkp_htp__acks *a);

/** Counts the ECN field of a packet. 1: it is CE, and asks for an ACK at once. */
int hkp_htp__acks_mark(struct hkp_htp__acks *a, uint8_t ecn);

/** Notes one packet. urgent: its content or its epoch asks for an ACK at once. */
void hkp_htp__acks_note(struct hkp_htp__acks *a, uint64_t pn, int eliciting, int urgent, hkp_time now);

/** Writes an ACK frame of at most room bytes, and takes it as sent; 0: nothing to tell, or too little room.
 */
size_t hkp_htp__acks_write(struct hkp_htp__acks *a, hkp_time now, uint8_t *dst, size_t room);

/** Largest number that the next ACK names; only if seen.count > 0. */
static inline uint64_t hkp_htp__acks_largest(const struct hkp_htp__acks *a) {
    return a->seen.r[a->seen.count - 1].hi - 1;
}

/** An ACK of ours that named largest was acknowledged: older ranges are forgotten. */
void hkp_htp__acks_forget(struct hkp_htp__acks *a, uint64_t largest);

#endif
