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
    static struct hkp_dsm_batch b, again;
    size_t made = 0;
    if (hkp_dsm_batch_parse(in, len, &b) != HKP_OK) return;
    if (hkp_dsm_batch_build(&b, out, sizeof out, &made) != HKP_OK) return; /* not as we write them (0603) */
    if (hkp_dsm_batch_parse(out, made, &again) != HKP_OK || memcmp(&again, &b, sizeof b) != 0) abort();
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

/* A record that opens takes a further promise, and opens again with its new mark and no other. */
static void record(const uint8_t *in, size_t len) {
    static uint8_t bytes[sizeof out + 2 * HKP_DSM_RECORD_ENTRY_MAX];
    const struct hkp_dsm_promise p = {.kind = HKP_DSM_KIND_ORDER, .number = UINT64_MAX, .id = {7}};
    const size_t mark_len = len > 0 ? in[0] : 0;
    uint8_t mark[HKP_DSM_MARK_MAX];
    struct hkp_dsm_record r;
    size_t made = 0;
    if (mark_len + 1 > len) return;
    memcpy(bytes, in + 1 + mark_len, len - 1 - mark_len);
    if (hkp_dsm_record_open(&r, bytes, len - 1 - mark_len, sizeof bytes, in + 1, mark_len, chain_id,
                            chain_id) != HKP_OK)
        return;
    const size_t before = r.len;
    const hkp_status st = hkp_dsm_record_promise(&r, &p);
    if (st == HKP_E_DSM_WAL_CORRUPT && r.is_lost) return;
    if (st != HKP_OK && st != HKP_E_DSM_FORK) abort();
    if (hkp_dsm_record_mark(&r, mark, sizeof mark, &made) != HKP_OK) abort();
    const size_t after = r.len;
    if (hkp_dsm_record_open(&r, bytes, after, sizeof bytes, mark, made, chain_id, chain_id) != HKP_OK)
        abort();
    if (r.len != after) abort();
    if (after > before &&
        hkp_dsm_record_open(&r, bytes, before, sizeof bytes, mark, made, chain_id, chain_id) == HKP_OK)
        abort();
}

/* What an officer is asked by strangers: an object to sign, a request beside it; it has promised nothing. */
static void matter(const uint8_t *in, size_t len) {
    static uint8_t bytes[HKP_DSM_RECORD_ENTRY_MAX];
    const struct hkp_dsm_ca_set set = {.version = 1, .threshold = 1, .n_keys = 1};
    const struct hkp_dsm_officers officers = {&set, 1, NULL, 0};
    struct hkp_dsm_record r;
    struct hkp_dsm_promise p;
    struct hkp_dsm_matter m = {
        .struct_size = sizeof m, .now_s = 1760000000, .set = &set, .officers = &officers};
    if (len < 3 || (size_t)in[1] * 256 + in[2] + 3 > len) return;
    const size_t half = (size_t)in[1] * 256 + in[2];
    if (hkp_dsm_record_begin(&r, bytes, sizeof bytes, chain_id, chain_id) != HKP_OK) abort();
    m.kind = in[0];
    m.body = m.list = (struct hkp_dsm_view){in + 3, half};
    m.request = m.certificate = (struct hkp_dsm_view){in + 3 + half, len - 3 - half};
    if (hkp_dsm_officer_judge(&r, &m, &p) == HKP_OK && m.kind == HKP_DSM_KIND_CERTIFICATE) abort();
    m.list.len = 0;
    if (hkp_dsm_officer_judge(&r, &m, &p) == HKP_OK && m.kind == HKP_DSM_KIND_CERTIFICATE) abort();
}

static void (*const readers[])(const uint8_t *in, size_t len) = {
    entry,  head,   log_state, log_proofs,    batch,     claim,    witness, witness_proof, workload,
    assign, policy, order,     control_state, challenge, response, record,  matter};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > sizeof out) return 0;
    readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    return 0;
}
