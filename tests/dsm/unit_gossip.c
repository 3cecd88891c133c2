/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Parts of gossip alone: the ids seen, the tree of links, rations and scores (D-GSP-8, 9, 15 to 17). */
#include <sodium.h>

#include "libdsm/gossip/score.h"
#include "libdsm/gossip/tree.h"

#include "check.h"

#define MS 1000000ULL
#define SECOND 1000000000ULL

static const uint8_t key[16] = {7};

static void id_of(uint8_t id[16], uint64_t n) {
    memset(id, 0, 16);
    memcpy(id, &n, sizeof n);
}

/* ---- seen ---- */

static void an_id_is_new_once_and_its_copies_are_counted(void) {
    struct hkp_dsm__seen s;
    void *memory = calloc(1, hkp_dsm__seen_bytes(64));
    uint8_t id[16];
    hkp_dsm__seen_init(&s, memory, 64, key);
    for (uint64_t n = 0; n < 40; n++) {
        id_of(id, n); /* the id of zeros is one like others */
        CHECK(!hkp_dsm__seen_has(&s, id));
        for (uint32_t copies = 1; copies < 5; copies++) CHECK_EQ(hkp_dsm__seen_add(&s, 1, id), copies);
        CHECK(hkp_dsm__seen_has(&s, id));
    }
    for (int i = 0; i < 300; i++) (void)hkp_dsm__seen_add(&s, 1, id);
    CHECK_EQ(hkp_dsm__seen_add(&s, 1, id), 255);
    free(memory);
}

static void the_newest_ids_are_never_forgotten_and_the_oldest_always(void) {
    enum { CAP = 128 };
    struct hkp_dsm__seen s;
    void *memory = calloc(1, hkp_dsm__seen_bytes(CAP));
    uint8_t id[16];
    hkp_dsm__seen_init(&s, memory, CAP, key);
    for (uint64_t n = 0; n < 10000; n++) {
        id_of(id, n);
        CHECK_EQ(hkp_dsm__seen_add(&s, 1, id), 1);
        for (uint64_t back = 0; back < CAP && back <= n; back += 13) {
            id_of(id, n - back);
            CHECK(hkp_dsm__seen_has(&s, id));
        }
        id_of(id, n - 2 * CAP);
        if (n >= 2 * CAP) CHECK(!hkp_dsm__seen_has(&s, id));
    }
    free(memory);
}

static void after_two_times_300_s_an_id_is_forgotten(void) {
    struct hkp_dsm__seen s;
    void *memory = calloc(1, hkp_dsm__seen_bytes(64));
    uint8_t id[16], other[16];
    hkp_dsm__seen_init(&s, memory, 64, key);
    id_of(id, 1);
    id_of(other, 2);
    (void)hkp_dsm__seen_add(&s, 0, id);
    (void)hkp_dsm__seen_add(&s, 300 * SECOND, other);
    CHECK(hkp_dsm__seen_has(&s, id));
    id_of(other, 3);
    (void)hkp_dsm__seen_add(&s, 600 * SECOND, other);
    CHECK(!hkp_dsm__seen_has(&s, id));
    free(memory);
}

/* ---- tree ---- */

struct hand {
    struct hkp_dsm__tree t;
    void *memory;
    struct hkp_dsm__tree_out out;
};

static struct hand *hand_new(uint32_t up) {
    struct hand *h = calloc(1, sizeof *h);
    struct hkp_dsm__tree_options o = {
        .links = 8, .announced = 32, .wanted = 64, .seen = 256, .announce_ns = 20 * MS, .graft_ns = 500 * MS};
    memcpy(o.key, key, 16);
    h->memory = calloc(1, hkp_dsm__tree_bytes(&o));
    hkp_dsm__tree_init(&h->t, h->memory, &o);
    for (uint32_t i = 0; i < up; i++) hkp_dsm__tree_link_up(&h->t, i);
    return h;
}

static void hand_free(struct hand *h) {
    free(h->memory);
    free(h);
}

