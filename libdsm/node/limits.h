/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: its limits, and names that all of its files use. */
#ifndef HKP_LIBDSM_NODE_LIMITS_H
#define HKP_LIBDSM_NODE_LIMITS_H

#include "libdsm/message/message.h"
#include "libdsm/node/pool.h"
#include "libdsm/objects/objects.h"

#define MS 1000000ULL
#define SECOND 1000000000ULL
/** how far back chains are compared, microseconds (D-GSP-11) */
#define CUT_US 10000000ULL

enum {
    /** views whose certs are in memory, and those around the own view whose votes are */
    SLOTS = 1024,
    /** views of which is known whether CERT_0 is held, in memory or on disk */
    NULLS = 65536,
    VOTE_WINDOW = 64,
    /** headers in memory above the newest final one */
    PROPS = 256,
    /** one so large part of the pool for those that no cert names */
    LOOSE_PART = 8,
    HEIGHTS_OPEN_MAX = 64,
    /** from so many on the next comes after a minute, then after twice as long each (decision 0651) */
    HEIGHTS_SOON = 32,
    PATIENCE_DOUBLES = 6,
    EPOCH_HEIGHTS = 256,
    CERTS_PER_NODE = 4,
    /** others of one serial: each needs the signature of an honest officer, who gives it once (D-CA-4) */
    RIVALS_MAX = HKP_DSM_OFFICERS_MAX - 1,
    RIVAL_LISTS = 64,
    WAITING_PER_AUTHOR = 64,
    WAITING_MAX = 4096,
    BRANCH_PER_AUTHOR = 1024,
    OPEN_PER_AUTHOR = 4096,
    EVIDENCE_MAX = 1024,
    /** of them E1 to E4 of one member, and E5 of all authors, one of each (D-EVD-4) */
    EVIDENCE_OF_ONE = 6,
    EVIDENCE_FORKS = 512,
    CHECKED = 256,
    /** changes of the set that are asked for, tombstones and E6 of the epoch: a JOIN, RETIRE, tombstone or E6
     * above the first number is refused; room for what one more body and all members can add */
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
    STRANGERS_MAX = 512,
    QUESTIONS_MAX = 8,
    /** chunks of 1024 heads (D-SYN-3) */
    CHUNKS_MAX = 128,
    /** sets of officers that are remembered; rows of them and of lists at a start */
    CA_SETS_MAX = 16,
    LISTS_LOADED = 24,
    /** sets that are to be proven; the last place is for those whose officers are not known */
    OFFICE_CLAIMS = 5,
    /** ops of officers in one proposal, bytes */
    OPS_BYTES_MAX = 900000,
    /** one so large part of the pool for what is not final of one other author */
    AUTHOR_PART = 8,
    /** sixteenths of the pool that blocks of others, own ones, those that a header names, answers and
     * messages may fill, in this order (decision 0653) */
    FILL_OTHERS = 10,
    FILL_OWN = 11,
    FILL_BLOCKS = 12,
    /** and those above final heads at a start: room is left for what the chain needs of others */
    FILL_LOADED = 8,
    FILL_ANSWERS = 13,
    FILL_MESSAGES = 14,
    /** links of a proof: more come as boundaries */
    LINKS_MAX = 64,
    ANSWER_CERTS = 600000,
    ANSWER_ROOM = ANSWER_CERTS + HKP_DSM__CHECKPOINT_BODY_MAX + 1024
};

typedef struct hkp_dsm_node node;
typedef struct hkp_dsm__blob blob;

/* Named in several headers of the node; each stands in the one of its subject. */
struct author;
struct block;
struct event_entry;
struct peer;
struct prop;
struct read;

/** links in one answer (op 42); groups of peers that are told apart */
enum { LINKS_HEARD = 64, TOLD_GROUPS = 64 };

#endif
