/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Reading a log back, for replay and for peers, and removing what nobody needs any more (NZ1 5.1, 17). */
#include "libter/bytes.h"
#include "libter/host/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 16384 };

/* Position of the segment that begins at first_index in the list; n_segments if it is not there. */
static uint32_t find_segment(const struct hkp_ter_log *log, uint64_t first_index) {
    uint32_t i = 0;
    while (i < log->n_segments && log->segments[i] != first_index) i++;
    return i;
}

/* A segment for reading, and the end of what is durable in it. The newest one is open already. */
static hkp_status open_segment(const struct hkp_ter_log *log, uint32_t i, int *fd, uint64_t *end) {
    char name[HKP_TER__NAME_CAP];
    struct stat st;
    if (i + 1 == log->n_segments) {
        *fd = log->fd;
        *end = log->durable_end;
        return HKP_OK;
    }
    hkp_ter__segment_name(log->segments[i], name);
    *fd = openat(log->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return HKP_E_TER_LOG_IO;
    if (fstat(*fd, &st) == 0) {
        *end = (uint64_t)st.st_size;
        return HKP_OK;
    }
    close(*fd);
    return HKP_E_TER_LOG_IO;
}

static void close_segment(const struct hkp_ter_log *log, int fd) {
    if (fd != log->fd) close(fd);
}

/* Index behind a record. */
static uint64_t index_after(uint64_t index, const struct hkp_ter_log_record *record) {
    if (record->type == HKP_TER_LOG_TER) return index + 1;
    return record->type == HKP_TER_LOG_GAP ? hkp_le64(record->body + 8) : index;
}

/* Whole records of a buffer, until one more would pass index or max records; sets what was passed. */
static hkp_status walk(const uint8_t *bytes, size_t len, uint64_t until, size_t max,
                       struct hkp_ter_log_pos *pos, size_t *passed, size_t *count) {
    struct hkp_ter_log_record record;
    *passed = 0;
    while (*count < max && pos->index < until && *passed < len) {
        size_t left = len - *passed;
        if (hkp_ter_log_record_decode(&record, bytes + *passed, left) != HKP_OK)
            return left < HKP_TER_LOG_RECORD_MAX ? HKP_OK : HKP_E_TER_LOG_CORRUPT;
        pos->index = index_after(pos->index, &record);
        pos->offset += record.size;
        *passed += record.size;
        *count += 1;
    }
    return HKP_OK;
}

static hkp_status scan_segment(int fd, uint64_t end, uint64_t index, struct hkp_ter_log_pos *pos) {
    uint8_t window[WINDOW];
    while (pos->index < index) {
        uint64_t left = end - pos->offset;
        size_t len, passed, count = 0;
        if (pos->offset >= end) return HKP_E_NOTFOUND;
        if (hkp_ter__read_at(fd, pos->offset, window, left < WINDOW ? (size_t)left : WINDOW, &len) != 0)
            return HKP_E_TER_LOG_IO;
        hkp_status st = walk(window, len, index, SIZE_MAX, pos, &passed, &count);
        if (st != HKP_OK) return st;
        if (passed == 0) return HKP_E_TER_LOG_CORRUPT;
    }
    return pos->index == index ? HKP_OK : HKP_E_NOTFOUND;
}

hkp_status hkp_ter_log_seek(const hkp_ter_log *log, uint64_t index, struct hkp_ter_log_pos *pos) {
    uint32_t i = log->n_segments;
    int fd;
    uint64_t end;
    while (i > 0 && log->segments[i - 1] > index) i--;
    if (i == 0 || index > log->durable_index) return HKP_E_NOTFOUND;
    struct hkp_ter_log_pos at = {log->segments[i - 1], HKP_TER_LOG_HEAD_SIZE, log->segments[i - 1]};
    hkp_status st = open_segment(log, i - 1, &fd, &end);
    if (st != HKP_OK) return st;
    st = scan_segment(fd, end, index, &at);
    close_segment(log, fd);
    if (st == HKP_OK) *pos = at;
    return st;
}

/* As much of one segment as fits; sets done if its end was reached. */
static hkp_status read_segment(const struct hkp_ter_log *log, uint32_t i, struct hkp_ter_log_pos *pos,
                               size_t max, uint8_t *dst, size_t cap, size_t *len, size_t *count, int *done) {
    int fd;
    uint64_t end;
    size_t got = 0;
    hkp_status st = open_segment(log, i, &fd, &end);
    if (st != HKP_OK) return st;
    *len = 0;
    uint64_t left = pos->offset < end ? end - pos->offset : 0;
    int error = hkp_ter__read_at(fd, pos->offset, dst, left < cap ? (size_t)left : cap, &got);
    close_segment(log, fd);
    if (error != 0) return HKP_E_TER_LOG_IO;
    st = walk(dst, got, UINT64_MAX, max, pos, len, count);
    *done = pos->offset >= end;
    if (st == HKP_OK && *len == 0 && !*done && *count < max && cap >= HKP_TER_LOG_RECORD_MAX)
        return HKP_E_TER_LOG_CORRUPT;
    return st;
}

hkp_status hkp_ter_log_read(const hkp_ter_log *log, struct hkp_ter_log_pos *pos, size_t max_records,
                            uint8_t *dst, size_t cap, size_t *len, size_t *count) {
    size_t total = 0, records = 0, part;
    int done = 1;
    if (cap < HKP_TER_LOG_RECORD_MAX || max_records == 0) return HKP_E_INVAL;
    uint32_t i = find_segment(log, pos->segment);
    if (i == log->n_segments) return HKP_E_NOTFOUND;
    for (;;) {
        hkp_status st =
            read_segment(log, i, pos, max_records, dst + total, cap - total, &part, &records, &done);
        if (st != HKP_OK) return st;
        total += part;
        if (!done || ++i == log->n_segments) break;
        *pos = (struct hkp_ter_log_pos){log->segments[i], HKP_TER_LOG_HEAD_SIZE, log->segments[i]};
    }
    *len = total;
    *count = records;
    return HKP_OK;
}

/* Only what recovery itself has put aside: "<segment>.<n>.torn". */
static int is_torn_file(const char *name) {
    size_t len = strlen(name);
    return len > HKP_TER__NAME_LEN + 5 && memcmp(name, "ter-", 4) == 0 &&
           memcmp(name + 24, ".log.", 5) == 0 && strcmp(name + len - 5, ".torn") == 0;
}

static hkp_status remove_torn(struct hkp_ter_log *log) {
    struct dirent *entry;
    int error = 0;
    int fd = openat(log->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        error = errno;
        if (fd >= 0) close(fd);
        return hkp_ter__log_fail(log, NULL, 0, error, "cannot list the folder");
    }
    while (error == 0 && (entry = readdir(dir)) != NULL)
        if (is_torn_file(entry->d_name) && unlinkat(log->dir_fd, entry->d_name, 0) != 0) error = errno;
    closedir(dir);
    return error == 0 ? HKP_OK : hkp_ter__log_fail(log, NULL, 0, error, "cannot remove a torn tail");
}

hkp_status hkp_ter_log_trim(hkp_ter_log *log, uint64_t index) {
    uint32_t gone = 0;
    if (log->failed) return HKP_E_TER_LOG_IO;
    while (gone + 1 < log->n_segments && log->segments[gone + 1] <= index) {
        char name[HKP_TER__NAME_CAP];
        hkp_ter__segment_name(log->segments[gone], name);
        if (unlinkat(log->dir_fd, name, 0) != 0)
            return hkp_ter__log_fail(log, name, 0, errno, "cannot remove");
        gone++;
    }
    for (uint32_t i = 0; i < gone; i++) log->old_bytes -= log->sizes[i];
    log->n_segments -= gone;
    memmove(log->segments, log->segments + gone, log->n_segments * sizeof log->segments[0]);
    memmove(log->sizes, log->sizes + gone, log->n_segments * sizeof log->sizes[0]);
    hkp_status st = remove_torn(log);
    if (st != HKP_OK) return st;
    return fsync(log->dir_fd) == 0 ? HKP_OK
                                   : hkp_ter__log_fail(log, NULL, 0, errno, "cannot sync the folder");
}
