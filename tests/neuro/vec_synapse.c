/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors of resonance, collective entropy, messages and sealing (SYN-3 to SYN-6). */
#include "libneuro/gf256.h"
#include "libneuro/message.h"
#include "synapse_support.h"

/* ---- resonance */

static void synaptic_of(struct hkp_neuro_synaptic *s, const uint8_t bytes[256]) {
    struct hkp_neuro_synaptic_expect expect = {.peer_role = bytes[2], .epoch = hkp_be32(bytes + 180)};
    memcpy(expect.peer_id, bytes + 32, 16);
    CHECK_EQ(hkp_neuro_synaptic_check(s, bytes, 256, &expect), HKP_OK);
}

static void states_decode_and_encode_to_the_same_bytes(void) {
    json_t *v = vec_load("synapse/resonance.json"), *o;
    size_t i;
    json_array_foreach(vec_get(v, "states"), i, o) {
        struct vec_bytes b = vec_value_hex(o);
        struct hkp_neuro_synaptic s;
        uint8_t again[256];
        synaptic_of(&s, b.ptr);
        hkp_neuro_synaptic_encode(&s, again);
        CHECK_MEM(again, b.ptr, 256);
        free(b.ptr);
    }
}

static void w_commit_and_exporter_values_are_those_of_the_vectors(void) {
    json_t *v = vec_load("synapse/resonance.json"), *o;
    uint8_t exporter[32], want[32], k_bind[32], k_res[32], w_commit[32];
    size_t i;
    vec_hex_into(v, "exporter", exporter, 32);
    export_32(exporter, "NSE1 bind", NULL, 0, k_bind);
    vec_hex_into(v, "k_bind", want, 32);
    CHECK_MEM(k_bind, want, 32);
    export_32(exporter, "NSE1 resonance", NULL, 0, k_res);
    vec_hex_into(v, "k_res", want, 32);
    CHECK_MEM(k_res, want, 32);
    json_array_foreach(vec_get(v, "F"), i, o) {
        struct vec_bytes f = vec_value_hex(o), b = vec_value_hex(json_array_get(vec_get(v, "states"), i));
        struct hkp_neuro_synaptic s;
        synaptic_of(&s, b.ptr);
        hkp_neuro_synaptic_commit(f.ptr, k_bind, s.node_id, s.ck_index, w_commit);
        CHECK_MEM(w_commit, s.w_commit, 32);
        free(f.ptr);
        free(b.ptr);
    }
}

