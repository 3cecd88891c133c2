/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-AUD-5, D-AUD-6: what a node lets operators, schedulers and officers make it do. */
#include "alloc.h"
#include "kit.h"

#include "libter/bytes.h"

static struct kit kit;
static struct kit_node *op, *scheduler, *own, *edge;
static const uint64_t SECOND = 1000000000U;
static const uint8_t image[32] = {0x11};

struct message {
    uint8_t bytes[2048], id[32];
    size_t len;
};

static hkp_dsm_control *control_from(const uint8_t *state, size_t len) {
    struct hkp_dsm_control_options opt;
    hkp_dsm_control *c = NULL;
    hkp_dsm_control_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(own);
    opt.tier = HKP_DSM_TIER_GUARDIAN;
    opt.directory = &kit.directory;
    opt.state = state;
    opt.state_len = len;
    CHECK_EQ(hkp_dsm_control_new(&c, &opt), HKP_OK);
    return c;
}

/* ---- Messages ---- */

static struct hkp_dsm_workload workload_of(void) {
    struct hkp_dsm_workload w = {.version = 1,
                                 .memory_bytes = 1 << 20,
                                 .disk_bytes = 1 << 22,
                                 .not_before_s = KIT_NOW_S - 100,
                                 .not_after_s = KIT_NOW_S + 5000,
                                 .cpu_milli = 250,
                                 .tiers = 1U << (HKP_DSM_TIER_GUARDIAN - 1),
                                 .n_arguments = 2,
                                 .n_inputs = 1};
    memcpy(w.image, image, 32);
    w.arguments[0] = (struct hkp_dsm_view){(const uint8_t *)"--train", 7};
    w.arguments[1] = (struct hkp_dsm_view){(const uint8_t *)"", 0};
    w.inputs[0] = image;
    return w;
}

static struct message workload_message(const struct kit_node *by, const struct hkp_dsm_workload *w) {
    struct message m;
    uint8_t body[1024];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_workload_build(w, body, sizeof body, &len), HKP_OK);
    m.len = kit_sign(&kit, by, HKP_DSM_KIND_WORKLOAD, body, len, m.bytes, sizeof m.bytes);
    hkp_dsm_object_id(m.id, kit.chain_id, HKP_DSM_KIND_WORKLOAD, kit_id(by), body, len);
    return m;
}

static struct hkp_dsm_assign assign_of(const struct message *workload, uint32_t nonce) {
    struct hkp_dsm_assign a = {.not_before_s = KIT_NOW_S - 50, .not_after_s = KIT_NOW_S + 3000};
    memcpy(a.workload, workload->id, 32);
    memcpy(a.node_id, kit_id(own), 16);
    memcpy(a.nonce, &nonce, sizeof nonce);
    return a;
}

static struct message assign_message(const struct kit_node *by, const struct hkp_dsm_assign *a) {
    struct message m;
    uint8_t body[128];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_assign_build(a, body, sizeof body, &len), HKP_OK);
    m.len = kit_sign(&kit, by, HKP_DSM_KIND_ASSIGN, body, len, m.bytes, sizeof m.bytes);
    hkp_dsm_object_id(m.id, kit.chain_id, HKP_DSM_KIND_ASSIGN, kit_id(by), body, len);
    return m;
}

static hkp_status order_by(hkp_dsm_control *c, uint32_t officers, uint32_t scope, uint64_t number,
                           const uint8_t *bytes, size_t len, uint64_t not_after_s) {
    uint8_t body[512], multi[1024];
    size_t body_len = 0;
    struct hkp_dsm_order o = {.scope = scope,
                              .number = number,
                              .bytes = {bytes, len},
                              .not_after_s = not_after_s},
                         got;
    o.has_not_after = not_after_s != 0;
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &body_len), HKP_OK);
    const size_t multi_len =
        kit_multi(&kit, HKP_DSM_KIND_ORDER, body, body_len, officers, multi, sizeof multi);
    return hkp_dsm_control_order(c, multi, multi_len, &kit.officers, KIT_NOW_S, &got);
}

static hkp_status order(hkp_dsm_control *c, uint32_t scope, uint64_t number, const uint8_t *bytes, size_t len,
                        uint64_t not_after_s) {
    return order_by(c, 2, scope, number, bytes, len, not_after_s);
}

