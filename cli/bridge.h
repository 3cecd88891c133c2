/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab map|translate|hybrid: what they share. */
#ifndef HKP_CLI_BRIDGE_H
#define HKP_CLI_BRIDGE_H

#include "cli.h"
#include "tpm.h" /* cli_hex(), cli_unhex() */

#include <hookprobe/neuro.h>

extern const struct cli_command cli_demo_lab, cli_lab_map_propose, cli_lab_map_show, cli_lab_map_check,
    cli_lab_map_sign, cli_lab_translate, cli_lab_hybrid_seal, cli_lab_hybrid_open;

/** Bytes of a file; "-" is standard input. */
struct cli_bytes {
    uint8_t *ptr;
    size_t len;
};

/** The layer of LAB-8.4, in builds with the lab (else nothing); NULL: wipe what it keeps. */
void cli_lab_layer(struct hkp_neuro_hyb_layer *layer);
/** The whole of a file of at most max bytes; secret: only its owner may read it. An exit code; free(ptr). */
int cli_bridge_read(const char *path, int secret, size_t max, struct cli_bytes *bytes);
/** Writes a file, or standard output where path is "-"; an exit code. */
int cli_bridge_write(const char *path, const uint8_t *bytes, size_t len);

/**
 * A bridge of a table file. signer: 64 hex digits of the key that must have signed it; NULL: nobody is asked,
 * and the file may be a bare table. table: the table in file->ptr. An exit code, told.
 */
int cli_bridge_table(const char *path, const char *signer, struct cli_bytes *file, struct cli_bytes *table,
                     hkp_neuro_bridge **bridge);

/** The table of a draft, as "lab map show --json" prints it, into table[cap]; path is told if something is
 * wrong. An exit code. */
int cli_bridge_draft(const char *path, json_t *draft, uint8_t *table, size_t cap, size_t *len);

#endif
