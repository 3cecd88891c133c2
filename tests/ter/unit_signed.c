/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* vectors nz1/checkpoint.json and nz1/manifest.json: every code, and records made again byte for byte. */
#include "alloc.h"
#include "libter/bytes.h"
#include "vector.h"

static json_t *file;

static void every_check_of_a_checkpoint_agrees_with_the_vectors(void) {
    json_t *v;
    size_t i;
    json_array_foreach(vec_get(file, "verify"), i, v) {
        int before = check_faults;
        struct vec_bytes record = vec_hex(v, "record"), previous = vec_hex(v, "previous");
        json_t *who = vec_get(v, "verifier");
        struct hkp_ter_cursor cursor = {.index = vec_u64(who, "index"), .has_last = 1};
        struct hkp_ter_tck_verifier verifier = {.cursor = &cursor,
                                                .policy_ver = (uint32_t)vec_u64(who, "policy_ver"),
                                                .log_gen = (uint32_t)vec_u64(who, "log_gen")};
        vec_hex_into(who, "h", cursor.h, 32);
        vec_hex_into(who, "last_ter", cursor.last_ter, 64);
        vec_hex_into(who, "node_id", verifier.node_id, 16);
        vec_hex_into(who, "device_public", verifier.device_public, 32);
        vec_hex_into(who, "h_ref", verifier.h_ref, 20);
        CHECK_EQ(
            hkp_ter_tck_verify(record.ptr, record.len, previous.len == 256 ? previous.ptr : NULL, &verifier),
            vector_status(v));
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
        free(record.ptr);
        free(previous.ptr);
    }
}

static void checkpoints_are_made_again_byte_for_byte(void) {
    uint8_t secret[64], expected[256], bytes[256];
    vector_key(file, "device_key_seed", secret);
    const char *names[] = {"checkpoint_3", "checkpoint_5"};
    for (size_t i = 0; i < 2; i++) {
        struct hkp_ter_tck tck;
        vec_hex_into(file, names[i], expected, sizeof expected);
        CHECK_EQ(hkp_ter_tck_decode(&tck, expected, sizeof expected), HKP_OK);
        CHECK_EQ(tck.n, i == 0 ? 3 : 5);
        CHECK_EQ(hkp_ter_tck_sign(&tck, secret, bytes), HKP_OK);
        CHECK_MEM(bytes, expected, sizeof bytes);
        tck.flags = 128;
        CHECK_EQ(hkp_ter_tck_sign(&tck, secret, bytes), HKP_E_INVAL);
        tck.flags = 0;
        tck.n = 0;
        CHECK_EQ(hkp_ter_tck_sign(&tck, secret, bytes), HKP_E_INVAL);
        CHECK_MEM(bytes, expected, sizeof bytes);
    }
}

