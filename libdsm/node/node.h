/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Inside of a running node. One object, several ideas, one file each:
 *
 *   node.c      making, messages in, time         peers.c     sessions and what waits to be sent
 *   journal.c   store requests, tickets, what is withheld until durable, facts
 *   authors.c   certificates and chain heads       blocks.c    microblocks: accept, hold, fork, submit
 *   sync.c      HAVE, claims, WANT                 votes.c     votes, certs, views' slots
 *   items.c     answers: ITEMS                     anti_entropy.c   DIGEST, BUCKETS, HEADS
 *   rules.c     R0 to R9                           proposal.c  building and judging proposals
 *   final.c     what is final, reports, epochs     fetch.c     SYNC: missing headers, bodies, certs
 *   promises.c  D-STO-9                            load.c      D-STO-3 at start
 *   prove.c     portable proofs                    suspects.c  evidence
 *   ops.c       what ops of checkpoints mean       seats.c     who sits in the next epoch
 *   spread.c    PUSH, IHAVE, GRAFT, PRUNE          conduct.c    rations and scores of peers
 *   boundaries.c  links and chunks for others     join.c      the same, asked for (D-SYN-3)
 *   ask.c       questions for proofs
 *   lists.c     revocation lists, officers          ops_lists.c     the same as state of the chain
 *   neighbours.c  views, records, facts about sessions             probes.c    who does not answer
 *   members.c   who asks for a seat and endorses it
 *   retell.c    stored blocks, told again to the host at a start   prune.c  what is old goes
 *   heal.c      damaged rows, fetched again
 */
#ifndef HKP_LIBDSM_NODE_H
#define HKP_LIBDSM_NODE_H

#include "libdsm/message/message.h"
#include "libdsm/node/heads_tree.h"
#include "libdsm/node/neighbours.h"
#include "libdsm/node/pool.h"
#include "libdsm/node/spread.h"
#include "libdsm/objects/objects.h"

#define MS 1000000ULL
#define SECOND 1000000000ULL
/** how far back chains are compared, microseconds (D-GSP-11) */
#define CUT_US 10000000ULL

enum {
    /** views whose certs are in memory, and those around the own view whose votes are */
    SLOTS = 1024,
    VOTE_WINDOW = 64,
    /** headers in memory above the newest final one */
    PROPS = 256,
    HEIGHTS_OPEN_MAX = 64,
    EPOCH_HEIGHTS = 256,
    CERTS_PER_NODE = 4,
    WAITING_PER_AUTHOR = 64,
    WAITING_MAX = 4096,
    BRANCH_PER_AUTHOR = 1024,
    OPEN_PER_AUTHOR = 4096,
    EVIDENCE_MAX = 1024,
    CHECKED = 256,
    /** changes of the set that are asked for: a JOIN or RETIRE above the first number is refused; room for
     * what one more body and all members can add */
    PENDING_ASKED = 768,
    PENDING_MAX = 1536,
    /** MEMBER and ENDORSE envelopes of an epoch, and ENDORSE of one member */
    NOTES_MAX = 1024,
    ENDORSE_OF_ONE = 16,
    READS_MAX = 64,
    LOST_MAX = 1024,
    PROOFS_MAX = 8,
    REPORTS_MAX = 128,
    HELD_MAX = 16384,
    EVENTS_MIN = 8192,
    /** free events below which input is refused until the host drains them */
    EVENTS_RESERVE = 4096,
    PEER_BYTES_MAX = 4194304,
    ITEMS_BYTES_MAX = 262144,
    SYNC_HEADERS_MAX = 64,
    KEY_MAX = 48,
    AHEAD_TRIES = 32,
    ASKED_MAX = 8,
    WANT_JOBS = 8,
    QUESTIONS_MAX = 8,
    /** chunks of 1024 heads (D-SYN-3) */
    CHUNKS_MAX = 128,
    /** sets of officers that are remembered; rows of them and of lists at a start */
    CA_SETS_MAX = 16,
    LISTS_LOADED = 24,
    /** ops of officers in one proposal, bytes */
    OPS_BYTES_MAX = 900000,
    /** sixteenths of the pool that blocks, answers and messages may fill, in this order */
    FILL_BLOCKS = 12,
    FILL_ANSWERS = 13,
    FILL_MESSAGES = 14,
    /** links of a proof: more come as boundaries */
    LINKS_MAX = 64,
    ANSWER_CERTS = 600000,
    ANSWER_ROOM = ANSWER_CERTS + HKP_DSM__CHECKPOINT_BODY_MAX + 1024
};

