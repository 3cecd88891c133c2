/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Revocation lists and sets of officers in running nodes: by gossip, in the chain, and what follows (D-CA).
 */
#include <hookprobe/dsm.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { DAY_S = 86400, MULTI_MAX = 2048 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;

static void begin(uint64_t seed) {
    sim_new(&sim, seed, 4, 0);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static uint64_t wall_us(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

/* An object of one officer. */
struct object {
    uint8_t bytes[MULTI_MAX], id[32];
    size_t len;
};

static void sign(struct object *o, uint32_t kind, uint64_t ca_version, const uint8_t officer[64],
                 const uint8_t *body, size_t len) {
    uint8_t signature[64], scratch[MULTI_MAX];
    struct hkp_dsm_multi m = {.kind = kind, .ca_version = ca_version, .n_signatures = 1, .body = {body, len}};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, kind, ca_version, officer, body, len, scratch,
                                sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, o->bytes, sizeof o->bytes, &o->len), HKP_OK);
    hkp_dsm_object_id(o->id, genesis.chain_id, kind, NULL, body, len);
}

/* Revokes the serials of one node up to this one. */
static void make_list(struct object *o, uint64_t number, const struct object *previous, uint32_t who,
                      uint64_t serial, uint64_t ca_version, const uint8_t officer[64]) {
    struct hkp_dsm_revocation e = {.serial = serial, .reason = HKP_DSM_REVOKED_POLICY};
    struct hkp_dsm_revocations list = {.number = number, .n_entries = serial > 0};
    uint8_t body[1024];
    size_t len = 0;
    memcpy(e.node_id, sim.mesh.node_id[who], 16);
    list.this_update_s = wall_us(0) / 1000000;
    list.next_update_s = list.this_update_s + DAY_S;
    if (previous != NULL) memcpy(list.previous, previous->id, 32);
    CHECK_EQ(hkp_dsm_revocations_build(&list, &e, body, sizeof body, &len), HKP_OK);
    sign(o, HKP_DSM_KIND_REVOCATION_LIST, ca_version, officer, body, len);
}

static void second_officer(uint8_t officer[64], struct object *set, uint64_t version, const uint8_t by[64]) {
    uint8_t seed[32] = {77}, body[HKP_DSM_CA_SET_BODY_MAX];
    struct hkp_dsm_ca_set s = {.version = version, .threshold = 1, .n_keys = 1};
    size_t len = 0;
    seed[1] = (uint8_t)version;
    crypto_sign_seed_keypair(s.keys[0], officer, seed);
    CHECK_EQ(hkp_dsm_ca_set_build(&s, body, sizeof body, &len), HKP_OK);
    sign(set, HKP_DSM_KIND_CA_SET, version - 1, by, body, len);
}

/* Keys of a thief. */
static void forge(struct object *set, uint64_t version, const uint8_t by[64]) {
    uint8_t thief[64], body[HKP_DSM_CA_SET_BODY_MAX];
    struct hkp_dsm_ca_set s = {.version = version, .threshold = 1, .n_keys = 1};
    size_t len = 0;
    crypto_sign_keypair(s.keys[0], thief);
    CHECK_EQ(hkp_dsm_ca_set_build(&s, body, sizeof body, &len), HKP_OK);
    sign(set, HKP_DSM_KIND_CA_SET, version - 1, by, body, len);
}

static hkp_status give(uint32_t i, const struct object *o, int set) {
    hkp_dsm_node *n = sim.nodes[i].node;
    uint32_t kind = 0;
    hkp_status st = hkp_dsm_node_give(n, sim.now, wall_us(i), o->bytes, o->len, &kind);
    CHECK_EQ(kind, set ? HKP_DSM_KIND_CA_SET : HKP_DSM_KIND_REVOCATION_LIST);
    sim_pump(&sim, i);
    return st;
}

static struct hkp_dsm_lists_status lists(uint32_t i) {
    struct hkp_dsm_lists_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_lists(sim.nodes[i].node, &s), HKP_OK);
    return s;
}

static void expect_all(uint64_t number, uint64_t ca_version) {
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(lists(i).number, number);
        CHECK_EQ(lists(i).chain_number, number);
        CHECK_EQ(lists(i).ca_version, ca_version);
        CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    }
    CHECK_EQ(sim.faults, 0);
}

