/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file: many questions to one server, over one session that is opened again when it is lost. */
#include "file.h"

#include <hookprobe/ter.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When packets were not answered for so long another session is tried; the older one stays until there is
 * another.
 */
static const hkp_time SILENCE = 3000000000U, PROBE = 2000000000U;
enum { UNANSWERED = 3 };
static const hkp_time BACKOFF_MIN = 200000000U, BACKOFF_MAX = 2000000000U;

/* ---- options and names ---- */

int cli_file_option(struct cli_file_run *r, int argc, char **argv, const struct option *own) {
    uint64_t v;
    const int got = cli_option(r->command, argc, argv, own);
    switch (got) {
    case 'c':
        r->config_path = optarg;
        break;
    case 't':
        if (cli_number(optarg, 1, 86400, &v) != 0) {
            (void)cli_fail(CLI_USAGE, "--timeout: 1..86400");
            return '?';
        }
        r->timeout = v * 1000000000U;
        break;
    case 'q':
        r->quiet = 1;
        break;
    case 'j':
        r->json = 1;
        break;
    case 'r':
        r->recursive = 1;
        break;
    case 'v':
        r->verbose = 1;
        break;
    case 'a':
        r->all = 1;
        break;
    case 'H':
        r->hash = 1;
        break;
    case 'z':
        r->compress = 1;
        break;
    case 'n':
        r->once = 1;
        break;
    default:
        break;
    }
    return got;
}

static int load_config(struct cli_file_run *r) {
    const char *home = getenv("XDG_CONFIG_HOME");
    char path[4096], error[512];
    if (r->config != NULL) return CLI_OK;
    if (r->config_path != NULL)
        snprintf(path, sizeof path, "%s", r->config_path);
    else if (home != NULL && home[0] == '/')
        snprintf(path, sizeof path, "%s/hookprobe/file.yaml", home);
    else
        snprintf(path, sizeof path, "%s/.config/hookprobe/file.yaml",
                 getenv("HOME") != NULL ? getenv("HOME") : "");
    r->config = cli_file_client_load(path, error);
    return r->config != NULL ? CLI_OK : cli_fail(CLI_USAGE, "%s", error);
}

static int find_server(struct cli_file_run *r, const char *name, size_t len) {
    for (unsigned i = 0; i < r->config->servers_count; i++) {
        const struct cli_file_server *s = &r->config->servers[i];
        if (strlen(s->name) != len || memcmp(s->name, name, len) != 0) continue;
        if (r->server != NULL && r->server != s)
            return cli_fail(CLI_USAGE, "one server at a time: %s, or %s", r->server->name, s->name);
        r->server = s;
        /* both were checked when the configuration was loaded */
        return cli_file_card_read(s->card, &r->card) == 0 &&
                       hkp_htp_path_parse(s->address, &r->address) == HKP_OK
                   ? CLI_OK
                   : CLI_USAGE;
    }
    return cli_fail(CLI_USAGE, "the configuration has no server \"%.*s\"", (int)len, name);
}

int cli_file_remote(struct cli_file_run *r, const char *text, const char **path) {
    const size_t len = strcspn(text, ":/");
    if (text[len] != ':' || len == 0) return cli_fail(CLI_USAGE, "%s: wants SERVER:PATH", text);
    int code = load_config(r);
    if (code == CLI_OK) code = find_server(r, text, len);
    *path = text + len + 1;
    if ((*path)[0] == '/') ++*path;
    return code;
}

char *cli_file_join(const char *folder, const char *name) {
    const size_t a = strlen(folder), b = strlen(name);
    const int slash = a > 0 && folder[a - 1] != '/';
    char *joined = malloc(a + b + 2);
    if (joined == NULL) return NULL;
    memcpy(joined, folder, a);
    if (slash) joined[a] = '/';
    memcpy(joined + a + (size_t)slash, name, b + 1);
    return joined;
}

const char *cli_file_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- lists ---- */

void cli_file_name(const struct hkp_htp_file_event *ev, char name[HKP_HTP_FILE_NAME_MAX + 1]) {
    memcpy(name, ev->entry.name, ev->entry.name_len);
    name[ev->entry.name_len] = 0;
}

