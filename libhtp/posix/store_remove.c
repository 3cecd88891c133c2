/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Deleting. Only names go; nothing that they lead to outside of their folder is touched. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libhtp/files/file_names.h"
#include "libhtp/posix/store.h"

/* Entries of one call. */
enum { REMOVE_STEP = 512 };

/* What lies where, while it is deleted. */
struct target {
    struct hkp_htp_store_posix *s;
    int dir;
    const char *path, *name;
    size_t path_len;
};

static uint32_t remove_file(const struct target *t, const struct stat *st) {
    const uint32_t code = hkp_htp__store_is_file(st);
    if (code != HKP_HTP_FILE_OK) return code;
    if (unlinkat(t->dir, t->name, 0) != 0) return hkp_htp__store_code(errno);
    hkp_htp__store_charge(t->s, t->path, t->path_len, 0, (uint64_t)st->st_size);
    return HKP_HTP_FILE_OK;
}

/* Deletes an entry that is no folder; an errno, EISDIR for a folder. */
static int remove_entry(const struct target *t, int dir, const char *name) {
    struct stat st;
    if (t->s->quotas != NULL && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;
    if (unlinkat(dir, name, 0) != 0) return errno == ENOENT ? 0 : errno;
    if (t->s->quotas != NULL && S_ISREG(st.st_mode))
        hkp_htp__store_charge(t->s, t->path, t->path_len, 0, (uint64_t)st.st_size);
    return 0;
}

/* Some of what is in a folder: AGAIN if there is more, OK if there was not. */
static uint32_t empty(const struct target *t) {
    const char *name;
    int dir, error = 0, what;
    const int fd = openat(t->dir, t->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return hkp_htp__store_code(errno);
    struct hkp_htp__store_walk *walk = hkp_htp__store_walk_new(t->s, fd);
    if (walk == NULL) return HKP_HTP_FILE_BUSY;
    for (int i = 0; i < REMOVE_STEP && error == 0; i++) {
        what = hkp_htp__store_walk_next(walk, &dir, &name);
        if (what == HKP_HTP__WALK_END) break;
        if (what == HKP_HTP__WALK_ENTRY) error = remove_entry(t, dir, name);
        if (what == HKP_HTP__WALK_FOLDER || error == EISDIR) error = hkp_htp__store_walk_enter(walk, name);
        if (what == HKP_HTP__WALK_LEFT && unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY)
            error = errno;
    }
    hkp_htp__store_walk_free(t->s, walk);
    if (error != 0) return hkp_htp__store_code(error);
    return what == HKP_HTP__WALK_END ? HKP_HTP_FILE_OK : HKP_HTP_FILE_AGAIN;
}

static uint32_t remove_folder(const struct target *t, uint32_t recursive) {
    if (unlinkat(t->dir, t->name, AT_REMOVEDIR) == 0) return HKP_HTP_FILE_OK;
    if (errno != ENOTEMPTY && errno != EEXIST) return hkp_htp__store_code(errno);
    if (!recursive) return HKP_HTP_FILE_INVALID_OPERATION;
    const uint32_t code = empty(t);
    if (code != HKP_HTP_FILE_OK) return code;
    if (unlinkat(t->dir, t->name, AT_REMOVEDIR) == 0) return HKP_HTP_FILE_OK;
    return errno == ENOTEMPTY ? HKP_HTP_FILE_AGAIN
                              : hkp_htp__store_code(errno); /* something came meanwhile */
}

uint32_t hkp_htp__store_remove(void *user, const char *path, size_t path_len, uint32_t recursive) {
    char name[HKP_HTP_FILE_NAME_MAX + 1];
    struct target t = {.s = user, .path = path, .path_len = path_len, .name = name};
    struct stat st;
    if (!hkp_htp__file_path_ok(path, path_len)) return HKP_HTP_FILE_INVALID_PATH;
    if (path_len == 0) return HKP_HTP_FILE_PERMISSION_DENIED;
    size_t at = path_len;
    while (at > 0 && path[at - 1] != '/') at--;
    memcpy(name, path + at, path_len - at);
    name[path_len - at] = 0;
    t.dir = hkp_htp__store_resolve(user, path, at > 0 ? at - 1 : 0, O_RDONLY | O_DIRECTORY);
    if (t.dir < 0) return hkp_htp__store_code(errno);
    uint32_t code = HKP_HTP_FILE_OK;
    if (fstatat(t.dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        code = hkp_htp__store_code(errno);
    else
        code = S_ISDIR(st.st_mode) ? remove_folder(&t, recursive) : remove_file(&t, &st);
    if (code == HKP_HTP_FILE_OK && S_ISDIR(st.st_mode)) hkp_htp__store_folders_gone(t.s, path, path_len);
    if (code == HKP_HTP_FILE_OK && fsync(t.dir) != 0) code = hkp_htp__store_code(errno);
    (void)close(t.dir);
    return code;
}
