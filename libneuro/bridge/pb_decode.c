/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The Protobuf wire format by the table. A message is read twice: first its fields in the order in which they
 * came, each noted where it stands, then in table order into the intermediary (LAB-7.7).
 */
#include "libneuro/bridge/pb.h"

enum { NONE = UINT32_MAX };

/* What the first pass found of one field. */
struct found {
    uint32_t first, last; /* a place in the input; of a repeated field cells, which hold places */
    uint32_t n;           /* occurrences */
};

/* *at moves behind the varint; 0 if there is none, or more than 64 bits of it. */
static int take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    uint64_t v = 0;
    if (*at < end && **at < 0x80) {
        *value = *(*at)++;
        return 1;
    }
    for (unsigned i = 0; i < HKP_NEURO__VARINT_MAX && *at + i < end; i++) {
        const uint8_t byte = (*at)[i];
        if (i == HKP_NEURO__VARINT_MAX - 1 && byte > 1) return 0;
        v |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *at += i + 1;
            *value = v;
            return 1;
        }
    }
    return 0;
}

/* Behind a value of this wire type, or NULL. */
static const uint8_t *skip(const uint8_t *at, const uint8_t *end, unsigned wire) {
    uint64_t v = wire == HKP_NEURO__WIRE_64 ? 8 : 4;
    if (wire == HKP_NEURO__WIRE_VARINT) return take_varint(&at, end, &v) ? at : NULL;
    if (wire == HKP_NEURO__WIRE_BYTES && !take_varint(&at, end, &v)) return NULL;
    return v <= (uint64_t)(end - at) ? at + v : NULL;
}

/* Fields mostly come in ascending order, so the one after the last is asked first. */
static uint32_t find_field(const struct hkp_neuro__message *m, uint64_t number, uint32_t likely) {
    uint32_t low = 0, high = m->n_fields;
    if (likely < m->n_fields && m->fields[m->by_number[likely]].pb_number == number) return likely;
    while (low < high) {
        const uint32_t mid = (low + high) / 2, here = m->fields[m->by_number[mid]].pb_number;
        if (here == number) return mid;
        if (here < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NONE;
}

static hkp_status note(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, struct found *found,
                       const uint8_t *tag, const uint8_t *value) {
    if (f->cardinality != HKP_NEURO__REPEATED) {
        if (found->n++ > 0) return hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_DUPLICATE);
        found->first = (uint32_t)(value - w->in);
        return HKP_OK;
    }
    /* the cell keeps the place of the tag: one of a packed list is told from a single value by it */
    const uint32_t cell = (uint32_t)w->n_cells++;
    w->b->cells[cell] = (struct hkp_neuro__cell){(uint32_t)(tag - w->in), NONE};
    if (found->n++ == 0)
        found->first = cell;
    else
        w->b->cells[found->last].end = cell;
    found->last = cell;
    return HKP_OK;
}

static hkp_status find_fields(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t *at, const uint8_t *end, struct found *found) {
    uint32_t likely = 0;
    while (at < end) {
        const uint8_t *tag = at;
        uint64_t t;
        if (!take_varint(&at, end, &t) || t >> 3 == 0 || t > UINT32_MAX)
            return hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_WIRE);
        const unsigned wire = t & 7;
        const uint8_t *value = at;
        if (wire == 3 || wire == 4 || wire > 5 || (at = skip(at, end, wire)) == NULL)
            return hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_WIRE);
        const uint32_t number = find_field(m, t >> 3, likely);
        if (number == NONE) return hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_UNMAPPED);
        const uint32_t index = m->by_number[number];
        const struct hkp_neuro__field *f = &m->fields[index];
        const unsigned own = hkp_neuro__pb_wire(f);
        const int packed = wire == HKP_NEURO__WIRE_BYTES && f->cardinality == HKP_NEURO__REPEATED;
        if (wire != own && !packed) return hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_WIRE);
        const hkp_status st = note(w, f, &found[index], tag, value);
        if (st != HKP_OK) return st;
        likely = f->cardinality == HKP_NEURO__REPEATED ? number : number + 1;
    }
    return HKP_OK;
}

/* ---- values ---- */

/* A varint as a number of the field's type. */
static hkp_status put_integer(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, uint64_t v) {
    int64_t value = hkp_neuro__pb_zigzag(f) ? (int64_t)(v >> 1 ^ (UINT64_MAX * (v & 1))) : (int64_t)v;
    switch (f->pb_type) {
    case HKP_NEURO__PB_BOOL:
        if (v > 1) return HKP_E_NEURO_BR_RANGE;
        return hkp_neuro__put_head(w, HKP_CBOR_SIMPLE, v == 1 ? HKP_CBOR_TRUE : HKP_CBOR_FALSE);
    case HKP_NEURO__PB_UINT32:
        if (v > UINT32_MAX) return HKP_E_NEURO_BR_RANGE;
        return hkp_neuro__put_head(w, HKP_CBOR_UINT, v);
    case HKP_NEURO__PB_UINT64:
        return hkp_neuro__put_head(w, HKP_CBOR_UINT, v);
    case HKP_NEURO__PB_INT32:
    case HKP_NEURO__PB_SINT32:
    case HKP_NEURO__PB_ENUM:
        if (value < INT32_MIN || value > INT32_MAX) return HKP_E_NEURO_BR_RANGE;
        return hkp_neuro__put_int(w, value);
    default:
        return hkp_neuro__put_int(w, value);
    }
}

