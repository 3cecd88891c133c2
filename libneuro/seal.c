/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Collective sealing: a text that opens with t of n shares (SYN-6). */
#include "libneuro/gf256.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

/* Offsets in the object and in a share. */
enum {
    AT_T = 8,
    AT_N = 9,
    AT_ZERO = 10,
    AT_ID = 16,
    AT_LENGTH = 32,
    AT_ROWS = 40,
    ROW = 48,
    ROW_COMMIT = 16,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    DEALER = 16,
    SIGNATURE = crypto_sign_BYTES,
    SHARE_ID = 8,
    SHARE_X = 24,
    SHARE_T = 25,
    SHARE_N = 26,
    SHARE_ZERO = 27,
    SHARE_Y = 32,
    STRING = 32,
    /** bytes of dead stack that are wiped after a call: more than libsodium's functions use */
    STACK_WIPE = 4096
};
static const char object_magic[] = "NSESEAL1", share_magic[] = "NSESHAR1";

/** What the dealer draws. */
struct dealer_secret {
    uint8_t id[16], kek[STRING], coefficients[(HKP_NEURO_SEAL_T_MAX - 1) * STRING], nonce[NONCE], key[32];
};

void hkp_neuro_seal_options_init(struct hkp_neuro_seal_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static size_t head_size(uint32_t n) { return AT_ROWS + (size_t)ROW * n; }

size_t hkp_neuro_seal_size(uint32_t n, size_t len) {
    return head_size(n) + NONCE + len + TAG + DEALER + SIGNATURE;
}

static void share_commit(const uint8_t share[64], uint8_t commit[32]) {
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)"NSE1 share", 11);
    crypto_hash_sha256_update(&h, share + SHARE_ID, 17); /* seal_id and x */
    crypto_hash_sha256_update(&h, share + SHARE_Y, STRING);
    crypto_hash_sha256_final(&h, commit);
    sodium_memzero(&h, sizeof h);
}

static void text_key(const uint8_t kek[STRING], const uint8_t *head, size_t head_len, uint8_t key[32]) {
    uint8_t input[14 + 32];
    memcpy(input, "NSE1 seal key", 14);
    crypto_hash_sha256(input + 14, head, head_len);
    crypto_auth_hmacsha256(key, input, sizeof input, kek);
}

static void signing_input(const uint8_t *object, size_t len, const uint8_t chain_id[32], uint8_t input[74]) {
    memcpy(input, "NSE1 seal", 10);
    memcpy(input + 10, chain_id, 32);
    crypto_hash_sha256(input + 42, object, len - SIGNATURE);
}

static int holders_differ(const uint8_t *holders, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < i; k++)
            if (memcmp(holders + 16 * i, holders + 16 * k, 16) == 0) return 0;
    return 1;
}

static hkp_status import(struct hkp_neuro_seal_options *opt, const struct hkp_neuro_seal_options *theirs) {
    const hkp_status st = hkp_options_import(opt, sizeof *opt, sizeof *opt, theirs);
    if (st != HKP_OK) return st;
    if (opt->t == 0) opt->t = HKP_NEURO_SEAL_T;
    if (opt->n == 0) opt->n = HKP_NEURO_SEAL_N;
    if (opt->t < 2 || opt->t > HKP_NEURO_SEAL_T_MAX || opt->n < opt->t || opt->n > HKP_NEURO_SEAL_N_MAX)
        return HKP_E_INVAL;
    if (opt->holders == NULL || opt->dealer_secret == NULL || opt->rng.fill == NULL) return HKP_E_INVAL;
    return holders_differ(opt->holders, opt->n) ? HKP_OK : HKP_E_INVAL;
}

static int draw(const struct hkp_neuro_seal_options *opt, struct dealer_secret *d) {
    const struct hkp_rng *rng = &opt->rng;
    return rng->fill(rng->user, d->id, sizeof d->id) == 0 && rng->fill(rng->user, d->kek, STRING) == 0 &&
           rng->fill(rng->user, d->coefficients, (opt->t - 1) * (size_t)STRING) == 0 &&
           rng->fill(rng->user, d->nonce, NONCE) == 0;
}

static void deal(const struct hkp_neuro_seal_options *opt, const struct dealer_secret *d, uint8_t *shares) {
    for (uint32_t i = 0; i < opt->n; i++) {
        uint8_t *share = shares + (size_t)HKP_NEURO_SHARE_SIZE * i;
        memset(share, 0, HKP_NEURO_SHARE_SIZE);
        memcpy(share, share_magic, 8);
        memcpy(share + SHARE_ID, d->id, 16);
        share[SHARE_X] = (uint8_t)(i + 1);
        share[SHARE_T] = (uint8_t)opt->t;
        share[SHARE_N] = (uint8_t)opt->n;
        hkp_neuro__gf_share(d->kek, d->coefficients, opt->t - 1, (uint8_t)(i + 1), share + SHARE_Y);
    }
}