typedef struct hkp_dsm_node node;
typedef struct hkp_dsm__blob blob;

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
    uint8_t place;
    /** that it came over; a statistic (D-GSP-7) */
    uint8_t hops;
};

enum { PLACE_CHAIN = 1, PLACE_WAITING = 2, PLACE_BRANCH = 3, PLACE_KEPT = 4 };

/** A node that is known: its certificates and its chain. */
struct author {
    struct author *next_by_id;
    uint8_t node_id[16];
    struct hkp_dsm_certificate certs[CERTS_PER_NODE];
    blob *cert_bytes[CERTS_PER_NODE];
    uint32_t n_certs;
    /** final head and the stored chain's head above it */
    struct hkp_dsm__known_head final, tip;
    struct block *waiting, *branch;
    uint32_t n_waiting, n_branch;
    /** authors with blocks that are not final */
    struct author *open_next, *open_prev;
    uint32_t is_open, forked, frozen, have_changed;
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
    hkp_time want_again, cert_again;
    /** what peers have more than we is most likely on its way until then */
    hkp_time soon;
    /** D-BLK-8: thousandths of a block */
    uint64_t tokens;
    hkp_time tokens_at;
};

/** A session. */
struct peer {
    uint8_t node_id[16];
    uint32_t up, lanes, bad;
    /** seat, or -1 */
    int32_t seat;
    int64_t clock_us;
    uint32_t clock_verdict, have_clock;
    struct queue {
        blob **ring;
        uint32_t cap, head, count;
    } queues[HKP_DSM_LANES];
    size_t bytes;
    uint32_t served;
    hkp_time certs_again;
    /** its score and what it may send; what is sent to it. It was here before; it is sent away (D-GSP-17) */
    struct hkp_dsm__score conduct, pace;
    uint32_t known, away;
    /** number of its link + 1; 0: none. What the network loses on it, of 1000 packets */
    uint32_t link, loss;
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
};

/** An answer to WANT: ranges are node_id || u64 from || u64 to. */
struct want_job {
    uint32_t used, lane, count, at;
    uint8_t peer[16];
    blob *ranges, *out;
};

struct vote_entry {
    uint8_t set;
    uint8_t digest[32];
    uint8_t signature[64];
};

/** A header above the newest final one, with what is known of it. */
struct prop {
    uint32_t used, state, queued, boundary;
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
    /** CERT_N, CERT_0, CERT_F */
    blob *cert[3];
    uint8_t cert_digest[32];
    struct vote_entry *votes[3];
};

enum { CERT_N = 0, CERT_0 = 1, CERT_F = 2 };

struct held {
    uint64_t ticket;
    uint32_t what, kind;
    void *ptr;
    uint64_t view, epoch;
    uint8_t digest[32];
};

enum { HELD_VOTE = 1, HELD_PROPOSE = 2, HELD_OWN_BLOCK = 3, HELD_BLOCK = 4 };

struct event_entry {
    struct hkp_dsm_event e;
    uint8_t key[KEY_MAX], key_to[KEY_MAX];
    blob *data;
    struct block *pinned;
};

/** An open GET or SCAN. */
struct read {
    uint64_t ticket;
    uint32_t what, row, lane;
    uint8_t peer[16];
    /** ITEMS or SYNC_RESP being put together: bytes from 16 on, count */
    blob *out;
    size_t out_len;
    uint32_t count, proof;
    uint64_t a, b;
};

enum {
    READ_LOAD = 1,
    READ_ITEMS = 2,
    READ_PROOF = 3,
    READ_DIGEST = 4,
    READ_HEADERS = 5,
    READ_BODIES = 6,
    READ_LINK = 7,
    READ_RETELL = 8,
    READ_PRUNE = 9,
    READ_HEAL = 10,
    READ_BOUNDARIES = 11,
    READ_CHUNK = 12
};

struct report {
    struct prop *p;
    uint64_t ticket, next_seq;
    uint32_t head;
    struct hkp_dsm_cbor_reader at;
    struct hkp_dsm__head now;
    uint64_t from;
};

