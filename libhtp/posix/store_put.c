/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Parts: content that is on its way to its path (HTP-13.8, 13.9). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libhtp/files/file_names.h"
#include "libhtp/posix/store.h"

enum {
    PUT_FLAGS = HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE | HKP_HTP_STORE_APPEND |
                HKP_HTP_STORE_FOLDERS | HKP_HTP_STORE_RESUME,
    PART_MODE = 0600,
    /* how often a name that others make and delete is tried */
    TRIES = 4,
    /* bytes whose write-back is started together, so that a commit has little left to wait for */
    WINDOW = 8 * 1024 * 1024
};

void hkp_htp__store_part_name(const uint8_t part[16], const char *end, char *out) {
    static const char digits[] = "0123456789abcdef";
    memcpy(out, ".htp-", 5);
    for (size_t i = 0; i < 16; i++) {
        out[5 + 2 * i] = digits[part[i] >> 4];
        out[6 + 2 * i] = digits[part[i] & 15];
    }
    memcpy(out + 37, end, 6);
}

/* Whether fd is a part of this store: nobody else's file, by whatever name it got here. */
static int is_ours(const struct stat *st) {
    return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid() &&
           (st->st_mode & 07777) == PART_MODE;
}

/* Locks a part for this process and sees that its name still leads to it: OK, BUSY, or AGAIN. */
static uint32_t take(int dir, const char *name, int fd) {
    struct stat by_name, st;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return HKP_HTP_FILE_BUSY;
    if (fstat(fd, &st) != 0) return hkp_htp__store_code(errno);
    if (fstatat(dir, name, &by_name, AT_SYMLINK_NOFOLLOW) != 0 || by_name.st_ino != st.st_ino ||
        by_name.st_dev != st.st_dev)
        return HKP_HTP_FILE_AGAIN;
    return HKP_HTP_FILE_OK;
}

/* A part that is there: it goes on, or begins again; AGAIN: it was no part and is deleted. */
static uint32_t take_old(struct hkp_htp__store_handle *h, int dir, const char *name) {
    struct stat st;
    const int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return HKP_HTP_FILE_AGAIN;
    if (fd < 0 || fstat(fd, &st) != 0 || !is_ours(&st)) {
        if (fd >= 0) (void)close(fd);
        return unlinkat(dir, name, 0) == 0 ? HKP_HTP_FILE_AGAIN : hkp_htp__store_code(errno);
    }
    uint32_t code = take(dir, name, fd);
    const uint64_t keep = h->flags & HKP_HTP_STORE_RESUME ? h->size : 0;
    if (code == HKP_HTP_FILE_OK && (uint64_t)st.st_size > keep && ftruncate(fd, (off_t)keep) != 0)
        code = hkp_htp__store_code(errno);
    if (code != HKP_HTP_FILE_OK) {
        (void)close(fd);
        return code;
    }
    h->fd = fd;
    h->len = h->started = (uint64_t)st.st_size < keep ? (uint64_t)st.st_size : keep;
    h->seen = st; /* what was counted until now */
    return HKP_HTP_FILE_OK;
}

static uint32_t open_named(struct hkp_htp__store_handle *h, int dir) {
    char name[HKP_HTP__STORE_PART_NAME];
    uint32_t code = HKP_HTP_FILE_AGAIN;
    hkp_htp__store_part_name(h->part, ".part", name);
    h->named = HKP_HTP__NAME_PART;
    for (int i = 0; i < TRIES && code == HKP_HTP_FILE_AGAIN; i++) {
        const int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PART_MODE);
        if (fd < 0 && errno == EEXIST) {
            code = take_old(h, dir, name);
            continue;
        }
        code = fd < 0 ? hkp_htp__store_code(errno) : take(dir, name, fd);
        if (code == HKP_HTP_FILE_OK)
            h->fd = fd;
        else if (fd >= 0)
            (void)close(fd);
    }
    return code == HKP_HTP_FILE_AGAIN ? HKP_HTP_FILE_BUSY : code;
}

