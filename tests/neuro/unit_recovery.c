/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an owner begins with after a crash: log and snapshots of every relative age (NZ1 5.2, 5.3, 11, 17). */
#include "pair.h"

static struct pair w;

static void active_pair(uint64_t seed) {
    pair_begin(&w, seed);
    w.opt.commit_ters = 24;
    pair_connect(&w);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    for (int i = 0; i < 40; i++) pair_second(&w);
    pair_sync(&w);
    pair_pump(&w);
    CHECK(w.commits[OWNER] >= 1);
}

/* The live state as it is, to the disk of live snapshots. */
static void store_live(void) {
    static uint8_t bytes[HKP_NEURO__SNAP_SIZE];
    const struct hkp_neuro_event e = {.bytes = bytes, .len = sizeof bytes};
    CHECK_EQ(hkp_neuro__snap_write(&w.owner->core, HKP_NEURO__SNAP_LIVE, w.owner->core.view.id,
                                   &w.owner->live, bytes),
             HKP_OK);
    pair_disk_put(&w.live, &e);
}

static void seconds(int n) {
    for (int i = 0; i < n; i++) pair_second(&w);
}

/* Session again, and both sides go on as if nothing had been: same history, next commits. */
static void goes_on(void) {
    const uint64_t commits = w.commits[HOLDER];
    const unsigned ready = w.ready;
    pair_session(&w, 0, 0);
    pair_connect(&w);
    CHECK(w.mode_r);
    for (int i = 0; i < 40 && w.ready == ready; i++) { /* no TER before that (SYN-2.6) */
        w.now += 1000000000U;
        pair_tend(&w);
    }
    CHECK(w.ready > ready);
    seconds(60);
    pair_sync(&w);
    pair_pump(&w);
    CHECK(w.commits[HOLDER] >= commits + 2);
    CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
    CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    pair_invariant(&w);
}

/* Log cut back to an index: the newest TERs are gone, as by a torn tail. */
static void tear(uint64_t to) {
    while (w.n_log > 0 && w.log[w.n_log - 1].index >= to) w.n_log--;
    w.n_durable = w.n_log;
    w.durable = to;
}

enum { NO_SNAPSHOT, OLDER, EQUAL, AHEAD };

/* A live snapshot that is missing, older than the end of the log, equal to it, or ahead of it, each with a
 * log that is whole and with one whose last TERs were torn off and are brought back by the holder. */
static void snapshot_and_log_of_every_age_come_together(void) {
    for (int age = NO_SNAPSHOT; age <= AHEAD; age++)
        for (int torn = 0; torn < 2; torn++) {
            const int before = check_faults;
            active_pair(check_seed() + (uint64_t)(age * 2 + torn));
            uint64_t cut = 0;
            const uint64_t end = w.cursor.index + 12;
            while (w.cursor.index < end) {
                if (w.cursor.index == end - 3) cut = w.cursor.index;
                if ((age == OLDER && w.cursor.index == end - 8) ||
                    (age == EQUAL && torn && w.cursor.index == end - 3))
                    store_live();
                pair_second(&w);
            }
            pair_sync(&w);
            pair_tend(&w);
            if ((age == EQUAL && !torn) || age == AHEAD) store_live();
            if (age == AHEAD && !torn) {
                /* the holder's answers are as old as the log: nobody has seen these three */
                cut = w.cursor.index;
                pair_session(&w, 0, 0);
                for (int i = 0; i < 3; i++) {
                    w.wall_us += 1000000;
                    pair_ter(&w, 1);
                }
                store_live();
                tear(cut);
            } else if (torn)
                tear(cut);
            pair_restart(&w, OWNER);
            struct hkp_neuro_instance_info info;
            pair_state(&w, OWNER, &info);
            CHECK(info.state_index <= w.durable);
            goes_on();
            if (torn) CHECK(w.behind >= 1);
            CHECK_NOTE(before, "age %d, torn %d", age, torn);
            pair_end(&w);
        }
}

