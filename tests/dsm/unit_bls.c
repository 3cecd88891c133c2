/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * D-QC-3, D-QC-4: scheme 2 of certificates of votes. The bytes in bls.json come from another implementation
 * of the curve. What needs blst is skipped in a build without; what such a build must refuse is shown in it.
 */
#include "dsm_vectors.h"

#include <hookprobe/dsm/bls.h>
#include <sodium.h>

#include "libdsm/bls/bls.h"
#include "libdsm/objects/scheme.h"

enum { MEMBERS = 7 };

static struct fixture fx;
static struct hkp_dsm__valset set;
static struct member {
    struct hkp_dsm_seat seat;
    struct hkp_dsm_bls_key bls;
    uint8_t secret[64], bls_secret[32], share[96];
} members[MEMBERS];
static struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL};

static void load(void) {
    json_t *m;
    size_t i;
    fixture_load(&fx, "dsm/bls.json");
    vote.epoch = vec_u64(fx.file, "epoch");
    vote.view = vec_u64(fx.file, "view");
    vec_hex_into(fx.file, "digest", vote.digest, 32);
    json_array_foreach(vec_get(fx.file, "members"), i, m) {
        struct member *to = &members[i];
        uint8_t seed[32];
        vec_hex_into(m, "ed25519_seed", seed, 32);
        crypto_sign_seed_keypair(to->seat.key, to->secret, seed);
        vec_hex_into(m, "node_id", to->seat.node_id, 16);
        to->seat.group = (uint32_t)vec_u64(m, "group");
        vec_hex_into(m, "bls_secret", to->bls_secret, 32);
        to->bls.present = 1;
        vec_hex_into(m, "bls_key", to->bls.key, 48);
        vec_hex_into(m, "bls_proof", to->bls.proof, 96);
        vec_hex_into(m, "share", to->share, 96);
    }
}

static void use_set(const char *name) {
    struct vec_bytes body = vec_hex(fx.file, name);
    CHECK_EQ(hkp_dsm__valset_parse(body.ptr, body.len, &set), HKP_OK);
    free(body.ptr);
}

/* ---- in every build ---- */

static void a_set_with_bls_keys_is_read_and_written_again(void) {
    static const char *const names[] = {"valset_4", "valset_7", "valset_4_partial", "valset_4_list"};
    for (size_t i = 0; i < 4; i++) {
        struct vec_bytes body = vec_hex(fx.file, names[i]);
        const uint8_t *keys[HKP_DSM_MEMBERS_MAX];
        uint8_t again[HKP_DSM_VALSET_MAX];
        size_t len = 0;
        use_set(names[i]);
        CHECK_EQ(set.has_scheme2, i < 3);
        CHECK_EQ(hkp_dsm__valset_write(set.seats, hkp_dsm__valset_bls(&set, keys), set.n, set.epoch, again,
                                       sizeof again, &len),
                 HKP_OK);
        CHECK_EQ(len, body.len);
        if (len == body.len) CHECK_MEM(again, body.ptr, len);
        free(body.ptr);
    }
}

static void one_bls_key_under_two_seats_is_no_set(void) {
    struct vec_bytes body = vec_hex(fx.file, "valset_4_twice");
    memset(&set, 0xA5, sizeof set);
    CHECK_EQ(hkp_dsm__valset_parse(body.ptr, body.len, &set), HKP_E_DSM_SCHEMA);
    CHECK(is_untouched(&set, sizeof set));
    free(body.ptr);
    const uint8_t *keys[2] = {members[0].bls.key, members[0].bls.key};
    const struct hkp_dsm_seat seats[2] = {members[0].seat, members[1].seat};
    uint8_t out[HKP_DSM_VALSET_MAX];
    size_t len = 7;
    CHECK_EQ(hkp_dsm__valset_write(seats, keys, 2, 0, out, sizeof out, &len), HKP_E_DSM_SCHEMA);
    CHECK_EQ(len, 7);
}

/* R0 to R9 take scheme 1 alone, with or without blst. */
static void consensus_takes_no_certificate_of_scheme_2(void) {
    json_t *c;
    size_t i, seen = 0;
    json_array_foreach(vec_get(fx.file, "certs"), i, c) {
        struct vec_bytes in = vec_hex(c, "cert");
        struct hkp_dsm__cert cert;
        use_set(vec_text(c, "set"));
        CHECK_EQ(hkp_dsm__cert_parse(in.ptr, in.len, &cert), HKP_OK);
        if (cert.scheme == 2) {
            memset(&cert, 0xA5, sizeof cert);
            CHECK_EQ(hkp_dsm__cert_check(fx.chain_id, &set, in.ptr, in.len, &cert), HKP_E_DSM_SCHEME);
            CHECK(is_untouched(&cert, sizeof cert));
            seen++;
        }
        free(in.ptr);
    }
    CHECK(seen > 15);
}

