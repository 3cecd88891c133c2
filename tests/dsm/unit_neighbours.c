/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Real nodes that keep their neighbours by themselves (D-GSP-1 to D-GSP-5); the test plays their hosts. */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/message/message.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { SEATS = 4, WISHES = 256 };

static struct sim sim;
static struct { uint32_t from, to, kind; } wishes[WISHES];
static uint32_t n_wishes;
static uint64_t closes, connects;
/** CONNECT of one node */
static uint32_t watched;
static uint64_t watched_connects;
/** 1: hosts do nothing */
static int idle_hosts;

static uint64_t wall(void) { return sim.mesh.time_s * 1000000 + sim.now / 1000; }

static uint32_t number_of(const uint8_t node_id[16]) {
    uint32_t i = 0;
    while (i < sim.count && memcmp(sim.mesh.node_id[sim.nodes[i].who], node_id, 16) != 0) i++;
    return i;
}

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (ev->kind != HKP_DSM_EV_CONNECT && ev->kind != HKP_DSM_EV_CLOSE) return;
    *(ev->kind == HKP_DSM_EV_CONNECT ? &connects : &closes) += 1;
    watched_connects += ev->kind == HKP_DSM_EV_CONNECT && i == watched;
    if (ev->kind == HKP_DSM_EV_CONNECT) {
        struct hkp_dsm_peer_record r;
        CHECK_EQ(hkp_dsm_peer_record_parse(ev->data, ev->data_len, &r), HKP_OK);
        CHECK_MEM(r.node_id, ev->node_id, 16);
        CHECK_EQ(r.addresses[0].ip[3], 1 + number_of(ev->node_id));
    }
    if (n_wishes == WISHES) return;
    wishes[n_wishes].from = i;
    wishes[n_wishes].to = number_of(ev->node_id);
    wishes[n_wishes++].kind = ev->kind;
}

static int have_session(uint32_t a, uint32_t b) {
    return hkp_dsm__peer(sim.nodes[a].node, sim.mesh.node_id[sim.nodes[b].who]) != NULL;
}

static void session(uint32_t a, uint32_t b) {
    if (!sim.nodes[a].up || !sim.nodes[b].up || have_session(a, b)) return;
    sim.links[a][b] = sim.links[b][a] = 1;
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[a].node, sim.now, sim.mesh.node_id[b], HKP_DSM_LANES_ALL), HKP_OK);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[b].node, sim.now, sim.mesh.node_id[a], HKP_DSM_LANES_ALL), HKP_OK);
    sim_pump(&sim, a);
    sim_pump(&sim, b);
}

static void no_session(uint32_t a, uint32_t b) {
    const uint32_t pair[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        if (!sim.nodes[pair[i]].up || !have_session(pair[i], pair[1 - i])) continue;
        CHECK_EQ(hkp_dsm_peer_down(sim.nodes[pair[i]].node, sim.now, sim.mesh.node_id[pair[1 - i]]), HKP_OK);
        sim_pump(&sim, pair[i]);
    }
    sim.links[a][b] = sim.links[b][a] = 0;
}

/* Time passes; hosts do what their nodes ask for. */
static void run(hkp_time span) {
    for (const hkp_time end = sim.now + span; sim.now < end;) {
        sim_run(&sim, 10 * SIM_MS);
        for (uint32_t i = 0; i < n_wishes && !idle_hosts; i++) {
            const uint32_t from = wishes[i].from, to = wishes[i].to;
            if (wishes[i].kind == HKP_DSM_EV_CLOSE)
                no_session(from, to);
            else if (sim.nodes[to].up)
                session(from, to);
            else
                CHECK_EQ(hkp_dsm_gossip_failed(sim.nodes[from].node, sim.now, sim.mesh.node_id[to]), HKP_OK);
        }
        n_wishes = 0;
    }
}

static struct hkp_dsm_address address_of(uint32_t i) {
    return (struct hkp_dsm_address){.ip = {10, 0, 0, (uint8_t)(1 + i)}, .ip_len = 4, .port = 4433};
}

