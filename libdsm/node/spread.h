/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a node knows of the spreading of items, and of the conduct of its peers. */
#ifndef HKP_LIBDSM_SPREAD_H
#define HKP_LIBDSM_SPREAD_H

#include "libdsm/gossip/score.h"
#include "libdsm/gossip/tree.h"
#include "libdsm/node/pool.h"

enum {
    /** items that are no blocks and can be asked for by id; they fill a sixteenth of the pool at most */
    SPREAD_KEPT = 256,
    /** messages that wait in a lane of a peer before items are announced to it instead of pushed */
    SPREAD_QUEUE = 64,
    /** ids that wait for announcement on a link, or were announced by it (dsm.md 13) */
    SPREAD_IDS = 1024,
    SPREAD_WANTED = 4096,
    SPREAD_SEEN = 65536,
    /** blocks that a peer claims beyond ours and that may still come by gossip, and how long that may take:
     * longer than it takes to ask by GRAFT */
    SPREAD_SOON = 16,
    SPREAD_GRACE_MS = 700
};

struct hkp_dsm__spread {
    struct hkp_dsm__tree tree;
    struct hkp_dsm__tree_out out;
    struct hkp_dsm__spread_kept {
        uint8_t id[16];
        uint32_t form, lane, hops;
        struct hkp_dsm__blob *object;
    } kept[SPREAD_KEPT];
    uint32_t kept_first, kept_count;
    size_t kept_bytes;
    /** peers by link; NULL: none */
    struct peer *of[HKP_DSM__LINKS_MAX];
    /** a cert was new; a link announced certs that nobody asked for: its number + 1 */
    hkp_time cert_at;
    uint32_t cert_hint;
    /** PUSH sent, copies that were known when they came, GRAFT sent */
    uint64_t pushed, copies, asked;
};

#endif
