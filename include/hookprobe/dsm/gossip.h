/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: neighbours (D-GSP-1 to D-GSP-5). A node that is told its own addresses keeps neighbours by
 * itself: it says whom to connect and which sessions it needs no more. A node that is not told any takes
 * every session that its host opens for a neighbour.
 */
#ifndef HOOKPROBE_DSM_GOSSIP_H
#define HOOKPROBE_DSM_GOSSIP_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits of peer records; sizes in bytes. */
enum {
    HKP_DSM_ADDRESSES_MAX = 8,
    HKP_DSM_PEER_RECORD_MAX = 512,
    /** seconds from now until a record expires, at most */
    HKP_DSM_PEER_RECORD_LIFE_S = 86400
};

/** Transports of an address. */
enum { HKP_DSM_TRANSPORT_UDP = 0, HKP_DSM_TRANSPORT_TCP = 1 };

/** Bits of features; 8 to 15 are the highest version of blocks and headers understood, minus 1. */
enum { HKP_DSM_FEATURE_IBLT = 1, HKP_DSM_FEATURE_BATTERY = 2 };

/** Facts, beside those of hkp_dsm_event(). */
enum {
    /** a session with node_id is wanted; data: its peer record */
    HKP_DSM_EV_CONNECT = 44,
    /** the session with node_id is not needed, or its peer does not answer; status HKP_OK or HKP_E_NOTFOUND
     */
    HKP_DSM_EV_CLOSE = 45
};

/** How a node shows itself (HTP 9): a quiet one is not probed and probes nobody, a ghost gets nothing pushed.
 */
enum { HKP_DSM_STANCE_OPEN = 0, HKP_DSM_STANCE_STEALTH = 1, HKP_DSM_STANCE_GHOST = 2 };

/** Where a node can be reached. */
struct hkp_dsm_address {
    /** 4 or 16 bytes of it are used */
    uint8_t ip[16];
    /** 4 or 16 */
    uint32_t ip_len;
    /** 1..65535 */
    uint32_t port;
    /** HKP_DSM_TRANSPORT_* */
    uint32_t transport;
    /** must be 0 */
    uint32_t reserved0;
};

/** A peer record (D-GSP-1). */
struct hkp_dsm_peer_record {
    uint8_t node_id[16];
    /** rises with each record of a node */
    uint64_t seq;
    /** seconds, Unix */
    uint64_t expires_s;
    uint32_t n_addresses;
    uint32_t features;
    uint32_t tier;
    uint32_t roles;
    struct hkp_dsm_address addresses[HKP_DSM_ADDRESSES_MAX];
};

/** How gossip stands. */
struct hkp_dsm_gossip_status {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** 1: this node keeps its neighbours by itself */
    uint32_t on;
    /** neighbours; those of them that we push to; nodes known beside them */
    uint32_t links;
    uint32_t eager;
    uint32_t passive;
    /** nodes that are sent away now */
    uint32_t away;
    /** health score of probes, 1 (good) .. 8 (D-GSP-5) */
    uint32_t health;
    /** must be ignored */
    uint32_t reserved0;
    /** items pushed, copies received, GRAFT sent, sessions given up because nobody answered */
    uint64_t pushed;
    uint64_t copies;
    uint64_t asked;
    uint64_t silent;
};

