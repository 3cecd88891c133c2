/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-CKP, D-SMX-1 to D-SMX-6, D-QC, D-EPO-6: headers, sets, leaders, roots, times, votes, restarts. */
#include "dsm_vectors.h"

#include <sodium.h>

static struct fixture fx;
static struct hkp_dsm__valset set;

static void headers(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/checkpoint.json");
    json_array_foreach(vec_get(fx.file, "headers"), i, c) {
        struct vec_bytes in = vec_hex(c, "header");
        struct hkp_dsm__header h;
        memset(&h, 0xA5, sizeof h);
        hkp_status st = hkp_dsm__header_parse(fx.chain_id, in.ptr, in.len, &h);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&h, sizeof h));
        } else {
            uint8_t digest[32], again[HKP_DSM__HEADER_MAX];
            size_t len = 0;
            vec_hex_into(c, "digest", digest, 32);
            CHECK_MEM(h.digest, digest, 32);
            CHECK_EQ(hkp_dsm__header_build(&h, again, sizeof again, &len), HKP_OK);
            CHECK_EQ(len, in.len);
            if (len == in.len) CHECK_MEM(again, in.ptr, len);
        }
        free(in.ptr);
    }
}

static void valsets(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(fx.file, "valsets"), i, c) {
        struct vec_bytes in = vec_hex(c, "valset");
        memset(&set, 0xA5, sizeof set);
        hkp_status st = hkp_dsm__valset_parse(in.ptr, in.len, &set);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&set, sizeof set));
        } else {
            uint8_t hash[32], again[HKP_DSM_VALSET_MAX];
            size_t len = 0;
            vec_hex_into(c, "hash", hash, 32);
            CHECK_MEM(set.hash, hash, 32);
            CHECK_EQ(hkp_dsm_valset_build(set.seats, set.n, set.epoch, again, sizeof again, &len), HKP_OK);
            if (!set.has_scheme2) CHECK_EQ(len, in.len);
            if (len == in.len) CHECK_MEM(again, in.ptr, len);
            for (uint32_t k = 0; k < set.n; k++)
                CHECK_EQ(hkp_dsm__valset_index(&set, set.seats[k].node_id), k);
            CHECK_EQ(hkp_dsm__valset_index(&set, hkp_dsm__zeros), -1);
        }
        free(in.ptr);
    }
}

static void leaders_and_quorums(void) {
    json_t *c, *id;
    size_t i, j;
    json_array_foreach(vec_get(fx.file, "leaders"), i, c) {
        uint8_t boundary[32], perm[HKP_DSM_MEMBERS_MAX];
        vec_hex_into(c, "boundary", boundary, 32);
        set.n = (uint32_t)json_array_size(vec_get(c, "ids"));
        json_array_foreach(vec_get(c, "ids"), j, id) {
            struct vec_bytes node = vec_value_hex(id);
            memcpy(set.seats[j].node_id, node.ptr, 16);
            free(node.ptr);
        }
        hkp_dsm__leaders(&set, boundary, perm);
        for (j = 0; j < set.n; j++) CHECK_EQ(perm[j], vec_value_u64(json_array_get(vec_get(c, "order"), j)));
    }
    json_array_foreach(vec_get(fx.file, "quorums"), i, c) {
        uint32_t f, q;
        hkp_dsm__quorum((uint32_t)vec_u64(c, "n"), &f, &q);
        CHECK_EQ(f, vec_u64(c, "f"));
        CHECK_EQ(q, vec_u64(c, "q"));
    }
}

/* D-SMX-3. */
static void no_group_holds_more_than_f_seats(void) {
    set.n = 4;
    set.f = 1;
    for (uint32_t i = 0; i < 4; i++) set.seats[i].group = i + 1;
    CHECK(hkp_dsm__valset_groups_ok(&set, 0));
    set.seats[3].group = 1;
    CHECK(!hkp_dsm__valset_groups_ok(&set, 0));
    CHECK(hkp_dsm__valset_groups_ok(&set, 1));
    set.n = 3;
    set.f = 0;
    CHECK(hkp_dsm__valset_groups_ok(&set, 0));
}

