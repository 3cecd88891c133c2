/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What one neighbour may cost a node, and what the node itself sends (D-GSP-5, D-GSP-10, D-GSP-13, D-GSP-15
 * to D-GSP-17). */
#include "played.h"

/* A block of the played one with a false signature. */
static hkp_status push_false(void) {
    struct made m = block_of(PLAYED, NULL, 1);
    const struct hkp_dsm_view env = {m.envelope, m.len};
    struct hkp_dsm_cbor_writer w = writer();
    m.envelope[m.len - 1] ^= 1;
    hkp_dsm__put_push(&w, 2, 3, HKP_DSM__FORM_ENVELOPE, &env, &content);
    return say(PLAYED, 2, w.out, w.len);
}

/* D-GSP-16, D-GSP-17: three false messages are too many; 10 minutes, then 20. */
static void who_sends_rubbish_is_sent_away(void) {
    static const uint8_t rubbish[] = {0x82, 0x09, 0x80}, ping[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    begin();
    CHECK_EQ(push_false(), HKP_E_DSM_SIG);
    CHECK_EQ(push_false(), HKP_E_DSM_SIG);
    CHECK_EQ(bad_facts(), 0);
    CHECK_EQ(say(PLAYED, 3, ping, sizeof ping), HKP_E_DSM_RATE); /* nothing of lanes 3 and 4 any more */
    CHECK_EQ(say(PLAYED, 2, rubbish, sizeof rubbish), HKP_E_DSM_SCHEMA);
    CHECK_EQ(bad_facts(), 1);
    CHECK_EQ(say(PLAYED, 0, ping, sizeof ping), HKP_E_DSM_RATE);
    CHECK_EQ(hkp_dsm_peer_down(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[PLAYED]), HKP_OK);
    CHECK_EQ(session(PLAYED), HKP_E_DSM_RATE);
    sim_run(&sim, 599 * SIM_S);
    CHECK_EQ(session(PLAYED), HKP_E_DSM_RATE);
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(session(PLAYED), HKP_OK);
    sim_free(&sim);
}

/* A new session is no new name: the score of the one before goes on. */
static void a_new_session_washes_nothing_off(void) {
    begin();
    CHECK_EQ(push_false(), HKP_E_DSM_SIG);
    CHECK_EQ(push_false(), HKP_E_DSM_SIG);
    CHECK_EQ(hkp_dsm_peer_down(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[PLAYED]), HKP_OK);
    CHECK_EQ(session(PLAYED), HKP_OK);
    CHECK_EQ(push_false(), HKP_E_DSM_SIG);
    CHECK_EQ(bad_facts(), 1);
    sim_free(&sim);
}

/* D-SMX-11: a member may lose all but the lanes of consensus. */
static void a_member_is_heard_in_the_lanes_of_consensus_whatever_it_sends(void) {
    static const uint8_t rubbish[] = {0x82, 0x09, 0x80}, prune[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    begin();
    for (int i = 0; i < 3; i++) CHECK_EQ(say(1, 2, rubbish, sizeof rubbish), HKP_E_DSM_SCHEMA);
    CHECK_EQ(bad_facts(), 0);
    CHECK_EQ(say(1, 2, prune, sizeof prune), HKP_E_DSM_RATE);
    CHECK_EQ(say(1, 3, prune, sizeof prune), HKP_E_DSM_RATE);
    CHECK_EQ(say(1, 0, prune, sizeof prune), HKP_OK);
    CHECK_EQ(say(1, 1, prune, sizeof prune), HKP_OK);
    sim_free(&sim);
}

/* D-GSP-15: the burst of lane 2, then what its rate allows; overruns cost points. */
static void more_than_a_ration_is_dropped_unread(void) {
    static const uint8_t prune[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    begin();
    for (int i = 0; i < 500; i++) CHECK_EQ(say(PLAYED, 2, prune, sizeof prune), HKP_OK);
    CHECK_EQ(say(PLAYED, 2, prune, sizeof prune), HKP_E_DSM_RATE);
    sim_run(&sim, SIM_S);
    for (int i = 0; i < 50; i++) CHECK_EQ(say(PLAYED, 2, prune, sizeof prune), HKP_OK);
    for (int i = 0; i < 19; i++) CHECK_EQ(say(PLAYED, 2, prune, sizeof prune), HKP_E_DSM_RATE);
    CHECK_EQ(bad_facts(), 0);
    CHECK_EQ(say(PLAYED, 2, prune, sizeof prune), HKP_E_DSM_RATE);
    CHECK_EQ(bad_facts(), 1);
    sim_free(&sim);
}

/* ---- what one sender may cost ---- */

/* A false block between two whose signer nobody knows, which cost nothing. */
static struct hkp_dsm_cbor_writer false_among_unknown(void) {
    struct made wrong = block_of(PLAYED, NULL, 1), nobodys = wrong;
    const struct hkp_dsm_view item[2] = {{nobodys.envelope, wrong.len}, {wrong.envelope, wrong.len}};
    struct hkp_dsm_cbor_writer w = writer();
    wrong.envelope[wrong.len - 1] ^= 1;
    memset(nobodys.envelope + 3, 0xEE, 16);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_ITEMS, 3);
    for (int i = 0; i < 3; i++) hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, &item[i % 2], &content);
    CHECK_EQ(w.status, HKP_OK);
    return w;
}

/* D-GSP-16: what costs nothing hides nothing. */
static void a_false_signature_among_items_is_the_last_that_is_read(void) {
    begin();
    for (int i = 1; i <= 3; i++) {
        const struct hkp_dsm_cbor_writer w = false_among_unknown();
        CHECK_EQ(say(PLAYED, 0, w.out, w.len), HKP_E_DSM_SIG);
        CHECK_EQ(score_of(PLAYED), -100 * i);
    }
    CHECK_EQ(bad_facts(), 1);
    sim_free(&sim);
}

/* A cert of a view far ahead: only what it holds of signatures is wrong. */
static struct hkp_dsm_view cert_of(const struct hkp_dsm__valset *set, uint32_t signers, uint8_t dst[512]) {
    static const uint8_t signature[64] = {1};
    const uint8_t *signatures[SEATS] = {signature, signers > 1 ? signature : NULL,
                                        signers > 2 ? signature : NULL};
    const struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_NOTAR, .view = 900, .digest = {1}};
    struct hkp_dsm__valset few = *set;
    struct hkp_dsm_view cert = {.ptr = dst};
    few.q = signers;
    CHECK_EQ(hkp_dsm__cert_build(&few, &vote, signatures, dst, 512, &cert.len), HKP_OK);
    return cert;
}

