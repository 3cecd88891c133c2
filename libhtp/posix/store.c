/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The store in a folder: made and freed, its handles, and what an error of the system is called. */
#include "libhtp/posix/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OFF_ALL = HKP_HTP_STORE_POSIX_NO_OPENAT2 | HKP_HTP_STORE_POSIX_NO_TMPFILE |
              HKP_HTP_STORE_POSIX_NO_NOREPLACE | HKP_HTP_STORE_POSIX_NO_CLONE | HKP_HTP_STORE_POSIX_NO_COPY |
              HKP_HTP_STORE_POSIX_NO_CLEANING | HKP_HTP_STORE_POSIX_NO_AIO
};

uint32_t hkp_htp__store_code(int error) {
    switch (error) {
    case 0:
        return HKP_HTP_FILE_OK;
    case ENOENT:
    case ENOTDIR:
        return HKP_HTP_FILE_NOT_FOUND;
    case EEXIST:
        return HKP_HTP_FILE_ALREADY_EXISTS;
    case ENAMETOOLONG:
        return HKP_HTP_FILE_INVALID_PATH;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return HKP_HTP_FILE_QUOTA_EXCEEDED;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return HKP_HTP_FILE_BUSY;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP: /* a symbolic link */
    case EXDEV: /* leads out of the root */
    case ENXIO: /* a socket, or a device that is not there */
    case ENODEV:
    case EISDIR:
    case ETXTBSY:
        return HKP_HTP_FILE_PERMISSION_DENIED;
    default:
        return HKP_HTP_FILE_IO_ERROR;
    }
}

uint64_t hkp_htp__store_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t microseconds(const struct timespec *t) {
    return t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec * 1000000U + (uint64_t)t->tv_nsec / 1000U;
}

void hkp_htp__store_info(const struct stat *st, struct hkp_htp_file_info *out) {
    memset(out, 0, sizeof *out);
    out->kind = S_ISDIR(st->st_mode) ? HKP_HTP_FILE_KIND_FOLDER : HKP_HTP_FILE_KIND_FILE;
    out->size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size;
    out->mtime_us = microseconds(&st->st_mtim);
    out->ctime_us = microseconds(&st->st_ctim);
    out->mode = (uint16_t)(st->st_mode & 0777);
}

uint32_t hkp_htp__store_is_file(const struct stat *st) {
    if (S_ISDIR(st->st_mode)) return HKP_HTP_FILE_INVALID_OPERATION;
    return S_ISREG(st->st_mode) && st->st_nlink == 1 ? HKP_HTP_FILE_OK : HKP_HTP_FILE_PERMISSION_DENIED;
}

/* A handle is the number of its slot, from 1, and how often that was used. */
static struct hkp_htp__store_slot *slot_of(struct hkp_htp_store_posix *s, uint64_t handle) {
    const uint32_t index = (uint32_t)handle - 1;
    if (index >= s->slots_used) return NULL;
    struct hkp_htp__store_slot *slot = &s->slot[index];
    return slot->handle != NULL && slot->generation == handle >> 32 ? slot : NULL;
}

struct hkp_htp__store_handle *hkp_htp__store_handle(struct hkp_htp_store_posix *s, uint64_t handle) {
    struct hkp_htp__store_slot *slot = slot_of(s, handle);
    return slot == NULL ? NULL : slot->handle;
}

struct hkp_htp__store_handle *hkp_htp__store_handle_new(struct hkp_htp_store_posix *s, uint64_t *handle) {
    if (s->open == s->opt.handles_max) return NULL;
    uint32_t i = 0;
    while (i < s->slots_used && s->slot[i].handle != NULL) i++;
    struct hkp_htp__store_handle *h = hkp_mem_alloc(&s->opt.mem, sizeof *h);
    if (h == NULL) return NULL;
    if (i == s->slots_used) s->slots_used++;
    h->fd = h->part_fd = h->old_fd = -1;
    s->slot[i].handle = h;
    s->slot[i].generation++;
    s->open++;
    *handle = (uint64_t)s->slot[i].generation << 32 | (i + 1);
    return h;
}

