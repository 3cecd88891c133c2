/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What liars with a seat say of nodes that do not exist, and what becomes of those that do (D-SMX-7). */
#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/message/message.h"
#include "libdsm/node/node.h"
#include "sim.h"

enum { SEATS = 4, TARGET = 0, NEW = SEATS, ENTRIES = 1024 };

static struct sim sim;
static uint64_t made_up;

static void begin(void) {
    sim_new(&sim, check_seed(), SEATS, 1);
    for (uint32_t i = 0; i < SEATS; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

/* HAVE of a member, about nodes that nobody ever hears of again. */
static void flood(uint32_t from, uint32_t messages) {
    static uint8_t buffer[1 << 16];
    for (uint32_t m = 0; m < messages; m++) {
        struct hkp_dsm_cbor_writer w = {.out = buffer, .cap = sizeof buffer};
        hkp_dsm__put_have(&w, 0, ENTRIES);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            uint8_t node_id[16] = {0};
            const uint64_t number = ++made_up;
            for (uint32_t b = 0; b < 8; b++) node_id[b] = (uint8_t)(number >> (56 - 8 * b));
            hkp_dsm__put_have_entry(&w, node_id, 1 + i);
        }
        const uint64_t wall = sim.mesh.time_s * 1000000 + sim.now / 1000;
        CHECK_EQ(w.status, HKP_OK);
        CHECK_EQ(hkp_dsm_recv(sim.nodes[TARGET].node, sim.now, wall, sim.mesh.node_id[from], 0, w.out, w.len),
                 HKP_OK);
        sim_pump(&sim, TARGET);
    }
}

static void ids_that_members_make_up_are_no_authors(void) {
    begin();
    const uint64_t authors = sim_status(&sim, TARGET).authors;
    flood(1, 8);
    CHECK_EQ(sim_status(&sim, TARGET).authors, authors);
    CHECK(sim.nodes[TARGET].node->n_strangers > 0);
    sim_run(&sim, 10 * SIM_S);
    CHECK_EQ(sim_status(&sim, TARGET).authors, authors);
    CHECK_EQ(sim.nodes[TARGET].node->n_strangers, 0); /* nobody could show a certificate */
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* A node that comes while two members make up others is known to all, and its blocks become final. */
static void who_comes_amid_made_up_ids_is_known_all_the_same(void) {
    begin();
    for (int i = 0; i < 10; i++) {
        flood(1 + (uint32_t)i % 2, 2);
        sim_run(&sim, 100 * SIM_MS);
    }
    CHECK(sim.nodes[TARGET].node->n_strangers < STRANGERS_MAX);
    sim_outsider(&sim, NEW, HKP_DSM_ROLE_EDGE, 9);
    for (uint32_t i = 0; i < SEATS - 1; i++) { /* only member 3 hears it, the others hear of it by HAVE */
        sim_link(&sim, i, NEW, 0);
        sim_link(&sim, i, 3, 0);
    }
    sim_start(&sim, NEW);
    CHECK(sim_submit(&sim, NEW, "I am here") != 0);
    sim_run(&sim, SIM_S);
    CHECK_EQ(sim.nodes[3].blocks, 1);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH | 1ULL << HKP_DSM__OP_MSG_DIGEST;
    for (uint32_t i = 0; i < SEATS - 1; i++) sim_link(&sim, i, 3, 1);
    for (int i = 0; i < 100 && sim.nodes[TARGET].blocks_final < 1; i++) {
        flood(1 + (uint32_t)i % 2, 2);
        sim_run(&sim, 100 * SIM_MS);
    }
    CHECK_EQ(sim.nodes[TARGET].blocks_final, 1);
    CHECK_EQ(sim_status(&sim, TARGET).authors, SEATS + 1);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

int main(void) {
    CASE(ids_that_members_make_up_are_no_authors);
    CASE(who_comes_amid_made_up_ids_is_known_all_the_same);
    return check_done();
}
