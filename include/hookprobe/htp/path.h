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
    /** SWARM: a key epoch is over; add a path from a fresh port, and the oldest goes */
    HKP_HTP_PATH_WANTED = 5
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