static void a_list_reaches_all_and_the_chain(void) {
    struct object one, two;
    begin(1);
    CHECK_EQ(lists(0).freshness, HKP_DSM_LISTS_NONE);
    make_list(&one, 1, NULL, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(1, &one, 0), HKP_OK);
    CHECK_EQ(lists(1).number, 1);
    CHECK_EQ(lists(1).chain_number, 0);
    sim_run(&sim, 3 * SIM_S);
    expect_all(1, 1);
    struct hkp_dsm_view held;
    CHECK_EQ(hkp_dsm_node_held(sim.nodes[2].node, HKP_DSM_KIND_REVOCATION_LIST, NULL, &held), HKP_OK);
    CHECK_EQ(held.len, one.len);
    CHECK_MEM(held.ptr, one.bytes, one.len);
    CHECK_EQ(hkp_dsm_node_held(sim.nodes[2].node, HKP_DSM_KIND_CA_SET, NULL, &held), HKP_E_NOTFOUND);
    CHECK_EQ(lists(2).freshness, HKP_DSM_LISTS_FRESH);
    CHECK_EQ(lists(2).age_s, 3);
    uint64_t height = sim_status(&sim, 0).final_height, view = sim_status(&sim, 0).view;
    sim_run(&sim, 20 * SIM_S); /* then there is nothing more to do */
    CHECK_EQ(sim_status(&sim, 0).final_height, height);
    CHECK_EQ(sim_status(&sim, 0).view, view);
    CHECK_EQ(give(2, &one, 0), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[2].node, sim.now, wall_us(2), one.bytes, one.len),
             HKP_E_DSM_DUPLICATE); /* also when its id was forgotten */
    make_list(&two, 2, &one, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(2, &two, 0), HKP_OK);
    CHECK_EQ(give(2, &one, 0), HKP_E_DSM_DUPLICATE); /* by its id, seen lately */
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[2].node, sim.now, wall_us(2), one.bytes, one.len),
             HKP_E_DSM_STALE);
    two.bytes[two.len - 1] ^= 1;
    CHECK_EQ(give(3, &two, 0), HKP_E_DSM_SIG);
    sim_run(&sim, 3 * SIM_S);
    expect_all(2, 1);
    sim_free(&sim);
}

/* D-CERT-2: blocks of a revoked serial are final no more, and keep nobody busy. */
static void blocks_of_a_revoked_serial_are_not_made_final(void) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct object one;
        begin(100 + seed);
        CHECK(sim_submit(&sim, 3, "before") != 0);
        sim_run(&sim, 2 * SIM_S);
        make_list(&one, 1, NULL, 3, 1, 1, sim.mesh.officer);
        CHECK_EQ(give(0, &one, 0), HKP_OK);
        sim_run(&sim, seed * 40 * SIM_MS); /* around the moment in which the chain takes the list */
        sim_submit(&sim, 3, "too late, or just in time");
        sim_run(&sim, 3 * SIM_S);
        sim_submit(&sim, 3, "too late");
        CHECK(sim_submit(&sim, 1, "of somebody else") != 0);
        sim_run(&sim, 3 * SIM_S);
        expect_all(1, 1);
        CHECK_EQ(hkp_dsm_node_revoked(sim.nodes[2].node, sim.mesh.node_id[3]), 1);
        CHECK(sim.nodes[0].blocks_final == 2 || sim.nodes[0].blocks_final == 3);
        for (uint32_t i = 1; i < 4; i++) CHECK_EQ(sim.nodes[i].blocks_final, sim.nodes[0].blocks_final);
        uint64_t view = sim_status(&sim, 0).view;
        sim_run(&sim, 20 * SIM_S);
        CHECK_EQ(sim_status(&sim, 0).view, view);
        sim_free(&sim);
    }
}

/* Whatever of it was durable: the same list in the end, and no two opinions about the chain. */
static void lists_survive_crashes_at_every_write(void) {
    for (uint64_t write = 1; write <= 40; write += 1 + write / 8) {
        struct object one, two;
        begin(200 + write);
        make_list(&one, 1, NULL, 3, 0, 1, sim.mesh.officer);
        CHECK_EQ(give(0, &one, 0), HKP_OK);
        sim_run(&sim, 3 * SIM_S);
        sim.crash_node = (uint32_t)(write % 4);
        sim.crash_at_write = write;
        make_list(&two, 2, &one, 3, 1, 1, sim.mesh.officer);
        CHECK_EQ(give(0, &two, 0), HKP_OK);
        sim_run(&sim, SIM_S);
        sim.crash_at_write = 0;
        for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i);
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        CHECK(lists(1).number >= 1);
        if (lists(0).number < 2) CHECK_EQ(give(0, &two, 0), HKP_OK);
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        expect_all(2, 1);
        CHECK_NOTE(before, "crash at write %" PRIu64, write);
        sim_free(&sim);
    }
}

