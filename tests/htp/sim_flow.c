/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Two flows over a bad network: every message arrives once, in order, unaltered, whatever is lost. */
#include "flow_net.h"

enum { STREAMS = 5, SIDES = 2 };

/* Traffic of one side: messages whose bytes follow from stream, number and length. */
struct traffic {
    unsigned messages;
    size_t longest;
    uint32_t ids[STREAMS];
    unsigned queued[STREAMS];
    /* at the receiver: stream id -> next number, ended */
    unsigned got[STREAMS], fins;
    unsigned opened;
};

static size_t length_of(const struct traffic *t, unsigned stream, unsigned number) {
    uint64_t x = (uint64_t)stream * 1000003 + number;
    return (size_t)(check_random(&x) % (t->longest + 1));
}

static void body_of(unsigned stream, unsigned number, uint8_t *dst, size_t len) {
    uint64_t x = (uint64_t)stream << 32 | number;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0) (void)check_random(&x);
        dst[i] = (uint8_t)(x >> 8 * (i % 8));
    }
}

static void open_streams(struct net *n, int side, struct traffic *t) {
    for (unsigned i = 0; i < STREAMS; i++)
        CHECK_EQ(hkp_htp__flow_open(n->flow[side], (uint8_t)(i == 0 ? 1 : 3 + i), i % 2 == 0,
                                    (uint8_t)(i % 3), &t->ids[i]),
                 HKP_OK);
}

/* Fills the send buffer; after it was full only WRITABLE says when to go on. */
static void feed(struct net *n, int side, struct traffic *t, uint8_t *buf) {
    if (!n->writable[side]) return;
    for (unsigned i = 0; i < STREAMS; i++) {
        while (t->queued[i] < t->messages) {
            size_t len = length_of(t, t->ids[i], t->queued[i]);
            int fin = t->queued[i] + 1 == t->messages;
            body_of(t->ids[i], t->queued[i], buf, len);
            hkp_status st = hkp_htp__flow_message(n->flow[side], t->ids[i], buf, len, fin);
            if (st == HKP_E_LIMIT) {
                n->writable[side] = 0;
                return;
            }
            CHECK_EQ(st, HKP_OK);
            t->queued[i]++;
        }
    }
}

static unsigned slot_of(const struct traffic *t, uint32_t id) {
    for (unsigned i = 0; i < STREAMS; i++)
        if (t->ids[i] == id) return i;
    return STREAMS;
}

/* from: the traffic that arrives at this side. */
static void drain(struct net *n, int side, struct traffic *from, uint8_t *buf) {
    struct hkp_htp__flow_event e;
    while (net_event(n, side, &e)) {
        unsigned i = slot_of(from, e.stream);
        if (e.kind == HKP_HTP__FLOW_EV_OPENED) {
            from->opened++;
            if (e.bidirectional) CHECK_EQ(hkp_htp__flow_finish(n->flow[side], e.stream), HKP_OK);
        } else if (e.kind == HKP_HTP__FLOW_EV_MESSAGE) {
            CHECK(i < STREAMS);
            if (i == STREAMS) continue;
            size_t len = length_of(from, e.stream, from->got[i]);
            CHECK_EQ(e.len, len);
            body_of(e.stream, from->got[i], buf, len);
            if (e.len == len) CHECK_MEM(e.data, buf, len);
            from->got[i]++;
        } else if (e.kind == HKP_HTP__FLOW_EV_FIN) {
            if (i < STREAMS) {
                CHECK_EQ(from->got[i], from->messages);
                from->fins++;
            }
        } else {
            CHECK(0);
        }
    }
}

static uint64_t exchange(uint64_t seed, unsigned loss, unsigned messages, size_t longest, hkp_time limit) {
    static uint8_t buf[1 << 21];
    struct net *n = net_new(seed);
    struct traffic t[SIDES] = {{.messages = messages, .longest = longest},
                               {.messages = messages, .longest = longest}};
    n->loss = loss;
    n->twice = loss / 2;
    n->jitter = 15000000;
    for (int i = 0; i < SIDES; i++) {
        open_streams(n, i, &t[i]);
        n->writable[i] = 1;
    }
    hkp_time end = n->now + limit;
    do {
        for (int i = 0; i < SIDES; i++) feed(n, i, &t[i], buf);
        if (!net_step(n, end)) break;
        for (int i = 0; i < SIDES; i++) drain(n, i, &t[!i], buf);
    } while (t[0].fins + t[1].fins < 2 * STREAMS || n->flow[0]->stream_count + n->flow[1]->stream_count > 0);
    for (int i = 0; i < SIDES; i++) {
        CHECK_EQ(n->fault[i], HKP_OK);
        CHECK_EQ(t[i].opened, STREAMS);
        CHECK_EQ(t[i].fins, STREAMS);
        CHECK_EQ(n->flow[i]->stream_count, 0);
        CHECK_EQ(n->flow[i]->buffered, 0);
        CHECK_EQ(n->flow[i]->rx_need, 0);
        CHECK_EQ(n->flow[i]->rx_consumed, n->flow[i]->rx_total);
    }
    uint64_t trace = n->trace;
    printf("# loss %u: %" PRIu64 " packets, %" PRIu64 " dropped, %.1f s\n", loss, n->sent, n->dropped,
           (double)(n->now - 1000000000) / 1e9);
    net_free(n);
    return trace;
}

