/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* V before it knows anybody: the steps of HTP-4.2 in their order, load, rates, half-open entries, REJECT. */
#include "libhtp/handshake/door.h"
#include "pair.h"

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

static void sign_hello(const struct world *w, uint8_t *d) {
    uint8_t key[32];
    hkp_htp__b2(key, NULL, PARTS(LABEL("HTP1 mac1"), {w->v.s, 32}));
    hkp_htp__rdv_packet(d + HKP_HTP__AT_RDV, key, d, 1200);
}

/* What V holds because of HELLOs, but for the counters of sources and of what was dropped. */
static void held(const struct pair *p, uint8_t out[32]) {
    const struct hkp_htp_endpoint *v = p->v;
    const struct hkp_htp__door *d = v->door;
    const uint64_t numbers[] = {d->oldest,
                                d->newest,
                                d->free_half,
                                d->pending_first,
                                d->n_strangers,
                                d->serial,
                                d->given_next,
                                v->n_free,
                                v->stats.half_open,
                                v->stats.sessions,
                                v->answers_n,
                                p->rng_v.seed,
                                (uint64_t)p->w->notes};
    hkp_htp__hash(out, PARTS({numbers, sizeof numbers}, {d->nodes, v->opt.source_cells * sizeof *d->nodes},
                             {d->given, v->opt.answer_cache * sizeof *d->given},
                             {v->tokens, v->token_slots * sizeof *v->tokens}));
}

