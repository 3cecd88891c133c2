/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Memory of all flows of an endpoint: equal blocks and stream objects, taken and given back in O(1). */
#ifndef HKP_LIBHTP_FLOW_POOL_H
#define HKP_LIBHTP_FLOW_POOL_H

#include <hookprobe/base.h>

enum {
    HKP_HTP__BLOCK_SIZE = 4096,
    /** at least sizeof(struct hkp_htp__stream), which checks it */
    HKP_HTP__STREAM_SIZE = 640,
    /** of what only some sessions need at a time: ranges of received numbers, tables of streams */
    HKP_HTP__SMALL_SIZE = 576,
    /** most that the pools of one endpoint hold unless told otherwise */
    HKP_HTP__POOL_BYTES = 64 * 1024 * 1024
};

struct hkp_htp__pools;

/** A block of HKP_HTP__BLOCK_SIZE bytes for data, content undefined; NULL at the limit for data. */
void *hkp_htp__block_take(struct hkp_htp__pools *pools);
void hkp_htp__block_give(struct hkp_htp__pools *pools, void *block);

/** The same for records of packets on their way, which may use what is kept from data. */
void *hkp_htp__record_take(struct hkp_htp__pools *pools);
void hkp_htp__record_give(struct hkp_htp__pools *pools, void *block);

/** HKP_HTP__STREAM_SIZE zero bytes; NULL at the limit. */
void *hkp_htp__stream_take(struct hkp_htp__pools *pools);
void hkp_htp__stream_give(struct hkp_htp__pools *pools, void *stream);

/** HKP_HTP__SMALL_SIZE zero bytes; NULL at the limit. */
void *hkp_htp__small_take(struct hkp_htp__pools *pools);
void hkp_htp__small_give(struct hkp_htp__pools *pools, void *item);

/** Bytes that the pools may hold. */
size_t hkp_htp__pools_limit(const struct hkp_htp__pools *pools);

/** 1 if so many can be taken now without fail. */
int hkp_htp__pools_reserve(struct hkp_htp__pools *pools, size_t blocks, size_t streams, size_t smalls);

/**
 * 1 if a session that holds so many blocks may take more (HTP-10.9): up to POOL_LEAST always, and beyond that
 * POOL_SHARE times what it leaves free. So one alone gets two thirds, and whoever comes next finds room.
 */
int hkp_htp__pools_share(const struct hkp_htp__pools *pools, size_t held, size_t more);
enum { HKP_HTP__POOL_LEAST = 4, HKP_HTP__POOL_SHARE = 2 };

/** Room of size bytes for one message on its way out; the same room again at the next call. NULL: no memory.
 */
uint8_t *hkp_htp__pools_scratch(struct hkp_htp__pools *pools, size_t size);

/** A fixed arena for zlib, valid until the next call; its size is HKP_HTP__ARENA_SIZE. NULL: no memory. */
uint8_t *hkp_htp__pools_arena(struct hkp_htp__pools *pools);
enum { HKP_HTP__ARENA_SIZE = 48 * 1024 };

/** The same for compressing, HKP_HTP__PACKER_SIZE. NULL: no memory. */
uint8_t *hkp_htp__pools_packer(struct hkp_htp__pools *pools);
enum { HKP_HTP__PACKER_SIZE = 320 * 1024 };

#endif
