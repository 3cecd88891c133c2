/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The synapse network: register, send, receive, generations, collective entropy, groups (SYN-5, SYN-7). */
#include "alloc.h"
#include "libneuro/message.h"
#include "synapse_support.h"

static struct two t;
static uint8_t msg[400][256];
static size_t len[400];
static char text[256];

static void messages_arrive_in_both_directions(void) {
    two_begin(&t);
    for (int i = 0; i < 5; i++) {
        for (int from = 0; from < 2; from++) {
            len[0] = two_send(&t, from, "Threat detected", msg[0], sizeof msg[0]);
            CHECK_EQ(len[0], 15 + 48);
            CHECK_EQ(two_receive(&t, 1 - from, msg[0], len[0], text, sizeof text), HKP_OK);
            CHECK(strcmp(text, "Threat detected") == 0);
        }
    }
    len[0] = two_send(&t, 0, "", msg[0], sizeof msg[0]);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    CHECK_EQ(text[0], 0);
    two_end(&t);
}

static void the_longest_message_fits_and_no_longer_one(void) {
    static uint8_t long_text[HKP_NEURO_MESSAGE_MAX], dst[HKP_NEURO_MESSAGE_MAX], back[HKP_NEURO_MESSAGE_MAX];
    const size_t most = HKP_NEURO_MESSAGE_MAX - HKP_NEURO_MESSAGE_ADDS;
    size_t n = 0, m = 0;
    two_begin(&t);
    memset(long_text, 0x42, sizeof long_text);
    CHECK_EQ(hkp_neuro_network_send(t.net[0], t.now, 1, t.id[1], long_text, most + 1, dst, sizeof dst, &n),
             HKP_E_TOOBIG);
    CHECK_EQ(hkp_neuro_network_send(t.net[0], t.now, 1, t.id[1], long_text, most, dst, sizeof dst - 1, &n),
             HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_network_send(t.net[0], t.now, 1, t.id[1], long_text, most, dst, sizeof dst, &n),
             HKP_OK);
    CHECK_EQ(n, 65000);
    CHECK_EQ(hkp_neuro_network_receive(t.net[1], t.now, t.id[0], dst, n, back, most - 1, &m), HKP_E_NOSPC);
    CHECK_EQ(hkp_neuro_network_receive(t.net[1], t.now, t.id[0], dst, n, back, most, &m), HKP_OK);
    CHECK_EQ(m, most);
    CHECK_MEM(back, long_text, most);
    two_end(&t);
}

static void each_message_opens_once_in_any_order(void) {
    two_begin(&t);
    uint64_t random = check_seed();
    int order[200];
    for (int i = 0; i < 200; i++) {
        len[i] = two_send(&t, 0, "x", msg[i], sizeof msg[i]);
        order[i] = i;
    }
    for (int i = 199; i > 0; i--) {
        const int k = (int)(check_random(&random) % (uint64_t)(i + 1)), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(two_receive(&t, 1, msg[order[i]], len[order[i]], text, sizeof text), HKP_OK);
        CHECK_EQ(two_receive(&t, 1, msg[order[i]], len[order[i]], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    }
    for (int i = 0; i < 200; i++)
        CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    struct hkp_neuro_peer_info info;
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &info), HKP_OK);
    CHECK_EQ(info.kept, 0);
    CHECK_EQ(info.next_in, 200);
    two_end(&t);
}

