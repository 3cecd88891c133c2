/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: streams and datagrams of a session; what goes first, what is given up in time, what is
 * compressed, which is all the sender's own.
 */
#ifndef HOOKPROBE_HTP_STREAM_H
#define HOOKPROBE_HTP_STREAM_H

#include <hookprobe/htp/endpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** messages of one stream that wait with deadlines of their own, each later than those before */
    HKP_HTP_DEADLINES_MAX = 8,
    /** levels of hkp_htp_stream_compress() */
    HKP_HTP_COMPRESS_OFF = 0,
    HKP_HTP_COMPRESS_FAST = 1,
    HKP_HTP_COMPRESS_BEST = 9
};

/**
 * Open a stream of messages.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream_class  0..127, HKP_HTP_STREAM_*
 * @param bidirectional  1: both may send, 0: only we
 * @param priority  0..7, 0 goes first
 * @param stream  receives the stream number
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_LIMIT  the peer allows no further stream now
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_open(hkp_htp_endpoint *ep, uint64_t session,
                                                    uint32_t stream_class, uint32_t bidirectional,
                                                    uint32_t priority, uint32_t *stream);

/**
 * Send one whole message on a stream.
 *
 * A message of length 0 is sent when len is 0 and message is not NULL.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param message  [len] bytes; copied; NULL with len 0 and fin: only the end
 * @param len  bytes, up to MAX_MESSAGE of the class
 * @param fin  1: the last one; 0: more follow
 *
 * @retval HKP_OK  taken
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  our direction of this stream has ended
 * @retval HKP_E_LIMIT  send buffer full: nothing was taken, HKP_HTP_EVENT_WRITABLE follows
 * @retval HKP_E_TOOBIG  larger than any message of this class
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_send(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                    const uint8_t *message, size_t len, uint32_t fin);

/**
 * Set the longest message that we take on this stream.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param limit  bytes, 1..16 MiB; default MAX_MESSAGE of the class
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 *
 * Cost: none.
 * Source: HTP-10.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_limit(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                     uint32_t limit);

/**
 * Want no more of a stream: sends STOP and drops what still comes.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param code  HKP_HTP_CODE_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  the peer does not send on this stream
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_stop(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                    uint16_t code);

/**
 * Give up our direction of a stream: sends RESET, what was not sent is dropped.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param code  HKP_HTP_CODE_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  we do not send on this stream
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_reset(hkp_htp_endpoint *ep, uint64_t session, uint32_t stream,
                                                     uint16_t code);

/**
 * Send one unreliable datagram.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream_class  0..127, HKP_HTP_STREAM_*
 * @param data  [len] bytes; copied
 * @param len  bytes, 1..1080
 *
 * @retval HKP_OK  taken; it may still be lost
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_LIMIT  too many wait; nothing was taken
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.2.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_datagram_send(hkp_htp_endpoint *ep, uint64_t session,
                                                      uint32_t stream_class, const uint8_t *data, size_t len);

/**
 * Change how soon a stream goes: streams of a lower number go first, those of one number take turns.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param priority  0..7, 0 goes first
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: none.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_priority(hkp_htp_endpoint *ep, uint64_t session,
                                                        uint32_t stream, uint32_t priority);

/**
 * Send one whole message that is worth nothing after a time.
 *
 * If it, and all before it on the stream, was not acknowledged then, our direction of the stream is reset
 * with HKP_HTP_CODE_EXPIRED and HKP_HTP_EVENT_EXPIRED follows; the peer may have got it all the same. Where
 * one must not take others with it, each has a stream of its own.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param message  [len] bytes; copied
 * @param len  bytes, up to MAX_MESSAGE of the class
 * @param fin  1: the last one; 0: more follow
 * @param deadline  nanoseconds, monotonic, later than the newest time that the endpoint was told
 *
 * @retval HKP_OK  taken
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  our direction of this stream has ended
 * @retval HKP_E_LIMIT  send buffer full, or HKP_HTP_DEADLINES_MAX wait: nothing was taken,
 * HKP_HTP_EVENT_WRITABLE follows
 * @retval HKP_E_TOOBIG  larger than any message of this class
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_send_by(hkp_htp_endpoint *ep, uint64_t session,
                                                       uint32_t stream, const uint8_t *message, size_t len,
                                                       uint32_t fin, hkp_time deadline);

/**
 * Give a whole stream a deadline: our direction is reset as in hkp_htp_stream_send_by() if its end was not
 * acknowledged by then.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param deadline  nanoseconds, monotonic, later than the newest time that the endpoint was told;
 * HKP_TIME_NEVER: none; replaces the one before
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  deadline has passed; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  our direction of this stream has ended
 *
 * Cost: no allocation.
 * Source: HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_deadline(hkp_htp_endpoint *ep, uint64_t session,
                                                        uint32_t stream, hkp_time deadline);

/**
 * Compress the messages that we send on a stream from now on, where that makes them shorter.
 *
 * Never where a secret and text that others choose share a message: its length tells of the secret. Only the
 * caller knows; the endpoint compresses nothing unless told. Nothing is compressed while the load of the
 * machine is above 85 %, messages below 64 bytes are not tried, and without memory to
 * work in they go as they are. What comes compressed is always understood.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream  stream number of this session, 0..2^32 - 1
 * @param level  HKP_HTP_COMPRESS_OFF, or HKP_HTP_COMPRESS_FAST..HKP_HTP_COMPRESS_BEST
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session or stream; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: none; the first message takes one working area of 320 KiB for all sessions of the endpoint.
 * Source: HTP-10.7, HTP-11.7, RFC 1950.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_stream_compress(hkp_htp_endpoint *ep, uint64_t session,
                                                        uint32_t stream, uint32_t level);

/**
 * Send one unreliable datagram that is dropped if it could not go before a time.
 *
 * Datagrams go in the order of the calls, before streams. About 60 KiB of them wait for the network at most;
 * of those that came and were not pulled the newest are dropped at the same bound.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session
 * @param stream_class  0..127, HKP_HTP_STREAM_*
 * @param data  [len] bytes; copied
 * @param len  bytes, 1..1080
 * @param deadline  nanoseconds, monotonic, later than the newest time that the endpoint was told;
 * HKP_TIME_NEVER: none
 *
 * @retval HKP_OK  taken; it may still be lost
 * @retval HKP_E_INVAL  an argument is out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_LIMIT  too many wait: nothing was taken, HKP_HTP_EVENT_WRITABLE follows
 *
 * Cost: no allocation; one copy.
 * Source: HTP-10.2, HTP-10.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_datagram_send_by(hkp_htp_endpoint *ep, uint64_t session,
                                                         uint32_t stream_class, const uint8_t *data,
                                                         size_t len, hkp_time deadline);

#ifdef __cplusplus
}
#endif

#endif
