/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* vectors synapse/fuzzy.json, and the properties of code and extractor (SYN-9). */
#include "alloc.h"
#include "check.h"
#include "libter/bytes.h"
#include "libter/fuzzy.h"
#include "vectors.h"

#include <sodium.h>

enum { N = HKP_TER__BCH_N, K = HKP_TER__BCH_K, T = HKP_TER__BCH_T };

static json_t *file;

static hkp_status status_of(const char *name) {
    if (strcmp(name, "ok") == 0) return HKP_OK;
    if (strcmp(name, "SYN_E_FUZZ_ENTROPY") == 0) return HKP_E_TER_FUZZ_ENTROPY;
    if (strcmp(name, "SYN_E_FUZZ_DECODE") == 0) return HKP_E_TER_FUZZ_DECODE;
    printf("Bail out! no such result: %s\n", name);
    exit(1);
}

/* Gives bytes that are laid out beforehand; -1 at their end. */
struct tape {
    const uint8_t *ptr;
    size_t left;
};

static int32_t tape_fill(void *user, uint8_t *dst, size_t len) {
    struct tape *t = user;
    if (t->left < len) return -1;
    memcpy(dst, t->ptr, len);
    t->ptr += len;
    t->left -= len;
    return 0;
}

static int32_t seeded_fill(void *user, uint8_t *dst, size_t len) {
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(user);
    return 0;
}

/* ---- The code ---- */

static void the_logarithm_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "nlog2"), i, v)
        CHECK_EQ(hkp_ter__nlog2((uint32_t)vec_u64(v, "a"), (uint32_t)vec_u64(v, "b")), vec_u64(v, "q16"));
}

static unsigned field_mul(unsigned a, unsigned b) {
    unsigned p = 0;
    for (; b != 0; b >>= 1, a = a << 1 ^ (a & 0x80 ? 0x11D : 0))
        if (b & 1) p ^= a;
    return p & 0xFF;
}

/* The generator from its definition: the least common multiple of the minimal polynomials of alpha^1..36. */
static void the_generator_is_the_one_of_the_definition(void) {
    unsigned g[N + 1] = {1}, degree = 0, done[N] = {0}, power[N];
    power[0] = 1;
    for (unsigned i = 1; i < N; i++) power[i] = field_mul(power[i - 1], 2);
    for (unsigned j = 1; j <= 2 * T; j++)
        for (unsigned e = j; !done[e]; e = 2 * e % N) { /* all conjugates are roots */
            done[e] = 1;
            degree++;
            for (unsigned k = degree; k > 0; k--) g[k] = g[k - 1] ^ field_mul(g[k], power[e]);
            g[0] = field_mul(g[0], power[e]);
        }
    CHECK_EQ(degree, N - K);
    /* the codeword of the message 1 is x^124 + (x^124 mod g) = g */
    uint8_t message[17] = {0}, code[N];
    message[16] = 1;
    hkp_ter__bch_encode(message, code);
    for (unsigned i = 0; i < N; i++) CHECK_EQ(code[i], N - 1 - i <= degree ? g[N - 1 - i] : 0);
}

static void random_codeword(uint64_t *rnd, uint8_t code[N]) {
    uint8_t message[17];
    seeded_fill(rnd, message, sizeof message);
    message[0] &= 7;
    hkp_ter__bch_encode(message, code);
}

/* Flips n different bits. */
static void spoil(uint64_t *rnd, uint8_t code[N], unsigned n) {
    uint8_t hit[N] = {0};
    while (n > 0) {
        const unsigned at = (unsigned)(check_random(rnd) % N);
        if (hit[at]) continue;
        hit[at] = 1;
        code[at] ^= 1;
        n--;
    }
}

static void every_single_and_double_error_is_corrected(void) {
    uint64_t rnd = check_seed();
    uint8_t good[N], code[N];
    random_codeword(&rnd, good);
    memcpy(code, good, N);
    CHECK_EQ(hkp_ter__bch_decode(code), 1);
    CHECK_MEM(code, good, N);
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = i; k < N; k += i % 32 == 0 ? 1 : 61) { /* k = i: one error */
            memcpy(code, good, N);
            code[i] ^= 1;
            if (k != i) code[k] ^= 1;
            CHECK_EQ(hkp_ter__bch_decode(code), 1);
            CHECK_MEM(code, good, N);
        }
}

