/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The resonance layer (HTP-3.4 to 3.8): what binds packet, channel and neural state. */
#ifndef HKP_LIBHTP_RESONANCE_H
#define HKP_LIBHTP_RESONANCE_H

#include "libhtp/crypto/crypto.h"
#include <hookprobe/htp.h>

/** Neural inputs of an epoch (HTP-3.4); all zero in mode N. */
struct hkp_htp__neural_secret {
    struct hkp_htp_neural in;
    /** 0 in mode N */
    uint64_t ck_index;
    /** who computes PoSF and holds the pin; NULL in mode N */
    const struct hkp_htp_registry *registry;
};

/** Ends the pin and erases the inputs. */
void hkp_htp__neural_drop(struct hkp_htp__neural_secret *neural);

/** RDV of everything but HELLO and its direct answers. */
void hkp_htp__rdv(uint8_t out[32], const uint8_t key[32], const uint8_t header[32],
                  const struct hkp_htp__neural_secret *neural, const uint8_t h[32]);
/** RDV of HELLO (label `HTP1 mac1` and S_v) and of its answers (c1): a MAC over the packet. */
void hkp_htp__rdv_packet(uint8_t out[32], const uint8_t key[32], const uint8_t *dgram, size_t len);

/** P of HTP-3.6. k is the key of the packet's RDV. HKP_OK or HKP_E_CALLBACK. */
hkp_status hkp_htp__posf(uint8_t out[32], const struct hkp_htp__neural_secret *neural, const uint8_t k[32],
                         uint8_t role, const uint8_t msg_hash[32], const uint8_t nonce[8]);
/** W_commit of HTP-3.6. */
void hkp_htp__w_commit(uint8_t out[32], const uint8_t ck[32], const uint8_t h[32],
                       const struct hkp_htp__neural_secret *neural, const uint8_t psk_res[32]);

/** Verdict of HTP-3.8 on four Unix times in microseconds: HKP_HTP_CLOCK_*. */
uint8_t hkp_htp__clock_verdict(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4);

#endif
