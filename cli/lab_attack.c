/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab attack: what the ciphers of the lab do not withstand, in figures (LAB-5); here what is told
 * of NC1. */
#include "lab_attack.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Targets that every run has (LAB-3.5); the largest is asked less. */
static const uint32_t targets[] = {0, 1360, 2720, HKP_NEURO_LAB_ARCHS - 1};
enum { TANH_64_64 = 1360, SIGMOID_64_64 = 2720, WIDE = 3 };

int cli_attack_wanted(const struct cli_attack *a, const char *name) {
    return a->only == NULL || strcmp(a->only, name) == 0;
}

uint32_t cli_attack_most(const struct cli_attack *a, uint32_t queries) {
    return a->budget < queries ? (uint32_t)a->budget : queries;
}

double cli_attack_since(hkp_time began) { return (double)(cli_mono() - began) / 1e9; }

void cli_attack_verdict(const struct cli_attack *a, const struct cli_verdict *v) {
    const int broken = v->figure >= v->chance + 4 * v->sigma && v->figure >= 1.2 * v->chance;
    const char *verdict = broken ? "BROKEN" : "not broken by this attack";
    cli_lab_line(a->json,
                 json_pack("{s:s,s:s,s:s,s:I,s:f,s:f,s:f,s:b,s:s}", "attack", v->name, "target", v->target,
                           "knows", v->knows, "queries", (json_int_t)v->queries, "seconds", v->seconds,
                           "figure", v->figure, "chance", v->chance, "broken", broken, "verdict", verdict),
                 "%-12s %-34s %-42s %7llu queries %6.2f s  %8.4f (chance %.4f)  %s", v->name, v->target,
                 v->knows, (unsigned long long)v->queries, v->seconds, v->figure, v->chance, verdict);
    fflush(stdout);
}

static hkp_neuro_lab_nc1 *nc1(const struct cli_attack *a, uint32_t index, uint32_t rounds) {
    uint8_t weight_key[32];
    hkp_neuro_lab_nc1 *n = NULL;
    hkp_neuro_lab_weight_key(a->key, weight_key);
    if (hkp_neuro_lab_nc1_new_arch(&n, NULL, weight_key, index, rounds) != HKP_OK)
        (void)cli_fail(CLI_SYSTEM, "no memory for architecture %u", index);
    sodium_memzero(weight_key, sizeof weight_key);
    return n;
}

static const char *target_name(uint32_t index, uint32_t rounds, char text[64]) {
    char name[40];
    snprintf(text, 64, "NC1 %s, %u rounds", cli_lab_name(index, name), rounds);
    return text;
}

static int skipped(const struct cli_attack *a, uint32_t rounds) {
    return a->rounds != 0 && a->rounds != rounds;
}

static int differential(const struct cli_attack *a) {
    static const uint32_t rounds[] = {1, 2, 4, 8, 16, 32};
    char text[64];
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        for (size_t k = 0; k < sizeof rounds / sizeof rounds[0]; k++) {
            if (skipped(a, rounds[k]) || (t == WIDE && rounds[k] != 16) || (t != 2 && rounds[k] == 32))
                continue;
            hkp_neuro_lab_nc1 *n = nc1(a, targets[t], rounds[k]);
            if (n == NULL) return CLI_SYSTEM;
            struct hkp_neuro_lab_differential d;
            const uint32_t pairs = cli_attack_most(a, t == WIDE ? 40 : 4000) / 2;
            const hkp_time began = cli_mono();
            hkp_neuro_lab_attack_differential(n, pairs, a->seed, &d);
            hkp_neuro_lab_nc1_free(n);
            const double seconds = cli_attack_since(began);
            /* bits that stay: 64 of 128 by chance, one pair's standard deviation is 5.66 */
            cli_attack_verdict(a,
                               &(struct cli_verdict){"differential", target_name(targets[t], rounds[k], text),
                                                     "chosen pairs, the last bit differs", d.queries, seconds,
                                                     (128.0 - (double)d.flipped / pairs) / 128, 0.5,
                                                     5.66 / 128 / sqrt(pairs)});
            /* by chance one pair of 10^17 is: two among these are no chance */
            cli_attack_verdict(
                a, &(struct cli_verdict){"near", text, "the same: all eight words within +-256", d.queries,
                                         seconds, (double)d.near_pairs / pairs, 0, 0.5 / pairs});
        }
    return CLI_OK;
}

