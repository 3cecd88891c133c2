/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A state as a thing: its life, its beginning (NZ1 8), its bytes and fingerprint (NZ1 12), drift (NZ1 13.2).
 */
#include "libneuro/state.h"

#include "libneuro/fixed.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

/* Offsets in a serialised state (NZ1 12). */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_COUNT = 8,
    AT_POLICY = 12,
    AT_STEP = 16,
    AT_LAST = 24,
    AT_H_REF = 32,
    AT_C = 52,
    AT_W = 116,
    AT_R = 74740
};

hkp_status hkp_neuro_state_new(hkp_neuro_state **out, const struct hkp_mem *mem, uint32_t variant) {
    struct hkp_mem own = {0};
    if (mem != NULL) own = *mem;
    hkp_status st = hkp_mem_import(&own);
    if (st != HKP_OK || variant > HKP_NEURO_VARIANT_AVX2) return HKP_E_INVAL;
    const struct hkp_neuro__kernel *kernel = hkp_neuro__kernel_find(variant);
    /* libsodium chooses its vector code at its first call */
    if (kernel == NULL || sodium_init() < 0) return HKP_E_UNSUPPORTED;
    hkp_neuro_state *state = (hkp_neuro_state *)hkp_mem_alloc(&own, sizeof *state);
    if (state == NULL) return HKP_E_NOMEM;
    state->mem = own;
    state->kernel = kernel;
    *out = state;
    return HKP_OK;
}

void hkp_neuro_state_free(hkp_neuro_state *state) {
    if (state == NULL) return;
    const struct hkp_mem mem = state->mem;
    sodium_memzero(state, sizeof *state);
    hkp_mem_free(&mem, state, sizeof *state);
}

void hkp_neuro_state_copy(hkp_neuro_state *dst, const hkp_neuro_state *src) {
    const struct hkp_mem mem = dst->mem;
    const struct hkp_neuro__kernel *kernel = dst->kernel;
    *dst = *src;
    dst->mem = mem;
    dst->kernel = kernel;
}

void hkp_neuro__hmac(const uint8_t key[64], const void *label, size_t label_len, const void *data, size_t len,
                     uint8_t out[64]) {
    crypto_auth_hmacsha512_state hmac;
    crypto_auth_hmacsha512_init(&hmac, key, 64);
    crypto_auth_hmacsha512_update(&hmac, (const uint8_t *)label, label_len);
    crypto_auth_hmacsha512_update(&hmac, (const uint8_t *)data, len);
    crypto_auth_hmacsha512_final(&hmac, out);
    sodium_memzero(&hmac, sizeof hmac);
}

static void first_weights(hkp_neuro_state *state, const uint8_t key[32]) {
    /* bound, flat index, weights: each layer in order; the stream does not skip biases */
    static const int32_t layers[3][3] = {{11585, HKP_NEURO__W1, HKP_NEURO__IN * HKP_NEURO__H1},
                                         {11585, HKP_NEURO__W2, HKP_NEURO__H1 * HKP_NEURO__H2},
                                         {16384, HKP_NEURO__W3, HKP_NEURO__H2 * HKP_NEURO__OUT}};
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES] = {0};
    uint8_t stream[64 * 16];
    const uint32_t per_block = sizeof stream / 4;
    uint32_t word = 0;
    for (int l = 0; l < 3; l++) {
        for (int32_t m = 0; m < layers[l][2]; m++, word++) {
            if (word % per_block == 0) {
                memset(stream, 0, sizeof stream);
                crypto_stream_chacha20_ietf_xor_ic(stream, stream, sizeof stream, nonce, word / 16, key);
            }
            const int32_t v = (int32_t)hkp_le32(stream + (size_t)(word % per_block) * 4);
            state->w[layers[l][1] + m] = (int32_t)(((int64_t)v * layers[l][0]) >> 31);
        }
    }
    sodium_memzero(stream, sizeof stream);
}

void hkp_neuro_state_enrol(hkp_neuro_state *state, const uint8_t seed[32], const uint8_t node_id[16],
                           const uint8_t h_ref[20]) {
    uint8_t prk[64], key[64];
    crypto_auth_hmacsha512_state hmac;
    crypto_auth_hmacsha512_init(&hmac, seed, 32);
    crypto_auth_hmacsha512_update(&hmac, (const uint8_t *)"NZ1 extract", 12);
    crypto_auth_hmacsha512_update(&hmac, node_id, 16);
    crypto_auth_hmacsha512_final(&hmac, prk);
    hkp_neuro__hmac(prk, "NZ1 chain0", 11, h_ref, 20, state->c);
    hkp_neuro__hmac(prk, "NZ1 W0", 7, NULL, 0, key);
    state->step = 0;
    state->last_us = 0;
    state->policy_ver = 0;
    memcpy(state->h_ref, h_ref, 20);
    memset(state->w, 0, sizeof state->w);
    memset(state->r, 0, sizeof state->r);
    first_weights(state, key);
    sodium_memzero(&hmac, sizeof hmac);
    sodium_memzero(prk, sizeof prk);
    sodium_memzero(key, sizeof key);
}

static void encode_head(const hkp_neuro_state *state, uint8_t head[AT_W]) {
    memcpy(head, "NZ1", 4);
    hkp_put_le16(head + AT_VERSION, 1);
    hkp_put_le16(head + AT_FLAGS, 0);
    hkp_put_le32(head + AT_COUNT, HKP_NEURO__N);
    hkp_put_le32(head + AT_POLICY, state->policy_ver);
    hkp_put_le64(head + AT_STEP, state->step);
    hkp_put_le64(head + AT_LAST, state->last_us);
    memcpy(head + AT_H_REF, state->h_ref, 20);
    memcpy(head + AT_C, state->c, 64);
}

