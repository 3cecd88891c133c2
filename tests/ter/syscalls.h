/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The system calls by which libter writes, seen by a test that is linked with --wrap for each of them
 * (tests/ter/meson.build: wrap_args). syscalls_step() is called before and after each one, and may end the
 * process; syscalls_wrote() and the like are told what was done.
 */
#ifndef HKP_TESTS_TER_SYSCALLS_H
#define HKP_TESTS_TER_SYSCALLS_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum syscalls_kind { SYS_CREATE, SYS_WRITE, SYS_SYNC, SYS_SYNC_FOLDER, SYS_CUT, SYS_RENAME, SYS_UNLINK };

/** What a test does with them. partial: bytes of a write to do before step() is asked again; 0: none. */
static void syscalls_step(enum syscalls_kind kind, int after);
static size_t syscalls_partial(size_t len);
static void syscalls_told(enum syscalls_kind kind, ino_t inode, const char *name, const char *to,
                          uint64_t offset, const void *bytes, size_t len);

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t offset);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __real_rename(const char *from, const char *to);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlink(const char *path);
int __real_unlinkat(int fd, const char *path, int flags);
int __real_open(const char *path, int flags, ...);
int __real_openat(int fd, const char *path, int flags, ...);

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int fd, const char *path, int flags);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);

/* The same calls by the names that a file offset of 64 bits gives them. */
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_openat64(int fd, const char *path, int flags, ...);

static inline ino_t syscalls_inode(int fd, int *folder) {
    struct stat st;
    if (fstat(fd, &st) != 0) return 0;
    *folder = S_ISDIR(st.st_mode);
    return st.st_ino;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    int folder = 0;
    const ino_t inode = syscalls_inode(fd, &folder);
    const size_t part = syscalls_partial(len);
    syscalls_step(SYS_WRITE, 0);
    if (part > 0) {
        (void)!__real_pwrite(fd, bytes, part, offset);
        syscalls_step(SYS_WRITE, 0);
    }
    const ssize_t n = __real_pwrite(fd, bytes, len, offset);
    if (n > 0) syscalls_told(SYS_WRITE, inode, NULL, NULL, (uint64_t)offset, bytes, (size_t)n);
    syscalls_step(SYS_WRITE, 1);
    return n;
}

static int syscalls_sync(int fd, int (*real)(int)) {
    int folder = 0;
    const ino_t inode = syscalls_inode(fd, &folder);
    const enum syscalls_kind kind = folder ? SYS_SYNC_FOLDER : SYS_SYNC;
    syscalls_step(kind, 0);
    const int got = real(fd);
    if (got == 0) syscalls_told(kind, inode, NULL, NULL, 0, NULL, 0);
    syscalls_step(kind, 1);
    return got;
}

int __wrap_fsync(int fd) { return syscalls_sync(fd, __real_fsync); }
int __wrap_fdatasync(int fd) { return syscalls_sync(fd, __real_fdatasync); }

int __wrap_ftruncate(int fd, off_t len) {
    int folder = 0;
    const ino_t inode = syscalls_inode(fd, &folder);
    syscalls_step(SYS_CUT, 0);
    const int got = __real_ftruncate(fd, len);
    if (got == 0) syscalls_told(SYS_CUT, inode, NULL, NULL, (uint64_t)len, NULL, 0);
    syscalls_step(SYS_CUT, 1);
    return got;
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to) {
    syscalls_step(SYS_RENAME, 0);
    const int got = __real_renameat(from_fd, from, to_fd, to);
    if (got == 0) syscalls_told(SYS_RENAME, 0, from, to, 0, NULL, 0);
    syscalls_step(SYS_RENAME, 1);
    return got;
}

int __wrap_rename(const char *from, const char *to) { return __wrap_renameat(AT_FDCWD, from, AT_FDCWD, to); }

int __wrap_unlinkat(int fd, const char *path, int flags) {
    syscalls_step(SYS_UNLINK, 0);
    const int got = __real_unlinkat(fd, path, flags);
    if (got == 0) syscalls_told(SYS_UNLINK, 0, path, NULL, 0, NULL, 0);
    syscalls_step(SYS_UNLINK, 1);
    return got;
}

int __wrap_unlink(const char *path) { return __wrap_unlinkat(AT_FDCWD, path, 0); }

static int syscalls_opened(int fd, const char *path, int flags) {
    int folder = 0;
    if (fd < 0 || (flags & O_CREAT) == 0) return fd;
    const ino_t inode = syscalls_inode(fd, &folder);
    syscalls_told(SYS_CREATE, inode, path, NULL, (uint64_t)(flags & O_TRUNC), NULL, 0);
    return fd;
}

static int syscalls_open(int fd, const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) != 0) syscalls_step(SYS_CREATE, 0);
    return syscalls_opened(__real_openat(fd, path, flags, mode), path, flags);
}

static mode_t syscalls_mode(int flags, va_list args) {
    return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

#define SYSCALLS_OPEN(function, folder)                                                                      \
    int function {                                                                                           \
        va_list args;                                                                                        \
        va_start(args, flags);                                                                               \
        const mode_t mode = syscalls_mode(flags, args);                                                      \
        va_end(args);                                                                                        \
        return syscalls_open(folder, path, flags, mode);                                                     \
    }
SYSCALLS_OPEN(__wrap_openat(int fd, const char *path, int flags, ...), fd)
SYSCALLS_OPEN(__wrap_openat64(int fd, const char *path, int flags, ...), fd)
SYSCALLS_OPEN(__wrap_open(const char *path, int flags, ...), AT_FDCWD)
SYSCALLS_OPEN(__wrap_open64(const char *path, int flags, ...), AT_FDCWD)

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset) {
    return __wrap_pwrite(fd, bytes, len, offset);
}
int __wrap_ftruncate64(int fd, off_t len) { return __wrap_ftruncate(fd, len); }

#endif
