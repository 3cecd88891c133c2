/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Any bytes as a table (LAB-7.4), and as a table file (LAB-7.5), which has no other way in than the
 * signature. What is accepted as a table refuses an empty input of each side by name, and describes all its
 * fields.
 */
#include "bridge_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(hkp_neuro_bridge *b) {
    static uint8_t dst[4096];
    struct hkp_neuro_bridge_info info;
    struct hkp_neuro_bridge_field f;
    size_t len;
    hkp_neuro_bridge_info(b, &info);
    for (uint32_t m = 0; m < info.n_messages; m++)
        for (uint32_t i = 0; hkp_neuro_bridge_field(b, m, i, &f) == HKP_OK; i++)
            if (f.sensitivity > info.level || f.name_len == 0) __builtin_trap();
    for (uint32_t side = 1; side <= 4; side *= 2) {
        const hkp_status st =
            hkp_neuro_bridge_decode(b, side, (const uint8_t *)"", 0, dst, sizeof dst, &len, NULL);
        if ((st == HKP_E_INVAL) != ((info.sides & side) == 0)) __builtin_trap();
        if (st == HKP_OK && hkp_neuro_bridge_check(b, dst, len, NULL) != HKP_OK) __builtin_trap();
    }
    if (hkp_neuro_bridge_replaces(b, b) != HKP_E_NEURO_BR_REVISION) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t key[32];
    struct hkp_neuro_bridge_options opt;
    hkp_neuro_bridge *b = NULL;
    hkp_neuro_bridge_options_init(&opt, sizeof opt);
    opt.size_max = 4096;
    if (key[0] == 0) vec_hex_into(vec_load("lab/table.json"), "public_key", key, 32);
    hkp_status st = hkp_neuro_bridge_open(&b, &opt, data, size, key, 1);
    if (st != HKP_OK) st = hkp_neuro_bridge_new(&b, &opt, data, size);
    if ((st == HKP_OK) != (b != NULL)) __builtin_trap();
    if (b != NULL) use(b);
    hkp_neuro_bridge_free(b);
    return 0;
}
