/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* TERs of this machine now, and those in the log of a node. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <hookprobe/ter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SEGMENTS_MAX 4096

static void hex(const uint8_t *bytes, size_t len, char *out) {
    for (size_t i = 0; i < len; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

static void print_ter(const uint8_t ter[64], uint64_t index, int json) {
    struct hkp_ter_record r;
    char when[32], entropy[65], integrity[41], all[129];
    if (hkp_ter_record_decode(&r, ter, HKP_TER_SIZE) != HKP_OK) return;
    cli_time_text(r.timestamp_us, when);
    hex(r.h_entropy, 32, entropy);
    hex(r.h_integrity, 20, integrity);
    hex(ter, 64, all);
    if (json)
        cli_print_json(json_pack("{s:I,s:s,s:I,s:i,s:i,s:s,s:s,s:s}", "index", (json_int_t)index, "time",
                                 when, "timestamp_us", (json_int_t)r.timestamp_us, "sequence",
                                 (int)r.sequence, "chain_crc", (int)r.chain_crc, "entropy", entropy,
                                 "integrity", integrity, "ter", all),
                       0);
    else
        printf("%8llu  %s  crc %04x  integrity %.16s  entropy %.16s\n", (unsigned long long)index, when,
               r.chain_crc, integrity, entropy);
}

/* ---- capture ---- */

static int capture_all(hkp_ter_capture *c, uint64_t count, uint64_t interval_ms, int json) {
    static const uint8_t nobody[32];
    uint8_t ter[HKP_TER_SIZE];
    struct hkp_ter_cursor cursor;
    hkp_ter_cursor_init(&cursor, nobody, nobody);
    for (uint64_t i = 0; i < count;) {
        uint32_t flags = 0;
        const hkp_status st = hkp_ter_capture_next(c, cli_mono(), &cursor, nobody, ter, &flags);
        const struct timespec pause = {.tv_sec = (time_t)(interval_ms / 1000),
                                       .tv_nsec = (long)(interval_ms % 1000) * 1000000};
        if (st == HKP_E_STATE)
            return cli_fail(CLI_SYSTEM,
                            "the kernel's clock is not synchronised; --trust-clock vouches for it");
        if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "no TER: %s", cli_status_name(st));
        const hkp_status accepted = hkp_ter_cursor_accept(&cursor, ter, sizeof ter, NULL);
        if (accepted != HKP_OK)
            return cli_fail(CLI_SYSTEM, "the TER breaks its own chain: %s", cli_status_name(accepted));
        print_ter(ter, cursor.index - 1, json);
        fflush(stdout);
        if (++i < count && interval_ms > 0) nanosleep(&pause, NULL);
    }
    return CLI_OK;
}

static int capture(int argc, char **argv) {
    static const struct option own[] = {{"count", required_argument, NULL, 'n'},
                                        {"interval", required_argument, NULL, 'i'},
                                        {"trust-clock", no_argument, NULL, 't'},
                                        {NULL, 0, NULL, 0}};
    uint64_t count = 1, interval_ms = 1000;
    int json = 0, got;
    struct hkp_ter_capture_options o;
    hkp_ter_capture_options_init(&o, sizeof o);
    while ((got = cli_option(&cli_ter_capture, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'n' && cli_number(optarg, 1, UINT32_MAX, &count) != 0)
            return cli_fail(CLI_USAGE, "--count: a number from 1 on");
        if (got == 'i' && cli_number(optarg, 0, 3600000, &interval_ms) != 0)
            return cli_fail(CLI_USAGE, "--interval: milliseconds, 0..3600000");
        if (got == 't') o.clock_trusted = 1;
        if (got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "ter capture wants no argument: %s", argv[optind]);
    hkp_ter_capture *c = NULL;
    const hkp_status st = hkp_ter_capture_new(&c, &o, cli_mono());
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "cannot capture: %s", cli_status_name(st));
    const int code = capture_all(c, count, interval_ms, json);
    hkp_ter_capture_free(c);
    return code;
}

/* ---- show ---- */

struct show {
    int json;
    /** TERs to print at the end of each file; 0: all */
    uint64_t last;
};

/* Prints the TERs of a sound stretch; the recovery before has checked them. */
static void print_segment(const uint8_t *bytes, size_t len, const struct hkp_ter_log_head *head,
                          uint64_t first, const struct show *how) {
    struct hkp_ter_cursor cursor = {.index = head->first_index, .has_last = head->first_index > 0};
    memcpy(cursor.h, head->h, 32);
    memcpy(cursor.last_ter, head->prev_ter, 64);
    for (size_t at = HKP_TER_LOG_HEAD_SIZE; at < len;) {
        struct hkp_ter_log_record r;
        const uint64_t index = cursor.index;
        if (hkp_ter_log_record_decode(&r, bytes + at, len - at) != HKP_OK ||
            hkp_ter_log_record_apply(&cursor, head->node_id, &r) != HKP_OK)
            return;
        if (r.type == HKP_TER_LOG_TER && index >= first) print_ter(r.body, index, how->json);
        at += r.size;
    }
}

static int told(const char *path, hkp_status st, uint64_t offset) {
    return cli_fail(CLI_DAMAGED, "%s: at byte %llu: %s", path, (unsigned long long)offset,
                    cli_status_name(st));
}

static int show_bytes(const char *path, const uint8_t *bytes, size_t len, const struct show *how) {
    struct hkp_ter_log_head head;
    struct hkp_ter_recovery got;
    char node[33], created[32];
    hkp_status st = hkp_ter_log_head_decode(&head, bytes, len);
    if (st != HKP_OK) return told(path, st, 0);
    st = hkp_ter_log_recover(bytes, len, head.node_id, NULL, &got);
    if (st != HKP_OK && st != HKP_E_TER_LOG_TORN) return told(path, st, got.offset);
    hex(head.node_id, 16, node);
    cli_time_text(head.created_us, created);
    const uint64_t end = got.cursor.index, n = end - head.first_index;
    const uint64_t first = how->last == 0 || n <= how->last ? head.first_index : end - how->last;
    if (!how->json)
        printf("%s: node %s, since %s, TERs %llu..%llu, %zu bytes%s\n", path, node, created,
               (unsigned long long)head.first_index, (unsigned long long)end, len,
               st == HKP_OK ? "" : ", torn tail");
    print_segment(bytes, (size_t)got.offset, &head, first, how);
    return CLI_OK;
}

static int show_file(const char *path, const struct show *how) {
    uint8_t *bytes = malloc(HKP_TER_SEG_BYTES_MAX);
    size_t len = 0;
    if (bytes == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    const hkp_status st = hkp_ter_file_read(path, 0, bytes, HKP_TER_SEG_BYTES_MAX, &len);
    const int code = st == HKP_OK ? show_bytes(path, bytes, len, how)
                                  : cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", path, cli_status_name(st));
    free(bytes);
    return code;
}

/* "ter-" first index in 20 digits ".log" */
static int is_segment(const struct dirent *e) {
    return strlen(e->d_name) == 28 && strncmp(e->d_name, "ter-", 4) == 0 &&
           strspn(e->d_name + 4, "0123456789") == 20 && strcmp(e->d_name + 24, ".log") == 0;
}

static int show_folder(const char *path, const struct show *how) {
    char name[4096], log[4096];
    struct dirent **found = NULL;
    struct stat st;
    if (snprintf(log, sizeof log, "%s/ter", path) < (int)sizeof log && stat(log, &st) == 0 &&
        S_ISDIR(st.st_mode))
        path = log; /* the folder of a node */
    const int n = scandir(path, &found, is_segment, alphasort);
    if (n < 0) return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    int code = n == 0 ? cli_fail(CLI_NO, "%s: no log of TERs here", path) : CLI_OK;
    for (int i = 0; i < n; i++) {
        const int fits = snprintf(name, sizeof name, "%s/%s", path, found[i]->d_name) < (int)sizeof name;
        const int one = fits ? show_file(name, how) : cli_fail(CLI_SYSTEM, "%s: path too long", path);
        if (one != CLI_OK) code = one;
        free(found[i]);
    }
    free(found);
    return code;
}

static int show(int argc, char **argv) {
    static const struct option own[] = {{"last", required_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
    struct show how = {.last = 10};
    struct stat st;
    int got;
    while ((got = cli_option(&cli_ter_show, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'l' && cli_number(optarg, 0, UINT64_MAX, &how.last) != 0)
            return cli_fail(CLI_USAGE, "--last: a number");
        if (got == 'j') how.json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "ter show wants one file or folder");
    if (stat(argv[optind], &st) != 0) return cli_fail(CLI_SYSTEM, "%s: %s", argv[optind], strerror(errno));
    return S_ISDIR(st.st_mode) ? show_folder(argv[optind], &how) : show_file(argv[optind], &how);
}

const struct cli_command cli_ter_capture = {
    .name = "ter capture",
    .summary = "capture TERs of this machine",
    .help = "usage: hookprobe ter capture [--count N] [--interval MS] [--trust-clock] [--json]\n\n"
            "Captures from the live /proc and prints each TER. They belong to no node: integrity is zero.\n\n"
            "  --count N      how many; default 1\n"
            "  --interval MS  milliseconds between two; default 1000\n"
            "  --trust-clock  vouch for the clock where the kernel does not, as in a container\n"
            "  --json         one JSON object a line\n",
    .run = capture,
};

const struct cli_command cli_ter_show = {
    .name = "ter show",
    .summary = "show and check the log of TERs",
    .help = "usage: hookprobe ter show [--last N] [--json] FILE|DIR\n\n"
            "Checks each segment of a log (a file, the folder of a log, or the folder of a node) and prints "
            "its last TERs.\n"
            "Nothing is changed; damage is told with file and offset.\n\n"
            "  --last N  TERs of each file, counted from its end; default 10; 0: all\n"
            "  --json    one JSON object a line for each TER\n",
    .run = show,
};
