/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* MAN1: any bytes, as a signed manifest and as a draft, and the same bytes with length, signer and signature
 * made right, so that the lists are reached. */
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

/* A draft that parses can be signed, and what was signed is taken; any other is refused by both alike. */
static void sign(const uint8_t *bytes, size_t len, const uint8_t key[32], const uint8_t secret[64]) {
    struct hkp_ter_manifest parsed, checked;
    struct hkp_ter_name name;
    uint32_t n = 0;
    if (len > 65536) return;
    uint8_t *out = malloc(len + 1);
    if (out == NULL) return;
    hkp_status st = hkp_ter_manifest_parse(&parsed, bytes, len);
    if (st != hkp_ter_manifest_sign(bytes, len, 7, key, secret, out, len)) abort();
    if (st == HKP_OK) {
        for (size_t off = 0; hkp_ter_manifest_allow_next(&parsed, &off, &name) == HKP_OK;) n++;
        if (n != parsed.n_allow) abort();
        if (hkp_ter_manifest_check(&checked, out, len, key, key, 1, NULL) != HKP_OK) abort();
        if (checked.n_items != parsed.n_items || checked.policy_ver != 7) abort();
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t seed[32] = {1};
    uint8_t public_key[32], secret[64];
    crypto_sign_seed_keypair(public_key, secret, seed);
    check(data, size, public_key);
    sign(data, size, public_key, secret);
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
    sign(copy, size, public_key, secret);
    free(message);
    return 0;
}