static void who_comes_later_is_told(void) {
    struct object one;
    begin(2);
    sim_crash(&sim, 3);
    make_list(&one, 1, NULL, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(0, &one, 0), HKP_OK);
    sim_run(&sim, SIM_S);
    sim.lost_ops = ~(1ULL << 8 | 1ULL << 9 | 1ULL << 10); /* not by the chain */
    sim_start(&sim, 3);
    CHECK_EQ(lists(3).number, 0);
    sim_run(&sim, SIM_S);
    CHECK_EQ(lists(3).number, 1);
    sim_free(&sim);
}

/* D-CA-9: officers that sign two lists of one number revoke what either of them revokes. */
static void two_lists_of_one_number_both_count(void) {
    struct object left, right, next;
    begin(3);
    make_list(&left, 1, NULL, 2, 1, 1, sim.mesh.officer);
    make_list(&right, 1, NULL, 3, 5, 1, sim.mesh.officer);
    CHECK_EQ(give(0, &left, 0), HKP_OK);
    CHECK_EQ(give(1, &right, 0), HKP_OK);
    sim_run(&sim, 4 * SIM_S);
    expect_all(1, 1);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(sim_status(&sim, i).evidence, 1); /* E6 (D-EVD-1), whoever saw both first */
        CHECK_EQ(sim_status(&sim, i).members, 4);
        CHECK_EQ(lists(i).rivals, 1);
        CHECK_EQ(hkp_dsm_node_revoked(sim.nodes[i].node, sim.mesh.node_id[2]), 1);
        CHECK_EQ(hkp_dsm_node_revoked(sim.nodes[i].node, sim.mesh.node_id[3]), 5);
        CHECK_EQ(hkp_dsm__revoked_at(sim.nodes[i].node, NULL, sim.mesh.node_id[3]), 5);
        CHECK_EQ(hkp_dsm__revoked_at(sim.nodes[i].node, NULL, sim.mesh.node_id[2]), 1);
    }
    make_list(&next, 2, &left, 2, 1, 1, sim.mesh.officer);
    CHECK_EQ(give(2, &next, 0), HKP_OK);
    sim_run(&sim, 4 * SIM_S);
    expect_all(2, 1);
    CHECK_EQ(lists(1).rivals, 0);
    CHECK_EQ(hkp_dsm__revoked_at(sim.nodes[1].node, NULL, sim.mesh.node_id[3]), 0);
    sim_free(&sim);
}

/* D-CA-7: what a list follows is asked for, also behind a number that was left out (D-CA-6). */
static void a_rival_of_the_list_held_is_asked_for(void) {
    for (uint64_t number = 2; number <= 3; number++) {
        struct object left, right, next;
        begin(30 + number);
        sim.lost_ops = ~(1ULL << 8 | 1ULL << 9 | 1ULL << 10); /* not by the chain */
        for (uint32_t i = 0; i < 3; i++) sim.links[i][3] = sim.links[3][i] = 0;
        make_list(&left, 1, NULL, 2, 1, 1, sim.mesh.officer);
        make_list(&right, 1, NULL, 3, 5, 1, sim.mesh.officer);
        CHECK_EQ(give(3, &left, 0), HKP_OK);
        CHECK_EQ(give(0, &right, 0), HKP_OK);
        sim_run(&sim, SIM_S);
        for (uint32_t i = 0; i < 3; i++) sim.links[i][3] = sim.links[3][i] = 1;
        sim_run(&sim, SIM_S);
        CHECK_EQ(hkp_dsm_node_revoked(sim.nodes[3].node, sim.mesh.node_id[3]), 0);
        make_list(&next, number, &right, 3, 5, 1, sim.mesh.officer);
        CHECK_EQ(give(3, &next, 0), HKP_OK);
        sim_run(&sim, 100 * SIM_MS);
        sim.lost_ops = 0;
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        expect_all(number, 1);
        for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).evidence, 1);
        CHECK_NOTE(before, "list %" PRIu64, number);
        sim_free(&sim);
    }
}

