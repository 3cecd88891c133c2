/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Commits: agreed states that no longer change, pinned by counted references (NZ1 17). */
#include "libneuro/replay.h"
#include "libter/options.h"

#include <sodium.h>

hkp_neuro_commit *hkp_neuro__commit_new(const struct hkp_mem *mem, uint32_t variant,
                                        const struct hkp_neuro__replica *replica) {
    hkp_neuro_commit *commit = (hkp_neuro_commit *)hkp_mem_alloc(mem, sizeof *commit);
    if (commit == NULL) return NULL;
    commit->mem = *mem;
    if (hkp_neuro_state_new(&commit->state, mem, variant) != HKP_OK) {
        hkp_mem_free(mem, commit, sizeof *commit);
        return NULL;
    }
    commit->refs = 1;
    commit->index = replica->cursor.index;
    commit->cursor = replica->cursor;
    hkp_neuro_state_copy(commit->state, replica->state);
    hkp_neuro_state_fingerprint(commit->state, commit->f_secret);
    hkp_neuro_state_psk(commit->state, commit->f_secret, commit->index, commit->psk_secret);
    return commit;
}

void hkp_neuro__replica_from(struct hkp_neuro__replica *replica, const hkp_neuro_commit *commit) {
    hkp_neuro_state_copy(replica->state, commit->state);
    replica->cursor = commit->cursor;
}

hkp_neuro_commit *hkp_neuro_commit_ref(hkp_neuro_commit *commit) {
    commit->refs++;
    return commit;
}

void hkp_neuro_commit_unref(hkp_neuro_commit *commit) {
    if (commit == NULL || --commit->refs > 0) return;
    const struct hkp_mem mem = commit->mem;
    hkp_neuro_state_free(commit->state);
    sodium_memzero(commit, sizeof *commit);
    hkp_mem_free(&mem, commit, sizeof *commit);
}

uint64_t hkp_neuro_commit_index(const hkp_neuro_commit *commit) { return commit->index; }

uint64_t hkp_neuro_commit_last_us(const hkp_neuro_commit *commit) { return commit->state->last_us; }

void hkp_neuro_commit_psk(const hkp_neuro_commit *commit, uint8_t psk[32]) {
    memcpy(psk, commit->psk_secret, 32);
}

void hkp_neuro_commit_f(const hkp_neuro_commit *commit, uint8_t f[64]) { memcpy(f, commit->f_secret, 64); }

void hkp_neuro_commit_posf(const hkp_neuro_commit *commit, uint8_t role, const uint8_t msg_hash[32],
                           const uint8_t nonce[8], uint8_t tag[32]) {
    hkp_neuro_state_posf(commit->state, commit->f_secret, role, msg_hash, nonce, tag);
}
