/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Vectors mesh/state (M-STATE). */
#include "check.h"
#include "libmesh/state.h"
#include "vectors.h"

static uint32_t state_of(const char *name) {
    static const char *const names[] = {"DORMANT", "AWAKENING", "AWARE", "SYNCHRONIZED", "AUTONOMOUS"};
    for (uint32_t i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0) return i;
    return 99;
}

static struct hkp_mesh__state_inputs inputs_of(json_t *in) {
    return (struct hkp_mesh__state_inputs){
        .joined = vec_bool(in, "joined"),
        .peers = (uint32_t)vec_u64(in, "peers"),
        .peers_needed = (uint32_t)vec_u64(in, "peers_needed"),
        .groups = (uint32_t)vec_u64(in, "groups"),
        .groups_known = (uint32_t)vec_u64(in, "groups_known"),
        .first_round = vec_bool(in, "first_sync"),
        .clean_round_s = vec_u64(in, "entropy_s"),
        .checkpoint_age_s = vec_u64(in, "checkpoint_age_s"),
        .revocations_age_s = vec_u64(in, "crl_age_s"),
        .resonance_ok = vec_bool(in, "resonance_ok"),
        .mssp_configured = vec_bool(in, "mssp_configured"),
        .mssp_silent_s = vec_u64(in, "mssp_silent_s"),
        .mssp_up_s = vec_u64(in, "mssp_up_s"),
        .unsync_s = vec_u64(in, "unsync_s"),
    };
}

static void states_follow_their_conditions(void) {
    json_t *root = vec_load("mesh/state.json"), *c;
    size_t i;
    json_array_foreach(vec_get(root, "cases"), i, c) {
        const int before = check_faults;
        const struct hkp_mesh__state_inputs in = inputs_of(vec_get(c, "inputs"));
        CHECK_EQ(hkp_mesh__state_next(state_of(vec_text(c, "state")), &in, NULL),
                 state_of(vec_text(c, "next")));
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
    }
    json_decref(root);
}

/* M-STATE-3 */
static void the_first_failing_condition_is_told(void) {
    struct hkp_mesh__state_inputs in = {.joined = 1,
                                        .peers = 3,
                                        .peers_needed = 3,
                                        .groups = 2,
                                        .groups_known = 2,
                                        .first_round = 1,
                                        .resonance_ok = 1};
    uint32_t want = 99;
    CHECK_EQ(hkp_mesh__state_next(HKP_MESH__AWARE, &in, &want), HKP_MESH__SYNCHRONIZED);
    CHECK_EQ(want, HKP_MESH__WANT_NONE);
    in.resonance_ok = 0;
    in.checkpoint_age_s = 181;
    CHECK_EQ(hkp_mesh__state_next(HKP_MESH__AWARE, &in, &want), HKP_MESH__AWARE);
    CHECK_EQ(want, HKP_MESH__WANT_CHECKPOINT);
}

int main(void) {
    CASE(states_follow_their_conditions);
    CASE(the_first_failing_condition_is_told);
    return check_done();
}
