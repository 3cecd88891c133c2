/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Flows through a bottleneck: what they get of it, what they leave to others, how long its queue is, and how
 * much loss costs (HTP-10.3, 10.5). */
#include "flow_net.h"

enum { CLS_APP = 7, STREAMS = 4, MESSAGE = 8000, NETS = 2 };

#define SECOND HKP_HTP__SECOND_NS

struct load {
    struct net *net;
    uint32_t id[STREAMS];
    unsigned turn;
};

/* E always has more to send; V takes all that comes. */
static void feed(struct load *l) {
    static const uint8_t text[MESSAGE];
    struct hkp_htp__flow_event e;
    while (net_event(l->net, 1, &e)) {
    }
    (void)net_event(l->net, 0, &e);
    while (hkp_htp__flow_message(l->net->flow[0], l->id[l->turn % STREAMS], text, MESSAGE, 0) == HKP_OK)
        l->turn++;
}

static void begin(struct load *l, struct net *n) {
    l->net = n;
    net_run(n, n->now + SECOND / 10);
    for (int i = 0; i < STREAMS; i++)
        CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &l->id[i]), HKP_OK);
    feed(l);
}

/* Both nets on one clock, as they share a link. */
static void run(struct load *l, unsigned count, hkp_time until) {
    for (;;) {
        unsigned next = count;
        hkp_time first = until;
        for (unsigned i = 0; i < count; i++) {
            struct net *n = l[i].net;
            net_flush(n, 0);
            net_flush(n, 1);
            size_t packet = net_first(n);
            hkp_time at = net_timer(n);
            if (packet < n->count && n->queue[packet].at < at) at = n->queue[packet].at;
            if (at < first) {
                first = at;
                next = i;
            }
        }
        if (next == count) break;
        (void)net_step(l[next].net, until);
        feed(&l[next]);
    }
    for (unsigned i = 0; i < count; i++) {
        l[i].net->now = until;
        CHECK_EQ(l[i].net->fault[0] | l[i].net->fault[1], HKP_OK);
    }
}

static uint64_t received(const struct net *n) { return n->flow[1]->rx_total; }

static uint64_t srtt_of(const struct net *n) {
    struct hkp_htp__flow_info info;
    hkp_htp__flow_info(n->flow[0], &info);
    return info.srtt;
}

/* Bytes per second that arrive in the time after warming up. */
static uint64_t throughput(struct load *l, uint64_t warm, uint64_t seconds) {
    run(l, 1, l->net->now + warm * SECOND);
    uint64_t before = received(l->net);
    run(l, 1, l->net->now + seconds * SECOND);
    return (received(l->net) - before) / seconds;
}

enum { RATE = 1250000 };

/* 10 Mbit/s, 40 ms, a queue of 40 ms: all but the heads of packets is used. */
static void a_bottleneck_is_filled(void) {
    for (uint8_t cc = 0; cc < 2; cc++) {
        struct net_link link = {.rate = RATE, .queue = RATE / 25};
        struct net *n = net_new_with(check_seed(), cc);
        struct load l = {0};
        n->link = &link;
        begin(&l, n);
        CHECK(throughput(&l, 5, 15) > RATE * 85 / 100);
        net_free(n);
    }
}

/* CUBIC needs the queue to be full now and then; the BBR-like controller leaves it nearly empty. */
static void a_long_queue_is_not_used_by_bbr(void) {
    uint64_t srtt[2];
    for (uint8_t cc = 0; cc < 2; cc++) {
        struct net_link link = {.rate = RATE, .queue = RATE / 2};
        struct net *n = net_new_with(check_seed(), cc);
        struct load l = {0};
        n->link = &link;
        begin(&l, n);
        CHECK(throughput(&l, 10, 10) > RATE * 85 / 100);
        srtt[cc] = srtt_of(n);
        net_free(n);
    }
    CHECK(srtt[1] < 60000000);
    CHECK(srtt[0] > 100000000);
}

/*
 * Loss at random, 40 ms there and back, 20 Mbit/s. A window that is halved for each loss, as NewReno's, is
 * about 1.22 / sqrt(p) packets: 350 kB/s at 1 %, 160 kB/s at 5 %.
 */
static void random_loss_does_not_stop_bbr(void) {
    static const struct {
        unsigned loss;
        uint64_t least;
    } of[] = {{10, 2000000}, {50, 1400000}};
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct net_link link = {.rate = 2 * RATE, .queue = RATE / 10};
        struct net *n = net_new_with(check_seed(), HKP_HTP_CONGESTION_BBR);
        struct load l = {0};
        n->link = &link;
        begin(&l, n);
        n->loss = of[i].loss;
        uint64_t got = throughput(&l, 5, 15);
        printf("# loss %u of 1000: %llu bytes/s\n", of[i].loss, (unsigned long long)got);
        CHECK(got > of[i].least);
        net_free(n);
    }
}

