/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/**
 * What officers publish, in a running node (dsm.md 4.3): revocation lists and new sets of officers are
 * verified, kept and passed on; the chain carries them, so that all judge blocks alike; how old the own list
 * is decides what a new session may (D-CA-8).
 */
#ifndef HOOKPROBE_DSM_LISTS_H
#define HOOKPROBE_DSM_LISTS_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How fresh a node's own list is. */
enum {
    /** no list was published yet: nothing is limited */
    HKP_DSM_LISTS_NONE = 0,
    HKP_DSM_LISTS_FRESH = 1,
    /** next_update is over: no new session with a role above EDGE */
    HKP_DSM_LISTS_OLD = 2,
    /** older than 7 days: new sessions with lane 1 only, until a current list came */
    HKP_DSM_LISTS_LOST = 3
};

enum {
    /** seconds for which officers that were replaced may still issue (D-CA-2) */
    HKP_DSM_CA_OVERLAP_S = 86400
};

struct hkp_dsm_lists_status {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_LISTS_* */
    uint32_t freshness;
    /** newest list held, 0: none; when it was made and the next one is due, Unix seconds; its age, seconds */
    uint64_t number;
    uint64_t this_update_s;
    uint64_t next_update_s;
    uint64_t age_s;
    uint64_t entries;
    /** newest list of the chain, 0: none */
    uint64_t chain_number;
    /** officers in office, and a verified next version that waits for the chain, 0: none */
    uint64_t ca_version;
    uint64_t ca_waiting;
    /** 1: officers signed two lists of this number; both count (D-CA-9) */
    uint32_t rivals;
    uint32_t reserved0;
};

/** What a new session may. */
struct hkp_dsm_admission {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_ROLE_ bits that count */
    uint32_t roles;
    /** mask of lanes, for hkp_dsm_peer_up() */
    uint32_t lanes;
    /** 1: less than the certificate says */
    uint32_t limited;
    /** HKP_DSM_LISTS_* of the own list */
    uint32_t freshness;
    uint32_t reserved0;
    uint8_t node_id[16];
};

/**
 * Give a revocation list to a node: it is verified, kept, passed on and proposed to the chain.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param list     [len] multi of kind 33, borrowed for the call
 * @param len      bytes
 *
 * @retval HKP_OK                      it counts now; HKP_DSM_EV_REVOCATIONS follows, once more with its
 * height when the chain carries it
 * @retval HKP_E_STATE                 the node does not run
 * @retval HKP_E_LIMIT                 no room; later
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              no revocation list
 * @retval HKP_E_DSM_TOO_BIG           above its limit
 * @retval HKP_E_DSM_SCHEMA..          as hkp_dsm_revocations_check()
 * @retval HKP_E_DSM_CA_VERSION        of officers not known or no longer in office
 * @retval HKP_E_DSM_STALE             not newer than what is held
 * @retval HKP_E_DSM_DUPLICATE         held
 *
 * Cost: at most 7 Ed25519 verifications; no allocation.
 * Source: D-CA-6, D-CA-7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_revoke(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                    const uint8_t *list, size_t len);

/**
 * Give a new set of officers to a node: it is verified, kept, passed on, and counts when the chain carries
 * it.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param set      [len] multi of kind 34, borrowed for the call
 * @param len      bytes
 *
 * @retval HKP_OK                      proposed; HKP_DSM_EV_CA_SET follows when it counts
 * @retval HKP_E_STATE                 the node does not run
 * @retval HKP_E_LIMIT                 no room; later
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              no set of officers
 * @retval HKP_E_DSM_TOO_BIG           above its limit
 * @retval HKP_E_DSM_SCHEMA..          as hkp_dsm_ca_set_parse() and hkp_dsm_multi_check()
 * @retval HKP_E_DSM_SIG..             not signed by the officers of the version before
 * @retval HKP_E_DSM_STALE             this version is or was in office, it names other officers than those of
 * the version before, or another one of this version waits
 * @retval HKP_E_DSM_GAP               above the next version: it waits in memory until those before it are in
 * office
 * @retval HKP_E_DSM_CA_VERSION        the same in a node that joined: it asks for a proof that the set is in
 * office, or waits
 * @retval HKP_E_DSM_DUPLICATE         held
 *
 * Cost: at most 7 Ed25519 verifications; no allocation.
 * Source: D-CA-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_officers(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                      const uint8_t *set, size_t len);

/**
 * Serials of a node that the own list revokes.
 *
 * @param node     a node
 * @param node_id  [16] whose
 *
 * @return all serials up to it are revoked; 0: none
 *
 * Cost: one pass over the list; no allocation.
 * Source: D-CA-6, D-CA-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint64_t hkp_dsm_node_revoked(const hkp_dsm_node *node, const uint8_t node_id[16]);

/**
 * Lists and officers as this node knows them.
 *
 * @param node    a node
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: D-CA-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_lists(const hkp_dsm_node *node,
                                                   struct hkp_dsm_lists_status *status);

/**
 * Judge the certificate of a new session: who it is, and what it may given the age of the own list.
 *
 * @param node         a running node
 * @param certificate  [len] multi of kind 32, borrowed for the call
 * @param len          bytes
 * @param admission    struct_size set by the caller; filled on HKP_OK
 *
 * @retval HKP_OK                      may have a session, with these roles and lanes
 * @retval HKP_E_INVAL                 struct_size is too small
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  as hkp_dsm_certificate_check()
 * @retval HKP_E_DSM_CA_VERSION        of officers not known, or no longer in office when it was issued
 * @retval HKP_E_DSM_REVOKED           the own list revokes it
 * @retval HKP_E_DSM_EXPIRED           over, and the own list is not older than 7 days
 *
 * Members of the validator set are judged by the chain alone: among themselves they keep lanes 0 and 1.
 *
 * Cost: at most 7 Ed25519 verifications and one pass over the list; no allocation.
 * Source: D-CA-8, D-CERT-1, D-SMX-11.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_admit(const hkp_dsm_node *node, const uint8_t *certificate,
                                                   size_t len, struct hkp_dsm_admission *admission);

#ifdef __cplusplus
}
#endif

#endif
