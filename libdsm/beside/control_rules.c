/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Policies of operators and orders of officers: numbers rise, ends pass, officers reset (D-AUD-5, D-AUD-6).
 */
#include "libdsm/beside/control.h"
#include "libdsm/beside/signed.h"

#include "libter/bytes.h"

enum { STEP_MAX = 1024 };

static struct hkp_dsm__rule *find(const hkp_dsm_control *c, uint32_t kind, uint32_t scope,
                                  const uint8_t name[16]) {
    for (size_t i = 0; i < c->n_rules; i++) {
        const struct hkp_dsm__rule *r = &c->rules[i];
        if (r->kind == kind && r->scope == scope && memcmp(r->name, name, 16) == 0)
            return (struct hkp_dsm__rule *)(uintptr_t)r;
    }
    return NULL;
}

/* A new rule without a number yet; orders always have room, policies until their limit. */
static struct hkp_dsm__rule *add(hkp_dsm_control *c, uint32_t kind, uint32_t scope, const uint8_t name[16]) {
    size_t policies = 0;
    for (size_t i = 0; i < c->n_rules; i++) policies += c->rules[i].kind == HKP_DSM_KIND_POLICY;
    if (kind == HKP_DSM_KIND_POLICY && policies == HKP_DSM_SCOPES) return NULL;
    struct hkp_dsm__rule *r = &c->rules[c->n_rules++];
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->scope = scope;
    memcpy(r->name, name, 16);
    return r;
}

static int rises(uint64_t number, uint64_t held) { return number > held && number - held <= STEP_MAX; }

static void put(struct hkp_dsm__rule *r, uint64_t number, uint64_t not_after_s, const uint8_t id[32]) {
    r->number = number;
    r->not_after_s = not_after_s;
    r->in_force = 1;
    memcpy(r->id, id, 32);
}

static hkp_status rule_of(const struct hkp_dsm__rule *r, uint64_t now_s, uint8_t id[32]) {
    if (r == NULL || !r->in_force || !hkp_dsm__holds(r->not_after_s, now_s)) return HKP_E_NOTFOUND;
    memcpy(id, r->id, 32);
    return HKP_OK;
}

/* ---- POLICY ---- */

hkp_status hkp_dsm_control_policy(hkp_dsm_control *control, const uint8_t *in, size_t len, uint64_t now_s,
                                  struct hkp_dsm_policy *policy) {
    const struct hkp_dsm__judge judge = {control->chain_id, &control->directory, now_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    struct hkp_dsm_policy p;
    uint8_t id[32];
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_POLICY, &e, &signer);
    if (st == HKP_OK) st = hkp_dsm_policy_parse(e.body.ptr, e.body.len, &p);
    if (st != HKP_OK) return st;
    if (p.scope != 0 && p.scope < HKP_DSM_POLICY_SCOPE_MIN) return HKP_E_DSM_KIND;
    if (!hkp_dsm__holds(p.not_after_s, now_s)) return HKP_E_DSM_EXPIRED;
    struct hkp_dsm__rule *r = find(control, HKP_DSM_KIND_POLICY, p.scope, p.name);
    if (!rises(p.version, r == NULL ? 0 : r->number)) return HKP_E_DSM_STALE;
    if (r == NULL) r = add(control, HKP_DSM_KIND_POLICY, p.scope, p.name);
    if (r == NULL) return HKP_E_LIMIT;
    hkp_dsm__envelope_id(control->chain_id, &e, id);
    put(r, p.version, p.not_after_s, id);
    *policy = p;
    return HKP_OK;
}

hkp_status hkp_dsm_control_policy_of(const hkp_dsm_control *control, uint32_t scope, const uint8_t *name,
                                     uint64_t now_s, uint8_t id[32]) {
    const uint8_t *by_name = scope == 0 && name != NULL ? name : hkp_dsm__zeros;
    return rule_of(find(control, HKP_DSM_KIND_POLICY, scope, by_name), now_s, id);
}

/* ---- ORDER ---- */

