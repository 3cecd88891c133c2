/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a holder says about the integrity of the device in trust (NZ1 16.3). */
#include "pair.h"

static struct pair w;

/* The first enrols, the second proves, each leaves both sides at rest. */
static void reconnect(void) {
    pair_session(&w, 0, 0);
    pair_connect(&w);
    pair_pump(&w);
}

static void integrity_shows_in_trust_at_once(void) {
    pair_begin(&w, check_seed());
    reconnect();
    reconnect();
    w.wall_us += 1000000;
    pair_ter(&w, 0);
    pair_sync(&w);
    w.now += 3000000000U;
    hkp_neuro_owner_tick(w.owner, w.now);
    pair_pump(&w);
    struct hkp_neuro_trust_inputs in = {.a = 65536, .l = 65536};
    struct hkp_neuro_trust t = {.t = 65536};
    hkp_neuro_holder_trust(w.holder, w.wall_us, w.wall_us, 0, &in);
    hkp_neuro_trust_update(&t, &in);
    CHECK((t.why & HKP_NEURO_WHY_INTEGRITY) != 0);
    CHECK_EQ(t.t, 26214);
    CHECK(strcmp(hkp_neuro_why_text(HKP_NEURO_WHY_INTEGRITY), "integrity mismatch") == 0);
    pair_end(&w);
}

/* Component I of the newest TER, which shows h_ref of a root; a mismatch stays capped (NZ1 16.3). */
static uint32_t i_after_ter_of(const uint8_t root[32]) {
    uint8_t own[20];
    memcpy(own, w.h_ref, 20);
    hkp_ter_ripemd160(root, 32, w.h_ref);
    const int same = memcmp(own, w.h_ref, 20) == 0;
    w.wall_us += 1000000;
    pair_ter(&w, 1);
    memcpy(w.h_ref, own, 20);
    pair_sync(&w);
    w.now += 3000000000U;
    hkp_neuro_owner_tick(w.owner, w.now);
    pair_pump(&w);
    CHECK_MEM(w.holder->head.h, w.cursor.h, 32);
    struct hkp_neuro_trust_inputs in = {.a = 65536, .l = 65536};
    hkp_neuro_holder_trust(w.holder, w.wall_us, w.wall_us, 0, &in);
    CHECK_EQ((in.why & HKP_NEURO_WHY_INTEGRITY) == 0, same);
    return in.i;
}

static hkp_status tell_pending(const uint8_t root[32], uint32_t policy_ver, uint64_t not_after_us) {
    struct hkp_neuro_rba rba = {.not_after_us = not_after_us, .policy_ver = policy_ver};
    uint8_t bytes[192];
    memcpy(rba.node_id, w.opt.owner_id, 16);
    memcpy(rba.root, root, 32);
    hkp_neuro_rba_sign(&rba, w.policy_secret, bytes);
    return hkp_neuro_holder_pending(w.holder, bytes);
}

