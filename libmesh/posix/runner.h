/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Internal: a node with its sockets and files. One thread, one poll; the node decides, this moves bytes.
 *
 *     runner.c  life and loop      runner_host.c  what the node asks of the disk      control.c  its socket
 *     runner_policy.c  what is measured, and against what      runner_restart.c  RESTART by command
 *     runner_renewal.c  the own certificate: its file, and the request for the next one
 *     runner_tpm.c  the TPM: of the keys, and the quotes that peers ask for
 */
#ifndef HKP_LIBMESH_POSIX_RUNNER_H
#define HKP_LIBMESH_POSIX_RUNNER_H

#include "libmesh/posix/datadir.h"

#include <hookprobe/dsm.h>
#include <hookprobe/htp.h>
#include <hookprobe/mesh/audit.h>
#include <hookprobe/ter.h>
#include <jansson.h>

enum {
    HKP_MESH__CLIENTS_MAX = 16,
    /** longest request, and most bytes that wait for a client */
    HKP_MESH__REQUEST_MAX = 65536,
    HKP_MESH__REPLY_MAX = 4194304,
    HKP_MESH__REFUSALS_MAX = 16,
    HKP_MESH__CONVICTIONS_MAX = 16,
    /** two proposals of one view */
    HKP_MESH__EVIDENCE_MAX = 2560,
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
    /** 1: the proof itself is part of the reply */
    int wants_data;
    /** 1: with certificates of scheme 2 where there are shares for them (D-QC-3) */
    int wants_short;
    /** 1: reply waits for the policy that this client gave */
    int applies;
    /** 1: reply waits until the nonce of this run is durably used up */
    int starts;
    uint8_t run[32];
};

struct hkp_mesh__refusal {
    uint8_t node_id[16];
    char text[128];
    uint64_t count;
};

/** A member that evidence convicted, since this node runs. */
struct hkp_mesh__conviction {
    uint8_t node_id[16];
    uint64_t epoch, height;
    uint8_t evidence[HKP_MESH__EVIDENCE_MAX];
    size_t evidence_len;
};

/** Own attestation key, and the quote that the TPM makes; ticket 0: none. */
struct hkp_mesh__quoting {
    uint8_t blob[HKP_TER_TPM_BLOB_MAX], area[HKP_TER_AREA_MAX];
    size_t blob_len, area_len;
    uint64_t ticket;
    uint32_t mask, n_values;
    uint8_t values[HKP_TER_PCRS * 32], extra[32];
};

/** The policy in force, which is that of the newest REBASE record, and one on its way there. */
struct hkp_mesh__policy {
    /** of the RBA1 in dir.rebase and of the manifest in dir.manifest; they differ while one is missing */
    uint32_t ver, manifest_ver;
    /** on its way: none without a measure */
    hkp_ter_measure *measure;
    uint8_t *manifest;
    size_t manifest_len;
    uint32_t n_items, next_ver, tries;
    uint8_t rebase[192];
    /** 1: the node has taken it, its record comes to the log */
    int taken;
};

struct hkp_mesh_runner {
    struct hkp_mesh_log out;
    struct hkp_mesh__datadir dir;
    /** NULL: none is configured */
    hkp_ter_tpm *tpm;
    struct hkp_mesh__quoting quoting;
    struct hkp_mesh_node_options node_options;
    uint8_t node_id[16];
    uint8_t h_ref[20];

    hkp_mesh_node *node;
    hkp_htp_udp *udp;
    hkp_dsm_store *store;
    hkp_ter_capture *capture;
    hkp_ter_measure *measure;
    struct hkp_mesh__policy policy;
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
    struct hkp_mesh__conviction convictions[HKP_MESH__CONVICTIONS_MAX];
    uint32_t n_convictions;

