/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Blinded tokens (LAB-7.11): the vectors of RFC 9497 A.1.1, and tokens between an analyst and a holder. */
#include "check.h"
#include "libneuro/bridge/oprf.h"

#include <hookprobe/neuro/hybrid.h>
#include <hookprobe/neuro/oprf.h>
#include <sodium.h>

static const char BLIND[] = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
static const struct {
    const char *input, *blinded, *evaluated, *output;
} RFC[] = {{"00", "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
            "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
            "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3"
            "ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6"},
           {"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
            "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
            "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4"
            "f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73"}};

static size_t hex(const char *text, uint8_t *out, size_t cap) {
    size_t len = 0;
    CHECK_EQ(sodium_hex2bin(out, cap, text, strlen(text), NULL, &len, NULL), 0);
    return len;
}

static void the_vectors_of_rfc_9497(void) {
    uint8_t seed[32], key[32], want[64], input[32], blind[32], got[64];
    memset(seed, 0xA3, sizeof seed);
    CHECK_EQ(hkp_neuro__oprf_key(seed, "test key", 8, key), 0);
    hex("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e", want, 32);
    CHECK_MEM(key, want, 32);
    hex(BLIND, blind, 32);
    for (size_t i = 0; i < 2; i++) {
        const struct hkp_neuro__oprf_input in = {NULL, input, 0, hex(RFC[i].input, input, sizeof input)};
        CHECK_EQ(hkp_neuro__oprf_blind(&in, blind, got), 0);
        hex(RFC[i].blinded, want, 32);
        CHECK_MEM(got, want, 32);
        CHECK_EQ(hkp_neuro__oprf_evaluate(key, want, got), 0);
        hex(RFC[i].evaluated, want, 32);
        CHECK_MEM(got, want, 32);
        CHECK_EQ(hkp_neuro__oprf_finish(&in, blind, want, got), 0);
        hex(RFC[i].output, want, 64);
        CHECK_MEM(got, want, 64);
    }
}

static void an_input_in_two_parts_is_one_input(void) {
    uint8_t input[17], blind[32], got[32], want[32];
    hex(RFC[1].input, input, sizeof input);
    hex(BLIND, blind, 32);
    hex(RFC[1].blinded, want, 32);
    for (size_t cut = 0; cut <= sizeof input; cut++) {
        const struct hkp_neuro__oprf_input in = {input, input + cut, cut, sizeof input - cut};
        CHECK_EQ(hkp_neuro__oprf_blind(&in, blind, got), 0);
        CHECK_MEM(got, want, 32);
    }
}

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    (void)user;
    randombytes_buf(dst, len);
    return 0;
}
static int32_t no_randomness(void *user, uint8_t *dst, size_t len) {
    (void)user;
    (void)dst;
    (void)len;
    return -1;
}
static int32_t zeros(void *user, uint8_t *dst, size_t len) {
    (void)user;
    memset(dst, 0, len);
    return 0;
}
static const struct hkp_rng RNG = {NULL, fill};

static struct hkp_neuro_hyb_secret secret(uint8_t which) {
    struct hkp_neuro_hyb_secret s;
    const uint8_t id[16] = {1}, master[32] = {which};
    CHECK_EQ(hkp_neuro_hyb_keys_derive(&s, id, master, HKP_NEURO_HYB_FROM_RANDOM, 1), HKP_OK);
    return s;
}

static struct hkp_neuro_oprf_value value_of(const char *text) {
    return (struct hkp_neuro_oprf_value){.context = (const uint8_t *)"study",
                                         .context_len = 5,
                                         .field_id = 2,
                                         .epoch = 7,
                                         .value = (const uint8_t *)text,
                                         .len = strlen(text)};
}

/* A whole query; the token. */
static void ask(const struct hkp_neuro_hyb_secret *s, const struct hkp_neuro_oprf_value *v,
                uint8_t token[16]) {
    static struct hkp_neuro_oprf_limit limit;
    uint8_t blind[32], blinded[32], evaluated[32];
    memset(&limit, 0, sizeof limit);
    CHECK_EQ(hkp_neuro_oprf_blind(v, &RNG, blind, blinded), HKP_OK);
    CHECK_EQ(hkp_neuro_oprf_evaluate(s, &limit, 5, HKP_NEURO_HYB_INTERNAL, blinded, evaluated), HKP_OK);
    CHECK_EQ(hkp_neuro_oprf_finish(v, blind, evaluated, token), HKP_OK);
}

static void equal_values_have_equal_tokens_and_nothing_else_has(void) {
    const struct hkp_neuro_hyb_secret s = secret(1), other = secret(2);
    struct hkp_neuro_oprf_value v = value_of("cAda"), w;
    uint8_t token[16], again[16];
    ask(&s, &v, token);
    ask(&s, &v, again);
    CHECK_MEM(again, token, 16);
    for (int i = 0; i < 6; i++) {
        w = v;
        if (i == 0) w.context = (const uint8_t *)"other";
        if (i == 1) w.context_len = 4;
        if (i == 2) w.field_id = 3;
        if (i == 3) w.epoch = 8;
        if (i == 4) w.len = 3;
        ask(i == 5 ? &other : &s, &w, again);
        CHECK(memcmp(again, token, 16) != 0);
    }
}

