/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal, header-only, for all five libraries: canonical CBOR (D-CBOR of the DSM specification). Heads, and
 * the check of one whole item. What a fault is called is each library's own business; the order in which
 * faults are found is decided here alone (decision 0480).
 */
#ifndef HKP_LIBTER_CBOR_H
#define HKP_LIBTER_CBOR_H

#include <stddef.h>
#include <stdint.h>

#include "libter/bytes.h"
#include "libter/utf8.h"

enum { HKP_CBOR_DEPTH_MAX = 8, HKP_CBOR_HEAD_MAX = 9 };

/* Major types, and what of major type 7 is allowed. */
enum {
    HKP_CBOR_UINT = 0,
    HKP_CBOR_NEGINT = 1,
    HKP_CBOR_BYTES = 2,
    HKP_CBOR_TEXT = 3,
    HKP_CBOR_ARRAY = 4,
    HKP_CBOR_MAP = 5,
    HKP_CBOR_SIMPLE = 7,
    HKP_CBOR_FALSE = 20,
    HKP_CBOR_TRUE = 21,
    HKP_CBOR_NULL = 22
};

/* Faults, in no order; 0 is none. */
enum {
    HKP_CBOR_OK,
    HKP_CBOR_TRUNCATED,
    HKP_CBOR_RESERVED,
    HKP_CBOR_INDEFINITE,
    HKP_CBOR_TAGGED,
    HKP_CBOR_FLOAT,
    HKP_CBOR_NOT_SIMPLE,
    HKP_CBOR_NONMINIMAL,
    HKP_CBOR_UTF8,
    HKP_CBOR_KEY_TYPE,
    HKP_CBOR_KEY_DUP,
    HKP_CBOR_KEY_ORDER,
    HKP_CBOR_DEPTH,
    HKP_CBOR_RANGE,
    HKP_CBOR_TRAILING
};

struct hkp_cbor_head {
    unsigned major;
    uint64_t value; /* argument */
    size_t size;    /* bytes of the head */
};

/** Writes a head and returns its bytes. */
static inline size_t hkp_cbor_put_head(uint8_t dst[HKP_CBOR_HEAD_MAX], unsigned major, uint64_t value) {
    const uint8_t top = (uint8_t)(major << 5);
    if (value < 24) {
        dst[0] = (uint8_t)(top | value);
        return 1;
    }
    if (value <= UINT8_MAX) {
        dst[0] = top | 24;
        dst[1] = (uint8_t)value;
        return 2;
    }
    if (value <= UINT16_MAX) {
        dst[0] = top | 25;
        hkp_put_be16(dst + 1, (uint16_t)value);
        return 3;
    }
    if (value <= UINT32_MAX) {
        dst[0] = top | 26;
        hkp_put_be32(dst + 1, (uint32_t)value);
        return 5;
    }
    dst[0] = top | 27;
    hkp_put_be64(dst + 1, value);
    return 9;
}

/* What follows the first byte; D-CBOR-8, E_CBOR_TRUNCATED and E_CBOR_NONMINIMAL. */
static inline int hkp_cbor__argument(const uint8_t *in, size_t len, unsigned info, struct hkp_cbor_head *h) {
    static const uint64_t least[] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    const unsigned k = info - 24;
    const size_t size = 1 + ((size_t)1 << k);
    if (len < size) return HKP_CBOR_TRUNCATED;
    h->value = k == 0 ? in[1] : k == 1 ? hkp_be16(in + 1) : k == 2 ? hkp_be32(in + 1) : hkp_be64(in + 1);
    h->size = size;
    return h->value < least[k] ? HKP_CBOR_NONMINIMAL : HKP_CBOR_OK;
}

