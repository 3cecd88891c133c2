/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Meshes whose set lists scheme 2 (D-QC-3, D-QC-4), with members that have blst and in a build without. */
#include <hookprobe/dsm.h>

#include "check.h"
#include "sim.h"

#include "libdsm/bls/bls.h"
#include "libdsm/node/node.h"

enum { NODES = 4, KEYS = NODES + 1 };

static struct sim sim;
static uint8_t subject[32];
static struct sim_bls bls[KEYS];
static uint8_t secret[KEYS][32];

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s, (void)i;
    if (ev->kind == HKP_DSM_EV_MEMBER) memcpy(subject, ev->id, 32);
}

/* In a build without blst any bytes stand for keys: it looks at none. */
static void make_keys(void) {
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        memset(&bls[i], (int)i + 1, sizeof bls[i]);
        if (!hkp_dsm_bls_is_built()) continue;
        CHECK_EQ(hkp_dsm_bls_keypair(seed, secret[i], bls[i].key), HKP_OK);
        CHECK_EQ(hkp_dsm_bls_prove(secret[i], bls[i].proof), HKP_OK);
    }
}

static void begin(uint64_t seed, uint32_t extra) {
    make_keys();
    sim_mesh_bls(bls);
    sim_new(&sim, check_seed() + seed, NODES, extra);
    sim.on_fact = on_fact;
}

static void start_all(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 100 * SIM_MS);
}

static void end(void) {
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
    sim_mesh_bls(NULL);
}

/* The next header is a boundary (D-EPO-1). */
static void hour(uint32_t by) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += 3600 * 1000000LL;
    CHECK(sim_submit(&sim, by, "an hour later") != 0);
    sim_run(&sim, 4 * SIM_S);
}

static uint64_t wall(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static hkp_status endorse(uint32_t i) {
    const hkp_status st = hkp_dsm_node_endorse(sim.nodes[i].node, sim.now, wall(i), subject, 1000);
    sim_pump(&sim, i);
    return st;
}

/* ---- in every build ---- */

static void a_mesh_that_lists_scheme_2_needs_no_blst(void) {
    begin(10, 0);
    start_all();
    CHECK(sim_submit(&sim, 0, "first") != 0);
    sim_run(&sim, 3 * SIM_S);
    CHECK(sim_status(&sim, 3).final_height > 0);
    hour(1);
    for (uint32_t i = 0; i < NODES; i++) {
        CHECK_EQ(sim_status(&sim, i).epoch, 1);
        CHECK_EQ(sim.nodes[i].node->set.has_scheme2, 1);
        CHECK_EQ(sim.nodes[i].node->shares.before.set.n, NODES); /* late shares have a set to be judged by */
        CHECK_EQ(sim.nodes[i].node->shares.before.set.epoch, 0);
        struct hkp_dsm_bls_status status = {.struct_size = sizeof status};
        CHECK_EQ(hkp_dsm_bls_status(sim.nodes[i].node, &status), HKP_OK);
        CHECK_EQ(status.listed, 1);
        CHECK_EQ(status.keys, NODES);
        CHECK_EQ(status.own, 0);             /* no secret was given */
        for (uint32_t k = 0; k < NODES; k++) /* seats are sorted, keys are not */
            CHECK_MEM(sim.nodes[i]
                          .node->set.bls[hkp_dsm__valset_index(&sim.nodes[i].node->set, sim.mesh.node_id[k])],
                      bls[k].key, 48);
    }
    sim_crash(&sim, 2);
    sim_start(&sim, 2);
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.nodes[2].node->set.has_scheme2, 1);
    end();
}

