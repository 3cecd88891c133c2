/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-SYN-2: how old a boundary may be out of which links are followed, what an operator's digest opens, and
 * two boundaries of one epoch. A false chain is another history of the same keys: who left and kept them made
 * it.
 */
#include <hookprobe/dsm.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

enum { LINKS = 8, LINK_ROOM = 8192, EDGE = 4 };

static struct sim sim;
static struct chain {
    size_t count, len[LINKS];
    uint8_t link[LINKS][LINK_ROOM];
} lie, truth;
/* needed: told once of each boundary; again: of the same one */
static uint32_t needed, again, differ;
static uint64_t needed_epoch, differ_epoch;
static size_t differ_len;

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (i != EDGE) return;
    if (ev->kind == HKP_DSM_EV_BOUNDARY_NEEDED) {
        again += needed++ > 0 && ev->epoch == needed_epoch;
        needed_epoch = ev->epoch;
    }
    if (ev->kind != HKP_DSM_EV_BOUNDARIES_DIFFER) return;
    differ++;
    differ_epoch = ev->epoch;
    differ_len = ev->data_len;
}

static void pass(uint64_t seconds) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += (int64_t)seconds * 1000000;
}

static void next_epoch(const char *text) {
    uint64_t epoch = sim_status(&sim, 0).epoch;
    pass(3601);
    for (int round = 0; round < 8; round++) {
        for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, text) != 0);
        sim_run(&sim, 500 * SIM_MS);
    }
    CHECK_EQ(sim_status(&sim, 0).epoch, epoch + 1);
}

static void begin(uint64_t seed, const char *text, int epochs) {
    sim_new(&sim, seed, 4, 1);
    sim_outsider(&sim, EDGE, HKP_DSM_ROLE_EDGE, 9);
    sim.on_fact = on_fact;
    needed = again = differ = 0;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, text) != 0);
    sim_run(&sim, 2 * SIM_S);
    for (int k = 0; k < epochs; k++) next_epoch(text);
}

/* The links of the chain that node 0 stored. */
static void keep(struct chain *c) {
    const struct sim_disk *d = &sim.nodes[0].disk;
    c->count = 0;
    for (uint64_t epoch = 0; epoch < LINKS; epoch++)
        for (size_t k = 0; k < d->count; k++) {
            const struct sim_row *r = &d->rows[k];
            if (r->row != HKP_DSM_ROW_LINK || hkp_be64(r->key) != epoch) continue;
            CHECK(r->len <= LINK_ROOM && c->count == epoch);
            memcpy(c->link[c->count], r->data, r->len);
            c->len[c->count++] = r->len;
        }
}

static void make_lie(int epochs) {
    begin(1, "what never was", epochs);
    keep(&lie);
    CHECK_EQ(lie.count, epochs);
    sim_free(&sim);
}

static int asks(void) {
    const struct join *j = &sim.nodes[EDGE].node->join;
    return j->step == 1 && !hkp_is_zero(j->asked, 16);
}

/* Whom the edge node asked tells it this chain. */
static void tell(const struct chain *c) {
    static uint8_t buffer[1 << 17];
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    const struct join *j = &sim.nodes[EDGE].node->join;
    size_t from = (size_t)j->from;
    uint8_t who[16];
    memcpy(who, j->asked, 16);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_BOUNDARIES, c->count > from ? c->count - from : 0);
    for (size_t i = from; i < c->count; i++) hkp_dsm_cbor_put_raw(&w, c->link[i], c->len[i]);
    uint64_t wall =
        (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[EDGE].clock_us);
    CHECK_EQ(hkp_dsm_recv(sim.nodes[EDGE].node, sim.now, wall, who, 4, w.out, w.len), HKP_OK);
    sim_pump(&sim, EDGE);
}

/* Every question for links in so many seconds is answered with this chain, answers of the others are lost. */
static uint32_t told(const struct chain *c, uint32_t seconds) {
    uint32_t count = 0;
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_BOUNDARIES;
    for (uint32_t k = 0; k < seconds * 10; k++) {
        for (; asks(); count++) tell(c);
        sim_run(&sim, 100 * SIM_MS);
    }
    sim.lost_ops = 0;
    return count;
}

