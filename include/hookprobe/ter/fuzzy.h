/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter, part: the fuzzy extractor. It makes a key from a noisy source that differs between devices (a PUF
 * behind a driver), and refuses sources that cannot carry one: that is its main duty.
 */
#ifndef HOOKPROBE_TER_FUZZY_H
#define HOOKPROBE_TER_FUZZY_H

#include <hookprobe/ter.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes and limits (SYN-9). */
enum {
    HKP_TER_FUZZY_BLOCKS_MAX = 16,
    /** code bits of a block */
    HKP_TER_FUZZY_BLOCK_BITS = 255,
    /** bytes before the masked codewords of a sketch */
    HKP_TER_FUZZY_HEAD = 48,
    /** largest reading and sketch, bytes */
    HKP_TER_FUZZY_READING_MAX = 1530,
    HKP_TER_FUZZY_SKETCH_MAX = 1578,
    HKP_TER_FUZZY_READINGS_MIN = 8,
    HKP_TER_FUZZY_READINGS_MAX = 64,
    /** entropy of one bit in Q16 when it is full */
    HKP_TER_FUZZY_BIT = 65536,
    /** bits of entropy that must remain beside the sketch */
    HKP_TER_FUZZY_MARGIN = 128
};

/* Results: HKP_E_TER_BASE - code (SYN-10). */
enum {
    HKP_E_TER_FUZZ_LENGTH = -0x164,
    HKP_E_TER_FUZZ_RESERVED = -0x166,
    HKP_E_TER_FUZZ_MAGIC = -0x179,
    HKP_E_TER_FUZZ_ENTROPY = -0x17E,
    HKP_E_TER_FUZZ_DECODE = -0x17F,
    HKP_E_TER_FUZZ_UNSTABLE = -0x180
};

/** Readings of one source for an enrolment. */
struct hkp_ter_fuzzy_readings {
    /** [count] readings of hkp_ter_fuzzy_reading_size() bytes each, one after the other; borrowed */
    const uint8_t *bytes;
    /** HKP_TER_FUZZY_READINGS_MIN .. HKP_TER_FUZZY_READINGS_MAX */
    uint32_t count;
    /** 1 or 3: how often each code bit is repeated */
    uint32_t repeat;
    /** 1..HKP_TER_FUZZY_BLOCKS_MAX */
    uint32_t blocks;
    /** min-entropy per bit between devices from the maker's population data, Q16; 0 without such data */
    uint32_t declared;
};

/** What a source was found to carry. */
struct hkp_ter_fuzzy_entropy {
    /** per bit, Q16: least of what is declared and what the reading itself shows */
    uint32_t per_bit;
    /** of the whole reading, bits, rounded down */
    uint32_t total;
    /** bits that a sketch gives away */
    uint32_t leak;
    /** 1: at least HKP_TER_FUZZY_MARGIN bits remain */
    uint32_t enough;
};

/** A driver of a source. */
struct hkp_ter_fuzzy_source {
    /** handed to read */
    void *user;
    /** fills dst with n_bits bits, most significant first, the rest zero; 0, or negative if it cannot */
    int32_t (*read)(void *user, uint8_t *dst, size_t n_bits);
    /** NUL-terminated, static */
    const char *name;
    /** as in struct hkp_ter_fuzzy_readings */
    uint32_t declared;
    /** zero */
    uint32_t reserved0;
};

