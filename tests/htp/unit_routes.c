/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A session that changes its path: rebinding (HTP-9.2), migration (9.3), never more than came (4.6). */
#include "libhtp/flow/flow_state.h"
#include "roads.h"

static unsigned routes(struct roads *x, int is_e) {
    unsigned n = 0;
    for (struct hkp_htp__route *r = roads_session(x, is_e)->paths->routes; r != NULL; r = r->next) n++;
    return n;
}

static int spare(struct roads *x, int is_e) {
    const struct hkp_htp__tokens *t = &roads_session(x, is_e)->paths->tokens;
    int n = 0;
    for (int i = 0; i < HKP_HTP__TOKENS_MAX; i++) n += t->peer[i] != 0 && !(t->peer_used >> i & 1);
    return n;
}

/* ---- rebinding ---- */

static void v_follows_a_rebinding(void) {
    for (int keep = 0; keep < 2; keep++) {
        struct roads *x = roads_up("r", check_seed());
        const uint64_t token = roads_session(x, 0)->token_out;
        (void)roads_rebind(x, 0, 7, 51000, keep);
        roads_say(x, 1, 100);
        roads_run(x, HKP_HTP__SEC);
        CHECK_EQ(x->messages[0], 1);
        CHECK_EQ(roads_path(x, 0).port, 51000);
        CHECK_EQ(x->moved[0], 1);
        CHECK_EQ(x->last_news[0].port, 51000);
        CHECK_EQ(roads_session(x, 0)->token_out, token);
        roads_say(x, 0, 30000);
        roads_run(x, HKP_HTP__SEC);
        CHECK_EQ(x->messages[1], 1);
        roads_run(x, 10 * HKP_HTP__SEC);
        CHECK_EQ(routes(x, 0), 0); /* nothing is left of it */
        CHECK_EQ(x->moved[1] + x->failed[0] + x->failed[1], 0);
        roads_free(x);
    }
}

/* HTP-8.4: the binding died while nobody spoke; the next heartbeat brings the session back. */
static void a_binding_that_expired_comes_back_with_the_next_heartbeat(void) {
    struct roads *x = roads_up("r", check_seed());
    roads_run(x, 20 * HKP_HTP__SEC);
    (void)roads_rebind(x, 0, 9, 52000, 0);
    roads_run(x, 62 * HKP_HTP__SEC);
    CHECK_EQ(roads_path(x, 0).port, 52000);
    CHECK_EQ(x->down[0] + x->down[1], 0);
    roads_say(x, 0, 100);
    roads_run(x, HKP_HTP__SEC);
    CHECK_EQ(x->messages[1], 1);
    roads_free(x);
}

static void a_transfer_goes_on_over_rebindings_with_loss(void) {
    for (int from_e = 0; from_e < 2; from_e++) {
        struct roads *x = roads_up("r", check_seed() + 50);
        x->loss_all = 30;
        roads_say(x, from_e, 900000);
        for (int i = 0; i < 12; i++) {
            roads_run(x, 400 * HKP_HTP__MS);
            (void)roads_rebind(x, 0, (uint8_t)(7 + i % 3), (uint16_t)(52000 + i), 0);
            /* only E's packets show the new binding: when it has nothing to say it is its heartbeat */
        }
        roads_run(x, 150 * HKP_HTP__SEC);
        CHECK_EQ(x->messages[!from_e], 1);
        CHECK_EQ(x->down[0] + x->down[1], 0);
        CHECK_EQ(roads_path(x, 0).port, 52011);
        roads_free(x);
    }
}

/* HTP-9.2: the window starts anew with another host; another port of the same host is the same road. */
static void the_window_restarts_unless_only_the_port_changed(void) {
    for (int host = 7; host < 9; host++) {
        struct roads *x = roads_up("r", check_seed());
        roads_say(x, 0, 400000);
        roads_run(x, 5 * HKP_HTP__SEC);
        const struct hkp_htp__path_state *state = &roads_session(x, 0)->flow->recovery.own;
        const uint32_t grown = hkp_htp__congestion_window(&state->congestion);
        CHECK(grown > 20000);
        (void)roads_rebind(x, 0, (uint8_t)host, 51000, 0);
        roads_say(x, 1, 10);
        roads_run(x, 200 * HKP_HTP__MS);
        CHECK_EQ(roads_path(x, 0).port, 51000);
        if (host == 7)
            CHECK_EQ(hkp_htp__congestion_window(&state->congestion), grown);
        else
            CHECK(hkp_htp__congestion_window(&state->congestion) < 20000);
        roads_free(x);
    }
}

