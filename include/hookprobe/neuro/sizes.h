/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: sizes in bytes and limits.
 */
#ifndef HOOKPROBE_NEURO_SIZES_H
#define HOOKPROBE_NEURO_SIZES_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits (NZ1 0.2, 12, 17, 22; SYN-2.3). */
enum {
    /** a serialised state */
    HKP_NEURO_STATE_SIZE = 112052,
    HKP_NEURO_RBA_SIZE = 192,
    HKP_NEURO_ENROL_SIZE = 616,
    HKP_NEURO_CTX_SIZE = 72,
    /** policy keys of one object */
    HKP_NEURO_KEYS_MAX = 8,
    /** TERs between commits, default */
    HKP_NEURO_COMMIT_TERS = 4096,
    /** TERs replayed in one burst without a cap on trust */
    HKP_NEURO_CATCHUP_MAX = 65536,
    /** records in one LOG message */
    HKP_NEURO_LOG_RECORDS_MAX = 1024,
    /** bytes of the largest message that an owner or holder sends */
    HKP_NEURO_SEND_MAX = 65548,
    /** bytes of records that one call of hkp_neuro_owner_log() takes */
    HKP_NEURO_LOG_BYTES_MAX = 65536,
    /** TERs that a holder keeps */
    HKP_NEURO_KEPT_MAX = 131072,
    HKP_NEURO_DRIFT_ALIGNED = 10000,
    HKP_NEURO_DRIFT_LOST = 50000,
    /** 1.0 in trust */
    HKP_NEURO_ONE = 65536
};
#define HKP_NEURO_COMMIT_NS 3600000000000ULL

#ifdef __cplusplus
}
#endif

#endif
