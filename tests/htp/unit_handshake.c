/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Handshake vectors: every message byte for byte from the named draws, chain, epoch 0 and exporter. */
#include "world.h"

static const char *const files[] = {"r",       "n",          "n_suite2",    "r_suite2_mask", "retry",
                                    "r_certs", "r_psk_zero", "r_published", "stranger"};

static struct vec_bytes message(json_t *root, size_t *at, const char *name) {
    json_t *m = json_array_get(vec_get(root, "messages"), (*at)++);
    CHECK(strcmp(vec_text(m, "name"), name) == 0);
    return vec_hex(m, "bytes");
}

static void check_chain(json_t *root, const char *after, const struct hkp_htp__chain_secret *c) {
    size_t i;
    json_t *step;
    json_array_foreach(vec_get(root, "trace"), i, step) {
        if (strcmp(vec_text(step, "after"), after) != 0) continue;
        struct vec_bytes h = vec_hex(step, "h"), ck = vec_hex(step, "ck");
        CHECK_MEM(c->h, h.ptr, 32);
        CHECK_MEM(c->ck, ck.ptr, 32);
        free(h.ptr), free(ck.ptr);
        return;
    }
    CHECK(0 && "no such step");
}

static void setup_edge(struct world *w, struct hkp_htp__edge_secret *e) {
    memset(e, 0, sizeof *e);
    e->self = &w->e;
    memcpy(e->peer_s, w->v.s, 32);
    e->mode = (uint8_t)w->mode;
    json_t *s;
    size_t i;
    json_array_foreach(vec_get(w->in, "suites"), i, s) e->suites[e->n_suites++] = (uint16_t)vec_value_u64(s);
    e->features = (uint16_t)vec_u64(w->in, "features");
    world_inputs(w, &e->neural, HKP_HTP_SIDE_OWN);
}

static void retry(struct world *w, json_t *root, size_t *at, struct hkp_htp__edge_secret *e) {
    uint8_t k_c[32], cookie[32], d[HKP_HTP__RETRY_SIZE];
    struct hkp_htp_path path = {.addr = {[10] = 0xFF, 0xFF, 192, 0, 2, 7}, .port = 40000};
    struct vec_bytes want = message(root, at, "RETRY"), again;
    struct hkp_htp__stamp stamp = world_stamp(w, "retry");
    int common = 0;
    vec_hex_into(w->in, "cookie_key", k_c, 32);
    hkp_htp__cookie(cookie, k_c, &path, e->hello[0]);
    hkp_htp__retry_build(d, e->hello[0], cookie, &stamp);
    CHECK_EQ(want.len, sizeof d);
    CHECK_MEM(d, want.ptr, sizeof d);
    CHECK_EQ(hkp_htp__retry_take(e, d, &common), HKP_OK);
    CHECK(common);
    again = message(root, at, "HELLO");
    CHECK_MEM(e->hello[1], again.ptr, again.len);
    free(want.ptr), free(again.ptr);
}

static void fill_attest(struct world *w, struct hkp_htp__attest *a, int demanded) {
    json_t *ter = vec_get(w->in, "ter");
    memset(a, 0, sizeof *a);
    a->t4 = vec_u64(w->times, "t4");
    a->ter_index = vec_u64(ter, "index");
    vec_hex_into(ter, "h_t", a->h_t, 32);
    vec_hex_into(ter, "integrity", a->h_integrity, 20);
    a->policy_ver = (uint32_t)vec_u64(ter, "policy_ver");
    vec_hex_into(ter, "boot_id", a->boot_id, 16);
    (void)demanded;
    a->cert = world_shown(&w->e, (int)vec_u64(w->in, "cert_e_form"));
    a->quote = w->quote;
    a->quote_len = (uint16_t)w->quote_len;
}

static void choose(struct world *w, struct hkp_htp__valid_secret *v, json_t *root) {
    v->suite = (uint16_t)vec_u64(root, "suite");
    v->features = (uint16_t)(v->offered & vec_u64(w->in, "v_features"));
    v->sid_v = world_draw_u64(w, "sid_v");
    v->t2 = vec_u64(w->times, "t2");
    struct vec_bytes inner = vec_hex(vec_get(root, "inner"), "CHALLENGE");
    v->demands = inner.ptr[47];
    v->pcr_mask = hkp_be32(inner.ptr + 48);
    free(inner.ptr);
}

