/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher: its options, and its modes that have files of their own. */
#ifndef HKP_CLI_LAB_CIPHER_H
#define HKP_CLI_LAB_CIPHER_H

#include "lab.h"

struct cli_lab {
    int json, space, brute, nc1, train, rotate, forget, cheat;
    uint64_t share, rounds, steps, lr, form, index, average, wait_ms;
    const char *key, *in, *out;
};

/** NC0: trained, measured, saved, and with --rotate again from the next key (LAB-4, 6.1). */
int cli_lab_train(const struct cli_lab *o, const uint8_t key[32]);
/** One line of figures of a pair. */
void cli_lab_figures(const struct cli_lab *o, const char *what, uint32_t index, double seconds,
                     const struct hkp_neuro_lab_nc0_figures *f);
/** A key that parties make together over HTP sessions on loopback (LAB-6.2), and with --average a pair (6.3).
 */
int cli_lab_share(const struct cli_lab *o);
/** A pair that n parties train together; their secrets are known to all (LAB-6.3). */
int cli_lab_average(const struct cli_lab *o, const uint8_t key[32], uint32_t n, const uint8_t secrets[][32]);

#endif
