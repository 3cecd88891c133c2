/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * AEADs by libcrypto, for packets that are long enough to gain by it (decision 0407). An endpoint has one
 * context for each suite and way, keyed for whoever used it last: sessions cost nothing here. libsodium does
 * everything that is left, and everything where there is no libcrypto (absent.c). The bytes are the same.
 */
#ifndef HKP_LIBHTP_CIPHERS_H
#define HKP_LIBHTP_CIPHERS_H

#include <hookprobe/base.h>

/** One context, and the key under which it stands. */
struct hkp_htp__cipher {
    /** EVP_CIPHER_CTX of libcrypto; NULL: not made yet */
    void *context;
    uint8_t key[32];
    uint8_t keyed;
    /** it could not be made, and is not tried again */
    uint8_t broken;
};

/** Those of an endpoint: [suite - 1][0 seals, 1 opens]. All zero is empty. */
struct hkp_htp__ciphers {
    struct hkp_htp__cipher at[2][2];
};

/** What is sealed or opened. */
struct hkp_htp__sealed {
    const uint8_t *key, *nonce, *aad;
    size_t aad_len;
    /** in place, the tag of 16 bytes behind it */
    uint8_t *text;
    size_t len;
    uint16_t suite;
};

/** Results of both: done; not done, and nothing changed; failed (seal) or forged (open), and the text is
 * lost. */
enum { HKP_HTP__CIPHER_DONE = 1, HKP_HTP__CIPHER_NOT = 0, HKP_HTP__CIPHER_BAD = -1 };

int hkp_htp__cipher_seal(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p);
int hkp_htp__cipher_open(struct hkp_htp__ciphers *c, const struct hkp_htp__sealed *p);
/** The key dies: nothing of it is left in a context. */
void hkp_htp__cipher_forget(struct hkp_htp__ciphers *c, const uint8_t key[32]);
void hkp_htp__ciphers_free(struct hkp_htp__ciphers *c);

#endif
