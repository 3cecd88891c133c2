/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Who may sign what, asked by a running node of every envelope (D-ENV-2, D-ENV-4, decision 0541). */
#include <hookprobe/dsm.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "libdsm/beside/audit.h"
#include "libdsm/node/node.h"
#include "sim.h"

/* Validators 0..3 have the roles VALIDATOR and EDGE; then one outsider for each of the eight roles. */
enum { SEATS = 4, ROLES = 8, ALL = SEATS + ROLES, BODY = 2048 };
enum { ANY = 255, NOBODY = 0, SEAT = 256 };

static struct sim sim;
static struct hkp_dsm_genesis genesis;
static uint8_t claim_id[32];
static uint32_t objects[ALL][64], lists_told[4];

static uint64_t wall_us(uint32_t i) {
    return (uint64_t)((int64_t)(sim.mesh.time_s * 1000000 + sim.now / 1000) + sim.nodes[i].clock_us);
}

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    (void)s;
    if (ev->kind == HKP_DSM_EV_OBJECT && ev->data_len > 0) objects[i][ev->type & 63]++;
    if (ev->kind == HKP_DSM_EV_LISTS && i == 0) lists_told[ev->type & 3]++;
}

static void begin(uint64_t seed) {
    sim_new(&sim, seed, SEATS, ROLES);
    sim.on_fact = on_fact;
    memset(objects, 0, sizeof objects);
    memset(lists_told, 0, sizeof lists_told);
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &genesis), HKP_OK);
    for (uint32_t i = 0; i < ROLES; i++) sim_outsider(&sim, SEATS + i, 1U << i, 20 + i);
    for (uint32_t i = SEATS; i < ALL; i++) /* as many neighbours as a view has: more copies cost points */
        for (uint32_t k = SEATS; k < i; k++) sim_link(&sim, i, k, 0);
    for (uint32_t i = 0; i < ALL; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

/* ---- a right body of each kind ---- */

static size_t member_body(uint32_t signer, uint8_t *body) {
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = BODY};
    struct hkp_dsm_multi m;
    uint8_t id[32];
    CHECK_EQ(hkp_dsm_multi_parse(sim.mesh.certificate[signer], sim.mesh.certificate_len[signer], &m), HKP_OK);
    hkp_dsm_object_id(id, genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr, m.body.len);
    hkp_dsm_cbor_put_map(&w, 4);
    for (uint64_t k = 0; k < 3; k++) { /* version 1, action 1 (join) */
        hkp_dsm_cbor_put_uint(&w, k);
        hkp_dsm_cbor_put_uint(&w, k < 2 ? 1 : sim_status(&sim, 0).epoch);
    }
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_bytes(&w, id, 32);
    CHECK_EQ(w.status, HKP_OK);
    return w.len;
}

static size_t endorse_body(uint32_t signer, uint8_t *body) {
    struct hkp_dsm_cbor_writer w = {.out = body, .cap = BODY};
    uint8_t subject[32] = {(uint8_t)(1 + signer)};
    hkp_dsm_cbor_put_map(&w, 4);
    hkp_dsm_cbor_put_uint(&w, 0);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_uint(&w, 1);
    hkp_dsm_cbor_put_bytes(&w, subject, 32);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_uint(&w, sim_status(&sim, 0).epoch);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_uint(&w, 900);
    CHECK_EQ(w.status, HKP_OK);
    return w.len;
}

static hkp_status telemetry_body(uint32_t signer, uint8_t *body, size_t *len) {
    static struct hkp_dsm_batch b;
    b = (struct hkp_dsm_batch){.number = 1, .n_samples = 1, .stream = {(uint8_t)signer}};
    b.samples[0] = (struct hkp_dsm_sample){.time_us = wall_us(0), .value = 7, .metric = 1};
    return hkp_dsm_batch_build(&b, body, BODY, len);
}

static hkp_status audit_body(uint8_t *body, size_t *len) {
    const struct hkp_dsm__merkle none = {.size = 0};
    struct hkp_dsm_audit_head h = {.size = 3, .root = {9}, .time_us = wall_us(0)};
    hkp_dsm__merkle_root(&none, h.previous_root);
    return hkp_dsm__audit_head_build(&h, body, BODY, len);
}

