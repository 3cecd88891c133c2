/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The test framework: TAP on standard output, one function per behaviour, its name is the sentence.
 *
 *     static void crc_of_the_check_string(void) { CHECK_EQ(hkp_ter_crc16("123456789", 9), 0x29B1); }
 *     int main(void) { CASE(crc_of_the_check_string); return check_done(); }
 *
 * A failed check is told with file and line and the case goes on, so that one run shows all faults.
 * Random tests take their seed from check_seed(), the same in every run unless HKP_SEED=<n> gives another:
 * a failure is then of the change that shows it. ./run soak tries fresh seeds.
 */
#ifndef HKP_TESTS_CHECK_H
#define HKP_TESTS_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int check_cases, check_failed_cases, check_faults;

#define CHECK(cond)                                                                                          \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                              \
            check_faults++;                                                                                  \
        }                                                                                                    \
    } while (0)

#define CHECK_EQ(a, b)                                                                                       \
    do {                                                                                                     \
        long long check_a = (long long)(a), check_b = (long long)(b);                                        \
        if (check_a != check_b) {                                                                            \
            printf("# %s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, check_a, #b,         \
                   check_b);                                                                                 \
            check_faults++;                                                                                  \
        }                                                                                                    \
    } while (0)

#define CHECK_MEM(a, b, len) check_mem(__FILE__, __LINE__, #a, (a), (b), (len))

static inline void check_mem(const char *file, int line, const char *what, const void *a, const void *b,
                             size_t len) {
    if (len == 0 || memcmp(a, b, len) == 0) return;
    const uint8_t *pa = (const uint8_t *)a, *pb = (const uint8_t *)b;
    size_t at = 0;
    while (pa[at] == pb[at]) at++;
    printf("# %s:%d: %s differs at byte %zu of %zu: %02x, expected %02x\n", file, line, what, at, len, pa[at],
           pb[at]);
    check_faults++;
}

/** Names the vector that the following checks are about, when one of them fails. */
#define CHECK_NOTE(before, ...)                                                                              \
    do {                                                                                                     \
        if (check_faults != (before)) {                                                                      \
            printf("#   in: " __VA_ARGS__);                                                                  \
            printf("\n");                                                                                    \
        }                                                                                                    \
    } while (0)

#define CASE(fn) check_case(#fn, fn)

static inline void check_case(const char *name, void (*fn)(void)) {
    int before = check_faults;
    fn();
    check_cases++;
    if (check_faults != before) check_failed_cases++;
    printf("%s %d - %s\n", check_faults == before ? "ok" : "not ok", check_cases, name);
    fflush(stdout);
}

/** A case that this build cannot show: told as skipped, with what it needs. */
#define CASE_IF(have, needs, fn)                                                                             \
    do {                                                                                                     \
        if (have)                                                                                            \
            CASE(fn);                                                                                        \
        else                                                                                                 \
            printf("ok %d - %s # SKIP needs %s\n", ++check_cases, #fn, needs);                               \
    } while (0)

static inline int check_done(void) {
    printf("1..%d\n", check_cases);
    return check_failed_cases == 0 ? 0 : 1;
}

/** Seed of this run, printed once; HKP_SEED repeats it. */
static inline uint64_t check_seed(void) {
    static uint64_t seed;
    if (seed == 0) {
        const char *given = getenv("HKP_SEED");
        seed = given != NULL ? strtoull(given, NULL, 0) : 1;
        if (seed == 0) seed = 1;
        printf("# seed: HKP_SEED=%" PRIu64 "\n", seed);
    }
    return seed;
}

/** splitmix64: the pseudo-random numbers of tests and of the simulator; never of keys. */
static inline uint64_t check_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

#endif