void cli_file_seen(struct cli_file_job *j, const char *name) {
    if (j->seen == NULL) j->seen = malloc(HKP_HTP_FILE_NAME_MAX + 1);
    if (j->seen != NULL) strcpy(j->seen, name);
}

void cli_file_behind(const struct cli_file_job *j, struct hkp_htp_file_request *rq) {
    if (j->seen == NULL) return;
    rq->after = (const uint8_t *)j->seen;
    rq->after_len = (uint32_t)strlen(j->seen);
}

/* ---- jobs ---- */

uint32_t cli_file_job(struct cli_file_run *r, char *remote, char *local) {
    if (r->n_jobs == r->cap_jobs) {
        const uint32_t cap = r->cap_jobs == 0 ? 64 : 2 * r->cap_jobs;
        struct cli_file_job *more =
            remote != NULL && cap < UINT32_MAX / 2 ? realloc(r->jobs, cap * sizeof *more) : NULL;
        if (more != NULL) r->jobs = more, r->cap_jobs = cap;
    }
    if (remote == NULL || r->n_jobs == r->cap_jobs) {
        r->code = cli_fail(CLI_SYSTEM, "out of memory");
        r->given_up = 1;
        free(remote);
        free(local);
        return UINT32_MAX;
    }
    r->jobs[r->n_jobs] = (struct cli_file_job){.remote = remote, .local = local};
    return r->n_jobs++;
}

void cli_file_ready(struct cli_file_run *r, uint32_t job) {
    r->jobs[job].next = 0;
    if (r->first == 0)
        r->first = job + 1;
    else
        r->jobs[r->last - 1].next = job + 1;
    r->last = job + 1;
}

static const char *reason_of(const struct hkp_htp_file_event *ev) {
    return ev->message != NULL && ev->message[0] != 0 ? ev->message : hkp_htp_file_code_name(ev->code);
}

static int code_of(uint32_t code) {
    switch (code) {
    case HKP_HTP_FILE_HASH_MISMATCH:
    case HKP_HTP_FILE_INTEGRITY_FAILURE:
    case HKP_HTP_FILE_BAD_MESSAGE:
    case HKP_HTP_FILE_CHUNK_MISSING:
    case HKP_HTP_FILE_TRANSFER_FAILED:
        return CLI_DAMAGED;
    case HKP_HTP_FILE_IO_ERROR:
    case HKP_HTP_FILE_TIMEOUT:
    case HKP_HTP_FILE_BUSY:
        return CLI_SYSTEM;
    default:
        return CLI_NO;
    }
}

void cli_file_failed(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    const struct cli_file_job *j = &r->jobs[job];
    const char *side = ev->remote ? "the server says " : "";
    if (code_of(ev->code) > r->code) r->code = code_of(ev->code);
    r->files_failed++;
    cli_file_bar_hide(r);
    if (r->json)
        cli_print_json(json_pack("{s:s,s:b,s:s,s:s,s:b}", "path", j->remote, "ok", 0, "code",
                                 hkp_htp_file_code_name(ev->code), "error", reason_of(ev), "remote",
                                 (int)ev->remote),
                       0);
    (void)cli_fail(0, "%s:/%s: %s%s%s%s", r->server->name, j->remote, side, hkp_htp_file_code_name(ev->code),
                   ev->message != NULL && ev->message[0] != 0 ? ": " : "",
                   ev->message != NULL ? ev->message : "");
}

