/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Public calls on streams and datagrams of an endpoint: order, deadlines, compression (HTP-10.6, 10.7). */
#include "pair.h"

enum { BIG = 60000 };

static uint8_t text[BIG];

struct calls {
    struct world w;
    struct pair p;
    uint64_t up_v;
};

/* A session in mode N whose peers may use all classes. */
static struct calls *established(void) {
    static struct calls c;
    c.w = (struct world){0};
    world_load(&c.w, vec_get(vec_load("htp/handshake_n.json"), "inputs"));
    pair_new(&c.p, &c.w);
    CHECK_EQ(pair_connect(&c.p), HKP_OK);
    pair_pump(&c.p);
    CHECK_EQ(pair_event(c.p.e, HKP_HTP_EVENT_UP).type, HKP_HTP_EVENT_UP);
    c.up_v = pair_event(c.p.v, HKP_HTP_EVENT_UP).session;
    CHECK_EQ(hkp_htp_session_allow(c.p.v, c.up_v, UINT64_MAX, UINT64_MAX), HKP_OK);
    return &c;
}

static uint32_t opened(struct calls *c, uint32_t priority) {
    uint32_t stream = 0;
    CHECK_EQ(hkp_htp_stream_open(c->p.e, c->p.session, HKP_HTP_STREAM_APP, 0, priority, &stream), HKP_OK);
    return stream;
}

/* What E sends in this time goes nowhere. */
static void lose(struct calls *c, hkp_time span) {
    uint8_t d[1200];
    for (const hkp_time end = c->p.now + span; c->p.now < end; c->p.now += 10 * HKP_HTP__MS) {
        hkp_htp_tick(c->p.e, c->p.now, c->p.wall);
        while (pair_pull(&c->p, 1, d) > 0) continue;
    }
    hkp_htp_tick(c->p.e, c->p.now, c->p.wall);
}

static uint64_t bytes_out(const struct calls *c) {
    struct hkp_htp_stats s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_htp_endpoint_stats(c->p.e, &s), HKP_OK);
    return s.bytes_out;
}

static void what_is_out_of_range_or_unknown_is_refused(void) {
    struct calls *c = established();
    hkp_htp_endpoint *e = c->p.e;
    const uint64_t s = c->p.session, other = s + 1000;
    const uint32_t stream = opened(c, 3);
    CHECK_EQ(hkp_htp_stream_priority(e, s, stream, 8), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_stream_priority(e, other, stream, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_stream_priority(e, s, stream + 400, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_stream_compress(e, s, stream, HKP_HTP_COMPRESS_BEST + 1), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_stream_compress(e, s, stream + 400, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_stream_deadline(e, s, stream, c->p.now), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_stream_deadline(e, other, stream, HKP_TIME_NEVER), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_stream_send_by(e, s, stream, text, 1, 2, HKP_TIME_NEVER), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_stream_send_by(e, s, stream, text, 1, 0, c->p.now), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_datagram_send_by(e, s, HKP_HTP_STREAM_APP, text, 1, c->p.now), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_datagram_send_by(e, s, HKP_HTP_STREAM_APP, text, 1081, HKP_TIME_NEVER), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_datagram_send_by(e, other, HKP_HTP_STREAM_APP, text, 1, HKP_TIME_NEVER), HKP_E_NOTFOUND);
    pair_run(&c->p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE).type, HKP_HTP_EVENT_NONE);
    pair_free(&c->p);
}

static void a_stream_that_is_raised_overtakes(void) {
    struct calls *c = established();
    const uint32_t a = opened(c, 3), b = opened(c, 3);
    CHECK_EQ(hkp_htp_stream_send(c->p.e, c->p.session, a, text, BIG, 0), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(c->p.e, c->p.session, b, text, BIG, 0), HKP_OK);
    CHECK_EQ(hkp_htp_stream_priority(c->p.e, c->p.session, b, 0), HKP_OK);
    pair_run(&c->p, 5 * HKP_HTP__SEC);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE).stream, b);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE).stream, a);
    pair_free(&c->p);
}

