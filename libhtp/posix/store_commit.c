/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * From part to content, durably (HTP-13.8). Commits that come together are done together: all files are
 * synced, each gets its name, each folder is synced once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libhtp/posix/store.h"

/* Commits by APPEND that find another content than they have copied. */
enum { JOINS_MAX = 16 };

void hkp_htp__store_unqueue(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    if (h->state != HKP_HTP__HANDLE_WAITING) return;
    struct hkp_htp__store_handle **at = &s->first, *before = NULL;
    for (; *at != h; at = &(*at)->next) before = *at;
    *at = h->next;
    if (s->last == h) s->last = before;
    h->next = NULL;
    s->waiting--;
}

static void enqueue(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    h->state = HKP_HTP__HANDLE_WAITING;
    h->result = HKP_HTP_FILE_OK;
    h->next = NULL;
    if (s->last != NULL)
        s->last->next = h;
    else
        s->first = h;
    s->last = h;
    s->waiting++;
}

static void fail(struct hkp_htp__store_handle *h, int error) {
    if (h->result == HKP_HTP_FILE_OK) h->result = hkp_htp__store_code(error);
}

/* What is to be known of the file besides its content. */
static void prepare(const struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)(h->mtime_us / 1000000U), .tv_nsec = (long)(h->mtime_us % 1000000U * 1000U)}};
    if (fchmod(h->fd, h->mode != 0 ? h->mode : s->opt.file_mode) != 0) fail(h, errno);
    if (h->mtime_us != 0 && futimens(h->fd, times) != 0) fail(h, errno);
}

/* The first name of a file that has none. */
static int give_name(int fd, int dir, const char *name) {
    char proc[32];
    if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0) return 0;
    if (errno != ENOENT && errno != EPERM && errno != EINVAL) return -1;
    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW);
}

/* A name that no other file can have: it is made of the number of this one. */
static int give_own_name(int fd, int dir, char out[HKP_HTP__STORE_PART_NAME]) {
    struct stat st;
    if (fstat(fd, &st) != 0) return -1;
    (void)snprintf(out, HKP_HTP__STORE_PART_NAME, ".htp-%016llx%016llx.join", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    if (give_name(fd, dir, out) == 0) return 0;
    if (errno != EEXIST || unlinkat(dir, out, 0) != 0) return -1;
    return give_name(fd, dir, out);
}

/* From the name of a part to a name that must be free. */
static int rename_new(const struct hkp_htp_store_posix *s, int dir, const char *from, const char *to) {
    if (!(s->opt.off & HKP_HTP_STORE_POSIX_NO_NOREPLACE)) {
        if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0) return 0;
        if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return -1;
    }
    if (linkat(dir, from, dir, to, 0) != 0) return -1;
    return unlinkat(dir, from, 0) == 0 || errno == ENOENT ? 0 : -1;
}

/* Whether the name still leads to what the handle has written. */
static int has_name(const struct hkp_htp__store_handle *h, const char *name) {
    struct stat st, by_name;
    return fstat(h->fd, &st) == 0 && fstatat(h->folder->fd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == by_name.st_ino && st.st_dev == by_name.st_dev;
}

static int name_new(const struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    char from[HKP_HTP__STORE_PART_NAME];
    const char *to = h->path + h->name_at;
    const int dir = h->folder->fd;
    if (h->named == HKP_HTP__NAME_NONE) return give_name(h->fd, dir, to);
    hkp_htp__store_part_name(h->part, ".part", from);
    if (has_name(h, from)) return rename_new(s, dir, from, to);
    errno = ENOENT;
    return -1;
}

static int name_over(struct hkp_htp__store_handle *h) {
    char from[HKP_HTP__STORE_PART_NAME];
    const int dir = h->folder->fd;
    if (h->named == HKP_HTP__NAME_NONE) {
        if (give_own_name(h->fd, dir, from) != 0) return -1;
    } else {
        hkp_htp__store_part_name(h->part, h->named == HKP_HTP__NAME_PART ? ".part" : ".join", from);
        if (!has_name(h, from)) {
            errno = ENOENT;
            return -1;
        }
    }
    if (renameat(dir, from, dir, h->path + h->name_at) == 0) return 0;
    const int error = errno;
    if (h->named == HKP_HTP__NAME_NONE) (void)unlinkat(dir, from, 0);
    errno = error;
    return -1;
}

static int is_unchanged(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim) == 0 &&
           memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim) == 0;
}

