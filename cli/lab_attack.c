/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab attack: what the ciphers of the lab do not withstand, in figures (LAB-5). */
#include "lab.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    int json;
    uint8_t key[32];
    const char *only;
    uint32_t broken;
};

static const uint8_t seed[32] = "queries of the attacks";
/* Targets that every run has (LAB-3.5); the largest is asked less. */
static const uint32_t targets[] = {0, 1360, 2720, HKP_NEURO_LAB_ARCHS - 1};

static int wanted(const struct run *r, const char *name) {
    return r->only == NULL || strcmp(r->only, name) == 0;
}

/* BROKEN: at least 4 sigma and 1.2 times better than chance (LAB-5.1). */
static void verdict(struct run *r, const char *name, const char *target, const char *knows, uint64_t queries,
                    double seconds, double figure, double chance, double sigma) {
    const int broken = figure >= chance + 4 * sigma && figure >= 1.2 * chance;
    r->broken += (uint32_t)broken;
    cli_lab_line(r->json,
                 json_pack("{s:s,s:s,s:s,s:I,s:f,s:f,s:f,s:b}", "attack", name, "target", target, "knows",
                           knows, "queries", (json_int_t)queries, "seconds", seconds, "figure", figure,
                           "chance", chance, "broken", broken),
                 "%-12s %-34s %-38s %7llu queries %6.2f s  %8.4f (chance %.4f)  %s", name, target, knows,
                 (unsigned long long)queries, seconds, figure, chance,
                 broken ? "BROKEN" : "not broken by this attack");
}

static double since(hkp_time began) { return (double)(cli_mono() - began) / 1e9; }

static hkp_neuro_lab_nc1 *nc1(const struct run *r, uint32_t index, uint32_t rounds) {
    uint8_t weight_key[32];
    hkp_neuro_lab_nc1 *n = NULL;
    hkp_neuro_lab_weight_key(r->key, weight_key);
    if (hkp_neuro_lab_nc1_new_arch(&n, NULL, weight_key, index, rounds) != HKP_OK)
        (void)cli_fail(CLI_SYSTEM, "no memory for architecture %u", index);
    return n;
}

static const char *target_name(uint32_t index, uint32_t rounds, char text[64]) {
    char name[40];
    snprintf(text, 64, "NC1 %s, %u rounds", cli_lab_name(index, name), rounds);
    return text;
}

static void differential(struct run *r) {
    static const uint32_t rounds[] = {1, 2, 4, 8, 16};
    char text[64];
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        for (size_t k = 0; k < sizeof rounds / sizeof rounds[0]; k++) {
            const int large = t == 3;
            if (large && rounds[k] != 16) continue;
            hkp_neuro_lab_nc1 *n = nc1(r, targets[t], rounds[k]);
            if (n == NULL) return;
            struct hkp_neuro_lab_differential d;
            const uint32_t pairs = large ? 20 : 2000;
            const hkp_time began = cli_mono();
            hkp_neuro_lab_attack_differential(n, pairs, seed, &d);
            /* bits that stay: 64 of 128 by chance, one pair's standard deviation is 5.66 */
            verdict(r, "differential", target_name(targets[t], rounds[k], text),
                    "chosen pairs, the last bit differs", d.queries, since(began),
                    (128.0 - (double)d.flipped / pairs) / 128, 0.5, 5.66 / 128 / sqrt(pairs));
            hkp_neuro_lab_nc1_free(n);
        }
}

static void fit(struct run *r) {
    static const uint32_t rounds[] = {1, 2, 3, 4, 8, 16};
    enum { PAIRS = 4096 };
    char text[64];
    for (size_t t = 0; t < 3; t++)
        for (size_t k = 0; k < sizeof rounds / sizeof rounds[0]; k++) {
            hkp_neuro_lab_nc1 *n = nc1(r, targets[t], rounds[k]);
            uint32_t hits = 0;
            if (n == NULL) return;
            const hkp_time began = cli_mono();
            (void)hkp_neuro_lab_attack_fit_nc1(n, PAIRS, seed, &hits);
            verdict(r, "fit", target_name(targets[t], rounds[k], text), "known pairs of small words, affine",
                    PAIRS, since(began), hits / 1e6, 0.0625, sqrt(0.0625 * 0.9375 / (4.0 * PAIRS)));
            hkp_neuro_lab_nc1_free(n);
        }
}

