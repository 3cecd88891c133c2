/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Loss recovery: what is sent again, and when (HTP-10.3). */
#include "flow_net.h"

enum { CLS_APP = 7 };

/* All that one side wants to say now is lost; then the network heals and some seconds pass. */
static void lose_and_heal(struct net *n, int side) {
    n->loss = 1000;
    net_flush(n, side);
    n->loss = 0;
    net_run(n, n->now + 20 * HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
}

/* HTP-10.3: lost are frames, not packets. */
static void lost_frames_of_streams_are_sent_again(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t a, b;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 1, 0, &a), HKP_OK);
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 1, 0, &b), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], a, (const uint8_t *)"x", 1, 0), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], b, (const uint8_t *)"y", 1, 0), HKP_OK);
    lose_and_heal(n, 0);
    for (int i = 0; i < 4; i++) CHECK(net_event(n, 1, &e));
    CHECK_EQ(hkp_htp__flow_finish(n->flow[0], a), HKP_OK); /* FIN alone */
    lose_and_heal(n, 0);
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_FIN);
    CHECK_EQ(hkp_htp__flow_reset(n->flow[0], b, 64), HKP_OK);
    lose_and_heal(n, 0);
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_RESET);
    CHECK_EQ(hkp_htp__flow_stop(n->flow[0], b, 65), HKP_OK);
    lose_and_heal(n, 0);
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_STOPPED);
    net_free(n);
}

/* CREDIT goes again with its newest value: without it neither stream nor session would ever move. */
static void lost_credit_is_sent_again(void) {
    static uint8_t text[1000];
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t id[3];
    for (int i = 0; i < 3; i++) CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id[i]), HKP_OK);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3 * 200; i++)
            CHECK_EQ(hkp_htp__flow_message(n->flow[0], id[i % 3], text, sizeof text, 0), HKP_OK);
        net_run(n, n->now + 10 * HKP_HTP__SECOND_NS);
        while (net_event(n, 1, &e)) {
        }
        lose_and_heal(n, 1);
        CHECK_EQ(n->flow[0]->tx_limit, n->flow[1]->rx_limit);
    }
    CHECK_EQ(n->flow[0]->buffered, 0);
    CHECK_EQ(n->flow[1]->rx_total, 4 * 3 * 200 * (sizeof text + 4));
    net_free(n);
}

/* HTP-10.3: a packet overtaken by an acknowledged one is lost after 9/8 of the round trip, without a probe.
 */
static void the_time_threshold_finds_a_loss(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_info info;
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"lost", 4, 0), HKP_OK);
    hkp_time start = n->now;
    n->loss = 1000;
    net_flush(n, 0);
    n->loss = 0;
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"kept", 4, 0), HKP_OK);
    net_run(n, start + 2 * n->delay + 10000000);
    hkp_htp__flow_info(n->flow[0], &info);
    CHECK_EQ(info.packets_lost, 1);
    CHECK_EQ(info.probes, 0);
    net_free(n);
}

static void rekey_frames_survive_loss(void) {
    for (unsigned loss = 0; loss <= 300; loss += 150) {
        struct net *n = net_started();
        uint8_t frame[HKP_HTP__REKEY_SIZE] = {HKP_HTP__F_REKEY, 1, 0, 0, 0, 0, 0, 1};
        memset(frame + 16, 0x77, 32);
        n->loss = loss;
        hkp_htp__flow_rekey_put(n->flow[0], frame);
        net_run(n, n->now + 60 * HKP_HTP__SECOND_NS);
        CHECK(n->rekeys[1] > 0);
        CHECK_MEM(n->rekey[1], frame, sizeof frame);
        CHECK_EQ(n->flow[0]->rekey_set, 0);
        net_free(n);
    }
}

/* Decision 0390: the backoff of probes ends at 30 s. Of V, whose heartbeats are too rare to find a loss. */
static void what_waits_is_probed_every_30_s(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_info before, after;
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[1], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[1], id, (const uint8_t *)"lost", 4, 0), HKP_OK);
    n->loss = 1000;
    net_run(n, n->now + 75 * HKP_HTP__SECOND_NS);
    for (int i = 0; i < 3; i++) { /* the peer is heard, it hears nothing */
        hkp_htp__flow_info(n->flow[1], &before);
        n->flow[1]->last_heard = n->now;
        net_run(n, n->now + 31 * HKP_HTP__SECOND_NS);
        hkp_htp__flow_info(n->flow[1], &after);
        CHECK(after.probes > before.probes);
    }
    net_free(n);
}

int main(void) {
    CASE(lost_frames_of_streams_are_sent_again);
    CASE(lost_credit_is_sent_again);
    CASE(the_time_threshold_finds_a_loss);
    CASE(what_waits_is_probed_every_30_s);
    CASE(rekey_frames_survive_loss);
    return check_done();
}