static void a_false_cert_among_others_is_the_last_that_is_read(void) {
    uint8_t bytes[2][512];
    begin();
    const struct hkp_dsm__valset *set = &sim.nodes[TARGET].node->set;
    const struct hkp_dsm_view wrong = cert_of(set, 3, bytes[0]), few = cert_of(set, 1, bytes[1]);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_sync_resp(&w, 2);
    hkp_dsm_cbor_put_bytes(&w, wrong.ptr, wrong.len);
    hkp_dsm_cbor_put_bytes(&w, few.ptr, few.len);
    hkp_dsm_cbor_put_array(&w, 0);
    CHECK_EQ(say(PLAYED, 0, w.out, w.len), HKP_E_DSM_SIG);
    CHECK_EQ(score_of(PLAYED), -100);
    sim_free(&sim);
}

/* D-GSP-19: who opens a lane that is none is seen by the host alone; a lane that is closed here is nobody's
 * fault. */
static void what_the_host_sees_of_lanes_costs_points(void) {
    static const uint8_t prune[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    begin();
    CHECK_EQ(hkp_dsm_peer_lanes(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[PLAYED], 3), HKP_OK);
    CHECK_EQ(say(PLAYED, 3, prune, sizeof prune), HKP_E_DSM_LANE);
    CHECK_EQ(score_of(PLAYED), 0);
    CHECK_EQ(say(PLAYED, HKP_DSM_LANES, prune, 0), HKP_E_DSM_LANE);
    CHECK_EQ(score_of(PLAYED), -10);
    sim_free(&sim);
}

static uint64_t pings(void) { return sim.ops[HKP_DSM__OP_MSG_PING]; }

static hkp_status ask_for_probe(uint32_t from, uint32_t of, uint8_t number) {
    const uint8_t nonce[8] = {number};
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm_cbor_put_array(&w, 3);
    hkp_dsm_cbor_put_uint(&w, HKP_DSM__OP_MSG_PING_REQ);
    hkp_dsm_cbor_put_bytes(&w, nonce, 8);
    hkp_dsm_cbor_put_bytes(&w, sim.mesh.node_id[of], 16);
    return say(from, 0, w.out, w.len);
}

/* D-GSP-5: who asks chooses whom this node writes to, so it writes little. Edges above PLAYED say nothing. */
static void probes_for_others_are_few(void) {
    enum { SILENT = PLAYED + 2, ALL = 12 };
    make(check_seed(), PLAYED - SEATS + 1 + ALL);
    for (uint32_t i = 0; i < PLAYED; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (uint32_t i = PLAYED; i < SILENT + ALL - 1; i++) CHECK_EQ(session(i), HKP_OK);
    for (uint32_t i = 0; i < 32; i++) CHECK_EQ(ask_for_probe(PLAYED, SILENT, (uint8_t)i), HKP_OK);
    CHECK_EQ(pings(), 1);
    CHECK_EQ(ask_for_probe(PLAYED, SILENT, 32), HKP_E_DSM_RATE);
    for (uint32_t i = 1; i < ALL - 1; i++) CHECK_EQ(ask_for_probe(PLAYED + 1, SILENT + i, 1), HKP_OK);
    CHECK_EQ(pings(), 1 + PROBES_FOR_ONE);
    CHECK_EQ(ask_for_probe(PLAYED + 1, SILENT, 1), HKP_OK);
    CHECK_EQ(pings(), 1 + PROBES_FOR_ONE);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(ask_for_probe(PLAYED, SILENT, 33), HKP_OK);
    CHECK_EQ(pings(), 2 + PROBES_FOR_ONE);
    /* what is open answers the newest question */
    CHECK_EQ(ask_for_probe(PLAYED, 0, 40), HKP_OK);
    CHECK_EQ(ask_for_probe(PLAYED, 0, 41), HKP_OK);
    const uint64_t acks = sim.ops[HKP_DSM__OP_MSG_ACK];
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_ACK] - acks, 2);
    CHECK_EQ(pings(), 3 + PROBES_FOR_ONE);
    sim_free(&sim);
}

