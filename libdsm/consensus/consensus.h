/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: views, votes, headers and what they carry (DSM-Simplex). */
#ifndef HKP_LIBDSM_CONSENSUS_CONSENSUS_H
#define HKP_LIBDSM_CONSENSUS_CONSENSUS_H

#include "libdsm/node/limits.h"

enum { VOTE_CHECKED = 1, VOTE_UNCHECKED = 2 };

struct vote_entry {
    /** VOTE_CHECKED or VOTE_UNCHECKED; 0: none */
    uint8_t set;
    uint8_t digest[32];
    uint8_t signature[64];
};

/** A header above the newest final one, with what is known of it. */
struct prop {
    uint32_t used, state, queued, boundary;
    /** q members stand for it (R8): it gives way to nothing */
    uint32_t certified;
    struct hkp_dsm__header h;
    blob *header, *body, *envelope;
    struct hkp_dsm__body parsed;
    /** heads before it, while the tree stands on it or a descendant */
    struct hkp_dsm__head *undo;
    size_t n_undo;
    hkp_time ask_again;
    uint64_t put_ticket;
};

enum { PROP_NEW = 0, PROP_VALID = 1, PROP_BAD = 2 };

/** A view. */
struct slot {
    uint64_t view;
    /** own promises, sent or recorded */
    uint8_t proposed, notar, null, final, seen_proposal;
    uint8_t notar_digest[32], propose_digest[32], proposal_digest[32];
    blob *own_msg[6];
    /** envelope of proposal_digest: evidence needs it though its header may be gone from here */
    blob *proposal;
    /** blocks that members may lack when the own proposal comes: ITEMS that goes before it, NULL: none */
    blob *young;
    /** CERT_N, CERT_0, CERT_F */
    blob *cert[3];
    uint8_t cert_digest[32];
    struct vote_entry *votes[3];
    /** of all digests */
    uint32_t n_votes[3];
};

enum { CERT_N = 0, CERT_0 = 1, CERT_F = 2 };
/* What a node's own account of the next set is worth. JOINED: it does not know what waits since before the
 * epoch. DIFFERS: it is not what the final boundary names. AGAIN: it joined because the last one was not. */
enum { BLIND_NOT = 0, BLIND_JOINED = 1, BLIND_DIFFERS = 2, BLIND_AGAIN = 3 };

struct report {
    struct prop *p;
    uint64_t ticket, next_seq;
    uint32_t head;
    struct hkp_dsm_cbor_reader at;
    struct hkp_dsm__head now;
    uint64_t from;
};

struct suspect {
    uint8_t key[32], message_id[16];
    uint32_t class_, on_chain;
    uint64_t epoch, point;
    uint8_t offender[16];
    /** of E6: what was given twice; it was judged as an op once, and was refused */
    uint8_t number[16];
    uint32_t judged, refused;
    blob *op;
};

/** Evidence of this epoch whose two signatures were found right, by the hash of its op. */
struct checked {
    uint8_t hash[32], offender[16];
    uint32_t class_;
    uint64_t epoch, point, kind;
};

/** A change of the set that an op asks for (D-EPO-2). */
struct change {
    uint32_t kind;
    /** of the header with the op */
    uint64_t height;
    struct hkp_dsm_seat seat;
    /** of who joins a set that lists scheme 2; zeros: none */
    uint8_t bls[48];
};

/** The last two change no seat; they are what ops of this epoch did already: an indicator that was withdrawn,
 * a number that officers gave twice (first 16 bytes of its hash). */
enum {
    CHANGE_EVIDENCE = 1,
    CHANGE_RETIRE = 2,
    CHANGE_LEAVE = 3,
    CHANGE_JOIN = 4,
    CHANGE_TOMBSTONE = 5,
    CHANGE_OFFICERS = 6
};

/** What the own operator said: CHANGE_RETIRE of a node, CHANGE_TOMBSTONE of an ioc_key. */
struct command {
    uint32_t kind;
    uint8_t id[16];
};

