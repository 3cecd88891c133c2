/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A store of files in memory (hookprobe/htp/store.h), for tests: sparse, so that a file of many GiB costs
 * what was written of it, and with faults on demand. What is committed is durable here: a crash is
 * close_all().
 */
#ifndef HKP_TESTS_STORE_MEMORY_H
#define HKP_TESTS_STORE_MEMORY_H

#include <hookprobe/htp/store.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_BLOCK = 65536, MEM_FILES = 4096, MEM_HANDLES = 256 };

/** Bytes, shared by a file and those that have it open; blocks that were never written are zero. */
struct mem_content {
    unsigned refs;
    uint64_t size;
    uint8_t **blocks;
    size_t count;
};

struct mem_file {
    char *path;
    struct hkp_htp_file_info info;
    struct mem_content *content;
};

struct mem_handle {
    int used, writing, kept;
    /** commit was asked: 1, and flushed since: 2 */
    int asked;
    /** another handle has the part now */
    int dead;
    struct mem_content *content;
    /** of a part: what it will be, how much was written */
    char *path;
    struct hkp_htp_store_put put;
    uint64_t have;
};

struct mem_store {
    struct mem_file files[MEM_FILES];
    size_t count;
    struct mem_handle handles[MEM_HANDLES];
    uint64_t clock_us;
    /** the n-th call from now that may fail does, with this code; 0: none. What of them counts: bits of MEM_*
     */
    unsigned fail_in, fail_code, fail_ops;
    /** commits return AGAIN until a flush; how many flushes, commits and bytes written there were */
    int lazy;
    unsigned flushes, commits;
    uint64_t written;
    /** every other read and remove returns AGAIN once */
    int slow;
    unsigned slow_at;
    /** bytes of all files and parts together, 0: no limit */
    uint64_t room;
    /** 1: parts do not read back what was written to them */
    int lies;
    /** bytes read */
    uint64_t read;
    /** change of a file under its readers: their next read is CHANGED */
    int changed;
};

enum {
    MEM_STAT = 1,
    MEM_OPEN = 2,
    MEM_CREATE = 4,
    MEM_READ = 8,
    MEM_WRITE = 16,
    MEM_COMMIT = 32,
    MEM_REMOVE = 64,
    MEM_LIST = 128
};

static inline int mem_fails(struct mem_store *s, unsigned op, uint32_t *code) {
    if ((s->fail_ops & op) == 0 || s->fail_in == 0 || --s->fail_in > 0) return 0;
    *code = s->fail_code;
    return 1;
}

static inline void mem_release(struct mem_content *c) {
    if (c == NULL || --c->refs > 0) return;
    for (size_t i = 0; i < c->count; i++) free(c->blocks[i]);
    free(c->blocks);
    free(c);
}

static inline struct mem_content *mem_content_new(void) {
    struct mem_content *c = calloc(1, sizeof *c);
    c->refs = 1;
    return c;
}

static inline uint8_t *mem_block(struct mem_content *c, uint64_t index, int make) {
    if (index >= c->count) {
        if (!make) return NULL;
        size_t count = (size_t)index + 1;
        c->blocks = realloc(c->blocks, count * sizeof *c->blocks);
        memset(c->blocks + c->count, 0, (count - c->count) * sizeof *c->blocks);
        c->count = count;
    }
    if (c->blocks[index] == NULL && make) c->blocks[index] = calloc(1, MEM_BLOCK);
    return c->blocks[index];
}

static inline void mem_put_bytes(struct mem_content *c, uint64_t at, const uint8_t *data, size_t len) {
    while (len > 0) {
        const size_t in = (size_t)(at % MEM_BLOCK), n = len < MEM_BLOCK - in ? len : MEM_BLOCK - in;
        memcpy(mem_block(c, at / MEM_BLOCK, 1) + in, data, n);
        at += n;
        data += n;
        len -= n;
    }
    if (at > c->size) c->size = at;
}

static inline void mem_get_bytes(struct mem_content *c, uint64_t at, uint8_t *dst, size_t len) {
    while (len > 0) {
        const size_t in = (size_t)(at % MEM_BLOCK), n = len < MEM_BLOCK - in ? len : MEM_BLOCK - in;
        const uint8_t *b = mem_block(c, at / MEM_BLOCK, 0);
        if (b != NULL)
            memcpy(dst, b + in, n);
        else
            memset(dst, 0, n);
        at += n;
        dst += n;
        len -= n;
    }
}