void hkp_htp__store_handle_free(struct hkp_htp_store_posix *s, uint64_t handle) {
    struct hkp_htp__store_slot *slot = slot_of(s, handle);
    struct hkp_htp__store_handle *h = slot->handle;
    if (h->fd >= 0) (void)close(h->fd);
    if (h->part_fd >= 0) (void)close(h->part_fd);
    if (h->old_fd >= 0) (void)close(h->old_fd);
    if (h->folder != NULL) hkp_htp__store_folder_put(s, h->folder);
    hkp_mem_free(&s->opt.mem, h, sizeof *h);
    slot->handle = NULL;
    s->open--;
}

void hkp_htp_store_posix_options_init(struct hkp_htp_store_posix_options *options, size_t size) {
    hkp_options_init(options, size);
}

static hkp_status import(struct hkp_htp_store_posix_options *o,
                         const struct hkp_htp_store_posix_options *given) {
    hkp_htp_store_posix_options_init(o, sizeof *o);
    hkp_status st = given == NULL ? HKP_OK : hkp_options_import(o, sizeof *o, sizeof *o, given);
    if (st != HKP_OK) return st;
    if (o->handles_max == 0) o->handles_max = HKP_HTP__STORE_HANDLES;
    if (o->part_age_s == 0) o->part_age_s = HKP_HTP__STORE_PART_AGE_S;
    if (o->file_mode == 0) o->file_mode = HKP_HTP__STORE_FILE_MODE;
    if (o->folder_mode == 0) o->folder_mode = HKP_HTP__STORE_FOLDER_MODE;
    if ((o->off & ~(uint32_t)OFF_ALL) || o->handles_max > HKP_HTP__STORE_HANDLES_MAX || o->file_mode > 0777 ||
        o->folder_mode > 0777 || o->reserved0 != 0)
        return HKP_E_INVAL;
    return hkp_mem_import(&o->mem);
}

static size_t size_of(uint32_t handles_max) {
    return sizeof(struct hkp_htp_store_posix) + handles_max * sizeof(struct hkp_htp__store_slot);
}

hkp_status hkp_htp_store_posix_new(hkp_htp_store_posix **out, const char *root,
                                   const struct hkp_htp_store_posix_options *options) {
    struct hkp_htp_store_posix_options o;
    if (out == NULL || root == NULL) return HKP_E_INVAL;
    hkp_status st = import(&o, options);
    if (st != HKP_OK) return st;
    hkp_htp_store_posix *s = hkp_mem_alloc(&o.mem, size_of(o.handles_max));
    if (s == NULL) return HKP_E_NOMEM;
    s->opt = o;
    s->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0) {
        hkp_mem_free(&o.mem, s, size_of(o.handles_max));
        return HKP_E_IO;
    }
    /* A file without a name gets one by way of /proc, if the system does not let it have one at once. */
    if (access("/proc/self/fd", X_OK) != 0) s->opt.off |= HKP_HTP_STORE_POSIX_NO_TMPFILE;
    *out = s;
    return HKP_OK;
}

void hkp_htp_store_posix_free(hkp_htp_store_posix *s) {
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->slots_used; i++)
        if (s->slot[i].handle != NULL)
            hkp_htp__store_close(s, (uint64_t)s->slot[i].generation << 32 | (i + 1), 1);
    if (s->cleaning != NULL) hkp_htp__store_walk_free(s, s->cleaning);
    hkp_htp__store_quotas_free(s);
    hkp_htp__store_folders_free(s);
    hkp_htp__store_sync_end(s);
    (void)close(s->root);
    const struct hkp_mem mem = s->opt.mem;
    hkp_mem_free(&mem, s, size_of(s->opt.handles_max));
}

void hkp_htp_store_posix_store(hkp_htp_store_posix *store, struct hkp_htp_store *out) {
    *out = (struct hkp_htp_store){.user = store,
                                  .stat = hkp_htp__store_stat,
                                  .list = hkp_htp__store_list,
                                  .remove = hkp_htp__store_remove,
                                  .open = hkp_htp__store_open,
                                  .create = hkp_htp__store_create,
                                  .read = hkp_htp__store_read,
                                  .write = hkp_htp__store_write,
                                  .commit = hkp_htp__store_commit,
                                  .close = hkp_htp__store_close,
                                  .flush = hkp_htp__store_flush};
}
