/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the verifier. It replays a device from the records of its log and judges what the device
 * claims: bit for bit the same, or since when not and why. And the fleet: the agreed states of many devices
 * in one block of memory, with working states only for the replays under way (NZ1 17).
 */
#ifndef HOOKPROBE_NEURO_VERIFIER_H
#define HOOKPROBE_NEURO_VERIFIER_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** bytes of hkp_neuro_verifier_export() */
    HKP_NEURO_VERIFIER_SIZE = 113000,
    /** states that a verifier may keep on its way */
    HKP_NEURO_VERIFIER_KEEP_MAX = 64,
    /** bytes of a reason, with the zero behind it */
    HKP_NEURO_REASON_SIZE = 160,
    /** devices of a fleet */
    HKP_NEURO_FLEET_MAX = 1048576,
    /** replays of a fleet under way at once */
    HKP_NEURO_FLEET_WORKING_MAX = 256
};

/* What a verdict says. */
enum {
    /** nothing contradicts, nothing was claimed yet */
    HKP_NEURO_VERDICT_OPEN = 0,
    /** what is claimed is what the history makes, bit for bit */
    HKP_NEURO_VERDICT_EXACT = 1,
    /** the records end before the index claimed */
    HKP_NEURO_VERDICT_BEHIND = 2,
    /** a record does not follow those before it */
    HKP_NEURO_VERDICT_RECORD = 3,
    /** the log itself says that TERs are missing */
    HKP_NEURO_VERDICT_GAP = 4,
    /** the claim is of another history */
    HKP_NEURO_VERDICT_HISTORY = 5,
    /** the history is the same, the state is not: another seed, or a state that was rolled back */
    HKP_NEURO_VERDICT_STATE = 6
};

/* How well the index is known at which two histories parted. */
enum {
    HKP_NEURO_FORK_NONE = 0,
    /** fork_to is the first index that differs */
    HKP_NEURO_FORK_EXACT = 1,
    /** index fork_from is common, fork_to is not */
    HKP_NEURO_FORK_RANGE = 2,
    /** computed from the drift by NZ1 17; good to about 1,000 TERs at ordinary periods */
    HKP_NEURO_FORK_ESTIMATE = 3
};

/** A replay on its way (NZ1 17). */
typedef struct hkp_neuro_verifier hkp_neuro_verifier;
/** The agreed states V.cur and V.prev of many devices (NZ1 17). */
typedef struct hkp_neuro_fleet hkp_neuro_fleet;

/** Options of a verifier; hkp_neuro_verifier_options_init(). Not zero by default: what is marked "needed". */
struct hkp_neuro_verifier_options {
    /** set by hkp_neuro_verifier_options_init() */
    uint32_t struct_size;
    /** HKP_NEURO_VARIANT_* */
    uint32_t variant;
    struct hkp_mem mem;
    /** needed: whose log it is */
    uint8_t node_id[16];
    /** needed: Ed25519 key of the device */
    uint8_t device_public[32];
    /** [n_policy_keys][32] keys that sign RBA1, copied */
    const uint8_t *policy_keys;
    uint32_t n_policy_keys;
    /** newest neuro_gen of the device's certificate: a TCK1 with a higher log_gen is refused */
    uint32_t gen;
    /** states kept on the way for hkp_neuro_verifier_compare(), 112 kB each, at most
       HKP_NEURO_VERIFIER_KEEP_MAX; 0: none */
    uint32_t keep;
    /** TERs between them at first, a power of two; when all are in use every other one goes; 0: 4096 */
    uint32_t keep_every;
};

/** What a check found. */
struct hkp_neuro_verdict {
    /** HKP_NEURO_VERDICT_* */
    uint32_t verdict;
    /** HKP_OK, or which rule was broken: HKP_E_NEURO_REPLAY_*, HKP_E_TER_TCK_* */
    hkp_status status;
    /** the code behind it: HKP_E_TER_*, HKP_E_NEURO_RBA_*, or HKP_OK */
    hkp_status cause;
    /** 1: drift_ppm is set */
    uint32_t has_drift;
    /** parts per million (NZ1 13.2) */
    uint32_t drift_ppm;
    /** HKP_NEURO_FORK_* */
    uint32_t fork;
    uint64_t fork_from;
    uint64_t fork_to;
    /** index that was claimed, and index of the replay */
    uint64_t claimed;
    uint64_t index;
    /** all of it in a sentence, NUL-terminated */
    char reason[HKP_NEURO_REASON_SIZE];
};

