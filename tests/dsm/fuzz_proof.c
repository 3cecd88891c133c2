/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Both proofs against the mesh of the vectors, so that the seeds reach the last check; views stay inside. */
#include "libdsm/objects/objects.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t chain_id[32] = {0x97, 0xac, 0xaf, 0xe6, 0xc8, 0x5e, 0xf4, 0x67, 0xc0, 0x9e, 0x33,
                                     0x15, 0x50, 0x3f, 0x9b, 0x52, 0x66, 0xdc, 0x77, 0x82, 0x8b, 0x43,
                                     0xe5, 0x6e, 0xd2, 0x59, 0xc7, 0xd4, 0x8c, 0xef, 0x5f, 0xa5};
static const struct hkp_dsm_trust trust = {
    .epoch = 0, .valset_hash = {0xe0, 0xd2, 0x22, 0x38, 0x14, 0xd2, 0x0e, 0x3b, 0x52, 0xde, 0xa4,
                                0xd4, 0x17, 0x35, 0x0f, 0x7b, 0x3b, 0xa0, 0xf2, 0xe8, 0xb6, 0x1e,
                                0xe1, 0x61, 0xe8, 0x52, 0xe7, 0x5c, 0x55, 0x90, 0xce, 0x05}};

static void inside(const struct hkp_dsm_view *view, const uint8_t *data, size_t size) {
    if (view->ptr == NULL && view->len == 0) return;
    if (view->ptr < data || view->len > size || view->ptr > data + size - view->len) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_dsm_proof proof;
    struct hkp_dsm_view inner;
    if (hkp_dsm_proof_file(data, size, &inner) != HKP_OK) inner = (struct hkp_dsm_view){data, size};
    if (hkp_dsm_proof_verify(inner.ptr, inner.len, chain_id, &trust, 1, 0, &proof) != HKP_OK &&
        hkp_dsm_light_proof_verify(data, size, chain_id, &trust, &proof) != HKP_OK)
        return 0;
    inside(&proof.leaf, data, size);
    inside(&proof.payload, data, size);
    inside(&proof.record, data, size);
    return 0;
}
