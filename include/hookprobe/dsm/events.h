/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: what a node asks of its host's store (D-STO) and what it tells the host.
 */
#ifndef HOOKPROBE_DSM_EVENTS_H
#define HOOKPROBE_DSM_EVENTS_H

#include <hookprobe/dsm/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of stored rows (dsm.md 7). Integers in keys are big-endian, so rows sort by key bytes. */
enum {
    /** key: text; value by key */
    HKP_DSM_ROW_META = 1,
    /** key: node_id || u64 seq; value: item [0, envelope, payload or null] */
    HKP_DSM_ROW_BLOCK = 2,
    /** reserved for payloads kept apart from their block; key: payload hash */
    HKP_DSM_ROW_PAYLOAD = 3,
    /** key: u64 height; value: final header */
    HKP_DSM_ROW_HEADER = 4,
    /** key: u64 height; value: its body */
    HKP_DSM_ROW_BODY = 5,
    /** key: u64 epoch || u64 view || u8 kind; value: CERT_N or CERT_0 above the newest final view */
    HKP_DSM_ROW_CERT = 6,
    /** key: u64 height || u32 chunk; value: up to 256 heads */
    HKP_DSM_ROW_HEADS = 7,
    /** key: offender || u8 class || u64 epoch || u64 view or seq; value: op 1 of D-CKP-3 */
    HKP_DSM_ROW_EVIDENCE = 8,
    /** key: node_id || u64 serial; value: certificate (multi) */
    HKP_DSM_ROW_CERTIFICATE = 9,
    /** key: u64 epoch || u64 view || digest; value: [PROPOSE envelope or null, header, body], above final */
    HKP_DSM_ROW_PROPOSAL = 10,
    /** key: u64 height of the header that it names; value: CERT_F */
    HKP_DSM_ROW_FINAL = 11,
    /** key: u64 height; value: ids of the blocks that it finalised, 32 bytes each, as in blocks_root */
    HKP_DSM_ROW_LEAVES = 12,
    /** key: node_id || u64 last seq; value: u64 height that made it final */
    HKP_DSM_ROW_PLACE = 13,
    /** key: u64 epoch; value: link of D-SYN-5 that ends it */
    HKP_DSM_ROW_LINK = 14,
    /** key: u64 number of the record; value: 64 bytes (D-STO-4); only read by SCAN, written by STORE_WAL */
    HKP_DSM_ROW_WAL = 15,
    /** key: digest of a final header; value: u64 height || BLAKE2b-256 of its body (older rows: the height)
     */
    HKP_DSM_ROW_DIGEST = 16,
    /** key: u8 row || key of a row that was damaged and is to be fetched again; value: empty */
    HKP_DSM_ROW_LOST = 24
};

