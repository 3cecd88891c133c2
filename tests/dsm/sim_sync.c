/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Nodes that lack something, in the simulator: anti-entropy alone makes them equal (D-GSP-11 to D-GSP-13). */
#include <hookprobe/dsm.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

static struct sim sim;

/* Everything but DIGEST to ITEMS and CERT_WANT is lost. */
static const uint64_t only_entropy =
    ~(1ULL << 20 | 1ULL << 21 | 1ULL << 22 | 1ULL << 23 | 1ULL << 24 | 1ULL << 38);

static void link_all(uint8_t up) { memset(sim.links, up, sizeof sim.links); }

static void begin(uint64_t seed, uint32_t n, uint32_t extra) {
    sim_new(&sim, seed, n, extra);
    sim.lost_ops = only_entropy;
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
}

/* All nodes that are up have the same head of every author. */
static int equal(void) {
    const node *first = sim.nodes[0].node;
    for (uint32_t i = 1; i < sim.count; i++) {
        const node *n = sim.nodes[i].node;
        for (uint32_t k = 0; k < sim.mesh.n; k++) {
            const struct author *a = hkp_dsm__author(first, sim.mesh.node_id[k]);
            const struct author *b = hkp_dsm__author(n, sim.mesh.node_id[k]);
            uint64_t seq_a = a != NULL ? a->tip.seq : 0, seq_b = b != NULL ? b->tip.seq : 0;
            if (seq_a != seq_b || (seq_a > 0 && memcmp(a->tip.id, b->tip.id, 32) != 0)) return 0;
        }
    }
    return 1;
}

/* Virtual seconds until all are equal; max if they are not. */
static uint32_t until_equal(uint32_t max) {
    uint32_t seconds = 0;
    while (seconds < max && !equal()) {
        sim_run(&sim, SIM_S);
        seconds++;
    }
    return seconds;
}

static void different_sets_become_equal(void) {
    begin(1, 4, 0);
    link_all(0);
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t k = 0; k < 20 + i * 200; k++) CHECK(sim_submit(&sim, i, "apart") == k + 1);
    sim_run(&sim, 12 * SIM_S);
    CHECK(!equal());
    link_all(1);
    CHECK(until_equal(30) < 30);
    CHECK_EQ(sim_status(&sim, 0).blocks, 4 * 20 + 6 * 200);
    CHECK_EQ(sim_status(&sim, 0).blocks_waiting, 0);
    CHECK_EQ(sim.faults, 0);
    uint64_t order = sim.order; /* equal nodes say little to each other: one DIGEST each in 2 s */
    sim_run(&sim, 20 * SIM_S);
    CHECK(sim.order - order < 4 * 12 + 600);
    sim_free(&sim);
}

static void losses_only_cost_time(void) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        begin(check_seed() + 100 + seed, 4, 0);
        sim.loss = 300;
        sim.twice = 100;
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t k = 0; k < 40; k++) CHECK(sim_submit(&sim, i, "lost") != 0);
        sim_run(&sim, 10 * SIM_S);
        CHECK(until_equal(120) < 120);
        CHECK_EQ(sim.faults, 0);
        sim_free(&sim);
    }
}

/* Pushed blocks come with holes; the oldest hole is the first block. */
static void gaps_far_back_are_filled(void) {
    begin(3, 4, 0);
    sim.lost_ops = only_entropy & ~(1ULL << 8);
    link_all(0);
    for (uint32_t k = 0; k < 3; k++) CHECK(sim_submit(&sim, 0, "nobody hears it") != 0);
    link_all(1);
    sim.loss = 500;
    for (uint32_t k = 0; k < 300; k++) {
        CHECK(sim_submit(&sim, 0, "half of them") != 0);
        sim_run(&sim, 20 * SIM_MS);
    }
    sim.loss = 0;
    sim.lost_ops = only_entropy;
    sim_run(&sim, 10 * SIM_S);
    CHECK(until_equal(20) < 20);
    CHECK_EQ(sim_status(&sim, 3).blocks, 303);
    CHECK_EQ(sim_status(&sim, 3).blocks_waiting, 0);
    sim_free(&sim);
}

