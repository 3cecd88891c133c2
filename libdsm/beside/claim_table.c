/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Open claims and their witnesses, bounded (D-WIT, dsm.md 13). */
#include "libdsm/beside/signed.h"
#include "libdsm/beside/witness.h"

#include "libter/options.h"

enum { CLAIMS_MIN = 16, AHEAD_MAX_S = 300 };

struct hkp_dsm_claim_table {
    struct hkp_mem mem;
    uint8_t chain_id[32];
    struct hkp_dsm_directory directory;
    size_t max, used;
    struct hkp_dsm__open_claim *claims; /* [max]; those from used on were never touched */
};

void hkp_dsm_claim_table_options_init(struct hkp_dsm_claim_table_options *opt, size_t size) {
    hkp_options_init(opt, size);
}

hkp_status hkp_dsm_claim_table_new(hkp_dsm_claim_table **out, const struct hkp_dsm_claim_table_options *opt) {
    struct hkp_dsm_claim_table_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.claims_max == 0) o.claims_max = HKP_DSM_CLAIMS;
    if (o.chain_id == NULL || o.directory == NULL || !hkp_dsm__directory_ok(o.directory) ||
        o.claims_max < CLAIMS_MIN || o.claims_max > HKP_DSM_CLAIMS)
        return HKP_E_INVAL;
    hkp_dsm_claim_table *t = (hkp_dsm_claim_table *)hkp_mem_alloc(&o.mem, sizeof *t);
    if (t == NULL) return HKP_E_NOMEM;
    t->mem = o.mem;
    memcpy(t->chain_id, o.chain_id, 32);
    t->directory = *o.directory;
    t->max = o.claims_max;
    t->claims = (struct hkp_dsm__open_claim *)t->mem.alloc(t->mem.user, t->max * sizeof *t->claims);
    if (t->claims == NULL) {
        hkp_dsm_claim_table_free(t);
        return HKP_E_NOMEM;
    }
    *out = t;
    return HKP_OK;
}

void hkp_dsm_claim_table_free(hkp_dsm_claim_table *table) {
    if (table == NULL) return;
    const struct hkp_mem mem = table->mem;
    hkp_mem_free(&mem, table->claims, table->max * sizeof *table->claims);
    hkp_mem_free(&mem, table, sizeof *table);
}

static struct hkp_dsm__open_claim *find(const hkp_dsm_claim_table *t, const uint8_t id[32]) {
    for (size_t i = 0; i < t->used; i++)
        if (memcmp(t->claims[i].id, id, 32) == 0) return &t->claims[i];
    return NULL;
}

size_t hkp_dsm__claim_table_used(const hkp_dsm_claim_table *table) { return table->used; }

struct hkp_dsm__open_claim *hkp_dsm__claim_table_at(const hkp_dsm_claim_table *table, size_t at) {
    return at < table->used ? &table->claims[at] : NULL;
}

size_t hkp_dsm__claim_table_find(const hkp_dsm_claim_table *table, const uint8_t id[32]) {
    const struct hkp_dsm__open_claim *open = find(table, id);
    return open != NULL ? (size_t)(open - table->claims) : SIZE_MAX;
}

/* A free place, else that of the claim that expired first; open ones stay, and a group has its share. */
static struct hkp_dsm__open_claim *place(hkp_dsm_claim_table *t, uint32_t group, uint64_t now_s) {
    struct hkp_dsm__open_claim *best = NULL;
    size_t of_group = 0;
    for (size_t i = 0; i < t->used; i++) {
        struct hkp_dsm__open_claim *c = &t->claims[i];
        if (now_s < c->expires_s)
            of_group += c->group == group;
        else if (best == NULL || c->expires_s < best->expires_s)
            best = c;
    }
    if (of_group >= t->max / 16) return NULL;
    return t->used < t->max ? &t->claims[t->used++] : best;
}

hkp_status hkp_dsm_claim_table_claim(hkp_dsm_claim_table *table, const uint8_t *in, size_t len,
                                     uint64_t now_s, uint8_t id[32]) {
    const struct hkp_dsm__judge judge = {table->chain_id, &table->directory, now_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    struct hkp_dsm_claim claim;
    uint8_t own_id[32];
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_CLAIM, &e, &signer);
    if (st == HKP_OK) st = hkp_dsm_claim_parse(e.body.ptr, e.body.len, &claim);
    if (st != HKP_OK) return st;
    if (claim.created_s > now_s && claim.created_s - now_s > AHEAD_MAX_S) return HKP_E_DSM_TIME_AHEAD;
    if (now_s >= claim.expires_s) return HKP_E_DSM_EXPIRED;
    hkp_dsm__envelope_id(table->chain_id, &e, own_id);
    if (find(table, own_id) != NULL) return HKP_E_DSM_DUPLICATE;
    struct hkp_dsm__open_claim *open = place(table, signer.certificate.group, now_s);
    if (open == NULL) return HKP_E_LIMIT;
    hkp_dsm__claim_open(open, &claim, own_id, e.signer, signer.certificate.group);
    memcpy(id, own_id, 32);
    return HKP_OK;
}

hkp_status hkp_dsm_claim_table_witness(hkp_dsm_claim_table *table, const uint8_t *in, size_t len,
                                       uint64_t now_s, struct hkp_dsm_tally *tally) {
    const struct hkp_dsm__judge judge = {table->chain_id, &table->directory, now_s};
    struct hkp_dsm_envelope e;
    struct hkp_dsm_signer signer;
    struct hkp_dsm_witness w;
    hkp_status st = hkp_dsm__signed_open(&judge, in, len, HKP_DSM_KIND_WITNESS, &e, &signer);
    if (st == HKP_OK) st = hkp_dsm_witness_parse(e.body.ptr, e.body.len, &w);
    if (st != HKP_OK) return st;
    struct hkp_dsm__open_claim *open = find(table, w.claim);
    if (open == NULL) return HKP_E_NOTFOUND;
    if (now_s >= open->expires_s) return HKP_E_DSM_EXPIRED;
    if (w.observed_s > open->expires_s) return HKP_E_DSM_TIME;
    if (w.observed_s > now_s && w.observed_s - now_s > AHEAD_MAX_S) return HKP_E_DSM_TIME_AHEAD;
    st = hkp_dsm__claim_hear(open, e.signer, signer.certificate.group, w.verdict);
    if (st == HKP_OK) hkp_dsm__claim_count(open, now_s, tally);
    return st;
}

uint32_t hkp_dsm_claim_table_void(hkp_dsm_claim_table *table, const uint8_t node_id[16]) {
    uint32_t n = 0;
    for (size_t i = 0; i < table->used; i++) {
        struct hkp_dsm__open_claim *c = &table->claims[i];
        for (uint32_t j = 0; j < c->n_said; j++) {
            if (memcmp(c->said[j].witness, node_id, 16) != 0) continue;
            c->said[j].is_void = 1;
            n++;
        }
    }
    return n;
}

hkp_status hkp_dsm_claim_table_tally(const hkp_dsm_claim_table *table, const uint8_t id[32], uint64_t now_s,
                                     struct hkp_dsm_tally *tally) {
    const struct hkp_dsm__open_claim *open = find(table, id);
    if (open == NULL) return HKP_E_NOTFOUND;
    hkp_dsm__claim_count(open, now_s, tally);
    return HKP_OK;
}
