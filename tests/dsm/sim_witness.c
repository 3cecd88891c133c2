/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Claims and witnesses among running nodes: many identities of one owner confirm nothing (D-WIT). */
#include <hookprobe/dsm.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

/* Validators 0..3 of groups 1..4; then who claims, five identities of one group, three independent witnesses,
 * one without the role, and a witness of the claimant's own group. */
enum { CLAIMANT = 4, LIAR = 5, LIARS = 5, FREE = 10, FREES = 3, PLAIN = 13, FRIEND = 14, ALL = 15 };
enum { REFUTE = HKP_DSM_VERDICT_REFUTE, CONFIRM = HKP_DSM_VERDICT_CONFIRM, LIFE_S = 300 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;
static uint32_t told[ALL][4], claims_told[ALL];

static uint64_t wall_us(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    claims_told[i] += ev->kind == HKP_DSM_EV_CLAIM && ev->data_len > 0;
    if (ev->kind == HKP_DSM_EV_VERDICT) told[i][ev->type]++;
}

/* The outsiders hang in a row on the first validator: what they say goes over many hops. */
static void begin(uint64_t seed) {
    const uint32_t roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS;
    sim_new(&sim, seed, 4, ALL - 4);
    sim.on_fact = on_fact;
    sim.resend = 50 * SIM_MS;
    sim.loss = 50;
    memset(told, 0, sizeof told);
    memset(claims_told, 0, sizeof claims_told);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    for (uint32_t i = 4; i < ALL; i++) {
        const uint32_t group = i == CLAIMANT || i == FRIEND ? 10 : i < LIAR + LIARS ? 20 : 20 + i;
        sim_outsider(&sim, i, i == PLAIN ? HKP_DSM_ROLE_EDGE : roles, group);
        for (uint32_t k = 0; k < i; k++) sim_link(&sim, i, k, k + 1 == i || (i == CLAIMANT && k == 0));
    }
    for (uint32_t i = 0; i < ALL; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static void end(void) {
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static hkp_status claim(uint32_t i, uint8_t number, uint8_t id[32]) {
    struct hkp_dsm_claim c = {.type = HKP_DSM_CLAIM_THREAT,
                              .k = 3,
                              .subject = {number},
                              .statement = {(const uint8_t *)"203.0.113.7 scans us", 20},
                              .created_s = wall_us(i) / 1000000};
    c.expires_s = c.created_s + LIFE_S;
    const hkp_status st = hkp_dsm_node_claim(sim.nodes[i].node, sim.now, wall_us(i), &c, id);
    sim_pump(&sim, i);
    return st;
}

static hkp_status say(uint32_t i, const uint8_t id[32], uint32_t verdict) {
    struct hkp_dsm_witness w = {
        .observed_s = wall_us(i) / 1000000, .verdict = verdict, .method = HKP_DSM_METHOD_SENSOR};
    memcpy(w.claim, id, 32);
    const hkp_status st = hkp_dsm_node_testify(sim.nodes[i].node, sim.now, wall_us(i), &w);
    sim_pump(&sim, i);
    return st;
}

static struct hkp_dsm_tally tally(uint32_t i, const uint8_t id[32]) {
    struct hkp_dsm_tally t = {.state = 99};
    CHECK_EQ(hkp_dsm_node_tally(sim.nodes[i].node, id, &t), HKP_OK);
    return t;
}

static void expect_all(const uint8_t id[32], uint32_t state, uint32_t confirms, uint32_t refutes,
                       uint32_t witnesses) {
    for (uint32_t i = 0; i < ALL; i++) {
        const struct hkp_dsm_tally t = tally(i, id);
        CHECK_EQ(t.state, state);
        CHECK_EQ(t.confirms, confirms);
        CHECK_EQ(t.refutes, refutes);
        CHECK_EQ(t.witnesses, witnesses);
    }
}

static hkp_status find_nobody(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    (void)user;
    (void)node_id;
    (void)out;
    return HKP_E_NOTFOUND;
}

static uint64_t revoked_nobody(void *user, const uint8_t node_id[16]) {
    (void)user;
    (void)node_id;
    return 0;
}

/* As somebody who was not there and knows only the genesis. */
static uint32_t proven_by(uint32_t i, const uint8_t id[32]) {
    static uint8_t proof[HKP_DSM_WITNESS_PROOF_MAX];
    const struct hkp_dsm_officers officers = {.sets = &genesis.ca_set, .n_sets = 1};
    const struct hkp_dsm_directory nobody = {.find = find_nobody, .revoked = revoked_nobody};
    struct hkp_dsm_claim c;
    struct hkp_dsm_tally t = {.state = 99};
    size_t len = 0;
    CHECK_EQ(hkp_dsm_node_claim_proof(sim.nodes[i].node, id, proof, sizeof proof, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_witness_proof_verify(proof, len, genesis.chain_id, &officers, &nobody,
                                          wall_us(i) / 1000000, &c, &t),
             HKP_OK);
    CHECK(memcmp(t.claim, id, 32) == 0);
    return t.state;
}

static void lies_of_one_group_confirm_nothing(void) {
    uint8_t id[32];
    begin(1);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = LIAR; i < LIAR + LIARS; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    CHECK_EQ(say(FRIEND, id, CONFIRM), HKP_E_DSM_TARGET);
    CHECK_EQ(say(CLAIMANT, id, CONFIRM), HKP_E_DSM_TARGET);
    CHECK_EQ(say(PLAIN, id, CONFIRM), HKP_E_DSM_ROLE);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_PENDING, 1, 0, LIARS);
    CHECK_EQ(proven_by(LIAR, id), HKP_DSM_CLAIM_PENDING);
    sim_run(&sim, (LIFE_S + 1) * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_EXPIRED, 1, 0, LIARS);
    CHECK_EQ(say(FREE, id, CONFIRM), HKP_E_DSM_EXPIRED);
    for (uint32_t i = 0; i < ALL; i++) {
        CHECK_EQ(told[i][HKP_DSM_CLAIM_CONFIRMED], 0);
        CHECK_EQ(told[i][HKP_DSM_CLAIM_EXPIRED], 1);
    }
    end();
}

static void independent_groups_confirm_and_anybody_can_check(void) {
    uint8_t id[32];
    begin(2);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) {
        for (uint32_t k = 0; k < ALL; k++) CHECK_EQ(tally(k, id).state, HKP_DSM_CLAIM_PENDING);
        CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
        CHECK_EQ(say(i, id, REFUTE), HKP_E_DSM_DUPLICATE);
        sim_run(&sim, 5 * SIM_S);
    }
    expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES, 0, FREES);
    for (uint32_t i = 0; i < ALL; i++) {
        CHECK_EQ(claims_told[i], 1);
        CHECK_EQ(told[i][HKP_DSM_CLAIM_CONFIRMED], 1);
        CHECK_EQ(proven_by(i, id), HKP_DSM_CLAIM_CONFIRMED);
    }
    end();
}

static void liars_cannot_keep_a_false_claim_from_being_refuted(void) {
    uint8_t id[32];
    begin(3);
    CHECK_EQ(claim(LIAR, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(say(CLAIMANT, id, CONFIRM), HKP_OK); /* another group that lies with them */
    CHECK_EQ(say(FRIEND, id, CONFIRM), HKP_OK);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, REFUTE), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_REFUTED, 1, FREES, FREES + 2);
    CHECK_EQ(proven_by(0, id), HKP_DSM_CLAIM_REFUTED);
    end();
}

static void what_was_lost_comes_all_the_same(void) {
    uint8_t id[32];
    for (uint64_t seed = 0; seed < 3; seed++) {
        begin(check_seed() + seed);
        sim_crash(&sim, FREE);
        sim_link(&sim, LIAR, LIAR + 1, 0); /* what is sent there is lost */
        CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
        sim_run(&sim, 5 * SIM_S);
        sim_start(&sim, FREE); /* it joins what stands behind it, too */
        sim_link(&sim, LIAR, LIAR + 1, 1);
        sim_run(&sim, 40 * SIM_S);
        sim_link(&sim, LIAR + 1, LIAR + 2, 0);
        for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
        CHECK_EQ(say(LIAR, id, CONFIRM), HKP_OK);
        sim_run(&sim, 5 * SIM_S);
        CHECK_EQ(tally(0, id).witnesses, 1);
        sim_link(&sim, LIAR + 1, LIAR + 2, 1);
        sim_run(&sim, 40 * SIM_S);
        expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES + 1, 0, FREES + 1);
        sim_crash(&sim, 1); /* of what it had heard it remembers nothing */
        sim_start(&sim, 1);
        sim_run(&sim, 10 * SIM_S);
        expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES + 1, 0, FREES + 1);
        end();
    }
}

