/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: what a state is, and the intermediate values of a step for those who must see them (tests). */
#ifndef HKP_LIBNEURO_STATE_H
#define HKP_LIBNEURO_STATE_H

#include "libneuro/kernel.h"

#include <hookprobe/neuro.h>

/* Layers and flat indexes (NZ1 6). */
enum {
    HKP_NEURO__IN = 64,
    HKP_NEURO__H1 = 128,
    HKP_NEURO__H2 = 64,
    HKP_NEURO__OUT = 32,
    HKP_NEURO__W1 = 0,
    HKP_NEURO__B1 = 8192,
    HKP_NEURO__W2 = 8320,
    HKP_NEURO__B2 = 16512,
    HKP_NEURO__W3 = 16576,
    HKP_NEURO__B3 = 18624,
    HKP_NEURO__N = 18656,
    /** weights without biases */
    HKP_NEURO__NW = 18432
};

struct hkp_neuro_state {
    struct hkp_mem mem;
    const struct hkp_neuro__kernel *kernel;
    uint64_t step;
    uint64_t last_us;
    uint32_t policy_ver;
    uint8_t h_ref[20];
    /* from here on secret */
    uint8_t c[64];
    int32_t w[HKP_NEURO__N];
    uint16_t r[HKP_NEURO__N];
};

/** What the forward pass gives (NZ1 7.3). */
struct hkp_neuro__forward_secret {
    int32_t x[HKP_NEURO__IN];
    int32_t z1[HKP_NEURO__H1], a1[HKP_NEURO__H1];
    int32_t z2[HKP_NEURO__H2], a2[HKP_NEURO__H2];
    int32_t z3[HKP_NEURO__OUT], y[HKP_NEURO__OUT];
};

/** Scalars of a step (NZ1 10.3); they depend on the TER and h_ref only. */
struct hkp_neuro__scalars {
    int64_t e31, amp;
    int32_t e12, sigma, cs, eta, k[3];
};

/** Deltas and clamped steps per unit (NZ1 10.4, 10.5). */
struct hkp_neuro__back_secret {
    int32_t d1[HKP_NEURO__H1], d2[HKP_NEURO__H2], d3[HKP_NEURO__OUT];
    int32_t s1[HKP_NEURO__H1], s2[HKP_NEURO__H2], s3[HKP_NEURO__OUT];
};

uint32_t hkp_neuro__sigma(const uint8_t h_integrity[20], const uint8_t h_ref[20]);
void hkp_neuro__forward(const hkp_neuro_state *state, const uint8_t in[64],
                        struct hkp_neuro__forward_secret *f);
void hkp_neuro__scalars_of(const hkp_neuro_state *state, const uint8_t ter[64],
                           struct hkp_neuro__scalars *sc);
void hkp_neuro__backward(const hkp_neuro_state *state, const uint8_t ter[64],
                         const struct hkp_neuro__scalars *sc, const struct hkp_neuro__forward_secret *f,
                         struct hkp_neuro__back_secret *b);
/** hkp_neuro_state_evolve() that also tells L_base of this TER, which its forward pass gives (NZ1 9); NULL:
 * not. */
hkp_status hkp_neuro__evolve(hkp_neuro_state *state, const uint8_t ter[64], uint64_t *base);
/** Kick bytes of the ratchet c (after its step). */
void hkp_neuro__kick(const uint8_t c[64], uint8_t kick[HKP_NEURO__N]);
/** HMAC-SHA-512 with key[64] over two parts; out may be the key. */
void hkp_neuro__hmac(const uint8_t key[64], const void *label, size_t label_len, const void *data, size_t len,
                     uint8_t out[64]);
/** The step of NZ1 11 itself, for one whose checks were made. */
void hkp_neuro__rebase_apply(hkp_neuro_state *state, const uint8_t h_ref[20], uint32_t policy_ver);
/** The two checks of NZ1 11 about a state. */
hkp_status hkp_neuro__rba_fits(const struct hkp_neuro_rba *rba, uint32_t policy_ver, uint64_t last_us);

#endif
