/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Consensus in the simulator: safety under faults, progress when they stop, catching up, evidence. */
#include <string.h>

#include <hookprobe/dsm.h>

#include "check.h"
#include "libdsm/message/message.h"
#include "sim.h"

static struct sim sim;

static void start_all(void) {
    for (uint32_t i = 0; i < sim.count; i++) sim_start(&sim, i);
    sim_run(&sim, 50 * SIM_MS);
}

static void report(uint32_t from) {
    for (uint32_t i = from; i < sim.count; i++) {
        if (!sim.nodes[i].up) continue;
        struct hkp_dsm_node_status s = sim_status(&sim, i);
        printf("# node %u: height %" PRIu64 " view %" PRIu64 " epoch %" PRIu64 " open %" PRIu64
               " waiting %" PRIu64 " nullified %" PRIu64 " blocks %" PRIu64 "/%" PRIu64
               " silent %u refused %" PRIu64 "\n",
               i, s.final_height, s.view, s.epoch, s.blocks_open, s.blocks_waiting, s.nullified,
               sim.nodes[i].blocks_final, sim.nodes[i].blocks, s.silent, s.refused);
    }
}

/* All nodes that are up have the same final height and nothing open. */
static void expect_settled(void) {
    uint64_t height = 0;
    int before = check_faults;
    for (uint32_t i = 0; i < sim.count; i++) {
        if (!sim.nodes[i].up || sim.nodes[i].silent) continue;
        struct hkp_dsm_node_status s = sim_status(&sim, i);
        if (height == 0) height = s.final_height;
        CHECK(s.final_height > 0);
        CHECK_EQ(s.final_height, height);
        CHECK_EQ(s.blocks_open, 0);
        CHECK_EQ(sim.nodes[i].observer, 0); /* whoever kept its WAL keeps its voice */
    }
    CHECK_EQ(sim.faults, 0);
    if (check_faults != before) report(0);
}

static void four_nodes_finalise_all_blocks(void) {
    sim_new(&sim, 1, 4, 0);
    start_all();
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "block") != 0);
        sim_run(&sim, 50 * SIM_MS);
    }
    sim_run(&sim, 2 * SIM_S);
    expect_settled();
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(sim.nodes[i].blocks, 80);
        CHECK_EQ(sim.nodes[i].blocks_final, 80);
        CHECK_EQ(sim_status(&sim, i).nullified, 0);
    }
    sim_free(&sim);
}

/* What a message takes is more than the shortest delay: timers keep to what views take (D-SMX-8). */
static void far_apart_no_view_is_nullified(void) {
    sim_new(&sim, 2, 4, 0);
    sim.delay_min = 90 * SIM_MS;
    sim.delay_max = 110 * SIM_MS;
    sim.t_cp = HKP_DSM_T_CP_NONE;
    sim.delay = 250 * SIM_MS;
    start_all();
    for (int round = 0; round < 100; round++) {
        CHECK(sim_submit(&sim, (uint32_t)round % 4, "block") != 0);
        sim_run(&sim, 200 * SIM_MS);
    }
    sim_run(&sim, 5 * SIM_S);
    expect_settled();
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(sim.nodes[i].blocks_final, 100);
        CHECK_EQ(sim_status(&sim, i).nullified, 0);
    }
    sim_free(&sim);
}

/* Four members 50 ms apart, none of which gets a block by gossip. */
static void without_gossip(uint64_t t_cp) {
    sim_new(&sim, check_seed(), 4, 0);
    sim.delay_min = sim.delay_max = 50 * SIM_MS;
    sim.disk_min = sim.disk_max = SIM_MS;
    sim.t_cp = t_cp;
    sim.delay = 250 * SIM_MS;
    start_all();
    sim_run(&sim, SIM_S);
    sim.lost_ops = 1ULL << HKP_DSM__OP_MSG_PUSH;
}

