/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Each rule of a flow by itself: what closes a session, what is denied, what is sent again. */
#include "flow_net.h"
#include "vectors.h"

enum { CLS_APP = 7, CLS_TER = 1 };

/* One packet from the other side, made by hand. */
struct forged {
    uint8_t plain[NET_BYTES];
    size_t len;
};

static void add_stream(struct forged *f, uint8_t cls, int fin, uint32_t id, uint64_t offset, const char *text,
                       size_t len) {
    f->len += hkp_htp__put_stream(f->plain + f->len, cls, fin, id, offset, (uint16_t)len);
    memcpy(f->plain + f->len, text, len);
    f->len += len;
}

/* Gives it to V as E's next packet, past the network. */
static hkp_status give(struct net *n, int to, const struct forged *f, uint16_t type, int res) {
    struct net_packet p = {
        .to = (uint8_t)to, .pn = n->pn[!to]++, .type = type, .res = (uint8_t)res, .len = f->len};
    memcpy(p.plain, f->plain, f->len);
    return net_give(n, &p);
}

static hkp_status give_stream(struct net *n, uint8_t cls, int fin, uint32_t id, uint64_t offset,
                              const char *text, size_t len) {
    struct forged f = {.len = 0};
    add_stream(&f, cls, fin, id, offset, text, len);
    return give(n, 1, &f, HKP_HTP__T_DATA, 1);
}

/* HTP-10.6: who may open what, and how far. E's ids: 0, 4, ... and 2, 6, ...; V's: 1, 5, ... and 3, 7, ... */
static void streams_outside_the_rules_close(void) {
    static const struct {
        uint32_t id;
        hkp_status want;
    } cases[] = {{0, HKP_OK},
                 {2, HKP_OK},
                 {63 * 4, HKP_OK},
                 {63 * 4 + 2, HKP_OK},
                 {64 * 4, HKP_E_HTP_STREAM},
                 {64 * 4 + 2, HKP_E_HTP_STREAM},
                 {1, HKP_E_HTP_STREAM},
                 {3, HKP_E_HTP_STREAM},
                 {UINT32_MAX, HKP_E_HTP_STREAM}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net *n = net_started();
        int before = check_faults;
        CHECK_EQ(give_stream(n, CLS_APP, 0, cases[i].id, 0, "abc", 3), cases[i].want);
        CHECK_NOTE(before, "id %u", cases[i].id);
        net_free(n);
    }
}

static void using_a_stream_opens_those_below(void) {
    struct net *n = net_started();
    CHECK_EQ(give_stream(n, CLS_APP, 0, 3 * 4, 0, "abc", 3), HKP_OK);
    CHECK_EQ(n->flow[1]->stream_count, 4);
    CHECK_EQ(n->flow[1]->theirs_opened[0], 4);
    net_free(n);
}

static void offsets_classes_and_credit_are_kept(void) {
    static char big[1000];
    struct net *n = net_started();
    CHECK_EQ(give_stream(n, CLS_APP, 1, 0, 0, "\0\0\0\2ab", 6), HKP_OK);
    CHECK_EQ(give_stream(n, CLS_APP, 1, 0, 0, "\0\0\0\2ab", 6), HKP_OK);       /* the same again */
    CHECK_EQ(give_stream(n, CLS_APP, 0, 0, 6, "x", 1), HKP_E_HTP_STREAM);      /* past the final offset */
    CHECK_EQ(give_stream(n, CLS_APP, 1, 0, 0, "\0\0", 2), HKP_E_HTP_STREAM);   /* another final offset */
    CHECK_EQ(give_stream(n, CLS_APP + 1, 0, 0, 0, "\0", 1), HKP_E_HTP_STREAM); /* another class */
    CHECK_EQ(give_stream(n, CLS_APP, 0, 4, 262144 - 1000, big, 1000), HKP_OK); /* up to the credit */
    CHECK_EQ(give_stream(n, CLS_APP, 0, 4, 262144 - 999, big, 1000), HKP_E_HTP_CREDIT);
    for (uint32_t id = 8; id <= 12; id += 4)
        CHECK_EQ(give_stream(n, CLS_APP, 0, id, 261144, big, 1000), HKP_OK);
    CHECK_EQ(give_stream(n, CLS_APP, 0, 16, 261144 - 6, big, 1000),
             HKP_OK); /* the session's credit to the byte */
    CHECK_EQ(give_stream(n, CLS_APP, 0, 20, 0, "x", 1), HKP_E_HTP_CREDIT);
    net_free(n);
}

