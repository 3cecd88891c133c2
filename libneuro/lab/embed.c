/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: embeddings of records, 64 -> 64 -> 32, weights from the key as in NC1 (LAB-7.11). */
#include "libneuro/lab/lab.h"

#include <hookprobe/neuro_lab_match.h>

enum { FEATURES = 64, HIDDEN = 64, OUT = HKP_NEURO_LAB_EMBED };

static int32_t word(const uint8_t *stream, size_t i) { return (int16_t)hkp_be16(stream + 2 * i); }

/* Three bytes in a row, hashed to 64 buckets and counted, a longer record not higher than a short one. */
static void features(const uint8_t *bytes, size_t len, int32_t x[FEATURES]) {
    uint64_t count[FEATURES] = {0};
    const uint64_t n = len > 2 ? len - 2 : 1;
    for (size_t i = 0; i + 2 < len; i++) {
        uint32_t h = 2166136261U;
        for (size_t k = 0; k < 3; k++) h = (h ^ bytes[i + k]) * 16777619U;
        count[(h >> 16 ^ h) % FEATURES]++;
    }
    for (size_t i = 0; i < FEATURES; i++) {
        const uint64_t share = count[i] * 8 * 32767 / n;
        x[i] = share > 32767 ? 32767 : (int32_t)share;
    }
}

/* One layer of NC1's form: c rows of 64 and c biases out of a stream; sums in Q16. */
static void layer(const uint8_t key[32], uint64_t nonce, uint32_t c, const int32_t x[FEATURES], int32_t *z) {
    uint8_t stream[2 * HIDDEN * (FEATURES + 1)];
    hkp_neuro_lab__stream(key, nonce, stream, (size_t)2 * c * (FEATURES + 1));
    for (uint32_t i = 0; i < c; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < FEATURES; j++) sum += (int64_t)word(stream, (size_t)i * FEATURES + j) * x[j];
        z[i] = (int32_t)(sum >> 15) + word(stream, (size_t)c * FEATURES + i);
    }
    sodium_memzero(stream, sizeof stream);
}

void hkp_neuro_lab_embed(const uint8_t key[32], const uint8_t *bytes, size_t len,
                         int32_t point[HKP_NEURO_LAB_EMBED]) {
    int32_t x[FEATURES], z[HIDDEN], h[HIDDEN];
    uint8_t weights[32];
    hkp_neuro_lab__hmac(key, "LAB1 embed", weights);
    features(bytes, len, x);
    layer(weights, 0, HIDDEN, x, z);
    for (uint32_t i = 0; i < HIDDEN; i++) h[i] = hkp_neuro__qt(z[i], hkp_neuro__zero());
    layer(weights, 1, OUT, h, point);
    sodium_memzero(weights, sizeof weights);
}

uint64_t hkp_neuro_lab_embed_distance(const int32_t a[HKP_NEURO_LAB_EMBED],
                                      const int32_t b[HKP_NEURO_LAB_EMBED]) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < OUT; i++) {
        const int64_t d = (int64_t)a[i] - b[i];
        sum += (uint64_t)(d * d);
    }
    return sum;
}