/** How a verifier stands. */
struct hkp_neuro_verifier_info {
    /** set by the caller to sizeof *info */
    uint32_t struct_size;
    /** HKP_NEURO_VERDICT_OPEN, RECORD or GAP: the last two end the replay */
    uint32_t verdict;
    /** where it began and where it is: TERs of the device's log */
    uint64_t first_index;
    uint64_t index;
    /** checkpoints that held, and n of the newest */
    uint64_t checkpoints;
    uint64_t checkpoint_index;
    uint32_t policy_ver;
    /** zero */
    uint32_t reserved0;
    /** h at index */
    uint8_t h[32];
};

/** Options of a fleet; hkp_neuro_fleet_options_init(). */
struct hkp_neuro_fleet_options {
    /** set by hkp_neuro_fleet_options_init() */
    uint32_t struct_size;
    /** HKP_NEURO_VARIANT_* */
    uint32_t variant;
    struct hkp_mem mem;
    /** needed: devices, 1..HKP_NEURO_FLEET_MAX */
    uint32_t capacity;
    /** replays under way at once, at most HKP_NEURO_FLEET_WORKING_MAX; 0: 1 */
    uint32_t working;
    /** [n_policy_keys][32] keys that sign RBA1, copied */
    const uint8_t *policy_keys;
    uint32_t n_policy_keys;
    /** zero */
    uint32_t reserved0;
};

