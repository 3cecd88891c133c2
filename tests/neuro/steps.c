/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * usage: steps VARIANT STEPS, VARIANT scalar, base or avx2
 * Evolves a state over streams V and P and prints, at 1, 10, 100, ... steps, SHA-256 of the serialised state
 * and F. tools/equal-bytes.sh compares what different builds of it print (NZ1 15): the lines name neither
 * variant nor build. Exits with 77 where the variant is not to be had, and with 1 where F is not that of
 * NZ1 20.
 */
#include "neuro_support.h"

static const char *const names[] = {"", "scalar", "base", "avx2"};

/* NZ1 20 */
static const struct {
    uint32_t step;
    const char *f;
} reference[] = {
    {0, "cb41e9ed95baae5e040ca2e88c54026c261150ea644b432573943a8584f247a7"
        "27c5df238f7b16f4a8898a67c73b610774f6560dec2aec85d6ffd35fe3f13a40"},
    {1000, "66918738974e76372e635ba9c227a941bfc8729db86fa99b624963365da7b129"
           "13993b137a14024902b67c0a7adabcff51b0392924cde39af4d676801c53f0ef"},
    {1000000, "83ecb18c8322cb6d7891d617b8338644c82e295dfa3ca4ea7dac869b900e5641"
              "a35ef7176d5f78968b731ce3b749351347b23c819523976ce0507e3ff0b03074"},
};

static void hex(char *text, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* One line; 1 if a reference says otherwise. */
static int told(char stream, uint32_t step, const hkp_neuro_state *state) {
    static uint8_t bytes[HKP_NEURO_STATE_SIZE];
    uint8_t hash[32], f[64];
    char hash_text[65], f_text[129];
    hkp_neuro_state_encode(state, bytes);
    crypto_hash_sha256(hash, bytes, sizeof bytes);
    hkp_neuro_state_fingerprint(state, f);
    hex(hash_text, hash, sizeof hash);
    hex(f_text, f, sizeof f);
    printf("stream %c step %u state %s F %s\n", stream, step, hash_text, f_text);
    for (size_t i = 0; i < sizeof reference / sizeof reference[0]; i++)
        if (stream == 'P' && step == reference[i].step && strcmp(f_text, reference[i].f) != 0) {
            fprintf(stderr, "steps: F of step %u is not that of NZ1 20\n", step);
            return 1;
        }
    return 0;
}

static int walk(char name, hkp_neuro_state *state, struct stream *stream, void (*next)(struct stream *),
                uint32_t steps) {
    int bad = told(name, 0, state);
    uint32_t line = 1;
    for (uint32_t i = 1; i <= steps; i++) {
        next(stream);
        if (hkp_neuro_state_evolve(state, stream->ter) != HKP_OK) {
            fprintf(stderr, "steps: TER %u of stream %c is refused\n", i, name);
            return 1;
        }
        if (i != line && i != steps) continue;
        bad |= told(name, i, state);
        if (i == line) line *= 10;
    }
    return bad;
}

int main(int argc, char **argv) {
    uint32_t variant = 0;
    const long steps = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    for (uint32_t v = 1; argc == 3 && v <= HKP_NEURO_VARIANT_AVX2; v++)
        if (strcmp(argv[1], names[v]) == 0) variant = v;
    if (variant == 0 || steps < 1 || steps > 100000000) {
        fprintf(stderr, "usage: steps scalar|base|avx2 STEPS\n");
        return 2;
    }
    if (hkp_neuro__kernel_find(variant) == NULL) return 77;
    const struct profile p = profile_of(vec_load("nz1/evolve.json"));
    hkp_neuro_state *state = state_make(variant);
    struct stream stream = stream_v(&p);
    hkp_neuro_state_enrol(state, p.seed, p.node_id, p.h_ref);
    int bad = walk('V', state, &stream, stream_v_next, (uint32_t)steps);
    uint8_t seed[32], node_id[16];
    for (int i = 0; i < 32; i++) seed[i] = (uint8_t)i;
    memset(node_id, 0xA5, sizeof node_id);
    stream = stream_p();
    hkp_neuro_state_enrol(state, seed, node_id, stream.h_ref);
    bad |= walk('P', state, &stream, stream_p_next, (uint32_t)steps);
    hkp_neuro_state_free(state);
    return bad;
}