static void a_forged_message_moves_nothing(void) {
    struct hkp_neuro_peer_info before, after;
    two_begin(&t);
    for (int i = 0; i < 3; i++) len[i] = two_send(&t, 0, "abc", msg[i], sizeof msg[i]);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &before), HKP_OK);
    for (size_t bit = 0; bit < 8 * len[2]; bit++) {
        memcpy(msg[10], msg[2], len[2]);
        msg[10][bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(text, 'z', sizeof text);
        CHECK(two_receive(&t, 1, msg[10], len[2], text, sizeof text) != HKP_OK);
        CHECK(text[0] == 'z' && text[2] == 'z');
    }
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &after), HKP_OK);
    CHECK_MEM(&after, &before, sizeof after);
    CHECK_EQ(two_receive(&t, 1, msg[2], len[2], text, sizeof text), HKP_OK);
    CHECK_EQ(two_receive(&t, 1, msg[1], len[1], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void each_field_of_the_head_has_its_result(void) {
    static const struct {
        size_t at;
        hkp_status st;
    } fields[] = {{0, HKP_E_NEURO_SYN_VERSION},  {1, HKP_E_NEURO_SYN_VERSION}, {2, HKP_E_NEURO_SYN_SUITE},
                  {3, HKP_E_NEURO_SYN_RESERVED}, {4, HKP_E_NEURO_SYN_GEN},     {7, HKP_E_NEURO_SYN_GEN},
                  {8, HKP_E_NEURO_SYN_SKIP},     {14, HKP_E_NEURO_SYN_SKIP},   {16, HKP_E_NEURO_SYN_AUTH},
                  {24, HKP_E_NEURO_SYN_CE},      {31, HKP_E_NEURO_SYN_CE},     {32, HKP_E_NEURO_SYN_AUTH}};
    two_begin(&t);
    len[0] = two_send(&t, 0, "abc", msg[0], sizeof msg[0]);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        memcpy(msg[1], msg[0], len[0]);
        msg[1][fields[i].at] ^= 0x42;
        CHECK_EQ(two_receive(&t, 1, msg[1], len[0], text, sizeof text), fields[i].st);
    }
    for (size_t n = 0; n < 48; n++)
        CHECK_EQ(two_receive(&t, 1, msg[0], n, text, sizeof text), HKP_E_NEURO_SYN_LENGTH);
    CHECK_EQ(two_receive(&t, 1, msg[0], HKP_NEURO_MESSAGE_MAX + 1, text, sizeof text),
             HKP_E_NEURO_SYN_LENGTH);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void a_line_that_ends_leaves_no_key(void) {
    static struct hkp_neuro__line line, empty;
    struct hkp_neuro_synaptic s[2] = {{.gen = 1, .node_id = {1}}, {.gen = 1, .node_id = {2}}};
    uint8_t root[32] = {3};
    memset(&line, 0, sizeof line);
    hkp_neuro__line_begin(&line, 0, &s[0], &s[1], root);
    root[0]++;
    hkp_neuro__line_begin(&line, 0, &s[0], &s[1], root);
    CHECK(line.gens[0].live && line.gens[1].live);
    hkp_neuro__line_end(&line);
    CHECK_MEM(&line, &empty, sizeof line);
}

static void skipped_keys_are_bounded_in_number(void) {
    struct hkp_neuro_peer_info info;
    two_begin(&t);
    for (int i = 0; i < 400; i++) len[i] = two_send(&t, 0, "x", msg[i], sizeof msg[i]);
    CHECK_EQ(two_receive(&t, 1, msg[257], len[257], text, sizeof text), HKP_E_NEURO_SYN_SKIP);
    CHECK_EQ(two_receive(&t, 1, msg[256], len[256], text, sizeof text), HKP_OK);
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &info), HKP_OK);
    CHECK_EQ(info.kept, 256);
    CHECK_EQ(two_receive(&t, 1, msg[300], len[300], text, sizeof text),
             HKP_OK); /* 43 more: 0..42 make room */
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &info), HKP_OK);
    CHECK_EQ(info.kept, 256);
    CHECK_EQ(two_receive(&t, 1, msg[42], len[42], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    CHECK_EQ(two_receive(&t, 1, msg[43], len[43], text, sizeof text), HKP_OK);
    CHECK_EQ(two_receive(&t, 1, msg[299], len[299], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void skipped_keys_are_bounded_in_time(void) {
    struct hkp_neuro_peer_info info;
    two_begin(&t);
    for (int i = 0; i < 4; i++) len[i] = two_send(&t, 0, "x", msg[i], sizeof msg[i]);
    CHECK_EQ(two_receive(&t, 1, msg[3], len[3], text, sizeof text), HKP_OK);
    CHECK_EQ(hkp_neuro_network_wake(t.net[1]), t.now + 60 * SECOND);
    t.now += 60 * SECOND - 1;
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    t.now += 1;
    CHECK_EQ(two_receive(&t, 1, msg[1], len[1], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    hkp_neuro_network_tick(t.net[1], t.now);
    CHECK_EQ(hkp_neuro_network_peer(t.net[1], t.id[0], 0, &info), HKP_OK);
    CHECK_EQ(info.kept, 0);
    two_end(&t);
}

static void the_generation_before_lives_a_minute(void) {
    two_begin(&t);
    for (int i = 0; i < 3; i++) len[i] = two_send(&t, 0, "old", msg[i], sizeof msg[i]);
    two_gen(&t, 1, 2, 0);
    len[3] = two_send(&t, 0, "new", msg[3], sizeof msg[3]);
    CHECK_EQ(hkp_be32(msg[3] + 4), 2);
    CHECK_EQ(two_receive(&t, 1, msg[3], len[3], text, sizeof text), HKP_OK);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    t.now += 60 * SECOND - 1;
    CHECK_EQ(two_receive(&t, 1, msg[1], len[1], text, sizeof text), HKP_OK);
    t.now += 1;
    CHECK_EQ(two_receive(&t, 1, msg[2], len[2], text, sizeof text), HKP_E_NEURO_SYN_GEN);
    two_gen(&t, 2, 3, 0);
    two_gen(&t, 3, 4, 0); /* only two are held, whatever the time */
    CHECK_EQ(two_receive(&t, 1, msg[3], len[3], text, sizeof text), HKP_E_NEURO_SYN_GEN);
    two_end(&t);
}

static void a_generation_ends_after_ten_minutes(void) {
    struct hkp_neuro_network_event event;
    size_t n;
    two_begin(&t);
    do hkp_neuro_network_event(t.net[0], &event);
    while (event.kind != HKP_NEURO_NETWORK_NONE);
    CHECK_EQ(hkp_neuro_network_wake(t.net[0]), t.now + 570 * SECOND);
    t.now += 570 * SECOND;
    hkp_neuro_network_tick(t.net[0], t.now);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_RENEW);
    CHECK_EQ(event.value, 1);
    CHECK_MEM(event.peer_id, t.id[1], 16);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_NONE);
    t.now += 30 * SECOND - 1;
    len[0] = two_send(&t, 0, "last", msg[0], sizeof msg[0]);
    t.now += 1;
    CHECK_EQ(hkp_neuro_network_send(t.net[0], t.now, 1, t.id[1], (const uint8_t *)"x", 1, msg[1], 256, &n),
             HKP_E_NEURO_SYN_GEN);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    t.now += 60 * SECOND;
    hkp_neuro_network_tick(t.net[1], t.now);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_E_NEURO_SYN_GEN);
    CHECK_EQ(hkp_neuro_network_wake(t.net[1]), HKP_TIME_NEVER);
    two_end(&t);
}

static void sending_asks_for_renewal_too(void) {
    struct hkp_neuro_network_event event;
    two_begin(&t);
    hkp_neuro_network_event(t.net[0], &event); /* the state */
    t.now += 570 * SECOND - 1;
    (void)two_send(&t, 0, "x", msg[0], sizeof msg[0]);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_NONE);
    t.now += 1;
    for (int i = 0; i < 2; i++) {
        (void)two_send(&t, 0, "x", msg[0], sizeof msg[0]);
        hkp_neuro_network_event(t.net[0], &event);
        CHECK_EQ(event.kind, i == 0 ? HKP_NEURO_NETWORK_RENEW : HKP_NEURO_NETWORK_NONE); /* once */
    }
    two_end(&t);
}

static void a_generation_ends_after_a_million_messages(void) {
    static struct hkp_neuro__line a, b;
    struct hkp_neuro_synaptic s[2] = {{.gen = 1, .node_id = {1}}, {.gen = 1, .node_id = {2}}};
    struct hkp_neuro__lifetime life = {0};
    struct hkp_neuro_ce_book book = {0};
    uint8_t root[32] = {3}, m[64], dst[16];
    size_t n = 0;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memcpy(a.own_id, s[0].node_id, 16);
    memcpy(a.peer_id, s[1].node_id, 16);
    memcpy(b.own_id, s[1].node_id, 16);
    memcpy(b.peer_id, s[0].node_id, 16);
    hkp_neuro__line_begin(&a, 0, &s[0], &s[1], root);
    hkp_neuro__line_begin(&b, 0, &s[1], &s[0], root);
    a.gens[0].out.next = b.gens[0].in.next = HKP_NEURO__GEN_MESSAGES - 1;
    CHECK_EQ(hkp_neuro__line_seal(&a, 0, 1, &book, &life, (const uint8_t *)"x", 1, m), HKP_OK);
    CHECK_EQ(hkp_neuro__line_open(&b, 0, &book, &life, m, 49, dst, 16, &n), HKP_OK);
    CHECK_EQ(hkp_neuro__line_seal(&a, 0, 1, &book, &life, (const uint8_t *)"x", 1, m), HKP_E_NEURO_SYN_GEN);
    a.gens[0].out.next = HKP_NEURO__GEN_MESSAGES - 1; /* one who would go on is not followed */
    CHECK_EQ(hkp_neuro__line_seal(&a, 0, 1, &book, &life, (const uint8_t *)"x", 1, m), HKP_OK);
    hkp_put_be64(m + 8, HKP_NEURO__GEN_MESSAGES);
    CHECK_EQ(hkp_neuro__line_open(&b, 0, &book, &life, m, 49, dst, 16, &n), HKP_E_NEURO_SYN_GEN);
}

static void a_generation_is_registered_once_and_in_order(void) {
    uint8_t root[32], zero[32] = {0};
    two_begin(&t);
    two_root(&t, 1, root);
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &t.result[0], root, 0), HKP_E_NEURO_SYN_GEN);
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &t.result[0], root, 1), HKP_E_NEURO_SYN_GEN);
    CHECK(memcmp(root, zero, 32) != 0);
    two_states(&t, 1, 2, HKP_NEURO_ALIGNED);
    two_root(&t, 2, root);
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &t.result[0], root, 0), HKP_OK);
    CHECK_MEM(root, zero, 32);    /* the root is erased */
    memset(t.exporter, 0xDD, 32); /* a new session begins with gen 1 again */
    two_states(&t, 0, 1, HKP_NEURO_ALIGNED);
    CHECK_EQ(two_register(&t, 0, 1, 0), HKP_E_NEURO_SYN_GEN);
    len[0] = two_send(&t, 1, "older session", msg[0], sizeof msg[0]);
    CHECK_EQ(two_register(&t, 0, 1, 1), HKP_OK);
    CHECK_EQ(two_receive(&t, 0, msg[0], len[0], text, sizeof text), HKP_E_NEURO_SYN_AUTH);
    CHECK_EQ(two_register(&t, 1, 1, 1), HKP_OK);
    len[0] = two_send(&t, 1, "this session", msg[0], sizeof msg[0]);
    CHECK_EQ(two_receive(&t, 0, msg[0], len[0], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void a_gen_is_not_used_again_under_another_root(void) {
    two_begin(&t);
    two_gen(&t, 1, 2, 0);
    memset(t.exporter, 0xAB, 32);
    CHECK_EQ(two_register(&t, 0, 2, 0), HKP_E_NEURO_SYN_GEN);
    two_states(&t, 1, 1, HKP_NEURO_ALIGNED);
    CHECK_EQ(two_register(&t, 0, 1, 0), HKP_E_NEURO_SYN_GEN);
    two_end(&t);
}

static void registering_tells_the_state_of_the_pair(void) {
    struct hkp_neuro_network_event event;
    struct hkp_neuro_peer_info info;
    two_begin(&t);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_STATE);
    CHECK_EQ(event.value, HKP_NEURO_ALIGNED);
    two_states(&t, 1, 2, HKP_NEURO_SEEKING);
    t.result[0].own_drift_ppm = 77;
    CHECK_EQ(two_register(&t, 0, 2, 0), HKP_OK);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_STATE);
    CHECK_EQ(event.value, HKP_NEURO_SEEKING);
    CHECK_EQ(hkp_neuro_network_peer(t.net[0], t.id[1], 0, &info), HKP_OK);
    CHECK_EQ(info.state, HKP_NEURO_SEEKING);
    CHECK_EQ(info.drift_ppm, 77);
    CHECK_EQ(info.gen, 2);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], HKP_NEURO_ALIGNED, 0), HKP_OK);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], HKP_NEURO_SEEKING, 0), HKP_OK);
    len[0] = two_send(&t, 0, "traffic under a cap", msg[0], sizeof msg[0]); /* SEEKING permits it */
    two_end(&t);
}

