/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-SYN-1, D-SYN-5, D-SYN-6: proofs of finality. */
#include "dsm_vectors.h"

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

int main(void) {
    CASE(light_proofs);
    CASE(portable_proofs);
    return check_done();
}
