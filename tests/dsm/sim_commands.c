/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What operators of members command together: RETIRE, tombstone; and evidence against officers in the chain.
 */
#include <hookprobe/dsm.h>

#include <sodium.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { MULTI_MAX = 2048 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;

/** What each node told. */
static struct told {
    uint64_t retired, height, tombs, lost, how, officers, number;
    uint8_t node_id[16], key[16], officer[32];
} told[SIM_NODES];

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    struct told *t = &told[i];
    if (ev->kind == HKP_DSM_EV_RETIRED) {
        t->retired++;
        t->height = ev->height;
        memcpy(t->node_id, ev->node_id, 16);
    }
    if (ev->kind == HKP_DSM_EV_TOMBSTONE) {
        t->tombs++;
        memcpy(t->key, ev->id, 16);
    }
    if (ev->kind == HKP_DSM_EV_SEAT && ev->count == 0) {
        t->lost++;
        t->how = ev->type;
    }
    if (ev->kind == HKP_DSM_EV_OFFICERS) {
        t->officers++;
        t->number = ev->seq;
        memcpy(t->officer, ev->id, 32);
    }
}

static uint64_t wall(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static void begin(uint64_t seed, uint32_t n, uint32_t extra) {
    sim_new(&sim, seed, n, extra);
    sim.on_fact = on_fact;
    memset(told, 0, sizeof told);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    for (uint32_t i = 0; i < extra; i++) sim_outsider(&sim, n + i, HKP_DSM_ROLE_EDGE, 50 + i);
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < sim.count; i++) CHECK(sim_submit(&sim, i, "hello") != 0);
    sim_run(&sim, 3 * SIM_S);
}

/* An hour passes on all clocks: the next header is a boundary (D-EPO-1). */
static void hour(uint32_t by) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += 3600 * 1000000LL;
    CHECK(sim_submit(&sim, by, "an hour later") != 0);
    sim_run(&sim, 4 * SIM_S);
}

struct object {
    uint8_t bytes[MULTI_MAX], id[32];
    size_t len;
};

static void sign(struct object *o, uint32_t kind, const uint8_t *body, size_t len) {
    uint8_t signature[64], scratch[MULTI_MAX];
    struct hkp_dsm_multi m = {.kind = kind, .ca_version = 1, .n_signatures = 1, .body = {body, len}};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, kind, 1, sim.mesh.officer, body, len, scratch,
                                sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, o->bytes, sizeof o->bytes, &o->len), HKP_OK);
    hkp_dsm_object_id(o->id, genesis.chain_id, kind, NULL, body, len);
}

/* A list that revokes serials of one node. */
static void make_list(struct object *o, uint64_t number, const struct object *previous, uint32_t who,
                      uint64_t serial) {
    struct hkp_dsm_revocation e = {.serial = serial,
                                   .reason = serial == HKP_DSM_SERIAL_BARRED ? HKP_DSM_REVOKED_RETIRED
                                                                             : HKP_DSM_REVOKED_POLICY};
    struct hkp_dsm_revocations list = {.number = number, .n_entries = 1};
    uint8_t body[1024];
    size_t len = 0;
    memcpy(e.node_id, sim.mesh.node_id[who], 16);
    list.this_update_s = wall(0) / 1000000;
    list.next_update_s = list.this_update_s + 86400;
    if (previous != NULL) memcpy(list.previous, previous->id, 32);
    CHECK_EQ(hkp_dsm_revocations_build(&list, &e, body, sizeof body, &len), HKP_OK);
    sign(o, HKP_DSM_KIND_REVOCATION_LIST, body, len);
}

static void bar(uint32_t who) {
    struct object list;
    make_list(&list, 1, NULL, who, HKP_DSM_SERIAL_BARRED);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[0].node, sim.now, wall(0), list.bytes, list.len), HKP_OK);
    sim_pump(&sim, 0);
    sim_run(&sim, 3 * SIM_S);
}

static hkp_status retire(uint32_t by, uint32_t who) {
    hkp_status st = hkp_dsm_node_retire(sim.nodes[by].node, sim.now, wall(by), sim.mesh.node_id[who]);
    sim_pump(&sim, by);
    sim_run(&sim, 2 * SIM_S);
    return st;
}

static hkp_status tombstone(uint32_t by, const uint8_t key[16]) {
    hkp_status st = hkp_dsm_node_tombstone(sim.nodes[by].node, sim.now, wall(by), key);
    sim_pump(&sim, by);
    sim_run(&sim, 3 * SIM_S);
    return st;
}