static void only_the_states_of_this_pair_register(void) {
    struct hkp_neuro_exchange_result r;
    uint8_t root[32] = {5};
    two_begin(&t);
    two_states(&t, 1, 2, HKP_NEURO_ALIGNED);
    r = t.result[1]; /* the other side's view */
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_NODE);
    r = t.result[0];
    memcpy(r.peer_state, r.own_state, 256);
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_NODE);
    r = t.result[0];
    r.peer_state[2] = HKP_NEURO_ROLE_E;
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_ROLE);
    r = t.result[0];
    r.peer_state[187] ^= 1;
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_GEN);
    r = t.result[0];
    r.own_state[0] = 9;
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_VERSION);
    r = t.result[0];
    r.own_state[2] = 'X';
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_NEURO_SYN_ROLE);
    r = t.result[0];
    r.pair = HKP_NEURO_LOST;
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 1), HKP_E_STATE);
    r = t.result[0];
    memset(r.peer_state + 32, 0x77, 16); /* a peer that is not known needs a new session */
    CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &r, root, 0), HKP_E_NEURO_SYN_GEN);
    two_end(&t);
}

static void a_full_table_refuses_and_forgetting_makes_room(void) {
    struct hkp_neuro_network_info info;
    two_begin(&t);
    for (int k = 0; k < 5; k++) {
        uint8_t root[32];
        two_states(&t, 0, 1, HKP_NEURO_SEEKING);
        memset(t.result[0].peer_state + 32, 0x20 + k, 16);
        memset(root, 0x60 + k, 32);
        CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &t.result[0], root, 1),
                 k < 3 ? HKP_OK : HKP_E_LIMIT);
        if (k == 3) {
            hkp_neuro_network_forget(t.net[0], t.id[1]);
            CHECK_EQ(hkp_neuro_network_register(t.net[0], t.now, &t.result[0], root, 1), HKP_OK);
        }
    }
    hkp_neuro_network_info(t.net[0], &info);
    CHECK_EQ(info.peers, 4);
    len[0] = two_send(&t, 1, "x", msg[0], sizeof msg[0]);
    CHECK_EQ(two_receive(&t, 0, msg[0], len[0], text, sizeof text), HKP_E_NOTFOUND);
    two_end(&t);
}