/* The stream decides n, h, timestamp and prev; what it makes verifies. */
static void a_checkpoint_is_begun_from_the_end_of_a_stream(void) {
    uint8_t secret[64], tck5[256], tck3[256], bytes[256];
    struct hkp_ter_cursor cursor;
    struct hkp_ter_tck expected, tck;
    vector_key(file, "device_key_seed", secret);
    vec_hex_into(file, "checkpoint_3", tck3, sizeof tck3);
    vec_hex_into(file, "checkpoint_5", tck5, sizeof tck5);
    CHECK_EQ(hkp_ter_tck_decode(&expected, tck5, 256), HKP_OK);
    tck = expected;
    tck.n = tck.timestamp_us = 0;
    memset(tck.h, 0, 32);
    memset(tck.prev, 9, 32);
    hkp_ter_cursor_init(&cursor, expected.node_id, secret + 32);
    CHECK_EQ(hkp_ter_tck_begin(&tck, &cursor, NULL), HKP_E_STATE);
    for (size_t i = 0; i < 5; i++) {
        struct vec_bytes ter = vec_value_hex(json_array_get(vec_get(file, "ters"), i));
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter.ptr, ter.len, NULL), HKP_OK);
        if (i < 3) CHECK_EQ(hkp_ter_tck_begin(&tck, &cursor, tck3), HKP_E_STATE);
        free(ter.ptr);
    }
    CHECK_EQ(hkp_ter_tck_begin(&tck, &cursor, tck3), HKP_OK);
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, bytes), HKP_OK);
    CHECK_MEM(bytes, tck5, 256);
    /* A policy_ver below that of the checkpoint before is refused, whatever the verifier believes. */
    struct hkp_ter_tck_verifier verifier = {.cursor = &cursor, .policy_ver = expected.policy_ver};
    memcpy(verifier.node_id, expected.node_id, 16);
    memcpy(verifier.device_public, secret + 32, 32);
    memcpy(verifier.h_ref, expected.h_ref, 20);
    CHECK_EQ(hkp_ter_tck_verify(bytes, 256, tck3, &verifier), HKP_OK);
    struct hkp_ter_tck higher;
    uint8_t before[256];
    CHECK_EQ(hkp_ter_tck_decode(&higher, tck3, 256), HKP_OK);
    higher.policy_ver = expected.policy_ver + 1;
    CHECK_EQ(hkp_ter_tck_sign(&higher, secret, before), HKP_OK);
    CHECK_EQ(hkp_ter_tck_begin(&tck, &cursor, before), HKP_OK);
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, bytes), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify(bytes, 256, before, &verifier), HKP_E_TER_TCK_POLICY);
}

/* NZ1 22.3 check 2: no cursor of its own, so what was sent along must fit, and what is held must not be
 * undercut. */
static void a_new_holder_checks_the_checkpoint_of_enrol(void) {
    uint8_t secret[64], tck5[256], tck3[256], other[256], ters[5][64], h_before[32];
    struct hkp_ter_cursor cursor;
    struct hkp_ter_tck_enrol enrol = {.h_before = h_before, .ter = ters[4]};
    vector_key(file, "device_key_seed", secret);
    vec_hex_into(vec_get(file, "profile"), "node_id", enrol.node_id, 16);
    memcpy(enrol.device_public, secret + 32, 32);
    vec_hex_into(file, "checkpoint_5", tck5, sizeof tck5);
    vec_hex_into(file, "checkpoint_3", tck3, sizeof tck3);
    hkp_ter_cursor_init(&cursor, enrol.node_id, enrol.device_public);
    for (size_t i = 0; i < 5; i++) {
        struct vec_bytes ter = vec_value_hex(json_array_get(vec_get(file, "ters"), i));
        memcpy(ters[i], ter.ptr, 64);
        memcpy(h_before, cursor.h, 32);
        CHECK_EQ(hkp_ter_cursor_accept(&cursor, ter.ptr, ter.len, NULL), HKP_OK);
        free(ter.ptr);
    }
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck5, 256, &enrol), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck5, 255, &enrol), HKP_E_TER_TCK_LENGTH);
    enrol.held = tck3;
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck5, 256, &enrol), HKP_OK);
    enrol.held = tck5;
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck5, 256, &enrol), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck3, 256, &enrol), HKP_E_TER_TCK_INDEX);
    struct hkp_ter_tck tck;
    CHECK_EQ(hkp_ter_tck_decode(&tck, tck5, 256), HKP_OK);
    tck.flags = HKP_TER_FLAG_BOOT;
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, other), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_E_TER_TCK_INDEX);
    tck.log_gen = 1;
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, other), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_E_TER_TCK_NODE);
    enrol.gen = 1;
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_OK);
    enrol.held = other;
    CHECK_EQ(hkp_ter_tck_verify_enrol(tck5, 256, &enrol), HKP_E_TER_TCK_NODE);
    tck.policy_ver = 1;
    uint8_t held[256];
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, held), HKP_OK);
    enrol.held = held;
    tck.policy_ver = 0;
    tck.log_gen = 2;
    enrol.gen = 2;
    CHECK_EQ(hkp_ter_tck_sign(&tck, secret, other), HKP_OK);
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_E_TER_TCK_POLICY);
    enrol.held = NULL;
    h_before[0] ^= 1;
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_E_TER_TCK_HCHAIN);
    h_before[0] ^= 1;
    other[200] ^= 1;
    CHECK_EQ(hkp_ter_tck_verify_enrol(other, 256, &enrol), HKP_E_TER_TCK_SIGNATURE);
}

