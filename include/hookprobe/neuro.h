/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro: what this device has become. NZ1 states that evolve with every TER, proofs over them, the
 * instances that two nodes share about one of them, and trust.
 *
 * Threads: as in base.h. A commit belongs to the owner or holder that gave it: one thread at a time for all
 * three. All integers on the wire and on disk are little-endian (NZ1 0).
 */
#ifndef HOOKPROBE_NEURO_H
#define HOOKPROBE_NEURO_H

#include <hookprobe/base.h>

#define HKP_NEURO_VERSION_MAJOR 0
#define HKP_NEURO_VERSION_MINOR 1
#define HKP_NEURO_VERSION_PATCH 0
#define HKP_NEURO_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits (NZ1 0.2, 12, 17, 22; SYN-2.3). */
enum {
    /** a serialised state */
    HKP_NEURO_STATE_SIZE = 112052,
    HKP_NEURO_RBA_SIZE = 192,
    HKP_NEURO_ENROL_SIZE = 616,
    HKP_NEURO_CTX_SIZE = 72,
    /** policy keys of one object */
    HKP_NEURO_KEYS_MAX = 8,
    /** TERs between commits, default */
    HKP_NEURO_COMMIT_TERS = 4096,
    /** TERs replayed in one burst without a cap on trust */
    HKP_NEURO_CATCHUP_MAX = 65536,
    /** records in one LOG message */
    HKP_NEURO_LOG_RECORDS_MAX = 1024,
    /** bytes of the largest message that an owner or holder sends */
    HKP_NEURO_SEND_MAX = 65548,
    /** bytes of records that one call of hkp_neuro_owner_log() takes */
    HKP_NEURO_LOG_BYTES_MAX = 65536,
    /** TERs that a holder keeps */
    HKP_NEURO_KEPT_MAX = 131072,
    HKP_NEURO_DRIFT_ALIGNED = 10000,
    HKP_NEURO_DRIFT_LOST = 50000,
    /** 1.0 in trust */
    HKP_NEURO_ONE = 65536
};
#define HKP_NEURO_COMMIT_NS 3600000000000ULL

/* Results of this library: HKP_E_NEURO_BASE - code (NZ1 23, SYN-10). */
enum {
    HKP_E_NEURO_TIME = -0x23C,
    HKP_E_NEURO_STEP = -0x23D,
    HKP_E_NEURO_LENGTH = -0x23E,
    HKP_E_NEURO_MAGIC = -0x23F,
    HKP_E_NEURO_VERSION = -0x240,
    HKP_E_NEURO_FLAGS = -0x241,
    HKP_E_NEURO_COUNT = -0x242,
    HKP_E_NEURO_WEIGHT = -0x243,
    HKP_E_NEURO_STATE = -0x244,
    HKP_E_NEURO_RBA_FORMAT = -0x246,
    HKP_E_NEURO_RBA_NODE = -0x247,
    HKP_E_NEURO_RBA_SIGNER = -0x248,
    HKP_E_NEURO_RBA_SIGNATURE = -0x249,
    HKP_E_NEURO_RBA_ROOT = -0x24A,
    HKP_E_NEURO_RBA_VERSION = -0x24B,
    HKP_E_NEURO_RBA_EXPIRED = -0x24C,
    HKP_E_NEURO_REPLAY_BASE = -0x250,
    HKP_E_NEURO_REPLAY_TER = -0x251,
    HKP_E_NEURO_REPLAY_REBASE = -0x252,
    HKP_E_NEURO_REPLAY_SHORT = -0x253,
    HKP_E_NEURO_REPLAY_HCHAIN = -0x254,
    HKP_E_NEURO_REPLAY_PROOF = -0x255,
    HKP_E_NEURO_ENROL_LENGTH = -0x25A,
    HKP_E_NEURO_ENROL_CHAIN = -0x25B,
    HKP_E_NEURO_ENROL_NODE = -0x25C,
    HKP_E_NEURO_ENROL_CERT = -0x25D,
    HKP_E_NEURO_ENROL_STATE = -0x25E,
    HKP_E_NEURO_ENROL_TER = -0x25F,
    HKP_E_NEURO_ENROL_POLICY = -0x260,
    HKP_E_NEURO_ENROL_TAG = -0x261,
    HKP_E_NEURO_SYN_LENGTH = -0x264,
    HKP_E_NEURO_SYN_VERSION = -0x265,
    HKP_E_NEURO_SYN_RESERVED = -0x266,
    HKP_E_NEURO_SYN_TYPE = -0x267,
    HKP_E_NEURO_SYN_COUNT = -0x268,
    HKP_E_NEURO_SYN_RECORD = -0x269,
    HKP_E_NEURO_SYN_RANGE = -0x26A,
    HKP_E_NEURO_SYN_ROLE = -0x26B,
    HKP_E_NEURO_SYN_NODE = -0x26C,
    HKP_E_NEURO_SYN_GEN = -0x26D,
    HKP_E_NEURO_SYN_MAC = -0x26E,
    HKP_E_NEURO_SYN_POSF = -0x26F,
    HKP_E_NEURO_SYN_ORDER = -0x270,
    HKP_E_NEURO_SYN_SIGNER = -0x271,
    HKP_E_NEURO_SYN_GROUP = -0x272,
    HKP_E_NEURO_SYN_SIG = -0x273,
    HKP_E_NEURO_SYN_SUITE = -0x274,
    HKP_E_NEURO_SYN_CE = -0x275,
    HKP_E_NEURO_SYN_REPLAY = -0x276,
    HKP_E_NEURO_SYN_SKIP = -0x277,
    HKP_E_NEURO_SYN_AUTH = -0x278,
    HKP_E_NEURO_SYN_MAGIC = -0x279,
    HKP_E_NEURO_SYN_SHARE = -0x27A,
    HKP_E_NEURO_SYN_SHARE_DUP = -0x27B,
    HKP_E_NEURO_SYN_SHARE_COUNT = -0x27C,
    /* the lab, <hookprobe/neuro_lab.h> (LAB-10) */
    HKP_E_NEURO_LAB_ARCH = -0x28C,
    HKP_E_NEURO_LAB_ROUNDS = -0x28D,
    HKP_E_NEURO_LAB_LIMIT = -0x28E,
    HKP_E_NEURO_LAB_LENGTH = -0x28F,
    HKP_E_NEURO_LAB_RANGE = -0x290,
    HKP_E_NEURO_LAB_STATE = -0x291,
    HKP_E_NEURO_LAB_CANCELLED = -0x292,
    HKP_E_NEURO_LAB_UNENCODABLE = -0x293,
    HKP_E_NEURO_LAB_COMMIT = -0x294,
    HKP_E_NEURO_LAB_ABORT = -0x295,
    HKP_E_NEURO_LAB_ROUND = -0x296,
    HKP_E_NEURO_LAB_FILE = -0x297
};

/* How a state computes; all give the same bits (NZ1 15). */
enum {
    /** the best that this processor has */
    HKP_NEURO_VARIANT_AUTO = 0,
    HKP_NEURO_VARIANT_SCALAR = 1,
    /** the vector unit that every processor of this kind has */
    HKP_NEURO_VARIANT_BASE = 2,
    HKP_NEURO_VARIANT_AVX2 = 3
};

/* Resonance states (NZ1 13.5). */
enum {
    HKP_NEURO_UNALIGNED = 0,
    HKP_NEURO_SEEKING = 1,
    HKP_NEURO_ALIGNED = 2,
    HKP_NEURO_DRIFTING = 3,
    HKP_NEURO_LOST = 4
};

/* Roles in a PoSF (NZ1 13.1). */
enum { HKP_NEURO_ROLE_E = 0x45, HKP_NEURO_ROLE_V = 0x56 };

/* States of an instance (NZ1 22.5). */
enum {
    HKP_NEURO_INSTANCE_NONE = 0,
    HKP_NEURO_INSTANCE_PENDING = 1,
    HKP_NEURO_INSTANCE_ACTIVE = 2,
    HKP_NEURO_INSTANCE_STALE = 3,
    HKP_NEURO_INSTANCE_LOST = 4
};

