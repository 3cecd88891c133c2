/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Part of libneuro: resonance between two nodes of an authenticated session (SYN-3). Each shows the other
 * where its neural state stands; each compares that with the replica that it holds, if it holds one.
 *
 * Exporter values (HTP-6.6) are arguments: K_bind = EXPORT(0, "NSE1 bind", "", 32), K_res = EXPORT(0,
 * "NSE1 resonance", "", 32).
 */
#ifndef HOOKPROBE_NEURO_RESONANCE_H
#define HOOKPROBE_NEURO_RESONANCE_H

#include <hookprobe/neuro.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in bytes and limits (SYN-3). */
enum {
    HKP_NEURO_SYNAPTIC_SIZE = 256,
    HKP_NEURO_RESONANCE_PROOF_SIZE = 80,
    /** an exchange begins at least this often, and ends within the limit, in seconds */
    HKP_NEURO_EXCHANGE_EVERY_S = 600,
    HKP_NEURO_EXCHANGE_LIMIT_S = 60
};
#define HKP_NEURO_DRIFT_UNKNOWN 0xFFFFFFFFU

/* Operations of a mesh packet of type RESONATE (SYN-3) that this library makes and reads. */
enum { HKP_NEURO_OP_SYNAPTIC = 1, HKP_NEURO_OP_PROOF = 2, HKP_NEURO_OP_MESSAGE = 3 };

/* Verdict about two clocks (HTP-3.8), numbered as HKP_HTP_CLOCK_*. */
enum { HKP_NEURO_CLOCK_UNDECIDED = 0, HKP_NEURO_CLOCK_PASS = 1, HKP_NEURO_CLOCK_FAIL = 2 };

/* Events of an exchange. */
enum {
    HKP_NEURO_EXCHANGE_NONE = 0,
    /** a state of the peer came: compare it and call hkp_neuro_exchange_judge() */
    HKP_NEURO_EXCHANGE_JUDGE = 1,
    /** both proofs were right: see hkp_neuro_exchange_result() */
    HKP_NEURO_EXCHANGE_DONE = 2,
    /** LOST, by this side or the other: quarantine (NZ1 16); there will be no DONE */
    HKP_NEURO_EXCHANGE_LOST = 3,
    /** not done within 60 s: the pair is SEEKING */
    HKP_NEURO_EXCHANGE_TIMEOUT = 4,
    /** wrong MAC or PoSF inside an authenticated session: CLOSE(RESONANCE), trust 0, alarm */
    HKP_NEURO_EXCHANGE_BROKEN = 5,
    /** 600 s are over: call hkp_neuro_exchange_start() */
    HKP_NEURO_EXCHANGE_DUE = 6
};

/** What a SynapticState says (SYN-3.1). */
struct hkp_neuro_synaptic {
    /** HKP_NEURO_ROLE_* of the sender in the session */
    uint32_t role;
    /** resonance state, 0..4, in which the sender holds the receiver's log */
    uint32_t claim;
    /** of the newest CE that it adopted, 0: none */
    uint32_t ce_epoch;
    /** HTP key epoch, and number of the exchange in the session, from 1 */
    uint32_t epoch;
    uint32_t gen;
    /** of its own agreed commit; number of its own TERs; its clock, Unix microseconds */
    uint64_t ck_index;
    uint64_t ter_index;
    uint64_t t_us;
    uint8_t node_id[16];
    uint8_t boot_id[16];
    uint8_t w_commit[32];
    /** h at ter_index */
    uint8_t h[32];
    /** of the newest TER */
    uint8_t h_entropy[32];
    uint8_t h_integrity[20];
    /** of the CE of ce_epoch, or zero */
    uint8_t ce_check[32];
    /** SHA-256 of the last AUTH response that the receiver accepted, or zero */
    uint8_t auth[32];
};

/** What a state is checked against (SYN-3.3). */
struct hkp_neuro_synaptic_expect {
    /** HKP_NEURO_ROLE_* of the peer */
    uint32_t peer_role;
    uint8_t peer_id[16];
    /** highest gen of this session so far, 0: none; the gen must be above */
    uint32_t last_gen;
    /** gen and epoch that the initiator named, which its peer echoes; gen 0: the state is the initiator's */
    uint32_t named_gen;
    uint32_t named_epoch;
    /** current key epoch of the session; it and the one before are good */
    uint32_t epoch;
};