static hkp_status policy_full(hkp_dsm_control *c, const struct kit_node *by, uint32_t scope,
                              const uint8_t *name, uint32_t version, uint64_t not_after_s, uint64_t now_s) {
    uint8_t body[256], bytes[512];
    size_t len = 0;
    struct hkp_dsm_policy p = {.scope = scope, .version = version, .not_after_s = not_after_s}, got;
    p.has_not_after = not_after_s != 0;
    p.bytes = (struct hkp_dsm_view){(const uint8_t *)"rules", 5};
    if (name != NULL) memcpy(p.name, name, 16);
    CHECK_EQ(hkp_dsm_policy_build(&p, body, sizeof body, &len), HKP_OK);
    const size_t n = kit_sign(&kit, by, HKP_DSM_KIND_POLICY, body, len, bytes, sizeof bytes);
    memset(&got, 0xA5, sizeof got);
    const hkp_status st = hkp_dsm_control_policy(c, bytes, n, now_s, &got);
    if (st == HKP_OK) CHECK(got.version == version && got.scope == scope && got.bytes.len == 5);
    for (size_t i = 0; st != HKP_OK && i < sizeof got; i++) CHECK_EQ(((uint8_t *)&got)[i], 0xA5);
    return st;
}

static hkp_status policy(hkp_dsm_control *c, uint32_t scope, uint32_t version) {
    return policy_full(c, op, scope, NULL, version, 0, KIT_NOW_S);
}

static hkp_status start_at(hkp_dsm_control *c, const struct message *w, const struct message *a,
                           uint64_t now_s, const uint8_t digest[32], struct hkp_dsm_start *s) {
    const struct hkp_dsm_view wv = {w->bytes, w->len}, av = {a->bytes, a->len};
    static struct hkp_dsm_start before;
    memset(s, 0xA5, sizeof *s);
    memset(&before, 0xA5, sizeof before);
    const hkp_status st = hkp_dsm_control_start(c, 0, now_s, &wv, &av, digest, s);
    if (st != HKP_OK) CHECK_MEM(s, &before, sizeof before);
    return st;
}

static hkp_status start(hkp_dsm_control *c, const struct message *w, const struct message *a) {
    struct hkp_dsm_start s;
    return start_at(c, w, a, KIT_NOW_S, image, &s);
}

/* A control that allows this workload. */
static hkp_dsm_control *ready(const struct message *w) {
    hkp_dsm_control *c = control_from(NULL, 0);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 1, w->id, 32, 0), HKP_OK);
    return c;
}

/* ---- Start ---- */

static void a_workload_starts_when_all_agree(void) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1);
    const struct message am = assign_message(scheduler, &a);
    hkp_dsm_control *c = ready(&wm);
    struct hkp_dsm_start s;
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S, image, &s), HKP_OK);
    CHECK_MEM(s.object, wm.id, 32);
    CHECK_MEM(s.run, am.id, 32);
    CHECK_EQ(s.until_s, KIT_NOW_S + 3000);
    CHECK(s.workload.n_arguments == 2 && memcmp(s.workload.arguments[0].ptr, "--train", 7) == 0);
    CHECK(s.workload.cpu_milli == 250 && s.workload.n_inputs == 1);
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_DUPLICATE);
    hkp_dsm_control_free(c);
}

static void signers_need_their_roles(void) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w), by_edge = workload_message(edge, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1);
    const struct message am = assign_message(scheduler, &a), am_edge = assign_message(edge, &a);
    hkp_dsm_control *c = ready(&wm);
    struct message bad = wm;
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 2, by_edge.id, 32, 0), HKP_OK);
    CHECK_EQ(start(c, &by_edge, &am), HKP_E_DSM_ROLE);
    CHECK_EQ(start(c, &wm, &am_edge), HKP_E_DSM_ROLE);
    CHECK_EQ(start(c, &am, &am), HKP_E_DSM_KIND);
    bad.bytes[bad.len - 1] ^= 1;
    CHECK_EQ(start(c, &bad, &am), HKP_E_DSM_SIG);
    bad = am;
    bad.bytes[bad.len - 1] ^= 1;
    CHECK_EQ(start(c, &wm, &bad), HKP_E_DSM_SIG);
    op->revoked = 1;
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_REVOKED);
    op->revoked = 0;
    scheduler->known = 0;
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_SIGNER);
    scheduler->known = 1;
    CHECK_EQ(start(c, &wm, &am), HKP_OK);
    hkp_dsm_control_free(c);
}

