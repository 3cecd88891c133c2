/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Secret independence of the fuzzy extractor (SYN-9.4): run under valgrind memcheck with reading, w, messages
 * and errors undefined; a comparison that stops early must be found. One argument: the thing to
 * run, or all.
 */
#include "libter/fuzzy.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

enum { REPEAT = 3, BLOCKS = 2 };

static uint8_t w[HKP_TER_FUZZY_READING_MAX], messages[BLOCKS * 17], sketch[HKP_TER_FUZZY_SKETCH_MAX];
static uint8_t again[HKP_TER_FUZZY_READING_MAX], code[HKP_TER__BCH_N], key[32];
static const uint8_t salt[32] = {1};

/* The negative control: a branch on a secret. */
static __attribute__((noinline)) int leaks(const uint8_t *a, const uint8_t *b, size_t len) {
    for (size_t i = 0; i < len; i++) {
        __asm__ volatile("" ::: "memory");
        if (a[i] != b[i]) return 0;
    }
    return 1;
}

static void hide(void *bytes, size_t len) { (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, len); }

/* "all" is each of them but the control. */
static int is(const char *what, const char *name) {
    return strcmp(what, name) == 0 || (strcmp(what, "all") == 0 && strcmp(name, "leak") != 0);
}

static void run(const char *what, size_t size) {
    if (is(what, "encode")) {
        hide(messages, sizeof messages);
        hkp_ter__bch_encode(messages, code);
    }
    if (is(what, "decode")) {
        hkp_ter__bch_encode(messages, code);
        for (int i = 0; i < 7; i++) code[i * 30] ^= 1;
        hide(code, sizeof code);
        (void)hkp_ter__bch_decode(code);
    }
    if (is(what, "make")) {
        hide(w, size);
        hide(messages, sizeof messages);
        (void)hkp_ter__fuzzy_make(w, REPEAT, BLOCKS, 1000, salt, messages, sketch);
    }
    if (is(what, "recover")) {
        (void)hkp_ter__fuzzy_make(w, REPEAT, BLOCKS, 1000, salt, messages, sketch);
        w[3] ^= 0xFF;
        hide(w, size);
        (void)hkp_ter__fuzzy_recover(sketch, w, REPEAT, BLOCKS, again);
    }
    if (is(what, "key")) {
        hide(w, size);
        hkp_ter__fuzzy_key(w, size, sketch, sizeof sketch, key);
    }
    if (is(what, "leak")) {
        hide(w, size);
        if (leaks(w, again, 32)) printf("equal\n");
    }
}

int main(int argc, char **argv) {
    if (argc != 2 || sodium_init() < 0) return 2;
    const size_t size = hkp_ter_fuzzy_reading_size(REPEAT, BLOCKS);
    for (size_t i = 0; i < size; i++) w[i] = (uint8_t)(i * 29 + 7);
    w[size - 1] = 0;
    for (size_t i = 0; i < sizeof messages; i++) messages[i] = (uint8_t)(i % 17 == 0 ? 5 : i * 91);
    run(argv[1], size);
    return 0;
}
