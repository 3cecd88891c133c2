/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What is the sender's own: order of streams, deadlines, compression, datagrams (HTP-10.6, 10.7). */
#include <zlib.h>

#include "flow_net.h"
#include "libter/bytes.h"

enum { APP = 7, CONTROL = 0, BIG = 60000 };

static uint8_t text[1 << 20];

static uint32_t open_at(struct net *n, uint8_t priority) {
    uint32_t id = 0;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], APP, 0, priority, &id), HKP_OK);
    return id;
}

static void send_text(struct net *n, uint32_t id, size_t len) {
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, text, len, 0), HKP_OK);
}

/* ---- Order. */

/* Streams of the STREAM frames that side 0 wants to send now, in order; nothing of it arrives. */
static unsigned order(struct net *n, uint32_t ids[], unsigned most) {
    unsigned found = 0;
    for (;;) {
        uint8_t dst[NET_BYTES];
        struct hkp_htp__flow_slot slot = {.pn = n->pn[0], .now = n->now, .wall_us = net_wall(n)};
        struct hkp_htp__flow_out out;
        CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
        if (out.type == 0) return found;
        n->pn[0]++;
        size_t pos = 0;
        struct hkp_htp__frame f;
        while (pos < out.len && hkp_htp__frame_read(dst, out.len, &pos, out.type, 0, &f) == HKP_OK)
            if (f.type == HKP_HTP__F_STREAM && found < most) ids[found++] = f.stream;
    }
}

static void lower_priorities_go_first_and_equal_ones_take_turns(void) {
    struct net *n = net_started();
    uint32_t seen[64], late = open_at(n, 6), a = open_at(n, 3), b = open_at(n, 3), first = open_at(n, 0);
    send_text(n, late, 3000);
    send_text(n, a, 3000);
    send_text(n, b, 3000);
    send_text(n, first, 1500);
    unsigned count = order(n, seen, 64), k = 0;
    for (; k < count && seen[k] == first; k++) continue;
    CHECK(k >= 2);
    unsigned of_a = 0, of_b = 0;
    for (; k < count && (seen[k] == a || seen[k] == b); k++) {
        of_a += seen[k] == a;
        of_b += seen[k] == b;
        CHECK(of_a <= of_b + 1 && of_b <= of_a + 1);
    }
    CHECK(of_a >= 3 && of_b >= 3);
    CHECK(k < count);
    for (; k < count; k++) CHECK_EQ(seen[k], late);
    net_free(n);
}

static void a_priority_that_changes_counts_from_then_on(void) {
    struct net *n = net_started();
    uint32_t seen[64], a = open_at(n, 1), b = open_at(n, 5);
    send_text(n, a, 3000);
    send_text(n, b, 3000);
    CHECK_EQ(hkp_htp__flow_priority(n->flow[0], b, 0), HKP_OK);
    CHECK_EQ(hkp_htp__flow_priority(n->flow[0], a, 7), HKP_OK);
    CHECK_EQ(hkp_htp__flow_priority(n->flow[0], a, 8), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_priority(n->flow[0], 4, 1), HKP_E_NOTFOUND);
    unsigned count = order(n, seen, 64);
    CHECK(count >= 6);
    for (unsigned k = 1; k < count; k++) CHECK(!(seen[k - 1] == a && seen[k] == b));
    CHECK_EQ(seen[0], b);
    net_free(n);
}

/* ---- Deadlines. */

static int find_kind(struct net *n, int side, int kind, struct hkp_htp__flow_event *e) {
    do {
        CHECK_EQ(hkp_htp__flow_event(n->flow[side], e), HKP_OK);
        if (e->kind == HKP_HTP__FLOW_EV_WRITABLE) n->writable[side] = 1;
    } while (e->kind != kind && e->kind != HKP_HTP__FLOW_EV_NONE);
    return e->kind == kind;
}

static hkp_status send_by(struct net *n, uint32_t id, size_t len, hkp_time in) {
    return hkp_htp__flow_message_by(n->flow[0], id, text, len, 0, n->now + in);
}