/* What the older system did not ask: is this for me, now, this image, and do officers want it? */
static void each_condition_by_itself_stops_a_start(void) {
    struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const uint8_t other_image[32] = {0x12};
    struct hkp_dsm_start s;
    hkp_dsm_control *c = ready(&wm), *without = control_from(NULL, 0);
    struct hkp_dsm_assign a = assign_of(&wm, 1);
    struct message am = assign_message(scheduler, &a);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S, other_image, &s), HKP_E_DSM_PAYLOAD);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S - 51, image, &s), HKP_E_DSM_NOT_YET);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S - 101, image, &s), HKP_E_DSM_NOT_YET);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S + 3000, image, &s), HKP_E_DSM_EXPIRED);
    CHECK_EQ(start(without, &wm, &am), HKP_E_DSM_ORDER);
    a.workload[0] ^= 1;
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_PROOF);
    a = assign_of(&wm, 1);
    a.node_id[0] ^= 1;
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_TARGET);
    w.tiers = 31 - w.tiers;
    const struct message others = workload_message(op, &w);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 2, others.id, 32, 0), HKP_OK);
    a = assign_of(&others, 1);
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &others, &am), HKP_E_DSM_TARGET);
    w = workload_of();
    w.not_after_s = KIT_NOW_S; /* the assignment goes on, the workload does not */
    const struct message over = workload_message(op, &w);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 3, over.id, 32, 0), HKP_OK);
    a = assign_of(&over, 1);
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &over, &am), HKP_E_DSM_EXPIRED);
    a = assign_of(&wm, 1);
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &wm, &am), HKP_OK); /* none of the refusals used up the nonce */
    hkp_dsm_control_free(c);
    hkp_dsm_control_free(without);
}

static void nonces_and_runs_are_bounded(void) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    hkp_dsm_control *c = ready(&wm);
    struct hkp_dsm_start s;
    struct message am;
    struct hkp_dsm_assign a;
    uint8_t first[32];
    for (uint32_t i = 0; i < HKP_DSM_RUNS; i++) {
        a = assign_of(&wm, i);
        am = assign_message(scheduler, &a);
        CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S, image, &s), HKP_OK);
        if (i == 0) memcpy(first, s.run, 32);
    }
    a = assign_of(&wm, 5000);
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &wm, &am), HKP_E_LIMIT);
    CHECK_EQ(hkp_dsm_control_ended(c, first), HKP_OK);
    CHECK_EQ(hkp_dsm_control_ended(c, first), HKP_E_NOTFOUND);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S, image, &s), HKP_OK);
    for (uint32_t i = HKP_DSM_RUNS + 1; i < HKP_DSM_START_NONCES; i++) {
        CHECK_EQ(hkp_dsm_control_ended(c, s.run), HKP_OK);
        a = assign_of(&wm, i);
        a.not_after_s = i < 100 ? KIT_NOW_S + 10 : KIT_NOW_S + 3000;
        am = assign_message(scheduler, &a);
        CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S, image, &s), HKP_OK);
    }
    CHECK_EQ(hkp_dsm_control_ended(c, s.run), HKP_OK);
    a = assign_of(&wm, 6000);
    am = assign_message(scheduler, &a);
    CHECK_EQ(start(c, &wm, &am), HKP_E_LIMIT);
    CHECK_EQ(start_at(c, &wm, &am, KIT_NOW_S + 10, image, &s), HKP_OK); /* nonces of ended windows went */
    hkp_dsm_control_free(c);
}

