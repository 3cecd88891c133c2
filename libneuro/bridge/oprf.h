/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the functions of RFC 9497, mode 0x00, ristretto255-SHA512, on inputs as they are. */
#ifndef HKP_LIBNEURO_BRIDGE_OPRF_H
#define HKP_LIBNEURO_BRIDGE_OPRF_H

#include "libter/bytes.h"

#include <hookprobe/neuro.h>

/** An input in two parts, one after the other. */
struct hkp_neuro__oprf_input {
    const uint8_t *head, *body;
    size_t head_len, body_len;
};

/** 0 on success; scalars and elements as RFC 9497 4.1 writes them. */
int hkp_neuro__oprf_key(const uint8_t seed[32], const void *info, size_t info_len, uint8_t key[32]);
int hkp_neuro__oprf_blind(const struct hkp_neuro__oprf_input *in, const uint8_t blind[32],
                          uint8_t blinded[32]);
int hkp_neuro__oprf_evaluate(const uint8_t key[32], const uint8_t blinded[32], uint8_t evaluated[32]);
int hkp_neuro__oprf_finish(const struct hkp_neuro__oprf_input *in, const uint8_t blind[32],
                           const uint8_t evaluated[32], uint8_t output[64]);

#endif
