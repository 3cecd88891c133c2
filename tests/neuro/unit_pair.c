/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* An instance between two nodes over a bad channel, with crashes, copies and forks (NZ1 17, 22). */
#include "pair.h"

static struct pair w;

static void calm_pair_commits(void) {
    pair_begin(&w, check_seed());
    pair_connect(&w);
    CHECK_EQ(w.last_refusal[OWNER], HKP_OK);
    CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_PENDING);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_PENDING);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    for (int i = 0; i < 200; i++) {
        if (i == 100) pair_rebase(&w);
        pair_second(&w);
    }
    struct hkp_neuro_instance_info e, v;
    pair_state(&w, OWNER, &e);
    pair_state(&w, HOLDER, &v);
    CHECK(w.commits[OWNER] >= 6 && w.commits[OWNER] == w.commits[HOLDER]);
    CHECK_EQ(e.ck_index, v.ck_index);
    CHECK_EQ(v.policy_ver, 4);
    CHECK(v.index + 8 > e.index);
    CHECK_EQ(v.state_index, v.index);
    struct hkp_neuro_trust_inputs in = {
        .a = 39321, .l = 65536, .why = HKP_NEURO_WHY_NO_TPM, .good_heartbeat = 1};
    struct hkp_neuro_trust t = {.t = 65536};
    hkp_neuro_holder_trust(w.holder, w.wall_us, w.wall_us - 300000000, 0, &in);
    hkp_neuro_trust_update(&t, &in);
    CHECK_EQ(in.r, 65536);
    CHECK_EQ(in.why & HKP_NEURO_WHY_NO_REPLICA, 0);
    pair_end(&w);
}

/* Loss, doubling, reordering, reconnects, crashes at every store point of both sides: the invariant of
 * NZ1 17. */
static void bad_channel_and_crashes(void) {
    uint64_t commits = 0, restarts = 0;
    for (uint64_t run = 0; run < 24; run++) {
        const int before = check_faults;
        pair_begin(&w, check_seed() + run * 7919);
        w.loss = (unsigned)(run % 5) * 16;
        w.twice = (unsigned)(run % 3) * 24;
        w.crash = run % 2 ? 48 : 0;
        for (int i = 0; i < 400; i++) {
            if (!w.up || pair_chance(&w) < 6) {
                if (w.up) pair_session(&w, 0, 0);
                pair_connect(&w);
            }
            if (w.up && !w.mode_r && pair_chance(&w) < 128) pair_session(&w, 0, 0);
            if (w.crash && pair_chance(&w) < 4) pair_restart(&w, pair_chance(&w) & 1);
            if (pair_chance(&w) < 2 && w.up && w.mode_r) pair_rebase(&w);
            pair_second(&w);
        }
        /* faults off: it comes together again */
        w.loss = w.twice = w.crash = 0;
        for (int i = 0; i < 120; i++) {
            if (!w.up || !w.mode_r) {
                if (w.up) pair_session(&w, 0, 0);
                pair_connect(&w);
            }
            pair_second(&w);
        }
        struct hkp_neuro_instance_info e, v;
        CHECK_EQ(pair_state(&w, OWNER, &e), HKP_NEURO_INSTANCE_ACTIVE);
        CHECK_EQ(pair_state(&w, HOLDER, &v), HKP_NEURO_INSTANCE_ACTIVE);
        CHECK(e.index - v.index < 10);
        CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
        commits += w.commits[HOLDER];
        restarts += w.restarts;
        CHECK_NOTE(before, "run %d: refused %d, owner %u cause %u at %d, holder %u cause %u at %d", (int)run,
                   w.last_refusal[HOLDER], e.state, e.cause, (int)e.index, v.state, v.cause, (int)v.index);
        pair_end(&w);
        if (check_faults - before > 5) break;
    }
    CHECK(commits > 100);
    CHECK(restarts > 20);
    printf("# %d commits, %d restarts\n", (int)commits, (int)restarts);
}

/* Until ACTIVE with a commit or two behind it. */
static void active_pair(uint64_t seed) {
    pair_begin(&w, seed);
    pair_connect(&w);
    pair_session(&w, 0, 0);
    pair_connect(&w);
    for (int i = 0; i < 60; i++) pair_second(&w);
    CHECK(w.commits[OWNER] >= 1);
}

