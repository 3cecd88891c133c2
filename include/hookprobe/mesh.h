/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_MESH_H
#define HOOKPROBE_MESH_H

#include <hookprobe/base.h>

#define HKP_MESH_VERSION_MAJOR 0
#define HKP_MESH_VERSION_MINOR 1
#define HKP_MESH_VERSION_PATCH 0
#define HKP_MESH_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_version(void);

/* ------------------------------------------------------------------------------------------------------ */
/* threat intelligence (mesh.md 9, 12)                                                                     */
/* ------------------------------------------------------------------------------------------------------ */

/* mesh.md 15.1. CBOR errors pass through from libdsm. */
enum {
    HKP_E_MESH_SHORT = HKP_E_MESH_BASE - 1,
    HKP_E_MESH_TOO_BIG = HKP_E_MESH_BASE - 2,
    HKP_E_MESH_VERSION = HKP_E_MESH_BASE - 3,
    HKP_E_MESH_LENGTH = HKP_E_MESH_BASE - 4,
    HKP_E_MESH_CRC = HKP_E_MESH_BASE - 5,
    HKP_E_MESH_TYPE = HKP_E_MESH_BASE - 6,
    HKP_E_MESH_FLAGS = HKP_E_MESH_BASE - 7,
    HKP_E_MESH_RDV = HKP_E_MESH_BASE - 8,
    HKP_E_MESH_FRAGMENT = HKP_E_MESH_BASE - 9,
    /** no such indicator type */
    HKP_E_MESH_IOC_TYPE = HKP_E_MESH_BASE - 16,
    /** not the (canonical) form of a value of this type */
    HKP_E_MESH_IOC_VALUE = HKP_E_MESH_BASE - 17,
    /** a prefix with host bits set */
    HKP_E_MESH_IOC_HOSTBITS = HKP_E_MESH_BASE - 18,
    /** a prefix too short for the wire */
    HKP_E_MESH_IOC_PREFIX = HKP_E_MESH_BASE - 19,
    /** a private or otherwise reserved address or domain (M-IOC-2) */
    HKP_E_MESH_IOC_RESERVED = HKP_E_MESH_BASE - 20,
    HKP_E_MESH_SCHEMA = HKP_E_MESH_BASE - 24,
    /** validity not above 0 or above the longest of its type */
    HKP_E_MESH_TTL = HKP_E_MESH_BASE - 25,
    /** TLP RED never leaves a node */
    HKP_E_MESH_TLP = HKP_E_MESH_BASE - 26,
    /** dated more than 300 s ahead */
    HKP_E_MESH_TIME = HKP_E_MESH_BASE - 27,
    HKP_E_MESH_EXPIRED = HKP_E_MESH_BASE - 28,
    HKP_E_MESH_WEIGHTS = HKP_E_MESH_BASE - 29,
    HKP_E_MESH_THRESHOLDS = HKP_E_MESH_BASE - 30,
    HKP_E_MESH_RANGE = HKP_E_MESH_BASE - 31,
    HKP_E_MESH_STATE = HKP_E_MESH_BASE - 32,
    HKP_E_MESH_LIMIT = HKP_E_MESH_BASE - 33
};

/** Indicator types (mesh.md 9.1). */
enum {
    HKP_MESH_IOC_IP4 = 1,
    HKP_MESH_IOC_IP6 = 2,
    HKP_MESH_IOC_CIDR4 = 3,
    HKP_MESH_IOC_CIDR6 = 4,
    HKP_MESH_IOC_DOMAIN = 5,
    HKP_MESH_IOC_URL = 6,
    HKP_MESH_IOC_SHA256 = 7,
    HKP_MESH_IOC_SHA1 = 8,
    HKP_MESH_IOC_MD5 = 9,
    HKP_MESH_IOC_JA3 = 10,
    HKP_MESH_IOC_JA4 = 11,
    HKP_MESH_IOC_EMAIL = 12
};

/** Threat types (mesh.md 9.1); 256 and above belong to applications. */
enum {
    HKP_MESH_THREAT_PORT_SCAN = 1,
    HKP_MESH_THREAT_DDOS = 2,
    HKP_MESH_THREAT_MALWARE = 3,
    HKP_MESH_THREAT_C2 = 4,
    HKP_MESH_THREAT_PHISHING = 5,
    HKP_MESH_THREAT_BRUTE_FORCE = 6,
    HKP_MESH_THREAT_EXPLOIT = 7,
    HKP_MESH_THREAT_EXFILTRATION = 8,
    HKP_MESH_THREAT_LATERAL_MOVEMENT = 9,
    HKP_MESH_THREAT_BOTNET = 10,
    HKP_MESH_THREAT_SPAM = 11,
    HKP_MESH_THREAT_ANOMALY = 12,
    HKP_MESH_THREAT_ROGUE_AI = 13,
    HKP_MESH_THREAT_MITM = 14,
    HKP_MESH_THREAT_DNS_ABUSE = 15,
    HKP_MESH_THREAT_POLICY = 16
};

/** Traffic light protocol 2.0. */
enum {
    HKP_MESH_TLP_CLEAR = 0,
    HKP_MESH_TLP_GREEN = 1,
    HKP_MESH_TLP_AMBER = 2,
    HKP_MESH_TLP_AMBER_STRICT = 3,
    HKP_MESH_TLP_RED = 4
};

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

/** Bytes of the longest canonical value and of the longest record. */
#define HKP_MESH_IOC_VALUE_MAX 2048
#define HKP_MESH_RECORD_MAX 3072
#define HKP_MESH_CONTEXT_MAX 256