static size_t body_of(uint32_t kind, uint32_t signer, uint8_t *body) {
    const uint64_t now_s = wall_us(0) / 1000000;
    struct hkp_dsm_claim claim = {
        .type = 1, .k = 2, .subject = {(uint8_t)signer}, .created_s = now_s, .expires_s = now_s + 60};
    struct hkp_dsm_witness witness = {.verdict = 1, .method = 1, .observed_s = now_s};
    struct hkp_dsm_workload workload = {
        .version = 1, .cpu_milli = 1, .tiers = 1, .not_before_s = now_s, .not_after_s = now_s + 60};
    struct hkp_dsm_assign assign = {.not_before_s = now_s, .not_after_s = now_s + 60};
    struct hkp_dsm_policy policy = {.scope = 6, .version = 1, .bytes = {(const uint8_t *)"p", 1}};
    size_t len = 0;
    hkp_status st = HKP_OK;
    memcpy(witness.claim, claim_id, 32);
    if (kind == HKP_DSM_KIND_CLAIM) st = hkp_dsm_claim_build(&claim, body, BODY, &len);
    if (kind == HKP_DSM_KIND_WITNESS) st = hkp_dsm_witness_build(&witness, body, BODY, &len);
    if (kind == HKP_DSM_KIND_WORKLOAD) st = hkp_dsm_workload_build(&workload, body, BODY, &len);
    if (kind == HKP_DSM_KIND_ASSIGN) st = hkp_dsm_assign_build(&assign, body, BODY, &len);
    if (kind == HKP_DSM_KIND_POLICY) st = hkp_dsm_policy_build(&policy, body, BODY, &len);
    if (kind == HKP_DSM_KIND_TELEMETRY) st = telemetry_body(signer, body, &len);
    if (kind == HKP_DSM_KIND_AUDIT_HEAD) st = audit_body(body, &len);
    if (kind == HKP_DSM_KIND_MEMBER) return member_body(signer, body);
    if (kind == HKP_DSM_KIND_ENDORSE) return endorse_body(signer, body);
    CHECK_EQ(st, HKP_OK);
    if (len > 0) return len;
    body[0] = 0xA0; /* of kinds without a body here: an empty map */
    return 1;
}

/* What the first validator says to an envelope of this kind by this signer, pushed by another node. */
static hkp_status push_by(uint32_t kind, uint32_t signer, uint32_t by) {
    uint8_t body[BODY], envelope[BODY + 128], msg[BODY + 256];
    const uint32_t lane = kind >= HKP_DSM_KIND_CE_COMMIT && kind <= HKP_DSM_KIND_CE_BUNDLE ? 4 : 3;
    struct hkp_dsm_view view = {.ptr = envelope};
    struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
    const size_t len = body_of(kind, signer, body);
    CHECK_EQ(hkp_dsm_envelope_sign(genesis.chain_id, kind, sim.mesh.node_id[signer], sim.mesh.secret[signer],
                                   body, len, envelope, sizeof envelope, &view.len),
             HKP_OK);
    hkp_dsm__put_push(&w, lane, 0, HKP_DSM__FORM_ENVELOPE, &view, NULL);
    CHECK_EQ(w.status, HKP_OK);
    const hkp_status st =
        hkp_dsm_recv(sim.nodes[0].node, sim.now, wall_us(0), sim.mesh.node_id[by], lane, msg, w.len);
    sim_pump(&sim, 0);
    return st;
}

static hkp_status push(uint32_t kind, uint32_t signer) { return push_by(kind, signer, signer); }

/* roles: any of these, SEAT: a seat does, too; or what is said where the signer may not, and where it may. */
static const struct row {
    uint32_t kind, roles;
    hkp_status without, with;
} table[] = {
    {HKP_DSM_KIND_PROPOSE, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_NOTAR, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_NULL, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_FINAL, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_CERT_REQUEST, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_WITNESS, HKP_DSM_ROLE_WITNESS, HKP_E_DSM_ROLE, HKP_OK},
    {HKP_DSM_KIND_AUDIT_HEAD, ANY | SEAT, 0, HKP_OK},
    {HKP_DSM_KIND_TELEMETRY, ANY | SEAT, 0, HKP_OK},
    {HKP_DSM_KIND_WORKLOAD, HKP_DSM_ROLE_OPERATOR, HKP_E_DSM_ROLE, HKP_OK},
    {HKP_DSM_KIND_ASSIGN, HKP_DSM_ROLE_SCHEDULER, HKP_E_DSM_ROLE, HKP_OK},
    {HKP_DSM_KIND_POLICY, HKP_DSM_ROLE_OPERATOR, HKP_E_DSM_ROLE, HKP_OK},
    {HKP_DSM_KIND_MEMBER, HKP_DSM_ROLE_VALIDATOR, HKP_E_DSM_ROLE, HKP_OK},
    {HKP_DSM_KIND_ENDORSE, SEAT, HKP_E_DSM_SIGNER, HKP_OK},
    {HKP_DSM_KIND_AUTH, NOBODY, HKP_E_DSM_KIND, 0},
    {HKP_DSM_KIND_CLAIM, ANY | SEAT, 0, HKP_OK},
    {HKP_DSM_KIND_FINAL_BLS, SEAT, HKP_E_DSM_SIGNER, HKP_E_UNSUPPORTED},
    {HKP_DSM_KIND_REGIONAL, ANY | SEAT, 0, HKP_E_UNSUPPORTED},
    {HKP_DSM_KIND_CE_COMMIT, ANY | SEAT, 0, HKP_E_UNSUPPORTED},
    {HKP_DSM_KIND_CE_REVEAL, ANY | SEAT, 0, HKP_E_UNSUPPORTED},
    {HKP_DSM_KIND_CE_BUNDLE, ANY | SEAT, 0, HKP_E_UNSUPPORTED},
};