/**
 * Bytes of one reading: 255 * repeat * blocks bits.
 *
 * @param repeat  any value
 * @param blocks  any value
 *
 * @return bytes; 0 if one of the two is outside its range
 *
 * Cost: none.
 * Source: SYN-9.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API size_t hkp_ter_fuzzy_reading_size(uint32_t repeat, uint32_t blocks);

/**
 * Estimate the entropy of a reading; it is an upper bound, a source may carry less.
 *
 * @param reading   [len] bytes, borrowed
 * @param len       hkp_ter_fuzzy_reading_size()
 * @param repeat    1 or 3
 * @param blocks    1..HKP_TER_FUZZY_BLOCKS_MAX
 * @param declared  0..HKP_TER_FUZZY_BIT
 * @param entropy   out
 *
 * @retval HKP_OK       entropy is set; its member enough is the verdict
 * @retval HKP_E_INVAL  a value is outside its range
 *
 * Cost: none; no allocation. Time depends on the reading.
 * Source: SYN-9.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_fuzzy_entropy_of(const uint8_t *reading, size_t len, uint32_t repeat,
                                                         uint32_t blocks, uint32_t declared,
                                                         struct hkp_ter_fuzzy_entropy *entropy);

/**
 * Enrol a source: a sketch that may be stored openly, and the key that later readings give again with it.
 *
 * @param readings    borrowed
 * @param rng         for the codewords and the salt; borrowed for the call
 * @param mem         where secrets live while it runs, see hkp_ter_locked_mem(); NULL: malloc
 * @param sketch      [cap] bytes out
 * @param cap         bytes; HKP_TER_FUZZY_SKETCH_MAX always suffices
 * @param sketch_len  out, bytes
 * @param key         [32] bytes out, secret of the caller
 *
 * @retval HKP_OK                   sketch and key are set
 * @retval HKP_E_INVAL              a count is outside its range
 * @retval HKP_E_NOSPC              cap is too small
 * @retval HKP_E_NOMEM              the allocator returned nothing
 * @retval HKP_E_CALLBACK           rng failed
 * @retval HKP_E_TER_FUZZ_RESERVED  unused bits of a reading are not zero
 * @retval HKP_E_TER_FUZZ_ENTROPY   fewer than HKP_TER_FUZZY_MARGIN bits would remain beside the sketch
 * @retval HKP_E_TER_FUZZ_UNSTABLE  a reading differs from the majority in more than 9 bits of a block
 *
 * Cost: one allocation of some kilobytes, wiped and released; time depends on the readings.
 * Source: SYN-9.2, SYN-9.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_fuzzy_enrol(const struct hkp_ter_fuzzy_readings *readings,
                                                    const struct hkp_rng *rng, const struct hkp_mem *mem,
                                                    uint8_t *sketch, size_t cap, size_t *sketch_len,
                                                    uint8_t key[32]);

/**
 * Read a source HKP_TER_FUZZY_READINGS_MIN times and enrol it.
 *
 * @param source      borrowed for the call
 * @param repeat      1 or 3
 * @param blocks      1..HKP_TER_FUZZY_BLOCKS_MAX
 * @param rng         as for hkp_ter_fuzzy_enrol()
 * @param mem         as for hkp_ter_fuzzy_enrol()
 * @param sketch      [cap] bytes out
 * @param cap         bytes; HKP_TER_FUZZY_SKETCH_MAX always suffices
 * @param sketch_len  out, bytes
 * @param key         [32] bytes out, secret of the caller
 *
 * @retval HKP_OK                   sketch and key are set
 * @retval HKP_E_INVAL              a value is outside its range
 * @retval HKP_E_NOSPC              cap is too small
 * @retval HKP_E_NOMEM              the allocator returned nothing
 * @retval HKP_E_CALLBACK           the source or rng failed
 * @retval HKP_E_TER_FUZZ_RESERVED  the source filled unused bits
 * @retval HKP_E_TER_FUZZ_ENTROPY   the source carries too little: always, if it declares 0
 * @retval HKP_E_TER_FUZZ_UNSTABLE  the source is too noisy
 *
 * Cost: as hkp_ter_fuzzy_enrol(), and the readings.
 * Source: SYN-9.2, SYN-9.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_fuzzy_source_enrol(const struct hkp_ter_fuzzy_source *source,
                                                           uint32_t repeat, uint32_t blocks,
                                                           const struct hkp_rng *rng,
                                                           const struct hkp_mem *mem, uint8_t *sketch,
                                                           size_t cap, size_t *sketch_len, uint8_t key[32]);

/**
 * Make the key again from a new reading. Success says that each block of the reading was within 18 errors of
 * a codeword, not that the key is the enrolled one: no check value is stored, since it would let others test
 * guesses. What was encrypted under the key tells.
 *
 * @param sketch       [sketch_len] borrowed; from outside, any bytes
 * @param sketch_len   bytes
 * @param reading      [reading_len] borrowed
 * @param reading_len  bytes
 * @param mem          where secrets live while it runs, see hkp_ter_locked_mem(); NULL: malloc
 * @param key          [32] bytes out, secret of the caller
 *
 * @retval HKP_OK                   key is set
 * @retval HKP_E_NOMEM              the allocator returned nothing
 * @retval HKP_E_TER_FUZZ_MAGIC     it is no sketch
 * @retval HKP_E_TER_FUZZ_RESERVED  a shape that there is not, or unused bits that are not zero
 * @retval HKP_E_TER_FUZZ_LENGTH    sketch or reading are of another length than the shape says
 * @retval HKP_E_TER_FUZZ_DECODE    a block has more errors than can be corrected
 *
 * Cost: one allocation of some kilobytes, wiped and released; time depends on the shape only.
 * Source: SYN-9.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_fuzzy_reproduce(const uint8_t *sketch, size_t sketch_len,
                                                        const uint8_t *reading, size_t reading_len,
                                                        const struct hkp_mem *mem, uint8_t key[32]);

/* ---- The system ---- */

/**
 * The source "clock drift": how two clocks of this machine move against each other, measured when it is
 * read. It is noise and settings, no property of a device; it declares 0 and is therefore always refused.
 *
 * @param source  out
 *
 * Cost: none.
 * Source: SYN-9.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_fuzzy_source_clock(struct hkp_ter_fuzzy_source *source);

/**
 * The source "cache timing": how long walks through memory take, measured when it is read. It is noise and
 * load, no property of a device; it declares 0 and is therefore always refused.
 *
 * @param source  out
 *
 * Cost: none.
 * Source: SYN-9.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_fuzzy_source_cache(struct hkp_ter_fuzzy_source *source);

#ifdef __cplusplus
}
#endif

#endif
