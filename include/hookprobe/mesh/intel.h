/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libmesh, part: the threat cache, which merges the records of a mesh by group (mesh.md 9.2 to 9.4).
 */
#ifndef HOOKPROBE_MESH_INTEL_H
#define HOOKPROBE_MESH_INTEL_H

#include <hookprobe/mesh/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a host may do about an indicator (M-TI-11). */
enum {
    HKP_MESH_LEVEL_NONE = 0,
    HKP_MESH_LEVEL_WATCH = 1,
    HKP_MESH_LEVEL_ALERT = 2,
    HKP_MESH_LEVEL_BLOCK = 3
};

/** How a lookup met its indicator (M-CACHE-2); all but EXACT and PREFIX stay at most at ALERT. */
enum {
    HKP_MESH_MATCH_EXACT = 0,
    HKP_MESH_MATCH_PREFIX = 1,
    HKP_MESH_MATCH_PARENT = 2,
    HKP_MESH_MATCH_HOST = 3
};

/** What became of a record that was handed to hkp_mesh_intel_add(). */
enum {
    /** first record of this indicator */
    HKP_MESH_ADDED_NEW = 0,
    /** first record of this group for a known indicator */
    HKP_MESH_ADDED_GROUP = 1,
    /** took the place of the group's older record */
    HKP_MESH_ADDED_REPLACED = 2,
    /** the group already has a newer record */
    HKP_MESH_ADDED_OLDER = 3,
    /** the author says again what it said less than a quarter of the longest validity ago (M-TI-5) */
    HKP_MESH_ADDED_UNCHANGED = 4,
    /** on the allowlist: counted only (M-TI-1) */
    HKP_MESH_ADDED_ALLOWED = 5,
    /** revoked before (M-TI-9) */
    HKP_MESH_ADDED_REVOKED = 6,
    /** the author, or the groups of this indicator, are at their limit (M-TI-6, mesh.md 15) */
    HKP_MESH_ADDED_CAPPED = 7,
    /** refused by M-TI-1; the status says why */
    HKP_MESH_ADDED_REFUSED = 8,
    HKP_MESH_ADDED_COUNT = 9
};

/** Kinds of a sighting (M-TI-8). */
enum { HKP_MESH_SIGHTING_POSITIVE = 0, HKP_MESH_SIGHTING_FALSE = 1, HKP_MESH_SIGHTING_EXPIRED = 2 };

/** Where a record came from (M-TI-10). */
struct hkp_mesh_origin {
    /** node that wrote the block */
    uint8_t author[16];
    /** id of the block */
    uint8_t block[32];
    /** number of the block in the author's chain */
    uint64_t seq;
    /** the block's own time, Unix seconds */
    uint64_t time_s;
    /** height of the checkpoint that made the block final; 0: not final */
    uint64_t height;
    /** group of the author's certificate */
    uint32_t group;
    /** position of the record in the payload, from 0 */
    uint32_t position;
};

/** What the mesh says about one indicator now. */
struct hkp_mesh_match {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_LEVEL_* */
    uint8_t level;
    /** HKP_MESH_MATCH_* */
    uint8_t kind;
    /** type of the indicator that was met */
    uint8_t ioc_type;
    /** most severe of the live records, 1..5 */
    uint8_t severity;
    /** groups with a live record, and those of them with evidence of two-way traffic or content */
    uint32_t groups;
    uint32_t evidence_groups;
    /** lower median of the decayed confidence of all groups with a live record, 0..10000 basis points */
    uint32_t confidence_bp;
    /** false-positive reports: groups that made one */
    uint32_t false_positives;
    /** Unix seconds: earliest and latest bound of the live records */
    uint64_t valid_from_s;
    uint64_t valid_until_s;
    /** key of the indicator (M-IOC-5) */
    uint8_t ioc_key[16];
    /** value[value_len] is the canonical value */
    size_t value_len;
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
};

/** The record of one group for an indicator, and its provenance. */
struct hkp_mesh_finding {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** decayed confidence, 0..10000 basis points */
    uint32_t confidence_bp;
    struct hkp_mesh_origin origin;
    /** its value and context point into this struct */
    struct hkp_mesh_record record;
    uint8_t value[HKP_MESH_IOC_VALUE_MAX];
    uint8_t context[HKP_MESH_CONTEXT_MAX];
};

/** Limits and surroundings of a threat cache; zero is the default everywhere but in rng and group. */
struct hkp_mesh_intel_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** own group, 1.. */
    uint32_t group;
    /** records, one for each group and indicator: 1..10000000, default 50000; 128 bytes each */
    uint32_t records;
    /** authors with counters of M-TI-6 and M-TI-13: 1..1048576, default 4096; 64 bytes each */
    uint32_t authors;
    struct hkp_mem mem;
    /** for the keys of the hash tables; required */
    struct hkp_rng rng;
};

