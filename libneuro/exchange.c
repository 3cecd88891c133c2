/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Exchanges of SynapticStates and proofs in one session, as a state machine (SYN-3.3, SYN-3.5, SYN-3.6). */
#include "libter/bytes.h"
#include "libter/options.h"

#include <hookprobe/neuro.h>
#include <sodium.h>

#define SECOND UINT64_C(1000000000)
#define LIMIT (HKP_NEURO_EXCHANGE_LIMIT_S * SECOND)
#define EVERY (HKP_NEURO_EXCHANGE_EVERY_S * SECOND)

/** What is waited for. */
enum phase { IDLE, PEER_STATE, VERDICT, PEER_PROOF };

struct hkp_neuro_exchange {
    struct hkp_neuro_exchange_options opt;
    enum phase phase;
    int have_own, have_result, lost, due_told;
    /** one bit for each event that waits */
    uint32_t events;
    /** highest gen that was sent (E) or accepted (V) */
    uint32_t last_gen;
    hkp_time now, began;
    struct hkp_neuro_synaptic own, peer;
    hkp_neuro_commit *commit, *replica;
    uint8_t own_bytes[HKP_NEURO_SYNAPTIC_SIZE], peer_bytes[HKP_NEURO_SYNAPTIC_SIZE];
    uint8_t first[HKP_NEURO_RESONANCE_PROOF_SIZE];
    uint32_t verdict, drift_ppm;
    uint8_t out[HKP_NEURO_SYNAPTIC_SIZE];
    size_t out_len;
    uint32_t out_op;
    struct hkp_neuro_exchange_result result;
};

static int is_initiator(const hkp_neuro_exchange *x) { return x->opt.role == HKP_NEURO_ROLE_E; }

static void tell(hkp_neuro_exchange *x, uint32_t event) { x->events |= UINT32_C(1) << event; }

static void notice(hkp_neuro_exchange *x, hkp_time now) {
    if (now > x->now) x->now = now;
}

static void put_out(hkp_neuro_exchange *x, uint32_t op, const uint8_t *bytes, size_t len) {
    memcpy(x->out, bytes, len);
    x->out_len = len;
    x->out_op = op;
}

static void forget_replica(hkp_neuro_exchange *x) {
    if (x->replica != NULL) hkp_neuro_commit_unref(x->replica);
    x->replica = NULL;
}

