/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* An EVE stream in pieces: every record that comes out of it can travel. */
#include <hookprobe/mesh.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hkp_mesh_eve *eve = NULL;
    struct hkp_mesh_record r;
    uint8_t bytes[HKP_MESH_RECORD_MAX];
    size_t len = 0;
    if (hkp_mesh_eve_new(&eve, NULL) != HKP_OK) return 0;
    const size_t piece = size > 0 ? 1U + data[0] : 1;
    for (size_t at = 0; at < size;) {
        size_t taken = 0, n = size - at < piece ? size - at : piece;
        hkp_mesh_eve_push(eve, data + at, n, &taken);
        if (hkp_mesh_eve_next(eve, 1760000000, &r) == HKP_OK &&
            hkp_mesh_record_encode(&r, bytes, sizeof bytes, &len) != HKP_OK)
            __builtin_trap();
        at += taken;
    }
    hkp_mesh_eve_end(eve);
    if (hkp_mesh_eve_next(eve, 1760000000, &r) == HKP_OK &&
        hkp_mesh_record_encode(&r, bytes, sizeof bytes, &len) != HKP_OK)
        __builtin_trap();
    hkp_mesh_eve_free(eve);
    return 0;
}
