/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * EXPERIMENT: these ciphers are broken by the attacks in "hookprobe lab attack". Do not protect anything with
 * them. Inside of the lab: arch.c architectures and activations; nc1.c the coupling network; nc0.c,
 * nc0_train.c, nc0_file.c the trained pair; keys.c rotation and shared keys; party.c their messages;
 * average.c training by many; layer.c NC1 below the hybrid's AEAD; attack*.c what breaks them. Beside them,
 * of the bridge: names.c, matcher.c which names mean the same; embed.c records that are alike.
 */
#ifndef HKP_LIBNEURO_LAB_LAB_H
#define HKP_LIBNEURO_LAB_LAB_H

#include "libneuro/fixed.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

/* Loops over 64-bit products of 32-bit words: the compiler makes them for a vector unit, too, chosen at load.
 */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define LAB_VECTOR __attribute__((target_clones("avx2", "default")))
#else
#define LAB_VECTOR
#endif

enum { NC0_LAYERS_MAX = 12, NC0_BITS = 128, NC0_HEADER = 60 };

/** HMAC-SHA-256 of a label with its final zero. */
void hkp_neuro_lab__hmac(const uint8_t key[32], const char *label, uint8_t out[32]);
/** ChaCha20(k, n) of LAB-1.2. */
void hkp_neuro_lab__stream(const uint8_t key[32], uint64_t nonce, uint8_t *out, size_t len);

/** One layer of a trained network: c x a weights in Q24, then c biases. */
struct nc0_layer {
    uint32_t a, c, act;
    /** HKP_NEURO_LAB_*, or LINEAR for the last; SIGNS: the code of form 2 */
    int32_t *w, *b;
    int64_t *m, *mb;
};
enum { NC0_LINEAR = 3, NC0_SIGNS = 4 };

struct hkp_neuro_lab_nc0 {
    struct hkp_mem mem;
    size_t size;
    struct hkp_neuro_lab_arch arch;
    uint32_t form, steps, done, lr, batch, n_layers, n_encoder;
    uint8_t key[32];
    /** weights and biases of all layers, in order; momenta likewise */
    uint64_t params;
    int32_t *weights;
    int64_t *momenta;
    struct nc0_layer layers[NC0_LAYERS_MAX];
};

/** Layers from first to before last: values x of the first go in, the last one's come out; 512 words each. */
void hkp_neuro_lab__nc0_pass(const hkp_neuro_lab_nc0 *n, uint32_t first, uint32_t last, const int32_t *x,
                             int32_t *out);
void hkp_neuro_lab__nc0_layer(const struct nc0_layer *l, const int32_t *x, int32_t *z, int32_t *out);
/** The derivative of an activation, Q15 (LAB-2.3); that of the signs is tanh's. */
int64_t hkp_neuro_lab__slope(uint32_t act, int32_t z);
/** 128 bits, most significant first, as words of +-size. */
void hkp_neuro_lab__bits(const uint8_t block[16], int32_t size, int32_t *x);
/** Options are checked; weights and biases of the pair that they make. */
uint64_t hkp_neuro_lab__nc0_params(const struct hkp_neuro_lab_nc0_options *o);
hkp_status hkp_neuro_lab__nc0_make(hkp_neuro_lab_nc0 **out, const struct hkp_neuro_lab_nc0_options *o);
hkp_status hkp_neuro_lab__nc0_check(struct hkp_neuro_lab_nc0_options *o);
/** Train with the blocks of this key; as hkp_neuro_lab_nc0_train(). */
hkp_status hkp_neuro_lab__nc0_run(hkp_neuro_lab_nc0 *n, const uint8_t data_key[32], uint32_t max_steps,
                                  hkp_neuro_lab_progress progress, void *user);

#endif