static void states_are_checked_in_the_order_of_the_text(void) {
    json_t *v = vec_load("synapse/resonance.json"), *o;
    struct vec_bytes first = vec_value_hex(json_array_get(vec_get(v, "states"), 0));
    size_t i;
    json_array_foreach(vec_get(v, "state_cases"), i, o) {
        const int before = check_faults;
        struct hkp_neuro_synaptic_expect expect = {.epoch = hkp_be32(first.ptr + 180)};
        struct hkp_neuro_synaptic s, untouched;
        struct vec_bytes b = vec_hex(o, "state");
        expect.peer_role = vec_u64(o, "my_role") == HKP_NEURO_ROLE_V ? HKP_NEURO_ROLE_E : HKP_NEURO_ROLE_V;
        vec_hex_into(o, "peer", expect.peer_id, 16);
        memset(&s, 0x5A, sizeof s);
        untouched = s;
        const hkp_status st = hkp_neuro_synaptic_check(&s, b.ptr, b.len, &expect);
        check_expect(st, o);
        if (st != HKP_OK) CHECK_MEM(&s, &untouched, sizeof s);
        free(b.ptr);
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
    free(first.ptr);
}

/* The provider of HTP-18.1 stands for PoSF in the vectors. */
static void vector_posf(const uint8_t psk[32], const uint8_t m[32], const uint8_t n[8], uint8_t posf[32]) {
    uint8_t text[12 + 1 + 32 + 8];
    memcpy(text, "vector posf", 12);
    text[12] = HKP_NEURO_ROLE_E;
    memcpy(text + 13, m, 32);
    memcpy(text + 45, n, 8);
    crypto_auth_hmacsha256(posf, text, sizeof text, psk);
}

static void proofs_are_made_and_judged_as_in_the_vectors(void) {
    json_t *v = vec_load("synapse/resonance.json"), *o;
    struct vec_bytes e = vec_value_hex(json_array_get(vec_get(v, "states"), 0));
    struct vec_bytes s = vec_value_hex(json_array_get(vec_get(v, "states"), 1));
    uint8_t k_res[32], hash[32], posf[32], made[80];
    size_t i;
    vec_hex_into(v, "k_res", k_res, 32);
    json_array_foreach(vec_get(v, "proof_cases"), i, o) {
        const int before = check_faults;
        struct vec_bytes b = vec_hex(o, "proof"), first = vec_hex(o, "first");
        const uint32_t step = (uint32_t)vec_u64(o, "step");
        const uint8_t *const earlier = first.len > 0 ? first.ptr : NULL;
        struct hkp_neuro_resonance_proof proof;
        hkp_status st =
            hkp_neuro_resonance_proof_check(&proof, b.ptr, b.len, step, k_res, e.ptr, s.ptr, earlier);
        if (st == HKP_OK && vec_find(o, "psk") != NULL) {
            struct vec_bytes psk = vec_hex(o, "psk");
            hkp_neuro_resonance_posf_hash(b.ptr, hash);
            vector_posf(psk.ptr, hash, b.ptr + 16, posf);
            if (memcmp(posf, proof.posf, 32) != 0) st = HKP_E_NEURO_SYN_POSF;
            free(psk.ptr);
        }
        check_expect(st, o);
        if (st == HKP_OK) {
            hkp_neuro_resonance_proof_make(&proof, k_res, e.ptr, s.ptr, earlier, made);
            CHECK_MEM(made, b.ptr, 48);
        }
        free(b.ptr);
        free(first.ptr);
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
    free(e.ptr);
    free(s.ptr);
}

static void the_worse_verdict_is_that_of_the_pair(void) {
    json_t *o;
    size_t i;
    json_array_foreach(vec_get(vec_load("synapse/resonance.json"), "pair"), i, o) CHECK_EQ(
        hkp_neuro_resonance_pair((uint32_t)vec_u64(o, "a"), (uint32_t)vec_u64(o, "b")), vec_u64(o, "pair"));
}

/* ---- collective entropy */

static size_t put_body(uint8_t *dst, uint32_t epoch, const uint8_t value[32]) {
    static const uint8_t head[5] = {0xA3, 0x00, 0x01, 0x01, 0x1A};
    memcpy(dst, head, 5);
    hkp_put_be32(dst + 5, epoch);
    memcpy(dst + 9, "\x02\x58\x20", 3);
    memcpy(dst + 12, value, 32);
    return 44;
}

/* D-SIG-2 over a body of SYN-4.3. */
static int signed_by(const uint8_t key[32], uint8_t kind, const uint8_t chain[32], const uint8_t node[16],
                     uint32_t epoch, const uint8_t value[32], const uint8_t sig[64]) {
    uint8_t text[9 + 2 + 32 + 16 + 44];
    memcpy(text, "HKP1 sig", 9);
    text[9] = 0;
    text[10] = kind;
    memcpy(text + 11, chain, 32);
    memcpy(text + 43, node, 16);
    const size_t len = 59 + put_body(text + 59, epoch, value);
    return crypto_sign_verify_detached(sig, text, len, key) == 0;
}

/* The vectors name a node's group by the form that its id has in the language of the model: bytes in quotes.
 */
static int group_named(const char *text, const uint8_t id[16]) {
    const char *p = text + 2;
    for (int i = 0; i < 16; i++) {
        unsigned value = 0;
        if (p[0] == '\\' && p[1] == 'x') {
            if (sscanf(p + 2, "%2x", &value) != 1) return 0;
            p += 4;
        } else if (p[0] == '\\') {
            value = p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : p[1] == 'r' ? '\r' : (unsigned char)p[1];
            p += 2;
        } else {
            value = (unsigned char)*p++;
        }
        if (value != id[i]) return 0;
    }
    return 1;
}

static size_t rows_of(json_t *v, json_t *o, struct hkp_neuro_ce_row *rows) {
    uint8_t chain[32], commitment[32];
    const uint32_t epoch = (uint32_t)vec_u64(v, "epoch");
    size_t i, n = json_array_size(vec_get(o, "rows"));
    json_t *r, *g;
    vec_hex_into(v, "chain_id", chain, 32);
    json_array_foreach(vec_get(o, "rows"), i, r) {
        struct vec_bytes part[4];
        const char *id = json_string_value(json_array_get(r, 0)), *name;
        for (size_t k = 0; k < 4; k++) part[k] = vec_value_hex(json_array_get(r, k));
        memset(&rows[i], 0, sizeof rows[i]);
        memcpy(rows[i].node_id, part[0].ptr, 16);
        memcpy(rows[i].share, part[1].ptr, 32);
        memcpy(rows[i].commit_sig, part[2].ptr, 64);
        memcpy(rows[i].reveal_sig, part[3].ptr, 64);
        json_object_foreach(vec_get(o, "groups"), name, g) if (group_named(name, rows[i].node_id)) rows[i]
            .group = (uint32_t)vec_value_u64(g);
        json_t *key = json_object_get(vec_get(v, "keys"), id);
        rows[i].certified = key != NULL;
        if (key != NULL) {
            struct vec_bytes k = vec_value_hex(key);
            hkp_neuro_ce_commitment(chain, epoch, rows[i].node_id, rows[i].share, commitment);
            rows[i].signatures =
                signed_by(k.ptr, 21, chain, rows[i].node_id, epoch, commitment, rows[i].commit_sig) &&
                signed_by(k.ptr, 22, chain, rows[i].node_id, epoch, rows[i].share, rows[i].reveal_sig);
            free(k.ptr);
        }
        for (size_t k = 0; k < 4; k++) free(part[k].ptr);
    }
    return n;
}

static void a_share_is_that_of_the_vectors(void) {
    json_t *s = vec_get(vec_load("synapse/entropy.json"), "share");
    uint8_t r[32], h[32], want[32], share[32];
    vec_hex_into(s, "r", r, 32);
    vec_hex_into(s, "h_entropy", h, 32);
    vec_hex_into(s, "E", want, 32);
    hkp_neuro_ce_share(r, h, share);
    CHECK_MEM(share, want, 32);
}

static void bundles_are_judged_as_in_the_vectors(void) {
    json_t *v = vec_load("synapse/entropy.json"), *o;
    const uint32_t epoch = (uint32_t)vec_u64(v, "epoch");
    uint8_t chain[32], want[32], object_id[32] = {1};
    size_t i;
    vec_hex_into(v, "chain_id", chain, 32);
    json_array_foreach(vec_get(v, "cases"), i, o) {
        const int before = check_faults;
        struct hkp_neuro_ce_row rows[64];
        struct hkp_neuro_ce_book book = {0}, empty = {0};
        int32_t changed = 0;
        const size_t n = rows_of(v, o, rows);
        const hkp_status st =
            hkp_neuro_ce_adopt(&book, chain, epoch + 1, epoch, object_id, rows, n, &changed);
        check_expect(st, o);
        if (st == HKP_OK) {
            CHECK_EQ(changed, 1);
            vec_hex_into(o, "ce", want, 32);
            CHECK_MEM(book.held[0].ce, want, 32);
            vec_hex_into(v, "ce", want, 32);
            CHECK_MEM(book.held[0].ce, want, 32);
            vec_hex_into(v, "ce_check", want, 32);
            CHECK_MEM(book.held[0].check, want, 32);
            vec_hex_into(v, "ce_id", want, 8);
            CHECK(hkp_neuro_ce_find(&book, want) == &book.held[0]);
        } else {
            CHECK_MEM(&book, &empty, sizeof book);
        }
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
}

/* ---- messages */

static void message_line(struct hkp_neuro__line *line, json_t *v, int receiver) {
    struct hkp_neuro_synaptic s[2];
    uint8_t exporter[32], context[36], root[32], want[32];
    for (size_t i = 0; i < 2; i++) {
        struct vec_bytes b = vec_value_hex(json_array_get(vec_get(v, "states"), i));
        synaptic_of(&s[i], b.ptr);
        free(b.ptr);
    }
    memset(line, 0, sizeof *line);
    vec_hex_into(v, "exporter", exporter, 32);
    vec_hex_into(v, receiver ? "receiver" : "sender", line->own_id, 16);
    vec_hex_into(v, receiver ? "sender" : "receiver", line->peer_id, 16);
    hkp_neuro_network_root_context(line->own_id, line->peer_id, (uint32_t)vec_u64(v, "gen"), context);
    export_32(exporter, "NSE1 root", context, sizeof context, root);
    vec_hex_into(v, "root", want, 32);
    CHECK_MEM(root, want, 32);
    const int own = memcmp(s[0].node_id, line->own_id, 16) == 0 ? 0 : 1;
    hkp_neuro__line_begin(line, 0, &s[own], &s[1 - own], root);
    vec_hex_into(v, "ck_0", want, 32);
    CHECK_MEM(receiver ? line->gens[0].in.ck : line->gens[0].out.ck, want, 32);
}

static void book_of(struct hkp_neuro_ce_book *book, json_t *v) {
    const char *id;
    json_t *o;
    memset(book, 0, sizeof *book);
    json_object_foreach(vec_get(v, "ce"), id, o) {
        struct vec_bytes ce = vec_value_hex(o), name = vec_parse_hex(id);
        if (!hkp_is_zero(name.ptr, 8)) {
            struct hkp_neuro_ce *held = &book->held[book->n++];
            held->epoch = 28333333;
            memcpy(held->ce, ce.ptr, 32);
            hkp_neuro_ce_check(held->epoch, held->ce, held->check);
            CHECK_MEM(held->check, name.ptr, 8);
        }
        free(ce.ptr);
        free(name.ptr);
    }
}

/* The k-th key: message k carries number k and time t0 + k, and odd ones name no CE (as "skips two" shows).
 */
static void message_keys_are_those_of_the_vectors(void) {
    json_t *v = vec_load("synapse/message.json"), *o;
    static struct hkp_neuro__line line;
    struct hkp_neuro_ce_book book;
    uint8_t mk[32], d[32], keys[44], want[32];
    size_t k;
    message_line(&line, v, 0);
    book_of(&book, v);
    json_array_foreach(vec_get(v, "keys"), k, o) {
        static const uint8_t none[32];
        const int before = check_faults;
        int found = 0;
        hkp_neuro__message_step(line.gens[0].out.ck, mk);
        vec_hex_into(o, "mk", want, 32);
        CHECK_MEM(mk, want, 32);
        vec_hex_into(o, "d", want, 32);
        for (int with = 0; with < 2 && !found; with++) {
            const uint64_t t_us = 1700000000002000U + k;
            hkp_neuro__message_d(line.gens[0].fixed, with ? book.held[0].ce : none, t_us, d);
            found = memcmp(d, want, 32) == 0;
            if (!found) continue;
            hkp_neuro__message_keys(mk, d, line.own_id, line.peer_id, k, t_us, keys);
            vec_hex_into(o, "key", want, 32);
            CHECK_MEM(keys, want, 32);
            vec_hex_into(o, "nonce", want, 12);
            CHECK_MEM(keys + 32, want, 12);
        }
        CHECK(found);
        CHECK_NOTE(before, "key %zu", k);
    }
}

static void check_skipped(const struct hkp_neuro__gen_secret *g, json_t *o) {
    json_t *want = vec_get(o, "skipped"), *n;
    size_t i;
    CHECK_EQ(g->in.next, vec_u64(o, "next_n"));
    CHECK_EQ(g->n_kept, json_array_size(want));
    json_array_foreach(want, i, n) if (i < g->n_kept) CHECK_EQ(g->kept[i].n, vec_value_u64(n));
}

static void the_sequence_leaves_chain_and_kept_keys_as_in_the_vectors(void) {
    json_t *v = vec_load("synapse/message.json"), *o;
    static struct hkp_neuro__line line, earlier;
    struct hkp_neuro__lifetime life = {0};
    struct hkp_neuro_ce_book book;
    uint8_t dst[256], untouched[256];
    size_t i, len;
    message_line(&line, v, 1);
    book_of(&book, v);
    json_array_foreach(vec_get(v, "sequence"), i, o) {
        const int before = check_faults;
        struct vec_bytes msg = vec_hex(o, "message"), plain = vec_hex(o, "plain");
        memset(dst, 0xCC, sizeof dst);
        memset(untouched, 0xCC, sizeof untouched);
        earlier = line;
        const hkp_status st =
            hkp_neuro__line_open(&line, 1, &book, &life, msg.ptr, msg.len, dst, sizeof dst, &len);
        check_expect(st, o);
        if (st == HKP_OK) {
            CHECK_EQ(len, plain.len);
            CHECK_MEM(dst, plain.ptr, plain.len);
        } else {
            CHECK_MEM(dst, untouched, sizeof dst);
            CHECK_MEM(&line, &earlier, sizeof line);
        }
        check_skipped(&line.gens[0], o);
        free(msg.ptr);
        free(plain.ptr);
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
}

static void the_sender_makes_the_messages_of_the_vectors(void) {
    json_t *v = vec_load("synapse/message.json"), *o;
    static struct hkp_neuro__line line;
    struct hkp_neuro__lifetime life = {0};
    struct hkp_neuro_ce_book book, none = {0};
    uint8_t dst[256];
    int made = 0;
    size_t i;
    book_of(&book, v);
    json_array_foreach(vec_get(v, "sequence"), i, o) {
        struct vec_bytes msg = vec_hex(o, "message"), plain = vec_hex(o, "plain");
        if (plain.len > 0) {
            message_line(&line, v, 0);
            /* the states of the model name another CE; its sender names this one all the same */
            memcpy(line.gens[0].peer_ce_check, book.held[0].check, 32);
            while (line.gens[0].out.next < hkp_be64(msg.ptr + 8)) {
                uint8_t mk[32];
                hkp_neuro__message_step(line.gens[0].out.ck, mk);
                line.gens[0].out.next++;
            }
            const int named = !hkp_is_zero(msg.ptr + 24, 8);
            CHECK_EQ(hkp_neuro__line_seal(&line, 1, hkp_be64(msg.ptr + 16), named ? &book : &none, &life,
                                          plain.ptr, plain.len, dst),
                     HKP_OK);
            CHECK_MEM(dst, msg.ptr, msg.len);
            made++;
        }
        free(msg.ptr);
        free(plain.ptr);
    }
    CHECK(made >= 4);
}

/* ---- sealing */

static void the_field_multiplies_and_inverts_as_in_the_vectors(void) {
    json_t *o;
    size_t i;
    json_array_foreach(vec_get(vec_load("synapse/seal.json"), "field"), i, o) {
        const uint8_t a = (uint8_t)vec_u64(o, "a"), b = (uint8_t)vec_u64(o, "b");
        CHECK_EQ(hkp_neuro__gf_mul(a, b), vec_u64(o, "product"));
        CHECK_EQ(hkp_neuro__gf_inverse(a), vec_u64(o, "inverse_a"));
    }
}

struct drawn {
    uint8_t bytes[512];
    size_t at, len;
};

static int32_t draw(void *user, uint8_t *dst, size_t len) {
    struct drawn *d = user;
    if (len > d->len - d->at) return -1;
    memcpy(dst, d->bytes + d->at, len);
    d->at += len;
    return 0;
}

static void add_drawn(struct drawn *d, struct vec_bytes b) {
    memcpy(d->bytes + d->len, b.ptr, b.len);
    d->len += b.len;
    free(b.ptr);
}

static void dealer_keys(json_t *v, uint8_t public_key[32], uint8_t secret[64]) {
    uint8_t seed[32];
    vec_hex_into(v, "dealer_seed", seed, 32);
    crypto_sign_seed_keypair(public_key, secret, seed);
}

static void a_seal_is_made_as_in_the_vectors(void) {
    json_t *v = vec_load("synapse/seal.json"), *o;
    struct vec_bytes want = vec_hex(v, "object");
    struct hkp_neuro_seal_options opt;
    struct drawn d = {.at = 0};
    uint8_t public_key[32], secret[64], holders[16 * 5], object[1024], shares[5 * 64], text[64];
    size_t i, len = 0;
    hkp_neuro_seal_options_init(&opt, sizeof opt);
    dealer_keys(v, public_key, secret);
    add_drawn(&d, vec_hex(v, "seal_id"));
    add_drawn(&d, vec_hex(v, "kek"));
    json_array_foreach(vec_get(v, "coefficients"), i, o) add_drawn(&d, vec_value_hex(o));
    add_drawn(&d, vec_hex(v, "nonce"));
    json_array_foreach(vec_get(v, "holders"), i, o) {
        struct vec_bytes id = vec_value_hex(o);
        memcpy(holders + 16 * i, id.ptr, 16);
        free(id.ptr);
    }
    opt.t = (uint32_t)vec_u64(v, "t");
    opt.n = (uint32_t)i;
    opt.holders = holders;
    opt.dealer_secret = secret;
    opt.rng = (struct hkp_rng){&d, draw};
    vec_hex_into(v, "chain_id", opt.chain_id, 32);
    memcpy(opt.dealer, want.ptr + want.len - 80, 16);
    struct vec_bytes plain = vec_hex(json_array_get(vec_get(v, "cases"), 0), "plain");
    memcpy(text, plain.ptr, plain.len);
    CHECK_EQ(hkp_neuro_seal_make(&opt, text, plain.len, object, sizeof object, &len, shares), HKP_OK);
    CHECK_EQ(len, want.len);
    CHECK_MEM(object, want.ptr, want.len);
    json_array_foreach(vec_get(v, "shares"), i, o) {
        struct vec_bytes share = vec_value_hex(o);
        CHECK_MEM(shares + 64 * i, share.ptr, 64);
        free(share.ptr);
    }
    free(plain.ptr);
    free(want.ptr);
}

static void seals_open_as_in_the_vectors(void) {
    json_t *v = vec_load("synapse/seal.json"), *o, *s;
    struct vec_bytes object = vec_hex(v, "object");
    uint8_t public_key[32], secret[64], chain[32], dst[256], untouched[256];
    size_t i, k;
    dealer_keys(v, public_key, secret);
    vec_hex_into(v, "chain_id", chain, 32);
    json_array_foreach(vec_get(v, "cases"), i, o) {
        const int before = check_faults;
        struct hkp_neuro_seal_share shares[40];
        struct vec_bytes held[40], plain = vec_hex(o, "plain");
        const size_t n = json_array_size(vec_get(o, "shares"));
        size_t len = 0;
        json_array_foreach(vec_get(o, "shares"), k, s) {
            held[k] = vec_value_hex(s);
            shares[k] = (struct hkp_neuro_seal_share){held[k].ptr, held[k].len};
        }
        memset(dst, 0xCC, sizeof dst);
        memset(untouched, 0xCC, sizeof untouched);
        const hkp_status st =
            hkp_neuro_seal_open(object.ptr, object.len, chain, public_key, shares, n, dst, sizeof dst, &len);
        check_expect(st, o);
        if (st == HKP_OK) {
            CHECK_EQ(len, plain.len);
            CHECK_MEM(dst, plain.ptr, plain.len);
        } else {
            CHECK_MEM(dst, untouched, sizeof dst);
        }
        for (k = 0; k < n; k++) free(held[k].ptr);
        free(plain.ptr);
        CHECK_NOTE(before, "%s", vec_text(o, "name"));
    }
    free(object.ptr);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(states_decode_and_encode_to_the_same_bytes);
    CASE(w_commit_and_exporter_values_are_those_of_the_vectors);
    CASE(states_are_checked_in_the_order_of_the_text);
    CASE(proofs_are_made_and_judged_as_in_the_vectors);
    CASE(the_worse_verdict_is_that_of_the_pair);
    CASE(a_share_is_that_of_the_vectors);
    CASE(bundles_are_judged_as_in_the_vectors);
    CASE(message_keys_are_those_of_the_vectors);
    CASE(the_sequence_leaves_chain_and_kept_keys_as_in_the_vectors);
    CASE(the_sender_makes_the_messages_of_the_vectors);
    CASE(the_field_multiplies_and_inverts_as_in_the_vectors);
    CASE(a_seal_is_made_as_in_the_vectors);
    CASE(seals_open_as_in_the_vectors);
    return check_done();
}
