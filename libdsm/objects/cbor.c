/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Canonical CBOR (D-CBOR) under the names and results of this library; the mechanism is libter/cbor.h. */
#include "libter/cbor.h"

#include <hookprobe/dsm.h>
#include <string.h>

hkp_status hkp_dsm_cbor_check(const uint8_t *in, size_t len) {
    static const hkp_status names[] = {
        [HKP_CBOR_OK] = HKP_OK,
        [HKP_CBOR_TRUNCATED] = HKP_E_DSM_CBOR_TRUNCATED,
        [HKP_CBOR_RESERVED] = HKP_E_DSM_CBOR_RESERVED,
        [HKP_CBOR_INDEFINITE] = HKP_E_DSM_CBOR_INDEFINITE,
        [HKP_CBOR_TAGGED] = HKP_E_DSM_CBOR_TAG,
        [HKP_CBOR_FLOAT] = HKP_E_DSM_CBOR_FLOAT,
        [HKP_CBOR_NOT_SIMPLE] = HKP_E_DSM_CBOR_SIMPLE,
        [HKP_CBOR_NONMINIMAL] = HKP_E_DSM_CBOR_NONMINIMAL,
        [HKP_CBOR_UTF8] = HKP_E_DSM_CBOR_UTF8,
        [HKP_CBOR_KEY_TYPE] = HKP_E_DSM_CBOR_KEY_TYPE,
        [HKP_CBOR_KEY_DUP] = HKP_E_DSM_CBOR_KEY_DUP,
        [HKP_CBOR_KEY_ORDER] = HKP_E_DSM_CBOR_KEY_ORDER,
        [HKP_CBOR_DEPTH] = HKP_E_DSM_CBOR_DEPTH,
        [HKP_CBOR_RANGE] = HKP_E_DSM_CBOR_RANGE,
        [HKP_CBOR_TRAILING] = HKP_E_DSM_CBOR_TRAILING,
    };
    return names[hkp_cbor_check(in, len)];
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
    struct hkp_cbor_head h;
    if (hkp_dsm_cbor_type(r) != major ||
        hkp_cbor_read_head(r->next, (size_t)(r->end - r->next), &h) != HKP_CBOR_OK || h.value < min ||
        h.value > max) {
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
    uint8_t head[HKP_CBOR_HEAD_MAX];
    size_t size = hkp_cbor_put_head(head, major, value);
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
