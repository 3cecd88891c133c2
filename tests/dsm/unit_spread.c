/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Real nodes that spread items over a tree (D-GSP-6 to D-GSP-10), and one node against a neighbour that the
 * test plays.
 */
#include "played.h"

enum { EDGES = 8, N = SEATS + EDGES };

static void link_both(uint32_t a, uint32_t b) { sim.links[a][b] = sim.links[b][a] = 1; }

/* Validators all know each other; edges stand in a ring with chords, two of them beside validators. */
static void partial_mesh(uint64_t seed) {
    make(seed, EDGES);
    memset(sim.links, 0, sizeof sim.links);
    for (uint32_t a = 0; a < SEATS; a++)
        for (uint32_t b = a + 1; b < SEATS; b++) link_both(a, b);
    for (uint32_t e = 0; e < EDGES; e++) {
        link_both(SEATS + e, SEATS + (e + 1) % EDGES);
        link_both(SEATS + e, SEATS + (e + 3) % EDGES);
    }
    for (uint32_t e = 0; e < EDGES; e += 4) {
        link_both(SEATS + e, e / 4);
        link_both(SEATS + e, 2 + e / 4);
    }
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static uint32_t links(void) {
    uint32_t n = 0;
    for (uint32_t a = 0; a < sim.count; a++)
        for (uint32_t b = a + 1; b < sim.count; b++) n += sim.links[a][b];
    return n;
}

static void expect_all_have(uint64_t blocks) {
    for (uint32_t i = 0; i < sim.count; i++) {
        CHECK_EQ(sim.nodes[i].blocks, blocks);
        CHECK_EQ(sim_status(&sim, i).final_height, sim_status(&sim, 0).final_height);
        CHECK_EQ(sim.nodes[i].blocks_final, blocks);
    }
    CHECK_EQ(sim.faults, 0);
}

/* ---- the tree ---- */

static void a_partial_mesh_settles_on_a_tree_with_hardly_a_copy(void) {
    for (uint64_t seed = 1; seed <= 2; seed++) {
        partial_mesh(check_seed() * 100 + seed);
        publish(SEATS + 2, 5, 300 * SIM_MS);
        const uint64_t before = sim.pushes[HKP_DSM__FORM_ENVELOPE];
        publish(SEATS + 2, 20, 300 * SIM_MS);
        const uint64_t copies = sim.pushes[HKP_DSM__FORM_ENVELOPE] - before;
        const uint64_t least = 20ULL * (N - 1), flooding = 20ULL * (2 * links() - (N - 1));
        printf("# copies of 20 blocks to %d nodes: %" PRIu64 ", least %" PRIu64 ", flooding %" PRIu64 "\n",
               N - 1, copies, least, flooding);
        CHECK(3 * copies < 5 * least);
        sim_run(&sim, 3 * SIM_S);
        expect_all_have(25); /* edges learn by gossip alone what members made final */
        sim_free(&sim);
    }
}

/* What was lost where the tree went is announced elsewhere and asked for; here all pushes are, for a while.
 */
static void what_the_tree_lost_comes_all_the_same(void) {
    partial_mesh(check_seed() * 100 + 7);
    publish(SEATS + 2, 5, 300 * SIM_MS);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH;
    publish(SEATS + 2, 3, 100 * SIM_MS);
    sim.lost_ops = 0;
    publish(SEATS + 2, 1, 300 * SIM_MS);
    sim_run(&sim, 6 * SIM_S);
    expect_all_have(9);
    sim_free(&sim);
}

/* ---- conduct in a full mesh ---- */

/* D-GSP-16: who pushes cannot know how often others did, so nobody honest loses a point for a copy. */
static void nobody_honest_loses_points_in_a_full_mesh(void) {
    for (uint64_t seed = 1; seed <= 2; seed++) {
        make(check_seed() * 100 + seed, N - SEATS);
        for (uint32_t i = 0; i < N; i++) sim_start(&sim, i);
        sim_run(&sim, 50 * SIM_MS);
        for (uint32_t k = 0; k < 60; k++) {
            CHECK(sim_submit(&sim, k * 7 % N, "item") != 0);
            CHECK(sim_submit(&sim, k * 5 % N, "another") != 0);
            sim_run(&sim, (1 + k % 5) * 20 * SIM_MS);
            CHECK(lowest_score() >= 0);
        }
        sim_run(&sim, 5 * SIM_S);
        CHECK(lowest_score() >= 0);
        sim_free(&sim);
    }
}

/* ---- one node and a neighbour that the test plays ---- */

static uint32_t said_of(const struct sim_message *on_their_way, size_t count, uint32_t op,
                        uint32_t *elements) {
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sim_message *at = &on_their_way[i];
        struct hkp_dsm__message m;
        if (at->to != PLAYED) continue;
        CHECK_EQ(hkp_dsm__message_parse(at->lane, at->bytes->data, at->bytes->len, &m), HKP_OK);
        if (m.op != op) continue;
        n++;
        if (elements != NULL) *elements += (uint32_t)m.list.n;
    }
    return n;
}

