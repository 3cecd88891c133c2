/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/crypto/crypto.h"
#include "libter/sha256.h"
#include <hookprobe/htp.h>
#include <string.h>

void hkp_htp__hash(uint8_t out[32], const struct hkp_htp__part *parts, size_t n) {
    struct hkp_sha256 st;
    hkp_sha256_init(&st);
    for (size_t i = 0; i < n; i++) hkp_sha256_update(&st, parts[i].ptr, parts[i].len);
    hkp_sha256_final(&st, out);
}

void hkp_htp__b2(uint8_t out[32], const uint8_t *key, const struct hkp_htp__part *parts, size_t n) {
    crypto_generichash_blake2b_state st;
    crypto_generichash_blake2b_init(&st, key, key == NULL ? 0 : 32, 32);
    for (size_t i = 0; i < n; i++) crypto_generichash_blake2b_update(&st, parts[i].ptr, parts[i].len);
    crypto_generichash_blake2b_final(&st, out, 32);
    if (key != NULL) sodium_memzero(&st, sizeof st);
}

void hkp_htp__hmac(uint8_t out[32], const uint8_t key[32], const struct hkp_htp__part *parts, size_t n) {
    struct hkp_htp__mac st;
    hkp_htp__mac_init(&st, key);
    for (size_t i = 0; i < n; i++) hkp_htp__mac_update(&st, parts[i].ptr, parts[i].len);
    hkp_htp__mac_final(&st, out);
    sodium_memzero(&st, sizeof st);
}

void hkp_htp__expand_one(uint8_t *out, size_t len, const struct hkp_htp__mac *keyed,
                         const struct hkp_htp__part *parts, size_t n) {
    static const uint8_t first = 1;
    uint8_t block[32];
    struct hkp_htp__mac st = *keyed;
    for (size_t p = 0; p < n; p++) hkp_htp__mac_update(&st, parts[p].ptr, parts[p].len);
    hkp_htp__mac_update(&st, &first, 1);
    hkp_htp__mac_final(&st, block);
    memcpy(out, block, len);
    sodium_memzero(block, sizeof block);
    sodium_memzero(&st, sizeof st);
}

void hkp_htp__expand(uint8_t *out, size_t len, const uint8_t prk[32], const struct hkp_htp__part *parts,
                     size_t n) {
    uint8_t block[32];
    struct hkp_htp__mac keyed, st;
    hkp_htp__mac_init(&keyed, prk);
    for (uint8_t i = 1; len > 0; i++) {
        st = keyed;
        if (i > 1) hkp_htp__mac_update(&st, block, sizeof block);
        for (size_t p = 0; p < n; p++) hkp_htp__mac_update(&st, parts[p].ptr, parts[p].len);
        hkp_htp__mac_update(&st, &i, 1);
        hkp_htp__mac_final(&st, block);
        size_t take = len < sizeof block ? len : sizeof block;
        memcpy(out, block, take);
        out += take;
        len -= take;
    }
    sodium_memzero(block, sizeof block);
    sodium_memzero(&keyed, sizeof keyed);
    sodium_memzero(&st, sizeof st);
}

int hkp_htp__dh(uint8_t out[32], const uint8_t secret[32], const uint8_t public_key[32]) {
    return crypto_scalarmult_curve25519(out, secret, public_key);
}

int hkp_htp__seal(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p) {
    uint8_t *tag = p->text + p->len;
    const int st = ciphers != NULL ? hkp_htp__cipher_seal(ciphers, p) : HKP_HTP__CIPHER_NOT;
    if (st != HKP_HTP__CIPHER_NOT) return st == HKP_HTP__CIPHER_DONE ? 0 : -1;
    if (p->suite == HKP_HTP_SUITE_AES256_GCM)
        return crypto_aead_aes256gcm_encrypt_detached(p->text, tag, NULL, p->text, p->len, p->aad, p->aad_len,
                                                      NULL, p->nonce, p->key);
    return crypto_aead_chacha20poly1305_ietf_encrypt_detached(p->text, tag, NULL, p->text, p->len, p->aad,
                                                              p->aad_len, NULL, p->nonce, p->key);
}

int hkp_htp__open(struct hkp_htp__ciphers *ciphers, const struct hkp_htp__sealed *p) {
    const uint8_t *tag = p->text + p->len;
    const int st = ciphers != NULL ? hkp_htp__cipher_open(ciphers, p) : HKP_HTP__CIPHER_NOT;
    if (st != HKP_HTP__CIPHER_NOT) return st == HKP_HTP__CIPHER_DONE ? 0 : -1;
    if (p->suite == HKP_HTP_SUITE_AES256_GCM)
        return crypto_aead_aes256gcm_decrypt_detached(p->text, NULL, p->text, p->len, tag, p->aad, p->aad_len,
                                                      p->nonce, p->key);
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(p->text, NULL, p->text, p->len, tag, p->aad,
                                                              p->aad_len, p->nonce, p->key);
}