static void two_queries_of_one_value_do_not_look_alike(void) {
    const struct hkp_neuro_oprf_value v = value_of("cAda");
    uint8_t blind[2][32], blinded[2][32];
    for (int i = 0; i < 2; i++) CHECK_EQ(hkp_neuro_oprf_blind(&v, &RNG, blind[i], blinded[i]), HKP_OK);
    CHECK(memcmp(blinded[0], blinded[1], 32) != 0 && memcmp(blind[0], blind[1], 32) != 0);
}

static void what_is_no_value_is_refused(void) {
    uint8_t blind[32], blinded[32], token[16];
    for (int i = 0; i < 6; i++) {
        struct hkp_neuro_oprf_value v = value_of("cAda");
        if (i == 0) v.context_len = 0;
        if (i == 1) v.context_len = 65;
        if (i == 2) v.field_id = 65536;
        if (i == 3) v.len = 0;
        if (i == 4) v.len = HKP_NEURO_OPRF_VALUE_MAX + 1;
        const struct hkp_rng *rng = &RNG;
        const struct hkp_rng none = {NULL, no_randomness};
        if (i == 5) rng = &none;
        CHECK_EQ(hkp_neuro_oprf_blind(&v, rng, blind, blinded),
                 i == 5 ? HKP_E_CALLBACK : HKP_E_NEURO_HYB_PARAM);
        if (i < 5) CHECK_EQ(hkp_neuro_oprf_finish(&v, blind, blinded, token), HKP_E_NEURO_HYB_PARAM);
    }
    const struct hkp_neuro_oprf_value v = value_of("cAda");
    const struct hkp_rng broken = {NULL, zeros};
    CHECK_EQ(hkp_neuro_oprf_blind(&v, &broken, blind, blinded), HKP_E_CALLBACK);
}

static void what_is_no_element_is_refused_by_both(void) {
    static struct hkp_neuro_oprf_limit limit;
    const struct hkp_neuro_hyb_secret s = secret(1);
    const struct hkp_neuro_oprf_value v = value_of("cAda");
    uint8_t element[32], out[32], kept[32], token[16], blind[32] = {3};
    for (int i = 0; i < 3; i++) {
        memset(element, i == 0 ? 0 : 0xFF, 32); /* the neutral element; above the prime; an odd one */
        if (i == 2) {
            memset(element, 0, 32);
            element[0] = 1;
        }
        memset(out, 9, 32);
        memset(kept, 9, 32);
        CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 5, 1, element, out), HKP_E_NEURO_HYB_PARAM);
        CHECK_MEM(out, kept, 32);
        CHECK_EQ(hkp_neuro_oprf_finish(&v, blind, element, token), HKP_E_NEURO_HYB_PARAM);
    }
    CHECK_EQ(limit.next, 0);
}

static void what_is_restricted_has_no_tokens(void) {
    static struct hkp_neuro_oprf_limit limit;
    const struct hkp_neuro_hyb_secret s = secret(1);
    const struct hkp_neuro_oprf_value v = value_of("cAda");
    uint8_t blind[32], blinded[32], out[32];
    CHECK_EQ(hkp_neuro_oprf_blind(&v, &RNG, blind, blinded), HKP_OK);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 5, 4, blinded, out), HKP_E_NEURO_HYB_POLICY);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 5, 0, blinded, out), HKP_E_NEURO_HYB_PARAM);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 5, 5, blinded, out), HKP_E_NEURO_HYB_PARAM);
}

static void a_thousand_queries_within_any_minute(void) {
    static struct hkp_neuro_oprf_limit limit;
    const struct hkp_neuro_hyb_secret s = secret(1);
    const struct hkp_neuro_oprf_value v = value_of("cAda");
    uint8_t blind[32], blinded[32], out[32];
    CHECK_EQ(hkp_neuro_oprf_blind(&v, &RNG, blind, blinded), HKP_OK);
    for (uint64_t i = 0; i < HKP_NEURO_OPRF_PER_MINUTE; i++)
        CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, i * 10, 1, blinded, out), HKP_OK);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 59999, 1, blinded, out), HKP_E_NEURO_BR_LIMIT);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 60000, 1, blinded, out),
             HKP_OK); /* the first is a minute old */
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 60009, 1, blinded, out), HKP_E_NEURO_BR_LIMIT);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 60010, 1, blinded, out), HKP_OK);
    CHECK_EQ(hkp_neuro_oprf_evaluate(&s, &limit, 3, 1, blinded, out),
             HKP_E_NEURO_BR_LIMIT); /* a clock that went back */
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(the_vectors_of_rfc_9497);
    CASE(an_input_in_two_parts_is_one_input);
    CASE(equal_values_have_equal_tokens_and_nothing_else_has);
    CASE(two_queries_of_one_value_do_not_look_alike);
    CASE(what_is_no_value_is_refused);
    CASE(what_is_no_element_is_refused_by_both);
    CASE(what_is_restricted_has_no_tokens);
    CASE(a_thousand_queries_within_any_minute);
    return check_done();
}
