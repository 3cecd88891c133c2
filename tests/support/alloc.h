/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* An allocator that counts what lives and can be told to fail: struct hkp_mem mem = failing_mem(&f). */
#ifndef HKP_TESTS_ALLOC_H
#define HKP_TESTS_ALLOC_H

#include <hookprobe/base.h>
#include <stdlib.h>

struct failing {
    /** allocations that still succeed; negative: all */
    long left;
    /** blocks and bytes that live now, and the most bytes that ever did */
    long live;
    size_t bytes, peak;
};

static inline void *failing_alloc(void *user, size_t size) {
    struct failing *f = (struct failing *)user;
    if (f->left == 0) return NULL;
    if (f->left > 0) f->left--;
    f->live++;
    f->bytes += size;
    if (f->bytes > f->peak) f->peak = f->bytes;
    return malloc(size);
}

static inline void failing_free(void *user, void *ptr, size_t size) {
    struct failing *f = (struct failing *)user;
    f->live--;
    f->bytes -= size;
    free(ptr);
}

static inline struct hkp_mem failing_mem(struct failing *f) {
    return (struct hkp_mem){.user = f, .alloc = failing_alloc, .free = failing_free};
}

#endif
