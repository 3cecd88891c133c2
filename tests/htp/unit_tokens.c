/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Flow tokens (HTP-9.1) and stateless resets (HTP-9.5). */
#include "pair.h"

static struct hkp_htp__session *only(hkp_htp_endpoint *ep) {
    for (uint32_t i = 0; i < ep->opt.sessions_max; i++)
        if (ep->sessions[i] != NULL) return ep->sessions[i];
    return NULL;
}

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

static void up_pair(struct pair *p, struct world *w, const char *name) {
    load(w, name);
    pair_new(p, w);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
}

/* ---- tokens alone ---- */

static struct hkp_htp__frame token_frame(uint16_t seq, uint64_t token) {
    static const uint8_t reset[16] = {0};
    return (struct hkp_htp__frame){
        .type = HKP_HTP__F_TOKEN, .seq = seq, .value = token, .data = reset, .len = 16};
}

static struct hkp_htp__frame retire_frame(uint16_t seq) {
    return (struct hkp_htp__frame){.type = HKP_HTP__F_RETIRE, .seq = seq};
}

static hkp_status give(struct hkp_htp__tokens *t, uint16_t seq, uint64_t token) {
    const struct hkp_htp__frame f = token_frame(seq, token);
    return hkp_htp__tokens_on_token(t, &f);
}

static hkp_status retire(struct hkp_htp__tokens *t, uint16_t seq) {
    const struct hkp_htp__frame f = retire_frame(seq);
    return hkp_htp__tokens_on_retire(t, &f);
}

static void eight_tokens_are_known_and_no_more(void) {
    struct hkp_htp__tokens t = {.next = 0}, before;
    hkp_htp__tokens_init(&t, 1, 100);
    for (uint16_t i = 1; i < 8; i++) CHECK_EQ(give(&t, i, 100U + i), HKP_OK);
    before = t;
    CHECK_EQ(give(&t, 8, 108), HKP_E_HTP_FRAME);
    CHECK_MEM(&t, &before, sizeof t);
    /* One that we gave up makes room, and only what was unused is taken. */
    for (int i = 1; i < 8; i++) CHECK_EQ(hkp_htp__tokens_take(&t), i);
    CHECK_EQ(hkp_htp__tokens_take(&t), -1);
    hkp_htp__tokens_retire(&t, 3);
    CHECK_EQ(give(&t, 8, 108), HKP_OK);
    CHECK_EQ(hkp_htp__tokens_take(&t), 3);
    CHECK_EQ(t.peer[3], 108);
}

static void hostile_tokens_are_malformed(void) {
    struct hkp_htp__tokens t = {.next = 0}, before;
    hkp_htp__tokens_init(&t, 1, 100);
    CHECK_EQ(give(&t, 2, 102), HKP_OK);
    before = t;
    CHECK_EQ(give(&t, 0, 100), HKP_E_HTP_FRAME);  /* number 0 is the handshake's */
    CHECK_EQ(give(&t, 2, 103), HKP_E_HTP_FRAME);  /* another token of the same number */
    CHECK_EQ(give(&t, 3, 102), HKP_E_HTP_FRAME);  /* another number of the same token */
    CHECK_EQ(give(&t, 11, 111), HKP_E_HTP_FRAME); /* more than 8 on their way */
    CHECK_EQ(give(&t, 2, 102), HKP_OK);
    CHECK_MEM(&t, &before, sizeof t);
    CHECK_EQ(give(&t, 10, 110), HKP_OK);
    CHECK_EQ(give(&t, 1, 101), HKP_OK);
}

/* A copy of TOKEN that comes after we gave the token up must not bring it back. */
static void a_late_copy_brings_no_token_back(void) {
    struct hkp_htp__tokens t = {.next = 0};
    hkp_htp__tokens_init(&t, 1, 100);
    CHECK_EQ(give(&t, 1, 101), HKP_OK);
    hkp_htp__tokens_retire(&t, 1);
    CHECK_EQ(give(&t, 1, 101), HKP_OK);
    CHECK_EQ(hkp_htp__tokens_take(&t), -1);
    for (uint16_t i = 2; i < 200; i++) {
        CHECK_EQ(give(&t, i, 100U + i), HKP_OK);
        int place = hkp_htp__tokens_take(&t);
        hkp_htp__tokens_retire(&t, place);
        hkp_htp__tokens_acked(&t, HKP_HTP__F_RETIRE, i);
    }
    CHECK_EQ(give(&t, 1, 101), HKP_OK);
    CHECK_EQ(hkp_htp__tokens_take(&t), -1);
}

