/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-MULTI, D-CERT, D-CA, D-AUD-6: certificates, CA sets, revocation lists, orders. */
#include "dsm_vectors.h"
#include "libdsm/beside/control.h"

#include <sodium.h>

static struct fixture fx;

/* A certificate that was read is written back byte for byte. */
static void check_rebuild(const uint8_t *in, size_t len, const struct hkp_dsm_certificate *c) {
    struct hkp_dsm_multi m;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], whole[2048];
    size_t body_len = 0, whole_len = 0;
    CHECK_EQ(hkp_dsm_multi_parse(in, len, &m), HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_build(c, body, sizeof body, &body_len), HKP_OK);
    CHECK_EQ(body_len, m.body.len);
    if (body_len == m.body.len) CHECK_MEM(body, m.body.ptr, body_len);
    CHECK_EQ(hkp_dsm_multi_build(&m, whole, sizeof whole, &whole_len), HKP_OK);
    CHECK_EQ(whole_len, len);
    if (whole_len == len) CHECK_MEM(whole, in, len);
    CHECK_EQ(hkp_dsm_multi_build(&m, whole, len - 1, &whole_len), HKP_E_NOSPC);
}

static void certificates(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/certificate.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "certificate");
        struct hkp_dsm_certificate cert, peek;
        uint64_t revoked = 0;
        memset(&cert, 0xA5, sizeof cert);
        if (hkp_dsm_certificate_parse(in.ptr, in.len, &peek) == HKP_OK) {
            char hex[33];
            sodium_bin2hex(hex, sizeof hex, peek.node_id, 16);
            if (vec_find(vec_get(c, "revoked"), hex) != NULL) revoked = vec_u64(vec_get(c, "revoked"), hex);
        }
        hkp_status st = hkp_dsm_certificate_check(in.ptr, in.len, fx.chain_id, &fx.officers,
                                                  vec_u64(c, "now_s"), revoked, &cert);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&cert, sizeof cert));
        } else {
            uint8_t node_id[16];
            vec_hex_into(c, "node_id", node_id, 16);
            CHECK_MEM(cert.node_id, node_id, 16);
            check_rebuild(in.ptr, in.len, &cert);
        }
        free(in.ptr);
    }
}

static void ca_sets(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/ca_set.json"), "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "body");
        struct hkp_dsm_ca_set set;
        memset(&set, 0xA5, sizeof set);
        hkp_status st = hkp_dsm_ca_set_parse(in.ptr, in.len, &set);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&set, sizeof set));
        } else {
            uint8_t again[HKP_DSM_CA_SET_BODY_MAX];
            size_t len = 0;
            CHECK_EQ(hkp_dsm_ca_set_build(&set, again, sizeof again, &len), HKP_OK);
            CHECK_EQ(len, in.len);
            if (len == in.len) CHECK_MEM(again, in.ptr, len);
        }
        free(in.ptr);
    }
}

static void revocation_lists(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/revocation.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "list");
        struct hkp_dsm_revocations list;
        uint8_t id[32];
        memset(&list, 0xA5, sizeof list);
        const uint64_t last = vec_u64(c, "last_number");
        hkp_status st = hkp_dsm_revocations_check(in.ptr, in.len, fx.chain_id, &fx.officers, last, &list);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&list, sizeof list));
        } else {
            vec_hex_into(c, "id", id, 32);
            CHECK_MEM(list.id, id, 32);
            if (vec_find(c, "last_id") != NULL) {
                vec_hex_into(c, "last_id", id, 32);
                CHECK_EQ(list.number - 1 == last && memcmp(list.previous, id, 32) != 0, vec_bool(c, "split"));
            }
        }
        free(in.ptr);
    }
}

static void a_list_is_written_and_searched(void) {
    struct hkp_dsm_revocation one,
        e[3] = {{{1}, 5, 0, 9}, {{2}, HKP_DSM_SERIAL_BARRED, 1, 9}, {{4}, 7, 2, 9}};
    struct hkp_dsm_revocations list = {.number = 2, .this_update_s = 10, .next_update_s = 20, .n_entries = 3},
                               got;
    uint8_t body[512], other[16] = {3};
    size_t len = 0;
    CHECK_EQ(hkp_dsm_revocations_build(&list, e, body, sizeof body, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_revocations_parse(body, len, &got), HKP_OK);
    for (int i = 0; i < 3; i++) CHECK(hkp_dsm_revocations_find(&got, e[i].node_id) == e[i].serial);
    CHECK_EQ(hkp_dsm_revocations_find(&got, other), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hkp_dsm_revocations_next(&got, &one), HKP_OK);
        CHECK_MEM(&one, &e[i], sizeof one);
    }
    CHECK_EQ(hkp_dsm_revocations_next(&got, &one), HKP_E_NOTFOUND);
    e[0].node_id[0] = 9;
    CHECK_EQ(hkp_dsm_revocations_build(&list, e, body, sizeof body, &len), HKP_E_DSM_SCHEMA);
}

