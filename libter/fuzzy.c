/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The fuzzy extractor: entropy test, enrolment, reproduction (SYN-9). */
#include "libter/fuzzy.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum {
    N = HKP_TER__BCH_N,
    READING = HKP_TER_FUZZY_READING_MAX,
    BLOCKS = HKP_TER_FUZZY_BLOCKS_MAX,
    HEAD = HKP_TER_FUZZY_HEAD,
    MESSAGE = HKP_TER__BCH_MESSAGE,
    UNSTABLE_BITS = 9
};
/* Offsets in a sketch (SYN-9.3). */
enum { AT_REPEAT = 8, AT_BLOCKS = 9, AT_ZERO = 10, AT_ENTROPY = 12, AT_SALT = 16 };

/* All that is secret while the extractor runs. */
struct fuzzy_secret {
    uint8_t w[READING];
    uint8_t messages[BLOCKS * MESSAGE];
    uint8_t key[32];
    uint8_t readings[HKP_TER_FUZZY_READINGS_MIN * READING];
};

static uint32_t get_bit(const uint8_t *bits, size_t i) { return bits[i / 8] >> (7 - i % 8) & 1U; }

static void put_bit(uint8_t *bits, size_t i, uint32_t bit) {
    const unsigned at = 7 - i % 8;
    bits[i / 8] = (uint8_t)((bits[i / 8] & ~(1U << at)) | bit << at);
}

static size_t bits_of(uint32_t repeat, uint32_t blocks) { return (size_t)N * repeat * blocks; }

size_t hkp_ter_fuzzy_reading_size(uint32_t repeat, uint32_t blocks) {
    if ((repeat != 1 && repeat != 3) || blocks == 0 || blocks > BLOCKS) return 0;
    return (bits_of(repeat, blocks) + 7) / 8;
}

/* ---- Entropy (SYN-9.2) ---- */