static void a_retire_of_what_was_never_given_is_malformed(void) {
    struct hkp_htp__tokens t = {.next = 0};
    hkp_htp__tokens_init(&t, 1, 100);
    hkp_htp__tokens_add(&t, 2);
    CHECK_EQ(retire(&t, 2), HKP_E_HTP_FRAME);
    CHECK_EQ(hkp_htp__tokens_gone(&t), 0);
    CHECK_EQ(retire(&t, 0), HKP_OK);
    CHECK_EQ(hkp_htp__tokens_gone(&t), 1);
    CHECK_EQ(retire(&t, 0), HKP_OK); /* a late copy */
    CHECK_EQ(hkp_htp__tokens_gone(&t), 0);
    CHECK_EQ(hkp_htp__tokens_own(&t, 2), 1);
}

static void numbers_of_tokens_end(void) {
    struct hkp_htp__tokens t = {.next = 0};
    hkp_htp__tokens_init(&t, 1, 100);
    unsigned given = 0;
    for (; hkp_htp__tokens_wanted(&t) && given < 70000; given++) {
        hkp_htp__tokens_add(&t, 1000U + given);
        CHECK_EQ(retire(&t, (uint16_t)(given + 1)), HKP_OK);
        CHECK_EQ(hkp_htp__tokens_gone(&t), 1000U + given);
    }
    CHECK_EQ(given, 65535);
    CHECK_EQ(retire(&t, 65535), HKP_OK);
}

/* Both sides give, use and give up at random, over frames that are lost, late and doubled: what a side uses
 * is always known to the other, and nobody ever sees a fault. */
static void random_exchanges_stay_within_the_limits(void) {
    enum { FLYING = 64, ROUNDS = 20000 };
    struct hkp_htp__tokens t[2] = {{.next = 0}, {.next = 0}};
    struct {
        uint8_t bytes[32];
        size_t len;
        uint8_t type, to;
        uint16_t seq;
    } flying[FLYING];
    size_t n = 0;
    uint64_t seed = check_seed(), serial = 100, gone;
    hkp_htp__tokens_init(&t[0], 1, 2);
    hkp_htp__tokens_init(&t[1], 2, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct hkp_htp__tokens *me = &t[check_random(&seed) % 2];
        int side = me == &t[1], place;
        uint64_t what = check_random(&seed) % 8;
        if (what == 0 && hkp_htp__tokens_wanted(me)) hkp_htp__tokens_add(me, serial++);
        if (what == 1 && (place = hkp_htp__tokens_take(me)) >= 0) CHECK(me->peer[place] != 0);
        place = (int)(check_random(&seed) % 8);
        if (what == 2 && (me->peer_used >> place & 1) && hkp_htp__tokens_may_retire(me)) {
            CHECK(hkp_htp__tokens_own(&t[!side], me->peer[place]) >= 0);
            hkp_htp__tokens_retire(me, place);
        }
        if (what == 3 && n < FLYING) {
            flying[n].to = (uint8_t)!side;
            flying[n].len = hkp_htp__tokens_write(me, flying[n].bytes, 32, &flying[n].type, &flying[n].seq);
            n += flying[n].len > 0;
        }
        if (what >= 4 && n > 0) {
            size_t at = check_random(&seed) % n, pos = 0;
            struct hkp_htp__frame f;
            struct hkp_htp__tokens *to = &t[flying[at].to], *from = &t[!flying[at].to];
            if (what == 4) {
                hkp_htp__tokens_lost(from, flying[at].type, flying[at].seq);
            } else {
                CHECK_EQ(hkp_htp__frame_read(flying[at].bytes, flying[at].len, &pos, HKP_HTP__T_DATA, 1, &f),
                         HKP_OK);
                CHECK_EQ(f.type == HKP_HTP__F_TOKEN ? hkp_htp__tokens_on_token(to, &f)
                                                    : hkp_htp__tokens_on_retire(to, &f),
                         HKP_OK);
                while ((gone = hkp_htp__tokens_gone(to)) != 0) CHECK(hkp_htp__tokens_own(to, gone) < 0);
                if (what == 5) continue; /* it stays on its way: a copy comes later */
                hkp_htp__tokens_acked(from, flying[at].type, flying[at].seq);
            }
            flying[at] = flying[--n];
        }
    }
    CHECK(serial > 200);
}