/* D-CA-6: of lists that follow each other some were never completed, perhaps all before the first. */
static void numbers_may_be_left_out(void) {
    struct object one, two;
    begin(35);
    make_list(&one, 7, NULL, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(1, &one, 0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(7, 1);
    make_list(&two, 1000, &one, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(2, &two, 0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(1000, 1);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).evidence, 0);
    sim_free(&sim);
}

/* D-CA-2: the next version counts by the chain, the old officers issue for a day more. */
static void new_officers_count_by_the_chain(void) {
    struct object set, stolen, list, later;
    uint8_t officer[64], thief[64];
    begin(4);
    second_officer(officer, &set, 2, sim.mesh.officer);
    make_list(&list, 1, NULL, 3, 0, 2, officer);
    CHECK_EQ(give(0, &list, 0), HKP_E_DSM_CA_VERSION);
    CHECK_EQ(give(0, &set, 1), HKP_OK);
    CHECK_EQ(lists(0).ca_version, 1);
    CHECK_EQ(lists(0).ca_waiting, 2);
    CHECK_EQ(give(0, &list, 0), HKP_E_DSM_CA_VERSION); /* not by gossip alone */
    sim_run(&sim, 3 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(lists(i).ca_version, 2);
    CHECK_EQ(give(0, &list, 0), HKP_OK);
    second_officer(thief, &stolen, 3, sim.mesh.officer);
    CHECK_EQ(give(1, &stolen, 1), HKP_E_DSM_SIG); /* signed by who was in office before */
    CHECK_EQ(give(1, &set, 1), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(hkp_dsm_node_officers(sim.nodes[1].node, sim.now, wall_us(1), set.bytes, set.len),
             HKP_E_DSM_STALE);
    sim_run(&sim, 3 * SIM_S);
    expect_all(1, 2);
    make_list(&later, 2, &list, 3, 0, 1, sim.mesh.officer); /* within a day of the change */
    CHECK_EQ(give(2, &later, 0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(2, 2);
    for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i);
    for (uint32_t i = 0; i < 4; i++) sim.nodes[i].clock_us = (int64_t)25 * 3600 * 1000000;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 3 * SIM_S);
    expect_all(2, 2);
    make_list(&list, 3, &later, 3, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(2, &list, 0), HKP_E_DSM_CA_VERSION);
    make_list(&list, 3, &later, 3, 0, 2, officer);
    CHECK_EQ(give(2, &list, 0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(3, 2);
    struct hkp_dsm_admission a = {.struct_size = sizeof a};
    CHECK_EQ(hkp_dsm_node_admit(sim.nodes[0].node, sim.mesh.certificate[1], sim.mesh.certificate_len[1], &a),
             HKP_OK); /* issued by the old officers while they were in office */
    sim_free(&sim);
}

/* D-CA-8 */
static void an_old_list_limits_new_sessions(void) {
    struct object one, two;
    begin(5);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, 9);
    make_list(&one, 1, NULL, 2, 1, 1, sim.mesh.officer);
    struct hkp_dsm_admission a = {.struct_size = sizeof a};
    const struct sim_mesh *m = &sim.mesh;
    hkp_dsm_node *n = sim.nodes[0].node;
    CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[4], m->certificate_len[4], &a), HKP_OK);
    CHECK_EQ(a.limited, 0);
    CHECK_EQ(give(0, &one, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[4], m->certificate_len[4], &a), HKP_OK);
    CHECK_EQ(a.limited, 0);
    CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[2], m->certificate_len[2], &a), HKP_OK);
    CHECK_EQ(a.lanes, HKP_DSM_LANES_SAFETY); /* revoked, but it has a seat, and so have we */
    CHECK_EQ(a.roles, 0);
    make_list(&two, 2, &one, 4, 1, 1, sim.mesh.officer);
    CHECK_EQ(give(0, &two, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[4], m->certificate_len[4], &a), HKP_E_DSM_REVOKED);
    make_list(&one, 3, &two, 4, 0, 1, sim.mesh.officer);
    CHECK_EQ(give(0, &one, 0), HKP_OK);
    static const struct {
        int64_t after_s;
        uint32_t freshness, roles, lanes;
    } want[] = {
        {DAY_S - 60, HKP_DSM_LISTS_FRESH, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_WITNESS, HKP_DSM_LANES_ALL},
        {DAY_S + 60, HKP_DSM_LISTS_OLD, HKP_DSM_ROLE_EDGE, HKP_DSM_LANES_ALL},
        {7 * DAY_S - 60, HKP_DSM_LISTS_OLD, HKP_DSM_ROLE_EDGE, HKP_DSM_LANES_ALL},
        {7 * DAY_S + 60, HKP_DSM_LISTS_LOST, HKP_DSM_ROLE_EDGE, 2},
        {40 * DAY_S, HKP_DSM_LISTS_LOST, HKP_DSM_ROLE_EDGE, 2}}; /* the certificate is over, too */
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        sim.nodes[0].clock_us = want[k].after_s * 1000000;
        CHECK_EQ(hkp_dsm_tick(n, sim.now, wall_us(0)), HKP_OK);
        CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[4], m->certificate_len[4], &a), HKP_OK);
        CHECK_EQ(a.freshness, want[k].freshness);
        CHECK_EQ(a.roles, want[k].roles);
        CHECK_EQ(a.lanes, want[k].lanes);
        CHECK_EQ(hkp_dsm_node_admit(n, m->certificate[1], m->certificate_len[1], &a), HKP_OK);
        CHECK_EQ(a.lanes & HKP_DSM_LANES_SAFETY, HKP_DSM_LANES_SAFETY);
    }
    sim_free(&sim);
}

