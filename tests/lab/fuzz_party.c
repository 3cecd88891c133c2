/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Two honest parties and a third that sends what the input says, in the order that it says (LAB-6.2): the
 * honest ones never name each other, and have the same key or none. A byte is what happens next: bits 0..1: 0
 * and 1 deliver the next letter of an honest party to the other, 2 a letter of the third as it would be,
 * changed by the next two bytes, 3 any bytes from it; bit 2 to whom.
 */
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { THIRD = 2, N = 3 };
static struct hkp_neuro_lab_party party[N];

static void deliver(uint32_t from, uint32_t to, const uint8_t *change) {
    uint8_t msg[HKP_NEURO_LAB_MESSAGE_MAX];
    const size_t len = hkp_neuro_lab_party_send(&party[from], to, msg);
    if (len == 0) return;
    if (change != NULL) msg[change[0] % len] ^= change[1];
    (void)hkp_neuro_lab_party_recv(&party[to], from, msg, len);
}

static void judge(void) {
    uint8_t key[2][32];
    if ((party[0].named | party[1].named) & 3) __builtin_trap();
    const int done = party[0].stage == HKP_NEURO_LAB_DONE && party[1].stage == HKP_NEURO_LAB_DONE;
    for (uint32_t i = 0; i < 2; i++) {
        const hkp_status st = hkp_neuro_lab_party_key(&party[i], key[i]);
        if (done && st != HKP_OK) __builtin_trap();
    }
    if (done && memcmp(key[0], key[1], 32) != 0) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t session[32] = {5}, secrets[N][32] = {{1}, {2}, {3}}, blinds[N][32] = {{4}, {5}, {6}};
    if (size > 4096) return 0;
    for (uint32_t i = 0; i < N; i++)
        if (hkp_neuro_lab_party_begin(&party[i], session, N, i, 0, secrets[i], blinds[i]) != HKP_OK)
            __builtin_trap();
    for (size_t at = 0; at < size;) {
        const uint8_t what = data[at] & 3, to = data[at] >> 2 & 1;
        at++;
        if (what < 2) deliver(what, 1 - what, NULL);
        if (what == 2) {
            static const uint8_t none[2] = {0, 0};
            const size_t left = size - at < 2 ? size - at : 2;
            deliver(THIRD, to, left == 2 ? data + at : none);
            at += left;
        }
        if (what == 3) {
            size_t len = at < size ? data[at++] % 70 : 0;
            if (len > size - at) len = size - at;
            (void)hkp_neuro_lab_party_recv(&party[to], THIRD, data + at, len);
            at += len;
        }
        deliver(0, THIRD, NULL);
        deliver(1, THIRD, NULL);
    }
    judge();
    return 0;
}