/* ---- tokens of sessions ---- */

static unsigned spare(const struct hkp_htp__session *s) {
    unsigned n = 0;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++)
        n += s->paths->tokens.peer[i] != 0 && !(s->paths->tokens.peer_used >> i & 1);
    return n;
}

static void each_side_gives_two_spare_tokens(void) {
    static struct world w;
    struct pair p;
    uint8_t reset[16];
    up_pair(&p, &w, "r");
    const struct hkp_htp__session *e = only(p.e), *v = only(p.v);
    CHECK_EQ(spare(e), 2);
    CHECK_EQ(spare(v), 2);
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        if (e->paths->tokens.peer[i] != 0) {
            CHECK_EQ(hkp_htp__token_find(p.v, e->paths->tokens.peer[i]), v->index);
            hkp_htp__reset_token(p.v->reset_key, e->paths->tokens.peer[i], reset);
            CHECK_MEM(e->paths->tokens.reset[i], reset, 16);
        }
        if (v->paths->tokens.peer[i] != 0)
            CHECK_EQ(hkp_htp__token_find(p.e, v->paths->tokens.peer[i]), e->index);
    }
    pair_free(&p);
}

/* A token given up is forgotten by its maker, which gives another; the session goes on by any of them. */
static void tokens_given_up_are_replaced(void) {
    static struct world w;
    struct pair p;
    up_pair(&p, &w, "r");
    struct hkp_htp__session *e = only(p.e);
    for (int i = 0; i < 30; i++) {
        struct hkp_htp__tokens *t = &e->paths->tokens;
        const uint64_t old = e->token_out;
        int from = 0, to = hkp_htp__tokens_take(t);
        while (t->peer[from] != old) from++;
        CHECK(to >= 0);
        e->token_out = t->peer[to];
        hkp_htp__reset_watch(p.e, e, to);
        hkp_htp__reset_unwatch(p.e, e, from);
        hkp_htp__tokens_retire(t, from);
        hkp_htp__session_touch(p.e, e);
        pair_run(&p, HKP_HTP__SEC);
        CHECK_EQ(hkp_htp__token_find(p.v, old), HKP_HTP__NONE);
        CHECK_EQ(spare(e), 2);
        CHECK_EQ(e->state, HKP_HTP__S_UP);
        CHECK_EQ(t->retired_set, 0);
    }
    CHECK_EQ(p.v->token_n, 3);
    CHECK_EQ(p.e->token_n, 4); /* three of its own, and what a reset would show */
    pair_free(&p);
}

static void an_ended_session_leaves_no_token(void) {
    static struct world w;
    struct pair p;
    up_pair(&p, &w, "r");
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    pair_event(p.e, 99), pair_event(p.v, 99);
    CHECK_EQ(p.e->token_n, 0);
    CHECK_EQ(p.v->token_n, 0);
    pair_free(&p);
}

/* Spare tokens never take the room of those that a new session needs. */
static void a_full_table_gives_no_spare_tokens(void) {
    static struct world w;
    struct pair p;
    load(&w, "r");
    pair_new(&p, &w);
    const uint32_t most = p.v->token_slots / 3 * 2 + 1;
    for (uint64_t i = 0; i < most; i++) hkp_htp__token_put(p.v, ((i + 7) << 32) | i * 2654435761U, 0);
    CHECK_EQ(p.v->token_n, most);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    CHECK_EQ(spare(only(p.e)), 0);
    CHECK_EQ(spare(only(p.v)), 2);
    pair_free(&p);
}

/* ---- resets ---- */

