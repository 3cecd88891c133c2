/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file put: files and folders of this machine to a server. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a job asks: is it there already; which files of a folder are; send it. */
enum { STEP_CHECK, STEP_FOLDER, STEP_SEND };
enum { DEPTH_MAX = 32 };

struct put {
    struct cli_file_run run;
    struct hkp_htp_store source;
    const char *target;
    int named; /* 1: target is the new name, 0: the folder that things go into */
    char number[16];
};

/* ---- the source: a store of this machine's files by the number of their job ---- */

static uint64_t microseconds(const struct timespec *t) {
    return (uint64_t)t->tv_sec * 1000000U + (uint64_t)t->tv_nsec / 1000U;
}

static void describe(const struct stat *st, struct hkp_htp_file_info *out) {
    memset(out, 0, sizeof *out);
    out->size = (uint64_t)st->st_size;
    out->mtime_us = microseconds(&st->st_mtim);
    out->ctime_us = microseconds(&st->st_ctim);
    out->mode = (uint16_t)(st->st_mode & 0777);
    out->kind = HKP_HTP_FILE_KIND_FILE;
}

static uint32_t code_of_errno(void) {
    return errno == ENOENT   ? HKP_HTP_FILE_NOT_FOUND
           : errno == EACCES ? HKP_HTP_FILE_PERMISSION_DENIED
                             : HKP_HTP_FILE_IO_ERROR;
}

static struct cli_file_job *job_of(void *user, const char *path, size_t len) {
    struct put *p = user;
    char text[16];
    uint64_t job;
    if (len >= sizeof text) return NULL;
    memcpy(text, path, len);
    text[len] = 0;
    return cli_number(text, 0, p->run.n_jobs - 1, &job) == 0 ? &p->run.jobs[job] : NULL;
}

static uint32_t source_stat(void *user, const char *path, size_t len, struct hkp_htp_file_info *out) {
    const struct cli_file_job *j = job_of(user, path, len);
    struct stat st;
    if (j == NULL || stat(j->local, &st) != 0) return j == NULL ? HKP_HTP_FILE_NOT_FOUND : code_of_errno();
    describe(&st, out);
    return HKP_HTP_FILE_OK;
}

