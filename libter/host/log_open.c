/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Opening a log (NZ1 5.2): one process, every segment checked against the one before, a torn tail of the
 * newest kept aside and cut off. Damage is reported with file and offset and touched by nobody.
 */
#include "libter/bytes.h"
#include "libter/host/log.h"
#include "libter/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTIONS_V0 = 120, TORN_FILES_MAX = 100, BOOT_LEN = 48 };

void hkp_ter_log_options_init(struct hkp_ter_log_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static hkp_status import_options(struct hkp_ter_log_options *o, const struct hkp_ter_log_options *opt) {
    hkp_status st = hkp_options_import(o, sizeof *o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o->mem);
    if (st != HKP_OK) return st;
    if (o->sync_records == 0) o->sync_records = HKP_TER_SYNC_RECORDS;
    if (o->sync_ns == 0) o->sync_ns = HKP_TER_SYNC_NS;
    if (o->sync_records > HKP_TER_SYNC_RECORDS || o->sync_ns > HKP_TER_SYNC_NS) return HKP_E_INVAL;
    if (o->max_bytes != 0 && o->max_bytes < HKP_TER_LOG_BYTES_MIN) return HKP_E_INVAL;
    if (o->path == NULL || o->path[0] == 0) return HKP_E_INVAL;
    return strlen(o->path) < sizeof((struct hkp_ter_log *)NULL)->path ? HKP_OK : HKP_E_INVAL;
}

/* The folder is ours alone: made or narrowed to mode 0700, and locked as long as the object lives. */
hkp_status hkp_ter__log_take_folder(struct hkp_ter_log *log) {
    struct stat st;
    int error = mkdir(log->path, 0700) == 0 ? hkp_ter__sync_folder_of(log->path) : errno;
    if (error != 0 && error != EEXIST)
        return hkp_ter__log_fail(log, NULL, 0, error, "cannot make the folder");
    log->dir_fd = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir_fd < 0 || fstat(log->dir_fd, &st) != 0)
        return hkp_ter__log_fail(log, NULL, 0, errno, "cannot open the folder");
    if ((st.st_mode & 077) != 0 && fchmod(log->dir_fd, 0700) != 0)
        return hkp_ter__log_fail(log, NULL, 0, errno, "others may enter the folder");
    log->lock_fd = openat(log->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log->lock_fd < 0) return hkp_ter__log_fail(log, "lock", 0, errno, "cannot open the lock");
    if (flock(log->lock_fd, LOCK_EX | LOCK_NB) == 0) return HKP_OK;
    if (errno != EWOULDBLOCK) return hkp_ter__log_fail(log, "lock", 0, errno, "cannot lock");
    return hkp_ter__refuse(&log->fault, HKP_E_LIMIT, log->path, "lock", 0, 0, "another process has this log");
}

