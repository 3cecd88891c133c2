/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Members in a virtual world: first contact under loss and crashes, fallback, retention, how a node stands. */
#include "node_world.h"

static void tell(void) {
    static const char *const states[] = {"none", "PENDING", "ACTIVE", "STALE", "LOST"};
    for (uint32_t i = 0; i < world.n; i++)
        for (uint32_t k = 0; k < world.n; k++) {
            if (i == k || world.node[i].node == NULL) continue;
            struct hkp_mesh_peer_status p = world_peer(i, k);
            printf("# %u sees %u: up %u mode %s own %s held %s T %u %s\n", i, k, p.up, p.mode ? "R" : "N",
                   states[p.own_state % 5], states[p.held_state % 5], p.trust, p.reason);
        }
}

static void start(uint32_t n, uint64_t seed) {
    world_make(n, seed);
    for (uint32_t i = 0; i < n; i++) world_up(i);
}

static void four_enrol_and_nobody_is_due_in_the_past(void) {
    int before = check_faults;
    start(4, 1);
    CHECK(world_until(world_all_active, 20 * WORLD_S));
    CHECK(world_until(NULL, 60 * WORLD_S));
    CHECK(world_all_active());
    if (check_faults > before) tell();
    world_end();
}

static hkp_time deaf_until;
static uint32_t mute;
static int not_from_the_mute(uint32_t from, uint32_t to, uint64_t number) {
    (void)to;
    (void)number;
    return from == mute && world.now < deaf_until;
}

static void two_that_open_at_once_enrol(void) {
    int before = check_faults;
    for (uint64_t k = 0; k < 60 && check_faults == before; k++) {
        start(2, 2);
        mute = memcmp(world.node[0].node_id, world.node[1].node_id, 16) < 0 ? 0 : 1;
        deaf_until = world.now + 2500 * WORLD_MS + k * 10 * WORLD_MS;
        world.lost = not_from_the_mute;
        CHECK(world_until(world_all_active, 40 * WORLD_S));
        if (check_faults > before) {
            printf("# k %u\n", (unsigned)k);
            tell();
        }
        world_end();
    }
}

static uint64_t stop_at;
static int enough_was_sent(void) { return world.sent >= stop_at; }

/* One of two dies after each datagram of the first contact in turn, and comes back with what it had stored. */
static void a_crash_at_any_step_of_enrolment_heals(void) {
    int before = check_faults;
    for (uint64_t k = 1; k < 80 && check_faults == before; k++)
        for (uint32_t who = 0; who < 2 && check_faults == before; who++) {
            start(2, 3);
            stop_at = k;
            CHECK(world_until(enough_was_sent, 100 * WORLD_S));
            world_crash(who);
            CHECK(!world_until(world_all_active, 50 * WORLD_MS));
            world_up(who);
            CHECK(world_until(world_all_active, 150 * WORLD_S));
            if (check_faults > before) {
                printf("# datagram %u, member %u\n", (unsigned)k, who);
                tell();
            }
            world_end();
        }
}

static int lossy(uint32_t from, uint32_t to, uint64_t number) {
    uint8_t byte;
    (void)from;
    (void)to;
    (void)number;
    world_draw(&byte, 1);
    return byte < 64;
}

static void a_quarter_of_loss_only_delays(void) {
    int before = check_faults;
    for (uint64_t seed = 0; seed < 20 && check_faults == before; seed++) {
        start(2, 100 + seed);
        world.lost = lossy;
        CHECK(world_until(world_all_active, 200 * WORLD_S));
        CHECK(world_until(NULL, 100 * WORLD_S));
        world.lost = NULL;
        CHECK(world_until(world_all_active, 100 * WORLD_S));
        if (check_faults > before) {
            printf("# seed %u\n", (unsigned)seed);
            tell();
        }
        world_end();
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(four_enrol_and_nobody_is_due_in_the_past);
    CASE(two_that_open_at_once_enrol);
    CASE(a_crash_at_any_step_of_enrolment_heals);
    CASE(a_quarter_of_loss_only_delays);
    return check_done();
}