enum { NO_MEMORY = 0, SAME_KEY = 1, OFF = 2 };

/* V ends without a word and starts again. */
static void restart_v(struct pair *p, int how) {
    struct hkp_htp_options o;
    hkp_htp_endpoint_free(p->v);
    pair_options(p, &o, 0);
    if (how != NO_MEMORY) memset(o.reset_key, 0x77, 32);
    o.no_reset = how == OFF;
    p->rng_v.seed += 1000;
    CHECK_EQ(hkp_htp_endpoint_new(&p->v, &o, p->now), HKP_OK);
}

static void up_with_key(struct pair *p, struct world *w, const char *name) {
    load(w, name);
    pair_new(p, w);
    restart_v(p, SAME_KEY);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
}

static void a_v_that_lost_its_memory_resets(void) {
    static const char *const names[] = {"r", "n", "r_suite2_mask"};
    static struct world w;
    for (int i = 0; i < 3; i++) {
        struct pair p;
        up_with_key(&p, &w, names[i]);
        restart_v(&p, SAME_KEY);
        pair_run(&p, 100 * HKP_HTP__SEC);
        const struct hkp_htp_event down = pair_event(p.e, HKP_HTP_EVENT_DOWN);
        CHECK_EQ(down.result, HKP_E_HTP_RESET);
        CHECK_EQ(hkp_htp_kind(down.result, down.reason), HKP_HTP_KIND_EXPIRED);
        CHECK_EQ(p.e->token_n, 0);
        pair_free(&p);
    }
}

static void without_the_key_or_the_will_nothing_is_reset(void) {
    static const int ways[] = {NO_MEMORY, OFF};
    static struct world w;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        up_with_key(&p, &w, "r");
        restart_v(&p, ways[i]);
        pair_run(&p, 80 * HKP_HTP__SEC);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).type, HKP_HTP_EVENT_NONE);
        CHECK_EQ(only(p.e)->state, HKP_HTP__S_UP);
        pair_run(&p, 60 * HKP_HTP__SEC);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).result, HKP_E_HTP_IDLE);
        pair_free(&p);
    }
}

static size_t answer_of(struct pair *p, size_t len, uint8_t first, uint8_t out[1200]) {
    uint8_t d[1200];
    size_t n = 0;
    struct hkp_htp_path to;
    memset(d, 0x5A, sizeof d);
    if (first == 0) hkp_htp__wire_header(d, HKP_HTP__DATA, 1, 2, 0x1234, d + 40, 0, len);
    d[3] ^= first;
    CHECK(pair_give(p, 0, d, len) != HKP_OK);
    CHECK_EQ(hkp_htp_send(p->v, p->now, p->wall, &to, out, 1200, &n), HKP_OK);
    if (n > 0) CHECK(to.port == p->path_e.port);
    return n;
}

/* HTP-9.5: for packets of 64 bytes and more, shorter than these, ten a second, none for 30 s. */
static void resets_are_few_and_small(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200], reset[16];
    load(&w, "r");
    pair_new(&p, &w);
    p.now += 29 * HKP_HTP__SEC;
    CHECK_EQ(answer_of(&p, 200, 0, d), 0);
    p.now += 2 * HKP_HTP__SEC;
    hkp_htp__reset_token(p.v->reset_key, 0x1234, reset);
    size_t least = 1200, most = 0;
    for (int i = 0; i < 300; i++) {
        const size_t len = 64 + (size_t)i % 100, n = answer_of(&p, len, 0, d);
        CHECK(n >= 57 && n < len);
        CHECK_MEM(d + n - 16, reset, 16);
        if (len == 163) least = n < least ? n : least, most = n > most ? n : most;
        p.now += HKP_HTP__SEC / 10 + 1;
    }
    CHECK(least < most);
    CHECK_EQ(answer_of(&p, 63, 0, d), 0);
    CHECK(answer_of(&p, 1200, 0, d) >= 57);
    CHECK_EQ(answer_of(&p, 200, 0x10 ^ 3, d), 0); /* an ATTEST for nobody */
    CHECK_EQ(answer_of(&p, 200, 0x70, d), 0);     /* no packet of ours without masking */
    p.now += 2 * HKP_HTP__SEC;
    int sent = 0;
    for (int i = 0; i < 1000; i++) sent += answer_of(&p, 100, 0, d) > 0;
    CHECK_EQ(sent, 10);
    /* E never resets. */
    p.now += 40 * HKP_HTP__SEC;
    hkp_htp__wire_header(d, HKP_HTP__DATA, 1, 2, 0x1234, d + 40, 0, 200);
    CHECK_EQ(pair_give(&p, 1, d, 200), HKP_E_HTP_TOKEN);
    CHECK_EQ(pair_pull(&p, 1, d), 0);
    pair_free(&p);
}