static void up_to_18_errors_are_corrected_wherever_they_are(void) {
    uint64_t rnd = check_seed();
    for (unsigned n = 0; n <= T; n++)
        for (int run = 0; run < 50; run++) {
            uint8_t good[N], code[N];
            random_codeword(&rnd, good);
            memcpy(code, good, N);
            spoil(&rnd, code, n);
            CHECK_EQ(hkp_ter__bch_decode(code), 1);
            CHECK_MEM(code, good, N);
        }
    for (unsigned first = 0; first + T <= N; first++) { /* a burst */
        uint8_t good[N], code[N];
        random_codeword(&rnd, good);
        memcpy(code, good, N);
        for (unsigned i = 0; i < T; i++) code[first + i] ^= 1;
        CHECK_EQ(hkp_ter__bch_decode(code), 1);
        CHECK_MEM(code, good, N);
    }
}

/* Beyond 18 the word is refused and stays as it was. That it lies near another codeword instead is as likely
 * as 2^-32 for random errors; but all ones is a codeword, so 237 errors are 18 beside the complement. */
static void more_than_18_errors_are_refused(void) {
    uint64_t rnd = check_seed();
    for (unsigned n = T + 1; n < N - T; n += n < 24 || n >= 232 ? 1 : 8)
        for (int run = 0; run < 15; run++) {
            uint8_t code[N], before[N];
            random_codeword(&rnd, code);
            spoil(&rnd, code, n);
            memcpy(before, code, N);
            CHECK_EQ(hkp_ter__bch_decode(code), 0);
            CHECK_MEM(code, before, N);
        }
}

/* 37 or more errors may lead to another codeword: the code cannot tell. */
static void a_word_near_another_codeword_becomes_that_one(void) {
    uint64_t rnd = check_seed();
    uint8_t good[N], other[N], code[N];
    random_codeword(&rnd, good);
    do random_codeword(&rnd, other);
    while (memcmp(good, other, N) == 0);
    memcpy(code, other, N);
    spoil(&rnd, code, T);
    CHECK_EQ(hkp_ter__bch_decode(code), 1);
    CHECK_MEM(code, other, N);
    CHECK(memcmp(code, good, N) != 0);
}

/* ---- The extractor ---- */

/* Messages of a vector are numbers of 131 bits in hex. */
static size_t messages_of(json_t *v, uint8_t messages[16 * 17]) {
    json_t *one;
    size_t i;
    json_array_foreach(vec_get(v, "messages"), i, one) {
        char hex[35];
        memset(hex, '0', 34);
        hex[34] = 0;
        const char *text = json_string_value(one);
        memcpy(hex + 34 - strlen(text), text, strlen(text));
        struct vec_bytes bytes = vec_parse_hex(hex);
        memcpy(messages + i * 17, bytes.ptr, 17);
        free(bytes.ptr);
    }
    return i;
}

static void check_readings(json_t *v, const struct vec_bytes *sketch) {
    json_t *one;
    size_t i;
    json_array_foreach(vec_get(v, "readings"), i, one) {
        struct vec_bytes reading = vec_hex(one, "reading"), want = vec_hex(one, "key");
        uint8_t key[32] = {0x77};
        CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch->ptr, sketch->len, reading.ptr, reading.len, NULL, key),
                 status_of(vec_text(one, "expect")));
        if (want.len == 32)
            CHECK_MEM(key, want.ptr, 32);
        else
            CHECK_EQ(key[0], 0x77);
        free(reading.ptr);
        free(want.ptr);
    }
}

/* Eight times the same reading, and the salt and messages of the vector in the order in which they are drawn.
 */
