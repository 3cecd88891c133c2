/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Variants of the loops: plain C without and with the compiler's vectors, AVX2 by hand. */
#include "libneuro/kernel.h"

#include "libneuro/fixed.h"

#include <hookprobe/neuro.h>
#include <stddef.h>

/* SCALAR: what a machine without a vector unit runs, also where there is one. */
#if defined(__clang__)
#define PLAIN_LOOP _Pragma("clang loop vectorize(disable) interleave(disable)")
#else
#define PLAIN_LOOP
#pragma GCC push_options
#pragma GCC optimize("no-tree-vectorize")
#endif
#define NAME(x) x##_scalar
#include "libneuro/kernel_c.h"
#undef NAME
#undef PLAIN_LOOP
#if !defined(__clang__)
#pragma GCC pop_options
#endif

/* BASE: the same text with the vectors of the least processor of this kind (SSE2, NEON). */
#define PLAIN_LOOP
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O3")
#endif
#define NAME(x) x##_base
#include "libneuro/kernel_c.h"
#undef NAME
#undef PLAIN_LOOP
#if !defined(__clang__)
#pragma GCC pop_options
#endif

static const struct hkp_neuro__kernel kernel_scalar = {HKP_NEURO_VARIANT_SCALAR, rows_scalar, columns_scalar,
                                                       update_scalar};
static const struct hkp_neuro__kernel kernel_base = {HKP_NEURO_VARIANT_BASE, rows_base, columns_base,
                                                     update_base};

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

static AVX2 __m256i load8(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

/* The sums of the lanes of four vectors; all four fit 32 bits. */
static AVX2 __m128i sums4(const __m256i v[4]) {
    const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
}

/* w = hi * 512 + lo, as in plain C. Both halves of w and v itself fit 16 bits, so that the multiplier for 16
 * bits does: it adds the product of the upper halves of the lanes, and that of v is made 0. n_out is a
 * multiple of 4. */
AVX2 static void rows_avx2(const int32_t *w, const int32_t *v, int n_out, int n_in, int64_t *sum) {
    const __m256i low = _mm256_set1_epi32(511), half = _mm256_set1_epi32(0xFFFF);
    for (int i = 0; i < n_out; i += 4, w += (ptrdiff_t)4 * n_in) {
        __m256i hi[4], lo[4];
        int32_t h[4], l[4];
        for (int k = 0; k < 4; k++) hi[k] = lo[k] = _mm256_setzero_si256();
        for (int j = 0; j < n_in; j += 8) {
            const __m256i y = _mm256_and_si256(load8(v + j), half);
#pragma GCC unroll 4
            for (int k = 0; k < 4; k++) {
                const __m256i x = load8(w + (ptrdiff_t)k * n_in + j);
                hi[k] = _mm256_add_epi32(hi[k], _mm256_madd_epi16(_mm256_srai_epi32(x, 9), y));
                lo[k] = _mm256_add_epi32(lo[k], _mm256_madd_epi16(_mm256_and_si256(x, low), y));
            }
        }
        _mm_storeu_si128((__m128i *)(void *)h, sums4(hi));
        _mm_storeu_si128((__m128i *)(void *)l, sums4(lo));
        for (int k = 0; k < 4; k++) sum[i + k] = (int64_t)h[k] * 512 + l[k];
    }
}

AVX2 static void columns_avx2(const int32_t *w, const int32_t *d, int n_out, int n_in, int64_t *sum) {
    for (int j = 0; j < n_in; j += 8) {
        /* even and odd lanes apart: the multiplier takes 32 bits of each 64 */
        __m256i even = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
        int64_t e[4], o[4];
        for (int i = 0; i < n_out; i++) {
            const __m256i x = load8(w + (ptrdiff_t)i * n_in + j), y = _mm256_set1_epi32(d[i]);
            even = _mm256_add_epi64(even, _mm256_mul_epi32(x, y));
            odd = _mm256_add_epi64(odd, _mm256_mul_epi32(_mm256_srli_epi64(x, 32), y));
        }
        _mm256_storeu_si256((__m256i *)(void *)e, even);
        _mm256_storeu_si256((__m256i *)(void *)o, odd);
        for (int k = 0; k < 4; k++) {
            sum[j + 2 * k] = e[k];
            sum[j + 2 * k + 1] = o[k];
        }
    }
}

AVX2 static void update_avx2(int32_t *w, uint16_t *r, const uint8_t *kick, const int32_t *v, int n,
                             const struct hkp_neuro__row *row) {
    const __m256i s = _mm256_set1_epi32(row->s), k2 = _mm256_set1_epi32(2 * row->k),
                  k255 = _mm256_set1_epi32(255 * row->k), e12 = _mm256_set1_epi32(row->e12),
                  half = _mm256_set1_epi32(1024), top = _mm256_set1_epi32(HKP_NEURO__WMAX),
                  bottom = _mm256_set1_epi32(-HKP_NEURO__WMAX), low = _mm256_set1_epi32(0xFFFF);
    for (int j = 0; j < n; j += 8) {
        const __m256i x = load8(w + j), y = load8(v + j);
        const __m256i rest = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(r + j)));
        const __m256i kicks =
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(kick + j)));
        const __m256i g = _mm256_srai_epi32(_mm256_add_epi32(_mm256_mullo_epi32(s, y), half), 11);
        const __m256i push = _mm256_sub_epi32(_mm256_mullo_epi32(k2, kicks), k255);
        const __m256i decay = _mm256_srai_epi32(_mm256_mullo_epi32(x, e12), 11);
        const __m256i t = _mm256_sub_epi32(rest, _mm256_add_epi32(g, _mm256_add_epi32(push, decay)));
        __m256i next = _mm256_add_epi32(x, _mm256_srai_epi32(t, 16));
        next = _mm256_max_epi32(_mm256_min_epi32(next, top), bottom);
        _mm256_storeu_si256((__m256i *)(void *)(w + j), next);
        const __m256i left = _mm256_and_si256(t, low);
        const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(left, left), 0x08);
        _mm_storeu_si128((__m128i *)(void *)(r + j), _mm256_castsi256_si128(packed));
    }
}

static const struct hkp_neuro__kernel kernel_avx2 = {HKP_NEURO_VARIANT_AVX2, rows_avx2, columns_avx2,
                                                     update_avx2};

static const struct hkp_neuro__kernel *find_avx2(void) {
    return __builtin_cpu_supports("avx2") ? &kernel_avx2 : NULL;
}
#else
static const struct hkp_neuro__kernel *find_avx2(void) { return NULL; }
#endif

const struct hkp_neuro__kernel *hkp_neuro__kernel_find(uint32_t variant) {
    const struct hkp_neuro__kernel *best = find_avx2();
    switch (variant) {
    case HKP_NEURO_VARIANT_AUTO:
        return best != NULL ? best : &kernel_base;
    case HKP_NEURO_VARIANT_SCALAR:
        return &kernel_scalar;
    case HKP_NEURO_VARIANT_BASE:
        return &kernel_base;
    case HKP_NEURO_VARIANT_AVX2:
        return best;
    default:
        return NULL;
    }
}
