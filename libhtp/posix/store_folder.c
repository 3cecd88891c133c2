/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* From paths to descriptors (HTP-13.6), and the folders that are written to. */
#include "libhtp/posix/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How long a folder is believed to be where its path leads: a commit looks in any case. */
#define BELIEF_NS 200000000U

static int openat_retried(int dir, const char *name, int flags) {
    int fd;
    do fd = openat(dir, name, flags);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int closed(int fd) {
    const int e = errno;
    (void)close(fd);
    errno = e;
    return -1;
}

/* One step of a walk: never through a symbolic link, which is told as openat2 tells it. */
static int step(int dir, const char *name, int flags) {
    struct stat st;
    const int fd = openat_retried(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
            errno = ELOOP;
        else
            errno = ENOTDIR;
    }
    return fd;
}

/* As openat2 does it, part by part. path is changed. */
static int walk(int root, char *path, int flags) {
    int dir = root;
    for (char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        *slash = 0;
        const int next = step(dir, path, O_PATH | O_DIRECTORY);
        if (dir != root) (void)closed(dir);
        if (next < 0) return -1;
        dir = next;
    }
    const int fd = step(dir, path, flags);
    if (dir != root) (void)closed(dir);
    return fd;
}

int hkp_htp__store_resolve(struct hkp_htp_store_posix *s, const char *path, size_t len, int flags) {
    char name[HKP_HTP_FILE_PATH_MAX + 2] = ".";
    if (len > 0) memcpy(name, path, len);
    name[len > 0 ? len : 1] = 0;
    if (!(s->opt.off & HKP_HTP_STORE_POSIX_NO_OPENAT2)) {
        const struct open_how how = {.flags = (uint32_t)flags | (uint32_t)O_CLOEXEC,
                                     .resolve =
                                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
        long fd;
        do fd = syscall(SYS_openat2, s->root, name, &how, sizeof how);
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)fd;
        /* not there, or a filter does not let it through */
        if (errno == ENOSYS) s->opt.off |= HKP_HTP_STORE_POSIX_NO_OPENAT2;
    }
    return walk(s->root, name, flags);
}

/* Makes the folders of a path that are missing, each durable in the one that holds it. */
static int make_folders(struct hkp_htp_store_posix *s, const char *path, size_t len) {
    char name[HKP_HTP_FILE_PATH_MAX + 1];
    memcpy(name, path, len);
    name[len] = 0;
    int dir = s->root;
    for (char *part = name; part != NULL;) {
        char *slash = strchr(part, '/');
        if (slash != NULL) *slash = 0;
        int made = mkdirat(dir, part, s->opt.folder_mode) == 0, next = -1;
        if (made || errno == EEXIST) next = step(dir, part, O_RDONLY | O_DIRECTORY);
        if (next >= 0 && made && fsync(dir) != 0) next = closed(next);
        if (dir != s->root) (void)closed(dir);
        if (next < 0) return -1;
        dir = next;
        part = slash == NULL ? NULL : slash + 1;
    }
    return dir;
}

int hkp_htp__store_folder_check(struct hkp_htp_store_posix *s, struct hkp_htp__store_folder *folder) {
    struct stat st;
    const int fd = hkp_htp__store_resolve(s, folder->path, folder->path_len, O_PATH | O_DIRECTORY);
    const int is_there =
        fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == folder->dev && st.st_ino == folder->ino;
    if (fd >= 0) (void)close(fd);
    folder->is_gone |= !is_there;
    if (is_there) folder->seen_ns = hkp_htp__store_now();
    return is_there;
}

static void release(struct hkp_htp_store_posix *s, struct hkp_htp__store_folder *folder) {
    struct hkp_htp__store_folder **at = &s->folders;
    while (*at != folder) at = &(*at)->next;
    *at = folder->next;
    (void)close(folder->fd);
    hkp_mem_free(&s->opt.mem, folder, sizeof *folder);
}

/* The idle folder that was not seen for the longest time, or one that is gone. */
static void release_idle(struct hkp_htp_store_posix *s) {
    struct hkp_htp__store_folder *oldest = NULL;
    for (struct hkp_htp__store_folder *f = s->folders; f != NULL; f = f->next)
        if (f->refs == 0 && (oldest == NULL || f->is_gone || f->seen_ns < oldest->seen_ns)) {
            oldest = f;
            if (f->is_gone) break;
        }
    s->folders_idle--;
    release(s, oldest);
}

void hkp_htp__store_folder_put(struct hkp_htp_store_posix *s, struct hkp_htp__store_folder *folder) {
    if (--folder->refs > 0) return;
    s->folders_idle++;
    if (folder->is_gone || s->folders_idle > HKP_HTP__STORE_FOLDERS_IDLE) release_idle(s);
}

void hkp_htp__store_folders_free(struct hkp_htp_store_posix *s) {
    while (s->folders != NULL) release(s, s->folders);
}

void hkp_htp__store_folders_gone(struct hkp_htp_store_posix *s, const char *path, size_t len) {
    for (struct hkp_htp__store_folder *f = s->folders, *next; f != NULL; f = next) {
        next = f->next;
        if (f->path_len < len || memcmp(f->path, path, len) != 0) continue;
        if (f->path_len > len && f->path[len] != '/') continue;
        f->is_gone = 1;
        if (f->refs > 0) continue;
        s->folders_idle--;
        release(s, f);
    }
}

static struct hkp_htp__store_folder *find(struct hkp_htp_store_posix *s, const char *path, size_t len) {
    for (struct hkp_htp__store_folder *f = s->folders; f != NULL; f = f->next) {
        if (f->is_gone || f->path_len != len || (len > 0 && memcmp(f->path, path, len) != 0)) continue;
        if (hkp_htp__store_now() - f->seen_ns < BELIEF_NS || hkp_htp__store_folder_check(s, f)) return f;
    }
    return NULL;
}

static uint32_t folder_open(struct hkp_htp_store_posix *s, const char *path, size_t len, int make,
                            struct hkp_htp__store_folder **out) {
    struct stat st;
    int fd = hkp_htp__store_resolve(s, path, len, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT && make) fd = make_folders(s, path, len);
    if (fd < 0) return hkp_htp__store_code(errno);
    struct hkp_htp__store_folder *f = hkp_mem_alloc(&s->opt.mem, sizeof *f);
    if (f == NULL || fstat(fd, &st) != 0) {
        hkp_mem_free(&s->opt.mem, f, sizeof *f);
        (void)close(fd);
        return f == NULL ? HKP_HTP_FILE_BUSY : HKP_HTP_FILE_IO_ERROR;
    }
    f->fd = fd;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->seen_ns = hkp_htp__store_now();
    f->path_len = (uint32_t)len;
    if (len > 0) memcpy(f->path, path, len);
    f->next = s->folders;
    s->folders = f;
    s->folders_idle++;
    *out = f;
    return HKP_HTP_FILE_OK;
}

uint32_t hkp_htp__store_folder_get(struct hkp_htp_store_posix *s, const char *path, size_t len, int make,
                                   struct hkp_htp__store_folder **out) {
    struct hkp_htp__store_folder *f = find(s, path, len);
    if (f == NULL) {
        const uint32_t code = folder_open(s, path, len, make, &f);
        if (code != HKP_HTP_FILE_OK) return code;
    }
    if (f->refs++ == 0) s->folders_idle--;
    *out = f;
    return HKP_HTP_FILE_OK;
}