/* Only the packet with the largest number, and only one that opens, makes a candidate. */
static void an_old_packet_or_a_forged_one_moves_nothing(void) {
    struct roads *x = roads_up("r", check_seed());
    uint8_t d[2][1200];
    size_t n[2];
    struct hkp_htp_path to, strange;
    for (int i = 0; i < 2; i++) {
        const uint8_t one = 1;
        CHECK_EQ(hkp_htp_datagram_send(x->p.e, x->p.session, 7, &one, 1), HKP_OK);
        CHECK_EQ(hkp_htp_send(x->p.e, x->p.now, x->p.wall, &to, d[i], 1200, &n[i]), HKP_OK);
    }
    const struct hkp_htp_path home = roads_from_e(x, x->seen_as[0]);
    strange = roads_from_e(x, roads_host(x, 66, 6666, -1));
    uint8_t forged[1200];
    for (size_t i = 0; i < n[1]; i++) {
        memcpy(forged, d[1], n[1]);
        forged[i] ^= 0x41;
        CHECK(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &strange, forged, n[1]) != HKP_OK);
    }
    CHECK_EQ(routes(x, 0), 0);
    memcpy(forged, d[1], n[1]);
    CHECK_EQ(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &home, forged, n[1]), HKP_OK);
    CHECK_EQ(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &strange, d[0], n[0]), HKP_OK);
    CHECK_EQ(routes(x, 0), 0);
    CHECK_EQ(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &strange, d[0], n[0]), HKP_E_HTP_REPLAY);
    roads_run(x, 5 * HKP_HTP__SEC);
    CHECK_EQ(x->hosts[1].out, 0);
    CHECK_EQ(roads_path(x, 0).port, 40000);
    roads_free(x);
}

/* One who copies packets and sends them first, and answers nothing or plays V to E: the session stays. */
static void a_faster_forwarder_does_not_take_the_path(void) {
    for (int gives_back = 0; gives_back < 3; gives_back++) {
        struct roads *x = roads_up("r", check_seed() + (uint64_t)gives_back);
        x->forwarder = roads_host(x, 66, 6666, -2);
        x->forwarder_delay = HKP_HTP__MS;
        x->gives_back = gives_back;
        for (int i = 0; i < 10; i++) {
            x->copies = 1;
            roads_say(x, 1, 2000);
            roads_run(x, 500 * HKP_HTP__MS);
            if (gives_back == 0) CHECK(x->hosts[x->forwarder].out <= x->hosts[x->forwarder].in);
        }
        CHECK_EQ(x->messages[0], 10);
        CHECK_EQ(x->down[0] + x->down[1], 0);
        roads_say(x, 1, 10);
        roads_run(x, 10 * HKP_HTP__SEC);
        CHECK_EQ(roads_path(x, 0).port, 40000);
        CHECK_EQ(roads_path(x, 1).port, 8144);
        if (gives_back == 0) CHECK_EQ(x->moved[0], 0);
        roads_free(x);
    }
}

/* An answer that comes by another path than its challenge went proves nothing. */
static void an_answer_on_another_path_does_not_count(void) {
    struct roads *x = roads_up("r", check_seed());
    uint8_t d[1200];
    size_t n;
    struct hkp_htp_path to, strange = roads_from_e(x, roads_host(x, 66, 6666, -1)), home;
    const uint8_t some[60] = {1}; /* or V would have to wait for more: HTP-4.6 */
    home = roads_from_e(x, x->seen_as[0]);
    CHECK_EQ(hkp_htp_datagram_send(x->p.e, x->p.session, 7, some, sizeof some), HKP_OK);
    CHECK_EQ(hkp_htp_send(x->p.e, x->p.now, x->p.wall, &to, d, 1200, &n), HKP_OK);
    CHECK_EQ(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &strange, d, n), HKP_OK);
    CHECK_EQ(routes(x, 0), 2);
    /* V asks both; E gets both questions from V's address, so both answers come from E's own. */
    int asked = 0;
    while (hkp_htp_send(x->p.v, x->p.now, x->p.wall, &to, d, 1200, &n) == HKP_OK && n > 0) {
        asked += to.port == 6666;
        const struct hkp_htp_path v = roads_v(x, 0);
        CHECK_EQ(hkp_htp_recv(x->p.e, x->p.now, x->p.wall, &v, d, n), HKP_OK);
        while (hkp_htp_send(x->p.e, x->p.now, x->p.wall, &to, d, 1200, &n) == HKP_OK && n > 0)
            CHECK_EQ(hkp_htp_recv(x->p.v, x->p.now, x->p.wall, &home, d, n), HKP_OK);
        CHECK_EQ(roads_path(x, 0).port, 40000);
    }
    CHECK_EQ(asked, 1);
    roads_run(x, 5 * HKP_HTP__SEC);
    CHECK_EQ(x->moved[0], 0);
    CHECK_EQ(routes(x, 0), 0);
    roads_free(x);
}

