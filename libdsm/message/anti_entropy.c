/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What two sides compare to find the chains in which they differ (D-GSP-12). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#include <sodium.h>

enum { BUCKETS = 256 };

uint8_t hkp_dsm__bucket_of(const uint8_t salt[16], const uint8_t node_id[16]) {
    uint8_t hash[32];
    (void)crypto_generichash(hash, sizeof hash, node_id, 16, salt, 16);
    return hash[0];
}

static void hash_bucket(const uint8_t salt[16], const struct hkp_dsm__head *heads, const uint8_t *bucket_of,
                        size_t n, unsigned bucket, uint8_t out[8]) {
    crypto_generichash_state state;
    uint8_t entry[16 + 8 + 8], hash[32];
    (void)crypto_generichash_init(&state, salt, 16, sizeof hash);
    for (size_t i = 0; i < n; i++) {
        if (bucket_of[i] != bucket) continue;
        memcpy(entry, heads[i].node_id, 16);
        hkp_put_be64(entry + 16, heads[i].seq);
        memcpy(entry + 24, heads[i].id, 8);
        (void)crypto_generichash_update(&state, entry, sizeof entry);
    }
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(out, hash, 8);
}

void hkp_dsm__bucket_hashes(const uint8_t salt[16], const struct hkp_dsm__head *heads, size_t n,
                            uint8_t *bucket_of, uint8_t hashes[BUCKETS][8], uint8_t root[8]) {
    uint8_t hash[32];
    for (size_t i = 0; i < n; i++) bucket_of[i] = hkp_dsm__bucket_of(salt, heads[i].node_id);
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        hash_bucket(salt, heads, bucket_of, n, bucket, hashes[bucket]);
    (void)crypto_generichash(hash, sizeof hash, hashes[0], BUCKETS * 8, salt, 16);
    memcpy(root, hash, 8);
}