static void a_nonce_is_not_forgotten_by_a_start(void) {
    static uint8_t state[HKP_DSM_CONTROL_STATE_MAX];
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1), b = assign_of(&wm, 2);
    const struct message am = assign_message(scheduler, &a), bm = assign_message(scheduler, &b);
    hkp_dsm_control *c = ready(&wm);
    size_t len = 0;
    CHECK_EQ(start(c, &wm, &am), HKP_OK);
    CHECK_EQ(policy(c, 9, 7), HKP_OK);
    CHECK_EQ(hkp_dsm_control_save(c, state, 10, &len), HKP_E_NOSPC);
    CHECK_EQ(hkp_dsm_control_save(c, state, sizeof state, &len), HKP_OK);
    hkp_dsm_control_free(c);
    c = control_from(state, len);
    CHECK_EQ(hkp_dsm_control_wake(c), HKP_TIME_NEVER); /* nothing runs after a start */
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(policy(c, 9, 7), HKP_E_DSM_STALE);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 1, wm.id, 32, 0), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(start(c, &wm, &bm), HKP_OK);
    hkp_dsm_control_free(c);
}

static struct message assigned(const struct message *w, uint32_t nonce, uint64_t for_s) {
    struct hkp_dsm_assign a = assign_of(w, nonce);
    a.not_after_s = KIT_NOW_S + for_s;
    return assign_message(scheduler, &a);
}

static void starts_and_ends(hkp_dsm_control *c, const struct message *w, const struct message *a,
                            uint64_t now_s) {
    struct hkp_dsm_start s;
    CHECK_EQ(start_at(c, w, a, now_s, image, &s), HKP_OK);
    CHECK_EQ(hkp_dsm_control_ended(c, s.run), HKP_OK);
}

/* D-AUD-5: it is kept until the assignment ends, by a clock that is right. */
static void a_clock_that_jumps_ahead_and_back_forgets_no_nonce(void) {
    static uint8_t state[HKP_DSM_CONTROL_STATE_MAX];
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct message first = assigned(&wm, 1, 10), last = assigned(&wm, 2, 20),
                         brief = assigned(&wm, 3, 5);
    hkp_dsm_control *c = ready(&wm);
    size_t len = 0;
    starts_and_ends(c, &wm, &first, KIT_NOW_S);
    starts_and_ends(c, &wm, &last, KIT_NOW_S + 15);
    CHECK_EQ(start(c, &wm, &first), HKP_E_DSM_DUPLICATE);
    starts_and_ends(c, &wm, &brief, KIT_NOW_S); /* nothing was forgotten, so nothing else is refused */
    for (uint32_t i = 3; i < HKP_DSM_START_NONCES; i++) {
        const struct message am = assigned(&wm, i + 1, 3000);
        starts_and_ends(c, &wm, &am, KIT_NOW_S);
    }
    const struct message am = assigned(&wm, 5000, 3000), more = assigned(&wm, 5001, 3000);
    CHECK_EQ(start(c, &wm, &am), HKP_E_LIMIT);
    starts_and_ends(c, &wm, &am, KIT_NOW_S + 15); /* in the place of the one that ended first */
    CHECK_EQ(start(c, &wm, &brief), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(start(c, &wm, &first), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(start(c, &wm, &more), HKP_E_LIMIT);
    CHECK_EQ(hkp_dsm_control_save(c, state, sizeof state, &len), HKP_OK);
    hkp_dsm_control_free(c);
    c = control_from(state, len);
    CHECK_EQ(start(c, &wm, &brief), HKP_E_DSM_DUPLICATE);
    starts_and_ends(c, &wm, &more, KIT_NOW_S + 15);
    CHECK_EQ(start(c, &wm, &first), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(start(c, &wm, &last), HKP_E_DSM_DUPLICATE); /* this one still has its place */
    hkp_dsm_control_free(c);
}

/* ---- While it runs ---- */

static hkp_status stopped(hkp_dsm_control *c, hkp_time now, uint64_t now_s) {
    uint8_t run[32];
    hkp_status why = HKP_OK;
    return hkp_dsm_control_check(c, now, now_s, run, &why) == HKP_OK ? why : HKP_OK;
}

/* A run after this change, looked at again after 60 s. */
static hkp_status changed(void (*change)(hkp_dsm_control *c, const struct message *w)) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1);
    const struct message am = assign_message(scheduler, &a);
    hkp_dsm_control *c = ready(&wm);
    CHECK_EQ(start(c, &wm, &am), HKP_OK);
    CHECK_EQ(hkp_dsm_control_wake(c), 60 * SECOND);
    CHECK_EQ(stopped(c, 60 * SECOND, KIT_NOW_S + 60), HKP_OK);
    CHECK_EQ(hkp_dsm_control_wake(c), 120 * SECOND);
    change(c, &wm);
    CHECK_EQ(stopped(c, 120 * SECOND - 1, KIT_NOW_S + 119), HKP_OK);
    const hkp_status why = stopped(c, 120 * SECOND, KIT_NOW_S + 120);
    CHECK_EQ(stopped(c, 120 * SECOND, KIT_NOW_S + 120), HKP_OK);
    CHECK_EQ(hkp_dsm_control_wake(c), why == HKP_OK ? 180 * SECOND : HKP_TIME_NEVER);
    hkp_dsm_control_free(c);
    op->revoked = scheduler->revoked = 0;
    op->known = scheduler->known = 1;
    scheduler->signer.certificate.roles = HKP_DSM_ROLE_SCHEDULER;
    return why;
}

static void nothing(hkp_dsm_control *c, const struct message *w) { (void)c, (void)w; }
static void operator_revoked(hkp_dsm_control *c, const struct message *w) {
    (void)c, (void)w, op->revoked = 1;
}
static void scheduler_revoked(hkp_dsm_control *c, const struct message *w) {
    (void)c, (void)w, scheduler->revoked = HKP_DSM_SERIAL_BARRED;
}
static void scheduler_gone(hkp_dsm_control *c, const struct message *w) {
    (void)c, (void)w, scheduler->known = 0;
}
static void role_taken(hkp_dsm_control *c, const struct message *w) {
    (void)c, (void)w, scheduler->signer.certificate.roles = HKP_DSM_ROLE_EDGE;
}
static void withdrawn(hkp_dsm_control *c, const struct message *w) {
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 2, w->id, 32, KIT_NOW_S - 1), HKP_OK);
}

