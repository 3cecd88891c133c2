/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file get: files and folders of a server to this machine. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a job asks: what is it; what is in it; fetch it. */
enum { STEP_CHECK, STEP_FOLDER, STEP_FETCH };

struct get {
    struct cli_file_run run;
    struct hkp_htp_store_posix *posix;
    struct hkp_htp_store store;
    /* root of the store, and the name below it that the only one gets; "": their own names */
    int root;
    char *name;
};

/* ---- the target ---- */

static int is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Splits the target into an existing folder, which is the root of the store, and a name in it. */
static int open_target(struct get *g, char *target, int several) {
    const size_t len = strlen(target);
    const int slashed = len > 0 && target[len - 1] == '/';
    const int into = slashed || several || strcmp(target, ".") == 0 || strcmp(target, "..") == 0 ||
                     (!g->run.recursive && is_folder(target));
    const char *folder = target;
    char *slash = strrchr(target, '/');
    if (into) {
        g->name = strdup("");
        if (mkdir(target, 0777) != 0 && errno != EEXIST)
            return cli_fail(CLI_SYSTEM, "%s: %s", target, strerror(errno));
    } else {
        g->name = strdup(slash != NULL ? slash + 1 : target);
        if (slash != NULL && slash != target) *slash = 0;
        folder = slash == NULL ? "." : slash == target ? "/" : target;
    }
    g->root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (g->root < 0) return cli_fail(CLI_SYSTEM, "%s: %s", folder, strerror(errno));
    const hkp_status st = hkp_htp_store_posix_new(&g->posix, folder, NULL);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: %s", folder, cli_status_name(st));
    hkp_htp_store_posix_store(g->posix, &g->store);
    return g->name != NULL ? CLI_OK : cli_fail(CLI_SYSTEM, "out of memory");
}

