/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A mesh to be made: used by the command provision and by the demo. */
#ifndef HKP_CLI_PROVISION_H
#define HKP_CLI_PROVISION_H

#include "cli.h"

enum { CLI_NODES_MAX = 64, CLI_MEASURED_MAX = 64, CLI_PATH_MAX = 4096 };

struct cli_mesh {
    /** folder; its parent exists */
    const char *dir;
    const char *name;
    /** ADDRESS:PORT of the first node, the others follow */
    const char *listen;
    /** EVE file that the first node reads, absolute; NULL: none */
    const char *eve;
    /** further lines of every configuration; NULL: none */
    const char *extra;
    int clock_trusted;
    int keep_authority;
    uint32_t days;
    /** seconds by which the mesh is older than now; 0: it begins now */
    uint32_t age_s;
    /** 1: with keys for short proofs */
    uint32_t bls;
    /** nodes with group and measured files set; results are written into them */
    size_t n;
    struct hkp_mesh_provision_node nodes[CLI_NODES_MAX];
    char paths[CLI_NODES_MAX][CLI_PATH_MAX];
};

/** One configuration to be written. */
struct cli_member {
    /** the file */
    const char *config;
    const char *data_dir;
    const char *listen;
    /** EVE file to read; NULL: none */
    const char *eve;
    /** which node of the mesh it is, and so no peer of itself; n or above: none of them */
    size_t index;
};

/** Writes a configuration whose peers are the nodes of a mesh that was made. */
int cli_mesh_config(const struct cli_mesh *mesh, const struct cli_member *self);

/** Makes DIR/nodeN and DIR/nodeN.yaml; tells what is wrong and returns an exit code. */
int cli_mesh_make(struct cli_mesh *mesh);

#endif
