/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: objects beside consensus that a running node carries: heads of audit logs, telemetry,
 * workloads, assignments, policies and orders. The node verifies signer, role, signature and body, passes on
 * what is right and tells its host by HKP_DSM_EV_OBJECT; collector and control of the host decide what it
 * means. Gossip brings them to who is there; what has to last goes into a block, too (D-BLK-3).
 */
#ifndef HOOKPROBE_DSM_PUBLISH_H
#define HOOKPROBE_DSM_PUBLISH_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sign the body of such an object with the node's key.
 *
 * @param node     a node
 * @param kind     HKP_DSM_KIND_AUDIT_HEAD, _TELEMETRY, _WORKLOAD, _ASSIGN or _POLICY
 * @param body     [len] the body, borrowed for the call
 * @param len      bytes
 * @param dst      [cap] envelope; undefined on failure
 * @param cap      bytes; len + 128 always suffices
 * @param out_len  bytes written; untouched on failure
 *
 * @retval HKP_OK                      signed
 * @retval HKP_E_UNSUPPORTED           another kind
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no body of that kind, or another fault of it
 * @retval HKP_E_NOSPC                 cap is too small
 *
 * Cost: one signature; no allocation.
 * Source: D-ENV-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_sign(const hkp_dsm_node *node, uint32_t kind,
                                                  const uint8_t *body, size_t len, uint8_t *dst, size_t cap,
                                                  size_t *out_len);

/**
 * Give an object to the mesh: verified as one that came from a peer, told to the host, passed on.
 *
 * @param node      a running node
 * @param now       nanoseconds, monotonic
 * @param wall_us   Unix microseconds
 * @param envelope  [len] of one of the kinds above, signed by this node or another one
 * @param len       bytes
 *
 * @retval HKP_OK               passed on
 * @retval HKP_E_STATE          the node is dead or not started
 * @retval HKP_E_LIMIT          the host has to fetch events first, or no memory is left
 * @retval HKP_E_DSM_KIND       another kind
 * @retval HKP_E_DSM_DUPLICATE  it was here lately
 * @retval HKP_E_DSM_SIGNER     no certificate of its signer is known
 * @retval HKP_E_DSM_ROLE       its signer may not sign this kind
 * @retval HKP_E_DSM_SIG..      another fault of envelope, certificate or body
 *
 * Cost: one Ed25519 verification; no allocation.
 * Source: D-ENV-2, D-ENV-4, D-GSP-7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_publish(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                     const uint8_t *envelope, size_t len);

/**
 * Give an ORDER of the officers to the mesh.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param order    [len] multi-signed object of kind ORDER
 * @param len      bytes
 *
 * @retval HKP_OK                  passed on
 * @retval HKP_E_STATE             the node is dead or not started
 * @retval HKP_E_LIMIT             the host has to fetch events first, or no memory is left
 * @retval HKP_E_DSM_KIND          no ORDER
 * @retval HKP_E_DSM_DUPLICATE     it was here lately
 * @retval HKP_E_DSM_CA_VERSION    these officers are not in office
 * @retval HKP_E_DSM_QUORUM..      other codes of D-MULTI-2 and D-AUD-6
 *
 * Cost: t Ed25519 verifications; no allocation.
 * Source: D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_order(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                   const uint8_t *order, size_t len);

/**
 * Verify such an object, or an ORDER, as one that came from a peer; nothing is passed on or remembered. For
 * what a block brings to who came later.
 *
 * @param node    a running node
 * @param object  [len] envelope or multi-signed object, borrowed for the call
 * @param len     bytes
 * @param kind    receives HKP_DSM_KIND_* also when it is refused; 0: it is none of them
 * @param id      [32] receives its id (D-SIG-4); untouched on failure
 *
 * @retval HKP_OK      it holds now
 * @retval HKP_E_STATE  the node is dead or not started
 * @retval HKP_E_DSM_KIND..  codes of hkp_dsm_node_publish() and hkp_dsm_node_order()
 *
 * Cost: its signatures are verified; no allocation.
 * Source: D-ENV-2, D-ENV-4, D-AUD-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_check(hkp_dsm_node *node, const uint8_t *object, size_t len,
                                                   uint32_t *kind, uint8_t id[32]);

/**
 * The sets of officers in office, as hkp_dsm_control_order() wants them.
 *
 * @param node  a node
 * @param out   receives views, which live until the next call for this node
 *
 * Cost: none.
 * Source: D-CA-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_authority(const hkp_dsm_node *node, struct hkp_dsm_officers *out);

/**
 * The newest certificate that the node holds of another one, as it may be shown to others.
 *
 * @param node     a node
 * @param node_id  [16] whose
 * @param out      receives a view, which lives until the next call for this node; untouched on failure
 *
 * @retval HKP_OK          found; officers signed it
 * @retval HKP_E_NOTFOUND  none is known
 *
 * Cost: a search.
 * Source: D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_certificate(const hkp_dsm_node *node, const uint8_t node_id[16],
                                                         struct hkp_dsm_view *out);

#ifdef __cplusplus
}
#endif

#endif
