/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Bodies of WORKLOAD, ASSIGN and POLICY (D-AUD-5). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include <string.h>

enum { TIERS_ALL = 31 };

static hkp_status window(uint64_t from, uint64_t to) { return from < to ? HKP_OK : HKP_E_DSM_VALIDITY; }

/* ---- WORKLOAD ---- */

static int in_range(const struct hkp_dsm_workload *w) {
    return w->version >= 1 && w->cpu_milli >= 1 && w->tiers >= 1 && w->tiers <= TIERS_ALL &&
           w->n_arguments <= HKP_DSM_ARGUMENTS_MAX && w->n_inputs <= HKP_DSM_INPUTS_MAX;
}

hkp_status hkp_dsm_workload_build(const struct hkp_dsm_workload *workload, uint8_t *dst, size_t cap,
                                  size_t *len) {
    const struct hkp_dsm_workload *l = workload;
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (!in_range(l)) return HKP_E_DSM_SCHEMA;
    hkp_status st = window(l->not_before_s, l->not_after_s);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_put_map(&w, 10);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, l->workload_id, 16);
    put_uint_field(&w, 2, l->version);
    put_bytes_field(&w, 3, l->image, 32);
    hkp_dsm_cbor_put_uint(&w, 4);
    hkp_dsm_cbor_put_array(&w, l->n_arguments);
    for (uint32_t i = 0; i < l->n_arguments; i++)
        hkp_dsm_cbor_put_text(&w, (const char *)l->arguments[i].ptr, l->arguments[i].len);
    hkp_dsm_cbor_put_uint(&w, 5);
    hkp_dsm_cbor_put_map(&w, 3);
    put_uint_field(&w, 1, l->cpu_milli);
    put_uint_field(&w, 2, l->memory_bytes);
    put_uint_field(&w, 3, l->disk_bytes);
    put_uint_field(&w, 6, l->not_before_s);
    put_uint_field(&w, 7, l->not_after_s);
    put_uint_field(&w, 8, l->tiers);
    hkp_dsm_cbor_put_uint(&w, 9);
    hkp_dsm_cbor_put_array(&w, l->n_inputs);
    for (uint32_t i = 0; i < l->n_inputs; i++) hkp_dsm_cbor_put_bytes(&w, l->inputs[i], 32);
    if (w.status != HKP_OK) return w.status;
    st = hkp_dsm_cbor_check(dst, w.len); /* are the arguments text? */
    if (st == HKP_OK) *len = w.len;
    return st;
}

static void read_resources(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_workload *l) {
    size_t left = hkp_dsm_cbor_map(r, 3, 3);
    l->cpu_milli = (uint32_t)uint_field(r, &left, 1, 1, UINT32_MAX);
    l->memory_bytes = uint_field(r, &left, 2, 0, UINT64_MAX);
    l->disk_bytes = uint_field(r, &left, 3, 0, UINT64_MAX);
    hkp_dsm_cbor_close(r, left);
}

hkp_status hkp_dsm_workload_parse(const uint8_t *in, size_t len, struct hkp_dsm_workload *workload) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_workload l = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, l.workload_id, 16);
    l.version = uint_field(&r, &left, 2, 1, UINT64_MAX);
    fixed_field(&r, &left, 3, l.image, 32);
    hkp_dsm_cbor_key(&r, &left, 4);
    l.n_arguments = (uint32_t)hkp_dsm_cbor_array(&r, 0, HKP_DSM_ARGUMENTS_MAX);
    for (uint32_t i = 0; i < l.n_arguments; i++)
        l.arguments[i].ptr = (const uint8_t *)hkp_dsm_cbor_text(&r, 0, SIZE_MAX, &l.arguments[i].len);
    hkp_dsm_cbor_key(&r, &left, 5);
    read_resources(&r, &l);
    l.not_before_s = uint_field(&r, &left, 6, 0, UINT64_MAX);
    l.not_after_s = uint_field(&r, &left, 7, 0, UINT64_MAX);
    l.tiers = (uint32_t)uint_field(&r, &left, 8, 1, TIERS_ALL);
    hkp_dsm_cbor_key(&r, &left, 9);
    l.n_inputs = (uint32_t)hkp_dsm_cbor_array(&r, 0, HKP_DSM_INPUTS_MAX);
    for (uint32_t i = 0; i < l.n_inputs; i++) l.inputs[i] = hkp_dsm_cbor_bytes(&r, 32, 32, NULL);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = window(l.not_before_s, l.not_after_s);
    if (st == HKP_OK) *workload = l;
    return st;
}

/* ---- ASSIGN ---- */

hkp_status hkp_dsm_assign_build(const struct hkp_dsm_assign *assign, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_status st = window(assign->not_before_s, assign->not_after_s);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, assign->workload, 32);
    put_bytes_field(&w, 2, assign->node_id, 16);
    put_uint_field(&w, 3, assign->not_before_s);
    put_uint_field(&w, 4, assign->not_after_s);
    put_bytes_field(&w, 5, assign->nonce, 16);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_assign_parse(const uint8_t *in, size_t len, struct hkp_dsm_assign *assign) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_assign a = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, a.workload, 32);
    fixed_field(&r, &left, 2, a.node_id, 16);
    a.not_before_s = uint_field(&r, &left, 3, 0, UINT64_MAX);
    a.not_after_s = uint_field(&r, &left, 4, 0, UINT64_MAX);
    fixed_field(&r, &left, 5, a.nonce, 16);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = window(a.not_before_s, a.not_after_s);
    if (st == HKP_OK) *assign = a;
    return st;
}

/* ---- POLICY ---- */

hkp_status hkp_dsm_policy_build(const struct hkp_dsm_policy *policy, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    const int ends = policy->has_not_after != 0;
    if (policy->version < 1) return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 4U + (ends != 0));
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, policy->version);
    if (policy->scope != 0)
        put_uint_field(&w, 2, policy->scope);
    else
        put_bytes_field(&w, 2, policy->name, 16);
    put_bytes_field(&w, 3, policy->bytes.ptr, policy->bytes.len);
    if (ends) put_uint_field(&w, 4, policy->not_after_s);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_policy_parse(const uint8_t *in, size_t len, struct hkp_dsm_policy *policy) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_policy p = {.not_after_s = UINT64_MAX};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    p.version = (uint32_t)uint_field(&r, &left, 1, 1, UINT32_MAX);
    hkp_dsm_cbor_key(&r, &left, 2);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES)
        hkp_dsm_cbor_fixed(&r, p.name, 16);
    else
        p.scope = (uint32_t)hkp_dsm_cbor_uint(&r, 1, UINT32_MAX);
    hkp_dsm_cbor_key(&r, &left, 3);
    p.bytes.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p.bytes.len);
    p.has_not_after = (uint32_t)hkp_dsm_cbor_option(&r, &left, 4);
    if (p.has_not_after) p.not_after_s = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *policy = p;
    return r.status;
}