static void hex32(const uint8_t bytes[32], char text[65]) {
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

void cli_file_done(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev) {
    const struct cli_file_job *j = &r->jobs[job];
    const double seconds = (double)(cli_mono() - j->begin) * 1e-9;
    char sha256[65], amount[16];
    r->files_done++;
    if (!r->json && !r->verbose) return;
    hex32(ev->sha256, sha256);
    cli_file_bar_hide(r);
    if (r->json)
        cli_print_json(json_pack("{s:s,s:b,s:I,s:s,s:f,s:b}", "path", j->remote, "ok", 1, "bytes",
                                 (json_int_t)ev->size, "sha256", sha256, "seconds", seconds, "resumed",
                                 (int)j->resumed),
                       0);
    else
        printf("%s:/%s  %s  %.2f s%s\n", r->server->name, j->remote, cli_file_amount(ev->size, amount),
               seconds, j->resumed ? "  resumed" : "");
}

void cli_file_same(struct cli_file_run *r, uint32_t job) {
    struct cli_file_job *j = &r->jobs[job];
    r->files_same++;
    r->bytes_done += j->size - j->done;
    j->done = j->size;
    if (!r->json && !r->verbose) return;
    cli_file_bar_hide(r);
    if (r->json)
        cli_print_json(json_pack("{s:s,s:b,s:b}", "path", j->remote, "ok", 1, "same", 1), 0);
    else
        printf("%s:/%s  is there already\n", r->server->name, j->remote);
}

static void summary(struct cli_file_run *r, int code) {
    const double seconds = (double)(cli_mono() - r->bar.begin) * 1e-9;
    char amount[16], rate[16];
    if (r->files == 0) return;
    if (r->json)
        cli_print_json(json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:f,s:i}", "summary", 1, "files",
                                 (json_int_t)r->files, "done", (json_int_t)r->files_done, "same",
                                 (json_int_t)r->files_same, "failed", (json_int_t)r->files_failed, "bytes",
                                 (json_int_t)r->bytes_moved, "seconds", seconds, "exit", code),
                       0);
    else if (r->bar.shown)
        fprintf(stderr, "%u of %u files, %s in %.1f s, %s/s%s\n", r->files_done + r->files_same, r->files,
                cli_file_amount(r->bytes_moved, amount), seconds,
                cli_file_amount((uint64_t)((double)r->bytes_moved / seconds), rate),
                r->files_same > 0 ? "; some were there already" : "");
}

static void fail_here(struct cli_file_run *r, uint32_t job, uint8_t code) {
    const struct hkp_htp_file_event ev = {.type = HKP_HTP_FILE_EVENT_FAILED, .code = code};
    r->ops->over(r, job, &ev);
}

/* Hands over the first of the queue; 0: not now. */
static int start_one(struct cli_file_run *r) {
    const uint32_t job = r->first - 1;
    struct hkp_htp_file_request rq = {.struct_size = sizeof rq, .chunk_size = HKP_HTP_FILE_CHUNK_MAX};
    uint64_t transfer = 0;
    rq.path = r->jobs[job].remote;
    rq.path_len = (uint32_t)strlen(rq.path);
    if (rq.path_len == 0) rq.path = "/", rq.path_len = 1;
    const int gone = r->ops->ask(r, job, &rq);
    const hkp_status st =
        gone ? HKP_OK : hkp_htp_files_start(r->end.files, cli_mono(), r->session, &rq, &transfer);
    if (st == HKP_E_LIMIT || st == HKP_E_NOTFOUND) return 0;
    r->first = r->jobs[job].next;
    if (gone) return 1;
    if (st != HKP_OK) {
        fail_here(r, job, st == HKP_E_INVAL ? HKP_HTP_FILE_INVALID_PATH : HKP_HTP_FILE_IO_ERROR);
        return 1;
    }
    if (r->jobs[job].begin == 0) r->jobs[job].begin = cli_mono();
    r->open[r->n_open].transfer = transfer;
    r->open[r->n_open++].job = job;
    return 1;
}

/* ---- what happens ---- */

static void progress(struct cli_file_run *r, struct cli_file_job *j, uint64_t done, int moved) {
    if (done > j->done) {
        r->bytes_done += done - j->done;
        if (moved) r->bytes_moved += done - j->done;
        j->done = done;
    }
}

static void on_file(void *user, const struct hkp_htp_file_event *ev) {
    struct cli_file_run *r = user;
    uint32_t i = 0;
    while (i < r->n_open && r->open[i].transfer != ev->transfer) i++;
    if (ev->served || i == r->n_open) return;
    const uint32_t job = r->open[i].job;
    r->moved = cli_mono();
    switch (ev->type) {
    case HKP_HTP_FILE_EVENT_RESUMED:
        r->jobs[job].resumed = 1;
        progress(r, &r->jobs[job], ev->done, 0);
        break;
    case HKP_HTP_FILE_EVENT_PROGRESS:
        progress(r, &r->jobs[job], ev->done, 1);
        break;
    case HKP_HTP_FILE_EVENT_ENTRY:
        r->ops->entry(r, job, ev);
        break;
    case HKP_HTP_FILE_EVENT_DONE:
    case HKP_HTP_FILE_EVENT_FAILED:
        r->open[i] = r->open[--r->n_open];
        if (ev->type == HKP_HTP_FILE_EVENT_DONE) progress(r, &r->jobs[job], ev->done, 1);
        r->ops->over(r, job, ev);
        break;
    default:
        break;
    }
}