/* What a reset needs must fit before anything is changed. */
static hkp_status reset(hkp_dsm_control *c, const struct hkp_dsm_order *order) {
    const uint32_t scope = hkp_be32(order->bytes.ptr), version = hkp_be32(order->bytes.ptr + 4);
    if (scope < HKP_DSM_POLICY_SCOPE_MIN) return HKP_OK; /* no POLICY is held of these */
    struct hkp_dsm__rule *r = find(c, HKP_DSM_KIND_POLICY, scope, hkp_dsm__zeros);
    if (r == NULL && version == 0) return HKP_OK;
    if (r == NULL) r = add(c, HKP_DSM_KIND_POLICY, scope, hkp_dsm__zeros);
    if (r == NULL) return HKP_E_LIMIT;
    r->number = version;
    r->in_force = 0;
    r->not_after_s = UINT64_MAX;
    if (version == 0) *r = c->rules[--c->n_rules];
    return HKP_OK;
}

static void disallow(hkp_dsm_control *c, size_t at) { c->allowed[at] = c->allowed[--c->n_allowed]; }

static hkp_status allow(hkp_dsm_control *c, const struct hkp_dsm_order *order, uint64_t now_s) {
    for (size_t i = c->n_allowed; i > 0; i--) {
        const struct hkp_dsm__allowed *a = &c->allowed[i - 1];
        if (memcmp(a->workload, order->bytes.ptr, 32) == 0 || !hkp_dsm__holds(a->not_after_s, now_s))
            disallow(c, i - 1);
    }
    if (!hkp_dsm__holds(order->not_after_s, now_s)) return HKP_OK; /* withdrawn */
    if (c->n_allowed == HKP_DSM_ALLOWED) return HKP_E_LIMIT;
    struct hkp_dsm__allowed *a = &c->allowed[c->n_allowed++];
    memcpy(a->workload, order->bytes.ptr, 32);
    a->number = order->number;
    a->not_after_s = order->not_after_s;
    return HKP_OK;
}

/* Two orders of one number: officers signed both, and none of them counts (D-CA-9). */
static hkp_status conflict(hkp_dsm_control *c, struct hkp_dsm__rule *r, const uint8_t id[32]) {
    if (memcmp(r->id, id, 32) == 0) return HKP_E_DSM_DUPLICATE;
    r->in_force = 0;
    for (size_t i = c->n_allowed; r->scope == HKP_DSM_ORDER_WORKLOAD && i > 0; i--)
        if (c->allowed[i - 1].number == r->number) disallow(c, i - 1);
    return HKP_E_DSM_FORK;
}

hkp_status hkp_dsm_control_order(hkp_dsm_control *control, const uint8_t *in, size_t len,
                                 const struct hkp_dsm_officers *officers, uint64_t now_s,
                                 struct hkp_dsm_order *order) {
    struct hkp_dsm_order o;
    uint8_t id[32];
    hkp_status st = hkp_dsm__order_open(in, len, control->chain_id, officers, &o, id);
    if (st != HKP_OK) return st;
    const uint32_t scope = (uint32_t)o.scope;
    struct hkp_dsm__rule *r = find(control, HKP_DSM_KIND_ORDER, scope, hkp_dsm__zeros);
    if (r != NULL && o.number == r->number) return conflict(control, r, id);
    if (!rises(o.number, r == NULL ? 0 : r->number)) return HKP_E_DSM_STALE;
    if (scope == HKP_DSM_ORDER_WORKLOAD) st = allow(control, &o, now_s);
    if (scope == HKP_DSM_ORDER_RESET && hkp_dsm__holds(o.not_after_s, now_s)) st = reset(control, &o);
    if (st != HKP_OK) return st;
    r = find(control, HKP_DSM_KIND_ORDER, scope, hkp_dsm__zeros); /* a reset may have moved it */
    if (r == NULL) r = add(control, HKP_DSM_KIND_ORDER, scope, hkp_dsm__zeros);
    put(r, o.number, o.not_after_s, id);
    *order = o;
    return HKP_OK;
}

hkp_status hkp_dsm_control_order_of(const hkp_dsm_control *control, uint32_t scope, uint64_t now_s,
                                    uint8_t id[32]) {
    if (scope < HKP_DSM_ORDER_VPN || scope > HKP_DSM_ORDER_STEALTH) return HKP_E_NOTFOUND;
    return rule_of(find(control, HKP_DSM_KIND_ORDER, scope, hkp_dsm__zeros), now_s, id);
}

int hkp_dsm__control_allows(const hkp_dsm_control *control, const uint8_t workload[32], uint64_t now_s) {
    for (size_t i = 0; i < control->n_allowed; i++)
        if (memcmp(control->allowed[i].workload, workload, 32) == 0)
            return hkp_dsm__holds(control->allowed[i].not_after_s, now_s);
    return 0;
}
