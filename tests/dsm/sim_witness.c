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

static uint64_t revoked_there(void *user, const uint8_t node_id[16]) {
    return hkp_dsm_node_revoked(user, node_id);
}

/* As somebody who was not there and knows only the genesis, and who is revoked. */
static uint32_t proven_by(uint32_t i, const uint8_t id[32]) {
    static uint8_t proof[HKP_DSM_WITNESS_PROOF_MAX];
    const struct hkp_dsm_officers officers = {.sets = &genesis.ca_set, .n_sets = 1};
    const struct hkp_dsm_directory nobody = {
        .user = sim.nodes[i].node, .find = find_nobody, .revoked = revoked_there};
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

/* Signed by the officer, as everything of this mesh. */
static size_t of_officer(uint32_t kind, const uint8_t *body, size_t len, uint8_t *multi, size_t cap) {
    uint8_t signature[64];
    size_t multi_len = 0;
    struct hkp_dsm_multi m = {
        .kind = kind, .ca_version = 1, .n_signatures = 1, .body = {body, len}, .signature = {signature}};
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, kind, 1, sim.mesh.officer, body, len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &multi_len), HKP_OK);
    return multi_len;
}

static void revoke(uint32_t who) {
    uint8_t body[1024], multi[2048];
    size_t len = 0;
    struct hkp_dsm_revocation e = {.serial = UINT64_MAX, .reason = HKP_DSM_REVOKED_KEY_COMPROMISE};
    struct hkp_dsm_revocations list = {.number = 1, .n_entries = 1};
    memcpy(e.node_id, sim.mesh.node_id[who], 16);
    list.this_update_s = wall_us(0) / 1000000;
    list.next_update_s = list.this_update_s + 86400;
    CHECK_EQ(hkp_dsm_revocations_build(&list, &e, body, sizeof body, &len), HKP_OK);
    len = of_officer(HKP_DSM_KIND_REVOCATION_LIST, body, len, multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[2].node, sim.now, wall_us(2), multi, len), HKP_OK);
    sim_pump(&sim, 2);
    sim_run(&sim, 5 * SIM_S);
}

static void a_revoked_witness_counts_no_more(void) {
    uint8_t id[32];
    begin(7);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    revoke(FREE);
    expect_all(id, HKP_DSM_CLAIM_PENDING, FREES - 1, 0, FREES);
    end();
}

/* Who is revoked when the claim is over counts there as before; a proof made later does without. */
static void a_proof_does_without_who_was_revoked_later(void) {
    uint8_t id[32], proof[64];
    size_t len = 0;
    begin(9);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    CHECK_EQ(say(LIAR, id, CONFIRM), HKP_OK);
    sim_run(&sim, (LIFE_S + 5) * SIM_S);
    revoke(LIAR);
    expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES + 1, 0, FREES + 1);
    for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(proven_by(i, id), HKP_DSM_CLAIM_CONFIRMED);
    end();
    begin(10);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(say(FREE, id, CONFIRM), HKP_OK);
    revoke(CLAIMANT);
    CHECK_EQ(hkp_dsm_node_claim_proof(sim.nodes[2].node, id, proof, sizeof proof, &len), HKP_E_NOTFOUND);
    end();
}

/* It had the role when it spoke: the certificate of then is the one that shows it. */
static void a_proof_with_the_certificate_that_had_the_role(void) {
    uint8_t id[32], body[HKP_DSM_CERTIFICATE_BODY_MAX], multi[2048];
    struct hkp_dsm_certificate c;
    uint32_t kind = 0;
    size_t len = 0;
    begin(11);
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    for (uint32_t i = FREE; i < FREE + FREES; i++) CHECK_EQ(say(i, id, CONFIRM), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(hkp_dsm_certificate_parse(sim.mesh.certificate[FREE], sim.mesh.certificate_len[FREE], &c),
             HKP_OK);
    c.serial++;
    c.roles = HKP_DSM_ROLE_EDGE;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &len), HKP_OK);
    len = of_officer(HKP_DSM_KIND_CERTIFICATE, body, len, multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_give(sim.nodes[2].node, sim.now, wall_us(2), multi, len, &kind), HKP_OK);
    sim_pump(&sim, 2);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_CONFIRMED, FREES, 0, FREES);
    for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(proven_by(i, id), HKP_DSM_CLAIM_CONFIRMED);
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

static size_t share(uint32_t i) { return sim.nodes[i].node->pool.units / 8 * POOL_UNIT; }

/* Every node keeps of this group no more than a sixteenth of its share, what is over counted in. */
static void expect_share(uint32_t group) {
    const struct hkp_dsm__open_claim *c;
    for (uint32_t i = 0; i < ALL; i++) {
        const struct hkp_dsm__testimony *t = &sim.nodes[i].node->testimony;
        size_t bytes = 0;
        for (uint32_t k = 0; (c = hkp_dsm__claim_table_at(t->table, k)) != NULL; k++)
            if (c->group == group) bytes += t->files[k].bytes;
        CHECK(bytes <= share(i) / 16);
    }
}

