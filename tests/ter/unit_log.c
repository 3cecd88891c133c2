/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The log on disk (NZ1 5): durable before visible, crashes at every byte, damage that is refused and named.
 */
#include "alloc.h"
#include "log_device.h"

#include <signal.h>
#include <sys/resource.h>

static void a_log_is_found_again_as_it_was_left(void) {
    char path[128];
    struct stream stream = stream_start;
    struct hkp_ter_cursor left, found;
    uint8_t tck[256], last[256], rebase[200] = {0}, body[200];
    struct stat st;
    folder_path(path, dir, "again");
    CHECK(mkdir(path, 0700) == 0 && chmod(path, 0755) == 0);
    hkp_ter_log *log = open_log(path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700);
    CHECK_EQ(hkp_ter_log_last_tck(log, tck), HKP_E_NOTFOUND);
    append_ters(log, &stream, 10);
    make_tck(log, tck);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_TCK, tck, 256), HKP_OK);
    rebase[0] = 10;
    memcpy(rebase + 8, "RBA1\1", 5);
    memcpy(rebase + 16, node_id, 16);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_REBASE, rebase, 200),
             HKP_E_INVAL); /* n is signed already */
    append_ters(log, &stream, 5);
    rebase[0] = 14;
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_REBASE, rebase, 200), HKP_E_INVAL);
    rebase[0] = 15;
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_REBASE, rebase, 200), HKP_OK);
    hkp_ter_log_cursor(log, &left);
    hkp_ter_log_free(log);

    log = open_log(path);
    hkp_ter_log_cursor(log, &found);
    CHECK_MEM(&left, &found, sizeof left);
    CHECK_EQ(hkp_ter_log_durable(log), 15);
    CHECK_EQ(hkp_ter_log_last_tck(log, last), HKP_OK);
    CHECK_MEM(last, tck, 256);
    CHECK_EQ(hkp_ter_log_last_rebase(log, body), HKP_OK);
    CHECK_MEM(body, rebase, 200);
    CHECK_EQ(state_of(log).torn_bytes, 0);
    append_ters(log, &stream, 1);
    hkp_ter_log_free(log);
    hkp_ter_log_free(NULL);
}

static void what_does_not_belong_is_not_written(void) {
    char path[128];
    struct stream stream = stream_start, other = {.time_us = 5};
    uint8_t ter[64], tck[256];
    folder_path(path, dir, "belong");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, 2);
    memcpy(ter, stream.last, 64);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_E_INVAL);
    stream_next(&other, ter);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_E_INVAL);
    make_tck(log, tck);
    tck[40] ^= 1;
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_TCK, tck, 256), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_TCK, tck, 255), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, 6, tck, 48), HKP_E_INVAL);
    CHECK_EQ(state_of(log).index, 2);
    append_ters(log, &stream, 1);
    hkp_ter_log_free(log);
    log = open_log(path);
    CHECK_EQ(state_of(log).index, 3);
    hkp_ter_log_free(log);
}

