/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What recovery knows of one path: round trips, timers, what is on its way there, and its congestion
 * controller (HTP-10.3, 10.5, 11.6). The records of the packets are the session's (recovery.h).
 */
#ifndef HKP_LIBHTP_PATH_STATE_H
#define HKP_LIBHTP_PATH_STATE_H

#include <hookprobe/base.h>

#include "libhtp/path/pmtu.h"
#include "libhtp/recovery/congestion.h"

enum {
    /** paths of one session at once (HTP-11.6) */
    HKP_HTP__PATHS_MAX = 8,
    HKP_HTP__BACKOFF_MAX = 10
};

struct hkp_htp__path_state {
    struct hkp_htp__congestion congestion;
    /** what size it carries is sought by the flow (HTP-9.7); mtu is what came of it */
    struct hkp_htp__pmtu pmtu;
    /** ns; srtt 0: no sample yet, then initial counts */
    uint64_t latest, min, srtt, var, initial;
    hkp_time last_sent, loss_time;
    /** index of the first record that may be on its way here */
    uint64_t from;
    /** packets sent here, of all types: the order of the next; order of the newest acknowledged + 1 */
    uint64_t sent, acked_end;
    /** bytes delivered so far, when the newest was, when the newest delivered was sent (delivery rate) */
    uint64_t delivered;
    hkp_time delivered_time, first_sent;
    /** rates are too low until so many bytes are delivered; 0: the sender always had more to send */
    uint64_t app_limited;
    /** packets sent when window or pacing last were in the way */
    uint64_t blocked;
    /** pacing: when the packets sent so far have had their time; ns per byte * 2^20; time that a burst takes;
     *  when to go on; HKP_TIME_NEVER: pacing is not in the way */
    hkp_time pace_at, pace_wake;
    uint64_t pace_byte, pace_burst;
    /** percent of the controller's rate, 0: 100; 1: woken for a whole burst, not for half of one (HTP-11) */
    uint8_t pace_percent, pace_whole;
    /** losses since the window was last reduced whose packets did not arrive yet */
    uint32_t doubtful;
    /** first packet of the losses in a row; HKP_TIME_NEVER: the last one judged arrived */
    hkp_time run;
    /** bytes and packets on their way */
    uint32_t in_flight, flying;
    uint16_t mtu;
    uint8_t index;
    /** PTOs in a row, 0 after an acknowledgement; packets to send now whatever the window says */
    uint8_t pto_count, probes;
};

/** initial_rtt 0: 333 ms. */
void hkp_htp__path_state_init(struct hkp_htp__path_state *p, uint8_t index, uint16_t mtu,
                              const struct hkp_htp__controller *controller, uint64_t initial_rtt);
/** The path leads elsewhere from now on: what is on its way stays noted, its loss says nothing of the new
 * one.
 */
void hkp_htp__path_state_moved(struct hkp_htp__path_state *p, hkp_time now);
/** And that is another road: what was learnt is forgotten. */
void hkp_htp__path_state_restart(struct hkp_htp__path_state *p, uint64_t initial_rtt);
/** Takes a round trip; delay is what the peer says it waited with its ACK. */
void hkp_htp__path_state_rtt(struct hkp_htp__path_state *p, uint64_t sample, uint64_t delay);
/** Probe timeout without backoff. */
uint64_t hkp_htp__path_state_pto(const struct hkp_htp__path_state *p);
/** A packet overtaken by an acknowledged one is lost after this. */
uint64_t hkp_htp__path_state_loss_delay(const struct hkp_htp__path_state *p);
/** T_loss or T_pto, whichever is first. */
hkp_time hkp_htp__path_state_wake(const struct hkp_htp__path_state *p);

/** 1: window and pacing let a packet of the path's size go now. 0: they do not, though there is one to go;
 *  pace_wake says when to ask again if it is pacing. */
int hkp_htp__path_state_may_send(struct hkp_htp__path_state *p, hkp_time now);
/** Paces from now on by a part of the controller's rate (HTP-11.1, 11.7). */
void hkp_htp__path_state_pace_as(struct hkp_htp__path_state *p, uint8_t percent, uint8_t whole);
/** Nothing is there to send: what arrives tells little about the path. */
void hkp_htp__path_state_idle(struct hkp_htp__path_state *p);
/** The packet has its turn in pacing. */
void hkp_htp__path_state_pace(struct hkp_htp__path_state *p, hkp_time now, uint32_t bytes);
/** The path takes packets of this size now. */
void hkp_htp__path_state_set_mtu(struct hkp_htp__path_state *p, uint16_t mtu);
/** After window or round trip changed. */
void hkp_htp__path_state_set_pace(struct hkp_htp__path_state *p);

/** Bytes that the window leaves. */
static inline uint32_t hkp_htp__path_state_room(const struct hkp_htp__path_state *p) {
    uint32_t window = hkp_htp__congestion_window(&p->congestion);
    return window > p->in_flight ? window - p->in_flight : 0;
}

#endif