/** Kinds of events. STORE_* are requests, all others facts. */
enum {
    /** append data[64] to the consensus WAL; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_WAL = 1,
    /** put (row, key) = data; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_PUT = 2,
    /** get (row, key); answer hkp_dsm_read() if it is there, then hkp_dsm_read_end() */
    HKP_DSM_EV_STORE_GET = 3,
    /** rows of kind row with key <= k <= key_to, ascending, at most count; hkp_dsm_read() each, then _end */
    HKP_DSM_EV_STORE_SCAN = 4,
    /** drop all rows of kind row with key <= k < key_to; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_DROP = 5,
    /** the stored state is loaded and agrees with itself; height, epoch, view: where the node goes on */
    HKP_DSM_EV_STARTED = 16,
    /** stored state is damaged: status, row, key say what and where; free the node, nothing was changed */
    HKP_DSM_EV_DAMAGED = 17,
    /** the WAL lacks promises of this node (D-STO-7): it observes and does not vote in this epoch */
    HKP_DSM_EV_OBSERVER = 18,
    /** block accepted and durable: node_id, seq, id, time_us, type, data: content without the salt
     * (data NULL: it came without its payload), count 1 if it is already final (height says where). If the
     * payload comes later, the block is told once more, with data and without claims, maybe after it was told
     * final (D-BLK-2). After a start every stored block is told so once more, so that a host can fill what it
     * keeps in memory */
    HKP_DSM_EV_BLOCK = 19,
    /** block is final: as BLOCK, and height */
    HKP_DSM_EV_BLOCK_FINAL = 20,
    /** checkpoint is final and durable: height, epoch, view, id: digest, count: blocks, time_us;
     * its BLOCK_FINAL events came before */
    HKP_DSM_EV_CHECKPOINT = 21,
    /** epoch began: epoch, id: boundary digest, height: first height; count 1: joined there (D-SYN-3),
     * heights before are not told, and blocks that they made final are told as BLOCK_FINAL behind this, if
     * they were held */
    HKP_DSM_EV_EPOCH = 22,
    /** evidence recorded: node_id: offender, type: class 1..6, epoch, view or seq, data: op 1 of D-CKP-3;
     * class 6: officers signed two objects of one number (D-CA-9): id: key of the first of them, seq: the
     * number */
    HKP_DSM_EV_EVIDENCE = 23,
    /** author signed two blocks of one seq: node_id, seq (D-BLK-11) */
    HKP_DSM_EV_AUTHOR_FORKED = 24,
    /** the chain froze an author: node_id, height (D-BLK-12) */
    HKP_DSM_EV_AUTHOR_FROZEN = 25,
    /** a member broke a promise: node_id, type: class 1..4, epoch, view */
    HKP_DSM_EV_EQUIVOCATED = 26,
    /** a certificate is needed and was asked for: node_id, seq: serial or 0 */
    HKP_DSM_EV_NEED_CERTIFICATE = 27,
    /** answer to hkp_dsm_prove() or hkp_dsm_ask(): ticket, status; data: portable proof (D-SYN-5) when HKP_OK
     */
    HKP_DSM_EV_PROOF = 28,
    /** a peer's queue of lane 0 is full or its score is used up: close its session; node_id, status */
    HKP_DSM_EV_PEER_BAD = 29,
    /** view left by CERT_0: epoch, view */
    HKP_DSM_EV_NULLIFIED = 30,
    /** final evidence E1 to E4 convicts a member: it leaves at the next boundary, and officers should revoke
     * it: node_id, type: reason 6 of a revocation list, epoch, height, data: op 1 of D-CKP-3 */
    HKP_DSM_EV_REVOKE = 31,
    /** with a new epoch a node got a seat (count 1) or lost it (count 0): node_id, epoch, type: 1 by
     * evidence, 2 retired, 3 left, 4 joined, 0 by a RESTART */
    HKP_DSM_EV_SEAT = 32,
    /** a node asks for a seat (type 1) or gives it back (type 2) in this epoch: node_id, epoch, id: what
     * hkp_dsm_node_endorse() names */
    HKP_DSM_EV_MEMBER = 33,
    /** a newer revocation list counts here (height 0), or the chain carries it (height): seq: its number, id,
     * count: entries, time_us: when it was made, data: the list (D-CA-7) */
    HKP_DSM_EV_REVOCATIONS = 36,
    /** new officers are in office: seq: version, height, id, data: the set (D-CA-2) */
    HKP_DSM_EV_CA_SET = 37,
    /** a stored row was damaged, is dropped and, if peers have it, fetched again: row, key; status
     * HKP_E_NOTFOUND: none of them had it, it is asked for no more */
    HKP_DSM_EV_LOST = 40,
    /** a damaged row is whole again, or needed no more: row, key */
    HKP_DSM_EV_HEALED = 41,
    /** a RESTART was applied (status HKP_OK), or came to nothing: epoch: that it begins, height: its first,
     * id: its genesis (D-EPO-6) */
    HKP_DSM_EV_RESTART = 42,
    /** the boundary at height took the head of a node away that was retired: node_id, epoch (D-CKP-4) */
    HKP_DSM_EV_RETIRED = 43,
    /** f+1 members withdrew an indicator for all: id: ioc_key in the first 16 bytes, height, epoch, time_us:
     * of the checkpoint (op 6 of D-CKP-3) */
    HKP_DSM_EV_TOMBSTONE = 52,
    /** evidence against officers is in the chain: id: key of the first of them, seq: the number, height,
     * data: op 1 of D-CKP-3 (D-EVD-3) */
    HKP_DSM_EV_OFFICERS = 53,
    /** the mesh uses a later version of blocks and headers from this epoch on, type, which this build does
     * not know: it votes no more until it is replaced (D-EPO-7) */
    HKP_DSM_EV_OUTDATED = 54,
    /** there are later epochs, but the newest boundary known is older than 14 days: an operator has to give a
     * recent one in the options; epoch that it began, id: its digest, time_us: its time (D-SYN-2) */
    HKP_DSM_EV_BOUNDARY_NEEDED = 55,
    /** two boundaries of one epoch that both verify: the node joins no more; epoch, id: digest of the first,
     * whose link is the row LINK of that epoch, data: the link of the second, node_id: who told it (D-SYN-2)
     */
    HKP_DSM_EV_BOUNDARIES_DIFFER = 56,
    /** the own revocation list grew old, or a current one came after that: type: HKP_DSM_LISTS_*, seq: its
     * number, time_us: when it was made (D-CA-8) */
    HKP_DSM_EV_LISTS = 57,
    /** the members signed another set for the next epoch than this node's own account gives: it votes for no
     * boundary and takes the set from others, as who joins (D-SYN-3); epoch, height, id: digest of the
     * boundary, data: the set by its own account, empty: none. Once for each boundary, but for the first one
     * after it joined, of which it cannot know what waited; lost power may repeat it */
    HKP_DSM_EV_SET_DIFFERS = 58,
    /** a claim came and is open: id, node_id: who claims, data: the CLAIM envelope (D-WIT-1) */
    HKP_DSM_EV_CLAIM = 48,
    /** a claim stands otherwise than was told: id, node_id: who claims, type: HKP_DSM_CLAIM_*, count: groups
     * that confirm, seq: groups that refute (D-WIT-3) */
    HKP_DSM_EV_VERDICT = 49,
    /** an object beside consensus came and is right: type: its kind, node_id: its signer, id, data: the
     * envelope, of an ORDER the multi (D-AUD); the same may come again after minutes */
    HKP_DSM_EV_OBJECT = 50
};

