/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Binary BCH(255, 131) over GF(2^8) with 0x11D (SYN-9.1). Encoding by division with the generator; decoding
 * by syndromes, the Berlekamp-Massey algorithm without inversion, and a search for roots. All of it runs the
 * same steps whatever the word is.
 */
#include "libter/fuzzy.h"

#include <sodium.h>
#include <string.h>

enum { N = HKP_TER__BCH_N, K = HKP_TER__BCH_K, T = HKP_TER__BCH_T, SYNDROMES = 2 * T, POWERS = N + 7 };

/* The generator without its leading x^124: coefficients 64..123, 0..63. */
#define G_HIGH 0x1bcb6cce6906958U
#define G_LOW 0xaa17f2231050eb39U
#define HIGH_MASK 0xFFFFFFFFFFFFFFFU

/* ---- The field ---- */

static uint8_t gf_mul(uint8_t a, uint8_t b) {
    uint32_t p = 0;
    for (unsigned i = 0; i < 8; i++) p ^= ((uint32_t)a << i) & (0U - (b >> i & 1U));
    for (unsigned i = 14; i >= 8; i--) p ^= (0x11DU << (i - 8)) & (0U - (p >> i & 1U));
    return (uint8_t)p;
}

/* By alpha^e, which is no secret, e below 255. */
static uint8_t gf_mul_power(uint8_t a, const uint8_t power[POWERS], unsigned e) {
    uint32_t p = 0;
    for (unsigned i = 0; i < 8; i++) p ^= power[e + i] & (0U - (a >> i & 1U));
    return (uint8_t)p;
}

/* alpha^0 .. alpha^261, so that seven more than the highest exponent are there. */
static void gf_powers(uint8_t power[POWERS]) {
    uint32_t x = 1;
    for (int i = 0; i < POWERS; i++) {
        power[i] = (uint8_t)x;
        x = x << 1 ^ (0x11DU & (0U - (x >> 7)));
    }
}

/* A value of which the compiler knows nothing: it makes branches of masks that it sees through. */
static uint32_t opaque(uint32_t x) {
    __asm__("" : "+r"(x));
    return x;
}

/* All ones if not zero; all ones if a <= b (both below 2^31). */
static uint32_t not_zero(uint32_t x) { return 0U - opaque((x | (0U - x)) >> 31); }
static uint32_t at_most(uint32_t a, uint32_t b) { return 0U - opaque((a - b - 1) >> 31); }

/* ---- Encoding ---- */

void hkp_ter__bch_encode(const uint8_t message[17], uint8_t code[255]) {
    uint64_t high = 0, low = 0;
    for (unsigned i = 0; i < K; i++) {
        const unsigned at = i + 5; /* 131 bits in 136 */
        const uint64_t bit = message[at / 8] >> (7 - at % 8) & 1U;
        const uint64_t feed = 0U - (bit ^ (high >> 59 & 1U));
        code[i] = (uint8_t)bit;
        high = ((high << 1 | low >> 63) & HIGH_MASK) ^ (G_HIGH & feed);
        low = low << 1 ^ (G_LOW & feed);
    }
    for (unsigned i = 0; i < 60; i++) code[K + i] = (uint8_t)(high >> (59 - i) & 1U);
    for (unsigned i = 0; i < 64; i++) code[K + 60 + i] = (uint8_t)(low >> (63 - i) & 1U);
}

/* ---- Decoding ---- */

/* s[j - 1] = value of the word at alpha^j; bit i is the coefficient of x^(254 - i). */
static void syndromes(const uint8_t code[N], const uint8_t power[POWERS], uint8_t s[SYNDROMES]) {
    for (unsigned j = 1; j <= SYNDROMES; j++) {
        uint32_t sum = 0;
        for (unsigned i = 0; i < N; i++) sum ^= power[(N - 1 - i) * j % N] & (0U - (uint32_t)code[i]);
        s[j - 1] = (uint8_t)sum;
    }
}

static uint8_t discrepancy(const uint8_t locator[T + 1], const uint8_t s[SYNDROMES], unsigned r) {
    uint8_t d = 0;
    for (unsigned i = 0; i <= T && i <= r; i++) d ^= gf_mul(locator[i], s[r - i]);
    return d;
}

/* Error locator of at most 18 errors; its degree is beyond 18 if there are more. Coefficients beyond x^18 are
 * dropped: they arise only where that degree is exceeded. */
static uint32_t find_locator(const uint8_t s[SYNDROMES], uint8_t locator[T + 1]) {
    uint8_t before[T + 1] = {1}, next[T + 1], gamma = 1;
    uint32_t degree = 0;
    memset(locator, 0, T + 1);
    locator[0] = 1;
    for (unsigned r = 0; r < SYNDROMES; r++) {
        const uint8_t delta = discrepancy(locator, s, r);
        memmove(before + 1, before, T);
        before[0] = 0;
        for (unsigned i = 0; i <= T; i++) next[i] = gf_mul(gamma, locator[i]) ^ gf_mul(delta, before[i]);
        const uint32_t longer = not_zero(delta) & at_most(2 * degree, r);
        for (unsigned i = 0; i <= T; i++)
            before[i] = (uint8_t)((locator[i] & longer) | (before[i] & ~longer));
        gamma = (uint8_t)((delta & longer) | (gamma & ~longer));
        degree = ((r + 1 - degree) & longer) | (degree & ~longer);
        memcpy(locator, next, T + 1);
    }
    return degree;
}

/* Flips the bits at the roots of the locator; how many there were. */
static uint32_t flip_roots(const uint8_t locator[T + 1], const uint8_t power[POWERS], uint8_t flips[N]) {
    uint32_t n = 0;
    for (unsigned i = 0; i < N; i++) {
        const unsigned x = (i + 1) % N; /* the exponent of the inverse of alpha^(254 - i) */
        uint8_t value = 0;
        for (unsigned k = T + 1; k-- > 0;) value = gf_mul_power(value, power, x) ^ locator[k];
        flips[i] = (uint8_t)(~not_zero(value) & 1U);
        n += flips[i];
    }
    return n;
}

uint32_t hkp_ter__bch_decode(uint8_t code[255]) {
    uint8_t power[POWERS], s[SYNDROMES], locator[T + 1], flips[N];
    uint32_t rest = 0;
    gf_powers(power);
    syndromes(code, power, s);
    const uint32_t degree = find_locator(s, locator);
    const uint32_t roots = flip_roots(locator, power, flips);
    uint32_t good = at_most(degree, T) & ~not_zero(degree ^ roots);
    for (unsigned i = 0; i < N; i++) flips[i] ^= code[i]; /* the corrected word */
    syndromes(flips, power, s);
    for (unsigned j = 0; j < SYNDROMES; j++) rest |= s[j];
    good &= ~not_zero(rest);
    for (unsigned i = 0; i < N; i++) code[i] = (uint8_t)((flips[i] & good) | (code[i] & ~good));
    sodium_memzero(flips, sizeof flips);
    return good & 1U;
}
