/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-EVD: pairs of promises that exclude each other. */
#include "dsm_vectors.h"

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

int main(void) {
    CASE(evidence);
    return check_done();
}
