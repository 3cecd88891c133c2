/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Telemetry of many nodes: nothing is used before signature, number and link are right (D-AUD-4). */
#include "libdsm/beside/signed.h"

#include "libter/options.h"

enum { STREAMS_LIMIT = 65536 };

struct followed {
    uint8_t node_id[16], stream[16], id[32];
    uint64_t number; /* of the newest batch */
    int used;
};

struct hkp_dsm_collector {
    struct hkp_mem mem;
    uint8_t chain_id[32];
    struct hkp_dsm_directory directory;
    size_t max;
    struct followed *followed; /* [max] */
};

void hkp_dsm_collector_options_init(struct hkp_dsm_collector_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_dsm_collector_new(hkp_dsm_collector **out, const struct hkp_dsm_collector_options *opt) {
    struct hkp_dsm_collector_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.chain_id == NULL || o.directory == NULL || !hkp_dsm__directory_ok(o.directory) ||
        o.streams_max > STREAMS_LIMIT)
        return HKP_E_INVAL;
    hkp_dsm_collector *c = (hkp_dsm_collector *)hkp_mem_alloc(&o.mem, sizeof *c);
    if (c == NULL) return HKP_E_NOMEM;
    c->mem = o.mem;
    memcpy(c->chain_id, o.chain_id, 32);
    c->directory = *o.directory;
    c->max = o.streams_max != 0 ? o.streams_max : HKP_DSM_STREAMS;
    c->followed = (struct followed *)hkp_mem_alloc(&c->mem, c->max * sizeof *c->followed);
    if (c->followed == NULL) {
        hkp_dsm_collector_free(c);
        return HKP_E_NOMEM;
    }
    *out = c;
    return HKP_OK;
}

void hkp_dsm_collector_free(hkp_dsm_collector *collector) {
    if (collector == NULL) return;
    const struct hkp_mem mem = collector->mem;
    hkp_mem_free(&mem, collector->followed, collector->max * sizeof *collector->followed);
    hkp_mem_free(&mem, collector, sizeof *collector);
}

static struct followed *find(hkp_dsm_collector *c, const uint8_t node_id[16], const uint8_t stream[16]) {
    for (size_t i = 0; i < c->max; i++) {
        struct followed *f = &c->followed[i];
        if (f->used && memcmp(f->stream, stream, 16) == 0 && memcmp(f->node_id, node_id, 16) == 0) return f;
    }
    return NULL;
}

/* A free place; none if the table is full or this node has its share. */
static struct followed *place(hkp_dsm_collector *c, const uint8_t node_id[16]) {
    struct followed *free_one = NULL;
    size_t of_node = 0;
    for (size_t i = 0; i < c->max; i++) {
        struct followed *f = &c->followed[i];
        if (!f->used && free_one == NULL) free_one = f;
        of_node += f->used && memcmp(f->node_id, node_id, 16) == 0;
    }
    return of_node < HKP_DSM_STREAMS_OF_NODE ? free_one : NULL;
}

/* Number and link of b against the newest batch of its stream. */
static hkp_status follows(const struct followed *f, const struct hkp_dsm_batch *b, uint64_t *missing) {
    if (b->number < f->number) return HKP_E_DSM_OLD;
    if (b->number == f->number) return memcmp(b->id, f->id, 32) == 0 ? HKP_E_DSM_DUPLICATE : HKP_E_DSM_FORK;
    *missing = b->number - f->number - 1;
    return *missing == 0 && memcmp(b->previous, f->id, 32) != 0 ? HKP_E_DSM_PREV : HKP_OK;
}

static hkp_status accept(hkp_dsm_collector *c, struct hkp_dsm_batch *b) {
    struct followed *f = find(c, b->node_id, b->stream);
    if (f == NULL) {
        f = place(c, b->node_id);
        if (f == NULL) return HKP_E_LIMIT;
        memcpy(f->node_id, b->node_id, 16);
        memcpy(f->stream, b->stream, 16);
        b->missing = b->number == 0 ? 0 : b->number - 1;
        f->used = 1;
    } else {
        hkp_status st = follows(f, b, &b->missing);
        if (st != HKP_OK) return st;
    }
    f->number = b->number;
    memcpy(f->id, b->id, 32);
    return HKP_OK;
}

hkp_status hkp_dsm_collector_take(hkp_dsm_collector *collector, const uint8_t *in, size_t len, uint64_t now_s,
                                  struct hkp_dsm_batch *batch) {
    const struct hkp_dsm__judge judge = {collector->chain_id, &collector->directory, now_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    struct hkp_dsm_batch b;
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_TELEMETRY, &e, &signer);
    if (st == HKP_OK) st = hkp_dsm_batch_parse(e.body.ptr, e.body.len, &b);
    if (st != HKP_OK) return st;
    memcpy(b.node_id, e.signer, 16);
    hkp_dsm__envelope_id(collector->chain_id, &e, b.id);
    st = accept(collector, &b);
    if (st == HKP_OK) *batch = b;
    return st;
}

hkp_status hkp_dsm_collector_forget(hkp_dsm_collector *collector, const uint8_t node_id[16],
                                    const uint8_t stream[16]) {
    struct followed *f = find(collector, node_id, stream);
    if (f == NULL) return HKP_E_NOTFOUND;
    memset(f, 0, sizeof *f);
    return HKP_OK;
}