static void send_prunes(uint32_t from, uint32_t to, uint32_t lane, uint32_t count) {
    static const uint8_t prune[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    node *n = sim.nodes[from].node;
    blob *b = hkp_dsm__bytes(n, prune, sizeof prune);
    for (uint32_t i = 0; i < count; i++)
        hkp_dsm__send_peer(n, hkp_dsm__peer(n, sim.mesh.node_id[to]), lane, b);
    hkp_dsm__blob_drop(&n->pool, b);
    sim_pump(&sim, from);
}

static int32_t score_at(uint32_t at, uint32_t who) {
    return hkp_dsm__peer(sim.nodes[at].node, sim.mesh.node_id[who])->conduct.score;
}

/* D-GSP-15: the larger rations are between members; who has no seat is heard as one without. */
static void who_has_no_seat_keeps_to_the_rations_of_such(void) {
    begin();
    struct peer *member = hkp_dsm__peer(sim.nodes[TARGET].node, sim.mesh.node_id[0]);
    uint32_t wants = 0;
    while (wants < 100 && hkp_dsm__pace_op(sim.nodes[TARGET].node, member, HKP_DSM__OP_MSG_WANT, 0)) wants++;
    CHECK_EQ(wants, 14);
    send_prunes(TARGET, 0, 1, 200);
    send_prunes(TARGET, 0, 0, 1000);
    send_prunes(1, 0, 1, 200);
    for (int i = 0; i < 30; i++) {
        sim_run(&sim, SIM_S);
        CHECK(score_at(0, TARGET) >= 0);
        if (i == 0) CHECK_EQ(hkp_dsm__peer(sim.nodes[1].node, sim.mesh.node_id[0])->queues[1].count, 0);
    }
    CHECK_EQ(hkp_dsm__peer(sim.nodes[TARGET].node, sim.mesh.node_id[0])->queues[1].count, 0);
    sim_free(&sim);
}

/* The session comes again, the ration of the other side does not. */
static void a_new_session_does_not_begin_with_a_full_ration(void) {
    begin();
    for (uint32_t i = 0; i < 3; i++) {
        send_prunes(TARGET, 0, 3, 1700);
        sim_run(&sim, 300 * SIM_MS);
        CHECK(score_at(0, TARGET) >= 0);
        CHECK_EQ(hkp_dsm_peer_down(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[0]), HKP_OK);
        CHECK_EQ(hkp_dsm_peer_down(sim.nodes[0].node, sim.now, sim.mesh.node_id[TARGET]), HKP_OK);
        sim_connect(&sim, TARGET);
    }
    sim_free(&sim);
}

/* D-GSP-10: each lower lane has its tenth, however much waits above. */
static void every_lane_that_waits_has_its_floor(void) {
    uint32_t got[HKP_DSM_LANES] = {0};
    static const uint8_t prune[] = {0x81, HKP_DSM__OP_MSG_PRUNE};
    begin();
    node *n = sim.nodes[TARGET].node;
    blob *b = hkp_dsm__bytes(n, prune, sizeof prune);
    for (int i = 0; i < 200; i++)
        for (uint32_t l = 0; l < HKP_DSM_LANES; l++)
            if (l == 0 || i < 40) hkp_dsm__send_peer(n, hkp_dsm__peer(n, sim.mesh.node_id[PLAYED]), l, b);
    hkp_dsm__blob_drop(&n->pool, b);
    for (int i = 0; i < 200; i++) {
        const uint8_t *msg = NULL;
        uint32_t lane = 0;
        size_t len = 0;
        CHECK_EQ(hkp_dsm_send_to(n, sim.mesh.node_id[PLAYED], 0, &lane, &msg, &len), HKP_OK);
        got[lane]++;
    }
    CHECK_EQ(got[0], 120);
    for (uint32_t l = 1; l < HKP_DSM_LANES; l++) CHECK_EQ(got[l], 20);
    sim_free(&sim);
}

/* ---- WANT ---- */

static struct hkp_dsm_cbor_writer want_of(uint32_t author, uint64_t to) {
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_WANT, 1);
    hkp_dsm__put_range(&w, sim.mesh.node_id[author], 1, to);
    return w;
}

