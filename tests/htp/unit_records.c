/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors of protected packets, packet numbers, clocks, cookies, masks and rekeys; the replay window. */
#include "pair.h"

/* A session's keys as the vectors give them, without an endpoint. */
struct keys {
    struct world w;
    struct hkp_htp__epoch_secret epoch;
    struct hkp_htp__epoch0_secret zero;
    uint8_t h_final[32];
    int masked;
    uint64_t to_e, to_v;
};

static hkp_status vector_posf(void *user, uint64_t handle, uint8_t role, const uint8_t msg[32],
                              const uint8_t nonce[8], uint8_t tag[32]) {
    const struct keys *k = user;
    (void)handle;
    hkp_htp__hmac(tag, k->epoch.neural.in.psk,
                  PARTS(LABEL("vector posf"), {&role, 1}, {msg, 32}, {nonce, 8}));
    return HKP_OK;
}

static void no_release(void *user, uint64_t handle) { (void)user, (void)handle; }

static void load_keys(struct keys *k, json_t *c) {
    uint8_t secret[32];
    memset(k, 0, sizeof *k);
    k->w.registry = (struct hkp_htp_registry){.user = k, .posf = vector_posf, .neural_release = no_release};
    vec_hex_into(c, "seed_secret_0", secret, 32);
    vec_hex_into(c, "h_final", k->h_final, 32);
    hkp_htp__epoch_derive(&k->epoch, &k->zero, secret, k->h_final, 0);
    vec_hex_into(c, "psk", k->epoch.neural.in.psk, 32);
    vec_hex_into(c, "F", k->epoch.neural.in.f, 64);
    k->epoch.neural.in.last_us = vec_u64(c, "last_us");
    k->epoch.suite = (uint16_t)vec_u64(c, "suite");
    k->epoch.live = 1;
    k->masked = vec_bool(c, "masked");
    if (vec_u64(c, "mode") == HKP_HTP_MODE_R) k->epoch.neural.registry = &k->w.registry;
    uint8_t token[8];
    vec_hex_into(c, "token_to_E", token, 8);
    k->to_e = hkp_be64(token);
    vec_hex_into(c, "token_to_V", token, 8);
    k->to_v = hkp_be64(token);
}

static void one_packet(struct keys *k, json_t *v) {
    uint8_t d[1400], nonce[12];
    struct vec_bytes text = vec_hex(v, "plaintext"), want = vec_hex(v, "datagram"),
                     aead = vec_hex(v, "aead_nonce");
    const int from_v = strcmp(vec_text(v, "sender"), "V") == 0;
    struct hkp_htp__record r = {.epoch = &k->epoch, .h_final = k->h_final, .direction = (uint8_t)from_v};
    struct hkp_htp__record_out out = {.type = (uint16_t)vec_u64(v, "ptype"),
                                      .res = (uint8_t)vec_bool(v, "res"),
                                      .pn = vec_u64(v, "pn"),
                                      .timestamp = (uint32_t)vec_u64(v, "timestamp"),
                                      .token = from_v ? k->to_e : k->to_v};
    struct hkp_htp__header header;
    size_t len = 0;
    if (k->masked) r.hp = k->zero.hp[from_v];
    vec_hex_into(v, "nonce", out.nonce, 8);
    memcpy(d + HKP_HTP__PREFIX, text.ptr, text.len);
    CHECK_EQ(hkp_htp__record_seal(&r, &out, d, text.len, &len), HKP_OK);
    CHECK_EQ(len, want.len);
    CHECK_MEM(d, want.ptr, want.len);
    for (int i = 0; i < 12; i++) {
        uint8_t low = (uint8_t)(i < 4 ? (uint32_t)out.pn >> (24 - 8 * i) : out.nonce[i - 4]);
        nonce[i] = k->epoch.iv[from_v][i] ^ low;
    }
    CHECK_MEM(nonce, aead.ptr, 12);
    if (k->masked) CHECK_EQ(hkp_htp__wire_unmask(d, len, r.hp), 0);
    CHECK_EQ(hkp_htp__wire_check(d, len, &header), HKP_OK);
    CHECK_EQ(hkp_htp__record_open(&r, &header, d, len), HKP_OK);
    CHECK_MEM(d + header.prefix, text.ptr, text.len);
    if (out.res) CHECK_EQ(hkp_htp__record_verify(&r, &header, d, len), HKP_OK);
    free(text.ptr), free(want.ptr), free(aead.ptr);
}

