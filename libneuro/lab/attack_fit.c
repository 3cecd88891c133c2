/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: known plaintext: an affine map is fitted to what was seen (LAB-5.3). Floating point:
 * these are figures about a cipher, not part of one. */
#include "libneuro/lab/lab.h"

enum { WORDS = 8, HALF = 4, RANGE = 4096, IN_MAX = NC0_BITS + 1 };

/* Normal equations of a least-squares fit with a little weight decay: m x m, then the m right sides of each
 * output. */
struct fit {
    struct hkp_mem mem;
    size_t size;
    uint32_t in, out;
    double *a, *b;
};

static struct fit *fit_new(uint32_t in, uint32_t out) {
    struct hkp_mem mem = {0};
    (void)hkp_mem_import(&mem);
    const size_t size = sizeof(struct fit) + (size_t)(in * in + in * out) * sizeof(double);
    struct fit *f = hkp_mem_alloc(&mem, size);
    if (f == NULL) return NULL;
    *f = (struct fit){.mem = mem, .size = size, .in = in, .out = out};
    f->a = (double *)(void *)(f + 1);
    f->b = f->a + (size_t)in * in;
    return f;
}

static void fit_free(struct fit *f) {
    const struct hkp_mem mem = f->mem;
    hkp_mem_free(&mem, f, f->size);
}

static void fit_add(struct fit *f, const double *x, const double *y) {
    for (uint32_t i = 0; i < f->in; i++) {
        for (uint32_t j = 0; j < f->in; j++) f->a[(size_t)i * f->in + j] += x[i] * x[j];
        for (uint32_t j = 0; j < f->out; j++) f->b[(size_t)i * f->out + j] += x[i] * y[j];
    }
}

/* Gauss with the decay on the diagonal, so no pivot is zero; b becomes the coefficients. */
static void fit_solve(struct fit *f, double decay) {
    for (uint32_t i = 0; i < f->in; i++) f->a[(size_t)i * f->in + i] += decay;
    for (uint32_t i = 0; i < f->in; i++) {
        const double pivot = f->a[(size_t)i * f->in + i];
        for (uint32_t k = 0; k < f->in; k++) {
            const double factor = f->a[(size_t)k * f->in + i] / pivot;
            if (k == i || factor == 0) continue;
            for (uint32_t j = i; j < f->in; j++)
                f->a[(size_t)k * f->in + j] -= factor * f->a[(size_t)i * f->in + j];
            for (uint32_t j = 0; j < f->out; j++)
                f->b[(size_t)k * f->out + j] -= factor * f->b[(size_t)i * f->out + j];
        }
    }
    for (uint32_t i = 0; i < f->in; i++)
        for (uint32_t j = 0; j < f->out; j++) f->b[(size_t)i * f->out + j] /= f->a[(size_t)i * f->in + i];
}

static double fit_predict(const struct fit *f, const double *x, uint32_t j) {
    double y = 0;
    for (uint32_t i = 0; i < f->in; i++) y += x[i] * f->b[(size_t)i * f->out + j];
    return y;
}

/* A block of eight words around 32768, and what came of the right half, which every round changes. */
static void nc1_pair(const hkp_neuro_lab_nc1 *nc1, const uint8_t seed[32], uint64_t k, double x[WORDS + 1],
                     double y[HALF]) {
    uint8_t block[16];
    hkp_neuro_lab__stream(seed, k, block, 16);
    for (size_t i = 0; i < WORDS; i++) {
        const int32_t v = (hkp_be16(block + 2 * i) & (2 * RANGE - 1)) - RANGE;
        x[i] = v;
        hkp_put_be16(block + 2 * i, (uint16_t)(32768 + v));
    }
    x[WORDS] = 1;
    hkp_neuro_lab_nc1_encrypt(nc1, block, block);
    for (size_t i = 0; i < HALF; i++) y[i] = (int16_t)(hkp_be16(block + 8 + 2 * i) - 32768);
}

