/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libter: what this device is and what it just saw. Records (TER1), their chain, signed checkpoints (TCK1),
 * measurement manifests (MAN1), the log; and, from hkp_ter_capture_new() on, the part that reads the system.
 *
 * Threads: as in base.h. All integers on the wire and on disk are little-endian (NZ1 0).
 */
#ifndef HOOKPROBE_TER_H
#define HOOKPROBE_TER_H

#include <hookprobe/base.h>

#define HKP_TER_VERSION_MAJOR 0
#define HKP_TER_VERSION_MINOR 1
#define HKP_TER_VERSION_PATCH 0
#define HKP_TER_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes (NZ1 0.2, 1, 2.4, 4, 5). */
enum {
    HKP_TER_SIZE = 64,
    HKP_TER_CURSOR_SIZE = 104,
    HKP_TER_TCK_SIZE = 256,
    HKP_TER_RBA_SIZE = 192,
    HKP_TER_MANIFEST_MIN = 128,
    HKP_TER_MANIFEST_MAX = 4194304,
    HKP_TER_PATH_MAX = 4095,
    HKP_TER_NAME_MAX = 64,
    HKP_TER_SOURCES = 4,
    HKP_TER_SOURCE_CAP = 16384
};

/* Limits (NZ1 0.2). */
enum { HKP_TER_TCK_EVERY = 64 };
#define HKP_TER_TIME_MAX 0x7FFFFFFFFFFFFFFFULL
#define HKP_TER_MAX_AGE_US 60000000ULL
#define HKP_TER_TCK_NS 60000000000ULL
/** Time below which no clock can be right: the release of this version, Unix microseconds (NZ1 2.1). */
#define HKP_TER_BUILD_US 1793491200000000ULL

/* Results of this library: HKP_E_TER_BASE - code (NZ1 23). */
enum {
    HKP_E_TER_LENGTH = -0x101,
    HKP_E_TER_TIME_RANGE = -0x102,
    HKP_E_TER_ENTROPY_ZERO = -0x103,
    HKP_E_TER_REPLAY = -0x104,
    HKP_E_TER_GAP = -0x105,
    HKP_E_TER_CRC = -0x106,
    HKP_E_TER_TIME_ORDER = -0x107,
    HKP_E_TER_ENTROPY_REPEAT = -0x108,
    HKP_E_TER_HCHAIN = -0x109,
    HKP_E_TER_EMPTY = -0x10A,
    HKP_E_TER_INDEX = -0x10B,
    /** the record that was accepted last, again: ignore, no error */
    HKP_E_TER_DUPLICATE = -0x10C,
    HKP_E_TER_SOURCE = -0x10D,
    HKP_E_TER_TCK_LENGTH = -0x114,
    HKP_E_TER_TCK_MAGIC = -0x115,
    HKP_E_TER_TCK_VERSION = -0x116,
    HKP_E_TER_TCK_FLAGS = -0x117,
    HKP_E_TER_TCK_RESERVED = -0x118,
    HKP_E_TER_TCK_NODE = -0x119,
    HKP_E_TER_TCK_SIGNATURE = -0x11A,
    HKP_E_TER_TCK_INDEX = -0x11B,
    HKP_E_TER_TCK_PREV = -0x11C,
    HKP_E_TER_TCK_HCHAIN = -0x11D,
    HKP_E_TER_TCK_TIME = -0x11E,
    HKP_E_TER_TCK_INTEGRITY = -0x11F,
    HKP_E_TER_TCK_POLICY = -0x120,
    HKP_E_TER_LOG_HEADER = -0x128,
    HKP_E_TER_LOG_NODE = -0x129,
    HKP_E_TER_LOG_ORDER = -0x12A,
    HKP_E_TER_LOG_CORRUPT = -0x12B,
    HKP_E_TER_LOG_ROLLBACK = -0x12C,
    HKP_E_TER_LOG_FULL = -0x12D,
    HKP_E_TER_LOG_IO = -0x12E,
    /** sound up to an offset, then a tail that an interrupted write explains */
    HKP_E_TER_LOG_TORN = -0x12F,
    HKP_E_TER_MAN_LENGTH = -0x132,
    HKP_E_TER_MAN_MAGIC = -0x133,
    HKP_E_TER_MAN_VERSION = -0x134,
    HKP_E_TER_MAN_RESERVED = -0x135,
    HKP_E_TER_MAN_NODE = -0x136,
    HKP_E_TER_MAN_SIGNER = -0x137,
    HKP_E_TER_MAN_SIGNATURE = -0x138,
    HKP_E_TER_MAN_ITEM = -0x139,
    HKP_E_TER_MAN_ALLOW = -0x13A,
    HKP_E_TER_MAN_SELF = -0x13B
};

