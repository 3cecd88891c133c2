/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Fixed-width records in ASCII or EBCDIC CP037 (LAB-7.7). */
#include "libneuro/bridge/bridge.h"

enum { FIRST = 0x20, LAST = 0x7E, PACKED_PLUS = 0xC, PACKED_MINUS = 0xD, DIGITS_MAX = 19 };

/* CP037 of the printable ASCII characters. */
static const uint8_t CP037[LAST - FIRST + 1] = {
    0x40, 0x5A, 0x7F, 0x7B, 0x5B, 0x6C, 0x50, 0x7D, 0x4D, 0x5D, 0x5C, 0x4E, 0x6B, 0x60, 0x4B, 0x61,
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0x7A, 0x5E, 0x4C, 0x7E, 0x6E, 0x6F,
    0x7C, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
    0xD7, 0xD8, 0xD9, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xBA, 0xE0, 0xBB, 0xB0, 0x6D,
    0x79, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC0, 0x4F, 0xD0, 0xA1};

/* The ASCII character of a byte of a record, or 0 if it is not printable. */
static uint8_t to_ascii(uint32_t charset, uint8_t byte) {
    if (charset == 0) return byte >= FIRST && byte <= LAST ? byte : 0;
    for (size_t i = 0; i < sizeof CP037; i++)
        if (CP037[i] == byte) return (uint8_t)(FIRST + i);
    return 0;
}

static uint8_t from_ascii(uint32_t charset, uint8_t c) { return charset == 0 ? c : CP037[c - FIRST]; }

int hkp_neuro__record_text_fits(const uint8_t *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] < FIRST || text[i] > LAST) return 0;
    return len == 0 || text[len - 1] != ' ';
}

/* ---- reading ---- */

/* The characters of a field into spare, or 0. */
static int take_text(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    for (uint32_t i = 0; i < f->rec_length; i++) {
        w->b->spare[i] = to_ascii(w->b->charset, w->in[f->rec_offset + i]);
        if (w->b->spare[i] == 0) return 0;
    }
    return 1;
}

static int take_digits(const uint8_t *text, size_t len, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < len; i++) { /* 19 digits at most */
        if (text[i] < '0' || text[i] > '9') return 0;
        *value = *value * 10 + (uint64_t)(text[i] - '0');
    }
    return 1;
}

static hkp_status put_signed(struct hkp_neuro__walk *w, int negative, uint64_t magnitude) {
    if (negative && magnitude == 0) return HKP_E_NEURO_BR_NUMBER;
    if (magnitude > (uint64_t)INT64_MAX + (uint64_t)negative) return HKP_E_NEURO_BR_RANGE;
    return hkp_neuro__put_int(w, negative ? -1 - (int64_t)(magnitude - 1) : (int64_t)magnitude);
}

static hkp_status read_text(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    const uint8_t *text = w->b->spare;
    size_t len = f->rec_length;
    if (!take_text(w, f)) return HKP_E_NEURO_BR_CHARSET;
    if (f->type == HKP_NEURO__BOOL) {
        if (text[0] != 'Y' && text[0] != 'N') return HKP_E_NEURO_BR_TYPE;
        return hkp_neuro__put_head(w, HKP_CBOR_SIMPLE, text[0] == 'Y' ? HKP_CBOR_TRUE : HKP_CBOR_FALSE);
    }
    while (len > 0 && text[len - 1] == ' ') len--;
    if (f->type == HKP_NEURO__TEXT) return hkp_neuro__put_string(w, HKP_CBOR_TEXT, text, len);
    const struct hkp_neuro__member *m = hkp_neuro__enum_name(&w->b->enums[f->arg], text, len);
    return m == NULL ? HKP_E_NEURO_BR_ENUM : hkp_neuro__put_int(w, m->number);
}

static hkp_status read_digits(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    uint64_t value;
    if (!take_text(w, f)) return HKP_E_NEURO_BR_CHARSET;
    if (f->rec_form == HKP_NEURO__REC_DIGITS)
        return take_digits(w->b->spare, f->rec_length, &value) ? hkp_neuro__put_head(w, HKP_CBOR_UINT, value)
                                                               : HKP_E_NEURO_BR_NUMBER;
    const uint8_t sign = w->b->spare[0];
    if ((sign != '+' && sign != '-') || !take_digits(w->b->spare + 1, f->rec_length - 1, &value))
        return HKP_E_NEURO_BR_NUMBER;
    return put_signed(w, sign == '-', value);
}

static hkp_status read_packed(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    const uint8_t *at = w->in + f->rec_offset;
    uint64_t value = 0;
    for (uint32_t i = 0; i < 2 * f->rec_length - 1; i++) {
        const unsigned digit = i % 2 == 0 ? at[i / 2] >> 4 : at[i / 2] & 15U;
        if (digit > 9) return HKP_E_NEURO_BR_NUMBER;
        value = value * 10 + digit;
    }
    const unsigned sign = at[f->rec_length - 1] & 15U;
    if (sign != PACKED_PLUS && sign != PACKED_MINUS) return HKP_E_NEURO_BR_NUMBER;
    return put_signed(w, sign == PACKED_MINUS, value);
}

static hkp_status read_binary(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    const uint8_t *at = w->in + f->rec_offset;
    const uint64_t v = f->rec_length == 2 ? hkp_be16(at) : f->rec_length == 4 ? hkp_be32(at) : hkp_be64(at);
    if (f->type == HKP_NEURO__U64) return hkp_neuro__put_head(w, HKP_CBOR_UINT, v);
    return hkp_neuro__put_int(w, f->rec_length == 2   ? (int64_t)(int16_t)v
                                 : f->rec_length == 4 ? (int64_t)(int32_t)v
                                                      : (int64_t)v);
}