static void a_list_is_taken_from_a_set_with_both_schemes(void) {
    uint8_t signature[4][64], out[HKP_DSM__VOTE_MAX], cert[HKP_DSM__CERT_MAX];
    const uint8_t *given[4] = {NULL};
    struct hkp_dsm_envelope e;
    struct hkp_dsm__vote v;
    struct hkp_dsm__cert c;
    size_t len = 0;
    use_set("valset_4");
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(hkp_dsm__vote_make(fx.chain_id, &vote, members[i].seat.node_id, members[i].secret, out,
                                    sizeof out, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__vote_open(&set, out, len, &e, &v), HKP_OK);
        memcpy(signature[i], e.signature, 64);
        given[i] = signature[i];
    }
    CHECK_EQ(hkp_dsm__cert_build(&set, &vote, given, cert, sizeof cert, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__cert_check_any(fx.chain_id, &set, cert, len, &c), HKP_OK);
    CHECK_EQ(c.scheme, 1);
    cert[1] = 2; /* D-QC-4: never labelled BLS */
    CHECK_EQ(hkp_dsm__cert_check_any(fx.chain_id, &set, cert, len, &c),
             hkp_dsm_bls_is_built() ? HKP_E_DSM_SIG_COUNT : HKP_E_DSM_SCHEME);
}

/* ---- with blst ---- */

static void keys_proofs_and_shares_are_those_of_the_vectors(void) {
    json_t *m;
    size_t i;
    json_array_foreach(vec_get(fx.file, "members"), i, m) {
        struct vec_bytes envelope = vec_hex(m, "envelope");
        uint8_t seed[32], secret[32], key[48], proof[96], out[HKP_DSM__SHARE_MAX];
        size_t len = 0;
        vec_hex_into(m, "bls_seed", seed, 32);
        CHECK_EQ(hkp_dsm_bls_keypair(seed, secret, key), HKP_OK);
        CHECK_MEM(secret, members[i].bls_secret, 32);
        CHECK_MEM(key, members[i].bls.key, 48);
        CHECK_EQ(hkp_dsm_bls_prove(secret, proof), HKP_OK);
        CHECK_MEM(proof, members[i].bls.proof, 96);
        CHECK_EQ(hkp_dsm__share_make(fx.chain_id, &vote, members[i].seat.node_id, members[i].secret, secret,
                                     out, sizeof out, &len),
                 HKP_OK);
        CHECK_EQ(len, envelope.len);
        if (len == envelope.len) CHECK_MEM(out, envelope.ptr, len);
        free(envelope.ptr);
    }
}

static void no_number_but_a_secret_signs(void) {
    static const uint8_t order[32] = {0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8,
                                      0x08, 0x09, 0xa1, 0xd8, 0x05, 0x53, 0xbd, 0xa4, 0x02, 0xff, 0xfe,
                                      0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01};
    static const uint8_t zero[32];
    uint8_t out[96];
    memset(out, 0xA5, sizeof out);
    CHECK_EQ(hkp_dsm_bls_prove(zero, out), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm_bls_prove(order, out), HKP_E_INVAL);
    CHECK_EQ(hkp_dsm__bls_sign(order, zero, 32, out), HKP_E_INVAL);
    CHECK(is_untouched(out, sizeof out));
}

static void a_key_is_believed_only_with_its_own_proof(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(fx.file, "keys_of_members"), i, c) {
        uint8_t key[48], proof[96];
        vec_hex_into(c, "key", key, 48);
        vec_hex_into(c, "proof", proof, 96);
        CHECK_VERDICT(hkp_dsm_bls_check(key, proof), c);
    }
    CHECK(i > 10);
}

static void shares_are_judged(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(fx.file, "shares"), i, c) {
        struct vec_bytes in = vec_hex(c, "envelope");
        struct hkp_dsm__vote v;
        uint8_t share[96];
        memset(&v, 0xA5, sizeof v);
        memset(share, 0xA5, sizeof share);
        use_set(vec_text(c, "set"));
        hkp_status st = hkp_dsm__share_check(fx.chain_id, &set, in.ptr, in.len, &v, share);
        CHECK_VERDICT(st, c);
        if (st == HKP_OK)
            CHECK_MEM(share, members[v.signer].share, 96);
        else
            CHECK(is_untouched(&v, sizeof v) && is_untouched(share, sizeof share));
        free(in.ptr);
    }
}

