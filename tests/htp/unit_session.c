/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an attacker on the wire cannot do to a session, and what nobody may do with its keys. */
#include "libhtp/handshake/door.h"
#include "pair.h"

enum { CAUGHT_MAX = 4000 };

/** Everything that crossed the wire. */
struct caught {
    uint8_t *bytes[CAUGHT_MAX];
    size_t len[CAUGHT_MAX];
    uint8_t to_e[CAUGHT_MAX];
    size_t n;
};

static void catch_one(struct caught *c, const uint8_t *d, size_t len, int to_e) {
    if (c->n == CAUGHT_MAX) return;
    c->bytes[c->n] = malloc(len);
    memcpy(c->bytes[c->n], d, len);
    c->len[c->n] = len;
    c->to_e[c->n++] = (uint8_t)to_e;
}

static void release(struct caught *c) {
    for (size_t i = 0; i < c->n; i++) free(c->bytes[i]);
    c->n = 0;
}

static struct hkp_htp__session *only(hkp_htp_endpoint *ep) {
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++)
        if (ep->sessions[i] != NULL) return ep->sessions[i];
    return NULL;
}

/* Pumps, keeps what crosses and loses some of it. */
static void pump(struct pair *p, struct caught *c, uint64_t *seed, unsigned loss) {
    uint8_t d[1200];
    for (int quiet = 0; quiet < 2;) {
        quiet++;
        for (int from_e = 0; from_e < 2; from_e++)
            for (size_t len; (len = pair_pull(p, from_e, d)) > 0; quiet = 0) {
                catch_one(c, d, len, !from_e);
                if (check_random(seed) % 100 >= loss) (void)pair_give(p, !from_e, d, len);
            }
    }
}

static void run(struct pair *p, struct caught *c, uint64_t *seed, unsigned loss, hkp_time span) {
    for (const hkp_time end = p->now + span; p->now < end;) {
        pump(p, c, seed, loss);
        hkp_time a = hkp_htp_wake(p->e), b = hkp_htp_wake(p->v), next = a < b ? a : b;
        if (next <= p->now) next = p->now + HKP_HTP__MS;
        if (next > end) next = end;
        p->wall += (next - p->now) / 1000;
        p->now = next;
        hkp_htp_tick(p->e, p->now, p->wall);
        hkp_htp_tick(p->v, p->now, p->wall);
    }
    pump(p, c, seed, loss);
}

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

static const uint8_t *key_of(const struct hkp_htp__epoch_secret *e) {
    static const uint8_t none[64];
    return e != NULL ? e->key[0] : none;
}

/* The state that a packet could change, without counters of what was dropped. */
static void digest(hkp_htp_endpoint *ep, uint8_t out[32]) {
    const struct hkp_htp__session *s = only(ep);
    struct hkp_htp__flow_info f;
    hkp_htp__flow_info(s->flow, &f);
    uint64_t numbers[] = {
        s->pn,  s->epoch,      s->events,       s->packets_in,     s->path.port,  s->last_heard,    s->state,
        f.srtt, f.packets_out, f.largest_pn_in, f.stream_bytes_in, f.bytes_acked, f.bytes_in_flight};
    hkp_htp__hash(out, PARTS({numbers, sizeof numbers}, {&s->window, sizeof s->window},
                             {key_of(s->epochs[0]), 64}, {key_of(s->epochs[1]), 64}));
}

/* Talks for some rekeys; all that crossed is in c. */
static void long_session(struct pair *p, struct caught *c, uint64_t *seed, unsigned loss, uint64_t *up_v) {
    uint32_t stream;
    uint8_t message[3000] = {1};
    CHECK_EQ(pair_connect(p), HKP_OK);
    run(p, c, seed, loss, 14 * HKP_HTP__SEC);
    *up_v = pair_event(p->v, HKP_HTP_EVENT_UP).session;
    CHECK(*up_v != 0);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_session_allow(p->v, *up_v, UINT64_MAX, UINT64_MAX), HKP_OK);
    CHECK_EQ(hkp_htp_stream_open(p->e, p->session, HKP_HTP_STREAM_TER, 0, 1, &stream), HKP_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(hkp_htp_stream_send(p->e, p->session, stream, message, sizeof message, 0), HKP_OK);
        CHECK_EQ(hkp_htp_session_rekey(p->e, p->now, p->session), HKP_OK);
        run(p, c, seed, loss, 12 * HKP_HTP__SEC);
        CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_MESSAGE).len, sizeof message);
    }
    CHECK_EQ(only(p->e)->epoch, 4);
    CHECK_EQ(only(p->v)->epoch, 4);
}