static void records_become_durable_in_groups_and_before_a_checkpoint(void) {
    char path[128];
    struct stream stream = stream_start;
    uint8_t ter[64], bytes[HKP_TER_LOG_RECORD_MAX];
    struct hkp_ter_log_pos pos;
    size_t len, count;
    folder_path(path, dir, "durable");
    hkp_ter_log *log = open_log(path);
    CHECK(hkp_ter_log_wake(log) == HKP_TIME_NEVER);
    stream_next(&stream, ter);
    CHECK_EQ(hkp_ter_log_append_ter(log, 100, 1, ter), HKP_OK);
    CHECK(hkp_ter_log_wake(log) == 100 + HKP_TER_SYNC_NS);
    CHECK_EQ(hkp_ter_log_durable(log), 0);
    CHECK_EQ(hkp_ter_log_seek(log, 1, &pos), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_log_seek(log, 0, &pos), HKP_OK);
    CHECK_EQ(hkp_ter_log_read(log, &pos, 9, bytes, sizeof bytes, &len, &count), HKP_OK);
    CHECK_EQ(count, 1); /* the BOOT record of the start; the TER is not to be seen yet */
    CHECK_EQ(len, 56);
    append_ters(log, &stream, 62);
    CHECK_EQ(hkp_ter_log_durable(log), 0);
    append_ters(log, &stream, 1);
    CHECK_EQ(hkp_ter_log_durable(log), 64);
    CHECK(hkp_ter_log_wake(log) == HKP_TIME_NEVER);
    append_ters(log, &stream, 1);
    append_tck(log);
    CHECK_EQ(hkp_ter_log_durable(log), 65);
    CHECK(hkp_ter_log_wake(log) != HKP_TIME_NEVER);
    CHECK_EQ(hkp_ter_log_sync(log, 1), HKP_OK);
    CHECK(hkp_ter_log_wake(log) == HKP_TIME_NEVER);
    stream_next(&stream, ter);
    CHECK_EQ(hkp_ter_log_append_ter(log, 200, 1, ter), HKP_OK);
    CHECK_EQ(hkp_ter_log_durable(log), 65);
    stream_next(&stream, ter);
    CHECK_EQ(hkp_ter_log_append_ter(log, 200 + HKP_TER_SYNC_NS, 1, ter), HKP_OK);
    CHECK_EQ(hkp_ter_log_durable(log), 67);
    hkp_ter_log_free(log);
}

static void a_log_belongs_to_one_process(void) {
    char path[128];
    struct hkp_ter_diag diag = {0};
    hkp_ter_log *second = NULL;
    folder_path(path, dir, "again");
    struct hkp_ter_log_options opt = options(path);
    hkp_ter_log *log = open_log(path);
    CHECK_EQ(hkp_ter_log_new(&second, &opt, 1, 1, &diag), HKP_E_LIMIT);
    CHECK(second == NULL);
    CHECK_EQ(diag.status, HKP_E_LIMIT);
    CHECK(strstr(diag.path, "/lock") != NULL);
    hkp_ter_log_free(log);
}

/* ---- Crashes ---- */

static void a_crash_at_any_byte_loses_no_more_than_the_record_it_cut(void) {
    char path[128], torn[256];
    uint8_t kept[4096];
    folder_path(path, dir, "crash");
    make_whole();
    for (size_t cut = 192; cut <= whole_len; cut++) {
        int before = check_faults;
        struct stream stream = stream_start;
        uint8_t ter[64];
        size_t end = sound_end(cut);
        put_segment(path, whole, cut);
        hkp_ter_log *log = open_log(path);
        struct hkp_ter_log_state state = state_of(log);
        CHECK_EQ(state.torn_bytes, cut - end);
        snprintf(torn, sizeof torn, "%s.0.torn", segment_path);
        if (cut > end && whole[cut - 1] != 0) CHECK_EQ(file_get(torn, kept, sizeof kept), cut - end);
        if (cut == end) CHECK(access(torn, F_OK) != 0);
        for (uint64_t i = 0; i < state.index; i++) stream_next(&stream, ter);
        append_ters(log, &stream, 1);
        hkp_ter_log_free(log);
        log = open_log(path);
        CHECK_EQ(state_of(log).torn_bytes, 0);
        CHECK_EQ(state_of(log).index, state.index + 1);
        CHECK_EQ(hkp_ter_log_trim(log, 0), HKP_OK);
        CHECK(access(torn, F_OK) != 0);
        hkp_ter_log_free(log);
        CHECK_NOTE(before, "cut at %zu", cut);
    }
}

/* What was not synced may reach the disk in any order: any of the records behind the last TCK may be missing.
 */
