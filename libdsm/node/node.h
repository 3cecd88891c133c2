/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Inside of a running node. One object, several ideas, one file each, and one header for those of one subject
 * (chains, sessions, journal, answers, lists; consensus):
 *
 *   node.c      making, messages in, time         peers.c     sessions and what waits to be sent
 *   journal.c   store requests, tickets, what is withheld until durable, facts
 *   authors.c   certificates and chain heads       blocks.c    microblocks in memory, by place
 *   accept.c    blocks of others: judged, held     own.c       blocks of the node itself
 *   sync.c      HAVE, claims, WANT                 votes.c     votes, certs, views' slots
 *   items.c     answers: ITEMS                     anti_entropy.c   DIGEST, BUCKETS, HEADS
 *   rules.c     R0 to R9                           proposal.c  building and judging proposals
 *   final.c     what is final, reports, epochs     fetch.c     SYNC: missing headers, bodies, certs
 *   promises.c  D-STO-9                            load.c      D-STO-3 at start
 *   prove.c     portable proofs                    suspects.c  evidence
 *   ops.c       what ops of checkpoints mean       seats.c     who sits in the next epoch
 *   spread.c    PUSH, IHAVE, GRAFT, PRUNE          conduct.c    rations and scores of peers
 *   boundaries.c  links and chunks for others     join.c      the same, asked for (D-SYN-3)
 *   ask.c       questions for proofs                 trust.c     how far a boundary is trusted (D-SYN-2)
 *   lists.c     revocation lists, officers          ops_lists.c     the same as state of the chain
 *   officers.c  officers that changed while the node was away
 *   neighbours.c  views, records, facts about sessions             probes.c    who does not answer
 *   members.c   who asks for a seat and endorses it                restart.c   a new start by command
 *   commands.c  RETIRE, tombstone
 *   shares.c    shares of scheme 2                 (bls/)
 *   retell.c    stored blocks, told again to the host at a start   prune.c  what is old goes
 *   heal.c      damaged rows, fetched again        resync.c      a start without META or HEADS
 *   testimony.c   claims and witnesses
 *   rivals.c      two certificates of one serial
 *   directory.c   who a signer is, for the parts beside consensus
 *   strangers.c  who is spoken of without a certificate        reconcile.c   what was lost, told again
 *   policy.c    who may sign what                  publish.c    objects of D-AUD, passed on and told
 */
#ifndef HKP_LIBDSM_NODE_H
#define HKP_LIBDSM_NODE_H

#include "libdsm/consensus/consensus.h"
#include "libdsm/node/answers.h"
#include "libdsm/node/chains.h"
#include "libdsm/node/heads_tree.h"
#include "libdsm/node/journal.h"
#include "libdsm/node/limits.h"
#include "libdsm/node/lists.h"
#include "libdsm/node/neighbours.h"
#include "libdsm/node/sessions.h"
#include "libdsm/node/shares.h"
#include "libdsm/node/spread.h"
#include "libdsm/node/testimony.h"

