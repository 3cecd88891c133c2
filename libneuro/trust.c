/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Trust: components, caps, T and what it permits (NZ1 16). Integers; every division truncates. */
#include <hookprobe/neuro.h>

enum {
    ONE = HKP_NEURO_ONE,
    SOFTWARE_ONLY = 39321,
    RISE = 1024,
    START = 19660,
    FULL = 52428,
    READ = 32768,
    NOVELTY_MATURE = 16384,
    QUOTE_AGE_S = 600,
    CONTRADICTIONS_WITHIN_S = 86400,
    /** R of a drift of HKP_NEURO_DRIFT_ALIGNED: from here on the state counts as aligned */
    R_ALIGNED = 52428
};

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

uint32_t hkp_neuro_trust_a(int32_t failed, int32_t quote_ok, uint64_t age_s) {
    if (failed) return 0;
    return quote_ok && age_s <= QUOTE_AGE_S ? ONE : SOFTWARE_ONLY;
}

uint32_t hkp_neuro_trust_r(uint32_t state, int32_t equal_proof, uint32_t drift_ppm) {
    if (state != HKP_NEURO_ALIGNED && state != HKP_NEURO_DRIFTING) return 0;
    if (state == HKP_NEURO_ALIGNED && equal_proof) return ONE;
    const uint64_t left = HKP_NEURO_DRIFT_LOST - least(drift_ppm, HKP_NEURO_DRIFT_LOST);
    return (uint32_t)(ONE * left / HKP_NEURO_DRIFT_LOST);
}

uint32_t hkp_neuro_trust_c(uint32_t received, uint32_t expected) {
    return expected == 0 ? ONE : (uint32_t)((uint64_t)ONE * least(received, expected) / expected);
}

uint32_t hkp_neuro_trust_l(uint32_t ok, uint32_t total, int32_t clock_fail, int32_t jitter_high) {
    uint32_t l = total == 0 ? ONE : (uint32_t)((uint64_t)ONE * least(ok, total) / total);
    if (clock_fail) l = l / 2;
    if (jitter_high) l = l - l / 4;
    return l;
}

void hkp_neuro_novelty_update(struct hkp_neuro_novelty *novelty, uint64_t base, int32_t healthy) {
    novelty->newest = base;
    if (!healthy) return;
    if (novelty->count == 0)
        novelty->mean = base;
    else /* floor, also where the difference is negative */
        novelty->mean = (uint64_t)((int64_t)novelty->mean + (((int64_t)base - (int64_t)novelty->mean) >> 8));
    novelty->count++;
}

uint32_t hkp_neuro_trust_n(const struct hkp_neuro_novelty *novelty) {
    if (novelty->count < NOVELTY_MATURE) return ONE / 2;
    const uint64_t q = 256 * novelty->newest / (novelty->mean > 0 ? novelty->mean : 1);
    if (q < 512) return ONE;
    if (q >= 2048) return 0;
    return (uint32_t)(ONE * (2048 - q) / 1536);
}

/* Cap of each condition by its bit; ONE: none. */
static uint32_t cap_of(uint32_t bit) {
    switch (bit) {
    case HKP_NEURO_WHY_CONTRADICTION:
    case HKP_NEURO_WHY_FORK:
    case HKP_NEURO_WHY_QUARANTINE:
        return 0;
    case HKP_NEURO_WHY_MODE_N:
    case HKP_NEURO_WHY_GAP:
    case HKP_NEURO_WHY_STALE_INSTANCE:
    case HKP_NEURO_WHY_FAR_FUTURE:
        return 19660;
    case HKP_NEURO_WHY_INTEGRITY:
        return 26214;
    case HKP_NEURO_WHY_CATCHUP:
        return 32768;
    case HKP_NEURO_WHY_NO_REPLICA:
    case HKP_NEURO_WHY_STALE:
    case HKP_NEURO_WHY_FUTURE:
        return 39321;
    case HKP_NEURO_WHY_NO_TPM:
        return 52428;
    default:
        return ONE;
    }
}

/* With neural = off what would need a state counts as full or middling. */
static struct hkp_neuro_trust_inputs effective(const struct hkp_neuro_trust_inputs *inputs) {
    struct hkp_neuro_trust_inputs in = *inputs;
    if (!in.neural_off) return in;
    in.r = ONE;
    in.n = ONE / 2;
    in.why &= ~(uint32_t)(HKP_NEURO_WHY_MODE_N | HKP_NEURO_WHY_NO_REPLICA);
    if (in.sends_ters) return in;
    in.i = ONE;
    in.c = ONE;
    in.why &= ~(uint32_t)HKP_NEURO_WHY_STALE;
    return in;
}