    /** NULL: it failed; a head that is to be published, and when it is tried (again); len 0: none */
    hkp_mesh_audit *audit;
    uint8_t audit_head[HKP_DSM_AUDIT_HEAD_MAX];
    size_t audit_len;
    hkp_time audit_at;

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

/* runner_policy.c */
/** What the log says is in force, with its manifest; an apply that a crash ended is finished or undone. */
hkp_status hkp_mesh__policy_open(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault);
/** Two files of an operator; c is answered at once when they are refused, else when the log has them. */
void hkp_mesh__policy_apply(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *manifest,
                            const char *rebase);
/** Offers what is on its way to the node again, after a TER. */
void hkp_mesh__policy_ter(struct hkp_mesh_runner *r, hkp_time now);
/** A REBASE record is durable. */
void hkp_mesh__policy_logged(struct hkp_mesh_runner *r, const uint8_t *body);
void hkp_mesh__policy_close(struct hkp_mesh_runner *r);

/* runner_tpm.c */
/** Whether a TPM answers there shows when the keys are opened. */
hkp_status hkp_mesh__tpm_open(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                              struct hkp_mesh_fault *fault);
/** The attestation key of the options, which the TPM has to quote with; with evidence TPM it is required. */
hkp_status hkp_mesh__tpm_ak(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                            struct hkp_mesh_fault *fault);
/** Descriptor to poll; -1: the TPM does nothing for us. */
int hkp_mesh__tpm_fd(const struct hkp_mesh_runner *r);
/** The node asks for a quote; what the TPM has done is taken. Both return at once. */
void hkp_mesh__tpm_quote(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);
void hkp_mesh__tpm_step(struct hkp_mesh_runner *r);

/* runner_renewal.c */
/** The own certificate nears its end, or there is a newer one. */
void hkp_mesh__renewal_tell(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);
/** How it stands, for "status". */
json_t *hkp_mesh__renewal_json(const struct hkp_mesh_runner *r);

/* runner_restart.c */
void hkp_mesh__restart_apply(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *path);

/* runner_audit.c */
hkp_status hkp_mesh__audit_open(struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault);
/** An entry of HKP_DSM_AUDIT_* about what[len]. */
void hkp_mesh__audit(struct hkp_mesh_runner *r, uint32_t type, const uint8_t actor[16], const void *what,
                     size_t len);
/** The entry of a fact, if it is one of those that are kept. */
void hkp_mesh__audit_event(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);
void hkp_mesh__audit_step(struct hkp_mesh_runner *r);
hkp_time hkp_mesh__audit_wake(const struct hkp_mesh_runner *r);
void hkp_mesh__audit_close(struct hkp_mesh_runner *r);

/* runner_submit.c */
void hkp_mesh__submit_file(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *path);
void hkp_mesh__op_ask(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__op_send(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__post_keep(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev, const char *who);
void hkp_mesh__op_retire(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__op_tombstone(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);

/* runner_work.c */
/** A policy, an order or a run: to the log and the audit log, and to the client who waits for it. */
void hkp_mesh__work_event(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);
/** 1: the request was one of these, and is or will be answered. */
int hkp_mesh__work_request(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, const char *op,
                           const json_t *req);

/* control_status.c */
void hkp_mesh__op_status(struct hkp_mesh_runner *r, struct hkp_mesh__client *c);
void hkp_mesh__op_telemetry(struct hkp_mesh_runner *r, struct hkp_mesh__client *c);
void hkp_mesh__op_trust_release(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);

/* control_intel.c */
/** "type" and "value" of a request, canonical; 0: it was refused. */
uint32_t hkp_mesh__indicator(struct hkp_mesh__client *c, const json_t *req,
                             uint8_t value[HKP_MESH_IOC_VALUE_MAX], size_t *len);
void hkp_mesh__op_lookup(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__op_list(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__op_report(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, json_t *req);
void hkp_mesh__control_proof(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev);

/* control.c */
/** As hex digits; NULL: no memory. */
json_t *hkp_mesh__hex(const uint8_t *bytes, size_t len);
/** Sends one line; takes object. */
void hkp_mesh__reply(struct hkp_mesh__client *c, json_t *object);
void hkp_mesh__refuse(struct hkp_mesh__client *c, const char *why);
hkp_status hkp_mesh__control_open(struct hkp_mesh_runner *r, const char *path, struct hkp_mesh_fault *fault);
void hkp_mesh__control_accept(struct hkp_mesh_runner *r);
void hkp_mesh__control_serve(struct hkp_mesh_runner *r, struct hkp_mesh__client *c, int readable);
void hkp_mesh__control_close(struct hkp_mesh_runner *r);

#endif
