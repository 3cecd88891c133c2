/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One real node among others, and a neighbour that the test plays. */
#ifndef HKP_TESTS_DSM_PLAYED_H
#define HKP_TESTS_DSM_PLAYED_H

#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/node/node.h"
#include "libter/bytes.h"
#include "sim.h"

enum { SEATS = 4 };

static struct sim sim;

static inline void make(uint64_t seed, uint32_t edges) {
    sim_new(&sim, seed, SEATS, edges);
    for (uint32_t i = SEATS; i < sim.count; i++) sim_outsider(&sim, i, HKP_DSM_ROLE_EDGE, 1 + i);
}

static inline void publish(uint32_t from, uint32_t count, hkp_time every) {
    for (uint32_t i = 0; i < count; i++) {
        CHECK(sim_submit(&sim, from, "item") != 0);
        sim_run(&sim, every);
    }
}

static inline int32_t lowest_score(void) {
    int32_t lowest = INT32_MAX;
    for (uint32_t i = 0; i < sim.count; i++)
        for (uint32_t k = 0; k < sim.count; k++) {
            struct peer *p = i == k ? NULL : hkp_dsm__peer(sim.nodes[i].node, sim.mesh.node_id[k]);
            if (p != NULL && p->conduct.score < lowest) lowest = p->conduct.score;
        }
    return lowest;
}

enum { TARGET = SEATS, PLAYED = SEATS + 1 };

static uint8_t buffer[1 << 20];

static inline struct hkp_dsm_cbor_writer writer(void) {
    return (struct hkp_dsm_cbor_writer){.out = buffer, .cap = sizeof buffer};
}

static inline uint64_t wall(void) { return sim.mesh.time_s * 1000000 + sim.now / 1000; }

static inline hkp_status session(uint32_t who) {
    const hkp_status st =
        hkp_dsm_peer_up(sim.nodes[TARGET].node, sim.now, sim.mesh.node_id[who], HKP_DSM_LANES_ALL);
    sim_pump(&sim, TARGET);
    return st;
}

/* Four validators and an edge run; another edge is played. */
static inline void begin(void) {
    make(check_seed(), 2);
    for (uint32_t i = 0; i < PLAYED; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
    CHECK_EQ(session(PLAYED), HKP_OK);
}

static inline hkp_status say(uint32_t from, uint32_t lane, const uint8_t *msg, size_t len) {
    const hkp_status st =
        hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall(), sim.mesh.node_id[from], lane, msg, len);
    sim_pump(&sim, TARGET);
    return st;
}

static inline uint64_t bad_facts(void) { return sim.nodes[TARGET].bad; }

static inline int32_t score_of(uint32_t who) {
    return hkp_dsm__peer(sim.nodes[TARGET].node, sim.mesh.node_id[who])->conduct.score;
}

static uint8_t salted[] = "salt of 16 bytescontent";
static const struct hkp_dsm_view content = {salted, sizeof salted - 1};

/* A block of a node, rightly signed. prev: id of the one before; NULL: it is the first. */
struct made {
    uint8_t envelope[HKP_DSM__BLOCK_MAX], id[32];
    size_t len;
};
static inline struct made block_of(uint32_t who, const uint8_t prev[32], uint64_t seq) {
    struct made m;
    struct hkp_dsm_genesis g;
    struct hkp_dsm_certificate c;
    struct hkp_dsm__block b = {
        .seq = seq, .timestamp_us = sim.mesh.time_s * 1000000 + seq - 1, .serial = 1, .event_type = 7};
    uint8_t body[HKP_DSM__BLOCK_BODY_MAX];
    size_t body_len = 0;
    CHECK_EQ(hkp_dsm_genesis_parse(sim.mesh.genesis, sim.mesh.genesis_len, &g), HKP_OK);
    CHECK_EQ(hkp_dsm_certificate_parse(sim.mesh.certificate[who], sim.mesh.certificate_len[who], &c), HKP_OK);
    b.has_neuro = (c.roles & HKP_DSM_ROLE_NEURO) != 0;
    if (prev == NULL)
        hkp_dsm__first_prev(b.prev, g.chain_id, sim.mesh.node_id[who]);
    else
        memcpy(b.prev, prev, 32);
    hkp_dsm__payload_hash(b.payload_hash, content.ptr, content.len);
    b.payload_len = (uint32_t)content.len;
    CHECK_EQ(hkp_dsm__block_build(&b, body, sizeof body, &body_len), HKP_OK);
    hkp_dsm_object_id(m.id, g.chain_id, HKP_DSM_KIND_MICROBLOCK, sim.mesh.node_id[who], body, body_len);
    CHECK_EQ(hkp_dsm_envelope_sign(g.chain_id, HKP_DSM_KIND_MICROBLOCK, sim.mesh.node_id[who],
                                   sim.mesh.secret[who], body, body_len, m.envelope, sizeof m.envelope,
                                   &m.len),
             HKP_OK);
    return m;
}

#endif