static void header_times(void) {
    json_t *c, *peer;
    size_t i, j;
    json_array_foreach(vec_get(fx.file, "header_valid"), i, c) {
        CHECK_EQ(
            hkp_dsm__header_time_ok(vec_u64(c, "time_ms"), vec_u64(c, "parent_ms"), vec_u64(c, "local_ms")),
            vec_bool(c, "valid"));
    }
    json_array_foreach(vec_get(fx.file, "header_time"), i, c) {
        uint64_t clocks[16] = {vec_u64(c, "wall_ms")};
        size_t n = 1;
        json_array_foreach(vec_get(c, "peer_ms"), j, peer) clocks[n++] = vec_value_u64(peer);
        const uint64_t median = hkp_dsm__median(clocks, n);
        CHECK_EQ(hkp_dsm__header_time(vec_u64(c, "wall_ms"), vec_u64(c, "parent_ms"), median,
                                      vec_bool(c, "nullified")),
                 vec_u64(c, "time_ms"));
    }
}

static void the_three_roots(void) {
    json_t *c, *each;
    size_t i, j;
    uint8_t want[32], got[32], leaf[HKP_DSM__LEAF_MAX];
    json_array_foreach(vec_get(fx.file, "heads"), i, c) {
        struct hkp_dsm__merkle m = {.size = 0};
        json_array_foreach(vec_get(c, "heads"), j, each) {
            struct vec_bytes node = vec_value_hex(json_array_get(each, 0)),
                             id = vec_value_hex(json_array_get(each, 2));
            struct hkp_dsm__head head = {.seq = vec_value_u64(json_array_get(each, 1)),
                                         .status = (uint32_t)vec_value_u64(json_array_get(each, 3))};
            struct hkp_dsm__head again;
            memcpy(head.node_id, node.ptr, 16);
            memcpy(head.id, id.ptr, 32);
            const size_t len = hkp_dsm__head_leaf(&head, leaf);
            CHECK_EQ(hkp_dsm__head_leaf_parse(leaf, len, &again), HKP_OK);
            CHECK_MEM(&again, &head, sizeof head);
            hkp_dsm__merkle_leaf(got, leaf, len);
            hkp_dsm__merkle_add(&m, got);
            free(node.ptr);
            free(id.ptr);
        }
        vec_hex_into(c, "root", want, 32);
        hkp_dsm__merkle_root(&m, got);
        CHECK_MEM(got, want, 32);
    }
    json_array_foreach(vec_get(fx.file, "blocks"), i, c) {
        struct hkp_dsm__merkle m = {.size = 0};
        json_array_foreach(vec_get(c, "ids"), j, each) {
            struct vec_bytes id = vec_value_hex(each);
            hkp_dsm__merkle_leaf(got, id.ptr, id.len);
            hkp_dsm__merkle_add(&m, got);
            free(id.ptr);
        }
        vec_hex_into(c, "root", want, 32);
        hkp_dsm__merkle_root(&m, got);
        CHECK_MEM(got, want, 32);
    }
}

/* Ops go through a body: written, read back, and their root taken from it. */
static void ops_root_of_a_body(void) {
    json_t *c, *each;
    size_t i, j;
    json_array_foreach(vec_get(fx.file, "ops"), i, c) {
        struct vec_bytes bytes[64];
        struct hkp_dsm_view ops[64];
        struct hkp_dsm__head heads[2] = {{.node_id = {1}, .seq = 3}, {.node_id = {2}, .seq = 9}}, got_head;
        struct hkp_dsm__body body;
        uint8_t out[65536], want[32], got[32];
        size_t n = 0, len = 0;
        json_array_foreach(vec_get(c, "ops"), j, each) {
            bytes[n] = vec_value_hex(each);
            ops[n] = (struct hkp_dsm_view){bytes[n].ptr, bytes[n].len};
            n++;
        }
        CHECK_EQ(hkp_dsm__body_build(heads, 2, ops, n, out, sizeof out, &len), HKP_OK);
        CHECK_EQ(hkp_dsm__body_parse(out, len, &body), HKP_OK);
        CHECK_EQ(body.n_heads, 2);
        CHECK_EQ(body.n_ops, n);
        for (j = 0; j < 2; j++) {
            hkp_dsm__body_head(&body.heads, &got_head);
            CHECK_MEM(&got_head, &heads[j], sizeof got_head);
        }
        hkp_dsm__ops_root(&body, got);
        vec_hex_into(c, "root", want, 32);
        CHECK_MEM(got, want, 32);
        heads[1].node_id[0] = 1;
        CHECK_EQ(hkp_dsm__body_build(heads, 2, ops, n, out, sizeof out, &len), HKP_E_DSM_SCHEMA);
        for (j = 0; j < n; j++) free(bytes[j].ptr);
    }
}

