/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: a replay on its way; verifier.c has its life and the records, verifier_check.c what is claimed,
 * verifier_save.c its bytes. */
#ifndef HKP_LIBNEURO_VERIFIER_H
#define HKP_LIBNEURO_VERIFIER_H

#include "libneuro/replay.h"

#include <hookprobe/neuro/verifier.h>

enum { VERIFIER_MARKS = 512, VERIFIER_MARK_EVERY = 64, VERIFIER_KEEP_EVERY = 4096 };

/** h at an index. */
struct hkp_neuro__mark {
    uint64_t index;
    uint8_t h[32];
};

struct hkp_neuro_verifier {
    struct hkp_mem mem;
    uint8_t keys[HKP_NEURO_KEYS_MAX * 32];
    uint32_t n_keys, gen;
    uint8_t node_id[16], device_public[32];
    struct hkp_neuro__replica at;
    uint32_t begun;
    /** 1: at.cursor.has_last and h_before is h before that TER */
    uint32_t has_before;
    uint8_t h_before[32];
    uint64_t first, until;
    uint32_t has_tck;
    uint8_t tck[HKP_TER_TCK_SIZE];
    uint64_t checkpoints;
    /** OPEN, or how a record ended the replay */
    struct hkp_neuro_verdict ended;
    /** h on the way: at multiples of mark_every, thinned out when full */
    uint64_t mark_every;
    uint32_t n_marks;
    struct hkp_neuro__mark marks[VERIFIER_MARKS];
    /** states on the way, likewise */
    uint64_t keep_every, keep_first;
    uint32_t keep, n_kept;
    struct hkp_neuro__replica *kept;
};

/** Begin at what at holds now. */
void hkp_neuro__verifier_start(hkp_neuro_verifier *v);
/** A verdict about an index claimed: everything but the reason. */
void hkp_neuro__verdict_of(const hkp_neuro_verifier *v, uint64_t claimed, uint32_t verdict, hkp_status status,
                           struct hkp_neuro_verdict *out);
/** What a code of a TER, a TCK1 or an RBA1 means, as the end of a sentence. */
const char *hkp_neuro__cause_words(hkp_status cause);

#endif