static inline void mem_join(struct mem_content *to, struct mem_content *from, uint64_t len) {
    uint8_t block[4096];
    for (uint64_t at = 0, end = to->size; at < len;) {
        const size_t n = len - at < sizeof block ? (size_t)(len - at) : sizeof block;
        mem_get_bytes(from, at, block, n);
        mem_put_bytes(to, end + at, block, n);
        at += n;
    }
}

static inline struct mem_file *mem_find(struct mem_store *s, const char *path, size_t len) {
    for (size_t i = 0; i < s->count; i++)
        if (strlen(s->files[i].path) == len && memcmp(s->files[i].path, path, len) == 0) return &s->files[i];
    return NULL;
}

static inline struct mem_file *mem_add(struct mem_store *s, const char *path, size_t len, uint8_t kind) {
    struct mem_file *f = mem_find(s, path, len);
    if (f == NULL) {
        if (s->count == MEM_FILES) abort();
        f = &s->files[s->count++];
        memset(f, 0, sizeof *f);
        f->path = strndup(path, len);
    }
    f->info.kind = kind;
    f->info.mode = kind == HKP_HTP_FILE_KIND_FOLDER ? 0700 : 0600;
    f->info.mtime_us = f->info.ctime_us = ++s->clock_us;
    return f;
}

/** A file of the test's own. */
static inline struct mem_file *mem_write(struct mem_store *s, const char *path, const void *data,
                                         size_t len) {
    struct mem_file *f = mem_add(s, path, strlen(path), HKP_HTP_FILE_KIND_FILE);
    mem_release(f->content);
    f->content = mem_content_new();
    mem_put_bytes(f->content, 0, data, len);
    f->info.size = len;
    return f;
}

static inline struct mem_file *mem_folder(struct mem_store *s, const char *path) {
    return mem_add(s, path, strlen(path), HKP_HTP_FILE_KIND_FOLDER);
}

static inline void mem_drop_file(struct mem_store *s, struct mem_file *f) {
    mem_release(f->content);
    free(f->path);
    *f = s->files[--s->count];
}

/** Folder of a path: its length without the last part. */
static inline size_t mem_parent(const char *path, size_t len) {
    while (len > 0 && path[len - 1] != '/') len--;
    return len > 0 ? len - 1 : 0;
}

static inline uint32_t mem_parent_ok(struct mem_store *s, const char *path, size_t len, int make) {
    const size_t up = mem_parent(path, len);
    if (up == 0) return HKP_HTP_FILE_OK;
    struct mem_file *f = mem_find(s, path, up);
    if (f != NULL) return f->info.kind == HKP_HTP_FILE_KIND_FOLDER ? HKP_HTP_FILE_OK : HKP_HTP_FILE_NOT_FOUND;
    if (!make) return HKP_HTP_FILE_NOT_FOUND;
    uint32_t code = mem_parent_ok(s, path, up, 1);
    if (code == HKP_HTP_FILE_OK) (void)mem_add(s, path, up, HKP_HTP_FILE_KIND_FOLDER);
    return code;
}

static inline uint32_t mem_stat(void *user, const char *path, size_t len, struct hkp_htp_file_info *out) {
    struct mem_store *s = user;
    uint32_t code;
    if (mem_fails(s, MEM_STAT, &code)) return code;
    if (len == 0) {
        *out = (struct hkp_htp_file_info){.kind = HKP_HTP_FILE_KIND_FOLDER, .mode = 0700};
        return HKP_HTP_FILE_OK;
    }
    const struct mem_file *f = mem_find(s, path, len);
    if (f == NULL) return HKP_HTP_FILE_NOT_FOUND;
    *out = f->info;
    return HKP_HTP_FILE_OK;
}

static inline int mem_order(const uint8_t *a, size_t na, const uint8_t *b, size_t nb) {
    const int d = memcmp(a, b, na < nb ? na : nb);
    return d != 0 ? d : (na > nb) - (na < nb);
}

