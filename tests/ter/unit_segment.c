/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* vectors nz1/log.json: recovery of one segment; and what no vector can list: every bit, every cut. */
#include "libter/bytes.h"
#include "vector.h"

static json_t *file;

/* The bytes of a case: the segment edited as `data` says (README of the vectors). */
static struct vec_bytes data_of(json_t *data) {
    struct vec_bytes b = vec_find(data, "bytes") != NULL ? vec_hex(data, "bytes") : vec_hex(file, "segment");
    if (vec_find(data, "cut") != NULL) b.len = vec_u64(data, "cut");
    json_t *append = vec_find(data, "append"), *patch = vec_find(data, "patch");
    if (append != NULL) {
        struct vec_bytes more = json_is_object(append) ? vec_hex(append, "repeat") : vec_value_hex(append);
        size_t times = json_is_object(append) ? vec_u64(append, "times") : 1;
        b.ptr = realloc(b.ptr, b.len + more.len * times + 1);
        for (size_t i = 0; i < times; i++, b.len += more.len) memcpy(b.ptr + b.len, more.ptr, more.len);
        free(more.ptr);
    }
    if (patch != NULL) {
        struct vec_bytes bytes = vec_value_hex(json_array_get(patch, 1));
        memcpy(b.ptr + vec_value_u64(json_array_get(patch, 0)), bytes.ptr, bytes.len);
        free(bytes.ptr);
    }
    return b;
}

static const struct hkp_ter_cursor *before_of(json_t *v, struct hkp_ter_cursor *cursor) {
    json_t *before = vec_find(v, "before");
    if (before == NULL) return NULL;
    memset(cursor, 0, sizeof *cursor);
    cursor->index = vec_value_u64(json_array_get(before, 0));
    struct vec_bytes h = vec_value_hex(json_array_get(before, 1)),
                     last = vec_value_hex(json_array_get(before, 2));
    memcpy(cursor->h, h.ptr, 32);
    cursor->has_last = last.len == 64;
    memcpy(cursor->last_ter, last.ptr, last.len == 64 ? 64 : 0);
    free(h.ptr);
    free(last.ptr);
    return cursor;
}

static void recovery_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "cases"), i, v) {
        int faults = check_faults;
        struct vec_bytes bytes = data_of(vec_get(v, "data"));
        struct hkp_ter_cursor cursor;
        struct hkp_ter_recovery got;
        uint8_t node_id[16], h[32];
        vec_hex_into(v, "node_id", node_id, 16);
        hkp_status st = hkp_ter_log_recover(bytes.ptr, bytes.len, node_id, before_of(v, &cursor), &got);
        CHECK_EQ(st, vector_status(v));
        CHECK_EQ(got.offset, vec_u64(v, "offset"));
        if (vec_find(v, "index") != NULL) { /* absent where the header is refused */
            CHECK_EQ(got.cursor.index, vec_u64(v, "index"));
            vec_hex_into(v, "h", h, 32);
            CHECK_MEM(got.cursor.h, h, 32);
        }
        CHECK_NOTE(faults, "%s", vec_text(v, "name"));
        free(bytes.ptr);
    }
}

static void records_and_header_are_made_again_byte_for_byte(void) {
    struct vec_bytes segment = vec_hex(file, "segment");
    json_t *offset;
    size_t i;
    struct hkp_ter_log_head head;
    uint8_t bytes[192];
    CHECK_EQ(hkp_ter_log_head_decode(&head, segment.ptr, segment.len), HKP_OK);
    hkp_ter_log_head_encode(&head, bytes);
    CHECK_MEM(bytes, segment.ptr, sizeof bytes);
    json_array_foreach(vec_get(file, "record_offsets"), i, offset) {
        size_t at = vec_value_u64(offset), len = 0;
        struct hkp_ter_log_record record;
        uint8_t again[HKP_TER_LOG_RECORD_MAX];
        if (at == segment.len) break; /* the last one is the end */
        CHECK_EQ(hkp_ter_log_record_decode(&record, segment.ptr + at, segment.len - at), HKP_OK);
        CHECK_EQ(hkp_ter_log_record_encode(record.type, record.body, record.body_len, again, record.size - 1,
                                           &len),
                 HKP_E_NOSPC);
        CHECK_EQ(
            hkp_ter_log_record_encode(record.type, record.body, record.body_len, again, sizeof again, &len),
            HKP_OK);
        CHECK_EQ(len, record.size);
        CHECK_MEM(again, segment.ptr + at, len);
        CHECK_EQ(hkp_ter_log_record_encode(record.type + 5, record.body, record.body_len, again, sizeof again,
                                           &len),
                 HKP_E_INVAL);
    }
    free(segment.ptr);
}

static size_t record_at_or_before(size_t offset) {
    json_t *v;
    size_t i, found = 0;
    json_array_foreach(vec_get(file, "record_offsets"), i, v) {
        if (vec_value_u64(v) <= offset) found = vec_value_u64(v);
    }
    return found;
}

/* A damaged bit is never believed: the segment is refused, or cut no later than the record that holds the
 * bit. */
static void every_flipped_bit_is_found(void) {
    struct vec_bytes segment = vec_hex(file, "segment");
    uint8_t node_id[16];
    vec_hex_into(vec_get(file, "profile"), "node_id", node_id, 16);
    for (size_t bit = 0; bit < segment.len * 8; bit++) {
        struct hkp_ter_recovery got;
        segment.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        hkp_status st = hkp_ter_log_recover(segment.ptr, segment.len, node_id, NULL, &got);
        int refused = st == HKP_E_TER_LOG_HEADER || st == HKP_E_TER_LOG_NODE || st == HKP_E_TER_LOG_CORRUPT;
        CHECK(refused || st == HKP_E_TER_LOG_TORN);
        CHECK(bit / 8 < 192 ? st == HKP_E_TER_LOG_HEADER : got.offset == record_at_or_before(bit / 8));
        segment.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(segment.ptr);
}

static void every_cut_is_a_torn_tail_or_clean(void) {
    struct vec_bytes segment = vec_hex(file, "segment");
    uint8_t node_id[16];
    vec_hex_into(vec_get(file, "profile"), "node_id", node_id, 16);
    for (size_t len = 0; len <= segment.len; len++) {
        struct hkp_ter_recovery got;
        hkp_status st = hkp_ter_log_recover(segment.ptr, len, node_id, NULL, &got);
        size_t sound = record_at_or_before(len);
        CHECK_EQ(st, len < 192 ? HKP_E_TER_LOG_HEADER : sound == len ? HKP_OK : HKP_E_TER_LOG_TORN);
        if (len >= 192) CHECK_EQ(got.offset, sound);
    }
    free(segment.ptr);
}

int main(void) {
    file = vec_load("nz1/log.json");
    CASE(recovery_agrees_with_the_vectors);
    CASE(records_and_header_are_made_again_byte_for_byte);
    CASE(every_flipped_bit_is_found);
    CASE(every_cut_is_a_torn_tail_or_clean);
    return check_done();
}