int hkp_ter__segment_parse(const char *name, uint64_t *first_index) {
    uint64_t value = 0;
    if (strlen(name) != HKP_TER__NAME_LEN || memcmp(name, "ter-", 4) != 0 ||
        memcmp(name + 24, ".log", 4) != 0)
        return 0;
    for (int i = 4; i < 24; i++) {
        if (name[i] < '0' || name[i] > '9' || value > UINT64_MAX / 10 - 1) return 0;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *first_index = value;
    return 1;
}

static hkp_status insert_segment(struct hkp_ter_log *log, uint64_t first_index) {
    if (log->n_segments == HKP_TER__SEGMENTS_MAX)
        return hkp_ter__refuse(&log->fault, HKP_E_LIMIT, log->path, NULL, 0, 0, "too many segments");
    uint32_t at = log->n_segments++;
    for (; at > 0 && log->segments[at - 1] > first_index; at--) log->segments[at] = log->segments[at - 1];
    log->segments[at] = first_index;
    return HKP_OK;
}

hkp_status hkp_ter__log_list(struct hkp_ter_log *log) {
    struct dirent *entry;
    hkp_status st = HKP_OK;
    int fd = openat(log->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        st = hkp_ter__log_fail(log, NULL, 0, errno, "cannot list the folder");
        if (fd >= 0) close(fd);
        return st;
    }
    for (errno = 0; st == HKP_OK && (entry = readdir(dir)) != NULL; errno = 0) {
        uint64_t first_index;
        if (hkp_ter__segment_parse(entry->d_name, &first_index)) st = insert_segment(log, first_index);
    }
    if (st == HKP_OK && errno != 0) st = hkp_ter__log_fail(log, NULL, 0, errno, "cannot list the folder");
    closedir(dir);
    return st;
}

/*
 * The bytes that are cut off go to the first free "<segment>.<n>.torn", durable before the cut. Who crashes
 * so often that there is none has enough of them, and gets a log that opens (decision 0104).
 */
static hkp_status keep_torn(struct hkp_ter_log *log, const char *name, const uint8_t *bytes, size_t len) {
    char torn[HKP_TER__NAME_CAP + 8];
    int fd = -1;
    while (len > 0 && bytes[len - 1] == 0) len--;
    for (unsigned n = 0; fd < 0 && n < TORN_FILES_MAX; n++) {
        snprintf(torn, sizeof torn, "%s.%u.torn", name, n);
        fd = openat(log->dir_fd, torn, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd < 0 && errno == EEXIST) return HKP_OK;
    if (fd < 0) return hkp_ter__log_fail(log, torn, 0, errno, "cannot keep a torn tail");
    int error = hkp_ter__write_at(fd, 0, bytes, len);
    if (error == 0 && fsync(fd) != 0) error = errno;
    close(fd);
    if (error != 0) unlinkat(log->dir_fd, torn, 0); /* the tail itself still stands where it is */
    if (error == 0 && fsync(log->dir_fd) != 0) error = errno;
    return error == 0 ? HKP_OK : hkp_ter__log_fail(log, torn, 0, error, "cannot keep a torn tail");
}

static const char *reason_of(hkp_status status) {
    switch (status) {
    case HKP_E_TER_LOG_HEADER:
        return "the header of this segment is damaged";
    case HKP_E_TER_LOG_NODE:
        return "this segment belongs to another device";
    case HKP_E_TER_LOG_ORDER:
        return "this segment does not begin where the one before ends";
    default:
        return "this segment is damaged";
    }
}

/* A whole segment in memory: what is sound moves the cursor, the rest is judged. */
static hkp_status recover_bytes(struct hkp_ter_log *log, uint32_t i, const uint8_t *bytes, size_t len) {
    struct hkp_ter_recovery got;
    struct hkp_ter_log_record record;
    char name[HKP_TER__NAME_CAP];
    int newest = i + 1 == log->n_segments;
    hkp_ter__segment_name(log->segments[i], name);
    /* The beginning is known for the first segment of all, too: {0, h_0, none} of this device's key. */
    int known = i > 0 || log->segments[0] == 0;
    hkp_status st = hkp_ter_log_recover(bytes, len, log->node_id, known ? &log->cursor : NULL, &got);
    if (st == HKP_E_TER_LOG_TORN && !newest) st = HKP_E_TER_LOG_CORRUPT;
    if (st == HKP_OK || st == HKP_E_TER_LOG_TORN) {
        uint64_t first = hkp_le64(bytes + 32);
        if (first != log->segments[i]) st = HKP_E_TER_LOG_ORDER;
    }
    if (st != HKP_OK && st != HKP_E_TER_LOG_TORN)
        return hkp_ter__refuse(&log->fault, st, log->path, name, got.offset, 0, reason_of(st));
    if (got.tck_offset > 0 &&
        hkp_ter_log_record_decode(&record, bytes + got.tck_offset, len - got.tck_offset) == HKP_OK)
        hkp_ter__log_remember(log, &record);
    if (got.rebase_offset > 0 &&
        hkp_ter_log_record_decode(&record, bytes + got.rebase_offset, len - got.rebase_offset) == HKP_OK)
        hkp_ter__log_remember(log, &record);
    log->cursor = got.cursor;
    log->end = got.offset;
    log->sizes[i] = got.offset;
    if (!newest) log->old_bytes += got.offset;
    if (st == HKP_OK) return HKP_OK;
    log->torn_bytes = len - got.offset;
    return keep_torn(log, name, bytes + got.offset, len - got.offset);
}

static hkp_status recover_segment(struct hkp_ter_log *log, uint32_t i) {
    struct stat info;
    char name[HKP_TER__NAME_CAP];
    size_t len = 0;
    hkp_ter__segment_name(log->segments[i], name);
    if (log->fd >= 0) close(log->fd);
    log->fd = openat(log->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (log->fd < 0 || fstat(log->fd, &info) != 0)
        return hkp_ter__log_fail(log, name, 0, errno, "cannot open");
    if (!S_ISREG(info.st_mode) || info.st_size > HKP_TER_SEG_BYTES_MAX)
        return hkp_ter__refuse(&log->fault, HKP_E_TER_LOG_CORRUPT, log->path, name, 0, 0,
                               "this segment is no file or larger than any can be");
    size_t size = (size_t)info.st_size + 1; /* never zero */
    uint8_t *bytes = log->mem.alloc(log->mem.user, size);
    if (bytes == NULL) return HKP_E_NOMEM;
    int error = hkp_ter__read_at(log->fd, 0, bytes, size - 1, &len);
    hkp_status st = error == 0 ? recover_bytes(log, i, bytes, len)
                               : hkp_ter__log_fail(log, name, 0, error, "cannot read");
    log->mem.free(log->mem.user, bytes, size);
    return st;
}

/* All that was found has to be durable before anything builds on it: after a crash of the process alone, it
 * need not be on the disk yet. */
static hkp_status settle(struct hkp_ter_log *log) {
    char name[HKP_TER__NAME_CAP];
    hkp_ter__segment_name(log->segments[log->n_segments - 1], name);
    if (log->torn_bytes > 0 && ftruncate(log->fd, (off_t)log->end) != 0)
        return hkp_ter__log_fail(log, name, log->end, errno, "cannot cut a torn tail off");
    if (fsync(log->fd) != 0) return hkp_ter__log_fail(log, name, log->end, errno, "cannot sync");
    log->durable_end = log->end;
    log->durable_index = log->cursor.index;
    return HKP_OK;
}

static hkp_status append_boot(struct hkp_ter_log *log, uint64_t wall_us) {
    uint8_t body[BOOT_LEN] = {0};
    memcpy(body, log->boot_id, 16);
    hkp_put_le64(body + 16, log->cursor.index);
    hkp_put_le64(body + 24, wall_us);
    hkp_put_le32(body + 32, log->torn_bytes > 0 ? HKP_TER_BOOT_TORN : HKP_TER_BOOT_START);
    hkp_status st = hkp_ter_log_append(log, log->now, wall_us, HKP_TER_LOG_BOOT, body, sizeof body);
    return st == HKP_OK ? hkp_ter_log_sync(log, log->now) : st;
}

static hkp_status open_log(struct hkp_ter_log *log, const struct hkp_ter_log_options *o, uint64_t wall_us) {
    hkp_status st = hkp_ter__log_take_folder(log);
    if (st == HKP_OK) st = hkp_ter__log_list(log);
    if (st != HKP_OK) return st;
    hkp_ter_cursor_init(&log->cursor, o->node_id, o->device_public);
    for (uint32_t i = 0; i < log->n_segments && st == HKP_OK; i++) st = recover_segment(log, i);
    if (st != HKP_OK) return st;
    if (log->cursor.index < o->least_index)
        return hkp_ter__refuse(&log->fault, HKP_E_TER_LOG_ROLLBACK, log->path, NULL, log->cursor.index, 0,
                               "the log ends before the newest snapshot or commit");
    st = log->n_segments == 0 ? hkp_ter__log_begin_segment(log, wall_us) : settle(log);
    return st == HKP_OK ? append_boot(log, wall_us) : st;
}

hkp_status hkp_ter_log_new(hkp_ter_log **out, const struct hkp_ter_log_options *opt, hkp_time now,
                           uint64_t wall_us, struct hkp_ter_diag *diag) {
    struct hkp_ter_log_options o;
    hkp_status st = import_options(&o, opt);
    if (st != HKP_OK) return hkp_ter__refuse(diag, st, "", NULL, 0, 0, "an option is outside its range");
    struct hkp_ter_log *log = hkp_mem_alloc(&o.mem, sizeof *log);
    if (log == NULL) return hkp_ter__refuse(diag, HKP_E_NOMEM, o.path, NULL, 0, 0, "no memory");
    log->mem = o.mem;
    log->dir_fd = log->lock_fd = log->fd = -1;
    log->now = now;
    log->sync_ns = o.sync_ns;
    log->sync_records = o.sync_records;
    log->max_bytes = o.max_bytes;
    memcpy(log->node_id, o.node_id, 16);
    memcpy(log->boot_id, o.boot_id, 16);
    size_t path_len = strlen(o.path);
    while (path_len > 1 && o.path[path_len - 1] == '/') path_len--;
    memcpy(log->path, o.path, path_len); /* the rest is zero */
    st = open_log(log, &o, wall_us);
    if (st == HKP_OK) {
        *out = log;
        return HKP_OK;
    }
    if (st == HKP_E_NOMEM || st == HKP_E_TER_LOG_FULL)
        hkp_ter__refuse(&log->fault, st, log->path, NULL, log->end, 0, "no memory, or no room in the log");
    if (diag != NULL) *diag = log->fault;
    hkp_ter_log_free(log);
    return st;
}

void hkp_ter_log_free(hkp_ter_log *log) {
    if (log == NULL) return;
    struct hkp_mem mem = log->mem;
    if (log->fd >= 0) close(log->fd);
    if (log->lock_fd >= 0) close(log->lock_fd);
    if (log->dir_fd >= 0) close(log->dir_fd);
    hkp_mem_free(&mem, log, sizeof *log);
}
