/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One holder of a certificate or of a stolen key against four members: what it says costs only itself. */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { SEATS = 4, AUTHOR = SEATS };

#define DAY 86400ULL

static struct sim sim;
/* that its blocks name */
static uint64_t serial;
/* who speaks */
static uint32_t author;

static uint64_t wall(void) { return sim.mesh.time_s * 1000000 + sim.now / 1000; }

static const struct author *author_at(uint32_t at, uint32_t who) {
    return hkp_dsm__author(sim.nodes[at].node, sim.mesh.node_id[who]);
}

/* Block seq behind prev, to node to; salt tells two of one number apart. came: by a session with the author,
 * or as if node to had asked, which no cap holds back. */
static hkp_status say(int came, uint32_t to, uint64_t seq, uint8_t prev[32], uint64_t time_us, uint8_t salt,
                      uint32_t payload_len, uint8_t id[32]) {
    static uint8_t payload[HKP_DSM_PAYLOAD_MAX], message[HKP_DSM_PAYLOAD_MAX + 1024];
    const uint8_t *chain_id = sim.genesis->chain_id, *who = sim.mesh.node_id[author];
    struct hkp_dsm__block b = {
        .seq = seq, .timestamp_us = time_us, .serial = serial, .event_type = 5, .payload_len = payload_len};
    payload[0] = salt;
    payload[1] = (uint8_t)(seq >> 8);
    if (seq == 1) hkp_dsm__first_prev(prev, chain_id, who);
    memcpy(b.author, who, 16);
    memcpy(b.prev, prev, 32);
    hkp_dsm__payload_hash(b.payload_hash, payload, payload_len);
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX], envelope[HKP_DSM__BLOCK_MAX];
    struct hkp_dsm_view env = {.ptr = envelope}, content = {payload, payload_len};
    size_t len = 0;
    CHECK_EQ(hkp_dsm__block_build(&b, body, sizeof body, &len), HKP_OK);
    hkp_dsm_object_id(id, chain_id, HKP_DSM_KIND_MICROBLOCK, who, body, len);
    CHECK_EQ(hkp_dsm_envelope_sign(chain_id, HKP_DSM_KIND_MICROBLOCK, who, sim.mesh.secret[author], body, len,
                                   envelope, sizeof envelope, &env.len),
             HKP_OK);
    node *n = sim.nodes[to].node;
    hkp_status st;
    if (came == CAME_PUSHED) {
        struct hkp_dsm_cbor_writer w = {.out = message, .cap = sizeof message};
        hkp_dsm__put_push(&w, 3, 0, HKP_DSM__FORM_ENVELOPE, &env, &content);
        st = hkp_dsm_recv(n, sim.now, wall(), who, 3, w.out, w.len);
    } else {
        struct hkp_dsm__item item;
        CHECK_EQ(hkp_dsm__item_read(HKP_DSM__FORM_ENVELOPE, &env, &content, &item), HKP_OK);
        hkp_dsm__time(n, sim.now);
        st = hkp_dsm__block_take(n, NULL, &item, 0, came);
    }
    sim_pump(&sim, to);
    return st;
}

static hkp_status push(uint32_t to, uint64_t seq, uint8_t prev[32], uint64_t time_us, uint8_t salt,
                       uint32_t payload_len, uint8_t id[32]) {
    return say(CAME_PUSHED, to, seq, prev, time_us, salt, payload_len, id);
}

static hkp_status give(uint32_t to, uint64_t seq, uint8_t prev[32], uint64_t time_us, uint8_t salt,
                       uint32_t payload_len, uint8_t id[32]) {
    return say(CAME_ASKED, to, seq, prev, time_us, salt, payload_len, id);
}

static void session(uint32_t to) {
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[to].node, sim.now, sim.mesh.node_id[author], HKP_DSM_LANES_ALL),
             HKP_OK);
}

static void make_with(uint32_t authors) {
    sim_new(&sim, check_seed(), SEATS, authors);
    for (uint32_t i = 0; i < authors; i++) {
        sim_outsider(&sim, AUTHOR + i, HKP_DSM_ROLE_EDGE, 9 + i);
        sim.nodes[AUTHOR + i].honest = 0;
    }
    serial = 1;
    author = AUTHOR;
}

static void make(void) { make_with(1); }

static void start(void) {
    for (uint32_t i = 0; i < SEATS; i++) sim_start(&sim, i);
    sim_run(&sim, 500 * SIM_MS);
}

/* ---- an old key (D-CERT-2) ---- */