static int fit(const struct cli_attack *a) {
    static const uint32_t rounds[] = {1, 2, 3, 4, 8, 16};
    char text[64];
    for (size_t t = 0; t < WIDE; t++)
        for (size_t k = 0; k < sizeof rounds / sizeof rounds[0]; k++) {
            if (skipped(a, rounds[k])) continue;
            hkp_neuro_lab_nc1 *n = nc1(a, targets[t], rounds[k]);
            const uint32_t pairs = cli_attack_most(a, 4096);
            uint32_t hits = 0;
            if (n == NULL) return CLI_SYSTEM;
            const hkp_time began = cli_mono();
            (void)hkp_neuro_lab_attack_fit_nc1(n, pairs, a->seed, &hits);
            hkp_neuro_lab_nc1_free(n);
            cli_attack_verdict(a, &(struct cli_verdict){"fit", target_name(targets[t], rounds[k], text),
                                                        "known pairs of small words, affine", pairs,
                                                        cli_attack_since(began), hits / 1e6, 0.0625,
                                                        sqrt(0.0625 * 0.9375 / (4.0 * pairs))});
        }
    return CLI_OK;
}

/* More queries, more to learn from: four times as many each time, twice the steps (LAB-5.4). */
static int clone(const struct cli_attack *a) {
    static const uint32_t rounds[] = {1, 2, 4, 16}, indexes[] = {TANH_64_64, SIGMOID_64_64};
    const uint32_t first = cli_attack_most(a, 1024);
    char text[64];
    for (size_t t = 0; t < 2; t++)
        for (size_t k = 0; k < sizeof rounds / sizeof rounds[0]; k++) {
            if (skipped(a, rounds[k])) continue;
            hkp_neuro_lab_nc1 *n = nc1(a, indexes[t], rounds[k]);
            if (n == NULL) return CLI_SYSTEM;
            for (uint32_t queries = first, steps = first; queries <= 65536 && queries <= a->budget;
                 queries *= 4, steps *= 2) {
                struct hkp_neuro_lab_clone c;
                const hkp_time began = cli_mono();
                (void)hkp_neuro_lab_attack_clone(n, queries, steps, a->seed, cli_lab_progress,
                                                 (void *)(uintptr_t) "clone, step", &c);
                const double words = (double)c.words / 2;
                cli_attack_verdict(a, &(struct cli_verdict){"clone", target_name(indexes[t], rounds[k], text),
                                                            "chosen blocks of small words, a network",
                                                            c.queries, cli_attack_since(began),
                                                            (double)c.right_hits / words, 0.0625,
                                                            sqrt(0.0625 * 0.9375 / words)});
            }
            hkp_neuro_lab_nc1_free(n);
        }
    return CLI_OK;
}

/* A picture of two kinds of block: what stays of it (LAB-3.4). */
static int ecb(const struct cli_attack *a) {
    enum { WIDTH = 32, HEIGHT = 12 };
    static const uint8_t paper[16] = "white", ink[16] = "black";
    uint8_t first[16], block[16];
    char text[64], row[WIDTH + 1] = "";
    uint32_t right = 0;
    hkp_neuro_lab_nc1 *n = nc1(a, TANH_64_64, HKP_NEURO_LAB_ROUNDS);
    if (n == NULL) return CLI_SYSTEM;
    const hkp_time began = cli_mono();
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            const int dx = 2 * x - (WIDTH - 1), dy = 4 * y - 2 * (HEIGHT - 1), dark = dx * dx + dy * dy < 400;
            hkp_neuro_lab_nc1_encrypt(n, dark ? ink : paper, block);
            if (x == 0 && y == 0) memcpy(first, block, sizeof first);
            const int differs = memcmp(first, block, sizeof first) != 0;
            row[x] = differs ? '#' : '.';
            right += differs == dark;
        }
        if (!a->json) puts(row);
    }
    hkp_neuro_lab_nc1_free(n);
    cli_attack_verdict(a, &(struct cli_verdict){"ecb", target_name(TANH_64_64, HKP_NEURO_LAB_ROUNDS, text),
                                                "sees which blocks of a picture are equal", WIDTH * HEIGHT,
                                                cli_attack_since(began), (double)right / (WIDTH * HEIGHT),
                                                0.5, 0.5 / sqrt(WIDTH * HEIGHT)});
    return CLI_OK;
}