/* Only the right token from V's address: anything else is a drop that changes nothing. */
static void a_wrong_reset_does_nothing(void) {
    static struct world w;
    struct pair p;
    uint8_t d[120];
    up_pair(&p, &w, "r");
    const struct hkp_htp__session *e = only(p.e);
    memset(d, 0x66, sizeof d);
    for (int bit = 0; bit < 128; bit++) {
        hkp_htp__reset_token(p.v->reset_key, e->token_out, d + 104);
        d[104 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(pair_give(&p, 1, d, sizeof d) != HKP_E_HTP_RESET);
    }
    /* The reset token of a token that we do not use yet, or gave up, is none. */
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) {
        const struct hkp_htp__tokens *t = &e->paths->tokens;
        if (t->peer[i] == 0 || (t->peer_used >> i & 1)) continue;
        memcpy(d + 104, t->reset[i], 16);
        CHECK(pair_give(&p, 1, d, sizeof d) != HKP_E_HTP_RESET);
    }
    hkp_htp__reset_token(p.v->reset_key, e->token_out, d + 104);
    p.path_v.port++;
    CHECK(pair_give(&p, 1, d, sizeof d) != HKP_E_HTP_RESET);
    p.path_v.port--;
    CHECK(pair_give(&p, 1, d + 64, 56) != HKP_E_HTP_RESET);
    CHECK_EQ(e->state, HKP_HTP__S_UP);
    /* And the right one, also under a token that is known: it does not open. */
    hkp_put_be64(d + 12, e->paths->token_in);
    hkp_htp__wire_header(d, HKP_HTP__DATA, 77, 2, e->paths->token_in, d + 40, 0, sizeof d);
    CHECK_EQ(pair_give(&p, 1, d, sizeof d), HKP_E_HTP_RESET);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).result, HKP_E_HTP_RESET);
    pair_free(&p);
}

/* The name of a reset token in the table is no token. */
static void the_name_of_a_reset_token_finds_no_session(void) {
    static struct world w;
    struct pair p;
    uint8_t d[100], h[8];
    up_pair(&p, &w, "r");
    const struct hkp_htp__session *e = only(p.e);
    crypto_shorthash(h, e->paths->tokens.reset[0], 16, p.e->hash_key);
    CHECK(hkp_htp__token_known(p.e, hkp_be64(h)));
    memset(d, 0, sizeof d);
    hkp_htp__wire_header(d, HKP_HTP__DATA, 1, 2, hkp_be64(h), d + 40, 0, sizeof d);
    CHECK_EQ(pair_give(&p, 1, d, sizeof d), HKP_E_HTP_TOKEN);
    pair_free(&p);
}

int main(void) {
    CASE(eight_tokens_are_known_and_no_more);
    CASE(hostile_tokens_are_malformed);
    CASE(a_late_copy_brings_no_token_back);
    CASE(a_retire_of_what_was_never_given_is_malformed);
    CASE(numbers_of_tokens_end);
    CASE(random_exchanges_stay_within_the_limits);
    CASE(each_side_gives_two_spare_tokens);
    CASE(tokens_given_up_are_replaced);
    CASE(an_ended_session_leaves_no_token);
    CASE(a_full_table_gives_no_spare_tokens);
    CASE(a_v_that_lost_its_memory_resets);
    CASE(without_the_key_or_the_will_nothing_is_reset);
    CASE(resets_are_few_and_small);
    CASE(a_wrong_reset_does_nothing);
    CASE(the_name_of_a_reset_token_finds_no_session);
    return check_done();
}
