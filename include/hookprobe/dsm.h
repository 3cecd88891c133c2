/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#ifndef HOOKPROBE_DSM_H
#define HOOKPROBE_DSM_H

#include <hookprobe/base.h>

#define HKP_DSM_VERSION_MAJOR 0
#define HKP_DSM_VERSION_MINOR 1
#define HKP_DSM_VERSION_PATCH 0
#define HKP_DSM_ABI 0

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
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_version(void);

/* ---- Errors (D 14) and names --------------------------------------------------------------------------- */

/** Errors of libdsm: HKP_E_DSM_BASE - code of section 14. */
enum {
    HKP_E_DSM_CBOR_TRUNCATED = -0x401,
    HKP_E_DSM_CBOR_RESERVED = -0x402,
    HKP_E_DSM_CBOR_INDEFINITE = -0x403,
    HKP_E_DSM_CBOR_TAG = -0x404,
    HKP_E_DSM_CBOR_FLOAT = -0x405,
    HKP_E_DSM_CBOR_SIMPLE = -0x406,
    HKP_E_DSM_CBOR_NONMINIMAL = -0x407,
    HKP_E_DSM_CBOR_RANGE = -0x408,
    HKP_E_DSM_CBOR_UTF8 = -0x409,
    HKP_E_DSM_CBOR_DEPTH = -0x40A,
    HKP_E_DSM_CBOR_KEY_TYPE = -0x40B,
    HKP_E_DSM_CBOR_KEY_DUP = -0x40C,
    HKP_E_DSM_CBOR_KEY_ORDER = -0x40D,
    HKP_E_DSM_CBOR_TRAILING = -0x40E,
    /** unknown or missing key, wrong type, value out of range */
    HKP_E_DSM_SCHEMA = -0x414,
    /** a version above the known one; ignore, it costs the sender nothing */
    HKP_E_DSM_VERSION = -0x415,
    HKP_E_DSM_KIND = -0x416,
    HKP_E_DSM_TOO_BIG = -0x417,
    /** no certificate of this signer is known; it may be asked for */
    HKP_E_DSM_SIGNER = -0x418,
    HKP_E_DSM_SIG = -0x419,
    HKP_E_DSM_SIG_ORDER = -0x41A,
    HKP_E_DSM_SIG_COUNT = -0x41B,
    HKP_E_DSM_QUORUM = -0x41C,
    HKP_E_DSM_CA_VERSION = -0x41D,
    HKP_E_DSM_NODE_ID = -0x41E,
    HKP_E_DSM_VALIDITY = -0x41F,
    HKP_E_DSM_NOT_YET = -0x420,
    HKP_E_DSM_EXPIRED = -0x421,
    HKP_E_DSM_REVOKED = -0x422,
    HKP_E_DSM_STALE = -0x423,
    HKP_E_DSM_NEURO = -0x424,
    HKP_E_DSM_PAYLOAD = -0x425,
    HKP_E_DSM_PREV = -0x426,
    HKP_E_DSM_GAP = -0x427,
    HKP_E_DSM_OLD = -0x428,
    HKP_E_DSM_DUPLICATE = -0x429,
    HKP_E_DSM_FORK = -0x42A,
    HKP_E_DSM_TIME = -0x42B,
    /** E_TIME of the retry class: dated ahead of the receiver; hold, do not punish */
    HKP_E_DSM_TIME_AHEAD = -0x42C,
    HKP_E_DSM_PROOF = -0x42D,
    HKP_E_DSM_VIEW = -0x42E,
    HKP_E_DSM_SCHEME = -0x42F,
    HKP_E_DSM_EPOCH = -0x430,
    HKP_E_DSM_BITMAP = -0x431,
    HKP_E_DSM_EVIDENCE = -0x432,
    HKP_E_DSM_ATTEST = -0x433,
    HKP_E_DSM_WAL_CORRUPT = -0x434,
    HKP_E_DSM_HOST = -0x435,
    HKP_E_DSM_OP = -0x436,
    HKP_E_DSM_LANE = -0x437,
    /** the signer's certificate lacks the role that this object needs */
    HKP_E_DSM_ROLE = -0x438,
    /** not for this node, or not for its tier */
    HKP_E_DSM_TARGET = -0x439,
    /** no ORDER in force allows it; one may come */
    HKP_E_DSM_ORDER = -0x43A,
    /** more than a ration, no room for it now, or the peer is sent away for a time: dropped (D-GSP-15, -17)
     */
    HKP_E_DSM_RATE = -0x43B
};

/**
 * Name of a result of this library.
 *
 * @param status  a result of base.h, libter or this library
 *
 * @return "E_DSM_QUORUM" for a code of section 14, otherwise as hkp_ter_status_name(); static
 *
 * Cost: none.
 * Source: D 14.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_status_name(hkp_status status);

/**
 * What a host does with a result of this library.
 *
 * @param status  a result of base.h, libter or this library
 *
 * @return HKP_CLASS_OK, _IGNORE, _RETRY, _DEAD or _BUG; an unknown number is _BUG
 *
 * Cost: none.
 * Source: D 14 "Classes".
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_status_class(hkp_status status);

/* ---- Canonical CBOR (D-CBOR) --------------------------------------------------------------------------- */

/** Bytes that lie elsewhere: ptr[len]. Whoever returns one says how long it lives. */
struct hkp_dsm_view {
    const uint8_t *ptr;
    size_t len;
};

/** Kinds of an item, the major types of RFC 8949; SIMPLE is false, true and null; END: nothing is left. */
enum {
    HKP_DSM_CBOR_UINT = 0,
    HKP_DSM_CBOR_NEGINT = 1,
    HKP_DSM_CBOR_BYTES = 2,
    HKP_DSM_CBOR_TEXT = 3,
    HKP_DSM_CBOR_ARRAY = 4,
    HKP_DSM_CBOR_MAP = 5,
    HKP_DSM_CBOR_SIMPLE = 7,
    HKP_DSM_CBOR_END = 8
};

/** The three simple values, as read and written. */
enum { HKP_DSM_CBOR_FALSE = 20, HKP_DSM_CBOR_TRUE = 21, HKP_DSM_CBOR_NULL = 22 };

/**
 * Reads checked bytes from front to back. The first fault stays in status and makes all later reads return
 * zero or NULL, so a whole object is read first and judged once.
 */
struct hkp_dsm_cbor_reader {
    /** first byte not read yet */
    const uint8_t *next;
    /** behind the last byte */
    const uint8_t *end;
    /** HKP_OK or the first fault, HKP_E_DSM_SCHEMA unless the bytes are no canonical CBOR */
    hkp_status status;
};

/** Writes canonical heads into out[cap]. Begin with {.out = dst, .cap = size}; out NULL and cap 0 measure. */
struct hkp_dsm_cbor_writer {
    uint8_t *out;
    /** bytes of room */
    size_t cap;
    /** bytes written, or that would have been written */
    size_t len;
    /** HKP_OK, or HKP_E_NOSPC when len went beyond cap */
    hkp_status status;
};

