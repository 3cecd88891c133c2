/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Which nodes are neighbours (D-GSP-1 to D-GSP-4; HyParView: Leitao, Pereira, Rodrigues, "HyParView: a
 * membership protocol for reliable gossip-based broadcast", 2007). The active view are the neighbours, the
 * passive view those who may become some. Records come in verified; nothing is sent here,
 * hkp_dsm__view_next() says what to send, whom to connect and who became or ceased to be a neighbour.
 */
#ifndef HKP_LIBDSM_VIEW_H
#define HKP_LIBDSM_VIEW_H

#include "libdsm/node/pool.h"

enum {
    HKP_DSM__ACTIVE_MAX = 16,
    HKP_DSM__PASSIVE_MAX = 64,
    /** links that this node opened, at least (D-GSP-2) */
    HKP_DSM__OUTBOUND_MIN = 3,
    HKP_DSM__ANCHORS = 2,
    /** records of a SHUFFLE, its own included, and of one step of a join */
    HKP_DSM__SHUFFLE_MAX = 8,
    HKP_DSM__TTL_JOIN = 6,
    HKP_DSM__TTL_PASSIVE = 3,
    /** shuffles of others whose answer goes back through this node */
    HKP_DSM__SHUFFLES_OPEN = 32,
    /** what waits to be said; more is lost, the next shuffle makes up for it */
    HKP_DSM__VIEW_OUTS = 64
};

/** What a verified record says of a node. */
struct hkp_dsm__contact {
    uint8_t node_id[16];
    /** of its certificate; 0: not known */
    uint32_t group;
    /** any number of its IPv4 /24 or IPv6 /48; 0: private, or not known */
    uint32_t net;
    /** 1: has a seat */
    uint32_t validator;
    uint64_t seq, expires_s;
    /** the signed record */
    struct hkp_dsm__blob *record;
};

struct hkp_dsm__view_options {
    /** neighbours, and nodes known beside them */
    uint32_t active, passive;
    /** 1: all nodes are of one owner, groups do not count */
    uint32_t single;
    uint64_t shuffle_ns;
    /** secret of this node, redrawn daily: orders the choice of neighbours */
    uint8_t key[16];
    /** of all records */
    struct hkp_dsm__pool *pool;
};

enum {
    /** open a session with node_id, whose record it is */
    HKP_DSM__VIEW_CONNECT = 1,
    /** node_id is a neighbour, or is one no more */
    HKP_DSM__VIEW_LINK_UP = 2,
    HKP_DSM__VIEW_LINK_DOWN = 3,
    /** send this op to node_id */
    HKP_DSM__VIEW_SEND = 4,
    /** the session with node_id is of no use to the view any more */
    HKP_DSM__VIEW_CLOSE = 5
};

struct hkp_dsm__view_out {
    uint32_t kind, op;
    uint8_t node_id[16];
    uint8_t nonce[8];
    uint32_t flag, ttl, n;
    /** held until the next call of hkp_dsm__view_next() */
    struct hkp_dsm__blob *records[HKP_DSM__SHUFFLE_MAX];
};

struct hkp_dsm__view_peer {
    struct hkp_dsm__contact c;
    /** 0: free */
    uint8_t state;
    uint8_t outbound, anchor, tries;
    /** items come or go by it: others are given up before it */
    uint8_t carries;
    /** of the state; in the passive view: not to be tried before */
    hkp_time at;
};

struct hkp_dsm__view {
    struct hkp_dsm__view_options o;
    hkp_time shuffle_at, tend_at;
    uint32_t out_head, out_count;
    struct hkp_dsm__contact self;
    struct hkp_dsm__view_peer active[HKP_DSM__ACTIVE_MAX + HKP_DSM__ANCHORS];
    struct hkp_dsm__view_peer passive[HKP_DSM__PASSIVE_MAX];
    struct hkp_dsm__view_out outs[HKP_DSM__VIEW_OUTS];
    struct hkp_dsm__view_out said;
    struct {
        uint8_t nonce[8], from[16];
    } shuffles[HKP_DSM__SHUFFLES_OPEN];
    uint32_t shuffles_at;
    uint8_t own_nonce[8];
    uint64_t draws;
};

void hkp_dsm__view_init(struct hkp_dsm__view *v, const struct hkp_dsm__view_options *o,
                        const struct hkp_dsm__contact *self);
/** Gives all records back. */
void hkp_dsm__view_clear(struct hkp_dsm__view *v);
/** A newer record of our own. */
void hkp_dsm__view_self(struct hkp_dsm__view *v, const struct hkp_dsm__contact *self);

/** A node that may become a neighbour: from a file, a bootstrap list, a record that came by gossip. */
void hkp_dsm__view_learn(struct hkp_dsm__view *v, const struct hkp_dsm__contact *c);
/** Of a node nothing good is known any more: it leaves both views. */
void hkp_dsm__view_forget(struct hkp_dsm__view *v, hkp_time now, const uint8_t node_id[16]);
/** Joins the mesh by a node with which there is a session. */
void hkp_dsm__view_join(struct hkp_dsm__view *v, hkp_time now, const struct hkp_dsm__contact *by);
/** A session that nobody here asked for: the first to join by, later one that may become a neighbour. */
void hkp_dsm__view_meet(struct hkp_dsm__view *v, hkp_time now, const struct hkp_dsm__contact *c);
/** Whether a node has a seat, as of now: an anchor that has none any more makes place for another. */
void hkp_dsm__view_seat(struct hkp_dsm__view *v, hkp_time now, const uint8_t node_id[16], int seated);
/** 1: so many neighbours are of its group or network that it cannot become one (D-GSP-2). */
int hkp_dsm__view_crowded(struct hkp_dsm__view *v, const struct hkp_dsm__contact *c);
/** What is known of a node; NULL: nothing. */
const struct hkp_dsm__contact *hkp_dsm__view_contact(const struct hkp_dsm__view *v,
                                                     const uint8_t node_id[16]);
/** 1: it is to have a session with us, as a neighbour or an anchor. */
int hkp_dsm__view_needs(const struct hkp_dsm__view *v, const uint8_t node_id[16]);
/** Whether items come or go by the link with a neighbour, as of now. */
void hkp_dsm__view_carries(struct hkp_dsm__view *v, const uint8_t node_id[16], int carries);
/** A session that VIEW_CONNECT asked for is there; it or any other is gone. */
void hkp_dsm__view_session_up(struct hkp_dsm__view *v, hkp_time now, const uint8_t node_id[16]);
void hkp_dsm__view_session_down(struct hkp_dsm__view *v, hkp_time now, const uint8_t node_id[16]);

void hkp_dsm__view_on_join(struct hkp_dsm__view *v, hkp_time now, const struct hkp_dsm__contact *c);
void hkp_dsm__view_on_forward_join(struct hkp_dsm__view *v, hkp_time now, const uint8_t from[16],
                                   const struct hkp_dsm__contact *c, uint32_t ttl);
/** from: by its record, or node_id and group alone. */
void hkp_dsm__view_on_neighbor(struct hkp_dsm__view *v, hkp_time now, const struct hkp_dsm__contact *from,
                               uint32_t high);
void hkp_dsm__view_on_reply(struct hkp_dsm__view *v, hkp_time now, const uint8_t from[16], uint32_t ok);
void hkp_dsm__view_on_disconnect(struct hkp_dsm__view *v, hkp_time now, const uint8_t from[16]);
/** A node that is no neighbour gossips as if it were one: it is told. */
void hkp_dsm__view_stranger(struct hkp_dsm__view *v, const uint8_t from[16]);
void hkp_dsm__view_on_shuffle(struct hkp_dsm__view *v, const uint8_t from[16], const uint8_t nonce[8],
                              const struct hkp_dsm__contact *c, uint32_t n, uint32_t ttl);
void hkp_dsm__view_on_shuffle_reply(struct hkp_dsm__view *v, const uint8_t nonce[8],
                                    const struct hkp_dsm__contact *c, uint32_t n);

void hkp_dsm__view_tick(struct hkp_dsm__view *v, hkp_time now, uint64_t wall_s);
hkp_time hkp_dsm__view_wake(const struct hkp_dsm__view *v);
/** 0: nothing. */
int hkp_dsm__view_next(struct hkp_dsm__view *v, struct hkp_dsm__view_out **out);

#endif
