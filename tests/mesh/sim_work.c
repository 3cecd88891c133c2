/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Policies, orders and workloads in a virtual world: who may say what, over restarts, to who comes later. */
#include "node_world.h"

#include "alloc.h"

#include <hookprobe/mesh/submit.h>
#include <hookprobe/mesh/work.h>

enum { OPERATOR = 0, RUNNER = 1, LATE = 3 };

static struct hkp_dsm_genesis genesis;
static uint8_t image[32] = {1, 2, 3}, run_id[32];
static uint32_t seen[WORLD_NODES][64];
static struct hkp_mesh_event last[WORLD_NODES][64];
static uint8_t last_id[WORLD_NODES][64][32];

/* What the world's host does not look at. */
static void hear(uint32_t i, const struct hkp_mesh_event *ev) {
    if (ev->kind >= 64) return;
    seen[i][ev->kind]++;
    last[i][ev->kind] = *ev;
    if (ev->data_len == 32) memcpy(last_id[i][ev->kind], ev->data, 32);
}

static uint64_t wall_s(void) { return world_wall() / 1000000; }

/* The authority gives member 0 the roles of operator and scheduler. */
static void appoint(void) {
    uint8_t officer[64], body[HKP_DSM_CERTIFICATE_BODY_MAX], sig[64];
    struct world_node *w = &world.node[OPERATOR];
    struct hkp_dsm_certificate c;
    char dir[80];
    size_t len;
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "officer.key", officer, 64), 64);
    CHECK_EQ(hkp_dsm_genesis_parse(w->genesis, w->opt.genesis_len, &genesis), HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_parse(w->certificate, w->opt.certificate_len, &c), HKP_OK);
    c.serial++;
    c.roles |= HKP_DSM_ROLE_OPERATOR | HKP_DSM_ROLE_SCHEDULER;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(
        hkp_dsm_multi_sign(sig, genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, officer, body, len, NULL, 0),
        HKP_OK);
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE,
                              .ca_version = 1,
                              .body = {body, len},
                              .n_signatures = 1,
                              .signature = {sig}};
    CHECK_EQ(hkp_dsm_multi_build(&m, w->certificate, sizeof w->certificate, &w->opt.certificate_len), HKP_OK);
    for (uint32_t k = 0; k < world.n; k++)
        for (uint32_t p = 0; p < world.node[k].opt.n_peers; p++)
            if (world.node[k].peers[p].certificate == w->certificate)
                world.node[k].peers[p].certificate_len = w->opt.certificate_len;
}

static int all_started(void) {
    for (uint32_t i = 0; i < world.n; i++)
        if (world.node[i].node != NULL && !world.node[i].node->started) return 0;
    return world_all_active();
}

/* n members, those above `up` not yet there. */
static void begin(uint32_t n, uint32_t up, uint64_t seed) {
    memset(seen, 0, sizeof seen);
    world_make(n, seed);
    appoint();
    world.hear = hear;
    for (uint32_t i = 0; i < up; i++) world_up(i);
}

static size_t sign_by(uint32_t i, uint32_t kind, const uint8_t *body, size_t len, uint8_t *dst) {
    const struct hkp_mesh_node *n = world.node[i].node;
    size_t out = 0;
    CHECK_EQ(hkp_dsm_envelope_sign(n->chain_id, kind, n->node_id, n->a_secret, body, len, dst, 1024, &out),
             HKP_OK);
    return out;
}

static size_t policy_by(uint32_t i, uint32_t scope, uint32_t version, uint64_t until_s, uint8_t *dst) {
    const struct hkp_dsm_policy p = {.scope = scope,
                                     .version = version,
                                     .bytes = {(const uint8_t *)"rule", 4},
                                     .not_after_s = until_s,
                                     .has_not_after = until_s != 0};
    uint8_t body[256];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_policy_build(&p, body, sizeof body, &len), HKP_OK);
    return sign_by(i, HKP_DSM_KIND_POLICY, body, len, dst);
}

