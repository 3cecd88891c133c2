/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: robustness of NC0: few words of a code are turned round, and one chosen bit of what
 * it decodes to changes (LAB-5.5 a). The attacker has the decoder. */
#include "libneuro/lab/lab.h"

enum { WIDE = HKP_NEURO_LAB_WIDTH_MAX, STEPS = 256 };
/* A bit counts as settled when its z is this far on the right side, Q16. */
static const double MARGIN = 8192;

struct walk {
    const hkp_neuro_lab_nc0 *nc0;
    int32_t code[NC0_BITS], want[NC0_BITS], z[NC0_LAYERS_MAX][WIDE];
    double slope[2][WIDE];
};

/* All layers of the decoder: how far the bits are from what is wanted, all together. right: none is wrong. */
static double decode(struct walk *k, int *right) {
    int32_t value[2][WIDE];
    const uint32_t first = k->nc0->n_encoder, last = k->nc0->n_layers - 1;
    double far = 0;
    *right = 1;
    for (uint32_t l = first; l <= last; l++)
        hkp_neuro_lab__nc0_layer(&k->nc0->layers[l], l == first ? k->code : value[l & 1], k->z[l],
                                 value[(l + 1) & 1]);
    for (size_t i = 0; i < NC0_BITS; i++) {
        const double ahead = k->want[i] * (double)k->z[last][i];
        far += ahead < MARGIN ? MARGIN - ahead : 0;
        *right &= (k->z[last][i] >= 0) == (k->want[i] > 0);
    }
    return far;
}

/* How much each word of the code moves the bits that are not settled away from what is wanted. */
static const double *slopes(struct walk *k) {
    const uint32_t first = k->nc0->n_encoder, last = k->nc0->n_layers - 1;
    for (size_t i = 0; i < NC0_BITS; i++)
        k->slope[last & 1][i] = k->want[i] * (double)k->z[last][i] < MARGIN ? -k->want[i] : 0;
    for (uint32_t l = last; l >= first; l--) {
        const struct nc0_layer *y = &k->nc0->layers[l];
        const double *above = k->slope[l & 1];
        double *below = k->slope[(l + 1) & 1];
        for (uint32_t j = 0; j < y->a; j++) below[j] = 0;
        for (uint32_t i = 0; i < y->c; i++)
            for (uint32_t j = 0; j < y->a; j++) below[j] += above[i] * y->w[(size_t)i * y->a + j];
        for (uint32_t j = 0; l > first && j < y->a; j++)
            below[j] *= (double)hkp_neuro_lab__slope(k->nc0->layers[l - 1].act, k->z[l - 1][j]);
    }
    return k->slope[(first + 1) & 1];
}

/* The word that promises most, of those that were not tried since the last gain. */
static size_t steepest(struct walk *k, const uint8_t tried[NC0_BITS]) {
    const double *slope = slopes(k);
    double most = 0;
    size_t best = NC0_BITS;
    for (size_t j = 0; j < NC0_BITS; j++) {
        const double gain = slope[j] < 0 ? -slope[j] * (32767 - k->code[j]) : slope[j] * (32767 + k->code[j]);
        if (tried[j] || gain <= most) continue;
        most = gain;
        best = j;
    }
    return best;
}

/* The best of 17 values of one word. */
static double best_value(struct walk *k, size_t word, double far) {
    int32_t best = k->code[word];
    int right;
    for (int32_t v = -32767; v <= 32767; v += 4095) {
        k->code[word] = v;
        const double now = decode(k, &right);
        if (now >= far) continue;
        far = now;
        best = v;
    }
    k->code[word] = best;
    return far;
}

/* Change one word after the other until only the wanted bit has changed: how many; 129: not reached. */
static uint32_t walk(struct walk *k) {
    uint8_t tried[NC0_BITS] = {0};
    int32_t from[NC0_BITS];
    int right;
    memcpy(from, k->code, sizeof from);
    double far = decode(k, &right);
    for (uint32_t n = 0; n < STEPS && !right; n++) {
        const size_t word = steepest(k, tried);
        if (word == NC0_BITS) return NC0_BITS + 1;
        const double now = best_value(k, word, far);
        if (now < far) memset(tried, 0, sizeof tried);
        tried[word] = 1;
        far = now;
        (void)decode(k, &right);
    }
    uint32_t changed = 0;
    for (size_t j = 0; j < NC0_BITS; j++) changed += k->code[j] != from[j];
    return right ? changed : NC0_BITS + 1;
}

void hkp_neuro_lab_attack_flip(const hkp_neuro_lab_nc0 *nc0, uint32_t blocks, const uint8_t seed[32],
                               struct hkp_neuro_lab_flip *result) {
    uint32_t with[NC0_BITS + 2] = {0}, below = 0;
    struct walk k = {.nc0 = nc0};
    *result = (struct hkp_neuro_lab_flip){.blocks = blocks, .median = NC0_BITS + 1};
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t draw[17];
        int16_t code[NC0_BITS];
        hkp_neuro_lab__stream(seed, b, draw, sizeof draw);
        hkp_neuro_lab_nc0_code(nc0, draw, code);
        for (size_t i = 0; i < NC0_BITS; i++) k.code[i] = code[i];
        int right;
        (void)decode(&k, &right);
        for (size_t i = 0; i < NC0_BITS; i++) k.want[i] = k.z[nc0->n_layers - 1][i] >= 0 ? 1 : -1;
        k.want[draw[16] % NC0_BITS] *= -1;
        const uint32_t n = walk(&k);
        with[n]++;
        result->reached += n <= NC0_BITS;
    }
    for (uint32_t n = 0; n <= NC0_BITS + 1; n++) {
        below += with[n];
        if (2 * below < blocks) continue;
        result->median = n;
        break;
    }
}