static void every_packet_of_a_session_again_changes_nothing(void) {
    static const char *const names[] = {"r", "n", "r_suite2_mask"};
    for (size_t i = 0; i < 3; i++) {
        static struct world w;
        static struct caught c;
        struct pair p;
        uint64_t seed = check_seed(), up_v;
        uint8_t before[2][32], after[2][32], d[1200];
        load(&w, names[i]);
        pair_new(&p, &w);
        long_session(&p, &c, &seed, 0, &up_v);
        digest(p.e, before[0]);
        digest(p.v, before[1]);
        for (size_t j = 0; j < c.n; j++) {
            if (j > 0) CHECK(pair_give(&p, c.to_e[j], c.bytes[j], c.len[j]) != HKP_OK);
            while (pair_pull(&p, 0, d) > 0) continue; /* a HELLO long ago may get a fresh answer */
            CHECK_EQ(pair_pull(&p, 1, d), 0);
        }
        digest(p.e, after[0]);
        digest(p.v, after[1]);
        CHECK_MEM(after, before, 64);
        release(&c);
        pair_free(&p);
    }
}

static void sessions_live_and_rekey_under_loss(void) {
    static struct world w;
    static struct caught c;
    for (int i = 0; i < 6; i++) {
        struct pair p;
        uint64_t seed = check_seed() + (uint64_t)i, up_v;
        int before = check_faults;
        load(&w, i % 2 ? "n" : "r");
        pair_new(&p, &w);
        long_session(&p, &c, &seed, 5, &up_v);
        release(&c);
        pair_free(&p);
        CHECK_NOTE(before, "run %d", i);
    }
}

/* (direction, epoch, sequence) names (key, nonce); handshake keys seal once, under their own nonces. */
static void no_key_and_nonce_are_used_twice(void) {
    static struct world w;
    static struct caught c;
    struct pair p;
    uint64_t seed = check_seed(), up_v;
    load(&w, "r");
    pair_new(&p, &w);
    long_session(&p, &c, &seed, 5, &up_v);
    for (size_t i = 0; i < c.n; i++)
        for (size_t j = 0; j < i; j++) {
            if (c.to_e[i] != c.to_e[j]) continue;
            if (c.len[i] == c.len[j] && memcmp(c.bytes[i], c.bytes[j], c.len[i]) == 0) {
                CHECK(hkp_htp__wire_is_handshake(
                    c.bytes[i])); /* only cached handshake bytes are ever the same */
                continue;
            }
            CHECK(memcmp(c.bytes[i] + 20, c.bytes[j] + 20, 8) != 0);
            const int protected = c.bytes[i][3] >= 0x10 && c.bytes[j][3] >= 0x10;
            if (protected && (c.bytes[i][31] & 3) == (c.bytes[j][31] & 3))
                CHECK(memcmp(c.bytes[i] + 4, c.bytes[j] + 4, 4) != 0);
        }
    release(&c);
    pair_free(&p);
}