/* Warnings about an accepted TER: bits; they change no result (NZ1 3.3). */
enum { HKP_TER_W_STALE = 1, HKP_TER_W_FUTURE = 2, HKP_TER_W_PAUSE = 4, HKP_TER_W_INTEGRITY = 8 };

/* Flags of a TCK1 (NZ1 4). */
enum {
    HKP_TER_FLAG_CLOCK_BACK = 1,
    HKP_TER_FLAG_CLOCK_HELD = 2,
    HKP_TER_FLAG_BOOT = 4,
    HKP_TER_FLAG_GAP = 8,
    HKP_TER_FLAG_INTEGRITY = 16,
    HKP_TER_FLAG_REBASE = 32,
    HKP_TER_FLAG_BOOT_MADE = 64
};

/** The fields of a TER (NZ1 1). */
struct hkp_ter_record {
    /** Unix microseconds, 1..HKP_TER_TIME_MAX in a valid record */
    uint64_t timestamp_us;
    /** index mod 65,536 */
    uint16_t sequence;
    /** CRC-16 of the record before; 0 for the first */
    uint16_t chain_crc;
    uint8_t h_entropy[32];
    uint8_t h_integrity[20];
};

/** Where a verifier stands in one device's stream (NZ1 3.1); made by hkp_ter_cursor_init(). */
struct hkp_ter_cursor {
    /** TERs accepted so far = index of the next one */
    uint64_t index;
    /** h_index */
    uint8_t h[32];
    /** TER_{index-1} if has_last */
    uint8_t last_ter[64];
    /** 0 or 1 */
    uint32_t has_last;
    /** zero */
    uint32_t reserved0;
};

/** What rule 2.1 needs to know; see hkp_ter_clock_decide(). */
struct hkp_ter_clock {
    /** CLOCK_REALTIME, Unix microseconds */
    uint64_t realtime_us;
    /** CLOCK_BOOTTIME, microseconds */
    uint64_t boottime_us;
    /** timestamp of the TER before; 0: there is none yet */
    uint64_t prev_us;
    /** CLOCK_BOOTTIME at that TER, if has_prev_boottime */
    uint64_t prev_boottime_us;
    /** time that a peer told (HTP-3.8); 0: none did */
    uint64_t told_us;
    /** how long the first TER has been waiting for a clock, microseconds */
    uint64_t waited_us;
    /** lower bound of the time; 0: HKP_TER_BUILD_US */
    uint64_t build_us;
    /** 1: the kernel says that its clock is synchronised */
    uint32_t synchronised;
    /** 1: prev_boottime_us is known */
    uint32_t has_prev_boottime;
};

/** What goes into h_entropy (NZ1 2.2). */
struct hkp_ter_sources {
    /** content of /proc/stat, /proc/meminfo, /proc/net/dev, /proc/diskstats; borrowed; NULL: unreadable */
    const uint8_t *bytes[4];
    /** bytes of each; what exceeds HKP_TER_SOURCE_CAP is ignored */
    size_t len[4];
    /** CLOCK_MONOTONIC_RAW */
    uint64_t mono_sec;
    uint64_t mono_nsec;
    /** boot UUID in text order */
    uint8_t boot_id[16];
    /** fresh from the system's generator */
    uint8_t r[32];
};