/* Nobody knows anybody: certificates are asked for first. */
static void new_authors_are_found(void) {
    sim_new(&sim, 4, 4, 0);
    sim.lost_ops = only_entropy;
    sim.strangers = 1;
    memset(sim.links, 0, sizeof sim.links);
    for (uint32_t i = 0; i + 1 < 4; i++) sim.links[i][i + 1] = sim.links[i + 1][i] = 1; /* a chain of four */
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    for (uint32_t k = 0; k < 5; k++) CHECK(sim_submit(&sim, 0, "who is this?") != 0);
    sim_run(&sim, 10 * SIM_S);
    CHECK(until_equal(60) < 60);
    CHECK_EQ(sim_status(&sim, 3).blocks, 5);
    sim_free(&sim);
}

/* What left memory is answered from the store. */
static void a_fresh_node_gets_what_only_stores_hold(void) {
    begin(5, 4, 0);
    sim.lost_ops = 0;
    for (uint32_t k = 0; k < 30; k++) {
        for (uint32_t i = 0; i < 3; i++) sim_submit(&sim, i, "old");
        sim_run(&sim, 50 * SIM_MS);
    }
    sim_run(&sim, 3 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i);
    struct sim_disk *d = &sim.nodes[3].disk;
    for (size_t k = 0; k < d->count; k++) free(d->rows[k].data);
    d->count = d->wal_count = 0;
    sim.lost_ops = only_entropy;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    CHECK_EQ(sim_status(&sim, 3).own_seq, 0);
    sim_run(&sim, 10 * SIM_S);
    CHECK(until_equal(20) < 20);
    CHECK_EQ(sim_status(&sim, 3).blocks, 90);
    sim_free(&sim);
}

/* D-GSP-12: equal numbers and other ids; both sides obtain the evidence, also when the fork lies deeper. */
static void forks_are_found_by_comparing(void) {
    for (uint32_t deep = 0; deep < 2; deep++) {
        begin(6 + deep, 4, 1);
        sim.nodes[0].honest = sim.nodes[4].honest = 0;
        sim.lost_ops = only_entropy & ~(1ULL << 8);
        link_all(0);
        sim.links[0][1] = sim.links[4][2] = 1;
        for (uint32_t k = 0; k < 1 + deep * 3; k++) {
            CHECK(sim_submit(&sim, 0, "left") != 0);
            sim_run(&sim, 10 * SIM_MS);
            CHECK(sim_submit(&sim, 4, "right") != 0);
            sim_run(&sim, 10 * SIM_MS);
        }
        if (deep) CHECK(sim_submit(&sim, 4, "right is longer") != 0);
        sim_run(&sim, 10 * SIM_S);
        CHECK_EQ(sim_status(&sim, 1).evidence + sim_status(&sim, 2).evidence, 0);
        sim.lost_ops = only_entropy;
        sim.links[1][2] = sim.links[2][1] = 1;
        sim_run(&sim, 30 * SIM_S);
        CHECK_EQ(sim_status(&sim, 1).evidence, 1);
        CHECK_EQ(sim_status(&sim, 2).evidence, 1);
        sim_free(&sim);
    }
}

/* ---- a hostile peer ---- */

static uint8_t buffer[1 << 20];

static hkp_status say(const struct hkp_dsm_cbor_writer *w, uint32_t lane) {
    hkp_status st = hkp_dsm_recv(sim.nodes[0].node, sim.now, (sim.mesh.time_s * 1000000 + sim.now / 1000),
                                 sim.mesh.node_id[1], lane, w->out, w->len);
    sim_pump(&sim, 0);
    return st;
}

static struct hkp_dsm_cbor_writer writer(void) {
    return (struct hkp_dsm_cbor_writer){.out = buffer, .cap = sizeof buffer};
}