/** A threat record (mesh.md 9.1). A closed object of version 1: this struct never grows. */
struct hkp_mesh_record {
    /** [value_len] canonical value, borrowed: bytes for addresses and digests, else text without NUL */
    const uint8_t *value;
    size_t value_len;
    /** [context_len] UTF-8 text without NUL, borrowed; NULL: none */
    const uint8_t *context;
    size_t context_len;
    /** Unix seconds */
    uint64_t valid_from_s;
    uint64_t valid_until_s;
    /** detector rule, if has_rule */
    uint32_t rule;
    /** HKP_MESH_THREAT_*, 1..65535 */
    uint16_t threat;
    /** HKP_MESH_IOC_* */
    uint8_t ioc_type;
    /** 1 critical .. 5 info */
    uint8_t severity;
    /** 0..100 */
    uint8_t confidence;
    /** HKP_MESH_TLP_* */
    uint8_t tlp;
    /** 0 one-way, 1 two-way, 2 content */
    uint8_t evidence;
    /** 1: rule is set */
    uint8_t has_rule;
    /** how many of technique are set, 0..4 */
    uint8_t technique_count;
    /** zero */
    uint8_t reserved[3];
    /** ATT&CK ids, ascending, "T1234" or "T1234.001", NUL-terminated */
    char technique[4][12];
};

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
 * Name of a status of the mesh library.
 *
 * @param status  any status
 *
 * @return the name, "E_IOC_VALUE" for example, static; "E_UNKNOWN" outside the range of this library
 *
 * Cost: none.
 * Source: mesh.md 15.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_status_name(hkp_status status);

/**
 * What a host does with a status of the mesh library.
 *
 * @param status  any status
 *
 * @return HKP_CLASS_*; IGNORE for a status of another library
 *
 * Cost: none.
 * Source: mesh.md 15.1; style 2.3.
 * Since: hookprobe-mesh 0.1
 */
HKP_API int32_t hkp_mesh_status_class(hkp_status status);

/**
 * Name of an indicator type, as users write it.
 *
 * @param ioc_type  HKP_MESH_IOC_*
 *
 * @return "ip4", "domain", ..., static; NULL if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_ioc_type_name(uint32_t ioc_type);

/**
 * Indicator type of a name.
 *
 * @param name      [name_len] bytes, borrowed, for example "ip4"
 * @param name_len  bytes
 *
 * @return HKP_MESH_IOC_*, or 0 if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint32_t hkp_mesh_ioc_type_find(const char *name, size_t name_len);

/**
 * Name of a threat type, as users write it.
 *
 * @param threat  HKP_MESH_THREAT_*
 *
 * @return "port_scan", "c2", ..., static; NULL for a number without a name
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const char *hkp_mesh_threat_name(uint32_t threat);

/**
 * Bring an indicator that a user wrote into its canonical form.
 *
 * The result may be of another type: an IPv4-mapped address becomes ip4, a prefix of one address that
 * address. It may still be refused on the wire (hkp_mesh_ioc_check()), for example a private address.
 *
 * @param ioc_type   HKP_MESH_IOC_*, what the text is meant to be
 * @param text       [text_len] UTF-8 bytes, borrowed; spaces at both ends are dropped
 * @param text_len   bytes, 0..8192
 * @param out_type   type of the result, written on success
 * @param value      [cap] bytes of the caller, written on success; HKP_MESH_IOC_VALUE_MAX is always enough
 * @param cap        bytes
 * @param value_len  bytes written
 *
 * @retval HKP_OK                   done
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the text is no value of this type
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_NOSPC              value is too small; nothing was written
 * @retval HKP_E_NOMEM              libidn2 found no memory
 *
 * Cost: no allocation but libidn2's own for names that are not ASCII; linear in text_len.
 * Source: mesh.md M-IOC-1 to M-IOC-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_canonicalise(uint32_t ioc_type, const char *text,
                                                          size_t text_len, uint32_t *out_type, uint8_t *value,
                                                          size_t cap, size_t *value_len);

/**
 * Check a canonical value as every receiver does; no Unicode table takes part.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 *
 * @retval HKP_OK                   may travel
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     not the canonical form
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix shorter than /24 or /48
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 *
 * Cost: no allocation; linear in value_len.
 * Source: mesh.md M-IOC-1 to M-IOC-4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_check(uint32_t ioc_type, const uint8_t *value, size_t value_len);

/**
 * Key of an indicator.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 * @param key        [16] bytes of the caller, written
 *
 * Cost: one BLAKE2b.
 * Source: mesh.md M-IOC-5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_ioc_key(uint32_t ioc_type, const uint8_t *value, size_t value_len, uint8_t key[16]);

/**
 * Canonical value as text that people read and hkp_mesh_ioc_canonicalise() takes back.
 *
 * @param ioc_type   HKP_MESH_IOC_*
 * @param value      [value_len] canonical value, borrowed
 * @param value_len  bytes
 * @param text       [cap] bytes of the caller, NUL-terminated on success; HKP_MESH_IOC_VALUE_MAX + 1 always
 * fits
 * @param cap        bytes
 *
 * @retval HKP_OK                done
 * @retval HKP_E_MESH_IOC_TYPE   no such type
 * @retval HKP_E_MESH_IOC_VALUE  wrong length for this type
 * @retval HKP_E_NOSPC           text is too small; nothing was written
 *
 * Cost: no allocation.
 * Source: mesh.md 9.1; RFC 5952 for IPv6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ioc_text(uint32_t ioc_type, const uint8_t *value, size_t value_len,
                                                  char *text, size_t cap);

/**
 * Longest validity of a record about an indicator of this type.
 *
 * @param ioc_type  HKP_MESH_IOC_*
 *
 * @return seconds, 0 if there is no such type
 *
 * Cost: none.
 * Source: mesh.md 9.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint64_t hkp_mesh_ioc_ttl_max(uint32_t ioc_type);

/**
 * Encode a threat record as canonical CBOR.
 *
 * @param record  what to encode; checked as a receiver would, but for the time of day
 * @param dst     [cap] bytes of the caller; HKP_MESH_RECORD_MAX is always enough
 * @param cap     bytes
 * @param len     bytes written
 *
 * @retval HKP_OK                   done
 * @retval HKP_E_MESH_SCHEMA        a field is out of its range
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the value is not canonical
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix too short for the wire
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 * @retval HKP_E_MESH_TTL           valid_until_s is not within the type's validity after valid_from_s
 * @retval HKP_E_MESH_TLP           TLP RED is not encoded
 * @retval HKP_E_NOSPC              dst is too small; nothing was written
 *
 * Cost: no allocation.
 * Source: mesh.md 9.1, M-TI-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_record_encode(const struct hkp_mesh_record *record, uint8_t *dst,
                                                       size_t cap, size_t *len);

/**
 * Check and decode a threat record as a receiver does.
 *
 * @param record  written on success; its pointers lead into bytes
 * @param bytes   [len] bytes, borrowed while record is used
 * @param len     bytes
 * @param now_s   Unix seconds
 *
 * @retval HKP_OK                   good now
 * @retval HKP_E_MESH_TOO_BIG       more than HKP_MESH_RECORD_MAX bytes
 * @retval HKP_E_MESH_VERSION       a later version
 * @retval HKP_E_MESH_SCHEMA        a key is missing, unknown, of a wrong type or out of its range
 * @retval HKP_E_MESH_IOC_TYPE      no such type
 * @retval HKP_E_MESH_IOC_VALUE     the value is not canonical
 * @retval HKP_E_MESH_IOC_HOSTBITS  a prefix with host bits set
 * @retval HKP_E_MESH_IOC_PREFIX    a prefix too short for the wire
 * @retval HKP_E_MESH_IOC_RESERVED  a reserved address or domain
 * @retval HKP_E_MESH_TTL           validity not above 0 or above the longest of its type
 * @retval HKP_E_MESH_TLP           TLP RED
 * @retval HKP_E_MESH_TIME          begins more than 300 s from now
 * @retval HKP_E_MESH_EXPIRED       over
 *
 * Errors of CBOR are those of libdsm (HKP_E_DSM_CBOR_*).
 * Cost: no allocation; linear in len.
 * Source: mesh.md M-TI-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_record_decode(struct hkp_mesh_record *record, const uint8_t *bytes,
                                                       size_t len, uint64_t now_s);

/**
 * Confidence of a record now, after decay.
 *
 * @param record  checked record
 * @param now_s   Unix seconds
 *
 * @return basis points, 0..10000; 0 when it is over
 *
 * Cost: none.
 * Source: mesh.md M-TI-2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API uint32_t hkp_mesh_record_confidence(const struct hkp_mesh_record *record, uint64_t now_s);

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

/* ------------------------------------------------------------------------------------------------------ */
/* alerts of a detector: Suricata EVE (M-EXP-6)                                                            */
/* ------------------------------------------------------------------------------------------------------ */

