/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The records of packets on their way: which are lost, on which path, and what they cost (HTP-10.3, 11.6). */
#include "flow_net.h"

enum { SIZE = 1000, NUMBERS = 40000 };

#define MILLI 1000000ULL

/* A recovery in our hands: what it said of each number. */
struct table {
    struct failing heap;
    struct hkp_htp__pools *pools;
    struct hkp_htp__recovery r;
    struct hkp_htp__path_state second;
    struct hkp_htp__acks acks;
    hkp_time now;
    uint64_t pn;
    unsigned acked[NUMBERS], lost[NUMBERS];
};

static void on_acked(void *user, const struct hkp_htp__sent *s) { ((struct table *)user)->acked[s->pn]++; }
static void on_lost(void *user, const struct hkp_htp__sent *s) { ((struct table *)user)->lost[s->pn]++; }

static struct table *table_new(void) {
    struct table *t = calloc(1, sizeof *t);
    const struct hkp_htp__recovery_sink sink = {t, on_acked, on_lost};
    t->heap.left = -1;
    t->now = 1000 * MILLI;
    struct hkp_mem mem = failing_mem(&t->heap);
    CHECK_EQ(hkp_htp__pools_new(&t->pools, &mem, 0), HKP_OK);
    hkp_htp__recovery_init(&t->r, t->pools, 1200, &hkp_htp__cubic, 40 * MILLI, &sink);
    hkp_htp__path_state_init(&t->second, 1, 1200, &hkp_htp__cubic, 400 * MILLI);
    hkp_htp__acks_init(&t->acks, t->pools);
    return t;
}

static void table_free(struct table *t) {
    hkp_htp__recovery_clear(&t->r);
    hkp_htp__acks_clear(&t->acks);
    hkp_htp__pools_free(t->pools);
    CHECK_EQ(t->heap.live, 0);
    free(t);
}

/* 1: sent. */
static int send_on(struct table *t, uint8_t path) {
    struct hkp_htp__sent *s = hkp_htp__recovery_slot(&t->r);
    if (s == NULL) return 0;
    s->pn = t->pn;
    s->time = t->now;
    s->size = SIZE;
    s->path = path;
    hkp_htp__recovery_sent(&t->r, s);
    hkp_htp__recovery_number(&t->r, path, t->pn++);
    return 1;
}

static void take(struct table *t, uint64_t pn) { hkp_htp__acks_note(&t->acks, pn, 1, 0, t->now); }

/* What was taken is acknowledged. */
static void acknowledge(struct table *t) {
    uint8_t dst[256];
    struct hkp_htp__frame f;
    size_t pos = 0, len = hkp_htp__acks_write(&t->acks, t->now, dst, sizeof dst);
    CHECK_EQ(hkp_htp__frame_read(dst, len, &pos, HKP_HTP__T_ACK, 0, &f), HKP_OK);
    CHECK_EQ(hkp_htp__recovery_ack(&t->r, &f, t->now), HKP_OK);
}

/* HTP-10.3: three later packets of the same path, not of another. */
static void the_packet_threshold_counts_within_one_path(void) {
    struct table *t = table_new();
    hkp_htp__recovery_path_add(&t->r, &t->second);
    CHECK(send_on(t, 1));                             /* 0 */
    for (int i = 0; i < 5; i++) CHECK(send_on(t, 0)); /* 1-5 */
    CHECK(send_on(t, 1));                             /* 6; no time passes: nothing is lost by time */
    for (uint64_t pn = 2; pn <= 5; pn++) take(t, pn);
    acknowledge(t);
    CHECK_EQ(t->lost[1], 1);
    CHECK_EQ(t->lost[0], 0);
    CHECK_EQ(t->second.in_flight, 2 * SIZE);
    CHECK_EQ(t->r.own.in_flight, 0);
    for (int i = 0; i < 2; i++) CHECK(send_on(t, 1)); /* 7, 8 */
    take(t, 7);
    acknowledge(t);
    CHECK_EQ(t->lost[0], 0); /* overtaken by two */
    take(t, 8);
    acknowledge(t);
    CHECK_EQ(t->lost[0], 1);
    CHECK_EQ(t->lost[6], 0);
    table_free(t);
}