static void tell_addresses(uint32_t i) {
    const struct hkp_dsm_address a = address_of(i);
    CHECK_EQ(hkp_dsm_gossip_addresses(sim.nodes[i].node, sim.now, wall(), &a, 1, 0), HKP_OK);
    sim_pump(&sim, i);
}

static struct hkp_dsm_gossip_status gossip(uint32_t i) {
    struct hkp_dsm_gossip_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_gossip_status(sim.nodes[i].node, &s), HKP_OK);
    return s;
}

/* Four validators with all their sessions, and edges with none. */
static void begin(uint64_t seed, uint32_t edges) {
    sim_new(&sim, seed, SEATS, edges);
    sim.on_fact = on_fact;
    n_wishes = 0;
    idle_hosts = 0;
    closes = connects = 0;
    memset(sim.links, 0, sizeof sim.links);
    for (uint32_t i = SEATS; i < sim.count; i++) sim_outsider(&sim, i, HKP_DSM_ROLE_EDGE, 1 + i);
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    for (uint32_t a = 0; a < SEATS; a++)
        for (uint32_t b = a + 1; b < SEATS; b++) session(a, b);
}

static void expect_all_have(uint64_t blocks) {
    for (uint32_t i = 0; i < sim.count; i++) {
        if (!sim.nodes[i].up) continue;
        CHECK_EQ(sim.nodes[i].blocks, blocks);
        CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
    }
    CHECK_EQ(sim.faults, 0);
}

/* ---- records ---- */

static struct hkp_dsm_peer_record record_of(uint32_t i) {
    struct hkp_dsm_peer_record r = {.seq = 7, .expires_s = sim.mesh.time_s + 3600, .n_addresses = 1};
    memcpy(r.node_id, sim.mesh.node_id[i], 16);
    r.addresses[0] = address_of(i);
    r.tier = HKP_DSM_TIER_GUARDIAN;
    r.roles = HKP_DSM_ROLE_EDGE;
    return r;
}

static void a_record_says_where_and_whose(void) {
    uint8_t bytes[HKP_DSM_PEER_RECORD_MAX], chain_id[32];
    size_t len = 0;
    begin(1, 0);
    memcpy(chain_id, sim_status(&sim, 0).chain_id, 32);
    const uint8_t *key = sim.mesh.secret[1] + 32;
    struct hkp_dsm_peer_record r = record_of(1), back = {.seq = 99};
    r.n_addresses = 8;
    for (uint32_t i = 1; i < 8; i++)
        r.addresses[i] =
            (struct hkp_dsm_address){.ip = {0x20, 1, 0xd, 0xb8}, .ip_len = 16, .port = 65535, .transport = 1};
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[1], bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_peer_record_check(bytes, len, chain_id, key, sim.mesh.time_s, &back), HKP_OK);
    CHECK_MEM(&back, &r, sizeof r);
    back.seq = 99;
    CHECK_EQ(hkp_dsm_peer_record_check(bytes, len, chain_id, sim.mesh.secret[2] + 32, sim.mesh.time_s, &back),
             HKP_E_DSM_SIG);
    CHECK_EQ(hkp_dsm_peer_record_check(bytes, len, chain_id, key, sim.mesh.time_s + 3600, &back),
             HKP_E_DSM_EXPIRED);
    CHECK_EQ(hkp_dsm_peer_record_check(bytes, len, chain_id, key, sim.mesh.time_s - 83200, &back),
             HKP_E_DSM_TIME);
    CHECK_EQ(back.seq, 99);
    for (size_t cut = 0; cut < len; cut++) CHECK(hkp_dsm_peer_record_parse(bytes, cut, &back) < 0);
    bytes[21] ^= 1; /* number of pairs of the body: the signature is looked at first (D-ENV-2) */
    CHECK_EQ(hkp_dsm_peer_record_check(bytes, len, chain_id, key, sim.mesh.time_s, &back), HKP_E_DSM_SIG);
    CHECK(hkp_dsm_peer_record_parse(bytes, len, &back) < 0);
    const struct hkp_dsm_peer_record good = r;
    r.n_addresses = 9;
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[1], bytes, sizeof bytes, &len),
             HKP_E_DSM_SCHEMA);
    r = good;
    r.addresses[3].port = 0;
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[1], bytes, sizeof bytes, &len),
             HKP_E_DSM_SCHEMA);
    r = good;
    r.addresses[3].ip_len = 5;
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[1], bytes, sizeof bytes, &len),
             HKP_E_DSM_SCHEMA);
    sim_free(&sim);
}