/* D-CERT-5: a clock that began anew makes no certificate valid again. */
static void without_a_clock_it_is_no_earlier_than_the_build(void) {
    struct hkp_dsm_admission a = {.struct_size = sizeof a};
    static const struct {
        int64_t built_after_s;
        int32_t synchronised;
        hkp_status want;
    } cases[] = {{-DAY_S, 0, HKP_OK}, /* the chain has begun, so it is not 1970 */
                 {29 * DAY_S, 0, HKP_OK},
                 {40 * DAY_S, 0, HKP_E_DSM_EXPIRED},
                 {40 * DAY_S, 1, HKP_E_DSM_NOT_YET}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        sim_new(&sim, check_seed(), 4, 1);
        sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE, 9);
        sim.strangers = 1; /* it takes no certificate before its clock is what it is */
        sim.build_s = sim.mesh.time_s + (uint64_t)cases[k].built_after_s;
        sim.nodes[0].clock_us = -(int64_t)sim.mesh.time_s * 1000000;
        sim_start(&sim, 0);
        hkp_dsm_clock_state(sim.nodes[0].node, cases[k].synchronised);
        CHECK_EQ(
            hkp_dsm_node_admit(sim.nodes[0].node, sim.mesh.certificate[4], sim.mesh.certificate_len[4], &a),
            cases[k].want);
        sim_free(&sim);
    }
}

/* An hour passes for all: the next checkpoint is a boundary (D-EPO-1). */
static void next_epoch(uint32_t authors) { CHECK(sim_next_epoch(&sim, authors)); }

/* Three sets after each other, of which node 3 saw none; then a list of the third. */
static void change_officers_thrice(uint8_t officer[3][64], struct object sets[3], struct object *list) {
    for (uint32_t k = 0; k < 3; k++) {
        next_epoch(3);
        second_officer(officer[k], &sets[k], 2 + k, k == 0 ? sim.mesh.officer : officer[k - 1]);
        CHECK_EQ(give(0, &sets[k], 1), HKP_OK);
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(lists(1).ca_version, 2 + k);
    }
    next_epoch(3);
    make_list(list, 1, NULL, 3, 0, 4, officer[2]);
    CHECK_EQ(give(0, list, 0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
}

/* A true proof, of another set than the one that node 3 asks about. */
static hkp_status proof_of_another(const struct object *set) {
    static uint8_t msg[SIM_PROOF + 64];
    struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
    const struct hkp_dsm_view multi = {set->bytes, set->len};
    uint8_t op[MULTI_MAX], leaf[32];
    uint64_t ticket;
    size_t len = 0;
    CHECK_EQ(hkp_dsm__op_build(HKP_DSM__OP_CA_SET, &multi, NULL, op, sizeof op, &len), HKP_OK);
    hkp_dsm__merkle_leaf(leaf, op, len);
    const struct office_claim *c = sim.nodes[3].node->lists.claims;
    while (!c->used) c++;
    CHECK_EQ(hkp_dsm_prove_op(sim.nodes[0].node, sim.now, leaf, c->from, &ticket), HKP_OK);
    sim_pump(&sim, 0);
    CHECK_EQ(sim.nodes[0].proof_status, HKP_OK);
    const struct hkp_dsm_view proof = {sim.nodes[0].proof, sim.nodes[0].proof_len};
    hkp_dsm__put_proof(&w, c->nonce, 0, &proof);
    hkp_status st =
        hkp_dsm_recv(sim.nodes[3].node, sim.now, wall_us(3), sim.mesh.node_id[0], 4, w.out, w.len);
    sim_pump(&sim, 3);
    return st;
}

/* D-CA-2 with D-SYN-2: who was away for epochs in which the officers changed, a few times, learns all of them
 * by proofs of the ops. Old keys show it nothing. */
static void officers_that_changed_meanwhile_are_proven(void) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct object sets[3], list, forged;
        uint8_t officer[3][64], thief[64];
        int before = check_faults;
        begin(check_seed() * 50 + seed);
        sim_crash(&sim, 3);
        change_officers_thrice(officer, sets, &list);
        forge(&forged, 2, sim.mesh.officer); /* by who left long ago */
        if (seed == 1) sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_PROOF;
        if (seed == 2) sim.loss = 200;
        sim_start(&sim, 3);
        sim_run(&sim, 20 * SIM_S);
        sim.loss = 0;
        sim_run(&sim, seed == 2 ? 1300 * SIM_S : 10 * SIM_S); /* told again every 10 min */
        if (seed == 1) {
            CHECK_EQ(lists(3).ca_version, 1);
            CHECK_EQ(give(3, &forged, 1), HKP_OK); /* it can be asked for only */
            sim_run(&sim, 10 * SIM_S);
            CHECK_EQ(proof_of_another(&sets[0]), HKP_E_DSM_PROOF);
            CHECK_EQ(lists(3).ca_version, 1);
            CHECK_EQ(lists(3).ca_waiting, 0);
            CHECK_EQ(give(3, &sets[2], 1), HKP_E_DSM_CA_VERSION); /* kept */
            sim.lost_ops = 0;
            CHECK_EQ(give(3, &sets[0], 1), HKP_OK);
            sim_run(&sim, 10 * SIM_S);
            CHECK_EQ(lists(3).ca_version, 2);
            CHECK_EQ(give(3, &sets[1], 1), HKP_OK);
            sim_run(&sim, 10 * SIM_S);
        }
        CHECK_EQ(sim_status(&sim, 3).epoch, sim_status(&sim, 0).epoch);
        CHECK_EQ(lists(3).ca_version, 4);
        if (seed < 2) CHECK_EQ(sim.nodes[3].node->lists.jumped, 1);
        CHECK_EQ(lists(3).number, 1); /* of the newest officers */
        sim_crash(&sim, 3);           /* and knows it after a start */
        sim_start(&sim, 3);
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(lists(3).ca_version, 4);
        second_officer(thief, &forged, 5,
                       officer[2]); /* who saw them all and who did not agree on the next */
        CHECK_EQ(give(0, &forged, 1), HKP_OK);
        sim_run(&sim, 10 * SIM_S);
        for (uint32_t i = 0; i < 4; i++) CHECK_EQ(lists(i).ca_version, 5);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        sim_free(&sim);
    }
}

