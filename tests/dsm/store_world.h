/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A mesh of two real nodes, each with its store in files; clock and network are virtual. */
#ifndef HKP_TESTS_DSM_STORE_WORLD_H
#define HKP_TESTS_DSM_STORE_WORLD_H

#include <hookprobe/dsm.h>

#include "folder.h"
#include "sim.h"

static struct sim_mesh mesh;
static char top[64];
static hkp_time now;
static uint64_t random_state = 7;
/** D-STO-8, 0: defaults */
static uint64_t keep_s;

/* One of the two. */
struct side {
    char dir[80];
    hkp_dsm_store *store;
    hkp_dsm_node *node;
    uint64_t lost, healed, told, damaged;
    hkp_status proof;
    size_t proof_len;
    uint8_t proof_bytes[32768];
};
static struct side sides[2];

static inline int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *state = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(state);
    return 0;
}

static inline uint64_t wall_us(void) { return mesh.time_s * 1000000 + now / 1000; }

static inline void fact(struct side *s, const struct hkp_dsm_event *ev) {
    s->lost += ev->kind == HKP_DSM_EV_LOST;
    s->healed += ev->kind == HKP_DSM_EV_HEALED;
    s->told += ev->kind == HKP_DSM_EV_BLOCK;
    s->damaged += ev->kind == HKP_DSM_EV_DAMAGED;
    if (ev->kind != HKP_DSM_EV_PROOF) return;
    s->proof = ev->status;
    s->proof_len = ev->data_len <= sizeof s->proof_bytes ? ev->data_len : 0;
    if (s->proof_len > 0) memcpy(s->proof_bytes, ev->data, s->proof_len);
}

static inline int drain(struct side *s) {
    struct hkp_dsm_event ev;
    int any = 0;
    while (hkp_dsm_event(s->node, &ev) == HKP_OK) {
        any = 1;
        if (ev.kind > HKP_DSM_EV_STORE_DROP)
            fact(s, &ev);
        else
            CHECK(hkp_dsm_store_apply(s->store, s->node, now, &ev) == HKP_OK || s->damaged > 0);
    }
    CHECK(hkp_dsm_store_commit(s->store, s->node, now) == HKP_OK || s->damaged > 0);
    return any;
}

/* Store, messages and time of both until nothing happens at this moment. */
static inline void turn(void) {
    for (int any = 1, round = 0; any && round < 60; round++) {
        any = 0;
        for (int i = 0; i < 2; i++) {
            struct side *s = &sides[i], *other = &sides[1 - i];
            uint8_t peer[16];
            uint32_t lane;
            const uint8_t *msg;
            size_t len;
            if (s->node == NULL) continue;
            any |= drain(s);
            while (hkp_dsm_send(s->node, peer, &lane, &msg, &len) == HKP_OK) {
                any = 1;
                if (other->node == NULL) continue;
                hkp_status st = hkp_dsm_recv(other->node, now, wall_us(), mesh.node_id[i], lane, msg, len);
                (void)st;
            }
            if (hkp_dsm_wake(s->node) > now) continue;
            hkp_status st = hkp_dsm_tick(s->node, now, wall_us());
            (void)st;
        }
    }
}

static inline void run(uint64_t ms) {
    for (uint64_t end = now + ms * SIM_MS; now < end; now += 10 * SIM_MS) turn();
}

