/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The finished intermediary, before anything is given out: types, ranges, names and characters for both sides
 * of the table at once, so that what decodes on one side always encodes on the other (LAB-7.8).
 */
#include "libneuro/bridge/bridge.h"

static int unsigned_fits(const struct hkp_neuro_bridge *b, const struct hkp_neuro__field *f, uint64_t v) {
    if ((b->sides & HKP_NEURO_BRIDGE_PROTOBUF) && v > UINT32_MAX &&
        (f->pb_type == HKP_NEURO__PB_UINT32 || f->pb_type == HKP_NEURO__PB_FIXED32))
        return 0;
    if (!(b->sides & HKP_NEURO_BRIDGE_RECORD)) return 1;
    if (f->rec_form == HKP_NEURO__REC_DIGITS) return v < hkp_neuro__tens[f->rec_length];
    return f->rec_length == 8 || v >> (8 * f->rec_length) == 0;
}

static int signed_fits(const struct hkp_neuro_bridge *b, const struct hkp_neuro__field *f, int64_t v) {
    const uint64_t magnitude = v < 0 ? (uint64_t)(-1 - v) + 1 : (uint64_t)v;
    if ((b->sides & HKP_NEURO_BRIDGE_PROTOBUF) && (v < INT32_MIN || v > INT32_MAX) &&
        (f->pb_type == HKP_NEURO__PB_INT32 || f->pb_type == HKP_NEURO__PB_SINT32 ||
         f->pb_type == HKP_NEURO__PB_SFIXED32))
        return 0;
    if (!(b->sides & HKP_NEURO_BRIDGE_RECORD)) return 1;
    if (f->rec_form == HKP_NEURO__REC_SIGNED) return magnitude < hkp_neuro__tens[f->rec_length - 1];
    if (f->rec_form == HKP_NEURO__REC_PACKED) return magnitude < hkp_neuro__tens[2 * f->rec_length - 1];
    const int64_t bound = f->rec_length == 2 ? INT16_MAX : f->rec_length == 4 ? INT32_MAX : INT64_MAX;
    return v >= -1 - bound && v <= bound;
}

/* All but messages; the cursor is left behind the value. */
static hkp_status check_scalar(const struct hkp_neuro_bridge *b, const struct hkp_neuro__field *f,
                               const uint8_t **at) {
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    const int integer = h.major == HKP_CBOR_UINT || h.major == HKP_CBOR_NEGINT;
    const uint8_t *bytes = *at;
    switch (f->type) {
    case HKP_NEURO__BOOL:
        return h.major == HKP_CBOR_SIMPLE && h.value != HKP_CBOR_NULL ? HKP_OK : HKP_E_NEURO_BR_TYPE;
    case HKP_NEURO__U64:
        if (h.major != HKP_CBOR_UINT) return HKP_E_NEURO_BR_TYPE;
        return unsigned_fits(b, f, h.value) ? HKP_OK : HKP_E_NEURO_BR_RANGE;
    case HKP_NEURO__I64:
    case HKP_NEURO__DECIMAL:
    case HKP_NEURO__ENUM:
        if (!integer) return HKP_E_NEURO_BR_TYPE;
        if (h.value > INT64_MAX) return HKP_E_NEURO_BR_RANGE;
        if (f->type == HKP_NEURO__ENUM)
            return hkp_neuro__enum_number(&b->enums[f->arg], hkp_neuro__signed(&h)) != NULL
                       ? HKP_OK
                       : HKP_E_NEURO_BR_ENUM;
        return signed_fits(b, f, hkp_neuro__signed(&h)) ? HKP_OK : HKP_E_NEURO_BR_RANGE;
    case HKP_NEURO__TEXT:
        if (h.major != HKP_CBOR_TEXT) return HKP_E_NEURO_BR_TYPE;
        *at += h.value;
        if (!(b->sides & HKP_NEURO_BRIDGE_RECORD)) return HKP_OK;
        if (h.value > f->rec_length) return HKP_E_NEURO_BR_RANGE;
        return hkp_neuro__record_text_fits(bytes, (size_t)h.value) ? HKP_OK : HKP_E_NEURO_BR_CHARSET;
    default:
        if (h.major != HKP_CBOR_BYTES) return HKP_E_NEURO_BR_TYPE;
        *at += h.value;
        if (f->type == HKP_NEURO__BYTES) return HKP_OK;
        if (h.value != 8) return HKP_E_NEURO_BR_TYPE;
        return hkp_neuro__f64_finite(hkp_be64(bytes)) ? HKP_OK : HKP_E_NEURO_BR_RANGE;
    }
}

