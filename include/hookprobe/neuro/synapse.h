/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: the synapse network of one node (SYN-5, SYN-7). Peers come from completed exchanges
 * (resonance.h); messages to and from them stand inside the protection of HTP and have a key each.
 *
 *     hkp_neuro_network_new()            create a network
 *     hkp_neuro_network_register()       a peer, after HKP_NEURO_EXCHANGE_DONE
 *     hkp_neuro_network_send()           a message for it
 *     hkp_neuro_network_receive()        a message from it
 */
#ifndef HOOKPROBE_NEURO_SYNAPSE_H
#define HOOKPROBE_NEURO_SYNAPSE_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of the other parts, whichever of them is read first. */
struct hkp_neuro_ce;
struct hkp_neuro_ce_row;
struct hkp_neuro_exchange_result;

/* Sizes in bytes and limits (SYN-5, SYN-7, SYN-11). */
enum {
    /** a message with its head and tag */
    HKP_NEURO_MESSAGE_MAX = 65000,
    /** what a message adds to its text */
    HKP_NEURO_MESSAGE_ADDS = 48,
    /** peers of a network, default and at most */
    HKP_NEURO_PEERS = 64,
    HKP_NEURO_PEERS_MAX = 1024,
    HKP_NEURO_GROUP_MIN = 2,
    HKP_NEURO_GROUP_MAX = 16,
    /** seconds into a generation at which a new one is asked for, so that it is there after 600 */
    HKP_NEURO_RENEW_S = 570
};

/* Events of a network. */
enum {
    HKP_NEURO_NETWORK_NONE = 0,
    /** the peer is LOST: its keys are gone, messages are refused until a new session is registered */
    HKP_NEURO_NETWORK_LOST = 1,
    /** its drift state changed: value is the new one */
    HKP_NEURO_NETWORK_STATE = 2,
    /** a new generation is due: do an exchange */
    HKP_NEURO_NETWORK_RENEW = 3,
    /** the peer showed another CE for an epoch of which this node holds one */
    HKP_NEURO_NETWORK_CE_DIFFERS = 4
};

/** The caller's clock, read around each use of a message key; none: nothing is measured. */
struct hkp_neuro_clock {
    /** handed to read */
    void *user;
    /** monotonic nanoseconds */
    uint64_t (*read)(void *user);
};

/** A network of one node. */
struct hkp_neuro_network_options {
    uint32_t struct_size;
    /** peers at one time, 1..1024; 0: 64 */
    uint32_t peers;
    uint8_t own_id[16];
    uint8_t chain_id[32];
    /** for measuring how long keys live; optional */
    struct hkp_neuro_clock clock;
    struct hkp_mem mem;
};

/** A resonance group (SYN-7.1): the fields of its descriptor, whose envelope was good. */
struct hkp_neuro_group {
    uint8_t group_id[16];
    uint32_t version;
    uint32_t n_members;
    /** [n_members] ascending */
    uint8_t members[16][16];
    /** Unix seconds */
    uint64_t not_after_s;
};

/** An event. */
struct hkp_neuro_network_event {
    /** HKP_NEURO_NETWORK_* */
    uint32_t kind;
    /** by kind */
    uint32_t value;
    uint8_t peer_id[16];
};

/** What a network knows about a peer. */
struct hkp_neuro_peer_info {
    /** resonance state of the pair; drift of the peer's state against the replica here, if known */
    uint32_t state;
    uint32_t drift_ppm;
    /** of the current generation, 0: none */
    uint32_t gen;
    /** 1: member of the resonance group */
    uint32_t in_group;
    /** numbers of the next messages of the current generation */
    uint64_t next_out;
    uint64_t next_in;
    /** keys kept for overtaken messages, both generations */
    uint32_t kept;
};