/** What became of a line or element of an EVE stream. */
enum {
    /** made a record */
    HKP_MESH_EVE_RECORD = 0,
    /** not JSON, deeper than 16, or no object */
    HKP_MESH_EVE_BROKEN = 1,
    /** more than 64 KiB */
    HKP_MESH_EVE_OVERSIZED = 2,
    /** another event_type */
    HKP_MESH_EVE_NOT_ALERT = 3,
    /** an alert without usable src_ip, dest_ip or alert object */
    HKP_MESH_EVE_NO_ADDRESS = 4,
    /** the side that is the threat has no public address */
    HKP_MESH_EVE_LOCAL = 5,
    HKP_MESH_EVE_COUNT = 6
};

/** How alerts become records; zero is the default everywhere. */
struct hkp_mesh_eve_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_TLP_* + 1 of the records; 0: GREEN */
    uint32_t tlp_plus_one;
    /** confidence of the records, 1..100; 0: by category 30, 60 or 75, and 15 more with evidence of two-way
     * traffic */
    uint32_t confidence;
    /** how long the records are valid, seconds up to 604800; 0: 86400 */
    uint32_t ttl_s;
    struct hkp_mem mem;
};

/** Counters of an EVE stream by HKP_MESH_EVE_*. */
struct hkp_mesh_eve_stats {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    uint32_t reserved0;
    uint64_t count[HKP_MESH_EVE_COUNT];
};

/** Reads one EVE stream: JSON lines, or one JSON array, recognised by its first byte. */
typedef struct hkp_mesh_eve hkp_mesh_eve;

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
HKP_API void hkp_mesh_eve_options_init(struct hkp_mesh_eve_options *opt, size_t size);

/**
 * Make a reader of EVE alerts; it does no I/O.
 *
 * @param out  the object on success; the caller frees it
 * @param opt  borrowed for the call; NULL: defaults
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   an option is out of its range
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM   no memory
 *
 * Cost: 64 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_new(hkp_mesh_eve **out, const struct hkp_mesh_eve_options *opt);

/**
 * Free a reader of EVE alerts.
 *
 * @param eve  the object or NULL
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_free(hkp_mesh_eve *eve);

/**
 * Hand over bytes of the stream; then call hkp_mesh_eve_next() until it finds nothing.
 *
 * @param eve    the reader
 * @param bytes  [len] bytes, copied
 * @param len    bytes
 * @param taken  how many were taken; the rest is handed over again after hkp_mesh_eve_next()
 *
 * Cost: no allocation.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_push(hkp_mesh_eve *eve, const uint8_t *bytes, size_t len, size_t *taken);

/**
 * The stream has ended: what is left counts as the last line; the next byte begins a new stream.
 *
 * @param eve  the reader
 *
 * Cost: no allocation.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_end(hkp_mesh_eve *eve);

/**
 * Next record from the bytes handed over; what makes none is counted and skipped.
 *
 * @param eve     the reader
 * @param now_s   Unix seconds: the record's life begins here, the alert's own time goes into its context
 * @param record  written on success; its pointers are good until the next call on this object
 *
 * @retval HKP_OK          a record
 * @retval HKP_E_NOTFOUND  more bytes are needed
 *
 * Cost: allocations of the JSON parser, bounded by a line of 64 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_next(hkp_mesh_eve *eve, uint64_t now_s,
                                                  struct hkp_mesh_record *record);

/**
 * Counters of the stream.
 *
 * @param eve    the reader
 * @param stats  struct_size set by the caller, the rest written as far as it reaches
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_get_stats(const hkp_mesh_eve *eve,
                                                       struct hkp_mesh_eve_stats *stats);

/** Follows an EVE file or FIFO and survives its rotation. */
typedef struct hkp_mesh_eve_file hkp_mesh_eve_file;

