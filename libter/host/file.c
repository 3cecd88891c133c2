/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Files and randomness: the system calls that the rest of the family needs for keys and state. */
#include "libter/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = 4096, PATH_LEN_MAX = 4000 };

int32_t hkp_ter__random(void *user, uint8_t *dst, size_t len) {
    (void)user;
    while (len > 0) {
        ssize_t n = getrandom(dst, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        dst += n;
        len -= (size_t)n;
    }
    return 0;
}

void hkp_ter_system_rng(struct hkp_rng *rng) {
    rng->user = NULL;
    rng->fill = hkp_ter__random;
}

int hkp_ter__read_at(int fd, uint64_t offset, uint8_t *dst, size_t cap, size_t *len) {
    size_t got = 0;
    while (got < cap) {
        ssize_t n = pread(fd, dst + got, cap - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) break;
        got += (size_t)n;
    }
    *len = got;
    return 0;
}

int hkp_ter__write_at(int fd, uint64_t offset, const uint8_t *bytes, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, bytes + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : EIO;
        done += (size_t)n;
    }
    return 0;
}

int hkp_ter__open_read(int dir_fd, const char *path) {
    return openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

int hkp_ter__join(char *dst, size_t cap, const char *folder, const char *name) {
    size_t a = strlen(folder), b = strlen(name);
    if (a + 1 + b + 1 > cap) return 0;
    memcpy(dst, folder, a);
    dst[a] = '/';
    memcpy(dst + a + 1, name, b + 1);
    return 1;
}

static hkp_status read_open_file(int fd, int32_t private_only, uint8_t *dst, size_t cap, size_t *len) {
    struct stat st;
    uint8_t more;
    size_t got, rest = 0;
    if (fstat(fd, &st) != 0) return HKP_E_IO;
    if (!S_ISREG(st.st_mode) || (private_only && (st.st_mode & 077) != 0)) return HKP_E_STATE;
    if (hkp_ter__read_at(fd, 0, dst, cap, &got) != 0) return HKP_E_IO;
    if (got == cap && hkp_ter__read_at(fd, cap, &more, 1, &rest) != 0) return HKP_E_IO;
    if (rest > 0) return HKP_E_NOSPC;
    *len = got;
    return HKP_OK;
}

hkp_status hkp_ter_file_read(const char *path, int32_t private_only, uint8_t *dst, size_t cap, size_t *len) {
    int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? HKP_E_NOTFOUND : HKP_E_IO;
    hkp_status st = read_open_file(fd, private_only, dst, cap, len);
    close(fd);
    return st;
}

/* The folder of path, as far as the last slash; "." without one. */
static void folder_of(const char *path, char folder[PATH_CAP]) {
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, slash == NULL ? "." : path, len + (slash == NULL));
    folder[len + (slash == NULL)] = 0;
}

int hkp_ter__sync_folder_of(const char *path) {
    char folder[PATH_CAP];
    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int write_temporary(const char *temporary, const uint8_t *bytes, size_t len) {
    if (unlink(temporary) != 0 && errno != ENOENT) return -1;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    int failed = hkp_ter__write_at(fd, 0, bytes, len) != 0 || fsync(fd) != 0;
    return close(fd) != 0 || failed ? -1 : 0;
}

hkp_status hkp_ter_file_write(const char *path, const uint8_t *bytes, size_t len) {
    char temporary[PATH_CAP];
    size_t path_len = strlen(path);
    if (path_len == 0 || path_len > PATH_LEN_MAX) return HKP_E_INVAL;
    memcpy(temporary, path, path_len);
    memcpy(temporary + path_len, ".tmp", 5);
    if (write_temporary(temporary, bytes, len) != 0 || rename(temporary, path) != 0) {
        unlink(temporary);
        return HKP_E_IO;
    }
    return hkp_ter__sync_folder_of(path) == 0 ? HKP_OK : HKP_E_IO;
}
