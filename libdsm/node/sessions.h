/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: sessions with peers, and what is told and asked over them of blocks. */
#ifndef HKP_LIBDSM_NODE_SESSIONS_H
#define HKP_LIBDSM_NODE_SESSIONS_H

#include "libdsm/node/limits.h"
#include "libdsm/node/neighbours.h"
#include "libdsm/node/spread.h"

/** A session. What a message that comes looks at is first, then what one that goes does. */
struct peer {
    struct peer *next_by_id;
    uint8_t node_id[16];
    uint32_t up, lanes;
    /** seat, or -1 */
    int32_t seat;
    /** it is sent away (D-GSP-17); its session began with an old revocation list: it has no role above EDGE
     * (D-CA-8) */
    uint32_t away, listless;
    hkp_time certs_again;
    /** the highest of the epoch that it showed to be in, in this session (D-SMX-R9) */
    uint64_t view;
    /** number of its link + 1; 0: none */
    uint32_t link;
    uint32_t served;
    /** its score and what it may send */
    struct hkp_dsm__score conduct;
    /** what is sent to it: the first of a lane, and behind it the others in a ring; items: bytes of ITEMS
     * among them. bytes: of all */
    struct queue {
        blob *first;
        uint32_t count, head, cap, items;
        blob **ring;
    } queues[HKP_DSM_LANES];
    size_t bytes;
    struct hkp_dsm__score pace;
    /** it was here before; the host was told to close the session */
    uint32_t known, bad;
    int64_t clock_us;
    uint32_t clock_verdict, have_clock;
    /** D-GSP-13: places told, ids of the next message, and when that is */
    uint32_t told, tell_ids;
    hkp_time tell_again;
    /** what the network loses on its link, of 1000 packets */
    uint32_t loss;
    /** it was told PRUNE, and copies came later than they should have, in a row */
    uint32_t unheard;
    hkp_time pruned_at;
    /** this node asked its host for the session; HKP_DSM_STANCE_* */
    uint32_t dialed, stance;
    struct hkp_dsm__probe probe;
    /** WANT since want_turn, those of them without an answer; it claimed blocks of ours that nobody has */
    uint32_t wants, wants_open, lied;
    hkp_time want_turn;
    /** its newest DIGEST, and how many HEADS may follow */
    uint8_t salt[16];
    uint64_t cut_us;
    uint32_t heads_left, forks_asked;
    hkp_time digest_again;
    /** officers.c: op of the lowest set that it told whose officers are not known here, its version */
    blob *unsigned_set;
    uint64_t unsigned_version;
};

/** An answer to WANT: ranges are node_id || u64 from || u64 to. */
struct want_job {
    uint32_t used, lane, count, at;
    uint8_t peer[16];
    blob *ranges, *out;
};

/* peers.c */
uint32_t hkp_dsm__queue_cap(uint32_t lane);
struct peer *hkp_dsm__peer(const node *n, const uint8_t node_id[16]);
int hkp_dsm__lane_open(const struct peer *p, uint32_t lane);
/** Takes over no reference. */
void hkp_dsm__send_peer(node *n, struct peer *p, uint32_t lane, blob *msg);
void hkp_dsm__send_members(node *n, uint32_t lane, blob *msg);
void hkp_dsm__send_all(node *n, uint32_t lane, blob *msg, const struct peer *but);
struct peer *hkp_dsm__some_peer(node *n, uint32_t lane, int member);
void hkp_dsm__peers_seats(node *n);
/** Tells the host once that the session is to be closed. */
void hkp_dsm__peer_bad(node *n, struct peer *p, hkp_status why);
/** 0: this peer asks too often (D-GSP-15). */
int hkp_dsm__may_ask(node *n, struct peer *p);
/** A message blob from a writer's bytes in n->scratch; NULL when the pool is full. */
blob *hkp_dsm__msg(node *n, const struct hkp_dsm_cbor_writer *w);
struct hkp_dsm_cbor_writer hkp_dsm__writer(node *n);

/* spread.c */
/** Passes on an item that is no block and was found right; keeps a reference. from: NULL: made here. */
void hkp_dsm__spread(node *n, uint32_t form, blob *object, uint32_t hops, const struct peer *from);
/** One that the node keeps itself: hkp_dsm__list_by_id() answers for it. */
void hkp_dsm__spread_multi(node *n, const struct hkp_dsm_view *multi, uint32_t hops, const struct peer *from);
/** asked: it came as an answer to WANT, which says nothing of links. */
void hkp_dsm__spread_block(node *n, const struct block *b, const struct peer *from, int asked);
/** It came with or for a proposal: it is not waited for, nor told before a link brings it. */
void hkp_dsm__spread_hold(node *n, const struct block *b);
/** A block that was not told is to be told now: a link brought it, or what it lacked came. hops: of the
 * message. */
void hkp_dsm__spread_late(node *n, const struct peer *from, struct block *b, uint32_t hops, int asked);
/** PUSH, IHAVE, GRAFT, PRUNE, IDONTWANT. */
hkp_status hkp_dsm__on_spread(node *n, struct peer *p, struct hkp_dsm__message *m);
/** An item of no peer, from the host. */
hkp_status hkp_dsm__spread_take(node *n, const struct hkp_dsm__item *item);
void hkp_dsm__spread_options(const node *n, uint32_t seen, struct hkp_dsm__tree_options *o);
void hkp_dsm__spread_tick(node *n);
hkp_time hkp_dsm__spread_wake(const node *n);
void hkp_dsm__link_up(node *n, struct peer *p);
void hkp_dsm__link_down(node *n, struct peer *p);

