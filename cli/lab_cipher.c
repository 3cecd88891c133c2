/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher: the ciphers of the lab at work, and how large their space of keys is (LAB-2 to 4, 6).
 */
#include "lab.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    int json, space, brute, train, rotate;
    uint64_t share, rounds, steps, lr, form, index;
    const char *key, *out;
};

static double seconds_since(hkp_time began) { return (double)(cli_mono() - began) / 1e9; }

/* LAB-2.4 */
static int space(const struct options *o) {
    struct hkp_neuro_lab_arch arch;
    double weights = 0;
    for (uint32_t i = 0; i < HKP_NEURO_LAB_ARCHS; i++) {
        (void)hkp_neuro_lab_arch_get(i, &arch);
        weights += (double)hkp_neuro_lab_nc1_params(&arch);
    }
    weights *= HKP_NEURO_LAB_ROUNDS * 16.0 / HKP_NEURO_LAB_ARCHS;
    const struct {
        const char *what;
        double bits;
        const char *remark;
    } rows[] = {
        {"architecture", log2(HKP_NEURO_LAB_ARCHS), "enumerated in about a minute: --brute"},
        {"NC1 weights as stored, 16 rounds, mean", weights,
         "storage, not strength: all of it comes from the key"},
        {"the key", 256, "at most: no lower bound is known for any attack"},
        {"NC0, the trained pair", 256, "at most; 256 known pairs replace it: lab attack fit"},
        {"AES-256, ChaCha20", 256, "decades of analysis"},
        {"hybrid", 256, "that of the AEAD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cli_lab_line(
            o->json,
            json_pack("{s:s,s:f,s:s}", "what", rows[i].what, "bits", rows[i].bits, "remark", rows[i].remark),
            "%-40s %12.2f bits  %s", rows[i].what, rows[i].bits, rows[i].remark);
    return CLI_OK;
}

/* LAB-2.5: who has the weights' key and one pair finds the architecture. */
static int brute(const struct options *o, const uint8_t key[32]) {
    uint8_t weight_key[32], plain[16] = "known plaintext", block[16];
    struct hkp_neuro_lab_brute found;
    hkp_neuro_lab_nc1 *n = NULL;
    char name[40];
    const hkp_status st = hkp_neuro_lab_nc1_new(&n, NULL, key, (uint32_t)o->rounds);
    if (st != HKP_OK) return cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
    hkp_neuro_lab_nc1_encrypt(n, plain, block);
    hkp_neuro_lab_nc1_free(n);
    hkp_neuro_lab_weight_key(key, weight_key);
    const hkp_time began = cli_mono();
    hkp_neuro_lab_attack_brute(weight_key, (uint32_t)o->rounds, plain, block, cli_lab_progress,
                               (void *)(uintptr_t) "architecture", &found);
    const double seconds = seconds_since(began);
    const double distance = (double)found.wrong_distance / (found.tried - found.matches);
    cli_lab_line(
        o->json,
        json_pack("{s:i,s:i,s:i,s:f,s:f,s:b}", "tried", (int)found.tried, "matches", (int)found.matches,
                  "index", (int)found.found, "wrong_distance", distance, "seconds", seconds, "right",
                  found.found == hkp_neuro_lab_arch_index(key)),
        "%u architectures tried in %.1f s: %u decrypts, %s (%u); the others leave %.1f of 128 bits flipped",
        found.tried, seconds, found.matches, cli_lab_name(found.found, name), found.found, distance);
    return found.matches == 1 && found.found == hkp_neuro_lab_arch_index(key) ? CLI_OK : CLI_NO;
}

/* One block there and back, with a wrong architecture, and twice the same. */
static int coupling(const struct options *o, const uint8_t key[32]) {
    const uint32_t index = hkp_neuro_lab_arch_index(key), other = (index + 1) % HKP_NEURO_LAB_ARCHS;
    uint8_t weight_key[32], plain[16] = "sixteen bytes..", block[16], back[16], wrong[16];
    char text[33], name[40];
    hkp_neuro_lab_nc1 *n = NULL, *m = NULL;
    hkp_neuro_lab_weight_key(key, weight_key);
    hkp_status st = hkp_neuro_lab_nc1_new(&n, NULL, key, (uint32_t)o->rounds);
    if (st == HKP_OK) st = hkp_neuro_lab_nc1_new_arch(&m, NULL, weight_key, other, (uint32_t)o->rounds);
    if (st == HKP_OK) {
        hkp_neuro_lab_nc1_encrypt(n, plain, block);
        hkp_neuro_lab_nc1_decrypt(n, block, back);
        hkp_neuro_lab_nc1_decrypt(m, block, wrong);
    }
    hkp_neuro_lab_nc1_free(n);
    hkp_neuro_lab_nc1_free(m);
    if (st != HKP_OK) return cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
    const int exact = memcmp(back, plain, 16) == 0, differs = memcmp(wrong, plain, 16) != 0;
    sodium_bin2hex(text, sizeof text, block, 16);
    cli_lab_line(o->json,
                 json_pack("{s:i,s:s,s:i,s:s,s:b,s:b}", "index", (int)index, "architecture",
                           cli_lab_name(index, name), "rounds", (int)o->rounds, "block", text, "decrypts",
                           exact, "wrong_architecture_fails", differs),
                 "%s (%u), %u rounds: %s; decrypts exactly: %s; architecture %u instead: %s",
                 cli_lab_name(index, name), index, (unsigned)o->rounds, text, exact ? "yes" : "NO", other,
                 differs ? "noise" : "THE SAME");
    return exact && differs ? CLI_OK : CLI_NO;
}

/* A pair trained to the end; NULL: said why. */
static hkp_neuro_lab_nc0 *trained(const struct options *o, const uint8_t key[32], double *seconds) {
    const struct hkp_neuro_lab_nc0_options no = {.struct_size = sizeof no,
                                                 .index = (uint32_t)o->index,
                                                 .form = (uint32_t)o->form,
                                                 .steps = (uint32_t)o->steps,
                                                 .lr = (uint32_t)o->lr};
    hkp_neuro_lab_nc0 *n = NULL;
    const hkp_time began = cli_mono();
    hkp_status st = hkp_neuro_lab_nc0_new(&n, key, &no);
    if (st == HKP_OK)
        st = hkp_neuro_lab_nc0_train(n, UINT32_MAX, cli_lab_progress, (void *)(uintptr_t) "training step");
    *seconds = seconds_since(began);
    if (st == HKP_OK) return n;
    (void)cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
    hkp_neuro_lab_nc0_free(n);
    return NULL;
}

static void tell_figures(const struct options *o, const char *what, uint32_t index, double seconds,
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

/* LAB-4, and with --rotate LAB-6.1: another pair from the next key, and what they have in common. */
static int train(const struct options *o, const uint8_t key[32]) {
    static const uint8_t seed[32] = "measured blocks";
    struct hkp_neuro_lab_nc0_figures f;
    struct hkp_neuro_lab_arch arch;
    double seconds = 0;
    uint8_t fresh[32], next[32];
    hkp_neuro_lab_nc0 *n = trained(o, key, &seconds), *m = NULL;
    if (n == NULL) return CLI_USAGE;
    (void)hkp_neuro_lab_nc0_steps(n, NULL, &arch);
    hkp_neuro_lab_nc0_measure(n, NULL, 2000, seed, &f);
    tell_figures(o, "trained", arch.index, seconds, &f);
    int code = o->out != NULL ? cli_lab_pair_write(n, o->out, 0) : CLI_OK;
    if (code == CLI_OK && o->rotate) {
        struct options again = *o;
        again.index = arch.index; /* so that the two can be compared */
        randombytes_buf(fresh, sizeof fresh);
        hkp_neuro_lab_rotate(key, 1, fresh, next);
        if ((m = trained(&again, next, &seconds)) == NULL) code = CLI_SYSTEM;
    }
    if (m != NULL) {
        hkp_neuro_lab_nc0_measure(m, NULL, 2000, seed, &f);
        tell_figures(o, "retrained from the next key", arch.index, seconds, &f);
        hkp_neuro_lab_nc0_measure(n, m, 2000, seed, &f);
        tell_figures(o, "old code, new decoder", arch.index, 0, &f);
        const double common = hkp_neuro_lab_nc0_common_ppm(n, m) / 10000.0;
        cli_lab_line(o->json, json_pack("{s:s,s:f}", "what", "equal weights", "percent", common),
                     "equal weights: %.3f %%", common);
    }
    hkp_neuro_lab_nc0_free(n);
    hkp_neuro_lab_nc0_free(m);
    return code;
}

/* LAB-6.2 among n parties of this process; over a network the messages go through HTP sessions. */
static int share(const struct options *o) {
    static struct hkp_neuro_lab_share party[HKP_NEURO_LAB_PARTIES_MAX];
    uint8_t session[32], secret[16][32], blind[16][32], keys[16][32];
    const uint32_t n = (uint32_t)o->share;
    randombytes_buf(session, 32);
    randombytes_buf(secret, sizeof secret);
    randombytes_buf(blind, sizeof blind);
    int good = 1;
    for (uint32_t i = 0; i < n; i++)
        good &= hkp_neuro_lab_share_begin(&party[i], session, n, i, secret[i], blind[i]) == HKP_OK;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            good &= hkp_neuro_lab_share_commit(&party[i], k, party[k].commit[k]) == HKP_OK;
    /* who changes its mind after the commits is found by all */
    uint8_t other[32];
    memcpy(other, secret[n - 1], 32);
    other[0] ^= 1;
    const int caught =
        hkp_neuro_lab_share_reveal(&party[0], n - 1, other, blind[n - 1]) == HKP_E_NEURO_LAB_COMMIT;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++)
            good &= hkp_neuro_lab_share_reveal(&party[i], k, secret[k], blind[k]) == HKP_OK;
        good &= hkp_neuro_lab_share_key(&party[i], keys[i]) == HKP_OK;
        good &= sodium_memcmp(keys[i], keys[0], 32) == 0;
    }
    cli_lab_line(
        o->json,
        json_pack("{s:i,s:b,s:b}", "parties", (int)n, "same_key", good, "changed_secret_found", caught),
        "%u parties: the same key: %s; a secret changed after its commit: %s", n, good ? "yes" : "NO",
        caught ? "refused" : "TAKEN");
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(keys, sizeof keys);
    return good && caught ? CLI_OK : CLI_NO;
}

