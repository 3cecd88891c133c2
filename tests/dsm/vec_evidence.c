/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-EVD: pairs of promises that exclude each other. */
#include "dsm_vectors.h"

#include <sodium.h>

static struct fixture fx;

static const uint8_t *key_of(void *user, const uint8_t node_id[16], uint64_t epoch) {
    (void)epoch;
    return fixture_key((struct fixture *)user, node_id);
}

static void check_offenders(json_t *c, const struct hkp_dsm__evidence *e) {
    json_t *offender = vec_get(c, "offender");
    CHECK_EQ(e->class_, vec_text(c, "class")[1] - '0');
    if (!json_is_array(offender)) {
        uint8_t node_id[16];
        vec_hex_into(c, "offender", node_id, 16);
        CHECK_EQ(e->n_offenders, 1);
        CHECK_MEM(e->offender[0], node_id, 16);
        return;
    }
    CHECK_EQ(e->n_offenders, json_array_size(offender));
    for (size_t i = 0; i < json_array_size(offender) && i < e->n_offenders; i++) {
        struct vec_bytes key = vec_value_hex(json_array_get(offender, i));
        CHECK_MEM(e->offender[i], key.ptr, 32);
        free(key.ptr);
    }
}

static void evidence(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/evidence.json");
    const struct hkp_dsm__keys keys = {.user = &fx, .key = key_of, .officers = &fx.officers};
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes a = vec_hex(c, "a"), b = vec_hex(c, "b");
        const struct hkp_dsm_view va = {a.ptr, a.len}, vb = {b.ptr, b.len};
        struct hkp_dsm__evidence e, turned;
        uint8_t op[8192], again[8192], key_a[32], key_b[32];
        size_t len = 0, again_len = 0;
        CHECK_EQ(hkp_dsm__op_build(HKP_DSM__OP_EVIDENCE, &va, &vb, op, sizeof op, &len), HKP_OK);
        memset(&e, 0xA5, sizeof e);
        hkp_status st = hkp_dsm__evidence_check(op, len, fx.chain_id, &keys, &e);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK)
            CHECK(is_untouched(&e, sizeof e));
        else
            check_offenders(c, &e);
        /* both orders of the pair are one op and one piece of evidence */
        CHECK_EQ(hkp_dsm__evidence_build(&va, &vb, op, sizeof op, &len), HKP_OK);
        CHECK_EQ(hkp_dsm__evidence_build(&vb, &va, again, sizeof again, &again_len), HKP_OK);
        CHECK_EQ(len, again_len);
        CHECK_MEM(op, again, len);
        if (st == HKP_OK) {
            CHECK_EQ(hkp_dsm__evidence_check(op, len, fx.chain_id, &keys, &turned), HKP_OK);
            hkp_dsm__evidence_key(&e, key_a);
            hkp_dsm__evidence_key(&turned, key_b);
            CHECK_MEM(key_a, key_b, 32);
        }
        free(a.ptr);
        free(b.ptr);
    }
}

/* An ORDER of scope 4 and number 7 with one content byte, signed by officer 0 of a set of one. */
static size_t make_order(uint64_t ca_version, const uint8_t secret[64], uint8_t content, uint8_t *dst,
                         size_t cap) {
    const uint8_t body[] = {0xA4, 0, 1, 1, 4, 2, 7, 3, 0x41, content};
    uint8_t signature[64];
    size_t len = 0;
    struct hkp_dsm_multi m = {.kind = HKP_DSM_KIND_ORDER, .ca_version = ca_version, .n_signatures = 1};
    m.body = (struct hkp_dsm_view){body, sizeof body};
    m.signature[0] = signature;
    CHECK_EQ(hkp_dsm_multi_sign(signature, fx.chain_id, HKP_DSM_KIND_ORDER, ca_version, secret, body,
                                sizeof body, NULL, 0),
             HKP_OK);
    CHECK_EQ(hkp_dsm_multi_build(&m, dst, cap, &len), HKP_OK);
    return len;
}

/* E6 across a change of the CA set: who signed both is an offender, whoever signed only one is not. */
static void officers_are_convicted_across_sets(void) {
    struct hkp_dsm_ca_set sets[2] = {{.version = 1, .threshold = 1, .n_keys = 1},
                                     {.version = 2, .threshold = 1, .n_keys = 1}};
    const struct hkp_dsm_officers officers = {sets, 2, NULL, 0};
    const struct hkp_dsm__keys keys = {.user = &fx, .key = key_of, .officers = &officers};
    for (int same = 0; same < 2; same++) {
        uint8_t secret[2][64], seed[32] = {1}, a[512], b[512], op[1200];
        size_t len = 0;
        CHECK_EQ(crypto_sign_seed_keypair(sets[0].keys[0], secret[0], seed), 0);
        seed[0] = same ? 1 : 2;
        CHECK_EQ(crypto_sign_seed_keypair(sets[1].keys[0], secret[1], seed), 0);
        const struct hkp_dsm_view va = {a, make_order(1, secret[0], 'x', a, sizeof a)};
        const struct hkp_dsm_view vb = {b, make_order(2, secret[1], 'y', b, sizeof b)};
        struct hkp_dsm__evidence e;
        CHECK_EQ(hkp_dsm__evidence_build(&va, &vb, op, sizeof op, &len), HKP_OK);
        CHECK_EQ(hkp_dsm__evidence_check(op, len, fx.chain_id, &keys, &e),
                 same ? HKP_OK : HKP_E_DSM_EVIDENCE);
        if (!same) continue;
        CHECK_EQ(e.class_, 6);
        CHECK_EQ(e.n_offenders, 1);
        CHECK_MEM(e.offender[0], sets[0].keys[0], 32);
    }
}

int main(void) {
    CASE(evidence);
    CASE(officers_are_convicted_across_sets);
    return check_done();
}
