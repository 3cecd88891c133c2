/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-ENV, D-SIG, D-BLK: microblocks, and what is derived for them (D-BLK-1, D-BLK-16, D-CERT-5). */
#include "dsm_vectors.h"

#include <sodium.h>

static struct fixture fx;

/* Certificates of the case, all with the author's key of the file; without a list one that fits the block. */
static size_t read_certs(json_t *c, const struct hkp_dsm_envelope *e, const uint8_t *key,
                         struct hkp_dsm_certificate *certs) {
    json_t *list = vec_find(c, "certs"), *entry;
    size_t i;
    if (key == NULL) return 0;
    if (list == NULL) {
        struct hkp_dsm__block block = {.serial = 1};
        (void)hkp_dsm__block_parse(fx.chain_id, e->signer, e->body.ptr, e->body.len, &block);
        certs[0] = (struct hkp_dsm_certificate){
            .serial = block.serial, .roles = block.has_neuro ? 129 : 1, .not_after_s = UINT64_MAX};
        memcpy(certs[0].key, key, 32);
        return 1;
    }
    json_array_foreach(list, i, entry) {
        certs[i] = (struct hkp_dsm_certificate){.serial = vec_value_u64(json_array_get(entry, 0)),
                                                .roles = (uint32_t)vec_value_u64(json_array_get(entry, 1)),
                                                .not_before_s = vec_value_u64(json_array_get(entry, 2)),
                                                .not_after_s = vec_value_u64(json_array_get(entry, 3))};
        memcpy(certs[i].key, key, 32);
    }
    return json_array_size(list);
}

static uint64_t optional_u64(json_t *c, const char *key) {
    return vec_find(c, key) != NULL ? vec_u64(c, key) : 0;
}

/* The block is written and signed again to the same bytes (Ed25519 is deterministic). */
static void check_rebuild(const struct vec_bytes *in, const struct hkp_dsm__block *block) {
    uint8_t seed[32], key[32], secret[64], body[512], whole[HKP_DSM__BLOCK_MAX];
    size_t body_len = 0, len = 0;
    vec_hex_into(fx.file, "signer_seed", seed, 32);
    CHECK_EQ(crypto_sign_seed_keypair(key, secret, seed), 0);
    CHECK_EQ(hkp_dsm__block_build(block, body, sizeof body, &body_len), HKP_OK);
    CHECK_EQ(hkp_dsm_envelope_sign(fx.chain_id, HKP_DSM_KIND_MICROBLOCK, block->author, secret, body,
                                   body_len, whole, sizeof whole, &len),
             HKP_OK);
    CHECK_EQ(len, in->len);
    if (len == in->len) CHECK_MEM(whole, in->ptr, len);
}

static void microblocks(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/microblock.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "envelope"), payload = {NULL, 0};
        struct hkp_dsm_certificate certs[8];
        struct hkp_dsm__known_head head = {0};
        struct hkp_dsm_envelope e;
        struct hkp_dsm__block block;
        const uint8_t *key = NULL;
        if (vec_find(c, "payload") != NULL) payload = vec_hex(c, "payload");
        if (hkp_dsm__envelope_shape(in.ptr, in.len, &e) == HKP_OK) key = fixture_key(&fx, e.signer);
        if (vec_find(c, "head") != NULL) {
            struct vec_bytes id = vec_value_hex(json_array_get(vec_get(c, "head"), 1));
            head.seq = vec_value_u64(json_array_get(vec_get(c, "head"), 0));
            head.time_us = vec_value_u64(json_array_get(vec_get(c, "head"), 2));
            memcpy(head.id, id.ptr, 32);
            free(id.ptr);
        }
        struct hkp_dsm__block_rules rules = {.chain_id = fx.chain_id,
                                             .certs = certs,
                                             .n_certs = read_certs(c, &e, key, certs),
                                             .revoked = optional_u64(c, "revoked"),
                                             .now_us = optional_u64(c, "now_us"),
                                             .header_ms = optional_u64(c, "header_ms"),
                                             .parent_ms = optional_u64(c, "parent_ms"),
                                             .head = &head,
                                             .payload = {payload.ptr, payload.len}};
        hkp_status st = hkp_dsm__block_check(in.ptr, in.len, &rules, &block);
        CHECK_VERDICT(st, c);
        if (st == HKP_OK) {
            uint8_t id[32];
            vec_hex_into(c, "id", id, 32);
            CHECK_MEM(block.id, id, 32);
            check_rebuild(&in, &block);
        }
        free(in.ptr);
        free(payload.ptr);
    }
}

