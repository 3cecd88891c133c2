/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors mesh/intel_record, mesh/decay and mesh/corroboration (M-TI-1, M-TI-2, M-TI-11). */
#include "check.h"
#include "libmesh/record.h"
#include "names.h"
#include "vectors.h"

static void records_are_decoded_and_encoded_or_refused(void) {
    json_t *root = vec_load("mesh/intel_record.json"), *c;
    size_t i;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        const int before = check_faults;
        struct vec_bytes bytes = vec_hex(c, "record");
        const hkp_status want = mesh_status_of(vec_text(c, "expect"));
        const uint64_t now_s = vec_u64(c, "now_s");
        struct hkp_mesh_record r, kept;
        memset(&r, 0xa5, sizeof r);
        memset(&kept, 0xa5, sizeof kept);
        CHECK_EQ(hkp_mesh_record_decode(&r, bytes.ptr, bytes.len, now_s), want);
        if (want != HKP_OK) {
            CHECK_MEM(&r, &kept, sizeof r);
        } else {
            uint8_t again[HKP_MESH_RECORD_MAX];
            size_t len = 0;
            CHECK_EQ(hkp_mesh_record_encode(&r, again, sizeof again, &len), HKP_OK);
            CHECK_EQ(len, bytes.len);
            CHECK_MEM(again, bytes.ptr, bytes.len);
            CHECK_EQ(hkp_mesh_record_encode(&r, again, bytes.len - 1, &len), HKP_E_NOSPC);
        }
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
        free(bytes.ptr);
    }
    json_decref(root);
}

static void confidence_decays_to_the_basis_point(void) {
    json_t *root = vec_load("mesh/decay.json"), *c;
    size_t i;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        const int before = check_faults;
        const char *type = vec_text(c, "type");
        const struct hkp_mesh_record r = {.ioc_type = (uint8_t)hkp_mesh_ioc_type_find(type, strlen(type)),
                                          .confidence = (uint8_t)vec_u64(c, "confidence"),
                                          .valid_from_s = vec_u64(c, "valid_from"),
                                          .valid_until_s = vec_u64(c, "valid_until")};
        CHECK_EQ(hkp_mesh_record_confidence(&r, vec_u64(c, "now")), vec_u64(c, "value"));
        CHECK_NOTE(before, "case %zu", i);
    }
    json_decref(root);
}

static uint32_t level_of(const char *name) {
    static const char *const names[] = {"NONE", "WATCH", "ALERT", "BLOCK"};
    for (uint32_t i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0) return i;
    return 99;
}

static void groups_make_action_levels(void) {
    json_t *root = vec_load("mesh/corroboration.json"), *c;
    size_t i;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        const int before = check_faults;
        uint32_t bp[HKP_MESH__GROUPS_MAX], n = 0;
        size_t k;
        json_t *v;
        json_array_foreach(vec_get(c, "evidence_bp"), k, v) bp[n++] = (uint32_t)vec_value_u64(v);
        struct hkp_mesh__evidence e = {.groups =
                                           (uint32_t)vec_u64(c, "groups") + (vec_bool(c, "own") ? 1U : 0U),
                                       .bp = bp,
                                       .n = n,
                                       .faults = (uint32_t)vec_u64(c, "f"),
                                       .allowed = vec_bool(c, "allow"),
                                       .member = vec_bool(c, "member")};
        CHECK_EQ(hkp_mesh__action_level(&e), level_of(vec_text(c, "level")));
        CHECK_NOTE(before, "case %zu", i);
    }
    json_decref(root);
}

static void the_lower_median_is_the_lower_of_two(void) {
    uint32_t two[] = {9, 4}, three[] = {9, 1, 5}, four[] = {8, 2, 6, 4}, one[] = {3};
    CHECK_EQ(hkp_mesh__lower_median(one, 1), 3);
    CHECK_EQ(hkp_mesh__lower_median(two, 2), 4);
    CHECK_EQ(hkp_mesh__lower_median(three, 3), 5);
    CHECK_EQ(hkp_mesh__lower_median(four, 4), 4);
}

static void any_list_is_sorted(void) {
    uint64_t rnd = check_seed();
    uint32_t v[500];
    for (size_t n = 0; n < 500; n += 1 + n / 3) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) sum += v[i] = (uint32_t)check_random(&rnd) % 1000;
        hkp_mesh__sort(v, n);
        for (size_t i = 0; i < n; i++) sum -= v[i];
        CHECK_EQ(sum, 0);
        for (size_t i = 1; i < n; i++) CHECK(v[i - 1] <= v[i]);
    }
}

static void what_a_receiver_refuses_is_not_encoded(void) {
    static const uint8_t ip[] = {45, 33, 32, 156}, private_ip[] = {10, 0, 0, 1};
    const struct hkp_mesh_record good = {.value = ip,
                                         .value_len = 4,
                                         .valid_from_s = 1000,
                                         .valid_until_s = 2000,
                                         .threat = 1,
                                         .ioc_type = HKP_MESH_IOC_IP4,
                                         .severity = 3,
                                         .confidence = 50,
                                         .tlp = HKP_MESH_TLP_GREEN};
    uint8_t out[HKP_MESH_RECORD_MAX];
    size_t len = 0;
    CHECK_EQ(hkp_mesh_record_encode(&good, out, sizeof out, &len), HKP_OK);
    struct hkp_mesh_record r = good;
    r.value = private_ip;
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_IOC_RESERVED);
    r = good, r.tlp = HKP_MESH_TLP_RED;
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_TLP);
    r = good, r.valid_until_s = r.valid_from_s + 7 * 86400 + 1;
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_TTL);
    r = good, r.severity = 0;
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_SCHEMA);
    r = good, r.technique_count = 1, memcpy(r.technique[0], "T123", 5);
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_SCHEMA);
    r = good, r.context = (const uint8_t *)"bad \xff", r.context_len = 5;
    CHECK_EQ(hkp_mesh_record_encode(&r, out, sizeof out, &len), HKP_E_MESH_SCHEMA);
}

int main(void) {
    CASE(records_are_decoded_and_encoded_or_refused);
    CASE(confidence_decays_to_the_basis_point);
    CASE(groups_make_action_levels);
    CASE(the_lower_median_is_the_lower_of_two);
    CASE(any_list_is_sorted);
    CASE(what_a_receiver_refuses_is_not_encoded);
    return check_done();
}
