/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The congestion controller of one path, behind the interface of HTP-10.5: what was acknowledged and lost
 * comes in, the window goes out. This one is NewReno (RFC 9002 section 7).
 */
#ifndef HKP_LIBHTP_CONGESTION_H
#define HKP_LIBHTP_CONGESTION_H

#include <hookprobe/base.h>

struct hkp_htp__congestion {
    uint32_t mtu, window, threshold;
    /** bytes acknowledged since the window last grew */
    uint32_t acked;
    /** packets sent up to here belong to the loss that was already answered */
    hkp_time recovery_start;
    int in_recovery;
};

void hkp_htp__congestion_init(struct hkp_htp__congestion *c, uint32_t mtu);
/** One packet of bytes, sent at sent, was acknowledged; limited: the window was in the way of sending. */
void hkp_htp__congestion_on_acked(struct hkp_htp__congestion *c, uint32_t bytes, hkp_time sent, int limited);
/** A packet sent at sent is lost. */
void hkp_htp__congestion_on_lost(struct hkp_htp__congestion *c, hkp_time sent, hkp_time now);
/** Everything was lost for longer than 3 PTOs. */
void hkp_htp__congestion_on_persistent(struct hkp_htp__congestion *c);

static inline uint32_t hkp_htp__congestion_window(const struct hkp_htp__congestion *c) { return c->window; }

#endif