static void a_lost_peer_has_no_keys_until_a_new_session(void) {
    struct hkp_neuro_network_event event;
    struct hkp_neuro_peer_info info;
    size_t n;
    two_begin(&t);
    do hkp_neuro_network_event(t.net[0], &event);
    while (event.kind != HKP_NEURO_NETWORK_NONE);
    len[0] = two_send(&t, 1, "x", msg[0], sizeof msg[0]);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], HKP_NEURO_DRIFTING, 20000), HKP_OK);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_STATE);
    CHECK_EQ(event.value, HKP_NEURO_DRIFTING);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], HKP_NEURO_LOST, 60000), HKP_OK);
    hkp_neuro_network_event(t.net[0], &event);
    CHECK_EQ(event.kind, HKP_NEURO_NETWORK_LOST);
    CHECK_EQ(two_receive(&t, 0, msg[0], len[0], text, sizeof text), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_network_send(t.net[0], t.now, 1, t.id[1], (const uint8_t *)"x", 1, msg[1], 256, &n),
             HKP_E_STATE);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], HKP_NEURO_ALIGNED, 0), HKP_OK); /* no way back */
    CHECK_EQ(hkp_neuro_network_peer(t.net[0], t.id[1], 0, &info), HKP_OK);
    CHECK_EQ(info.state, HKP_NEURO_LOST);
    CHECK_EQ(info.gen, 0);
    two_states(&t, 1, 2, HKP_NEURO_ALIGNED);
    CHECK_EQ(two_register(&t, 0, 2, 0), HKP_E_NEURO_SYN_GEN);
    CHECK_EQ(two_register(&t, 0, 2, 1), HKP_OK);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[0], HKP_NEURO_ALIGNED, 0), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], 0, 0), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_network_drift(t.net[0], t.id[1], 5, 0), HKP_E_INVAL);
    two_end(&t);
}

