/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The records of a log on disk, one after the other. */
#include "ter_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "ter-" first index in 20 digits ".log" */
static int is_segment(const char *name) {
    return strlen(name) == 28 && strncmp(name, "ter-", 4) == 0 && strspn(name + 4, "0123456789") == 20 &&
           strcmp(name + 24, ".log") == 0;
}

int cli_ter_folder(const char *path, char out[CLI_TER_PATH]) {
    struct stat st;
    if (snprintf(out, CLI_TER_PATH, "%s/ter", path) >= CLI_TER_PATH)
        return cli_fail(CLI_USAGE, "%s: path too long", path);
    if (stat(out, &st) != 0 || !S_ISDIR(st.st_mode)) snprintf(out, CLI_TER_PATH, "%s", path);
    return CLI_OK;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int list(struct cli_ter_walk *w) {
    struct dirent *e;
    DIR *dir = opendir(w->folder);
    if (dir == NULL) return cli_fail(CLI_SYSTEM, "%s: %s", w->folder, strerror(errno));
    w->n = 0;
    while ((e = readdir(dir)) != NULL) {
        if (!is_segment(e->d_name)) continue;
        uint64_t *more = realloc(w->segments, (w->n + 1) * sizeof *more);
        if (more == NULL) break;
        w->segments = more;
        w->segments[w->n++] = strtoull(e->d_name + 4, NULL, 10);
    }
    closedir(dir);
    if (e != NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    if (w->n > 0) qsort(w->segments, w->n, sizeof *w->segments, ascending);
    return w->n > 0 ? CLI_OK : cli_fail(CLI_NO, "%s: no log of TERs here", w->folder);
}

void cli_ter_walk_path(const struct cli_ter_walk *w, char path[CLI_TER_PATH + 32]) {
    snprintf(path, CLI_TER_PATH + 32, "%s/ter-%020llu.log", w->folder,
             (unsigned long long)w->segments[w->at]);
}

static int told(const struct cli_ter_walk *w, uint64_t offset, const char *what) {
    char path[CLI_TER_PATH + 32];
    cli_ter_walk_path(w, path);
    return cli_fail(CLI_DAMAGED, "%s: at byte %llu: %s", path, (unsigned long long)offset, what);
}

/* Opens segment i; its header is where the walk goes on. */
static int open_segment(struct cli_ter_walk *w, size_t i) {
    char path[CLI_TER_PATH + 32];
    uint8_t bytes[HKP_TER_LOG_HEAD_SIZE];
    if (w->fd >= 0) close(w->fd);
    w->at = i;
    cli_ter_walk_path(w, path);
    w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (w->fd < 0) return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    const ssize_t got = pread(w->fd, bytes, sizeof bytes, 0);
    if (got < 0) return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    const hkp_status st = hkp_ter_log_head_decode(&w->head, bytes, (size_t)got);
    if (st != HKP_OK) return told(w, 0, cli_status_name(st));
    memset(&w->cursor, 0, sizeof w->cursor);
    w->cursor.index = w->head.first_index;
    w->cursor.has_last = w->head.first_index > 0;
    memcpy(w->cursor.h, w->head.h, 32);
    memcpy(w->cursor.last_ter, w->head.prev_ter, HKP_TER_SIZE);
    w->offset = HKP_TER_LOG_HEAD_SIZE;
    w->have = 0;
    return CLI_OK;
}

int cli_ter_walk_begin(struct cli_ter_walk *w, const char *path) {
    memset(w, 0, sizeof *w);
    w->fd = -1;
    int code = cli_ter_folder(path, w->folder);
    if (code == CLI_OK) code = list(w);
    return code == CLI_OK ? open_segment(w, 0) : code;
}

void cli_ter_walk_end(struct cli_ter_walk *w) {
    if (w->fd >= 0) close(w->fd);
    free(w->segments);
}

int cli_ter_walk_seek(struct cli_ter_walk *w, uint64_t index) {
    size_t i = w->n - 1;
    while (i > 0 && w->segments[i] > index) i--;
    return open_segment(w, i);
}

int cli_ter_walk_again(struct cli_ter_walk *w) {
    const uint64_t here = w->segments[w->at];
    const int code = list(w);
    for (w->at = 0; w->at + 1 < w->n && w->segments[w->at] < here; w->at++) continue;
    return code;
}

/* What stands at the end of the newest segment is no record: interrupted, or damaged. */
static int judge_end(const struct cli_ter_walk *w) {
    char path[CLI_TER_PATH + 32];
    struct hkp_ter_recovery got;
    size_t len = 0;
    uint8_t *bytes = malloc(HKP_TER_SEG_BYTES_MAX);
    cli_ter_walk_path(w, path);
    if (bytes == NULL) return -cli_fail(CLI_SYSTEM, "out of memory");
    hkp_status st = hkp_ter_file_read(path, 0, bytes, HKP_TER_SEG_BYTES_MAX, &len);
    if (st == HKP_OK) st = hkp_ter_log_recover(bytes, len, w->head.node_id, NULL, &got);
    free(bytes);
    if (st == HKP_OK || st == HKP_E_TER_LOG_TORN) return 0;
    return -told(w, w->offset, cli_status_name(st));
}

int cli_ter_walk_next(struct cli_ter_walk *w) {
    for (;;) {
        const ssize_t got = pread(w->fd, w->bytes, sizeof w->bytes, (off_t)w->offset);
        if (got < 0) return -cli_fail(CLI_SYSTEM, "%s: %s", w->folder, strerror(errno));
        const int newest = w->at + 1 == w->n;
        if (got == 0 && newest) return 0;
        if (got == 0) {
            const struct hkp_ter_cursor end = w->cursor;
            const int code = open_segment(w, w->at + 1);
            if (code != CLI_OK) return -code;
            if (end.index != w->cursor.index || memcmp(end.h, w->cursor.h, 32) != 0)
                return -told(w, 0, "does not begin where the segment before ends");
            continue;
        }
        const hkp_status st = hkp_ter_log_record_decode(&w->record, w->bytes, (size_t)got);
        if (st != HKP_OK) return newest ? judge_end(w) : -told(w, w->offset, "is no record");
        w->index = w->cursor.index;
        if (hkp_ter_log_record_apply(&w->cursor, w->head.node_id, &w->record) != HKP_OK)
            return -told(w, w->offset,
                         "this record does not follow the one before (hookprobe ter verify says why)");
        w->offset += w->record.size;
        return 1;
    }
}
