/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One step of a state (NZ1 10), its loss (NZ1 9), and the proofs that run its network (NZ1 13.1, 13.4). */
#include "libneuro/fixed.h"
#include "libneuro/state.h"
#include "libter/bytes.h"

#include <sodium.h>

/* Offsets in a TER (NZ1 1). */
enum { TER_INTEGRITY = 32, TER_TIME = 52 };

static void layer(const hkp_neuro_state *state, int w_at, int b_at, const int32_t *v, int n_in, int n_out,
                  int32_t *z) {
    const int32_t zero = hkp_neuro__zero();
    int64_t sum[HKP_NEURO__H1];
    state->kernel->rows(state->w + w_at, v, n_out, n_in, sum);
    for (int i = 0; i < n_out; i++)
        z[i] = hkp_neuro__sat32(state->w[b_at + i] + hkp_neuro__rsr(sum[i], 15), zero);
    sodium_memzero(sum, sizeof sum);
}

void hkp_neuro__forward(const hkp_neuro_state *state, const uint8_t in[64],
                        struct hkp_neuro__forward_secret *f) {
    const int32_t zero = hkp_neuro__zero();
    for (int j = 0; j < HKP_NEURO__IN; j++) f->x[j] = (2 * (int32_t)in[j] - 255) * 128;
    layer(state, HKP_NEURO__W1, HKP_NEURO__B1, f->x, HKP_NEURO__IN, HKP_NEURO__H1, f->z1);
    for (int i = 0; i < HKP_NEURO__H1; i++) f->a1[i] = hkp_neuro__qt(f->z1[i], zero);
    layer(state, HKP_NEURO__W2, HKP_NEURO__B2, f->a1, HKP_NEURO__H1, HKP_NEURO__H2, f->z2);
    for (int i = 0; i < HKP_NEURO__H2; i++) f->a2[i] = hkp_neuro__qt(f->z2[i], zero);
    layer(state, HKP_NEURO__W3, HKP_NEURO__B3, f->a2, HKP_NEURO__H2, HKP_NEURO__OUT, f->z3);
    for (int i = 0; i < HKP_NEURO__OUT; i++) f->y[i] = 32768 + hkp_neuro__qt(f->z3[i] >> 1, zero);
}

uint32_t hkp_neuro__sigma(const uint8_t h_integrity[20], const uint8_t h_ref[20]) {
    if (memcmp(h_integrity, h_ref, 20) == 0) return 0;
    const uint32_t sigma = (hkp_le32(h_integrity) ^ hkp_le32(h_ref)) >> 16;
    return sigma < HKP_NEURO__SIG_FLOOR ? HKP_NEURO__SIG_FLOOR : sigma;
}

void hkp_neuro__scalars_of(const hkp_neuro_state *state, const uint8_t ter[64],
                           struct hkp_neuro__scalars *sc) {
    static const int64_t bound[3] = {11585, 11585, 16384};
    const uint64_t ts = hkp_le64(ter + TER_TIME);
    sc->e31 = hkp_neuro__exp31(state->step > 0 ? ts - state->last_us : 0);
    sc->e12 = (int32_t)((sc->e31 + (1 << 18)) >> 19);
    sc->sigma = (int32_t)hkp_neuro__sigma(ter + TER_INTEGRITY, state->h_ref);
    sc->cs = HKP_NEURO__C_INT * sc->sigma;
    sc->eta = (int32_t)((HKP_NEURO__ETA_Q28 * sc->e31) >> 31);
    sc->amp = ((65536 + (int64_t)sc->cs) * sc->e31) >> 31;
    for (int l = 0; l < 3; l++) sc->k[l] = (int32_t)((bound[l] * 2 * sc->amp) >> 16);
}

/* Targets of the two parts of the loss, Q16 (NZ1 9). */
static int32_t target_base(const uint8_t ter[64], int k) {
    return (2 * (int32_t)ter[TER_INTEGRITY + k % 20] + 1) * 128;
}
static int32_t target_integrity(const hkp_neuro_state *state, int k) {
    return 65536 - (2 * (int32_t)state->h_ref[k % 20] + 1) * 128;
}

