/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* JSON by the table: members found by name, fields in table order (LAB-7.6). */
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

enum { F64_TEXT_MAX = 64 };

/* A string or number as plain bytes. */
struct text {
    const uint8_t *at;
    size_t len;
};

static struct text text_of(struct hkp_neuro__walk *w, const struct hkp_neuro__cell *c) {
    struct text t = {w->in + HKP_NEURO__CELL_AT(c), c->end - HKP_NEURO__CELL_AT(c)};
    if (HKP_NEURO__CELL_KIND(c) == HKP_NEURO__JSON_ESCAPED) {
        t.len = hkp_neuro__json_unescape(t.at, t.len, w->b->spare);
        t.at = w->b->spare;
    }
    return t;
}

static int is_string(const struct hkp_neuro__cell *c) {
    return HKP_NEURO__CELL_KIND(c) == HKP_NEURO__JSON_STRING ||
           HKP_NEURO__CELL_KIND(c) == HKP_NEURO__JSON_ESCAPED;
}

static int is_number(const struct hkp_neuro__cell *c) {
    return HKP_NEURO__CELL_KIND(c) == HKP_NEURO__JSON_NUMBER;
}

static hkp_status put_u64(struct hkp_neuro__walk *w, struct text t) {
    uint64_t value;
    int negative;
    const hkp_status st = hkp_neuro__integer_read(t.at, t.len, 0, &value, &negative);
    if (st != HKP_OK) return st;
    return negative ? HKP_E_NEURO_BR_RANGE : hkp_neuro__put_head(w, HKP_CBOR_UINT, value);
}

static hkp_status put_signed(struct hkp_neuro__walk *w, struct text t, uint32_t scale) {
    int64_t value;
    const hkp_status st = hkp_neuro__signed_read(t.at, t.len, scale, &value);
    return st == HKP_OK ? hkp_neuro__put_int(w, value) : st;
}

static hkp_status put_f64(struct hkp_neuro__walk *w, struct text t) {
    uint8_t bytes[8];
    if (t.len > F64_TEXT_MAX) return HKP_E_NEURO_BR_NUMBER;
    const uint64_t bits = hkp_neuro__f64_read(t.at, t.len);
    if (!hkp_neuro__f64_finite(bits)) return HKP_E_NEURO_BR_RANGE;
    hkp_put_be64(bytes, bits);
    return hkp_neuro__put_string(w, HKP_CBOR_BYTES, bytes, sizeof bytes);
}