/* policy.c */
/** Whether the signer of an envelope may sign this kind at all: E_KIND, E_SIGNER, E_ROLE, E_NOT_YET,
 * E_EXPIRED, E_REVOKED. Its signature is not looked at. */
hkp_status hkp_dsm__permitted(node *n, struct peer *from, uint32_t kind, const uint8_t signer[16]);

/* publish.c */
/** One of the kinds of hkp_dsm_node_publish(), and an ORDER; from NULL: of the host. */
hkp_status hkp_dsm__object_take(node *n, struct peer *from, const struct hkp_dsm_view *object, uint32_t kind,
                                uint32_t hops);
hkp_status hkp_dsm__order_take(node *n, struct peer *from, const struct hkp_dsm_view *multi, uint32_t hops);

/* neighbours.c */
void hkp_dsm__near_up(node *n, struct peer *p);
void hkp_dsm__near_down(node *n, struct peer *p);
void hkp_dsm__near_lanes(node *n, struct peer *p, int was_open);
/** It is no neighbour any more though its session stands; forget: nor is it to become one. */
void hkp_dsm__near_lost(node *n, struct peer *p, int forget);
/** Another validator set holds. */
void hkp_dsm__near_seats(node *n);
void hkp_dsm__near_close(node *n, struct peer *p, hkp_status why);
void hkp_dsm__near_stranger(node *n, const struct peer *p);
/** JOIN to SHUFFLE_REPLY. */
hkp_status hkp_dsm__on_near(node *n, struct peer *p, struct hkp_dsm__message *m);
/** A record that came as an item. */
hkp_status hkp_dsm__near_record(node *n, struct peer *p, const struct hkp_dsm_view *bytes, uint32_t hops);
/** A row of META at the start; 0: not of this file. */
int hkp_dsm__near_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__near_tick(node *n);
hkp_time hkp_dsm__near_wake(const node *n);

/* probes.c */
void hkp_dsm__probes_begin(node *n, struct peer *p);
void hkp_dsm__probes_tick(node *n);
/** PING, ACK, PING_REQ. */
hkp_status hkp_dsm__on_probe(node *n, struct peer *p, const struct hkp_dsm__message *m);

/* conduct.c */
void hkp_dsm__conduct_begin(node *n, struct peer *p);
/** Points of D-GSP-16; p NULL: nobody. */
void hkp_dsm__conduct_add(node *n, struct peer *p, int32_t points);
int hkp_dsm__conduct_grey(const node *n, const uint8_t node_id[16]);
int hkp_dsm__conduct_graft(node *n, struct peer *p);
/** Rations of a lane, and of an op; HKP_E_DSM_RATE: the message is dropped unread. */
hkp_status hkp_dsm__conduct_lane(node *n, struct peer *p, uint32_t lane, size_t len);
hkp_status hkp_dsm__conduct_op(node *n, struct peer *p, const struct hkp_dsm__message *m);
/** Points that a refusal costs who sent it; 0: none. */
int32_t hkp_dsm__conduct_price(hkp_status st);
void hkp_dsm__conduct_judge(node *n, struct peer *p, hkp_status st);
/** 0: an honest node does not send it now. */
int hkp_dsm__pace_op(node *n, struct peer *p, uint32_t op, uint32_t lane);
int hkp_dsm__pace_lane(node *n, struct peer *p, uint32_t lane, size_t len);

/* sync.c */
void hkp_dsm__have_tick(node *n);
void hkp_dsm__have_all(node *n, struct peer *p);
hkp_status hkp_dsm__on_have(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_items(node *n, struct peer *p, struct hkp_dsm__message *m);
/** A peer says that it has blocks up to seq. */
void hkp_dsm__claim(node *n, struct author *a, uint64_t seq, struct peer *p);
/** Asks for what is claimed and not here. */
void hkp_dsm__want_due(node *n);
void hkp_dsm__want(node *n, struct peer *p, uint32_t lane, const struct author *a, uint64_t from,
                   uint64_t to);

/* items.c */
hkp_status hkp_dsm__on_want(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_cert_want(node *n, struct peer *p, struct hkp_dsm__message *m);
/** ITEMS of those blocks between the heads where the tree stands and these that gossip may still be bringing
 * to others; NULL: none, or no room. */
blob *hkp_dsm__items_young(node *n, const struct hkp_dsm__head *heads, size_t n_heads);
void hkp_dsm__items_row(node *n, struct read *r, const uint8_t *data, size_t len);
void hkp_dsm__items_end(node *n, struct read *r);

/* anti_entropy.c */
void hkp_dsm__entropy_tick(node *n);
hkp_time hkp_dsm__entropy_wake(const node *n);
hkp_status hkp_dsm__on_digest(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_buckets(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_heads(node *n, struct peer *p, struct hkp_dsm__message *m);
/** A block of this author that the peer sent does not follow ours. */
void hkp_dsm__entropy_fork(node *n, struct peer *p, const uint8_t node_id[16]);

#endif
