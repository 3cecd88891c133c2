/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: where files are kept (HTP-13). An interface, so that the transfers of hookprobe/htp/file.h
 * touch no disk themselves. A store serves both ends: what V receives and sends, and what E sends and
 * receives.
 *
 * A path is relative to the store, without a leading '/', and follows HTP-13.6 (a store refuses others by
 * INVALID_PATH); "" with len 0 is the root. What is neither a folder nor a file with one link is
 * PERMISSION_DENIED wherever it stands in a path. Out of room is QUOTA_EXCEEDED, out of handles or memory
 * BUSY. All functions return HKP_HTP_FILE_OK, a code of HTP-13.10, or, where it says so, HKP_HTP_FILE_AGAIN.
 */
#ifndef HOOKPROBE_HTP_STORE_H
#define HOOKPROBE_HTP_STORE_H

#include <hookprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes of HTP-13.10. */
enum {
    /** done; never sent */
    HKP_HTP_FILE_OK = 0,
    /** no such file or folder */
    HKP_HTP_FILE_NOT_FOUND = 1,
    /** not allowed, or neither file nor folder, or a file with several links */
    HKP_HTP_FILE_PERMISSION_DENIED = 2,
    /** the target exists */
    HKP_HTP_FILE_ALREADY_EXISTS = 3,
    /** path breaks HTP-13.6 */
    HKP_HTP_FILE_INVALID_PATH = 4,
    /** a chunk of the wrong length, or more than was declared */
    HKP_HTP_FILE_TRANSFER_FAILED = 5,
    /** size or SHA-256 is not what was declared */
    HKP_HTP_FILE_HASH_MISMATCH = 6,
    /** nothing went on for too long */
    HKP_HTP_FILE_TIMEOUT = 7,
    /** larger than allowed, or no room left for this peer or at all */
    HKP_HTP_FILE_QUOTA_EXCEEDED = 8,
    /** the system failed */
    HKP_HTP_FILE_IO_ERROR = 9,
    /** out of place, unknown, or flags that do not belong here */
    HKP_HTP_FILE_INVALID_OPERATION = 10,
    /** given up by one side */
    HKP_HTP_FILE_CANCELLED = 11,
    /** a chunk other than the next one */
    HKP_HTP_FILE_CHUNK_MISSING = 12,
    /** what came compressed does not inflate to what was declared */
    HKP_HTP_FILE_INTEGRITY_FAILURE = 13,
    /** too many transfers; later */
    HKP_HTP_FILE_BUSY = 14,
    /** not encoded as HTP-13 says */
    HKP_HTP_FILE_BAD_MESSAGE = 15,
    /** the content is another one than before */
    HKP_HTP_FILE_CHANGED = 16,
    /** of a store only: not finished; it is asked again with the same arguments. Never sent */
    HKP_HTP_FILE_AGAIN = 255
};

/* Limits and kinds. */
enum {
    /** kind of struct hkp_htp_file_info */
    HKP_HTP_FILE_KIND_FILE = 1,
    HKP_HTP_FILE_KIND_FOLDER = 2,
    /** bytes of a path, and of one of its parts */
    HKP_HTP_FILE_PATH_MAX = 1024,
    HKP_HTP_FILE_NAME_MAX = 255,
    /** bytes of a chunk */
    HKP_HTP_FILE_CHUNK_MIN = 1024,
    HKP_HTP_FILE_CHUNK_DEFAULT = 8192,
    HKP_HTP_FILE_CHUNK_MAX = 65536,
    /** bits of hkp_htp_store_put.flags */
    HKP_HTP_STORE_CREATE = 1,
    HKP_HTP_STORE_OVERWRITE = 2,
    HKP_HTP_STORE_APPEND = 4,
    HKP_HTP_STORE_FOLDERS = 8,
    HKP_HTP_STORE_RESUME = 16
};

/** What is known of a file or folder. */
struct hkp_htp_file_info {
    /** bytes; of a folder 0 */
    uint64_t size;
    /** of the content and of the entry, Unix microseconds */
    uint64_t mtime_us;
    uint64_t ctime_us;
    /** permission bits, 0..0777 */
    uint16_t mode;
    /** HKP_HTP_FILE_KIND_* */
    uint8_t kind;
    /** zero */
    uint8_t reserved0[5];
};

