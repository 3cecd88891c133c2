/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How an instance begins, who may begin it, and what moves it (NZ1 22.3 to 22.5). */
#include "libneuro/replay.h"
#include "libter/bytes.h"

#include <sodium.h>

/* Offsets in the body of ENROL, and in the TCK1 and RBA1 in it. */
enum {
    AT_CHAIN = 0,
    AT_X = 32,
    AT_Y = 48,
    AT_G = 64,
    AT_H = 72,
    AT_TER = 104,
    AT_TCK = 168,
    AT_RBA = 424,
    TER_SEQUENCE = 60,
    TCK_N = 24,
    RBA_H_REF = 40
};

void hkp_neuro_enrol_ctx(const uint8_t chain_id[32], const uint8_t owner_id[16], const uint8_t holder_id[16],
                         uint32_t gen_owner, uint32_t gen_holder, uint8_t ctx[72]) {
    memcpy(ctx + AT_CHAIN, chain_id, 32);
    memcpy(ctx + AT_X, owner_id, 16);
    memcpy(ctx + AT_Y, holder_id, 16);
    hkp_put_le32(ctx + AT_G, gen_owner);
    hkp_put_le32(ctx + AT_G + 4, gen_holder);
}

void hkp_neuro_enrol_seed(const uint8_t mesh_seed[32], const uint8_t ctx[72], const uint8_t exported[32],
                          uint8_t seed[32]) {
    crypto_auth_hmacsha256_state hmac;
    crypto_auth_hmacsha256_init(&hmac, mesh_seed, 32);
    crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)"HKP1 pair seed", 15);
    crypto_auth_hmacsha256_update(&hmac, ctx, HKP_NEURO_CTX_SIZE);
    crypto_auth_hmacsha256_update(&hmac, exported, 32);
    crypto_auth_hmacsha256_final(&hmac, seed);
    sodium_memzero(&hmac, sizeof hmac);
}

int32_t hkp_neuro_instance_fresh(uint32_t recorded_owner, uint32_t recorded_holder, uint32_t gen_owner,
                                 uint32_t gen_holder) {
    return gen_owner >= recorded_owner && gen_holder >= recorded_holder &&
           (gen_owner > recorded_owner || gen_holder > recorded_holder);
}

int32_t hkp_neuro_enrol_permitted(uint32_t state, uint32_t recorded_owner, uint32_t recorded_holder,
                                  uint32_t gen_owner, uint32_t gen_holder) {
    switch (state) {
    case HKP_NEURO_INSTANCE_NONE:
        return 1;
    case HKP_NEURO_INSTANCE_PENDING:
        return gen_owner >= recorded_owner && gen_holder >= recorded_holder;
    default:
        return hkp_neuro_instance_fresh(recorded_owner, recorded_holder, gen_owner, gen_holder);
    }
}

static int proven(uint32_t state) {
    return state == HKP_NEURO_INSTANCE_ACTIVE || state == HKP_NEURO_INSTANCE_STALE ||
           state == HKP_NEURO_INSTANCE_LOST;
}

int32_t hkp_neuro_mode_n_permitted(uint32_t ev_state, uint32_t ev_recorded_e, uint32_t ev_recorded_v,
                                   uint32_t ve_state, uint32_t ve_recorded_e, uint32_t ve_recorded_v,
                                   uint32_t gen_e, uint32_t gen_v) {
    if (proven(ev_state)) return hkp_neuro_instance_fresh(ev_recorded_e, ev_recorded_v, gen_e, gen_v);
    if (proven(ve_state)) return hkp_neuro_instance_fresh(ve_recorded_e, ve_recorded_v, gen_e, gen_v);
    return 1;
}

uint32_t hkp_neuro_instance_next(uint32_t state, uint32_t move) {
    static const uint8_t next[5][4] = {{HKP_NEURO_INSTANCE_PENDING, HKP_NEURO_INSTANCE_NONE,
                                        HKP_NEURO_INSTANCE_NONE, HKP_NEURO_INSTANCE_NONE},
                                       {HKP_NEURO_INSTANCE_PENDING, HKP_NEURO_INSTANCE_ACTIVE,
                                        HKP_NEURO_INSTANCE_NONE, HKP_NEURO_INSTANCE_NONE},
                                       {HKP_NEURO_INSTANCE_PENDING, HKP_NEURO_INSTANCE_ACTIVE,
                                        HKP_NEURO_INSTANCE_STALE, HKP_NEURO_INSTANCE_LOST},
                                       {HKP_NEURO_INSTANCE_PENDING, HKP_NEURO_INSTANCE_STALE,
                                        HKP_NEURO_INSTANCE_STALE, HKP_NEURO_INSTANCE_LOST},
                                       {HKP_NEURO_INSTANCE_PENDING, HKP_NEURO_INSTANCE_LOST,
                                        HKP_NEURO_INSTANCE_LOST, HKP_NEURO_INSTANCE_LOST}};
    if (state > HKP_NEURO_INSTANCE_LOST || move > HKP_NEURO_MOVE_CONTRADICTION) return state;
    return next[state][move];
}

