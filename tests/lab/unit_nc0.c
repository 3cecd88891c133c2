/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* NC0 from key to file: training in pieces, exactness, refusals (LAB-4.5 to 4.7, 6.1).
 * HKP_LAB_FULL=1 trains the pair of LAB-4.8 that decodes everything, for half a minute. */
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

static const uint8_t KEY[32] = {7};
/* Tanh 128-128, the smallest pair that learns to send. */
static const uint32_t TANH_128_128 = 1360 + 5;

static hkp_neuro_lab_nc0 *pair(uint32_t index, uint32_t form, uint32_t steps) {
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = index, .form = form, .steps = steps, .batch = 8};
    hkp_neuro_lab_nc0 *n = NULL;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_OK);
    return n;
}

static int32_t stop_at_100(void *user, uint32_t step, uint32_t of, uint32_t wrong, uint32_t bits) {
    uint32_t *calls = user;
    CHECK(step <= of && wrong <= bits && bits == 8 * 128);
    ++*calls;
    return step == 100;
}

static void training_in_pieces_is_training_at_once(void) {
    hkp_neuro_lab_nc0 *a = pair(0, 1, 130), *b = pair(0, 1, 130), *c = NULL;
    uint8_t ha[32], hb[32];
    uint32_t calls = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_train(a, UINT32_MAX, NULL, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_train(b, UINT32_MAX, stop_at_100, &calls), HKP_E_NEURO_LAB_CANCELLED);
    CHECK_EQ(hkp_neuro_lab_nc0_steps(b, NULL, NULL), 100);
    size_t len = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_save(b, 1, NULL, 0, &len), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(hkp_neuro_lab_nc0_save(b, 0, NULL, 0, &len), HKP_OK);
    uint8_t *file = malloc(len);
    CHECK_EQ(hkp_neuro_lab_nc0_save(b, 0, file, len - 1, &len), HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_lab_nc0_save(b, 0, file, len, &len), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_load(&c, NULL, file, len), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_train(c, UINT32_MAX, stop_at_100, &calls), HKP_OK);
    CHECK_EQ(calls, 2);
    hkp_neuro_lab_nc0_hash(a, ha);
    hkp_neuro_lab_nc0_hash(c, hb);
    CHECK_MEM(ha, hb, 32);
    free(file);
    hkp_neuro_lab_nc0_free(a);
    hkp_neuro_lab_nc0_free(b);
    hkp_neuro_lab_nc0_free(c);
}

static void every_byte_of_a_file_counts(void) {
    hkp_neuro_lab_nc0 *a = pair(0, 1, 1), *c = NULL;
    size_t len = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_train(a, 1, NULL, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_save(a, 1, NULL, 0, &len), HKP_OK);
    uint8_t *file = malloc(len);
    CHECK_EQ(hkp_neuro_lab_nc0_save(a, 1, file, len, &len), HKP_OK);
    for (size_t i = 0; i < len; i += i < 64 || i + 40 > len ? 1 : 997) {
        file[i] ^= 1;
        CHECK_EQ(hkp_neuro_lab_nc0_load(&c, NULL, file, len), HKP_E_NEURO_LAB_FILE);
        CHECK(c == NULL);
        file[i] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut += 1 + len / 50)
        CHECK_EQ(hkp_neuro_lab_nc0_load(&c, NULL, file, cut), HKP_E_NEURO_LAB_FILE);
    /* a weight out of range, with a digest that fits */
    file[60] = 0x04;
    crypto_hash_sha256(file + len - 32, file, len - 32);
    CHECK_EQ(hkp_neuro_lab_nc0_load(&c, NULL, file, len), HKP_E_NEURO_LAB_FILE);
    free(file);
    hkp_neuro_lab_nc0_free(a);
}

static void what_is_sent_decodes_exactly_or_is_refused(void) {
    hkp_neuro_lab_nc0 *n = pair(TANH_128_128, 1, 300);
    uint8_t in[16], out[257], back[16];
    memset(in, 0x5A, sizeof in);
    CHECK_EQ(hkp_neuro_lab_nc0_encrypt(n, in, out), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
    uint32_t sent = 0, refused = 0;
    for (uint32_t i = 0; i < 24; i++) {
        in[0] = (uint8_t)i;
        const hkp_status st = hkp_neuro_lab_nc0_encrypt(n, in, out);
        if (st == HKP_OK) {
            sent++;
            CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, sizeof out, back), HKP_OK);
            CHECK_MEM(back, in, 16);
        } else {
            refused++;
            CHECK_EQ(st, HKP_E_NEURO_LAB_UNENCODABLE);
            CHECK(sodium_is_zero(out, sizeof out));
        }
    }
    printf("# %u sent, %u refused\n", sent, refused);
    CHECK_EQ(sent + refused, 24);
    CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, 256, back), HKP_E_NEURO_LAB_LENGTH);
    out[0] = 64;
    CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, sizeof out, back), HKP_E_NEURO_LAB_RANGE);
    out[0] = 0;
    out[1] = 0x80;
    out[2] = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, sizeof out, back), HKP_E_NEURO_LAB_RANGE);
    hkp_neuro_lab_nc0_free(n);
}

