/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Header-only: pairs of a closed map, key and value in one call. */
#ifndef HKP_LIBDSM_FIELDS_H
#define HKP_LIBDSM_FIELDS_H

#include <hookprobe/dsm.h>

static inline void put_uint_field(struct hkp_dsm_cbor_writer *w, uint64_t key, uint64_t value) {
    hkp_dsm_cbor_put_uint(w, key);
    hkp_dsm_cbor_put_uint(w, value);
}

static inline void put_bytes_field(struct hkp_dsm_cbor_writer *w, uint64_t key, const uint8_t *data,
                                   size_t len) {
    hkp_dsm_cbor_put_uint(w, key);
    hkp_dsm_cbor_put_bytes(w, data, len);
}

static inline uint64_t uint_field(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key, uint64_t min,
                                  uint64_t max) {
    hkp_dsm_cbor_key(r, left, key);
    return hkp_dsm_cbor_uint(r, min, max);
}

static inline void fixed_field(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key, uint8_t *dst,
                               size_t len) {
    hkp_dsm_cbor_key(r, left, key);
    hkp_dsm_cbor_fixed(r, dst, len);
}

/* 1 if the pair is there, with its value in dst. */
static inline uint8_t optional_fixed(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key, uint8_t *dst,
                                     size_t len) {
    if (!hkp_dsm_cbor_option(r, left, key)) return 0;
    hkp_dsm_cbor_fixed(r, dst, len);
    return 1;
}

/* The value, or 0 if the pair is not there; min is at least 1. */
static inline uint64_t optional_uint(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key, uint64_t min,
                                     uint64_t max) {
    return hkp_dsm_cbor_option(r, left, key) ? hkp_dsm_cbor_uint(r, min, max) : 0;
}

#endif
