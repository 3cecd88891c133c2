/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Resumption (HTP-5.8): one round trip, each ticket once, and everything that a ticket dies of. */
#include "alloc.h"
#include "libhtp/handshake/door.h"
#include "libhtp/handshake/tickets.h"
#include "pair.h"

#define HOUR (3600 * HKP_HTP__SEC)

static const char *const modes[] = {"r", "n", "n_suite2", "r_suite2_mask", "r_psk_zero", "r_published"};
enum { N_MODES = sizeof modes / sizeof modes[0] };

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
    w->require = 0;
}

static int resumed(hkp_htp_endpoint *ep, uint64_t session) {
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    CHECK_EQ(hkp_htp_session_info(ep, session, &info), HKP_OK);
    return (int)info.resumed;
}

/* Connects and says whether it was a resumption; 2: no session. *up_v: V's session, where wanted. */
static int connect_up(struct pair *p, uint64_t *up_v) {
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_pump(p);
    struct hkp_htp_event a = pair_event(p->e, HKP_HTP_EVENT_UP), b = pair_event(p->v, HKP_HTP_EVENT_UP);
    if (a.type != HKP_HTP_EVENT_UP || b.type != HKP_HTP_EVENT_UP) return 2;
    if (up_v != NULL) *up_v = b.session;
    CHECK_EQ(resumed(p->e, p->session), resumed(p->v, b.session));
    return resumed(p->e, p->session);
}

static void hang_up(struct pair *p) {
    CHECK_EQ(hkp_htp_session_close(p->e, p->now, p->session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(p, 20 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p->e, HKP_HTP_EVENT_DOWN).type, HKP_HTP_EVENT_DOWN);
    CHECK_EQ(pair_event(p->v, HKP_HTP_EVENT_DOWN).type, HKP_HTP_EVENT_DOWN);
}

/* Two endpoints whose first session gave a ticket and is over. */
static void with_ticket(struct pair *p, struct world *w, const char *name) {
    load(w, name);
    pair_new(p, w);
    CHECK_EQ(connect_up(p, NULL), 0);
    hang_up(p);
}

static void a_session_is_resumed_in_one_round_trip(void) {
    for (size_t i = 0; i < N_MODES; i++) {
        static struct world w;
        struct pair p;
        uint8_t d[1200], bad[1200], a[32], b[32];
        int before = check_faults;
        with_ticket(&p, &w, modes[i]);
        for (int again = 0; again < 3; again++) {
            CHECK_EQ(pair_connect(&p), HKP_OK);
            CHECK_EQ(pair_pull(&p, 1, d), 1200);
            CHECK_EQ(pair_give(&p, 0, d, 1200), HKP_OK);
            CHECK_EQ(pair_pull(&p, 0, d), 512);
            CHECK_EQ(d[3], HKP_HTP__ACCEPT);
            CHECK_EQ(pair_pull(&p, 0, bad), 0); /* nothing else before E has spoken */
            CHECK_EQ(pair_give(&p, 1, d, 512), HKP_OK);
            CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
            CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
            pair_pump(&p);
            struct hkp_htp_event up = pair_event(p.v, HKP_HTP_EVENT_UP);
            CHECK_EQ(up.type, HKP_HTP_EVENT_UP);
            CHECK_EQ(up.mode, w.mode);
            CHECK(resumed(p.e, p.session) && resumed(p.v, up.session));
            struct hkp_htp_session_info info = {.struct_size = sizeof info};
            CHECK_EQ(hkp_htp_session_info(p.v, up.session, &info), HKP_OK);
            CHECK_MEM(info.peer_a, w.e.a, 32);
            CHECK_EQ(info.suite, p.e->opt.suite_first);
            CHECK_EQ(info.features, p.e->opt.features & p.v->opt.features);
            const uint8_t *label = (const uint8_t *)"HTP1 mesh5";
            CHECK_EQ(hkp_htp_session_export(p.e, p.session, 0, label, 10, NULL, 0, a, 32), HKP_OK);
            CHECK_EQ(hkp_htp_session_export(p.v, up.session, 0, label, 10, NULL, 0, b, 32), HKP_OK);
            CHECK_MEM(a, b, 32);
            CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
            pair_run(&p, 6 * HKP_HTP__SEC);
            CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_REKEYED).value, 1);
            /* no ATTEST measured a clock, a heartbeat of V's own did (HTP-8.2) */
            CHECK_EQ(pair_event(p.v, UINT32_MAX).type, HKP_HTP_EVENT_NONE);
            CHECK_EQ(hkp_htp_session_info(p.v, up.session, &info), HKP_OK);
            CHECK_EQ(info.clock, HKP_HTP_CLOCK_PASS);
            hang_up(&p);
        }
        pair_free(&p);
        CHECK_NOTE(before, "%s", modes[i]);
    }
}