static void check_epoch0(json_t *root, const struct hkp_htp__epoch_secret *e,
                         const struct hkp_htp__epoch0_secret *z) {
    json_t *want = vec_get(root, "epoch0");
    const struct {
        const char *name;
        const uint8_t *have;
        size_t len;
    } keys[] = {{"e2v_key", e->key[0], 32},    {"v2e_key", e->key[1], 32}, {"e2v_iv", e->iv[0], 12},
                {"v2e_iv", e->iv[1], 12},      {"rdv", e->k_rdv, 32},      {"root", e->root, 32},
                {"exporter", e->exporter, 32}, {"e2v_hp", z->hp[0], 32},   {"v2e_hp", z->hp[1], 32},
                {"resume", z->resume, 32}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct vec_bytes b = vec_hex(want, keys[i].name);
        CHECK_MEM(keys[i].have, b.ptr, keys[i].len);
        free(b.ptr);
    }
    json_t *ex = vec_get(root, "exporter_example");
    struct vec_bytes label = vec_hex(ex, "label"), context = vec_hex(ex, "context"), out = vec_hex(ex, "out");
    uint8_t got[64];
    hkp_htp__export(e->exporter, label.ptr, label.len, context.ptr, context.len, got, out.len);
    CHECK_MEM(got, out.ptr, out.len);
    free(label.ptr), free(context.ptr), free(out.ptr);
}

static void accept(struct world *w, json_t *root, struct hkp_htp__edge_secret *e,
                   struct hkp_htp__valid_secret *v, struct vec_bytes want) {
    struct hkp_htp__accept_secret a = {.heartbeat_s = 30,
                                       .rekey_s = 60,
                                       .addr = {[10] = 0xFF, 0xFF, 192, 0, 2, 7},
                                       .port = (uint16_t)vec_u64(w->in, "port"),
                                       .trust = (uint16_t)vec_u64(w->in, "trust")},
                                  got;
    struct hkp_htp__stamp stamp = world_stamp(w, "accept");
    struct hkp_htp__header header;
    struct hkp_htp__epoch_secret epoch = {0};
    struct hkp_htp__epoch0_secret zero;
    uint8_t d[512], secret[32];
    struct vec_bytes inner = vec_hex(vec_get(root, "inner"), "ACCEPT");
    vec_hex_into(w->draws, "session_secret", a.session_secret, 32);
    vec_hex_into(w->in, "ce", a.ce, 32);
    vec_hex_into(w->draws, "reset_token", a.reset_token, 16);
    memcpy(a.ticket, inner.ptr + 64, 16); /* no ticket for strangers (HTP-5.8) */
    a.ticket_life_s = hkp_be32(inner.ptr + 96);
    a.resonance = w->mode == HKP_HTP_MODE_R ? 2 : 0;
    a.clock = hkp_htp__clock_verdict(v->t1, v->t2, v->t3, vec_u64(w->times, "t4"));
    free(inner.ptr);
    CHECK_EQ(hkp_htp__accept_build(v, &a, &stamp, d), HKP_OK);
    CHECK_EQ(want.len, sizeof d);
    CHECK_MEM(d, want.ptr, sizeof d);
    CHECK_EQ(hkp_htp__wire_check(d, sizeof d, &header), HKP_OK);
    CHECK_EQ(hkp_htp__accept_open(e, &header, d, sizeof d, &got), HKP_OK);
    CHECK_MEM(&got.session_secret, &a.session_secret, 32);
    check_chain(root, "c4", &e->chain);
    check_chain(root, "c4", &v->chain);
    hkp_htp__secret_0(secret, e->chain.ck, got.session_secret, e->neural.in.f, got.ce);
    hkp_htp__epoch_derive(&epoch, &zero, secret, e->chain.h, 0);
    check_epoch0(root, &epoch, &zero);
}