static uint32_t reasons(const struct hkp_neuro_trust_inputs *in) {
    uint32_t why = in->why;
    if (in->a == 0) why |= HKP_NEURO_WHY_ATTESTATION;
    if (in->r < R_ALIGNED) why |= HKP_NEURO_WHY_RESONANCE;
    if (in->c < ONE) why |= HKP_NEURO_WHY_TERS;
    if (in->n < ONE / 2) why |= HKP_NEURO_WHY_NOVELTY;
    if (in->l < ONE) why |= HKP_NEURO_WHY_LINK;
    return why;
}

void hkp_neuro_trust_update(struct hkp_neuro_trust *trust, const struct hkp_neuro_trust_inputs *inputs) {
    const struct hkp_neuro_trust_inputs in = effective(inputs);
    trust->t_raw = (5 * in.a + 4 * in.r + 4 * in.i + 3 * in.c + 2 * in.n + 2 * in.l) / 20;
    trust->t_new = trust->t_raw;
    for (uint32_t k = 0; k < HKP_NEURO_WHY_COUNT; k++)
        if ((in.why >> k & 1) != 0) trust->t_new = least(trust->t_new, cap_of(UINT32_C(1) << k));
    trust->t = least(trust->t_new, in.good_heartbeat ? trust->t + RISE : trust->t);
    trust->why = reasons(&in);
}

uint32_t hkp_neuro_trust_start(uint32_t stored, int32_t quarantined, uint32_t t_new) {
    return quarantined ? 0 : least(t_new, stored > START ? stored : START);
}

uint32_t hkp_neuro_trust_permille(uint32_t t) { return (uint32_t)((UINT64_C(1000) * t + 32768) >> 16); }

uint32_t hkp_neuro_trust_permitted(uint32_t t) {
    if (t >= FULL) return HKP_NEURO_PERMIT_ALL;
    if (t >= READ) return HKP_NEURO_PERMIT_READ;
    return t >= START ? HKP_NEURO_PERMIT_REPAIR : HKP_NEURO_PERMIT_CLOSE;
}

const char *hkp_neuro_why_text(uint32_t bit) {
    switch (bit) {
    case HKP_NEURO_WHY_CONTRADICTION:
        return "wrong proof in an established session";
    case HKP_NEURO_WHY_FORK:
        return "history fork";
    case HKP_NEURO_WHY_MODE_N:
        return "no neural proof in this session";
    case HKP_NEURO_WHY_GAP:
        return "history gap";
    case HKP_NEURO_WHY_STALE_INSTANCE:
        return "history gap, not enrolled again";
    case HKP_NEURO_WHY_FAR_FUTURE:
        return "clock more than an hour ahead";
    case HKP_NEURO_WHY_INTEGRITY:
        return "integrity mismatch";
    case HKP_NEURO_WHY_CATCHUP:
        return "history still being replayed";
    case HKP_NEURO_WHY_NO_REPLICA:
        return "no replica";
    case HKP_NEURO_WHY_STALE:
        return "no recent record";
    case HKP_NEURO_WHY_FUTURE:
        return "clock ahead";
    case HKP_NEURO_WHY_NO_TPM:
        return "no TPM";
    case HKP_NEURO_WHY_ATTESTATION:
        return "attestation failed";
    case HKP_NEURO_WHY_CLOCK:
        return "clock";
    case HKP_NEURO_WHY_TERS:
        return "records missing";
    case HKP_NEURO_WHY_RESONANCE:
        return "state not aligned";
    case HKP_NEURO_WHY_NOVELTY:
        return "unusual record";
    case HKP_NEURO_WHY_LINK:
        return "heartbeats missed or unsteady";
    case HKP_NEURO_WHY_QUARANTINE:
        return "quarantine";
    default:
        return "";
    }
}

void hkp_neuro_quarantine_note(struct hkp_neuro_quarantine *quarantine, int32_t fork, uint64_t now_s) {
    /* a clock that was set back hides nothing */
    if (fork || (quarantine->seen &&
                 (now_s < quarantine->last_s || now_s - quarantine->last_s < CONTRADICTIONS_WITHIN_S)))
        quarantine->quarantined = 1;
    if (fork) return;
    quarantine->seen = 1;
    quarantine->last_s = now_s;
}
