/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* An audit log as two files: entries and heads, each record behind its length (D-AUD-1 to D-AUD-3). */
#include <hookprobe/mesh/audit.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libmesh/posix/datadir.h"
#include "libter/bytes.h"
#include "libter/options.h"

enum { FILE_MAX = 256 << 20, APPENDED_MAX = 1 << 16, RECORD_HEAD = 2 };

struct hkp_mesh_audit {
    hkp_dsm_audit *log;
    /** -1: only read */
    int entries, heads;
    uint64_t size;
    uint8_t newest[HKP_DSM_AUDIT_HEAD_MAX];
    size_t newest_len;
    /** a write failed: what is on disk is not known any more */
    int broken, dirty;
};

/** A file in memory, and how far it was read. */
struct records {
    const char *name;
    uint8_t *bytes;
    size_t len, at;
};

void hkp_mesh_audit_options_init(struct hkp_mesh_audit_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

/* 1: a whole record; 0: the file ends here, or within a record that a crash cut. */
static int record(struct records *r, const uint8_t **bytes, size_t *len) {
    if (r->len - r->at < RECORD_HEAD) return 0;
    *len = (size_t)r->bytes[r->at] << 8 | r->bytes[r->at + 1];
    if (*len > HKP_DSM_AUDIT_HEAD_MAX) *len = 0; /* none is so long: refused by whoever reads it */
    if (r->len - r->at - RECORD_HEAD < *len) return 0;
    *bytes = r->bytes + r->at + RECORD_HEAD;
    r->at += RECORD_HEAD + *len;
    return 1;
}

static hkp_status load(const char *dir, const char *name, struct records *r, struct hkp_mesh_fault *fault) {
    char path[HKP_MESH__PATH_MAX];
    struct stat s;
    *r = (struct records){.name = name};
    hkp_status st = hkp_mesh__path(path, dir, name);
    if (st != HKP_OK) return st;
    if (stat(path, &s) != 0) {
        if (errno == ENOENT) return HKP_E_NOTFOUND;
        return hkp_mesh__fault(fault, HKP_E_IO, path, strerror(errno), UINT64_MAX);
    }
    if (s.st_size == 0) return HKP_OK;
    if (s.st_size > FILE_MAX)
        return hkp_mesh__fault(fault, HKP_E_TOOBIG, path, "larger than 256 MiB", UINT64_MAX);
    /* as much as there is, and what a node that runs may append meanwhile */
    return hkp_mesh__file_read(dir, name, 0, (size_t)s.st_size + APPENDED_MAX, &r->bytes, &r->len, fault);
}

static hkp_status wrong(struct hkp_mesh_fault *fault, hkp_status st, const struct records *r, size_t at) {
    return hkp_mesh__fault(fault, st, r->name, hkp_dsm_status_name(st), at);
}

/* ---- reading it all ---- */

struct reading {
    const struct hkp_mesh_audit_options *o;
    struct records entries, heads;
    struct hkp_dsm_audit_head head, before;
    int has_head, has_before;
};

/* The next head, without its log yet; has_head 0: there is none. */
static hkp_status next_head(hkp_mesh_audit *a, struct reading *r, struct hkp_mesh_fault *fault) {
    const uint8_t *bytes;
    size_t len;
    const size_t at = r->heads.at;
    struct hkp_dsm_envelope e;
    r->has_head = record(&r->heads, &bytes, &len);
    if (!r->has_head) return HKP_OK;
    hkp_status st = len <= sizeof a->newest ? HKP_OK : HKP_E_DSM_TOO_BIG;
    if (st == HKP_OK) st = hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_AUDIT_HEAD, &e);
    if (st == HKP_OK) st = hkp_dsm_audit_head_read(bytes, len, &r->head);
    if (st == HKP_OK && r->o->directory != NULL) /* at its own time: certificates are renewed */
        st = hkp_dsm_audit_head_check(bytes, len, r->o->chain_id, r->o->directory, r->head.time_us / 1000000,
                                      &r->head);
    if (st == HKP_OK && r->has_before) st = hkp_dsm_audit_head_follows(&r->before, &r->head);
    if (st != HKP_OK) return wrong(fault, st, &r->heads, at);
    memcpy(a->newest, bytes, len);
    a->newest_len = len;
    r->before = r->head;
    r->has_before = 1;
    return HKP_OK;
}

