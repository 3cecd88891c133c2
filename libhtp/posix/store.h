/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of the store in a folder. */
#ifndef HKP_LIBHTP_POSIX_STORE_H
#define HKP_LIBHTP_POSIX_STORE_H

#include <hookprobe/htp/store_posix.h>

#include <sys/stat.h>

#include "libter/options.h"

enum {
    HKP_HTP__STORE_HANDLES = 256,
    HKP_HTP__STORE_HANDLES_MAX = 65536,
    HKP_HTP__STORE_PART_AGE_S = 86400,
    HKP_HTP__STORE_FILE_MODE = 0640,
    HKP_HTP__STORE_FOLDER_MODE = 0750,
    /** entries of one answer of list() */
    HKP_HTP__STORE_LIST_MAX = 1000,
    /** folders that nobody writes to and that stay open */
    HKP_HTP__STORE_FOLDERS_IDLE = 16,
    /** folders below which bytes are counted */
    HKP_HTP__STORE_QUOTAS = 64,
    /** commits that wait for each other at most */
    HKP_HTP__STORE_GROUP = 64,
    /** folders within folders that are counted, cleaned or deleted */
    HKP_HTP__STORE_DEPTH = 64,
    /** bytes of entries that are read at a time */
    HKP_HTP__STORE_ENTRIES = 2048,
    /** ".htp-", 32 digits, ".part" or ".join", and NUL */
    HKP_HTP__STORE_PART_NAME = 43
};

/** A folder that is written to. */
struct hkp_htp__store_folder {
    struct hkp_htp__store_folder *next;
    int fd;
    /** handles in it */
    uint32_t refs;
    dev_t dev;
    ino_t ino;
    /** when its path was last seen to lead to it, ns; idle ones go in that order */
    uint64_t seen_ns;
    /** its path leads elsewhere now: not found any more, and freed with its last handle */
    uint8_t is_gone;
    /** of the flush that goes on: its path was looked at; something in it was renamed */
    uint8_t was_checked, is_dirty;
    uint32_t path_len;
    char path[HKP_HTP_FILE_PATH_MAX];
};

enum {
    HKP_HTP__HANDLE_READ = 1,
    /** a part that is written */
    HKP_HTP__HANDLE_PART,
    /** APPEND: the old content is copied */
    HKP_HTP__HANDLE_JOIN,
    /** complete, in the queue for flush() */
    HKP_HTP__HANDLE_WAITING,
    /** result holds how it went */
    HKP_HTP__HANDLE_DONE,
    /** another one took its part */
    HKP_HTP__HANDLE_DEAD
};

/** What name the file of a handle has. */
enum { HKP_HTP__NAME_NONE = 0, HKP_HTP__NAME_PART, HKP_HTP__NAME_JOIN };

/** A file that is open. */
struct hkp_htp__store_handle {
    uint8_t state;
    /** HKP_HTP__NAME_* of fd, and of part_fd */
    uint8_t named, part_named;
    uint8_t joins;
    uint32_t result;
    int fd;
    /** JOIN: the part, while fd is what becomes of it and old_fd what it goes behind */
    int part_fd, old_fd;
    /** READ: what was opened; JOIN: what the part goes behind */
    struct stat seen;
    /** bytes of the part; of them, those whose write-back was started */
    uint64_t len, started;
    /** JOIN: bytes of fd so far */
    uint64_t joined;
    struct hkp_htp__store_folder *folder;
    /** queue of flush() */
    struct hkp_htp__store_handle *next;
    /** of the put */
    uint64_t size, mtime_us;
    uint32_t flags;
    uint16_t mode;
    uint8_t part[16];
    uint32_t path_len, name_at;
    /** NUL-terminated; its last name at name_at */
    char path[HKP_HTP_FILE_PATH_MAX + 1];
};

struct hkp_htp__store_slot {
    struct hkp_htp__store_handle *handle;
    uint32_t generation;
    uint32_t reserved0;
};

