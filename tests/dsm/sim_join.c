/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Nodes that join late or were away for epochs (D-SYN-3), and questions for proofs (D-SYN-4). */
#include <hookprobe/dsm.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

static struct sim sim;

/* An hour passes for all, so the next checkpoint is a boundary (D-EPO-1). */
static void next_epoch(uint32_t authors) { CHECK(sim_next_epoch(&sim, authors)); }

static void wipe(uint32_t i) {
    struct sim_disk *d = &sim.nodes[i].disk;
    for (size_t k = 0; k < d->count; k++) free(d->rows[k].data);
    d->count = d->wal_count = 0;
}

static void expect_joined(uint32_t i) {
    const node *n = sim.nodes[i].node;
    CHECK_EQ(sim_status(&sim, i).epoch, sim_status(&sim, 0).epoch);
    CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    CHECK_MEM(sim_status(&sim, i).final_digest, sim_status(&sim, 0).final_digest, 32);
    for (uint32_t k = 0; k < n->n_authors; k++) CHECK_EQ(n->authors[k].headless, 0);
    CHECK_EQ(n->n_lost, 0);
    CHECK_EQ(sim.faults, 0);
}

static void begin(uint64_t seed) {
    sim_new(&sim, seed, 4, 1);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE, 9);
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "first") != 0);
    sim_run(&sim, 2 * SIM_S);
}

static void who_was_away_for_epochs_goes_on(void) {
    begin(1);
    CHECK(sim_submit(&sim, 3, "the last for long") != 0);
    sim_run(&sim, 2 * SIM_S);
    sim_crash(&sim, 3);
    for (int k = 0; k < 4; k++) next_epoch(3);
    uint64_t finals = sim.nodes[3].finals;
    sim_start(&sim, 3);
    sim_run(&sim, 20 * SIM_S);
    expect_joined(3);
    CHECK(sim.nodes[3].finals < finals + 16); /* it did not go through all of them */
    CHECK_EQ(sim_status(&sim, 3).silent, 0);
    sim_crash(&sim, 1); /* it is needed now */
    CHECK(sim_submit(&sim, 3, "back") != 0);
    sim_run(&sim, 6 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).blocks_open, 0);
    expect_joined(3);
    sim_crash(&sim, 3); /* and what it stored is enough to start from */
    sim_start(&sim, 3);
    sim_run(&sim, 3 * SIM_S);
    CHECK(sim_submit(&sim, 3, "again") != 0);
    sim_run(&sim, 6 * SIM_S);
    expect_joined(3);
    sim_start(&sim, 1);
    next_epoch(3);
    sim_run(&sim, 6 * SIM_S);
    expect_joined(3);
    sim_free(&sim);
}

static void a_fresh_node_joins(void) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        begin(10 + seed);
        for (int k = 0; k < 3; k++) next_epoch(4);
        sim.loss = seed == 1 ? 200 : 0;
        sim.twice = seed == 2 ? 300 : 0;
        sim_start(&sim, 4);
        sim_run(&sim, 60 * SIM_S);
        sim.loss = sim.twice = 0;
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        expect_joined(4);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        CHECK(sim_submit(&sim, 4, "here I am") != 0);
        sim_run(&sim, 3 * SIM_S);
        CHECK_EQ(sim_status(&sim, 0).heads, 5);
        CHECK_EQ(sim_status(&sim, 4).blocks_open, 0);
        sim_free(&sim);
    }
}

/* A validator whose store was lost joins and observes until others told it what it promised (D-STO-9). */
static void a_validator_with_an_empty_store_joins(void) {
    begin(20);
    for (int k = 0; k < 3; k++) next_epoch(4);
    sim_crash(&sim, 3);
    wipe(3);
    sim_start(&sim, 3);
    sim_run(&sim, 20 * SIM_S);
    expect_joined(3);
    sim_free(&sim);
}

/* Of node 3, when it next has written so often. */
static void power_fails_at(uint64_t write) {
    sim.writes = 0;
    sim.crash_node = 3;
    sim.crash_at_write = write;
}

static void power_is_back(void) {
    sim_run(&sim, 5 * SIM_S);
    sim.crash_at_write = 0;
    if (!sim.nodes[3].up) sim_start(&sim, 3);
    sim_run(&sim, 20 * SIM_S);
    expect_joined(3);
}

