/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe: what its commands share. They use the public headers only, as any other host would. */
#ifndef HKP_CLI_H
#define HKP_CLI_H

#include <getopt.h>
#include <hookprobe/mesh.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/** Exit codes; the same for all commands, and told by --help. */
enum {
    CLI_OK = 0,
    /** not found, or something did not hold */
    CLI_NO = 1,
    /** wrong use, or a configuration that is wrong */
    CLI_USAGE = 2,
    /** the system or the node cannot be reached or refused */
    CLI_SYSTEM = 3,
    /** stored state is damaged */
    CLI_DAMAGED = 4
};

struct cli_command {
    /** one to three words: "ter show" */
    /** one word, or two: "ter log" */
    const char *name;
    const char *summary;
    const char *help;
    /** printed behind it; NULL: nothing */
    const char *more;
    int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_ca_order, cli_policy_list, cli_policy_sign, cli_workload_assign,
    cli_workload_list, cli_workload_show, cli_workload_sign, cli_workload_verify, cli_audit_prove,
    cli_audit_show, cli_audit_verify, cli_ca_init, cli_ca_request, cli_ca_restart, cli_ca_revoke,
    cli_restart_apply, cli_restart_check, cli_ca_show, cli_ca_sign, cli_demo, cli_intel_list,
    cli_intel_lookup, cli_node_ask, cli_node_retire, cli_node_run, cli_node_send, cli_node_submit,
    cli_node_telemetry, cli_node_tombstone, cli_provision, cli_status, cli_ter_capture, cli_ter_hardware,
    cli_ter_log, cli_ter_verify, cli_ter_export, cli_trust_release, cli_policy_apply, cli_proof_verify,
    cli_file_key, cli_file_serve, cli_file_put, cli_file_get, cli_file_ls, cli_file_stat, cli_file_rm,
    cli_lab_attack, cli_lab_cipher, cli_store_check, cli_store_repair, cli_store_export, cli_store_import;

/** Says "hookprobe: ..." on standard error and returns code. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * getopt_long() of one command, which knows --help and --json (and -o for --out, -r for --recursive) besides
 * its own long options: prints the help and ends the program, or says what is wrong. Returns the option's
 * val, 'j' for
 * --json, -1 at the end, '?' on a fault.
 */
int cli_option(const struct cli_command *command, int argc, char **argv, const struct option *own);

/** Unsigned number of text within bounds; 0 on success. */
int cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/** Prints one object as a line, or indented, and releases it. */
void cli_print_json(json_t *object, int indented);

/** "2026-11-21T02:05:46.123456Z" */
void cli_time_text(uint64_t wall_us, char text[32]);

/** CLOCK_MONOTONIC in nanoseconds, CLOCK_REALTIME in microseconds. */
hkp_time cli_mono(void);
uint64_t cli_wall(void);

/** Name of a status of any library. */
const char *cli_status_name(hkp_status status);
/** Exit code that fits a status of starting or running a node. */
int cli_exit_of(hkp_status status);

#endif
