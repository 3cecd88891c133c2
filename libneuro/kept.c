/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* TERs and rebases that a holder keeps (NZ1 17). */
#include "libneuro/kept.h"

#include "libter/options.h"

static void drop_first(struct hkp_neuro__kept *kept, const struct hkp_mem *mem) {
    struct hkp_neuro__kept_block *gone = kept->head;
    kept->head = gone->next;
    if (kept->head == NULL) kept->tail = NULL;
    kept->block_first += HKP_NEURO__KEPT_BLOCK;
    hkp_mem_free(mem, gone, sizeof *gone);
}

void hkp_neuro__kept_reset(struct hkp_neuro__kept *kept, const struct hkp_mem *mem, uint64_t index) {
    while (kept->head != NULL) drop_first(kept, mem);
    kept->first = kept->end = kept->block_first = index;
    kept->n_rebases = 0;
}

hkp_status hkp_neuro__kept_reserve(struct hkp_neuro__kept *kept, const struct hkp_mem *mem) {
    if (kept->tail != NULL && (kept->end - kept->block_first) % HKP_NEURO__KEPT_BLOCK != 0) return HKP_OK;
    if (kept->head == NULL) kept->block_first = kept->end;
    struct hkp_neuro__kept_block *block = (struct hkp_neuro__kept_block *)hkp_mem_alloc(mem, sizeof *block);
    if (block == NULL) return HKP_E_NOMEM;
    if (kept->tail != NULL)
        kept->tail->next = block;
    else
        kept->head = block;
    kept->tail = block;
    if (kept->end - kept->first >= HKP_NEURO_KEPT_MAX)
        hkp_neuro__kept_trim(kept, mem, kept->end - HKP_NEURO_KEPT_MAX + HKP_NEURO__KEPT_BLOCK);
    return HKP_OK;
}

void hkp_neuro__kept_append(struct hkp_neuro__kept *kept, const uint8_t ter[64]) {
    memcpy(kept->tail->ters[(kept->end - kept->block_first) % HKP_NEURO__KEPT_BLOCK], ter, 64);
    kept->end++;
}

const uint8_t *hkp_neuro__kept_ter(const struct hkp_neuro__kept *kept, uint64_t index) {
    if (index < kept->first || index >= kept->end) return NULL;
    const struct hkp_neuro__kept_block *block = kept->head;
    uint64_t at = index - kept->block_first;
    /* mostly asked for the newest: the last block is at hand */
    if (at / HKP_NEURO__KEPT_BLOCK == (kept->end - 1 - kept->block_first) / HKP_NEURO__KEPT_BLOCK)
        return kept->tail->ters[at % HKP_NEURO__KEPT_BLOCK];
    for (; at >= HKP_NEURO__KEPT_BLOCK; at -= HKP_NEURO__KEPT_BLOCK) block = block->next;
    return block->ters[at];
}

hkp_status hkp_neuro__kept_rebase(struct hkp_neuro__kept *kept, const uint8_t rba[192]) {
    if (kept->n_rebases == HKP_NEURO__KEPT_REBASES) return HKP_E_LIMIT;
    kept->rebases[kept->n_rebases].index = kept->end;
    memcpy(kept->rebases[kept->n_rebases].rba, rba, 192);
    kept->n_rebases++;
    return HKP_OK;
}

void hkp_neuro__kept_trim(struct hkp_neuro__kept *kept, const struct hkp_mem *mem, uint64_t index) {
    uint32_t left = 0;
    if (index > kept->end) index = kept->end;
    if (index <= kept->first) return;
    kept->first = index;
    while (kept->head != kept->tail && kept->block_first + HKP_NEURO__KEPT_BLOCK <= index)
        drop_first(kept, mem);
    for (uint32_t i = 0; i < kept->n_rebases; i++)
        if (kept->rebases[i].index >= index) kept->rebases[left++] = kept->rebases[i];
    kept->n_rebases = left;
}