/** Counters of a threat cache since it was made, and its fill. */
struct hkp_mesh_intel_stats {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** live now: records, indicators, tombstones, sightings, authors */
    uint32_t records;
    uint32_t indicators;
    uint32_t tombstones;
    uint32_t sightings;
    uint32_t authors;
    /** by HKP_MESH_ADDED_* */
    uint64_t added[HKP_MESH_ADDED_COUNT];
    /** records that made room for others, and that ran out */
    uint64_t evicted;
    uint64_t expired;
    uint64_t revoked;
    /** bytes allocated by the object */
    uint64_t memory;
};

/** What hkp_mesh_intel_add() did. */
struct hkp_mesh_added {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_ADDED_* */
    uint32_t result;
    /** HKP_MESH_LEVEL_* of the indicator before and after */
    uint32_t level_before;
    uint32_t level_after;
    uint8_t ioc_key[16];
};

/** Threat records of a mesh, merged by group (M-TI-4), with lookup (M-CACHE). */
typedef struct hkp_mesh_intel hkp_mesh_intel;

/**
 * Fill options with the defaults.
 *
 * @param opt   options of the caller, written
 * @param size  sizeof *opt
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_options_init(struct hkp_mesh_intel_options *opt, size_t size);

/**
 * Make a threat cache; all memory is taken here.
 *
 * @param out    the object on success; the caller frees it
 * @param opt    borrowed for the call
 * @param now_s  Unix seconds
 *
 * @retval HKP_OK          made
 * @retval HKP_E_INVAL     an option is out of its range
 * @retval HKP_E_TOOBIG    opt asks for something that this build does not know
 * @retval HKP_E_NOMEM     no memory
 * @retval HKP_E_CALLBACK  rng failed
 *
 * Cost: 128 bytes for each record, 64 for each author, about 300 KiB for the lists of fixed size.
 * Source: mesh.md M-CACHE-1, M-TIER-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_new(hkp_mesh_intel **out,
                                                   const struct hkp_mesh_intel_options *opt, uint64_t now_s);

/**
 * Free a threat cache.
 *
 * @param intel  the object or NULL
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_free(hkp_mesh_intel *intel);

/**
 * Faulty members that consensus tolerates now; BLOCK takes at least one group more.
 *
 * @param intel  the cache
 * @param f      floor((n - 1) / 3) of the validator set in force
 *
 * Cost: none.
 * Source: mesh.md M-TI-11.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_set_faults(hkp_mesh_intel *intel, uint32_t f);

/**
 * Check a record of an accepted block and merge it.
 *
 * @param intel   the cache
 * @param now_s   Unix seconds
 * @param origin  author, block and group, copied
 * @param bytes   [len] the record, borrowed for the call
 * @param len     bytes
 * @param added   what became of it, written unless the result is HKP_E_INVAL
 *
 * @retval HKP_OK               counted as added->result says
 * @retval HKP_E_INVAL          position above 65535 or group 0
 * @retval HKP_E_MESH_LIMIT     more authors at once than the cache has counters for; the cache is unchanged
 * @retval HKP_E_MESH_TOO_BIG   as hkp_mesh_record_decode(), whose other results are passed on as well
 *
 * Cost: no allocation; one BLAKE2b; may evict some records.
 * Source: mesh.md M-TI-1, M-TI-4 to M-TI-6, M-CACHE-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_add(hkp_mesh_intel *intel, uint64_t now_s,
                                                   const struct hkp_mesh_origin *origin, const uint8_t *bytes,
                                                   size_t len, struct hkp_mesh_added *added);

/**
 * A checkpoint has made the blocks of an author final up to a number.
 *
 * @param intel   the cache
 * @param author  [16] node id
 * @param seq     number of the last final block
 * @param height  of the checkpoint, 1..2^32-1
 *
 * Cost: linear in the author's records.
 * Source: mesh.md M-TI-10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_finalised(hkp_mesh_intel *intel, const uint8_t author[16], uint64_t seq,
                                      uint64_t height);

/**
 * What the mesh knows about an indicator.
 *
 * Addresses: exact, then the longest prefix. Domains: exact, then parents. URLs: exact, then their host.
 *
 * @param intel      the cache
 * @param now_s      Unix seconds
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 * @param match      struct_size set by the caller, the rest written on success
 *
 * @retval HKP_OK          match says what was met
 * @retval HKP_E_NOTFOUND  nothing live
 * @retval HKP_E_INVAL     no such type, or struct_size is too small
 *
 * Cost: no allocation; one BLAKE2b for each form that is tried.
 * Source: mesh.md M-CACHE-1, M-CACHE-2, M-TI-11.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_lookup(const hkp_mesh_intel *intel, uint64_t now_s,
                                                      uint32_t ioc_type, const uint8_t *value,
                                                      size_t value_len, struct hkp_mesh_match *match);

/**
 * The record of one group for an indicator.
 *
 * @param intel    the cache
 * @param now_s    Unix seconds
 * @param ioc_key  [16] of a match
 * @param index    0..groups - 1 of the match
 * @param finding  struct_size set by the caller, the rest written on success
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  there are fewer live records
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: no allocation.
 * Source: mesh.md M-TI-10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_finding(const hkp_mesh_intel *intel, uint64_t now_s,
                                                       const uint8_t ioc_key[16], uint32_t index,
                                                       struct hkp_mesh_finding *finding);

/**
 * Next live indicator, in no particular order.
 *
 * @param intel   the cache
 * @param now_s   Unix seconds
 * @param cursor  0 at first, advanced by the call
 * @param match   struct_size set by the caller, the rest written on success
 *
 * @retval HKP_OK          match is the next one
 * @retval HKP_E_NOTFOUND  there are no more
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: no allocation; all calls together visit every record once.
 * Source: mesh.md 12.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_next(const hkp_mesh_intel *intel, uint64_t now_s,
                                                    uint32_t *cursor, struct hkp_mesh_match *match);

/**
 * Put an indicator on the allowlist: own addresses, resolvers, networks that must never be acted on.
 *
 * A listed prefix covers its addresses and longer prefixes, a listed host the URLs on it.
 *
 * @param intel      the cache
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value; reserved ranges and short prefixes are allowed here
 * @param value_len  bytes
 *
 * @retval HKP_OK                listed
 * @retval HKP_E_MESH_IOC_TYPE   no such type
 * @retval HKP_E_MESH_IOC_VALUE  wrong length for this type
 * @retval HKP_E_MESH_LIMIT      4096 are listed
 *
 * Cost: no allocation; one BLAKE2b.
 * Source: mesh.md M-TI-7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_allow(hkp_mesh_intel *intel, uint32_t ioc_type,
                                                     const uint8_t *value, size_t value_len);

/**
 * Empty the allowlist, before a newer one is filled in.
 *
 * @param intel  the cache
 *
 * Cost: none.
 * Source: mesh.md M-TI-7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_allow_clear(hkp_mesh_intel *intel);

/**
 * This node itself validated a path to a member at an address; for a day BLOCK of it becomes ALERT.
 *
 * @param intel      the cache
 * @param now_s      Unix seconds
 * @param member     [16] node id
 * @param ioc_type   HKP_MESH_IOC_IP4 or HKP_MESH_IOC_IP6
 * @param value      [value_len] canonical address
 * @param value_len  bytes, 4 or 16
 *
 * Cost: no allocation; linear in the members kept, at most 1024; the two newest of each member are kept.
 * Source: mesh.md M-TI-7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_member_seen(hkp_mesh_intel *intel, uint64_t now_s, const uint8_t member[16],
                                        uint32_t ioc_type, const uint8_t *value, size_t value_len);

/**
 * A group has seen an indicator, or calls it a false positive.
 *
 * @param intel    the cache
 * @param now_s    Unix seconds
 * @param group    of the author's certificate
 * @param ioc_key  [16] key of the indicator
 * @param kind     HKP_MESH_SIGHTING_*
 *
 * @retval HKP_OK       noted; when the table is full, in place of one that ends sooner
 * @retval HKP_E_INVAL  no such kind, or group 0
 *
 * Cost: no allocation.
 * Source: mesh.md M-TI-8.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_sighting(hkp_mesh_intel *intel, uint64_t now_s, uint32_t group,
                                                        const uint8_t ioc_key[16], uint32_t kind);

/**
 * Take back a record: of its author, or of everybody when the mesh has agreed on that.
 *
 * Records of the same that come later but begin before now_s are refused.
 *
 * @param intel    the cache
 * @param now_s    Unix seconds
 * @param author   [16] node id whose record goes; NULL: the records of all
 * @param ioc_key  [16] key of the indicator
 * @param removed  how many records went, written
 *
 * Cost: no allocation.
 * Source: mesh.md M-TI-9.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_revoke(hkp_mesh_intel *intel, uint64_t now_s, const uint8_t *author,
                                   const uint8_t ioc_key[16], uint32_t *removed);

/**
 * Drop what is over; lookups never show it in any case.
 *
 * @param intel    the cache
 * @param now_s    Unix seconds
 * @param removed  how many records went, written
 *
 * Cost: no allocation; amortised constant for each record.
 * Source: mesh.md M-CACHE-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_intel_expire(hkp_mesh_intel *intel, uint64_t now_s, uint32_t *removed);

/**
 * Counters and fill.
 *
 * @param intel  the cache
 * @param stats  struct_size set by the caller, the rest written as far as it reaches
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md 13.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_intel_get_stats(const hkp_mesh_intel *intel,
                                                         struct hkp_mesh_intel_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