/** What a receiver knows about the sender of a state (SYN-3.4). */
struct hkp_neuro_resonance_facts {
    /** it holds a replica of the sender's state; if not, only 0 is looked at */
    int32_t have_replica;
    /** HKP_NEURO_CLOCK_*, the newest */
    int32_t clock;
    /** w_commit of the commit slot ck_index of the replica, by hkp_neuro_synaptic_commit(); NULL: in no slot
     */
    const uint8_t *w_commit;
    /** TERs that the replica has */
    uint64_t replica_index;
    /** [32] h at ter_index; NULL: not reached yet, or no longer known */
    const uint8_t *h;
    /** of the newest TER of the replica, Unix microseconds */
    uint64_t newest_us;
    /** between the replica's states at ck_index and at ter_index (NZ1 13.2), or HKP_NEURO_DRIFT_UNKNOWN */
    uint32_t drift_ppm;
    /** 1: the replica was behind; the missing TERs came and extend its chain up to ter_index */
    int32_t caught_up;
};

/** A ResonanceProof (SYN-3.5). */
struct hkp_neuro_resonance_proof {
    /** 1 or 2 */
    uint32_t step;
    /** resonance state 1..4 */
    uint32_t verdict;
    /** or HKP_NEURO_DRIFT_UNKNOWN */
    uint32_t drift_ppm;
    uint64_t t_us;
    uint8_t mac[32];
    uint8_t posf[32];
};

/** One pair and one session. */
struct hkp_neuro_exchange_options {
    uint32_t struct_size;
    /** HKP_NEURO_ROLE_* of this side */
    uint32_t role;
    uint8_t own_id[16];
    uint8_t peer_id[16];
    /** exporter values of the session */
    uint8_t k_bind[32];
    uint8_t k_res[32];
    struct hkp_mem mem;
};

/** What an exchange came to. */
struct hkp_neuro_exchange_result {
    /** resonance states 1..4: of this side about the peer, of the peer about this side, of the pair (SYN-3.6)
     */
    uint32_t own_verdict;
    uint32_t peer_verdict;
    uint32_t pair;
    uint32_t own_drift_ppm;
    uint32_t peer_drift_ppm;
    /** for the export of the root (SYN-5.1): epoch of the exporter, gen in its context */
    uint32_t epoch;
    uint32_t gen;
    /** the states that both MACed */
    uint8_t own_state[256];
    uint8_t peer_state[256];
};

/** Exchanges of one pair in one session. */
typedef struct hkp_neuro_exchange hkp_neuro_exchange;

