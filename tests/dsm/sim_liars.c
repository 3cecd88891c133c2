/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Liars among the members: whatever they sign, nobody honest is split, and what the honest say becomes final.
 * HKP_VIEWS=N lets the last case go on for N views (./run views N), with progress on standard error;
 * HKP_WORLD=SEED plays one world of it again, as a fault names it.
 */
#include "chaos.h"
#include "check.h"
#include "liar_inside.h"
#include "libter/bytes.h"

static struct sim sim;

static const char *const way_names[] = {
    "votes twice",    "proposes twice",    "hides votes", "hides proposals",
    "hides certs",    "possesses nothing", "boasts",      "replays",
    "proposes badly", "leaves views out",  "forgets",     "floods",
    "forks blocks",   "answers badly",     "accuses",     "forges certs"};

static struct chaos_result expect_good(const struct chaos *c) {
    struct chaos_result r;
    int before = check_faults;
    chaos_run(&sim, c, &r);
    CHECK(r.fault == NULL);
    CHECK(r.live);
    CHECK_NOTE(before, "seed %" PRIu64 " n %u liars %u ways %x faults %x: %s, %" PRIu64 " views", c->seed,
               c->n, c->liars, c->ways, c->faults, r.fault != NULL ? r.fault : "no progress", r.views);
    return r;
}

static void each_lie_alone_harms_nobody(void) {
    for (uint32_t way = 0; way < sizeof way_names / sizeof way_names[0]; way++) {
        struct chaos c = {
            .seed = check_seed() * 1000 + way, .n = 4, .liars = 1, .ways = 1U << way, .views = 40};
        int before = check_faults;
        expect_good(&c);
        CHECK_NOTE(before, "a liar that %s", way_names[way]);
    }
}

/* The same few lies in several worlds: what each may do depends on when it is done. */
static void expect_good_in_worlds(uint32_t ways, uint32_t faults, uint64_t worlds, uint64_t views) {
    for (uint64_t k = 0; k < worlds; k++) {
        struct chaos c = {.seed = check_seed() * 5000 + k, .n = 4, .liars = 1, .views = views};
        c.ways = ways;
        c.faults = faults;
        expect_good(&c);
    }
}

static void nobody_votes_for_what_is_wrong(void) {
    expect_good_in_worlds(LIAR_PROPOSES_BADLY, 0, 6, 50);
    expect_good_in_worlds(LIAR_PROPOSES_BADLY | LIAR_ACCUSES, 0, 3, 50);
}

static void a_false_body_does_not_stop_who_got_it(void) {
    expect_good_in_worlds(LIAR_PROPOSES_BADLY | LIAR_ANSWERS_BADLY | LIAR_HIDES_VOTES,
                          CHAOS_CRASHES | CHAOS_NET, 4, 60);
}

static void no_header_stands_on_what_was_not_notarised(void) {
    expect_good_in_worlds(LIAR_LEAVES_OUT | LIAR_HIDES_VOTES, CHAOS_NET, 4, 60);
}

static void two_liars_of_seven_harm_nobody(void) {
    for (uint64_t k = 0; k < 3; k++) {
        uint64_t state = check_seed() * 77 + k;
        struct chaos c = {
            .seed = state, .n = 7, .liars = 2, .views = 50, .faults = CHAOS_NET | CHAOS_CRASHES};
        c.ways = (uint32_t)check_random(&state) & LIAR_ALL;
        expect_good(&c);
    }
}

