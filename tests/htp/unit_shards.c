/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Several endpoints of one node on one port (HTP-9.1, decision 0342): tokens find their shard, resets their
 * owner. */
#include <poll.h>
#include <time.h>

#include "libhtp/path/shard.h"
#include "pair.h"

enum { SHARDS = 3, EDGES = 12 };

static uint64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void tokens_lead_to_their_shard(void) {
    uint64_t seed = check_seed();
    for (uint32_t count = 1; count <= HKP_HTP_SHARDS_MAX; count++)
        for (uint32_t i = 0; i < 300; i++) {
            const uint32_t index = (uint32_t)check_random(&seed) % count;
            const uint64_t drawn = i == 0 ? UINT64_MAX : check_random(&seed);
            const uint64_t token = hkp_htp__shard_token(drawn, index, count);
            uint8_t dgram[40] = {[3] = 0x10};
            CHECK_EQ(token << 8, drawn << 8);
            hkp_put_be64(dgram + 12, token);
            CHECK_EQ(hkp_htp_shard_of(dgram, sizeof dgram, count), count < 2 ? 0 : index);
        }
    CHECK_EQ(hkp_htp_shard_of((const uint8_t *)"short", 5, 4), 0);
}

struct node {
    struct pair p;
    hkp_htp_udp *udp;
    uint64_t session;
    unsigned up, got;
};

static hkp_htp_endpoint *shard_new(struct world *w, struct pair *p, uint32_t index, uint64_t seed) {
    struct hkp_htp_options o;
    hkp_htp_endpoint *ep = NULL;
    memset(p, 0, sizeof *p);
    p->w = w;
    p->rng_v.seed = seed;
    pair_options(p, &o, 0);
    o.shard_index = index;
    o.shard_count = SHARDS;
    o.cookie_load = 64;
    o.sessions_per_node = EDGES; /* all edges are one node here */
    o.sessions_max = EDGES;
    CHECK_EQ(hkp_htp_endpoint_new(&ep, &o, clock_ns(CLOCK_MONOTONIC)), HKP_OK);
    return ep;
}

static void pump(hkp_htp_udp *udp, hkp_htp_endpoint *ep, struct node *n, int echo) {
    struct hkp_htp_event ev = {.struct_size = sizeof ev};
    CHECK_EQ(hkp_htp_udp_pump(udp, ep, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) / 1000), HKP_OK);
    while (hkp_htp_event(ep, &ev) == HKP_OK && ev.type != HKP_HTP_EVENT_NONE) {
        if (ev.type == HKP_HTP_EVENT_UP) {
            n->up++;
            n->session = ev.session;
            CHECK_EQ(hkp_htp_session_allow(ep, ev.session, UINT64_MAX, UINT64_MAX), HKP_OK);
        } else if (ev.type == HKP_HTP_EVENT_MESSAGE) {
            n->got++;
            if (echo) CHECK_EQ(hkp_htp_stream_send(ep, ev.session, ev.stream, ev.data, ev.len, 0), HKP_OK);
        }
    }
}

static void start(const struct world *w, struct node *e, const struct hkp_htp_path *to) {
    CHECK_EQ(hkp_htp_connect(e->p.e, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) / 1000, to,
                             w->v.node_id, w->v.s, w->v.a, (uint32_t)w->mode, &e->session),
             HKP_OK);
}