static void a_pair_that_learned_enough_sends_all(void) {
    if (getenv("HKP_LAB_FULL") == NULL) {
        printf("# HKP_LAB_FULL=1 runs it\n");
        return;
    }
    const struct hkp_neuro_lab_nc0_options o = {.struct_size = sizeof o,
                                                .index = 1360 + 15,
                                                .form = 1,
                                                .steps = 1500,
                                                .lr = 16384}; /* Tanh 512-512 */
    static const uint8_t seed[32] = {1};
    struct hkp_neuro_lab_nc0_figures f;
    hkp_neuro_lab_nc0 *n = NULL;
    uint8_t in[16] = {0}, out[257], back[16];
    uint32_t fit = 0;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
    hkp_neuro_lab_nc0_measure(n, NULL, 2000, seed, &f);
    CHECK(f.wrong_bits * 10000 < f.bits);
    for (uint32_t i = 0; i < 200; i++) {
        in[i % 16]++;
        CHECK_EQ(hkp_neuro_lab_nc0_encrypt(n, in, out), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, sizeof out, back), HKP_OK);
        CHECK_MEM(back, in, 16);
    }
    CHECK_EQ(hkp_neuro_lab_attack_fit_nc0(n, 256, seed, &fit), HKP_OK);
    printf("# %llu bits wrong; 256 known pairs read %u ppm of fresh bits\n", (unsigned long long)f.wrong_bits,
           fit);
    CHECK(fit > 990000);
    struct hkp_neuro_lab_flip flip;
    uint32_t forced = 0;
    hkp_neuro_lab_attack_flip(n, 100, seed, &flip);
    CHECK_EQ(hkp_neuro_lab_attack_bend(n, 1000, 1000, seed, &forced), HKP_OK);
    printf("# one bit changed in %u of 100 blocks by %u words, forced in %u ppm\n", flip.reached, flip.median,
           forced);
    CHECK(flip.reached > 95 && flip.median <= 4 && forced > 950000);
    hkp_neuro_lab_nc0_free(n);
}

static void training_lowers_the_error_and_another_key_reads_noise(void) {
    hkp_neuro_lab_nc0 *n = pair(TANH_128_128, 1, 200), *other = NULL;
    const struct hkp_neuro_lab_nc0_options o = {
        .struct_size = sizeof o, .index = TANH_128_128, .form = 1, .steps = 200, .batch = 8};
    static const uint8_t another[32] = {8}, seed[32] = {9};
    struct hkp_neuro_lab_nc0_figures before, after, cross;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&other, another, &o), HKP_OK);
    hkp_neuro_lab_nc0_measure(n, NULL, 100, seed, &before);
    CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_lab_nc0_train(other, UINT32_MAX, NULL, NULL), HKP_OK);
    hkp_neuro_lab_nc0_measure(n, NULL, 100, seed, &after);
    hkp_neuro_lab_nc0_measure(n, other, 100, seed, &cross);
    printf("# wrong bits: %llu untrained, %llu trained, %llu by another pair\n",
           (unsigned long long)before.wrong_bits, (unsigned long long)after.wrong_bits,
           (unsigned long long)cross.wrong_bits);
    CHECK(before.wrong_bits > before.bits * 4 / 10 && after.wrong_bits < after.bits * 3 / 10);
    CHECK(cross.wrong_bits > cross.bits * 45 / 100 && cross.wrong_bits < cross.bits * 55 / 100);
    CHECK(hkp_neuro_lab_nc0_common_ppm(n, other) < 10000);
    CHECK_EQ(hkp_neuro_lab_nc0_common_ppm(n, n), 1000000);
    hkp_neuro_lab_nc0_free(n);
    hkp_neuro_lab_nc0_free(other);
}

static void form_two_has_codes_of_signs(void) {
    hkp_neuro_lab_nc0 *n = pair(TANH_128_128, 2, 3);
    static const uint8_t in[16] = {1, 2, 3};
    int16_t code[128];
    CHECK_EQ(hkp_neuro_lab_nc0_size(n), 17);
    CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
    hkp_neuro_lab_nc0_code(n, in, code);
    for (size_t i = 0; i < 128; i++) CHECK(code[i] == 32767 || code[i] == -32767);
    hkp_neuro_lab_nc0_free(n);
}

static void options_out_of_range_are_refused(void) {
    struct hkp_neuro_lab_nc0_options o = {.struct_size = sizeof o, .index = 4080, .form = 1};
    hkp_neuro_lab_nc0 *n = NULL;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_E_NEURO_LAB_ARCH);
    o.index = 0;
    o.form = 3;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_E_NEURO_LAB_RANGE);
    o.form = 1;
    o.steps = 100001;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_E_NEURO_LAB_RANGE);
    o.steps = 1;
    o.batch = 257;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_E_NEURO_LAB_RANGE);
    o.batch = 1;
    o.lr = 65537;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, KEY, &o), HKP_E_NEURO_LAB_RANGE);
    CHECK(n == NULL);
}

int main(void) {
    CASE(training_in_pieces_is_training_at_once);
    CASE(every_byte_of_a_file_counts);
    CASE(what_is_sent_decodes_exactly_or_is_refused);
    CASE(a_pair_that_learned_enough_sends_all);
    CASE(training_lowers_the_error_and_another_key_reads_noise);
    CASE(form_two_has_codes_of_signs);
    CASE(options_out_of_range_are_refused);
    return check_done();
}