static void an_end_below_what_came_closes(void) {
    struct net *n = net_started();
    CHECK_EQ(give_stream(n, CLS_APP, 0, 0, 100, "abc", 3), HKP_OK);
    CHECK_EQ(give_stream(n, CLS_APP, 1, 0, 100, "ab", 2), HKP_E_HTP_STREAM);
    struct forged reset = {.len = 0};
    reset.len = hkp_htp__put_reset(reset.plain, 0, 0, 102);
    CHECK_EQ(give(n, 1, &reset, HKP_HTP__T_DATA, 1), HKP_E_HTP_STREAM);
    reset.len = hkp_htp__put_reset(reset.plain, 0, 0, 262145);
    CHECK_EQ(give(n, 1, &reset, HKP_HTP__T_DATA, 1), HKP_E_HTP_CREDIT);
    reset.len = hkp_htp__put_reset(reset.plain, 0, 0, 103);
    CHECK_EQ(give(n, 1, &reset, HKP_HTP__T_DATA, 1), HKP_OK);
    net_free(n);
}

/* A one-way stream has one way: V opened it, so E may stop it and nothing else. */
static void the_other_way_of_a_one_way_stream_closes(void) {
    struct net *n = net_started();
    struct forged f = {.len = 0};
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[1], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(give_stream(n, CLS_APP, 0, id, 0, "abc", 3), HKP_E_HTP_STREAM);
    f.len = hkp_htp__put_reset(f.plain, 0, id, 0);
    CHECK_EQ(give(n, 1, &f, HKP_HTP__T_DATA, 1), HKP_E_HTP_STREAM);
    f.len = hkp_htp__put_stop(f.plain, 0, id);
    CHECK_EQ(give(n, 1, &f, HKP_HTP__T_DATA, 1), HKP_OK);
    f.len = hkp_htp__put_stop(f.plain, 0, 2); /* E's own */
    CHECK_EQ(give(n, 1, &f, HKP_HTP__T_DATA, 1), HKP_E_HTP_STREAM);
    f.len = hkp_htp__put_credit(f.plain, HKP_HTP__CREDIT_STREAM, 2, 1);
    CHECK_EQ(give(n, 1, &f, HKP_HTP__T_DATA, 1), HKP_E_HTP_STREAM);
    net_free(n);
}

static void acknowledging_what_was_never_sent_closes(void) {
    struct net *n = net_started();
    struct forged f = {{HKP_HTP__F_ACK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 1}, 16};
    CHECK_EQ(give(n, 1, &f, HKP_HTP__T_ACK, 1), HKP_E_HTP_ACK);
    struct forged marks = {
        {HKP_HTP__F_ACK, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 99, 0, 0, 0, 99}, 24};
    CHECK_EQ(give(n, 1, &marks, HKP_HTP__T_ACK, 1), HKP_E_HTP_ACK);
    net_free(n);
}