static void a_message_too_late_takes_its_stream_with_it(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t id = open_at(n, 1), other = open_at(n, 1);
    send_text(n, id, 10);
    send_text(n, other, 10);
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    while (net_event(n, 1, &e)) continue;
    n->loss = 1000;
    CHECK_EQ(send_by(n, id, 5000, 2 * HKP_HTP__SECOND_NS), HKP_OK);
    send_text(n, other, 5000);
    hkp_time due = n->now + 2 * HKP_HTP__SECOND_NS;
    net_run(n, due - 1);
    CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e), 0);
    net_run(n, due);
    CHECK(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e));
    CHECK_EQ(e.stream, id);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, text, 1, 0), HKP_E_STATE);
    n->loss = 0;
    net_run(n, n->now + 20 * HKP_HTP__SECOND_NS);
    CHECK(find_kind(n, 1, HKP_HTP__FLOW_EV_RESET, &e) || e.kind == HKP_HTP__FLOW_EV_NONE);
    CHECK_EQ(e.stream, id);
    CHECK_EQ(e.code, HKP_HTP_CODE_EXPIRED);
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    CHECK(hkp_htp__stream_find(n->flow[0], id) == NULL && hkp_htp__stream_find(n->flow[1], id) == NULL);
    CHECK(hkp_htp__stream_find(n->flow[0], other) != NULL);
    CHECK_EQ(n->flow[0]->buffered, 0); /* the other message arrived */
    net_free(n);
}

static void what_was_acknowledged_in_time_never_expires(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t id = open_at(n, 1);
    for (unsigned i = 0; i < 30; i++) {
        CHECK_EQ(send_by(n, id, 100, HKP_HTP__SECOND_NS), HKP_OK);
        net_run(n, n->now + HKP_HTP__SECOND_NS / 2);
    }
    CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e), 0);
    CHECK_EQ(hkp_htp__stream_find(n->flow[0], id)->due_count, 0);
    n->loss = 1000; /* nothing waits: nothing can be late */
    net_run(n, n->now + 10 * HKP_HTP__SECOND_NS);
    CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e), 0);
    net_free(n);
}

/* Any order of deadlines: the stream is given up at the first that passes, never before. */
static void the_first_deadline_that_passes_counts(void) {
    uint64_t r = check_seed();
    for (unsigned round = 0; round < 60; round++) {
        struct net *n = net_started();
        struct hkp_htp__flow_event e;
        uint32_t id = open_at(n, 1);
        hkp_time least = HKP_TIME_NEVER;
        n->loss = 1000;
        for (unsigned i = 0; i < HKP_HTP__DEADLINES; i++) {
            hkp_time in = HKP_HTP__SECOND_NS + check_random(&r) % (10 * HKP_HTP__SECOND_NS);
            CHECK_EQ(send_by(n, id, 50, in), HKP_OK);
            if (n->now + in < least) least = n->now + in;
            const struct hkp_htp__stream *s = hkp_htp__stream_find(n->flow[0], id);
            for (unsigned k = 1; k < s->due_count; k++)
                CHECK(s->due[k - 1].at < s->due[k].at && s->due[k - 1].end < s->due[k].end);
        }
        if (round % 2 == 1) {
            hkp_time whole = n->now + HKP_HTP__SECOND_NS + check_random(&r) % (10 * HKP_HTP__SECOND_NS);
            CHECK_EQ(hkp_htp__flow_deadline(n->flow[0], id, whole), HKP_OK);
            if (whole < least) least = whole;
        }
        net_run(n, least - 1);
        CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e), 0);
        net_run(n, least);
        CHECK(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e));
        net_free(n);
    }
}

static void too_many_deadlines_wait_for_room(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t id = open_at(n, 1);
    for (unsigned i = 1; i <= HKP_HTP__DEADLINES; i++)
        CHECK_EQ(send_by(n, id, 10, i * HKP_HTP__SECOND_NS), HKP_OK);
    CHECK_EQ(send_by(n, id, 10, 100 * HKP_HTP__SECOND_NS), HKP_E_LIMIT);
    CHECK_EQ(send_by(n, id, 10, HKP_HTP__SECOND_NS / 2), HKP_OK); /* it says all that the others said */
    for (unsigned i = 1; i < HKP_HTP__DEADLINES; i++)
        CHECK_EQ(send_by(n, id, 10, i * HKP_HTP__SECOND_NS), HKP_OK);
    CHECK_EQ(send_by(n, id, 10, 100 * HKP_HTP__SECOND_NS), HKP_E_LIMIT);
    net_run(n, n->now + HKP_HTP__SECOND_NS / 4);
    (void)find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e);
    CHECK_EQ(n->writable[0], 1);
    CHECK_EQ(send_by(n, id, 10, 100 * HKP_HTP__SECOND_NS), HKP_OK);
    net_free(n);
}