/** The fields of a TCK1 (NZ1 4). */
struct hkp_ter_tck {
    /** TERs covered, at least 1 */
    uint64_t n;
    /** of TER_{n-1} */
    uint64_t timestamp_us;
    /** HKP_TER_FLAG_* */
    uint32_t flags;
    uint32_t policy_ver;
    uint32_t log_gen;
    uint8_t node_id[16];
    /** h_n */
    uint8_t h[32];
    /** R behind h_integrity of TER_{n-1} */
    uint8_t root[32];
    /** SHA-256 of the TCK1 before, zero for the first */
    uint8_t prev[32];
    uint8_t boot_id[16];
    uint8_t h_ref[20];
};

/** What the verifier of a TCK1 knows at n. */
struct hkp_ter_tck_verifier {
    /** its cursor at n; borrowed */
    const struct hkp_ter_cursor *cursor;
    uint32_t policy_ver;
    uint32_t log_gen;
    uint8_t node_id[16];
    /** Ed25519 */
    uint8_t device_public[32];
    uint8_t h_ref[20];
};

/** What a new holder knows when a TCK1 arrives in ENROL (NZ1 22.3, check 2). */
struct hkp_ter_tck_enrol {
    /** newest TCK1 of this node that is held, [256], borrowed; NULL: none */
    const uint8_t *held;
    /** h_{n-1} and TER_{n-1} as sent along, [32] and [64], borrowed */
    const uint8_t *h_before;
    const uint8_t *ter;
    /** neuro_gen of the node's certificate */
    uint32_t gen;
    uint8_t node_id[16];
    /** Ed25519 */
    uint8_t device_public[32];
};

/** Where and why the system, or what was found on it, was refused. Filled on failure only. */
struct hkp_ter_diag {
    /** byte offset in the file */
    uint64_t offset;
    /** errno, 0 if the system had no complaint */
    int32_t system_error;
    /** what the call returned */
    hkp_status status;
    /** NUL-terminated */
    char reason[96];
    char path[4096];
};

/** Options of hkp_ter_capture_new(). */
struct hkp_ter_capture_options {
    /** set by hkp_ter_capture_options_init() */
    uint32_t struct_size;
    /** 1: the operator vouches for the clock where the kernel does not (containers); 0: ask the kernel */
    uint32_t clock_trusted;
    struct hkp_mem mem;
    /** where the four sources are, NULL: "/proc"; read by _new only */
    const char *proc_path;
    /** folder that keeps the boot id where the kernel shows none; NULL: such a system is refused */
    const char *state_path;
    /** how long the first TER waits for a clock, microseconds; 0: 600,000,000 */
    uint64_t clock_wait_us;
};

typedef struct hkp_ter_capture hkp_ter_capture;

/* ---- General ---- */

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-ter 0.1
 */
HKP_API const char *hkp_ter_version(void);

/**
 * Name of a result of this library or of base.h, for logs.
 *
 * @param status  any value
 *
 * @return its name without HKP_, such as "E_TER_GAP", static; "E_?" if it is of neither
 *
 * Cost: none.
 * Source: NZ1 23.
 * Since: hookprobe-ter 0.1
 */
HKP_API const char *hkp_ter_status_name(hkp_status status);

/**
 * Class of a result of this library or of base.h.
 *
 * @param status  any value
 *
 * @return HKP_CLASS_*; HKP_CLASS_BUG for a value of neither
 *
 * Cost: none.
 * Source: NZ1 23 "Classes".
 * Since: hookprobe-ter 0.1
 */
HKP_API int32_t hkp_ter_status_class(hkp_status status);

/**
 * Overwrite memory that held a secret, in a way that the compiler keeps.
 *
 * @param ptr  [len] bytes of the caller; NULL if len is 0
 * @param len  bytes
 *
 * Cost: len bytes written.
 * Source: style 2.8.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_wipe(void *ptr, size_t len);

/**
 * CRC-16/CCITT-FALSE, as in chain_crc.
 *
 * @param data  [len] bytes, borrowed; NULL if len is 0
 * @param len   bytes
 *
 * @return the checksum; 0x29B1 for "123456789"
 *
 * Cost: one table step a byte.
 * Source: NZ1 0.
 * Since: hookprobe-ter 0.1
 */