static size_t order(uint64_t scope, uint64_t number, const uint8_t *bytes, size_t n, uint64_t until_s,
                    uint8_t *dst) {
    uint8_t officer[64], body[512], sig[64];
    const struct hkp_dsm_order o = {.scope = scope,
                                    .number = number,
                                    .bytes = {bytes, n},
                                    .not_after_s = until_s,
                                    .has_not_after = until_s != 0};
    char dir[80];
    size_t len = 0, out = 0;
    snprintf(dir, sizeof dir, "%s/authority", world.root);
    CHECK_EQ(world_read(dir, "officer.key", officer, 64), 64);
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(sig, genesis.chain_id, HKP_DSM_KIND_ORDER, 1, officer, body, len, NULL, 0),
             HKP_OK);
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_ORDER,
                              .ca_version = 1,
                              .body = {body, len},
                              .n_signatures = 1,
                              .signature = {sig}};
    CHECK_EQ(hkp_dsm_multi_build(&m, dst, 1024, &out), HKP_OK);
    return out;
}

/* As an operator hands it to member i. */
static hkp_status submit(uint32_t i, const uint8_t *object, size_t len) {
    uint32_t kind = 0;
    return hkp_mesh_submit(world.node[i].node, world.now, world_wall(), object, len, &kind);
}

static uint32_t count(uint32_t i, uint32_t kind, uint32_t state) {
    struct hkp_mesh_work o = {.struct_size = sizeof o};
    uint32_t found = 0;
    for (uint32_t k = 0; hkp_mesh_work_at(world.node[i].node, k, &o) == HKP_OK; k++)
        found += o.kind == kind && o.state == state;
    return found;
}

static uint32_t wanted_kind, wanted_event;
static int all_have_it(void) {
    for (uint32_t i = 0; i < world.n; i++)
        if (world.node[i].node == NULL || count(i, wanted_kind, HKP_MESH_WORK_IN_FORCE) == 0) return 0;
    return 1;
}
static int all_hold_it(void) {
    for (uint32_t i = 0; i < world.n; i++)
        if (world.node[i].node == NULL || count(i, wanted_kind, HKP_MESH_WORK_HELD) == 0) return 0;
    return 1;
}
static int runner_heard(void) { return seen[RUNNER][wanted_event] > 0; }

/* ---- Policies ---- */

static void a_policy_reaches_all_and_who_comes_later_and_stays_over_a_restart(void) {
    uint8_t policy[1024];
    begin(4, 3, 11);
    CHECK(!world_until(all_started, 20 * WORLD_S));
    const size_t len = policy_by(OPERATOR, 7, 1, 0, policy);
    CHECK_EQ(submit(RUNNER, policy, len), HKP_OK); /* not the operator's own node */
    CHECK_EQ(submit(RUNNER, policy, len), HKP_E_DSM_DUPLICATE);
    CHECK(world_until(NULL, 30 * WORLD_S));
    CHECK_EQ(count(2, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 1);
    CHECK_EQ(seen[2][HKP_MESH_EVENT_POLICY], 1);
    CHECK_EQ(last[2][HKP_MESH_EVENT_POLICY].number, 7);
    CHECK_EQ(last[2][HKP_MESH_EVENT_POLICY].to, 1);
    CHECK_EQ(memcmp(last[2][HKP_MESH_EVENT_POLICY].node_id, world.node[OPERATOR].node_id, 16), 0);
    world_up(LATE); /* gossip said it before it came */
    wanted_kind = HKP_DSM_KIND_POLICY;
    CHECK(world_until(all_have_it, 120 * WORLD_S));
    world_crash(2);
    world_up(2);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(count(2, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 1);
    world_end();
}

static void a_policy_counts_when_it_is_durable_and_only_then_is_told(void) {
    uint8_t policy[1024];
    begin(2, 2, 12);
    CHECK(world_until(all_started, 60 * WORLD_S));
    world.node[RUNNER].frozen = 1; /* its disk takes nothing */
    const size_t len = policy_by(OPERATOR, 7, 1, 0, policy);
    CHECK_EQ(submit(RUNNER, policy, len), HKP_OK);
    CHECK_EQ(submit(OPERATOR, policy, len), HKP_OK);
    CHECK(world_until(NULL, 10 * WORLD_S));
    CHECK_EQ(seen[OPERATOR][HKP_MESH_EVENT_POLICY], 1);
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_POLICY], 0);
    world_end();
}