/* Real sockets: each edge is served whole by one shard, and no packet reaches another. */
static void each_session_lives_in_one_shard(void) {
    static struct world w;
    static struct node v[SHARDS], e[EDGES];
    hkp_htp_endpoint *ep[SHARDS];
    struct hkp_htp_path any;
    struct hkp_htp_udp_options o;
    uint32_t stream[EDGES];
    world_load(&w, vec_get(vec_load("htp/handshake_n.json"), "inputs"));
    CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &any), HKP_OK);
    hkp_htp_udp_options_init(&o, sizeof o);
    o.shards = SHARDS;
    for (uint32_t i = 0; i < SHARDS; i++) {
        ep[i] = shard_new(&w, &v[i].p, i, check_seed() + 50 + i);
        CHECK_EQ(hkp_htp_udp_open_with(&v[i].udp, &any, &o), HKP_OK);
        CHECK_EQ(hkp_htp_udp_local(v[i].udp, &any), HKP_OK); /* the others share the port of the first */
    }
    for (int i = 0; i < EDGES; i++) {
        struct hkp_htp_path own;
        struct hkp_htp_options eo;
        CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &own), HKP_OK);
        CHECK_EQ(hkp_htp_udp_open(&e[i].udp, &own, NULL), HKP_OK);
        e[i].p.w = &w;
        e[i].p.rng_e.seed = check_seed() + 100 + (uint64_t)i;
        pair_options(&e[i].p, &eo, 1);
        CHECK_EQ(hkp_htp_endpoint_new(&e[i].p.e, &eo, clock_ns(CLOCK_MONOTONIC)), HKP_OK);
    }
    unsigned done = 0, begun = 0;
    for (int turn = 0; turn < 4000 && done < EDGES; turn++) {
        done = 0;
        /* One after the other: they are one node, whose rate counts (HTP-4.2 step 11). */
        if (begun < EDGES && (begun == 0 || e[begun - 1].up)) start(&w, &e[begun++], &any);
        for (unsigned i = 0; i < begun; i++) {
            const unsigned before = e[i].up;
            pump(e[i].udp, e[i].p.e, &e[i], 0);
            if (before == 0 && e[i].up == 1) {
                CHECK_EQ(
                    hkp_htp_stream_open(e[i].p.e, e[i].session, HKP_HTP_STREAM_CONTROL, 1, 3, &stream[i]),
                    HKP_OK);
                CHECK_EQ(
                    hkp_htp_stream_send(e[i].p.e, e[i].session, stream[i], (const uint8_t *)"ping", 4, 0),
                    HKP_OK);
            }
            done += e[i].got > 0;
        }
        for (int i = 0; i < SHARDS; i++) pump(v[i].udp, ep[i], &v[i], 1);
        (void)poll(NULL, 0, 1);
    }
    CHECK_EQ(done, EDGES);
    unsigned up = 0, used = 0;
    for (int i = 0; i < SHARDS; i++) {
        struct hkp_htp_stats s = {.struct_size = sizeof s};
        CHECK_EQ(hkp_htp_endpoint_stats(ep[i], &s), HKP_OK);
        CHECK_EQ(s.dropped[6], 0); /* TOKEN: nothing came to a shard that does not know it */
        used += v[i].up > 0;
        up += v[i].up;
    }
    CHECK_EQ(up, EDGES);
    CHECK(used > 1);
    for (int i = 0; i < EDGES; i++) {
        hkp_htp_udp_close(e[i].udp);
        hkp_htp_endpoint_free(e[i].p.e);
    }
    for (int i = 0; i < SHARDS; i++) {
        hkp_htp_udp_close(v[i].udp);
        hkp_htp_endpoint_free(ep[i]);
    }
}

/* HTP-9.5: only the owner of a token answers for it. */
static void a_shard_resets_no_session_of_another(void) {
    static struct world w;
    struct pair p;
    world_load(&w, vec_get(vec_load("htp/handshake_n.json"), "inputs"));
    hkp_htp_endpoint *ep = shard_new(&w, &p, 1, check_seed());
    const hkp_time now = clock_ns(CLOCK_MONOTONIC) + 60 * HKP_HTP__SEC;
    const struct hkp_htp_path from = {.addr = {[10] = 0xFF, 0xFF, 127, 0, 0, 1}, .port = 4};
    for (uint32_t i = 0; i < SHARDS; i++) {
        uint8_t dgram[200] = {1, 0, 0, 0x10}, out[1200];
        struct hkp_htp_path to;
        size_t len = 0;
        hkp_put_be64(dgram + 12, hkp_htp__shard_token(0x1122334455667788, i, SHARDS));
        hkp_put_be32(dgram + 32, 200 - 36);
        CHECK_EQ(hkp_htp_recv(ep, now, 1, &from, dgram, sizeof dgram), HKP_E_HTP_TOKEN);
        CHECK_EQ(hkp_htp_send(ep, now, 1, &to, out, sizeof out, &len), HKP_OK);
        CHECK_EQ(len > 0, i == 1);
    }
    hkp_htp_endpoint_free(ep);
}

static void wrong_numbers_are_refused(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct hkp_htp_options o;
    hkp_htp_endpoint *ep = NULL;
    static const uint32_t wrong[][2] = {{1, 0}, {2, 2}, {0, HKP_HTP_SHARDS_MAX + 1}};
    world_load(&w, vec_get(vec_load("htp/handshake_n.json"), "inputs"));
    for (size_t i = 0; i < 3; i++) {
        pair_options(&p, &o, 0);
        o.shard_index = wrong[i][0];
        o.shard_count = wrong[i][1];
        CHECK_EQ(hkp_htp_endpoint_new(&ep, &o, 0), HKP_E_INVAL);
    }
    struct hkp_htp_udp_options uo;
    struct hkp_htp_path any;
    hkp_htp_udp *udp = NULL;
    CHECK_EQ(hkp_htp_path_parse("127.0.0.1:0", &any), HKP_OK);
    hkp_htp_udp_options_init(&uo, sizeof uo);
    uo.shards = HKP_HTP_SHARDS_MAX + 1;
    CHECK_EQ(hkp_htp_udp_open_with(&udp, &any, &uo), HKP_E_INVAL);
}

int main(void) {
    CASE(tokens_lead_to_their_shard);
    CASE(each_session_lives_in_one_shard);
    CASE(a_shard_resets_no_session_of_another);
    CASE(wrong_numbers_are_refused);
    return check_done();
}
