/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: what an endpoint does, as lines of JSON, and its keys, for a debugger of packets.
 *
 * Both are absent unless the library was built with -Dtrace=enabled, and silent until they are switched on.
 * Whoever has the key log reads what the sessions in it said: switch it on for a test, never in the field.
 * tools/htp.lua makes Wireshark and tshark read HTP, and with a key log its contents.
 */
#ifndef HOOKPROBE_HTP_TRACE_H
#define HOOKPROBE_HTP_TRACE_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** longest line, without a terminating zero */
    HKP_HTP_TRACE_LINE_MAX = 2048
};

/** Where lines go. A line is valid during the call only; it has no newline and no terminating zero. */
struct hkp_htp_trace {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    uint32_t reserved0;
    /** given to the functions, borrowed */
    void *user;
    /** one JSON text: the first is the header of the trace, all others are events; NULL: no events */
    void (*event)(void *user, const char *json, size_t len);
    /** one line of the key log; NULL: no keys */
    void (*key)(void *user, const char *line, size_t len);
};

/**
 * Switch the trace and the key log of an endpoint on, off or elsewhere; sessions that exist are told too.
 *
 * @param ep       not NULL
 * @param trace    copied; NULL: both off
 * @param now      monotonic time, nanoseconds
 * @param wall_us  Unix time of now, microseconds
 *
 * @retval HKP_OK             done
 * @retval HKP_E_UNSUPPORTED  the library was built without it
 * @retval HKP_E_INVAL        ep is NULL, or trace->struct_size is too small
 *
 * Cost: one line for each session that is up.
 * Source: HTP-18.4, qlog (draft-ietf-quic-qlog-main-schema).
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_trace_set(hkp_htp_endpoint *ep, const struct hkp_htp_trace *trace,
                                                  hkp_time now, uint64_t wall_us);

#ifdef __cplusplus
}
#endif

#endif