HKP_API uint16_t hkp_ter_crc16(const uint8_t *data, size_t len);

/**
 * CRC-32 of IEEE 802.3, as in log records and file headers.
 *
 * @param data  [len] bytes, borrowed; NULL if len is 0
 * @param len   bytes
 *
 * @return the checksum; 0xCBF43926 for "123456789"
 *
 * Cost: one table step a byte.
 * Source: NZ1 0.
 * Since: hookprobe-ter 0.1
 */
HKP_API uint32_t hkp_ter_crc32(const uint8_t *data, size_t len);

/**
 * RIPEMD-160; RMD160(R) is h_integrity and h_ref.
 *
 * @param data    [len] bytes, borrowed; NULL if len is 0
 * @param len     bytes
 * @param digest  [20] bytes out
 *
 * Cost: one hash; no allocation.
 * Source: NZ1 2.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_ripemd160(const uint8_t *data, size_t len, uint8_t digest[20]);

/**
 * Key id of a policy key: the first half of its SHA-256.
 *
 * @param policy_public  Ed25519 public key
 * @param key_id         [16] bytes out
 *
 * Cost: one hash.
 * Source: NZ1 11.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_key_id(const uint8_t policy_public[32], uint8_t key_id[16]);

/* ---- Records and their chain ---- */

