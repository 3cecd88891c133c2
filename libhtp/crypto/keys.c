/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/crypto/keys.h"
#include "libhtp/trace/trace_chain.h"
#include "libter/bytes.h"
#include "libter/sha256.h"

void hkp_htp__chain_init(struct hkp_htp__chain_secret *c, const uint8_t s_v[32],
                         const struct hkp_htp_trace *tap) {
    hkp_htp__hash(c->h, PARTS(LABEL("HTP/1.0 XKsig+psk 25519 ChaChaPoly Ed25519 SHA256")));
    memcpy(c->ck, c->h, 32);
    memset(c->k, 0, 32);
    c->tap = tap;
    hkp_htp__chain_mix_hash(c, PARTS({s_v, 32}));
}

void hkp_htp__chain_mix_hash(struct hkp_htp__chain_secret *c, const struct hkp_htp__part *parts, size_t n) {
    struct hkp_sha256 st;
    hkp_sha256_init(&st);
    hkp_sha256_update(&st, c->h, 32);
    for (size_t i = 0; i < n; i++) hkp_sha256_update(&st, parts[i].ptr, parts[i].len);
    hkp_sha256_final(&st, c->h);
}

void hkp_htp__chain_mix_key(struct hkp_htp__chain_secret *c, const struct hkp_htp__part *ikm, size_t n) {
    uint8_t prk[32], both[64];
    hkp_htp__hmac(prk, c->ck, ikm, n);
    hkp_htp__expand(both, sizeof both, prk, PARTS(LABEL("HTP1 mix")));
    memcpy(c->ck, both, 32);
    memcpy(c->k, both + 32, 32);
    sodium_memzero(prk, sizeof prk);
    sodium_memzero(both, sizeof both);
}

static void handshake_nonce(uint8_t out[12], const uint8_t nonce[8]) {
    memset(out, 0, 4);
    memcpy(out + 4, nonce, 8);
}

void hkp_htp__chain_seal(struct hkp_htp__chain_secret *c, const uint8_t nonce[8], uint8_t *text, size_t len) {
    uint8_t n[12];
    handshake_nonce(n, nonce);
    const struct hkp_htp__sealed p = {
        .key = c->k, .nonce = n, .aad = c->h, .aad_len = 32, .text = text, .len = len, .suite = 1};
    (void)hkp_htp__seal(NULL, &p);
    HKP_HTP__TRACE_CHAIN(c, nonce);
    sodium_memzero(c->k, sizeof c->k);
    hkp_htp__chain_mix_hash(c, PARTS({text, len + 16}));
}

int hkp_htp__chain_open(struct hkp_htp__chain_secret *c, const uint8_t nonce[8], const uint8_t *sealed,
                        size_t len, uint8_t *text) {
    uint8_t n[12];
    handshake_nonce(n, nonce);
    if (len < 16 || crypto_aead_chacha20poly1305_ietf_decrypt_detached(
                        text, NULL, sealed, len - 16, sealed + len - 16, c->h, 32, n, c->k) != 0)
        return -1;
    HKP_HTP__TRACE_CHAIN(c, nonce);
    sodium_memzero(c->k, sizeof c->k);
    hkp_htp__chain_mix_hash(c, PARTS({sealed, len}));
    return 0;
}

void hkp_htp__secret_0(uint8_t out[32], const uint8_t ck4[32], const uint8_t session_secret[32],
                       const uint8_t f[64], const uint8_t ce[32]) {
    uint8_t s[32];
    hkp_htp__hash(s, PARTS({session_secret, 32}, {f, 64}));
    hkp_htp__hmac(out, ck4, PARTS({s, 32}, {ce, 32}));
    sodium_memzero(s, sizeof s);
}

void hkp_htp__epoch_derive(struct hkp_htp__epoch_secret *e, struct hkp_htp__epoch0_secret *zero,
                           const uint8_t secret[32], const uint8_t th[32], uint32_t n) {
    uint8_t number[4];
    hkp_put_be32(number, n);
    const struct {
        const char *label;
        size_t label_len;
        uint8_t *out;
        size_t len;
    } keys[] = {
        {"HTP1 e2v key", 13, e->key[0], 32},    {"HTP1 v2e key", 13, e->key[1], 32},
        {"HTP1 e2v iv", 12, e->iv[0], 12},      {"HTP1 v2e iv", 12, e->iv[1], 12},
        {"HTP1 epoch rdv", 15, e->k_rdv, 32},   {"HTP1 root", 10, e->root, 32},
        {"HTP1 exporter", 14, e->exporter, 32},
    };
    struct hkp_htp__mac keyed; /* taking the key in is half the cost of each */
    hkp_htp__mac_init(&keyed, secret);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        hkp_htp__expand_one(keys[i].out, keys[i].len, &keyed,
                            PARTS({keys[i].label, keys[i].label_len}, {th, 32}, {number, 4}));
    if (n == 0 && zero != NULL) {
        hkp_htp__expand_one(zero->hp[0], 32, &keyed, PARTS(LABEL("HTP1 e2v hp"), {th, 32}, {number, 4}));
        hkp_htp__expand_one(zero->hp[1], 32, &keyed, PARTS(LABEL("HTP1 v2e hp"), {th, 32}, {number, 4}));
        hkp_htp__expand_one(zero->resume, 32, &keyed, PARTS(LABEL("HTP1 resume"), {th, 32}, {number, 4}));
    }
    sodium_memzero(&keyed, sizeof keyed);
    e->n = n;
    memmove(e->th, th, 32);
}

void hkp_htp__epoch_next(const struct hkp_htp__epoch_secret *now, const uint8_t request[80],
                         const uint8_t answer[80], const uint8_t dh[32], const uint8_t psk[32],
                         uint8_t secret[32], uint8_t th[32]) {
    hkp_htp__hash(th, PARTS(LABEL("HTP1 rekey"), {now->th, 32}, {request, 80}, {answer, 80}));
    hkp_htp__hmac(secret, now->root, PARTS({dh, 32}, {psk, 32}, {answer + 48, 32}));
}

void hkp_htp__export(const uint8_t exporter[32], const uint8_t *label, size_t label_len,
                     const uint8_t *context, size_t context_len, uint8_t *dst, size_t len) {
    uint8_t size[2], hashed[32];
    hkp_put_be16(size, (uint16_t)label_len);
    hkp_htp__hash(hashed, PARTS({context, context_len}));
    hkp_htp__expand(dst, len, exporter,
                    PARTS(LABEL("HTP1 exp"), {size, 2}, {label, label_len}, {hashed, 32}));
}
