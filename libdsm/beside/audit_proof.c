/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Proofs about audit logs: made from entries that are read once, checked against heads (D-MRK-2, D-MRK-3). */
#include "libdsm/beside/audit.h"

#include "libter/options.h"

enum { RANGES_MAX = 63 };

/* A proof is the roots of some ranges of leaves, none of which overlap: one accumulator serves them all. */
struct range {
    uint64_t from, to;
    uint8_t root[32];
};

struct hkp_dsm_audit_prover {
    struct hkp_mem mem;
    uint64_t first, second; /* as the proof begins: index and size, or both sizes */
    uint64_t size, next;
    size_t n;
    struct range ranges[RANGES_MAX]; /* from the whole tree down; the proof has them in reverse */
    struct hkp_dsm__merkle at;
};

/* Largest power of two below n (n > 1). */
static uint64_t split(uint64_t n) {
    uint64_t k = 1;
    while (k < n - k) k <<= 1;
    return k;
}

static void want(hkp_dsm_audit_prover *p, uint64_t from, uint64_t to) {
    p->ranges[p->n].from = from;
    p->ranges[p->n++].to = to;
}

/* RFC 9162 2.1.3.1 */
static void inclusion(hkp_dsm_audit_prover *p, uint64_t index, uint64_t size) {
    uint64_t from = 0, to = size;
    while (to - from > 1) {
        const uint64_t middle = from + split(to - from);
        if (index < middle) {
            want(p, middle, to);
            to = middle;
        } else {
            want(p, from, middle);
            from = middle;
        }
    }
}

/* RFC 9162 2.1.4.1 */
static void consistency(hkp_dsm_audit_prover *p, uint64_t old_size, uint64_t new_size) {
    uint64_t from = 0, to = new_size;
    while (to != old_size) {
        const uint64_t middle = from + split(to - from);
        if (old_size <= middle) {
            want(p, middle, to);
            to = middle;
        } else {
            want(p, from, middle);
            from = middle;
        }
    }
    if (from != 0) want(p, from, to); /* a subtree of the old tree whose root the verifier does not know */
}

static hkp_status prover_new(hkp_dsm_audit_prover **out, const struct hkp_mem *mem, uint64_t first,
                             uint64_t second) {
    struct hkp_mem m = {0};
    if (mem != NULL) m = *mem;
    hkp_status st = hkp_mem_import(&m);
    if (st != HKP_OK) return st;
    hkp_dsm_audit_prover *p = (hkp_dsm_audit_prover *)hkp_mem_alloc(&m, sizeof *p);
    if (p == NULL) return HKP_E_NOMEM;
    p->mem = m;
    p->first = first;
    p->second = p->size = second;
    *out = p;
    return HKP_OK;
}

hkp_status hkp_dsm_audit_prover_inclusion(hkp_dsm_audit_prover **out, const struct hkp_mem *mem,
                                          uint64_t index, uint64_t size) {
    hkp_dsm_audit_prover *p = NULL;
    if (index >= size || size > HKP_DSM__AUDIT_SIZE_MAX) return HKP_E_INVAL;
    hkp_status st = prover_new(&p, mem, index, size);
    if (st != HKP_OK) return st;
    inclusion(p, index, size);
    *out = p;
    return HKP_OK;
}

hkp_status hkp_dsm_audit_prover_consistency(hkp_dsm_audit_prover **out, const struct hkp_mem *mem,
                                            uint64_t old_size, uint64_t new_size) {
    hkp_dsm_audit_prover *p = NULL;
    if (old_size < 1 || old_size > new_size || new_size > HKP_DSM__AUDIT_SIZE_MAX) return HKP_E_INVAL;
    hkp_status st = prover_new(&p, mem, old_size, new_size);
    if (st != HKP_OK) return st;
    consistency(p, old_size, new_size);
    *out = p;
    return HKP_OK;
}

void hkp_dsm_audit_prover_free(hkp_dsm_audit_prover *prover) {
    if (prover == NULL) return;
    const struct hkp_mem mem = prover->mem;
    hkp_mem_free(&mem, prover, sizeof *prover);
}