static hkp_status check_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                                const uint8_t **at);

static hkp_status check_value(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                              const uint8_t **at) {
    if (f->type == HKP_NEURO__MESSAGE) return check_message(w, &w->b->messages[f->arg], at);
    const uint8_t *from = *at;
    const hkp_status st = check_scalar(w->b, f, at);
    return st == HKP_OK ? st : hkp_neuro__refuse(w, from, st);
}

static hkp_status check_list(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                             const uint8_t **at) {
    const uint8_t *from = *at;
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    if (h.major != HKP_CBOR_ARRAY) return hkp_neuro__refuse(w, from, HKP_E_NEURO_BR_TYPE);
    if (h.value > HKP_NEURO_BRIDGE_ITEMS_MAX) return hkp_neuro__refuse(w, from, HKP_E_NEURO_BR_LIMIT);
    for (uint64_t i = 0; i < h.value; i++) {
        w->path[w->depth - 1].item++;
        const hkp_status st = check_value(w, f, at);
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

static hkp_status check_field(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                              const uint8_t **at) {
    hkp_neuro__enter(w, f->id);
    const hkp_status st =
        f->cardinality == HKP_NEURO__REPEATED ? check_list(w, f, at) : check_value(w, f, at);
    if (st == HKP_OK) w->depth--;
    return st;
}

static hkp_status missing(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t *at) {
    hkp_neuro__enter(w, f->id);
    return hkp_neuro__refuse(w, at, HKP_E_NEURO_BR_MISSING);
}

/* n pairs at a cursor against the fields, both ascending; an id that is no field's ends it in any case. */
static hkp_status check_pairs(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint64_t n,
                              const uint8_t **at) {
    uint32_t next = 0;
    const uint8_t *from = *at;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t id = hkp_neuro__head(at).value;
        for (; next < m->n_fields && m->fields[next].id < id; next++)
            if (m->fields[next].cardinality != HKP_NEURO__OPTIONAL) return missing(w, &m->fields[next], from);
        if (next == m->n_fields || m->fields[next].id != id)
            return hkp_neuro__refuse(w, *at, HKP_E_NEURO_BR_UNMAPPED);
        const hkp_status st = check_field(w, &m->fields[next++], at);
        if (st != HKP_OK) return st;
    }
    for (; next < m->n_fields; next++)
        if (m->fields[next].cardinality != HKP_NEURO__OPTIONAL) return missing(w, &m->fields[next], from);
    return HKP_OK;
}

/* Where the first of n pairs stands whose id is no field's, or NULL. */
static const uint8_t *unmapped(const struct hkp_neuro__message *m, uint64_t n, const uint8_t *at) {
    uint32_t next = 0;
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *from = at;
        const uint64_t id = hkp_neuro__head(&at).value;
        while (next < m->n_fields && m->fields[next].id < id) next++;
        if (next == m->n_fields || m->fields[next].id != id) return from;
        at = hkp_neuro__skip(at);
    }
    return NULL;
}

static hkp_status check_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                                const uint8_t **at) {
    const uint8_t *from = *at;
    const uint32_t depth = w->depth;
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    if (h.major != HKP_CBOR_MAP) return hkp_neuro__refuse(w, from, HKP_E_NEURO_BR_TYPE);
    const uint8_t *pairs = *at;
    const hkp_status st = check_pairs(w, m, h.value, at);
    if (st == HKP_OK) return st;
    const uint8_t *unknown = unmapped(m, h.value, pairs); /* comes before all else of this message */
    if (unknown == NULL) return st;
    w->depth = depth;
    return hkp_neuro__refuse(w, unknown, HKP_E_NEURO_BR_UNMAPPED);
}

hkp_status hkp_neuro__values_check(struct hkp_neuro__walk *w) {
    const uint8_t *at = w->in;
    return check_message(w, &w->b->messages[0], &at);
}