/**
 * Fill options with their size and zeros.
 *
 * @param opt          the caller's struct
 * @param struct_size  sizeof *opt
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_options_init(struct hkp_neuro_verifier_options *opt, size_t struct_size);

/**
 * Make a verifier. It has no state yet: hkp_neuro_verifier_enrol(), _begin(), _commit() or _import() first.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        an option is outside its range
 * @retval HKP_E_TOOBIG       opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED  there is no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: one state and opt.keep more.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_new(hkp_neuro_verifier **out,
                                                       const struct hkp_neuro_verifier_options *opt);

/**
 * Wipe and release.
 *
 * @param verifier  NULL is allowed
 *
 * Cost: releases.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_free(hkp_neuro_verifier *verifier);

/**
 * Begin at an enrolment: the state of a seed at the start of the log, or at the point where an instance
 * began.
 *
 * @param verifier    the object; what it replayed before is forgotten
 * @param seed        [32] borrowed, secret
 * @param cursor      [104] of hkp_ter_cursor_encode() at that point, borrowed; NULL: index 0
 * @param h_ref       [20] reference in force there
 * @param policy_ver  version in force there
 *
 * @retval HKP_OK       begun
 * @retval HKP_E_INVAL  not a cursor; nothing changed
 *
 * Cost: no allocation; the first weights.
 * Source: NZ1 8, 22.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_enrol(hkp_neuro_verifier *verifier, const uint8_t seed[32],
                                                         const uint8_t *cursor, const uint8_t h_ref[20],
                                                         uint32_t policy_ver);

/**
 * Begin at a snapshot.
 *
 * @param verifier  the object; what it replayed before is forgotten
 * @param cursor    [104] of hkp_ter_cursor_encode(), borrowed
 * @param state     [HKP_NEURO_STATE_SIZE] of hkp_neuro_state_encode(), borrowed, secret
 *
 * @retval HKP_OK                                                      begun
 * @retval HKP_E_INVAL                                                 not a cursor; nothing changed
 * @retval HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION, HKP_E_NEURO_FLAGS,
 *         HKP_E_NEURO_COUNT, HKP_E_NEURO_WEIGHT, HKP_E_NEURO_STATE     as hkp_neuro_state_decode(); nothing
 *                                                                     changed
 *
 * Cost: no allocation; one state decoded.
 * Source: NZ1 5.3, 12.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_begin(hkp_neuro_verifier *verifier,
                                                         const uint8_t cursor[104], const uint8_t *state);

/**
 * Begin at an agreed state.
 *
 * @param verifier  the object; what it replayed before is forgotten
 * @param commit    of a holder or an owner, borrowed
 *
 * Cost: no allocation; one copy of a state.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_commit(hkp_neuro_verifier *verifier, const hkp_neuro_commit *commit);

/**
 * Where to stop: the records that stand behind TER until - 1 are left for later calls, a rebase among them,
 * so that the state is the one a commit at this index means.
 *
 * @param verifier  the object
 * @param until     index; 0: no stop
 *
 * Cost: none.
 * Source: NZ1 11 "State n of a commit".
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_until(hkp_neuro_verifier *verifier, uint64_t until);

/**
 * Replay log records as they stand on disk, in log order, a bounded number a call. Checkpoints among them are
 * verified, rebases applied; what was seen already at the end of the last call is passed over.
 *
 * @param verifier  the object
 * @param records   [len] whole records, borrowed
 * @param len       bytes
 * @param budget    TERs, checkpoints and rebases worked on at most, 1 or more
 * @param taken     out, bytes of the records that were taken: call again with the rest
 *
 * @retval HKP_OK                                             the budget is used, the stop or the end reached
 * @retval HKP_E_STATE                                        not begun, or an earlier record ended the replay
 * @retval HKP_E_NEURO_SYN_LENGTH, HKP_E_NEURO_SYN_RECORD     no record stands at taken; those before it were
 *                                                            taken
 * @retval HKP_E_NEURO_REPLAY_TER, HKP_E_NEURO_REPLAY_REBASE,
 *         HKP_E_TER_TCK_*                                    the record at taken does not follow; the replay
 *                                                            ends, hkp_neuro_verifier_verdict() says why
 *
 * Cost: no allocation; at most budget evolutions or signatures.
 * Source: NZ1 3.3, 4, 11, 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_feed(hkp_neuro_verifier *verifier, const uint8_t *records,
                                                        size_t len, uint32_t budget, size_t *taken);

/**
 * Replay a LOG message. Records of indexes that were replayed already are passed over, so the same message
 * can be given again until none is left.
 *
 * @param verifier  the object
 * @param msg       [len], borrowed
 * @param len       bytes
 * @param budget    as for hkp_neuro_verifier_feed()
 * @param left      out, 1: the budget ended before the message did
 *
 * @retval HKP_OK                  as far as the budget or the stop goes
 * @retval HKP_E_NOTFOUND          it begins behind the index of the replay: records between are missing
 * @retval HKP_E_NEURO_SYN_*       not a LOG message; nothing changed
 * @retval HKP_E_STATE, HKP_E_NEURO_REPLAY_TER, HKP_E_NEURO_REPLAY_REBASE, HKP_E_TER_TCK_*  as
 *                                 hkp_neuro_verifier_feed()
 *
 * Cost: as hkp_neuro_verifier_feed().
 * Source: SYN-2.3, SYN-2.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_message(hkp_neuro_verifier *verifier, const uint8_t *msg,
                                                           size_t len, uint32_t budget, uint32_t *left);

/**
 * How the replay itself stands: open, or ended by a record, and why.
 *
 * @param verifier  the object
 * @param verdict   out
 *
 * Cost: none.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_verdict(const hkp_neuro_verifier *verifier,
                                        struct hkp_neuro_verdict *verdict);

/**
 * Judge the PROPOSE of a device at the index where the replay stands.
 *
 * @param verifier  the object
 * @param propose   [112] body of the message, borrowed
 * @param base      the agreed state that it names, borrowed: its F_tag is judged, too; NULL: it is not
 * @param verdict   out
 *
 * Cost: no allocation; one fingerprint.
 * Source: NZ1 17 replay().
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_check_propose(const hkp_neuro_verifier *verifier, const uint8_t propose[112],
                                              const hkp_neuro_commit *base,
                                              struct hkp_neuro_verdict *verdict);

/**
 * Judge a state that was handed over for diagnosis, at the index where the replay stands.
 *
 * @param verifier  the object
 * @param index     TERs of the log behind that state
 * @param h         [32] h at this index as its owner has it, borrowed; NULL: not known
 * @param state     [len] of hkp_neuro_state_encode(), borrowed, secret
 * @param len       bytes
 * @param verdict   out
 *
 * @retval HKP_OK                                                       verdict is set
 * @retval HKP_E_NOMEM                                                  the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION, HKP_E_NEURO_FLAGS,
 *         HKP_E_NEURO_COUNT, HKP_E_NEURO_WEIGHT, HKP_E_NEURO_STATE      as hkp_neuro_state_decode()
 *
 * Cost: one state for the time of the call.
 * Source: NZ1 17 "Diagnosis", 13.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_check_state(const hkp_neuro_verifier *verifier,
                                                               uint64_t index, const uint8_t *h,
                                                               const uint8_t *state, size_t len,
                                                               struct hkp_neuro_verdict *verdict);

/**
 * Judge a TCK1 that came by another way than the log, at the index where the replay stands.
 *
 * @param verifier  the object
 * @param tck       [256] borrowed
 * @param verdict   out
 *
 * Cost: no allocation; one signature.
 * Source: NZ1 4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_check_tck(const hkp_neuro_verifier *verifier, const uint8_t tck[256],
                                          struct hkp_neuro_verdict *verdict);

/**
 * Where two replays of one device parted: by bisection over what both kept on their way.
 *
 * @param a        what is held to be true, borrowed
 * @param b        the other side's, borrowed
 * @param verdict  out; claimed is the index of b
 *
 * Cost: no allocation; a few fingerprints.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_verifier_compare(const hkp_neuro_verifier *a, const hkp_neuro_verifier *b,
                                        struct hkp_neuro_verdict *verdict);

/**
 * Where two stretches of one log part, record by record; both begin at the same index. Only TERs, checkpoints
 * and rebases count: the others may differ between a log and what was sent of it.
 *
 * @param first    index of both
 * @param a        [a_len] records of one side, borrowed
 * @param a_len    bytes
 * @param b        [b_len] records of the other, borrowed
 * @param b_len    bytes
 * @param verdict  out: EXACT as far as both go, HISTORY with the exact index, BEHIND if b ends before a;
 *                 index is where a ends, claimed where b ends
 *
 * @retval HKP_OK                                          verdict is set
 * @retval HKP_E_NEURO_SYN_LENGTH, HKP_E_NEURO_SYN_RECORD  not whole records
 *
 * Cost: no allocation; linear.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_records_compare(uint64_t first, const uint8_t *a, size_t a_len,
                                                          const uint8_t *b, size_t b_len,
                                                          struct hkp_neuro_verdict *verdict);

/**
 * How many TERs ago two states were one, as the drift between them tells: (drift / 1.1 %) squared.
 *
 * @param drift_ppm  of hkp_neuro_state_drift(), parts per million
 *
 * @return TERs, an estimate, good to about 1,000 at ordinary TER periods
 *
 * Cost: none.
 * Source: NZ1 17 "Diagnosis".
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_drift_age(uint32_t drift_ppm);

/**
 * How the replay stands.
 *
 * @param verifier  the object
 * @param info      struct_size set by the caller; the rest is filled
 *
 * @retval HKP_OK       filled
 * @retval HKP_E_INVAL  struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_info(const hkp_neuro_verifier *verifier,
                                                        struct hkp_neuro_verifier_info *info);

/**
 * A replay on its way as bytes, sealed, to go on with later or elsewhere. States kept on the way stay behind.
 *
 * @param verifier  the object, begun and not ended by a record
 * @param key       [32] under which it is sealed, borrowed
 * @param rng       for the nonce, borrowed
 * @param bytes     [HKP_NEURO_VERIFIER_SIZE] out
 *
 * @retval HKP_OK          bytes are set
 * @retval HKP_E_STATE     not begun, or ended; bytes are untouched
 * @retval HKP_E_CALLBACK  no randomness; bytes are untouched
 *
 * Cost: no allocation; one seal.
 * Source: NZ1 5.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_export(const hkp_neuro_verifier *verifier,
                                                          const uint8_t key[32], const struct hkp_rng *rng,
                                                          uint8_t *bytes);

/**
 * Go on with a replay that was exported.
 *
 * @param verifier  the object; what it replayed before is forgotten
 * @param key       [32] as for the export, borrowed
 * @param bytes     [len] borrowed
 * @param len       bytes
 *
 * @retval HKP_OK                                                      begun
 * @retval HKP_E_NOMEM                                                 the allocator returned nothing
 * @retval HKP_E_NEURO_LENGTH, HKP_E_NEURO_MAGIC, HKP_E_NEURO_VERSION  not such bytes; nothing changed
 * @retval HKP_E_NEURO_STATE                                           damaged, of another device, or under
 *                                                                     another key; nothing changed
 *
 * Cost: one state for the time of the call.
 * Source: NZ1 5.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_verifier_import(hkp_neuro_verifier *verifier, const uint8_t key[32],
                                                          const uint8_t *bytes, size_t len);

/* ---- Fleet ---- */

