/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/host: the object of a log, and what its three files share. */
#ifndef HKP_LIBTER_HOST_LOG_H
#define HKP_LIBTER_HOST_LOG_H

#include "libter/host/host.h"

/** 35 days (TER_KEEP) at the shortest period are 462 segments. */
enum { HKP_TER__SEGMENTS_MAX = 1024, HKP_TER__NAME_LEN = 28, HKP_TER__NAME_CAP = 48 };

struct hkp_ter_log {
    struct hkp_mem mem;
    int dir_fd;
    int lock_fd;
    /** newest segment, for reading and writing */
    int fd;
    /** 1: the system refused something; fault says what */
    uint32_t failed;
    struct hkp_ter_cursor cursor;
    /** of the newest segment: end of what was written, and of what is durable */
    uint64_t end;
    uint64_t durable_end;
    uint64_t durable_index;
    uint64_t torn_bytes;
    hkp_time now;
    /** when the oldest record that is not durable was written */
    hkp_time dirty_since;
    uint64_t sync_ns;
    uint32_t sync_records;
    uint32_t n_dirty;
    uint32_t has_tck;
    uint32_t has_rebase;
    /** first index of each segment, ascending */
    uint32_t n_segments;
    uint64_t segments[HKP_TER__SEGMENTS_MAX];
    /** bytes of each but the newest, whose are end */
    uint64_t sizes[HKP_TER__SEGMENTS_MAX];
    uint64_t old_bytes;
    uint64_t max_bytes;
    uint8_t node_id[16];
    uint8_t boot_id[16];
    uint8_t tck[HKP_TER_TCK_SIZE];
    uint8_t rebase[8 + HKP_TER_RBA_SIZE];
    struct hkp_ter_diag fault;
    char path[4000];
};

/** "ter-" and 20 digits and ".log". */
void hkp_ter__segment_name(uint64_t first_index, char name[HKP_TER__NAME_CAP]);

/** First index in the name of a segment; 0 if it is the name of anything else. */
int hkp_ter__segment_parse(const char *name, uint64_t *first_index);

/** Fills diag (NULL is allowed) and returns status. */
hkp_status hkp_ter__refuse(struct hkp_ter_diag *diag, hkp_status status, const char *folder, const char *name,
                           uint64_t offset, int system_error, const char *reason);

/** The same into the object's own fault, after which it does nothing more; HKP_E_TER_LOG_IO. */
hkp_status hkp_ter__log_fail(struct hkp_ter_log *log, const char *name, uint64_t offset, int system_error,
                             const char *reason);

/** The folder as it is taken when a log is opened: made, narrowed, locked; then its segments. */
hkp_status hkp_ter__log_take_folder(struct hkp_ter_log *log);
hkp_status hkp_ter__log_list(struct hkp_ter_log *log);

/** Makes a segment that begins at the cursor the newest one. */
hkp_status hkp_ter__log_begin_segment(struct hkp_ter_log *log, uint64_t wall_us);

/** What recovery and append both remember of a record. */
void hkp_ter__log_remember(struct hkp_ter_log *log, const struct hkp_ter_log_record *record);

#endif
