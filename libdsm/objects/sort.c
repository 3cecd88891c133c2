/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include <string.h>

#include "libdsm/objects/objects.h"

static void swap(uint8_t *a, uint8_t *b, size_t size) {
    uint8_t t[64];
    memcpy(t, a, size);
    memcpy(a, b, size);
    memcpy(b, t, size);
}

void hkp_dsm__sort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    uint8_t *at = base;
    for (size_t start = count / 2, end = count; end > 1;) {
        if (start > 0)
            start--;
        else
            swap(at, at + --end * size, size);
        for (size_t root = start, child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && compare(at + child * size, at + (child + 1) * size) < 0) child++;
            if (compare(at + root * size, at + child * size) >= 0) break;
            swap(at + root * size, at + child * size, size);
        }
    }
}