/* Messages of an op that are on their way to the played neighbour; the elements of their lists. */
static uint32_t said(uint32_t op, uint32_t *elements) {
    if (elements != NULL) *elements = 0;
    uint32_t n = said_of(sim.net, sim.n_net, op, elements);
    for (size_t i = 0; i < SIM_SLICES; i++) n += said_of(sim.later[i].at, sim.later[i].n, op, elements);
    return n;
}

/* The first block of a node, and its id. */
static struct hkp_dsm_cbor_writer first_block(uint32_t who, uint8_t id[32], int spoiled, uint32_t op) {
    struct made m = block_of(who, NULL, 1);
    const struct hkp_dsm_view env = {m.envelope, m.len};
    memcpy(id, m.id, 32);
    if (spoiled) m.envelope[m.len - 1] ^= 1;
    struct hkp_dsm_cbor_writer w = writer();
    if (op == HKP_DSM__OP_MSG_PUSH) {
        hkp_dsm__put_push(&w, 2, 3, HKP_DSM__FORM_ENVELOPE, &env, &content);
    } else if (op == HKP_DSM__OP_MSG_ITEMS) {
        hkp_dsm__put_list(&w, op, 1);
        hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, &env, &content);
    } else {
        hkp_dsm__put_list(&w, op, 1);
        hkp_dsm_cbor_put_bytes(&w, id, 16);
    }
    return w;
}

static hkp_status say_block(int spoiled, uint32_t op) {
    uint8_t id[32];
    const struct hkp_dsm_cbor_writer w = first_block(PLAYED, id, spoiled, op);
    return say(PLAYED, 2, w.out, w.len);
}

static void an_announced_block_is_asked_for_and_passed_on_once(void) {
    begin();
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_IHAVE), HKP_OK);
    sim_run(&sim, 400 * SIM_MS);
    CHECK_EQ(said(HKP_DSM__OP_MSG_GRAFT, NULL), 0);
    for (int i = 0; i < 200 && said(HKP_DSM__OP_MSG_GRAFT, NULL) == 0; i++) sim_run(&sim, SIM_MS);
    CHECK_EQ(said(HKP_DSM__OP_MSG_GRAFT, NULL), 1);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_OK);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, 1);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 1);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_GRAFT), HKP_OK); /* it can be asked for in turn */
    CHECK_EQ(said(HKP_DSM__OP_MSG_PUSH, NULL), 1);
    sim_free(&sim);
}

/* D-GSP-8: what came with a proposal is not asked for, and told when a link brings it, which is no copy. */
static void a_block_that_was_fetched_is_told_when_a_link_brings_it(void) {
    begin();
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_HAVE;
    uint8_t id[32];
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_IHAVE), HKP_OK);
    const struct hkp_dsm_cbor_writer w = first_block(PLAYED, id, 0, HKP_DSM__OP_MSG_ITEMS);
    CHECK_EQ(say(PLAYED, 0, w.out, w.len), HKP_OK);
    for (int i = 0; i < 700; i++) {
        sim_run(&sim, SIM_MS);
        CHECK_EQ(said(HKP_DSM__OP_MSG_GRAFT, NULL), 0);
    }
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, i == TARGET);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 0);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, 1);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 1);
    sim_free(&sim);
}

