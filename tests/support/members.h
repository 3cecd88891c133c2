/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Members of a mesh for tests and benchmarks: provisioned folders under one temporary root, free ports on
 * loopback, and options that make everything quick.
 */
#ifndef HKP_TESTS_MEMBERS_H
#define HKP_TESTS_MEMBERS_H

#include <arpa/inet.h>
#include <hookprobe/mesh.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MEMBERS = 4, OTHERS = MEMBERS - 1, PROVISIONED_MAX = MEMBERS + 1 };

struct member {
    char dir[80], listen[32], measured[160], node_id[33], key[65];
    /** notes and errors of its runner; the oldest are dropped */
    char log[4096];
    struct hkp_mesh_runner_peer peers[OTHERS];
    hkp_mesh_runner *runner;
};

static inline int member_write(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (f == NULL) return -1;
    fputs(text, f);
    return fclose(f);
}

/** count UDP ports of loopback that are free now and differ, or 0 where there is none. */
static inline void member_ports(uint16_t *ports, int count) {
    int fds[PROVISIONED_MAX];
    for (int i = 0; i < count; i++) { /* all are held until the last is known: a closed one is given again */
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        int bad = bind(fds[i], (struct sockaddr *)&a, sizeof a) != 0 ||
                  getsockname(fds[i], (struct sockaddr *)&a, &len) != 0;
        ports[i] = bad ? 0 : ntohs(a.sin_port);
    }
    for (int i = 0; i < count; i++) close(fds[i]);
}

/** One of them. */
static inline uint16_t member_port(void) {
    uint16_t port;
    member_ports(&port, 1);
    return port;
}

static inline void member_line(void *user, uint32_t level, const char *text) {
    struct member *m = (struct member *)user;
    size_t used = strlen(m->log), len = strlen(text);
    if (level > HKP_MESH_LOG_NOTE) return;
    if (used + len + 2 > sizeof m->log) m->log[used = 0] = 0;
    snprintf(m->log + used, sizeof m->log - used, "%s\n", text);
}

static inline void member_options(struct member *m, struct hkp_mesh_runner_options *o) {
    hkp_mesh_runner_options_init(o, sizeof *o);
    o->data_dir = m->dir;
    o->listen = m->listen;
    o->peers = m->peers;
    o->n_peers = OTHERS;
    o->clock_trusted = 1;
    o->ter_period_ms = 200;
    o->ter_batch_ms = 200;
    o->checkpoint_ms = 100;
    o->delay_ms = 100;
    o->commit_every = 8;
    o->heartbeat_s = 1;
    o->log.user = m;
    o->log.line = member_line;
}

/** Folders root/sub0, root/sub1, ... of one mesh, each with one measured file; the fifth is an outsider. Keys
 * of the authority lie in root/sub-authority. */
static inline hkp_status members_provision(const char *root, const char *sub,
                                           struct hkp_mesh_provision_node *n, struct member *m, int count) {
    static const char *measured[PROVISIONED_MAX][1];
    struct hkp_mesh_provision_options po = {.struct_size = sizeof po, .name = "test", .nodes = n};
    struct hkp_mesh_fault fault = {.offset = 0};
    struct timespec t;
    char authority[96];
    snprintf(authority, sizeof authority, "%s/%s-authority", root, sub);
    po.authority_dir = authority;
    po.n_nodes = (size_t)count;
    uint16_t ports[PROVISIONED_MAX];
    member_ports(ports, count);
    for (int i = 0; i < count; i++) {
        snprintf(m[i].dir, sizeof m[i].dir, "%s/%s%d", root, sub, i);
        snprintf(m[i].listen, sizeof m[i].listen, "127.0.0.1:%u", (unsigned)ports[i]);
        snprintf(m[i].measured, sizeof m[i].measured, "%s/%s%d.measured", root, sub, i);
        if (member_write(m[i].measured, "as it was\n") != 0) return HKP_E_IO;
        measured[i][0] = m[i].measured;
        memset(&n[i], 0, sizeof n[i]);
        n[i].data_dir = m[i].dir;
        n[i].group = (uint32_t)i + 1;
        n[i].outsider = i >= MEMBERS;
        n[i].n_measured = 1;
        n[i].measured = measured[i];
    }
    clock_gettime(CLOCK_REALTIME, &t);
    hkp_status st = hkp_mesh_provision(&po, (uint64_t)t.tv_sec * 1000000, &fault);
    if (st != HKP_OK) printf("# %s %s\n", fault.what, fault.why);
    for (int i = 0; i < count; i++) {
        sodium_bin2hex(m[i].node_id, sizeof m[i].node_id, n[i].node_id, 16);
        sodium_bin2hex(m[i].key, sizeof m[i].key, n[i].s, 32);
    }
    return st;
}

/** Every member is told of the others. */
static inline void members_introduce(struct member m[MEMBERS]) {
    for (int i = 0; i < MEMBERS; i++)
        for (int k = 0, at = 0; k < MEMBERS; k++)
            if (k != i)
                m[i].peers[at++] = (struct hkp_mesh_runner_peer){
                    .node_id = m[k].node_id, .key = m[k].key, .address = m[k].listen};
}

/** A threat record about an IPv4 address, reported by a runner's node. */
static inline hkp_status member_report(hkp_mesh_runner *runner, const char *address, uint64_t *seq) {
    struct hkp_mesh_record rec = {.ioc_type = HKP_MESH_IOC_IP4,
                                  .threat = HKP_MESH_THREAT_PORT_SCAN,
                                  .severity = 2,
                                  .confidence = 80,
                                  .tlp = HKP_MESH_TLP_GREEN,
                                  .evidence = 1};
    uint8_t value[4];
    struct timespec mono, wall;
    if (inet_pton(AF_INET, address, value) != 1) return HKP_E_INVAL;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    rec.value = value;
    rec.value_len = 4;
    rec.valid_from_s = (uint64_t)wall.tv_sec;
    rec.valid_until_s = rec.valid_from_s + 86400;
    return hkp_mesh_report_threat(hkp_mesh_runner_node(runner),
                                  (hkp_time)mono.tv_sec * 1000000000U + (hkp_time)mono.tv_nsec,
                                  (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000, &rec, seq);
}

#endif
