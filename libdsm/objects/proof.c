/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Proofs of finality: the portable one (D-SYN-5, D-SYN-6) and the light one (D-SYN-1). Both walk from a
 * trusted validator set over boundaries to a checkpoint, and from its roots to a leaf.
 */
#include "libdsm/objects/fields.h"
#include "libdsm/objects/objects.h"
#include "libdsm/objects/scheme.h"

#include "libter/bytes.h"

#define FILE_MAX (256ULL << 20)
#define TRUST_MS (14ULL * 86400 * 1000)

enum { LINKS_MAX = 10000, HEADERS_MAX = 65, POSITION_MAX = 63, RECORDS_MAX = 64 };

/* Merkle part of both forms: [root, index, size, [hash, ...]]. */
struct path {
    uint64_t root, index, size;
    size_t n_hashes;
    struct hkp_dsm_view hashes; /* encoded, one behind the other */
};

static void read_path(struct hkp_dsm_cbor_reader *r, struct path *p) {
    (void)hkp_dsm_cbor_array(r, 4, 4);
    p->root = hkp_dsm_cbor_uint(r, 0, 2);
    p->index = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
    p->size = hkp_dsm_cbor_uint(r, 0, UINT64_MAX);
    p->n_hashes = hkp_dsm_cbor_array(r, 0, HKP_DSM__PROOF_HASHES_MAX);
    p->hashes.ptr = r->next;
    for (size_t i = 0; i < p->n_hashes; i++) (void)hkp_dsm_cbor_bytes(r, 32, 32, NULL);
    p->hashes.len = (size_t)(r->next - p->hashes.ptr);
}

/* The size comes from the header; ops have none there (D-SYN-1). */
static hkp_status check_path(const struct path *p, const struct hkp_dsm_view *leaf,
                             const struct hkp_dsm__header *h) {
    const uint8_t *root = p->root == 0 ? h->heads_root : p->root == 1 ? h->blocks_root : h->ops_root;
    uint8_t leaf_hash[32];
    if (p->root == 0 && p->size != h->n_heads) return HKP_E_DSM_PROOF;
    if (p->root == 1 && p->size != h->n_blocks) return HKP_E_DSM_PROOF;
    hkp_dsm__merkle_leaf(leaf_hash, leaf->ptr, leaf->len);
    return hkp_dsm__merkle_verify(leaf_hash, p->index, p->size, &p->hashes, p->n_hashes, root);
}

/* ---- Portable proof -------------------------------------------------------------------------------------
 */

struct link {
    size_t n_headers;
    struct hkp_dsm_cbor_reader headers;
    struct hkp_dsm_view cert, valset; /* valset.ptr NULL: null */
};

struct portable {
    const uint8_t *chain_id, *valset_hash;
    uint64_t epoch;
    size_t n_links;
    struct hkp_dsm_cbor_reader links;
    struct link target;
    struct path path;
    struct hkp_dsm_view leaf, body, payload;
    const uint8_t *author;
    int has_position;
    uint64_t position;
};

/* Where the walk over the links stands. */
struct walk {
    const uint8_t *chain_id;
    uint64_t epoch;
    uint8_t want[32];         /* hash of the set that comes next */
    struct hkp_dsm_view body; /* newest set that was written out; ptr NULL: none */
    struct hkp_dsm__valset set;
    int any;                          /* 1: certificates of both schemes */
    uint32_t compact;                 /* certificates of scheme 2 */
    uint32_t signers;                 /* of the newest certificate */
    struct hkp_dsm__proof_each *each; /* NULL: nobody wants to see them */
};

static void fill_result(struct hkp_dsm_proof *proof, const struct walk *w, const struct hkp_dsm__header *h,
                        const struct path *path, const struct hkp_dsm_view *leaf) {
    *proof = (struct hkp_dsm_proof){.epoch = h->epoch,
                                    .height = h->height,
                                    .time_ms = h->time_ms,
                                    .root = (uint32_t)path->root,
                                    .leaf = *leaf,
                                    .compact = w->compact,
                                    .signers = w->signers};
    memcpy(proof->digest, h->digest, 32);
}

