/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Counting of witnesses by groups (D-WIT-3): k identities of one owner are one witness. */
#include "libdsm/objects/objects.h"

enum { REFUTE = 0, CONFIRM = 1 };

/* A witness with two different verdicts is void. */
static int counts(const struct hkp_dsm__verdict *verdicts, size_t n, size_t at, uint32_t claimant_group) {
    if (verdicts[at].group == claimant_group || verdicts[at].verdict > CONFIRM) return 0;
    for (size_t i = 0; i < n; i++)
        if (verdicts[i].witness == verdicts[at].witness && verdicts[i].verdict != verdicts[at].verdict)
            return 0;
    return 1;
}

/* Verdict of the group of verdicts[at] if that is its first one that counts: 1, 0, or -1 for nothing. */
static int group_verdict(const struct hkp_dsm__verdict *verdicts, size_t n, size_t at,
                         uint32_t claimant_group) {
    if (!counts(verdicts, n, at, claimant_group)) return -1;
    for (size_t i = 0; i < n; i++) {
        if (verdicts[i].group != verdicts[at].group || !counts(verdicts, n, i, claimant_group)) continue;
        if (i < at || verdicts[i].verdict != verdicts[at].verdict) return -1;
    }
    return (int)verdicts[at].verdict;
}

int hkp_dsm__witness_state(const struct hkp_dsm__verdict *verdicts, size_t n, uint32_t claimant_group,
                           uint32_t k, int expired, uint32_t *confirms, uint32_t *refutes) {
    uint32_t c = 0, r = 0;
    for (size_t i = 0; i < n; i++) {
        const int verdict = group_verdict(verdicts, n, i, claimant_group);
        c += verdict == CONFIRM;
        r += verdict == REFUTE;
    }
    *confirms = c;
    *refutes = r;
    if (c >= k && c > 2 * r) return HKP_DSM__CONFIRMED;
    if (r >= k && r > 2 * c) return HKP_DSM__REFUTED;
    return expired ? HKP_DSM__EXPIRED : HKP_DSM__PENDING;
}
