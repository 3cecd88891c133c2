/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-SYN-1, D-SYN-5, D-SYN-6: proofs of finality. */
#include "dsm_vectors.h"

#include <sodium.h>

static struct fixture fx;

static void light_proofs(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/light_proof.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "proof");
        struct hkp_dsm_trust trust = {.epoch = vec_u64(c, "trusted_epoch")};
        struct hkp_dsm_proof proof;
        vec_hex_into(c, "trusted_valset_hash", trust.valset_hash, 32);
        memset(&proof, 0xA5, sizeof proof);
        hkp_status st = hkp_dsm_light_proof_verify(in.ptr, in.len, fx.chain_id, &trust, &proof);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) CHECK(is_untouched(&proof, sizeof proof));
        free(in.ptr);
    }
}

/* Bytes of a case: as they are, or an edit [a, hex, b] of base. */
static struct vec_bytes case_bytes(json_t *c, const struct vec_bytes *base) {
    if (vec_find(c, "proof") != NULL) return vec_hex(c, "proof");
    if (vec_find(c, "file") != NULL) return vec_hex(c, "file");
    json_t *edit = vec_get(c, "edit");
    const size_t front = vec_value_u64(json_array_get(edit, 0)),
                 back = vec_value_u64(json_array_get(edit, 2));
    struct vec_bytes middle = vec_value_hex(json_array_get(edit, 1));
    struct vec_bytes out = {.ptr = malloc(front + middle.len + back + 1), .len = front + middle.len + back};
    memcpy(out.ptr, base->ptr, front);
    memcpy(out.ptr + front, middle.ptr, middle.len);
    memcpy(out.ptr + front + middle.len, base->ptr + base->len - back, back);
    free(middle.ptr);
    return out;
}

static size_t read_trust(json_t *c, struct hkp_dsm_trust *trust) {
    json_t *each;
    size_t i;
    json_array_foreach(vec_get(c, "trust"), i, each) {
        struct vec_bytes hash = vec_value_hex(json_array_get(each, 1));
        trust[i].epoch = vec_value_u64(json_array_get(each, 0));
        trust[i].time_ms = vec_value_u64(json_array_get(each, 2));
        memcpy(trust[i].valset_hash, hash.ptr, 32);
        free(hash.ptr);
    }
    return json_array_size(vec_get(c, "trust"));
}

static void check_view(json_t *proven, const char *name, const struct hkp_dsm_view *view) {
    if (vec_find(proven, name) == NULL) {
        CHECK(view->ptr == NULL);
        return;
    }
    struct vec_bytes want = vec_hex(proven, name);
    CHECK_EQ(view->len, want.len);
    if (view->len == want.len) CHECK_MEM(view->ptr, want.ptr, want.len);
    free(want.ptr);
}

static void check_proven(json_t *proven, const struct hkp_dsm_proof *proof) {
    uint8_t digest[32], author[16];
    CHECK_EQ(proof->epoch, vec_u64(proven, "epoch"));
    CHECK_EQ(proof->height, vec_u64(proven, "height"));
    CHECK_EQ(proof->time_ms, vec_u64(proven, "time_ms"));
    vec_hex_into(proven, "checkpoint", digest, 32);
    CHECK_MEM(proof->digest, digest, 32);
    check_view(proven, "leaf", &proof->leaf);
    check_view(proven, "record", &proof->record);
    CHECK_EQ(proof->has_author, vec_find(proven, "author") != NULL);
    if (!proof->has_author) return;
    vec_hex_into(proven, "author", author, 16);
    CHECK_MEM(proof->author, author, 16);
    CHECK_EQ(proof->seq, vec_u64(proven, "seq"));
}

