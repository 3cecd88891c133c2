/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Blinded tokens: the OPRF of RFC 9497, mode 0x00, over ristretto255 with SHA-512, by libsodium (LAB-7.11).
 */
#include "libneuro/bridge/oprf.h"

#include <hookprobe/neuro/hybrid.h>
#include <hookprobe/neuro/oprf.h>
#include <sodium.h>

/* contextString of RFC 9497 3.1, behind the name of each use. */
#define CONTEXT "OPRFV1-\0-ristretto255-SHA512"
enum {
    CONTEXT_MAX = 64,
    UNIFORM = 64,
    SHA512_BLOCK = 128,
    DERIVE_TRIES = 256,
    MINUTE_MS = 60000,
    STACK_WIPE = 8192
};
static const char hash_to_group[] = "HashToGroup-" CONTEXT, derive_key_pair[] = "DeriveKeyPair" CONTEXT;
static const char finalize[] = "Finalize";

/* expand_message_xmd of RFC 9380 5.3.1 with SHA-512, 64 bytes; dst_len without the zero that ends it. */
static void expand(const struct hkp_neuro__oprf_input *in, const uint8_t *tail, size_t tail_len,
                   const char *dst, size_t dst_len, uint8_t out[UNIFORM]) {
    static const uint8_t pad[SHA512_BLOCK];
    const uint8_t size = (uint8_t)dst_len, middle[3] = {0, UNIFORM, 0}, one = 1;
    crypto_hash_sha512_state h;
    uint8_t b0[64];
    crypto_hash_sha512_init(&h);
    crypto_hash_sha512_update(&h, pad, sizeof pad);
    crypto_hash_sha512_update(&h, in->head, in->head_len);
    crypto_hash_sha512_update(&h, in->body, in->body_len);
    crypto_hash_sha512_update(&h, tail, tail_len);
    crypto_hash_sha512_update(&h, middle, sizeof middle);
    crypto_hash_sha512_update(&h, (const uint8_t *)dst, dst_len);
    crypto_hash_sha512_update(&h, &size, 1);
    crypto_hash_sha512_final(&h, b0);
    crypto_hash_sha512_init(&h);
    crypto_hash_sha512_update(&h, b0, sizeof b0);
    crypto_hash_sha512_update(&h, &one, 1);
    crypto_hash_sha512_update(&h, (const uint8_t *)dst, dst_len);
    crypto_hash_sha512_update(&h, &size, 1);
    crypto_hash_sha512_final(&h, out);
    sodium_memzero(&h, sizeof h);
    sodium_memzero(b0, sizeof b0);
}

int hkp_neuro__oprf_key(const uint8_t seed[32], const void *info, size_t info_len, uint8_t key[32]) {
    uint8_t head[34], uniform[UNIFORM];
    const struct hkp_neuro__oprf_input in = {head, info, sizeof head, info_len};
    int good = 0;
    memcpy(head, seed, 32);
    hkp_put_be16(head + 32, (uint16_t)info_len);
    for (unsigned i = 0; i < DERIVE_TRIES && !good; i++) {
        const uint8_t counter = (uint8_t)i;
        expand(&in, &counter, 1, derive_key_pair, sizeof derive_key_pair - 1, uniform);
        crypto_core_ristretto255_scalar_reduce(key, uniform);
        good = !sodium_is_zero(key, 32);
    }
    sodium_memzero(head, sizeof head);
    sodium_memzero(uniform, sizeof uniform);
    return good ? 0 : -1;
}

int hkp_neuro__oprf_blind(const struct hkp_neuro__oprf_input *in, const uint8_t blind[32],
                          uint8_t blinded[32]) {
    uint8_t uniform[UNIFORM], element[32];
    expand(in, NULL, 0, hash_to_group, sizeof hash_to_group - 1, uniform);
    crypto_core_ristretto255_from_hash(element, uniform);
    const int bad = crypto_scalarmult_ristretto255(blinded, blind, element); /* also the neutral element */
    sodium_memzero(uniform, sizeof uniform);
    sodium_memzero(element, sizeof element);
    return bad;
}

int hkp_neuro__oprf_evaluate(const uint8_t key[32], const uint8_t blinded[32], uint8_t evaluated[32]) {
    return crypto_scalarmult_ristretto255(evaluated, key, blinded);
}

static void add_with_length(crypto_hash_sha512_state *h, const uint8_t *head, size_t head_len,
                            const uint8_t *body, size_t body_len) {
    uint8_t size[2];
    hkp_put_be16(size, (uint16_t)(head_len + body_len));
    crypto_hash_sha512_update(h, size, sizeof size);
    crypto_hash_sha512_update(h, head, head_len);
    crypto_hash_sha512_update(h, body, body_len);
}

