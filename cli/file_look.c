/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file ls, stat and rm: what lies on a server. */
#include "file.h"

#include <stdlib.h>
#include <string.h>

static void time_text(uint64_t us, char text[32]) {
    cli_time_text(us, text);
    memcpy(text + 19, "Z", 2); /* seconds are enough for people */
}

static const char *kind_of(const struct hkp_htp_file_info *info) {
    return info->kind == HKP_HTP_FILE_KIND_FOLDER ? "folder" : "file";
}

/* Names come from others: what a terminal would act on is shown as '?'. */
static void put_name(const char *name) {
    for (; *name != 0; name++) putchar((unsigned char)*name < 0x20 || *name == 0x7F ? '?' : *name);
}

static void print_entry(const struct cli_file_run *r, const char *path,
                        const struct hkp_htp_file_info *info) {
    char when[32];
    if (r->json) {
        cli_time_text(info->mtime_us, when);
        cli_print_json(json_pack("{s:s,s:s,s:I,s:s}", "path", path, "kind", kind_of(info), "size",
                                 (json_int_t)info->size, "mtime", when),
                       0);
        return;
    }
    time_text(info->mtime_us, when);
    printf("%14llu  %s  ", (unsigned long long)info->size, when);
    put_name(path);
    puts(info->kind == HKP_HTP_FILE_KIND_FOLDER ? "/" : "");
}

/* ---- ls ---- */

static int ask_list(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq) {
    rq->operation = HKP_HTP_FILE_LIST;
    cli_file_behind(&r->jobs[job], rq);
    return 0;
}

static void list_entry(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    char name[HKP_HTP_FILE_NAME_MAX + 1];
    cli_file_name(ev, name);
    cli_file_seen(&r->jobs[job], name);
    char *path = cli_file_join(r->jobs[job].remote, name);
    if (path == NULL) return;
    print_entry(r, path, &ev->entry.info);
    const uint32_t below = r->recursive && ev->entry.info.kind == HKP_HTP_FILE_KIND_FOLDER
                               ? cli_file_job(r, path, NULL)
                               : UINT32_MAX;
    if (below != UINT32_MAX)
        cli_file_ready(r, below);
    else if (!r->recursive || ev->entry.info.kind != HKP_HTP_FILE_KIND_FOLDER)
        free(path);
}

static void list_over(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    if (ev->type != HKP_HTP_FILE_EVENT_DONE)
        cli_file_failed(r, job, ev);
    else if (ev->more && r->jobs[job].seen != NULL)
        cli_file_ready(r, job);
}

/* ---- stat ---- */

static int ask_stat(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq) {
    (void)job;
    rq->operation = HKP_HTP_FILE_STAT;
    rq->flags = r->hash ? HKP_HTP_FILE_VERIFY_HASH : 0;
    return 0;
}

static void stat_over(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    char when[32], sha256[65] = "";
    if (ev->type != HKP_HTP_FILE_EVENT_DONE) {
        cli_file_failed(r, job, ev);
        return;
    }
    cli_time_text(ev->info.mtime_us, when);
    if (r->hash && ev->info.kind == HKP_HTP_FILE_KIND_FILE)
        for (int i = 0; i < 32; i++) snprintf(sha256 + 2 * i, 3, "%02x", ev->sha256[i]);
    if (r->json)
        cli_print_json(json_pack("{s:s,s:s,s:I,s:s,s:i,s:s*}", "path", r->jobs[job].remote, "kind",
                                 kind_of(&ev->info), "size", (json_int_t)ev->info.size, "mtime", when, "mode",
                                 (int)ev->info.mode, "sha256", sha256[0] != 0 ? sha256 : NULL),
                       0);
    else
        printf("%s:/%s  %s  %llu bytes  %s  mode %03o%s%s\n", r->server->name, r->jobs[job].remote,
               kind_of(&ev->info), (unsigned long long)ev->info.size, when, (unsigned)ev->info.mode,
               sha256[0] != 0 ? "  sha256 " : "", sha256);
}

/* ---- rm ---- */

static int ask_remove(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq) {
    (void)job;
    rq->operation = HKP_HTP_FILE_DELETE;
    rq->flags = r->recursive ? HKP_HTP_FILE_RECURSIVE : 0;
    return 0;
}