static json_t *manifests;

static void every_check_of_a_manifest_agrees_with_the_vectors(void) {
    json_t *v, *k;
    size_t i, n;
    json_array_foreach(vec_get(manifests, "check"), i, v) {
        int before = check_faults;
        struct vec_bytes bytes = vec_hex(v, "manifest");
        struct hkp_ter_manifest manifest;
        uint8_t keys[8][32], node_id[16], digest[32];
        memset(&manifest, 0xA5, sizeof manifest);
        struct hkp_ter_manifest was = manifest;
        vec_hex_into(v, "node_id", node_id, 16);
        json_array_foreach(vec_get(v, "keys"), n, k) {
            struct vec_bytes key = vec_value_hex(k);
            if (n < 8) memcpy(keys[n], key.ptr, 32);
            free(key.ptr);
        }
        n = json_array_size(vec_get(v, "keys"));
        CHECK_EQ(hkp_ter_manifest_check(&manifest, bytes.ptr, bytes.len, node_id, keys[0], n, NULL),
                 vector_status(v));
        vec_hex_into(v, "digest", digest, 32);
        if (vector_status(v) == HKP_OK)
            CHECK_MEM(manifest.digest, digest, 32);
        else
            CHECK_MEM(&manifest, &was, sizeof was);
        CHECK_NOTE(before, "%s", vec_text(v, "name"));
        free(bytes.ptr);
    }
}

/* Items and names of a good manifest, given to the builder again. */
static void manifests_are_made_again_byte_for_byte(void) {
    json_t *v;
    size_t i;
    uint8_t secret[64];
    vector_key(manifests, "policy_key_seed", secret);
    json_array_foreach(vec_get(manifests, "check"), i, v) {
        if (vector_status(v) != HKP_OK) continue;
        struct vec_bytes bytes = vec_hex(v, "manifest");
        struct hkp_ter_manifest manifest;
        struct hkp_ter_item items[16];
        struct hkp_ter_name allow[16];
        uint8_t node_id[16], *built = malloc(bytes.len);
        size_t off = 0, len = 0;
        vec_hex_into(v, "node_id", node_id, 16);
        CHECK_EQ(hkp_ter_manifest_check(&manifest, bytes.ptr, bytes.len, node_id, secret + 32, 1, NULL),
                 HKP_OK);
        struct hkp_ter_manifest_spec spec = {
            .items = items, .allow = allow, .policy_ver = manifest.policy_ver};
        memcpy(spec.node_id, manifest.node_id, 16);
        while (spec.n_items < 16 && hkp_ter_manifest_next(&manifest, &off, &items[spec.n_items]) == HKP_OK)
            spec.n_items++;
        CHECK_EQ(spec.n_items, manifest.n_items);
        for (off = manifest.allow_offset; off < bytes.len - 64 && spec.n_allow < 16;
             off += 1u + bytes.ptr[off]) {
            allow[spec.n_allow].text = bytes.ptr + off + 1;
            allow[spec.n_allow++].len = bytes.ptr[off];
        }
        CHECK_EQ(hkp_ter_manifest_build(&spec, secret, built, bytes.len - 1, &len), HKP_E_NOSPC);
        CHECK_EQ(hkp_ter_manifest_build(&spec, secret, built, bytes.len, &len), HKP_OK);
        CHECK_EQ(len, bytes.len);
        CHECK_MEM(built, bytes.ptr, len);
        free(bytes.ptr);
        free(built);
    }
}

