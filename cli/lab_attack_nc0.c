/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab attack: the trained pair under known plaintext, noise and alteration (LAB-5.3, 5.5, 5.6). */
#include "bridge.h"
#include "lab_attack.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TANH_128_128 = 1365, STEPS = 1000 };

struct target {
    const struct cli_attack *a;
    hkp_neuro_lab_nc0 *pair;
    uint32_t index;
    char text[80];
};

static hkp_neuro_lab_nc0 *train(const uint8_t key[32], uint32_t index, const char *what) {
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = index, .form = 1, .steps = STEPS};
    hkp_neuro_lab_nc0 *n = NULL;
    if (hkp_neuro_lab_nc0_new(&n, key, &o) == HKP_OK)
        (void)hkp_neuro_lab_nc0_train(n, UINT32_MAX, cli_lab_progress, (void *)(uintptr_t)what);
    return n;
}

static void fit(const struct target *t) {
    static const uint32_t pairs[] = {129, 256, 1000};
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0] && pairs[k] <= t->a->budget; k++) {
        uint32_t right = 0;
        const hkp_time began = cli_mono();
        (void)hkp_neuro_lab_attack_fit_nc0(t->pair, pairs[k], t->a->seed, &right);
        cli_attack_verdict(
            t->a, &(struct cli_verdict){"fit", t->text, "known pairs, affine in place of decoder", pairs[k],
                                        cli_attack_since(began), right / 1e6, 0.5, 0.5 / sqrt(200.0 * 128)});
    }
}

/* What an AEAD would refuse is read: every altered block is taken. */
static void noise(const struct target *t) {
    for (uint32_t bits = 8; bits <= 14; bits++) {
        struct hkp_neuro_lab_nc0_figures f;
        char knows[64];
        snprintf(knows, sizeof knows, "alters the code by noise of +-2^%u", bits);
        const hkp_time began = cli_mono();
        hkp_neuro_lab_attack_noise(t->pair, bits, cli_attack_most(t->a, 500), t->a->seed, &f);
        cli_attack_verdict(t->a,
                           &(struct cli_verdict){"noise", t->text, knows, f.blocks, cli_attack_since(began),
                                                 1 - (double)f.wrong_bits / (double)f.bits, 0.5,
                                                 0.5 / sqrt((double)f.bits)});
    }
}

static void flip(const struct target *t) {
    struct hkp_neuro_lab_flip f;
    char knows[64];
    const hkp_time began = cli_mono();
    hkp_neuro_lab_attack_flip(t->pair, cli_attack_most(t->a, 100), t->a->seed, &f);
    snprintf(knows, sizeof knows, "has the decoder; changes %u words (median)", f.median);
    if (2 * f.reached < f.blocks) snprintf(knows, sizeof knows, "has the decoder; under half give way");
    cli_attack_verdict(t->a, &(struct cli_verdict){"flip", t->text, knows, f.blocks, cli_attack_since(began),
                                                   (double)f.reached / f.blocks, 0, 0.01});
}

static void bend(const struct target *t) {
    uint32_t forced = 0;
    if (t->a->budget < 129) return; /* fewer than the fit has coefficients */
    const uint32_t pairs = cli_attack_most(t->a, 1000);
    const hkp_time began = cli_mono();
    (void)hkp_neuro_lab_attack_bend(t->pair, pairs, 1000, t->a->seed, &forced);
    cli_attack_verdict(t->a,
                       &(struct cli_verdict){"bend", t->text, "known pairs; forces one chosen bit alone",
                                             pairs, cli_attack_since(began), forced / 1e6, 0, 0.001});
}

static void cross(const struct target *t) {
    uint8_t other[32];
    struct hkp_neuro_lab_nc0_figures f;
    const uint32_t blocks = cli_attack_most(t->a, 500);
    hkp_neuro_lab_rotate(t->a->key, 1, t->a->seed, other);
    const hkp_time began = cli_mono();
    hkp_neuro_lab_nc0 *second = train(other, t->index, "second training, step");
    if (second == NULL) return;
    hkp_neuro_lab_nc0_measure(t->pair, second, blocks, t->a->seed, &f);
    hkp_neuro_lab_nc0_free(second);
    cli_attack_verdict(t->a, &(struct cli_verdict){"cross", t->text, "the decoder of another training",
                                                   blocks, cli_attack_since(began),
                                                   1 - (double)f.wrong_bits / (double)f.bits, 0.5,
                                                   0.5 / sqrt((double)f.bits)});
}

int cli_attack_pair(const struct cli_attack *a) {
    static const struct {
        const char *name;
        void (*run)(const struct target *t);
    } all[] = {{"fit", fit}, {"noise", noise}, {"flip", flip}, {"bend", bend}, {"cross", cross}};
    struct target t = {.a = a};
    struct hkp_neuro_lab_arch arch;
    char name[40];
    uint32_t any = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        any += (uint32_t)cli_attack_wanted(a, all[i].name);
    if (any == 0) return CLI_OK;
    if (a->pair != NULL) {
        const int code = cli_lab_pair_read(a->pair, &t.pair);
        if (code != CLI_OK) return code;
    } else if ((t.pair = train(a->key, TANH_128_128, "training step")) == NULL)
        return cli_fail(CLI_SYSTEM, "no memory");
    const uint32_t steps = hkp_neuro_lab_nc0_steps(t.pair, NULL, &arch);
    t.index = arch.index;
    snprintf(t.text, sizeof t.text, "NC0 %s, %u steps", cli_lab_name(t.index, name), steps);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (cli_attack_wanted(a, all[i].name)) all[i].run(&t);
    hkp_neuro_lab_nc0_free(t.pair);
    return CLI_OK;
}
