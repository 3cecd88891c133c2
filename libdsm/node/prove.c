/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Portable proofs of final blocks, heads and ops (D-SYN-5), put together from rows of the store: place of the
 * block, the block, the leaves of its checkpoint (of an op: the row of its leaf hash, the body with it), the
 * headers down to the one that a CERT_F names, and one link for each epoch between the one that the verifier
 * trusts and the block's.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { PROOF_BYTES_MAX = 1048576 - 64 };
enum {
    STEP_OP = 1,
    STEP_BODY,
    STEP_PLACE,
    STEP_BLOCK,
    STEP_LEAVES,
    STEP_FINAL,
    STEP_HEADERS,
    STEP_END,
    STEP_RESTARTED,
    STEP_LINKS
};

static void job_free(node *n, struct proof_job *j) {
    hkp_dsm__blob_drop(&n->pool, j->item);
    hkp_dsm__blob_drop(&n->pool, j->leaves);
    hkp_dsm__blob_drop(&n->pool, j->cert);
    hkp_dsm__blob_drop(&n->pool, j->end);
    for (size_t i = 0; i < LINKS_MAX; i++) hkp_dsm__blob_drop(&n->pool, j->link[i]);
    for (uint32_t i = 0; i < j->n_headers; i++) hkp_dsm__blob_drop(&n->pool, j->headers[i]);
    memset(j, 0, sizeof *j);
}

static void send_answer(node *n, struct peer *p, const uint8_t nonce[8], uint32_t status, const blob *proof) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    const struct hkp_dsm_view view = {proof != NULL ? proof->ptr : NULL, proof != NULL ? proof->len : 0};
    if (p == NULL) return;
    hkp_dsm__put_proof(&w, nonce, status, proof != NULL ? &view : NULL);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* Status of op 44 (D-SYN-4). */
static uint32_t wire_status(hkp_status status, const blob *proof) {
    if (status == HKP_E_TOOBIG || (proof != NULL && proof->len > PROOF_BYTES_MAX)) return 3;
    return status == HKP_OK ? 0 : status == HKP_E_LIMIT ? 4 : 1;
}

static void answer(node *n, struct proof_job *j, hkp_status status, blob *proof) {
    if (j->asked) {
        uint32_t said = wire_status(status, proof);
        send_answer(n, hkp_dsm__peer(n, j->peer), j->nonce, said, said == 0 ? proof : NULL);
        hkp_dsm__blob_drop(&n->pool, proof);
        job_free(n, j);
        return;
    }
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_PROOF);
    e->e.ticket = j->ticket;
    e->e.status = status;
    e->e.seq = j->seq;
    e->e.height = j->height;
    memcpy(e->e.node_id, j->author, 16);
    e->data = proof;
    job_free(n, j);
}

static void go(node *n, struct proof_job *j, struct read *r) {
    if (r == NULL) {
        answer(n, j, HKP_E_LIMIT, NULL);
        return;
    }
    r->proof = (uint32_t)(j - n->proofs);
    r->a = j->ticket;
}

/* Peers leave the last ones to the host. */
static struct proof_job *job_new(node *n, uint64_t from_epoch, int asked) {
    for (size_t i = 0; i < (size_t)PROOFS_MAX - (asked ? 2 : 0); i++) {
        struct proof_job *j = &n->proofs[i];
        if (j->used) continue;
        *j = (struct proof_job){.used = 1,
                                .step = STEP_PLACE,
                                .ticket = ++n->read_ticket,
                                .from_epoch = from_epoch,
                                .asked = (uint32_t)asked};
        return j;
    }
    return NULL;
}

static void begin_block(node *n, struct proof_job *j, const uint8_t author[16], uint64_t seq,
                        int32_t position) {
    uint8_t from[24], to[24];
    j->seq = seq;
    j->position = position;
    memcpy(j->author, author, 16);
    hkp_dsm__key_block(from, author, seq);
    hkp_dsm__key_block(to, author, UINT64_MAX);
    go(n, j, hkp_dsm__scan(n, READ_PROOF, HKP_DSM_ROW_PLACE, from, to, 24, 1));
}

static void scan_final(node *n, struct proof_job *j) {
    uint8_t a[8], b[8];
    hkp_put_be64(a, j->height);
    hkp_put_be64(b, UINT64_MAX);
    j->step = STEP_FINAL;
    go(n, j, hkp_dsm__scan(n, READ_PROOF, HKP_DSM_ROW_FINAL, a, b, 8, 1));
}