static void records_that_never_reached_the_disk_end_the_log(void) {
    char path[128];
    static uint8_t bytes[4096];
    size_t behind_tck = 192 + 56 + 3 * 104 + 264;
    folder_path(path, dir, "crash");
    for (unsigned lost = 1; lost < 1u << 5; lost++) {
        uint64_t first = 0;
        memcpy(bytes, whole, whole_len);
        for (unsigned i = 5; i-- > 0;) {
            if ((lost >> i & 1) == 0) continue;
            memset(bytes + behind_tck + i * 104, 0, 104);
            first = i;
        }
        put_segment(path, bytes, whole_len);
        hkp_ter_log *log = open_log(path);
        CHECK_EQ(state_of(log).index, 3 + first);
        CHECK_EQ(state_of(log).torn_bytes, whole_len - behind_tck - first * 104);
        hkp_ter_log_free(log);
    }
}

/* The crash between keeping the tail and cutting it off: the next start keeps it again and overwrites
 * nothing. */
static void a_crash_during_recovery_is_recovered(void) {
    char path[128], torn[256];
    uint8_t kept[256];
    folder_path(path, dir, "crash");
    put_segment(path, whole, whole_len - 9);
    snprintf(torn, sizeof torn, "%s.0.torn", segment_path);
    file_put(torn, "kept", 4);
    hkp_ter_log_free(open_log(path));
    CHECK_EQ(file_get(torn, kept, sizeof kept), 4);
    snprintf(torn, sizeof torn, "%s.1.torn", segment_path);
    CHECK_EQ(file_get(torn, kept, sizeof kept), 95);
}

/* The crash between a new segment's temporary name and its own: the first start after it begins anew. */
static void a_crash_while_a_segment_begins_leaves_nothing_behind(void) {
    char path[128], temporary[256];
    struct stream stream = stream_start;
    folder_path(path, dir, "begin");
    put_segment(path, whole, 0);
    snprintf(temporary, sizeof temporary, "%s.tmp", segment_path);
    CHECK(rename(segment_path, temporary) == 0);
    hkp_ter_log *log = open_log(path);
    CHECK(access(temporary, F_OK) != 0);
    append_ters(log, &stream, 1);
    hkp_ter_log_free(log);
}

/* A TCK of another device in a tail proves nothing about this one's. */
static void a_foreign_checkpoint_in_a_tail_is_no_proof(void) {
    static uint8_t bytes[4096];
    struct hkp_ter_recovery got;
    uint8_t other[16];
    size_t tck_at = 192 + 56 + 3 * 104, len;
    memcpy(bytes, whole, whole_len);
    bytes[250] ^= 1;
    CHECK_EQ(hkp_ter_log_recover(bytes, whole_len, node_id, NULL, &got), HKP_E_TER_LOG_CORRUPT);
    memcpy(other, node_id, 16);
    other[0] ^= 1;
    uint8_t body[256];
    memcpy(body, whole + tck_at + 8, 256);
    memcpy(body + 8, other, 16);
    CHECK_EQ(hkp_ter_log_record_encode(HKP_TER_LOG_TCK, body, 256, bytes + tck_at, 264, &len), HKP_OK);
    CHECK_EQ(hkp_ter_log_recover(bytes, whole_len, node_id, NULL, &got), HKP_E_TER_LOG_TORN);
    CHECK_EQ(got.offset, 248);
}

/* The BOOT record behind a cut says why. */
static void recovery_writes_its_reason(void) {
    char path[128];
    uint8_t bytes[4096];
    struct hkp_ter_log_record record;
    folder_path(path, dir, "crash");
    for (int torn = 0; torn < 2; torn++) {
        put_segment(path, whole, whole_len - (torn ? 9 : 0));
        hkp_ter_log_free(open_log(path));
        size_t len = (size_t)file_get(segment_path, bytes, sizeof bytes);
        size_t end = torn ? whole_len - 104 : whole_len;
        CHECK_EQ(len, end + 56);
        CHECK_EQ(hkp_ter_log_record_decode(&record, bytes + end, len - end), HKP_OK);
        CHECK_EQ(record.type, HKP_TER_LOG_BOOT);
        CHECK_EQ(hkp_le32(record.body + 32), torn ? HKP_TER_BOOT_TORN : HKP_TER_BOOT_START);
    }
}

