/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* LAB-2, 3, 4.2 to 4.4 and 6 against tests/vectors/lab. */
#include "check.h"
#include "vectors.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

static void check_arch(const struct hkp_neuro_lab_arch *arch, json_t *o) {
    json_t *widths = vec_get(o, "widths"), *w;
    size_t k;
    CHECK_EQ(arch->act, vec_u64(o, "act"));
    CHECK_EQ(arch->depth, json_array_size(widths));
    json_array_foreach(widths, k, w) CHECK_EQ(arch->widths[k], vec_value_u64(w));
}

static void keys_and_indexes_name_architectures(void) {
    json_t *file = vec_load("lab/arch.json"), *o;
    struct hkp_neuro_lab_arch arch;
    size_t i;
    json_array_foreach(vec_get(file, "keys"), i, o) {
        uint8_t key[32];
        vec_hex_into(o, "key", key, 32);
        CHECK_EQ(hkp_neuro_lab_arch_index(key), vec_u64(o, "index"));
        CHECK_EQ(hkp_neuro_lab_arch_get((uint32_t)vec_u64(o, "index"), &arch), HKP_OK);
        check_arch(&arch, o);
    }
    json_array_foreach(vec_get(file, "index"), i, o) {
        CHECK_EQ(hkp_neuro_lab_arch_get((uint32_t)vec_u64(o, "index"), &arch), HKP_OK);
        check_arch(&arch, o);
        CHECK_EQ(hkp_neuro_lab_nc1_params(&arch), vec_u64(o, "nc1_params_per_round"));
    }
    uint64_t all = 0;
    for (uint32_t index = 0; index < vec_u64(file, "count"); index++) {
        CHECK_EQ(hkp_neuro_lab_arch_get(index, &arch), HKP_OK);
        all += hkp_neuro_lab_nc1_params(&arch);
    }
    CHECK_EQ(all, vec_u64(file, "mean_nc1_params_per_round_x4080"));
    CHECK_EQ(hkp_neuro_lab_arch_get(HKP_NEURO_LAB_ARCHS, &arch), HKP_E_NEURO_LAB_ARCH);
    CHECK_EQ(arch.depth, 0);
}

static void activations_are_those_of_the_vectors(void) {
    json_t *act = vec_get(vec_load("lab/arch.json"), "act"), *z;
    static const char *const names[] = {"relu", "tanh", "sigmoid"};
    size_t i;
    json_array_foreach(vec_get(act, "z"), i, z) for (uint32_t a = 0; a < 3; a++) CHECK_EQ(
        hkp_neuro_lab_act(a, vec_value_i64(z)), vec_value_i64(json_array_get(vec_get(act, names[a]), i)));
}

static hkp_neuro_lab_nc1 *network_of(json_t *o, const char *index, uint32_t rounds) {
    hkp_neuro_lab_nc1 *n = NULL;
    uint8_t key[32], weight_key[32];
    vec_hex_into(o, "key", key, 32);
    hkp_neuro_lab_weight_key(key, weight_key);
    if (index == NULL)
        CHECK_EQ(hkp_neuro_lab_nc1_new(&n, NULL, key, rounds), HKP_OK);
    else
        CHECK_EQ(hkp_neuro_lab_nc1_new_arch(&n, NULL, weight_key, (uint32_t)vec_u64(o, index), rounds),
                 HKP_OK);
    return n;
}

static void blocks_of_nc1_both_ways(void) {
    json_t *file = vec_load("lab/nc1.json"), *o, *b;
    size_t i, k;
    json_array_foreach(vec_get(file, "cases"), i, o) {
        const int given = strcmp(vec_text(o, "arch"), "given") == 0;
        hkp_neuro_lab_nc1 *n = network_of(o, given ? "index" : NULL, (uint32_t)vec_u64(o, "rounds"));
        json_array_foreach(vec_get(o, "blocks"), k, b) {
            uint8_t p[16], c[16], got[16];
            vec_hex_into(b, "p", p, 16);
            vec_hex_into(b, "c", c, 16);
            hkp_neuro_lab_nc1_encrypt(n, p, got);
            CHECK_MEM(got, c, 16);
            hkp_neuro_lab_nc1_decrypt(n, got, got);
            CHECK_MEM(got, p, 16);
        }
        hkp_neuro_lab_nc1_free(n);
    }
}