static void power_cuts_while_joining_are_survived(void) {
    for (uint64_t write = 1; write <= 60; write += 1 + write / 4) {
        begin(30 + write);
        sim_crash(&sim, 3);
        for (int k = 0; k < 3; k++) next_epoch(3);
        sim_start(&sim, 3);
        power_fails_at(write);
        int before = check_faults;
        power_is_back();
        CHECK_NOTE(before, "power cut at write %" PRIu64, write);
        sim_free(&sim);
    }
}

/* ---- whose own account differs from what the members signed ---- */

static uint32_t differed;
static size_t promised; /* by then, in the epoch that is over */
static uint8_t own_account[HKP_DSM_VALSET_MAX];
static size_t own_len;

static size_t promises_of(uint64_t epoch) {
    const struct sim_disk *d = &sim.nodes[3].disk;
    struct hkp_dsm__wal_record r;
    size_t count = 0;
    for (size_t i = 0; i < d->wal_count; i++)
        count += hkp_dsm__wal_decode(d->wal[i], &r) && r.kind != 0 && r.epoch == epoch;
    for (size_t i = 0; i < d->n_pending; i++)
        count += d->pending[i].kind == HKP_DSM_EV_STORE_WAL &&
                 hkp_dsm__wal_decode(d->pending[i].row.data, &r) && r.kind != 0 && r.epoch == epoch;
    return count;
}

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (i != 3 || ev->kind != HKP_DSM_EV_SET_DIFFERS) return;
    differed++;
    promised = promises_of(ev->epoch);
    CHECK(ev->data_len > 0 && ev->data_len <= sizeof own_account);
    own_len = ev->data_len;
    memcpy(own_account, ev->data, own_len);
}

/* As after damage of what it keeps: by its account node 0 was convicted. */
static void false_account(void) {
    struct pending *list = sim.nodes[3].node->pending;
    list->at[0] = (struct change){.kind = CHANGE_EVIDENCE, .height = 1};
    memcpy(list->at[0].seat.node_id, sim.mesh.node_id[0], 16);
    list->count = 1;
}

static void expect_useful(uint32_t i) {
    sim_crash(&sim, 1); /* it is needed now */
    CHECK(sim_submit(&sim, i, "of use") != 0);
    sim_run(&sim, 8 * SIM_S);
    CHECK_EQ(sim_status(&sim, 0).blocks_open, 0);
    expect_joined(i);
    sim_start(&sim, 1);
    sim_run(&sim, 8 * SIM_S);
}

/* D-EPO-2: it neither dies nor goes on by its own account. */
static void whose_account_differs_takes_the_set_of_the_others(void) {
    for (int restart = 0; restart < 2; restart++) {
        begin(60);
        sim.on_fact = on_fact;
        differed = 0;
        false_account();
        next_epoch(3);
        for (int k = 0; restart && k < 3; k++) { /* also in the midst of it */
            sim_crash(&sim, 3);
            sim_start(&sim, 3);
            sim_run(&sim, 300 * SIM_MS);
        }
        sim_run(&sim, 20 * SIM_S);
        expect_joined(3);
        CHECK_EQ(sim_status(&sim, 3).members, 4);
        CHECK_EQ(differed, 1);
        struct hkp_dsm__valset set;
        CHECK_EQ(hkp_dsm__valset_parse(own_account, own_len, &set), HKP_OK);
        CHECK_EQ(set.n, 3);
        expect_useful(3);
        next_epoch(3);
        sim_run(&sim, 6 * SIM_S);
        expect_joined(3);
        CHECK_EQ(differed, 1);
        sim_free(&sim);
    }
}

/* ---- a store that holds the wrong account ---- */

/* What waits since the genesis of an epoch, at that height, as it would be stored (META row "m"). */
static void store_false_account(uint64_t height) {
    uint8_t key[9] = "m", row[61] = {0};
    hkp_put_be64(key + 1, height);
    memcpy(row, sim.mesh.node_id[0], 16);
    row[52] = CHANGE_EVIDENCE;
    sim_disk_put(&sim, 3, HKP_DSM_ROW_META, key, sizeof key, row, sizeof row);
}

