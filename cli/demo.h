/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The demo: what its steps (demo.c) need of processes, folders and answers (demo_mesh.c). */
#ifndef HKP_CLI_DEMO_H
#define HKP_CLI_DEMO_H

#include "client.h"
#include "provision.h"

#include <sys/types.h>

enum {
    DEMO_NODES = 4,
    /** two more processes: one that nobody enrolled, and a replayed state */
    DEMO_STRANGER = DEMO_NODES,
    DEMO_REPLAY = DEMO_NODES + 1,
    /** a second mesh: three honest nodes, and one that lies */
    DEMO_SECOND = DEMO_REPLAY + 1,
    DEMO_LIAR = DEMO_SECOND + DEMO_NODES - 1,
    DEMO_PROCESSES = DEMO_LIAR + 1,
    DEMO_INDICATORS_MAX = 512,
    /** TERs between two commits: low, so that a demo of half a minute sees some */
    DEMO_COMMIT_EVERY = 4
};

struct demo_process {
    pid_t pid; /* 0: does not run */
    char config[160], dir[160], log[160], control[108], measured[160];
    char node_id[33];
};

struct demo_indicator {
    uint32_t type;
    char text[64];
};

struct demo {
    char root[64];
    int json;
    hkp_time begin;
    struct cli_mesh mesh, second;
    int port;
    struct demo_process p[DEMO_PROCESSES];
    struct demo_indicator indicators[DEMO_INDICATORS_MAX];
    size_t n_indicators;
    uint64_t alerts;
};

/** Folder, mesh, configurations; exit code. */
int demo_prepare(struct demo *d, const char *eve);
/** The second mesh, so many seconds old, in a folder of its own; exit code. */
int demo_prepare_second(struct demo *d, uint32_t age_s);
int demo_start(struct demo *d, int which);
void demo_kill(struct demo *d, int which, int signal_number);
/** Ends all processes and removes the folder. */
void demo_end(struct demo *d);

/** Writes what the node of a process says of itself; NULL if it does not answer. Release it. */
json_t *demo_status(struct demo *d, int which);
json_t *demo_ask(struct demo *d, int which, json_t *request);
/** Peer of a status by the process it is. */
json_t *demo_peer(struct demo *d, const json_t *status, int which);

/** Copies the folder of a node as it stands: what a thief of the disk would have. */
int demo_copy_folder(const char *from, const char *to);
int demo_write(const char *path, const char *text);
/** Last lines of a process's log to standard error. */
void demo_show_log(const struct demo *d, int which);

/* demo_liar.c */

/** A member that signs two votes for one view, until it is killed. nodes: the honest ones, from port on. */
int demo_lie(const char *dir, const struct hkp_mesh_provision_node *nodes, int port);

/* demo_evidence.c: the steps in which it is convicted, and leaves */

int demo_liar_begin(struct demo *d);
int demo_liar_convicted(struct demo *d, json_t *facts);
int demo_liar_ejected(struct demo *d, json_t *facts);

/** 1 if a signal asked the demo to end. */
int demo_interrupted(void);

#endif
