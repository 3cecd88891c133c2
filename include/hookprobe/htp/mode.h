/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: transport modes and energy (HTP-11). A mode says how the packets that this side sends look
 * and when they go: padding, jitter, holding back, heartbeats. It is the sender's own choice and never
 * changes what a receiver accepts. Which modes the two sides of a session use need not be the same.
 */
#ifndef HOOKPROBE_HTP_MODE_H
#define HOOKPROBE_HTP_MODE_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** HTP-11.1: some padding, heartbeats of 30 s */
    HKP_HTP_TRANSPORT_BALANCED = 0,
    /** little padding, no pacing of up to 10 packets, heartbeats of 15 s */
    HKP_HTP_TRANSPORT_BURST = 1,
    /** few packet sizes, data held up to 100 ms; needs feature MASK */
    HKP_HTP_TRANSPORT_STEALTH = 2,
    /** two packet sizes, data held up to 1 s, all packets with resonance layer, NAT bindings lapse; needs
     *  feature MASK */
    HKP_HTP_TRANSPORT_GHOST = 3,
    /** several paths at once where both sides have feature SWARM; else padding and times of it only */
    HKP_HTP_TRANSPORT_SWARM = 4,
    /** not a mode but a wish: BALANCED, BURST or SWARM as measured conditions say (HTP-11.5) */
    HKP_HTP_TRANSPORT_AUTO = 255,

    /** why a mode is in force: option of the endpoint */
    HKP_HTP_WHY_DEFAULT = 0,
    /** hkp_htp_transport_set() */
    HKP_HTP_WHY_CALL = 1,
    /** AUTO: battery below 20 % or load above 95 % */
    HKP_HTP_WHY_ENERGY = 2,
    /** AUTO: more than 15 % lost, or round trips above 1.5 times the least of the last hour */
    HKP_HTP_WHY_PATH = 3,
    /** AUTO: a long send queue */
    HKP_HTP_WHY_QUEUE = 4,
    /** AUTO: none of these any more */
    HKP_HTP_WHY_CALM = 5,
    /** the mode of the endpoint needs MASK, and the peer has not got it */
    HKP_HTP_WHY_NO_MASK = 6,

    /** types of HTP-8.3 */
    HKP_HTP_NAT_UNKNOWN = 0,
    HKP_HTP_NAT_FULL_CONE = 1,
    HKP_HTP_NAT_RESTRICTED = 2,
    HKP_HTP_NAT_SYMMETRIC = 3,
    HKP_HTP_NAT_CARRIER = 4,
    HKP_HTP_NAT_NONE = 5,

    /** levels of HTP-11.7 */
    HKP_HTP_ENERGY_NORMAL = 0,
    HKP_HTP_ENERGY_SAVE = 1,
    HKP_HTP_ENERGY_LOW = 2,
    HKP_HTP_ENERGY_CRITICAL = 3,
    /** percent: not known */
    HKP_HTP_PERCENT_UNKNOWN = 255,

    /** files that a level lets go: all; those of low priority wait; none but of class TER and COMMIT */
    HKP_HTP_FILES_ALL = 0,
    HKP_HTP_FILES_URGENT = 1,
    HKP_HTP_FILES_RECORDS = 2
};

/** Transport of a session as it stands. */
struct hkp_htp_transport {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_TRANSPORT_* in force for what we send */
    uint8_t mode;
    /** HKP_HTP_TRANSPORT_* asked for, AUTO too */
    uint8_t wanted;
    /** HKP_HTP_WHY_* */
    uint8_t why;
    /** 1: the peer is in GHOST and silent, so that nothing is sent until it speaks (HTP-11.4) */
    uint8_t waits;
    /** what the peer told with its last heartbeat: mode, percent (255: unknown or mains), load, NAT type */
    uint8_t peer_mode;
    uint8_t peer_energy;
    uint8_t peer_load;
    uint8_t peer_nat;
    /** heartbeat interval in force, seconds */
    uint16_t heartbeat_s;
    /** longest that adaptation to the NAT may reach, seconds */
    uint16_t heartbeat_most_s;
    /** AUTO: packets of 1000 lost between the last two checks; 0 also when there were too few */
    uint32_t loss_permille;
    /** since when the mode is in force, monotonic nanoseconds */
    hkp_time since;
    /** least round trip of the last hour, nanoseconds; 0: not known */
    uint64_t hour_rtt_ns;
};

/** What the machine has left. */
struct hkp_htp_energy {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** of the battery, 0..100, or HKP_HTP_PERCENT_UNKNOWN */
    uint8_t percent;
    /** 1: it runs on mains */
    uint8_t mains;
    /** of all processors together, percent, 0..100 */
    uint8_t load;
    /** zero */
    uint8_t reserved0;
};

