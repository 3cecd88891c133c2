/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ter verify: is a log what its device wrote? */
#include "ter_log.h"

#include <errno.h>
#include <hookprobe/dsm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOW_PROGRESS = 8 * 1024 * 1024 };

struct job {
    const char *path;
    const char *key;
    const char *node;
    const char *checkpoint;
    int json;
    struct hkp_ter_verify_options o;
    uint8_t held[HKP_TER_TCK_SIZE];
    unsigned shown;
};

void cli_ter_hex(const uint8_t *bytes, size_t len, char *out) {
    for (size_t i = 0; i < len; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
    out[2 * len] = 0;
}

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly len bytes in hexadecimal, a line end allowed; 1 if so. */
static int unhex(const char *text, size_t text_len, uint8_t *out, size_t len) {
    while (text_len > 0 && (text[text_len - 1] == '\n' || text[text_len - 1] == '\r')) text_len--;
    if (text_len != 2 * len) return 0;
    for (size_t i = 0; i < len; i++) {
        const int a = digit(text[2 * i]), b = digit(text[2 * i + 1]);
        if (a < 0 || b < 0) return 0;
        out[i] = (uint8_t)(a << 4 | b);
    }
    return 1;
}

/* ---- Whose log it is ---- */

/* The certificate of a node: its key and its name. */
static int from_certificate(struct job *j, const uint8_t *bytes, size_t len) {
    struct hkp_dsm_certificate c;
    if (hkp_dsm_certificate_parse(bytes, len, &c) != HKP_OK) return 0;
    memcpy(j->o.device_public, c.key, 32);
    memcpy(j->o.node_id, c.node_id, 16);
    return 1;
}

/* --key: 64 hexadecimal digits, or a file with those, with 32 bytes, or with a certificate. */
static int read_key(struct job *j, const char *what, int *has_node) {
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    size_t len = 0;
    *has_node = 0;
    if (unhex(what, strlen(what), j->o.device_public, 32)) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(what, 0, bytes, sizeof bytes, &len);
    if (st != HKP_OK)
        return cli_fail(st == HKP_E_NOTFOUND ? CLI_USAGE : CLI_SYSTEM,
                        "%s: neither 64 hex digits nor a file that can be read", what);
    if (len == 32) {
        memcpy(j->o.device_public, bytes, 32);
        return CLI_OK;
    }
    if (unhex((const char *)bytes, len, j->o.device_public, 32)) return CLI_OK;
    *has_node = from_certificate(j, bytes, len);
    return *has_node ? CLI_OK : cli_fail(CLI_USAGE, "%s: no key and no certificate", what);
}

/* The node that the first header names; its h_0 or the signatures show whether that is true. */
static int node_of_log(struct job *j, const char *log) {
    uint8_t bytes[HKP_TER_LOG_HEAD_SIZE];
    struct hkp_ter_log_head head;
    char path[CLI_TER_PATH + 32];
    struct stat st;
    if (stat(log, &st) != 0) return cli_fail(CLI_SYSTEM, "%s: %s", log, strerror(errno));
    snprintf(path, sizeof path, "%s", log);
    if (S_ISDIR(st.st_mode)) {
        struct cli_ter_walk w;
        const int code = cli_ter_walk_begin(&w, log);
        if (code == CLI_OK) memcpy(j->o.node_id, w.head.node_id, 16);
        cli_ter_walk_end(&w);
        return code;
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) return cli_fail(CLI_SYSTEM, "%s: %s", path, strerror(errno));
    const size_t got = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    if (hkp_ter_log_head_decode(&head, bytes, got) != HKP_OK)
        return cli_fail(CLI_DAMAGED, "%s: at byte 0: %s", path, cli_status_name(HKP_E_TER_LOG_HEADER));
    memcpy(j->o.node_id, head.node_id, 16);
    return CLI_OK;
}

static int find_key(struct job *j, const char *log) {
    char path[CLI_TER_PATH + 16];
    int has_node = 0, code;
    if (j->key != NULL) {
        code = read_key(j, j->key, &has_node);
    } else {
        snprintf(path, sizeof path, "%s/certificate", j->path);
        if (access(path, R_OK) != 0)
            return cli_fail(CLI_USAGE, "%s: no certificate here, so --key has to say whose log it is",
                            j->path);
        code = read_key(j, path, &has_node);
    }
    if (code != CLI_OK) return code;
    if (j->node != NULL)
        return unhex(j->node, strlen(j->node), j->o.node_id, 16)
                   ? CLI_OK
                   : cli_fail(CLI_USAGE, "--node: 32 hex digits");
    return has_node ? CLI_OK : node_of_log(j, log);
}

static int read_checkpoint(struct job *j) {
    uint8_t bytes[2 * HKP_TER_TCK_SIZE + 2];
    size_t len = 0;
    if (j->checkpoint == NULL) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(j->checkpoint, 0, bytes, sizeof bytes, &len);
    if (st != HKP_OK)
        return cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", j->checkpoint, cli_status_name(st));
    if (len == HKP_TER_TCK_SIZE)
        memcpy(j->held, bytes, len);
    else if (!unhex((const char *)bytes, len, j->held, HKP_TER_TCK_SIZE))
        return cli_fail(CLI_USAGE, "%s: no checkpoint: 256 bytes, or those in hex", j->checkpoint);
    j->o.held = j->held;
    return CLI_OK;
}

/* ---- The verdict ---- */

static void progress(void *user, uint64_t done, uint64_t total) {
    struct job *j = user;
    const unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 0;
    if (total < SHOW_PROGRESS || percent == j->shown) return;
    j->shown = percent;
    fprintf(stderr, "\r%3u %%%s", percent, done >= total ? "\r     \r" : "");
}

static void file_of(const char *log, const struct hkp_ter_verdict *d, char path[CLI_TER_PATH + 32]) {
    struct stat st;
    if (stat(log, &st) == 0 && S_ISDIR(st.st_mode))
        snprintf(path, CLI_TER_PATH + 32, "%s/ter-%020llu.log", log, (unsigned long long)d->segment);
    else
        snprintf(path, CLI_TER_PATH + 32, "%s", log);
}

static void print_json(const char *log, const struct hkp_ter_verdict *d) {
    static const char *const types[] = {"header", "ter", "checkpoint", "rebase", "boot", "gap"};
    char path[CLI_TER_PATH + 32];
    json_t *o =
        json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "verdict", hkp_ter_verdict_name(d->kind),
                  "sound", d->kind <= HKP_TER_VERDICT_TORN, "first_index", (json_int_t)d->first_index,
                  "end_index", (json_int_t)d->end_index, "signed_index", (json_int_t)d->signed_index,
                  "records", (json_int_t)d->records, "checkpoints", (json_int_t)d->checkpoints, "gaps",
                  (json_int_t)d->gaps, "torn_bytes", (json_int_t)d->torn_bytes, "reason", d->reason);
    if (d->kind > HKP_TER_VERDICT_TORN) {
        file_of(log, d, path);
        json_object_set_new(o, "status", json_string(cli_status_name(d->status)));
        json_object_set_new(o, "located", json_boolean(d->located));
        json_object_set_new(o, "file", json_string(path));
        json_object_set_new(o, "offset", json_integer((json_int_t)d->offset));
        json_object_set_new(o, "index", json_integer((json_int_t)d->index));
        json_object_set_new(o, "record", json_string(types[d->record_type < 6 ? d->record_type : 0]));
        json_object_set_new(o, "count", json_integer((json_int_t)d->count));
    }
    if (d->kind > HKP_TER_VERDICT_TORN && !d->located) {
        json_object_set_new(o, "from", json_integer((json_int_t)d->from));
        json_object_set_new(o, "to", json_integer((json_int_t)d->to));
    }
    cli_print_json(o, 0);
}

