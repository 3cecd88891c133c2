/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Whole sessions between two endpoints: handshake in all modes, data, rekey, close, limits. */
#include "alloc.h"
#include "pair.h"

static json_t *inputs(const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    return vec_get(vec_load(file), "inputs");
}

static const char *const modes[] = {"r",       "n",          "n_suite2",    "r_suite2_mask", "retry",
                                    "r_certs", "r_psk_zero", "r_published", "stranger"};

/* The good path up to both events; *up_v is V's session. */
static void establish(struct pair *p, uint64_t *up_v) {
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_pump(p);
    struct hkp_htp_event a = pair_event(p->e, HKP_HTP_EVENT_UP), b = pair_event(p->v, HKP_HTP_EVENT_UP);
    CHECK_EQ(a.type, HKP_HTP_EVENT_UP);
    CHECK_EQ(b.type, HKP_HTP_EVENT_UP);
    CHECK_EQ(a.session, p->session);
    CHECK_MEM(a.peer, p->w->v.node_id, 16);
    CHECK_MEM(b.peer, p->w->e.node_id, 16);
    CHECK_EQ(a.role, HKP_HTP_ROLE_E);
    CHECK_EQ(b.role, HKP_HTP_ROLE_V);
    *up_v = b.session;
}

static void same_export(struct pair *p, uint64_t up_v, uint32_t epoch) {
    uint8_t a[40], b[40];
    const uint8_t *label = (const uint8_t *)"HTP1 mesh5";
    CHECK_EQ(hkp_htp_session_export(p->e, p->session, epoch, label, 10, NULL, 0, a, sizeof a), HKP_OK);
    CHECK_EQ(hkp_htp_session_export(p->v, up_v, epoch, label, 10, NULL, 0, b, sizeof b), HKP_OK);
    CHECK_MEM(a, b, sizeof a);
}

static void a_message_crosses(struct pair *p, uint64_t up_v, const char *text) {
    uint32_t stream;
    CHECK_EQ(hkp_htp_session_allow(p->v, up_v, UINT64_MAX, UINT64_MAX), HKP_OK);
    CHECK_EQ(hkp_htp_stream_open(p->e, p->session, HKP_HTP_STREAM_COMMIT, 1, 3, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p->e, p->session, stream, (const uint8_t *)text, strlen(text), 1), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    struct hkp_htp_event ev = pair_event(p->v, HKP_HTP_EVENT_MESSAGE);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_MESSAGE);
    CHECK_EQ(ev.len, strlen(text));
    if (ev.data != NULL) CHECK_MEM(ev.data, text, ev.len);
}

static void every_mode_gives_a_session_that_carries_messages(void) {
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        static struct world w;
        struct pair p;
        uint64_t up_v;
        int before = check_faults;
        world_load(&w, inputs(modes[i]));
        if (strcmp(modes[i], "r_certs") == 0) w.require = 0;
        pair_new(&p, &w);
        establish(&p, &up_v);
        same_export(&p, up_v, 0);
        a_message_crosses(&p, up_v, "hello there");
        struct hkp_htp_session_info info = {.struct_size = sizeof info};
        CHECK_EQ(hkp_htp_session_info(p.v, up_v, &info), HKP_OK);
        CHECK_EQ(info.mode, w.mode);
        CHECK_EQ(info.ter_index, 701);
        CHECK_EQ(info.established, 1);
        pair_free(&p);
        CHECK_NOTE(before, "%s", modes[i]);
    }
}

static void rekeys_follow_each_other_and_exporters_agree(void) {
    static struct world w;
    struct pair p;
    uint64_t up_v;
    world_load(&w, inputs("r"));
    pair_new(&p, &w);
    establish(&p, &up_v);
    for (uint32_t n = 1; n <= 5; n++) {
        CHECK_EQ(hkp_htp_session_rekey(p.e, p.now, p.session), HKP_OK);
        pair_run(&p, 6 * HKP_HTP__SEC);
        struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_REKEYED);
        CHECK_EQ(ev.value, n);
        CHECK_EQ(pair_event(p.v, HKP_HTP_EVENT_REKEYED).value, n);
        same_export(&p, up_v, n);
        same_export(&p, up_v, 0);
        a_message_crosses(&p, up_v, "after the rekey");
        CHECK_EQ(w.pins, 2);
    }
    CHECK_EQ(hkp_htp_session_rekey(p.v, p.now, up_v), HKP_OK);
    pair_run(&p, 6 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_REKEYED).value, 6);
    pair_free(&p);
}

