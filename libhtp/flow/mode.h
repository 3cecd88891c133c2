/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Transport modes and energy, as far as one flow has to do with them (HTP-11). A mode is the sender's: it
 * decides about padding, times and holding back, never about what is accepted.
 */
#ifndef HKP_LIBHTP_MODE_H
#define HKP_LIBHTP_MODE_H

#include <hookprobe/base.h>

/** The row of a mode in HTP-11.1. */
struct hkp_htp__mode_row {
    uint16_t pad_least, pad_most;
    /** after that the datagram is filled up to the first of these that it fits; 0: none */
    uint16_t fill[3];
    uint16_t jitter_ms, hold_ms, heartbeat_s;
    /** 1: a whole burst of 10 packets goes at once, without pacing in it */
    uint8_t whole_bursts;
    /** the mode needs header masking; all its packets have RES */
    uint8_t mask, res;
};

/** Modes of HTP-11.1; a code beyond them counts as BALANCED. */
const struct hkp_htp__mode_row *hkp_htp__mode_row(uint8_t mode);

/** Levels of HTP-11.7. */
enum { HKP_HTP__POWER_NORMAL = 0, HKP_HTP__POWER_SAVE, HKP_HTP__POWER_LOW, HKP_HTP__POWER_CRITICAL };

/** What the machine has left, shared by all flows of an endpoint. Zero: mains, no load. */
struct hkp_htp__power {
    /** known: percent is one and there is no mains */
    uint8_t known, percent, load;
    /** of the battery alone, with its hysteresis; in force: SAVE at least when the load is above 95 */
    uint8_t battery, level;
};

/** Takes new facts; percent above 100: unknown. */
void hkp_htp__power_take(struct hkp_htp__power *p, uint8_t percent, int mains, uint8_t load);
/** Percent of the controller's pacing rate: 100, 50 or 25. */
unsigned hkp_htp__power_pacing(const struct hkp_htp__power *p);
/** Eliciting packets to an ACK: 8 or 16. */
unsigned hkp_htp__power_ack_every(const struct hkp_htp__power *p);
/** HTP-11.7: above 85 % load nothing is compressed. */
static inline int hkp_htp__power_compress(const struct hkp_htp__power *p) {
    return p == NULL || p->load <= 85;
}

/** 0..most, every value equally likely; 0 when the generator fails. */
uint64_t hkp_htp__uniform(const struct hkp_rng *draws, uint64_t most);

/** Seconds that a NAT keeps a binding (HTP-8.3), 0: no NAT. What is not known counts as the shortest. */
unsigned hkp_htp__nat_binding_s(uint8_t nat);

/** Minimum of the round trips of an hour, in parts of 10 minutes. */
enum { HKP_HTP__HOUR_PARTS = 6 };
struct hkp_htp__hour {
    hkp_time turn;
    uint32_t us[HKP_HTP__HOUR_PARTS];
    uint8_t at;
};

/** What a flow remembers of it; in struct hkp_htp__flow. */
struct hkp_htp__mode {
    /** small draws that make no key; fill NULL: packets are not padded and times are exact */
    struct hkp_rng draws;
    /** NULL: mains */
    const struct hkp_htp__power *power;
    /** in force; asked for, or HKP_HTP_TRANSPORT_AUTO; HKP_HTP_WHY_* */
    uint8_t mode, policy, why;
    /** features MASK and SWARM are in use */
    uint8_t mask, swarm;
    /** application data came that no hold was drawn for yet */
    uint8_t fresh;
    /** an event waits */
    uint8_t changed;
    hkp_time hold_until, since;
    /** switching by itself: the next check, counters of the last one, loss since then */
    hkp_time check;
    uint64_t sent_before, lost_before;
    uint16_t loss_permille;
    struct hkp_htp__hour hour;
};

#endif
