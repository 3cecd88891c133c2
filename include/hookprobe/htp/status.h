/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: results, and reasons why a session ended (HTP-15).
 */
#ifndef HOOKPROBE_HTP_STATUS_H
#define HOOKPROBE_HTP_STATUS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results, HTP-15.1: HKP_E_HTP_<name> = HKP_E_HTP_BASE - number. */
enum {
    /** shorter than any packet */
    HKP_E_HTP_SHORT = HKP_E_HTP_BASE - 1,
    /** not version 0x0100; as the end of a connect: no common version */
    HKP_E_HTP_VERSION = HKP_E_HTP_BASE - 2,
    /** unknown packet type */
    HKP_E_HTP_TYPE = HKP_E_HTP_BASE - 3,
    /** flags that this type may not have */
    HKP_E_HTP_FLAGS = HKP_E_HTP_BASE - 4,
    /** a length that this type may not have, or that is not that of the datagram */
    HKP_E_HTP_LENGTH = HKP_E_HTP_BASE - 5,
    /** flow token that names nothing here */
    HKP_E_HTP_TOKEN = HKP_E_HTP_BASE - 6,
    /** resonance value wrong before anything was opened */
    HKP_E_HTP_RDV = HKP_E_HTP_BASE - 7,
    /** cookie present and wrong; a new one was sent */
    HKP_E_HTP_COOKIE = HKP_E_HTP_BASE - 8,
    /** a clear field out of its range */
    HKP_E_HTP_FIELD = HKP_E_HTP_BASE - 9,
    /** key agreement with an all-zero result */
    HKP_E_HTP_DH = HKP_E_HTP_BASE - 10,
    /** does not open */
    HKP_E_HTP_AUTH = HKP_E_HTP_BASE - 11,
    /** seen before, or too old to know */
    HKP_E_HTP_REPLAY = HKP_E_HTP_BASE - 12,
    /** key epoch that is not held */
    HKP_E_HTP_EPOCH = HKP_E_HTP_BASE - 13,
    /** not expected in this state or role */
    HKP_E_HTP_STATE = HKP_E_HTP_BASE - 14,
    /** a table or rate of HTP-1.7 is exhausted */
    HKP_E_HTP_LIMIT = HKP_E_HTP_BASE - 15,
    /** opened, but encoded wrongly */
    HKP_E_HTP_INNER = HKP_E_HTP_BASE - 16,
    /** signature wrong */
    HKP_E_HTP_SIG = HKP_E_HTP_BASE - 17,
    /** certificate or identity not acceptable */
    HKP_E_HTP_IDENTITY = HKP_E_HTP_BASE - 18,
    /** the other side does not hold the neural state named */
    HKP_E_HTP_WCOMMIT = HKP_E_HTP_BASE - 19,
    /** neural proof wrong in the handshake */
    HKP_E_HTP_POSF = HKP_E_HTP_BASE - 20,
    /** resonance value wrong although the packet opened */
    HKP_E_HTP_RDV_NEURAL = HKP_E_HTP_BASE - 21,
    /** a choice outside the offer or the policy */
    HKP_E_HTP_DOWNGRADE = HKP_E_HTP_BASE - 22,
    /** refused by the other side; the reason says why */
    HKP_E_HTP_REJECTED = HKP_E_HTP_BASE - 23,
    /** no answer in time */
    HKP_E_HTP_TIMEOUT = HKP_E_HTP_BASE - 24,
    /** TPM quote missing or wrong */
    HKP_E_HTP_ATTESTATION = HKP_E_HTP_BASE - 25,
    /** clocks differ by more than policy allows */
    HKP_E_HTP_CLOCK = HKP_E_HTP_BASE - 26,
    /** policy does not allow this session */
    HKP_E_HTP_POLICY = HKP_E_HTP_BASE - 27,
    /** malformed frame */
    HKP_E_HTP_FRAME = HKP_E_HTP_BASE - 32,
    /** frame unknown or not allowed in this packet */
    HKP_E_HTP_FRAME_TYPE = HKP_E_HTP_BASE - 33,
    /** acknowledges what was never sent */
    HKP_E_HTP_ACK = HKP_E_HTP_BASE - 34,
    /** more data than was allowed */
    HKP_E_HTP_CREDIT = HKP_E_HTP_BASE - 35,
    /** stream rules broken */
    HKP_E_HTP_STREAM = HKP_E_HTP_BASE - 36,
    /** message framing or compression broken */
    HKP_E_HTP_MESSAGE = HKP_E_HTP_BASE - 37,
    /** resonance layer missing where it must be */
    HKP_E_HTP_RES_MISSING = HKP_E_HTP_BASE - 38,
    /** neural proof wrong inside a session */
    HKP_E_HTP_RESONANCE = HKP_E_HTP_BASE - 39,
    /** rekey rules broken */
    HKP_E_HTP_REKEY = HKP_E_HTP_BASE - 40,
    /** too many packets under one key */
    HKP_E_HTP_KEY_LIMIT = HKP_E_HTP_BASE - 41,
    /** too many forgeries under one key */
    HKP_E_HTP_INTEGRITY_LIMIT = HKP_E_HTP_BASE - 42,
    /** a fault of this library or of a function it was given */
    HKP_E_HTP_INTERNAL = HKP_E_HTP_BASE - 43,
    /** nothing heard for too long */
    HKP_E_HTP_IDLE = HKP_E_HTP_BASE - 48,
    /** stateless reset */
    HKP_E_HTP_RESET = HKP_E_HTP_BASE - 49,
    /** closed by either side */
    HKP_E_HTP_CLOSED = HKP_E_HTP_BASE - 50
};