static void what_is_not_signed_by_an_operator_is_in_force_nowhere(void) {
    uint8_t policy[1024];
    begin(2, 2, 13);
    CHECK(world_until(all_started, 60 * WORLD_S));
    size_t len = policy_by(RUNNER, 7, 1, 0, policy); /* a member without the role */
    CHECK_EQ(submit(RUNNER, policy, len), HKP_E_DSM_ROLE);
    len = policy_by(OPERATOR, 7, 1, 0, policy);
    policy[len - 1] ^= 1;
    CHECK_EQ(submit(RUNNER, policy, len), HKP_E_DSM_SIG);
    len = policy_by(OPERATOR, 3, 1, 0, policy); /* a scope that only officers set */
    CHECK_EQ(submit(OPERATOR, policy, len), HKP_E_DSM_KIND);
    CHECK(world_until(NULL, 20 * WORLD_S));
    for (uint32_t i = 0; i < 2; i++) {
        struct hkp_mesh_work o = {.struct_size = sizeof o};
        CHECK_EQ(hkp_mesh_work_at(world.node[i].node, 0, &o), HKP_E_NOTFOUND);
        CHECK_EQ(seen[i][HKP_MESH_EVENT_POLICY], 0);
    }
    world_end();
}

static void versions_rise_ends_pass_and_officers_reset(void) {
    uint8_t object[1024], reset[8] = {0, 0, 0, 8, 0, 0, 0, 0};
    begin(2, 2, 14);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, policy_by(OPERATOR, 7, 5, wall_s() + 20, object)), HKP_OK);
    CHECK_EQ(submit(OPERATOR, object, policy_by(OPERATOR, 8, 1, 0, object)), HKP_OK);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, policy_by(OPERATOR, 7, 4, 0, object)), HKP_E_DSM_STALE);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 2);
    CHECK(world_until(NULL, 20 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 1);
    CHECK_EQ(last[RUNNER][HKP_MESH_EVENT_POLICY].status, HKP_E_DSM_EXPIRED);
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_RESET, 1, reset, 8, 0, object)), HKP_OK);
    CHECK(world_until(NULL, 10 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 0);
    CHECK_EQ(last[RUNNER][HKP_MESH_EVENT_POLICY].status, HKP_E_DSM_ORDER);
    world_end();
}

static void two_orders_of_one_number_count_both_for_nothing(void) {
    uint8_t object[1024];
    const uint8_t one[4] = {1}, other[4] = {2};
    begin(2, 2, 15);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_STEALTH, 1, one, 4, 0, object)), HKP_OK);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ORDER, HKP_MESH_WORK_IN_FORCE), 1);
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_STEALTH, 1, other, 4, 0, object)), HKP_E_DSM_FORK);
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ORDER, HKP_MESH_WORK_IN_FORCE), 0);
    CHECK_EQ(last[RUNNER][HKP_MESH_EVENT_ORDER].status, HKP_E_DSM_FORK);
    world_end();
}

/* Memory ends at each piece in turn: what is refused changes nothing, and counts once it is given again; what
 * is kept and could not be written is written and told later. */
