/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * APPEND: the old content and the part behind it become a file of their own, which then replaces the old one
 * (decision 0416). Content is shared where the system can, else copied, some of it in each call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libhtp/posix/store.h"

/* Bytes of one call, and of one turn through this process. */
enum { STEP = 32 * 1024 * 1024, TURN = 32 * 1024 };

/* Copies up to len bytes; how many, 0 at the end of from, -1 and errno. */
static ssize_t copy(const struct hkp_htp_store_posix *s, int from, uint64_t at, int to, uint64_t to_at,
                    uint64_t len) {
    uint8_t turn[TURN];
    loff_t in = (loff_t)at, out = (loff_t)to_at;
    if (!(s->opt.off & HKP_HTP_STORE_POSIX_NO_COPY)) {
        const ssize_t n = copy_file_range(from, &in, to, &out, len, 0);
        if (n >= 0 || (errno != EXDEV && errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP &&
                       errno != EPERM && errno != EBADF))
            return n;
    }
    const ssize_t n = pread(from, turn, len < TURN ? len : TURN, (off_t)at);
    return n <= 0 ? n : pwrite(to, turn, (size_t)n, (off_t)to_at);
}

/* The file that old content and part go into. */
static uint32_t open_joined(const struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    char name[HKP_HTP__STORE_PART_NAME];
    const int dir = h->folder->fd;
    h->part_fd = h->fd;
    h->part_named = h->named;
    h->named = HKP_HTP__NAME_NONE;
    h->fd = -1;
    if (!(s->opt.off & HKP_HTP_STORE_POSIX_NO_TMPFILE))
        h->fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (h->fd >= 0) return HKP_HTP_FILE_OK;
    hkp_htp__store_part_name(h->part, ".join", name);
    (void)unlinkat(dir, name, 0); /* the part is locked: it was left by one that ended */
    h->fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (h->fd < 0) return hkp_htp__store_code(errno);
    h->named = HKP_HTP__NAME_JOIN;
    return HKP_HTP_FILE_OK;
}

static uint32_t begin(const struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    uint32_t code = h->part_fd >= 0 ? HKP_HTP_FILE_OK : open_joined(s, h);
    if (code != HKP_HTP_FILE_OK) return code;
    h->joins++;
    h->old_fd = openat(h->folder->fd, h->path + h->name_at,
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (h->old_fd < 0 || fstat(h->old_fd, &h->seen) != 0) return hkp_htp__store_code(errno);
    code = hkp_htp__store_is_file(&h->seen);
    if (code == HKP_HTP_FILE_OK && ftruncate(h->fd, 0) != 0) code = hkp_htp__store_code(errno);
    if (code != HKP_HTP_FILE_OK) return code;
    if (!(s->opt.off & HKP_HTP_STORE_POSIX_NO_CLONE) && ioctl(h->fd, FICLONE, h->old_fd) == 0)
        h->joined = (uint64_t)h->seen.st_size;
    return HKP_HTP_FILE_OK;
}

uint32_t hkp_htp__store_join(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h) {
    const uint32_t code = h->old_fd >= 0 ? HKP_HTP_FILE_OK : begin(s, h);
    if (code != HKP_HTP_FILE_OK) return code;
    const uint64_t old = (uint64_t)h->seen.st_size, all = old + h->len;
    for (uint64_t done = 0; h->joined < all && done < STEP;) {
        const int is_old = h->joined < old;
        const uint64_t at = is_old ? h->joined : h->joined - old, left = (is_old ? old : h->len) - at;
        const ssize_t n = copy(s, is_old ? h->old_fd : h->part_fd, at, h->fd, h->joined,
                               left < STEP - done ? left : STEP - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return hkp_htp__store_code(errno);
        if (n == 0) return HKP_HTP_FILE_CHANGED;
        h->joined += (uint64_t)n;
        done += (uint64_t)n;
    }
    if (h->joined < all) {
        (void)sync_file_range(h->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return HKP_HTP_FILE_AGAIN;
    }
    return HKP_HTP_FILE_OK;
}
