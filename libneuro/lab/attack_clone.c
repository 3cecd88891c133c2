/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: model extraction: a network learns what NC1 answers to chosen blocks (LAB-5.4).
 * Floating point: these are figures about a cipher, not part of one. */
#include "libneuro/lab/lab.h"

#include <math.h>

enum {
    WORDS = 8,
    HIDDEN = 256,
    ANGLES = 2 * WORDS, /* cosine and sine of each word */
    BATCH = 32,
    LANES = 8,
    RANGE = 4096,
    LAYERS = 3,
    FRESH = 4096,
    REPORT_EVERY = 100
};

static const uint32_t widths[LAYERS + 1] = {WORDS, HIDDEN, HIDDEN, ANGLES};

/* One layer: c x a weights, then c biases; x comes in, z goes out, d is the loss by z. A row is a batch. */
struct layer {
    uint32_t a, c;
    float *w, *grad;
    float (*x)[BATCH], (*z)[BATCH], (*d)[BATCH];
};

/* Everything in one piece of memory; Adam's two moments follow the gradients. */
struct clone {
    struct hkp_mem mem;
    size_t size;
    uint32_t params, queries;
    float *weights, *grads, *mean, *square;
    struct layer layers[LAYERS];
    float (*in)[WORDS], (*out)[ANGLES];
};

static uint32_t params_of(uint32_t l) { return widths[l + 1] * (widths[l] + 1); }

static struct clone *clone_new(const struct hkp_mem *mem, uint32_t queries) {
    uint32_t params = 0, rows = WORDS;
    for (uint32_t l = 0; l < LAYERS; l++) {
        params += params_of(l);
        rows += 2 * widths[l + 1];
    }
    const size_t floats = 4 * (size_t)params + (size_t)rows * BATCH + (size_t)queries * (WORDS + ANGLES);
    const size_t size = sizeof(struct clone) + floats * sizeof(float);
    struct clone *c = hkp_mem_alloc(mem, size);
    if (c == NULL) return NULL;
    *c = (struct clone){.mem = *mem, .size = size, .params = params, .queries = queries};
    float *at = (float *)(void *)(c + 1);
    c->weights = at, c->grads = at + params, c->mean = at + 2 * (size_t)params,
    c->square = at + 3 * (size_t)params;
    at += 4 * (size_t)params;
    for (uint32_t l = 0, first = 0; l < LAYERS; first += params_of(l++)) {
        struct layer *y = &c->layers[l];
        *y = (struct layer){
            .a = widths[l], .c = widths[l + 1], .w = c->weights + first, .grad = c->grads + first};
        y->x = l == 0 ? (void *)at : c->layers[l - 1].z;
        if (l == 0) at += WORDS * BATCH;
        y->z = (void *)at;
        y->d = (void *)(at + (size_t)y->c * BATCH);
        at += 2 * (size_t)y->c * BATCH;
    }
    c->in = (void *)at;
    c->out = (void *)(at + (size_t)queries * WORDS);
    return c;
}

static void clone_free(struct clone *c) {
    const struct hkp_mem mem = c->mem;
    hkp_mem_free(&mem, c, c->size);
}

/* Uniform within +-sqrt(3 / a), so that values keep their size. */
static void draw(struct clone *c, const uint8_t seed[32]) {
    uint8_t word[4 * HIDDEN];
    for (uint32_t l = 0, row = 0; l < LAYERS; l++) {
        const struct layer *y = &c->layers[l];
        for (uint32_t i = 0; i < y->c; i++, row++) {
            hkp_neuro_lab__stream(seed, (UINT64_C(2) << 32) + row, word, 4 * (size_t)y->a);
            for (uint32_t j = 0; j < y->a; j++)
                y->w[(size_t)i * y->a + j] =
                    ((float)hkp_be32(word + 4 * (size_t)j) / 2147483648.0F - 1) * sqrtf(3.0F / (float)y->a);
        }
    }
}

