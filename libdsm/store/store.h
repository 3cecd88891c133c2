/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Inside of libdsm/store: the rows in SQLite (store.c) and the consensus WAL beside them (wal_file.c).
 * This folder may touch the system; nothing else in libdsm may.
 */
#ifndef HKP_LIBDSM_STORE_STORE_H
#define HKP_LIBDSM_STORE_STORE_H

#include <hookprobe/dsm.h>

#define DB_FILE "dsm.sqlite"
#define LOCK_FILE "dsm.lock"
/** what repair.c put aside */
#define BAD_FILE "dsm.sqlite.bad"

enum {
    STORE_TABLES = 2,
    WAL_RECORD = 64,
    /** records between two attempts to leave those below the watermark behind */
    WAL_COMPACT = 16384,
    /** records between two commits; a node holds back no more promises (HELD_MAX) than half of these */
    WAL_WAITING_MAX = 32768
};

/** The consensus WAL: a file of 64-byte records (D-STO-4), synced by hkp_dsm__wal_file_sync(). */
struct hkp_dsm__wal_file {
    /** directory, and the file in it; -1: closed */
    int dir;
    int fd;
    /** whole records in the file */
    uint64_t count;
    /** count at which to compact next */
    uint64_t compact_at;
    /** [n_waiting of cap_waiting] appended since the last sync: not in the file yet */
    uint8_t (*waiting)[WAL_RECORD];
    uint64_t n_waiting;
    uint64_t cap_waiting;
};

/** How the tables of a database are made. */
extern const char *const hkp_dsm__store_schema[STORE_TABLES];

/** What stands beside a row, so that damage of it is seen when it is read. */
int64_t hkp_dsm__row_sum(uint32_t row, const uint8_t *key, size_t key_len, const uint8_t *data,
                         size_t data_len);

/** Say what is wrong; returns status. offset UINT64_MAX: unknown. */
hkp_status hkp_dsm__store_fault(struct hkp_dsm_store_fault *fault, hkp_status status, const char *file,
                                const char *what, uint64_t offset);

/** 1 if the file is there. */
int hkp_dsm__wal_file_exists(int dir);

/** Make the file with its first record, a watermark (0, 0): an empty file is a damaged one. */
hkp_status hkp_dsm__wal_file_create(int dir, struct hkp_dsm_store_fault *fault);

/** Open, check every record, cut off a torn tail (D-STO-5). */
hkp_status hkp_dsm__wal_file_open(struct hkp_dsm__wal_file *wal, int dir, struct hkp_dsm_store_fault *fault);

/** Append one record; nothing of it reaches the file before the next sync. HKP_E_LIMIT: too many wait for
 * one. */
hkp_status hkp_dsm__wal_file_append(struct hkp_dsm__wal_file *wal, const uint8_t record[WAL_RECORD]);

/** Write all appended records and make them durable, behind the rows that they attest to; leaves those below
 * the newest watermark behind now and then. */
hkp_status hkp_dsm__wal_file_sync(struct hkp_dsm__wal_file *wal);

/** Read record number index < count + n_waiting. */
hkp_status hkp_dsm__wal_file_read(const struct hkp_dsm__wal_file *wal, uint64_t index,
                                  uint8_t record[WAL_RECORD]);

void hkp_dsm__wal_file_close(struct hkp_dsm__wal_file *wal);

#endif