int hkp_neuro__oprf_finish(const struct hkp_neuro__oprf_input *in, const uint8_t blind[32],
                           const uint8_t evaluated[32], uint8_t output[64]) {
    crypto_hash_sha512_state h;
    uint8_t inverse[32], element[32];
    int bad = crypto_core_ristretto255_scalar_invert(inverse, blind);
    if (!bad) bad = crypto_scalarmult_ristretto255(element, inverse, evaluated);
    if (!bad) {
        crypto_hash_sha512_init(&h);
        add_with_length(&h, in->head, in->head_len, in->body, in->body_len);
        add_with_length(&h, element, sizeof element, NULL, 0);
        crypto_hash_sha512_update(&h, (const uint8_t *)finalize, sizeof finalize - 1);
        crypto_hash_sha512_final(&h, output);
        sodium_memzero(&h, sizeof h);
    }
    sodium_memzero(inverse, sizeof inverse);
    sodium_memzero(element, sizeof element);
    return bad;
}

/* ---- tokens ---- */

/* What a token is of: as with hkp_neuro_hyb_token(), behind its label. */
struct head {
    uint8_t bytes[1 + CONTEXT_MAX + 6];
    struct hkp_neuro__oprf_input in;
};

static hkp_status head_of(const struct hkp_neuro_oprf_value *v, struct head *h) {
    if (v->context_len < 1 || v->context_len > CONTEXT_MAX || v->field_id > UINT16_MAX || v->len < 1 ||
        v->len > HKP_NEURO_OPRF_VALUE_MAX)
        return HKP_E_NEURO_HYB_PARAM;
    h->bytes[0] = (uint8_t)v->context_len;
    memcpy(h->bytes + 1, v->context, v->context_len);
    hkp_put_be16(h->bytes + 1 + v->context_len, (uint16_t)v->field_id);
    hkp_put_be32(h->bytes + 3 + v->context_len, v->epoch);
    h->in = (struct hkp_neuro__oprf_input){h->bytes, v->value, 7 + v->context_len, v->len};
    return HKP_OK;
}

hkp_status hkp_neuro_oprf_blind(const struct hkp_neuro_oprf_value *value, const struct hkp_rng *rng,
                                uint8_t blind[32], uint8_t blinded[32]) {
    struct head h;
    uint8_t uniform[UNIFORM];
    hkp_status st = head_of(value, &h);
    if (st != HKP_OK) return st;
    if (rng->fill(rng->user, uniform, sizeof uniform) != 0) return HKP_E_CALLBACK;
    crypto_core_ristretto255_scalar_reduce(blind, uniform);
    if (hkp_neuro__oprf_blind(&h.in, blind, blinded) !=
        0) { /* a scalar of zero: 2^-252, or a broken generator */
        sodium_memzero(blind, 32);
        sodium_memzero(blinded, 32);
        st = HKP_E_CALLBACK;
    }
    sodium_memzero(uniform, sizeof uniform);
    sodium_stackzero(STACK_WIPE);
    return st;
}

/* The oldest of the last 1,000 queries is overwritten; none may be younger than a minute. */
static int is_free(const struct hkp_neuro_oprf_limit *limit, uint64_t now_ms) {
    const uint64_t oldest = limit->at_ms[limit->next % HKP_NEURO_OPRF_PER_MINUTE];
    return oldest == 0 || (now_ms + 1 >= oldest && now_ms + 1 - oldest >= MINUTE_MS);
}

hkp_status hkp_neuro_oprf_evaluate(const struct hkp_neuro_hyb_secret *secret,
                                   struct hkp_neuro_oprf_limit *limit, uint64_t now_ms, uint32_t policy,
                                   const uint8_t blinded[32], uint8_t evaluated[32]) {
    static const char info[] = "LAB1 oprf";
    uint8_t key[32], element[32];
    if (policy < HKP_NEURO_HYB_PUBLIC || policy > HKP_NEURO_HYB_RESTRICTED) return HKP_E_NEURO_HYB_PARAM;
    if (policy == HKP_NEURO_HYB_RESTRICTED) return HKP_E_NEURO_HYB_POLICY;
    if (!is_free(limit, now_ms)) return HKP_E_NEURO_BR_LIMIT;
    hkp_status st = HKP_OK;
    if (hkp_neuro__oprf_key(secret->token, info, sizeof info - 1, key) != 0 ||
        hkp_neuro__oprf_evaluate(key, blinded, element) != 0)
        st = HKP_E_NEURO_HYB_PARAM;
    if (st == HKP_OK) {
        limit->at_ms[limit->next % HKP_NEURO_OPRF_PER_MINUTE] = now_ms + 1; /* 0 is none */
        limit->next = (limit->next + 1) % HKP_NEURO_OPRF_PER_MINUTE;
        memcpy(evaluated, element, sizeof element);
    }
    sodium_memzero(key, sizeof key);
    sodium_stackzero(STACK_WIPE);
    return st;
}

hkp_status hkp_neuro_oprf_finish(const struct hkp_neuro_oprf_value *value, const uint8_t blind[32],
                                 const uint8_t evaluated[32], uint8_t token[16]) {
    struct head h;
    uint8_t output[64];
    hkp_status st = head_of(value, &h);
    if (st == HKP_OK && hkp_neuro__oprf_finish(&h.in, blind, evaluated, output) != 0)
        st = HKP_E_NEURO_HYB_PARAM;
    if (st == HKP_OK) memcpy(token, output, HKP_NEURO_HYB_TOKEN_SIZE);
    sodium_memzero(output, sizeof output);
    sodium_stackzero(STACK_WIPE);
    return st;
}