static void remove_over(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    if (ev->type != HKP_HTP_FILE_EVENT_DONE)
        cli_file_failed(r, job, ev);
    else if (r->json)
        cli_print_json(json_pack("{s:s,s:b}", "path", r->jobs[job].remote, "ok", 1), 0);
}

/* ---- the commands ---- */

static void no_entry(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    (void)r, (void)job, (void)ev;
}

static const struct cli_file_ops list_ops = {.ask = ask_list, .entry = list_entry, .over = list_over};
static const struct cli_file_ops stat_ops = {.ask = ask_stat, .entry = no_entry, .over = stat_over};
static const struct cli_file_ops remove_ops = {.ask = ask_remove, .entry = no_entry, .over = remove_over};

static int look(const struct cli_command *command, const struct cli_file_ops *ops, const struct option *own,
                int argc, char **argv) {
    static struct cli_file_run r;
    int code = CLI_OK, got;
    r.command = command;
    r.ops = ops;
    r.timeout = CLI_FILE_TIMEOUT_S * 1000000000ULL;
    while ((got = cli_file_option(&r, argc, argv, own)) != -1)
        if (got == '?') return CLI_USAGE;
    if (optind == argc) code = cli_fail(CLI_USAGE, "%s wants SERVER:PATH...", command->name);
    for (int i = optind; code == CLI_OK && i < argc; i++) {
        const char *path;
        code = cli_file_remote(&r, argv[i], &path);
        if (code != CLI_OK) break;
        char *remote = strdup(path);
        for (size_t n = remote != NULL ? strlen(remote) : 0; n > 0 && remote[n - 1] == '/';) remote[--n] = 0;
        const uint32_t job = cli_file_job(&r, remote, NULL);
        if (job == UINT32_MAX)
            code = CLI_SYSTEM;
        else
            cli_file_ready(&r, job);
    }
    if (code == CLI_OK) code = cli_file_run(&r);
    cli_file_run_free(&r);
    return code;
}

static int file_ls(int argc, char **argv) {
    static const struct option own[] = {
        CLI_FILE_OPTIONS, {"recursive", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    return look(&cli_file_ls, &list_ops, own, argc, argv);
}

static int file_stat(int argc, char **argv) {
    static const struct option own[] = {
        CLI_FILE_OPTIONS, {"hash", no_argument, NULL, 'H'}, {NULL, 0, NULL, 0}};
    return look(&cli_file_stat, &stat_ops, own, argc, argv);
}

static int file_rm(int argc, char **argv) {
    static const struct option own[] = {
        CLI_FILE_OPTIONS, {"recursive", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    return look(&cli_file_rm, &remove_ops, own, argc, argv);
}

const struct cli_command cli_file_ls = {
    .name = "file ls",
    .summary = "what lies in a folder of a file server",
    .help = "usage: hookprobe file ls [-r] [OPTIONS] SERVER:PATH...\n\n"
            "Size, time and path of what is in each folder, in the order of the names' bytes.\n\n"
            "  -r, --recursive folders in it, too\n" CLI_FILE_OPTIONS_HELP "\n" CLI_FILE_EXIT_HELP,
    .more = cli_file_client_help,
    .run = file_ls,
};

const struct cli_command cli_file_stat = {
    .name = "file stat",
    .summary = "size, time and hash of files of a file server",
    .help =
        "usage: hookprobe file stat [--hash] [OPTIONS] SERVER:PATH...\n\n"
        "  --hash         SHA-256 of the content too, which the server reads for it\n" CLI_FILE_OPTIONS_HELP
        "\n" CLI_FILE_EXIT_HELP,
    .more = cli_file_client_help,
    .run = file_stat,
};

const struct cli_command cli_file_rm = {
    .name = "file rm",
    .summary = "delete files and folders of a file server",
    .help = "usage: hookprobe file rm [-r] [OPTIONS] SERVER:PATH...\n\n"
            "  -r, --recursive folders with all that is in them; else a folder must be "
            "empty\n" CLI_FILE_OPTIONS_HELP "\n" CLI_FILE_EXIT_HELP,
    .more = cli_file_client_help,
    .run = file_rm,
};