/* There is no authentication: whatever is altered decrypts to something, and nobody is told (LAB-5.5). */
static int altered(const struct cli_attack *a) {
    char text[64];
    const uint32_t blocks = cli_attack_most(a, 1000);
    uint32_t taken = 0;
    hkp_neuro_lab_nc1 *n = nc1(a, TANH_64_64, HKP_NEURO_LAB_ROUNDS);
    if (n == NULL) return CLI_SYSTEM;
    const hkp_time began = cli_mono();
    for (uint32_t k = 0; k < blocks; k++) {
        uint8_t plain[16] = "a block", block[16];
        plain[15] = (uint8_t)k;
        hkp_neuro_lab_nc1_encrypt(n, plain, block);
        block[k / 8 % 16] ^= (uint8_t)(1U << k % 8);
        hkp_neuro_lab_nc1_decrypt(n, block, block);
        taken += memcmp(block, plain, sizeof block) != 0;
    }
    hkp_neuro_lab_nc1_free(n);
    cli_attack_verdict(a,
                       &(struct cli_verdict){"altered", target_name(TANH_64_64, HKP_NEURO_LAB_ROUNDS, text),
                                             "alters a bit: taken for another block", blocks,
                                             cli_attack_since(began), (double)taken / blocks, 0, 0.01});
    return CLI_OK;
}

static int brute(const struct cli_attack *a) {
    uint8_t weight_key[32], plain[16] = "known plaintext", block[16];
    struct hkp_neuro_lab_brute found;
    char text[64];
    const uint32_t index = hkp_neuro_lab_arch_index(a->key),
                   rounds = a->rounds != 0 ? (uint32_t)a->rounds : 2;
    hkp_neuro_lab_nc1 *n = nc1(a, index, rounds);
    if (n == NULL) return CLI_SYSTEM;
    hkp_neuro_lab_nc1_encrypt(n, plain, block);
    hkp_neuro_lab_nc1_free(n);
    hkp_neuro_lab_weight_key(a->key, weight_key);
    const hkp_time began = cli_mono();
    (void)hkp_neuro_lab_attack_brute(weight_key, rounds, plain, block, cli_lab_progress,
                                     (void *)(uintptr_t) "architecture", &found);
    sodium_memzero(weight_key, sizeof weight_key);
    cli_attack_verdict(
        a, &(struct cli_verdict){"brute", target_name(index, rounds, text),
                                 "the weights' key, one pair: which network", 1, cli_attack_since(began),
                                 found.matches == 1 && found.found == index, 1.0 / HKP_NEURO_LAB_ARCHS, 0.1});
    return CLI_OK;
}

/* The shortest of many: what else the machine does only makes a block longer. */
static double shortest(const hkp_neuro_lab_nc1 *n, uint32_t blocks) {
    uint8_t block[16] = {0};
    double least = 1e9;
    for (uint32_t k = 0; k < blocks; k++) {
        const hkp_time began = cli_mono();
        hkp_neuro_lab_nc1_encrypt(n, block, block);
        const double each = cli_attack_since(began);
        if (each < least) least = each;
    }
    return least;
}

/* The time of a block tells the architecture (LAB-1.4). */
static int timing(const struct cli_attack *a) {
    char text[64];
    double least = 0;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        hkp_neuro_lab_nc1 *n = nc1(a, targets[t], HKP_NEURO_LAB_ROUNDS);
        if (n == NULL) return CLI_SYSTEM;
        const uint32_t blocks = cli_attack_most(a, t == WIDE ? 32 : 256);
        const hkp_time began = cli_mono();
        const double each = shortest(n, blocks);
        hkp_neuro_lab_nc1_free(n);
        if (t == 0) least = each;
        cli_attack_verdict(a, &(struct cli_verdict){"timing",
                                                    target_name(targets[t], HKP_NEURO_LAB_ROUNDS, text),
                                                    "a stopwatch: times the smallest's", blocks,
                                                    cli_attack_since(began), each / least, 1, 0.25});
    }
    return CLI_OK;
}

static const struct {
    const char *name;
    int (*run)(const struct cli_attack *a);
} attacks[] = {{"differential", differential}, {"fit", fit},     {"clone", clone},  {"ecb", ecb},
               {"altered", altered},           {"brute", brute}, {"timing", timing}};
static const char *const of_the_pair[] = {"noise", "flip", "bend", "cross"};

static int known(const char *name) {
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
        if (strcmp(attacks[i].name, name) == 0) return 1;
    for (size_t i = 0; i < sizeof of_the_pair / sizeof of_the_pair[0]; i++)
        if (strcmp(of_the_pair[i], name) == 0) return 1;
    return 0;
}