/**
 * Is this exactly one item in the canonical encoding?
 *
 * @param in   [len] bytes, borrowed for the call
 * @param len  bytes
 *
 * @retval HKP_OK                        yes
 * @retval HKP_E_DSM_CBOR_TRUNCATED..    the first fault in reading order, one of the CBOR codes 1..14
 *
 * Cost: one pass, no allocation, no recursion.
 * Source: D-CBOR-1 to D-CBOR-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_cbor_check(const uint8_t *in, size_t len);

/**
 * Check bytes and begin to read them.
 *
 * @param r    the caller's reader; its status is the result of hkp_dsm_cbor_check()
 * @param in   [len] bytes, borrowed as long as r and what it returned is used
 * @param len  bytes
 *
 * @retval HKP_OK                        r stands before the one item
 * @retval HKP_E_DSM_CBOR_TRUNCATED..    as hkp_dsm_cbor_check(); all reads will fail
 *
 * Cost: one pass, no allocation.
 * Source: D-CBOR-1 to D-CBOR-8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_status hkp_dsm_cbor_read(struct hkp_dsm_cbor_reader *r, const uint8_t *in, size_t len);

/**
 * Kind of the next item.
 *
 * @param r  a reader; not moved
 *
 * @return one of HKP_DSM_CBOR_UINT..END; END also after a fault
 *
 * Cost: none.
 * Source: RFC 8949 3.1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_type(const struct hkp_dsm_cbor_reader *r);

/**
 * Read an unsigned integer.
 *
 * @param r    a reader
 * @param min  lowest value allowed
 * @param max  highest value allowed
 *
 * @return the value; 0 and status HKP_E_DSM_SCHEMA if it is none or out of range
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API uint64_t hkp_dsm_cbor_uint(struct hkp_dsm_cbor_reader *r, uint64_t min, uint64_t max);

/**
 * Read an integer of either sign.
 *
 * @param r    a reader
 * @param min  lowest value allowed
 * @param max  highest value allowed
 *
 * @return the value; 0 and status HKP_E_DSM_SCHEMA if it is none or out of range
 *
 * Cost: none.
 * Source: D-CBOR-1, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int64_t hkp_dsm_cbor_int(struct hkp_dsm_cbor_reader *r, int64_t min, int64_t max);

/**
 * Read a byte string in place.
 *
 * @param r    a reader
 * @param min  shortest length allowed, bytes
 * @param max  longest length allowed, bytes
 * @param len  length found; NULL where min = max; untouched on a fault
 *
 * @return its bytes inside the input, never NULL but on a fault: then status is HKP_E_DSM_SCHEMA
 *
 * Cost: none, no copy.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const uint8_t *hkp_dsm_cbor_bytes(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len);

/**
 * Copy a byte string of fixed length.
 *
 * @param r    a reader
 * @param dst  [len] bytes; untouched on a fault
 * @param len  the only length allowed, bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_fixed(struct hkp_dsm_cbor_reader *r, uint8_t *dst, size_t len);

/**
 * Read a text string in place.
 *
 * @param r    a reader
 * @param min  shortest length allowed, bytes
 * @param max  longest length allowed, bytes
 * @param len  length found, bytes; untouched on a fault
 *
 * @return well-formed UTF-8 without U+0000 inside the input, not terminated; NULL on a fault
 *
 * Cost: none, no copy.
 * Source: D-CBOR-4, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const char *hkp_dsm_cbor_text(struct hkp_dsm_cbor_reader *r, size_t min, size_t max, size_t *len);

/**
 * Enter an array.
 *
 * @param r    a reader; the next read is the first element
 * @param min  fewest elements allowed
 * @param max  most elements allowed
 *
 * @return number of elements; 0 and status HKP_E_DSM_SCHEMA if it is no array or out of range
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_array(struct hkp_dsm_cbor_reader *r, size_t min, size_t max);

/**
 * Enter a closed map whose keys are read with hkp_dsm_cbor_key() and hkp_dsm_cbor_close().
 *
 * @param r    a reader; the next read is the first key
 * @param min  fewest pairs allowed
 * @param max  most pairs allowed
 *
 * @return number of pairs; 0 and status HKP_E_DSM_SCHEMA if it is no map or out of range
 *
 * Cost: none.
 * Source: D-CBOR-3, D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_map(struct hkp_dsm_cbor_reader *r, size_t min, size_t max);

/**
 * Enter a versioned object: a map whose key 0 is its version, judged before its size and other keys.
 *
 * @param r      a reader; the next read is the key behind the version
 * @param known  highest version that the caller understands; a version above is HKP_E_DSM_VERSION
 *
 * @return number of pairs left behind key 0; 0 on a fault
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API size_t hkp_dsm_cbor_object(struct hkp_dsm_cbor_reader *r, uint64_t known);

/**
 * Read a key that must stand here.
 *
 * @param r     a reader; the next read is the value
 * @param left  pairs left in this map, counted down
 * @param key   the only key allowed; otherwise status is HKP_E_DSM_SCHEMA
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_key(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key);

/**
 * Read a key that may stand here.
 *
 * @param r     a reader; moved to the value only if the key is there
 * @param left  pairs left in this map, counted down if the key is there
 * @param key   the key
 *
 * @return 1 if the next key is this one, otherwise 0
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_option(struct hkp_dsm_cbor_reader *r, size_t *left, uint64_t key);

/**
 * End a closed map: any pair left is an unknown key.
 *
 * @param r     a reader
 * @param left  pairs left in this map; not 0: status becomes HKP_E_DSM_SCHEMA
 *
 * Cost: none.
 * Source: D-CBOR-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_close(struct hkp_dsm_cbor_reader *r, size_t left);

/**
 * Read false, true or null.
 *
 * @param r  a reader
 *
 * @return HKP_DSM_CBOR_FALSE, _TRUE or _NULL; 0 and status HKP_E_DSM_SCHEMA if it is none of them
 *
 * Cost: none.
 * Source: D-CBOR-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API int32_t hkp_dsm_cbor_simple(struct hkp_dsm_cbor_reader *r);

/**
 * Step over one item with all that is in it.
 *
 * @param r    a reader
 * @param len  length of its encoding, bytes; may be NULL; untouched on a fault
 *
 * @return its encoding inside the input, NULL on a fault
 *
 * Cost: one pass over the item.
 * Source: D-CBOR-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API const uint8_t *hkp_dsm_cbor_skip(struct hkp_dsm_cbor_reader *r, size_t *len);

/**
 * Write an unsigned integer, or a map key; keys are written in ascending order by the caller.
 *
 * @param w      a writer
 * @param value  any
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2, D-CBOR-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_uint(struct hkp_dsm_cbor_writer *w, uint64_t value);

/**
 * Write an integer of either sign.
 *
 * @param w      a writer
 * @param value  any
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-1, D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_int(struct hkp_dsm_cbor_writer *w, int64_t value);

/**
 * Write a byte string.
 *
 * @param w     a writer
 * @param data  [len] bytes; may be NULL when len is 0
 * @param len   bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_bytes(struct hkp_dsm_cbor_writer *w, const uint8_t *data, size_t len);

/**
 * Write a text string.
 *
 * @param w     a writer
 * @param text  [len] bytes of well-formed UTF-8 without U+0000, not checked here
 * @param len   bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-2, D-CBOR-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_text(struct hkp_dsm_cbor_writer *w, const char *text, size_t len);

/**
 * Begin an array; the caller writes its elements next.
 *
 * @param w      a writer
 * @param count  number of elements
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_array(struct hkp_dsm_cbor_writer *w, size_t count);

/**
 * Begin a map; the caller writes its keys, ascending, each with its value.
 *
 * @param w      a writer
 * @param count  number of pairs
 *
 * Cost: none; at most 9 bytes.
 * Source: D-CBOR-2, D-CBOR-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_map(struct hkp_dsm_cbor_writer *w, size_t count);

/**
 * Write false, true or null.
 *
 * @param w      a writer
 * @param value  HKP_DSM_CBOR_FALSE, _TRUE or _NULL; another one sets status to HKP_E_INVAL
 *
 * Cost: none; one byte.
 * Source: D-CBOR-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_simple(struct hkp_dsm_cbor_writer *w, int32_t value);

/**
 * Copy an item that is already encoded.
 *
 * @param w        a writer
 * @param encoded  [len] bytes of canonical CBOR, not checked here
 * @param len      bytes
 *
 * Cost: one copy of len bytes.
 * Source: D-CBOR-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_cbor_put_raw(struct hkp_dsm_cbor_writer *w, const uint8_t *encoded, size_t len);

/* ---- Objects (D 3 to 6) -------------------------------------------------------------------------------- */

/** Kinds of signed objects (D-ENV, D-MULTI); those from 32 on are signed by officers of the CA set. */
enum {
    HKP_DSM_KIND_MICROBLOCK = 1,
    HKP_DSM_KIND_PROPOSE = 2,
    HKP_DSM_KIND_NOTAR = 3,
    HKP_DSM_KIND_NULL = 4,
    HKP_DSM_KIND_FINAL = 5,
    HKP_DSM_KIND_PEER_RECORD = 6,
    HKP_DSM_KIND_CERT_REQUEST = 7,
    HKP_DSM_KIND_WITNESS = 8,
    HKP_DSM_KIND_AUDIT_HEAD = 9,
    HKP_DSM_KIND_TELEMETRY = 10,
    HKP_DSM_KIND_WORKLOAD = 11,
    HKP_DSM_KIND_ASSIGN = 12,
    HKP_DSM_KIND_POLICY = 13,
    HKP_DSM_KIND_MEMBER = 14,
    HKP_DSM_KIND_ENDORSE = 15,
    HKP_DSM_KIND_AUTH = 16,
    HKP_DSM_KIND_CLAIM = 18,
    HKP_DSM_KIND_FINAL_BLS = 19,
    HKP_DSM_KIND_REGIONAL = 20,
    HKP_DSM_KIND_CE_COMMIT = 21,
    HKP_DSM_KIND_CE_REVEAL = 22,
    HKP_DSM_KIND_CE_BUNDLE = 23,
    HKP_DSM_KIND_CERTIFICATE = 32,
    HKP_DSM_KIND_REVOCATION_LIST = 33,
    HKP_DSM_KIND_CA_SET = 34,
    HKP_DSM_KIND_ALLOWLIST = 35,
    HKP_DSM_KIND_RESTART = 36,
    HKP_DSM_KIND_ORDER = 37
};

/** Role bits of a certificate (D-CERT key 6). */
enum {
    HKP_DSM_ROLE_EDGE = 1,
    HKP_DSM_ROLE_VALIDATOR = 2,
    HKP_DSM_ROLE_WITNESS = 4,
    HKP_DSM_ROLE_COORDINATOR = 8,
    HKP_DSM_ROLE_CA = 16,
    HKP_DSM_ROLE_OPERATOR = 32,
    HKP_DSM_ROLE_SCHEDULER = 64,
    HKP_DSM_ROLE_NEURO = 128
};

/** Tiers (D-CERT key 7). */
enum {
    HKP_DSM_TIER_SENTINEL = 1,
    HKP_DSM_TIER_GUARDIAN = 2,
    HKP_DSM_TIER_FORTRESS = 3,
    HKP_DSM_TIER_NEXUS = 4,
    HKP_DSM_TIER_MSSP = 5
};

/** Event types of microblocks (D-BLK-3); 256 to 65535 belong to applications. */
enum {
    HKP_DSM_EVENT_STATE_UPDATE = 1,
    HKP_DSM_EVENT_WEIGHT_SNAPSHOT = 2,
    HKP_DSM_EVENT_THREAT_REPORT = 3,
    HKP_DSM_EVENT_HEARTBEAT = 5,
    HKP_DSM_EVENT_TER_CHECKPOINT = 6,
    HKP_DSM_EVENT_SIGHTING = 7,
    HKP_DSM_EVENT_REVOKE = 8,
    HKP_DSM_EVENT_WITNESS = 9,
    HKP_DSM_EVENT_POLICY = 10,
    HKP_DSM_EVENT_WORKLOAD = 11,
    HKP_DSM_EVENT_TELEMETRY = 12,
    HKP_DSM_EVENT_AUDIT = 13,
    HKP_DSM_EVENT_MODEL = 14,
    HKP_DSM_EVENT_MEMBERSHIP = 15,
    HKP_DSM_EVENT_FILE_NOTICE = 16,
    HKP_DSM_EVENT_CLAIM = 17
};

