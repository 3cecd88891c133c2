/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * From a manifest to R and h_integrity (NZ1 2.3). What the file system says of a file (identity, size, times)
 * is asked at every call; its content is read again when that changed, when the digest is too old, and while
 * the file is so young that a further change need not show in its times.
 */
#include "libter/host/host.h"
#include "libter/integrity.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_LEN = 262144, PATH_CAP = 4096, SHA256_LEN = 32, OPTIONS_V0 = 56 };
#define REHASH_NS 3600000000000ULL
/* Time stamps of file systems step by up to 2 s. */
#define YOUNG_NS 2000000000LL
/* How much longer than it said it was a file may turn out to be. */
#define GROWTH_MAX 67108864U

/* What must be the same for a digest to be taken from the cache. */
struct identity {
    uint64_t dev, ino, size, mount;
    int64_t mtime_ns, ctime_ns;
};

struct entry {
    const uint8_t *path;
    uint32_t path_len;
    uint8_t kind;
    uint8_t outcome;
    uint8_t ref_outcome;
    /** digest belongs to seen until due */
    uint8_t cached;
    struct identity seen;
    hkp_time due;
    uint8_t digest[32];
    uint8_t ref_digest[32];
};

struct hkp_ter_measure {
    struct hkp_mem mem;
    struct hkp_ter_manifest manifest;
    uint8_t *bytes;
    struct entry *entries;
    uint8_t *buffer;
    hkp_time now;
    uint64_t rehash_ns;
    uint32_t has_reference;
    uint32_t has_policy;
    uint8_t policy[32];
    char cmdline_path[PATH_CAP];
    char modules_path[PATH_CAP];
};

void hkp_ter_measure_options_init(struct hkp_ter_measure_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

/* The first due times lie apart, so that later rehashes do not come all at once. */
static void fill_entries(struct hkp_ter_measure *m) {
    struct hkp_ter_item item;
    size_t off = 0;
    uint64_t n = m->manifest.n_items;
    for (uint32_t i = 0; hkp_ter_manifest_next(&m->manifest, &off, &item) == HKP_OK; i++) {
        struct entry *e = &m->entries[i];
        e->path = item.path;
        e->path_len = item.path_len;
        e->kind = (uint8_t)item.kind;
        e->outcome = HKP_TER_KIND_UNREADABLE;
        e->due = m->now + m->rehash_ns / 2 + m->rehash_ns / 2 / n * i;
    }
}

hkp_status hkp_ter_measure_new(hkp_ter_measure **out, const struct hkp_ter_measure_options *opt,
                               hkp_time now) {
    struct hkp_ter_measure_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.rehash_ns == 0) o.rehash_ns = REHASH_NS;
    if (o.rehash_ns > REHASH_NS || o.manifest == NULL || o.reserved0 != 0) return HKP_E_INVAL;
    if (o.proc_path == NULL) o.proc_path = "/proc";
    struct hkp_ter_measure *m = hkp_mem_alloc(&o.mem, sizeof *m);
    if (m == NULL) return HKP_E_NOMEM;
    m->mem = o.mem;
    m->manifest = *o.manifest;
    m->now = now;
    m->rehash_ns = o.rehash_ns;
    if (!hkp_ter__join(m->cmdline_path, PATH_CAP, o.proc_path, "cmdline") ||
        !hkp_ter__join(m->modules_path, PATH_CAP, o.proc_path, "modules")) {
        hkp_ter_measure_free(m);
        return HKP_E_INVAL;
    }
    m->bytes = hkp_mem_alloc(&m->mem, m->manifest.len);
    m->entries = hkp_mem_alloc(&m->mem, m->manifest.n_items * sizeof *m->entries);
    m->buffer = hkp_mem_alloc(&m->mem, BUFFER_LEN);
    if (m->bytes == NULL || m->entries == NULL || m->buffer == NULL) {
        hkp_ter_measure_free(m);
        return HKP_E_NOMEM;
    }
    memcpy(m->bytes, o.manifest->bytes, m->manifest.len);
    m->manifest.bytes = m->bytes;
    fill_entries(m);
    *out = m;
    return HKP_OK;
}

void hkp_ter_measure_free(hkp_ter_measure *measure) {
    if (measure == NULL) return;
    struct hkp_mem mem = measure->mem;
    hkp_mem_free(&mem, measure->bytes, measure->manifest.len);
    hkp_mem_free(&mem, measure->entries, measure->manifest.n_items * sizeof *measure->entries);
    hkp_mem_free(&mem, measure->buffer, BUFFER_LEN);
    hkp_mem_free(&mem, measure, sizeof *measure);
}

void hkp_ter_measure_policy_set(hkp_ter_measure *measure, const uint8_t digest[32]) {
    memcpy(measure->policy, digest, 32);
    measure->has_policy = 1;
}

static uint8_t outcome_of_errno(int error) {
    return error == ENOENT || error == ENOTDIR ? HKP_TER_KIND_ABSENT : HKP_TER_KIND_UNREADABLE;
}

