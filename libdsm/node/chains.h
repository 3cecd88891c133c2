/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: authors, their certificates and their chains of microblocks. */
#ifndef HKP_LIBDSM_NODE_CHAINS_H
#define HKP_LIBDSM_NODE_CHAINS_H

#include "libdsm/node/heads_tree.h"
#include "libdsm/node/limits.h"

/** A microblock in memory. */
struct block {
    struct block *next_by_id;
    struct block *next_by_seq;
    /** of the author: waiting behind a gap, or on another branch; in the order of finality: kept blocks */
    struct block *next, *prev;
    struct author *author;
    /** [0, envelope, payload or null] */
    blob *item;
    struct hkp_dsm_view envelope, payload;
    struct hkp_dsm__block b;
    hkp_time seen_at;
    uint64_t ticket;
    /** height that made it final; 0: none yet */
    uint64_t height;
    /** reports and puts that need it */
    uint32_t pins;
    /** bytes that count as its author's while it is not final */
    uint32_t loose;
    uint8_t place;
    /** a header needed it that could not do without */
    uint8_t named;
    /** that it came over; a statistic (D-GSP-7) */
    uint8_t hops;
    /** it came with or for a proposal and by no link yet, or without its payload: gossip told nothing of it
     * (D-GSP-8) */
    uint8_t untold;
    /** 1: of another branch than ours, and final: it has the row of its number already */
    uint8_t kept;
    /** its payload came later and is not durable yet: the host is not told of it */
    uint8_t late;
};

enum { PLACE_CHAIN = 1, PLACE_WAITING = 2, PLACE_BRANCH = 3, PLACE_KEPT = 4 };

/** A node that is known: its certificates and its chain. */
struct author {
    struct author *next_by_id;
    uint8_t node_id[16];
    struct hkp_dsm_certificate certs[CERTS_PER_NODE];
    blob *cert_bytes[CERTS_PER_NODE];
    uint32_t n_certs;
    /** their message ids, and what follows each in the table by these */
    uint8_t cert_ids[CERTS_PER_NODE][16];
    uint32_t cert_next[CERTS_PER_NODE];
    /** others of the serials of these */
    struct rival *rivals;
    /** final head and the stored chain's head above it */
    struct hkp_dsm__known_head final, tip;
    struct block *waiting, *branch;
    uint32_t n_waiting, n_branch;
    /** bytes of its blocks that are not final */
    size_t loose;
    /** id of the next that a header lacks; 1: one that is final */
    uint8_t named[32];
    uint32_t named_final;
    /** authors with blocks that are not final */
    struct author *open_next, *open_prev;
    uint32_t is_open, forked, frozen, have_changed;
    /** numbers that a jump made final and that are still to be told; tell 0: none */
    uint64_t tell, tell_to;
    /** 1: the block of the final head is lost and not back yet (heal.c) */
    uint32_t headless;
    /** highest seq that a peer claims to have, and who; the highest that a signature showed */
    uint64_t known_seq, shown_seq;
    uint8_t known_by[16];
    /** questions for it in a row that brought nothing */
    uint32_t want_tries, is_claimed;
    /** serials revoked by what is final, and by headers that are not (over_mark tells which) */
    uint64_t revoked, over_mark, over_serial;
    struct author *claim_next;
    hkp_time want_again, cert_again, record_again;
    /** what peers have more than we is most likely on its way until then */
    hkp_time soon;
    /** D-BLK-8: thousandths of a block */
    uint64_t tokens;
    hkp_time tokens_at;
};

/** Another certificate of a serial, which does not count (D-CA-9). */
struct rival {
    struct rival *next, *next_by_id;
    /** message id */
    uint8_t id[16];
    struct hkp_dsm_certificate c;
    blob *bytes;
};

/** A node without a certificate here; who spoke of it, and of which of its blocks. */
struct stranger {
    uint8_t node_id[16], by[16];
    uint32_t used, tries;
    uint64_t seq;
    hkp_time again;
};