/* One bit in every byte: what lies before the last TCK is refused with file and offset, and left as it is. */
static void damage_is_refused_with_file_and_offset_and_left_alone(void) {
    char path[128];
    static uint8_t bad[4096], after[4096];
    uint64_t rnd = check_seed();
    folder_path(path, dir, "crash");
    struct hkp_ter_log_options opt = options(path);
    for (size_t at = 0; at < 192 + 56 + 3 * 104 + 264; at++) {
        struct hkp_ter_diag diag = {0};
        hkp_ter_log *log = NULL;
        memcpy(bad, whole, whole_len);
        bad[at] ^= (uint8_t)(1u << check_random(&rnd) % 8);
        put_segment(path, bad, whole_len);
        hkp_status st = hkp_ter_log_new(&log, &opt, 1, 1, &diag);
        if (at >= 192 + 56 + 3 * 104) { /* the TCK itself: nothing behind it proves that it was durable */
            CHECK_EQ(st, HKP_OK);
            hkp_ter_log_free(log);
            continue;
        }
        CHECK_EQ(st, at < 192 ? HKP_E_TER_LOG_HEADER : HKP_E_TER_LOG_CORRUPT);
        CHECK(log == NULL && diag.status == st);
        CHECK(strcmp(diag.path, segment_path) == 0);
        CHECK_EQ(diag.offset, at < 192 ? 0 : at < 248 ? 192 : 248 + (at - 248) / 104 * 104);
        CHECK(diag.reason[0] != 0);
        CHECK_EQ(file_get(segment_path, after, sizeof after), whole_len);
        CHECK_MEM(after, bad, whole_len);
    }
}

static void a_log_of_another_device_or_before_a_snapshot_is_refused(void) {
    char path[128];
    struct hkp_ter_diag diag = {0};
    hkp_ter_log *log = NULL;
    folder_path(path, dir, "crash");
    put_segment(path, whole, whole_len);
    struct hkp_ter_log_options opt = options(path);
    char renamed[192];
    snprintf(renamed, sizeof renamed, "%s/ter-00000000000000000008.log", path);
    CHECK(rename(segment_path, renamed) == 0);
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_ORDER);
    CHECK(strcmp(diag.path, renamed) == 0);
    CHECK(rename(renamed, segment_path) == 0);
    opt.node_id[0] ^= 1;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_NODE);
    opt.node_id[0] ^= 1;
    opt.device_public[0] ^= 1;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_ORDER);
    opt.device_public[0] ^= 1;
    opt.least_index = 9;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_ROLLBACK);
    CHECK_EQ(diag.offset, 8);
    opt.least_index = 8;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_OK);
    hkp_ter_log_free(log);
    opt.sync_records = 65;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, NULL), HKP_E_INVAL);
    opt = options("/nowhere/at/all");
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_IO);
    CHECK(diag.system_error != 0);
}

/* The system refuses a write: nothing more is written, the cause is told, and the next start finds the rest.
 */