/* An idle session does not carry it for ever; what it said stays. */
static void a_certificate_is_kept_until_the_first_rekey(void) {
    static struct world w;
    struct pair p;
    uint8_t cert[HKP_HTP_CERTIFICATE_MAX];
    struct hkp_htp_session_info info[2] = {{.struct_size = sizeof *info}, {.struct_size = sizeof *info}};
    load(&w, "r_certs");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    for (int rekeyed = 0; rekeyed < 2; rekeyed++) {
        for (int is_e = 0; is_e < 2; is_e++) {
            const struct hkp_htp__self_secret *peer = is_e ? &w.v : &w.e;
            hkp_htp_endpoint *ep = is_e ? p.e : p.v;
            size_t len = 1;
            CHECK_EQ(hkp_htp_session_certificate(ep, only(ep)->id, cert, sizeof cert, &len), HKP_OK);
            CHECK_EQ(len, rekeyed ? 0 : peer->cert_len);
            CHECK_MEM(cert, peer->cert, len);
        }
        CHECK_EQ(hkp_htp_session_info(p.v, only(p.v)->id, &info[rekeyed]), HKP_OK);
        CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
        pair_run(&p, 3 * HKP_HTP__SEC);
    }
    CHECK_EQ(info[1].epoch, 1);
    CHECK_EQ(info[1].peer_cert_form, HKP_HTP_CERT_WHOLE);
    CHECK_EQ(info[1].peer_roles, info[0].peer_roles);
    CHECK_MEM(info[1].h_t, info[0].h_t, 32);
    pair_free(&p);
}

/* HTP-4.7: junk costs one opening each and deletes nothing. */
static void junk_attests_do_not_stop_the_true_one(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], challenge[1200], attest[1200], junk[1200];
    load(&w, "r");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    size_t n = pair_pull(&p, 1, hello);
    CHECK_EQ(pair_give(&p, 0, hello, n), HKP_OK);
    n = pair_pull(&p, 0, challenge);
    CHECK_EQ(pair_give(&p, 1, challenge, n), HKP_OK);
    n = pair_pull(&p, 1, attest);
    for (int i = 0; i < 1000; i++) {
        memcpy(junk, attest, n);
        junk[100 + i % 400] ^= (uint8_t)(1 + i / 400);
        CHECK_EQ(pair_give(&p, 0, junk, n), HKP_E_HTP_AUTH);
    }
    CHECK_EQ(pair_give(&p, 0, attest, n), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
}

/* HELLOs that name a node and prove nothing, at any rate: the node's own handshake completes (HTP-4.3). */
static void unproved_hellos_of_a_node_do_not_hinder_it(void) {
    static struct world w, forger;
    struct pair p, q;
    uint8_t d[1200];
    load(&w, "r");
    load(&forger, "r");
    memset(forger.psk, 9, 32);
    pair_new(&p, &w);
    for (int i = 0; i < 300; i++) {
        pair_new(&q, &forger);
        q.rng_e.seed = check_seed() + 100 + (uint64_t)i;
        CHECK_EQ(pair_connect(&q), HKP_OK);
        size_t n = pair_pull(&q, 1, d);
        struct hkp_htp_path from = {.addr = {[10] = 0xFF, 0xFF, 10, 0, (uint8_t)(i / 8)}, .port = 9};
        CHECK_EQ(hkp_htp_recv(p.v, p.now, p.wall, &from, d, n), HKP_E_HTP_REJECTED);
        struct hkp_htp_path to;
        while (hkp_htp_send(p.v, p.now, p.wall, &to, d, sizeof d, &n) == HKP_OK && n > 0) CHECK_EQ(d[3], 5);
        pair_free(&q);
        if (i % 8 == 7) p.now += 61 * HKP_HTP__SEC; /* or their sources would have to show cookies */
    }
    CHECK_EQ(pair_dropped(p.v, HKP_E_HTP_REJECTED), 300);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
}

/* Proved HELLOs of one node that start over and over: 10 at once, then 10 a minute (step 11 of HTP-4.2). */
static void a_node_has_its_rate(void) {
    static struct world w;
    struct pair p, q;
    uint8_t d[1200];
    int taken = 0;
    load(&w, "n");
    pair_new(&p, &w);
    for (int i = 0; i < 30; i++) {
        pair_new(&q, &w);
        q.rng_e.seed = check_seed() + 100 + (uint64_t)i;
        CHECK_EQ(pair_connect(&q), HKP_OK);
        size_t n = pair_pull(&q, 1, d);
        struct hkp_htp_path from = {.addr = {[10] = 0xFF, 0xFF, 10, 0, (uint8_t)i}, .port = 9}, to;
        hkp_status st = hkp_htp_recv(p.v, p.now, p.wall, &from, d, n);
        taken += st == HKP_OK;
        if (st != HKP_OK) CHECK_EQ(st, HKP_E_HTP_LIMIT);
        while (hkp_htp_send(p.v, p.now, p.wall, &to, d, sizeof d, &n) == HKP_OK && n > 0) continue;
        pair_free(&q);
        if (i % 2 == 1) p.now += 3 * HKP_HTP__SEC + HKP_HTP__MS;
    }
    CHECK(taken >= 10 && taken <= 18);
    pair_free(&p);
}

