/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* TCK1, the signed public record over the log (NZ1 4), and the form of its check in ENROL (NZ1 22.3). */
#include "libter/bytes.h"
#include "libter/verify.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <string.h>

/* Offsets in a TCK1 (NZ1 4). */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_NODE = 8,
    AT_N = 24,
    AT_H = 32,
    AT_ROOT = 64,
    AT_PREV = 96,
    AT_TIME = 128,
    AT_BOOT = 136,
    AT_POLICY = 152,
    AT_LOG_GEN = 156,
    AT_H_REF = 160,
    AT_ZERO = 180,
    AT_SIGNATURE = 192
};
enum { FLAGS_KNOWN = 127, LABEL_LEN = 15 };

static void message_of(const uint8_t *bytes, uint8_t message[LABEL_LEN + AT_SIGNATURE]) {
    memcpy(message, "TER1 checkpoint", LABEL_LEN);
    memcpy(message + LABEL_LEN, bytes, AT_SIGNATURE);
}

hkp_status hkp_ter_tck_begin(struct hkp_ter_tck *tck, const struct hkp_ter_cursor *cursor,
                             const uint8_t *previous) {
    struct hkp_ter_record last;
    uint64_t prev_n = previous != NULL ? hkp_le64(previous + AT_N) : 0;
    if (cursor->index <= prev_n || !cursor->has_last) return HKP_E_STATE;
    hkp_status st = hkp_ter_record_decode(&last, cursor->last_ter, HKP_TER_SIZE);
    if (st != HKP_OK) return st;
    tck->n = cursor->index;
    tck->timestamp_us = last.timestamp_us;
    memcpy(tck->h, cursor->h, 32);
    memset(tck->prev, 0, sizeof tck->prev);
    if (previous != NULL) crypto_hash_sha256(tck->prev, previous, HKP_TER_TCK_SIZE);
    return HKP_OK;
}

hkp_status hkp_ter_tck_sign(const struct hkp_ter_tck *tck, const uint8_t device_secret[64],
                            uint8_t bytes[256]) {
    if (tck->n == 0 || (tck->flags & ~(uint32_t)FLAGS_KNOWN) != 0) return HKP_E_INVAL;
    memset(bytes, 0, HKP_TER_TCK_SIZE);
    memcpy(bytes, "TCK1", 4);
    hkp_put_le16(bytes + AT_VERSION, 1);
    hkp_put_le16(bytes + AT_FLAGS, (uint16_t)tck->flags);
    memcpy(bytes + AT_NODE, tck->node_id, 16);
    hkp_put_le64(bytes + AT_N, tck->n);
    memcpy(bytes + AT_H, tck->h, 32);
    memcpy(bytes + AT_ROOT, tck->root, 32);
    memcpy(bytes + AT_PREV, tck->prev, 32);
    hkp_put_le64(bytes + AT_TIME, tck->timestamp_us);
    memcpy(bytes + AT_BOOT, tck->boot_id, 16);
    hkp_put_le32(bytes + AT_POLICY, tck->policy_ver);
    hkp_put_le32(bytes + AT_LOG_GEN, tck->log_gen);
    memcpy(bytes + AT_H_REF, tck->h_ref, 20);
    uint8_t message[LABEL_LEN + AT_SIGNATURE];
    message_of(bytes, message);
    crypto_sign_detached(bytes + AT_SIGNATURE, NULL, message, sizeof message, device_secret);
    return HKP_OK;
}

hkp_status hkp_ter_tck_decode(struct hkp_ter_tck *tck, const uint8_t *bytes, size_t len) {
    if (len != HKP_TER_TCK_SIZE) return HKP_E_TER_TCK_LENGTH;
    if (memcmp(bytes, "TCK1", 4) != 0) return HKP_E_TER_TCK_MAGIC;
    if (hkp_le16(bytes + AT_VERSION) != 1) return HKP_E_TER_TCK_VERSION;
    if (hkp_le16(bytes + AT_FLAGS) > FLAGS_KNOWN) return HKP_E_TER_TCK_FLAGS;
    if (!hkp_is_zero(bytes + AT_ZERO, AT_SIGNATURE - AT_ZERO)) return HKP_E_TER_TCK_RESERVED;
    memset(tck, 0, sizeof *tck);
    tck->flags = hkp_le16(bytes + AT_FLAGS);
    memcpy(tck->node_id, bytes + AT_NODE, 16);
    tck->n = hkp_le64(bytes + AT_N);
    memcpy(tck->h, bytes + AT_H, 32);
    memcpy(tck->root, bytes + AT_ROOT, 32);
    memcpy(tck->prev, bytes + AT_PREV, 32);
    tck->timestamp_us = hkp_le64(bytes + AT_TIME);
    memcpy(tck->boot_id, bytes + AT_BOOT, 16);
    tck->policy_ver = hkp_le32(bytes + AT_POLICY);
    tck->log_gen = hkp_le32(bytes + AT_LOG_GEN);
    memcpy(tck->h_ref, bytes + AT_H_REF, 20);
    return HKP_OK;
}