static void expect_joined(void) {
    CHECK_EQ(sim_status(&sim, EDGE).trust, HKP_DSM_TRUST_GOOD);
    CHECK_EQ(sim_status(&sim, EDGE).epoch, sim_status(&sim, 0).epoch);
    CHECK_MEM(sim_status(&sim, EDGE).boundary, sim_status(&sim, 0).boundary, 32);
    CHECK_EQ(sim.faults, 0);
}

static void expect_out(uint64_t epoch) {
    CHECK_EQ(sim_status(&sim, EDGE).trust, HKP_DSM_TRUST_NEEDED);
    CHECK_EQ(sim_status(&sim, EDGE).epoch, epoch);
    CHECK_EQ(sim_status(&sim, EDGE).state, HKP_DSM_STATE_RUNNING);
    if (epoch == 0) CHECK_MEM(sim_status(&sim, EDGE).boundary, sim_status(&sim, EDGE).chain_id, 32);
    CHECK(needed > 0);
    CHECK_EQ(needed_epoch, epoch);
    CHECK_EQ(again, 0);
    CHECK_EQ(sim.faults, 0);
}

static void again_with(const uint8_t digest[32]) {
    sim_crash(&sim, EDGE);
    memcpy(sim.nodes[EDGE].boundary, digest, 32);
    needed = again = 0;
    sim_start(&sim, EDGE);
}

static void keys_of_members_that_left_lead_nobody_astray(void) {
    make_lie(3);
    begin(2, "what was", 0);
    pass(15 * 86400);
    next_epoch("what was");
    next_epoch("what was"); /* two ahead: it asks for links */
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_BOUNDARIES;
    sim_start(&sim, EDGE);
    CHECK(told(&lie, 6) > 0);
    expect_out(0);
    CHECK(sim_submit(&sim, EDGE, "told to all the same") != 0);
    sim_run(&sim, 6 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).heads, 5);
    sim_run(&sim, 70 * SIM_S); /* nor the true chain, as long as nobody says that it is */
    expect_out(0);
    sim_free(&sim);
}

static void a_recent_digest_of_the_operator_opens_the_chain(void) {
    uint8_t digest[4][32];
    begin(3, "what was", 1);
    memcpy(digest[0], sim_status(&sim, 0).boundary, 32);
    memset(digest[1], 7, 32);
    pass(15 * 86400);
    next_epoch("what was");
    memcpy(digest[2], sim_status(&sim, 0).boundary, 32);
    next_epoch("what was");
    memcpy(digest[3], sim_status(&sim, 0).boundary, 32);
    sim_start(&sim, EDGE);
    sim_run(&sim, 6 * SIM_S);
    expect_out(0);
    for (uint32_t k = 0; k < 4; k++) {
        sim_disk_wipe(&sim, EDGE);
        again_with(digest[k]);
        sim_run(&sim, 15 * SIM_S);
        int before = check_faults;
        if (k > 1)
            expect_joined();
        else /* an old one: so far and no farther; one of no boundary */
            expect_out(k == 0);
        CHECK_NOTE(before, "digest %u", k);
    }
    sim_free(&sim);
}

static void two_boundaries_of_one_epoch_stop_who_joins(void) {
    make_lie(3);
    begin(4, "what was", 3);
    keep(&truth);
    for (int first = 0; first < 2; first++) {
        sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_BOUNDARIES | 1ULL << HKP_DSM__OP_MSG_SYNC_RESP;
        sim_start(&sim, EDGE);
        for (int k = 0; k < 100 && !asks(); k++) sim_run(&sim, 100 * SIM_MS);
        CHECK(asks());
        tell(first == 0 ? &lie : &truth);
        CHECK(asks()); /* f+1 groups */
        CHECK_EQ(differ, first);
        tell(first == 0 ? &truth : &lie);
        CHECK_EQ(differ, first + 1);
        CHECK_EQ(differ_epoch, 0);
        CHECK_EQ(differ_len, first == 0 ? truth.len[0] : lie.len[0]);
        CHECK(!asks());
        sim.lost_ops = 0;
        sim_run(&sim, 20 * SIM_S);
        CHECK_EQ(sim_status(&sim, EDGE).trust, HKP_DSM_TRUST_ALARM);
        CHECK_EQ(sim_status(&sim, EDGE).epoch, 0);
        sim_crash(&sim, EDGE);
        sim_disk_wipe(&sim, EDGE);
    }
    /* the operator knows which is right */
    memcpy(sim.nodes[EDGE].boundary, sim_status(&sim, 0).boundary, 32);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_BOUNDARIES;
    sim_start(&sim, EDGE);
    for (int k = 0; k < 100 && !asks(); k++) sim_run(&sim, 100 * SIM_MS);
    tell(&truth);
    struct hkp_dsm__link l = {.boundary = {.epoch = 0}};
    CHECK_EQ(hkp_dsm__trust_again(sim.nodes[EDGE].node, NULL, 0, &l), HKP_E_DSM_PROOF);
    sim.lost_ops = 0;
    sim_run(&sim, 20 * SIM_S);
    expect_joined();
    sim_free(&sim);
}

