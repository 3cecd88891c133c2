/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Who is neighbour of whom, and what reaches whom, among many nodes (D-GSP-2 to D-GSP-4, D-GSP-8). */
#include "check.h"
#include "gossip_world.h"
#include "libdsm/message/message.h"
#include "libter/bytes.h"

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
    const uint64_t before = w->pushes;
    expect_to_all(w, 20, 10, 600);
    CHECK((w->pushes - before) * 10 <= (uint64_t)NODES * 10 * 55); /* 5.5 copies a node, a flood has 6.5 */
    gossip_free(w);
}

/* Neighbours change all the time, the ways of items do not get longer by it. */
static void items_go_short_ways_for_long(void) {
    struct gossip_world *w = joined(0, 5);
    expect_to_all(w, 0, 10, 600);
    gossip_run(w, 1800000);
    uint64_t longest = 0;
    for (uint32_t i = 10; i < 40; i++) {
        expect_to_all(w, i, 1, 600);
        const uint64_t took = w->items[i].last_ms - w->items[i].first_ms;
        if (took > longest) longest = took;
    }
    printf("# longest way: %" PRIu64 " ms\n", longest);
    CHECK(longest <= 16 * GOSSIP_HOP_MS);
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

/* Neighbours of a view that are of the group of the attacker, and the others. */
static uint32_t of_attacker(const struct hkp_dsm__view *v, uint32_t *others) {
    uint32_t n = 0;
    *others = 0;
    for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++) {
        if (v->active[k].state == 0) continue;
        n += v->active[k].c.group == 4711;
        *others += v->active[k].c.group != 4711;
    }
    return n;
}

/* The attacker's ids do all that makes a neighbour, and answer as such. */
static void besiege(struct hkp_dsm__view *v, hkp_time now, const struct hkp_dsm__contact *c) {
    static const uint8_t nonce[8];
    struct hkp_dsm__view_out *o;
    hkp_dsm__view_learn(v, &c[0]);
    hkp_dsm__view_on_join(v, now, &c[1]);
    hkp_dsm__view_on_neighbor(v, now, &c[2], 1);
    hkp_dsm__view_on_forward_join(v, now, c[3].node_id, &c[4], 3);
    hkp_dsm__view_on_shuffle(v, c[5].node_id, nonce, c, HKP_DSM__SHUFFLE_MAX, 0);
    while (hkp_dsm__view_next(v, &o)) {
        uint8_t id[16];
        memcpy(id, o->node_id, sizeof id);
        if (o->kind == HKP_DSM__VIEW_CONNECT && id[0] == 0xEE) {
            hkp_dsm__view_session_up(v, now, id);
            hkp_dsm__view_on_reply(v, now, id, 1);
        }
    }
}

/* Thousands of ids from one place come in every way there is, while honest neighbours go one after the other.
 */
static void ids_of_one_group_and_network_take_two_places(void) {
    const struct gossip_options o = {.nodes = 14, .groups = 14, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    gossip_join_all(w, 5);
    gossip_run(w, SETTLE_MS);
    struct hkp_dsm__view *v = &w->nodes[0].view;
    hkp_time now = w->now_ms * 1000000;
    uint32_t honest = 0, lost = 0, worst = 0;
    CHECK_EQ(of_attacker(v, &honest), 0);
    const uint32_t at_first = honest;
    CHECK(at_first >= 6);
    for (uint32_t k = 0; k < 4000; k++, now += 50000000) {
        struct hkp_dsm__contact c[HKP_DSM__SHUFFLE_MAX];
        for (uint32_t i = 0; i < HKP_DSM__SHUFFLE_MAX; i++) {
            c[i] = (struct hkp_dsm__contact){.group = 4711, .net = 815, .seq = 1, .expires_s = UINT64_MAX};
            c[i].record = w->nodes[0].self.record;
            memset(c[i].node_id, 0xEE, 16);
            hkp_put_le32(c[i].node_id + 4, k * HKP_DSM__SHUFFLE_MAX + i);
        }
        besiege(v, now, c);
        if (k % 1000 == 999 && lost < 3) /* a neighbour goes, and only the attacker's ids are left to ask */
            for (uint32_t i = 0; i < HKP_DSM__ACTIVE_MAX; i++)
                if (v->active[i].state != 0 && v->active[i].c.group != 4711) {
                    hkp_dsm__view_session_down(v, now, v->active[i].c.node_id);
                    lost++;
                    break;
                }
        hkp_dsm__view_tick(v, now, now / 1000000000);
        uint32_t bad = of_attacker(v, &honest);
        if (bad > worst) worst = bad;
        CHECK(bad <= 2);
        CHECK(honest + 2 + lost >= at_first);
    }
    CHECK(worst > 0); /* it was tried */
    gossip_free(w);
}

/* D-GSP-4: a neighbour names node after node of any group and network as the end of a join's way. Returns how
 * many of them are neighbours in the end. */
static uint32_t name_many(struct hkp_dsm__view *v, hkp_time now, struct hkp_dsm__blob *record) {
    const struct hkp_dsm__view before = *v;
    uint32_t named = 0;
    for (uint32_t k = 0; k < 300; k++) {
        struct hkp_dsm__contact c = {.group = 5000 + k, .net = 5000 + k, .seq = 1, .expires_s = UINT64_MAX};
        struct hkp_dsm__view_out *out;
        c.record = record;
        memset(c.node_id, 0xEE, 16);
        hkp_put_le32(c.node_id + 4, k);
        hkp_dsm__view_on_forward_join(v, now, before.active[0].c.node_id, &c, 0);
        hkp_dsm__view_session_up(v, now, c.node_id);
        hkp_dsm__view_on_reply(v, now, c.node_id, 1);
        while (hkp_dsm__view_next(v, &out)) {
        }
    }
    for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++) {
        const struct hkp_dsm__view_peer *p = &v->active[k], *was = &before.active[k];
        const int is_named = p->state != 0 && p->c.node_id[0] == 0xEE;
        named += (uint32_t)is_named;
        CHECK(!is_named || !p->outbound);
        if (was->state != 0 && was->outbound) CHECK_MEM(p->c.node_id, was->c.node_id, 16);
    }
    return named;
}