/* D-QC-3: possession is checked at JOIN, by those who endorse it. */
static void who_joins_brings_a_key_that_its_endorsers_checked(void) {
    begin(20, 1);
    const int have = (int)hkp_dsm_bls_is_built();
    sim_outsider(&sim, NODES, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE, 9);
    start_all();
    CHECK_EQ(hkp_dsm_node_join(sim.nodes[NODES].node, sim.now, wall(NODES)), HKP_OK);
    sim_pump(&sim, NODES);
    sim_run(&sim, SIM_S);
    CHECK_EQ(endorse(1), have ? HKP_OK : HKP_E_UNSUPPORTED);
    CHECK_EQ(endorse(2), have ? HKP_OK : HKP_E_UNSUPPORTED);
    sim_run(&sim, 3 * SIM_S);
    sim_crash(&sim, 3);
    sim_start(&sim, 3);
    sim_run(&sim, SIM_S);
    hour(0);
    for (uint32_t i = 0; i < NODES; i++) {
        const struct hkp_dsm__valset *set = &sim.nodes[i].node->set;
        CHECK_EQ(set->epoch, 1);
        CHECK_EQ(set->n, have ? KEYS : NODES);
        const int seat = hkp_dsm__valset_index(set, sim.mesh.node_id[NODES]);
        CHECK_EQ(seat >= 0, have);
        if (seat >= 0) CHECK_MEM(set->bls[seat], bls[NODES].key, 48);
    }
    end();
}

static void nobody_endorses_a_key_without_its_proof(void) {
    begin(30, 1);
    memcpy(bls[NODES].key, bls[0].key, 48); /* a victim's */
    sim_outsider(&sim, NODES, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE, 9);
    start_all();
    CHECK_EQ(hkp_dsm_node_join(sim.nodes[NODES].node, sim.now, wall(NODES)), HKP_OK);
    sim_pump(&sim, NODES);
    sim_run(&sim, SIM_S);
    CHECK_EQ(endorse(1), hkp_dsm_bls_is_built() ? HKP_E_DSM_SIG : HKP_E_UNSUPPORTED);
    CHECK_EQ(sim.nodes[1].node->n_notes, 1); /* the MEMBER alone */
    end();
}

/* ---- with blst ---- */

static void members_show_shares_and_a_proof_gets_short(void) {
    static uint8_t out[1 << 20];
    struct hkp_dsm_view shares[HKP_DSM_BLS_SHARES_MAX];
    struct hkp_dsm_trust trust = {.epoch = 0};
    struct hkp_dsm_proof proof;
    size_t count = 0, len = 0;
    uint64_t ticket = 0;
    begin(40, 0);
    start_all();
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(hkp_dsm_bls_use(sim.nodes[i].node, secret[i]), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_use(sim.nodes[3].node, secret[0]), HKP_OK); /* not the key of its seat */
    const uint64_t seq = sim_submit(&sim, 0, "\x81\xa1\x01\x02");
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(hkp_dsm_bls_shares(sim.nodes[3].node, shares, HKP_DSM_BLS_SHARES_MAX, &count), HKP_OK);
    CHECK(count >= 3);
    for (size_t i = 0; i < count; i++) {
        struct hkp_dsm__vote v;
        CHECK_EQ(hkp_dsm__share_check(sim.nodes[3].node->chain_id, &sim.nodes[3].node->set, shares[i].ptr,
                                      shares[i].len, &v, NULL),
                 HKP_OK);
        CHECK(memcmp(sim.nodes[3].node->set.seats[v.signer].node_id, sim.mesh.node_id[3], 16) != 0);
    }
    CHECK_EQ(hkp_dsm_prove(sim.nodes[3].node, sim.now, sim.mesh.node_id[0], seq, 0, 0, &ticket), HKP_OK);
    sim_pump(&sim, 3);
    CHECK_EQ(sim.nodes[3].proof_status, HKP_OK);
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[3].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_compact(sim.nodes[3].proof, sim.nodes[3].proof_len, sim.nodes[3].node->chain_id,
                                 &trust, shares, count, out, sizeof out, &len),
             HKP_OK);
    CHECK(len + 90 < sim.nodes[3].proof_len);
    CHECK_EQ(hkp_dsm_proof_verify(out, len, sim.nodes[3].node->chain_id, &trust, 1, 0, &proof), HKP_OK);
    CHECK_EQ(proof.seq, seq);
    CHECK_EQ(hkp_dsm_bls_shares(sim.nodes[3].node, shares, 1, &count), HKP_E_NOSPC);
    end();
}