/* A packet from a new address opens; answers keep going to the old one. */
static void a_rebinding_does_not_break_the_session(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    load(&w, "r");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    uint64_t up_v = pair_event(p.v, HKP_HTP_EVENT_UP).session;
    p.path_e.port = 50000;
    uint32_t stream;
    CHECK_EQ(hkp_htp_stream_open(p.e, p.session, HKP_HTP_STREAM_APP, 0, 1, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_session_allow(p.v, up_v, UINT64_MAX, 0), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p.e, p.session, stream, (const uint8_t *)"x", 1, 0), HKP_OK);
    size_t n = pair_pull(&p, 1, d);
    CHECK_EQ(pair_give(&p, 0, d, n), HKP_OK);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_MESSAGE).len, 1);
    CHECK_EQ(only(p.v)->path.port, 40000);
    pair_free(&p);
}

/* HTP-14.4: of two sessions opened at once the lower node's stays. */
static void simultaneous_opens_leave_one_session(void) {
    static struct world w;
    struct pair p;
    load(&w, "n");
    pair_new(&p, &w);
    struct hkp_htp_options o;
    hkp_htp_endpoint_free(p.e);
    pair_options(&p, &o, 1);
    memset(o.s_secret, 0x31, 32);
    CHECK_EQ(hkp_htp_endpoint_new(&p.e, &o, p.now), HKP_OK);
    uint64_t back;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(hkp_htp_connect(p.v, p.now, p.wall, &p.path_e, w.e.node_id, p.e->self.s, w.e.a, 0, &back),
             HKP_OK);
    pair_run(&p, 3 * HKP_HTP__SEC);
    hkp_htp_endpoint *lower = memcmp(w.e.node_id, w.v.node_id, 16) < 0 ? p.e : p.v;
    pair_event(p.e, 99), pair_event(p.v, 99);
    pair_run(&p, 3 * HKP_HTP__SEC);
    pair_event(p.e, 99), pair_event(p.v, 99);
    CHECK_EQ(lower->stats.sessions, 1);
    if (only(lower) != NULL) CHECK_EQ(only(lower)->role, HKP_HTP_ROLE_E);
    pair_free(&p);
}

/* A HELLO of a node that V does not know, with the cookie that V asks for; the result of giving it to V. */
static hkp_status stranger_hello(struct pair *p, const struct world *base, uint8_t name, uint8_t source) {
    struct world w = *base;
    struct pair q;
    uint8_t d[1200];
    struct hkp_htp_path from = {.addr = {[10] = 0xFF, 0xFF, 10, 0, 1, source}, .port = 9}, to;
    hkp_status st = HKP_OK;
    size_t n;
    memset(w.e.node_id, name, 16);
    w.registry.user = &w;
    pair_new(&q, &w);
    q.rng_e.seed = check_seed() + name;
    CHECK_EQ(pair_connect(&q), HKP_OK);
    for (int round = 0; round < 2; round++) {
        n = pair_pull(&q, 1, d);
        CHECK_EQ(n, 1200);
        st = hkp_htp_recv(p->v, p->now, p->wall, &from, d, n);
        if (round == 1) break;
        CHECK_EQ(st, HKP_OK);
        CHECK_EQ(hkp_htp_send(p->v, p->now, p->wall, &to, d, sizeof d, &n), HKP_OK);
        CHECK_EQ(n, HKP_HTP__RETRY_SIZE);
        CHECK_EQ(pair_give(&q, 1, d, n), HKP_OK);
    }
    while (hkp_htp_send(p->v, p->now, p->wall, &to, d, sizeof d, &n) == HKP_OK && n > 0) continue;
    pair_free(&q);
    return st;
}