/* D-CERT-5: what the host says of its clock, when it was built, and what the chain shows. */
static void clocks_let_no_old_chain_in_and_lock_nobody_out(void) {
    static const struct {
        int64_t wall_s;
        int64_t built_s;
        uint32_t unsynchronised, days, joins;
    } cases[] = {{0, 0, 0, 1, 1},
                 {-86400 * 400, 0, 1, 1, 1},          /* no clock at all, a young chain */
                 {-86400 * 400, 0, 1, 15, 0},         /* the chain itself is older than that */
                 {-86400 * 400, 86400 * 20, 1, 1, 0}, /* built long after */
                 {86400 * 20, 0, 0, 1, 0},            /* the truth */
                 {86400 * 20, 0, 1, 1, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin(10 + k, "what was", 1);
        pass((uint64_t)cases[k].days * 86400);
        next_epoch("what was");
        struct sim_node *edge = &sim.nodes[EDGE];
        const int64_t right = edge->clock_us;
        edge->clock_us += cases[k].wall_s * 1000000;
        edge->unsynchronised = cases[k].unsynchronised;
        sim.build_s = cases[k].built_s == 0 ? 0 : sim.mesh.time_s + (uint64_t)cases[k].built_s;
        sim_start(&sim, EDGE);
        sim_run(&sim, 15 * SIM_S);
        int before = check_faults;
        if (cases[k].joins)
            expect_joined();
        else
            expect_out(0);
        if (k + 1 == sizeof cases / sizeof cases[0]) { /* it was a false clock: nothing is lost */
            edge->clock_us = right;
            hkp_dsm_clock_state(edge->node, 1);
            sim_run(&sim, 90 * SIM_S);
            expect_joined();
        }
        CHECK_NOTE(before, "case %zu", k);
        sim_free(&sim);
    }
}

/* All were off for more than 14 days. Members go on in their epoch; who has no seat cannot know that it was
 * so. */
static void a_mesh_that_was_off_for_weeks_goes_on(void) {
    begin(20, "what was", 1);
    sim_start(&sim, EDGE);
    sim_run(&sim, 10 * SIM_S);
    expect_joined();
    next_epoch("what was");
    sim_run(&sim, 10 * SIM_S);
    expect_joined();
    for (uint32_t i = 0; i < 5; i++) sim_crash(&sim, i);
    pass(15 * 86400);
    for (uint32_t i = 0; i < 5; i++) sim_start(&sim, i);
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(sim_status(&sim, EDGE).trust, HKP_DSM_TRUST_GOOD); /* there is nothing to follow yet */
    next_epoch("what is");
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).trust, HKP_DSM_TRUST_GOOD);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim_status(&sim, EDGE).trust, HKP_DSM_TRUST_NEEDED);
    CHECK_EQ(sim_status(&sim, EDGE).epoch, 2);
    CHECK_EQ(needed, 1);
    again_with(sim_status(&sim, 0).boundary);
    sim_run(&sim, 10 * SIM_S);
    expect_joined();
    next_epoch("what is");
    sim_run(&sim, 5 * SIM_S);
    expect_joined();
    sim_free(&sim);
}

int main(void) {
    CASE(keys_of_members_that_left_lead_nobody_astray);
    CASE(a_recent_digest_of_the_operator_opens_the_chain);
    CASE(two_boundaries_of_one_epoch_stop_who_joins);
    CASE(clocks_let_no_old_chain_in_and_lock_nobody_out);
    CASE(a_mesh_that_was_off_for_weeks_goes_on);
    return check_done();
}