static void check_enrolment(json_t *v, const struct vec_bytes *w) {
    const uint32_t repeat = (uint32_t)vec_u64(v, "r"), blocks = (uint32_t)vec_u64(v, "blocks");
    uint8_t drawn[32 + 16 * 17] = {0}, sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32];
    size_t len = 0;
    struct tape tape = {.ptr = drawn, .left = sizeof drawn};
    struct hkp_rng rng = {.user = &tape, .fill = tape_fill};
    uint8_t *all = malloc(8 * w->len);
    for (int i = 0; i < 8; i++) memcpy(all + (size_t)i * w->len, w->ptr, w->len);
    if (vec_find(v, "salt") != NULL) {
        vec_hex_into(v, "salt", drawn, 32);
        CHECK_EQ(messages_of(v, drawn + 32), blocks);
    }
    const struct hkp_ter_fuzzy_readings readings = {.bytes = all,
                                                    .count = 8,
                                                    .repeat = repeat,
                                                    .blocks = blocks,
                                                    .declared = (uint32_t)vec_u64(v, "declared_q16")};
    CHECK_EQ(hkp_ter_fuzzy_enrol(&readings, &rng, NULL, sketch, sizeof sketch, &len, key),
             status_of(vec_text(v, "expect")));
    if (strcmp(vec_text(v, "expect"), "ok") == 0) {
        struct vec_bytes want = vec_hex(v, "sketch"), want_key = vec_hex(v, "key");
        CHECK_EQ(len, want.len);
        CHECK_MEM(sketch, want.ptr, len);
        CHECK_MEM(key, want_key.ptr, 32);
        check_readings(v, &want);
        free(want.ptr);
        free(want_key.ptr);
    } else {
        CHECK_EQ(len, 0);
        CHECK_EQ(tape.left, sizeof drawn); /* nothing was drawn */
    }
    free(all);
}

static void enrolment_and_reproduction_agree_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "cases"), i, v) {
        int faults = check_faults;
        struct vec_bytes w = vec_hex(v, "w");
        struct hkp_ter_fuzzy_entropy entropy;
        CHECK_EQ(hkp_ter_fuzzy_entropy_of(w.ptr, w.len, (uint32_t)vec_u64(v, "r"),
                                          (uint32_t)vec_u64(v, "blocks"),
                                          (uint32_t)vec_u64(v, "declared_q16"), &entropy),
                 HKP_OK);
        CHECK_EQ(entropy.per_bit, vec_u64(v, "measured_q16"));
        CHECK_EQ(entropy.enough, status_of(vec_text(v, "expect")) == HKP_OK);
        check_enrolment(v, &w);
        CHECK_NOTE(faults, "case %zu", i);
        free(w.ptr);
    }
}

/* A device of tests: a fixed pattern, of which each reading differs in some bits of each block. */
struct device {
    uint64_t rnd;
    uint8_t w[HKP_TER_FUZZY_READING_MAX];
    uint32_t repeat, blocks;
    /** bits of each block that flip in a reading; with repeat 3 single ones of the three */
    uint32_t noise;
};

static void device_make(struct device *d, uint32_t repeat, uint32_t blocks) {
    memset(d, 0, sizeof *d);
    d->rnd = check_seed() + repeat * 100 + blocks;
    d->repeat = repeat;
    d->blocks = blocks;
    const size_t bits = (size_t)N * repeat * blocks;
    seeded_fill(&d->rnd, d->w, (bits + 7) / 8);
    if (bits % 8 != 0) d->w[bits / 8] &= (uint8_t)(0xFF00 >> bits % 8);
}

static int32_t device_read(void *user, uint8_t *dst, size_t n_bits) {
    struct device *d = user;
    memcpy(dst, d->w, (n_bits + 7) / 8);
    for (uint32_t b = 0; b < d->blocks; b++) {
        uint8_t hit[N] = {0};
        for (uint32_t k = 0; k < d->noise;) {
            const size_t i = check_random(&d->rnd) % N;
            if (hit[i]++ != 0) continue;
            const size_t at = ((size_t)b * N + i) * d->repeat + check_random(&d->rnd) % d->repeat;
            dst[at / 8] ^= (uint8_t)(0x80 >> at % 8);
            k++;
        }
    }
    return 0;
}

static struct hkp_ter_fuzzy_source source_of(struct device *d) {
    return (struct hkp_ter_fuzzy_source){
        .user = d, .read = device_read, .name = "test", .declared = HKP_TER_FUZZY_BIT};
}

