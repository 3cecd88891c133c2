/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What is accepted is written back byte for byte; what opens was sealed with this key. */
#include "libmesh/packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[32] = {1}, iv[12] = {2};
    static uint8_t out[HKP_MESH__PACKET_MAX + 1];
    struct hkp_mesh__packet p;
    size_t len = 0;
    if (hkp_mesh__packet_decode(&p, data, size, size % 2 == 1) != HKP_OK) return 0;
    if (hkp_mesh__packet_encode(&p, out, sizeof out, &len) != HKP_OK || len != size ||
        memcmp(out, data, len) != 0)
        __builtin_trap();
    if (p.flags & HKP_MESH__FLAG_ENCRYPTED) (void)hkp_mesh__packet_open(&p, key, iv, out, sizeof out);
    return 0;
}