static void private_ranges_are_known(void) {
    static const struct {
        uint8_t ip[16];
        uint32_t len;
        int private_;
    } list[] = {{{10, 1, 2, 3}, 4, 1},
                {{172, 16, 0, 1}, 4, 1},
                {{172, 32, 0, 1}, 4, 0},
                {{192, 168, 0, 1}, 4, 1},
                {{192, 169, 0, 1}, 4, 0},
                {{127, 0, 0, 1}, 4, 1},
                {{169, 254, 9, 9}, 4, 1},
                {{100, 64, 0, 1}, 4, 1},
                {{100, 128, 0, 1}, 4, 0},
                {{203, 0, 113, 7}, 4, 0},
                {{0xFD, 1}, 16, 1},
                {{0xFE, 0x80}, 16, 1},
                {{[15] = 1}, 16, 1},
                {{0x20, 1}, 16, 0},
                {{[10] = 0xFF, [11] = 0xFF, 10, 1, 2, 3}, 16, 1},
                {{[10] = 0xFF, [11] = 0xFF, 203, 0, 113, 9}, 16, 0}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct hkp_dsm_address a = {.ip_len = list[i].len};
        memcpy(a.ip, list[i].ip, 16);
        CHECK_EQ(hkp_dsm__address_is_private(&a), list[i].private_);
        CHECK_EQ(hkp_dsm__address_net(&a) == 0, list[i].private_);
    }
    const struct hkp_dsm_address plain = {.ip = {203, 0, 113, 7}, .ip_len = 4},
                                 mapped = {.ip = {[10] = 0xFF, [11] = 0xFF, 203, 0, 113, 9}, .ip_len = 16},
                                 beside = {.ip = {203, 0, 114, 7}, .ip_len = 4};
    CHECK_EQ(hkp_dsm__address_net(&plain), hkp_dsm__address_net(&mapped));
    CHECK(hkp_dsm__address_net(&plain) != hkp_dsm__address_net(&beside));
}

/* ---- views ---- */

static void four_that_have_sessions_are_all_neighbours(void) {
    begin(check_seed(), 0);
    for (uint32_t i = 0; i < SEATS; i++) tell_addresses(i);
    run(5 * SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) {
        CHECK_EQ(gossip(i).on, 1);
        CHECK_EQ(gossip(i).links, SEATS - 1);
    }
    CHECK(sim_submit(&sim, 1, "to all") != 0);
    run(3 * SIM_S);
    expect_all_have(1);
    CHECK_EQ(closes, 0);
    sim_free(&sim);
}

/* Half of them keep a view and half take what comes. */
static void nodes_with_and_without_addresses_understand_each_other(void) {
    begin(check_seed(), 0);
    tell_addresses(0);
    tell_addresses(2);
    run(5 * SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) CHECK_EQ(gossip(i).links, SEATS - 1);
    CHECK(sim_submit(&sim, 0, "a") != 0);
    CHECK(sim_submit(&sim, 1, "b") != 0);
    run(3 * SIM_S);
    expect_all_have(2);
    sim_free(&sim);
}

enum { EDGES = 14 };

/* Each edge knows one other at first. */
static void grow(uint64_t seed) {
    begin(seed, EDGES);
    for (uint32_t i = 0; i < sim.count; i++) tell_addresses(i);
    for (uint32_t i = SEATS; i < sim.count; i++) {
        session(i, (uint32_t)sim_random(&sim, i));
        run(200 * SIM_MS);
    }
    run(45 * SIM_S);
}