static hkp_status enrol_device(struct device *d, uint32_t declared, uint8_t *sketch, size_t *len,
                               uint8_t key[32]) {
    uint64_t rnd = check_seed();
    struct hkp_rng rng = {.user = &rnd, .fill = seeded_fill};
    struct hkp_ter_fuzzy_source source = source_of(d);
    source.declared = declared;
    return hkp_ter_fuzzy_source_enrol(&source, d->repeat, d->blocks, &rng, NULL, sketch,
                                      HKP_TER_FUZZY_SKETCH_MAX, len, key);
}

static void a_device_gives_its_key_again_and_no_other_does(void) {
    const struct {
        uint32_t repeat, blocks, enrol_noise, noise;
    } cases[] = {{1, 2, 9, 18}, {1, 16, 5, 18}, {3, 4, 100, 255}, {3, 16, 9, 200}};
    for (size_t c = 0; c < 4; c++) {
        struct device d, other;
        uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32], again[32], reading[HKP_TER_FUZZY_READING_MAX];
        size_t len = 0, size = hkp_ter_fuzzy_reading_size(cases[c].repeat, cases[c].blocks);
        int faults = check_faults;
        device_make(&d, cases[c].repeat, cases[c].blocks);
        d.noise = cases[c].enrol_noise / 2; /* the majority itself may be off by a bit or two */
        CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, sketch, &len, key), HKP_OK);
        CHECK_EQ(len, HKP_TER_FUZZY_HEAD + size);
        d.noise = cases[c].repeat == 1 ? cases[c].noise - 4 : cases[c].noise;
        for (int i = 0; i < 5; i++) {
            device_read(&d, reading, size * 8);
            memset(again, 0, 32);
            CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, reading, size, NULL, again), HKP_OK);
            CHECK_MEM(again, key, 32);
        }
        device_make(&other, cases[c].repeat, cases[c].blocks);
        other.w[0] ^= 0xFF, other.w[5] ^= 0xFF, other.w[9] ^= 0xFF; /* 24 bits in the first block */
        if (cases[c].repeat == 3) memset(other.w, 0x5A, 30);
        CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, other.w, size, NULL, again), HKP_E_TER_FUZZ_DECODE);
        CHECK_NOTE(faults, "repeat %u, blocks %u", cases[c].repeat, cases[c].blocks);
    }
}

/* What success claims: each block was near a codeword. Not that the key is right, which nothing stored says.
 */
static void a_reading_near_other_codewords_gives_another_key(void) {
    struct device d;
    uint64_t rnd = check_seed();
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32], other[32], code[N],
        reading[HKP_TER_FUZZY_READING_MAX] = {0};
    size_t len = 0, size = hkp_ter_fuzzy_reading_size(1, 2);
    device_make(&d, 1, 2);
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, sketch, &len, key), HKP_OK);
    for (unsigned b = 0; b < 2; b++) {
        random_codeword(&rnd, code);
        spoil(&rnd, code, T);
        for (unsigned i = 0; i < N; i++) {
            const unsigned at = b * N + i, masked = sketch[HKP_TER_FUZZY_HEAD + at / 8] >> (7 - at % 8) & 1;
            reading[at / 8] |= (uint8_t)((code[i] ^ masked) << (7 - at % 8));
        }
    }
    CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, reading, size, NULL, other), HKP_OK);
    CHECK(memcmp(other, key, 32) != 0);
}

/* SYN-9.3: no check value. The sketch is the stated fields and w under codewords; nothing of it is the key.
 */
