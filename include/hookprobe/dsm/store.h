/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libdsm, part: what a node keeps for long (D-STO-8), and what becomes of damaged rows (D-STO-10).
 */
#ifndef HOOKPROBE_DSM_STORE_H
#define HOOKPROBE_DSM_STORE_H

#include <hookprobe/dsm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * From which heights on a node still keeps blocks, and headers with their bodies.
 *
 * @param n        node
 * @param blocks   first height that was not pruned of blocks; 0: nothing was
 * @param headers  first height that was not pruned of headers, other than boundaries; 0: nothing was
 *
 * @retval HKP_OK  both are set
 *
 * Cost: none.
 * Source: D-STO-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_kept(const hkp_dsm_node *n, uint64_t *blocks, uint64_t *headers);

/**
 * Tell that a row which an open read came to is damaged; other rows of the read follow as usual.
 *
 * The node drops it, reports HKP_DSM_EV_LOST, and fetches it again from peers if they have such rows. What
 * came is taken only if its hash is one that stands elsewhere in the store.
 *
 * @param n        node
 * @param now      nanoseconds, monotonic
 * @param ticket   the read's
 * @param key      the row's key as it stands there, borrowed for the call
 * @param key_len  1..47 bytes
 *
 * @retval HKP_OK          noted
 * @retval HKP_E_INVAL     no such key
 * @retval HKP_E_NOTFOUND  no such read
 * @retval HKP_E_STATE     the node is dead: it is, or a row of META or HEADS is damaged, which nobody else
 * has
 *
 * Cost: two writes.
 * Source: D-STO-10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_lost(hkp_dsm_node *n, hkp_time now, uint64_t ticket,
                                             const uint8_t *key, size_t key_len);

/** What a repair found. */
struct hkp_dsm_store_repaired {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** kinds of rows of which a part could not be read at all */
    uint32_t holes;
    /** rows that were whole and stay */
    uint64_t rows;
    /** rows that differed from their checksum; those that peers have are fetched by the node */
    uint64_t damaged;
    /** rows made anew out of others */
    uint64_t remade;
};

/**
 * Make a whole database of a damaged one: what can be read and agrees with its checksum stays.
 *
 * Call it when hkp_dsm_store_open() refuses the database (HKP_E_IO with file dsm.sqlite), then open again;
 * the node fetches what is missing from its peers and trusts nothing that was damaged. The damaged file is
 * kept beside as dsm.sqlite.bad until the next repair. The WAL of consensus is never repaired. A repair that
 * is cut short is begun again by the next one.
 *
 * @param directory  the store's, NUL-terminated, borrowed for the call
 * @param out        struct_size set by the caller; filled on HKP_OK
 * @param fault      filled on HKP_E_IO; may be NULL
 *
 * @retval HKP_OK          repaired
 * @retval HKP_E_INVAL     struct_size is too small
 * @retval HKP_E_STATE     another process has the store open
 * @retval HKP_E_NOTFOUND  there is no database
 * @retval HKP_E_IO        nothing can be read, or files cannot be written; nothing was changed
 *
 * Cost: reads and writes the whole database.
 * Source: D-STO-10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_repair(const char *directory,
                                                     struct hkp_dsm_store_repaired *out,
                                                     struct hkp_dsm_store_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