static hkp_status replay(hkp_mesh_audit *a, struct reading *r, struct hkp_mesh_fault *fault) {
    const uint8_t *bytes;
    size_t len, at = 0;
    hkp_status st = next_head(a, r, fault);
    while (st == HKP_OK && record(&r->entries, &bytes, &len)) {
        struct hkp_dsm_audit_entry e;
        st = hkp_dsm_audit_replay(a->log, bytes, len);
        if (st == HKP_OK) st = hkp_dsm_audit_entry_parse(bytes, len, &e);
        if (st != HKP_OK) return wrong(fault, st, &r->entries, at);
        if (r->o->each != NULL) r->o->each(r->o->user, &e, bytes, len);
        a->size++;
        at = r->entries.at;
        if (!r->has_head || a->size != r->head.size) continue;
        st = hkp_dsm_audit_agree(a->log, &r->head);
        if (st != HKP_OK) return wrong(fault, st, &r->entries, at);
        st = next_head(a, r, fault);
    }
    if (st == HKP_OK && r->has_head) /* a head of entries that are not there */
        return hkp_mesh__fault(fault, HKP_E_DSM_GAP, r->entries.name,
                               "entries below a signed head are missing", r->entries.at);
    return st;
}

/* ---- opening ---- */

static hkp_status open_file(const char *dir, const struct records *r, int *fd, struct hkp_mesh_fault *fault) {
    char path[HKP_MESH__PATH_MAX];
    hkp_status st = hkp_mesh__path(path, dir, r->name);
    if (st != HKP_OK) return st;
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd >= 0 && ftruncate(*fd, (off_t)r->at) == 0) return HKP_OK;
    return hkp_mesh__fault(fault, HKP_E_IO, path, strerror(errno), UINT64_MAX);
}

static hkp_status open_both(hkp_mesh_audit *a, struct reading *r, struct hkp_mesh_fault *fault) {
    hkp_status st = open_file(r->o->dir, &r->entries, &a->entries, fault);
    return st == HKP_OK ? open_file(r->o->dir, &r->heads, &a->heads, fault) : st;
}

static hkp_status new_log(hkp_mesh_audit *a, const struct hkp_mesh_audit_options *o) {
    struct hkp_dsm_audit_options lo;
    hkp_dsm_audit_options_init(&lo, sizeof lo);
    lo.chain_id = o->chain_id;
    lo.node_id = o->node_id;
    lo.secret = o->secret;
    return hkp_dsm_audit_new(&a->log, &lo);
}

static hkp_status folder(const struct hkp_mesh_audit_options *o, struct hkp_mesh_fault *fault) {
    if (o->secret == NULL || mkdir(o->dir, 0700) == 0 || errno == EEXIST) return HKP_OK;
    return hkp_mesh__fault(fault, HKP_E_IO, o->dir, strerror(errno), UINT64_MAX);
}

static hkp_status read_all(hkp_mesh_audit *a, struct reading *r, struct hkp_mesh_fault *fault) {
    hkp_status st = new_log(a, r->o);
    if (st == HKP_OK) st = folder(r->o, fault);
    if (st == HKP_OK) {
        st = load(r->o->dir, "entries", &r->entries, fault);
        if (st == HKP_E_NOTFOUND && r->o->secret != NULL) st = HKP_OK;
    }
    if (st == HKP_OK) {
        st = load(r->o->dir, "heads", &r->heads, fault);
        if (st == HKP_E_NOTFOUND) st = HKP_OK;
    }
    if (st == HKP_OK) st = replay(a, r, fault);
    if (st == HKP_OK && r->o->secret != NULL) st = open_both(a, r, fault);
    free(r->entries.bytes);
    free(r->heads.bytes);
    return st;
}

hkp_status hkp_mesh_audit_open(hkp_mesh_audit **out, const struct hkp_mesh_audit_options *opt,
                               struct hkp_mesh_fault *fault) {
    struct hkp_mesh_audit_options o;
    if (fault != NULL) memset(fault, 0, sizeof *fault);
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st != HKP_OK) return st;
    if (o.dir == NULL || o.chain_id == NULL || o.node_id == NULL || o.reserved0 != 0) return HKP_E_INVAL;
    struct reading r = {.o = &o, .entries = {.name = "entries"}, .heads = {.name = "heads"}};
    hkp_mesh_audit *a = malloc(sizeof *a);
    if (a == NULL) return HKP_E_NOMEM;
    *a = (hkp_mesh_audit){.entries = -1, .heads = -1};
    st = read_all(a, &r, fault);
    if (st == HKP_OK)
        *out = a;
    else
        hkp_mesh_audit_close(a);
    return st;
}