static int numbers(struct options *o, int got) {
    uint64_t v = 0;
    int bad = 0;
    if (got == 'R') bad = cli_number(optarg, 1, HKP_NEURO_LAB_ROUNDS_MAX, &v), o->rounds = v;
    if (got == 'S') bad = cli_number(optarg, 1, HKP_NEURO_LAB_STEPS_MAX, &v), o->steps = v;
    if (got == 'l') bad = cli_number(optarg, 1, 65536, &v), o->lr = v;
    if (got == 'f') bad = cli_number(optarg, 1, 2, &v), o->form = v;
    if (got == 'i') bad = cli_number(optarg, 0, HKP_NEURO_LAB_ARCHS - 1, &v), o->index = v;
    if (got == 'n') bad = cli_number(optarg, 2, HKP_NEURO_LAB_PARTIES_MAX, &v), o->share = v;
    return bad;
}

static int cipher(int argc, char **argv) {
    static const struct option own[] = {{"space", no_argument, NULL, 's'},
                                        {"brute", no_argument, NULL, 'b'},
                                        {"nc0", no_argument, NULL, 't'},
                                        {"rotate", no_argument, NULL, 'r'},
                                        {"share", required_argument, NULL, 'n'},
                                        {"rounds", required_argument, NULL, 'R'},
                                        {"steps", required_argument, NULL, 'S'},
                                        {"lr", required_argument, NULL, 'l'},
                                        {"form", required_argument, NULL, 'f'},
                                        {"index", required_argument, NULL, 'i'},
                                        {"key", required_argument, NULL, 'k'},
                                        {"out", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};
    struct options o = {
        .rounds = HKP_NEURO_LAB_ROUNDS, .form = 1, .lr = 16384, .steps = 1000, .index = UINT32_MAX};
    uint8_t key[32];
    int got;
    while ((got = cli_option(&cli_lab_cipher, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (numbers(&o, got) != 0) return cli_fail(CLI_USAGE, "lab cipher: %s is out of range", optarg);
        if (got == 's') o.space = 1;
        if (got == 'b') o.brute = 1;
        if (got == 't') o.train = 1;
        if (got == 'r') o.train = o.rotate = 1;
        if (got == 'k') o.key = optarg;
        if (got == 'o') o.out = optarg;
        if (got == 'j') o.json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "lab cipher takes no argument: %s", argv[optind]);
    if (cli_lab_key(o.key, key) != 0) return cli_fail(CLI_USAGE, "--key wants 64 hexadecimal digits");
    cli_lab_warn();
    const int code = o.space   ? space(&o)
                     : o.brute ? brute(&o, key)
                     : o.train ? train(&o, key)
                     : o.share ? share(&o)
                               : coupling(&o, key);
    sodium_memzero(key, sizeof key);
    return code;
}

const struct cli_command cli_lab_cipher = {
    .name = "lab cipher",
    .summary = "EXPERIMENT: neural ciphers at work, and their space of keys",
    .help = "usage: hookprobe lab cipher [--space | --brute | --nc0 [--rotate] | --share N] [--key HEX] "
            "[--json]\n\n"
            "Without a mode: one block through NC1, the coupling network that the key chooses, and back.\n\n"
            "  --space       what there is to search, in bits\n"
            "  --brute       finds the architecture from one known block: all 4080 (--rounds R, 1..32)\n"
            "  --nc0         trains NC0 and measures what it decodes wrongly\n"
            "                (--steps S, default 1000; --lr N; --form 1|2; --index I; --out FILE, which is a "
            "key)\n"
            "  --rotate      with a second training from the next key, and what the two have in common\n"
            "  --share N     a key that N parties make together, none of whom decides\n"
            "  --key HEX     32 bytes; default: random",
    .more = HKP_NEURO_LAB_WARNING,
    .run = cipher,
};