hkp_status hkp_neuro_lab_attack_fit_nc1(const hkp_neuro_lab_nc1 *nc1, uint32_t pairs, const uint8_t seed[32],
                                        uint32_t *hits_ppm) {
    double x[WORDS + 1], y[HALF];
    uint64_t hits = 0;
    struct fit *f = fit_new(WORDS + 1, HALF);
    *hits_ppm = 0;
    if (f == NULL) return HKP_E_NEURO_LAB_LIMIT;
    for (uint32_t k = 0; k < pairs; k++) {
        nc1_pair(nc1, seed, k, x, y);
        fit_add(f, x, y);
    }
    fit_solve(f, 1);
    for (uint32_t k = pairs; k < 2 * pairs; k++) {
        nc1_pair(nc1, seed, k, x, y);
        for (uint32_t j = 0; j < HALF; j++) {
            const int64_t word = (int64_t)fit_predict(f, x, j);
            hits += ((uint16_t)(word + 32768) >> 12) == ((uint16_t)((int64_t)y[j] + 32768) >> 12);
        }
    }
    fit_free(f);
    *hits_ppm = (uint32_t)(hits * 1000000 / ((uint64_t)pairs * HALF));
    return HKP_OK;
}

static void nc0_pair(const hkp_neuro_lab_nc0 *nc0, const uint8_t seed[32], uint64_t k, double x[IN_MAX],
                     double y[]) {
    uint8_t block[16];
    int16_t code[NC0_BITS];
    int32_t bits[NC0_BITS];
    hkp_neuro_lab__stream(seed, k, block, 16);
    hkp_neuro_lab_nc0_code(nc0, block, code);
    hkp_neuro_lab__bits(block, 1, bits);
    for (size_t i = 0; i < NC0_BITS; i++) {
        x[i] = code[i] / 32768.0;
        y[i] = bits[i];
    }
    x[NC0_BITS] = 1;
}

hkp_status hkp_neuro_lab_attack_fit_nc0(const hkp_neuro_lab_nc0 *nc0, uint32_t pairs, const uint8_t seed[32],
                                        uint32_t *bits_ppm) {
    double x[IN_MAX], y[NC0_BITS];
    uint64_t right = 0;
    struct fit *f = fit_new(IN_MAX, NC0_BITS);
    *bits_ppm = 0;
    if (f == NULL) return HKP_E_NEURO_LAB_LIMIT;
    for (uint32_t k = 0; k < pairs; k++) {
        nc0_pair(nc0, seed, k, x, y);
        fit_add(f, x, y);
    }
    fit_solve(f, 0.01);
    enum { FRESH = 200 };
    for (uint32_t k = 0; k < FRESH; k++) {
        nc0_pair(nc0, seed, (UINT64_C(1) << 32) + k, x, y);
        for (uint32_t j = 0; j < NC0_BITS; j++) right += (fit_predict(f, x, j) >= 0) == (y[j] > 0);
    }
    fit_free(f);
    *bits_ppm = (uint32_t)(right * 1000000 / (FRESH * NC0_BITS));
    return HKP_OK;
}

/* The other way round: bits to code. What one bit adds to the code is then known, and is taken away twice. */
hkp_status hkp_neuro_lab_attack_bend(const hkp_neuro_lab_nc0 *nc0, uint32_t pairs, uint32_t trials,
                                     const uint8_t seed[32], uint32_t *forced_ppm) {
    double code[IN_MAX], bits[IN_MAX];
    uint64_t forced = 0;
    struct fit *f = fit_new(IN_MAX, NC0_BITS);
    *forced_ppm = 0;
    if (f == NULL) return HKP_E_NEURO_LAB_LIMIT;
    bits[NC0_BITS] = 1;
    for (uint32_t k = 0; k < pairs; k++) {
        nc0_pair(nc0, seed, k, code, bits);
        fit_add(f, bits, code);
    }
    fit_solve(f, 0.01);
    for (uint32_t k = 0; k < trials; k++) {
        uint8_t draw[17], plain[16], bent[16];
        int16_t word[NC0_BITS];
        hkp_neuro_lab__stream(seed, (UINT64_C(1) << 32) + k, draw, sizeof draw);
        hkp_neuro_lab_nc0_code(nc0, draw, word);
        hkp_neuro_lab_nc0_decode(nc0, word, plain);
        const uint32_t bit = draw[16] % NC0_BITS, mask = 128U >> bit % 8;
        const double sign = (draw[bit / 8] & mask) != 0 ? -2 : 2;
        for (size_t j = 0; j < NC0_BITS; j++) {
            const double v = word[j] + 32768 * sign * f->b[(size_t)bit * f->out + j];
            word[j] = (int16_t)(v > 32767 ? 32767 : v < -32767 ? -32767 : v);
        }
        hkp_neuro_lab_nc0_decode(nc0, word, bent);
        plain[bit / 8] ^= (uint8_t)mask;
        forced += memcmp(plain, bent, sizeof plain) == 0;
    }
    fit_free(f);
    *forced_ppm = (uint32_t)(forced * 1000000 / trials);
    return HKP_OK;
}
