/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Objects that tell this node what to do (D-AUD-5, D-AUD-6; node_work.c, node_work_file.c). */
#ifndef HKP_LIBMESH_WORK_H
#define HKP_LIBMESH_WORK_H

#include <hookprobe/mesh/work.h>

#include "libmesh/node.h"

enum {
    HKP_MESH__OBJECTS_MAX = HKP_MESH_WORK_POLICIES + HKP_MESH_WORK_ORDERS + HKP_MESH_WORK_WORKLOADS +
                            HKP_MESH_WORK_ASSIGNS + HKP_MESH__BRINGING,
    /** events that the host has not fetched, or that wait for the disk; the oldest makes room */
    HKP_MESH__NEWS_MAX = 256,
    /** the file: all objects at their limits fit */
    HKP_MESH__WORK_FILE_MAX = 6 * 1024 * 1024
};

struct hkp_mesh__object {
    uint8_t *bytes; /* [len] as signed */
    size_t len;
    uint32_t kind, scope;
    uint64_t number, from_s, until_s;
    uint8_t id[32], signer[16], name[16];
    /* of an ASSIGN, and of an ORDER of scope 1 */
    uint8_t workload[32];
    /* what a POLICY or ORDER says, inside bytes */
    size_t says_at, says_len;
    /* to_block: it was handed to this node, and no block carries it yet */
    uint8_t to_block, in_block, told, running, foreign;
};

struct hkp_mesh__news {
    struct hkp_mesh_event ev;
    uint8_t id[32];
    /* told when the file of that write is durable */
    uint64_t write;
};

struct hkp_mesh__work {
    hkp_dsm_control *control;
    struct hkp_mesh__object object[HKP_MESH__OBJECTS_MAX];
    uint32_t n_objects;
    /* writes asked for, on their way, and durable */
    uint64_t wanted, writing, durable, ticket;
    /* [used of file_len] on its way to the disk */
    uint8_t *file;
    size_t file_len, used;
    struct hkp_mesh__news news[HKP_MESH__NEWS_MAX];
    uint32_t news_head, n_news;
    uint8_t shown[32];
    hkp_time second_at, write_at;
    uint8_t content[HKP_DSM_CONTENT_MAX];
};

/* node_work.c */
/* Reads what an object says; its signatures were verified. */
hkp_status hkp_mesh__object_read(const struct hkp_mesh_node *node, const uint8_t *bytes, size_t len,
                                 struct hkp_mesh__object *out);
/* Copies it into the table; NULL: no room. */
struct hkp_mesh__object *hkp_mesh__object_keep(struct hkp_mesh_node *node, const struct hkp_mesh__object *o);
hkp_status hkp_mesh__control_new(struct hkp_mesh_node *node, const uint8_t *state, size_t len,
                                 hkp_dsm_control **out);

/* node_work_file.c */
/* 1: out asks for the file to be stored. */
int hkp_mesh__work_write(struct hkp_mesh_node *node, struct hkp_mesh_event *out);

#endif
