/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The four loops in which a step spends its time, in every variant that this build has. All variants give the
 * same bits: sums are exact integers, so their order does not matter (NZ1 15).
 */
#ifndef HKP_LIBNEURO_KERNEL_H
#define HKP_LIBNEURO_KERNEL_H

#include <stdint.h>

/** What every weight of one row is updated with. */
struct hkp_neuro__row {
    /** s_i, Q28 */
    int32_t s;
    /** K_l */
    int32_t k;
    int32_t e12;
};

struct hkp_neuro__kernel {
    /** HKP_NEURO_VARIANT_* */
    uint32_t variant;
    /** sum[i] = sum_j w[i][j] * v[j]; n_in is a multiple of 8, at most 128; n_out one of 4; |v| <= 32767;
     * |w| <= 262143 */
    void (*rows)(const int32_t *w, const int32_t *v, int n_out, int n_in, int64_t *sum);
    /** sum[j] = sum_i w[i][j] * d[i]; n_in is a multiple of 8 */
    void (*columns)(const int32_t *w, const int32_t *d, int n_out, int n_in, int64_t *sum);
    /** one row of NZ1 10.5: w, r and kick [n], v its inputs; n is a multiple of 8 */
    void (*update)(int32_t *w, uint16_t *r, const uint8_t *kick, const int32_t *v, int n,
                   const struct hkp_neuro__row *row);
};

/** The kernel of a variant; AUTO is the best; NULL if this processor or build has it not. */
const struct hkp_neuro__kernel *hkp_neuro__kernel_find(uint32_t variant);

/** One weight of NZ1 10.5. */
static inline void hkp_neuro__weight_step(int32_t *w, uint16_t *r, uint8_t kick, int32_t v,
                                          const struct hkp_neuro__row *row, int32_t zero) {
    const int32_t g = (row->s * v + 1024) >> 11;
    const int32_t st = g + row->k * (2 * (int32_t)kick - 255) + ((*w * row->e12) >> 11);
    const int32_t t = (int32_t)*r - st;
    int32_t next = *w + (t >> 16);
    int32_t d = next - 262143;
    next = 262143 + (d & ((d >> 31) ^ zero));
    d = next + 262143;
    next = next - (d & ((d >> 31) ^ zero));
    *w = next;
    *r = (uint16_t)((uint32_t)t & 0xFFFFU);
}

#endif
