/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * lab.*: what the ciphers of the lab cost beside AES-256-GCM, measured in the same run (LAB-9.2). Only in
 * builds with the lab. The reference aes256 is one call for as many bytes.
 */
#include "bench.h"

#include <hookprobe/neuro_lab.h>
#include <jansson.h>
#include <sodium.h>

enum { MEGABYTE = 1 << 20, KILOBYTE = 1024, NOW = 1760000000, TANH_128_128 = 1365, STEPS = 1000 };

struct fixture {
    crypto_aead_aes256gcm_state aes;
    uint8_t key[32], nonce[12], block[16], code[257];
    uint8_t *data;
    hkp_neuro_lab_nc1 *nc1;
    hkp_neuro_lab_nc0 *nc0, *untrained;
    uint32_t index;
    hkp_neuro_bridge *bridge;
    struct hkp_neuro_hyb_secret secret;
    struct hkp_neuro_hyb_options opt;
    struct hkp_neuro_lab_layer layer;
    uint8_t inter[KILOBYTE], sealed[4 * KILOBYTE];
    size_t inter_len;
};

static int have_aes;

static void aes(struct fixture *f, uint64_t times, size_t len) {
    for (uint64_t k = 0; k < times; k++)
        (void)crypto_aead_aes256gcm_encrypt_afternm(f->data, NULL, f->data, len, NULL, 0, NULL, f->nonce,
                                                    (const crypto_aead_aes256gcm_state *)&f->aes);
}
static void aes_16(void *user, uint64_t times) { aes(user, times, 16); }
static void aes_1k(void *user, uint64_t times) { aes(user, times, KILOBYTE); }
static void aes_1m(void *user, uint64_t times) { aes(user, times, MEGABYTE); }

static void chacha_1m(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++)
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(f->data, NULL, f->data, MEGABYTE, NULL, 0, NULL,
                                                        f->nonce, f->key);
}

static void nc1_block(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++) hkp_neuro_lab_nc1_encrypt(f->nc1, f->block, f->block);
}
static void nc1_1k(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++) hkp_neuro_lab_nc1_ctr(f->nc1, f->nonce, f->data, f->data, KILOBYTE);
}
static void nc1_init(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++) {
        hkp_neuro_lab_nc1 *n = NULL;
        bench_need(hkp_neuro_lab_nc1_new_arch(&n, NULL, f->key, f->index, HKP_NEURO_LAB_ROUNDS) == HKP_OK,
                   "no memory");
        hkp_neuro_lab_nc1_free(n);
    }
}

/* ---- the trained pair ---- */

static void next_block(struct fixture *f) {
    for (int i = 0; i < 16 && ++f->block[i] == 0; i++) {
    }
}

/* There and back once, without the retries of LAB-4.7. */
static void nc0_pass(void *user, uint64_t times) {
    struct fixture *f = user;
    int16_t code[128];
    for (uint64_t k = 0; k < times; k++) {
        next_block(f);
        hkp_neuro_lab_nc0_code(f->nc0, f->block, code);
        hkp_neuro_lab_nc0_decode(f->nc0, code, f->code);
    }
}
/* What it takes to send a block, or to find that it cannot be sent. */
static void nc0_encrypt(void *user, uint64_t times) {
    struct fixture *f = user;
    for (uint64_t k = 0; k < times; k++) {
        next_block(f);
        const hkp_status st = hkp_neuro_lab_nc0_encrypt(f->nc0, f->block, f->code);
        bench_need(st == HKP_OK || st == HKP_E_NEURO_LAB_UNENCODABLE, "not trained");
    }
}
static void nc0_step(void *user, uint64_t times) {
    struct fixture *f = user;
    bench_need(hkp_neuro_lab_nc0_train(f->untrained, (uint32_t)times, NULL, NULL) == HKP_OK, "no memory");
}

static hkp_neuro_lab_nc0 *pair(const struct fixture *f, uint32_t steps) {
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = TANH_128_128, .form = 1, .steps = steps};
    hkp_neuro_lab_nc0 *n = NULL;
    bench_need(hkp_neuro_lab_nc0_new(&n, f->key, &o) == HKP_OK, "no memory");
    return n;
}