uint32_t hkp_ter__nlog2(uint32_t a, uint32_t b) {
    if (a >= b) return 0;
    uint64_t x = ((uint64_t)b << 31) / a;
    uint32_t y = 0;
    if (x >> 32 != 0) return HKP_TER_FUZZY_BIT;
    for (int k = 15; k >= 0; k--) {
        x = x * x >> 31;
        if (x >> 32 == 0) continue;
        x >>= 1;
        y |= 1U << k;
    }
    return y;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t most(uint32_t a, uint32_t b) { return a > b ? a : b; }

static void estimate(const uint8_t *w, uint32_t repeat, uint32_t blocks, uint32_t declared,
                     struct hkp_ter_fuzzy_entropy *entropy) {
    const size_t n = bits_of(repeat, blocks);
    uint32_t follows[2][2] = {{0, 0}, {0, 0}}, ones = get_bit(w, n - 1), h = declared;
    for (size_t i = 0; i + 1 < n; i++) {
        follows[get_bit(w, i)][get_bit(w, i + 1)]++;
        ones += get_bit(w, i);
    }
    h = least(h, hkp_ter__nlog2(most(ones, (uint32_t)n - ones), (uint32_t)n));
    for (int s = 0; s < 2; s++) {
        const uint32_t sum = follows[s][0] + follows[s][1];
        if (sum > 0) h = least(h, hkp_ter__nlog2(most(follows[s][0], follows[s][1]), sum));
    }
    entropy->per_bit = h;
    entropy->total = (uint32_t)((uint64_t)n * h / HKP_TER_FUZZY_BIT);
    entropy->leak = blocks * (N * repeat - HKP_TER__BCH_K);
    entropy->enough = entropy->total >= entropy->leak + HKP_TER_FUZZY_MARGIN;
}

hkp_status hkp_ter_fuzzy_entropy_of(const uint8_t *reading, size_t len, uint32_t repeat, uint32_t blocks,
                                    uint32_t declared, struct hkp_ter_fuzzy_entropy *entropy) {
    const size_t size = hkp_ter_fuzzy_reading_size(repeat, blocks);
    if (size == 0 || len != size || declared > HKP_TER_FUZZY_BIT) return HKP_E_INVAL;
    estimate(reading, repeat, blocks, declared, entropy);
    return HKP_OK;
}

/* ---- Codewords over a reading ---- */

size_t hkp_ter__fuzzy_make(const uint8_t *w, uint32_t repeat, uint32_t blocks, uint32_t entropy,
                           const uint8_t salt[32], const uint8_t *messages, uint8_t *sketch) {
    const size_t size = hkp_ter_fuzzy_reading_size(repeat, blocks);
    uint8_t code[N], *masked = sketch + HEAD;
    memset(sketch, 0, HEAD + size);
    memcpy(sketch, "NSEFUZZ1", 8);
    sketch[AT_REPEAT] = (uint8_t)repeat;
    sketch[AT_BLOCKS] = (uint8_t)blocks;
    hkp_put_be32(sketch + AT_ENTROPY, entropy);
    memcpy(sketch + AT_SALT, salt, 32);
    for (uint32_t b = 0; b < blocks; b++) {
        hkp_ter__bch_encode(messages + b * MESSAGE, code);
        for (size_t i = 0, at = (size_t)b * N * repeat; i < N * repeat; i++, at++)
            put_bit(masked, at, code[i / repeat] ^ get_bit(w, at));
    }
    sodium_memzero(code, sizeof code);
    return HEAD + size;
}

uint32_t hkp_ter__fuzzy_recover(const uint8_t *sketch, const uint8_t *reading, uint32_t repeat,
                                uint32_t blocks, uint8_t *w) {
    const uint8_t *masked = sketch + HEAD;
    uint8_t code[N];
    uint32_t good = 1;
    memset(w, 0, hkp_ter_fuzzy_reading_size(repeat, blocks));
    for (uint32_t b = 0; b < blocks; b++) {
        const size_t first = (size_t)b * N * repeat;
        for (size_t i = 0; i < N; i++) {
            uint32_t ones = 0;
            for (size_t k = 0, at = first + i * repeat; k < repeat; k++, at++)
                ones += get_bit(masked, at) ^ get_bit(reading, at);
            code[i] = (uint8_t)((ones + (repeat == 1)) >> 1); /* majority: 1 of 1, 2 of 3 */
        }
        good &= hkp_ter__bch_decode(code);
        for (size_t i = 0, at = first; i < N * repeat; i++, at++)
            put_bit(w, at, code[i / repeat] ^ get_bit(masked, at));
    }
    sodium_memzero(code, sizeof code);
    return good;
}

void hkp_ter__fuzzy_key(const uint8_t *w, size_t len, const uint8_t *sketch, size_t sketch_len,
                        uint8_t key[32]) {
    uint8_t prk[32], info[11 + 32 + 1];
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, sketch + AT_SALT, 32);
    crypto_auth_hmacsha256_update(&h, w, len);
    crypto_auth_hmacsha256_final(&h, prk);
    memcpy(info, "NSE1 fuzzy", 11);
    crypto_hash_sha256(info + 11, sketch, sketch_len);
    info[43] = 1; /* the only block of HKDF-Expand */
    crypto_auth_hmacsha256(key, info, sizeof info, prk);
    sodium_memzero(prk, sizeof prk);
    sodium_memzero(&h, sizeof h);
}

static int unused_bits_are_zero(const uint8_t *reading, size_t size, uint32_t repeat, uint32_t blocks) {
    const unsigned unused = (unsigned)(size * 8 - bits_of(repeat, blocks));
    return (reading[size - 1] & ((1U << unused) - 1)) == 0;
}

/* ---- Enrolment (SYN-9.3) ---- */

static void majority(const struct hkp_ter_fuzzy_readings *r, size_t size, uint8_t *w) {
    memset(w, 0, size);
    for (size_t i = 0; i < bits_of(r->repeat, r->blocks); i++) {
        uint32_t ones = 0;
        for (uint32_t k = 0; k < r->count; k++) ones += get_bit(r->bytes + k * size, i);
        put_bit(w, i, 2 * ones > r->count);
    }
}

