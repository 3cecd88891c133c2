/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The agreed states of many devices. V.cur and V.prev of a device are two serialised states side by side in
 * one block (NZ1 17: 2 x 112,052 bytes); a working state exists only for a replay under way. V.cur replaces
 * V.prev whole: the new state goes into the older slot, and the slots change their names.
 */
#include "libneuro/verifier.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>
#include <stdio.h>

/** A device: everything but its two states. */
struct replica {
    uint8_t node_id[16], device_public[32];
    struct hkp_ter_cursor cursor[2];
    uint32_t gen;
    /** which slot is V.cur; 1: V.prev is another state than V.cur */
    uint8_t cur, has_prev;
    /** number of the replay under way, from 1; 0: none */
    uint16_t working;
};

struct hkp_neuro_fleet {
    struct hkp_mem mem;
    uint32_t variant, capacity, working, n;
    struct replica *replicas;
    /** [capacity][2][HKP_NEURO_STATE_SIZE] secret */
    uint8_t *states;
    uint64_t bytes;
    hkp_neuro_verifier **verifiers;
    /** device of each + 1; 0: free */
    uint32_t *users;
};

void hkp_neuro_fleet_options_init(struct hkp_neuro_fleet_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static uint64_t block_size(uint32_t capacity, uint32_t working) {
    return (uint64_t)capacity * (sizeof(struct replica) + 2 * HKP_NEURO_STATE_SIZE) +
           (uint64_t)working * (sizeof(hkp_neuro_verifier *) + sizeof(uint32_t));
}

uint64_t hkp_neuro_fleet_memory(uint32_t capacity, uint32_t working) {
    return sizeof(hkp_neuro_fleet) + block_size(capacity, working) +
           (uint64_t)working * (sizeof(hkp_neuro_verifier) + sizeof(hkp_neuro_state));
}

/* One block: verifiers, replicas, users, states. */
static hkp_status block_make(hkp_neuro_fleet *f) {
    f->bytes = block_size(f->capacity, f->working);
    if (f->bytes > SIZE_MAX) return HKP_E_INVAL;
    /* not zeroed as a whole: what no device has used takes no memory of the machine */
    uint8_t *block = (uint8_t *)f->mem.alloc(f->mem.user, (size_t)f->bytes);
    if (block == NULL) return HKP_E_NOMEM;
    f->verifiers = (hkp_neuro_verifier **)(void *)block;
    block += f->working * sizeof *f->verifiers;
    f->replicas = (struct replica *)(void *)block;
    block += f->capacity * sizeof *f->replicas;
    f->users = (uint32_t *)(void *)block;
    f->states = block + f->working * sizeof *f->users;
    memset(f->verifiers, 0, f->working * sizeof *f->verifiers);
    memset(f->users, 0, f->working * sizeof *f->users);
    return HKP_OK;
}

hkp_status hkp_neuro_fleet_new(hkp_neuro_fleet **out, const struct hkp_neuro_fleet_options *opt) {
    struct hkp_neuro_fleet_options o;
    struct hkp_neuro_verifier_options vo;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.working == 0) o.working = 1;
    if (o.capacity == 0 || o.capacity > HKP_NEURO_FLEET_MAX || o.working > HKP_NEURO_FLEET_WORKING_MAX)
        return HKP_E_INVAL;
    hkp_neuro_fleet *f = (hkp_neuro_fleet *)hkp_mem_alloc(&o.mem, sizeof *f);
    if (f == NULL) return HKP_E_NOMEM;
    f->mem = o.mem;
    f->variant = o.variant;
    f->capacity = o.capacity;
    f->working = o.working;
    st = block_make(f);
    hkp_neuro_verifier_options_init(&vo, sizeof vo);
    vo.variant = o.variant;
    vo.mem = o.mem;
    vo.policy_keys = o.policy_keys;
    vo.n_policy_keys = o.n_policy_keys;
    for (uint32_t i = 0; i < f->working && st == HKP_OK; i++)
        st = hkp_neuro_verifier_new(&f->verifiers[i], &vo);
    if (st != HKP_OK) {
        hkp_neuro_fleet_free(f);
        return st;
    }
    *out = f;
    return HKP_OK;
}