/* The tree moves on meanwhile, so leaf and path are taken now. */
static void begin_head(node *n, struct proof_job *j, const uint8_t node_id[16]) {
    ptrdiff_t at = n->root.height > 0 && hkp_dsm__goto(n, NULL) ? hkp_dsm__heads_find(n->heads, node_id) : -1;
    if (at < 0) {
        answer(n, j, HKP_E_NOTFOUND, NULL);
        return;
    }
    j->height = n->root.height;
    j->index = (size_t)at;
    j->size = hkp_dsm__heads_count(n->heads);
    j->leaf_len = hkp_dsm__head_leaf(hkp_dsm__heads_at(n->heads, (size_t)at), j->leaf);
    j->n_hashes = hkp_dsm__heads_prove(n->heads, 0, (size_t)at, j->path);
    scan_final(n, j);
}

/* By its leaf hash, which final.c notes beside the digests of headers. */
static void begin_op(node *n, struct proof_job *j, const uint8_t leaf_hash[32]) {
    j->op = 1;
    j->step = STEP_OP;
    memcpy(j->leaf, leaf_hash, 32);
    go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_DIGEST, leaf_hash, 32));
}

hkp_status hkp_dsm_prove_op(hkp_dsm_node *n, hkp_time now, const uint8_t leaf_hash[32], uint64_t from_epoch,
                            uint64_t *ticket) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    struct proof_job *j = job_new(n, from_epoch, 0);
    if (j == NULL) return HKP_E_LIMIT;
    *ticket = j->ticket;
    begin_op(n, j, leaf_hash);
    return HKP_OK;
}

hkp_status hkp_dsm_prove_head(hkp_dsm_node *n, hkp_time now, const uint8_t node_id[16], uint64_t from_epoch,
                              uint64_t *ticket) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    hkp_dsm__time(n, now);
    struct proof_job *j = job_new(n, from_epoch, 0);
    if (j == NULL) return HKP_E_LIMIT;
    *ticket = j->ticket;
    begin_head(n, j, node_id);
    return HKP_OK;
}

hkp_status hkp_dsm_prove(hkp_dsm_node *n, hkp_time now, const uint8_t author[16], uint64_t seq,
                         int32_t position, uint64_t from_epoch, uint64_t *ticket) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (position < -2 || position > 63) return HKP_E_INVAL;
    hkp_dsm__time(n, now);
    struct proof_job *j = job_new(n, from_epoch, 0);
    if (j == NULL) return HKP_E_LIMIT;
    *ticket = j->ticket;
    begin_block(n, j, author, seq, position);
    return HKP_OK;
}

/* D-SYN-4. Blocks are found by id while they are in memory. */
hkp_status hkp_dsm__on_proof_req(node *n, struct peer *p, struct hkp_dsm__message *m) {
    const struct block *b = m->key.len == 32 ? hkp_dsm__block_by_id(n, m->key.ptr) : NULL;
    int known = m->what == 0 || (m->what == 2 && m->key.len == 32) || (b != NULL && b->height > 0);
    struct proof_job *j = known && hkp_dsm__may_ask(n, p) ? job_new(n, m->epoch, 1) : NULL;
    if (j == NULL) {
        send_answer(n, p, m->nonce, known ? 4 : 1, NULL);
        return HKP_OK;
    }
    memcpy(j->peer, p->node_id, 16);
    memcpy(j->nonce, m->nonce, 8);
    if (m->what == 0)
        begin_head(n, j, m->key.ptr);
    else if (m->what == 2)
        begin_op(n, j, m->key.ptr);
    else
        begin_block(n, j, b->author->node_id, b->b.seq, m->what == 3 ? (int32_t)m->position : -2);
    return HKP_OK;
}

static struct proof_job *job_of(node *n, const struct read *r) {
    struct proof_job *j = r->proof < PROOFS_MAX ? &n->proofs[r->proof] : NULL;
    return j != NULL && j->used && j->ticket == r->a ? j : NULL;
}