/* A block of eight words around 32768, and where each word of its answer is on the circle. */
static void ask(const hkp_neuro_lab_nc1 *nc1, const uint8_t seed[32], uint64_t k, float in[WORDS],
                float out[ANGLES]) {
    uint8_t block[16];
    hkp_neuro_lab__stream(seed, k, block, sizeof block);
    for (size_t i = 0; i < WORDS; i++) {
        const int32_t v = (hkp_be16(block + 2 * i) & (2 * RANGE - 1)) - RANGE;
        in[i] = (float)v / RANGE;
        hkp_put_be16(block + 2 * i, (uint16_t)(32768 + v));
    }
    hkp_neuro_lab_nc1_encrypt(nc1, block, block);
    for (size_t i = 0; i < WORDS; i++) {
        const double angle = hkp_be16(block + 2 * i) * 9.587379924285257e-05; /* a turn by 65536 */
        out[2 * i] = (float)cos(angle);
        out[2 * i + 1] = (float)sin(angle);
    }
}

/* tanh by a quotient of polynomials, so that the compiler makes it for vectors. */
static float squash(float x) {
    x = x > 4.97F ? 4.97F : x < -4.97F ? -4.97F : x;
    const float s = x * x;
    return x * (135135 + s * (17325 + s * (378 + s))) / (135135 + s * (62370 + s * (3150 + s * 28)));
}

LAB_VECTOR static void forward(struct layer *y, int last) {
    const float *bias = y->w + (size_t)y->c * y->a;
    for (uint32_t i = 0; i < y->c; i++) {
        float z[BATCH];
        for (uint32_t n = 0; n < BATCH; n++) z[n] = bias[i];
        for (uint32_t j = 0; j < y->a; j++) {
            const float w = y->w[(size_t)i * y->a + j];
            for (uint32_t n = 0; n < BATCH; n++) z[n] += w * y->x[j][n];
        }
        for (uint32_t n = 0; n < BATCH; n++) y->z[i][n] = last ? z[n] : squash(z[n]);
    }
}

/* d of this layer is complete: gradients of its weights, and d of the layer below, whose values are x. */
LAB_VECTOR static void back(struct layer *y, float (*below)[BATCH]) {
    float *bias = y->grad + (size_t)y->c * y->a;
    for (uint32_t i = 0; i < y->c; i++) {
        for (uint32_t j = 0; j < y->a; j++) {
            float sum[LANES] = {0};
            for (uint32_t n = 0; n < BATCH; n += LANES)
                for (uint32_t k = 0; k < LANES; k++) sum[k] += y->d[i][n + k] * y->x[j][n + k];
            y->grad[(size_t)i * y->a + j] =
                (sum[0] + sum[4]) + (sum[1] + sum[5]) + (sum[2] + sum[6]) + (sum[3] + sum[7]);
        }
        bias[i] = 0;
        for (uint32_t n = 0; n < BATCH; n++) bias[i] += y->d[i][n];
    }
    for (uint32_t j = 0; below != NULL && j < y->a; j++) {
        float sum[BATCH] = {0};
        for (uint32_t i = 0; i < y->c; i++) {
            const float w = y->w[(size_t)i * y->a + j];
            for (uint32_t n = 0; n < BATCH; n++) sum[n] += w * y->d[i][n];
        }
        for (uint32_t n = 0; n < BATCH; n++) below[j][n] = sum[n] * (1 - y->x[j][n] * y->x[j][n]);
    }
}

/* Adam, with the usual 0.9 and 0.999. */
LAB_VECTOR static void apply(struct clone *c, uint32_t step, float rate) {
    const float mean = 1 / (1 - powf(0.9F, (float)step)), square = 1 / (1 - powf(0.999F, (float)step));
    for (uint32_t i = 0; i < c->params; i++) {
        const float g = c->grads[i] / BATCH;
        c->mean[i] = 0.9F * c->mean[i] + 0.1F * g;
        c->square[i] = 0.999F * c->square[i] + 0.001F * g * g;
        c->weights[i] -= rate * c->mean[i] * mean / (sqrtf(c->square[i] * square) + 1e-8F);
    }
}