/* Whether what is there may be replaced; its size goes to *old. CHANGED: APPEND must copy again. */
static uint32_t look(const struct hkp_htp__store_handle *h, uint64_t *old) {
    struct stat st;
    *old = 0;
    if (fstatat(h->folder->fd, h->path + h->name_at, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT && (h->flags & HKP_HTP_STORE_CREATE) ? HKP_HTP_FILE_OK
                                                                    : hkp_htp__store_code(errno);
    const uint32_t code = hkp_htp__store_is_file(&st);
    if (code != HKP_HTP_FILE_OK) return code;
    *old = (uint64_t)st.st_size;
    if ((h->flags & HKP_HTP_STORE_APPEND) && !is_unchanged(&st, &h->seen)) return HKP_HTP_FILE_CHANGED;
    return HKP_HTP_FILE_OK;
}

/* The moment at which the old content becomes the new one. */
static void place(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    const int is_new = (h->flags & HKP_HTP_STORE_CREATE) && !(h->flags & HKP_HTP_STORE_OVERWRITE);
    uint64_t old = 0;
    if (!h->folder->was_checked) {
        (void)hkp_htp__store_folder_check(s, h->folder);
        h->folder->was_checked = 1;
    }
    if (h->folder->is_gone)
        h->result = HKP_HTP_FILE_NOT_FOUND;
    else if (!is_new)
        h->result = look(h, &old);
    if (h->result != HKP_HTP_FILE_OK) return;
    if ((is_new ? name_new(s, h) : name_over(h)) != 0) {
        fail(h, errno);
        return;
    }
    h->named = HKP_HTP__NAME_NONE;
    if (h->part_named != HKP_HTP__NAME_NONE) hkp_htp__store_drop(h);
    h->folder->is_dirty = 1;
    const uint64_t now = h->flags & HKP_HTP_STORE_APPEND ? h->joined : h->len;
    hkp_htp__store_charge(s, h->path, h->path_len, now, old);
}

/* Syncs the files of the queue; what fails gets no name. */
static void sync_files(struct hkp_htp_store_posix *s) {
    int fd[HKP_HTP__STORE_GROUP] = {-1}, error[HKP_HTP__STORE_GROUP];
    size_t n = 0;
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next)
        if (h->result == HKP_HTP_FILE_OK) fd[n++] = h->fd;
    hkp_htp__store_sync(s, fd, error, n);
    n = 0;
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next)
        if (h->result == HKP_HTP_FILE_OK && error[n++] != 0) fail(h, error[n - 1]);
}

/* Syncs each folder that something was renamed in, once. */
static void sync_folders(struct hkp_htp_store_posix *s) {
    struct hkp_htp__store_folder *folder[HKP_HTP__STORE_GROUP];
    int fd[HKP_HTP__STORE_GROUP] = {-1}, error[HKP_HTP__STORE_GROUP];
    size_t n = 0;
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next) {
        if (!h->folder->is_dirty) continue;
        h->folder->is_dirty = 0;
        folder[n] = h->folder;
        fd[n++] = h->folder->fd;
    }
    hkp_htp__store_sync(s, fd, error, n);
    for (size_t i = 0; i < n; i++)
        for (struct hkp_htp__store_handle *h = s->first; h != NULL && error[i] != 0; h = h->next)
            if (h->folder == folder[i]) fail(h, error[i]);
}

/* Tells a handle how it went; APPEND may have to copy again. */
static void settle(struct hkp_htp__store_handle *h) {
    if (h->result == HKP_HTP_FILE_CHANGED && h->joins < JOINS_MAX) {
        h->state = HKP_HTP__HANDLE_JOIN;
        h->joined = 0;
        (void)close(h->old_fd);
        h->old_fd = -1;
        return;
    }
    h->state = HKP_HTP__HANDLE_DONE;
    if (h->result != HKP_HTP_FILE_OK) hkp_htp__store_drop(h);
}

void hkp_htp__store_flush(void *user) {
    struct hkp_htp_store_posix *s = user;
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next) prepare(s, h);
    sync_files(s);
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next) h->folder->was_checked = 0;
    for (struct hkp_htp__store_handle *h = s->first; h != NULL; h = h->next)
        if (h->result == HKP_HTP_FILE_OK) place(s, h);
    sync_folders(s);
    while (s->first != NULL) {
        struct hkp_htp__store_handle *h = s->first;
        hkp_htp__store_unqueue(s, h);
        settle(h);
    }
    hkp_htp__store_clean(s);
}

uint32_t hkp_htp__store_commit(void *user, uint64_t handle, uint64_t size) {
    struct hkp_htp_store_posix *s = user;
    struct hkp_htp__store_handle *h = hkp_htp__store_handle(s, handle);
    uint32_t code = HKP_HTP_FILE_OK;
    if (h == NULL || h->state == HKP_HTP__HANDLE_READ) return HKP_HTP_FILE_INVALID_OPERATION;
    if (h->state == HKP_HTP__HANDLE_PART) {
        if (h->len != size) code = HKP_HTP_FILE_HASH_MISMATCH;
        if (code == HKP_HTP_FILE_OK && (h->flags & HKP_HTP_STORE_APPEND))
            h->state = HKP_HTP__HANDLE_JOIN;
        else if (code == HKP_HTP_FILE_OK)
            enqueue(s, h);
    }
    if (h->state == HKP_HTP__HANDLE_JOIN) {
        code = hkp_htp__store_join(s, h);
        if (code == HKP_HTP_FILE_OK) enqueue(s, h);
    }
    if (code == HKP_HTP_FILE_OK && s->waiting >= HKP_HTP__STORE_GROUP) hkp_htp__store_flush(s);
    if (h->state == HKP_HTP__HANDLE_DEAD) code = HKP_HTP_FILE_CANCELLED;
    if (h->state == HKP_HTP__HANDLE_DONE) code = h->result;
    if (code == HKP_HTP_FILE_AGAIN || h->state == HKP_HTP__HANDLE_WAITING) return HKP_HTP_FILE_AGAIN;
    if (code == HKP_HTP_FILE_OK && h->state != HKP_HTP__HANDLE_DONE) return HKP_HTP_FILE_AGAIN;
    hkp_htp__store_close(s, handle, 0);
    return code;
}
