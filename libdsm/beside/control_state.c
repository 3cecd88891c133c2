/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a control object must not forget over a start (D-AUD-5, D-AUD-6):
 * {0:1, 1:[[kind, scope, name, number, not_after, in force, id], ...], 2:[[workload, number, not_after],
 * ...], 3:[[nonce, until], ...], 4:latest end of those that were forgotten (optional)} */
#include "libdsm/beside/control.h"
#include "libdsm/objects/fields.h"

static void put_rules(struct hkp_dsm_cbor_writer *w, const hkp_dsm_control *c) {
    hkp_dsm_cbor_put_uint(w, 1);
    hkp_dsm_cbor_put_array(w, c->n_rules);
    for (size_t i = 0; i < c->n_rules; i++) {
        const struct hkp_dsm__rule *r = &c->rules[i];
        hkp_dsm_cbor_put_array(w, 7);
        hkp_dsm_cbor_put_uint(w, r->kind);
        hkp_dsm_cbor_put_uint(w, r->scope);
        hkp_dsm_cbor_put_bytes(w, r->name, 16);
        hkp_dsm_cbor_put_uint(w, r->number);
        hkp_dsm_cbor_put_uint(w, r->not_after_s);
        hkp_dsm_cbor_put_simple(w, r->in_force ? HKP_DSM_CBOR_TRUE : HKP_DSM_CBOR_FALSE);
        hkp_dsm_cbor_put_bytes(w, r->id, 32);
    }
}

hkp_status hkp_dsm_control_save(const hkp_dsm_control *control, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_map(&w, 4U + (control->forgotten_s > 0));
    put_uint_field(&w, 0, 1);
    put_rules(&w, control);
    hkp_dsm_cbor_put_uint(&w, 2);
    hkp_dsm_cbor_put_array(&w, control->n_allowed);
    for (size_t i = 0; i < control->n_allowed; i++) {
        hkp_dsm_cbor_put_array(&w, 3);
        hkp_dsm_cbor_put_bytes(&w, control->allowed[i].workload, 32);
        hkp_dsm_cbor_put_uint(&w, control->allowed[i].number);
        hkp_dsm_cbor_put_uint(&w, control->allowed[i].not_after_s);
    }
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_array(&w, control->n_nonces);
    for (size_t i = 0; i < control->n_nonces; i++) {
        hkp_dsm_cbor_put_array(&w, 2);
        hkp_dsm_cbor_put_bytes(&w, control->nonces[i].nonce, 16);
        hkp_dsm_cbor_put_uint(&w, control->nonces[i].until_s);
    }
    if (control->forgotten_s > 0) put_uint_field(&w, 4, control->forgotten_s);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

static void read_rule(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__rule *rule) {
    (void)hkp_dsm_cbor_array(r, 7, 7);
    rule->kind = (uint32_t)hkp_dsm_cbor_uint(r, 0, HKP_DSM_KIND_ORDER);
    rule->scope = (uint32_t)hkp_dsm_cbor_uint(r, 0, UINT32_MAX);
    hkp_dsm_cbor_fixed(r, rule->name, 16);
    rule->number = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
    rule->not_after_s = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
    const int32_t in_force = hkp_dsm_cbor_simple(r);
    if (in_force == HKP_DSM_CBOR_NULL) r->status = HKP_E_DSM_SCHEMA;
    rule->in_force = in_force == HKP_DSM_CBOR_TRUE;
    hkp_dsm_cbor_fixed(r, rule->id, 32);
}

/* As many rules of each kind as there can be, so that later ones find room. */
static int rules_ok(const hkp_dsm_control *c) {
    size_t policies = 0, orders = 0;
    for (size_t i = 0; i < c->n_rules; i++) {
        const struct hkp_dsm__rule *r = &c->rules[i];
        const int is_order = r->kind == HKP_DSM_KIND_ORDER;
        if (!is_order && r->kind != HKP_DSM_KIND_POLICY) return 0;
        if (is_order && (r->scope < HKP_DSM_ORDER_WORKLOAD || r->scope > HKP_DSM_ORDER_RESET)) return 0;
        if (is_order && (orders & 1U << r->scope) != 0) return 0;
        if (is_order) orders |= 1U << r->scope;
        policies += !is_order;
    }
    return policies <= HKP_DSM_SCOPES;
}

hkp_status hkp_dsm__control_load(hkp_dsm_control *c, const uint8_t *in, size_t len) {
    struct hkp_dsm_cbor_reader r;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    c->n_rules = hkp_dsm_cbor_array(&r, 0, HKP_DSM__RULES);
    for (size_t i = 0; i < c->n_rules; i++) read_rule(&r, &c->rules[i]);
    hkp_dsm_cbor_key(&r, &left, 2);
    c->n_allowed = hkp_dsm_cbor_array(&r, 0, HKP_DSM_ALLOWED);
    for (size_t i = 0; i < c->n_allowed; i++) {
        (void)hkp_dsm_cbor_array(&r, 3, 3);
        hkp_dsm_cbor_fixed(&r, c->allowed[i].workload, 32);
        c->allowed[i].number = hkp_dsm_cbor_uint(&r, 1, UINT64_MAX);
        c->allowed[i].not_after_s = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    }
    hkp_dsm_cbor_key(&r, &left, 3);
    c->n_nonces = hkp_dsm_cbor_array(&r, 0, HKP_DSM_START_NONCES);
    for (size_t i = 0; i < c->n_nonces; i++) {
        (void)hkp_dsm_cbor_array(&r, 2, 2);
        hkp_dsm_cbor_fixed(&r, c->nonces[i].nonce, 16);
        c->nonces[i].until_s = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    }
    c->forgotten_s = optional_uint(&r, &left, 4, 1, UINT64_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    return rules_ok(c) ? HKP_OK : HKP_E_DSM_SCHEMA;
}