static inline uint32_t mem_list(void *user, const char *path, size_t len, const uint8_t *after,
                                size_t after_len, uint32_t max, struct hkp_htp_file_entry *out,
                                uint32_t *count, uint32_t *more) {
    struct mem_store *s = user;
    uint32_t code, n = 0;
    uint8_t from[HKP_HTP_FILE_NAME_MAX];
    size_t from_len = after_len;
    if (mem_fails(s, MEM_LIST, &code)) return code;
    const struct mem_file *folder = len > 0 ? mem_find(s, path, len) : NULL;
    if (len > 0 && folder == NULL) return HKP_HTP_FILE_NOT_FOUND;
    if (folder != NULL && folder->info.kind != HKP_HTP_FILE_KIND_FOLDER)
        return HKP_HTP_FILE_INVALID_OPERATION;
    memcpy(from, after, after_len);
    for (;;) {
        const struct mem_file *best = NULL;
        const uint8_t *best_name = NULL;
        size_t best_len = 0;
        for (size_t i = 0; i < s->count; i++) {
            const char *p = s->files[i].path;
            const size_t pl = strlen(p), up = mem_parent(p, pl), skip = up + (memchr(p, '/', pl) != NULL);
            if (up != len || memcmp(p, path, len) != 0) continue;
            const uint8_t *name = (const uint8_t *)p + skip;
            const size_t nl = pl - skip;
            if (mem_order(name, nl, from, from_len) <= 0) continue;
            if (best != NULL && mem_order(name, nl, best_name, best_len) > 0) continue;
            best = &s->files[i];
            best_name = name;
            best_len = nl;
        }
        if (best == NULL || n == max) {
            *count = n;
            *more = best != NULL;
            return HKP_HTP_FILE_OK;
        }
        memset(&out[n], 0, sizeof out[n]);
        out[n].info = best->info;
        out[n].name_len = (uint32_t)best_len;
        memcpy(out[n++].name, best_name, best_len);
        memcpy(from, best_name, best_len);
        from_len = best_len;
    }
}

static inline int mem_is_slow(struct mem_store *s) { return s->slow && ++s->slow_at % 2 == 1; }

static inline uint32_t mem_remove(void *user, const char *path, size_t len, uint32_t recursive) {
    struct mem_store *s = user;
    uint32_t code;
    if (mem_is_slow(s)) return HKP_HTP_FILE_AGAIN;
    if (mem_fails(s, MEM_REMOVE, &code)) return code;
    struct mem_file *f = mem_find(s, path, len);
    if (f == NULL) return HKP_HTP_FILE_NOT_FOUND;
    for (size_t i = 0; i < s->count; i++) {
        const char *p = s->files[i].path;
        if (strlen(p) <= len || memcmp(p, path, len) != 0 || p[len] != '/') continue;
        if (!recursive) return HKP_HTP_FILE_INVALID_OPERATION;
        mem_drop_file(s, &s->files[i--]);
    }
    mem_drop_file(s, mem_find(s, path, len));
    return HKP_HTP_FILE_OK;
}

static inline uint64_t mem_new_handle(struct mem_store *s) {
    for (uint64_t i = 0; i < MEM_HANDLES; i++) {
        if (s->handles[i].used || s->handles[i].kept) continue;
        s->handles[i] = (struct mem_handle){.used = 1};
        return i + 1;
    }
    abort();
}

static inline struct mem_handle *mem_handle_of(struct mem_store *s, uint64_t handle) {
    if (handle == 0 || handle > MEM_HANDLES || !s->handles[handle - 1].used) abort();
    return &s->handles[handle - 1];
}

static inline uint32_t mem_open(void *user, const char *path, size_t len, uint64_t *handle,
                                struct hkp_htp_file_info *out) {
    struct mem_store *s = user;
    uint32_t code;
    if (mem_fails(s, MEM_OPEN, &code)) return code;
    struct mem_file *f = mem_find(s, path, len);
    if (f == NULL) return HKP_HTP_FILE_NOT_FOUND;
    if (f->info.kind != HKP_HTP_FILE_KIND_FILE) return HKP_HTP_FILE_INVALID_OPERATION;
    *handle = mem_new_handle(s);
    struct mem_handle *h = mem_handle_of(s, *handle);
    h->content = f->content;
    h->content->refs++;
    *out = f->info;
    return HKP_HTP_FILE_OK;
}

