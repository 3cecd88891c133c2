/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Headers, bodies, head leaves and ops of checkpoints (D-CKP). */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

hkp_status hkp_dsm__header_parse(const uint8_t chain_id[32], const uint8_t *in, size_t len,
                                 struct hkp_dsm__header *header) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__header h = {0};
    if (len > HKP_DSM__HEADER_MAX) return HKP_E_DSM_TOO_BIG;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    h.epoch = uint_field(&r, &left, 1, 0, UINT64_MAX);
    h.view = uint_field(&r, &left, 2, 1, UINT64_MAX);
    h.height = uint_field(&r, &left, 3, 1, UINT64_MAX);
    fixed_field(&r, &left, 4, h.parent, 32);
    h.parent_view = uint_field(&r, &left, 5, 0, UINT64_MAX);
    fixed_field(&r, &left, 6, h.heads_root, 32);
    h.n_heads = uint_field(&r, &left, 7, 0, 1ULL << 32);
    fixed_field(&r, &left, 8, h.blocks_root, 32);
    h.n_blocks = uint_field(&r, &left, 9, 0, HKP_DSM__BLOCKS_MAX);
    fixed_field(&r, &left, 10, h.ops_root, 32);
    fixed_field(&r, &left, 11, h.next_valset, 32);
    h.time_ms = uint_field(&r, &left, 12, 0, UINT64_MAX);
    h.proposer = uint_field(&r, &left, 13, 0, HKP_DSM_MEMBERS_MAX - 1);
    h.version = optional_uint(&r, &left, 14, 2, 255);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    if (h.version != 0 && hkp_is_zero(h.next_valset, 32)) return HKP_E_DSM_SCHEMA;
    if (h.parent_view >= h.view) return HKP_E_DSM_VIEW;
    hkp_dsm__header_digest(h.digest, chain_id, in, len);
    *header = h;
    return HKP_OK;
}

hkp_status hkp_dsm__header_build(const struct hkp_dsm__header *h, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_map(&w, h->version != 0 ? 15 : 14);
    put_uint_field(&w, 0, 1);
    put_uint_field(&w, 1, h->epoch);
    put_uint_field(&w, 2, h->view);
    put_uint_field(&w, 3, h->height);
    put_bytes_field(&w, 4, h->parent, 32);
    put_uint_field(&w, 5, h->parent_view);
    put_bytes_field(&w, 6, h->heads_root, 32);
    put_uint_field(&w, 7, h->n_heads);
    put_bytes_field(&w, 8, h->blocks_root, 32);
    put_uint_field(&w, 9, h->n_blocks);
    put_bytes_field(&w, 10, h->ops_root, 32);
    put_bytes_field(&w, 11, h->next_valset, 32);
    put_uint_field(&w, 12, h->time_ms);
    put_uint_field(&w, 13, h->proposer);
    if (h->version != 0) put_uint_field(&w, 14, h->version);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}

/* ---- Heads ----------------------------------------------------------------------------------------------
 */

size_t hkp_dsm__head_leaf(const struct hkp_dsm__head *head, uint8_t dst[HKP_DSM__LEAF_MAX]) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = HKP_DSM__LEAF_MAX};
    hkp_dsm_cbor_put_array(&w, 4);
    hkp_dsm_cbor_put_bytes(&w, head->node_id, 16);
    hkp_dsm_cbor_put_uint(&w, head->seq);
    hkp_dsm_cbor_put_bytes(&w, head->id, 32);
    hkp_dsm_cbor_put_uint(&w, head->status);
    return w.len; /* 1 + 17 + 9 + 34 + 1 at most */
}

static void read_head(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__head *head) {
    hkp_dsm_cbor_fixed(r, head->node_id, 16);
    head->seq = hkp_dsm_cbor_uint(r, 1, (1ULL << 63) - 1);
    hkp_dsm_cbor_fixed(r, head->id, 32);
}

hkp_status hkp_dsm__head_leaf_parse(const uint8_t *in, size_t len, struct hkp_dsm__head *head) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__head h = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    read_head(&r, &h);
    h.status = (uint32_t)hkp_dsm_cbor_uint(&r, 0, 1);
    if (r.status == HKP_OK) *head = h;
    return r.status;
}

/* ---- Bodies (D-CKP-1) -----------------------------------------------------------------------------------
 */

void hkp_dsm__body_head(struct hkp_dsm_cbor_reader *at, struct hkp_dsm__head *head) {
    *head = (struct hkp_dsm__head){0};
    (void)hkp_dsm_cbor_array(at, 3, 3);
    read_head(at, head);
}

struct hkp_dsm_view hkp_dsm__body_op(struct hkp_dsm_cbor_reader *at) {
    struct hkp_dsm_view op = {NULL, 0};
    op.ptr = hkp_dsm_cbor_bytes(at, 0, SIZE_MAX, &op.len);
    return op;
}

