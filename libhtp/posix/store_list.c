/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A folder in pages, ascending: each page is one pass over all names that keeps the smallest ones in a heap,
 * so that a folder of any size takes no more memory than its page.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libhtp/files/file_names.h"
#include "libhtp/posix/store.h"

enum { BUFFER = 32768 };

/* heap: indexes of out, the greatest name first. */
struct page {
    struct hkp_htp_file_entry *out;
    uint32_t max, count, more;
    uint16_t heap[HKP_HTP__STORE_LIST_MAX];
};

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    const size_t least = a_len < b_len ? a_len : b_len;
    const int d = least > 0 ? memcmp(a, b, least) : 0;
    return d != 0 ? d : a_len < b_len ? -1 : a_len > b_len;
}

static int is_after(const struct page *p, uint32_t i, uint32_t j) {
    const struct hkp_htp_file_entry *a = &p->out[p->heap[i]], *b = &p->out[p->heap[j]];
    return compare(a->name, a->name_len, b->name, b->name_len) > 0;
}

static void swap(struct page *p, uint32_t i, uint32_t j) {
    const uint16_t h = p->heap[i];
    p->heap[i] = p->heap[j];
    p->heap[j] = h;
}

static void sink(struct page *p, uint32_t i, uint32_t count) {
    for (uint32_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && is_after(p, child + 1, child)) child++;
        if (!is_after(p, child, i)) return;
        swap(p, i, child);
    }
}

static void rise(struct page *p, uint32_t i) {
    for (; i > 0 && is_after(p, i, (i - 1) / 2); i = (i - 1) / 2) swap(p, i, (i - 1) / 2);
}

static void keep(struct page *p, const char *name, size_t len) {
    uint32_t at = p->count;
    if (p->count == p->max) {
        const struct hkp_htp_file_entry *greatest = &p->out[p->heap[0]];
        p->more = 1;
        if (compare((const uint8_t *)name, len, greatest->name, greatest->name_len) > 0) return;
        at = p->heap[0];
    }
    struct hkp_htp_file_entry *e = &p->out[at];
    memcpy(e->name, name, len);
    e->name_len = (uint32_t)len;
    if (p->count == p->max) {
        sink(p, 0, p->count);
        return;
    }
    p->heap[p->count] = (uint16_t)at;
    rise(p, p->count++);
}

/* Whether an entry may be listed, as far as its folder tells. */
static int is_served(int dir, const char *name, uint8_t type) {
    struct stat st;
    if (type != DT_UNKNOWN) return type == DT_REG || type == DT_DIR;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* One pass over the names. */
static uint32_t pass(int dir, const uint8_t *after, size_t after_len, struct page *p) {
    _Alignas(8) uint8_t entries[BUFFER];
    long n;
    p->count = p->more = 0;
    if (lseek(dir, 0, SEEK_SET) < 0) return hkp_htp__store_code(errno);
    while ((n = hkp_htp__store_entries(dir, entries, sizeof entries)) > 0)
        for (uint32_t at = 0; at < (uint32_t)n;) {
            uint8_t type;
            const char *name = hkp_htp__store_entry(entries, &at, &type);
            const size_t len = strlen(name);
            if (compare((const uint8_t *)name, len, after, after_len) <= 0) continue;
            if (hkp_htp__file_name_ok(name, len) && is_served(dir, name, type)) keep(p, name, len);
        }
    return n < 0 ? hkp_htp__store_code(errno) : HKP_HTP_FILE_OK;
}

/* The names of a page in order. */
static void sort(struct page *p) {
    for (uint32_t n = p->count; n > 1;) {
        swap(p, 0, --n);
        sink(p, 0, n);
    }
    for (uint32_t i = 0; i < p->count; i++) { /* heap[i] says where what belongs to i is */
        uint32_t from = p->heap[i];
        while (from < i) from = p->heap[from];
        if (from == i) continue;
        const struct hkp_htp_file_entry e = p->out[i];
        p->out[i] = p->out[from];
        p->out[from] = e;
    }
}

/* What is known of each; those that went meanwhile leave the page. */
static void describe(int dir, struct page *p) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        struct stat st;
        char name[HKP_HTP_FILE_NAME_MAX + 1];
        memcpy(name, p->out[i].name, p->out[i].name_len);
        name[p->out[i].name_len] = 0;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
            continue;
        if (count != i) p->out[count] = p->out[i];
        p->out[count].reserved0 = 0;
        hkp_htp__store_info(&st, &p->out[count++].info);
    }
    p->count = count;
}

static int open_folder(struct hkp_htp_store_posix *s, const char *path, size_t len, uint32_t *code) {
    struct hkp_htp_file_info info;
    const int dir = hkp_htp__store_resolve(s, path, len, O_RDONLY | O_DIRECTORY);
    *code = dir < 0 ? hkp_htp__store_code(errno) : HKP_HTP_FILE_OK;
    if (dir < 0 && errno == ENOTDIR) {
        *code = hkp_htp__store_stat(s, path, len, &info);
        if (*code == HKP_HTP_FILE_OK) *code = HKP_HTP_FILE_INVALID_OPERATION;
    }
    return dir;
}

uint32_t hkp_htp__store_list(void *user, const char *path, size_t path_len, const uint8_t *after,
                             size_t after_len, uint32_t max, struct hkp_htp_file_entry *out, uint32_t *count,
                             uint32_t *more) {
    uint8_t last[HKP_HTP_FILE_NAME_MAX];
    struct page p = {.out = out, .max = max < HKP_HTP__STORE_LIST_MAX ? max : HKP_HTP__STORE_LIST_MAX};
    uint32_t code;
    if (!hkp_htp__file_path_ok(path, path_len)) return HKP_HTP_FILE_INVALID_PATH;
    if (max == 0) return HKP_HTP_FILE_INVALID_OPERATION;
    const int dir = open_folder(user, path, path_len, &code);
    if (dir < 0) return code;
    do {
        code = pass(dir, after, after_len, &p);
        if (code != HKP_HTP_FILE_OK) break;
        sort(&p);
        if (p.count > 0) { /* where the next pass begins if all of them went */
            const struct hkp_htp_file_entry *e = &out[p.count - 1];
            after_len = e->name_len;
            after = memcpy(last, e->name, after_len);
        }
        describe(dir, &p);
    } while (p.count == 0 && p.more);
    (void)close(dir);
    if (code != HKP_HTP_FILE_OK) return code;
    *count = p.count;
    *more = p.more;
    return HKP_HTP_FILE_OK;
}