enum { ROWS = sizeof table / sizeof *table };

static void claim_of(uint32_t i) {
    struct hkp_dsm_claim c = {.type = 1, .k = 2, .created_s = wall_us(i) / 1000000};
    c.expires_s = c.created_s + 600;
    CHECK_EQ(hkp_dsm_node_claim(sim.nodes[i].node, sim.now, wall_us(i), &c, claim_id), HKP_OK);
    sim_pump(&sim, i);
    sim_run(&sim, SIM_S);
}

static int may(const struct row *row, uint32_t signer) {
    if (signer < SEATS && (row->roles & SEAT) != 0) return 1;
    const uint32_t roles =
        signer < SEATS ? HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE : 1U << (signer - SEATS);
    return (row->roles & roles) != 0;
}

static void every_kind_is_taken_of_those_who_may_sign_it_only(void) {
    begin(1);
    claim_of(1);
    for (uint32_t r = 0; r < ROWS; r++) {
        for (uint32_t signer = SEATS; signer < ALL; signer++) {
            const hkp_status want = may(&table[r], signer) ? table[r].with : table[r].without;
            const hkp_status got = push(table[r].kind, signer);
            if (got != want) printf("# kind %u of role %u\n", table[r].kind, 1U << (signer - SEATS));
            CHECK_EQ(got, want);
        }
        if (table[r].kind == HKP_DSM_KIND_MEMBER) continue; /* it has a seat */
        CHECK_EQ(push(table[r].kind, 2), may(&table[r], 2) ? table[r].with : table[r].without);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* All serials of the outsiders up to this one. */
static void give_list(uint64_t number, uint64_t serial) {
    struct hkp_dsm_revocation e[ROLES];
    struct hkp_dsm_revocations list = {.number = number, .n_entries = serial > 0 ? ROLES : 0};
    uint8_t body[2048], multi[2560], signature[64];
    size_t len = 0;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_REVOCATION_LIST, .ca_version = 1, .n_signatures = 1};
    for (uint32_t i = 0; i < ROLES; i++) {
        uint32_t at = i;
        for (; at > 0 && memcmp(e[at - 1].node_id, sim.mesh.node_id[SEATS + i], 16) > 0; at--)
            e[at] = e[at - 1];
        e[at] = (struct hkp_dsm_revocation){.serial = serial, .reason = HKP_DSM_REVOKED_POLICY};
        memcpy(e[at].node_id, sim.mesh.node_id[SEATS + i], 16);
    }
    list.this_update_s = wall_us(0) / 1000000;
    list.next_update_s = list.this_update_s + 3600;
    CHECK_EQ(hkp_dsm_revocations_build(&list, e, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_REVOCATION_LIST, 1,
                                sim.mesh.officer, body, m.body.len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, sizeof multi, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_revoke(sim.nodes[0].node, sim.now, wall_us(0), multi, len), HKP_OK);
    sim_pump(&sim, 0);
}

static void nothing_is_taken_of_who_is_revoked_or_expired(void) {
    for (int expired = 0; expired < 2; expired++) {
        begin(2);
        claim_of(1);
        if (expired)
            sim.nodes[0].clock_us = 31LL * 86400 * 1000000;
        else
            give_list(1, 1);
        for (uint32_t r = 0; r < ROWS; r++)
            for (uint32_t signer = SEATS; signer < ALL; signer++) {
                if (!may(&table[r], signer)) continue;
                CHECK_EQ(push(table[r].kind, signer), expired ? HKP_E_DSM_EXPIRED : HKP_E_DSM_REVOKED);
            }
        sim_free(&sim);
    }
}

/* ---- D-CA-8 ---- */

static void session_again(uint32_t k) {
    const uint8_t *id = sim.mesh.node_id[k];
    CHECK_EQ(hkp_dsm_peer_down(sim.nodes[0].node, sim.now, id), HKP_OK);
    CHECK_EQ(hkp_dsm_peer_up(sim.nodes[0].node, sim.now, id, HKP_DSM_LANES_ALL), HKP_OK);
}

static void clock_to(uint64_t hours) {
    sim.nodes[0].clock_us = (int64_t)(hours * 3600 * 1000000);
    CHECK_EQ(hkp_dsm_tick(sim.nodes[0].node, sim.now, wall_us(0)), HKP_OK);
    sim_pump(&sim, 0);
}

/* Of each kind the one who may sign it by a role alone. */
static void expect_roles(hkp_status want) {
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t signer = SEATS; signer < ALL; signer++) {
            if (table[r].with != HKP_OK || !may(&table[r], signer)) continue;
            if ((table[r].roles & ANY) != ANY) CHECK_EQ(push(table[r].kind, signer), want);
        }
}

/* Sessions that were there keep what they have; new ones get it with the next list. */
static void an_old_list_leaves_new_sessions_no_role_above_edge(void) {
    begin(7);
    give_list(1, 0);
    claim_of(1);
    clock_to(2);
    CHECK_EQ(lists_told[HKP_DSM_LISTS_OLD], 1);
    CHECK_EQ(push(HKP_DSM_KIND_WORKLOAD, SEATS + 5), HKP_OK);
    for (uint32_t k = SEATS + 1; k < ALL; k++) session_again(k);
    clock_to(3);
    expect_roles(HKP_E_DSM_ROLE);
    CHECK_EQ(push_by(HKP_DSM_KIND_POLICY, SEATS + 5, SEATS), HKP_E_DSM_ROLE); /* over a session of before */
    CHECK_EQ(push(HKP_DSM_KIND_TELEMETRY, SEATS + 5), HKP_OK);
    CHECK_EQ(push(HKP_DSM_KIND_ENDORSE, 2), HKP_OK);
    clock_to(8 * 24);
    expect_roles(HKP_E_DSM_ROLE);
    CHECK_EQ(lists_told[HKP_DSM_LISTS_LOST], 1);
    give_list(2, 0);
    claim_of(0);
    expect_roles(HKP_OK);
    clock_to(8 * 24);
    CHECK_EQ(lists_told[HKP_DSM_LISTS_OLD], 1);
    CHECK_EQ(lists_told[HKP_DSM_LISTS_FRESH], 1);
    clock_to(9 * 24); /* old again: these sessions are no new ones */
    CHECK_EQ(push(HKP_DSM_KIND_WORKLOAD, SEATS + 5), HKP_OK);
    CHECK_EQ(lists_told[HKP_DSM_LISTS_OLD], 2);
    sim_free(&sim);
}

/* ---- objects of D-AUD by gossip ---- */

static uint32_t told_of(uint32_t kind) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ALL; i++) count += objects[i][kind & 63] == 1;
    return count;
}

