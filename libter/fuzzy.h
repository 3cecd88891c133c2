/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the code behind the fuzzy extractor, and its steps with nothing random in them (SYN-9). */
#ifndef HKP_LIBTER_FUZZY_H
#define HKP_LIBTER_FUZZY_H

#include <hookprobe/ter.h>

/* BCH(255, 131), corrects 18 (SYN-9.1). */
enum { HKP_TER__BCH_N = 255, HKP_TER__BCH_K = 131, HKP_TER__BCH_T = 18, HKP_TER__BCH_MESSAGE = 17 };

/** Codeword of a message, a number of 131 bits (17 bytes, big-endian); one bit in each byte of code. */
void hkp_ter__bch_encode(const uint8_t message[17], uint8_t code[255]);

/**
 * Corrects up to 18 errors in place: 1. With more: 0 and code as it was, or, seldom, 1 and another codeword.
 * Neither branches nor table indices depend on code.
 */
uint32_t hkp_ter__bch_decode(uint8_t code[255]);

/** SYN-9.2: -log2(a / b) in Q16, for a >= b / 2 and b > 0. */
uint32_t hkp_ter__nlog2(uint32_t a, uint32_t b);

/** Sketch from w, [blocks] messages of 17 bytes, and the head's fields; its length. Constant time. */
size_t hkp_ter__fuzzy_make(const uint8_t *w, uint32_t repeat, uint32_t blocks, uint32_t entropy,
                           const uint8_t salt[32], const uint8_t *messages, uint8_t *sketch);

/** w from a sketch of this shape and a reading; 1, or 0 if a block is beyond repair. Constant time. */
uint32_t hkp_ter__fuzzy_recover(const uint8_t *sketch, const uint8_t *reading, uint32_t repeat,
                                uint32_t blocks, uint8_t *w);

/** Key of w and a sketch. */
void hkp_ter__fuzzy_key(const uint8_t *w, size_t len, const uint8_t *sketch, size_t sketch_len,
                        uint8_t key[32]);

#endif
