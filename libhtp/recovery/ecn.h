/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Explicit congestion notification of one session (HTP-10.5, RFC 9000 section 13.4.2): whether our packets
 * carry ECT(0), and whether what the peer counts can be believed. The counts of an ACK are the session's, so
 * this is, too, and begins anew when the session moves to another path (decision 0333).
 */
#ifndef HKP_LIBHTP_ECN_H
#define HKP_LIBHTP_ECN_H

#include <hookprobe/base.h>

#include "libhtp/wire/frames.h"

/** Codepoints of the IP header. */
enum { HKP_HTP__ECN_NONE = 0, HKP_HTP__ECN_ECT1 = 1, HKP_HTP__ECN_ECT0 = 2, HKP_HTP__ECN_CE = 3 };

enum {
    /** packets are marked, nothing is known yet */
    HKP_HTP__ECN_TESTING = 0,
    /** a PTO passed before anything was known: not marked until an ACK tells of those that were */
    HKP_HTP__ECN_UNKNOWN,
    /** marked, and CE counts */
    HKP_HTP__ECN_CAPABLE,
    HKP_HTP__ECN_FAILED
};

struct hkp_htp__ecn {
    uint8_t state;
    /** packets sent with ECT(0) since the session began */
    uint32_t marked;
    /** counts of the newest ACK, as it told them */
    uint32_t ect0, ce;
};

/** Codepoint of packets sent now. It changes with ACKs and timers only, never between two packets. */
static inline uint8_t hkp_htp__ecn_mark(const struct hkp_htp__ecn *e) {
    return e->state == HKP_HTP__ECN_TESTING || e->state == HKP_HTP__ECN_CAPABLE ? HKP_HTP__ECN_ECT0
                                                                                : HKP_HTP__ECN_NONE;
}

static inline void hkp_htp__ecn_sent(struct hkp_htp__ecn *e, uint8_t mark) {
    if (mark == HKP_HTP__ECN_ECT0) e->marked++;
}

/** No ACK came for a PTO. */
static inline void hkp_htp__ecn_on_pto(struct hkp_htp__ecn *e) {
    if (e->state == HKP_HTP__ECN_TESTING) e->state = HKP_HTP__ECN_UNKNOWN;
}

/**
 * Judges an ACK that raised the largest number acknowledged; newly: packets with ECT(0) that it acknowledged
 * for the first time. 1: CE counts more than before, and is to be believed.
 */
int hkp_htp__ecn_on_ack(struct hkp_htp__ecn *e, const struct hkp_htp__frame *ack, uint32_t newly);

#endif
