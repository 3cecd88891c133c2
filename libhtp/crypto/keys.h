/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The chain of the handshake (HTP-5.2) and the keys of epochs (HTP-6). */
#ifndef HKP_LIBHTP_KEYS_H
#define HKP_LIBHTP_KEYS_H

#include "libhtp/crypto/resonance.h"

/** Transcript hash, chain key and the one sealing key that comes from it. */
struct hkp_htp__chain_secret {
    uint8_t h[32];
    uint8_t ck[32];
    uint8_t k[32];
    /** told of each k that sealed or opened something; NULL: nobody */
    const struct hkp_htp_trace *tap;
};

/** Starts a chain towards the validator whose X25519 key is s_v. */
void hkp_htp__chain_init(struct hkp_htp__chain_secret *c, const uint8_t s_v[32],
                         const struct hkp_htp_trace *tap);
void hkp_htp__chain_mix_hash(struct hkp_htp__chain_secret *c, const struct hkp_htp__part *parts, size_t n);
void hkp_htp__chain_mix_key(struct hkp_htp__chain_secret *c, const struct hkp_htp__part *ikm, size_t n);
/** Seals text[len] in place, tag behind it, mixes the result and erases k. */
void hkp_htp__chain_seal(struct hkp_htp__chain_secret *c, const uint8_t nonce[8], uint8_t *text, size_t len);
/** Opens sealed[len] into text[len - 16]; -1: nothing changed but text. */
int hkp_htp__chain_open(struct hkp_htp__chain_secret *c, const uint8_t nonce[8], const uint8_t *sealed,
                        size_t len, uint8_t *text);

/** Keys of one epoch, HTP-6.1. Direction 0 protects what E sends, 1 what V sends. */
struct hkp_htp__epoch_secret {
    uint32_t n;
    /** HTP-4.8 */
    uint16_t suite;
    uint8_t live;
    uint8_t key[2][32];
    uint8_t iv[2][12];
    uint8_t k_rdv[32];
    uint8_t root[32];
    uint8_t exporter[32];
    uint8_t th[32];
    struct hkp_htp__neural_secret neural;
    /** counted against the limits of HTP-6.2 */
    uint64_t sealed, opened, bytes, failed;
    hkp_time since;
};

/** What only epoch 0 gives: header mask keys and the resumption secret. */
struct hkp_htp__epoch0_secret {
    uint8_t hp[2][32];
    uint8_t resume[32];
};

/** secret_0 = Extract(ck4, SHA256(session_secret || F) || ce). */
void hkp_htp__secret_0(uint8_t out[32], const uint8_t ck4[32], const uint8_t session_secret[32],
                       const uint8_t f[64], const uint8_t ce[32]);
/** Fills n, keys and th; zero (may be NULL) only with n = 0. Leaves suite, neural and counters alone. */
void hkp_htp__epoch_derive(struct hkp_htp__epoch_secret *e, struct hkp_htp__epoch0_secret *zero,
                           const uint8_t secret[32], const uint8_t th[32], uint32_t n);
/** th and secret of epoch n + 1 (HTP-6.4). */
void hkp_htp__epoch_next(const struct hkp_htp__epoch_secret *now, const uint8_t request[80],
                         const uint8_t answer[80], const uint8_t dh[32], const uint8_t psk[32],
                         uint8_t secret[32], uint8_t th[32]);
/** EXPORT of HTP-6.6. */
void hkp_htp__export(const uint8_t exporter[32], const uint8_t *label, size_t label_len,
                     const uint8_t *context, size_t context_len, uint8_t *dst, size_t len);

#endif