/* What moves an instance (NZ1 22.5). */
enum {
    HKP_NEURO_MOVE_ENROL = 0,
    HKP_NEURO_MOVE_HANDSHAKE = 1,
    HKP_NEURO_MOVE_GAP = 2,
    HKP_NEURO_MOVE_CONTRADICTION = 3
};

/* Why an instance became what it is; hkp_neuro_cause_text(). */
enum {
    HKP_NEURO_CAUSE_NONE = 0,
    HKP_NEURO_CAUSE_ENROLLED = 1,
    HKP_NEURO_CAUSE_HANDSHAKE = 2,
    /** the owner's log has a gap */
    HKP_NEURO_CAUSE_GAP = 3,
    /** its log was too far behind to be kept (NZ1 22.6) */
    HKP_NEURO_CAUSE_RETENTION = 4,
    /** another history than the one held */
    HKP_NEURO_CAUSE_HISTORY = 5,
    /** a proposal from a base that is not held: an old state or a copy */
    HKP_NEURO_CAUSE_BASE = 6,
    /** the replayed history does not give the proof */
    HKP_NEURO_CAUSE_PROOF = 7,
    /** the holder's acknowledgement is not of this state: it knows another successor */
    HKP_NEURO_CAUSE_ACK = 8,
    /** two signed checkpoints contradict each other */
    HKP_NEURO_CAUSE_FORK = 9,
    /** a wrong PoSF, RDV or signature in an established session */
    HKP_NEURO_CAUSE_TAG = 10
};

/* Classes of HTP streams that carry the messages of SYN-2 (HTP-10.8). */
enum { HKP_NEURO_CLASS_TER = 1, HKP_NEURO_CLASS_COMMIT = 2, HKP_NEURO_CLASS_POLICY = 6 };

/* Types of messages (SYN-2.3). */
enum {
    HKP_NEURO_MSG_LOG = 0x01,
    HKP_NEURO_MSG_PROPOSE = 0x11,
    HKP_NEURO_MSG_CKACK = 0x12,
    HKP_NEURO_MSG_WANT = 0x13,
    HKP_NEURO_MSG_NONE = 0x14,
    HKP_NEURO_MSG_ASK = 0x15,
    HKP_NEURO_MSG_HAVE = 0x16,
    HKP_NEURO_MSG_STATE_WANT = 0x17,
    HKP_NEURO_MSG_STATE = 0x18,
    HKP_NEURO_MSG_ENROL = 0x19,
    HKP_NEURO_MSG_ENROL_OK = 0x1A,
    HKP_NEURO_MSG_REBASE = 0x21,
    HKP_NEURO_MSG_POLICY = 0x22
};

/* Events of an owner or a holder. */
enum {
    /** nothing */
    HKP_NEURO_EVENT_NONE = 0,
    /** store bytes[len] under slot so that they survive a crash, then confirm ticket; only then an answer
       leaves */
    HKP_NEURO_EVENT_STORE = 1,
    /** owner: give durable log records from index from (up to index to) by hkp_neuro_owner_log(); from equal to
       to: what stands in the log behind TER from - 1, perhaps nothing */
    HKP_NEURO_EVENT_WANT_LOG = 2,
    /** the instance went from state from to state to, for cause */
    HKP_NEURO_EVENT_STATE = 3,
    /** a new commit was agreed at index from */
    HKP_NEURO_EVENT_COMMIT = 4,
    /** holder: an ENROL was refused with status: answer STOP code 1 */
    HKP_NEURO_EVENT_REFUSED = 5,
    /** owner: the holder holds TERs from..to-1 that are not in the log here; make no TER with these indexes.
     * bytes[32]: h at to, as it says */
    HKP_NEURO_EVENT_BEHIND = 6,
    /** owner: bytes[len] are log records from index from, brought back by the holder: append them to the log
     */
    HKP_NEURO_EVENT_RESTORED = 7,
    /** owner: the holder has not got TERs from..to-1 either: a GAP record is due */
    HKP_NEURO_EVENT_MISSING = 8,
    /** owner: bytes[192] are an RBA1 that a holder passed on and that holds here: log it, then rebase */
    HKP_NEURO_EVENT_REBASE = 9,
    /** owner: the exchange ASK/HAVE is over, or nobody answered: TERs may be made */
    HKP_NEURO_EVENT_READY = 10
};

/* Slots of EVENT_STORE. */
enum {
    /** all that was agreed: state, gens, E.cur or V.cur and V.prev */
    HKP_NEURO_SLOT_INSTANCE = 1,
    /** the owner's live state, to shorten a replay at the next start */
    HKP_NEURO_SLOT_LIVE = 2
};

/* Conditions and causes that trust reports (NZ1 16): the caps first, then what only lowers a component. */
enum {
    /** PoSF, RDV or signature wrong in an established session: cap 0 */
    HKP_NEURO_WHY_CONTRADICTION = 0x0001,
    /** history fork: cap 0 */
    HKP_NEURO_WHY_FORK = 0x0002,
    /** cap 0.30 */
    HKP_NEURO_WHY_MODE_N = 0x0004,
    HKP_NEURO_WHY_GAP = 0x0008,
    HKP_NEURO_WHY_STALE_INSTANCE = 0x0010,
    HKP_NEURO_WHY_FAR_FUTURE = 0x0020,
    /** cap 0.40 */
    HKP_NEURO_WHY_INTEGRITY = 0x0040,
    /** cap 0.50 */
    HKP_NEURO_WHY_CATCHUP = 0x0080,
    /** cap 0.60 */
    HKP_NEURO_WHY_NO_REPLICA = 0x0100,
    HKP_NEURO_WHY_STALE = 0x0200,
    HKP_NEURO_WHY_FUTURE = 0x0400,
    /** cap 0.80 */
    HKP_NEURO_WHY_NO_TPM = 0x0800,
    /** no cap: A is 0 */
    HKP_NEURO_WHY_ATTESTATION = 0x1000,
    /** no cap: L was halved */
    HKP_NEURO_WHY_CLOCK = 0x2000,
    /** no cap: TERs are missing from the last 64 periods */
    HKP_NEURO_WHY_TERS = 0x4000,
    /** no cap: the state is not aligned */
    HKP_NEURO_WHY_RESONANCE = 0x8000,
    /** no cap: the record is unlike those before */
    HKP_NEURO_WHY_NOVELTY = 0x10000,
    /** no cap: heartbeats were missed, or their round trips vary */
    HKP_NEURO_WHY_LINK = 0x20000,
    /** T is 0 until an operator ends it */
    HKP_NEURO_WHY_QUARANTINE = 0x40000
};
enum { HKP_NEURO_WHY_COUNT = 19 };

/* What a trust permits (NZ1 16, HTP-8.6). */
enum {
    HKP_NEURO_PERMIT_CLOSE = 0,
    HKP_NEURO_PERMIT_REPAIR = 1,
    HKP_NEURO_PERMIT_READ = 2,
    HKP_NEURO_PERMIT_ALL = 3
};

/** A state (NZ1 6); secret, in memory of its own. */
typedef struct hkp_neuro_state hkp_neuro_state;
/** An agreed state that no longer changes, with what is derived from it (NZ1 17); counted references. */
typedef struct hkp_neuro_commit hkp_neuro_commit;
/** The side of an instance whose TERs drive it (X of NZ1 22). */
typedef struct hkp_neuro_owner hkp_neuro_owner;
/** The side with the replica (Y of NZ1 22). */
typedef struct hkp_neuro_holder hkp_neuro_holder;

/** The public members of a state. */
struct hkp_neuro_state_info {
    /** TERs absorbed */
    uint64_t step;
    /** timestamp of the last one, Unix microseconds; 0 before the first */
    uint64_t last_us;
    uint32_t policy_ver;
    /** HKP_NEURO_VARIANT_SCALAR .. HKP_NEURO_VARIANT_AVX2 */
    uint32_t variant;
    uint8_t h_ref[20];
};