static void a_stream_has_a_deadline_as_a_whole(void) {
    for (int fin = 0; fin < 2; fin++) {
        struct net *n = net_started();
        struct hkp_htp__flow_event e;
        uint32_t id = open_at(n, 1);
        CHECK_EQ(hkp_htp__flow_deadline(n->flow[0], id, n->flow[0]->now), HKP_E_INVAL);
        CHECK_EQ(hkp_htp__flow_deadline(n->flow[0], id + 4, n->now + 1), HKP_E_NOTFOUND);
        CHECK_EQ(hkp_htp__flow_deadline(n->flow[0], id, n->now + 1), HKP_OK);
        CHECK_EQ(hkp_htp__flow_deadline(n->flow[0], id, n->now + 3 * HKP_HTP__SECOND_NS), HKP_OK);
        CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, text, 100, fin), HKP_OK);
        CHECK_EQ(hkp_htp__flow_message_by(n->flow[0], id, text, 1, 0, n->flow[0]->now),
                 fin ? HKP_E_STATE : HKP_E_INVAL);
        net_run(n, n->now + 4 * HKP_HTP__SECOND_NS);
        /* All messages arrived in both cases; only the one with an end is done. */
        CHECK_EQ(find_kind(n, 0, fin ? HKP_HTP__FLOW_EV_DELIVERED : HKP_HTP__FLOW_EV_EXPIRED, &e), 1);
        CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_EXPIRED, &e), 0);
        net_free(n);
    }
}

/* ---- Datagrams. */

static void a_datagram_too_late_does_not_go(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    n->loss = 1000; /* fill the window, so that datagrams wait */
    uint32_t id = open_at(n, 1);
    send_text(n, id, BIG);
    net_flush(n, 0);
    CHECK_EQ(hkp_htp__flow_datagram_by(n->flow[0], APP, text, 1000, n->flow[0]->now), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_datagram_by(n->flow[0], APP, (const uint8_t *)"late", 4, n->now + 1000), HKP_OK);
    CHECK_EQ(hkp_htp__flow_datagram_by(n->flow[0], APP, (const uint8_t *)"time", 4,
                                       n->now + 100 * HKP_HTP__SECOND_NS),
             HKP_OK);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], APP, (const uint8_t *)"any", 3), HKP_OK);
    n->now += 2000;
    n->loss = 0;
    net_run(n, n->now + 20 * HKP_HTP__SECOND_NS);
    CHECK(find_kind(n, 1, HKP_HTP__FLOW_EV_DATAGRAM, &e));
    CHECK_EQ(e.len, 4);
    CHECK_MEM(e.data, "time", 4);
    CHECK(find_kind(n, 1, HKP_HTP__FLOW_EV_DATAGRAM, &e));
    CHECK_MEM(e.data, "any", 3);
    CHECK_EQ(find_kind(n, 1, HKP_HTP__FLOW_EV_DATAGRAM, &e), 0);
    CHECK_EQ(n->flow[0]->datagrams_dropped, 1);
    net_free(n);
}

static void queues_of_datagrams_have_their_bound(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    unsigned taken = 0, came = 0;
    while (hkp_htp__flow_datagram(n->flow[0], APP, text, 1000) == HKP_OK) taken++;
    CHECK(taken >= 3 * HKP_HTP__DATAGRAM_BLOCKS && taken <= 4 * HKP_HTP__DATAGRAM_BLOCKS);
    CHECK_EQ(find_kind(n, 0, HKP_HTP__FLOW_EV_WRITABLE, &e), 0);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    CHECK(find_kind(n, 0, HKP_HTP__FLOW_EV_WRITABLE, &e));
    /* Nobody pulls at the other end: the newest are dropped, and counted. */
    for (unsigned i = 0; i < 40; i++) CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], APP, text, 1000), HKP_OK);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    while (find_kind(n, 1, HKP_HTP__FLOW_EV_DATAGRAM, &e)) came++;
    CHECK_EQ(came, taken);
    CHECK_EQ(n->flow[1]->datagrams_dropped, 40);
    net_free(n);
}

/* ---- Compression. */

