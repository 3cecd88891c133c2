/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: what an endpoint tells its host, and its counters.
 */
#ifndef HOOKPROBE_HTP_EVENTS_H
#define HOOKPROBE_HTP_EVENTS_H

#include <hookprobe/htp/endpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of events. */
enum {
    /** nothing waits */
    HKP_HTP_EVENT_NONE = 0,
    /** session is established: peer, role, mode, value = case of HTP-3.9 */
    HKP_HTP_EVENT_UP = 1,
    /** session ended: result, reason; its number names nothing any more */
    HKP_HTP_EVENT_DOWN = 2,
    /** connect ended without a session: result, reason, value = seconds to wait before the next try */
    HKP_HTP_EVENT_FAILED = 3,
    /** the peer opened a stream: stream, stream_class, flag BIDIRECTIONAL */
    HKP_HTP_EVENT_STREAM = 4,
    /** one whole message: stream, stream_class, data[len], valid until the next call on the endpoint */
    HKP_HTP_EVENT_MESSAGE = 5,
    /** the peer will send no more on this stream */
    HKP_HTP_EVENT_FIN = 6,
    /** the peer gave this stream up: code; HKP_HTP_CODE_DENIED also when it may not use the class any more */
    HKP_HTP_EVENT_STREAM_RESET = 7,
    /** the peer wants no more on this stream: code; the endpoint resets it */
    HKP_HTP_EVENT_STREAM_STOPPED = 8,
    /** one datagram: stream_class, data[len], valid until the next call on the endpoint */
    HKP_HTP_EVENT_DATAGRAM = 9,
    /** send buffer or stream credit is free again after HKP_E_LIMIT */
    HKP_HTP_EVENT_WRITABLE = 10,
    /** a heartbeat interval passed well (SYN-2.8); value = round trip in nanoseconds */
    HKP_HTP_EVENT_GOOD_HEARTBEAT = 11,
    /** verdict on the clocks: value = HKP_HTP_CLOCK_* */
    HKP_HTP_EVENT_CLOCK = 12,
    /** a new key epoch is in use: value = epoch */
    HKP_HTP_EVENT_REKEYED = 13,
    /** RDV, PoSF or heartbeat response wrong although the packet opened (HTP-3.7): result */
    HKP_HTP_EVENT_ALARM = 14,
    /** the peer sees us at another address: observed */
    HKP_HTP_EVENT_OBSERVED = 15,
    /** the peer told its trust in us: value = Q0.16 */
    HKP_HTP_EVENT_TRUST = 16,
    /** all messages of a stream were acknowledged, FIN too */
    HKP_HTP_EVENT_DELIVERED = 17,
    /** what the peer may do changed: code = HKP_HTP_LINE_*, value = trust before << 16 | trust now, each
     * Q0.16; more by hkp_htp_session_rights() */
    HKP_HTP_EVENT_RIGHTS = 18,
    /** another transport mode is in force: value = HKP_HTP_TRANSPORT_*, code = HKP_HTP_WHY_* */
    HKP_HTP_EVENT_TRANSPORT = 19,
    /** the session's path: value = HKP_HTP_PATH_* (htp/path.h), observed */
    HKP_HTP_EVENT_PATH = 20,
    /** a message of ours was not acknowledged by its deadline: our direction of the stream was reset */
    HKP_HTP_EVENT_EXPIRED = 21,
    /** a heartbeat interval passed in silence of the peer (HTP-8.3); value = which in a row, 1.. */
    HKP_HTP_EVENT_MISSED_HEARTBEAT = 22,
    /** bits of flags */
    HKP_HTP_FLAG_BIDIRECTIONAL = 1
};

/** One event; members that its type does not name are zero. */
struct hkp_htp_event {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_EVENT_* */
    uint32_t type;
    uint64_t session;
    uint8_t peer[16];
    /** result of HTP-15.1 as status */
    hkp_status result;
    /** HKP_HTP_REASON_* */
    uint16_t reason;
    /** stream code */
    uint16_t code;
    /** HKP_HTP_ROLE_* */
    uint8_t role;
    /** HKP_HTP_MODE_* */
    uint8_t mode;
    /** 0..127, HKP_HTP_STREAM_* */
    uint8_t stream_class;
    /** HKP_HTP_FLAG_* */
    uint8_t flags;
    uint32_t stream;
    /** borrowed; not NULL with MESSAGE and DATAGRAM only */
    const uint8_t *data;
    size_t len;
    uint64_t value;
    struct hkp_htp_path observed;
};

/** What an endpoint did since it was made. */
struct hkp_htp_stats {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** entries of V that wait for ATTEST or for the first packet */
    uint32_t half_open;
    /** sessions, both roles */
    uint32_t sessions;
    /** zero */
    uint32_t reserved0;
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    /** datagrams that changed nothing, by number of the result of HTP-15.1 */
    uint64_t dropped[64];
    uint64_t retries_sent;
    uint64_t rejects_sent;
    uint64_t handshakes_done;
    /** answers not sent because too many waited to be pulled */
    uint64_t answers_lost;
};

/**
 * Take the next event.
 *
 * @param ep  endpoint; borrowed, changed
 * @param out  event with struct_size set; written; what it points to is borrowed until the next call on ep
 *
 * @retval HKP_OK  *out holds an event, HKP_HTP_EVENT_NONE if none waits
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: no allocation; a compressed message is inflated here.
 * Source: HTP-10.6, HTP-10.7, HTP-14.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_event(hkp_htp_endpoint *ep, struct hkp_htp_event *out);

/**
 * Copy the counters of an endpoint.
 *
 * @param ep  endpoint; borrowed
 * @param out  struct_size set; written up to struct_size
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_stats(const hkp_htp_endpoint *ep, struct hkp_htp_stats *out);

#ifdef __cplusplus
}
#endif

#endif