static void an_idle_session_rekeys_on_its_heartbeats(void) {
    static struct world w;
    struct pair p;
    uint64_t up_v;
    world_load(&w, inputs("r"));
    pair_new(&p, &w);
    establish(&p, &up_v);
    pair_run(&p, 200 * HKP_HTP__SEC);
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    CHECK_EQ(hkp_htp_session_info(p.e, p.session, &info), HKP_OK);
    CHECK(info.epoch >= 2 && info.epoch <= 3);
    CHECK_EQ(hkp_htp_session_info(p.v, up_v, &info), HKP_OK);
    CHECK(info.epoch >= 2 && info.epoch <= 3);
    CHECK(pair_event(p.e, HKP_HTP_EVENT_GOOD_HEARTBEAT).type != HKP_HTP_EVENT_NONE);
    pair_free(&p);
}

static void close_ends_both_sides_with_its_reason(void) {
    static struct world w;
    struct pair p;
    uint64_t up_v;
    world_load(&w, inputs("n"));
    pair_new(&p, &w);
    establish(&p, &up_v);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_SHUTDOWN), HKP_OK);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_DOWN);
    CHECK_EQ(ev.reason, HKP_HTP_REASON_SHUTDOWN);
    CHECK_EQ(ev.result, HKP_E_HTP_CLOSED);
    pair_run(&p, 10 * HKP_HTP__SEC);
    ev = pair_event(p.v, HKP_HTP_EVENT_DOWN);
    CHECK_EQ(ev.type, HKP_HTP_EVENT_DOWN);
    CHECK_EQ(ev.reason, HKP_HTP_REASON_SHUTDOWN);
    CHECK_EQ(ev.session, up_v);
    CHECK_EQ(hkp_htp_session_close(p.e, p.now, p.session, HKP_HTP_REASON_DONE), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_close(p.v, p.now, up_v, HKP_HTP_REASON_DONE), HKP_E_NOTFOUND);
    pair_event(p.e, 99), pair_event(p.v, 99);
    struct hkp_htp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_endpoint_stats(p.e, &s), HKP_OK);
    CHECK_EQ(s.sessions, 0);
    CHECK_EQ(hkp_htp_endpoint_stats(p.v, &s), HKP_OK);
    CHECK_EQ(s.sessions, 0);
    pair_free(&p);
}

static void a_third_session_of_a_node_replaces_the_oldest(void) {
    static struct world w;
    struct pair p;
    uint64_t up[3];
    world_load(&w, inputs("n"));
    pair_new(&p, &w);
    for (int i = 0; i < 3; i++) {
        establish(&p, &up[i]);
        pair_run(&p, 7 * HKP_HTP__SEC);
    }
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    CHECK_EQ(hkp_htp_session_info(p.v, up[0], &info), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_info(p.v, up[1], &info), HKP_OK);
    CHECK_EQ(hkp_htp_session_info(p.v, up[2], &info), HKP_OK);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_REPLACED);
    pair_free(&p);
}

static void nobody_there_is_a_timeout(void) {
    static struct world w;
    struct pair p;
    uint8_t d[1200];
    int hellos = 0;
    world_load(&w, inputs("r"));
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    for (int i = 0; i < 20000; i++, p.now += HKP_HTP__MS) {
        hkp_htp_tick(p.e, p.now, p.wall);
        while (pair_pull(&p, 1, d) > 0) hellos++;
    }
    CHECK_EQ(hellos, 4);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.result, HKP_E_HTP_TIMEOUT);
    pair_free(&p);
}

static void a_refused_node_is_told_and_waits(void) {
    static struct world w;
    struct pair p;
    world_load(&w, inputs("r"));
    pair_new(&p, &w);
    w.unknown = 1;
    CHECK_EQ(hkp_htp_connect(p.e, p.now, p.wall, &p.path_v, w.v.node_id, w.v.s, w.v.a, 1, &p.session),
             HKP_OK);
    pair_pump(&p);
    struct hkp_htp_event ev = pair_event(p.e, HKP_HTP_EVENT_FAILED);
    CHECK_EQ(ev.result, HKP_E_HTP_REJECTED);
    CHECK_EQ(ev.reason, HKP_HTP_REASON_REFUSED);
    CHECK_EQ(ev.value, 5);
    CHECK_EQ(hkp_htp_kind(ev.result, ev.reason), HKP_HTP_KIND_AUTHENTICATION);
    CHECK_EQ(hkp_htp_connect(p.e, p.now, p.wall, &p.path_v, w.v.node_id, w.v.s, w.v.a, 1, &p.session),
             HKP_E_LIMIT);
    pair_run(&p, 6 * HKP_HTP__SEC);
    w.unknown = 0;
    uint64_t up_v;
    establish(&p, &up_v);
    pair_free(&p);
}