static void whom_others_name_takes_no_place_of_those_that_a_node_chose(void) {
    const struct gossip_options o = {.nodes = 14, .groups = 14, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    gossip_join_all(w, 5);
    gossip_run(w, SETTLE_MS);
    struct hkp_dsm__view *v = &w->nodes[0].view;
    const uint32_t named = name_many(v, w->now_ms * 1000000, w->nodes[0].self.record);
    CHECK(named > 0 && named <= v->o.active - HKP_DSM__OUTBOUND_MIN);
    v = &w->nodes[1].view;
    uint32_t all = 0;
    for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++) {
        all += v->active[k].state != 0 && !v->active[k].anchor;
        v->active[k].outbound = v->active[k].state != 0;
    }
    v->o.active = all;
    CHECK_EQ(name_many(v, w->now_ms * 1000000, w->nodes[1].self.record), 0);
    gossip_free(w);
}

static void an_anchor_that_finds_no_place_stays_one(void) {
    const struct gossip_options o = {
        .nodes = 30, .groups = 30, .validators = 4, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    gossip_join_all(w, 5);
    gossip_run(w, SETTLE_MS);
    uint32_t anchors = 0;
    for (uint32_t i = 0; i < o.nodes; i++) {
        struct hkp_dsm__view *v = &w->nodes[i].view;
        uint32_t all = 0;
        for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++)
            all += v->active[k].state != 0 && !v->active[k].anchor;
        v->o.active = all;
        for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++) {
            if (v->active[k].state == 0 || !v->active[k].anchor) continue;
            struct hkp_dsm__contact c = v->active[k].c;
            c.group = 4711;
            c.net = 0;
            anchors++;
            hkp_dsm__view_on_neighbor(v, w->now_ms * 1000000, &c, 0);
            CHECK(v->active[k].anchor && v->active[k].c.record == c.record);
        }
    }
    CHECK(anchors > 0);
    gossip_free(w);
}

/* D-GSP-1: of a neighbour that stays and renews no record. */
static void a_record_that_expired_goes_out_in_no_shuffle(void) {
    enum { WALL_S = 1000 };
    const struct gossip_options o = {.nodes = 14, .groups = 14, .jitter = 20, .seed = check_seed()};
    struct gossip_world *w = gossip_new(&o);
    gossip_join_all(w, 5);
    gossip_run(w, SETTLE_MS);
    struct hkp_dsm__view *v = &w->nodes[0].view;
    const struct hkp_dsm__blob *old = NULL;
    struct hkp_dsm__view_out *out;
    uint32_t links = 0, sent = 0;
    uint8_t of[16];
    for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX; k++) {
        if (v->active[k].state == 0 || v->active[k].anchor) continue;
        links++;
        v->active[k].carries = 1; /* it is not given up */
        if (old != NULL) continue;
        old = v->active[k].c.record;
        v->active[k].c.expires_s = WALL_S;
        memcpy(of, v->active[k].c.node_id, 16);
    }
    CHECK(old != NULL && links > 4);
    for (uint32_t k = 1; k < 100; k++) {
        hkp_dsm__view_tick(v, w->now_ms * 1000000 + k * v->o.shuffle_ns, WALL_S);
        while (hkp_dsm__view_next(v, &out)) {
            sent += out->op == HKP_DSM__OP_MSG_SHUFFLE;
            for (uint32_t i = 0; i < out->n; i++) CHECK(out->records[i] != old);
        }
    }
    CHECK(sent > 90);
    CHECK(hkp_dsm__view_needs(v, of)); /* a neighbour all the same */
    struct hkp_dsm__contact fresh = *hkp_dsm__view_contact(v, of);
    fresh.expires_s = UINT64_MAX;
    fresh.record = w->nodes[0].self.record;
    hkp_dsm__view_learn(v, &fresh);
    CHECK(hkp_dsm__view_contact(v, of)->record == fresh.record);
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
    CASE(items_go_short_ways_for_long);
    CASE(when_a_third_dies_the_others_find_together);
    CASE(liars_cannot_surround_an_honest_node);
    CASE(ids_of_one_group_and_network_take_two_places);
    CASE(whom_others_name_takes_no_place_of_those_that_a_node_chose);
    CASE(an_anchor_that_finds_no_place_stays_one);
    CASE(a_record_that_expired_goes_out_in_no_shuffle);
    CASE(the_same_seed_gives_the_same_trace);
    return check_done();
}