static void who_knows_one_other_finds_neighbours(void) {
    for (uint64_t seed = 0; seed < 2; seed++) {
        grow(check_seed() * 10 + seed);
        uint32_t all = 0, known = 0;
        for (uint32_t i = 0; i < sim.count; i++) {
            const struct hkp_dsm_gossip_status s = gossip(i);
            CHECK(s.links >= 2 && s.links <= 8);
            known += s.passive;
            CHECK_EQ(s.away, 0);
            CHECK_EQ(s.health, 1);
            all += s.links;
        }
        printf("# %u nodes, %u.%u links each, %" PRIu64 " sessions asked for, %" PRIu64 " given back\n",
               sim.count, all / sim.count, all * 10 / sim.count % 10, connects, closes);
        CHECK(known > sim.count);
        for (int i = 0; i < 5; i++) {
            CHECK(sim_submit(&sim, SEATS + 3, "to all") != 0);
            run(300 * SIM_MS);
        }
        run(5 * SIM_S);
        expect_all_have(5);
        sim_free(&sim);
    }
}

static uint32_t neighbours_with(uint32_t who) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < sim.count; i++) {
        if (i == who || !sim.nodes[i].up) continue;
        const struct peer *p = hkp_dsm__peer(sim.nodes[i].node, sim.mesh.node_id[who]);
        n += p != NULL && p->link != 0;
    }
    return n;
}

/* D-GSP-5: nobody closes a session that is silent but those who ask. */
static void who_does_not_answer_is_replaced(void) {
    grow(check_seed() * 10 + 5);
    const uint32_t gone = SEATS + 2;
    CHECK(neighbours_with(gone) >= 2);
    for (uint32_t i = 0; i < sim.count; i++) sim.links[i][gone] = sim.links[gone][i] = 0;
    sim.nodes[gone].silent = 1;
    run(20 * SIM_S);
    CHECK_EQ(neighbours_with(gone), 0);
    for (uint32_t i = 0; i < sim.count; i++)
        if (i != gone) CHECK(gossip(i).links >= 2);
    sim_free(&sim);
}

/* Only the way between two is cut: others vouch. */
static void who_answers_others_is_kept(void) {
    begin(check_seed(), 0);
    for (uint32_t i = 0; i < SEATS; i++) tell_addresses(i);
    run(5 * SIM_S);
    sim.links[0][1] = sim.links[1][0] = 0;
    run(20 * SIM_S);
    CHECK_EQ(closes, 0);
    CHECK_EQ(gossip(0).links, 3);
    for (uint32_t i = 0; i < SEATS; i++) sim.links[1][i] = 0; /* now it says nothing to anybody */
    idle_hosts = 1;
    run(40 * SIM_S);
    CHECK(closes >= 3);
    CHECK_EQ(gossip(0).silent > 0, 1);
    sim_free(&sim);
}

static void a_ghost_is_neither_probed_nor_pushed_to(void) {
    begin(check_seed(), 1);
    for (uint32_t i = 0; i < sim.count; i++) tell_addresses(i);
    session(SEATS, 0);
    run(5 * SIM_S);
    CHECK_EQ(gossip(SEATS).links >= 1, 1);
    for (uint32_t i = 0; i < SEATS; i++)
        if (have_session(i, SEATS))
            CHECK_EQ(hkp_dsm_gossip_stance(sim.nodes[i].node, sim.mesh.node_id[SEATS], HKP_DSM_STANCE_GHOST),
                     HKP_OK);
    CHECK_EQ(hkp_dsm_gossip_stance(sim.nodes[SEATS].node, NULL, HKP_DSM_STANCE_GHOST), HKP_OK);
    run(2 * SIM_S);
    sim_run(&sim, SIM_S);
    for (uint32_t i = 0; i < SEATS; i++) {
        const struct peer *p = hkp_dsm__peer(sim.nodes[i].node, sim.mesh.node_id[SEATS]);
        if (p == NULL) continue;
        CHECK_EQ(p->probe.step, 0);
        if (p->link != 0) CHECK_EQ(sim.nodes[i].node->spread.tree.links[p->link - 1].out_eager, 0);
    }
    CHECK(sim_submit(&sim, 1, "to all") != 0); /* announced, and asked for when it likes */
    run(4 * SIM_S);
    expect_all_have(1);
    sim_free(&sim);
}