/* Of the author's key, from and to so many days before the start. */
static void give_certificate(uint64_t from_days, uint64_t to_days, uint64_t number, uint32_t tier) {
    const struct sim_mesh *m = &sim.mesh;
    struct hkp_dsm_certificate c;
    CHECK_EQ(hkp_dsm_certificate_parse(m->certificate[AUTHOR], m->certificate_len[AUTHOR], &c), HKP_OK);
    c.not_before_s = m->time_s - from_days * DAY;
    c.not_after_s = m->time_s - to_days * DAY;
    c.serial = number;
    c.tier = tier;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64], out[1024];
    size_t len = 0;
    struct hkp_dsm_multi multi = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    multi.body.ptr = body;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &multi.body.len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(signature, sim.genesis->chain_id, HKP_DSM_KIND_CERTIFICATE, 1, m->officer,
                                body, multi.body.len, NULL, 0),
             HKP_OK);
    multi.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_build(&multi, out, sizeof out, &len), HKP_OK);
    for (uint32_t i = 0; i < SEATS; i++)
        CHECK_EQ(hkp_dsm_node_add_certificate(sim.nodes[i].node, sim.now, wall(), out, len), HKP_OK);
}

/* Its block can be in no header, so it is nothing to have, to pass on, or to work for. */
static void a_block_of_a_key_that_is_over_changes_nothing(void) {
    uint8_t prev[32], id[32];
    make();
    sim.mesh.certified = SEATS; /* the one that is valid is not here */
    start();
    give_certificate(80, 30, 1, HKP_DSM_TIER_SENTINEL);
    session(0);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(push(0, 1, prev, (sim.mesh.time_s - 60 * DAY) * 1000000, 1, 16, id), HKP_E_DSM_EXPIRED);
    const uint64_t height = sim_status(&sim, 1).final_height;
    sim_run(&sim, 120 * SIM_S);
    CHECK(sim_status(&sim, 1).final_height <= height + 4);
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(author_at(i, AUTHOR)->tip.seq, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Back after weeks, with a certificate that is valid again (D-BLK-5). */
static void a_key_with_a_valid_certificate_may_tell_what_is_old(void) {
    uint8_t prev[32], id[32];
    make();
    start();
    give_certificate(80, 30, 2, HKP_DSM_TIER_SENTINEL);
    give_certificate(10, 0, 3, HKP_DSM_TIER_SENTINEL);
    session(0);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(author_at(0, AUTHOR)->n_certs, 3);
    serial = 2;
    CHECK_EQ(push(0, 1, prev, (sim.mesh.time_s - 60 * DAY) * 1000000, 1, 16, id), HKP_OK);
    sim_run(&sim, 10 * SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(author_at(i, AUTHOR)->final.seq, 1);
    sim_free(&sim);
}

/* D-BLK-8: a certificate of before, which came last, has no say. */
static void the_newest_certificate_sets_the_cap(void) {
    uint8_t prev[32], id[32];
    uint32_t taken = 0;
    make();
    sim.mesh.certified = SEATS;
    start();
    give_certificate(10, 0, 2, HKP_DSM_TIER_SENTINEL);
    give_certificate(10, 0, 1, HKP_DSM_TIER_GUARDIAN);
    session(0);
    for (uint64_t k = 1; k <= 100; k++) {
        taken += push(0, k, prev, wall() - 5000000 + k, 1, 16, id) == HKP_OK;
        memcpy(prev, id, 32);
    }
    CHECK_EQ(taken, 60);
    sim_free(&sim);
}

/* ---- what is not final of one author (decision 0653) ---- */

/* It forks before the chain knows it, so it cannot be frozen, and fills what it may. */
static void fill(void) {
    uint8_t prev[32], id[32], ignored[32];
    const uint64_t time_us = wall() - 5000000;
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(give(i, 1, prev, time_us, 1, 16, id), HKP_OK);
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(give(i, 1, prev, time_us, 2, 16, ignored), HKP_E_DSM_FORK);
    memcpy(prev, ignored, 32);
    hkp_status st = HKP_E_DSM_PREV;
    for (uint64_t k = 2; k < 1000 && st != HKP_E_LIMIT; k++) {
        for (uint32_t i = 0; i < SEATS; i++) st = give(i, k, prev, time_us + k, 1, HKP_DSM_PAYLOAD_MAX, id);
        memcpy(prev, id, 32);
        sim_run(&sim, 100 * SIM_MS);
    }
    CHECK_EQ(st, HKP_E_LIMIT);
}

static void expect_honest_blocks_become_final(void) {
    for (uint32_t k = 0; k < 20; k++) {
        for (uint32_t i = 0; i < SEATS; i++) CHECK(sim_submit(&sim, i, "honest") != 0);
        sim_run(&sim, SIM_S);
    }
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(author_at(0, i)->final.seq, 20);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void who_cannot_be_final_fills_no_more_than_its_share(void) {
    make();
    start();
    fill();
    for (uint32_t i = 0; i < SEATS; i++) {
        const node *n = sim.nodes[i].node;
        CHECK(author_at(i, AUTHOR)->loose <= n->pool.units / AUTHOR_PART * POOL_UNIT);
        CHECK(!hkp_dsm__fuller(n, FILL_OTHERS));
    }
    expect_honest_blocks_become_final();
}

/* All of what blocks of others may fill is full: what is said is proposed by who said it. */
static void many_who_cannot_be_final_silence_nobody(void) {
    make_with(3);
    start();
    for (; author < SEATS + 3; author++) fill();
    for (uint32_t i = 0; i < SEATS; i++) CHECK(hkp_dsm__fuller(sim.nodes[i].node, FILL_OTHERS));
    expect_honest_blocks_become_final();
}

/* ---- another branch becomes final (D-BLK-13, D-BLK-14, D-SMX-R8) ---- */

static void cut(uint32_t on) {
    for (uint32_t i = 1; i < SEATS; i++) sim_link(&sim, 0, i, on);
}

/* The others make n_y blocks of one branch final, of which node 0 hears nothing. */
static uint64_t final_elsewhere(uint64_t n_y, size_t pool_bytes) {
    uint8_t prev[32], id[32];
    make();
    sim.pool_bytes = pool_bytes;
    start();
    cut(0);
    for (uint32_t i = 0; i < SEATS; i++) session(i);
    const uint64_t time_us = wall() - 5000000;
    for (uint64_t k = 1; k <= n_y; k++) {
        for (uint32_t i = 1; i < SEATS; i++) {
            const hkp_status st = give(i, k, prev, time_us + k, 1, 16, id);
            CHECK(st == HKP_OK || st == HKP_E_DSM_DUPLICATE);
        }
        memcpy(prev, id, 32);
    }
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(author_at(1, AUTHOR)->final.seq, n_y);
    return time_us;
}

static void expect_node_0_follows(uint64_t n_y) {
    cut(1);
    for (uint32_t k = 0; k < 3; k++) {
        for (uint32_t i = 1; i < SEATS; i++) CHECK(sim_submit(&sim, i, "honest") != 0);
        sim_run(&sim, 10 * SIM_S);
    }
    CHECK_EQ(author_at(0, AUTHOR)->final.seq, n_y);
    CHECK_EQ(author_at(0, AUTHOR)->n_branch, 0);
    CHECK(sim_status(&sim, 0).final_height + 1 >= sim_status(&sim, 1).final_height);
    CHECK(sim_status(&sim, 1).final_height > 3);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Longer than the places behind a gap, which these blocks seem to stand behind. */
static void a_long_branch_is_followed(void) {
    uint8_t prev[32], id[32];
    const uint64_t time_us = final_elsewhere(120, 0);
    CHECK_EQ(push(0, 1, prev, time_us, 2, 16, id), HKP_OK);
    expect_node_0_follows(120);
}

/* So many others that the one which counts finds no place among them. */
static void a_branch_is_followed_where_all_places_are_taken(void) {
    uint8_t prev[32], id[32];
    const uint64_t time_us = final_elsewhere(1, 0);
    CHECK_EQ(push(0, 1, prev, time_us, 2, 16, id), HKP_OK);
    for (uint32_t k = 0; k < BRANCH_PER_AUTHOR + 100; k++) {
        CHECK_EQ(give(0, 1, prev, time_us + 1 + k, 3, 16, id), HKP_E_DSM_FORK);
        if (k % 100 == 0) sim_run(&sim, 10 * SIM_MS);
    }
    CHECK_EQ(author_at(0, AUTHOR)->n_branch, BRANCH_PER_AUTHOR);
    expect_node_0_follows(1);
}

/* The chain that this node knows is as long as it may be. */
static void a_branch_is_followed_where_the_chain_is_full(void) {
    uint8_t prev[32], id[32];
    const uint64_t time_us = final_elsewhere(1, 64 << 20);
    for (uint64_t k = 1; k <= OPEN_PER_AUTHOR; k++) {
        CHECK_EQ(give(0, k, prev, time_us + k, 2, 16, id), HKP_OK);
        if (k % 100 == 0) sim_run(&sim, 10 * SIM_MS);
        memcpy(prev, id, 32);
    }
    CHECK_EQ(author_at(0, AUTHOR)->tip.seq, OPEN_PER_AUTHOR);
    expect_node_0_follows(1);
}

/* Its share of memory is taken by that chain. */
static void a_branch_is_followed_where_the_share_is_taken(void) {
    uint8_t prev[32], id[32];
    const uint64_t time_us = final_elsewhere(3, 0);
    hkp_status st = HKP_OK;
    for (uint64_t k = 1; st == HKP_OK; k++) {
        st = give(0, k, prev, time_us + k, 2, HKP_DSM_PAYLOAD_MAX, id);
        if (st == HKP_E_LIMIT) st = give(0, k, prev, time_us + k, 2, 16, id); /* the rest of it */
        memcpy(prev, id, 32);
    }
    CHECK_EQ(st, HKP_E_LIMIT);
    expect_node_0_follows(3);
}

int main(void) {
    CASE(a_block_of_a_key_that_is_over_changes_nothing);
    CASE(a_key_with_a_valid_certificate_may_tell_what_is_old);
    CASE(the_newest_certificate_sets_the_cap);
    CASE(who_cannot_be_final_fills_no_more_than_its_share);
    CASE(many_who_cannot_be_final_silence_nobody);
    CASE(a_long_branch_is_followed);
    CASE(a_branch_is_followed_where_all_places_are_taken);
    CASE(a_branch_is_followed_where_the_chain_is_full);
    CASE(a_branch_is_followed_where_the_share_is_taken);
    return check_done();
}