static void all_arrives_over_a_good_network(void) {
    (void)exchange(check_seed(), 0, 100, 3000, 600 * HKP_HTP__SECOND_NS);
}
static void all_arrives_at_5_percent_loss(void) {
    (void)exchange(check_seed(), 50, 100, 3000, 600 * HKP_HTP__SECOND_NS);
}
static void all_arrives_at_30_percent_loss(void) {
    (void)exchange(check_seed(), 300, 40, 2000, 3600 * HKP_HTP__SECOND_NS);
}

/* Messages longer than stream and session credit, several streams at once (HTP-10.6). */
static void long_messages_find_credit(void) {
    (void)exchange(check_seed(), 10, 4, 1048576, 3600 * HKP_HTP__SECOND_NS);
}

static void the_same_seed_gives_the_same_trace(void) {
    uint64_t seed = check_seed();
    uint64_t a = exchange(seed, 50, 20, 2000, 600 * HKP_HTP__SECOND_NS);
    uint64_t b = exchange(seed, 50, 20, 2000, 600 * HKP_HTP__SECOND_NS);
    uint64_t c = exchange(seed + 1, 50, 20, 2000, 600 * HKP_HTP__SECOND_NS);
    CHECK(a == b);
    CHECK(a != c);
}

/* One way, one stream, 60 KB messages; how long it takes when the receiver takes what it has at each step, or
 * only every pause. */
static hkp_time stream_one_way(hkp_time pause, size_t total, struct net **kept) {
    static uint8_t buf[60000];
    struct hkp_htp__flow_event e;
    struct net *n = net_new(check_seed());
    uint32_t id;
    size_t queued = 0, got = 0;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], 7, 0, 4, &id), HKP_OK);
    n->writable[0] = 1;
    const hkp_time begun = n->now;
    hkp_time next = n->now;
    while (got < total) {
        while (n->writable[0] && queued < total) {
            hkp_status st = hkp_htp__flow_message(n->flow[0], id, buf, sizeof buf, 0);
            if (st == HKP_E_LIMIT) n->writable[0] = 0;
            if (st != HKP_OK) break;
            queued += sizeof buf;
        }
        const hkp_time until = next > n->now ? next : n->now + HKP_HTP__SECOND_NS;
        if (!net_step(n, until)) n->now = until;
        if (n->now > begun + 600 * HKP_HTP__SECOND_NS) break;
        while (net_event(n, 0, &e)) continue;
        if (n->now < next) continue;
        next = n->now + pause;
        while (net_event(n, 1, &e))
            if (e.kind == HKP_HTP__FLOW_EV_MESSAGE) got += e.len;
    }
    CHECK(got >= total);
    *kept = n;
    return n->now - begun;
}

/* HTP-10.6: a window that holds the sender back grows; one that the receiver itself is slow to empty does
 * not. */
static void credit_grows_with_what_is_taken(void) {
    struct net *fast, *slow;
    const hkp_time took = stream_one_way(0, 24000000, &fast);
    /* 256 KiB in each round trip of 40 ms would take 3.7 s */
    CHECK(took < 25 * HKP_HTP__SECOND_NS / 10);
    CHECK(fast->flow[1]->ahead_stream > HKP_HTP__CREDIT_STREAM_BYTES);
    CHECK(fast->flow[1]->window_session >= fast->flow[1]->ahead_stream);
    CHECK(fast->flow[1]->window_session <= HKP_HTP__CREDIT_GROWN_MAX);
    (void)stream_one_way(HKP_HTP__SECOND_NS, 2000000, &slow);
    CHECK_EQ(slow->flow[1]->ahead_stream, HKP_HTP__CREDIT_STREAM_BYTES);
    CHECK_EQ(slow->flow[1]->window_session, HKP_HTP__CREDIT_SESSION_BYTES);
    net_free(fast);
    net_free(slow);
}

int main(void) {
    CASE(all_arrives_over_a_good_network);
    CASE(all_arrives_at_5_percent_loss);
    CASE(all_arrives_at_30_percent_loss);
    CASE(long_messages_find_credit);
    CASE(credit_grows_with_what_is_taken);
    CASE(the_same_seed_gives_the_same_trace);
    return check_done();
}
