/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Replay of a history, and the tags by which two sides agree on where it led (NZ1 17). */
#include "libneuro/replay.h"

#include "libter/bytes.h"

#include <sodium.h>

/* The number of a result in its library's table (NZ1 23). */
static uint32_t code_of(hkp_status status, int32_t base) { return (uint32_t)(base - status); }

hkp_status hkp_neuro__replica_ter(struct hkp_neuro__replica *replica, const uint8_t *ter, size_t len,
                                  uint32_t *sub) {
    return hkp_neuro__replica_step(replica, ter, len, NULL, sub);
}

hkp_status hkp_neuro__replica_step(struct hkp_neuro__replica *replica, const uint8_t *ter, size_t len,
                                   uint64_t *base, uint32_t *sub) {
    struct hkp_ter_cursor next = replica->cursor;
    hkp_status st = hkp_ter_cursor_accept(&next, ter, len, NULL);
    if (st == HKP_E_TER_DUPLICATE) return st;
    if (st != HKP_OK) {
        *sub = code_of(st, HKP_E_TER_BASE);
        return HKP_E_NEURO_REPLAY_TER;
    }
    if (hkp_neuro__evolve(replica->state, ter, base) != HKP_OK) {
        *sub = code_of(HKP_E_TER_TIME_ORDER, HKP_E_TER_BASE);
        return HKP_E_NEURO_REPLAY_TER;
    }
    replica->cursor = next;
    return HKP_OK;
}

hkp_status hkp_neuro__replica_rebase(struct hkp_neuro__replica *replica, uint64_t index, const uint8_t *rba,
                                     size_t len, const struct hkp_neuro__policy *policy, uint32_t *sub) {
    *sub = 0;
    if (index != replica->cursor.index) return HKP_E_NEURO_REPLAY_REBASE;
    hkp_status st =
        hkp_neuro_state_rebase(replica->state, policy->node_id, rba, len, policy->keys, policy->n_keys);
    if (st == HKP_OK) return HKP_OK;
    *sub = code_of(st, HKP_E_NEURO_BASE);
    return HKP_E_NEURO_REPLAY_REBASE;
}

hkp_status hkp_neuro__replica_verdict(const struct hkp_neuro__replica *replica,
                                      const struct hkp_neuro__claim *claim) {
    uint8_t f[64], proof[32];
    if (replica->cursor.index != claim->n) return HKP_E_NEURO_REPLAY_SHORT;
    if (memcmp(replica->cursor.h, claim->h_n, 32) != 0) return HKP_E_NEURO_REPLAY_HCHAIN;
    hkp_neuro_state_fingerprint(replica->state, f);
    hkp_neuro__proof(replica->state, f, claim->base, claim->n, claim->h_n, proof);
    const int same = sodium_memcmp(proof, claim->proof, 32) == 0;
    sodium_memzero(f, sizeof f);
    sodium_memzero(proof, sizeof proof);
    return same ? HKP_OK : HKP_E_NEURO_REPLAY_PROOF;
}

hkp_status hkp_neuro__replay(struct hkp_neuro__replica *replica, const struct hkp_neuro__item *items,
                             size_t n_items, const struct hkp_neuro__claim *claim,
                             const struct hkp_neuro__policy *policy, size_t *position, uint32_t *sub) {
    *position = 0;
    *sub = 0;
    if (claim->n <= claim->base) return HKP_E_NEURO_REPLAY_BASE;
    for (size_t i = 0; i < n_items; i++) {
        hkp_status st = items[i].type == HKP_TER_LOG_TER
                            ? hkp_neuro__replica_ter(replica, items[i].bytes, items[i].len, sub)
                            : hkp_neuro__replica_rebase(replica, items[i].index, items[i].bytes, items[i].len,
                                                        policy, sub);
        *position = i;
        if (st != HKP_OK && st != HKP_E_TER_DUPLICATE) return st;
    }
    *position = n_items;
    return hkp_neuro__replica_verdict(replica, claim);
}

void hkp_neuro__claim_read(const uint8_t body[112], struct hkp_neuro__claim *claim) {
    claim->base = hkp_le64(body);
    claim->n = hkp_le64(body + 8);
    claim->h_n = body + 16;
    claim->proof = body + 48;
    claim->f_tag = body + 80;
}

void hkp_neuro__proof(const hkp_neuro_state *state, const uint8_t f[64], uint64_t base, uint64_t n,
                      const uint8_t h_n[32], uint8_t proof[32]) {
    uint8_t message[16 + 32 + 64], full[64];
    hkp_put_le64(message, base);
    hkp_put_le64(message + 8, n);
    memcpy(message + 16, h_n, 32);
    memcpy(message + 48, f, 64);
    hkp_neuro__hmac(state->c, "NZ1 commit", 11, message, sizeof message, full);
    memcpy(proof, full, 32);
    sodium_memzero(message, sizeof message);
    sodium_memzero(full, sizeof full);
}

static void f_tag(const hkp_neuro_commit *base, uint64_t base_index, uint64_t n, uint8_t tag[32]) {
    uint8_t message[9 + 16];
    memcpy(message, "NZ1 base", 9);
    hkp_put_le64(message + 9, base_index);
    hkp_put_le64(message + 17, n);
    crypto_generichash(tag, 32, message, sizeof message, base->f_secret, 32);
}

int hkp_neuro__f_tag_ok(const hkp_neuro_commit *base, const struct hkp_neuro__claim *claim) {
    uint8_t tag[32];
    if (base->index != claim->base) return 0;
    f_tag(base, claim->base, claim->n, tag);
    return sodium_memcmp(tag, claim->f_tag, 32) == 0;
}

void hkp_neuro__propose_write(const struct hkp_neuro__replica *replica, const hkp_neuro_commit *base,
                              uint8_t body[112]) {
    uint8_t f[64];
    const uint64_t n = replica->cursor.index;
    hkp_neuro_state_fingerprint(replica->state, f);
    hkp_put_le64(body, base->index);
    hkp_put_le64(body + 8, n);
    memcpy(body + 16, replica->cursor.h, 32);
    hkp_neuro__proof(replica->state, f, base->index, n, replica->cursor.h, body + 48);
    f_tag(base, base->index, n, body + 80);
    sodium_memzero(f, sizeof f);
}

void hkp_neuro__ack(const hkp_neuro_state *state, const uint8_t f[64], uint64_t n, uint8_t ack[32]) {
    uint8_t message[8 + 64], full[64];
    hkp_put_le64(message, n);
    memcpy(message + 8, f, 64);
    hkp_neuro__hmac(state->c, "NZ1 ckack", 10, message, sizeof message, full);
    memcpy(ack, full, 32);
    sodium_memzero(message, sizeof message);
    sodium_memzero(full, sizeof full);
}

void hkp_neuro__enrol_tag(const hkp_neuro_commit *commit, const uint8_t body[616], uint8_t tag[32]) {
    uint8_t message[32 + 64], full[64];
    crypto_hash_sha256(message, body, HKP_NEURO_ENROL_SIZE);
    memcpy(message + 32, commit->f_secret, 64);
    hkp_neuro__hmac(commit->state->c, "NZ1 enrol", 10, message, sizeof message, full);
    memcpy(tag, full, 32);
    sodium_memzero(message, sizeof message);
    sodium_memzero(full, sizeof full);
}
