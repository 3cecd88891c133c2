/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Framing of the messages of classes TER, COMMIT and POLICY (SYN-2.3, SYN-2.4). */
#include "libneuro/msg.h"

#include "libter/bytes.h"

#include <hookprobe/ter.h>

enum { RECORD_HEAD = 8, POLICY_MAX = 1048572 };

/** A type: its class and the length of its body; 0 and least..most where it varies. */
struct form {
    uint32_t type, stream_class;
    size_t least, most;
};

static const struct form forms[] = {
    {HKP_NEURO_MSG_LOG, HKP_NEURO_CLASS_TER, 0, SIZE_MAX},
    {HKP_NEURO_MSG_PROPOSE, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__PROPOSE_BODY, HKP_NEURO__PROPOSE_BODY},
    {HKP_NEURO_MSG_CKACK, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__CKACK_BODY, HKP_NEURO__CKACK_BODY},
    {HKP_NEURO_MSG_WANT, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__RANGE_BODY, HKP_NEURO__RANGE_BODY},
    {HKP_NEURO_MSG_NONE, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__RANGE_BODY, HKP_NEURO__RANGE_BODY},
    {HKP_NEURO_MSG_ASK, HKP_NEURO_CLASS_COMMIT, 0, 0},
    {HKP_NEURO_MSG_HAVE, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__HAVE_BODY, HKP_NEURO__HAVE_BODY},
    {HKP_NEURO_MSG_STATE_WANT, HKP_NEURO_CLASS_COMMIT, 8, 8},
    {HKP_NEURO_MSG_STATE, HKP_NEURO_CLASS_COMMIT, 8 + HKP_NEURO_STATE_SIZE, 8 + HKP_NEURO_STATE_SIZE},
    {HKP_NEURO_MSG_ENROL, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_ENROL_SIZE, HKP_NEURO_ENROL_SIZE},
    {HKP_NEURO_MSG_ENROL_OK, HKP_NEURO_CLASS_COMMIT, HKP_NEURO__CKACK_BODY, HKP_NEURO__CKACK_BODY},
    {HKP_NEURO_MSG_REBASE, HKP_NEURO_CLASS_POLICY, HKP_NEURO_RBA_SIZE, HKP_NEURO_RBA_SIZE},
    {HKP_NEURO_MSG_POLICY, HKP_NEURO_CLASS_POLICY, 1, POLICY_MAX},
};

static const struct form *form_of(uint32_t type, uint32_t stream_class) {
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].type == type && forms[i].stream_class == stream_class) return &forms[i];
    return NULL;
}

void hkp_neuro__msg_head(uint8_t *dst, uint32_t type, uint32_t count) {
    dst[0] = (uint8_t)type;
    dst[1] = 0;
    hkp_put_le16(dst + 2, (uint16_t)count);
}

int hkp_neuro__range_ok(uint64_t from, uint64_t to) { return from < to && to - from <= HKP_NEURO__RANGE_MAX; }

hkp_status hkp_neuro__record_read(const uint8_t *bytes, size_t len, struct hkp_neuro__record *record) {
    uint8_t both[RECORD_HEAD - 4 + HKP_TER_LOG_RECORD_MAX];
    if (len < RECORD_HEAD) return HKP_E_NEURO_SYN_LENGTH;
    const uint32_t type = hkp_le16(bytes);
    const size_t body_len = hkp_le16(bytes + 2);
    if (hkp_ter_log_body_size(type) == 0 || body_len != hkp_ter_log_body_size(type))
        return HKP_E_NEURO_SYN_RECORD;
    if (len - RECORD_HEAD < body_len) return HKP_E_NEURO_SYN_LENGTH;
    memcpy(both, bytes, 4);
    memcpy(both + 4, bytes + RECORD_HEAD, body_len);
    if (hkp_ter_crc32(both, 4 + body_len) != hkp_le32(bytes + 4)) return HKP_E_NEURO_SYN_RECORD;
    record->type = type;
    record->body = bytes + RECORD_HEAD;
    record->body_len = body_len;
    record->size = RECORD_HEAD + body_len;
    return HKP_OK;
}

hkp_status hkp_neuro__records_check(const uint8_t *bytes, size_t len, size_t count) {
    for (; count > 0; count--) {
        struct hkp_neuro__record record;
        hkp_status st = hkp_neuro__record_read(bytes, len, &record);
        if (st != HKP_OK) return st;
        bytes += record.size;
        len -= record.size;
    }
    return len == 0 ? HKP_OK : HKP_E_NEURO_SYN_LENGTH;
}

static hkp_status check_log(const uint8_t *msg, size_t len) {
    const size_t count = hkp_le16(msg + 2);
    if (count == 0 || count > HKP_NEURO_LOG_RECORDS_MAX) return HKP_E_NEURO_SYN_COUNT;
    if (len < HKP_NEURO__LOG_HEAD) return HKP_E_NEURO_SYN_LENGTH;
    return hkp_neuro__records_check(msg + HKP_NEURO__LOG_HEAD, len - HKP_NEURO__LOG_HEAD, count);
}

hkp_status hkp_neuro_msg_check(uint32_t stream_class, const uint8_t *msg, size_t len, uint32_t *type) {
    if (len < HKP_NEURO__MSG_HEAD) return HKP_E_NEURO_SYN_LENGTH;
    const struct form *form = form_of(msg[0], stream_class);
    if (form == NULL) return HKP_E_NEURO_SYN_TYPE;
    if (msg[1] != 0) return HKP_E_NEURO_SYN_RESERVED;
    if (form->type == HKP_NEURO_MSG_LOG) {
        hkp_status st = check_log(msg, len);
        if (st != HKP_OK) return st;
    } else {
        const size_t body_len = len - HKP_NEURO__MSG_HEAD;
        if (hkp_le16(msg + 2) != 0) return HKP_E_NEURO_SYN_RESERVED;
        if (body_len < form->least || body_len > form->most) return HKP_E_NEURO_SYN_LENGTH;
        if ((form->type == HKP_NEURO_MSG_WANT || form->type == HKP_NEURO_MSG_NONE) &&
            !hkp_neuro__range_ok(hkp_le64(msg + 4), hkp_le64(msg + 12)))
            return HKP_E_NEURO_SYN_RANGE;
    }
    *type = form->type;
    return HKP_OK;
}