/* HTP-3.3 (c): RES until one with RES of that epoch was accepted. */
static void res_is_required_until_it_was_seen(void) {
    struct net *n = net_new(check_seed());
    struct forged ping = {{HKP_HTP__F_PING}, 1};
    struct net_packet p = {.to = 1, .type = HKP_HTP__T_DATA, .len = 1, .plain = {HKP_HTP__F_PING}};
    CHECK_EQ(give(n, 1, &ping, HKP_HTP__T_DATA, 0), HKP_E_HTP_RES_MISSING);
    CHECK_EQ(give(n, 1, &ping, HKP_HTP__T_DATA, 1), HKP_OK);
    CHECK_EQ(give(n, 1, &ping, HKP_HTP__T_DATA, 0), HKP_OK);
    p.pn = n->pn[0]++;
    p.epoch = 1;
    CHECK_EQ(net_give(n, &p), HKP_E_HTP_RES_MISSING);
    p.pn = n->pn[0]++;
    p.epoch = 4; /* the same two bits on the wire as epoch 0 */
    CHECK_EQ(net_give(n, &p), HKP_E_HTP_RES_MISSING);
    net_free(n);
}

/* HTP-3.2 (c): a sender sets RES until one with RES was acknowledged, in every epoch anew. */
static void res_is_sent_until_it_was_acknowledged(void) {
    struct net *n = net_new(check_seed());
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        uint8_t dst[NET_BYTES];
        struct hkp_htp__flow_out out;
        n->loss = 1000;
        n->epoch[0] = n->epoch[1] = epoch;
        for (int i = 0; i < 3; i++) {
            hkp_htp__flow_ping(n->flow[0]);
            struct hkp_htp__flow_slot slot = {
                .pn = n->pn[0]++, .epoch = epoch, .now = n->now, .wall_us = net_wall(n)};
            CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
            CHECK(out.type != 0);
            CHECK_EQ(out.res, 1);
        }
        n->loss = 0;
        net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
        CHECK_EQ(n->flow[0]->tx_res_acked, 1);
        CHECK_EQ(n->flow[1]->tx_res_acked, 1); /* V's first packet was an ACK: a PING followed it */
        hkp_htp__flow_ping(n->flow[0]);
        struct hkp_htp__flow_slot slot = {
            .pn = n->pn[0]++, .epoch = epoch, .now = n->now, .wall_us = net_wall(n)};
        CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
        CHECK_EQ(out.res, 0);
        net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
        CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    }
    net_free(n);
}

/* HTP-3.2 (b): class TER and REKEY have RES, whatever was acknowledged. */
static void evidence_and_rekey_carry_res(void) {
    struct net *n = net_started();
    uint8_t dst[NET_BYTES];
    uint32_t id;
    for (int round = 0; round < 3; round++) {
        struct hkp_htp__flow_slot slot = {.pn = n->pn[0]++, .now = n->now, .wall_us = net_wall(n)};
        struct hkp_htp__flow_out out;
        static const uint8_t frame[HKP_HTP__REKEY_SIZE] = {HKP_HTP__F_REKEY, 0, 0, 0, 0, 0, 0, 1};
        if (round == 0) CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_TER, 0, 0, &id), HKP_OK);
        if (round == 0)
            CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"evidence", 8, 0), HKP_OK);
        if (round == 1)
            CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_TER, (const uint8_t *)"e", 1), HKP_OK);
        if (round == 2) hkp_htp__flow_rekey_put(n->flow[0], frame);
        CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
        CHECK_EQ(out.type, HKP_HTP__T_DATA);
        CHECK_EQ(out.res, 1);
    }
    net_free(n);
}

/* HTP-6.2: past the hard limit only REKEY, ACK and CLOSE go. */
static void a_worn_epoch_carries_rekey_only(void) {
    struct net *n = net_started();
    uint32_t id;
    static const uint8_t frame[HKP_HTP__REKEY_SIZE] = {HKP_HTP__F_REKEY, 0, 0, 0, 0, 0, 0, 1};
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"text", 4, 0), HKP_OK);
    n->restricted[0] = 1;
    struct hkp_htp__flow_slot slot = {.pn = n->pn[0], .restricted = 1, .now = n->now};
    struct hkp_htp__flow_out out;
    uint8_t dst[NET_BYTES];
    CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
    CHECK_EQ(out.type, 0);
    hkp_htp__flow_rekey_put(n->flow[0], frame);
    CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
    CHECK_EQ(out.type, HKP_HTP__T_DATA);
    CHECK(out.len >= HKP_HTP__REKEY_SIZE);
    for (size_t i = HKP_HTP__REKEY_SIZE; i < out.len; i++) CHECK_EQ(dst[i], 0);
    net_free(n);
}