/* D-GSP-5: its turns are those of its heartbeats, of which its host tells, and others leave it alone. */
static void a_quiet_node_does_anti_entropy_with_its_heartbeats(void) {
    for (uint32_t stance = HKP_DSM_STANCE_STEALTH; stance <= HKP_DSM_STANCE_GHOST; stance++) {
        begin(check_seed(), 0);
        run(5 * SIM_S);
        hkp_dsm_node *quiet = sim.nodes[3].node;
        for (uint32_t i = 0; i < 3; i++)
            CHECK_EQ(hkp_dsm_gossip_stance(sim.nodes[i].node, sim.mesh.node_id[3], stance), HKP_OK);
        hkp_time asked[SEATS] = {0};
        uint64_t turns = quiet->entropy.turns;
        for (int beat = 0; beat < 3; beat++) {
            CHECK_EQ(hkp_dsm_gossip_stance(quiet, NULL, stance), HKP_OK);
            run(20 * SIM_S);
            CHECK_EQ(quiet->entropy.turns, ++turns);
            for (uint32_t i = 0; i < 3; i++) {
                const hkp_time at = hkp_dsm__peer(quiet, sim.mesh.node_id[i])->digest_again;
                CHECK(beat == 0 || at == asked[i]);
                asked[i] = at;
            }
        }
        CHECK_EQ(hkp_dsm_gossip_stance(quiet, NULL, HKP_DSM_STANCE_OPEN), HKP_OK);
        run(20 * SIM_S);
        CHECK(quiet->entropy.turns >= turns + 9);
        sim_free(&sim);
    }
}

/* D-GSP-2, D-GSP-4: who lost its seat is no anchor any more, and is pushed out of the passive view by all. */
static void anchors_follow_the_validator_set(void) {
    grow(check_seed() * 10 + 9);
    node *n = NULL;
    const struct hkp_dsm__view_peer *anchor = NULL;
    for (uint32_t i = SEATS; i < sim.count && anchor == NULL; i++) {
        n = sim.nodes[i].node;
        for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++)
            if (n->near.view.active[k].state != 0 && n->near.view.active[k].anchor)
                anchor = &n->near.view.active[k];
    }
    CHECK(anchor != NULL);
    if (anchor == NULL) return;
    uint8_t who[16];
    memcpy(who, anchor->c.node_id, 16);
    const struct hkp_dsm__valset before = n->set;
    uint32_t anchors = 0;
    for (uint32_t i = 0; i < SEATS; i++)
        if (memcmp(n->set.seats[i].node_id, who, 16) == 0) n->set.seats[i].node_id[15] ^= 1;
    hkp_dsm__peers_seats(n);
    for (uint32_t k = 0; k < HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS; k++) {
        const struct hkp_dsm__view_peer *p = &n->near.view.active[k];
        anchors += p->state != 0 && p->anchor && memcmp(p->c.node_id, who, 16) == 0;
    }
    CHECK_EQ(anchors, 0);
    const struct hkp_dsm__contact *c = hkp_dsm__view_contact(&n->near.view, who);
    CHECK(c != NULL && c->record != NULL && !c->validator);
    n->set = before;
    hkp_dsm__peers_seats(n);
    c = hkp_dsm__view_contact(&n->near.view, who);
    CHECK(c != NULL && c->validator);
    sim_free(&sim);
}

