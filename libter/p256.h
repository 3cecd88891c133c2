/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter: ECDSA and ECDH over P-256 by mbedTLS; bytes in, bytes out. Points are x || y. */
#ifndef HKP_LIBTER_P256_H
#define HKP_LIBTER_P256_H

#include <hookprobe/base.h>

/** HKP_OK, HKP_E_INVAL: no such point or another signature; HKP_E_NOMEM. */
hkp_status hkp_ter__p256_verify(const uint8_t point[64], const uint8_t digest[32],
                                const uint8_t signature[64]);

/** Deterministic (RFC 6979); rng blinds the arithmetic. HKP_E_INVAL: no secret of the curve. */
hkp_status hkp_ter__p256_sign(const uint8_t secret[32], const uint8_t digest[32], const struct hkp_rng *rng,
                              uint8_t signature[64]);

/** HKP_E_INVAL: no secret of the curve. */
hkp_status hkp_ter__p256_public(const uint8_t secret[32], const struct hkp_rng *rng, uint8_t point[64]);

/** A fresh secret and its point; HKP_E_CALLBACK if rng failed. */
hkp_status hkp_ter__p256_key(uint8_t secret[32], uint8_t point[64], const struct hkp_rng *rng);

/** x of secret * point; HKP_E_INVAL: no such point. */
hkp_status hkp_ter__p256_shared(const uint8_t secret[32], const uint8_t point[64], const struct hkp_rng *rng,
                                uint8_t x[32]);

#endif