struct suspect {
    uint8_t key[32];
    uint32_t class_, on_chain;
    uint8_t offender[16];
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
};

enum { CHANGE_EVIDENCE = 1, CHANGE_RETIRE = 2, CHANGE_LEAVE = 3, CHANGE_JOIN = 4 };

struct pending {
    uint32_t count;
    struct change at[PENDING_MAX];
};

/** A stored row that was found damaged. */
struct lost {
    uint32_t row, tries, reading, known;
    uint8_t key[24];
    size_t key_len;
    /** id of the block, digest of the header; hash of the body; the header's epoch */
    uint8_t want[32], hash[32];
    uint64_t epoch;
    hkp_time again;
};

/** A MEMBER or ENDORSE of this epoch (D-EPO-3). */
struct note {
    uint32_t kind, action, bad;
    uint8_t signer[16], message_id[16];
    /** what is endorsed; of a MEMBER its own id */
    uint8_t subject[32], certificate[32];
    hkp_time seen_at;
    /** op: made of a MEMBER when it has all endorsements */
    blob *envelope, *op;
};

struct proof_job {
    uint32_t used, step;
    uint64_t ticket, seq, height, from_epoch, links;
    int32_t position;
    uint8_t author[16];
    /** asked by a peer: the answer is op 44 */
    uint32_t asked;
    uint8_t peer[16], nonce[8];
    /** of a head: its leaf and path, when it was asked for */
    size_t leaf_len, index, size, n_hashes;
    uint8_t leaf[HKP_DSM__LEAF_MAX], path[20][32];
    blob *item, *leaves, *cert, *end, *link[LINKS_MAX], *headers[HEIGHTS_OPEN_MAX + 2];
    uint32_t n_headers;
    uint64_t cert_height, epoch;
};

/** A revocation list or a set of officers: bytes of op 4 or 5, with views into them; op NULL: none. */
struct carried {
    blob *op;
    uint32_t kind;
    uint64_t ca_version;
    struct hkp_dsm_view multi;
    struct hkp_dsm_revocations list;
    struct hkp_dsm_ca_set set;
};

/** Officers by version, ascending, and since when each is in office (chain time). */
struct officers_state {
    struct hkp_dsm_ca_set sets[CA_SETS_MAX];
    uint64_t since_s[CA_SETS_MAX];
    uint32_t n_sets;
};

struct hkp_dsm_node {
    struct hkp_mem mem;
    struct hkp_rng rng;
    struct hkp_dsm__pool pool;
    void *block_of_memory;
    size_t block_size;
    uint32_t state, observer, silent, heads_max, peers_max, blocks_max, synchronised;
    hkp_time now, wall_at;
    uint64_t wall_us;
    uint64_t t_cp, delay, have_every;

    /* identity */
    uint8_t chain_id[32], id[16], secret[64], host[32];
    struct hkp_dsm_officers officers;
    uint64_t genesis_s;
    uint32_t single;
    struct author *self;

    /* authors and blocks */
    struct author *authors;
    uint32_t n_authors, author_mask, block_mask, n_blocks, n_waiting;
    struct author **author_table;
    struct block **by_id, **by_seq;
    struct author *open;
    struct block *kept_old, *kept_new;
    struct hkp_dsm__heads *heads;
    uint64_t accepted;
    blob *draft;
    /** blocks of one author in one checkpoint */
    struct block **path;

    /* peers */
    struct peer *peers;
    uint32_t n_peers, next_peer;
    blob *sending;
    uint64_t received, refused, sent, dropped;
    hkp_time have_at, have_all_at;
    struct hkp_dsm__spread spread;
    struct hkp_dsm__near near;
    struct hkp_dsm__probes probes;
    struct hkp_dsm__grey grey;
    /** a queue waits until then for its ration */
    hkp_time pace_at;