/* Bits of a block in which a reading differs, after the majority over the repeats. */
static uint32_t differences(const struct hkp_ter_fuzzy_readings *r, const uint8_t *reading, const uint8_t *w,
                            uint32_t block) {
    uint32_t n = 0;
    for (size_t i = 0; i < N; i++) {
        uint32_t ones = 0;
        for (size_t k = 0, at = ((size_t)block * N + i) * r->repeat; k < r->repeat; k++, at++)
            ones += get_bit(w, at) ^ get_bit(reading, at);
        n += 2 * ones > r->repeat;
    }
    return n;
}

static int is_stable(const struct hkp_ter_fuzzy_readings *r, size_t size, const uint8_t *w) {
    for (uint32_t k = 0; k < r->count; k++)
        for (uint32_t b = 0; b < r->blocks; b++)
            if (differences(r, r->bytes + k * size, w, b) > UNSTABLE_BITS) return 0;
    return 1;
}

static hkp_status draw(const struct hkp_rng *rng, uint8_t salt[32], uint8_t *messages, uint32_t blocks) {
    if (rng->fill(rng->user, salt, 32) != 0) return HKP_E_CALLBACK;
    if (rng->fill(rng->user, messages, (size_t)blocks * MESSAGE) != 0) return HKP_E_CALLBACK;
    for (uint32_t b = 0; b < blocks; b++) messages[b * MESSAGE] &= 7; /* 131 bits */
    return HKP_OK;
}

static hkp_status enrol(const struct hkp_ter_fuzzy_readings *r, size_t size, const struct hkp_rng *rng,
                        struct fuzzy_secret *s, uint8_t *sketch, size_t *sketch_len) {
    struct hkp_ter_fuzzy_entropy entropy;
    uint8_t salt[32];
    for (uint32_t k = 0; k < r->count; k++)
        if (!unused_bits_are_zero(r->bytes + k * size, size, r->repeat, r->blocks))
            return HKP_E_TER_FUZZ_RESERVED;
    majority(r, size, s->w);
    estimate(s->w, r->repeat, r->blocks, r->declared, &entropy);
    if (!entropy.enough) return HKP_E_TER_FUZZ_ENTROPY;
    if (!is_stable(r, size, s->w)) return HKP_E_TER_FUZZ_UNSTABLE;
    hkp_status st = draw(rng, salt, s->messages, r->blocks);
    if (st != HKP_OK) return st;
    *sketch_len = hkp_ter__fuzzy_make(s->w, r->repeat, r->blocks, entropy.total, salt, s->messages, sketch);
    hkp_ter__fuzzy_key(s->w, size, sketch, *sketch_len, s->key);
    return HKP_OK;
}

/* The allocator of the caller, or the default one, and the room of secrets from it. */
static hkp_status secret_new(const struct hkp_mem *from, struct hkp_mem *mem, struct fuzzy_secret **out) {
    memset(mem, 0, sizeof *mem);
    if (from != NULL) *mem = *from;
    hkp_status st = hkp_mem_import(mem);
    if (st != HKP_OK) return st;
    *out = hkp_mem_alloc(mem, sizeof **out);
    return *out != NULL ? HKP_OK : HKP_E_NOMEM;
}

static void secret_free(const struct hkp_mem *mem, struct fuzzy_secret *s) {
    sodium_memzero(s, sizeof *s);
    hkp_mem_free(mem, s, sizeof *s);
}

static int is_in_range(const struct hkp_ter_fuzzy_readings *r, size_t size) {
    return size != 0 && r->count >= HKP_TER_FUZZY_READINGS_MIN && r->count <= HKP_TER_FUZZY_READINGS_MAX &&
           r->declared <= HKP_TER_FUZZY_BIT;
}