static void certificates_of_scheme_2_are_judged(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(fx.file, "certs"), i, c) {
        struct vec_bytes in = vec_hex(c, "cert");
        struct hkp_dsm__cert cert;
        memset(&cert, 0xA5, sizeof cert);
        use_set(vec_text(c, "set"));
        hkp_status st = hkp_dsm__cert_check_any(fx.chain_id, &set, in.ptr, in.len, &cert);
        CHECK_VERDICT(st, c);
        if (st == HKP_OK)
            CHECK_EQ(cert.n_signers, json_array_size(vec_get(c, "signers")));
        else
            CHECK(is_untouched(&cert, sizeof cert));
        free(in.ptr);
    }
}

static void shares_become_the_certificate_of_the_vectors(void) {
    json_t *c;
    size_t i, j, made = 0;
    json_array_foreach(vec_get(fx.file, "certs"), i, c) {
        if (strcmp(vec_text(c, "expect"), "ok") != 0 || strstr(vec_text(c, "name"), "rogue") != NULL)
            continue;
        struct vec_bytes in = vec_hex(c, "cert");
        const uint8_t *given[MEMBERS] = {NULL};
        uint8_t out[256];
        size_t len = 0;
        json_t *signer;
        use_set(vec_text(c, "set"));
        json_array_foreach(vec_get(c, "signers"), j, signer) {
            if (j + 1 == set.q)
                CHECK_EQ(hkp_dsm__cert_compact(&set, &vote, given, out, sizeof out, &len), HKP_E_DSM_QUORUM);
            given[vec_value_u64(signer)] = members[vec_value_u64(signer)].share;
        }
        CHECK_EQ(hkp_dsm__cert_compact(&set, &vote, given, out, sizeof out, &len), HKP_OK);
        CHECK_EQ(len, in.len);
        if (len == in.len) CHECK_MEM(out, in.ptr, len);
        free(in.ptr);
        made++;
    }
    CHECK_EQ(made, 4);
}

static void a_rogue_key_gets_into_no_set(void) {
    struct hkp_dsm_seat seats[4];
    struct hkp_dsm_bls_key keys[4];
    uint8_t out[HKP_DSM_VALSET_MAX];
    size_t len = 7;
    struct vec_bytes good = vec_hex(fx.file, "valset_4");
    for (size_t i = 0; i < 4; i++) seats[i] = members[i].seat, keys[i] = members[i].bls;
    CHECK_EQ(hkp_dsm_bls_valset_build(seats, keys, 4, vote.epoch, out, sizeof out, &len), HKP_OK);
    CHECK_EQ(len, good.len);
    if (len == good.len) CHECK_MEM(out, good.ptr, len);
    free(good.ptr);

    use_set("valset_4_rogue");
    memcpy(keys[3].key, set.bls[3], 48);
    len = 7;
    CHECK_EQ(hkp_dsm_bls_valset_build(seats, keys, 4, vote.epoch, out, sizeof out, &len), HKP_E_DSM_SIG);
    memcpy(keys[3].proof, keys[0].proof, 96);
    CHECK_EQ(hkp_dsm_bls_valset_build(seats, keys, 4, vote.epoch, out, sizeof out, &len), HKP_E_DSM_SIG);
    CHECK_EQ(len, 7);
}