static void read_link(struct hkp_dsm_cbor_reader *r, struct link *l) {
    l->valset = (struct hkp_dsm_view){NULL, 0};
    (void)hkp_dsm_cbor_array(r, 3, 3);
    l->n_headers = hkp_dsm_cbor_array(r, 1, HEADERS_MAX);
    l->headers = *r;
    for (size_t i = 0; i < l->n_headers; i++) (void)hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, NULL);
    l->cert.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &l->cert.len);
    if (hkp_dsm_cbor_type(r) == HKP_DSM_CBOR_BYTES)
        l->valset.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &l->valset.len);
    else if (hkp_dsm_cbor_simple(r) != HKP_DSM_CBOR_NULL && r->status == HKP_OK)
        r->status = HKP_E_DSM_SCHEMA;
}

static void read_block(struct hkp_dsm_cbor_reader *r, size_t *left, struct portable *p) {
    if (hkp_dsm_cbor_option(r, left, 8)) {
        (void)hkp_dsm_cbor_array(r, 2, 2);
        p->author = hkp_dsm_cbor_bytes(r, 16, 16, NULL);
        p->body.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &p->body.len);
    }
    if (hkp_dsm_cbor_option(r, left, 9))
        p->payload.ptr = hkp_dsm_cbor_bytes(r, HKP_DSM_PAYLOAD_MIN, HKP_DSM_PAYLOAD_MAX, &p->payload.len);
    p->has_position = hkp_dsm_cbor_option(r, left, 10);
    if (p->has_position) p->position = hkp_dsm_cbor_uint(r, 0, POSITION_MAX);
}

static hkp_status read_portable(const uint8_t *in, size_t len, struct portable *p) {
    struct hkp_dsm_cbor_reader r;
    struct link each;
    (void)hkp_dsm_cbor_read(&r, in, len);
    size_t left = hkp_dsm_cbor_object(&r, 1);
    hkp_dsm_cbor_key(&r, &left, 1);
    p->chain_id = hkp_dsm_cbor_bytes(&r, 32, 32, NULL);
    p->epoch = uint_field(&r, &left, 2, 0, UINT64_MAX);
    hkp_dsm_cbor_key(&r, &left, 3);
    p->valset_hash = hkp_dsm_cbor_bytes(&r, 32, 32, NULL);
    hkp_dsm_cbor_key(&r, &left, 4);
    p->n_links = hkp_dsm_cbor_array(&r, 0, LINKS_MAX);
    p->links = r;
    for (size_t i = 0; i < p->n_links && r.status == HKP_OK; i++) read_link(&r, &each);
    hkp_dsm_cbor_key(&r, &left, 5);
    read_link(&r, &p->target);
    hkp_dsm_cbor_key(&r, &left, 6);
    read_path(&r, &p->path);
    hkp_dsm_cbor_key(&r, &left, 7);
    p->leaf.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &p->leaf.len);
    read_block(&r, &left, p);
    hkp_dsm_cbor_close(&r, left);
    if (r.status != HKP_OK) return r.status;
    const int misplaced = (p->author != NULL && p->path.root != 1) ||
                          (p->payload.ptr != NULL && p->author == NULL) ||
                          (p->has_position && p->payload.ptr == NULL);
    return misplaced ? HKP_E_DSM_SCHEMA : HKP_OK;
}

static hkp_status check_trust(const struct portable *p, const uint8_t chain_id[32],
                              const struct hkp_dsm_trust *trust, size_t n_trust, uint64_t now_ms) {
    const struct hkp_dsm_trust *t = NULL;
    if (memcmp(p->chain_id, chain_id, 32) != 0) return HKP_E_DSM_PROOF;
    for (size_t i = 0; i < n_trust; i++)
        if (trust[i].epoch == p->epoch) t = &trust[i];
    if (t == NULL) return HKP_E_DSM_EPOCH;
    if (memcmp(p->valset_hash, t->valset_hash, 32) != 0) return HKP_E_DSM_PROOF;
    if (now_ms != 0 && now_ms > t->time_ms && now_ms - t->time_ms > TRUST_MS) return HKP_E_DSM_EXPIRED;
    return HKP_OK;
}

/* Hash of the newest body with another epoch in its key 1: the body begins with its map head, 0, 1, 1, epoch.
 */
static void hash_with_epoch(const struct hkp_dsm_view *body, uint64_t epoch, uint8_t hash[32]) {
    enum { HEAD = 4 };
    uint8_t number[9];
    struct hkp_dsm_cbor_writer w = {.out = number, .cap = sizeof number};
    struct hkp_dsm_cbor_reader rest = {.next = body->ptr + HEAD, .end = body->ptr + body->len};
    hkp_dsm_cbor_put_uint(&w, epoch);
    (void)hkp_dsm_cbor_uint(&rest, 0, UINT64_MAX);
    const struct hkp_dsm_view parts[] = {
        {body->ptr, HEAD}, {number, w.len}, {rest.next, (size_t)(rest.end - rest.next)}};
    hkp_dsm__hash(hash, "valset", parts, 3);
}