/* Text with repetitions, or noise. */
static void fill(uint8_t *dst, size_t len, int noise, uint64_t *r) {
    static const char words[] = "the node that was seen last has no newer record of ";
    for (size_t i = 0; i < len; i++)
        dst[i] =
            noise ? (uint8_t)check_random(r) : (uint8_t)words[(i * (1 + i / 997 % 3)) % (sizeof words - 1)];
}

static uint64_t on_the_wire(const struct net *n) { return n->flow[0]->tx_sent; }

static void compressed_messages_arrive_as_they_were(void) {
    static const size_t lens[] = {0, 1, 63, 64, 65, 1000, 3584, 50000, 300000};
    uint64_t r = check_seed();
    struct hkp_htp__flow_event e;
    for (unsigned level = 0; level <= 9; level += 3) {
        for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
            for (int noise = 0; noise < 2; noise++) {
                struct net *n = net_started();
                uint32_t id = open_at(n, 1);
                n->loss = 50;
                fill(text, lens[k], noise, &r);
                CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, (uint8_t)level), HKP_OK);
                send_text(n, id, lens[k]);
                send_text(n, id, 5);
                for (int i = 0; i < 60 && n->flow[0]->buffered > 0; i++) {
                    net_run(n, n->now + HKP_HTP__SECOND_NS / 2);
                    if (!find_kind(n, 1, HKP_HTP__FLOW_EV_MESSAGE, &e)) continue;
                    CHECK(e.len == lens[k] || e.len == 5);
                    if (e.len == lens[k]) CHECK_MEM(e.data, text, e.len);
                }
                CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
                CHECK_EQ(n->flow[0]->buffered, 0);
                uint64_t plain = lens[k] + 4 + 5 + 4;
                if (level > 0 && !noise && lens[k] >= 1000) CHECK(on_the_wire(n) < plain / 4);
                if (level == 0 || noise || lens[k] < 64) CHECK_EQ(on_the_wire(n), plain);
                CHECK(on_the_wire(n) <= plain);
                net_free(n);
            }
        }
    }
}

static void compression_is_off_until_it_is_asked_for(void) {
    struct net *n = net_started();
    uint64_t r = 1;
    uint32_t id = open_at(n, 1);
    fill(text, 5000, 0, &r);
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, 10), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id + 4, 1), HKP_E_NOTFOUND);
    send_text(n, id, 5000);
    CHECK_EQ(n->flow[0]->buffered, 5004);
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, 1), HKP_OK);
    send_text(n, id, 5000);
    CHECK(n->flow[0]->buffered < 5004 + 1000);
    uint64_t before = n->flow[0]->buffered;
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, 0), HKP_OK);
    send_text(n, id, 5000);
    CHECK_EQ(n->flow[0]->buffered, before + 5004);
    net_free(n);
}

/* HTP-11.7: a loaded machine has other things to do. */
static void above_85_percent_of_load_nothing_is_compressed(void) {
    struct net *n = net_started();
    struct hkp_htp__power power = {.load = 86};
    uint64_t r = 1;
    uint32_t id = open_at(n, 1);
    fill(text, 5000, 0, &r);
    n->flow[0]->mode.power = &power;
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, 1), HKP_OK);
    send_text(n, id, 5000);
    CHECK_EQ(n->flow[0]->buffered, 5004);
    power.load = 85;
    send_text(n, id, 5000);
    CHECK(n->flow[0]->buffered < 5004 + 1000);
    n->flow[0]->mode.power = NULL;
    net_free(n);
}

/* Without memory for it a message goes as it is. */
static void no_memory_to_compress_is_no_failure(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint64_t r = 1;
    uint32_t id = open_at(n, 1);
    fill(text, 5000, 0, &r);
    send_text(n, id, 5000); /* blocks of the pool are there from now on */
    CHECK_EQ(hkp_htp__flow_compress(n->flow[0], id, 6), HKP_OK);
    n->heap.left = 0;
    send_text(n, id, 5000);
    n->heap.left = -1;
    CHECK_EQ(n->flow[0]->buffered, 2 * 5004);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    for (int i = 0; i < 2; i++) {
        CHECK(find_kind(n, 1, HKP_HTP__FLOW_EV_MESSAGE, &e));
        CHECK_EQ(e.len, 5000);
        if (e.len == 5000) CHECK_MEM(e.data, text, 5000);
    }
    net_free(n);
}

