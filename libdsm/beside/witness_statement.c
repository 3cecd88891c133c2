/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Claims, and what witnesses say about them (D-WIT-1, D-WIT-2). */
#include "libdsm/beside/witness.h"
#include "libdsm/objects/fields.h"

#include <string.h>

enum { K_MIN = 2, K_MAX = 16, LIFETIME_MAX_S = 86400 };

static hkp_status claim_times(const struct hkp_dsm_claim *c) {
    return c->expires_s > c->created_s && c->expires_s - c->created_s <= LIFETIME_MAX_S ? HKP_OK
                                                                                        : HKP_E_DSM_VALIDITY;
}

hkp_status hkp_dsm_claim_build(const struct hkp_dsm_claim *claim, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (claim->type < HKP_DSM_CLAIM_THREAT || claim->type > HKP_DSM_CLAIM_FREE || claim->k < K_MIN ||
        claim->k > K_MAX || claim->statement.len > HKP_DSM_STATEMENT_MAX)
        return HKP_E_DSM_SCHEMA;
    hkp_status st = claim_times(claim);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_put_map(&w, 7);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, claim->type);
    put_bytes_field(&w, 2, claim->subject, 32);
    hkp_dsm_cbor_put_uint(&w, 3);
    hkp_dsm_cbor_put_text(&w, (const char *)claim->statement.ptr, claim->statement.len);
    put_uint_field(&w, 4, claim->created_s);
    put_uint_field(&w, 5, claim->expires_s);
    put_uint_field(&w, 6, claim->k);
    if (w.status != HKP_OK) return w.status;
    st = hkp_dsm_cbor_check(dst, w.len); /* is the statement text? */
    if (st == HKP_OK) *len = w.len;
    return st;
}

hkp_status hkp_dsm_claim_parse(const uint8_t *in, size_t len, struct hkp_dsm_claim *claim) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_claim c = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    c.type = (uint32_t)uint_field(&r, &left, 1, HKP_DSM_CLAIM_THREAT, HKP_DSM_CLAIM_FREE);
    fixed_field(&r, &left, 2, c.subject, 32);
    hkp_dsm_cbor_key(&r, &left, 3);
    c.statement.ptr = (const uint8_t *)hkp_dsm_cbor_text(&r, 0, HKP_DSM_STATEMENT_MAX, &c.statement.len);
    c.created_s = uint_field(&r, &left, 4, 0, UINT64_MAX);
    c.expires_s = uint_field(&r, &left, 5, 0, UINT64_MAX);
    c.k = (uint32_t)uint_field(&r, &left, 6, K_MIN, K_MAX);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    hkp_status st = claim_times(&c);
    if (st == HKP_OK) *claim = c;
    return st;
}

hkp_status hkp_dsm_witness_build(const struct hkp_dsm_witness *witness, uint8_t *dst, size_t cap,
                                 size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (witness->verdict > HKP_DSM_VERDICT_ABSTAIN || witness->method < HKP_DSM_METHOD_SENSOR ||
        witness->method > HKP_DSM_METHOD_OPERATOR)
        return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_map(&w, 6);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, witness->claim, 32);
    put_uint_field(&w, 2, witness->verdict);
    put_uint_field(&w, 3, witness->method);
    put_uint_field(&w, 4, witness->observed_s);
    put_bytes_field(&w, 5, witness->evidence, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

hkp_status hkp_dsm_witness_parse(const uint8_t *in, size_t len, struct hkp_dsm_witness *witness) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_witness v = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    fixed_field(&r, &left, 1, v.claim, 32);
    v.verdict = (uint32_t)uint_field(&r, &left, 2, HKP_DSM_VERDICT_REFUTE, HKP_DSM_VERDICT_ABSTAIN);
    v.method = (uint32_t)uint_field(&r, &left, 3, HKP_DSM_METHOD_SENSOR, HKP_DSM_METHOD_OPERATOR);
    v.observed_s = uint_field(&r, &left, 4, 0, UINT64_MAX);
    fixed_field(&r, &left, 5, v.evidence, 32);
    hkp_dsm_cbor_close(&r, left);
    if (r.status == HKP_OK) *witness = v;
    return r.status;
}

/* ---- One claim ---- */

void hkp_dsm__claim_open(struct hkp_dsm__open_claim *open, const struct hkp_dsm_claim *claim,
                         const uint8_t id[32], const uint8_t claimant[16], uint32_t group) {
    memset(open, 0, sizeof *open);
    memcpy(open->id, id, 32);
    memcpy(open->claimant, claimant, 16);
    open->group = group;
    open->k = claim->k;
    open->created_s = claim->created_s;
    open->expires_s = claim->expires_s;
}

/* A place for a witness of this group. The last places are for groups that are not there yet: k - 1 dishonest
 * groups with any number of identities leave room for 2k - 1 honest ones (decision 0433). */
static struct hkp_dsm__said *place(struct hkp_dsm__open_claim *open, uint32_t group) {
    uint32_t is_further = 0;
    if (open->n_said == HKP_DSM_WITNESSES) return NULL;
    for (uint32_t i = 0; i < open->n_said; i++) is_further |= open->said[i].group == group;
    if (is_further && open->n_further == HKP_DSM_WITNESSES_FURTHER) return NULL;
    open->n_further += is_further;
    return &open->said[open->n_said++];
}

hkp_status hkp_dsm__claim_hear(struct hkp_dsm__open_claim *open, const uint8_t witness[16], uint32_t group,
                               uint32_t verdict) {
    if (group == open->group) return HKP_E_DSM_TARGET;
    for (uint32_t i = 0; i < open->n_said; i++) {
        struct hkp_dsm__said *s = &open->said[i];
        if (memcmp(s->witness, witness, 16) != 0) continue;
        if (s->is_void || s->verdict == verdict) return HKP_E_DSM_DUPLICATE;
        s->is_void = 1;
        return HKP_OK;
    }
    struct hkp_dsm__said *s = place(open, group);
    if (s == NULL) return HKP_E_LIMIT;
    memcpy(s->witness, witness, 16);
    s->group = group;
    s->verdict = (uint8_t)verdict;
    return HKP_OK;
}

void hkp_dsm__claim_count(const struct hkp_dsm__open_claim *open, uint64_t now_s,
                          struct hkp_dsm_tally *tally) {
    struct hkp_dsm__verdict verdicts[HKP_DSM_WITNESSES];
    struct hkp_dsm_tally t = {.k = open->k, .expires_s = open->expires_s, .witnesses = open->n_said};
    size_t n = 0;
    for (uint32_t i = 0; i < open->n_said; i++) {
        t.voided += open->said[i].is_void;
        if (!open->said[i].is_void)
            verdicts[n++] = (struct hkp_dsm__verdict){i, open->said[i].group, open->said[i].verdict};
    }
    t.state = (uint32_t)hkp_dsm__witness_state(verdicts, n, open->group, open->k, now_s >= open->expires_s,
                                               &t.confirms, &t.refutes);
    memcpy(t.claim, open->id, 32);
    memcpy(t.claimant, open->claimant, 16);
    *tally = t;
}