static void put_head(const struct hkp_neuro_seal_options *opt, const struct dealer_secret *d,
                     const uint8_t *shares, size_t len, uint8_t *object) {
    memset(object, 0, AT_ROWS);
    memcpy(object, object_magic, 8);
    object[AT_T] = (uint8_t)opt->t;
    object[AT_N] = (uint8_t)opt->n;
    memcpy(object + AT_ID, d->id, 16);
    hkp_put_be64(object + AT_LENGTH, len);
    for (uint32_t i = 0; i < opt->n; i++) {
        uint8_t *row = object + AT_ROWS + (size_t)ROW * i;
        memcpy(row, opt->holders + 16 * i, 16);
        share_commit(shares + (size_t)HKP_NEURO_SHARE_SIZE * i, row + ROW_COMMIT);
    }
}

static void finish(const struct hkp_neuro_seal_options *opt, struct dealer_secret *d, const uint8_t *text,
                   size_t len, uint8_t *object) {
    const size_t head = head_size(opt->n), total = hkp_neuro_seal_size(opt->n, len);
    uint8_t input[74], *at = object + head;
    text_key(d->kek, object, head, d->key);
    memcpy(at, d->nonce, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE, NULL, text, len, object, head, NULL, d->nonce,
                                               d->key);
    at += NONCE + len + TAG;
    memcpy(at, opt->dealer, DEALER);
    signing_input(object, total, opt->chain_id, input);
    crypto_sign_detached(at + DEALER, NULL, input, sizeof input, opt->dealer_secret);
}

hkp_status hkp_neuro_seal_make(const struct hkp_neuro_seal_options *opt, const uint8_t *text, size_t len,
                               uint8_t *object, size_t cap, size_t *object_len, uint8_t *shares) {
    struct hkp_neuro_seal_options own;
    struct dealer_secret d;
    const hkp_status st = import(&own, opt);
    if (st != HKP_OK) return st;
    if (len > HKP_NEURO_SEAL_TEXT_MAX) return HKP_E_TOOBIG;
    if (cap < hkp_neuro_seal_size(own.n, len)) return HKP_E_NOSPC;
    if (!draw(&own, &d)) {
        sodium_memzero(&d, sizeof d);
        return HKP_E_CALLBACK;
    }
    deal(&own, &d, shares);
    put_head(&own, &d, shares, len, object);
    finish(&own, &d, text, len, object);
    sodium_memzero(&d, sizeof d);
    sodium_stackzero(STACK_WIPE);
    *object_len = hkp_neuro_seal_size(own.n, len);
    return HKP_OK;
}

hkp_status hkp_neuro_seal_decode(struct hkp_neuro_seal_info *info, const uint8_t *object, size_t len) {
    if (len < AT_ROWS || memcmp(object, object_magic, 8) != 0) return HKP_E_NEURO_SYN_MAGIC;
    const uint32_t t = object[AT_T], n = object[AT_N];
    const uint64_t text_len = hkp_be64(object + AT_LENGTH);
    if (t < 2 || t > HKP_NEURO_SEAL_T_MAX || n < t || n > HKP_NEURO_SEAL_N_MAX ||
        !hkp_is_zero(object + AT_ZERO, 6))
        return HKP_E_NEURO_SYN_RESERVED;
    if (text_len > HKP_NEURO_SEAL_TEXT_MAX || len != hkp_neuro_seal_size(n, (size_t)text_len))
        return HKP_E_NEURO_SYN_LENGTH;
    info->t = t;
    info->n = n;
    memcpy(info->seal_id, object + AT_ID, 16);
    info->text_len = text_len;
    memcpy(info->dealer, object + len - SIGNATURE - DEALER, DEALER);
    return HKP_OK;
}

hkp_status hkp_neuro_seal_holder(const uint8_t *object, size_t len, uint32_t x, uint8_t holder[16]) {
    struct hkp_neuro_seal_info info;
    const hkp_status st = hkp_neuro_seal_decode(&info, object, len);
    if (st != HKP_OK) return st;
    if (x < 1 || x > info.n) return HKP_E_INVAL;
    memcpy(holder, object + AT_ROWS + (size_t)ROW * (x - 1), 16);
    return HKP_OK;
}

hkp_status hkp_neuro_seal_verify(const uint8_t *object, size_t len, const uint8_t chain_id[32],
                                 const uint8_t dealer_public[32]) {
    struct hkp_neuro_seal_info info;
    uint8_t input[74];
    const hkp_status st = hkp_neuro_seal_decode(&info, object, len);
    if (st != HKP_OK) return st;
    signing_input(object, len, chain_id, input);
    if (crypto_sign_verify_detached(object + len - SIGNATURE, input, sizeof input, dealer_public) != 0)
        return HKP_E_NEURO_SYN_SIG;
    return HKP_OK;
}