/* Bytewise order of strings of any length. */
static int compare(const struct hkp_dsm_view *a, const struct hkp_dsm_view *b) {
    const size_t common = a->len < b->len ? a->len : b->len;
    const int order = common == 0 ? 0 : memcmp(a->ptr, b->ptr, common);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static void read_heads(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__body *b) {
    struct hkp_dsm__head heads[2];
    b->n_heads = hkp_dsm_cbor_array(r, 0, HKP_DSM__CHANGED_HEADS_MAX);
    b->heads = *r;
    for (size_t i = 0; i < b->n_heads && r->status == HKP_OK; i++) {
        hkp_dsm__body_head(r, &heads[i % 2]);
        if (i > 0 && r->status == HKP_OK && memcmp(heads[(i + 1) % 2].node_id, heads[i % 2].node_id, 16) >= 0)
            r->status = HKP_E_DSM_SCHEMA;
    }
}

static void read_ops(struct hkp_dsm_cbor_reader *r, struct hkp_dsm__body *b) {
    struct hkp_dsm_view before = {NULL, 0};
    b->n_ops = hkp_dsm_cbor_array(r, 0, HKP_DSM__OPS_MAX);
    b->ops = *r;
    for (size_t i = 0; i < b->n_ops && r->status == HKP_OK; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(r);
        if (i > 0 && r->status == HKP_OK && compare(&before, &op) >= 0) r->status = HKP_E_DSM_SCHEMA;
        before = op;
    }
}

hkp_status hkp_dsm__body_parse(const uint8_t *in, size_t len, struct hkp_dsm__body *body) {
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__body b;
    if (len > HKP_DSM__CHECKPOINT_BODY_MAX) return HKP_E_DSM_TOO_BIG;
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 2, 2);
    read_heads(&r, &b);
    read_ops(&r, &b);
    if (r.status == HKP_OK) *body = b;
    return r.status;
}

hkp_status hkp_dsm__body_build(const struct hkp_dsm__head *heads, size_t n_heads,
                               const struct hkp_dsm_view *ops, size_t n_ops, uint8_t *dst, size_t cap,
                               size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    if (n_heads > HKP_DSM__CHANGED_HEADS_MAX || n_ops > HKP_DSM__OPS_MAX) return HKP_E_DSM_SCHEMA;
    hkp_dsm_cbor_put_array(&w, 2);
    hkp_dsm_cbor_put_array(&w, n_heads);
    for (size_t i = 0; i < n_heads; i++) {
        if (i > 0 && memcmp(heads[i - 1].node_id, heads[i].node_id, 16) >= 0) return HKP_E_DSM_SCHEMA;
        hkp_dsm_cbor_put_array(&w, 3);
        hkp_dsm_cbor_put_bytes(&w, heads[i].node_id, 16);
        hkp_dsm_cbor_put_uint(&w, heads[i].seq);
        hkp_dsm_cbor_put_bytes(&w, heads[i].id, 32);
    }
    hkp_dsm_cbor_put_array(&w, n_ops);
    for (size_t i = 0; i < n_ops; i++) {
        if (i > 0 && compare(&ops[i - 1], &ops[i]) >= 0) return HKP_E_DSM_SCHEMA;
        hkp_dsm_cbor_put_bytes(&w, ops[i].ptr, ops[i].len);
    }
    if (w.status != HKP_OK) return w.status;
    if (w.len > HKP_DSM__CHECKPOINT_BODY_MAX) return HKP_E_DSM_TOO_BIG;
    *len = w.len;
    return HKP_OK;
}

void hkp_dsm__ops_root(const struct hkp_dsm__body *body, uint8_t root[32]) {
    struct hkp_dsm__merkle m = {.size = 0};
    struct hkp_dsm_cbor_reader at = body->ops;
    for (size_t i = 0; i < body->n_ops; i++) {
        uint8_t leaf[32];
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        hkp_dsm__merkle_leaf(leaf, op.ptr, op.len);
        hkp_dsm__merkle_add(&m, leaf);
    }
    hkp_dsm__merkle_root(&m, root);
}

/* ---- Ops (D-CKP-3) --------------------------------------------------------------------------------------
 */

static void read_view(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, struct hkp_dsm_view *view) {
    view->ptr = hkp_dsm_cbor_bytes(r, min, max, &view->len);
}

hkp_status hkp_dsm__op_parse(const uint8_t *in, size_t len, struct hkp_dsm__op *op) {
    /* fields of each op behind its number, and the size of the first where it is fixed */
    static const uint8_t n_fields[] = {0, 2, 3, 1, 1, 1, 2, 2};
    struct hkp_dsm_cbor_reader r;
    struct hkp_dsm__op o = {0};
    (void)hkp_dsm_cbor_read(&r, in, len);
    const size_t n = hkp_dsm_cbor_array(&r, 1, SIZE_MAX);
    o.op = hkp_dsm_cbor_uint(&r, 0, UINT64_MAX);
    if (r.status != HKP_OK) return r.status;
    if (o.op < HKP_DSM__OP_EVIDENCE || o.op > HKP_DSM__OP_RETIRE) return HKP_E_DSM_OP;
    if (n - 1 != n_fields[o.op]) return HKP_E_DSM_SCHEMA;
    const int is_id = o.op == HKP_DSM__OP_TOMBSTONE || o.op == HKP_DSM__OP_RETIRE;
    read_view(&r, is_id ? 16 : 1, is_id ? 16 : SIZE_MAX, &o.first);
    if (o.op == HKP_DSM__OP_EVIDENCE || o.op == HKP_DSM__OP_JOIN) read_view(&r, 1, SIZE_MAX, &o.second);
    if (o.op == HKP_DSM__OP_JOIN || is_id) {
        o.n_endorsements = hkp_dsm_cbor_array(&r, 0, HKP_DSM_MEMBERS_MAX);
        o.endorsements = r;
        for (size_t i = 0; i < o.n_endorsements; i++) (void)hkp_dsm_cbor_bytes(&r, 1, SIZE_MAX, NULL);
    }
    if (r.status == HKP_OK) *op = o;
    return r.status;
}

hkp_status hkp_dsm__op_build(uint64_t op, const struct hkp_dsm_view *first, const struct hkp_dsm_view *second,
                             uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = cap};
    hkp_dsm_cbor_put_array(&w, second != NULL ? 3 : 2);
    hkp_dsm_cbor_put_uint(&w, op);
    hkp_dsm_cbor_put_bytes(&w, first->ptr, first->len);
    if (second != NULL) hkp_dsm_cbor_put_bytes(&w, second->ptr, second->len);
    if (w.status == HKP_OK) *len = w.len;
    return w.status;
}