static void after_a_failed_write_the_log_is_dead_until_it_is_opened_again(void) {
    char path[128];
    uint8_t ter[64];
    struct stream stream = stream_start;
    struct hkp_ter_diag diag;
    struct rlimit was, limit;
    folder_path(path, dir, "full/"); /* a slash at the end changes nothing */
    hkp_ter_log *log = open_log(path);
    CHECK_EQ(hkp_ter_log_fault(log, &diag), HKP_E_NOTFOUND);
    append_ters(log, &stream, 3);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
    limit = was;
    limit.rlim_cur = 192 + 56 + 3 * 104 + 50;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    stream_next(&stream, ter);
    hkp_status st = hkp_ter_log_append_ter(log, 1, 1, ter);
    CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
    CHECK_EQ(st, HKP_E_TER_LOG_IO);
    CHECK_EQ(hkp_ter_log_fault(log, &diag), HKP_OK);
    CHECK_EQ(diag.offset, 192 + 56 + 3 * 104);
    CHECK(diag.system_error != 0 && strstr(diag.path, SEGMENT) != NULL);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_E_TER_LOG_IO);
    CHECK_EQ(hkp_ter_log_sync(log, 1), HKP_E_TER_LOG_IO);
    CHECK_EQ(hkp_ter_log_durable(log), 0);
    hkp_ter_log_free(log);
    log = open_log(path);
    CHECK_EQ(state_of(log).index, 3);
    CHECK_EQ(state_of(log).torn_bytes, 50);
    CHECK_EQ(hkp_ter_log_append_ter(log, 1, 1, ter), HKP_OK);
    hkp_ter_log_free(log);
}

/* ---- Many TERs ---- */

enum { MANY = 140000 };

static void segments_follow_each_other_and_are_read_and_removed(void) {
    char path[128], old[256];
    struct stream stream = stream_start;
    struct hkp_ter_log_pos pos;
    folder_path(path, dir, "many");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, HKP_TER_SEG_TERS);
    CHECK_EQ(state_of(log).n_segments, 1);
    append_tck(log);
    CHECK_EQ(state_of(log).n_segments, 2);
    append_ters(log, &stream, MANY - HKP_TER_SEG_TERS);
    CHECK_EQ(hkp_ter_log_sync(log, 1), HKP_OK);
    CHECK_EQ(state_of(log).n_segments, 3);
    hkp_ter_log_free(log);
    log = open_log(path);
    CHECK_EQ(state_of(log).index, MANY);
    check_reading(log, 0, MANY);
    check_reading(log, 65535, MANY);
    check_reading(log, 65536, MANY);
    check_reading(log, MANY, MANY);
    CHECK_EQ(hkp_ter_log_seek(log, MANY + 1, &pos), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_log_seek(log, 1, &pos), HKP_OK);

    snprintf(old, sizeof old, "%s/%s", path, SEGMENT);
    CHECK_EQ(hkp_ter_log_trim(log, 65535), HKP_OK);
    CHECK(access(old, F_OK) == 0);
    CHECK_EQ(hkp_ter_log_trim(log, 65536), HKP_OK);
    CHECK(access(old, F_OK) != 0);
    CHECK_EQ(state_of(log).first_index, 65536);
    uint8_t bytes[BUFFER];
    size_t len, count;
    CHECK_EQ(hkp_ter_log_read(log, &pos, 1, bytes, sizeof bytes, &len, &count), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_log_seek(log, 65535, &pos), HKP_E_NOTFOUND);
    check_reading(log, 65536, MANY);
    CHECK_EQ(hkp_ter_log_trim(log, UINT64_MAX), HKP_OK);
    CHECK_EQ(state_of(log).n_segments, 1);
    hkp_ter_log_free(log);
    log = open_log(path);
    CHECK_EQ(state_of(log).first_index, 131072);
    CHECK_EQ(state_of(log).index, MANY);
    append_ters(log, &stream, 1);
    hkp_ter_log_free(log);
}

/* What an interrupted write explains in the newest segment is damage in any other. */
static void an_older_segment_may_not_be_torn(void) {
    char path[128], old[256];
    struct stream stream = stream_start;
    struct hkp_ter_diag diag = {0};
    hkp_ter_log *log;
    folder_path(path, dir, "older");
    log = open_log(path);
    append_ters(log, &stream, HKP_TER_SEG_TERS + 10);
    hkp_ter_log_free(log);
    snprintf(old, sizeof old, "%s/%s", path, SEGMENT);
    CHECK(truncate(old, 192 + 56 + 65536 * 104 - 4) == 0);
    struct hkp_ter_log_options opt = options(path);
    log = NULL;
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag), HKP_E_TER_LOG_CORRUPT);
    CHECK(strcmp(diag.path, old) == 0);
    CHECK_EQ(diag.offset, 192 + 56 + 65535 * 104);
    CHECK(unlink(old) == 0);
    CHECK_EQ(hkp_ter_log_new(&log, &opt, 1, 1, &diag),
             HKP_OK); /* an operator may have removed it: trim does, too */
    hkp_ter_log_free(log);
}

