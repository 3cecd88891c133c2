/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libneuro, part: trust in a device, what limits it and what it permits (NZ1 16).
 */
#ifndef HOOKPROBE_NEURO_TRUST_H
#define HOOKPROBE_NEURO_TRUST_H

#include <hookprobe/neuro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#endif
