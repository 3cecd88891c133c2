/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: how fast a session may send. Each path of a session has a controller of its own (HTP-10.5):
 * CUBIC, which shares a path with others as TCP does, or a BBR-like one, which holds its rate where packets
 * are lost at random, as on radio links.
 */
#ifndef HOOKPROBE_HTP_CONGESTION_H
#define HOOKPROBE_HTP_CONGESTION_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Controllers (options.congestion, hkp_htp_session_set_congestion()). */
enum { HKP_HTP_CONGESTION_CUBIC = 0, HKP_HTP_CONGESTION_BBR = 1 };

/* What is known of ECN (congestion_info.ecn). */
enum {
    /** packets are marked, nothing came back yet */
    HKP_HTP_ECN_TESTING = 0,
    /** nothing came back in time: packets are not marked until something does */
    HKP_HTP_ECN_UNKNOWN = 1,
    /** marks arrive and are counted */
    HKP_HTP_ECN_CAPABLE = 2,
    /** marks are cleared, altered or not counted: packets are not marked */
    HKP_HTP_ECN_FAILED = 3
};

/** State of the current path; see hkp_htp_session_congestion(). */
struct hkp_htp_congestion_info {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_CONGESTION_* */
    uint32_t controller;
    /** bytes that may be on their way, and that are */
    uint32_t window;
    uint32_t in_flight;
    /** bytes per second at which packets are let go, bursts apart */
    uint64_t pacing_rate;
    /** nanoseconds: smoothed and least round trip, probe timeout */
    uint64_t srtt_ns;
    uint64_t min_rtt_ns;
    uint64_t pto_ns;
    /** packets taken as lost; of them those that were only late; probe timeouts */
    uint64_t lost;
    uint64_t late;
    uint64_t timeouts;
    /** HKP_HTP_ECN_* */
    uint32_t ecn;
    /** packets that the peer sent and the network marked with CE */
    uint32_t ce_received;
};

/**
 * Give a session another controller; what the old one knew but the round trip is forgotten.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  id of an established session
 * @param controller  HKP_HTP_CONGESTION_*
 *
 * @retval HKP_OK  done; the same controller as before goes on as it was
 * @retval HKP_E_INVAL  ep is NULL or controller is unknown
 * @retval HKP_E_NOTFOUND  no such session
 * @retval HKP_E_STATE  not established
 *
 * Cost: none.
 * Source: HTP-10.5, decision 0330.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_set_congestion(hkp_htp_endpoint *ep, uint64_t session,
                                                               uint32_t controller);

/**
 * Read how fast the current path of a session may send, and what was lost.
 *
 * @param ep  endpoint; borrowed
 * @param session  id of an established session
 * @param out  struct with struct_size set; written, untouched on failure
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL or struct_size is too small
 * @retval HKP_E_NOTFOUND  no such session
 * @retval HKP_E_STATE  not established
 *
 * Cost: none.
 * Source: HTP-10.3, HTP-10.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_congestion(const hkp_htp_endpoint *ep, uint64_t session,
                                                           struct hkp_htp_congestion_info *out);

#ifdef __cplusplus
}
#endif

#endif
