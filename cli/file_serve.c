/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file serve: one folder for peers with pinned keys, each with what it may do, on libhtp alone. */
#include "file.h"

#include <hookprobe/ter.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SESSIONS_DEFAULT = 256, TRANSFERS_DEFAULT = 64 };

struct serve {
    const char *path; /* of the configuration */
    struct cli_file_service *config;
    struct cli_file_key key;
    struct cli_file_end end;
    struct hkp_htp_store_posix *posix;
    struct hkp_htp_store store;
    int json, root;
    FILE *audit;
    uint64_t *sessions;
    uint32_t n_sessions, cap_sessions;
    struct running {
        uint64_t transfer;
        hkp_time begin;
    } * running;
    uint32_t n_running, cap_running;
};

/* ---- audit ---- */

static const char *operation_name(uint32_t operation) {
    static const char *const names[] = {"put", "get", "update", "rm", "stat", "ls"};
    return operation >= HKP_HTP_FILE_CREATE && operation <= HKP_HTP_FILE_LIST
               ? names[operation - HKP_HTP_FILE_CREATE]
               : "?";
}

static int is_of(const struct cli_file_peer *p, const uint8_t node_id[16]) {
    char hex[33];
    const char *text = p->card != NULL ? p->card : p->node_id;
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", node_id[i]);
    return text != NULL && strncasecmp(text, hex, 32) == 0;
}

static const char *name_of(const struct serve *s, const uint8_t node_id[16], char hex[33]) {
    for (unsigned i = 0; i < s->config->peers_count; i++)
        if (is_of(&s->config->peers[i], node_id) && s->config->peers[i].name != NULL)
            return s->config->peers[i].name;
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", node_id[i]);
    return hex;
}

/* What a peer sent may be anything; a line of the audit is text without control characters. */
static void clean(const char *path, size_t len, char text[HKP_HTP_FILE_PATH_MAX + 1]) {
    json_t *sound = json_stringn(path, len);
    if (len > HKP_HTP_FILE_PATH_MAX) len = HKP_HTP_FILE_PATH_MAX;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)path[i];
        text[i] = c < 0x20 || c == 0x7F || (c >= 0x80 && sound == NULL) ? '?' : (char)c;
    }
    text[len] = 0;
    json_decref(sound);
}

static void audit_json(struct serve *s, json_t *line) {
    json_dumpf(line, s->audit, JSON_COMPACT);
    fputc('\n', s->audit);
    json_decref(line);
}

static void audit_file(struct serve *s, const struct hkp_htp_file_event *ev, double seconds) {
    char when[32], id[33], hash[65] = "", path[HKP_HTP_FILE_PATH_MAX + 1];
    const int ok = ev->type == HKP_HTP_FILE_EVENT_DONE;
    const char *name = name_of(s, ev->peer, id), *operation = operation_name(ev->operation);
    static const uint8_t none[32];
    cli_time_text(cli_wall(), when);
    clean(ev->path != NULL ? ev->path : "", ev->path_len, path);
    if (ok && memcmp(ev->sha256, none, 32) != 0)
        for (int i = 0; i < 32; i++) snprintf(hash + 2 * i, 3, "%02x", ev->sha256[i]);
    for (int i = 0; i < 16; i++) snprintf(id + 2 * i, 3, "%02x", ev->peer[i]);
    if (s->json)
        audit_json(s, json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:b,s:I,s:f,s:s*}", "time", when, "peer", id,
                                "name", name, "operation", operation, "path", path, "ok", ok, "code",
                                ok ? "SUCCESS" : hkp_htp_file_code_name(ev->code), "remote", (int)ev->remote,
                                "bytes", (json_int_t)ev->done, "seconds", seconds, "sha256",
                                hash[0] != 0 ? hash : NULL));
    else
        fprintf(s->audit, "%s %s %s %s %s %llu bytes %.3f s%s%s\n", when, name, operation, path,
                ok ? "ok" : hkp_htp_file_code_name(ev->code), (unsigned long long)ev->done, seconds,
                hash[0] != 0 ? " sha256 " : "", hash);
}