/** The fields of an RBA1 (NZ1 11). */
struct hkp_neuro_rba {
    uint64_t not_after_us;
    uint32_t policy_ver;
    uint8_t node_id[16];
    /** R'; h_ref' is its RIPEMD-160 */
    uint8_t root[32];
};

/** What the receiver of an ENROL knows (NZ1 22.3). */
struct hkp_neuro_enrol_facts {
    uint8_t chain_id[32];
    /** the peer of the session, and the receiver */
    uint8_t peer_id[16];
    uint8_t own_id[16];
    /** Ed25519 key of the peer */
    uint8_t device_public[32];
    /** newest TCK1 of the peer that is held, [256], borrowed; NULL: none */
    const uint8_t *held_tck;
    /** [n_keys][32] policy keys, borrowed */
    const uint8_t *keys;
    uint32_t n_keys;
    /** 1: NZ1 22.2 has this instance */
    uint32_t allowed;
    /** 1: both certificates were shown in this session */
    uint32_t certificates;
    /** neuro_gen in them */
    uint32_t gen_owner;
    uint32_t gen_holder;
    /** HKP_NEURO_INSTANCE_* here, and the gens it recorded */
    uint32_t state;
    uint32_t recorded_owner;
    uint32_t recorded_holder;
    /** least policy_ver that policy asks of the peer */
    uint32_t policy_ver;
    /** zero */
    uint32_t reserved0;
};

/** What a device shows of its log when it enrols: all at n of its newest TCK1 (NZ1 22.3). */
struct hkp_neuro_enrol_point {
    /** h_{n-1} */
    uint8_t h_before[32];
    /** TER_{n-1} */
    uint8_t ter[64];
    uint8_t tck[256];
    /** that put h_ref and policy_ver of the TCK1 in force */
    uint8_t rba[192];
};

/** One session that can carry the messages of an instance. */
struct hkp_neuro_session {
    /** 1: up; 0: gone, all else is ignored */
    uint32_t up;
    /** 1: mode R; 0: mode N, in which no PROPOSE is sent */
    uint32_t mode_r;
    /** 1: both certificates were shown */
    uint32_t certificates;
    /** neuro_gen in them: of the node whose TERs these are, and of the other */
    uint32_t gen_owner;
    uint32_t gen_holder;
    /** 1: NZ1 22.2 has this instance */
    uint32_t allowed;
    /** 1: exported is set (with PQ: from epoch 1 on; call again then) */
    uint32_t has_exported;
    /** holder: least policy_ver that policy asks of the peer */
    uint32_t policy_ver;
    /** EXPORT(e, "HKP1 nz1 seed", hkp_neuro_enrol_ctx(), 32) of HTP-6.6 */
    uint8_t exported[32];
};

/** Options of owners and holders; hkp_neuro_options_init(). Not zero by default: what is marked "needed". */
struct hkp_neuro_options {
    /** set by hkp_neuro_options_init() */
    uint32_t struct_size;
    /** HKP_NEURO_VARIANT_* */
    uint32_t variant;
    struct hkp_mem mem;
    /** needed: nonces of snapshots */
    struct hkp_rng rng;
    /** needed: the key under which snapshots are sealed */
    uint8_t state_key[32];
    /** needed */
    uint8_t chain_id[32];
    /** needed: X, whose TERs these are */
    uint8_t owner_id[16];
    /** needed: Y */
    uint8_t holder_id[16];
    /** needed: Ed25519 key of X */
    uint8_t owner_public[32];
    /** 32 bytes given to all nodes out of band, or zero */
    uint8_t mesh_seed[32];
    /** [n_policy_keys][32] keys that sign RBA1, copied */
    const uint8_t *policy_keys;
    uint32_t n_policy_keys;
    /** TERs between commits; 0: HKP_NEURO_COMMIT_TERS; at most HKP_NEURO_CATCHUP_MAX */
    uint32_t commit_ters;
    /** longest time between commits; 0: HKP_NEURO_COMMIT_NS */
    uint64_t commit_ns;
    /** how long TERs are collected before a LOG; 0: 5 s */
    uint64_t log_ns;
    /** the declared capture period of X; 0: 1,000,000 */
    uint64_t period_us;
};

/** What an owner or a holder wants of its host. */
struct hkp_neuro_event {
    /** HKP_NEURO_EVENT_* */
    uint32_t kind;
    /** HKP_NEURO_CAUSE_* */
    uint32_t cause;
    /** HKP_NEURO_SLOT_* of EVENT_STORE */
    uint32_t slot;
    /** of EVENT_REFUSED */
    hkp_status status;
    /** of EVENT_STORE */
    uint64_t ticket;
    uint64_t from;
    uint64_t to;
    /** borrowed until the next call on the object; those of EVENT_STORE until it is confirmed */
    const uint8_t *bytes;
    size_t len;
};

/** How an owner or a holder stands. */
struct hkp_neuro_instance_info {
    /** set by the caller to sizeof *info */
    uint32_t struct_size;
    /** HKP_NEURO_INSTANCE_* and why */
    uint32_t state;
    uint32_t cause;
    /** recorded neuro_gen (NZ1 22.4) */
    uint32_t gen_owner;
    uint32_t gen_holder;
    uint32_t policy_ver;
    /** where the instance began */
    uint64_t first_index;
    /** agreed commit: E.cur or V.cur; 0: none */
    uint64_t ck_index;
    /** V.prev at the holder, else ck_index */
    uint64_t prev_index;
    /** TERs that this side has seen, and those that its state has absorbed */
    uint64_t index;
    uint64_t state_index;
    /** n of the open PROPOSE; 0: none */
    uint64_t proposed_index;
    /** timestamp of the newest TER, Unix microseconds; 0: none */
    uint64_t newest_us;
    /** messages refused, TERs accepted, TERs that waited for credit */
    uint64_t refused;
    uint64_t accepted;
    uint64_t waited;
    /** oldest index that must be kept in the log for this instance (NZ1 22.6) */
    uint64_t keep_index;
};

/** Novelty of the records of one device (NZ1 16.5); zero at enrolment and after a rebase. */
struct hkp_neuro_novelty {
    /** mean loss, Q32 */
    uint64_t mean;
    /** healthy TERs */
    uint64_t count;
    /** loss of the newest TER, Q32 */
    uint64_t newest;
};

/** What T is made of. Components 0..65,536 (NZ1 16). */
struct hkp_neuro_trust_inputs {
    uint32_t a;
    uint32_t r;
    uint32_t i;
    uint32_t c;
    uint32_t n;
    uint32_t l;
    /** HKP_NEURO_WHY_* that hold */
    uint32_t why;
    /** 1: called at a good heartbeat */
    uint32_t good_heartbeat;
    /** 1: no neural state for this pair by decision */
    uint32_t neural_off;
    /** with neural_off, 1: the peer sends TERs */
    uint32_t sends_ters;
};

/** T and where it comes from. */
struct hkp_neuro_trust {
    /** 0..65,536 */
    uint32_t t;
    /** weighted mean before caps, and after */
    uint32_t t_raw;
    uint32_t t_new;
    /** caps that applied and components below their full value: HKP_NEURO_WHY_* */
    uint32_t why;
};

/** When contradictions came, and whether they ended in quarantine (NZ1 16). */
struct hkp_neuro_quarantine {
    /** of the last contradiction, if seen */
    uint64_t last_s;
    uint32_t seen;
    uint32_t quarantined;
};

/* ---- General ---- */

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_version(void);