/* One case says both: E_TIME far ahead is of the retry class, E_TIME behind is not. */
static void times_have_two_classes(void) {
    struct hkp_dsm__block b = {.seq = 2, .timestamp_us = 5};
    struct hkp_dsm__known_head head = {.seq = 1, .time_us = 5};
    CHECK_EQ(hkp_dsm__block_extends(&b, fx.chain_id, &head), HKP_E_DSM_TIME);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_TIME), HKP_CLASS_IGNORE);
    CHECK_EQ(hkp_dsm_status_class(HKP_E_DSM_TIME_AHEAD), HKP_CLASS_RETRY);
}

/* Times of headers have milliseconds of 64 bits, times of blocks microseconds: no product may wrap. */
static void a_header_far_in_the_future_is_far_ahead(void) {
    struct hkp_dsm_certificate cert = {.serial = 1, .roles = 1, .not_after_s = UINT64_MAX / 1000000};
    const struct hkp_dsm__block b = {.seq = 1, .serial = 1, .timestamp_us = UINT64_MAX};
    struct hkp_dsm__block_rules rules = {.certs = &cert, .n_certs = 1, .header_ms = UINT64_MAX / 1000 + 1};
    CHECK_EQ(hkp_dsm__block_times(&b, &rules), HKP_OK);
    const struct hkp_dsm__block old = {.seq = 1, .serial = 1, .timestamp_us = 1};
    rules.parent_ms = UINT64_MAX / 1000 + 1;
    cert.not_after_s = 1000;
    CHECK_EQ(hkp_dsm__block_times(&old, &rules), HKP_E_DSM_EXPIRED);
    rules.parent_ms = UINT64_MAX / 1000 + 35ULL * 86400 * 1000;
    cert.not_after_s = UINT64_MAX / 1000000;
    CHECK_EQ(hkp_dsm__block_times(&b, &rules), HKP_OK);
    rules.parent_ms++;
    CHECK_EQ(hkp_dsm__block_times(&b, &rules), HKP_E_DSM_EXPIRED);
}

/* Which certificate of a serial counts may change after the block came (D-CA-9). */
static void a_header_judges_neuro_presence_again(void) {
    const struct hkp_dsm_certificate cert = {
        .serial = 1, .roles = HKP_DSM_ROLE_EDGE | HKP_DSM_ROLE_NEURO, .not_after_s = UINT64_MAX / 1000000};
    struct hkp_dsm__block b = {.seq = 1, .serial = 1, .timestamp_us = 5, .has_neuro = 1};
    const struct hkp_dsm__block_rules rules = {.certs = &cert, .n_certs = 1, .header_ms = 5};
    CHECK_EQ(hkp_dsm__block_times(&b, &rules), HKP_OK);
    b.has_neuro = 0;
    CHECK_EQ(hkp_dsm__block_times(&b, &rules), HKP_E_DSM_NEURO);
}

static void derived_times(void) {
    json_t *file = vec_load("dsm/derived.json"), *c;
    size_t i;
    json_array_foreach(vec_get(file, "block_time"), i, c) {
        struct hkp_dsm__block_clock clock = {.wall_us = vec_u64(c, "wall_us"),
                                             .prev_us = vec_u64(c, "prev_us"),
                                             .clock_known = vec_bool(c, "clock_known"),
                                             .fails = (uint32_t)vec_u64(c, "fails"),
                                             .header_ms = optional_u64(c, "header_ms"),
                                             .since_us = vec_u64(c, "since_us")};
        CHECK_EQ(hkp_dsm__block_time(&clock), vec_u64(c, "time_us"));
    }
    json_array_foreach(vec_get(file, "now"), i, c) {
        CHECK_EQ(hkp_dsm__check_time(vec_u64(c, "wall_s"), vec_bool(c, "synced"), vec_u64(c, "header_ms"),
                                     vec_u64(c, "build_s")),
                 vec_u64(c, "now_s"));
    }
}

static void derived_neuro(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/derived.json"), "neuro"), i, c) {
        uint8_t chain_id[32], node_id[16], prev[32], payload_hash[32], commit[32], message[32], got[32];
        struct vec_bytes f = vec_hex(c, "F");
        vec_hex_into(c, "chain_id", chain_id, 32);
        vec_hex_into(c, "node_id", node_id, 16);
        vec_hex_into(c, "prev", prev, 32);
        vec_hex_into(c, "payload_hash", payload_hash, 32);
        vec_hex_into(c, "w_commit", commit, 32);
        vec_hex_into(c, "posf_msg_hash", message, 32);
        hkp_dsm_w_commit(got, f.ptr, chain_id, node_id, vec_u64(c, "seq"));
        CHECK_MEM(got, commit, 32);
        hkp_dsm_posf_message(got, chain_id, node_id, vec_u64(c, "seq"), prev, payload_hash);
        CHECK_MEM(got, message, 32);
        free(f.ptr);
    }
}