/**
 * Open an EVE file or FIFO to be followed; a file that is not there yet is waited for.
 *
 * @param out         the object on success; the caller frees it
 * @param path        NUL-terminated, copied
 * @param from_start  1: read what is already there; 0: only what is appended from now on
 * @param opt         as hkp_mesh_eve_new()
 *
 * @retval HKP_OK        opened, or waiting for the file
 * @retval HKP_E_INVAL   an option is out of its range, or path is longer than 4095 bytes
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM   no memory
 * @retval HKP_E_IO      the path is there but cannot be read (errno of the system)
 *
 * Cost: 128 KiB.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_open(hkp_mesh_eve_file **out, const char *path,
                                                       int32_t from_start,
                                                       const struct hkp_mesh_eve_options *opt);

/**
 * Close and free.
 *
 * @param file  the object or NULL
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_eve_file_close(hkp_mesh_eve_file *file);

/**
 * Next record of the file; never waits.
 *
 * @param file    the file
 * @param now_s   Unix seconds
 * @param record  as hkp_mesh_eve_next()
 *
 * @retval HKP_OK          a record
 * @retval HKP_E_NOTFOUND  nothing now: call again later, once a second is enough
 * @retval HKP_E_IO        reading failed; the next call opens the path again
 *
 * Cost: a read of at most 64 KiB and hkp_mesh_eve_next().
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_next(hkp_mesh_eve_file *file, uint64_t now_s,
                                                       struct hkp_mesh_record *record);

/**
 * Counters of all that was read.
 *
 * @param file   the file
 * @param stats  as hkp_mesh_eve_get_stats()
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-EXP-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_eve_file_stats(const hkp_mesh_eve_file *file,
                                                        struct hkp_mesh_eve_stats *stats);

/* ------------------------------------------------------------------------------------------------------ */
/* node (mesh.md 6.1): instances, sessions, agreement and intelligence of one member, without I/O          */
/* ------------------------------------------------------------------------------------------------------ */

/* Lower libraries appear here as opaque names only; their headers say what they are. */
struct hkp_htp_endpoint;
struct hkp_dsm_node;
struct hkp_dsm_event;
struct hkp_dsm_address;

/** A member of a mesh. */
typedef struct hkp_mesh_node hkp_mesh_node;

/** What a node writes to disk by name, through HKP_MESH_EVENT_STORE. */
enum { HKP_MESH_NAME_MAX = 64 };

/** Kinds of events. The first five ask the host for something, the others are facts. */
enum {
    /** give dsm to hkp_dsm_store_apply(), and commit before the next wait */
    HKP_MESH_EVENT_STORE_DSM = 1,
    /** replace the file name by data[data_len], durably; then hkp_mesh_stored(ticket). data NULL: remove it
     */
    HKP_MESH_EVENT_STORE = 2,
    /** append data[data_len] to the TER log as a record of type number, durably; then hkp_mesh_logged() */
    HKP_MESH_EVENT_LOG = 3,
    /** give the records of the TER log from index number on (to: before index to) to hkp_mesh_log_records()
     */
    HKP_MESH_EVENT_LOG_READ = 4,
    /** TERs below index number are needed by nobody any more: hkp_ter_log_trim() */
    HKP_MESH_EVENT_LOG_TRIM = 5,
    /** consciousness changed: number, to: old and new HKP_MESH_STATE_*; text: first failing condition */
    HKP_MESH_EVENT_STATE = 16,
    /** session up: node_id, number: 1 mode R, 0 mode N; to: 1 we opened it */
    HKP_MESH_EVENT_PEER_UP = 17,
    /** session ended: node_id, status, text: reason */
    HKP_MESH_EVENT_PEER_DOWN = 18,
    /** we were refused: node_id, status, text: reason */
    HKP_MESH_EVENT_REFUSED_BY = 19,
    /** we refused somebody who names itself node_id: status, text: cause */
    HKP_MESH_EVENT_REFUSED = 20,
    /** trust in a peer changed: node_id, number and to: old and new T of 65536, text: what limits it */
    HKP_MESH_EVENT_TRUST = 21,
    /** instance changed: node_id, number: 1 we prove it, 0 we hold it; to: its state; text: cause;
     * ticket: index of a commit that was agreed, else 0 */
    HKP_MESH_EVENT_INSTANCE = 22,
    /** own integrity changed: number: 1 as the reference, 0 differs */
    HKP_MESH_EVENT_INTEGRITY = 23,
    /** indicator new or on another level: ioc_key, number and to: old and new level, node_id: author */
    HKP_MESH_EVENT_THREAT = 24,
    /** own block is durable, seq: number */
    HKP_MESH_EVENT_PUBLISHED = 25,
    /** checkpoint is final: number: height, to: blocks */
    HKP_MESH_EVENT_FINAL = 26,
    /** answer to hkp_mesh_prove(): ticket, status, data: portable proof, already verified by this node */
    HKP_MESH_EVENT_PROOF = 27,
    /** author forked or member equivocated: node_id, text */
    HKP_MESH_EVENT_EVIDENCE = 28,
    /** stored state is damaged: status, text says what and where; free the node, nothing was changed */
    HKP_MESH_EVENT_DAMAGED = 29,
    /** stored state is loaded and agrees with itself: number: height */
    HKP_MESH_EVENT_STARTED = 30,
    /** a member was convicted by evidence on the chain, and leaves at the next boundary: node_id, number:
     * height, to: epoch, data: the evidence (op 1 of D-CKP-3), which anybody can verify */
    HKP_MESH_EVENT_CONVICTED = 33,
    /** a node got a seat or lost it: node_id, number: epoch, to: 1 it has one now, text */
    HKP_MESH_EVENT_SEAT = 34,
    /** a peer answered a challenge: node_id, status; if it was right number: index of its newest TER, to: its
     * evidence (D-AUTH-2) */
    HKP_MESH_EVENT_ATTESTED = 40
};

