/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Integers and decimals as text, in the one spelling that LAB-7.6 allows. */
#include "libneuro/bridge/bridge.h"

const uint64_t hkp_neuro__tens[20] = {1,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000U,
                                      100000000000U,
                                      1000000000000U,
                                      10000000000000U,
                                      100000000000000U,
                                      1000000000000000U,
                                      10000000000000000U,
                                      100000000000000000U,
                                      1000000000000000000U,
                                      10000000000000000000U};

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* Digits of text[*at..len) into value, *at behind them; 0 if it does not hold them. */
static int take_digits(const uint8_t *text, size_t len, size_t *at, uint64_t *value) {
    int fits = 1;
    for (; *at < len && is_digit(text[*at]); (*at)++) {
        const uint64_t digit = (uint64_t)(text[*at] - '0');
        if (*value > (UINT64_MAX - digit) / 10) fits = 0;
        *value = fits ? *value * 10 + digit : 0;
    }
    return fits;
}

hkp_status hkp_neuro__integer_read(const uint8_t *text, size_t len, uint32_t scale, uint64_t *magnitude,
                                   int *negative) {
    size_t at = 0;
    uint64_t value = 0;
    const int minus = len > 0 && text[0] == '-';
    at += (size_t)minus;
    const size_t first = at;
    int fits = take_digits(text, len, &at, &value);
    if (at == first || (text[first] == '0' && at - first > 1)) return HKP_E_NEURO_BR_NUMBER;
    if (scale > 0) {
        if (at == len || text[at] != '.') return HKP_E_NEURO_BR_NUMBER;
        const size_t point = at++;
        /* digits before the point that did not fit are lost, and what follows cannot bring them back */
        uint64_t with_fraction = value;
        if (!take_digits(text, len, &at, &with_fraction)) fits = 0;
        if (at - point - 1 != scale) return HKP_E_NEURO_BR_NUMBER;
        value = with_fraction;
    }
    if (at != len || (minus && fits && value == 0)) return HKP_E_NEURO_BR_NUMBER;
    if (!fits) return HKP_E_NEURO_BR_RANGE;
    *magnitude = value;
    *negative = minus;
    return HKP_OK;
}

hkp_status hkp_neuro__signed_read(const uint8_t *text, size_t len, uint32_t scale, int64_t *value) {
    uint64_t magnitude;
    int negative;
    const hkp_status st = hkp_neuro__integer_read(text, len, scale, &magnitude, &negative);
    if (st != HKP_OK) return st;
    if (magnitude > (uint64_t)INT64_MAX + (uint64_t)negative) return HKP_E_NEURO_BR_RANGE;
    *value = negative ? -1 - (int64_t)(magnitude - 1) : (int64_t)magnitude;
    return HKP_OK;
}

/* At least width digits. */
static size_t write_digits(uint64_t value, size_t width, uint8_t *dst) {
    uint8_t back[20];
    size_t n = 0;
    while (value > 0 || n < width) {
        back[n++] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
    for (size_t i = 0; i < n; i++) dst[i] = back[n - 1 - i];
    return n;
}

size_t hkp_neuro__unsigned_write(uint64_t value, uint8_t dst[HKP_NEURO__INTEGER_TEXT_MAX]) {
    return write_digits(value, 1, dst);
}

size_t hkp_neuro__signed_write(int64_t value, uint32_t scale, uint8_t dst[HKP_NEURO__INTEGER_TEXT_MAX]) {
    const uint64_t magnitude = value < 0 ? (uint64_t)(-1 - value) + 1 : (uint64_t)value;
    size_t at = 0;
    if (value < 0) dst[at++] = '-';
    const size_t n = write_digits(magnitude, (size_t)scale + 1, dst + at);
    if (scale == 0) return at + n;
    memmove(dst + at + n - scale + 1, dst + at + n - scale, scale);
    dst[at + n - scale] = '.';
    return at + n + 1;
}
