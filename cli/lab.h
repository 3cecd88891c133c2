/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher|attack: what both share (LAB-9.1). */
#ifndef HKP_CLI_LAB_H
#define HKP_CLI_LAB_H

#include "cli.h"

#include <hookprobe/neuro_lab.h>

/** 64 hexadecimal digits, or 32 random bytes where text is NULL; 0 on success. */
int cli_lab_key(const char *text, uint8_t key[32]);
/** The warning of LAB-1.3 on standard error. */
void cli_lab_warn(void);
/** One line: the text, or its members as an object. Takes over line, whose member "text" is what people read.
 */
void cli_lab_line(int json, json_t *line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** "Tanh 64-128" */
const char *cli_lab_name(uint32_t index, char text[40]);
/** hkp_neuro_lab_progress on standard error, where that is a terminal. */
int32_t cli_lab_progress(void *user, uint32_t step, uint32_t of, uint32_t wrong, uint32_t bits);
/** The pair of a file; an exit code, told. */
int cli_lab_pair_read(const char *path, hkp_neuro_lab_nc0 **pair);
/** A pair to a new file of mode 0600; forget: without its key. An exit code, told. */
int cli_lab_pair_write(const hkp_neuro_lab_nc0 *pair, const char *path, int forget);

#endif
