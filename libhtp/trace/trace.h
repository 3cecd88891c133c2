/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Calls that tell a tracer what happens (HTP-18.4). They cost one comparison when nobody listens, and are
 * nothing at all in a library built without -Dtrace=enabled.
 */
#ifndef HKP_LIBHTP_TRACE_H
#define HKP_LIBHTP_TRACE_H

#include "libhtp/endpoint.h"

/** One protected packet, before it is sealed or after it was opened. */
struct hkp_htp__trace_packet {
    uint64_t pn;
    uint32_t epoch;
    uint16_t type;
    uint8_t res, sent;
    const struct hkp_htp_path *path;
    const uint8_t *plain;
    size_t plain_len, len;
};

#ifdef HKP_HTP__TRACED

/** A packet of a session that is up. */
void hkp_htp__trace_packet(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                           const struct hkp_htp__trace_packet *p);
/** A handshake datagram. */
void hkp_htp__trace_handshake(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, int sent,
                              const uint8_t *dgram, size_t len);
/** A datagram that was dropped; session 0: of none. */
void hkp_htp__trace_drop(struct hkp_htp_endpoint *ep, const struct hkp_htp_path *path, size_t len,
                         hkp_status result);
/** Keys of an epoch came into being. */
void hkp_htp__trace_keys(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s,
                         const struct hkp_htp__epoch_secret *e);
/** The session is up, or ended. */
void hkp_htp__trace_state(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s);
/** Round trip, window and losses, after an ACK. */
void hkp_htp__trace_metrics(struct hkp_htp_endpoint *ep, const struct hkp_htp__session *s);

#define HKP_HTP__TRACE(ep, call)                                                                             \
    do {                                                                                                     \
        if ((ep)->trace.event != NULL || (ep)->trace.key != NULL) call;                                      \
    } while (0)

#else

#define HKP_HTP__TRACE(ep, call) (void)(ep)

#endif

#endif