static void portable_proofs(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/final_proof.json");
    struct vec_bytes base = vec_hex(fx.file, "base");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = case_bytes(c, &base);
        struct hkp_dsm_trust trust[8];
        struct hkp_dsm_proof proof;
        struct hkp_dsm_view inner = {in.ptr, in.len};
        const size_t n_trust = read_trust(c, trust);
        const uint64_t now_ms = vec_find(c, "now_ms") != NULL ? vec_u64(c, "now_ms") : 0;
        hkp_status st = HKP_OK;
        memset(&proof, 0xA5, sizeof proof);
        if (vec_find(c, "file") != NULL) st = hkp_dsm_proof_file(in.ptr, in.len, &inner);
        if (st == HKP_OK)
            st = hkp_dsm_proof_verify(inner.ptr, inner.len, fx.chain_id, trust, n_trust, now_ms, &proof);
        CHECK_VERDICT(st, c);
        if (st == HKP_OK)
            check_proven(vec_get(c, "proven"), &proof);
        else
            CHECK(is_untouched(&proof, sizeof proof));
        free(in.ptr);
    }
    free(base.ptr);
}

/* ---- A mesh of one member, proven by the builder --------------------------------------------------------
 */

static const uint8_t chain_id[32] = {3};

struct built {
    uint8_t secret[64], set_body[2][256], header[3][HKP_DSM__HEADER_MAX], cert[2][HKP_DSM__CERT_MAX],
        id[3][32];
    size_t set_len[2], header_len[3], cert_len[2];
    struct hkp_dsm__valset set[2];
    struct hkp_dsm__header h[3];
};

/* What a case makes wrong. */
struct faults {
    uint64_t next_epoch;  /* of the set that the boundary names: 1 is right */
    uint64_t parent_view; /* of the descendant of the target: 4 is right */
    int no_boundary;
};

static void build_header(struct built *b, int i) {
    CHECK_EQ(hkp_dsm__header_build(&b->h[i], b->header[i], sizeof b->header[i], &b->header_len[i]), HKP_OK);
    CHECK_EQ(hkp_dsm__header_parse(chain_id, b->header[i], b->header_len[i], &b->h[i]), HKP_OK);
}

static void build_cert(struct built *b, int i, const struct hkp_dsm__header *h,
                       const struct hkp_dsm__valset *set) {
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = h->epoch, .view = h->view};
    uint8_t envelope[HKP_DSM__VOTE_MAX], signature[64];
    const uint8_t *all[1] = {signature};
    size_t len = 0;
    memcpy(vote.digest, h->digest, 32);
    CHECK_EQ(hkp_dsm__vote_make(chain_id, &vote, set->seats[0].node_id, b->secret, envelope, sizeof envelope,
                                &len),
             HKP_OK);
    memcpy(signature, envelope + len - 64, 64);
    CHECK_EQ(hkp_dsm__cert_build(set, &vote, all, b->cert[i], sizeof b->cert[i], &b->cert_len[i]), HKP_OK);
}

/* Epoch 0 ends with a boundary; in epoch 1 a checkpoint of three blocks is final through an empty descendant.
 */
static void build_mesh(struct built *b, const struct faults *f) {
    struct hkp_dsm_seat seat = {.node_id = {1}, .group = 1};
    struct hkp_dsm__merkle m = {.size = 0};
    uint8_t seed[32] = {9}, leaf[32];
    memset(b, 0, sizeof *b);
    CHECK_EQ(crypto_sign_seed_keypair(seat.key, b->secret, seed), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hkp_dsm_valset_build(&seat, 1, i == 0 ? 0 : f->next_epoch, b->set_body[i],
                                      sizeof b->set_body[i], &b->set_len[i]),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__valset_parse(b->set_body[i], b->set_len[i], &b->set[i]), HKP_OK);
    }
    for (uint8_t i = 0; i < 3; i++) {
        b->id[i][0] = i;
        hkp_dsm__merkle_leaf(leaf, b->id[i], 32);
        hkp_dsm__merkle_add(&m, leaf);
    }
    b->h[0] = (struct hkp_dsm__header){.view = 2, .height = 7, .time_ms = 5};
    if (!f->no_boundary) memcpy(b->h[0].next_valset, b->set[1].hash, 32);
    build_header(b, 0);
    b->h[1] = (struct hkp_dsm__header){.epoch = 1, .view = 4, .height = 8, .n_blocks = 3, .time_ms = 6};
    hkp_dsm__merkle_root(&m, b->h[1].blocks_root);
    build_header(b, 1);
    b->h[2] = (struct hkp_dsm__header){
        .epoch = 1, .view = 6, .height = 9, .parent_view = f->parent_view, .time_ms = 7};
    memcpy(b->h[2].parent, b->h[1].digest, 32);
    build_header(b, 2);
    build_cert(b, 0, &b->h[0], &b->set[0]);
    b->set[1].epoch = 1;
    build_cert(b, 1, &b->h[2], &b->set[1]);
}

