/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: the TERs and rebases that a holder keeps from V.prev on (NZ1 17, 22.6), in blocks that come and
 * go with commits. Bounded by HKP_NEURO_KEPT_MAX; beyond it the oldest go, and are asked for again if they
 * are needed.
 */
#ifndef HKP_LIBNEURO_KEPT_H
#define HKP_LIBNEURO_KEPT_H

#include <hookprobe/neuro.h>

enum { HKP_NEURO__KEPT_BLOCK = 1024, HKP_NEURO__KEPT_REBASES = 64 };

struct hkp_neuro__kept_block {
    struct hkp_neuro__kept_block *next;
    uint8_t ters[HKP_NEURO__KEPT_BLOCK][64];
};

struct hkp_neuro__kept_rebase {
    uint64_t index;
    uint8_t rba[192];
};

struct hkp_neuro__kept {
    /** TERs first..end-1 are here; the first block begins at block_first */
    uint64_t first, end, block_first;
    struct hkp_neuro__kept_block *head, *tail;
    struct hkp_neuro__kept_rebase rebases[HKP_NEURO__KEPT_REBASES];
    uint32_t n_rebases;
};

/** Empty, to begin at index. */
void hkp_neuro__kept_reset(struct hkp_neuro__kept *kept, const struct hkp_mem *mem, uint64_t index);
/** Room for the next TER: HKP_OK or HKP_E_NOMEM. */
hkp_status hkp_neuro__kept_reserve(struct hkp_neuro__kept *kept, const struct hkp_mem *mem);
/** The TER at end; room was reserved. */
void hkp_neuro__kept_append(struct hkp_neuro__kept *kept, const uint8_t ter[64]);
/** TER of an index, NULL if it is not here. */
const uint8_t *hkp_neuro__kept_ter(const struct hkp_neuro__kept *kept, uint64_t index);
/** A rebase at end: HKP_OK or HKP_E_LIMIT. */
hkp_status hkp_neuro__kept_rebase(struct hkp_neuro__kept *kept, const uint8_t rba[192]);
/** Forget what lies below an index. */
void hkp_neuro__kept_trim(struct hkp_neuro__kept *kept, const struct hkp_mem *mem, uint64_t index);

#endif
