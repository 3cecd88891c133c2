/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Fixed-point functions of NZ1 7, header-only. Nothing here branches on a value: clamps are masks, and each
 * mask holds a zero that the compiler cannot see through, or it would turn the mask back into a branch (NZ1
 * 15).
 */
#ifndef HKP_LIBNEURO_FIXED_H
#define HKP_LIBNEURO_FIXED_H

#include <stdint.h>

enum {
    HKP_NEURO__WMAX = 262143,
    HKP_NEURO__ZCLIP = 131072,
    HKP_NEURO__DFLOOR = 512,
    HKP_NEURO__SIG_FLOOR = 16384,
    HKP_NEURO__C_INT = 5,
    HKP_NEURO__ETA_Q28 = 26844
};
#define HKP_NEURO__DT_CAP (UINT64_C(1) << 37)

static inline int32_t hkp_neuro__zero(void) {
    int32_t zero = 0;
    __asm__("" : "+r"(zero));
    return zero;
}

/** min and max; zero is hkp_neuro__zero(), taken once outside a loop. The difference must not overflow. */
static inline int32_t hkp_neuro__min(int32_t a, int32_t b, int32_t zero) {
    const int32_t d = a - b;
    return b + (d & ((d >> 31) ^ zero));
}
static inline int32_t hkp_neuro__max(int32_t a, int32_t b, int32_t zero) {
    const int32_t d = a - b;
    return a - (d & ((d >> 31) ^ zero));
}

static inline int64_t hkp_neuro__clamp64(int64_t v, int64_t lo, int64_t hi, int32_t zero) {
    int64_t d = v - hi;
    v = hi + (d & ((d >> 63) ^ zero));
    d = v - lo;
    return v - (d & ((d >> 63) ^ zero));
}
static inline int32_t hkp_neuro__sat32(int64_t v, int32_t zero) {
    return (int32_t)hkp_neuro__clamp64(v, INT32_MIN, INT32_MAX, zero);
}

/** Round half towards plus infinity. */
static inline int64_t hkp_neuro__rsr(int64_t v, int s) { return (v + (INT64_C(1) << (s - 1))) >> s; }

/** min(|z|, 2.0) in Q16 and the sign of z as 0 or -1. */
static inline int32_t hkp_neuro__magnitude(int32_t z, int32_t zero, int32_t *sign) {
    const int64_t clipped = hkp_neuro__clamp64(z, -HKP_NEURO__ZCLIP, HKP_NEURO__ZCLIP, zero);
    const int32_t c = (int32_t)clipped;
    *sign = (c >> 31) ^ zero;
    return (c ^ *sign) - *sign;
}

/** Activation, Q16 to Q15 (NZ1 7.2). */
static inline int32_t hkp_neuro__qt(int32_t z, int32_t zero) {
    int32_t sign;
    const int32_t m = hkp_neuro__magnitude(z, zero, &sign);
    const int32_t a = hkp_neuro__min((int32_t)(((int64_t)m * (65536 - (m >> 2))) >> 17), 32767, zero);
    return (a ^ sign) - sign;
}

/** Its derivative, Q16 to Q15. */
static inline int32_t hkp_neuro__qtd(int32_t z, int32_t zero) {
    int32_t sign;
    const int32_t m = hkp_neuro__magnitude(z, zero, &sign);
    return hkp_neuro__max(32768 - (m >> 2), HKP_NEURO__DFLOOR, zero);
}

/** exp(-dt / 7200 s) in Q31 (NZ1 7.1); dt is public. */
static inline int64_t hkp_neuro__exp31(uint64_t dt) {
    if (dt > HKP_NEURO__DT_CAP) dt = HKP_NEURO__DT_CAP;
    const uint64_t u = (dt * 57753963U) >> 26;
    const uint64_t n = u >> 32, f = u & 0xFFFFFFFFU;
    const uint64_t t = ((f * 2977044472U) >> 32) >> 1;
    uint64_t p = UINT64_C(1) << 31;
    for (uint64_t k = 9; k >= 1; k--) p = (UINT64_C(1) << 31) - (((p * t) / k) >> 31);
    if (p > 0x7FFFFFFFU) p = 0x7FFFFFFFU;
    return (int64_t)(p >> n);
}

#endif
