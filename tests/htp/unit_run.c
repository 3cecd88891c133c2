/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Runs of packets: what a system takes and gives in one call (decision 0340). */
#include "pair.h"

enum { BIG = 150000, ROOM = 65507, STREAMS = 12 };

struct bed {
    struct world w;
    struct pair p;
    uint64_t e, v;
    uint8_t out[ROOM];
};

static void bed_new(struct bed *b) {
    memset(b, 0, sizeof *b);
    world_load(&b->w, vec_get(vec_load("htp/handshake_r.json"), "inputs"));
    pair_new(&b->p, &b->w);
    CHECK_EQ(pair_connect(&b->p), HKP_OK);
    pair_pump(&b->p);
    b->e = pair_event(b->p.e, HKP_HTP_EVENT_UP).session;
    b->v = pair_event(b->p.v, HKP_HTP_EVENT_UP).session;
    CHECK_EQ(hkp_htp_session_allow(b->p.e, b->e, UINT64_MAX, UINT64_MAX), HKP_OK);
    CHECK_EQ(hkp_htp_session_allow(b->p.v, b->v, UINT64_MAX, UINT64_MAX), HKP_OK);
    pair_pump(&b->p);
}

static uint32_t send_message(struct bed *b, const uint8_t *message, size_t len) {
    uint32_t stream = 0;
    CHECK_EQ(hkp_htp_stream_open(b->p.e, b->e, HKP_HTP_STREAM_APP, 0, 3, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(b->p.e, b->e, stream, message, len, 1), HKP_OK);
    return stream;
}

static struct hkp_htp_run pull(struct bed *b, int from_e) {
    struct hkp_htp_run run = {.struct_size = sizeof run};
    CHECK_EQ(hkp_htp_run_send(from_e ? b->p.e : b->p.v, b->p.now, b->p.wall, b->out, sizeof b->out, &run),
             HKP_OK);
    return run;
}

/* The run goes over as the other side's system would give it; the count of refused packets. */
static uint32_t give(struct bed *b, int to_e, struct hkp_htp_run run) {
    uint32_t refused = 99;
    run.path = to_e ? b->p.path_v : b->p.path_e;
    CHECK_EQ(hkp_htp_run_recv(to_e ? b->p.e : b->p.v, b->p.now, b->p.wall, &run, b->out, &refused), HKP_OK);
    return refused;
}

/* Each packet of the run stands for itself and is as long as its header says. */
static unsigned judge(const struct bed *b, const struct hkp_htp_run *run) {
    unsigned n = 0;
    for (size_t at = 0; at < run->len; at += run->segment, n++) {
        struct hkp_htp__header header;
        size_t len = run->len - at < run->segment ? run->len - at : run->segment;
        CHECK_EQ(hkp_htp__wire_check(b->out + at, len, &header), HKP_OK);
    }
    CHECK(n <= HKP_HTP_RUN_PACKETS && run->segment <= 16384);
    return n;
}

/* Runs over both ways until both are silent; the longest one, in packets. */
static unsigned exchange(struct bed *b) {
    unsigned longest = 0;
    for (int silent = 0; silent < 2;)
        for (int from_e = 0; from_e < 2; from_e++) {
            struct hkp_htp_run run = pull(b, from_e);
            silent = run.len == 0 ? silent + 1 : 0;
            if (run.len == 0) continue;
            unsigned n = judge(b, &run);
            if (n > longest) longest = n;
            CHECK_EQ(run.session, from_e ? b->e : b->v);
            CHECK_EQ(give(b, !from_e, run), 0);
        }
    return longest;
}

static void a_bulk_message_goes_in_long_runs_of_full_packets(void) {
    static struct bed b;
    static uint8_t message[BIG];
    bed_new(&b);
    for (size_t i = 0; i < BIG; i++) message[i] = (uint8_t)(i * 7 + i / 251);
    (void)send_message(&b, message, BIG);
    CHECK(exchange(&b) >= 20);
    struct hkp_htp_event ev = pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE);
    CHECK(ev.len == BIG && memcmp(ev.data, message, BIG) == 0);
    pair_free(&b.p);
}

/* Ends of short messages leave slivers: they are filled up, so that the run goes on (HTP-11.2: no padding).
 */
static void slivers_do_not_end_a_run(void) {
    static struct bed b;
    static uint8_t message[BIG];
    bed_new(&b);
    (void)send_message(&b, message, 60000);
    (void)exchange(&b); /* the window is open now */
    (void)pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE);
    for (unsigned i = 0; i < STREAMS; i++) (void)send_message(&b, message, 1100 + 3 * i);
    struct hkp_htp_run run = pull(&b, 1);
    CHECK(judge(&b, &run) >= STREAMS - 1);
    CHECK_EQ(give(&b, 0, run), 0);
    (void)exchange(&b);
    for (unsigned i = 0; i < STREAMS; i++)
        CHECK_EQ(pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE).type, HKP_HTP_EVENT_MESSAGE);
    pair_free(&b.p);
}