/* The ticket that E holds, read and left where it is. */
static struct hkp_htp_ticket peek(struct pair *p, uint32_t role) {
    struct hkp_htp_ticket t = {0};
    hkp_htp_endpoint *ep = role == HKP_HTP_ROLE_E ? p->e : p->v;
    const uint8_t *peer = role == HKP_HTP_ROLE_E ? p->w->v.node_id : p->w->e.node_id;
    if (hkp_htp__ticket_take(ep, role, peer, NULL, &t) == HKP_OK) hkp_htp__ticket_put(ep, role, peer, &t);
    return t;
}

static int has_ticket(struct pair *p, uint32_t role) { return peek(p, role).until != 0; }

static void a_ticket_works_once(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], d[1200];
    with_ticket(&p, &w, "r");
    struct hkp_htp_ticket old = peek(&p, HKP_HTP_ROLE_E);
    CHECK(old.until != 0);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, hello), 1200);
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    pair_event(p.v, HKP_HTP_EVENT_UP);
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_E_HTP_REPLAY);
    hang_up(&p);
    pair_run(&p, 130 * HKP_HTP__SEC); /* nothing is known of that HELLO any more */
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_E_HTP_REJECTED);
    CHECK_EQ(pair_pull(&p, 0, d), HKP_HTP__REJECT_SIZE);
    /* E that kept it is told, and begins again at once. */
    hkp_htp__ticket_put(p.e, HKP_HTP_ROLE_E, w.v.node_id, &old);
    CHECK_EQ(connect_up(&p, NULL), 0);
    CHECK_EQ(w.unproved, 0);
    CHECK(w.bad_tickets == 2);
    pair_free(&p);
}

/* What a ticket dies of; the next handshake is a full one, and works. */
enum { TIME, TRUST, LOST, REVOKED, REQUIRE, POLICY, PCRS, OWN_POLICY, KEY, TOLD, TURNED_OFF, FATES };

static void strike(struct pair *p, struct world *w, int fate, uint64_t up_v) {
    static const uint8_t zero[32];
    switch (fate) {
    case TIME:
        p->now += 24 * HOUR, p->wall += 86400000000;
        break;
    case TRUST:
        w->trust = 32767;
        break;
    case LOST:
        w->resonance = 4;
        break;
    case REVOKED:
        CHECK_EQ(hkp_htp_endpoint_revoke(p->v, p->now, w->e.node_id), HKP_OK);
        break;
    case REQUIRE:
        w->require = HKP_HTP_REQUIRE_PSK;
        break;
    case POLICY:
        w->policy_ver = 1;
        break;
    case PCRS:
        w->pcr_mask = 3;
        break;
    case OWN_POLICY:
        CHECK_EQ(hkp_htp_endpoint_set_ter(p->v, 0, zero, zero, 9, zero), HKP_OK);
        break;
    case KEY:
        crypto_sign_ed25519_seed_keypair(w->e.a, p->e->self.a_key, w->psk);
        memcpy(p->e->self.a, w->e.a, 32);
        break;
    case TOLD:
        CHECK_EQ(hkp_htp_session_set_trust(p->v, up_v, 32767), HKP_OK);
        break;
    default:
        p->v->opt.no_tickets = 1;
    }
}