/* Another handle with this part ends; what it wrote goes on in h, or is deleted. 1: h has it. */
static int take_over(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    for (uint32_t i = 0; i < s->slots_used; i++) {
        struct hkp_htp__store_handle *old = s->slot[i].handle;
        if (old == NULL || old == h || old->state == HKP_HTP__HANDLE_READ ||
            old->state == HKP_HTP__HANDLE_DONE || old->state == HKP_HTP__HANDLE_DEAD ||
            memcmp(old->part, h->part, 16) != 0 || old->folder != h->folder)
            continue;
        const int go_on = old->state == HKP_HTP__HANDLE_PART && old->named == HKP_HTP__NAME_PART &&
                          (h->flags & HKP_HTP_STORE_RESUME) && old->len <= h->size;
        hkp_htp__store_unqueue(s, old);
        if (!go_on) hkp_htp__store_drop(old);
        old->state = HKP_HTP__HANDLE_DEAD;
        if (!go_on) continue;
        h->fd = old->fd;
        h->named = old->named;
        h->len = old->len;
        h->started = old->started;
        old->fd = -1;
        return 1;
    }
    return 0;
}

/* Whether the target is there as the put wants it. */
static uint32_t look(const struct hkp_htp__store_handle *h, int dir) {
    struct stat st;
    const int creates = (h->flags & HKP_HTP_STORE_CREATE) != 0;
    if (fstatat(dir, h->path + h->name_at, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT && creates ? HKP_HTP_FILE_OK : hkp_htp__store_code(errno);
    if (S_ISDIR(st.st_mode)) return creates ? HKP_HTP_FILE_ALREADY_EXISTS : HKP_HTP_FILE_INVALID_OPERATION;
    const uint32_t code = hkp_htp__store_is_file(&st);
    if (code != HKP_HTP_FILE_OK) return code;
    return creates && !(h->flags & HKP_HTP_STORE_OVERWRITE) ? HKP_HTP_FILE_ALREADY_EXISTS : HKP_HTP_FILE_OK;
}

static uint32_t open_part(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    const int dir = h->folder->fd;
    const uint32_t code = look(h, dir);
    if (code != HKP_HTP_FILE_OK) return code;
    if (take_over(s, h)) return HKP_HTP_FILE_OK;
    if (!(h->flags & HKP_HTP_STORE_RESUME) && !(s->opt.off & HKP_HTP_STORE_POSIX_NO_TMPFILE))
        h->fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, PART_MODE);
    return h->fd >= 0 ? HKP_HTP_FILE_OK : open_named(h, dir);
}

/* AGAIN: the folder that was found is not there any more. */
static uint32_t open_in_folder(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    uint32_t code = hkp_htp__store_folder_get(s, h->path, h->name_at > 0 ? h->name_at - 1 : 0,
                                              (h->flags & HKP_HTP_STORE_FOLDERS) != 0, &h->folder);
    if (code != HKP_HTP_FILE_OK) return code;
    code = open_part(s, h);
    if (code != HKP_HTP_FILE_NOT_FOUND || hkp_htp__store_folder_check(s, h->folder)) return code;
    hkp_htp__store_folder_put(s, h->folder);
    h->folder = NULL;
    return HKP_HTP_FILE_AGAIN;
}

static int put_is_sound(const struct hkp_htp_store_put *put) {
    const uint32_t f = put->flags;
    if ((f & ~(uint32_t)PUT_FLAGS) || ((f & HKP_HTP_STORE_APPEND) && (f & HKP_HTP_STORE_CREATE))) return 0;
    return put->mode <= 0777 && put->reserved0 == 0;
}

static int root_is_prefix(const struct hkp_htp_store_put *put) {
    const uint32_t n = put->quota_root_len;
    if (n == 0) return 1;
    return n < put->path_len && memcmp(put->quota_root, put->path, n) == 0 && put->path[n] == '/';
}

static uint32_t name_at(const struct hkp_htp_store_put *put) {
    uint32_t at = put->path_len;
    while (at > 0 && put->path[at - 1] != '/') at--;
    return at;
}

static void describe(struct hkp_htp__store_handle *h, const struct hkp_htp_store_put *put) {
    h->state = HKP_HTP__HANDLE_PART;
    h->size = put->size;
    h->mtime_us = put->mtime_us;
    h->flags = put->flags;
    h->mode = put->mode;
    memcpy(h->part, put->part, 16);
    memcpy(h->path, put->path, put->path_len);
    h->path_len = put->path_len;
    h->name_at = name_at(put);
}

uint32_t hkp_htp__store_create(void *user, const struct hkp_htp_store_put *put, uint64_t *handle,
                               uint64_t *have) {
    struct hkp_htp_store_posix *s = user;
    uint64_t id;
    if (put->path_len == 0 || !hkp_htp__file_path_ok(put->path, put->path_len) || !root_is_prefix(put))
        return HKP_HTP_FILE_INVALID_PATH;
    if (!put_is_sound(put)) return HKP_HTP_FILE_INVALID_OPERATION;
    if (put->size > INT64_MAX) return HKP_HTP_FILE_QUOTA_EXCEEDED;
    hkp_htp__store_clean(s);
    uint32_t code = hkp_htp__store_quota_count(s, put);
    if (code != HKP_HTP_FILE_OK) return code;
    struct hkp_htp__store_handle *h = hkp_htp__store_handle_new(s, &id);
    if (h == NULL) return HKP_HTP_FILE_BUSY;
    describe(h, put);
    do code = open_in_folder(s, h);
    while (code == HKP_HTP_FILE_AGAIN);
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__store_handle_free(s, id);
        return code;
    }
    /* From here on the handle counts, with the whole of its size, and what is on the disk does not. */
    hkp_htp__store_charge(s, h->path, h->path_len, 0, (uint64_t)h->seen.st_size);
    code = hkp_htp__store_quota_room(s, put);
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__store_close(s, id, h->len > 0);
        return code;
    }
    *handle = id;
    *have = h->len;
    return HKP_HTP_FILE_OK;
}

