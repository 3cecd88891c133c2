/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A device that keeps a log in a folder of the test. */
#ifndef HKP_TESTS_TER_LOG_DEVICE_H
#define HKP_TESTS_TER_LOG_DEVICE_H

#include "folder.h"
#include "stream.h"

static const uint8_t node_id[16] = {1, 2, 3};
static uint8_t device_public[32], device_secret[64];
static char dir[64];

static inline struct hkp_ter_log_options options(const char *path) {
    struct hkp_ter_log_options opt;
    hkp_ter_log_options_init(&opt, sizeof opt);
    opt.path = path;
    memcpy(opt.node_id, node_id, 16);
    memcpy(opt.device_public, device_public, 32);
    opt.boot_id[0] = 5;
    return opt;
}

static inline hkp_ter_log *open_log(const char *path) {
    struct hkp_ter_log_options opt = options(path);
    struct hkp_ter_diag diag = {0};
    hkp_ter_log *log = NULL;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1700000000000000, &diag), HKP_OK);
    if (log == NULL) {
        printf("# %s: offset %llu: %s (%d)\n", diag.path, (unsigned long long)diag.offset, diag.reason,
               diag.system_error);
        exit(1);
    }
    return log;
}

static inline struct hkp_ter_log_state state_of(const hkp_ter_log *log) {
    struct hkp_ter_log_state state = {.struct_size = sizeof state};
    CHECK_EQ(hkp_ter_log_info(log, &state), HKP_OK);
    return state;
}

static inline void append_ters(hkp_ter_log *log, struct stream *stream, int n) {
    uint8_t ter[64];
    for (int i = 0; i < n; i++) {
        stream_next(stream, ter);
        CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_OK);
    }
}

static inline void make_tck(const hkp_ter_log *log, uint8_t bytes[256]) {
    struct hkp_ter_cursor cursor;
    hkp_ter_log_cursor(log, &cursor);
    struct hkp_ter_tck tck = {.n = cursor.index};
    memcpy(tck.node_id, node_id, 16);
    memcpy(tck.h, cursor.h, 32);
    CHECK_EQ(hkp_ter_tck_sign(&tck, device_secret, bytes), HKP_OK);
}

static inline void append_tck(hkp_ter_log *log) {
    uint8_t tck[256];
    make_tck(log, tck);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_TCK, tck, sizeof tck), HKP_OK);
}

static const struct stream stream_start = {.time_us = 1700000000000000};

static uint8_t whole[4096];
static size_t whole_len;
static char segment_path[192];

#define SEGMENT "ter-00000000000000000000.log"

static inline void put_segment(const char *path, const uint8_t *bytes, size_t len) {
    folder_remove(path);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(segment_path, sizeof segment_path, "%s/%s", path, SEGMENT);
    file_put(segment_path, bytes, len);
}

/* BOOT, 3 TERs, TCK, 5 TERs. */
static inline void make_whole(void) {
    char path[128], file[192];
    struct stream stream = stream_start;
    folder_path(path, dir, "whole");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, 3);
    append_tck(log);
    append_ters(log, &stream, 5);
    hkp_ter_log_free(log);
    snprintf(file, sizeof file, "%s/%s", path, SEGMENT);
    whole_len = (size_t)file_get(file, whole, sizeof whole);
    CHECK_EQ(whole_len, 192 + 56 + 8 * 104 + 264);
}

static inline size_t sound_end(size_t len) {
    struct hkp_ter_log_record record;
    size_t at = 192;
    while (at < len && hkp_ter_log_record_decode(&record, whole + at, len - at) == HKP_OK) at += record.size;
    return at;
}

enum { BUFFER = 5000 };

static inline void check_reading(const hkp_ter_log *log, uint64_t from, uint64_t to) {
    static uint8_t bytes[BUFFER];
    struct stream stream = stream_start;
    struct hkp_ter_log_pos pos;
    uint8_t ter[64];
    uint64_t index = from;
    for (uint64_t i = 0; i < from; i++) stream_next(&stream, ter);
    CHECK_EQ(hkp_ter_log_seek(log, from, &pos), HKP_OK);
    CHECK_EQ(pos.index, from);
    for (;;) {
        size_t len, count, at = 0, n = 0;
        CHECK_EQ(hkp_ter_log_read(log, &pos, 40, bytes, sizeof bytes, &len, &count), HKP_OK);
        if (len == 0) break;
        CHECK(count <= 40);
        for (struct hkp_ter_log_record record; at < len; at += record.size, n++) {
            if (hkp_ter_log_record_decode(&record, bytes + at, len - at) != HKP_OK) {
                CHECK(0);
                return;
            }
            if (record.type != HKP_TER_LOG_TER) continue;
            stream_next(&stream, ter);
            CHECK_MEM(record.body, ter, 64);
            index++;
        }
        CHECK_EQ(n, count);
        CHECK_EQ(pos.index, index);
    }
    CHECK_EQ(index, to);
}

#endif