static void a_gap_is_skipped_when_reading(void) {
    char path[128];
    struct stream stream = stream_start;
    struct hkp_ter_cursor cursor;
    struct hkp_ter_log_pos pos;
    uint8_t body[120] = {0}, ter[64];
    folder_path(path, dir, "gap");
    hkp_ter_log *log = open_log(path);
    append_ters(log, &stream, 3);
    hkp_ter_log_cursor(log, &cursor);
    for (int i = 0; i < 4; i++) {
        stream_next(&stream, ter);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter, 64, NULL), HKP_OK);
    }
    hkp_put_le64(body, 3);
    hkp_put_le64(body + 8, 7);
    memcpy(body + 24, cursor.h, 32);
    memcpy(body + 56, ter, 64);
    CHECK_EQ(hkp_ter_log_append(log, 1, 1, HKP_TER_LOG_GAP, body, sizeof body), HKP_OK);
    append_ters(log, &stream, 2);
    CHECK_EQ(hkp_ter_log_sync(log, 1), HKP_OK);
    CHECK_EQ(state_of(log).index, 9);
    CHECK_EQ(hkp_ter_log_seek(log, 3, &pos), HKP_OK);
    CHECK_EQ(hkp_ter_log_seek(log, 5, &pos), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_log_seek(log, 7, &pos), HKP_OK);
    hkp_ter_log_free(log);
    log = open_log(path);
    CHECK_EQ(state_of(log).index, 9);
    hkp_ter_log_free(log);
}

static void every_allocation_of_a_log_may_fail(void) {
    char path[128];
    folder_path(path, dir, "again");
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_ter_log_options opt = options(path);
        struct hkp_ter_diag diag = {0};
        hkp_ter_log *log = NULL;
        opt.mem = failing_mem(&f);
        hkp_status st = hkp_ter_log_new(&log, &opt, 1, 1, &diag);
        if (st == HKP_OK) {
            CHECK_EQ(f.live, 1);
            hkp_ter_log_free(log);
            CHECK_EQ(f.live, 0);
            CHECK(budget > 0);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(log == NULL);
        CHECK_EQ(f.live, 0);
        if (budget > 100) return;
    }
}

int main(void) {
    const uint8_t seed[32] = {3};
    crypto_sign_seed_keypair(device_public, device_secret, seed);
    folder_make(dir);
    CASE(a_log_is_found_again_as_it_was_left);
    CASE(what_does_not_belong_is_not_written);
    CASE(records_become_durable_in_groups_and_before_a_checkpoint);
    CASE(a_log_belongs_to_one_process);
    CASE(a_crash_at_any_byte_loses_no_more_than_the_record_it_cut);
    CASE(records_that_never_reached_the_disk_end_the_log);
    CASE(a_crash_during_recovery_is_recovered);
    CASE(a_crash_while_a_segment_begins_leaves_nothing_behind);
    CASE(a_foreign_checkpoint_in_a_tail_is_no_proof);
    CASE(recovery_writes_its_reason);
    CASE(damage_is_refused_with_file_and_offset_and_left_alone);
    CASE(a_log_of_another_device_or_before_a_snapshot_is_refused);
    CASE(after_a_failed_write_the_log_is_dead_until_it_is_opened_again);
    CASE(segments_follow_each_other_and_are_read_and_removed);
    CASE(an_older_segment_may_not_be_torn);
    CASE(a_gap_is_skipped_when_reading);
    CASE(every_allocation_of_a_log_may_fail);
    folder_remove(dir);
    return check_done();
}