/** Sizes that callers need for buffers, bytes. */
enum {
    HKP_DSM_NODE_ID_BYTES = 16,
    HKP_DSM_ID_BYTES = 32,
    HKP_DSM_KEY_BYTES = 32,
    /** an Ed25519 secret as libsodium keeps it: seed, then public key */
    HKP_DSM_SECRET_BYTES = 64,
    HKP_DSM_SIGNATURE_BYTES = 64,
    /** name of a TPM attestation key */
    HKP_DSM_AK_BYTES = 34,
    /** a certificate's body, and the whole of it (D-MULTI-3) */
    HKP_DSM_CERTIFICATE_BODY_MAX = 600,
    HKP_DSM_CERTIFICATE_MAX = 880,
    HKP_DSM_OFFICERS_MAX = 7,
    HKP_DSM_CA_SET_BODY_MAX = 1024,
    HKP_DSM_MEMBERS_MAX = 200,
    /** a validator set's body (D-GSP-21) */
    HKP_DSM_VALSET_MAX = 21504,
    HKP_DSM_GENESIS_MAX = 23552,
    HKP_DSM_MESH_NAME_MAX = 64,
    HKP_DSM_PAYLOAD_MIN = 16,
    HKP_DSM_PAYLOAD_MAX = 16384,
    HKP_DSM_REQUEST_MAX = 512
};

/** Serial that bars a node for good (D-CA-6). */
#define HKP_DSM_SERIAL_BARRED 0xFFFFFFFFFFFFFFFFULL

/** Keys of the certificate authority (D-CA-1). */
struct hkp_dsm_ca_set {
    uint64_t version;
    /** signatures that an object needs */
    uint32_t threshold;
    /** officers, 1..7 */
    uint32_t n_keys;
    /** ascending */
    uint8_t keys[7][32];
};

/** What officers' signatures are checked against. */
struct hkp_dsm_officers {
    /** [n_sets] CA sets that are in force: two in the 24 h after a change (D-CA-2) */
    const struct hkp_dsm_ca_set *sets;
    size_t n_sets;
    /** [scratch_len] bytes to work in, or NULL: bodies above 1024 bytes need their length + 64 */
    uint8_t *scratch;
    size_t scratch_len;
};

/** A seat of a validator set (D-SMX-1). */
struct hkp_dsm_seat {
    uint8_t node_id[16];
    uint8_t key[32];
    uint32_t group;
};

/** What a mesh begins with (D-SIG-5); views lie inside the parsed bytes. */
struct hkp_dsm_genesis {
    uint8_t chain_id[32];
    /** mesh name, 1..64 bytes of UTF-8, not terminated */
    struct hkp_dsm_view name;
    struct hkp_dsm_view ca_set_body;
    struct hkp_dsm_view valset_body;
    uint64_t time_s;
    /** parsed ca_set_body */
    struct hkp_dsm_ca_set ca_set;
};

/** Body of a certificate (D-CERT); absent optional fields have their flag 0. */
struct hkp_dsm_certificate {
    uint8_t node_id[16];
    uint8_t key[32];
    /** X25519 static key */
    uint8_t static_key[32];
    uint8_t ak[34];
    uint8_t has_static_key;
    uint8_t has_ak;
    uint8_t enroll_id[32];
    /** HKP_DSM_ROLE_ bits */
    uint32_t roles;
    uint32_t tier;
    uint32_t group;
    uint32_t policy;
    /** 0: the certificate has none */
    uint32_t neuro_gen;
    uint64_t not_before_s;
    uint64_t not_after_s;
    uint64_t serial;
    /** 48 and 96 bytes, both or neither; inside the parsed bytes */
    struct hkp_dsm_view bls_key;
    struct hkp_dsm_view bls_proof;
};

/** An object signed by one node (D-ENV-1); all pointers lie inside the parsed bytes. */
struct hkp_dsm_envelope {
    uint64_t kind;
    /** [16] */
    const uint8_t *signer;
    struct hkp_dsm_view body;
    /** [64] */
    const uint8_t *signature;
};

/** An object signed by officers (D-MULTI-1); pointers lie inside the parsed bytes. */
struct hkp_dsm_multi {
    uint64_t kind;
    uint64_t ca_version;
    struct hkp_dsm_view body;
    uint64_t n_signatures;
    /** officers: positions in the CA set, ascending */
    uint64_t index[7];
    /** [64] each */
    const uint8_t *signature[7];
};

/** A node's request for a certificate (D-CA-3). */
struct hkp_dsm_request {
    /** of key and ak; set by hkp_dsm_request_check() */
    uint8_t node_id[16];
    uint8_t key[32];
    uint8_t static_key[32];
    uint8_t ak[34];
    uint8_t has_static_key;
    uint8_t has_ak;
    uint8_t enroll_id[32];
    uint8_t token_digest[32];
    uint8_t nonce[32];
    uint32_t roles;
    uint32_t tier;
    /** 0: none */
    uint32_t neuro_gen;
};