/* D-SMX-R1: blocks that others may not have yet come with the proposal: it is final after three ways. */
static void nobody_asks_for_what_a_proposal_brings(void) {
    without_gossip(HKP_DSM_T_CP_NONE);
    const uint64_t asked = sim.ops[HKP_DSM__OP_MSG_WANT], given = sim.ops[HKP_DSM__OP_MSG_ITEMS];
    for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "young") != 0);
    sim_run(&sim, 170 * SIM_MS);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim_status(&sim, i).final_height, 1);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_WANT], asked);
    CHECK(sim.ops[HKP_DSM__OP_MSG_ITEMS] > given);
    CHECK_EQ(sim.faults, 0);
    sim_free(&sim);
}

/* Of a lane 0 message on its way. */
static size_t largest_of(const struct sim_message *m, size_t count, size_t largest) {
    for (size_t i = 0; i < count; i++)
        if (m[i].lane == 0 && m[i].bytes->len > largest) largest = m[i].bytes->len;
    return largest;
}

/* D 13: the rest is asked for. */
static void no_more_than_so_many_bytes_come_with_a_proposal(void) {
    static char text[15001];
    size_t largest = 0;
    memset(text, 'x', sizeof text - 1);
    without_gossip(HKP_DSM_T_CP_NONE);
    sim.lost_ops |= 1ULL << HKP_DSM__OP_MSG_WANT; /* whose answers may be larger */
    for (uint32_t i = 0; i < 4; i++)
        for (int k = 0; k < 6; k++) CHECK(sim_submit(&sim, i, text) != 0);
    for (int ms = 0; ms < 200; ms += 10) { /* the second leader has six of its own */
        sim_run(&sim, 10 * SIM_MS);
        largest = largest_of(sim.net, sim.n_net, largest);
        for (size_t i = 0; i < SIM_SLICES; i++)
            largest = largest_of(sim.later[i].at, sim.later[i].n, largest);
    }
    CHECK(largest > 60000 && largest <= 65536);
    sim.lost_ops = 0;
    sim_run(&sim, 5 * SIM_S);
    expect_settled();
    sim_free(&sim);
}

/* What gossip had the time for is not sent again: members ask for what they lack all the same (R8). */
static void what_is_old_enough_does_not_come_with_a_proposal(void) {
    without_gossip(SIM_S);
    sim.lost_ops |= 1ULL << HKP_DSM__OP_MSG_WANT | 1ULL << HKP_DSM__OP_MSG_HAVE;
    const uint64_t given = sim.ops[HKP_DSM__OP_MSG_ITEMS];
    for (uint32_t i = 0; i < 4; i++) CHECK(sim_submit(&sim, i, "old") != 0);
    sim_run(&sim, 1200 * SIM_MS);
    CHECK(sim.ops[HKP_DSM__OP_MSG_PROPOSE] > 0);
    CHECK_EQ(sim.ops[HKP_DSM__OP_MSG_ITEMS], given);
    sim.lost_ops = 0;
    sim_run(&sim, 10 * SIM_S);
    expect_settled();
    sim_free(&sim);
}

/* D-BLK-8: a FORTRESS has a burst of 960 blocks, then 16 a second; all that it signed becomes final. */
static void an_author_is_held_to_its_cap(void) {
    sim_new(&sim, 9, 4, 0);
    start_all();
    uint64_t taken = 0;
    for (int i = 0; i < 1000; i++) taken += sim_submit(&sim, 0, "flood") != 0;
    CHECK_EQ(taken, 960);
    sim_run(&sim, SIM_S);
    for (int i = 0; i < 100; i++) taken += sim_submit(&sim, 0, "flood") != 0;
    CHECK(taken >= 960 + 16 && taken <= 960 + 17);
    sim_run(&sim, 3 * SIM_S);
    expect_settled();
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(sim.nodes[i].blocks_final, taken);
    sim_free(&sim);
}

static void an_idle_mesh_makes_no_views(void) {
    sim_new(&sim, 2, 4, 0);
    start_all();
    CHECK(sim_submit(&sim, 0, "one") != 0);
    sim_run(&sim, 5 * SIM_S);
    uint64_t view = sim_status(&sim, 1).view;
    sim_run(&sim, 40 * SIM_S);
    CHECK_EQ(sim_status(&sim, 1).view, view);
    sim_run(&sim, 60 * SIM_S); /* but after 60 s there is a checkpoint */
    CHECK(sim_status(&sim, 1).view > view);
    expect_settled();
    sim_free(&sim);
}