/* One node pushes an envelope that its own software would never send. */
static void push(uint32_t from, uint32_t to, uint32_t kind, uint32_t signer, const uint8_t *body, size_t len,
                 uint32_t secret) {
    uint8_t envelope[1024], msg[2048];
    struct hkp_dsm_view view = {.ptr = envelope};
    struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
    CHECK_EQ(hkp_dsm_envelope_sign(genesis.chain_id, kind, sim.mesh.node_id[signer], sim.mesh.secret[secret],
                                   body, len, envelope, sizeof envelope, &view.len),
             HKP_OK);
    hkp_dsm__put_push(&w, 3, 0, HKP_DSM__FORM_ENVELOPE, &view, NULL);
    CHECK_EQ(w.status, HKP_OK);
    sim_send(&sim, from, to, 3, msg, w.len);
}

static void push_witness(uint32_t from, uint32_t to, uint32_t signer, uint32_t secret, const uint8_t id[32],
                         uint32_t verdict) {
    struct hkp_dsm_witness w = {
        .observed_s = wall_us(from) / 1000000, .verdict = verdict, .method = HKP_DSM_METHOD_SENSOR};
    uint8_t body[HKP_DSM_WITNESS_MAX];
    size_t len = 0;
    memcpy(w.claim, id, 32);
    CHECK_EQ(hkp_dsm_witness_build(&w, body, sizeof body, &len), HKP_OK);
    push(from, to, HKP_DSM_KIND_WITNESS, signer, body, len, secret);
}