/* The set of this link: written out, or the one before with its epoch raised by 1. */
static hkp_status take_set(struct walk *w, const struct link *l) {
    uint8_t hash[32];
    if (l->valset.ptr == NULL) {
        if (w->body.ptr == NULL) return HKP_E_DSM_PROOF;
        w->set.epoch++;
        hash_with_epoch(&w->body, w->set.epoch, hash);
        if (memcmp(hash, w->want, 32) != 0) return HKP_E_DSM_PROOF;
        memcpy(w->set.hash, hash, 32);
    } else {
        hkp_dsm__valset_hash(hash, l->valset.ptr, l->valset.len);
        if (memcmp(hash, w->want, 32) != 0) return HKP_E_DSM_PROOF;
        hkp_status st = hkp_dsm__valset_parse(l->valset.ptr, l->valset.len, &w->set);
        if (st != HKP_OK) return st;
        w->body = l->valset;
    }
    return w->set.epoch == w->epoch ? HKP_OK : HKP_E_DSM_PROOF;
}

static hkp_status take_headers(const struct walk *w, struct link *l, struct hkp_dsm__header *first,
                               struct hkp_dsm__header *last) {
    for (size_t i = 0; i < l->n_headers; i++) {
        struct hkp_dsm__header h;
        size_t len = 0;
        const uint8_t *bytes = hkp_dsm_cbor_bytes(&l->headers, 0, SIZE_MAX, &len);
        hkp_status st = hkp_dsm__header_parse(w->chain_id, bytes, len, &h);
        if (st != HKP_OK) return st;
        if (h.epoch != w->epoch) return HKP_E_DSM_PROOF;
        if (i == 0)
            *first = h;
        else if (memcmp(h.parent, last->digest, 32) != 0 || h.height != last->height + 1 ||
                 h.parent_view != last->view)
            return HKP_E_DSM_PROOF;
        *last = h;
    }
    return HKP_OK;
}

static hkp_status check_cert(struct walk *w, const struct hkp_dsm_view *in, struct hkp_dsm__cert *cert) {
    const hkp_status st = w->any ? hkp_dsm__cert_check_any(w->chain_id, &w->set, in->ptr, in->len, cert)
                                 : hkp_dsm__cert_check(w->chain_id, &w->set, in->ptr, in->len, cert);
    if (st != HKP_OK) return st;
    w->compact += cert->scheme == HKP_DSM__SCHEME_BLS;
    w->signers = cert->n_signers;
    return HKP_OK;
}

/* One link or the target; its first header comes back. */
static hkp_status take_link(struct walk *w, struct link *l, struct hkp_dsm__header *first) {
    struct hkp_dsm__header last;
    struct hkp_dsm__cert cert;
    hkp_status st = take_set(w, l);
    if (st == HKP_OK) st = take_headers(w, l, first, &last);
    if (st == HKP_OK) st = check_cert(w, &l->cert, &cert);
    if (st != HKP_OK) return st;
    if (cert.kind != HKP_DSM_KIND_FINAL) return HKP_E_DSM_KIND;
    if (memcmp(cert.digest, last.digest, 32) != 0 || cert.view != last.view) return HKP_E_DSM_PROOF;
    return w->each != NULL ? w->each->cert(w->each->user, &w->set, &l->cert, &cert) : HKP_OK;
}

hkp_status hkp_dsm__link_check(const uint8_t chain_id[32], uint64_t epoch, const uint8_t want[32],
                               struct hkp_dsm_cbor_reader *at, struct hkp_dsm__link *link) {
    struct walk w = {.chain_id = chain_id, .epoch = epoch};
    struct hkp_dsm__link out = {.bytes = {.ptr = at->next}};
    struct link l;
    memcpy(w.want, want, 32);
    read_link(at, &l);
    if (at->status != HKP_OK) return at->status;
    out.bytes.len = (size_t)(at->next - out.bytes.ptr);
    out.valset = l.valset;
    struct hkp_dsm_cbor_reader first = l.headers;
    out.header.ptr = hkp_dsm_cbor_bytes(&first, 0, SIZE_MAX, &out.header.len);
    hkp_status st = take_link(&w, &l, &out.boundary);
    if (st == HKP_OK && hkp_is_zero(out.boundary.next_valset, 32)) st = HKP_E_DSM_PROOF;
    if (st == HKP_OK) *link = out;
    return st;
}