static void reset_and_stop_reach_the_other_side(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t a, b;
    n->loss = 200;
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 1, 0, &a), HKP_OK);
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 1, 0, &b), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], a, (const uint8_t *)"x", 1, 0), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], b, (const uint8_t *)"y", 1, 0), HKP_OK);
    net_run(n, n->now + 20 * HKP_HTP__SECOND_NS);
    for (int i = 0; i < 4; i++) CHECK(net_event(n, 1, &e)); /* two opened, two messages */
    CHECK_EQ(hkp_htp__flow_reset(n->flow[0], a, 70), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], a, (const uint8_t *)"x", 1, 0), HKP_E_STATE);
    CHECK_EQ(hkp_htp__flow_stop(n->flow[1], b, 71), HKP_OK);
    net_run(n, n->now + 20 * HKP_HTP__SECOND_NS);
    CHECK(net_event(n, 1, &e));
    CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_RESET);
    CHECK_EQ(e.stream, a);
    CHECK_EQ(e.code, 70);
    CHECK(net_event(n, 0, &e));
    CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_STOPPED);
    CHECK_EQ(e.stream, b);
    CHECK_EQ(e.code, 71);
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_NONE);
    CHECK_EQ(n->flow[1]->rx_consumed, n->flow[1]->rx_total);
    CHECK_EQ(n->flow[0]->buffered, 0);
    net_free(n);
}

/* HTP-10.8: a class that is not enabled is stopped with code 1, its datagrams are dropped. */
static void denied_classes_are_stopped(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    static const uint64_t control_only[2] = {1, 0};
    uint32_t id;
    hkp_htp__flow_allow(n->flow[1], control_only);
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 1, 0, &id), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"x", 1, 0), HKP_OK);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_APP, (const uint8_t *)"x", 1), HKP_OK);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_NONE);
    CHECK_EQ(n->flow[1]->datagrams_dropped, 1);
    CHECK(net_event(n, 0, &e));
    CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_RESET); /* V's direction is of no use either */
    while (net_event(n, 0, &e)) CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_STOPPED);
    CHECK_EQ(n->flow[0]->stream_count + n->flow[1]->stream_count, 0);
    net_free(n);
}

/* The owner names the classes after data came: what is denied then is never told. */
static void a_late_denial_is_a_denial(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    static const uint64_t control_only[2] = {1, 0};
    uint32_t id;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hkp_htp__flow_open(n->flow[0], i == 2 ? 0 : CLS_APP, 1, 0, &id), HKP_OK);
        if (i != 1) CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"x", 1, 1), HKP_OK);
        if (i == 1) CHECK_EQ(hkp_htp__flow_finish(n->flow[0], id), HKP_OK);
    }
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_APP, (const uint8_t *)"x", 1), HKP_OK);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 0, (const uint8_t *)"y", 1), HKP_OK);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    hkp_htp__flow_allow(n->flow[1], control_only);
    static const int want[] = {HKP_HTP__FLOW_EV_OPENED, HKP_HTP__FLOW_EV_MESSAGE, HKP_HTP__FLOW_EV_FIN,
                               HKP_HTP__FLOW_EV_DATAGRAM};
    for (int i = 0; i < 4; i++) {
        CHECK(net_event(n, 1, &e));
        CHECK_EQ(e.kind, want[i]);
        CHECK_EQ(e.cls, 0);
    }
    CHECK_EQ(net_kind(n, 1), HKP_HTP__FLOW_EV_NONE);
    CHECK_EQ(hkp_htp__flow_finish(n->flow[1], id), HKP_OK);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    while (net_event(n, 0, &e)) {
    }
    while (net_event(n, 1, &e)) {
    }
    CHECK_EQ(n->flow[0]->stream_count + n->flow[1]->stream_count, 0);
    net_free(n);
}