static void packets_are_those_of_the_vectors(void) {
    size_t i, j;
    json_t *s, *p;
    static struct keys k;
    json_array_foreach(vec_get(vec_load("htp/records.json"), "sessions"), i, s) {
        int before = check_faults;
        load_keys(&k, vec_get(s, "context"));
        json_array_foreach(vec_get(s, "packets"), j, p) one_packet(&k, p);
        CHECK_NOTE(before, "session %zu", i);
    }
}

static void packet_numbers_are_rebuilt(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(vec_load("htp/records.json"), "pn_rebuild"), i, c) {
        uint64_t next = (uint64_t)(vec_i64(c, "largest") + 1);
        CHECK_EQ(hkp_htp__record_number(next, (uint32_t)vec_u64(c, "sequence")), vec_u64(c, "pn"));
    }
}

static void clocks_get_their_verdict(void) {
    size_t i;
    json_t *c;
    json_array_foreach(vec_get(vec_load("htp/records.json"), "clock"), i, c) {
        uint64_t t[4];
        for (size_t j = 0; j < 4; j++) t[j] = vec_value_u64(json_array_get(vec_get(c, "t"), j));
        CHECK_EQ(hkp_htp__clock_verdict(t[0], t[1], t[2], t[3]), vec_u64(c, "verdict"));
    }
}

static void cookie_reset_and_mask_are_those_of_the_vectors(void) {
    json_t *misc = vec_get(vec_load("htp/records.json"), "misc"), *c = vec_get(misc, "cookie");
    uint8_t k[32], want[32], got[32], hello[1200] = {0}, d[64] = {0}, token[8];
    struct hkp_htp_path path = {.port = (uint16_t)vec_u64(c, "port")};
    vec_hex_into(c, "K_c", k, 32);
    vec_hex_into(c, "addr", path.addr, 16);
    vec_hex_into(c, "sid_e", hello + 12, 8);
    vec_hex_into(c, "clear", hello + 100, 52);
    vec_hex_into(c, "cookie", want, 32);
    hkp_htp__cookie(got, k, &path, hello);
    CHECK_MEM(got, want, 32);
    c = vec_get(misc, "reset");
    vec_hex_into(c, "K_reset", k, 32);
    vec_hex_into(c, "token", token, 8);
    vec_hex_into(c, "reset_token", want, 16);
    hkp_htp__b2(got, k, PARTS(LABEL("HTP1 reset"), {token, 8}));
    CHECK_MEM(got, want, 16);
    c = vec_get(misc, "mask");
    vec_hex_into(c, "key", k, 32);
    vec_hex_into(c, "nonce", d + 20, 8);
    vec_hex_into(c, "stream20", want, 20);
    hkp_htp__wire_mask(d, k);
    CHECK_MEM(d, want, 12);
    CHECK_MEM(d + 28, want + 12, 8); /* flags, then payload_length: no layer */
}

static void check_epoch(json_t *want, const struct hkp_htp__epoch_secret *e) {
    const struct {
        const char *name;
        const uint8_t *have;
        size_t len;
    } keys[] = {{"th", e->th, 32},        {"e2v_key", e->key[0], 32},   {"v2e_key", e->key[1], 32},
                {"e2v_iv", e->iv[0], 12}, {"v2e_iv", e->iv[1], 12},     {"rdv", e->k_rdv, 32},
                {"root", e->root, 32},    {"exporter", e->exporter, 32}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct vec_bytes b = vec_hex(want, keys[i].name);
        CHECK_MEM(keys[i].have, b.ptr, keys[i].len);
        free(b.ptr);
    }
}