void hkp_dsm__proof_row(node *n, struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                        size_t len) {
    struct proof_job *j = job_of(n, r);
    if (j == NULL) return;
    switch (j->step) {
    case STEP_OP: /* digests of headers have 40 bytes there, or are not of an op of that body */
    case STEP_PLACE:
        if (len == 8) j->height = hkp_be64(data);
        break;
    case STEP_BODY:
    case STEP_BLOCK:
        j->item = hkp_dsm__bytes(n, data, len);
        break;
    case STEP_LEAVES:
        j->leaves = hkp_dsm__bytes(n, data, len);
        break;
    case STEP_FINAL:
        j->cert = hkp_dsm__bytes(n, data, len);
        if (key_len == 8) j->cert_height = hkp_be64(key);
        break;
    case STEP_HEADERS: {
        struct hkp_dsm__header h;
        if (hkp_dsm__header_parse(n->chain_id, data, len, &h) != HKP_OK) break;
        if (h.height != j->height + j->n_headers) break; /* behind a hole of pruning or damage */
        if (j->n_headers == 0) j->epoch = h.epoch;
        if (h.epoch == j->epoch && j->n_headers <= HEIGHTS_OPEN_MAX)
            j->headers[j->n_headers++] = hkp_dsm__bytes(n, data, len);
        break;
    }
    case STEP_END:
    case STEP_RESTARTED:
        j->end = hkp_dsm__bytes(n, data, len);
        break;
    default:
        j->link[j->links] = hkp_dsm__bytes(n, data, len);
        break;
    }
}

/* ---- putting it together ---- */

struct parts {
    struct hkp_dsm__proof_link links[LINKS_MAX], target;
    struct hkp_dsm_view headers[LINKS_MAX + 1][HEIGHTS_OPEN_MAX + 2];
};

static hkp_status read_link(const blob *bytes, struct hkp_dsm__proof_link *link,
                            struct hkp_dsm_view *headers) {
    struct hkp_dsm_cbor_reader r;
    hkp_status st = hkp_dsm_cbor_read(&r, bytes->ptr, bytes->len);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_array(&r, 3, 3);
    link->n_headers = hkp_dsm_cbor_array(&r, 1, HEIGHTS_OPEN_MAX + 1);
    for (size_t i = 0; i < link->n_headers; i++)
        headers[i].ptr = hkp_dsm_cbor_bytes(&r, 1, 512, &headers[i].len);
    link->headers = headers;
    link->cert.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__CERT_MAX, &link->cert.len);
    link->valset.ptr = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM_VALSET_MAX, &link->valset.len);
    return r.status;
}

/* The target: headers from the block's on. Final by the epoch's last CERT_F: those of the link follow. */
static hkp_status target(node *n, struct proof_job *j, struct parts *p) {
    struct hkp_dsm_view *headers = p->headers[LINKS_MAX];
    size_t count = j->n_headers;
    for (uint32_t i = 0; i < j->n_headers; i++)
        headers[i] = (struct hkp_dsm_view){j->headers[i]->ptr, j->headers[i]->len};
    p->target.headers = headers;
    if (j->end == NULL) {
        if (j->cert == NULL) return HKP_E_NOTFOUND;
        p->target.n_headers = count;
        p->target.cert = (struct hkp_dsm_view){j->cert->ptr, j->cert->len};
        p->target.valset = (struct hkp_dsm_view){n->set_body, n->set_len};
        return j->epoch == n->set.epoch ? HKP_OK : HKP_E_NOTFOUND;
    }
    struct hkp_dsm__proof_link end;
    struct hkp_dsm_view tail[HEIGHTS_OPEN_MAX + 2];
    hkp_status st = read_link(j->end, &end, tail);
    if (st != HKP_OK) return st;
    p->target.valset = end.valset;
    p->target.cert = end.cert;
    int own_cert = j->cert != NULL && j->cert_height == j->height + count - 1;
    if (own_cert) p->target.cert = (struct hkp_dsm_view){j->cert->ptr, j->cert->len};
    for (size_t i = 1; !own_cert && i < end.n_headers && count < HEIGHTS_OPEN_MAX + 1; i++)
        headers[count++] = tail[i];
    p->target.n_headers = count;
    return HKP_OK;
}

static hkp_status leaf_proof(node *n, const struct proof_job *j, const uint8_t id[32],
                             struct hkp_dsm__proof_parts *out, uint8_t (*hashes)[32]) {
    size_t count = j->leaves->len / 32, at = 0;
    while (at < count && memcmp(j->leaves->ptr + at * 32, id, 32) != 0) at++;
    if (at == count) return HKP_E_NOTFOUND;
    uint8_t(*leaves)[32] = (uint8_t(*)[32])(void *)n->scratch;
    const uint8_t(*all)[32] = (const uint8_t(*)[32])(void *)n->scratch;
    const uint8_t(*path)[32] = (const uint8_t(*)[32])(void *)hashes;
    for (size_t i = 0; i < count; i++) hkp_dsm__merkle_leaf(leaves[i], j->leaves->ptr + i * 32, 32);
    out->root = 1;
    out->index = at;
    out->size = count;
    out->n_hashes = hkp_dsm__merkle_prove(all, count, at, hashes);
    out->hashes = path;
    return HKP_OK;
}

