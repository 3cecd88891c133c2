/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe demo lab (LAB-9.1): a cipher that is a network, two services that speak different schemas, levels
 * by context, and the architecture as part of the key. Each line is a fact that is checked as it is printed,
 * also where it speaks against the cipher.
 */
#include "demo_lab.h"

#include <math.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void demo_lab_fact(struct demo_lab *d, const char *name, int holds, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->shown++;
    d->failed += !holds;
    json_array_append_new(d->facts,
                          json_pack("{s:s, s:b, s:s}", "fact", name, "holds", holds, "shown", text));
    if (!d->json) printf("  %-3s %s\n", holds ? "yes" : "NO", text);
    fflush(stdout);
}

void demo_lab_say(struct demo_lab *d, const char *format, ...) {
    va_list args;
    if (d->json) return;
    va_start(args, format);
    fputs("      ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static const char *hex(const uint8_t *bytes, size_t len, char text[65]) {
    return sodium_bin2hex(text, 65, bytes, len);
}

static unsigned distance(const uint8_t a[16], const uint8_t b[16]) {
    unsigned bits = 0;
    for (int i = 0; i < 16; i++) bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

/* ---- 1: the pure cipher ---- */

static void coupling(struct demo_lab *d) {
    uint8_t key[32], other[32], plain[16] = "sixteen bytes..", block[16], back[16], noise[16];
    hkp_neuro_lab_nc1 *own = NULL, *wrong = NULL;
    char name[40], text[65];
    randombytes_buf(key, sizeof key);
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    if (hkp_neuro_lab_nc1_new(&own, NULL, key, HKP_NEURO_LAB_ROUNDS) == HKP_OK &&
        hkp_neuro_lab_nc1_new(&wrong, NULL, other, HKP_NEURO_LAB_ROUNDS) == HKP_OK) {
        hkp_neuro_lab_nc1_encrypt(own, plain, block);
        hkp_neuro_lab_nc1_decrypt(own, block, back);
        hkp_neuro_lab_nc1_decrypt(wrong, block, noise);
        demo_lab_say(d, "a network of the key: %s, 16 rounds; one block: %s",
                     cli_lab_name(hkp_neuro_lab_arch_index(key), name), hex(block, 16, text));
        demo_lab_fact(d, "exact", memcmp(back, plain, 16) == 0,
                      "128 bits in, 128 bits out, and exactly back");
        demo_lab_fact(d, "wrong_key", distance(noise, plain) > 20,
                      "a key that differs in one bit reads %u of 128 bits wrong", distance(noise, plain));
        hkp_neuro_lab_nc1_encrypt(own, plain, noise);
        demo_lab_fact(d, "equal_blocks", memcmp(noise, block, 16) == 0,
                      "equal blocks give equal output: it is no cipher for messages as it stands");
    } else {
        demo_lab_fact(d, "made", 0, "no memory");
    }
    hkp_neuro_lab_nc1_free(own);
    hkp_neuro_lab_nc1_free(wrong);
}

/* Weights and blocks are always the same ones here, so that the figure is, too; likewise of the pair below.
 */
static void known_plaintext(struct demo_lab *d) {
    static const uint8_t seed[32] = "demo", weights[32] = "demo weights";
    hkp_neuro_lab_nc1 *n = NULL;
    uint32_t ppm = 0;
    if (hkp_neuro_lab_nc1_new_arch(&n, NULL, weights, 2720, 2) == HKP_OK)
        (void)!hkp_neuro_lab_attack_fit_nc1(n, 400, seed, &ppm);
    hkp_neuro_lab_nc1_free(n);
    demo_lab_fact(d, "fit", ppm > 2 * 62500,
                  "2 rounds, Sigmoid: 400 known pairs predict %.0f %% of half-bytes; chance 6 %%",
                  ppm / 10000.0);
}

static void trained_pair(struct demo_lab *d) {
    static const uint8_t seed[32] = "measured blocks";
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = 1360 + 5, .form = 1, .steps = 500}; /* Tanh 128-128 */
    struct hkp_neuro_lab_nc0_figures before, after;
    hkp_neuro_lab_nc0 *n = NULL;
    static const uint8_t key[32] = "demo pair";
    uint32_t ppm = 0;
    if (hkp_neuro_lab_nc0_new(&n, key, &o) != HKP_OK) {
        demo_lab_fact(d, "trained", 0, "no memory");
        return;
    }
    hkp_neuro_lab_nc0_measure(n, NULL, 200, seed, &before);
    const hkp_status st =
        hkp_neuro_lab_nc0_train(n, UINT32_MAX, cli_lab_progress, (void *)(uintptr_t) "training step");
    hkp_neuro_lab_nc0_measure(n, NULL, 1000, seed, &after);
    const double first = 100.0 * (double)before.wrong_bits / (double)before.bits,
                 last = 100.0 * (double)after.wrong_bits / (double)after.bits;
    demo_lab_fact(
        d, "trained", st == HKP_OK && first > 40 && last < 25,
        "an encoder and a decoder trained together, 500 steps: %.0f %% of bits wrong before, %.1f %% after",
        first, last);
    uint8_t block[16] = "sixteen bytes..", code[257], back[16];
    const hkp_status sent = hkp_neuro_lab_nc0_encrypt(n, block, code);
    const int exact = sent == HKP_OK && hkp_neuro_lab_nc0_decrypt(n, code, sizeof code, back) == HKP_OK &&
                      memcmp(back, block, 16) == 0;
    demo_lab_fact(d, "never_wrong", exact || sent == HKP_E_NEURO_LAB_UNENCODABLE,
                  "a block that would decode wrongly is not sent: %s",
                  exact ? "this one decodes exactly" : "this one is refused");
    (void)!hkp_neuro_lab_attack_fit_nc0(n, 1000, seed, &ppm);
    demo_lab_fact(d, "decoder_replaced", ppm > 600000,
                  "1000 known pairs and a linear fit read %.0f %% of the bits without the key",
                  ppm / 10000.0);
    hkp_neuro_lab_nc0_free(n);
}

static void pure(struct demo_lab *d, hkp_neuro_bridge *bridge) {
    (void)bridge;
    coupling(d);
    known_plaintext(d);
    trained_pair(d);
}

/* ---- 4: the architecture ---- */

static void wrong_architecture(struct demo_lab *d) {
    uint8_t key[32], weights[32], plain[16] = "known plaintext", block[16];
    struct hkp_neuro_lab_brute b = {0};
    hkp_neuro_lab_nc1 *n = NULL;
    char name[40];
    randombytes_buf(key, sizeof key);
    hkp_neuro_lab_weight_key(key, weights);
    if (hkp_neuro_lab_nc1_new(&n, NULL, key, 2) != HKP_OK) {
        demo_lab_fact(d, "wrong_architecture", 0, "no memory");
        return;
    }
    hkp_neuro_lab_nc1_encrypt(n, plain, block);
    hkp_neuro_lab_nc1_free(n);
    const hkp_time began = cli_mono();
    hkp_neuro_lab_attack_brute(weights, 2, plain, block, cli_lab_progress, (void *)(uintptr_t) "architecture",
                               &b);
    const double wrong = b.tried > b.matches ? (double)b.wrong_distance / (b.tried - b.matches) : 0;
    demo_lab_fact(d, "wrong_architecture",
                  b.tried == HKP_NEURO_LAB_ARCHS && b.matches == 1 && wrong > 50 && wrong < 66,
                  "of %u architectures with the right weights' key one decrypts; the others leave %.1f of "
                  "128 bits wrong",
                  b.tried, wrong);
    demo_lab_fact(d, "found", b.found == hkp_neuro_lab_arch_index(key),
                  "and so it was found, %s, in %.1f s: a secret architecture alone is no obstacle",
                  cli_lab_name(b.found, name), (double)(cli_mono() - began) / 1e9);
}

static void space(struct demo_lab *d) {
    struct hkp_neuro_lab_arch arch;
    double weights = 0;
    for (uint32_t i = 0; i < HKP_NEURO_LAB_ARCHS; i++) {
        (void)hkp_neuro_lab_arch_get(i, &arch);
        weights += (double)hkp_neuro_lab_nc1_params(&arch);
    }
    weights *= HKP_NEURO_LAB_ROUNDS * 16.0 / HKP_NEURO_LAB_ARCHS;
    demo_lab_say(d, "%-34s %12.2f bits   a second's search", "architecture", log2(HKP_NEURO_LAB_ARCHS));
    demo_lab_say(d, "%-34s %12.0f bits   storage, not strength", "weights as stored, mean", weights);
    demo_lab_say(d, "%-34s %12d bits   at most: all of it comes from the key", "the key", 256);
    demo_lab_say(d, "%-34s %12d bits   after decades of analysis", "AES-256", 256);
    demo_lab_fact(d, "space", weights > 1e6,
                  "a larger network is a larger file: the key decides, and it has 256 bits");
}

static void generated(struct demo_lab *d) {
    static uint8_t seen[HKP_NEURO_LAB_ARCHS];
    uint8_t key[32], fresh[32], next[32];
    char name[40];
    unsigned distinct = 0;
    uint32_t moved = 0;
    memset(seen, 0, sizeof seen);
    randombytes_buf(key, sizeof key);
    for (uint32_t g = 1; g <= 1000; g++) {
        randombytes_buf(fresh, sizeof fresh);
        hkp_neuro_lab_rotate(key, g, fresh, next);
        const uint32_t was = hkp_neuro_lab_arch_index(key), is = hkp_neuro_lab_arch_index(next);
        moved += was != is;
        distinct += !seen[is];
        seen[is] = 1;
        if (g <= 3) demo_lab_say(d, "generation %u: %s (%u)", g, cli_lab_name(is, name), is);
        memcpy(key, next, sizeof key);
    }
    demo_lab_fact(d, "generated", distinct > 700 && moved > 900,
                  "1000 rotations of the key: %u different architectures", distinct);
}

static void architecture(struct demo_lab *d, hkp_neuro_bridge *bridge) {
    (void)bridge;
    wrong_architecture(d);
    space(d);
    generated(d);
}

/* ---- all ---- */

static const struct {
    const char *name, *title;
    void (*run)(struct demo_lab *d, hkp_neuro_bridge *bridge);
} demos[] = {
    {"cipher", "A cipher that is a network, and what breaks it", pure},
    {"services", "Two services that speak different schemas", demo_lab_services},
    {"levels", "Levels by context: never a weaker cipher", demo_lab_levels},
    {"architecture", "The architecture as part of the key", architecture},
};

static int demo_lab(int argc, char **argv) {
    struct demo_lab d = {.began = cli_mono()};
    int got;
    while ((got = cli_option(&cli_demo_lab, argc, argv, NULL)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'j') d.json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "demo lab wants no argument: %s", argv[optind]);
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "no randomness");
    hkp_neuro_bridge *bridge = demo_lab_bridge();
    if (bridge == NULL) return CLI_SYSTEM;
    json_t *report = json_object();
    cli_lab_warn();
    for (size_t i = 0; i < sizeof demos / sizeof demos[0]; i++) {
        const hkp_time from = cli_mono();
        const unsigned failed = d.failed;
        d.facts = json_array();
        if (!d.json) printf("%s%zu. %s\n", i > 0 ? "\n" : "", i + 1, demos[i].title);
        demos[i].run(&d, bridge);
        json_object_set_new(report, demos[i].name,
                            json_pack("{s:b, s:f, s:o}", "held", d.failed == failed, "seconds",
                                      (double)(cli_mono() - from) / 1e9, "facts", d.facts));
    }
    hkp_neuro_bridge_free(bridge);
    const double seconds = (double)(cli_mono() - d.began) / 1e9;
    json_object_set_new(report, "held", json_boolean(d.failed == 0));
    json_object_set_new(report, "total_seconds", json_real(seconds));
    if (d.json)
        cli_print_json(report, 0);
    else
        printf("\n%u of %u facts held, in %.1f s.\n", d.shown - d.failed, d.shown, seconds),
            json_decref(report);
    return d.failed == 0 ? CLI_OK : CLI_NO;
}

const struct cli_command cli_demo_lab = {
    .name = "demo lab",
    .summary = "neural ciphers and what breaks them, translation, levels, architecture",
    .help =
        "usage: hookprobe demo lab [--json]\n\n" HKP_NEURO_LAB_WARNING "\n\n"
        "Four demonstrations in a few seconds: a cipher that is a network, with attacks on it; an order in "
        "JSON\n"
        "that another service reads as Protobuf, sealed on the way; levels by context; and the architecture "
        "as\n"
        "part of the key. Each line is checked as it is printed: exit status 1 if one of them is not so.\n\n"
        "  --json      one JSON object at the end, and nothing else\n",
    .run = demo_lab,
};