static void rekey_step(struct hkp_htp__epoch_secret *e, json_t *c, const char *request, const char *answer,
                       const char *secret_key, const uint8_t psk[32], const char *epoch) {
    uint8_t key[32], dh[32], secret[32], th[32];
    struct vec_bytes r = vec_hex(c, request), a = vec_hex(c, answer);
    vec_hex_into(c, secret_key, key, 32);
    CHECK_EQ(hkp_htp__dh(dh, key, a.ptr + 16), 0);
    hkp_htp__epoch_next(e, r.ptr, a.ptr, dh, psk, secret, th);
    hkp_htp__epoch_derive(e, NULL, secret, th, e->n + 1);
    check_epoch(vec_get(c, epoch), e);
    free(r.ptr), free(a.ptr);
}

static void rekeys_are_those_of_the_vectors(void) {
    size_t i;
    json_t *c;
    static struct keys k;
    json_array_foreach(vec_get(vec_load("htp/rekey.json"), "cases"), i, c) {
        int before = check_faults;
        uint8_t psk[32];
        load_keys(&k, vec_get(c, "context"));
        check_epoch(vec_get(c, "epoch0"), &k.epoch);
        vec_hex_into(vec_get(c, "commit"), "psk", psk, 32);
        if (vec_find(c, "pq") != NULL) continue; /* feature PQ is not in this build */
        rekey_step(&k.epoch, c, "request", "answer", "e1", psk, "epoch1");
        struct hkp_htp__epoch_secret second = k.epoch;
        rekey_step(&second, c, "request2", "answer2", "e3", psk, "epoch2");
        json_t *commit = vec_get(c, "commit");
        memcpy(k.epoch.neural.in.psk, psk, 32);
        vec_hex_into(commit, "F", k.epoch.neural.in.f, 64);
        k.epoch.neural.in.last_us = vec_u64(commit, "last_us");
        json_t *first = vec_get(vec_get(c, "first_packet"), "datagram");
        struct vec_bytes d = vec_value_hex(first);
        struct hkp_htp__header header;
        struct hkp_htp__record r = {.epoch = &k.epoch, .h_final = k.h_final, .direction = 0};
        CHECK_EQ(hkp_htp__wire_check(d.ptr, d.len, &header), HKP_OK);
        CHECK_EQ(hkp_htp__record_open(&r, &header, d.ptr, d.len), HKP_OK);
        CHECK_EQ(hkp_htp__record_verify(&r, &header, d.ptr, d.len), HKP_OK);
        free(d.ptr);
        CHECK_NOTE(before, "rekey case %zu", i);
    }
}

/* A V endpoint with one session of exactly these keys. */
static void place_session(struct pair *p, struct keys *k) {
    struct hkp_htp__session *s;
    struct hkp_htp__flow_params fp = {
        .mem = p->v->opt.mem, .rng = p->v->opt.rng, .pools = p->v->pools, .allow = {UINT64_MAX, UINT64_MAX}};
    CHECK_EQ(hkp_htp__session_new(p->v, HKP_HTP_ROLE_V, p->w->e.node_id, &s), HKP_OK);
    s->token_in = k->to_v;
    s->token_out = k->to_e;
    CHECK_EQ(hkp_htp__paths_new(p->v, s, NULL), HKP_OK);
    fp.paths = s->paths;
    memcpy(fp.challenge0, k->h_final, 16);
    CHECK_EQ(hkp_htp__flow_new(&s->flow, &fp, p->now), HKP_OK);
    s->mode = HKP_HTP_MODE_R;
    s->suite = k->epoch.suite;
    CHECK(hkp_htp__epoch_make(p->v, s, 0) != NULL);
    *s->epochs[0] = k->epoch;
    s->zero = k->zero;
    memcpy(s->h_final, k->h_final, 32);
    s->rekey_s = 60;
    s->epochs[0]->since = p->now;
    s->path = p->path_e;
    s->total = p->now + HKP_HTP__HANDSHAKE_TIMEOUT;
    s->state = HKP_HTP__S_ACCEPTED;
    hkp_htp__token_put(p->v, s->token_in, s->index);
}