    /** lists.c: newest lists held, and the next officers; ops_lists.c: what the chain carries */
    struct lists {
        struct carried held[2], next, rival, chain[2];
        uint8_t rival_id[32], over_digest[32];
        struct officers_state officers;
        /** marks of authors that lists of headers name which are not final; 0: none do */
        uint64_t over, marks;
        uint32_t n_loaded;
        struct {
            struct carried at;
            uint64_t height, time_s;
        } loaded[LISTS_LOADED];
    } lists;
    /** roots of the chunks of the snapshot at which the epoch began */
    struct chunks {
        uint64_t height, n_heads;
        uint32_t count;
        uint8_t root[CHUNKS_MAX][32];
    } chunks;
    /** join.c: how far it followed the links (epoch, hash of its set), the boundary there, heads of it */
    struct join {
        uint32_t step, tries, n_chunks, n_held, open;
        uint64_t hint, epoch;
        hkp_time again, blocks_at;
        uint8_t asked[16], want[32], nonce[8];
        struct hkp_dsm__header h;
        blob *boundary, *valset, *chunk[CHUNKS_MAX];
    } join;
    /** this epoch was joined in its course: what waits for its boundary is not known */
    uint32_t join_blind;
    struct question {
        uint64_t ticket;
        uint32_t what, position, tries;
        uint8_t key[32], nonce[8];
        struct hkp_dsm_trust trust;
        hkp_time again;
    } questions[QUESTIONS_MAX];
    struct want_job want_jobs[WANT_JOBS];
    /** authors of whom somebody claims more than is here */
    struct author *claims_open;
    /** the own turn of anti-entropy: buckets that differ and were not compared, those asked for; and room for
     * all heads */
    struct entropy {
        hkp_time at, equal_at;
        uint64_t turns, equal, cut_us;
        uint32_t step, n_order;
        uint8_t peer[16], salt[16], open[32], asked[32];
        struct author **order;
        struct hkp_dsm__head *heads;
        uint8_t *bucket_of;
    } entropy;

    /* journal */
    struct event_entry *events;
    uint32_t events_cap, event_head, event_count;
    struct event_entry current;
    /** those of the block in current */
    struct hkp_dsm_claims claims;
    struct held *held;
    uint32_t held_head, held_count;
    uint64_t ticket, durable, read_ticket;
    struct read reads[READS_MAX];

    /* consensus */
    struct hkp_dsm__valset set;
    uint8_t set_body[HKP_DSM_VALSET_MAX];
    size_t set_len;
    uint8_t epoch0_hash[32];
    uint8_t perm[HKP_DSM_MEMBERS_MAX];
    int32_t seat;
    uint64_t view, watermark, epoch_first, epoch_ms;
    hkp_time entered_at, work_at, retransmit_at, retransmit_every;
    /** by views that were left by CERT_N: from their start, with work, to that cert */
    uint64_t view_took;
    uint32_t nullified_row, had_nullified, first_view;
    struct slot *slots;
    uint64_t last_without_null;
    struct prop props[PROPS];
    /** newest final header; digest of the epoch's genesis and view 0 at its start */
    struct root {
        uint8_t digest[32];
        uint64_t height, view, time_ms;
        hkp_time at;
    } root;
    /** where the heads tree stands: NULL is root */
    struct prop *cursor;
    uint64_t newest_n, newest_0, target_view, target_put;
    uint8_t target[32];
    blob *target_cert, *final_cert, *final_n;
    struct report reports[REPORTS_MAX];
    uint32_t report_head, report_count;
    uint64_t finals, nullified;
    hkp_time sync_again, work_wake;
    /** an epoch that somebody spoke of: asked for until something in it is final, or so often in vain */
    uint64_t ahead;
    uint32_t ahead_tries;
    struct asked {
        uint8_t digest[32];
        hkp_time again;
    } asked[ASKED_MAX];
    uint32_t sync_peer;
    /** for one message that is written, and for the parts of an answer */
    uint8_t *scratch, *answer;
    struct hkp_dsm__head *changes;

    /* D-STO-9 */
    uint8_t promised[HKP_DSM_MEMBERS_MAX];
    uint32_t promises_open;
    uint64_t promise_view;
    hkp_time promises_again;

