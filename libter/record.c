/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The 64 bytes of a TER, their hash chain, and the rules by which a cursor accepts the next one (NZ1 1, 3).
 */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <string.h>

/* Offsets in a TER (NZ1 1). */
enum { AT_INTEGRITY = 32, AT_TIME = 52, AT_SEQUENCE = 60, AT_CRC = 62 };

#define INDEX_END 0x7FFFFFFFFFFFFFFFULL
#define PAUSE_US 3600000000ULL

void hkp_ter_record_encode(const struct hkp_ter_record *record, uint8_t ter[64]) {
    memcpy(ter, record->h_entropy, 32);
    memcpy(ter + AT_INTEGRITY, record->h_integrity, 20);
    hkp_put_le64(ter + AT_TIME, record->timestamp_us);
    hkp_put_le16(ter + AT_SEQUENCE, record->sequence);
    hkp_put_le16(ter + AT_CRC, record->chain_crc);
}

hkp_status hkp_ter_record_decode(struct hkp_ter_record *record, const uint8_t *ter, size_t len) {
    if (len != HKP_TER_SIZE) return HKP_E_TER_LENGTH;
    memcpy(record->h_entropy, ter, 32);
    memcpy(record->h_integrity, ter + AT_INTEGRITY, 20);
    record->timestamp_us = hkp_le64(ter + AT_TIME);
    record->sequence = hkp_le16(ter + AT_SEQUENCE);
    record->chain_crc = hkp_le16(ter + AT_CRC);
    return HKP_OK;
}

void hkp_ter_chain_step(const uint8_t h[32], const uint8_t ter[64], uint8_t next[32]) {
    uint8_t input[10 + 32 + 64];
    memcpy(input, "TER1 chain", 10);
    memcpy(input + 10, h, 32);
    memcpy(input + 42, ter, 64);
    crypto_hash_sha256(next, input, sizeof input);
}

void hkp_ter_cursor_init(struct hkp_ter_cursor *cursor, const uint8_t node_id[16],
                         const uint8_t device_public[32]) {
    uint8_t input[7 + 16 + 32];
    memcpy(input, "TER1 h0", 7);
    memcpy(input + 7, node_id, 16);
    memcpy(input + 23, device_public, 32);
    memset(cursor, 0, sizeof *cursor);
    crypto_hash_sha256(cursor->h, input, sizeof input);
}

void hkp_ter_cursor_encode(const struct hkp_ter_cursor *cursor, uint8_t bytes[104]) {
    hkp_put_le64(bytes, cursor->index);
    memcpy(bytes + 8, cursor->h, 32);
    if (cursor->has_last)
        memcpy(bytes + 40, cursor->last_ter, 64);
    else
        memset(bytes + 40, 0, 64);
}

/* A TER of zeros is never accepted (its time is out of range), so zeros can mean none. */
hkp_status hkp_ter_cursor_decode(struct hkp_ter_cursor *cursor, const uint8_t bytes[104]) {
    uint64_t index = hkp_le64(bytes);
    uint32_t has_last = !hkp_is_zero(bytes + 40, 64);
    if ((index > 0) != (has_last != 0) || index > INDEX_END) return HKP_E_INVAL;
    if (has_last && hkp_le16(bytes + 40 + AT_SEQUENCE) != ((index - 1) & 0xFFFF)) return HKP_E_INVAL;
    memset(cursor, 0, sizeof *cursor);
    cursor->index = index;
    cursor->has_last = has_last;
    memcpy(cursor->h, bytes + 8, 32);
    memcpy(cursor->last_ter, bytes + 40, 64);
    return HKP_OK;
}

/* Rules 2 to 9 of NZ1 3.3, in their order. */
static hkp_status check_fields(const struct hkp_ter_cursor *cursor, const uint8_t *ter) {
    const uint8_t *last = cursor->has_last ? cursor->last_ter : NULL;
    uint64_t time = hkp_le64(ter + AT_TIME);
    if (time == 0 || time > HKP_TER_TIME_MAX) return HKP_E_TER_TIME_RANGE;
    if (hkp_is_zero(ter, 32)) return HKP_E_TER_ENTROPY_ZERO;
    if (last != NULL && memcmp(last, ter, HKP_TER_SIZE) == 0) return HKP_E_TER_DUPLICATE;
    uint16_t ahead = (uint16_t)(hkp_le16(ter + AT_SEQUENCE) - (cursor->index & 0xFFFF));
    if (ahead >= 0x8000) return HKP_E_TER_REPLAY;
    if (ahead > 0) return HKP_E_TER_GAP;
    uint16_t crc = last != NULL ? hkp_ter_crc16(last, HKP_TER_SIZE) : 0;
    if (hkp_le16(ter + AT_CRC) != crc) return HKP_E_TER_CRC;
    if (last != NULL && time <= hkp_le64(last + AT_TIME)) return HKP_E_TER_TIME_ORDER;
    if (last != NULL && memcmp(last, ter, 32) == 0) return HKP_E_TER_ENTROPY_REPEAT;
    return HKP_OK;
}

hkp_status hkp_ter_cursor_accept(struct hkp_ter_cursor *cursor, const uint8_t *ter, size_t len,
                                 const uint8_t *h) {
    if (len != HKP_TER_SIZE) return HKP_E_TER_LENGTH;
    hkp_status st = check_fields(cursor, ter);
    if (st != HKP_OK) return st;
    uint8_t next[32];
    hkp_ter_chain_step(cursor->h, ter, next);
    if (h != NULL && memcmp(h, next, 32) != 0) return HKP_E_TER_HCHAIN;
    if (cursor->index >= INDEX_END) return HKP_E_TER_INDEX;
    memcpy(cursor->h, next, 32);
    memcpy(cursor->last_ter, ter, HKP_TER_SIZE);
    cursor->has_last = 1;
    cursor->index++;
    return HKP_OK;
}

hkp_status hkp_ter_cursor_accept_list(struct hkp_ter_cursor *cursor, const uint8_t *ters, size_t n,
                                      size_t *position) {
    *position = 0;
    if (n == 0) return HKP_E_TER_EMPTY;
    for (size_t i = 0; i < n; i++) {
        hkp_status st = hkp_ter_cursor_accept(cursor, ters + i * HKP_TER_SIZE, HKP_TER_SIZE, NULL);
        if (st != HKP_OK && st != HKP_E_TER_DUPLICATE) return st;
        *position = i + 1;
    }
    return HKP_OK;
}

uint32_t hkp_ter_warnings(const uint8_t ter[64], const uint8_t *prev, uint64_t wall_us,
                          const uint8_t h_ref[20]) {
    uint64_t time = hkp_le64(ter + AT_TIME);
    uint32_t bits = 0;
    if (wall_us > time && wall_us - time > HKP_TER_MAX_AGE_US) bits |= HKP_TER_W_STALE;
    if (time > wall_us && time - wall_us > HKP_TER_MAX_AGE_US) bits |= HKP_TER_W_FUTURE;
    if (prev != NULL) {
        uint64_t before = hkp_le64(prev + AT_TIME);
        if (time > before && time - before > PAUSE_US) bits |= HKP_TER_W_PAUSE;
    }
    if (memcmp(ter + AT_INTEGRITY, h_ref, 20) != 0) bits |= HKP_TER_W_INTEGRITY;
    return bits;
}
