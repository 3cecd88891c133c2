/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Verification of a log on disk (NZ1 5.5): its segments in order, a piece at a time. */
#include "libter/host/log.h"
#include "libter/options.h"
#include "libter/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536 };

struct reading {
    const char *path;
    struct hkp_ter_verify_options opt;
    hkp_ter_verify *verify;
    struct hkp_ter_diag *diag;
    uint8_t *piece;
    uint64_t done;
    uint64_t total;
    uint32_t n;
    uint64_t segments[HKP_TER__SEGMENTS_MAX];
};

static hkp_status refuse(const struct reading *r, hkp_status st, const char *name, uint64_t offset, int error,
                         const char *reason) {
    return hkp_ter__refuse(r->diag, st, r->path, name, offset, error, reason);
}

/* One file; fd is closed. */
static hkp_status feed_file(struct reading *r, int fd, const char *name, uint64_t segment) {
    hkp_status st = HKP_OK;
    hkp_ter_verify_segment(r->verify, segment);
    for (uint64_t at = 0;;) {
        size_t len = 0;
        int error = hkp_ter__read_at(fd, at, r->piece, PIECE, &len);
        if (error != 0) st = refuse(r, HKP_E_IO, name, at, error, "cannot read");
        if (error != 0 || len == 0) break;
        hkp_ter_verify_feed(r->verify, r->piece, len);
        at += len;
        r->done += len;
        if (r->opt.progress != NULL) r->opt.progress(r->opt.progress_user, r->done, r->total);
    }
    close(fd);
    return st;
}

static hkp_status find_segments(struct reading *r, DIR *dir) {
    struct dirent *entry;
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
        uint64_t first;
        struct stat info;
        if (!hkp_ter__segment_parse(entry->d_name, &first)) continue;
        if (r->n == HKP_TER__SEGMENTS_MAX)
            return refuse(r, HKP_E_IO, entry->d_name, 0, 0, "too many segments");
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            r->total += (uint64_t)info.st_size;
        uint32_t at = r->n++;
        for (; at > 0 && r->segments[at - 1] > first; at--) r->segments[at] = r->segments[at - 1];
        r->segments[at] = first;
    }
    if (errno != 0) return refuse(r, HKP_E_IO, NULL, 0, errno, "cannot list the folder");
    return r->n > 0 ? HKP_OK : refuse(r, HKP_E_NOTFOUND, NULL, 0, 0, "no log of TERs here");
}

static hkp_status feed_folder(struct reading *r, int fd) {
    char name[HKP_TER__NAME_CAP];
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        hkp_status st = refuse(r, HKP_E_IO, NULL, 0, errno, "cannot list the folder");
        close(fd);
        return st;
    }
    hkp_status st = find_segments(r, dir);
    for (uint32_t i = 0; i < r->n && st == HKP_OK; i++) {
        hkp_ter__segment_name(r->segments[i], name);
        int file = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        st = file < 0 ? refuse(r, HKP_E_IO, name, 0, errno, "cannot open")
                      : feed_file(r, file, name, r->segments[i]);
    }
    closedir(dir);
    return st;
}

static hkp_status feed_path(struct reading *r) {
    struct stat info;
    uint64_t segment = UINT64_MAX;
    int fd = hkp_ter__open_read(AT_FDCWD, r->path);
    if (fd < 0 || fstat(fd, &info) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        return refuse(r, error == ENOENT || error == ENOTDIR ? HKP_E_NOTFOUND : HKP_E_IO, NULL, 0, error,
                      "cannot open");
    }
    int folder = S_ISDIR(info.st_mode);
    if (!folder) r->opt.flags |= HKP_TER_VERIFY_PART;
    hkp_status st = hkp_ter_verify_new(&r->verify, &r->opt);
    if (st != HKP_OK) {
        close(fd);
        return refuse(r, st, NULL, 0, 0, "cannot be verified with this key or checkpoint");
    }
    if (folder) return feed_folder(r, fd);
    const char *slash = strrchr(r->path, '/');
    if (!hkp_ter__segment_parse(slash == NULL ? r->path : slash + 1, &segment)) segment = UINT64_MAX;
    r->total = (uint64_t)info.st_size;
    return feed_file(r, fd, NULL, segment);
}

hkp_status hkp_ter_verify_path(const char *path, const struct hkp_ter_verify_options *opt,
                               struct hkp_ter_verdict *verdict, struct hkp_ter_diag *diag) {
    struct hkp_ter_verify_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, HKP_TER__VERIFY_OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return hkp_ter__refuse(diag, st, "", NULL, 0, 0, "an option is outside its range");
    if (path == NULL || path[0] == 0 || strlen(path) >= sizeof diag->path - HKP_TER__NAME_CAP ||
        verdict->struct_size < sizeof *verdict)
        return hkp_ter__refuse(diag, HKP_E_INVAL, "", NULL, 0, 0, "an argument is outside its range");
    struct reading *r = hkp_mem_alloc(&o.mem, sizeof *r + PIECE);
    if (r == NULL) return hkp_ter__refuse(diag, HKP_E_NOMEM, path, NULL, 0, 0, "no memory");
    r->path = path;
    r->opt = o;
    r->diag = diag;
    r->piece = (uint8_t *)(r + 1);
    st = feed_path(r);
    if (st == HKP_OK) st = hkp_ter_verify_end(r->verify, verdict);
    hkp_ter_verify_free(r->verify);
    hkp_mem_free(&o.mem, r, sizeof *r + PIECE);
    return st;
}