/** D-CBOR-8, the part "within one head" up to E_CBOR_NONMINIMAL. h is set on success only. */
static inline int hkp_cbor_read_head(const uint8_t *in, size_t len, struct hkp_cbor_head *h) {
    if (len == 0) return HKP_CBOR_TRUNCATED;
    struct hkp_cbor_head got = {in[0] >> 5, in[0] & 31U, 1};
    const unsigned info = in[0] & 31U;
    if (info >= 24 || got.major >= 6) {
        if (info >= 28 && info <= 30) return HKP_CBOR_RESERVED;
        if (info == 31) return HKP_CBOR_INDEFINITE;
        if (got.major == 6) return HKP_CBOR_TAGGED;
        if (got.major == 7 && info >= 25) return HKP_CBOR_FLOAT;
        if (got.major == 7 && (info < HKP_CBOR_FALSE || info > HKP_CBOR_NULL)) return HKP_CBOR_NOT_SIMPLE;
    }
    if (info >= 24) {
        const int fault = hkp_cbor__argument(in, len, info, &got);
        if (fault != HKP_CBOR_OK) return fault;
    }
    *h = got;
    return HKP_CBOR_OK;
}

static inline int hkp_cbor__check_string(const struct hkp_cbor_head *h, const uint8_t *at, size_t room) {
    if (h->value > room) return HKP_CBOR_TRUNCATED;
    if (h->major != HKP_CBOR_TEXT) return HKP_CBOR_OK;
    for (size_t i = 0; i < h->value;) {
        size_t n = hkp_utf8_character(at + i, (size_t)h->value - i);
        if (n == 0 || at[i] == 0) return HKP_CBOR_UTF8; /* D-CBOR-4 */
        i += n;
    }
    return HKP_CBOR_OK;
}

/* A container that is open: what is still to come in it. */
struct hkp_cbor__open {
    uint64_t left; /* items; a pair of a map is two */
    uint64_t key;
    uint8_t is_map, has_key;
};

/* The next item of a map stands where a key belongs. */
static inline int hkp_cbor__check_key(struct hkp_cbor__open *map, const struct hkp_cbor_head *h) {
    if (h->major != HKP_CBOR_UINT) return HKP_CBOR_KEY_TYPE;
    if (map->has_key && h->value == map->key) return HKP_CBOR_KEY_DUP;
    if (map->has_key && h->value < map->key) return HKP_CBOR_KEY_ORDER;
    map->key = h->value;
    map->has_key = 1;
    return HKP_CBOR_OK;
}

static inline int hkp_cbor__open_container(struct hkp_cbor__open *stack, size_t *depth,
                                           const struct hkp_cbor_head *h, size_t room) {
    const int is_map = h->major == HKP_CBOR_MAP;
    if (*depth == HKP_CBOR_DEPTH_MAX) return HKP_CBOR_DEPTH;
    if (h->value > (is_map ? room / 2 : room)) return HKP_CBOR_TRUNCATED;
    stack[(*depth)++] =
        (struct hkp_cbor__open){.left = is_map ? h->value * 2 : h->value, .is_map = (uint8_t)is_map};
    return HKP_CBOR_OK;
}

/** Is this exactly one canonical item? */
static inline int hkp_cbor_check(const uint8_t *in, size_t len) {
    struct hkp_cbor__open stack[HKP_CBOR_DEPTH_MAX];
    size_t depth = 0, at = 0;
    do {
        struct hkp_cbor_head h;
        int fault = hkp_cbor_read_head(in + at, len - at, &h);
        if (fault != HKP_CBOR_OK) return fault;
        at += h.size;
        if (depth > 0) {
            struct hkp_cbor__open *top = &stack[depth - 1];
            if (top->is_map && top->left % 2 == 0) fault = hkp_cbor__check_key(top, &h);
            if (fault != HKP_CBOR_OK) return fault;
            top->left--;
        }
        if (h.major == HKP_CBOR_NEGINT && h.value > INT64_MAX) return HKP_CBOR_RANGE;
        if (h.major == HKP_CBOR_BYTES || h.major == HKP_CBOR_TEXT) {
            fault = hkp_cbor__check_string(&h, in + at, len - at);
            if (fault == HKP_CBOR_OK) at += (size_t)h.value;
        }
        if (h.major == HKP_CBOR_ARRAY || h.major == HKP_CBOR_MAP)
            fault = hkp_cbor__open_container(stack, &depth, &h, len - at);
        if (fault != HKP_CBOR_OK) return fault;
        while (depth > 0 && stack[depth - 1].left == 0) depth--;
    } while (depth > 0);
    return at == len ? HKP_CBOR_OK : HKP_CBOR_TRAILING;
}

#endif
