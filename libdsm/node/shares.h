/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: shares of scheme 2 for what is final (D-QC-3). */
#ifndef HKP_LIBDSM_NODE_SHARES_H
#define HKP_LIBDSM_NODE_SHARES_H

#include "libdsm/node/limits.h"

/** newest shares of one member that are held */
enum { SHARES_OF_ONE = 4 };

/** Those of one member; view 0: none. */
struct shares_of_one {
    struct share {
        uint64_t view;
        blob *envelope;
    } at[SHARES_OF_ONE];
};

struct shares {
    uint32_t can_sign;
    uint8_t secret[32], key[48];
    /** by seat */
    struct shares_of_one of[HKP_DSM_MEMBERS_MAX];
    /** of the epoch before: what its last headers, the boundary above all, are made short with (decision
     * 0571); set.n 0: there is none */
    struct {
        struct hkp_dsm__valset set;
        uint64_t view; /**< in which it ended */
        struct shares_of_one of[HKP_DSM_MEMBERS_MAX];
    } before;
};

/** The own share for a header that this node finds final. */
void hkp_dsm__share_final(node *n, const struct hkp_dsm__header *h);
/** FINAL_BLS from a peer; passed on when it is right. */
hkp_status hkp_dsm__share_take(node *n, const struct hkp_dsm_view *envelope, const struct peer *from,
                               uint32_t hops);
/** Another epoch, other members: the shares of the old one stay if it is the one before. n->view is still
 * its. */
void hkp_dsm__shares_turn(node *n, const struct hkp_dsm__valset *old);

#endif