static hkp_status put_fixed(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t *at) {
    uint8_t bytes[8];
    switch (f->pb_type) {
    case HKP_NEURO__PB_FIXED32:
        return hkp_neuro__put_head(w, HKP_CBOR_UINT, hkp_le32(at));
    case HKP_NEURO__PB_SFIXED32:
        return hkp_neuro__put_int(w, (int32_t)hkp_le32(at));
    case HKP_NEURO__PB_FIXED64:
        return hkp_neuro__put_head(w, HKP_CBOR_UINT, hkp_le64(at));
    case HKP_NEURO__PB_SFIXED64:
        return hkp_neuro__put_int(w, (int64_t)hkp_le64(at));
    default:
        if (!hkp_neuro__f64_finite(hkp_le64(at))) return HKP_E_NEURO_BR_RANGE;
        hkp_put_be64(bytes, hkp_le64(at));
        return hkp_neuro__put_string(w, HKP_CBOR_BYTES, bytes, sizeof bytes);
    }
}

static hkp_status put_text(struct hkp_neuro__walk *w, const uint8_t *at, size_t len) {
    for (size_t i = 0; i < len;) {
        const size_t n = hkp_utf8_character(at + i, len - i);
        if (n == 0 || at[i] == 0) return HKP_E_NEURO_BR_UTF8;
        i += n;
    }
    return hkp_neuro__put_string(w, HKP_CBOR_TEXT, at, len);
}

static hkp_status put_decimal_text(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                                   const uint8_t *at, size_t len) {
    int64_t value;
    const hkp_status st = hkp_neuro__signed_read(at, len, f->arg, &value);
    return st == HKP_OK ? hkp_neuro__put_int(w, value) : st;
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t *at, const uint8_t *end, uint32_t open);

/* The value at *at, which the first pass found whole; open containers around it. */
static hkp_status put_value(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at,
                            const uint8_t *end, uint32_t open) {
    const unsigned wire = hkp_neuro__pb_wire(f);
    const uint8_t *from = *at;
    uint64_t v = 0;
    hkp_status st;
    if (wire == HKP_NEURO__WIRE_32 || wire == HKP_NEURO__WIRE_64) {
        *at += wire == HKP_NEURO__WIRE_32 ? 4 : 8;
        st = put_fixed(w, f, from);
    } else if (!take_varint(at, end, &v)) {
        st = HKP_E_NEURO_BR_WIRE;
    } else if (wire == HKP_NEURO__WIRE_VARINT) {
        st = put_integer(w, f, v);
    } else {
        const uint8_t *bytes = *at;
        *at += v;
        if (f->type == HKP_NEURO__MESSAGE)
            return put_message(w, &w->b->messages[f->arg], bytes, bytes + v, open);
        st = f->type == HKP_NEURO__TEXT      ? put_text(w, bytes, (size_t)v)
             : f->type == HKP_NEURO__DECIMAL ? put_decimal_text(w, f, bytes, (size_t)v)
                                             : hkp_neuro__put_string(w, HKP_CBOR_BYTES, bytes, (size_t)v);
    }
    return st == HKP_OK ? st : hkp_neuro__refuse(w, from, st);
}

/* One occurrence of a repeated field: *at..*end of its values, packed or one. */
static hkp_status occurrence(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, uint32_t cell,
                             const uint8_t **at, const uint8_t **end) {
    const uint8_t *tag = w->in + w->b->cells[cell].at, *rest = w->in + w->len;
    uint64_t v = 0;
    *at = tag;
    (void)take_varint(at, rest, &v);
    const unsigned wire = v & 7;
    *end = skip(*at, rest, wire);
    if (wire == HKP_NEURO__WIRE_BYTES && hkp_neuro__pb_wire(f) != HKP_NEURO__WIRE_BYTES)
        (void)take_varint(at, rest, &v);
    return *end != NULL ? HKP_OK : hkp_neuro__refuse(w, tag, HKP_E_NEURO_BR_WIRE);
}

/* How many values stand in at..end of one occurrence; 0 and *whole = 0 if the last one is cut off. */
static uint64_t count(const struct hkp_neuro__field *f, const uint8_t *at, const uint8_t *end, int *whole) {
    const unsigned wire = hkp_neuro__pb_wire(f);
    const size_t len = (size_t)(end - at), unit = wire == HKP_NEURO__WIRE_32 ? 4 : 8;
    uint64_t n = 0;
    *whole = 1;
    if (wire == HKP_NEURO__WIRE_BYTES) return 1;
    if (wire != HKP_NEURO__WIRE_VARINT) {
        *whole = len % unit == 0;
        return len / unit;
    }
    for (; at < end && *whole; n += (uint64_t)*whole) {
        uint64_t v;
        *whole = take_varint(&at, end, &v);
    }
    return n;
}

