/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A signed change of the reference at both sides of an instance (NZ1 11): the same, once, or not at all. */
#include "pair.h"

static struct pair w;

static void active_pair(uint64_t seed) {
    pair_begin(&w, seed);
    pair_connect(&w);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    for (int i = 0; i < 40; i++) pair_second(&w);
    pair_sync(&w);
    pair_pump(&w);
    CHECK(w.commits[OWNER] >= 1);
}

/* An RBA1 for the device, signed by the policy key or by another one. */
static void rba_make(uint8_t rba[192], const uint8_t root[32], uint32_t policy_ver, uint64_t not_after_us,
                     int wrong_key) {
    struct hkp_neuro_rba fields = {.not_after_us = not_after_us, .policy_ver = policy_ver};
    memcpy(fields.node_id, w.opt.owner_id, 16);
    memcpy(fields.root, root, 32);
    hkp_neuro_rba_sign(&fields, wrong_key ? w.device_secret : w.policy_secret, rba);
}

/* Into the log at the present index, whatever the owner says of it. */
static hkp_status rebase(const uint8_t rba[192]) {
    uint8_t body[200];
    hkp_put_le64(body, w.cursor.index);
    memcpy(body + 8, rba, 192);
    pair_record(&w, HKP_TER_LOG_REBASE, body, sizeof body);
    return hkp_neuro_owner_rebase(w.owner, w.now, w.cursor.index, rba);
}

/* One TER behind it, durable and with the holder. */
static void follow(void) {
    w.now += 3000000000U;
    w.wall_us += 3000000;
    pair_ter(&w, 1);
    pair_sync(&w);
    pair_tend(&w);
    w.now += 3000000000U;
    pair_tend(&w);
}

static void same_at_both_sides(uint32_t policy_ver) {
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    CHECK_EQ(w.holder->replica.cursor.index, w.owner->live.cursor.index);
    CHECK_EQ(w.owner->live.state->policy_ver, policy_ver);
    CHECK_EQ(w.holder->replica.state->policy_ver, policy_ver);
    CHECK_MEM(w.owner->live.state->c, w.holder->replica.state->c, 64);
    CHECK_MEM(w.owner->live.state->h_ref, w.holder->replica.state->h_ref, 20);
    CHECK_EQ(w.holder->novelty.count, 1); /* it began again (16.5) */
}

static void both_sides_apply_it_at_the_same_index_once(void) {
    const uint8_t root[32] = {5};
    uint8_t rba[192], c[64];
    active_pair(check_seed());
    rba_make(rba, root, 4, HKP_TER_TIME_MAX, 0);
    memcpy(c, w.owner->live.state->c, 64);
    CHECK_EQ(rebase(rba), HKP_OK);
    CHECK(memcmp(c, w.owner->live.state->c, 64) != 0); /* the ratchet moved (row 15 of NZ1 19) */
    hkp_ter_ripemd160(root, 32, w.h_ref);
    follow();
    same_at_both_sides(4);
    /* a second time it is refused by the owner, and nothing moves */
    memcpy(c, w.owner->live.state->c, 64);
    CHECK_EQ(hkp_neuro_owner_rebase(w.owner, w.now, w.cursor.index, rba), HKP_E_NEURO_RBA_VERSION);
    CHECK_MEM(w.owner->live.state->c, c, 64);
    CHECK_EQ(hkp_neuro_owner_rebase(w.owner, w.now, w.cursor.index + 1, rba), HKP_E_STATE);
    /* the log again in a new session: at its place it is no second one */
    pair_restart(&w, HOLDER);
    pair_connect(&w);
    for (int i = 0; i < 12; i++) {
        w.now += 3000000000U;
        pair_tend(&w);
    }
    CHECK_EQ(w.lost[HOLDER], 0);
    CHECK_EQ(w.holder->replica.state->policy_ver, 4);
    CHECK_MEM(w.owner->live.state->c, w.holder->replica.state->c, 64);
    pair_end(&w);
}

/* Signed by nobody who may, expired, too far ahead, or applied before: the owner refuses it and stays as it
 * was; a device that logs it all the same has another history for its holder. */
static void what_may_not_be_applied_is_refused_by_both(void) {
    static const struct {
        uint32_t policy_ver;
        int expired, wrong_key;
        hkp_status want;
    } cases[] = {{4, 0, 1, HKP_E_NEURO_RBA_SIGNER},
                 {4, 1, 0, HKP_E_NEURO_RBA_EXPIRED},
                 {3, 0, 0, HKP_E_NEURO_RBA_VERSION},
                 {3 + 1025, 0, 0, HKP_E_NEURO_RBA_VERSION}};
    const uint8_t root[32] = {6};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int before = check_faults;
        uint8_t rba[192], c[64];
        active_pair(check_seed() + i);
        rba_make(rba, root, cases[i].policy_ver,
                 cases[i].expired ? hkp_le64(w.cursor.last_ter + 52) - 1 : HKP_TER_TIME_MAX,
                 cases[i].wrong_key);
        memcpy(c, w.owner->live.state->c, 64);
        CHECK_EQ(rebase(rba), cases[i].want);
        CHECK_MEM(w.owner->live.state->c, c, 64);
        CHECK_EQ(w.owner->live.state->policy_ver, 3);
        follow();
        CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_LOST);
        CHECK_EQ(w.lost[HOLDER], 1);
        CHECK_NOTE(before, "case %d", (int)i);
        pair_end(&w);
    }
}

/* The farthest jump that is allowed is taken by both; so is a not_after that is reached, not passed. */
static void the_limits_themselves_are_taken_by_both(void) {
    const uint8_t root[32] = {7};
    uint8_t rba[192];
    active_pair(check_seed());
    rba_make(rba, root, 3 + 1024, hkp_le64(w.cursor.last_ter + 52), 0);
    CHECK_EQ(rebase(rba), HKP_OK);
    hkp_ter_ripemd160(root, 32, w.h_ref);
    follow();
    same_at_both_sides(3 + 1024);
    pair_end(&w);
}

/* Where an instance begins its state has no time yet (NZ1 8), so nothing can have expired: the holder judges
 * by the state, as the owner and every replay do, not by the TER before it. */
static void before_its_first_ter_both_judge_by_the_state(void) {
    const uint8_t root[32] = {8};
    uint8_t rba[192];
    struct hkp_neuro_instance_info info;
    pair_begin(&w, check_seed());
    pair_connect(&w);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    pair_state(&w, HOLDER, &info);
    CHECK_EQ(info.first_index, w.cursor.index);
    rba_make(rba, root, 4, hkp_le64(w.cursor.last_ter + 52) - 1, 0);
    CHECK_EQ(rebase(rba), HKP_OK);
    hkp_ter_ripemd160(root, 32, w.h_ref);
    follow();
    same_at_both_sides(4);
    pair_end(&w);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(both_sides_apply_it_at_the_same_index_once);
    CASE(what_may_not_be_applied_is_refused_by_both);
    CASE(the_limits_themselves_are_taken_by_both);
    CASE(before_its_first_ter_both_judge_by_the_state);
    return check_done();
}
