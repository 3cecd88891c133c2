/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Any bytes as a sealed message (LAB-8.3). First byte, bit 0: what follows the header is taken as the padded
 * text and sealed with the right key, so that padding and intermediary are reached.
 */
#include "bridge_support.h"
#include "libneuro/bridge/bridge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 16, HEAD = 88, NOW = 1760000000 };
static hkp_neuro_bridge *bridge;
static struct hkp_neuro_hyb_secret secret;

/* The key of a message, as LAB-8.2 says. */
static void seal_again(uint8_t *message, size_t len) {
    uint8_t info[16 + 24 + 1], block[2][32], key[44];
    crypto_auth_hmacsha256_state h;
    memcpy(info, "LAB1 hybrid msg", 16);
    memcpy(info + 16, message + 64, 24);
    for (uint8_t i = 1; i <= 2; i++) {
        info[40] = i;
        crypto_auth_hmacsha256_init(&h, secret.aead, 32);
        if (i == 2) crypto_auth_hmacsha256_update(&h, block[0], 32);
        crypto_auth_hmacsha256_update(&h, info, sizeof info);
        crypto_auth_hmacsha256_final(&h, block[i - 1]);
    }
    memcpy(key, block, sizeof key);
    crypto_aead_chacha20poly1305_ietf_encrypt(message + HEAD, NULL, message + HEAD, len - HEAD - 16, message,
                                              HEAD, NULL, key + 32, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t message[ROOM], dst[ROOM];
    struct hkp_neuro_hyb_options opt;
    size_t len = 0;
    if (bridge == NULL) {
        json_t *file = vec_load("lab/hybrid.json");
        uint8_t id[16], master[32];
        bridge = bridge_of(file, "table");
        vec_hex_into(file, "key_id", id, 16);
        vec_hex_into(file, "master", master, 32);
        if (hkp_neuro_hyb_keys_derive(&secret, id, master, HKP_NEURO_HYB_FROM_EXPORT, NOW) != HKP_OK)
            __builtin_trap();
    }
    if (size < 1 || size > ROOM) return 0;
    memcpy(message, data + 1, size - 1);
    if ((data[0] & 1) && size - 1 >= HEAD + 16) seal_again(message, size - 1);
    hkp_neuro_hyb_options_init(&opt, sizeof opt);
    opt.now_s = NOW;
    memset(dst, 0, size);
    const hkp_status st = hkp_neuro_hyb_open(&secret, &opt, bridge, message, size - 1, dst, sizeof dst, &len);
    if (st != HKP_OK && (len != 0 || !sodium_is_zero(dst, size))) __builtin_trap();
    if (st == HKP_OK && hkp_neuro_bridge_check(bridge, dst, len, NULL) != HKP_OK) __builtin_trap();
    return 0;
}