int hkp_ter__tck_signed(const uint8_t *bytes, const uint8_t device_public[32]) {
    uint8_t message[LABEL_LEN + AT_SIGNATURE];
    message_of(bytes, message);
    return crypto_sign_verify_detached(bytes + AT_SIGNATURE, message, sizeof message, device_public) == 0;
}

/* The part against the cursor at n, common to both checks: h_n, time, integrity. */
static hkp_status check_stream(const struct hkp_ter_tck *tck, const uint8_t h[32], const uint8_t ter[64]) {
    struct hkp_ter_record record;
    uint8_t h_integrity[20];
    if (memcmp(tck->h, h, 32) != 0) return HKP_E_TER_TCK_HCHAIN;
    hkp_status st = hkp_ter_record_decode(&record, ter, HKP_TER_SIZE);
    if (st != HKP_OK || record.timestamp_us != tck->timestamp_us) return HKP_E_TER_TCK_TIME;
    hkp_ter_ripemd160(tck->root, 32, h_integrity);
    return memcmp(h_integrity, record.h_integrity, 20) == 0 ? HKP_OK : HKP_E_TER_TCK_INTEGRITY;
}

hkp_status hkp_ter_tck_verify(const uint8_t *bytes, size_t len, const uint8_t *previous,
                              const struct hkp_ter_tck_verifier *verifier) {
    struct hkp_ter_tck tck;
    uint8_t prev[32] = {0};
    uint64_t prev_n = 0;
    uint32_t prev_policy = 0;
    hkp_status st = hkp_ter_tck_decode(&tck, bytes, len);
    if (st != HKP_OK) return st;
    if (memcmp(tck.node_id, verifier->node_id, 16) != 0 || tck.log_gen != verifier->log_gen)
        return HKP_E_TER_TCK_NODE;
    if (!hkp_ter__tck_signed(bytes, verifier->device_public)) return HKP_E_TER_TCK_SIGNATURE;
    if (previous != NULL) {
        prev_n = hkp_le64(previous + AT_N);
        prev_policy = hkp_le32(previous + AT_POLICY);
        crypto_hash_sha256(prev, previous, HKP_TER_TCK_SIZE);
    }
    if (tck.n <= prev_n) return HKP_E_TER_TCK_INDEX;
    if (memcmp(tck.prev, prev, 32) != 0) return HKP_E_TER_TCK_PREV;
    if (!verifier->cursor->has_last) return HKP_E_TER_TCK_HCHAIN;
    st = check_stream(&tck, verifier->cursor->h, verifier->cursor->last_ter);
    if (st != HKP_OK) return st;
    if (tck.policy_ver != verifier->policy_ver || memcmp(tck.h_ref, verifier->h_ref, 20) != 0 ||
        tck.policy_ver < prev_policy)
        return HKP_E_TER_TCK_POLICY;
    return HKP_OK;
}

hkp_status hkp_ter_tck_verify_enrol(const uint8_t *bytes, size_t len, const struct hkp_ter_tck_enrol *enrol) {
    struct hkp_ter_tck tck, held = {0};
    uint8_t h[32];
    hkp_status st = hkp_ter_tck_decode(&tck, bytes, len);
    if (st != HKP_OK) return st;
    if (enrol->held != NULL && hkp_ter_tck_decode(&held, enrol->held, HKP_TER_TCK_SIZE) != HKP_OK)
        return HKP_E_TER_TCK_NODE;
    if (memcmp(tck.node_id, enrol->node_id, 16) != 0 || tck.log_gen > enrol->gen ||
        tck.log_gen < held.log_gen)
        return HKP_E_TER_TCK_NODE;
    if (!hkp_ter__tck_signed(bytes, enrol->device_public)) return HKP_E_TER_TCK_SIGNATURE;
    if (tck.n == 0) return HKP_E_TER_TCK_INDEX;
    if (enrol->held != NULL && tck.log_gen == held.log_gen) {
        if (tck.n < held.n) return HKP_E_TER_TCK_INDEX;
        if (tck.n == held.n && memcmp(bytes, enrol->held, HKP_TER_TCK_SIZE) != 0) return HKP_E_TER_TCK_INDEX;
    }
    hkp_ter_chain_step(enrol->h_before, enrol->ter, h);
    st = check_stream(&tck, h, enrol->ter);
    if (st != HKP_OK) return st;
    return tck.policy_ver < held.policy_ver ? HKP_E_TER_TCK_POLICY : HKP_OK;
}