static void audit_session(struct serve *s, const struct hkp_htp_event *ev) {
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    char when[32], id[33], from[HKP_HTP_PATH_TEXT_MAX] = "";
    const int up = ev->type == HKP_HTP_EVENT_UP;
    const char *name = name_of(s, ev->peer, id), *why = up ? "" : hkp_htp_status_name(ev->result);
    if (up && (hkp_htp_session_info(s->end.ep, ev->session, &info) != HKP_OK ||
               hkp_htp_path_format(&info.path, from, sizeof from) != HKP_OK))
        from[0] = 0;
    cli_time_text(cli_wall(), when);
    for (int i = 0; i < 16; i++) snprintf(id + 2 * i, 3, "%02x", ev->peer[i]);
    if (s->json)
        audit_json(s, json_pack("{s:s,s:s,s:s,s:s,s:s}", "time", when, "peer", id, "name", name, "session",
                                up ? "up" : "down", up ? "from" : "why", up ? from : why));
    else
        fprintf(s->audit, "%s %s session %s %s\n", when, name, up ? "up" : "down", up ? from : why);
}

/* ---- what happens ---- */

static struct running *find_running(struct serve *s, uint64_t transfer) {
    for (uint32_t i = 0; i < s->n_running; i++)
        if (s->running[i].transfer == transfer) return &s->running[i];
    return NULL;
}

static void on_file(void *user, const struct hkp_htp_file_event *ev) {
    struct serve *s = user;
    struct running *r = ev->served ? find_running(s, ev->transfer) : NULL;
    if (!ev->served) return;
    if (ev->type == HKP_HTP_FILE_EVENT_STARTED && r == NULL && s->n_running < s->cap_running)
        s->running[s->n_running++] = (struct running){ev->transfer, cli_mono()};
    if (ev->type != HKP_HTP_FILE_EVENT_DONE && ev->type != HKP_HTP_FILE_EVENT_FAILED) return;
    audit_file(s, ev, r != NULL ? (double)(cli_mono() - r->begin) * 1e-9 : 0);
    if (r != NULL) *r = s->running[--s->n_running];
}

static void on_session(void *user, const struct hkp_htp_event *ev) {
    struct serve *s = user;
    if (ev->type == HKP_HTP_EVENT_UP) {
        if (hkp_htp_session_allow(s->end.ep, ev->session, 1U << HKP_HTP_STREAM_FILE, 0) != HKP_OK) return;
        if (s->n_sessions < s->cap_sessions) s->sessions[s->n_sessions++] = ev->session;
        audit_session(s, ev);
    } else if (ev->type == HKP_HTP_EVENT_DOWN) {
        for (uint32_t i = 0; i < s->n_sessions; i++)
            if (s->sessions[i] == ev->session) {
                s->sessions[i] = s->sessions[--s->n_sessions];
                audit_session(s, ev);
                break;
            }
    }
}

/* ---- peers ---- */

/* The folder of a peer: made part by part, no link followed. */
static int make_folder(const struct serve *s, const char *folder) {
    char part[HKP_HTP_FILE_NAME_MAX + 1];
    int at = dup(s->root);
    for (const char *p = folder; at >= 0;) {
        const size_t len = strcspn(p, "/");
        snprintf(part, sizeof part, "%.*s", (int)len, p);
        const int made = mkdirat(at, part, 0700) == 0 || errno == EEXIST;
        const int below = made ? openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        close(at);
        at = below;
        if (p[len] == 0) break;
        p += len + 1;
    }
    if (at < 0) return cli_fail(CLI_SYSTEM, "%s/%s: %s", s->config->root, folder, strerror(errno));
    close(at);
    return CLI_OK;
}