/* D-GSP-15: lane 0 is no way around the ration but for members. */
static void who_has_no_seat_asks_for_blocks_at_one_rate(void) {
    begin();
    publish(TARGET, 3, 20 * SIM_MS);
    for (uint32_t i = 0; i < 16; i++) {
        const struct hkp_dsm_cbor_writer w = want_of(TARGET, 3);
        CHECK_EQ(say(PLAYED, i % 2 * 3, w.out, w.len), HKP_OK);
    }
    CHECK_EQ(score_of(PLAYED), 0);
    for (uint32_t i = 0; i < 40; i++) {
        const struct hkp_dsm_cbor_writer w = want_of(TARGET, 3);
        if (i < 2) CHECK_EQ(say(PLAYED, i * 3, w.out, w.len), HKP_E_DSM_RATE);
        CHECK_EQ(say(0, 0, w.out, w.len), HKP_OK);
    }
    CHECK_EQ(score_of(PLAYED), -20);
    CHECK_EQ(score_of(0), 0);
    sim_free(&sim);
}

static uint32_t answers_without_sending(uint32_t from, uint32_t lane) {
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 6; i++) {
        const struct hkp_dsm_cbor_writer w = want_of(TARGET, 40);
        const hkp_status st =
            hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall(), sim.mesh.node_id[from], lane, w.out, w.len);
        CHECK(st == HKP_OK || st == HKP_E_DSM_RATE);
        taken += st == HKP_OK;
    }
    return taken;
}

