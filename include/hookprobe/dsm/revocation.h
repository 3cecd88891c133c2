/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: which certificates count no more (D-CA-6, D-CA-7). Officers sign the body of a list with
 * hkp_dsm_multi_sign().
 */
#ifndef HOOKPROBE_DSM_REVOCATION_H
#define HOOKPROBE_DSM_REVOCATION_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Limits; sizes in bytes. */
enum {
    HKP_DSM_REVOCATIONS_MAX = 16384,
    /** a list's body, and the whole of it with 7 signatures */
    HKP_DSM_REVOCATION_BODY_MAX = 768 * 1024,
    HKP_DSM_REVOCATION_LIST_MAX = 768 * 1024 + 512,
    /** seconds from this_update to next_update, at most */
    HKP_DSM_REVOCATION_LIFE_S = 86400
};

/** Why (D-CA-6). */
enum {
    HKP_DSM_REVOKED_UNSPECIFIED = 0,
    HKP_DSM_REVOKED_KEY_COMPROMISE = 1,
    HKP_DSM_REVOKED_SUPERSEDED = 2,
    HKP_DSM_REVOKED_RETIRED = 3,
    HKP_DSM_REVOKED_FORK = 4,
    HKP_DSM_REVOKED_ATTESTATION = 5,
    HKP_DSM_REVOKED_EQUIVOCATION = 6,
    HKP_DSM_REVOKED_POLICY = 7,
    HKP_DSM_REVOKED_LOST = 8,
    HKP_DSM_REVOKED_HARDWARE = 9
};

/** One node of a list. */
struct hkp_dsm_revocation {
    uint8_t node_id[16];
    /** all serials up to it; HKP_DSM_SERIAL_BARRED: for good, and the only one for reasons 1 and 3 */
    uint64_t serial;
    /** HKP_DSM_REVOKED_* */
    uint64_t reason;
    /** Unix seconds */
    uint64_t time_s;
};

/** A list; entries lie inside the parsed bytes. */
struct hkp_dsm_revocations {
    /** from 1 on */
    uint64_t number;
    /** Unix seconds */
    uint64_t this_update_s;
    uint64_t next_update_s;
    /** id of the newest complete list below, most often the one one lower; zeros if there was none */
    uint8_t previous[32];
    /** set by hkp_dsm_revocations_check() alone */
    uint8_t id[32];
    size_t n_entries;
    /** for hkp_dsm_revocations_next() and _find() */
    struct hkp_dsm_view entries;
};

/**
 * Check and read a revocation list.
 *
 * @param in           [len] list (multi), borrowed as long as list is used
 * @param len          bytes
 * @param chain_id     [32] name of the mesh
 * @param officers     CA sets in force; bodies above 1024 bytes need its scratch
 * @param held_number  number of the list that is held; 0: none
 * @param list         result; untouched on failure
 *
 * @retval HKP_OK                      in force
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND..            as hkp_dsm_multi_check()
 * @retval HKP_E_NOSPC                 scratch is too small
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_VERSION..         as hkp_dsm_revocations_parse()
 * @retval HKP_E_DSM_STALE             not above held_number
 *
 * Cost: at most 7 Ed25519 verifications, one pass; no allocation.
 * Source: D-MULTI, D-CA-6, D-CA-7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_revocations_check(const uint8_t *in, size_t len,
                                                          const uint8_t chain_id[32],
                                                          const struct hkp_dsm_officers *officers,
                                                          uint64_t held_number,
                                                          struct hkp_dsm_revocations *list);

/**
 * Read the body of a list, without judging who signed it.
 *
 * @param body  [len] bytes, borrowed as long as list is used
 * @param len   bytes
 * @param list  result, with id all zeros; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            no list, or entries not ascending, or a reason with the wrong serial
 * @retval HKP_E_DSM_VALIDITY          it would hold for no time, or for more than a day
 *
 * Cost: one pass; no allocation.
 * Source: D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_revocations_parse(const uint8_t *body, size_t len,
                                                          struct hkp_dsm_revocations *list);

/**
 * Take the next entry off a list that was read: work on a copy of the struct.
 *
 * @param list   n_entries and entries shrink by one
 * @param entry  result; untouched if there is none
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  none is left
 *
 * Cost: none.
 * Source: D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_revocations_next(struct hkp_dsm_revocations *list,
                                                         struct hkp_dsm_revocation *entry);

/**
 * Up to which serial a node is revoked.
 *
 * @param list     a list that was read
 * @param node_id  [16] the node
 *
 * @return the serial; 0: it is not in the list
 *
 * Cost: a search from the front.
 * Source: D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint64_t hkp_dsm_revocations_find(const struct hkp_dsm_revocations *list, const uint8_t node_id[16]);

/**
 * Write the body of a list.
 *
 * @param list     number, times, previous and n_entries
 * @param entries  [n_entries] ascending by node_id
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_REVOCATION_BODY_MAX is the limit
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK              written
 * @retval HKP_E_DSM_SCHEMA    entries not ascending, or something is out of range
 * @retval HKP_E_DSM_VALIDITY  it would hold for no time, or for more than a day
 * @retval HKP_E_NOSPC         cap is too small
 *
 * Cost: no allocation.
 * Source: D-CA-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_revocations_build(const struct hkp_dsm_revocations *list,
                                                          const struct hkp_dsm_revocation *entries,
                                                          uint8_t *dst, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
