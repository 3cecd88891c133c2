/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Secret independence (NZ1 15): run under valgrind memcheck with c, w, r and kick undefined, evolve, forward,
 * fingerprint and PoSF must give no error; a comparison that stops early must. One argument: the thing to
 * run.
 */
#include "libneuro/state.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

/* The negative control: a branch on a secret. */
static __attribute__((noinline)) int leaks(const uint8_t *a, const uint8_t *b, size_t len) {
    for (size_t i = 0; i < len; i++) {
        __asm__ volatile("" ::: "memory");
        if (a[i] != b[i]) return 0;
    }
    return 1;
}

static void poison(hkp_neuro_state *s) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(s->c, sizeof s->c);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(s->w, sizeof s->w);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(s->r, sizeof s->r);
}

static void run(hkp_neuro_state *s, const char *what) {
    uint8_t ter[64] = {9}, f[64] = {0}, tag[32], hash[32] = {1}, nonce[8] = {2}, other[64] = {0};
    hkp_put_le64(ter + 52, 1700000000000000U);
    poison(s);
    if (strcmp(what, "evolve") == 0)
        for (int i = 0; i < 3; i++) {
            hkp_put_le64(ter + 52, 1700000000000000U + (uint64_t)i * 1000000);
            if (hkp_neuro_state_evolve(s, ter) != HKP_OK) printf("evolve failed\n");
        }
    if (strcmp(what, "fingerprint") == 0) hkp_neuro_state_fingerprint(s, f);
    if (strcmp(what, "posf") == 0) {
        (void)VALGRIND_MAKE_MEM_UNDEFINED(f, sizeof f);
        hkp_neuro_state_posf(s, f, HKP_NEURO_ROLE_E, hash, nonce, tag);
    }
    if (strcmp(what, "leak") == 0 && leaks(s->c, other, 64)) printf("equal\n");
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    hkp_neuro_state *s = NULL;
    uint8_t seed[32] = {1}, id[16] = {2}, h_ref[20] = {3};
    if (sodium_init() < 0) return 2;
    if (hkp_neuro_state_new(&s, NULL, (uint32_t)(argv[1][0] - '0')) == HKP_E_UNSUPPORTED) return 77;
    hkp_neuro_state_enrol(s, seed, id, h_ref);
    run(s, argv[2]);
    hkp_neuro_state_free(s);
    return 0;
}
