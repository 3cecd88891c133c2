/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Objects beside consensus that a node verifies, passes on and hands to its host: heads of audit logs,
 * telemetry, workloads, assignments, policies (D-AUD-2, D-AUD-4, D-AUD-5) and orders of officers (D-AUD-6).
 * What they mean is the host's: its collector and its control judge numbers and windows.
 */
#include <string.h>

#include <hookprobe/dsm/publish.h>
#include <hookprobe/dsm/testimony.h>

#include "libdsm/beside/audit.h"
#include "libdsm/beside/signed.h"
#include "libdsm/node/node.h"

enum { ENVELOPE_OVERHEAD = 128 };

/* D-GSP-7: completely verified, so that what is passed on is what everybody can read. */
static hkp_status body_ok(uint32_t kind, const struct hkp_dsm_view *body) {
    union {
        struct hkp_dsm_audit_head head;
        struct hkp_dsm_batch batch;
        struct hkp_dsm_workload workload;
        struct hkp_dsm_assign assign;
        struct hkp_dsm_policy policy;
    } u;
    switch (kind) {
    case HKP_DSM_KIND_AUDIT_HEAD:
        return hkp_dsm__audit_head_body(body, &u.head);
    case HKP_DSM_KIND_TELEMETRY:
        return hkp_dsm_batch_parse(body->ptr, body->len, &u.batch);
    case HKP_DSM_KIND_WORKLOAD:
        return hkp_dsm_workload_parse(body->ptr, body->len, &u.workload);
    case HKP_DSM_KIND_ASSIGN:
        return hkp_dsm_assign_parse(body->ptr, body->len, &u.assign);
    case HKP_DSM_KIND_POLICY:
        return hkp_dsm_policy_parse(body->ptr, body->len, &u.policy);
    default:
        return HKP_E_UNSUPPORTED;
    }
}

static hkp_status tell(node *n, uint32_t form, uint32_t kind, const struct hkp_dsm_view *object,
                       const uint8_t *signer, const uint8_t id[32], const struct peer *from, uint32_t hops) {
    blob *copy = hkp_dsm__fuller(n, FILL_ANSWERS) ? NULL : hkp_dsm__bytes(n, object->ptr, object->len);
    if (copy == NULL) return HKP_E_LIMIT;
    hkp_dsm__spread(n, form, copy, hops, from);
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_OBJECT);
    e->e.type = kind;
    if (signer != NULL) memcpy(e->e.node_id, signer, 16);
    memcpy(e->e.id, id, 32);
    e->data = copy;
    return HKP_OK;
}

static hkp_status object_check(node *n, const struct hkp_dsm_view *object, uint32_t kind,
                               struct hkp_dsm_envelope *e, uint8_t id[32]) {
    struct hkp_dsm_directory directory;
    struct hkp_dsm_signer signer;
    hkp_dsm_node_directory(n, &directory);
    const struct hkp_dsm__judge judge = {n->chain_id, &directory, hkp_dsm__judged_at_s(n)};
    hkp_status st = hkp_dsm__signed_open(&judge, object->ptr, object->len, kind, e, &signer);
    if (st == HKP_OK) st = body_ok(kind, &e->body);
    if (st == HKP_OK) hkp_dsm__envelope_id(n->chain_id, e, id);
    return st;
}

hkp_status hkp_dsm__object_take(node *n, struct peer *from, const struct hkp_dsm_view *object, uint32_t kind,
                                uint32_t hops) {
    struct hkp_dsm_envelope e;
    uint8_t id[32];
    if (!hkp_dsm__may_take(n)) return HKP_E_LIMIT;
    const hkp_status st = object_check(n, object, kind, &e, id);
    return st == HKP_OK ? tell(n, HKP_DSM__FORM_ENVELOPE, kind, object, e.signer, id, from, hops) : st;
}

static hkp_status order_check(node *n, const struct hkp_dsm_view *multi, uint8_t id[32]) {
    struct hkp_dsm_multi m;
    struct hkp_dsm_order order;
    hkp_status st = hkp_dsm__order_open(multi->ptr, multi->len, n->chain_id, &n->officers, &order, id);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(multi->ptr, multi->len, &m);
    if (st == HKP_OK && !hkp_dsm__officers_timely(&n->lists.officers, m.ca_version, hkp_dsm__judged_at_s(n)))
        st = HKP_E_DSM_CA_VERSION;
    return st;
}

hkp_status hkp_dsm__order_take(node *n, struct peer *from, const struct hkp_dsm_view *multi, uint32_t hops) {
    uint8_t id[32];
    if (!hkp_dsm__may_take(n)) return HKP_E_LIMIT;
    const hkp_status st = order_check(n, multi, id);
    return st == HKP_OK ? tell(n, HKP_DSM__FORM_MULTI, HKP_DSM_KIND_ORDER, multi, NULL, id, from, hops) : st;
}

