/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Bodies of ENROL, stored instances and serialised states of any bytes: refused, or sound. */
#include "pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static hkp_neuro_state *state;
    static struct pair w;
    struct hkp_neuro_enrol_facts facts = {.allowed = 1, .certificates = 1};
    int32_t fork = 0;
    hkp_neuro_owner *owner = NULL;
    hkp_neuro_holder *holder = NULL;
    if (state == NULL) {
        state = state_make(HKP_NEURO_VARIANT_AUTO);
        pair_begin(&w, 7);
    }
    if (size >= HKP_NEURO_CTX_SIZE) {
        /* the parties are right, so that the checks behind them are reached */
        memcpy(facts.chain_id, data, 32);
        memcpy(facts.peer_id, data + 32, 16);
        memcpy(facts.own_id, data + 48, 16);
        facts.gen_owner = hkp_le32(data + 64);
        facts.gen_holder = hkp_le32(data + 68);
    }
    facts.keys = w.policy_public;
    facts.n_keys = 1;
    if (hkp_neuro_enrol_check(data, size, &facts, &fork) == HKP_OK && size != HKP_NEURO_ENROL_SIZE)
        __builtin_trap();
    if (hkp_neuro_state_decode(state, data, size) == HKP_OK)
        for (int i = 0; i < HKP_NEURO__N; i++)
            if (state->w[i] > 262143 || state->w[i] < -262143) __builtin_trap();
    if (hkp_neuro_owner_load(&owner, &w.opt, 0, data, size, data, size, 0) == HKP_OK)
        __builtin_trap(); /* unsealed */
    if (hkp_neuro_holder_load(&holder, &w.opt, 0, data, size) == HKP_OK) __builtin_trap();
    return 0;
}