static void derived_quote_data(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/derived.json"), "quote"), i, c) {
        uint8_t nonce[32], binding[32], node_id[16], want[32], got[32];
        vec_hex_into(c, "nonce", nonce, 32);
        vec_hex_into(c, "binding", binding, 32);
        vec_hex_into(c, "node_id", node_id, 16);
        vec_hex_into(c, "qualifying_data", want, 32);
        hkp_dsm__quote_data(got, nonce, binding, node_id);
        CHECK_MEM(got, want, 32);
    }
}

static int by_node(const void *a, const void *b) {
    return memcmp(((const struct hkp_dsm__head *)a)->node_id, ((const struct hkp_dsm__head *)b)->node_id, 16);
}

static void derived_anti_entropy(void) {
    json_t *c, *each;
    size_t i, j;
    json_array_foreach(vec_get(vec_load("dsm/derived.json"), "anti_entropy"), i, c) {
        static struct hkp_dsm__head heads[1024];
        uint8_t bucket_of[1024], hashes[256][8], salt[16], root[8], want[8];
        json_array_foreach(vec_get(c, "heads"), j, each) {
            struct vec_bytes node = vec_value_hex(json_array_get(each, 0)),
                             id = vec_value_hex(json_array_get(each, 2));
            heads[j].seq = vec_value_u64(json_array_get(each, 1));
            memcpy(heads[j].node_id, node.ptr, 16);
            memcpy(heads[j].id, id.ptr, 8);
            free(node.ptr);
            free(id.ptr);
        }
        vec_hex_into(c, "salt", salt, 16);
        qsort(heads, json_array_size(vec_get(c, "heads")), sizeof heads[0], by_node);
        hkp_dsm__bucket_hashes(salt, heads, json_array_size(vec_get(c, "heads")), bucket_of, hashes, root);
        vec_hex_into(c, "root8", want, 8);
        CHECK_MEM(root, want, 8);
        json_array_foreach(vec_get(c, "buckets"), j, each) {
            struct vec_bytes hash = vec_value_hex(each);
            CHECK_MEM(hashes[j], hash.ptr, 8);
            free(hash.ptr);
        }
    }
}

/* Random blocks by the writer: read back the same, and one flipped bit anywhere is refused. */
static void what_is_signed_is_accepted_and_nothing_else(void) {
    uint64_t rnd = check_seed();
    uint8_t key[32], secret[64], seed[32] = {1}, payload[64];
    CHECK_EQ(crypto_sign_seed_keypair(key, secret, seed), 0);
    struct hkp_dsm_certificate cert = {.serial = 3, .roles = 1, .not_after_s = 1000};
    memcpy(cert.key, key, 32);
    for (int run = 0; run < 100; run++) {
        struct hkp_dsm__block b = {.seq = 1 + (check_random(&rnd) >> 1) % 1000,
                                   .serial = 3,
                                   .payload_len = 64},
                              got;
        uint8_t body[512], whole[HKP_DSM__BLOCK_MAX];
        size_t body_len = 0, len = 0;
        for (size_t i = 0; i < 64; i++) payload[i] = (uint8_t)check_random(&rnd);
        b.timestamp_us = check_random(&rnd) % 900000000;
        b.event_type = 1 + (uint32_t)(check_random(&rnd) % 65535);
        hkp_dsm__payload_hash(b.payload_hash, payload, 64);
        hkp_dsm_node_id(b.author, key, NULL);
        if (b.seq == 1) hkp_dsm__first_prev(b.prev, fx.chain_id, b.author);
        CHECK_EQ(hkp_dsm__block_build(&b, body, sizeof body, &body_len), HKP_OK);
        CHECK_EQ(hkp_dsm_envelope_sign(fx.chain_id, 1, b.author, secret, body, body_len, whole, sizeof whole,
                                       &len),
                 HKP_OK);
        struct hkp_dsm__block_rules rules = {
            .chain_id = fx.chain_id, .certs = &cert, .n_certs = 1, .payload = {payload, 64}};
        CHECK_EQ(hkp_dsm__block_check(whole, len, &rules, &got), HKP_OK);
        memcpy(b.id, got.id, 32);
        CHECK_MEM(&got, &b, sizeof b);
        whole[check_random(&rnd) % len] ^= (uint8_t)(1U << check_random(&rnd) % 8);
        CHECK(hkp_dsm__block_check(whole, len, &rules, &got) != HKP_OK);
    }
}

int main(void) {
    CASE(microblocks);
    CASE(times_have_two_classes);
    CASE(a_header_far_in_the_future_is_far_ahead);
    CASE(a_header_judges_neuro_presence_again);
    CASE(derived_times);
    CASE(derived_neuro);
    CASE(derived_quote_data);
    CASE(derived_anti_entropy);
    CASE(what_is_signed_is_accepted_and_nothing_else);
    return check_done();
}