/**
 * Read a peer record without judging who signed it.
 *
 * @param in      [len] envelope of kind 6, borrowed for the call
 * @param len     bytes
 * @param record  filled on success
 *
 * @retval HKP_OK            read
 * @retval HKP_E_DSM_TOO_BIG  longer than a record may be
 * @retval HKP_E_DSM_KIND    no peer record
 * @retval HKP_E_DSM_SCHEMA  malformed; the E_CBOR codes likewise
 *
 * Cost: none; no signature is checked.
 * Source: D-GSP-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_record_parse(const uint8_t *in, size_t len,
                                                          struct hkp_dsm_peer_record *record);

/**
 * Read a peer record and check it.
 *
 * @param in        [len] envelope of kind 6, borrowed for the call
 * @param len       bytes
 * @param chain_id  [32] name of the mesh
 * @param key       [32] key of the certificate of its signer
 * @param now_s     Unix seconds
 * @param record    filled on success
 *
 * @retval HKP_OK             right
 * @retval HKP_E_DSM_SIG      not signed by that key
 * @retval HKP_E_DSM_EXPIRED  its time is over
 * @retval HKP_E_DSM_TIME     it claims to hold for more than a day
 * @retval HKP_E_DSM_SCHEMA   malformed; other codes of hkp_dsm_peer_record_parse() likewise
 *
 * Cost: one signature check.
 * Source: D-GSP-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_record_check(const uint8_t *in, size_t len,
                                                          const uint8_t chain_id[32], const uint8_t key[32],
                                                          uint64_t now_s, struct hkp_dsm_peer_record *record);

/**
 * Write and sign a peer record.
 *
 * @param record    what to say; node_id is the signer
 * @param chain_id  [32] name of the mesh
 * @param secret    [64] Ed25519 secret of the signer
 * @param dst       [cap] receives the envelope
 * @param cap       bytes, HKP_DSM_PEER_RECORD_MAX is enough
 * @param len       receives its length
 *
 * @retval HKP_OK             written
 * @retval HKP_E_DSM_SCHEMA   a field is out of range
 * @retval HKP_E_NOSPC        dst is too small
 *
 * Cost: one signature.
 * Source: D-GSP-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_record_build(const struct hkp_dsm_peer_record *record,
                                                          const uint8_t chain_id[32],
                                                          const uint8_t secret[64], uint8_t *dst, size_t cap,
                                                          size_t *len);

/**
 * Tell a node its own addresses: from now on it keeps its neighbours by itself.
 *
 * Its record is signed anew with each call, and before it expires. Sessions that are up already are looked at
 * as if they came now.
 *
 * @param node       a running node
 * @param now        nanoseconds, monotonic
 * @param wall_us    Unix microseconds
 * @param addresses  [n] where it can be reached, borrowed for the call
 * @param n          1..8
 * @param features   HKP_DSM_FEATURE_*
 *
 * @retval HKP_OK       told
 * @retval HKP_E_INVAL  n or an address is out of range
 * @retval HKP_E_STATE  the node does not run
 * @retval HKP_E_LIMIT  no memory is left for the record
 *
 * Cost: one or two signatures; no allocation.
 * Source: D-GSP-1, D-GSP-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_addresses(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                         const struct hkp_dsm_address *addresses, uint32_t n,
                                                         uint32_t features);

/**
 * Hand over a peer record that the host has: of a list, of a file, of an invitation.
 *
 * @param node     a node that was told its addresses
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param record   [len] envelope of kind 6, borrowed for the call
 * @param len      bytes
 *
 * @retval HKP_OK            known now
 * @retval HKP_E_STATE       the node does not run, or was not told its addresses
 * @retval HKP_E_DSM_SIGNER  the certificate of its signer is not known here
 * @retval HKP_E_DSM_SIG     not signed by its signer; other codes of hkp_dsm_peer_record_check() likewise
 *
 * Cost: one signature check; no allocation.
 * Source: D-GSP-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_learn(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                     const uint8_t *record, size_t len);

/**
 * A session that EV_CONNECT asked for did not come.
 *
 * @param node  a running node
 * @param now   nanoseconds, monotonic
 * @param peer  [16] node_id
 *
 * @retval HKP_OK       noted
 * @retval HKP_E_STATE  the node does not run, or was not told its addresses
 *
 * Cost: none.
 * Source: D-GSP-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_failed(hkp_dsm_node *node, hkp_time now,
                                                      const uint8_t peer[16]);

/**
 * How a peer shows itself, or this node.
 *
 * A node that is quiet does anti-entropy only together with its heartbeat: the host tells its stance again
 * with each heartbeat, and one turn follows. Quiet peers are not asked, they ask by themselves.
 *
 * @param node    a running node
 * @param peer    [16] node_id; NULL: this node
 * @param stance  HKP_DSM_STANCE_*
 *
 * @retval HKP_OK          noted
 * @retval HKP_E_INVAL     no stance
 * @retval HKP_E_NOTFOUND  the peer is not up
 *
 * Cost: none.
 * Source: D-GSP-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_stance(hkp_dsm_node *node, const uint8_t peer[16],
                                                      uint32_t stance);

/**
 * What the network loses on the way to a peer.
 *
 * @param node       a running node
 * @param peer       [16] node_id
 * @param per_mille  packets lost of 1000; above 50 the peer always gets copies by push
 *
 * @retval HKP_OK          noted
 * @retval HKP_E_INVAL     above 1000
 * @retval HKP_E_NOTFOUND  the peer is not up
 *
 * Cost: none.
 * Source: D-GSP-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_loss(hkp_dsm_node *node, const uint8_t peer[16],
                                                    uint32_t per_mille);

/**
 * How gossip stands.
 *
 * @param node    a node
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: looks at each link.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_gossip_status(const hkp_dsm_node *node,
                                                      struct hkp_dsm_gossip_status *status);

#ifdef __cplusplus
}
#endif

#endif
