/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: NC1, a Feistel-like network whose round function is an integer network (LAB-3). */
#include "libneuro/lab/lab.h"

enum { SIDES = 4, LAYERS_MAX = HKP_NEURO_LAB_DEPTH_MAX + 1 };

struct hkp_neuro_lab_nc1 {
    struct hkp_mem mem;
    size_t size;
    struct hkp_neuro_lab_arch arch;
    uint32_t rounds;
    uint64_t params;
    /** rounds x params, layer by layer, W row by row, then b */
    int16_t weights[];
};

static uint32_t width(const struct hkp_neuro_lab_arch *arch, uint32_t k) {
    return k < arch->depth ? arch->widths[k] : SIDES;
}

uint64_t hkp_neuro_lab_nc1_params(const struct hkp_neuro_lab_arch *arch) {
    uint64_t n = 0;
    uint32_t fan_in = SIDES;
    for (uint32_t k = 0; k <= arch->depth; k++) {
        n += (uint64_t)width(arch, k) * (fan_in + 1);
        fan_in = width(arch, k);
    }
    return n;
}

static int shift_of(uint32_t fan_in) {
    return fan_in == SIDES ? 14 : fan_in == 64 ? 15 : fan_in == 512 ? 17 : 16;
}

static int64_t product(const int16_t *w, const int16_t *x, uint32_t n) {
    int64_t sum = 0;
    for (uint32_t j = 0; j < n; j++) sum += w[j] * x[j];
    return sum;
}

/* F_r: four words in, four out (LAB-3.2). */
LAB_VECTOR static void round_function(const hkp_neuro_lab_nc1 *n, uint32_t round, const uint16_t in[SIDES],
                                      uint16_t out[SIDES]) {
    int16_t x[2][HKP_NEURO_LAB_WIDTH_MAX];
    const int16_t *w = n->weights + round * n->params;
    uint32_t fan_in = SIDES;
    for (uint32_t i = 0; i < SIDES; i++) x[0][i] = (int16_t)(in[i] - 32768);
    for (uint32_t k = 0; k < n->arch.depth; k++) {
        const uint32_t c = n->arch.widths[k];
        const int16_t *b = w + (size_t)c * fan_in;
        const int sh = shift_of(fan_in);
        for (uint32_t i = 0; i < c; i++, w += fan_in)
            x[(k + 1) & 1][i] =
                (int16_t)hkp_neuro_lab_act(n->arch.act, (product(w, x[k & 1], fan_in) >> sh) + b[i]);
        w += c;
        fan_in = c;
    }
    const int16_t *b = w + (size_t)SIDES * fan_in;
    for (uint32_t i = 0; i < SIDES; i++, w += fan_in)
        out[i] = (uint16_t)((product(w, x[n->arch.depth & 1], fan_in) >> 15) + b[i]);
    sodium_memzero(x, sizeof x);
}

void hkp_neuro_lab_weight_key(const uint8_t key[32], uint8_t weight_key[32]) {
    hkp_neuro_lab__hmac(key, "LAB1 nc1 weights", weight_key);
}

hkp_status hkp_neuro_lab_nc1_new(hkp_neuro_lab_nc1 **nc1, const struct hkp_mem *mem, const uint8_t key[32],
                                 uint32_t rounds) {
    uint8_t weight_key[32];
    if (nc1 == NULL || key == NULL) return HKP_E_INVAL;
    hkp_neuro_lab_weight_key(key, weight_key);
    const hkp_status st =
        hkp_neuro_lab_nc1_new_arch(nc1, mem, weight_key, hkp_neuro_lab_arch_index(key), rounds);
    sodium_memzero(weight_key, sizeof weight_key);
    return st;
}