static uint64_t new_item(struct hand *h, hkp_time now, uint32_t link, uint64_t n, size_t size) {
    uint8_t id[16];
    id_of(id, n);
    return hkp_dsm__tree_tell(&h->t, now, link, 2, id, size, 0, 0);
}

static void ihave(struct hand *h, hkp_time now, uint32_t link, uint64_t n) {
    uint8_t id[16];
    id_of(id, n);
    hkp_dsm__tree_ihave(&h->t, now, link, 2, id, 0);
}

static int out_is(struct hand *h, hkp_time now, uint32_t kind, uint32_t link, uint32_t n) {
    memset(&h->out, 0, sizeof h->out);
    return hkp_dsm__tree_next(&h->t, now, &h->out) && h->out.kind == kind && h->out.link == link &&
           h->out.n == n;
}

/* Makes links ones over which only ids go. */
static void make_lazy(struct hand *h, uint64_t links) {
    for (uint32_t link = 0; link < 8; link++)
        if ((links >> link & 1) != 0) hkp_dsm__tree_prune(&h->t, link);
}

static void a_small_item_is_pushed_on_new_links_and_announced_on_lazy_ones(void) {
    struct hand *h = hand_new(8);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 2, 1024), 0xFF);
    make_lazy(h, 0xF0);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 1, 1024), 0x0F);
    CHECK(!hkp_dsm__tree_next(&h->t, 19 * MS, &h->out));
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), 20 * MS);
    for (uint32_t link = 4; link < 8; link++) {
        CHECK(out_is(h, 20 * MS, HKP_DSM__TREE_IHAVE, link, 1));
        CHECK_EQ(h->out.lane, 2);
        CHECK_EQ(h->out.ids[0][0], 1);
    }
    CHECK(!hkp_dsm__tree_next(&h->t, 20 * MS, &h->out));
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), HKP_TIME_NEVER);
    hand_free(h);
}

static void who_brought_an_item_is_not_told_of_it(void) {
    struct hand *h = hand_new(8);
    make_lazy(h, 0xF0);
    CHECK_EQ(new_item(h, 0, 2, 1, 100), 0x0B);
    ihave(h, 0, 5, 2);
    CHECK_EQ(new_item(h, 0, 1, 2, 100), 0x0D); /* 5 said that it has it */
    for (uint32_t link = 4; link < 8; link++)
        CHECK(out_is(h, SECOND, HKP_DSM__TREE_IHAVE, link, link == 5 ? 1 : 2));
    hand_free(h);
}

static void an_unwanted_item_goes_to_nobody_who_said_so(void) {
    struct hand *h = hand_new(3);
    uint8_t id[16];
    id_of(id, 1);
    hkp_dsm__tree_unwanted(&h->t, 1, id);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 1, 100), 0x05);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 2, 100), 0x07);
    hand_free(h);
}

static void a_large_item_is_announced_to_all(void) {
    struct hand *h = hand_new(8);
    CHECK_EQ(new_item(h, 0, 0, 1, 1025), 0);
    for (uint32_t link = 1; link < 8; link++) CHECK(out_is(h, 20 * MS, HKP_DSM__TREE_IHAVE, link, 1));
    hand_free(h);
}

static void ids_are_announced_ascending_by_lane_and_256_at_a_time(void) {
    struct hkp_dsm__tree_options o = {.links = 1, .announced = 1024, .wanted = 1, .seen = 1024};
    struct hkp_dsm__tree t;
    static struct hkp_dsm__tree_out out;
    void *memory = calloc(1, hkp_dsm__tree_bytes(&o));
    uint32_t told = 0;
    uint8_t id[16] = {0};
    hkp_dsm__tree_init(&t, memory, &o);
    hkp_dsm__tree_link_up(&t, 0);
    for (uint32_t n = 0; n < 1100; n++) { /* what goes beyond the bound is left to anti-entropy */
        id[0] = (uint8_t)(n * 37);
        id[1] = (uint8_t)(n >> 8);
        id[2] = (uint8_t)n;
        (void)hkp_dsm__tree_tell(&t, 0, HKP_DSM__LINK_NONE, n % 3, id, 2000, 0, 0);
    }
    while (hkp_dsm__tree_next(&t, 0, &out)) {
        CHECK_EQ(out.kind, HKP_DSM__TREE_IHAVE);
        CHECK(out.n > 0 && out.n <= 256);
        for (uint32_t i = 0; i < out.n; i++) {
            CHECK_EQ((out.ids[i][1] * 256U + out.ids[i][2]) % 3, out.lane);
            CHECK(i == 0 || memcmp(out.ids[i - 1], out.ids[i], 16) < 0);
        }
        told += out.n;
    }
    CHECK_EQ(told, 1024);
    free(memory);
}