static void signed_objects_reach_every_host_once(void) {
    static const struct {
        uint32_t kind, signer;
    } each[] = {{HKP_DSM_KIND_WORKLOAD, SEATS + 5},
                {HKP_DSM_KIND_POLICY, SEATS + 5},
                {HKP_DSM_KIND_ASSIGN, SEATS + 6},
                {HKP_DSM_KIND_TELEMETRY, SEATS},
                {HKP_DSM_KIND_AUDIT_HEAD, 3}};
    begin(3);
    for (size_t k = 0; k < sizeof each / sizeof *each; k++) {
        const uint32_t by = each[k].signer;
        uint8_t body[BODY], envelope[BODY + 128];
        size_t len = 0;
        const size_t body_len = body_of(each[k].kind, by, body);
        hkp_dsm_node *n = sim.nodes[by].node;
        CHECK_EQ(hkp_dsm_node_sign(n, each[k].kind, body, body_len, envelope, sizeof envelope, &len), HKP_OK);
        CHECK_EQ(hkp_dsm_node_publish(n, sim.now, wall_us(by), envelope, len), HKP_OK);
        CHECK_EQ(hkp_dsm_node_publish(n, sim.now, wall_us(by), envelope, len), HKP_E_DSM_DUPLICATE);
        envelope[len - 1] ^= 1;
        CHECK_EQ(hkp_dsm_node_publish(sim.nodes[1].node, sim.now, wall_us(1), envelope, len), HKP_E_DSM_SIG);
        sim_pump(&sim, by);
        sim_run(&sim, 5 * SIM_S); /* over links that do not push it is announced and asked for */
        CHECK_EQ(told_of(each[k].kind), ALL);
    }
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

static size_t make_order(const uint8_t officer[64], uint8_t *multi, size_t cap) {
    const uint8_t workload[32] = {7};
    const struct hkp_dsm_order o = {.scope = HKP_DSM_ORDER_WORKLOAD, .number = 1, .bytes = {workload, 32}};
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_ORDER, .ca_version = 1, .n_signatures = 1};
    uint8_t body[BODY], signature[64];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_order_build(&o, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_ORDER, 1, officer, body, m.body.len,
                                NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &len), HKP_OK);
    return len;
}