/** What follows from it, HTP-11.7. */
struct hkp_htp_energy_plan {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_ENERGY_*; SAVE also when the load is above 95 % */
    uint8_t level;
    /** HKP_HTP_FILES_* */
    uint8_t files;
    /** percent of the pacing rate: 100, 50 or 25 */
    uint8_t pacing;
    /** 0: nothing is compressed */
    uint8_t compress;
    /** period in which the caller should send its TERs, nanoseconds; 0: once, now */
    uint64_t ter_batch_ns;
    /** CRITICAL: when all sessions are closed with SLEEP, monotonic; HKP_TIME_NEVER: not */
    hkp_time sleep_at;
};

/**
 * Choose the transport mode of a session, or let it be switched by what is measured.
 *
 * HKP_HTP_EVENT_TRANSPORT follows when another mode came into force, now or later by AUTO.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 * @param mode  HKP_HTP_TRANSPORT_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  no such mode; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 * @retval HKP_E_HTP_STATE  the mode needs feature MASK, which the session has not got; nothing changed
 *
 * Cost: no allocation; a heartbeat when the interval changes.
 * Source: HTP-11.1, HTP-11.2, HTP-11.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_transport_set(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                      uint32_t mode);

/**
 * Read the transport of a session.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  out is NULL or struct_size is too small
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing written
 * @retval HKP_E_STATE  the session is not established; nothing written
 *
 * Cost: none.
 * Source: HTP-11.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_transport_info(const hkp_htp_endpoint *ep, uint64_t session,
                                                       struct hkp_htp_transport *out);

/**
 * Draw the time to the next of a caller's own scheduled sends, with the jitter of the session's mode.
 *
 * @param ep  endpoint; borrowed, changed: it draws
 * @param session  number of the session
 * @param period_ns  nanoseconds, such as ter_batch_ns of the energy plan
 * @param delay_ns  receives nanoseconds, from half the period to half as much again; untouched on failure
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  delay_ns is NULL
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: a few random bytes.
 * Source: HTP-11.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_transport_delay(hkp_htp_endpoint *ep, uint64_t session,
                                                        uint64_t period_ns, uint64_t *delay_ns);

/**
 * Say which NAT this endpoint is behind, for all its sessions.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param nat  HKP_HTP_NAT_*
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  no such type; nothing changed
 *
 * Cost: one pass over the sessions.
 * Source: HTP-8.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_endpoint_set_nat(hkp_htp_endpoint *ep, hkp_time now, uint32_t nat);

/**
 * Guess which NAT this endpoint is behind from how its peers see it.
 *
 * Tells no NAT, a symmetric one (two peers see two ports of one socket), and nothing else apart; the
 * guess changes nothing until it is given to hkp_htp_endpoint_set_nat().
 *
 * @param ep  endpoint; borrowed
 * @param local  own address and port on the carrier that is asked about; borrowed
 * @param nat  receives HKP_HTP_NAT_NONE, _SYMMETRIC or _UNKNOWN; untouched on failure
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: one pass over the sessions.
 * Source: HTP-8.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_nat_guess(const hkp_htp_endpoint *ep,
                                                  const struct hkp_htp_path *local, uint32_t *nat);

/**
 * Tell the endpoint what the machine has left; repeat it when that changes, such as every 10 s.
 *
 * In level CRITICAL all sessions are closed with SLEEP 3 s after it began: what the peers must have is to be
 * sent before. A session that is established in that level has 3 s, too.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param energy  struct with struct_size set; borrowed
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL, out of range or too short; nothing changed
 *
 * Cost: one pass over the sessions when the level changes.
 * Source: HTP-11.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_energy_set(hkp_htp_endpoint *ep, hkp_time now,
                                                   const struct hkp_htp_energy *energy);

/**
 * What follows from the energy that is left.
 *
 * @param ep  endpoint; borrowed
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL or struct_size is too small
 *
 * Cost: none.
 * Source: HTP-11.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_energy_info(const hkp_htp_endpoint *ep,
                                                    struct hkp_htp_energy_plan *out);

/**
 * Read battery and load of this machine: power_supply of sysfs, and the load of the last minute.
 *
 * Without a battery it runs on mains. Batteries of devices such as mice do not count, larger ones count for
 * more. It touches the system.
 *
 * @param sys  NUL-terminated root of sysfs; borrowed; NULL: "/sys"
 * @param proc  NUL-terminated folder that holds loadavg; borrowed; NULL: "/proc"
 * @param processors  1..65536 that share the load; 0: those of this machine
 * @param out  struct with struct_size set; written; untouched on failure
 *
 * @retval HKP_OK  read
 * @retval HKP_E_INVAL  out is NULL or struct_size is too small, or processors is out of range
 * @retval HKP_E_IO  the load cannot be read
 *
 * Cost: a few small files.
 * Source: HTP-11.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_energy_read(const char *sys, const char *proc, uint32_t processors,
                                                    struct hkp_htp_energy *out);

#ifdef __cplusplus
}
#endif

#endif
