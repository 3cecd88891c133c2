/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Secret independence of messages, shares and commitments, under valgrind: every secret is marked as
 * undefined, so that a branch or an address made of it is reported (SYN-1.2). One argument: what to run;
 * "leak" is the negative control.
 *
 * The outcome of a comparison is public, and so is what a receiver decrypts: the linker puts the functions
 * below
 * (__wrap_) before libsodium's, and they mark exactly those results as known.
 */
#include "libneuro/gf256.h"
#include "libneuro/message.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#define SECRET(x) (void)VALGRIND_MAKE_MEM_UNDEFINED(&(x), sizeof(x))
#define KNOWN(ptr, len) (void)VALGRIND_MAKE_MEM_DEFINED(ptr, len)

int __real_sodium_memcmp(const void *a, const void *b, size_t len);
int __wrap_sodium_memcmp(const void *a, const void *b, size_t len);
int __wrap_sodium_memcmp(const void *a, const void *b, size_t len) {
    int result = __real_sodium_memcmp(a, b, len);
    KNOWN(&result, sizeof result);
    return result;
}

typedef int decrypt_fn(unsigned char *m, unsigned long long *mlen, unsigned char *nsec,
                       const unsigned char *c, unsigned long long clen, const unsigned char *ad,
                       unsigned long long adlen, const unsigned char *nonce, const unsigned char *k);
decrypt_fn __real_crypto_aead_chacha20poly1305_ietf_decrypt, __wrap_crypto_aead_chacha20poly1305_ietf_decrypt;
decrypt_fn __real_crypto_aead_xchacha20poly1305_ietf_decrypt,
    __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt;

/* The branch on the tag is inside: key and nonce are made known for it, in copies. */
static int decrypt(decrypt_fn *real, size_t nonce_len, unsigned char *m, const unsigned char *c,
                   unsigned long long clen, const unsigned char *ad, unsigned long long adlen,
                   const unsigned char *nonce, const unsigned char *k) {
    uint8_t key[32], n[24];
    memcpy(key, k, 32);
    memcpy(n, nonce, nonce_len);
    KNOWN(key, sizeof key);
    KNOWN(n, sizeof n);
    return real(m, NULL, NULL, c, clen, ad, adlen, n, key);
}
int __wrap_crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
                                                     unsigned char *nsec, const unsigned char *c,
                                                     unsigned long long clen, const unsigned char *ad,
                                                     unsigned long long adlen, const unsigned char *nonce,
                                                     const unsigned char *k) {
    (void)mlen;
    (void)nsec;
    return decrypt(__real_crypto_aead_chacha20poly1305_ietf_decrypt, 12, m, c, clen, ad, adlen, nonce, k);
}
int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
                                                      unsigned char *nsec, const unsigned char *c,
                                                      unsigned long long clen, const unsigned char *ad,
                                                      unsigned long long adlen, const unsigned char *nonce,
                                                      const unsigned char *k) {
    (void)mlen;
    (void)nsec;
    return decrypt(__real_crypto_aead_xchacha20poly1305_ietf_decrypt, 24, m, c, clen, ad, adlen, nonce, k);
}

static int32_t fill_secret(void *user, uint8_t *dst, size_t len) {
    memset(dst, 0x40 + (*(int *)user)++, len);
    if (len != 16 && len != 24)
        (void)VALGRIND_MAKE_MEM_UNDEFINED(dst, len); /* seal id and nonce are public */
    return 0;
}

static void field(void) {
    uint8_t secret[32] = {1}, a[2 * 32] = {2}, y[3][32], out[32], x[3] = {1, 2, 3};
    const uint8_t *points[3] = {y[0], y[1], y[2]};
    SECRET(secret);
    SECRET(a);
    for (int i = 0; i < 3; i++) hkp_neuro__gf_share(secret, a, 2, x[i], y[i]);
    hkp_neuro__gf_at_zero(x, points, 3, out);
    out[0] = hkp_neuro__gf_inverse(out[0]);
}

static int seal(int secret_text, uint8_t *object, size_t *len, uint8_t *shares, uint8_t public_key[32]) {
    static uint8_t seed[32] = {9}, secret[64], holders[3 * 16];
    uint8_t text[32] = "the sealed evidence";
    struct hkp_neuro_seal_options opt;
    int counter = 0;
    crypto_sign_seed_keypair(public_key, secret, seed);
    for (int i = 0; i < 3; i++) holders[16 * i] = (uint8_t)(i + 1);
    hkp_neuro_seal_options_init(&opt, sizeof opt);
    opt.t = 2;
    opt.n = 3;
    opt.holders = holders;
    opt.dealer_secret = secret;
    opt.rng = (struct hkp_rng){&counter, fill_secret};
    if (secret_text) SECRET(text);
    return hkp_neuro_seal_make(&opt, text, sizeof text, object, 1024, len, shares) == HKP_OK;
}