static void one(const char *name) {
    char file[80];
    int before = check_faults;
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    json_t *root = vec_load(file);
    static struct world w;
    static struct hkp_htp__edge_secret e;
    static struct hkp_htp__valid_secret v;
    static struct hkp_htp__challenge_secret c;
    static struct hkp_htp__attest_secret at;
    struct hkp_htp__header header;
    uint8_t key[32], d[1200];
    size_t at_message = 0, len = 0;
    world_load(&w, vec_get(root, "inputs"));
    setup_edge(&w, &e);

    struct vec_bytes hello = message(root, &at_message, "HELLO");
    struct hkp_htp__stamp stamp = world_stamp(&w, "hello");
    vec_hex_into(w.draws, "e_e", key, 32);
    CHECK_EQ(hkp_htp__hello_build(&e, key, world_draw_u64(&w, "sid_e"), vec_u64(w.times, "t1"), &stamp),
             HKP_OK);
    CHECK_MEM(e.hello[0], hello.ptr, hello.len);
    check_chain(root, "c1", &e.chain);
    if (json_array_size(vec_get(root, "messages")) == 6) retry(&w, root, &at_message, &e);
    CHECK_EQ(hkp_htp__wire_check(e.hello[1], 1200, &header), HKP_OK);
    uint8_t mac1[32];
    hkp_htp__mac1_key(mac1, w.v.s);
    CHECK_EQ(hkp_htp__hello_rdv(mac1, e.hello[1]), HKP_OK);
    CHECK_EQ(hkp_htp__hello_fields(e.hello[1]), HKP_OK);
    CHECK_EQ(hkp_htp__hello_open(&v, &w.v, &header, e.hello[1], e.answer_key), HKP_OK);
    check_chain(root, "c1", &v.chain);
    world_inputs(&w, &v.neural, HKP_HTP_SIDE_REPLICA);
    CHECK(hkp_htp__hello_proves(&v, &v.neural, v.psk_res));
    CHECK_EQ(hkp_htp__hello_signed(&v, w.e.a), w.mode == HKP_HTP_MODE_N);

    struct vec_bytes challenge = message(root, &at_message, "CHALLENGE");
    struct hkp_htp__challenge_in in = {.t3 = vec_u64(w.times, "t3")};
    vec_hex_into(w.draws, "e_v", in.e_key, 32);
    vec_hex_into(w.draws, "challenge_nonce", in.challenge_nonce, 32);
    in.cert = world_shown(&w.v, (int)vec_u64(w.in, "cert_v_form"));
    stamp = world_stamp(&w, "challenge");
    choose(&w, &v, root);
    CHECK_EQ(hkp_htp__challenge_build(&v, &w.v, &in, &stamp, d, &len), HKP_OK);
    CHECK_EQ(len, challenge.len);
    CHECK_MEM(d, challenge.ptr, challenge.len);
    CHECK_EQ(hkp_htp__wire_check(d, len, &header), HKP_OK);
    CHECK_EQ(hkp_htp__challenge_open(&e, &header, d, len, &c), HKP_OK);
    check_chain(root, "c2", &c.chain);
    CHECK_EQ(hkp_htp__challenge_signed(&c), HKP_OK);
    CHECK_EQ(hkp_htp__challenge_choices(&e, &c), HKP_OK);

    struct vec_bytes attest = message(root, &at_message, "ATTEST");
    struct hkp_htp__attest a;
    fill_attest(&w, &a, 0);
    stamp = world_stamp(&w, "attest");
    CHECK_EQ(hkp_htp__attest_build(&e, &c, &a, &stamp), HKP_OK);
    CHECK_EQ(e.attest_len, attest.len);
    CHECK_MEM(e.attest, attest.ptr, attest.len);
    CHECK_EQ(hkp_htp__wire_check(e.attest, e.attest_len, &header), HKP_OK);
    CHECK_EQ(hkp_htp__attest_open(&v, &header, e.attest, e.attest_len, &at), HKP_OK);
    CHECK(hkp_htp__attest_signed(&v, &at, w.e.a));
    check_chain(root, "accept", &v.chain);
    check_chain(root, "accept", &e.chain);

    struct vec_bytes last = message(root, &at_message, "ACCEPT");
    accept(&w, root, &e, &v, last);
    free(hello.ptr), free(challenge.ptr), free(attest.ptr), free(last.ptr);
    CHECK_NOTE(before, "%s", file);
}