/* D-GSP-16: copies that were on their way cost nothing; who pushes on for longer was told, and pays. */
static void who_does_not_listen_to_prune_loses_points(void) {
    begin();
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_OK);
    const int32_t praised = score_of(PLAYED);
    for (int i = 0; i < 20; i++) CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 1);
    for (int i = 0; i < 2; i++) {
        sim_run(&sim, 2100 * SIM_MS);
        CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
        CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 1);
    }
    CHECK_EQ(score_of(PLAYED), praised);
    for (int i = 1; i <= 4; i++) {
        sim_run(&sim, 2100 * SIM_MS);
        for (int k = 0; k < 5; k++) CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_DUPLICATE);
        CHECK_EQ(score_of(PLAYED), praised - i);
    }
    sim_free(&sim);
}

/* D-GSP-7. An id covers no signature: a spoiled copy must neither travel nor keep the true block out. */
static void a_false_signature_travels_nowhere_and_hides_nothing(void) {
    begin();
    CHECK_EQ(say_block(1, HKP_DSM__OP_MSG_PUSH), HKP_E_DSM_SIG);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, 0);
    CHECK_EQ(bad_facts(), 0);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_OK);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, 1);
    sim_free(&sim);
}

static struct hkp_dsm_cbor_writer invented(uint64_t *random) {
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_IHAVE, 256);
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t id[16];
        hkp_put_be64(id, (uint64_t)i << 48 | (check_random(random) >> 16));
        hkp_put_be64(id + 8, check_random(random));
        hkp_dsm_cbor_put_bytes(&w, id, 16);
    }
    return w;
}

/* What is announced and never brought: so many ids are waited for, and soon nobody asks there any more. */
static void announcements_without_end_are_bounded(void) {
    uint64_t random = check_seed();
    uint32_t ids = 0, asked = 0;
    begin();
    for (int i = 0; i < 50; i++) {
        const struct hkp_dsm_cbor_writer w = invented(&random);
        CHECK_EQ(say(PLAYED, 2, w.out, w.len), HKP_OK);
    }
    for (int ms = 0; ms < 8000; ms += 2) {
        (void)said(HKP_DSM__OP_MSG_GRAFT, &ids);
        if (ids > asked) asked = ids;
        sim_run(&sim, 2 * SIM_MS);
    }
    CHECK(asked > 0 && asked <= 256); /* a quarter of the ids that this node remembers */
    const uint64_t before = sim.ops[HKP_DSM__OP_MSG_GRAFT];
    const struct hkp_dsm_cbor_writer w = invented(&random);
    CHECK_EQ(say(PLAYED, 2, w.out, w.len), HKP_OK);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_GRAFT], before);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_PUSH), HKP_OK); /* but what it brings is taken */
    sim_free(&sim);
}

/* Our own side never overruns theirs: a burst of blocks leaves at their pace, and all arrive. */
static void what_is_sent_stays_within_the_rations_of_others(void) {
    partial_mesh(check_seed() * 100 + 9);
    enum { EACH = 800, AUTHORS = 4 }; /* in 0.8 s: above 2000 at once and 200 a second (D-GSP-15, lane 3) */
    for (uint32_t k = 0; k < EACH; k++) {
        for (uint32_t a = 0; a < AUTHORS; a++) CHECK(sim_submit(&sim, SEATS + a, "burst") != 0);
        sim_run(&sim, SIM_MS);
    }
    sim_run(&sim, 15 * SIM_S);
    CHECK(lowest_score() >= 0);
    expect_all_have(EACH * AUTHORS);
    for (uint32_t i = 0; i < sim.count; i++) CHECK_EQ(sim.nodes[i].bad, 0);
    sim_free(&sim);
}

/* ---- payloads that come later (D-BLK-2) ---- */

static hkp_status push(uint32_t from, const struct made *m, const struct hkp_dsm_view *payload) {
    const struct hkp_dsm_view env = {m->envelope, m->len};
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_push(&w, 2, 3, HKP_DSM__FORM_ENVELOPE, &env, payload);
    return say(from, 2, w.out, w.len);
}

/* So much of the memory of a node is in use that another byte for blocks costs one. */
static void fill(node *n) {
    for (size_t size = 1U << 20; size >= POOL_UNIT; size /= 2)
        while (n->pool.used + size / POOL_UNIT <= n->pool.units / 16 * FILL_BLOCKS)
            if (hkp_dsm__pool_take(&n->pool, size) == NULL) break;
    CHECK(hkp_dsm__pool_take(&n->pool, POOL_UNIT) != NULL);
    CHECK(hkp_dsm__fuller(n, FILL_BLOCKS));
}

