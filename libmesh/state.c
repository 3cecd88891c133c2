/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libmesh/state.h"

#include <stddef.h>

enum {
    CLEAN_ROUND_MAX_S = 30,
    CHECKPOINT_MAX_S = 180,
    REVOCATIONS_MAX_S = 86400,
    MSSP_SILENT_S = 90,
    MSSP_BACK_S = 60,
    HYSTERESIS_S = 15
};

static uint32_t first_missing(const struct hkp_mesh__state_inputs *in) {
    const uint32_t groups_needed = in->groups_known < 2 ? in->groups_known : 2;
    if (in->peers < in->peers_needed) return HKP_MESH__WANT_PEERS;
    if (in->groups < groups_needed) return HKP_MESH__WANT_GROUPS;
    if (in->clean_round_s > CLEAN_ROUND_MAX_S) return HKP_MESH__WANT_CLEAN_ROUND;
    if (in->checkpoint_age_s > CHECKPOINT_MAX_S) return HKP_MESH__WANT_CHECKPOINT;
    if (in->revocations_age_s > REVOCATIONS_MAX_S) return HKP_MESH__WANT_REVOCATIONS;
    return in->resonance_ok ? HKP_MESH__WANT_NONE : HKP_MESH__WANT_RESONANCE;
}

/* AUTONOMOUS is entered after 90 s of silence and left only after 60 s of unbroken session. */
static int mssp_missing(uint32_t state, const struct hkp_mesh__state_inputs *in) {
    if (!in->mssp_configured) return 0;
    if (state == HKP_MESH__AUTONOMOUS) return in->mssp_up_s < MSSP_BACK_S;
    return in->mssp_silent_s >= MSSP_SILENT_S;
}

uint32_t hkp_mesh__state_next(uint32_t state, const struct hkp_mesh__state_inputs *in, uint32_t *want) {
    const uint32_t missing = first_missing(in);
    if (want != NULL) *want = missing;
    if (!in->joined) return HKP_MESH__DORMANT;
    if (in->peers == 0 || !in->first_round) return HKP_MESH__AWAKENING;
    if (mssp_missing(state, in)) return HKP_MESH__AUTONOMOUS;
    if (missing == HKP_MESH__WANT_NONE) return HKP_MESH__SYNCHRONIZED;
    /* M-STATE-1 */
    return state == HKP_MESH__SYNCHRONIZED && in->unsync_s < HYSTERESIS_S ? HKP_MESH__SYNCHRONIZED
                                                                          : HKP_MESH__AWARE;
}