/* Reasons that travel in REJECT and CLOSE, HTP-15.3; never results. From 64 on they are the application's. */
enum {
    HKP_HTP_REASON_REFUSED = 0,
    HKP_HTP_REASON_VERSION = 1,
    HKP_HTP_REASON_SUITE = 2,
    HKP_HTP_REASON_IDENTITY = 3,
    HKP_HTP_REASON_POLICY = 4,
    HKP_HTP_REASON_ATTESTATION = 5,
    HKP_HTP_REASON_RESONANCE_LOST = 6,
    HKP_HTP_REASON_RESONANCE_STALE = 7,
    HKP_HTP_REASON_OVERLOAD = 8,
    HKP_HTP_REASON_CLOCK = 9,
    HKP_HTP_REASON_DONE = 16,
    HKP_HTP_REASON_SLEEP = 17,
    HKP_HTP_REASON_TRUST = 18,
    HKP_HTP_REASON_REPLACED = 19,
    HKP_HTP_REASON_SHUTDOWN = 20,
    HKP_HTP_REASON_FRAME = 32,
    HKP_HTP_REASON_FRAME_TYPE = 33,
    HKP_HTP_REASON_ACK = 34,
    HKP_HTP_REASON_CREDIT = 35,
    HKP_HTP_REASON_STREAM = 36,
    HKP_HTP_REASON_MESSAGE = 37,
    HKP_HTP_REASON_RES_MISSING = 38,
    HKP_HTP_REASON_RESONANCE = 39,
    HKP_HTP_REASON_REKEY = 40,
    HKP_HTP_REASON_KEY_LIMIT = 41,
    HKP_HTP_REASON_INTEGRITY_LIMIT = 42,
    HKP_HTP_REASON_INTERNAL = 43,
    HKP_HTP_REASON_APPLICATION = 64
};

/* What a caller sees of an ended session or connect, HTP-15.3; the first is the kind of all others. */
enum {
    HKP_HTP_KIND_NONE = 0,
    HKP_HTP_KIND_ERROR = 1,
    HKP_HTP_KIND_AUTHENTICATION = 2,
    HKP_HTP_KIND_RESONANCE = 3,
    HKP_HTP_KIND_EXPIRED = 4
};

/**
 * Name of a result, for logs.
 *
 * @param status  any value
 *
 * @return such as "HKP_E_HTP_AUTH", NUL-terminated, static; "unknown" for what is neither base nor HTP
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_status_name(hkp_status status);

/**
 * What a host does with a result.
 *
 * @param status  any value
 *
 * @return HKP_CLASS_*; HKP_CLASS_BUG for values that are neither base nor HTP
 *
 * Cost: none.
 * Source: HTP-15.1.
 * Since: hookprobe-htp 0.1
 */
HKP_API uint32_t hkp_htp_status_class(hkp_status status);

/**
 * Name of a reason of REJECT or CLOSE, for logs.
 *
 * @param reason  any value
 *
 * @return such as "RESONANCE", NUL-terminated, static; "APPLICATION" from 64 on, "UNKNOWN" for gaps
 *
 * Cost: none.
 * Source: HTP-15.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_reason_name(uint16_t reason);

/**
 * Kind of error that a caller is shown for the end of a session or connect.
 *
 * @param result  result of the event
 * @param reason  HKP_HTP_REASON_* of the event
 *
 * @return HKP_HTP_KIND_*
 *
 * Cost: none.
 * Source: HTP-15.3.
 * Since: hookprobe-htp 0.1
 */
HKP_API uint32_t hkp_htp_kind(hkp_status result, uint16_t reason);

#ifdef __cplusplus
}
#endif

#endif