/* The op itself, and its path among those of its body. */
static hkp_status op_part(node *n, const struct proof_job *j, struct hkp_dsm__proof_parts *out,
                          uint8_t (*hashes)[32]) {
    struct hkp_dsm__body body;
    hkp_status st = hkp_dsm__body_parse(j->item->ptr, j->item->len, &body);
    if (st != HKP_OK) return st;
    uint8_t(*leaves)[32] = (uint8_t(*)[32])(void *)n->scratch;
    const uint8_t(*all)[32] = (const uint8_t(*)[32])(void *)n->scratch;
    const uint8_t(*path)[32] = (const uint8_t(*)[32])(void *)hashes;
    size_t found = body.n_ops;
    for (size_t i = 0; i < body.n_ops; i++) {
        const struct hkp_dsm_view op = hkp_dsm__body_op(&body.ops);
        hkp_dsm__merkle_leaf(leaves[i], op.ptr, op.len);
        if (memcmp(leaves[i], j->leaf, 32) != 0) continue;
        found = i;
        out->leaf = op;
    }
    if (found == body.n_ops) return HKP_E_NOTFOUND;
    out->root = 2;
    out->index = found;
    out->size = body.n_ops;
    out->n_hashes = hkp_dsm__merkle_prove(all, body.n_ops, found, hashes);
    out->hashes = path;
    return HKP_OK;
}

static hkp_status block_part(node *n, const struct proof_job *j, struct hkp_dsm__proof_parts *out,
                             uint8_t id[32]) {
    struct hkp_dsm_cbor_reader r;
    hkp_status st = hkp_dsm_cbor_read(&r, j->item->ptr, j->item->len);
    if (st != HKP_OK) return st;
    hkp_dsm_cbor_array(&r, 3, 3);
    hkp_dsm_cbor_uint(&r, 0, 0);
    size_t len = 0;
    const uint8_t *bytes = hkp_dsm_cbor_bytes(&r, 1, HKP_DSM__BLOCK_MAX, &len);
    if (hkp_dsm_cbor_type(&r) == HKP_DSM_CBOR_BYTES && j->position >= -1)
        out->payload.ptr = hkp_dsm_cbor_bytes(&r, 16, HKP_DSM_PAYLOAD_MAX, &out->payload.len);
    struct hkp_dsm_envelope env;
    if (r.status != HKP_OK) return r.status;
    st = hkp_dsm_envelope_parse(bytes, len, 1U << HKP_DSM_KIND_MICROBLOCK, &env);
    if (st != HKP_OK) return st;
    if (j->position >= -1 && out->payload.ptr == NULL) return HKP_E_NOTFOUND;
    out->author = env.signer;
    out->body = env.body;
    out->has_position = j->position >= 0;
    out->position = j->position >= 0 ? (uint64_t)j->position : 0;
    hkp_dsm_object_id(id, n->chain_id, HKP_DSM_KIND_MICROBLOCK, env.signer, env.body.ptr, env.body.len);
    return HKP_OK;
}

static void build(node *n, struct proof_job *j) {
    struct parts *p = hkp_dsm__take(n, sizeof *p);
    if (p == NULL) {
        answer(n, j, HKP_E_LIMIT, NULL);
        return;
    }
    memset(p, 0, sizeof *p);
    uint8_t hash[32], id[32], hashes[HKP_DSM__PROOF_HASHES_MAX][32];
    struct hkp_dsm__proof_parts out = {.chain_id = n->chain_id,
                                       .epoch = j->from_epoch,
                                       .valset_hash = hash,
                                       .links = p->links,
                                       .n_links = (size_t)j->links};
    hkp_status st = target(n, j, p);
    for (size_t i = 0; st == HKP_OK && i < j->links; i++)
        st = j->link[i] != NULL ? read_link(j->link[i], &p->links[i], p->headers[i]) : HKP_E_NOTFOUND;
    out.leaf = (struct hkp_dsm_view){id, 32};
    if (j->leaf_len > 0) {
        const uint8_t(*path)[32] = (const uint8_t(*)[32])(void *)j->path;
        out.leaf = (struct hkp_dsm_view){j->leaf, j->leaf_len};
        out.index = j->index;
        out.size = j->size;
        out.hashes = path;
        out.n_hashes = j->n_hashes;
    } else if (j->op) {
        if (st == HKP_OK) st = op_part(n, j, &out, hashes);
    } else {
        if (st == HKP_OK) st = block_part(n, j, &out, id);
        if (st == HKP_OK) st = leaf_proof(n, j, id, &out, hashes);
    }
    out.target = p->target;
    const struct hkp_dsm_view *first = j->links > 0 ? &p->links[0].valset : &p->target.valset;
    if (st == HKP_OK) hkp_dsm__valset_hash(hash, first->ptr, first->len);
    size_t len = 0;
    if (st == HKP_OK) st = hkp_dsm__proof_build(&out, n->answer, ANSWER_ROOM, &len);
    hkp_dsm__pool_give(&n->pool, p);
    blob *proof = st == HKP_OK ? hkp_dsm__bytes(n, n->answer, len) : NULL;
    answer(n, j, st == HKP_OK && proof == NULL ? HKP_E_LIMIT : st, proof);
}

