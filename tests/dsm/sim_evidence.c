/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Evidence that somebody makes in plenty, against himself: it takes no place from what others did, costs no
 * signature twice, and what cannot be an op is none (D-EVD-2, D-EVD-4).
 */
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"
#include "verify_counted.h"

enum { LIAR = 3, EDGE = 4, MANY = 100 };

static struct sim sim;

static void begin(uint64_t seed) {
    sim_new(&sim, seed, 4, 1);
    sim_outsider(&sim, EDGE, HKP_DSM_ROLE_EDGE, 9);
    sim.nodes[LIAR].honest = sim.nodes[EDGE].honest = 0;
    sim.unwatched = 1;
    for (uint32_t i = 0; i < 5; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    for (uint32_t i = 0; i < 3; i++) CHECK(sim_submit(&sim, i, "before") != 0);
    sim_run(&sim, 5 * SIM_S);
}

/* Two blocks of one seq. */
static size_t fork_of(uint32_t who, uint64_t seq, uint8_t *op, size_t cap) {
    uint8_t body[HKP_DSM__BLOCK_MAX], envelope[2][HKP_DSM__BLOCK_MAX];
    struct hkp_dsm_view pair[2] = {{.ptr = envelope[0]}, {.ptr = envelope[1]}};
    for (uint32_t i = 0; i < 2; i++) {
        struct hkp_dsm__block b = {.seq = seq,
                                   .timestamp_us = sim.mesh.time_s * 1000000 + i,
                                   .serial = 1,
                                   .payload_len = 16,
                                   .event_type = HKP_DSM_EVENT_SIGHTING};
        size_t len = 0;
        memset(b.prev, 1, 32);
        if (seq == 1) hkp_dsm__first_prev(b.prev, sim.genesis->chain_id, sim.mesh.node_id[who]);
        hkp_dsm__payload_hash(b.payload_hash, (const uint8_t *)"salt and no word", 16);
        CHECK_EQ(hkp_dsm__block_build(&b, body, sizeof body, &len), HKP_OK);
        CHECK_EQ(hkp_dsm_envelope_sign(sim.genesis->chain_id, HKP_DSM_KIND_MICROBLOCK, sim.mesh.node_id[who],
                                       sim.mesh.secret[who], body, len, envelope[i], sizeof envelope[i],
                                       &pair[i].len),
                 HKP_OK);
    }
    size_t len = 0;
    CHECK_EQ(hkp_dsm__evidence_build(&pair[0], &pair[1], op, cap, &len), HKP_OK);
    return len;
}

/* Two NOTAR of one view. */
static size_t two_votes_of(uint32_t who, uint64_t epoch, uint64_t view, uint8_t *op, size_t cap) {
    uint8_t envelope[2][HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view pair[2] = {{.ptr = envelope[0]}, {.ptr = envelope[1]}};
    for (uint32_t i = 0; i < 2; i++) {
        struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_NOTAR, .epoch = epoch, .view = view};
        vote.digest[0] = (uint8_t)(i + 1);
        CHECK_EQ(hkp_dsm__vote_make(sim.genesis->chain_id, &vote, sim.mesh.node_id[who], sim.mesh.secret[who],
                                    envelope[i], sizeof envelope[i], &pair[i].len),
                 HKP_OK);
    }
    size_t len = 0;
    CHECK_EQ(hkp_dsm__evidence_build(&pair[0], &pair[1], op, cap, &len), HKP_OK);
    return len;
}

static void push(uint32_t from, uint32_t to, const uint8_t *op, size_t len) {
    static uint8_t buffer[8192];
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    const struct hkp_dsm_view view = {op, len};
    hkp_dsm__put_push(&w, 1, 0, HKP_DSM__FORM_EVIDENCE, &view, NULL);
    sim_send(&sim, from, to, 1, w.out, w.len);
}

static uint32_t held(uint32_t i, uint32_t who, uint32_t class_) {
    const struct hkp_dsm_node *n = sim.nodes[i].node;
    uint32_t count = 0;
    for (uint32_t k = 0; k < n->n_suspects; k++)
        count += n->suspects[k].class_ == class_ &&
                 memcmp(n->suspects[k].offender, sim.mesh.node_id[who], 16) == 0;
    return count;
}

/* Without a head it is not frozen, so that its forks wait for one. */
static void forks_of_one_author_take_one_place(void) {
    uint8_t op[4096];
    begin(13);
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        const size_t len = fork_of(EDGE, seq, op, sizeof op);
        for (uint32_t to = 0; to < 3; to++) push(LIAR, to, op, len);
        sim_run(&sim, 20 * SIM_MS);
    }
    sim_run(&sim, SIM_S);
    checked = 0;
    sim_run(&sim, 2 * SIM_S);
    CHECK(checked <= 4 * 3); /* what members say again of the view that stands */
    const size_t len = two_votes_of(LIAR, 0, sim.nodes[0].node->view + 5, op, sizeof op);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(held(i, EDGE, 5), 1);
        push(EDGE, i, op, len);
    }
    sim_run(&sim, 10 * SIM_S);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(held(i, LIAR, 1), 1);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void a_member_fills_no_table_with_itself(void) {
    uint8_t op[1024];
    begin(14);
    const uint64_t view = sim.nodes[0].node->view;
    for (uint64_t k = 1; k <= MANY; k++) push(EDGE, 0, op, two_votes_of(LIAR, 0, view + k, op, sizeof op));
    sim_run(&sim, 60 * SIM_MS);
    CHECK_EQ(held(0, LIAR, 1), EVIDENCE_OF_ONE);
    const uint64_t height = sim_status(&sim, 0).final_height;
    sim_run(&sim, 20 * SIM_S);
    for (uint64_t k = 1; k <= MANY; k++)
        push(EDGE, 1, op, two_votes_of(LIAR, 0, view + MANY + k, op, sizeof op));
    sim_run(&sim, 20 * SIM_S);
    uint32_t effective = 0;
    for (uint32_t k = 0; k < sim.nodes[1].node->n_suspects; k++)
        effective += sim.nodes[1].node->suspects[k].on_chain;
    CHECK_EQ(effective, 1);
    /* a proposal with it, and what makes that final: no work without end */
    CHECK(sim_status(&sim, 0).final_height <= height + 4);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void nobody_has_a_seat_in_the_epoch_that_stands_for_none(void) {
    uint8_t op[1024];
    begin(15);
    const uint64_t height = sim_status(&sim, 0).final_height;
    for (uint64_t view = 1; view <= 20; view++) {
        push(EDGE, 0, op, two_votes_of(EDGE, UINT64_MAX, view, op, sizeof op));
        sim_run(&sim, 200 * SIM_MS);
    }
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(sim.nodes[i].node->n_suspects, 0);
        CHECK_EQ(sim_status(&sim, i).final_height, height);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static hkp_status add(uint32_t who, uint64_t epoch, uint64_t view, uint64_t height) {
    uint8_t op[1024];
    struct hkp_dsm_view bytes = {.ptr = op, .len = two_votes_of(who, epoch, view, op, sizeof op)};
    struct hkp_dsm__evidence e = {.class_ = 1, .n_offenders = 1, .epoch = epoch, .point = view};
    memcpy(e.offender[0], sim.mesh.node_id[who], 16);
    const hkp_status st = hkp_dsm__suspect_add(sim.nodes[0].node, &bytes, &e, height);
    sim_pump(&sim, 0);
    return st;
}

/* What the chain was told long ago gives way to what it was not. */
static void what_is_spent_makes_room(void) {
    begin(16);
    struct hkp_dsm_node *n = sim.nodes[0].node;
    for (uint64_t k = 1; k <= EVIDENCE_MAX; k++) CHECK_EQ(add(LIAR, 0, 1000 + k, 1), HKP_OK);
    CHECK_EQ(n->n_suspects, EVIDENCE_MAX);
    CHECK_EQ(add(2, 0, 7, 0), HKP_E_LIMIT); /* all of it may still be proposed by somebody */
    n->set.epoch = 2;
    CHECK_EQ(add(2, 2, 7, 0), HKP_OK);
    CHECK_EQ(n->n_suspects, EVIDENCE_MAX);
    CHECK_EQ(held(0, 2, 1), 1);
    CHECK_EQ(add(2, 2, 7, 0), HKP_E_DSM_DUPLICATE);
    sim_free(&sim);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(forks_of_one_author_take_one_place);
    CASE(a_member_fills_no_table_with_itself);
    CASE(nobody_has_a_seat_in_the_epoch_that_stands_for_none);
    CASE(what_is_spent_makes_room);
    return check_done();
}
