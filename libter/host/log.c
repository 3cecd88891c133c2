/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Writing the log: one pwrite a record, durable before visible, segments of 65,536 TERs (NZ1 5.1). */
#include "libter/host/log.h"
#include "libter/bytes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { TCK_N = 24, STATE_V0 = 40 };

void hkp_ter__segment_name(uint64_t first_index, char name[HKP_TER__NAME_CAP]) {
    memcpy(name, "ter-", 4);
    for (int i = 23; i >= 4; i--, first_index /= 10) name[i] = (char)('0' + first_index % 10);
    memcpy(name + 24, ".log", 5);
}

hkp_status hkp_ter__refuse(struct hkp_ter_diag *diag, hkp_status status, const char *folder, const char *name,
                           uint64_t offset, int system_error, const char *reason) {
    if (diag == NULL) return status;
    memset(diag, 0, sizeof *diag);
    diag->status = status;
    diag->offset = offset;
    diag->system_error = system_error;
    if (name == NULL || !hkp_ter__join(diag->path, sizeof diag->path, folder, name)) {
        size_t len = strlen(folder);
        memcpy(diag->path, folder, len < sizeof diag->path ? len : sizeof diag->path - 1);
    }
    size_t len = strlen(reason);
    memcpy(diag->reason, reason, len < sizeof diag->reason ? len : sizeof diag->reason - 1);
    return status;
}

hkp_status hkp_ter__log_fail(struct hkp_ter_log *log, const char *name, uint64_t offset, int system_error,
                             const char *reason) {
    log->failed = 1;
    return hkp_ter__refuse(&log->fault, HKP_E_TER_LOG_IO, log->path, name, offset, system_error, reason);
}

static hkp_status fail_in_segment(struct hkp_ter_log *log, int system_error, const char *reason) {
    char name[HKP_TER__NAME_CAP];
    hkp_ter__segment_name(log->segments[log->n_segments - 1], name);
    return hkp_ter__log_fail(log, name, log->end, system_error, reason);
}

/* A temporary name, fsync, rename, fsync of the folder: a segment is there with its whole header or not at
 * all. */
