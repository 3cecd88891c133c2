/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Who gets an item at once and who is only told of it (D-GSP-8; Plumtree: Leitao, Pereira, Rodrigues,
 * "Epidemic Broadcast Trees", 2007). Links to neighbours are numbered by the caller; the ones on which items
 * come first grow into a tree, over the others go ids, so that what the tree lost is asked for.
 *
 * Holds ids, never items, and sends nothing: hkp_dsm__tree_tell() says to whom to push, hkp_dsm__tree_next()
 * what else to say. Nothing here is believed of an item before the caller verified it (D-GSP-7).
 */
#ifndef HKP_LIBDSM_TREE_H
#define HKP_LIBDSM_TREE_H

#include "libdsm/gossip/seen.h"

enum {
    HKP_DSM__LINKS_MAX = 64,
    /** as a link: nobody, an item of our own */
    HKP_DSM__LINK_NONE = HKP_DSM__LINKS_MAX,
    /** ids of one message */
    HKP_DSM__IDS_MAX = 256,
    /** larger items are announced, not pushed */
    HKP_DSM__PUSH_MAX = 1024,
    /** times that an announced item is asked for */
    HKP_DSM__GRAFTS_MAX = 3,
    /** of 1000 packets: a link that loses more stays one to push on */
    HKP_DSM__LOSSY = 50,
    /** copies of an item after which such a link is pruned like all others */
    HKP_DSM__LOSSY_COPIES = 5
};

/** All of them required. */
struct hkp_dsm__tree_options {
    /** most links, 1..LINKS_MAX */
    uint32_t links;
    /** ids that wait to be announced on a link, and that a link announced and did not bring */
    uint32_t announced;
    /** ids that are waited for */
    uint32_t wanted;
    /** ids of one generation of the seen, a power of two */
    uint32_t seen;
    /** ids are collected so long before they are announced, and waited for so long before they are asked for
     */
    uint64_t announce_ns, graft_ns;
    /** secret of this node, for tables and choices */
    uint8_t key[16];
};

enum {
    /** IHAVE of ids to link in lane */
    HKP_DSM__TREE_IHAVE = 1,
    /** GRAFT of ids to link in lane; one id of zeros: the link is wanted, no item */
    HKP_DSM__TREE_GRAFT = 2,
    /** the link did not bring what it was asked for; n of them (D-GSP-16) */
    HKP_DSM__TREE_SILENT = 3,
    /** PRUNE to link in lane: items are to come by another one */
    HKP_DSM__TREE_PRUNE = 4
};

enum { HKP_DSM__TREE_HELD = 1, HKP_DSM__TREE_HELD_UNTOLD = 2 };

struct hkp_dsm__tree_out {
    uint32_t kind, link, lane, n;
    /** ascending */
    uint8_t ids[HKP_DSM__IDS_MAX][16];
};

struct hkp_dsm__tree_link {
    uint8_t up;
    /** it loses much: copies on it are wanted */
    uint8_t lossy;
    /** nothing is pushed on it unless it was asked for */
    uint8_t leaf;
    /** we push on it; the other side pushes to us */
    uint8_t out_eager, in_eager;
    /** TREE_GRAFT or TREE_PRUNE that is to be said, in this lane; 0: neither */
    uint8_t say, say_lane;
    /** ids that wait to be announced on it, and since when the first waits */
    uint32_t queued;
    hkp_time queued_at;
    uint8_t (*ids)[16];
    uint8_t *lanes;
    /** ids that it announced and that are waited for */
    uint32_t announced;
    /** ids that it has no wish for (IDONTWANT), a ring */
    uint8_t (*unwanted)[16];
    uint32_t unwanted_at;
};

struct hkp_dsm__tree_wanted {
    uint8_t id[16];
    /** links that announced it */
    uint64_t from;
    hkp_time due;
    uint32_t next;
    /** first: of the links that announced it */
    uint8_t lane, tries, asked, ready, first;
    /** it came otherwise: who announces it is remembered for a while, nobody is asked */
    uint8_t held;
};

