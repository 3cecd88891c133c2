/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Folders and patterns, walked within bounds; nothing but folders is ever opened (decision 0108). */
#include "libter/host/expand.h"
#include "libter/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = HKP_TER__EXPAND_PATH_CAP };

/* path is that of the place where the walk stands, len bytes of it; depth counts folders. */
struct walk {
    struct hkp_ter_expand *x;
    const struct hkp_ter_expand_rule *rule;
    struct hkp_ter_diag *diag;
    uint32_t found;
    uint32_t depth;
    dev_t dev;
    size_t len;
    char path[PATH_CAP];
};

static hkp_status refuse(struct walk *w, hkp_status st, const char *reason, int error) {
    return hkp_ter__expand_refuse(w->diag, st, w->path, reason, error);
}

/* One name further; the caller goes back by setting len. */
static hkp_status enter(struct walk *w, const char *name) {
    size_t len = strlen(name);
    if (++w->x->visits > w->x->max_visits)
        return refuse(w, HKP_E_LIMIT, "more names than may be looked at", 0);
    if (w->len + 1 + len > HKP_TER_PATH_MAX) return refuse(w, HKP_E_LIMIT, "paths below it are too long", 0);
    w->path[w->len] = '/';
    memcpy(w->path + w->len + 1, name, len + 1);
    w->len += 1 + len;
    return HKP_OK;
}

static void back_to(struct walk *w, size_t len) {
    w->len = len;
    w->path[len] = 0;
}

static int is_excluded(const struct walk *w) {
    const char *name = strrchr(w->path, '/') + 1;
    for (uint32_t i = 0; i < w->rule->n_exclude; i++) {
        const char *pattern = w->rule->exclude[i];
        if (pattern[0] == '/' ? fnmatch(pattern, w->path, FNM_PATHNAME) == 0 : fnmatch(pattern, name, 0) == 0)
            return 1;
    }
    return 0;
}

/* What is no folder, by its lstat. */
static hkp_status take(struct walk *w, int fd, const char *name, const struct stat *st) {
    struct stat behind;
    uint32_t kind = w->rule->kind;
    if (S_ISLNK(st->st_mode)) {
        if (w->rule->links == HKP_TER_LINKS_REFUSE) return refuse(w, HKP_E_STATE, "is a link", 0);
        if (w->rule->links == HKP_TER_LINKS_RECORD || fstatat(fd, name, &behind, 0) != 0 ||
            !S_ISREG(behind.st_mode))
            kind = HKP_TER_KIND_LINK;
    } else if (!S_ISREG(st->st_mode)) {
        return refuse(w, HKP_E_STATE, "is a device, pipe or socket", 0);
    }
    w->found++;
    return hkp_ter__expand_found(w->x, w->path, w->len, kind, w->diag);
}

/* The folder behind fd as a stream; fd is closed with it, or at once. */
static DIR *open_folder(struct walk *w, int fd, hkp_status *st) {
    DIR *dir = w->depth >= w->x->max_depth ? NULL : fdopendir(fd);
    *st = HKP_OK;
    if (dir != NULL) return dir;
    *st = w->depth >= w->x->max_depth ? refuse(w, HKP_E_LIMIT, "lies too deep", 0)
                                      : refuse(w, HKP_E_IO, "cannot be read", errno);
    close(fd);
    return NULL;
}

/* The next name but "." and ".."; NULL at the end, or on a fault, which st says. */
static const char *next_name(struct walk *w, DIR *dir, hkp_status *st) {
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (e == NULL) {
            if (errno != 0) *st = refuse(w, HKP_E_IO, "cannot be read", errno);
            return NULL;
        }
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) return e->d_name;
    }
}

/* ---- folders ---- */

static hkp_status walk_folder(struct walk *w, int fd);

static hkp_status walk_name(struct walk *w, int fd, const char *name) {
    struct stat st;
    if (is_excluded(w)) return HKP_OK;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? HKP_OK : refuse(w, HKP_E_IO, "cannot be looked at", errno);
    if (!S_ISDIR(st.st_mode)) return take(w, fd, name, &st);
    if (st.st_dev != w->dev)
        return refuse(w, HKP_E_STATE, "is another file system: list it by itself, or exclude it", 0);
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0) return refuse(w, HKP_E_IO, "cannot be read", errno);
    return walk_folder(w, below);
}

static hkp_status walk_folder(struct walk *w, int fd) {
    hkp_status st;
    const size_t len = w->len;
    DIR *dir = open_folder(w, fd, &st);
    if (dir == NULL) return st;
    w->depth++;
    for (const char *name; st == HKP_OK && (name = next_name(w, dir, &st)) != NULL; back_to(w, len)) {
        st = enter(w, name);
        if (st == HKP_OK) st = walk_name(w, dirfd(dir), name);
    }
    w->depth--;
    closedir(dir);
    return st;
}