static struct hkp_htp_path from(unsigned n) {
    return (struct hkp_htp_path){
        .addr = {[10] = 0xFF, 0xFF, 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, .port = 9};
}

static hkp_status give_v(struct pair *p, const struct hkp_htp_path *path, const uint8_t *hello) {
    uint8_t copy[1200];
    memcpy(copy, hello, 1200);
    return hkp_htp_recv(p->v, p->now, p->wall, path, copy, 1200);
}

/* One datagram of V, to whom it goes. */
static size_t pull_v(struct pair *p, struct hkp_htp_path *to, uint8_t d[1200]) {
    size_t len = 0;
    CHECK_EQ(hkp_htp_send(p->v, p->now, p->wall, to, d, 1200, &len), HKP_OK);
    return len;
}

/* A HELLO of the node of w, with other draws each time. */
static void fresh_hello(const struct pair *p, struct world *w, unsigned n, uint8_t d[1200]) {
    struct pair q;
    pair_new(&q, w);
    hkp_htp_endpoint_free(q.v);
    q.v = NULL;
    q.rng_e.seed = check_seed() + 1000 + n;
    q.now = p->now;
    q.wall = p->wall;
    CHECK_EQ(pair_connect(&q), HKP_OK);
    CHECK_EQ(pair_pull(&q, 1, d), 1200);
    hkp_htp_endpoint_free(q.e);
}

/* ---- the steps ---- */

enum { BY_LENGTH, BY_RDV, BY_FIELD, BY_DH, BY_AUTH, BY_INNER, DROPS };

static hkp_status spoil(const struct world *w, uint8_t *d, int how) {
    static const hkp_status results[DROPS] = {HKP_E_HTP_LENGTH, HKP_E_HTP_RDV,  HKP_E_HTP_FIELD,
                                              HKP_E_HTP_DH,     HKP_E_HTP_AUTH, HKP_E_HTP_INNER};
    if (how == BY_LENGTH) d[99] ^= 1;
    if (how == BY_RDV) d[33] ^= 1;
    if (how == BY_FIELD) d[101] = 0;
    if (how == BY_DH) memset(d + 120, 0, 32);
    if (how == BY_AUTH) d[700] ^= 1;
    if (how >= BY_FIELD) sign_hello(w, d);
    return results[how];
}

static void what_is_dropped_leaves_nothing_behind(void) {
    static struct world w;
    struct pair p;
    uint8_t good[1200], bad[1200], before[32], after[32], d[1200];
    load(&w, "r");
    pair_new(&p, &w);
    memcpy(p.e->self.node_id, w.v.node_id, 16); /* for BY_INNER: it says that it is V itself */
    struct hkp_htp_path path = from(1), to;
    for (int how = 0; how < DROPS; how++) {
        int faults = check_faults;
        fresh_hello(&p, &w, (unsigned)how, good);
        if (how == BY_INNER) {
            static struct world twin;
            load(&twin, "r");
            memcpy(twin.e.node_id, twin.v.node_id, 16);
            memset(twin.v.node_id, 0xCC, 16);
            fresh_hello(&p, &twin, 99, good);
        }
        memcpy(bad, good, 1200);
        held(&p, before);
        const hkp_status want = spoil(&w, bad, how);
        CHECK_EQ(give_v(&p, &path, bad), want);
        CHECK_EQ(pull_v(&p, &to, d), 0);
        held(&p, after);
        CHECK_MEM(before, after, 32);
        CHECK_NOTE(faults, "drop %d", how);
    }
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

static void when_loaded_a_cookie_comes_before_everything_else(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], d[1200], before[32], after[32];
    struct hkp_htp_path path = from(1), other = from(2), to;
    load(&w, "r");
    pair_new(&p, &w);
    p.v->door->dh_in_second = p.v->opt.dh_per_second; /* the budget is used up */
    p.v->door->second = (uint32_t)(p.now / HKP_HTP__SEC);
    fresh_hello(&p, &w, 1, hello);
    held(&p, before);
    CHECK_EQ(give_v(&p, &path, hello), HKP_OK);
    CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
    CHECK_MEM(&to, &path, sizeof to);
    CHECK_EQ(p.v->stats.half_open, 0);
    CHECK_EQ(p.v->door->given_next, 0);
    memcpy(hello + HKP_HTP__COOKIE_AT, d + HKP_HTP__PREFIX_RES, 32);
    sign_hello(&w, hello);
    CHECK_EQ(give_v(&p, &path, hello), HKP_E_HTP_LIMIT); /* right cookie, and no budget */
    CHECK_EQ(give_v(&p, &other, hello), HKP_E_HTP_COOKIE);
    CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
    CHECK_MEM(&to, &other, sizeof to);
    hello[HKP_HTP__COOKIE_AT] ^= 1;
    sign_hello(&w, hello);
    CHECK_EQ(give_v(&p, &path, hello), HKP_E_HTP_COOKIE);
    CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
    hello[HKP_HTP__COOKIE_AT] ^= 1;
    sign_hello(&w, hello);
    p.now += HKP_HTP__SEC;
    CHECK_EQ(give_v(&p, &path, hello), HKP_OK);
    CHECK_EQ(pull_v(&p, &to, d), 512);
    CHECK_EQ(p.v->stats.half_open, 1);
    held(&p, after);
    CHECK(memcmp(before, after, 32) != 0);
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

static void a_cookie_lives_through_one_change_of_its_key(void) {
    static struct world w;
    for (int changes = 0; changes < 3; changes++) {
        struct pair p;
        uint8_t hello[1200], d[1200];
        struct hkp_htp_path path = from(1), to;
        load(&w, "r");
        pair_new(&p, &w);
        p.v->opt.cookie_load = 0;
        p.v->stats.half_open = 1; /* loaded */
        fresh_hello(&p, &w, 1, hello);
        CHECK_EQ(give_v(&p, &path, hello), HKP_OK);
        CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
        memcpy(hello + HKP_HTP__COOKIE_AT, d + HKP_HTP__PREFIX_RES, 32);
        sign_hello(&w, hello);
        for (int i = 0; i < changes; i++) { /* each 120 s with some HELLO that turns the key */
            p.now += 121 * HKP_HTP__SEC;
            fresh_hello(&p, &w, 100 + (unsigned)i, d);
            struct hkp_htp_path crowd = from(100 + (unsigned)i);
            CHECK_EQ(give_v(&p, &crowd, d), HKP_OK);
            CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
        }
        CHECK_EQ(give_v(&p, &path, hello), changes < 2 ? HKP_OK : HKP_E_HTP_COOKIE);
        CHECK_EQ(pull_v(&p, &to, d), changes < 2 ? 512 : HKP_HTP__RETRY_SIZE);
        p.v->stats.half_open = 0;
        hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
    }
}

/* ---- load and rates ---- */

static void each_sign_of_load_asks_for_cookies(void) {
    for (int kind = 0; kind < 4; kind++) {
        static struct world w;
        struct pair p;
        uint8_t hello[1200], d[1200];
        struct hkp_htp_path path = from(1), other = from(2), to;
        int faults = check_faults;
        load(&w, "r");
        pair_new(&p, &w);
        const uint32_t second = (uint32_t)(p.now / HKP_HTP__SEC);
        p.v->door->second = second;
        if (kind == 0) p.v->stats.half_open = p.v->opt.cookie_load + 1;
        if (kind == 1) p.v->door->hello_in_second = HKP_HTP__HELLO_PER_SECOND;
        if (kind == 2) p.v->door->dh_in_second = p.v->opt.dh_per_second;
        for (int i = 0; kind == 3 && i < HKP_HTP__SOURCE_PER_MINUTE; i++) {
            memset(d, 0, 1200);
            fresh_hello(&p, &w, 500, hello); /* the same again: counts all the same */
            (void)give_v(&p, &path, hello);
            while (pull_v(&p, &to, d) > 0) continue;
        }
        fresh_hello(&p, &w, 1, hello);
        CHECK_EQ(give_v(&p, &path, hello), HKP_OK);
        CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__RETRY_SIZE);
        fresh_hello(&p, &w, 2, hello);
        CHECK_EQ(give_v(&p, &other, hello), HKP_OK); /* the last kind is for one source only */
        CHECK_EQ(pull_v(&p, &to, d), kind == 3 ? 512 : HKP_HTP__RETRY_SIZE);
        if (kind == 0) p.v->stats.half_open = 0;
        hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
        CHECK_NOTE(faults, "kind %d", kind);
    }
}

/* Junk that costs a key agreement, with right cookies so that nothing but the budget stands in its way. */
static hkp_status costs_dh(struct pair *p, const struct world *w, unsigned source, unsigned n) {
    static uint8_t hello[1200];
    struct hkp_htp_path path = from(source), to;
    uint8_t cookie[32], d[1200];
    if (hello[3] == 0) fresh_hello(p, (struct world *)(uintptr_t)w, 7, hello);
    memcpy(d, hello, 1200);
    hkp_put_be32(d + 900, n); /* other bytes of c1, which do not open */
    hkp_htp__cookie(cookie, p->v->door->cookie_key[0], &path, d);
    memcpy(d + HKP_HTP__COOKIE_AT, cookie, 32);
    sign_hello(w, d);
    hkp_status st = give_v(p, &path, d);
    CHECK_EQ(pull_v(p, &to, d), 0);
    return st;
}

static void a_source_has_eight_key_agreements_a_second(void) {
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20; i++)
            CHECK_EQ(costs_dh(&p, &w, 1, 100 * round + i), i < 8 ? HKP_E_HTP_AUTH : HKP_E_HTP_LIMIT);
        CHECK_EQ(costs_dh(&p, &w, 2, round), HKP_E_HTP_AUTH);
        p.now += HKP_HTP__SEC;
    }
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

