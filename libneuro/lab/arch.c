/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: architectures as part of a key, activations, and the two ways to draw from keys
 * (LAB-1.2, 2). */
#include "libneuro/lab/lab.h"

enum { ARCHS_OF_ACT = HKP_NEURO_LAB_ARCHS / 3 };

void hkp_neuro_lab__hmac(const uint8_t key[32], const char *label, uint8_t out[32]) {
    crypto_auth_hmacsha256(out, (const uint8_t *)label, strlen(label) + 1, key);
}

void hkp_neuro_lab__stream(const uint8_t key[32], uint64_t nonce, uint8_t *out, size_t len) {
    uint8_t bytes[12] = {0};
    hkp_put_be64(bytes + 4, nonce);
    crypto_stream_chacha20_ietf(out, len, bytes, key);
}

hkp_status hkp_neuro_lab_arch_get(uint32_t index, struct hkp_neuro_lab_arch *arch) {
    *arch = (struct hkp_neuro_lab_arch){0};
    if (index >= HKP_NEURO_LAB_ARCHS) return HKP_E_NEURO_LAB_ARCH;
    uint32_t j = index % ARCHS_OF_ACT, depth = 2;
    while (j >= 1U << (2 * depth)) {
        j -= 1U << (2 * depth);
        depth++;
    }
    *arch = (struct hkp_neuro_lab_arch){.index = index, .act = index / ARCHS_OF_ACT, .depth = depth};
    for (uint32_t k = 0; k < depth; k++) arch->widths[k] = 64U << (j >> (2 * (depth - 1 - k)) & 3);
    return HKP_OK;
}

uint32_t hkp_neuro_lab_arch_index(const uint8_t key[32]) {
    uint8_t a[32];
    uint32_t index = 0;
    hkp_neuro_lab__hmac(key, "LAB1 arch", a);
    for (size_t i = 0; i < 16; i++) {
        index = hkp_be16(a + 2 * i) & 4095U;
        if (index < HKP_NEURO_LAB_ARCHS) break;
        index = 0;
    }
    sodium_memzero(a, sizeof a);
    return index;
}

int32_t hkp_neuro_lab_act(uint32_t act, int64_t z) {
    const int32_t zero = hkp_neuro__zero();
    if (act == HKP_NEURO_LAB_RELU) return (int32_t)(hkp_neuro__clamp64(z, 0, 65535, zero) >> 1);
    const int32_t t = hkp_neuro__qt((int32_t)hkp_neuro__clamp64(z, INT32_MIN / 2, INT32_MAX / 2, zero), zero);
    if (act == HKP_NEURO_LAB_TANH) return t;
    const int32_t s = (t + 32768) >> 1;
    return s < 32767 ? s : 32767;
}