/* HTP-4.10, 4.7: strangers have a pool of their own, two of a source, and the young are never put out. */
static void strangers_have_a_pool_of_their_own(void) {
    static struct world w;
    struct pair p;
    load(&w, "stranger");
    pair_new(&p, &w);
    CHECK_EQ(stranger_hello(&p, &w, 1, 1), HKP_OK);
    CHECK_EQ(stranger_hello(&p, &w, 2, 1), HKP_OK);
    CHECK_EQ(stranger_hello(&p, &w, 3, 1), HKP_E_HTP_LIMIT);
    for (uint8_t i = 2; i < 8; i++) CHECK_EQ(stranger_hello(&p, &w, (uint8_t)(i + 10), i), HKP_OK);
    CHECK_EQ(p.v->stats.half_open, 8);
    CHECK_EQ(stranger_hello(&p, &w, 50, 50), HKP_E_HTP_LIMIT);
    p.now += 4 * HKP_HTP__SEC;
    CHECK_EQ(stranger_hello(&p, &w, 51, 51), HKP_OK);
    CHECK_EQ(p.v->stats.half_open, 8);
    p.now += 16 * HKP_HTP__SEC;
    hkp_htp_tick(p.v, p.now, p.wall);
    CHECK_EQ(p.v->stats.half_open, 0);
    pair_free(&p);
}

static void up_pair(struct pair *p, struct world *w, const char *name) {
    load(w, name);
    pair_new(p, w);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
}

/* HTP-6.2: counts make a rekey due at either end, and hard limits close. */
static void limits_of_keys_are_kept(void) {
    static struct world w;
    struct pair p;
    uint8_t junk[80];
    for (int i = 0; i < 2; i++) {
        up_pair(&p, &w, "r");
        only(i ? p.e : p.v)->epochs[0]->sealed = UINT64_C(1) << 20;
        pair_run(&p, 70 * HKP_HTP__SEC);
        CHECK_EQ(only(p.e)->epoch, 1);
        CHECK_EQ(only(p.v)->epoch, 1);
        pair_free(&p);
    }
    up_pair(&p, &w, "r");
    only(p.e)->epochs[0]->sealed = (UINT64_C(1) << 22) - 1;
    pair_run(&p, 40 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).result, HKP_E_HTP_KEY_LIMIT);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_KEY_LIMIT);
    pair_free(&p);
    up_pair(&p, &w, "r");
    only(p.v)->epochs[0]->failed = (UINT64_C(1) << 20) - 1;
    memset(junk, 0x42, sizeof junk);
    hkp_htp__wire_header(junk, HKP_HTP__DATA, 900, 0, only(p.v)->token_in, junk, 0, sizeof junk);
    CHECK_EQ(pair_give(&p, 0, junk, sizeof junk), HKP_E_HTP_AUTH);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_DOWN).result, HKP_E_HTP_INTEGRITY_LIMIT);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_INTEGRITY_LIMIT);
    pair_free(&p);
}