struct pending {
    uint32_t count;
    struct change at[PENDING_MAX];
};

/** A MEMBER or ENDORSE of this epoch (D-EPO-3). */
struct note {
    uint32_t kind, action, bad;
    uint8_t signer[16], message_id[16];
    /** what is endorsed; of a MEMBER its own id */
    uint8_t subject[32], certificate[32];
    hkp_time seen_at;
    /** of the (f+1)th ENDORSE of a subject: up to this view it is work though nobody here knows what it is */
    uint64_t until;
    /** op: made of a MEMBER when it has all endorsements */
    blob *envelope, *op;
};

/* votes.c */
struct slot *hkp_dsm__slot(node *n, uint64_t view);
/** p is the proposal of its view that was seen. */
void hkp_dsm__slot_proposal(node *n, struct slot *s, const struct prop *p);
void hkp_dsm__slots_clear(node *n);
/** 1: CERT_0 of this view is held, in a slot or on disk only. */
int hkp_dsm__null_known(const node *n, uint64_t view);
hkp_status hkp_dsm__on_vote(node *n, struct peer *p, const struct hkp_dsm_view *envelope);
hkp_status hkp_dsm__cert_take(node *n, const uint8_t *bytes, size_t len);
/** The same, from a neighbour. */
hkp_status hkp_dsm__cert_from(node *n, struct peer *from, uint32_t hops, const uint8_t *bytes, size_t len);
/** p speaks of this epoch: if it is a later one, p is asked for the CERT_F that ended ours. */
void hkp_dsm__behind(node *n, struct peer *p, uint64_t epoch);
void hkp_dsm__vote_own(node *n, uint32_t kind, uint64_t view, const uint8_t digest[32]);
void hkp_dsm__newest_certs(node *n, struct peer *p);
hkp_status hkp_dsm__vote_envelope(node *n, uint32_t kind, uint64_t view, uint32_t seat, uint8_t *dst,
                                  size_t cap, size_t *len);

/* rules.c */
void hkp_dsm__advance(node *n);
void hkp_dsm__enter(node *n, uint64_t view);
int hkp_dsm__may_promise(const node *n, uint64_t view);
hkp_time hkp_dsm__rules_wake(const node *n);
/** The view that the certs held lead to (R0): that of the node, or one that it is about to enter. */
uint64_t hkp_dsm__view_now(const node *n);

/* proposal.c */
struct prop *hkp_dsm__prop(node *n, const uint8_t digest[32]);
struct prop *hkp_dsm__prop_add(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header,
                               const struct hkp_dsm_view *body, const struct hkp_dsm_view *envelope);
void hkp_dsm__prop_free(node *n, struct prop *p);
/** Move the heads tree to the state after p (NULL: after the newest final header); 0: p is not above it. */
int hkp_dsm__goto(node *n, struct prop *p);
/** Parent of p: 1 a header in memory, 0 the newest final header, -1 unknown. */
int hkp_dsm__parent(node *n, const struct prop *p, struct prop **parent);
int hkp_dsm__prop_empty(const struct prop *p);
/** HKP_OK, HKP_E_DSM_GAP: something is missing and was asked for, or why it is bad. */
hkp_status hkp_dsm__prop_judge(node *n, struct prop *p);
/** By which a header of this time judges blocks of a; 0: of any time. After hkp_dsm__revoked_begin(). */
struct hkp_dsm__block_rules hkp_dsm__header_rules(node *n, const struct author *a, uint64_t time_ms,
                                                  uint64_t parent_ms);