static void counter_mode_and_a_wrong_architecture(void) {
    json_t *file = vec_load("lab/nc1.json"), *o = vec_get(file, "ctr");
    hkp_neuro_lab_nc1 *n = network_of(o, NULL, HKP_NEURO_LAB_ROUNDS);
    uint8_t iv[8], p[16], c[16];
    vec_hex_into(o, "iv", iv, 8);
    struct vec_bytes in = vec_hex(o, "in"), out = vec_hex(o, "out");
    hkp_neuro_lab_nc1_ctr(n, iv, in.ptr, in.ptr, in.len);
    CHECK_MEM(in.ptr, out.ptr, out.len);
    free(in.ptr);
    free(out.ptr);
    hkp_neuro_lab_nc1_free(n);
    o = vec_get(file, "wrong_architecture");
    uint8_t key[32];
    vec_hex_into(o, "key", key, 32);
    CHECK_EQ(hkp_neuro_lab_arch_index(key), vec_u64(o, "true_index"));
    n = network_of(o, "tried_index", HKP_NEURO_LAB_ROUNDS);
    vec_hex_into(o, "c", c, 16);
    vec_hex_into(o, "p", p, 16);
    hkp_neuro_lab_nc1_decrypt(n, c, c);
    CHECK_MEM(c, p, 16);
    hkp_neuro_lab_nc1_free(n);
}

static void what_nc1_refuses(void) {
    json_t *o;
    size_t i;
    static const uint8_t key[32];
    json_array_foreach(vec_get(vec_load("lab/nc1.json"), "errors"), i, o) {
        hkp_neuro_lab_nc1 *n = NULL;
        const int rounds = vec_find(o, "rounds") != NULL;
        const hkp_status st =
            hkp_neuro_lab_nc1_new_arch(&n, NULL, key, rounds ? 0 : (uint32_t)vec_u64(o, "index"),
                                       rounds ? (uint32_t)vec_u64(o, "rounds") : 1);
        CHECK_EQ(st, rounds ? HKP_E_NEURO_LAB_ROUNDS : HKP_E_NEURO_LAB_ARCH);
        CHECK(strstr(hkp_neuro_status_name(st), vec_text(o, "expect") + strlen("LAB_E_")) != NULL &&
              n == NULL);
    }
}

static void training_is_a_function_of_the_key(void) {
    json_t *o, *m;
    size_t i, k;
    json_array_foreach(vec_get(vec_load("lab/nc0.json"), "cases"), i, o) {
        const int before = check_faults;
        const struct hkp_neuro_lab_nc0_options options = {.struct_size = sizeof options,
                                                          .index = (uint32_t)vec_u64(o, "index"),
                                                          .form = (uint32_t)vec_u64(o, "form"),
                                                          .steps = (uint32_t)vec_u64(o, "steps"),
                                                          .lr = (uint32_t)vec_u64(o, "lr"),
                                                          .batch = (uint32_t)vec_u64(o, "batch")};
        uint8_t key[32], hash[32], want[32], block[16];
        int16_t code[128];
        hkp_neuro_lab_nc0 *n = NULL;
        vec_hex_into(o, "key", key, 32);
        CHECK_EQ(hkp_neuro_lab_nc0_new(&n, key, &options), HKP_OK);
        json_array_foreach(vec_get(o, "marks"), k, m) {
            const uint32_t step = (uint32_t)vec_u64(m, "step");
            CHECK_EQ(hkp_neuro_lab_nc0_train(n, step - hkp_neuro_lab_nc0_steps(n, NULL, NULL), NULL, NULL),
                     HKP_OK);
            hkp_neuro_lab_nc0_hash(n, hash);
            vec_hex_into(m, "sha256", want, 32);
            CHECK_MEM(hash, want, 32);
        }
        while (hkp_neuro_lab_nc0_steps(n, NULL, NULL) < vec_u64(o, "after"))
            CHECK_EQ(hkp_neuro_lab_nc0_train(n, 1, NULL, NULL), HKP_OK);
        vec_hex_into(o, "block", block, 16);
        hkp_neuro_lab_nc0_code(n, block, code);
        struct vec_bytes c = vec_hex(o, "code");
        vec_hex_into(o, "signs", want, 16);
        for (size_t j = 0; j < 128; j++) {
            if (options.form == 1) CHECK_EQ(code[j], (int16_t)(c.ptr[2 * j] << 8 | c.ptr[2 * j + 1]));
            CHECK_EQ(code[j] >= 0, want[j / 8] >> (7 - j % 8) & 1);
        }
        free(c.ptr);
        hkp_neuro_lab_nc0_decode(n, code, hash);
        vec_hex_into(o, "decoded_from_code", want, 16);
        CHECK_MEM(hash, want, 16);
        CHECK_NOTE(before, "case %zu", i);
        hkp_neuro_lab_nc0_free(n);
    }
}