/* The certificate is built again from its signatures. */
static void check_rebuild(const struct vec_bytes *in, const struct hkp_dsm__cert *cert) {
    const uint8_t *signatures[HKP_DSM_MEMBERS_MAX] = {NULL}, *next = cert->signatures.ptr;
    uint8_t again[HKP_DSM__CERT_MAX];
    size_t len = 0;
    struct hkp_dsm__vote vote = {.kind = (uint32_t)cert->kind, .epoch = cert->epoch, .view = cert->view};
    memcpy(vote.digest, cert->digest, 32);
    for (uint32_t i = 0; i < set.n; i++)
        if (hkp_dsm__cert_signed(cert, i)) {
            signatures[i] = next;
            next += 64;
        }
    CHECK_EQ(hkp_dsm__cert_build(&set, &vote, signatures, again, sizeof again, &len), HKP_OK);
    CHECK_EQ(len, in->len);
    if (len == in->len) CHECK_MEM(again, in->ptr, len);
}

static void quorum_certs(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/quorum_cert.json");
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "cert");
        struct vec_bytes body = vec_hex(fx.file, vec_u64(c, "n") == 4 ? "valset_4" : "valset_7");
        struct hkp_dsm__cert cert;
        CHECK_EQ(hkp_dsm__valset_parse(body.ptr, body.len, &set), HKP_OK);
        memset(&cert, 0xA5, sizeof cert);
        hkp_status st = hkp_dsm__cert_check(fx.chain_id, &set, in.ptr, in.len, &cert);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&cert, sizeof cert));
        } else {
            json_t *signers = vec_get(c, "signers");
            CHECK_EQ(cert.n_signers, json_array_size(signers));
            for (size_t j = 0; j < json_array_size(signers); j++)
                CHECK(hkp_dsm__cert_signed(&cert, (uint32_t)vec_value_u64(json_array_get(signers, j))));
            check_rebuild(&in, &cert);
        }
        free(in.ptr);
        free(body.ptr);
    }
}