static hkp_status judge_share(const struct hkp_neuro_seal_info *info, const uint8_t *object,
                              const uint8_t *share, size_t len) {
    uint8_t commit[32];
    if (len != HKP_NEURO_SHARE_SIZE || memcmp(share, share_magic, 8) != 0 ||
        !hkp_is_zero(share + SHARE_ZERO, 5))
        return HKP_E_NEURO_SYN_MAGIC;
    const uint32_t x = share[SHARE_X];
    if (memcmp(share + SHARE_ID, info->seal_id, 16) != 0 || share[SHARE_T] != info->t ||
        share[SHARE_N] != info->n || x < 1 || x > info->n)
        return HKP_E_NEURO_SYN_SHARE;
    share_commit(share, commit);
    if (sodium_memcmp(commit, object + AT_ROWS + (size_t)ROW * (x - 1) + ROW_COMMIT, 32) != 0)
        return HKP_E_NEURO_SYN_SHARE;
    return HKP_OK;
}

hkp_status hkp_neuro_seal_share_check(const uint8_t *object, size_t len, const uint8_t *share,
                                      size_t share_len, uint32_t *x) {
    struct hkp_neuro_seal_info info;
    hkp_status st = hkp_neuro_seal_decode(&info, object, len);
    if (st == HKP_OK) st = judge_share(&info, object, share, share_len);
    if (st == HKP_OK) *x = share[SHARE_X];
    return st;
}

/* The t lowest shares by their x, or what is wrong with them. */
static hkp_status choose(const struct hkp_neuro_seal_info *info, const uint8_t *object,
                         const struct hkp_neuro_seal_share *shares, size_t n_shares, uint8_t *x,
                         const uint8_t **y) {
    const uint8_t *by_x[HKP_NEURO_SEAL_N_MAX + 1] = {0};
    uint32_t chosen = 0;
    for (size_t i = 0; i < n_shares; i++) {
        const hkp_status st = judge_share(info, object, shares[i].bytes, shares[i].len);
        if (st != HKP_OK) return st;
        if (by_x[shares[i].bytes[SHARE_X]] != NULL) return HKP_E_NEURO_SYN_SHARE_DUP;
        by_x[shares[i].bytes[SHARE_X]] = shares[i].bytes + SHARE_Y;
    }
    for (uint32_t i = 1; i <= info->n && chosen < info->t; i++) {
        if (by_x[i] == NULL) continue;
        x[chosen] = (uint8_t)i;
        y[chosen++] = by_x[i];
    }
    return chosen == info->t ? HKP_OK : HKP_E_NEURO_SYN_SHARE_COUNT;
}

/* The tag first, without writing: a text that is not right leaves dst as it was. */
static hkp_status open_text(const struct hkp_neuro_seal_info *info, const uint8_t *object,
                            const uint8_t key[32], uint8_t *dst) {
    const size_t head = head_size(info->n);
    const uint8_t *nonce = object + head, *text = nonce + NONCE;
    const unsigned long long len = info->text_len + TAG;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(NULL, NULL, NULL, text, len, object, head, nonce, key) !=
        0)
        return HKP_E_NEURO_SYN_AUTH;
    if (info->text_len > 0)
        (void)!crypto_aead_xchacha20poly1305_ietf_decrypt(dst, NULL, NULL, text, len, object, head, nonce,
                                                          key);
    return HKP_OK;
}

hkp_status hkp_neuro_seal_open(const uint8_t *object, size_t len, const uint8_t chain_id[32],
                               const uint8_t dealer_public[32], const struct hkp_neuro_seal_share *shares,
                               size_t n_shares, uint8_t *dst, size_t cap, size_t *text_len) {
    struct hkp_neuro_seal_info info;
    uint8_t x[HKP_NEURO_SEAL_T_MAX], kek[STRING], key[32];
    const uint8_t *y[HKP_NEURO_SEAL_T_MAX];
    hkp_status st = hkp_neuro_seal_decode(&info, object, len);
    if (st == HKP_OK) st = hkp_neuro_seal_verify(object, len, chain_id, dealer_public);
    if (st == HKP_OK) st = choose(&info, object, shares, n_shares, x, y);
    if (st != HKP_OK) return st;
    if (cap < info.text_len) return HKP_E_NOSPC;
    hkp_neuro__gf_at_zero(x, y, info.t, kek);
    text_key(kek, object, head_size(info.n), key);
    st = open_text(&info, object, key, dst);
    sodium_memzero(kek, sizeof kek);
    sodium_memzero(key, sizeof key);
    sodium_stackzero(STACK_WIPE);
    if (st == HKP_OK) *text_len = (size_t)info.text_len;
    return st;
}
