/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* lab/table, lab/translate and lab/record: tables, files, and one value in three forms (LAB-7). */
#include "bridge_support.h"

#include "libneuro/bridge/bridge.h"

static struct form inter, out;

static void a_signed_table_opens(void) {
    json_t *file = vec_load("lab/table.json");
    const struct vec_bytes f = vec_hex(file, "file");
    struct hkp_neuro_bridge_info info;
    uint8_t key[32], id[32];
    hkp_neuro_bridge *b = NULL;
    vec_hex_into(file, "public_key", key, 32);
    vec_hex_into(file, "table_id", id, 32);
    CHECK_EQ(hkp_neuro_bridge_open(&b, NULL, f.ptr, f.len, key, 1), HKP_OK);
    hkp_neuro_bridge_info(b, &info);
    CHECK_MEM(info.table_id, id, 32);
    CHECK_EQ(info.sides, JSON | PROTOBUF);
    CHECK_EQ(info.level, vec_u64(vec_load("lab/translate.json"), "level"));
    hkp_neuro_bridge_free(b);
    free(f.ptr);
}

static void tables_and_files_are_refused_by_the_first_check_that_fails(void) {
    json_t *file = vec_load("lab/table.json"), *o;
    uint8_t key[32];
    size_t i;
    hkp_neuro_bridge *b = NULL;
    vec_hex_into(file, "public_key", key, 32);
    json_array_foreach(vec_get(file, "refused"), i, o) {
        const int before = check_faults;
        const struct vec_bytes t = vec_hex(o, "table");
        check_expect(hkp_neuro_bridge_new(&b, NULL, t.ptr, t.len), vec_text(o, "expect"));
        CHECK_NOTE(before, "%s", vec_text(o, "what"));
        free(t.ptr);
    }
    json_array_foreach(vec_get(file, "file_errors"), i, o) {
        const struct vec_bytes f = vec_hex(o, "file");
        check_expect(hkp_neuro_bridge_open(&b, NULL, f.ptr, f.len, key, 1), vec_text(o, "expect"));
        free(f.ptr);
    }
    CHECK(b == NULL);
}

static void check_two_forms(hkp_neuro_bridge *b, uint32_t side, const struct vec_bytes *other,
                            const char *json, const struct vec_bytes *want) {
    const size_t json_len = strlen(json);
    CHECK_EQ(decode(b, JSON, json, json_len, &inter), HKP_OK);
    check_form(&inter, want->ptr, want->len);
    CHECK_EQ(encode(b, JSON, &inter, &out), HKP_OK);
    check_form(&out, json, json_len);
    CHECK_EQ(encode(b, side, &inter, &out), HKP_OK);
    check_form(&out, other->ptr, other->len);
    CHECK_EQ(decode(b, side, other->ptr, other->len, &inter), HKP_OK);
    check_form(&inter, want->ptr, want->len);
    CHECK_EQ(hkp_neuro_bridge_translate(b, JSON, side, (const uint8_t *)json, json_len, out.bytes,
                                        sizeof out.bytes, &out.len, NULL),
             HKP_OK);
    check_form(&out, other->ptr, other->len);
    CHECK_EQ(hkp_neuro_bridge_translate(b, side, JSON, other->ptr, other->len, out.bytes, sizeof out.bytes,
                                        &out.len, NULL),
             HKP_OK);
    check_form(&out, json, json_len);
}

