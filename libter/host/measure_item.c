/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One item: what it is, its digest by the demanded method, and the cache of it (NZ1 2.3). */
#include "libter/host/host.h"
#include "libter/host/measure.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_LEN = HKP_TER__BUFFER_LEN, PATH_CAP = HKP_TER__PATH_CAP, SHA256_LEN = 32, WORK_LEAST = 4096 };
/* Time stamps of file systems step by up to 2 s. */
#define YOUNG_NS 2000000000LL
/* How much longer than it said it was a file may turn out to be. */
#define GROWTH_MAX 67108864U

void hkp_ter__entry_path(const struct hkp_ter__entry *e, char path[PATH_CAP]) {
    memcpy(path, e->path, e->path_len);
    path[e->path_len] = 0;
}

uint64_t hkp_ter__entry_work(const struct hkp_ter__entry *e) {
    return e->kind == HKP_TER_KIND_FILE && e->seen.size > WORK_LEAST ? e->seen.size : WORK_LEAST;
}

static uint8_t outcome_of_errno(int error) {
    return error == ENOENT || error == ENOTDIR ? HKP_TER_KIND_ABSENT : HKP_TER_KIND_UNREADABLE;
}

/* Links are followed; a file of another type is nothing that FILE or VERITY can measure. */
static uint8_t identify(int dir_fd, const char *path, int flags, struct hkp_ter__identity *id) {
    struct statx sx;
    if (statx(dir_fd, path, flags, STATX_BASIC_STATS | STATX_MNT_ID, &sx) != 0)
        return outcome_of_errno(errno);
    if (!S_ISREG(sx.stx_mode)) return HKP_TER_KIND_UNREADABLE;
    id->dev = (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor;
    id->ino = sx.stx_ino;
    id->size = sx.stx_size;
    id->mount = (sx.stx_mask & STATX_MNT_ID) != 0 ? sx.stx_mnt_id : 0;
    id->mtime_ns = (int64_t)((uint64_t)sx.stx_mtime.tv_sec * 1000000000U + sx.stx_mtime.tv_nsec);
    id->ctime_ns = (int64_t)((uint64_t)sx.stx_ctime.tv_sec * 1000000000U + sx.stx_ctime.tv_nsec);
    return HKP_TER_KIND_FILE;
}

static int same_identity(const struct hkp_ter__identity *a, const struct hkp_ter__identity *b) {
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mount == b->mount &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/*
 * Opens what is a regular file, and nothing else: a pipe could block, a device could act on being opened. The
 * type is asked of the thing itself, not of its name. -1 and errno; without /proc only the name can be asked.
 */
static int open_regular(const char *path) {
    char again[32];
    struct stat st;
    int at = open(path, O_PATH | O_CLOEXEC);
    if (at < 0) return -1;
    snprintf(again, sizeof again, "/proc/self/fd/%d", at);
    int fd = -1, error = EINVAL;
    if (fstat(at, &st) == 0 && S_ISREG(st.st_mode)) {
        fd = hkp_ter__open_read(AT_FDCWD, again);
        if (fd < 0 && errno == ENOENT) fd = hkp_ter__open_read(AT_FDCWD, path);
        error = errno;
    }
    close(at);
    errno = error;
    return fd;
}

/* A file that grows faster than it can be read has no content to speak of: limit bytes, then it is
 * unreadable. */
static int hash_content(struct hkp_ter_measure *m, int fd, uint64_t limit, uint8_t digest[32],
                        uint64_t *total) {
    struct hkp_sha256 hash;
    size_t len;
    *total = 0;
    hkp_sha256_init(&hash);
    do {
        if (hkp_ter__read_at(fd, *total, m->buffer, BUFFER_LEN, &len) != 0) return 0;
        hkp_sha256_update(&hash, m->buffer, len);
        *total += len;
    } while (len == BUFFER_LEN && *total < limit);
    hkp_sha256_final(&hash, digest);
    m->hashed_bytes += *total;
    return len < BUFFER_LEN;
}

static int read_verity(int fd, uint8_t digest[32]) {
    uint8_t space[sizeof(struct fsverity_digest) + SHA256_LEN] __attribute__((aligned(8))) = {0};
    struct fsverity_digest head = {.digest_size = SHA256_LEN};
    memcpy(space, &head, sizeof head);
    if (ioctl(fd, FS_IOC_MEASURE_VERITY, space) != 0) return 0;
    memcpy(&head, space, sizeof head);
    if (head.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || head.digest_size != SHA256_LEN) return 0;
    memcpy(digest, space + sizeof head, SHA256_LEN);
    return 1;
}

static int is_young(const struct hkp_ter__identity *id) {
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return 1;
    int64_t now_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
    return id->ctime_ns > now_ns - YOUNG_NS;
}

static void set_cached(struct hkp_ter_measure *m, struct hkp_ter__entry *e, int cached) {
    if (e->cached) m->total -= hkp_ter__entry_work(e);
    e->cached = 0;
    if (!cached) return;
    e->cached = 1;
    m->total += hkp_ter__entry_work(e);
}

/* FILE or VERITY by its open descriptor; the digest is kept only if nothing moved while it was made. */
static uint8_t measure_open(struct hkp_ter_measure *m, struct hkp_ter__entry *e, int fd) {
    struct hkp_ter__identity before, after;
    uint8_t digest[32];
    if (identify(fd, "", AT_EMPTY_PATH, &before) != HKP_TER_KIND_FILE) return HKP_TER_KIND_UNREADABLE;
    int young = is_young(&before), writer = hkp_ter__has_writer(fd), done;
    uint64_t total = before.size;
    if (e->kind == HKP_TER_KIND_FILE)
        done = hash_content(m, fd, before.size + GROWTH_MAX, digest, &total);
    else
        done = read_verity(fd, digest);
    m->hashed++;
    if (!done) return HKP_TER_KIND_UNREADABLE;
    memcpy(e->digest, digest, sizeof digest);
    e->seen = before;
    e->written = writer == 1;
    e->hashed = m->now;
    /* Files of procfs and sysfs say a wrong size, and their times do not move with their content. */
    set_cached(m, e,
               !young && total == before.size && total > 0 &&
                   identify(fd, "", AT_EMPTY_PATH, &after) == HKP_TER_KIND_FILE &&
                   same_identity(&before, &after));
    return e->kind;
}

static uint8_t measure_file(struct hkp_ter_measure *m, struct hkp_ter__entry *e, const char *path,
                            int fresh) {
    struct hkp_ter__identity id;
    uint8_t found = identify(AT_FDCWD, path, 0, &id);
    if (found == HKP_TER_KIND_FILE && e->cached && !fresh && same_identity(&id, &e->seen)) return e->kind;
    set_cached(m, e, 0);
    if (found != HKP_TER_KIND_FILE) return found;
    int fd = open_regular(path);
    if (fd < 0) return outcome_of_errno(errno);
    found = measure_open(m, e, fd);
    close(fd);
    return found;
}

static uint8_t measure_link(struct hkp_ter__entry *e, const char *path) {
    char target[PATH_CAP];
    ssize_t len = readlink(path, target, sizeof target);
    if (len < 0) return outcome_of_errno(errno);
    crypto_hash_sha256(e->digest, (const uint8_t *)target, (size_t)len);
    return HKP_TER_KIND_LINK;
}

/* The whole of a small file of /proc or /sys into the buffer; a kind says that it is there. */
static uint8_t read_pseudo(struct hkp_ter_measure *m, const char *path, size_t *len) {
    int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return outcome_of_errno(errno);
    int failed = hkp_ter__read_at(fd, 0, m->buffer, BUFFER_LEN, len);
    close(fd);
    return failed || *len == BUFFER_LEN ? HKP_TER_KIND_UNREADABLE : HKP_TER_KIND_PSEUDO;
}

/* The kernel's file holds 64 hex digits and the end of a line; without it a value that the caller gave. */
static uint8_t measure_pcr10(struct hkp_ter_measure *m, struct hkp_ter__entry *e) {
    size_t len, bin_len = 0;
    uint8_t pcr[32];
    uint8_t found = read_pseudo(m, m->pcr10_path, &len);
    if (found == HKP_TER_KIND_ABSENT && m->has_pcr10) {
        memcpy(e->digest, m->pcr10, 32);
        return HKP_TER_KIND_PSEUDO;
    }
    if (found != HKP_TER_KIND_PSEUDO) return HKP_TER_KIND_UNREADABLE;
    if (len == 65 && m->buffer[64] == '\n') len--;
    if (len != 64 || sodium_hex2bin(pcr, 32, (const char *)m->buffer, 64, NULL, &bin_len, NULL) != 0 ||
        bin_len != 32)
        return HKP_TER_KIND_UNREADABLE;
    memcpy(e->digest, pcr, 32);
    return HKP_TER_KIND_PSEUDO;
}

static uint8_t measure_pseudo(struct hkp_ter_measure *m, struct hkp_ter__entry *e, const char *path) {
    size_t len;
    if (strcmp(path, "@manifest") == 0) {
        memcpy(e->digest, m->manifest.digest, 32);
        return HKP_TER_KIND_PSEUDO;
    }
    if (strcmp(path, "@policy") == 0 && m->has_policy) {
        memcpy(e->digest, m->policy, 32);
        return HKP_TER_KIND_PSEUDO;
    }
    if (strcmp(path, "@cmdline") == 0) {
        uint8_t found = read_pseudo(m, m->cmdline_path, &len);
        if (found == HKP_TER_KIND_PSEUDO) crypto_hash_sha256(e->digest, m->buffer, len);
        return found;
    }
    if (strcmp(path, "@modules") == 0) {
        uint8_t found = read_pseudo(m, m->modules_path, &len);
        if (found == HKP_TER_KIND_PSEUDO) hkp_ter_modules_digest(&m->manifest, m->buffer, len, e->digest);
        return found;
    }
    return strcmp(path, "@pcr10") == 0 ? measure_pcr10(m, e) : HKP_TER_KIND_UNREADABLE;
}

int hkp_ter__entry_measure(struct hkp_ter_measure *m, struct hkp_ter__entry *e, int fresh) {
    char path[PATH_CAP];
    uint8_t outcome = e->outcome, digest[32];
    uint32_t hashed = m->hashed;
    memcpy(digest, e->digest, 32);
    hkp_ter__entry_path(e, path);
    m->asked++;
    if (e->kind == HKP_TER_KIND_PSEUDO)
        e->outcome = measure_pseudo(m, e, path);
    else if (e->kind == HKP_TER_KIND_LINK)
        e->outcome = measure_link(e, path);
    else
        e->outcome = measure_file(m, e, path, fresh);
    if (e->outcome != e->kind) memset(e->digest, 0, sizeof e->digest);
    int other = outcome != e->outcome || memcmp(digest, e->digest, 32) != 0;
    if (other) m->changed = 1;
    return other || hashed != m->hashed;
}

/* Up to budget bytes from where it stands; 1 at the end of the file, -1 if it is not the file of before. */
static int read_slice(struct hkp_ter_measure *m, int fd, uint64_t budget, uint64_t *done) {
    struct hkp_ter__slice *s = &m->slice;
    struct hkp_ter__identity id;
    size_t len;
    if (identify(fd, "", AT_EMPTY_PATH, &id) != HKP_TER_KIND_FILE || !same_identity(&id, &s->seen)) return -1;
    for (*done = 0; *done < budget && s->offset <= id.size; *done += len) {
        if (hkp_ter__read_at(fd, s->offset, m->buffer, BUFFER_LEN, &len) != 0) return -1;
        hkp_sha256_update(&s->hash, m->buffer, len);
        s->offset += len;
        m->hashed_bytes += len;
        if (len < BUFFER_LEN) break;
    }
    if (identify(fd, "", AT_EMPTY_PATH, &id) != HKP_TER_KIND_FILE || !same_identity(&id, &s->seen)) return -1;
    return s->offset < id.size ? 0 : s->offset == id.size ? 1 : -1;
}

uint64_t hkp_ter__entry_slice(struct hkp_ter_measure *m, uint32_t item, uint64_t budget) {
    struct hkp_ter__entry *e = &m->entries[item];
    struct hkp_ter__slice *s = &m->slice;
    char path[PATH_CAP];
    uint8_t digest[32];
    uint64_t done = 0;
    if (s->item != item || !same_identity(&s->seen, &e->seen)) {
        s->item = item;
        s->offset = 0;
        s->seen = e->seen;
        hkp_sha256_init(&s->hash);
    }
    hkp_ter__entry_path(e, path);
    int fd = open_regular(path), end = fd < 0 ? -1 : read_slice(m, fd, budget, &done);
    if (fd >= 0) close(fd);
    m->asked++;
    if (end == 0) return done;
    s->item = UINT32_MAX;
    if (end < 0) {
        (void)hkp_ter__entry_measure(m, e, 1);
        return done + hkp_ter__entry_work(e);
    }
    hkp_sha256_final(&s->hash, digest);
    m->hashed++;
    m->changed |= memcmp(digest, e->digest, 32) != 0;
    memcpy(e->digest, digest, 32);
    e->hashed = m->now;
    return done + WORK_LEAST;
}
