/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The configuration of a node: one YAML file, checked as a whole before anything starts. */
#ifndef HKP_CLI_CONFIG_H
#define HKP_CLI_CONFIG_H

#include <stdint.h>

struct cli_peer {
    char *node_id;
    char *key;
    char *address;
};

struct cli_eve {
    char *file;
    int from_start;
};

struct cli_timing {
    uint32_t ter_period_ms;
    uint32_t ter_batch_ms;
    uint32_t checkpoint_ms;
    uint32_t delay_ms;
    uint32_t commit_every;
    uint32_t heartbeat_s;
    uint32_t rekey_s;
};

struct cli_config_tpm {
    char *tcti;
    char *ak;
};

struct cli_config_attest_tpm {
    char *pcrs;
    char **digests;
    unsigned digests_count;
    uint32_t every_s;
    /** what pcrs says, filled by cli_config_load() */
    uint32_t pcr_mask;
};

struct cli_config {
    char *data_dir;
    char *listen;
    char *control;
    int clock_trusted;
    char *boundary;
    struct cli_eve eve;
    struct cli_timing timing;
    struct cli_config_tpm tpm;
    char *passphrase_file;
    uint32_t intel_records;
    /** NULL: not said; 0: none */
    uint32_t *telemetry_s;
    /** HKP_MESH_LOG_* */
    uint32_t log;
    uint32_t integrity_changed;
    /** HKP_DSM_EVIDENCE_* */
    uint32_t attest;
    struct cli_config_attest_tpm attest_tpm;
    char **addresses;
    unsigned addresses_count;
    struct cli_peer *peers;
    unsigned peers_count;
};

/** Loads and checks; NULL and error[512] = "FILE:LINE: KEY: why" if anything is wrong. Free with
 * cli_config_free(). */
struct cli_config *cli_config_load(const char *path, char error[512]);
void cli_config_free(struct cli_config *config);

/** Path of the control socket that a configuration means, into path[cap]; 0 on success. */
int cli_config_control(const struct cli_config *config, char *path, unsigned cap);

/** Relative paths begin at the folder of the file: joins *path to it; 0 on success. */
int cli_config_anchor(const char *file, char **path);

/** The keys, their meaning and limits, as text for people. */
extern const char cli_config_help[];

#endif