static void what_runs_is_checked_every_60_seconds(void) {
    CHECK_EQ(changed(nothing), HKP_OK);
    CHECK_EQ(changed(operator_revoked), HKP_E_DSM_REVOKED);
    CHECK_EQ(changed(scheduler_revoked), HKP_E_DSM_REVOKED);
    CHECK_EQ(changed(scheduler_gone), HKP_E_DSM_SIGNER);
    CHECK_EQ(changed(role_taken), HKP_E_DSM_ROLE);
    CHECK_EQ(changed(withdrawn), HKP_E_DSM_ORDER);
}

static void a_run_ends_with_its_window(void) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1);
    const struct message am = assign_message(scheduler, &a);
    hkp_dsm_control *c = ready(&wm);
    CHECK_EQ(start(c, &wm, &am), HKP_OK);
    CHECK_EQ(stopped(c, 2999 * SECOND, KIT_NOW_S + 2999), HKP_OK);
    CHECK_EQ(stopped(c, 3059 * SECOND, KIT_NOW_S + 3000), HKP_E_DSM_EXPIRED);
    hkp_dsm_control_free(c);
}

/* ---- Policies and orders ---- */

static void versions_of_a_scope_only_rise(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    uint8_t id[32], before[32];
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(policy(c, 9, 1025), HKP_E_DSM_STALE);
    CHECK_EQ(policy(c, 9, 1024), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S, before), HKP_OK);
    CHECK_EQ(policy(c, 9, 1024), HKP_E_DSM_STALE);
    CHECK_EQ(policy(c, 9, 1023), HKP_E_DSM_STALE);
    CHECK_EQ(policy(c, 9, 1024 + 1025), HKP_E_DSM_STALE);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S, id), HKP_OK);
    CHECK_MEM(id, before, 32);
    CHECK_EQ(policy(c, 9, 1024 + 1024), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S, id), HKP_OK);
    CHECK(memcmp(id, before, 32) != 0);
    CHECK_EQ(policy(c, 10, 1), HKP_OK); /* each scope for itself */
    hkp_dsm_control_free(c);
}

