/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: shares of scheme 2 for what is final (D-QC-3). */
#ifndef HKP_LIBDSM_NODE_SHARES_H
#define HKP_LIBDSM_NODE_SHARES_H

#include "libdsm/node/limits.h"

/** newest shares of one member that are held */
enum { SHARES_OF_ONE = 4 };

struct shares {
    uint32_t can_sign;
    uint8_t secret[32], key[48];
    /** by seat; view 0: none */
    struct share {
        uint64_t view;
        blob *envelope;
    } of[HKP_DSM_MEMBERS_MAX][SHARES_OF_ONE];
};

/** The own share for a header that this node finds final. */
void hkp_dsm__share_final(node *n, const struct hkp_dsm__header *h);
/** FINAL_BLS from a peer; passed on when it is right. */
hkp_status hkp_dsm__share_take(node *n, const struct hkp_dsm_view *envelope, const struct peer *from,
                               uint32_t hops);
/** Another epoch, other members. */
void hkp_dsm__shares_clear(node *n);

#endif
