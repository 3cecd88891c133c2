/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Bytes that pretend to be log records, a LOG message, a saved replay or two logs. The first byte chooses,
 * bit 7 makes the framing of records right (type of the next byte, CRC32) so that contents are reached.
 * Nothing is worked on beyond the budget, and a replay that was ended stays ended.
 */
#include "libneuro/verifier.h"
#include "pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUDGET = 8 };

static hkp_neuro_verifier *verifier_of(void) {
    static hkp_neuro_verifier *v;
    static const uint8_t seed[32] = {1}, h_ref[20] = {2};
    struct hkp_neuro_verifier_options o;
    if (v == NULL) {
        hkp_neuro_verifier_options_init(&o, sizeof o);
        o.keep = 2;
        o.keep_every = 1;
        if (hkp_neuro_verifier_new(&v, &o) != HKP_OK) exit(1);
    }
    if (hkp_neuro_verifier_enrol(v, seed, NULL, h_ref, 0) != HKP_OK) exit(1);
    return v;
}

/* Pieces of the input as records with a right head. */
static size_t frame(const uint8_t *data, size_t size, uint8_t *dst, size_t cap) {
    size_t len = 0, at = 0, one;
    while (at + 1 < size) {
        uint8_t body[HKP_TER_LOG_RECORD_MAX] = {0};
        const uint32_t type = 1 + data[at++] % 5;
        const size_t want = hkp_ter_log_body_size(type), have = size - at < want ? size - at : want;
        memcpy(body, data + at, have);
        at += have;
        if (hkp_ter_log_record_encode(type, body, want, dst + len, cap - len, &one) != HKP_OK) break;
        len += one;
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[HKP_NEURO_SEND_MAX];
    struct hkp_neuro_verdict d;
    size_t len, taken = 0;
    uint32_t left = 0;
    if (size < 1 || size > 32768) return 0;
    hkp_neuro_verifier *v = verifier_of();
    const uint8_t choice = data[0];
    if (choice & 0x80) {
        len = frame(data + 1, size - 1, bytes + 12, sizeof bytes - 12);
    } else {
        len = size - 1;
        memcpy(bytes + 12, data + 1, len);
    }
    switch (choice & 3) {
    case 0: {
        const hkp_status st = hkp_neuro_verifier_feed(v, bytes + 12, len, BUDGET, &taken);
        if (taken > len || v->at.cursor.index > BUDGET) __builtin_trap();
        hkp_neuro_verifier_verdict(v, &d);
        if (d.verdict != HKP_NEURO_VERDICT_OPEN) {
            if (st == HKP_OK || hkp_neuro_verifier_feed(v, bytes + 12, len, BUDGET, &taken) != HKP_E_STATE)
                __builtin_trap();
        }
        break;
    }
    case 1:
        hkp_neuro__msg_head(bytes, HKP_NEURO_MSG_LOG, choice >> 2 & 31);
        hkp_put_le64(bytes + 4, 0);
        (void)!hkp_neuro_verifier_message(v, bytes, len + 12, BUDGET, &left);
        if (v->at.cursor.index > BUDGET) __builtin_trap();
        break;
    case 2:
        if (hkp_neuro_records_compare(choice, bytes + 12, len / 2, bytes + 12 + len / 2, len - len / 2, &d) ==
                HKP_OK &&
            d.verdict > HKP_NEURO_VERDICT_STATE)
            __builtin_trap();
        break;
    default:
        if (hkp_neuro_verifier_import(v, data, bytes + 12, len) == HKP_OK) __builtin_trap();
        if (len >= 256) hkp_neuro_verifier_check_tck(v, bytes + 12, &d);
        if (len >= 112) hkp_neuro_verifier_check_propose(v, bytes + 12, NULL, &d);
        if (strnlen(d.reason, sizeof d.reason) == sizeof d.reason && len >= 112) __builtin_trap();
        break;
    }
    return 0;
}