static void a_copy_makes_a_link_lazy_on_both_sides(void) {
    struct hand *h = hand_new(8);
    uint8_t id[16];
    uint32_t copies;
    id_of(id, 1);
    (void)new_item(h, 0, 0, 1, 100);
    CHECK_EQ(hkp_dsm__tree_copy(&h->t, 0, 1, id, &copies), 1);
    CHECK_EQ(copies, 2);
    CHECK_EQ(hkp_dsm__tree_copy(&h->t, 0, 1, id, &copies), 0); /* PRUNE is on its way already */
    CHECK_EQ(copies, 3);
    CHECK_EQ(new_item(h, 0, 0, 2, 100), 0xFC);
    hkp_dsm__tree_prune(&h->t, 3);
    CHECK_EQ(new_item(h, 0, 0, 3, 100), 0xF4);
    hkp_dsm__tree_graft(&h->t, 3);
    CHECK_EQ(new_item(h, 0, 0, 4, 100), 0xFC);
    hand_free(h);
}

/* Five copies are kept; the sixth stops the other side, not this one. */
static void a_link_that_loses_much_is_pruned_late_and_one_way(void) {
    struct hand *h = hand_new(2);
    uint8_t id[16];
    uint32_t copies;
    id_of(id, 1);
    hkp_dsm__tree_link_loss(&h->t, 1, HKP_DSM__LOSSY + 1);
    (void)new_item(h, 0, 0, 1, 100);
    for (uint32_t n = 2; n <= HKP_DSM__LOSSY_COPIES; n++)
        CHECK_EQ(hkp_dsm__tree_copy(&h->t, 0, 1, id, &copies), 0);
    CHECK_EQ(hkp_dsm__tree_copy(&h->t, 0, 1, id, &copies), 1);
    CHECK_EQ(new_item(h, 0, 0, 2, 100), 0x02);
    hkp_dsm__tree_link_loss(&h->t, 1, HKP_DSM__LOSSY);
    CHECK_EQ(hkp_dsm__tree_copy(&h->t, 0, 1, id, &copies), 1);
    CHECK_EQ(new_item(h, 0, 0, 3, 100), 0);
    hkp_dsm__tree_link_loss(&h->t, 1, HKP_DSM__LOSSY + 1); /* it loses again */
    CHECK_EQ(new_item(h, 0, 0, 4, 100), 0x02);
    hkp_dsm__tree_prune(&h->t, 1);
    CHECK_EQ(new_item(h, 0, 0, 5, 100), 0);
    hkp_dsm__tree_link_loss(&h->t, 1, HKP_DSM__LOSSY + 1); /* told again, nothing new */
    CHECK_EQ(new_item(h, 0, 0, 6, 100), 0);
    hand_free(h);
}

/* One item a second is counted; others may still be under way. */
static void where_much_is_lost_more_copies_are_asked_for(void) {
    struct hand *h = hand_new(8);
    uint8_t id[16];
    uint32_t copies;
    for (uint32_t link = 0; link < 8; link++) hkp_dsm__tree_link_loss(&h->t, link, HKP_DSM__LOSSY + 1);
    (void)new_item(h, 10 * SECOND, 0, 1, 100);
    CHECK(!hkp_dsm__tree_next(&h->t, 10 * SECOND, &h->out));
    (void)new_item(h, 10 * SECOND + 500 * MS, 0, 2, 100);
    CHECK(!hkp_dsm__tree_next(&h->t, 10 * SECOND + 500 * MS, &h->out));
    (void)new_item(h, 11 * SECOND, 0, 3, 100);
    CHECK(hkp_dsm__tree_next(&h->t, 11 * SECOND, &h->out));
    CHECK_EQ(h->out.kind, HKP_DSM__TREE_GRAFT);
    CHECK(h->out.link != 0 && h->out.n == 1 && sodium_is_zero(h->out.ids[0], 16));
    id_of(id, 3);
    for (uint32_t link = 1; link < HKP_DSM__LOSSY_COPIES; link++)
        CHECK_EQ(hkp_dsm__tree_copy(&h->t, 11 * SECOND, link, id, &copies), 0);
    (void)new_item(h, 12 * SECOND, 0, 4, 100);
    CHECK(!hkp_dsm__tree_next(&h->t, 12 * SECOND, &h->out)); /* that was enough */
    hand_free(h);
}