/* Ten greedy sources cannot take the whole budget: one that asks for the first time still gets its turn. */
static void sources_share_the_budget_in_turns(void) {
    static struct world w;
    struct pair p;
    unsigned got[11] = {0};
    load(&w, "r");
    pair_new(&p, &w);
    p.v->opt.dh_per_second = 64;
    for (unsigned round = 0; round < 8; round++)
        for (unsigned s = 0; s < 10; s++)
            got[s] += costs_dh(&p, &w, 20 + s, 1000 * s + round) == HKP_E_HTP_AUTH;
    for (unsigned s = 0; s < 10; s++) CHECK(got[s] >= 2 && got[s] < 8);
    for (unsigned s = 0; s < 5; s++) CHECK_EQ(costs_dh(&p, &w, 60 + s, 7), HKP_E_HTP_AUTH);
    for (unsigned i = 0; i < 200; i++) (void)costs_dh(&p, &w, 1000 + i, 7);
    CHECK(p.v->door->dh_in_second <= 64); /* and the whole is never more than was allowed */
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

static void the_rate_of_a_node_is_charged_to_proofs_only(void) {
    static struct world w, forger;
    struct pair p;
    uint8_t hello[1200], d[1200];
    struct hkp_htp_path to;
    load(&w, "r");
    load(&forger, "r");
    memset(forger.psk, 9, 32);
    pair_new(&p, &w);
    for (unsigned i = 0; i < 60; i++) {
        struct hkp_htp_path path = from(i);
        fresh_hello(&p, &forger, i, hello);
        CHECK_EQ(give_v(&p, &path, hello), HKP_E_HTP_REJECTED);
        CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__REJECT_SIZE);
    }
    for (unsigned i = 0; i < 12; i++) { /* two entries of a node wait; then the young are not put out */
        struct hkp_htp_path path = from(100 + i);
        fresh_hello(&p, &w, 100 + i, hello);
        const hkp_status st = give_v(&p, &path, hello);
        CHECK_EQ(st, i < 2 ? HKP_OK : HKP_E_HTP_LIMIT);
        while (pull_v(&p, &to, d) > 0) continue;
    }
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

/* A HELLO whose t1 was seen before has a small rate of its own, beside that of fresh ones. */
static void replayed_hellos_have_a_rate_of_their_own(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], d[1200];
    struct hkp_htp_path to;
    unsigned taken = 0;
    load(&w, "r");
    pair_new(&p, &w);
    w.last_t1 = p.wall + 1000000;
    for (unsigned i = 0; i < 10; i++) {
        struct hkp_htp_path path = from(i);
        fresh_hello(&p, &w, i, hello);
        taken += give_v(&p, &path, hello) == HKP_OK;
        while (pull_v(&p, &to, d) > 0) continue;
        p.now += 3 * HKP_HTP__SEC + 1;
        w.last_t1 += 3000000;
    }
    CHECK(taken >= 3 && taken <= 5);
    w.last_t1 = 1;
    struct hkp_htp_path path = from(99);
    fresh_hello(&p, &w, 99, hello);
    CHECK_EQ(give_v(&p, &path, hello), HKP_OK);
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

/* ---- half-open entries (HTP-4.7) ---- */

static void a_third_entry_of_a_node_puts_the_older_out_unless_it_is_young(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[3][1200], d[1200];
    struct hkp_htp_path to;
    load(&w, "r");
    pair_new(&p, &w);
    struct hkp_htp_path path = from(1);
    for (unsigned i = 0; i < 3; i++) fresh_hello(&p, &w, i, hello[i]);
    CHECK_EQ(give_v(&p, &path, hello[0]), HKP_OK);
    p.now += 2 * HKP_HTP__SEC;
    CHECK_EQ(give_v(&p, &path, hello[1]), HKP_OK);
    CHECK_EQ(give_v(&p, &path, hello[2]), HKP_E_HTP_LIMIT);
    CHECK_EQ(p.v->stats.half_open, 2);
    p.now += HKP_HTP__SEC;
    CHECK_EQ(give_v(&p, &path, hello[2]), HKP_OK);
    CHECK_EQ(p.v->stats.half_open, 2);
    while (pull_v(&p, &to, d) > 0) continue;
    p.now += HKP_HTP__SEC;
    CHECK_EQ(give_v(&p, &path, hello[0]), HKP_E_HTP_REPLAY); /* its entry is gone */
    CHECK_EQ(give_v(&p, &path, hello[1]), HKP_OK);
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

static void a_full_table_loses_replayed_ones_first_and_never_the_young(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_path path = from(1);
    uint8_t node[16] = {0};
    load(&w, "r");
    pair_new(&p, &w);
    for (unsigned i = 0; i < p.v->opt.half_open_max; i++) {
        node[0] = (uint8_t)i;
        CHECK(hkp_htp__half_take(p.v, node, i == 5 || i == 9 ? HKP_HTP__CLASS_REPLAYED : HKP_HTP__CLASS_FRESH,
                                 &path) != NULL);
        p.now += i == 0 ? 0 : 10 * HKP_HTP__MS;
    }
    node[0] = 200;
    p.v->now = p.now;
    CHECK(hkp_htp__half_take(p.v, node, HKP_HTP__CLASS_FRESH, &path) == NULL); /* all are young */
    p.v->now = p.now += 4 * HKP_HTP__SEC;
    struct hkp_htp__half *h = hkp_htp__half_take(p.v, node, HKP_HTP__CLASS_FRESH, &path);
    CHECK_EQ(h - p.v->door->halves, 5);
    node[0] = 201;
    h = hkp_htp__half_take(p.v, node, HKP_HTP__CLASS_FRESH, &path);
    CHECK_EQ(h - p.v->door->halves, 9);
    node[0] = 202;
    h = hkp_htp__half_take(p.v, node, HKP_HTP__CLASS_FRESH, &path);
    CHECK_EQ(h - p.v->door->halves, 0); /* then the oldest */
    CHECK_EQ(p.v->stats.half_open, p.v->opt.half_open_max);
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
}

/* ---- REJECT (HTP-5.7) ---- */

static void at_most_sixteen_rejects_answer_one_hello(void) {
    for (int to_attest = 0; to_attest < 2; to_attest++) {
        static struct world w;
        struct pair p;
        uint8_t d[1200], m[1200], first[HKP_HTP__REJECT_SIZE];
        size_t len;
        unsigned rejects = 0;
        int faults = check_faults;
        load(&w, "r");
        pair_new(&p, &w);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        len = pair_pull(&p, 1, m);
        if (to_attest) {
            CHECK_EQ(pair_give(&p, 0, m, len), HKP_OK);
            size_t n = pair_pull(&p, 0, d);
            CHECK_EQ(pair_give(&p, 1, d, n), HKP_OK);
            len = pair_pull(&p, 1, m);
            p.v->door->halves[p.v->door->oldest].record.policy_ver = 99;
        } else
            w.unknown = 1;
        for (int i = 0; i < 60; i++) {
            if (!to_attest) p.path_e.addr[14] = (uint8_t)i; /* a source that says so much needs a cookie */
            (void)pair_give(&p, 0, m, len);
            size_t n = pair_pull(&p, 0, d);
            CHECK(n == 0 || n == HKP_HTP__REJECT_SIZE);
            if (n > 0 && rejects++ == 0) memcpy(first, d, sizeof first);
            if (n > 0) CHECK_MEM(first, d, sizeof first); /* never sealed again */
            p.now += 210 * HKP_HTP__MS;
        }
        CHECK_EQ(rejects, HKP_HTP__REJECTS_PER_HELLO);
        pair_free(&p);
        CHECK_NOTE(faults, "to_attest %d", to_attest);
    }
}

/* At least 5 s, twice as long each time, at most 300; V may ask for more; a session forgets it all. */
static void e_waits_longer_after_each_reject(void) {
    static const uint64_t want[] = {5, 10, 20, 40, 80, 160, 300, 300};
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        w.unknown = 0;
        CHECK_EQ(pair_connect(&p), HKP_OK);
        w.unknown = 1;
        pair_pump(&p);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).value, want[i]);
        p.now += want[i] * HKP_HTP__SEC - 1, p.wall += want[i] * 1000000;
        w.unknown = 0;
        CHECK_EQ(pair_connect(&p), HKP_E_LIMIT);
        p.now++;
    }
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(&p, 10 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_endpoint_revoke(p.e, p.now, w.v.node_id), HKP_OK); /* no ticket */
    CHECK_EQ(pair_connect(&p), HKP_OK);
    w.unknown = 1;
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).value, 5);
    pair_free(&p);
}

