/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: what a session may carry. Its owner judges the peer: trust, certificates, seats, integrity.
 * One table (HTP-8.6) makes of that the classes, lanes and acts that are accepted; a session obeys it at
 * once, and tells which line of the table took what away.
 */
#ifndef HOOKPROBE_HTP_TRUST_H
#define HOOKPROBE_HTP_TRUST_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Trust as Q0.16 where the lines of HTP-8.6 begin, and the most that a condition leaves (NZ1 16). */
enum {
    HKP_HTP_TRUST_ONE = 65535,
    /** 0.80: all that permissions allow */
    HKP_HTP_TRUST_FULL = 52428,
    /** 0.50: no writes of policy and files, no workloads, no ENDORSE */
    HKP_HTP_TRUST_READ = 32768,
    /** 0.30: evidence and repair; below it a session ends. Mode N has no more than this in cases 2 and 3 */
    HKP_HTP_TRUST_LEAST = 19660,
    /** 0.40: no peer has more whose integrity is not the one that policy wants */
    HKP_HTP_TRUST_CHANGED = 26214
};

/* judgement.integrity */
enum {
    /** as policy wants it, or not known */
    HKP_HTP_INTEGRITY_GOOD = 0,
    /** it changed: trust is at most HKP_HTP_TRUST_CHANGED */
    HKP_HTP_INTEGRITY_LIMIT = 1,
    /** it changed: the session ends with HKP_HTP_REASON_POLICY */
    HKP_HTP_INTEGRITY_CLOSE = 2
};

/* Lines of the table, from the mildest to the strictest. */
enum {
    /** T >= 0.80: all that permissions allow */
    HKP_HTP_LINE_FULL = 0,
    /** 0.50 <= T < 0.80 */
    HKP_HTP_LINE_READ = 1,
    /** 0.30 <= T < 0.50 */
    HKP_HTP_LINE_REPAIR = 2,
    /** the integrity of the peer changed; beside the line of what trust is left */
    HKP_HTP_LINE_INTEGRITY = 3,
    /** mode N, case 2 or 3 */
    HKP_HTP_LINE_ENROL = 4,
    /** mode N, case 4 */
    HKP_HTP_LINE_SIGNED = 5,
    /** a certificate or a list is too old (HTP-8.7) */
    HKP_HTP_LINE_STALE = 6,
    /** T < 0.30 between two members of the validator set */
    HKP_HTP_LINE_VALIDATORS = 7,
    /** T < 0.30: CLOSE(TRUST) */
    HKP_HTP_LINE_TRUST = 8,
    /** the integrity of the peer changed, and policy ends its sessions: CLOSE(POLICY) */
    HKP_HTP_LINE_POLICY = 9
};

/* rights.acts: what the peer may do inside the classes that it may use. */
enum {
    /** class POLICY carries more than CA objects */
    HKP_HTP_ACT_POLICY_READ = 1,
    HKP_HTP_ACT_POLICY_WRITE = 2,
    /** FILE CREATE, UPDATE, DELETE */
    HKP_HTP_ACT_FILE_WRITE = 4,
    HKP_HTP_ACT_WORKLOAD = 8,
    HKP_HTP_ACT_ENDORSE = 16,
    /** PROPOSE on class COMMIT */
    HKP_HTP_ACT_PROPOSE = 32,
    HKP_HTP_ACT_ALL = 63
};

/** What the owner of a session holds of its peer. */
struct hkp_htp_judgement {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** T, Q0.16 */
    uint16_t trust;
    /** 1: what is shown or held at either end is too old (HTP-8.7) */
    uint8_t stale;
    /** 1: both ends are members of the current validator set */
    uint8_t validators;
    /** HKP_HTP_INTEGRITY_* */
    uint8_t integrity;
    /** zero */
    uint8_t reserved0[7];
};

/** What a peer may do, and why no more. */
struct hkp_htp_rights {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_LINE_*: the strictest line that holds */
    uint32_t line;
    /** bit n: line n holds; what is accepted is what all of them leave */
    uint32_t lines;
    /** HKP_HTP_ACT_* */
    uint32_t acts;
    /** bit n: lane n of class DSM */
    uint32_t lanes;
    /** T after the limits of mode and integrity, Q0.16 */
    uint16_t trust;
    /** 0, or the HKP_HTP_REASON_* that the session ends with */
    uint16_t close;
    /** bit n: class n */
    uint64_t classes_low;
    /** bit n: class 64 + n */
    uint64_t classes_high;
};

/** The rights of a session now, and the change that led to them. */
struct hkp_htp_session_rights {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_LINE_* before the last change */
    uint32_t line_before;
    /** T before the last change, as rights.trust */
    uint16_t trust_before;
    /** 1: the owner judged this peer; else only mode and certificates of the handshake count */
    uint8_t judged;
    /** zero */
    uint8_t reserved0[5];
    /** without what the owner did not allow (hkp_htp_session_allow()) */
    struct hkp_htp_rights rights;
};

/**
 * The table: what a judgement leaves of a session.
 *
 * @param judgement  borrowed
 * @param mode  HKP_HTP_MODE_*
 * @param n_case  case 1..4 of HTP-3.9 in mode N; ignored in mode R
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  written
 * @retval HKP_E_INVAL  an argument is NULL or out of range, or a struct_size is too small; nothing written
 *
 * Cost: none.
 * Source: HTP-8.6, NZ1 16.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_trust_rights(const struct hkp_htp_judgement *judgement, uint32_t mode,
                                                     uint32_t n_case, struct hkp_htp_rights *out);

/**
 * A line of the table in words, for logs.
 *
 * @param line  HKP_HTP_LINE_*
 *
 * @return such as "trust below 0.30", NUL-terminated, static; "unknown" for other values
 *
 * Cost: none.
 * Source: HTP-8.6, HTP-15.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_trust_line_text(uint32_t line);

/**
 * Judge the peer of a session; what it may no longer do ends with this call.
 *
 * Streams of classes that it may not use any more get STOP with code 1, datagrams of them are dropped, and
 * where the table says so the session is closed. When its rights changed, HKP_HTP_EVENT_RIGHTS follows and
 * the registry gets HKP_HTP_NOTE_RIGHTS. It holds until it is judged again; V tells T to the peer.
 *
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param session  number of the session
 * @param judgement  borrowed; replaces the one before, and what the handshake found of certificates
 *
 * @retval HKP_OK  done; the session may be closing
 * @retval HKP_E_INVAL  an argument is NULL or out of range; nothing changed
 * @retval HKP_E_NOTFOUND  no such session, or it has ended; nothing changed
 * @retval HKP_E_STATE  the session is not established; nothing changed
 *
 * Cost: no allocation; one pass over the streams of the session.
 * Source: HTP-8.6, HTP-8.7.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_judge(hkp_htp_endpoint *ep, hkp_time now, uint64_t session,
                                                      const struct hkp_htp_judgement *judgement);

/**
 * Read what a session may carry, and why no more.
 *
 * @param ep  endpoint; borrowed
 * @param session  number of the session
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  written
 * @retval HKP_E_INVAL  out is NULL or its struct_size is too small
 * @retval HKP_E_NOTFOUND  no such session, or it has ended
 * @retval HKP_E_STATE  the session was never established
 *
 * Cost: none.
 * Source: HTP-8.6.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_session_rights(const hkp_htp_endpoint *ep, uint64_t session,
                                                       struct hkp_htp_session_rights *out);

#ifdef __cplusplus
}
#endif

#endif