/* HTP-6.3: what a peer that holds the keys may not say in REKEY. Each closes. */
static void wrong_rekeys_close(void) {
    static struct world w;
    for (int kind = 0; kind < 5; kind++) {
        struct pair p;
        int before = check_faults;
        uint8_t frame[80] = {0x0A, 1};
        up_pair(&p, &w, "r");
        hkp_htp_endpoint *to = kind == 4 ? p.e : p.v;
        struct hkp_htp__session *s = only(to);
        hkp_put_be32(frame + 4, kind == 0 ? 2 : 1);             /* beyond the next */
        hkp_put_be64(frame + 8, kind == 1 ? 0 : w.ck_index);    /* mode N's index in mode R */
        if (kind == 2) frame[1] = 2;                            /* an answer to V */
        if (kind == 3) hkp_put_be64(frame + 8, w.ck_index + 1); /* a commit that V does not hold */
        if (kind == 4) frame[1] = 2;                            /* an answer that nobody asked for */
        memset(frame + 16, 9, 32);
        CHECK_EQ(hkp_htp__rekey_frame(to, s, frame), kind == 3 ? HKP_E_NOTFOUND : HKP_E_HTP_REKEY);
        CHECK_EQ(s->epoch, 0);
        hkp_put_be32(frame + 4, 0);
        if (kind < 4) frame[1] = 1;
        CHECK_EQ(hkp_htp__rekey_frame(to, s, frame), HKP_OK); /* a late copy */
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

/* HTP-7.6: forged copies of every byte, from elsewhere, before the true packet: no address, window or state
 * moves. */
static void forged_copies_leave_no_trace(void) {
    static const char *const names[] = {"r", "r_suite2_mask"};
    for (size_t i = 0; i < 2; i++) {
        static struct world w;
        struct pair p;
        uint8_t d[1200], bad[1200], before[32], after[32];
        const struct hkp_htp_path elsewhere = {.addr = {[10] = 0xFF, 0xFF, 9, 9, 9, 9}, .port = 99};
        load(&w, names[i]);
        pair_new(&p, &w);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        for (int from_e = 1, step = 0; step < 3; step++, from_e = !from_e) {
            size_t n = pair_pull(&p, from_e, d);
            CHECK_EQ(pair_give(&p, !from_e, d, n), HKP_OK);
        }
        size_t n = pair_pull(&p, 0, d);
        CHECK_EQ(pair_give(&p, 1, d, n), HKP_OK); /* ACCEPT: E is up, V waits for its first packet */
        n = pair_pull(&p, 1, d);
        digest(p.v, before);
        for (size_t at = 0; at < n; at++) {
            memcpy(bad, d, n);
            bad[at] ^= 1;
            hkp_status st = hkp_htp_recv(p.v, p.now, p.wall, &elsewhere, bad, n);
            CHECK(st != HKP_OK && st > HKP_E_HTP_INNER);
        }
        digest(p.v, after);
        CHECK_MEM(after, before, 32);
        CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
        p.path_e.port = 41000; /* the session's address is that of the first packet that opens (HTP-4.7) */
        CHECK_EQ(pair_give(&p, 0, d, n), HKP_OK);
        CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        CHECK_EQ(only(p.v)->path.port, 41000);
        pair_free(&p);
    }
}

/* HTP-4.5: who sees the HELLO can forge RETRYs; E follows few and never forgets its first HELLO. */
static void forged_retries_only_delay(void) {
    static struct world w;
    struct pair p;
    uint8_t first[1200], d[1200], retry[HKP_HTP__RETRY_SIZE], cookie[32];
    const struct hkp_htp__stamp stamp = {.seconds = 7};
    load(&w, "retry");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, first), 1200);
    for (int i = 0; i < 3; i++) {
        memset(cookie, 0xA0 + i, 32);
        hkp_htp__retry_build(retry, first, cookie, &stamp);
        CHECK_EQ(pair_give(&p, 1, retry, sizeof retry), i == 0 ? HKP_OK : HKP_E_HTP_LIMIT);
    }
    CHECK_EQ(pair_pull(&p, 1, d), 1200);
    CHECK_EQ(d[HKP_HTP__COOKIE_AT], 0xA0);
    CHECK_MEM(d + HKP_HTP__AT_POSF, first + HKP_HTP__AT_POSF, HKP_HTP__COOKIE_AT - HKP_HTP__AT_POSF);
    CHECK_MEM(d + HKP_HTP__C1_AT, first + HKP_HTP__C1_AT, HKP_HTP__C1_SIZE);
    int firsts = 0, newest = 0;
    for (int ms = 0; ms < 9000; ms += 10) {
        p.now += 10 * HKP_HTP__MS;
        hkp_htp_tick(p.e, p.now, p.wall);
        while (pair_pull(&p, 1, d) > 0) {
            if (memcmp(d, first, 1200) == 0)
                firsts++;
            else
                newest++;
        }
    }
    CHECK_EQ(firsts, 2);
    CHECK_EQ(newest, 1);
    pair_free(&p);

    pair_new(&p, &w);
    p.rng_e.seed += 7;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, first), 1200);
    memcpy(retry + HKP_HTP__AT_TOKEN, first + HKP_HTP__AT_TOKEN, 8);
    CHECK_EQ(pair_give(&p, 1, retry, sizeof retry), HKP_E_HTP_RDV); /* of another HELLO */
    hkp_htp__retry_build(retry, first, cookie, &stamp);
    CHECK_EQ(pair_give(&p, 1, retry, sizeof retry), HKP_OK);
    pair_run(&p, 10 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_free(&p);
}