static uint8_t *slot(const hkp_neuro_fleet *f, uint32_t device, uint32_t k) {
    return f->states + ((size_t)device * 2 + k) * HKP_NEURO_STATE_SIZE;
}

void hkp_neuro_fleet_free(hkp_neuro_fleet *fleet) {
    if (fleet == NULL) return;
    const struct hkp_mem mem = fleet->mem;
    if (fleet->verifiers != NULL) {
        for (uint32_t i = 0; i < fleet->working; i++) hkp_neuro_verifier_free(fleet->verifiers[i]);
        if (fleet->n > 0) sodium_memzero(fleet->states, (size_t)fleet->n * 2 * HKP_NEURO_STATE_SIZE);
        hkp_mem_free(&mem, fleet->verifiers, (size_t)fleet->bytes);
    }
    sodium_memzero(fleet, sizeof *fleet);
    hkp_mem_free(&mem, fleet, sizeof *fleet);
}

/* Bytes that are a cursor and a state, before anything changes. */
static hkp_status judge(const hkp_neuro_fleet *f, const uint8_t cursor[104], const uint8_t *state,
                        struct hkp_ter_cursor *at) {
    hkp_neuro_state *checked = NULL;
    if (hkp_ter_cursor_decode(at, cursor) != HKP_OK) return HKP_E_INVAL;
    hkp_status st = hkp_neuro_state_new(&checked, &f->mem, f->variant);
    if (st == HKP_OK) st = hkp_neuro_state_decode(checked, state, HKP_NEURO_STATE_SIZE);
    hkp_neuro_state_free(checked);
    return st;
}

hkp_status hkp_neuro_fleet_add(hkp_neuro_fleet *fleet, const uint8_t node_id[16],
                               const uint8_t device_public[32], uint32_t gen, const uint8_t cursor[104],
                               const uint8_t *state, uint32_t *device) {
    struct hkp_ter_cursor at;
    if (fleet->n == fleet->capacity) return HKP_E_LIMIT;
    hkp_status st = judge(fleet, cursor, state, &at);
    if (st != HKP_OK) return st;
    struct replica *r = &fleet->replicas[fleet->n];
    memset(r, 0, sizeof *r);
    memcpy(r->node_id, node_id, 16);
    memcpy(r->device_public, device_public, 32);
    r->gen = gen;
    r->cursor[0] = at;
    memcpy(slot(fleet, fleet->n, 0), state, HKP_NEURO_STATE_SIZE);
    *device = fleet->n++;
    return HKP_OK;
}

hkp_status hkp_neuro_fleet_put(hkp_neuro_fleet *fleet, uint32_t device, const uint8_t cursor[104],
                               const uint8_t *state) {
    struct hkp_ter_cursor at;
    if (device >= fleet->n) return HKP_E_NOTFOUND;
    struct replica *r = &fleet->replicas[device];
    if (r->working != 0) return HKP_E_STATE;
    hkp_status st = judge(fleet, cursor, state, &at);
    if (st != HKP_OK) return st;
    if (at.index <= r->cursor[r->cur].index) return HKP_E_INVAL;
    const uint32_t next = r->cur ^ 1U;
    memcpy(slot(fleet, device, next), state, HKP_NEURO_STATE_SIZE);
    r->cursor[next] = at;
    r->cur = (uint8_t)next;
    r->has_prev = 1;
    return HKP_OK;
}