static void a_sketch_holds_no_check_value_of_the_key(void) {
    struct device d;
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32], digest[32];
    size_t len = 0;
    device_make(&d, 1, 4);
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, sketch, &len, key), HKP_OK);
    CHECK_EQ(len, HKP_TER_FUZZY_HEAD + (4 * N + 7) / 8);
    CHECK(memmem(sketch, len, key, 16) == NULL);
    crypto_hash_sha256(digest, key, 32);
    CHECK(memmem(sketch, len, digest, 8) == NULL);
    CHECK_EQ(hkp_be16(sketch + 10), 0);
    /* the rest of a full description: magic, r, B, H */
    CHECK(memcmp(sketch, "NSEFUZZ1\1\4", 10) == 0);
    CHECK(hkp_be32(sketch + 12) <= 4 * N);
    /* and each sketch of one device is drawn anew */
    uint8_t second[HKP_TER_FUZZY_SKETCH_MAX], second_key[32];
    uint64_t rnd = check_seed() + 9;
    struct hkp_rng rng = {.user = &rnd, .fill = seeded_fill};
    struct hkp_ter_fuzzy_source source = source_of(&d);
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 4, &rng, NULL, second, sizeof second, &len, second_key),
             HKP_OK);
    CHECK(memcmp(second, sketch, len) != 0 && memcmp(second_key, key, 32) != 0);
}

static void a_source_without_population_data_is_refused_however_stable(void) {
    struct device d;
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX] = {0x33}, key[32] = {0x44};
    size_t len = 7;
    device_make(&d, 1, 16);
    CHECK_EQ(enrol_device(&d, 0, sketch, &len, key), HKP_E_TER_FUZZ_ENTROPY);
    CHECK_EQ(sketch[0], 0x33);
    CHECK_EQ(key[0], 0x44);
    CHECK_EQ(len, 7);
    /* 16 blocks leak 1984 of 4080 bits: 2112 are needed, so 33925 / 65536 of a bit */
    CHECK_EQ(enrol_device(&d, 33924, sketch, &len, key), HKP_E_TER_FUZZ_ENTROPY);
    CHECK_EQ(enrol_device(&d, 33925, sketch, &len, key), HKP_OK);
}

static void a_noisy_source_is_refused(void) {
    struct device d;
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32];
    size_t len = 7;
    device_make(&d, 1, 4);
    d.noise = 14;
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, sketch, &len, key), HKP_E_TER_FUZZ_UNSTABLE);
    CHECK_EQ(len, 7);
}

/* Nine bits of a block may differ, ten may not; with 3 repeats a lone bit of the three does not count. */
static void the_limit_of_noise_is_nine_bits_of_a_block(void) {
    for (uint32_t repeat = 1; repeat <= 3; repeat += 2)
        for (uint32_t n = 9; n <= 10; n++) {
            struct device d;
            uint64_t rnd = 5;
            struct hkp_rng rng = {.user = &rnd, .fill = seeded_fill};
            uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32], all[8 * HKP_TER_FUZZY_READING_MAX];
            const size_t size = hkp_ter_fuzzy_reading_size(repeat, 4);
            size_t len;
            device_make(&d, repeat, 4);
            for (int i = 0; i < 8; i++) memcpy(all + (size_t)i * size, d.w, size);
            for (uint32_t i = 0; i < n; i++) /* the last block of the last reading */
                for (uint32_t k = 0; k < (repeat + 1) / 2; k++) {
                    const size_t at = (3 * (size_t)N + i * 20) * repeat + k;
                    all[7 * size + at / 8] ^= (uint8_t)(0x80 >> at % 8);
                }
            const struct hkp_ter_fuzzy_readings r = {
                .bytes = all, .count = 8, .repeat = repeat, .blocks = 4, .declared = HKP_TER_FUZZY_BIT};
            CHECK_EQ(hkp_ter_fuzzy_enrol(&r, &rng, NULL, sketch, sizeof sketch, &len, key),
                     n == 9 ? HKP_OK : HKP_E_TER_FUZZ_UNSTABLE);
        }
}

/* ---- Sketches of others, and what can fail ---- */

