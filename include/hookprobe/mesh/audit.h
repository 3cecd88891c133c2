/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: the audit log of a node as files (D-AUD-1 to D-AUD-3). In its folder stand "entries", every
 * entry behind its length (2 bytes, big-endian), and "heads", every AUDIT_HEAD envelope likewise. Whoever
 * opens the log reads all of it again: what was edited, inserted, deleted, reordered or cut off below a head
 * is found. These functions do I/O.
 */
#ifndef HOOKPROBE_MESH_AUDIT_H
#define HOOKPROBE_MESH_AUDIT_H

#include <hookprobe/dsm.h>
#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hkp_mesh_fault;

/** An audit log on disk. */
typedef struct hkp_mesh_audit hkp_mesh_audit;

struct hkp_mesh_audit_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** must be 0 */
    uint32_t reserved0;
    /** folder, NUL-terminated; made if secret is given; required */
    const char *dir;
    /** [32] name of the mesh and [16] whose log; required */
    const uint8_t *chain_id;
    const uint8_t *node_id;
    /** [64] Ed25519 secret of the owner; NULL: the log is only read, and nothing is changed on disk */
    const uint8_t *secret;
    /** certificates by which the signatures of the heads are checked; NULL: they are not */
    const struct hkp_dsm_directory *directory;
    /** called for each entry while the log is opened, in order; NULL: not. entry and its bytes are valid for
     * the call */
    void (*each)(void *user, const struct hkp_dsm_audit_entry *entry, const uint8_t *bytes, size_t len);
    /** handed to each */
    void *user;
};

/**
 * Fill options with defaults.
 *
 * @param opt   options, owned by the caller
 * @param size  sizeof *opt as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_audit_options_init(struct hkp_mesh_audit_options *opt, size_t size);

/**
 * Open a log and read it from the first entry on, every head against what stands before it.
 *
 * @param out    receives the log, owned by the caller; hkp_mesh_audit_close()
 * @param opt    options, borrowed for the call
 * @param fault  filled on failure: which file and where; NULL allowed
 *
 * @retval HKP_OK               whole; the last bytes of a write that a crash cut are dropped
 * @retval HKP_E_INVAL          something required is missing
 * @retval HKP_E_IO             the system refused
 * @retval HKP_E_NOTFOUND       there is no log, and it is only read
 * @retval HKP_E_NOMEM          no memory
 * @retval HKP_E_TOOBIG         a file above 256 MiB
 * @retval HKP_E_DSM_PREV..     entries were changed: codes of hkp_dsm_audit_replay()
 * @retval HKP_E_DSM_PROOF..    heads do not fit the entries, or each other: codes of hkp_dsm_audit_agree(),
 * hkp_dsm_audit_head_follows()
 * @retval HKP_E_DSM_SIG..      a head is not signed by the owner: codes of hkp_dsm_audit_head_check()
 *
 * Cost: reads both files; a hash for each entry, a signature for each head.
 * Source: D-AUD-1, D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_open(hkp_mesh_audit **out,
                                                    const struct hkp_mesh_audit_options *opt,
                                                    struct hkp_mesh_fault *fault);

/**
 * Append an entry; it is durable with the next head.
 *
 * @param audit    a log with a secret
 * @param now      nanoseconds, monotonic
 * @param time_us  Unix microseconds
 * @param type     HKP_DSM_AUDIT_ENROLMENT..BLOCKING
 * @param actor    [16] who did it, node_id or zeros
 * @param data     [32] digest of what was done
 *
 * @retval HKP_OK       appended
 * @retval HKP_E_INVAL  type is unknown
 * @retval HKP_E_STATE  the log is only read
 * @retval HKP_E_LIMIT  256 entries have no head yet: take one first
 * @retval HKP_E_IO     the system refused; the log takes no more
 *
 * Cost: one write.
 * Source: D-AUD-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_append(hkp_mesh_audit *audit, hkp_time now, uint64_t time_us,
                                                      uint32_t type, const uint8_t actor[16],
                                                      const uint8_t data[32]);

/**
 * When the next head is due.
 *
 * @param audit  a log
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if every entry is under a head
 *
 * Cost: none.
 * Source: D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API hkp_time hkp_mesh_audit_wake(const hkp_mesh_audit *audit);

/**
 * Make a head over all entries: these are synchronised first, the head is written and synchronised before it
 * is returned, so that nobody sees a head whose log may be lost.
 *
 * @param audit    a log with a secret
 * @param now      nanoseconds, monotonic
 * @param time_us  Unix microseconds
 * @param force    1: also before it is due; 0: only when due
 * @param dst      [cap] AUDIT_HEAD envelope; undefined on failure
 * @param cap      bytes; HKP_DSM_AUDIT_HEAD_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  not due, or no entry since the last head
 * @retval HKP_E_STATE     the log is only read
 * @retval HKP_E_NOSPC     cap is too small
 * @retval HKP_E_IO        the system refused; the log takes no more
 *
 * Cost: one signature, two fdatasync.
 * Source: D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_head(hkp_mesh_audit *audit, hkp_time now, uint64_t time_us,
                                                    int32_t force, uint8_t *dst, size_t cap, size_t *len);

/**
 * How a log stands.
 *
 * @param audit   a log
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: at most 62 hashes.
 * Source: D-AUD-3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_status(const hkp_mesh_audit *audit,
                                                      struct hkp_dsm_audit_status *status);

/**
 * Newest head of a log.
 *
 * @param audit  a log
 * @param dst    [cap] AUDIT_HEAD envelope; undefined on failure
 * @param cap    bytes; HKP_DSM_AUDIT_HEAD_MAX always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  it has none
 * @retval HKP_E_NOSPC     cap is too small
 *
 * Cost: a copy.
 * Source: D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_newest(const hkp_mesh_audit *audit, uint8_t *dst, size_t cap,
                                                      size_t *len);

/**
 * Give the mesh a head of this node's log: as an AUDIT block, which the checkpoint makes final, and by
 * gossip.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param head     [len] AUDIT_HEAD envelope of this node, borrowed for the call
 * @param len      bytes
 * @param seq      receives the number of the block; untouched on failure
 *
 * @retval HKP_OK               signed; HKP_MESH_EVENT_PUBLISHED follows when it is durable
 * @retval HKP_E_STATE          the node has not joined, has left, or is still loading
 * @retval HKP_E_MESH_STATE     it has no TER yet
 * @retval HKP_E_MESH_LIMIT     too many blocks, or no room: later
 * @retval HKP_E_DSM_NODE_ID    the head is of another node
 * @retval HKP_E_DSM_SIG..      codes of hkp_dsm_audit_head_check()
 *
 * Cost: two signatures' worth of work.
 * Source: D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_publish(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                       const uint8_t *head, size_t len, uint64_t *seq);

/**
 * Newest head of the audit log of another member, as this node verified it.
 *
 * @param node     a node
 * @param node_id  [16] of a configured peer
 * @param head     filled; untouched on failure
 *
 * @retval HKP_OK          filled
 * @retval HKP_E_NOTFOUND  no such peer, or none came since the start
 *
 * Cost: a search.
 * Source: D-AUD-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_audit_of(const hkp_mesh_node *node, const uint8_t node_id[16],
                                                  struct hkp_dsm_audit_head *head);

/**
 * Close a log; entries without a head stay as they are.
 *
 * @param audit  a log or NULL
 *
 * Cost: one fdatasync of entries that were not.
 * Source: style 2.8.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_audit_close(hkp_mesh_audit *audit);

#ifdef __cplusplus
}
#endif

#endif