/* D-AUD-6: a stolen OPERATOR key runs no code. */
static void orders_are_of_officers_only(void) {
    uint8_t multi[BODY];
    begin(4);
    size_t len = make_order(sim.mesh.secret[SEATS + 5], multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_order(sim.nodes[2].node, sim.now, wall_us(2), multi, len), HKP_E_DSM_SIG);
    len = make_order(sim.mesh.officer, multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_order(sim.nodes[2].node, sim.now, wall_us(2), multi, len), HKP_OK);
    CHECK_EQ(hkp_dsm_node_order(sim.nodes[2].node, sim.now, wall_us(2), multi, len), HKP_E_DSM_DUPLICATE);
    sim_pump(&sim, 2);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told_of(HKP_DSM_KIND_ORDER), ALL);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* The next certificate of a validator. */
static size_t next_certificate(uint32_t i, uint8_t *multi, size_t cap) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64];
    size_t len = 0;
    CHECK_EQ(hkp_dsm_certificate_parse(sim.mesh.certificate[i], sim.mesh.certificate_len[i], &c), HKP_OK);
    c.serial++;
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &m.body.len), HKP_OK);
    m.body.ptr = body;
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, sim.mesh.officer,
                                body, m.body.len, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, multi, cap, &len), HKP_OK);
    return len;
}

/* Whatever a host hands over is judged as a peer's would be, also where no peer brought it. */
static void what_a_host_gives_is_judged_as_a_peers(void) {
    uint8_t multi[BODY], body[BODY], envelope[BODY + 128];
    uint8_t stranger[64], nobody[16] = {9}, public_key[32];
    uint32_t kind = 0;
    size_t len = 0;
    struct hkp_dsm_view held;
    begin(6);
    hkp_dsm_node *n = sim.nodes[2].node;
    const size_t order_len = make_order(sim.mesh.officer, multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), multi, order_len - 1, &kind),
             HKP_E_DSM_CBOR_TRUNCATED);
    CHECK_EQ(kind, 0);
    multi[order_len - 1] ^= 1;
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), multi, order_len, &kind), HKP_E_DSM_SIG);
    CHECK_EQ(kind, HKP_DSM_KIND_ORDER);
    multi[order_len - 1] ^= 1; /* what was refused keeps the true one not out */
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), multi, order_len, &kind), HKP_OK);
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), multi, order_len, &kind), HKP_E_DSM_DUPLICATE);

    const size_t body_len = body_of(HKP_DSM_KIND_POLICY, SEATS + 5, body);
    CHECK_EQ(hkp_dsm_node_sign(sim.nodes[SEATS + 5].node, HKP_DSM_KIND_POLICY, body, body_len, envelope,
                               sizeof envelope, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), envelope, len, &kind), HKP_OK);
    CHECK_EQ(kind, HKP_DSM_KIND_POLICY);
    CHECK_EQ(hkp_dsm_node_sign(sim.nodes[1].node, HKP_DSM_KIND_POLICY, body, body_len, envelope,
                               sizeof envelope, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), envelope, len, &kind), HKP_E_DSM_ROLE);
    crypto_sign_keypair(public_key, stranger);
    for (uint32_t k = HKP_DSM_KIND_PROPOSE; k <= HKP_DSM_KIND_CE_BUNDLE; k++) { /* signed by nobody known */
        if (hkp_dsm_envelope_sign(genesis.chain_id, k, nobody, stranger, body, body_len, envelope,
                                  sizeof envelope, &len) != HKP_OK)
            continue;
        CHECK(hkp_dsm_node_give(n, sim.now, wall_us(2), envelope, len, &kind) != HKP_OK);
    }
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), sim.mesh.certificate[1], sim.mesh.certificate_len[1],
                               &kind),
             HKP_E_DSM_DUPLICATE);
    CHECK_EQ(kind, HKP_DSM_KIND_CERTIFICATE);
    CHECK_EQ(hkp_dsm_node_held(n, HKP_DSM_KIND_CERTIFICATE, sim.mesh.node_id[1], &held), HKP_OK);
    CHECK_EQ(held.len, sim.mesh.certificate_len[1]);
    CHECK_MEM(held.ptr, sim.mesh.certificate[1], held.len);
    const size_t next_len = next_certificate(1, multi, sizeof multi);
    CHECK_EQ(hkp_dsm_node_give(n, sim.now, wall_us(2), multi, next_len, &kind), HKP_OK);
    CHECK_EQ(hkp_dsm_node_held(n, HKP_DSM_KIND_CERTIFICATE, sim.mesh.node_id[1], &held), HKP_OK);
    CHECK_EQ(held.len, next_len);
    CHECK_MEM(held.ptr, multi, next_len);
    CHECK_EQ(hkp_dsm_node_held(n, HKP_DSM_KIND_CERTIFICATE, nobody, &held), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_node_held(n, HKP_DSM_KIND_REVOCATION_LIST, NULL, &held), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_dsm_node_held(n, HKP_DSM_KIND_ORDER, NULL, &held), HKP_E_UNSUPPORTED);
    sim_pump(&sim, 2);
    sim_run(&sim, 5 * SIM_S);
    CHECK_EQ(told_of(HKP_DSM_KIND_ORDER), ALL);
    CHECK_EQ(told_of(HKP_DSM_KIND_POLICY), ALL);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* D-GSP-1: a record says no more of its signer than the certificate. */