/* A reference that is authorised and not yet applied counts half, until it is applied, superseded or over. */
static void pending_reference_counts_half(void) {
    const uint8_t a[32] = {1}, b[32] = {2}, c[32] = {3};
    const uint64_t ever = HKP_TER_TIME_MAX;
    pair_begin(&w, check_seed());
    CHECK_EQ(tell_pending(a, 4, ever), HKP_E_STATE);
    reconnect();
    reconnect();
    CHECK_EQ(i_after_ter_of(w.root), 65536);
    CHECK_EQ(i_after_ter_of(a), 0);
    CHECK_EQ(tell_pending(a, 4, ever), HKP_OK);
    CHECK_EQ(i_after_ter_of(a), 32768);
    CHECK_EQ(i_after_ter_of(b), 0);
    CHECK_EQ(i_after_ter_of(w.root), 65536);
    /* a newer one takes its place, an older one does not */
    CHECK_EQ(tell_pending(b, 5, ever), HKP_OK);
    CHECK_EQ(tell_pending(a, 4, ever), HKP_E_NEURO_RBA_VERSION);
    CHECK_EQ(i_after_ter_of(a), 0);
    CHECK_EQ(i_after_ter_of(b), 32768);
    /* version 4 of the log leaves 5 pending, version 5 applies it */
    pair_rebase(&w);
    CHECK_EQ(i_after_ter_of(b), 32768);
    pair_rebase_to(&w, b);
    CHECK_EQ(i_after_ter_of(b), 65536);
    CHECK_EQ(w.holder->head_policy, 5);
    CHECK_EQ(tell_pending(b, 5, ever), HKP_E_NEURO_RBA_VERSION);
    /* superseded by one that was never told */
    CHECK_EQ(tell_pending(c, 6, ever), HKP_OK);
    CHECK_EQ(i_after_ter_of(c), 32768);
    pair_rebase(&w);
    CHECK_EQ(i_after_ter_of(c), 0);
    /* over when the time of the stream has passed */
    CHECK_EQ(tell_pending(c, 7, w.wall_us - 1), HKP_E_NEURO_RBA_EXPIRED);
    CHECK_EQ(tell_pending(c, 7, w.wall_us + 1000000), HKP_OK);
    CHECK_EQ(i_after_ter_of(c), 32768);
    CHECK_EQ(i_after_ter_of(c), 0);
    CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
    pair_end(&w);
}

/* What is refused leaves what was told before. */
static void refused_pending_changes_nothing(void) {
    static const struct {
        size_t at;
        hkp_status want;
    } damage[] = {{0, HKP_E_NEURO_RBA_FORMAT},     {8, HKP_E_NEURO_RBA_NODE},
                  {24, HKP_E_NEURO_RBA_SIGNATURE}, {64, HKP_E_NEURO_RBA_SIGNATURE},
                  {96, HKP_E_NEURO_RBA_SIGNER},    {191, HKP_E_NEURO_RBA_SIGNATURE}};
    const uint8_t a[32] = {1}, b[32] = {2};
    struct hkp_neuro_rba rba = {.not_after_us = HKP_TER_TIME_MAX, .policy_ver = 5, .root = {2}};
    uint8_t bytes[192];
    pair_begin(&w, check_seed());
    reconnect();
    reconnect();
    CHECK_EQ(tell_pending(a, 4, HKP_TER_TIME_MAX), HKP_OK);
    memcpy(rba.node_id, w.opt.owner_id, 16);
    hkp_neuro_rba_sign(&rba, w.policy_secret, bytes);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        bytes[damage[i].at] ^= 1;
        CHECK_EQ(hkp_neuro_holder_pending(w.holder, bytes), damage[i].want);
        bytes[damage[i].at] ^= 1;
    }
    CHECK_EQ(tell_pending(b, 3, HKP_TER_TIME_MAX), HKP_E_NEURO_RBA_VERSION);
    CHECK_EQ(tell_pending(b, 3 + 1025, HKP_TER_TIME_MAX), HKP_E_NEURO_RBA_VERSION);
    CHECK_EQ(tell_pending(b, 5, 1), HKP_E_NEURO_RBA_EXPIRED);
    CHECK_EQ(i_after_ter_of(b), 0);
    CHECK_EQ(i_after_ter_of(a), 32768);
    CHECK_EQ(hkp_neuro_holder_pending(w.holder, bytes), HKP_OK);
    CHECK_EQ(i_after_ter_of(b), 32768);
    /* not stored: a holder that starts anew is told again */
    pair_restart(&w, HOLDER);
    reconnect();
    CHECK_EQ(i_after_ter_of(b), 0);
    CHECK_EQ(hkp_neuro_holder_pending(w.holder, bytes), HKP_OK);
    CHECK_EQ(i_after_ter_of(b), 32768);
    hkp_neuro_holder_contradiction(w.holder, w.now, HKP_NEURO_CAUSE_FORK);
    CHECK_EQ(hkp_neuro_holder_pending(w.holder, bytes), HKP_E_STATE);
    pair_end(&w);
}

int main(void) {
    CASE(integrity_shows_in_trust_at_once);
    CASE(pending_reference_counts_half);
    CASE(refused_pending_changes_nothing);
    return check_done();
}
