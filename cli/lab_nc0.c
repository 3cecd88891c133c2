/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher --nc0: a pair is trained, may be stopped and goes on from its file, is measured, and
 * replaced by that of the next key (LAB-4, 6.1). */
#include "lab_cipher.h"

#include <signal.h>
#include <sodium.h>
#include <string.h>

static const uint8_t seed[32] = "measured blocks";
static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

static int32_t progress(void *user, uint32_t step, uint32_t of, uint32_t wrong, uint32_t bits) {
    (void)cli_lab_progress(user, step, of, wrong, bits);
    return stopped;
}

void cli_lab_figures(const struct cli_lab *o, const char *what, uint32_t index, double seconds,
                     const struct hkp_neuro_lab_nc0_figures *f) {
    char name[40];
    cli_lab_line(o->json,
                 json_pack("{s:s,s:s,s:i,s:f,s:I,s:I,s:f,s:f}", "what", what, "architecture",
                           cli_lab_name(index, name), "index", (int)index, "seconds", seconds, "bits",
                           (json_int_t)f->bits, "wrong_bits", (json_int_t)f->wrong_bits, "bit_error_rate",
                           (double)f->wrong_bits / (double)f->bits, "block_failure",
                           (double)f->wrong_blocks / (double)f->blocks),
                 "%s: %s (%u), %.1f s; %llu of %llu bits wrong (%.4f %%), %.2f %% of blocks", what,
                 cli_lab_name(index, name), index, seconds, (unsigned long long)f->wrong_bits,
                 (unsigned long long)f->bits, 100.0 * (double)f->wrong_bits / (double)f->bits,
                 100.0 * (double)f->wrong_blocks / (double)f->blocks);
}

/* The pair of a file, or of a key, untrained. */
static int start(const struct cli_lab *o, const uint8_t key[32], hkp_neuro_lab_nc0 **n) {
    const struct hkp_neuro_lab_nc0_options no = {.struct_size = sizeof no,
                                                 .index = (uint32_t)o->index,
                                                 .form = (uint32_t)o->form,
                                                 .steps = (uint32_t)o->steps,
                                                 .lr = (uint32_t)o->lr};
    if (o->in != NULL) return cli_lab_pair_read(o->in, n);
    const hkp_status st = hkp_neuro_lab_nc0_new(n, key, &no);
    return st == HKP_OK ? CLI_OK : cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
}

/* To the end, or until a signal comes. */
static int to_the_end(hkp_neuro_lab_nc0 *n, double *seconds) {
    const struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    const hkp_time began = cli_mono();
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    const hkp_status st =
        hkp_neuro_lab_nc0_train(n, UINT32_MAX, progress, (void *)(uintptr_t) "training step");
    *seconds = (double)(cli_mono() - began) / 1e9;
    if (st == HKP_OK || st == HKP_E_NEURO_LAB_CANCELLED) return CLI_OK;
    return cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
}

static uint32_t tell(const struct cli_lab *o, const char *what, const hkp_neuro_lab_nc0 *n,
                     const hkp_neuro_lab_nc0 *decoder, double seconds) {
    struct hkp_neuro_lab_nc0_figures f;
    struct hkp_neuro_lab_arch arch;
    (void)hkp_neuro_lab_nc0_steps(n, NULL, &arch);
    hkp_neuro_lab_nc0_measure(n, decoder, 2000, seed, &f);
    cli_lab_figures(o, what, arch.index, seconds, &f);
    return arch.index;
}

/* Another pair from the next key, and what the two have in common. */
static int rotate(const struct cli_lab *o, const uint8_t key[32], const hkp_neuro_lab_nc0 *n,
                  uint32_t index) {
    struct cli_lab again = *o;
    uint8_t fresh[32], next[32];
    double seconds = 0;
    hkp_neuro_lab_nc0 *m = NULL;
    again.index = index; /* so that the two can be compared */
    again.in = NULL;
    randombytes_buf(fresh, sizeof fresh);
    hkp_neuro_lab_rotate(key, 1, fresh, next);
    int code = start(&again, next, &m);
    if (code == CLI_OK) code = to_the_end(m, &seconds);
    if (code == CLI_OK) {
        const double common = hkp_neuro_lab_nc0_common_ppm(n, m) / 10000.0;
        (void)tell(o, "retrained from the next key", m, NULL, seconds);
        (void)tell(o, "old code, new decoder", n, m, 0);
        cli_lab_line(o->json, json_pack("{s:s,s:f}", "what", "equal weights", "percent", common),
                     "equal weights: %.3f %%", common);
    }
    hkp_neuro_lab_nc0_free(m);
    sodium_memzero(fresh, sizeof fresh);
    sodium_memzero(next, sizeof next);
    return code;
}

int cli_lab_train(const struct cli_lab *o, const uint8_t key[32]) {
    hkp_neuro_lab_nc0 *n = NULL;
    double seconds = 0;
    uint32_t of = 0;
    int code = start(o, key, &n);
    if (code == CLI_OK) code = to_the_end(n, &seconds);
    if (code == CLI_OK) {
        const uint32_t done = hkp_neuro_lab_nc0_steps(n, &of, NULL);
        const uint32_t index = tell(o, done == of ? "trained" : "stopped", n, NULL, seconds);
        if (o->out != NULL) code = cli_lab_pair_write(n, o->out, o->forget);
        if (code == CLI_OK && done != of)
            code = cli_fail(CLI_NO, "stopped after %u of %u steps%s", done, of,
                            o->out != NULL ? "; --in goes on from there" : "");
        if (code == CLI_OK && o->rotate) code = rotate(o, key, n, index);
    }
    hkp_neuro_lab_nc0_free(n);
    return code;
}
