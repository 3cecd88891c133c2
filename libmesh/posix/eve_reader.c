/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Follows an EVE file or FIFO: never waits, holds one buffer, survives rotation and truncation. */
#include "libmesh/eve.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX 65536U
#define READS_PER_CALL 16
#define PATH_LEN_MAX 4095U

struct hkp_mesh_eve_file {
    struct hkp_mem mem;
    hkp_mesh_eve *eve;
    int fd;
    /** bytes read from this file, for truncation */
    off_t offset;
    dev_t dev;
    ino_t ino;
    int regular;
    size_t at, len;
    char path[PATH_LEN_MAX + 1];
    uint8_t bytes[READ_MAX];
};

static void close_file(hkp_mesh_eve_file *f) {
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
    f->offset = 0;
}

/* HKP_OK also when there is no file yet: fd stays -1. */
static hkp_status open_file(hkp_mesh_eve_file *f, int at_end) {
    struct stat st;
    f->fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (f->fd < 0) return errno == ENOENT ? HKP_OK : HKP_E_IO;
    if (fstat(f->fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))) {
        close_file(f);
        return HKP_E_IO;
    }
    f->regular = S_ISREG(st.st_mode);
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->offset = f->regular && at_end ? lseek(f->fd, 0, SEEK_END) : 0;
    return HKP_OK;
}

hkp_status hkp_mesh_eve_file_open(hkp_mesh_eve_file **out, const char *path, int32_t from_start,
                                  const struct hkp_mesh_eve_options *opt) {
    struct hkp_mesh_eve_options o = {.struct_size = sizeof o};
    hkp_status st = opt == NULL ? HKP_OK : hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (strlen(path) > PATH_LEN_MAX) return HKP_E_INVAL;
    hkp_mesh_eve_file *f = hkp_mem_alloc(&o.mem, sizeof *f);
    if (f == NULL) return HKP_E_NOMEM;
    f->mem = o.mem;
    f->fd = -1;
    memcpy(f->path, path, strlen(path));
    st = hkp_mesh_eve_new(&f->eve, &o);
    if (st == HKP_OK) st = open_file(f, !from_start);
    if (st != HKP_OK) {
        hkp_mesh_eve_file_close(f);
        return st;
    }
    *out = f;
    return HKP_OK;
}

void hkp_mesh_eve_file_close(hkp_mesh_eve_file *file) {
    if (file == NULL) return;
    const struct hkp_mem mem = file->mem;
    close_file(file);
    hkp_mesh_eve_free(file->eve);
    hkp_mem_free(&mem, file, sizeof *file);
}

/* At the end of a regular file: 1 if another one has its name now, or it was cut and begins anew. */
static int was_rotated(hkp_mesh_eve_file *f) {
    struct stat st;
    if (!f->regular || stat(f->path, &st) != 0) return 0; /* gone: the writer may still hold it */
    if (st.st_dev != f->dev || st.st_ino != f->ino) {
        close_file(f);
        return 1;
    }
    if (st.st_size >= f->offset) return 0;
    f->offset = lseek(f->fd, 0, SEEK_SET);
    return 1;
}

/* One read. 1: bytes, or another file; 0: nothing now; negative: the system refused. */
static int refill(hkp_mesh_eve_file *f) {
    if (f->fd < 0) {
        const hkp_status st = open_file(f, 0);
        if (st != HKP_OK) return -1;
        if (f->fd < 0) return 0;
    }
    const ssize_t n = read(f->fd, f->bytes, sizeof f->bytes);
    if (n > 0) {
        f->at = 0;
        f->len = (size_t)n;
        f->offset += n;
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n < 0) {
        close_file(f);
        return -1;
    }
    if (!was_rotated(f)) {
        hkp_mesh__eve_try(f->eve);
        return 0;
    }
    hkp_mesh_eve_end(f->eve);
    return 1;
}

hkp_status hkp_mesh_eve_file_next(hkp_mesh_eve_file *file, uint64_t now_s, struct hkp_mesh_record *record) {
    for (int reads = 0; reads <= READS_PER_CALL;) {
        if (hkp_mesh_eve_next(file->eve, now_s, record) == HKP_OK) return HKP_OK;
        if (file->at < file->len) {
            size_t taken = 0;
            hkp_mesh_eve_push(file->eve, file->bytes + file->at, file->len - file->at, &taken);
            file->at += taken;
            continue;
        }
        const int got = refill(file);
        if (got < 0) return HKP_E_IO;
        if (got == 0) break;
        reads++;
    }
    return hkp_mesh_eve_next(file->eve, now_s, record);
}

hkp_status hkp_mesh_eve_file_stats(const hkp_mesh_eve_file *file, struct hkp_mesh_eve_stats *stats) {
    return hkp_mesh_eve_get_stats(file->eve, stats);
}