/* The thief has the disk of an instant; log and live state are those of that instant, too. */
static void a_copy_of_an_old_snapshot_ends_lost(void) {
    active_pair(check_seed());
    struct pair_disk disk = w.disk[OWNER], live = w.live;
    const size_t n_log = w.n_durable;
    const uint64_t durable = w.durable;
    w.disk[OWNER].blob = (uint8_t *)malloc(disk.len);
    memcpy(w.disk[OWNER].blob, disk.blob, disk.len);
    w.live.blob = NULL;
    w.live.len = 0;
    for (int i = 0; i < 100; i++) pair_second(&w);
    pair_sync(&w);
    /* the true device stops, the copy goes on from where it was copied */
    free(w.disk[OWNER].blob);
    w.disk[OWNER] = disk;
    free(w.live.blob);
    w.live = live;
    w.n_log = w.n_durable = n_log;
    w.durable = durable;
    pair_restart(&w, OWNER);
    hkp_neuro_commit *e = NULL, *v = NULL;
    CHECK_EQ(hkp_neuro_owner_commit(w.owner, 0, &e), HKP_OK);
    /* no slot of the holder has it: no mode-R handshake, and mode N is not permitted */
    CHECK_EQ(hkp_neuro_holder_commit(w.holder, hkp_neuro_commit_index(e), &v), HKP_E_NOTFOUND);
    hkp_neuro_commit_unref(e);
    CHECK_EQ(hkp_neuro_mode_n_permitted(pair_state(&w, OWNER, NULL), 0, 0, 0, 0, 0, 0, 0), 0);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
    pair_end(&w);
}

/* Two processes from one snapshot: the second to speak ends in LOST (row 13 of NZ1 19). */
static void the_second_of_two_ends_lost(void) {
    for (int longer = 0; longer < 2; longer++) {
        active_pair(check_seed() + (uint64_t)longer);
        pair_sync(&w);
        pair_pump(&w);
        uint8_t *copy = (uint8_t *)malloc(w.disk[OWNER].len);
        const size_t copy_len = w.disk[OWNER].len;
        memcpy(copy, w.disk[OWNER].blob, copy_len);
        const size_t n_log = w.n_durable;
        const uint64_t durable = w.durable;
        /* the first goes on, up to the commit before the copy's base goes */
        const uint64_t commits = w.commits[HOLDER];
        while (w.commits[HOLDER] == commits) pair_second(&w);
        free(w.disk[OWNER].blob);
        w.disk[OWNER] = (struct pair_disk){copy, copy_len};
        free(w.live.blob);
        w.live = (struct pair_disk){0};
        w.n_log = w.n_durable = n_log;
        w.durable = durable;
        pair_restart(&w, OWNER);
        pair_connect(&w);
        for (int i = 0; i < 60 * (1 + longer) && w.lost[OWNER] + w.lost[HOLDER] == 0; i++) pair_second(&w);
        CHECK(w.lost[OWNER] + w.lost[HOLDER] > 0);
        pair_end(&w);
    }
}

/* Row 13: a proposal over a base that the holder left behind. */
static void a_stale_base_is_lost(void) {
    active_pair(check_seed());
    uint8_t old[116];
    hkp_neuro__msg_head(old, HKP_NEURO_MSG_PROPOSE, 0);
    hkp_neuro_commit *e = NULL;
    CHECK_EQ(hkp_neuro_owner_commit(w.owner, 0, &e), HKP_OK);
    hkp_neuro__propose_write(&w.owner->live, e, old + 4);
    for (int i = 0; i < 80; i++) pair_second(&w);
    CHECK_EQ(hkp_neuro_holder_recv(w.holder, w.now, w.wall_us, HKP_NEURO_CLASS_COMMIT, old, sizeof old),
             HKP_OK);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_LOST);
    hkp_neuro_commit_unref(e);
    pair_pump(&w);
    /* LOST is durable, and has no slot */
    pair_restart(&w, HOLDER);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_LOST);
    CHECK_EQ(hkp_neuro_holder_commit(w.holder, 0, &e), HKP_E_NOTFOUND);
    /* a raised neuro_gen enrols again */
    w.gen[OWNER] = 1;
    pair_connect(&w);
    CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_PENDING);
    pair_end(&w);
}

