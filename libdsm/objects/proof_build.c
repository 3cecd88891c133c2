/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Writing of a portable proof (D-SYN-5). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

static void put_link(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm__proof_link *l) {
    hkp_dsm_cbor_put_array(w, 3);
    hkp_dsm_cbor_put_array(w, l->n_headers);
    for (size_t i = 0; i < l->n_headers; i++) hkp_dsm_cbor_put_bytes(w, l->headers[i].ptr, l->headers[i].len);
    hkp_dsm_cbor_put_bytes(w, l->cert.ptr, l->cert.len);
    if (l->valset.ptr != NULL)
        hkp_dsm_cbor_put_bytes(w, l->valset.ptr, l->valset.len);
    else
        hkp_dsm_cbor_put_simple(w, HKP_DSM_CBOR_NULL);
}

hkp_status hkp_dsm__proof_build(const struct hkp_dsm__proof_parts *p, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    const int has_payload = p->payload.ptr != NULL;
    if ((p->author != NULL && p->root != 1) || (has_payload && p->author == NULL) ||
        (p->has_position && !has_payload))
        return HKP_E_INVAL;
    hkp_dsm_cbor_put_map(&w, 8U + (p->author != NULL) + (has_payload != 0) + (p->has_position != 0));
    put_uint_field(&w, 0, 1);
    put_bytes_field(&w, 1, p->chain_id, 32);
    put_uint_field(&w, 2, p->epoch);
    put_bytes_field(&w, 3, p->valset_hash, 32);
    hkp_dsm_cbor_put_uint(&w, 4);
    hkp_dsm_cbor_put_array(&w, p->n_links);
    for (size_t i = 0; i < p->n_links; i++) put_link(&w, &p->links[i]);
    hkp_dsm_cbor_put_uint(&w, 5);
    put_link(&w, &p->target);
    hkp_dsm_cbor_put_uint(&w, 6);
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_uint(&w, p->root);
    hkp_dsm_cbor_put_uint(&w, p->index);
    hkp_dsm_cbor_put_uint(&w, p->size);
    hkp_dsm_cbor_put_array(&w, p->n_hashes);
    for (size_t i = 0; i < p->n_hashes; i++) hkp_dsm_cbor_put_bytes(&w, p->hashes[i], 32);
    put_bytes_field(&w, 7, p->leaf.ptr, p->leaf.len);
    if (p->author != NULL) {
        hkp_dsm_cbor_put_uint(&w, 8);
        hkp_dsm_cbor_put_array(&w, 2);
        hkp_dsm_cbor_put_bytes(&w, p->author, 16);
        hkp_dsm_cbor_put_bytes(&w, p->body.ptr, p->body.len);
    }
    if (has_payload) put_bytes_field(&w, 9, p->payload.ptr, p->payload.len);
    if (p->has_position) put_uint_field(&w, 10, p->position);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
