/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Reading the log of a node from its files, beside the node that may be writing it. */
#ifndef HKP_CLI_TER_LOG_H
#define HKP_CLI_TER_LOG_H

#include "cli.h"

#include <hookprobe/ter.h>

#define CLI_TER_PATH 4096

/** A walk over the records of a log, in order. */
struct cli_ter_walk {
    /** the folder with the segments */
    char folder[CLI_TER_PATH];
    /** first indexes in the names, ascending */
    uint64_t *segments;
    size_t n;
    /** where it is: which segment, its file, the next byte, what stands before it */
    size_t at;
    int fd;
    uint64_t offset;
    struct hkp_ter_log_head head;
    struct hkp_ter_cursor cursor;
    /** the record that was read last; its body is in bytes */
    struct hkp_ter_log_record record;
    uint64_t index;
    size_t have;
    uint8_t bytes[HKP_TER_LOG_RECORD_MAX];
};

/** The folder of a log, or of a node. CLI_OK, or what was said. Ends with cli_ter_walk_end(). */
int cli_ter_walk_begin(struct cli_ter_walk *w, const char *path);
void cli_ter_walk_end(struct cli_ter_walk *w);
/** To the segment in which an index lies, or the first one there is. */
int cli_ter_walk_seek(struct cli_ter_walk *w, uint64_t index);
/** The next record: 1, 0 at the end of what was written, or minus an exit code after it was said. */
int cli_ter_walk_next(struct cli_ter_walk *w);
/** Segments that came since. */
int cli_ter_walk_again(struct cli_ter_walk *w);
/** Path of the segment where it is. */
void cli_ter_walk_path(const struct cli_ter_walk *w, char path[CLI_TER_PATH + 32]);

/** One TER, as a line or an object. */
void cli_ter_print(const uint8_t ter[64], uint64_t index, int json);

/** Hexadecimal of bytes, NUL-terminated. */
void cli_ter_hex(const uint8_t *bytes, size_t len, char *out);

/** Folder of the log: path itself, or path/ter if that is one. */
int cli_ter_folder(const char *path, char out[CLI_TER_PATH]);

#endif