/* Row 13: a base of the right index that is another state: F is part of the tag. */
static void a_base_of_another_fingerprint_is_lost(void) {
    for (int wrong = 0; wrong < 2; wrong++) {
        uint8_t propose[4 + HKP_NEURO__PROPOSE_BODY];
        hkp_neuro_commit *e = NULL;
        active_pair(check_seed());
        w.now += 1000000000U;
        w.wall_us += 1000000;
        pair_ter(&w, 1);
        pair_sync(&w);
        CHECK_EQ(hkp_neuro_owner_commit(w.owner, 0, &e), HKP_OK);
        CHECK(w.owner->live.cursor.index > hkp_neuro_commit_index(e));
        hkp_neuro__msg_head(propose, HKP_NEURO_MSG_PROPOSE, 0);
        hkp_neuro__propose_write(&w.owner->live, e, propose + 4);
        if (wrong) propose[4 + 80] ^= 1;
        CHECK_EQ(hkp_neuro_holder_recv(w.holder, w.now, w.wall_us, HKP_NEURO_CLASS_COMMIT, propose,
                                       sizeof propose),
                 HKP_OK);
        CHECK_EQ(pair_state(&w, HOLDER, NULL), wrong ? HKP_NEURO_INSTANCE_LOST : HKP_NEURO_INSTANCE_ACTIVE);
        hkp_neuro_commit_unref(e);
        pair_end(&w);
    }
}

/* SYN-13: what was proposed is proposed again until it is answered, and nothing else. */
static void an_open_proposal_keeps_its_n(void) {
    uint8_t first[4 + HKP_NEURO__PROPOSE_BODY];
    unsigned seen = 0;
    active_pair(check_seed());
    for (int i = 0; i < 200; i++) {
        w.now += 1000000000U;
        w.wall_us += 1000000;
        pair_ter(&w, 1);
        pair_sync(&w);
        while (pair_event(&w, OWNER)) {
        }
        while (pair_event(&w, HOLDER)) {
        }
        pair_collect(&w, OWNER);
        while (w.n_channel > 0) {
            const struct pair_message *m = &w.channel[0];
            if (m->bytes[0] == HKP_NEURO_MSG_PROPOSE && seen++ == 0) memcpy(first, m->bytes, sizeof first);
            if (m->bytes[0] == HKP_NEURO_MSG_PROPOSE) CHECK_MEM(m->bytes, first, sizeof first);
            pair_deliver(&w);
        }
    }
    CHECK(seen > 2);
    CHECK(w.owner->live.cursor.index > hkp_le64(first + 12) + w.opt.commit_ters);
    CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
    pair_end(&w);
}

/* Row 17: V.prev keeps its network: a handshake on it works after the CKACK was lost. */
static void lost_ckack_leaves_a_usable_v_prev(void) {
    active_pair(check_seed());
    const uint64_t commits = w.commits[HOLDER];
    hkp_neuro_commit *e = NULL, *v = NULL;
    uint8_t hash[32] = {1}, nonce[8] = {2}, a[32], b[32], ka[32], kb[32];
    for (int i = 0; i < 60 && w.commits[HOLDER] == commits; i++) {
        /* nothing comes back from the holder */
        w.now += 1000000000U;
        w.wall_us += 1000000;
        pair_ter(&w, 1);
        pair_sync(&w);
        for (int k = 0; k < 20; k++) {
            while (pair_event(&w, OWNER)) {
            }
            while (pair_event(&w, HOLDER)) {
            }
            pair_collect(&w, OWNER);
            pair_deliver(&w);
        }
    }
    CHECK_EQ(w.commits[HOLDER], commits + 1);
    CHECK_EQ(hkp_neuro_owner_commit(w.owner, 0, &e), HKP_OK);
    CHECK_EQ(hkp_neuro_holder_commit(w.holder, hkp_neuro_commit_index(e), &v), HKP_OK);
    hkp_neuro_commit_posf(e, HKP_NEURO_ROLE_E, hash, nonce, a);
    hkp_neuro_commit_posf(v, HKP_NEURO_ROLE_E, hash, nonce, b);
    CHECK_MEM(a, b, 32);
    hkp_neuro_commit_psk(e, ka);
    hkp_neuro_commit_psk(v, kb);
    CHECK_MEM(ka, kb, 32);
    hkp_neuro_commit_unref(e);
    hkp_neuro_commit_unref(v);
    /* and the next session ends the split */
    pair_session(&w, 0, 0);
    pair_connect(&w);
    for (int i = 0; i < 60; i++) pair_second(&w);
    CHECK(w.commits[OWNER] > commits);
    CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
    pair_end(&w);
}