/* Seconds until fewer than one bit of ten is decoded wrongly; measuring it is not counted. */
static void train(struct fixture *f) {
    static const uint8_t seed[32] = "measured blocks";
    double seconds = 0, reached = 0;
    f->nc0 = pair(f, STEPS);
    while (hkp_neuro_lab_nc0_steps(f->nc0, NULL, NULL) < STEPS) {
        struct hkp_neuro_lab_nc0_figures figures;
        const double began = bench_clock();
        bench_need(hkp_neuro_lab_nc0_train(f->nc0, 25, NULL, NULL) == HKP_OK, "no memory");
        seconds += bench_clock() - began;
        hkp_neuro_lab_nc0_measure(f->nc0, NULL, 200, seed, &figures);
        if (reached == 0 && figures.wrong_bits * 10 < figures.bits) reached = seconds;
    }
    bench_need(reached > 0, "the pair does not learn");
    if (bench_wanted("lab.train")) bench_once("lab.train", "s", reached, NULL, 0, 0);
}

static void trained(struct fixture *f) {
    if (!bench_wanted("lab.train") && !bench_wanted("lab.trained") && !bench_wanted("lab.nc0.encrypt"))
        return;
    train(f);
    if (bench_wanted("lab.trained"))
        bench_rate("lab.trained", "MB/s", 16e-6, nc0_pass, f, have_aes ? "aes256" : NULL,
                   have_aes ? aes_16 : NULL);
    if (bench_wanted("lab.nc0.encrypt")) bench_time("lab.nc0.encrypt", "us", 1e6, nc0_encrypt, f, NULL, NULL);
}

/* ---- the hybrid ---- */

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *n = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)((*n += 0x9E3779B97F4A7C15U) >> 56);
    return 0;
}

static void seal(void *user, uint64_t times) {
    struct fixture *f = user;
    size_t len;
    for (uint64_t k = 0; k < times; k++) {
        f->secret.sealed = 0;
        bench_need(hkp_neuro_hyb_seal(&f->secret, &f->opt, f->bridge, f->inter, f->inter_len, f->sealed,
                                      sizeof f->sealed, &len) == HKP_OK,
                   "not sealed");
    }
}

static size_t take(json_t *o, const char *key, uint8_t *dst, size_t room) {
    const char *hex = json_string_value(json_object_get(o, key));
    size_t len = 0;
    bench_need(hex != NULL && sodium_hex2bin(dst, room, hex, strlen(hex), NULL, &len, NULL) == 0,
               "a vector is not as expected");
    return len;
}

/* A key whose NC1 has two hidden layers: the weights of a key decide how fast it is. */
static void keys(struct fixture *f) {
    const uint8_t id[16] = {1};
    uint8_t master[32] = {0};
    struct hkp_neuro_lab_arch arch;
    do {
        master[0]++;
        bench_need(hkp_neuro_hyb_keys_derive(&f->secret, id, master, HKP_NEURO_HYB_FROM_RANDOM, NOW) ==
                       HKP_OK,
                   "no keys");
        (void)hkp_neuro_lab_arch_get(hkp_neuro_lab_arch_index(f->secret.layer), &arch);
    } while (arch.depth != 2);
}

static void hybrid(struct fixture *f) {
    static uint64_t random_state;
    json_t *file = json_load_file(BENCH_VECTORS "/translate.json", 0, NULL);
    bench_need(file != NULL, BENCH_VECTORS " cannot be read");
    const size_t len = take(file, "table", f->sealed, sizeof f->sealed);
    bench_need(hkp_neuro_bridge_new(&f->bridge, NULL, f->sealed, len) == HKP_OK, "no bridge");
    f->inter_len =
        take(json_array_get(json_object_get(file, "cases"), 0), "inter", f->inter, sizeof f->inter);
    json_decref(file);
    hkp_neuro_hyb_options_init(&f->opt, sizeof f->opt);
    f->opt.now_s = NOW;
    f->opt.expires_s = NOW + 60;
    f->opt.rng = (struct hkp_rng){&random_state, fill};
    keys(f);
    if (bench_wanted("lab.hybrid") && have_aes) {
        f->opt.suite = HKP_NEURO_HYB_AES256_GCM;
        bench_time("lab.hybrid", "us", 1e6, seal, f, "aes256", aes_1k);
    }
    f->opt.suite = HKP_NEURO_HYB_CHACHA20_POLY1305;
    f->opt.neural = 1;
    f->opt.layer = (struct hkp_neuro_hyb_layer){&f->layer, hkp_neuro_lab_layer_apply};
    if (bench_wanted("lab.hybrid.neural.1k"))
        bench_time("lab.hybrid.neural.1k", "us", 1e6, seal, f, have_aes ? "aes256" : NULL,
                   have_aes ? aes_1k : NULL);
    hkp_neuro_lab_layer_end(&f->layer);
    hkp_neuro_bridge_free(f->bridge);
}