/* Claims of one group and everybody's word about each; how many found no room. */
static uint32_t claim_and_say(uint32_t first, uint32_t count, uint8_t (*id)[32]) {
    uint32_t refused = 0;
    for (uint32_t k = first; k < first + count; k++) refused += claim(CLAIMANT, (uint8_t)k, id[k]) != HKP_OK;
    sim_run(&sim, 10 * SIM_S);
    for (uint32_t k = first; k < first + count; k++)
        for (uint32_t i = LIAR; i < FREE + FREES; i++) refused += say(i, id[k], CONFIRM) != HKP_OK;
    sim_run(&sim, 10 * SIM_S);
    expect_share(10);
    return refused;
}

/* dsm.md 13: first what is over goes, then it is refused; and no group takes the room of another. */
static void what_is_over_gives_its_room_back(void) {
    static uint8_t id[256][32];
    uint8_t other[32], body[HKP_DSM_CLAIM_MAX], text[HKP_DSM_STATEMENT_MAX];
    size_t len = 0;
    uint32_t at = 0;
    begin(12);
    sim.loss = 0;
    while (claim_and_say(at, 8, id) == 0 && at < HKP_DSM_CLAIMS_OF_GROUP) at += 8;
    CHECK(at + 8 < HKP_DSM_CLAIMS_OF_GROUP); /* it is not their number */
    CHECK_EQ(claim(CLAIMANT, 255, other), HKP_E_LIMIT);
    CHECK_EQ(claim(FREE, 255, other), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = LIAR; i < LIAR + LIARS; i++) CHECK_EQ(say(i, other, CONFIRM), HKP_OK);

    sim_run(&sim, LIFE_S * SIM_S);
    struct hkp_dsm_claim c = {.type = HKP_DSM_CLAIM_FREE, .k = 2, .created_s = wall_us(FRIEND) / 1000000};
    memset(text, 'x', sizeof text);
    c.statement = (struct hkp_dsm_view){text, sizeof text};
    c.expires_s = c.created_s + LIFE_S;
    CHECK_EQ(hkp_dsm_claim_build(&c, body, sizeof body, &len), HKP_OK);
    const struct hkp_dsm__testimony *t = &sim.nodes[PLAIN].node->testimony;
    const size_t bytes = t->bytes;
    push(FRIEND, PLAIN, HKP_DSM_KIND_CLAIM, CLAIMANT, body, len, FRIEND); /* signed by somebody else */
    sim_run(&sim, SIM_S);
    CHECK_EQ(t->bytes, bytes); /* nothing went for it */

    at += 8;
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(claim_and_say(at + 8 * i, 8, id), 0);
    for (uint32_t i = 0; i < FRIEND; i++) CHECK_EQ(tally(i, id[at]).state, HKP_DSM_CLAIM_CONFIRMED);
    end();
}

/* Room for what is said comes with the first statement that is true, and with none when it is over. */
static void statements_that_are_refused_take_no_room(void) {
    uint8_t id[32];
    begin(13);
    sim.loss = 0;
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    const struct hkp_dsm__testimony *t = &sim.nodes[PLAIN].node->testimony;
    const size_t bytes = t->bytes, used = sim.nodes[PLAIN].node->pool.used;
    for (uint32_t i = 0; i < 256; i++) CHECK_EQ(say(PLAIN, id, CONFIRM), HKP_E_DSM_ROLE);
    CHECK(sim.nodes[PLAIN].node->pool.used < used + 128 * 1024 / POOL_UNIT);
    push_witness(FRIEND, PLAIN, FREE, FRIEND, id, CONFIRM);
    sim_run(&sim, LIFE_S * SIM_S);
    CHECK_EQ(tally(PLAIN, id).state, HKP_DSM_CLAIM_EXPIRED);
    push_witness(FREE + FREES - 1, PLAIN, FREE, FREE, id, CONFIRM);
    sim_run(&sim, SIM_S);
    CHECK_EQ(t->bytes, bytes);
    CHECK(t->files[0].said == NULL);
    end();
}

/* ---- what a node said before a start (decision 0624) ---- */

/* As soon as the claim is back. */
static hkp_status say_after_start(uint32_t i, const uint8_t id[32], uint32_t verdict) {
    hkp_status st = HKP_E_NOTFOUND;
    for (uint32_t k = 0; k < 10000 && st == HKP_E_NOTFOUND; k++) {
        sim_run(&sim, SIM_MS);
        st = say(i, id, verdict);
    }
    return st;
}

static uint32_t words_stored(uint32_t i) {
    uint32_t count = 0;
    for (size_t k = 0; k < sim.nodes[i].disk.count; k++) {
        const struct sim_row *r = &sim.nodes[i].disk.rows[k];
        count += r->row == HKP_DSM_ROW_META && r->key_len == 6 && memcmp(r->key, "said", 4) == 0;
    }
    return count;
}