/**
 * Write the 64 bytes of a TER.
 *
 * @param record  any values
 * @param ter     [64] bytes out
 *
 * Cost: none.
 * Source: NZ1 1.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_record_encode(const struct hkp_ter_record *record, uint8_t ter[64]);

/**
 * Read the fields of a TER; judges nothing but the length.
 *
 * @param record  out
 * @param ter     [len] bytes, borrowed
 * @param len     bytes
 *
 * @retval HKP_OK            record is filled
 * @retval HKP_E_TER_LENGTH  len is not 64; record is untouched
 *
 * Cost: none.
 * Source: NZ1 1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_record_decode(struct hkp_ter_record *record, const uint8_t *ter,
                                                      size_t len);

/**
 * One step of the hash chain: h_{i+1} = SHA256("TER1 chain" || h_i || TER_i).
 *
 * @param h     h_i
 * @param ter   TER_i
 * @param next  [32] bytes out, h_{i+1}; may be h
 *
 * Cost: one hash of 106 bytes.
 * Source: NZ1 3.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_chain_step(const uint8_t h[32], const uint8_t ter[64], uint8_t next[32]);

/**
 * Cursor before the first TER of a device: {0, h_0, none}.
 *
 * @param cursor         out
 * @param node_id        the device
 * @param device_public  its Ed25519 public key
 *
 * Cost: one hash.
 * Source: NZ1 3.1, 3.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_cursor_init(struct hkp_ter_cursor *cursor, const uint8_t node_id[16],
                                 const uint8_t device_public[32]);

/**
 * Cursor as 104 bytes, as in snapshots: LE64 index || h || last_ter, zeros for none.
 *
 * @param cursor  borrowed
 * @param bytes   [104] out
 *
 * Cost: none.
 * Source: NZ1 5.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_cursor_encode(const struct hkp_ter_cursor *cursor, uint8_t bytes[104]);

/**
 * Cursor from 104 bytes.
 *
 * @param cursor  out
 * @param bytes   [104], borrowed
 *
 * @retval HKP_OK       cursor is filled
 * @retval HKP_E_INVAL  a last TER at index 0, none at a higher one, or one whose sequence is not that of
 *                      the index; cursor is untouched
 *
 * Cost: none.
 * Source: NZ1 5.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_cursor_decode(struct hkp_ter_cursor *cursor,
                                                      const uint8_t bytes[104]);

/**
 * Accept the next TER of a stream, or say which rule it breaks first.
 *
 * @param cursor  advanced on HKP_OK, unchanged otherwise
 * @param ter     [len] bytes, borrowed
 * @param len     bytes
 * @param h       [32] h that was supplied beside the TER, borrowed; NULL: none was
 *
 * @retval HKP_OK                    accepted
 * @retval HKP_E_TER_LENGTH          len is not 64
 * @retval HKP_E_TER_TIME_RANGE      timestamp is 0 or above HKP_TER_TIME_MAX
 * @retval HKP_E_TER_ENTROPY_ZERO    h_entropy is zero
 * @retval HKP_E_TER_DUPLICATE       the record accepted last: ignore
 * @retval HKP_E_TER_REPLAY          sequence lies behind
 * @retval HKP_E_TER_GAP             sequence lies ahead: ask for the range
 * @retval HKP_E_TER_CRC             chain_crc is not that of the last record
 * @retval HKP_E_TER_TIME_ORDER      timestamp is not later than the last
 * @retval HKP_E_TER_ENTROPY_REPEAT  h_entropy is that of the last record
 * @retval HKP_E_TER_HCHAIN          h is not that of the chain
 * @retval HKP_E_TER_INDEX           the stream has reached its end
 *
 * Cost: a CRC and at most one hash.
 * Source: NZ1 3.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_cursor_accept(struct hkp_ter_cursor *cursor, const uint8_t *ter,
                                                      size_t len, const uint8_t *h);

/**
 * Accept TERs one after the other; stops at the first that is neither accepted nor a duplicate.
 *
 * @param cursor    advanced by those that were accepted
 * @param ters      [n][64] bytes, borrowed
 * @param n         records
 * @param position  out, also on failure: records passed, so the position of the refused one
 *
 * @retval HKP_OK           all n passed
 * @retval HKP_E_TER_EMPTY  n is 0
 * @retval HKP_E_TER_LENGTH, HKP_E_TER_TIME_RANGE, HKP_E_TER_ENTROPY_ZERO, HKP_E_TER_REPLAY, HKP_E_TER_GAP,
 *         HKP_E_TER_CRC, HKP_E_TER_TIME_ORDER, HKP_E_TER_ENTROPY_REPEAT, HKP_E_TER_INDEX
 *                          as hkp_ter_cursor_accept() at position
 *
 * Cost: n times hkp_ter_cursor_accept().
 * Source: NZ1 3.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_cursor_accept_list(struct hkp_ter_cursor *cursor, const uint8_t *ters,
                                                           size_t n, size_t *position);

/**
 * Warnings about a TER; they feed the trust score and change nothing else.
 *
 * @param ter      [64] bytes, borrowed
 * @param prev     [64] the TER before it, borrowed; NULL: none
 * @param wall_us  the verifier's time, Unix microseconds
 * @param h_ref    the reference in force
 *
 * @return HKP_TER_W_* bits
 *
 * Cost: none.
 * Source: NZ1 3.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API uint32_t hkp_ter_warnings(const uint8_t ter[64], const uint8_t *prev, uint64_t wall_us,
                                  const uint8_t h_ref[20]);

/* ---- What a TER is made of ---- */

/**
 * Timestamp of the next TER from the values of the clocks.
 *
 * @param clock         the clocks and what is known of them, borrowed
 * @param timestamp_us  out, Unix microseconds
 * @param flags         out, HKP_TER_FLAG_CLOCK_BACK, HKP_TER_FLAG_CLOCK_HELD or 0
 *
 * @retval HKP_OK                timestamp_us and flags are set
 * @retval HKP_E_STATE           the first TER has to wait for a clock (at most 600 s); ask again
 * @retval HKP_E_TER_TIME_RANGE  the stream has used up all time
 *
 * Cost: none.
 * Source: NZ1 2.1.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_clock_decide(const struct hkp_ter_clock *clock,
                                                     uint64_t *timestamp_us, uint32_t *flags);

/**
 * h_entropy over the bytes of the four sources.
 *
 * @param sources    borrowed
 * @param h_entropy  [32] bytes out
 *
 * @retval HKP_OK            h_entropy is set
 * @retval HKP_E_TER_SOURCE  all four are unreadable
 *
 * Cost: one hash of at most 65,636 bytes; no allocation.
 * Source: NZ1 2.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_entropy_digest(const struct hkp_ter_sources *sources,
                                                       uint8_t h_entropy[32]);

/* ---- Checkpoint TCK1 ---- */