static hkp_status put_list(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                           const struct found *found, uint32_t open) {
    const uint8_t *at, *end;
    uint64_t n = 0;
    hkp_status st = HKP_OK;
    if (open == HKP_NEURO__DEPTH_MAX) return hkp_neuro__refuse(w, w->in, HKP_E_NEURO_BR_DEPTH);
    for (uint32_t i = 0, cell = found->first; i < found->n; i++, cell = w->b->cells[cell].end) {
        int whole;
        st = occurrence(w, f, cell, &at, &end);
        if (st != HKP_OK) return st;
        n += count(f, at, end, &whole);
        if (!whole) return hkp_neuro__refuse(w, at, HKP_E_NEURO_BR_WIRE);
        if (n > HKP_NEURO_BRIDGE_ITEMS_MAX) return hkp_neuro__refuse(w, at, HKP_E_NEURO_BR_LIMIT);
    }
    st = hkp_neuro__put_head(w, HKP_CBOR_ARRAY, n);
    for (uint32_t i = 0, cell = found->first; i < found->n; i++, cell = w->b->cells[cell].end) {
        if (st == HKP_OK) st = occurrence(w, f, cell, &at, &end);
        while (st == HKP_OK && at < end) {
            w->path[w->depth - 1].item++;
            st = put_value(w, f, &at, end, open + 1);
        }
        if (st != HKP_OK) return st;
    }
    return st;
}

/* What an absent field without presence reads as (LAB-7.3). */
static hkp_status put_default(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f) {
    static const uint8_t zero[8] = {0};
    switch (f->type) {
    case HKP_NEURO__BOOL:
        return hkp_neuro__put_head(w, HKP_CBOR_SIMPLE, HKP_CBOR_FALSE);
    case HKP_NEURO__TEXT:
        return hkp_neuro__put_head(w, HKP_CBOR_TEXT, 0);
    case HKP_NEURO__BYTES:
        return hkp_neuro__put_head(w, HKP_CBOR_BYTES, 0);
    case HKP_NEURO__F64:
        return hkp_neuro__put_string(w, HKP_CBOR_BYTES, zero, sizeof zero);
    case HKP_NEURO__MESSAGE:
        return HKP_E_NEURO_BR_MISSING;
    default:
        return f->pb_type == HKP_NEURO__PB_STRING ? HKP_E_NEURO_BR_MISSING
                                                  : hkp_neuro__put_head(w, HKP_CBOR_UINT, 0);
    }
}

static hkp_status put_field(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                            const struct found *found, const uint8_t *message, const uint8_t *end,
                            uint32_t open) {
    hkp_status st = hkp_neuro__put_head(w, HKP_CBOR_UINT, f->id);
    if (st == HKP_OK && f->cardinality == HKP_NEURO__REPEATED) return put_list(w, f, found, open);
    if (st == HKP_OK && found->n > 0) {
        const uint8_t *at = w->in + found->first;
        return put_value(w, f, &at, end, open);
    }
    if (st == HKP_OK) st = put_default(w, f);
    return st == HKP_OK ? st : hkp_neuro__refuse(w, message, st);
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t *at, const uint8_t *end, uint32_t open) {
    struct found found[HKP_NEURO__FIELDS_MAX];
    const size_t cells = w->n_cells;
    uint64_t n = 0;
    if (open == HKP_NEURO__DEPTH_MAX) return hkp_neuro__refuse(w, at, HKP_E_NEURO_BR_DEPTH);
    memset(found, 0, m->n_fields * sizeof found[0]);
    hkp_status st = find_fields(w, m, at, end, found);
    if (st != HKP_OK) return st;
    for (uint32_t i = 0; i < m->n_fields; i++)
        n += found[i].n > 0 || m->fields[i].cardinality != HKP_NEURO__OPTIONAL;
    st = hkp_neuro__put_head(w, HKP_CBOR_MAP, n);
    if (st != HKP_OK) return hkp_neuro__refuse(w, at, st);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const struct hkp_neuro__field *f = &m->fields[i];
        if (found[i].n == 0 && f->cardinality == HKP_NEURO__OPTIONAL) continue;
        hkp_neuro__enter(w, f->id);
        st = put_field(w, f, &found[i], at, end, open + 1);
        if (st != HKP_OK) return st;
        w->depth--;
    }
    w->n_cells = cells;
    return HKP_OK;
}

hkp_status hkp_neuro__pb_decode(struct hkp_neuro__walk *w) {
    w->n_cells = 0;
    return put_message(w, &w->b->messages[0], w->in, w->in + w->len, 0);
}