static const struct block *held(const struct made *m) {
    return hkp_dsm__block_by_id(sim.nodes[TARGET].node, m->id);
}

/* D 13: blocks that are final give room, the oldest first, but not to their own payload, and payloads that
 * come late fill the memory no further than others. */
static void a_late_payload_costs_other_blocks_and_not_its_own(void) {
    struct made m[3];
    begin();
    node *n = sim.nodes[TARGET].node;
    for (uint32_t i = 0; i < 3; i++) {
        m[i] = block_of(PLAYED, i == 0 ? NULL : m[i - 1].id, 1 + i);
        CHECK_EQ(push(PLAYED, &m[i], NULL), HKP_OK);
    }
    sim_run(&sim, 3 * SIM_S);
    CHECK(n->kept_old == held(&m[0]) && n->kept_new == held(&m[2]));
    fill(n);
    CHECK_EQ(push(PLAYED, &m[0], &content), HKP_E_DSM_RATE);
    for (uint32_t i = 0; i < 3; i++) CHECK(held(&m[i]) != NULL && held(&m[i])->payload.ptr == NULL);
    CHECK_EQ(push(PLAYED, &m[2], &content), HKP_OK);
    CHECK(held(&m[0]) == NULL);
    CHECK(held(&m[2]) != NULL && held(&m[2])->payload.ptr != NULL);
    sim_free(&sim);
}

/* The same of evidence against the author of the oldest block: it names what is still there. */
static void evidence_costs_other_blocks_and_not_what_it_names(void) {
    begin();
    node *n = sim.nodes[TARGET].node;
    struct made first = block_of(PLAYED, NULL, 1);
    CHECK_EQ(push(PLAYED, &first, &content), HKP_OK);
    sim_run(&sim, 3 * SIM_S);
    CHECK(n->kept_old == held(&first));
    while (hkp_dsm__pool_take(&n->pool, POOL_UNIT) != NULL) {
    }
    salted[0]++;
    const struct made other = block_of(PLAYED, NULL, 1);
    CHECK_EQ(push(PLAYED, &other, &content), HKP_E_DSM_FORK);
    salted[0]--;
    CHECK(held(&first) != NULL);
    sim_free(&sim);
}

static void expect_whole(const struct made *m) {
    for (uint32_t i = 0; i < PLAYED; i++) {
        const struct block *b = hkp_dsm__block_by_id(sim.nodes[i].node, m->id);
        CHECK(b != NULL && b->payload.ptr != NULL);
    }
}

static uint32_t told_bare, told_whole, told_claims;

static void count_told(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    if (i != TARGET || ev->kind != HKP_DSM_EV_BLOCK) return;
    told_bare += ev->data == NULL;
    told_claims += ev->claims != NULL;
    told_whole += ev->data != NULL && ev->data_len == content.len - 16 &&
                  memcmp(ev->data, content.ptr + 16, ev->data_len) == 0;
    (void)s;
}

/* D-GSP-8: one who passes a block on without its payload keeps it from nobody. The host is told of it twice,
 * of its claims once, what is not durable with neither, and what a start finds is the whole one. */
static void a_payload_that_was_left_out_comes_from_others(void) {
    const uint32_t author = PLAYED + 1;
    sim_new(&sim, check_seed(), SEATS, 3);
    for (uint32_t i = SEATS; i < author; i++) sim_outsider(&sim, i, HKP_DSM_ROLE_EDGE, 1 + i);
    sim_outsider(&sim, author, HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_NEURO, 1 + author);
    for (uint32_t i = 0; i < PLAYED; i++) sim_start(&sim, i);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(session(PLAYED), HKP_OK);
    CHECK_EQ(session(author), HKP_OK);
    sim.on_fact = count_told;
    told_bare = told_whole = told_claims = 0;
    const struct made m = block_of(author, NULL, 1);
    CHECK_EQ(push(PLAYED, &m, NULL), HKP_OK);
    CHECK_EQ(push(author, &m, &content), HKP_OK);
    CHECK_EQ(told_bare + told_whole, 0);
    CHECK_EQ(push(author, &m, &content), HKP_E_DSM_DUPLICATE);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(told_bare, 1);
    CHECK_EQ(told_whole, 1);
    CHECK_EQ(push(author, &m, &content), HKP_E_DSM_DUPLICATE);
    expect_whole(&m);
    sim_crash(&sim, TARGET);
    sim_start(&sim, TARGET);
    sim_run(&sim, SIM_S);
    CHECK_EQ(told_bare, 1);
    CHECK_EQ(told_whole, 2);
    CHECK_EQ(told_claims, 1);
    sim_free(&sim);
}

