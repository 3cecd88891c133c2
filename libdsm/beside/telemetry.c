/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Telemetry of one node: samples in chained, signed batches (D-AUD-4). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include "libter/options.h"

#include <sodium.h>

enum { SCALE_MAX = 9, BODY_MAX = 7680 };

struct hkp_dsm_stream {
    struct hkp_mem mem;
    uint8_t chain_id[32], secret[64];
    struct hkp_dsm_batch next;
};

/* ---- Encoding ---- */

static int sample_ok(const struct hkp_dsm_batch *b, size_t i) {
    const struct hkp_dsm_sample *s = &b->samples[i], *before = &b->samples[i == 0 ? 0 : i - 1];
    return s->scale >= -SCALE_MAX && s->scale <= SCALE_MAX && s->time_us >= before->time_us &&
           s->time_us - b->samples[0].time_us <= UINT32_MAX;
}

hkp_status hkp_dsm_batch_build(const struct hkp_dsm_batch *batch, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (batch->number < 1 || batch->n_samples < 1 || batch->n_samples > HKP_DSM_SAMPLES_MAX ||
        (batch->number == 1 && memcmp(batch->previous, hkp_dsm__zeros, 32) != 0))
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, batch->stream, 16);
    put_uint_field(&w, 2, batch->number);
    put_bytes_field(&w, 3, batch->previous, 32);
    put_uint_field(&w, 4, batch->samples[0].time_us);
    hkp_dsm_cbor_put_uint(&w, 5);
    hkp_dsm_cbor_put_array(&w, batch->n_samples);
    for (size_t i = 0; i < batch->n_samples; i++) {
        const struct hkp_dsm_sample *s = &batch->samples[i];
        if (!sample_ok(batch, i)) return HKP_E_DSM_SCHEMA;
        hkp_dsm_cbor_put_array(&w, 4);
        hkp_dsm_cbor_put_uint(&w, s->time_us - batch->samples[0].time_us);
        hkp_dsm_cbor_put_uint(&w, s->metric);
        hkp_dsm_cbor_put_int(&w, s->value);
        hkp_dsm_cbor_put_int(&w, s->scale);
    }
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* Others may begin and order their samples otherwise than stream_add() (decision 0603). */
static void read_samples(struct hkp_dsm_cbor_reader *r, uint64_t first_us, struct hkp_dsm_batch *b) {
    b->n_samples = (uint32_t)hkp_dsm_cbor_array(r, 0, HKP_DSM_SAMPLES_MAX);
    for (size_t i = 0; i < b->n_samples && r->status == HKP_OK; i++) {
        struct hkp_dsm_sample *s = &b->samples[i];
        (void)hkp_dsm_cbor_array(r, 4, 4);
        s->time_us = first_us + hkp_dsm_cbor_uint(r, 0, UINT64_MAX - first_us);
        s->metric = (uint32_t)hkp_dsm_cbor_uint(r, 0, UINT32_MAX);
        s->value = hkp_dsm_cbor_int(r, INT64_MIN, INT64_MAX);
        s->scale = (int32_t)hkp_dsm_cbor_int(r, -SCALE_MAX, SCALE_MAX);
    }
}

hkp_status hkp_dsm_batch_parse(const uint8_t *in, size_t len, struct hkp_dsm_batch *batch) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_batch b = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, b.stream, 16);
    b.number = uint_field(&r, &left, 2, 0, UINT64_MAX);
    fixed_field(&r, &left, 3, b.previous, 32);
    const uint64_t first_us = uint_field(&r, &left, 4, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 5);
    read_samples(&r, first_us, &b);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *batch = b;
    return r.status;
}

/* ---- Source ---- */

void hkp_dsm_stream_options_init(struct hkp_dsm_stream_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_dsm_stream_new(hkp_dsm_stream **out, const struct hkp_dsm_stream_options *opt) {
    struct hkp_dsm_stream_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.chain_id == NULL || o.node_id == NULL || o.secret == NULL || o.stream == NULL || o.reserved0 != 0 ||
        (o.newest == 0) != (o.newest_id == NULL) || o.newest == UINT64_MAX)
        return HKP_E_INVAL;
    hkp_dsm_stream *s = (hkp_dsm_stream *)hkp_mem_alloc(&o.mem, sizeof *s);
    if (s == NULL) return HKP_E_NOMEM;
    s->mem = o.mem;
    memcpy(s->chain_id, o.chain_id, 32);
    memcpy(s->secret, o.secret, 64);
    memcpy(s->next.node_id, o.node_id, 16);
    memcpy(s->next.stream, o.stream, 16);
    s->next.number = o.newest + 1;
    if (o.newest_id != NULL) memcpy(s->next.previous, o.newest_id, 32);
    *out = s;
    return HKP_OK;
}

void hkp_dsm_stream_free(hkp_dsm_stream *stream) {
    if (stream == NULL) return;
    const struct hkp_mem mem = stream->mem;
    sodium_memzero(stream, sizeof *stream);
    hkp_mem_free(&mem, stream, sizeof *stream);
}

hkp_status hkp_dsm_stream_add(hkp_dsm_stream *stream, const struct hkp_dsm_sample *sample) {
    struct hkp_dsm_batch *b = &stream->next;
    if (sample->scale < -SCALE_MAX || sample->scale > SCALE_MAX) return HKP_E_INVAL;
    if (b->n_samples > 0 && sample->time_us < b->samples[b->n_samples - 1].time_us) return HKP_E_INVAL;
    if (b->n_samples == HKP_DSM_SAMPLES_MAX ||
        (b->n_samples > 0 && sample->time_us - b->samples[0].time_us > UINT32_MAX))
        return HKP_E_LIMIT;
    b->samples[b->n_samples++] = *sample;
    return HKP_OK;
}

hkp_status hkp_dsm_stream_batch(hkp_dsm_stream *stream, uint8_t *dst, size_t cap, size_t *len,
                                uint64_t *number, uint8_t id[32]) {
    struct hkp_dsm_batch *b = &stream->next;
    uint8_t body[BODY_MAX];
    size_t body_len = 0;
    if (b->n_samples == 0) return HKP_E_NOTFOUND;
    hkp_status st = hkp_dsm_batch_build(b, body, sizeof body, &body_len);
    if (st == HKP_OK)
        st = hkp_dsm_envelope_sign(stream->chain_id, HKP_DSM_KIND_TELEMETRY, b->node_id, stream->secret, body,
                                   body_len, dst, cap, len);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(b->previous, stream->chain_id, HKP_DSM_KIND_TELEMETRY, b->node_id, body, body_len);
    memcpy(id, b->previous, 32);
    *number = b->number++;
    b->n_samples = 0;
    return HKP_OK;
}
