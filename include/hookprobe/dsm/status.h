/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: results of its functions (D 14), their names, and what a host does with them.
 */
#ifndef HOOKPROBE_DSM_STATUS_H
#define HOOKPROBE_DSM_STATUS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Errors of libdsm: HKP_E_DSM_BASE - code of section 14. */
enum {
    HKP_E_DSM_CBOR_TRUNCATED = -0x401,
    HKP_E_DSM_CBOR_RESERVED = -0x402,
    HKP_E_DSM_CBOR_INDEFINITE = -0x403,
    HKP_E_DSM_CBOR_TAG = -0x404,
    HKP_E_DSM_CBOR_FLOAT = -0x405,
    HKP_E_DSM_CBOR_SIMPLE = -0x406,
    HKP_E_DSM_CBOR_NONMINIMAL = -0x407,
    HKP_E_DSM_CBOR_RANGE = -0x408,
    HKP_E_DSM_CBOR_UTF8 = -0x409,
    HKP_E_DSM_CBOR_DEPTH = -0x40A,
    HKP_E_DSM_CBOR_KEY_TYPE = -0x40B,
    HKP_E_DSM_CBOR_KEY_DUP = -0x40C,
    HKP_E_DSM_CBOR_KEY_ORDER = -0x40D,
    HKP_E_DSM_CBOR_TRAILING = -0x40E,
    /** unknown or missing key, wrong type, value out of range */
    HKP_E_DSM_SCHEMA = -0x414,
    /** a version above the known one; ignore, it costs the sender nothing */
    HKP_E_DSM_VERSION = -0x415,
    HKP_E_DSM_KIND = -0x416,
    HKP_E_DSM_TOO_BIG = -0x417,
    /** no certificate of this signer is known; it may be asked for */
    HKP_E_DSM_SIGNER = -0x418,
    HKP_E_DSM_SIG = -0x419,
    HKP_E_DSM_SIG_ORDER = -0x41A,
    HKP_E_DSM_SIG_COUNT = -0x41B,
    HKP_E_DSM_QUORUM = -0x41C,
    HKP_E_DSM_CA_VERSION = -0x41D,
    HKP_E_DSM_NODE_ID = -0x41E,
    HKP_E_DSM_VALIDITY = -0x41F,
    HKP_E_DSM_NOT_YET = -0x420,
    HKP_E_DSM_EXPIRED = -0x421,
    HKP_E_DSM_REVOKED = -0x422,
    HKP_E_DSM_STALE = -0x423,
    HKP_E_DSM_NEURO = -0x424,
    HKP_E_DSM_PAYLOAD = -0x425,
    HKP_E_DSM_PREV = -0x426,
    HKP_E_DSM_GAP = -0x427,
    HKP_E_DSM_OLD = -0x428,
    HKP_E_DSM_DUPLICATE = -0x429,
    HKP_E_DSM_FORK = -0x42A,
    HKP_E_DSM_TIME = -0x42B,
    /** E_TIME of the retry class: dated ahead of the receiver; hold, do not punish */
    HKP_E_DSM_TIME_AHEAD = -0x42C,
    HKP_E_DSM_PROOF = -0x42D,
    HKP_E_DSM_VIEW = -0x42E,
    HKP_E_DSM_SCHEME = -0x42F,
    HKP_E_DSM_EPOCH = -0x430,
    HKP_E_DSM_BITMAP = -0x431,
    HKP_E_DSM_EVIDENCE = -0x432,
    HKP_E_DSM_ATTEST = -0x433,
    HKP_E_DSM_WAL_CORRUPT = -0x434,
    HKP_E_DSM_HOST = -0x435,
    HKP_E_DSM_OP = -0x436,
    HKP_E_DSM_LANE = -0x437,
    /** the signer's certificate lacks the role that this object needs */
    HKP_E_DSM_ROLE = -0x438,
    /** not for this node, or not for its tier */
    HKP_E_DSM_TARGET = -0x439,
    /** no ORDER in force allows it; one may come */
    HKP_E_DSM_ORDER = -0x43A,
    /** more than a ration, no room for it now, or the peer is sent away for a time: dropped (D-GSP-15, -17)
     */
    HKP_E_DSM_RATE = -0x43B
};

/**
 * Name of a result of this library.
 *
 * @param status  a result of base.h, libter or this library
 *
 * @return "E_DSM_QUORUM" for a code of section 14, otherwise as hkp_ter_status_name(); static
 *
 * Cost: none.
 * Source: D 14.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_status_name(hkp_status status);

/**
 * What a host does with a result of this library.
 *
 * @param status  a result of base.h, libter or this library
 *
 * @return HKP_CLASS_OK, _IGNORE, _RETRY, _DEAD or _BUG; an unknown number is _BUG
 *
 * Cost: none.
 * Source: D 14 "Classes".
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_status_class(hkp_status status);

#ifdef __cplusplus
}
#endif

#endif