/* ---- NC1 ---- */

static void network(struct fixture *f, uint32_t index) {
    hkp_neuro_lab_nc1_free(f->nc1);
    f->nc1 = NULL;
    f->index = index;
    bench_need(hkp_neuro_lab_nc1_new_arch(&f->nc1, NULL, f->key, index, HKP_NEURO_LAB_ROUNDS) == HKP_OK,
               "no memory");
}

static void coupling(struct fixture *f) {
    static const struct {
        const char *name;
        uint32_t index;
    } rows[] = {{"lab.nc1.min.r16", 0}, {"lab.nc1.tanh64x2.r16", 1360}, {"lab.nc1.max.r16", 4079}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!bench_wanted(rows[i].name)) continue;
        network(f, rows[i].index);
        bench_rate(rows[i].name, "MB/s", 16e-6, nc1_block, f, have_aes ? "aes256" : NULL,
                   have_aes ? aes_16 : NULL);
    }
    network(f, 1360);
    if (bench_wanted("lab.cipher"))
        bench_rate("lab.cipher", "MB/s", 1e-6 * KILOBYTE, nc1_1k, f, have_aes ? "aes256" : NULL,
                   have_aes ? aes_1k : NULL);
    f->index = 4079;
    if (bench_wanted("lab.nc1.init.max")) bench_time("lab.nc1.init.max", "ms", 1e3, nc1_init, f, NULL, NULL);
    hkp_neuro_lab_nc1_free(f->nc1);
}

static void brute(const struct fixture *f) {
    struct hkp_neuro_lab_brute found;
    hkp_neuro_lab_nc1 *n = NULL;
    uint8_t plain[16] = "known plaintext", block[16];
    if (!bench_wanted("lab.brute.4080.r2")) return;
    bench_need(hkp_neuro_lab_nc1_new_arch(&n, NULL, f->key, 1700, 2) == HKP_OK, "no memory");
    hkp_neuro_lab_nc1_encrypt(n, plain, block);
    hkp_neuro_lab_nc1_free(n);
    const double began = bench_clock();
    bench_need(hkp_neuro_lab_attack_brute(f->key, 2, plain, block, NULL, NULL, &found) == 1700, "not found");
    bench_once("lab.brute.4080.r2", "s", bench_clock() - began, NULL, 0, 0);
}

int main(int argc, char **argv) {
    static struct fixture f = {.key = {7}};
    bench_begin(argc, argv);
    bench_clock_id = CLOCK_PROCESS_CPUTIME_ID;
    bench_need(sodium_init() >= 0, "no libsodium");
    f.data = calloc(1, MEGABYTE + 16);
    bench_need(f.data != NULL, "no memory");
    have_aes = crypto_aead_aes256gcm_is_available();
    if (have_aes)
        (void)crypto_aead_aes256gcm_beforenm(&f.aes, f.key);
    else
        fputs("bench: no AES instructions: no reference for lab.*\n", stderr);
    if (have_aes && bench_wanted("lab.aes256gcm.16"))
        bench_rate("lab.aes256gcm.16", "MB/s", 16e-6, aes_16, &f, NULL, NULL);
    if (have_aes && bench_wanted("lab.aes256gcm.1m"))
        bench_rate("lab.aes256gcm.1m", "MB/s", 1e-6 * MEGABYTE, aes_1m, &f, NULL, NULL);
    if (bench_wanted("lab.chacha20poly1305.1m"))
        bench_rate("lab.chacha20poly1305.1m", "MB/s", 1e-6 * MEGABYTE, chacha_1m, &f, NULL, NULL);
    coupling(&f);
    trained(&f);
    if (bench_wanted("lab.nc0.train.step")) {
        f.untrained = pair(&f, HKP_NEURO_LAB_STEPS_MAX);
        bench_time("lab.nc0.train.step", "ms", 1e3, nc0_step, &f, NULL, NULL);
    }
    brute(&f);
    hybrid(&f);
    hkp_neuro_lab_nc0_free(f.nc0);
    hkp_neuro_lab_nc0_free(f.untrained);
    free(f.data);
    return 0;
}
