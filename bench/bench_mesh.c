/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Four processes on loopback that agree, with their real stores: how many checkpoints become final in a
 * second when there is always something to agree on, and how long one report takes until it is final. Then
 * the latter without waiting for a disk: the same with folders in memory (dsm.finality.ram.*).
 */
#include "bench.h"
#include "tests/support/members.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* SECONDS keeps the reports of a fast machine below the burst of 960 that one author has (D-BLK-8). */
enum { REPORTS = 120, SECONDS = 2 };

static struct member mesh[MEMBERS];
static struct hkp_mesh_provision_node nodes[MEMBERS];
static char root[64];
static pid_t children[MEMBERS];

static hkp_mesh_runner *start(struct member *m) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    hkp_mesh_runner *runner = NULL;
    member_options(m, &o);
    o.ter_period_ms = 1000;
    o.ter_batch_ms = 1000;
    o.checkpoint_at_once = 1;
    o.delay_ms = 50;
    o.commit_every = 0;
    bench_need(hkp_mesh_runner_new(&runner, &o, &fault) == HKP_OK, "a member did not start");
    return runner;
}

static void run_child(struct member *m) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    hkp_mesh_runner *runner = start(m);
    while (hkp_mesh_runner_step(runner, 1000) == HKP_OK) {
    }
    _exit(1);
}

static struct hkp_mesh_status status(hkp_mesh_runner *runner) {
    struct hkp_mesh_status s = {.struct_size = sizeof s};
    bench_need(hkp_mesh_node_status(hkp_mesh_runner_node(runner), &s) == HKP_OK, "no status");
    return s;
}

/* An address that no report named before. */
static void report(hkp_mesh_runner *runner) {
    static uint32_t n;
    char address[16];
    uint64_t seq;
    snprintf(address, sizeof address, "45.%u.%u.9", (unsigned)(n / 250 % 250 + 1), (unsigned)(n % 250 + 1));
    n++;
    bench_need(member_report(runner, address, &seq) == HKP_OK, "a report was refused");
}

static void step(hkp_mesh_runner *runner) {
    bench_need(hkp_mesh_runner_step(runner, 20) == HKP_OK, "a member failed");
}

static int trusted(hkp_mesh_runner *runner) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    uint32_t n = 0;
    for (; hkp_mesh_peer_status(hkp_mesh_runner_node(runner), n, &p) == HKP_OK; n++) {
        if (p.trust < 32768) return 0;
        p.struct_size = sizeof p;
    }
    return n == OTHERS;
}

/* A mesh that has been up for a while: trust has reached 0.5, so that reports are pushed (HTP-8.6). */
static void wait_for_mesh(hkp_mesh_runner *runner) {
    double end = bench_clock() + 60;
    while (status(runner).peers_up < OTHERS || !trusted(runner)) {
        bench_need(bench_clock() < end, "the members did not come to trust each other");
        step(runner);
    }
    for (end = bench_clock() + 2; bench_clock() < end;) step(runner); /* the others are about as far */
}

/* Seconds from a report until nothing of this node is open any more. */
static double finality(hkp_mesh_runner *runner) {
    double began = bench_clock();
    uint64_t height = status(runner).height;
    report(runner);
    do {
        step(runner);
        bench_need(bench_clock() - began < 30, "a report did not become final");
    } while (status(runner).height == height || status(runner).blocks_open > 0);
    return bench_clock() - began;
}

/* limit: what half of all reports should take, milliseconds. */
static void measure_finality(hkp_mesh_runner *runner, const char *name, double limit) {
    static double p50[BENCH_ROUNDS], p99[BENCH_ROUNDS], all[REPORTS], at_most[BENCH_ROUNDS];
    char full[48];
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (int i = 0; i < REPORTS / BENCH_ROUNDS; i++) all[i] = 1e3 * finality(runner);
        p50[round] = bench_percentile(all, REPORTS / BENCH_ROUNDS, 0.5);
        p99[round] = bench_percentile(all, REPORTS / BENCH_ROUNDS, 0.99);
        at_most[round] = limit;
    }
    snprintf(full, sizeof full, "%s.p50", name);
    if (bench_wanted(full)) bench_print(full, "ms", p50, "limit", at_most, 0);
    snprintf(full, sizeof full, "%s.p99", name);
    if (bench_wanted(full)) bench_print(full, "ms", p99, NULL, NULL, 0);
}

/* Heights that became final in a second while a report is always waiting. */
static void measure_checkpoints(hkp_mesh_runner *runner) {
    static double rate[BENCH_ROUNDS];
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        double began = bench_clock(), end = began + (double)SECONDS / BENCH_ROUNDS;
        uint64_t height = status(runner).height;
        while (bench_clock() < end) {
            if (status(runner).blocks_open == 0) report(runner);
            step(runner);
        }
        rate[round] = (double)(status(runner).height - height) / (bench_clock() - began);
    }
    bench_print("dsm.checkpoints", "1/s", rate, NULL, NULL, 1);
}

static void clean(void) {
    char command[128];
    for (int i = 1; i < MEMBERS; i++)
        if (children[i] > 0) {
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
            children[i] = 0;
        }
    if (root[0] == 0) return;
    snprintf(command, sizeof command, "rm -rf %s", root);
    root[0] = 0;
    bench_need(system(command) == 0, "the folders could not be removed");
}

static hkp_mesh_runner *mesh_up(const char *where) {
    snprintf(root, sizeof root, "%s/hkp-bench-XXXXXX", where);
    bench_need(mkdtemp(root) != NULL, "no temporary folder");
    memset(mesh, 0, sizeof mesh);
    memset(nodes, 0, sizeof nodes);
    bench_need(members_provision(root, "node", nodes, mesh, MEMBERS) == HKP_OK, "no folders");
    members_introduce(mesh);
    for (int i = 1; i < MEMBERS; i++) {
        children[i] = fork();
        bench_need(children[i] >= 0, "no process");
        if (children[i] == 0) run_child(&mesh[i]);
    }
    hkp_mesh_runner *runner = start(&mesh[0]);
    wait_for_mesh(runner);
    return runner;
}

/* A folder whose files are in memory, where fdatasync() waits for nothing. */
static const char *in_memory(void) { return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL; }

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    int checkpoints = bench_wanted("dsm.checkpoints");
    int latency = bench_wanted("dsm.finality.p50") || bench_wanted("dsm.finality.p99");
    int ram = bench_wanted("dsm.finality.ram.p50") || bench_wanted("dsm.finality.ram.p99");
    bench_need(sodium_init() >= 0, "no libsodium");
    atexit(clean);
    if (checkpoints || latency) {
        hkp_mesh_runner *runner = mesh_up("/tmp");
        if (latency) measure_finality(runner, "dsm.finality", 15);
        if (checkpoints) measure_checkpoints(runner);
        hkp_mesh_runner_free(runner);
        clean();
    }
    if (ram && in_memory() != NULL) {
        hkp_mesh_runner *runner = mesh_up(in_memory());
        measure_finality(runner, "dsm.finality.ram", 5);
        hkp_mesh_runner_free(runner);
    }
    return 0;
}