/** One entry of a folder. */
struct hkp_htp_file_entry {
    struct hkp_htp_file_info info;
    /** bytes of name, 1..HKP_HTP_FILE_NAME_MAX */
    uint32_t name_len;
    /** not NUL-terminated, valid UTF-8 */
    uint8_t name[HKP_HTP_FILE_NAME_MAX];
    /** zero */
    uint8_t reserved0;
};

/** A file that is about to be written. */
struct hkp_htp_store_put {
    /** [path_len] */
    const char *path;
    uint32_t path_len;
    /** HKP_HTP_STORE_*: CREATE: absent before, unless OVERWRITE, too; neither: it must exist; APPEND: goes
     * behind the content that is there at the commit, so that nothing is lost when two append (decision
     * 0416); FOLDERS: missing ones are made; RESUME: a part of the same name goes on, and this one may be
     * kept: set from the first put on */
    uint32_t flags;
    /** which part this is: the same put again gets the same 16 bytes (HTP-13.8) */
    uint8_t part[16];
    /** bytes that are going to be written, with what a part has already */
    uint64_t size;
    /** most bytes that may lie below quota_root with this file, 0: no limit; size counts from create() on */
    uint64_t quota;
    /** [quota_root_len] path of the folder that the quota is of, a prefix of path in whole parts or "" */
    const char *quota_root;
    uint32_t quota_root_len;
    /** permission bits of the file, 0: the store's */
    uint16_t mode;
    /** zero */
    uint16_t reserved0;
    /** given to the file when it is committed, Unix microseconds, 0: the time of the commit */
    uint64_t mtime_us;
};

/** A store. All functions are required but where it says "or NULL"; handles are the store's own, never 0. */
struct hkp_htp_store {
    /** given to all functions */
    void *user;
    /** what lies at path */
    uint32_t (*stat)(void *user, const char *path, size_t path_len, struct hkp_htp_file_info *out);
    /**
     * up to max (1..1000) entries of a folder whose names come after a name, ascending by bytes; *count of
     * them are in out, at least one if there are any; *more is 1 if there are others. INVALID_OPERATION of a
     * file. Names that break HTP-13.6 are not told
     */
    uint32_t (*list)(void *user, const char *path, size_t path_len, const uint8_t *after, size_t after_len,
                     uint32_t max, struct hkp_htp_file_entry *out, uint32_t *count, uint32_t *more);
    /** deletes a file, or a folder, one with content only if recursive is 1 (else INVALID_OPERATION),
     * durably; never the root (PERMISSION_DENIED). AGAIN is allowed; what was deleted until then is gone */
    uint32_t (*remove)(void *user, const char *path, size_t path_len, uint32_t recursive);
    /** opens a file for reading; what it reads stays the content of that moment or is told as CHANGED.
     * INVALID_OPERATION of a folder */
    uint32_t (*open)(void *user, const char *path, size_t path_len, uint64_t *handle,
                     struct hkp_htp_file_info *out);
    /**
     * opens a part for writing; *have bytes of it, at most size, are there already (0 without RESUME), of
     * which nothing is promised: compare a hash. Nothing is visible at path before the commit. Another handle
     * of the same part ends: it answers CANCELLED from then on; BUSY if another process has it
     */
    uint32_t (*create)(void *user, const struct hkp_htp_store_put *put, uint64_t *handle, uint64_t *have);
    /**
     * reads exactly len bytes at offset, of a part what was written to it (INVALID_OPERATION behind that);
     * CHANGED if the file is another one now. AGAIN is allowed
     */
    uint32_t (*read)(void *user, uint64_t handle, uint64_t offset, uint8_t *dst, size_t len);
    /** writes len bytes at offset of a part, not behind its end (INVALID_OPERATION) nor beyond its size
     * (TRANSFER_FAILED); what lay there before, and behind, is gone */
    uint32_t (*write)(void *user, uint64_t handle, uint64_t offset, const uint8_t *data, size_t len);
    /**
     * makes a part the content of its path, durably, and closes the handle unless it returns AGAIN; size is
     * what it must have (HASH_MISMATCH). A failure leaves the old content and deletes the part
     */
    uint32_t (*commit)(void *user, uint64_t handle, uint64_t size);
    /** closes a handle; a part is kept if keep is 1 and it was put with RESUME, else deleted. After a commit
     * that returned AGAIN it is given up as well, unless flush() has done it */
    void (*close)(void *user, uint64_t handle, uint32_t keep);
    /** nothing more came in: does what waits, so that commits that returned AGAIN are done together, and
     * tells them when they are asked again; or NULL */
    void (*flush)(void *user);
};

#ifdef __cplusplus
}
#endif

#endif