/* Shares of one epoch that node i holds; at most cap. */
static size_t shares_of(uint32_t i, uint64_t epoch, struct hkp_dsm_view *of, size_t cap) {
    static struct hkp_dsm_view all[HKP_DSM_BLS_SHARES_MAX];
    size_t count = 0, n = 0;
    CHECK_EQ(hkp_dsm_bls_shares(sim.nodes[i].node, all, HKP_DSM_BLS_SHARES_MAX, &count), HKP_OK);
    for (size_t k = 0; k < count && n < cap; k++) {
        struct hkp_dsm_envelope e;
        struct hkp_dsm_cbor_reader r;
        CHECK_EQ(hkp_dsm_envelope_parse(all[k].ptr, all[k].len, 1U << HKP_DSM_KIND_FINAL_BLS, &e), HKP_OK);
        (void)hkp_dsm_cbor_read(&r, e.body.ptr, e.body.len);
        (void)hkp_dsm_cbor_array(&r, 4, 4);
        if (hkp_dsm_cbor_uint(&r, 0, UINT64_MAX) == epoch) of[n++] = all[k];
    }
    return n;
}

/* D-QC-3 (decision 0571): the boundary is final when its epoch ends, and is what edge nodes walk over. */
static void the_end_of_an_epoch_gets_its_short_certificate(void) {
    static uint8_t out[1 << 20];
    struct hkp_dsm_view old[4 * NODES];
    struct hkp_dsm_trust trust = {.epoch = 0};
    struct hkp_dsm_proof proof;
    size_t len = 0;
    uint64_t ticket = 0;
    begin(60, 0);
    start_all();
    for (uint32_t i = 0; i < NODES; i++) CHECK_EQ(hkp_dsm_bls_use(sim.nodes[i].node, secret[i]), HKP_OK);
    hour(0);
    const uint64_t seq = sim_submit(&sim, 1, "\x81\xa1\x01\x02");
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(sim_status(&sim, 3).epoch, 1);
    struct hkp_dsm_bls_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_bls_status(sim.nodes[3].node, &status), HKP_OK);
    CHECK_EQ(status.own, 1);
    CHECK(status.shares >= 6);
    const size_t count = shares_of(3, 0, old, sizeof old / sizeof old[0]);
    CHECK(count >= 3);
    CHECK(shares_of(3, 1, &old[count], 1) == 1);
    CHECK_EQ(hkp_dsm_prove(sim.nodes[3].node, sim.now, sim.mesh.node_id[1], seq, 0, 0, &ticket), HKP_OK);
    sim_pump(&sim, 3);
    CHECK_EQ(sim.nodes[3].proof_status, HKP_OK);
    CHECK_EQ(hkp_dsm_node_trust(sim.nodes[3].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_compact(sim.nodes[3].proof, sim.nodes[3].proof_len, sim.nodes[3].node->chain_id,
                                 &trust, old, count, out, sizeof out, &len),
             HKP_OK); /* with shares of the old epoch alone: it is the link that got short */
    CHECK(len + 90 < sim.nodes[3].proof_len);
    CHECK_EQ(hkp_dsm_proof_verify(out, len, sim.nodes[3].node->chain_id, &trust, 1, 0, &proof), HKP_OK);
    CHECK_EQ(proof.seq, seq);
    CHECK_EQ(proof.epoch, 1);
    CHECK_EQ(proof.compact, 1);
    const size_t link_only = len; /* with all shares that it holds, the node makes the target short, too */
    CHECK_EQ(hkp_dsm_bls_shorten(sim.nodes[3].node, sim.nodes[3].proof, sim.nodes[3].proof_len, out,
                                 sizeof out, &len),
             HKP_OK);
    CHECK(len + 90 < link_only);
    CHECK_EQ(hkp_dsm_proof_verify(out, len, sim.nodes[3].node->chain_id, &trust, 1, 0, &proof), HKP_OK);
    CHECK_EQ(proof.compact, 2);
    end();
}

static hkp_status offer(uint32_t i, uint64_t epoch, uint64_t view) {
    node *n = sim.nodes[i].node;
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = epoch, .view = view, .digest = {1}};
    uint8_t bytes[HKP_DSM__SHARE_MAX];
    struct hkp_dsm_view share = {.ptr = bytes};
    CHECK_EQ(hkp_dsm__share_make(n->chain_id, &vote, sim.mesh.node_id[1], sim.mesh.secret[1], secret[1],
                                 bytes, sizeof bytes, &share.len),
             HKP_OK);
    return hkp_dsm__share_take(n, &share, NULL, 0);
}

