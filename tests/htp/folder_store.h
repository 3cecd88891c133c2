/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A store in a folder of its own, for tests; each test runs with all its ways of reaching the system. The
 * folder is in memory where that is possible; HKP_STORE_DIR=<folder> tries another filesystem.
 */
#ifndef HKP_TESTS_FOLDER_STORE_H
#define HKP_TESTS_FOLDER_STORE_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <hookprobe/htp/store_posix.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"

/* What a store may have to do without. */
static const uint32_t WAYS[] = {
    0, HKP_HTP_STORE_POSIX_NO_OPENAT2, HKP_HTP_STORE_POSIX_NO_TMPFILE | HKP_HTP_STORE_POSIX_NO_CLONE,
    HKP_HTP_STORE_POSIX_NO_OPENAT2 | HKP_HTP_STORE_POSIX_NO_TMPFILE | HKP_HTP_STORE_POSIX_NO_NOREPLACE |
        HKP_HTP_STORE_POSIX_NO_CLONE | HKP_HTP_STORE_POSIX_NO_COPY | HKP_HTP_STORE_POSIX_NO_AIO};
enum { WAYS_COUNT = sizeof WAYS / sizeof *WAYS };

struct place {
    /* a folder of this test; root, which is in it, is the store, and outside lies beside it */
    char top[256], root[280], outside[280];
    struct failing mem;
    hkp_htp_store_posix *posix;
    struct hkp_htp_store store;
};

static inline void place_open(struct place *p, uint32_t off) {
    struct hkp_htp_store_posix_options o;
    hkp_htp_store_posix_options_init(&o, sizeof o);
    o.off = off;
    o.mem = failing_mem(&p->mem);
    CHECK_EQ(hkp_htp_store_posix_new(&p->posix, p->root, &o), HKP_OK);
    hkp_htp_store_posix_store(p->posix, &p->store);
}

static inline void place_shut(struct place *p) {
    hkp_htp_store_posix_free(p->posix);
    CHECK_EQ(p->mem.live, 0);
    CHECK_EQ(p->mem.bytes, 0);
}

static inline void place_make(struct place *p) {
    memset(p, 0, sizeof *p);
    p->mem.left = -1;
    const char *where = getenv("HKP_STORE_DIR");
    if (where == NULL) where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(p->top, sizeof p->top, "%s/hkp-store-XXXXXX", where);
    if (mkdtemp(p->top) == NULL) abort();
    snprintf(p->root, sizeof p->root, "%s/root", p->top);
    snprintf(p->outside, sizeof p->outside, "%s/outside", p->top);
    CHECK_EQ(mkdir(p->root, 0755), 0);
    CHECK_EQ(mkdir(p->outside, 0755), 0);
}

static inline void place_new(struct place *p, uint32_t off) {
    place_make(p);
    place_open(p, off);
}

static inline int place_erase(const char *path, const struct stat *st, int what, struct FTW *at) {
    (void)st, (void)what, (void)at;
    return remove(path);
}