static void print_sound(const struct hkp_ter_verdict *d) {
    if (d->end_index == d->first_index)
        printf("%s: no TERs", hkp_ter_verdict_name(d->kind));
    else
        printf("%s: TERs %llu..%llu", hkp_ter_verdict_name(d->kind), (unsigned long long)d->first_index,
               (unsigned long long)d->end_index - 1);
    printf(", signed below %llu, %llu checkpoints, %llu records\n", (unsigned long long)d->signed_index,
           (unsigned long long)d->checkpoints, (unsigned long long)d->records);
    if (d->gaps > 0) printf("%llu gaps, which the device told of\n", (unsigned long long)d->gaps);
    if (d->torn_bytes > 0)
        printf("%llu bytes at the end are an interrupted write; the next start of the node cuts them off\n",
               (unsigned long long)d->torn_bytes);
}

static int print_verdict(const struct job *j, const char *log, const struct hkp_ter_verdict *d) {
    char path[CLI_TER_PATH + 32];
    if (j->json) print_json(log, d);
    if (!j->json && d->kind <= HKP_TER_VERDICT_TORN) print_sound(d);
    if (d->kind <= HKP_TER_VERDICT_TORN) return CLI_OK;
    file_of(log, d, path);
    return cli_fail(CLI_DAMAGED, "%s: %s: at byte %llu, TER %llu: %s (%s)", hkp_ter_verdict_name(d->kind),
                    path, (unsigned long long)d->offset, (unsigned long long)d->index, d->reason,
                    cli_status_name(d->status));
}