/**
 * Fill options with their size and zeros.
 *
 * @param opt          the caller's struct
 * @param struct_size  sizeof *opt
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_fleet_options_init(struct hkp_neuro_fleet_options *opt, size_t struct_size);

/**
 * Bytes that a fleet takes, all of them at its creation.
 *
 * @param capacity  devices
 * @param working   replays under way at once
 *
 * @return bytes
 *
 * Cost: none.
 * Source: NZ1 17 "Memory".
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint64_t hkp_neuro_fleet_memory(uint32_t capacity, uint32_t working);

/**
 * Make a fleet.
 *
 * @param out  the object, owned by the caller
 * @param opt  borrowed for the call
 *
 * @retval HKP_OK             out is set
 * @retval HKP_E_INVAL        an option is outside its range
 * @retval HKP_E_TOOBIG       opt asks for more than this build knows
 * @retval HKP_E_UNSUPPORTED  there is no such variant
 * @retval HKP_E_NOMEM        the allocator returned nothing
 *
 * Cost: hkp_neuro_fleet_memory() bytes, in one block and one for each working state.
 * Source: NZ1 17 "Memory".
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_new(hkp_neuro_fleet **out,
                                                    const struct hkp_neuro_fleet_options *opt);

/**
 * Wipe and release; no replay of it may be used afterwards.
 *
 * @param fleet  NULL is allowed
 *
 * Cost: wipes all of it.
 * Source: NZ1 15.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_fleet_free(hkp_neuro_fleet *fleet);

/**
 * Take in a device. V.cur and V.prev are the state given.
 *
 * @param fleet          the object
 * @param node_id        [16] of the device
 * @param device_public  [32] Ed25519
 * @param gen            newest neuro_gen of its certificate
 * @param cursor         [104] of hkp_ter_cursor_encode() at the agreed state, borrowed
 * @param state          [HKP_NEURO_STATE_SIZE] of hkp_neuro_state_encode(), borrowed, secret
 * @param device         out, its number in the fleet
 *
 * @retval HKP_OK           taken in
 * @retval HKP_E_LIMIT      the fleet is full
 * @retval HKP_E_INVAL      not a cursor
 * @retval HKP_E_NOMEM      the allocator returned nothing
 * @retval HKP_E_NEURO_*    as hkp_neuro_state_decode()
 *
 * Cost: one state for the time of the call; one copy.
 * Source: NZ1 17, 22.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_add(hkp_neuro_fleet *fleet, const uint8_t node_id[16],
                                                    const uint8_t device_public[32], uint32_t gen,
                                                    const uint8_t cursor[104], const uint8_t *state,
                                                    uint32_t *device);

/**
 * Give a device a newer agreed state, as after a restart: V.cur becomes V.prev, the state given V.cur.
 *
 * @param fleet   the object
 * @param device  number of hkp_neuro_fleet_add()
 * @param cursor  [104] of hkp_ter_cursor_encode(), borrowed
 * @param state   [HKP_NEURO_STATE_SIZE] of hkp_neuro_state_encode(), borrowed, secret
 *
 * @retval HKP_OK          taken
 * @retval HKP_E_NOTFOUND  no such device
 * @retval HKP_E_STATE     a replay of it is under way
 * @retval HKP_E_INVAL     not a cursor, or not behind V.cur
 * @retval HKP_E_NOMEM     the allocator returned nothing
 * @retval HKP_E_NEURO_*   as hkp_neuro_state_decode()
 *
 * Cost: one state for the time of the call; one copy.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_put(hkp_neuro_fleet *fleet, uint32_t device,
                                                    const uint8_t cursor[104], const uint8_t *state);

/**
 * Begin a replay of one device at V.cur, with one of the working states.
 *
 * @param fleet     the object
 * @param device    number of hkp_neuro_fleet_add()
 * @param verifier  out, owned by the fleet, until hkp_neuro_fleet_agree() or hkp_neuro_fleet_drop()
 *
 * @retval HKP_OK          begun
 * @retval HKP_E_NOTFOUND  no such device
 * @retval HKP_E_STATE     a replay of it is under way
 * @retval HKP_E_LIMIT     all working states are in use
 *
 * Cost: no allocation; one state decoded.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_replay(hkp_neuro_fleet *fleet, uint32_t device,
                                                       hkp_neuro_verifier **verifier);

/**
 * Judge a PROPOSE against the replay of a device. If it is EXACT, V.cur becomes V.prev, the state of the
 * replay V.cur, and the replay is over. The answer may leave once the host has stored what
 * hkp_neuro_fleet_read() gives. One that builds on V.prev needs no replay and changes nothing: the answer to
 * the last agreement was lost and is given again (EXACT, or OPEN if it asks for another index), or it is a
 * fork.
 *
 * @param fleet    the object
 * @param device   number of hkp_neuro_fleet_add()
 * @param propose  [112] body of the message, borrowed
 * @param verdict  out
 * @param ckack    [40] out if EXACT, or OPEN on V.prev: body of the answer
 *
 * @retval HKP_OK          verdict is set; only EXACT changed the fleet
 * @retval HKP_E_NOTFOUND  no such device
 * @retval HKP_E_STATE     no replay of it is under way
 * @retval HKP_E_NOMEM     the allocator returned nothing; nothing changed
 *
 * Cost: two states for the time of the call; three fingerprints, one encoding.
 * Source: NZ1 17, cases 1 and 2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_agree(hkp_neuro_fleet *fleet, uint32_t device,
                                                      const uint8_t propose[112],
                                                      struct hkp_neuro_verdict *verdict, uint8_t ckack[40]);

/**
 * End a replay without an agreement; its working state is wiped and free.
 *
 * @param fleet   the object
 * @param device  number of hkp_neuro_fleet_add()
 *
 * Cost: one state wiped.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_fleet_drop(hkp_neuro_fleet *fleet, uint32_t device);

/**
 * An agreed state as bytes, to store it or to begin elsewhere.
 *
 * @param fleet     the object
 * @param device    number of hkp_neuro_fleet_add()
 * @param previous  0: V.cur, 1: V.prev
 * @param cursor    [104] out
 * @param state     [HKP_NEURO_STATE_SIZE] out, secret; NULL: only the cursor
 *
 * @retval HKP_OK          set
 * @retval HKP_E_NOTFOUND  no such device
 *
 * Cost: no allocation; one copy.
 * Source: NZ1 17.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_read(const hkp_neuro_fleet *fleet, uint32_t device,
                                                     int32_t previous, uint8_t cursor[104], uint8_t *state);

/**
 * A commit of a slot, for a handshake or a rekey.
 *
 * @param fleet     the object
 * @param device    number of hkp_neuro_fleet_add()
 * @param ck_index  index; 0: the newest one
 * @param out       commit; give it back by hkp_neuro_commit_unref()
 *
 * @retval HKP_OK          out is set
 * @retval HKP_E_NOTFOUND  no such device, or no slot of it has this index
 * @retval HKP_E_NOMEM     the allocator returned nothing
 *
 * Cost: one state, one fingerprint.
 * Source: NZ1 17, 22.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_fleet_commit(const hkp_neuro_fleet *fleet, uint32_t device,
                                                       uint64_t ck_index, hkp_neuro_commit **out);

#ifdef __cplusplus
}
#endif

#endif