static void who_brings_an_item_gets_those_of_the_others(void) {
    struct hand *h = hand_new(8);
    make_lazy(h, 0xF0);
    (void)new_item(h, 0, 6, 1, 100);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 2, 100), 0x4F);
    hand_free(h);
}

static void who_lost_the_link_that_brought_items_takes_the_next_announcer(void) {
    struct hand *h = hand_new(8);
    make_lazy(h, 0xFC);
    (void)new_item(h, SECOND, 1, 1, 100);
    ihave(h, SECOND + MS, 1, 1);
    ihave(h, SECOND + 2 * MS, 5, 1);
    ihave(h, SECOND + 3 * MS, 6, 1);
    hkp_dsm__tree_link_down(&h->t, 1);
    CHECK(out_is(h, SECOND + 4 * MS, HKP_DSM__TREE_GRAFT, 5, 1));
    CHECK(sodium_is_zero(h->out.ids[0], 16));
    CHECK_EQ(new_item(h, SECOND + 5 * MS, HKP_DSM__LINK_NONE, 2, 100), 0x21);
    hand_free(h);
}

static void one_link_is_always_there_to_push_on(void) {
    struct hand *h = hand_new(3);
    for (uint32_t round = 0; round < 20; round++) {
        hkp_dsm__tree_prune(&h->t, round % 3);
        CHECK(new_item(h, 0, HKP_DSM__LINK_NONE, round + 1, 100) != 0);
    }
    for (uint32_t link = 0; link < 2; link++) {
        hkp_dsm__tree_link_down(&h->t, link);
        CHECK(new_item(h, 0, HKP_DSM__LINK_NONE, 100 + link, 100) != 0);
    }
    hkp_dsm__tree_link_down(&h->t, 2);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 200, 100), 0);
    hand_free(h);
}

static void what_was_announced_and_does_not_come_is_asked_for_three_times(void) {
    struct hand *h = hand_new(8);
    ihave(h, 0, 6, 9);
    ihave(h, MS, 7, 9);
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), 500 * MS);
    CHECK(!hkp_dsm__tree_next(&h->t, 499 * MS, &h->out));
    CHECK(hkp_dsm__tree_next(&h->t, 500 * MS, &h->out));
    const uint32_t first = h->out.link;
    CHECK_EQ(h->out.kind, HKP_DSM__TREE_GRAFT);
    CHECK(first == 6 || first == 7);
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), 1000 * MS);
    CHECK(out_is(h, 1000 * MS, HKP_DSM__TREE_SILENT, first, 1));
    CHECK(out_is(h, 1000 * MS, HKP_DSM__TREE_GRAFT, 13 - first, 1)); /* the other one */
    CHECK(out_is(h, 2000 * MS, HKP_DSM__TREE_SILENT, 13 - first, 1));
    CHECK(out_is(h, 2000 * MS, HKP_DSM__TREE_GRAFT, first, 1));
    CHECK(out_is(h, 4000 * MS, HKP_DSM__TREE_SILENT, first, 1));
    CHECK(!hkp_dsm__tree_next(&h->t, 4000 * MS, &h->out));
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), HKP_TIME_NEVER);
    CHECK_EQ(h->t.n_wanted, 0);
    hand_free(h);
}