static void what_found_no_memory_counts_when_it_is_given_again(void) {
    uint8_t policy[1024];
    struct failing memory = {.left = -1};
    uint32_t refused = 0, taken = 0;
    begin(2, 0, 25);
    world.node[RUNNER].opt.mem = failing_mem(&memory);
    world_up(OPERATOR);
    world_up(RUNNER);
    CHECK(world_until(all_started, 60 * WORLD_S));
    for (uint32_t version = 1; version <= 4; version++) {
        const size_t len = policy_by(OPERATOR, 7, version, 0, policy);
        memory.left = (long)version - 1;
        const hkp_status st = submit(RUNNER, policy, len);
        memory.left = -1;
        CHECK_EQ(count(RUNNER, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), taken > 0 || st == HKP_OK);
        CHECK_EQ(submit(RUNNER, policy, len), st == HKP_OK ? HKP_E_DSM_DUPLICATE : HKP_OK);
        if (st != HKP_OK) CHECK_EQ(st, HKP_E_LIMIT);
        refused += st != HKP_OK;
        taken++;
        policy[len - 1] ^= 1; /* its id is known, its signature is another */
        CHECK_EQ(submit(RUNNER, policy, len), HKP_E_DSM_DUPLICATE);
        memory.left = 0;
        CHECK(world_until(NULL, WORLD_S));
        CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_POLICY], version - 1);
        memory.left = -1;
        CHECK(world_until(NULL, 5 * WORLD_S));
        CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_POLICY], version);
        CHECK_EQ(last[RUNNER][HKP_MESH_EVENT_POLICY].to, version);
    }
    CHECK(refused > 0 && refused < 4);
    CHECK_EQ(count(OPERATOR, HKP_DSM_KIND_POLICY, HKP_MESH_WORK_IN_FORCE), 1);
    world_crash(RUNNER);
    CHECK_EQ(memory.live, 0);
    world_end();
}

/* ---- Workloads ---- */

static size_t workload(uint8_t *dst, uint8_t id[32]) {
    struct hkp_dsm_workload l = {.workload_id = {9}, .version = 1, .cpu_milli = 100, .tiers = 31};
    const struct hkp_mesh_node *n = world.node[OPERATOR].node;
    uint8_t body[512];
    size_t len = 0;
    memcpy(l.image, image, 32);
    l.not_before_s = wall_s() - 10;
    l.not_after_s = wall_s() + 100000;
    CHECK_EQ(hkp_dsm_workload_build(&l, body, sizeof body, &len), HKP_OK);
    hkp_dsm_object_id(id, genesis.chain_id, HKP_DSM_KIND_WORKLOAD, n->node_id, body, len);
    return sign_by(OPERATOR, HKP_DSM_KIND_WORKLOAD, body, len, dst);
}

static size_t assign(uint32_t by, const uint8_t object[32], uint8_t nonce, uint8_t *dst) {
    struct hkp_dsm_assign a = {.nonce = {nonce}};
    uint8_t body[256];
    size_t len = 0;
    memcpy(a.workload, object, 32);
    memcpy(a.node_id, world.node[RUNNER].node_id, 16);
    a.not_before_s = wall_s() - 10;
    a.not_after_s = wall_s() + 10000;
    CHECK_EQ(hkp_dsm_assign_build(&a, body, sizeof body, &len), HKP_OK);
    hkp_dsm_object_id(run_id, genesis.chain_id, HKP_DSM_KIND_ASSIGN, world.node[by].node_id, body, len);
    return sign_by(by, HKP_DSM_KIND_ASSIGN, body, len, dst);
}