/* ---- collective entropy in messages */

static void adopt(hkp_neuro_network *net, uint32_t epoch, uint8_t salt) {
    struct hkp_neuro_ce_row rows[3];
    const uint8_t id[32] = {0};
    memset(rows, 0, sizeof rows);
    for (int i = 0; i < 3; i++) {
        rows[i].node_id[0] = (uint8_t)i;
        rows[i].share[0] = salt;
        rows[i].group = (uint32_t)i;
        rows[i].certified = rows[i].signatures = 1;
    }
    CHECK_EQ(hkp_neuro_network_bundle(net, epoch, epoch, id, rows, 3), HKP_OK);
}

/* States of gen whose senders show the newest CE that their networks hold. */
static void states_with_ce(uint32_t gen, uint32_t now_epoch) {
    two_states(&t, gen, gen, HKP_NEURO_ALIGNED);
    for (int i = 0; i < 2; i++) {
        const struct hkp_neuro_ce *ce = hkp_neuro_network_ce(t.net[i], now_epoch);
        if (ce == NULL) continue;
        hkp_put_be32(t.result[i].own_state + 4, ce->epoch);
        memcpy(t.result[i].own_state + 192, ce->check, 32);
        memcpy(t.result[1 - i].peer_state, t.result[i].own_state, 256);
    }
    for (int i = 0; i < 2; i++) CHECK_EQ(two_register(&t, i, gen, 0), HKP_OK);
}