/**
 * Name of a node from its keys.
 *
 * @param node_id  [16] result
 * @param key      [32] Ed25519 public key
 * @param ak       [34] name of the TPM attestation key, or NULL without a TPM
 *
 * Cost: one SHA-256.
 * Source: D-ID-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_id(uint8_t node_id[16], const uint8_t key[32], const uint8_t *ak);

/**
 * Write the body of a CA set.
 *
 * @param set  version, threshold, n_keys and keys; keys ascending
 * @param dst  [cap] result; undefined on failure
 * @param cap  bytes; HKP_DSM_CA_SET_BODY_MAX always suffices
 * @param len  bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  keys not ascending and distinct, or numbers out of range
 * @retval HKP_E_DSM_QUORUM  threshold is no majority or above n_keys
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-CA-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_ca_set_build(const struct hkp_dsm_ca_set *set, uint8_t *dst,
                                                     size_t cap, size_t *len);

/**
 * Read the body of a CA set.
 *
 * @param in   [len] bytes, borrowed for the call
 * @param len  bytes
 * @param set  result; untouched on failure
 *
 * @retval HKP_OK                      read
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_QUORUM            threshold is no majority or above the number of keys
 *
 * Cost: no allocation.
 * Source: D-CA-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_ca_set_parse(const uint8_t *in, size_t len,
                                                     struct hkp_dsm_ca_set *set);

/**
 * Write the body of a validator set for scheme 1.
 *
 * @param members  [n] ascending by node_id, keys distinct, groups 1..2^32-1
 * @param n        members, 1..200
 * @param epoch    epoch of the set
 * @param dst      [cap] result; undefined on failure
 * @param cap      bytes; HKP_DSM_VALSET_MAX always suffices
 * @param len      bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  not ascending, keys equal, or a number out of range
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation.
 * Source: D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_valset_build(const struct hkp_dsm_seat *members, size_t n,
                                                     uint64_t epoch, uint8_t *dst, size_t cap, size_t *len);

/**
 * Write a genesis.
 *
 * @param name      [name_len] mesh name, UTF-8; "/single" at its end lets one owner hold all seats
 * @param name_len  bytes, 1..64
 * @param ca        CA set body
 * @param valset    validator set body of epoch 0
 * @param time_s    Unix seconds
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; HKP_DSM_GENESIS_MAX always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK                      written; hkp_dsm_genesis_parse() accepts it
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  name or a body is no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            a body is not of its form, or a group holds too many seats (D-SMX-3)
 * @retval HKP_E_DSM_QUORUM            as hkp_dsm_ca_set_parse()
 * @retval HKP_E_DSM_EPOCH             the validator set is not of epoch 0
 * @retval HKP_E_NOSPC                 cap is too small
 *
 * Cost: no allocation; 24 KB of stack.
 * Source: D-SIG-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_genesis_build(const char *name, size_t name_len,
                                                      const struct hkp_dsm_view *ca,
                                                      const struct hkp_dsm_view *valset, uint64_t time_s,
                                                      uint8_t *dst, size_t cap, size_t *len);

/**
 * Read and check a genesis.
 *
 * @param in       [len] bytes, borrowed as long as a view in genesis is used
 * @param len      bytes
 * @param genesis  result; untouched on failure
 *
 * @retval HKP_OK                      read; chain_id is set
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object, or a group holds too many seats (D-SMX-3)
 * @retval HKP_E_DSM_QUORUM            as hkp_dsm_ca_set_parse()
 * @retval HKP_E_DSM_EPOCH             the validator set is not of epoch 0
 *
 * Cost: no allocation; 24 KB of stack; one hash of len bytes.
 * Source: D-SIG-5, D-SMX-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_genesis_parse(const uint8_t *in, size_t len,
                                                      struct hkp_dsm_genesis *genesis);

/**
 * Read an envelope up to its signature.
 *
 * @param in        [len] bytes, borrowed as long as envelope is used
 * @param len       bytes
 * @param kinds     kinds expected here: bit k for kind k, 1 << 1 for MICROBLOCK
 * @param envelope  result; untouched on failure
 *
 * @retval HKP_OK                      shape, kind and size are right; nothing is authenticated yet
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this shape
 * @retval HKP_E_DSM_KIND              unknown or not expected
 * @retval HKP_E_DSM_TOO_BIG           body above the limit of its kind
 *
 * Cost: no allocation, no copy.
 * Source: D-ENV-1 to D-ENV-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_parse(const uint8_t *in, size_t len, uint32_t kinds,
                                                       struct hkp_dsm_envelope *envelope);

/**
 * Check the signature of an envelope.
 *
 * @param chain_id  [32] name of the mesh
 * @param envelope  a parsed envelope
 * @param key       [32] Ed25519 key of its signer
 *
 * @retval HKP_OK         signed by this key for this mesh
 * @retval HKP_E_DSM_SIG  not
 *
 * Cost: one Ed25519 verification.
 * Source: D-SIG-1, D-SIG-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_verify(const uint8_t chain_id[32],
                                                        const struct hkp_dsm_envelope *envelope,
                                                        const uint8_t key[32]);

/**
 * Sign a body and write its envelope.
 *
 * @param chain_id  [32] name of the mesh
 * @param kind      1..31, HKP_DSM_KIND_
 * @param signer    [16] node_id of the signer
 * @param secret    [64] Ed25519 secret of the signer; not kept
 * @param body      [body_len] bytes, outside dst
 * @param body_len  bytes, within D-ENV-3
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; body_len + 96 always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  kind unknown or body_len out of range
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation; 17 KB of stack; one Ed25519 signature.
 * Source: D-SIG-2, D-ENV-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_envelope_sign(const uint8_t chain_id[32], uint32_t kind,
                                                      const uint8_t signer[16], const uint8_t secret[64],
                                                      const uint8_t *body, size_t body_len, uint8_t *dst,
                                                      size_t cap, size_t *len);

/**
 * Id of a signed object.
 *
 * @param id        [32] result
 * @param chain_id  [32] name of the mesh
 * @param kind      kind of the object
 * @param signer    [16] its signer; NULL for an object signed by officers
 * @param body      [body_len] its body
 * @param body_len  bytes
 *
 * Cost: one BLAKE2b of the body.
 * Source: D-SIG-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_object_id(uint8_t id[32], const uint8_t chain_id[32], uint32_t kind,
                               const uint8_t *signer, const uint8_t *body, size_t body_len);

/**
 * Sign a body as an officer of the CA set.
 *
 * @param signature   [64] result; untouched on failure
 * @param chain_id    [32] name of the mesh
 * @param kind        32..37
 * @param ca_version  version of the CA set
 * @param secret      [64] Ed25519 secret of the officer; not kept
 * @param body        [body_len] bytes
 * @param body_len    bytes
 * @param scratch      [scratch_len] bytes to work in, wiped; NULL for bodies up to 1024 bytes
 * @param scratch_len  bytes; body_len + 64 always suffices
 *
 * @retval HKP_OK       signed
 * @retval HKP_E_INVAL  kind is none of officers, or ca_version above 2^32-1
 * @retval HKP_E_NOSPC  scratch is too small
 *
 * Cost: one copy of the body, one Ed25519 signature.
 * Source: D-SIG-3; what an officer records before it signs: D-CA-4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_sign(uint8_t signature[64], const uint8_t chain_id[32],
                                                   uint32_t kind, uint64_t ca_version,
                                                   const uint8_t secret[64], const uint8_t *body,
                                                   size_t body_len, uint8_t *scratch, size_t scratch_len);

/**
 * Write an object signed by officers.
 *
 * @param multi  kind, ca_version, body and 1..7 signatures with ascending index
 * @param dst    [cap] result; undefined on failure
 * @param cap    bytes; body length + 520 always suffices
 * @param len    bytes written; untouched on failure
 *
 * @retval HKP_OK       written
 * @retval HKP_E_INVAL  no or too many signatures, index not ascending, kind unknown
 * @retval HKP_E_NOSPC  cap is too small
 *
 * Cost: no allocation.
 * Source: D-MULTI-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_build(const struct hkp_dsm_multi *multi, uint8_t *dst,
                                                    size_t cap, size_t *len);

/**
 * Read an object signed by officers.
 *
 * @param in     [len] bytes, borrowed as long as multi is used
 * @param len    bytes
 * @param multi  result; untouched on failure
 *
 * @retval HKP_OK                      of this shape; nothing is authenticated yet
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this shape
 *
 * Cost: no allocation, no copy.
 * Source: D-MULTI-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_parse(const uint8_t *in, size_t len,
                                                    struct hkp_dsm_multi *multi);

/**
 * Check kind and signatures of an object signed by officers.
 *
 * @param chain_id  [32] name of the mesh
 * @param multi     a parsed object
 * @param kind      the kind expected
 * @param officers  CA sets in force, and room to work in
 *
 * @retval HKP_OK                signed by enough officers
 * @retval HKP_E_DSM_KIND        another kind
 * @retval HKP_E_DSM_CA_VERSION  CA set unknown
 * @retval HKP_E_DSM_SIG_ORDER   index not ascending
 * @retval HKP_E_DSM_SIGNER      index outside the set
 * @retval HKP_E_DSM_QUORUM      too few signatures
 * @retval HKP_E_DSM_SIG         any of them is wrong
 * @retval HKP_E_NOSPC           scratch is too small for this body
 *
 * Cost: one copy of the body, at most 7 Ed25519 verifications.
 * Source: D-MULTI-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_multi_check(const uint8_t chain_id[32],
                                                    const struct hkp_dsm_multi *multi, uint32_t kind,
                                                    const struct hkp_dsm_officers *officers);

/**
 * Write the body of a certificate.
 *
 * @param certificate  all fields but node_id, which is computed from key and ak
 * @param dst          [cap] result; undefined on failure
 * @param cap          bytes; HKP_DSM_CERTIFICATE_BODY_MAX always suffices
 * @param len          bytes written; untouched on failure
 *
 * @retval HKP_OK              written; sign it with hkp_dsm_multi_sign()
 * @retval HKP_E_DSM_SCHEMA    a field is out of range
 * @retval HKP_E_DSM_VALIDITY  lifetime is empty or above 90 days
 * @retval HKP_E_NOSPC         cap is too small
 *
 * Cost: no allocation.
 * Source: D-CERT.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_build(const struct hkp_dsm_certificate *certificate,
                                                          uint8_t *dst, size_t cap, size_t *len);

/**
 * Read and check a certificate.
 *
 * @param in           [len] bytes, borrowed as long as a view in certificate is used
 * @param len          bytes
 * @param chain_id     [32] name of the mesh
 * @param officers     CA sets in force; scratch is not needed
 * @param now_s        Unix seconds (D-CERT-5)
 * @param revoked      highest serial revoked of this node, 0 for none (D-CA-6)
 * @param certificate  result; untouched on failure
 *
 * @retval HKP_OK                      valid now
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND..            as hkp_dsm_multi_check()
 * @retval HKP_E_DSM_TOO_BIG           body above 600 bytes
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_NODE_ID           node_id is not that of the keys
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 90 days
 * @retval HKP_E_DSM_NOT_YET           begins more than 300 s ahead
 * @retval HKP_E_DSM_EXPIRED           ended 300 s ago or more
 * @retval HKP_E_DSM_REVOKED           serial is revoked
 *
 * Cost: no allocation; at most 7 Ed25519 verifications.
 * Source: D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_check(const uint8_t *in, size_t len,
                                                          const uint8_t chain_id[32],
                                                          const struct hkp_dsm_officers *officers,
                                                          uint64_t now_s, uint64_t revoked,
                                                          struct hkp_dsm_certificate *certificate);

/**
 * Read a certificate without judging it, to learn whose it is or because it was checked before.
 *
 * @param in           [len] bytes, borrowed as long as a view in certificate is used
 * @param len          bytes
 * @param certificate  result; untouched on failure
 *
 * @retval HKP_OK                      of this form; neither signatures nor times were looked at
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above 600 bytes
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_NODE_ID           node_id is not that of the keys
 * @retval HKP_E_DSM_VALIDITY          lifetime is empty or above 90 days
 *
 * Cost: no allocation; one SHA-256.
 * Source: D-CERT.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_certificate_parse(const uint8_t *in, size_t len,
                                                          struct hkp_dsm_certificate *certificate);

/**
 * Write and sign a node's request for a certificate.
 *
 * @param chain_id  [32] name of the mesh
 * @param request   all fields but node_id and key, which come from secret and ak
 * @param secret    [64] Ed25519 secret of the new key; not kept
 * @param dst       [cap] result; undefined on failure
 * @param cap       bytes; HKP_DSM_REQUEST_MAX always suffices
 * @param len       bytes written; untouched on failure
 *
 * @retval HKP_OK            written
 * @retval HKP_E_DSM_SCHEMA  roles or tier out of range
 * @retval HKP_E_NOSPC       cap is too small
 *
 * Cost: no allocation; one Ed25519 signature.
 * Source: D-CA-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_request_build(const uint8_t chain_id[32],
                                                      const struct hkp_dsm_request *request,
                                                      const uint8_t secret[64], uint8_t *dst, size_t cap,
                                                      size_t *len);

/**
 * Read a node's request and check its proof of possession.
 *
 * @param in        [len] bytes, borrowed for the call
 * @param len       bytes
 * @param chain_id  [32] name of the mesh
 * @param request   result; untouched on failure
 *
 * @retval HKP_OK                      signed by the key that it asks for; all else is for the officer
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_KIND              another kind
 * @retval HKP_E_DSM_TOO_BIG           body above its limit
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_NODE_ID           signer is not the node_id of the keys
 * @retval HKP_E_DSM_SIG               signature is wrong
 *
 * Cost: no allocation; one Ed25519 verification.
 * Source: D-CA-3, D-ENV-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_request_check(const uint8_t *in, size_t len,
                                                      const uint8_t chain_id[32],
                                                      struct hkp_dsm_request *request);

/* ---- Proofs of finality (D-SYN) ------------------------------------------------------------------------ */

/** What a verifier trusts: a validator set by its hash. */
struct hkp_dsm_trust {
    uint64_t epoch;
    uint8_t valset_hash[32];
    /** of the boundary that named the set; of epoch 0 the genesis */
    uint64_t time_ms;
};

/** What a proof has proven; views lie inside the proof. */
struct hkp_dsm_proof {
    uint64_t epoch;
    uint64_t height;
    /** of the checkpoint */
    uint64_t time_ms;
    uint8_t digest[32];
    struct hkp_dsm_view leaf;
    /** 0 head, 1 block, 2 op */
    uint32_t root;
    /** 1: author and seq are proven, those of a block whose body is in the proof */
    uint32_t has_author;
    uint8_t author[16];
    uint64_t seq;
    /** the three of a block whose body is in the proof, otherwise 0 */
    uint64_t timestamp_us;
    uint32_t event_type;
    uint32_t position;
    /** salt and content; empty if the proof has none */
    struct hkp_dsm_view payload;
    /** canonical bytes of the threat record; empty if the proof names none */
    struct hkp_dsm_view record;
};

