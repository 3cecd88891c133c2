/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the field of SYN-6.1, GF(2^8) with x^8 + x^4 + x^3 + x + 1; no table and no branch on a value. */
#ifndef HKP_LIBNEURO_GF256_H
#define HKP_LIBNEURO_GF256_H

#include <stddef.h>
#include <stdint.h>

uint8_t hkp_neuro__gf_mul(uint8_t a, uint8_t b);
/** 0 for 0. */
uint8_t hkp_neuro__gf_inverse(uint8_t a);
/** value[32] of the polynomial secret + a_1 x + ... with degree strings a[degree][32]. */
void hkp_neuro__gf_share(const uint8_t secret[32], const uint8_t *a, size_t degree, uint8_t x,
                         uint8_t value[32]);
/** Value at 0 of the polynomial through (x[i], y[i]), t points, x distinct and not 0. */
void hkp_neuro__gf_at_zero(const uint8_t *x, const uint8_t *const *y, size_t t, uint8_t secret[32]);

#endif
