/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects beside consensus. The first byte picks one: what its reader accepts, its writer makes again byte
 * for byte; a saved state that is accepted is saved again as it was. */
#include "libdsm/beside/audit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t chain_id[32] = {1}, node_id[16] = {2};
static uint8_t out[1 << 17];

static void same(hkp_status st, size_t made, const uint8_t *in, size_t len) {
    if (st != HKP_OK || made != len || memcmp(out, in, len) != 0) abort();
}

static void entry(const uint8_t *in, size_t len) {
    struct hkp_dsm_audit_entry e;
    if (hkp_dsm_audit_entry_parse(in, len, &e) != HKP_OK) return;
    same(HKP_OK, hkp_dsm__audit_entry_build(&e, out, sizeof out), in, len);
}

static void head(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view body = {in, len};
    struct hkp_dsm_audit_head h;
    size_t made = 0;
    if (hkp_dsm__audit_head_body(&body, &h) != HKP_OK) return;
    const hkp_status st = hkp_dsm__audit_head_build(&h, out, sizeof out, &made);
    same(st, made, in, len);
}

static void log_state(const uint8_t *in, size_t len) {
    struct hkp_dsm_audit_options opt;
    hkp_dsm_audit *a = NULL;
    size_t made = 0;
    hkp_dsm_audit_options_init(&opt, sizeof opt);
    opt.chain_id = chain_id;
    opt.node_id = node_id;
    opt.state = in;
    opt.state_len = len;
    if (hkp_dsm_audit_new(&a, &opt) != HKP_OK) return;
    const hkp_status st = hkp_dsm_audit_save(a, out, sizeof out, &made);
    hkp_dsm_audit_free(a);
    same(st, made, in, len);
}

/* The same bytes as proof and as entry of both kinds of proof. */
static void log_proofs(const uint8_t *in, size_t len) {
    const size_t half = len < 2 ? 0 : (size_t)in[0] * len / 256;
    struct hkp_dsm_audit_head old = {.size = 3}, new = {.size = 7};
    struct hkp_dsm_audit_entry e;
    if (hkp_dsm_audit_included(in, half, in + half, len - half, &new, &e) == HKP_OK) abort();
    if (hkp_dsm_audit_consistent(in, len, &old, &new) == HKP_OK) abort(); /* nobody knows such roots */
}

static void batch(const uint8_t *in, size_t len) {
    static struct hkp_dsm_batch b;
    size_t made = 0;
    if (hkp_dsm_batch_parse(in, len, &b) != HKP_OK) return;
    const hkp_status st = hkp_dsm_batch_build(&b, out, sizeof out, &made);
    same(st, made, in, len);
}

static void claim(const uint8_t *in, size_t len) {
    struct hkp_dsm_claim c;
    size_t made = 0;
    if (hkp_dsm_claim_parse(in, len, &c) != HKP_OK) return;
    const hkp_status st = hkp_dsm_claim_build(&c, out, sizeof out, &made);
    same(st, made, in, len);
}

static void witness(const uint8_t *in, size_t len) {
    struct hkp_dsm_witness w;
    size_t made = 0;
    if (hkp_dsm_witness_parse(in, len, &w) != HKP_OK) return;
    const hkp_status st = hkp_dsm_witness_build(&w, out, sizeof out, &made);
    same(st, made, in, len);
}

static uint64_t nothing_revoked(void *user, const uint8_t id[16]) {
    (void)user;
    (void)id;
    return 0;
}

/* No officer signed for this mesh, so nothing can be proven. */
static void witness_proof(const uint8_t *in, size_t len) {
    const struct hkp_dsm_ca_set set = {.version = 1, .threshold = 1, .n_keys = 1};
    const struct hkp_dsm_officers officers = {&set, 1, NULL, 0};
    const struct hkp_dsm_directory directory = {NULL, NULL, nothing_revoked};
    struct hkp_dsm_claim c;
    struct hkp_dsm_tally t;
    if (hkp_dsm_witness_proof_verify(in, len, chain_id, &officers, &directory, 1, &c, &t) == HKP_OK) abort();
}

static void workload(const uint8_t *in, size_t len) {
    struct hkp_dsm_workload w;
    size_t made = 0;
    if (hkp_dsm_workload_parse(in, len, &w) != HKP_OK) return;
    const hkp_status st = hkp_dsm_workload_build(&w, out, sizeof out, &made);
    same(st, made, in, len);
}

static void assign(const uint8_t *in, size_t len) {
    struct hkp_dsm_assign a;
    size_t made = 0;
    if (hkp_dsm_assign_parse(in, len, &a) != HKP_OK) return;
    const hkp_status st = hkp_dsm_assign_build(&a, out, sizeof out, &made);
    same(st, made, in, len);
}

static void policy(const uint8_t *in, size_t len) {
    struct hkp_dsm_policy p;
    size_t made = 0;
    if (hkp_dsm_policy_parse(in, len, &p) != HKP_OK) return;
    const hkp_status st = hkp_dsm_policy_build(&p, out, sizeof out, &made);
    same(st, made, in, len);
}

static void order(const uint8_t *in, size_t len) {
    const struct hkp_dsm_view body = {in, len};
    struct hkp_dsm_order o;
    size_t made = 0;
    if (hkp_dsm__order_body(&body, &o) != HKP_OK) return;
    const hkp_status st = hkp_dsm_order_build(&o, out, sizeof out, &made);
    same(st, made, in, len);
}

static hkp_status nobody(void *user, const uint8_t id[16], struct hkp_dsm_signer *signer) {
    (void)user;
    (void)id;
    (void)signer;
    return HKP_E_NOTFOUND;
}

static void control_state(const uint8_t *in, size_t len) {
    const struct hkp_dsm_directory directory = {NULL, nobody, nothing_revoked};
    struct hkp_dsm_control_options opt;
    hkp_dsm_control *c = NULL;
    size_t made = 0;
    hkp_dsm_control_options_init(&opt, sizeof opt);
    opt.chain_id = chain_id;
    opt.node_id = node_id;
    opt.tier = 1;
    opt.directory = &directory;
    opt.state = in;
    opt.state_len = len;
    if (hkp_dsm_control_new(&c, &opt) != HKP_OK) return;
    const hkp_status st = hkp_dsm_control_save(c, out, sizeof out, &made);
    hkp_dsm_control_free(c);
    same(st, made, in, len);
}

static void challenge(const uint8_t *in, size_t len) {
    struct hkp_dsm_challenge c;
    size_t made = 0;
    if (hkp_dsm_challenge_parse(in, len, &c) != HKP_OK) return;
    const hkp_status st = hkp_dsm_challenge_build(&c, out, sizeof out, &made);
    same(st, made, in, len);
}

static void response(const uint8_t *in, size_t len) {
    struct hkp_dsm_auth a;
    size_t made = 0;
    if (hkp_dsm_auth_parse(in, len, &a) != HKP_OK) return;
    const hkp_status st = hkp_dsm_auth_build(&a, out, sizeof out, &made);
    same(st, made, in, len);
}

static void (*const readers[])(const uint8_t *in, size_t len) = {
    entry,    head,   log_state, log_proofs, batch,         claim,     witness, witness_proof,
    workload, assign, policy,    order,      control_state, challenge, response};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > sizeof out) return 0;
    readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    return 0;
}