static void run(struct clone *c, const float (*in)[WORDS], const uint32_t pick[BATCH]) {
    for (uint32_t n = 0; n < BATCH; n++)
        for (uint32_t i = 0; i < WORDS; i++) c->layers[0].x[i][n] = in[pick[n]][i];
    for (uint32_t l = 0; l < LAYERS; l++) forward(&c->layers[l], l + 1 == LAYERS);
}

static void learn(struct clone *c, const uint8_t seed[32], uint32_t step, uint32_t of) {
    uint8_t draw_bytes[4 * BATCH];
    uint32_t pick[BATCH];
    struct layer *last = &c->layers[LAYERS - 1];
    hkp_neuro_lab__stream(seed, (UINT64_C(3) << 32) + step, draw_bytes, sizeof draw_bytes);
    for (size_t n = 0; n < BATCH; n++) pick[n] = hkp_be32(draw_bytes + 4 * n) % c->queries;
    run(c, (const float(*)[WORDS])c->in, pick);
    for (uint32_t i = 0; i < ANGLES; i++)
        for (uint32_t n = 0; n < BATCH; n++) last->d[i][n] = last->z[i][n] - c->out[pick[n]][i];
    for (uint32_t l = LAYERS; l-- > 0;) back(&c->layers[l], l > 0 ? c->layers[l - 1].d : NULL);
    apply(c, step + 1, 0.002F * (float)(of - step) / (float)of);
}

/* Words of fresh blocks that come within 1/32 of a turn, to both sides 1/16. */
static void judge(struct clone *c, const hkp_neuro_lab_nc1 *nc1, const uint8_t seed[32],
                  struct hkp_neuro_lab_clone *result) {
    const double near = cos(3.141592653589793 / 16);
    float in[BATCH][WORDS], out[BATCH][ANGLES];
    uint32_t pick[BATCH];
    for (uint64_t k = 0; k < FRESH; k += BATCH) {
        for (uint32_t n = 0; n < BATCH; n++) {
            ask(nc1, seed, (UINT64_C(1) << 32) + k + n, in[n], out[n]);
            pick[n] = n;
        }
        run(c, (const float(*)[WORDS])in, pick);
        for (uint32_t n = 0; n < BATCH; n++)
            for (uint32_t i = 0; i < WORDS; i++) {
                const double x = c->layers[LAYERS - 1].z[2 * i][n], y = c->layers[LAYERS - 1].z[2 * i + 1][n];
                const uint32_t hit = x * out[n][2 * i] + y * out[n][2 * i + 1] > near * sqrt(x * x + y * y);
                result->hits += hit;
                result->right_hits += i >= WORDS / 2 ? hit : 0;
            }
    }
    result->words = (uint64_t)FRESH * WORDS;
}

hkp_status hkp_neuro_lab_attack_clone(const hkp_neuro_lab_nc1 *nc1, uint32_t queries, uint32_t steps,
                                      const uint8_t seed[32], hkp_neuro_lab_progress progress, void *user,
                                      struct hkp_neuro_lab_clone *result) {
    struct hkp_mem mem = {0};
    hkp_status st = HKP_OK;
    *result = (struct hkp_neuro_lab_clone){0};
    (void)hkp_mem_import(&mem);
    struct clone *c = clone_new(&mem, queries);
    if (c == NULL) return HKP_E_NEURO_LAB_LIMIT;
    for (uint32_t k = 0; k < queries; k++) ask(nc1, seed, k, c->in[k], c->out[k]);
    draw(c, seed);
    for (uint32_t step = 0; step < steps && st == HKP_OK; step++) {
        learn(c, seed, step, steps);
        if (progress != NULL && ((step + 1) % REPORT_EVERY == 0 || step + 1 == steps) &&
            progress(user, step + 1, steps, 0, 0) != 0)
            st = HKP_E_NEURO_LAB_CANCELLED;
    }
    result->queries = queries;
    judge(c, nc1, seed, result);
    clone_free(c);
    return st;
}