static hkp_status say(uint32_t to, uint32_t from, const struct hkp_dsm_cbor_writer *w) {
    CHECK_EQ(w->status, HKP_OK);
    const hkp_status st =
        hkp_dsm_recv(sim.nodes[to].node, sim.now, wall(), sim.mesh.node_id[from], 3, w->out, w->len);
    sim_pump(&sim, to);
    return st;
}

/* A record is of whom it is, and right, or it enters no view. */
/* A record that is pushed is verified, learnt, and passed on once; the next of the same node not at once. */
static void a_pushed_record_is_learnt_and_passed_on(void) {
    uint8_t bytes[HKP_DSM_PEER_RECORD_MAX], message[1024];
    struct hkp_dsm_view view = {.ptr = bytes};
    begin(check_seed(), 2);
    for (uint32_t i = 0; i < SEATS; i++) tell_addresses(i);
    run(3 * SIM_S);
    uint8_t chain_id[32];
    memcpy(chain_id, sim_status(&sim, 0).chain_id, 32);
    for (uint64_t seq = 7; seq < 9; seq++) {
        struct hkp_dsm_peer_record r = record_of(5);
        r.seq = seq;
        CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[5], bytes, sizeof bytes, &view.len),
                 HKP_OK);
        for (int spoilt = 1; spoilt >= 0; spoilt--) {
            struct hkp_dsm_cbor_writer w = {.out = message, .cap = sizeof message};
            bytes[view.len - 1] ^= (uint8_t)spoilt;
            hkp_dsm__put_push(&w, 3, 0, HKP_DSM__FORM_ENVELOPE, &view, NULL);
            bytes[view.len - 1] ^= (uint8_t)spoilt;
            const hkp_status st = hkp_dsm_recv(sim.nodes[0].node, sim.now, wall(),
                                               sim.mesh.node_id[1 + spoilt], 3, w.out, w.len);
            CHECK_EQ(st, seq == 8 ? HKP_E_DSM_RATE : spoilt ? HKP_E_DSM_SIG : HKP_OK);
            sim_pump(&sim, 0);
        }
        run(SIM_S);
        CHECK(hkp_dsm__view_contact(&sim.nodes[0].node->near.view, sim.mesh.node_id[5]) != NULL);
        CHECK(hkp_dsm__view_contact(&sim.nodes[2].node->near.view, sim.mesh.node_id[5]) != NULL);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void false_records_enter_no_view(void) {
    static uint8_t buffer[8192];
    uint8_t bytes[HKP_DSM_PEER_RECORD_MAX];
    struct hkp_dsm_view view = {.ptr = bytes};
    begin(check_seed(), 3);
    const struct hkp_dsm__view *v = &sim.nodes[0].node->near.view;
    tell_addresses(0);
    session(4, 0);
    run(SIM_S);
    struct hkp_dsm_peer_record r = record_of(5);
    uint8_t chain_id[32];
    memcpy(chain_id, sim_status(&sim, 0).chain_id, 32);
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[5], bytes, sizeof bytes, &view.len),
             HKP_OK);
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_JOIN, &view);
    CHECK_EQ(say(0, 4, &w), HKP_E_DSM_NODE_ID); /* of another */
    CHECK(hkp_dsm__view_contact(v, r.node_id) == NULL);
    CHECK_EQ(hkp_dsm_gossip_learn(sim.nodes[0].node, sim.now, wall(), bytes, view.len), HKP_OK);
    CHECK(hkp_dsm__view_contact(v, r.node_id) != NULL);
    uint8_t old[HKP_DSM_PEER_RECORD_MAX];
    size_t old_len = 0;
    r = record_of(6);
    r.expires_s = sim.mesh.time_s - 1;
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[6], old, sizeof old, &old_len), HKP_OK);
    r = record_of(6);
    CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[5], bytes, sizeof bytes, &view.len),
             HKP_OK);
    static const uint8_t nonce[8] = {1};
    w = (struct hkp_dsm_cbor_writer){.out = buffer, .cap = sizeof buffer};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, HKP_DSM__OP_MSG_SHUFFLE);
    hkp_dsm_cbor_put_bytes(&w, nonce, 8);
    hkp_dsm_cbor_put_array(&w, 2);
    hkp_dsm_cbor_put_bytes(&w, view.ptr, view.len);
    hkp_dsm_cbor_put_bytes(&w, old, old_len); /* what costs nothing does not hide what does (D-GSP-16) */
    hkp_dsm_cbor_put_uint(&w, 0);
    CHECK_EQ(say(0, 4, &w), HKP_E_DSM_SIG);
    CHECK(hkp_dsm__view_contact(v, r.node_id) == NULL);
    sim_free(&sim);
}

