/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Writing of messages (D-GSP-18); what is written here hkp_dsm__message_parse() accepts. */
#include "libdsm/message/message.h"

void hkp_dsm__put_bytes(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *bytes) {
    hkp_dsm_cbor_put_bytes(w, bytes->ptr, bytes->len);
}

static void put_op(struct hkp_dsm_cbor_writer *w, uint32_t op, size_t n_fields) {
    hkp_dsm_cbor_put_array(w, n_fields + 1);
    hkp_dsm_cbor_put_uint(w, op);
}

void hkp_dsm__put_item(struct hkp_dsm_cbor_writer *w, uint32_t form, const struct hkp_dsm_view *object,
                       const struct hkp_dsm_view *payload) {
    hkp_dsm_cbor_put_array(w, 3);
    hkp_dsm_cbor_put_uint(w, form);
    hkp_dsm__put_bytes(w, object);
    if (payload != NULL && payload->ptr != NULL)
        hkp_dsm__put_bytes(w, payload);
    else
        hkp_dsm_cbor_put_simple(w, HKP_DSM_CBOR_NULL);
}

void hkp_dsm__put_push(struct hkp_dsm_cbor_writer *w, uint32_t lane, uint32_t hops, uint32_t form,
                       const struct hkp_dsm_view *object, const struct hkp_dsm_view *payload) {
    put_op(w, HKP_DSM__OP_MSG_PUSH, 3);
    hkp_dsm_cbor_put_uint(w, lane);
    hkp_dsm_cbor_put_uint(w, hops);
    hkp_dsm__put_item(w, form, object, payload);
}

void hkp_dsm__put_list(struct hkp_dsm_cbor_writer *w, uint32_t op, size_t n) {
    put_op(w, op, 1);
    hkp_dsm_cbor_put_array(w, n);
}

void hkp_dsm__put_range(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t from,
                        uint64_t to) {
    hkp_dsm_cbor_put_array(w, 3);
    hkp_dsm_cbor_put_bytes(w, node_id, 16);
    hkp_dsm_cbor_put_uint(w, from);
    hkp_dsm_cbor_put_uint(w, to);
}

void hkp_dsm__put_digest(struct hkp_dsm_cbor_writer *w, const uint8_t salt[16], uint64_t time_us,
                         const uint8_t root[8]) {
    put_op(w, HKP_DSM__OP_MSG_DIGEST, 3);
    hkp_dsm_cbor_put_bytes(w, salt, 16);
    hkp_dsm_cbor_put_uint(w, time_us);
    hkp_dsm_cbor_put_bytes(w, root, 8);
}

void hkp_dsm__put_buckets(struct hkp_dsm_cbor_writer *w, const uint8_t salt[16]) {
    put_op(w, HKP_DSM__OP_MSG_BUCKETS, 2);
    hkp_dsm_cbor_put_bytes(w, salt, 16);
    hkp_dsm_cbor_put_array(w, 256);
}

void hkp_dsm__put_heads(struct hkp_dsm_cbor_writer *w, size_t n_buckets) {
    put_op(w, HKP_DSM__OP_MSG_HEADS, 2);
    hkp_dsm_cbor_put_array(w, n_buckets);
}

void hkp_dsm__put_heads_entry(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t seq,
                              const uint8_t id8[8]) {
    hkp_dsm_cbor_put_array(w, 3);
    hkp_dsm_cbor_put_bytes(w, node_id, 16);
    hkp_dsm_cbor_put_uint(w, seq);
    hkp_dsm_cbor_put_bytes(w, id8, 8);
}

void hkp_dsm__put_have(struct hkp_dsm_cbor_writer *w, uint64_t epoch, size_t n) {
    put_op(w, HKP_DSM__OP_MSG_HAVE, 2);
    hkp_dsm_cbor_put_uint(w, epoch);
    hkp_dsm_cbor_put_array(w, n);
}

void hkp_dsm__put_have_entry(struct hkp_dsm_cbor_writer *w, const uint8_t node_id[16], uint64_t seq) {
    hkp_dsm_cbor_put_array(w, 2);
    hkp_dsm_cbor_put_bytes(w, node_id, 16);
    hkp_dsm_cbor_put_uint(w, seq);
}

void hkp_dsm__put_sync_req(struct hkp_dsm_cbor_writer *w, uint64_t epoch, uint64_t from, uint64_t to,
                           size_t n) {
    put_op(w, HKP_DSM__OP_MSG_SYNC_REQ, 4);
    hkp_dsm_cbor_put_uint(w, epoch);
    hkp_dsm_cbor_put_uint(w, from);
    hkp_dsm_cbor_put_uint(w, to);
    hkp_dsm_cbor_put_array(w, n);
}

