/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: a member of a mesh: its instances, sessions, agreement and intelligence, without I/O
 * (mesh.md 6.1).
 */
#ifndef HOOKPROBE_MESH_NODE_H
#define HOOKPROBE_MESH_NODE_H

#include <hookprobe/mesh/intel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lower libraries appear here as opaque names only; their headers say what they are. */
struct hkp_htp_endpoint;
struct hkp_dsm_node;
struct hkp_dsm_address;

/** A member of a mesh. */
typedef struct hkp_mesh_node hkp_mesh_node;

/** What a node writes to disk by name, through HKP_MESH_EVENT_STORE. */
enum { HKP_MESH_NAME_MAX = 64 };

/** Where another member can be reached. */
struct hkp_mesh_peer {
    uint8_t node_id[16];
    /** its X25519 key */
    uint8_t s[32];
    /** IPv6 address, or IPv4 as ::ffff:a.b.c.d */
    uint8_t addr[16];
    uint16_t port;
    uint16_t reserved0;
    uint32_t scope;
    /** [certificate_len] its certificate, borrowed for the call; NULL: it shows it in the handshake */
    const uint8_t *certificate;
    size_t certificate_len;
};

/** Options of a node; zero is the default where not said otherwise. */
struct hkp_mesh_node_options {
    /** set by hkp_mesh_node_options_init() */
    uint32_t struct_size;
    /** 1: the host's clock is synchronised (D-BLK-16) */
    uint32_t clock_synchronised;
    struct hkp_mem mem;
    /** required */
    struct hkp_rng rng;
    /** Ed25519 seed of the certified key A; required */
    uint8_t a_seed[32];
    /** X25519 secret of the certified key S; required */
    uint8_t s_secret[32];
    /** key under which neural state is stored; required */
    uint8_t state_key[32];
    /** given to all nodes out of band, or zero (NZ1 22.3) */
    uint8_t mesh_seed[32];
    /** host identity of D-BLK-7, or zero */
    uint8_t host[32];
    /** the policy key that signs manifests and rebases */
    uint8_t policy_key[32];
    /** first RBA1: h_ref and policy_ver in force at the start (NZ1 22.7) */
    uint8_t rebase[192];
    /** canonical genesis and own certificate, borrowed for the call; required */
    const uint8_t *genesis;
    size_t genesis_len;
    const uint8_t *certificate;
    size_t certificate_len;
    /** [n_peers] other members, borrowed for the call */
    const struct hkp_mesh_peer *peers;
    size_t n_peers;
    /** pace of checkpoints, nanoseconds; 0: 1 s (D-SMX-9); HKP_TIME_NEVER: none */
    uint64_t checkpoint_ns;
    /** network delay that consensus starts with, nanoseconds; 0: 250 ms (D-SMX-8) */
    uint64_t delay_ns;
    /** declared TER period, microseconds; 0: 1 s; 100 ms .. 60 s */
    uint64_t ter_period_us;
    /** how long TERs are collected before they are sent, nanoseconds; 0: 5 s (SYN-2.5); at most that */
    uint64_t ter_batch_ns;
    /** TERs between commits; 0: 4096 (NZ1 17) */
    uint32_t commit_every;
    /** seconds, 1..120; 0: 30 */
    uint32_t heartbeat_s;
    /** seconds, 10..60; 0: 60 */
    uint32_t rekey_s;
    /** threat records held; 0: 50000 */
    uint32_t intel_records;
    /** a peer whose measured files differ from its reference: 0 its sessions are limited as by a T of 0.40
     *  (HTP-8.6); 1 those that are open are closed with POLICY, and later ones limited until both agree */
    uint32_t integrity_close;
    /** for keys and neural states, as hkp_ter_locked_mem() gives it; zero: mem */
    struct hkp_mem secret_mem;
    /** [n_addresses] where this node can be reached, at most 8, borrowed for the call; with them libdsm keeps
     * its neighbours by itself (D-GSP-2), without them every session is one */
    const struct hkp_dsm_address *addresses;
    size_t n_addresses;
    /** evidence that each session's peer must give (D-AUTH), HKP_DSM_EVIDENCE_*; until it did the session
     * carries lanes 0 and 1 only; TPM wants attest_policy */
    uint32_t attest;
    /** seconds between two batches of telemetry (telemetry.h), HKP_MESH_TELEMETRY_S_MIN.._MAX; 0:
     * HKP_MESH_TELEMETRY_S; HKP_MESH_TELEMETRY_OFF: none, what peers tell is kept all the same */
    uint32_t telemetry_s;
    /** what a TPM must say, and the own attestation key (attest.h); borrowed for the call; NULL: none */
    const struct hkp_mesh_attest_policy *attest_policy;
    /** Unix seconds at which the host was built; 0: not known (D-CERT-5) */
    uint64_t build_s;
    /** digest of a recent boundary, or zeros: as in hkp_dsm_node_options (D-SYN-2) */
    uint8_t boundary[32];
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
HKP_API void hkp_mesh_node_options_init(struct hkp_mesh_node_options *opt, size_t size);

/**
 * Make a node: DORMANT, with nothing loaded.
 *
 * Next: hkp_mesh_log_end(), hkp_mesh_restore() for each stored file (names in descending order), then
 * hkp_mesh_join().
 *
 * @param out      the object on success; the caller frees it
 * @param opt      borrowed for the call
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       made
 * @retval HKP_E_INVAL  an option is out of its range, a key is not that of the certificate, or rng is missing
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM  no memory
 *
 * Errors of the genesis and the certificates are those of libdsm, of the rebase those of libneuro.
 *
 * Cost: all long-lived memory; sessions and queues come from pools made here.
 * Source: mesh.md M-API, NZ1 22.7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_node_new(hkp_mesh_node **out,
                                                  const struct hkp_mesh_node_options *opt, hkp_time now,
                                                  uint64_t wall_us);

/**
 * Wipe and free a node; nothing is sent.
 *
 * @param node  the object or NULL
 *
 * Cost: none.
 * Source: style 2.8.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_node_free(hkp_mesh_node *node);

/**
 * Give back a file that HKP_MESH_EVENT_STORE wrote in an earlier run.
 *
 * @param node  a node that has not joined
 * @param name  its name, NUL-terminated
 * @param data  [len] its content, borrowed for the call
 * @param len   bytes
 *
 * @retval HKP_OK        taken
 * @retval HKP_E_NOTFOUND  not a name of this node or its peers
 * @retval HKP_E_INVAL   given back twice, or empty
 * @retval HKP_E_STATE  the node has joined, or the end of its log is not known yet
 *
 * Damage is an error of libneuro.
 *
 * Cost: opens one snapshot.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_restore(hkp_mesh_node *node, const char *name, const uint8_t *data,
                                                 size_t len);

/**
 * Say where the own TER log ends, and what its last checkpoint is.
 *
 * @param node     a node that has not joined
 * @param cursor   [104] cursor at its end (hkp_ter_cursor_encode())
 * @param tck      [256] last TCK1; NULL: none yet
 * @param before   [96] h and TER before that TCK1's index: h_{n-1} (32) || TER_{n-1} (64); NULL: not held any
 * more, then the next checkpoint is needed before this node can enrol
 * @param boot_id  [16] of this start
 *
 * @retval HKP_OK       taken
 * @retval HKP_E_INVAL  cursor or tck are malformed or do not belong together
 * @retval HKP_E_STATE  the node has joined
 *
 * Cost: none.
 * Source: NZ1 5.2, 22.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_log_end(hkp_mesh_node *node, const uint8_t cursor[104],
                                                 const uint8_t *tck, const uint8_t *before,
                                                 const uint8_t boot_id[16]);

/**
 * Join: load the chain, connect to peers, take part. DORMANT becomes AWAKENING.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK              joining; drain events
 * @retval HKP_E_MESH_STATE    no peer is configured, or it has joined already
 *
 * Cost: none; the work follows by events.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_join(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * Leave: close all sessions with reason SHUTDOWN. Send what hkp_htp_send() still has, then free.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * Cost: one CLOSE per session.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_leave(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * The transport of a node: the host moves its datagrams (hkp_htp_recv(), hkp_htp_send(), or a driver of
 * libhtp), calls hkp_mesh_tick() afterwards, and nothing else on it.
 *
 * @param node  the object
 *
 * @return the endpoint, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API struct hkp_htp_endpoint *hkp_mesh_endpoint(hkp_mesh_node *node);

/**
 * The agreement of a node: for hkp_dsm_store_apply() and hkp_dsm_store_commit(), and nothing else.
 *
 * @param node  the object
 *
 * @return the libdsm node, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-API, ruling 10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API struct hkp_dsm_node *hkp_mesh_dsm(hkp_mesh_node *node);

/**
 * The threat cache of a node, for lookups.
 *
 * @param node  the object
 *
 * @return the cache, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-CACHE.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const hkp_mesh_intel *hkp_mesh_node_intel(const hkp_mesh_node *node);

/**
 * Hand over the next own TER, which is durable in the log.
 *
 * @param node     a node that has joined
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param ter      [64] the TER
 * @param root     [32] R behind its h_integrity
 * @param flags    HKP_TER_FLAG_CLOCK_* of its capture, and BOOT, GAP, BOOT_MADE as they apply
 *
 * @retval HKP_OK       taken; every own instance has absorbed it
 * @retval HKP_E_STATE  the node has not joined
 *
 * Errors of hkp_ter_cursor_accept() pass through.
 *
 * Cost: one evolution per own instance (about 35 us each).
 * Source: NZ1 10, 22.2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ter(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                             const uint8_t ter[64], const uint8_t root[32], uint32_t flags);

/**
 * Publish a threat record as an own microblock.
 *
 * @param node     a node that has joined
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param record   canonical record, borrowed for the call
 * @param seq      number of the block that carries it
 *
 * @retval HKP_OK            signed; HKP_MESH_EVENT_PUBLISHED follows when it is durable
 * @retval HKP_E_STATE       the node has not joined, or its chain is not loaded yet
 * @retval HKP_E_MESH_STATE  no TER is durable yet, which a block of a NEURO node names
 * @retval HKP_E_MESH_LIMIT  over the cap of blocks; try later
 *
 * Errors of hkp_mesh_record_encode() pass through.
 *
 * Cost: one signature.
 * Source: mesh.md M-API, D-BLK.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_report_threat(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                       const struct hkp_mesh_record *record, uint64_t *seq);

/**
 * Ask for the portable proof of a threat record; HKP_MESH_EVENT_PROOF of that ticket answers.
 *
 * The node verifies the proof against its trusted validator set before it hands it out.
 *
 * @param node    a node that has joined
 * @param now     nanoseconds, monotonic
 * @param origin  author, seq and position of the record
 * @param ticket  receives the number of the answer
 *
 * @retval HKP_OK       asked
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the chain is not loaded
 * @retval HKP_E_INVAL  position out of range
 *
 * Cost: reads of the store, then q signature checks.
 * Source: M-TI-10, D-SYN-4 to D-SYN-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_prove(hkp_mesh_node *node, hkp_time now,
                                               const struct hkp_mesh_origin *origin, uint64_t *ticket);

/**
 * Do what is due: timers, what arrived at the endpoint, what became durable.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * Cost: bounded by what arrived.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_tick(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * When hkp_mesh_tick() is next needed.
 *
 * @param node  the object
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: one pass over the peers.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API hkp_time hkp_mesh_wake(const hkp_mesh_node *node);

#ifdef __cplusplus
}
#endif

#endif
