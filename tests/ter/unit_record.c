/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* vectors nz1/ter.json: records, chain, the rules of NZ1 3.3, warnings, h_entropy, R. */
#include "stream.h"
#include "vector.h"

static json_t *file;

static void crc16_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "crc16"), i, v) {
        struct vec_bytes data = vec_hex(v, "data");
        CHECK_EQ(hkp_ter_crc16(data.ptr, data.len), vec_u64(v, "crc"));
        free(data.ptr);
    }
    CHECK_EQ(hkp_ter_crc16((const uint8_t *)"123456789", 9), 0x29B1);
    CHECK_EQ(hkp_ter_crc32((const uint8_t *)"123456789", 9), 0xCBF43926);
    CHECK_EQ(hkp_ter_crc32(NULL, 0), 0);
}

static void ripemd160_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "ripemd160"), i, v) {
        struct vec_bytes data = vec_hex(v, "data");
        uint8_t expected[20], digest[20];
        vec_hex_into(v, "digest", expected, sizeof expected);
        hkp_ter_ripemd160(data.ptr, data.len, digest);
        CHECK_MEM(digest, expected, sizeof digest);
        free(data.ptr);
    }
}

static void encoding_and_decoding_agree_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "encode"), i, v) {
        struct hkp_ter_record record, back;
        uint8_t expected[64], ter[64];
        vec_hex_into(v, "h_entropy", record.h_entropy, 32);
        vec_hex_into(v, "h_integrity", record.h_integrity, 20);
        record.timestamp_us = vec_u64(v, "timestamp");
        record.sequence = (uint16_t)vec_u64(v, "sequence");
        record.chain_crc = (uint16_t)vec_u64(v, "chain_crc");
        vec_hex_into(v, "bytes", expected, sizeof expected);
        hkp_ter_record_encode(&record, ter);
        CHECK_MEM(ter, expected, sizeof ter);
        CHECK_EQ(hkp_ter_crc16(ter, 64), vec_u64(v, "crc16"));
        CHECK_EQ(hkp_ter_record_decode(&back, expected, 64), HKP_OK);
        CHECK_MEM(back.h_entropy, record.h_entropy, 32);
        CHECK_MEM(back.h_integrity, record.h_integrity, 20);
        CHECK(back.timestamp_us == record.timestamp_us);
        CHECK_EQ(back.sequence, record.sequence);
        CHECK_EQ(back.chain_crc, record.chain_crc);
    }
}

static void every_64_bytes_are_a_record_and_no_other_length_is(void) {
    uint64_t rnd = check_seed();
    for (int n = 0; n < 2000; n++) {
        struct hkp_ter_record record;
        uint8_t ter[80], back[64];
        for (size_t i = 0; i < sizeof ter; i++) ter[i] = (uint8_t)check_random(&rnd);
        CHECK_EQ(hkp_ter_record_decode(&record, ter, 64), HKP_OK);
        hkp_ter_record_encode(&record, back);
        CHECK_MEM(back, ter, 64);
        size_t len = check_random(&rnd) % 80;
        if (len != 64) CHECK_EQ(hkp_ter_record_decode(&record, ter, len), HKP_E_TER_LENGTH);
    }
}

static void profile_cursor(struct hkp_ter_cursor *cursor) {
    uint8_t node_id[16], device_public[32];
    vec_hex_into(vec_get(file, "profile"), "node_id", node_id, sizeof node_id);
    vec_hex_into(vec_get(file, "profile"), "device_public", device_public, sizeof device_public);
    hkp_ter_cursor_init(cursor, node_id, device_public);
}

static void the_chain_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    struct hkp_ter_cursor cursor;
    uint8_t expected[32];
    profile_cursor(&cursor);
    vec_hex_into(file, "h_0", expected, sizeof expected);
    CHECK_MEM(cursor.h, expected, 32);
    CHECK_EQ(cursor.index, 0);
    json_array_foreach(vec_get(file, "chain"), i, v) {
        uint8_t ter[64];
        vec_hex_into(v, "ter", ter, sizeof ter);
        vec_hex_into(v, "h_after", expected, sizeof expected);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, sizeof ter, NULL), HKP_OK);
        CHECK_MEM(cursor.h, expected, 32);
        CHECK_EQ(cursor.index, vec_u64(v, "index_after"));
    }
}

