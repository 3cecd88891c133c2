/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a judgement of the peer leaves of a session: the table of HTP-8.6, as a pure function. */
#include <hookprobe/htp.h>

#include <string.h>

#define CLASS(name) (UINT64_C(1) << HKP_HTP_STREAM_##name)
#define SAFE (CLASS(CONTROL) | CLASS(DSM))
#define EVERY UINT64_MAX

enum { LANES_0_1 = 3, LANE_1 = 2 };
#define LANES_ALL UINT32_MAX

/* One line: what it leaves, as an intersection with the other lines that hold. */
static const struct line {
    uint64_t low, high;
    uint32_t lanes, acts;
    uint16_t close;
    const char *text;
} table[] = {
    [HKP_HTP_LINE_FULL] = {EVERY, EVERY, LANES_ALL, HKP_HTP_ACT_ALL, 0, "trust 0.80 or more"},
    [HKP_HTP_LINE_READ] = {EVERY, EVERY, LANES_ALL, HKP_HTP_ACT_POLICY_READ | HKP_HTP_ACT_PROPOSE, 0,
                           "trust below 0.80"},
    [HKP_HTP_LINE_REPAIR] = {SAFE | CLASS(TER) | CLASS(COMMIT) | CLASS(POLICY), 0, LANES_0_1,
                             HKP_HTP_ACT_POLICY_READ | HKP_HTP_ACT_PROPOSE, 0, "trust below 0.50"},
    [HKP_HTP_LINE_INTEGRITY] = {EVERY, EVERY, LANES_ALL, HKP_HTP_ACT_ALL, 0, "integrity mismatch"},
    [HKP_HTP_LINE_ENROL] = {SAFE | CLASS(TER) | CLASS(COMMIT) | CLASS(POLICY), 0, LANES_0_1, 0, 0,
                            "no neural proof: enrolment only"},
    [HKP_HTP_LINE_SIGNED] = {SAFE | CLASS(POLICY), 0, LANES_0_1, 0, 0,
                             "no neural proof: signed consensus only"},
    [HKP_HTP_LINE_STALE] = {SAFE | CLASS(POLICY), 0, LANE_1, 0, 0, "certificate or list out of date"},
    [HKP_HTP_LINE_VALIDATORS] = {SAFE, 0, LANES_0_1, 0, 0, "trust below 0.30, between validators"},
    [HKP_HTP_LINE_TRUST] = {0, 0, 0, 0, HKP_HTP_REASON_TRUST, "trust below 0.30"},
    [HKP_HTP_LINE_POLICY] = {0, 0, 0, 0, HKP_HTP_REASON_POLICY, "integrity mismatch, which policy forbids"},
};

enum { LINES = sizeof table / sizeof table[0] };

static void limit(uint16_t *trust, uint16_t most) {
    if (*trust > most) *trust = most;
}

static uint32_t line_of_trust(uint16_t trust, int validators) {
    if (trust >= HKP_HTP_TRUST_FULL) return HKP_HTP_LINE_FULL;
    if (trust >= HKP_HTP_TRUST_READ) return HKP_HTP_LINE_READ;
    if (trust >= HKP_HTP_TRUST_LEAST) return HKP_HTP_LINE_REPAIR;
    return validators ? HKP_HTP_LINE_VALIDATORS : HKP_HTP_LINE_TRUST;
}

/* The lines that hold, as bits, and T after the limits that they set. */
static uint32_t lines_of(const struct hkp_htp_judgement *j, int enrol, int consensus, uint16_t *trust) {
    uint32_t lines = 0;
    *trust = j->trust;
    if (enrol) {
        lines |= 1U << HKP_HTP_LINE_ENROL;
        limit(trust, HKP_HTP_TRUST_LEAST);
    }
    if (consensus) lines |= 1U << HKP_HTP_LINE_SIGNED;
    if (j->stale) lines |= 1U << HKP_HTP_LINE_STALE;
    if (j->integrity != HKP_HTP_INTEGRITY_GOOD) {
        lines |= 1U << HKP_HTP_LINE_INTEGRITY;
        limit(trust, HKP_HTP_TRUST_CHANGED);
    }
    if (j->integrity == HKP_HTP_INTEGRITY_CLOSE) lines |= 1U << HKP_HTP_LINE_POLICY;
    return lines | 1U << line_of_trust(*trust, j->validators);
}

hkp_status hkp_htp_trust_rights(const struct hkp_htp_judgement *j, uint32_t mode, uint32_t n_case,
                                struct hkp_htp_rights *out) {
    if (j == NULL || j->struct_size < sizeof *j || out == NULL || out->struct_size < sizeof *out)
        return HKP_E_INVAL;
    if (mode > HKP_HTP_MODE_R || (mode == HKP_HTP_MODE_N && (n_case < 1 || n_case > 4))) return HKP_E_INVAL;
    if (j->stale > 1 || j->validators > 1 || j->integrity > HKP_HTP_INTEGRITY_CLOSE) return HKP_E_INVAL;
    const int n = mode == HKP_HTP_MODE_N;
    struct hkp_htp_rights r = {.struct_size = out->struct_size,
                               .acts = HKP_HTP_ACT_ALL,
                               .lanes = LANES_ALL,
                               .classes_low = EVERY,
                               .classes_high = EVERY};
    r.lines = lines_of(j, n && (n_case == 2 || n_case == 3), n && n_case == 4, &r.trust);
    for (uint32_t i = 0; i < LINES; i++) {
        if ((r.lines >> i & 1) == 0) continue;
        /* Between validators stale certificates leave lane 0 too. */
        uint32_t lanes = i == HKP_HTP_LINE_STALE && j->validators ? LANES_0_1 : table[i].lanes;
        r.classes_low &= table[i].low;
        r.classes_high &= table[i].high;
        r.lanes &= lanes;
        r.acts &= table[i].acts;
        r.close = table[i].close != 0 ? table[i].close : r.close;
        r.line = i;
    }
    memcpy(out, &r, sizeof r);
    return HKP_OK;
}

const char *hkp_htp_trust_line_text(uint32_t line) { return line < LINES ? table[line].text : "unknown"; }
