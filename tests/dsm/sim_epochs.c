/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Epochs in the simulator: who leaves, who comes, and when (D-EPO, D-EVD-3). */
#include <hookprobe/dsm.h>

#include "check.h"
#include "sim.h"

#include "libdsm/node/node.h"

static struct sim sim;

/** What each node told about one other node. */
static struct told {
    uint64_t revoke, lost, got;
    uint32_t reason, how;
    uint8_t subject[32];
} told[SIM_NODES];
static uint32_t watched;

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    if (memcmp(ev->node_id, s->mesh.node_id[watched], 16) != 0) return;
    struct told *t = &told[i];
    if (ev->kind == HKP_DSM_EV_REVOKE) t->revoke++, t->reason = ev->type;
    if (ev->kind == HKP_DSM_EV_SEAT && ev->count == 0) t->lost++, t->how = ev->type;
    if (ev->kind == HKP_DSM_EV_MEMBER) memcpy(t->subject, ev->id, 32);
    if (ev->kind == HKP_DSM_EV_SEAT && ev->count == 1) t->got++, t->how = ev->type;
}

static void begin(uint64_t seed, uint32_t n, uint32_t extra) {
    sim_new(&sim, seed, n, extra);
    sim.on_fact = on_fact;
    memset(told, 0, sizeof told);
}

/* An hour passes on all clocks: the next header is a boundary (D-EPO-1). */
static void hour(uint32_t by) {
    for (uint32_t i = 0; i < sim.count; i++) sim.nodes[i].clock_us += 3600 * 1000000LL;
    sim_submit(&sim, by, "an hour later");
    sim_run(&sim, 4 * SIM_S);
}

/* A twin of node 0 speaks to one half, node 0 to the other, until honest members hold evidence. */
static void twins(uint64_t seed, uint32_t n) {
    begin(seed, n, 1);
    sim.nodes[0].honest = sim.nodes[n].honest = 0;
    sim.links[0][n] = sim.links[n][0] = 0;
    sim.links[0][3] = sim.links[3][0] = 0;
    sim.links[n][1] = sim.links[1][n] = 0;
    sim.delay_max = 60 * SIM_MS;
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    for (int round = 0; round < 30 && told[2].revoke == 0; round++) {
        sim_submit(&sim, 0, "left");
        sim_submit(&sim, n, "right");
        sim_submit(&sim, 1 + (uint32_t)sim_random(&sim, n - 1), "honest");
        sim_run(&sim, 300 * SIM_MS);
    }
    sim_run(&sim, 3 * SIM_S);
}

static void an_equivocator_leaves_at_the_next_boundary(void) {
    watched = 0;
    for (uint64_t seed = 0; seed < 3; seed++) {
        int before = check_faults;
        twins(check_seed() + seed, 4);
        for (uint32_t i = 1; i < 4; i++) {
            CHECK_EQ(told[i].revoke, 1);
            CHECK_EQ(told[i].reason, 6);
            CHECK_EQ(told[i].lost, 0);
            CHECK_EQ(sim_status(&sim, i).members, 4);
        }
        sim_crash(&sim, 2); /* what was asked for is known again after a start */
        sim_start(&sim, 2);
        sim_run(&sim, SIM_S);
        hour(1);
        for (uint32_t i = 1; i < 4; i++) {
            struct hkp_dsm_node_status s = sim_status(&sim, i);
            CHECK_EQ(s.epoch, 1);
            CHECK_EQ(s.members, 3);
            CHECK_EQ(s.quorum, 3);
            CHECK_EQ(told[i].lost, 1);
            CHECK_EQ(told[i].how, 1);
        }
        uint64_t height = sim_status(&sim, 3).final_height;
        sim_crash(&sim, 1);
        sim_start(&sim, 1); /* from the snapshot of the boundary */
        uint64_t blocks[4];
        for (uint32_t i = 1; i < 4; i++) blocks[i] = sim.nodes[i].blocks_final;
        for (uint32_t i = 1; i < 4; i++) CHECK(sim_submit(&sim, i, "without it") != 0);
        sim_run(&sim, 5 * SIM_S);
        for (uint32_t i = 1; i < 4; i++) {
            CHECK(sim_status(&sim, i).final_height > height);
            CHECK_EQ(sim.nodes[i].blocks_final, blocks[i] + 3);
            CHECK_EQ(sim_status(&sim, i).silent, 0);
        }
        hour(2); /* it is not ejected twice: nothing waits */
        CHECK_EQ(sim_status(&sim, 2).epoch, 2);
        CHECK_EQ(sim_status(&sim, 2).members, 3);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, check_seed() + seed);
        sim_free(&sim);
    }
}