static void the_builder_refuses_what_the_check_would(void) {
    uint8_t secret[64], dst[512];
    size_t len;
    vector_key(manifests, "policy_key_seed", secret);
    struct hkp_ter_item items[2] = {{.path = (const uint8_t *)"/a", .path_len = 2, .kind = 1},
                                    {.path = (const uint8_t *)"@manifest", .path_len = 9, .kind = 4}};
    struct hkp_ter_name allow = {(const uint8_t *)"ext4", 4};
    struct hkp_ter_manifest_spec spec = {.items = items, .n_items = 2, .allow = &allow, .n_allow = 1};
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_OK);
    spec.n_items = 1;
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_E_INVAL);
    spec.n_items = 2;
    items[0].kind = 4;
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_E_INVAL);
    items[0] = items[1];
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_E_INVAL);
    items[0] = (struct hkp_ter_item){.path = (const uint8_t *)"/a", .path_len = 2, .kind = 1};
    allow = (struct hkp_ter_name){(const uint8_t *)"ex\x7f", 3};
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_E_INVAL);
    allow.len = 0;
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, dst, sizeof dst, &len), HKP_E_INVAL);
}

static void modules_that_are_not_allowed_make_the_digest(void) {
    json_t *v, *m;
    size_t i, k;
    uint8_t secret[64], bytes[512];
    size_t len;
    vector_key(manifests, "policy_key_seed", secret);
    struct hkp_ter_item self = {.path = (const uint8_t *)"@manifest", .path_len = 9, .kind = 4};
    struct hkp_ter_name allow[2] = {{(const uint8_t *)"ext4", 4}, {(const uint8_t *)"xfs", 3}};
    struct hkp_ter_manifest_spec spec = {.items = &self, .n_items = 1, .allow = allow, .n_allow = 2};
    struct hkp_ter_manifest manifest;
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_check(&manifest, bytes, len, spec.node_id, secret + 32, 1, NULL), HKP_OK);
    json_array_foreach(vec_get(manifests, "digests"), i, v) {
        char text[4096] = "";
        uint8_t expected[32], digest[32];
        json_array_foreach(vec_get(v, "loaded"), k, m) {
            strcat(text, json_string_value(m));
            strcat(text, " 16384 0 - Live 0x0000000000000000\n");
        }
        vec_hex_into(v, "modules", expected, 32);
        hkp_ter_modules_digest(&manifest, (const uint8_t *)text, strlen(text), digest);
        CHECK_MEM(digest, expected, 32);
    }
}

static void a_manifest_check_survives_an_allocator_that_fails(void) {
    json_t *v = json_array_get(vec_get(manifests, "check"), 0);
    struct vec_bytes bytes = vec_hex(v, "manifest");
    uint8_t secret[64], node_id[16];
    struct failing f = {.left = 0};
    struct hkp_mem mem = failing_mem(&f);
    struct hkp_ter_manifest manifest;
    vector_key(manifests, "policy_key_seed", secret);
    vec_hex_into(v, "node_id", node_id, 16);
    CHECK_EQ(hkp_ter_manifest_check(&manifest, bytes.ptr, bytes.len, node_id, secret + 32, 1, &mem),
             HKP_E_NOMEM);
    f.left = -1;
    CHECK_EQ(hkp_ter_manifest_check(&manifest, bytes.ptr, bytes.len, node_id, secret + 32, 1, &mem), HKP_OK);
    CHECK_EQ(f.live, 0);
    free(bytes.ptr);
}

int main(void) {
    file = vec_load("nz1/checkpoint.json");
    manifests = vec_load("nz1/manifest.json");
    CASE(every_check_of_a_checkpoint_agrees_with_the_vectors);
    CASE(checkpoints_are_made_again_byte_for_byte);
    CASE(a_checkpoint_is_begun_from_the_end_of_a_stream);
    CASE(a_new_holder_checks_the_checkpoint_of_enrol);
    CASE(every_check_of_a_manifest_agrees_with_the_vectors);
    CASE(manifests_are_made_again_byte_for_byte);
    CASE(the_builder_refuses_what_the_check_would);
    CASE(modules_that_are_not_allowed_make_the_digest);
    CASE(a_manifest_check_survives_an_allocator_that_fails);
    return check_done();
}