void hkp_neuro_state_encode(const hkp_neuro_state *state, uint8_t *bytes) {
    encode_head(state, bytes);
    for (size_t f = 0; f < HKP_NEURO__N; f++) hkp_put_le32(bytes + AT_W + 4 * f, (uint32_t)state->w[f]);
    for (size_t f = 0; f < HKP_NEURO__N; f++) hkp_put_le16(bytes + AT_R + 2 * f, state->r[f]);
}

hkp_status hkp_neuro_state_decode(hkp_neuro_state *state, const uint8_t *bytes, size_t len) {
    if (len != HKP_NEURO_STATE_SIZE) return HKP_E_NEURO_LENGTH;
    if (memcmp(bytes, "NZ1", 4) != 0) return HKP_E_NEURO_MAGIC;
    if (hkp_le16(bytes + AT_VERSION) != 1) return HKP_E_NEURO_VERSION;
    if (hkp_le16(bytes + AT_FLAGS) != 0) return HKP_E_NEURO_FLAGS;
    if (hkp_le32(bytes + AT_COUNT) != HKP_NEURO__N) return HKP_E_NEURO_COUNT;
    /* one test of all weights: which of them is too large is not to be seen */
    uint32_t beyond = 0;
    for (size_t f = 0; f < HKP_NEURO__N; f++) {
        const uint32_t shifted = hkp_le32(bytes + AT_W + 4 * f) + (uint32_t)HKP_NEURO__WMAX;
        beyond |= (uint32_t)(2 * (uint32_t)HKP_NEURO__WMAX - shifted) | shifted;
    }
    if ((beyond & 0x80000000U) != 0) return HKP_E_NEURO_WEIGHT;
    const uint64_t step = hkp_le64(bytes + AT_STEP), last_us = hkp_le64(bytes + AT_LAST);
    if ((step == 0 && last_us != 0) || step >> 63 != 0 || last_us >> 63 != 0) return HKP_E_NEURO_STATE;
    state->policy_ver = hkp_le32(bytes + AT_POLICY);
    state->step = step;
    state->last_us = last_us;
    memcpy(state->h_ref, bytes + AT_H_REF, 20);
    memcpy(state->c, bytes + AT_C, 64);
    for (size_t f = 0; f < HKP_NEURO__N; f++) state->w[f] = (int32_t)hkp_le32(bytes + AT_W + 4 * f);
    for (size_t f = 0; f < HKP_NEURO__N; f++) state->r[f] = hkp_le16(bytes + AT_R + 2 * f);
    return HKP_OK;
}

void hkp_neuro_state_fingerprint(const hkp_neuro_state *state, uint8_t f[64]) {
    crypto_hash_sha512_state hash;
    uint8_t part[AT_W > 2048 ? AT_W : 2048];
    crypto_hash_sha512_init(&hash);
    crypto_hash_sha512_update(&hash, (const uint8_t *)"NZ1 fingerprint", 16);
    encode_head(state, part);
    crypto_hash_sha512_update(&hash, part, AT_W);
    for (size_t i = 0; i < HKP_NEURO__N;) {
        size_t n = 0;
        for (; n < sizeof part / 4 && i < HKP_NEURO__N; n++, i++)
            hkp_put_le32(part + 4 * n, (uint32_t)state->w[i]);
        crypto_hash_sha512_update(&hash, part, 4 * n);
    }
    for (size_t i = 0; i < HKP_NEURO__N;) {
        size_t n = 0;
        for (; n < sizeof part / 2 && i < HKP_NEURO__N; n++, i++) hkp_put_le16(part + 2 * n, state->r[i]);
        crypto_hash_sha512_update(&hash, part, 2 * n);
    }
    crypto_hash_sha512_final(&hash, f);
    sodium_memzero(part, sizeof part);
    sodium_memzero(&hash, sizeof hash);
}

uint32_t hkp_neuro_state_drift(const hkp_neuro_state *a, const hkp_neuro_state *b) {
    uint64_t n = 0, d = 0;
    for (size_t f = 0; f < HKP_NEURO__N; f++) {
        const int32_t x = a->w[f], y = b->w[f], diff = x - y;
        n += (uint64_t)(diff < 0 ? -diff : diff);
        d += (uint64_t)(x < 0 ? -x : x) + (uint64_t)(y < 0 ? -y : y);
    }
    return d == 0 ? 0 : (uint32_t)(2000000U * n / d);
}

void hkp_neuro_state_info(const hkp_neuro_state *state, struct hkp_neuro_state_info *info) {
    info->step = state->step;
    info->last_us = state->last_us;
    info->policy_ver = state->policy_ver;
    info->variant = state->kernel->variant;
    memcpy(info->h_ref, state->h_ref, 20);
}

uint32_t hkp_neuro_resonance(int32_t have_replica, int32_t clock_undecided, int32_t same_index,
                             int32_t equal_proof, int32_t drift_known, uint32_t drift_ppm) {
    if (!have_replica || clock_undecided) return HKP_NEURO_SEEKING;
    if (same_index) return equal_proof ? HKP_NEURO_ALIGNED : HKP_NEURO_LOST;
    if (!drift_known) return HKP_NEURO_SEEKING;
    if (drift_ppm < HKP_NEURO_DRIFT_ALIGNED) return HKP_NEURO_ALIGNED;
    return drift_ppm < HKP_NEURO_DRIFT_LOST ? HKP_NEURO_DRIFTING : HKP_NEURO_LOST;
}