/* D-GSP-13: 1 MiB of ITEMS for one peer, which is three full ones; a member's proposals do not wait for its
 * lane 3. */
static void answers_that_wait_for_one_peer_are_bounded(void) {
    static uint8_t big[16000];
    begin();
    for (int i = 0; i < 40; i++) {
        uint64_t seq = 0;
        CHECK_EQ(hkp_dsm_submit(sim.nodes[TARGET].node, sim.now, wall(), 7, big, sizeof big, NULL, &seq),
                 HKP_OK);
        sim_pump(&sim, TARGET);
        sim_run(&sim, 50 * SIM_MS);
    }
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(answers_without_sending(PLAYED, 3), 3);
    CHECK_EQ(answers_without_sending(PLAYED, 0), 0);
    CHECK(hkp_dsm__peer(sim.nodes[TARGET].node, sim.mesh.node_id[PLAYED])->bytes <= 1048576);
    CHECK_EQ(answers_without_sending(0, 3), 3);
    CHECK_EQ(answers_without_sending(0, 0), 3);
    sim_pump(&sim, TARGET);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(answers_without_sending(PLAYED, 3), 3);
    CHECK_EQ(answers_without_sending(0, 0), 3);
    CHECK(score_of(PLAYED) >= 0 && score_of(0) >= 0);
    sim_free(&sim);
}

/* It is served at the rate that it keeps to, in whatever lane it has to ask. */
static void an_edge_that_comes_late_gets_all_and_loses_nothing(void) {
    enum { BLOCKS = 400 };
    for (uint32_t lanes = HKP_DSM_LANES_SAFETY | 4U; lanes != 0;
         lanes = lanes == HKP_DSM_LANES_ALL ? 0 : HKP_DSM_LANES_ALL) {
        make(check_seed(), 1);
        for (uint32_t i = 0; i < SEATS; i++) sim_start(&sim, i);
        for (uint32_t k = 0; k < BLOCKS; k++) {
            for (uint32_t i = 0; i < SEATS; i++) CHECK(sim_submit(&sim, i, "before it came") != 0);
            sim_run(&sim, 10 * SIM_MS);
        }
        sim_start(&sim, TARGET);
        for (uint32_t i = 0; i < SEATS; i++)
            CHECK_EQ(hkp_dsm_peer_lanes(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[i], lanes), HKP_OK);
        for (int s = 0; s < 30; s++) {
            sim_run(&sim, SIM_S);
            for (uint32_t i = 0; i < SEATS; i++) CHECK(score_at(i, TARGET) >= 0);
        }
        CHECK_EQ(sim.nodes[TARGET].blocks, SEATS * BLOCKS);
        CHECK_EQ(sim_status(&sim, TARGET).final_height, sim_status(&sim, 0).final_height);
        CHECK_EQ(sim.faults, 0);
        sim_free(&sim);
    }
}

int main(void) {
    CASE(who_sends_rubbish_is_sent_away);
    CASE(a_new_session_washes_nothing_off);
    CASE(a_member_is_heard_in_the_lanes_of_consensus_whatever_it_sends);
    CASE(more_than_a_ration_is_dropped_unread);
    CASE(a_false_signature_among_items_is_the_last_that_is_read);
    CASE(a_false_cert_among_others_is_the_last_that_is_read);
    CASE(what_the_host_sees_of_lanes_costs_points);
    CASE(probes_for_others_are_few);
    CASE(who_has_no_seat_keeps_to_the_rations_of_such);
    CASE(a_new_session_does_not_begin_with_a_full_ration);
    CASE(every_lane_that_waits_has_its_floor);
    CASE(who_has_no_seat_asks_for_blocks_at_one_rate);
    CASE(answers_that_wait_for_one_peer_are_bounded);
    CASE(an_edge_that_comes_late_gets_all_and_loses_nothing);
    return check_done();
}