void hkp_dsm__put_sync_resp(struct hkp_dsm_cbor_writer *w, size_t n_certs) {
    put_op(w, HKP_DSM__OP_MSG_SYNC_RESP, 2);
    hkp_dsm_cbor_put_array(w, n_certs);
}

void hkp_dsm__put_pair(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *header,
                       const struct hkp_dsm_view *body) {
    hkp_dsm_cbor_put_array(w, 2);
    hkp_dsm__put_bytes(w, header);
    hkp_dsm__put_bytes(w, body);
}

void hkp_dsm__put_promises_req(struct hkp_dsm_cbor_writer *w, uint64_t epoch) {
    put_op(w, HKP_DSM__OP_MSG_PROMISES_REQ, 1);
    hkp_dsm_cbor_put_uint(w, epoch);
}

void hkp_dsm__put_promises(struct hkp_dsm_cbor_writer *w, uint64_t epoch, size_t n_envelopes) {
    put_op(w, HKP_DSM__OP_MSG_PROMISES, 3);
    hkp_dsm_cbor_put_uint(w, epoch);
    hkp_dsm_cbor_put_array(w, n_envelopes);
}

void hkp_dsm__put_propose(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm_view *envelope,
                          const struct hkp_dsm_view *body, size_t n_certs) {
    put_op(w, HKP_DSM__OP_MSG_PROPOSE, 3);
    hkp_dsm__put_bytes(w, envelope);
    hkp_dsm__put_bytes(w, body);
    hkp_dsm_cbor_put_array(w, n_certs);
}

void hkp_dsm__put_chunk_req(struct hkp_dsm_cbor_writer *w, uint64_t height, uint64_t chunk) {
    put_op(w, HKP_DSM__OP_MSG_CHUNK_REQ, 2);
    hkp_dsm_cbor_put_uint(w, height);
    hkp_dsm_cbor_put_uint(w, chunk);
}

void hkp_dsm__put_chunk(struct hkp_dsm_cbor_writer *w, uint64_t height, uint64_t chunk, size_t n_leaves) {
    put_op(w, HKP_DSM__OP_MSG_CHUNK, 4);
    hkp_dsm_cbor_put_uint(w, height);
    hkp_dsm_cbor_put_uint(w, chunk);
    hkp_dsm_cbor_put_array(w, n_leaves);
}

void hkp_dsm__put_boundary_req(struct hkp_dsm_cbor_writer *w, uint64_t from, uint64_t to) {
    put_op(w, HKP_DSM__OP_MSG_BOUNDARY_REQ, 2);
    hkp_dsm_cbor_put_uint(w, from);
    hkp_dsm_cbor_put_uint(w, to);
}

void hkp_dsm__put_proof_req(struct hkp_dsm_cbor_writer *w, const uint8_t nonce[8], uint64_t epoch,
                            uint32_t what, const struct hkp_dsm_view *key, int32_t position) {
    put_op(w, HKP_DSM__OP_MSG_PROOF_REQ, 5);
    hkp_dsm_cbor_put_bytes(w, nonce, 8);
    hkp_dsm_cbor_put_uint(w, epoch);
    hkp_dsm_cbor_put_uint(w, what);
    hkp_dsm__put_bytes(w, key);
    if (position >= 0)
        hkp_dsm_cbor_put_uint(w, (uint64_t)position);
    else
        hkp_dsm_cbor_put_simple(w, HKP_DSM_CBOR_NULL);
}

void hkp_dsm__put_single(struct hkp_dsm_cbor_writer *w, uint32_t op, const struct hkp_dsm_view *bytes) {
    put_op(w, op, 1);
    hkp_dsm__put_bytes(w, bytes);
}

void hkp_dsm__put_proof(struct hkp_dsm_cbor_writer *w, const uint8_t nonce[8], uint32_t status,
                        const struct hkp_dsm_view *proof) {
    put_op(w, HKP_DSM__OP_MSG_PROOF, 3);
    hkp_dsm_cbor_put_bytes(w, nonce, 8);
    hkp_dsm_cbor_put_uint(w, status);
    if (proof != NULL)
        hkp_dsm__put_bytes(w, proof);
    else
        hkp_dsm_cbor_put_simple(w, HKP_DSM_CBOR_NULL);
}
