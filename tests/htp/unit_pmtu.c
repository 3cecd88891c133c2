/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Path MTU discovery (HTP-9.7): the search, alone and between two endpoints over a link with an MTU. */
#include "libhtp/flow/flow_state.h"
#include "pair.h"

#include "libhtp/path/pmtu.h"

enum { BIG = 900000, ROOM = 65507 };

/* ---- the search alone */

static void fill_packets(struct hkp_htp__pmtu *p) {
    for (int i = 0; i < 8; i++) hkp_htp__pmtu_full(p);
}

/* Probes until it wants no more, on a path that carries mtu; the number of probes. */
static unsigned search(struct hkp_htp__pmtu *p, uint32_t mtu, int is_v4) {
    unsigned n = 0;
    for (uint32_t size; n < 200 && (size = hkp_htp__pmtu_wants(p, 0, is_v4)) != 0; n++) {
        CHECK(size > p->good && size <= p->limit);
        hkp_htp__pmtu_sent(p, size, n);
        CHECK_EQ(hkp_htp__pmtu_wants(p, 0, is_v4), 0); /* one at a time */
        if (size <= mtu)
            CHECK_EQ(hkp_htp__pmtu_acked(p, size, n), 1);
        else
            hkp_htp__pmtu_lost(p, n);
    }
    return n;
}

static void the_search_ends_close_below_what_the_path_carries(void) {
    static const uint32_t mtus[] = {1200, 1279, 1280, 1399, 1400, 1431,  1432,
                                    1452, 1472, 2000, 8972, 9000, 16384, 65507};
    for (unsigned i = 0; i < sizeof mtus / sizeof mtus[0]; i++)
        for (uint32_t limit = 1200; limit <= 65507; limit += 1171) {
            struct hkp_htp__pmtu p;
            const uint32_t best = mtus[i] < limit ? mtus[i] : limit;
            hkp_htp__pmtu_init(&p, limit, 0);
            fill_packets(&p);
            CHECK(search(&p, mtus[i], (int)(limit & 1)) <= 3 + 3 * 12);
            CHECK(p.good <= best && p.good + 64 >= best);
        }
}

static void the_usual_sizes_come_first(void) {
    struct hkp_htp__pmtu p;
    for (int is_v4 = 0; is_v4 < 2; is_v4++) {
        const uint32_t want[] = {1280, 1400, is_v4 ? 1452 : 1432, 9000};
        hkp_htp__pmtu_init(&p, 9000, 0);
        CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, is_v4), 0); /* nothing was full yet */
        fill_packets(&p);
        for (unsigned i = 0; i < 4; i++) {
            CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, is_v4), want[i]);
            hkp_htp__pmtu_sent(&p, want[i], i);
            CHECK_EQ(hkp_htp__pmtu_acked(&p, want[i], i), 1);
        }
        CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, is_v4), 0);
    }
}

static void a_size_is_given_up_after_three_losses_only(void) {
    struct hkp_htp__pmtu p;
    hkp_htp__pmtu_init(&p, 1280, 0);
    fill_packets(&p);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, 1), 1280);
        hkp_htp__pmtu_sent(&p, 1280, i);
        hkp_htp__pmtu_lost(&p, i + 7); /* another packet */
        CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, 1), 0);
        hkp_htp__pmtu_lost(&p, i);
    }
    CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, 1), 1240);
    /* One that was late after all counts. */
    CHECK_EQ(hkp_htp__pmtu_acked(&p, 1260, 2), 1);
    CHECK_EQ(p.good, 1260);
}

/* Found by the fault simulator: what arrived on another road says nothing of this one. */
static void a_probe_of_the_path_before_counts_no_more(void) {
    struct hkp_htp__pmtu p;
    hkp_htp__pmtu_init(&p, 9000, 0);
    fill_packets(&p);
    hkp_htp__pmtu_sent(&p, 1280, 7);
    CHECK_EQ(hkp_htp__pmtu_restart(&p, 0, 8), 0);
    CHECK_EQ(hkp_htp__pmtu_acked(&p, 1280, 7), 0);
    CHECK_EQ(p.good, 1200);
    fill_packets(&p);
    CHECK_EQ(hkp_htp__pmtu_wants(&p, 0, 1), 1280);
    hkp_htp__pmtu_sent(&p, 1280, 8);
    CHECK_EQ(hkp_htp__pmtu_acked(&p, 1280, 8), 1);
}