/** What a block says of its author's neural state, and what that is bound to (D-BLK-1). Claims until checked.
 */
struct hkp_dsm_claims {
    uint8_t ter_hash[32];
    /** the three of an agreed commit, if has_commit */
    uint8_t w_commit[32];
    uint8_t posf[32];
    uint8_t holder[16];
    uint32_t has_commit;
    /** must be ignored */
    uint32_t reserved0;
    uint8_t prev[32];
    uint8_t payload_hash[32];
};

/** A store request or a fact. Pointers are valid until the next call on the node. */
struct hkp_dsm_event {
    /** HKP_DSM_EV_* */
    uint32_t kind;
    /** HKP_DSM_ROW_* of a store request */
    uint32_t row;
    /** number of a store request or proof; writes rise by one each */
    uint64_t ticket;
    /** first key */
    const uint8_t *key;
    /** bytes */
    size_t key_len;
    /** last key of SCAN, end of DROP */
    const uint8_t *key_to;
    /** bytes */
    size_t key_to_len;
    /** bytes to write, or by kind */
    const uint8_t *data;
    /** bytes */
    size_t data_len;
    /** of a BLOCK by an author with role NEURO that was accepted now; else NULL */
    const struct hkp_dsm_claims *claims;
    uint64_t epoch;
    uint64_t view;
    uint64_t height;
    uint64_t seq;
    /** microseconds, Unix */
    uint64_t time_us;
    uint32_t type;
    uint32_t count;
    int32_t status;
    /** must be ignored */
    uint32_t reserved0;
    uint8_t node_id[16];
    uint8_t id[32];
};

/**
 * Next store request or fact.
 *
 * @param node  a node
 * @param ev    filled; its pointers are valid until the next call on the node
 *
 * @retval HKP_OK          one event
 * @retval HKP_E_NOTFOUND  no more now; ev is untouched
 *
 * Cost: no allocation.
 * Source: dsm.md 7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_event(hkp_dsm_node *node, struct hkp_dsm_event *ev);

/**
 * All write requests up to a ticket are durable (or the store failed: the node is dead then).
 *
 * @param node    a node
 * @param now     nanoseconds, monotonic
 * @param ticket  highest ticket of the writes that are durable; they become so in order
 * @param status  HKP_OK, or the error of the store
 *
 * @retval HKP_OK       taken; what waited for it can be sent
 * @retval HKP_E_INVAL  no such ticket was given out
 * @retval HKP_E_STATE  the node is dead
 *
 * Cost: no allocation.
 * Source: D-STO-1, D-STO-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_stored(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                               hkp_status status);

/**
 * One row that a GET or SCAN found.
 *
 * @param node      a node
 * @param now       nanoseconds, monotonic
 * @param ticket    of the request
 * @param key       [key_len] its key, borrowed for the call
 * @param key_len   bytes
 * @param data      [data_len] its value, borrowed for the call
 * @param data_len  bytes
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  no read of that ticket is open
 * @retval HKP_E_STATE     the node is dead, or became so by this row (EV_DAMAGED says why)
 *
 * Cost: no allocation; the checks of the row.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_read(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                             const uint8_t *key, size_t key_len, const uint8_t *data,
                                             size_t data_len);

/**
 * A GET or SCAN is complete.
 *
 * @param node    a node
 * @param now     nanoseconds, monotonic
 * @param ticket  of the request
 * @param status  HKP_OK (also when there was no row), or the error of the store
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  no read of that ticket is open
 * @retval HKP_E_STATE     the node is dead, or became so
 *
 * Cost: no allocation.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_read_end(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                                 hkp_status status);

#ifdef __cplusplus
}
#endif

#endif