/* Node 0 against a peer that the test plays. */
static void begin_hostile(uint64_t seed) {
    begin(seed, 4, 0);
    for (uint32_t k = 0; k < 10; k++) CHECK(sim_submit(&sim, 0, "mine") != 0);
    sim_run(&sim, 11 * SIM_S);
    for (uint32_t i = 1; i < 4; i++) sim_crash(&sim, i);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[0].node, sim.now, sim.mesh.node_id[1], HKP_DSM_LANES_ALL), HKP_OK);
    sim_pump(&sim, 0);
}

static hkp_status say_digest(uint8_t fill) {
    uint8_t salt[16], root[8] = {1};
    memset(salt, fill, sizeof salt);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_digest(&w, salt, UINT64_MAX, root);
    return say(&w, 3);
}

static hkp_status say_heads(uint32_t bucket, uint32_t count, uint64_t seq) {
    uint8_t id[16] = {0}, id8[8] = {7};
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_heads(&w, 1);
    hkp_dsm_cbor_put_uint(&w, bucket);
    hkp_dsm_cbor_put_array(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        id[0] = (uint8_t)(i >> 8);
        id[1] = (uint8_t)i;
        hkp_dsm__put_heads_entry(&w, id, seq, id8);
    }
    return say(&w, 3);
}

static void a_hostile_peer_gets_bounded_answers(void) {
    begin_hostile(7);
    uint64_t order = sim.order;
    uint32_t taken = 0;
    for (int i = 0; i < 4; i++) taken += say_digest((uint8_t)i) == HKP_OK; /* more are over the ration */
    CHECK_EQ(taken, 1);                                                    /* of one moment */
    CHECK_EQ(sim.order - order, 1);
    for (uint32_t i = 0; i < 100; i++) {
        hkp_status st = say_heads(i, 0, 1);
        CHECK_EQ(st, i < 16 ? HKP_OK : HKP_E_DSM_STALE);
    }
    CHECK_EQ(sim.order - order, 1 + 16);
    sim_run(&sim, SIM_S);
    order = sim.order;
    CHECK_EQ(say_digest(1), HKP_OK);
    uint64_t authors = sim_status(&sim, 0).authors;
    CHECK_EQ(say_heads(0, 16384, 5), HKP_OK); /* authors that nobody knows */
    CHECK_EQ(sim_status(&sim, 0).authors, authors);
    CHECK_EQ(sim.order - order, 3); /* BUCKETS, HEADS, CERT_WANT */
    sim_free(&sim);
}

static hkp_status say_buckets(void) {
    uint8_t salt[16] = {9};
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_buckets(&w, salt);
    for (int i = 0; i < 256; i++) hkp_dsm_cbor_put_bytes(&w, salt, 8);
    return say(&w, 3);
}

static void answers_that_were_not_asked_for_change_nothing(void) {
    begin_hostile(8);
    CHECK_EQ(say_buckets(), HKP_E_DSM_STALE);
    CHECK_EQ(say_heads(3, 0, 1), HKP_E_DSM_STALE);
    sim_run(&sim, 2 * SIM_S); /* now the node has asked, but with another salt */
    CHECK_EQ(say_buckets(), HKP_E_DSM_STALE);
    sim_free(&sim);
}

/* A claim that nobody can show is given up, and cannot keep the node from writing (D-BLK-7). */
static void false_claims_are_given_up(void) {
    begin_hostile(9);
    for (uint32_t about = 0; about < 2; about++) {
        struct hkp_dsm_cbor_writer w = writer();
        hkp_dsm__put_have(&w, 0, 1);
        hkp_dsm__put_have_entry(&w, sim.mesh.node_id[about], UINT64_MAX >> 1);
        CHECK_EQ(say(&w, 0), HKP_OK);
    }
    CHECK_EQ(sim_submit(&sim, 0, "not now"), 0);
    sim_run(&sim, 20 * SIM_S);
    CHECK(sim_submit(&sim, 0, "now") != 0);
    uint64_t order = sim.order;
    sim_run(&sim, 4 * SIM_S);
    CHECK(sim.order - order < 40); /* no more questions about it */
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_have(&w, 0, 1);
    hkp_dsm__put_have_entry(&w, sim.mesh.node_id[0], UINT64_MAX >> 1);
    CHECK_EQ(say(&w, 0), HKP_OK);
    CHECK(sim_submit(&sim, 0, "still") != 0);
    CHECK_EQ(hkp_dsm_peer_down(sim.nodes[0].node, sim.now, sim.mesh.node_id[1]), HKP_OK);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[0].node, sim.now, sim.mesh.node_id[1], HKP_DSM_LANES_ALL), HKP_OK);
    CHECK_EQ(say(&w, 0), HKP_OK); /* nor in its next session */
    CHECK(sim_submit(&sim, 0, "again") != 0);
    sim_free(&sim);
}