static void a_hostile_peer_speaks_for_nobody(void) {
    uint8_t id[32];
    begin(5);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    push_witness(LIAR, LIAR - 1, FREE, LIAR, id, CONFIRM);     /* signed by somebody else */
    push_witness(PLAIN, PLAIN - 1, PLAIN, PLAIN, id, CONFIRM); /* without the role */
    push_witness(FRIEND, PLAIN, FRIEND, FRIEND, id, CONFIRM);  /* of the claimant's group */
    sim_run(&sim, 3 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_PENDING, 0, 0, 0);
    end();
}

static void a_witness_that_says_two_things_is_void_everywhere(void) {
    uint8_t id[32];
    begin(6);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES, 0, FREES);
    push_witness(FREE, FREE - 1, FREE, FREE, id, REFUTE);
    sim_run(&sim, 20 * SIM_S); /* also to those behind it */
    expect_all(id, HKP_DSM_CLAIM_PENDING, FREES - 1, 0, FREES);
    for (uint32_t i = 0; i < ALL; i++) {
        CHECK_EQ(tally(i, id).voided, 1);
        CHECK_EQ(told[i][HKP_DSM_CLAIM_PENDING], 1); /* it stands otherwise again, and that is told */
        CHECK_EQ(proven_by(i, id), HKP_DSM_CLAIM_PENDING);
    }
    end();
}

static void a_revoked_witness_counts_no_more(void) {
    uint8_t id[32], body[1024], multi[2048], signature[64];
    size_t len = 0;
    begin(7);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    struct hkp_dsm_revocation e = {.serial = UINT64_MAX, .reason = HKP_DSM_REVOKED_KEY_COMPROMISE};
    struct hkp_dsm_revocations list = {.number = 1, .n_entries = 1};
    memcpy(e.node_id, sim.mesh.node_id[FREE], 16);
    list.this_update_s = wall_us(0) / 1000000;
    list.next_update_s = list.this_update_s + 86400;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_REVOCATION_LIST, .ca_version = 1, .n_signatures = 1};
    CHECK_EQ(hkp_dsm_revocations_build(&list, &e, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_REVOCATION_LIST, 1,
                                sim.mesh.officer, body, m.body.len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, sizeof multi, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[2].node, sim.now, wall_us(2), multi, len), HKP_OK);
    sim_pump(&sim, 2);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_PENDING, FREES - 1, 0, FREES);
    end();
}

static void a_group_opens_no_more_claims_than_its_share(void) {
    uint8_t id[32], other[32];
    begin(8);
    for (uint32_t k = 0; k < HKP_DSM_CLAIMS_OF_GROUP; k++)
        CHECK_EQ(claim(LIAR + k % LIARS, (uint8_t)k, id), HKP_OK);
    CHECK_EQ(claim(LIAR, 200, other), HKP_OK); /* of the other ones not all have come here yet */
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(claim(LIAR, 201, other), HKP_E_LIMIT);
    for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(claims_told[i], HKP_DSM_CLAIMS_OF_GROUP);
    CHECK_EQ(claim(FREE, 1, id), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(tally(i, id).state, HKP_DSM_CLAIM_PENDING);
    sim_run(&sim, (LIFE_S + 1) * SIM_S);
    CHECK_EQ(claim(LIAR, 202, other), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < ALL; i++) {
        CHECK_EQ(tally(i, other).state, HKP_DSM_CLAIM_PENDING);
        CHECK(sim.nodes[i].node->testimony.bytes <= sim.nodes[i].node->pool.units / 8 * POOL_UNIT);
    }
    end();
}

int main(void) {
    CASE(lies_of_one_group_confirm_nothing);
    CASE(independent_groups_confirm_and_anybody_can_check);
    CASE(liars_cannot_keep_a_false_claim_from_being_refuted);
    CASE(what_was_lost_comes_all_the_same);
    CASE(a_hostile_peer_speaks_for_nobody);
    CASE(a_witness_that_says_two_things_is_void_everywhere);
    CASE(a_revoked_witness_counts_no_more);
    CASE(a_group_opens_no_more_claims_than_its_share);
    return check_done();
}