static inline void place_free(struct place *p) {
    place_shut(p);
    CHECK_EQ(nftw(p->top, place_erase, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Full name of a path in the store; overwritten by the eighth call after it. */
static inline const char *at(const struct place *p, const char *path) {
    static char names[8][1400];
    static unsigned turn;
    char *name = names[turn++ % 8];
    snprintf(name, sizeof names[0], "%s/%s", p->root, path);
    return name;
}

static inline void put_file(const char *name, const void *data, size_t len) {
    FILE *f = fopen(name, "wb");
    CHECK(f != NULL);
    if (f == NULL) return;
    CHECK_EQ(fwrite(data, 1, len, f), len);
    CHECK_EQ(fclose(f), 0);
}

/* 1 if the file holds exactly this. */
static inline int holds(const char *name, const void *data, size_t len) {
    uint8_t *have = malloc(len + 1);
    FILE *f = fopen(name, "rb");
    const size_t n = f != NULL ? fread(have, 1, len + 1, f) : len + 1;
    const int same = f != NULL && n == len && (len == 0 || memcmp(have, data, len) == 0);
    if (f != NULL) fclose(f);
    free(have);
    return same;
}

static inline int is_there(const char *name) {
    struct stat st;
    return lstat(name, &st) == 0;
}

/* Entries of a folder, and those of them that are a store's own. */
static inline int entries(const char *name, int *own) {
    DIR *dir = opendir(name);
    int n = 0;
    *own = 0;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        n++;
        *own += strncmp(e->d_name, ".htp-", 5) == 0;
    }
    if (dir != NULL) closedir(dir);
    return n;
}

static inline int own_entries(const char *name) {
    int own;
    entries(name, &own);
    return own;
}

static inline struct hkp_htp_store_put put_of(const char *path, uint32_t flags, uint64_t size) {
    struct hkp_htp_store_put put = {
        .path = path, .path_len = (uint32_t)strlen(path), .flags = flags, .size = size, .quota_root = ""};
    for (size_t i = 0; path[i] != 0; i++) put.part[i % 16] = (uint8_t)(put.part[i % 16] * 31 + path[i]);
    put.part[15] ^= (uint8_t)size;
    return put;
}

static inline uint32_t create(struct place *p, const struct hkp_htp_store_put *put, uint64_t *handle,
                              uint64_t *have) {
    uint32_t code;
    do code = p->store.create(p->store.user, put, handle, have);
    while (code == HKP_HTP_FILE_AGAIN);
    return code;
}

static inline uint32_t commit(struct place *p, uint64_t handle, uint64_t size) {
    uint32_t code;
    while ((code = p->store.commit(p->store.user, handle, size)) == HKP_HTP_FILE_AGAIN)
        p->store.flush(p->store.user);
    return code;
}

static inline uint32_t write_at(struct place *p, uint64_t handle, uint64_t offset, const void *data,
                                size_t len) {
    return p->store.write(p->store.user, handle, offset, data, len);
}

static inline void close_handle(struct place *p, uint64_t handle, uint32_t keep) {
    p->store.close(p->store.user, handle, keep);
}

/* A whole put; the code of the first call that fails. */
static inline uint32_t put_with(struct place *p, const struct hkp_htp_store_put *put, const void *data) {
    uint64_t handle, have;
    uint32_t code = create(p, put, &handle, &have);
    if (code != HKP_HTP_FILE_OK) return code;
    code = write_at(p, handle, 0, data, put->size);
    if (code == HKP_HTP_FILE_OK) return commit(p, handle, put->size);
    close_handle(p, handle, 0);
    return code;
}

static inline uint32_t put_whole(struct place *p, const char *path, uint32_t flags, const char *text) {
    const struct hkp_htp_store_put put = put_of(path, flags, strlen(text));
    return put_with(p, &put, text);
}

static inline uint32_t stat_of(struct place *p, const char *path, struct hkp_htp_file_info *out) {
    return p->store.stat(p->store.user, path, strlen(path), out);
}

static inline uint32_t open_file(struct place *p, const char *path, uint64_t *handle) {
    struct hkp_htp_file_info info;
    return p->store.open(p->store.user, path, strlen(path), handle, &info);
}

static inline uint32_t remove_path(struct place *p, const char *path, uint32_t recursive) {
    uint32_t code;
    do code = p->store.remove(p->store.user, path, strlen(path), recursive);
    while (code == HKP_HTP_FILE_AGAIN);
    return code;
}

/* Runs a case in all ways. */
#define IN_ALL_WAYS(fn)                                                                                      \
    static void fn(void) {                                                                                   \
        for (int way = 0; way < WAYS_COUNT; way++) {                                                         \
            struct place p;                                                                                  \
            const int before = check_faults;                                                                 \
            place_new(&p, WAYS[way]);                                                                        \
            fn##_in(&p);                                                                                     \
            place_free(&p);                                                                                  \
            CHECK_NOTE(before, "way %d", way);                                                               \
        }                                                                                                    \
    }                                                                                                        \
    struct place

#endif
