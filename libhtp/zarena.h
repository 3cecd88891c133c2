/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Memory for one z_stream: taken in turn from a piece that is given, all of it free again at its end. */
#ifndef HKP_LIBHTP_ZARENA_H
#define HKP_LIBHTP_ZARENA_H

#include <string.h>

#include <hookprobe/base.h>

#define ZLIB_CONST
#include <zlib.h>

struct hkp_htp__zarena {
    uint8_t *at;
    size_t left;
};

static inline void *hkp_htp__zarena_alloc(void *opaque, unsigned items, unsigned size) {
    struct hkp_htp__zarena *a = (struct hkp_htp__zarena *)opaque;
    const size_t bytes = ((size_t)items * size + 15) & ~(size_t)15;
    if (bytes > a->left) return NULL;
    void *p = a->at;
    a->at += bytes;
    a->left -= bytes;
    return p;
}

static inline void hkp_htp__zarena_free(void *opaque, void *ptr) {
    (void)opaque;
    (void)ptr;
}

/** A stream that takes its memory there; inflateInit() or deflateInit() is next. */
static inline void hkp_htp__zarena_use(struct hkp_htp__zarena *arena, z_stream *z) {
    memset(z, 0, sizeof *z);
    z->zalloc = hkp_htp__zarena_alloc;
    z->zfree = hkp_htp__zarena_free;
    z->opaque = arena;
}

#endif