/** One folder that is walked through. */
struct hkp_htp__store_level {
    int fd;
    uint32_t at, len;
    char name[HKP_HTP_FILE_NAME_MAX + 1];
    _Alignas(8) uint8_t entries[HKP_HTP__STORE_ENTRIES];
};

/** A folder with all that is below it, in steps. */
struct hkp_htp__store_walk {
    uint32_t depth;
    uint32_t reserved0;
    struct hkp_htp__store_level level[HKP_HTP__STORE_DEPTH];
};

/** Bytes below a folder. */
struct hkp_htp__store_quota {
    struct hkp_htp__store_quota *next;
    /** those of files and of parts that no handle has open */
    uint64_t bytes;
    uint64_t counted_ns, used_ns;
    /** counting goes on */
    struct hkp_htp__store_walk *walk;
    uint32_t is_counted;
    uint32_t root_len;
    char root[HKP_HTP_FILE_PATH_MAX];
};

struct hkp_htp_store_posix {
    struct hkp_htp_store_posix_options opt;
    int root;
    /** of all handles: slots ever used, handles open */
    uint32_t slots_used, open;
    struct hkp_htp__store_folder *folders;
    uint32_t folders_idle;
    uint32_t waiting;
    struct hkp_htp__store_handle *first, *last;
    struct hkp_htp__store_quota *quotas;
    struct hkp_htp__store_walk *cleaning;
    uint64_t clean_ns;
    /** of store_sync.c: aio_context_t */
    unsigned long aio;
    uint32_t has_aio;
    uint32_t reserved0;
    struct hkp_htp__store_slot slot[];
};

/** What walk_next() came to. */
enum {
    HKP_HTP__WALK_END = 0,
    /** an entry that is not known to be a folder */
    HKP_HTP__WALK_ENTRY,
    /** a folder; the walk goes into it if it is told to */
    HKP_HTP__WALK_FOLDER,
    /** a folder that the walk was in: in the one that holds it again */
    HKP_HTP__WALK_LEFT
};

/* store.c */
/** Code of HTP-13.10 for an errno. */
uint32_t hkp_htp__store_code(int error);
uint64_t hkp_htp__store_now(void);
void hkp_htp__store_info(const struct stat *st, struct hkp_htp_file_info *out);
/** Code for what may not be read or replaced as a file; OK if it may. */
uint32_t hkp_htp__store_is_file(const struct stat *st);
/** NULL: no such handle. */
struct hkp_htp__store_handle *hkp_htp__store_handle(struct hkp_htp_store_posix *s, uint64_t handle);
/** A new handle, all zero but its descriptors; NULL: too many, or no memory. */
struct hkp_htp__store_handle *hkp_htp__store_handle_new(struct hkp_htp_store_posix *s, uint64_t *handle);
/** Closes what it holds and frees it. */
void hkp_htp__store_handle_free(struct hkp_htp_store_posix *s, uint64_t handle);

/* store_folder.c */
/** Opens path[0..len) below the root, through no symbolic link; -1 and errno. */
int hkp_htp__store_resolve(struct hkp_htp_store_posix *s, const char *path, size_t len, int flags);
/** Finds or opens a folder to write to, and holds it; missing ones are made and durable if make is 1. */
uint32_t hkp_htp__store_folder_get(struct hkp_htp_store_posix *s, const char *path, size_t len, int make,
                                   struct hkp_htp__store_folder **out);
void hkp_htp__store_folder_put(struct hkp_htp_store_posix *s, struct hkp_htp__store_folder *folder);
/** 1 if its path still leads to it. */
int hkp_htp__store_folder_check(struct hkp_htp_store_posix *s, struct hkp_htp__store_folder *folder);
/** A folder was deleted, with all below it. */
void hkp_htp__store_folders_gone(struct hkp_htp_store_posix *s, const char *path, size_t len);
void hkp_htp__store_folders_free(struct hkp_htp_store_posix *s);

/* store_read.c, store_list.c, store_remove.c: functions of the store */
uint32_t hkp_htp__store_stat(void *user, const char *path, size_t path_len, struct hkp_htp_file_info *out);
uint32_t hkp_htp__store_open(void *user, const char *path, size_t path_len, uint64_t *handle,
                             struct hkp_htp_file_info *out);