/** Consciousness of a node (M-STATE); numbers as in the metric hkp_mesh_state. */
enum {
    HKP_MESH_NODE_DORMANT = 0,
    HKP_MESH_NODE_AWAKENING = 1,
    HKP_MESH_NODE_AWARE = 2,
    HKP_MESH_NODE_SYNCHRONIZED = 3,
    HKP_MESH_NODE_AUTONOMOUS = 4
};

/** Where another member can be reached. */
struct hkp_mesh_peer {
    uint8_t node_id[16];
    /** its X25519 key */
    uint8_t s[32];
    /** IPv6 address, or IPv4 as ::ffff:a.b.c.d */
    uint8_t addr[16];
    uint16_t port;
    uint16_t reserved0;
    uint32_t scope;
    /** [certificate_len] its certificate, borrowed for the call; NULL: it shows it in the handshake */
    const uint8_t *certificate;
    size_t certificate_len;
};

/** Options of a node; zero is the default where not said otherwise. */
struct hkp_mesh_node_options {
    /** set by hkp_mesh_node_options_init() */
    uint32_t struct_size;
    /** 1: the host's clock is synchronised (D-BLK-16) */
    uint32_t clock_synchronised;
    struct hkp_mem mem;
    /** required */
    struct hkp_rng rng;
    /** Ed25519 seed of the certified key A; required */
    uint8_t a_seed[32];
    /** X25519 secret of the certified key S; required */
    uint8_t s_secret[32];
    /** key under which neural state is stored; required */
    uint8_t state_key[32];
    /** given to all nodes out of band, or zero (NZ1 22.3) */
    uint8_t mesh_seed[32];
    /** host identity of D-BLK-7, or zero */
    uint8_t host[32];
    /** the policy key that signs manifests and rebases */
    uint8_t policy_key[32];
    /** first RBA1: h_ref and policy_ver in force at the start (NZ1 22.7) */
    uint8_t rebase[192];
    /** canonical genesis and own certificate, borrowed for the call; required */
    const uint8_t *genesis;
    size_t genesis_len;
    const uint8_t *certificate;
    size_t certificate_len;
    /** [n_peers] other members, borrowed for the call */
    const struct hkp_mesh_peer *peers;
    size_t n_peers;
    /** pace of checkpoints, nanoseconds; 0: 1 s (D-SMX-9); HKP_TIME_NEVER: none */
    uint64_t checkpoint_ns;
    /** network delay that consensus starts with, nanoseconds; 0: 250 ms (D-SMX-8) */
    uint64_t delay_ns;
    /** declared TER period, microseconds; 0: 1 s; 100 ms .. 60 s */
    uint64_t ter_period_us;
    /** how long TERs are collected before they are sent, nanoseconds; 0: 5 s (SYN-2.5); at most that */
    uint64_t ter_batch_ns;
    /** TERs between commits; 0: 4096 (NZ1 17) */
    uint32_t commit_every;
    /** seconds, 1..120; 0: 30 */
    uint32_t heartbeat_s;
    /** seconds, 10..60; 0: 60 */
    uint32_t rekey_s;
    /** threat records held; 0: 50000 */
    uint32_t intel_records;
    /** a peer whose measured files differ from its reference: 0 its sessions are limited as by a T of 0.40
     *  (HTP-8.6); 1 those that are open are closed with POLICY, and later ones limited until both agree */
    uint32_t integrity_close;
    /** for keys and neural states, as hkp_ter_locked_mem() gives it; zero: mem */
    struct hkp_mem secret_mem;
    /** [n_addresses] where this node can be reached, at most 8, borrowed for the call; with them libdsm keeps its
     * neighbours by itself (D-GSP-2), without them every session is one */
    const struct hkp_dsm_address *addresses;
    size_t n_addresses;
    /** evidence that each session's peer must give (D-AUTH), HKP_DSM_EVIDENCE_*; until it did the session
     * carries lanes 0 and 1 only; NONE or SOFTWARE: nodes make no quotes of a TPM yet */
    uint32_t attest;
    /** must be 0 */
    uint32_t reserved0;
};

/** One event. Pointers are valid until the next call on the node. */
struct hkp_mesh_event {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_EVENT_* */
    uint32_t kind;
    uint64_t ticket;
    uint64_t number;
    uint64_t to;
    hkp_status status;
    uint32_t reserved0;
    uint8_t node_id[16];
    uint8_t ioc_key[16];
    /** file name of STORE, or words for people; NUL-terminated */
    char text[128];
    const uint8_t *data;
    size_t data_len;
    const struct hkp_dsm_event *dsm;
};

/** How a node stands. */
struct hkp_mesh_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_MESH_NODE_* */
    uint32_t state;
    uint8_t node_id[16];
    uint8_t chain_id[32];
    /** members of the validator set, faults tolerated, signatures of a certificate */
    uint32_t members;
    uint32_t faulty_max;
    uint32_t quorum;
    uint32_t peers_configured;
    uint32_t peers_up;
    /** 1: newest own TER has the reference integrity; 0: it differs; 2: no TER yet */
    uint32_t integrity;
    uint64_t height;
    uint64_t view;
    uint64_t epoch;
    uint64_t final_time_ms;
    uint64_t nullified;
    uint64_t evidence;
    /** own TERs, own newest block, all blocks accepted since the start, blocks that are not final */
    uint64_t ter_index;
    uint64_t own_seq;
    uint64_t blocks;
    uint64_t blocks_open;
    /** live threat records and indicators */
    uint64_t records;
    uint64_t indicators;
    /** datagrams that changed nothing, by number of the result of HTP-15.1 */
    uint64_t dropped[64];
    /** refusals by this node since the start */
    uint64_t refused;
    /** 1: this build reads certificates of scheme 2, BLS12-381; 0: it asks for lists (D-QC-4) */
    uint32_t bls;
    uint32_t reserved0;
};