static void a_sketch_is_checked_in_the_order_of_the_text(void) {
    struct device d;
    uint8_t good[HKP_TER_FUZZY_SKETCH_MAX], s[HKP_TER_FUZZY_SKETCH_MAX + 1], key[32] = {0x55};
    size_t len = 0, size = hkp_ter_fuzzy_reading_size(1, 3);
    device_make(&d, 1, 3);
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, good, &len, key), HKP_OK);
    memset(key, 0x55, 32);
    const struct {
        size_t at, len, reading_len;
        uint8_t value;
        hkp_status st;
    } cases[] = {
        {0, 0, size, 'N', HKP_E_TER_FUZZ_MAGIC},
        {7, len, size, '2', HKP_E_TER_FUZZ_MAGIC},
        {7, 7, size, '1', HKP_E_TER_FUZZ_MAGIC},
        {7, 47, size, '1', HKP_E_TER_FUZZ_LENGTH},
        {8, len, size, 2, HKP_E_TER_FUZZ_RESERVED},
        {8, len, size, 0, HKP_E_TER_FUZZ_RESERVED},
        {9, len, size, 0, HKP_E_TER_FUZZ_RESERVED},
        {9, len, size, 17, HKP_E_TER_FUZZ_RESERVED},
        {10, len, size, 1, HKP_E_TER_FUZZ_RESERVED},
        {11, len - 1, size, 1, HKP_E_TER_FUZZ_RESERVED},
        {8, len, size, 3, HKP_E_TER_FUZZ_LENGTH},
        {9, len, size, 4, HKP_E_TER_FUZZ_LENGTH},
        {8, len - 1, size, 1, HKP_E_TER_FUZZ_LENGTH},
        {8, len + 1, size, 1, HKP_E_TER_FUZZ_LENGTH},
        {8, len, size - 1, 1, HKP_E_TER_FUZZ_LENGTH},
        {8, len, size + 1, 1, HKP_E_TER_FUZZ_LENGTH},
        {len - 1, len, size, (uint8_t)(good[len - 1] | 4), HKP_E_TER_FUZZ_RESERVED},
        {8, len, size, 1, HKP_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int faults = check_faults;
        memcpy(s, good, len);
        s[cases[i].at] = cases[i].value;
        CHECK_EQ(hkp_ter_fuzzy_reproduce(s, cases[i].len, d.w, cases[i].reading_len, NULL, key), cases[i].st);
        if (cases[i].st != HKP_OK) CHECK_EQ(key[0], 0x55);
        CHECK_NOTE(faults, "case %zu", i);
    }
    memset(key, 0x55, 32);
    d.w[size - 1] |= 1;
    CHECK_EQ(hkp_ter_fuzzy_reproduce(good, len, d.w, size, NULL, key), HKP_E_TER_FUZZ_RESERVED);
    CHECK_EQ(key[0], 0x55);
}

/* Whoever alters a sketch gets another key, never the same: its digest goes into the key. */
static void an_altered_sketch_gives_no_or_another_key(void) {
    struct device d;
    uint8_t good[HKP_TER_FUZZY_SKETCH_MAX], key[32], other[32];
    size_t len = 0, size = hkp_ter_fuzzy_reading_size(1, 2), gave = 0;
    device_make(&d, 1, 2);
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, good, &len, key), HKP_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        good[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hkp_ter_fuzzy_reproduce(good, len, d.w, size, NULL, other) == HKP_OK) {
            CHECK(memcmp(other, key, 32) != 0);
            gave++;
        }
        good[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(gave > 0);
}

static int32_t broken_read(void *user, uint8_t *dst, size_t n_bits) {
    (void)user;
    (void)dst;
    (void)n_bits;
    return -1;
}

static int32_t unclean_read(void *user, uint8_t *dst, size_t n_bits) {
    device_read(user, dst, n_bits);
    dst[n_bits / 8] |= 1;
    return 0;
}