hkp_status hkp_dsm__proof_target_set(const uint8_t *proof, size_t len, struct hkp_dsm_view *set) {
    struct portable p = {0};
    hkp_status st = read_portable(proof, len, &p);
    if (st != HKP_OK) return st;
    if (p.target.valset.ptr == NULL) return HKP_E_DSM_SCHEMA;
    *set = p.target.valset;
    return HKP_OK;
}

static hkp_status take_links(struct walk *w, struct portable *p, struct hkp_dsm__header *target) {
    for (size_t i = 0; i < p->n_links; i++) {
        struct link l;
        struct hkp_dsm__header first;
        read_link(&p->links, &l);
        hkp_status st = take_link(w, &l, &first);
        if (st != HKP_OK) return st;
        if (hkp_is_zero(first.next_valset, 32)) return HKP_E_DSM_PROOF;
        memcpy(w->want, first.next_valset, 32);
        w->epoch++;
    }
    return take_link(w, &p->target, target);
}

static hkp_status take_record(const struct portable *p, const struct hkp_dsm__block *block,
                              struct hkp_dsm_view *record) {
    struct hkp_dsm_cbor_reader r;
    if (block->event_type != HKP_DSM_EVENT_THREAT_REPORT) return HKP_E_DSM_PROOF;
    (void)hkp_dsm_cbor_read(&r, p->payload.ptr + HKP_DSM_PAYLOAD_MIN, p->payload.len - HKP_DSM_PAYLOAD_MIN);
    const size_t n = hkp_dsm_cbor_array(&r, 1, RECORDS_MAX);
    if (r.status != HKP_OK) return r.status;
    if (p->position >= n) return HKP_E_DSM_PROOF;
    for (uint64_t i = 0; i <= p->position; i++) record->ptr = hkp_dsm_cbor_skip(&r, &record->len);
    return r.status;
}

/* Keys 8, 9 and 10: from the block id to its author, its payload and a record in it. */
static hkp_status take_block(const struct portable *p, const uint8_t chain_id[32],
                             struct hkp_dsm_proof *proof) {
    struct hkp_dsm__block block;
    uint8_t id[32];
    if (p->body.len > HKP_DSM__BLOCK_BODY_MAX) return HKP_E_DSM_TOO_BIG;
    hkp_dsm_object_id(id, chain_id, HKP_DSM_KIND_MICROBLOCK, p->author, p->body.ptr, p->body.len);
    if (memcmp(id, p->leaf.ptr, 32) != 0) return HKP_E_DSM_PROOF;
    hkp_status st = hkp_dsm__block_parse(chain_id, p->author, p->body.ptr, p->body.len, &block);
    if (st == HKP_OK && p->payload.ptr != NULL)
        st = hkp_dsm__block_payload(&block, p->payload.ptr, p->payload.len);
    if (st == HKP_OK && p->has_position) st = take_record(p, &block, &proof->record);
    if (st != HKP_OK) return st;
    proof->has_author = 1;
    memcpy(proof->author, p->author, 16);
    proof->seq = block.seq;
    proof->timestamp_us = block.timestamp_us;
    proof->event_type = block.event_type;
    proof->position = (uint32_t)p->position;
    proof->payload = p->payload;
    return HKP_OK;
}

void hkp_dsm_genesis_trust(const struct hkp_dsm_genesis *genesis, struct hkp_dsm_trust *trust) {
    *trust = (struct hkp_dsm_trust){.epoch = 0, .time_ms = genesis->time_s * 1000};
    hkp_dsm__valset_hash(trust->valset_hash, genesis->valset_body.ptr, genesis->valset_body.len);
}

hkp_status hkp_dsm_proof_file(const uint8_t *in, size_t len, struct hkp_dsm_view *proof) {
    if (len > FILE_MAX) return HKP_E_DSM_TOO_BIG;
    if (len < 8 || memcmp(in, "HKPPROOF", 8) != 0) return HKP_E_DSM_SCHEMA;
    *proof = (struct hkp_dsm_view){in + 8, len - 8};
    return HKP_OK;
}