    struct suspect *suspects;
    uint32_t n_suspects;
    struct checked checked[CHECKED];
    /** what final ops ask for; the same with what ancestors add */
    struct pending *pending, *pending_trial;
    struct note *notes;
    uint32_t n_notes, wish;
    hkp_time notes_at, notes_every;
    /** heads that ops change, while a body is applied */
    struct hkp_dsm__head *singles;
    struct proof_job proofs[PROOFS_MAX];
    struct load {
        uint32_t step, author, fresh;
        uint64_t rows, final_height;
        blob *cert;
        struct hkp_dsm__header headers[EPOCH_HEIGHTS + 1];
        uint32_t n_headers, n_bodies, snapshot_seen, cut, host_seen, adopt;
    } load;
    /** stored blocks that are still to be told: what is read next, whose place is known up to where */
    struct retell {
        uint32_t phase, rows, reading;
        uint8_t from[24], place[24];
        uint64_t height;
    } retell;
    /** D-STO-8: below which heights blocks (turn 0) and headers (turn 1) are gone, and the height at hand */
    uint64_t keep_blocks_s, keep_headers_s;
    struct prune {
        uint32_t turn, step, reading, found, changed, left;
        uint64_t blocks, headers, height;
        blob *body;
        struct hkp_dsm_cbor_reader at;
        hkp_time again;
    } prune;
    /** damaged rows, the one whose row above is being read, and whose turn it is */
    struct lost *lost, *healing;
    uint32_t n_lost, heal_next;
    /** root of the heads at the genesis of this epoch, while its boundary is lost and was not compared */
    uint32_t boundary_unseen;
    uint8_t boundary_heads[32];
    hkp_time heal_at;
};

/* prune.c */
/** 1: the META row is where pruning stands, and was taken; -1: it is damaged; 0: it is another. */
int hkp_dsm__prune_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__prune(node *n);
void hkp_dsm__prune_row(node *n, const uint8_t *data, size_t len);
void hkp_dsm__prune_end(node *n);
hkp_time hkp_dsm__prune_wake(const node *n);

/* heal.c */
/** A row is to be fetched again, if it is of a kind that peers have; stored: the store remembers already. */
void hkp_dsm__lost_add(node *n, uint32_t row, const uint8_t *key, size_t key_len, int stored);
void hkp_dsm__heal(node *n);
hkp_time hkp_dsm__heal_wake(const node *n);
void hkp_dsm__heal_row(node *n, const uint8_t *data, size_t len);
void hkp_dsm__heal_end(node *n);
/** 1: it was one that was lost, and is stored again. */
int hkp_dsm__heal_block(node *n, const struct hkp_dsm__block *b, const struct hkp_dsm__item *item);
void hkp_dsm__heal_pair(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header,
                        const struct hkp_dsm_view *body);
/** 1: an own block above the own chain is lost; others may hold it. */
int hkp_dsm__own_lost(const node *n);
void hkp_dsm__body_hash(uint8_t hash[32], const uint8_t *body, size_t len);

/* node.c */
uint64_t hkp_dsm__wall_us(const node *n);
void hkp_dsm__time(node *n, hkp_time now);
/** The node can go on no more: status, row and key tell why. */
void hkp_dsm__die(node *n, hkp_status status, uint32_t row, const uint8_t *key, size_t key_len);

/* load.c */
/** The item of a stored block. */
hkp_status hkp_dsm__stored_item(const uint8_t *data, size_t len, struct hkp_dsm__item *item);

/* retell.c */
void hkp_dsm__retell_begin(node *n);
/** Asks for the next rows when nothing else is to be told; 0: all was told, or rows are on their way. */
int hkp_dsm__retell(node *n);
hkp_status hkp_dsm__retell_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__retell_end(node *n);

/* journal.c */
uint64_t hkp_dsm__put(node *n, uint32_t row, const uint8_t *key, size_t key_len, const uint8_t *data,
                      size_t len);
/** Takes over one reference of data. */
uint64_t hkp_dsm__put_blob(node *n, uint32_t row, const uint8_t *key, size_t key_len, blob *data);
uint64_t hkp_dsm__wal(node *n, uint32_t kind, uint64_t epoch, uint64_t view, const uint8_t digest[32]);
void hkp_dsm__drop(node *n, uint32_t row, const uint8_t *from, const uint8_t *to, size_t key_len);
void hkp_dsm__drop_one(node *n, uint32_t row, const uint8_t *key, size_t key_len);
/** Begin a read; NULL: none is free. */
struct read *hkp_dsm__get(node *n, uint32_t what, uint32_t row, const uint8_t *key, size_t key_len);
struct read *hkp_dsm__scan(node *n, uint32_t what, uint32_t row, const uint8_t *from, const uint8_t *to,
                           size_t key_len, uint32_t count);