static void what_the_system_refuses_needs_no_probe(void) {
    struct hkp_htp__pmtu p;
    hkp_htp__pmtu_init(&p, 16384, 0);
    fill_packets(&p);
    CHECK_EQ(hkp_htp__pmtu_refused(&p, 1473), 0);
    (void)search(&p, 1472, 1);
    CHECK(p.good >= 1452 && p.good <= 1472);
    CHECK_EQ(hkp_htp__pmtu_refused(&p, p.good), 1); /* the interface shrank */
    CHECK_EQ(p.good, 1200);
    CHECK_EQ(hkp_htp__pmtu_refused(&p, 1200), 0);
}

/* A path that takes the place of another goes on with what it found. */
static void a_search_goes_on_in_another_place(void) {
    struct hkp_htp__pmtu p, other;
    hkp_htp__pmtu_init(&p, 16384, 0);
    hkp_htp__pmtu_init(&other, 16384, 0);
    fill_packets(&other);
    (void)search(&other, 9000, 1);
    hkp_htp__pmtu_sent(&other, 12000, 70);
    hkp_htp__pmtu_follow(&p, &other, 71);
    CHECK(p.good > 8900 && p.good <= 9000);
    CHECK_EQ(hkp_htp__pmtu_acked(&p, 12000, 70), 0);
    CHECK_EQ(p.probe, 0); /* or it would wait for that one for ever */
}

/* ---- between two endpoints */

struct bed {
    struct world w;
    struct pair p;
    uint64_t e, v;
    /** of each carrier of E */
    size_t mtu, second, largest, too_long;
    /** the system says so */
    int tells;
    uint8_t out[ROOM];
};

static void bed_new_with(struct bed *b, size_t mtu, uint32_t features) {
    struct hkp_htp_options o;
    memset(b, 0, sizeof *b);
    world_load(&b->w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&b->p, &b->w);
    for (int is_e = 0; is_e < 2 && features != 0; is_e++) {
        hkp_htp_endpoint **ep = is_e ? &b->p.e : &b->p.v;
        hkp_htp_endpoint_free(*ep);
        pair_options(&b->p, &o, is_e);
        o.features = features;
        CHECK_EQ(hkp_htp_endpoint_new(ep, &o, b->p.now), HKP_OK);
    }
    CHECK_EQ(pair_connect(&b->p), HKP_OK);
    pair_pump(&b->p);
    b->mtu = mtu;
    b->e = pair_event(b->p.e, HKP_HTP_EVENT_UP).session;
    b->v = pair_event(b->p.v, HKP_HTP_EVENT_UP).session;
    CHECK_EQ(hkp_htp_session_allow(b->p.e, b->e, UINT64_MAX, UINT64_MAX), HKP_OK);
    CHECK_EQ(hkp_htp_session_allow(b->p.v, b->v, UINT64_MAX, UINT64_MAX), HKP_OK);
    pair_pump(&b->p);
}

static void bed_new(struct bed *b, size_t mtu) { bed_new_with(b, mtu, 0); }

static int carry(struct bed *b, int from_e) {
    struct hkp_htp_run run = {.struct_size = sizeof run};
    hkp_htp_endpoint *from = from_e ? b->p.e : b->p.v, *to = from_e ? b->p.v : b->p.e;
    CHECK_EQ(hkp_htp_run_send(from, b->p.now, b->p.wall, b->out, sizeof b->out, &run), HKP_OK);
    if (run.len == 0) return 0;
    if (run.segment > b->largest) b->largest = run.segment;
    const unsigned carrier =
        from_e ? (unsigned)run.path.carrier : (unsigned)(run.path.port - b->p.path_e.port);
    if (run.segment > (carrier == 0 ? b->mtu : b->second)) {
        b->too_long++;
        if (b->tells) CHECK_EQ(hkp_htp_run_refused(from, run.session, &run.path, run.segment), HKP_OK);
        return 1;
    }
    if (b->second != 0) b->p.now += HKP_HTP__MS; /* round trips by which paths can be drawn */
    run.path = from_e ? b->p.path_e : b->p.path_v;
    if (from_e)
        run.path.port = (uint16_t)(run.path.port + carrier);
    else
        run.path.carrier = carrier;
    CHECK_EQ(hkp_htp_run_recv(to, b->p.now, b->p.wall, &run, b->out, NULL), HKP_OK);
    return 1;
}