/**
 * Verify a portable proof of finality.
 *
 * @param in        [len] proof as in a message; of a file what hkp_dsm_proof_file() finds; borrowed as
 *                  long as a view in proof is used
 * @param len       bytes
 * @param chain_id  [32] name of the mesh that the verifier means
 * @param trust     [n_trust] sets that the verifier trusts
 * @param n_trust   1 or more
 * @param now_ms    Unix milliseconds; 0: the trust period is not checked
 * @param proof     result; untouched on failure
 *
 * @retval HKP_OK                      final under a trusted set
 * @retval HKP_E_DSM_TOO_BIG           above 256 MiB, or a part above its limit
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_VERSION           a later version
 * @retval HKP_E_DSM_SCHEMA            not this object, or another magic
 * @retval HKP_E_DSM_EPOCH             its first epoch is not trusted, or a certificate of another
 * @retval HKP_E_DSM_EXPIRED           trust is older than 14 days
 * @retval HKP_E_DSM_VIEW              a header whose parent view is not below its own
 * @retval HKP_E_DSM_PROOF             a link, a root or the leaf does not fit
 * @retval HKP_E_DSM_SCHEME..          a certificate of votes: _KIND, _BITMAP, _SIG_COUNT, _QUORUM, _SIG
 * @retval HKP_E_DSM_PAYLOAD           the payload is not that of the block
 *
 * Cost: no allocation; 32 KB of stack; per link one Ed25519 verification for each signer.
 * Source: D-SYN-5, D-SYN-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_proof_verify(const uint8_t *in, size_t len,
                                                     const uint8_t chain_id[32],
                                                     const struct hkp_dsm_trust *trust, size_t n_trust,
                                                     uint64_t now_ms, struct hkp_dsm_proof *proof);

/**
 * Find the proof inside a file.
 *
 * @param in     [len] the whole file: the magic HKPPROOF, then the proof; borrowed as long as proof is used
 * @param len    bytes
 * @param proof  the bytes behind the magic; untouched on failure
 *
 * @retval HKP_OK              for hkp_dsm_proof_verify()
 * @retval HKP_E_DSM_TOO_BIG   above 256 MiB
 * @retval HKP_E_DSM_SCHEMA    another magic
 *
 * Cost: none.
 * Source: D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_proof_file(const uint8_t *in, size_t len, struct hkp_dsm_view *proof);

/**
 * Verify a light proof: boundaries, then a target, each with a FINAL certificate of its own.
 *
 * @param in        [len] bytes, borrowed as long as a view in proof is used
 * @param len       bytes
 * @param chain_id  [32] name of the mesh that the verifier means
 * @param trust     one set that the verifier trusts; its time_ms is not used
 * @param proof     result; untouched on failure; author, payload and record stay empty
 *
 * @retval HKP_OK                      final under the trusted set
 * @retval HKP_E_DSM_CBOR_TRUNCATED..  no canonical CBOR
 * @retval HKP_E_DSM_SCHEMA            not this object
 * @retval HKP_E_DSM_VERSION           a part of a later version
 * @retval HKP_E_DSM_VIEW              a header whose parent view is not below its own
 * @retval HKP_E_DSM_EPOCH             a certificate of votes of another epoch
 * @retval HKP_E_DSM_PROOF             a link, the root or the leaf does not fit
 * @retval HKP_E_DSM_SCHEME..          a certificate of votes: _KIND, _BITMAP, _SIG_COUNT, _QUORUM, _SIG
 *
 * Cost: no allocation; 32 KB of stack; per link one Ed25519 verification for each signer.
 * Source: D-SYN-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_light_proof_verify(const uint8_t *in, size_t len,
                                                           const uint8_t chain_id[32],
                                                           const struct hkp_dsm_trust *trust,
                                                           struct hkp_dsm_proof *proof);

/* ------------------------------------------------------------------------------------------------ node */

/**
 * A running node: chains of microblocks, flooding, and checkpoints by DSM-Simplex (dsm.md 5, 7 to 9).
 *
 * It does no I/O. After every call that may change it the host drains hkp_dsm_event() (the store
 * requests among them it executes), reports what became durable with hkp_dsm_stored(), and drains
 * hkp_dsm_send(); it calls hkp_dsm_tick() at hkp_dsm_wake(). hkp_dsm_store_apply() and
 * hkp_dsm_store_commit() do the storage part.
 */
typedef struct hkp_dsm_node hkp_dsm_node;

enum {
    /** lanes of class DSM, 0..4 (D-GSP-10) */
    HKP_DSM_LANES = 5,
    /** lanes mask: 0 and 1, which members of the validator set keep in any case (HTP-8.6) */
    HKP_DSM_LANES_SAFETY = 3,
    /** lanes mask: all five */
    HKP_DSM_LANES_ALL = 31,
    /** longest content of a microblock, bytes (16 of the payload are its salt, D-BLK-2) */
    HKP_DSM_CONTENT_MAX = 16368
};

/** Kinds of stored rows (dsm.md 7). Integers in keys are big-endian, so rows sort by key bytes. */
enum {
    /** key: text; value by key */
    HKP_DSM_ROW_META = 1,
    /** key: node_id || u64 seq; value: item [0, envelope, payload or null] */
    HKP_DSM_ROW_BLOCK = 2,
    /** reserved for payloads kept apart from their block; key: payload hash */
    HKP_DSM_ROW_PAYLOAD = 3,
    /** key: u64 height; value: final header */
    HKP_DSM_ROW_HEADER = 4,
    /** key: u64 height; value: its body */
    HKP_DSM_ROW_BODY = 5,
    /** key: u64 epoch || u64 view || u8 kind; value: CERT_N or CERT_0 above the newest final view */
    HKP_DSM_ROW_CERT = 6,
    /** key: u64 height || u32 chunk; value: up to 256 heads */
    HKP_DSM_ROW_HEADS = 7,
    /** key: offender || u8 class || u64 epoch || u64 view or seq; value: op 1 of D-CKP-3 */
    HKP_DSM_ROW_EVIDENCE = 8,
    /** key: node_id || u64 serial; value: certificate (multi) */
    HKP_DSM_ROW_CERTIFICATE = 9,
    /** key: u64 epoch || u64 view || digest; value: [PROPOSE envelope or null, header, body], above final */
    HKP_DSM_ROW_PROPOSAL = 10,
    /** key: u64 height of the header that it names; value: CERT_F */
    HKP_DSM_ROW_FINAL = 11,
    /** key: u64 height; value: ids of the blocks that it finalised, 32 bytes each, as in blocks_root */
    HKP_DSM_ROW_LEAVES = 12,
    /** key: node_id || u64 last seq; value: u64 height that made it final */
    HKP_DSM_ROW_PLACE = 13,
    /** key: u64 epoch; value: link of D-SYN-5 that ends it */
    HKP_DSM_ROW_LINK = 14,
    /** key: u64 number of the record; value: 64 bytes (D-STO-4); only read by SCAN, written by STORE_WAL */
    HKP_DSM_ROW_WAL = 15,
    /** key: digest of a final header; value: u64 height || BLAKE2b-256 of its body (older rows: the height)
     */
    HKP_DSM_ROW_DIGEST = 16,
    /** key: u8 row || key of a row that was damaged and is to be fetched again; value: empty */
    HKP_DSM_ROW_LOST = 24
};