static void a_peer_record_claims_no_role_of_its_own(void) {
    const struct hkp_dsm_address here = {.ip_len = 4, .ip = {10, 0, 0, 1}, .port = 4000};
    uint8_t record[HKP_DSM_PEER_RECORD_MAX], msg[1024];
    begin(5);
    CHECK_EQ(hkp_dsm_gossip_addresses(sim.nodes[0].node, sim.now, wall_us(0), &here, 1, 0), HKP_OK);
    for (uint32_t k = 0; k < 3; k++) {
        struct hkp_dsm_peer_record r = {.seq = 1 + k,
                                        .expires_s = wall_us(0) / 1000000 + 3600,
                                        .n_addresses = 1,
                                        .tier = k == 1 ? HKP_DSM_TIER_MSSP : HKP_DSM_TIER_FORTRESS,
                                        .roles =
                                            k == 0 ? HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_CA : HKP_DSM_ROLE_EDGE};
        struct hkp_dsm_cbor_writer w = {.out = msg, .cap = sizeof msg};
        size_t len = 0;
        r.addresses[0] = here;
        memcpy(r.node_id, sim.mesh.node_id[SEATS], 16);
        CHECK_EQ(hkp_dsm_peer_record_build(&r, genesis.chain_id, sim.mesh.secret[SEATS], record,
                                           sizeof record, &len),
                 HKP_OK);
        hkp_dsm_cbor_put_array(&w, 2);
        hkp_dsm_cbor_put_uint(&w, HKP_DSM__OP_MSG_JOIN);
        hkp_dsm_cbor_put_bytes(&w, record, len);
        CHECK_EQ(hkp_dsm_recv(sim.nodes[0].node, sim.now, wall_us(0), sim.mesh.node_id[SEATS], 3, msg, w.len),
                 k < 2 ? HKP_E_DSM_ROLE : HKP_OK);
        sim_pump(&sim, 0);
    }
    sim_free(&sim);
}

int main(void) {
    CASE(every_kind_is_taken_of_those_who_may_sign_it_only);
    CASE(nothing_is_taken_of_who_is_revoked_or_expired);
    CASE(an_old_list_leaves_new_sessions_no_role_above_edge);
    CASE(signed_objects_reach_every_host_once);
    CASE(orders_are_of_officers_only);
    CASE(what_a_host_gives_is_judged_as_a_peers);
    CASE(a_peer_record_claims_no_role_of_its_own);
    return check_done();
}
