/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Verification of a log (NZ1 5.5): what its signed checkpoints say. */
#include "libter/bytes.h"
#include "libter/verify.h"

#include <sodium.h>

enum { AT_INTEGRITY = 32, AT_TIME = 52 };

/* Two signed checkpoints of one history differ in n and in prev, or are the same. */
static int contradict(const struct hkp_ter_tck *a, const uint8_t *a_bytes, const struct hkp_ter_tck *b,
                      const uint8_t *b_bytes) {
    return a->log_gen == b->log_gen && (a->n == b->n || memcmp(a->prev, b->prev, 32) == 0) &&
           memcmp(a_bytes, b_bytes, HKP_TER_TCK_SIZE) != 0;
}

/* Does it follow the checkpoint before it? HKP_OK, or what is wrong. */
static hkp_status follows_last(const struct hkp_ter_verify *v, const struct hkp_ter_tck *t) {
    uint8_t prev[32] = {0};
    if (v->has_tck)
        crypto_hash_sha256(prev, v->tck_bytes, HKP_TER_TCK_SIZE);
    else if (v->verdict.first_index > 0 || (v->flags & HKP_TER_VERIFY_PART) != 0)
        return HKP_OK; /* the one before is not here */
    return memcmp(prev, t->prev, 32) == 0 ? HKP_OK : HKP_E_TER_TCK_PREV;
}

/* What a checkpoint says about the records since the last one, beside the chain. */
static int check_claims(struct hkp_ter_verify *v, const struct hkp_ter_tck *t) {
    uint8_t h_integrity[20];
    hkp_ter_ripemd160(t->root, 32, h_integrity);
    hkp_status st = HKP_OK;
    if (hkp_le64(v->cursor.last_ter + AT_TIME) != t->timestamp_us) st = HKP_E_TER_TCK_TIME;
    if (st == HKP_OK && memcmp(h_integrity, v->cursor.last_ter + AT_INTEGRITY, 20) != 0)
        st = HKP_E_TER_TCK_INTEGRITY;
    if (st != HKP_OK) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_SIGNATURE, st, HKP_TER_LOG_TCK, &v->at, v->cursor.index, 0);
        return 0;
    }
    if (v->holes > 0 && (t->flags & HKP_TER_FLAG_GAP) == 0) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_DELETED, HKP_E_TER_LOG_CORRUPT, HKP_TER_LOG_GAP, &v->hole_at,
                         v->hole_from, v->hole_to - v->hole_from);
        return 0;
    }
    int same = v->policy_ver == t->policy_ver && memcmp(v->h_ref, t->h_ref, 20) == 0;
    if (v->rules_known && !same && v->rebases > 0) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_TCK_POLICY, HKP_TER_LOG_REBASE, &v->rebase_at,
                         v->rebase_index, 0);
        return 0;
    }
    int first = !v->has_tck && v->verdict.first_index > 0;
    uint32_t lost = v->rules_known && !same ? HKP_TER_LOG_REBASE : 0;
    if ((t->flags & HKP_TER_FLAG_REBASE) != 0 && v->rebases == 0 && !first) lost = HKP_TER_LOG_REBASE;
    if ((t->flags & HKP_TER_FLAG_BOOT) != 0 && v->boots == 0 && !first) lost = HKP_TER_LOG_BOOT;
    if (lost == 0) return 1;
    hkp_ter__verdict_between(v, HKP_TER_VERDICT_DELETED, HKP_E_TER_TCK_POLICY, lost, &v->at, v->tck.n,
                             v->cursor.index, 0);
    return 0;
}

static void accept_tck(struct hkp_ter_verify *v, const struct hkp_ter_tck *t, const uint8_t *bytes) {
    if (v->held_state != HKP_TER__HELD_NONE && memcmp(bytes, v->held, HKP_TER_TCK_SIZE) == 0)
        v->held_state = HKP_TER__HELD_FOUND;
    v->tck = *t;
    memcpy(v->tck_bytes, bytes, HKP_TER_TCK_SIZE);
    v->has_tck = v->rules_known = 1;
    v->policy_ver = t->policy_ver;
    memcpy(v->h_ref, t->h_ref, 20);
    v->boots = v->rebases = v->holes = 0;
    v->verdict.checkpoints++;
    v->verdict.signed_index = t->n;
    hkp_ter__accepted(v, HKP_TER_LOG_TCK);
}

void hkp_ter__check_tck(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    struct hkp_ter_tck t;
    const uint8_t *bytes = record->body;
    uint64_t index = v->cursor.index;
    hkp_status st = hkp_ter_tck_decode(&t, bytes, HKP_TER_TCK_SIZE);
    if (st == HKP_OK && memcmp(t.node_id, v->node_id, 16) != 0) st = HKP_E_TER_TCK_NODE;
    if (st == HKP_OK && !hkp_ter__tck_signed(bytes, v->device_public)) st = HKP_E_TER_TCK_SIGNATURE;
    if (st != HKP_OK) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_SIGNATURE, st, HKP_TER_LOG_TCK, &v->at, index, 0);
        return;
    }
    if ((v->held_state != HKP_TER__HELD_NONE && contradict(&t, bytes, &v->held_tck, v->held)) ||
        (v->has_tck && contradict(&t, bytes, &v->tck, v->tck_bytes))) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_FORK, HKP_E_TER_TCK_INDEX, HKP_TER_LOG_TCK, &v->at, index, 0);
        return;
    }
    if (v->has_tck && t.n <= v->tck.n) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, HKP_E_TER_TCK_INDEX, HKP_TER_LOG_TCK, &v->at, index, 0);
        return;
    }
    if (t.n != index) {
        hkp_ter__suspect(v, HKP_E_TER_TCK_INDEX, HKP_TER_LOG_TCK, bytes, HKP_TER_TCK_SIZE);
        return;
    }
    if (memcmp(t.h, v->cursor.h, 32) != 0) {
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_TCK_HCHAIN, HKP_TER_LOG_TCK, &v->at,
                                 v->tck.n, t.n, 0);
        return;
    }
    st = v->has_tck && t.log_gen != v->tck.log_gen ? HKP_E_TER_TCK_NODE : follows_last(v, &t);
    if (st != HKP_OK) {
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_DELETED, st, HKP_TER_LOG_TCK, &v->at, v->tck.n, t.n, 0);
        return;
    }
    if (check_claims(v, &t)) accept_tck(v, &t, bytes);
}