static void a_policy_needs_an_operator_and_ends(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    const uint8_t name[16] = "a sealed thing";
    uint8_t id[32];
    CHECK_EQ(policy_full(c, edge, 9, NULL, 1, 0, KIT_NOW_S), HKP_E_DSM_ROLE);
    CHECK_EQ(policy_full(c, op, 9, NULL, 1, KIT_NOW_S, KIT_NOW_S), HKP_E_DSM_EXPIRED);
    CHECK_EQ(policy_full(c, op, 9, NULL, 1, KIT_NOW_S + 10, KIT_NOW_S), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S + 9, id), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S + 10, id), HKP_E_NOTFOUND); /* built-in rules */
    CHECK_EQ(policy_full(c, op, 0, name, 1, 0, KIT_NOW_S), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 0, name, KIT_NOW_S, id), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 0, NULL, KIT_NOW_S, id), HKP_E_NOTFOUND);
    for (uint32_t scope = 1; scope <= 5; scope++) /* one stolen key of an operator must not set these */
        CHECK_EQ(policy(c, scope, 1), HKP_E_DSM_KIND);
    hkp_dsm_control_free(c);
}

static void scopes_are_bounded_and_officers_free_them(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    uint8_t reset[8], id[32];
    for (uint32_t i = 0; i < HKP_DSM_SCOPES; i++) CHECK_EQ(policy(c, 100 + i, 1), HKP_OK);
    CHECK_EQ(policy(c, 99, 1), HKP_E_LIMIT);
    hkp_put_be32(reset, 100);
    hkp_put_be32(reset + 4, 0);
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 1, reset, 8, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 100, NULL, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(policy(c, 99, 1), HKP_OK);
    for (uint32_t scope = 1; scope <= 4; scope++) /* there is always room for orders */
        CHECK_EQ(order(c, scope, 1, image, 32, 0), HKP_OK);
    hkp_put_be32(reset, 98);
    hkp_put_be32(reset + 4, 5);
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 2, reset, 8, 0), HKP_E_LIMIT);
    hkp_put_be32(reset, 99);
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 2, reset, 8, 0), HKP_OK); /* the refused one used no number */
    hkp_dsm_control_free(c);
}

/* An operator's key was stolen and ran the version up; the officers set it back. */
static void an_order_resets_a_policy(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    uint8_t reset[8], id[32];
    CHECK_EQ(policy(c, 9, 1000), HKP_OK);
    CHECK_EQ(policy(c, 9, 2000), HKP_OK);
    hkp_put_be32(reset, 9);
    hkp_put_be32(reset + 4, 10);
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 1, reset, 8, KIT_NOW_S), HKP_OK); /* too late: no effect */
    CHECK_EQ(policy(c, 9, 11), HKP_E_DSM_STALE);
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 2, reset, 8, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_control_policy_of(c, 9, NULL, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(policy(c, 9, 10), HKP_E_DSM_STALE);
    CHECK_EQ(policy(c, 9, 11), HKP_OK);
    hkp_put_be32(reset, 2); /* what only orders set is not touched */
    CHECK_EQ(order(c, HKP_DSM_ORDER_RESET, 3, reset, 8, 0), HKP_OK);
    hkp_dsm_control_free(c);
}

static void orders_need_a_quorum_and_rise(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    uint8_t id[32], before[32];
    const uint8_t prefix[5] = {10, 0, 0, 0, 8};
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_VPN, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(order_by(c, 1, HKP_DSM_ORDER_VPN, 1, prefix, 5, 0), HKP_E_DSM_QUORUM);
    CHECK_EQ(order_by(c, 3, HKP_DSM_ORDER_VPN, 1, prefix, 5, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_VPN, KIT_NOW_S, before), HKP_OK);
    CHECK_EQ(order(c, HKP_DSM_ORDER_VPN, 1026, prefix, 5, 0), HKP_E_DSM_STALE);
    CHECK_EQ(order(c, HKP_DSM_ORDER_VPN, 1025, prefix, 4, KIT_NOW_S + 9), HKP_OK);
    CHECK_EQ(order(c, HKP_DSM_ORDER_VPN, 2, prefix, 5, 0), HKP_E_DSM_STALE);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_VPN, KIT_NOW_S + 8, id), HKP_OK);
    CHECK(memcmp(id, before, 32) != 0);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_VPN, KIT_NOW_S + 9, id), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_STEALTH, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_WORKLOAD, KIT_NOW_S, id), HKP_E_NOTFOUND);
    hkp_dsm_control_free(c);
}

