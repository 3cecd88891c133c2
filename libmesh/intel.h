/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The threat cache (mesh.md 9.4): what its files share.
 *
 * A record is what one group says about one indicator. The records of an indicator are a chain; the index
 * finds the first one, the head, by a keyed hash of the indicator's key. intel_table.c keeps records, cells,
 * index and wheel; intel_notes.c authors, tombstones, sightings, allowlist and members; intel.c merges;
 * intel_lookup.c reads.
 */
#ifndef HKP_LIBMESH_INTEL_H
#define HKP_LIBMESH_INTEL_H

#include "libmesh/record.h"

#include <hookprobe/mesh.h>
#include <sodium.h>

#define HKP_MESH__NIL UINT32_MAX

enum {
    HKP_MESH__CELL_BYTES = 28,
    HKP_MESH__WHEEL_SLOTS = 4096,
    HKP_MESH__WHEEL_TICK_S = 64,
    HKP_MESH__PROBE_MAX = 32,
    HKP_MESH__ALLOW_MAX = 4096,
    HKP_MESH__ALLOW_SLOTS = 8192,
    HKP_MESH__MEMBERS_MAX = 1024,
    HKP_MESH__MEMBER_S = 86400,
    HKP_MESH__KEYS_PER_HOUR = 1000, /* M-TI-6 */
    HKP_MESH__KEYS_LIVE = 10000,
    HKP_MESH__BLOCKS_PER_DAY = 100, /* M-TI-13 */
    HKP_MESH__PARENTS_MAX = 8       /* M-CACHE-2 */
};

/** State bits of a record. */
enum {
    HKP_MESH__REC_USED = 1,
    /** first of its chain: the index leads to it */
    HKP_MESH__REC_HEAD = 2,
    /** counts for BLOCK: its author's share of M-TI-13 was taken */
    HKP_MESH__REC_COUNTED = 4,
    /** of a head: somebody calls the indicator a false positive */
    HKP_MESH__REC_DOUBTED = 8,
    HKP_MESH__REC_HAS_RULE = 16,
    HKP_MESH__REC_HAS_CONTEXT = 32,
    /** data is the IPv4 address itself, and there is neither context nor technique */
    HKP_MESH__REC_INLINE = 64
};

/** 96 bytes; times are seconds from the cache's base. */
struct hkp_mesh__rec {
    uint8_t block[32];
    uint64_t seq;
    uint32_t from_s;
    uint32_t ttl_s;
    uint32_t time_s;
    /** index of the author, who has the group */
    uint32_t author;
    /** checkpoint that made it final, or, while pending, the record before it in the author's list */
    uint32_t height;
    uint32_t pending_next;
    uint32_t rule;
    /** next of the chain, or of the free list */
    uint32_t next;
    uint32_t due_prev;
    uint32_t due_next;
    /** first cell of value, context and techniques, or the address itself */
    uint32_t data;
    uint16_t value_len;
    uint16_t context_len;
    uint16_t position;
    uint16_t threat;
    uint8_t ioc_type;
    uint8_t state;
    /** confidence 0..100, and PENDING_BIT while not final */
    uint8_t confidence;
    /** severity 0..2, tlp 3..5, level 6..7 */
    uint8_t grade;
    /** evidence 0..1, techniques 2..4 */
    uint8_t proof;
    uint8_t reserved[3];
};

#define HKP_MESH__PENDING_BIT 0x80

struct hkp_mesh__cell {
    uint32_t next;
    uint8_t bytes[HKP_MESH__CELL_BYTES];
};

struct hkp_mesh__slot {
    /** NIL: empty */
    uint32_t rec;
    /** high half of the hash; the home place follows from it */
    uint32_t tag;
};

/** An author in one group: counters of M-TI-6 and M-TI-13. */
struct hkp_mesh__author {
    uint8_t node[16];
    uint32_t group; /* 0: free */
    uint32_t live;
    uint32_t pending;
    uint32_t hour;
    uint32_t day;
    uint16_t hour_keys;
    uint8_t day_blocks[6]; /* by severity 1..5 */
};

/** Tombstone or sighting. expires_s 0: never used. */
struct hkp_mesh__note {
    uint8_t key[16];
    /** keyed hash of the author, 0 for all; or the group */
    uint64_t who;
    uint32_t time_s;
    uint32_t expires_s;
    uint32_t kind;
    uint32_t reserved;
};

struct hkp_mesh__notes {
    struct hkp_mesh__note *slots;
    uint32_t cap;
    uint32_t used;
};

struct hkp_mesh__member {
    uint8_t node[16];
    uint8_t key[16];
    uint64_t time_s; /* 0: free */
};

struct hkp_mesh_intel {
    struct hkp_mem mem;
    size_t size;
    uint64_t base_s;
    uint64_t now_s;
    uint32_t group;
    uint32_t faults;
    uint8_t secret_key[crypto_shorthash_KEYBYTES];

    struct hkp_mesh__rec *recs;
    uint32_t recs_cap, recs_free, recs_used, hand, sweep;
    struct hkp_mesh__cell *cells;
    uint32_t cells_cap, cells_free, cells_left;
    struct hkp_mesh__slot *index;
    uint32_t index_cap, keys;
    uint32_t *wheel;
    uint64_t wheel_at;
    /** live records of prefixes by their length */
    uint32_t prefix4[33], prefix6[129];