/**
 * Name of a result of this library or of those below.
 *
 * @param status  any
 *
 * @return "E_NEURO_TIME" and the like, NUL-terminated, static
 *
 * Cost: none.
 * Source: NZ1 23, SYN-10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_status_name(hkp_status status);

/**
 * What a host does with a result of this library or of those below.
 *
 * @param status  any
 *
 * @return HKP_CLASS_*
 *
 * Cost: none.
 * Source: NZ1 23, SYN-10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_status_class(hkp_status status);

/**
 * A cause in words.
 *
 * @param cause  HKP_NEURO_CAUSE_*
 *
 * @return English text, NUL-terminated, static
 *
 * Cost: none.
 * Source: NZ1 16 "Reports name the cause".
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_cause_text(uint32_t cause);

/* ---- States ---- */

/**
 * Make a state; all of it is zero until hkp_neuro_state_enrol() or hkp_neuro_state_decode().
 *
 * @param out      the object, owned by the caller
 * @param mem      copied; NULL: malloc and free
 * @param variant  HKP_NEURO_VARIANT_*; one that this processor lacks is refused
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        mem is half an allocator, or variant is unknown
 * @retval HKP_E_UNSUPPORTED  this processor or build has no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: one allocation of about 112 kB.
 * Source: NZ1 6, 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_new(hkp_neuro_state **out, const struct hkp_mem *mem,
                                                    uint32_t variant);

/**
 * Wipe and release a state.
 *
 * @param state  NULL is allowed
 *
 * Cost: one release.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_free(hkp_neuro_state *state);

/**
 * Copy the content of a state; variant and memory stay those of dst.
 *
 * @param dst  out
 * @param src  borrowed, not dst
 *
 * Cost: a copy of 112 kB.
 * Source: NZ1 17 "working copies".
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_copy(hkp_neuro_state *dst, const hkp_neuro_state *src);

/**
 * Begin: state 0 of a device. The caller wipes the seed.
 *
 * @param state    the state
 * @param seed     [32] secret, borrowed
 * @param node_id  [16] of the device
 * @param h_ref    [20] reference integrity
 *
 * Cost: no allocation; one ChaCha20 stream of 72 kB.
 * Source: NZ1 8.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_enrol(hkp_neuro_state *state, const uint8_t seed[32], const uint8_t node_id[16],
                                   const uint8_t h_ref[20]);

/**
 * Absorb one TER, which the caller has validated (NZ1 3.3).
 *
 * @param state  the state
 * @param ter    [64] bytes, borrowed
 *
 * @retval HKP_OK            absorbed
 * @retval HKP_E_NEURO_TIME  its time is not after the last one; state is unchanged
 * @retval HKP_E_NEURO_STEP  the state has reached its end; state is unchanged
 *
 * Cost: no allocation; one ChaCha20 stream of 18 kB, two HMACs, the network forth and back. Constant time.
 * Source: NZ1 10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_evolve(hkp_neuro_state *state, const uint8_t ter[64]);

/**
 * Change the reference by an authorisation, after its checks.
 *
 * @param state    the state
 * @param node_id  [16] of the device
 * @param rba      [len] bytes, borrowed
 * @param len      bytes
 * @param keys     [n_keys][32] policy keys, borrowed
 * @param n_keys   keys
 *
 * @retval HKP_OK changed
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT, HKP_E_NEURO_RBA_VERSION, HKP_E_NEURO_RBA_EXPIRED  refused; state is unchanged
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_rebase(hkp_neuro_state *state, const uint8_t node_id[16],
                                                       const uint8_t *rba, size_t len, const uint8_t *keys,
                                                       size_t n_keys);

/**
 * Serialise a state. The bytes are secret.
 *
 * @param state  the state
 * @param bytes  [112052] out
 *
 * Cost: no allocation.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_encode(const hkp_neuro_state *state, uint8_t *bytes);

/**
 * Read a serialised state.
 *
 * @param state  the state
 * @param bytes  [len], borrowed
 * @param len    bytes
 *
 * @retval HKP_OK state is set
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION, HKP_E_NEURO_FLAGS, HKP_E_NEURO_COUNT,
 *         HKP_E_NEURO_WEIGHT, HKP_E_NEURO_STATE  refused; state is unchanged
 *
 * Cost: no allocation.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_state_decode(hkp_neuro_state *state, const uint8_t *bytes,
                                                       size_t len);

/**
 * Fingerprint F of a state. It is secret and never travels.
 *
 * @param state  the state
 * @param f      [64] out
 *
 * Cost: no allocation; SHA-512 of 112 kB. Constant time.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_fingerprint(const hkp_neuro_state *state, uint8_t f[64]);

/**
 * Proof of state: a MAC over a message that needs ratchet, fingerprint and network.
 *
 * @param state     the state
 * @param f         [64] fingerprint of the same state
 * @param role      HKP_NEURO_ROLE_E or HKP_NEURO_ROLE_V of the sender (0 in vectors)
 * @param msg_hash  [32] SHA-256 that names the kind of message
 * @param nonce     [8]
 * @param tag       [32] out
 *
 * Cost: no allocation; one forward pass, two HMACs. Constant time.
 * Source: NZ1 13.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_posf(const hkp_neuro_state *state, const uint8_t f[64], uint8_t role,
                                  const uint8_t msg_hash[32], const uint8_t nonce[8], uint8_t tag[32]);

/**
 * Pre-shared key of a state at an index.
 *
 * @param state  the state
 * @param f      [64] fingerprint of the same state
 * @param index  n_ck
 * @param psk    [32] out
 *
 * Cost: one HMAC.
 * Source: NZ1 13.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_psk(const hkp_neuro_state *state, const uint8_t f[64], uint64_t index,
                                 uint8_t psk[32]);

/**
 * How far the weights of two states are apart. Not constant time.
 *
 * @param a  borrowed
 * @param b  borrowed
 *
 * @return parts per million, 0..2,000,000; 0 does not mean equal
 *
 * Cost: no allocation; one pass.
 * Source: NZ1 13.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_state_drift(const hkp_neuro_state *a, const hkp_neuro_state *b);

/**
 * Loss of a TER before it is absorbed. Not constant time.
 *
 * @param state  the state
 * @param ter    [64] bytes, borrowed
 * @param loss   out, Q32: with the integrity term
 * @param base   out, Q32: L_base, what novelty is computed from
 *
 * Cost: one forward pass.
 * Source: NZ1 9.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_loss(const hkp_neuro_state *state, const uint8_t ter[64], uint64_t *loss,
                                  uint64_t *base);

/**
 * The public members of a state.
 *
 * @param state  the state
 * @param info   out
 *
 * Cost: none.
 * Source: NZ1 6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_state_info(const hkp_neuro_state *state, struct hkp_neuro_state_info *info);

/**
 * Resonance state from what was compared.
 *
 * @param have_replica     1: yes
 * @param clock_undecided  1: yes
 * @param same_index       1: yes
 * @param equal_proof      1: yes
 * @param drift_known      1: yes
 * @param drift_ppm        parts per million
 *
 * @return HKP_NEURO_UNALIGNED .. HKP_NEURO_LOST
 *
 * Cost: none.
 * Source: NZ1 13.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_resonance(int32_t have_replica, int32_t clock_undecided, int32_t same_index,
                                     int32_t equal_proof, int32_t drift_known, uint32_t drift_ppm);

/* ---- Rebase RBA1 ---- */

/**
 * Make an authorisation to change the reference.
 *
 * @param rba            fields, borrowed
 * @param policy_secret  [64] Ed25519 secret key in libsodium's form
 * @param bytes          [192] out
 *
 * Cost: one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_rba_sign(const struct hkp_neuro_rba *rba, const uint8_t policy_secret[64],
                                uint8_t bytes[192]);

/**
 * Check an authorisation without the two conditions about a state (version and expiry), and give its fields.
 *
 * @param rba      out; h_ref' is RIPEMD-160 of its root
 * @param bytes    [len], borrowed
 * @param len      bytes
 * @param node_id  [16] of the device
 * @param keys     [n_keys][32] policy keys, borrowed
 * @param n_keys   keys
 *
 * @retval HKP_OK rba is set
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT  refused; rba is unchanged
 *
 * Cost: one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_rba_check(struct hkp_neuro_rba *rba, const uint8_t *bytes,
                                                    size_t len, const uint8_t node_id[16],
                                                    const uint8_t *keys, size_t n_keys);

/* ---- Commits ---- */