static void a_thousand_ters_of_stream_v_are_accepted(void) {
    struct hkp_ter_cursor cursor;
    struct stream stream = {.time_us = vec_u64(vec_get(file, "profile"), "t0")};
    uint8_t ter[64], expected[32];
    vec_hex_into(vec_get(file, "profile"), "h_ref", stream.h_ref, 20);
    profile_cursor(&cursor);
    for (int i = 0; i < 1000; i++) {
        stream_next(&stream, ter);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, sizeof ter, NULL), HKP_OK);
    }
    vec_hex_into(file, "h_1000", expected, sizeof expected);
    CHECK_MEM(cursor.h, expected, 32);
}

static void read_cursor(json_t *v, struct hkp_ter_cursor *cursor) {
    struct vec_bytes last = vec_hex(v, "last_ter");
    memset(cursor, 0, sizeof *cursor);
    cursor->index = vec_u64(v, "index");
    vec_hex_into(v, "h", cursor->h, 32);
    if (last.len == 64) {
        memcpy(cursor->last_ter, last.ptr, 64);
        cursor->has_last = 1;
    }
    free(last.ptr);
}

static void every_rule_of_acceptance_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "validate"), i, v) {
        int before = check_faults;
        struct hkp_ter_cursor cursor, was;
        struct vec_bytes ter = vec_hex(v, "ter"), h = vec_hex(v, "supplied_h");
        uint8_t expected[32];
        read_cursor(v, &cursor);
        was = cursor;
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter.ptr, ter.len, h.len == 32 ? h.ptr : NULL),
                 vector_status(v));
        vec_hex_into(v, "h_after", expected, sizeof expected);
        CHECK_MEM(cursor.h, expected, 32);
        CHECK(cursor.index == vec_u64(v, "index_after"));
        if (vector_status(v) != HKP_OK)
            check_same_cursor(&cursor, &was);
        else
            CHECK_MEM(cursor.last_ter, ter.ptr, 64);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
        free(ter.ptr);
        free(h.ptr);
    }
}

static void lists_stop_at_the_first_refusal(void) {
    json_t *v, *t;
    size_t i, k;
    json_array_foreach(vec_get(file, "validate_list"), i, v) {
        int before = check_faults;
        struct hkp_ter_cursor cursor;
        size_t n = json_array_size(vec_get(v, "ters")), position = 99;
        uint8_t *ters = malloc(n * 64 + 1), expected[32];
        json_array_foreach(vec_get(v, "ters"), k, t) {
            struct vec_bytes ter = vec_value_hex(t);
            CHECK_EQ(ter.len, 64);
            memcpy(ters + k * 64, ter.ptr, 64);
            free(ter.ptr);
        }
        profile_cursor(&cursor);
        CHECK_EQ(hkp_ter_cursor_accept_list(&cursor, ters, n, &position), vector_status(v));
        CHECK_EQ(position, vec_u64(v, "position"));
        CHECK_EQ(cursor.index, vec_u64(v, "index_after"));
        vec_hex_into(v, "h_after", expected, sizeof expected);
        CHECK_MEM(cursor.h, expected, 32);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
        free(ters);
    }
}

static void warnings_agree_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "warnings"), i, v) {
        struct vec_bytes prev = vec_hex(v, "prev");
        uint8_t ter[64], h_ref[20];
        vec_hex_into(v, "ter", ter, sizeof ter);
        vec_hex_into(v, "h_ref", h_ref, sizeof h_ref);
        CHECK_EQ(hkp_ter_warnings(ter, prev.len == 64 ? prev.ptr : NULL, vec_u64(v, "now"), h_ref),
                 vec_u64(v, "bits"));
        free(prev.ptr);
    }
}

/* One source: hex, null (unreadable), or bytes repeated. */
static void read_source(json_t *v, const uint8_t **bytes, size_t *len) {
    *bytes = NULL;
    *len = 0;
    if (json_is_null(v)) return;
    struct vec_bytes one = json_is_object(v) ? vec_hex(v, "repeat") : vec_value_hex(v);
    size_t times = json_is_object(v) ? vec_u64(v, "times") : 1;
    uint8_t *all = malloc(one.len * times + 1);
    for (size_t i = 0; i < times; i++) memcpy(all + i * one.len, one.ptr, one.len);
    *bytes = all;
    *len = one.len * times;
    free(one.ptr);
}