static uint64_t wall(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static hkp_status join(uint32_t i) {
    hkp_status st = hkp_dsm_node_join(sim.nodes[i].node, sim.now, wall(i));
    sim_pump(&sim, i);
    return st;
}

static hkp_status leave(uint32_t i) {
    hkp_status st = hkp_dsm_node_leave(sim.nodes[i].node, sim.now, wall(i));
    sim_pump(&sim, i);
    return st;
}

/* What member i was told about the watched node. */
static hkp_status endorse(uint32_t i, uint32_t trust) {
    hkp_status st = hkp_dsm_node_endorse(sim.nodes[i].node, sim.now, wall(i), told[i].subject, trust);
    sim_pump(&sim, i);
    return st;
}

static void start_all(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 100 * SIM_MS);
}

static void expect_members(uint64_t epoch, uint32_t members) {
    for (uint32_t i = 0; i < sim.count; i++) {
        if (!sim.nodes[i].up) continue;
        CHECK_EQ(sim_status(&sim, i).epoch, epoch);
        CHECK_EQ(sim_status(&sim, i).members, members);
    }
    CHECK_EQ(sim.faults, 0);
}

/* D-EPO-3: f+1 endorsements; D-EPO-5: the new member votes once its epoch began. */
static void a_node_joins_and_another_leaves(void) {
    begin(check_seed() + 40, 4, 1);
    watched = 4;
    sim_outsider(&sim, 4, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE, 9);
    start_all();
    CHECK_EQ(join(4), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(endorse(1, 799), HKP_E_INVAL);
    CHECK_EQ(endorse(1, 800), HKP_OK);
    CHECK_EQ(endorse(4, 1000), HKP_E_DSM_SIGNER);
    hour(0); /* one of f+1 */
    expect_members(1, 4);
    CHECK_EQ(endorse(1, 1000), HKP_OK); /* what was signed for the last epoch counts no more */
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(endorse(2, 900), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    expect_members(1, 4); /* not before the boundary */
    sim_crash(&sim, 3);
    sim_start(&sim, 3);
    sim_run(&sim, SIM_S);
    hour(0);
    expect_members(2, 5);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(told[i].got, 1);
    CHECK_EQ(told[0].how, 4);
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
    size_t count = 0;
    CHECK_EQ(hkp_dsm_node_seats(sim.nodes[0].node, seats, 4, &count), HKP_E_NOSPC);
    CHECK_EQ(hkp_dsm_node_seats(sim.nodes[0].node, seats, 5, &count), HKP_OK);
    CHECK_EQ(count, 5);
    sim_crash(&sim, 0); /* q = 4: nothing is final without the new member */
    uint64_t height = sim_status(&sim, 1).final_height;
    CHECK(sim_submit(&sim, 4, "by the new member") != 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK(sim_status(&sim, 1).final_height > height);
    sim_start(&sim, 0);
    sim_run(&sim, 3 * SIM_S);
    watched = 0;
    memset(told, 0, sizeof told);
    CHECK_EQ(leave(0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    hour(1);
    expect_members(3, 4);
    CHECK_EQ(told[1].lost, 1);
    CHECK_EQ(told[1].how, 3);
    CHECK_EQ(sim_status(&sim, 0).own_index, UINT32_MAX);
    CHECK_EQ(leave(0), HKP_OK); /* it has left */
    sim_run(&sim, 3 * SIM_S);
    hour(1);
    expect_members(4, 4);
    sim_free(&sim);
}

/* D-EPO-2: four members stay four, whoever wants to go, until somebody comes. */
static void of_four_nobody_leaves_until_somebody_came(void) {
    begin(check_seed() + 50, 4, 1);
    watched = 4;
    sim_outsider(&sim, 4, HKP_DSM_ROLE_VALIDATOR, 9);
    start_all();
    CHECK_EQ(leave(0), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    hour(1);
    expect_members(1, 4);
    sim_crash(&sim, 3);
    CHECK_EQ(join(4), HKP_OK);
    sim_run(&sim, SIM_S);
    CHECK_EQ(endorse(1, 800), HKP_OK);
    sim_run(&sim, SIM_S);
    sim_start(&sim, 3); /* hears of it now */
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(endorse(3, 800), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    hour(1);
    expect_members(2, 5);
    hour(1);
    expect_members(3, 4);
    CHECK_EQ(sim_status(&sim, 0).own_index, UINT32_MAX);
    CHECK(sim_status(&sim, 4).own_index != UINT32_MAX);
    sim_free(&sim);
}

/* Of seven two may go at once; the third waits for the next boundary, also in who was started anew. */
static void who_does_not_fit_waits(void) {
    begin(check_seed() + 70, 7, 0);
    watched = 0;
    start_all();
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(leave(i), HKP_OK);
        sim_run(&sim, 3 * SIM_S);
    }
    sim_crash(&sim, 2); /* does not ask again */
    hour(4);
    expect_members(1, 5);
    for (uint32_t i = 0; i < 2; i++) sim_crash(&sim, i);
    for (uint32_t i = 4; i < 7; i++) {
        sim_crash(&sim, i);
        sim_start(&sim, i);
        sim_run(&sim, SIM_S);
    }
    hour(4);
    expect_members(2, 4);
    for (uint32_t i = 0; i < 3; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    CHECK(sim_submit(&sim, 4, "in the second epoch") != 0); /* its cert tells that there is one */
    sim_run(&sim, 5 * SIM_S);
    for (uint32_t i = 0; i < 7; i++) CHECK_EQ(sim_status(&sim, i).own_index == UINT32_MAX, i < 3);
    hour(4);
    expect_members(3, 4);
    sim_free(&sim);
}

static void who_may_not_validate_gets_no_seat(void) {
    begin(check_seed() + 60, 4, 1);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_EDGE, 9);
    start_all();
    CHECK_EQ(join(4), HKP_E_DSM_ROLE);
    sim_free(&sim);
}

/* A JOIN as it should be, and what to change about it. */
struct draft {
    struct hkp_dsm__member member;
    struct hkp_dsm__endorse endorse[2];
    uint32_t candidate, certificate, by[2], n;
    int no_subject;
};

static struct draft draft(void) {
    struct hkp_dsm_multi m;
    struct draft d = {.candidate = 4, .certificate = 4, .by = {1, 2}, .n = 2};
    d.member.action = HKP_DSM__ACTION_JOIN;
    d.endorse[0].trust = d.endorse[1].trust = 800;
    CHECK_EQ(hkp_dsm_multi_parse(sim.mesh.certificate[4], sim.mesh.certificate_len[4], &m), HKP_OK);
    hkp_dsm_object_id(d.member.certificate, sim.nodes[0].node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL,
                      m.body.ptr, m.body.len);
    return d;
}

static hkp_status judged(struct draft *d, uint64_t time_ms) {
    const struct sim_mesh *mesh = &sim.mesh;
    hkp_dsm_node *n = sim.nodes[0].node;
    uint8_t member[256], endorse[2][256], op[4096];
    struct hkp_dsm_view first = {.ptr = member}, list[2], all = {.ptr = op};
    struct hkp_dsm_view second = {mesh->certificate[d->certificate], mesh->certificate_len[d->certificate]};
    CHECK_EQ(hkp_dsm__member_make(n->chain_id, &d->member, mesh->node_id[d->candidate],
                                  mesh->secret[d->candidate], member, sizeof member, &first.len),
             HKP_OK);
    struct hkp_dsm_envelope env;
    CHECK_EQ(hkp_dsm_envelope_parse(first.ptr, first.len, 1U << HKP_DSM_KIND_MEMBER, &env), HKP_OK);
    for (uint32_t i = 0; i < d->n; i++) {
        if (!d->no_subject)
            hkp_dsm_object_id(d->endorse[i].subject, n->chain_id, HKP_DSM_KIND_MEMBER, env.signer,
                              env.body.ptr, env.body.len);
        list[i].ptr = endorse[i];
        CHECK_EQ(hkp_dsm__endorse_make(n->chain_id, &d->endorse[i], mesh->node_id[d->by[i]],
                                       mesh->secret[d->by[i]], endorse[i], sizeof endorse[i], &list[i].len),
                 HKP_OK);
    }
    if (d->member.action == HKP_DSM__ACTION_LEAVE && d->n == 0)
        CHECK_EQ(hkp_dsm__op_build(HKP_DSM__OP_LEAVE, &first, NULL, op, sizeof op, &all.len), HKP_OK);
    else
        CHECK_EQ(hkp_dsm__endorsed_op(HKP_DSM__OP_JOIN, &first, &second, list, d->n, op, sizeof op, &all.len),
                 HKP_OK);
    return hkp_dsm__op_valid(n, &all, NULL, time_ms);
}

/* A list of the chain that revokes the serials of one node up to this one. */
static void revoke(uint32_t who, uint64_t serial) {
    struct hkp_dsm_revocation entry = {.serial = serial, .reason = HKP_DSM_REVOKED_POLICY};
    struct hkp_dsm_revocations list = {.number = 1, .n_entries = 1, .this_update_s = wall(0) / 1000000};
    uint8_t body[1024], scratch[2048], signature[64], bytes[2048];
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_REVOCATION_LIST, .ca_version = 1, .n_signatures = 1};
    size_t len = 0;
    const uint8_t *chain_id = sim.nodes[0].node->chain_id;
    memcpy(entry.node_id, sim.mesh.node_id[who], 16);
    list.next_update_s = list.this_update_s + 86400;
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_revocations_build(&list, &entry, body, sizeof body, &m.body.len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(signature, chain_id, HKP_DSM_KIND_REVOCATION_LIST, 1, sim.mesh.officer, body,
                                m.body.len, scratch, sizeof scratch),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[0].node, sim.now, wall(0), bytes, len), HKP_OK);
    sim_pump(&sim, 0);
    sim_run(&sim, 3 * SIM_S);
}

#define REFUSED(status, change)                                                                              \
    do {                                                                                                     \
        struct draft d = draft();                                                                            \
        change;                                                                                              \
        CHECK_EQ(judged(&d, now_ms), status);                                                                \
    } while (0)

static void a_seat_is_given_for_f_plus_1_endorsements_and_nothing_less(void) {
    begin(check_seed() + 80, 4, 2);
    sim_outsider(&sim, 4, HKP_DSM_ROLE_VALIDATOR, 9);
    sim_outsider(&sim, 5, HKP_DSM_ROLE_EDGE, 10);
    start_all();
    uint64_t now_ms = sim.mesh.time_s * 1000;
    REFUSED(HKP_OK, (void)d);
    REFUSED(HKP_E_DSM_QUORUM, d.n = 1);
    REFUSED(HKP_E_DSM_SIGNER, d.by[1] = 1); /* one of them twice */
    REFUSED(HKP_E_DSM_SIGNER, d.by[1] = 4); /* by the candidate */
    REFUSED(HKP_E_DSM_EPOCH, d.endorse[1].epoch = 1);
    REFUSED(HKP_E_DSM_EPOCH, d.member.epoch = 1);
    REFUSED(HKP_E_DSM_TARGET, d.no_subject = 1);
    REFUSED(HKP_E_DSM_QUORUM, d.endorse[0].trust = 799);
    REFUSED(HKP_E_DSM_SCHEMA, d.member.action = HKP_DSM__ACTION_LEAVE);
    REFUSED(HKP_E_DSM_PROOF, d.member.certificate[0] ^= 1);
    REFUSED(HKP_E_DSM_PROOF, d.certificate = 5);
    REFUSED(HKP_E_DSM_SIGNER, d.candidate = 5);
    REFUSED(HKP_E_DSM_DUPLICATE, d.candidate = 3); /* has a seat */
    REFUSED(HKP_E_DSM_EXPIRED, now_ms += 31ULL * 86400000);
    now_ms = sim.mesh.time_s * 1000;
    struct draft e = draft();
    e.candidate = e.certificate = 5;
    struct hkp_dsm_multi m;
    CHECK_EQ(hkp_dsm_multi_parse(sim.mesh.certificate[5], sim.mesh.certificate_len[5], &m), HKP_OK);
    hkp_dsm_object_id(e.member.certificate, sim.nodes[0].node->chain_id, HKP_DSM_KIND_CERTIFICATE, NULL,
                      m.body.ptr, m.body.len);
    CHECK_EQ(judged(&e, now_ms), HKP_E_DSM_ROLE);
    memcpy(sim.mesh.secret[1], sim.mesh.secret[2], 32); /* signatures of somebody else */
    REFUSED(HKP_E_DSM_SIG, (void)d);
    memcpy(sim.mesh.secret[4], sim.mesh.secret[2], 32);
    REFUSED(HKP_E_DSM_SIG, d.by[0] = 3);
    revoke(4, 1);
    now_ms = sim_status(&sim, 0).final_time_ms;
    REFUSED(HKP_E_DSM_REVOKED, (void)d);
    e = draft();
    e.member.action = HKP_DSM__ACTION_LEAVE;
    e.n = 0;
    e.candidate = 3;
    CHECK_EQ(judged(&e, now_ms), HKP_OK);
    e.candidate = 1;
    CHECK_EQ(judged(&e, now_ms), HKP_E_DSM_SIG);
    e.candidate = 5;
    CHECK_EQ(judged(&e, now_ms), HKP_E_DSM_SIGNER);
    sim_free(&sim);
}

/* D-SMX-8: slow links lengthen D until views end in certs, never above 8 s; fast ones shorten it to 20 ms. */
static void timers_follow_the_network_within_their_caps(void) {
    begin(check_seed() + 90, 4, 0);
    start_all();
    sim.delay_min = 900 * SIM_MS;
    sim.delay_max = 1500 * SIM_MS;
    uint64_t longest = 0;
    for (int round = 0; round < 60; round++) {
        CHECK(sim_submit(&sim, (uint32_t)round % 4, "slow") != 0);
        sim_run(&sim, 2 * SIM_S);
        for (uint32_t i = 0; i < 4; i++)
            if (sim.nodes[i].node->delay > longest) longest = sim.nodes[i].node->delay;
    }
    CHECK(sim_status(&sim, 0).nullified > 2);
    CHECK(longest > 500 * SIM_MS && longest < 8 * SIM_S);
    uint64_t height = sim_status(&sim, 0).final_height;
    CHECK(height > 1);          /* not stuck while it lasts */
    sim.delay_min = 20 * SIM_S; /* nothing comes in time */
    sim.delay_max = 25 * SIM_S;
    sim_run(&sim, 900 * SIM_S);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].node->delay, 8 * SIM_S);
    sim.delay_min = SIM_MS;
    sim.delay_max = 5 * SIM_MS;
    sim_run(&sim, 60 * SIM_S);
    for (int round = 0; round < 100; round++) {
        sim_submit(&sim, (uint32_t)round % 4, "fast");
        sim_run(&sim, 500 * SIM_MS);
    }
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(sim.nodes[i].node->delay, 20 * SIM_MS);
        CHECK(sim_status(&sim, i).final_height > height + 40);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- a chain that waits for a member ---- */

enum { CUT = 2, LIAR = 3, EDGE = 4 };

/* The liar votes NOTAR and never FINAL: it believes that it said NULL. Where the member that is away leads it
 * says so, too. */
static void withhold_final(hkp_time span, hkp_time step) {
    node *z = sim.nodes[LIAR].node;
    for (hkp_time t = 0; t < span; t += step) {
        for (uint64_t v = z->view; v < z->view + 3; v++) {
            struct slot *s = hkp_dsm__slot(z, v);
            const uint8_t *leader = z->set.seats[z->perm[v % z->set.n]].node_id;
            if (s != NULL && memcmp(leader, sim.mesh.node_id[CUT], 16) != 0) s->null = 1;
        }
        sim_run(&sim, step);
    }
}

static uint32_t open_headers(uint32_t i) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < PROPS; k++) count += sim.nodes[i].node->props[k].used;
    return count;
}

static void cut(uint32_t on) {
    for (uint32_t i = 0; i < 4; i++)
        if (i != CUT) sim_link(&sim, CUT, i, on);
}

/* FINAL needs the member that is away, NOTAR has the liar: few headers wait, and all become final when it is
 * back, whether they end an epoch or not; who joins later follows. */
static void a_chain_that_waits_for_a_member_stands(void) {
    for (int boundary = 0; boundary < 2; boundary++) {
        begin(check_seed() + 98, 4, 1);
        sim_outsider(&sim, EDGE, HKP_DSM_ROLE_EDGE, 9);
        sim.nodes[LIAR].honest = 0;
        sim.unwatched = 1;
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        sim_run(&sim, SIM_S);
        sim_submit(&sim, 0, "before");
        sim_run(&sim, 5 * SIM_S);
        if (boundary) sim_run(&sim, 4000 * SIM_S); /* longer than it ever waits for one more header */
        for (uint32_t i = 0; i < 5 && boundary; i++) sim.nodes[i].clock_us += 3601LL * 1000000;
        const uint64_t epoch = sim_status(&sim, 0).epoch + (uint64_t)boundary;
        cut(0);
        withhold_final(100 * SIM_MS, 5 * SIM_MS);
        sim_submit(&sim, 0, "while one is away");
        withhold_final(60 * SIM_S, 5 * SIM_MS);
        CHECK(open_headers(0) >= HEIGHTS_SOON);
        CHECK(open_headers(0) <= HEIGHTS_SOON + 3);
        for (int k = 0; k < 600 && boundary; k++) { /* days: what a link of the epoch has room for, no more */
            for (uint32_t i = 0; i < 4; i++) sim.nodes[i].node->entered_at = 1;
            withhold_final(100 * SIM_MS, 10 * SIM_MS);
        }
        CHECK_EQ(open_headers(0) > HEIGHTS_SOON + 8, boundary);
        CHECK(open_headers(0) <= HEIGHTS_OPEN_MAX + 1);
        cut(1);
        withhold_final(20 * SIM_S, 5 * SIM_MS);
        for (uint32_t i = 0; i < 3; i++) {
            CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
            CHECK_EQ(sim_status(&sim, i).epoch, epoch);
        }
        sim_start(&sim, EDGE);
        for (int k = 0; k < 2 && boundary; k++) hour(0);
        sim_run(&sim, 60 * SIM_S);
        CHECK_EQ(sim_status(&sim, EDGE).epoch, sim_status(&sim, 0).epoch);
        sim_free(&sim);
    }
}

/* ---- versions ---- */

/* A final boundary with or without key 14, as members with a later build make it: by their keys, for node 0.
 */
static void give_boundary(node *n, uint64_t version) {
    uint8_t set[HKP_DSM_VALSET_MAX], header[512], cert[1024], envelope[3][256], signatures[3][64];
    const uint8_t *list[HKP_DSM_MEMBERS_MAX] = {0};
    const uint8_t empty[] = {0x82, 0x80, 0x80};
    struct hkp_dsm__merkle none = {0};
    size_t set_len = 0, len = 0;
    struct hkp_dsm__header h = {.view = n->root.view + 1,
                                .height = n->root.height + 1,
                                .parent_view = n->root.view,
                                .time_ms = n->epoch_ms + 3600000,
                                .epoch = n->set.epoch,
                                .version = version};
    memcpy(h.parent, n->root.digest, 32);
    CHECK_EQ(hkp_dsm__goto(n, NULL), 1);
    memcpy(h.heads_root, hkp_dsm__heads_root(n->heads), 32);
    h.n_heads = hkp_dsm__heads_count(n->heads);
    hkp_dsm__merkle_root(&none, h.blocks_root);
    hkp_dsm__merkle_root(&none, h.ops_root);
    h.proposer = n->perm[h.view % n->set.n];
    CHECK_EQ(hkp_dsm_valset_build(n->set.seats, n->set.n, n->set.epoch + 1, set, sizeof set, &set_len),
             HKP_OK);
    hkp_dsm__valset_hash(h.next_valset, set, set_len);
    CHECK_EQ(hkp_dsm__header_build(&h, header, sizeof header, &len), HKP_OK);
    const struct hkp_dsm_view header_view = {header, len}, body = {empty, sizeof empty};
    CHECK_EQ(hkp_dsm__header_parse(n->chain_id, header, len, &h), HKP_OK);
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .view = h.view, .epoch = h.epoch};
    memcpy(vote.digest, h.digest, 32);
    for (uint32_t i = 1; i < 4; i++) {
        struct hkp_dsm_envelope env;
        CHECK_EQ(hkp_dsm__vote_make(n->chain_id, &vote, sim.mesh.node_id[i], sim.mesh.secret[i],
                                    envelope[i - 1], sizeof envelope[0], &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm_envelope_parse(envelope[i - 1], len, 1U << HKP_DSM_KIND_FINAL, &env), HKP_OK);
        memcpy(signatures[i - 1], env.signature, 64);
        list[hkp_dsm__valset_index(&n->set, sim.mesh.node_id[i])] = signatures[i - 1];
    }
    CHECK_EQ(hkp_dsm__cert_build(&n->set, &vote, list, cert, sizeof cert, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__cert_take(n, cert, len), HKP_OK);
    CHECK(hkp_dsm__prop_add(n, &h, &header_view, &body, NULL) != NULL);
}

static uint64_t outdated;

static void on_version(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (i == 0 && ev->kind == HKP_DSM_EV_OUTDATED) outdated = ev->type * 10 + ev->epoch;
}

/* D-EPO-7: what this build does not know it does not vote for, and says so, also after a start. */
static void a_later_version_leaves_this_build_behind(void) {
    begin(check_seed() + 97, 4, 0);
    start_all();
    sim_submit(&sim, 0, "version 1");
    sim_run(&sim, 3 * SIM_S);
    for (uint32_t i = 1; i < 4; i++) sim_crash(&sim, i);
    sim.unwatched = 1; /* the others are of another build */
    sim.on_fact = on_version;
    outdated = 0;
    give_boundary(sim.nodes[0].node, 2);
    sim_run(&sim, SIM_S);
    CHECK_EQ(outdated, 21);
    for (uint64_t round = 0; round < 3; round++) {
        if (round == 2) { /* the version stays in force in the epochs behind */
            give_boundary(sim.nodes[0].node, 0);
            sim_run(&sim, SIM_S);
        }
        const uint64_t epoch = round == 2 ? 2 : 1;
        CHECK_EQ(sim_status(&sim, 0).epoch, epoch);
        CHECK_EQ(sim_status(&sim, 0).silent, 1);
        for (uint64_t v = 0; v < 8; v++) CHECK_EQ(hkp_dsm__may_promise(sim.nodes[0].node, v), 0);
        outdated = 0;
        sim_crash(&sim, 0);
        sim_start(&sim, 0);
        sim_run(&sim, SIM_S);
        CHECK_EQ(outdated, 20 + epoch);
    }
    sim_free(&sim);
}

/* D-SMX-8: who comes back waits for the others in its first view, however fast they were. */
static void the_first_view_after_a_start_is_patient(void) {
    begin(check_seed() + 95, 4, 0);
    sim.t_cp = HKP_DSM_T_CP_NONE;
    start_all();
    const hkp_dsm_node *n = sim.nodes[0].node;
    uint32_t leader = 0, by = 0;
    while (memcmp(sim.mesh.node_id[leader], n->set.seats[n->perm[1]].node_id, 16) != 0) leader++;
    sim_crash(&sim, leader);
    by = leader == 0;
    CHECK(sim_submit(&sim, by, "nobody leads") != 0);
    hkp_time from = sim.now;
    while (sim_status(&sim, by).view == 1 && sim.now < from + 5 * SIM_S) sim_run(&sim, 5 * SIM_MS);
    CHECK(sim.now - from >= 500 * SIM_MS); /* 2 D of 250 ms, though D is 50 ms */
    CHECK(sim.now - from < 700 * SIM_MS);
    sim_free(&sim);
}

/* Of all messages so many are lost, and the hosts tell their nodes (D-GSP-8). */
static void lossy(uint32_t per_mille) {
    sim.loss = per_mille;
    for (uint32_t i = 0; i < sim.count; i++)
        for (uint32_t k = 0; k < sim.count; k++) {
            hkp_status st = hkp_dsm_gossip_loss(sim.nodes[i].node, sim.mesh.node_id[k], per_mille);
            (void)st; /* no session */
        }
}

/* D-EPO-3: who asks is known to the members by another node alone, and three messages in ten are lost:
 * whoever holds a request tells of it until the chain has it. */
static void a_request_for_a_seat_survives_losses(void) {
    for (uint64_t seed = check_seed() * 16 + 900; seed < check_seed() * 16 + 904; seed++) {
        int before = check_faults;
        begin(seed, 4, 2);
        watched = 4;
        sim_outsider(&sim, 4, HKP_DSM_ROLE_VALIDATOR, 9);
        sim_outsider(&sim, 5, HKP_DSM_ROLE_EDGE, 10);
        for (uint32_t i = 0; i < 4; i++) sim_link(&sim, i, 4, 0);
        for (uint32_t i = 1; i < 4; i++) sim_link(&sim, i, 5, 0);
        start_all();
        lossy(300);
        sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH; /* and not by the first telling */
        CHECK_EQ(join(4), HKP_OK);
        sim_run(&sim, 100 * SIM_MS);
        sim.lost_ops = 0;
        for (int s = 0; s < 480; s++) {
            sim_run(&sim, SIM_S);
            for (uint32_t i = 2; i < 4; i++)
                if (told[i].subject[0] != 0) (void)endorse(i, 900);
        }
        for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].node->pending->count, 1);
        hour(0);
        sim_run(&sim, 180 * SIM_S);
        for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).members, 5);
        CHECK_EQ(sim.faults, 0);
        CHECK_NOTE(before, "seed %" PRIu64, seed);
        sim_free(&sim);
    }
}

int main(void) {
    CASE(an_equivocator_leaves_at_the_next_boundary);
    CASE(a_node_joins_and_another_leaves);
    CASE(a_request_for_a_seat_survives_losses);
    CASE(of_four_nobody_leaves_until_somebody_came);
    CASE(who_does_not_fit_waits);
    CASE(a_seat_is_given_for_f_plus_1_endorsements_and_nothing_less);
    CASE(timers_follow_the_network_within_their_caps);
    CASE(the_first_view_after_a_start_is_patient);
    CASE(who_may_not_validate_gets_no_seat);
    CASE(a_chain_that_waits_for_a_member_stands);
    CASE(a_later_version_leaves_this_build_behind);
    return check_done();
}