static void revocation_ends_sessions_at_once(void) {
    static struct world w;
    struct pair p;
    uint64_t up_v;
    world_load(&w, inputs("r"));
    pair_new(&p, &w);
    establish(&p, &up_v);
    CHECK_EQ(hkp_htp_endpoint_revoke(p.v, p.now, w.e.node_id), HKP_OK);
    pair_pump(&p);
    CHECK_EQ(pair_event(p.e, HKP_HTP_EVENT_DOWN).reason, HKP_HTP_REASON_IDENTITY);
    pair_free(&p);
}

/* HTP-15.4: what does not open sets nothing in motion; the round trip is measured by the CHALLENGE that
 * opens. */
static void a_forged_challenge_measures_nothing(void) {
    struct world w;
    struct pair p;
    uint8_t hello[1200], challenge[1200], forged[1200];
    world_load(&w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&p, &w);
    CHECK_EQ(pair_connect(&p), HKP_OK);
    CHECK_EQ(pair_give(&p, 0, hello, pair_pull(&p, 1, hello)), HKP_OK);
    const size_t len = pair_pull(&p, 0, challenge);
    memcpy(forged, challenge, len);
    forged[len - 1] ^= 1;
    const struct hkp_htp__session *s = hkp_htp__session_find(p.e, p.session);
    p.now += HKP_HTP__MS;
    CHECK(pair_give(&p, 1, forged, len) != HKP_OK);
    CHECK(s->edge->rtt == 0 && !s->edge->rtt_known);
    p.now += HKP_HTP__MS;
    CHECK_EQ(pair_give(&p, 1, challenge, len), HKP_OK);
    CHECK_EQ(s->edge->rtt, 2 * HKP_HTP__MS);
    pair_free(&p);
}

/* HTP-10.5: the option gives all sessions a controller, the call one of them. */
static void a_session_may_have_another_controller(void) {
    struct world w;
    struct pair p;
    uint64_t up_v;
    struct hkp_htp_congestion_info info = {.struct_size = sizeof info};
    world_load(&w, inputs("n"));
    pair_new(&p, &w);
    establish(&p, &up_v);
    a_message_crosses(&p, up_v, "before");
    CHECK_EQ(hkp_htp_session_congestion(p.e, p.session, &info), HKP_OK);
    CHECK_EQ(info.controller, HKP_HTP_CONGESTION_CUBIC);
    CHECK(info.window >= 12000 && info.pacing_rate > 0 && info.pto_ns > 0);
    CHECK_EQ(info.lost + info.late + info.timeouts, 0);
    CHECK_EQ(hkp_htp_session_set_congestion(p.e, p.session, 2), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_session_set_congestion(p.e, p.session + 1, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_session_set_congestion(p.e, p.session, HKP_HTP_CONGESTION_BBR), HKP_OK);
    CHECK_EQ(hkp_htp_session_congestion(p.e, p.session, &info), HKP_OK);
    CHECK_EQ(info.controller, HKP_HTP_CONGESTION_BBR);
    CHECK_EQ(hkp_htp_session_congestion(p.v, up_v, &info), HKP_OK);
    CHECK_EQ(info.controller, HKP_HTP_CONGESTION_CUBIC); /* each sender its own */
    a_message_crosses(&p, up_v, "after");
    info.struct_size--;
    CHECK_EQ(hkp_htp_session_congestion(p.e, p.session, &info), HKP_E_INVAL);
    struct hkp_htp_options o;
    pair_options(&p, &o, 1);
    o.congestion = 2;
    hkp_htp_endpoint *none = NULL;
    CHECK_EQ(hkp_htp_endpoint_new(&none, &o, p.now), HKP_E_INVAL);
    pair_free(&p);
}

static void every_allocation_may_fail(void) {
    static struct world w;
    world_load(&w, inputs("r"));
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct pair p = {.w = &w, .rng_v = {.seed = 5}};
        struct hkp_htp_options o;
        pair_options(&p, &o, 0);
        o.mem = failing_mem(&f);
        hkp_status st = hkp_htp_endpoint_new(&p.v, &o, 1);
        if (st == HKP_OK) {
            hkp_htp_endpoint_free(p.v);
            CHECK_EQ(f.live, 0);
            CHECK(budget > 5);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(p.v == NULL);
        CHECK_EQ(f.live, 0);
    }
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(every_mode_gives_a_session_that_carries_messages);
    CASE(rekeys_follow_each_other_and_exporters_agree);
    CASE(an_idle_session_rekeys_on_its_heartbeats);
    CASE(close_ends_both_sides_with_its_reason);
    CASE(a_third_session_of_a_node_replaces_the_oldest);
    CASE(nobody_there_is_a_timeout);
    CASE(a_refused_node_is_told_and_waits);
    CASE(revocation_ends_sessions_at_once);
    CASE(a_forged_challenge_measures_nothing);
    CASE(a_session_may_have_another_controller);
    CASE(every_allocation_may_fail);
    return check_done();
}