static void a_message_that_is_late_is_given_up(void) {
    struct calls *c = established();
    const uint32_t by_message = opened(c, 3), by_stream = opened(c, 3), none = opened(c, 3);
    const hkp_time soon = c->p.now + 100 * HKP_HTP__MS;
    CHECK_EQ(hkp_htp_stream_send_by(c->p.e, c->p.session, by_message, text, 100, 0, soon), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(c->p.e, c->p.session, by_stream, text, 200, 1), HKP_OK);
    CHECK_EQ(hkp_htp_stream_deadline(c->p.e, c->p.session, by_stream, soon), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(c->p.e, c->p.session, none, text, 300, 1), HKP_OK);
    lose(c, 300 * HKP_HTP__MS);
    uint32_t expired = 0;
    for (struct hkp_htp_event ev;
         (ev = pair_event(c->p.e, HKP_HTP_EVENT_EXPIRED)).type != HKP_HTP_EVENT_NONE;)
        expired |= ev.stream == by_message ? 1U : ev.stream == by_stream ? 2U : 4U;
    CHECK_EQ(expired, 3);
    pair_run(&c->p, 10 * HKP_HTP__SEC);
    const struct hkp_htp_event ev = pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE);
    CHECK_EQ(ev.stream, none);
    CHECK_EQ(ev.len, 300);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE).type, HKP_HTP_EVENT_NONE);
    pair_free(&c->p);
}

static void a_datagram_that_could_not_go_in_time_does_not_go(void) {
    struct calls *c = established();
    const hkp_time soon = c->p.now + 5 * HKP_HTP__MS;
    CHECK_EQ(hkp_htp_datagram_send_by(c->p.e, c->p.session, HKP_HTP_STREAM_APP, text, 10, soon), HKP_OK);
    CHECK_EQ(hkp_htp_datagram_send_by(c->p.e, c->p.session, HKP_HTP_STREAM_APP, text, 20, HKP_TIME_NEVER),
             HKP_OK);
    c->p.now += 10 * HKP_HTP__MS;
    hkp_htp_tick(c->p.e, c->p.now, c->p.wall);
    pair_run(&c->p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_DATAGRAM).len, 20);
    CHECK_EQ(pair_event(c->p.v, HKP_HTP_EVENT_DATAGRAM).type, HKP_HTP_EVENT_NONE);
    pair_free(&c->p);
}

static void a_compressed_message_is_short_on_the_way_and_whole_behind_it(void) {
    struct calls *c = established();
    const uint32_t stream = opened(c, 3);
    for (size_t i = 0; i < BIG; i++) text[i] = (uint8_t)(i / 1000);
    CHECK_EQ(hkp_htp_stream_compress(c->p.e, c->p.session, stream, HKP_HTP_COMPRESS_BEST), HKP_OK);
    const uint64_t before = bytes_out(c);
    CHECK_EQ(hkp_htp_stream_send(c->p.e, c->p.session, stream, text, BIG, 1), HKP_OK);
    pair_run(&c->p, 2 * HKP_HTP__SEC);
    CHECK(bytes_out(c) - before < BIG / 10);
    const struct hkp_htp_event ev = pair_event(c->p.v, HKP_HTP_EVENT_MESSAGE);
    CHECK_EQ(ev.len, BIG);
    if (ev.data != NULL) CHECK(memcmp(ev.data, text, BIG) == 0);
    pair_free(&c->p);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(what_is_out_of_range_or_unknown_is_refused);
    CASE(a_stream_that_is_raised_overtakes);
    CASE(a_message_that_is_late_is_given_up);
    CASE(a_datagram_that_could_not_go_in_time_does_not_go);
    CASE(a_compressed_message_is_short_on_the_way_and_whole_behind_it);
    return check_done();
}