/** How a peer stands. */
struct hkp_mesh_peer_status {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** 1: a session is up */
    uint32_t up;
    uint8_t node_id[16];
    /** 1: that session is in mode R */
    uint32_t mode;
    /** T of 65536 now, and the reasons that limit it as words, NUL-terminated */
    uint32_t trust;
    char reason[128];
    /** NZ1 22.5 states of our instance towards it and of its instance here: 0 none, 1 PENDING, 2 ACTIVE,
     * 3 STALE, 4 LOST */
    uint32_t own_state;
    uint32_t held_state;
    /** agreed commits of both */
    uint64_t own_commit;
    uint64_t held_commit;
    /** its TERs that we hold */
    uint64_t ter_index;
    /** its newest TER: 1 reference integrity, 0 differs, 2 none held */
    uint32_t integrity;
    uint32_t group;
    uint64_t rtt_us;
    /** refusals of this peer after it had proved who it is, and of ours by it */
    uint64_t refused;
    uint64_t refused_by;
    /** 1: in quarantine, which only an operator ends (hkp_mesh_trust_release()) */
    uint32_t quarantined;
    uint32_t reserved0;
};

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
HKP_API void hkp_mesh_node_options_init(struct hkp_mesh_node_options *opt, size_t size);

/**
 * Make a node: DORMANT, with nothing loaded.
 *
 * Next: hkp_mesh_log_end(), hkp_mesh_restore() for each stored file (names in descending order), then
 * hkp_mesh_join().
 *
 * @param out      the object on success; the caller frees it
 * @param opt      borrowed for the call
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       made
 * @retval HKP_E_INVAL  an option is out of its range, a key is not that of the certificate, or rng is missing
 * @retval HKP_E_TOOBIG  opt asks for something that this build does not know
 * @retval HKP_E_NOMEM  no memory
 *
 * Errors of the genesis and the certificates are those of libdsm, of the rebase those of libneuro.
 *
 * Cost: all long-lived memory; sessions and queues come from pools made here.
 * Source: mesh.md M-API, NZ1 22.7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_node_new(hkp_mesh_node **out,
                                                  const struct hkp_mesh_node_options *opt, hkp_time now,
                                                  uint64_t wall_us);

/**
 * Wipe and free a node; nothing is sent.
 *
 * @param node  the object or NULL
 *
 * Cost: none.
 * Source: style 2.8.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_node_free(hkp_mesh_node *node);

/**
 * Give back a file that HKP_MESH_EVENT_STORE wrote in an earlier run.
 *
 * @param node  a node that has not joined
 * @param name  its name, NUL-terminated
 * @param data  [len] its content, borrowed for the call
 * @param len   bytes
 *
 * @retval HKP_OK        taken
 * @retval HKP_E_NOTFOUND  not a name of this node or its peers
 * @retval HKP_E_INVAL   given back twice, or empty
 * @retval HKP_E_STATE  the node has joined, or the end of its log is not known yet
 *
 * Damage is an error of libneuro.
 *
 * Cost: opens one snapshot.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_restore(hkp_mesh_node *node, const char *name, const uint8_t *data,
                                                 size_t len);

/**
 * Say where the own TER log ends, and what its last checkpoint is.
 *
 * @param node     a node that has not joined
 * @param cursor   [104] cursor at its end (hkp_ter_cursor_encode())
 * @param tck      [256] last TCK1; NULL: none yet
 * @param before   [96] h and TER before that TCK1's index: h_{n-1} (32) || TER_{n-1} (64); NULL: not held any
 * more, then the next checkpoint is needed before this node can enrol
 * @param boot_id  [16] of this start
 *
 * @retval HKP_OK       taken
 * @retval HKP_E_INVAL  cursor or tck are malformed or do not belong together
 * @retval HKP_E_STATE  the node has joined
 *
 * Cost: none.
 * Source: NZ1 5.2, 22.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_log_end(hkp_mesh_node *node, const uint8_t cursor[104],
                                                 const uint8_t *tck, const uint8_t *before,
                                                 const uint8_t boot_id[16]);

/**
 * Join: load the chain, connect to peers, take part. DORMANT becomes AWAKENING.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK              joining; drain events
 * @retval HKP_E_MESH_STATE    no peer is configured, or it has joined already
 *
 * Cost: none; the work follows by events.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_join(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * Leave: close all sessions with reason SHUTDOWN. Send what hkp_htp_send() still has, then free.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * Cost: one CLOSE per session.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_leave(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * The transport of a node: the host moves its datagrams (hkp_htp_recv(), hkp_htp_send(), or a driver of
 * libhtp), calls hkp_mesh_tick() afterwards, and nothing else on it.
 *
 * @param node  the object
 *
 * @return the endpoint, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API struct hkp_htp_endpoint *hkp_mesh_endpoint(hkp_mesh_node *node);

/**
 * The agreement of a node: for hkp_dsm_store_apply() and hkp_dsm_store_commit(), and nothing else.
 *
 * @param node  the object
 *
 * @return the libdsm node, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-API, ruling 10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API struct hkp_dsm_node *hkp_mesh_dsm(hkp_mesh_node *node);

/**
 * The threat cache of a node, for lookups.
 *
 * @param node  the object
 *
 * @return the cache, owned by the node
 *
 * Cost: none.
 * Source: mesh.md M-CACHE.
 * Since: hookprobe-mesh 0.1
 */
HKP_API const hkp_mesh_intel *hkp_mesh_node_intel(const hkp_mesh_node *node);

