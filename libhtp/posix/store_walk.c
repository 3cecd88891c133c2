/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A folder with all that is below it, in steps; and what is deleted by such a walk because it is old. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libhtp/posix/store.h"

enum {
    /* entries of one call, and how long nothing is cleaned after all was seen */
    CLEAN_STEP = 64
};
#define CLEAN_PAUSE_NS (3600U * UINT64_C(1000000000))

/* What the system writes for each entry. */
struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

long hkp_htp__store_entries(int fd, void *buf, size_t len) {
    long n;
    do n = syscall(SYS_getdents64, fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

const char *hkp_htp__store_entry(const uint8_t *entries, uint32_t *at, uint8_t *type) {
    const struct entry *e = (const struct entry *)(const void *)(entries + *at);
    *at += e->len;
    *type = e->type;
    return e->name;
}

struct hkp_htp__store_walk *hkp_htp__store_walk_new(struct hkp_htp_store_posix *s, int fd) {
    struct hkp_htp__store_walk *walk = s->opt.mem.alloc(s->opt.mem.user, sizeof *walk);
    if (walk == NULL) {
        (void)close(fd);
        return NULL;
    }
    walk->depth = 1;
    walk->level[0].fd = fd;
    walk->level[0].at = walk->level[0].len = 0;
    walk->level[0].name[0] = 0;
    return walk;
}

void hkp_htp__store_walk_free(struct hkp_htp_store_posix *s, struct hkp_htp__store_walk *walk) {
    while (walk->depth > 0) (void)close(walk->level[--walk->depth].fd);
    hkp_mem_free(&s->opt.mem, walk, sizeof *walk);
}

int hkp_htp__store_walk_next(struct hkp_htp__store_walk *walk, int *dir, const char **name) {
    uint8_t type;
    while (walk->depth > 0) {
        struct hkp_htp__store_level *l = &walk->level[walk->depth - 1];
        *dir = l->fd;
        if (l->at < l->len) {
            *name = hkp_htp__store_entry(l->entries, &l->at, &type);
            if (strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) continue;
            return type == DT_DIR ? HKP_HTP__WALK_FOLDER : HKP_HTP__WALK_ENTRY;
        }
        const long n = hkp_htp__store_entries(l->fd, l->entries, sizeof l->entries);
        l->at = 0;
        l->len = n > 0 ? (uint32_t)n : 0; /* one that cannot be read is left as if it were empty */
        if (n > 0) continue;
        (void)close(l->fd);
        if (--walk->depth == 0) break;
        *dir = walk->level[walk->depth - 1].fd;
        *name = l->name;
        return HKP_HTP__WALK_LEFT;
    }
    return HKP_HTP__WALK_END;
}

int hkp_htp__store_walk_enter(struct hkp_htp__store_walk *walk, const char *name) {
    const size_t len = strlen(name);
    if (walk->depth == HKP_HTP__STORE_DEPTH || len > HKP_HTP_FILE_NAME_MAX) return ENAMETOOLONG;
    struct hkp_htp__store_level *l = &walk->level[walk->depth];
    l->fd = openat(walk->level[walk->depth - 1].fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (l->fd < 0) return errno;
    memcpy(l->name, name, len + 1);
    l->at = l->len = 0;
    walk->depth++;
    return 0;
}

/*
 * Deletes an entry if it is a part that nobody touched for long, or one that became content by a link and was
 * not deleted then: its file is not served until it is.
 */
static void clean_entry(const struct hkp_htp_store_posix *s, int dir, const char *name) {
    struct stat st;
    struct timespec now;
    const size_t len = strlen(name);
    if (len != HKP_HTP__STORE_PART_NAME - 1 || memcmp(name, ".htp-", 5) != 0) return;
    if (memcmp(name + 37, ".part", 5) != 0 && memcmp(name + 37, ".join", 5) != 0) return;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        clock_gettime(CLOCK_REALTIME, &now) != 0)
        return;
    if (st.st_nlink > 1 || now.tv_sec - st.st_mtim.tv_sec > (time_t)s->opt.part_age_s)
        (void)unlinkat(dir, name, 0);
}

void hkp_htp__store_clean(struct hkp_htp_store_posix *s) {
    int dir, what;
    const char *name;
    if (s->opt.off & HKP_HTP_STORE_POSIX_NO_CLEANING) return;
    if (s->cleaning == NULL) {
        if (s->clean_ns != 0 && hkp_htp__store_now() - s->clean_ns < CLEAN_PAUSE_NS) return;
        s->clean_ns = hkp_htp__store_now() + 1;
        const int fd = hkp_htp__store_resolve(s, "", 0, O_RDONLY | O_DIRECTORY);
        s->cleaning = fd >= 0 ? hkp_htp__store_walk_new(s, fd) : NULL;
        if (s->cleaning == NULL) return;
    }
    for (int i = 0; i < CLEAN_STEP; i++) {
        what = hkp_htp__store_walk_next(s->cleaning, &dir, &name);
        if (what == HKP_HTP__WALK_END) break;
        if (what == HKP_HTP__WALK_FOLDER) (void)hkp_htp__store_walk_enter(s->cleaning, name);
        if (what == HKP_HTP__WALK_ENTRY) clean_entry(s, dir, name);
    }
    if (what != HKP_HTP__WALK_END) return;
    hkp_htp__store_walk_free(s, s->cleaning);
    s->cleaning = NULL;
    s->clean_ns = hkp_htp__store_now() + 1;
}