/* d of a hidden layer from the sums over the layer above (NZ1 10.4). */
static void hidden_deltas(const hkp_neuro_state *state, int w_at, const int32_t *above, int n_out, int n_in,
                          const int32_t *z, int32_t *d) {
    const int32_t zero = hkp_neuro__zero();
    int64_t sum[HKP_NEURO__H1];
    state->kernel->columns(state->w + w_at, above, n_out, n_in, sum);
    for (int j = 0; j < n_in; j++)
        d[j] = hkp_neuro__sat32((hkp_neuro__rsr(sum[j], 16) * hkp_neuro__qtd(z[j], zero)) >> 15, zero);
    sodium_memzero(sum, sizeof sum);
}

static void steps_of(const int32_t *d, int n, int32_t eta, int32_t *s) {
    const int32_t zero = hkp_neuro__zero();
    for (int i = 0; i < n; i++)
        s[i] = (int32_t)hkp_neuro__clamp64(hkp_neuro__sat32(((int64_t)eta * d[i]) >> 16, zero), -65535, 65535,
                                           zero);
}

void hkp_neuro__backward(const hkp_neuro_state *state, const uint8_t ter[64],
                         const struct hkp_neuro__scalars *sc, const struct hkp_neuro__forward_secret *f,
                         struct hkp_neuro__back_secret *b) {
    const int32_t zero = hkp_neuro__zero();
    for (int k = 0; k < HKP_NEURO__OUT; k++) {
        const int64_t er = f->y[k] - target_base(ter, k);
        const int64_t g = er + (((int64_t)sc->cs * (f->y[k] - target_integrity(state, k))) >> 16);
        b->d3[k] = hkp_neuro__sat32((g * hkp_neuro__qtd(f->z3[k] >> 1, zero)) >> 17, zero);
    }
    hidden_deltas(state, HKP_NEURO__W3, b->d3, HKP_NEURO__OUT, HKP_NEURO__H2, f->z2, b->d2);
    hidden_deltas(state, HKP_NEURO__W2, b->d2, HKP_NEURO__H2, HKP_NEURO__H1, f->z1, b->d1);
    steps_of(b->d1, HKP_NEURO__H1, sc->eta, b->s1);
    steps_of(b->d2, HKP_NEURO__H2, sc->eta, b->s2);
    steps_of(b->d3, HKP_NEURO__OUT, sc->eta, b->s3);
}

void hkp_neuro__kick(const uint8_t c[64], uint8_t kick[HKP_NEURO__N]) {
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES] = {0};
    uint8_t key[64];
    hkp_neuro__hmac(c, "NZ1 kick", 9, NULL, 0, key);
    crypto_stream_chacha20_ietf(kick, HKP_NEURO__N, nonce, key);
    sodium_memzero(key, sizeof key);
}

static void update_layer(hkp_neuro_state *state, int w_at, int b_at, int n_in, int n_out, const int32_t *s,
                         const int32_t *v, struct hkp_neuro__row row, const uint8_t *kick) {
    const int32_t zero = hkp_neuro__zero();
    for (int i = 0; i < n_out; i++) {
        const int f = w_at + i * n_in;
        row.s = s[i];
        state->kernel->update(state->w + f, state->r + f, kick + f, v, n_in, &row);
        hkp_neuro__weight_step(&state->w[b_at + i], &state->r[b_at + i], kick[b_at + i], 32767, &row, zero);
    }
}

/* L_base of a TER over a forward pass of it, Q32 (NZ1 9). */
static uint64_t loss_base(const struct hkp_neuro__forward_secret *f, const uint8_t ter[64]) {
    uint64_t sum = 0;
    for (int k = 0; k < HKP_NEURO__OUT; k++) {
        const int64_t er = f->y[k] - target_base(ter, k);
        sum += (uint64_t)(er * er);
    }
    return sum >> 1;
}

hkp_status hkp_neuro_state_evolve(hkp_neuro_state *state, const uint8_t ter[64]) {
    return hkp_neuro__evolve(state, ter, NULL);
}