/**
 * Hand over the next own TER, which is durable in the log.
 *
 * @param node     a node that has joined
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param ter      [64] the TER
 * @param root     [32] R behind its h_integrity
 * @param flags    HKP_TER_FLAG_CLOCK_* of its capture, and BOOT, GAP, BOOT_MADE as they apply
 *
 * @retval HKP_OK       taken; every own instance has absorbed it
 * @retval HKP_E_STATE  the node has not joined
 *
 * Errors of hkp_ter_cursor_accept() pass through.
 *
 * Cost: one evolution per own instance (about 35 us each).
 * Source: NZ1 10, 22.2.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_ter(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                             const uint8_t ter[64], const uint8_t root[32], uint32_t flags);

/**
 * A STORE request is durable.
 *
 * @param node    the object
 * @param now     nanoseconds, monotonic
 * @param ticket  of the event
 * @param status  HKP_OK, or why it could not be stored: what depends on it is not sent
 *
 * Cost: none.
 * Source: NZ1 17, 22.3 "durably".
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_stored(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status);

/**
 * A LOG request is durable.
 *
 * @param node    the object
 * @param now     nanoseconds, monotonic
 * @param ticket  of the event
 * @param status  HKP_OK, or why it could not be appended
 *
 * Cost: none.
 * Source: NZ1 5.1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_logged(hkp_mesh_node *node, hkp_time now, uint64_t ticket, hkp_status status);

/**
 * The TER log is at its bound. Instances that still need a TER below an index become STALE, those furthest
 * behind therefore first, and a HKP_MESH_EVENT_LOG_TRIM follows; all others, and data, go on.
 *
 * @param node   the object
 * @param now    nanoseconds, monotonic
 * @param index  let_go of hkp_ter_log_info(); one that is not above the last is ignored
 *
 * Cost: none.
 * Source: NZ1 5.1(6), 22.6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_log_full(hkp_mesh_node *node, hkp_time now, uint64_t index);

/**
 * Answer to LOG_READ: whole records of the own log, in order, as many as fit; the node asks for the rest.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param ticket   of the event
 * @param first    cursor index before the first record
 * @param records  [len] records as on disk, borrowed for the call; NULL with len 0: nothing more is held
 * @param len      bytes
 * @param count    records, at most 1024
 *
 * Cost: one copy.
 * Source: SYN-2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_log_records(hkp_mesh_node *node, hkp_time now, uint64_t ticket, uint64_t first,
                                  const uint8_t *records, size_t len, size_t count);

/**
 * Publish a threat record as an own microblock.
 *
 * @param node     a node that has joined
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param record   canonical record, borrowed for the call
 * @param seq      number of the block that carries it
 *
 * @retval HKP_OK            signed; HKP_MESH_EVENT_PUBLISHED follows when it is durable
 * @retval HKP_E_STATE       the node has not joined, or its chain is not loaded yet
 * @retval HKP_E_MESH_STATE  no TER is durable yet, which a block of a NEURO node names
 * @retval HKP_E_MESH_LIMIT  over the cap of blocks; try later
 *
 * Errors of hkp_mesh_record_encode() pass through.
 *
 * Cost: one signature.
 * Source: mesh.md M-API, D-BLK.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_report_threat(hkp_mesh_node *node, hkp_time now, uint64_t wall_us,
                                                       const struct hkp_mesh_record *record, uint64_t *seq);

/**
 * Ask for the portable proof of a threat record; HKP_MESH_EVENT_PROOF of that ticket answers.
 *
 * The node verifies the proof against its trusted validator set before it hands it out.
 *
 * @param node    a node that has joined
 * @param now     nanoseconds, monotonic
 * @param origin  author, seq and position of the record
 * @param ticket  receives the number of the answer
 *
 * @retval HKP_OK       asked
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the chain is not loaded
 * @retval HKP_E_INVAL  position out of range
 *
 * Cost: reads of the store, then q signature checks.
 * Source: M-TI-10, D-SYN-4 to D-SYN-6.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_prove(hkp_mesh_node *node, hkp_time now,
                                               const struct hkp_mesh_origin *origin, uint64_t *ticket);

/**
 * Next request or fact.
 *
 * @param node  the object
 * @param ev    struct_size set by the caller, the rest written
 *
 * @retval HKP_OK          one event
 * @retval HKP_E_NOTFOUND  no more now
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_event(hkp_mesh_node *node, struct hkp_mesh_event *ev);

/**
 * Do what is due: timers, what arrived at the endpoint, what became durable.
 *
 * @param node     the object
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * Cost: bounded by what arrived.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_tick(hkp_mesh_node *node, hkp_time now, uint64_t wall_us);

/**
 * When hkp_mesh_tick() is next needed.
 *
 * @param node  the object
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: one pass over the peers.
 * Source: style 2.5.
 * Since: hookprobe-mesh 0.1
 */
HKP_API hkp_time hkp_mesh_wake(const hkp_mesh_node *node);

/**
 * How the node stands.
 *
 * @param node    the object
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_node_status(const hkp_mesh_node *node,
                                                     struct hkp_mesh_status *status);

/**
 * How a peer stands.
 *
 * @param node    the object
 * @param index   0..peers_configured - 1
 * @param status  struct_size set by the caller, the rest written
 *
 * @retval HKP_OK          written
 * @retval HKP_E_NOTFOUND  there is no such peer
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_peer_status(const hkp_mesh_node *node, uint32_t index,
                                                     struct hkp_mesh_peer_status *status);

/* ------------------------------------------------------------------------------------------------------ */
/* runner (libmesh/posix): a node with its sockets, files, TERs and control socket                         */
/* ------------------------------------------------------------------------------------------------------ */

/** A node that runs. */
typedef struct hkp_mesh_runner hkp_mesh_runner;

/** Levels of what a runner says. */
enum { HKP_MESH_LOG_ERROR = 1, HKP_MESH_LOG_NOTE = 2, HKP_MESH_LOG_INFO = 3, HKP_MESH_LOG_DEBUG = 4 };

/** Where words for people go; called from within hkp_mesh_runner_new() and _step(). */
struct hkp_mesh_log {
    void *user;
    /** text is NUL-terminated, one line, borrowed for the call */
    void (*line)(void *user, uint32_t level, const char *text);
};

/** Where a runner's configuration or stored state is wrong. */
struct hkp_mesh_fault {
    /** file or option, NUL-terminated */
    char what[256];
    /** why, NUL-terminated */
    char why[192];
    /** byte offset in the file; 0xFFFFFFFFFFFFFFFF if not known */
    uint64_t offset;
};

/** Another member, in words. */
struct hkp_mesh_runner_peer {
    /** 32 hex digits */
    const char *node_id;
    /** X25519 key, 64 hex digits */
    const char *key;
    /** "address:port" */
    const char *address;
};