static void a_sender_names_the_entropy_that_both_have(void) {
    two_begin(&t);
    len[0] = two_send(&t, 0, "none", msg[0], sizeof msg[0]);
    CHECK(hkp_is_zero(msg[0] + 24, 8)); /* nobody has one */
    adopt(t.net[0], 50, 1);
    adopt(t.net[1], 50, 1);
    len[1] = two_send(&t, 0, "not shown", msg[1], sizeof msg[1]);
    CHECK(hkp_is_zero(msg[1] + 24, 8)); /* not shown in this generation */
    states_with_ce(2, 50);
    len[2] = two_send(&t, 0, "shown", msg[2], sizeof msg[2]);
    CHECK_MEM(msg[2] + 24, hkp_neuro_network_ce(t.net[0], 50)->check, 8);
    for (int i = 0; i < 3; i++) CHECK_EQ(two_receive(&t, 1, msg[i], len[i], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void another_value_for_the_same_epoch_is_told_and_not_used(void) {
    struct hkp_neuro_network_event event;
    int differs = 0;
    two_begin(&t);
    adopt(t.net[0], 50, 1);
    adopt(t.net[1], 50, 2);
    states_with_ce(2, 50);
    do {
        hkp_neuro_network_event(t.net[0], &event);
        differs += event.kind == HKP_NEURO_NETWORK_CE_DIFFERS;
    } while (event.kind != HKP_NEURO_NETWORK_NONE);
    CHECK_EQ(differs, 1);
    len[0] = two_send(&t, 0, "x", msg[0], sizeof msg[0]);
    CHECK(hkp_is_zero(msg[0] + 24, 8));
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    two_end(&t);
}

static void a_named_value_that_is_not_held_can_be_fetched(void) {
    two_begin(&t);
    adopt(t.net[0], 50, 1);
    adopt(t.net[1], 50, 1);
    states_with_ce(2, 50);
    len[0] = two_send(&t, 0, "x", msg[0], sizeof msg[0]);
    hkp_neuro_network *fresh = network_make(t.id[1]), *kept = t.net[1];
    t.net[1] = fresh; /* a receiver that has restarted: same keys, no bundle yet */
    CHECK_EQ(two_register(&t, 1, 2, 1), HKP_OK);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_E_NEURO_SYN_CE);
    CHECK_EQ(hkp_neuro_status_class(HKP_E_NEURO_SYN_CE), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_neuro_status_class(HKP_E_NEURO_SYN_GEN), HKP_CLASS_RETRY);
    CHECK_EQ(hkp_neuro_status_class(HKP_E_NEURO_SYN_REPLAY), HKP_CLASS_IGNORE);
    adopt(fresh, 50, 1);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    hkp_neuro_network_free(kept);
    two_end(&t);
}

/* HTP-5.9: D adds, it never decides. Known, constant or equal D leave keys as different as their MK_n. */
static void a_chosen_d_does_not_choose_the_key(void) {
    uint8_t mk[2][32], d[32] = {0}, a[16] = {1}, b[16] = {2}, keys[2][44];
    uint64_t random = check_seed();
    random_bytes(&random, mk[0], 64);
    for (int i = 0; i < 2; i++) hkp_neuro__message_keys(mk[i], d, a, b, 0, 0, keys[i]);
    CHECK(memcmp(keys[0], keys[1], 32) != 0);
    /* an attacker who knows D and the context, but not MK_n, cannot rebuild the key with D as the HMAC key */
    uint8_t prk[32], wrong[32], info[58];
    crypto_auth_hmacsha256(prk, mk[0], 32, d);
    memcpy(info, "NSE1 msg", 9);
    memcpy(info + 9, a, 16);
    memcpy(info + 25, b, 16);
    memset(info + 41, 0, 16);
    info[57] = 1;
    crypto_auth_hmacsha256(wrong, info, sizeof info, prk);
    CHECK(memcmp(wrong, keys[0], 32) != 0);
    crypto_auth_hmacsha256(prk, d, 32, mk[0]);
    crypto_auth_hmacsha256(wrong, info, sizeof info, prk);
    CHECK_MEM(keys[0], wrong, 32);
}

static void equal_inputs_do_not_cancel_in_d(void) {
    struct hkp_neuro_synaptic s[2] = {{.node_id = {1}}, {.node_id = {2}}};
    uint8_t zero[32] = {0}, equal[32], other[32];
    memset(s[0].w_commit, 7, 32);
    memset(s[1].w_commit, 7, 32);
    hkp_neuro__message_fixed(&s[0], &s[1], equal);
    CHECK(memcmp(equal, zero, 32) != 0);
    hkp_neuro__message_fixed(&s[1], &s[0], other); /* the same for both sides */
    CHECK_MEM(other, equal, 32);
    memset(s[0].w_commit, 8, 32);
    memset(s[1].w_commit, 8, 32);
    hkp_neuro__message_fixed(&s[0], &s[1], other);
    CHECK(memcmp(equal, other, 32) != 0);
}

/* ---- measured lifetimes */

/* Each use of a key takes 100 ns longer than the one before: 100, 200, 300 ... */
static uint64_t slowing_clock(void *user) {
    uint64_t *reads = user, calls = (*reads)++;
    return 1000 * calls + (calls % 2 == 1 ? 100 * (calls / 2 + 1) - 1000 : 0);
}

static void lifetimes_are_measured_and_nothing_else_is_claimed(void) {
    struct hkp_neuro_network_options opt;
    struct hkp_neuro_network_info info;
    hkp_neuro_network *measured = NULL;
    uint64_t clock = 0;
    two_begin(&t);
    hkp_neuro_network_info(t.net[0], &info);
    CHECK_EQ(info.keys, 0);
    len[0] = two_send(&t, 0, "x", msg[0], sizeof msg[0]);
    hkp_neuro_network_info(t.net[0], &info);
    CHECK_EQ(info.sent, 1);
    CHECK_EQ(info.keys, 0); /* no clock: nothing measured, nothing said */
    CHECK_EQ(info.key_mean_ns, 0);
    hkp_neuro_network_free(t.net[1]);
    hkp_neuro_network_options_init(&opt, sizeof opt);
    memcpy(opt.own_id, t.id[1], 16);
    opt.clock = (struct hkp_neuro_clock){&clock, slowing_clock};
    CHECK_EQ(hkp_neuro_network_new(&measured, &opt), HKP_OK);
    t.net[1] = measured;
    CHECK_EQ(two_register(&t, 1, 1, 1), HKP_OK);
    len[1] = two_send(&t, 0, "y", msg[1], sizeof msg[1]);
    CHECK_EQ(two_receive(&t, 1, msg[1], len[1], text, sizeof text), HKP_OK);
    t.now += 7 * SECOND;
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_OK);
    CHECK_EQ(two_receive(&t, 1, msg[0], len[0], text, sizeof text), HKP_E_NEURO_SYN_REPLAY);
    hkp_neuro_network_info(measured, &info);
    CHECK_EQ(info.received, 2);
    CHECK_EQ(info.replays, 1);
    CHECK_EQ(info.keys, 2);
    CHECK_EQ(info.key_least_ns, 100);
    CHECK_EQ(info.key_most_ns, 200);
    CHECK_EQ(info.key_mean_ns, 150);
    CHECK_EQ(info.kept_most_ns, 7 * SECOND); /* the overtaken one lived longer, and that is told too */
    (void)two_send(&t, 1, "z", msg[2], sizeof msg[2]);
    hkp_neuro_network_info(measured, &info);
    CHECK_EQ(info.keys, 3);
    CHECK_EQ(info.key_most_ns, 300);
    for (int i = 0; i < 2; i++) len[i] = two_send(&t, 0, "late", msg[i], sizeof msg[i]);
    CHECK_EQ(two_receive(&t, 1, msg[1], len[1], text, sizeof text), HKP_OK);
    hkp_neuro_network_tick(measured, t.now + 63 * SECOND); /* the host was late by 3 s */
    hkp_neuro_network_info(measured, &info);
    CHECK_EQ(info.kept_most_ns, 63 * SECOND);
    two_end(&t);
}

/* ---- groups */

static void group_make(struct hkp_neuro_group *g, uint32_t n) {
    memset(g, 0, sizeof *g);
    g->group_id[0] = 1;
    g->version = 3;
    g->n_members = n;
    g->not_after_s = 1000;
    for (uint32_t i = 0; i < n && i < 16; i++) g->members[i][0] = (uint8_t)(2 * i + 1);
}

static void a_group_has_2_to_16_members_of_which_this_is_one(void) {
    struct hkp_neuro_group g;
    uint8_t own[16] = {3}, other[16] = {4};
    group_make(&g, 16);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 999), HKP_OK);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 1000), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(hkp_neuro_group_check(&g, other, 999), HKP_E_NEURO_SYN_NODE);
    memcpy(g.members[5], g.members[4], 16);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 999), HKP_E_NEURO_SYN_ORDER);
    group_make(&g, 17);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 999), HKP_E_NEURO_SYN_COUNT);
    group_make(&g, 1);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 999), HKP_E_NEURO_SYN_COUNT);
    group_make(&g, 2);
    CHECK_EQ(hkp_neuro_group_check(&g, own, 999), HKP_OK);
}

