/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Any text of devices, as it is and with its hash put right. What is taken is written back byte for byte. */
#include <assert.h>
#include <hookprobe/htp/registry.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t *text, size_t size) {
    const struct hkp_htp_devices_options o = {.struct_size = sizeof o, .devices_max = 64};
    hkp_htp_devices *set = NULL;
    size_t len = 0;
    if (hkp_htp_devices_new(&set, &o) != HKP_OK) abort();
    if (hkp_htp_devices_read(set, text, size) == HKP_OK) {
        uint8_t *again = malloc(size);
        assert(hkp_htp_devices_write(set, again, size, &len) == HKP_OK);
        assert(len == size && memcmp(again, text, size) == 0);
        free(again);
    }
    hkp_htp_devices_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    take(data, size);
    if (size < 65) return 0;
    uint8_t *text = malloc(size), sum[32];
    char hex[65];
    memcpy(text, data, size);
    crypto_hash_sha256(sum, text, size - 65);
    sodium_bin2hex(hex, sizeof hex, sum, 32);
    memcpy(text + size - 65, hex, 64);
    take(text, size);
    free(text);
    return 0;
}
