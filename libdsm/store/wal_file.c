/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The consensus WAL as a file of its own (D-STO-4 to D-STO-6): a vote costs one append and one fdatasync.
 * Records wait in memory for the commit of the rows that they attest to: written at once they would outlive
 * those where the process or the power ends between (D-STO-1).
 * Records below the newest watermark are left behind by writing the rest anew beside the file and renaming.
 */
#include "libdsm/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdsm/objects/objects.h"

#define WAL_FILE "consensus.wal"
#define WAL_NEW "consensus.wal.new"

static hkp_status io_fault(struct hkp_dsm_store_fault *fault) {
    return hkp_dsm__store_fault(fault, HKP_E_IO, WAL_FILE, strerror(errno), UINT64_MAX);
}

static hkp_status write_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return HKP_E_IO;
        bytes += n;
        len -= (size_t)n;
    }
    return HKP_OK;
}

static hkp_status read_all(int fd, uint8_t *bytes, size_t len, uint64_t from) {
    while (len > 0) {
        ssize_t n = pread(fd, bytes, len, (off_t)from);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return HKP_E_IO;
        bytes += n;
        from += (uint64_t)n;
        len -= (size_t)n;
    }
    return HKP_OK;
}

/* Written beside, synced, renamed, and the directory synced: the name never leads to half a file. */
static hkp_status replace(int dir, const uint8_t *bytes, size_t len) {
    int fd = openat(dir, WAL_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return HKP_E_IO;
    hkp_status st = write_all(fd, bytes, len);
    if (st == HKP_OK && fsync(fd) != 0) st = HKP_E_IO;
    close(fd);
    if (st == HKP_OK && renameat(dir, WAL_NEW, dir, WAL_FILE) != 0) st = HKP_E_IO;
    if (st == HKP_OK && fsync(dir) != 0) st = HKP_E_IO;
    return st;
}

int hkp_dsm__wal_file_exists(int dir) { return faccessat(dir, WAL_FILE, F_OK, 0) == 0; }

hkp_status hkp_dsm__wal_file_create(int dir, struct hkp_dsm_store_fault *fault) {
    uint8_t first[WAL_RECORD];
    hkp_dsm__wal_encode(&(struct hkp_dsm__wal_record){.kind = 0}, first);
    return replace(dir, first, sizeof first) == HKP_OK ? HKP_OK : io_fault(fault);
}

static hkp_status check(struct hkp_dsm__wal_file *wal, size_t len, struct hkp_dsm_store_fault *fault) {
    uint8_t *all = malloc(len > 0 ? len : 1);
    if (all == NULL) return HKP_E_NOMEM;
    size_t n = 0;
    int torn = 0;
    hkp_status st = read_all(wal->fd, all, len, 0);
    if (st != HKP_OK) {
        st = io_fault(fault);
    } else {
        st = hkp_dsm__wal_check(all, len, &n, &torn);
        if (st != HKP_OK) {
            struct hkp_dsm__wal_record r;
            for (n = 0; (n + 1) * WAL_RECORD <= len && hkp_dsm__wal_decode(all + n * WAL_RECORD, &r);) n++;
            hkp_dsm__store_fault(fault, st, WAL_FILE, "bad record before a good one", n * WAL_RECORD);
        } else if (n == 0) {
            st = hkp_dsm__store_fault(fault, HKP_E_IO, WAL_FILE, "no record left (D-STO-7)", 0);
        }
    }
    free(all);
    if (st != HKP_OK) return st;
    if (torn && (ftruncate(wal->fd, (off_t)(n * WAL_RECORD)) != 0 || fsync(wal->fd) != 0))
        return io_fault(fault);
    wal->count = n;
    wal->compact_at = n + WAL_COMPACT;
    return HKP_OK;
}

hkp_status hkp_dsm__wal_file_open(struct hkp_dsm__wal_file *wal, int dir, struct hkp_dsm_store_fault *fault) {
    *wal = (struct hkp_dsm__wal_file){.dir = dir, .fd = openat(dir, WAL_FILE, O_RDWR | O_APPEND | O_CLOEXEC)};
    if (wal->fd < 0) return io_fault(fault);
    struct stat info;
    hkp_status st = fstat(wal->fd, &info) == 0 ? HKP_OK : io_fault(fault);
    if (st == HKP_OK) st = check(wal, (size_t)info.st_size, fault);
    if (st != HKP_OK) hkp_dsm__wal_file_close(wal);
    return st;
}

hkp_status hkp_dsm__wal_file_append(struct hkp_dsm__wal_file *wal, const uint8_t record[WAL_RECORD]) {
    if (wal->n_waiting == wal->cap_waiting) {
        uint64_t cap = wal->cap_waiting > 0 ? wal->cap_waiting * 2 : 64;
        uint8_t(*more)[WAL_RECORD] = cap <= WAL_WAITING_MAX ? realloc(wal->waiting, cap * WAL_RECORD) : NULL;
        if (more == NULL) return cap <= WAL_WAITING_MAX ? HKP_E_NOMEM : HKP_E_LIMIT;
        wal->waiting = more;
        wal->cap_waiting = cap;
    }
    memcpy(wal->waiting[wal->n_waiting++], record, WAL_RECORD);
    return HKP_OK;
}

static int below(const struct hkp_dsm__wal_record *r, const struct hkp_dsm__wal_record *mark) {
    return r->epoch < mark->epoch || (r->epoch == mark->epoch && r->view <= mark->view);
}

/* Keeps the newest watermark and all promises above it, in their order. */
static hkp_status compact(struct hkp_dsm__wal_file *wal) {
    size_t len = (size_t)wal->count * WAL_RECORD, kept = WAL_RECORD;
    uint8_t *all = malloc(len);
    if (all == NULL) return HKP_OK; /* it stays long until the next time */
    hkp_status st = read_all(wal->fd, all, len, 0);
    struct hkp_dsm__wal_record mark = {.kind = 0}, r;
    for (size_t at = 0; st == HKP_OK && at < len; at += WAL_RECORD)
        if (hkp_dsm__wal_decode(all + at, &r) && r.kind == 0 && !below(&r, &mark)) mark = r;
    for (size_t at = WAL_RECORD; st == HKP_OK && at < len; at += WAL_RECORD) {
        if (!hkp_dsm__wal_decode(all + at, &r) || r.kind == 0 || below(&r, &mark)) continue;
        memmove(all + kept, all + at, WAL_RECORD);
        kept += WAL_RECORD;
    }
    if (st == HKP_OK && hkp_dsm__wal_decode(all, &r) && r.kind != 0 && !below(&r, &mark)) {
        free(all); /* a first record that is a promise would be overwritten: cannot be in a file of ours */
        return HKP_E_DSM_WAL_CORRUPT;
    }
    if (st == HKP_OK && kept * 2 < len) {
        hkp_dsm__wal_encode(&mark, all);
        st = replace(wal->dir, all, kept);
        int fd = st == HKP_OK ? openat(wal->dir, WAL_FILE, O_RDWR | O_APPEND | O_CLOEXEC) : -1;
        if (fd < 0) {
            st = HKP_E_IO;
        } else {
            close(wal->fd);
            wal->fd = fd;
            wal->count = kept / WAL_RECORD;
        }
    }
    free(all);
    return st;
}

hkp_status hkp_dsm__wal_file_sync(struct hkp_dsm__wal_file *wal) {
    if (wal->n_waiting == 0) return HKP_OK;
    hkp_status st = write_all(wal->fd, wal->waiting[0], (size_t)wal->n_waiting * WAL_RECORD);
    if (st != HKP_OK || fdatasync(wal->fd) != 0) return HKP_E_IO;
    wal->count += wal->n_waiting;
    wal->n_waiting = 0;
    if (wal->count < wal->compact_at) return HKP_OK;
    st = compact(wal);
    wal->compact_at = wal->count + WAL_COMPACT;
    return st;
}

hkp_status hkp_dsm__wal_file_read(const struct hkp_dsm__wal_file *wal, uint64_t index,
                                  uint8_t record[WAL_RECORD]) {
    if (index >= wal->count) {
        memcpy(record, wal->waiting[index - wal->count], WAL_RECORD);
        return HKP_OK;
    }
    return read_all(wal->fd, record, WAL_RECORD, index * WAL_RECORD);
}

void hkp_dsm__wal_file_close(struct hkp_dsm__wal_file *wal) {
    if (wal->fd >= 0) close(wal->fd);
    wal->fd = -1;
    free(wal->waiting);
    wal->waiting = NULL;
    wal->n_waiting = wal->cap_waiting = 0;
}
