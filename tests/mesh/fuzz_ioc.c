/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* First byte: type; the rest: text of a user, and a value from the wire. What is canonical stays as it is. */
#include "libmesh/ioc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t value[HKP_MESH_IOC_VALUE_MAX], again[HKP_MESH_IOC_VALUE_MAX];
    char text[HKP_MESH_IOC_VALUE_MAX + 1];
    uint32_t type = 0, again_type = 0;
    size_t len = 0, again_len = 0;
    if (size == 0) return 0;
    const uint32_t asked = data[0] % 16;
    for (int is_text = 0; is_text < 2; is_text++)
        (void)hkp_mesh__ioc_check(asked, is_text, data + 1, size - 1);
    if (hkp_mesh_ioc_canonicalise(asked, (const char *)data + 1, size - 1, &type, value, sizeof value,
                                  &len) != HKP_OK)
        return 0;
    const hkp_status st = hkp_mesh_ioc_check(type, value, len);
    if (st != HKP_OK && st != HKP_E_MESH_IOC_RESERVED && st != HKP_E_MESH_IOC_PREFIX) __builtin_trap();
    if (hkp_mesh_ioc_text(type, value, len, text, sizeof text) != HKP_OK) __builtin_trap();
    if (hkp_mesh_ioc_canonicalise(type, text, strlen(text), &again_type, again, sizeof again, &again_len) !=
            HKP_OK ||
        again_type != type || again_len != len || memcmp(again, value, len) != 0)
        __builtin_trap();
    return 0;
}
