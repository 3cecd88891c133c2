/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ter log, ter export: the records of a node's log, and a part of them for another machine. */
#include "ter_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- log ---- */

struct show {
    int json;
    int follow;
    uint64_t from;
    uint64_t to;
    uint64_t last;
};

static uint64_t le(const uint8_t *p, int len) {
    uint64_t v = 0;
    for (int i = len - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

/* What stands between the TERs. */
static void print_mark(const struct cli_ter_walk *w, int json) {
    static const char *const names[] = {"", "ter", "checkpoint", "rebase", "boot", "gap"};
    static const char *const reasons[] = {"?", "start", "torn", "restored"};
    const uint8_t *b = w->record.body;
    char detail[160] = "", when[32];
    uint64_t reason = 0;
    switch (w->record.type) {
    case HKP_TER_LOG_TCK:
        snprintf(detail, sizeof detail, "%llu TERs, policy %llu, flags %llu",
                 (unsigned long long)le(b + 24, 8), (unsigned long long)le(b + 152, 4),
                 (unsigned long long)le(b + 6, 2));
        break;
    case HKP_TER_LOG_REBASE:
        snprintf(detail, sizeof detail, "policy %llu", (unsigned long long)le(b + 32, 4));
        break;
    case HKP_TER_LOG_BOOT:
        reason = le(b + 32, 4);
        cli_time_text(le(b + 24, 8), when);
        snprintf(detail, sizeof detail, "%s at %s", reasons[reason < 4 ? reason : 0], when);
        break;
    default:
        snprintf(detail, sizeof detail, "TERs %llu..%llu are not here", (unsigned long long)le(b, 8),
                 (unsigned long long)le(b + 8, 8) - 1);
        break;
    }
    if (json)
        cli_print_json(json_pack("{s:I,s:s,s:s}", "index", (json_int_t)w->index, "type",
                                 names[w->record.type], "detail", detail),
                       0);
    else
        printf("%8llu  %s: %s\n", (unsigned long long)w->index, names[w->record.type], detail);
}

static void print_record(const struct cli_ter_walk *w, const struct show *how) {
    if (w->index < how->from || w->index > how->to) return;
    if (w->record.type == HKP_TER_LOG_TER)
        cli_ter_print(w->record.body, w->index, how->json);
    else
        print_mark(w, how->json);
}

/* --last counts from the end of what is written now. */
static int find_last(struct cli_ter_walk *w, struct show *how) {
    int got = cli_ter_walk_seek(w, UINT64_MAX);
    if (got != CLI_OK) return got;
    while ((got = cli_ter_walk_next(w)) == 1) continue;
    if (got < 0) return -got;
    how->from = w->cursor.index > how->last ? w->cursor.index - how->last : 0;
    return CLI_OK;
}

static int show_all(struct cli_ter_walk *w, const struct show *how) {
    const struct timespec pause = {.tv_nsec = 250000000};
    int got;
    for (;;) {
        while ((got = cli_ter_walk_next(w)) == 1 && w->index <= how->to) print_record(w, how);
        if (got < 0) return -got;
        if (!how->follow || w->index > how->to) return CLI_OK;
        if (fflush(stdout) != 0) return cli_fail(CLI_SYSTEM, "cannot write: %s", strerror(errno));
        nanosleep(&pause, NULL);
        const int code = cli_ter_walk_again(w);
        if (code != CLI_OK) return code;
    }
}

static int show_log(const char *path, struct show *how) {
    struct cli_ter_walk w;
    int code = cli_ter_walk_begin(&w, path);
    if (code == CLI_OK && how->last > 0) code = find_last(&w, how);
    if (code == CLI_OK) code = cli_ter_walk_seek(&w, how->from);
    if (code == CLI_OK) code = show_all(&w, how);
    cli_ter_walk_end(&w);
    return code;
}

static int option_number(const char *name, uint64_t min, uint64_t *out) {
    return cli_number(optarg, min, UINT64_MAX, out) == 0 ? CLI_OK
                                                         : cli_fail(CLI_USAGE, "--%s: a number", name);
}

static int log_run(int argc, char **argv) {
    static const struct option own[] = {
        {"data", required_argument, NULL, 'd'}, {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},   {"last", required_argument, NULL, 'l'},
        {"follow", no_argument, NULL, 'w'},     {NULL, 0, NULL, 0}};
    struct show how = {.to = UINT64_MAX, .last = UINT64_MAX};
    const char *path = NULL;
    int got, code = CLI_OK, range = 0;
    while (code == CLI_OK && (got = cli_option(&cli_ter_log, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'd') path = optarg;
        if (got == 'f') code = option_number("from", 0, &how.from);
        if (got == 't') code = option_number("to", 0, &how.to);
        if (got == 'l') code = option_number("last", 1, &how.last);
        range |= got == 'f' || got == 't';
        if (got == 'w') how.follow = 1;
        if (got == 'j') how.json = 1;
    }
    if (code != CLI_OK) return code;
    if (range && how.last != UINT64_MAX)
        return cli_fail(CLI_USAGE, "--last goes with neither --from nor --to");
    if (range && how.from > how.to) return cli_fail(CLI_USAGE, "--from is above --to");
    if (range) how.last = 0;
    if (how.last == UINT64_MAX) how.last = 10;
    if (path == NULL && argc - optind == 1) path = argv[optind++];
    if (path == NULL || argc != optind)
        return cli_fail(CLI_USAGE, "ter log wants one folder: of a node, or of its log");
    return show_log(path, &how);
}

/* ---- export ---- */

struct part {
    uint8_t *bytes;
    size_t len, cap;
};

static int add(struct part *p, const uint8_t *bytes, size_t len) {
    if (p->cap - p->len < len) {
        const size_t cap = 2 * p->cap + 65536;
        uint8_t *more = realloc(p->bytes, cap);
        if (more == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
        p->bytes = more;
        p->cap = cap;
    }
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
    return CLI_OK;
}

static int begin_part(struct part *p, const struct cli_ter_walk *w) {
    uint8_t bytes[HKP_TER_LOG_HEAD_SIZE];
    struct hkp_ter_log_head head = w->head;
    head.first_index = w->cursor.index;
    memcpy(head.h, w->cursor.h, 32);
    memcpy(head.prev_ter, w->cursor.last_ter, HKP_TER_SIZE);
    hkp_ter_log_head_encode(&head, bytes);
    return add(p, bytes, sizeof bytes);
}

/* Up to the first checkpoint behind the range (NZ1 5.4). */
static int fill_part(struct part *p, struct cli_ter_walk *w, uint64_t from, uint64_t to, uint64_t *end) {
    int got = 1, code;
    while (w->cursor.index < from && (got = cli_ter_walk_next(w)) == 1) continue;
    if (got < 0) return -got;
    if (got == 0 || w->cursor.index != from)
        return cli_fail(CLI_NO, "TER %llu is not in this log", (unsigned long long)from);
    if ((code = begin_part(p, w)) != CLI_OK) return code;
    uint64_t covered = 0;
    while ((got = cli_ter_walk_next(w)) == 1) {
        if ((code = add(p, w->bytes, w->record.size)) != CLI_OK) return code;
        if (w->record.type != HKP_TER_LOG_TCK) continue;
        covered = w->cursor.index;
        if (covered <= to) continue;
        *end = covered;
        return CLI_OK;
    }
    if (got < 0) return -got;
    if (w->cursor.index <= to) return cli_fail(CLI_NO, "TER %llu is not in this log", (unsigned long long)to);
    return cli_fail(CLI_NO, "no checkpoint covers TER %llu yet: --to %llu at most", (unsigned long long)to,
                    (unsigned long long)(covered > 0 ? covered - 1 : 0));
}

static int export_range(const char *path, uint64_t from, uint64_t to, const char *out, int json) {
    struct cli_ter_walk w;
    struct part p = {0};
    uint64_t end = 0;
    int code = cli_ter_walk_begin(&w, path);
    if (code == CLI_OK && w.segments[0] > from)
        code = cli_fail(CLI_NO, "TER %llu is not in this log: it begins at %llu", (unsigned long long)from,
                        (unsigned long long)w.segments[0]);
    if (code == CLI_OK) code = cli_ter_walk_seek(&w, from);
    if (code == CLI_OK) code = fill_part(&p, &w, from, to, &end);
    if (code == CLI_OK) {
        const hkp_status st = hkp_ter_file_write(out, p.bytes, p.len);
        if (st != HKP_OK) code = cli_fail(CLI_SYSTEM, "%s: cannot be written: %s", out, cli_status_name(st));
    }
    if (code == CLI_OK && json)
        cli_print_json(json_pack("{s:s,s:I,s:I,s:I}", "file", out, "from", (json_int_t)from, "end",
                                 (json_int_t)end, "bytes", (json_int_t)p.len),
                       0);
    if (code == CLI_OK && !json)
        printf("%s: TERs %llu..%llu, up to the checkpoint that covers them, %zu bytes\n", out,
               (unsigned long long)from, (unsigned long long)end - 1, p.len);
    free(p.bytes);
    cli_ter_walk_end(&w);
    return code;
}

static int export_run(int argc, char **argv) {
    static const struct option own[] = {{"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"out", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};
    uint64_t from = UINT64_MAX, to = UINT64_MAX;
    const char *out = NULL;
    int got, code = CLI_OK, json = 0;
    while (code == CLI_OK && (got = cli_option(&cli_ter_export, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'f') code = option_number("from", 0, &from);
        if (got == 't') code = option_number("to", 0, &to);
        if (got == 'o') out = optarg;
        if (got == 'j') json = 1;
    }
    if (code != CLI_OK) return code;
    if (argc - optind != 1)
        return cli_fail(CLI_USAGE, "ter export wants one folder: of a node, or of its log");
    if (from == UINT64_MAX || to == UINT64_MAX || out == NULL)
        return cli_fail(CLI_USAGE, "ter export wants --from, --to and --out");
    if (from > to) return cli_fail(CLI_USAGE, "--from is above --to");
    return export_range(argv[optind], from, to, out, json);
}

const struct cli_command cli_ter_log = {
    .name = "ter log",
    .summary = "show the log of TERs of a node",
    .help =
        "usage: hookprobe ter log [--from N] [--to N] [--last N] [--follow] [--json] DIR | --data DIR\n\n"
        "Prints the records of a log: DIR is the folder of a node, or of its log. The node may be running.\n"
        "Chain and checksums are checked on the way; whether the device wrote it says ter verify.\n\n"
        "  --from N    from TER N on\n"
        "  --to N      up to TER N\n"
        "  --last N    the last N TERs and what stands between them; default 10\n"
        "  --follow    go on with what is written from now on, until interrupted\n"
        "  --json      one JSON object a line for each record\n",
    .run = log_run,
};

const struct cli_command cli_ter_export = {
    .name = "ter export",
    .summary = "take a range of TERs out of a log, for another machine to verify",
    .help =
        "usage: hookprobe ter export --from N --to M --out FILE [--json] DIR\n\n"
        "Writes TERs N..M and all that follows up to the first signed checkpoint behind them, as one file\n"
        "that ter verify accepts anywhere. DIR is the folder of a node, or of its log.\n\n"
        "  --from N, --to M   the range, both inclusive\n"
        "  -o, --out FILE     where to write; replaced if it is there\n"
        "  --json             one JSON object\n",
    .run = export_run,
};
