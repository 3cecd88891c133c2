/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-MRK and D-CKP-2: roots, inclusion, consistency, and the tree of heads against a tree built anew. */
#include "alloc.h"
#include "dsm_vectors.h"

#include "libdsm/node/heads_tree.h"

enum { PATH_MAX_BYTES = 64 * 40 };

/* A path of the vectors as it stands in a proof: one bstr behind the other, whatever its length. */
static size_t encode_path(json_t *path, uint8_t *dst, struct hkp_dsm_view *view) {
    struct hkp_dsm_cbor_writer w = {.out = dst, .cap = PATH_MAX_BYTES};
    json_t *hash;
    size_t i;
    json_array_foreach(path, i, hash) {
        struct vec_bytes h = vec_value_hex(hash);
        hkp_dsm_cbor_put_bytes(&w, h.ptr, h.len);
        free(h.ptr);
    }
    CHECK_EQ(w.status, HKP_OK);
    *view = (struct hkp_dsm_view){dst, w.len};
    return json_array_size(path);
}

static void roots(void) {
    json_t *c, *leaf;
    size_t i, j;
    json_array_foreach(vec_get(vec_load("dsm/merkle.json"), "roots"), i, c) {
        struct hkp_dsm__merkle m = {.size = 0};
        uint8_t want[32], got[32];
        json_array_foreach(vec_get(c, "leaves"), j, leaf) {
            struct vec_bytes data = vec_value_hex(leaf);
            hkp_dsm__merkle_leaf(got, data.ptr, data.len);
            hkp_dsm__merkle_add(&m, got);
            free(data.ptr);
        }
        vec_hex_into(c, "root", want, 32);
        hkp_dsm__merkle_root(&m, got);
        CHECK_MEM(got, want, 32);
    }
}

static void inclusion(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/merkle.json"), "inclusion"), i, c) {
        uint8_t buffer[PATH_MAX_BYTES], leaf[32], root[32];
        struct hkp_dsm_view path;
        struct vec_bytes data = vec_hex(c, "leaf");
        const size_t n = encode_path(vec_get(c, "path"), buffer, &path);
        vec_hex_into(c, "root", root, 32);
        hkp_dsm__merkle_leaf(leaf, data.ptr, data.len);
        CHECK_VERDICT(hkp_dsm__merkle_verify(leaf, vec_u64(c, "index"), vec_u64(c, "size"), &path, n, root),
                      c);
        free(data.ptr);
    }
}

static void consistency(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/merkle.json"), "consistency"), i, c) {
        uint8_t buffer[PATH_MAX_BYTES], old_root[32], new_root[32];
        struct hkp_dsm_view path;
        const size_t n = encode_path(vec_get(c, "path"), buffer, &path);
        vec_hex_into(c, "old_root", old_root, 32);
        vec_hex_into(c, "new_root", new_root, 32);
        CHECK_VERDICT(hkp_dsm__merkle_consistent(vec_u64(c, "old_size"), vec_u64(c, "new_size"), old_root,
                                                 new_root, &path, n),
                      c);
    }
}

static void every_leaf_of_every_size_is_proven(void) {
    uint8_t leaves[70][32], hashes[64][32], root[32], buffer[PATH_MAX_BYTES];
    for (size_t i = 0; i < 70; i++) hkp_dsm__merkle_leaf(leaves[i], (const uint8_t *)&i, 1);
    for (size_t size = 1; size <= 70; size++) {
        struct hkp_dsm__merkle m = {.size = 0};
        for (size_t i = 0; i < size; i++) hkp_dsm__merkle_add(&m, leaves[i]);
        hkp_dsm__merkle_root(&m, root);
        for (size_t i = 0; i < size; i++) {
            struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
            const size_t n = hkp_dsm__merkle_prove((const uint8_t(*)[32])leaves, size, i, hashes);
            for (size_t k = 0; k < n; k++) hkp_dsm_cbor_put_bytes(&w, hashes[k], 32);
            const struct hkp_dsm_view path = {buffer, w.len};
            CHECK_EQ(hkp_dsm__merkle_verify(leaves[i], i, size, &path, n, root), HKP_OK);
            CHECK_EQ(hkp_dsm__merkle_verify(leaves[i], i ^ 1, size, &path, n, root), HKP_E_DSM_PROOF);
        }
    }
}

/* ---- The tree of heads ----------------------------------------------------------------------------------
 */

static void root_anew(const struct hkp_dsm__heads *h, uint8_t root[32]) {
    struct hkp_dsm__merkle m = {.size = 0};
    for (size_t i = 0; i < hkp_dsm__heads_count(h); i++) {
        uint8_t leaf[HKP_DSM__LEAF_MAX], hash[32];
        const size_t len = hkp_dsm__head_leaf(hkp_dsm__heads_at(h, i), leaf);
        hkp_dsm__merkle_leaf(hash, leaf, len);
        hkp_dsm__merkle_add(&m, hash);
    }
    hkp_dsm__merkle_root(&m, root);
}