hkp_status hkp_dsm__on_propose(node *n, struct peer *from, struct hkp_dsm__message *m);
void hkp_dsm__propose(node *n);
void hkp_dsm__prop_store(node *n, struct prop *p);
void hkp_dsm__repropose(node *n, struct slot *s);
/** The own proposal is durable: it goes to all members. */
void hkp_dsm__propose_tell(node *n, struct slot *s);
struct prop *hkp_dsm__newest_notarised(node *n);
/** Changes of p applied to the tree, which stands on its parent; root compared. */
hkp_status hkp_dsm__prop_apply(node *n, struct prop *p);
/** The roots that the changes of p would leave, into p->h; the tree stays on the parent. */
hkp_status hkp_dsm__prop_trial(node *n, struct prop *p);
/** The first view above over without CERT_0; not less than below: all between have it (validity c). */
uint64_t hkp_dsm__null_missing(const node *n, uint64_t over, uint64_t below);
/** 1: named by CERT_N or CERT_F, or by a header that is itself named so: q members stand for it. */
int hkp_dsm__certified(node *n, const struct hkp_dsm__header *h);
int hkp_dsm__notar_held(node *n, uint64_t view, const uint8_t digest[32]);
int hkp_dsm__is_boundary(const node *n, uint64_t height, uint64_t time_ms);
/** The boundary that p is or stands above, not final yet; NULL: none that is known. */
struct prop *hkp_dsm__boundary_below(node *n, struct prop *p);

/* final.c */
void hkp_dsm__finalise(node *n);
int hkp_dsm__report(node *n);
void hkp_dsm__epoch_begin(node *n, const uint8_t *set_body, size_t len, const uint8_t boundary[32],
                          uint64_t height, uint64_t time_ms);
/** The epoch that begins at this boundary, whose heads the tree has. */
void hkp_dsm__epoch_jump(node *n, const struct hkp_dsm__header *h, const uint8_t *set, size_t len);
void hkp_dsm__epoch_again(node *n, const struct hkp_dsm__header *boundary);

/** The epoch that a RESTART begins at the newest final header. */
void hkp_dsm__epoch_restart(node *n, const struct hkp_dsm__restart *r);

/** The epoch is of blocks and headers of this version (0: as before). */
void hkp_dsm__version_begins(node *n, uint64_t version);

/* restart.c */
/** What was given is done once its header is the newest final one. */
void hkp_dsm__restart_step(node *n);
/** 1: the META row was one of a RESTART. */
int hkp_dsm__restart_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__restart_row(node *n, const struct read *r, const uint8_t *data, size_t len);
void hkp_dsm__restart_end(node *n, const struct read *r);