hkp_status hkp_neuro_fleet_replay(hkp_neuro_fleet *fleet, uint32_t device, hkp_neuro_verifier **verifier) {
    if (device >= fleet->n) return HKP_E_NOTFOUND;
    struct replica *r = &fleet->replicas[device];
    uint32_t k = 0;
    if (r->working != 0) return HKP_E_STATE;
    while (k < fleet->working && fleet->users[k] != 0) k++;
    if (k == fleet->working) return HKP_E_LIMIT;
    hkp_neuro_verifier *v = fleet->verifiers[k];
    memcpy(v->node_id, r->node_id, 16);
    memcpy(v->device_public, r->device_public, 32);
    v->gen = r->gen;
    hkp_status st = hkp_neuro_state_decode(v->at.state, slot(fleet, device, r->cur), HKP_NEURO_STATE_SIZE);
    if (st != HKP_OK) return st;
    v->at.cursor = r->cursor[r->cur];
    hkp_neuro__verifier_start(v);
    fleet->users[k] = device + 1;
    r->working = (uint16_t)(k + 1);
    *verifier = v;
    return HKP_OK;
}

void hkp_neuro_fleet_drop(hkp_neuro_fleet *fleet, uint32_t device) {
    if (device >= fleet->n || fleet->replicas[device].working == 0) return;
    const uint32_t k = fleet->replicas[device].working - 1U;
    struct hkp_neuro__replica *at = &fleet->verifiers[k]->at;
    sodium_memzero(at->state->c, sizeof at->state->c);
    sodium_memzero(at->state->w, sizeof at->state->w);
    sodium_memzero(at->state->r, sizeof at->state->r);
    fleet->verifiers[k]->begun = 0;
    fleet->users[k] = 0;
    fleet->replicas[device].working = 0;
}

/* The slot of V.prev; V.cur's as long as there was only one agreement. */
static uint32_t previous_of(const struct replica *r) { return r->has_prev ? r->cur ^ 1U : r->cur; }

/* A slot as a commit of its own. */
static hkp_status slot_commit(const hkp_neuro_fleet *f, uint32_t device, uint32_t k, hkp_neuro_commit **out) {
    struct hkp_neuro__replica at = {0};
    hkp_neuro_commit *made = NULL;
    hkp_status st = hkp_neuro_state_new(&at.state, &f->mem, f->variant);
    if (st != HKP_OK) return st;
    st = hkp_neuro_state_decode(at.state, slot(f, device, k), HKP_NEURO_STATE_SIZE);
    at.cursor = f->replicas[device].cursor[k];
    if (st == HKP_OK) made = hkp_neuro__commit_new(&f->mem, f->variant, &at);
    hkp_neuro_state_free(at.state);
    if (st != HKP_OK || made == NULL) return st != HKP_OK ? st : HKP_E_NOMEM;
    *out = made;
    return HKP_OK;
}

static void ack_of(const hkp_neuro_state *state, uint64_t index, uint8_t ckack[40]) {
    uint8_t f[64];
    hkp_neuro_state_fingerprint(state, f);
    hkp_put_le64(ckack, index);
    hkp_neuro__ack(state, f, index, ckack + 8);
    sodium_memzero(f, sizeof f);
}

/* Case 2 of NZ1 17: it builds on V.prev, so the answer to the last PROPOSE was lost. 1: this is that case. */
static int again(const hkp_neuro_commit *prev, const hkp_neuro_commit *cur, const uint8_t propose[112],
                 struct hkp_neuro_verdict *verdict, uint8_t ckack[40]) {
    const struct hkp_neuro__replica at = {cur->state, cur->cursor};
    struct hkp_neuro__claim claim;
    hkp_neuro__claim_read(propose, &claim);
    if (prev->index == cur->index || !hkp_neuro__f_tag_ok(prev, &claim)) return 0;
    memset(verdict, 0, sizeof *verdict);
    verdict->claimed = claim.n;
    verdict->index = cur->index;
    verdict->verdict = HKP_NEURO_VERDICT_OPEN;
    if (claim.n == cur->index) {
        verdict->status = verdict->cause = hkp_neuro__replica_verdict(&at, &claim);
        verdict->verdict = verdict->status == HKP_OK ? HKP_NEURO_VERDICT_EXACT : HKP_NEURO_VERDICT_HISTORY;
    }
    if (verdict->verdict == HKP_NEURO_VERDICT_HISTORY) {
        verdict->fork = HKP_NEURO_FORK_RANGE;
        verdict->fork_from = prev->index;
        verdict->fork_to = cur->index;
        snprintf(verdict->reason, sizeof verdict->reason,
                 "history fork: another successor of index %llu was agreed", (unsigned long long)prev->index);
        return 1;
    }
    snprintf(verdict->reason, sizeof verdict->reason, "index %llu was agreed already: the answer was lost",
             (unsigned long long)cur->index);
    ack_of(cur->state, cur->index, ckack);
    return 1;
}

