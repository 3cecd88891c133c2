/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The key log of handshake messages, for the chain that knows no endpoint. */
#ifndef HKP_LIBHTP_TRACE_CHAIN_H
#define HKP_LIBHTP_TRACE_CHAIN_H

#include "libhtp/crypto/keys.h"

#ifdef HKP_HTP__TRACED
/** c->k sealed or opened a message whose header has this nonce; aad was c->h. */
void hkp_htp__trace_chain(const struct hkp_htp__chain_secret *c, const uint8_t nonce[8]);
#define HKP_HTP__TRACE_CHAIN(c, nonce)                                                                       \
    do {                                                                                                     \
        if ((c)->tap != NULL) hkp_htp__trace_chain(c, nonce);                                                \
    } while (0)
#else
#define HKP_HTP__TRACE_CHAIN(c, nonce) (void)(nonce)
#endif

#endif
