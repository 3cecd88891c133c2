/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: what a node asks its host for and tells it, and the host's answers (mesh.md 6.1).
 */
#ifndef HOOKPROBE_MESH_EVENTS_H
#define HOOKPROBE_MESH_EVENTS_H

#include <hookprobe/mesh/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/* libdsm says what it is. */
struct hkp_dsm_event;

/** Kinds of events. The first five ask the host for something, the others are facts. */
enum {
    /** give dsm to hkp_dsm_store_apply(), and commit before the next wait */
    HKP_MESH_EVENT_STORE_DSM = 1,
    /** replace the file name by data[data_len], durably; then hkp_mesh_stored(ticket). data NULL: remove it
     */
    HKP_MESH_EVENT_STORE = 2,
    /** append data[data_len] to the TER log as a record of type number, durably; then hkp_mesh_logged() */
    HKP_MESH_EVENT_LOG = 3,
    /** give the records of the TER log from index number on (to: before index to) to hkp_mesh_log_records()
     */
    HKP_MESH_EVENT_LOG_READ = 4,
    /** TERs below index number are needed by nobody any more: hkp_ter_log_trim() */
    HKP_MESH_EVENT_LOG_TRIM = 5,
    /** consciousness changed: number, to: old and new HKP_MESH_NODE_*; text: first failing condition */
    HKP_MESH_EVENT_STATE = 16,
    /** session up: node_id, number: 1 mode R, 0 mode N; to: 1 we opened it */
    HKP_MESH_EVENT_PEER_UP = 17,
    /** session ended: node_id, status, text: reason */
    HKP_MESH_EVENT_PEER_DOWN = 18,
    /** we were refused: node_id, status, text: reason */
    HKP_MESH_EVENT_REFUSED_BY = 19,
    /** we refused somebody who names itself node_id: status, text: cause */
    HKP_MESH_EVENT_REFUSED = 20,
    /** trust in a peer changed: node_id, number and to: old and new T of 65536, text: what limits it */
    HKP_MESH_EVENT_TRUST = 21,
    /** instance changed: node_id, number: 1 we prove it, 0 we hold it; to: its state; text: cause;
     * ticket: index of a commit that was agreed, else 0 */
    HKP_MESH_EVENT_INSTANCE = 22,
    /** own integrity changed: number: 1 as the reference, 0 differs */
    HKP_MESH_EVENT_INTEGRITY = 23,
    /** indicator new or on another level: ioc_key, number and to: old and new level, node_id: author */
    HKP_MESH_EVENT_THREAT = 24,
    /** own block is durable, seq: number */
    HKP_MESH_EVENT_PUBLISHED = 25,
    /** checkpoint is final: number: height, to: blocks */
    HKP_MESH_EVENT_FINAL = 26,
    /** answer to hkp_mesh_prove(): ticket, status, data: portable proof, already verified by this node;
     * number: its height, to: members that signed its checkpoint */
    HKP_MESH_EVENT_PROOF = 27,
    /** author forked or member equivocated: node_id, text */
    HKP_MESH_EVENT_EVIDENCE = 28,
    /** stored state is damaged: status, text says what and where; free the node, nothing was changed */
    HKP_MESH_EVENT_DAMAGED = 29,
    /** stored state is loaded and agrees with itself: number: height */
    HKP_MESH_EVENT_STARTED = 30,
    /** a member was convicted by evidence on the chain, and leaves at the next boundary: node_id, number:
     * height, to: epoch, data: the evidence (op 1 of D-CKP-3), which anybody can verify */
    HKP_MESH_EVENT_CONVICTED = 33,
    /** a node got a seat or lost it: node_id, number: epoch, to: 1 it has one now, text */
    HKP_MESH_EVENT_SEAT = 34,
    /** a peer answered a challenge: node_id, status; if it was right number: index of its newest TER, to: its
     * evidence (D-AUTH-2) */
    HKP_MESH_EVENT_ATTESTED = 40,
    /** the own revocation list grew old, or a current one came after that: number: HKP_DSM_LISTS_*, to: its
     * number, text: what follows (D-CA-8) */
    HKP_MESH_EVENT_LISTS = 46
};

/** One event. Pointers are valid until the next call on the node. */
struct hkp_mesh_event {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_EVENT_* */
    uint32_t kind;
    uint64_t ticket;
    uint64_t number;
    uint64_t to;
    hkp_status status;
    uint32_t reserved0;
    uint8_t node_id[16];
    uint8_t ioc_key[16];
    /** file name of STORE, or words for people; NUL-terminated */
    char text[128];
    const uint8_t *data;
    size_t data_len;
    const struct hkp_dsm_event *dsm;
};

/**
 * A STORE request is durable.
 *
 * @param node    the object
 * @param now     nanoseconds, monotonic
 * @param ticket  of the event
 * @param status  HKP_OK, or why it could not be stored: what depends on it is not sent
 *
 * Cost: none.
 * Source: NZ1 17, 22.3 "durably".
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_stored(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status);

/**
 * A LOG request is durable.
 *
 * @param node    the object
 * @param now     nanoseconds, monotonic
 * @param ticket  of the event
 * @param status  HKP_OK, or why it could not be appended
 *
 * Cost: none.
 * Source: NZ1 5.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_logged(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status);

/**
 * The TER log is at its bound. Instances that still need a TER below an index become STALE, those furthest
 * behind therefore first, and a HKP_MESH_EVENT_LOG_TRIM follows; all others, and data, go on.
 *
 * @param node   the object
 * @param now    nanoseconds, monotonic
 * @param index  let_go of hkp_ter_log_info(); one that is not above the last is ignored
 *
 * Cost: none.
 * Source: NZ1 5.1(6), 22.6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_log_full(hkp_mesh_node *node, hkp_time now, uint64_t index);

/**
 * Answer to LOG_READ: whole records of the own log, in order, as many as fit; the node asks for the rest.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param ticket   of the event
 * @param first    cursor index before the first record
 * @param records  [len] records as on disk, borrowed for the call; NULL with len 0: nothing more is held
 * @param len      bytes
 * @param count    records, at most 1024
 *
 * Cost: one copy.
 * Source: SYN-2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_log_records(hkp_mesh_node *node, hkp_time now, uint64_t ticket, uint64_t first,
                                  const uint8_t *records, size_t len, size_t count);

/**
 * Next request or fact.
 *
 * @param node  the object
 * @param ev    struct_size set by the caller, the rest written
 *
 * @retval HKP_OK          one event
 * @retval HKP_E_NOTFOUND  no more now
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_event(hkp_mesh_node *node, struct hkp_mesh_event *ev);

#ifdef __cplusplus
}
#endif

#endif
