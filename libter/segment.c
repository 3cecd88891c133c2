/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The log as bytes: records, segment headers, and what can be recovered of a segment (NZ1 5, 5.2). */
#include "libter/segment.h"

#include "libter/bytes.h"

#include <assert.h>
#include <string.h>

enum { RECORD_HEAD = 8, TCK_N = 24, TCK_H = 32 };

size_t hkp_ter_log_body_size(uint32_t type) {
    static const uint16_t sizes[] = {0, 96, 256, 200, 48, 120};
    return type < sizeof sizes / sizeof sizes[0] ? sizes[type] : 0;
}

/* The CRC covers type, length and body, which its own four bytes divide. */
static uint32_t record_crc(const uint8_t *bytes, size_t body_len) {
    uint8_t input[HKP_TER_LOG_RECORD_MAX];
    assert(body_len <= HKP_TER_LOG_RECORD_MAX - RECORD_HEAD);
    memcpy(input, bytes, 4);
    memcpy(input + 4, bytes + RECORD_HEAD, body_len);
    return hkp_ter_crc32(input, 4 + body_len);
}

hkp_status hkp_ter_log_record_encode(uint32_t type, const uint8_t *body, size_t body_len, uint8_t *dst,
                                     size_t cap, size_t *len) {
    if (body_len == 0 || hkp_ter_log_body_size(type) != body_len) return HKP_E_INVAL;
    if (cap < RECORD_HEAD + body_len) return HKP_E_NOSPC;
    hkp_put_le16(dst, (uint16_t)type);
    hkp_put_le16(dst + 2, (uint16_t)body_len);
    memcpy(dst + RECORD_HEAD, body, body_len);
    hkp_put_le32(dst + 4, record_crc(dst, body_len));
    *len = RECORD_HEAD + body_len;
    return HKP_OK;
}

hkp_status hkp_ter_log_record_decode(struct hkp_ter_log_record *record, const uint8_t *bytes, size_t len) {
    if (len < RECORD_HEAD) return HKP_E_TER_LOG_TORN;
    uint32_t type = hkp_le16(bytes);
    size_t body_len = hkp_le16(bytes + 2);
    if (body_len == 0 || hkp_ter_log_body_size(type) != body_len) return HKP_E_TER_LOG_TORN;
    if (RECORD_HEAD + body_len > len) return HKP_E_TER_LOG_TORN;
    if (hkp_le32(bytes + 4) != record_crc(bytes, body_len)) return HKP_E_TER_LOG_TORN;
    record->type = type;
    record->reserved0 = 0;
    record->body = bytes + RECORD_HEAD;
    record->body_len = body_len;
    record->size = RECORD_HEAD + body_len;
    return HKP_OK;
}

static int gap_applies(struct hkp_ter_cursor *cursor, const uint8_t *body) {
    uint64_t to = hkp_le64(body + 8);
    if (hkp_le64(body) != cursor->index || to <= cursor->index) return 0;
    cursor->index = to;
    memcpy(cursor->h, body + 24, 32);
    memcpy(cursor->last_ter, body + 56, HKP_TER_SIZE);
    cursor->has_last = 1;
    return 1;
}

hkp_status hkp_ter_log_record_apply(struct hkp_ter_cursor *cursor, const uint8_t node_id[16],
                                    const struct hkp_ter_log_record *record) {
    const uint8_t *body = record->body;
    int fits = 0;
    switch (record->type) {
    case HKP_TER_LOG_TER:
        fits = hkp_ter_cursor_accept(cursor, body, HKP_TER_SIZE, body + HKP_TER_SIZE) == HKP_OK;
        break;
    case HKP_TER_LOG_TCK:
        fits = memcmp(body, "TCK1\1\0", 6) == 0 && memcmp(body + 8, node_id, 16) == 0 &&
               hkp_le64(body + TCK_N) == cursor->index && memcmp(body + TCK_H, cursor->h, 32) == 0;
        break;
    case HKP_TER_LOG_REBASE:
        fits = hkp_le64(body) == cursor->index && memcmp(body + 8, "RBA1\1\0", 6) == 0 &&
               memcmp(body + 16, node_id, 16) == 0;
        break;
    case HKP_TER_LOG_BOOT:
        fits = hkp_le64(body + 16) == cursor->index;
        break;
    case HKP_TER_LOG_GAP:
        fits = gap_applies(cursor, body);
        break;
    default:
        break;
    }
    return fits ? HKP_OK : HKP_E_TER_LOG_CORRUPT;
}

/* Offsets in a segment header (NZ1 5). */
enum {
    AT_VERSION = 8,
    AT_HEAD_LEN = 10,
    AT_FLAGS = 12,
    AT_NODE = 16,
    AT_FIRST = 32,
    AT_H = 40,
    AT_PREV_TER = 72,
    AT_CREATED = 136,
    AT_BOOT = 144,
    AT_ZERO = 160,
    AT_CRC = 188
};