/* For gossip a block has not come before its payload did: it is not passed on, and who announces it is asked,
 * though each only once. */
static void a_block_without_its_payload_is_not_passed_on_and_asked_for(void) {
    begin();
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_HAVE;
    const struct made m = block_of(PLAYED, NULL, 1);
    CHECK_EQ(push(PLAYED, &m, NULL), HKP_OK);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t i = 0; i < PLAYED; i++) CHECK_EQ(sim.nodes[i].blocks, i == TARGET);
    CHECK_EQ(say_block(0, HKP_DSM__OP_MSG_IHAVE), HKP_OK);
    for (int i = 0; i < 700 && said(HKP_DSM__OP_MSG_GRAFT, NULL) == 0; i++) sim_run(&sim, SIM_MS);
    CHECK_EQ(said(HKP_DSM__OP_MSG_GRAFT, NULL), 1);
    const uint64_t asked = sim.ops[HKP_DSM__OP_MSG_GRAFT];
    CHECK_EQ(push(PLAYED, &m, NULL), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 0);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_GRAFT], asked);
    CHECK(score_of(PLAYED) >= 0);
    salted[20]++;
    CHECK_EQ(push(PLAYED, &m, &content), HKP_E_DSM_PAYLOAD);
    salted[20]--;
    CHECK_EQ(push(PLAYED, &m, &content), HKP_OK);
    sim_run(&sim, 100 * SIM_MS);
    expect_whole(&m);
    CHECK_EQ(push(PLAYED, &m, &content), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(said(HKP_DSM__OP_MSG_PRUNE, NULL), 1);
    sim_free(&sim);
}

/* Nor does one who answers WANT without payloads: another is asked for the same blocks, once. */
static void what_an_answer_left_out_is_asked_of_another(void) {
    enum { BLOCKS = 3 };
    make(check_seed(), 2);
    for (uint32_t i = 0; i < TARGET; i++) sim.links[i][TARGET] = sim.links[TARGET][i] = 0;
    for (uint32_t i = 0; i < PLAYED; i++) sim_start(&sim, i);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        CHECK(sim_submit(&sim, 0, "item") != 0);
        sim_run(&sim, SIM_S);
    }
    for (uint32_t i = 0; i < TARGET; i++) link_both(i, TARGET);
    sim.lost_ops = ~(1ULL << HKP_DSM__OP_MSG_WANT | 1ULL << HKP_DSM__OP_MSG_ITEMS);
    sim_connect(&sim, TARGET);
    CHECK_EQ(session(PLAYED), HKP_OK);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_ITEMS, BLOCKS);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        const node *n = sim.nodes[0].node;
        hkp_dsm__put_item(&w, HKP_DSM__FORM_ENVELOPE, &hkp_dsm__block_at(n, n->self, i)->envelope, NULL);
    }
    const uint64_t asked = sim.ops[HKP_DSM__OP_MSG_WANT];
    CHECK_EQ(say(PLAYED, 3, w.out, w.len), HKP_OK);
    const node *n = sim.nodes[TARGET].node;
    const struct author *a = hkp_dsm__author(n, sim.mesh.node_id[0]);
    CHECK_EQ(a->tip.seq, BLOCKS);
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_WANT], asked + 1);
    for (uint32_t i = 1; i <= BLOCKS; i++) CHECK(hkp_dsm__block_at(n, a, i)->payload.ptr != NULL);
    sim_free(&sim);
}

/* ---- claims (D-GSP-13) ---- */