/* CUBIC takes loss for congestion; it still gets what such a window is worth. */
static void random_loss_slows_cubic_as_it_should(void) {
    static const struct {
        unsigned loss;
        uint64_t least;
    } of[] = {{1, 500000}, {10, 200000}, {50, 75000}};
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct net_link link = {.rate = 2 * RATE, .queue = RATE / 10};
        struct net *n = net_new(check_seed());
        struct load l = {0};
        n->link = &link;
        begin(&l, n);
        n->loss = of[i].loss;
        uint64_t got = throughput(&l, 5, 20);
        printf("# loss %u of 1000: %llu bytes/s\n", of[i].loss, (unsigned long long)got);
        CHECK(got > of[i].least);
        net_free(n);
    }
}

/* A queue that marks instead of dropping: nothing is lost, and the link stays full. */
static void marks_replace_losses(void) {
    for (uint8_t cc = 0; cc < 2; cc++) {
        struct net_link link = {.rate = RATE, .queue = RATE};
        struct net *n = net_new_with(check_seed(), cc);
        struct load l = {0};
        n->link = &link;
        n->mark = RATE / 25;
        begin(&l, n);
        CHECK(throughput(&l, 5, 10) > RATE * 85 / 100);
        CHECK_EQ(link.dropped, 0);
        CHECK_EQ(n->flow[0]->recovery.lost, 0);
        CHECK(srtt_of(n) < 120000000);
        net_free(n);
    }
}

/* Two of a kind share one bottleneck; the second begins when the first has all of it. The smaller one has at
 * least 1/part of the link. */
static void two_flows_share_a_bottleneck(void) {
    static const unsigned part[2] = {4, 6};
    for (uint8_t cc = 0; cc < 2; cc++) {
        struct net_link link = {.rate = 2 * RATE, .queue = RATE / 10};
        struct load l[2] = {0};
        uint64_t before[2], got[2];
        for (unsigned i = 0; i < 2; i++) {
            struct net *n = net_new_with(check_seed() + i, cc);
            n->link = &link;
            if (i == 1) net_run(n, l[0].net->now);
            begin(&l[i], n);
            if (i == 0) run(l, 1, n->now + 3 * SECOND);
        }
        run(l, 2, l[1].net->now + 15 * SECOND);
        for (int i = 0; i < 2; i++) before[i] = received(l[i].net);
        run(l, 2, l[0].net->now + 20 * SECOND);
        for (int i = 0; i < 2; i++) got[i] = (received(l[i].net) - before[i]) / 20;
        printf("# %llu and %llu bytes/s\n", (unsigned long long)got[0], (unsigned long long)got[1]);
        CHECK(got[0] + got[1] > 2 * RATE * 85 / 100);
        CHECK(got[0] * part[cc] > 2 * RATE && got[1] * part[cc] > 2 * RATE);
        for (int i = 0; i < 2; i++) net_free(l[i].net);
    }
}

/* Whoever chooses the BBR-like controller does not starve those who did not. */
static void the_two_kinds_live_together(void) {
    struct net_link link = {.rate = 2 * RATE, .queue = RATE / 10};
    struct load l[2] = {0};
    uint64_t before[2], got[2];
    for (unsigned i = 0; i < 2; i++) {
        struct net *n = net_new_with(check_seed() + i, (uint8_t)i);
        n->link = &link;
        begin(&l[i], n);
    }
    run(l, 2, l[1].net->now + 10 * SECOND);
    for (int i = 0; i < 2; i++) before[i] = received(l[i].net);
    run(l, 2, l[0].net->now + 20 * SECOND);
    for (int i = 0; i < 2; i++) got[i] = (received(l[i].net) - before[i]) / 20;
    printf("# cubic %llu, bbr %llu bytes/s\n", (unsigned long long)got[0], (unsigned long long)got[1]);
    CHECK(got[0] * 10 > 2 * RATE && got[1] * 10 > 2 * RATE);
    for (int i = 0; i < 2; i++) net_free(l[i].net);
}

int main(void) {
    CASE(a_bottleneck_is_filled);
    CASE(a_long_queue_is_not_used_by_bbr);
    CASE(random_loss_does_not_stop_bbr);
    CASE(random_loss_slows_cubic_as_it_should);
    CASE(marks_replace_losses);
    CASE(two_flows_share_a_bottleneck);
    CASE(the_two_kinds_live_together);
    return check_done();
}