static void tickets_die_of_many_things(void) {
    for (int fate = 0; fate < FATES; fate++) {
        static struct world w;
        struct pair p;
        uint64_t up_v;
        int before = check_faults;
        load(&w, "r");
        pair_new(&p, &w);
        CHECK_EQ(connect_up(&p, &up_v), 0);
        CHECK(has_ticket(&p, HKP_HTP_ROLE_E) && has_ticket(&p, HKP_HTP_ROLE_V));
        if (fate == REVOKED || fate == TOLD) strike(&p, &w, fate, up_v);
        if (fate == REVOKED)
            pair_run(&p, 20 * HKP_HTP__SEC);
        else
            hang_up(&p);
        if (fate != REVOKED && fate != TOLD) strike(&p, &w, fate, up_v);
        CHECK_EQ(connect_up(&p, NULL), 0);
        pair_free(&p);
        CHECK_NOTE(before, "fate %d", fate);
    }
}

/* E drops what it holds, too, when it was given under other terms, and so shows no ticket. */
static void e_uses_a_ticket_only_under_the_terms_it_was_given_under(void) {
    for (int fate = 0; fate < 5; fate++) {
        static struct world w, own;
        struct pair p;
        int before = check_faults;
        with_ticket(&p, &w, "r_suite2_mask");
        own = w;
        p.e->opt.registry.user = &own;
        if (fate == 0) own.require = HKP_HTP_REQUIRE_PSK;
        if (fate == 1) p.e->opt.features = 0;
        if (fate == 2) p.e->opt.suites_allowed = 1, p.e->opt.suite_first = 1;
        if (fate == 3) p.e->attest.policy_ver++;
        if (fate == 4) p.now += 24 * HOUR, p.wall += 86400000000;
        CHECK_EQ(connect_up(&p, NULL), 0);
        CHECK_EQ(w.bad_tickets, 0);
        hkp_htp_endpoint_free(p.e);
        hkp_htp_endpoint_free(p.v);
        CHECK_EQ(w.pins + own.pins, 0);
        CHECK_NOTE(before, "fate %d", fate);
    }
}

static void a_resumed_sessions_ticket_ends_with_the_first(void) {
    static struct world w;
    struct pair p;
    with_ticket(&p, &w, "r");
    const hkp_time end = peek(&p, HKP_HTP_ROLE_V).until, end_e = peek(&p, HKP_HTP_ROLE_E).until;
    CHECK(end > p.now + 23 * HOUR && end <= p.now + 24 * HOUR);
    for (int i = 0; i < 4; i++) {
        p.now += 5 * HOUR, p.wall += 5 * 3600000000;
        CHECK_EQ(connect_up(&p, NULL), 1);
        hang_up(&p);
        CHECK_EQ(peek(&p, HKP_HTP_ROLE_V).until, end);
        CHECK(peek(&p, HKP_HTP_ROLE_E).until <= end_e);
    }
    p.now += 5 * HOUR, p.wall += 5 * 3600000000;
    CHECK_EQ(connect_up(&p, NULL), 0);
    pair_free(&p);
}

static void a_ticket_lives_no_longer_than_the_certificate(void) {
    static struct world w;
    struct pair p;
    load(&w, "r_certs");
    w.require = 0;
    w.e.own.not_after_s = vec_u64(w.times, "t1") / 1000000 + 3600;
    w.v.own.not_after_s = vec_u64(w.times, "t1") / 1000000 + 1800;
    pair_new(&p, &w);
    CHECK_EQ(connect_up(&p, NULL), 0);
    CHECK_EQ(peek(&p, HKP_HTP_ROLE_V).until, p.now + HOUR);
    CHECK_EQ(peek(&p, HKP_HTP_ROLE_E).until, p.now + HOUR / 2);
    pair_free(&p);
}

