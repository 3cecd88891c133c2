/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Any bytes as JSON, Protobuf, record or intermediary of the vectors' tables (LAB-7.6 to 7.8). The first byte
 * says which. What is accepted obeys the round-trip law; what is not leaves zeros.
 */
#include "bridge_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 20 };
static hkp_neuro_bridge *bridges[3]; /* order, account in ASCII, account in EBCDIC */
static uint8_t inter[ROOM], form[ROOM], again[ROOM], text[ROOM];

static void law(hkp_neuro_bridge *b, uint32_t side, size_t len) {
    size_t n, m, k;
    if (hkp_neuro_bridge_encode(b, side, inter, len, form, ROOM, &n, NULL) != HKP_OK) __builtin_trap();
    if (hkp_neuro_bridge_decode(b, side, form, n, again, ROOM, &m, NULL) != HKP_OK) __builtin_trap();
    if (m != len || memcmp(again, inter, len) != 0) __builtin_trap();
    if (hkp_neuro_bridge_translate(b, side, side, form, n, text, ROOM, &k, NULL) != HKP_OK) __builtin_trap();
    if (k != n || memcmp(text, form, n) != 0) __builtin_trap();
}

static void begin(void) {
    json_t *sets = vec_get(vec_load("lab/record.json"), "sets");
    bridges[0] = bridge_of(vec_load("lab/translate.json"), "table");
    bridges[1] = bridge_of(json_array_get(sets, 0), "table");
    bridges[2] = bridge_of(json_array_get(sets, 1), "table");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_neuro_bridge_place place = {0};
    struct hkp_neuro_bridge_info info;
    hkp_status st;
    size_t len = 0;
    if (bridges[0] == NULL) begin();
    if (size == 0 || size > ROOM / 16) return 0;
    hkp_neuro_bridge *b = bridges[data[0] % 3];
    hkp_neuro_bridge_info(b, &info);
    const uint32_t first = JSON, second = info.sides & ~(uint32_t)JSON;
    const unsigned what = data[0] / 3 % 3;
    data++;
    size--;
    if (what == 2) {
        st = hkp_neuro_bridge_check(b, data, size, &place);
        if (st == HKP_OK) memcpy(inter, data, size);
        len = st == HKP_OK ? size : 0;
    } else {
        st = hkp_neuro_bridge_decode(b, what == 0 ? first : second, data, size, inter, ROOM, &len, &place);
        if (st != HKP_OK && (len != 0 || !sodium_is_zero(inter, ROOM))) __builtin_trap();
    }
    if (st != HKP_OK && (place.offset > size || memchr(place.path, 0, sizeof place.path) == NULL))
        __builtin_trap();
    if (st != HKP_OK) return 0;
    law(b, first, len);
    law(b, second, len);
    return 0;
}
