/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: signed objects handed to a running node, and proofs of finality asked of it and of its
 * peers.
 */
#ifndef HOOKPROBE_MESH_SUBMIT_H
#define HOOKPROBE_MESH_SUBMIT_H

#include <hookprobe/mesh.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events besides those of events.h. */
enum {
    /** a peer brought something for whoever sits here: node_id: who, number: its kind, data: a request for a
     * certificate, an object that too few officers signed, the own certificate, or a RESTART; until the next
     * event is fetched */
    HKP_MESH_EVENT_POST = 44
};

enum {
    /** bytes of an object that goes from node to node */
    HKP_MESH_POST_MAX = 1048572
};

/**
 * Send one object to one peer (SYN-2.3, type 22): a request for a certificate, or what officers signed, also
 * half. There complete objects count if they hold; all else is told by HKP_MESH_EVENT_POST.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param node_id  [16] a configured peer
 * @param object   [len] CERT_REQUEST, POLICY, CERTIFICATE, REVOCATION_LIST, CA_SET, RESTART or ORDER,
 * borrowed
 * @param len      bytes, 1..HKP_MESH_POST_MAX
 *
 * @retval HKP_OK                      on its way; one that is lost with its session is sent again by hand
 * @retval HKP_E_MESH_STATE            the node has not joined, has left, or is still loading
 * @retval HKP_E_NOTFOUND              no such peer, or no session with it that carries class POLICY
 * @retval HKP_E_UNSUPPORTED           another kind
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  none of these forms
 * @retval HKP_E_NOMEM                 no memory
 * @retval HKP_E_LIMIT                 what was sent before has to go first; later
 *
 * Cost: one copy.
 * Source: SYN-2.1, SYN-2.3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_post(hkp_mesh_node *node, hkp_time now, const uint8_t node_id[16],
                                              const uint8_t *object, size_t len);

/**
 * Hand a signed object to a node: it is judged as if a peer had brought it, counts here, and is passed on.
 *
 * What kinds: hkp_dsm_node_give(). A RESTART is an operator's command: hkp_mesh_restart(). Whom a revocation
 * list bars loses its sessions at once.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param object   [len] bytes, borrowed for the call
 * @param len      bytes
 * @param kind     receives its kind, HKP_DSM_KIND_*, also when it is refused; 0: evidence, or unreadable
 *
 * @retval HKP_OK            it counts, and is passed on
 * @retval HKP_E_MESH_STATE  the node has not joined, has left, or is still loading
 * @retval HKP_E_LIMIT       no room, or no memory: it may be passed on already, and does not count here until
 * it is given again
 * @retval other             as hkp_dsm_node_give(); of a POLICY or ORDER also as hkp_dsm_control_policy() and
 *                           hkp_dsm_control_order(): it is passed on, and does not count here
 *
 * Cost: as hkp_dsm_node_give().
 * Source: D-CA-7, D-GSP-6, HTP-12.3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_submit(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                const uint8_t *object, size_t len, uint32_t *kind);

/**
 * Ask peers for a proof of finality; HKP_MESH_EVENT_PROOF of that ticket answers, with the proof in data,
 * its height in number, and in to how many members signed its checkpoint.
 *
 * Only peers that leave this node lane 4 are asked: those whose trust in it is 0.5 or more (HTP-8.6).
 *
 * @param node      a node that has joined and loaded its chain
 * @param now       nanoseconds, monotonic
 * @param what      HKP_DSM_ASK_HEAD, _BLOCK, _OP or _RECORD
 * @param key       [32] as in struct hkp_dsm_question
 * @param position  of a record in its block, 0..63; otherwise 0
 * @param ticket    receives the number of the answer
 *
 * @retval HKP_OK            asked
 * @retval HKP_E_MESH_STATE  the node has not joined, has left, or is still loading
 * @retval HKP_E_NOTFOUND    no peer is there that may be asked now
 * @retval HKP_E_LIMIT       8 proofs are under way
 * @retval HKP_E_INVAL       an argument is out of range
 *
 * Cost: one message to a peer after the other; an answer is verified once.
 * Source: D-SYN-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ask(hkp_mesh_node *node, hkp_time now, uint32_t what,
                                             const uint8_t key[32], uint32_t position, uint64_t *ticket);

/**
 * Ask the own store for the proof of the newest final head of a node; HKP_MESH_EVENT_PROOF answers as with
 * hkp_mesh_ask().
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param node_id  [16] whose head
 * @param ticket   receives the number of the answer
 *
 * @retval HKP_OK            asked
 * @retval HKP_E_MESH_STATE  the node has not joined, has left, or is still loading
 * @retval HKP_E_LIMIT       8 proofs are under way
 *
 * Cost: reads of the store; the proof is verified once.
 * Source: D-SYN-5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_prove_head(hkp_mesh_node *node, hkp_time now,
                                                    const uint8_t node_id[16], uint64_t *ticket);

/**
 * Retire a node that the revocation list bars for good: a member's operator commands it; what it takes, and
 * when it is done, hkp_dsm_node_retire() says. HKP_MESH_EVENT_EVIDENCE "retired by the chain" tells.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param node_id  [16] who
 *
 * @retval HKP_OK            said
 * @retval HKP_E_MESH_STATE  the node has not joined, has left, or is still loading
 * @retval other             as hkp_dsm_node_retire()
 *
 * Cost: as hkp_dsm_node_retire().
 * Source: D-CKP-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_retire(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                const uint8_t node_id[16]);

/**
 * Withdraw an indicator for all, with f+1 members' operators: hkp_dsm_node_tombstone(). Once the chain has it
 * each node drops the indicator.
 *
 * @param node     a node that has joined and loaded its chain
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param ioc_key  [16] which: hkp_mesh_ioc_key()
 *
 * @retval HKP_OK            said
 * @retval HKP_E_MESH_STATE  the node has not joined, has left, or is still loading
 * @retval other             as hkp_dsm_node_tombstone()
 *
 * Cost: as hkp_dsm_node_tombstone().
 * Source: D-CKP-3, M-TI-9.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_tombstone(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                   const uint8_t ioc_key[16]);

#ifdef __cplusplus
}
#endif

#endif
