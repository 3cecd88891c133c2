/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: a store (hookprobe/htp/store.h) that is a folder of this machine. Nothing outside that folder
 * is reached, whatever lies in it and whoever changes it meanwhile; a file has its old content or its new
 * one, whenever the machine stops (HTP-13.6, 13.8).
 */
#ifndef HOOKPROBE_HTP_STORE_POSIX_H
#define HOOKPROBE_HTP_STORE_POSIX_H

#include <hookprobe/htp/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_htp_store;

/* Bits of hkp_htp_store_posix_options.off: for tests, and for systems where one of these is broken. */
enum {
    /** paths are walked part by part: no openat2 */
    HKP_HTP_STORE_POSIX_NO_OPENAT2 = 1,
    /** all parts have names: no O_TMPFILE */
    HKP_HTP_STORE_POSIX_NO_TMPFILE = 2,
    /** a new file gets its name by a link: no RENAME_NOREPLACE */
    HKP_HTP_STORE_POSIX_NO_NOREPLACE = 4,
    /** content is not shared between files: no FICLONE */
    HKP_HTP_STORE_POSIX_NO_CLONE = 8,
    /** content is copied through this process: no copy_file_range */
    HKP_HTP_STORE_POSIX_NO_COPY = 16,
    /** old parts stay */
    HKP_HTP_STORE_POSIX_NO_CLEANING = 32,
    /** files are synced one after the other: no Linux AIO */
    HKP_HTP_STORE_POSIX_NO_AIO = 64
};

/** Options of a store; zero means default for every member. Filled by hkp_htp_store_posix_options_init(). */
struct hkp_htp_store_posix_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_HTP_STORE_POSIX_NO_* */
    uint32_t off;
    /** allocator; all NULL: malloc */
    struct hkp_mem mem;
    /** files that may be open at a time; default 256, at most 65,536 */
    uint32_t handles_max;
    /** seconds after which a part that nobody touched is deleted; default 86,400 (HTP-13.9) */
    uint32_t part_age_s;
    /** permission bits of files whose put does not name any, and of folders that are made; default 0640 and
     * 0750 */
    uint16_t file_mode;
    uint16_t folder_mode;
    /** zero */
    uint32_t reserved0;
};

/** A folder as a store. One thread at a time. */
struct hkp_htp_store_posix;
typedef struct hkp_htp_store_posix hkp_htp_store_posix;

/**
 * Fill options with defaults.
 *
 * @param options  struct to fill; written
 * @param size  sizeof of the caller's struct
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_store_posix_options_init(struct hkp_htp_store_posix_options *options, size_t size);

/**
 * Open a folder as a store; it stays the same folder, even if another one gets its name.
 *
 * @param out  receives the store, which the caller owns; untouched on failure
 * @param root  path of the folder, NUL-terminated, borrowed; symbolic links on the way to it are followed
 * @param options  copied; NULL: all defaults
 *
 * @retval HKP_OK  open
 * @retval HKP_E_INVAL  an argument is NULL or an option out of range
 * @retval HKP_E_NOMEM  the allocator returned nothing
 * @retval HKP_E_IO  there is no such folder, or it may not be opened
 *
 * Cost: one allocation of some KiB and handles_max * 16 bytes; later one of at most 4 KiB for each open file,
 * each folder that is written to (16 of which are kept when idle) and each of at most 64 quotas, and 160 KiB
 * while content is counted, cleaned or deleted.
 * Source: HTP-13.6, 13.8, decision 0417.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_store_posix_new(hkp_htp_store_posix **out, const char *root,
                                                        const struct hkp_htp_store_posix_options *options);

/**
 * Close all files and release the store; parts that may be resumed stay for the next one.
 *
 * @param store  store or NULL; owned, gone afterwards
 *
 * Cost: system calls for what is open.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_store_posix_free(hkp_htp_store_posix *store);

/**
 * Get the functions of a store, as transfers take them.
 *
 * @param store  store; borrowed by out until its last use
 * @param out  written
 *
 * Cost: none.
 * Source: HTP-13.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_store_posix_store(hkp_htp_store_posix *store, struct hkp_htp_store *out);

#ifdef __cplusplus
}
#endif

#endif