static void an_expired_record_among_others_is_left_out(void) {
    static uint8_t buffer[8192];
    static const uint8_t nonce[8] = {1};
    uint8_t chain_id[32];
    begin(check_seed(), 3);
    const struct hkp_dsm__view *v = &sim.nodes[0].node->near.view;
    tell_addresses(0);
    session(4, 0);
    run(SIM_S);
    memcpy(chain_id, sim_status(&sim, 0).chain_id, 32);
    struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, HKP_DSM__OP_MSG_SHUFFLE);
    hkp_dsm_cbor_put_bytes(&w, nonce, 8);
    hkp_dsm_cbor_put_array(&w, 2);
    for (uint32_t i = 5; i < 7; i++) {
        uint8_t bytes[HKP_DSM_PEER_RECORD_MAX];
        size_t len = 0;
        struct hkp_dsm_peer_record r = record_of(i);
        if (i == 5) r.expires_s = sim.mesh.time_s - 1;
        CHECK_EQ(hkp_dsm_peer_record_build(&r, chain_id, sim.mesh.secret[i], bytes, sizeof bytes, &len),
                 HKP_OK);
        hkp_dsm_cbor_put_bytes(&w, bytes, len);
    }
    hkp_dsm_cbor_put_uint(&w, 0);
    CHECK_EQ(say(0, 4, &w), HKP_OK);
    CHECK(hkp_dsm__view_contact(v, sim.mesh.node_id[5]) == NULL);
    CHECK(hkp_dsm__view_contact(v, sim.mesh.node_id[6]) != NULL);
    sim_free(&sim);
}

/* D-GSP-4: those with whom it had sessions are tried first after a restart. */
static void anchors_survive_a_restart(void) {
    grow(check_seed() * 10 + 7);
    run(40 * SIM_S);
    const uint32_t who = SEATS + 4;
    sim_crash(&sim, who);
    run(SIM_S);
    for (uint32_t i = 0; i < sim.count; i++) sim.links[i][who] = sim.links[who][i] = 0;
    sim_start(&sim, who);
    watched = who;
    watched_connects = 0;
    idle_hosts = 1;
    tell_addresses(who);
    sim_run(&sim, 3 * SIM_S);
    CHECK(watched_connects >= 1 && watched_connects <= HKP_DSM__ANCHORS);
    idle_hosts = 0;
    run(20 * SIM_S);
    CHECK(gossip(who).links >= 2);
    sim_free(&sim);
}

int main(void) {
    CASE(a_record_says_where_and_whose);
    CASE(private_ranges_are_known);
    CASE(four_that_have_sessions_are_all_neighbours);
    CASE(nodes_with_and_without_addresses_understand_each_other);
    CASE(who_knows_one_other_finds_neighbours);
    CASE(who_does_not_answer_is_replaced);
    CASE(who_answers_others_is_kept);
    CASE(a_ghost_is_neither_probed_nor_pushed_to);
    CASE(a_quiet_node_does_anti_entropy_with_its_heartbeats);
    CASE(anchors_follow_the_validator_set);
    CASE(a_pushed_record_is_learnt_and_passed_on);
    CASE(false_records_enter_no_view);
    CASE(an_expired_record_among_others_is_left_out);
    CASE(anchors_survive_a_restart);
    return check_done();
}
