/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-10.9: hostile sessions of one pool hold what they may, and an honest one beside them works on. */
#include "flow_net.h"
#include "libter/bytes.h"

enum { APP = 7, POOL = 2 * 1024 * 1024, HOGS = 3, ROUNDS = 6000, MESSAGE = 20000 };

struct hog {
    struct hkp_htp__flow *flow;
    uint64_t pn;
};

static uint8_t text[MESSAGE];

static void hog_begin(struct net *n, struct hog *h) {
    struct hkp_htp__flow_params p;
    hkp_htp__flow_free(h->flow);
    net_params(n, 1, &p);
    CHECK_EQ(hkp_htp__flow_new(&h->flow, &p, n->now), HKP_OK);
    h->pn = 0;
}

/* Bytes far apart, heads of messages that never end, RESET and STOP without need; seldom more than is
 * allowed. */
static size_t hostile(uint8_t *dst, uint64_t *r) {
    uint32_t full = (uint32_t)(check_random(r) % 4) << 2, other = (uint32_t)(4 + check_random(r) % 60) << 2;
    size_t len;
    uint64_t kind = check_random(r) % 1000;
    if (kind < 60) return hkp_htp__put_reset(dst, 64, other | (uint32_t)(kind & 1) << 1, 0);
    if (kind < 120) return hkp_htp__put_stop(dst, 64, other);
    if (kind < 122) return hkp_htp__put_reset(dst, 64, other, 300000);
    if (kind < 200) {
        len = hkp_htp__put_stream(dst, APP, 0, full, 0, 4);
        hkp_put_be32(dst + len, 1000000);
        return len + 4;
    }
    len = hkp_htp__put_stream(dst, APP, 0, full, 4 + check_random(r) % 262000, 1);
    dst[len] = 0;
    return len + 1;
}

static void hog_talks(struct net *n, struct hog *h, uint64_t *r) {
    uint8_t plain[NET_BYTES], dst[NET_BYTES];
    struct hkp_htp__flow_in in = {
        .pn = h->pn++, .type = HKP_HTP__T_DATA, .has_res = 1, .plain = plain, .now = n->now};
    unsigned rekeys, frames = 1 + (unsigned)check_random(r) % 8;
    while (frames-- > 0) in.plain_len += hostile(plain + in.plain_len, r);
    in.datagram_len = in.plain_len + HKP_HTP__OVERHEAD;
    hkp_status st = hkp_htp__flow_recv(h->flow, &in, &rekeys);
    if (st != HKP_OK && st != HKP_E_HTP_LIMIT) {
        hog_begin(n, h);
        return;
    }
    /* What it answers goes nowhere: its peer acknowledges nothing. */
    struct hkp_htp__flow_slot slot = {.pn = h->flow->recovery.next_pn, .now = n->now};
    struct hkp_htp__flow_out out;
    CHECK_EQ(hkp_htp__flow_send(h->flow, &slot, dst, &out), HKP_OK);
}

/* Both ends on a small pool that the hogs share with V. */
static struct net *crowded(struct hog hogs[HOGS]) {
    struct net *n = net_new(check_seed());
    struct hkp_htp__flow_params p;
    hkp_htp__flow_free(n->flow[1]);
    hkp_htp__pools_free(n->pools[1]);
    struct hkp_mem mem = failing_mem(&n->heap);
    CHECK_EQ(hkp_htp__pools_new(&n->pools[1], &mem, POOL), HKP_OK);
    net_params(n, 1, &p);
    CHECK_EQ(hkp_htp__flow_new(&n->flow[1], &p, n->now), HKP_OK);
    for (unsigned i = 0; i < HOGS; i++) {
        hogs[i].flow = NULL;
        hog_begin(n, &hogs[i]);
    }
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    return n;
}

static void honest_turn(struct net *n, uint32_t id) {
    struct hkp_htp__flow_event e;
    unsigned came = 0;
    CHECK_EQ(hkp_htp__flow_message(n->flow[0], id, text, MESSAGE, 0), HKP_OK);
    for (unsigned k = 0; k < 40 && came == 0; k++) {
        net_run(n, n->now + HKP_HTP__SECOND_NS / 4);
        while (net_event(n, 1, &e)) {
            if (e.kind != HKP_HTP__FLOW_EV_MESSAGE) continue;
            CHECK_EQ(e.len, MESSAGE);
            if (e.len == MESSAGE) CHECK_MEM(e.data, text, MESSAGE);
            came++;
        }
    }
    CHECK_EQ(came, 1);
}

