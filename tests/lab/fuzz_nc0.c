/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Any header of an LNC0 file (LAB-4.6). First byte: bit 0 gives the body the length that a pair of 64-64 has,
 * bit 1 the right digest, bit 2 that of an unfinished training. What loads is written as it was, and works.
 */
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    HEADER = 60,
    DIGEST = 32,
    PARAMS = 2 * (64 * 129 + 64 * 65 + 128 * 65),
    MOST = HEADER + 12 * PARAMS + DIGEST
};

/* Header and body: what follows the header in the input comes again and again. */
static size_t file_of(const uint8_t *data, size_t size, uint8_t *file) {
    const uint8_t flags = data[0];
    const size_t len = (flags & 1) == 0   ? size - 1
                       : (flags & 4) == 0 ? HEADER + 4 * PARAMS + DIGEST
                                          : HEADER + 12 * PARAMS + DIGEST;
    memset(file, 0, len);
    memcpy(file, data + 1, size - 1 < len ? size - 1 : len);
    for (size_t at = HEADER, from = 0; size > HEADER + 1 && at < len; at++) { /* numbers that are in range */
        const int high = at < HEADER + 4 * PARAMS ? (at - HEADER) % 4 < 2 : (at - HEADER) % 8 < 4;
        file[at] = high ? 0 : data[1 + HEADER + from++ % (size - HEADER - 1)];
    }
    if ((flags & 2) != 0 && len > DIGEST) crypto_hash_sha256(file + len - DIGEST, file, len - DIGEST);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t file[MOST], again[MOST];
    hkp_neuro_lab_nc0 *n = NULL;
    size_t len_again = 0;
    if (size < 1 || size > MOST) return 0;
    const size_t len = file_of(data, size, file);
    const hkp_status st = hkp_neuro_lab_nc0_load(&n, NULL, file, len);
    if ((st == HKP_OK) != (n != NULL)) __builtin_trap();
    if (st != HKP_OK) return 0;
    if (hkp_neuro_lab_nc0_save(n, 0, again, sizeof again, &len_again) != HKP_OK || len_again != len ||
        memcmp(file, again, len) != 0)
        __builtin_trap();
    int16_t code[128];
    uint8_t block[16] = {1}, back[16];
    hkp_neuro_lab_nc0_code(n, block, code);
    hkp_neuro_lab_nc0_decode(n, code, back);
    hkp_neuro_lab_nc0_free(n);
    return 0;
}