hkp_status hkp_neuro_lab_nc1_new_arch(hkp_neuro_lab_nc1 **nc1, const struct hkp_mem *mem,
                                      const uint8_t weight_key[32], uint32_t index, uint32_t rounds) {
    struct hkp_mem m = {0};
    struct hkp_neuro_lab_arch arch;
    if (nc1 == NULL || weight_key == NULL) return HKP_E_INVAL;
    *nc1 = NULL;
    if (mem != NULL) m = *mem;
    if (hkp_mem_import(&m) != HKP_OK) return HKP_E_INVAL;
    if (rounds == 0 || rounds > HKP_NEURO_LAB_ROUNDS_MAX) return HKP_E_NEURO_LAB_ROUNDS;
    if (hkp_neuro_lab_arch_get(index, &arch) != HKP_OK) return HKP_E_NEURO_LAB_ARCH;
    const uint64_t params = hkp_neuro_lab_nc1_params(&arch);
    const size_t size = sizeof(hkp_neuro_lab_nc1) + (size_t)(params * rounds) * sizeof(int16_t);
    hkp_neuro_lab_nc1 *n = m.alloc(m.user, size);
    if (n == NULL) return HKP_E_NEURO_LAB_LIMIT;
    *n = (hkp_neuro_lab_nc1){.mem = m, .size = size, .arch = arch, .rounds = rounds, .params = params};
    for (uint32_t r = 0; r < rounds; r++) {
        int16_t *w = n->weights + r * params;
        hkp_neuro_lab__stream(weight_key, r, (uint8_t *)w, (size_t)params * 2);
        for (uint64_t i = 0; i < params; i++) w[i] = (int16_t)hkp_be16((const uint8_t *)(w + i));
    }
    *nc1 = n;
    return HKP_OK;
}

void hkp_neuro_lab_nc1_free(hkp_neuro_lab_nc1 *nc1) {
    if (nc1 == NULL) return;
    const struct hkp_mem mem = nc1->mem;
    const size_t size = nc1->size;
    sodium_memzero(nc1, size);
    hkp_mem_free(&mem, nc1, size);
}

static void load(const uint8_t in[16], uint16_t side[2][SIDES]) {
    for (size_t i = 0; i < 2 * SIDES; i++) side[i / SIDES][i % SIDES] = hkp_be16(in + 2 * i);
}

static void store(uint16_t side[2][SIDES], uint32_t first, uint8_t out[16]) {
    for (size_t i = 0; i < 2 * SIDES; i++)
        hkp_put_be16(out + 2 * i, side[(first + i / SIDES) & 1][i % SIDES]);
}

void hkp_neuro_lab_nc1_encrypt(const hkp_neuro_lab_nc1 *nc1, const uint8_t in[16], uint8_t out[16]) {
    uint16_t side[2][SIDES], f[SIDES];
    load(in, side);
    for (uint32_t r = 0; r < nc1->rounds; r++) { /* the left one is side[r & 1] */
        round_function(nc1, r, side[(r + 1) & 1], f);
        for (size_t i = 0; i < SIDES; i++) side[r & 1][i] = (uint16_t)(side[r & 1][i] + f[i]);
    }
    store(side, nc1->rounds, out);
}

void hkp_neuro_lab_nc1_decrypt(const hkp_neuro_lab_nc1 *nc1, const uint8_t in[16], uint8_t out[16]) {
    uint16_t side[2][SIDES], f[SIDES];
    load(in, side);
    for (uint32_t r = nc1->rounds, t = 0; r-- > 0; t++) { /* the right one is side[(t + 1) & 1] */
        round_function(nc1, r, side[t & 1], f);
        for (size_t i = 0; i < SIDES; i++) side[(t + 1) & 1][i] = (uint16_t)(side[(t + 1) & 1][i] - f[i]);
    }
    store(side, nc1->rounds, out);
}

void hkp_neuro_lab_nc1_ctr(const hkp_neuro_lab_nc1 *nc1, const uint8_t iv[8], const uint8_t *in, uint8_t *out,
                           size_t len) {
    uint8_t counter[16], stream[16];
    memcpy(counter, iv, 8);
    for (size_t at = 0; at < len; at++) {
        if (at % 16 == 0) {
            hkp_put_be64(counter + 8, at / 16);
            hkp_neuro_lab_nc1_encrypt(nc1, counter, stream);
        }
        out[at] = in[at] ^ stream[at % 16];
    }
    sodium_memzero(stream, sizeof stream);
}