/* fetch.c */
/** A header with its body, if it is one that is missing. */
void hkp_dsm__pair_take(node *n, const struct hkp_dsm_view *header, const struct hkp_dsm_view *body, int ask);
/** Ask one peer for a digest, and for its ancestors down to view from (0: for it alone). */
void hkp_dsm__sync_ask(node *n, struct peer *p, uint64_t epoch, uint64_t from, const uint8_t digest[32]);
void hkp_dsm__ask_header(node *n, const uint8_t digest[32]);
void hkp_dsm__ask_certs(node *n, struct peer *p, uint64_t from, uint64_t to);
hkp_status hkp_dsm__on_sync_req(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_sync_resp(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__fetch_row(node *n, struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                        size_t len);
void hkp_dsm__fetch_end(node *n, struct read *r);

/* promises.c */
void hkp_dsm__promises_ask(node *n, struct peer *p);
/** An epoch begins: asked again if others were in it before, or not enough of them answered yet. */
void hkp_dsm__promises_epoch(node *n);
hkp_status hkp_dsm__on_promises_req(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_promises(node *n, struct peer *p, struct hkp_dsm__message *m);

/* suspects.c */
void hkp_dsm__suspect(node *n, const struct hkp_dsm_view *a, const struct hkp_dsm_view *b);
hkp_status hkp_dsm__on_evidence(node *n, const struct hkp_dsm_view *op, struct peer *from, uint32_t hops);
hkp_status hkp_dsm__evidence_valid(node *n, const struct hkp_dsm_view *op, struct prop *parent);
void hkp_dsm__evidence_final(node *n, const struct hkp_dsm_view *op, uint64_t height);
struct hkp_dsm__keys hkp_dsm__keys_of(node *n);
/** hkp_dsm__evidence_check(), the signatures of one op but once in an epoch: liars make evidence at will. */
hkp_status hkp_dsm__evidence_of(node *n, const struct hkp_dsm_view *op, struct hkp_dsm__evidence *e);
/** 1: an op for a header after p. asked: hkp_dsm__pending_at(p). */
int hkp_dsm__suspect_due(node *n, struct suspect *s, const struct pending *asked, struct prop *p,
                         uint64_t time_ms, int propose);
hkp_status hkp_dsm__suspect_add(node *n, const struct hkp_dsm_view *op, const struct hkp_dsm__evidence *e,
                                uint64_t height);

/* ops.c */
hkp_status hkp_dsm__op_valid(node *n, const struct hkp_dsm_view *op, struct prop *parent, uint64_t time_ms);
size_t hkp_dsm__ops_heads(node *n, const struct prop *p, struct hkp_dsm__head *heads);
void hkp_dsm__ops_final(node *n, const struct prop *p);

/* seats.c */
const struct change *hkp_dsm__pending_find(const struct pending *list, uint32_t kind,
                                           const uint8_t node_id[16]);
void hkp_dsm__pending_op(node *n, struct pending *list, const struct hkp_dsm_view *op, uint64_t height);
void hkp_dsm__pending_add(node *n, struct pending *list, const struct prop *p);
const struct pending *hkp_dsm__pending_at(node *n, struct prop *parent);
hkp_status hkp_dsm__next_set(node *n, const struct pending *list, uint64_t boundary, uint8_t *dst,
                             size_t *len);
void hkp_dsm__pending_carry(node *n, const struct hkp_dsm__valset *old, uint64_t first);
void hkp_dsm__pending_forget(node *n);
hkp_status hkp_dsm__pending_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
hkp_status hkp_dsm__seat_op_valid(node *n, const struct hkp_dsm__op *op, struct prop *parent,
                                  uint64_t time_ms);

/* commands.c */
hkp_status hkp_dsm__command_valid(node *n, const struct hkp_dsm__op *op, struct prop *parent);
size_t hkp_dsm__retired_heads(node *n, const struct prop *p, struct hkp_dsm__head *heads);
void hkp_dsm__retired_final(node *n, const struct prop *p);
void hkp_dsm__tombstone_final(node *n, const struct hkp_dsm__op *op, const struct hkp_dsm__header *h);
void hkp_dsm__command_make(node *n, struct note *note);
int hkp_dsm__command_due(node *n, const struct prop *parent, const struct pending *asked,
                         const struct note *note);
void hkp_dsm__commands_tick(node *n);
void hkp_dsm__command_counted(node *n, struct note *note);
int hkp_dsm__command_of_others(node *n, struct prop *parent);

/* members.c */
/** An op with f+1 endorsements of the subject (NULL: with none), or NULL: there are too few. */
blob *hkp_dsm__endorsed_blob(node *n, uint64_t op, const struct hkp_dsm_view *first,
                             const struct hkp_dsm_view *second, const uint8_t *subject);
hkp_status hkp_dsm__endorse(node *n, const uint8_t subject[32], uint32_t trust);
hkp_status hkp_dsm__note_take(node *n, const struct hkp_dsm_view *envelope, struct peer *from, uint32_t hops);
/** All that is held is announced to a peer that is new. */
void hkp_dsm__notes_peer(node *n, struct peer *p);
/** The envelope of this message id, or NULL. */
blob *hkp_dsm__note_object(const node *n, const uint8_t id[16]);
void hkp_dsm__notes_tick(node *n);
void hkp_dsm__notes_clear(node *n);
/** Ops for a header after parent into ops (NULL: only how many there might be), at most max. */
size_t hkp_dsm__notes_ops(node *n, struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops,
                          size_t max);

#endif
