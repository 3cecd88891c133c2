/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher: the ciphers of the lab at work, and how large their space of keys is (LAB-2 to 4, 6).
 */
#include "lab_cipher.h"
#include "lab_room.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds_since(hkp_time began) { return (double)(cli_mono() - began) / 1e9; }

/* LAB-2.4 */
static int space(const struct cli_lab *o) {
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
static int brute(const struct cli_lab *o, const uint8_t key[32]) {
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
static int coupling(const struct cli_lab *o, const uint8_t key[32]) {
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

/* LAB-6.1: the next key has another network at once, and what was encrypted before is noise to it. */
static int rotate_coupling(const struct cli_lab *o, const uint8_t key[32]) {
    uint8_t fresh[32], next[32], plain[16] = "sixteen bytes..", block[16];
    char old_name[40], new_name[40];
    hkp_neuro_lab_nc1 *n = NULL, *m = NULL;
    randombytes_buf(fresh, sizeof fresh);
    hkp_neuro_lab_rotate(key, 1, fresh, next);
    const uint32_t from = hkp_neuro_lab_arch_index(key), to = hkp_neuro_lab_arch_index(next);
    const hkp_time began = cli_mono();
    hkp_status st = hkp_neuro_lab_nc1_new(&m, NULL, next, (uint32_t)o->rounds);
    const double seconds = seconds_since(began);
    if (st == HKP_OK) st = hkp_neuro_lab_nc1_new(&n, NULL, key, (uint32_t)o->rounds);
    if (st == HKP_OK) {
        hkp_neuro_lab_nc1_encrypt(n, plain, block);
        hkp_neuro_lab_nc1_decrypt(m, block, block);
    }
    hkp_neuro_lab_nc1_free(n);
    hkp_neuro_lab_nc1_free(m);
    sodium_memzero(fresh, sizeof fresh);
    sodium_memzero(next, sizeof next);
    if (st != HKP_OK) return cli_fail(cli_exit_of(st), "%s", cli_status_name(st));
    const int noise = memcmp(block, plain, sizeof plain) != 0;
    cli_lab_line(o->json,
                 json_pack("{s:i,s:i,s:f,s:b}", "index", (int)from, "next_index", (int)to, "seconds", seconds,
                           "old_block_is_noise", noise),
                 "%s (%u) becomes %s (%u) in %.3f s; an old block: %s", cli_lab_name(from, old_name), from,
                 cli_lab_name(to, new_name), to, seconds, noise ? "noise" : "STILL READ");
    return noise ? CLI_OK : CLI_NO;
}

static int numbers(struct cli_lab *o, int got) {
    uint64_t v = 0;
    int bad = 0;
    if (got == 'R') bad = cli_number(optarg, 1, HKP_NEURO_LAB_ROUNDS_MAX, &v), o->rounds = v;
    if (got == 'S') bad = cli_number(optarg, 1, HKP_NEURO_LAB_STEPS_MAX, &v), o->steps = v;
    if (got == 'l') bad = cli_number(optarg, 1, 65536, &v), o->lr = v;
    if (got == 'f') bad = cli_number(optarg, 1, 2, &v), o->form = v;
    if (got == 'i') bad = cli_number(optarg, 0, HKP_NEURO_LAB_ARCHS - 1, &v), o->index = v;
    if (got == 'n') bad = cli_number(optarg, 2, HKP_NEURO_LAB_PARTIES_MAX, &v), o->share = v;
    if (got == 'a') bad = cli_number(optarg, 1, HKP_NEURO_LAB_AVERAGE_ROUNDS_MAX, &v), o->average = v;
    if (got == 'w') bad = cli_number(optarg, 10, 60000, &v), o->wait_ms = v;
    return bad;
}

static int cheat_of(const char *name) {
    static const char *const names[] = {"none", "change", "two", "silent"};
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

static const struct option own[] = {
    {"nc1", no_argument, NULL, '1'},           {"nc0", no_argument, NULL, 't'},
    {"train", no_argument, NULL, 't'},         {"space", no_argument, NULL, 's'},
    {"brute", no_argument, NULL, 'b'},         {"rotate", no_argument, NULL, 'r'},
    {"forget", no_argument, NULL, 'g'},        {"share", required_argument, NULL, 'n'},
    {"average", required_argument, NULL, 'a'}, {"wait", required_argument, NULL, 'w'},
    {"cheat", required_argument, NULL, 'c'},   {"rounds", required_argument, NULL, 'R'},
    {"steps", required_argument, NULL, 'S'},   {"lr", required_argument, NULL, 'l'},
    {"form", required_argument, NULL, 'f'},    {"index", required_argument, NULL, 'i'},
    {"key", required_argument, NULL, 'k'},     {"in", required_argument, NULL, 'I'},
    {"out", required_argument, NULL, 'o'},     {NULL, 0, NULL, 0}};

static int take(struct cli_lab *o, int argc, char **argv) {
    int got;
    while ((got = cli_option(&cli_lab_cipher, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (numbers(o, got) != 0) return cli_fail(CLI_USAGE, "lab cipher: %s is out of range", optarg);
        if (got == 'c' && (o->cheat = cheat_of(optarg)) < 0)
            return cli_fail(CLI_USAGE, "--cheat: change, two or silent");
        if (got == 's') o->space = 1;
        if (got == 'b') o->brute = 1;
        if (got == 't') o->train = 1;
        if (got == '1') o->nc1 = 1;
        if (got == 'r') o->rotate = 1;
        if (got == 'g') o->forget = 1;
        if (got == 'k') o->key = optarg;
        if (got == 'I') o->in = optarg;
        if (got == 'o') o->out = optarg;
        if (got == 'j') o->json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "lab cipher takes no argument: %s", argv[optind]);
    if ((o->average != 0 || o->cheat != CLI_CHEAT_NONE) && o->share == 0)
        return cli_fail(CLI_USAGE, "--average and --cheat want --share N");
    if (o->rotate && (o->in != NULL || o->forget))
        return cli_fail(CLI_USAGE, "--rotate wants the key: no --in, no --forget");
    return CLI_OK;
}

static int cipher(int argc, char **argv) {
    struct cli_lab o = {.rounds = HKP_NEURO_LAB_ROUNDS,
                        .form = 1,
                        .lr = 16384,
                        .steps = 1000,
                        .index = UINT32_MAX,
                        .wait_ms = 1000};
    uint8_t key[32];
    int code = take(&o, argc, argv);
    if (code != CLI_OK) return code;
    if (cli_lab_key(o.key, key) != 0) return cli_fail(CLI_USAGE, "--key wants 64 hexadecimal digits");
    cli_lab_warn();
    code = o.space                           ? space(&o)
           : o.brute                         ? brute(&o, key)
           : o.share                         ? cli_lab_share(&o)
           : o.train || (o.rotate && !o.nc1) ? cli_lab_train(&o, key)
           : o.rotate                        ? rotate_coupling(&o, key)
                                             : coupling(&o, key);
    sodium_memzero(key, sizeof key);
    return code;
}

const struct cli_command cli_lab_cipher = {
    .name = "lab cipher",
    .summary = "EXPERIMENT: neural ciphers at work, and their space of keys",
    .help = "usage: hookprobe lab cipher [--nc1 | --space | --brute | --nc0 [--rotate] | --share N "
            "[--average Q]]\n"
            "       [--key HEX] [--json]\n\n"
            "Without a mode, or with --nc1: one block through NC1, the coupling network that the key "
            "chooses, and\n"
            "back.\n\n"
            "  --space       what there is to search, in bits\n"
            "  --brute       finds the architecture from one known block: all 4080 (--rounds R, 1..32)\n"
            "  --nc0         (or --train) trains NC0 and measures what it decodes wrongly\n"
            "                (--steps S, default 1000; --lr N; --form 1|2; --index I)\n"
            "  --out FILE    the pair, which is a key; what a signal stopped is written, too\n"
            "  --in FILE     a pair of --out: its training goes on\n"
            "  --forget      with --out: without the key that it was trained from\n"
            "  --rotate      with a second training from the next key, and what the two have in common;\n"
            "                with --nc1: another network at once\n"
            "  --share N     a key that N parties make together over HTP sessions on loopback; none of them\n"
            "                decides (--wait MS: how long a silent one is waited for, default 1000)\n"
            "  --cheat HOW   the last party cheats: change (another secret than promised), two (different\n"
            "                promises), silent (its secret never comes)\n"
            "  --average Q   the N parties train one pair in Q rounds (--steps S of all rounds; --index I)\n"
            "  --key HEX     32 bytes; default: random",
    .more = HKP_NEURO_LAB_WARNING,
    .run = cipher,
};
