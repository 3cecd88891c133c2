/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Damaged segments set aside, by the act that replaces them (NZ1 5.2, decisions 0101, 0104). */
#include "libter/host/log.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASIDE_MAX = 100 };

/* The first free name; the lock keeps others from taking it. */
static int free_name(const struct hkp_ter_log *log, const char *name, char aside[HKP_TER__NAME_CAP + 16]) {
    struct stat st;
    snprintf(aside, HKP_TER__NAME_CAP + 16, "%s.corrupt", name);
    for (unsigned n = 1; n <= ASIDE_MAX; n++) {
        if (fstatat(log->dir_fd, aside, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
        snprintf(aside, HKP_TER__NAME_CAP + 16, "%s.%u.corrupt", name, n);
    }
    return 0;
}

/* From the newest on, so that a log that is left halfway is still refused where the damage is. */
static hkp_status set_aside(struct hkp_ter_log *log, uint64_t first, uint32_t *count) {
    uint32_t at = 0;
    while (at < log->n_segments && log->segments[at] != first) at++;
    if (at == log->n_segments)
        return hkp_ter__refuse(&log->fault, HKP_E_NOTFOUND, log->path, NULL, 0, 0,
                               "there is no such segment");
    for (uint32_t i = log->n_segments; i > at; i--) {
        char name[HKP_TER__NAME_CAP], aside[HKP_TER__NAME_CAP + 16];
        hkp_ter__segment_name(log->segments[i - 1], name);
        if (!free_name(log, name, aside))
            return hkp_ter__refuse(&log->fault, HKP_E_LIMIT, log->path, name, 0, 0,
                                   "too many of this name are aside already");
        if (renameat(log->dir_fd, name, log->dir_fd, aside) != 0)
            return hkp_ter__log_fail(log, name, 0, errno, "cannot set aside");
    }
    if (fsync(log->dir_fd) != 0) return hkp_ter__log_fail(log, NULL, 0, errno, "cannot sync the folder");
    *count = log->n_segments - at;
    return HKP_OK;
}

hkp_status hkp_ter_log_set_aside(const char *path, uint64_t first, uint32_t *count,
                                 struct hkp_ter_diag *diag) {
    struct hkp_mem mem = {0};
    hkp_status st = hkp_mem_import(&mem);
    if (path == NULL || path[0] == 0 || strlen(path) >= sizeof((struct hkp_ter_log *)NULL)->path ||
        st != HKP_OK)
        return hkp_ter__refuse(diag, HKP_E_INVAL, "", NULL, 0, 0, "the path is empty or too long");
    struct hkp_ter_log *log = hkp_mem_alloc(&mem, sizeof *log);
    if (log == NULL) return hkp_ter__refuse(diag, HKP_E_NOMEM, path, NULL, 0, 0, "no memory");
    log->mem = mem;
    log->dir_fd = log->lock_fd = log->fd = -1;
    memcpy(log->path, path, strlen(path));
    if (access(path, F_OK) != 0)
        st = hkp_ter__refuse(&log->fault, HKP_E_NOTFOUND, path, NULL, 0, errno, "there is no such folder");
    if (st == HKP_OK) st = hkp_ter__log_take_folder(log);
    if (st == HKP_OK) st = hkp_ter__log_list(log);
    if (st == HKP_OK) st = set_aside(log, first, count);
    if (st != HKP_OK && diag != NULL) *diag = log->fault;
    hkp_ter_log_free(log);
    return st;
}