static void start_write_back(struct hkp_htp__store_handle *h) {
    if (h->len - h->started < WINDOW) return;
    const off_t at = (off_t)h->started, len = (off_t)(h->len - h->started);
    (void)sync_file_range(h->fd, at, len, SYNC_FILE_RANGE_WRITE);
    /* Waiting for what was started before the last one keeps what is not on the disk, and so every wait,
     * short. */
    if (at >= 2 * WINDOW) (void)sync_file_range(h->fd, at - 2 * WINDOW, WINDOW, SYNC_FILE_RANGE_WAIT_BEFORE);
    h->started = h->len;
}

static uint32_t cut(struct hkp_htp__store_handle *h, uint64_t offset) {
    int done;
    do done = ftruncate(h->fd, (off_t)offset);
    while (done != 0 && errno == EINTR);
    if (done != 0) return hkp_htp__store_code(errno);
    h->len = offset;
    if (h->started > offset) h->started = offset;
    return HKP_HTP_FILE_OK;
}

uint32_t hkp_htp__store_write(void *user, uint64_t handle, uint64_t offset, const uint8_t *data, size_t len) {
    struct hkp_htp__store_handle *h = hkp_htp__store_handle(user, handle);
    if (h == NULL) return HKP_HTP_FILE_INVALID_OPERATION;
    if (h->state == HKP_HTP__HANDLE_DEAD) return HKP_HTP_FILE_CANCELLED;
    if (h->state != HKP_HTP__HANDLE_PART || offset > h->len) return HKP_HTP_FILE_INVALID_OPERATION;
    if (len > h->size - offset) return HKP_HTP_FILE_TRANSFER_FAILED;
    uint32_t code = offset < h->len ? cut(h, offset) : HKP_HTP_FILE_OK;
    while (code == HKP_HTP_FILE_OK && len > 0) {
        const ssize_t n = pwrite(h->fd, data, len, (off_t)h->len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            code = n < 0 ? hkp_htp__store_code(errno) : HKP_HTP_FILE_IO_ERROR;
            break;
        }
        data += n;
        len -= (size_t)n;
        h->len += (uint64_t)n;
    }
    if (code != HKP_HTP_FILE_OK && h->len > offset) (void)cut(h, offset);
    start_write_back(h);
    return code;
}

static void unlink_part(const struct hkp_htp__store_handle *h, int named) {
    char name[HKP_HTP__STORE_PART_NAME];
    if (named == HKP_HTP__NAME_NONE) return;
    hkp_htp__store_part_name(h->part, named == HKP_HTP__NAME_PART ? ".part" : ".join", name);
    (void)unlinkat(h->folder->fd, name, 0);
}

void hkp_htp__store_drop(struct hkp_htp__store_handle *h) {
    unlink_part(h, h->named);
    unlink_part(h, h->part_named);
    h->named = h->part_named = HKP_HTP__NAME_NONE;
}

void hkp_htp__store_close(void *user, uint64_t handle, uint32_t keep) {
    struct hkp_htp_store_posix *s = user;
    struct hkp_htp__store_handle *h = hkp_htp__store_handle(s, handle);
    if (h == NULL) return;
    hkp_htp__store_unqueue(s, h);
    if (keep && (h->flags & HKP_HTP_STORE_RESUME) && h->state == HKP_HTP__HANDLE_PART)
        hkp_htp__store_charge(s, h->path, h->path_len, h->len, 0);
    else if (h->state != HKP_HTP__HANDLE_DEAD && h->state != HKP_HTP__HANDLE_DONE)
        hkp_htp__store_drop(h);
    hkp_htp__store_handle_free(s, handle);
}
