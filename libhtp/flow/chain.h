/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * A piece of a byte stream in blocks of the pool, with one mark per byte. In a receive buffer a mark says
 * that the byte is here, in a send buffer that it was acknowledged. Blocks lie at multiples of their size, so
 * any order and overlap of pieces costs the same bounded memory.
 */
#ifndef HKP_LIBHTP_CHAIN_H
#define HKP_LIBHTP_CHAIN_H

#include "libhtp/flow/flow_pool.h"

enum { HKP_HTP__CHAIN_DATA = 3584 };

struct hkp_htp__chain_block {
    struct hkp_htp__chain_block *next;
    /** offset of data[0] in the stream */
    uint64_t start;
    /** bytes marked from data[0] on without a gap; marks behind that gap are the set bits */
    uint16_t prefix, scattered;
    uint8_t bits[HKP_HTP__CHAIN_DATA / 8];
    uint8_t data[HKP_HTP__CHAIN_DATA];
};

struct hkp_htp__chain {
    struct hkp_htp__chain_block *head, *tail, *cursor;
    /** everything below base was released, everything below done is marked, nothing was written from end on
     */
    uint64_t base, done, end;
    uint32_t blocks;
    /** counts the blocks of all chains of a session; NULL: nobody does */
    uint32_t *held;
};

/** Most blocks that _write(len) may take. */
static inline size_t hkp_htp__chain_need(size_t len) { return len / HKP_HTP__CHAIN_DATA + 2; }

/** Stores bytes, without marking; marked or released ones stay as they are. 0: the pool is empty, part may
 *  be written. */
int hkp_htp__chain_write(struct hkp_htp__chain *c, struct hkp_htp__pools *pools, uint64_t offset,
                         const uint8_t *data, size_t len);
/** Marks bytes that were written, or are released. */
void hkp_htp__chain_mark(struct hkp_htp__chain *c, uint64_t offset, size_t len);
/** Copies bytes that were written. */
void hkp_htp__chain_read(struct hkp_htp__chain *c, uint64_t offset, uint8_t *dst, size_t len);
/** Pointer to written bytes at offset, and how many lie in one piece there. */
const uint8_t *hkp_htp__chain_piece(struct hkp_htp__chain *c, uint64_t offset, size_t *len);
/** Gives back what lies below offset <= done; all of it when nothing is held from there on. */
void hkp_htp__chain_release(struct hkp_htp__chain *c, struct hkp_htp__pools *pools, uint64_t offset);
/** Gives back everything; base and done stay. */
void hkp_htp__chain_clear(struct hkp_htp__chain *c, struct hkp_htp__pools *pools);

#endif