static inline void start_quietly(int i) {
    struct side *s = &sides[i];
    struct hkp_dsm_node_options o;
    struct hkp_dsm_store_fault fault = {.offset = 0};
    CHECK_EQ(hkp_dsm_store_open(&s->store, s->dir, 1, &fault), HKP_OK);
    if (fault.what[0] != 0) printf("# %s\n", fault.what);
    hkp_dsm_node_options_init(&o, sizeof o);
    o.rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o.genesis = mesh.genesis;
    o.genesis_len = mesh.genesis_len;
    o.certificate = mesh.certificate[i];
    o.certificate_len = mesh.certificate_len[i];
    o.secret = mesh.secret[i];
    o.t_cp_ns = HKP_DSM_T_CP_NONE;
    o.keep_blocks_s = o.keep_headers_s = keep_s;
    o.pool_bytes = (size_t)8 << 20;
    o.heads_max = 16;
    o.peers_max = 2;
    CHECK_EQ(hkp_dsm_node_new(&s->node, &o, now), HKP_OK);
    hkp_dsm_clock_state(s->node, 1);
    CHECK_EQ(hkp_dsm_node_start(s->node, now, wall_us()), HKP_OK);
    drain(s);
    if (s->damaged > 0) return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(hkp_dsm_node_add_certificate(s->node, now, wall_us(), mesh.certificate[k],
                                              mesh.certificate_len[k]),
                 HKP_OK);
    if (sides[1 - i].node == NULL) return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(hkp_dsm_peer_up(sides[k].node, now, mesh.node_id[1 - k], HKP_DSM_LANES_ALL), HKP_OK);
    run(1000);
}

static inline void start(int i) {
    start_quietly(i);
    CHECK_EQ(sides[i].damaged, 0);
}

static inline void stop(int i) {
    struct side *s = &sides[i], *other = &sides[1 - i];
    hkp_dsm_node_free(s->node);
    hkp_dsm_store_close(s->store);
    s->node = NULL;
    s->store = NULL;
    if (other->node == NULL) return;
    CHECK_EQ(hkp_dsm_peer_down(other->node, now, mesh.node_id[i]), HKP_OK);
}

/* Both have `blocks` final blocks of node 0, each with a text to be found in the file, and some of node 1. */
static inline void begin(int blocks) {
    folder_make(top);
    now = SIM_S;
    for (int i = 0; i < 2; i++) {
        memset(&sides[i], 0, sizeof sides[i]);
        snprintf(sides[i].dir, sizeof sides[i].dir, "%s/%d", top, i);
        CHECK_EQ(mkdir(sides[i].dir, 0700), 0);
    }
    start(0);
    start(1);
    for (int k = 0; k < blocks; k++) {
        char text[64];
        uint64_t seq = 0;
        snprintf(text, sizeof text, "content of block %03d that stands in a page of the file", k + 1);
        CHECK_EQ(
            hkp_dsm_submit(sides[0].node, now, wall_us(), 1, (const uint8_t *)text, strlen(text), NULL, &seq),
            HKP_OK);
        if (k % 4 == 0)
            CHECK_EQ(hkp_dsm_submit(sides[1].node, now, wall_us(), 1, (const uint8_t *)"x", 1, NULL, &seq),
                     HKP_OK);
        run(100);
    }
    run(500);
}

static inline void end(void) {
    for (int i = 0; i < 2; i++)
        if (sides[i].node != NULL) stop(i);
    folder_remove(top);
}

static inline hkp_status prove(int i, uint64_t seq) {
    uint64_t ticket = 0;
    struct side *s = &sides[i];
    s->proof = HKP_E_STATE;
    CHECK_EQ(hkp_dsm_prove(s->node, now, mesh.node_id[0], seq, -1, 0, &ticket), HKP_OK);
    for (int k = 0; k < 8; k++) drain(s);
    return s->proof;
}

static inline void proves_all(int i, int blocks) {
    struct hkp_dsm_node_status status = {.struct_size = sizeof status};
    CHECK_EQ(hkp_dsm_node_status(sides[i].node, &status), HKP_OK);
    for (int seq = 1; seq <= blocks; seq++) {
        struct hkp_dsm_trust trust = {.epoch = 0};
        struct hkp_dsm_proof proof = {0};
        int before = check_faults;
        CHECK_EQ(prove(i, (uint64_t)seq), HKP_OK);
        CHECK_EQ(hkp_dsm_node_trust(sides[i].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
        CHECK_EQ(hkp_dsm_proof_verify(sides[i].proof_bytes, sides[i].proof_len, status.chain_id, &trust, 1, 0,
                                      &proof),
                 HKP_OK);
        CHECK_EQ(proof.seq, (uint64_t)seq);
        CHECK_NOTE(before, "block %d", seq);
    }
}

#endif