/* Links are followed; a file of another type is nothing that FILE or VERITY can measure. */
static uint8_t identify(int dir_fd, const char *path, int flags, struct identity *id) {
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

static int same_identity(const struct identity *a, const struct identity *b) {
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mount == b->mount &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* A file that grows faster than it can be read has no content to speak of: limit bytes, then it is
 * unreadable. */
static int hash_content(struct hkp_ter_measure *m, int fd, uint64_t limit, uint8_t digest[32],
                        uint64_t *total) {
    crypto_hash_sha256_state hash;
    size_t len;
    *total = 0;
    crypto_hash_sha256_init(&hash);
    do {
        if (hkp_ter__read_at(fd, *total, m->buffer, BUFFER_LEN, &len) != 0) return 0;
        crypto_hash_sha256_update(&hash, m->buffer, len);
        *total += len;
    } while (len == BUFFER_LEN && *total < limit);
    crypto_hash_sha256_final(&hash, digest);
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

static int is_young(const struct identity *id) {
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return 1;
    int64_t now_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
    return id->ctime_ns > now_ns - YOUNG_NS;
}

/* FILE or VERITY by its open descriptor; the digest is kept only if nothing moved while it was made. */
static uint8_t measure_open(struct hkp_ter_measure *m, struct entry *e, int fd) {
    struct identity before, after;
    uint8_t digest[32];
    if (identify(fd, "", AT_EMPTY_PATH, &before) != HKP_TER_KIND_FILE) return HKP_TER_KIND_UNREADABLE;
    int young = is_young(&before), done;
    uint64_t total = before.size;
    if (e->kind == HKP_TER_KIND_FILE)
        done = hash_content(m, fd, before.size + GROWTH_MAX, digest, &total);
    else
        done = read_verity(fd, digest);
    if (!done) return HKP_TER_KIND_UNREADABLE;
    memcpy(e->digest, digest, sizeof digest);
    e->seen = before;
    /* Files of procfs and sysfs say a wrong size, and their times do not move with their content. */
    e->cached = !young && total == before.size && total > 0 &&
                identify(fd, "", AT_EMPTY_PATH, &after) == HKP_TER_KIND_FILE &&
                same_identity(&before, &after);
    if (e->due <= m->now) e->due = m->now + m->rehash_ns;
    return e->kind;
}

static uint8_t measure_file(struct hkp_ter_measure *m, struct entry *e, const char *path) {
    struct identity id;
    uint8_t found = identify(AT_FDCWD, path, 0, &id);
    if (found == HKP_TER_KIND_FILE && e->cached && e->due > m->now && same_identity(&id, &e->seen))
        return e->kind;
    e->cached = 0;
    if (found != HKP_TER_KIND_FILE) return found;
    int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return outcome_of_errno(errno);
    found = measure_open(m, e, fd);
    close(fd);
    return found;
}

static uint8_t measure_link(struct entry *e, const char *path) {
    char target[PATH_CAP];
    ssize_t len = readlink(path, target, sizeof target);
    if (len < 0) return outcome_of_errno(errno);
    crypto_hash_sha256(e->digest, (const uint8_t *)target, (size_t)len);
    return HKP_TER_KIND_LINK;
}

/* The whole of a small file of /proc into the buffer; a kind says that it is there. */
static uint8_t read_pseudo(struct hkp_ter_measure *m, const char *path, size_t *len) {
    int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return outcome_of_errno(errno);
    int failed = hkp_ter__read_at(fd, 0, m->buffer, BUFFER_LEN, len);
    close(fd);
    return failed || *len == BUFFER_LEN ? HKP_TER_KIND_UNREADABLE : HKP_TER_KIND_PSEUDO;
}

static uint8_t measure_pseudo(struct hkp_ter_measure *m, struct entry *e, const char *path) {
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
    return HKP_TER_KIND_UNREADABLE;
}

static void measure_entry(struct hkp_ter_measure *m, struct entry *e) {
    char path[PATH_CAP];
    memcpy(path, e->path, e->path_len);
    path[e->path_len] = 0;
    if (e->kind == HKP_TER_KIND_PSEUDO)
        e->outcome = measure_pseudo(m, e, path);
    else if (e->kind == HKP_TER_KIND_LINK)
        e->outcome = measure_link(e, path);
    else
        e->outcome = measure_file(m, e, path);
    if (e->outcome != e->kind) memset(e->digest, 0, sizeof e->digest);
}

hkp_status hkp_ter_measure_run(hkp_ter_measure *measure, hkp_time now, uint8_t root[32],
                               uint8_t h_integrity[20]) {
    crypto_hash_sha256_state hash;
    if (now > measure->now) measure->now = now;
    hkp_ter__root_begin(&hash, measure->manifest.n_items);
    for (uint32_t i = 0; i < measure->manifest.n_items; i++) {
        struct entry *e = &measure->entries[i];
        measure_entry(measure, e);
        struct hkp_ter_item item = {.path = e->path, .path_len = e->path_len, .kind = e->outcome};
        memcpy(item.digest, e->digest, 32);
        hkp_ter__root_add(&hash, &item);
    }
    hkp_ter__root_end(&hash, root);
    hkp_ter_ripemd160(root, 32, h_integrity);
    return HKP_OK;
}

void hkp_ter_measure_reference_set(hkp_ter_measure *measure) {
    for (uint32_t i = 0; i < measure->manifest.n_items; i++) {
        struct entry *e = &measure->entries[i];
        e->ref_outcome = e->outcome;
        memcpy(e->ref_digest, e->digest, 32);
    }
    measure->has_reference = 1;
}

hkp_status hkp_ter_measure_item(const hkp_ter_measure *measure, uint32_t index,
                                struct hkp_ter_measured *item) {
    if (index >= measure->manifest.n_items) return HKP_E_NOTFOUND;
    const struct entry *e = &measure->entries[index];
    item->path = e->path;
    item->path_len = e->path_len;
    item->kind = e->kind;
    item->outcome = e->outcome;
    item->differs =
        measure->has_reference && (e->outcome != e->ref_outcome || memcmp(e->digest, e->ref_digest, 32) != 0);
    memcpy(item->digest, e->digest, 32);
    return HKP_OK;
}