void hkp_neuro_exchange_options_init(struct hkp_neuro_exchange_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_neuro_exchange_new(hkp_neuro_exchange **out, const struct hkp_neuro_exchange_options *opt) {
    struct hkp_neuro_exchange_options own;
    hkp_neuro_exchange *x = NULL;
    hkp_status st = hkp_options_import(&own, sizeof own, sizeof own, opt);
    if (st == HKP_OK && own.role != HKP_NEURO_ROLE_E && own.role != HKP_NEURO_ROLE_V) st = HKP_E_INVAL;
    if (st == HKP_OK) st = hkp_mem_import(&own.mem);
    if (st == HKP_OK) {
        x = hkp_mem_alloc(&own.mem, sizeof *x);
        if (x == NULL) st = HKP_E_NOMEM;
    }
    if (st == HKP_OK) {
        x->opt = own;
        *out = x;
    }
    sodium_memzero(&own, sizeof own);
    return st;
}

void hkp_neuro_exchange_free(hkp_neuro_exchange *x) {
    if (x == NULL) return;
    const struct hkp_mem mem = x->opt.mem;
    forget_replica(x);
    if (x->commit != NULL) hkp_neuro_commit_unref(x->commit);
    sodium_memzero(x, sizeof *x);
    hkp_mem_free(&mem, x, sizeof *x);
}

hkp_status hkp_neuro_exchange_own(hkp_neuro_exchange *x, const struct hkp_neuro_synaptic *own,
                                  hkp_neuro_commit *commit) {
    if (own->claim > HKP_NEURO_LOST) return HKP_E_INVAL;
    hkp_neuro_commit *const before = x->commit;
    x->commit = commit != NULL ? hkp_neuro_commit_ref(commit) : NULL;
    if (before != NULL) hkp_neuro_commit_unref(before);
    x->own = *own;
    x->own.role = x->opt.role;
    memcpy(x->own.node_id, x->opt.own_id, 16);
    x->have_own = 1;
    return HKP_OK;
}

/* Without a TER log all that speaks of one is zero (SYN-3.1). */
static void without_log(struct hkp_neuro_synaptic *own) {
    own->ck_index = own->ter_index = 0;
    memset(own->w_commit, 0, sizeof own->w_commit);
    memset(own->h, 0, sizeof own->h);
    memset(own->h_entropy, 0, sizeof own->h_entropy);
    memset(own->h_integrity, 0, sizeof own->h_integrity);
}

static void show_own(hkp_neuro_exchange *x, uint32_t gen, uint32_t epoch) {
    struct hkp_neuro_synaptic shown = x->own;
    shown.gen = gen;
    shown.epoch = epoch;
    if (x->commit == NULL) {
        without_log(&shown);
    } else {
        uint8_t f[64];
        hkp_neuro_commit_f(x->commit, f);
        shown.ck_index = hkp_neuro_commit_index(x->commit);
        hkp_neuro_synaptic_commit(f, x->opt.k_bind, x->opt.own_id, shown.ck_index, shown.w_commit);
        sodium_memzero(f, sizeof f);
    }
    hkp_neuro_synaptic_encode(&shown, x->own_bytes);
    put_out(x, HKP_NEURO_OP_SYNAPTIC, x->own_bytes, HKP_NEURO_SYNAPTIC_SIZE);
}

static void begin(hkp_neuro_exchange *x, uint32_t gen) {
    x->began = x->now;
    x->last_gen = gen;
    x->lost = x->have_result = x->due_told = 0;
    x->out_len = 0;
    forget_replica(x);
}

hkp_status hkp_neuro_exchange_start(hkp_neuro_exchange *x, hkp_time now) {
    if (!is_initiator(x) || !x->have_own || x->last_gen == UINT32_MAX) return HKP_E_STATE;
    notice(x, now);
    begin(x, x->last_gen + 1);
    show_own(x, x->last_gen, x->own.epoch);
    x->phase = PEER_STATE;
    return HKP_OK;
}

static hkp_status recv_state(hkp_neuro_exchange *x, const uint8_t *bytes, size_t len) {
    struct hkp_neuro_synaptic_expect expect = {.epoch = x->own.epoch, .last_gen = x->last_gen};
    memcpy(expect.peer_id, x->opt.peer_id, 16);
    if (!x->have_own || (is_initiator(x) && x->phase != PEER_STATE)) return HKP_E_NEURO_SYN_TYPE;
    if (is_initiator(x)) {
        expect.peer_role = HKP_NEURO_ROLE_V;
        expect.last_gen = x->last_gen - 1;
        expect.named_gen = x->last_gen;
        expect.named_epoch = hkp_be32(x->own_bytes + 180);
    } else {
        expect.peer_role = HKP_NEURO_ROLE_E;
    }
    const hkp_status st = hkp_neuro_synaptic_check(&x->peer, bytes, len, &expect);
    if (st != HKP_OK) return st;
    if (!is_initiator(x)) begin(x, x->peer.gen);
    memcpy(x->peer_bytes, bytes, HKP_NEURO_SYNAPTIC_SIZE);
    x->phase = VERDICT;
    tell(x, HKP_NEURO_EXCHANGE_JUDGE);
    return HKP_OK;
}

static const uint8_t *state_e(const hkp_neuro_exchange *x) {
    return is_initiator(x) ? x->own_bytes : x->peer_bytes;
}
static const uint8_t *state_v(const hkp_neuro_exchange *x) {
    return is_initiator(x) ? x->peer_bytes : x->own_bytes;
}

static void put_proof(hkp_neuro_exchange *x, uint32_t step) {
    const struct hkp_neuro_resonance_proof proof = {
        .step = step, .verdict = x->verdict, .drift_ppm = x->drift_ppm, .t_us = x->own.t_us};
    uint8_t bytes[HKP_NEURO_RESONANCE_PROOF_SIZE], hash[32];
    hkp_neuro_resonance_proof_make(&proof, x->opt.k_res, state_e(x), state_v(x), step == 2 ? x->first : NULL,
                                   bytes);
    if (x->commit != NULL) {
        hkp_neuro_resonance_posf_hash(bytes, hash);
        hkp_neuro_commit_posf(x->commit, HKP_NEURO_ROLE_E, hash, bytes + 16, bytes + 48);
    }
    if (step == 1) memcpy(x->first, bytes, sizeof bytes);
    put_out(x, HKP_NEURO_OP_PROOF, bytes, sizeof bytes);
}

static int posf_ok(const hkp_neuro_exchange *x, const uint8_t *bytes) {
    uint8_t hash[32], want[32];
    if (x->replica == NULL) return 1;
    hkp_neuro_resonance_posf_hash(bytes, hash);
    hkp_neuro_commit_posf(x->replica, HKP_NEURO_ROLE_E, hash, bytes + 16, want);
    return sodium_memcmp(want, bytes + 48, 32) == 0;
}

static void done(hkp_neuro_exchange *x, const struct hkp_neuro_resonance_proof *theirs) {
    struct hkp_neuro_exchange_result *r = &x->result;
    x->phase = IDLE;
    if (x->lost) return;
    if (theirs->verdict == HKP_NEURO_LOST) {
        x->lost = 1;
        tell(x, HKP_NEURO_EXCHANGE_LOST);
        return;
    }
    r->own_verdict = x->verdict;
    r->peer_verdict = theirs->verdict;
    r->pair = hkp_neuro_resonance_pair(x->verdict, theirs->verdict);
    r->own_drift_ppm = x->drift_ppm;
    r->peer_drift_ppm = theirs->drift_ppm;
    r->epoch = x->peer.epoch;
    r->gen = x->peer.gen;
    memcpy(r->own_state, x->own_bytes, HKP_NEURO_SYNAPTIC_SIZE);
    memcpy(r->peer_state, x->peer_bytes, HKP_NEURO_SYNAPTIC_SIZE);
    x->have_result = 1;
    tell(x, HKP_NEURO_EXCHANGE_DONE);
}

static hkp_status recv_proof(hkp_neuro_exchange *x, const uint8_t *bytes, size_t len) {
    struct hkp_neuro_resonance_proof proof;
    const uint32_t step = is_initiator(x) ? 2 : 1;
    if (x->phase != PEER_PROOF) return HKP_E_NEURO_SYN_TYPE;
    hkp_status st = hkp_neuro_resonance_proof_check(&proof, bytes, len, step, x->opt.k_res, state_e(x),
                                                    state_v(x), step == 2 ? x->first : NULL);
    if (st == HKP_OK && !posf_ok(x, bytes)) st = HKP_E_NEURO_SYN_POSF;
    if (st == HKP_E_NEURO_SYN_MAC || st == HKP_E_NEURO_SYN_POSF) tell(x, HKP_NEURO_EXCHANGE_BROKEN);
    if (st != HKP_OK) return st;
    if (step == 1 && proof.verdict != HKP_NEURO_LOST) {
        memcpy(x->first, bytes, sizeof x->first);
        put_proof(x, 2);
    }
    done(x, &proof);
    return HKP_OK;
}

hkp_status hkp_neuro_exchange_recv(hkp_neuro_exchange *x, hkp_time now, uint32_t op, const uint8_t *bytes,
                                   size_t len) {
    hkp_neuro_exchange_tick(x, now);
    if (op == HKP_NEURO_OP_SYNAPTIC) return recv_state(x, bytes, len);
    if (op == HKP_NEURO_OP_PROOF) return recv_proof(x, bytes, len);
    return HKP_E_NEURO_SYN_TYPE;
}

hkp_status hkp_neuro_exchange_peer(const hkp_neuro_exchange *x, struct hkp_neuro_synaptic *state) {
    if (x->phase != VERDICT) return HKP_E_STATE;
    *state = x->peer;
    return HKP_OK;
}

hkp_status hkp_neuro_exchange_judge(hkp_neuro_exchange *x, hkp_time now, uint32_t verdict, uint32_t drift_ppm,
                                    hkp_neuro_commit *replica) {
    hkp_neuro_exchange_tick(x, now);
    if (x->phase != VERDICT) return HKP_E_STATE;
    if (verdict < HKP_NEURO_SEEKING || verdict > HKP_NEURO_LOST) return HKP_E_INVAL;
    if (replica == NULL && (verdict == HKP_NEURO_ALIGNED || verdict == HKP_NEURO_DRIFTING))
        return HKP_E_INVAL;
    forget_replica(x);
    if (replica != NULL) x->replica = hkp_neuro_commit_ref(replica);
    x->verdict = verdict;
    x->drift_ppm = drift_ppm;
    x->events &= ~(UINT32_C(1) << HKP_NEURO_EXCHANGE_JUDGE);
    if (verdict == HKP_NEURO_LOST) {
        x->lost = 1;
        tell(x, HKP_NEURO_EXCHANGE_LOST);
    }
    if (is_initiator(x))
        put_proof(x, 1);
    else
        show_own(x, x->peer.gen, x->peer.epoch);
    x->phase = is_initiator(x) && x->lost ? IDLE : PEER_PROOF;
    return HKP_OK;
}

hkp_status hkp_neuro_exchange_send(hkp_neuro_exchange *x, uint8_t *dst, size_t cap, size_t *len,
                                   uint32_t *op) {
    if (cap < x->out_len) return HKP_E_NOSPC;
    memcpy(dst, x->out, x->out_len);
    *len = x->out_len;
    *op = x->out_op;
    x->out_len = 0;
    return HKP_OK;
}

uint32_t hkp_neuro_exchange_event(hkp_neuro_exchange *x) {
    for (uint32_t event = HKP_NEURO_EXCHANGE_JUDGE; event <= HKP_NEURO_EXCHANGE_DUE; event++) {
        const uint32_t bit = UINT32_C(1) << event;
        if ((x->events & bit) == 0) continue;
        x->events &= ~bit;
        return event;
    }
    return HKP_NEURO_EXCHANGE_NONE;
}

hkp_status hkp_neuro_exchange_result(const hkp_neuro_exchange *x, struct hkp_neuro_exchange_result *result) {
    if (!x->have_result) return HKP_E_STATE;
    *result = x->result;
    return HKP_OK;
}

void hkp_neuro_exchange_tick(hkp_neuro_exchange *x, hkp_time now) {
    notice(x, now);
    if (x->phase != IDLE && x->now - x->began >= LIMIT) {
        x->phase = IDLE;
        x->out_len = 0;
        x->events &= ~(UINT32_C(1) << HKP_NEURO_EXCHANGE_JUDGE);
        forget_replica(x);
        tell(x, HKP_NEURO_EXCHANGE_TIMEOUT);
    }
    if (is_initiator(x) && x->last_gen > 0 && !x->due_told && x->now - x->began >= EVERY) {
        x->due_told = 1;
        tell(x, HKP_NEURO_EXCHANGE_DUE);
    }
}

hkp_time hkp_neuro_exchange_wake(const hkp_neuro_exchange *x) {
    if (x->phase != IDLE) return x->began + LIMIT;
    return is_initiator(x) && x->last_gen > 0 && !x->due_told ? x->began + EVERY : HKP_TIME_NEVER;
}