static void give_up(struct cli_file_run *r, const char *why) {
    r->given_up = 1;
    snprintf(r->why, sizeof r->why, "%s", why);
}

static void lost(struct cli_file_run *r, const struct hkp_htp_event *ev) {
    char why[160];
    r->session = 0;
    r->retry = cli_mono();
    if (ev->reason != HKP_HTP_REASON_REPLACED && ev->reason != HKP_HTP_REASON_IDENTITY) return;
    snprintf(why, sizeof why, "the server ended the session: %s", hkp_htp_reason_name(ev->reason));
    give_up(r, why);
}

static void refused(struct cli_file_run *r, const struct hkp_htp_event *ev) {
    const hkp_time now = cli_mono(), wait = ev->value * 1000000000U;
    char why[160];
    r->connecting = 0;
    if (hkp_htp_kind(ev->result, ev->reason) == HKP_HTP_KIND_AUTHENTICATION &&
        ev->result != HKP_E_HTP_TIMEOUT) {
        snprintf(why, sizeof why,
                 "%s refuses us (%s%s%s): is our card in its configuration, and its card in ours?",
                 r->server->address, hkp_htp_status_name(ev->result),
                 ev->result == HKP_E_HTP_REJECTED ? ", " : "",
                 ev->result == HKP_E_HTP_REJECTED ? hkp_htp_reason_name(ev->reason) : "");
        give_up(r, why);
    }
    r->backoff = r->backoff * 2 < BACKOFF_MAX ? r->backoff * 2 : BACKOFF_MAX;
    r->retry = now + (wait > r->backoff ? wait : r->backoff);
}

static void on_session(void *user, const struct hkp_htp_event *ev) {
    struct cli_file_run *r = user;
    switch (ev->type) {
    case HKP_HTP_EVENT_UP:
        if (r->session != 0 &&
            hkp_htp_session_close(r->end.ep, cli_mono(), r->session, HKP_HTP_REASON_DONE) != HKP_OK)
            break;
        if (hkp_htp_session_allow(r->end.ep, ev->session, 1U << HKP_HTP_STREAM_FILE, 0) != HKP_OK) break;
        r->session = ev->session;
        r->unanswered = 0;
        r->connecting = 0;
        r->was_up = 1;
        r->backoff = BACKOFF_MIN;
        r->moved = cli_mono();
        break;
    case HKP_HTP_EVENT_DOWN:
        if (ev->session == r->session) lost(r, ev);
        break;
    case HKP_HTP_EVENT_FAILED:
        if (ev->session == r->connecting) refused(r, ev);
        break;
    default:
        break;
    }
}

static void connect_if_due(struct cli_file_run *r, hkp_time now) {
    if (r->connecting != 0 || now < r->retry) return;
    if (r->session != 0 && (r->unanswered == 0 || now - r->unanswered < SILENCE)) return;
    const hkp_status st = hkp_htp_connect(r->end.ep, now, cli_wall(), &r->address, r->card.node_id, r->card.s,
                                          r->card.a, HKP_HTP_MODE_N, &r->connecting);
    if (st == HKP_OK) return;
    r->connecting = 0;
    r->retry = now + BACKOFF_MAX;
}

/* Who only receives sends nothing that wants an answer: a datagram does, whatever the server makes of it. */
static void probe(struct cli_file_run *r, hkp_time now) {
    if (now < r->probed + PROBE) return;
    r->probed = now;
    if (hkp_htp_datagram_send(r->end.ep, r->session, HKP_HTP_STREAM_FILE, (const uint8_t *)"?", 1) != HKP_OK)
        return; /* others wait already */
}

/* Since when packets go out and none comes. Silence alone means nothing: a file may be hashed, or synced. */
static void listen_for(struct cli_file_run *r, hkp_time now) {
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    if (now > r->looked + PROBE) r->moved = now; /* it was our own disk that took so long */
    r->looked = now;
    if (r->session == 0 || hkp_htp_session_info(r->end.ep, r->session, &info) != HKP_OK) return;
    if (now > info.last_heard + PROBE) probe(r, now);
    if (info.last_heard > r->moved) r->moved = info.last_heard;
    if (info.last_heard != r->heard) {
        r->heard = info.last_heard;
        r->packets = info.packets_out;
        r->unanswered = 0;
    } else if (r->unanswered == 0 && info.packets_out >= r->packets + UNANSWERED) {
        r->unanswered = now;
    }
}

