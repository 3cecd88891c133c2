/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/host: a measurement, shared by measure.c (what a run asks) and measure_item.c (how). */
#ifndef HKP_LIBTER_MEASURE_H
#define HKP_LIBTER_MEASURE_H

#include "libter/host/watch.h"
#include "libter/sha256.h"

#include <sodium.h>

enum { HKP_TER__BUFFER_LEN = 262144, HKP_TER__PATH_CAP = 4096 };

/* What must be the same for a digest to be taken from the cache. */
struct hkp_ter__identity {
    uint64_t dev, ino, size, mount;
    int64_t mtime_ns, ctime_ns;
};

struct hkp_ter__entry {
    const uint8_t *path;
    uint32_t path_len;
    uint8_t kind;
    uint8_t outcome;
    uint8_t ref_outcome;
    /** digest belongs to seen */
    uint8_t cached;
    /** when it was hashed last somebody had it open for writing */
    uint8_t written;
    /** no watch before this run */
    uint64_t watch_run;
    struct hkp_ter__identity seen;
    /** when its digest was made */
    hkp_time hashed;
    uint8_t digest[32];
    uint8_t ref_digest[32];
};

/* A file that is hashed anew because of its age, a slice in each run. */
struct hkp_ter__slice {
    /** UINT32_MAX: none */
    uint32_t item;
    uint64_t offset;
    struct hkp_ter__identity seen;
    struct hkp_sha256 hash;
};

struct hkp_ter_measure {
    struct hkp_mem mem;
    struct hkp_ter_manifest manifest;
    uint8_t *bytes;
    struct hkp_ter__entry *entries;
    uint8_t *buffer;
    /** [n_items] 1: the watch would have told a change, and the digest is that of what it watches */
    uint8_t *armed;
    struct hkp_ter__watch *watch;
    hkp_time now;
    uint64_t rehash_ns, slice_bytes;
    uint64_t runs;
    /** bytes behind all cached digests, as work() counts them */
    uint64_t total;
    /** where the rotations stand */
    uint32_t ask_at, due_at;
    struct hkp_ter__slice slice;
    /** what the last run did */
    uint64_t hashed_bytes;
    uint32_t asked, hashed;
    /** root is not that of entries */
    uint32_t changed;
    uint8_t root[32];
    uint8_t h_integrity[20];
    uint32_t has_reference, has_policy, has_pcr10;
    uint8_t policy[32], pcr10[32];
    char cmdline_path[HKP_TER__PATH_CAP];
    char modules_path[HKP_TER__PATH_CAP];
    char pcr10_path[HKP_TER__PATH_CAP];
};

/** Path of an entry with its terminating zero. */
void hkp_ter__entry_path(const struct hkp_ter__entry *entry, char path[HKP_TER__PATH_CAP]);

/** Work that hashing an item of this size is counted as, bytes. */
uint64_t hkp_ter__entry_work(const struct hkp_ter__entry *entry);

/** Measures an item: asks, and hashes what changed, or all the same if fresh is 1. 1: it was hashed, or
 * differs. */
int hkp_ter__entry_measure(struct hkp_ter_measure *measure, struct hkp_ter__entry *entry, int fresh);

/**
 * Hashes a cached file on, at most budget bytes of it, and takes the digest over at its end. Bytes of work
 * done; a file that changed meanwhile is measured at once.
 */
uint64_t hkp_ter__entry_slice(struct hkp_ter_measure *measure, uint32_t item, uint64_t budget);

#endif