/* ---- writing ---- */

static hkp_status put(hkp_mesh_audit *a, int fd, const uint8_t *bytes, size_t len) {
    uint8_t buf[RECORD_HEAD + HKP_DSM_AUDIT_HEAD_MAX];
    buf[0] = (uint8_t)(len >> 8);
    buf[1] = (uint8_t)len;
    memcpy(buf + RECORD_HEAD, bytes, len);
    if (write(fd, buf, RECORD_HEAD + len) == (ssize_t)(RECORD_HEAD + len)) return HKP_OK;
    a->broken = 1;
    return HKP_E_IO;
}

static hkp_status synced(hkp_mesh_audit *a, int fd) {
    if (fdatasync(fd) == 0) return HKP_OK;
    a->broken = 1;
    return HKP_E_IO;
}

hkp_status hkp_mesh_audit_append(hkp_mesh_audit *a, hkp_time now, uint64_t time_us, uint32_t type,
                                 const uint8_t actor[16], const uint8_t data[32]) {
    uint8_t entry[HKP_DSM_AUDIT_ENTRY_MAX];
    size_t len = 0;
    if (a->broken) return HKP_E_IO;
    hkp_status st = hkp_dsm_audit_append(a->log, now, time_us, type, actor, data, entry, sizeof entry, &len);
    if (st == HKP_OK) st = put(a, a->entries, entry, len);
    if (st != HKP_OK) return st;
    a->size++;
    a->dirty = 1;
    return HKP_OK;
}

hkp_time hkp_mesh_audit_wake(const hkp_mesh_audit *a) {
    return a->broken ? HKP_TIME_NEVER : hkp_dsm_audit_wake(a->log);
}

hkp_status hkp_mesh_audit_head(hkp_mesh_audit *a, hkp_time now, uint64_t time_us, int32_t force, uint8_t *dst,
                               size_t cap, size_t *len) {
    uint8_t head[HKP_DSM_AUDIT_HEAD_MAX];
    size_t head_len = 0;
    if (a->entries < 0) return HKP_E_STATE;
    if (a->broken) return HKP_E_IO;
    if (cap < sizeof head) return HKP_E_NOSPC;
    if (!force && now < hkp_dsm_audit_wake(a->log)) return HKP_E_NOTFOUND;
    hkp_status st = synced(a, a->entries);
    if (st == HKP_OK) st = hkp_dsm_audit_stored(a->log, a->size);
    if (st == HKP_OK) st = hkp_dsm_audit_head(a->log, now, time_us, force, head, sizeof head, &head_len);
    if (st == HKP_OK) st = put(a, a->heads, head, head_len);
    if (st == HKP_OK) st = synced(a, a->heads);
    if (st != HKP_OK) return st;
    a->dirty = 0;
    memcpy(a->newest, head, head_len);
    a->newest_len = head_len;
    memcpy(dst, head, head_len);
    *len = head_len;
    return HKP_OK;
}

hkp_status hkp_mesh_audit_status(const hkp_mesh_audit *a, struct hkp_dsm_audit_status *status) {
    return hkp_dsm_audit_status(a->log, status);
}

hkp_status hkp_mesh_audit_newest(const hkp_mesh_audit *a, uint8_t *dst, size_t cap, size_t *len) {
    if (a->newest_len == 0) return HKP_E_NOTFOUND;
    if (cap < a->newest_len) return HKP_E_NOSPC;
    memcpy(dst, a->newest, a->newest_len);
    *len = a->newest_len;
    return HKP_OK;
}

void hkp_mesh_audit_close(hkp_mesh_audit *a) {
    if (a == NULL) return;
    if (a->dirty) (void)!fdatasync(a->entries);
    if (a->entries >= 0) close(a->entries);
    if (a->heads >= 0) close(a->heads);
    hkp_dsm_audit_free(a->log);
    free(a);
}