/* RFC 4648 section 4: padded, nothing else in between, spare bits zero. */
static hkp_status put_base64(struct hkp_neuro__walk *w, struct text t) {
    size_t len = t.len / 4 * 3, got;
    if (t.len % 4 != 0) return HKP_E_NEURO_BR_BASE64;
    if (t.len > 0) len -= (size_t)(t.at[t.len - 1] == '=') + (size_t)(t.at[t.len - 2] == '=');
    hkp_status st = hkp_neuro__put_head(w, HKP_CBOR_BYTES, len);
    if (st == HKP_OK) st = hkp_neuro__room(w, len);
    if (st != HKP_OK) return st;
    if (sodium_base642bin(w->out + w->at, len, (const char *)t.at, t.len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        got != len)
        return HKP_E_NEURO_BR_BASE64;
    w->at += len;
    return HKP_OK;
}

static hkp_status put_enum(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, struct text t) {
    const struct hkp_neuro__member *m = hkp_neuro__enum_name(&w->b->enums[f->arg], t.at, t.len);
    return m == NULL ? HKP_E_NEURO_BR_ENUM : hkp_neuro__put_int(w, m->number);
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint32_t cell);

/* One value of a field, list or not; c[0] is its cell. */
static hkp_status put_value(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, uint32_t at) {
    const struct hkp_neuro__cell *c = &w->b->cells[at];
    const unsigned kind = HKP_NEURO__CELL_KIND(c);
    const int number = f->json_form == 1 ? is_string(c) : is_number(c);
    hkp_status st = HKP_E_NEURO_BR_TYPE;
    switch (f->type) {
    case HKP_NEURO__BOOL:
        if (kind == HKP_NEURO__JSON_TRUE || kind == HKP_NEURO__JSON_FALSE)
            st = hkp_neuro__put_head(w, HKP_CBOR_SIMPLE,
                                     kind == HKP_NEURO__JSON_TRUE ? HKP_CBOR_TRUE : HKP_CBOR_FALSE);
        break;
    case HKP_NEURO__U64:
        if (number) st = put_u64(w, text_of(w, c));
        break;
    case HKP_NEURO__I64:
        if (number) st = put_signed(w, text_of(w, c), 0);
        break;
    case HKP_NEURO__DECIMAL:
        if (number) st = put_signed(w, text_of(w, c), f->arg);
        break;
    case HKP_NEURO__F64:
        if (is_number(c)) st = put_f64(w, text_of(w, c));
        break;
    case HKP_NEURO__TEXT:
        if (is_string(c)) {
            const struct text t = text_of(w, c);
            st = hkp_neuro__put_string(w, HKP_CBOR_TEXT, t.at, t.len);
        }
        break;
    case HKP_NEURO__BYTES:
        if (is_string(c)) st = put_base64(w, text_of(w, c));
        break;
    case HKP_NEURO__ENUM:
        if (is_string(c)) st = put_enum(w, f, text_of(w, c));
        break;
    default:
        return put_message(w, &w->b->messages[f->arg], at);
    }
    return st == HKP_OK ? st : hkp_neuro__refuse(w, w->in + HKP_NEURO__CELL_AT(c), st);
}

static uint32_t after(const struct hkp_neuro__cell *cells, uint32_t i) {
    const uint32_t kind = HKP_NEURO__CELL_KIND(&cells[i]);
    return kind <= HKP_NEURO__JSON_ARRAY ? cells[i].end : i + 1;
}

static hkp_status put_list(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, uint32_t at) {
    const struct hkp_neuro__cell *c = &w->b->cells[at];
    const uint8_t *place = w->in + HKP_NEURO__CELL_AT(c);
    uint32_t n = 0;
    if (HKP_NEURO__CELL_KIND(c) != HKP_NEURO__JSON_ARRAY)
        return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_TYPE);
    for (uint32_t i = at + 1; i < c->end; i = after(w->b->cells, i)) n++;
    if (n > HKP_NEURO_BRIDGE_ITEMS_MAX) return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_LIMIT);
    hkp_status st = hkp_neuro__put_head(w, HKP_CBOR_ARRAY, n);
    if (st != HKP_OK) return hkp_neuro__refuse(w, place, st);
    for (uint32_t i = at + 1; i < c->end; i = after(w->b->cells, i)) {
        w->path[w->depth - 1].item++;
        st = put_value(w, f, i);
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

/* Members mostly come in table order, so the field after the last one is asked first. */
static uint32_t find_field(const struct hkp_neuro__message *m, struct text name, uint32_t likely) {
    for (uint32_t k = 0; k < m->n_fields; k++) {
        const uint32_t i = likely + k < m->n_fields ? likely + k : likely + k - m->n_fields;
        if (m->fields[i].name_len == name.len && memcmp(m->fields[i].name, name.at, name.len) == 0) return i;
    }
    return m->n_fields;
}

/* slot[i]: the cell of field i's value, 0 if there is none; cell 0 is the root and no field's value. */
static hkp_status find_members(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint32_t object,
                               uint32_t *slot, uint32_t *n) {
    const struct hkp_neuro__cell *cells = w->b->cells;
    uint32_t likely = 0;
    for (uint32_t i = object + 1; i < cells[object].end; i = after(cells, i + 1)) {
        const uint8_t *place = w->in + HKP_NEURO__CELL_AT(&cells[i]) - 1;
        const uint32_t field = find_field(m, text_of(w, &cells[i]), likely);
        if (field == m->n_fields) return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_UNMAPPED);
        if (slot[field] != 0) return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_DUPLICATE);
        slot[field] = i + 1;
        likely = field + 1 < m->n_fields ? field + 1 : 0;
        ++*n;
    }
    return HKP_OK;
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m, uint32_t cell) {
    const struct hkp_neuro__cell *c = &w->b->cells[cell];
    const uint8_t *place = w->in + HKP_NEURO__CELL_AT(c);
    uint32_t slot[HKP_NEURO__FIELDS_MAX], n = 0;
    if (HKP_NEURO__CELL_KIND(c) != HKP_NEURO__JSON_OBJECT)
        return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_TYPE);
    memset(slot, 0, m->n_fields * sizeof slot[0]);
    hkp_status st = find_members(w, m, cell, slot, &n);
    if (st != HKP_OK) return st;
    st = hkp_neuro__put_head(w, HKP_CBOR_MAP, n);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const struct hkp_neuro__field *f = &m->fields[i];
        if (st != HKP_OK) return hkp_neuro__refuse(w, place, st);
        if (slot[i] == 0 && f->cardinality == HKP_NEURO__OPTIONAL) continue;
        hkp_neuro__enter(w, f->id);
        if (slot[i] == 0) return hkp_neuro__refuse(w, place, HKP_E_NEURO_BR_MISSING);
        st = hkp_neuro__put_head(w, HKP_CBOR_UINT, f->id);
        if (st != HKP_OK) continue;
        st = f->cardinality == HKP_NEURO__REPEATED ? put_list(w, f, slot[i]) : put_value(w, f, slot[i]);
        if (st != HKP_OK) return st;
        w->depth--;
    }
    return st == HKP_OK ? st : hkp_neuro__refuse(w, place, st);
}

hkp_status hkp_neuro__json_decode(struct hkp_neuro__walk *w) {
    hkp_status st = hkp_neuro__json_scan(w);
    if (st != HKP_OK) return st;
    st = put_message(w, &w->b->messages[0], 0);
    if (st == HKP_OK || st == HKP_E_NOSPC) return st;
    return hkp_neuro__json_duplicate(w, st); /* anywhere in the text, before all else */
}
