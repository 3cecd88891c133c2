/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Protected packets (HTP-7): numbers, nonces, the replay window, sealing and opening in place. */
#ifndef HKP_LIBHTP_RECORD_H
#define HKP_LIBHTP_RECORD_H

#include "libhtp/crypto/keys.h"
#include "libhtp/wire/wire.h"

/* 17 words hold at least the 1024 packets of HTP-7.5 below the largest. */
enum { HKP_HTP__WINDOW_WORDS = 17 };

/** Packet numbers already opened, HTP-7.5: the largest and a bitmap below it. */
struct hkp_htp__window {
    /** largest opened + 1; 0: none yet */
    uint64_t next;
    /** bit pn % (64 * words) */
    uint64_t seen[HKP_HTP__WINDOW_WORDS];
};

/** 1: may be opened; 0: seen, or below the window. */
int hkp_htp__window_check(const struct hkp_htp__window *w, uint64_t pn);
void hkp_htp__window_mark(struct hkp_htp__window *w, uint64_t pn);
/** The packet number that a sequence field means (HTP-7.1). next = largest opened + 1. */
uint64_t hkp_htp__record_number(uint64_t next, uint32_t sequence);

/** What both directions of one packet need beside its keys. */
struct hkp_htp__record {
    struct hkp_htp__epoch_secret *epoch;
    /** transcript hash of the session */
    const uint8_t *h_final;
    /** header mask of the sender's direction; NULL: not masked */
    const uint8_t *hp;
    /** 0: sent by E, 1: sent by V */
    uint8_t direction;
    /** contexts of libcrypto; NULL: libsodium does it all */
    struct hkp_htp__ciphers *ciphers;
};

/** Header fields of a packet to seal. */
struct hkp_htp__record_out {
    uint16_t type;
    uint8_t res;
    uint64_t pn;
    uint32_t timestamp;
    uint64_t token;
    uint8_t nonce[8];
};

/**
 * Builds a packet in dgram, whose plaintext of text_len bytes stands at offset 36 and is moved if the layer
 * is wanted. HKP_OK and *len, or HKP_E_CALLBACK when PoSF cannot be computed, or
 * HKP_E_HTP_INTERNAL (nothing may be sent then).
 */
hkp_status hkp_htp__record_seal(const struct hkp_htp__record *r, const struct hkp_htp__record_out *out,
                                uint8_t *dgram, size_t text_len, size_t *len);

/**
 * Opens in place: HKP_E_HTP_AUTH leaves dgram lost and nothing else changed. On HKP_OK the plaintext is
 * dgram[header->prefix : len - 16].
 */
hkp_status hkp_htp__record_open(const struct hkp_htp__record *r, const struct hkp_htp__header *header,
                                uint8_t *dgram, size_t len);
/** RDV and PoSF of an opened packet with the layer: HKP_OK, HKP_E_HTP_RESONANCE or HKP_E_CALLBACK. */
hkp_status hkp_htp__record_verify(const struct hkp_htp__record *r, const struct hkp_htp__header *header,
                                  const uint8_t *dgram, size_t len);

#endif