/* The end of the log is torn off; what the holder has is fetched before a TER is made (NZ1 5.2, SYN-2.6). */
static void torn_log_is_restored_from_the_holder(void) {
    active_pair(check_seed());
    pair_sync(&w);
    for (int i = 0; i < 10 && w.holder->head.index < w.durable; i++) {
        w.now += 3000000000U;
        hkp_neuro_owner_tick(w.owner, w.now);
        pair_pump(&w);
    }
    const uint64_t had = w.holder->head.index, base = w.holder->core.view.cur->index;
    CHECK(had > base + 2);
    while (w.n_durable > 0 && w.log[w.n_durable - 1].index > base + 1) w.n_durable--;
    w.durable = base + 1;
    while (w.n_durable > 0 && w.log[w.n_durable - 1].index >= w.durable) w.n_durable--;
    pair_restart(&w, OWNER);
    CHECK_EQ(w.cursor.index, w.durable);
    w.ready = 0;
    pair_connect(&w);
    pair_pump(&w);
    CHECK_EQ(w.behind, 1);
    CHECK_EQ(w.cursor.index, had);
    CHECK_EQ(w.ready, 1);
    CHECK_MEM(w.cursor.h, w.holder->head.h, 32);
    const uint64_t commits = w.commits[OWNER];
    for (int i = 0; i < 40; i++) pair_second(&w);
    CHECK(w.commits[OWNER] > commits);
    CHECK_EQ(w.lost[OWNER] + w.lost[HOLDER], 0);
    pair_end(&w);
}

/* A gap for good: STALE on both sides, durable; the last commit stays usable; a raised neuro_gen begins anew.
 */
static void gap_makes_stale(void) {
    active_pair(check_seed());
    hkp_neuro_commit *e = NULL, *v = NULL;
    hkp_neuro_owner_gap(w.owner, w.now, HKP_NEURO_CAUSE_GAP);
    uint8_t gap[120] = {0}, msg[12 + 128];
    size_t len = 0;
    hkp_put_le64(gap, w.holder->head.index);
    hkp_put_le64(gap + 8, w.holder->head.index + 9);
    hkp_neuro__msg_head(msg, HKP_NEURO_MSG_LOG, 1);
    hkp_put_le64(msg + 4, w.holder->head.index);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_GAP, gap, sizeof gap, msg + 12, 128, &len), HKP_OK);
    CHECK_EQ(hkp_neuro_holder_recv(w.holder, w.now, w.wall_us, HKP_NEURO_CLASS_TER, msg, 12 + len), HKP_OK);
    pair_pump(&w);
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_STALE);
        CHECK_EQ(pair_state(&w, HOLDER, NULL), HKP_NEURO_INSTANCE_STALE);
        CHECK_EQ(hkp_neuro_owner_commit(w.owner, 0, &e), HKP_OK);
        CHECK_EQ(hkp_neuro_holder_commit(w.holder, hkp_neuro_commit_index(e), &v), HKP_OK);
        hkp_neuro_commit_unref(e);
        hkp_neuro_commit_unref(v);
        pair_restart(&w, OWNER);
        pair_restart(&w, HOLDER);
    }
    struct hkp_neuro_trust_inputs in = {.a = 65536, .l = 65536};
    struct hkp_neuro_trust t = {.t = 65536};
    hkp_neuro_holder_trust(w.holder, w.wall_us, w.wall_us, 0, &in);
    hkp_neuro_trust_update(&t, &in);
    CHECK((t.why & HKP_NEURO_WHY_STALE_INSTANCE) != 0 && t.t <= 19660);
    pair_end(&w);
}

