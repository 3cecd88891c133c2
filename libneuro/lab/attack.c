/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: attacks that ask a cipher and count (LAB-5.2, 5.5, 5.6). */
#include "libneuro/lab/lab.h"

enum { NEAR = 256 };

static uint32_t flipped(const uint8_t a[16], const uint8_t b[16]) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 16; i++) bits += (uint32_t)__builtin_popcount((unsigned)(a[i] ^ b[i]));
    return bits;
}

/* All eight words within +-256 of each other, on the circle. */
static int is_near(const uint8_t a[16], const uint8_t b[16]) {
    for (size_t i = 0; i < 16; i += 2) {
        const int16_t d = (int16_t)(hkp_be16(a + i) - hkp_be16(b + i));
        if (d > NEAR || d < -NEAR) return 0;
    }
    return 1;
}

void hkp_neuro_lab_attack_differential(const hkp_neuro_lab_nc1 *nc1, uint32_t pairs, const uint8_t seed[32],
                                       struct hkp_neuro_lab_differential *result) {
    *result = (struct hkp_neuro_lab_differential){.queries = 2ULL * pairs};
    for (uint32_t k = 0; k < pairs; k++) {
        uint8_t a[16], b[16];
        hkp_neuro_lab__stream(seed, k, a, 16);
        memcpy(b, a, 16);
        b[15] ^= 1;
        hkp_neuro_lab_nc1_encrypt(nc1, a, a);
        hkp_neuro_lab_nc1_encrypt(nc1, b, b);
        result->flipped += flipped(a, b);
        result->near_pairs += (uint64_t)is_near(a, b);
    }
}

uint32_t hkp_neuro_lab_attack_brute(const uint8_t weight_key[32], uint32_t rounds, const uint8_t plain[16],
                                    const uint8_t cipher[16], hkp_neuro_lab_progress progress, void *user,
                                    struct hkp_neuro_lab_brute *result) {
    *result = (struct hkp_neuro_lab_brute){.found = HKP_NEURO_LAB_ARCHS};
    for (uint32_t index = 0; index < HKP_NEURO_LAB_ARCHS; index++) {
        hkp_neuro_lab_nc1 *n = NULL;
        uint8_t back[16];
        if (hkp_neuro_lab_nc1_new_arch(&n, NULL, weight_key, index, rounds) != HKP_OK) break;
        hkp_neuro_lab_nc1_decrypt(n, cipher, back);
        hkp_neuro_lab_nc1_free(n);
        result->tried++;
        if (memcmp(back, plain, 16) == 0) {
            result->matches++;
            result->found = index;
        } else
            result->wrong_distance += flipped(back, plain);
        if (progress != NULL && (index + 1) % 100 == 0 &&
            progress(user, index + 1, HKP_NEURO_LAB_ARCHS, result->matches, 0) != 0)
            break;
    }
    return result->found;
}

void hkp_neuro_lab_attack_noise(const hkp_neuro_lab_nc0 *nc0, uint32_t bits, uint32_t blocks,
                                const uint8_t seed[32], struct hkp_neuro_lab_nc0_figures *figures) {
    *figures = (struct hkp_neuro_lab_nc0_figures){.bits = 128ULL * blocks, .blocks = blocks};
    for (uint32_t k = 0; k < blocks; k++) {
        uint8_t draw[16 + 256], out[16];
        int16_t code[NC0_BITS];
        hkp_neuro_lab__stream(seed, k, draw, sizeof draw);
        hkp_neuro_lab_nc0_code(nc0, draw, code);
        for (size_t i = 0; i < NC0_BITS; i++) {
            const int32_t noise =
                (int32_t)(hkp_be16(draw + 16 + 2 * i) & ((2U << bits) - 1)) - (int32_t)(1U << bits);
            const int32_t v = code[i] + noise;
            code[i] = (int16_t)(v > 32767 ? 32767 : v < -32767 ? -32767 : v);
        }
        hkp_neuro_lab_nc0_decode(nc0, code, out);
        const uint32_t wrong = flipped(draw, out);
        figures->wrong_bits += wrong;
        figures->wrong_blocks += wrong != 0;
    }
}