/* Check 1 of NZ1 22.3. */
static hkp_status check_parties(const uint8_t *body, size_t len, const struct hkp_neuro_enrol_facts *facts) {
    if (len != HKP_NEURO_ENROL_SIZE) return HKP_E_NEURO_ENROL_LENGTH;
    if (memcmp(body + AT_CHAIN, facts->chain_id, 32) != 0) return HKP_E_NEURO_ENROL_CHAIN;
    if (memcmp(body + AT_X, facts->peer_id, 16) != 0 || memcmp(body + AT_Y, facts->own_id, 16) != 0 ||
        !facts->allowed)
        return HKP_E_NEURO_ENROL_NODE;
    if (!facts->certificates || hkp_le32(body + AT_G) != facts->gen_owner ||
        hkp_le32(body + AT_G + 4) != facts->gen_holder)
        return HKP_E_NEURO_ENROL_CERT;
    if (!hkp_neuro_enrol_permitted(facts->state, facts->recorded_owner, facts->recorded_holder,
                                   facts->gen_owner, facts->gen_holder))
        return HKP_E_NEURO_ENROL_STATE;
    return HKP_OK;
}

/* A sound TCK1 that contradicts the one held: both are signed, of one log and one n. */
static int forked(const uint8_t *tck, const uint8_t *held) {
    return held != NULL && hkp_le64(tck + TCK_N) == hkp_le64(held + TCK_N);
}

hkp_status hkp_neuro_enrol_check(const uint8_t *body, size_t len, const struct hkp_neuro_enrol_facts *facts,
                                 int32_t *proof_of_fork) {
    struct hkp_ter_tck tck;
    struct hkp_neuro_rba rba;
    struct hkp_ter_tck_enrol enrol = {0};
    *proof_of_fork = 0;
    hkp_status st = check_parties(body, len, facts);
    if (st != HKP_OK) return st;
    enrol.held = facts->held_tck;
    enrol.h_before = body + AT_H;
    enrol.ter = body + AT_TER;
    enrol.gen = facts->gen_owner;
    memcpy(enrol.node_id, facts->peer_id, 16);
    memcpy(enrol.device_public, facts->device_public, 32);
    st = hkp_ter_tck_verify_enrol(body + AT_TCK, HKP_TER_TCK_SIZE, &enrol);
    if (st == HKP_E_TER_TCK_INDEX) *proof_of_fork = forked(body + AT_TCK, facts->held_tck);
    if (st == HKP_OK) st = hkp_ter_tck_decode(&tck, body + AT_TCK, HKP_TER_TCK_SIZE);
    if (st != HKP_OK) return st;
    if (hkp_le16(body + AT_TER + TER_SEQUENCE) != (uint16_t)(tck.n - 1)) return HKP_E_NEURO_ENROL_TER;
    st = hkp_neuro_rba_check(&rba, body + AT_RBA, HKP_NEURO_RBA_SIZE, facts->peer_id, facts->keys,
                             facts->n_keys);
    if (st != HKP_OK) return st;
    if (memcmp(body + AT_RBA + RBA_H_REF, tck.h_ref, 20) != 0 || rba.policy_ver != tck.policy_ver ||
        tck.policy_ver < facts->policy_ver)
        return HKP_E_NEURO_ENROL_POLICY;
    return HKP_OK;
}

void hkp_neuro__enrol_replica(struct hkp_neuro__replica *replica, const uint8_t body[616],
                              const uint8_t seed[32]) {
    struct hkp_ter_tck tck = {0};
    (void)!hkp_ter_tck_decode(&tck, body + AT_TCK, HKP_TER_TCK_SIZE); /* judged sound before */
    hkp_neuro_state_enrol(replica->state, seed, body + AT_X, tck.h_ref);
    replica->state->policy_ver = tck.policy_ver;
    memset(&replica->cursor, 0, sizeof replica->cursor);
    replica->cursor.index = tck.n;
    memcpy(replica->cursor.h, tck.h, 32);
    memcpy(replica->cursor.last_ter, body + AT_TER, 64);
    replica->cursor.has_last = 1;
}
