/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * How many bytes lie below a folder: counted once, then kept up to date by what this store does (decision
 * 0418). A file that is written counts with all that was declared, from the beginning. What others do is seen
 * by the next count, which is made before anything is refused. While a count goes on it errs to the safe side
 * only.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libhtp/posix/store.h"

/* Entries of one call. */
enum { COUNT_STEP = 4096 };
/* A count this old is made anew before it is a reason to refuse. */
#define COUNT_AGE_NS UINT64_C(10000000000)

static int is_below(const char *root, uint32_t root_len, const char *path, size_t len) {
    if (root_len == 0) return 1;
    return len > root_len && path[root_len] == '/' && memcmp(root, path, root_len) == 0;
}

static void forget(struct hkp_htp_store_posix *s, struct hkp_htp__store_quota **at) {
    struct hkp_htp__store_quota *q = *at;
    *at = q->next;
    if (q->walk != NULL) hkp_htp__store_walk_free(s, q->walk);
    hkp_mem_free(&s->opt.mem, q, sizeof *q);
}

void hkp_htp__store_quotas_free(struct hkp_htp_store_posix *s) {
    while (s->quotas != NULL) forget(s, &s->quotas);
}

static struct hkp_htp__store_quota *find(struct hkp_htp_store_posix *s, const char *root, uint32_t len) {
    for (struct hkp_htp__store_quota *q = s->quotas; q != NULL; q = q->next)
        if (q->root_len == len && (len == 0 || memcmp(q->root, root, len) == 0)) return q;
    return NULL;
}

/* A new one takes the place of the one that nobody asked for the longest time, if there are too many. */
static struct hkp_htp__store_quota *add(struct hkp_htp_store_posix *s, const char *root, uint32_t len) {
    struct hkp_htp__store_quota **oldest = &s->quotas, *q;
    uint32_t n = 0;
    for (struct hkp_htp__store_quota **at = &s->quotas; *at != NULL; at = &(*at)->next, n++)
        if ((*at)->used_ns <= (*oldest)->used_ns) oldest = at;
    if (n == HKP_HTP__STORE_QUOTAS) forget(s, oldest);
    q = hkp_mem_alloc(&s->opt.mem, sizeof *q);
    if (q == NULL) return NULL;
    q->root_len = len;
    if (len > 0) memcpy(q->root, root, len);
    q->next = s->quotas;
    s->quotas = q;
    return q;
}

static uint32_t begin(struct hkp_htp_store_posix *s, struct hkp_htp__store_quota *q) {
    const int fd = hkp_htp__store_resolve(s, q->root, q->root_len, O_RDONLY | O_DIRECTORY);
    q->bytes = 0;
    q->is_counted = fd < 0 && errno == ENOENT;
    q->counted_ns = hkp_htp__store_now();
    if (q->is_counted) return HKP_HTP_FILE_OK;
    if (fd < 0) return hkp_htp__store_code(errno);
    q->walk = hkp_htp__store_walk_new(s, fd);
    return q->walk == NULL ? HKP_HTP_FILE_BUSY : HKP_HTP_FILE_OK;
}

/* Whether a name is that of a part that a handle writes: it counts with its handle. */
static int is_open(const struct hkp_htp_store_posix *s, const char *name) {
    char part[HKP_HTP__STORE_PART_NAME];
    if (memcmp(name, ".htp-", 5) != 0) return 0;
    for (uint32_t i = 0; i < s->slots_used; i++) {
        const struct hkp_htp__store_handle *h = s->slot[i].handle;
        if (h == NULL || h->state == HKP_HTP__HANDLE_READ) continue;
        hkp_htp__store_part_name(h->part, ".part", part);
        if (strncmp(name, part, 37) == 0) return 1;
    }
    return 0;
}

static uint32_t count(struct hkp_htp_store_posix *s, struct hkp_htp__store_quota *q) {
    struct stat st;
    const char *name;
    int dir;
    for (int i = 0; i < COUNT_STEP; i++) {
        const int what = hkp_htp__store_walk_next(q->walk, &dir, &name);
        if (what == HKP_HTP__WALK_END) {
            hkp_htp__store_walk_free(s, q->walk);
            q->walk = NULL;
            q->is_counted = 1;
            q->counted_ns = hkp_htp__store_now();
            return HKP_HTP_FILE_OK;
        }
        if (what == HKP_HTP__WALK_LEFT || (what == HKP_HTP__WALK_ENTRY && is_open(s, name)) ||
            fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode)) q->bytes += (uint64_t)st.st_size;
        if (S_ISDIR(st.st_mode)) (void)hkp_htp__store_walk_enter(q->walk, name);
    }
    return HKP_HTP_FILE_AGAIN;
}

uint32_t hkp_htp__store_quota_count(struct hkp_htp_store_posix *s, const struct hkp_htp_store_put *put) {
    if (put->quota == 0) return HKP_HTP_FILE_OK;
    struct hkp_htp__store_quota *q = find(s, put->quota_root, put->quota_root_len);
    if (q == NULL) q = add(s, put->quota_root, put->quota_root_len);
    if (q == NULL) return HKP_HTP_FILE_BUSY;
    q->used_ns = hkp_htp__store_now();
    const uint32_t code = q->is_counted || q->walk != NULL ? HKP_HTP_FILE_OK : begin(s, q);
    return code != HKP_HTP_FILE_OK || q->is_counted ? code : count(s, q);
}

/* What the other handles below the root have declared. */
static uint64_t declared(const struct hkp_htp_store_posix *s, const struct hkp_htp_store_put *put) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->slots_used; i++) {
        const struct hkp_htp__store_handle *h = s->slot[i].handle;
        if (h == NULL || h->state < HKP_HTP__HANDLE_PART || h->state > HKP_HTP__HANDLE_WAITING) continue;
        if (memcmp(h->part, put->part, 16) != 0 &&
            is_below(put->quota_root, put->quota_root_len, h->path, h->path_len))
            sum += h->size; /* at most 2^16 of 2^63: none of them passed a quota that this could overflow */
    }
    return sum;
}

uint32_t hkp_htp__store_quota_room(struct hkp_htp_store_posix *s, const struct hkp_htp_store_put *put) {
    if (put->quota == 0) return HKP_HTP_FILE_OK;
    struct hkp_htp__store_quota *q = find(s, put->quota_root, put->quota_root_len);
    const uint64_t others = declared(s, put);
    if (q->bytes <= put->quota && others <= put->quota - q->bytes &&
        put->size <= put->quota - q->bytes - others)
        return HKP_HTP_FILE_OK;
    if (hkp_htp__store_now() - q->counted_ns < COUNT_AGE_NS || put->size > put->quota)
        return HKP_HTP_FILE_QUOTA_EXCEEDED;
    const uint32_t code = begin(s, q);
    return code == HKP_HTP_FILE_OK ? HKP_HTP_FILE_AGAIN : code;
}

void hkp_htp__store_charge(struct hkp_htp_store_posix *s, const char *path, size_t len, uint64_t more,
                           uint64_t less) {
    for (struct hkp_htp__store_quota *q = s->quotas; q != NULL; q = q->next) {
        if (!is_below(q->root, q->root_len, path, len)) continue;
        q->bytes += more;
        if (q->walk == NULL) q->bytes -= less < q->bytes ? less : q->bytes;
    }
}
