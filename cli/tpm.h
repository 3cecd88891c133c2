/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the commands of "hookprobe tpm" share: their options, and one job at a time. */
#ifndef HKP_CLI_TPM_H
#define HKP_CLI_TPM_H

#include "cli.h"

#include <hookprobe/ter.h>

extern const struct cli_command cli_tpm_ak, cli_tpm_authorize, cli_tpm_quote, cli_tpm_status, cli_tpm_verify,
    cli_keys;

/** Options of all of them; each takes those that its table names. */
struct cli_tpm {
    const char *tcti, *ak, *area, *quote, *out, *keys, *key, *pca_key, *to, *passphrase_file;
    uint8_t extra[32], digest[32];
    int has_extra, has_digest, fresh, json;
    uint32_t pcr_mask;
    hkp_ter_tpm *tpm;
};

/** The options; a table of some of them, ended by {0}. */
#define CLI_TPM_TCTI                                                                                         \
    { "tcti", required_argument, NULL, 't' }
#define CLI_TPM_AK                                                                                           \
    { "ak", required_argument, NULL, 'a' }
#define CLI_TPM_AREA                                                                                         \
    { "area", required_argument, NULL, 'A' }
#define CLI_TPM_QUOTE                                                                                        \
    { "quote", required_argument, NULL, 'q' }
#define CLI_TPM_OUT                                                                                          \
    { "out", required_argument, NULL, 'o' }
#define CLI_TPM_EXTRA                                                                                        \
    { "extra", required_argument, NULL, 'x' }
#define CLI_TPM_PCRS                                                                                         \
    { "pcrs", required_argument, NULL, 'p' }
#define CLI_TPM_DIGEST                                                                                       \
    { "digest", required_argument, NULL, 'd' }
#define CLI_TPM_KEYS                                                                                         \
    { "keys", required_argument, NULL, 'k' }
#define CLI_TPM_KEY                                                                                          \
    { "key", required_argument, NULL, 'K' }
#define CLI_TPM_PCA_KEY                                                                                      \
    { "pca-key", required_argument, NULL, 'P' }
#define CLI_TPM_NEW                                                                                          \
    { "new", no_argument, NULL, 'n' }
#define CLI_TPM_TO                                                                                           \
    { "to", required_argument, NULL, 'T' }
#define CLI_TPM_PASSPHRASE                                                                                   \
    { "passphrase-file", required_argument, NULL, 'W' }

/** Reads the command line into t; CLI_OK, or what to exit with. The object is not opened. */
int cli_tpm_options(struct cli_tpm *t, const struct cli_command *command, int argc, char **argv,
                    const struct option *own);

/** Says which option is missing. */
int cli_tpm_missing(const struct cli_command *command, const char *option);

/** Opens the object; tells why not. */
int cli_tpm_open(struct cli_tpm *t);

/** Does one job and tells what went wrong; an exit code. */
int cli_tpm_run(struct cli_tpm *t, const struct hkp_ter_tpm_job *job, struct hkp_ter_tpm_result *result);

/** What a status of the TPM or of the key store means, for people; an exit code. */
int cli_tpm_told(const char *what, hkp_status status, uint32_t tpm_rc);

/** Digest of the PCRs of t->pcr_mask as they are now, of --digest if it was given. */
int cli_tpm_digest(struct cli_tpm *t, uint8_t digest[32]);

/** A file of 1..cap bytes, and one to be written; they tell what went wrong. */
int cli_tpm_read(const char *path, uint8_t *dst, size_t cap, size_t *len);
int cli_tpm_write(const char *path, const uint8_t *bytes, size_t len);

/** "0,2,4,7" as a mask; 0 on success. */
int cli_pcrs(const char *text, uint32_t *mask);

/** Exactly n bytes in hex digits; 0 on success. And back, [2 * n + 1]. */
int cli_unhex(const char *text, uint8_t *dst, size_t n);
void cli_hex(const uint8_t *bytes, size_t n, char *text);

#endif