/* A proof of one head under one checkpoint: the certificate is a list of all members of valset_7. */
static size_t long_proof(uint8_t *dst, size_t cap, struct hkp_dsm__vote *final, struct hkp_dsm_trust *trust) {
    static uint8_t header[HKP_DSM__HEADER_MAX], cert[HKP_DSM__CERT_MAX], leaf[HKP_DSM__LEAF_MAX];
    static uint8_t signature[MEMBERS][64], vote_bytes[HKP_DSM__VOTE_MAX];
    struct hkp_dsm__header h = {.epoch = vote.epoch, .view = vote.view, .height = 9, .n_heads = 1};
    const struct hkp_dsm__head head = {.node_id = {1}, .seq = 5, .id = {2}};
    const uint8_t *given[MEMBERS] = {NULL};
    struct hkp_dsm__vote v;
    struct hkp_dsm_view header_view = {header, 0}, cert_view = {cert, 0};
    size_t len = 0;
    struct hkp_dsm_envelope e;
    struct vec_bytes body = vec_hex(fx.file, "valset_7");
    use_set("valset_7");
    const size_t leaf_len = hkp_dsm__head_leaf(&head, leaf);
    hkp_dsm__merkle_leaf(h.heads_root, leaf, leaf_len);
    CHECK_EQ(hkp_dsm__header_build(&h, header, sizeof header, &header_view.len), HKP_OK);
    *final = vote;
    hkp_dsm__header_digest(final->digest, fx.chain_id, header, header_view.len);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        CHECK_EQ(hkp_dsm__vote_make(fx.chain_id, final, members[i].seat.node_id, members[i].secret,
                                    vote_bytes, sizeof vote_bytes, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__vote_open(&set, vote_bytes, len, &e, &v), HKP_OK);
        memcpy(signature[i], e.signature, 64);
        given[i] = signature[i];
    }
    CHECK_EQ(hkp_dsm__cert_build(&set, final, given, cert, sizeof cert, &cert_view.len), HKP_OK);
    *trust = (struct hkp_dsm_trust){.epoch = vote.epoch};
    memcpy(trust->valset_hash, set.hash, 32);
    const struct hkp_dsm__proof_parts parts = {.chain_id = fx.chain_id,
                                               .epoch = vote.epoch,
                                               .valset_hash = set.hash,
                                               .target = {.headers = &header_view,
                                                          .n_headers = 1,
                                                          .cert = cert_view,
                                                          .valset = {body.ptr, body.len}},
                                               .size = 1,
                                               .leaf = {leaf, leaf_len}};
    CHECK_EQ(hkp_dsm__proof_build(&parts, dst, cap, &len), HKP_OK);
    free(body.ptr);
    return len;
}

static void shares_make_a_proof_shorter_and_it_proves_the_same(void) {
    static uint8_t in[8192], out[8192], share[MEMBERS][HKP_DSM__SHARE_MAX];
    struct hkp_dsm_view shares[MEMBERS + 1];
    struct hkp_dsm__vote final;
    struct hkp_dsm_trust trust;
    struct hkp_dsm_proof a, b;
    size_t len = 7;
    const size_t in_len = long_proof(in, sizeof in, &final, &trust);
    for (size_t i = 0; i < MEMBERS; i++) {
        shares[i].ptr = share[i];
        CHECK_EQ(hkp_dsm__share_make(fx.chain_id, &final, members[i].seat.node_id, members[i].secret,
                                     members[i].bls_secret, share[i], sizeof share[i], &shares[i].len),
                 HKP_OK);
    }
    shares[MEMBERS] = (struct hkp_dsm_view){in, 20}; /* no share at all */
    CHECK_EQ(hkp_dsm_bls_compact(in, in_len, fx.chain_id, &trust, shares, 4, out, sizeof out, &len),
             HKP_E_DSM_QUORUM);
    CHECK_EQ(len, 7);
    CHECK_EQ(hkp_dsm_bls_compact(in, in_len, fx.chain_id, &trust, shares + 2, MEMBERS - 1, out, in_len, &len),
             HKP_OK);
    CHECK(len + 300 < in_len);
    CHECK_EQ(hkp_dsm_proof_verify(in, in_len, fx.chain_id, &trust, 1, 0, &a), HKP_OK);
    CHECK_EQ(hkp_dsm_proof_verify(out, len, fx.chain_id, &trust, 1, 0, &b), HKP_OK);
    CHECK_MEM(a.digest, b.digest, 32);
    CHECK_EQ(a.leaf.len, b.leaf.len);
    CHECK_EQ(a.signers, MEMBERS);
    CHECK_EQ(b.signers, MEMBERS - 2); /* the shares that were given */
    CHECK_EQ(hkp_dsm_bls_compact(out, len, fx.chain_id, &trust, shares, MEMBERS, in, sizeof in, &len),
             HKP_E_DSM_QUORUM); /* no list left */
    out[len - 1] ^= 1;
    CHECK(hkp_dsm_proof_verify(out, len, fx.chain_id, &trust, 1, 0, &b) != HKP_OK);
}

/* ---- without ---- */

