/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What lies in a store, and its content. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libhtp/files/file_names.h"
#include "libhtp/posix/store.h"

uint32_t hkp_htp__store_stat(void *user, const char *path, size_t path_len, struct hkp_htp_file_info *out) {
    struct stat st;
    if (!hkp_htp__file_path_ok(path, path_len)) return HKP_HTP_FILE_INVALID_PATH;
    const int fd = hkp_htp__store_resolve(user, path, path_len, O_PATH | O_NOFOLLOW);
    if (fd < 0) return hkp_htp__store_code(errno);
    uint32_t code = fstat(fd, &st) == 0 ? HKP_HTP_FILE_OK : hkp_htp__store_code(errno);
    (void)close(fd);
    if (code == HKP_HTP_FILE_OK && !S_ISDIR(st.st_mode)) code = hkp_htp__store_is_file(&st);
    if (code == HKP_HTP_FILE_OK) hkp_htp__store_info(&st, out);
    return code;
}

uint32_t hkp_htp__store_open(void *user, const char *path, size_t path_len, uint64_t *handle,
                             struct hkp_htp_file_info *out) {
    struct hkp_htp_store_posix *s = user;
    uint64_t id;
    if (!hkp_htp__file_path_ok(path, path_len)) return HKP_HTP_FILE_INVALID_PATH;
    struct hkp_htp__store_handle *h = hkp_htp__store_handle_new(s, &id);
    if (h == NULL) return HKP_HTP_FILE_BUSY;
    h->state = HKP_HTP__HANDLE_READ;
    /* O_NONBLOCK: what waits for a partner or a device is refused by its kind, not waited for. */
    h->fd = hkp_htp__store_resolve(s, path, path_len, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    uint32_t code = h->fd >= 0 && fstat(h->fd, &h->seen) == 0 ? HKP_HTP_FILE_OK : hkp_htp__store_code(errno);
    if (code == HKP_HTP_FILE_OK) code = hkp_htp__store_is_file(&h->seen);
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__store_handle_free(s, id);
        return code;
    }
    hkp_htp__store_info(&h->seen, out);
    *handle = id;
    return HKP_HTP_FILE_OK;
}

static int is_time(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether the file is still what was opened. One that lost its name, as by a put over it, keeps its content.
 */
static int is_same(struct hkp_htp__store_handle *h) {
    struct stat st;
    if (fstat(h->fd, &st) != 0 || st.st_size != h->seen.st_size || !is_time(&st.st_mtim, &h->seen.st_mtim))
        return 0;
    if (!is_time(&st.st_ctim, &h->seen.st_ctim)) {
        if (st.st_nlink != 0 || h->seen.st_nlink != 1) return 0;
        h->seen = st;
    }
    return 1;
}

uint32_t hkp_htp__store_read(void *user, uint64_t handle, uint64_t offset, uint8_t *dst, size_t len) {
    struct hkp_htp__store_handle *h = hkp_htp__store_handle(user, handle);
    if (h == NULL) return HKP_HTP_FILE_INVALID_OPERATION;
    if (h->state == HKP_HTP__HANDLE_DEAD) return HKP_HTP_FILE_CANCELLED;
    const int is_read = h->state == HKP_HTP__HANDLE_READ;
    if (!is_read && h->state != HKP_HTP__HANDLE_PART) return HKP_HTP_FILE_INVALID_OPERATION;
    const uint64_t size = is_read ? (uint64_t)h->seen.st_size : h->len;
    if (offset > size || len > size - offset)
        return is_read ? HKP_HTP_FILE_CHANGED : HKP_HTP_FILE_INVALID_OPERATION;
    while (len > 0) {
        const ssize_t n = pread(h->fd, dst, len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return hkp_htp__store_code(errno);
        if (n == 0) return HKP_HTP_FILE_CHANGED;
        dst += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return !is_read || is_same(h) ? HKP_HTP_FILE_OK : HKP_HTP_FILE_CHANGED;
}