static void expect_heads(uint64_t heads) {
    for (uint32_t i = 0; i < sim.count; i++)
        if (sim.nodes[i].up) CHECK_EQ(sim_status(&sim, i).heads, heads);
    CHECK_EQ(sim.faults, 0);
}

/* D-CKP-4: barred for good first, then one member's word; the head goes with the boundary after. */
static void a_barred_node_without_a_seat_is_retired(void) {
    begin(check_seed() + 1, 4, 1);
    CHECK_EQ(retire(1, 4), HKP_OK); /* not barred yet: it waits */
    CHECK_EQ(retire(4, 4), HKP_E_DSM_SIGNER);
    uint8_t nobody[16] = {1};
    CHECK_EQ(hkp_dsm_node_retire(sim.nodes[1].node, sim.now, wall(1), nobody), HKP_E_NOTFOUND);
    sim_run(&sim, 5 * SIM_S);
    CHECK(hkp_dsm__pending_find(sim.nodes[0].node->pending, CHANGE_RETIRE, sim.mesh.node_id[4]) == NULL);
    hour(0); /* and is said again in the next epoch */
    expect_heads(5);
    bar(4);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(hkp_dsm__pending_find(sim.nodes[i].node->pending, CHANGE_RETIRE, sim.mesh.node_id[4]) != NULL);
    expect_heads(5); /* not before the boundary */
    sim_crash(&sim, 2);
    sim_start(&sim, 2);
    sim_run(&sim, SIM_S);
    hour(0);
    expect_heads(4);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(told[i].retired, 1);
        CHECK_MEM(told[i].node_id, sim.mesh.node_id[4], 16);
        CHECK_EQ(sim_status(&sim, i).epoch, 2);
        CHECK_EQ(sim_status(&sim, i).members, 4);
        CHECK_EQ(sim.nodes[i].node->n_commands, 0);
    }
    CHECK_EQ(retire(1, 4), HKP_E_NOTFOUND); /* nothing is left of it */
    sim_crash(&sim, 3);                     /* from the snapshot, where it is not */
    sim_start(&sim, 3);
    sim_run(&sim, SIM_S);
    sim_crash(&sim, 1);
    for (uint32_t i = 0; i < 4; i++)
        if (sim.nodes[i].up) CHECK(sim_submit(&sim, i, "without it") != 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim_status(&sim, 3).blocks_open, 0);
    CHECK_EQ(sim_status(&sim, 3).final_height, sim_status(&sim, 0).final_height);
    sim_start(&sim, 1);
    hour(0);
    expect_heads(4);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(told[i].retired, 1);
    sim_free(&sim);
}

/* Of a member f+1 operators have to say it, and the limits of D-EPO-2 count. */
static void a_barred_member_goes_when_f_plus_1_say_so(void) {
    begin(check_seed() + 2, 7, 0);
    bar(6);
    CHECK_EQ(retire(0, 6), HKP_OK);
    CHECK_EQ(retire(1, 6), HKP_OK);
    sim_run(&sim, 4 * SIM_S);
    CHECK(hkp_dsm__pending_find(sim.nodes[0].node->pending, CHANGE_RETIRE, sim.mesh.node_id[6]) == NULL);
    hour(0);
    for (uint32_t i = 0; i < 7; i++) CHECK_EQ(sim_status(&sim, i).members, 7);
    CHECK_EQ(retire(2, 6), HKP_OK); /* the two said it again */
    sim_run(&sim, 3 * SIM_S);
    hour(0);
    for (uint32_t i = 0; i < 6; i++) {
        CHECK_EQ(sim_status(&sim, i).members, 6);
        CHECK_EQ(told[i].lost, 1);
        CHECK_EQ(told[i].how, 2);
    }
    expect_heads(6);
    hour(0);
    expect_heads(6);
    CHECK_EQ(sim_status(&sim, 1).epoch, 3);
    sim_free(&sim);
}

/* Other work, so that all lead in turn. */
static void busy(void) {
    for (uint32_t k = 0; k < 8; k++) {
        CHECK(sim_submit(&sim, k % 4, "work") != 0);
        sim_run(&sim, 2 * SIM_S);
    }
}