static void stream_counts_are_given_back(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint32_t id;
    for (unsigned i = 0; i < 200; i++) {
        hkp_status st = hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id);
        if (st == HKP_E_LIMIT) {
            n->writable[0] = 0;
            net_run(n, n->now + HKP_HTP__SECOND_NS);
            while (net_event(n, 1, &e)) {
            }
            net_run(n, n->now + HKP_HTP__SECOND_NS);
            while (net_event(n, 0, &e)) {
            }
            CHECK_EQ(n->writable[0], 1);
            st = hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id);
        }
        CHECK_EQ(st, HKP_OK);
        CHECK_EQ(id, i * 4 + 2);
        CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, (const uint8_t *)"x", 1, 1), HKP_OK);
    }
    net_free(n);
}

/* HTP-8.2: only an echo of the last two challenges is honest, and only the newest HEARTBEAT is judged. */
static void a_foreign_response_closes(void) {
    struct net *n = net_started();
    struct forged hb = {{HKP_HTP__F_HB, 0, 0, 30, 4, 255}, HKP_HTP__HB_PLAIN_MIN};
    memset(hb.plain + 16, 0x11, 16);
    uint64_t next = n->pn[0];
    n->pn[0] = 0; /* an old number: answered, not judged */
    CHECK_EQ(give(n, 1, &hb, HKP_HTP__T_HEARTBEAT, 1), HKP_OK);
    CHECK_EQ(n->flow[1]->heart.owed, 1);
    n->pn[0] = next;
    CHECK_EQ(give(n, 1, &hb, HKP_HTP__T_HEARTBEAT, 1), HKP_E_HTP_RESONANCE);
    memcpy(hb.plain + 16, n->flow[1]->heart.prev, 16);
    CHECK_EQ(give(n, 1, &hb, HKP_HTP__T_HEARTBEAT, 1), HKP_OK);
    memcpy(hb.plain + 16, n->flow[1]->heart.cur, 16);
    CHECK_EQ(give(n, 1, &hb, HKP_HTP__T_HEARTBEAT, 1), HKP_OK);
    CHECK_MEM(hb.plain + 16, n->flow[1]->heart.prev, 16);
    net_free(n);
}

/* Heartbeats over a bad network: no loss, delay or order makes an honest response wrong. */
static void honest_heartbeats_never_close(void) {
    struct net *n = net_new(check_seed());
    n->loss = 100;
    n->twice = 300;
    n->delay = 400000000;
    n->jitter = 3 * HKP_HTP__SECOND_NS;
    net_run(n, n->now + 3600 * HKP_HTP__SECOND_NS);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    struct hkp_htp__flow_info e, v;
    hkp_htp__flow_info(n->flow[0], &e);
    hkp_htp__flow_info(n->flow[1], &v);
    CHECK(e.good_heartbeats > 60);
    CHECK(v.good_heartbeats > 60);
    net_free(n);
}

static void silence_ends_the_session(void) {
    struct net *n = net_started();
    hkp_time start = n->now;
    n->loss = 1000;
    net_run(n, start + 200 * HKP_HTP__SECOND_NS);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(n->fault[i], HKP_E_HTP_IDLE);
        CHECK_EQ(hkp_htp__flow_state(n->flow[i]), HKP_HTP__FLOW_ENDED);
        CHECK_EQ(n->flow[i]->last_heard + hkp_htp__heart_idle_ns(n->flow[i]) <=
                     start + 90 * HKP_HTP__SECOND_NS,
                 1);
        CHECK(hkp_htp__flow_wake(n->flow[i]) == HKP_TIME_NEVER);
    }
    net_free(n);
}