/* HTP-5.1: a repeated message gets the cached answer, five a second; a refusal sixteen times in all. */
static void answers_are_repeated_and_never_made_again(void) {
    static struct world w;
    struct pair p;
    uint8_t m[1200], answer[1200], d[1200];
    load(&w, "r");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    for (int step = 0; step < 2; step++) {
        const size_t n = pair_pull(&p, 1, m);
        CHECK_EQ(pair_give(&p, 0, m, n), HKP_OK);
        const size_t k = pair_pull(&p, 0, answer);
        for (int i = 0; i < 10; i++) {
            CHECK_EQ(pair_give(&p, 0, m, n), HKP_E_HTP_LIMIT);
            CHECK_EQ(pair_pull(&p, 0, d), 0);
            p.now += 201 * HKP_HTP__MS;
            CHECK_EQ(pair_give(&p, 0, m, n), HKP_OK);
            CHECK_EQ(pair_pull(&p, 0, d), k);
            CHECK_MEM(d, answer, k);
        }
        if (step == 0) CHECK_EQ(pair_give(&p, 1, answer, k), HKP_OK);
    }
    CHECK_EQ(p.v->stats.sessions, 1);
    pair_free(&p);

    pair_new(&p, &w);
    w.unknown = 1;
    CHECK_EQ(hkp_htp_connect(p.e, p.now, p.wall, &p.path_v, w.v.node_id, w.v.s, w.v.a, 1, &p.session),
             HKP_OK);
    const size_t n = pair_pull(&p, 1, m);
    CHECK_EQ(pair_give(&p, 0, m, n), HKP_E_HTP_REJECTED);
    CHECK_EQ(pair_pull(&p, 0, answer), HKP_HTP__REJECT_SIZE);
    int repeats = 0;
    for (int i = 0; i < 30; i++) {
        p.now += 3 * HKP_HTP__SEC;
        repeats += pair_give(&p, 0, m, n) == HKP_OK;
        if (pair_pull(&p, 0, d) > 0) CHECK_MEM(d, answer, HKP_HTP__REJECT_SIZE);
    }
    CHECK_EQ(repeats, 15);
    pair_free(&p);
}

/* V's answers are lost for longer than any old key lives: the keys that wait for E must still be there. */
static void a_rekey_outlives_a_silence_of_v(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    up_pair(&p, &w, "r");
    CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
    for (int ms = 0; ms < 8000; ms += 10) {
        p.now += 10 * HKP_HTP__MS;
        hkp_htp_tick(p.e, p.now, p.wall);
        hkp_htp_tick(p.v, p.now, p.wall);
        for (size_t n; (n = pair_pull(&p, 1, d)) > 0;) CHECK_EQ(pair_give(&p, 0, d, n), HKP_OK);
        while (pair_pull(&p, 0, d) > 0) continue;
    }
    CHECK_EQ(only(p.e)->epoch, 0);
    CHECK_EQ(only(p.v)->epoch, 0);
    pair_run(&p, 20 * HKP_HTP__SEC);
    CHECK_EQ(only(p.e)->epoch, 1);
    CHECK_EQ(only(p.v)->epoch, 1);
    pair_free(&p);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(every_packet_of_a_session_again_changes_nothing);
    CASE(sessions_live_and_rekey_under_loss);
    CASE(no_key_and_nonce_are_used_twice);
    CASE(junk_attests_do_not_stop_the_true_one);
    CASE(unproved_hellos_of_a_node_do_not_hinder_it);
    CASE(a_node_has_its_rate);
    CASE(a_rebinding_does_not_break_the_session);
    CASE(simultaneous_opens_leave_one_session);
    CASE(forged_copies_leave_no_trace);
    CASE(forged_retries_only_delay);
    CASE(answers_are_repeated_and_never_made_again);
    CASE(strangers_have_a_pool_of_their_own);
    CASE(limits_of_keys_are_kept);
    CASE(a_certificate_is_kept_until_the_first_rekey);
    CASE(wrong_rekeys_close);
    CASE(a_rekey_outlives_a_silence_of_v);
    return check_done();
}