struct read *hkp_dsm__read_of(node *n, uint64_t ticket);
struct event_entry *hkp_dsm__fact(node *n, uint32_t kind);
struct held *hkp_dsm__hold(node *n, uint32_t what, uint64_t ticket);
uint32_t hkp_dsm__events_free(const node *n);
/** 1 while one more object can be taken without filling events or what is held back. */
int hkp_dsm__may_take(const node *n);
size_t hkp_dsm__key_epoch_view(uint8_t *key, uint64_t epoch, uint64_t view);
size_t hkp_dsm__key_block(uint8_t *key, const uint8_t node_id[16], uint64_t seq);

/* peers.c */
uint32_t hkp_dsm__queue_cap(uint32_t lane);
struct peer *hkp_dsm__peer(node *n, const uint8_t node_id[16]);
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
/** asked: it came as an answer to WANT, which says nothing of links. */
/** One that the node keeps itself: hkp_dsm__list_by_id() answers for it. */
void hkp_dsm__spread_multi(node *n, const struct hkp_dsm_view *multi, uint32_t hops, const struct peer *from);
void hkp_dsm__spread_block(node *n, const struct block *b, const struct peer *from, int asked);
/** PUSH, IHAVE, GRAFT, PRUNE, IDONTWANT. */
hkp_status hkp_dsm__on_spread(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__spread_options(const node *n, uint32_t seen, struct hkp_dsm__tree_options *o);
void hkp_dsm__spread_tick(node *n);
hkp_time hkp_dsm__spread_wake(const node *n);
void hkp_dsm__link_up(node *n, struct peer *p);
void hkp_dsm__link_down(node *n, struct peer *p);

/* neighbours.c */
void hkp_dsm__near_up(node *n, struct peer *p);
void hkp_dsm__near_down(node *n, struct peer *p);
void hkp_dsm__near_lanes(node *n, struct peer *p, int was_open);
/** It is no neighbour any more though its session stands; forget: nor is it to become one. */
void hkp_dsm__near_lost(node *n, struct peer *p, int forget);
void hkp_dsm__near_close(node *n, struct peer *p, hkp_status why);
void hkp_dsm__near_stranger(node *n, const struct peer *p);
/** JOIN to SHUFFLE_REPLY. */
hkp_status hkp_dsm__on_near(node *n, struct peer *p, struct hkp_dsm__message *m);
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
void hkp_dsm__conduct_judge(node *n, struct peer *p, hkp_status st);
/** 0: an honest node does not send it now. */
int hkp_dsm__pace_op(node *n, struct peer *p, uint32_t op, uint32_t lane);
int hkp_dsm__pace_lane(node *n, struct peer *p, uint32_t lane, size_t len);

/* authors.c */
struct author *hkp_dsm__author(const node *n, const uint8_t node_id[16]);
/** The same, made if it is not known; NULL: the table is full. */
struct author *hkp_dsm__author_make(node *n, const uint8_t node_id[16]);
hkp_status hkp_dsm__certificate_take(node *n, const uint8_t *multi, size_t len, int stored);
/** Its officers were in office when it was issued (D-CA-2); E_CA_VERSION. */
hkp_status hkp_dsm__certificate_timely(const node *n, const uint8_t *multi, size_t len,
                                       const struct hkp_dsm_certificate *c);
/** D-CERT-5 */
uint64_t hkp_dsm__judged_at_s(const node *n);
void hkp_dsm__certificate_ask(node *n, struct author *a, struct peer *p, const uint8_t node_id[16]);
void hkp_dsm__author_open(node *n, struct author *a);

/* blocks.c */
struct block *hkp_dsm__block_by_id(const node *n, const uint8_t id[32]);
struct block *hkp_dsm__block_at(const node *n, const struct author *a, uint64_t seq);
hkp_status hkp_dsm__block_take(node *n, struct peer *p, const struct hkp_dsm__item *item, uint32_t hops,
                               int asked);
/** From the own store. */
hkp_status hkp_dsm__block_load(node *n, const struct hkp_dsm__item *item, int branch);
void hkp_dsm__block_durable(node *n, struct block *b, int own);
/** Blocks that waited and follow the tip now. */
void hkp_dsm__take_waiting(node *n, struct author *a);
void hkp_dsm__block_unpin(node *n, struct block *b);
void hkp_dsm__block_tell(node *n, struct block *b, uint32_t kind);
void hkp_dsm__block_final(node *n, struct author *a, struct block *b, uint64_t height);
/**
 * The blocks of a from from+1 (whose prev must be from_id) to the one of id at seq, into n->path[seq - from].
 * 1: all held; 0: some are missing, up to *missing; -1: they do not link.
 */
int hkp_dsm__blocks_path(node *n, const struct author *a, uint64_t from, const uint8_t from_id[32],
                         uint64_t seq, const uint8_t id[32], uint64_t *missing);
/** The final head of an author that was away, or of whom nothing was known (D-SYN-3). */
void hkp_dsm__author_jump(node *n, struct author *a, const struct hkp_dsm__head *head, uint64_t height);
/** The author's chain above its final head follows the branch that was made final (D-BLK-14). */
void hkp_dsm__author_final(node *n, struct author *a, const struct hkp_dsm__known_head *head);
/** Memory of the pool; forgets the oldest blocks that are final and reported to get it. */
void *hkp_dsm__take(node *n, size_t size);
/** 1 if more than so many sixteenths of the pool are in use: the rest is kept for what consensus needs. */
int hkp_dsm__fuller(const node *n, uint32_t sixteenths);
blob *hkp_dsm__bytes(node *n, const uint8_t *bytes, size_t len);
blob *hkp_dsm__room(node *n, size_t len);

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

/* votes.c */
struct slot *hkp_dsm__slot(node *n, uint64_t view);
void hkp_dsm__slots_clear(node *n);
hkp_status hkp_dsm__on_vote(node *n, struct peer *p, const struct hkp_dsm_view *envelope);
hkp_status hkp_dsm__cert_take(node *n, const uint8_t *bytes, size_t len);
/** The same, from a neighbour. */
hkp_status hkp_dsm__cert_from(node *n, const struct peer *from, uint32_t hops, const uint8_t *bytes,
                              size_t len);
void hkp_dsm__vote_own(node *n, uint32_t kind, uint64_t view, const uint8_t digest[32]);
void hkp_dsm__newest_certs(node *n, struct peer *p);
hkp_status hkp_dsm__vote_envelope(node *n, uint32_t kind, uint64_t view, uint32_t seat, uint8_t *dst,
                                  size_t cap, size_t *len);

/* rules.c */
void hkp_dsm__advance(node *n);
void hkp_dsm__enter(node *n, uint64_t view);
int hkp_dsm__may_promise(const node *n, uint64_t view);
int hkp_dsm__has_work(node *n);
hkp_time hkp_dsm__rules_wake(const node *n);

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
hkp_status hkp_dsm__on_propose(node *n, struct peer *from, struct hkp_dsm__message *m);
void hkp_dsm__propose(node *n);
void hkp_dsm__prop_store(node *n, struct prop *p);
void hkp_dsm__repropose(node *n, struct slot *s);
struct prop *hkp_dsm__newest_notarised(node *n);
/** Changes of p applied to the tree, which stands on its parent; root compared. */
hkp_status hkp_dsm__prop_apply(node *n, struct prop *p);
/** The roots that the changes of p would leave, into p->h; the tree stays on the parent. */
hkp_status hkp_dsm__prop_trial(node *n, struct prop *p);
int hkp_dsm__null_held(node *n, uint64_t above, uint64_t below);
int hkp_dsm__notar_held(node *n, uint64_t view, const uint8_t digest[32]);
int hkp_dsm__is_boundary(const node *n, uint64_t height, uint64_t time_ms);

/* final.c */
void hkp_dsm__finalise(node *n);
int hkp_dsm__report(node *n);
void hkp_dsm__epoch_begin(node *n, const uint8_t *set_body, size_t len, const uint8_t boundary[32],
                          uint64_t height, uint64_t time_ms);
/** The epoch that begins at this boundary, whose heads the tree has. */
void hkp_dsm__epoch_jump(node *n, const struct hkp_dsm__header *h, const uint8_t *set, size_t len);
void hkp_dsm__epoch_again(node *n, const struct hkp_dsm__header *boundary);

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
hkp_status hkp_dsm__on_promises_req(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_promises(node *n, struct peer *p, struct hkp_dsm__message *m);

/* boundaries.c */
hkp_status hkp_dsm__on_boundary_req(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_chunk_req(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__chunks_note(node *n);
void hkp_dsm__boundaries_row(struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                             size_t len);
void hkp_dsm__boundaries_end(node *n, struct read *r);

/* ask.c */
hkp_status hkp_dsm__on_proof(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__questions_tick(node *n);
hkp_time hkp_dsm__questions_wake(const node *n);

/* join.c */
void hkp_dsm__join_hint(node *n, uint64_t epoch);
void hkp_dsm__join_tick(node *n);
hkp_time hkp_dsm__join_wake(const node *n);
hkp_status hkp_dsm__on_boundaries(node *n, struct peer *p, struct hkp_dsm__message *m);
hkp_status hkp_dsm__on_chunk(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__join_chunks_done(node *n);
/** HKP_E_NOTFOUND: not the answer to its question. */
hkp_status hkp_dsm__join_proof(node *n, struct hkp_dsm__message *m);

/* lists.c */
hkp_status hkp_dsm__list_open(const node *n, const struct hkp_dsm_view *op, struct carried *out);
hkp_status hkp_dsm__list_keep(node *n, blob *op, struct carried *out);
void hkp_dsm__carried_drop(node *n, struct carried *c);
int hkp_dsm__officers_timely(const struct officers_state *s, uint64_t version, uint64_t at_s);
void hkp_dsm__list_tell(node *n, const struct carried *c, uint64_t height);
/** A multi of kind 33 or 34 from a peer or the host (NULL). */
hkp_status hkp_dsm__officers_take(node *n, const struct hkp_dsm_view *multi, uint32_t kind, uint32_t hops,
                                  struct peer *from);
void hkp_dsm__list_from_chain(node *n, const struct carried *c);
struct hkp_dsm_view hkp_dsm__list_by_id(const node *n, const uint8_t id[16]);
void hkp_dsm__lists_announce(node *n, struct peer *p);
int hkp_dsm__lists_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);

/* ops_lists.c */
hkp_status hkp_dsm__list_op_valid(node *n, const struct hkp_dsm_view *op, const struct prop *parent,
                                  uint64_t time_ms);
size_t hkp_dsm__list_ops(node *n, const struct prop *parent, uint64_t time_ms, struct hkp_dsm_view *ops,
                         size_t max);
void hkp_dsm__list_final(node *n, const struct hkp_dsm_view *op, uint64_t height, uint64_t time_ms);
/** For many authors under one header: begin, then of. */
void hkp_dsm__revoked_begin(node *n, const struct prop *parent);
uint64_t hkp_dsm__revoked_of(const node *n, const struct author *a);
/** Highest revoked serial of a node under a header (NULL: the newest final one), 0: none. */
uint64_t hkp_dsm__revoked_at(node *n, const struct prop *parent, const uint8_t node_id[16]);
int hkp_dsm__chain_row(node *n, const uint8_t *data, size_t len);
/** A node that joins takes the lists that it holds for those of the chain (decision 0452). */
void hkp_dsm__lists_jump(node *n, uint64_t height, uint64_t time_ms);
void hkp_dsm__lists_loaded(node *n);

/* load.c */
void hkp_dsm__load_begin(node *n);
hkp_status hkp_dsm__load_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__load_end(node *n);

/* suspects.c */
void hkp_dsm__suspect(node *n, const struct hkp_dsm_view *a, const struct hkp_dsm_view *b);
hkp_status hkp_dsm__on_evidence(node *n, const struct hkp_dsm_view *op, struct peer *from, uint32_t hops);
hkp_status hkp_dsm__evidence_valid(node *n, const struct hkp_dsm_view *op, const struct prop *parent);
void hkp_dsm__evidence_final(node *n, const struct hkp_dsm_view *op, uint64_t height);
struct hkp_dsm__keys hkp_dsm__keys_of(node *n);
/** hkp_dsm__evidence_check(), the signatures of one op but once in an epoch: liars make evidence at will. */
hkp_status hkp_dsm__evidence_of(node *n, const struct hkp_dsm_view *op, struct hkp_dsm__evidence *e);
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

/* members.c */
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

/* prove.c */
hkp_status hkp_dsm__on_proof_req(node *n, struct peer *p, struct hkp_dsm__message *m);
void hkp_dsm__proof_row(node *n, struct read *r, const uint8_t *key, size_t key_len, const uint8_t *data,
                        size_t len);
void hkp_dsm__proof_end(node *n, struct read *r);

#endif