hkp_status hkp_dsm__proof_walk(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                               const struct hkp_dsm_trust *trust, size_t n_trust, uint64_t now_ms,
                               struct hkp_dsm__proof_each *each, struct hkp_dsm_proof *proof) {
    struct portable p = {0};
    struct walk w = {.chain_id = chain_id, .any = 1, .each = each};
    struct hkp_dsm__header target;
    struct hkp_dsm_proof result;
    if (len > FILE_MAX) return HKP_E_DSM_TOO_BIG;
    hkp_status st = read_portable(in, len, &p);
    if (st == HKP_OK) st = check_trust(&p, chain_id, trust, n_trust, now_ms);
    if (st != HKP_OK) return st;
    w.epoch = p.epoch;
    memcpy(w.want, p.valset_hash, 32);
    st = take_links(&w, &p, &target);
    if (st == HKP_OK) st = check_path(&p.path, &p.leaf, &target);
    if (st != HKP_OK) return st;
    if (p.path.root == 1 && p.leaf.len != 32) return HKP_E_DSM_PROOF;
    fill_result(&result, &w, &target, &p.path, &p.leaf);
    if (p.author != NULL) st = take_block(&p, chain_id, &result);
    if (st == HKP_OK) *proof = result;
    return st;
}

hkp_status hkp_dsm_proof_verify(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                const struct hkp_dsm_trust *trust, size_t n_trust, uint64_t now_ms,
                                struct hkp_dsm_proof *proof) {
    return hkp_dsm__proof_walk(in, len, chain_id, trust, n_trust, now_ms, NULL, proof);
}

/* ---- Light proof (D-SYN-1) ------------------------------------------------------------------------------
 */

struct triple {
    struct hkp_dsm_view header, cert, valset;
};

static void read_triple(struct hkp_dsm_cbor_reader *r, struct triple *t) {
    (void)hkp_dsm_cbor_array(r, 3, 3);
    t->header.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &t->header.len);
    t->cert.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &t->cert.len);
    t->valset.ptr = hkp_dsm_cbor_bytes(r, 0, SIZE_MAX, &t->valset.len);
}

static hkp_status take_triple(struct walk *w, const struct triple *t, struct hkp_dsm__header *header) {
    struct hkp_dsm__cert cert;
    const struct link l = {.valset = t->valset};
    hkp_status st = take_set(w, &l);
    if (st == HKP_OK) st = hkp_dsm__header_parse(w->chain_id, t->header.ptr, t->header.len, header);
    if (st != HKP_OK) return st;
    if (header->epoch != w->epoch) return HKP_E_DSM_PROOF;
    st = hkp_dsm__cert_parse(t->cert.ptr, t->cert.len, &cert);
    if (st != HKP_OK) return st;
    if (cert.kind != HKP_DSM_KIND_FINAL || memcmp(cert.digest, header->digest, 32) != 0)
        return HKP_E_DSM_PROOF;
    return check_cert(w, &t->cert, &cert);
}

hkp_status hkp_dsm_light_proof_verify(const uint8_t *in, size_t len, const uint8_t chain_id[32],
                                      const struct hkp_dsm_trust *trust, struct hkp_dsm_proof *proof) {
    struct hkp_dsm_cbor_reader r, boundaries;
    struct walk w = {.chain_id = chain_id, .epoch = trust->epoch, .any = 1};
    struct triple t;
    struct path path;
    struct hkp_dsm_view leaf;
    struct hkp_dsm__header header;
    if (len > FILE_MAX) return HKP_E_DSM_TOO_BIG;
    (void)hkp_dsm_cbor_read(&r, in, len);
    (void)hkp_dsm_cbor_array(&r, 4, 4);
    const size_t n = hkp_dsm_cbor_array(&r, 0, LINKS_MAX);
    boundaries = r;
    for (size_t i = 0; i <= n && r.status == HKP_OK; i++)
        read_triple(&r, &t); /* the last one is the target */
    read_path(&r, &path);
    leaf.ptr = hkp_dsm_cbor_bytes(&r, 0, SIZE_MAX, &leaf.len);
    if (r.status != HKP_OK) return r.status;

    memcpy(w.want, trust->valset_hash, 32);
    for (size_t i = 0; i <= n; i++) {
        read_triple(&boundaries, &t);
        hkp_status st = take_triple(&w, &t, &header);
        if (st != HKP_OK) return st;
        if (i == n) break;
        if (hkp_is_zero(header.next_valset, 32)) return HKP_E_DSM_PROOF;
        memcpy(w.want, header.next_valset, 32);
        w.epoch++;
    }
    hkp_status st = check_path(&path, &leaf, &header);
    if (st == HKP_OK) fill_result(proof, &w, &header, &path, &leaf);
    return st;
}