uint32_t hkp_htp__store_read(void *user, uint64_t handle, uint64_t offset, uint8_t *dst, size_t len);
uint32_t hkp_htp__store_list(void *user, const char *path, size_t path_len, const uint8_t *after,
                             size_t after_len, uint32_t max, struct hkp_htp_file_entry *out, uint32_t *count,
                             uint32_t *more);
uint32_t hkp_htp__store_remove(void *user, const char *path, size_t path_len, uint32_t recursive);

/* store_put.c */
uint32_t hkp_htp__store_create(void *user, const struct hkp_htp_store_put *put, uint64_t *handle,
                               uint64_t *have);
uint32_t hkp_htp__store_write(void *user, uint64_t handle, uint64_t offset, const uint8_t *data, size_t len);
void hkp_htp__store_close(void *user, uint64_t handle, uint32_t keep);
/** Name of a part: HKP_HTP__STORE_PART_NAME bytes. */
void hkp_htp__store_part_name(const uint8_t part[16], const char *end, char *out);
/** Deletes what a handle has written. */
void hkp_htp__store_drop(struct hkp_htp__store_handle *h);

/* store_commit.c */
uint32_t hkp_htp__store_commit(void *user, uint64_t handle, uint64_t size);
void hkp_htp__store_flush(void *user);
/** Takes a handle out of the queue. */
void hkp_htp__store_unqueue(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h);

/* store_sync.c */
/** Makes count files or folders durable; error[i]: 0 or an errno. At most HKP_HTP__STORE_GROUP. */
void hkp_htp__store_sync(struct hkp_htp_store_posix *s, const int *fd, int *error, size_t count);
void hkp_htp__store_sync_end(struct hkp_htp_store_posix *s);

/* store_join.c: copies some more; OK when all is there */
uint32_t hkp_htp__store_join(struct hkp_htp_store_posix *s, struct hkp_htp__store_handle *h);

/* store_walk.c */
/** Starts at fd, which it owns from then on; NULL: no memory, and fd is closed. */
struct hkp_htp__store_walk *hkp_htp__store_walk_new(struct hkp_htp_store_posix *s, int fd);
void hkp_htp__store_walk_free(struct hkp_htp_store_posix *s, struct hkp_htp__store_walk *walk);
/** The next entry: *dir is where it lies, *name its name, until the next call. */
int hkp_htp__store_walk_next(struct hkp_htp__store_walk *walk, int *dir, const char **name);
/** Goes into a folder; 0, or an errno: it stays where it is. */
int hkp_htp__store_walk_enter(struct hkp_htp__store_walk *walk, const char *name);
/** Entries of a folder into buf; their length, 0 at the end, -1 and errno. */
long hkp_htp__store_entries(int fd, void *buf, size_t len);
/** The entry at *at of them, which moves on; its name; *type DT_*. */
const char *hkp_htp__store_entry(const uint8_t *entries, uint32_t *at, uint8_t *type);
/** Deletes old parts, a few entries at a time. */
void hkp_htp__store_clean(struct hkp_htp_store_posix *s);

/* store_quota.c */
/** Counts what lies below the root of a put's quota: OK when that is known, AGAIN until then. */
uint32_t hkp_htp__store_quota_count(struct hkp_htp_store_posix *s, const struct hkp_htp_store_put *put);
/** Whether a put that has a handle has room: OK, QUOTA_EXCEEDED, or AGAIN: an old count is made anew. */
uint32_t hkp_htp__store_quota_room(struct hkp_htp_store_posix *s, const struct hkp_htp_store_put *put);
/** Bytes of files that no handle writes came to path, and went. */
void hkp_htp__store_charge(struct hkp_htp_store_posix *s, const char *path, size_t len, uint64_t more,
                           uint64_t less);
void hkp_htp__store_quotas_free(struct hkp_htp_store_posix *s);

#endif