static int verify_log(struct job *j) {
    char log[CLI_TER_PATH];
    struct hkp_ter_verdict d = {.struct_size = sizeof d};
    struct hkp_ter_diag diag;
    hkp_ter_verify_options_init(&j->o, sizeof j->o);
    memset(&diag, 0, sizeof diag);
    int code = cli_ter_folder(j->path, log);
    if (code == CLI_OK && access(log, R_OK) != 0) code = cli_fail(CLI_SYSTEM, "%s: %s", log, strerror(errno));
    if (code == CLI_OK) code = find_key(j, log);
    if (code == CLI_OK) code = read_checkpoint(j);
    if (code != CLI_OK) return code;
    if (isatty(STDERR_FILENO)) {
        j->o.progress = progress;
        j->o.progress_user = j;
    }
    const hkp_status st = hkp_ter_verify_path(log, &j->o, &d, &diag);
    if (st == HKP_OK || st == HKP_E_TER_LOG_CORRUPT || st == HKP_E_TER_LOG_NODE)
        return print_verdict(j, log, &d);
    if (st <= HKP_E_TER_TCK_LENGTH && st >= HKP_E_TER_TCK_POLICY)
        return cli_fail(CLI_USAGE, "%s: no checkpoint of this device: %s", j->checkpoint,
                        cli_status_name(st));
    return cli_fail(st == HKP_E_NOTFOUND ? CLI_NO : CLI_SYSTEM, "%s: %s%s%s", diag.path, diag.reason,
                    diag.system_error != 0 ? ": " : "",
                    diag.system_error != 0 ? strerror(diag.system_error) : "");
}

static int verify_run(int argc, char **argv) {
    static const struct option own[] = {{"key", required_argument, NULL, 'k'},
                                        {"node", required_argument, NULL, 'n'},
                                        {"checkpoint", required_argument, NULL, 'c'},
                                        {NULL, 0, NULL, 0}};
    struct job j = {.json = 0};
    int got;
    while ((got = cli_option(&cli_ter_verify, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'k') j.key = optarg;
        if (got == 'n') j.node = optarg;
        if (got == 'c') j.checkpoint = optarg;
        if (got == 'j') j.json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "ter verify wants one folder or file");
    j.path = argv[optind];
    return verify_log(&j);
}

const struct cli_command cli_ter_verify = {
    .name = "ter verify",
    .summary = "check that a log of TERs is what its device wrote",
    .help =
        "usage: hookprobe ter verify [--key KEY] [--node ID] [--checkpoint FILE] [--json] DIR|FILE\n\n"
        "Checks a whole log (the folder of a node, or of its log), one segment, or what ter export wrote, "
        "and\n"
        "names the first record that is wrong and why: damaged, edited, inserted, deleted, reordered,\n"
        "truncated, signature, fork, foreign. An interrupted write at the very end is no fault. Nothing is\n"
        "changed. What lies behind the last checkpoint is checked, but nobody signed it yet.\n\n"
        "  --key KEY          the device's public key: 64 hex digits, or a file with the key or its\n"
        "                     certificate; default: the certificate in the folder of the node\n"
        "  --node ID          the device's node_id, 32 hex digits; default: from the certificate or the log\n"
        "  --checkpoint FILE  newest checkpoint of this device that somebody else holds, 256 bytes or hex;\n"
        "                     only with one is a log found that was cut short or written anew at its end\n"
        "  --json             one JSON object\n\n"
        "exit 0 is sound, 4 is not.\n",
    .run = verify_run,
};
