/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: a node with its sockets, files, TERs and control socket. These functions do I/O.
 */
#ifndef HOOKPROBE_MESH_RUNNER_H
#define HOOKPROBE_MESH_RUNNER_H

#include <hookprobe/mesh/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A node that runs. */
typedef struct hkp_mesh_runner hkp_mesh_runner;

/** Levels of what a runner says. */
enum { HKP_MESH_LOG_ERROR = 1, HKP_MESH_LOG_NOTE = 2, HKP_MESH_LOG_INFO = 3, HKP_MESH_LOG_DEBUG = 4 };

/** Where words for people go; called from within hkp_mesh_runner_new() and _step(). */
struct hkp_mesh_log {
    void *user;
    /** text is NUL-terminated, one line, borrowed for the call */
    void (*line)(void *user, uint32_t level, const char *text);
};

/** Where a runner's configuration or stored state is wrong. */
struct hkp_mesh_fault {
    /** file or option, NUL-terminated */
    char what[256];
    /** why, NUL-terminated */
    char why[192];
    /** byte offset in the file; 0xFFFFFFFFFFFFFFFF if not known */
    uint64_t offset;
};

/** Another member, in words. */
struct hkp_mesh_runner_peer {
    /** 32 hex digits */
    const char *node_id;
    /** X25519 key, 64 hex digits */
    const char *key;
    /** "address:port" */
    const char *address;
};

/** Options of a runner; all text is NUL-terminated and borrowed for the call. */
struct hkp_mesh_runner_options {
    /** set by hkp_mesh_runner_options_init() */
    uint32_t struct_size;
    /** 1: the operator vouches for the clock */
    uint32_t clock_trusted;
    /** folder made by hkp_mesh_provision(); required */
    const char *data_dir;
    /** "address:port"; NULL: "[::]:8144" */
    const char *listen;
    /** path of the control socket; NULL: control.sock in data_dir */
    const char *control;
    /** EVE file or FIFO to read; NULL: none */
    const char *eve;
    /** [n_peers] */
    const struct hkp_mesh_runner_peer *peers;
    size_t n_peers;
    /** 1: read the EVE file from its start; 0: only what is appended */
    uint32_t eve_from_start;
    /** milliseconds; 0: default; see hkp_mesh_node_options */
    uint32_t ter_period_ms;
    uint32_t ter_batch_ms;
    uint32_t checkpoint_ms;
    uint32_t delay_ms;
    uint32_t commit_every;
    uint32_t heartbeat_s;
    uint32_t rekey_s;
    uint32_t intel_records;
    /** 1: no pause between checkpoints (benchmarks) */
    uint32_t checkpoint_at_once;
    struct hkp_mesh_log log;
    /** [passphrase_len] of the keys, wiped by the caller; NULL: none */
    const uint8_t *passphrase;
    size_t passphrase_len;
    /** TPM that sealed the keys, as in hkp_ter_tpm_options; NULL: none */
    const char *tpm;
    /** as in hkp_mesh_node_options */
    uint32_t integrity_close;
    uint32_t attest;
    /** [n_addresses] where others reach this node, "address:port", at most 8: told in its peer record
     * (D-GSP-1); with them the node keeps its neighbours by itself; none: every session is one */
    const char *const *addresses;
    size_t n_addresses;
    /** as in hkp_mesh_node_options, without ak_area */
    const struct hkp_mesh_attest_policy *attest_policy;
    /** attestation key of tpm as "hookprobe tpm ak" wrote it, with its public area beside it in FILE.area;
     * the certificate names it; NULL: none */
    const char *ak;
    /** digest of a recent boundary, 64 hex digits; NULL: none (D-SYN-2) */
    const char *boundary;
    /** as in hkp_mesh_node_options */
    uint32_t telemetry_s;
    /** must be 0 */
    uint32_t reserved0;
};

/**
 * Fill options with the defaults.
 *
 * @param opt   options of the caller, written
 * @param size  sizeof *opt
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_runner_options_init(struct hkp_mesh_runner_options *opt, size_t size);

/**
 * Start a node: read its folder, bind its sockets, load its state, join. Nothing starts if anything is wrong.
 *
 * @param out    the object on success; the caller frees it
 * @param opt    borrowed for the call
 * @param fault  says where and why on failure; may be NULL
 *
 * @retval HKP_OK       runs; call hkp_mesh_runner_step()
 * @retval HKP_E_INVAL  an option is wrong
 * @retval HKP_E_NOMEM  no memory
 * @retval HKP_E_STATE  another process uses the folder
 * @retval HKP_E_IO     the system refused
 *
 * Damaged files are errors of the library that reads them; they are left as they are.
 *
 * Cost: reads the stored state.
 * Source: mesh.md M-API, NZ1 22.7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_runner_new(hkp_mesh_runner **out,
                                                    const struct hkp_mesh_runner_options *opt,
                                                    struct hkp_mesh_fault *fault);

/**
 * Wait for work at most so long, and do it.
 *
 * @param runner       the object
 * @param max_wait_ms  milliseconds, 0..60000
 *
 * @retval HKP_OK    go on
 * @retval HKP_E_IO  the system refused; free it
 *
 * Damage found on the way is an error of the library that found it; free the runner then.
 *
 * Cost: one poll and what is due.
 * Source: style 3.10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_runner_step(hkp_mesh_runner *runner, uint32_t max_wait_ms);

/**
 * The node inside.
 *
 * @param runner  the object
 *
 * @return the node, owned by the runner
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API hkp_mesh_node *hkp_mesh_runner_node(hkp_mesh_runner *runner);

/**
 * Leave the mesh, write what is left, close everything.
 *
 * @param runner  the object or NULL
 *
 * Cost: at most 2 s.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_runner_free(hkp_mesh_runner *runner);

#ifdef __cplusplus
}
#endif

#endif