static void malformed_packets_have_their_results(void) {
    json_t *root = vec_load("htp/malformed_records.json"), *c, *b;
    json_t *in = vec_get(vec_load("htp/handshake_r.json"), "inputs");
    static struct world w;
    static struct keys k;
    size_t i, j;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        struct pair p;
        int before = check_faults;
        char name[80];
        world_load(&w, in);
        load_keys(&k, vec_get(root, "context"));
        pair_new(&p, &w);
        place_session(&p, &k);
        json_array_foreach(vec_get(c, "before"), j, b) {
            struct vec_bytes d = vec_value_hex(b);
            CHECK_EQ(pair_give(&p, 0, d.ptr, d.len), HKP_OK);
            free(d.ptr);
        }
        struct vec_bytes d = vec_hex(c, "packet");
        hkp_status st = pair_give(&p, 0, d.ptr, d.len);
        snprintf(name, sizeof name, "HKP_E_HTP_%s", vec_text(c, "result"));
        CHECK(strcmp(hkp_htp_status_name(st), name) == 0);
        if (strcmp(hkp_htp_status_name(st), name) != 0) printf("#   %s\n", hkp_htp_status_name(st));
        if (HKP_E_HTP_BASE - st >= 32) {
            struct hkp_htp_event ev = pair_event(p.v, HKP_HTP_EVENT_DOWN);
            CHECK_EQ(ev.result, st);
            CHECK_EQ(ev.reason, HKP_E_HTP_BASE - st);
        } else
            CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_DOWN).type, HKP_HTP_EVENT_NONE);
        free(d.ptr);
        hkp_htp_endpoint_free(p.e);
        hkp_htp_endpoint_free(p.v);
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
    }
}

static void the_window_takes_each_number_once(void) {
    static struct hkp_htp__window w;
    static uint8_t seen[20000];
    uint64_t seed = check_seed(), top = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t r = check_random(&seed), pn = top + r % 40 < 20 ? 0 : top + r % 40 - 20;
        if (r % 97 == 0) pn = top > 1500 ? top - 1500 + (r >> 8) % 1600 : (r >> 8) % 1600;
        if (r % 997 == 0) pn = top + (r >> 8) % 300;
        if (pn >= sizeof seen) break;
        int fresh = hkp_htp__window_check(&w, pn);
        if (seen[pn]) CHECK(!fresh);
        if (!seen[pn] && pn + 1024 > top) CHECK(fresh);
        if (!fresh) continue;
        hkp_htp__window_mark(&w, pn);
        seen[pn] = 1;
        if (pn > top) top = pn;
    }
    CHECK(top > 1024);
}

/* The word of the newest number and that of one just too old share a place. */
static void the_window_never_forgets_in_its_last_word(void) {
    for (uint64_t old = 0; old < 64; old++) {
        struct hkp_htp__window w = {0};
        hkp_htp__window_mark(&w, old);
        hkp_htp__window_mark(&w, 64 * HKP_HTP__WINDOW_WORDS + (old + 1) % 64);
        CHECK(!hkp_htp__window_check(&w, old));
    }
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(packets_are_those_of_the_vectors);
    CASE(packet_numbers_are_rebuilt);
    CASE(clocks_get_their_verdict);
    CASE(cookie_reset_and_mask_are_those_of_the_vectors);
    CASE(rekeys_are_those_of_the_vectors);
    CASE(malformed_packets_have_their_results);
    CASE(the_window_takes_each_number_once);
    CASE(the_window_never_forgets_in_its_last_word);
    return check_done();
}
