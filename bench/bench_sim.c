/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Real validators (hkp_dsm_node) in the simulated world of the tests: virtual clock, network and disks.
 *
 * sim.wan100.p50, .p99: ms of finality with 100 validators each of which has a session with each: from the
 * time that a leader wrote into its proposal until a node tells that it is final, over all checkpoints and
 * nodes. A round trip takes 100 ms (one way 45 to 55), 1 % of all messages is lost and sent again by the
 * session after 150 ms, a disk is durable after 0.5 to 3 ms. Ten blocks a second are submitted by random
 * nodes. sim.wan100.block.p50, .p99: ms from the submission of a block until its author holds it for final.
 * sim.wan100.p99.crash33, .block.p99.crash33: the same with 33 of the 100 crashed; views that are lost to
 * leaders that are not there count in the second alone.
 *
 * The world is drawn from HKP_SEED, 1 if that is not set.
 *
 * sim.events: messages, timers and commits of that run in a second of processor time (there is one thread),
 * after as many blocks that are not measured: by then each node has as many views behind it as it keeps votes
 * of, and takes no new memory from the system.
 *
 * Each node checks each signature, but Ed25519 sees each only once: what it found right is kept and compared
 * byte by byte (tests/dsm/verify_once.c). Nothing is watched or traced. The runs take minutes: they are made
 * when a name begins with sim only.
 */
#include "bench.h"
#include "sim.h"

#include <sodium.h>

enum {
    NODES = 100,
    CRASHED = 33,
    BLOCKS = 120,
    EVERY_MS = 100,
    WARM_S = 2,
    LATE_S = 30,
    SEQ_MAX = 64,
    SAMPLES = 1 << 16
};

static struct {
    struct sim s;
    int measured;
    hkp_time submitted[NODES][SEQ_MAX];
    double ms[SAMPLES], block_ms[BLOCKS];
    size_t n, blocks;
} world;

static void checkpoint(struct sim *s, uint32_t i) {
    const uint64_t wall_ms = s->mesh.time_s * 1000 + s->now / SIM_MS,
                   made_ms = sim_status(s, i).final_time_ms;
    if (world.measured && world.n < SAMPLES) world.ms[world.n++] = (double)(wall_ms - made_ms);
}

static void on_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    if (ev->kind == HKP_DSM_EV_CHECKPOINT) checkpoint(s, i);
    if (ev->kind != HKP_DSM_EV_BLOCK_FINAL || ev->seq >= SEQ_MAX || world.submitted[i][ev->seq] == 0 ||
        memcmp(ev->node_id, s->mesh.node_id[i], 16) != 0)
        return;
    world.block_ms[world.blocks++] = (double)(s->now - world.submitted[i][ev->seq]) / SIM_MS;
    world.submitted[i][ev->seq] = 0;
}

static void submit(void) {
    struct sim *s = &world.s;
    uint32_t i;
    do i = (uint32_t)sim_random(s, NODES);
    while (!s->nodes[i].up);
    const uint64_t seq = sim_submit(s, i, "a block of the wide area");
    bench_need(seq > 0 && seq < SEQ_MAX, "a block was refused");
    world.submitted[i][seq] = s->now;
}

static void submit_all(void) {
    for (uint32_t b = 0; b < BLOCKS; b++) {
        submit();
        sim_run(&world.s, EVERY_MS * SIM_MS);
    }
}

static void wait_for_all(void) {
    for (int i = 0; i < LATE_S && world.blocks < BLOCKS; i++) sim_run(&world.s, SIM_S);
    bench_need(world.blocks == BLOCKS, "a block did not become final");
}

static double processor(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Events a second; the latencies are in world.ms. */
static double run(uint32_t crashed) {
    struct sim *s = &world.s;
    const char *given = getenv("HKP_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    memset(&world, 0, sizeof world);
    sim_new(s, seed, NODES, 0);
    s->unwatched = 1;
    s->on_fact = on_fact;
    s->loss = 10;
    s->resend = 150 * SIM_MS;
    s->delay_min = 45 * SIM_MS;
    s->delay_max = 55 * SIM_MS;
    s->t_cp = HKP_DSM_T_CP_NONE;
    s->delay = 250 * SIM_MS;
    for (uint32_t i = 0; i < NODES; i++) sim_start(s, i);
    sim_run(s, SIM_S);
    for (uint32_t i = 0; i < crashed; i++) sim_crash(s, i * 3);
    sim_run(s, WARM_S * SIM_S);
    submit_all();
    wait_for_all();
    world.blocks = 0;
    world.measured = 1;
    const uint64_t steps = s->steps;
    const double began = processor();
    submit_all();
    const double events = (double)(s->steps - steps) / (processor() - began);
    wait_for_all();
    fprintf(stderr, "sim: %.0f events, %u final checkpoints at nodes, %llu views nullified\n",
            (double)(s->steps - steps), (unsigned)world.n, (unsigned long long)sim_status(s, 1).nullified);
    bench_need(world.n > 0 && world.n < SAMPLES, "not as many checkpoints as expected");
    sim_free(s);
    return events;
}

static double percentile(double part) { return bench_percentile(world.ms, world.n, part); }

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    bench_need(sodium_init() >= 0, "no libsodium");
    if (bench_names == 0) return 0;
    if (bench_wanted("sim.events") || bench_wanted("sim.wan100.p50") || bench_wanted("sim.wan100.p99") ||
        bench_wanted("sim.wan100.block")) {
        const double events = run(0);
        bench_once("sim.events", "/s", events, "limit", 1e6, 1);
        bench_once("sim.wan100.p50", "ms", percentile(0.5), "limit", 250, 0);
        bench_once("sim.wan100.p99", "ms", percentile(0.99), "limit", 1000, 0);
        bench_once("sim.wan100.block.p50", "ms", bench_percentile(world.block_ms, world.blocks, 0.5), NULL, 0,
                   0);
        bench_once("sim.wan100.block.p99", "ms", bench_percentile(world.block_ms, world.blocks, 0.99), NULL,
                   0, 0);
    }
    if (bench_wanted("sim.wan100.p99.crash33") || bench_wanted("sim.wan100.block.p99.crash33")) {
        (void)run(CRASHED);
        bench_once("sim.wan100.p99.crash33", "ms", percentile(0.99), "limit", 4000, 0);
        bench_once("sim.wan100.block.p99.crash33", "ms", bench_percentile(world.block_ms, world.blocks, 0.99),
                   "limit", 4000, 0);
    }
    return 0;
}