/**
 * One more reference to a commit.
 *
 * @param commit  borrowed
 *
 * @return the same commit; give it back by hkp_neuro_commit_unref()
 *
 * Cost: none.
 * Source: NZ1 17 "a state pinned by a live key epoch".
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_neuro_commit *hkp_neuro_commit_ref(hkp_neuro_commit *commit);

/**
 * Give a reference back; the last one wipes and releases.
 *
 * @param commit  NULL is allowed
 *
 * Cost: at most one release.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_unref(hkp_neuro_commit *commit);

/**
 * Index of a commit.
 *
 * @param commit  borrowed
 *
 * @return TER index, at least 1
 *
 * Cost: none.
 * Source: NZ1 22.1 "ck_index".
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_commit_index(const hkp_neuro_commit *commit);

/**
 * Time of a commit: that of its last TER, or 0 when it has absorbed none.
 *
 * @param commit  borrowed
 *
 * @return Unix microseconds
 *
 * Cost: none.
 * Source: NZ1 13.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_commit_last_us(const hkp_neuro_commit *commit);

/**
 * Pre-shared key of a commit.
 *
 * @param commit  borrowed
 * @param psk     [32] out, secret
 *
 * Cost: none.
 * Source: NZ1 13.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_psk(const hkp_neuro_commit *commit, uint8_t psk[32]);

/**
 * Fingerprint of a commit.
 *
 * @param commit  borrowed
 * @param f       [64] out, secret
 *
 * Cost: none.
 * Source: NZ1 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_f(const hkp_neuro_commit *commit, uint8_t f[64]);

/**
 * Proof of state over a commit.
 *
 * @param commit    borrowed
 * @param role      HKP_NEURO_ROLE_E or HKP_NEURO_ROLE_V of the sender
 * @param msg_hash  [32]
 * @param nonce     [8]
 * @param tag       [32] out
 *
 * Cost: no allocation; one forward pass, two HMACs. Constant time.
 * Source: NZ1 13.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_commit_posf(const hkp_neuro_commit *commit, uint8_t role, const uint8_t msg_hash[32],
                                   const uint8_t nonce[8], uint8_t tag[32]);

/* ---- Rules of instances ---- */

/**
 * Context of an instance's seed, for the exporter.
 *
 * @param chain_id    [32]
 * @param owner_id    [16] X
 * @param holder_id   [16] Y
 * @param gen_owner   neuro_gen of X
 * @param gen_holder  neuro_gen of Y
 * @param ctx         [72] out
 *
 * Cost: none.
 * Source: NZ1 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_enrol_ctx(const uint8_t chain_id[32], const uint8_t owner_id[16],
                                 const uint8_t holder_id[16], uint32_t gen_owner, uint32_t gen_holder,
                                 uint8_t ctx[72]);

/**
 * Seed of an instance.
 *
 * @param mesh_seed  [32]
 * @param ctx        [72] of hkp_neuro_enrol_ctx()
 * @param exported   [32] secret of the session
 * @param seed       [32] out, secret
 *
 * Cost: one HMAC.
 * Source: NZ1 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_enrol_seed(const uint8_t mesh_seed[32], const uint8_t ctx[72],
                                  const uint8_t exported[32], uint8_t seed[32]);

/**
 * Judge the body of an ENROL.
 *
 * @param body           [len], borrowed
 * @param len            bytes
 * @param facts          borrowed
 * @param proof_of_fork  out: 1 if the TCK1 in it and the one held prove a fork to everybody
 *
 * @retval HKP_OK                                                it holds
 * @retval HKP_E_NEURO_ENROL_LENGTH .. HKP_E_NEURO_ENROL_POLICY  the check that failed
 * @retval HKP_E_TER_TCK_*                                       the check of its TCK1 that failed
 * @retval HKP_E_NEURO_RBA_*                                     the check of its RBA1 that failed
 *
 * Cost: two signatures.
 * Source: NZ1 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_enrol_check(const uint8_t *body, size_t len,
                                                      const struct hkp_neuro_enrol_facts *facts,
                                                      int32_t *proof_of_fork);

/**
 * Whether certificates show that one side began anew.
 *
 * @param recorded_owner   neuro_gen that the instance recorded of X
 * @param recorded_holder  of Y
 * @param gen_owner        in the certificate of X
 * @param gen_holder       of Y
 *
 * @return 1 if so, else 0
 *
 * Cost: none.
 * Source: NZ1 22.4 fresh().
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_instance_fresh(uint32_t recorded_owner, uint32_t recorded_holder,
                                         uint32_t gen_owner, uint32_t gen_holder);

/**
 * Whether an instance may be enrolled.
 *
 * @param state            HKP_NEURO_INSTANCE_* that it has now
 * @param recorded_owner   neuro_gen that it recorded of X
 * @param recorded_holder  of Y
 * @param gen_owner        in the certificate of X
 * @param gen_holder       of Y
 *
 * @return 1 if so, else 0
 *
 * Cost: none.
 * Source: NZ1 22.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_enrol_permitted(uint32_t state, uint32_t recorded_owner, uint32_t recorded_holder,
                                          uint32_t gen_owner, uint32_t gen_holder);

/**
 * Whether E may open a session to V in mode N.
 *
 * @param ev_state       HKP_NEURO_INSTANCE_* of (E>V)
 * @param ev_recorded_e  neuro_gen of E that it recorded
 * @param ev_recorded_v  of V
 * @param ve_state       of (V>E)
 * @param ve_recorded_e  neuro_gen of E that it recorded
 * @param ve_recorded_v  of V
 * @param gen_e          in the certificate of E
 * @param gen_v          of V
 *
 * @return 1 if so, else 0
 *
 * Cost: none.
 * Source: NZ1 22.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API int32_t hkp_neuro_mode_n_permitted(uint32_t ev_state, uint32_t ev_recorded_e, uint32_t ev_recorded_v,
                                           uint32_t ve_state, uint32_t ve_recorded_e, uint32_t ve_recorded_v,
                                           uint32_t gen_e, uint32_t gen_v);

/**
 * The state machine of an instance.
 *
 * @param state  HKP_NEURO_INSTANCE_*
 * @param move   HKP_NEURO_MOVE_*; a permitted ENROL, a completed mode-R handshake, a gap, a contradiction
 *
 * @return HKP_NEURO_INSTANCE_*
 *
 * Cost: none.
 * Source: NZ1 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_instance_next(uint32_t state, uint32_t move);

/* ---- Messages ---- */

/**
 * Check the framing of a message.
 *
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 * @param type          out, HKP_NEURO_MSG_*
 *
 * @retval HKP_OK                    type is set; the content follows its own rules
 * @retval HKP_E_NEURO_SYN_LENGTH    too short or too long
 * @retval HKP_E_NEURO_SYN_TYPE      unknown, or not of this class
 * @retval HKP_E_NEURO_SYN_RESERVED  a zero field is not zero
 * @retval HKP_E_NEURO_SYN_COUNT     number of log records
 * @retval HKP_E_NEURO_SYN_RECORD    a log record of unknown type or wrong checksum
 * @retval HKP_E_NEURO_SYN_RANGE     empty or too long a range
 *
 * Cost: one checksum for LOG.
 * Source: SYN-2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_msg_check(uint32_t stream_class, const uint8_t *msg, size_t len,
                                                    uint32_t *type);

/**
 * Default options of an owner or a holder.
 *
 * @param opt          out
 * @param struct_size  sizeof *opt as the caller knows it
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_options_init(struct hkp_neuro_options *opt, size_t struct_size);

/* ---- Owner: the side whose TERs drive an instance ---- */