/* A liar's huge claim does not hide what honest peers have. */
static void a_liar_between_honest_peers_hides_nothing(void) {
    begin(10, 4, 0);
    sim_crash(&sim, 1);
    link_all(0);
    for (uint32_t k = 0; k < 50; k++) CHECK(sim_submit(&sim, 2, "true") != 0);
    sim_run(&sim, 11 * SIM_S);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[0].node, sim.now, sim.mesh.node_id[1], HKP_DSM_LANES_ALL), HKP_OK);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_have(&w, 0, 1);
    hkp_dsm__put_have_entry(&w, sim.mesh.node_id[2], UINT64_MAX >> 1);
    CHECK_EQ(say(&w, 0), HKP_OK);
    link_all(1);
    sim_run(&sim, 30 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).blocks, 50);
    sim_free(&sim);
}

/* Block k of the author at node from, given to node to as if it had come. */
static void give_block(uint32_t from, uint32_t to, uint64_t seq) {
    const node *has = sim.nodes[from].node;
    const struct author *a = hkp_dsm__author(has, sim.mesh.node_id[from]);
    const struct block *b = hkp_dsm__block_at(has, a, seq);
    struct hkp_dsm__item item;
    CHECK_EQ(hkp_dsm__item_read(HKP_DSM__FORM_ENVELOPE, &b->envelope, &b->payload, &item), HKP_OK);
    hkp_dsm__block_take(sim.nodes[to].node, NULL, &item, 0, 1);
}

/* A notarised header stands between: its block did not come here, those of its child did. */
static void blocks_of_a_child_are_followed_when_those_below_come(void) {
    begin(11, 4, 0);
    sim_run(&sim, SIM_S); /* certificates */
    link_all(0);
    for (uint32_t k = 0; k < 6; k++) CHECK(sim_submit(&sim, 2, "apart") != 0);
    sim_run(&sim, SIM_S);
    const struct author *there = hkp_dsm__author(sim.nodes[2].node, sim.mesh.node_id[2]);
    node *n = sim.nodes[0].node;
    struct author *a = hkp_dsm__author(n, sim.mesh.node_id[2]);
    give_block(2, 0, 1);
    for (uint64_t seq = 3; seq <= 6; seq++) give_block(2, 0, seq);
    CHECK_EQ(a->tip.seq, 1);
    const uint8_t *below = hkp_dsm__block_at(sim.nodes[2].node, there, 2)->b.id;
    uint64_t missing = 0;
    CHECK_EQ(hkp_dsm__blocks_path(n, a, 2, below, 6, there->tip.id, &missing), 1);
    give_block(2, 0, 2);
    CHECK_EQ(a->tip.seq, 6);
    CHECK(memcmp(a->tip.id, there->tip.id, 32) == 0);
    CHECK_EQ(a->n_branch + a->n_waiting, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(different_sets_become_equal);
    CASE(losses_only_cost_time);
    CASE(gaps_far_back_are_filled);
    CASE(new_authors_are_found);
    CASE(a_fresh_node_gets_what_only_stores_hold);
    CASE(forks_are_found_by_comparing);
    CASE(a_hostile_peer_gets_bounded_answers);
    CASE(answers_that_were_not_asked_for_change_nothing);
    CASE(false_claims_are_given_up);
    CASE(a_liar_between_honest_peers_hides_nothing);
    CASE(blocks_of_a_child_are_followed_when_those_below_come);
    return check_done();
}