static void start_wrong(void) {
    const uint64_t genesis = sim.nodes[3].node->epoch_first - 1;
    sim_crash(&sim, 3);
    store_false_account(genesis);
    sim_start(&sim, 3);
    CHECK_EQ(sim.nodes[3].node->pending->count, 1);
}

/* It asks in vain, and starts again: it stands where it stood, has nothing new to tell, and signs nothing
 * behind the boundary that it cannot follow (D-EPO-4). */
static void expect_stands(uint64_t epoch) {
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_CHUNK;
    next_epoch(3);
    const struct hkp_dsm_node_status before = sim_status(&sim, 3);
    CHECK_EQ(before.epoch, epoch);
    for (int k = 0; k < 3; k++) {
        if (k > 0) {
            sim_crash(&sim, 3);
            sim_start(&sim, 3);
        }
        for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "meanwhile") != 0);
        sim_run(&sim, 70 * SIM_S);
        const struct hkp_dsm_node_status s = sim_status(&sim, 3);
        CHECK_EQ(s.epoch, epoch);
        CHECK_EQ(s.final_height, before.final_height);
        CHECK_MEM(s.final_digest, before.final_digest, 32);
        CHECK_EQ(sim.nodes[3].node->join_blind, BLIND_DIFFERS);
        CHECK_EQ(promises_of(epoch), promised);
    }
    sim.lost_ops = 0;
}

static void expect_set_taken(uint32_t times) {
    sim_run(&sim, 20 * SIM_S);
    expect_joined(3);
    CHECK_EQ(sim_status(&sim, 3).members, 4);
    CHECK_EQ(differed, times);
}

/* D-EPO-2: the wrong account outlives each start, until the set of the others is taken; and where it is wrong
 * again in the next epoch, that is told again. */
static void whose_store_holds_a_wrong_account_takes_the_set_of_the_others(void) {
    begin(61);
    sim.on_fact = on_fact;
    differed = 0;
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        start_wrong();
        sim_run(&sim, 2 * SIM_S);
        expect_stands(epoch);
        expect_set_taken(epoch + 1);
        expect_useful(3);
    }
    sim_crash(&sim, 3); /* the last set came with none of it */
    sim_start(&sim, 3);
    next_epoch(3);
    sim_run(&sim, 6 * SIM_S);
    expect_joined(3);
    CHECK_EQ(differed, 3);
    CHECK_EQ(sim.nodes[3].node->join_blind, BLIND_NOT);
    sim_free(&sim);
}

/* That who joined does not know what waits is no news, that it still does not in the next epoch is. */
static void who_joined_tells_of_its_second_difference(void) {
    begin(62);
    sim.on_fact = on_fact;
    differed = 0;
    sim_crash(&sim, 3);
    for (int k = 0; k < 4; k++) next_epoch(3);
    sim_start(&sim, 3);
    expect_set_taken(0);
    CHECK_EQ(sim.nodes[3].node->join_blind, BLIND_JOINED);
    for (uint32_t k = 0; k < 2; k++) {
        start_wrong();
        sim_run(&sim, 2 * SIM_S);
        next_epoch(3);
        expect_set_taken(k);
    }
    sim_free(&sim);
}

/* Told at least once; once more where the mark was lost with the power. */
static void power_cuts_while_the_set_is_taken_are_survived(void) {
    for (uint64_t write = 1; write <= 60; write += 1 + write / 4) {
        begin(100 + write);
        sim.on_fact = on_fact;
        differed = 0;
        start_wrong();
        sim_run(&sim, 2 * SIM_S);
        power_fails_at(write);
        int before = check_faults;
        next_epoch(3);
        power_is_back();
        CHECK(differed == 1 || differed == 2);
        CHECK_NOTE(before, "power cut at write %" PRIu64, write);
        sim_free(&sim);
    }
}

/* ---- answers of peers that lie ---- */

static uint8_t buffer[1 << 20];

static hkp_status say(uint32_t from, uint32_t to, const struct hkp_dsm_cbor_writer *w) {
    uint64_t wall =
        (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[to].clock_us);
    hkp_status st =
        hkp_dsm_recv(sim.nodes[to].node, sim.now, wall, sim.mesh.node_id[from], 4, w->out, w->len);
    sim_pump(&sim, to);
    return st;
}