static int open_seal(void) {
    static uint8_t object[1024], shares[3 * 64];
    uint8_t public_key[32], chain[32] = {0}, dst[64];
    struct hkp_neuro_seal_share have[2];
    size_t len = 0, n = 0;
    if (!seal(0, object, &len, shares, public_key)) return 0;
    KNOWN(object, len); /* the object is public */
    for (int i = 0; i < 2; i++) {
        uint8_t *share = shares + 64 * i;
        KNOWN(share, 32);
        have[i] = (struct hkp_neuro_seal_share){share, 64};
    }
    return hkp_neuro_seal_open(object, len, chain, public_key, have, 2, dst, sizeof dst, &n) == HKP_OK;
}

/* Two ends of a line over a secret root. */
static void lines(struct hkp_neuro__line line[2]) {
    struct hkp_neuro_synaptic s[2] = {{.gen = 1, .node_id = {1}}, {.gen = 1, .node_id = {2}}};
    uint8_t root[32] = {5};
    SECRET(root);
    for (int i = 0; i < 2; i++) {
        memset(&line[i], 0, sizeof line[i]);
        memcpy(line[i].own_id, s[i].node_id, 16);
        memcpy(line[i].peer_id, s[1 - i].node_id, 16);
        hkp_neuro__line_begin(&line[i], 0, &s[i], &s[1 - i], root);
    }
}

static int messages(int open) {
    static struct hkp_neuro__line line[2];
    struct hkp_neuro_ce_book book = {0};
    struct hkp_neuro__lifetime life = {0};
    uint8_t text[20] = "text", msg[3][128], dst[64];
    size_t n;
    lines(line);
    SECRET(text);
    for (int i = 0; i < 3; i++)
        if (hkp_neuro__line_seal(&line[0], 0, 7, &book, &life, text, sizeof text, msg[i]) != HKP_OK) return 0;
    if (!open) return 1;
    static const int order[3] = {2, 0, 1}; /* through the chain, and through kept keys */
    for (int i = 0; i < 3; i++) {
        KNOWN(msg[order[i]], 68);
        if (hkp_neuro__line_open(&line[1], 0, &book, &life, msg[order[i]], 68, dst, sizeof dst, &n) != HKP_OK)
            return 0;
    }
    return 1;
}

static int commit(void) {
    uint8_t f[64] = {1}, k_bind[32] = {2}, id[16] = {3}, w[32];
    struct hkp_neuro_synaptic shown = {.ck_index = 9};
    SECRET(f);
    SECRET(k_bind);
    hkp_neuro_synaptic_commit(f, k_bind, id, 9, w);
    memcpy(shown.w_commit, w, 32);
    KNOWN(shown.w_commit, 32); /* it travels */
    const struct hkp_neuro_resonance_facts facts = {
        .have_replica = 1, .clock = HKP_NEURO_CLOCK_PASS, .w_commit = w, .h = shown.h};
    return hkp_neuro_resonance_verdict(&shown, &facts) == HKP_NEURO_ALIGNED;
}

static int proof(void) {
    static uint8_t e[256] = {1}, v[256] = {2}, bytes[80];
    struct hkp_neuro_resonance_proof p = {.step = 1, .verdict = 2};
    uint8_t k_res[32] = {3};
    SECRET(k_res);
    hkp_neuro_resonance_proof_make(&p, k_res, e, v, NULL, bytes);
    KNOWN(bytes, sizeof bytes);
    return hkp_neuro_resonance_proof_check(&p, bytes, 80, 1, k_res, e, v, NULL) == HKP_OK;
}

/* What must be found: a table look-up by a secret, as a product in the field is often made. */
static int leak(void) {
    static uint8_t table[256];
    uint8_t secret = 7;
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(i * 3);
    SECRET(secret);
    return table[secret] != 1;
}

int main(int argc, char **argv) {
    static uint8_t object[1024], shares[3 * 64];
    uint8_t public_key[32];
    size_t len;
    int ok = 1;
    if (argc != 2 || sodium_init() < 0) return 2;
    const char *what = argv[1];
    if (strcmp(what, "field") == 0) field();
    if (strcmp(what, "deal") == 0) ok = seal(1, object, &len, shares, public_key);
    if (strcmp(what, "open") == 0) ok = open_seal();
    if (strcmp(what, "message-seal") == 0) ok = messages(0);
    if (strcmp(what, "message-open") == 0) ok = messages(1);
    if (strcmp(what, "commit") == 0) ok = commit();
    if (strcmp(what, "proof") == 0) ok = proof();
    if (strcmp(what, "leak") == 0) ok = leak();
    return ok ? 0 : 3;
}