static void some_sessions_get_no_ticket(void) {
    static const char *const names[] = {"r_certs", "r_certs", "stranger", "r_certs",
                                        "r",       "r",       "r",        "r_certs"};
    for (int kind = 0; kind < 8; kind++) {
        static struct world w;
        struct pair p;
        int before = check_faults;
        load(&w, names[kind]);
        pair_new(&p, &w);
        if (kind == 0) w.require = HKP_HTP_REQUIRE_TPM;
        if (kind == 1) p.v->opt.demands = HKP_HTP__DEMAND_QUOTE;
        if (kind == 3) w.e.own.expired = 1;
        if (kind == 4) w.trust = 32767;
        if (kind == 5) p.v->opt.no_tickets = 1;
        if (kind == 6) w.resonance = 4;
        if (kind == 7) w.v.own.expired = p.v->self.own.expired = 1;
        CHECK_EQ(connect_up(&p, NULL), 0);
        if (kind != 5) CHECK(!has_ticket(&p, HKP_HTP_ROLE_V));
        CHECK(!has_ticket(&p, HKP_HTP_ROLE_E));
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

static void a_lost_accept_is_repeated_byte_for_byte(void) {
    static struct world w;
    struct pair p;
    uint8_t hello[1200], first[1200], again[1200];
    with_ticket(&p, &w, "r");
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, hello), 1200);
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_OK);
    CHECK_EQ(pair_pull(&p, 0, first), 512);
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_E_HTP_LIMIT); /* at most 5 a second */
    p.now += 250 * HKP_HTP__MS;
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_OK);
    CHECK_EQ(pair_pull(&p, 0, again), 512);
    CHECK_MEM(first, again, 512);
    CHECK_EQ(pair_give(&p, 1, again, 512), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    p.now += 250 * HKP_HTP__MS;
    CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_E_HTP_REPLAY);
    pair_free(&p);
}

static void an_accept_that_nobody_took_goes_with_its_time(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    with_ticket(&p, &w, "r");
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, d), 1200);
    CHECK_EQ(pair_give(&p, 0, d, 1200), HKP_OK);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(&p, 20 * HKP_HTP__SEC);
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    CHECK_EQ(hkp_htp_event(p.v, &ev), HKP_OK);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_NONE);
    struct hkp_htp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_endpoint_stats(p.v, &s), HKP_OK);
    CHECK_EQ(s.sessions, 0);
    CHECK_EQ(s.half_open, 0);
    pair_free(&p);
}

static void every_flipped_byte_is_dropped_and_the_true_one_resumes(void) {
    for (size_t i = 0; i < N_MODES; i++) {
        static struct world w;
        struct pair p;
        uint8_t good[1200], bad[1200], d[1200];
        int before = check_faults;
        with_ticket(&p, &w, modes[i]);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        CHECK_EQ(pair_pull(&p, 1, good), 1200);
        const hkp_time start = p.now;
        for (size_t at = 0; at < 1200; at++) {
            memcpy(bad, good, 1200);
            bad[at] ^= (uint8_t)(1U << at % 8);
            hkp_status st = pair_give(&p, 0, bad, 1200);
            CHECK(st != HKP_OK && st > HKP_E_HTP_INNER);
            CHECK_EQ(pair_pull(&p, 0, d), 0);
            p.now += 2 * HKP_HTP__SEC;
        }
        CHECK(p.now > start);
        CHECK_EQ(pair_give(&p, 0, good, 1200), HKP_OK);
        CHECK_EQ(pair_pull(&p, 0, good), 512);
        for (size_t at = 0; at < 512; at++) {
            memcpy(bad, good, 512);
            bad[at] ^= (uint8_t)(1U << at % 8);
            hkp_status st = pair_give(&p, 1, bad, 512);
            CHECK(st != HKP_OK && st > HKP_E_HTP_INNER);
        }
        CHECK_EQ(pair_give(&p, 1, good, 512), HKP_OK);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        pair_free(&p);
        CHECK_NOTE(before, "%s", modes[i]);
    }
}

