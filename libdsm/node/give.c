/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the host hands over, taken as if a peer had pushed it; and what officers signed, as it is held. */
#include <hookprobe/dsm/give.h>

#include "libdsm/node/node.h"

/* Which of the forms of D-GSP-6 these bytes have; no two share a shape. */
static hkp_status form_of(const uint8_t *object, size_t len, uint32_t *form) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_multi m;
    struct hkp_dsm__cert c;
    struct hkp_dsm__op op;
    if (len > HKP_DSM_REVOCATION_LIST_MAX * 2) return HKP_E_DSM_TOO_BIG;
    hkp_status st = hkp_dsm_cbor_check(object, len);
    if (st != HKP_OK) return st;
    if (hkp_dsm__envelope_shape(object, len, &e) == HKP_OK)
        *form = HKP_DSM__FORM_ENVELOPE;
    else if (hkp_dsm_multi_parse(object, len, &m) == HKP_OK)
        *form = HKP_DSM__FORM_MULTI;
    else if (hkp_dsm__cert_parse(object, len, &c) == HKP_OK)
        *form = HKP_DSM__FORM_CERT;
    else if (hkp_dsm__op_parse(object, len, &op) == HKP_OK && op.op == HKP_DSM__OP_EVIDENCE)
        *form = HKP_DSM__FORM_EVIDENCE;
    else
        st = HKP_E_DSM_SCHEMA;
    return st;
}

hkp_status hkp_dsm_node_give(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *object,
                             size_t len, uint32_t *kind) {
    const struct hkp_dsm_view view = {object, len};
    struct hkp_dsm__item item = {0};
    uint32_t form = 0;
    *kind = 0;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    hkp_status st = form_of(object, len, &form);
    if (st == HKP_OK) st = hkp_dsm__item_read(form, &view, NULL, &item);
    if (st != HKP_OK) return st;
    *kind = item.kind;
    if (!hkp_dsm__may_take(n)) return HKP_E_LIMIT;
    st = hkp_dsm__spread_take(n, &item);
    hkp_dsm__advance(n);
    hkp_dsm__spread_tick(n);
    return st;
}

/* ---- what is held ---- */

static const blob *certificate_of(const node *n, const uint8_t node_id[16]) {
    const struct author *a = hkp_dsm__author(n, node_id);
    uint32_t newest = 0;
    if (a == NULL || a->n_certs == 0) return NULL;
    for (uint32_t i = 1; i < a->n_certs; i++)
        if (a->certs[i].serial > a->certs[newest].serial) newest = i;
    return a->cert_bytes[newest];
}

hkp_status hkp_dsm_node_held(const hkp_dsm_node *n, uint32_t kind, const uint8_t *node_id,
                             struct hkp_dsm_view *object) {
    const struct carried *c = kind == HKP_DSM_KIND_CA_SET ? &n->lists.next : &n->lists.held[0];
    if (kind == HKP_DSM_KIND_CERTIFICATE) {
        const blob *b = certificate_of(n, node_id);
        if (b == NULL) return HKP_E_NOTFOUND;
        *object = (struct hkp_dsm_view){b->ptr, b->len};
        return HKP_OK;
    }
    if (kind != HKP_DSM_KIND_CA_SET && kind != HKP_DSM_KIND_REVOCATION_LIST) return HKP_E_UNSUPPORTED;
    if (c->op == NULL) return HKP_E_NOTFOUND;
    *object = c->multi;
    return HKP_OK;
}

void hkp_dsm_node_ca_set(const hkp_dsm_node *n, struct hkp_dsm_ca_set *set) {
    *set = n->lists.officers.sets[n->lists.officers.n_sets - 1];
}