static void f_plus_1_members_withdraw_an_indicator(void) {
    const uint8_t key[16] = {1, 2, 3, 4}, other[16] = {5};
    begin(check_seed() + 3, 4, 1);
    CHECK_EQ(tombstone(4, key), HKP_E_DSM_SIGNER);
    CHECK_EQ(tombstone(1, key), HKP_OK);
    CHECK_EQ(tombstone(2, other), HKP_OK);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(told[i].tombs, 0); /* one each */
    CHECK_EQ(tombstone(3, key), HKP_OK);
    sim_run(&sim, 5 * SIM_S); /* without other work: views pass until one of the two leads */
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(told[i].tombs, 1);
        CHECK_MEM(told[i].key, key, 16);
    }
    CHECK_EQ(tombstone(0, key), HKP_OK); /* effective in this epoch */
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told[0].tombs, 1);
    hour(0);
    CHECK_EQ(tombstone(0, other), HKP_OK); /* node 2 said it again in this epoch */
    busy();
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(told[i].tombs, 2);
    CHECK_EQ(tombstone(0, key), HKP_OK);
    CHECK_EQ(tombstone(3, key), HKP_OK); /* once more, in another epoch */
    busy();
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(told[i].tombs, 3);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void command_and_forget(uint32_t by, const uint8_t key[16]) {
    CHECK_EQ(hkp_dsm_node_tombstone(sim.nodes[by].node, sim.now, wall(by), key), HKP_OK);
    sim_pump(&sim, by);
    sim_run(&sim, 30 * SIM_MS); /* less than T_cp: nobody may propose it */
    sim_crash(&sim, by);
    sim_run(&sim, 10 * SIM_MS);
    sim_start(&sim, by);
}

/* Decision 0591: all hold the words of f+1, and nobody knows any more what they are about. */
static void what_nobody_can_make_is_not_waited_for_without_end(void) {
    const uint8_t key[16] = {9};
    begin(check_seed() + 7, 4, 0);
    sim_run(&sim, 10 * SIM_S);
    const uint64_t height = sim_status(&sim, 0).final_height;
    command_and_forget(1, key);
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).final_height, height); /* one alone is no work */
    command_and_forget(2, key);
    sim_run(&sim, 25 * SIM_S);
    const uint64_t after = sim_status(&sim, 0).final_height;
    CHECK(after > height);
    CHECK(after <= height + 2 * 4);
    sim_run(&sim, 20 * SIM_S); /* the idle moment has not come */
    CHECK_EQ(sim_status(&sim, 0).final_height, after);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(told[i].tombs, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- what is no valid op ---- */

struct draft {
    uint64_t op;
    uint8_t id[16], subject[32];
    uint32_t by[4], n, trust;
    uint64_t epoch;
};

static hkp_status judged(const struct draft *d) {
    hkp_dsm_node *n = sim.nodes[0].node;
    uint8_t endorse[4][256], op[4096];
    const struct hkp_dsm_view first = {d->id, 16};
    struct hkp_dsm_view list[4], all = {.ptr = op};
    for (uint32_t i = 0; i < d->n; i++) {
        struct hkp_dsm__endorse e = {.epoch = d->epoch, .trust = d->trust};
        memcpy(e.subject, d->subject, 32);
        list[i].ptr = endorse[i];
        CHECK_EQ(hkp_dsm__endorse_make(n->chain_id, &e, sim.mesh.node_id[d->by[i]], sim.mesh.secret[d->by[i]],
                                       endorse[i], sizeof endorse[i], &list[i].len),
                 HKP_OK);
    }
    CHECK_EQ(hkp_dsm__endorsed_op(d->op, &first, NULL, list, d->n, op, sizeof op, &all.len), HKP_OK);
    CHECK_EQ(hkp_dsm__goto(n, NULL), 1);
    return hkp_dsm__op_valid(n, &all, NULL, wall(0) / 1000);
}

#define JUDGED(expect, base, change)                                                                         \
    do {                                                                                                     \
        struct draft d = base;                                                                               \
        change;                                                                                              \
        CHECK_EQ(judged(&d), expect);                                                                        \
    } while (0)

static void ops_without_enough_endorsements_are_refused(void) {
    begin(check_seed() + 4, 4, 1);
    bar(3);
    struct draft tomb = {.op = HKP_DSM__OP_TOMBSTONE, .by = {0, 1}, .n = 2, .trust = 900}, gone = tomb;
    const struct hkp_dsm_view key = {tomb.id, 16};
    hkp_dsm__hash(tomb.subject, "ioc", &key, 1);
    gone.op = HKP_DSM__OP_RETIRE;
    memcpy(gone.id, sim.mesh.node_id[3], 16);
    memcpy(gone.subject, gone.id, 16);
    JUDGED(HKP_OK, tomb, (void)d);
    JUDGED(HKP_E_DSM_QUORUM, tomb, d.n = 1);
    JUDGED(HKP_E_DSM_QUORUM, tomb, d.n = 0);
    JUDGED(HKP_E_DSM_SIGNER, tomb, d.by[1] = 0);
    JUDGED(HKP_E_DSM_SIGNER, tomb, d.by[1] = 4);
    JUDGED(HKP_E_DSM_EPOCH, tomb, d.epoch = 1);
    JUDGED(HKP_E_DSM_QUORUM, tomb, d.trust = 799);
    JUDGED(HKP_E_DSM_TARGET, tomb, d.id[0] ^= 1);
    JUDGED(HKP_OK, gone, (void)d);
    JUDGED(HKP_E_DSM_QUORUM, gone, d.n = 0); /* it has a seat */
    JUDGED(HKP_E_DSM_TARGET, gone, d.subject[31] ^= 1);
    JUDGED(HKP_E_DSM_OP, gone, memcpy(d.id, sim.mesh.node_id[2], 16)); /* not barred */
    JUDGED(HKP_E_DSM_OP, gone, memcpy(d.id, sim.mesh.node_id[4], 16));
    JUDGED(HKP_E_DSM_DUPLICATE, gone, d.id[0] ^= 1); /* nothing is known of it */
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(tombstone(i, tomb.id), HKP_OK);
        CHECK_EQ(retire(i, 3), HKP_OK);
    }
    busy();
    JUDGED(HKP_E_DSM_DUPLICATE, tomb, (void)d); /* effective */
    JUDGED(HKP_E_DSM_DUPLICATE, gone, (void)d);
    sim_free(&sim);
}

