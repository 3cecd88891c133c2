/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Canonical CBOR (D-CBOR). Every head of RFC 8949 has the shape of an unsigned integer whose first three bits
 * were replaced, so one streaming call of libcbor decodes all of them; what is allowed is decided here alone,
 * and no version of libcbor can change it.
 */
#include <hookprobe/dsm.h>

#include <cbor.h>
#include <string.h>

#include "libter/utf8.h"

enum { DEPTH_MAX = 8, HEAD_MAX = 9 };

struct head {
    unsigned major;
    uint64_t value; /* argument */
    size_t size;    /* bytes of the head */
};

static void take_u8(void *to, uint8_t v) { *(uint64_t *)to = v; }
static void take_u16(void *to, uint16_t v) { *(uint64_t *)to = v; }
static void take_u32(void *to, uint32_t v) { *(uint64_t *)to = v; }
static void take_u64(void *to, uint64_t v) { *(uint64_t *)to = v; }

/* Only integers are ever decoded, so the other callbacks are never called. */
static const struct cbor_callbacks INTEGERS = {
    .uint8 = take_u8, .uint16 = take_u16, .uint32 = take_u32, .uint64 = take_u64};

static size_t encode_head(uint8_t dst[HEAD_MAX], unsigned major, uint64_t value) {
    size_t size = cbor_encode_uint(value, dst, HEAD_MAX);
    dst[0] = (uint8_t)(dst[0] | major << 5);
    return size;
}

/* D-CBOR-8, the part "within one head" up to E_CBOR_NONMINIMAL. */
static hkp_status read_head(const uint8_t *in, size_t len, struct head *h) {
    if (len == 0) return HKP_E_DSM_CBOR_TRUNCATED;
    const unsigned info = in[0] & 31U;
    h->major = in[0] >> 5;
    if (info >= 28 && info <= 30) return HKP_E_DSM_CBOR_RESERVED;
    if (info == 31) return HKP_E_DSM_CBOR_INDEFINITE;
    if (h->major == 6) return HKP_E_DSM_CBOR_TAG;
    if (h->major == 7 && info >= 25) return HKP_E_DSM_CBOR_FLOAT;
    if (h->major == 7 && (info < HKP_DSM_CBOR_FALSE || info > HKP_DSM_CBOR_NULL))
        return HKP_E_DSM_CBOR_SIMPLE;

    uint8_t integer[HEAD_MAX] = {0}, shortest[HEAD_MAX];
    const size_t have = len < HEAD_MAX ? len : HEAD_MAX;
    memcpy(integer, in, have);
    integer[0] = (uint8_t)info;
    struct cbor_decoder_result got = cbor_stream_decode(integer, have, &INTEGERS, &h->value);
    if (got.status != CBOR_DECODER_FINISHED) return HKP_E_DSM_CBOR_TRUNCATED;
    h->size = got.read;
    if (encode_head(shortest, 0, h->value) != h->size) return HKP_E_DSM_CBOR_NONMINIMAL;
    return HKP_OK;
}

static hkp_status check_string(const struct head *h, const uint8_t *at, size_t room) {
    if (h->value > room) return HKP_E_DSM_CBOR_TRUNCATED;
    if (h->major != HKP_DSM_CBOR_TEXT) return HKP_OK;
    for (size_t i = 0; i < h->value;) {
        size_t n = hkp_utf8_character(at + i, (size_t)h->value - i);
        if (n == 0 || at[i] == 0) return HKP_E_DSM_CBOR_UTF8; /* D-CBOR-4 */
        i += n;
    }
    return HKP_OK;
}

/* A container that is open: what is still to come in it. */
struct open {
    uint64_t left; /* items; a pair of a map is two */
    uint64_t key;
    uint8_t is_map, has_key;
};

/* The next item of a map stands where a key belongs. */
static hkp_status check_key(struct open *map, const struct head *h) {
    if (h->major != HKP_DSM_CBOR_UINT) return HKP_E_DSM_CBOR_KEY_TYPE;
    if (map->has_key && h->value == map->key) return HKP_E_DSM_CBOR_KEY_DUP;
    if (map->has_key && h->value < map->key) return HKP_E_DSM_CBOR_KEY_ORDER;
    map->key = h->value;
    map->has_key = 1;
    return HKP_OK;
}

static hkp_status open_container(struct open *stack, size_t *depth, const struct head *h, size_t room) {
    const int is_map = h->major == HKP_DSM_CBOR_MAP;
    if (*depth == DEPTH_MAX) return HKP_E_DSM_CBOR_DEPTH;
    if (h->value > (is_map ? room / 2 : room)) return HKP_E_DSM_CBOR_TRUNCATED;
    stack[(*depth)++] = (struct open){.left = is_map ? h->value * 2 : h->value, .is_map = (uint8_t)is_map};
    return HKP_OK;
}