/* Each path has its own timers, round trip and window. */
static void a_path_is_judged_by_its_own_round_trip(void) {
    struct table *t = table_new();
    hkp_htp__recovery_path_add(&t->r, &t->second);
    for (int i = 0; i < 8; i++) CHECK(send_on(t, (uint8_t)(i % 2)));
    t->now += 10 * MILLI;
    for (uint64_t pn = 2; pn < 8; pn += 2) take(t, pn);
    acknowledge(t);
    CHECK_EQ(t->r.own.latest, 10 * MILLI);
    CHECK_EQ(t->second.latest, 0);
    CHECK(t->r.own.congestion.window < 12000); /* 0 was lost */
    CHECK_EQ(t->second.congestion.window, 12000);
    CHECK_EQ(t->second.probes, 0);
    t->now += 2000 * MILLI;
    hkp_htp__recovery_tick(&t->r, t->now);
    CHECK_EQ(t->second.probes, 2);
    CHECK_EQ(t->r.own.probes, 0); /* nothing is on its way there */
    CHECK_EQ(t->lost[1] + t->lost[3], 2);
    hkp_htp__recovery_path_drop(&t->r, 1);
    for (uint64_t pn = 1; pn < 8; pn += 2) CHECK(t->lost[pn] > 0);
    CHECK_EQ(t->r.flying, 0);
    table_free(t);
}

/* HTP-11.6, decision 0332. */
static void how_many_may_be_on_their_way(void) {
    struct table *t = table_new();
    while (send_on(t, 0)) {
    }
    CHECK_EQ(t->pn, HKP_HTP__OUTSTANDING_MAX);
    take(t, 0);
    acknowledge(t);
    CHECK(send_on(t, 0));
    CHECK(!send_on(t, 0));
    hkp_htp__recovery_clear(&t->r);
    hkp_htp__recovery_path_add(&t->r, &t->second);
    const uint64_t first = t->pn;
    while (send_on(t, (uint8_t)(t->pn % 2))) {
    }
    CHECK_EQ(t->pn - first, 1023); /* fewer than 1024 from the oldest to the next */
    /* the oldest makes room for its probe */
    t->now += 5000 * MILLI;
    hkp_htp__recovery_tick(&t->r, t->now);
    CHECK(send_on(t, 0));
    table_free(t);
}

/* Found by the fault simulator: an end that only takes data sends ACKs, and what it sent on a path that died
 * stayed on its way while their numbers went on past the peer's window (HTP-11.6). */
static void no_packet_of_several_paths_stays_on_its_way_for_1024_numbers(void) {
    struct table *t = table_new();
    CHECK(send_on(t, 0)); /* before there were several: it may */
    hkp_htp__recovery_path_add(&t->r, &t->second);
    take(t, t->pn - 1);
    acknowledge(t);
    const uint64_t first = t->pn;
    CHECK(send_on(t, 1) && send_on(t, 0));
    while (t->pn < first + HKP_HTP__SPAN_MAX - 1) hkp_htp__recovery_number(&t->r, 0, t->pn++);
    CHECK_EQ(t->lost[first] + t->lost[first + 1], 0);
    hkp_htp__recovery_number(&t->r, 0, t->pn++);
    CHECK(t->lost[first] == 1 && t->lost[first + 1] == 0 && t->second.flying == 0);
    hkp_htp__recovery_next(&t->r, t->pn++);
    CHECK(t->lost[first] == 1 && t->lost[first + 1] == 1 && t->r.flying == 0);
    table_free(t);
}

static void nothing_on_its_way_holds_no_memory(void) {
    struct table *t = table_new();
    CHECK(hkp_htp__recovery_slot(&t->r) != NULL);
    hkp_htp__recovery_unslot(&t->r);
    CHECK(t->r.block == NULL && t->r.table == NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) CHECK(send_on(t, 0));
        CHECK(t->r.table != NULL);
        for (uint64_t pn = t->pn - 100; pn < t->pn; pn++) take(t, pn);
        acknowledge(t);
        CHECK(t->r.block == NULL && t->r.table == NULL);
        CHECK_EQ(hkp_htp__recovery_wake(&t->r), HKP_TIME_NEVER);
        CHECK(send_on(t, 0));
        CHECK(t->r.block != NULL && t->r.table == NULL);
        take(t, t->pn - 1);
        acknowledge(t);
        CHECK(t->r.block == NULL);
    }
    table_free(t);
}

/* A packet that was only late: it counts as arrived, and the window is as it was. */
static void late_packets_give_the_window_back(void) {
    struct table *t = table_new();
    for (int i = 0; i < 10; i++) CHECK(send_on(t, 0));
    t->now += 40 * MILLI;
    for (uint64_t pn = 2; pn < 10; pn++) take(t, pn);
    acknowledge(t);
    CHECK_EQ(t->lost[0] + t->lost[1], 2);
    CHECK_EQ(t->r.own.congestion.window, 12000 * 7 / 10);
    for (int i = 0; i < 2; i++) CHECK(send_on(t, 0)); /* what was in them, again */
    t->now += 5 * MILLI;
    take(t, 0);
    acknowledge(t);
    CHECK_EQ(t->acked[0], 1);
    CHECK_EQ(t->r.own.congestion.window, 12000 * 7 / 10); /* the other may be lost */
    take(t, 1);
    acknowledge(t);
    CHECK_EQ(t->r.own.congestion.window, 12000);
    CHECK_EQ(t->r.spurious, 2);
    /* what is never heard of again is forgotten after two PTOs */
    for (int i = 0; i < 4; i++) CHECK(send_on(t, 0));
    for (uint64_t pn = 10; pn < t->pn; pn++)
        if (pn != 12) take(t, pn);
    acknowledge(t);
    CHECK_EQ(t->lost[12], 1);
    CHECK_EQ(t->r.flying, 0);
    CHECK(t->r.block != NULL);
    t->now = hkp_htp__recovery_wake(&t->r);
    CHECK(t->now != HKP_TIME_NEVER);
    hkp_htp__recovery_tick(&t->r, t->now);
    CHECK(t->r.block == NULL);
    CHECK_EQ(hkp_htp__recovery_wake(&t->r), HKP_TIME_NEVER);
    table_free(t);
}

