/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: runs of packets. A run is a number of packets of one session to one path, one behind the
 * other in one buffer, all of one size but the last, which may be shorter: what a system takes and gives in
 * one call where it cuts and joins datagrams itself. hkp_htp_send() and hkp_htp_recv() are runs of one.
 */
#ifndef HOOKPROBE_HTP_RUN_H
#define HOOKPROBE_HTP_RUN_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes. */
enum {
    /** packets of one run at most */
    HKP_HTP_RUN_PACKETS = 64,
    /** largest packet: the largest payload of a UDP datagram over IPv4 */
    HKP_HTP_DATAGRAM_CEILING = 65507
};

/** One run of packets; see hkp_htp_run_send() and hkp_htp_run_recv(). */
struct hkp_htp_run {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** ECN field of all packets, 0..3: 0 not capable, 1 ECT(1), 2 ECT(0), 3 congestion experienced */
    uint32_t ecn;
    /** where the packets go, or came from */
    struct hkp_htp_path path;
    /** session that the packets are of, sent ones only; 0: none */
    uint64_t session;
    /** bytes of each packet but the last; the last may be shorter */
    size_t segment;
    /** bytes of all packets; 0: nothing to send */
    size_t len;
};

/**
 * Take the next run of packets that the endpoint wants to send.
 *
 * Call until run->len is 0 after each call that receives, ticks or sends. Packets go out as they lie, or cut
 * into datagrams by the system; several runs may be asked for at one reading of the clocks.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 * @param dst  receives [run->len] bytes; caller's
 * @param cap  bytes, at least HKP_HTP_DATAGRAM_MAX; no packet is larger
 * @param run  struct with struct_size set; written
 *
 * @retval HKP_OK  run->len says how much
 * @retval HKP_E_NOSPC  cap is too small; nothing changed
 * @retval HKP_E_INVAL  an argument is NULL or struct_size is too small
 *
 * Cost: no allocation; one AEAD seal a packet.
 * Source: HTP-7.7, HTP-10, decision 0340.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_run_send(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                                                 uint8_t *dst, size_t cap, struct hkp_htp_run *run);

/**
 * Hand a run of received datagrams to the endpoint, each as if by hkp_htp_recv().
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 * @param run  where they came from, segment, len and ecn; borrowed; segment 0 or above len: one datagram
 * @param dgrams  [run->len] bytes; borrowed for the call, opened in place: their content is lost
 * @param refused  receives how many datagrams were dropped; NULL: not wanted
 *
 * @retval HKP_OK  all datagrams were looked at; drops are counted, and end nothing
 * @retval HKP_E_INVAL  run or dgrams is NULL, or struct_size is too small
 *
 * Cost: as hkp_htp_recv() for each datagram.
 * Source: HTP-2.8, HTP-3.7, HTP-14, decision 0340.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_run_recv(hkp_htp_endpoint *ep, hkp_time now, uint64_t wall_us,
                                                 const struct hkp_htp_run *run, uint8_t *dgrams,
                                                 uint32_t *refused);

/**
 * Tell the endpoint that the system took no datagram of this size for a session: too long for the interface.
 *
 * Path MTU discovery of that path then stays below; packets that were as large go back to
 * HKP_HTP_DATAGRAM_MAX there at once. What was refused counts as lost in its time.
 *
 * @param ep  endpoint; borrowed, changed
 * @param session  number of the session, as in struct hkp_htp_run
 * @param path  where it was to go, as in struct hkp_htp_run; borrowed
 * @param size  bytes of the datagram
 *
 * @retval HKP_OK  noted
 * @retval HKP_E_NOTFOUND  the number names no session
 * @retval HKP_E_INVAL  ep or path is NULL
 *
 * Cost: no allocation.
 * Source: HTP-9.7, decision 0341.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_run_refused(hkp_htp_endpoint *ep, uint64_t session,
                                                    const struct hkp_htp_path *path, size_t size);

#ifdef __cplusplus
}
#endif

#endif