/* ---- migration ---- */

static void e_moves_to_another_socket(void) {
    static const char *const names[] = {"r", "n", "r_suite2_mask"};
    for (int i = 0; i < 3; i++) {
        struct roads *x = roads_up(names[i], check_seed());
        const struct hkp_htp_path to = roads_v(x, 1);
        const uint64_t e_old = roads_session(x, 1)->token_out, v_old = roads_session(x, 0)->token_out;
        (void)roads_rebind(x, 1, 8, 45000, 0);
        roads_say(x, 1, 200000);
        roads_say(x, 0, 200000);
        roads_run(x, 50 * HKP_HTP__MS);
        CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_OK);
        CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_E_LIMIT);
        roads_run(x, 3 * HKP_HTP__SEC);
        CHECK_EQ(x->messages[0], 1);
        CHECK_EQ(x->messages[1], 1);
        CHECK_EQ(x->moved[0], 1);
        CHECK_EQ(x->moved[1], 1);
        CHECK_EQ(roads_path(x, 0).port, 45000);
        CHECK_EQ(roads_path(x, 1).carrier, 1);
        /* Both directions have new tokens; the old ones are known no more. */
        CHECK(roads_session(x, 1)->token_out != e_old && roads_session(x, 0)->token_out != v_old);
        CHECK_EQ(hkp_htp__token_find(x->p.v, e_old), HKP_HTP__NONE);
        CHECK_EQ(hkp_htp__token_find(x->p.e, v_old), HKP_HTP__NONE);
        roads_run(x, 10 * HKP_HTP__SEC);
        CHECK_EQ(spare(x, 0), 2);
        CHECK_EQ(spare(x, 1), 2);
        CHECK_EQ(routes(x, 0) + routes(x, 1), 0);
        x->seen_as[0] = -1;
        roads_say(x, 0, 1000);
        roads_run(x, HKP_HTP__SEC);
        CHECK_EQ(x->messages[1], 2);
        roads_free(x);
    }
}

static void migrations_under_loss_never_break_a_transfer(void) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct roads *x = roads_up(seed % 2 ? "n" : "r", check_seed() + 100 + seed);
        unsigned tried = 0;
        for (int i = 1; i < 8; i++) (void)roads_rebind(x, i, (uint8_t)(8 + i), (uint16_t)(46000 + i), 0);
        x->loss_all = 80 + 40 * (unsigned)(seed % 3);
        roads_say(x, 1, 800000);
        roads_say(x, 0, 800000);
        for (int i = 1; i < 40; i++) {
            const struct hkp_htp_path to = roads_v(x, 1 + i % 7);
            if (hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to) == HKP_OK) tried++;
            roads_run(x, 1500 * HKP_HTP__MS);
        }
        x->loss_all = 0;
        roads_run(x, 60 * HKP_HTP__SEC);
        CHECK_EQ(x->messages[0], 1);
        CHECK_EQ(x->messages[1], 1);
        CHECK(tried > 10 && x->moved[1] > 5);
        CHECK_EQ(x->moved[1] + x->failed[1], tried);
        CHECK_EQ(x->down[0] + x->down[1], 0);
        CHECK_EQ(roads_path(x, 0).port, 46000 + roads_path(x, 1).carrier);
        CHECK_EQ(routes(x, 0) + routes(x, 1), 0);
        CHECK_EQ(spare(x, 0) + spare(x, 1), 4);
        roads_free(x);
    }
}