static int run(const struct cli_attack *a, int with_timing) {
    int code = CLI_OK;
    cli_lab_warn();
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0] && code == CLI_OK; i++) {
        const int clocked = strcmp(attacks[i].name, "timing") == 0;
        if (cli_attack_wanted(a, attacks[i].name) && (!clocked || with_timing || a->only != NULL))
            code = attacks[i].run(a);
    }
    if (code == CLI_OK) code = cli_attack_pair(a);
    if (code == CLI_OK && a->only != NULL && with_timing && strcmp(a->only, "timing") != 0) code = timing(a);
    if (code == CLI_OK && a->only == NULL)
        cli_lab_line(a->json, json_pack("{s:s,s:s}", "attack", "quantum", "verdict", "not claimed"),
                     "%-12s %s", "quantum", "not claimed: that no algorithm is known is no argument");
    return code;
}

static int attack(int argc, char **argv) {
    static const struct option own[] = {{"timing", no_argument, NULL, 't'},
                                        {"key", required_argument, NULL, 'k'},
                                        {"seed", required_argument, NULL, 's'},
                                        {"budget", required_argument, NULL, 'b'},
                                        {"rounds", required_argument, NULL, 'R'},
                                        {"pair", required_argument, NULL, 'p'},
                                        {NULL, 0, NULL, 0}};
    struct cli_attack a = {.seed = "queries of the attacks", .budget = 16384};
    const char *key = NULL, *seed = NULL;
    int got, with_timing = 0;
    while ((got = cli_option(&cli_lab_attack, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 't') with_timing = 1;
        if (got == 'k') key = optarg;
        if (got == 's') seed = optarg;
        if (got == 'p') a.pair = optarg;
        if (got == 'j') a.json = 1;
        if (got == 'b' && cli_number(optarg, 16, 1048576, &a.budget) != 0)
            return cli_fail(CLI_USAGE, "--budget: 16..1048576 queries");
        if (got == 'R' && cli_number(optarg, 1, HKP_NEURO_LAB_ROUNDS_MAX, &a.rounds) != 0)
            return cli_fail(CLI_USAGE, "--rounds: 1..32");
    }
    if (optind < argc) a.only = argv[optind++];
    if (optind != argc || (a.only != NULL && !known(a.only)))
        return cli_fail(CLI_USAGE,
                        "lab attack: no such attack; there are differential, fit, clone, ecb, altered, "
                        "brute, timing, noise, flip, bend, cross");
    if (cli_lab_key(key, a.key) != 0 || (seed != NULL && cli_lab_key(seed, a.seed) != 0))
        return cli_fail(CLI_USAGE, "--key, --seed: want 64 hexadecimal digits");
    const int code = run(&a, with_timing);
    sodium_memzero(&a, sizeof a);
    return code;
}

const struct cli_command cli_lab_attack = {
    .name = "lab attack",
    .summary = "EXPERIMENT: attacks on the ciphers of the lab, in figures",
    .help = "usage: hookprobe lab attack [NAME] [--budget N] [--rounds R] [--pair FILE] [--seed HEX] [--key "
            "HEX]\n"
            "       [--timing] [--json]\n\n"
            "A line for each attack and target: what it knows, what it asked, the figure, what chance would "
            "give, and\n"
            "BROKEN where the figure is at least 4 sigma and 1.2 times better. Without a name all but "
            "timing, about\n"
            "two minutes.\n\n"
            "  differential  NC1, chosen pairs: share of bits that stay, and of pairs that stay near\n"
            "  fit           known pairs, affine: words of NC1, bits of NC0\n"
            "  clone         a network learns NC1 from chosen blocks: words of fresh blocks, right half\n"
            "  brute         all 4080 architectures, with the key of the weights (--rounds R, default 2)\n"
            "  ecb           equal blocks: a picture is seen\n"
            "  altered       NC1: altered blocks that are taken\n"
            "  noise         NC0: bits that are read from a code with noise\n"
            "  flip          NC0: few words of a code changed, one chosen bit changes\n"
            "  bend          NC0: one chosen bit forced from known pairs alone\n"
            "  cross         NC0: the decoder of another training\n"
            "  timing        these ciphers are not constant-time\n\n"
            "  --budget N    most queries of one target, 16..1048576, default 16384\n"
            "  --rounds R    only NC1 of R rounds\n"
            "  --pair FILE   an NC0 of hookprobe lab cipher --nc0 --out; default: one is trained\n"
            "  --timing      with the stopwatch, too\n"
            "  --seed HEX    32 bytes that choose the queries; the same by default\n"
            "  --key HEX     32 bytes; default: random",
    .more = HKP_NEURO_LAB_WARNING,
    .run = attack,
};