static void a_longer_wait_that_v_asks_for_is_kept(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    struct hkp_htp__header header;
    static struct hkp_htp__valid_secret v;
    uint8_t key[32];
    const struct hkp_htp__stamp stamp = {.seconds = 1};
    load(&w, "r");
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, d), 1200);
    CHECK_EQ(hkp_htp__wire_check(d, 1200, &header), HKP_OK);
    hkp_htp__hello_key(key, d);
    CHECK_EQ(hkp_htp__hello_open(&v, &w.v, &header, d, key), HKP_OK);
    hkp_htp__reject_build(&v, HKP_HTP_REASON_OVERLOAD, 1000, &stamp, d);
    CHECK_EQ(pair_give(&p, 1, d, HKP_HTP__REJECT_SIZE), HKP_E_HTP_REJECTED);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.value, 1000);
    CHECK_EQ(ev.reason, HKP_HTP_REASON_OVERLOAD);
    CHECK_EQ(hkp_htp_kind(ev.result, ev.reason), HKP_HTP_KIND_ERROR);
    p.now += 999 * HKP_HTP__SEC;
    CHECK_EQ(pair_connect(&p), HKP_E_LIMIT);
    pair_free(&p);
}

/* Unknown, suspended, without the commit, with the wrong state: the answers have one code and one size. */
static void all_refusals_look_the_same(void) {
    for (int kind = 0; kind < 4; kind++) {
        static struct world w, e;
        struct pair p;
        struct hkp_htp_path path = from(1), to;
        uint8_t hello[1200], d[1200];
        uint16_t code, wait;
        struct hkp_htp__header header;
        static struct hkp_htp__edge_secret edge;
        static struct hkp_htp__valid_secret v;
        load(&w, "r");
        load(&e, "r");
        if (kind == 0) w.unknown = 1;
        if (kind == 1) w.status = HKP_HTP_NODE_SUSPENDED;
        if (kind == 2) w.ck_index++;
        if (kind == 3) memset(w.psk, 5, 32);
        pair_new(&p, &w);
        fresh_hello(&p, &e, 3, hello);
        CHECK_EQ(give_v(&p, &path, hello), HKP_E_HTP_REJECTED);
        CHECK_EQ(pull_v(&p, &to, d), HKP_HTP__REJECT_SIZE);
        CHECK_EQ(hkp_htp__wire_check(hello, 1200, &header), HKP_OK);
        hkp_htp__hello_key(edge.answer_key, hello);
        CHECK_EQ(hkp_htp__hello_open(&v, &w.v, &header, hello, edge.answer_key), HKP_OK);
        memcpy(edge.reject_key, v.reject_key, 32);
        memcpy(edge.reject_h, v.reject_h, 32);
        CHECK_EQ(hkp_htp__wire_check(d, HKP_HTP__REJECT_SIZE, &header), HKP_OK);
        CHECK_EQ(hkp_htp__reject_open(&edge, &header, d, &code, &wait), HKP_OK);
        CHECK_EQ(code, HKP_HTP_REASON_REFUSED);
        CHECK_EQ(wait, 5);
        CHECK_EQ(p.v->stats.half_open, 0);
        CHECK_EQ(w.unproved, 1);
        CHECK_EQ(w.failed, 0);
        hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
        CHECK_EQ(w.pins, 0);
    }
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(what_is_dropped_leaves_nothing_behind);
    CASE(when_loaded_a_cookie_comes_before_everything_else);
    CASE(a_cookie_lives_through_one_change_of_its_key);
    CASE(each_sign_of_load_asks_for_cookies);
    CASE(a_source_has_eight_key_agreements_a_second);
    CASE(sources_share_the_budget_in_turns);
    CASE(the_rate_of_a_node_is_charged_to_proofs_only);
    CASE(replayed_hellos_have_a_rate_of_their_own);
    CASE(a_third_entry_of_a_node_puts_the_older_out_unless_it_is_young);
    CASE(a_full_table_loses_replayed_ones_first_and_never_the_young);
    CASE(at_most_sixteen_rejects_answer_one_hello);
    CASE(e_waits_longer_after_each_reject);
    CASE(a_longer_wait_that_v_asks_for_is_kept);
    CASE(all_refusals_look_the_same);
    return check_done();
}
