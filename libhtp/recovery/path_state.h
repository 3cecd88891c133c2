/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What recovery knows of one path: round trips, timers, what is on its way there, and its congestion
 * controller (HTP-10.3, 10.5, 11.6). The records of the packets are the session's (recovery.h).
 */
#ifndef HKP_LIBHTP_PATH_STATE_H
#define HKP_LIBHTP_PATH_STATE_H

#include <hookprobe/base.h>

#include "libhtp/recovery/congestion.h"

enum {
    /** paths of one session at once (HTP-11.6) */
    HKP_HTP__PATHS_MAX = 8,
    HKP_HTP__BACKOFF_MAX = 10
};

struct hkp_htp__path_state {
    struct hkp_htp__congestion congestion;
    /** ns; srtt 0: no sample yet, then initial counts */
    uint64_t latest, min, srtt, var, initial;
    hkp_time last_sent, loss_time;
    /** index of the first record that may be on its way here */
    uint64_t from;
    /** packets sent here, of all types: the order of the next; order of the newest acknowledged + 1 */
    uint64_t sent, acked_end;
    /** bytes and packets on their way */
    uint32_t in_flight, flying;
    uint16_t mtu;
    uint8_t index;
    /** PTOs in a row, 0 after an acknowledgement; packets to send now whatever the window says */
    uint8_t pto_count, probes;
};

/** initial_rtt 0: 333 ms. */
void hkp_htp__path_state_init(struct hkp_htp__path_state *p, uint8_t index, uint16_t mtu,
                              uint64_t initial_rtt);
/** Takes a round trip; delay is what the peer says it waited with its ACK. */
void hkp_htp__path_state_rtt(struct hkp_htp__path_state *p, uint64_t sample, uint64_t delay);
/** Probe timeout without backoff. */
uint64_t hkp_htp__path_state_pto(const struct hkp_htp__path_state *p);
/** A packet overtaken by an acknowledged one is lost after this. */
uint64_t hkp_htp__path_state_loss_delay(const struct hkp_htp__path_state *p);
/** T_loss or T_pto, whichever is first. */
hkp_time hkp_htp__path_state_wake(const struct hkp_htp__path_state *p);

/** Bytes that the window leaves. */
static inline uint32_t hkp_htp__path_state_room(const struct hkp_htp__path_state *p) {
    uint32_t window = hkp_htp__congestion_window(&p->congestion);
    return window > p->in_flight ? window - p->in_flight : 0;
}

#endif
