/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* RFC 3492, for labels of at most 63 bytes: needed on the wire, where no Unicode table may decide (M-IOC-1).
 */
#include "libmesh/ioc.h"

#include <string.h>

/* RFC 3492 section 5 */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, int first) {
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE) delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias) {
    if (k <= bias + TMIN) return TMIN;
    return k >= bias + TMAX ? TMAX : k - bias;
}

/* Value of a digit; only lower case, since labels on the wire are lower case. */
static uint32_t digit_of(char c) {
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a');
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 26;
    return BASE;
}

static char digit_char(uint32_t d) { return (char)(d < 26 ? 'a' + (char)d : '0' + (char)(d - 26)); }

static int is_scalar(uint32_t c) { return c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff); }

/* One generalized variable-length integer added to *i; returns bytes used, 0 on a fault. */
static size_t read_delta(const char *text, size_t len, uint32_t bias, uint32_t *i) {
    uint64_t w = 1, sum = *i;
    size_t at = 0;
    for (uint32_t k = BASE;; k += BASE) {
        if (at == len) return 0;
        const uint32_t digit = digit_of(text[at++]);
        if (digit >= BASE) return 0;
        sum += digit * w;
        if (sum > UINT32_MAX) return 0;
        const uint32_t t = threshold(k, bias);
        if (digit < t) break;
        w *= BASE - t;
        if (w > UINT32_MAX) return 0;
    }
    *i = (uint32_t)sum;
    return at;
}

int hkp_mesh__punycode_decode(const char *text, size_t len, uint32_t out[HKP_MESH__LABEL_MAX]) {
    if (len > HKP_MESH__LABEL_MAX) return -1;
    size_t basic = len;
    while (basic > 0 && text[basic - 1] != '-') basic--;
    const size_t start = basic; /* first byte behind the last delimiter, or 0 */
    if (basic > 0) basic--;
    uint32_t count = 0, n = INITIAL_N, i = 0, bias = INITIAL_BIAS;
    for (size_t b = 0; b < basic; b++) out[count++] = (uint8_t)text[b];

    for (size_t at = start; at < len;) {
        const uint32_t old = i;
        const size_t used = read_delta(text + at, len - at, bias, &i);
        if (used == 0 || count == HKP_MESH__LABEL_MAX) return -1;
        at += used;
        bias = adapt(i - old, count + 1, old == 0);
        if (i / (count + 1) > 0x10ffff - n) return -1;
        n += i / (count + 1);
        i %= count + 1;
        if (!is_scalar(n)) return -1;
        memmove(out + i + 1, out + i, (count - i) * sizeof *out);
        out[i++] = n;
        count++;
    }
    return (int)count;
}

/* Digits of delta; returns bytes written, 0 if they do not fit. */
static size_t write_delta(uint32_t delta, uint32_t bias, char *out, size_t cap) {
    size_t len = 0;
    uint32_t q = delta;
    for (uint32_t k = BASE;; k += BASE) {
        const uint32_t t = threshold(k, bias);
        if (len == cap) return 0;
        if (q < t) break;
        out[len++] = digit_char(t + (q - t) % (BASE - t));
        q = (q - t) / (BASE - t);
    }
    out[len++] = digit_char(q);
    return len;
}

/* Smallest code point of at least n. */
static uint32_t next_point(const uint32_t *points, size_t count, uint32_t n) {
    uint32_t m = UINT32_MAX;
    for (size_t j = 0; j < count; j++)
        if (points[j] >= n && points[j] < m) m = points[j];
    return m;
}

int hkp_mesh__punycode_encode(const uint32_t *points, size_t count, char *out, size_t cap) {
    size_t len = 0, done = 0;
    for (size_t j = 0; j < count; j++)
        if (points[j] < INITIAL_N) {
            if (len == cap) return -1;
            out[len++] = (char)points[j];
        }
    const size_t basic = done = len;
    if (basic > 0) {
        if (len == cap) return -1;
        out[len++] = '-';
    }
    uint32_t n = INITIAL_N, bias = INITIAL_BIAS;
    uint64_t delta = 0;
    while (done < count) {
        const uint32_t m = next_point(points, count, n);
        delta += (uint64_t)(m - n) * (done + 1);
        n = m;
        for (size_t j = 0; j < count; j++) {
            if (points[j] < n) delta++;
            if (points[j] != n) continue;
            if (delta > UINT32_MAX) return -1;
            const size_t wrote = write_delta((uint32_t)delta, bias, out + len, cap - len);
            if (wrote == 0) return -1;
            len += wrote;
            bias = adapt((uint32_t)delta, (uint32_t)done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        n++;
    }
    return (int)len;
}