/**
 * Make an owner without an instance.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 * @param now  monotonic
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        an option is outside its range
 * @retval HKP_E_TOOBIG       opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED  there is no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: the object; states of 112 kB are allocated when the instance is enrolled.
 * Source: NZ1 22.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_new(hkp_neuro_owner **out,
                                                    const struct hkp_neuro_options *opt, hkp_time now);

/**
 * Make an owner from what EVENT_STORE gave before a restart.
 *
 * @param out        the object, owned by the caller
 * @param opt        borrowed for the call
 * @param now        monotonic
 * @param bytes      [len] of slot INSTANCE, borrowed
 * @param len        bytes
 * @param live       [live_len] of slot LIVE, borrowed, or NULL; one that does not open or lies behind the log
 * is left aside
 * @param live_len   bytes
 * @param log_index  end of the device's own log
 *
 * @retval HKP_OK                                                      out is set
 * @retval HKP_E_INVAL                                                 an option is outside its range
 * @retval HKP_E_TOOBIG                                                opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED                                           there is no such variant
 * @retval HKP_E_NOMEM                                                 the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION  not such bytes
 * @retval HKP_E_NEURO_STATE                                           damaged, of another instance, or under
 * another key
 * @retval HKP_E_TER_LOG_ROLLBACK                                      the log ends before the agreed commit
 *
 * Cost: the object and its states.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_load(hkp_neuro_owner **out,
                                                     const struct hkp_neuro_options *opt, hkp_time now,
                                                     const uint8_t *bytes, size_t len, const uint8_t *live,
                                                     size_t live_len, uint64_t log_index);

/**
 * Wipe and release; commits that are still referenced live on.
 *
 * @param owner  NULL is allowed
 *
 * Cost: releases.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_free(hkp_neuro_owner *owner);

/**
 * Tell that a session with the other node is up, changed or gone.
 *
 * @param owner    the object
 * @param now      monotonic
 * @param session  borrowed; exported is copied and wiped after its use
 *
 * Cost: none.
 * Source: NZ1 22.3, SYN-2.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_session(hkp_neuro_owner *owner, hkp_time now,
                                     const struct hkp_neuro_session *session);

/**
 * Enrol in the session that is up. The message leaves by hkp_neuro_owner_send(); the state changes when the
 * answer came and was stored.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param point  borrowed
 *
 * @retval HKP_OK                                           the message is ready
 * @retval HKP_E_STATE                                      no session, no certificates, no exported value, an
 * ENROL is under way, or the TCK1 is not yet durable by hkp_neuro_owner_durable()
 * @retval HKP_E_NEURO_ENROL_NODE                           NZ1 22.2 has no such instance
 * @retval HKP_E_NEURO_ENROL_STATE                          not permitted by NZ1 22.4
 * @retval HKP_E_TER_TCK_*                                  point is not what an honest log gives
 * @retval HKP_E_NEURO_RBA_*                                point has no sound RBA1
 * @retval HKP_E_NEURO_ENROL_TER, HKP_E_NEURO_ENROL_POLICY  point does not fit together
 * @retval HKP_E_NOMEM                                      the allocator returned nothing
 *
 * Cost: two signatures, one state.
 * Source: NZ1 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_enrol(hkp_neuro_owner *owner, hkp_time now,
                                                      const struct hkp_neuro_enrol_point *point);

/**
 * Absorb the next TER of the device, after it was appended to the log.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param ter    [64] bytes, borrowed
 *
 * @retval HKP_OK                              absorbed, or there is nothing to absorb it
 * @retval HKP_E_STATE                         the state is behind the log: EVENT_WANT_LOG asks for what is
 * missing, this one included
 * @retval HKP_E_TER_*                         not the next TER; nothing changed
 * @retval HKP_E_NEURO_TIME, HKP_E_NEURO_STEP  as hkp_neuro_state_evolve(); nothing changed
 *
 * Cost: no allocation; one evolution.
 * Source: NZ1 5.1, 10.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_ter(hkp_neuro_owner *owner, hkp_time now,
                                                    const uint8_t ter[64]);

/**
 * Change the reference after the TERs so far, after the rebase was appended to the log.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param index  cursor index at which the rebase stands in the log
 * @param rba    [192] bytes, borrowed
 *
 * @retval HKP_OK             changed, or there is no instance
 * @retval HKP_E_STATE        the state is behind the log: EVENT_WANT_LOG will bring it
 * @retval HKP_E_NEURO_RBA_*  refused; nothing changed
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_rebase(hkp_neuro_owner *owner, hkp_time now, uint64_t index,
                                                       const uint8_t rba[192]);

/**
 * Tell up to which index the log is durable: only that may leave.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param index  TERs below it are durable; never falls
 *
 * Cost: none.
 * Source: NZ1 5.1 "durable before visible".
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_durable(hkp_neuro_owner *owner, hkp_time now, uint64_t index);

/**
 * Answer EVENT_WANT_LOG with records as they stand in the log.
 *
 * @param owner    the object
 * @param now      monotonic
 * @param first    cursor before the first record: from of the event
 * @param count    records, 0..HKP_NEURO_LOG_RECORDS_MAX; 0: not to be had
 * @param records  [len] bytes, borrowed
 * @param len      bytes, at most HKP_NEURO_LOG_BYTES_MAX
 *
 * @retval HKP_OK                                          taken
 * @retval HKP_E_STATE                                     nothing was asked for, or not this
 * @retval HKP_E_INVAL                                     too many
 * @retval HKP_E_NEURO_SYN_RECORD, HKP_E_NEURO_SYN_LENGTH  not such records; nothing changed
 * @retval HKP_E_TER_*, HKP_E_NEURO_*                      a record does not follow; what stood before it was
 * taken
 *
 * Cost: no allocation; an evolution for each TER that the state has not seen.
 * Source: SYN-2.5, NZ1 5.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_log(hkp_neuro_owner *owner, hkp_time now, uint64_t first,
                                                    size_t count, const uint8_t *records, size_t len);

/**
 * Tell that TERs are gone from the log for good (a GAP record), or are not kept for this instance any longer.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param cause  HKP_NEURO_CAUSE_GAP or HKP_NEURO_CAUSE_RETENTION
 *
 * Cost: none.
 * Source: NZ1 5.2, 22.6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_gap(hkp_neuro_owner *owner, hkp_time now, uint32_t cause);

/**
 * Hold back PROPOSE while a HELLO, ATTEST or REKEY on this instance is unanswered.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param hold   1: hold back; 0: go on
 *
 * Cost: none.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_hold(hkp_neuro_owner *owner, hkp_time now, int32_t hold);

/**
 * Tell that a mode-R handshake on this instance was completed (for X by ACCEPT, for Y by ATTEST).
 *
 * @param owner       the object
 * @param now         monotonic
 * @param ck_index    commit that it named
 * @param gen_owner   neuro_gen in the certificate of X, 0 if it was not shown
 * @param gen_holder  of Y
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 22.4, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_handshake(hkp_neuro_owner *owner, hkp_time now, uint64_t ck_index,
                                       uint32_t gen_owner, uint32_t gen_holder);

/**
 * Tell a contradiction that others found: a wrong tag for the second time, a proof of a fork.
 *
 * @param owner  the object
 * @param now    monotonic
 * @param cause  HKP_NEURO_CAUSE_FORK or HKP_NEURO_CAUSE_TAG
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 17, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_contradiction(hkp_neuro_owner *owner, hkp_time now, uint32_t cause);

/**
 * Hand over one message of the other node about this instance.
 *
 * @param owner         the object
 * @param now           monotonic
 * @param wall_us       Unix microseconds
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 *
 * @retval HKP_OK                 taken, or not of interest
 * @retval HKP_E_NEURO_SYN_*      framing; nothing changed
 * @retval HKP_E_STATE            not now; nothing changed
 * @retval HKP_E_NEURO_ENROL_TAG  the answer to ENROL is of another state; nothing is stored
 * @retval HKP_E_NOMEM            the allocator returned nothing; hand it over again
 *
 * Cost: a signature for ENROL and each TCK1; a bounded number of evolutions.
 * Source: SYN-2, NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_recv(hkp_neuro_owner *owner, hkp_time now, uint64_t wall_us,
                                                     uint32_t stream_class, const uint8_t *msg, size_t len);

/**
 * Next message for the other node.
 *
 * @param owner         the object
 * @param now           monotonic
 * @param stream_class  out, HKP_NEURO_CLASS_*
 * @param dst           [cap] out
 * @param cap           bytes, HKP_NEURO_SEND_MAX is always enough
 * @param len           out, bytes; 0: there is none
 *
 * @retval HKP_OK       len is set
 * @retval HKP_E_NOSPC  cap is too small; nothing was taken
 *
 * Cost: no allocation.
 * Source: SYN-2.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_send(hkp_neuro_owner *owner, hkp_time now,
                                                     uint32_t *stream_class, uint8_t *dst, size_t cap,
                                                     size_t *len);

/**
 * Next thing that the object wants of its host; pull until there is none.
 *
 * @param owner  the object
 * @param event  out; kind is HKP_NEURO_EVENT_NONE if there is none
 *
 * @retval HKP_OK          event is set
 * @retval HKP_E_NOMEM     no memory for what has to be stored; try again
 * @retval HKP_E_CALLBACK  no randomness for a nonce; try again
 *
 * Cost: for EVENT_STORE one allocation and the sealing of one or two states.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_event(hkp_neuro_owner *owner, struct hkp_neuro_event *event);

/**
 * Confirm that what EVENT_STORE asked for is durable.
 *
 * @param owner   the object
 * @param now     monotonic
 * @param ticket  of the event
 *
 * @retval HKP_OK          noted; what was withheld may now leave
 * @retval HKP_E_NOTFOUND  no such ticket
 *
 * Cost: one release.
 * Source: NZ1 17 "persisted before use".
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_stored(hkp_neuro_owner *owner, hkp_time now, uint64_t ticket);

/**
 * Do what is due; call it when hkp_neuro_owner_wake() has passed.
 *
 * @param owner  the object
 * @param now    monotonic
 *
 * Cost: no allocation but for a new commit; a bounded number of evolutions.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_owner_tick(hkp_neuro_owner *owner, hkp_time now);

/**
 * When the next call of hkp_neuro_owner_tick() is due.
 *
 * @param owner  the object
 *
 * @return monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_owner_wake(const hkp_neuro_owner *owner);

/**
 * The agreed commit of an index, with a reference: E.cur.
 *
 * @param owner     the object
 * @param ck_index  index; 0: the newest one
 * @param out       commit; give it back by hkp_neuro_commit_unref()
 *
 * @retval HKP_OK          out is set
 * @retval HKP_E_NOTFOUND  no slot has this index, or the instance is none or LOST
 *
 * Cost: none.
 * Source: NZ1 17, 22.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_commit(hkp_neuro_owner *owner, uint64_t ck_index,
                                                       hkp_neuro_commit **out);

/**
 * How the instance stands.
 *
 * @param owner  the object
 * @param info   struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_owner_info(const hkp_neuro_owner *owner,
                                                     struct hkp_neuro_instance_info *info);

/* ---- Holder: the side with the replica ---- */