/* D-BLK-3: a member's block may hold anything; its signature says nothing of what is in it. */
static void what_a_block_brings_is_verified(void) {
    uint8_t content[1 + 1024] = {0x81}, id[32];
    begin(2, 2, 20);
    CHECK(world_until(all_started, 60 * WORLD_S));
    struct hkp_mesh_node *runner = world.node[RUNNER].node;
    size_t len = workload(content + 1, id);
    content[len] ^= 1;
    hkp_mesh__work_block(runner, content, 1 + len);
    content[len] ^= 1;
    hkp_mesh__work_block(runner, content, len);
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_WORKLOAD, HKP_MESH_WORK_HELD), 0);
    hkp_mesh__work_block(runner, content, 1 + len);
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_WORKLOAD, HKP_MESH_WORK_HELD), 1);
    len = assign(RUNNER, id, 1, content + 1); /* no scheduler */
    hkp_mesh__work_block(runner, content, 1 + len);
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ASSIGN, HKP_MESH_WORK_HELD), 0);
    len = assign(OPERATOR, id, 1, content + 1);
    hkp_mesh__work_block(runner, content, 1 + len);
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ASSIGN, HKP_MESH_WORK_HELD), 1);
    world_end();
}

static hkp_status start(const uint8_t digest[32]) {
    struct hkp_dsm_start s;
    return hkp_mesh_workload_start(world.node[RUNNER].node, world.now, world_wall(), run_id, digest, &s);
}

static void a_workload_starts_only_with_all_three_and_the_right_image_and_stops_without_them(void) {
    uint8_t object[1024], id[32], wrong[32] = {0};
    begin(2, 2, 21);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, workload(object, id)), HKP_OK);
    CHECK_EQ(submit(OPERATOR, object, assign(OPERATOR, id, 1, object)), HKP_OK);
    wanted_kind = HKP_DSM_KIND_WORKLOAD;
    CHECK(world_until(all_hold_it, 30 * WORLD_S));
    CHECK(world_until(NULL, 5 * WORLD_S));
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_ASSIGNED], 0);
    CHECK_EQ(start(image),
             HKP_E_DSM_ORDER); /* signed by operator and scheduler, but officers were not asked */
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_WORKLOAD, 1, id, 32, 0, object)), HKP_OK);
    wanted_event = HKP_MESH_EVENT_ASSIGNED;
    CHECK(world_until(runner_heard, 30 * WORLD_S));
    CHECK_EQ(memcmp(last_id[RUNNER][HKP_MESH_EVENT_ASSIGNED], run_id, 32), 0);
    CHECK_EQ(seen[OPERATOR][HKP_MESH_EVENT_ASSIGNED], 0);
    CHECK_EQ(start(wrong), HKP_E_DSM_PAYLOAD);
    CHECK_EQ(start(image), HKP_OK);
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_WORKLOAD_START], 0); /* its nonce is not on disk yet */
    wanted_event = HKP_MESH_EVENT_WORKLOAD_START;
    CHECK(world_until(runner_heard, 5 * WORLD_S));
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ASSIGN, HKP_MESH_WORK_RUNNING), 1);
    CHECK_EQ(start(image), HKP_E_DSM_DUPLICATE);
    CHECK(world_until(NULL, 130 * WORLD_S));
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_WORKLOAD_STOP], 0);
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_WORKLOAD, 2, id, 32, wall_s() - 1, object)),
             HKP_OK);
    CHECK(world_until(NULL, 70 * WORLD_S));
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_WORKLOAD_STOP], 1);
    CHECK_EQ(last[RUNNER][HKP_MESH_EVENT_WORKLOAD_STOP].status, HKP_E_DSM_ORDER);
    CHECK_EQ(count(RUNNER, HKP_DSM_KIND_ASSIGN, HKP_MESH_WORK_RUNNING), 0);
    world_end();
}