static void what_came_in_time_is_not_asked_for(void) {
    struct hand *h = hand_new(8);
    ihave(h, 0, 6, 9);
    (void)new_item(h, 100 * MS, 1, 9, 100);
    while (hkp_dsm__tree_next(&h->t, 10 * SECOND, &h->out)) CHECK_EQ(h->out.kind, HKP_DSM__TREE_IHAVE);
    ihave(h, 11 * SECOND, 7, 9);
    CHECK_EQ(hkp_dsm__tree_wake(&h->t), HKP_TIME_NEVER);
    hand_free(h);
}

static void an_item_too_large_to_push_is_asked_for_at_once(void) {
    struct hand *h = hand_new(8);
    (void)new_item(h, 0, 5, 1, 100); /* 5 pushes to us */
    ihave(h, MS, 5, 2);
    CHECK(out_is(h, MS, HKP_DSM__TREE_GRAFT, 5, 1));
    ihave(h, MS, 6, 3);
    CHECK(!hkp_dsm__tree_next(&h->t, 2 * MS, &h->out));
    hand_free(h);
}

/* Ids from 192 on may move the tree. */
static void items_come_from_who_had_one_before_the_link_that_brings_them(void) {
    struct hand *h = hand_new(8);
    make_lazy(h, 0xF0);
    ihave(h, 60 * SECOND, 6, 200);
    ihave(h, 60 * SECOND, 5, 200);
    CHECK_EQ(new_item(h, 60 * SECOND + MS, 1, 200, 100), 0x0D);
    CHECK(out_is(h, 60 * SECOND + MS, HKP_DSM__TREE_PRUNE, 1, 0));
    CHECK(out_is(h, 60 * SECOND + MS, HKP_DSM__TREE_GRAFT, 6, 1));
    CHECK_EQ(h->out.lane, 2);
    CHECK(sodium_is_zero(h->out.ids[0], 16));
    CHECK(out_is(h, 60 * SECOND + MS, HKP_DSM__TREE_IHAVE, 4, 1)); /* at once, so that others may move, too */
    CHECK(out_is(h, 60 * SECOND + MS, HKP_DSM__TREE_IHAVE, 7, 1));
    CHECK(!hkp_dsm__tree_next(&h->t, 60 * SECOND + MS, &h->out));
    CHECK_EQ(new_item(h, 61 * SECOND, HKP_DSM__LINK_NONE, 1, 100), 0x4D);
    ihave(h, 62 * SECOND, 7, 201); /* not again for ten seconds */
    (void)new_item(h, 62 * SECOND, 6, 201, 100);
    ihave(h, 80 * SECOND, 7, 100); /* never */
    (void)new_item(h, 80 * SECOND, 6, 100, 100);
    CHECK_EQ(new_item(h, 80 * SECOND, HKP_DSM__LINK_NONE, 2, 100), 0x4D);
    hand_free(h);
}

static void a_link_that_loses_much_is_never_moved_away_from(void) {
    struct hand *h = hand_new(8);
    hkp_dsm__tree_link_loss(&h->t, 1, HKP_DSM__LOSSY + 1);
    make_lazy(h, 0xF0);
    ihave(h, 60 * SECOND, 6, 200);
    (void)new_item(h, 60 * SECOND, 1, 200, 100);
    CHECK_EQ(new_item(h, 61 * SECOND, HKP_DSM__LINK_NONE, 1, 100), 0x0F);
    hand_free(h);
}

static void who_lost_the_link_that_brought_items_asks_at_once(void) {
    struct hand *h = hand_new(8);
    (void)new_item(h, SECOND, 1, 1, 100);
    make_lazy(h, 0xFC);
    hkp_dsm__tree_link_down(&h->t, 0); /* another one */
    ihave(h, 2 * SECOND, 5, 2);
    CHECK(!hkp_dsm__tree_next(&h->t, 2 * SECOND, &h->out));
    hkp_dsm__tree_link_down(&h->t, 1);
    ihave(h, 2 * SECOND, 6, 3);
    CHECK(out_is(h, 2 * SECOND, HKP_DSM__TREE_GRAFT, 6, 1));
    ihave(h, 2 * SECOND, 7, 4); /* that one link is enough */
    CHECK(!hkp_dsm__tree_next(&h->t, 2 * SECOND, &h->out));
    hand_free(h);
}

