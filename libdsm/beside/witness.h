/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One claim and who said what about it (D-WIT-3; witness_statement.c). */
#ifndef HKP_LIBDSM_WITNESS_H
#define HKP_LIBDSM_WITNESS_H

#include "libdsm/objects/objects.h"

struct hkp_dsm__said {
    uint8_t witness[16];
    uint32_t group;
    uint8_t verdict, is_void;
};

struct hkp_dsm__open_claim {
    uint8_t id[32], claimant[16];
    uint32_t group, k;
    uint64_t created_s, expires_s;
    uint32_t n_said, n_further;
    struct hkp_dsm__said said[HKP_DSM_WITNESSES];
};

void hkp_dsm__claim_open(struct hkp_dsm__open_claim *open, const struct hkp_dsm_claim *claim,
                         const uint8_t id[32], const uint8_t claimant[16], uint32_t group);
/* E_TARGET, E_DUPLICATE, HKP_E_LIMIT. */
hkp_status hkp_dsm__claim_hear(struct hkp_dsm__open_claim *open, const uint8_t witness[16], uint32_t group,
                               uint32_t verdict);
void hkp_dsm__claim_count(const struct hkp_dsm__open_claim *open, uint64_t now_s,
                          struct hkp_dsm_tally *tally);
/* Places of a table that were ever taken; a claim by its place, NULL: none is there; and the place of a
 * claim, SIZE_MAX: not held. */
size_t hkp_dsm__claim_table_used(const hkp_dsm_claim_table *table);
struct hkp_dsm__open_claim *hkp_dsm__claim_table_at(const hkp_dsm_claim_table *table, size_t at);
size_t hkp_dsm__claim_table_find(const hkp_dsm_claim_table *table, const uint8_t id[32]);

#endif
