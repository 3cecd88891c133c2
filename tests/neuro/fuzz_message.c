/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Messages of any bytes to one receiver, in order: each is 16 bits of length, then that many bytes (SYN-5.3).
 * The keys are those of vectors/synapse/message.json, so that the corpus opens.
 */
#include "libneuro/message.h"
#include "synapse_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hkp_neuro__line fresh;
static struct hkp_neuro_ce_book book;

static void begin(void) {
    json_t *v = vec_load("synapse/message.json");
    struct hkp_neuro_synaptic s[2];
    uint8_t root[32];
    for (size_t i = 0; i < 2; i++) {
        struct vec_bytes b = vec_value_hex(json_array_get(vec_get(v, "states"), i));
        struct hkp_neuro_synaptic_expect expect = {.peer_role = b.ptr[2], .epoch = hkp_be32(b.ptr + 180)};
        memcpy(expect.peer_id, b.ptr + 32, 16);
        if (hkp_neuro_synaptic_check(&s[i], b.ptr, b.len, &expect) != HKP_OK) abort();
        free(b.ptr);
    }
    vec_hex_into(v, "root", root, 32);
    vec_hex_into(v, "receiver", fresh.own_id, 16);
    vec_hex_into(v, "sender", fresh.peer_id, 16);
    const int own = memcmp(s[0].node_id, fresh.own_id, 16) == 0 ? 0 : 1;
    hkp_neuro__line_begin(&fresh, 0, &s[own], &s[1 - own], root);
    book.n = 1;
    vec_hex_into(vec_load("synapse/entropy.json"), "ce", book.held[0].ce, 32);
    vec_hex_into(vec_load("synapse/entropy.json"), "ce_check", book.held[0].check, 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hkp_neuro__line line, before;
    static uint8_t dst[HKP_NEURO_MESSAGE_MAX];
    struct hkp_neuro__lifetime life = {0};
    if (!fresh.gens[0].live) begin();
    line = fresh;
    while (size >= 2) {
        const size_t asked = (size_t)data[0] << 8 | data[1], len = asked < size - 2 ? asked : size - 2;
        size_t n = 0;
        before = line;
        const hkp_status st =
            hkp_neuro__line_open(&line, 1, &book, &life, data + 2, len, dst, sizeof dst, &n);
        if (st != HKP_OK && memcmp(&line, &before, sizeof line) != 0) __builtin_trap();
        if (line.gens[0].n_kept > HKP_NEURO__SKIPPED_MAX) __builtin_trap();
        if (st == HKP_OK && hkp_neuro__line_open(&line, 1, &book, &life, data + 2, len, dst, sizeof dst,
                                                 &n) != HKP_E_NEURO_SYN_REPLAY)
            __builtin_trap();
        data += 2 + len;
        size -= 2 + len;
    }
    return 0;
}
