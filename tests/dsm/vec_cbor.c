/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-CBOR: every vector, and what was accepted re-encodes to itself. */
#include "dsm_vectors.h"

/* Read the item through the reader and write it through the writer. */
static void copy_item(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_cbor_writer *w) {
    uint64_t left = 1;
    while (left > 0 && r->status == HKP_OK) {
        size_t len = 0;
        left--;
        switch (hkp_dsm_cbor_type(r)) {
        case HKP_DSM_CBOR_UINT:
            hkp_dsm_cbor_put_uint(w, hkp_dsm_cbor_uint(r, 0, UINT64_MAX));
            break;
        case HKP_DSM_CBOR_NEGINT:
            hkp_dsm_cbor_put_int(w, hkp_dsm_cbor_int(r, INT64_MIN, -1));
            break;
        case HKP_DSM_CBOR_BYTES: {
            const uint8_t *p = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &len);
            hkp_dsm_cbor_put_bytes(w, p, len);
            break;
        }
        case HKP_DSM_CBOR_TEXT: {
            const char *p = hkp_dsm_cbor_text(r, 0, SIZE_MAX, &len);
            hkp_dsm_cbor_put_text(w, p, len);
            break;
        }
        case HKP_DSM_CBOR_ARRAY:
            len = hkp_dsm_cbor_array(r, 0, SIZE_MAX);
            hkp_dsm_cbor_put_array(w, len);
            left += len;
            break;
        case HKP_DSM_CBOR_MAP:
            len = hkp_dsm_cbor_map(r, 0, SIZE_MAX);
            hkp_dsm_cbor_put_map(w, len);
            left += 2 * len;
            break;
        default:
            hkp_dsm_cbor_put_simple(w, hkp_dsm_cbor_simple(r));
            break;
        }
    }
}

static void check_round_trip(const uint8_t *in, size_t len) {
    uint8_t again[65536];
    struct hkp_dsm_cbor_reader r, whole;
    struct hkp_dsm_cbor_writer w = {.out = again, .cap = sizeof again}, measure = {0};
    size_t skipped = 0;
    CHECK_EQ(hkp_dsm_cbor_read(&r, in, len), HKP_OK);
    whole = r;
    copy_item(&r, &w);
    CHECK_EQ(r.status, HKP_OK);
    CHECK_EQ(w.status, HKP_OK);
    CHECK_EQ(w.len, len);
    if (w.len == len) CHECK_MEM(again, in, len);
    CHECK(hkp_dsm_cbor_skip(&whole, &skipped) == in);
    CHECK_EQ(skipped, len);
    (void)hkp_dsm_cbor_read(&r, in, len);
    copy_item(&r, &measure); /* a writer without room measures */
    CHECK_EQ(measure.len, len);
    CHECK_EQ(measure.status, len == 0 ? HKP_OK : HKP_E_NOSPC);
}

static void every_vector_has_its_verdict(void) {
    json_t *cases = vec_get(vec_load("dsm/cbor.json"), "cases"), *c;
    size_t i;
    json_array_foreach(cases, i, c) {
        struct vec_bytes in = vec_hex(c, "hex");
        hkp_status st = hkp_dsm_cbor_check(in.ptr, in.len);
        CHECK_VERDICT(st, c);
        if (st == HKP_OK) check_round_trip(in.ptr, in.len);
        free(in.ptr);
    }
}

/* Any prefix of a valid item is truncated, whatever its kind. */
static void every_prefix_is_truncated(void) {
    json_t *cases = vec_get(vec_load("dsm/cbor.json"), "cases"), *c;
    size_t i;
    json_array_foreach(cases, i, c) {
        struct vec_bytes in = vec_hex(c, "hex");
        if (strcmp(vec_text(c, "expect"), "ok") == 0)
            for (size_t len = 0; len < in.len; len++)
                CHECK_EQ(hkp_dsm_cbor_check(in.ptr, len), HKP_E_DSM_CBOR_TRUNCATED);
        free(in.ptr);
    }
}

/* Random canonical items by the writer: accepted, and read back the same. */
static void what_is_written_is_accepted(void) {
    uint64_t rnd = check_seed();
    for (int run = 0; run < 2000; run++) {
        uint8_t out[2048];
        static const uint8_t bytes[300] = {1, 2, 3};
        struct hkp_dsm_cbor_writer w = {.out = out, .cap = sizeof out};
        uint64_t r = check_random(&rnd);
        size_t n = r % 5;
        hkp_dsm_cbor_put_map(&w, n);
        uint64_t key = 0;
        for (size_t i = 0; i < n; i++) {
            hkp_dsm_cbor_put_uint(&w, key += 1 + (check_random(&rnd) >> (check_random(&rnd) % 62 + 2)));
            r = check_random(&rnd);
            if (r % 4 == 0) hkp_dsm_cbor_put_int(&w, (int64_t)(check_random(&rnd) >> (r >> 8) % 64));
            if (r % 4 == 1)
                hkp_dsm_cbor_put_int(&w, -(int64_t)(check_random(&rnd) >> ((r >> 8) % 62 + 1)) - 1);
            if (r % 4 == 2) hkp_dsm_cbor_put_bytes(&w, bytes, (r >> 8) % sizeof bytes);
            if (r % 4 == 3) hkp_dsm_cbor_put_simple(&w, 20 + (int32_t)((r >> 8) % 3));
        }
        CHECK_EQ(hkp_dsm_cbor_check(out, w.len), HKP_OK);
        check_round_trip(out, w.len);
    }
}

/* The reader keeps its first fault and gives zeros after it. */
static void a_fault_stays(void) {
    static const uint8_t in[] = {0x82, 0x01, 0x41, 0xFF};
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, in, sizeof in);
    CHECK_EQ(hkp_dsm_cbor_array(&r, 2, 2), 2);
    CHECK_EQ(hkp_dsm_cbor_uint(&r, 2, 9), 0);
    CHECK_EQ(r.status, HKP_E_DSM_SCHEMA);
    CHECK(hkp_dsm_cbor_bytes(&r, 1, 1, NULL) == NULL);
    CHECK_EQ(hkp_dsm_cbor_type(&r), HKP_DSM_CBOR_END);
}

static void names_and_classes(void) {
    CHECK(strcmp(hkp_dsm_status_name(HKP_E_DSM_QUORUM), "E_DSM_QUORUM") == 0);
    CHECK(strcmp(hkp_dsm_status_name(HKP_E_DSM_LANE), "E_DSM_LANE") == 0);
    CHECK_EQ(hkp_dsm_status_class(HKP_OK), HKP_CLASS_OK);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_SIG), HKP_CLASS_IGNORE);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_GAP), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_WAL_CORRUPT), HKP_CLASS_DEAD);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_INVAL), HKP_CLASS_BUG);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_BASE - 15), HKP_CLASS_BUG);
}

int main(void) {
    CASE(every_vector_has_its_verdict);
    CASE(every_prefix_is_truncated);
    CASE(what_is_written_is_accepted);
    CASE(a_fault_stays);
    CASE(names_and_classes);
    return check_done();
}