/* One forged compressed message at V: head says plain_len, then the zlib bytes of len zeros, then trailing.
 */
static hkp_status forged(size_t len, uint32_t plain_len, size_t trailing, size_t *memory) {
    static uint8_t zlib[1 << 20], zeros[1 << 20];
    uLongf packed = sizeof zlib;
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    struct net_packet p = {.to = 1, .type = HKP_HTP__T_DATA, .res = 1};
    uint8_t head[8];
    size_t before = hkp_htp__pools_memory(n->pools[1]);
    CHECK_EQ(compress2(zlib, &packed, zeros, len, 9), Z_OK);
    memset(zlib + packed, 0xAB, trailing);
    packed += trailing;
    hkp_put_be32(head, HKP_HTP__MESSAGE_COMPRESSED | (uint32_t)(packed + 4));
    hkp_put_be32(head + 4, plain_len);
    hkp_status st = HKP_OK;
    for (size_t at = 0; at < packed + 8 && st == HKP_OK; at += 1000) {
        uint8_t piece[1000];
        size_t i = 0;
        for (; i < sizeof piece && at + i < packed + 8; i++)
            piece[i] = at + i < 8 ? head[at + i] : zlib[at + i - 8];
        p.pn = n->pn[0]++;
        p.len = hkp_htp__put_stream(p.plain, APP, 0, 2, at, (uint16_t)i);
        memcpy(p.plain + p.len, piece, i);
        p.len += i;
        st = net_give(n, &p);
    }
    for (e.kind = -1; st == HKP_OK && e.kind != HKP_HTP__FLOW_EV_NONE && e.kind != HKP_HTP__FLOW_EV_MESSAGE;)
        st = hkp_htp__flow_event(n->flow[1], &e);
    if (st == HKP_OK && e.kind == HKP_HTP__FLOW_EV_MESSAGE) {
        CHECK_EQ(e.len, len);
        if (e.len == len) CHECK_MEM(e.data, zeros, len);
    }
    *memory = hkp_htp__pools_memory(n->pools[1]) - before;
    net_free(n);
    return st;
}

static void bombs_and_lies_end_with_message_and_cost_nothing(void) {
    enum { SLAB = 128 * 1024, ARENA = HKP_HTP__ARENA_SIZE };
    size_t memory;
    CHECK_EQ(forged(100000, 100000, 0, &memory), HKP_OK);
    /* A thousand to one, told as a hundred bytes: no more than those are written. */
    CHECK_EQ(forged(1 << 20, 100, 0, &memory), HKP_E_HTP_MESSAGE);
    CHECK(memory <= SLAB + ARENA + 2 * HKP_HTP__BLOCK_SIZE);
    CHECK_EQ(forged(100000, 99999, 0, &memory), HKP_E_HTP_MESSAGE);
    CHECK_EQ(forged(100000, 100001, 0, &memory), HKP_E_HTP_MESSAGE);
    /* A length that no such stream can have gets no buffer. */
    CHECK_EQ(forged(100, 1 << 20, 0, &memory), HKP_E_HTP_MESSAGE);
    CHECK(memory <= SLAB);
    CHECK_EQ(forged(1000, 1000, 1, &memory), HKP_E_HTP_MESSAGE);
    CHECK_EQ(forged(0, 0, 0, &memory), HKP_OK);
    CHECK_EQ(forged(0, 0, 1, &memory), HKP_E_HTP_MESSAGE);
}

int main(void) {
    CASE(lower_priorities_go_first_and_equal_ones_take_turns);
    CASE(a_priority_that_changes_counts_from_then_on);
    CASE(a_message_too_late_takes_its_stream_with_it);
    CASE(what_was_acknowledged_in_time_never_expires);
    CASE(the_first_deadline_that_passes_counts);
    CASE(too_many_deadlines_wait_for_room);
    CASE(a_stream_has_a_deadline_as_a_whole);
    CASE(a_datagram_too_late_does_not_go);
    CASE(queues_of_datagrams_have_their_bound);
    CASE(compressed_messages_arrive_as_they_were);
    CASE(compression_is_off_until_it_is_asked_for);
    CASE(above_85_percent_of_load_nothing_is_compressed);
    CASE(no_memory_to_compress_is_no_failure);
    CASE(bombs_and_lies_end_with_message_and_cost_nothing);
    return check_done();
}