static void late_shares_count_until_the_next_epoch_ends(void) {
    begin(70, 0);
    start_all();
    hour(0);
    const uint64_t last = sim.nodes[3].node->shares.before.view;
    CHECK_EQ(sim_status(&sim, 3).epoch, 1);
    CHECK_EQ(offer(3, 0, last + 1), HKP_OK);
    CHECK_EQ(offer(3, 0, last + 1), HKP_E_DSM_OLD); /* held */
    CHECK_EQ(offer(3, 0, last + VOTE_WINDOW + 1), HKP_E_DSM_OLD);
    CHECK_EQ(offer(3, 1, 1), HKP_OK);
    CHECK_EQ(offer(3, 2, 1), HKP_E_DSM_EPOCH);
    hour(0);
    CHECK_EQ(sim_status(&sim, 3).epoch, 2);
    CHECK_EQ(offer(3, 0, last + 2), HKP_E_DSM_EPOCH);
    CHECK_EQ(offer(3, 1, 2), HKP_OK);
    end();
}

static void shares_of_liars_fill_no_room(void) {
    begin(50, 0);
    start_all();
    CHECK(sim_submit(&sim, 0, "one") != 0);
    sim_run(&sim, 3 * SIM_S);
    node *n = sim.nodes[3].node;
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = 0, .digest = {1}};
    uint8_t bytes[HKP_DSM__SHARE_MAX];
    struct hkp_dsm_view view = {.ptr = bytes};
    uint32_t taken = 0;
    for (vote.view = n->view + VOTE_WINDOW; vote.view > n->view + VOTE_WINDOW - 10; vote.view--) {
        CHECK_EQ(hkp_dsm__share_make(n->chain_id, &vote, sim.mesh.node_id[1], sim.mesh.secret[1], secret[1],
                                     bytes, sizeof bytes, &view.len),
                 HKP_OK);
        const hkp_status st = hkp_dsm__share_take(n, &view, NULL, 0);
        CHECK(st == HKP_OK || st == HKP_E_DSM_OLD);
        taken += st == HKP_OK;
        CHECK_EQ(hkp_dsm__share_take(n, &view, NULL, 0), HKP_E_DSM_OLD); /* held, or older */
    }
    CHECK_EQ(taken, SHARES_OF_ONE);
    vote.view = n->view + VOTE_WINDOW + 1;
    CHECK_EQ(hkp_dsm__share_make(n->chain_id, &vote, sim.mesh.node_id[1], sim.mesh.secret[1], secret[1],
                                 bytes, sizeof bytes, &view.len),
             HKP_OK);
    CHECK_EQ(hkp_dsm__share_take(n, &view, NULL, 0), HKP_E_DSM_OLD);
    vote.view = n->view + VOTE_WINDOW;
    CHECK_EQ(hkp_dsm__share_make(n->chain_id, &vote, sim.mesh.node_id[2], sim.mesh.secret[2], secret[1],
                                 bytes, sizeof bytes, &view.len),
             HKP_OK);
    CHECK_EQ(hkp_dsm__share_take(n, &view, NULL, 0), HKP_E_DSM_SIG);
    vote.epoch = 1;
    CHECK_EQ(hkp_dsm__share_make(n->chain_id, &vote, sim.mesh.node_id[2], sim.mesh.secret[2], secret[2],
                                 bytes, sizeof bytes, &view.len),
             HKP_OK);
    CHECK_EQ(hkp_dsm__share_take(n, &view, NULL, 0), HKP_E_DSM_EPOCH);
    end();
}

int main(void) {
    const int have = (int)hkp_dsm_bls_is_built();
    CASE(a_mesh_that_lists_scheme_2_needs_no_blst);
    CASE(who_joins_brings_a_key_that_its_endorsers_checked);
    CASE(nobody_endorses_a_key_without_its_proof);
    CASE_IF(have, "blst", members_show_shares_and_a_proof_gets_short);
    CASE_IF(have, "blst", the_end_of_an_epoch_gets_its_short_certificate);
    CASE_IF(have, "blst", late_shares_count_until_the_next_epoch_ends);
    CASE_IF(have, "blst", shares_of_liars_fill_no_room);
    return check_done();
}