/**
 * Make a holder without an instance.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 * @param now  monotonic
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        an option is outside its range
 * @retval HKP_E_TOOBIG       opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED  there is no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: the object; states of 112 kB are allocated when the instance is enrolled.
 * Source: NZ1 22.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_new(hkp_neuro_holder **out,
                                                     const struct hkp_neuro_options *opt, hkp_time now);

/**
 * Make a holder from what EVENT_STORE gave before a restart.
 *
 * @param out    the object, owned by the caller
 * @param opt    borrowed for the call
 * @param now    monotonic
 * @param bytes  [len] of slot INSTANCE, borrowed
 * @param len    bytes
 *
 * @retval HKP_OK                                                      out is set
 * @retval HKP_E_INVAL                                                 an option is outside its range
 * @retval HKP_E_TOOBIG                                                opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED                                           there is no such variant
 * @retval HKP_E_NOMEM                                                 the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION  not such bytes
 * @retval HKP_E_NEURO_STATE                                           damaged, of another instance, or under
 * another key
 *
 * Cost: the object and its states.
 * Source: NZ1 5.3, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_load(hkp_neuro_holder **out,
                                                      const struct hkp_neuro_options *opt, hkp_time now,
                                                      const uint8_t *bytes, size_t len);

/**
 * Wipe and release; commits that are still referenced live on.
 *
 * @param holder  NULL is allowed
 *
 * Cost: releases.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_free(hkp_neuro_holder *holder);

/**
 * Tell that a session with the other node is up, changed or gone.
 *
 * @param holder   the object
 * @param now      monotonic
 * @param session  borrowed; exported is copied and wiped after its use
 *
 * Cost: none.
 * Source: NZ1 22.3, SYN-2.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_session(hkp_neuro_holder *holder, hkp_time now,
                                      const struct hkp_neuro_session *session);

/**
 * Tell that a mode-R handshake on this instance was completed (for X by ACCEPT, for Y by ATTEST).
 *
 * @param holder      the object
 * @param now         monotonic
 * @param ck_index    commit that it named
 * @param gen_owner   neuro_gen in the certificate of X, 0 if it was not shown
 * @param gen_holder  of Y
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 22.4, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_handshake(hkp_neuro_holder *holder, hkp_time now, uint64_t ck_index,
                                        uint32_t gen_owner, uint32_t gen_holder);

/**
 * Tell a contradiction that others found: a wrong tag for the second time, a proof of a fork.
 *
 * @param holder  the object
 * @param now     monotonic
 * @param cause   HKP_NEURO_CAUSE_FORK or HKP_NEURO_CAUSE_TAG
 *
 * Cost: none; an event asks to store it.
 * Source: NZ1 17, 22.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_contradiction(hkp_neuro_holder *holder, hkp_time now, uint32_t cause);

/**
 * Tell an authorisation that was issued to the device and is not yet in its log: while its newest TER shows
 * that reference, component I is one half instead of 0.
 *
 * The newest one counts. It counts no longer once a rebase of its version or above has come in the log, or
 * once the device's time has passed not_after_us. It is not stored: give it again after
 * hkp_neuro_holder_load() and after an enrolment.
 *
 * @param holder  the object
 * @param rba     [192] bytes, borrowed
 *
 * @retval HKP_OK                    it counts from now on
 * @retval HKP_E_STATE               there is no replica that takes a rebase
 * @retval HKP_E_NEURO_RBA_FORMAT, HKP_E_NEURO_RBA_NODE, HKP_E_NEURO_RBA_SIGNER, HKP_E_NEURO_RBA_SIGNATURE,
 *         HKP_E_NEURO_RBA_ROOT      refused; nothing changed
 * @retval HKP_E_NEURO_RBA_VERSION   applied already, too far above the policy in force, or below another that
 *                                   counts; nothing changed
 * @retval HKP_E_NEURO_RBA_EXPIRED   the newest TER is later than not_after_us; nothing changed
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 11, 16.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_pending(hkp_neuro_holder *holder, const uint8_t rba[192]);

/**
 * Hand over one message of the other node about this instance.
 *
 * @param holder        the object
 * @param now           monotonic
 * @param wall_us       Unix microseconds
 * @param stream_class  HKP_NEURO_CLASS_* of its stream
 * @param msg           [len], borrowed
 * @param len           bytes
 *
 * @retval HKP_OK                                                   taken, or not of interest
 * @retval HKP_E_NEURO_SYN_*                                        framing; nothing changed
 * @retval HKP_E_STATE                                              not now; nothing changed
 * @retval HKP_E_LIMIT                                              no credit for TERs, or too many are
 * waiting: hand it over again after hkp_neuro_holder_wake()
 * @retval HKP_E_NEURO_ENROL_*, HKP_E_TER_TCK_*, HKP_E_NEURO_RBA_*  ENROL refused; nothing changed
 * @retval HKP_E_TER_*, HKP_E_NEURO_REPLAY_*                        a record does not follow; what stood
 * before it was taken
 * @retval HKP_E_NOMEM                                              the allocator returned nothing; hand it
 * over again
 *
 * Cost: a signature for ENROL and each TCK1; a bounded number of evolutions.
 * Source: SYN-2, NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_recv(hkp_neuro_holder *holder, hkp_time now,
                                                      uint64_t wall_us, uint32_t stream_class,
                                                      const uint8_t *msg, size_t len);

/**
 * Next message for the other node.
 *
 * @param holder        the object
 * @param now           monotonic
 * @param stream_class  out, HKP_NEURO_CLASS_*
 * @param dst           [cap] out
 * @param cap           bytes, HKP_NEURO_SEND_MAX is always enough
 * @param len           out, bytes; 0: there is none
 *
 * @retval HKP_OK       len is set
 * @retval HKP_E_NOSPC  cap is too small; nothing was taken
 *
 * Cost: no allocation.
 * Source: SYN-2.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_send(hkp_neuro_holder *holder, hkp_time now,
                                                      uint32_t *stream_class, uint8_t *dst, size_t cap,
                                                      size_t *len);

/**
 * Next thing that the object wants of its host; pull until there is none.
 *
 * @param holder  the object
 * @param event   out; kind is HKP_NEURO_EVENT_NONE if there is none
 *
 * @retval HKP_OK          event is set
 * @retval HKP_E_NOMEM     no memory for what has to be stored; try again
 * @retval HKP_E_CALLBACK  no randomness for a nonce; try again
 *
 * Cost: for EVENT_STORE one allocation and the sealing of one or two states.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_event(hkp_neuro_holder *holder,
                                                       struct hkp_neuro_event *event);

/**
 * Confirm that what EVENT_STORE asked for is durable.
 *
 * @param holder  the object
 * @param now     monotonic
 * @param ticket  of the event
 *
 * @retval HKP_OK          noted; what was withheld may now leave
 * @retval HKP_E_NOTFOUND  no such ticket
 *
 * Cost: one release.
 * Source: NZ1 17 "persisted before use".
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_stored(hkp_neuro_holder *holder, hkp_time now,
                                                        uint64_t ticket);

/**
 * Do what is due; call it when hkp_neuro_holder_wake() has passed.
 *
 * @param holder  the object
 * @param now     monotonic
 *
 * Cost: no allocation but for a new commit; a bounded number of evolutions.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_tick(hkp_neuro_holder *holder, hkp_time now);

/**
 * When the next call of hkp_neuro_holder_tick() is due.
 *
 * @param holder  the object
 *
 * @return monotonic; HKP_TIME_NEVER if nothing is due
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_holder_wake(const hkp_neuro_holder *holder);

/**
 * The agreed commit of an index, with a reference: V.cur or V.prev.
 *
 * @param holder    the object
 * @param ck_index  index; 0: the newest one
 * @param out       commit; give it back by hkp_neuro_commit_unref()
 *
 * @retval HKP_OK          out is set
 * @retval HKP_E_NOTFOUND  no slot has this index, or the instance is none or LOST
 *
 * Cost: none.
 * Source: NZ1 17, 22.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_commit(hkp_neuro_holder *holder, uint64_t ck_index,
                                                        hkp_neuro_commit **out);

/**
 * How the instance stands.
 *
 * @param holder  the object
 * @param info    struct_size set by the caller; the rest is filled as far as both sides know it
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_holder_info(const hkp_neuro_holder *holder,
                                                      struct hkp_neuro_instance_info *info);

/**
 * What this replica says about the device: components R, I, C, N and the conditions that hold.
 *
 * @param holder           the object
 * @param wall_us          Unix microseconds
 * @param session_us       Unix microseconds when the session began
 * @param clock_undecided  1: the newest verdict of HTP-3.8 is not PASS
 * @param inputs           in and out: r, i, c, n are set, HKP_NEURO_WHY_* of the replica are added to why
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_holder_trust(const hkp_neuro_holder *holder, uint64_t wall_us, uint64_t session_us,
                                    int32_t clock_undecided, struct hkp_neuro_trust_inputs *inputs);

/* ---- Trust ---- */