struct hkp_dsm_node {
    /* what nearly each call looks at stands together: it is few lines of the cache, of a node that others
     * pushed out of it */
    uint32_t state, observer, silent, promises_open;
    /** outdated: the chain uses blocks and headers of this version, which this build does not know; 0: none
     */
    uint32_t outdated;
    int32_t seat;
    hkp_time now, wall_at;
    uint64_t wall_us, received, refused;
    struct peer *peers, **peer_table;
    uint32_t n_peers, next_peer, peer_mask, peers_max;
    /** bits of the peers for which messages wait, and how many these are */
    uint64_t *waiting;
    uint32_t n_waited;
    /** 1: blocks wait that follow a tip, until there is room for their events */
    uint32_t take_again;
    uint32_t events_cap, event_head, event_count, held_head, held_count, report_head, report_count;
    uint64_t ticket, durable;
    /** the last write before the call of now */
    uint64_t whole;
    /** new certs and evidence, counted; the rules are looked at again then, whatever comes */
    uint64_t stirs;
    hkp_time advance_at, have_at, tell_at;
    /** a queue waits until then for its ration */
    hkp_time pace_at;
    uint64_t view, watermark;
    hkp_time entered_at, work_at, retransmit_at, retransmit_every, work_wake;
    struct slot *slots;
    uint32_t n_questions, n_lost;
    /** stored blocks that are still to be told: what is read next, whose place is known up to where */
    struct retell {
        uint32_t phase, rows, reading;
        uint8_t from[24], place[24];
        uint64_t height;
    } retell;
    /** newest final header; digest of the epoch's genesis and view 0 at its start. ends: it is the boundary
     * of the epoch, which the node cannot follow yet */
    struct root {
        uint64_t view, height, time_ms;
        uint8_t digest[32];
        hkp_time at;
        uint32_t ends;
    } root;
    /** D-STO-8: below which heights blocks (turn 0) and headers (turn 1) are gone, and the height at hand */
    struct prune {
        hkp_time again;
        uint32_t reading, turn, step, found, changed, left;
        uint64_t blocks, headers, height;
        blob *body;
        struct hkp_dsm_cbor_reader at;
    } prune;
    uint64_t epoch_first;
    struct event_entry current;

    struct hkp_mem mem;
    struct hkp_rng rng;
    struct hkp_dsm__pool pool;
    void *block_of_memory;
    size_t block_size;
    uint32_t heads_max, blocks_max, synchronised;
    uint64_t t_cp, delay, have_every;

    /* identity */
    uint8_t chain_id[32], id[16], secret[64], host[32];
    struct hkp_dsm_officers officers;
    uint64_t genesis_s, build_s;
    uint32_t single;
    struct author *self;
    struct stranger *strangers;
    uint32_t n_strangers, stranger_at;

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
    /** certificates by message id: place + 1; tell_at: when a neighbour is told of them */
    uint32_t *cert_table;
    /** those that do not count, by message id */
    struct rival *rivals[RIVAL_LISTS];
    blob *sending;
    uint64_t sent, dropped;
    hkp_time have_all_at;
    struct hkp_dsm__spread spread;
    struct hkp_dsm__near near;
    struct hkp_dsm__probes probes;
    struct hkp_dsm__grey grey;
    struct hkp_dsm__testimony testimony;

    /** lists.c: newest lists held, and the next officers; ops_lists.c: what the chain carries */
    struct lists {
        struct carried held[2], next, before, chain[2];
        uint8_t asked_id[32], over_digest[32];
        struct officers_state officers;
        /** marks of authors that lists of headers name which are not final; 0: none do */
        uint64_t over, marks;
        /** HKP_DSM_LISTS_* that the host was told */
        uint32_t n_loaded, told;
        /** officers.c: sets by version; what is to be proven, and sets behind those; from which epoch on ops
         * may have been missed; whose turn it is to have a set asked for, and when (0: nobody told one) */
        struct in_office office[CA_SETS_MAX];
        struct office_claim claims[OFFICE_CLAIMS];
        blob *later[CA_SETS_MAX];
        uint32_t jumped, turn;
        uint64_t jumped_from;
        hkp_time turn_at;
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
        /** 1: what a jump made final is told next, of authors from telling on, once this ticket is durable */
        uint32_t untold, telling;
        uint64_t ticket;
        /** version: the highest that a link named (D-EPO-7) */
        uint64_t hint, epoch, version;
        hkp_time again, blocks_at;
        uint8_t asked[16], want[32], nonce[8];
        struct hkp_dsm__header h;
        blob *boundary, *valset, *chunk[CHUNKS_MAX];
        /** trust.c: the links from epoch from on, whose set hashes to from_want: digests of their boundaries,
         * groups that told them; the boundary that the operator named, if it was among all links */
        uint64_t from, anchor_epoch, anchor_ms;
        uint32_t n_heard, n_told, anchored;
        uint8_t from_want[32], heard[LINKS_HEARD][32];
        struct told_by {
            uint32_t group, answered, vain;
        } told[TOLD_GROUPS];
    } join;
    /** D-SYN-2: HKP_DSM_TRUST_*; the end of the own epoch is final and not followed; digests of the newest
     * boundary and of the one that the operator named */
    struct {
        uint32_t state, held;
        uint8_t boundary[32], given[32];
    } trust;
    /** what its own account of the next set is worth: BLIND_* */
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
    /** those of the block in current */
    struct hkp_dsm_claims claims;
    struct held *held;
    uint64_t read_ticket;
    struct read reads[READS_MAX];