/** Options of a runner; all text is NUL-terminated and borrowed for the call. */
struct hkp_mesh_runner_options {
    /** set by hkp_mesh_runner_options_init() */
    uint32_t struct_size;
    /** 1: the operator vouches for the clock */
    uint32_t clock_trusted;
    /** folder made by hkp_mesh_provision(); required */
    const char *data_dir;
    /** "address:port"; NULL: "[::]:8144" */
    const char *listen;
    /** path of the control socket; NULL: control.sock in data_dir */
    const char *control;
    /** EVE file or FIFO to read; NULL: none */
    const char *eve;
    /** [n_peers] */
    const struct hkp_mesh_runner_peer *peers;
    size_t n_peers;
    /** 1: read the EVE file from its start; 0: only what is appended */
    uint32_t eve_from_start;
    /** milliseconds; 0: default; see hkp_mesh_node_options */
    uint32_t ter_period_ms;
    uint32_t ter_batch_ms;
    uint32_t checkpoint_ms;
    uint32_t delay_ms;
    uint32_t commit_every;
    uint32_t heartbeat_s;
    uint32_t rekey_s;
    uint32_t intel_records;
    /** 1: no pause between checkpoints (benchmarks) */
    uint32_t checkpoint_at_once;
    struct hkp_mesh_log log;
    /** [passphrase_len] of the keys, wiped by the caller; NULL: none */
    const uint8_t *passphrase;
    size_t passphrase_len;
    /** TPM that sealed the keys, as in hkp_ter_tpm_options; NULL: none */
    const char *tpm;
    /** as in hkp_mesh_node_options */
    uint32_t integrity_close;
    uint32_t attest;
    /** [n_addresses] where others reach this node, "address:port", at most 8: told in its peer record
     * (D-GSP-1); with them the node keeps its neighbours by itself; none: every session is one */
    const char *const *addresses;
    size_t n_addresses;
};

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
HKP_API void hkp_mesh_runner_options_init(struct hkp_mesh_runner_options *opt, size_t size);

/**
 * Start a node: read its folder, bind its sockets, load its state, join. Nothing starts if anything is wrong.
 *
 * @param out    the object on success; the caller frees it
 * @param opt    borrowed for the call
 * @param fault  says where and why on failure; may be NULL
 *
 * @retval HKP_OK       runs; call hkp_mesh_runner_step()
 * @retval HKP_E_INVAL  an option is wrong
 * @retval HKP_E_NOMEM  no memory
 * @retval HKP_E_STATE  another process uses the folder
 * @retval HKP_E_IO     the system refused
 *
 * Damaged files are errors of the library that reads them; they are left as they are.
 *
 * Cost: reads the stored state.
 * Source: mesh.md M-API, NZ1 22.7.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_runner_new(hkp_mesh_runner **out,
                                                    const struct hkp_mesh_runner_options *opt,
                                                    struct hkp_mesh_fault *fault);

/**
 * Wait for work at most so long, and do it.
 *
 * @param runner       the object
 * @param max_wait_ms  milliseconds, 0..60000
 *
 * @retval HKP_OK    go on
 * @retval HKP_E_IO  the system refused; free it
 *
 * Damage found on the way is an error of the library that found it; free the runner then.
 *
 * Cost: one poll and what is due.
 * Source: style 3.10.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_runner_step(hkp_mesh_runner *runner, uint32_t max_wait_ms);

/**
 * The node inside.
 *
 * @param runner  the object
 *
 * @return the node, owned by the runner
 *
 * Cost: none.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API hkp_mesh_node *hkp_mesh_runner_node(hkp_mesh_runner *runner);

/**
 * Leave the mesh, write what is left, close everything.
 *
 * @param runner  the object or NULL
 *
 * Cost: at most 2 s.
 * Source: mesh.md M-API.
 * Since: hookprobe-mesh 0.1
 */
HKP_API void hkp_mesh_runner_free(hkp_mesh_runner *runner);

/* ------------------------------------------------------------------------------------------------------ */
/* provisioning (NZ1 22.7): the folders of a new mesh                                                      */
/* ------------------------------------------------------------------------------------------------------ */

/** One member to be. */
struct hkp_mesh_provision_node {
    /** folder to make; its parent exists; NUL-terminated */
    const char *data_dir;
    /** group of its certificate, 1..2^32-1 */
    uint32_t group;
    /** 1: certified, but without a seat and unknown to the others */
    uint32_t outsider;
    uint32_t reserved0;
    /** files to measure beside the manifest itself, absolute paths, NUL-terminated; [n_measured] */
    uint32_t n_measured;
    const char *const *measured;
    /** results */
    uint8_t node_id[16];
    uint8_t s[32];
};

/** A mesh to be: all members but outsiders are validators with a seat. */
struct hkp_mesh_provision_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** days that certificates are valid, 1..90; 0: 30 */
    uint32_t days;
    /** name of the mesh, 1..64 bytes, NUL-terminated */
    const char *name;
    /** folder for the officer's and the policy key, made with mode 0700; NULL: they are thrown away */
    const char *authority_dir;
    /** [n_nodes] 1..64 members; results are written into them */
    struct hkp_mesh_provision_node *nodes;
    size_t n_nodes;
};

/**
 * Make the folders of a new mesh: keys, a one-officer CA set, certificates, genesis, manifests and first
 * rebases with the reference measured here and now. Nothing neural is made: the nodes do that themselves.
 *
 * @param opt      borrowed for the call; results go into its nodes
 * @param wall_us  Unix microseconds
 * @param fault    says where and why on failure; may be NULL
 *
 * @retval HKP_OK       made
 * @retval HKP_E_INVAL  an option is wrong
 * @retval HKP_E_STATE  a folder is there already and not empty
 * @retval HKP_E_IO     the system refused
 * @retval HKP_E_NOMEM  no memory
 *
 * Cost: one key pair and certificate per node.
 * Source: NZ1 22.7, D-CERT-4, D-CA-1.
 * Since: hookprobe-mesh 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_mesh_provision(const struct hkp_mesh_provision_options *opt,
                                                   uint64_t wall_us, struct hkp_mesh_fault *fault);

#ifdef __cplusplus
}
#endif

#include <hookprobe/mesh/audit.h>
#include <hookprobe/mesh/history.h>
#include <hookprobe/mesh/restart.h>

#endif
