/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Labelled hashes, object ids and node names (D-HASH, D-ID). */
#include "libdsm/objects/objects.h"

#include "libter/bytes.h"

#include <sodium.h>

const uint8_t hkp_dsm__zeros[32] = {0};

void hkp_dsm__hash(uint8_t out[32], const char *label, const struct hkp_dsm_view *parts, size_t n) {
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, 32);
    (void)crypto_generichash_update(&state, (const uint8_t *)"HKP1 ", 5);
    (void)crypto_generichash_update(&state, (const uint8_t *)label, strlen(label) + 1); /* with its 00 */
    for (size_t i = 0; i < n; i++) (void)crypto_generichash_update(&state, parts[i].ptr, parts[i].len);
    (void)crypto_generichash_final(&state, out, 32);
}

void hkp_dsm_object_id(uint8_t id[32], const uint8_t chain_id[32], uint32_t kind, const uint8_t *signer,
                       const uint8_t *body, size_t body_len) {
    uint8_t kind_be[2];
    hkp_put_be16(kind_be, (uint16_t)kind);
    const struct hkp_dsm_view parts[] = {
        {kind_be, 2}, {chain_id, 32}, {signer != NULL ? signer : hkp_dsm__zeros, 16}, {body, body_len}};
    hkp_dsm__hash(id, "id", parts, 4);
}

void hkp_dsm__payload_hash(uint8_t out[32], const uint8_t *payload, size_t len) {
    hkp_dsm__hash(out, "payload", &(struct hkp_dsm_view){payload, len}, 1);
}

void hkp_dsm__first_prev(uint8_t out[32], const uint8_t chain_id[32], const uint8_t node_id[16]) {
    const struct hkp_dsm_view parts[] = {{chain_id, 32}, {node_id, 16}};
    hkp_dsm__hash(out, "first", parts, 2);
}

void hkp_dsm__header_digest(uint8_t out[32], const uint8_t chain_id[32], const uint8_t *header, size_t len) {
    const struct hkp_dsm_view parts[] = {{chain_id, 32}, {header, len}};
    hkp_dsm__hash(out, "header", parts, 2);
}

void hkp_dsm__valset_hash(uint8_t out[32], const uint8_t *body, size_t len) {
    hkp_dsm__hash(out, "valset", &(struct hkp_dsm_view){body, len}, 1);
}

void hkp_dsm__item_id(uint8_t id[16], const uint8_t *object, size_t len) {
    uint8_t hash[32];
    hkp_dsm__hash(hash, "item", &(struct hkp_dsm_view){object, len}, 1);
    memcpy(id, hash, 16);
}

void hkp_dsm_node_id(uint8_t node_id[16], const uint8_t key[32], const uint8_t *ak) {
    static const uint8_t no_ak[1] = {0};
    uint8_t hash[32];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)"HTP1 node", 9);
    (void)crypto_hash_sha256_update(&state, key, 32);
    (void)crypto_hash_sha256_update(&state, ak != NULL ? ak : no_ak, ak != NULL ? HKP_DSM_AK_BYTES : 1);
    (void)crypto_hash_sha256_final(&state, hash);
    memcpy(node_id, hash, 16);
}

/* ---- Neural claims of a block (D-BLK-1) -----------------------------------------------------------------
 */

void hkp_dsm_w_commit(uint8_t out[32], const uint8_t f[32], const uint8_t chain_id[32],
                      const uint8_t node_id[16], uint64_t seq) {
    static const char label[] = "HKP1 wcommit"; /* its 00 is hashed too */
    crypto_generichash_state state;
    uint8_t seq_be[8];
    hkp_put_be64(seq_be, seq);
    (void)crypto_generichash_init(&state, f, 32, 32);
    (void)crypto_generichash_update(&state, (const uint8_t *)label, sizeof label);
    (void)crypto_generichash_update(&state, chain_id, 32);
    (void)crypto_generichash_update(&state, node_id, 16);
    (void)crypto_generichash_update(&state, seq_be, 8);
    (void)crypto_generichash_final(&state, out, 32);
    sodium_memzero(&state, sizeof state);
}

void hkp_dsm_posf_message(uint8_t out[32], const uint8_t chain_id[32], const uint8_t node_id[16],
                          uint64_t seq, const uint8_t prev[32], const uint8_t payload_hash[32]) {
    static const char label[] = "HKP1 block posf";
    crypto_hash_sha256_state state;
    uint8_t seq_be[8];
    hkp_put_be64(seq_be, seq);
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof label);
    (void)crypto_hash_sha256_update(&state, chain_id, 32);
    (void)crypto_hash_sha256_update(&state, node_id, 16);
    (void)crypto_hash_sha256_update(&state, seq_be, 8);
    (void)crypto_hash_sha256_update(&state, prev, 32);
    (void)crypto_hash_sha256_update(&state, payload_hash, 32);
    (void)crypto_hash_sha256_final(&state, out);
}

void hkp_dsm__quote_data(uint8_t out[32], const uint8_t nonce[32], const uint8_t binding[32],
                         const uint8_t node_id[16]) {
    static const char label[] = "HKP1 quote";
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof label);
    (void)crypto_hash_sha256_update(&state, nonce, 32);
    (void)crypto_hash_sha256_update(&state, binding, 32);
    (void)crypto_hash_sha256_update(&state, node_id, 16);
    (void)crypto_hash_sha256_final(&state, out);
}
