/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: a node with its sockets and files. One thread, one poll; the node decides, this moves bytes.
 *
 *     runner.c  life and loop      runner_host.c  what the node asks of the disk      control.c  its socket
 */
#ifndef HKP_LIBMESH_POSIX_RUNNER_H
#define HKP_LIBMESH_POSIX_RUNNER_H

#include "libmesh/posix/datadir.h"

#include <hookprobe/dsm.h>
#include <hookprobe/htp.h>
#include <hookprobe/ter.h>
#include <jansson.h>

enum {
    HKP_MESH__CLIENTS_MAX = 16,
    /** longest request, and most bytes that wait for a client */
    HKP_MESH__REQUEST_MAX = 65536,
    HKP_MESH__REPLY_MAX = 4194304,
    HKP_MESH__REFUSALS_MAX = 16,
    /** records of an EVE file published in one step, so that a burst does not hold up the rest */
    HKP_MESH__EVE_BURST = 64
};

struct hkp_mesh__client {
    /** -1: free */
    int fd;
    char in[HKP_MESH__REQUEST_MAX];
    size_t in_len;
    char *out;
    size_t out_len, out_sent;
    /** a lookup whose proofs are being made: the reply, its findings, how many are still open */
    json_t *reply;
    json_t *findings[64];
    uint64_t tickets[64];
    size_t n_findings, next_proof, open;
    /** 1: the client sends no more, but is answered */
    int ended;
};

struct hkp_mesh__refusal {
    uint8_t node_id[16];
    char text[128];
    uint64_t count;
};

struct hkp_mesh_runner {
    struct hkp_mesh_log out;
    struct hkp_mesh__datadir dir;
    /** NULL: none is configured */
    hkp_ter_tpm *tpm;
    struct hkp_mesh_node_options node_options;
    uint8_t node_id[16];
    uint8_t h_ref[20];

    hkp_mesh_node *node;
    hkp_htp_udp *udp;
    hkp_dsm_store *store;
    hkp_ter_capture *capture;
    hkp_ter_measure *measure;
    hkp_ter_log *log;
    /** what was told last of a log at its bound */
    uint64_t let_go;
    hkp_mesh_eve_file *eve;
    uint32_t n_items;

    hkp_time ter_due, ter_period, eve_due;
    uint32_t boot_flags;
    /** an alert whose record the node could not take yet */
    int eve_waits;
    struct hkp_mesh_record eve_record;
    uint64_t eve_published, eve_refused;

    int control_fd;
    char control_path[HKP_MESH__PATH_MAX];
    struct hkp_mesh__client clients[HKP_MESH__CLIENTS_MAX];
    struct hkp_mesh__refusal refusals[HKP_MESH__REFUSALS_MAX];
    uint32_t n_refusals;

    /** writes of libdsm since the last commit */
    int dsm_dirty;
    /** what ended the run */
    hkp_status failed;
    int leaving;
};

/* runner.c */
hkp_time hkp_mesh__mono(void);
uint64_t hkp_mesh__wall(void);
void hkp_mesh__say(struct hkp_mesh_runner *r, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** First 8 hex digits of a node_id, as people see it; static storage of the caller. */
void hkp_mesh__short(const uint8_t node_id[16], char text[9]);

/* runner_host.c */
hkp_status hkp_mesh__host_open(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                               struct hkp_mesh_fault *fault);
/** Gives the node what earlier runs stored. */
hkp_status hkp_mesh__host_restore(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault);
/** Makes the next TER when it is due. */
void hkp_mesh__host_ter(struct hkp_mesh_runner *r, hkp_time now);
/** Serves one event; the first failure stays in r->failed. */
void hkp_mesh__host_event(struct hkp_mesh_runner *r, hkp_time now, const struct hkp_mesh_event *ev);
void hkp_mesh__host_close(struct hkp_mesh_runner *r);

/* control.c */
hkp_status hkp_mesh__control_open(struct hkp_mesh_runner *r, const char *path, struct hkp_mesh_fault *fault);
void hkp_mesh__control_accept(struct hkp_mesh_runner *r);
void hkp_mesh__control_serve(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, int readable);
void hkp_mesh__control_proof(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);
void hkp_mesh__control_close(struct hkp_mesh_runner *r);

#endif