/**
 * Fill in what the stream decides of the next TCK1: n, h, timestamp, prev. The rest of tck stays as it is.
 *
 * @param tck       in and out
 * @param cursor    end of the stream, borrowed
 * @param previous  [256] the TCK1 before, from hkp_ter_log_last_tck(), borrowed; NULL: this is the first
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_STATE  no TER since the beginning, or none since previous; tck is untouched
 *
 * Cost: one hash.
 * Source: NZ1 4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tck_begin(struct hkp_ter_tck *tck,
                                                  const struct hkp_ter_cursor *cursor,
                                                  const uint8_t *previous);

/**
 * Write and sign a TCK1.
 *
 * @param tck            its fields
 * @param device_secret  Ed25519 secret key of the device as libsodium holds it (seed || public key)
 * @param bytes          [256] out
 *
 * @retval HKP_OK       bytes is set
 * @retval HKP_E_INVAL  n is 0 or an unknown flag is set
 *
 * Cost: one signature.
 * Source: NZ1 4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tck_sign(const struct hkp_ter_tck *tck,
                                                 const uint8_t device_secret[64], uint8_t bytes[256]);

/**
 * Read the fields of a TCK1; judges its form, not its signature.
 *
 * @param tck    out
 * @param bytes  [len], borrowed
 * @param len    bytes
 *
 * @retval HKP_OK                  tck is filled
 * @retval HKP_E_TER_TCK_LENGTH    len is not 256
 * @retval HKP_E_TER_TCK_MAGIC     not a TCK1
 * @retval HKP_E_TER_TCK_VERSION   not version 1
 * @retval HKP_E_TER_TCK_FLAGS     an unknown flag
 * @retval HKP_E_TER_TCK_RESERVED  a zero field is not zero
 *
 * Cost: none.
 * Source: NZ1 4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tck_decode(struct hkp_ter_tck *tck, const uint8_t *bytes, size_t len);

/**
 * Verify a TCK1 against the one before it and the verifier's own cursor at its n.
 *
 * @param bytes     [len], borrowed
 * @param len       bytes
 * @param previous  [256] the TCK1 verified before, borrowed; NULL: this must be the first
 * @param verifier  what is known at n, borrowed
 *
 * @retval HKP_OK                   it holds
 * @retval HKP_E_TER_TCK_LENGTH, HKP_E_TER_TCK_MAGIC, HKP_E_TER_TCK_VERSION, HKP_E_TER_TCK_FLAGS,
 *         HKP_E_TER_TCK_RESERVED   as hkp_ter_tck_decode()
 * @retval HKP_E_TER_TCK_NODE       of another node or log_gen
 * @retval HKP_E_TER_TCK_SIGNATURE  forged or changed
 * @retval HKP_E_TER_TCK_INDEX      n is 0 or not above that of previous
 * @retval HKP_E_TER_TCK_PREV       does not follow previous
 * @retval HKP_E_TER_TCK_HCHAIN     h_n differs
 * @retval HKP_E_TER_TCK_TIME       timestamp is not that of TER_{n-1}
 * @retval HKP_E_TER_TCK_INTEGRITY  R is not behind the h_integrity of TER_{n-1}
 * @retval HKP_E_TER_TCK_POLICY     policy_ver or h_ref differ, or policy_ver fell
 *
 * Cost: one signature, two hashes.
 * Source: NZ1 4.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tck_verify(const uint8_t *bytes, size_t len, const uint8_t *previous,
                                                   const struct hkp_ter_tck_verifier *verifier);

/**
 * Verify the TCK1 of an ENROL message, with which a new holder begins.
 *
 * @param bytes  [len], borrowed
 * @param len    bytes
 * @param enrol  what the holder knows and what was sent along, borrowed
 *
 * @retval HKP_OK                   it holds
 * @retval HKP_E_TER_TCK_LENGTH, HKP_E_TER_TCK_MAGIC, HKP_E_TER_TCK_VERSION, HKP_E_TER_TCK_FLAGS,
 *         HKP_E_TER_TCK_RESERVED   as hkp_ter_tck_decode()
 * @retval HKP_E_TER_TCK_NODE       of another node, log_gen above gen or below that of held
 * @retval HKP_E_TER_TCK_SIGNATURE  forged or changed
 * @retval HKP_E_TER_TCK_INDEX      n is 0; or, in one log_gen, below that of held, or equal with other bytes
 *                                  (then both together prove a fork)
 * @retval HKP_E_TER_TCK_HCHAIN     h_n is not that of h_before and ter
 * @retval HKP_E_TER_TCK_TIME       timestamp is not that of ter
 * @retval HKP_E_TER_TCK_INTEGRITY  R is not behind the h_integrity of ter
 * @retval HKP_E_TER_TCK_POLICY     policy_ver is below that of held
 *
 * Cost: one signature, two hashes.
 * Source: NZ1 22.3, check 2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_tck_verify_enrol(const uint8_t *bytes, size_t len,
                                                         const struct hkp_ter_tck_enrol *enrol);

/* ---- The system: files ---- */