static void h_entropy_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "entropy"), i, v) {
        struct hkp_ter_sources sources;
        uint8_t expected[32], h_entropy[32];
        for (size_t k = 0; k < 4; k++)
            read_source(json_array_get(vec_get(v, "sources"), k), &sources.bytes[k], &sources.len[k]);
        sources.mono_sec = vec_u64(v, "mono_sec");
        sources.mono_nsec = vec_u64(v, "mono_nsec");
        vec_hex_into(v, "boot_id", sources.boot_id, 16);
        vec_hex_into(v, "r", sources.r, 32);
        vec_hex_into(v, "h_entropy", expected, 32);
        CHECK_EQ(hkp_ter_entropy_digest(&sources, h_entropy), HKP_OK);
        CHECK_MEM(h_entropy, expected, 32);
        for (size_t k = 0; k < 4; k++) {
            union {
                const uint8_t *in;
                void *out;
            } drop = {sources.bytes[k]};
            free(drop.out);
            sources.bytes[k] = NULL;
        }
        CHECK_EQ(hkp_ter_entropy_digest(&sources, h_entropy), HKP_E_TER_SOURCE);
        CHECK_MEM(h_entropy, expected, 32);
    }
}

static int ascending(const void *a, const void *b) {
    const struct hkp_ter_item *x = a, *y = b;
    size_t common = x->path_len < y->path_len ? x->path_len : y->path_len;
    int order = memcmp(x->path, y->path, common);
    return order != 0 ? order : (x->path_len > y->path_len) - (x->path_len < y->path_len);
}

static void the_root_agrees_with_the_vectors(void) {
    json_t *v, *it;
    size_t i, k;
    json_array_foreach(vec_get(file, "integrity"), i, v) {
        size_t n = json_array_size(vec_get(v, "items"));
        struct hkp_ter_item *items = calloc(n + 1, sizeof *items);
        uint8_t expected[32], root[32], h_integrity[20];
        json_array_foreach(vec_get(v, "items"), k, it) {
            items[k].path = (const uint8_t *)vec_text(it, "path");
            items[k].path_len = (uint32_t)strlen(vec_text(it, "path"));
            items[k].kind = (uint32_t)vec_u64(it, "kind");
            vec_hex_into(it, "digest", items[k].digest, 32);
        }
        qsort(items, n, sizeof *items, ascending);
        vec_hex_into(v, "root", expected, 32);
        CHECK_EQ(hkp_ter_integrity_root(items, n, root), HKP_OK);
        CHECK_MEM(root, expected, 32);
        vec_hex_into(v, "h_integrity", expected, 20);
        hkp_ter_ripemd160(root, 32, h_integrity);
        CHECK_MEM(h_integrity, expected, 20);
        if (n > 1) {
            struct hkp_ter_item swap = items[0];
            items[0] = items[1];
            items[1] = swap;
            CHECK_EQ(hkp_ter_integrity_root(items, n, root), HKP_E_INVAL);
        }
        free(items);
    }
}

static void a_cursor_survives_its_104_bytes(void) {
    struct hkp_ter_cursor cursor, back;
    struct stream stream = {.time_us = 1700000000000000};
    uint8_t bytes[HKP_TER_CURSOR_SIZE], ter[64];
    profile_cursor(&cursor);
    for (int i = 0; i < 5; i++) {
        hkp_ter_cursor_encode(&cursor, bytes);
        CHECK_EQ(hkp_ter_cursor_decode(&back, bytes), HKP_OK);
        check_same_cursor(&cursor, &back);
        stream_next(&stream, ter);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, 64, NULL), HKP_OK);
    }
    hkp_ter_cursor_encode(&cursor, bytes);
    bytes[0] ^= 1;
    CHECK_EQ(hkp_ter_cursor_decode(&back, bytes), HKP_E_INVAL);
    bytes[0] ^= 1;
    memset(bytes + 40, 0, 64);
    CHECK_EQ(hkp_ter_cursor_decode(&back, bytes), HKP_E_INVAL);
}

/* NZ1 2.1: the clock decides, but time never stands still, and an unsynchronised clock cannot jump far ahead.
 */