/* Heads are believed by the path to a certified root alone. */
static void a_chunk_of_a_liar_is_refused(void) {
    begin(40);
    for (int k = 0; k < 3; k++) next_epoch(4);
    sim.lost_ops = 1ULL << 40 | 1ULL << 32; /* CHUNK, and SYNC_RESP, by which it would come step by step */
    sim_start(&sim, 4);
    sim_run(&sim, 3 * SIM_S);
    const node *n = sim.nodes[4].node;
    CHECK(n->join.n_chunks == 1);
    uint64_t height = n->join.h.height;
    for (int lie = 0; lie < 3; lie++) {
        struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
        size_t heads = lie == 0 ? 3 : 4;
        hkp_dsm__put_chunk(&w, height, lie == 2 ? 1 : 0, heads);
        for (size_t i = 0; i < heads; i++) {
            struct hkp_dsm__head h = {.seq = 99, .node_id = {(uint8_t)i}};
            uint8_t leaf[HKP_DSM__LEAF_MAX];
            hkp_dsm_cbor_put_bytes(&w, leaf, hkp_dsm__head_leaf(&h, leaf));
        }
        hkp_dsm_cbor_put_array(&w, 0);
        CHECK_EQ(say(1, 4, &w), lie == 2 ? HKP_E_DSM_STALE : HKP_E_DSM_PROOF);
    }
    CHECK_EQ(sim_status(&sim, 4).epoch, 0);
    CHECK_EQ(sim_status(&sim, 4).heads, 0);
    sim.lost_ops = 0;
    sim_run(&sim, 20 * SIM_S);
    expect_joined(4);
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_BOUNDARIES, 0);
    CHECK_EQ(say(1, 4, &w), HKP_E_DSM_STALE); /* not asked for */
    sim_free(&sim);
}

static hkp_status asked(uint32_t i, struct hkp_dsm_question *q, uint32_t seconds) {
    uint64_t ticket = 0, proofs = sim.nodes[i].proofs;
    q->struct_size = sizeof *q;
    CHECK_EQ(hkp_dsm_ask(sim.nodes[i].node, sim.now, q, &ticket), HKP_OK);
    sim_pump(&sim, i);
    sim_run(&sim, seconds * SIM_S);
    CHECK_EQ(sim.nodes[i].proofs, proofs + 1);
    return sim.nodes[i].proof_status;
}

/* HAVE is not signed, and names an epoch: who asked f+1 groups for its links does not ask for ever. */
static void talk_of_far_epochs_is_believed_once(void) {
    sim_new(&sim, 13, 4, 1);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE, 9);
    for (uint32_t i = 0; i < 5; i++) sim_start(&sim, i);
    sim_run(&sim, 10 * SIM_S);
    const uint64_t before = sim.ops[HKP_DSM__OP_MSG_BOUNDARY_REQ];
    for (uint32_t to = 0; to < 4; to++) {
        struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
        hkp_dsm__put_have(&w, UINT64_MAX, 1);
        hkp_dsm__put_have_entry(&w, sim.mesh.node_id[4], 1);
        sim_send(&sim, 4, to, 0, w.out, w.len);
    }
    sim_run(&sim, 60 * SIM_S);
    const uint64_t asked = sim.ops[HKP_DSM__OP_MSG_BOUNDARY_REQ] - before;
    CHECK(asked > 0);
    CHECK(asked <= 4 * 4); /* each asks f+1 groups, or all once */
    sim_free(&sim);
}