static int by_node(const void *a, const void *b) {
    return memcmp(((const struct hkp_dsm__head *)a)->node_id, ((const struct hkp_dsm__head *)b)->node_id, 16);
}

/* Distinct random changes: new heads, moved heads, heads that leave. */
static size_t random_changes(uint64_t *rnd, struct hkp_dsm__head *changes, size_t max) {
    size_t n = 1 + check_random(rnd) % max, kept = 0;
    memset(changes, 0, n * sizeof changes[0]);
    for (size_t i = 0; i < n; i++) {
        changes[i].node_id[0] = (uint8_t)check_random(rnd);
        changes[i].seq = 1 + check_random(rnd) % 1000;
        changes[i].status = (uint32_t)(check_random(rnd) % 8 == 0 ? 2 : check_random(rnd) % 2);
    }
    qsort(changes, n, sizeof changes[0], by_node);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || by_node(&changes[kept - 1], &changes[i]) != 0) changes[kept++] = changes[i];
    return kept;
}

static void the_heads_tree_is_the_tree_of_its_leaves(void) {
    uint64_t rnd = check_seed();
    struct failing f = {.left = -1};
    struct hkp_mem mem = failing_mem(&f);
    struct hkp_dsm__heads *h = NULL;
    CHECK_EQ(hkp_dsm__heads_new(&h, 256, &mem), HKP_OK);
    for (int run = 0; run < 800; run++) {
        struct hkp_dsm__head changes[12], undo[12];
        uint8_t before[32], want[32], path[17][32], buffer[PATH_MAX_BYTES];
        const size_t n = random_changes(&rnd, changes, 12), count = hkp_dsm__heads_count(h);
        memcpy(before, hkp_dsm__heads_root(h), 32);
        CHECK_EQ(hkp_dsm__heads_apply(h, changes, n, undo), HKP_OK);
        root_anew(h, want);
        CHECK_MEM(hkp_dsm__heads_root(h), want, 32);
        if (hkp_dsm__heads_count(h) > 0) {
            const size_t at = check_random(&rnd) % hkp_dsm__heads_count(h);
            struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
            uint8_t leaf[HKP_DSM__LEAF_MAX], hash[32];
            const size_t n_path = hkp_dsm__heads_prove(h, 0, at, path);
            for (size_t k = 0; k < n_path; k++) hkp_dsm_cbor_put_bytes(&w, path[k], 32);
            const struct hkp_dsm_view view = {buffer, w.len};
            const size_t len = hkp_dsm__head_leaf(hkp_dsm__heads_at(h, at), leaf);
            hkp_dsm__merkle_leaf(hash, leaf, len);
            CHECK_EQ(hkp_dsm__merkle_verify(hash, at, hkp_dsm__heads_count(h), &view, n_path, want), HKP_OK);
        }
        if (check_random(&rnd) % 2 == 0) { /* and back again */
            CHECK_EQ(hkp_dsm__heads_apply(h, undo, n, NULL), HKP_OK);
            CHECK_EQ(hkp_dsm__heads_count(h), count);
            CHECK_MEM(hkp_dsm__heads_root(h), before, 32);
        }
    }
    hkp_dsm__heads_free(h);
    CHECK_EQ(f.live, 0);
}

static void a_full_heads_tree_refuses_and_stays(void) {
    struct hkp_mem mem = {0};
    struct hkp_dsm__heads *h = NULL;
    struct hkp_dsm__head two[2] = {{.node_id = {1}, .seq = 1}, {.node_id = {2}, .seq = 1}}, back[2];
    uint8_t before[32];
    CHECK_EQ(hkp_dsm__heads_new(&h, 0, &mem), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm__heads_new(&h, 1, &mem), HKP_OK);
    memcpy(before, hkp_dsm__heads_root(h), 32);
    CHECK_EQ(hkp_dsm__heads_apply(h, two, 2, back), HKP_E_LIMIT);
    CHECK_MEM(hkp_dsm__heads_root(h), before, 32);
    CHECK_EQ(hkp_dsm__heads_apply(h, two, 1, NULL), HKP_OK);
    two[0].status = 2;
    CHECK_EQ(hkp_dsm__heads_apply(h, two, 2, NULL), HKP_OK); /* one leaves, one comes */
    CHECK_EQ(hkp_dsm__heads_count(h), 1);
    hkp_dsm__heads_free(h);
    struct failing f = {.left = 0};
    mem = failing_mem(&f);
    h = NULL;
    CHECK_EQ(hkp_dsm__heads_new(&h, 1, &mem), HKP_E_NOMEM);
    CHECK(h == NULL);
}

int main(void) {
    CASE(roots);
    CASE(inclusion);
    CASE(consistency);
    CASE(every_leaf_of_every_size_is_proven);
    CASE(the_heads_tree_is_the_tree_of_its_leaves);
    CASE(a_full_heads_tree_refuses_and_stays);
    return check_done();
}
