/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Laws of the lab's codecs, for keys, architectures and texts that are drawn: what is encrypted decrypts,
 * counter mode is its own inverse, a file gives back its pair (LAB-2.2, 3.1, 3.4, 4.6, 4.7, 8.4). HKP_SEED
 * tries others.
 */
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

static uint64_t draws;

static void draw(void *dst, size_t len) {
    uint8_t key[32] = {0}, nonce[8];
    const uint64_t seed = check_seed();
    for (size_t i = 0; i < 8; i++) {
        key[i] = (uint8_t)(seed >> 8 * i);
        nonce[i] = (uint8_t)(draws >> 8 * i);
    }
    draws++;
    crypto_stream_chacha20(dst, len, nonce, key);
}

static uint32_t below(uint32_t limit) {
    uint32_t v;
    draw(&v, sizeof v);
    return v % limit;
}

/* Small ones more often, so that there are many; the larger ones, too. */
static uint32_t drawn_index(void) {
    struct hkp_neuro_lab_arch arch;
    uint32_t index;
    do {
        index = below(HKP_NEURO_LAB_ARCHS);
        CHECK_EQ(hkp_neuro_lab_arch_get(index, &arch), HKP_OK);
    } while (arch.depth > 3 && below(8) != 0);
    return index;
}

static void a_block_of_any_network_comes_back(void) {
    for (int k = 0; k < 24; k++) {
        uint8_t key[32], in[16], block[16], same[16], back[16];
        hkp_neuro_lab_nc1 *n = NULL;
        draw(key, sizeof key);
        CHECK_EQ(hkp_neuro_lab_nc1_new_arch(&n, NULL, key, drawn_index(), 1 + below(8)), HKP_OK);
        for (int b = 0; b < 8; b++) {
            draw(in, sizeof in);
            hkp_neuro_lab_nc1_encrypt(n, in, block);
            memcpy(same, in, sizeof in);
            hkp_neuro_lab_nc1_encrypt(n, same, same); /* in place */
            CHECK_MEM(same, block, 16);
            hkp_neuro_lab_nc1_decrypt(n, block, back);
            CHECK_MEM(back, in, 16);
            hkp_neuro_lab_nc1_encrypt(n, back, back);
            hkp_neuro_lab_nc1_decrypt(n, back, back);
            CHECK_MEM(back, in, 16);
            hkp_neuro_lab_nc1_decrypt(n, in, back); /* a permutation: each block is one of some other */
            hkp_neuro_lab_nc1_encrypt(n, back, back);
            CHECK_MEM(back, in, 16);
        }
        hkp_neuro_lab_nc1_free(n);
    }
}

static void counter_mode_is_its_own_inverse_at_every_length(void) {
    uint8_t key[32], iv[8], in[100], out[100], part[100];
    hkp_neuro_lab_nc1 *n = NULL;
    draw(key, sizeof key);
    CHECK_EQ(hkp_neuro_lab_nc1_new_arch(&n, NULL, key, below(3) * 1360, 4), HKP_OK);
    for (size_t len = 0; len <= sizeof in; len++) {
        draw(iv, sizeof iv);
        draw(in, sizeof in);
        hkp_neuro_lab_nc1_ctr(n, iv, in, out, len);
        hkp_neuro_lab_nc1_ctr(n, iv, in, part, len / 2); /* a beginning is the beginning */
        CHECK(memcmp(out, part, len / 2) == 0);
        hkp_neuro_lab_nc1_ctr(n, iv, out, out, len);
        CHECK(memcmp(out, in, len) == 0);
    }
    hkp_neuro_lab_nc1_free(n);
}