/* D-CA-9: of two orders of one number none counts, until a higher one comes. */
static void two_orders_of_one_number_are_none(void) {
    const struct hkp_dsm_workload w = workload_of();
    const struct message wm = workload_message(op, &w);
    const struct hkp_dsm_assign a = assign_of(&wm, 1);
    const struct message am = assign_message(scheduler, &a);
    hkp_dsm_control *c = ready(&wm);
    uint8_t id[32];
    CHECK_EQ(order(c, HKP_DSM_ORDER_STEALTH, 1, image, 3, 0), HKP_OK);
    CHECK_EQ(order(c, HKP_DSM_ORDER_STEALTH, 1, image, 3, 0), HKP_E_DSM_DUPLICATE);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_STEALTH, KIT_NOW_S, id), HKP_OK);
    CHECK_EQ(order(c, HKP_DSM_ORDER_STEALTH, 1, image, 4, 0), HKP_E_DSM_FORK);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_STEALTH, KIT_NOW_S, id), HKP_E_NOTFOUND);
    CHECK_EQ(order(c, HKP_DSM_ORDER_STEALTH, 2, image, 4, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_control_order_of(c, HKP_DSM_ORDER_STEALTH, KIT_NOW_S, id), HKP_OK);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 1, image, 32, 0), HKP_E_DSM_FORK);
    CHECK_EQ(start(c, &wm, &am), HKP_E_DSM_ORDER);
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, 2, wm.id, 32, 0), HKP_OK);
    CHECK_EQ(start(c, &wm, &am), HKP_OK);
    hkp_dsm_control_free(c);
}

static void orders_allow_64_workloads_at_once(void) {
    hkp_dsm_control *c = control_from(NULL, 0);
    uint8_t id[32] = {0};
    for (uint32_t i = 1; i <= HKP_DSM_ALLOWED; i++) {
        id[0] = (uint8_t)i;
        CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, i, id, 32, 0), HKP_OK);
    }
    id[0] = 200;
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, HKP_DSM_ALLOWED + 1, id, 32, 0), HKP_E_LIMIT);
    id[0] = 7; /* the one that is there is replaced */
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, HKP_DSM_ALLOWED + 1, id, 32, KIT_NOW_S), HKP_OK);
    id[0] = 200;
    CHECK_EQ(order(c, HKP_DSM_ORDER_WORKLOAD, HKP_DSM_ALLOWED + 2, id, 32, 0), HKP_OK);
    hkp_dsm_control_free(c);
}

/* ---- Encodings ---- */

static hkp_status built(const struct hkp_dsm_workload *w) {
    uint8_t body[HKP_DSM_CONTROL_BODY_MAX];
    size_t len = 0;
    return hkp_dsm_workload_build(w, body, sizeof body, &len);
}