/* reconcile.c */
/** The certificate at this place is another one. */
void hkp_dsm__cert_index(node *n, struct author *a, uint32_t at);
/** A certificate or evidence by its message id; NULL: not held. */
const blob *hkp_dsm__held_by_id(const node *n, const uint8_t id[16], uint32_t *form);
void hkp_dsm__reconcile_begin(node *n, struct peer *p);
void hkp_dsm__reconcile_asked(struct peer *p);
void hkp_dsm__reconcile_tick(node *n);

/* strangers.c */
/** 1: its certificate is due to be asked for; p: who spoke of it, NULL: nobody. */
int hkp_dsm__stranger_due(node *n, const struct peer *p, const uint8_t node_id[16]);
/** p says that there is a block of this number of it. */
void hkp_dsm__stranger_claim(node *n, const struct peer *p, const uint8_t node_id[16], uint64_t seq);
/** A certificate of it came. */
void hkp_dsm__stranger_known(node *n, struct author *a);
void hkp_dsm__strangers_ask(node *n);

/* authors.c */
struct author *hkp_dsm__author(const node *n, const uint8_t node_id[16]);
/** The same, made if it is not known; NULL: the table is full. */
struct author *hkp_dsm__author_make(node *n, const uint8_t node_id[16]);
/** From the own store, verified before; pushed by a peer, who is answered by gossip; by any other way. */
enum { CERT_STORED = 1, CERT_PUSHED = 2, CERT_SHOWN = 3 };
/** HKP_OK: it counts; E_DUPLICATE: it is known, or another of its serial counts. */
hkp_status hkp_dsm__certificate_take(node *n, const uint8_t *multi, size_t len, int came);
/** Its officers were in office when it was issued (D-CA-2); E_CA_VERSION. */
hkp_status hkp_dsm__certificate_timely(const node *n, const uint8_t *multi, size_t len,
                                       const struct hkp_dsm_certificate *c);
/** D-CERT-5 */
uint64_t hkp_dsm__judged_at_s(const node *n);
void hkp_dsm__certificate_ask(node *n, struct author *a, struct peer *p, const uint8_t node_id[16]);
void hkp_dsm__author_open(node *n, struct author *a);

/* rivals.c */
/** That of the highest serial; NULL: none is held. */
const struct hkp_dsm_certificate *hkp_dsm__newest_certificate(const struct author *a);
/** Place of the certificate of this serial; -1: none is held. */
int hkp_dsm__cert_slot(const struct author *a, uint64_t serial);
/** E_DUPLICATE: it is held, or was seen beside one that is; E_LIMIT: too many others of its serial were. */
hkp_status hkp_dsm__rival_known(const node *n, const uint8_t *multi, size_t len);
/** A valid one of the serial of that at this place, with another body. As certificate_take(). */
hkp_status hkp_dsm__rival_take(node *n, struct author *a, uint32_t at, const struct hkp_dsm_certificate *c,
                               blob *bytes, int came);
void hkp_dsm__rivals_drop(node *n, struct author *a, uint64_t serial);
/** The one that counts in place of that of this message id; NULL: that is none of these. */
const blob *hkp_dsm__rival_better(const node *n, const uint8_t id[16]);
/** Both certificates of E6 of kind 32. */
void hkp_dsm__rivals_of(node *n, const struct hkp_dsm_view *op);

/* blocks.c */
struct block *hkp_dsm__block_by_id(const node *n, const uint8_t id[32]);
struct block *hkp_dsm__block_at(const node *n, const struct author *a, uint64_t seq);
/** Into memory, findable by id; NULL: no room, or its author has its share. */
struct block *hkp_dsm__block_new(node *n, struct author *a, const struct hkp_dsm__block *parsed,
                                 const struct hkp_dsm_view *envelope, const struct hkp_dsm_view *payload);
/** Views into b->item, after that changed. */
void hkp_dsm__item_views(struct block *b);
void hkp_dsm__block_put(node *n, struct block *b, int branch);
/** [0, envelope, payload or null]; NULL: no room, or so many sixteenths of the pool are in use. */
blob *hkp_dsm__block_row(node *n, uint32_t sixteenths, const struct hkp_dsm_view *envelope,
                         const struct hkp_dsm_view *payload);