hkp_status hkp_neuro__evolve(hkp_neuro_state *state, const uint8_t ter[64], uint64_t *base) {
    const uint64_t ts = hkp_le64(ter + TER_TIME);
    if (state->step > 0 && ts <= state->last_us) return HKP_E_NEURO_TIME;
    if (state->step == INT64_MAX) return HKP_E_NEURO_STEP;

    uint8_t kick[HKP_NEURO__N];
    struct hkp_neuro__scalars sc;
    struct hkp_neuro__forward_secret f;
    struct hkp_neuro__back_secret b;
    hkp_neuro__hmac(state->c, "NZ1 step", 9, ter, 64, state->c);
    hkp_neuro__kick(state->c, kick);
    hkp_neuro__scalars_of(state, ter, &sc);
    hkp_neuro__forward(state, ter, &f);
    if (base != NULL) *base = loss_base(&f, ter);
    hkp_neuro__backward(state, ter, &sc, &f, &b);
    const struct hkp_neuro__row row[3] = {{0, sc.k[0], sc.e12}, {0, sc.k[1], sc.e12}, {0, sc.k[2], sc.e12}};
    update_layer(state, HKP_NEURO__W1, HKP_NEURO__B1, HKP_NEURO__IN, HKP_NEURO__H1, b.s1, f.x, row[0], kick);
    update_layer(state, HKP_NEURO__W2, HKP_NEURO__B2, HKP_NEURO__H1, HKP_NEURO__H2, b.s2, f.a1, row[1], kick);
    update_layer(state, HKP_NEURO__W3, HKP_NEURO__B3, HKP_NEURO__H2, HKP_NEURO__OUT, b.s3, f.a2, row[2],
                 kick);
    state->step++;
    state->last_us = ts;
    sodium_memzero(kick, sizeof kick);
    sodium_memzero(&f, sizeof f);
    sodium_memzero(&b, sizeof b);
    return HKP_OK;
}

void hkp_neuro_state_loss(const hkp_neuro_state *state, const uint8_t ter[64], uint64_t *loss,
                          uint64_t *base) {
    struct hkp_neuro__forward_secret f;
    hkp_neuro__forward(state, ter, &f);
    *base = loss_base(&f, ter);
    *loss = *base + ((uint64_t)HKP_NEURO__C_INT * hkp_neuro__sigma(ter + TER_INTEGRITY, state->h_ref) << 16);
    sodium_memzero(&f, sizeof f);
}

void hkp_neuro_state_posf(const hkp_neuro_state *state, const uint8_t f[64], uint8_t role,
                          const uint8_t msg_hash[32], const uint8_t nonce[8], uint8_t tag[32]) {
    struct hkp_neuro__forward_secret pass;
    uint8_t message[64 + 4 * HKP_NEURO__OUT] = {0}, key[64], full[64];
    memcpy(message, msg_hash, 32);
    memcpy(message + 32, nonce, 8);
    message[40] = role;
    hkp_neuro__forward(state, message, &pass);
    for (size_t i = 0; i < HKP_NEURO__OUT; i++) hkp_put_le32(message + 64 + 4 * i, (uint32_t)pass.z3[i]);
    hkp_neuro__hmac(state->c, "NZ1 posf", 9, f, 64, key);
    hkp_neuro__hmac(key, message, sizeof message, NULL, 0, full);
    memcpy(tag, full, 32);
    sodium_memzero(&pass, sizeof pass);
    sodium_memzero(message, sizeof message);
    sodium_memzero(key, sizeof key);
    sodium_memzero(full, sizeof full);
}

void hkp_neuro_state_psk(const hkp_neuro_state *state, const uint8_t f[64], uint64_t index, uint8_t psk[32]) {
    uint8_t message[64 + 8], full[64];
    memcpy(message, f, 64);
    hkp_put_le64(message + 64, index);
    hkp_neuro__hmac(state->c, "HTP1 psk", 9, message, sizeof message, full);
    memcpy(psk, full, 32);
    sodium_memzero(message, sizeof message);
    sodium_memzero(full, sizeof full);
}