static void one_value_in_three_forms(void) {
    json_t *file = vec_load("lab/translate.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    size_t i;
    json_array_foreach(vec_get(file, "cases"), i, o) {
        const int before = check_faults;
        const struct vec_bytes pb = vec_hex(o, "protobuf"), want = vec_hex(o, "inter");
        check_two_forms(b, PROTOBUF, &pb, vec_text(o, "json"), &want);
        CHECK_NOTE(before, "case %zu", i);
        free(pb.ptr);
        free(want.ptr);
    }
    json_array_foreach(vec_get(file, "same"), i, o) {
        const struct vec_bytes want = vec_hex(o, "inter");
        const char *json = vec_text(o, "json"), *canonical = vec_text(o, "canonical");
        CHECK_EQ(decode(b, JSON, json, strlen(json), &inter), HKP_OK);
        check_form(&inter, want.ptr, want.len);
        CHECK_EQ(encode(b, JSON, &inter, &out), HKP_OK);
        check_form(&out, canonical, strlen(canonical));
        free(want.ptr);
    }
    hkp_neuro_bridge_free(b);
}

/* A case of json_decode, protobuf_decode or record_decode. */
static void check_decode(hkp_neuro_bridge *b, uint32_t form, json_t *o) {
    const int before = check_faults;
    json_t *text = vec_find(o, "json");
    const struct vec_bytes in = text == NULL ? vec_hex(o, "hex") : (struct vec_bytes){NULL, 0};
    const uint8_t *bytes = text == NULL ? in.ptr : (const uint8_t *)json_string_value(text);
    memset(inter.bytes, 0xCC, 64);
    const hkp_status st = decode(b, form, bytes, text == NULL ? in.len : json_string_length(text), &inter);
    check_expect(st, vec_text(o, "expect"));
    if (st == HKP_OK) {
        const struct vec_bytes want = vec_hex(o, "out");
        check_form(&inter, want.ptr, want.len);
        free(want.ptr);
    } else {
        CHECK_EQ(inter.len, 0);
        CHECK(sodium_is_zero(inter.bytes, sizeof inter.bytes));
    }
    CHECK_NOTE(before, "%s", text == NULL ? vec_text(o, "hex") : json_string_value(text));
    free(in.ptr);
}

static void inputs_are_refused_by_the_first_check_that_fails(void) {
    json_t *file = vec_load("lab/translate.json"), *o;
    hkp_neuro_bridge *b = bridge_of(file, "table");
    size_t i;
    json_array_foreach(vec_get(file, "json_decode"), i, o) check_decode(b, JSON, o);
    json_array_foreach(vec_get(file, "protobuf_decode"), i, o) check_decode(b, PROTOBUF, o);
    json_array_foreach(vec_get(file, "inter_decode"), i, o) {
        const struct vec_bytes in = vec_hex(o, "hex");
        check_expect(hkp_neuro_bridge_check(b, in.ptr, in.len, NULL), vec_text(o, "expect"));
        free(in.ptr);
    }
    hkp_neuro_bridge_free(b);
}

static void numbers_have_one_text(void) {
    json_t *o;
    size_t i;
    json_array_foreach(vec_get(vec_load("lab/translate.json"), "f64"), i, o) {
        const int before = check_faults;
        uint8_t bits[8], text[HKP_NEURO__F64_TEXT_MAX];
        const char *want = vec_text(o, "text");
        vec_hex_into(o, "bits", bits, 8);
        const size_t len = hkp_neuro__f64_write(hkp_be64(bits), text);
        CHECK_EQ(len, strlen(want));
        if (len == strlen(want)) CHECK_MEM(text, want, len);
        CHECK(hkp_neuro__f64_read((const uint8_t *)want, strlen(want)) == hkp_be64(bits));
        CHECK_NOTE(before, "%s", want);
    }
}

static void records_in_two_charsets(void) {
    json_t *set, *o;
    size_t k, i;
    json_array_foreach(vec_get(vec_load("lab/record.json"), "sets"), k, set) {
        hkp_neuro_bridge *b = bridge_of(set, "table");
        json_array_foreach(vec_get(set, "cases"), i, o) {
            const int before = check_faults;
            const struct vec_bytes record = vec_hex(o, "record"), want = vec_hex(o, "inter");
            check_two_forms(b, RECORD, &record, vec_text(o, "json"), &want);
            CHECK_NOTE(before, "set %zu case %zu", k, i);
            free(record.ptr);
            free(want.ptr);
        }
        json_array_foreach(vec_get(set, "record_decode"), i, o) check_decode(b, RECORD, o);
        hkp_neuro_bridge_free(b);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_signed_table_opens);
    CASE(tables_and_files_are_refused_by_the_first_check_that_fails);
    CASE(one_value_in_three_forms);
    CASE(inputs_are_refused_by_the_first_check_that_fails);
    CASE(numbers_have_one_text);
    CASE(records_in_two_charsets);
    return check_done();
}