static struct range *range_of(hkp_dsm_audit_prover *p, uint64_t index) {
    for (size_t i = 0; i < p->n; i++)
        if (p->ranges[i].from <= index && index < p->ranges[i].to) return &p->ranges[i];
    return NULL;
}

hkp_status hkp_dsm_audit_prover_feed(hkp_dsm_audit_prover *prover, const uint8_t *in, size_t len) {
    struct hkp_dsm_audit_entry e;
    uint8_t leaf[32];
    hkp_status st = hkp_dsm_audit_entry_parse(in, len, &e);
    if (st != HKP_OK) return st;
    if (prover->next == prover->size) return HKP_OK;
    if (e.index != prover->next) return HKP_E_DSM_GAP;
    prover->next++;
    struct range *r = range_of(prover, e.index);
    if (r == NULL) return HKP_OK; /* the entry that the proof is about */
    if (e.index == r->from) prover->at.size = 0;
    hkp_dsm__merkle_leaf(leaf, in, len);
    hkp_dsm__merkle_add(&prover->at, leaf);
    if (e.index + 1 == r->to) hkp_dsm__merkle_root(&prover->at, r->root);
    return HKP_OK;
}

hkp_status hkp_dsm_audit_prover_write(const hkp_dsm_audit_prover *prover, uint8_t *dst, size_t cap,
                                      size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (prover->next < prover->size) return HKP_E_STATE;
    hkp_dsm_cbor_put_array(&w, 3);
    hkp_dsm_cbor_put_uint(&w, prover->first);
    hkp_dsm_cbor_put_uint(&w, prover->second);
    hkp_dsm_cbor_put_array(&w, prover->n);
    for (size_t i = prover->n; i > 0; i--) hkp_dsm_cbor_put_bytes(&w, prover->ranges[i - 1].root, 32);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* ---- Verification ---- */

struct proof {
    uint64_t first, second;
    size_t n;
    struct hkp_dsm_view hashes;
};

static hkp_status proof_parse(const uint8_t *in, size_t len, struct proof *proof) {
    struct hkp_dsm_cbor_reader r;
    struct proof p;
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 3, 3);
    p.first = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    p.second = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    p.n = hkp_dsm_cbor_array(&r, 0, RANGES_MAX);
    p.hashes.ptr = r.next;
    for (size_t i = 0; i < p.n; i++) (void)hkp_dsm_cbor_bytes(&r, 32, 32, NULL);
    if (r.status != HKP_OK) return r.status;
    p.hashes.len = (size_t)(r.next - p.hashes.ptr);
    *proof = p;
    return HKP_OK;
}

hkp_status hkp_dsm_audit_included(const uint8_t *proof, size_t proof_len, const uint8_t *in, size_t len,
                                  const struct hkp_dsm_audit_head *head, struct hkp_dsm_audit_entry *entry) {
    struct proof p;
    struct hkp_dsm_audit_entry e;
    uint8_t leaf[32];
    hkp_status st = proof_parse(proof, proof_len, &p);
    if (st == HKP_OK) st = hkp_dsm_audit_entry_parse(in, len, &e);
    if (st != HKP_OK) return st;
    if (p.first != e.index || p.second != head->size) return HKP_E_DSM_PROOF;
    hkp_dsm__merkle_leaf(leaf, in, len);
    st = hkp_dsm__merkle_verify(leaf, p.first, p.second, &p.hashes, p.n, head->root);
    if (st == HKP_OK) *entry = e;
    return st;
}

hkp_status hkp_dsm_audit_consistent(const uint8_t *proof, size_t proof_len,
                                    const struct hkp_dsm_audit_head *old,
                                    const struct hkp_dsm_audit_head *head) {
    struct proof p;
    hkp_status st = proof_parse(proof, proof_len, &p);
    if (st != HKP_OK) return st;
    if (memcmp(old->node_id, head->node_id, 16) != 0) return HKP_E_DSM_NODE_ID;
    if (p.first != old->size || p.second != head->size) return HKP_E_DSM_PROOF;
    return hkp_dsm__merkle_consistent(p.first, p.second, old->root, head->root, &p.hashes, p.n);
}