void hkp_ter_log_head_encode(const struct hkp_ter_log_head *head, uint8_t bytes[192]) {
    memset(bytes, 0, HKP_TER_LOG_HEAD_SIZE);
    memcpy(bytes, "TERLOG1", 8);
    hkp_put_le16(bytes + AT_VERSION, 1);
    hkp_put_le16(bytes + AT_HEAD_LEN, HKP_TER_LOG_HEAD_SIZE);
    memcpy(bytes + AT_NODE, head->node_id, 16);
    hkp_put_le64(bytes + AT_FIRST, head->first_index);
    memcpy(bytes + AT_H, head->h, 32);
    if (head->first_index > 0) memcpy(bytes + AT_PREV_TER, head->prev_ter, HKP_TER_SIZE);
    hkp_put_le64(bytes + AT_CREATED, head->created_us);
    memcpy(bytes + AT_BOOT, head->boot_id, 16);
    hkp_put_le32(bytes + AT_CRC, hkp_ter_crc32(bytes, AT_CRC));
}

hkp_status hkp_ter_log_head_decode(struct hkp_ter_log_head *head, const uint8_t *bytes, size_t len) {
    if (len < HKP_TER_LOG_HEAD_SIZE || memcmp(bytes, "TERLOG1", 8) != 0 ||
        hkp_le16(bytes + AT_VERSION) != 1 || hkp_le16(bytes + AT_HEAD_LEN) != HKP_TER_LOG_HEAD_SIZE ||
        hkp_le32(bytes + AT_FLAGS) != 0 || !hkp_is_zero(bytes + AT_ZERO, AT_CRC - AT_ZERO) ||
        hkp_le32(bytes + AT_CRC) != hkp_ter_crc32(bytes, AT_CRC))
        return HKP_E_TER_LOG_HEADER;
    head->first_index = hkp_le64(bytes + AT_FIRST);
    head->created_us = hkp_le64(bytes + AT_CREATED);
    memcpy(head->node_id, bytes + AT_NODE, 16);
    memcpy(head->h, bytes + AT_H, 32);
    memcpy(head->prev_ter, bytes + AT_PREV_TER, HKP_TER_SIZE);
    memcpy(head->boot_id, bytes + AT_BOOT, 16);
    return HKP_OK;
}

void hkp_ter__head_cursor(const struct hkp_ter_log_head *head, struct hkp_ter_cursor *cursor) {
    memset(cursor, 0, sizeof *cursor);
    cursor->index = head->first_index;
    memcpy(cursor->h, head->h, 32);
    if (head->first_index == 0) return;
    memcpy(cursor->last_ter, head->prev_ter, HKP_TER_SIZE);
    cursor->has_last = 1;
}

static int same_cursor(const struct hkp_ter_cursor *a, const struct hkp_ter_cursor *b) {
    uint8_t x[HKP_TER_CURSOR_SIZE], y[HKP_TER_CURSOR_SIZE];
    hkp_ter_cursor_encode(a, x);
    hkp_ter_cursor_encode(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

/*
 * What stands at off is no record. A write that a crash interrupted leaves at most TORN_MAX bytes that are
 * not zero, and no TCK record: all before a TCK was durable when it was written (NZ1 5.1), so one that lies
 * behind off shows that durable data was damaged.
 */
static hkp_status judge_tail(const uint8_t *bytes, size_t len, size_t off, const uint8_t node_id[16]) {
    size_t end = len;
    while (end > off && bytes[end - 1] == 0) end--;
    if (end - off > HKP_TER_TORN_MAX) return HKP_E_TER_LOG_CORRUPT;
    for (size_t at = off; at + HKP_TER_LOG_RECORD_MAX <= len; at += 8) {
        struct hkp_ter_log_record record;
        if (hkp_le16(bytes + at) != HKP_TER_LOG_TCK) continue;
        if (hkp_ter_log_record_decode(&record, bytes + at, len - at) != HKP_OK) continue;
        if (memcmp(record.body, "TCK1", 4) == 0 && memcmp(record.body + 8, node_id, 16) == 0)
            return HKP_E_TER_LOG_CORRUPT;
    }
    return HKP_E_TER_LOG_TORN;
}

hkp_status hkp_ter_log_recover(const uint8_t *bytes, size_t len, const uint8_t node_id[16],
                               const struct hkp_ter_cursor *before, struct hkp_ter_recovery *recovery) {
    struct hkp_ter_log_head head;
    memset(recovery, 0, sizeof *recovery);
    hkp_status st = hkp_ter_log_head_decode(&head, bytes, len);
    if (st != HKP_OK) return st;
    if (memcmp(head.node_id, node_id, 16) != 0) return HKP_E_TER_LOG_NODE;
    hkp_ter__head_cursor(&head, &recovery->cursor);
    if (before != NULL && !same_cursor(before, &recovery->cursor)) return HKP_E_TER_LOG_ORDER;
    size_t off = HKP_TER_LOG_HEAD_SIZE;
    while (off < len) {
        struct hkp_ter_log_record record;
        recovery->offset = off;
        if (hkp_ter_log_record_decode(&record, bytes + off, len - off) != HKP_OK)
            return judge_tail(bytes, len, off, node_id);
        st = hkp_ter_log_record_apply(&recovery->cursor, node_id, &record);
        if (st != HKP_OK) return st;
        if (record.type == HKP_TER_LOG_TCK) recovery->tck_offset = off;
        if (record.type == HKP_TER_LOG_REBASE) recovery->rebase_offset = off;
        off += record.size;
    }
    recovery->offset = off;
    return HKP_OK;
}
