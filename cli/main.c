/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "bridge.h"
#include "cli.h"
#include "manifest.h"
#include "tpm.h"

#include <errno.h>
#include <hookprobe/dsm.h>
#include <hookprobe/htp.h>
#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct cli_command *const commands[] = {
    /* clang-format off */
    &cli_node_run,
    &cli_node_submit,
    &cli_node_ask,
    &cli_node_send,
    &cli_node_retire,
    &cli_node_tombstone,
    &cli_node_telemetry,
    &cli_status,
    &cli_intel_lookup,
    &cli_intel_list,
    &cli_ter_capture,
    &cli_ter_hardware,
    &cli_tpm_status,
    &cli_tpm_ak,
    &cli_tpm_quote,
    &cli_tpm_verify,
    &cli_tpm_authorize,
    &cli_keys,
    &cli_ter_log,
    &cli_ter_verify,
    &cli_ter_export,
    &cli_trust_release,
    &cli_policy_apply,
    &cli_policy_sign,
    &cli_policy_list,
    &cli_workload_sign,
    &cli_workload_assign,
    &cli_workload_verify,
    &cli_workload_show,
    &cli_workload_list,
    &cli_manifest_build,
    &cli_manifest_sign,
    &cli_manifest_show,
    &cli_manifest_diff,
    &cli_file_put,
    &cli_file_get,
    &cli_file_ls,
    &cli_file_stat,
    &cli_file_rm,
    &cli_file_serve,
    &cli_file_key,
    &cli_ca_init,
    &cli_ca_request,
    &cli_ca_sign,
    &cli_ca_revoke,
    &cli_ca_order,
    &cli_ca_restart,
    &cli_ca_show,
    &cli_lab_cipher,
    &cli_lab_attack,
    &cli_audit_show,
    &cli_audit_verify,
    &cli_audit_prove,
    &cli_proof_verify,
    &cli_store_check,
    &cli_store_repair,
    &cli_store_export,
    &cli_store_import,
    &cli_lab_map_propose,
    &cli_lab_map_show,
    &cli_lab_map_check,
    &cli_lab_map_sign,
    &cli_lab_translate,
    &cli_lab_hybrid_seal,
    &cli_lab_hybrid_open,
    &cli_restart_check,
    &cli_restart_apply,
    &cli_provision,
    &cli_demo_lab, /* before the shorter name */
    &cli_demo,
    /* clang-format on */
};

static const char exit_help[] =
    "exit: 0 done; 1 not found, or something did not hold; 2 wrong use or configuration;\n"
    "      3 the system or the node cannot be reached or refused; 4 stored state is damaged\n";

