/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: messages of SYN-2.3 and the bodies of NZ1 17, read and written. */
#ifndef HKP_LIBNEURO_MSG_H
#define HKP_LIBNEURO_MSG_H

#include <hookprobe/neuro.h>

enum {
    HKP_NEURO__MSG_HEAD = 4,
    HKP_NEURO__LOG_HEAD = 12,
    HKP_NEURO__PROPOSE_BODY = 112,
    HKP_NEURO__CKACK_BODY = 40,
    HKP_NEURO__RANGE_BODY = 16,
    HKP_NEURO__HAVE_BODY = 48,
    /** largest message that is not LOG, STATE or POLICY */
    HKP_NEURO__SHORT_MAX = 620,
    HKP_NEURO__RANGE_MAX = 65536
};

/** A LOG record inside a checked message; body is borrowed. */
struct hkp_neuro__record {
    uint32_t type;
    const uint8_t *body;
    size_t body_len, size;
};

/** Type, zero and count of a message. */
void hkp_neuro__msg_head(uint8_t *dst, uint32_t type, uint32_t count);
/** One record at bytes[len]: SYN-2.4's errors. */
hkp_status hkp_neuro__record_read(const uint8_t *bytes, size_t len, struct hkp_neuro__record *record);
/** count records and nothing else: SYN-2.4's errors. */
hkp_status hkp_neuro__records_check(const uint8_t *bytes, size_t len, size_t count);
/** A range that WANT and NONE may name. */
int hkp_neuro__range_ok(uint64_t from, uint64_t to);

#endif