static void boast(uint32_t from, uint32_t of, uint64_t seq) {
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_have(&w, 0, 1);
    hkp_dsm__put_have_entry(&w, sim.mesh.node_id[of], seq);
    CHECK_EQ(say(from, 0, w.out, w.len), HKP_OK);
}

static uint32_t lied(uint32_t who) {
    return hkp_dsm__peer(sim.nodes[TARGET].node, sim.mesh.node_id[who])->lied;
}

/* D-BLK-7: higher and higher numbers of the own chain keep it from being written as long as one number does.
 */
static void a_claim_that_rises_is_given_up_all_the_same(void) {
    uint32_t rounds = 0;
    begin();
    boast(1, TARGET, 1); /* whoever says the highest answers for it */
    while (rounds++ < 60) {
        boast(PLAYED, TARGET, 4 + rounds);
        sim_run(&sim, 200 * SIM_MS);
        if (sim_submit(&sim, TARGET, "own") != 0) break;
    }
    CHECK(rounds < 60);
    CHECK(lied(PLAYED) && !lied(1));
    boast(PLAYED, TARGET, 1000);
    CHECK(sim_submit(&sim, TARGET, "more") != 0);
    sim_free(&sim);
}

/* What gossip lost comes from others, whatever one of them boasts of meanwhile. */
static void a_claim_that_rises_hides_no_blocks(void) {
    uint32_t rounds = 0;
    make(check_seed(), 3);
    const uint32_t author = PLAYED, liar = PLAYED + 1;
    for (uint32_t i = 0; i <= author; i++) sim_start(&sim, i);
    sim_run(&sim, 3 * SIM_S);
    CHECK_EQ(session(liar), HKP_OK);
    for (; rounds < 5; rounds++) {
        boast(liar, author, 100 + rounds);
        sim_run(&sim, 200 * SIM_MS);
    }
    sim.lost_ops =
        1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_IHAVE | 1ULL << HKP_DSM__OP_MSG_PROPOSE;
    CHECK(sim_submit(&sim, author, "lost") != 0);
    for (; rounds < 60 && sim.nodes[TARGET].blocks == 0; rounds++) {
        boast(liar, author, 100 + rounds);
        sim_run(&sim, 200 * SIM_MS);
    }
    CHECK_EQ(sim.nodes[TARGET].blocks, 1);
    sim_free(&sim);
}

/* The head of a fast author rises while it is asked for: all of it comes, and nobody is blamed. */
static void the_head_of_a_fast_author_may_rise_while_it_is_asked_for(void) {
    make(check_seed(), 2);
    for (uint32_t i = 0; i <= PLAYED; i++) sim_start(&sim, i);
    sim_run(&sim, 3 * SIM_S);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_IHAVE;
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(sim_submit(&sim, PLAYED, "fast") != 0);
        sim_run(&sim, 50 * SIM_MS);
    }
    sim_run(&sim, 2 * SIM_S);
    CHECK_EQ(sim.nodes[TARGET].blocks, 100);
    CHECK(lowest_score() >= 0);
    sim_free(&sim);
}

int main(void) {
    CASE(a_partial_mesh_settles_on_a_tree_with_hardly_a_copy);
    CASE(what_the_tree_lost_comes_all_the_same);
    CASE(nobody_honest_loses_points_in_a_full_mesh);
    CASE(an_announced_block_is_asked_for_and_passed_on_once);
    CASE(a_block_that_was_fetched_is_told_when_a_link_brings_it);
    CASE(who_does_not_listen_to_prune_loses_points);
    CASE(a_false_signature_travels_nowhere_and_hides_nothing);
    CASE(announcements_without_end_are_bounded);
    CASE(what_is_sent_stays_within_the_rations_of_others);
    CASE(a_late_payload_costs_other_blocks_and_not_its_own);
    CASE(evidence_costs_other_blocks_and_not_what_it_names);
    CASE(a_payload_that_was_left_out_comes_from_others);
    CASE(a_block_without_its_payload_is_not_passed_on_and_asked_for);
    CASE(what_an_answer_left_out_is_asked_of_another);
    CASE(a_claim_that_rises_is_given_up_all_the_same);
    CASE(a_claim_that_rises_hides_no_blocks);
    CASE(the_head_of_a_fast_author_may_rise_while_it_is_asked_for);
    return check_done();
}
