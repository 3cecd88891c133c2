/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Answers for nodes that join or were away (D-SYN-3): links of ended epochs, and heads in chunks of 1024
 * leaves with the path of the chunk's root. Heads are told of the newest final height, from the tree, and of
 * the height at which the epoch began, from the stored snapshot: that one stays the same for as long as the
 * epoch.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum {
    CHUNK = 1024,
    CHUNK_LEVEL = 10,
    HEAD_BYTES = 57, /* of a head in a snapshot row */
    EPOCHS_MAX = 64,
    LINKS_BYTES_MAX = 900000,
    PATH_MAX_HASHES = 7
};

/* ---- links ---- */

hkp_status hkp_dsm__on_boundary_req(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__may_ask(n, p)) return HKP_E_LIMIT;
    if (hkp_dsm__fuller(n, FILL_ANSWERS)) return HKP_E_LIMIT;
    uint8_t from[8], to[8];
    hkp_put_be64(from, m->epoch);
    hkp_put_be64(to, m->to);
    struct read *r = hkp_dsm__scan(n, READ_BOUNDARIES, HKP_DSM_ROW_LINK, from, to, 8, EPOCHS_MAX);
    if (r == NULL) return HKP_E_LIMIT;
    memcpy(r->peer, p->node_id, 16);
    r->a = m->epoch;
    r->b = n->set.epoch;
    r->out = hkp_dsm__room(n, LINKS_BYTES_MAX);
    r->out_len = 0;
    return HKP_OK;
}

/* Without holes: the asker takes one after the other. At least one, whatever its size. Those above the own
 * epoch were followed and not joined (D-SYN-2). */
static void link_row(struct read *r, const uint8_t *key, const uint8_t *data, size_t len) {
    if (r->out == NULL || hkp_be64(key) != r->a + r->count || hkp_be64(key) >= r->b) return;
    if (len > LINKS_BYTES_MAX - r->out_len) return;
    memcpy(r->out->ptr + r->out_len, data, len);
    r->out_len += len;
    r->count++;
}

static void links_end(node *n, struct read *r) {
    struct peer *p = hkp_dsm__peer(n, r->peer);
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_BOUNDARIES, r->count);
    if (r->out != NULL) hkp_dsm_cbor_put_raw(&w, r->out->ptr, r->out_len);
    hkp_dsm__blob_drop(&n->pool, r->out);
    blob *msg = p != NULL ? hkp_dsm__msg(n, &w) : NULL;
    if (p != NULL) hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* ---- chunks ---- */

/* The roots of all chunks of the tree as it stands: it stands on the snapshot now. */
void hkp_dsm__chunks_note(node *n) {
    struct chunks *c = &n->chunks;
    c->height = n->epoch_first - 1;
    c->n_heads = hkp_dsm__heads_count(n->heads);
    c->count = (uint32_t)((c->n_heads + CHUNK - 1) / CHUNK);
    for (uint32_t i = 0; i < c->count; i++)
        memcpy(c->root[i], hkp_dsm__heads_node(n->heads, CHUNK_LEVEL, i), 32);
}