/**
 * Write a SynapticState.
 *
 * @param state  borrowed; claim 0..4
 * @param bytes  [256] written
 *
 * Cost: none.
 * Source: SYN-3.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_synaptic_encode(const struct hkp_neuro_synaptic *state, uint8_t bytes[256]);

/**
 * Read a SynapticState and check it against the session.
 *
 * @param state   written on success
 * @param bytes   [len] borrowed
 * @param len     any
 * @param expect  borrowed
 *
 * @retval HKP_OK                    good
 * @retval HKP_E_NEURO_SYN_LENGTH    not 256 bytes
 * @retval HKP_E_NEURO_SYN_VERSION   not version 1
 * @retval HKP_E_NEURO_SYN_RESERVED  claim above 4, or the zero field
 * @retval HKP_E_NEURO_SYN_ROLE      not the peer's role
 * @retval HKP_E_NEURO_SYN_NODE      not the peer's node id
 * @retval HKP_E_NEURO_SYN_GEN       gen or epoch
 *
 * Cost: none.
 * Source: SYN-3.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_synaptic_check(struct hkp_neuro_synaptic *state,
                                                         const uint8_t *bytes, size_t len,
                                                         const struct hkp_neuro_synaptic_expect *expect);

/**
 * w_commit: a commit that only one who has its fingerprint can tell from another.
 *
 * @param f         [64] fingerprint of the commit, secret
 * @param k_bind    of the session
 * @param node_id   owner of the state
 * @param ck_index  of the commit
 * @param w_commit  written
 *
 * Cost: none.
 * Source: SYN-3.2.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_synaptic_commit(const uint8_t f[64], const uint8_t k_bind[32],
                                       const uint8_t node_id[16], uint64_t ck_index, uint8_t w_commit[32]);

/**
 * Verdict about a peer's state.
 *
 * A contradiction (a w_commit that is not the replica's, another h at an index that the replica has) is LOST
 * whatever the clocks say: otherwise a node with a wrong clock could hide it.
 *
 * @param state  checked, borrowed
 * @param facts  borrowed
 *
 * @return resonance state 1..4
 *
 * Cost: none.
 * Source: SYN-3.4, NZ1 13.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_resonance_verdict(const struct hkp_neuro_synaptic *state,
                                             const struct hkp_neuro_resonance_facts *facts);

/**
 * Result of a pair: the worse of two verdicts.
 *
 * @param a  resonance state 0..4
 * @param b  resonance state 0..4
 *
 * @return 1..4
 *
 * Cost: none.
 * Source: SYN-3.6.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_resonance_pair(uint32_t a, uint32_t b);

/**
 * Make a ResonanceProof; its PoSF is zero and is written into bytes[48..79] afterwards.
 *
 * @param proof    step, verdict, drift_ppm, t_us; borrowed
 * @param k_res    of the session
 * @param state_e  [256] as sent by role E
 * @param state_v  [256] as sent by role V
 * @param first    [80] the proof of step 1, for step 2; else NULL
 * @param bytes    [80] written
 *
 * Cost: none.
 * Source: SYN-3.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_resonance_proof_make(const struct hkp_neuro_resonance_proof *proof,
                                            const uint8_t k_res[32], const uint8_t state_e[256],
                                            const uint8_t state_v[256], const uint8_t *first,
                                            uint8_t bytes[80]);

/**
 * What the PoSF of a proof is over; the nonce is bytes[16..23], the role HKP_NEURO_ROLE_E.
 *
 * @param bytes     [80] a proof
 * @param msg_hash  written
 *
 * Cost: none.
 * Source: SYN-3.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_resonance_posf_hash(const uint8_t bytes[80], uint8_t msg_hash[32]);

/**
 * Read a ResonanceProof and check its form and MAC; the PoSF is the caller's to compare.
 *
 * @param proof    written on success
 * @param bytes    [len] borrowed
 * @param len      any
 * @param step     the one expected
 * @param k_res    of the session
 * @param state_e  [256] as sent by role E
 * @param state_v  [256] as sent by role V
 * @param first    [80] the proof of step 1, for step 2; NULL: there was none
 *
 * @retval HKP_OK                    good
 * @retval HKP_E_NEURO_SYN_LENGTH    not 80 bytes
 * @retval HKP_E_NEURO_SYN_VERSION   not version 1
 * @retval HKP_E_NEURO_SYN_RESERVED  another step, or a verdict outside 1..4
 * @retval HKP_E_NEURO_SYN_MAC       not over these states and this first step
 *
 * Cost: none.
 * Source: SYN-3.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_resonance_proof_check(
    struct hkp_neuro_resonance_proof *proof, const uint8_t *bytes, size_t len, uint32_t step,
    const uint8_t k_res[32], const uint8_t state_e[256], const uint8_t state_v[256], const uint8_t *first);

/**
 * Fill options with defaults.
 *
 * @param opt          written
 * @param struct_size  sizeof *opt of the caller
 *
 * Cost: none.
 * Source: SYN-3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_exchange_options_init(struct hkp_neuro_exchange_options *opt, size_t struct_size);

/**
 * Make the exchanges of one pair in one session.
 *
 * @param out  written on success; free with hkp_neuro_exchange_free()
 * @param opt  borrowed
 *
 * @retval HKP_OK        made
 * @retval HKP_E_INVAL   role, or options of a wrong size
 * @retval HKP_E_TOOBIG  options that this build does not know
 * @retval HKP_E_NOMEM   no memory
 *
 * Cost: one allocation, about 2 KB.
 * Source: SYN-3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_new(hkp_neuro_exchange **out,
                                                       const struct hkp_neuro_exchange_options *opt);

/**
 * Free it; keys are wiped and commits released.
 *
 * @param exchange  or NULL
 *
 * Cost: none.
 * Source: SYN-3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_exchange_free(hkp_neuro_exchange *exchange);

/**
 * Say what this side will show: its state, and the commit behind it. Call before every start and judge.
 *
 * @param exchange  one exchange
 * @param own       borrowed; role, gen, node_id, and w_commit and ck_index if there is a commit, are filled
 * in by the exchange; epoch is the current key epoch of the session
 * @param commit    agreed commit of this side, a reference is taken; NULL: there is no TER log
 *
 * @retval HKP_OK       noted
 * @retval HKP_E_INVAL  claim above 4
 *
 * Cost: none.
 * Source: SYN-3.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_own(hkp_neuro_exchange *exchange,
                                                       const struct hkp_neuro_synaptic *own,
                                                       hkp_neuro_commit *commit);

/**
 * Begin an exchange; only role E does. One that is under way is given up.
 *
 * @param exchange  one exchange
 * @param now       monotonic
 *
 * @retval HKP_OK       a state waits in hkp_neuro_exchange_send()
 * @retval HKP_E_STATE  role V, or hkp_neuro_exchange_own() was never called
 *
 * Cost: none.
 * Source: SYN-3.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_start(hkp_neuro_exchange *exchange, hkp_time now);

/**
 * Take a state or a proof of the peer.
 *
 * @param exchange  one exchange
 * @param now       monotonic
 * @param op        HKP_NEURO_OP_SYNAPTIC or HKP_NEURO_OP_PROOF
 * @param bytes     [len] borrowed
 * @param len       any
 *
 * @retval HKP_OK                  taken; see events and send
 * @retval HKP_E_NEURO_SYN_TYPE    another op, or not at this place; nothing changed
 * @retval HKP_E_NEURO_SYN_LENGTH, HKP_E_NEURO_SYN_VERSION, HKP_E_NEURO_SYN_RESERVED, HKP_E_NEURO_SYN_ROLE,
 *         HKP_E_NEURO_SYN_NODE, HKP_E_NEURO_SYN_GEN  refused; nothing changed
 * @retval HKP_E_NEURO_SYN_MAC, HKP_E_NEURO_SYN_POSF  refused; event HKP_NEURO_EXCHANGE_BROKEN
 *
 * Cost: at most one PoSF.
 * Source: SYN-3.3, SYN-3.5.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_recv(hkp_neuro_exchange *exchange, hkp_time now,
                                                        uint32_t op, const uint8_t *bytes, size_t len);

/**
 * The peer's state that is to be judged.
 *
 * @param exchange  one exchange
 * @param state     written on success
 *
 * @retval HKP_OK       after HKP_NEURO_EXCHANGE_JUDGE
 * @retval HKP_E_STATE  there is none
 *
 * Cost: none.
 * Source: SYN-3.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_peer(const hkp_neuro_exchange *exchange,
                                                        struct hkp_neuro_synaptic *state);

/**
 * Say the verdict about the peer's state; the exchange goes on.
 *
 * @param exchange   one exchange
 * @param now        monotonic
 * @param verdict    of hkp_neuro_resonance_verdict()
 * @param drift_ppm  or HKP_NEURO_DRIFT_UNKNOWN
 * @param replica    commit of the peer at its ck_index, against which its PoSF is compared, a reference is
 * taken; NULL: no replica is held, which allows SEEKING and LOST only
 *
 * @retval HKP_OK       noted; LOST gives its event at once
 * @retval HKP_E_STATE  nothing is to be judged
 * @retval HKP_E_INVAL  verdict outside 1..4, or ALIGNED or DRIFTING without a replica; nothing changed
 *
 * Cost: at most one PoSF.
 * Source: SYN-3.4.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_judge(hkp_neuro_exchange *exchange, hkp_time now,
                                                         uint32_t verdict, uint32_t drift_ppm,
                                                         hkp_neuro_commit *replica);

/**
 * Next thing to send to the peer, if there is one.
 *
 * @param exchange  one exchange
 * @param dst       [cap] written
 * @param cap       at least 256
 * @param len       bytes, 0: nothing to send
 * @param op        HKP_NEURO_OP_*
 *
 * @retval HKP_OK       see len
 * @retval HKP_E_NOSPC  cap is too small; nothing changed
 *
 * Cost: none.
 * Source: SYN-3.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_send(hkp_neuro_exchange *exchange, uint8_t *dst,
                                                        size_t cap, size_t *len, uint32_t *op);

/**
 * Next event; pull until there is none.
 *
 * @param exchange  one exchange
 *
 * @return HKP_NEURO_EXCHANGE_*
 *
 * Cost: none.
 * Source: SYN-3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API uint32_t hkp_neuro_exchange_event(hkp_neuro_exchange *exchange);

/**
 * What the last exchange that was done came to.
 *
 * @param exchange  one exchange
 * @param result    written on success
 *
 * @retval HKP_OK       after HKP_NEURO_EXCHANGE_DONE, until the next one begins
 * @retval HKP_E_STATE  none was done
 *
 * Cost: none.
 * Source: SYN-3.6, SYN-5.1.
 * Since: hookprobe-neuro 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_neuro_exchange_result(const hkp_neuro_exchange *exchange,
                                                          struct hkp_neuro_exchange_result *result);

/**
 * Let time pass.
 *
 * @param exchange  one exchange
 * @param now       monotonic
 *
 * Cost: none.
 * Source: SYN-3.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API void hkp_neuro_exchange_tick(hkp_neuro_exchange *exchange, hkp_time now);

/**
 * When hkp_neuro_exchange_tick() has something to do.
 *
 * @param exchange  one exchange
 *
 * @return deadline, or HKP_TIME_NEVER
 *
 * Cost: none.
 * Source: SYN-3.3.
 * Since: hookprobe-neuro 0.1
 */
HKP_API hkp_time hkp_neuro_exchange_wake(const hkp_neuro_exchange *exchange);

#ifdef __cplusplus
}
#endif

#endif