/* ---- one read after another ---- */

static void next_link(node *n, struct proof_job *j) {
    uint64_t epoch = j->from_epoch + j->links;
    if (epoch == j->epoch) {
        build(n, j);
        return;
    }
    if (j->links == LINKS_MAX) {
        answer(n, j, HKP_E_TOOBIG, NULL);
        return;
    }
    uint8_t key[8];
    hkp_put_be64(key, epoch);
    j->step = STEP_LINKS;
    go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_LINK, key, sizeof key));
}

static void after_headers(node *n, struct proof_job *j) {
    uint8_t key[8];
    if (j->from_epoch < n->restarted.epoch && j->epoch >= n->restarted.epoch)
        j->from_epoch = n->restarted.epoch; /* no link leads over a RESTART */
    if (j->n_headers == 0 || j->from_epoch > j->epoch) {
        answer(n, j, j->n_headers == 0 ? HKP_E_NOTFOUND : HKP_E_DSM_EPOCH, NULL);
        return;
    }
    if (j->epoch == n->set.epoch) {
        next_link(n, j);
        return;
    }
    hkp_put_be64(key, j->epoch);
    j->step = STEP_END;
    go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_LINK, key, sizeof key));
}

void hkp_dsm__proof_end(node *n, struct read *r) {
    struct proof_job *j = job_of(n, r);
    if (j == NULL) return;
    uint8_t a[24], b[8], key[9];
    hkp_put_be64(a, j->height);
    switch (j->step) {
    case STEP_OP:
        if (j->height == 0) break;
        j->step = STEP_BODY;
        go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_BODY, a, 8));
        return;
    case STEP_BODY:
        if (j->item == NULL) break;
        scan_final(n, j);
        return;
    case STEP_PLACE:
        if (j->height == 0) break;
        j->step = STEP_BLOCK;
        hkp_dsm__key_block(a, j->author, j->seq);
        go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_BLOCK, a, 24));
        return;
    case STEP_BLOCK:
        if (j->item == NULL) break;
        j->step = STEP_LEAVES;
        go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_LEAVES, a, 8));
        return;
    case STEP_LEAVES:
        if (j->leaves == NULL) break;
        scan_final(n, j);
        return;
    case STEP_FINAL:
        j->step = STEP_HEADERS;
        hkp_put_be64(b, j->cert != NULL && j->cert_height < j->height + HEIGHTS_OPEN_MAX
                            ? j->cert_height
                            : j->height + HEIGHTS_OPEN_MAX);
        go(n, j, hkp_dsm__scan(n, READ_PROOF, HKP_DSM_ROW_HEADER, a, b, 8, HEIGHTS_OPEN_MAX + 1));
        return;
    case STEP_HEADERS:
        after_headers(n, j);
        return;
    case STEP_END: /* an epoch without a link: a RESTART ended it (restart.c) */
        if (j->end != NULL) {
            next_link(n, j);
            return;
        }
        key[0] = 'R';
        hkp_put_be64(key + 1, j->epoch);
        j->step = STEP_RESTARTED;
        go(n, j, hkp_dsm__get(n, READ_PROOF, HKP_DSM_ROW_META, key, sizeof key));
        return;
    case STEP_RESTARTED:
        if (j->end == NULL) break;
        next_link(n, j);
        return;
    default:
        if (j->link[j->links] == NULL) break;
        j->links++;
        next_link(n, j);
        return;
    }
    answer(n, j, HKP_E_NOTFOUND, NULL);
}
