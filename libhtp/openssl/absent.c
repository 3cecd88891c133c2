/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A library without libcrypto (-Dopenssl=disabled): libsodium does it all. */
#include "libhtp/openssl/ciphers.h"

int hkp_htp__cipher_seal(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p) {
    (void)c, (void)p;
    return HKP_HTP__CIPHER_NOT;
}

int hkp_htp__cipher_open(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p) {
    (void)c, (void)p;
    return HKP_HTP__CIPHER_NOT;
}

void hkp_htp__cipher_forget(struct hkp_htp__ciphers *c, const uint8_t key[32]) { (void)c, (void)key; }

void hkp_htp__ciphers_free(struct hkp_htp__ciphers *c) { (void)c; }