/* ---- E6 ---- */

/* D-EVD-3: two lists of one number are an alarm in the chain, once in an epoch while the officer is there. */
static void officers_who_gave_a_number_twice_are_in_the_chain(void) {
    struct object one, two;
    begin(check_seed() + 5, 4, 1);
    make_list(&one, 1, NULL, 4, 1);
    make_list(&two, 1, NULL, 4, 2);
    uint64_t height = sim_status(&sim, 0).final_height;
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[0].node, sim.now, wall(0), one.bytes, one.len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[1].node, sim.now, wall(1), two.bytes, two.len), HKP_OK);
    sim_pump(&sim, 0);
    sim_pump(&sim, 1);
    sim_run(&sim, 10 * SIM_S);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(told[i].officers, 1);
        CHECK_EQ(told[i].number, 1);
        CHECK_MEM(told[i].officer, sim.mesh.officer + 32, 32);
        CHECK(sim_status(&sim, i).final_height > height);
    }
    struct suspect *s = &sim.nodes[2].node->suspects[0];
    const struct hkp_dsm_view op = {s->op->ptr, s->op->len};
    CHECK_EQ(hkp_dsm__op_valid(sim.nodes[2].node, &op, NULL, wall(2) / 1000), HKP_E_DSM_DUPLICATE);
    height = sim_status(&sim, 0).final_height;
    sim_crash(&sim, 2);
    sim_start(&sim, 2); /* knows that it is there */
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).final_height, height); /* and it is no more work */
    hour(0);
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(told[i].officers, 1);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Another officer's evidence convicts nobody who is in office. */
static void evidence_against_who_is_not_in_office_is_no_op(void) {
    uint8_t officer[64], seed[32] = {77}, body[HKP_DSM_CA_SET_BODY_MAX], op[2 * MULTI_MAX];
    struct hkp_dsm_ca_set s = {.version = 2, .threshold = 1, .n_keys = 1};
    struct object one, two, set;
    struct hkp_dsm_view view = {.ptr = op};
    size_t len = 0;
    begin(check_seed() + 6, 4, 1);
    make_list(&one, 1, NULL, 4, 1);
    make_list(&two, 1, NULL, 4, 2);
    const struct hkp_dsm_view a = {one.bytes, one.len}, b = {two.bytes, two.len};
    CHECK_EQ(hkp_dsm__evidence_build(&a, &b, op, sizeof op, &view.len), HKP_OK);
    CHECK_EQ(hkp_dsm__op_valid(sim.nodes[0].node, &view, NULL, wall(0) / 1000), HKP_OK);
    op[view.len - 1] ^= 1;
    CHECK_EQ(hkp_dsm__op_valid(sim.nodes[0].node, &view, NULL, wall(0) / 1000), HKP_E_DSM_SIG);
    op[view.len - 1] ^= 1;
    crypto_sign_seed_keypair(s.keys[0], officer, seed);
    CHECK_EQ(hkp_dsm_ca_set_build(&s, body, sizeof body, &len), HKP_OK);
    sign(&set, HKP_DSM_KIND_CA_SET, body, len);
    CHECK_EQ(hkp_dsm_node_officers(sim.nodes[0].node, sim.now, wall(0), set.bytes, set.len), HKP_OK);
    sim_pump(&sim, 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(hkp_dsm__op_valid(sim.nodes[0].node, &view, NULL, wall(0) / 1000), HKP_E_DSM_SIGNER);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- proofs of ops ---- */

static hkp_status verified(uint32_t i, const struct hkp_dsm_trust *trust, struct hkp_dsm_proof *proof) {
    if (sim.nodes[i].proof_status != HKP_OK) return sim.nodes[i].proof_status;
    return hkp_dsm_proof_verify(sim.nodes[i].proof, sim.nodes[i].proof_len, genesis.chain_id, trust, 1, 0,
                                proof);
}

/* D-SYN-4, what 2: an edge node that trusts the genesis alone learns that an op is final, from any peer. */
static void that_an_op_is_final_is_proven_to_who_asks(void) {
    const uint8_t key[16] = {9};
    uint8_t op[MULTI_MAX + 16];
    struct object list;
    struct hkp_dsm_view bytes = {.ptr = op};
    struct hkp_dsm_question q = {.struct_size = sizeof q, .what = HKP_DSM_ASK_OP};
    struct hkp_dsm_proof proof;
    uint64_t ticket = 0, own = 0;
    begin(check_seed() + 7, 4, 1);
    make_list(&list, 1, NULL, 4, 1);
    const struct hkp_dsm_view multi = {list.bytes, list.len};
    CHECK_EQ(hkp_dsm__op_build(HKP_DSM__OP_REVOCATIONS, &multi, NULL, op, sizeof op, &bytes.len), HKP_OK);
    hkp_dsm__merkle_leaf(q.key, op, bytes.len);
    CHECK_EQ(hkp_dsm_prove_op(sim.nodes[1].node, sim.now, q.key, 0, &own), HKP_OK);
    sim_pump(&sim, 1);
    CHECK_EQ(sim.nodes[1].proof_status, HKP_E_NOTFOUND); /* not yet */
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[0].node, sim.now, wall(0), list.bytes, list.len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_tombstone(sim.nodes[0].node, sim.now, wall(0), key), HKP_OK);
    CHECK_EQ(hkp_dsm_node_tombstone(sim.nodes[1].node, sim.now, wall(1), key), HKP_OK);
    sim_pump(&sim, 0);
    sim_pump(&sim, 1);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[4].node, 0, q.trust.valset_hash, &q.trust.time_ms), HKP_OK);
    hour(0); /* a link leads to it then */
    hour(0);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(hkp_dsm_ask(sim.nodes[4].node, sim.now, &q, &ticket), HKP_OK);
        sim_pump(&sim, 4);
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(verified(4, &q.trust, &proof), HKP_OK);
        CHECK_EQ(proof.root, 2);
        CHECK_EQ(proof.leaf.len, bytes.len);
        CHECK_MEM(proof.leaf.ptr, op, bytes.len);
        for (uint32_t i = 0; i < 4; i++) { /* also from what stores hold */
            sim_crash(&sim, i);
            sim_start(&sim, i);
        }
        sim_run(&sim, 2 * SIM_S);
    }
    CHECK_EQ(hkp_dsm_prove_op(sim.nodes[1].node, sim.now, q.key, 0, &own), HKP_OK);
    sim_pump(&sim, 1);
    CHECK_EQ(verified(1, &q.trust, &proof), HKP_OK);
    q.key[0] ^= 1;
    CHECK_EQ(hkp_dsm_ask(sim.nodes[4].node, sim.now, &q, &ticket), HKP_OK);
    sim_pump(&sim, 4);
    sim_run(&sim, 20 * SIM_S);
    CHECK_EQ(sim.nodes[4].proof_status, HKP_E_NOTFOUND);
    memcpy(q.key, sim_status(&sim, 0).final_digest, 32); /* a row of a header is none of an op */
    CHECK_EQ(hkp_dsm_prove_op(sim.nodes[0].node, sim.now, q.key, 0, &own), HKP_OK);
    sim_pump(&sim, 0);
    CHECK_EQ(sim.nodes[0].proof_status, HKP_E_NOTFOUND);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(a_barred_node_without_a_seat_is_retired);
    CASE(a_barred_member_goes_when_f_plus_1_say_so);
    CASE(f_plus_1_members_withdraw_an_indicator);
    CASE(what_nobody_can_make_is_not_waited_for_without_end);
    CASE(ops_without_enough_endorsements_are_refused);
    CASE(officers_who_gave_a_number_twice_are_in_the_chain);
    CASE(evidence_against_who_is_not_in_office_is_no_op);
    CASE(that_an_op_is_final_is_proven_to_who_asks);
    return check_done();
}
