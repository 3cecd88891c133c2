/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A folder of a test's own, in memory where the system has that, and removed with all that is in it. */
#ifndef HKP_TESTS_FOLDER_H
#define HKP_TESTS_FOLDER_H

#include "check.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void folder_make(char path[64]) {
    strcpy(path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/hkp-XXXXXX" : "/tmp/hkp-XXXXXX");
    if (mkdtemp(path) == NULL) {
        printf("Bail out! no folder\n");
        exit(1);
    }
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void folder_remove(const char *path) { nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static inline void folder_path(char dst[128], const char *folder, const char *name) {
    snprintf(dst, 128, "%s/%s", folder, name);
}

static inline void file_put(const char *path, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

/** Content of a file into dst[cap]; its length, or -1. */
static inline long file_get(const char *path, void *dst, size_t cap) {
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, dst, cap);
    if (fd >= 0) close(fd);
    return (long)len;
}

#endif