static void votes_become_a_cert(void) {
    uint8_t secret[4][64], signatures[4][64], chain_id[32] = {5}, out[HKP_DSM__VOTE_MAX],
                                              cert[HKP_DSM__CERT_MAX];
    const uint8_t *given[4] = {NULL};
    size_t len = 0;
    struct hkp_dsm__vote vote = {.kind = HKP_DSM_KIND_FINAL, .epoch = 3, .view = 9, .digest = {1}}, got;
    struct hkp_dsm_envelope e;
    struct hkp_dsm__cert c;
    set = (struct hkp_dsm__valset){.epoch = 3, .n = 4, .f = 1, .q = 3};
    for (uint8_t i = 0; i < 4; i++) {
        uint8_t seed[32] = {i};
        CHECK_EQ(crypto_sign_seed_keypair(set.seats[i].key, secret[i], seed), 0);
        set.seats[i].node_id[0] = (uint8_t)(i + 1);
    }
    for (uint32_t i = 1; i < 4; i++) {
        CHECK_EQ(hkp_dsm__vote_make(chain_id, &vote, set.seats[i].node_id, secret[i], out, sizeof out, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__vote_open(&set, out, len, &e, &got), HKP_OK);
        CHECK_EQ(hkp_dsm_envelope_verify(chain_id, &e, set.seats[i].key), HKP_OK);
        memcpy(signatures[i], e.signature, 64);
        CHECK_EQ(got.signer, i);
        CHECK_EQ(got.view, 9);
        CHECK_EQ(hkp_dsm__cert_build(&set, &vote, given, cert, sizeof cert, &len), HKP_E_DSM_QUORUM);
        given[i] = signatures[i];
    }
    CHECK_EQ(hkp_dsm__cert_build(&set, &vote, given, cert, sizeof cert, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__cert_check(chain_id, &set, cert, len, &c), HKP_OK);
    set.epoch = 4;
    CHECK_EQ(hkp_dsm__cert_check(chain_id, &set, cert, len, &c), HKP_E_DSM_EPOCH);
    vote.kind = HKP_DSM_KIND_NULL;
    CHECK_EQ(hkp_dsm__vote_make(chain_id, &vote, chain_id, secret[0], out, sizeof out, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__vote_open(&set, out, len, &e, &got), HKP_E_DSM_EPOCH);
    CHECK_EQ(got.epoch, 3);
    vote.epoch = 4;
    CHECK_EQ(hkp_dsm__vote_make(chain_id, &vote, set.seats[1].node_id, secret[0], out, sizeof out, &len),
             HKP_OK);
    CHECK_EQ(hkp_dsm__vote_open(&set, out, len, &e, &got), HKP_OK);
    CHECK_EQ(got.signer, 1);
    CHECK_EQ(hkp_dsm_envelope_verify(chain_id, &e, set.seats[1].key), HKP_E_DSM_SIG);
    CHECK_EQ(hkp_dsm__vote_make(chain_id, &vote, chain_id, secret[0], out, sizeof out, &len), HKP_OK);
    CHECK_EQ(hkp_dsm__vote_open(&set, out, len, &e, &got), HKP_E_DSM_SIGNER);
}

static void restarts(void) {
    json_t *c;
    size_t i;
    fixture_load(&fx, "dsm/restart.json");
    struct vec_bytes body = vec_hex(fx.file, "valset");
    CHECK_EQ(hkp_dsm__valset_parse(body.ptr, body.len, &set), HKP_OK);
    json_array_foreach(vec_get(fx.file, "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "restart");
        struct hkp_dsm__restart restart;
        uint64_t held_height = 0;
        uint8_t held[32] = {0};
        if (vec_find(c, "held") != NULL) {
            struct vec_bytes digest = vec_value_hex(json_array_get(vec_get(c, "held"), 1));
            held_height = vec_value_u64(json_array_get(vec_get(c, "held"), 0));
            memcpy(held, digest.ptr, 32);
            free(digest.ptr);
        }
        memset(&restart, 0xA5, sizeof restart);
        hkp_status st = hkp_dsm__restart_check(in.ptr, in.len, fx.chain_id, &fx.officers, &set, held_height,
                                               held, &restart);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) {
            CHECK(is_untouched(&restart, sizeof restart));
        } else {
            uint8_t genesis[32];
            vec_hex_into(c, "genesis", genesis, 32);
            CHECK_MEM(restart.genesis, genesis, 32);
            CHECK_EQ(restart.next_height, vec_u64(c, "next_height"));
        }
        free(in.ptr);
    }
    free(body.ptr);
}

/* There is no epoch + 2 behind the last epochs. */
static void a_restart_of_the_last_epoch_has_no_set(void) {
    struct hkp_dsm_seat seat = {.node_id = {1}, .key = {2}, .group = 1};
    const uint8_t chain_id[32] = {7};
    for (uint64_t next = 0; next < 3; next++) {
        struct hkp_dsm__header h = {.epoch = UINT64_MAX - 1 + next % 2, .view = 1, .height = 1};
        struct hkp_dsm__restart restart;
        uint8_t header[HKP_DSM__HEADER_MAX], valset[256], body[1024];
        struct hkp_dsm_view header_view = {header, 0}, none = {header, 0}, valset_view = {valset, 0},
                            body_view = {body, 0};
        if (next == 2) h.epoch = 0;
        CHECK_EQ(hkp_dsm__header_build(&h, header, sizeof header, &header_view.len), HKP_OK);
        CHECK_EQ(hkp_dsm_valset_build(&seat, 1, next, valset, sizeof valset, &valset_view.len), HKP_OK);
        CHECK_EQ(hkp_dsm__restart_build(h.epoch, &header_view, 1, &none, &valset_view, body, sizeof body,
                                        &body_view.len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__restart_open(chain_id, &body_view, &restart), next == 2 ? HKP_OK : HKP_E_DSM_EPOCH);
    }
}

int main(void) {
    CASE(headers);
    CASE(valsets);
    CASE(leaders_and_quorums);
    CASE(no_group_holds_more_than_f_seats);
    CASE(header_times);
    CASE(the_three_roots);
    CASE(ops_root_of_a_body);
    CASE(quorum_certs);
    CASE(votes_become_a_cert);
    CASE(restarts);
    CASE(a_restart_of_the_last_epoch_has_no_set);
    return check_done();
}
