/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/**
 * libdsm, part: RESTART (D-EPO-6), the way out when so many members are lost, or lost their log of promises,
 * that no quorum is left. Officers sign which final header the chain goes on from, and with which members;
 * each node does so when its operator says it, and never by itself.
 */
#ifndef HOOKPROBE_DSM_RESTART_H
#define HOOKPROBE_DSM_RESTART_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** bytes of a signed RESTART at most */
    HKP_DSM_RESTART_MAX = 65536 + 640
};

/** What a RESTART says. */
struct hkp_dsm_restart {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** members of the set that begins */
    uint32_t n_seats;
    /** the epoch that is left; the one that begins is 2 above it */
    uint64_t epoch;
    /** first height of the epoch that begins, and the time of the header before, Unix milliseconds */
    uint64_t next_height;
    uint64_t time_ms;
    /** digest of that header */
    uint8_t genesis[32];
    struct hkp_dsm_seat seats[HKP_DSM_MEMBERS_MAX];
};

/**
 * Read what the body of a RESTART says; no signature is looked at.
 *
 * @param chain_id  [32] the mesh's
 * @param body      [len] of a multi of kind 36
 * @param len       bytes
 * @param restart   struct_size set by the caller; filled on HKP_OK
 *
 * @retval HKP_OK                      filled
 * @retval HKP_E_INVAL                 struct_size is too small
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA..          not the form of its parts
 * @retval HKP_E_DSM_PROOF             a header is of another epoch or does not follow
 * @retval HKP_E_DSM_EPOCH             the new set is not of epoch + 2
 * @retval HKP_E_DSM_TOO_BIG           above 64 KiB
 *
 * Cost: one pass; no allocation.
 * Source: D-EPO-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_restart_parse(const uint8_t chain_id[32], const uint8_t *body,
                                                      size_t len, struct hkp_dsm_restart *restart);

/**
 * Apply a RESTART: an operator's command. The node promises nothing more in the old epoch, and the named
 * header is the genesis of the epoch two above it, in which only the named members vote.
 *
 * A node that does not hold the header yet fetches it with what is below; HKP_DSM_EV_RESTART tells how it
 * ended. What waits is not stored: after a new start the command is given again. A second one takes the place
 * of one that waits.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param restart  [len] multi of kind 36, borrowed for the call
 * @param len      bytes, at most HKP_DSM_RESTART_MAX
 *
 * @retval HKP_OK                      taken; HKP_DSM_EV_RESTART follows
 * @retval HKP_E_STATE                 the node does not run
 * @retval HKP_E_LIMIT                 no room; later
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              no RESTART, or its cert is no FINAL
 * @retval HKP_E_DSM_TOO_BIG           above its limit
 * @retval HKP_E_DSM_CA_VERSION        of officers not known or no longer in office
 * @retval HKP_E_DSM_SCHEMA..          not signed as it has to be, or one of its parts does not hold
 * @retval HKP_E_DSM_PROOF             its headers or cert do not belong together
 * @retval HKP_E_DSM_EPOCH             it leaves an epoch which this node has not come to yet; or the new set
 * is not of the epoch two above
 * @retval HKP_E_DSM_STALE             the node holds a final header above the named one, or another in its
 * place
 *
 * Cost: 7 Ed25519 verifications and one for each member; a copy of restart.
 * Source: D-EPO-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_restart(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                                     const uint8_t *restart, size_t len);

/**
 * Members of the epoch that a store is in.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call; a node may go on working with it
 * @param genesis    the mesh's
 * @param seats      [cap] result, ascending by node_id
 * @param cap        seats; HKP_DSM_MEMBERS_MAX always suffice
 * @param count      seats written
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOSPC     cap is too small
 * @retval HKP_E_NOTFOUND  no store, or nothing in it is final
 * @retval HKP_E_NOMEM     no memory
 * @retval HKP_E_IO        the database cannot be read
 *
 * Cost: a few rows read.
 * Source: D-EPO-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_seats(const char *directory,
                                                    const struct hkp_dsm_genesis *genesis,
                                                    struct hkp_dsm_seat *seats, size_t cap, size_t *count);

/**
 * Make the body of a RESTART from the newest final header of a store.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call; a node may go on working with it
 * @param genesis    the mesh's
 * @param seats      [n] who is to go on, ascending by node_id
 * @param n          1..HKP_DSM_MEMBERS_MAX
 * @param body       [cap] result
 * @param cap        bytes; HKP_DSM_RESTART_MAX always suffice
 * @param len        bytes written; untouched on failure
 *
 * @retval HKP_OK             written
 * @retval HKP_E_INVAL        seats are no set of members
 * @retval HKP_E_NOTFOUND     no store, nothing of its epoch is final, or the newest final header has no
 * certificate there
 * @retval HKP_E_DSM_TOO_BIG  above 64 KiB
 * @retval HKP_E_NOSPC        cap is too small
 * @retval HKP_E_NOMEM        no memory
 * @retval HKP_E_IO           the database cannot be read
 *
 * Cost: a few rows read.
 * Source: D-EPO-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_restart(const char *directory,
                                                      const struct hkp_dsm_genesis *genesis,
                                                      const struct hkp_dsm_seat *seats, size_t n,
                                                      uint8_t *body, size_t cap, size_t *len);

/**
 * Would a node with this store take the RESTART? Nothing is changed.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call; a node may go on working with it
 * @param genesis    the mesh's
 * @param restart    [len] multi of kind 36
 * @param len        bytes
 * @param officers   whose signatures count
 * @param out        struct_size set by the caller; filled on HKP_OK
 *
 * @retval HKP_OK         filled: it would
 * @retval HKP_E_INVAL    struct_size is too small
 * @retval HKP_E_NOTFOUND no store, or nothing of its epoch is final
 * @retval HKP_E_NOMEM    no memory
 * @retval HKP_E_IO       the database cannot be read
 * @retval HKP_E_DSM_KIND..  as hkp_dsm_node_restart()
 *
 * Cost: 7 Ed25519 verifications and one for each member.
 * Source: D-EPO-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_restart_check(const char *directory,
                                                            const struct hkp_dsm_genesis *genesis,
                                                            const uint8_t *restart, size_t len,
                                                            const struct hkp_dsm_officers *officers,
                                                            struct hkp_dsm_restart *out);

#ifdef __cplusplus
}
#endif

#endif