struct hkp_dsm__tree {
    struct hkp_dsm__tree_options o;
    struct hkp_dsm__seen seen;
    struct hkp_dsm__tree_link *links;
    /** wanted ids in chains by hash; those that are free in a chain of their own */
    struct hkp_dsm__tree_wanted *wanted;
    uint32_t *chains;
    uint32_t chain_mask, free, n_wanted, n_ready;
    /** no id is due before; nothing is to be announced before */
    hkp_time due, announce_at;
    uint64_t turn;
    /** by which the last item came, and who announced it first of the others; since when no item moved the
     * tree */
    uint32_t last, next;
    uint8_t last_id[16], last_lane;
    /** an item whose copies are counted, since when */
    uint8_t counted_id[16];
    uint32_t counted;
    hkp_time counted_at;
    hkp_time moved_at;
    /** torn: the link by which items came is gone. grown: there was a copy, so new links begin lazy. say: of
     * some link; was_silent: some link */
    uint8_t torn, grown, say, was_silent;
    uint32_t silent[HKP_DSM__LINKS_MAX];
};

size_t hkp_dsm__tree_bytes(const struct hkp_dsm__tree_options *o);
/** memory: zeroed, aligned for a pointer, at least so many bytes, borrowed. */
void hkp_dsm__tree_init(struct hkp_dsm__tree *t, void *memory, const struct hkp_dsm__tree_options *o);

void hkp_dsm__tree_link_up(struct hkp_dsm__tree *t, uint32_t link);
void hkp_dsm__tree_link_down(struct hkp_dsm__tree *t, uint32_t link);
/** 1: items come or go by the link, as far as is known. */
int hkp_dsm__tree_carries(const struct hkp_dsm__tree *t, uint32_t link);
/** What the network loses on a link, of 1000 packets. */
void hkp_dsm__tree_link_loss(struct hkp_dsm__tree *t, uint32_t link, uint32_t loss);

/** A link on which nothing is to be pushed, or one like the others again. */
void hkp_dsm__tree_link_leaf(struct hkp_dsm__tree *t, uint32_t link, int leaf);

/** An item is held and verified: links to push it on; the others are told by and by. link: who brought it.
 * Links of has are not told of it, and those of tell never get it by push. */
uint64_t hkp_dsm__tree_tell(struct hkp_dsm__tree *t, hkp_time now, uint32_t link, uint32_t lane,
                            const uint8_t id[16], size_t size, uint64_t has, uint64_t tell);
/** An item that was to be pushed on a link is announced instead. */
void hkp_dsm__tree_announce(struct hkp_dsm__tree *t, hkp_time now, uint32_t link, uint32_t lane,
                            const uint8_t id[16]);
/** An item came and goes no further: it is not waited for. done: nor will it be asked for again. */
void hkp_dsm__tree_settle(struct hkp_dsm__tree *t, hkp_time now, const uint8_t id[16], int done);
/** What came under this id on a link was not right: the link is not asked again, others are. */
void hkp_dsm__tree_failed(struct hkp_dsm__tree *t, uint32_t link, const uint8_t id[16]);
/** Nothing that was announced in a lane and not asked for yet is waited for any more; returns a link that
 * announced some of it, or LINK_NONE. */
uint32_t hkp_dsm__tree_settle_lane(struct hkp_dsm__tree *t, uint32_t lane);
/** A copy of what was there came by push: 1 if PRUNE is to be answered. *copies: how many came, up to 255. */
int hkp_dsm__tree_copy(struct hkp_dsm__tree *t, hkp_time now, uint32_t link, const uint8_t id[16],
                       uint32_t *copies);

/** An item came otherwise than by a link: it is not asked for. */
void hkp_dsm__tree_hold(struct hkp_dsm__tree *t, hkp_time now, const uint8_t id[16]);
/** One id of IHAVE; held: the caller has the item although it is not among the seen: TREE_HELD, or
 * TREE_HELD_UNTOLD: it came otherwise than by a link and was not told. */
void hkp_dsm__tree_ihave(struct hkp_dsm__tree *t, hkp_time now, uint32_t link, uint32_t lane,
                         const uint8_t id[16], int held);
/** GRAFT came: the caller pushes what it holds of the ids. */
void hkp_dsm__tree_graft(struct hkp_dsm__tree *t, uint32_t link);
void hkp_dsm__tree_prune(struct hkp_dsm__tree *t, uint32_t link);
void hkp_dsm__tree_unwanted(struct hkp_dsm__tree *t, uint32_t link, const uint8_t id[16]);

/** What is to be said next; 0: nothing now. */
int hkp_dsm__tree_next(struct hkp_dsm__tree *t, hkp_time now, struct hkp_dsm__tree_out *out);
hkp_time hkp_dsm__tree_wake(const struct hkp_dsm__tree *t);

#endif