/* 1: answered from what was agreed before; 0: it needs a replay. */
static hkp_status answered(const hkp_neuro_fleet *f, uint32_t device, const uint8_t propose[112],
                           struct hkp_neuro_verdict *verdict, uint8_t ckack[40], int *done) {
    const struct replica *r = &f->replicas[device];
    hkp_neuro_commit *prev = NULL, *cur = NULL;
    *done = 0;
    if (!r->has_prev || hkp_le64(propose) != r->cursor[previous_of(r)].index) return HKP_OK;
    hkp_status st = slot_commit(f, device, previous_of(r), &prev);
    if (st == HKP_OK) st = slot_commit(f, device, r->cur, &cur);
    if (st == HKP_OK) *done = again(prev, cur, propose, verdict, ckack);
    hkp_neuro_commit_unref(prev);
    hkp_neuro_commit_unref(cur);
    return st;
}

hkp_status hkp_neuro_fleet_agree(hkp_neuro_fleet *fleet, uint32_t device, const uint8_t propose[112],
                                 struct hkp_neuro_verdict *verdict, uint8_t ckack[40]) {
    hkp_neuro_commit *base = NULL;
    int done = 0;
    if (device >= fleet->n) return HKP_E_NOTFOUND;
    struct replica *r = &fleet->replicas[device];
    hkp_status st = answered(fleet, device, propose, verdict, ckack, &done);
    if (st != HKP_OK || done) return st;
    if (r->working == 0) return HKP_E_STATE;
    hkp_neuro_verifier *v = fleet->verifiers[r->working - 1U];
    st = slot_commit(fleet, device, r->cur, &base);
    if (st != HKP_OK) return st;
    hkp_neuro_verifier_check_propose(v, propose, base, verdict);
    hkp_neuro_commit_unref(base);
    if (verdict->verdict != HKP_NEURO_VERDICT_EXACT) return HKP_OK;
    const uint32_t next = r->cur ^ 1U;
    hkp_neuro_state_encode(v->at.state, slot(fleet, device, next));
    r->cursor[next] = v->at.cursor;
    r->cur = (uint8_t)next;
    r->has_prev = 1;
    ack_of(v->at.state, v->at.cursor.index, ckack);
    hkp_neuro_fleet_drop(fleet, device);
    return HKP_OK;
}

hkp_status hkp_neuro_fleet_read(const hkp_neuro_fleet *fleet, uint32_t device, int32_t previous,
                                uint8_t cursor[104], uint8_t *state) {
    if (device >= fleet->n) return HKP_E_NOTFOUND;
    const struct replica *r = &fleet->replicas[device];
    const uint32_t k = previous ? previous_of(r) : r->cur;
    hkp_ter_cursor_encode(&r->cursor[k], cursor);
    if (state != NULL) memcpy(state, slot(fleet, device, k), HKP_NEURO_STATE_SIZE);
    return HKP_OK;
}

hkp_status hkp_neuro_fleet_commit(const hkp_neuro_fleet *fleet, uint32_t device, uint64_t ck_index,
                                  hkp_neuro_commit **out) {
    if (device >= fleet->n) return HKP_E_NOTFOUND;
    const struct replica *r = &fleet->replicas[device];
    const uint32_t prev = previous_of(r);
    const uint32_t k = ck_index == 0 || r->cursor[r->cur].index == ck_index ? r->cur : prev;
    if (ck_index != 0 && r->cursor[k].index != ck_index) return HKP_E_NOTFOUND;
    return slot_commit(fleet, device, k, out);
}
