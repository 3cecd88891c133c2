/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The canonical Protobuf bytes of an intermediary: ascending field numbers, numbers packed (LAB-7.3,
 * LAB-7.7). */
#include "libneuro/bridge/pb.h"

static size_t varint(uint64_t v, uint8_t dst[HKP_NEURO__VARINT_MAX]) {
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) dst[n++] = (uint8_t)(v | 0x80);
    dst[n++] = (uint8_t)v;
    return n;
}

static hkp_status put_varint(struct hkp_neuro__walk *w, uint64_t v) {
    uint8_t bytes[HKP_NEURO__VARINT_MAX];
    return hkp_neuro__put(w, bytes, varint(v, bytes));
}

static hkp_status put_tag(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, unsigned wire) {
    return put_varint(w, (uint64_t)f->pb_number << 3 | wire);
}

/* One byte is kept for a length; when what it counts is longer than that, it moves up. */
static hkp_status close_length(struct hkp_neuro__walk *w, size_t from) {
    uint8_t bytes[HKP_NEURO__VARINT_MAX];
    const size_t len = w->at - from, n = varint(len, bytes);
    const hkp_status st = hkp_neuro__room(w, n - 1);
    if (st != HKP_OK) return st;
    if (n > 1) memmove(w->out + from + n - 1, w->out + from, len);
    memcpy(w->out + from - 1, bytes, n);
    w->at += n - 1;
    return HKP_OK;
}

/* ---- values ---- */

/* The number of a field that is one: as it stands on the wire, before it is a varint or 4 or 8 bytes. */
static uint64_t number_of(const struct hkp_neuro__field *f, const struct hkp_cbor_head *h,
                          const uint8_t *bytes) {
    if (f->type == HKP_NEURO__BOOL) return h->value == HKP_CBOR_TRUE;
    if (f->type == HKP_NEURO__F64) return hkp_be64(bytes);
    if (h->major != HKP_CBOR_NEGINT) return hkp_neuro__pb_zigzag(f) ? h->value << 1 : h->value;
    return hkp_neuro__pb_zigzag(f) ? h->value << 1 | 1 : ~h->value;
}

static hkp_status put_number(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, uint64_t v) {
    uint8_t bytes[8];
    const unsigned wire = hkp_neuro__pb_wire(f);
    if (wire == HKP_NEURO__WIRE_VARINT) return put_varint(w, v);
    hkp_put_le64(bytes, v);
    return hkp_neuro__put(w, bytes, wire == HKP_NEURO__WIRE_32 ? 4 : 8);
}

static hkp_status put_bytes(struct hkp_neuro__walk *w, const void *bytes, size_t len) {
    const hkp_status st = put_varint(w, len);
    return st == HKP_OK ? hkp_neuro__put(w, bytes, len) : st;
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t **at);

/* The value without its tag; the cursor is left behind it. */
static hkp_status put_value(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at) {
    if (f->type == HKP_NEURO__MESSAGE) {
        hkp_status st = hkp_neuro__put(w, "", 1);
        const size_t from = w->at;
        if (st == HKP_OK) st = put_message(w, &w->b->messages[f->arg], at);
        return st == HKP_OK ? close_length(w, from) : st;
    }
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    const uint8_t *bytes = *at;
    if (h.major == HKP_CBOR_BYTES || h.major == HKP_CBOR_TEXT) *at += h.value;
    if (f->pb_type == HKP_NEURO__PB_STRING && f->type == HKP_NEURO__DECIMAL) {
        uint8_t text[HKP_NEURO__INTEGER_TEXT_MAX];
        return put_bytes(w, text, hkp_neuro__signed_write(hkp_neuro__signed(&h), f->arg, text));
    }
    if (hkp_neuro__pb_wire(f) == HKP_NEURO__WIRE_BYTES) return put_bytes(w, bytes, (size_t)h.value);
    return put_number(w, f, number_of(f, &h, bytes));
}

static hkp_status put_list(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at) {
    const uint64_t n = hkp_neuro__head(at).value;
    const int packed = hkp_neuro__pb_wire(f) != HKP_NEURO__WIRE_BYTES;
    hkp_status st = HKP_OK;
    if (n == 0) return HKP_OK;
    if (packed) st = put_tag(w, f, HKP_NEURO__WIRE_BYTES);
    if (packed && st == HKP_OK) st = hkp_neuro__put(w, "", 1);
    const size_t from = w->at;
    for (uint64_t i = 0; i < n && st == HKP_OK; i++) {
        if (!packed) st = put_tag(w, f, HKP_NEURO__WIRE_BYTES);
        if (st == HKP_OK) st = put_value(w, f, at);
    }
    return packed && st == HKP_OK ? close_length(w, from) : st;
}

/* A value that is not sent where there is no presence. */
static int is_default(const struct hkp_neuro__field *f, const uint8_t *at) {
    if (f->cardinality != HKP_NEURO__REQUIRED || f->type == HKP_NEURO__MESSAGE) return 0;
    if (f->type == HKP_NEURO__DECIMAL && f->pb_type == HKP_NEURO__PB_STRING) return 0;
    if (f->type == HKP_NEURO__BOOL) return *at == (HKP_CBOR_SIMPLE << 5 | HKP_CBOR_FALSE);
    if (f->type == HKP_NEURO__F64) return hkp_is_zero(at + 1, 8); /* minus zero is sent */
    return *at == HKP_CBOR_UINT << 5 || *at == HKP_CBOR_TEXT << 5 || *at == HKP_CBOR_BYTES << 5;
}

static hkp_status put_field(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at) {
    if (f->cardinality == HKP_NEURO__REPEATED) return put_list(w, f, at);
    if (is_default(f, *at)) {
        *at = hkp_neuro__skip(*at);
        return HKP_OK;
    }
    const hkp_status st = put_tag(w, f, hkp_neuro__pb_wire(f));
    return st == HKP_OK ? put_value(w, f, at) : st;
}

/* Where the numbers ascend with the ids, fields go out as they stand; else each is found first. */
static hkp_status put_in_order(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint64_t n,
                               const uint8_t **at) {
    const struct hkp_neuro__field *f = m->fields;
    hkp_status st = HKP_OK;
    for (uint64_t i = 0; i < n && st == HKP_OK; i++) {
        const uint64_t id = hkp_neuro__head(at).value;
        while (f->id != id) f++;
        st = put_field(w, f, at);
    }
    return st;
}

static hkp_status put_by_number(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint64_t n,
                                const uint8_t **at) {
    const uint8_t *value[HKP_NEURO__FIELDS_MAX];
    const struct hkp_neuro__field *f = m->fields;
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < m->n_fields; i++) value[i] = NULL;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t id = hkp_neuro__head(at).value;
        while (f->id != id) f++;
        value[f - m->fields] = *at;
        *at = hkp_neuro__skip(*at);
    }
    for (uint32_t i = 0; i < m->n_fields && st == HKP_OK; i++) {
        const uint32_t index = m->by_number[i];
        if (value[index] != NULL) st = put_field(w, &m->fields[index], &value[index]);
    }
    return st;
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t **at) {
    const uint64_t n = hkp_neuro__head(at).value;
    return m->in_order ? put_in_order(w, m, n, at) : put_by_number(w, m, n, at);
}

hkp_status hkp_neuro__pb_encode(struct hkp_neuro__walk *w) {
    const uint8_t *at = w->in;
    return put_message(w, &w->b->messages[0], &at);
}