static inline uint64_t mem_used(const struct mem_store *s, const char *root, size_t len) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *p = s->files[i].path;
        if (len == 0 || (strlen(p) > len && memcmp(p, root, len) == 0 && p[len] == '/'))
            sum += s->files[i].info.size;
    }
    return sum;
}

/** What is there, against what is asked for. */
static inline uint32_t mem_may_create(struct mem_store *s, const struct hkp_htp_store_put *put) {
    const struct mem_file *f = mem_find(s, put->path, put->path_len);
    if (f != NULL && f->info.kind != HKP_HTP_FILE_KIND_FILE) return HKP_HTP_FILE_PERMISSION_DENIED;
    if ((put->flags & HKP_HTP_STORE_CREATE) == 0 && f == NULL) return HKP_HTP_FILE_NOT_FOUND;
    if ((put->flags & (HKP_HTP_STORE_CREATE | HKP_HTP_STORE_OVERWRITE)) == HKP_HTP_STORE_CREATE && f != NULL)
        return HKP_HTP_FILE_ALREADY_EXISTS;
    const uint64_t old = f != NULL && (put->flags & HKP_HTP_STORE_APPEND) == 0 ? f->info.size : 0;
    if (put->quota != 0 && mem_used(s, put->quota_root, put->quota_root_len) - old + put->size > put->quota)
        return HKP_HTP_FILE_QUOTA_EXCEEDED;
    return mem_parent_ok(s, put->path, put->path_len, (put->flags & HKP_HTP_STORE_FOLDERS) != 0);
}

static inline struct mem_handle *mem_kept(struct mem_store *s, const uint8_t part[16], uint64_t *handle) {
    for (uint64_t i = 0; i < MEM_HANDLES; i++) {
        if (!s->handles[i].kept || memcmp(s->handles[i].put.part, part, 16) != 0) continue;
        *handle = i + 1;
        return &s->handles[i];
    }
    return NULL;
}

static inline void mem_forget(struct mem_handle *h) {
    mem_release(h->content);
    free(h->path);
    memset(h, 0, sizeof *h);
}

static inline uint32_t mem_create(void *user, const struct hkp_htp_store_put *put, uint64_t *handle,
                                  uint64_t *have) {
    struct mem_store *s = user;
    uint32_t code;
    if (mem_fails(s, MEM_CREATE, &code)) return code;
    code = mem_may_create(s, put);
    if (code != HKP_HTP_FILE_OK) return code;
    for (size_t i = 0; i < MEM_HANDLES; i++) /* another handle of this part ends */
        if (s->handles[i].writing && memcmp(s->handles[i].put.part, put->part, 16) == 0)
            s->handles[i].dead = 1;
    struct mem_handle *h = mem_kept(s, put->part, handle);
    if (h != NULL && (put->flags & HKP_HTP_STORE_RESUME) == 0) {
        mem_forget(h);
        h = NULL;
    }
    if (h == NULL) {
        *handle = mem_new_handle(s);
        h = mem_handle_of(s, *handle);
        h->content = mem_content_new();
        h->path = strndup(put->path, put->path_len);
    }
    h->used = h->writing = 1;
    h->kept = 0;
    h->put = *put;
    *have = h->have;
    return HKP_HTP_FILE_OK;
}

static inline uint32_t mem_read(void *user, uint64_t handle, uint64_t offset, uint8_t *dst, size_t len) {
    struct mem_store *s = user;
    struct mem_handle *h = mem_handle_of(s, handle);
    uint32_t code;
    if (mem_is_slow(s)) return HKP_HTP_FILE_AGAIN;
    if (mem_fails(s, MEM_READ, &code)) return code;
    if (s->changed && !h->writing) return HKP_HTP_FILE_CHANGED;
    if (offset + len > h->content->size)
        return h->writing ? HKP_HTP_FILE_INVALID_OPERATION : HKP_HTP_FILE_CHANGED;
    mem_get_bytes(h->content, offset, dst, len);
    s->read += len;
    if (s->lies && h->writing && len > 0) dst[len / 2] ^= 1;
    return HKP_HTP_FILE_OK;
}