/**
 * Component A: attestation.
 *
 * @param failed    1: any attestation failed
 * @param quote_ok  1: a TPM quote verified and matched the policy
 * @param age_s     its age, seconds
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_a(int32_t failed, int32_t quote_ok, uint64_t age_s);

/**
 * Component R: resonance.
 *
 * @param state        HKP_NEURO_UNALIGNED .. HKP_NEURO_LOST
 * @param equal_proof  1: aligned by equal proof
 * @param drift_ppm    else: parts per million
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_r(uint32_t state, int32_t equal_proof, uint32_t drift_ppm);

/**
 * Component C: TERs received in the last 64 periods.
 *
 * @param received  TERs
 * @param expected  min(64, whole periods of this session)
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_c(uint32_t received, uint32_t expected);

/**
 * Component L: heartbeats of the last 16.
 *
 * @param ok           good ones
 * @param total        0..16
 * @param clock_fail   1: the clock test failed
 * @param jitter_high  1: jitter above half the round trip
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_l(uint32_t ok, uint32_t total, int32_t clock_fail, int32_t jitter_high);

/**
 * Take the loss of the newest TER into the novelty mean.
 *
 * @param novelty  in and out
 * @param base     L_base of hkp_neuro_state_loss(), Q32
 * @param healthy  1: its h_integrity is h_ref; else the mean stays
 *
 * Cost: none.
 * Source: NZ1 16.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_novelty_update(struct hkp_neuro_novelty *novelty, uint64_t base, int32_t healthy);

/**
 * Component N: novelty of the newest TER.
 *
 * @param novelty  borrowed
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_n(const struct hkp_neuro_novelty *novelty);

/**
 * New T from its components, the caps that hold and the last T.
 *
 * @param trust   in: t; out: all
 * @param inputs  borrowed
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_trust_update(struct hkp_neuro_trust *trust,
                                    const struct hkp_neuro_trust_inputs *inputs);

/**
 * T at the start of a session.
 *
 * @param stored       T at the end of the last one, 0 for a new device
 * @param quarantined  1: yes
 * @param t_new        of hkp_neuro_trust_update()
 *
 * @return 0..65,536
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_start(uint32_t stored, int32_t quarantined, uint32_t t_new);

/**
 * T in thousandths.
 *
 * @param t  0..65,536
 *
 * @return 0..1000
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_permille(uint32_t t);

/**
 * What a T permits.
 *
 * @param t  0..65,536
 *
 * @return HKP_NEURO_PERMIT_*
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_trust_permitted(uint32_t t);

/**
 * A reason in words.
 *
 * @param bit  one HKP_NEURO_WHY_*
 *
 * @return "integrity mismatch" and the like, NUL-terminated, static
 *
 * Cost: none.
 * Source: NZ1 16 "Reports name the cause".
 * Since: hookprobe-neuro 0.1
 */
HKP_API const char *hkp_neuro_why_text(uint32_t bit);

/**
 * Note a contradiction or a fork; the second contradiction within 24 h, or a fork, means quarantine.
 *
 * @param quarantine  in and out, zero at first
 * @param fork        1: a fork; 0: a wrong PoSF, RDV or signature
 * @param now_s       seconds of one clock
 *
 * Cost: none.
 * Source: NZ1 16.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_quarantine_note(struct hkp_neuro_quarantine *quarantine, int32_t fork, uint64_t now_s);

#ifdef __cplusplus
}
#endif

#include <hookprobe/neuro/bridge.h>
#include <hookprobe/neuro/entropy.h>
#include <hookprobe/neuro/hybrid.h>
#include <hookprobe/neuro/oprf.h>
#include <hookprobe/neuro/resonance.h>
#include <hookprobe/neuro/seal.h>
#include <hookprobe/neuro/synapse.h>
#include <hookprobe/neuro/verifier.h>

#endif