static void each_block_of_counter_mode_has_its_own_number(void) {
    uint8_t key[32], counter[16], block[16], out[16 * 300] = {0};
    hkp_neuro_lab_nc1 *n = NULL;
    draw(key, sizeof key);
    draw(counter, 8);
    CHECK_EQ(hkp_neuro_lab_nc1_new_arch(&n, NULL, key, 0, 2), HKP_OK);
    hkp_neuro_lab_nc1_ctr(n, counter, out, out, sizeof out);
    for (uint32_t i = 0; i < sizeof out / 16; i++) {
        memset(counter + 8, 0, 8);
        counter[14] = (uint8_t)(i >> 8);
        counter[15] = (uint8_t)i;
        hkp_neuro_lab_nc1_encrypt(n, counter, block);
        CHECK_MEM(out + 16 * (size_t)i, block, 16);
    }
    hkp_neuro_lab_nc1_free(n);
}

/* One key in 256 draws a number that names no architecture first (LAB-2.2). */
static void a_number_that_names_nothing_is_passed_over(void) {
    uint8_t key[32], a[32];
    uint32_t first, second, tries = 0;
    do {
        CHECK(++tries < 100000);
        draw(key, sizeof key);
        crypto_auth_hmacsha256(a, (const uint8_t *)"LAB1 arch", 10, key);
        first = ((uint32_t)a[0] << 8 | a[1]) & 4095U;
        second = ((uint32_t)a[2] << 8 | a[3]) & 4095U;
    } while (first < HKP_NEURO_LAB_ARCHS || second >= HKP_NEURO_LAB_ARCHS);
    CHECK_EQ(hkp_neuro_lab_arch_index(key), second);
}

static void the_layer_of_a_message_is_its_own_inverse_whatever_key_came_before(void) {
    struct hkp_neuro_lab_layer layer = {0}, fresh = {0};
    uint8_t keys[2][32], iv[8], in[200], once[200], twice[200];
    draw(keys, sizeof keys);
    for (int k = 0; k < 4; k++) {
        draw(iv, sizeof iv);
        draw(in, sizeof in);
        memcpy(once, in, sizeof in);
        CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, keys[k & 1], iv, once, sizeof once), HKP_OK);
        CHECK(memcmp(once, in, sizeof in) != 0);
        memcpy(twice, once, sizeof once);
        CHECK_EQ(hkp_neuro_lab_layer_apply(&fresh, keys[k & 1], iv, twice, sizeof twice), HKP_OK);
        CHECK_MEM(twice, in, sizeof in);
        hkp_neuro_lab_layer_end(&fresh);
    }
    CHECK_EQ(hkp_neuro_lab_layer_apply(&layer, keys[1], iv, once, 0), HKP_OK);
    hkp_neuro_lab_layer_end(&layer);
    hkp_neuro_lab_layer_end(&layer);
}

static hkp_neuro_lab_nc0 *drawn_pair(uint32_t form, uint32_t *steps) {
    uint8_t key[32];
    draw(key, sizeof key);
    *steps = 1 + below(3);
    const struct hkp_neuro_lab_nc0_options o = {.struct_size = sizeof o,
                                                .index = below(3) * 1360 + below(6),
                                                .form = form,
                                                .steps = *steps,
                                                .lr = 1 + below(65536),
                                                .batch = 1 + below(8)};
    hkp_neuro_lab_nc0 *n = NULL;
    CHECK_EQ(hkp_neuro_lab_nc0_new(&n, key, &o), HKP_OK);
    return n;
}