static void hostile_sessions_leave_room_for_an_honest_one(void) {
    struct hog hogs[HOGS];
    struct net *n = crowded(hogs);
    uint64_t r = check_seed() + 77;
    uint32_t id, most = 0;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)check_random(&r);
    CHECK_EQ(hkp_htp__flow_open(n->flow[0], APP, 0, 1, &id), HKP_OK);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        hog_talks(n, &hogs[check_random(&r) % HOGS], &r);
        for (unsigned i = 0; i < HOGS; i++)
            if (hogs[i].flow->held > most) most = hogs[i].flow->held;
        CHECK(hkp_htp__pools_memory(n->pools[1]) <= POOL + 256 * 1024);
        if (round % 500 == 0) honest_turn(n, id);
    }
    CHECK(most > 64); /* they did fill what they could */
    CHECK(most * (size_t)HKP_HTP__BLOCK_SIZE <= (size_t)POOL * 2 / 3);
    CHECK_EQ(n->fault[0] | n->fault[1], HKP_OK);
    for (unsigned i = 0; i < HOGS; i++) hkp_htp__flow_free(hogs[i].flow);
    net_free(n);
}

/* What is counted is what the chains hold, whatever becomes of streams. */
static void the_count_of_blocks_is_exact(void) {
    struct hog hogs[HOGS];
    struct net *n = crowded(hogs);
    uint64_t r = check_seed() + 5;
    for (unsigned round = 0; round < 2000; round++) {
        struct hog *h = &hogs[check_random(&r) % HOGS];
        hog_talks(n, h, &r);
        uint32_t sum = 0;
        for (unsigned i = 0; i < HKP_HTP__STREAM_BUCKETS && h->flow->table != NULL; i++)
            for (const struct hkp_htp__stream *s = h->flow->table->buckets[i]; s != NULL; s = s->bucket_next)
                sum += s->rx_chain.blocks + s->tx_chain.blocks;
        CHECK_EQ(h->flow->held, sum);
    }
    for (unsigned i = 0; i < HOGS; i++) {
        hkp_htp__flow_close(hogs[i].flow, n->now, HKP_HTP_REASON_DONE, 0);
        CHECK_EQ(hogs[i].flow->held, 0);
        hkp_htp__flow_free(hogs[i].flow);
    }
    net_free(n);
}

static void one_session_alone_gets_two_thirds(void) {
    struct failing heap = {.left = -1};
    struct hkp_mem mem = failing_mem(&heap);
    struct hkp_htp__pools *pools;
    CHECK_EQ(hkp_htp__pools_new(&pools, &mem, POOL), HKP_OK);
    size_t all = (POOL - POOL / 8) / HKP_HTP__BLOCK_SIZE, third = all / 3;
    CHECK_EQ(hkp_htp__pools_share(pools, 0, 2 * third), 1);
    CHECK_EQ(hkp_htp__pools_share(pools, 0, 2 * third + 2), 0);
    CHECK_EQ(hkp_htp__pools_share(pools, 1000, 0), 1);
    hkp_htp__pools_free(pools);
}

/* A sender that others leave no room hears when to try again. */
static void a_sender_without_room_is_told_to_try_again(void) {
    struct hog hogs[HOGS];
    struct net *n = crowded(hogs);
    struct hkp_htp__flow_event e;
    void *taken[POOL / HKP_HTP__BLOCK_SIZE];
    size_t count = 0;
    uint32_t id;
    CHECK_EQ(hkp_htp__flow_open(n->flow[1], APP, 0, 1, &id), HKP_OK);
    while ((taken[count] = hkp_htp__block_take(n->pools[1])) != NULL) count++;
    CHECK_EQ(hkp_htp__flow_message(n->flow[1], id, text, MESSAGE, 0), HKP_E_LIMIT);
    while (count > 0) hkp_htp__block_give(n->pools[1], taken[--count]);
    net_run(n, n->now + HKP_HTP__SECOND_NS);
    while (net_event(n, 1, &e)) continue;
    CHECK_EQ(n->writable[1], 1);
    CHECK_EQ(hkp_htp__flow_message(n->flow[1], id, text, MESSAGE, 0), HKP_OK);
    for (unsigned i = 0; i < HOGS; i++) hkp_htp__flow_free(hogs[i].flow);
    net_free(n);
}

int main(void) {
    CASE(hostile_sessions_leave_room_for_an_honest_one);
    CASE(the_count_of_blocks_is_exact);
    CASE(a_sender_without_room_is_told_to_try_again);
    CASE(one_session_alone_gets_two_thirds);
    return check_done();
}
