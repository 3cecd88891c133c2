/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The canonical JSON text of an intermediary: no blanks, members in table order (LAB-7.6). */
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

static hkp_status put(struct hkp_neuro__walk *w, const void *bytes, size_t len) {
    return hkp_neuro__put(w, bytes, len);
}

static hkp_status put_char(struct hkp_neuro__walk *w, char c) { return put(w, &c, 1); }

static hkp_status put_escaped(struct hkp_neuro__walk *w, uint8_t c) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
    const char *named = strchr(from, c);
    if (named != NULL) {
        const char two[2] = {'\\', to[named - from]};
        return put(w, two, sizeof two);
    }
    const char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    return put(w, six, sizeof six);
}

static hkp_status put_string(struct hkp_neuro__walk *w, const uint8_t *text, size_t len) {
    hkp_status st = put_char(w, '"');
    size_t from = 0;
    for (size_t i = 0; i < len && st == HKP_OK; i++) {
        if (text[i] >= 0x20 && text[i] != '"' && text[i] != '\\') continue;
        st = put(w, text + from, i - from);
        if (st == HKP_OK) st = put_escaped(w, text[i]);
        from = i + 1;
    }
    if (st == HKP_OK) st = put(w, text + from, len - from);
    return st == HKP_OK ? put_char(w, '"') : st;
}

static hkp_status put_number(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                             const struct hkp_cbor_head *h) {
    uint8_t text[HKP_NEURO__INTEGER_TEXT_MAX + 2];
    size_t len = 0;
    if (f->json_form == 1) text[len++] = '"';
    if (f->type == HKP_NEURO__U64)
        len += hkp_neuro__unsigned_write(h->value, text + len);
    else
        len += hkp_neuro__signed_write(hkp_neuro__signed(h), f->type == HKP_NEURO__DECIMAL ? f->arg : 0,
                                       text + len);
    if (f->json_form == 1) text[len++] = '"';
    return put(w, text, len);
}

static hkp_status put_f64(struct hkp_neuro__walk *w, const uint8_t *bytes) {
    uint8_t text[HKP_NEURO__F64_TEXT_MAX];
    return put(w, text, hkp_neuro__f64_write(hkp_be64(bytes), text));
}

/* Three bytes at a time, so that no room is needed but the output's. */
static hkp_status put_base64(struct hkp_neuro__walk *w, const uint8_t *bytes, size_t len) {
    hkp_status st = put_char(w, '"');
    for (size_t i = 0; i < len && st == HKP_OK; i += 3) {
        char four[5];
        (void)sodium_bin2base64(four, sizeof four, bytes + i, len - i < 3 ? len - i : 3,
                                sodium_base64_VARIANT_ORIGINAL);
        st = put(w, four, 4);
    }
    return st == HKP_OK ? put_char(w, '"') : st;
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t **at);

static hkp_status put_value(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at) {
    if (f->type == HKP_NEURO__MESSAGE) return put_message(w, &w->b->messages[f->arg], at);
    const struct hkp_cbor_head h = hkp_neuro__head(at);
    const uint8_t *bytes = *at;
    const struct hkp_neuro__member *member;
    switch (f->type) {
    case HKP_NEURO__BOOL:
        return h.value == HKP_CBOR_TRUE ? put(w, "true", 4) : put(w, "false", 5);
    case HKP_NEURO__TEXT:
        *at += h.value;
        return put_string(w, bytes, (size_t)h.value);
    case HKP_NEURO__BYTES:
        *at += h.value;
        return put_base64(w, bytes, (size_t)h.value);
    case HKP_NEURO__F64:
        *at += h.value;
        return put_f64(w, bytes);
    case HKP_NEURO__ENUM:
        member = hkp_neuro__enum_number(&w->b->enums[f->arg], hkp_neuro__signed(&h));
        return put_string(w, member->name, member->name_len);
    default:
        return put_number(w, f, &h);
    }
}

static hkp_status put_list(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f, const uint8_t **at) {
    hkp_status st = put_char(w, '[');
    const uint64_t n = hkp_neuro__head(at).value;
    for (uint64_t i = 0; i < n && st == HKP_OK; i++) {
        if (i > 0) st = put_char(w, ',');
        if (st == HKP_OK) st = put_value(w, f, at);
    }
    return st == HKP_OK ? put_char(w, ']') : st;
}

static hkp_status put_member(struct hkp_neuro__walk *w, const struct hkp_neuro__field *f,
                             const uint8_t **at) {
    hkp_status st = put_string(w, f->name, f->name_len);
    if (st == HKP_OK) st = put_char(w, ':');
    if (st != HKP_OK) return st;
    return f->cardinality == HKP_NEURO__REPEATED ? put_list(w, f, at) : put_value(w, f, at);
}

static hkp_status put_message(struct hkp_neuro__walk *w, const struct hkp_neuro__message *m,
                              const uint8_t **at) {
    hkp_status st = put_char(w, '{');
    const uint64_t n = hkp_neuro__head(at).value;
    const struct hkp_neuro__field *f = m->fields;
    for (uint64_t i = 0; i < n && st == HKP_OK; i++) {
        const uint64_t id = hkp_neuro__head(at).value;
        while (f->id != id) f++; /* all ids of a checked intermediary are fields, ascending in both */
        if (i > 0) st = put_char(w, ',');
        if (st == HKP_OK) st = put_member(w, f, at);
    }
    return st == HKP_OK ? put_char(w, '}') : st;
}

hkp_status hkp_neuro__json_encode(struct hkp_neuro__walk *w) {
    const uint8_t *at = w->in;
    return put_message(w, &w->b->messages[0], &at);
}
