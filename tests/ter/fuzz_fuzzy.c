/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Sketches: BE16 length, sketch, reading; as they are, and with a head and lengths made right. */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *sketch, size_t len, const uint8_t *reading, size_t reading_len) {
    uint8_t a[32] = {7}, b[32] = {9};
    const hkp_status st = hkp_ter_fuzzy_reproduce(sketch, len, reading, reading_len, NULL, a);
    if (st != HKP_OK && a[0] != 7) abort();
    if (hkp_ter_fuzzy_reproduce(sketch, len, reading, reading_len, NULL, b) != st) abort();
    if (st == HKP_OK && memcmp(a, b, 32) != 0) abort();
    if (hkp_ter_status_class(st) > HKP_CLASS_IGNORE) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX] = {0}, reading[HKP_TER_FUZZY_READING_MAX] = {0};
    if (size < 2) return 0;
    size_t len = hkp_be16(data);
    if (len > size - 2) len = size - 2;
    check(data + 2, len, data + 2 + len, size - 2 - len);
    const uint32_t repeat = len > 8 && data[10] % 2 == 1 ? 3 : 1, blocks = len > 9 ? data[11] % 16 + 1 : 1;
    const size_t n = hkp_ter_fuzzy_reading_size(repeat, blocks),
                 unused = n * 8 - (size_t)255 * repeat * blocks;
    memcpy(sketch, data + 2, len < sizeof sketch ? len : sizeof sketch);
    memcpy(reading, data + 2 + len, size - 2 - len < n ? size - 2 - len : n);
    memcpy(sketch, "NSEFUZZ1", 8);
    sketch[8] = (uint8_t)repeat;
    sketch[9] = (uint8_t)blocks;
    sketch[10] = sketch[11] = 0;
    sketch[HKP_TER_FUZZY_HEAD + n - 1] &= (uint8_t)(0xFF << unused);
    reading[n - 1] &= (uint8_t)(0xFF << unused);
    check(sketch, HKP_TER_FUZZY_HEAD + n, reading, n);
    return 0;
}
