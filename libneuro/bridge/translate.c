/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One form into the intermediary, the intermediary into the other form (LAB-7.1). */
#include "libneuro/bridge/bridge.h"

#include <sodium.h>

static struct hkp_neuro__walk walk(const hkp_neuro_bridge *b, const uint8_t *in, size_t len, uint8_t *out,
                                   size_t cap, size_t limit) {
    return (struct hkp_neuro__walk){
        .b = b, .in = in, .len = len, .out = out, .cap = cap, .limit = limit, .fault = in};
}

static void tell(const struct hkp_neuro__walk *w, struct hkp_neuro_bridge_place *place) {
    size_t at = 0;
    if (place == NULL) return;
    place->offset = (uint64_t)(w->fault - w->in);
    memset(place->path, 0, sizeof place->path);
    for (uint32_t i = 0; i < w->depth; i++) {
        if (i > 0) place->path[at++] = '.';
        at += hkp_neuro__unsigned_write(w->path[i].id, (uint8_t *)place->path + at);
        if (w->path[i].item < 0) continue;
        place->path[at++] = '[';
        at += hkp_neuro__unsigned_write((uint64_t)w->path[i].item, (uint8_t *)place->path + at);
        place->path[at++] = ']';
    }
}

/* On failure the output is zero (LAB-1.2). */
static hkp_status finish(struct hkp_neuro__walk *w, hkp_status st, size_t *len,
                         struct hkp_neuro_bridge_place *place) {
    *len = st == HKP_OK ? w->at : 0;
    if (st == HKP_OK) return st;
    sodium_memzero(w->out, w->cap);
    tell(w, place);
    return st;
}

static int is_side(const hkp_neuro_bridge *b, uint32_t form) {
    return (form == HKP_NEURO_BRIDGE_JSON || form == HKP_NEURO_BRIDGE_PROTOBUF ||
            form == HKP_NEURO_BRIDGE_RECORD) &&
           (b->sides & form) != 0;
}

static hkp_status read_form(struct hkp_neuro__walk *w, uint32_t form) {
    if (w->len > w->b->size_max) return hkp_neuro__refuse(w, w->in + w->b->size_max, HKP_E_NEURO_BR_LIMIT);
    return form == HKP_NEURO_BRIDGE_JSON       ? hkp_neuro__json_decode(w)
           : form == HKP_NEURO_BRIDGE_PROTOBUF ? hkp_neuro__pb_decode(w)
                                               : hkp_neuro__record_decode(w);
}

static hkp_status write_form(struct hkp_neuro__walk *w, uint32_t form) {
    return form == HKP_NEURO_BRIDGE_JSON       ? hkp_neuro__json_encode(w)
           : form == HKP_NEURO_BRIDGE_PROTOBUF ? hkp_neuro__pb_encode(w)
                                               : hkp_neuro__record_encode(w);
}

/* The place of a wrong value is told of the input, where its path is; the offset is that of the message. */
static hkp_status read_and_check(struct hkp_neuro__walk *w, uint32_t form) {
    hkp_status st = read_form(w, form);
    if (st != HKP_OK) return st;
    struct hkp_neuro__walk values = walk(w->b, w->out, w->at, NULL, 0, 0);
    st = hkp_neuro__values_check(&values);
    if (st == HKP_OK) return st;
    memcpy(w->path, values.path, sizeof w->path);
    w->depth = values.depth;
    return hkp_neuro__refuse(w, w->in, st);
}

hkp_status hkp_neuro_bridge_decode(hkp_neuro_bridge *b, uint32_t form, const uint8_t *in, size_t len,
                                   uint8_t *dst, size_t cap, size_t *dst_len,
                                   struct hkp_neuro_bridge_place *place) {
    if (!is_side(b, form)) return HKP_E_INVAL;
    struct hkp_neuro__walk w = walk(b, in, len, dst, cap, b->size_max);
    return finish(&w, read_and_check(&w, form), dst_len, place);
}

/* Does checked CBOR hold a null? */
static const uint8_t *find_null(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *from = at;
        const struct hkp_cbor_head h = hkp_neuro__head(&at);
        if (h.major == HKP_CBOR_SIMPLE && h.value == HKP_CBOR_NULL) return from;
        if (h.major == HKP_CBOR_BYTES || h.major == HKP_CBOR_TEXT) at += h.value;
    }
    return NULL;
}

static hkp_status check_inter(struct hkp_neuro__walk *w) {
    if (w->len > w->b->size_max) return hkp_neuro__refuse(w, w->in + w->b->size_max, HKP_E_NEURO_BR_LIMIT);
    if (hkp_cbor_check(w->in, w->len) != HKP_CBOR_OK) return hkp_neuro__refuse(w, w->in, HKP_E_NEURO_BR_CBOR);
    const hkp_status st = hkp_neuro__values_check(w);
    if (st == HKP_OK) return st;
    const uint8_t *null = find_null(w->in, w->in + w->len); /* refused as CBOR, before all else */
    if (null == NULL) return st;
    w->depth = 0;
    return hkp_neuro__refuse(w, null, HKP_E_NEURO_BR_CBOR);
}

hkp_status hkp_neuro_bridge_check(const hkp_neuro_bridge *b, const uint8_t *inter, size_t len,
                                  struct hkp_neuro_bridge_place *place) {
    struct hkp_neuro__walk w = walk(b, inter, len, NULL, 0, 0);
    const hkp_status st = check_inter(&w);
    if (st != HKP_OK) tell(&w, place);
    return st;
}

hkp_status hkp_neuro_bridge_encode(const hkp_neuro_bridge *b, uint32_t form, const uint8_t *inter, size_t len,
                                   uint8_t *dst, size_t cap, size_t *dst_len,
                                   struct hkp_neuro_bridge_place *place) {
    if (!is_side(b, form)) return HKP_E_INVAL;
    struct hkp_neuro__walk w = walk(b, inter, len, dst, cap, HKP_NEURO_BRIDGE_SIZE_MAX);
    hkp_status st = check_inter(&w);
    if (st == HKP_OK) st = write_form(&w, form);
    return finish(&w, st, dst_len, place);
}

hkp_status hkp_neuro_bridge_translate(hkp_neuro_bridge *b, uint32_t from, uint32_t to, const uint8_t *in,
                                      size_t len, uint8_t *dst, size_t cap, size_t *dst_len,
                                      struct hkp_neuro_bridge_place *place) {
    if (!is_side(b, from) || !is_side(b, to)) return HKP_E_INVAL;
    struct hkp_neuro__walk r = walk(b, in, len, b->inter, b->size_max, b->size_max);
    hkp_status st = read_and_check(&r, from);
    if (st != HKP_OK) {
        tell(&r, place);
        place = NULL;
    }
    struct hkp_neuro__walk w = walk(b, b->inter, r.at, dst, cap, HKP_NEURO_BRIDGE_SIZE_MAX);
    if (st == HKP_OK) st = write_form(&w, to);
    return finish(&w, st, dst_len, place);
}
