/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Memory of a node: one piece taken when it is made, handed out in powers of two (a buddy allocator), so
 * that a running node never asks the system for memory and its bound is one number (D 13).
 */
#ifndef HKP_LIBDSM_POOL_H
#define HKP_LIBDSM_POOL_H

#include <hookprobe/base.h>

enum {
    /** smallest piece, bytes */
    POOL_UNIT = 64,
    POOL_ORDERS = 26
};

struct hkp_dsm__pool {
    uint8_t *base;
    /** one byte a unit: at the first unit of a piece its order, bit 7 set while it is free; else 0x7F */
    uint8_t *tag;
    size_t units;
    /** units handed out */
    size_t used;
    /** free pieces of each order: unit index, POOL_NONE: none */
    uint32_t free_list[POOL_ORDERS];
};

/** Bytes and how many hold them. Lives in the pool; ptr and len move when a head is put before the bytes. */
struct hkp_dsm__blob {
    uint32_t refs;
    uint32_t len;
    uint8_t *ptr;
};

size_t hkp_dsm__pool_tag_bytes(size_t bytes);
void hkp_dsm__pool_init(struct hkp_dsm__pool *p, uint8_t *base, uint8_t *tag, size_t bytes);

/** NULL: no piece of that size is free. */
void *hkp_dsm__pool_take(struct hkp_dsm__pool *p, size_t size);
void hkp_dsm__pool_give(struct hkp_dsm__pool *p, void *ptr);

/** A blob of room bytes, one reference, len = room; NULL: the pool is full. */
struct hkp_dsm__blob *hkp_dsm__blob_new(struct hkp_dsm__pool *p, size_t room);
/** The same with a copy of bytes. */
struct hkp_dsm__blob *hkp_dsm__blob_copy(struct hkp_dsm__pool *p, const uint8_t *bytes, size_t len);
struct hkp_dsm__blob *hkp_dsm__blob_hold(struct hkp_dsm__blob *b);
/** Drops one reference; NULL is fine. */
void hkp_dsm__blob_drop(struct hkp_dsm__pool *p, struct hkp_dsm__blob *b);

#endif