/** Counters, and how long message keys lived as the caller's clock has it. */
struct hkp_neuro_network_info {
    uint32_t peers;
    uint64_t sent;
    uint64_t received;
    /** refused: replayed numbers, and all other reasons */
    uint64_t replays;
    uint64_t refused;
    /** keys measured, and their life from derivation until they were wiped, nanoseconds */
    uint64_t keys;
    uint64_t key_least_ns;
    uint64_t key_most_ns;
    uint64_t key_mean_ns;
    /** longest life of a key kept for an overtaken message, nanoseconds: at most 60 s and the caller's delay
     */
    uint64_t kept_most_ns;
};

/** A network. */
typedef struct hkp_neuro_network hkp_neuro_network;

/**
 * Context of the export of a root: root = EXPORT(epoch, "NSE1 root", context, 32).
 *
 * @param one      node id of one side
 * @param other    node id of the other
 * @param gen      of the exchange
 * @param context  written, the same for both sides
 *
 * Cost: none.
 * Source: SYN-5.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_root_context(const uint8_t one[16], const uint8_t other[16], uint32_t gen,
                                            uint8_t context[36]);

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: SYN-5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_options_init(struct hkp_neuro_network_options *opt, size_t struct_size);

/**
 * Create a mesh synapse network.
 *
 * @param out  written on success; free with hkp_neuro_network_free()
 * @param opt  borrowed
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   options of a wrong size, or more peers than there may be
 * @retval HKP_E_TOOBIG  options that this build does not know
 * @retval HKP_E_NOMEM   no memory
 *
 * Cost: two allocations, about 25 KB for each peer; none later.
 * Source: SYN-5, SYN-12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_new(hkp_neuro_network **out,
                                                      const struct hkp_neuro_network_options *opt);

/**
 * Free a network; all keys are wiped.
 *
 * @param network  or NULL
 *
 * Cost: none.
 * Source: SYN-5.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_free(hkp_neuro_network *network);

/**
 * Register a peer, or the next generation of one.
 *
 * @param network      one network
 * @param now          monotonic
 * @param result       of the exchange that is done, borrowed
 * @param root         EXPORT(result->epoch, "NSE1 root", hkp_neuro_network_root_context(), 32); wiped on
 * success
 * @param new_session  1: the first exchange of a session: generations of older sessions end now
 *
 * @retval HKP_OK                  registered
 * @retval HKP_E_LIMIT             the table of peers is full; nothing changed
 * @retval HKP_E_NEURO_SYN_NODE    the states are not of this node and another; nothing changed
 * @retval HKP_E_NEURO_SYN_GEN     not above the generation held in this session, or a first one without
 *                                 new_session; nothing changed
 * @retval HKP_E_NEURO_SYN_LENGTH, HKP_E_NEURO_SYN_VERSION, HKP_E_NEURO_SYN_RESERVED, HKP_E_NEURO_SYN_ROLE
 *                                 the states are none; nothing changed
 * @retval HKP_E_STATE             the exchange was LOST; nothing changed
 *
 * Cost: none.
 * Source: SYN-5.1, SYN-5.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_register(hkp_neuro_network *network, hkp_time now,
                                                           const struct hkp_neuro_exchange_result *result,
                                                           uint8_t root[32], int32_t new_session);

/**
 * Forget a peer, for example when its session is over; its keys are wiped.
 *
 * @param network  one network
 * @param peer_id  known or not
 *
 * Cost: none.
 * Source: SYN-5.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_forget(hkp_neuro_network *network, const uint8_t peer_id[16]);

/**
 * Seal a message for a peer.
 *
 * @param network  one network
 * @param now      monotonic
 * @param t_us     clock of this node, Unix microseconds; it decides nothing
 * @param peer_id  receiver
 * @param text     [len] borrowed
 * @param len      0..64,952
 * @param dst      [cap] written, not overlapping text
 * @param cap      at least len + 48
 * @param msg_len  bytes written
 *
 * @retval HKP_OK               send it, by op 3
 * @retval HKP_E_NOTFOUND       no such peer
 * @retval HKP_E_STATE          the peer is LOST
 * @retval HKP_E_NEURO_SYN_GEN  600 s or 2^20 messages: an exchange must come first
 * @retval HKP_E_TOOBIG         text too long
 * @retval HKP_E_NOSPC          cap is too small
 *
 * Cost: one AEAD call, nine HMACs.
 * Source: SYN-5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_send(hkp_neuro_network *network, hkp_time now,
                                                       uint64_t t_us, const uint8_t peer_id[16],
                                                       const uint8_t *text, size_t len, uint8_t *dst,
                                                       size_t cap, size_t *msg_len);

/**
 * Open a message of a peer. Each opens once, in any order within 256.
 *
 * @param network   one network
 * @param now       monotonic
 * @param peer_id   sender, as the session has it
 * @param msg       [len] borrowed
 * @param len       any
 * @param dst       [cap] written on success, not overlapping msg
 * @param cap       at least len - 48
 * @param text_len  bytes written
 *
 * @retval HKP_OK                    opened; its key is gone
 * @retval HKP_E_NOTFOUND            no such peer
 * @retval HKP_E_STATE               the peer is LOST
 * @retval HKP_E_NOSPC               cap is too small; nothing changed
 * @retval HKP_E_NEURO_SYN_LENGTH    not 48..65,000 bytes
 * @retval HKP_E_NEURO_SYN_VERSION   not version 1
 * @retval HKP_E_NEURO_SYN_SUITE     unknown suite
 * @retval HKP_E_NEURO_SYN_RESERVED  the zero field
 * @retval HKP_E_NEURO_SYN_GEN       neither the current generation nor the one before
 * @retval HKP_E_NEURO_SYN_CE        a CE that is not held: fetch the bundle and try again
 * @retval HKP_E_NEURO_SYN_REPLAY    opened before, or too late
 * @retval HKP_E_NEURO_SYN_SKIP      more than 256 ahead
 * @retval HKP_E_NEURO_SYN_AUTH      not what the peer sealed; the chain has not moved
 *
 * Cost: two passes over the text; an HMAC for each number that is passed over.
 * Source: SYN-5.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_receive(hkp_neuro_network *network, hkp_time now,
                                                          const uint8_t peer_id[16], const uint8_t *msg,
                                                          size_t len, uint8_t *dst, size_t cap,
                                                          size_t *text_len);

/**
 * Take a CE bundle whose certificates and signatures were looked at.
 *
 * @param network    one network
 * @param now_epoch  of this node's clock
 * @param epoch      of the bundle
 * @param object_id  of its envelope
 * @param rows       [n_rows] as hkp_neuro_ce_adopt()
 * @param n_rows     any
 *
 * @retval HKP_OK  good; the network uses it if it is the best one of its epoch
 * @retval HKP_E_NEURO_SYN_RANGE, HKP_E_NEURO_SYN_COUNT, HKP_E_NEURO_SYN_ORDER, HKP_E_NEURO_SYN_SIGNER,
 *         HKP_E_NEURO_SYN_GROUP, HKP_E_NEURO_SYN_SIG  as hkp_neuro_ce_adopt(); nothing changed
 *
 * Cost: none.
 * Source: SYN-4.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_bundle(hkp_neuro_network *network, uint32_t now_epoch,
                                                         uint32_t epoch, const uint8_t object_id[32],
                                                         const struct hkp_neuro_ce_row *rows, size_t n_rows);

/**
 * The newest CE, for HTP and for this node's SynapticState.
 *
 * @param network    one network
 * @param now_epoch  of this node's clock
 *
 * @return until the next bundle, or NULL: there is none
 *
 * Cost: none.
 * Source: SYN-4.5, SYN-4.6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API const struct hkp_neuro_ce *hkp_neuro_network_ce(const hkp_neuro_network *network, uint32_t now_epoch);

/**
 * Note a newer verdict about a peer, from replay between two exchanges. LOST wipes its keys at once.
 *
 * @param network    one network
 * @param peer_id    peer
 * @param verdict    resonance state 1..4
 * @param drift_ppm  or HKP_NEURO_DRIFT_UNKNOWN
 *
 * @retval HKP_OK          noted
 * @retval HKP_E_INVAL     no such verdict; nothing changed
 * @retval HKP_E_NOTFOUND  no such peer
 *
 * Cost: none.
 * Source: SYN-3.6, NZ1 13.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_drift(hkp_neuro_network *network, const uint8_t peer_id[16],
                                                        uint32_t verdict, uint32_t drift_ppm);

/**
 * Check the descriptor of a resonance group.
 *
 * @param group   borrowed
 * @param own_id  of this node
 * @param now_s   Unix seconds
 *
 * @retval HKP_OK                 good
 * @retval HKP_E_NEURO_SYN_COUNT  not 2..16 members
 * @retval HKP_E_NEURO_SYN_ORDER  not ascending, or a member twice
 * @retval HKP_E_NEURO_SYN_NODE   this node is no member
 * @retval HKP_E_NEURO_SYN_RANGE  it has ended
 *
 * Cost: none.
 * Source: SYN-7.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_group_check(const struct hkp_neuro_group *group,
                                                      const uint8_t own_id[16], uint64_t now_s);

/**
 * Join a resonance group, or take a newer version of it. A node is in one group at most.
 *
 * @param network  one network
 * @param group    borrowed
 * @param now_s    Unix seconds
 *
 * @retval HKP_OK                 joined
 * @retval HKP_E_LIMIT            in another group that has not ended; nothing changed
 * @retval HKP_E_NEURO_SYN_GEN    not a newer version; nothing changed
 * @retval HKP_E_NEURO_SYN_COUNT, HKP_E_NEURO_SYN_ORDER, HKP_E_NEURO_SYN_NODE, HKP_E_NEURO_SYN_RANGE
 *                                as hkp_neuro_group_check(); nothing changed
 *
 * Cost: none.
 * Source: SYN-7.1, SYN-7.3, SYN-11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_group(hkp_neuro_network *network,
                                                        const struct hkp_neuro_group *group, uint64_t now_s);

/**
 * Leave the resonance group.
 *
 * @param network  one network
 *
 * Cost: none.
 * Source: SYN-7.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_leave(hkp_neuro_network *network);

/**
 * Is a node a member of this node's group now? Then each holds a replica of the other (SYN-7.2).
 *
 * @param network  one network
 * @param node_id  any
 * @param now_s    Unix seconds
 *
 * @return 1 or 0
 *
 * Cost: none.
 * Source: SYN-7.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_network_in_group(const hkp_neuro_network *network, const uint8_t node_id[16],
                                           uint64_t now_s);

/**
 * Next event; pull until there is none.
 *
 * @param network  one network
 * @param event    written; kind HKP_NEURO_NETWORK_NONE: nothing waits
 *
 * Cost: a look at each peer.
 * Source: SYN-3.6, SYN-5.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_event(hkp_neuro_network *network, struct hkp_neuro_network_event *event);

/**
 * Let time pass: kept keys and old generations end and are wiped.
 *
 * @param network  one network
 * @param now      monotonic
 *
 * Cost: a look at each peer.
 * Source: SYN-5.3, SYN-5.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_tick(hkp_neuro_network *network, hkp_time now);

/**
 * When hkp_neuro_network_tick() has something to do.
 *
 * @param network  one network
 *
 * @return deadline, or HKP_TIME_NEVER
 *
 * Cost: a look at each peer.
 * Source: SYN-5.3, SYN-5.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_network_wake(const hkp_neuro_network *network);

/**
 * What is known about a peer.
 *
 * @param network  one network
 * @param peer_id  peer
 * @param now_s    Unix seconds, for in_group
 * @param info     written on success
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  no such peer
 *
 * Cost: none.
 * Source: SYN-5, SYN-7.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_network_peer(const hkp_neuro_network *network,
                                                       const uint8_t peer_id[16], uint64_t now_s,
                                                       struct hkp_neuro_peer_info *info);

/**
 * Counters and measured lifetimes.
 *
 * @param network  one network
 * @param info     written
 *
 * Cost: none.
 * Source: SYN-5.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_network_info(const hkp_neuro_network *network, struct hkp_neuro_network_info *info);

#ifdef __cplusplus
}
#endif

#endif