/* D-SYN-4: an edge node asks others, trusting nothing but the set of epoch 0. */
static void proofs_are_had_from_peers(void) {
    begin(50);
    uint64_t seq = sim_submit(&sim, 1, "\x81\xa1\x01\x02");
    sim_run(&sim, 3 * SIM_S);
    const node *n = sim.nodes[0].node;
    const struct block *b = hkp_dsm__block_at(n, hkp_dsm__author(n, sim.mesh.node_id[1]), seq);
    struct hkp_dsm_question q = {.what = HKP_DSM_ASK_RECORD};
    memcpy(q.key, b->b.id, 32);
    next_epoch(4);
    sim_start(&sim, 4);
    sim_run(&sim, SIM_S);
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[4].node, 0, q.trust.valset_hash, &q.trust.time_ms), HKP_OK);
    struct hkp_dsm_proof proof;
    for (uint32_t what = 0; what < 4; what++) {
        q.what = what;
        if (what == HKP_DSM_ASK_OP) continue;
        if (what == HKP_DSM_ASK_HEAD) memcpy(q.key, sim.mesh.node_id[1], 16);
        if (what != HKP_DSM_ASK_HEAD) memcpy(q.key, b->b.id, 32);
        CHECK_EQ(asked(4, &q, 3), HKP_OK);
        CHECK_EQ(hkp_dsm_proof_verify(sim.nodes[4].proof, sim.nodes[4].proof_len, n->chain_id, &q.trust, 1, 0,
                                      &proof),
                 HKP_OK);
        CHECK_EQ(proof.root, what != HKP_DSM_ASK_HEAD);
        CHECK_EQ(proof.record.len, what == HKP_DSM_ASK_RECORD ? 3 : 0);
    }
    for (int k = 0; k < 2; k++) { /* who follows the chain trusts it on, however old its genesis is */
        for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += 10 * 86400 * 1000000LL;
        next_epoch(4);
        sim_run(&sim, 60 * SIM_S);
    }
    q.what = HKP_DSM_ASK_RECORD;
    CHECK_EQ(asked(4, &q, 3), HKP_OK);
    q.position = 1; /* there is one record only */
    CHECK_EQ(asked(4, &q, 20), HKP_E_NOTFOUND);
    q.position = 0;
    q.trust.valset_hash[0] ^= 1; /* who trusts another set is told nothing */
    CHECK_EQ(asked(4, &q, 20), HKP_E_NOTFOUND);
    q.trust.valset_hash[0] ^= 1;
    q.key[0] ^= 1;
    CHECK_EQ(asked(4, &q, 20), HKP_E_NOTFOUND);
    sim_free(&sim);
}

/* A true proof of something else is no answer. */
static void a_proof_of_something_else_is_no_answer(void) {
    begin(51);
    sim_start(&sim, 4);
    sim_run(&sim, SIM_S);
    sim.lost_ops = 1ULL << 43; /* the questions */
    node *n = sim.nodes[4].node;
    struct hkp_dsm_question q = {.struct_size = sizeof q, .what = HKP_DSM_ASK_HEAD};
    uint64_t ticket = 0, other = 0;
    memcpy(q.key, sim.mesh.node_id[1], 16);
    CHECK_EQ(hkp_dsm_node_trust(n, 0, q.trust.valset_hash, &q.trust.time_ms), HKP_OK);
    CHECK_EQ(hkp_dsm_ask(n, sim.now, &q, &ticket), HKP_OK);
    CHECK_EQ(hkp_dsm_prove(sim.nodes[0].node, sim.now, sim.mesh.node_id[1], 1, -2, 0, &other), HKP_OK);
    sim_pump(&sim, 0);
    CHECK_EQ(sim.nodes[0].proof_status, HKP_OK);
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    const struct hkp_dsm_view block = {sim.nodes[0].proof, sim.nodes[0].proof_len};
    hkp_dsm__put_proof(&w, n->questions[0].nonce, 0, &block);
    CHECK_EQ(say(0, 4, &w), HKP_E_DSM_PROOF);
    CHECK_EQ(sim.nodes[4].proofs, 0);
    CHECK_EQ(say(0, 4, &w), HKP_E_DSM_STALE); /* and its number is used up */
    sim_free(&sim);
}

int main(void) {
    CASE(who_was_away_for_epochs_goes_on);
    CASE(a_fresh_node_joins);
    CASE(a_validator_with_an_empty_store_joins);
    CASE(power_cuts_while_joining_are_survived);
    CASE(whose_account_differs_takes_the_set_of_the_others);
    CASE(whose_store_holds_a_wrong_account_takes_the_set_of_the_others);
    CASE(who_joined_tells_of_its_second_difference);
    CASE(power_cuts_while_the_set_is_taken_are_survived);
    CASE(a_chunk_of_a_liar_is_refused);
    CASE(talk_of_far_epochs_is_believed_once);
    CASE(proofs_are_had_from_peers);
    CASE(a_proof_of_something_else_is_no_answer);
    return check_done();
}
