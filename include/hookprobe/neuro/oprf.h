/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: blinded tokens (LAB-7.11). An analyst gets the token of a value from the holder of the
 * key without having the key, and the holder does not see the value: the OPRF of RFC 9497, mode 0x00, over
 * ristretto255 with SHA-512. What a token leaks is what hkp_neuro_hyb_token() leaks, per allowed query: who
 * may ask can guess the values of small sets, one query each.
 */
#ifndef HOOKPROBE_NEURO_OPRF_H
#define HOOKPROBE_NEURO_OPRF_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* hookprobe/neuro/hybrid.h */
struct hkp_neuro_hyb_secret;

enum {
    /** queries that a key answers within any minute */
    HKP_NEURO_OPRF_PER_MINUTE = 1000,
    /** bytes of a value's canonical CBOR */
    HKP_NEURO_OPRF_VALUE_MAX = 65000
};

/** What a token is of. The same for all three steps; all of it is borrowed for the call. */
struct hkp_neuro_oprf_value {
    /** [context_len] bytes, 1..64 */
    const uint8_t *context;
    size_t context_len;
    /** 0..65535 */
    uint32_t field_id;
    uint32_t epoch;
    /** [len] bytes, 1..65,000: the value's canonical CBOR */
    const uint8_t *value;
    size_t len;
};

/** Times of the last queries, zero at first. One for each key, or for each who may ask. */
struct hkp_neuro_oprf_limit {
    uint64_t at_ms[HKP_NEURO_OPRF_PER_MINUTE];
    uint32_t next;
    uint32_t zero;
};

/**
 * The analyst's first step: hide a value.
 *
 * @param value    what the token is of
 * @param rng      the system's generator
 * @param blind    written: secret of this query, wipe it after hkp_neuro_oprf_finish()
 * @param blinded  written: goes to the holder of the key, and says nothing about the value
 *
 * @retval HKP_OK                  hidden
 * @retval HKP_E_NEURO_HYB_PARAM   context_len, field_id or len
 * @retval HKP_E_CALLBACK          no randomness
 *
 * Cost: no allocation; one hash to the group and one multiplication.
 * Source: LAB-7.11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_oprf_blind(const struct hkp_neuro_oprf_value *value,
                                                     const struct hkp_rng *rng, uint8_t blind[32],
                                                     uint8_t blinded[32]);

/**
 * The holder's step: answer one query. Who asks was authenticated before.
 *
 * @param secret     keys, unchanged
 * @param limit      takes the query
 * @param now_ms     milliseconds since any beginning, never backwards
 * @param policy     of the messages that the values are of; RESTRICTED has no tokens
 * @param blinded    as it came; hostile
 * @param evaluated  written on success: the answer
 *
 * @retval HKP_OK                  answered
 * @retval HKP_E_NEURO_HYB_PARAM   policy, or blinded is no element of the group, or its neutral one
 * @retval HKP_E_NEURO_HYB_POLICY  RESTRICTED
 * @retval HKP_E_NEURO_BR_LIMIT    1,000 queries within the last minute; nothing changed
 *
 * Cost: no allocation; one hash and one multiplication.
 * Source: LAB-7.11, LAB-8.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_oprf_evaluate(const struct hkp_neuro_hyb_secret *secret,
                                                        struct hkp_neuro_oprf_limit *limit, uint64_t now_ms,
                                                        uint32_t policy, const uint8_t blinded[32],
                                                        uint8_t evaluated[32]);

/**
 * The analyst's last step: the token. Mode 0x00 proves nothing: a holder with another key gives other tokens.
 *
 * @param value      as in the first step
 * @param blind      of the first step
 * @param evaluated  the answer; hostile
 * @param token      written on success
 *
 * @retval HKP_OK                  written
 * @retval HKP_E_NEURO_HYB_PARAM   value, blind or evaluated is none
 *
 * Cost: no allocation; one multiplication and one hash.
 * Source: LAB-7.11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_oprf_finish(const struct hkp_neuro_oprf_value *value,
                                                      const uint8_t blind[32], const uint8_t evaluated[32],
                                                      uint8_t token[16]);

#ifdef __cplusplus
}
#endif

#endif