hkp_status hkp_ter_fuzzy_enrol(const struct hkp_ter_fuzzy_readings *readings, const struct hkp_rng *rng,
                               const struct hkp_mem *mem, uint8_t *sketch, size_t cap, size_t *sketch_len,
                               uint8_t key[32]) {
    const size_t size = hkp_ter_fuzzy_reading_size(readings->repeat, readings->blocks);
    struct fuzzy_secret *s;
    struct hkp_mem own;
    if (!is_in_range(readings, size)) return HKP_E_INVAL;
    if (cap < HEAD + size) return HKP_E_NOSPC;
    hkp_status st = secret_new(mem, &own, &s);
    if (st != HKP_OK) return st;
    st = enrol(readings, size, rng, s, sketch, sketch_len);
    if (st == HKP_OK) memcpy(key, s->key, 32);
    secret_free(&own, s);
    return st;
}

hkp_status hkp_ter_fuzzy_source_enrol(const struct hkp_ter_fuzzy_source *source, uint32_t repeat,
                                      uint32_t blocks, const struct hkp_rng *rng, const struct hkp_mem *mem,
                                      uint8_t *sketch, size_t cap, size_t *sketch_len, uint8_t key[32]) {
    const size_t size = hkp_ter_fuzzy_reading_size(repeat, blocks);
    struct hkp_ter_fuzzy_readings r = {.count = HKP_TER_FUZZY_READINGS_MIN,
                                       .repeat = repeat,
                                       .blocks = blocks,
                                       .declared = source->declared};
    struct fuzzy_secret *s;
    struct hkp_mem own;
    if (!is_in_range(&r, size)) return HKP_E_INVAL;
    if (cap < HEAD + size) return HKP_E_NOSPC;
    hkp_status st = secret_new(mem, &own, &s);
    if (st != HKP_OK) return st;
    r.bytes = s->readings;
    for (uint32_t k = 0; st == HKP_OK && k < r.count; k++)
        if (source->read(source->user, s->readings + k * size, bits_of(repeat, blocks)) != 0)
            st = HKP_E_CALLBACK;
    if (st == HKP_OK) st = enrol(&r, size, rng, s, sketch, sketch_len);
    if (st == HKP_OK) memcpy(key, s->key, 32);
    secret_free(&own, s);
    return st;
}

/* ---- Reproduction (SYN-9.4) ---- */

static hkp_status check_sketch(const uint8_t *sketch, size_t len, const uint8_t *reading, size_t reading_len,
                               size_t *size) {
    if (len < 8 || memcmp(sketch, "NSEFUZZ1", 8) != 0) return HKP_E_TER_FUZZ_MAGIC;
    if (len < HEAD) return HKP_E_TER_FUZZ_LENGTH;
    const uint32_t repeat = sketch[AT_REPEAT], blocks = sketch[AT_BLOCKS];
    *size = hkp_ter_fuzzy_reading_size(repeat, blocks);
    if (*size == 0 || hkp_be16(sketch + AT_ZERO) != 0) return HKP_E_TER_FUZZ_RESERVED;
    if (len != HEAD + *size || reading_len != *size) return HKP_E_TER_FUZZ_LENGTH;
    if (!unused_bits_are_zero(sketch + HEAD, *size, repeat, blocks) ||
        !unused_bits_are_zero(reading, *size, repeat, blocks))
        return HKP_E_TER_FUZZ_RESERVED;
    return HKP_OK;
}

hkp_status hkp_ter_fuzzy_reproduce(const uint8_t *sketch, size_t sketch_len, const uint8_t *reading,
                                   size_t reading_len, const struct hkp_mem *mem, uint8_t key[32]) {
    struct fuzzy_secret *s;
    struct hkp_mem own;
    size_t size;
    hkp_status st = check_sketch(sketch, sketch_len, reading, reading_len, &size);
    if (st != HKP_OK) return st;
    st = secret_new(mem, &own, &s);
    if (st != HKP_OK) return st;
    if (hkp_ter__fuzzy_recover(sketch, reading, sketch[AT_REPEAT], sketch[AT_BLOCKS], s->w) == 0) {
        st = HKP_E_TER_FUZZ_DECODE;
    } else {
        hkp_ter__fuzzy_key(s->w, size, sketch, sketch_len, s->key);
        memcpy(key, s->key, 32);
    }
    secret_free(&own, s);
    return st;
}
