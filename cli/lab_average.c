/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher --share N --average Q: a pair that parties train together (LAB-6.3). */
#include "lab_cipher.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { TANH_128_128 = 1365 };

struct meeting {
    const struct cli_lab *o;
    const uint8_t (*secrets)[32];
    uint32_t n, steps;
    hkp_neuro_lab_nc0 *pair;
    size_t size;
    uint8_t *weights[HKP_NEURO_LAB_PARTIES_MAX];
};

static hkp_neuro_lab_nc0 *untrained(const struct cli_lab *o, const uint8_t key[32], uint64_t steps) {
    const struct hkp_neuro_lab_nc0_options no = {.struct_size = sizeof no,
                                                 .index = o->index == UINT32_MAX ? TANH_128_128
                                                                                 : (uint32_t)o->index,
                                                 .form = (uint32_t)o->form,
                                                 .steps = (uint32_t)steps,
                                                 .lr = (uint32_t)o->lr};
    hkp_neuro_lab_nc0 *n = NULL;
    const hkp_status st = hkp_neuro_lab_nc0_new(&n, key, &no);
    if (st != HKP_OK) (void)cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
    return n;
}

/* All train, all commit, all reveal; then everybody's round is done again: here once, as all would find the
 * same. */
static hkp_status round_of(struct meeting *m, uint32_t q) {
    uint8_t commits[HKP_NEURO_LAB_PARTIES_MAX][32];
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < m->n && st == HKP_OK; i++) {
        st = hkp_neuro_lab_average_round(m->pair, m->secrets[i], q, m->steps, m->weights[i]);
        crypto_hash_sha256(commits[i], m->weights[i], m->size);
    }
    for (uint32_t i = 0; i < m->n && st == HKP_OK; i++)
        st = hkp_neuro_lab_average_check(m->pair, m->secrets[i], q, m->steps, commits[i], m->weights[i]);
    if (st == HKP_OK)
        st = hkp_neuro_lab_average_take(m->pair, q, m->steps, m->n, (const uint8_t *const *)m->weights);
    (void)cli_lab_progress((void *)(uintptr_t) "round", q + 1, (uint32_t)m->o->average, 0, 0);
    return st;
}

/* A party that alters one weight and commits to that is found. */
static int false_round_found(struct meeting *m, uint32_t q) {
    uint8_t commit[32];
    if (hkp_neuro_lab_average_round(m->pair, m->secrets[0], q, m->steps, m->weights[0]) != HKP_OK) return 0;
    m->weights[0][m->size / 2] ^= 1;
    crypto_hash_sha256(commit, m->weights[0], m->size);
    return hkp_neuro_lab_average_check(m->pair, m->secrets[0], q, m->steps, commit, m->weights[0]) ==
           HKP_E_NEURO_LAB_ROUND;
}

static int train_all(struct meeting *m, int *found) {
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < m->n; i++)
        if ((m->weights[i] = malloc(m->size)) == NULL) st = HKP_E_NOMEM;
    *found = st == HKP_OK && false_round_found(m, 0);
    for (uint32_t q = 0; q < m->o->average && st == HKP_OK; q++) st = round_of(m, q);
    for (uint32_t i = 0; i < m->n; i++) free(m->weights[i]);
    return st == HKP_OK ? CLI_OK : cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
}

static double error_of(const struct cli_lab *o, const char *what, const hkp_neuro_lab_nc0 *n,
                       double seconds) {
    static const uint8_t seed[32] = "measured blocks";
    struct hkp_neuro_lab_nc0_figures f;
    struct hkp_neuro_lab_arch arch;
    (void)hkp_neuro_lab_nc0_steps(n, NULL, &arch);
    hkp_neuro_lab_nc0_measure(n, NULL, 2000, seed, &f);
    cli_lab_figures(o, what, arch.index, seconds, &f);
    return (double)f.wrong_bits / (double)f.bits;
}

int cli_lab_average(const struct cli_lab *o, const uint8_t key[32], uint32_t n, const uint8_t secrets[][32]) {
    struct meeting m = {.o = o, .secrets = secrets, .n = n, .steps = (uint32_t)(o->steps / o->average)};
    int found = 0;
    if (m.steps == 0) return cli_fail(CLI_USAGE, "--average: fewer steps than rounds");
    m.pair = untrained(o, key, m.steps * o->average);
    hkp_neuro_lab_nc0 *alone = untrained(o, key, m.steps * o->average);
    if (m.pair == NULL || alone == NULL) return CLI_SYSTEM;
    m.size = hkp_neuro_lab_average_size(m.pair);
    hkp_time began = cli_mono();
    int code = train_all(&m, &found);
    if (code == CLI_OK) {
        (void)error_of(o, "trained by all", m.pair, (double)(cli_mono() - began) / 1e9);
        began = cli_mono();
        (void)hkp_neuro_lab_nc0_train(alone, UINT32_MAX, cli_lab_progress, (void *)(uintptr_t) "alone, step");
        (void)error_of(o, "trained by one alone", alone, (double)(cli_mono() - began) / 1e9);
        const uint64_t bytes = o->average * n * (n - 1) * (uint64_t)(m.size + 32);
        cli_lab_line(o->json,
                     json_pack("{s:s,s:i,s:i,s:i,s:I,s:b}", "what", "averaged training", "parties", (int)n,
                               "rounds", (int)o->average, "steps", (int)m.steps, "bytes", (json_int_t)bytes,
                               "false_round_found", found),
                     "%u parties, %u rounds of %u steps: %llu bytes between them; a false round: %s", n,
                     (unsigned)o->average, m.steps, (unsigned long long)bytes, found ? "found" : "NOT FOUND");
        if (!found) code = CLI_NO;
        if (code == CLI_OK && o->out != NULL) code = cli_lab_pair_write(m.pair, o->out, o->forget);
    }
    hkp_neuro_lab_nc0_free(m.pair);
    hkp_neuro_lab_nc0_free(alone);
    return code;
}
