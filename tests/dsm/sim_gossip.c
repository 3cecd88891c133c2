/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Who is neighbour of whom, and what reaches whom, among many nodes (D-GSP-2 to D-GSP-4, D-GSP-8). */
#include "check.h"
#include "gossip_world.h"

enum { NODES = 150, SETTLE_MS = 120000 };

static struct gossip_world *joined(uint32_t loss, uint32_t every_ms) {
    const struct gossip_options o = {
        .nodes = NODES, .groups = 20, .loss = loss, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    gossip_join_all(w, every_ms);
    gossip_run(w, SETTLE_MS);
    return w;
}

static uint32_t somebody(struct gossip_world *w) {
    uint32_t n;
    do n = (uint32_t)(gossip_random(w) % NODES);
    while (w->nodes[n].dead);
    return n;
}

static void expect_to_all(struct gossip_world *w, uint32_t first, uint32_t n, uint32_t size) {
    for (uint32_t i = first; i < first + n; i++) {
        gossip_publish(w, somebody(w), i, size);
        gossip_run(w, 8000);
        CHECK_EQ(w->items[i].have, gossip_alive(w));
    }
}

static void all_who_join_are_reached_and_nobody_has_more_than_8_neighbours(void) {
    static const uint32_t every_ms[] = {0, 5, 100};
    for (size_t k = 0; k < 3; k++) {
        struct gossip_world *w = joined(0, every_ms[k]);
        CHECK_EQ(gossip_reached(w), NODES);
        for (uint32_t i = 0; i < NODES; i++) CHECK(gossip_degree(w, i) >= 3 && gossip_degree(w, i) <= 8);
        gossip_free(w);
    }
}

static void an_item_comes_to_all_and_hardly_twice(void) {
    struct gossip_world *w = joined(0, 5);
    expect_to_all(w, 0, 10, 600); /* the tree grows */
    const uint64_t before = w->pushes;
    expect_to_all(w, 10, 30, 600);
    CHECK((w->pushes - before) * 10 <= (uint64_t)NODES * 30 * 13); /* 1.3 copies a node */
    gossip_free(w);
}

static void a_large_item_comes_to_all_too(void) {
    struct gossip_world *w = joined(0, 5);
    expect_to_all(w, 0, 5, 600);
    const uint64_t before = w->pushes;
    expect_to_all(w, 5, 10, 16000);
    CHECK((w->pushes - before) * 10 <= (uint64_t)NODES * 10 * 13);
    gossip_free(w);
}

static void thirty_percent_of_loss_stop_nothing(void) {
    struct gossip_world *w = joined(300, 5);
    CHECK_EQ(gossip_reached(w), NODES);
    expect_to_all(w, 0, 20, 600);
    for (uint32_t i = 0; i < 20; i++) CHECK(w->items[i].last_ms - w->items[i].first_ms <= 12 * GOSSIP_HOP_MS);
    gossip_free(w);
}

static void when_a_third_dies_the_others_find_together(void) {
    struct gossip_world *w = joined(0, 5);
    for (uint32_t i = 0; i < NODES / 3; i++) gossip_kill(w, somebody(w));
    gossip_run(w, 60000);
    CHECK_EQ(gossip_reached(w), gossip_alive(w));
    expect_to_all(w, 0, 10, 600);
    gossip_free(w);
}

/* A fifth tells of itself only and joins as fast as it can; who has a seat is known and cannot be invented.
 */
static void liars_cannot_surround_an_honest_node(void) {
    const struct gossip_options o = {
        .nodes = NODES, .groups = 20, .validators = 4, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    w->liars = NODES / 5;
    gossip_join_all(w, 5);
    gossip_run(w, 5 * SETTLE_MS);
    for (uint32_t i = w->liars; i < NODES; i++) {
        uint32_t honest = 0;
        const struct hkp_dsm__view_peer *p = w->nodes[i].view.active;
        for (uint32_t l = 0; l < GOSSIP_LINKS; l++) honest += w->nodes[i].links[l] > w->liars;
        for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++)
            honest += p[k].anchor && p[k].state != 0; /* a session with one that has a seat */
        CHECK(honest > 0);
    }
    for (uint32_t i = 0; i < w->liars; i++) gossip_kill(w, i);
    gossip_run(w, 30000); /* without them all are one */
    CHECK_EQ(gossip_reached(w), gossip_alive(w));
    gossip_free(w);
}

static void the_same_seed_gives_the_same_trace(void) {
    struct gossip_world *w[2];
    for (int i = 0; i < 2; i++) {
        w[i] = joined(100, 5);
        expect_to_all(w[i], 0, 5, 600);
    }
    CHECK(w[0]->digest == w[1]->digest);
    CHECK_EQ(w[0]->messages, w[1]->messages);
    for (int i = 0; i < 2; i++) gossip_free(w[i]);
}

int main(void) {
    CASE(all_who_join_are_reached_and_nobody_has_more_than_8_neighbours);
    CASE(an_item_comes_to_all_and_hardly_twice);
    CASE(a_large_item_comes_to_all_too);
    CASE(thirty_percent_of_loss_stop_nothing);
    CASE(when_a_third_dies_the_others_find_together);
    CASE(liars_cannot_surround_an_honest_node);
    CASE(the_same_seed_gives_the_same_trace);
    return check_done();
}
