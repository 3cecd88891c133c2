/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: whatever the mesh carries, handed to a running node by its host; and what officers signed, as
 * the node holds it.
 */
#ifndef HOOKPROBE_DSM_GIVE_H
#define HOOKPROBE_DSM_GIVE_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Give one complete signed object to a node: it is judged as if a peer had brought it, counts, and is passed
 * on.
 *
 * All that D-GSP-6 carries: CERTIFICATE, REVOCATION_LIST, CA_SET and ORDER of officers; envelopes of nodes;
 * certificates of votes; evidence. A RESTART is an operator's command: hkp_dsm_node_restart().
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param object   [len] bytes, borrowed for the call
 * @param len      bytes
 * @param kind     receives its kind, HKP_DSM_KIND_*, also when it is refused; 0: evidence, or unreadable
 *
 * @retval HKP_OK                      it counts, and is passed on
 * @retval HKP_E_STATE                 the node does not run
 * @retval HKP_E_LIMIT                 no room, or the host has to fetch events first; later
 * @retval HKP_E_UNSUPPORTED           nothing that is handed over
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            none of these forms
 * @retval HKP_E_DSM_KIND              a kind that does not travel so
 * @retval HKP_E_DSM_DUPLICATE         it is here, or was lately; another certificate of its serial counts
 * @retval HKP_E_DSM_GAP               it waits here for what comes before it: a block, a set of officers
 * @retval HKP_E_DSM_SIGNER..          what is wrong with it: each code with which a peer's is refused
 *
 * Cost: its signatures are verified; one copy.
 * Source: D-GSP-6, D-CA-7, D-ENV-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_give(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                  const uint8_t *object, size_t len, uint32_t *kind);

/**
 * What officers signed, as this node holds it: complete, verified.
 *
 * @param node     a node
 * @param kind     HKP_DSM_KIND_CERTIFICATE, _REVOCATION_LIST, or _CA_SET: the one that waits for the chain
 * @param node_id  [16] whose certificate, the one of the highest serial; otherwise not read, may be NULL
 * @param object   receives a view into the node, which stands until the next call that changes it
 *
 * @retval HKP_OK             held
 * @retval HKP_E_NOTFOUND     none is held
 * @retval HKP_E_UNSUPPORTED  another kind
 *
 * Cost: none.
 * Source: D-CA-7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_held(const hkp_dsm_node *node, uint32_t kind,
                                                  const uint8_t *node_id, struct hkp_dsm_view *object);

/**
 * The officers in office.
 *
 * @param node  a node
 * @param set   receives a copy
 *
 * Cost: none.
 * Source: D-CA-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_ca_set(const hkp_dsm_node *node, struct hkp_dsm_ca_set *set);

#ifdef __cplusplus
}
#endif

#endif
