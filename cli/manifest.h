/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ter manifest: what its commands share. */
#ifndef HKP_CLI_MANIFEST_H
#define HKP_CLI_MANIFEST_H

#include "cli.h"
#include "tpm.h" /* cli_hex(), cli_unhex() */

#include <hookprobe/ter.h>

extern const struct cli_command cli_manifest_build, cli_manifest_diff, cli_manifest_show, cli_manifest_sign;

/* ---- the operator's YAML ---- */

/** What a YAML file expands to on this machine. */
struct cli_wanted {
    hkp_ter_expand *expand;
    struct hkp_ter_manifest_spec spec;
    /** patterns and folders that nothing was found for, NULL-terminated, owned */
    char **empty;
};

/** Loads, checks and expands; 0, or -1 and error[512] = "FILE:LINE: KEY: why". */
int cli_manifest_load(const char *path, struct cli_wanted *wanted, char error[512]);
void cli_manifest_free(struct cli_wanted *wanted);
extern const char cli_manifest_help[];

/* ---- a manifest file ---- */

struct cli_man {
    uint8_t *bytes;
    struct hkp_ter_manifest view;
};

/** Reads and parses, without believing it; an exit code. */
int cli_man_read(const char *path, struct cli_man *man);
void cli_man_free(struct cli_man *man);

/* ---- what was measured ---- */

/** Items of one manifest as they were on one machine; kind of an item is its outcome. */
struct cli_measured {
    struct hkp_ter_item *items;
    /** [n] what was demanded */
    uint32_t *demanded;
    uint32_t n;
    uint8_t root[32], h_integrity[20];
    /** where the paths are; NULL: in the manifest */
    uint8_t *paths;
};

/** Measures this machine; policy: the file whose digest is @policy, or NULL. An exit code. */
int cli_measure(const struct hkp_ter_manifest *manifest, const char *policy, struct cli_measured *measured);

/**
 * What "ter manifest build --measured" wrote, which has to be of this manifest's items; @manifest is set to
 * this manifest's digest. An exit code.
 */
int cli_measured_read(const char *path, const struct hkp_ter_manifest *manifest,
                      struct cli_measured *measured);
/** An exit code. */
int cli_measured_write(const char *path, const struct cli_measured *measured);
void cli_measured_free(struct cli_measured *measured);

/** "file", "fs-verity", "link", "pseudo", "absent", "unreadable" */
const char *cli_kind_name(uint32_t kind);
/** {"path": ...}, or {"path_hex": ...} if it is not UTF-8. */
json_t *cli_path_json(const uint8_t *path, size_t len);
/** Printable: what is not comes as \xNN. */
void cli_print_path(const uint8_t *path, size_t len);
/** Items that are absent or unreadable as lines or into an array; how many. */
uint32_t cli_missing(const struct cli_measured *measured, json_t *list);

#endif