hkp_status hkp_dsm_cbor_check(const uint8_t *in, size_t len) {
    struct open stack[DEPTH_MAX];
    size_t depth = 0, at = 0;
    do {
        struct head h;
        hkp_status st = read_head(in + at, len - at, &h);
        if (st != HKP_OK) return st;
        at += h.size;
        if (depth > 0) {
            struct open *top = &stack[depth - 1];
            if (top->is_map && top->left % 2 == 0) st = check_key(top, &h);
            if (st != HKP_OK) return st;
            top->left--;
        }
        if (h.major == HKP_DSM_CBOR_NEGINT && h.value > INT64_MAX) return HKP_E_DSM_CBOR_RANGE;
        if (h.major == HKP_DSM_CBOR_BYTES || h.major == HKP_DSM_CBOR_TEXT) {
            st = check_string(&h, in + at, len - at);
            if (st == HKP_OK) at += (size_t)h.value;
        }
        if (h.major == HKP_DSM_CBOR_ARRAY || h.major == HKP_DSM_CBOR_MAP)
            st = open_container(stack, &depth, &h, len - at);
        if (st != HKP_OK) return st;
        while (depth > 0 && stack[depth - 1].left == 0) depth--;
    } while (depth > 0);
    return at == len ? HKP_OK : HKP_E_DSM_CBOR_TRAILING;
}

/* ---- Reading --------------------------------------------------------------------------------------------
 */

hkp_status hkp_dsm_cbor_read(struct hkp_dsm_cbor_reader *r, const uint8_t *in, size_t len) {
    *r = (struct hkp_dsm_cbor_reader){.next = in, .end = in + len, .status = hkp_dsm_cbor_check(in, len)};
    return r->status;
}

static void refuse(struct hkp_dsm_cbor_reader *r) {
    if (r->status == HKP_OK) r->status = HKP_E_DSM_SCHEMA;
}

int32_t hkp_dsm_cbor_type(const struct hkp_dsm_cbor_reader *r) {
    return r->status != HKP_OK || r->next == r->end ? HKP_DSM_CBOR_END : *r->next >> 5;
}

/* Take a head of this major type with an argument in min..max; the bytes were checked before. */
static uint64_t take_head(struct hkp_dsm_cbor_reader *r, int32_t major, uint64_t min, uint64_t max) {
    struct head h;
    if (hkp_dsm_cbor_type(r) != major || read_head(r->next, (size_t)(r->end - r->next), &h) != HKP_OK ||
        h.value < min || h.value > max) {
        refuse(r);
        return 0;
    }
    r->next += h.size;
    return h.value;
}

uint64_t hkp_dsm_cbor_uint(struct hkp_dsm_cbor_reader *r, uint64_t min, uint64_t max) {
    return take_head(r, HKP_DSM_CBOR_UINT, min, max);
}

int64_t hkp_dsm_cbor_int(struct hkp_dsm_cbor_reader *r, int64_t min, int64_t max) {
    const int negative = hkp_dsm_cbor_type(r) == HKP_DSM_CBOR_NEGINT;
    uint64_t value = take_head(r, negative ? HKP_DSM_CBOR_NEGINT : HKP_DSM_CBOR_UINT, 0, INT64_MAX);
    int64_t result = negative ? -1 - (int64_t)value : (int64_t)value;
    if (r->status == HKP_OK && (result < min || result > max)) refuse(r);
    return r->status == HKP_OK ? result : 0;
}

static const uint8_t *take_string(struct hkp_dsm_cbor_reader *r, int32_t major, size_t min, size_t max,
                                  size_t *len) {
    uint64_t n = take_head(r, major, min, max);
    if (r->status == HKP_OK && n > (size_t)(r->end - r->next)) refuse(r);
    if (r->status != HKP_OK) return NULL;
    const uint8_t *at = r->next;
    r->next += n;
    if (len != NULL) *len = (size_t)n;
    return at;
}

const uint8_t *hkp_dsm_cbor_bytes(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len) {
    return take_string(r, HKP_DSM_CBOR_BYTES, min, max, len);
}

void hkp_dsm_cbor_fixed(struct hkp_dsm_cbor_reader *r, uint8_t *dst, size_t len) {
    const uint8_t *at = take_string(r, HKP_DSM_CBOR_BYTES, len, len, NULL);
    if (at != NULL) memcpy(dst, at, len);
}

const char *hkp_dsm_cbor_text(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len) {
    return (const char *)take_string(r, HKP_DSM_CBOR_TEXT, min, max, len);
}

size_t hkp_dsm_cbor_array(struct hkp_dsm_cbor_reader *r, size_t min, size_t max) {
    return (size_t)take_head(r, HKP_DSM_CBOR_ARRAY, min, max);
}

size_t hkp_dsm_cbor_map(struct hkp_dsm_cbor_reader *r, size_t min, size_t max) {
    return (size_t)take_head(r, HKP_DSM_CBOR_MAP, min, max);
}

