/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: training of NC0, in integers, so that every build makes the same pair (LAB-4.4). */
#include "libneuro/lab/lab.h"

enum { G_MAX = 1 << 17, BELOW_MAX = 1 << 23, WIDE = HKP_NEURO_LAB_WIDTH_MAX, REPORT_EVERY = 100 };
#define W_MAX ((1 << 26) - 1)

/* Of one batch: values x of all layers, z of all but the first, g of one; sums of gradients. Block by block.
 */
struct work {
    int32_t *x[NC0_LAYERS_MAX + 1], *z[NC0_LAYERS_MAX];
    int32_t *g, *below;
    int64_t *sums;
    size_t size;
};

static int64_t clamp(int64_t v, int64_t most) { return v < -most ? -most : v > most ? most : v; }

int64_t hkp_neuro_lab__slope(uint32_t act, int32_t z) {
    if (act == HKP_NEURO_LAB_RELU) return z > 0 && z < 65536 ? 32768 : 0;
    const int64_t d = hkp_neuro__qtd(z, hkp_neuro__zero());
    return act == HKP_NEURO_LAB_SIGMOID ? d >> 1 : d; /* the signs of form 2 learn like tanh */
}

/* One layer back: sums of g x, and what goes on to the layer below (act and z are its). A row at a time for
 * all blocks, so that it stays near. */
LAB_VECTOR static void gradients(const struct nc0_layer *l, const struct work *k, const int32_t *x,
                                 uint32_t batch, int64_t *sums) {
    int64_t *biases = sums + (size_t)l->c * l->a;
    memset(sums, 0, (size_t)l->c * (l->a + 1) * sizeof *sums);
    for (uint32_t i = 0; i < l->c; i++) {
        int64_t *s = sums + (size_t)i * l->a;
        for (uint32_t n = 0; n < batch; n++) {
            const int64_t g = k->g[(size_t)n * l->c + i];
            const int32_t *v = x + (size_t)n * l->a;
            for (uint32_t j = 0; j < l->a; j++) s[j] += g * v[j];
            biases[i] += g;
        }
    }
}

LAB_VECTOR static void back(const struct nc0_layer *l, struct work *k, uint32_t batch, uint32_t act,
                            const int32_t *z) {
    for (uint32_t n = 0; n < batch; n++) {
        int64_t sum[WIDE] = {0};
        for (uint32_t i = 0; i < l->c; i++) {
            const int64_t g = k->g[(size_t)n * l->c + i];
            const int32_t *w = l->w + (size_t)i * l->a;
            for (uint32_t j = 0; j < l->a; j++) sum[j] += g * (w[j] >> 8);
        }
        for (uint32_t j = 0; j < l->a; j++)
            k->below[(size_t)n * l->a + j] = (int32_t)clamp(
                ((sum[j] >> 16) * hkp_neuro_lab__slope(act, z[(size_t)n * l->a + j])) >> 15, BELOW_MAX);
    }
    int32_t *const swap = k->g;
    k->g = k->below;
    k->below = swap;
}

/* All blocks: forward, compare, back. Returns the bits that came out wrong. */
static uint32_t one_batch(hkp_neuro_lab_nc0 *n, struct work *k, const uint8_t *blocks) {
    uint32_t wrong = 0;
    int32_t target[NC0_BITS];
    for (uint32_t b = 0; b < n->batch; b++) {
        hkp_neuro_lab__bits(blocks + 16 * (size_t)b, 32767, k->x[0] + (size_t)NC0_BITS * b);
        for (uint32_t l = 0; l < n->n_layers; l++) {
            const struct nc0_layer *layer = &n->layers[l];
            hkp_neuro_lab__nc0_layer(layer, k->x[l] + (size_t)layer->a * b, k->z[l] + (size_t)layer->c * b,
                                     k->x[l + 1] + (size_t)layer->c * b);
        }
        const int32_t *last = k->z[n->n_layers - 1] + (size_t)NC0_BITS * b;
        hkp_neuro_lab__bits(blocks + 16 * (size_t)b, 65536, target);
        for (size_t i = 0; i < NC0_BITS; i++) {
            wrong += (last[i] >= 0) != (target[i] > 0);
            k->g[(size_t)NC0_BITS * b + i] = (int32_t)clamp((int64_t)last[i] - target[i], G_MAX);
        }
    }
    for (uint32_t l = n->n_layers; l-- > 0;) {
        gradients(&n->layers[l], k, k->x[l], n->batch, k->sums + (n->layers[l].w - n->weights));
        if (l > 0) back(&n->layers[l], k, n->batch, n->layers[l - 1].act, k->z[l - 1]);
    }
    return wrong;
}

