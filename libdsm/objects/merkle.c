/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Merkle trees of RFC 9162 2.1 with SHA-256 (D-MRK): leaf H(00 || data), node H(01 || left || right). */
#include "libdsm/objects/objects.h"

#include <sodium.h>
#include <string.h>

void hkp_dsm__merkle_leaf(uint8_t out[32], const uint8_t *data, size_t len) {
    static const uint8_t tag[1] = {0};
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, tag, 1);
    (void)crypto_hash_sha256_update(&state, data, len);
    (void)crypto_hash_sha256_final(&state, out);
}

void hkp_dsm__merkle_node(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]) {
    uint8_t both[65];
    both[0] = 1;
    memcpy(both + 1, left, 32);
    memcpy(both + 33, right, 32);
    (void)crypto_hash_sha256(out, both, sizeof both);
}

/* The edge holds the roots of the complete subtrees that the bits of size name, the largest first. */
void hkp_dsm__merkle_add(struct hkp_dsm__merkle *m, const uint8_t leaf_hash[32]) {
    size_t top = (size_t)__builtin_popcountll(m->size);
    uint8_t hash[32];
    memcpy(hash, leaf_hash, 32);
    for (uint64_t size = m->size; size & 1; size >>= 1) hkp_dsm__merkle_node(hash, m->edge[--top], hash);
    memcpy(m->edge[top], hash, 32);
    m->size++;
}

void hkp_dsm__merkle_root(const struct hkp_dsm__merkle *m, uint8_t root[32]) {
    size_t at = (size_t)__builtin_popcountll(m->size);
    if (at == 0) {
        (void)crypto_hash_sha256(root, NULL, 0);
        return;
    }
    memcpy(root, m->edge[--at], 32);
    while (at > 0) hkp_dsm__merkle_node(root, m->edge[--at], root);
}

/* Root of the leaf hashes [n][32]. */
static void root_of(const uint8_t (*leaves)[32], uint64_t n, uint8_t root[32]) {
    struct hkp_dsm__merkle m = {.size = 0};
    for (uint64_t i = 0; i < n; i++) hkp_dsm__merkle_add(&m, leaves[i]);
    hkp_dsm__merkle_root(&m, root);
}

/* Largest power of two below n (n > 1). */
static uint64_t split(uint64_t n) {
    uint64_t k = 1;
    while (k < n - k) k <<= 1;
    return k;
}

size_t hkp_dsm__merkle_prove(const uint8_t (*leaves)[32], uint64_t size, uint64_t index,
                             uint8_t (*hashes)[32]) {
    size_t depth = 0;
    for (uint64_t n = size, i = index; n > 1;
         depth++) { /* the path is written from the leaf up: count it first */
        uint64_t k = split(n);
        if (i < k)
            n = k;
        else
            i -= k, n -= k;
    }
    size_t at = depth;
    while (size > 1) {
        uint64_t k = split(size);
        at--;
        if (index < k) {
            root_of(leaves + k, size - k, hashes[at]);
            size = k;
        } else {
            root_of(leaves, k, hashes[at]);
            leaves += k;
            index -= k;
            size -= k;
        }
    }
    return depth;
}

static struct hkp_dsm_cbor_reader path_of(const struct hkp_dsm_view *hashes) {
    return (struct hkp_dsm_cbor_reader){
        .next = hashes->ptr, .end = hashes->ptr + hashes->len, .status = HKP_OK};
}

/* RFC 9162 2.1.3.2. */
hkp_status hkp_dsm__merkle_path_root(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                                     const struct hkp_dsm_view *hashes, size_t n_hashes, uint8_t root[32]) {
    struct hkp_dsm_cbor_reader at = path_of(hashes);
    uint8_t r[32];
    if (index >= size) return HKP_E_DSM_PROOF;
    uint64_t fn = index, sn = size - 1;
    memcpy(r, leaf_hash, 32);
    for (size_t i = 0; i < n_hashes; i++) {
        const uint8_t *p = hkp_dsm_cbor_bytes(&at, 32, 32, NULL);
        if (p == NULL || sn == 0) return HKP_E_DSM_PROOF;
        if ((fn & 1) != 0 || fn == sn) {
            hkp_dsm__merkle_node(r, p, r);
            while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
        } else {
            hkp_dsm__merkle_node(r, r, p);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0) return HKP_E_DSM_PROOF;
    memcpy(root, r, 32);
    return HKP_OK;
}

hkp_status hkp_dsm__merkle_verify(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                                  const struct hkp_dsm_view *hashes, size_t n_hashes,
                                  const uint8_t root[32]) {
    uint8_t found[32];
    hkp_status st = hkp_dsm__merkle_path_root(leaf_hash, index, size, hashes, n_hashes, found);
    if (st != HKP_OK) return st;
    return memcmp(found, root, 32) == 0 ? HKP_OK : HKP_E_DSM_PROOF;
}

/* RFC 9162 2.1.4.2. */
hkp_status hkp_dsm__merkle_consistent(uint64_t old_size, uint64_t new_size, const uint8_t old_root[32],
                                      const uint8_t new_root[32], const struct hkp_dsm_view *hashes,
                                      size_t n_hashes) {
    struct hkp_dsm_cbor_reader at = path_of(hashes);
    uint8_t fr[32], sr[32];
    if (old_size == 0 || old_size > new_size) return HKP_E_DSM_PROOF;
    if (old_size == new_size)
        return n_hashes == 0 && memcmp(old_root, new_root, 32) == 0 ? HKP_OK : HKP_E_DSM_PROOF;
    const int old_is_subtree = (old_size & (old_size - 1)) == 0; /* then its root stands first in the path */
    if (n_hashes == 0) return HKP_E_DSM_PROOF;
    const uint8_t *first = old_is_subtree ? old_root : hkp_dsm_cbor_bytes(&at, 32, 32, NULL);
    if (first == NULL) return HKP_E_DSM_PROOF;
    memcpy(fr, first, 32);
    memcpy(sr, first, 32);
    uint64_t fn = old_size - 1, sn = new_size - 1;
    while (fn & 1) fn >>= 1, sn >>= 1;
    for (size_t i = old_is_subtree ? 0 : 1; i < n_hashes; i++) {
        const uint8_t *c = hkp_dsm_cbor_bytes(&at, 32, 32, NULL);
        if (c == NULL || sn == 0) return HKP_E_DSM_PROOF;
        if ((fn & 1) != 0 || fn == sn) {
            hkp_dsm__merkle_node(fr, c, fr);
            hkp_dsm__merkle_node(sr, c, sr);
            while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
        } else {
            hkp_dsm__merkle_node(sr, sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    const int same = memcmp(fr, old_root, 32) == 0 && memcmp(sr, new_root, 32) == 0;
    return sn == 0 && same ? HKP_OK : HKP_E_DSM_PROOF;
}