/* An acknowledgement of another state: the holder knows another successor, this instance is LOST (NZ1 17). */
static void wrong_ckack_is_lost(void) {
    active_pair(check_seed());
    uint8_t msg[44], tag[32] = {1};
    while (!w.owner->proposed) {
        w.now += 1000000000U;
        w.wall_us += 1000000;
        pair_ter(&w, 1);
        pair_sync(&w);
    }
    hkp_neuro__msg_head(msg, HKP_NEURO_MSG_CKACK, 0);
    hkp_put_le64(msg + 4, w.owner->core.view.cur->index);
    memcpy(msg + 12, tag, 32);
    CHECK_EQ(hkp_neuro_owner_recv(w.owner, w.now, w.wall_us, HKP_NEURO_CLASS_COMMIT, msg, 44), HKP_OK);
    CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_ACTIVE); /* at or below E.cur: ignored */
    hkp_put_le64(msg + 4, w.owner->next.cursor.index);
    CHECK_EQ(hkp_neuro_owner_recv(w.owner, w.now, w.wall_us, HKP_NEURO_CLASS_COMMIT, msg, 44), HKP_OK);
    CHECK_EQ(pair_state(&w, OWNER, NULL), HKP_NEURO_INSTANCE_LOST);
    pair_end(&w);
}

/* ---- Row 18: one device X, its log, and three holders ---- */

enum { HOLDERS = 3 };
static struct pair net[HOLDERS]; /* net[0] drives the log of X, the others follow it */

static void net_second(void) {
    pair_second(&net[0]);
    for (int k = 1; k < HOLDERS; k++) {
        pair_follow(&net[k], &net[0]);
        pair_tend(&net[k]);
    }
}

static void net_connect(struct pair *x) {
    pair_session(x, 0, 0);
    pair_connect(x);
}

/* E.cur of an instance, and that its holder has the same under that index: psk and PoSF agree. */
static uint64_t agreed(struct pair *x, uint8_t psk[32]) {
    hkp_neuro_commit *e = NULL, *v = NULL;
    uint8_t hash[32] = {1}, nonce[8] = {2}, a[32], b[32];
    CHECK_EQ(hkp_neuro_owner_commit(x->owner, 0, &e), HKP_OK);
    const uint64_t index = hkp_neuro_commit_index(e);
    CHECK_EQ(hkp_neuro_holder_commit(x->holder, index, &v), HKP_OK);
    hkp_neuro_commit_posf(e, HKP_NEURO_ROLE_E, hash, nonce, a);
    hkp_neuro_commit_posf(v, HKP_NEURO_ROLE_E, hash, nonce, b);
    CHECK_MEM(a, b, 32);
    hkp_neuro_commit_psk(e, psk);
    hkp_neuro_commit_psk(v, b);
    CHECK_MEM(psk, b, 32);
    hkp_neuro_commit_unref(e);
    hkp_neuro_commit_unref(v);
    return index;
}