static void three_go_on_when_one_is_killed_and_it_catches_up(void) {
    sim_new(&sim, 3, 4, 0);
    start_all();
    for (int round = 0; round < 10; round++) {
        sim_submit(&sim, (uint32_t)round % 4, "before");
        sim_run(&sim, 100 * SIM_MS);
    }
    sim_crash(&sim, 2);
    uint64_t height = sim_status(&sim, 0).final_height;
    for (int round = 0; round < 100; round++) {
        sim_submit(&sim, round % 2 == 0 ? 0 : 3, "while it is away");
        sim_run(&sim, 200 * SIM_MS);
    }
    sim_run(&sim, 3 * SIM_S);
    CHECK(sim_status(&sim, 0).final_height > height + 10);
    CHECK(sim_status(&sim, 0).nullified > 0);
    sim_start(&sim, 2);
    sim_run(&sim, 6 * SIM_S);
    expect_settled();
    CHECK_EQ(sim_status(&sim, 2).silent, 0);
    CHECK(sim_submit(&sim, 2, "back") != 0);
    sim_run(&sim, 3 * SIM_S);
    expect_settled();
    sim_free(&sim);
}

static void losses_delays_and_doubles_only_cost_time(void) {
    for (uint64_t seed = 0; seed < 4; seed++) {
        sim_new(&sim, 100 + seed, seed % 3 == 2 ? 7 : 4, 0);
        start_all();
        sim.loss = 50 + (uint32_t)seed * 30;
        sim.twice = 100;
        sim.delay_max = 150 * SIM_MS;
        uint64_t sent = 0;
        for (int round = 0; round < 30; round++) {
            sent += sim_submit(&sim, (uint32_t)sim_random(&sim, sim.count), "noise") != 0;
            sim_run(&sim, 200 * SIM_MS);
        }
        sim.loss = sim.twice = 0;
        sim.delay_max = 5 * SIM_MS;
        sim_run(&sim, 30 * SIM_S);
        expect_settled();
        for (uint32_t i = 0; i < sim.count; i++) CHECK_EQ(sim.nodes[i].blocks_final, sent);
        sim_free(&sim);
    }
}

static void crashes_at_every_write_are_survived(void) {
    for (uint64_t write = 1; write <= 120; write += 1 + write / 6) {
        sim_new(&sim, 1000 + write, 4, 0);
        start_all();
        sim.crash_node = (uint32_t)(write % 4);
        sim.crash_at_write = write;
        for (int round = 0; round < 8; round++) {
            sim_submit(&sim, (uint32_t)sim_random(&sim, 4), "block");
            sim_run(&sim, 150 * SIM_MS);
        }
        sim.crash_at_write = 0;
        if (!sim.nodes[sim.crash_node].up) sim_start(&sim, sim.crash_node);
        sim_run(&sim, 10 * SIM_S);
        int before = check_faults;
        expect_settled();
        CHECK_NOTE(before, "crash at write %" PRIu64, write);
        sim_free(&sim);
    }
}

static void power_cuts_of_all_lose_nothing_final(void) {
    for (uint64_t seed = 0; seed < 4; seed++) {
        sim_new(&sim, 2000 + seed, 4, 0);
        start_all();
        sim.loss = 20;
        for (int cut = 0; cut < 6; cut++) {
            for (int round = 0; round < 5; round++) {
                sim_submit(&sim, (uint32_t)sim_random(&sim, 4), "block");
                sim_run(&sim, 20 * SIM_MS + sim_random(&sim, 150) * SIM_MS);
            }
            for (uint32_t i = 0; i < 4; i++) sim_crash(&sim, i);
            for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        }
        sim.loss = 0;
        sim_run(&sim, 30 * SIM_S);
        int before = check_faults;
        expect_settled();
        CHECK_NOTE(before, "seed %" PRIu64, 2000 + seed);
        sim_free(&sim);
    }
}