size_t hkp_dsm_cbor_object(struct hkp_dsm_cbor_reader *r, uint64_t known) {
    size_t left = hkp_dsm_cbor_map(r, 1, SIZE_MAX);
    hkp_dsm_cbor_key(r, &left, 0);
    uint64_t version = hkp_dsm_cbor_uint(r, 1, UINT64_MAX);
    if (r->status == HKP_OK && version > known) r->status = HKP_E_DSM_VERSION;
    return r->status == HKP_OK ? left : 0;
}

void hkp_dsm_cbor_key(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key) {
    if (*left == 0) refuse(r);
    (void)take_head(r, HKP_DSM_CBOR_UINT, key, key);
    if (r->status == HKP_OK) (*left)--;
}

int32_t hkp_dsm_cbor_option(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key) {
    struct hkp_dsm_cbor_reader try = *r;
    size_t try_left = *left;
    hkp_dsm_cbor_key(&try, &try_left, key);
    if (try.status != HKP_OK) return 0;
    *r = try;
    *left = try_left;
    return 1;
}

void hkp_dsm_cbor_close(struct hkp_dsm_cbor_reader *r, size_t left) {
    if (left != 0) refuse(r);
}

int32_t hkp_dsm_cbor_simple(struct hkp_dsm_cbor_reader *r) {
    return (int32_t)take_head(r, HKP_DSM_CBOR_SIMPLE, HKP_DSM_CBOR_FALSE, HKP_DSM_CBOR_NULL);
}

const uint8_t *hkp_dsm_cbor_skip(struct hkp_dsm_cbor_reader *r, size_t *len) {
    const uint8_t *from = r->next;
    uint64_t left = 1; /* items to come; the check has bounded it by the bytes */
    while (left > 0 && r->status == HKP_OK) {
        int32_t major = hkp_dsm_cbor_type(r);
        uint64_t value = take_head(r, major, 0, UINT64_MAX);
        if (major == HKP_DSM_CBOR_BYTES || major == HKP_DSM_CBOR_TEXT) {
            if (value > (size_t)(r->end - r->next))
                refuse(r);
            else
                r->next += value;
        }
        left += major == HKP_DSM_CBOR_ARRAY ? value : major == HKP_DSM_CBOR_MAP ? value * 2 : 0;
        left--;
    }
    if (r->status != HKP_OK) return NULL;
    if (len != NULL) *len = (size_t)(r->next - from);
    return from;
}

/* ---- Writing --------------------------------------------------------------------------------------------
 */

void hkp_dsm_cbor_put_raw(struct hkp_dsm_cbor_writer *w, const uint8_t *encoded, size_t len) {
    if (w->status == HKP_OK && len > w->cap - w->len) w->status = HKP_E_NOSPC;
    if (w->status == HKP_OK && len > 0) memcpy(w->out + w->len, encoded, len);
    w->len += len;
}

static void put_head(struct hkp_dsm_cbor_writer *w, unsigned major, uint64_t value) {
    uint8_t head[HEAD_MAX];
    size_t size = encode_head(head, major, value);
    hkp_dsm_cbor_put_raw(w, head, size);
}

void hkp_dsm_cbor_put_uint(struct hkp_dsm_cbor_writer *w, uint64_t value) {
    put_head(w, HKP_DSM_CBOR_UINT, value);
}

void hkp_dsm_cbor_put_int(struct hkp_dsm_cbor_writer *w, int64_t value) {
    if (value < 0)
        put_head(w, HKP_DSM_CBOR_NEGINT, (uint64_t)(-1 - value));
    else
        put_head(w, HKP_DSM_CBOR_UINT, (uint64_t)value);
}

void hkp_dsm_cbor_put_bytes(struct hkp_dsm_cbor_writer *w, const uint8_t *data, size_t len) {
    put_head(w, HKP_DSM_CBOR_BYTES, len);
    hkp_dsm_cbor_put_raw(w, data, len);
}

void hkp_dsm_cbor_put_text(struct hkp_dsm_cbor_writer *w, const char *text, size_t len) {
    put_head(w, HKP_DSM_CBOR_TEXT, len);
    hkp_dsm_cbor_put_raw(w, (const uint8_t *)text, len);
}

void hkp_dsm_cbor_put_array(struct hkp_dsm_cbor_writer *w, size_t count) {
    put_head(w, HKP_DSM_CBOR_ARRAY, count);
}

void hkp_dsm_cbor_put_map(struct hkp_dsm_cbor_writer *w, size_t count) {
    put_head(w, HKP_DSM_CBOR_MAP, count);
}

void hkp_dsm_cbor_put_simple(struct hkp_dsm_cbor_writer *w, int32_t value) {
    const int known = value >= HKP_DSM_CBOR_FALSE && value <= HKP_DSM_CBOR_NULL;
    if (!known && w->status == HKP_OK) w->status = HKP_E_INVAL;
    if (known) put_head(w, HKP_DSM_CBOR_SIMPLE, (uint64_t)value);
}