hkp_status hkp_ter__log_begin_segment(struct hkp_ter_log *log, uint64_t wall_us) {
    struct hkp_ter_log_head head = {.first_index = log->cursor.index, .created_us = wall_us};
    uint8_t bytes[HKP_TER_LOG_HEAD_SIZE];
    char name[HKP_TER__NAME_CAP], temporary[HKP_TER__NAME_CAP];
    assert(log->n_segments < HKP_TER__SEGMENTS_MAX);
    memcpy(head.node_id, log->node_id, 16);
    memcpy(head.boot_id, log->boot_id, 16);
    memcpy(head.h, log->cursor.h, 32);
    memcpy(head.prev_ter, log->cursor.last_ter, HKP_TER_SIZE);
    hkp_ter_log_head_encode(&head, bytes);
    hkp_ter__segment_name(head.first_index, name);
    memcpy(temporary, name, HKP_TER__NAME_LEN);
    memcpy(temporary + HKP_TER__NAME_LEN, ".tmp", 5);
    int fd = openat(log->dir_fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return hkp_ter__log_fail(log, temporary, 0, errno, "cannot create a segment");
    int error = hkp_ter__write_at(fd, 0, bytes, sizeof bytes);
    if (error == 0 && fsync(fd) != 0) error = errno;
    if (error == 0 && renameat(log->dir_fd, temporary, log->dir_fd, name) != 0) error = errno;
    if (error == 0 && fsync(log->dir_fd) != 0) error = errno;
    if (error != 0) {
        close(fd);
        unlinkat(log->dir_fd, temporary, 0);
        return hkp_ter__log_fail(log, name, 0, error, "cannot begin a segment");
    }
    if (log->fd >= 0) close(log->fd);
    if (log->n_segments > 0) log->old_bytes += log->sizes[log->n_segments - 1] = log->end;
    log->fd = fd;
    log->end = log->durable_end = HKP_TER_LOG_HEAD_SIZE;
    log->durable_index = log->cursor.index;
    log->segments[log->n_segments++] = head.first_index;
    return HKP_OK;
}

void hkp_ter__log_remember(struct hkp_ter_log *log, const struct hkp_ter_log_record *record) {
    if (record->type == HKP_TER_LOG_TCK) {
        memcpy(log->tck, record->body, sizeof log->tck);
        log->has_tck = 1;
    }
    if (record->type == HKP_TER_LOG_REBASE) {
        memcpy(log->rebase, record->body, sizeof log->rebase);
        log->has_rebase = 1;
    }
}

hkp_status hkp_ter_log_sync(hkp_ter_log *log, hkp_time now) {
    if (log->failed) return HKP_E_TER_LOG_IO;
    if (now > log->now) log->now = now;
    if (log->n_dirty == 0) return HKP_OK;
    if (fdatasync(log->fd) != 0) return fail_in_segment(log, errno, "cannot sync");
    log->n_dirty = 0;
    log->durable_end = log->end;
    log->durable_index = log->cursor.index;
    return HKP_OK;
}

/*
 * Every full segment begins at a multiple of SEG_TERS; the old one is durable before the new one exists. A
 * log at its bound still opens, so its BOOT record finds room.
 */
static hkp_status make_room(struct hkp_ter_log *log, uint64_t wall_us, uint32_t type, size_t size) {
    uint64_t first = log->segments[log->n_segments - 1];
    if (type != HKP_TER_LOG_BOOT && log->max_bytes != 0 &&
        log->old_bytes + log->end + HKP_TER_LOG_HEAD_SIZE + size > log->max_bytes)
        return HKP_E_TER_LOG_FULL;
    if (log->cursor.index / HKP_TER_SEG_TERS == first / HKP_TER_SEG_TERS)
        return log->end + size > HKP_TER_SEG_BYTES_MAX ? HKP_E_TER_LOG_FULL : HKP_OK;
    if (log->n_segments == HKP_TER__SEGMENTS_MAX) return HKP_E_TER_LOG_FULL;
    hkp_status st = hkp_ter_log_sync(log, log->now);
    return st == HKP_OK ? hkp_ter__log_begin_segment(log, wall_us) : st;
}

/* A rebase needs an index that no TCK1 has signed yet (NZ1 11). */
static int rebase_is_late(const struct hkp_ter_log *log, uint32_t type) {
    return type == HKP_TER_LOG_REBASE && log->has_tck && hkp_le64(log->tck + TCK_N) >= log->cursor.index;
}

/* A record that was applied to the cursor: `next` is the one after it. */
static hkp_status write_record(struct hkp_ter_log *log, hkp_time now, uint64_t wall_us,
                               struct hkp_ter_log_record *record, const struct hkp_ter_cursor *next) {
    uint8_t bytes[HKP_TER_LOG_RECORD_MAX];
    if (now > log->now) log->now = now;
    if (hkp_ter_log_record_encode(record->type, record->body, record->body_len, bytes, sizeof bytes,
                                  &record->size) != HKP_OK)
        return HKP_E_INVAL;
    hkp_status st = make_room(log, wall_us, record->type, record->size);
    if (st == HKP_OK && record->type == HKP_TER_LOG_TCK) st = hkp_ter_log_sync(log, log->now);
    if (st != HKP_OK) return st;
    int error = hkp_ter__write_at(log->fd, log->end, bytes, record->size);
    if (error != 0) return fail_in_segment(log, error, "cannot write");
    log->end += record->size;
    log->cursor = *next;
    hkp_ter__log_remember(log, record);
    if (log->n_dirty++ == 0) log->dirty_since = log->now;
    if (log->n_dirty < log->sync_records && log->now < hkp_ter_log_wake(log)) return HKP_OK;
    return hkp_ter_log_sync(log, log->now);
}

hkp_status hkp_ter_log_append(hkp_ter_log *log, hkp_time now, uint64_t wall_us, uint32_t type,
                              const uint8_t *body, size_t body_len) {
    struct hkp_ter_log_record record = {.type = type, .body = body, .body_len = body_len};
    struct hkp_ter_cursor next = log->cursor;
    if (log->failed) return HKP_E_TER_LOG_IO;
    if (body_len == 0 || hkp_ter_log_body_size(type) != body_len || rebase_is_late(log, type) ||
        hkp_ter_log_record_apply(&next, log->node_id, &record) != HKP_OK)
        return HKP_E_INVAL;
    return write_record(log, now, wall_us, &record, &next);
}

/* As above, with h computed once: it is both the record's and the next cursor's. */
hkp_status hkp_ter_log_append_ter(hkp_ter_log *log, hkp_time now, uint64_t wall_us, const uint8_t ter[64]) {
    uint8_t body[HKP_TER_SIZE + 32];
    struct hkp_ter_log_record record = {.type = HKP_TER_LOG_TER, .body = body, .body_len = sizeof body};
    struct hkp_ter_cursor next = log->cursor;
    if (log->failed) return HKP_E_TER_LOG_IO;
    if (hkp_ter_cursor_accept(&next, ter, HKP_TER_SIZE, NULL) != HKP_OK) return HKP_E_INVAL;
    memcpy(body, ter, HKP_TER_SIZE);
    memcpy(body + HKP_TER_SIZE, next.h, 32);
    return write_record(log, now, wall_us, &record, &next);
}

hkp_time hkp_ter_log_wake(const hkp_ter_log *log) {
    if (log->n_dirty == 0) return HKP_TIME_NEVER;
    return log->dirty_since > HKP_TIME_NEVER - log->sync_ns ? HKP_TIME_NEVER
                                                            : log->dirty_since + log->sync_ns;
}

uint64_t hkp_ter_log_durable(const hkp_ter_log *log) { return log->durable_index; }

void hkp_ter_log_cursor(const hkp_ter_log *log, struct hkp_ter_cursor *cursor) { *cursor = log->cursor; }

hkp_status hkp_ter_log_last_tck(const hkp_ter_log *log, uint8_t tck[256]) {
    if (!log->has_tck) return HKP_E_NOTFOUND;
    memcpy(tck, log->tck, sizeof log->tck);
    return HKP_OK;
}

hkp_status hkp_ter_log_last_rebase(const hkp_ter_log *log, uint8_t body[200]) {
    if (!log->has_rebase) return HKP_E_NOTFOUND;
    memcpy(body, log->rebase, sizeof log->rebase);
    return HKP_OK;
}

/* What an alarm asks for: the first index of the oldest segment that may stay (NZ1 5.1(6)). */
static uint64_t let_go(const struct hkp_ter_log *log) {
    uint64_t bytes = log->old_bytes + log->end;
    uint32_t i = 0;
    while (i + 1 < log->n_segments && ((log->max_bytes != 0 && bytes > log->max_bytes / 2) ||
                                       log->n_segments - i > HKP_TER__SEGMENTS_MAX / 2))
        bytes -= log->sizes[i++];
    return log->segments[i];
}

static int is_tight(const struct hkp_ter_log *log) {
    return (log->max_bytes != 0 && log->old_bytes + log->end > log->max_bytes / 4 * 3) ||
           log->n_segments > HKP_TER__SEGMENTS_MAX / 4 * 3;
}

hkp_status hkp_ter_log_info(const hkp_ter_log *log, struct hkp_ter_log_state *state) {
    struct hkp_ter_log_state full = {.struct_size = state->struct_size,
                                     .n_segments = log->n_segments,
                                     .first_index = log->segments[0],
                                     .index = log->cursor.index,
                                     .durable_index = log->durable_index,
                                     .torn_bytes = log->torn_bytes,
                                     .bytes = log->old_bytes + log->end,
                                     .max_bytes = log->max_bytes};
    if (state->struct_size < STATE_V0) return HKP_E_INVAL;
    if (is_tight(log)) {
        full.alarm = HKP_E_TER_LOG_FULL;
        full.let_go = let_go(log);
    }
    memcpy(state, &full, state->struct_size < sizeof full ? state->struct_size : sizeof full);
    return HKP_OK;
}

hkp_status hkp_ter_log_fault(const hkp_ter_log *log, struct hkp_ter_diag *diag) {
    if (!log->failed) return HKP_E_NOTFOUND;
    *diag = log->fault;
    return HKP_OK;
}