static inline uint32_t mem_write_part(void *user, uint64_t handle, uint64_t offset, const uint8_t *data,
                                      size_t len) {
    struct mem_store *s = user;
    struct mem_handle *h = mem_handle_of(s, handle);
    uint32_t code;
    if (!h->writing || offset > h->have || offset + len > h->put.size) abort();
    if (h->dead) return HKP_HTP_FILE_CANCELLED;
    if (mem_fails(s, MEM_WRITE, &code)) return code;
    s->written += len;
    if (s->room != 0 && s->written > s->room) return HKP_HTP_FILE_QUOTA_EXCEEDED;
    mem_put_bytes(h->content, offset, data, len);
    h->have = offset + len;
    h->content->size = h->have;
    return HKP_HTP_FILE_OK;
}

static inline uint32_t mem_commit(void *user, uint64_t handle, uint64_t size) {
    struct mem_store *s = user;
    struct mem_handle *h = mem_handle_of(s, handle);
    uint32_t code;
    if (!h->writing || size != h->have) abort();
    if (s->lazy && h->asked != 2) {
        h->asked = 1;
        return HKP_HTP_FILE_AGAIN;
    }
    s->commits++;
    if (mem_fails(s, MEM_COMMIT, &code) ||
        (code = mem_may_create(s, &(struct hkp_htp_store_put){.path = h->path,
                                                              .path_len = (uint32_t)strlen(h->path),
                                                              .flags = h->put.flags})) != HKP_HTP_FILE_OK) {
        mem_forget(h);
        return code;
    }
    struct mem_file *f = mem_find(s, h->path, strlen(h->path));
    if ((h->put.flags & HKP_HTP_STORE_APPEND) != 0) mem_join(f->content, h->content, size);
    f = mem_add(s, h->path, strlen(h->path), HKP_HTP_FILE_KIND_FILE);
    if ((h->put.flags & HKP_HTP_STORE_APPEND) == 0) {
        mem_release(f->content);
        f->content = h->content;
        h->content = NULL;
    }
    f->info.size = f->content->size;
    if (h->put.mode != 0) f->info.mode = h->put.mode;
    if (h->put.mtime_us != 0) f->info.mtime_us = h->put.mtime_us;
    mem_forget(h);
    return HKP_HTP_FILE_OK;
}

static inline void mem_close(void *user, uint64_t handle, uint32_t keep) {
    struct mem_handle *h = mem_handle_of(user, handle);
    if (h->writing && keep && (h->put.flags & HKP_HTP_STORE_RESUME) != 0) {
        h->used = h->writing = 0;
        h->kept = 1;
        return;
    }
    mem_forget(h);
}

static inline void mem_flush(void *user) {
    struct mem_store *s = user;
    s->flushes++;
    for (size_t i = 0; i < MEM_HANDLES; i++)
        if (s->handles[i].asked == 1) s->handles[i].asked = 2;
}

static inline struct hkp_htp_store mem_interface(struct mem_store *s) {
    return (struct hkp_htp_store){.user = s,
                                  .stat = mem_stat,
                                  .list = mem_list,
                                  .remove = mem_remove,
                                  .open = mem_open,
                                  .create = mem_create,
                                  .read = mem_read,
                                  .write = mem_write_part,
                                  .commit = mem_commit,
                                  .close = mem_close,
                                  .flush = mem_flush};
}

/** Handles that are open, and parts that wait for a resume. */
static inline unsigned mem_open_count(const struct mem_store *s) {
    unsigned n = 0;
    for (size_t i = 0; i < MEM_HANDLES; i++) n += (unsigned)s->handles[i].used;
    return n;
}
static inline unsigned mem_kept_count(const struct mem_store *s) {
    unsigned n = 0;
    for (size_t i = 0; i < MEM_HANDLES; i++) n += (unsigned)s->handles[i].kept;
    return n;
}

static inline int mem_has(struct mem_store *s, const char *path, const void *data, size_t len) {
    struct mem_file *f = mem_find(s, path, strlen(path));
    if (f == NULL || f->content == NULL || f->info.size != len) return 0;
    uint8_t *copy = malloc(len + 1);
    mem_get_bytes(f->content, 0, copy, len);
    const int same = memcmp(copy, data, len) == 0;
    free(copy);
    return same;
}

static inline void mem_clear(struct mem_store *s) {
    while (s->count > 0) mem_drop_file(s, &s->files[s->count - 1]);
    for (size_t i = 0; i < MEM_HANDLES; i++)
        if (s->handles[i].used || s->handles[i].kept) mem_forget(&s->handles[i]);
}

#endif