/* RFC 9002 7.6: only a span of 3 PTOs in which nothing arrived, also when ACKs tell of it bit by bit. */
static void persistent_congestion_needs_three_ptos(void) {
    for (int span = 0; span < 3; span++) {
        struct table *t = table_new();
        CHECK(send_on(t, 0));
        t->now += 40 * MILLI;
        take(t, 0);
        acknowledge(t); /* a round trip is known: the PTO is 145 ms */
        const uint64_t step = (span == 0 ? 150 : 240) * MILLI;
        for (int i = 0; i < 3; i++) { /* 1, 2, 3 are lost */
            CHECK(send_on(t, 0));
            t->now += step;
        }
        if (span == 2) take(t, 2);
        for (int i = 0; i < 4; i++) CHECK(send_on(t, 0)); /* 4-7 */
        t->now += 40 * MILLI;
        take(t, 4);
        acknowledge(t);
        take(t, 5);
        take(t, 6);
        take(t, 7);
        acknowledge(t);
        CHECK_EQ(t->lost[1] + t->lost[3], 2);
        CHECK_EQ(t->r.own.congestion.window <= 2 * 1200 + 3 * SIZE, span == 1);
        table_free(t);
    }
}

/* Any order, any loss, two paths: each number ends acknowledged or lost, once, and the sums hold. */
static void sums_hold_whatever_arrives(void) {
    uint64_t random = check_seed();
    struct table *t = table_new();
    static uint8_t arrived[NUMBERS];
    memset(arrived, 0, sizeof arrived);
    hkp_htp__recovery_path_add(&t->r, &t->second);
    while (t->pn < NUMBERS - 64) {
        const uint64_t before = t->pn;
        for (unsigned n = (unsigned)(check_random(&random) % 30); n > 0; n--)
            if (!send_on(t, check_random(&random) % 3 == 0)) break;
        t->now += check_random(&random) % (5 * MILLI);
        for (uint64_t pn = before > 40 ? before - 40 : 0; pn < t->pn; pn++) {
            if (arrived[pn] || check_random(&random) % 4 != 0) continue;
            arrived[pn] = 1;
            take(t, pn);
        }
        if (t->acks.seen.count > 0) acknowledge(t);
        if (check_random(&random) % 8 == 0) hkp_htp__acks_forget(&t->acks, before > 200 ? before - 200 : 0);
        if (hkp_htp__recovery_wake(&t->r) <= t->now) hkp_htp__recovery_tick(&t->r, t->now);
        CHECK_EQ(t->r.flying, t->r.own.flying + t->second.flying);
        CHECK_EQ(t->r.own.in_flight, t->r.own.flying * SIZE);
        CHECK_EQ(t->second.in_flight, t->second.flying * SIZE);
        uint64_t open = 0;
        for (uint64_t pn = before > 1100 ? before - 1100 : 0; pn < t->pn; pn++)
            open += t->acked[pn] == 0 && t->lost[pn] == 0;
        CHECK(t->r.flying >= open);
    }
    t->now += 100000 * MILLI;
    CHECK(send_on(t, 0) || t->r.flying > 0);
    for (uint64_t pn = t->pn - 20; pn < t->pn; pn++)
        if (!arrived[pn]) take(t, pn);
    acknowledge(t);
    for (uint64_t pn = 0; pn < t->pn; pn++) {
        CHECK(t->acked[pn] <= 1);
        CHECK(!t->acked[pn] || arrived[pn] || pn >= t->pn - 20);
    }
    table_free(t);
}

int main(void) {
    CASE(the_packet_threshold_counts_within_one_path);
    CASE(a_path_is_judged_by_its_own_round_trip);
    CASE(how_many_may_be_on_their_way);
    CASE(no_packet_of_several_paths_stays_on_its_way_for_1024_numbers);
    CASE(nothing_on_its_way_holds_no_memory);
    CASE(late_packets_give_the_window_back);
    CASE(persistent_congestion_needs_three_ptos);
    CASE(sums_hold_whatever_arrives);
    return check_done();
}