/* The V side's copy says something else than E's: as a V would that goes back on what it agreed to. */
static void a_resumption_changes_nothing_that_was_agreed(void) {
    for (int kind = 0; kind < 3; kind++) {
        static struct world w;
        struct pair p;
        int before = check_faults;
        with_ticket(&p, &w, "r_suite2_mask");
        struct hkp_htp_ticket t;
        CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_V, w.e.node_id, NULL, &t), HKP_OK);
        if (kind == 0) t.suite = 1;
        if (kind == 1) t.features = 0;
        if (kind == 2) t.psk_res[5] ^= 1; /* this one V notices itself */
        hkp_htp__ticket_put(p.v, HKP_HTP_ROLE_V, w.e.node_id, &t);
        if (kind == 0) p.e->opt.suites_allowed = 3;
        CHECK_EQ(pair_connect(&p), HKP_OK);
        if (kind == 0) CHECK_EQ(hkp_htp__session_find(p.e, p.session)->edge->hs.n_suites, 2);
        pair_pump(&p);
        if (kind == 2)
            CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        else
            CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_FAILED).result, HKP_E_HTP_DOWNGRADE);
        CHECK_EQ(w.bad_tickets, kind == 2);
        pair_free(&p);
        CHECK_NOTE(before, "kind %d", kind);
    }
}

static void an_accept_of_this_kind_needs_a_ticket(void) {
    static struct world w;
    struct pair p;
    uint8_t good[1200], d[1200];
    with_ticket(&p, &w, "r");
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_pull(&p, 1, d), 1200);
    CHECK_EQ(pair_give(&p, 0, d, 1200), HKP_OK);
    CHECK_EQ(pair_pull(&p, 0, good), 512);
    hkp_htp__session_find(p.e, p.session)->edge->resuming = 0;
    CHECK_EQ(pair_give(&p, 1, good, 512), HKP_E_HTP_STATE);
    hkp_htp__session_find(p.e, p.session)->edge->resuming = 1;
    CHECK_EQ(pair_give(&p, 1, good, 512), HKP_OK);
    pair_free(&p);
}

/* ---- tickets of several endpoints that are one V ---- */

struct store {
    struct hkp_htp_ticket held;
    int has, puts, deletes;
};

static struct store shared;

static void store_put(void *user, const uint8_t node_id[16], const struct hkp_htp_ticket *t) {
    const struct world *w = user;
    CHECK_MEM(node_id, w->e.node_id, 16);
    shared.has = t != NULL;
    shared.puts += t != NULL;
    shared.deletes += t == NULL;
    if (t != NULL) shared.held = *t;
}

static hkp_status store_take(void *user, const uint8_t node_id[16], const uint8_t id[16],
                             struct hkp_htp_ticket *out) {
    const struct world *w = user;
    CHECK_MEM(node_id, w->e.node_id, 16);
    if (!shared.has || memcmp(shared.held.id, id, 16) != 0) return HKP_E_NOTFOUND;
    *out = shared.held;
    shared.has = 0;
    return HKP_OK;
}

static void endpoints_that_share_a_registry_share_its_tickets(void) {
    static struct world w;
    struct pair p;
    struct hkp_htp_options o;
    memset(&shared, 0, sizeof shared);
    load(&w, "r");
    w.registry.ticket_put = store_put;
    w.registry.ticket_take = store_take;
    pair_new(&p, &w);
    CHECK_EQ(connect_up(&p, NULL), 0);
    CHECK_EQ(shared.puts, 1);
    hang_up(&p);
    hkp_htp_endpoint_free(p.v);
    pair_options(&p, &o, 0);
    CHECK_EQ(hkp_htp_endpoint_new(&p.v, &o, p.now), HKP_OK);
    CHECK_EQ(connect_up(&p, NULL), 1);
    CHECK_EQ(shared.puts, 2);
    CHECK(shared.has);
    CHECK_EQ(hkp_htp_endpoint_revoke(p.v, p.now, w.e.node_id), HKP_OK);
    CHECK(!shared.has && shared.deletes > 0);
    pair_free(&p);
}

