/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: the rules of an instance, which two nodes share: when it may begin, what moves it (NZ1 22).
 */
#ifndef HOOKPROBE_NEURO_INSTANCE_H
#define HOOKPROBE_NEURO_INSTANCE_H

#include <hookprobe/neuro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif
