/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Heartbeats over hours: intervals that were missed, and those that only seem so (HTP-8.2 to 8.5). */
#include "flow_net.h"

enum { MODES = 5, NATS = 6, CLS = 7 };

/** Who talks beside the heartbeats. */
enum { QUIET, E_TALKS, V_TALKS, BOTH_TALK, TALKS };

#define SECOND HKP_HTP__SECOND_NS
#define HOUR (3600 * SECOND)

static struct net *hearts(uint64_t seed, uint8_t mode, uint8_t nat) {
    struct net *n = net_new(seed);
    for (int i = 0; i < 2; i++) {
        n->flow[i]->mode.mask = 1;
        hkp_htp__flow_set_nat(n->flow[i], nat);
        CHECK_EQ(hkp_htp__flow_set_mode(n->flow[i], n->now, mode), HKP_OK);
    }
    return n;
}

static void say(struct net *n, int side) {
    static const uint8_t text[100];
    uint32_t id;
    hkp_status st = hkp_htp__flow_open(n->flow[side], CLS, 0, 0, &id);
    if (st == HKP_OK) st = hkp_htp__flow_message(n->flow[side], id, text, sizeof text, 1);
    if (st != HKP_E_LIMIT) CHECK_EQ(st, HKP_OK);
}

/* Takes all events; those of missed intervals must count up from 1. How many there were. */
static unsigned take_events(struct net *n, int side) {
    struct hkp_htp__flow_event e;
    unsigned missed = 0;
    for (;;) {
        CHECK_EQ(hkp_htp__flow_event(n->flow[side], &e), HKP_OK);
        if (e.kind == HKP_HTP__FLOW_EV_NONE) return missed;
        if (e.kind == HKP_HTP__FLOW_EV_MISSED) CHECK_EQ(e.code, ++missed);
    }
}

static unsigned run(struct net *n, hkp_time span, int talks) {
    const hkp_time end = n->now + span;
    unsigned missed = 0;
    for (unsigned k = 0; n->now < end; k++) {
        if (talks & E_TALKS && k % 3 == 0) say(n, 0);
        if (talks & V_TALKS && k % 7 == 0) say(n, 1);
        net_run(n, n->now + 1 * SECOND + check_random(&n->random) % (20 * SECOND));
        for (int i = 0; i < 2; i++) missed += take_events(n, i);
    }
    return missed;
}

static uint64_t counted(const struct net *n, int side) {
    struct hkp_htp__flow_info info;
    hkp_htp__flow_info(n->flow[side], &info);
    return info.missed_heartbeats;
}

/* HTP-8.3: nothing is lost, so nothing is missed, whatever goes beside and however late it is. */
static void a_healthy_session_misses_nothing(void) {
    for (uint8_t mode = 0; mode < MODES; mode++)
        for (uint8_t nat = 0; nat < NATS; nat++)
            for (int talks = QUIET; talks < TALKS; talks++) {
                struct net *n = hearts(check_seed() + nat * 100U + mode * 10U + (unsigned)talks, mode, nat);
                n->delay = (nat % 3 == 0 ? 1 : nat % 3 == 1 ? 50 : 2000) * UINT64_C(1000000);
                n->jitter = n->delay / 2;
                CHECK_EQ(run(n, 3 * HOUR, talks), 0);
                for (int i = 0; i < 2; i++) CHECK_EQ(counted(n, i), 0);
                CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
                if (!(talks & E_TALKS)) CHECK(n->flow[1]->heart.good_count >= 3 * 3600 / 125);
                net_free(n);
            }
}

/* Longer intervals and shorter ones, told by a heartbeat that must have come before V goes by it. */
static void changes_of_mode_and_nat_miss_nothing(void) {
    for (unsigned seed = 0; seed < 20; seed++) {
        struct net *n = hearts(check_seed() + seed, 0, 0);
        n->jitter = 100 * UINT64_C(1000000);
        unsigned missed = 0;
        for (unsigned k = 0; k < 300; k++) {
            const uint64_t r = check_random(&n->random);
            for (int i = 0; i < 2; i++) {
                if (r >> i & 1) hkp_htp__flow_set_nat(n->flow[i], (uint8_t)((r >> 8) % NATS));
                if (r >> i & 2)
                    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[i], n->now, (uint8_t)((r >> 16) % MODES)),
                             HKP_OK);
            }
            missed += run(n, (1 + (r >> 24) % 100) * SECOND, (int)((r >> 40) % TALKS));
        }
        CHECK_EQ(missed, 0);
        CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
        net_free(n);
    }
}

/* HTP-8.5: 3 intervals of silence end it, so two are missed before; more where 45 s are more than 3. */
static void a_silent_peer_misses_what_fits_the_idle_timeout(void) {
    for (uint8_t mode = 0; mode < MODES; mode++)
        for (uint8_t nat = 0; nat < NATS; nat++)
            for (int talks = QUIET; talks < TALKS; talks++) {
                struct net *n = hearts(check_seed() + nat * 100U + mode * 10U + (unsigned)talks, mode, nat);
                const int late = nat & 1; /* asked late, the count is the same */
                unsigned missed[2] = {0};
                CHECK_EQ(run(n, HOUR / 4, talks), 0);
                net_run(n, n->now + SECOND); /* what is on its way arrives */
                CHECK_EQ(take_events(n, 0) + take_events(n, 1), 0);
                n->loss = 1000;
                if (late) n->now += 400 * SECOND;
                net_run(n, n->now + 500 * SECOND);
                for (int i = 0; i < 2; i++) {
                    CHECK_EQ(n->fault[i], HKP_E_HTP_IDLE);
                    missed[i] = take_events(n, i);
                    CHECK_EQ(missed[i], 2);
                    CHECK_EQ(counted(n, i), 2);
                }
                net_free(n);
            }
    struct net *n = hearts(check_seed(), 0, 0);
    n->flow[0]->heart.accept_s = 5;
    hkp_htp__heart_reset(n->flow[0]);
    net_run(n, n->now + 100 * SECOND);
    n->loss = 1000;
    net_run(n, n->now + 100 * SECOND);
    for (int i = 0; i < 2; i++) CHECK_EQ(take_events(n, i), 8); /* 7.5 s, 12.5 s, .. 42.5 s */
    net_free(n);
}

/* One heartbeat that is lost with all that the sender tries instead is one missed, and the next ends the row.
 */
static void a_gap_is_told_once_and_its_end_begins_anew(void) {
    struct net *n = net_started();
    (void)run(n, 300 * SECOND, QUIET);
    for (int gap = 0; gap < 3; gap++) {
        const hkp_time life = n->flow[1]->heart.silent_from;
        n->loss = 1000;
        net_run(n, life + 50 * SECOND);
        n->loss = 0;
        net_run(n, n->now + 60 * SECOND);
        CHECK_EQ(take_events(n, 0), 1);
        CHECK_EQ(take_events(n, 1), 1);
        CHECK_EQ(n->flow[0]->heart.missed_row + n->flow[1]->heart.missed_row, 0);
        CHECK_EQ(counted(n, 1), (uint64_t)gap + 1);
    }
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    net_free(n);
}

/* When E's next HEARTBEAT goes. */
static hkp_time next_beat(struct net *n) {
    const uint64_t before = n->flow[0]->heart.t1;
    const hkp_time until = n->now + 500 * SECOND;
    while (n->flow[0]->heart.t1 == before && net_step(n, until)) {
    }
    return n->now;
}

/* Decision 0304: an interval whose heartbeat was not needed ends one interval after what made it so. */
static void after_a_skipped_heartbeat_the_interval_begins_with_the_last_packet(void) {
    for (unsigned after = 1; after < 28; after += 3) {
        struct net *n = net_started();
        (void)next_beat(n);
        const hkp_time beat = next_beat(n);
        net_run(n, beat + after * SECOND);
        say(n, 0);
        const hkp_time said = n->now;
        const hkp_time next = next_beat(n);
        CHECK(next >= said + 29 * SECOND && next <= said + 31 * SECOND + SECOND / 10);
        CHECK_EQ(n->flow[0]->heart.silent_from < next, 1);
        net_free(n);
    }
}

/* A longer interval that V did not hear of: E would be silent longer than V waits for it. */
static void a_longer_interval_holds_only_when_v_heard_of_it(void) {
    struct net *n = hearts(check_seed(), HKP_HTP_TRANSPORT_BURST, 5);
    (void)run(n, 300 * SECOND, QUIET);
    CHECK_EQ(n->flow[1]->heart.interval_s, 15);
    CHECK_EQ(hkp_htp__flow_set_mode(n->flow[0], n->now, HKP_HTP_TRANSPORT_GHOST), HKP_OK);
    n->loss = 1000;
    net_run(n, n->now + 50 * UINT64_C(1000000));
    n->loss = 0;
    CHECK_EQ(n->flow[1]->heart.interval_s, 15);
    CHECK_EQ(run(n, 40 * SECOND, QUIET), 0);
    CHECK_EQ(n->flow[1]->heart.interval_s, 120);
    CHECK_EQ(run(n, HOUR, QUIET), 0);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    net_free(n);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_healthy_session_misses_nothing);
    CASE(changes_of_mode_and_nat_miss_nothing);
    CASE(a_silent_peer_misses_what_fits_the_idle_timeout);
    CASE(a_gap_is_told_once_and_its_end_begins_anew);
    CASE(after_a_skipped_heartbeat_the_interval_begins_with_the_last_packet);
    CASE(a_longer_interval_holds_only_when_v_heard_of_it);
    return check_done();
}