static void a_node_is_in_one_group_at_a_time(void) {
    struct hkp_neuro_group g;
    uint8_t own[16] = {3}, peer[16] = {1}, stranger[16] = {8};
    hkp_neuro_network *net = network_make(own);
    group_make(&g, 4);
    CHECK_EQ(hkp_neuro_network_in_group(net, peer, 1), 0);
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1000), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(hkp_neuro_network_in_group(net, peer, 1), 0);
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1), HKP_OK);
    CHECK_EQ(hkp_neuro_network_in_group(net, peer, 1), 1);
    CHECK_EQ(hkp_neuro_network_in_group(net, stranger, 1), 0);
    CHECK_EQ(hkp_neuro_network_in_group(net, peer, 1000), 0);           /* ended */
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1), HKP_E_NEURO_SYN_GEN); /* the same version */
    g.version = 2;
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1), HKP_E_NEURO_SYN_GEN);
    g.version = 4;
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1), HKP_OK);
    g.group_id[0] = 2;
    g.not_after_s = 5000;
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1), HKP_E_LIMIT);
    CHECK_EQ(hkp_neuro_network_group(net, &g, 1000), HKP_OK); /* the first one has ended */
    hkp_neuro_network_leave(net);
    CHECK_EQ(hkp_neuro_network_in_group(net, peer, 1000), 0);
    hkp_neuro_network_free(net);
}

