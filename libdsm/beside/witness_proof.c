/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What witnesses said, for somebody who was not there (D-WIT-4):
 * {0:1, 1:chain_id, 2:CLAIM envelope, 3:its certificate, 4:[[WITNESS envelope, certificate], ...]} */
#include "libdsm/beside/witness.h"
#include "libdsm/objects/fields.h"

#include <string.h>

hkp_status hkp_dsm_witness_proof_build(const uint8_t chain_id[32], const struct hkp_dsm_attested *claim,
                                       const struct hkp_dsm_attested *witnesses, size_t n, uint8_t *dst,
                                       size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (n < 1 || n > HKP_DSM_WITNESSES) return HKP_E_INVAL;
    hkp_dsm_cbor_put_map(&w, 5);
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, chain_id, 32);
    put_bytes_field(&w, 2, claim->envelope.ptr, claim->envelope.len);
    put_bytes_field(&w, 3, claim->certificate.ptr, claim->certificate.len);
    hkp_dsm_cbor_put_uint(&w, 4);
    hkp_dsm_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) {
        hkp_dsm_cbor_put_array(&w, 2);
        hkp_dsm_cbor_put_bytes(&w, witnesses[i].envelope.ptr, witnesses[i].envelope.len);
        hkp_dsm_cbor_put_bytes(&w, witnesses[i].certificate.ptr, witnesses[i].certificate.len);
    }
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

struct parts {
    const uint8_t *chain_id;
    struct hkp_dsm_attested claim;
    size_t n;
    struct hkp_dsm_cbor_reader witnesses;
};

static void read_pair(struct hkp_dsm_cbor_reader *r, struct hkp_dsm_attested *a) {
    (void)hkp_dsm_cbor_array(r, 2, 2);
    a->envelope.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &a->envelope.len);
    a->certificate.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &a->certificate.len);
}

static hkp_status parse(const uint8_t *in, size_t len, struct parts *p) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm_attested each;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    p->chain_id = hkp_dsm_cbor_bytes(&r, 32, 32, NULL);
    hkp_dsm_cbor_key(&r, &left, 2);
    p->claim.envelope.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p->claim.envelope.len);
    hkp_dsm_cbor_key(&r, &left, 3);
    p->claim.certificate.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p->claim.certificate.len);
    hkp_dsm_cbor_key(&r, &left, 4);
    p->n = hkp_dsm_cbor_array(&r, 1, HKP_DSM_WITNESSES);
    p->witnesses = r;
    for (size_t i = 0; i < p->n; i++) read_pair(&r, &each);
    hkp_dsm_cbor_close(&r, left);
    return r.status;
}

struct context {
    const uint8_t *chain_id;
    const struct hkp_dsm_officers *officers;
    const struct hkp_dsm_directory *directory;
};

/* Time in [from, to] at which a certificate is judged: the first one at which it may hold. */
static uint64_t when(const struct hkp_dsm_certificate *c, uint64_t from, uint64_t to) {
    if (c->not_before_s <= from) return from;
    return c->not_before_s < to ? c->not_before_s : to;
}

/* The certificate beside an envelope, valid at some time of the claim's life, and its signature. */
static hkp_status check_pair(const struct context *x, const struct hkp_dsm_attested *a,
                             const struct hkp_dsm_envelope *e, const struct hkp_dsm_claim *claim,
                             uint32_t roles, struct hkp_dsm_certificate *certificate) {
    struct hkp_dsm_certificate peek;
    hkp_status st = hkp_dsm_certificate_parse(a->certificate.ptr, a->certificate.len, &peek);
    if (st != HKP_OK) return st;
    st = hkp_dsm_certificate_check(a->certificate.ptr, a->certificate.len, x->chain_id, x->officers,
                                   when(&peek, claim->created_s, claim->expires_s),
                                   x->directory->revoked(x->directory->user, peek.node_id), certificate);
    if (st != HKP_OK) return st;
    if (memcmp(certificate->node_id, e->signer, 16) != 0) return HKP_E_DSM_SIGNER;
    if ((certificate->roles & roles) != roles) return HKP_E_DSM_ROLE;
    return hkp_dsm_envelope_verify(x->chain_id, e, certificate->key);
}

static hkp_status check_claim(const struct context *x, const struct hkp_dsm_attested *a,
                              struct hkp_dsm_claim *claim, struct hkp_dsm__open_claim *open) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_certificate c;
    uint8_t id[32];
    hkp_status st =
        hkp_dsm_envelope_parse(a->envelope.ptr, a->envelope.len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_CLAIM), &e);
    if (st == HKP_OK) st = hkp_dsm_claim_parse(e.body.ptr, e.body.len, claim);
    if (st == HKP_OK) st = check_pair(x, a, &e, claim, 0, &c);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(id, x->chain_id, HKP_DSM_KIND_CLAIM, e.signer, e.body.ptr, e.body.len);
    hkp_dsm__claim_open(open, claim, id, e.signer, c.group);
    return HKP_OK;
}

/* One statement more. What would not count in a table is no fault of a proof: it does not count here. */
static hkp_status check_witness(const struct context *x, const struct hkp_dsm_attested *a,
                                const struct hkp_dsm_claim *claim, struct hkp_dsm__open_claim *open) {
    struct hkp_dsm_envelope e;
    struct hkp_dsm_certificate c;
    struct hkp_dsm_witness w;
    hkp_status st =
        hkp_dsm_envelope_parse(a->envelope.ptr, a->envelope.len, HKP_DSM__KIND_BIT(HKP_DSM_KIND_WITNESS), &e);
    if (st == HKP_OK) st = hkp_dsm_witness_parse(e.body.ptr, e.body.len, &w);
    if (st == HKP_OK) st = check_pair(x, a, &e, claim, HKP_DSM_ROLE_WITNESS, &c);
    if (st != HKP_OK) return st;
    if (memcmp(w.claim, open->id, 32) != 0) return HKP_E_DSM_PROOF;
    if (w.observed_s > claim->expires_s) return HKP_E_DSM_TIME;
    (void)hkp_dsm__claim_hear(open, e.signer, c.group, w.verdict);
    return HKP_OK;
}

hkp_status hkp_dsm_witness_proof_verify(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                        const struct hkp_dsm_officers *officers,
                                        const struct hkp_dsm_directory *directory, uint64_t now_s,
                                        struct hkp_dsm_claim *claim, struct hkp_dsm_tally *tally) {
    const struct context x = {chain_id, officers, directory};
    struct parts p;
    struct hkp_dsm_claim c;
    struct hkp_dsm__open_claim open;
    if (len > HKP_DSM_WITNESS_PROOF_MAX) return HKP_E_DSM_TOO_BIG;
    hkp_status st = parse(in, len, &p);
    if (st != HKP_OK) return st;
    if (memcmp(p.chain_id, chain_id, 32) != 0) return HKP_E_DSM_PROOF;
    st = check_claim(&x, &p.claim, &c, &open);
    for (size_t i = 0; i < p.n && st == HKP_OK; i++) {
        struct hkp_dsm_attested a = {0};
        read_pair(&p.witnesses, &a);
        st = check_witness(&x, &a, &c, &open);
    }
    if (st != HKP_OK) return st;
    *claim = c;
    hkp_dsm__claim_count(&open, now_s, tally);
    return HKP_OK;
}