/* Three instances of one device, two begun at the same TER and one later; each has a seed of its own. */
static void net_begin(uint64_t seed) {
    uint8_t psk[HOLDERS][32];
    uint64_t index[HOLDERS];
    for (int k = 0; k < HOLDERS; k++) {
        struct pair *x = &net[k];
        pair_begin(x, seed); /* the same seed: the same device and the same first TERs */
        hkp_neuro_owner_free(x->owner);
        hkp_neuro_holder_free(x->holder);
        x->random += (uint64_t)k; /* from here on each has its own channel and sessions */
        x->opt.holder_id[0] ^= (uint8_t)k;
        CHECK_EQ(hkp_neuro_owner_new(&x->owner, &x->opt, x->now), HKP_OK);
        CHECK_EQ(hkp_neuro_holder_new(&x->holder, &x->opt, x->now), HKP_OK);
    }
    for (int k = 0; k < HOLDERS; k++) {
        if (k != 1) {
            net_second();
            net[0].wall_us += 1000000;
            pair_ter(&net[0], 1);
            pair_tck(&net[0]);
            pair_sync(&net[0]);
        }
        if (k > 0) pair_follow(&net[k], &net[0]);
        net_connect(&net[k]); /* enrols */
        net_connect(&net[k]); /* proves */
        CHECK_EQ(pair_state(&net[k], OWNER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
        CHECK_EQ(pair_state(&net[k], HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
        index[k] = agreed(&net[k], psk[k]);
        for (int j = 0; j < k; j++) CHECK(memcmp(psk[j], psk[k], 32) != 0);
    }
    CHECK(index[0] == index[1] && index[1] < index[2]);
}

/* Acks of one holder are withheld; the other two commit and reconnect, it connects with its old commit. */
static void one_silent_holder_holds_up_no_other(void) {
    for (int silent = 0; silent < HOLDERS; silent++) {
        uint64_t before[HOLDERS], owner[HOLDERS], holder[HOLDERS];
        uint8_t psk[HOLDERS][32];
        struct hkp_neuro_instance_info v;
        net_begin(check_seed() + (uint64_t)silent);
        for (int i = 0; i < 40; i++) net_second();
        net[silent].no_acks = 1;
        for (int k = 0; k < HOLDERS; k++) {
            before[k] = agreed(&net[k], psk[k]);
            owner[k] = net[k].commits[OWNER];
            holder[k] = net[k].commits[HOLDER];
        }
        for (int i = 0; i < 80; i++) {
            if (i == 40) pair_rebase(&net[0]);
            net_second();
        }
        for (int round = 0; round < 2; round++) {
            for (int k = 0; k < HOLDERS; k++) {
                const uint64_t index = agreed(&net[k], psk[k]);
                pair_state(&net[k], HOLDER, &v);
                if (k == silent) {
                    /* V.cur went on by one; E.cur is V.prev */
                    CHECK_EQ(index, before[k]);
                    CHECK_EQ(net[k].commits[OWNER], owner[k]);
                    CHECK_EQ(net[k].commits[HOLDER], holder[k] + 1);
                    CHECK(v.ck_index > index);
                } else {
                    CHECK(index > before[k]);
                    CHECK(net[k].commits[OWNER] >= owner[k] + 2);
                    CHECK_EQ(v.ck_index, index);
                }
                for (int j = 0; j < k; j++) CHECK(memcmp(psk[j], psk[k], 32) != 0);
                net_connect(&net[k]);
                CHECK_EQ(net[k].mode_r, 1);
                CHECK_EQ(pair_state(&net[k], OWNER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
                CHECK_EQ(pair_state(&net[k], HOLDER, NULL), HKP_NEURO_INSTANCE_ACTIVE);
            }
            for (int i = 0; i < 40; i++) net_second();
        }
        /* heard again, it commits like the others; all three saw the same log */
        net[silent].no_acks = 0;
        for (int i = 0; i < 80; i++) net_second();
        CHECK(net[silent].commits[OWNER] >= owner[silent] + 2);
        for (int k = 0; k < HOLDERS; k++) {
            CHECK_EQ(net[k].lost[OWNER] + net[k].lost[HOLDER], 0);
            CHECK(net[k].holder->head.index + 8 > net[0].cursor.index);
            CHECK_MEM(net[k].cursor.h, net[0].cursor.h, 32);
        }
        for (int k = 0; k < HOLDERS; k++) pair_end(&net[k]);
    }
}

/* A pinned state outlives the slots that it came from. */
static void pinned_commit_outlives_its_slot(void) {
    active_pair(check_seed());
    hkp_neuro_commit *pin = NULL;
    uint8_t f[64], now[64], hash[32] = {1}, nonce[8] = {2}, a[32], b[32];
    CHECK_EQ(hkp_neuro_holder_commit(w.holder, 0, &pin), HKP_OK);
    hkp_neuro_commit_f(pin, f);
    hkp_neuro_commit_posf(pin, HKP_NEURO_ROLE_V, hash, nonce, a);
    const uint64_t index = hkp_neuro_commit_index(pin);
    for (int i = 0; i < 120; i++) pair_second(&w);
    CHECK(w.holder->core.view.prev->index > index);
    hkp_neuro_commit_f(pin, now);
    hkp_neuro_commit_posf(pin, HKP_NEURO_ROLE_V, hash, nonce, b);
    CHECK_MEM(now, f, 64);
    CHECK_MEM(b, a, 32);
    pair_end(&w);
    hkp_neuro_commit_unref(pin);
}

/* Row 19: ENROL does not replace ACTIVE without a raised generation; nothing changes. */
static void enrol_does_not_replace_active(void) {
    active_pair(check_seed());
    struct hkp_neuro_instance_info before, after;
    struct hkp_neuro_enrol_point point = {0};
    pair_state(&w, HOLDER, &before);
    pair_session(&w, 0, 0);
    pair_session(&w, 1, 0);
    CHECK_EQ(hkp_neuro_owner_enrol(w.owner, w.now, &point), HKP_E_NEURO_ENROL_STATE);
    /* an owner that has forgotten asks all the same */
    hkp_neuro_owner_free(w.owner);
    CHECK_EQ(hkp_neuro_owner_new(&w.owner, &w.opt, w.now), HKP_OK);
    pair_connect(&w);
    CHECK_EQ(w.last_refusal[HOLDER], HKP_E_NEURO_ENROL_STATE);
    pair_state(&w, HOLDER, &after);
    CHECK_EQ(after.state, HKP_NEURO_INSTANCE_ACTIVE);
    CHECK_EQ(after.ck_index, before.ck_index);
    pair_end(&w);
}

static void damaged_bytes_are_refused(void) {
    active_pair(check_seed());
    for (int side = 0; side < 2; side++) {
        struct pair_disk *d = &w.disk[side];
        for (int k = 0; k < 200; k++) {
            const size_t at = k < 100 ? (size_t)k : (size_t)(check_random(&w.random) % d->len);
            hkp_neuro_owner *o = NULL;
            hkp_neuro_holder *h = NULL;
            d->blob[at] ^= 0x10;
            CHECK(side == OWNER
                      ? hkp_neuro_owner_load(&o, &w.opt, w.now, d->blob, d->len, NULL, 0, w.durable) != HKP_OK
                      : hkp_neuro_holder_load(&h, &w.opt, w.now, d->blob, d->len) != HKP_OK);
            CHECK(o == NULL && h == NULL);
            d->blob[at] ^= 0x10;
        }
        hkp_neuro_holder *h = NULL;
        CHECK_EQ(hkp_neuro_holder_load(&h, &w.opt, w.now, d->blob, d->len - 1), HKP_E_NEURO_LENGTH);
    }
    /* a log that ends before the commit */
    hkp_neuro_owner *o = NULL;
    CHECK_EQ(hkp_neuro_owner_load(&o, &w.opt, w.now, w.disk[0].blob, w.disk[0].len, NULL, 0, 5),
             HKP_E_TER_LOG_ROLLBACK);
    pair_end(&w);
}

static void every_allocation_may_fail(void) {
    active_pair(check_seed());
    for (int what = 0; what < 4; what++) {
        for (long budget = 0;; budget++) {
            struct failing f = {.left = budget};
            struct hkp_neuro_options opt = w.opt;
            hkp_neuro_owner *o = NULL;
            hkp_neuro_holder *h = NULL;
            hkp_status st;
            opt.mem = failing_mem(&f);
            if (what == 0)
                st = hkp_neuro_owner_new(&o, &opt, w.now);
            else if (what == 1)
                st = hkp_neuro_holder_new(&h, &opt, w.now);
            else if (what == 2)
                st = hkp_neuro_owner_load(&o, &opt, w.now, w.disk[0].blob, w.disk[0].len, NULL, 0, w.durable);
            else
                st = hkp_neuro_holder_load(&h, &opt, w.now, w.disk[1].blob, w.disk[1].len);
            hkp_neuro_owner_free(o);
            hkp_neuro_holder_free(h);
            CHECK_EQ(f.live, 0);
            if (st == HKP_OK) {
                CHECK(budget > 0);
                break;
            }
            CHECK_EQ(st, HKP_E_NOMEM);
            if (budget > 40) break;
        }
    }
    pair_end(&w);
}

int main(void) {
    CASE(calm_pair_commits);
    CASE(bad_channel_and_crashes);
    CASE(a_copy_of_an_old_snapshot_ends_lost);
    CASE(the_second_of_two_ends_lost);
    CASE(a_stale_base_is_lost);
    CASE(a_base_of_another_fingerprint_is_lost);
    CASE(an_open_proposal_keeps_its_n);
    CASE(lost_ckack_leaves_a_usable_v_prev);
    CASE(torn_log_is_restored_from_the_holder);
    CASE(gap_makes_stale);
    CASE(pinned_commit_outlives_its_slot);
    CASE(wrong_ckack_is_lost);
    CASE(one_silent_holder_holds_up_no_other);
    CASE(enrol_does_not_replace_active);
    CASE(damaged_bytes_are_refused);
    CASE(every_allocation_may_fail);
    return check_done();
}