/* Log older than E.cur: the instance must not begin (5.2, LOG_E_ROLLBACK); nothing is loaded. */
static void a_log_behind_the_agreed_state_is_a_rollback(void) {
    active_pair(check_seed());
    struct hkp_neuro_instance_info info;
    hkp_neuro_owner *o = NULL;
    pair_state(&w, OWNER, &info);
    CHECK_EQ(
        hkp_neuro_owner_load(&o, &w.opt, w.now, w.disk[0].blob, w.disk[0].len, NULL, 0, info.ck_index - 1),
        HKP_E_TER_LOG_ROLLBACK);
    CHECK(o == NULL);
    CHECK_EQ(hkp_neuro_owner_load(&o, &w.opt, w.now, w.disk[0].blob, w.disk[0].len, NULL, 0, info.ck_index),
             HKP_OK);
    hkp_neuro_owner_free(o);
    pair_end(&w);
}

/* A damaged live snapshot, or one of an earlier enrolment, is passed over: the log from E.cur gives the same.
 */
static void an_unusable_live_snapshot_is_passed_over(void) {
    for (int k = 0; k < 3; k++) {
        active_pair(check_seed() + (uint64_t)k);
        seconds(6);
        store_live();
        if (k == 0) w.live.blob[w.live.len / 2] ^= 1;
        if (k == 1) w.live.len--;
        if (k == 2) {
            w.owner->core.view.id++;
            store_live();
        }
        pair_restart(&w, OWNER);
        struct hkp_neuro_instance_info info;
        pair_state(&w, OWNER, &info);
        CHECK_EQ(info.state_index, info.ck_index);
        goes_on();
        pair_end(&w);
    }
}

/* A rebase is the last thing in the log, and the device dies: E.cur or the live snapshot stands at its index,
 * before it or after it. The state that goes on has seen it once, and the next commit is agreed. */
static void a_rebase_at_the_end_of_the_log_is_not_forgotten(void) {
    enum { FROM_CUR, SNAPSHOT_BEFORE, SNAPSHOT_AFTER, WAYS };
    for (int way = 0; way < WAYS; way++) {
        const int before = check_faults;
        active_pair(check_seed() + (uint64_t)way);
        if (way == FROM_CUR) { /* a commit at the very index where the rebase is to stand */
            struct hkp_neuro_instance_info info, held;
            const uint64_t commits = w.commits[OWNER];
            w.owner->core.opt.commit_ters = 1;
            do { /* and nobody has seen a TER or a checkpoint behind it */
                seconds(1);
                pair_state(&w, OWNER, &info);
                pair_state(&w, HOLDER, &held);
            } while (w.commits[OWNER] == commits || held.index != info.ck_index || info.ck_index % 16 == 0);
            w.owner->core.opt.commit_ters = 24;
            pair_session(&w, 0, 0);
            tear(info.ck_index);
            pair_restart(&w, OWNER);
            pair_pump(&w);
        }
        uint8_t root[32], body[200];
        pair_fill(&w, root, 32);
        memcpy(w.root, root, 32);
        hkp_ter_ripemd160(root, 32, w.h_ref);
        w.policy_ver++;
        pair_rba(&w);
        hkp_put_le64(body, w.cursor.index);
        memcpy(body + 8, w.rba, 192);
        if (way == SNAPSHOT_BEFORE) store_live();
        pair_record(&w, HKP_TER_LOG_REBASE, body, sizeof body);
        CHECK_EQ(hkp_neuro_owner_rebase(w.owner, w.now, w.cursor.index, w.rba), HKP_OK);
        if (way == SNAPSHOT_AFTER) store_live();
        pair_sync(&w);
        w.opt.commit_ters = way == FROM_CUR ? 24 : 1;
        pair_restart(&w, OWNER);
        w.opt.commit_ters = 24;
        goes_on();
        CHECK_EQ(w.owner->live.state->policy_ver, 4);
        CHECK_EQ(w.holder->replica.state->policy_ver, 4);
        CHECK_NOTE(before, "way %d", way);
        pair_end(&w);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(snapshot_and_log_of_every_age_come_together);
    CASE(a_log_behind_the_agreed_state_is_a_rollback);
    CASE(an_unusable_live_snapshot_is_passed_over);
    CASE(a_rebase_at_the_end_of_the_log_is_not_forgotten);
    return check_done();
}