/**
 * Fill in a generator that asks the kernel (getrandom).
 *
 * @param rng  out
 *
 * Cost: none; a fill is one system call.
 * Source: style 2.5.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_system_rng(struct hkp_rng *rng);

/**
 * Fill in an allocator for secrets: pages of their own between guard pages, locked so that they are never
 * swapped, left out of core dumps, wiped when freed.
 *
 * Where the limit of locked memory (RLIMIT_MEMLOCK) is used up, memory is given all the same, unlocked.
 * A process that holds secrets should also not be dumpable (prctl PR_SET_DUMPABLE); that is the program's.
 *
 * @param mem     out
 * @param locked  out: 1: a page could be locked just now; 0: not
 *
 * @retval HKP_OK             filled in
 * @retval HKP_E_UNSUPPORTED  libsodium cannot be used here
 * @retval HKP_E_NOMEM        no memory at all
 *
 * Cost: each allocation takes at least four pages and some system calls: for long-lived objects.
 * Source: NZ1 15; style 2.8.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_locked_mem(struct hkp_mem *mem, int32_t *locked);

/**
 * Read a whole regular file.
 *
 * @param path          NUL-terminated
 * @param private_only  1: refuse a file that others than its owner may read or write (keys); else 0
 * @param dst           [cap] bytes out; may be partly written on failure
 * @param cap           bytes
 * @param len           out, bytes read
 *
 * @retval HKP_OK          dst[len] is the content
 * @retval HKP_E_NOTFOUND  there is no such file
 * @retval HKP_E_NOSPC     it is larger than cap
 * @retval HKP_E_STATE     others may read or write it, or it is no regular file
 * @retval HKP_E_IO        the system refused
 *
 * Cost: no allocation.
 * Source: NZ1 5.3 "protected key file".
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_file_read(const char *path, int32_t private_only, uint8_t *dst,
                                                  size_t cap, size_t *len);

/**
 * Replace a file so that after a crash either the old or the new content is there: temporary file of mode
 * 0600, fsync, rename, fsync of the folder.
 *
 * @param path   NUL-terminated, at most 4000 bytes; its folder exists
 * @param bytes  [len] borrowed
 * @param len    bytes
 *
 * @retval HKP_OK       durable
 * @retval HKP_E_INVAL  path is empty or too long
 * @retval HKP_E_IO     the system refused; the old content stands, or after a failed last step the new one
 *
 * Cost: no allocation; two fsync.
 * Source: NZ1 5.1, 5.3.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_file_write(const char *path, const uint8_t *bytes, size_t len);

/* ---- The system: capture ---- */

