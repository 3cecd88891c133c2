/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: its results, and what a host does with them (NZ1 23, SYN-10).
 */
#ifndef HOOKPROBE_NEURO_STATUS_H
#define HOOKPROBE_NEURO_STATUS_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results of this library: HKP_E_NEURO_BASE - code (NZ1 23, SYN-10). */
enum {
    HKP_E_NEURO_TIME = -0x23C,
    HKP_E_NEURO_STEP = -0x23D,
    HKP_E_NEURO_LENGTH = -0x23E,
    HKP_E_NEURO_MAGIC = -0x23F,
    HKP_E_NEURO_VERSION = -0x240,
    HKP_E_NEURO_FLAGS = -0x241,
    HKP_E_NEURO_COUNT = -0x242,
    HKP_E_NEURO_WEIGHT = -0x243,
    HKP_E_NEURO_STATE = -0x244,
    HKP_E_NEURO_RBA_FORMAT = -0x246,
    HKP_E_NEURO_RBA_NODE = -0x247,
    HKP_E_NEURO_RBA_SIGNER = -0x248,
    HKP_E_NEURO_RBA_SIGNATURE = -0x249,
    HKP_E_NEURO_RBA_ROOT = -0x24A,
    HKP_E_NEURO_RBA_VERSION = -0x24B,
    HKP_E_NEURO_RBA_EXPIRED = -0x24C,
    HKP_E_NEURO_REPLAY_BASE = -0x250,
    HKP_E_NEURO_REPLAY_TER = -0x251,
    HKP_E_NEURO_REPLAY_REBASE = -0x252,
    HKP_E_NEURO_REPLAY_SHORT = -0x253,
    HKP_E_NEURO_REPLAY_HCHAIN = -0x254,
    HKP_E_NEURO_REPLAY_PROOF = -0x255,
    HKP_E_NEURO_ENROL_LENGTH = -0x25A,
    HKP_E_NEURO_ENROL_CHAIN = -0x25B,
    HKP_E_NEURO_ENROL_NODE = -0x25C,
    HKP_E_NEURO_ENROL_CERT = -0x25D,
    HKP_E_NEURO_ENROL_STATE = -0x25E,
    HKP_E_NEURO_ENROL_TER = -0x25F,
    HKP_E_NEURO_ENROL_POLICY = -0x260,
    HKP_E_NEURO_ENROL_TAG = -0x261,
    HKP_E_NEURO_SYN_LENGTH = -0x264,
    HKP_E_NEURO_SYN_VERSION = -0x265,
    HKP_E_NEURO_SYN_RESERVED = -0x266,
    HKP_E_NEURO_SYN_TYPE = -0x267,
    HKP_E_NEURO_SYN_COUNT = -0x268,
    HKP_E_NEURO_SYN_RECORD = -0x269,
    HKP_E_NEURO_SYN_RANGE = -0x26A,
    HKP_E_NEURO_SYN_ROLE = -0x26B,
    HKP_E_NEURO_SYN_NODE = -0x26C,
    HKP_E_NEURO_SYN_GEN = -0x26D,
    HKP_E_NEURO_SYN_MAC = -0x26E,
    HKP_E_NEURO_SYN_POSF = -0x26F,
    HKP_E_NEURO_SYN_ORDER = -0x270,
    HKP_E_NEURO_SYN_SIGNER = -0x271,
    HKP_E_NEURO_SYN_GROUP = -0x272,
    HKP_E_NEURO_SYN_SIG = -0x273,
    HKP_E_NEURO_SYN_SUITE = -0x274,
    HKP_E_NEURO_SYN_CE = -0x275,
    HKP_E_NEURO_SYN_REPLAY = -0x276,
    HKP_E_NEURO_SYN_SKIP = -0x277,
    HKP_E_NEURO_SYN_AUTH = -0x278,
    HKP_E_NEURO_SYN_MAGIC = -0x279,
    HKP_E_NEURO_SYN_SHARE = -0x27A,
    HKP_E_NEURO_SYN_SHARE_DUP = -0x27B,
    HKP_E_NEURO_SYN_SHARE_COUNT = -0x27C,
    /* the lab, <hookprobe/neuro_lab.h> (LAB-10) */
    HKP_E_NEURO_LAB_ARCH = -0x28C,
    HKP_E_NEURO_LAB_ROUNDS = -0x28D,
    HKP_E_NEURO_LAB_LIMIT = -0x28E,
    HKP_E_NEURO_LAB_LENGTH = -0x28F,
    HKP_E_NEURO_LAB_RANGE = -0x290,
    HKP_E_NEURO_LAB_STATE = -0x291,
    HKP_E_NEURO_LAB_CANCELLED = -0x292,
    HKP_E_NEURO_LAB_UNENCODABLE = -0x293,
    HKP_E_NEURO_LAB_COMMIT = -0x294,
    HKP_E_NEURO_LAB_ABORT = -0x295,
    HKP_E_NEURO_LAB_ROUND = -0x296,
    HKP_E_NEURO_LAB_FILE = -0x297
};

/**
 * Name of a result of this library or of those below.
 *
 * @param status  any
 *
 * @return "E_NEURO_TIME" and the like, NUL-terminated, static
 *
 * Cost: none.
 * Source: NZ1 23, SYN-10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_status_name(hkp_status status);

/**
 * What a host does with a result of this library or of those below.
 *
 * @param status  any
 *
 * @return HKP_CLASS_*
 *
 * Cost: none.
 * Source: NZ1 23, SYN-10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_status_class(hkp_status status);

#ifdef __cplusplus
}
#endif

#endif