/* ---- making */

static int freed_clean = 1, freed;

/* What is given back must hold nothing. */
static void checking_free(void *user, void *ptr, size_t size) {
    (void)user;
    freed++;
    if (!hkp_is_zero(ptr, size)) freed_clean = 0;
    free(ptr);
}

static void memory_is_given_back_empty(void) {
    struct hkp_neuro_network_options opt;
    struct hkp_neuro_exchange_options x_opt;
    hkp_neuro_exchange *x = NULL;
    struct failing f = {.left = -1};
    two_begin(&t);
    hkp_neuro_network_free(t.net[0]);
    hkp_neuro_network_options_init(&opt, sizeof opt);
    opt.mem = (struct hkp_mem){&f, failing_alloc, checking_free};
    memcpy(opt.own_id, t.id[0], 16);
    CHECK_EQ(hkp_neuro_network_new(&t.net[0], &opt), HKP_OK);
    CHECK_EQ(two_register(&t, 0, 1, 1), HKP_OK);
    (void)two_send(&t, 0, "x", msg[0], sizeof msg[0]);
    two_end(&t);
    hkp_neuro_exchange_options_init(&x_opt, sizeof x_opt);
    x_opt.role = HKP_NEURO_ROLE_E;
    memset(x_opt.k_res, 7, 32);
    x_opt.mem = opt.mem;
    CHECK_EQ(hkp_neuro_exchange_new(&x, &x_opt), HKP_OK);
    hkp_neuro_exchange_free(x);
    CHECK_EQ(freed, 3);
    CHECK(freed_clean);
}

static void every_failed_allocation_leaves_nothing(void) {
    struct hkp_neuro_network_options opt;
    for (long left = 0; left < 3; left++) {
        struct failing f = {.left = left};
        hkp_neuro_network *net = NULL;
        hkp_neuro_network_options_init(&opt, sizeof opt);
        opt.mem = failing_mem(&f);
        CHECK_EQ(hkp_neuro_network_new(&net, &opt), left < 2 ? HKP_E_NOMEM : HKP_OK);
        hkp_neuro_network_free(net);
        CHECK_EQ(f.live, 0);
    }
    hkp_neuro_network *net = NULL;
    hkp_neuro_network_options_init(&opt, sizeof opt);
    opt.peers = 1025;
    CHECK_EQ(hkp_neuro_network_new(&net, &opt), HKP_E_INVAL);
    opt.peers = 1024;
    CHECK_EQ(hkp_neuro_network_new(&net, &opt), HKP_OK);
    hkp_neuro_network_free(net);
    net = NULL;
    opt.struct_size = 8;
    CHECK_EQ(hkp_neuro_network_new(&net, &opt), HKP_E_INVAL);
    CHECK(net == NULL);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(messages_arrive_in_both_directions);
    CASE(the_longest_message_fits_and_no_longer_one);
    CASE(each_message_opens_once_in_any_order);
    CASE(a_forged_message_moves_nothing);
    CASE(each_field_of_the_head_has_its_result);
    CASE(a_line_that_ends_leaves_no_key);
    CASE(skipped_keys_are_bounded_in_number);
    CASE(skipped_keys_are_bounded_in_time);
    CASE(the_generation_before_lives_a_minute);
    CASE(a_generation_ends_after_ten_minutes);
    CASE(sending_asks_for_renewal_too);
    CASE(a_generation_ends_after_a_million_messages);
    CASE(a_generation_is_registered_once_and_in_order);
    CASE(a_gen_is_not_used_again_under_another_root);
    CASE(registering_tells_the_state_of_the_pair);
    CASE(only_the_states_of_this_pair_register);
    CASE(a_full_table_refuses_and_forgetting_makes_room);
    CASE(a_lost_peer_has_no_keys_until_a_new_session);
    CASE(a_sender_names_the_entropy_that_both_have);
    CASE(another_value_for_the_same_epoch_is_told_and_not_used);
    CASE(a_named_value_that_is_not_held_can_be_fetched);
    CASE(a_chosen_d_does_not_choose_the_key);
    CASE(equal_inputs_do_not_cancel_in_d);
    CASE(lifetimes_are_measured_and_nothing_else_is_claimed);
    CASE(a_group_has_2_to_16_members_of_which_this_is_one);
    CASE(a_node_is_in_one_group_at_a_time);
    CASE(memory_is_given_back_empty);
    CASE(every_failed_allocation_leaves_nothing);
    return check_done();
}