/* A message over, with time passing; 1: it arrived as it was sent. */
static int deliver(struct bed *b, size_t len) {
    static uint8_t message[BIG];
    uint32_t stream;
    for (size_t i = 0; i < len; i++) message[i] = (uint8_t)(i * 13 + i / 253);
    CHECK_EQ(hkp_htp_stream_open(b->p.e, b->e, HKP_HTP_STREAM_APP, 0, 3, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(b->p.e, b->e, stream, message, len, 1), HKP_OK);
    for (int i = 0; i < 4000; i++) {
        while (carry(b, 1) | carry(b, 0)) continue;
        struct hkp_htp_event ev = pair_event(b->p.v, HKP_HTP_EVENT_MESSAGE);
        if (ev.type == HKP_HTP_EVENT_MESSAGE) return ev.len == len && memcmp(ev.data, message, len) == 0;
        b->p.now += 5 * HKP_HTP__MS;
        hkp_htp_tick(b->p.e, b->p.now, b->p.wall);
        hkp_htp_tick(b->p.v, b->p.now, b->p.wall);
    }
    return 0;
}

static struct hkp_htp__flow *flow_of(struct bed *b) { return hkp_htp__session_find(b->p.e, b->e)->flow; }

static void packets_grow_to_what_the_link_carries(void) {
    static const size_t mtus[] = {1200, 1300, 1452, 1500, 4000, 16384};
    static struct bed b;
    for (int tells = 0; tells < 2; tells++)
        for (unsigned i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
            bed_new(&b, mtus[i]);
            b.tells = tells;
            for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
            const size_t max = hkp_htp__flow_datagram_max(flow_of(&b), 0);
            CHECK(max <= mtus[i] && max + 64 >= mtus[i]);
            CHECK(b.largest >= max);
            /* Lost probes are no signal of congestion: none was ever answered. */
            CHECK_EQ(flow_of(&b)->recovery.own.congestion.recovery_start, 0);
            pair_free(&b.p);
        }
}

static void short_packets_seek_nothing(void) {
    static struct bed b;
    bed_new(&b, ROOM);
    for (int k = 0; k < 50; k++) CHECK(deliver(&b, 700));
    CHECK(b.largest <= 1200);
    pair_free(&b.p);
}

/* The path changes below: everything arrives all the same, in small packets, and for 600 s none else is
 * tried. */
static void a_path_that_shrinks_is_noticed_by_three_timeouts(void) {
    static struct bed b;
    bed_new(&b, 9000);
    for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
    CHECK(hkp_htp__flow_datagram_max(flow_of(&b), 0) > 8900);
    b.mtu = 1300;
    CHECK(deliver(&b, 300000));
    CHECK_EQ(hkp_htp__flow_datagram_max(flow_of(&b), 0), 1200);
    const size_t lost = b.too_long;
    CHECK(deliver(&b, 300000));
    CHECK_EQ(b.too_long, lost);
    flow_of(&b)->recovery.own.pmtu.again -= 600 * HKP_HTP__SEC; /* as if they were over */
    for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
    CHECK(b.too_long > lost);
    const size_t max = hkp_htp__flow_datagram_max(flow_of(&b), 0);
    CHECK(max <= 1300 && max + 64 >= 1300);
    pair_free(&b.p);
}

/* Short messages that come through keep ending the series of timeouts: the long one must not wait for ever.
 */
static void a_path_that_shrinks_is_noticed_beside_short_packets(void) {
    static struct bed b;
    static const uint8_t text[40];
    static uint8_t message[5000];
    uint32_t small, large;
    unsigned came = 0;
    bed_new(&b, 9000);
    for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
    CHECK(hkp_htp__flow_datagram_max(flow_of(&b), 0) > 8900);
    b.mtu = 1300;
    CHECK_EQ(hkp_htp_stream_open(b.p.e, b.e, HKP_HTP_STREAM_APP, 0, 0, &small), HKP_OK);
    CHECK_EQ(hkp_htp_stream_open(b.p.e, b.e, HKP_HTP_STREAM_APP, 0, 3, &large), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(b.p.e, b.e, large, message, sizeof message, 1), HKP_OK);
    for (int i = 0; i < 200 && came == 0; i++) {
        if (i % 4 == 0) CHECK_EQ(hkp_htp_stream_send(b.p.e, b.e, small, text, sizeof text, 0), HKP_OK);
        while (carry(&b, 1) | carry(&b, 0)) continue;
        for (struct hkp_htp_event ev; (ev = pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE)).type != 0;)
            came += ev.len == sizeof message;
        b.p.now += 5 * HKP_HTP__MS;
        hkp_htp_tick(b.p.e, b.p.now, b.p.wall);
        hkp_htp_tick(b.p.v, b.p.now, b.p.wall);
    }
    CHECK_EQ(came, 1);
    CHECK_EQ(hkp_htp__flow_datagram_max(flow_of(&b), 0), 1200);
    pair_free(&b.p);
}