/* A pair that decodes well is needed: the better it decodes, the fewer pairs break it. */
static void trained_pair(struct run *r) {
    static const uint32_t pairs[] = {129, 256, 1000};
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = 1365, .form = 1, .steps = 1000};
    char text[64], name[40];
    hkp_neuro_lab_nc0 *n = NULL;
    if (hkp_neuro_lab_nc0_new(&n, r->key, &o) != HKP_OK) return;
    (void)hkp_neuro_lab_nc0_train(n, UINT32_MAX, cli_lab_progress, (void *)(uintptr_t) "training step");
    snprintf(text, sizeof text, "NC0 %s, %u steps", cli_lab_name(o.index, name), o.steps);
    for (size_t k = 0; k < 3 && wanted(r, "fit"); k++) {
        uint32_t right = 0;
        const hkp_time began = cli_mono();
        (void)hkp_neuro_lab_attack_fit_nc0(n, pairs[k], seed, &right);
        verdict(r, "fit", text, "known pairs, affine in place of decoder", pairs[k], since(began),
                right / 1e6, 0.5, 0.5 / sqrt(200.0 * 128));
    }
    for (uint32_t bits = 8; bits <= 14 && wanted(r, "noise"); bits += 2) {
        struct hkp_neuro_lab_nc0_figures f;
        char knows[64];
        snprintf(knows, sizeof knows, "alters the code by noise of +-2^%u", bits);
        const hkp_time began = cli_mono();
        hkp_neuro_lab_attack_noise(n, bits, 500, seed, &f);
        /* what an AEAD would refuse is read: every altered block is taken */
        verdict(r, "noise", text, knows, f.blocks, since(began), 1 - (double)f.wrong_bits / (double)f.bits,
                0.5, 0.5 / sqrt((double)f.bits));
    }
    hkp_neuro_lab_nc0_free(n);
}

/* Equal blocks give equal output. */
static void ecb(struct run *r) {
    uint8_t a[16] = "the same block", b[16], c[16];
    char text[64];
    hkp_neuro_lab_nc1 *n = nc1(r, 1360, HKP_NEURO_LAB_ROUNDS);
    if (n == NULL) return;
    hkp_neuro_lab_nc1_encrypt(n, a, b);
    hkp_neuro_lab_nc1_encrypt(n, a, c);
    verdict(r, "ecb", target_name(1360, HKP_NEURO_LAB_ROUNDS, text), "sees which blocks are equal", 2, 0,
            memcmp(b, c, 16) == 0, 0, 0.1);
    hkp_neuro_lab_nc1_free(n);
}

/* The time of a block tells the architecture (LAB-1.4). */
static void timing(struct run *r) {
    char text[64];
    double least = 0;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        uint8_t block[16] = {0};
        hkp_neuro_lab_nc1 *n = nc1(r, targets[t], HKP_NEURO_LAB_ROUNDS);
        if (n == NULL) return;
        const hkp_time began = cli_mono();
        for (int k = 0; k < 8; k++) hkp_neuro_lab_nc1_encrypt(n, block, block);
        const double each = since(began) / 8;
        hkp_neuro_lab_nc1_free(n);
        if (t == 0) least = each;
        verdict(r, "timing", target_name(targets[t], HKP_NEURO_LAB_ROUNDS, text),
                "a stopwatch: times the smallest's", 8, each * 8, each / least, 1, 0.25);
    }
}

static int attack(int argc, char **argv) {
    static const struct option own[] = {
        {"timing", no_argument, NULL, 't'}, {"key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    static const char *const names[] = {"differential", "fit", "noise", "ecb", "timing"};
    struct run r = {0};
    const char *key = NULL;
    int got, with_timing = 0, known = 0;
    while ((got = cli_option(&cli_lab_attack, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 't') with_timing = 1;
        if (got == 'k') key = optarg;
        if (got == 'j') r.json = 1;
    }
    if (optind < argc) r.only = argv[optind++];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        known |= r.only == NULL || strcmp(r.only, names[i]) == 0;
    if (optind != argc || !known)
        return cli_fail(CLI_USAGE,
                        "lab attack: no such attack; there are differential, fit, noise, ecb, timing");
    if (cli_lab_key(key, r.key) != 0) return cli_fail(CLI_USAGE, "--key wants 64 hexadecimal digits");
    cli_lab_warn();
    if (wanted(&r, "differential")) differential(&r);
    if (wanted(&r, "fit")) fit(&r);
    if (wanted(&r, "fit") || wanted(&r, "noise")) trained_pair(&r);
    if (wanted(&r, "ecb")) ecb(&r);
    if (with_timing || (r.only != NULL && wanted(&r, "timing"))) timing(&r);
    sodium_memzero(r.key, sizeof r.key);
    return CLI_OK;
}

const struct cli_command cli_lab_attack = {
    .name = "lab attack",
    .summary = "EXPERIMENT: attacks on the ciphers of the lab, in figures",
    .help =
        "usage: hookprobe lab attack [differential | fit | noise | ecb | timing] [--timing] [--key HEX] "
        "[--json]\n\n"
        "A line for each attack and target: what it knows, what it asked, the figure, what chance would "
        "give, and\n"
        "BROKEN where the figure is at least 4 sigma and 1.2 times better. Without a name all but timing.\n\n"
        "  --timing      with the stopwatch, too: these ciphers are not constant-time\n"
        "  --key HEX     32 bytes; default: random",
    .more = HKP_NEURO_LAB_WARNING,
    .run = attack,
};