    struct hkp_mesh__author *authors;
    uint32_t authors_cap, authors_used;
    struct hkp_mesh__notes tombstones, sightings;
    uint8_t (*allow)[16];
    uint32_t allow_used;
    uint8_t allow4[33], allow6[129];
    struct hkp_mesh__member *members;

    uint64_t added[HKP_MESH_ADDED_COUNT], evicted, expired, revoked;
};

/* ---- intel_table.c ---- */

uint64_t hkp_mesh__intel_hash(const hkp_mesh_intel *t, const void *bytes, size_t len);

/** Makes all lists empty; the arrays are in place. */
void hkp_mesh__table_init(hkp_mesh_intel *t);

/** Head of an indicator's chain, or NIL. */
uint32_t hkp_mesh__table_find(const hkp_mesh_intel *t, const uint8_t key[16], uint32_t type,
                              const uint8_t *value, size_t len);
/** The same when only the key is known. */
uint32_t hkp_mesh__table_find_key(const hkp_mesh_intel *t, const uint8_t key[16]);

/** Evicts until one record and n cells are free; 0 if that cannot be. */
int hkp_mesh__table_make_room(hkp_mesh_intel *t, uint32_t n_cells);
/** Evicts until the index has a place for a new key; 0 if that cannot be. */
int hkp_mesh__table_make_slot(hkp_mesh_intel *t, const uint8_t key[16]);

/** A record filled from r, not yet in any chain; the room was made before. */
uint32_t hkp_mesh__table_take(hkp_mesh_intel *t, const struct hkp_mesh_record *r, uint32_t n_cells);
/** Puts a taken record in front of the chain of head (NIL: a new indicator), and on the wheel. */
void hkp_mesh__table_link(hkp_mesh_intel *t, uint32_t rec, uint32_t head, const uint8_t key[16]);
/** Takes a record out of its chain and frees it. */
void hkp_mesh__table_remove(hkp_mesh_intel *t, uint32_t rec);

uint32_t hkp_mesh__table_cells(const struct hkp_mesh_record *r);
void hkp_mesh__rec_key(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint8_t key[16]);
/** Copies len bytes of a record's data from an offset: value, then context, then techniques of 12 bytes. */
void hkp_mesh__rec_data(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, size_t at, uint8_t *dst,
                        size_t len);

static inline uint64_t hkp_mesh__rec_until(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r) {
    return t->base_s + r->from_s + r->ttl_s;
}
uint32_t hkp_mesh__rec_confidence(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint64_t now_s);

/** Drops what is over by the wheel; returns how many. */
uint32_t hkp_mesh__table_expire(hkp_mesh_intel *t, uint64_t now_s);

/* ---- intel_notes.c ---- */

/** The author in this group; made if it is new; NIL if there is no room. */
uint32_t hkp_mesh__author_get(hkp_mesh_intel *t, const uint8_t node[16], uint32_t group);
void hkp_mesh__pending_link(hkp_mesh_intel *t, uint32_t rec);
void hkp_mesh__pending_unlink(hkp_mesh_intel *t, uint32_t rec);

/** Notes that who said kind about key, in place of the same note made before. */
void hkp_mesh__note_put(hkp_mesh_intel *t, struct hkp_mesh__notes *notes, const struct hkp_mesh__note *note);
/** Whether a record that begins at from_s was revoked, by this author or for all. */
int hkp_mesh__revoked(const hkp_mesh_intel *t, const uint8_t key[16], const uint8_t author[16],
                      uint32_t from_s);
/** Groups that call key a false positive. */
uint32_t hkp_mesh__doubts(const hkp_mesh_intel *t, const uint8_t key[16], uint64_t now_s);

/** Whether the allowlist covers a value. */
int hkp_mesh__allowed(const hkp_mesh_intel *t, uint32_t type, const uint8_t *value, size_t len);
/** Whether a member was reached at this address within a day. */
int hkp_mesh__is_member(const hkp_mesh_intel *t, const uint8_t key[16], uint64_t now_s);

/* ---- intel_lookup.c ---- */

/** What a chain says now. counted_only: only records that count for BLOCK (M-TI-13). */
struct hkp_mesh__view {
    uint32_t level, groups, evidence_groups, confidence_bp, doubts;
    uint8_t severity;
    uint64_t from_s, until_s;
};
void hkp_mesh__chain_view(const hkp_mesh_intel *t, uint32_t head, const uint8_t key[16], uint64_t now_s,
                          int counted_only, struct hkp_mesh__view *view);
/** Whether a record's author has a share of M-TI-13 left, or needs none. */
int hkp_mesh__may_count(const hkp_mesh_intel *t, const struct hkp_mesh__rec *r, uint64_t now_s);
/** Value of a prefix type that holds the first bits of an address; returns its length. */
size_t hkp_mesh__prefix_value(const uint8_t *addr, size_t size, unsigned bits, uint8_t out[17]);

#endif