/** Kinds of events. STORE_* are requests, all others facts. */
enum {
    /** append data[64] to the consensus WAL; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_WAL = 1,
    /** put (row, key) = data; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_PUT = 2,
    /** get (row, key); answer hkp_dsm_read() if it is there, then hkp_dsm_read_end() */
    HKP_DSM_EV_STORE_GET = 3,
    /** rows of kind row with key <= k <= key_to, ascending, at most count; hkp_dsm_read() each, then _end */
    HKP_DSM_EV_STORE_SCAN = 4,
    /** drop all rows of kind row with key <= k < key_to; answer hkp_dsm_stored() */
    HKP_DSM_EV_STORE_DROP = 5,
    /** the stored state is loaded and agrees with itself; height, epoch, view: where the node goes on */
    HKP_DSM_EV_STARTED = 16,
    /** stored state is damaged: status, row, key say what and where; free the node, nothing was changed */
    HKP_DSM_EV_DAMAGED = 17,
    /** the WAL lacks promises of this node (D-STO-7): it observes and does not vote in this epoch */
    HKP_DSM_EV_OBSERVER = 18,
    /** block accepted and durable: node_id, seq, id, time_us, type, data: content without the salt
     * (data NULL: it came without its payload), count 1 if it is already final (height says where). After a
     * start every stored block is told so once more, so that a host can fill what it keeps in memory */
    HKP_DSM_EV_BLOCK = 19,
    /** block is final: as BLOCK, and height */
    HKP_DSM_EV_BLOCK_FINAL = 20,
    /** checkpoint is final and durable: height, epoch, view, id: digest, count: blocks, time_us;
     * its BLOCK_FINAL events came before */
    HKP_DSM_EV_CHECKPOINT = 21,
    /** epoch began: epoch, id: boundary digest, height: first height; count 1: joined there (D-SYN-3),
     * heights before are not told, and blocks that they made final were told as BLOCK_FINAL, if they were
     * held */
    HKP_DSM_EV_EPOCH = 22,
    /** evidence recorded: node_id: offender, type: class 1..6, epoch, view or seq, data: op 1 of D-CKP-3;
     * class 6: officers signed two objects of one number (D-CA-9): id: key of the first of them, seq: the
     * number */
    HKP_DSM_EV_EVIDENCE = 23,
    /** author signed two blocks of one seq: node_id, seq (D-BLK-11) */
    HKP_DSM_EV_AUTHOR_FORKED = 24,
    /** the chain froze an author: node_id, height (D-BLK-12) */
    HKP_DSM_EV_AUTHOR_FROZEN = 25,
    /** a member broke a promise: node_id, type: class 1..4, epoch, view */
    HKP_DSM_EV_EQUIVOCATED = 26,
    /** a certificate is needed and was asked for: node_id, seq: serial or 0 */
    HKP_DSM_EV_NEED_CERTIFICATE = 27,
    /** answer to hkp_dsm_prove() or hkp_dsm_ask(): ticket, status; data: portable proof (D-SYN-5) when HKP_OK */
    HKP_DSM_EV_PROOF = 28,
    /** a peer's queue of lane 0 is full or its score is used up: close its session; node_id, status */
    HKP_DSM_EV_PEER_BAD = 29,
    /** view left by CERT_0: epoch, view */
    HKP_DSM_EV_NULLIFIED = 30,
    /** final evidence E1 to E4 convicts a member: it leaves at the next boundary, and officers should revoke
     * it: node_id, type: reason 6 of a revocation list, epoch, height, data: op 1 of D-CKP-3 */
    HKP_DSM_EV_REVOKE = 31,
    /** with a new epoch a node got a seat (count 1) or lost it (count 0): node_id, epoch, type: 1 by
     * evidence, 2 retired, 3 left, 4 joined, 0 by a RESTART */
    HKP_DSM_EV_SEAT = 32,
    /** a node asks for a seat (type 1) or gives it back (type 2) in this epoch: node_id, epoch, id: what
     * hkp_dsm_node_endorse() names */
    HKP_DSM_EV_MEMBER = 33,
    /** a newer revocation list counts here (height 0), or the chain carries it (height): seq: its number, id,
     * count: entries, time_us: when it was made, data: the list (D-CA-7) */
    HKP_DSM_EV_REVOCATIONS = 36,
    /** new officers are in office: seq: version, height, id, data: the set (D-CA-2) */
    HKP_DSM_EV_CA_SET = 37,
    /** a stored row was damaged, is dropped and, if peers have it, fetched again: row, key */
    HKP_DSM_EV_LOST = 40,
    /** a damaged row is whole again, or needed no more: row, key */
    HKP_DSM_EV_HEALED = 41
};

/** Verdicts about a peer's clock (HTP-3.8). */
enum { HKP_DSM_CLOCK_UNKNOWN = 0, HKP_DSM_CLOCK_OK = 1, HKP_DSM_CLOCK_WARN = 2, HKP_DSM_CLOCK_FAIL = 3 };

/** What a node says of itself in status member state. */
enum {
    /** made, not started */
    HKP_DSM_STATE_NEW = 0,
    /** reads its stored state */
    HKP_DSM_STATE_LOADING = 1,
    /** runs */
    HKP_DSM_STATE_RUNNING = 2,
    /** damaged or its store failed; free it */
    HKP_DSM_STATE_DEAD = 3
};

/** Waits of options that are not the default although zero. */
#define HKP_DSM_T_CP_NONE 0xFFFFFFFFFFFFFFFFULL

/** What is never pruned. */
#define HKP_DSM_KEEP 0xFFFFFFFFFFFFFFFFULL

struct hkp_dsm_node_options {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** 1: observe only, never vote or propose */
    uint32_t observer;
    /** allocator; all memory is taken in hkp_dsm_node_new() */
    struct hkp_mem mem;
    /** required: salts of payloads */
    struct hkp_rng rng;
    /** canonical genesis (D-SIG-5), borrowed for the call */
    const uint8_t *genesis;
    /** bytes */
    size_t genesis_len;
    /** own certificate (multi of kind 32), borrowed for the call */
    const uint8_t *certificate;
    /** bytes */
    size_t certificate_len;
    /** Ed25519 secret [64] of the certificate's key, as libsodium keeps it; borrowed for the call */
    const uint8_t *secret;
    /** host identity [32] of D-BLK-7, or NULL: zeros */
    const uint8_t *host;
    /** T_cp, nanoseconds; 0: 1 s; HKP_DSM_T_CP_NONE: none (D-SMX-9) */
    uint64_t t_cp_ns;
    /** D at the start, nanoseconds; 0: 250 ms (D-SMX-8) */
    uint64_t delay_ns;
    /** period of HAVE, nanoseconds; 0: 200 ms (D-SMX-7) */
    uint64_t have_ns;
    /** bytes for blocks, proposals, certs and messages; 0: 64 MiB; 1 MiB..2 GiB */
    size_t pool_bytes;
    /** most authors; 0: 4096; 1..131072 */
    uint32_t heads_max;
    /** most peers at once; 0: 64; 1..1024 */
    uint32_t peers_max;
    /** most blocks in memory; 0: 16384; 256..1048576 */
    uint32_t blocks_max;
    /** must be 0 */
    uint32_t reserved0;
    /** ids of items in one generation of those that came lately, a power of two (D-GSP-9); 0: 65536;
     * 1024..65536 */
    uint32_t seen_max;
    /** must be 0 */
    uint32_t reserved1;
    /** blocks below final heads stay so many seconds of chain time; 0: 30 days; HKP_DSM_KEEP (D-STO-8) */
    uint64_t keep_blocks_s;
    /** headers and bodies, no shorter; 0: 365 days; HKP_DSM_KEEP */
    uint64_t keep_headers_s;
};

/** What a block says of its author's neural state, and what that is bound to (D-BLK-1). Claims until checked.
 */
struct hkp_dsm_claims {
    uint8_t ter_hash[32];
    /** the three of an agreed commit, if has_commit */
    uint8_t w_commit[32];
    uint8_t posf[32];
    uint8_t holder[16];
    uint32_t has_commit;
    /** must be ignored */
    uint32_t reserved0;
    uint8_t prev[32];
    uint8_t payload_hash[32];
};

/** A store request or a fact. Pointers are valid until the next call on the node. */
struct hkp_dsm_event {
    /** HKP_DSM_EV_* */
    uint32_t kind;
    /** HKP_DSM_ROW_* of a store request */
    uint32_t row;
    /** number of a store request or proof; writes rise by one each */
    uint64_t ticket;
    /** first key */
    const uint8_t *key;
    /** bytes */
    size_t key_len;
    /** last key of SCAN, end of DROP */
    const uint8_t *key_to;
    /** bytes */
    size_t key_to_len;
    /** bytes to write, or by kind */
    const uint8_t *data;
    /** bytes */
    size_t data_len;
    /** of a BLOCK by an author with role NEURO that was accepted now; else NULL */
    const struct hkp_dsm_claims *claims;
    uint64_t epoch;
    uint64_t view;
    uint64_t height;
    uint64_t seq;
    /** microseconds, Unix */
    uint64_t time_us;
    uint32_t type;
    uint32_t count;
    int32_t status;
    /** must be ignored */
    uint32_t reserved0;
    uint8_t node_id[16];
    uint8_t id[32];
};

/** Claims of an author about its neural state (D-BLK-1). */
struct hkp_dsm_neuro {
    /** newest durable TER chain value; required */
    const uint8_t *ter_hash;
    /** commitment [32], PoSF [32] and holder [16]: all three or none (NULL) */
    const uint8_t *w_commit;
    const uint8_t *posf;
    const uint8_t *holder;
};

struct hkp_dsm_node_status {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    /** HKP_DSM_STATE_* */
    uint32_t state;
    /** members of the validator set, f, quorum, own index (0xFFFFFFFF: none) */
    uint32_t members;
    uint32_t faulty_max;
    uint32_t quorum;
    uint32_t own_index;
    uint64_t epoch;
    uint64_t view;
    /** newest final height, its view, its time_ms and when it was learned (nanoseconds, monotonic) */
    uint64_t final_height;
    uint64_t final_view;
    uint64_t final_time_ms;
    uint64_t final_at;
    /** finalised heights and nullified views since the start */
    uint64_t finals;
    uint64_t nullified;
    /** pieces of evidence held */
    uint64_t evidence;
    /** authors known, authors with a final head */
    uint64_t authors;
    uint64_t heads;
    /** blocks held that are not final; blocks waiting behind a gap */
    uint64_t blocks_open;
    uint64_t blocks_waiting;
    /** blocks accepted since the start */
    uint64_t blocks;
    /** own newest block */
    uint64_t own_seq;
    /** messages received, refused, sent, dropped from full queues */
    uint64_t received;
    uint64_t refused;
    uint64_t sent;
    uint64_t dropped;
    /** bytes of the pool in use */
    uint64_t pool_used;
    /** peers up; 1 if promises are withheld (observer, D-STO-7, D-STO-9) */
    uint32_t peers;
    uint32_t silent;
    uint8_t final_digest[32];
    uint8_t chain_id[32];
    uint8_t node_id[16];
};

/** What the registry knows of a node. */
struct hkp_dsm_member {
    /** sizeof of this struct as the caller knows it */
    uint32_t struct_size;
    uint32_t roles;
    uint32_t tier;
    uint32_t group;
    uint64_t serial;
    uint64_t not_before_s;
    uint64_t not_after_s;
    /** index in the validator set, or 0xFFFFFFFF */
    uint32_t seat;
    uint32_t reserved0;
    uint8_t key[32];
    uint8_t node_id[16];
};