static void a_nonce_that_started_something_starts_nothing_after_a_crash(void) {
    uint8_t object[1024], id[32];
    begin(2, 2, 22);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, workload(object, id)), HKP_OK);
    CHECK_EQ(submit(OPERATOR, object, assign(OPERATOR, id, 1, object)), HKP_OK);
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_WORKLOAD, 1, id, 32, 0, object)), HKP_OK);
    wanted_event = HKP_MESH_EVENT_ASSIGNED;
    CHECK(world_until(runner_heard, 30 * WORLD_S));
    CHECK_EQ(start(image), HKP_OK);
    wanted_event = HKP_MESH_EVENT_WORKLOAD_START;
    CHECK(world_until(runner_heard, 5 * WORLD_S));
    CHECK(world_until(NULL, 10 * WORLD_S)); /* its block is there, too */
    world_crash(RUNNER);
    world_up(RUNNER);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK(world_until(NULL, 10 * WORLD_S));
    const hkp_status st = start(image);
    CHECK(st == HKP_E_DSM_DUPLICATE || st == HKP_E_NOTFOUND);
    CHECK_EQ(start(image), HKP_E_NOTFOUND);
    CHECK_EQ(seen[RUNNER][HKP_MESH_EVENT_WORKLOAD_START], 1);
    world_end();
}

static void who_is_no_scheduler_assigns_nothing(void) {
    uint8_t object[1024], id[32];
    begin(2, 2, 23);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, object, workload(object, id)), HKP_OK);
    CHECK_EQ(submit(OPERATOR, object, order(HKP_DSM_ORDER_WORKLOAD, 1, id, 32, 0, object)), HKP_OK);
    CHECK_EQ(submit(RUNNER, object, assign(RUNNER, id, 1, object)), HKP_E_DSM_ROLE);
    CHECK(world_until(NULL, 20 * WORLD_S));
    CHECK_EQ(start(image), HKP_E_NOTFOUND);
    world_end();
}

static void a_stored_file_that_was_changed_stops_the_start(void) {
    uint8_t policy[1024];
    uint8_t cursor[104], boot[16] = {7};
    begin(2, 2, 24);
    CHECK(world_until(all_started, 60 * WORLD_S));
    CHECK_EQ(submit(OPERATOR, policy, policy_by(OPERATOR, 7, 1, 0, policy)), HKP_OK);
    CHECK(world_until(NULL, 10 * WORLD_S));
    struct world_file *f = world_file(&world.node[RUNNER], "work.control");
    CHECK(f != NULL);
    world_crash(RUNNER);
    struct world_node *w = &world.node[RUNNER];
    CHECK_EQ(hkp_mesh_node_new(&w->node, &w->opt, world.now, world_wall()), HKP_OK);
    hkp_ter_cursor_encode(&w->cursor, cursor);
    CHECK_EQ(hkp_mesh_log_end(w->node, cursor, NULL, NULL, boot), HKP_OK);
    for (size_t at = 0; f != NULL && at < f->len; at += 7) {
        f->bytes[at] ^= 4;
        CHECK(hkp_mesh_restore(w->node, f->name, f->bytes, f->len) != HKP_OK);
        f->bytes[at] ^= 4;
    }
    CHECK(f != NULL && hkp_mesh_restore(w->node, f->name, f->bytes, f->len - 1) != HKP_OK);
    CHECK(f != NULL && hkp_mesh_restore(w->node, f->name, f->bytes, f->len) == HKP_OK);
    hkp_mesh_node_free(w->node);
    w->node = NULL;
    world_end();
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_policy_reaches_all_and_who_comes_later_and_stays_over_a_restart);
    CASE(a_policy_counts_when_it_is_durable_and_only_then_is_told);
    CASE(what_is_not_signed_by_an_operator_is_in_force_nowhere);
    CASE(versions_rise_ends_pass_and_officers_reset);
    CASE(two_orders_of_one_number_count_both_for_nothing);
    CASE(what_found_no_memory_counts_when_it_is_given_again);
    CASE(what_a_block_brings_is_verified);
    CASE(a_workload_starts_only_with_all_three_and_the_right_image_and_stops_without_them);
    CASE(a_nonce_that_started_something_starts_nothing_after_a_crash);
    CASE(who_is_no_scheduler_assigns_nothing);
    CASE(a_stored_file_that_was_changed_stops_the_start);
    return check_done();
}
