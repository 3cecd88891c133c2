/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Whether this node starts a workload, and whether it may go on (D-AUD-5, D-AUD-6). */
#include "libdsm/beside/control.h"
#include "libdsm/beside/signed.h"

#include "libter/options.h"

#define CHECK_EVERY_NS 60000000000ULL

void hkp_dsm_control_options_init(struct hkp_dsm_control_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_dsm_control_new(hkp_dsm_control **out, const struct hkp_dsm_control_options *opt) {
    struct hkp_dsm_control_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.chain_id == NULL || o.node_id == NULL || o.directory == NULL ||
        !hkp_dsm__directory_ok(o.directory) || o.tier < HKP_DSM_TIER_SENTINEL || o.tier > HKP_DSM_TIER_MSSP)
        return HKP_E_INVAL;
    hkp_dsm_control *c = (hkp_dsm_control *)hkp_mem_alloc(&o.mem, sizeof *c);
    if (c == NULL) return HKP_E_NOMEM;
    c->mem = o.mem;
    memcpy(c->chain_id, o.chain_id, 32);
    memcpy(c->node_id, o.node_id, 16);
    c->tier = o.tier;
    c->directory = *o.directory;
    st = o.state == NULL ? HKP_OK : hkp_dsm__control_load(c, o.state, o.state_len);
    if (st != HKP_OK)
        hkp_dsm_control_free(c);
    else
        *out = c;
    return st;
}

void hkp_dsm_control_free(hkp_dsm_control *control) {
    if (control == NULL) return;
    const struct hkp_mem mem = control->mem;
    hkp_mem_free(&mem, control, sizeof *control);
}

/* ---- Start ---- */

static hkp_status in_window(uint64_t from_s, uint64_t to_s, uint64_t now_s) {
    if (now_s < from_s) return HKP_E_DSM_NOT_YET;
    return now_s < to_s ? HKP_OK : HKP_E_DSM_EXPIRED;
}

struct request {
    struct hkp_dsm_envelope workload, assign;
    struct hkp_dsm_assign a;
};

/* Both objects are signed by who may sign them, and read. */
static hkp_status open_both(const hkp_dsm_control *c, uint64_t now_s, const struct hkp_dsm_view *workload,
                            const struct hkp_dsm_view *assign, struct request *q, struct hkp_dsm_start *s) {
    const struct hkp_dsm__judge judge = {c->chain_id, &c->directory, now_s};
    struct hkp_dsm_signer signer;
    hkp_status st = hkp_dsm__signed_open(&judge, workload->ptr, workload->len, HKP_DSM_KIND_WORKLOAD,
                                         &q->workload, &signer);
    if (st == HKP_OK) st = hkp_dsm_workload_parse(q->workload.body.ptr, q->workload.body.len, &s->workload);
    if (st == HKP_OK)
        st = hkp_dsm__signed_open(&judge, assign->ptr, assign->len, HKP_DSM_KIND_ASSIGN, &q->assign, &signer);
    if (st == HKP_OK) st = hkp_dsm_assign_parse(q->assign.body.ptr, q->assign.body.len, &q->a);
    if (st != HKP_OK) return st;
    hkp_dsm__envelope_id(c->chain_id, &q->workload, s->object);
    hkp_dsm__envelope_id(c->chain_id, &q->assign, s->run);
    return HKP_OK;
}

/* Do they fit together, this node, this time, this image and what officers allow? */
static hkp_status fits(const hkp_dsm_control *c, uint64_t now_s, const struct request *q,
                       const struct hkp_dsm_start *s, const uint8_t image[32]) {
    const struct hkp_dsm_workload *w = &s->workload;
    if (memcmp(q->a.workload, s->object, 32) != 0) return HKP_E_DSM_PROOF;
    if (memcmp(q->a.node_id, c->node_id, 16) != 0) return HKP_E_DSM_TARGET;
    hkp_status st = in_window(w->not_before_s, w->not_after_s, now_s);
    if (st == HKP_OK) st = in_window(q->a.not_before_s, q->a.not_after_s, now_s);
    if (st != HKP_OK) return st;
    if ((w->tiers & 1U << (c->tier - 1)) == 0) return HKP_E_DSM_TARGET;
    if (memcmp(w->image, image, 32) != 0) return HKP_E_DSM_PAYLOAD;
    return hkp_dsm__control_allows(c, s->object, now_s) ? HKP_OK : HKP_E_DSM_ORDER;
}

/* Only what finds no room is forgotten, what ended first: a clock that was wrong for a while may come back
 * into windows that it took for ended (decision 0633). */