static void a_store_needs_both_of_its_functions(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct hkp_htp_options o;
    load(&w, "r");
    w.registry.ticket_put = store_put;
    pair_options(&p, &o, 0);
    CHECK_EQ(hkp_htp_endpoint_new(&p.v, &o, 1), HKP_E_INVAL);
}

static void the_table_is_bounded_and_the_oldest_goes(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct hkp_htp_options o;
    struct hkp_htp_ticket t = {.until = 1000 * HKP_HTP__SEC}, got;
    uint8_t peer[16] = {0}, id[16] = {0};
    load(&w, "r");
    pair_options(&p, &o, 0);
    o.tickets_max = 3;
    CHECK_EQ(hkp_htp_endpoint_new(&p.v, &o, 1), HKP_OK);
    for (uint8_t i = 0; i < 100; i++) {
        peer[0] = i % 50;
        t.id[0] = i + 1U;
        hkp_htp__ticket_put(p.v, HKP_HTP_ROLE_V, peer, &t);
    }
    for (uint8_t i = 0; i < 50; i++) {
        peer[0] = i;
        id[0] = i + 51U;
        CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_E, peer, id, &got), HKP_E_NOTFOUND); /* other role */
        id[1] = 1;
        CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_V, peer, id, &got),
                 HKP_E_NOTFOUND); /* other number */
        id[1] = 0;
        CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_V, peer, id, &got),
                 i >= 47 ? HKP_OK : HKP_E_NOTFOUND);
        CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_V, peer, id, &got), HKP_E_NOTFOUND); /* and gone */
    }
    t.until = 2 * HKP_HTP__SEC;
    hkp_htp__ticket_put(p.v, HKP_HTP_ROLE_V, peer, &t);
    hkp_htp_tick(p.v, 100 * HKP_HTP__SEC, 0);
    CHECK_EQ(hkp_htp__ticket_take(p.v, HKP_HTP_ROLE_V, peer, NULL, &got),
             HKP_E_NOTFOUND); /* erased with time */
    hkp_htp_endpoint_free(p.v);
}

/* ---- memory ---- */

/* No room for the session: the ticket is not lost, and the same HELLO comes through later. */
static void a_ticket_outlives_a_lack_of_memory(void) {
    for (long budget = 0;; budget++) {
        static struct world w;
        struct failing f = {.left = -1};
        struct pair p;
        struct hkp_htp_options o;
        uint8_t hello[1200];
        int before = check_faults;
        load(&w, "r");
        pair_new(&p, &w);
        hkp_htp_endpoint_free(p.v);
        pair_options(&p, &o, 0);
        o.mem = failing_mem(&f);
        CHECK_EQ(hkp_htp_endpoint_new(&p.v, &o, p.now), HKP_OK);
        CHECK_EQ(connect_up(&p, NULL), 0);
        hang_up(&p);
        CHECK_EQ(pair_connect(&p), HKP_OK);
        CHECK_EQ(pair_pull(&p, 1, hello), 1200);
        f.left = budget;
        hkp_status st = pair_give(&p, 0, hello, 1200);
        CHECK(st == HKP_OK || st == HKP_E_HTP_LIMIT);
        f.left = -1;
        if (st != HKP_OK) {
            CHECK(has_ticket(&p, HKP_HTP_ROLE_V));
            CHECK_EQ(pair_give(&p, 0, hello, 1200), HKP_OK);
        }
        pair_pump(&p);
        CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
        CHECK(resumed(p.e, p.session));
        pair_free(&p);
        CHECK_EQ(f.live, 0);
        CHECK_NOTE(before, "budget %ld", budget);
        if (st == HKP_OK) {
            CHECK(budget >= 3);
            return;
        }
    }
}

enum { BLOCKS = 4096 };

/* Every block that an allocator gave out and did not get back. */
struct blocks {
    void *ptr[BLOCKS];
    size_t size[BLOCKS], n;
};