/* Is it here already, as the server has it? */
static int is_here(const struct get *g, const struct cli_file_job *j) {
    struct stat st;
    return fstatat(g->root, j->local, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == j->size &&
           (uint64_t)st.st_mtim.tv_sec * 1000000U + (uint64_t)st.st_mtim.tv_nsec / 1000U == j->mtime_us;
}

/* ---- asking ---- */

static int ask(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq) {
    struct get *g = r->user;
    const struct cli_file_job *j = &r->jobs[job];
    if (j->step == STEP_CHECK) {
        rq->operation = HKP_HTP_FILE_STAT;
    } else if (j->step == STEP_FOLDER) {
        rq->operation = HKP_HTP_FILE_LIST;
        cli_file_behind(j, rq);
    } else {
        rq->operation = HKP_HTP_FILE_READ;
        rq->flags = r->compress ? HKP_HTP_FILE_COMPRESSED : 0;
        rq->local = &g->store;
        rq->local_path = j->local;
        rq->local_path_len = (uint32_t)strlen(j->local);
        rq->local_flags = HKP_HTP_STORE_FOLDERS | (r->once ? 0U : HKP_HTP_STORE_OVERWRITE);
        rq->keep = 1;
    }
    return 0;
}

/* A file whose size and time are known: to be fetched, unless it is here. */
static void add_file(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_info *info) {
    struct cli_file_job *j = &r->jobs[job];
    j->size = info->size;
    j->mtime_us = info->mtime_us;
    j->step = STEP_FETCH;
    r->files++;
    r->bytes += info->size;
    r->bar.shown = r->bar.wanted;
    if (!r->all && is_here(r->user, j))
        cli_file_same(r, job);
    else
        cli_file_ready(r, job);
}

static void entry(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    char name[HKP_HTP_FILE_NAME_MAX + 1];
    cli_file_name(ev, name);
    cli_file_seen(&r->jobs[job], name);
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return;
    const uint32_t below =
        cli_file_job(r, cli_file_join(r->jobs[job].remote, name), cli_file_join(r->jobs[job].local, name));
    if (below == UINT32_MAX) return;
    if (ev->entry.info.kind == HKP_HTP_FILE_KIND_FILE) {
        add_file(r, below, &ev->entry.info);
    } else {
        r->jobs[below].step = STEP_FOLDER;
        cli_file_ready(r, below);
    }
}

static void over(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    struct cli_file_job *j = &r->jobs[job];
    if (ev->type != HKP_HTP_FILE_EVENT_DONE) {
        if (j->step != STEP_FETCH) r->files++;
        cli_file_failed(r, job, ev);
    } else if (j->step == STEP_FETCH) {
        cli_file_done(r, job, ev);
    } else if (j->step == STEP_FOLDER) {
        if (ev->more && j->seen != NULL) cli_file_ready(r, job);
    } else if (ev->info.kind == HKP_HTP_FILE_KIND_FILE) {
        add_file(r, job, &ev->info);
    } else if (r->recursive) {
        j->step = STEP_FOLDER;
        cli_file_ready(r, job);
    } else {
        const struct hkp_htp_file_event folder = {.type = HKP_HTP_FILE_EVENT_FAILED,
                                                  .code = HKP_HTP_FILE_INVALID_OPERATION,
                                                  .message = "it is a folder; -r fetches it"};
        r->files++;
        cli_file_failed(r, job, &folder);
    }
}

/* ---- the command ---- */

static const struct cli_file_ops ops = {.ask = ask, .entry = entry, .over = over};

static int take_argument(struct get *g, const char *text) {
    struct cli_file_run *r = &g->run;
    const char *path;
    const int code = cli_file_remote(r, text, &path);
    if (code != CLI_OK) return code;
    char *remote = strdup(path), *local;
    for (size_t len = remote != NULL ? strlen(remote) : 0; len > 0 && remote[len - 1] == '/';)
        remote[--len] = 0;
    local = g->name[0] != 0 || remote == NULL ? strdup(g->name) : strdup(cli_file_base(remote));
    const uint32_t job = cli_file_job(r, remote, local);
    if (job == UINT32_MAX) return CLI_SYSTEM;
    cli_file_ready(r, job);
    return CLI_OK;
}

static int get_all(struct get *g, int argc, char **argv) {
    const int n = argc - optind;
    if (n < 2) return cli_fail(CLI_USAGE, "file get wants SERVER:PATH... and LOCAL");
    int code = open_target(g, argv[argc - 1], n > 2);
    for (int i = optind; code == CLI_OK && i < argc - 1; i++) code = take_argument(g, argv[i]);
    return code == CLI_OK ? cli_file_run(&g->run) : code;
}

static int file_get(int argc, char **argv) {
    static const struct option own[] = {CLI_FILE_OPTIONS,
                                        {"recursive", no_argument, NULL, 'r'},
                                        {"verbose", no_argument, NULL, 'v'},
                                        {"all", no_argument, NULL, 'a'},
                                        {"compress", no_argument, NULL, 'z'},
                                        {"no-overwrite", no_argument, NULL, 'n'},
                                        {NULL, 0, NULL, 0}};
    static struct get g = {.run = {.command = &cli_file_get, .ops = &ops}, .root = -1};
    int got;
    g.run.user = &g;
    g.run.timeout = CLI_FILE_TIMEOUT_S * 1000000000ULL;
    while ((got = cli_file_option(&g.run, argc, argv, own)) != -1)
        if (got == '?') return CLI_USAGE;
    const int code = get_all(&g, argc, argv);
    cli_file_run_free(&g.run);
    hkp_htp_store_posix_free(g.posix);
    if (g.root >= 0) close(g.root);
    free(g.name);
    return code;
}

const struct cli_command cli_file_get = {
    .name = "file get",
    .summary = "fetch files and folders from a file server",
    .help =
        "usage: hookprobe file get [-r] [OPTIONS] SERVER:PATH... LOCAL\n\n"
        "Fetches files, 16 at once. A LOCAL that ends with / is a folder, made if it is missing, into which "
        "they go\nunder their own names; so is one that exists, without -r. Else it is the new name of the "
        "only one. Content is\ndurable and complete under its name, or not there. Time and permission bits "
        "are kept; what is here already\nwith the same size and time is not fetched again.\n\n"
        "A lost session is opened again. When the command itself ends before the end, the same command goes "
        "on where it\nwas: bytes that are here are proven by SHA-256.\n\n"
        "  -r, --recursive folders with all that is in them\n"
        "  --all          also what is here already\n"
        "  --no-overwrite an existing file is a failure\n"
        "  --compress     chunks that become smaller travel compressed\n"
        "  --verbose      a line for each file\n" CLI_FILE_OPTIONS_HELP "\n" CLI_FILE_EXIT_HELP,
    .more = cli_file_client_help,
    .run = file_get,
};