static void send_chunk(node *n, struct peer *p, uint64_t height, uint64_t chunk, const uint8_t *leaves,
                       size_t len, size_t count, const uint8_t (*path)[32], size_t hashes) {
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_chunk(&w, height, chunk, count);
    hkp_dsm_cbor_put_raw(&w, leaves, len);
    hkp_dsm_cbor_put_array(&w, hashes);
    for (size_t i = 0; i < hashes; i++) hkp_dsm_cbor_put_bytes(&w, path[i], 32);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

static void put_leaf(struct hkp_dsm_cbor_writer *w, const struct hkp_dsm__head *h) {
    uint8_t leaf[HKP_DSM__LEAF_MAX];
    hkp_dsm_cbor_put_bytes(w, leaf, hkp_dsm__head_leaf(h, leaf));
}

static void chunk_of_tree(node *n, struct peer *p, uint64_t height, uint64_t chunk) {
    struct hkp_dsm_cbor_writer w = {.out = n->answer, .cap = ANSWER_ROOM};
    uint8_t path[32][32];
    const uint8_t(*hashes)[32] = (const uint8_t(*)[32])(void *)path;
    size_t count = hkp_dsm__heads_count(n->heads), from = (size_t)chunk * CHUNK, said = 0;
    if (from >= count) {
        send_chunk(n, p, height, chunk, NULL, 0, 0, NULL, 0);
        return;
    }
    for (size_t i = from; i < count && said < CHUNK; i++, said++)
        put_leaf(&w, hkp_dsm__heads_at(n->heads, i));
    size_t n_hashes = hkp_dsm__heads_prove(n->heads, CHUNK_LEVEL, (size_t)chunk, path);
    send_chunk(n, p, height, chunk, w.out, w.len, said, hashes, n_hashes);
}

/* Rows of 256 heads: four of them make a chunk. */
static hkp_status chunk_of_store(node *n, struct peer *p, uint64_t height, uint64_t chunk) {
    uint8_t from[12], to[12];
    hkp_put_be64(from, height);
    hkp_put_be64(to, height);
    hkp_put_be32(from + 8, (uint32_t)chunk * 4);
    hkp_put_be32(to + 8, (uint32_t)chunk * 4 + 3);
    struct read *r = hkp_dsm__scan(n, READ_CHUNK, HKP_DSM_ROW_HEADS, from, to, 12, 4);
    if (r == NULL) return HKP_E_LIMIT;
    memcpy(r->peer, p->node_id, 16);
    r->a = height;
    r->b = chunk;
    r->out = hkp_dsm__room(n, CHUNK * HEAD_BYTES);
    r->out_len = 0;
    return HKP_OK;
}

hkp_status hkp_dsm__on_chunk_req(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__may_ask(n, p) || hkp_dsm__fuller(n, FILL_ANSWERS)) return HKP_E_LIMIT;
    if (m->height == n->chunks.height && m->chunk < n->chunks.count)
        return chunk_of_store(n, p, m->height, m->chunk);
    if (m->height == n->root.height && hkp_dsm__goto(n, NULL))
        chunk_of_tree(n, p, m->height, m->chunk);
    else
        send_chunk(n, p, m->height, m->chunk, NULL, 0, 0, NULL, 0);
    return HKP_OK;
}

static void chunk_end(node *n, struct read *r) {
    struct peer *p = hkp_dsm__peer(n, r->peer);
    struct hkp_dsm_cbor_writer w = {.out = n->answer, .cap = ANSWER_ROOM};
    struct chunks *c = &n->chunks;
    uint8_t path[HKP_DSM__PROOF_HASHES_MAX][32];
    const uint8_t(*hashes)[32] = (const uint8_t(*)[32])(void *)path;
    size_t count = r->out_len / HEAD_BYTES, n_hashes = 0;
    if (r->a != c->height || r->b >= c->count) count = 0; /* another epoch meanwhile */
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = r->out->ptr + i * HEAD_BYTES;
        struct hkp_dsm__head h = {.seq = hkp_be64(row + 16), .status = row[56]};
        memcpy(h.node_id, row, 16);
        memcpy(h.id, row + 24, 32);
        put_leaf(&w, &h);
    }
    const uint8_t(*roots)[32] = (const uint8_t(*)[32])(void *)c->root;
    if (count > 0) n_hashes = hkp_dsm__merkle_prove(roots, c->count, r->b, path);
    if (p != NULL) send_chunk(n, p, r->a, r->b, w.out, w.len, count, hashes, n_hashes);
    hkp_dsm__blob_drop(&n->pool, r->out);
}

/* ---- reads ---- */

void hkp_dsm__boundaries_row(struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                             size_t len) {
    if (r->what == READ_BOUNDARIES && key_len == 8) link_row(r, key, data, len);
    if (r->what != READ_CHUNK || r->out == NULL || len > r->out->len - r->out_len) return;
    memcpy(r->out->ptr + r->out_len, data, len);
    r->out_len += len;
}

void hkp_dsm__boundaries_end(node *n, struct read *r) {
    if (r->what == READ_BOUNDARIES)
        links_end(n, r);
    else
        chunk_end(n, r);
}