static hkp_status begin(struct walk *w, hkp_ter_expand *x, const struct hkp_ter_expand_rule *rule,
                        struct hkp_ter_diag *diag) {
    memset(w, 0, sizeof *w);
    w->x = x;
    w->rule = rule;
    w->diag = diag;
    if (!hkp_ter__expand_is_path(rule->path))
        return hkp_ter__expand_refuse(
            diag, HKP_E_INVAL, rule->path,
            "must be an absolute path of 2 to 4095 bytes without //, /./, /../ or / at its end", 0);
    if ((rule->kind != HKP_TER_KIND_FILE && rule->kind != HKP_TER_KIND_VERITY) ||
        rule->links > HKP_TER_LINKS_REFUSE || rule->reserved0 != 0)
        return hkp_ter__expand_refuse(diag, HKP_E_INVAL, rule->path, "no such kind or rule for links", 0);
    return HKP_OK;
}

hkp_status hkp_ter_expand_add_folder(hkp_ter_expand *x, const struct hkp_ter_expand_rule *rule,
                                     uint32_t *found, struct hkp_ter_diag *diag) {
    struct walk w;
    struct stat s;
    hkp_status st = begin(&w, x, rule, diag);
    if (st != HKP_OK) return st;
    w.len = strlen(rule->path);
    memcpy(w.path, rule->path, w.len + 1);
    int fd = open(w.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        int none = error == ENOENT || error == ENOTDIR || error == ELOOP;
        return refuse(&w, none ? HKP_E_NOTFOUND : HKP_E_IO, none ? "is no folder" : "cannot be read", error);
    }
    w.dev = s.st_dev;
    st = walk_folder(&w, fd);
    if (st == HKP_OK) *found = w.found;
    return st;
}

/* ---- patterns ---- */

static hkp_status match_in(struct walk *w, int fd, const char *pattern);

/* A name that fits; rest is the pattern behind it, "" at its end. */
static hkp_status match_name(struct walk *w, int fd, const char *name, const char *rest, int through_links) {
    struct stat st;
    if (is_excluded(w)) return HKP_OK;
    if (rest[0] == 0) {
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT ? HKP_OK : refuse(w, HKP_E_IO, "cannot be looked at", errno);
        return S_ISDIR(st.st_mode) ? HKP_OK : take(w, fd, name, &st);
    }
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (through_links ? 0 : O_NOFOLLOW));
    if (below >= 0) return match_in(w, below, rest);
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? HKP_OK
               : refuse(w, HKP_E_IO, "cannot be read", errno);
}

static hkp_status match_each(struct walk *w, DIR *dir, const char *wanted, const char *rest) {
    hkp_status st = HKP_OK;
    const size_t len = w->len;
    for (const char *name; st == HKP_OK && (name = next_name(w, dir, &st)) != NULL; back_to(w, len)) {
        st = enter(w, name);
        if (st == HKP_OK && fnmatch(wanted, name, FNM_PERIOD) == 0)
            st = match_name(w, dirfd(dir), name, rest, 0);
    }
    return st;
}

/* Pattern begins with a slash; fd is closed. */
static hkp_status match_in(struct walk *w, int fd, const char *pattern) {
    char wanted[PATH_CAP];
    hkp_status st;
    const size_t len = w->len, n = strcspn(pattern + 1, "/");
    memcpy(wanted, pattern + 1, n);
    wanted[n] = 0;
    DIR *dir = open_folder(w, fd, &st);
    if (dir == NULL) return st;
    w->depth++;
    if (strpbrk(wanted, "*?[\\") != NULL) {
        st = match_each(w, dir, wanted, pattern + 1 + n);
    } else {
        st = enter(w, wanted);
        if (st == HKP_OK) st = match_name(w, dirfd(dir), wanted, pattern + 1 + n, 1);
        back_to(w, len);
    }
    w->depth--;
    closedir(dir);
    return st;
}

hkp_status hkp_ter_expand_add_glob(hkp_ter_expand *x, const struct hkp_ter_expand_rule *rule, uint32_t *found,
                                   struct hkp_ter_diag *diag) {
    struct walk w;
    hkp_status st = begin(&w, x, rule, diag);
    if (st != HKP_OK) return st;
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return refuse(&w, HKP_E_IO, "the root folder cannot be read", errno);
    st = match_in(&w, fd, rule->path);
    if (st == HKP_OK) *found = w.found;
    return st;
}