/* ---- for the host ---- */

static hkp_status begin(node *n, hkp_time now, uint64_t wall_us) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    n->wall_us = wall_us;
    n->wall_at = n->now;
    return HKP_OK;
}

/* Items of which the id was seen lately are not taken twice, whoever brings them. */
static int is_known(const node *n, const uint8_t id[32]) {
    return hkp_dsm__seen_has(&n->spread.tree.seen, id);
}

static const uint32_t kinds = 1U << HKP_DSM_KIND_AUDIT_HEAD | 1U << HKP_DSM_KIND_TELEMETRY |
                              1U << HKP_DSM_KIND_WORKLOAD | 1U << HKP_DSM_KIND_ASSIGN |
                              1U << HKP_DSM_KIND_POLICY;

hkp_status hkp_dsm_node_publish(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *envelope,
                                size_t len) {
    const struct hkp_dsm_view view = {envelope, len};
    struct hkp_dsm_envelope e;
    uint8_t id[32];
    hkp_status st = begin(n, now, wall_us);
    if (st == HKP_OK) st = hkp_dsm_envelope_parse(envelope, len, kinds, &e);
    if (st != HKP_OK) return st;
    hkp_dsm__envelope_id(n->chain_id, &e, id);
    if (is_known(n, id)) return HKP_E_DSM_DUPLICATE;
    st = hkp_dsm__object_take(n, NULL, &view, (uint32_t)e.kind, 0);
    hkp_dsm__advance(n);
    return st;
}

hkp_status hkp_dsm_node_sign(const hkp_dsm_node *n, uint32_t kind, const uint8_t *body, size_t len,
                             uint8_t *dst, size_t cap, size_t *out_len) {
    const struct hkp_dsm_view view = {body, len};
    const hkp_status st = body_ok(kind, &view);
    if (st != HKP_OK) return st;
    if (len + ENVELOPE_OVERHEAD > cap) return HKP_E_NOSPC;
    return hkp_dsm_envelope_sign(n->chain_id, kind, n->id, n->secret, body, len, dst, cap, out_len);
}

hkp_status hkp_dsm_node_order(hkp_dsm_node *n, hkp_time now, uint64_t wall_us, const uint8_t *order,
                              size_t len) {
    const struct hkp_dsm_view view = {order, len};
    struct hkp_dsm_multi m;
    uint8_t id[32];
    hkp_status st = begin(n, now, wall_us);
    if (st == HKP_OK) st = hkp_dsm_multi_parse(order, len, &m);
    if (st == HKP_OK && m.kind != HKP_DSM_KIND_ORDER) st = HKP_E_DSM_KIND;
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_ORDER, NULL, m.body.ptr, m.body.len);
    if (is_known(n, id)) return HKP_E_DSM_DUPLICATE;
    st = hkp_dsm__order_take(n, NULL, &view, 0);
    hkp_dsm__advance(n);
    return st;
}

hkp_status hkp_dsm_node_check(hkp_dsm_node *n, const uint8_t *object, size_t len, uint32_t *kind,
                              uint8_t id[32]) {
    const struct hkp_dsm_view view = {object, len};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_multi m;
    uint8_t own[32];
    *kind = 0;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    const int multi = hkp_dsm_multi_parse(object, len, &m) == HKP_OK;
    hkp_status st = multi ? HKP_OK : hkp_dsm_envelope_parse(object, len, kinds, &e);
    if (st != HKP_OK) return st;
    *kind = multi ? (uint32_t)m.kind : (uint32_t)e.kind;
    if (multi && m.kind != HKP_DSM_KIND_ORDER) return HKP_E_DSM_KIND;
    st = multi ? order_check(n, &view, own) : object_check(n, &view, *kind, &e, own);
    if (st == HKP_OK) memcpy(id, own, 32);
    return st;
}

void hkp_dsm_node_authority(const hkp_dsm_node *n, struct hkp_dsm_officers *out) { *out = n->officers; }

hkp_status hkp_dsm_node_certificate(const hkp_dsm_node *n, const uint8_t node_id[16],
                                    struct hkp_dsm_view *out) {
    const struct author *a = hkp_dsm__author(n, node_id);
    if (a == NULL || a->n_certs == 0) return HKP_E_NOTFOUND;
    uint32_t newest = 0;
    for (uint32_t i = 1; i < a->n_certs; i++)
        if (a->certs[i].serial > a->certs[newest].serial) newest = i;
    *out = (struct hkp_dsm_view){a->cert_bytes[newest]->ptr, a->cert_bytes[newest]->len};
    return HKP_OK;
}
