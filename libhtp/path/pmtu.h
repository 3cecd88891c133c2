/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How large a packet a path carries (HTP-9.7, RFC 8899): a search by single probes, which begins when a
 * packet was full, and the way back when larger packets vanish. It decides sizes; sending is the flow's
 * affair.
 */
#ifndef HKP_LIBHTP_PMTU_H
#define HKP_LIBHTP_PMTU_H

#include <hookprobe/base.h>

enum { HKP_HTP__PMTU_BASE = 1200 };

struct hkp_htp__pmtu {
    /** largest size that arrived; smallest that did not, or limit + 1; largest that may be tried */
    uint32_t good, bad, limit;
    /** probe on its way, 0: none; its number */
    uint32_t probe;
    uint64_t pn;
    /** no probe before this; packets with lower numbers went when another search was on */
    hkp_time again;
    uint64_t since;
    /** packets above the base that were lost while none of their size arrived: the least of them; packets
     * from this number on are of the next round */
    uint32_t vanished;
    uint64_t round_from;
    /** probes of one size that were lost; full packets seen, up to enough to begin; rounds of losses */
    uint8_t tries, full, rounds;
};

/** limit: largest packet that may ever be sent, HKP_HTP__PMTU_BASE..65507; since: number of the next one. */
void hkp_htp__pmtu_init(struct hkp_htp__pmtu *p, uint32_t limit, uint64_t since);
/** A packet of the largest size went. */
static inline void hkp_htp__pmtu_full(struct hkp_htp__pmtu *p) {
    p->full = (uint8_t)(p->full | p->full << 1 | 1);
}
/** Size of the probe to send now, 0: none. is_v4: the path is of IPv4. */
uint32_t hkp_htp__pmtu_wants(const struct hkp_htp__pmtu *p, hkp_time now, int is_v4);
/** A probe of this size went under pn. */
void hkp_htp__pmtu_sent(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn);
/** The probe of that size and number arrived. 1: good grew. */
int hkp_htp__pmtu_acked(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn);
/** Is lost, or was taken so: three of one size, and the size is too large. */
void hkp_htp__pmtu_lost(struct hkp_htp__pmtu *p, uint64_t pn);
/** A packet of that size, no probe, arrived. */
static inline void hkp_htp__pmtu_arrived(struct hkp_htp__pmtu *p, uint32_t size) {
    if (size >= p->vanished) p->rounds = 0;
}
/** Such a packet is lost; next: number of the next packet. 1: larger packets vanish on this path (decision
 *  0404). */
int hkp_htp__pmtu_vanished(struct hkp_htp__pmtu *p, uint32_t size, uint64_t pn, uint64_t next);
/** The system says that no packet of this size gets out. 1: good had to shrink. */
int hkp_htp__pmtu_refused(struct hkp_htp__pmtu *p, uint32_t size);
/** Three PTOs in a row, or another path: the base again, and a new search after some time. since: number of
 *  the next packet; those before it say nothing of the path any more. 1: good shrank. */
int hkp_htp__pmtu_restart(struct hkp_htp__pmtu *p, hkp_time again, uint64_t since);
/** Goes on with what another search found, that of the path which takes this one's place. */
void hkp_htp__pmtu_follow(struct hkp_htp__pmtu *p, const struct hkp_htp__pmtu *other, uint64_t since);

#endif