static void *blocks_alloc(void *user, size_t size) {
    struct blocks *b = user;
    if (b->n == BLOCKS) return NULL;
    b->size[b->n] = size;
    return b->ptr[b->n++] = malloc(size);
}

static void blocks_free(void *user, void *ptr, size_t size) {
    struct blocks *b = user;
    for (size_t i = 0; i < b->n; i++)
        if (b->ptr[i] == ptr) {
            CHECK_EQ(b->size[i], size);
            b->n--;
            b->ptr[i] = b->ptr[b->n];
            b->size[i] = b->size[b->n];
            break;
        }
    free(ptr);
}

static int holds(const struct blocks *b, const uint8_t *secret, size_t len) {
    for (size_t i = 0; i < b->n; i++)
        if (memmem(b->ptr[i], b->size[i], secret, len) != NULL) return 1;
    return 0;
}

static void keys_and_tickets_lie_in_secret_memory_only(void) {
    static struct world w;
    static struct blocks plain, secret;
    struct pair p;
    struct hkp_htp_options o;
    memset(&plain, 0, sizeof plain);
    memset(&secret, 0, sizeof secret);
    load(&w, "r");
    pair_new(&p, &w);
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
    for (int is_e = 0; is_e < 2; is_e++) {
        pair_options(&p, &o, is_e);
        o.mem = (struct hkp_mem){.user = &plain, .alloc = blocks_alloc, .free = blocks_free};
        o.secret_mem = (struct hkp_mem){.user = &secret, .alloc = blocks_alloc, .free = blocks_free};
        CHECK_EQ(hkp_htp_endpoint_new(is_e ? &p.e : &p.v, &o, p.now), HKP_OK);
    }
    CHECK_EQ(pair_connect(&p), HKP_OK);
    const struct hkp_htp__edge_run *run = hkp_htp__session_find(p.e, p.session)->edge;
    CHECK(!holds(&plain, run->hs.e_key, 32) && holds(&secret, run->hs.e_key, 32));
    CHECK(!holds(&plain, run->hs.chain.ck, 32));
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_NONE);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    const struct hkp_htp__session *s = hkp_htp__session_find(p.e, p.session);
    const struct hkp_htp__epoch_secret *e = s->epochs[0];
    const uint8_t *const keys[] = {e->key[0], e->key[1],      e->k_rdv,        e->root,        e->exporter,
                                   w.psk,     s->zero.resume, p.e->self.a_key, p.v->self.s_key};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        CHECK(!holds(&plain, keys[i], 32));
        CHECK(holds(&secret, keys[i], 32));
    }
    CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    CHECK_EQ(s->epoch, 1);
    CHECK(!holds(&plain, s->epochs[1]->key[0], 32));
    hkp_htp_endpoint_free(p.e), hkp_htp_endpoint_free(p.v);
    CHECK_EQ(plain.n + secret.n, 0);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(a_session_is_resumed_in_one_round_trip);
    CASE(a_ticket_works_once);
    CASE(tickets_die_of_many_things);
    CASE(e_uses_a_ticket_only_under_the_terms_it_was_given_under);
    CASE(a_resumed_sessions_ticket_ends_with_the_first);
    CASE(a_ticket_lives_no_longer_than_the_certificate);
    CASE(some_sessions_get_no_ticket);
    CASE(a_lost_accept_is_repeated_byte_for_byte);
    CASE(an_accept_that_nobody_took_goes_with_its_time);
    CASE(every_flipped_byte_is_dropped_and_the_true_one_resumes);
    CASE(a_resumption_changes_nothing_that_was_agreed);
    CASE(an_accept_of_this_kind_needs_a_ticket);
    CASE(endpoints_that_share_a_registry_share_its_tickets);
    CASE(a_store_needs_both_of_its_functions);
    CASE(the_table_is_bounded_and_the_oldest_goes);
    CASE(a_ticket_outlives_a_lack_of_memory);
    CASE(keys_and_tickets_lie_in_secret_memory_only);
    return check_done();
}