static void rotation_and_a_shared_key(void) {
    json_t *file = vec_load("lab/keys.json"), *o = vec_get(file, "rotate"), *parties, *p;
    uint8_t key[32], fresh[32], want[32], session[32], secret[16][32], blind[16][32];
    struct hkp_neuro_lab_share share;
    size_t i;
    vec_hex_into(o, "key", key, 32);
    vec_hex_into(o, "fresh", fresh, 32);
    vec_hex_into(o, "next", want, 32);
    hkp_neuro_lab_rotate(key, (uint32_t)vec_u64(o, "generation"), fresh, key);
    CHECK_MEM(key, want, 32);
    o = vec_get(file, "shared");
    vec_hex_into(o, "session", session, 32);
    parties = vec_get(o, "parties");
    const uint32_t n = (uint32_t)json_array_size(parties);
    json_array_foreach(parties, i, p) {
        vec_hex_into(p, "s", secret[i], 32);
        vec_hex_into(p, "r", blind[i], 32);
    }
    CHECK_EQ(hkp_neuro_lab_share_begin(&share, session, n, 1, secret[1], blind[1]), HKP_OK);
    json_array_foreach(parties, i, p) {
        vec_hex_into(p, "commit", want, 32);
        if (i == 1)
            CHECK_MEM(share.commit[1], want, 32);
        else {
            CHECK(!hkp_neuro_lab_share_open(&share));
            CHECK_EQ(hkp_neuro_lab_share_reveal(&share, (uint32_t)i, secret[i], blind[i]),
                     HKP_E_NEURO_LAB_STATE);
            CHECK_EQ(hkp_neuro_lab_share_commit(&share, (uint32_t)i, want), HKP_OK);
        }
    }
    CHECK(hkp_neuro_lab_share_open(&share));
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(hkp_neuro_lab_share_reveal(&share, k, secret[k], blind[(k + 1) % n]),
                 HKP_E_NEURO_LAB_COMMIT);
        if (k != 1) CHECK_EQ(hkp_neuro_lab_share_key(&share, key), HKP_E_NEURO_LAB_STATE);
        CHECK_EQ(hkp_neuro_lab_share_reveal(&share, k, secret[k], blind[k]), HKP_OK);
        if (k == 0) CHECK_EQ(hkp_neuro_lab_share_commit(&share, 0, secret[0]), HKP_E_NEURO_LAB_COMMIT);
    }
    CHECK_EQ(hkp_neuro_lab_share_key(&share, key), HKP_OK);
    vec_hex_into(o, "key", want, 32);
    CHECK_MEM(key, want, 32);
}

int main(void) {
    CASE(keys_and_indexes_name_architectures);
    CASE(activations_are_those_of_the_vectors);
    CASE(blocks_of_nc1_both_ways);
    CASE(counter_mode_and_a_wrong_architecture);
    CASE(what_nc1_refuses);
    CASE(training_is_a_function_of_the_key);
    CASE(rotation_and_a_shared_key);
    return check_done();
}