/* D-GSP-5: whatever it announces first, and whichever link goes. */
static void a_leaf_gets_nothing_by_push(void) {
    for (int way = 0; way < 3; way++) {
        struct hand *h = hand_new(8);
        make_lazy(h, 0xFC);
        hkp_dsm__tree_link_leaf(&h->t, 5, 1);
        if (way == 0) { /* the link goes by which items came, and it was the next to announce the last one */
            (void)new_item(h, 60 * SECOND, 1, 1, 100);
            ihave(h, 60 * SECOND, 5, 1);
            hkp_dsm__tree_link_down(&h->t, 1);
        } else if (way == 1) { /* it announced first what moves the tree */
            ihave(h, 60 * SECOND, 5, 200);
            (void)new_item(h, 60 * SECOND + MS, 1, 200, 100);
        } else { /* it announces first after that link went */
            (void)new_item(h, 60 * SECOND, 1, 1, 100);
            hkp_dsm__tree_link_down(&h->t, 1);
            ihave(h, 61 * SECOND, 5, 2);
        }
        CHECK_EQ(h->t.links[5].in_eager, 1);
        CHECK_EQ(new_item(h, 62 * SECOND, HKP_DSM__LINK_NONE, 3, 100) & 1U << 5, 0);
        hand_free(h);
    }
}

static void a_new_link_of_a_grown_tree_begins_lazy(void) {
    struct hand *h = hand_new(4);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 1, 100), 0x0F);
    make_lazy(h, 0x01);
    hkp_dsm__tree_link_up(&h->t, 4);
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 2, 100), 0x0E);
    for (uint32_t link = 0; link < 5; link++) hkp_dsm__tree_link_down(&h->t, link);
    hkp_dsm__tree_link_up(&h->t, 5); /* but for the only one */
    CHECK_EQ(new_item(h, 0, HKP_DSM__LINK_NONE, 3, 100), 0x20);
    hand_free(h);
}

static void a_link_that_goes_leaves_nothing_behind(void) {
    struct hand *h = hand_new(8);
    for (uint64_t n = 0; n < 200; n++) ihave(h, 0, 7, n + 1); /* 32 are kept of one link */
    ihave(h, 0, 6, 1);
    CHECK_EQ(h->t.n_wanted, 32);
    CHECK(hkp_dsm__tree_next(&h->t, 500 * MS, &h->out));
    hkp_dsm__tree_link_down(&h->t, 7);
    CHECK_EQ(h->t.n_wanted, 1);
    CHECK(out_is(h, 500 * MS, HKP_DSM__TREE_GRAFT, 6, 1));
    hkp_dsm__tree_link_down(&h->t, 6);
    CHECK_EQ(h->t.n_wanted, 0);
    CHECK_EQ(h->t.n_ready, 0);
    for (uint32_t i = 0; i < 8; i++) CHECK_EQ(h->t.links[i].announced, 0);
    hand_free(h);
}

