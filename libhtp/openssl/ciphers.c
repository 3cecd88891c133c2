/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/openssl/ciphers.h"

#include <hookprobe/htp.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

/* Where libcrypto begins to be faster (decision 0407): its calls cost more, its bytes less. Taking in a key
 * of AES costs as much as 500 bytes. */
enum { TAG = 16, CHACHA_LEAST = 1340, AES_LEAST = 640, AES_LEAST_NEW_KEY = 1024 };

/* In a time that says nothing about the keys. */
static int same_key(const struct hkp_htp__cipher *c, const uint8_t key[32]) {
    uint64_t a[4], b[4];
    memcpy(a, c->key, 32);
    memcpy(b, key, 32);
    return c->keyed && ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

static int gains(const struct hkp_htp__sealed *p, int has_key) {
    if (p->len > INT_MAX || p->aad_len > INT_MAX) return 0;
    if (p->suite != HKP_HTP_SUITE_AES256_GCM) return p->len >= CHACHA_LEAST;
    return p->len >= (has_key ? AES_LEAST : AES_LEAST_NEW_KEY);
}

static void drop(struct hkp_htp__cipher *c) {
    EVP_CIPHER_CTX_free(c->context); /* wipes what it held */
    c->context = NULL;
    c->keyed = 0;
    sodium_memzero(c->key, sizeof c->key);
}

/* Takes the key in, into a new context if there is none. What libcrypto says of a failure is for nobody. */
static int take_key(struct hkp_htp__cipher *c, const struct hkp_htp__sealed *p, int seals) {
    EVP_CIPHER *method = NULL;
    c->keyed = 0;
    ERR_set_mark();
    if (c->context == NULL) {
        method = EVP_CIPHER_fetch(
            NULL, p->suite == HKP_HTP_SUITE_AES256_GCM ? "AES-256-GCM" : "ChaCha20-Poly1305", NULL);
        c->context = method != NULL ? EVP_CIPHER_CTX_new() : NULL;
    }
    c->keyed =
        c->context != NULL && EVP_CipherInit_ex2(c->context, method, p->key, p->nonce, seals, NULL) == 1;
    EVP_CIPHER_free(method); /* the context holds it */
    ERR_pop_to_mark();
    if (c->keyed)
        memcpy(c->key, p->key, sizeof c->key);
    else
        drop(c);
    c->broken = !c->keyed;
    return c->keyed;
}

/* The context for this packet, up to its associated data; NULL: it is libsodium's. */
static EVP_CIPHER_CTX *begin(struct hkp_htp__ciphers *all, const struct hkp_htp__sealed *p, int seals) {
    struct hkp_htp__cipher *c = &all->at[p->suite == HKP_HTP_SUITE_AES256_GCM][!seals];
    const int has_key = same_key(c, p->key);
    int n;
    if (!gains(p, has_key) || c->broken) return NULL;
    if (has_key ? EVP_CipherInit_ex2(c->context, NULL, NULL, p->nonce, seals, NULL) != 1
                : !take_key(c, p, seals))
        return NULL;
    return EVP_CipherUpdate(c->context, NULL, &n, p->aad, (int)p->aad_len) == 1 ? c->context : NULL;
}

int hkp_htp__cipher_seal(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p) {
    int n = 0;
    EVP_CIPHER_CTX *x = begin(c, p, 1);
    if (x == NULL) return HKP_HTP__CIPHER_NOT;
    if (EVP_CipherUpdate(x, p->text, &n, p->text, (int)p->len) == 1 && n == (int)p->len &&
        EVP_CipherFinal_ex(x, p->text + n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, TAG, p->text + p->len) == 1)
        return HKP_HTP__CIPHER_DONE;
    /* Half of it may be sealed: it may neither be sent nor be sealed again. */
    sodium_memzero(p->text, p->len);
    return HKP_HTP__CIPHER_BAD;
}

int hkp_htp__cipher_open(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p) {
    int n = 0;
    EVP_CIPHER_CTX *x = begin(c, p, 0);
    if (x == NULL || EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, TAG, p->text + p->len) != 1)
        return HKP_HTP__CIPHER_NOT;
    if (EVP_CipherUpdate(x, p->text, &n, p->text, (int)p->len) == 1 && n == (int)p->len &&
        EVP_CipherFinal_ex(x, p->text + n, &n) == 1)
        return HKP_HTP__CIPHER_DONE;
    sodium_memzero(p->text, p->len); /* nobody sees what was not proven */
    return HKP_HTP__CIPHER_BAD;
}

void hkp_htp__cipher_forget(struct hkp_htp__ciphers *c, const uint8_t key[32]) {
    for (int i = 0; i < 4; i++)
        if (same_key(&c->at[i / 2][i % 2], key)) drop(&c->at[i / 2][i % 2]);
}

void hkp_htp__ciphers_free(struct hkp_htp__ciphers *c) {
    for (int i = 0; i < 4; i++) drop(&c->at[i / 2][i % 2]);
}
