/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the framing of messages between owner and holder (SYN-2).
 */
#ifndef HOOKPROBE_NEURO_MESSAGE_H
#define HOOKPROBE_NEURO_MESSAGE_H

#include <hookprobe/neuro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Classes of HTP streams that carry the messages of SYN-2 (HTP-10.8). */
enum { HKP_NEURO_CLASS_TER = 1, HKP_NEURO_CLASS_COMMIT = 2, HKP_NEURO_CLASS_POLICY = 6 };

/* Types of messages (SYN-2.3). */
enum {
    HKP_NEURO_MSG_LOG = 0x01,
    HKP_NEURO_MSG_PROPOSE = 0x11,
    HKP_NEURO_MSG_CKACK = 0x12,
    HKP_NEURO_MSG_WANT = 0x13,
    HKP_NEURO_MSG_NONE = 0x14,
    HKP_NEURO_MSG_ASK = 0x15,
    HKP_NEURO_MSG_HAVE = 0x16,
    HKP_NEURO_MSG_STATE_WANT = 0x17,
    HKP_NEURO_MSG_STATE = 0x18,
    HKP_NEURO_MSG_ENROL = 0x19,
    HKP_NEURO_MSG_ENROL_OK = 0x1A,
    HKP_NEURO_MSG_REBASE = 0x21,
    HKP_NEURO_MSG_POLICY = 0x22
};

/**
 * Check the framing of a message.
 *
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 * @param type          out, HKP_NEURO_MSG_*
 *
 * @retval HKP_OK                    type is set; the content follows its own rules
 * @retval HKP_E_NEURO_SYN_LENGTH    too short or too long
 * @retval HKP_E_NEURO_SYN_TYPE      unknown, or not of this class
 * @retval HKP_E_NEURO_SYN_RESERVED  a zero field is not zero
 * @retval HKP_E_NEURO_SYN_COUNT     number of log records
 * @retval HKP_E_NEURO_SYN_RECORD    a log record of unknown type or wrong checksum
 * @retval HKP_E_NEURO_SYN_RANGE     empty or too long a range
 *
 * Cost: one checksum for LOG.
 * Source: SYN-2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_msg_check(uint32_t stream_class, const uint8_t *msg, size_t len,
                                                    uint32_t *type);

#ifdef __cplusplus
}
#endif

#endif