/* HTP-14.1: CLOSE is repeated, answered by one ACK; both ends end. */
static void close_ends_both_sides(void) {
    for (unsigned loss = 0; loss <= 300; loss += 300) {
        struct net *n = net_started();
        struct hkp_htp__flow_event e;
        hkp_htp__flow_set_trust(n->flow[1], 1234);
        hkp_htp__flow_close(n->flow[1], n->now, 64, 9);
        hkp_htp__flow_close(n->flow[1], n->now, 65, 0);
        if (loss != 0) { /* the first CLOSE is lost */
            n->loss = 1000;
            net_flush(n, 1);
            n->loss = 0;
        }
        net_run(n, n->now + 10 * HKP_HTP__SECOND_NS);
        CHECK(net_event(n, 0, &e));
        CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_CLOSED);
        CHECK_EQ(e.code, 64);
        CHECK_EQ(e.trust, 1234);
        CHECK_EQ(e.retry_after_s, 9);
        CHECK_EQ(hkp_htp__flow_state(n->flow[0]), HKP_HTP__FLOW_ENDED);
        CHECK_EQ(hkp_htp__flow_state(n->flow[1]), HKP_HTP__FLOW_ENDED);
        uint32_t id;
        CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &id), HKP_E_STATE);
        net_free(n);
    }
}

static void an_unheard_close_is_sent_three_times(void) {
    struct net *n = net_started();
    n->loss = 1000;
    uint64_t before = n->sent;
    hkp_htp__flow_close(n->flow[0], n->now, 16, 0);
    for (int i = 0; i < 100 && hkp_htp__flow_state(n->flow[0]) != HKP_HTP__FLOW_ENDED; i++) {
        net_flush(n, 0);
        n->now = hkp_htp__flow_wake(n->flow[0]);
        (void)hkp_htp__flow_tick(n->flow[0], n->now);
    }
    CHECK_EQ(n->sent - before, 3);
    CHECK_EQ(hkp_htp__flow_state(n->flow[0]), HKP_HTP__FLOW_ENDED);
    net_free(n);
}

static void datagrams_arrive_or_are_refused(void) {
    struct net *n = net_started();
    struct hkp_htp__flow_event e;
    uint8_t data[1081];
    memset(data, 0x3C, sizeof data);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_APP, data, 1081), HKP_E_TOOBIG);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_APP, data, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], 128, data, 1), HKP_E_INVAL);
    CHECK_EQ(hkp_htp__flow_datagram(n->flow[0], CLS_TER, data, 1080), HKP_OK);
    unsigned taken = 1;
    while (hkp_htp__flow_datagram(n->flow[0], CLS_APP, data, 700) == HKP_OK) taken++;
    CHECK(taken > 16 && taken < 200);
    net_run(n, n->now + 5 * HKP_HTP__SECOND_NS);
    CHECK(net_event(n, 1, &e));
    CHECK_EQ(e.kind, HKP_HTP__FLOW_EV_DATAGRAM);
    CHECK_EQ(e.cls, CLS_TER);
    CHECK_EQ(e.len, 1080);
    CHECK_MEM(e.data, data, 1080);
    unsigned got = 1;
    while (net_event(n, 1, &e)) got++;
    CHECK_EQ(got, taken);
    net_free(n);
}

