/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: NC1 below the AEAD of the hybrid (LAB-8.4). The weights of one key are kept, for
 * they cost more than a message. */
#include "libneuro/lab/lab.h"

void hkp_neuro_lab_layer_end(struct hkp_neuro_lab_layer *layer) {
    hkp_neuro_lab_nc1_free(layer->nc1);
    layer->nc1 = NULL;
    sodium_memzero(layer->key, sizeof layer->key);
}

int32_t hkp_neuro_lab_layer_apply(void *user, const uint8_t key[32], const uint8_t iv[8], uint8_t *data,
                                  size_t len) {
    struct hkp_neuro_lab_layer *layer = user;
    if (layer->nc1 == NULL || sodium_memcmp(layer->key, key, sizeof layer->key) != 0) {
        hkp_neuro_lab_layer_end(layer);
        const hkp_status st = hkp_neuro_lab_nc1_new(
            &layer->nc1, layer->mem.alloc != NULL ? &layer->mem : NULL, key, HKP_NEURO_LAB_ROUNDS);
        if (st != HKP_OK) return st;
        memcpy(layer->key, key, sizeof layer->key);
    }
    hkp_neuro_lab_nc1_ctr(layer->nc1, iv, data, data, len);
    return HKP_OK;
}
