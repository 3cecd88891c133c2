/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Seal objects and shares of any bytes (SYN-6.5). First byte, bit 0: the object is signed again by its
 * dealer, so that its contents are reached; second: number of shares of 64 bytes, which follow; then the
 * object.
 */
#include "synapse_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t chain[32], public_key[32], secret[64];

static void sign_again(uint8_t *object, size_t len) {
    uint8_t input[74];
    memcpy(input, "NSE1 seal", 10);
    memcpy(input + 10, chain, 32);
    crypto_hash_sha256(input + 42, object, len - 64);
    crypto_sign_detached(object + len - 64, NULL, input, sizeof input, secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t dst[1 << 16];
    struct hkp_neuro_seal_share shares[40];
    struct hkp_neuro_seal_info info;
    size_t n_shares, text_len = 0;
    if (secret[0] == 0) {
        uint8_t seed[32];
        vec_hex_into(vec_load("synapse/seal.json"), "dealer_seed", seed, 32);
        vec_hex_into(vec_load("synapse/seal.json"), "chain_id", chain, 32);
        crypto_sign_seed_keypair(public_key, secret, seed);
    }
    if (size < 2) return 0;
    n_shares = data[1] < 40 ? data[1] : 40;
    if (n_shares * 64 > size - 2) n_shares = (size - 2) / 64;
    for (size_t i = 0; i < n_shares; i++) shares[i] = (struct hkp_neuro_seal_share){data + 2 + 64 * i, 64};
    const size_t len = size - 2 - 64 * n_shares;
    uint8_t *object = malloc(len + 1);
    memcpy(object, data + 2 + 64 * n_shares, len);
    const hkp_status form = hkp_neuro_seal_decode(&info, object, len);
    if (form == HKP_OK && (data[0] & 1)) sign_again(object, len);
    if (form == HKP_OK && len != hkp_neuro_seal_size(info.n, (size_t)info.text_len)) __builtin_trap();
    const hkp_status st =
        hkp_neuro_seal_open(object, len, chain, public_key, shares, n_shares, dst, sizeof dst, &text_len);
    if (form != HKP_OK && st != form) __builtin_trap();
    if (st == HKP_OK && (n_shares < info.t || text_len != info.text_len)) __builtin_trap();
    free(object);
    return 0;
}