static void watch(struct cli_file_run *r, hkp_time now) {
    char why[160];
    listen_for(r, now);
    if (now < r->moved + r->timeout) return;
    snprintf(why, sizeof why, "%s: silent for %llu seconds", r->server->address,
             (unsigned long long)(r->timeout / 1000000000U));
    give_up(r, why);
}

/* ---- the run ---- */

static int open_end(struct cli_file_run *r) {
    struct cli_file_key key;
    struct hkp_htp_files_options fo;
    int code = cli_file_key_read(r->config->key, r->config->passphrase_file, &key);
    if (code != CLI_OK) return code;
    hkp_htp_files_options_init(&fo, sizeof fo);
    memcpy(fo.node_id, key.node_id, 16);
    fo.stall = r->timeout;
    fo.whole = r->timeout > 300000000000U ? r->timeout : 0;
    fo.size_max = UINT64_MAX >> 2; /* the server says what is too large */
    fo.resume_from = CLI_FILE_RESUME_FROM;
    const struct cli_file_end_options eo = {.key = &key, .sessions_max = 4, .files = &fo};
    const hkp_status st = hkp_htp_devices_new(&r->end.devices, NULL);
    if (st != HKP_OK || cli_file_enrol(r->end.devices, &r->card) != HKP_OK)
        code = cli_fail(CLI_USAGE, "%s: its card names no usable keys", r->server->name);
    if (code == CLI_OK) code = cli_file_end_open(&r->end, &eo);
    hkp_ter_wipe(&key, sizeof key);
    return code;
}

static int conclude(struct cli_file_run *r) {
    char done[16], all[16];
    cli_file_bar_hide(r);
    if (r->code == CLI_OK && !r->given_up && !cli_file_asked_to_end()) return CLI_OK;
    if (r->first == 0 && r->n_open == 0) return r->code;
    if (!r->was_up && !cli_file_asked_to_end()) return cli_fail(CLI_SYSTEM, "%s", r->why);
    return cli_fail(CLI_STOPPED, "%s; %s of %s done; the same command goes on from there",
                    cli_file_asked_to_end() ? "stopped" : r->why, cli_file_amount(r->bytes_done, done),
                    cli_file_amount(r->bytes, all));
}

int cli_file_run(struct cli_file_run *r) {
    const struct cli_file_ears ears = {.user = r, .session = on_session, .file = on_file};
    int code = open_end(r);
    if (code != CLI_OK) return code;
    cli_file_signals(0);
    r->bar.wanted = !r->quiet && !r->json && isatty(2);
    r->bar.shown = r->bar.wanted && r->files > 0;
    r->bar.begin = r->moved = cli_mono();
    r->backoff = BACKOFF_MIN;
    while ((r->first != 0 || r->n_open > 0) && !r->given_up && !cli_file_asked_to_end()) {
        const hkp_time now = cli_mono();
        connect_if_due(r, now);
        while (r->session != 0 && r->first != 0 && r->n_open < CLI_FILE_AHEAD && start_one(r)) {
        }
        watch(r, now);
        cli_file_bar_draw(r, now);
        hkp_time until = now + (r->bar.shown ? 100000000U : 1000000000U);
        if (r->session == 0 && r->connecting == 0 && r->retry < until) until = r->retry;
        if ((r->first != 0 || r->n_open > 0) && !r->given_up) cli_file_end_turn(&r->end, &ears, until);
    }
    code = conclude(r);
    summary(r, code);
    cli_file_end_leave(&r->end, &r->session, r->session != 0, HKP_HTP_REASON_DONE);
    return code;
}

void cli_file_run_free(struct cli_file_run *r) {
    cli_file_end_close(&r->end);
    for (uint32_t i = 0; i < r->n_jobs; i++) {
        free(r->jobs[i].remote);
        free(r->jobs[i].local);
        free(r->jobs[i].seen);
    }
    free(r->jobs);
    cli_file_client_free(r->config);
}