static hkp_status read_field(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    switch (f->rec_form) {
    case HKP_NEURO__REC_TEXT:
        return read_text(w, f);
    case HKP_NEURO__REC_PACKED:
        return read_packed(w, f);
    case HKP_NEURO__REC_BINARY:
        return read_binary(w, f);
    default:
        return read_digits(w, f);
    }
}

/* What no field covers holds spaces: from byte to byte the next field's start is the end of the gap. */
static hkp_status check_filler(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m) {
    const uint8_t space = from_ascii(w->b->charset, ' ');
    for (size_t at = 0; at < w->len;) {
        size_t gap = w->len, after = w->len;
        for (uint32_t i = 0; i < m->n_fields; i++) {
            const struct hkp_neuro__field *f = &m->fields[i];
            if (f->rec_offset < at || f->rec_offset >= gap) continue;
            gap = f->rec_offset;
            after = gap + f->rec_length;
        }
        for (; at < gap; at++)
            if (w->in[at] != space) return hkp_neuro__refuse(w, w->in + at, HKP_E_NEURO_BR_FILLER);
        at = after;
    }
    return HKP_OK;
}

hkp_status hkp_neuro__record_decode(struct hkp_neuro__walk *w) {
    const struct hkp_neuro__message *m = &w->b->messages[0];
    if (w->len != w->b->record_length)
        return hkp_neuro__refuse(w, w->in + (w->len < w->b->record_length ? w->len : w->b->record_length),
                                 HKP_E_NEURO_BR_LENGTH);
    hkp_status st = hkp_neuro__put_head(w, HKP_CBOR_MAP, m->n_fields);
    for (uint32_t i = 0; i < m->n_fields && st == HKP_OK; i++) {
        const struct hkp_neuro__field *f = &m->fields[i];
        hkp_neuro__enter(w, f->id);
        st = hkp_neuro__put_head(w, HKP_CBOR_UINT, f->id);
        if (st == HKP_OK) st = read_field(w, f);
        if (st != HKP_OK) return hkp_neuro__refuse(w, w->in + f->rec_offset, st);
        w->depth--;
    }
    return st == HKP_OK ? check_filler(w, m) : st;
}

/* ---- writing ---- */

static void write_text(const struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t *text,
                       size_t len) {
    for (size_t i = 0; i < len; i++) w->out[f->rec_offset + i] = from_ascii(w->b->charset, text[i]);
}

/* width digits of value, as characters. */
static void fill_digits(uint64_t value, size_t width, uint8_t *dst) {
    for (size_t i = width; i-- > 0; value /= 10) dst[i] = (uint8_t)('0' + value % 10);
}

static void write_packed(uint8_t *at, uint32_t length, int negative, uint64_t magnitude) {
    uint8_t digits[DIGITS_MAX + 1];
    const uint32_t n = 2 * length - 1;
    fill_digits(magnitude, n, digits);
    digits[n] = negative ? PACKED_MINUS : PACKED_PLUS;
    for (uint32_t i = 0; i < length; i++)
        at[i] = (uint8_t)((digits[2 * i] & 15U) << 4 | (digits[2 * i + 1] & 15U));
}

static void write_number(const struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                         const struct hkp_cbor_head *h) {
    uint8_t text[DIGITS_MAX + 1], *at = w->out + f->rec_offset;
    const int negative = h->major == HKP_CBOR_NEGINT;
    const uint64_t magnitude = negative ? h->value + 1 : h->value, pattern = negative ? ~h->value : h->value;
    switch (f->rec_form) {
    case HKP_NEURO__REC_DIGITS:
        fill_digits(magnitude, f->rec_length, text);
        write_text(w, f, text, f->rec_length);
        break;
    case HKP_NEURO__REC_SIGNED:
        text[0] = negative ? '-' : '+';
        fill_digits(magnitude, f->rec_length - 1, text + 1);
        write_text(w, f, text, f->rec_length);
        break;
    case HKP_NEURO__REC_PACKED:
        write_packed(at, f->rec_length, negative, magnitude);
        break;
    default:
        for (uint32_t i = 0; i < f->rec_length; i++)
            at[i] = (uint8_t)(pattern >> (8 * (f->rec_length - 1 - i)));
    }
}

static void write_field(const struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                        const uint8_t **at) {
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    const struct hkp_neuro__member *m;
    switch (f->type) {
    case HKP_NEURO__BOOL:
        write_text(w, f, (const uint8_t *)(h.value == HKP_CBOR_TRUE ? "Y" : "N"), 1);
        break;
    case HKP_NEURO__TEXT:
        write_text(w, f, *at, (size_t)h.value);
        *at += h.value;
        break;
    case HKP_NEURO__ENUM:
        m = hkp_neuro__enum_number(&w->b->enums[f->arg], hkp_neuro__signed(&h));
        write_text(w, f, m->name, m->name_len);
        break;
    default:
        write_number(w, f, &h);
    }
}

hkp_status hkp_neuro__record_encode(struct hkp_neuro__walk *w) {
    const struct hkp_neuro__message *m = &w->b->messages[0];
    const uint8_t *at = w->in;
    const hkp_status st = hkp_neuro__room(w, w->b->record_length);
    if (st != HKP_OK) return st;
    memset(w->out, from_ascii(w->b->charset, ' '), w->b->record_length);
    (void)hkp_neuro__head(&at);
    for (uint32_t i = 0; i < m->n_fields; i++) { /* all of them are there */
        (void)hkp_neuro__head(&at);
        write_field(w, &m->fields[i], &at);
    }
    w->at = w->b->record_length;
    return HKP_OK;
}