static void a_build_without_blst_has_no_scheme_2(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(fx.file, "certs"), i, c) {
        struct vec_bytes in = vec_hex(c, "cert");
        struct hkp_dsm__cert cert;
        use_set(vec_text(c, "set"));
        CHECK_EQ(hkp_dsm__cert_parse(in.ptr, in.len, &cert), HKP_OK);
        if (cert.scheme != 1)
            CHECK_EQ(hkp_dsm__cert_check_any(fx.chain_id, &set, in.ptr, in.len, &cert), HKP_E_DSM_SCHEME);
        free(in.ptr);
    }
    struct vec_bytes share = vec_hex(json_array_get(vec_get(fx.file, "shares"), 0), "envelope");
    const uint8_t *given[4] = {members[0].share, members[1].share, members[2].share, NULL};
    uint8_t out[256];
    size_t len = 7;
    struct hkp_dsm__vote v;
    use_set("valset_4");
    CHECK_EQ(hkp_dsm__share_check(fx.chain_id, &set, share.ptr, share.len, &v, NULL), HKP_E_DSM_SCHEME);
    CHECK_EQ(hkp_dsm__cert_compact(&set, &vote, given, out, sizeof out, &len), HKP_E_DSM_SCHEME);
    CHECK_EQ(len, 7);
    free(share.ptr);
}

static void a_build_without_blst_makes_and_believes_no_key(void) {
    uint8_t out[HKP_DSM_VALSET_MAX];
    size_t len = 7;
    struct hkp_dsm_seat seats[1] = {members[0].seat};
    struct hkp_dsm_bls_key keys[1] = {members[0].bls};
    CHECK_EQ(hkp_dsm_bls_keypair(members[0].bls_secret, out, out + 32), HKP_E_UNSUPPORTED);
    CHECK_EQ(hkp_dsm_bls_prove(members[0].bls_secret, out), HKP_E_UNSUPPORTED);
    CHECK_EQ(hkp_dsm_bls_check(keys[0].key, keys[0].proof), HKP_E_UNSUPPORTED);
    CHECK_EQ(hkp_dsm_bls_valset_build(seats, keys, 1, 0, out, sizeof out, &len), HKP_E_UNSUPPORTED);
    CHECK_EQ(hkp_dsm__share_make(fx.chain_id, &vote, members[0].seat.node_id, members[0].secret,
                                 members[0].bls_secret, out, sizeof out, &len),
             HKP_E_UNSUPPORTED);
    CHECK_EQ(
        hkp_dsm_bls_compact(out, 0, fx.chain_id, &(struct hkp_dsm_trust){0}, NULL, 0, out, sizeof out, &len),
        HKP_E_UNSUPPORTED);
    CHECK_EQ(len, 7);
}

/* Decision 0572: the bytes are those of HMAC-SHA256 and of KeyGen, and no key of another node comes out. */
static void the_key_of_a_node_follows_from_its_seed(void) {
    static const uint8_t info[] = "HKP1 bls\x01";
    uint8_t seed[32] = {7}, material[32], secret[32], other[32], key[48], same[48];
    crypto_auth_hmacsha256(material, info, 9, seed);
    CHECK_EQ(hkp_dsm_bls_keypair(material, other, same), HKP_OK);
    CHECK_EQ(hkp_dsm_bls_of_node(seed, secret, key), HKP_OK);
    CHECK_MEM(secret, other, 32);
    CHECK_MEM(key, same, 48);
    seed[31] = 1;
    CHECK_EQ(hkp_dsm_bls_of_node(seed, other, same), HKP_OK);
    CHECK(memcmp(key, same, 48) != 0);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    const int have = (int)hkp_dsm_bls_is_built();
    load();
    CASE(a_set_with_bls_keys_is_read_and_written_again);
    CASE(one_bls_key_under_two_seats_is_no_set);
    CASE(consensus_takes_no_certificate_of_scheme_2);
    CASE(a_list_is_taken_from_a_set_with_both_schemes);
    CASE_IF(have, "blst", keys_proofs_and_shares_are_those_of_the_vectors);
    CASE_IF(have, "blst", the_key_of_a_node_follows_from_its_seed);
    CASE_IF(have, "blst", no_number_but_a_secret_signs);
    CASE_IF(have, "blst", a_key_is_believed_only_with_its_own_proof);
    CASE_IF(have, "blst", shares_are_judged);
    CASE_IF(have, "blst", certificates_of_scheme_2_are_judged);
    CASE_IF(have, "blst", shares_become_the_certificate_of_the_vectors);
    CASE_IF(have, "blst", a_rogue_key_gets_into_no_set);
    CASE_IF(have, "blst", shares_make_a_proof_shorter_and_it_proves_the_same);
    CASE_IF(!have, "a build without blst", a_build_without_blst_has_no_scheme_2);
    CASE_IF(!have, "a build without blst", a_build_without_blst_makes_and_believes_no_key);
    return check_done();
}