/* The sign of the momentum decides: learning does not depend on scale. */
LAB_VECTOR static void apply(hkp_neuro_lab_nc0 *n, const int64_t *gradients) {
    const int64_t step = (int64_t)n->lr * (n->steps - n->done) / n->steps + 1;
    for (uint32_t l = 0; l < n->n_layers; l++) {
        const uint64_t first = (uint64_t)(n->layers[l].w - n->weights);
        const uint64_t biases = first + (uint64_t)n->layers[l].c * n->layers[l].a;
        for (uint64_t i = first; i < biases + n->layers[l].c; i++) {
            const int64_t m =
                n->momenta[i] - (n->momenta[i] >> 4) + (i < biases ? gradients[i] >> 15 : gradients[i]);
            n->momenta[i] = m;
            n->weights[i] = (int32_t)clamp(n->weights[i] - step * ((m > 0) - (m < 0)), W_MAX);
        }
    }
}

static uint32_t one_step(hkp_neuro_lab_nc0 *n, struct work *k, const uint8_t data_key[32]) {
    uint8_t blocks[HKP_NEURO_LAB_BATCH_MAX * 16];
    hkp_neuro_lab__stream(data_key, n->done, blocks, 16U * n->batch);
    const uint32_t wrong = one_batch(n, k, blocks);
    apply(n, k->sums);
    n->done++;
    return wrong;
}

static struct work *work_new(const hkp_neuro_lab_nc0 *n) {
    size_t words = 2 * (size_t)WIDE + NC0_BITS;
    for (uint32_t l = 0; l < n->n_layers; l++) words += 2 * (size_t)n->layers[l].c;
    const size_t size =
        sizeof(struct work) + n->params * sizeof(int64_t) + words * n->batch * sizeof(int32_t);
    struct work *k = hkp_mem_alloc(&n->mem, size);
    if (k == NULL) return NULL;
    k->size = size;
    k->sums = (int64_t *)(void *)(k + 1);
    int32_t *at = (int32_t *)(void *)(k->sums + n->params);
    k->g = at;
    k->below = at + (size_t)WIDE * n->batch;
    at += 2 * (size_t)WIDE * n->batch;
    k->x[0] = at;
    at += (size_t)NC0_BITS * n->batch;
    for (uint32_t l = 0; l < n->n_layers; l++) {
        k->z[l] = at;
        k->x[l + 1] = at + (size_t)n->layers[l].c * n->batch;
        at += 2 * (size_t)n->layers[l].c * n->batch;
    }
    return k;
}

hkp_status hkp_neuro_lab__nc0_run(hkp_neuro_lab_nc0 *n, const uint8_t data_key[32], uint32_t max_steps,
                                  hkp_neuro_lab_progress progress, void *user) {
    hkp_status st = HKP_OK;
    struct work *k = work_new(n);
    if (k == NULL) return HKP_E_NEURO_LAB_LIMIT;
    while (st == HKP_OK && max_steps-- > 0 && n->done < n->steps) {
        const uint32_t wrong = one_step(n, k, data_key);
        if (progress != NULL && (n->done % REPORT_EVERY == 0 || n->done == n->steps) &&
            progress(user, n->done, n->steps, wrong, n->batch * NC0_BITS) != 0)
            st = HKP_E_NEURO_LAB_CANCELLED;
    }
    const size_t size = k->size;
    sodium_memzero(k, size);
    hkp_mem_free(&n->mem, k, size);
    return st;
}

hkp_status hkp_neuro_lab_nc0_train(hkp_neuro_lab_nc0 *nc0, uint32_t max_steps,
                                   hkp_neuro_lab_progress progress, void *user) {
    uint8_t data_key[32];
    hkp_neuro_lab__hmac(nc0->key, "LAB1 nc0 data", data_key);
    const hkp_status st = hkp_neuro_lab__nc0_run(nc0, data_key, max_steps, progress, user);
    sodium_memzero(data_key, sizeof data_key);
    return st;
}
