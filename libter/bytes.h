/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal, header-only, for all five libraries: explicit byte order and constant-time comparison.
 * No struct is ever copied to the wire (style 2.11).
 */
#ifndef HKP_LIBTER_BYTES_H
#define HKP_LIBTER_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t hkp_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t hkp_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t hkp_le64(const uint8_t *p) {
    return (uint64_t)hkp_le32(p) | (uint64_t)hkp_le32(p + 4) << 32;
}

static inline void hkp_put_le16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
/* Without loops: a compiler makes one store of these, and of a loop as many as there are bytes. */
static inline void hkp_put_le32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}
static inline void hkp_put_le64(uint8_t *p, uint64_t v) {
    hkp_put_le32(p, (uint32_t)v);
    hkp_put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t hkp_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t hkp_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline uint64_t hkp_be64(const uint8_t *p) { return (uint64_t)hkp_be32(p) << 32 | hkp_be32(p + 4); }

static inline void hkp_put_be16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void hkp_put_be32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
static inline void hkp_put_be64(uint8_t *p, uint64_t v) {
    hkp_put_be32(p, (uint32_t)(v >> 32));
    hkp_put_be32(p + 4, (uint32_t)v);
}

/** 1 if all len bytes are zero; time depends on len only. */
static inline int hkp_is_zero(const uint8_t *p, size_t len) {
    uint8_t acc = 0;
    for (size_t i = 0; i < len; i++) acc |= p[i];
    return acc == 0;
}

#endif
