/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal, header-only, for all five libraries: well-formed UTF-8 (Unicode, table 3-7). */
#ifndef HKP_LIBTER_UTF8_H
#define HKP_LIBTER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of the character at p[0..len), len > 0; 0 if there is none. */
static inline size_t hkp_utf8_character(const uint8_t *p, size_t len) {
    const uint8_t a = p[0];
    if (a < 0x80) return 1;
    const size_t n = a >= 0xC2 && a <= 0xDF ? 2 : a >= 0xE0 && a <= 0xEF ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
    if (n == 0 || n > len) return 0;
    const uint8_t low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;  /* overlong forms */
    const uint8_t high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF; /* surrogates, beyond U+10FFFF */
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xBF) return 0;
    return n;
}

#endif