static void a_refused_size_goes_back_at_once(void) {
    static struct bed b;
    bed_new(&b, 9000);
    b.tells = 1;
    for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
    b.mtu = 1400;
    const hkp_time before = b.p.now;
    CHECK(deliver(&b, 300000));
    CHECK(b.p.now - before < HKP_HTP__SEC);
    CHECK(hkp_htp__flow_datagram_max(flow_of(&b), 0) <= 1400);
    CHECK_EQ(hkp_htp_run_refused(b.p.e, 12345, &b.p.path_v, 1400), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_htp_run_refused(NULL, b.e, &b.p.path_v, 1400), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_run_refused(b.p.e, b.e, NULL, 1400), HKP_E_INVAL);
    pair_free(&b.p);
}

static size_t mtu_of(struct bed *b, uint8_t path) { return hkp_htp__flow_datagram_max(flow_of(b), path); }

/* HTP-11.6: each path has its own; one that shrinks leaves the others alone, and one that takes the place of
 * the first keeps what it found. */
static void each_path_of_a_swarm_has_its_own_size(void) {
    static struct bed b;
    for (int tells = 0; tells < 2; tells++) {
        bed_new_with(&b, 1400, HKP_HTP_FEATURE_SWARM);
        struct hkp_htp_path second = b.p.path_v;
        second.carrier = 1;
        b.second = 9000;
        b.tells = tells;
        CHECK(deliver(&b, BIG));
        CHECK_EQ(hkp_htp_session_path_add(b.p.e, b.p.now, b.e, &second), HKP_OK);
        for (int k = 0; k < 12; k++) CHECK(deliver(&b, BIG));
        CHECK(mtu_of(&b, 0) == 1400);
        CHECK(mtu_of(&b, 1) <= 9000 && mtu_of(&b, 1) > 8900);
        b.mtu = 1300;
        for (int k = 0; k < 2; k++) CHECK(deliver(&b, BIG));
        CHECK(mtu_of(&b, 0) <= 1300);
        CHECK(mtu_of(&b, 1) > 8900);
        CHECK_EQ(hkp_htp_session_path_drop(b.p.e, b.p.now, b.e, &b.p.path_v), HKP_OK);
        CHECK(mtu_of(&b, 0) > 8900);
        CHECK(deliver(&b, BIG));
        CHECK(mtu_of(&b, 0) > 8900);
        pair_free(&b.p);
    }
}

/* A refusal is of the path that it names. */
static void a_refusal_elsewhere_changes_nothing(void) {
    static struct bed b;
    bed_new(&b, 9000);
    for (int k = 0; k < 4; k++) CHECK(deliver(&b, BIG));
    struct hkp_htp_path other = b.p.path_v;
    other.carrier = 1;
    const size_t before = mtu_of(&b, 0);
    CHECK_EQ(hkp_htp_run_refused(b.p.e, b.e, &other, before), HKP_OK);
    CHECK_EQ(mtu_of(&b, 0), before);
    CHECK_EQ(hkp_htp_run_refused(b.p.e, b.e, &b.p.path_v, before), HKP_OK);
    CHECK_EQ(mtu_of(&b, 0), 1200);
    pair_free(&b.p);
}

static void an_option_bounds_the_search(void) {
    struct hkp_htp_options o;
    static struct world w;
    static struct pair p;
    hkp_htp_endpoint *ep;
    world_load(&w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&p, &w);
    pair_options(&p, &o, 1);
    for (int i = 0; i < 2; i++) {
        o.datagram_max = i ? 65508 : 1199;
        CHECK_EQ(hkp_htp_endpoint_new(&ep, &o, p.now), HKP_E_INVAL);
    }
    pair_free(&p);
}

int main(void) {
    CASE(the_search_ends_close_below_what_the_path_carries);
    CASE(the_usual_sizes_come_first);
    CASE(a_size_is_given_up_after_three_losses_only);
    CASE(a_probe_of_the_path_before_counts_no_more);
    CASE(what_the_system_refuses_needs_no_probe);
    CASE(a_search_goes_on_in_another_place);
    CASE(packets_grow_to_what_the_link_carries);
    CASE(short_packets_seek_nothing);
    CASE(a_path_that_shrinks_is_noticed_by_three_timeouts);
    CASE(a_path_that_shrinks_is_noticed_beside_short_packets);
    CASE(a_refused_size_goes_back_at_once);
    CASE(each_path_of_a_swarm_has_its_own_size);
    CASE(a_refusal_elsewhere_changes_nothing);
    CASE(an_option_bounds_the_search);
    return check_done();
}