/** The payload of a block that came without: durable first, reported once more after. 0: as block_new(). */
int hkp_dsm__block_complete(node *n, struct block *b, const struct hkp_dsm_view *payload);
/** The new tip of its author's chain. */
void hkp_dsm__block_extend(node *n, struct block *b);
/** Behind a gap or on another branch: PLACE_WAITING, PLACE_BRANCH. */
void hkp_dsm__block_beside(node *n, struct block *b, uint8_t place);
/** Final, and the first to be forgotten. */
void hkp_dsm__block_oldest(node *n, struct block *b);
/** Out of the list or index of its place; it stays findable by id. */
void hkp_dsm__block_unplace(node *n, struct block *b);
void hkp_dsm__block_free(node *n, struct block *b);
/** One of another branch, with its row. */
void hkp_dsm__block_lose(node *n, struct block *b);
/** Durable first, reported (and sent, if own) after: HELD_BLOCK, HELD_OWN_BLOCK. */
void hkp_dsm__block_keep(node *n, struct block *b, uint32_t what);
void hkp_dsm__block_durable(node *n, struct block *b, uint32_t what);
void hkp_dsm__block_unpin(node *n, struct block *b);
struct event_entry *hkp_dsm__block_tell(node *n, struct block *b, uint32_t kind);
void hkp_dsm__block_final(node *n, struct author *a, struct block *b, uint64_t height);
/**
 * The blocks of a from from+1 (whose prev must be from_id) to the one of id at seq, into n->path[seq - from].
 * 1: all held; 0: some are missing, up to *missing, which is taken from now on whatever else there is
 * (D-SMX-R8); -1: they do not link.
 */
int hkp_dsm__blocks_path(node *n, struct author *a, uint64_t from, const uint8_t from_id[32], uint64_t seq,
                         const uint8_t id[32], uint64_t *missing);
/** The final head of an author that was away, or of whom nothing was known (D-SYN-3). */
void hkp_dsm__author_jump(node *n, struct author *a, const struct hkp_dsm__head *head, uint64_t height);
/** The author's chain above its final head follows the branch that was made final (D-BLK-14). */
void hkp_dsm__author_final(node *n, struct author *a, const struct hkp_dsm__known_head *head);
/** Memory of the pool; forgets the oldest blocks that are final and reported to get it, so a block that is
 * not pinned is not used behind this, bytes(), room() or a message. */
void *hkp_dsm__take(node *n, size_t size);
/** 1 if more than so many sixteenths of the pool are in use: the rest is kept for what consensus needs. */
int hkp_dsm__fuller(const node *n, uint32_t sixteenths);
/** 1 if len bytes leave what the last sixteenths are kept for (FILL_MESSAGES); kept blocks give way. */
int hkp_dsm__fits(node *n, size_t len);
/** 1: at a start memory has room for one more block of it above its final head. */
int hkp_dsm__room_to_load(node *n, const struct author *a);
/** Stored blocks of it above this number are of no use any more; not the own ones. */
void hkp_dsm__drop_above(node *n, const struct author *a, uint64_t seq);
blob *hkp_dsm__bytes(node *n, const uint8_t *bytes, size_t len);
blob *hkp_dsm__room(node *n, size_t len);

/* accept.c */
/** How a block came: by gossip, as an answer to WANT, with or for a proposal (ITEMS in lane 0). */
enum { CAME_PUSHED = 0, CAME_ASKED = 1, CAME_PROPOSED = 2 };
hkp_status hkp_dsm__block_take(node *n, struct peer *p, const struct hkp_dsm__item *item, uint32_t hops,
                               int came);
/** From the own store. */
hkp_status hkp_dsm__block_load(node *n, const struct hkp_dsm__item *item, int branch);
/** Blocks that waited and follow the tip now. */
void hkp_dsm__take_waiting(node *n, struct author *a);
/** What there was no room for; 1: some of it was taken. */
int hkp_dsm__take_again(node *n);
/** D-BLK-8: 0: its author made too many lately. */
int hkp_dsm__within_cap(node *n, struct author *a);

#endif