static void check_order_again(const uint8_t *in, size_t len, const struct hkp_dsm_order *order) {
    struct hkp_dsm_multi m;
    static uint8_t body[HKP_DSM_ORDER_BODY_MAX];
    size_t body_len = 0;
    CHECK_EQ(hkp_dsm_multi_parse(in, len, &m), HKP_OK);
    CHECK_EQ(hkp_dsm_order_build(order, body, sizeof body, &body_len), HKP_OK);
    CHECK_EQ(body_len, m.body.len);
    if (body_len == m.body.len) CHECK_MEM(body, m.body.ptr, body_len);
}

static hkp_status nobody(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    (void)user, (void)node_id, (void)out;
    return HKP_E_NOTFOUND;
}
static uint64_t none_revoked(void *user, const uint8_t node_id[16]) {
    (void)user, (void)node_id;
    return 0;
}

/* As a node takes it that holds another order of that number and scope. */
static hkp_status take_order(const struct vec_bytes *in, uint64_t newest, struct hkp_dsm_order *order) {
    const struct hkp_dsm_directory directory = {.find = nobody, .revoked = none_revoked};
    static const uint8_t node_id[16] = {1};
    struct hkp_dsm_control_options o;
    hkp_dsm_control *control = NULL;
    hkp_dsm_control_options_init(&o, sizeof o);
    o.tier = HKP_DSM_TIER_GUARDIAN;
    o.chain_id = fx.chain_id;
    o.node_id = node_id;
    o.directory = &directory;
    CHECK_EQ(hkp_dsm_control_new(&control, &o), HKP_OK);
    if (control == NULL) return HKP_E_NOMEM;
    if (newest > 0)
        control->rules[control->n_rules++] = (struct hkp_dsm__rule){
            .kind = HKP_DSM_KIND_ORDER, .scope = HKP_DSM_ORDER_WORKLOAD, .number = newest, .in_force = 1};
    const hkp_status st = hkp_dsm_control_order(control, in->ptr, in->len, &fx.officers, 0, order);
    hkp_dsm_control_free(control);
    /* E_FORK: of the same number; the file is older than D-CA-9, and says only that it does not count */
    return st == HKP_E_DSM_FORK ? HKP_E_DSM_STALE : st;
}

static void orders(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/order.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "order");
        struct hkp_dsm_order order;
        memset(&order, 0xA5, sizeof order);
        hkp_status st = take_order(&in, vec_u64(c, "newest"), &order);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK)
            CHECK(is_untouched(&order, sizeof order));
        else
            check_order_again(in.ptr, in.len, &order);
        free(in.ptr);
    }
}