static void a_witness_keeps_its_word_after_a_start(void) {
    uint8_t id[32], other[32];
    begin(14);
    sim.loss = 0;
    CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(say(FREE, id, CONFIRM), HKP_OK);
    CHECK_EQ(say(PLAIN, id, CONFIRM), HKP_E_DSM_ROLE);
    sim_run(&sim, 5 * SIM_S);
    expect_all(id, HKP_DSM_CLAIM_PENDING, 1, 0, 1);
    CHECK_EQ(words_stored(PLAIN), 0);
    for (uint32_t start = 0; start < 2; start++) {
        sim_crash(&sim, FREE);
        sim_start(&sim, FREE);
        CHECK_EQ(say_after_start(FREE, id, REFUTE), HKP_E_DSM_DUPLICATE);
        const hkp_status st = say_after_start(FREE, id, CONFIRM); /* others hear nothing new */
        CHECK(st == HKP_OK || st == HKP_E_DSM_DUPLICATE);
        sim_run(&sim, 20 * SIM_S);
        CHECK_EQ(say(FREE, id, REFUTE), HKP_E_DSM_DUPLICATE);
        expect_all(id, HKP_DSM_CLAIM_PENDING, 1, 0, 1);
        for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(tally(i, id).voided, 0);
    }
    CHECK_EQ(words_stored(FREE), 1);
    sim_run(&sim, LIFE_S * SIM_S);
    CHECK_EQ(claim(CLAIMANT, 2, other), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(say(FREE, other, CONFIRM), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(words_stored(FREE), 1); /* the other one was over */

    sim_run(&sim, 5 * SIM_S);
    sim_crash(&sim, FREE);
    sim_disk_wipe(&sim, FREE);
    sim_start(&sim, FREE);
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(say(FREE, other, REFUTE), HKP_E_DSM_DUPLICATE); /* others told it what it had said */
    end();
}

static void a_row_of_what_was_said_has_a_place(void) {
    const uint8_t nowhere[] = {'s', 'a', 'i', 'd', HKP_DSM_CLAIMS >> 8, HKP_DSM_CLAIMS & 255}, row[41] = {1};
    begin(15);
    sim_crash(&sim, FREE);
    sim_disk_put(&sim, FREE, HKP_DSM_ROW_META, nowhere, sizeof nowhere, row, sizeof row);
    sim.nodes[FREE].spoilt = 1;
    sim_start(&sim, FREE);
    CHECK_EQ(sim.nodes[FREE].damaged, 1);
    end();
}

/* With the power goes its word or the row that remembers it: never the row alone of a word that is out. */
static void what_a_witness_says_is_durable_before_it_leaves(void) {
    uint8_t id[32], proof[64];
    uint32_t kept = 0, lost = 0;
    size_t len = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        begin(20 + seed);
        sim.loss = 0;
        CHECK_EQ(claim(CLAIMANT, 1, id), HKP_OK);
        sim_run(&sim, SIM_S);
        const hkp_time disk_min = sim.disk_min, disk_max = sim.disk_max;
        sim.disk_min = sim.disk_max = 10 * SIM_S;
        CHECK_EQ(say(FREE, id, CONFIRM), HKP_OK);
        sim_run(&sim, 6 * SIM_S); /* announced three times meanwhile */
        CHECK_EQ(tally(FREE, id).confirms, 1);
        CHECK_EQ(hkp_dsm_node_claim_proof(sim.nodes[FREE].node, id, proof, sizeof proof, &len),
                 HKP_E_NOTFOUND);
        for (uint32_t i = 0; i < ALL; i++) CHECK_EQ(tally(i, id).witnesses, i == FREE);
        sim_crash(&sim, FREE);
        sim.disk_min = disk_min;
        sim.disk_max = disk_max;
        sim_start(&sim, FREE);
        const hkp_status st = say_after_start(FREE, id, REFUTE);
        if (st == HKP_E_DSM_DUPLICATE)
            CHECK_EQ(say_after_start(FREE, id, CONFIRM), HKP_OK);
        else
            CHECK_EQ(st, HKP_OK);
        kept += st != HKP_OK;
        lost += st == HKP_OK;
        sim_run(&sim, 20 * SIM_S);
        expect_all(id, HKP_DSM_CLAIM_PENDING, st != HKP_OK, st == HKP_OK, 1);
        end();
    }
    CHECK(kept > 0 && lost > 0);
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
    CASE(a_proof_does_without_who_was_revoked_later);
    CASE(a_proof_with_the_certificate_that_had_the_role);
    CASE(what_is_over_gives_its_room_back);
    CASE(statements_that_are_refused_take_no_room);
    CASE(a_witness_keeps_its_word_after_a_start);
    CASE(a_row_of_what_was_said_has_a_place);
    CASE(what_a_witness_says_is_durable_before_it_leaves);
    return check_done();
}
