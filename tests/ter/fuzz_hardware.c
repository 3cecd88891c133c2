/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HWREC: what is read has one form, identifies itself, and cleaning it leaves something that can be encoded.
 */
#include <hookprobe/ter.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_ter_hardware hw, again;
    struct hkp_ter_hardware_match m;
    uint8_t bytes[HKP_TER_HW_RECORD_MAX], a[32] = {0}, b[32];
    uint32_t dropped;
    size_t len;
    if (hkp_ter_hardware_decode(&hw, data, size) != HKP_OK) return 0;
    if (hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len) != HKP_OK) abort();
    if (len != size || memcmp(bytes, data, len) != 0) abort();
    const hkp_status st = hkp_ter_hardware_compare(&hw, &hw, &m);
    if (st != HKP_E_TER_HW_WEAK && (st != HKP_OK || m.score != 100)) abort();
    for (uint32_t key = 0; key <= HKP_TER_HW_KEYS; key++)
        if ((hkp_ter_hardware_tag(&hw, key, a, b) == HKP_OK) != (key < 32 && (hw.present >> key & 1) == 1))
            abort();
    again = hw;
    if (hkp_ter_hardware_clean(&again, &dropped) != HKP_OK) abort();
    if (hkp_ter_hardware_fingerprint(&hw, a) != HKP_OK || hkp_ter_hardware_fingerprint(&again, b) != HKP_OK)
        abort();
    if ((memcmp(a, b, 32) == 0) != (memcmp(&hw, &again, sizeof hw) == 0)) abort();
    return 0;
}
