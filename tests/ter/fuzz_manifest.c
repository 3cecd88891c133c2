/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* MAN1: any bytes, and the same bytes with length, signer and signature made right, so that the lists are
 * reached. */
#include "libter/bytes.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *bytes, size_t len, const uint8_t key[32]) {
    struct hkp_ter_manifest manifest;
    struct hkp_ter_item item;
    uint8_t digest[32];
    size_t off = 0;
    uint32_t n = 0;
    const uint8_t *node_id = len >= 40 ? bytes + 24 : key;
    if (hkp_ter_manifest_check(&manifest, bytes, len, node_id, key, 1, NULL) != HKP_OK) return;
    while (hkp_ter_manifest_next(&manifest, &off, &item) == HKP_OK) n++;
    if (n != manifest.n_items) abort();
    hkp_ter_modules_digest(&manifest, bytes, len < 512 ? len : 512, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t seed[32] = {1};
    uint8_t public_key[32], secret[64];
    crypto_sign_seed_keypair(public_key, secret, seed);
    check(data, size, public_key);
    if (size < HKP_TER_MANIFEST_MIN || size > 65536) return 0;
    uint8_t *message = malloc(13 + size);
    if (message == NULL) return 0;
    uint8_t *copy = message + 13;
    memcpy(message, "TER1 manifest", 13);
    memcpy(copy, data, size);
    memcpy(copy, "MAN1\1\0\0\0", 8);
    hkp_put_le32(copy + 20, (uint32_t)size);
    hkp_ter_key_id(public_key, copy + 40);
    memset(copy + 56, 0, 8);
    uint8_t signature[64];
    crypto_sign_detached(signature, NULL, message, 13 + size - 64, secret);
    memcpy(copy + size - 64, signature, 64);
    check(copy, size, public_key);
    free(message);
    return 0;
}