/**
 * Fill options with defaults.
 *
 * @param opt   options, owned by the caller
 * @param size  sizeof *opt as the caller knows it, bytes
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_options_init(struct hkp_dsm_node_options *opt, size_t size);

/**
 * Make a node; call hkp_dsm_node_start() next.
 *
 * @param out  receives the node, owned by the caller
 * @param opt  options, borrowed for the call
 * @param now  nanoseconds, monotonic
 *
 * @retval HKP_OK               made
 * @retval HKP_E_INVAL          an option is out of range, or no randomness or identity is given
 * @retval HKP_E_TOOBIG         options ask for something that this build does not know
 * @retval HKP_E_NOMEM          no memory; out is untouched
 * @retval HKP_E_DSM_NODE_ID    the secret is not that of the certificate
 * @retval HKP_E_DSM_SCHEMA     genesis or certificate are malformed; other codes of D-CERT-1 likewise
 *
 * Cost: all memory that the node will ever use.
 * Source: dsm.md 13, D-SIG-5, D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_new(hkp_dsm_node **out, const struct hkp_dsm_node_options *opt,
                                                 hkp_time now);

/**
 * Wipe and free a node.
 *
 * @param node  a node or NULL
 *
 * Cost: releases all memory.
 * Source: style 2.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_node_free(hkp_dsm_node *node);

/**
 * Begin: the node asks for its stored state by SCAN events; EV_STARTED or EV_DAMAGED ends that.
 *
 * @param node     a node just made
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       begun; drain events
 * @retval HKP_E_STATE  started before
 *
 * Cost: no allocation.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_start(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * Teach the node a certificate, checked by D-CERT-1.
 *
 * @param node     a node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param multi    [len] certificate (multi of kind 32), borrowed for the call
 * @param len      bytes, at most 1024
 *
 * @retval HKP_OK              known now
 * @retval HKP_E_LIMIT         the cache is full
 * @retval HKP_E_STATE         the node is dead or not started
 * @retval HKP_E_DSM_SCHEMA    malformed; every other code of D-MULTI-2 and D-CERT-1 likewise; unchanged
 *
 * Cost: t signature checks; no allocation.
 * Source: D-CERT-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_add_certificate(hkp_dsm_node *node, hkp_time now,
                                                             uint64_t wall_us, const uint8_t *multi,
                                                             size_t len);

/**
 * What the registry knows of a node: its newest certificate and its seat.
 *
 * @param node     a node
 * @param node_id  [16] whom
 * @param out      struct_size set by the caller; filled
 *
 * @retval HKP_OK          filled
 * @retval HKP_E_NOTFOUND  no certificate of that node is held; out is untouched
 * @retval HKP_E_INVAL     struct_size is too small
 *
 * Cost: one look-up.
 * Source: D-CERT, D-SMX-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_member(const hkp_dsm_node *node, const uint8_t node_id[16],
                                                    struct hkp_dsm_member *out);

/**
 * A session with a peer is up.
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param peer     [16] node_id that the session authenticated
 * @param lanes    mask of open lanes, bit i for lane i (HTP-8.6); lanes 0 and 1 stay open between members
 *
 * @retval HKP_OK       up
 * @retval HKP_E_INVAL  the peer is this node, or lanes is above 31
 * @retval HKP_E_LIMIT  peers_max are up
 * @retval HKP_E_STATE  the node does not run, or the peer is up already
 * @retval HKP_E_DSM_RATE  the peer was sent away and its time is not over (D-GSP-17)
 *
 * Cost: no allocation.
 * Source: D-GSP-18, HTP-8.6, D-STO-9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_up(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16],
                                                uint32_t lanes);

/**
 * The lanes that a peer may use changed.
 *
 * @param node   a running node
 * @param now    nanoseconds, monotonic
 * @param peer   [16] node_id
 * @param lanes  mask, bit i for lane i
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  the peer is not up
 * @retval HKP_E_INVAL     lanes is above 31
 *
 * Cost: no allocation.
 * Source: HTP-8.6, D-SMX-11.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_lanes(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16],
                                                   uint32_t lanes);

/**
 * What the session knows of the peer's clock.
 *
 * @param node       a running node
 * @param peer       [16] node_id
 * @param offset_us  peer's clock minus own, microseconds
 * @param verdict    HKP_DSM_CLOCK_*
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  the peer is not up
 * @retval HKP_E_INVAL     unknown verdict
 *
 * Cost: none.
 * Source: D-SMX-R1, D-BLK-16, HTP-3.8.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_clock(hkp_dsm_node *node, const uint8_t peer[16],
                                                   int64_t offset_us, uint32_t verdict);

/**
 * The session ended; its queues are dropped.
 *
 * @param node  a running node
 * @param now   nanoseconds, monotonic
 * @param peer  [16] node_id
 *
 * @retval HKP_OK          gone
 * @retval HKP_E_NOTFOUND  the peer is not up
 *
 * Cost: no allocation.
 * Source: D-GSP-18.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_peer_down(hkp_dsm_node *node, hkp_time now, const uint8_t peer[16]);

/**
 * The host reports whether the wall clock is synchronised (default: not).
 *
 * @param node          a node
 * @param synchronised  1 or 0
 *
 * Cost: none.
 * Source: D-BLK-16, D-CERT-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_clock_state(hkp_dsm_node *node, int32_t synchronised);

/**
 * Hand over one message of class DSM (the byte that opens a stream is no message).
 *
 * @param node     a running node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 * @param peer     [16] node_id of the session
 * @param lane     lane of the stream, 0..4
 * @param msg      [len] bytes, borrowed for the call
 * @param len      bytes
 *
 * @retval HKP_OK                 taken
 * @retval HKP_E_STATE            the node does not run
 * @retval HKP_E_NOTFOUND         the peer is not up
 * @retval HKP_E_LIMIT            events are not drained; nothing changed, hand it over again
 * @retval HKP_E_DSM_RATE         over a ration, or there is no room: dropped, not to be handed over again
 * @retval HKP_E_DSM_LANE         the lane is closed to this peer, or wrong for the op
 * @retval HKP_E_DSM_DUPLICATE    known already; harmless
 * @retval HKP_E_DSM_GAP          a block is held until the ones before it came
 * @retval HKP_E_DSM_SCHEMA       malformed; every other code of dsm.md 14 by D-GSP-20, D-ENV-2, D-BLK-4;
 *                                unchanged but for evidence of a fork (HKP_E_DSM_FORK)
 *
 * Cost: at most one signature check for each block or vote in it, q for each cert; no allocation.
 * Source: D-GSP-20.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_recv(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                             const uint8_t peer[16], uint32_t lane, const uint8_t *msg,
                                             size_t len);

/**
 * Next outbound message.
 *
 * @param node  a node
 * @param peer  [16] receives the node_id to send to
 * @param lane  receives the lane, 0..4
 * @param msg   receives the bytes, valid until the next call on the node
 * @param len   receives their number
 *
 * @retval HKP_OK          one message
 * @retval HKP_E_NOTFOUND  nothing to send now; outputs untouched
 *
 * Cost: no allocation.
 * Source: D-GSP-10, D-STO-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_send(hkp_dsm_node *node, uint8_t peer[16], uint32_t *lane,
                                             const uint8_t **msg, size_t *len);

/**
 * Next outbound message to one peer, for hosts that stop a peer whose stream is full.
 *
 * @param node  a node
 * @param peer  [16] node_id to send to
 * @param skip  mask of lanes to leave alone
 * @param lane  receives the lane, 0..4
 * @param msg   receives the bytes, valid until the next call on the node
 * @param len   receives their number
 *
 * @retval HKP_OK          one message
 * @retval HKP_E_NOTFOUND  nothing to send to it now, or it is not up; outputs untouched
 *
 * Cost: no allocation.
 * Source: D-GSP-10, dsm.md 13.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_send_to(hkp_dsm_node *node, const uint8_t peer[16], uint32_t skip,
                                                uint32_t *lane, const uint8_t **msg, size_t *len);

/**
 * Next store request or fact.
 *
 * @param node  a node
 * @param ev    filled; its pointers are valid until the next call on the node
 *
 * @retval HKP_OK          one event
 * @retval HKP_E_NOTFOUND  no more now; ev is untouched
 *
 * Cost: no allocation.
 * Source: dsm.md 7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_event(hkp_dsm_node *node, struct hkp_dsm_event *ev);

/**
 * All write requests up to a ticket are durable (or the store failed: the node is dead then).
 *
 * @param node    a node
 * @param now     nanoseconds, monotonic
 * @param ticket  highest ticket of the writes that are durable; they become so in order
 * @param status  HKP_OK, or the error of the store
 *
 * @retval HKP_OK       taken; what waited for it can be sent
 * @retval HKP_E_INVAL  no such ticket was given out
 * @retval HKP_E_STATE  the node is dead
 *
 * Cost: no allocation.
 * Source: D-STO-1, D-STO-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_stored(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                               hkp_status status);

/**
 * One row that a GET or SCAN found.
 *
 * @param node      a node
 * @param now       nanoseconds, monotonic
 * @param ticket    of the request
 * @param key       [key_len] its key, borrowed for the call
 * @param key_len   bytes
 * @param data      [data_len] its value, borrowed for the call
 * @param data_len  bytes
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  no read of that ticket is open
 * @retval HKP_E_STATE     the node is dead, or became so by this row (EV_DAMAGED says why)
 *
 * Cost: no allocation; the checks of the row.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_read(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                             const uint8_t *key, size_t key_len, const uint8_t *data,
                                             size_t data_len);

/**
 * A GET or SCAN is complete.
 *
 * @param node    a node
 * @param now     nanoseconds, monotonic
 * @param ticket  of the request
 * @param status  HKP_OK (also when there was no row), or the error of the store
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  no read of that ticket is open
 * @retval HKP_E_STATE     the node is dead, or became so
 *
 * Cost: no allocation.
 * Source: D-STO-3.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_read_end(hkp_dsm_node *node, hkp_time now, uint64_t ticket,
                                                 hkp_status status);

/**
 * Commitment to a neural state in a block: shows nothing without the fingerprint.
 *
 * @param out       [32] receives w_commit
 * @param f         [32] first half of the fingerprint F of the commit, secret
 * @param chain_id  [32] name of the mesh
 * @param node_id   [16] author
 * @param seq       number of the block
 *
 * Cost: one hash.
 * Source: D-BLK-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_w_commit(uint8_t out[32], const uint8_t f[32], const uint8_t chain_id[32],
                              const uint8_t node_id[16], uint64_t seq);

/**
 * The message that the PoSF of a block is over; its nonce is the seq, big-endian, its role 0x45.
 *
 * @param out           [32] receives msg_hash
 * @param chain_id      [32] name of the mesh
 * @param node_id       [16] author
 * @param seq           number of the block
 * @param prev          [32] its field prev
 * @param payload_hash  [32] its field payload_hash
 *
 * Cost: one hash.
 * Source: D-BLK-1.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_posf_message(uint8_t out[32], const uint8_t chain_id[32], const uint8_t node_id[16],
                                  uint64_t seq, const uint8_t prev[32], const uint8_t payload_hash[32]);

/**
 * Prepare the next own block, so that its neural claims can be computed over what they bind (D-BLK-1).
 *
 * The draft is used by the next hkp_dsm_submit() with content NULL; another draft replaces it.
 *
 * @param node          a running node
 * @param content       [len] bytes, borrowed for the call
 * @param len           bytes, 0..HKP_DSM_CONTENT_MAX
 * @param seq           receives the number that the block will have
 * @param prev          [32] receives its field prev
 * @param payload_hash  [32] receives the hash of salt and content
 *
 * @retval HKP_OK          ready
 * @retval HKP_E_INVAL     content is too long
 * @retval HKP_E_STATE     the node does not run yet
 * @retval HKP_E_CALLBACK  no randomness
 *
 * Cost: one hash; no allocation.
 * Source: D-BLK-1, D-BLK-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_draft(hkp_dsm_node *node, const uint8_t *content, size_t len,
                                              uint64_t *seq, uint8_t prev[32], uint8_t payload_hash[32]);

/**
 * Sign an own microblock; it is sent once it is durable.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param wall_us     Unix microseconds
 * @param event_type  1..65535 (D-BLK-3)
 * @param content     [len] bytes, borrowed for the call; NULL: the draft
 * @param len         bytes, 0..HKP_DSM_CONTENT_MAX
 * @param neuro       claims, present exactly if the certificate has role NEURO; else NULL
 * @param seq         receives its number
 *
 * @retval HKP_OK             signed; EV_BLOCK follows when it is durable
 * @retval HKP_E_INVAL        event_type or len out of range
 * @retval HKP_E_STATE        the node does not run, there is no draft, or the own chain is frozen
 * @retval HKP_E_LIMIT        over the cap of the tier (D-BLK-8) or of unfinalised blocks (D-BLK-9); later
 * @retval HKP_E_CALLBACK     no randomness
 * @retval HKP_E_DSM_NEURO    neuro does not fit the certificate's roles
 * @retval HKP_E_DSM_EXPIRED  the own certificate has expired
 *
 * Cost: one signature; no allocation.
 * Source: D-BLK-2, D-BLK-6, D-BLK-8, D-BLK-9, D-BLK-16.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_submit(hkp_dsm_node *node, hkp_time now, uint64_t wall_us,
                                               uint32_t event_type, const uint8_t *content, size_t len,
                                               const struct hkp_dsm_neuro *neuro, uint64_t *seq);

/**
 * Ask for the portable proof of a final block; EV_PROOF of that ticket answers.
 *
 * @param node        a running node
 * @param now         nanoseconds, monotonic
 * @param author      [16] node_id
 * @param seq         number of the block
 * @param position    0..63: of the threat record in its payload; -1: the block with its payload;
 *                    -2: the block alone
 * @param from_epoch  epoch whose valset hash the verifier trusts, at most that of the block's checkpoint
 * @param ticket      receives the number of the answer
 *
 * @retval HKP_OK       asked; status of the event: HKP_OK, HKP_E_NOTFOUND (not held or not final),
 *                      HKP_E_DSM_EPOCH (from_epoch is above the checkpoint's), HKP_E_TOOBIG
 * @retval HKP_E_INVAL  position out of range
 * @retval HKP_E_LIMIT  8 proofs are being made
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: reads of the store; no allocation.
 * Source: D-SYN-5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_prove(hkp_dsm_node *node, hkp_time now, const uint8_t author[16],
                                              uint64_t seq, int32_t position, uint64_t from_epoch,
                                              uint64_t *ticket);

/**
 * Valset hash and start of an epoch, for verifiers (D-SYN-6 trust).
 *
 * @param node     a running node
 * @param epoch    the epoch of the node, or 0
 * @param hash     [32] receives D("HKP1 valset", body)
 * @param time_ms  receives time_ms of the boundary that named it (epoch 0: time of the genesis)
 *
 * @retval HKP_OK          known
 * @retval HKP_E_NOTFOUND  another epoch
 *
 * Cost: none.
 * Source: D-SYN-6.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_trust(const hkp_dsm_node *node, uint64_t epoch, uint8_t hash[32],
                                                   uint64_t *time_ms);

/**
 * Do what is due.
 *
 * @param node     a node
 * @param now      nanoseconds, monotonic
 * @param wall_us  Unix microseconds
 *
 * @retval HKP_OK       done
 * @retval HKP_E_STATE  the node does not run
 *
 * Cost: no allocation.
 * Source: D-SMX-R0 to R9.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_tick(hkp_dsm_node *node, hkp_time now, uint64_t wall_us);

/**
 * When to call hkp_dsm_tick() next.
 *
 * @param node  a node
 *
 * @return nanoseconds, monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-dsm 0.1
 */