/* Anything in any order: bounds hold, ids that are waited for are found again, nothing is asked of nobody. */
static void no_order_of_calls_breaks_the_bounds(void) {
    uint64_t x = check_seed();
    struct hand *h = hand_new(8);
    hkp_time now = 0;
    for (int step = 0; step < 200000; step++) {
        uint8_t id[16];
        uint32_t copies;
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        const uint32_t r = (uint32_t)(x >> 33), link = r % 8;
        id_of(id, 1 + (r >> 8) % 300);
        now += r % 3 == 0 ? 7 * MS : 0;
        const int up = h->t.links[link].up;
        switch (r >> 20 & 7) {
        case 0:
            (void)hkp_dsm__tree_tell(&h->t, now, up ? link : HKP_DSM__LINK_NONE, r % 5, id, r % 2000, 0, 0);
            break;
        case 1:
            if (up) (void)hkp_dsm__tree_copy(&h->t, now, link, id, &copies);
            break;
        case 2:
            if (up) hkp_dsm__tree_prune(&h->t, link);
            break;
        case 3:
            if (up) hkp_dsm__tree_unwanted(&h->t, link, id);
            break;
        case 4:
            if (r % 97 != 0) break;
            if (up)
                hkp_dsm__tree_link_down(&h->t, link);
            else
                hkp_dsm__tree_link_up(&h->t, link);
            break;
        default:
            if (up) hkp_dsm__tree_ihave(&h->t, now, link, r % 5, id, 0);
        }
        while (hkp_dsm__tree_next(&h->t, now, &h->out)) {
            CHECK(h->t.links[h->out.link].up);
            CHECK(h->out.n > 0 && (h->out.kind == HKP_DSM__TREE_SILENT || h->out.n <= HKP_DSM__IDS_MAX));
        }
        uint32_t announced = 0, from = 0;
        for (uint32_t i = 0; i < 8; i++) {
            CHECK(h->t.links[i].announced <= 32 && h->t.links[i].queued <= 32);
            announced += h->t.links[i].announced;
        }
        for (uint32_t i = 0; i < 64; i++) from += (uint32_t)__builtin_popcountll(h->t.wanted[i].from);
        CHECK_EQ(announced, from);
        if (check_faults > 0) break;
    }
    hand_free(h);
}

/* ---- rations and scores ---- */

static void a_ration_has_a_burst_and_a_rate(void) {
    struct hkp_dsm__score s;
    hkp_dsm__score_init(&s, 5 * SECOND);
    for (int i = 0; i < 50; i++) CHECK(hkp_dsm__score_take(&s, 5 * SECOND, 1, 1, 0));
    CHECK(!hkp_dsm__score_take(&s, 5 * SECOND, 1, 1, 0));
    CHECK(!hkp_dsm__score_take(&s, 5 * SECOND + 99 * MS, 1, 1, 0));
    CHECK(hkp_dsm__score_take(&s, 5 * SECOND + 100 * MS, 1, 1, 0)); /* 10 a second */
    CHECK(!hkp_dsm__score_take(&s, 5 * SECOND + 100 * MS, 1, 1, 0));
    uint32_t taken = 0;
    while (hkp_dsm__score_take(&s, 4000 * SECOND, 1, 1, 0)) taken++;
    CHECK_EQ(taken, 50);
    for (taken = 0; hkp_dsm__score_take(&s, 4000 * SECOND, HKP_DSM__RATE_QUESTION, 1, 1); taken++) {
    }
    CHECK_EQ(taken, 32); /* members of V_e ask four times as much */
    hkp_dsm__score_init(&s, 0);
    for (taken = 0; hkp_dsm__score_take(&s, 0, HKP_DSM__RATE_QUESTION, 1, 0); taken++) {
    }
    CHECK_EQ(taken, 8);
    /* often asked, nothing is lost by rounding */
    hkp_dsm__score_init(&s, 0);
    while (hkp_dsm__score_take(&s, 0, 0, 1, 0)) {
    }
    for (taken = 0, s.minute = 0; s.minute < 10 * SECOND; s.minute += 3 * MS)
        taken += (uint32_t)hkp_dsm__score_take(&s, s.minute, 0, 1, 0);
    CHECK(taken >= 1995 && taken <= 2000);
}

static void praise_is_capped_and_buys_no_false_message(void) {
    struct hkp_dsm__score s;
    hkp_dsm__score_init(&s, 0);
    for (int i = 0; i < 1000; i++) (void)hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_DELIVERED);
    CHECK_EQ(hkp_dsm__score_now(&s, 0), 50);
    CHECK_EQ(hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_FALSE), -50);
    for (int i = 0; i < 1000; i++) (void)hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_DELIVERED);
    CHECK_EQ(hkp_dsm__score_now(&s, 0), -50);
    (void)hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_FALSE);
    CHECK(hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_FALSE) < HKP_DSM__SCORE_OUT);
}