static hkp_status nonce_is_new(hkp_dsm_control *c, const struct hkp_dsm_assign *a, uint64_t now_s) {
    size_t first = 0;
    for (size_t i = 0; i < c->n_nonces; i++) {
        if (memcmp(c->nonces[i].nonce, a->nonce, 16) == 0) return HKP_E_DSM_DUPLICATE;
        if (c->nonces[i].until_s < c->nonces[first].until_s) first = i;
    }
    if (a->not_after_s <= c->forgotten_s) return HKP_E_DSM_DUPLICATE; /* perhaps one of those */
    if (c->n_nonces < HKP_DSM_START_NONCES) return HKP_OK;
    if (now_s < c->nonces[first].until_s) return HKP_E_LIMIT;
    if (c->nonces[first].until_s > c->forgotten_s) c->forgotten_s = c->nonces[first].until_s;
    c->nonces[first] = c->nonces[--c->n_nonces];
    return HKP_OK;
}

static void note_run(hkp_dsm_control *c, const struct request *q, const struct hkp_dsm_start *s) {
    struct hkp_dsm__used_nonce *n = &c->nonces[c->n_nonces++];
    struct hkp_dsm__run *r = &c->runs[c->n_runs++];
    memcpy(n->nonce, q->a.nonce, 16);
    n->until_s = q->a.not_after_s;
    memcpy(r->run, s->run, 32);
    memcpy(r->workload, s->object, 32);
    memcpy(r->operator_id, q->workload.signer, 16);
    memcpy(r->scheduler_id, q->assign.signer, 16);
    r->until_s = s->until_s;
    r->due = c->now + CHECK_EVERY_NS;
}

hkp_status hkp_dsm_control_start(hkp_dsm_control *control, hkp_time now, uint64_t now_s,
                                 const struct hkp_dsm_view *workload, const struct hkp_dsm_view *assign,
                                 const uint8_t image[32], struct hkp_dsm_start *start) {
    struct request q;
    struct hkp_dsm_start s;
    if (now > control->now) control->now = now;
    hkp_status st = open_both(control, now_s, workload, assign, &q, &s);
    if (st == HKP_OK) st = fits(control, now_s, &q, &s, image);
    if (st == HKP_OK) st = nonce_is_new(control, &q.a, now_s);
    if (st != HKP_OK) return st;
    if (control->n_runs == HKP_DSM_RUNS) return HKP_E_LIMIT;
    s.until_s = q.a.not_after_s < s.workload.not_after_s ? q.a.not_after_s : s.workload.not_after_s;
    note_run(control, &q, &s);
    *start = s;
    return HKP_OK;
}

/* ---- While it runs ---- */

hkp_time hkp_dsm_control_wake(const hkp_dsm_control *control) {
    hkp_time wake = HKP_TIME_NEVER;
    for (size_t i = 0; i < control->n_runs; i++)
        if (control->runs[i].due < wake) wake = control->runs[i].due;
    return wake;
}

static hkp_status may_go_on(const hkp_dsm_control *c, const struct hkp_dsm__run *r, uint64_t now_s) {
    const struct hkp_dsm__judge judge = {c->chain_id, &c->directory, now_s};
    struct hkp_dsm_signer signer;
    hkp_status st = hkp_dsm__signer_find(&judge, r->operator_id, HKP_DSM_ROLE_OPERATOR, &signer);
    if (st == HKP_OK) st = hkp_dsm__signer_find(&judge, r->scheduler_id, HKP_DSM_ROLE_SCHEDULER, &signer);
    if (st == HKP_OK) st = in_window(0, r->until_s, now_s);
    if (st != HKP_OK) return st;
    return hkp_dsm__control_allows(c, r->workload, now_s) ? HKP_OK : HKP_E_DSM_ORDER;
}

static void forget(hkp_dsm_control *c, size_t at) { c->runs[at] = c->runs[--c->n_runs]; }

hkp_status hkp_dsm_control_check(hkp_dsm_control *control, hkp_time now, uint64_t now_s, uint8_t run[32],
                                 hkp_status *why) {
    if (now > control->now) control->now = now;
    for (size_t i = control->n_runs; i > 0; i--) {
        struct hkp_dsm__run *r = &control->runs[i - 1];
        if (r->due > control->now) continue;
        const hkp_status st = may_go_on(control, r, now_s);
        if (st == HKP_OK) {
            r->due = control->now + CHECK_EVERY_NS;
            continue;
        }
        memcpy(run, r->run, 32);
        *why = st;
        forget(control, i - 1);
        return HKP_OK;
    }
    return HKP_E_NOTFOUND;
}

hkp_status hkp_dsm_control_ended(hkp_dsm_control *control, const uint8_t run[32]) {
    for (size_t i = 0; i < control->n_runs; i++) {
        if (memcmp(control->runs[i].run, run, 32) != 0) continue;
        forget(control, i);
        return HKP_OK;
    }
    return HKP_E_NOTFOUND;
}