static hkp_status prove(struct built *b, uint32_t at, int as_null, struct hkp_dsm_proof *proof) {
    static uint8_t out[65536];
    uint8_t leaves[3][32], hashes[62][32];
    size_t len = 0;
    for (int i = 0; i < 3; i++) hkp_dsm__merkle_leaf(leaves[i], b->id[i], 32);
    const struct hkp_dsm_view boundary[] = {{b->header[0], b->header_len[0]}};
    const struct hkp_dsm_view target[] = {{b->header[1], b->header_len[1]}, {b->header[2], b->header_len[2]}};
    const struct hkp_dsm__proof_link link = {
        boundary, 1, {b->cert[0], b->cert_len[0]}, {b->set_body[0], b->set_len[0]}};
    struct hkp_dsm__proof_parts parts = {.chain_id = chain_id,
                                         .valset_hash = b->set[0].hash,
                                         .links = &link,
                                         .n_links = 1,
                                         .root = 1,
                                         .index = at,
                                         .size = 3,
                                         .leaf = {b->id[at], 32}};
    parts.target = (struct hkp_dsm__proof_link){
        target, 2, {b->cert[1], b->cert_len[1]}, {as_null ? NULL : b->set_body[1], b->set_len[1]}};
    parts.n_hashes = hkp_dsm__merkle_prove((const uint8_t(*)[32])leaves, 3, at, hashes);
    parts.hashes = (const uint8_t(*)[32])hashes;
    CHECK_EQ(hkp_dsm__proof_build(&parts, out, sizeof out, &len), HKP_OK);
    struct hkp_dsm_trust trust = {.epoch = 0};
    memcpy(trust.valset_hash, b->set[0].hash, 32);
    return hkp_dsm_proof_verify(out, len, chain_id, &trust, 1, 0, proof);
}

static void a_built_proof_is_accepted_and_its_faults_are_not(void) {
    static struct built b;
    struct hkp_dsm_proof proof;
    struct faults f = {.next_epoch = 1, .parent_view = 4};
    build_mesh(&b, &f);
    for (uint32_t at = 0; at < 3; at++) {
        CHECK_EQ(prove(&b, at, 1, &proof), HKP_OK);
        CHECK_EQ(prove(&b, at, 0, &proof), HKP_OK);
        CHECK_EQ(proof.height, 8);
        CHECK_EQ(proof.signers, 1);
        CHECK_EQ(proof.leaf.ptr[0], at);
    }
    f.parent_view = 3;
    build_mesh(&b, &f);
    CHECK_EQ(prove(&b, 0, 0, &proof), HKP_E_DSM_PROOF);
    f = (struct faults){.next_epoch = 5, .parent_view = 4};
    build_mesh(&b, &f);
    CHECK_EQ(prove(&b, 0, 0, &proof), HKP_E_DSM_PROOF);
    f = (struct faults){.next_epoch = 1, .parent_view = 4, .no_boundary = 1};
    build_mesh(&b, &f);
    CHECK_EQ(prove(&b, 0, 0, &proof), HKP_E_DSM_PROOF);
}

int main(void) {
    CASE(light_proofs);
    CASE(portable_proofs);
    CASE(a_built_proof_is_accepted_and_its_faults_are_not);
    return check_done();
}