/* HTP-9.3: asked at first and three times again; then the session stays where it was. */
static void a_path_without_an_answer_is_given_up(void) {
    struct roads *x = roads_up("r", check_seed());
    const struct hkp_htp_path to = roads_v(x, 1);
    (void)roads_rebind(x, 1, 8, 45000, 0);
    x->loss[1] = 1000;
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_OK);
    uint64_t out = roads_session(x, 1)->bytes_out;
    roads_run(x, 6 * HKP_HTP__SEC);
    CHECK_EQ(x->failed[1], 1);
    CHECK_EQ(x->last_news[1].carrier, 1);
    CHECK_EQ(x->moved[0] + x->moved[1], 0);
    /* four packets of 1200 bytes, and RETIRE of the token that was seen there */
    out = roads_session(x, 1)->bytes_out - out;
    CHECK(out >= 4 * 1200 && out < 4 * 1200 + 400);
    CHECK_EQ(roads_path(x, 1).carrier, 0);
    CHECK_EQ(spare(x, 1), 2);
    roads_say(x, 1, 100);
    roads_run(x, HKP_HTP__SEC);
    CHECK_EQ(x->messages[0], 1);
    roads_free(x);
}

static void a_move_is_refused_where_it_cannot_be(void) {
    struct roads *x = roads_new("r", check_seed());
    struct hkp_htp_path to;
    memset(&to, 0, sizeof to);
    to = x->p.path_v;
    CHECK_EQ(pair_connect(&x->p), HKP_OK);
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_E_STATE);
    roads_run(x, HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session + 1, &to), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_migrate(NULL, x->p.now, x->p.session, &to), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_migrate(x->p.v, x->p.now, x->session_v, &to), HKP_E_STATE);
    to.carrier = 1;
    struct hkp_htp__tokens *t = &roads_session(x, 1)->paths->tokens;
    const uint8_t kept = t->peer_used;
    t->peer_used = 0xFF; /* V gave none that is unused */
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_E_LIMIT);
    t->peer_used = kept;
    CHECK_EQ(hkp_htp_session_close(x->p.e, x->p.now, x->p.session, HKP_HTP_REASON_DONE), HKP_OK);
    CHECK_EQ(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to), HKP_E_STATE);
    roads_free(x);
}

/* ---- amplification ---- */

/* HTP-4.6 as a property: whoever sends copies of what it saw from addresses of its own never gets more bytes
 * than it sent, at any time, whatever the sizes, the losses and the epoch. */
static void no_address_gets_more_than_it_sent(void) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct roads *x = roads_up(seed % 2 ? "n" : "r", check_seed() + 200 + seed);
        x->forwarder_delay = HKP_HTP__MS;
        x->loss_all = (unsigned)(seed % 4) * 50;
        (void)roads_rebind(x, 1, 9, 47000, 0);
        for (int i = 0; i < 40 && x->n_hosts < ROADS_HOSTS; i++) {
            x->forwarder = roads_host(x, (uint8_t)(100 + i), (uint16_t)(1000 + i), -2);
            x->copies = 1 + (unsigned)(check_random(&x->random) % 3);
            const struct hkp_htp_path to = roads_v(x, (int)(1 - roads_path(x, 1).carrier));
            if (i % 5 == 0) CHECK(hkp_htp_session_migrate(x->p.e, x->p.now, x->p.session, &to) <= HKP_OK);
            if (i % 7 == 0) CHECK_EQ(hkp_htp_session_rekey(x->p.e, x->p.now, x->p.session), HKP_OK);
            roads_say(x, i % 3 != 0, 1 + check_random(&x->random) % 4000);
            const hkp_time end = x->p.now + 300 * HKP_HTP__MS;
            while (roads_step(x, end))
                for (unsigned h = 0; h < x->n_hosts; h++)
                    if (x->hosts[h].socket == -2) CHECK(x->hosts[h].out <= x->hosts[h].in);
        }
        CHECK_EQ(x->down[0] + x->down[1], 0);
        x->loss_all = 0;
        x->copies = 0;
        roads_run(x, 20 * HKP_HTP__SEC);
        CHECK_EQ(x->messages[0] + x->messages[1], 40);
        CHECK(roads_path(x, 0).port >= 40000);
        roads_free(x);
    }
}

int main(void) {
    CASE(v_follows_a_rebinding);
    CASE(a_binding_that_expired_comes_back_with_the_next_heartbeat);
    CASE(a_transfer_goes_on_over_rebindings_with_loss);
    CASE(the_window_restarts_unless_only_the_port_changed);
    CASE(an_old_packet_or_a_forged_one_moves_nothing);
    CASE(a_faster_forwarder_does_not_take_the_path);
    CASE(an_answer_on_another_path_does_not_count);
    CASE(e_moves_to_another_socket);
    CASE(migrations_under_loss_never_break_a_transfer);
    CASE(a_path_without_an_answer_is_given_up);
    CASE(a_move_is_refused_where_it_cannot_be);
    CASE(no_address_gets_more_than_it_sent);
    return check_done();
}