int cli_fail(int code, const char *format, ...) {
    va_list args;
    fflush(stdout);
    fputs("hookprobe: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

int cli_option(const struct cli_command *command, int argc, char **argv, const struct option *own) {
    struct option all[24] = {{"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}};
    const char *letters = ":hj";
    for (size_t i = 0; own != NULL && own[i].name != NULL; i++) {
        all[i + 2] = own[i];
        if (strcmp(own[i].name, "out") == 0) letters = ":hjo:";
        if (strcmp(own[i].name, "recursive") == 0) letters = ":hjr";
    }
    opterr = 0;
    const int got = getopt_long(argc, argv, letters, all, NULL);
    if (got == 'h') {
        printf("%s\n%s%s%s", command->help, command->more != NULL ? command->more : "",
               command->more != NULL ? "\n" : "", exit_help);
        exit(CLI_OK);
    }
    if (got == ':' || got == '?') {
        (void)cli_fail(CLI_USAGE, got == ':' ? "%s: %s wants a value" : "%s: no such option: %s",
                       command->name, argv[optind - 1]);
        fprintf(stderr, "hookprobe %s --help says how to use it\n", command->name);
        return '?';
    }
    return got;
}

int cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out) {
    char *end;
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || v < min || v > max) return -1;
    *out = v;
    return 0;
}

void cli_print_json(json_t *object, int indented) {
    json_dumpf(object, stdout, indented ? JSON_INDENT(2) : JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

void cli_time_text(uint64_t wall_us, char text[32]) {
    const time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    const size_t n = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, 32 - n, ".%06uZ", (unsigned)(wall_us % 1000000));
}

hkp_time cli_mono(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (hkp_time)ts.tv_sec * 1000000000U + (hkp_time)ts.tv_nsec;
}

uint64_t cli_wall(void) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000U + (uint64_t)ts.tv_nsec / 1000U;
}

const char *cli_status_name(hkp_status status) {
    if (status > HKP_E_NEURO_BASE) return hkp_ter_status_name(status);
    if (status > HKP_E_HTP_BASE) return hkp_neuro_status_name(status);
    if (status > HKP_E_DSM_BASE) return hkp_htp_status_name(status);
    return status > HKP_E_MESH_BASE ? hkp_dsm_status_name(status) : hkp_mesh_status_name(status);
}

int cli_exit_of(hkp_status status) {
    if (status == HKP_OK) return CLI_OK;
    if (status == HKP_E_INVAL) return CLI_USAGE;
    if (status != HKP_E_TER_KEY_FORM && status <= HKP_E_TER_TPM_ABSENT && status >= HKP_E_TER_KEY_TPM)
        return CLI_SYSTEM; /* the TPM, or what opens the keys */
    return status > HKP_E_TER_BASE ? CLI_SYSTEM : CLI_DAMAGED;
}

static int usage(FILE *to) {
    fputs("usage: hookprobe COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  version            versions of the program's libraries\n\n"
          "Every command knows --help, and --json for output that programs read.\n",
          to);
    fputs(exit_help, to);
    return to == stdout ? CLI_OK : CLI_USAGE;
}

static int version(int json) {
    if (json)
        cli_print_json(json_pack("{s:s,s:s,s:s,s:s,s:s}", "ter", hkp_ter_version(), "neuro",
                                 hkp_neuro_version(), "htp", hkp_htp_version(), "dsm", hkp_dsm_version(),
                                 "mesh", hkp_mesh_version()),
                       0);
    else
        printf("hookprobe: libter %s, libneuro %s, libhtp %s, libdsm %s, libmesh %s\n", hkp_ter_version(),
               hkp_neuro_version(), hkp_htp_version(), hkp_dsm_version(), hkp_mesh_version());
    return CLI_OK;
}

/* Words of argv that name a command; 0 if they do not. */
static int words_of(const char *name, int argc, char **argv) {
    int words = 0;
    for (const char *at = name; *at != 0; words++) {
        const size_t len = strcspn(at, " ");
        if (words >= argc || strlen(argv[words]) != len || memcmp(argv[words], at, len) != 0) return 0;
        at += len + (at[len] == ' ');
    }
    return words;
}

/* "hookprobe ter" names a family of commands: show them. */
static int family(const char *word) {
    const size_t len = strlen(word);
    int found = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strncmp(commands[i]->name, word, len) != 0 || commands[i]->name[len] != ' ') continue;
        if (!found) fputs("usage:\n", stderr);
        fprintf(stderr, "  hookprobe %-18s %s\n", commands[i]->name, commands[i]->summary);
        found = 1;
    }
    return found;
}

int main(int argc, char **argv) {
    if (argc < 2) return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)
        return version(argc > 2 && strcmp(argv[2], "--json") == 0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const int words = words_of(commands[i]->name, argc - 1, argv + 1);
        if (words == 0) continue;
        const int code = commands[i]->run(argc - words, argv + words);
        if (fflush(stdout) != 0 && code == CLI_OK)
            return cli_fail(CLI_SYSTEM, "cannot write: %s", strerror(errno));
        return code;
    }
    if (family(argv[1])) return CLI_USAGE;
    (void)cli_fail(CLI_USAGE, "no such command: %s", argv[1]);
    return usage(stderr);
}