/* Two nodes of one identity, each seen by a part of the others: an equivocating member. */
static void an_equivocating_member_is_found_out_and_harms_nobody(void) {
    uint64_t found = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        sim_new(&sim, 3000 + seed, 4, 1);
        sim.nodes[0].honest = sim.nodes[4].honest = 0;
        sim.links[0][4] = sim.links[4][0] = 0;
        sim.links[0][3] = sim.links[3][0] = 0;
        sim.links[4][1] = sim.links[1][4] = 0;
        sim.delay_max = 60 * SIM_MS;
        uint32_t restored = seed % 2 == 1;
        if (restored) { /* the twin is a copy of the disk, made when some blocks were final */
            for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
            sim_run(&sim, 50 * SIM_MS);
            sim_submit(&sim, 0, "before");
            sim_run(&sim, 3 * SIM_S);
            sim_copy_disk(&sim, 0, 4);
            sim_start(&sim, 4);
        } else {
            start_all();
        }
        for (int round = 0; round < 30; round++) {
            char text[32];
            snprintf(text, sizeof text, "left %d", round);
            sim_submit(&sim, 0, text);
            snprintf(text, sizeof text, "right %d", round);
            sim_submit(&sim, 4, text);
            sim_submit(&sim, 1 + (uint32_t)sim_random(&sim, 3), "honest");
            sim_run(&sim, 150 * SIM_MS);
        }
        sim_run(&sim, 10 * SIM_S);
        CHECK_EQ(sim.faults, 0);
        uint64_t evidence = sim.nodes[1].evidence + sim.nodes[2].evidence + sim.nodes[3].evidence;
        found += evidence;
        CHECK(evidence > 0);
        CHECK(sim_status(&sim, 1).final_height > 3);
        if (restored) CHECK_EQ(sim.nodes[1].frozen + sim.nodes[2].frozen + sim.nodes[3].frozen, 3);
        sim_free(&sim);
    }
    CHECK(found > 0);
}

/* D-STO-9: a disk that was copied back lacks promises that others remember. */
static void a_restored_copy_observes(void) {
    for (uint64_t seed = 0; seed < 2; seed++) {
        sim_new(&sim, 3500 + seed, 4, 1);
        for (uint32_t i = 0; i < 4; i++) sim_start(&sim, i);
        sim_run(&sim, 50 * SIM_MS);
        sim_submit(&sim, 1, "before the copy");
        sim_run(&sim, 2 * SIM_S);
        sim_copy_disk(&sim, 0, 4);
        for (int round = 0; round < 3; round++) {
            sim_submit(&sim, 2, "after the copy");
            sim_run(&sim, 400 * SIM_MS);
        }
        sim_crash(&sim, 0);
        sim_start(&sim, 4);
        sim_run(&sim, 2 * SIM_S);
        for (int round = 0; round < 3; round++) {
            sim_submit(&sim, 3, "the others go on");
            sim_run(&sim, 2 * SIM_S);
        }
        CHECK_EQ(sim.nodes[4].observer, 1);
        CHECK_EQ(sim_status(&sim, 4).silent, 1);
        CHECK_EQ(sim_status(&sim, 4).final_height, sim_status(&sim, 1).final_height);
        CHECK_EQ(sim_status(&sim, 1).blocks_open, 0);
        const uint64_t epoch = sim_status(&sim, 4).epoch;
        sim_crash(&sim, 4); /* what it noticed it knows at its next start, too */
        sim_start(&sim, 4);
        sim_run(&sim, 2 * SIM_S);
        CHECK_EQ(sim_status(&sim, 4).epoch, epoch);
        CHECK_EQ(sim_status(&sim, 4).silent, 1);
        CHECK_EQ(sim_status(&sim, 4).final_height, sim_status(&sim, 1).final_height);
        CHECK_EQ(sim.faults, 0);
        sim_free(&sim);
    }
}

