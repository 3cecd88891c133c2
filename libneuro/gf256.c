/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Arithmetic of secret shares (SYN-6.1): values are secret, places x are not. */
#include "libneuro/gf256.h"

enum { POLYNOMIAL = 0x11B, STRING = 32 };

uint8_t hkp_neuro__gf_mul(uint8_t a, uint8_t b) {
    uint32_t power = a, product = 0;
    for (int i = 0; i < 8; i++) {
        product ^= power & (0U - ((uint32_t)b >> i & 1U));
        power = power << 1 ^ (POLYNOMIAL & (0U - (power >> 7)));
    }
    return (uint8_t)product;
}

/* a^254: seven squarings, and a product for each but the last. */
uint8_t hkp_neuro__gf_inverse(uint8_t a) {
    uint8_t square = hkp_neuro__gf_mul(a, a), result = square;
    for (int i = 0; i < 6; i++) {
        square = hkp_neuro__gf_mul(square, square);
        result = hkp_neuro__gf_mul(result, square);
    }
    return result;
}

void hkp_neuro__gf_share(const uint8_t secret[32], const uint8_t *a, size_t degree, uint8_t x,
                         uint8_t value[32]) {
    for (size_t j = 0; j < STRING; j++) {
        uint8_t sum = 0; /* Horner's rule, highest coefficient first */
        for (size_t k = degree; k > 0; k--) sum = hkp_neuro__gf_mul(sum ^ a[STRING * (k - 1) + j], x);
        value[j] = sum ^ secret[j];
    }
}

void hkp_neuro__gf_at_zero(const uint8_t *x, const uint8_t *const *y, size_t t, uint8_t secret[32]) {
    for (size_t j = 0; j < STRING; j++) secret[j] = 0;
    for (size_t i = 0; i < t; i++) {
        uint8_t weight = 1;
        for (size_t k = 0; k < t; k++)
            if (k != i)
                weight = hkp_neuro__gf_mul(
                    weight, hkp_neuro__gf_mul(x[k], hkp_neuro__gf_inverse((uint8_t)(x[k] ^ x[i]))));
        for (size_t j = 0; j < STRING; j++) secret[j] ^= hkp_neuro__gf_mul(weight, y[i][j]);
    }
}