static void one_bad_packet_of_a_run_is_refused_alone(void) {
    static struct bed b;
    static uint8_t message[BIG];
    bed_new(&b);
    (void)send_message(&b, message, 9000);
    struct hkp_htp_run run = pull(&b, 1);
    const unsigned n = judge(&b, &run);
    CHECK(n >= 3);
    struct hkp_htp_stats before = {.struct_size = sizeof before}, after = before;
    CHECK_EQ(hkp_htp_endpoint_stats(b.p.v, &before), HKP_OK);
    b.out[run.segment + 60] ^= 1;
    CHECK_EQ(give(&b, 0, run), 1);
    CHECK_EQ(hkp_htp_endpoint_stats(b.p.v, &after), HKP_OK);
    CHECK_EQ(after.datagrams_in - before.datagrams_in, n);
    CHECK_EQ(after.bytes_in - before.bytes_in, run.len);
    CHECK_EQ(pair_dropped(b.p.v, HKP_E_HTP_AUTH), 1);
    pair_run(&b.p, HKP_HTP__SEC);
    CHECK_EQ(pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE).len, 9000);
    pair_free(&b.p);
}

/* A segment of 0 or beyond the end is one datagram; an empty one is one, too. */
static void a_run_of_one_is_a_datagram(void) {
    static struct bed b;
    static uint8_t message[600];
    bed_new(&b);
    for (unsigned i = 0; i < 3; i++) {
        static const size_t segments[3] = {0, 65000, 1 << 20};
        (void)send_message(&b, message, sizeof message);
        struct hkp_htp_run run = pull(&b, 1);
        CHECK_EQ(run.segment, run.len);
        run.segment = segments[i];
        CHECK_EQ(give(&b, 0, run), 0);
        CHECK_EQ(pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE).len, sizeof message);
        (void)exchange(&b);
    }
    const uint64_t count = pair_dropped(b.p.v, HKP_E_HTP_SHORT);
    const struct hkp_htp_run none = {.struct_size = sizeof none};
    CHECK_EQ(give(&b, 0, none), 1);
    CHECK_EQ(pair_dropped(b.p.v, HKP_E_HTP_SHORT), count + 1);
    pair_free(&b.p);
}

static void wrong_arguments_change_nothing(void) {
    static struct bed b;
    struct hkp_htp_run run = {.struct_size = sizeof run};
    bed_new(&b);
    (void)send_message(&b, b.out, 3000);
    CHECK_EQ(hkp_htp_run_send(b.p.e, b.p.now, b.p.wall, b.out, HKP_HTP_DATAGRAM_MAX - 1, &run), HKP_E_NOSPC);
    CHECK_EQ(hkp_htp_run_send(b.p.e, b.p.now, b.p.wall, NULL, ROOM, &run), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_run_send(b.p.e, b.p.now, b.p.wall, b.out, ROOM, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_run_recv(b.p.e, b.p.now, b.p.wall, NULL, b.out, NULL), HKP_E_INVAL);
    run.len = 100;
    CHECK_EQ(hkp_htp_run_recv(b.p.e, b.p.now, b.p.wall, &run, NULL, NULL), HKP_E_INVAL);
    run = (struct hkp_htp_run){.struct_size = 4};
    CHECK_EQ(hkp_htp_run_send(b.p.e, b.p.now, b.p.wall, b.out, ROOM, &run), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_run_recv(b.p.e, b.p.now, b.p.wall, &run, b.out, NULL), HKP_E_INVAL);
    (void)exchange(&b);
    CHECK_EQ(pair_event(b.p.v, HKP_HTP_EVENT_MESSAGE).len, 3000);
    pair_free(&b.p);
}

/* HTP-7.2: nonces of one reading of the clocks differ, and a rolled-back machine with other clocks draws
 * others. */
static void header_nonces_follow_the_clocks(void) {
    static struct bed b;
    static struct hkp_htp_endpoint copy;
    uint8_t nonce[150][8], again[8];
    bed_new(&b);
    b.p.e->opt.no_rollback = 0;
    for (unsigned i = 0; i < 150; i++) {
        if (i == 83) copy = *b.p.e;
        CHECK_EQ(hkp_htp__packet_nonce(b.p.e, b.p.wall, i, nonce[i]), HKP_OK);
        for (unsigned k = 0; k < i; k++) CHECK(memcmp(nonce[i], nonce[k], 8) != 0);
    }
    const struct script rng = b.p.rng_e;
    for (int turn = 0; turn < 2; turn++) { /* the wall clock, then the monotonic one stands elsewhere */
        struct hkp_htp_endpoint back = copy;
        b.p.rng_e = rng;
        back.now += (hkp_time)turn;
        CHECK_EQ(hkp_htp__packet_nonce(&back, b.p.wall + (turn == 0), 83, again), HKP_OK);
        for (unsigned k = 0; k < 150; k++) CHECK(memcmp(again, nonce[k], 8) != 0);
    }
    b.p.e->opt.no_rollback = 1;
    pair_free(&b.p);
}

int main(void) {
    CASE(a_bulk_message_goes_in_long_runs_of_full_packets);
    CASE(slivers_do_not_end_a_run);
    CASE(one_bad_packet_of_a_run_is_refused_alone);
    CASE(a_run_of_one_is_a_datagram);
    CASE(wrong_arguments_change_nothing);
    CASE(header_nonces_follow_the_clocks);
    return check_done();
}