static void the_time_of_a_capture_follows_its_rule(void) {
    const uint64_t day = 86400000000, t = 1700000000000000;
    uint64_t ts = 7;
    uint32_t flags = 7;
    struct hkp_ter_clock c = {.realtime_us = t, .synchronised = 1};
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t && flags == 0);
    c.synchronised = 0;
    ts = 7;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_E_STATE);
    CHECK_EQ(ts, 7);
    c.told_us = t + 5;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 5);
    c.told_us = 0;
    c.waited_us = 600000000;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == HKP_TER_BUILD_US);
    c = (struct hkp_ter_clock){.realtime_us = t + 9, .prev_us = t};
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 9 && flags == 0);
    c.realtime_us = t - 1000000;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 1 && flags == 0);
    c.realtime_us = t - 1000001;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 1 && flags == HKP_TER_FLAG_CLOCK_BACK);
    c.realtime_us = t + 1 + day;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 1 + day && flags == 0);
    c.realtime_us++;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 1 && flags == HKP_TER_FLAG_CLOCK_HELD);
    c.has_prev_boottime = 1;
    c.prev_boottime_us = 1000;
    c.boottime_us = 61000;
    c.realtime_us = t + 60000 + day + 1;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 60000 && flags == HKP_TER_FLAG_CLOCK_HELD);
    c.synchronised = 1;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == t + 60000 + day + 1 && flags == 0);
    c.realtime_us = UINT64_MAX;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_OK);
    CHECK(ts == HKP_TER_TIME_MAX);
    c.prev_us = HKP_TER_TIME_MAX;
    CHECK_EQ(hkp_ter_clock_decide(&c, &ts, &flags), HKP_E_TER_TIME_RANGE);
}

static void every_result_has_a_name_and_a_class(void) {
    int named = 0;
    for (hkp_status st = 0; st >= HKP_E_TER_MAN_SELF; st--) { /* later codes: with the tests of their part */
        int has = strcmp(hkp_ter_status_name(st), "E_?") != 0;
        named += has;
        if (!has && st > HKP_E_TER_LENGTH) CHECK_EQ(hkp_ter_status_class(st), HKP_CLASS_BUG);
    }
    CHECK_EQ(named, 11 + 13 + 13 + 8 + 10);
    CHECK(strcmp(hkp_ter_status_name(HKP_E_TER_LOG_TORN), "E_TER_LOG_TORN") == 0);
    CHECK_EQ(hkp_ter_status_class(HKP_OK), HKP_CLASS_OK);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_GAP), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_INDEX), HKP_CLASS_DEAD);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_LOG_CORRUPT), HKP_CLASS_DEAD);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_EMPTY), HKP_CLASS_BUG);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_LOG_TORN), HKP_CLASS_IGNORE);
    CHECK_EQ(hkp_ter_status_class(HKP_E_TER_CRC), HKP_CLASS_IGNORE);
}

static void wiping_leaves_zeros(void) {
    uint8_t secret[16] = {1, 2, 3, [15] = 4}, zeros[16] = {0};
    hkp_ter_wipe(secret, sizeof secret);
    CHECK_MEM(secret, zeros, sizeof secret);
    hkp_ter_wipe(NULL, 0);
}

int main(void) {
    file = vec_load("nz1/ter.json");
    CASE(crc16_agrees_with_the_vectors);
    CASE(ripemd160_agrees_with_the_vectors);
    CASE(encoding_and_decoding_agree_with_the_vectors);
    CASE(every_64_bytes_are_a_record_and_no_other_length_is);
    CASE(the_chain_agrees_with_the_vectors);
    CASE(a_thousand_ters_of_stream_v_are_accepted);
    CASE(every_rule_of_acceptance_agrees_with_the_vectors);
    CASE(lists_stop_at_the_first_refusal);
    CASE(warnings_agree_with_the_vectors);
    CASE(h_entropy_agrees_with_the_vectors);
    CASE(the_root_agrees_with_the_vectors);
    CASE(a_cursor_survives_its_104_bytes);
    CASE(the_time_of_a_capture_follows_its_rule);
    CASE(every_result_has_a_name_and_a_class);
    CASE(wiping_leaves_zeros);
    return check_done();
}