static void a_file_gives_back_its_pair_at_any_time_of_its_training(void) {
    for (int k = 0; k < 10; k++) {
        uint32_t steps;
        hkp_neuro_lab_nc0 *n = drawn_pair(1 + below(2), &steps), *m = NULL;
        uint8_t a[32], b[32];
        size_t len = 0, again = 0;
        CHECK_EQ(hkp_neuro_lab_nc0_train(n, below(steps + 1), NULL, NULL), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_nc0_save(n, 0, NULL, 0, &len), HKP_OK);
        uint8_t *file = malloc(len), *copy = malloc(len);
        CHECK_EQ(hkp_neuro_lab_nc0_save(n, 0, file, len, &len), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_nc0_load(&m, NULL, file, len), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_nc0_save(m, 0, copy, len, &again), HKP_OK);
        CHECK_EQ(again, len);
        CHECK(memcmp(file, copy, len) == 0);
        CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_nc0_train(m, UINT32_MAX, NULL, NULL), HKP_OK);
        hkp_neuro_lab_nc0_hash(n, a);
        hkp_neuro_lab_nc0_hash(m, b);
        CHECK_MEM(a, b, 32);
        free(file);
        free(copy);
        hkp_neuro_lab_nc0_free(n);
        hkp_neuro_lab_nc0_free(m);
    }
}

/* Pairs that learned nothing, and a pair that maps signs to signs: whatever is sent decodes (LAB-4.7). */
static void what_is_sent_is_what_is_read(void) {
    uint32_t refused = 0;
    for (int k = 0; k < 3; k++) {
        uint32_t steps;
        hkp_neuro_lab_nc0 *n = drawn_pair(1 + below(2), &steps);
        uint8_t in[16], out[257], back[16];
        CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
        for (int b = 0; b < 2; b++) {
            draw(in, sizeof in);
            const hkp_status st = hkp_neuro_lab_nc0_encrypt(n, in, out);
            refused += st == HKP_E_NEURO_LAB_UNENCODABLE;
            if (st != HKP_OK) continue;
            CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, out, hkp_neuro_lab_nc0_size(n), back), HKP_OK);
            CHECK_MEM(back, in, 16);
        }
        hkp_neuro_lab_nc0_free(n);
    }
    CHECK(refused > 0); /* who learned nothing sends nothing */
}

/* -32768 is no value of a code; only form 1 could carry it. */
static int has_lowest(const uint8_t *code, size_t len) {
    for (size_t i = 1; len == 257 && i < len; i += 2)
        if (code[i] == 0x80 && code[i + 1] == 0) return 1;
    return 0;
}

/* Any bytes of the right length are read as something, or refused by name: no code is a fault. */
static void every_code_is_read_or_refused(void) {
    for (uint32_t form = 1; form <= 2; form++) {
        uint32_t steps;
        hkp_neuro_lab_nc0 *n = drawn_pair(form, &steps);
        uint8_t code[257], out[16];
        CHECK_EQ(hkp_neuro_lab_nc0_train(n, UINT32_MAX, NULL, NULL), HKP_OK);
        for (int k = 0; k < 100; k++) {
            const size_t len = below(4) == 0 ? below(258) : hkp_neuro_lab_nc0_size(n);
            draw(code, sizeof code);
            code[0] %= 80;
            if (below(4) == 0) memcpy(code + 1 + 2 * (size_t)below(128), "\x80", 2);
            const hkp_status want = len != hkp_neuro_lab_nc0_size(n) ? HKP_E_NEURO_LAB_LENGTH
                                    : code[0] >= HKP_NEURO_LAB_TRIES || has_lowest(code, len)
                                        ? HKP_E_NEURO_LAB_RANGE
                                        : HKP_OK;
            CHECK_EQ(hkp_neuro_lab_nc0_decrypt(n, code, len, out), want);
            CHECK(want == HKP_OK || sodium_is_zero(out, sizeof out));
        }
        hkp_neuro_lab_nc0_free(n);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(a_block_of_any_network_comes_back);
    CASE(counter_mode_is_its_own_inverse_at_every_length);
    CASE(each_block_of_counter_mode_has_its_own_number);
    CASE(a_number_that_names_nothing_is_passed_over);
    CASE(the_layer_of_a_message_is_its_own_inverse_whatever_key_came_before);
    CASE(a_file_gives_back_its_pair_at_any_time_of_its_training);
    CASE(what_is_sent_is_what_is_read);
    CASE(every_code_is_read_or_refused);
    return check_done();
}