static void a_score_fades_by_an_eighth_a_minute_down_to_zero(void) {
    struct hkp_dsm__score s;
    hkp_dsm__score_init(&s, 0);
    (void)hkp_dsm__score_add(&s, 0, HKP_DSM__SCORE_FALSE);
    CHECK_EQ(hkp_dsm__score_now(&s, 59 * SECOND), -100);
    CHECK_EQ(hkp_dsm__score_now(&s, 60 * SECOND), -88);
    CHECK_EQ(hkp_dsm__score_now(&s, 120 * SECOND), -77);
    CHECK_EQ(hkp_dsm__score_now(&s, 119 * 60 * SECOND), 0);
    CHECK_EQ(hkp_dsm__score_add(&s, 200 * 60 * SECOND, -8), -8);
    CHECK_EQ(hkp_dsm__score_now(&s, 200 * 60 * SECOND + 30 * SECOND), -8);
    CHECK_EQ(hkp_dsm__score_now(&s, 201 * 60 * SECOND + 30 * SECOND), -7);
}

static void who_was_sent_away_stays_away_twice_as_long_each_time(void) {
    struct hkp_dsm__grey g = {.cap = 4};
    static const uint64_t minutes[] = {10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440};
    uint8_t id[16];
    hkp_time now = SECOND;
    g.entries = calloc(g.cap, sizeof *g.entries);
    id_of(id, 1);
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        const hkp_time until = hkp_dsm__grey_add(&g, now, id);
        CHECK_EQ(until - now, minutes[i] * 60 * SECOND);
        CHECK(hkp_dsm__grey_has(&g, until - 1, id));
        CHECK(!hkp_dsm__grey_has(&g, until, id));
        now = until;
    }
    now += 25 * 3600 * SECOND; /* a day of good conduct */
    CHECK_EQ(hkp_dsm__grey_add(&g, now, id) - now, 600 * SECOND);
    for (uint64_t n = 2; n < 6; n++) { /* the fifth takes the place of the oldest */
        id_of(id, n);
        (void)hkp_dsm__grey_add(&g, now + n, id);
    }
    id_of(id, 1);
    CHECK(!hkp_dsm__grey_has(&g, now, id));
    id_of(id, 5);
    CHECK(hkp_dsm__grey_has(&g, now, id));
    free(g.entries);
}

int main(void) {
    CASE(an_id_is_new_once_and_its_copies_are_counted);
    CASE(the_newest_ids_are_never_forgotten_and_the_oldest_always);
    CASE(after_two_times_300_s_an_id_is_forgotten);
    CASE(a_small_item_is_pushed_on_new_links_and_announced_on_lazy_ones);
    CASE(who_brought_an_item_is_not_told_of_it);
    CASE(an_unwanted_item_goes_to_nobody_who_said_so);
    CASE(a_large_item_is_announced_to_all);
    CASE(ids_are_announced_ascending_by_lane_and_256_at_a_time);
    CASE(a_copy_makes_a_link_lazy_on_both_sides);
    CASE(a_link_that_loses_much_is_pruned_late_and_one_way);
    CASE(where_much_is_lost_more_copies_are_asked_for);
    CASE(who_brings_an_item_gets_those_of_the_others);
    CASE(who_lost_the_link_that_brought_items_takes_the_next_announcer);
    CASE(one_link_is_always_there_to_push_on);
    CASE(what_was_announced_and_does_not_come_is_asked_for_three_times);
    CASE(what_came_in_time_is_not_asked_for);
    CASE(an_item_too_large_to_push_is_asked_for_at_once);
    CASE(items_come_from_who_had_one_before_the_link_that_brings_them);
    CASE(a_link_that_loses_much_is_never_moved_away_from);
    CASE(who_lost_the_link_that_brought_items_asks_at_once);
    CASE(a_leaf_gets_nothing_by_push);
    CASE(a_new_link_of_a_grown_tree_begins_lazy);
    CASE(a_link_that_goes_leaves_nothing_behind);
    CASE(no_order_of_calls_breaks_the_bounds);
    CASE(a_ration_has_a_burst_and_a_rate);
    CASE(praise_is_capped_and_buys_no_false_message);
    CASE(a_score_fades_by_an_eighth_a_minute_down_to_zero);
    CASE(who_was_sent_away_stays_away_twice_as_long_each_time);
    return check_done();
}
