/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Four members with real files, sockets and TERs in one process. */
#ifndef HKP_TESTS_MESH_RUNNER_WORLD_H
#define HKP_TESTS_MESH_RUNNER_WORLD_H

#include "check.h"
#include "libmesh/node.h"
#include "libmesh/posix/runner.h"
#include "members.h"

enum { N = MEMBERS };

static char root[64];
/* the last of them, if it is provisioned, is certified, but no member */
static struct member mesh[N + 1];
static struct hkp_mesh_provision_node nodes[N + 1];

static inline uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline hkp_status start(int i) {
    struct hkp_mesh_runner_options o;
    struct hkp_mesh_fault fault;
    member_options(&mesh[i], &o);
    hkp_status st = hkp_mesh_runner_new(&mesh[i].runner, &o, &fault);
    if (st != HKP_OK) printf("# member %d: %s %s\n", i, fault.what, fault.why);
    return st;
}

static inline void stop(int i) {
    hkp_mesh_runner_free(mesh[i].runner);
    mesh[i].runner = NULL;
}

static inline void step(void) {
    for (int i = 0; i < N; i++)
        if (mesh[i].runner != NULL) CHECK_EQ(hkp_mesh_runner_step(mesh[i].runner, 2), HKP_OK);
}

/* Runs all members until a condition holds, at most so long. */
static inline int until(int (*holds)(void), uint64_t ms) {
    uint64_t end = now_ms() + ms;
    while (now_ms() < end && check_faults == 0) {
        step();
        if (holds()) return 1;
    }
    if (!holds())
        for (int i = 0; i < N; i++)
            for (char *line = strtok(mesh[i].log, "\n"); line != NULL; line = strtok(NULL, "\n"))
                printf("# %d: %s\n", i, line);
    return holds();
}

/* How member i sees member k. */
static inline struct hkp_mesh_peer_status peer(int i, int k) {
    struct hkp_mesh_peer_status p = {.struct_size = sizeof p};
    for (uint32_t n = 0; hkp_mesh_peer_status(mesh[i].runner->node, n, &p) == HKP_OK; n++) {
        if (memcmp(p.node_id, nodes[k].node_id, 16) == 0) return p;
        p.struct_size = sizeof p;
    }
    CHECK(0 && "the peer is configured");
    return p;
}

static inline void all_leave(void) {
    char command[128];
    for (int i = 0; i < N; i++)
        if (mesh[i].runner != NULL) stop(i);
    snprintf(command, sizeof command, "rm -rf %s", root);
    CHECK_EQ(system(command), 0);
}

#endif