    /* consensus */
    struct hkp_dsm__valset set;
    uint8_t set_body[HKP_DSM_VALSET_MAX];
    size_t set_len;
    uint8_t epoch0_hash[32];
    uint8_t perm[HKP_DSM_MEMBERS_MAX];
    uint64_t epoch_ms;
    /** by views that were left by CERT_N: from their start, with work, to that cert */
    uint64_t view_took;
    uint32_t nullified_row, had_nullified, first_view;
    /** all that there is to do is that a header is not final yet */
    uint32_t only_open;
    /** CERT_0 held, a bit each, of the last NULLS views up to this one (validity c) */
    uint64_t nulls_top;
    uint8_t nulls[NULLS / 8];
    struct prop props[PROPS];
    /** where the heads tree stands: NULL is root */
    struct prop *cursor;
    uint64_t newest_n, newest_0, target_view, target_put;
    /** of newest_n, whose view may be older than what the slots hold */
    uint8_t newest_digest[32];
    blob *newest_cert;
    uint8_t target[32];
    blob *target_cert, *final_cert, *final_n;
    struct report reports[REPORTS_MAX];
    uint64_t finals, nullified;
    hkp_time sync_again;
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
    uint64_t promise_view;
    hkp_time promises_again;

    struct suspect *suspects;
    uint32_t n_suspects;
    struct checked checked[CHECKED];
    /** what final ops ask for; the same with what ancestors add */
    struct pending *pending, *pending_trial;
    struct note *notes;
    uint32_t n_notes, notes_next, wish, n_commands;
    struct command commands[HKP_DSM_COMMANDS_MAX];
    hkp_time notes_at, notes_every;
    /** heads that ops change, while a body is applied */
    struct hkp_dsm__head *singles;
    struct shares shares;
    struct proof_job proofs[PROOFS_MAX];
    /** what an operator gave and is not done yet, NULL: nothing; judged: its cert was verified; the read of
     * the set that it needs for that, 0: none */
    struct restart {
        blob *multi;
        struct hkp_dsm__restart r;
        uint32_t judged, reading, turn;
    } restart;
    /** the set of the newest RESTART that was applied; epoch 0: none */
    struct hkp_dsm_trust restarted;
    struct load {
        uint32_t step, author, fresh;
        uint64_t rows, final_height;
        blob *cert;
        struct hkp_dsm__header headers[EPOCH_HEIGHTS + 1];
        uint32_t n_headers, n_bodies, snapshot_seen, cut, host_seen, adopt, lost_state, placeless, full;
        blob *genesis;
    } load;
    /** resync.c: newest epoch of the WAL, if the node has to come there; when it was started, and how many
     * epochs began since then */
    struct resync {
        uint32_t on, reading, epochs;
        uint64_t wal_epoch, since_ms;
    } resync;
    uint64_t keep_blocks_s, keep_headers_s;
    /** damaged rows, the one whose row above is being read, and whose turn it is */
    struct lost *lost, *healing;
    uint32_t heal_next;
    /** root of the heads at the genesis of this epoch, while its boundary is lost and was not compared */
    uint32_t boundary_unseen;
    uint8_t boundary_heads[32];
    hkp_time heal_at;
};

/* node.c */
uint64_t hkp_dsm__wall_us(const node *n);
void hkp_dsm__time(node *n, hkp_time now);
/** The node can go on no more: status, row and key tell why. */
void hkp_dsm__die(node *n, hkp_status status, uint32_t row, const uint8_t *key, size_t key_len);

#endif