/* handle: descriptor + 1 in the low half, the job in the high half */
static uint32_t source_open(void *user, const char *path, size_t len, uint64_t *handle,
                            struct hkp_htp_file_info *out) {
    const struct put *p = user;
    struct cli_file_job *j = job_of(user, path, len);
    struct stat st;
    const int fd = j != NULL ? open(j->local, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    if (fd < 0) return j == NULL ? HKP_HTP_FILE_NOT_FOUND : code_of_errno();
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return HKP_HTP_FILE_PERMISSION_DENIED;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    describe(&st, out);
    j->mtime_us = out->mtime_us;
    *handle = (uint64_t)(j - p->run.jobs) << 32 | (uint32_t)(fd + 1);
    return HKP_HTP_FILE_OK;
}

static int fd_of(uint64_t handle) { return (int)(uint32_t)handle - 1; }

/* The last bytes are given only if nobody wrote since the file was opened. */
static uint32_t source_read(void *user, uint64_t handle, uint64_t offset, uint8_t *dst, size_t len) {
    const struct put *p = user;
    const struct cli_file_job *j = &p->run.jobs[handle >> 32];
    struct stat st;
    for (size_t got = 0; got < len;) {
        const ssize_t n = pread(fd_of(handle), dst + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0 ? HKP_HTP_FILE_CHANGED : HKP_HTP_FILE_IO_ERROR;
        got += (size_t)n;
    }
    if (offset + len < j->size) return HKP_HTP_FILE_OK;
    if (fstat(fd_of(handle), &st) != 0) return HKP_HTP_FILE_IO_ERROR;
    return (uint64_t)st.st_size == j->size && microseconds(&st.st_mtim) == j->mtime_us ? HKP_HTP_FILE_OK
                                                                                       : HKP_HTP_FILE_CHANGED;
}

static void source_close(void *user, uint64_t handle, uint32_t keep) {
    (void)user, (void)keep;
    close(fd_of(handle));
}

/* A source is only read. */
static uint32_t no_list(void *user, const char *path, size_t path_len, const uint8_t *after, size_t after_len,
                        uint32_t max, struct hkp_htp_file_entry *out, uint32_t *count, uint32_t *more) {
    (void)user, (void)path, (void)path_len, (void)after, (void)after_len, (void)max, (void)out, (void)count;
    (void)more;
    return HKP_HTP_FILE_INVALID_OPERATION;
}

static uint32_t no_remove(void *user, const char *path, size_t path_len, uint32_t recursive) {
    (void)user, (void)path, (void)path_len, (void)recursive;
    return HKP_HTP_FILE_INVALID_OPERATION;
}

static uint32_t no_create(void *user, const struct hkp_htp_store_put *put, uint64_t *handle, uint64_t *have) {
    (void)user, (void)put, (void)handle, (void)have;
    return HKP_HTP_FILE_INVALID_OPERATION;
}

static uint32_t no_write(void *user, uint64_t handle, uint64_t offset, const uint8_t *data, size_t len) {
    (void)user, (void)handle, (void)offset, (void)data, (void)len;
    return HKP_HTP_FILE_INVALID_OPERATION;
}

static uint32_t no_commit(void *user, uint64_t handle, uint64_t size) {
    (void)user, (void)handle, (void)size;
    return HKP_HTP_FILE_INVALID_OPERATION;
}

static const struct hkp_htp_store source = {.stat = source_stat,
                                            .list = no_list,
                                            .remove = no_remove,
                                            .open = source_open,
                                            .create = no_create,
                                            .read = source_read,
                                            .write = no_write,
                                            .commit = no_commit,
                                            .close = source_close};

/* ---- what is to be sent ---- */

static uint32_t add_file(struct put *p, char *remote, char *local, const struct stat *st) {
    const uint32_t job = cli_file_job(&p->run, remote, local);
    if (job == UINT32_MAX) return job;
    p->run.jobs[job].size = (uint64_t)st->st_size;
    p->run.jobs[job].mtime_us = microseconds(&st->st_mtim);
    p->run.jobs[job].step = STEP_SEND;
    p->run.files++;
    p->run.bytes += (uint64_t)st->st_size;
    return job;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names of a folder, ascending by bytes as a LIST has them; -1 after telling why not. */
static int read_folder(const char *path, char ***names, size_t *n) {
    DIR *dir = opendir(path);
    size_t cap = 0;
    *names = NULL;
    *n = 0;
    if (dir == NULL) return cli_fail(-1, "%s: %s", path, strerror(errno));
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (*n == cap) {
            char **more = realloc(*names, (cap = cap == 0 ? 64 : 2 * cap) * sizeof *more);
            if (more == NULL) break;
            *names = more;
        }
        if (((*names)[*n] = strdup(e->d_name)) == NULL) break;
        ++*n;
    }
    closedir(dir);
    if (*n > 0) qsort(*names, *n, sizeof **names, by_bytes);
    return 0;
}

static int walk(struct put *p, const char *local, const char *remote, int depth);

/* The files of a folder get numbers one behind the other, for the comparison with a LIST. */
static int take_folder(struct put *p, const char *local, const char *remote, char **names, size_t n,
                       int depth) {
    struct cli_file_run *r = &p->run;
    const uint32_t first = r->n_jobs;
    struct stat st;
    for (size_t i = 0; i < n; i++) {
        char *path = cli_file_join(local, names[i]);
        if (path == NULL || lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
            if (path != NULL && !S_ISDIR(st.st_mode) && !r->quiet)
                (void)cli_fail(0, "%s: left out, it is no regular file", path);
            free(path);
            continue;
        }
        if (add_file(p, cli_file_join(remote, names[i]), path, &st) == UINT32_MAX) return -1;
    }
    const uint32_t count = r->n_jobs - first;
    if (count > 0 && !r->all) {
        const uint32_t folder = cli_file_job(r, strdup(remote), NULL);
        if (folder == UINT32_MAX) return -1;
        r->jobs[folder].step = STEP_FOLDER;
        r->jobs[folder].first = r->jobs[folder].at = first;
        r->jobs[folder].count = count;
        cli_file_ready(r, folder);
    }
    for (uint32_t i = 0; r->all && i < count; i++) cli_file_ready(r, first + i);
    for (size_t i = 0; i < n; i++) {
        char *path = cli_file_join(local, names[i]), *below = cli_file_join(remote, names[i]);
        int bad = path == NULL || below == NULL;
        if (!bad && lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) bad = walk(p, path, below, depth + 1);
        free(path);
        free(below);
        if (bad) return -1;
    }
    return 0;
}

static int walk(struct put *p, const char *local, const char *remote, int depth) {
    char **names;
    size_t n;
    if (depth > DEPTH_MAX) return cli_fail(-1, "%s: more than %d folders deep", local, DEPTH_MAX);
    int bad = read_folder(local, &names, &n);
    if (!bad) bad = take_folder(p, local, remote, names, n, depth);
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
    return bad;
}

static const char *base_of(char *path) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') path[--len] = 0;
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != 0 ? slash + 1 : path;
}

static int take_argument(struct put *p, char *local) {
    struct cli_file_run *r = &p->run;
    struct stat st;
    const char *base = base_of(local);
    if (stat(local, &st) != 0) return cli_fail(CLI_NO, "%s: %s", local, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return cli_fail(CLI_USAGE, "%s: is neither file nor folder", local);
    if (S_ISDIR(st.st_mode) && !r->recursive)
        return cli_fail(CLI_USAGE, "%s: is a folder; -r sends it", local);
    if (!p->named && (strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || strcmp(base, "/") == 0))
        return cli_fail(CLI_USAGE, "%s: has no name of its own; end the target without /", local);
    char *remote = p->named ? strdup(p->target) : cli_file_join(p->target, base);
    if (S_ISDIR(st.st_mode)) {
        const int bad = remote == NULL || walk(p, local, remote, 1) != 0;
        free(remote);
        return bad ? CLI_SYSTEM : CLI_OK;
    }
    const uint32_t job = add_file(p, remote, strdup(local), &st);
    if (job == UINT32_MAX) return CLI_SYSTEM;
    r->jobs[job].step = r->all ? STEP_SEND : STEP_CHECK;
    cli_file_ready(r, job);
    return CLI_OK;
}

/* ---- asking ---- */

static int ask(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq) {
    struct put *p = r->user;
    const struct cli_file_job *j = &r->jobs[job];
    char *number = p->number;
    if (j->step == STEP_CHECK) {
        rq->operation = HKP_HTP_FILE_STAT;
        return 0;
    }
    if (j->step == STEP_FOLDER) {
        rq->operation = HKP_HTP_FILE_LIST;
        cli_file_behind(j, rq);
        return 0;
    }
    rq->operation = HKP_HTP_FILE_CREATE;
    rq->flags = HKP_HTP_FILE_CREATE_DIRS | (r->once ? 0U : HKP_HTP_FILE_OVERWRITE) |
                (r->hash ? HKP_HTP_FILE_VERIFY_HASH : 0U) | (r->compress ? HKP_HTP_FILE_COMPRESSED : 0U);
    snprintf(number, sizeof p->number, "%u", job);
    rq->local = &p->source;
    rq->local_path = number;
    rq->local_path_len = (uint32_t)strlen(number);
    rq->keep = 1;
    return 0;
}

/* Is this entry one of the folder's files, as it is here? Both come in the order of their bytes. */
static void entry(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    struct cli_file_job *j = &r->jobs[job];
    char name[HKP_HTP_FILE_NAME_MAX + 1];
    cli_file_name(ev, name);
    cli_file_seen(j, name);
    for (; j->at < j->first + j->count; j->at++) {
        struct cli_file_job *file = &r->jobs[j->at];
        const int order = strcmp(cli_file_base(file->local), name);
        if (order > 0) return;
        file->same = order == 0 && ev->entry.info.kind == HKP_HTP_FILE_KIND_FILE &&
                     ev->entry.info.size == file->size && ev->entry.info.mtime_us == file->mtime_us;
    }
}

static void over(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    struct cli_file_job *j = &r->jobs[job];
    const int done = ev->type == HKP_HTP_FILE_EVENT_DONE;
    if (j->step == STEP_SEND) {
        if (done)
            cli_file_done(r, job, ev);
        else
            cli_file_failed(r, job, ev);
    } else if (j->step == STEP_CHECK) { /* what it was refused for, the sending is refused for, too */
        j->step = STEP_SEND;
        if (done && ev->info.kind == HKP_HTP_FILE_KIND_FILE && ev->info.size == j->size &&
            ev->info.mtime_us == j->mtime_us)
            cli_file_same(r, job);
        else
            cli_file_ready(r, job);
    } else if (done && ev->more && j->seen != NULL) {
        cli_file_ready(r, job);
    } else {
        for (uint32_t i = 0; i < j->count; i++)
            if (r->jobs[j->first + i].same)
                cli_file_same(r, j->first + i);
            else
                cli_file_ready(r, j->first + i);
    }
}

/* ---- the command ---- */

static const struct cli_file_ops ops = {.ask = ask, .entry = entry, .over = over};

static int put_all(struct put *p, int argc, char **argv) {
    struct cli_file_run *r = &p->run;
    const int n = argc - optind;
    if (n < 2) return cli_fail(CLI_USAGE, "file put wants LOCAL... and SERVER:PATH");
    int code = cli_file_remote(r, argv[argc - 1], &p->target);
    const size_t len = code == CLI_OK ? strlen(p->target) : 0;
    p->named = len > 0 && p->target[len - 1] != '/';
    if (code == CLI_OK && p->named && n > 2)
        code = cli_fail(CLI_USAGE, "%s: several things go into a folder: end it with /", argv[argc - 1]);
    for (int i = optind; code == CLI_OK && i < argc - 1; i++) code = take_argument(p, argv[i]);
    return code == CLI_OK ? cli_file_run(r) : code;
}

static int file_put(int argc, char **argv) {
    static const struct option own[] = {CLI_FILE_OPTIONS,
                                        {"recursive", no_argument, NULL, 'r'},
                                        {"verbose", no_argument, NULL, 'v'},
                                        {"all", no_argument, NULL, 'a'},
                                        {"verify", no_argument, NULL, 'H'},
                                        {"compress", no_argument, NULL, 'z'},
                                        {"no-overwrite", no_argument, NULL, 'n'},
                                        {NULL, 0, NULL, 0}};
    static struct put p = {.run = {.command = &cli_file_put, .ops = &ops}};
    int got;
    p.run.user = &p;
    p.source = source;
    p.source.user = &p;
    p.run.timeout = CLI_FILE_TIMEOUT_S * 1000000000ULL;
    while ((got = cli_file_option(&p.run, argc, argv, own)) != -1)
        if (got == '?') return CLI_USAGE;
    const int code = put_all(&p, argc, argv);
    cli_file_run_free(&p.run);
    return code;
}

const struct cli_command cli_file_put = {
    .name = "file put",
    .summary = "send files and folders to a file server",
    .help =
        "usage: hookprobe file put [-r] [OPTIONS] LOCAL... SERVER:PATH\n\n"
        "Sends files, 16 at once. A PATH that is empty or ends with / is a folder, into which they go under "
        "their own\nnames; else it is the new name of the only one. Missing folders are made. Content is "
        "durable and complete\nunder its name, or not there. Time and permission bits are kept; what is "
        "there already with the same size\nand time is not sent again.\n\n"
        "A lost session is opened again. When the command itself ends before the end, the same command goes "
        "on: with\nfiles of 4 MiB and more in their middle, where the bytes that are there are proven by "
        "SHA-256.\n\n"
        "  -r, --recursive folders with all that is in them; links and devices are left out\n"
        "  --all          also what is there already\n"
        "  --no-overwrite an existing file is a failure\n"
        "  --verify       the server reads back and hashes what it stored\n"
        "  --compress     chunks that become smaller travel compressed\n"
        "  --verbose      a line for each file\n" CLI_FILE_OPTIONS_HELP "\n" CLI_FILE_EXIT_HELP,
    .more = cli_file_client_help,
    .run = file_put,
};