static void priorities_go_first(void) {
    struct net *n = net_started();
    uint32_t low, high;
    static uint8_t bulk[100000];
    uint8_t dst[NET_BYTES];
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 7, &low), HKP_OK);
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], CLS_APP, 0, 0, &high), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], low, bulk, sizeof bulk, 0), HKP_OK);
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], high, (const uint8_t *)"now", 3, 0), HKP_OK);
    struct hkp_htp__flow_slot slot = {.pn = n->pn[0]++, .now = n->now};
    struct hkp_htp__flow_out out;
    struct hkp_htp__frame f;
    size_t pos = 0;
    CHECK_EQ(hkp_htp__flow_send(n->flow[0], &slot, dst, &out), HKP_OK);
    CHECK_EQ(hkp_htp__frame_read(dst, out.len, &pos, out.type, 1, &f), HKP_OK);
    CHECK_EQ(f.stream, high);
    CHECK_EQ(hkp_htp__frame_read(dst, out.len, &pos, out.type, 1, &f), HKP_OK);
    CHECK_EQ(f.stream, low);
    net_free(n);
}

/* A packet that the pools have no room for is as if lost: no fault, and the flow goes on when there is room.
 */
static void an_empty_pool_drops_packets(void) {
    struct net *n = net_started();
    static char data[1000];
    uint64_t in = n->flow[1]->packets_in;
    n->heap.left = 0;
    hkp_status st = HKP_OK;
    uint32_t id = 0;
    for (; id < 64 && st == HKP_OK; id++) st = give_stream(n, CLS_APP, 0, id * 4, 0, data, 1000);
    CHECK_EQ(st, HKP_E_HTP_LIMIT);
    CHECK_EQ(n->flow[1]->packets_in, in + id - 1);
    n->heap.left = -1;
    CHECK_EQ(give_stream(n, CLS_APP, 0, id * 4, 0, data, 1000), HKP_OK);
    net_free(n);
}

static void every_allocation_may_fail(void) {
    for (long budget = 0;; budget++) {
        struct failing heap = {.left = budget};
        struct hkp_mem mem = failing_mem(&heap);
        struct hkp_htp__pools *pools = NULL;
        struct hkp_htp__flow *flow = NULL;
        uint64_t random = 1;
        hkp_status st = hkp_htp__pools_new(&pools, &mem, 0);
        struct hkp_htp__flow_params p = {.mem = mem, .rng = {&random, net_fill}, .pools = pools};
        if (st == HKP_OK) st = hkp_htp__flow_new(&flow, &p, 0);
        if (st != HKP_OK) CHECK_EQ(st, HKP_E_NOMEM);
        if (st != HKP_OK) CHECK(flow == NULL);
        hkp_htp__flow_free(flow);
        hkp_htp__pools_free(pools);
        CHECK_EQ(heap.live, 0);
        if (st == HKP_OK) {
            CHECK(budget == 2);
            return;
        }
    }
}

static void an_idle_flow_is_small(void) {
    struct net *n = net_started();
    CHECK(sizeof *n->flow[0] <= 4096);
    net_free(n);
}

int main(void) {
    CASE(streams_outside_the_rules_close);
    CASE(using_a_stream_opens_those_below);
    CASE(offsets_classes_and_credit_are_kept);
    CASE(an_end_below_what_came_closes);
    CASE(the_other_way_of_a_one_way_stream_closes);
    CASE(acknowledging_what_was_never_sent_closes);
    CASE(res_is_required_until_it_was_seen);
    CASE(res_is_sent_until_it_was_acknowledged);
    CASE(evidence_and_rekey_carry_res);
    CASE(a_worn_epoch_carries_rekey_only);
    CASE(reset_and_stop_reach_the_other_side);
    CASE(denied_classes_are_stopped);
    CASE(a_late_denial_is_a_denial);
    CASE(stream_counts_are_given_back);
    CASE(a_foreign_response_closes);
    CASE(honest_heartbeats_never_close);
    CASE(silence_ends_the_session);
    CASE(close_ends_both_sides);
    CASE(an_unheard_close_is_sent_three_times);
    CASE(datagrams_arrive_or_are_refused);
    CASE(priorities_go_first);
    CASE(an_empty_pool_drops_packets);
    CASE(every_allocation_may_fail);
    CASE(an_idle_flow_is_small);
    return check_done();
}