static void resumption_is_that_of_the_vector(void) {
    static struct world w;
    static struct hkp_htp__edge_secret e;
    static struct hkp_htp__valid_secret v;
    json_t *root = vec_load("htp/handshake_resume.json");
    uint8_t key[32], d[512], secret[32];
    struct hkp_htp__header header;
    struct hkp_htp__resumed choice;
    size_t at = 0;
    struct vec_bytes hello = message(root, &at, "HELLO"), last = message(root, &at, "ACCEPT");
    world_load(&w, vec_get(root, "inputs"));
    setup_edge(&w, &e);
    vec_hex_into(w.in, "ticket_in", e.ticket, 16);
    vec_hex_into(w.in, "psk_res", e.psk_res, 32);
    struct hkp_htp__stamp stamp = world_stamp(&w, "hello");
    vec_hex_into(w.draws, "e_e", key, 32);
    CHECK_EQ(hkp_htp__hello_build(&e, key, world_draw_u64(&w, "sid_e"), vec_u64(w.times, "t1"), &stamp),
             HKP_OK);
    CHECK_MEM(e.hello[0], hello.ptr, hello.len);
    check_chain(root, "c1", &e.chain);

    CHECK_EQ(hkp_htp__wire_check(e.hello[0], 1200, &header), HKP_OK);
    CHECK_EQ(hkp_htp__hello_open(&v, &w.v, &header, e.hello[0], e.answer_key), HKP_OK);
    CHECK_MEM(v.ticket, e.ticket, 16);
    world_inputs(&w, &v.neural, HKP_HTP_SIDE_REPLICA);
    CHECK(!hkp_htp__hello_proves(&v, &v.neural, v.psk_res));
    memcpy(v.psk_res, e.psk_res, 32);
    CHECK(hkp_htp__hello_proves(&v, &v.neural, v.psk_res));

    struct hkp_htp__accept_secret a = {.heartbeat_s = 30,
                                       .rekey_s = 60,
                                       .addr = {[10] = 0xFF, 0xFF, 192, 0, 2, 7},
                                       .port = (uint16_t)vec_u64(w.in, "port"),
                                       .trust = (uint16_t)vec_u64(w.in, "trust"),
                                       .resonance = 2},
                                  got;
    struct vec_bytes inner = vec_hex(vec_get(root, "inner"), "ACCEPT");
    vec_hex_into(w.draws, "session_secret", a.session_secret, 32);
    vec_hex_into(w.in, "ce", a.ce, 32);
    vec_hex_into(w.draws, "reset_token", a.reset_token, 16);
    vec_hex_into(w.draws, "ticket", a.ticket, 16);
    a.ticket_life_s = hkp_be32(inner.ptr + 96);
    v.suite = (uint16_t)vec_u64(root, "suite");
    v.sid_v = world_draw_u64(&w, "sid_v");
    vec_hex_into(w.draws, "e_v", key, 32);
    stamp = world_stamp(&w, "accept");
    CHECK_EQ(hkp_htp__resume_build(&v, key, &a, &stamp, d), HKP_OK);
    CHECK_EQ(last.len, sizeof d);
    CHECK_MEM(d, last.ptr, sizeof d);
    CHECK_EQ(hkp_htp__wire_check(d, sizeof d, &header), HKP_OK);
    CHECK_EQ(hkp_htp__resume_open(&e, &header, d, sizeof d, &got, &choice), HKP_OK);
    CHECK_MEM(got.session_secret, a.session_secret, 32);
    CHECK_MEM(got.ticket, a.ticket, 16);
    CHECK_EQ(choice.sid_v, v.sid_v);
    CHECK_EQ(choice.suite, v.suite);
    CHECK_EQ(choice.mode, HKP_HTP_MODE_R);
    CHECK_MEM(e.chain.h, v.chain.h, 32);
    struct vec_bytes h_final = vec_hex(root, "h_final");
    CHECK_MEM(e.chain.h, h_final.ptr, 32);
    struct hkp_htp__epoch_secret epoch = {0};
    struct hkp_htp__epoch0_secret zero;
    hkp_htp__secret_0(secret, e.chain.ck, got.session_secret, e.neural.in.f, got.ce);
    hkp_htp__epoch_derive(&epoch, &zero, secret, e.chain.h, 0);
    check_epoch0(root, &epoch, &zero);
    free(hello.ptr), free(last.ptr), free(inner.ptr), free(h_final.ptr);
}

static void handshakes_are_those_of_the_vectors(void) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) one(files[i]);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(handshakes_are_those_of_the_vectors);
    CASE(resumption_is_that_of_the_vector);
    return check_done();
}
