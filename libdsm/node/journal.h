/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Inside of a running node: what it asks of its store and tells its host, and what it keeps there for long.
 */
#ifndef HKP_LIBDSM_NODE_JOURNAL_H
#define HKP_LIBDSM_NODE_JOURNAL_H

#include "libdsm/node/limits.h"

struct held {
    uint64_t ticket;
    uint32_t what, kind;
    void *ptr;
    uint64_t view, epoch;
    uint8_t digest[32];
};

enum { HELD_VOTE = 1, HELD_PROPOSE = 2, HELD_OWN_BLOCK = 3, HELD_BLOCK = 4, HELD_PAYLOAD = 5, HELD_SAID = 6 };

struct event_entry {
    blob *data;
    struct block *pinned;
    struct hkp_dsm_event e;
    /** of a block that was accepted now: its claims are told */
    uint32_t fresh;
    uint8_t key[KEY_MAX], key_to[KEY_MAX];
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
    READ_CHUNK = 12,
    READ_RESTART = 13,
    READ_OFFICERS = 14,
    READ_RESYNC = 15,
    READ_RESYNC_OWN = 16,
    READ_CERTS = 17
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

/* load.c */
/** The item of a stored block. */
hkp_status hkp_dsm__stored_item(const uint8_t *data, size_t len, struct hkp_dsm__item *item);
void hkp_dsm__load_begin(node *n);
hkp_status hkp_dsm__load_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__load_end(node *n);

/** A record of the own WAL, in the epoch of now. */
hkp_status hkp_dsm__wal_obey(node *n, const uint8_t *data, size_t len);
/** What the WAL holds of the newest views is sent again. */
void hkp_dsm__promises_repeat(node *n);

/* resync.c */
/** All heads away; 0: no memory. */
int hkp_dsm__heads_none(node *n);
/** 1: the META row says that the node has to find its place again. */
int hkp_dsm__resync_meta(node *n, const uint8_t *key, size_t key_len, size_t len);
/** A row of META or HEADS is damaged. */
void hkp_dsm__resync_note(node *n);
int hkp_dsm__resync_begin(node *n);
int hkp_dsm__resync_wal(node *n, uint64_t epoch);
/** 1: it promises nothing yet. */
int hkp_dsm__resync_holds(const node *n);
/** 1: it signs no block yet. */
int hkp_dsm__resync_author(const node *n);
void hkp_dsm__resync_row(node *n, const uint8_t *data, size_t len);
void hkp_dsm__resync_end(node *n);
void hkp_dsm__resync_own_row(node *n, const uint8_t *data, size_t len);
void hkp_dsm__resync_own_end(node *n);
void hkp_dsm__resync_epoch(node *n, uint32_t joined);

/* retell.c */
void hkp_dsm__retell_begin(node *n);
/** Asks for the next rows when nothing else is to be told; 0: all was told, or rows are on their way. */
int hkp_dsm__retell(node *n);
hkp_status hkp_dsm__retell_row(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void hkp_dsm__retell_end(node *n);

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
/** The block of the head of a that a file gives, whose id is right: HKP_E_DSM_SIG, or stored. */
hkp_status hkp_dsm__heal_head(node *n, struct author *a, const struct hkp_dsm__block *b,
                              const struct hkp_dsm__item *item);
/** 1: it was one that was lost, and is stored again. */
int hkp_dsm__heal_block(node *n, const struct hkp_dsm__block *b, const struct hkp_dsm__item *item);
void hkp_dsm__heal_pair(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header,
                        const struct hkp_dsm_view *body);
/** 1: an own block above the own chain is lost; others may hold it. */
int hkp_dsm__own_lost(const node *n);
void hkp_dsm__body_hash(uint8_t hash[32], const uint8_t *body, size_t len);

#endif