HKP_API hkp_time hkp_dsm_wake(const hkp_dsm_node *node);

/**
 * How the node stands.
 *
 * @param node    a node
 * @param status  struct_size set by the caller; filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_node_status(const hkp_dsm_node *node,
                                                    struct hkp_dsm_node_status *status);

/* ----------------------------------------------------------------------------------------------- store */

/** The default store: SQLite in a directory, and the consensus WAL as a file of its own beside it. */
typedef struct hkp_dsm_store hkp_dsm_store;

/** Where and why a store is refused. */
struct hkp_dsm_store_fault {
    /** name of the file inside the directory, NUL-terminated */
    char file[32];
    /** what is wrong, NUL-terminated */
    char what[160];
    /** byte offset in it, or 0xFFFFFFFFFFFFFFFF if that is not known */
    uint64_t offset;
};

/**
 * Open the store of one node, or create it.
 *
 * A second process is kept out by a lock. Damage is told and never repaired: a torn last record of the WAL,
 * which was never acted on, is the only thing that is cut off (D-STO-5).
 *
 * @param out        receives the store, owned by the caller
 * @param directory  an existing directory, NUL-terminated, borrowed for the call
 * @param create     1: make the files if none of them is there; 0: they must exist
 * @param fault      filled on HKP_E_IO and HKP_E_DSM_WAL_CORRUPT; may be NULL
 *
 * @retval HKP_OK                  open
 * @retval HKP_E_NOMEM             no memory
 * @retval HKP_E_STATE             another process has it open
 * @retval HKP_E_NOTFOUND          it is not there and create is 0
 * @retval HKP_E_IO                a file cannot be used, is missing or damaged; fault says which and where
 * @retval HKP_E_DSM_WAL_CORRUPT   a bad record of the WAL is followed by a good one; fault says where
 *
 * Cost: opens files; checks the whole database once.
 * Source: D-STO-4, D-STO-5, D-STO-7; README ruling 10.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_open(hkp_dsm_store **out, const char *directory, int32_t create,
                                                   struct hkp_dsm_store_fault *fault);

/**
 * Close the store; what was not committed is lost.
 *
 * @param store  a store or NULL
 *
 * Cost: closes files.
 * Source: style 2.4.
 * Since: hookprobe-dsm 0.1
 */
HKP_API void hkp_dsm_store_close(hkp_dsm_store *store);

/**
 * Execute one store request of a node; reads are answered before it returns, writes by the next commit.
 *
 * @param store  a store
 * @param node   the node that asked
 * @param now    nanoseconds, monotonic
 * @param ev     an event of kind HKP_DSM_EV_STORE_*; its pointers are used only at the start of the call
 *
 * @retval HKP_OK       executed
 * @retval HKP_E_INVAL  no store request
 * @retval HKP_E_IO     the system refused; the node was told and is dead
 * @retval HKP_E_NOMEM  no memory; the node was told and is dead
 *
 * Cost: one statement of SQLite.
 * Source: dsm.md 7.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_apply(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now,
                                                    const struct hkp_dsm_event *ev);

/**
 * Make all writes since the last commit durable, rows before WAL records, and tell the node.
 *
 * @param store  a store
 * @param node   the node that asked
 * @param now    nanoseconds, monotonic
 *
 * @retval HKP_OK    durable, or there was nothing to write
 * @retval HKP_E_IO  the system refused; the node was told and is dead
 *
 * Cost: one commit of SQLite if rows were written, one fdatasync if WAL records were.
 * Source: D-STO-1, D-STO-2.
 * Since: hookprobe-dsm 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_dsm_store_commit(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now);

#ifdef __cplusplus
}
#endif

#include <hookprobe/dsm/ask.h>
#include <hookprobe/dsm/audit.h>
#include <hookprobe/dsm/auth.h>
#include <hookprobe/dsm/directory.h>
#include <hookprobe/dsm/gossip.h>
#include <hookprobe/dsm/lists.h>
#include <hookprobe/dsm/members.h>
#include <hookprobe/dsm/officer.h>
#include <hookprobe/dsm/revocation.h>
#include <hookprobe/dsm/store.h>
#include <hookprobe/dsm/telemetry.h>
#include <hookprobe/dsm/witness.h>
#include <hookprobe/dsm/workload.h>

#endif