static void an_epoch_ends_after_256_heights(void) {
    sim_new(&sim, 4000, 4, 0);
    sim.t_cp = HKP_DSM_T_CP_NONE;
    start_all();
    sim_crash(&sim, 3);
    for (int round = 0; round < 900 && sim_status(&sim, 0).epoch < 1; round++) {
        sim_submit(&sim, (uint32_t)round % 3, "block");
        sim_run(&sim, 60 * SIM_MS);
    }
    CHECK_EQ(sim_status(&sim, 0).epoch, 1);
    for (int round = 0; round < 20; round++) {
        sim_submit(&sim, (uint32_t)round % 3, "in the next epoch");
        sim_run(&sim, 60 * SIM_MS);
    }
    sim_start(&sim, 3); /* away since the first epoch */
    sim_run(&sim, 30 * SIM_S);
    expect_settled();
    CHECK_EQ(sim_status(&sim, 3).epoch, 1);
    sim_crash(&sim, 1); /* its snapshot is of the boundary */
    sim_start(&sim, 1);
    sim_run(&sim, 5 * SIM_S);
    CHECK(sim_submit(&sim, 1, "after all") != 0);
    sim_run(&sim, 5 * SIM_S);
    expect_settled();
    sim_free(&sim);
}

static void a_final_block_can_be_proven_elsewhere(void) {
    sim_new(&sim, 5000, 4, 0);
    start_all();
    /* canonical CBOR: one threat record, here a map of one pair */
    uint64_t seq = sim_submit(&sim, 0, "\x81\xa1\x01\x02");
    sim_run(&sim, 3 * SIM_S);
    struct hkp_dsm_node_status s = sim_status(&sim, 1);
    for (uint32_t i = 1; i < 4; i++) {
        uint64_t ticket = 0;
        CHECK_EQ(hkp_dsm_prove(sim.nodes[i].node, sim.now, sim.mesh.node_id[0], seq, 0, 0, &ticket), HKP_OK);
        sim_pump(&sim, i);
        CHECK_EQ(sim.nodes[i].proof_status, HKP_OK);
        struct hkp_dsm_trust trust = {.epoch = 0};
        CHECK_EQ(hkp_dsm_node_trust(sim.nodes[i].node, 0, trust.valset_hash, &trust.time_ms), HKP_OK);
        struct hkp_dsm_proof proof;
        CHECK_EQ(hkp_dsm_proof_verify(sim.nodes[i].proof, sim.nodes[i].proof_len, s.chain_id, &trust, 1, 0,
                                      &proof),
                 HKP_OK);
        CHECK_EQ(proof.seq, seq);
        CHECK_MEM(proof.author, sim.mesh.node_id[0], 16);
        CHECK_EQ(proof.record.len, 3);
        CHECK(proof.height > 0);
        CHECK_EQ(hkp_dsm_prove(sim.nodes[i].node, sim.now, sim.mesh.node_id[0], seq + 1, 0, 0, &ticket),
                 HKP_OK);
        sim_pump(&sim, i);
        CHECK_EQ(sim.nodes[i].proof_status, HKP_E_NOTFOUND);
    }
    sim_free(&sim);
}

static uint64_t traced(uint64_t seed) {
    sim_new(&sim, seed, 4, 0);
    start_all();
    sim.loss = 100;
    for (int round = 0; round < 10; round++) {
        sim_submit(&sim, (uint32_t)sim_random(&sim, 4), "trace");
        sim_run(&sim, 100 * SIM_MS);
    }
    uint64_t trace = sim.trace;
    sim_free(&sim);
    return trace;
}

static void the_same_seed_gives_the_same_trace(void) {
    uint64_t seed = check_seed();
    CHECK_EQ(traced(seed), traced(seed));
    CHECK(traced(seed) != traced(seed + 1));
}

int main(void) {
    CASE(four_nodes_finalise_all_blocks);
    CASE(far_apart_no_view_is_nullified);
    CASE(nobody_asks_for_what_a_proposal_brings);
    CASE(no_more_than_so_many_bytes_come_with_a_proposal);
    CASE(what_is_old_enough_does_not_come_with_a_proposal);
    CASE(an_author_is_held_to_its_cap);
    CASE(an_idle_mesh_makes_no_views);
    CASE(three_go_on_when_one_is_killed_and_it_catches_up);
    CASE(a_final_block_can_be_proven_elsewhere);
    CASE(losses_delays_and_doubles_only_cost_time);
    CASE(crashes_at_every_write_are_survived);
    CASE(power_cuts_of_all_lose_nothing_final);
    CASE(an_equivocating_member_is_found_out_and_harms_nobody);
    CASE(a_restored_copy_observes);
    CASE(an_epoch_ends_after_256_heights);
    CASE(the_same_seed_gives_the_same_trace);
    return check_done();
}