/* D-SMX-2: two quorums of n - f share an honest member; two of 2f + 1 = 3 would not. */
static void half_of_six_decides_nothing(void) {
    sim_new(&sim, check_seed(), 6, 0);
    sim.t_cp = HKP_DSM_T_CP_NONE;
    for (uint32_t i = 0; i < 6; i++) sim_start(&sim, i);
    sim_run(&sim, 100 * SIM_MS);
    for (uint32_t a = 0; a < 3; a++)
        for (uint32_t b = 3; b < 6; b++) sim_link(&sim, a, b, 0);
    sim_run(&sim, SIM_S);
    uint64_t height = sim_status(&sim, 0).final_height;
    for (uint32_t k = 0; k < 20; k++) {
        sim_submit(&sim, k % 6, "on one side");
        sim_run(&sim, 200 * SIM_MS);
    }
    for (uint32_t i = 0; i < 6; i++) CHECK_EQ(sim_status(&sim, i).final_height, height);
    for (uint32_t a = 0; a < 3; a++)
        for (uint32_t b = 3; b < 6; b++) sim_link(&sim, a, b, 1);
    sim_run(&sim, 60 * SIM_S);
    for (uint32_t i = 0; i < 6; i++) CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* ---- invented headers (R8) ---- */

enum { INVENTOR = 3, AHEAD = 64, MESSAGE = 1 << 20 };

/* A header of a view to come, which the inventor leads, and to one honest member what it says lies below,
 * down to the view at hand. */
static void invent_chain(uint32_t to, uint64_t view, const struct hkp_dsm_view *body) {
    static uint8_t bytes[AHEAD][HKP_DSM__HEADER_MAX], room[2 << 20];
    uint8_t envelope[HKP_DSM__HEADER_MAX + HKP_DSM__ENVELOPE_OVERHEAD];
    struct hkp_dsm_view chain[AHEAD], env = {.ptr = envelope};
    const node *n = sim.nodes[to].node;
    struct hkp_dsm__header h = {.epoch = n->set.epoch, .height = n->root.height + 1};
    struct hkp_dsm__body parsed;
    size_t count = 0;
    h.time_ms = n->root.time_ms + 1;
    h.proposer = n->perm[view % n->set.n];
    CHECK_EQ(hkp_dsm__body_parse(body->ptr, body->len, &parsed), HKP_OK);
    hkp_dsm__ops_root(&parsed, h.ops_root);
    h.n_blocks = parsed.n_heads;
    for (size_t i = 0; i < 32; i++) h.parent[i] = (uint8_t)sim_random(&sim, 256);
    for (h.view = n->view + 2; h.view <= view; h.view++, count++) {
        h.parent_view = h.view - 1;
        chain[count].ptr = bytes[count];
        CHECK_EQ(hkp_dsm__header_build(&h, bytes[count], sizeof bytes[count], &chain[count].len), HKP_OK);
        hkp_dsm__header_digest(h.parent, sim.genesis->chain_id, bytes[count], chain[count].len);
    }
    CHECK_EQ(hkp_dsm_envelope_sign(sim.genesis->chain_id, HKP_DSM_KIND_PROPOSE, sim.mesh.node_id[INVENTOR],
                                   sim.mesh.secret[INVENTOR], chain[count - 1].ptr, chain[count - 1].len,
                                   envelope, sizeof envelope, &env.len),
             HKP_OK);
    struct hkp_dsm_cbor_writer w = {.out = room, .cap = sizeof room};
    hkp_dsm__put_propose(&w, &env, body, 0);
    sim_send(&sim, INVENTOR, to, 0, w.out, w.len);
    const size_t most = MESSAGE / (body->len + HKP_DSM__HEADER_MAX) + 1;
    for (size_t left = count - 1; left > 0;) {
        size_t here = left < most ? left : most;
        w = (struct hkp_dsm_cbor_writer){.out = room, .cap = sizeof room};
        hkp_dsm__put_sync_resp(&w, 0);
        for (hkp_dsm_cbor_put_array(&w, here); here > 0; here--) hkp_dsm__put_pair(&w, &chain[--left], body);
        sim_send(&sim, INVENTOR, to, 0, w.out, w.len);
    }
}

/* In each view of each honest member all that the inventor can make up of the next ones. */
static void expect_no_harm_of(const struct hkp_dsm_view *body) {
    uint64_t last[INVENTOR] = {0};
    sim_new(&sim, check_seed(), INVENTOR + 1, 0);
    sim.nodes[INVENTOR].honest = 0;
    sim.unwatched = 1;
    for (uint32_t i = 0; i <= INVENTOR; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    for (uint32_t t = 0; t < 300; t++) {
        for (uint32_t i = 0; i < INVENTOR; i++) {
            const node *n = sim.nodes[i].node;
            if (n->view == last[i]) continue;
            last[i] = n->view;
            for (uint64_t view = n->view + AHEAD; view > n->view + 4; view--)
                if (memcmp(n->set.seats[n->perm[view % n->set.n]].node_id, sim.mesh.node_id[INVENTOR], 16) ==
                    0)
                    invent_chain(i, view, body);
        }
        if (t % 20 == 0) sim_submit(&sim, t / 20 % INVENTOR, "wanted");
        sim_run(&sim, 100 * SIM_MS);
    }
    for (uint32_t i = 0; i < INVENTOR; i++) {
        CHECK_EQ(sim.nodes[i].node->state, HKP_DSM_STATE_RUNNING);
        CHECK(sim_status(&sim, i).final_height >= 12);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void invented_ancestors_take_no_place(void) {
    static const uint8_t empty[3] = {0x82, 0x80, 0x80};
    const struct hkp_dsm_view body = {empty, sizeof empty};
    expect_no_harm_of(&body);
}

static void large_bodies_of_invented_headers_leave_room(void) {
    static uint8_t bytes[1 << 20];
    static struct hkp_dsm__head heads[16000];
    struct hkp_dsm_view body = {.ptr = bytes};
    for (uint32_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        heads[i].seq = 1;
        hkp_put_be32(heads[i].node_id, i);
    }
    CHECK_EQ(
        hkp_dsm__body_build(heads, sizeof heads / sizeof heads[0], NULL, 0, bytes, sizeof bytes, &body.len),
        HKP_OK);
    expect_no_harm_of(&body);
}

/* ---- many nullified views (R8) ---- */

/* CERT_0 by all but the first. */
static size_t null_cert(uint64_t view, uint8_t *dst, size_t cap) {
    const struct hkp_dsm__valset *set = &sim.nodes[0].node->set;
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_NULL, .epoch = set->epoch, .view = view};
    uint8_t signatures[4][64];
    const uint8_t *list[4] = {0};
    size_t len = 0;
    for (uint32_t i = 1; i < 4; i++) {
        uint8_t envelope[HKP_DSM__VOTE_MAX];
        struct hkp_dsm_envelope e;
        const int32_t seat = hkp_dsm__valset_index(set, sim.mesh.node_id[i]);
        CHECK_EQ(hkp_dsm__vote_make(sim.genesis->chain_id, &vote, sim.mesh.node_id[i], sim.mesh.secret[i],
                                    envelope, sizeof envelope, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm_envelope_parse(envelope, len, 1U << HKP_DSM_KIND_NULL, &e), HKP_OK);
        memcpy(signatures[seat], e.signature, 64);
        list[seat] = signatures[seat];
    }
    CHECK_EQ(hkp_dsm__cert_build(set, &vote, list, dst, cap, &len), HKP_OK);
    return len;
}

/* A liar helped to nullify so many views while one member was away, and is silent when it comes back: it is
 * needed, and has to learn of each of these views. */
static void expect_back_behind(uint64_t views, int restart) {
    enum { AWAY = 2, SILENT = 3 };
    sim_new(&sim, check_seed(), 4, 0);
    sim.nodes[SILENT].honest = 0;
    sim.unwatched = 1;
    for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
    sim_run(&sim, SIM_S);
    sim_submit(&sim, 0, "before");
    sim_run(&sim, 5 * SIM_S);
    const uint64_t first = sim.nodes[0].node->view, height = sim_status(&sim, 0).final_height;
    for (uint32_t i = 0; i < 4; i++) sim_link(&sim, AWAY, i, 0);
    for (uint64_t view = first; view < first + views; view++) {
        uint8_t cert[1024], bytes[1200];
        struct hkp_dsm_view one = {.ptr = cert, .len = null_cert(view, cert, sizeof cert)};
        for (uint32_t to = 0; to < AWAY; to++) {
            struct hkp_dsm_cbor_writer w = {.out = bytes, .cap = sizeof bytes};
            hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_CERT, &one);
            sim_send(&sim, SILENT, to, 0, w.out, w.len);
        }
        if (view % 64 == 0) sim_run(&sim, 50 * SIM_MS);
    }
    sim_run(&sim, 50 * SIM_MS);
    CHECK(sim.nodes[0].node->view >= first + views);
    CHECK_EQ(sim.nodes[AWAY].node->view, first);
    sim_crash(&sim, SILENT);
    for (uint32_t i = 0; i < 4; i++) sim_link(&sim, AWAY, i, 1);
    if (restart) {
        sim_crash(&sim, 0);
        sim_start(&sim, 0);
    }
    sim_submit(&sim, 0, "behind");
    sim_run(&sim, 60 * SIM_S);
    for (uint32_t i = 0; i <= AWAY; i++) {
        CHECK(sim_status(&sim, i).final_height > height);
        CHECK_EQ(sim_status(&sim, i).blocks_open, 0);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static void who_missed_many_nullified_views_is_back(void) {
    expect_back_behind(50, 0);
    expect_back_behind(200, 0);
}

static void who_missed_more_views_than_are_in_memory_is_back(void) {
    expect_back_behind(SLOTS + 100, 0);
    expect_back_behind(SLOTS + 100, 1);
}

static void the_same_seed_gives_the_same_trace_lies_and_all(void) {
    struct chaos c = {
        .seed = check_seed(), .n = 4, .liars = 1, .ways = LIAR_ALL, .faults = CHAOS_ALL, .views = 60};
    struct chaos_result first = expect_good(&c), second = expect_good(&c);
    CHECK_EQ(first.trace, second.trace);
    c.seed++;
    CHECK(expect_good(&c).trace != first.trace);
}

static uint64_t views_wanted(uint64_t by_default) {
    const char *given = getenv("HKP_VIEWS");
    return given != NULL ? strtoull(given, NULL, 0) : by_default;
}

static struct chaos world_of(uint64_t seed) {
    uint64_t state = seed;
    struct chaos c = {.seed = seed, .n = 4, .liars = 1, .views = 200};
    c.ways = (uint32_t)check_random(&state) & (uint32_t)check_random(&state) & LIAR_ALL;
    c.faults = (uint32_t)check_random(&state) & CHAOS_ALL;
    return c;
}

/* All lies and all faults at once, in many worlds of some hundred views. */
static void no_lie_and_no_fault_splits_the_honest(void) {
    uint64_t wanted = views_wanted(600), told = 0;
    struct chaos_result sum = {.views = 0};
    time_t began = time(NULL);
    for (uint64_t world = 0; sum.views < wanted && check_faults == 0; world++) {
        struct chaos c = world_of(check_seed() * 1000003 + world);
        struct chaos_result r = expect_good(&c);
        sum.views += r.views;
        sum.evidence += r.evidence;
        sum.finals += r.finals;
        sum.crashes += r.crashes;
        sum.cuts += r.cuts;
        sum.due += r.due;
        if (getenv("HKP_VIEWS") == NULL || sum.views * 50 / (wanted + 1) == told) continue;
        told = sum.views * 50 / (wanted + 1);
        uint64_t spent = (uint64_t)(time(NULL) - began);
        fprintf(stderr, "views: %" PRIu64 " of %" PRIu64 " in %" PRIu64 " s, %d faults\n", sum.views, wanted,
                spent, check_faults);
    }
    printf("# %" PRIu64 " views, %" PRIu64 " final checkpoints told, %" PRIu64 " crashes, %" PRIu64
           " cuts of the network, %" PRIu64 " pieces of evidence (the second half of a lie came %" PRIu64
           " times), %d faults\n",
           sum.views, sum.finals, sum.crashes, sum.cuts, sum.evidence, sum.due, check_faults);
}

static void one_world_again(void) {
    struct chaos c = world_of(strtoull(getenv("HKP_WORLD"), NULL, 0));
    expect_good(&c);
}

int main(void) {
    if (getenv("HKP_WORLD") != NULL) {
        CASE(one_world_again);
        return check_done();
    }
    CASE(each_lie_alone_harms_nobody);
    CASE(nobody_votes_for_what_is_wrong);
    CASE(a_false_body_does_not_stop_who_got_it);
    CASE(no_header_stands_on_what_was_not_notarised);
    CASE(two_liars_of_seven_harm_nobody);
    CASE(half_of_six_decides_nothing);
    CASE(invented_ancestors_take_no_place);
    CASE(large_bodies_of_invented_headers_leave_room);
    CASE(who_missed_many_nullified_views_is_back);
    CASE(who_missed_more_views_than_are_in_memory_is_back);
    CASE(the_same_seed_gives_the_same_trace_lies_and_all);
    CASE(no_lie_and_no_fault_splits_the_honest);
    return check_done();
}
