/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects beside consensus, fed with bodies that somebody with every role signed: the first byte picks the
 * kind. They live on between inputs, so that their tables fill; what they must never do is checked after
 * each. */
#include "kit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kit kit;
static struct kit_node *node;
static hkp_dsm_claim_table *claims;
static hkp_dsm_collector *collector;
static hkp_dsm_control *control;
static hkp_dsm_challenger *challenger;
static uint8_t envelope[HKP_DSM__BODY_MAX + 1024];
static uint64_t number;

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(&number);
    return 0;
}

static void must(hkp_status st) {
    if (st != HKP_OK) abort();
}

static void begin(void) {
    struct hkp_dsm_claim_table_options t;
    struct hkp_dsm_collector_options l;
    struct hkp_dsm_control_options c;
    struct hkp_dsm_challenger_options q;
    kit_begin(&kit);
    node = kit_add(&kit, 255, 1);
    hkp_dsm_claim_table_options_init(&t, sizeof t);
    hkp_dsm_collector_options_init(&l, sizeof l);
    hkp_dsm_control_options_init(&c, sizeof c);
    hkp_dsm_challenger_options_init(&q, sizeof q);
    t.chain_id = l.chain_id = c.chain_id = q.chain_id = kit.chain_id;
    t.directory = l.directory = c.directory = q.directory = &kit.directory;
    c.node_id = kit_id(node);
    c.tier = 2;
    q.rng.fill = fill;
    t.claims_max = 16;
    must(hkp_dsm_claim_table_new(&claims, &t));
    must(hkp_dsm_collector_new(&collector, &l));
    must(hkp_dsm_control_new(&control, &c));
    must(hkp_dsm_challenger_new(&challenger, &q));
}

static size_t sign(uint32_t kind, const uint8_t *in, size_t len) {
    size_t n = 0;
    must(hkp_dsm_envelope_sign(kit.chain_id, kind, kit_id(node), node->secret, in, len, envelope,
                               sizeof envelope, &n));
    return n;
}

static void claim(const uint8_t *in, size_t len) {
    uint8_t id[32];
    struct hkp_dsm_tally t;
    const size_t n = sign(HKP_DSM_KIND_CLAIM, in, len);
    if (hkp_dsm_claim_table_claim(claims, envelope, n, KIT_NOW_S, id) != HKP_OK) return;
    if (hkp_dsm_claim_table_tally(claims, id, KIT_NOW_S, &t) != HKP_OK || t.state != HKP_DSM_CLAIM_PENDING)
        abort();
}

/* One group alone settles nothing. */
static void witness(const uint8_t *in, size_t len) {
    struct hkp_dsm_tally t;
    const size_t n = sign(HKP_DSM_KIND_WITNESS, in, len);
    if (hkp_dsm_claim_table_witness(claims, envelope, n, KIT_NOW_S, &t) == HKP_OK) abort();
}

static void head(const uint8_t *in, size_t len) {
    struct hkp_dsm_audit_head h;
    const size_t n = sign(HKP_DSM_KIND_AUDIT_HEAD, in, len);
    if (hkp_dsm_audit_head_check(envelope, n, kit.chain_id, &kit.directory, KIT_NOW_S, &h) != HKP_OK) return;
    if (h.previous_size >= h.size) abort();
}

static void batch(const uint8_t *in, size_t len) {
    static struct hkp_dsm_batch b;
    const size_t n = sign(HKP_DSM_KIND_TELEMETRY, in, len);
    if (hkp_dsm_collector_take(collector, envelope, n, KIT_NOW_S, &b) != HKP_OK) return;
    if (b.n_samples < 1 || b.n_samples > HKP_DSM_SAMPLES_MAX) abort();
    if (hkp_dsm_collector_take(collector, envelope, n, KIT_NOW_S, &b) != HKP_E_DSM_DUPLICATE) abort();
}

static void policy(const uint8_t *in, size_t len) {
    struct hkp_dsm_policy p;
    const size_t n = sign(HKP_DSM_KIND_POLICY, in, len);
    if (hkp_dsm_control_policy(control, envelope, n, KIT_NOW_S, &p) != HKP_OK) return;
    if (p.scope != 0 && p.scope < HKP_DSM_POLICY_SCOPE_MIN) abort();
    if (hkp_dsm_control_policy(control, envelope, n, KIT_NOW_S, &p) != HKP_E_DSM_STALE) abort();
}

/* No officer ordered anything: nothing may start. */
static void start(const uint8_t *in, size_t len) {
    static uint8_t second[HKP_DSM__BODY_MAX + 1024];
    const uint8_t image[32] = {0};
    struct hkp_dsm_start s;
    const size_t half = len == 0 ? 0 : (size_t)in[0] * len / 256;
    const size_t m = sign(HKP_DSM_KIND_ASSIGN, in + half, len - half);
    memcpy(second, envelope, m);
    const size_t n = sign(HKP_DSM_KIND_WORKLOAD, in, half);
    const struct hkp_dsm_view w = {envelope, n}, a = {second, m};
    if (hkp_dsm_control_start(control, 0, KIT_NOW_S, &w, &a, image, &s) == HKP_OK) abort();
}

/* Whatever was taken, it is saved and read again as it is. */
static void order(const uint8_t *in, size_t len) {
    static uint8_t multi[4096], state[HKP_DSM_CONTROL_STATE_MAX], again[HKP_DSM_CONTROL_STATE_MAX];
    struct hkp_dsm_order o;
    struct hkp_dsm_control_options opt;
    hkp_dsm_control *copy = NULL;
    size_t n = 0, m = 0;
    if (len > 2048) return;
    const size_t multi_len = kit_multi(&kit, HKP_DSM_KIND_ORDER, in, len, 2, multi, sizeof multi);
    if (hkp_dsm_control_order(control, multi, multi_len, &kit.officers, KIT_NOW_S, &o) != HKP_OK) return;
    must(hkp_dsm_control_save(control, state, sizeof state, &n));
    hkp_dsm_control_options_init(&opt, sizeof opt);
    opt.chain_id = kit.chain_id;
    opt.node_id = kit_id(node);
    opt.tier = 2;
    opt.directory = &kit.directory;
    opt.state = state;
    opt.state_len = n;
    must(hkp_dsm_control_new(&copy, &opt));
    must(hkp_dsm_control_save(copy, again, sizeof again, &m));
    hkp_dsm_control_free(copy);
    if (n != m || memcmp(state, again, n) != 0) abort();
}

/* A nonce that was never asked. */
static void response(const uint8_t *in, size_t len) {
    static struct hkp_dsm_auth a;
    const uint8_t binding[32] = {0};
    const size_t n = sign(HKP_DSM_KIND_AUTH, in, len);
    if (hkp_dsm_challenger_judge(challenger, 0, KIT_NOW_S, kit_id(node), binding, envelope, n, &a) == HKP_OK)
        abort();
}

static void (*const takers[])(const uint8_t *in, size_t len) = {claim,  witness, head,  batch,
                                                                policy, start,   order, response};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (kit.n == 0) begin();
    if (size < 1 || size - 1 > HKP_DSM__BODY_MAX) return 0;
    takers[data[0] % (sizeof takers / sizeof *takers)](data + 1, size - 1);
    return 0;
}
