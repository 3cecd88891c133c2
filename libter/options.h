/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal, header-only, for all five libraries: options structs that survive new fields (style 3.3) and the
 * allocator of an object.
 */
#ifndef HKP_LIBTER_OPTIONS_H
#define HKP_LIBTER_OPTIONS_H

#include <hookprobe/base.h>
#include <stdlib.h>
#include <string.h>

/** Options beyond this are a caller's mistake; it bounds the tail that is read. */
#define HKP_OPTIONS_MAX 4096u

/** Zeroes what the caller's struct has room for and notes its size, which comes first in every options
 * struct. */
static inline void hkp_options_init(void *opt, size_t struct_size) {
    uint32_t size = struct_size <= HKP_OPTIONS_MAX ? (uint32_t)struct_size : 0;
    memset(opt, 0, struct_size);
    if (struct_size >= sizeof size) memcpy(opt, &size, sizeof size);
}

/**
 * Copies the caller's options into ours: shorter than least is INVAL, missing fields are zero (default), a
 * longer struct is fine if its tail is zero, else TOOBIG: it asks for something that this build cannot do.
 */
static inline hkp_status hkp_options_import(void *dst, size_t ours, size_t least, const void *src) {
    uint32_t theirs;
    if (src == NULL) return HKP_E_INVAL;
    memcpy(&theirs, src, sizeof theirs);
    if (theirs < least || theirs > HKP_OPTIONS_MAX) return HKP_E_INVAL;
    for (size_t i = ours; i < theirs; i++)
        if (((const uint8_t *)src)[i] != 0) return HKP_E_TOOBIG;
    uint32_t size = (uint32_t)ours;
    memset(dst, 0, ours);
    memcpy(dst, src, theirs < ours ? theirs : ours);
    memcpy(dst, &size, sizeof size);
    return HKP_OK;
}

static inline void *hkp_mem_malloc(void *user, size_t size) {
    (void)user;
    return malloc(size);
}
static inline void hkp_mem_release(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    free(ptr);
}

/** All members zero means malloc and free; half an allocator is INVAL. */
static inline hkp_status hkp_mem_import(struct hkp_mem *mem) {
    if (mem->alloc == NULL && mem->free == NULL) {
        mem->alloc = hkp_mem_malloc;
        mem->free = hkp_mem_release;
    }
    return mem->alloc != NULL && mem->free != NULL ? HKP_OK : HKP_E_INVAL;
}

/** size > 0 bytes, zeroed, or NULL. */
static inline void *hkp_mem_alloc(const struct hkp_mem *mem, size_t size) {
    void *ptr = mem->alloc(mem->user, size);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}
/** NULL is allowed. */
static inline void hkp_mem_free(const struct hkp_mem *mem, void *ptr, size_t size) {
    if (ptr != NULL) mem->free(mem->user, ptr, size);
}

#endif