/* Enrols a card, or admits a device again that a former configuration had left out. */
static int enrol(struct serve *s, const struct cli_file_peer *p, uint8_t node_id[16]) {
    struct hkp_htp_device d = {.struct_size = sizeof d};
    struct cli_file_card card;
    const int named = cli_file_card_read(p->card, &card) == 0;
    hkp_status st = named ? cli_file_enrol(s->end.devices, &card) : HKP_E_INVAL;
    if (st == HKP_E_STATE && hkp_htp_devices_find(s->end.devices, card.node_id, &d) == HKP_OK &&
        memcmp(d.record.a, card.a, 32) == 0)
        st = hkp_htp_devices_set_status(s->end.devices, s->end.ep, cli_mono(), card.node_id,
                                        HKP_HTP_NODE_ACTIVE);
    if (st != HKP_OK)
        return cli_fail(CLI_USAGE, "%s: the card of %s cannot be enrolled: %s", s->path,
                        p->name != NULL ? p->name : p->card, hkp_htp_status_name(st));
    memcpy(node_id, card.node_id, 16);
    return CLI_OK;
}

static int named_device(struct serve *s, const struct cli_file_peer *p, uint8_t node_id[16]) {
    struct hkp_htp_device d = {.struct_size = sizeof d};
    for (int i = 0; i < 16; i++) {
        const char digits[3] = {p->node_id[2 * i], p->node_id[2 * i + 1], 0};
        node_id[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return hkp_htp_devices_find(s->end.devices, node_id, &d) == HKP_OK
               ? CLI_OK
               : cli_fail(CLI_USAGE, "%s: %s is none of the devices", s->path, p->node_id);
}

static int grant(struct serve *s, const struct cli_file_peer *p) {
    struct hkp_htp_file_grant g = {.struct_size = sizeof g, .root = p->folder, .extensions = p->extensions};
    uint8_t node_id[16];
    int code = p->folder != NULL ? make_folder(s, p->folder) : CLI_OK;
    if (code == CLI_OK && p->card != NULL) code = enrol(s, p, node_id);
    if (code == CLI_OK && p->node_id != NULL) code = named_device(s, p, node_id);
    if (code != CLI_OK) return code;
    int bad = cli_file_operations(p->operations, &g.operations);
    if (p->size_max != NULL) bad |= cli_file_size(p->size_max, &g.size_max);
    if (p->quota != NULL) bad |= cli_file_size(p->quota, &g.quota);
    const uint8_t *who = p->card != NULL || p->node_id != NULL ? node_id : NULL;
    const hkp_status st = bad ? HKP_E_INVAL : hkp_htp_files_grant(s->end.files, who, &g);
    return st == HKP_OK ? CLI_OK
                        : cli_fail(CLI_USAGE, "%s: %s: folder or extensions cannot be granted: %s", s->path,
                                   p->name != NULL ? p->name : p->operations, hkp_htp_status_name(st));
}

/* Takes from a peer what it had; a card's sessions end. */
static void withdraw(struct serve *s, const struct cli_file_peer *p) {
    uint8_t node_id[16];
    struct cli_file_card card;
    hkp_status st = HKP_OK;
    if (p->card != NULL && cli_file_card_read(p->card, &card) == 0) {
        memcpy(node_id, card.node_id, 16);
        st = hkp_htp_devices_set_status(s->end.devices, s->end.ep, cli_mono(), node_id,
                                        HKP_HTP_NODE_SUSPENDED);
    } else if (p->node_id != NULL && named_device(s, p, node_id) != CLI_OK) {
        return;
    }
    const uint8_t *who = p->card != NULL || p->node_id != NULL ? node_id : NULL;
    if (st == HKP_OK) st = hkp_htp_files_grant(s->end.files, who, NULL);
    if (st != HKP_OK) (void)cli_fail(0, "%s: not withdrawn: %s", s->path, hkp_htp_status_name(st));
}

static int same_peer(const struct cli_file_peer *a, const struct cli_file_peer *b) {
    const char *x = a->card != NULL ? a->card : a->node_id, *y = b->card != NULL ? b->card : b->node_id;
    return x == y || (x != NULL && y != NULL && strncasecmp(x, y, 32) == 0);
}

/* SIGHUP: the peers of the configuration as it is now; the rest of it stays as it was. */
static void read_again(struct serve *s) {
    char error[512];
    struct cli_file_service *old = s->config, *fresh = cli_file_service_load(s->path, error);
    if (fresh == NULL) {
        (void)cli_fail(0, "%s; the former configuration stays in force", error);
        return;
    }
    s->config = fresh;
    for (unsigned i = 0; i < fresh->peers_count; i++) (void)grant(s, &fresh->peers[i]);
    for (unsigned i = 0; i < old->peers_count; i++) {
        unsigned k = 0;
        while (k < fresh->peers_count && !same_peer(&old->peers[i], &fresh->peers[k])) k++;
        if (k == fresh->peers_count) withdraw(s, &old->peers[i]);
    }
    cli_file_service_free(old);
    fprintf(stderr, "%s: read again, %u peers\n", s->path, s->config->peers_count);
}

/* ---- start and end ---- */

static int open_audit(struct serve *s) {
    const char *path = s->config->audit;
    s->audit = stdout;
    if (path == NULL) return CLI_OK;
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    s->audit = fd >= 0 ? fdopen(fd, "a") : NULL;
    return s->audit != NULL ? CLI_OK : cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
}

static int open_store(struct serve *s) {
    const char *root = s->config->root;
    s->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0) return cli_fail(CLI_SYSTEM, "%s: %s", root, strerror(errno));
    const hkp_status st = hkp_htp_store_posix_new(&s->posix, root, NULL);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: %s", root, cli_status_name(st));
    hkp_htp_store_posix_store(s->posix, &s->store);
    return CLI_OK;
}

static int open_devices(struct serve *s) {
    const char *path = s->config->devices;
    hkp_status st = hkp_htp_devices_new(&s->end.devices, NULL);
    if (st == HKP_OK && path != NULL) st = hkp_htp_devices_load(s->end.devices, path);
    return st == HKP_OK
               ? CLI_OK
               : cli_fail(st == HKP_E_STATE || st == HKP_E_NOTFOUND ? CLI_USAGE : cli_exit_of(st), "%s: %s",
                          path != NULL ? path : "devices",
                          st == HKP_E_STATE ? "must be a file of yours with mode 0600" : cli_status_name(st));
}

static int open_service(struct serve *s) {
    const struct cli_file_service *c = s->config;
    struct hkp_htp_files_options fo;
    struct cli_file_end_options eo = {.key = &s->key, .files = &fo};
    eo.listen = c->listen != NULL ? c->listen : "[::]:8144";
    eo.sessions_max = c->sessions_max != 0 ? c->sessions_max : SESSIONS_DEFAULT;
    hkp_htp_files_options_init(&fo, sizeof fo);
    fo.transfers_max = c->transfers_max != 0 ? c->transfers_max : TRANSFERS_DEFAULT;
    fo.grants_max = 2 * 4096; /* before and after a reading */
    fo.store = &s->store;
    memcpy(fo.node_id, s->key.node_id, 16);
    if (c->size_max != NULL && cli_file_size(c->size_max, &fo.size_max) != 0) return CLI_USAGE;
    s->cap_sessions = eo.sessions_max;
    s->cap_running = 2 * fo.transfers_max;
    s->sessions = calloc(s->cap_sessions, sizeof *s->sessions);
    s->running = calloc(s->cap_running, sizeof *s->running);
    if (s->sessions == NULL || s->running == NULL) return cli_fail(CLI_SYSTEM, "out of memory");
    int code = open_devices(s);
    if (code == CLI_OK) code = open_store(s);
    if (code == CLI_OK) code = open_audit(s);
    if (code == CLI_OK) code = cli_file_end_open(&s->end, &eo);
    for (unsigned i = 0; code == CLI_OK && i < c->peers_count; i++) code = grant(s, &c->peers[i]);
    return code;
}

/* Where it listens and who it is: what a client's configuration needs. */
static void tell_start(struct serve *s) {
    struct hkp_htp_path at;
    struct cli_file_card card;
    char address[HKP_HTP_PATH_TEXT_MAX] = "?", text[CLI_CARD_HEX + 1];
    if (hkp_htp_udp_local(s->end.udp, &at) != HKP_OK ||
        hkp_htp_path_format(&at, address, sizeof address) != HKP_OK)
        strcpy(address, "?");
    cli_file_card_of(&s->key, &card);
    cli_file_card_text(&card, text);
    if (s->json) {
        json_t *line = json_pack("{s:s,s:s,s:s}", "listen", address, "card", text, "root", s->config->root);
        json_dumpf(line, stderr, JSON_COMPACT);
        fputc('\n', stderr);
        json_decref(line);
    } else {
        fprintf(stderr, "serving %s at %s, card %s\n", s->config->root, address, text);
    }
}

static int serve(struct serve *s) {
    const struct cli_file_ears ears = {.user = s, .session = on_session, .file = on_file};
    int code = cli_file_key_read(s->config->key, s->config->passphrase_file, &s->key);
    if (code == CLI_OK) code = open_service(s);
    if (code != CLI_OK) return code;
    tell_start(s);
    hkp_ter_wipe(&s->key, sizeof s->key);
    cli_file_signals(1);
    while (!cli_file_asked_to_end()) {
        cli_file_end_turn(&s->end, &ears, HKP_TIME_NEVER);
        if (cli_file_asked_to_read()) read_again(s);
        if (fflush(s->audit) != 0) { /* nothing is served that is not written down */
            code = cli_fail(CLI_SYSTEM, "the audit cannot be written: %s", strerror(errno));
            break;
        }
    }
    cli_file_end_leave(&s->end, s->sessions, s->n_sessions, HKP_HTP_REASON_SHUTDOWN);
    return code;
}

static int file_serve(int argc, char **argv) {
    static const struct option own[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    static struct serve s = {.root = -1};
    char error[512];
    int check_only = 0, got;
    while ((got = cli_option(&cli_file_serve, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'c') s.path = optarg;
        if (got == 'k') check_only = 1;
        if (got == 'j') s.json = 1;
    }
    if (s.path == NULL || optind != argc)
        return cli_fail(CLI_USAGE, "file serve wants --config FILE, and nothing else");
    s.config = cli_file_service_load(s.path, error);
    if (s.config == NULL) return cli_fail(CLI_USAGE, "%s", error);
    int code = CLI_OK;
    if (check_only)
        printf("%s: sound\n", s.path);
    else
        code = serve(&s);
    cli_file_end_close(&s.end);
    hkp_htp_store_posix_free(s.posix);
    if (s.root >= 0) close(s.root);
    if (s.audit != NULL && s.audit != stdout && fclose(s.audit) != 0 && code == CLI_OK)
        code = cli_fail(CLI_SYSTEM, "%s: %s", s.config->audit, strerror(errno));
    hkp_ter_wipe(&s.key, sizeof s.key);
    free(s.sessions);
    free(s.running);
    cli_file_service_free(s.config);
    return code;
}

const struct cli_command cli_file_serve = {
    .name = "file serve",
    .summary = "serve a folder to peers with pinned keys",
    .help =
        "usage: hookprobe file serve --config FILE [--check] [--json]\n\n"
        "Serves files until SIGINT or SIGTERM, without a mesh: peers are known by their cards, and each may "
        "do what the\nconfiguration grants. SIGHUP reads the peers again; who is left out is cut off. Each "
        "session and each transfer\nis a line of the audit, also what was refused; when that cannot be "
        "written, the server ends. Transfers that it\ninterrupts go on when it runs again.\n\n"
        "  --config FILE  configuration; checked as a whole before anything starts\n"
        "  --check        check the configuration and start nothing\n"
        "  --json         audit as one JSON object a line, and so is the first line on standard error\n",
    .more = cli_file_service_help,
    .run = file_serve,
};