static int has_meta(uint32_t i, const char *key) {
    const struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t r = 0; r < d->count; r++)
        if (d->rows[r].row == HKP_DSM_ROW_META && d->rows[r].key_len == strlen(key) &&
            memcmp(d->rows[r].key, key, strlen(key)) == 0)
            return 1;
    return 0;
}

/* D-CA-2: a set in office waits no more, also where a store still says so. */
static void officers_go_on_after_a_restart_of_all(void) {
    static const char key[] = "officers next";
    struct object two, three;
    struct hkp_dsm_view held;
    uint8_t officer[2][64], op[MULTI_MAX];
    size_t len = 0;
    begin(6);
    second_officer(officer[0], &two, 2, sim.mesh.officer);
    second_officer(officer[1], &three, 3, officer[0]);
    CHECK_EQ(give(0, &two, 1), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_all(0, 2);
    for (uint32_t i = 0; i < 4; i++) {
        sim_crash(&sim, i);
        CHECK_EQ(has_meta(i, key), 0);
    }
    const struct hkp_dsm_view multi = {two.bytes, two.len};
    CHECK_EQ(hkp_dsm__op_build(HKP_DSM__OP_CA_SET, &multi, NULL, op, sizeof op, &len), HKP_OK);
    for (uint32_t i = 0; i < 2; i++)
        sim_disk_put(&sim, i, HKP_DSM_ROW_META, (const uint8_t *)key, sizeof key - 1, op, len);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(lists(i).ca_waiting, 0);
        CHECK_EQ(hkp_dsm_node_held(sim.nodes[i].node, HKP_DSM_KIND_CA_SET, NULL, &held), HKP_E_NOTFOUND);
    }
    CHECK_EQ(give(1, &three, 1), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_all(0, 3);
    sim_free(&sim);
}

/* It is kept until its turn, and its id is not remembered as that of a right one. */
static void officers_that_come_too_early_wait_for_their_turn(void) {
    struct object set[4];
    uint8_t officer[4][64];
    begin(7);
    for (uint32_t k = 0; k < 4; k++)
        second_officer(officer[k], &set[k], 2 + k, k == 0 ? sim.mesh.officer : officer[k - 1]);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(give(i, &set[2], 1), HKP_E_DSM_GAP);
        CHECK_EQ(give(i, &set[1], 1), HKP_E_DSM_GAP);
        CHECK_EQ(give(i, &set[1], 1), HKP_E_DSM_GAP);
    }
    CHECK_EQ(lists(0).ca_waiting, 0);
    CHECK_EQ(give(0, &set[0], 1), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    expect_all(0, 4);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(give(i, &set[0], 1), HKP_E_DSM_DUPLICATE);
    set[3].bytes[set[3].len - 1] ^= 1;
    CHECK_EQ(give(1, &set[3], 1), HKP_E_DSM_SIG);
    set[3].bytes[set[3].len - 1] ^= 1;
    CHECK_EQ(give(1, &set[3], 1), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(0, 5);
    sim_free(&sim);
}

/* The versions that nodes remember, and some; away: how many members see them come into office. */
enum { MANY = 19 };

static void change_officers_often(uint32_t present, uint8_t officer[MANY][64], struct object set[MANY]) {
    for (uint32_t k = 0; k < MANY; k++) {
        if (present < 4 && k % 6 == 0) next_epoch(present);
        second_officer(officer[k], &set[k], 2 + k, k == 0 ? sim.mesh.officer : officer[k - 1]);
        CHECK_EQ(give(0, &set[k], 1), HKP_OK);
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(lists(1).ca_version, 2 + k);
    }
}

static void remembers_the_newest(uint32_t i, uint64_t version) {
    const struct officers_state *o = &sim.nodes[i].node->lists.officers;
    CHECK_EQ(lists(i).ca_version, version);
    CHECK_EQ(o->n_sets, CA_SETS_MAX);
    for (uint32_t k = 0; k < o->n_sets; k++) CHECK_EQ(o->sets[k].version, version + 1 - o->n_sets + k);
}

/* Decision 0620: the first sets are forgotten, and a start takes the others as they are. */
static void officers_that_changed_often_survive_a_restart(void) {
    static struct object set[MANY], forged, next;
    static uint8_t officer[MANY][64], thief[64];
    begin(8);
    sim.strangers = 1; /* their certificates are of officers that are forgotten */
    change_officers_often(4, officer, set);
    for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    for (uint32_t i = 0; i < 4; i++) remembers_the_newest(i, MANY + 1);
    forge(&forged, 2, sim.mesh.officer);
    CHECK_EQ(give(0, &forged, 1), HKP_E_DSM_STALE); /* by who left long ago */
    second_officer(thief, &next, MANY + 2, officer[MANY - 1]);
    CHECK_EQ(give(1, &next, 1), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_all(0, MANY + 2);
    sim_free(&sim);
}

/* Peer 0 pushes it to node 3. */
static hkp_status pushed(const struct object *o) {
    static uint8_t msg[MULTI_MAX + 64];
    struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
    const struct hkp_dsm_view multi = {o->bytes, o->len};
    hkp_dsm__put_push(&w, 1, 0, HKP_DSM__FORM_MULTI, &multi, NULL);
    hkp_status st =
        hkp_dsm_recv(sim.nodes[3].node, sim.now, wall_us(3), sim.mesh.node_id[0], 1, w.out, w.len);
    sim_pump(&sim, 3);
    return st;
}

/* Decision 0621: nobody tells the first sets any more. A proof does without them; without a proof nothing
 * does, and who tells what nobody can prove keeps nobody else from its turn. */
static void officers_that_changed_often_meanwhile_are_proven(void) {
    static struct object set[MANY], forged;
    static uint8_t officer[MANY][64];
    begin(9);
    sim.strangers = 1;
    sim_crash(&sim, 3);
    change_officers_often(3, officer, set);
    next_epoch(3);
    forge(&forged, 3, sim.mesh.officer);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PROOF;
    sim_start(&sim, 3);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(pushed(&forged), HKP_E_DSM_CA_VERSION);
    sim_run(&sim, 60 * SIM_S);
    CHECK_EQ(sim_status(&sim, 3).epoch, sim_status(&sim, 0).epoch);
    CHECK_EQ(lists(3).ca_version, 1);
    CHECK_EQ(lists(3).ca_waiting, 0);
    sim.lost_ops = 0;
    for (hkp_time end = sim.now + 1300 * SIM_S; sim.now < end;) { /* told again every 10 min */
        CHECK(pushed(&forged) != HKP_OK);
        sim_run(&sim, 5 * SIM_S);
    }
    remembers_the_newest(3, MANY + 1);
    sim_crash(&sim, 3);
    sim_start(&sim, 3);
    sim_run(&sim, 3 * SIM_S);
    remembers_the_newest(3, MANY + 1);
    expect_all(0, MANY + 1);
    sim_free(&sim);
}

static hkp_status answer(const uint8_t nonce[8], uint32_t status) {
    uint8_t msg[64];
    struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
    hkp_dsm__put_proof(&w, nonce, status, NULL);
    hkp_status st =
        hkp_dsm_recv(sim.nodes[3].node, sim.now, wall_us(3), sim.mesh.node_id[0], 4, w.out, w.len);
    sim_pump(&sim, 3);
    return st;
}

/* Three changes that node 3 did not see, and neither pushes nor answers. */
static void joins_in_silence(uint8_t officer[3][64], struct object sets[3]) {
    struct object list;
    begin(50);
    sim_crash(&sim, 3);
    change_officers_thrice(officer, sets, &list);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_PROOF;
    sim_start(&sim, 3);
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(lists(3).ca_version, 1);
}

/* A set that was asked for by turns becomes the next one while nobody proves it. */
static void what_the_officers_did_not_sign_is_no_proposal(void) {
    struct object sets[3], forged;
    uint8_t officer[3][64];
    joins_in_silence(officer, sets);
    forge(&forged, 3, sim.mesh.officer);
    CHECK_EQ(pushed(&forged), HKP_E_DSM_CA_VERSION);
    sim_run(&sim, 11 * SIM_S);
    CHECK_EQ(sim.nodes[3].node->lists.claims[OFFICE_CLAIMS - 1].used, 1);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH;
    CHECK_EQ(give(3, &sets[0], 1), HKP_OK);
    sim_run(&sim, 15 * SIM_S);
    CHECK_EQ(sim.nodes[3].node->lists.claims[OFFICE_CLAIMS - 1].used, 0);
    CHECK_EQ(lists(3).ca_version, 2);
    CHECK_EQ(lists(3).ca_waiting, 0);
    sim_free(&sim);
}

/* D-SYN-4: between an answer and the next question no answer counts. One that led on was not in vain. */
static void an_unasked_proof_moves_no_question(void) {
    static const uint8_t zeros[8];
    struct object sets[3];
    uint8_t officer[3][64], nonce[8];
    joins_in_silence(officer, sets);
    CHECK_EQ(give(3, &sets[0], 1), HKP_OK);
    sim_run(&sim, 100 * SIM_MS);
    const struct office_claim *c = sim.nodes[3].node->lists.claims;
    while (!c->used) c++;
    struct office_claim was = *c;
    CHECK_EQ(answer(was.nonce, 3), HKP_OK);
    CHECK_EQ(c->tries, was.tries);
    CHECK_EQ(c->from, sim_status(&sim, 3).epoch);
    CHECK_EQ(answer(c->nonce, 3), HKP_OK); /* at the newest epoch it led nowhere */
    sim_run(&sim, 100 * SIM_MS);
    CHECK_EQ(c->tries, was.tries + 1);
    CHECK_EQ(c->from, was.from);
    memcpy(nonce, c->nonce, 8);
    CHECK_EQ(answer(nonce, 1), HKP_OK);
    was = *c;
    CHECK_EQ(answer(nonce, 3), HKP_E_DSM_STALE);
    CHECK_EQ(answer(zeros, 3), HKP_E_DSM_STALE);
    CHECK_EQ(c->tries, was.tries);
    CHECK_EQ(c->from, was.from);
    CHECK(c->again > sim.now);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH;
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(lists(3).ca_version, 2);
    sim_free(&sim);
}

int main(void) {
    CASE(a_list_reaches_all_and_the_chain);
    CASE(blocks_of_a_revoked_serial_are_not_made_final);
    CASE(lists_survive_crashes_at_every_write);
    CASE(who_comes_later_is_told);
    CASE(two_lists_of_one_number_both_count);
    CASE(a_rival_of_the_list_held_is_asked_for);
    CASE(numbers_may_be_left_out);
    CASE(new_officers_count_by_the_chain);
    CASE(officers_that_changed_meanwhile_are_proven);
    CASE(officers_go_on_after_a_restart_of_all);
    CASE(officers_that_come_too_early_wait_for_their_turn);
    CASE(officers_that_changed_often_survive_a_restart);
    CASE(officers_that_changed_often_meanwhile_are_proven);
    CASE(what_the_officers_did_not_sign_is_no_proposal);
    CASE(an_unasked_proof_moves_no_question);
    CASE(an_old_list_limits_new_sessions);
    CASE(without_a_clock_it_is_no_earlier_than_the_build);
    return check_done();
}