/**
 * Default options of a capture.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_capture_options_init(struct hkp_ter_capture_options *opt, size_t struct_size);

/**
 * Open the sources of a device's TERs, once; they stay open.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 * @param now  monotonic; the wait for a clock begins here
 *
 * @retval HKP_OK            out is set
 * @retval HKP_E_INVAL       an option is outside its range
 * @retval HKP_E_TOOBIG      opt asks for more than this build knows
 * @retval HKP_E_NOMEM       the allocator returned nothing
 * @retval HKP_E_TER_SOURCE  none of the sources, or no boot id and no folder to keep one
 * @retval HKP_E_IO          the boot id could not be kept
 *
 * Cost: one allocation of 66 kB.
 * Source: NZ1 2.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_capture_new(hkp_ter_capture **out,
                                                    const struct hkp_ter_capture_options *opt, hkp_time now);

/**
 * Close the sources.
 *
 * @param capture  NULL is allowed
 *
 * Cost: one release.
 * Source: NZ1 2.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_capture_free(hkp_ter_capture *capture);

/**
 * Tell the time that a peer told, for a first TER that waits for a clock.
 *
 * @param capture  the object
 * @param wall_us  Unix microseconds, above 0
 *
 * Cost: none.
 * Source: NZ1 2.1, HTP-3.8.
 * Since: hookprobe-ter 0.1
 */
HKP_API void hkp_ter_capture_tell_time(hkp_ter_capture *capture, uint64_t wall_us);

/**
 * Boot id of this start, as it stands in h_entropy and belongs into TCK1 and the log.
 *
 * @param capture  the object
 * @param boot_id  [16] bytes out
 *
 * @return 1 if it was made here because the kernel shows none (HKP_TER_FLAG_BOOT_MADE), else 0
 *
 * Cost: none.
 * Source: NZ1 2.2.
 * Since: hookprobe-ter 0.1
 */
HKP_API int32_t hkp_ter_capture_boot_id(const hkp_ter_capture *capture, uint8_t boot_id[16]);

/**
 * Make the TER that follows a cursor. The cursor is not moved: append the TER to the log first.
 *
 * @param capture      the object
 * @param now          monotonic
 * @param cursor       end of this device's stream, borrowed
 * @param h_integrity  from hkp_ter_measure_run()
 * @param ter          [64] bytes out
 * @param flags        out, HKP_TER_FLAG_CLOCK_BACK, HKP_TER_FLAG_CLOCK_HELD or 0
 *
 * @retval HKP_OK                ter and flags are set
 * @retval HKP_E_STATE           the first TER waits for a clock; try again later
 * @retval HKP_E_TER_SOURCE      no source is readable, or the kernel gives no randomness
 * @retval HKP_E_TER_TIME_RANGE  the stream has used up all time
 * @retval HKP_E_TER_INDEX       the stream has reached its end
 *
 * Cost: no allocation; the reads of four sources, one hash, one getrandom.
 * Source: NZ1 2.
 * Since: hookprobe-ter 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_ter_capture_next(hkp_ter_capture *capture, hkp_time now,
                                                     const struct hkp_ter_cursor *cursor,
                                                     const uint8_t h_integrity[20], uint8_t ter[64],
                                                     uint32_t *flags);

#ifdef __cplusplus
}
#endif

#include <hookprobe/ter/endorsement.h>
#include <hookprobe/ter/fuzzy.h>
#include <hookprobe/ter/hardware.h>
#include <hookprobe/ter/keystore.h>
#include <hookprobe/ter/log.h>
#include <hookprobe/ter/manifest.h>
#include <hookprobe/ter/pin.h>
#include <hookprobe/ter/quote.h>
#include <hookprobe/ter/tpm.h>
#include <hookprobe/ter/verify.h>

#endif