static void malformed_bodies_are_refused(void) {
    struct hkp_dsm_workload w = workload_of();
    struct hkp_dsm_assign a = {.not_before_s = 5, .not_after_s = 5};
    struct hkp_dsm_policy p = {.scope = 9};
    struct hkp_dsm_order o = {.scope = 6, .number = 1};
    uint8_t body[256];
    size_t len = 77;
    w.version = 0;
    CHECK_EQ(built(&w), HKP_E_DSM_SCHEMA);
    w = workload_of(), w.cpu_milli = 0;
    CHECK_EQ(built(&w), HKP_E_DSM_SCHEMA);
    w = workload_of(), w.tiers = 0;
    CHECK_EQ(built(&w), HKP_E_DSM_SCHEMA);
    w = workload_of(), w.tiers = 32;
    CHECK_EQ(built(&w), HKP_E_DSM_SCHEMA);
    w = workload_of(), w.n_arguments = 65;
    CHECK_EQ(built(&w), HKP_E_DSM_SCHEMA);
    w = workload_of(), w.not_after_s = w.not_before_s;
    CHECK_EQ(built(&w), HKP_E_DSM_VALIDITY);
    w = workload_of(), w.arguments[0] = (struct hkp_dsm_view){(const uint8_t *)"\xC0", 1};
    CHECK_EQ(built(&w), HKP_E_DSM_CBOR_UTF8);
    CHECK_EQ(hkp_dsm_assign_build(&a, body, sizeof body, &len), HKP_E_DSM_VALIDITY);
    CHECK_EQ(hkp_dsm_policy_build(&p, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    o.scope = HKP_DSM_ORDER_RESET;
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    o.scope = HKP_DSM_ORDER_VPN, o.number = 0;
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
    CHECK_EQ(len, 77);
}

static hkp_status loads(const uint8_t *state, size_t len) {
    struct hkp_dsm_control_options opt;
    hkp_dsm_control *c = NULL;
    hkp_dsm_control_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(own);
    opt.tier = 1;
    opt.directory = &kit.directory;
    opt.state = state;
    opt.state_len = len;
    const hkp_status st = hkp_dsm_control_new(&c, &opt);
    CHECK((c != NULL) == (st == HKP_OK));
    hkp_dsm_control_free(c);
    return st;
}

static void a_damaged_state_is_refused(void) {
    static uint8_t state[HKP_DSM_CONTROL_STATE_MAX];
    hkp_dsm_control *c = control_from(NULL, 0);
    size_t len = 0;
    CHECK_EQ(order(c, HKP_DSM_ORDER_VPN, 1, image, 3, 0), HKP_OK);
    CHECK_EQ(hkp_dsm_control_save(c, state, sizeof state, &len), HKP_OK);
    CHECK_EQ(loads(state, len), HKP_OK);
    CHECK_EQ(loads(state, len - 1), HKP_E_DSM_CBOR_TRUNCATED);
    state[7] = 36; /* another kind than ORDER */
    CHECK_EQ(loads(state, len), HKP_E_DSM_SCHEMA);
    state[7] = 37;
    state[8] = 6; /* a scope that orders do not have */
    CHECK_EQ(loads(state, len), HKP_E_DSM_SCHEMA);
    hkp_dsm_control_free(c);
}

static void every_allocation_may_fail(void) {
    struct failing f = {0};
    struct hkp_dsm_control_options opt;
    hkp_dsm_control *c = NULL;
    hkp_dsm_control_options_init(&opt, sizeof opt);
    opt.mem = failing_mem(&f);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(own);
    opt.directory = &kit.directory;
    CHECK_EQ(hkp_dsm_control_new(&c, &opt), HKP_E_INVAL); /* no tier */
    opt.tier = 5;
    CHECK_EQ(hkp_dsm_control_new(&c, &opt), HKP_E_NOMEM);
    CHECK(c == NULL);
    f.left = -1;
    CHECK_EQ(hkp_dsm_control_new(&c, &opt), HKP_OK);
    hkp_dsm_control_free(c);
    CHECK_EQ(f.live, 0);
}

int main(void) {
    kit_begin(&kit);
    op = kit_add(&kit, HKP_DSM_ROLE_OPERATOR, 1);
    scheduler = kit_add(&kit, HKP_DSM_ROLE_SCHEDULER, 2);
    own = kit_add(&kit, HKP_DSM_ROLE_EDGE, 3);
    edge = kit_add(&kit, 0xFF & ~(HKP_DSM_ROLE_OPERATOR | HKP_DSM_ROLE_SCHEDULER), 4);
    CASE(a_workload_starts_when_all_agree);
    CASE(signers_need_their_roles);
    CASE(each_condition_by_itself_stops_a_start);
    CASE(nonces_and_runs_are_bounded);
    CASE(a_nonce_is_not_forgotten_by_a_start);
    CASE(a_clock_that_jumps_ahead_and_back_forgets_no_nonce);
    CASE(what_runs_is_checked_every_60_seconds);
    CASE(a_run_ends_with_its_window);
    CASE(versions_of_a_scope_only_rise);
    CASE(a_policy_needs_an_operator_and_ends);
    CASE(scopes_are_bounded_and_officers_free_them);
    CASE(an_order_resets_a_policy);
    CASE(orders_need_a_quorum_and_rise);
    CASE(two_orders_of_one_number_are_none);
    CASE(orders_allow_64_workloads_at_once);
    CASE(malformed_bodies_are_refused);
    CASE(a_damaged_state_is_refused);
    CASE(every_allocation_may_fail);
    return check_done();
}