static void failures_of_others_leave_everything_as_it_was(void) {
    struct failing f = {.left = 0};
    const struct hkp_mem mem = failing_mem(&f);
    struct device d;
    uint8_t drawn[40] = {0}, sketch[HKP_TER_FUZZY_SKETCH_MAX] = {0x33}, key[32] = {0x44};
    struct tape tape = {.ptr = drawn, .left = 0};
    struct hkp_rng rng = {.user = &tape, .fill = tape_fill};
    struct hkp_ter_fuzzy_source source;
    size_t len = 7;
    device_make(&d, 1, 3);
    source = source_of(&d);
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_NOMEM);
    f.left = -1;
    for (tape.left = 0; tape.left <= 40; tape.left += 32) {
        const size_t before = tape.left;
        CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
                 HKP_E_CALLBACK);
        tape.left = before;
    }
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, 143, &len, key), HKP_E_NOSPC);
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 2, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_INVAL);
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 17, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_INVAL);
    source.declared = HKP_TER_FUZZY_BIT + 1;
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_INVAL);
    source.declared = HKP_TER_FUZZY_BIT;
    source.read = unclean_read;
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_TER_FUZZ_RESERVED);
    source.read = broken_read;
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 3, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_CALLBACK);
    CHECK_EQ(f.live, 0);
    CHECK_EQ(sketch[0], 0x33);
    CHECK_EQ(key[0], 0x44);
    CHECK_EQ(len, 7);
    struct hkp_ter_fuzzy_readings r = {.bytes = d.w, .count = 7, .repeat = 1, .blocks = 3};
    CHECK_EQ(hkp_ter_fuzzy_enrol(&r, &rng, &mem, sketch, sizeof sketch, &len, key), HKP_E_INVAL);
    f.left = 0;
    CHECK_EQ(enrol_device(&d, HKP_TER_FUZZY_BIT, sketch, &len, key), HKP_OK);
    memset(key, 0x44, 32);
    CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, d.w, hkp_ter_fuzzy_reading_size(1, 3), &mem, key),
             HKP_E_NOMEM);
    CHECK_EQ(key[31], 0x44);
}

/* ---- Secrets ---- */

/* An allocator that looks at what is given back. */
static struct {
    uint8_t room[65536];
    int dirty, calls;
} looked;

static void *looked_alloc(void *user, size_t size) {
    (void)user;
    return size <= sizeof looked.room ? looked.room : NULL;
}

static void looked_free(void *user, void *ptr, size_t size) {
    (void)user;
    looked.calls++;
    looked.dirty |= !hkp_is_zero(ptr, size);
}

static void what_was_secret_is_wiped_before_it_is_given_back(void) {
    const struct hkp_mem mem = {.alloc = looked_alloc, .free = looked_free};
    uint64_t rnd = check_seed();
    struct hkp_rng rng = {.user = &rnd, .fill = seeded_fill};
    struct device d;
    struct hkp_ter_fuzzy_source source;
    uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32];
    size_t len;
    device_make(&d, 1, 2);
    source = source_of(&d);
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 2, &rng, &mem, sketch, sizeof sketch, &len, key), HKP_OK);
    CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, d.w, 64, &mem, key), HKP_OK);
    d.w[3] ^= 0xFF, d.w[7] ^= 0xFF, d.w[9] ^= 0xFF;
    CHECK_EQ(hkp_ter_fuzzy_reproduce(sketch, len, d.w, 64, &mem, key), HKP_E_TER_FUZZ_DECODE);
    source.declared = 0;
    CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 2, &rng, &mem, sketch, sizeof sketch, &len, key),
             HKP_E_TER_FUZZ_ENTROPY);
    CHECK_EQ(looked.calls, 4);
    CHECK_EQ(looked.dirty, 0);
}

int main(void) {
    file = vec_load("synapse/fuzzy.json");
    CASE(the_logarithm_agrees_with_the_vectors);
    CASE(the_generator_is_the_one_of_the_definition);
    CASE(every_single_and_double_error_is_corrected);
    CASE(up_to_18_errors_are_corrected_wherever_they_are);
    CASE(more_than_18_errors_are_refused);
    CASE(a_word_near_another_codeword_becomes_that_one);
    CASE(enrolment_and_reproduction_agree_with_the_vectors);
    CASE(a_device_gives_its_key_again_and_no_other_does);
    CASE(a_reading_near_other_codewords_gives_another_key);
    CASE(a_sketch_holds_no_check_value_of_the_key);
    CASE(a_source_without_population_data_is_refused_however_stable);
    CASE(a_noisy_source_is_refused);
    CASE(the_limit_of_noise_is_nine_bits_of_a_block);
    CASE(a_sketch_is_checked_in_the_order_of_the_text);
    CASE(an_altered_sketch_gives_no_or_another_key);
    CASE(failures_of_others_leave_everything_as_it_was);
    CASE(what_was_secret_is_wiped_before_it_is_given_back);
    return check_done();
}
