/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "cli.h"
#include "config.h"
#include "tpm.h"

#include <hookprobe/ter.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static volatile sig_atomic_t asked_to_end;

static void end(int signal_number) {
    (void)signal_number;
    asked_to_end = 1;
}

struct out {
    uint32_t level;
    int json;
};

static void say(void *user, uint32_t level, const char *text) {
    static const char *const names[] = {"?", "error", "note", "info", "debug"};
    const struct out *o = user;
    char when[32];
    if (level > o->level) return;
    cli_time_text(cli_wall(), when);
    if (o->json) {
        json_t *line =
            json_pack("{s:s,s:s,s:s}", "time", when, "level", names[level <= 4 ? level : 0], "text", text);
        json_dumpf(line, stderr, JSON_COMPACT);
        fputc('\n', stderr);
        json_decref(line);
    } else {
        fprintf(stderr, "%s %s: %s\n", when, names[level <= 4 ? level : 0], text);
    }
}

static int told(const struct hkp_mesh_fault *fault, hkp_status st) {
    if (fault->what[0] == 0)
        return cli_fail(cli_exit_of(st), "the node cannot start: %s", cli_status_name(st));
    if (fault->offset == UINT64_MAX)
        return cli_fail(cli_exit_of(st), "%s: %s (%s)", fault->what, fault->why, cli_status_name(st));
    return cli_fail(cli_exit_of(st), "%s: at byte %llu: %s (%s)", fault->what,
                    (unsigned long long)fault->offset, fault->why, cli_status_name(st));
}

/* The passphrase is wiped as soon as the keys are open. */
static int run_node(const struct hkp_mesh_runner_options *opt, uint8_t passphrase[HKP_TER_PASSPHRASE_MAX]) {
    struct hkp_mesh_fault fault = {.offset = UINT64_MAX};
    hkp_mesh_runner *runner = NULL;
    hkp_status st = hkp_mesh_runner_new(&runner, opt, &fault);
    hkp_ter_wipe(passphrase, HKP_TER_PASSPHRASE_MAX);
    if (st != HKP_OK) return told(&fault, st);
    prctl(PR_SET_DUMPABLE, 0); /* keys in memory: no core files, no tracing by others of the same user */
    struct sigaction on_end = {.sa_handler = end};
    sigaction(SIGINT, &on_end, NULL);
    sigaction(SIGTERM, &on_end, NULL);
    while (!asked_to_end && st == HKP_OK) st = hkp_mesh_runner_step(runner, 1000);
    hkp_mesh_runner_free(runner);
    return st == HKP_OK ? CLI_OK : cli_fail(cli_exit_of(st), "the node ended: %s", cli_status_name(st));
}

/* The first line of the file, into text[*len]. */
static int read_passphrase(const char *path, uint8_t text[HKP_TER_PASSPHRASE_MAX], size_t *len) {
    *len = 0;
    if (path == NULL) return CLI_OK;
    const hkp_status st = hkp_ter_file_read(path, 1, text, HKP_TER_PASSPHRASE_MAX, len);
    if (st == HKP_E_STATE) return cli_fail(CLI_SYSTEM, "%s: must be a file with mode 0600", path);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: %s", path, cli_status_name(st));
    if (*len > 0 && text[*len - 1] == '\n') --*len;
    return CLI_OK;
}

static int start(const struct cli_config *c, struct out *out) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_runner_peer *peers = NULL;
    struct hkp_mesh_attest_policy evidence;
    uint8_t passphrase[HKP_TER_PASSPHRASE_MAX], digests[HKP_MESH_ATTEST_DIGESTS * 32];
    hkp_mesh_runner_options_init(&o, sizeof o);
    hkp_mesh_attest_policy_init(&evidence, sizeof evidence);
    if (c->peers_count > 0 && (peers = calloc(c->peers_count, sizeof *peers)) == NULL)
        return cli_fail(CLI_SYSTEM, "out of memory");
    for (unsigned i = 0; i < c->peers_count; i++)
        peers[i] = (struct hkp_mesh_runner_peer){
            .node_id = c->peers[i].node_id, .key = c->peers[i].key, .address = c->peers[i].address};
    o.data_dir = c->data_dir;
    o.listen = c->listen;
    o.control = c->control;
    o.clock_trusted = c->clock_trusted != 0;
    o.boundary = c->boundary;
    o.eve = c->eve.file;
    o.eve_from_start = c->eve.from_start != 0;
    o.peers = peers;
    o.n_peers = c->peers_count;
    o.ter_period_ms = c->timing.ter_period_ms;
    o.ter_batch_ms = c->timing.ter_batch_ms;
    o.checkpoint_ms = c->timing.checkpoint_ms;
    o.delay_ms = c->timing.delay_ms;
    o.commit_every = c->timing.commit_every;
    o.heartbeat_s = c->timing.heartbeat_s;
    o.rekey_s = c->timing.rekey_s;
    o.intel_records = c->intel_records;
    if (c->telemetry_s != NULL)
        o.telemetry_s = *c->telemetry_s > 0 ? *c->telemetry_s : HKP_MESH_TELEMETRY_OFF;
    o.integrity_close = (uint32_t)c->integrity_changed;
    o.attest = c->attest;
    for (unsigned i = 0; i < c->attest_tpm.digests_count; i++)
        (void)cli_unhex(c->attest_tpm.digests[i], digests + (size_t)i * 32, 32);
    evidence.pcr_mask = c->attest_tpm.pcr_mask;
    evidence.pcr_digests = digests;
    evidence.n_pcr_digests = c->attest_tpm.digests_count;
    evidence.every_s = c->attest_tpm.every_s;
    o.attest_policy = &evidence;
    o.ak = c->tpm.ak;
    o.addresses = (const char *const *)c->addresses;
    o.n_addresses = c->addresses_count;
    out->level = c->log != 0 ? c->log : HKP_MESH_LOG_NOTE;
    o.log = (struct hkp_mesh_log){.user = out, .line = say};
    o.tpm = c->tpm.tcti;
    int code = read_passphrase(c->passphrase_file, passphrase, &o.passphrase_len);
    if (o.passphrase_len > 0) o.passphrase = passphrase;
    if (code == CLI_OK) code = run_node(&o, passphrase);
    free(peers);
    return code;
}

static int node_run(int argc, char **argv) {
    static const struct option own[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    const char *path = NULL;
    struct out out = {0};
    char error[512];
    int check_only = 0, got;
    while ((got = cli_option(&cli_node_run, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'c') path = optarg;
        if (got == 'k') check_only = 1;
        if (got == 'j') out.json = 1;
    }
    if (path == NULL || optind != argc)
        return cli_fail(CLI_USAGE, "node run wants --config FILE, and nothing else");
    struct cli_config *config = cli_config_load(path, error);
    if (config == NULL) return cli_fail(CLI_USAGE, "%s", error);
    const int code = check_only ? CLI_OK : start(config, &out);
    if (check_only) printf("%s: sound\n", path);
    cli_config_free(config);
    return code;
}

const struct cli_command cli_node_run = {
    .name = "node run",
    .summary = "run a member of a mesh",
    .help = "usage: hookprobe node run --config FILE [--check] [--json]\n\n"
            "Runs one node until SIGINT or SIGTERM. What it has to say goes to standard error.\n\n"
            "  --config FILE  configuration; checked as a whole before anything starts\n"
            "  --check        check the configuration and start nothing\n"
            "  --json         one JSON object a line on standard error\n\n"
            "The keys of the file: see \"hookprobe provision --help\", which writes one for each node.\n",
    .run = node_run,
};
