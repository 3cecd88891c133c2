/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: the paths of a session. A session follows its peer when a NAT gives it another address; E may
 * also move on purpose, to another socket or address. HKP_HTP_EVENT_PATH tells what came of it.
 */
#ifndef HOOKPROBE_HTP_PATH_H
#define HOOKPROBE_HTP_PATH_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values of HKP_HTP_EVENT_PATH; observed is the path. */
enum {
    /** the session goes by this path now */
    HKP_HTP_PATH_MOVED = 1,
    /** nobody answered there: the session stays where it was */
    HKP_HTP_PATH_FAILED = 2,
    /** SWARM: this path carries packets, too, or again */
    HKP_HTP_PATH_ADDED = 3,
    /** SWARM: nothing comes back by this path; it is asked every 10 s */
    HKP_HTP_PATH_ASIDE = 4,
    /** SWARM: one more path from a fresh port is wanted; observed is the first one of the session. A key
     * epoch is over, and the oldest path goes when another comes; or mode SWARM is in force and there are
     * fewer than option swarm_paths. Asked again after 10 s where none comes */
    HKP_HTP_PATH_WANTED = 5,
    /** mode SWARM is over: paths beside the first one are needed no more */
    HKP_HTP_PATH_SPARE = 6
};

/* Values of hkp_htp_session_path.state. */
enum {
    /** packets go by it */
    HKP_HTP_PATH_IS_USED = 1,
    /** it is set aside until an answer comes by it */
    HKP_HTP_PATH_IS_ASIDE = 2,
    /** it is being opened */
    HKP_HTP_PATH_IS_OPENING = 3,
    /** it was left, and something may still come by it */
    HKP_HTP_PATH_IS_LEFT = 4
};

/** One path of a session. */
struct hkp_htp_session_path {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_PATH_IS_*; what follows path is zero but for USED and ASIDE */
    uint32_t state;
    struct hkp_htp_path path;
    /** smoothed round trip, nanoseconds; 0: none yet */
    uint64_t srtt_ns;
    /** bytes that may be on their way there, and that are */
    uint32_t window;
    uint32_t in_flight;
    /** largest packet that the path is known to carry */
    uint32_t datagram_max;
    /** zero */
    uint32_t reserved0;
};

/**
 * Move a session to another path: E asks V there, and goes on there when V answered; HKP_HTP_EVENT_PATH
 * follows.
 *
 * What is sent for the new path comes out of hkp_htp_send() with it, the carrier too: so another carrier is
 * another socket of ours. The old path must go on receiving until the event and for a few round trips after
 * it.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session, in which we are E
 * @param path  address of V and our carrier; borrowed; not the one in use
 *
 * @retval HKP_OK  begun
 * @retval HKP_E_INVAL  path is NULL or the one in use; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established, or we are V; nothing changed
 * @retval HKP_E_LIMIT  a move is under way, or V has given no unused token yet; nothing changed
 * @retval HKP_E_NOMEM  the pool of the endpoint is empty; nothing changed
 * @retval HKP_E_CALLBACK  the generator failed; nothing changed
 *
 * Cost: no allocation but from the pool of the endpoint.
 * Source: HTP-9.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_migrate(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                        const struct hkp_htp_path *path);

/**
 * Send over one more path of the session beside those in use; HKP_HTP_EVENT_PATH follows.
 *
 * Each packet then goes by a path drawn by its free window and round trip. All paths are in use until they
 * are dropped; one that is silent is set aside by itself.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session, in which we are E
 * @param path  address of V and our carrier; borrowed; not one in use
 *
 * @retval HKP_OK  begun
 * @retval HKP_E_INVAL  path is NULL or the first one in use; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_UNSUPPORTED  feature SWARM is not in use; nothing changed
 * @retval HKP_E_STATE  the session is not established, or we are V; nothing changed
 * @retval HKP_E_LIMIT  option swarm_paths, one is being opened, or V has given no unused token; nothing
 * changed
 * @retval HKP_E_NOMEM  the pool of the endpoint is empty; nothing changed
 * @retval HKP_E_CALLBACK  the generator failed; nothing changed
 *
 * Cost: no allocation but from the pool of the endpoint.
 * Source: HTP-11.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_path_add(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                         const struct hkp_htp_path *path);

/**
 * Read the paths of a session, one by one.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param n  0: the first one in use; 1 and on: the others, in no order, until HKP_E_NOTFOUND
 * @param out  struct with struct_size set; written, untouched on failure
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  out is NULL or struct_size is too small
 * @retval HKP_E_NOTFOUND  no such session, it is not established, or it has no more paths
 *
 * Cost: at most a dozen steps.
 * Source: HTP-9.3, HTP-11.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_path(const hkp_htp_endpoint *ep, uint64_t session, uint32_t n,
                                                     struct hkp_htp_session_path *out);

/**
 * Send over a path of the session no more; what was on its way there goes by the others.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session, in which we are E
 * @param path  one of several in use; borrowed
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  path is NULL, not in use, or the only one; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established, or we are V; nothing changed
 *
 * Cost: one pass over what is on its way.
 * Source: HTP-11.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_path_drop(hkp_htp_endpoint *ep, hkp_time now,
                                                          uint64_t session, const struct hkp_htp_path *path);

#ifdef __cplusplus
}
#endif

#endif
