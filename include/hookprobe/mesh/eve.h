/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: alerts of a detector as threat records: Suricata EVE (M-EXP-6).
 * hkp_mesh_eve_file_* do I/O.
 */
#ifndef HOOKPROBE_MESH_EVE_H
#define HOOKPROBE_MESH_EVE_H

#include <hookprobe/mesh/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What became of a line or element of an EVE stream. */
enum {
    /** made a record */
    HKP_MESH_EVE_RECORD = 0,
    /** not JSON, deeper than 16, or no object */
    HKP_MESH_EVE_BROKEN = 1,
    /** more than 64 KiB */
    HKP_MESH_EVE_OVERSIZED = 2,
    /** another event_type */
    HKP_MESH_EVE_NOT_ALERT = 3,
    /** an alert without usable src_ip, dest_ip or alert object */
    HKP_MESH_EVE_NO_ADDRESS = 4,
    /** the side that is the threat has no public address */
    HKP_MESH_EVE_LOCAL = 5,
    HKP_MESH_EVE_COUNT = 6
};

/** How alerts become records; zero is the default everywhere. */
struct hkp_mesh_eve_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_TLP_* + 1 of the records; 0: GREEN */
    uint32_t tlp_plus_one;
    /** confidence of the records, 1..100; 0: by category 30, 60 or 75, and 15 more with evidence of two-way
     * traffic */
    uint32_t confidence;
    /** how long the records are valid, seconds up to 604800; 0: 86400 */
    uint32_t ttl_s;
    struct hkp_mem mem;
};

/** Counters of an EVE stream by HKP_MESH_EVE_*. */
struct hkp_mesh_eve_stats {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    uint32_t reserved0;
    uint64_t count[HKP_MESH_EVE_COUNT];
};

/** Reads one EVE stream: JSON lines, or one JSON array, recognised by its first byte. */
typedef struct hkp_mesh_eve hkp_mesh_eve;

/**
 * Fill options with the defaults.
 *
 * @param opt   options of the caller, written
 * @param size  sizeof *opt
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_options_init(struct hkp_mesh_eve_options *opt, size_t size);

/**
 * Make a reader of EVE alerts; it does no I/O.
 *
 * @param out  the object on success; the caller frees it
 * @param opt  borrowed for the call; NULL: defaults
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   an option is out of its range
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM   no memory
 *
 * Cost: 64 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_new(hkp_mesh_eve **out, const struct hkp_mesh_eve_options *opt);

/**
 * Free a reader of EVE alerts.
 *
 * @param eve  the object or NULL
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_free(hkp_mesh_eve *eve);

/**
 * Hand over bytes of the stream; then call hkp_mesh_eve_next() until it finds nothing.
 *
 * @param eve    the reader
 * @param bytes  [len] bytes, copied
 * @param len    bytes
 * @param taken  how many were taken; the rest is handed over again after hkp_mesh_eve_next()
 *
 * Cost: no allocation.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_push(hkp_mesh_eve *eve, const uint8_t *bytes, size_t len, size_t *taken);

/**
 * The stream has ended: what is left counts as the last line; the next byte begins a new stream.
 *
 * @param eve  the reader
 *
 * Cost: no allocation.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_end(hkp_mesh_eve *eve);

/**
 * Next record from the bytes handed over; what makes none is counted and skipped.
 *
 * @param eve     the reader
 * @param now_s   Unix seconds: the record's life begins here, the alert's own time goes into its context
 * @param record  written on success; its pointers are good until the next call on this object
 *
 * @retval HKP_OK          a record
 * @retval HKP_E_NOTFOUND  more bytes are needed
 *
 * Cost: allocations of the JSON parser, bounded by a line of 64 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_next(hkp_mesh_eve *eve, uint64_t now_s,
                                                  struct hkp_mesh_record *record);

/**
 * Counters of the stream.
 *
 * @param eve    the reader
 * @param stats  struct_size set by the caller, the rest written as far as it reaches
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_get_stats(const hkp_mesh_eve *eve,
                                                       struct hkp_mesh_eve_stats *stats);

/** Follows an EVE file or FIFO and survives its rotation. */
typedef struct hkp_mesh_eve_file hkp_mesh_eve_file;

/**
 * Open an EVE file or FIFO to be followed; a file that is not there yet is waited for.
 *
 * @param out         the object on success; the caller frees it
 * @param path        NUL-terminated, copied
 * @param from_start  1: read what is already there; 0: only what is appended from now on
 * @param opt         as hkp_mesh_eve_new()
 *
 * @retval HKP_OK        opened, or waiting for the file
 * @retval HKP_E_INVAL   an option is out of its range, or path is longer than 4095 bytes
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM   no memory
 * @retval HKP_E_IO      the path is there but cannot be read (errno of the system)
 *
 * Cost: 128 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_open(hkp_mesh_eve_file **out, const char *path,
                                                       int32_t from_start,
                                                       const struct hkp_mesh_eve_options *opt);

/**
 * Close and free.
 *
 * @param file  the object or NULL
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_file_close(hkp_mesh_eve_file *file);

/**
 * Next record of the file; never waits.
 *
 * @param file    the file
 * @param now_s   Unix seconds
 * @param record  as hkp_mesh_eve_next()
 *
 * @retval HKP_OK          a record
 * @retval HKP_E_NOTFOUND  nothing now: call again later, once a second is enough
 * @retval HKP_E_IO        reading failed; the next call opens the path again
 *
 * Cost: a read of at most 64 KiB and hkp_mesh_eve_next().
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_next(hkp_mesh_eve_file *file, uint64_t now_s,
                                                       struct hkp_mesh_record *record);

/**
 * Counters of all that was read.
 *
 * @param file   the file
 * @param stats  as hkp_mesh_eve_get_stats()
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_stats(const hkp_mesh_eve_file *file,
                                                        struct hkp_mesh_eve_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