/* A mesh of one officer from nothing: genesis, request, certificate (D-CERT-4). */
static void a_mesh_begins_with_one_officer(void) {
    uint8_t officer_key[32], officer[64], key[32], secret[64], seed[32] = {7}, genesis[HKP_DSM_GENESIS_MAX];
    uint8_t ca_body[HKP_DSM_CA_SET_BODY_MAX], set_body[256], request[HKP_DSM_REQUEST_MAX];
    size_t ca_len = 0, set_len = 0, genesis_len = 0, request_len = 0, body_len = 0, cert_len = 0;
    CHECK_EQ(crypto_sign_seed_keypair(officer_key, officer, seed), 0);
    seed[0] = 8;
    CHECK_EQ(crypto_sign_seed_keypair(key, secret, seed), 0);
    struct hkp_dsm_ca_set ca = {.version = 1, .threshold = 1, .n_keys = 1};
    memcpy(ca.keys[0], officer_key, 32);
    CHECK_EQ(hkp_dsm_ca_set_build(&ca, ca_body, sizeof ca_body, &ca_len), HKP_OK);
    struct hkp_dsm_seat seat = {.group = 1};
    hkp_dsm_node_id(seat.node_id, key, NULL);
    memcpy(seat.key, key, 32);
    CHECK_EQ(hkp_dsm_valset_build(&seat, 1, 0, set_body, sizeof set_body, &set_len), HKP_OK);
    const struct hkp_dsm_view ca_view = {ca_body, ca_len}, set_view = {set_body, set_len};
    CHECK_EQ(hkp_dsm_genesis_build("home/single", 11, &ca_view, &set_view, 1760000000, genesis,
                                   sizeof genesis, &genesis_len),
             HKP_OK);
    CHECK_EQ(hkp_dsm_genesis_build("", 0, &ca_view, &set_view, 1, genesis, sizeof genesis, &body_len),
             HKP_E_DSM_SCHEMA);
    CHECK_EQ(hkp_dsm_genesis_build("home/single", 11, &ca_view, &set_view, 1760000000, genesis,
                                   sizeof genesis, &genesis_len),
             HKP_OK);
    struct hkp_dsm_genesis g;
    CHECK_EQ(hkp_dsm_genesis_parse(genesis, genesis_len, &g), HKP_OK);

    struct hkp_dsm_request q = {.roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_VALIDATOR, .tier = 1}, got;
    CHECK_EQ(hkp_dsm_request_build(g.chain_id, &q, secret, request, sizeof request, &request_len), HKP_OK);
    CHECK_EQ(hkp_dsm_request_check(request, request_len, g.chain_id, &got), HKP_OK);
    CHECK_MEM(got.node_id, seat.node_id, 16);
    request[request_len - 1] ^= 1;
    CHECK_EQ(hkp_dsm_request_check(request, request_len, g.chain_id, &got), HKP_E_DSM_SIG);

    struct hkp_dsm_certificate c = {
        .roles = got.roles, .tier = got.tier, .group = 1, .serial = 1, .policy = 3};
    memcpy(c.key, got.key, 32);
    c.not_before_s = g.time_s;
    c.not_after_s = g.time_s + 30 * 86400;
    uint8_t body[HKP_DSM_CERTIFICATE_BODY_MAX], signature[64], cert[HKP_DSM_CERTIFICATE_MAX];
    CHECK_EQ(hkp_dsm_certificate_build(&c, body, sizeof body, &body_len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_sign(signature, g.chain_id, HKP_DSM_KIND_CERTIFICATE, 1, officer, body, body_len,
                                NULL, 0),
             HKP_OK);
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_CERTIFICATE, .ca_version = 1, .n_signatures = 1};
    m.body = (struct hkp_dsm_view){body, body_len};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_build(&m, cert, sizeof cert, &cert_len), HKP_OK);
    const struct hkp_dsm_officers officers = {&g.ca_set, 1, NULL, 0};
    CHECK_EQ(hkp_dsm_certificate_check(cert, cert_len, g.chain_id, &officers, g.time_s, 0, &c), HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_check(cert, cert_len, g.chain_id, &officers, g.time_s, 1, &c),
             HKP_E_DSM_REVOKED);
}

/* Large bodies need room that the caller gives, for signing and for checking. */
static void a_large_body_needs_scratch(void) {
    static uint8_t body[4096], whole[4096 + 520], scratch[4096 + 64];
    uint8_t secret[64], seed[32] = {5}, signature[64], chain_id[32] = {6};
    struct hkp_dsm_ca_set set = {.version = 1, .threshold = 1, .n_keys = 1};
    struct hkp_dsm_officers officers = {&set, 1, NULL, 0};
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_ALLOWLIST, .ca_version = 1, .n_signatures = 1}, got;
    size_t len = 0;
    CHECK_EQ(crypto_sign_seed_keypair(set.keys[0], secret, seed), 0);
    CHECK_EQ(hkp_dsm_multi_sign(signature, chain_id, 35, 1, secret, body, sizeof body, NULL, 0), HKP_E_NOSPC);
    CHECK_EQ(hkp_dsm_multi_sign(signature, chain_id, 35, 1, secret, body, sizeof body, scratch, 4096),
             HKP_E_NOSPC);
    CHECK_EQ(
        hkp_dsm_multi_sign(signature, chain_id, 35, 1, secret, body, sizeof body, scratch, sizeof scratch),
        HKP_OK);
    m.body = (struct hkp_dsm_view){body, sizeof body};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_build(&m, whole, sizeof whole, &len), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_parse(whole, len, &got), HKP_OK);
    CHECK_EQ(hkp_dsm_multi_check(chain_id, &got, 35, &officers), HKP_E_NOSPC);
    officers.scratch = scratch;
    officers.scratch_len = sizeof scratch;
    CHECK_EQ(hkp_dsm_multi_check(chain_id, &got, 35, &officers), HKP_OK);
    whole[100] ^= 1;
    CHECK_EQ(hkp_dsm_multi_check(chain_id, &got, 35, &officers), HKP_E_DSM_SIG);
}

int main(void) {
    CASE(certificates);
    CASE(ca_sets);
    CASE(revocation_lists);
    CASE(a_list_is_written_and_searched);
    CASE(orders);
    CASE(a_mesh_begins_with_one_officer);
    CASE(a_large_body_needs_scratch);
    return check_done();
}
