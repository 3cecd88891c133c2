/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Explicit congestion notification: marks, their counts in ACKs, and which of them are believed (HTP-10.2,
 * 10.4, 10.5). */
#include "flow_net.h"

enum { CLS_APP = 7 };

static int state_of(const struct net *n, int side) { return n->flow[side]->recovery.ecn.state; }

/* Some messages from E, and time for their ACKs. */
static void talk(struct net *n) {
    static const uint8_t text[3000];
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, text, sizeof text, 1), HKP_OK);
    net_run(n, n->now + 2 * HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
}

static void marks_that_arrive_are_counted_and_go_on(void) {
    struct net *n = net_started();
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_CAPABLE);
    talk(n);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_CAPABLE);
    CHECK_EQ(hkp_htp__flow_ecn(n->flow[0]), HKP_HTP__ECN_ECT0);
    CHECK_EQ(n->flow[1]->acks.ect0, n->flow[0]->recovery.ecn.marked);
    CHECK_EQ(n->flow[1]->acks.ce, 0);
    net_free(n);
}

/* RFC 9000 13.4.2.1: no counts although marked packets are acknowledged. */
static void bleached_marks_end_the_marking(void) {
    struct net *n = net_new(check_seed());
    n->bleach = 1;
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    talk(n);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_FAILED);
    CHECK_EQ(hkp_htp__flow_ecn(n->flow[0]), HKP_HTP__ECN_NONE);
    CHECK_EQ(n->flow[1]->acks.ect0, 0);
    net_free(n);
}

/* The path changes its mind later: the counts grow by less than the packets. */
static void marks_bleached_later_end_the_marking(void) {
    struct net *n = net_started();
    n->bleach = 1;
    talk(n);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_FAILED);
    net_free(n);
}

/* Marked packets vanish: after a PTO packets go without marks, and arrive. */
static void a_path_that_drops_marks_is_found_out(void) {
    struct net *n = net_new(check_seed());
    CHECK_EQ(hkp_htp__flow_ecn(n->flow[0]), HKP_HTP__ECN_ECT0);
    n->loss = 1000;
    net_run(n, n->now + HKP_HTP__SECOND_NS / 100);
    hkp_htp__flow_ping(n->flow[0]);
    net_run(n, n->now + 2 * HKP_HTP__SECOND_NS);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_UNKNOWN);
    CHECK_EQ(hkp_htp__flow_ecn(n->flow[0]), HKP_HTP__ECN_NONE);
    n->loss = 0;
    talk(n);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_UNKNOWN); /* nothing that was marked ever arrived */
    net_free(n);
}

/* HTP-10.5: CE shrinks the window, nothing is lost, nothing sent again. */
static void ce_is_congestion_without_loss(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_info before, after;
    hkp_htp__flow_info(n->flow[0], &before);
    n->ce = 1000;
    talk(n);
    hkp_htp__flow_info(n->flow[0], &after);
    CHECK(after.congestion_window < before.congestion_window);
    CHECK_EQ(after.packets_lost, before.packets_lost);
    CHECK(n->flow[1]->acks.ce > 0);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_CAPABLE);
    net_free(n);
}

/* HTP-10.4: an ACK at once; without the mark the first packet would wait for 25 ms. */
static void a_ce_mark_is_acknowledged_at_once(void) {
    struct hkp_htp__acks a;
    uint8_t dst[64];
    struct hkp_htp__frame f;
    size_t pos = 0;
    hkp_htp__acks_init(&a, NULL);
    hkp_htp__acks_note(&a, 0, 1, hkp_htp__acks_mark(&a, HKP_HTP__ECN_ECT0), 1000);
    CHECK_EQ(a.due, 1000 + HKP_HTP__ACK_DELAY_NS);
    hkp_htp__acks_init(&a, NULL);
    hkp_htp__acks_note(&a, 0, 1, hkp_htp__acks_mark(&a, HKP_HTP__ECN_CE), 1000);
    CHECK_EQ(a.due, 1000);
    CHECK_EQ(hkp_htp__acks_write(&a, 1000, dst, 23), 0); /* counts or nothing: without them it would lie */
    size_t len = hkp_htp__acks_write(&a, 1000, dst, sizeof dst);
    CHECK_EQ(len, 24);
    CHECK_EQ(hkp_htp__frame_read(dst, len, &pos, HKP_HTP__T_ACK, 0, &f), HKP_OK);
    CHECK_EQ(f.ack.ecn, 1);
    CHECK_EQ(f.ack.ect0, 0);
    CHECK_EQ(f.ack.ce, 1);
}

/* HTP-10.2: more marks than packets ends the session; more than were marked only ends the marking. */
static void invented_counts_are_not_believed(void) {
    struct net *n = net_started();
    struct hkp_htp__recovery *r = &n->flow[0]->recovery;
    struct hkp_htp__frame f = {.type = HKP_HTP__F_ACK,
                               .ack = {.largest = r->next_pn - 1, .first = 1, .ecn = 1}};
    f.ack.ect0 = (uint32_t)r->next_pn;
    f.ack.ce = 1;
    CHECK_EQ(hkp_htp__recovery_ack(r, &f, n->now), HKP_E_HTP_ACK);
    CHECK_EQ(state_of(n, 0), HKP_HTP__ECN_CAPABLE);
    struct hkp_htp__ecn e = {.state = HKP_HTP__ECN_CAPABLE, .marked = 10};
    f.ack.ect0 = 10;
    f.ack.ce = 1;
    CHECK_EQ(hkp_htp__ecn_on_ack(&e, &f, 1), 0);
    CHECK_EQ(e.state, HKP_HTP__ECN_FAILED);
    e = (struct hkp_htp__ecn){.state = HKP_HTP__ECN_CAPABLE, .marked = 10, .ect0 = 4, .ce = 1};
    f.ack.ect0 = 9;
    CHECK_EQ(hkp_htp__ecn_on_ack(&e, &f, 6), 0); /* grew by 5 for 6 packets */
    CHECK_EQ(e.state, HKP_HTP__ECN_FAILED);
    e = (struct hkp_htp__ecn){.state = HKP_HTP__ECN_CAPABLE, .marked = 10, .ect0 = 4, .ce = 2};
    CHECK_EQ(hkp_htp__ecn_on_ack(&e, &f, 0), 0); /* CE was 2 */
    CHECK_EQ(e.state, HKP_HTP__ECN_FAILED);
    e = (struct hkp_htp__ecn){.state = HKP_HTP__ECN_CAPABLE, .marked = 3, .ect0 = UINT32_MAX - 4};
    f.ack.ect0 = 1; /* counts pass 2^32 */
    f.ack.ce = 1;
    CHECK_EQ(hkp_htp__ecn_on_ack(&e, &f, 7), 1);
    net_free(n);
}

int main(void) {
    CASE(marks_that_arrive_are_counted_and_go_on);
    CASE(bleached_marks_end_the_marking);
    CASE(marks_bleached_later_end_the_marking);
    CASE(a_path_that_drops_marks_is_found_out);
    CASE(ce_is_congestion_without_loss);
    CASE(a_ce_mark_is_acknowledged_at_once);
    CASE(invented_counts_are_not_believed);
    return check_done();
}
