/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Verdicts about a peer's state, and exchanges between two sides that hold each other's replicas (SYN-3). */
#include "alloc.h"
#include "libneuro/replay.h"
#include "libneuro/state.h"
#include "libter/options.h"
#include "synapse_support.h"

/* ---- verdict */

static struct hkp_neuro_synaptic shown;
static struct hkp_neuro_resonance_facts facts;
static uint8_t same_h[32], other_h[32], same_w[32], other_w[32];

/* A peer at index 100 whose replica here is at the same index, equal in all. */
static void aligned_begin(void) {
    memset(&shown, 0, sizeof shown);
    memset(&facts, 0, sizeof facts);
    memset(same_h, 1, 32);
    memset(other_h, 2, 32);
    memset(same_w, 3, 32);
    memset(other_w, 4, 32);
    shown.ter_index = 100;
    shown.ck_index = 64;
    shown.t_us = 1700000000000000U;
    memcpy(shown.h, same_h, 32);
    memcpy(shown.w_commit, same_w, 32);
    facts.have_replica = 1;
    facts.clock = HKP_NEURO_CLOCK_PASS;
    facts.w_commit = same_w;
    facts.replica_index = 100;
    facts.h = same_h;
    facts.newest_us = shown.t_us - 1000000;
    facts.drift_ppm = HKP_NEURO_DRIFT_UNKNOWN;
}

static uint32_t verdict(void) { return hkp_neuro_resonance_verdict(&shown, &facts); }

static void an_equal_history_is_aligned(void) {
    aligned_begin();
    CHECK_EQ(verdict(), HKP_NEURO_ALIGNED);
    facts.replica_index = 101; /* the replica has seen one more, and what is shown is on its way */
    CHECK_EQ(verdict(), HKP_NEURO_ALIGNED);
}

static void nothing_is_accepted_without_a_replica(void) {
    aligned_begin();
    facts.have_replica = 0;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
    facts.h = other_h;
    facts.w_commit = NULL;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
}

static void an_undecided_or_failed_clock_is_seeking(void) {
    aligned_begin();
    facts.clock = HKP_NEURO_CLOCK_UNDECIDED;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
    facts.clock = HKP_NEURO_CLOCK_FAIL;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
}

static void another_commit_or_one_in_no_slot_is_lost(void) {
    aligned_begin();
    facts.w_commit = other_w;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
    facts.w_commit = NULL;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
    facts.clock = HKP_NEURO_CLOCK_UNDECIDED; /* a clock hides no contradiction */
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
}

static void another_history_at_a_known_index_is_lost(void) {
    aligned_begin();
    facts.h = other_h;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
    facts.replica_index = 500;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
    facts.clock = HKP_NEURO_CLOCK_UNDECIDED;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
}

static void a_lag_is_explained_by_the_missing_records_only(void) {
    aligned_begin();
    facts.replica_index = 90;
    facts.h = NULL;
    facts.drift_ppm = 500;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING); /* not caught up */
    facts.replica_index = 100;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING); /* h not known: no proof of anything */
    facts.caught_up = 1;
    facts.h = same_h;
    CHECK_EQ(verdict(), HKP_NEURO_ALIGNED);
    facts.drift_ppm = 10000;
    CHECK_EQ(verdict(), HKP_NEURO_DRIFTING);
    facts.drift_ppm = 49999;
    CHECK_EQ(verdict(), HKP_NEURO_DRIFTING);
    facts.drift_ppm = 50000;
    CHECK_EQ(verdict(), HKP_NEURO_LOST);
    facts.drift_ppm = HKP_NEURO_DRIFT_UNKNOWN;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
}

static void a_record_older_than_a_minute_shows_nothing_about_now(void) {
    aligned_begin();
    facts.newest_us = shown.t_us - 60000000;
    CHECK_EQ(verdict(), HKP_NEURO_ALIGNED);
    facts.newest_us = shown.t_us - 60000001;
    CHECK_EQ(verdict(), HKP_NEURO_SEEKING);
    facts.newest_us = shown.t_us + 5;
    CHECK_EQ(verdict(), HKP_NEURO_ALIGNED);
}

static void gens_rise_and_are_echoed(void) {
    struct hkp_neuro_synaptic s = {.role = HKP_NEURO_ROLE_V, .gen = 5, .epoch = 7}, out;
    struct hkp_neuro_synaptic_expect e = {.peer_role = HKP_NEURO_ROLE_V, .last_gen = 4, .epoch = 7};
    uint8_t bytes[256];
    hkp_neuro_synaptic_encode(&s, bytes);
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_OK);
    e.last_gen = 5;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_E_NEURO_SYN_GEN);
    e.last_gen = 4;
    e.epoch = 8; /* the epoch before is good */
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_OK);
    e.epoch = 9;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_E_NEURO_SYN_GEN);
    e.epoch = 6;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_E_NEURO_SYN_GEN);
    e.epoch = 7;
    e.named_gen = 6;
    e.named_epoch = 7;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_E_NEURO_SYN_GEN);
    e.named_gen = 5;
    e.named_epoch = 6;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_E_NEURO_SYN_GEN);
    e.named_epoch = 7;
    CHECK_EQ(hkp_neuro_synaptic_check(&out, bytes, 256, &e), HKP_OK);
}

/* ---- exchange */

enum { E = 0, V = 1 };

/** Two sides; commits[i] is the state of side i, which both sides have. */
static struct {
    hkp_neuro_exchange *x[2];
    hkp_neuro_commit *commits[2];
    struct hkp_neuro_synaptic own[2];
    hkp_time now;
} w;

static hkp_neuro_commit *commit_make(uint8_t seed_byte, uint64_t index) {
    struct hkp_neuro__replica replica = {.state = NULL};
    const struct hkp_mem mem = {NULL, hkp_mem_malloc, hkp_mem_release};
    uint8_t seed[32], id[16] = {7}, h_ref[20] = {9};
    memset(seed, seed_byte, 32);
    CHECK_EQ(hkp_neuro_state_new(&replica.state, NULL, HKP_NEURO_VARIANT_AUTO), HKP_OK);
    hkp_neuro_state_enrol(replica.state, seed, id, h_ref);
    hkp_ter_cursor_init(&replica.cursor, id, seed);
    replica.cursor.index = index;
    hkp_neuro_commit *commit = hkp_neuro__commit_new(&mem, HKP_NEURO_VARIANT_AUTO, &replica);
    hkp_neuro_state_free(replica.state);
    return commit;
}

static hkp_neuro_exchange *side_make(int side, const struct hkp_mem *mem) {
    struct hkp_neuro_exchange_options opt;
    hkp_neuro_exchange *x = NULL;
    hkp_neuro_exchange_options_init(&opt, sizeof opt);
    opt.role = side == E ? HKP_NEURO_ROLE_E : HKP_NEURO_ROLE_V;
    memset(opt.own_id, 0x10 + side, 16);
    memset(opt.peer_id, 0x11 - side, 16);
    memset(opt.k_bind, 0xB1, 32);
    memset(opt.k_res, 0xE5, 32);
    if (mem != NULL) opt.mem = *mem;
    return hkp_neuro_exchange_new(&x, &opt) == HKP_OK ? x : NULL;
}

static void world_begin(void) {
    memset(&w, 0, sizeof w);
    w.now = 5 * SECOND;
    for (int i = 0; i < 2; i++) {
        w.commits[i] = commit_make((uint8_t)(0x40 + i), 0);
        w.own[i].claim = HKP_NEURO_ALIGNED;
        w.own[i].ter_index = 10;
        w.own[i].t_us = 1700000000000000U;
        w.own[i].epoch = 3;
        w.x[i] = side_make(i, NULL);
        CHECK_EQ(hkp_neuro_exchange_own(w.x[i], &w.own[i], w.commits[i]), HKP_OK);
    }
}

static void world_end(void) {
    for (int i = 0; i < 2; i++) {
        hkp_neuro_exchange_free(w.x[i]);
        hkp_neuro_commit_unref(w.commits[i]);
    }
}

struct carried {
    uint8_t bytes[256];
    size_t len;
    uint32_t op;
};

static struct carried take(int side) {
    struct carried c;
    CHECK_EQ(hkp_neuro_exchange_send(w.x[side], c.bytes, sizeof c.bytes, &c.len, &c.op), HKP_OK);
    return c;
}

static hkp_status give(int side, const struct carried *c) {
    return hkp_neuro_exchange_recv(w.x[side], w.now, c->op, c->bytes, c->len);
}

static hkp_status judge(int side, uint32_t v) {
    return hkp_neuro_exchange_judge(w.x[side], w.now, v, 0, w.commits[1 - side]);
}

/* State of E to V, judged; state of V to E, judged: the proof of step 1 waits at E. */
static void both_judged(uint32_t by_v, uint32_t by_e) {
    struct carried c;
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    c = take(E);
    CHECK_EQ(c.op, HKP_NEURO_OP_SYNAPTIC);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_JUDGE);
    CHECK_EQ(judge(V, by_v), HKP_OK);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_JUDGE);
    CHECK_EQ(judge(E, by_e), HKP_OK);
}

static void an_exchange_ends_with_the_same_result_on_both_sides(void) {
    struct hkp_neuro_exchange_result r[2];
    struct carried c;
    world_begin();
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_DRIFTING);
    c = take(E);
    CHECK_EQ(c.op, HKP_NEURO_OP_PROOF);
    CHECK_EQ(c.len, 80);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_DONE);
    CHECK_EQ(hkp_neuro_exchange_result(w.x[E], &r[E]), HKP_E_STATE);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_DONE);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hkp_neuro_exchange_result(w.x[i], &r[i]), HKP_OK);
        CHECK_EQ(r[i].pair, HKP_NEURO_DRIFTING);
        CHECK_EQ(r[i].epoch, 3);
        CHECK_EQ(r[i].gen, 1);
    }
    CHECK_EQ(r[E].own_verdict, HKP_NEURO_DRIFTING);
    CHECK_EQ(r[E].peer_verdict, HKP_NEURO_ALIGNED);
    CHECK_MEM(r[E].own_state, r[V].peer_state, 256);
    CHECK_MEM(r[E].peer_state, r[V].own_state, 256);
    world_end();
}

static void every_changed_bit_of_a_proof_is_refused_and_tells(void) {
    struct carried c, good;
    world_begin();
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_ALIGNED);
    good = take(E);
    for (size_t bit = 0; bit < 8 * good.len; bit++) {
        c = good;
        c.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(give(V, &c) != HKP_OK);
        if (bit / 8 >= 48) CHECK_EQ(give(V, &c), HKP_E_NEURO_SYN_POSF);
        if (bit / 8 >= 4) CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_BROKEN);
        while (hkp_neuro_exchange_event(w.x[V]) != HKP_NEURO_EXCHANGE_NONE) {
        }
    }
    CHECK_EQ(give(V, &good), HKP_OK); /* nothing had changed */
    c = take(V);
    c.bytes[20] ^= 1;
    CHECK_EQ(give(E, &c), HKP_E_NEURO_SYN_MAC);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_BROKEN);
    world_end();
}

static void the_form_of_a_proof_is_checked_before_its_mac(void) {
    struct carried good;
    uint8_t bytes[256] = {0};
    world_begin();
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_ALIGNED);
    good = take(E);
    memcpy(bytes, good.bytes, 80);
    for (size_t len = 0; len <= 256; len++)
        if (len != 80)
            CHECK_EQ(hkp_neuro_exchange_recv(w.x[V], w.now, good.op, bytes, len), HKP_E_NEURO_SYN_LENGTH);
    for (size_t at = 0; at < 4; at++)
        for (uint32_t value = 0; value < 256; value++) {
            struct carried c = good;
            c.bytes[at] = (uint8_t)value;
            if (c.bytes[at] == good.bytes[at]) continue;
            const int verdict_changed = at == 3 && value >= 1 && value <= 4;
            CHECK_EQ(give(V, &c), at < 2            ? HKP_E_NEURO_SYN_VERSION
                                  : verdict_changed ? HKP_E_NEURO_SYN_MAC
                                                    : HKP_E_NEURO_SYN_RESERVED);
            CHECK_EQ(hkp_neuro_exchange_event(w.x[V]),
                     verdict_changed ? HKP_NEURO_EXCHANGE_BROKEN : HKP_NEURO_EXCHANGE_NONE);
        }
    CHECK_EQ(give(V, &good), HKP_OK);
    world_end();
}

static void every_claim_can_be_made_and_no_other(void) {
    struct carried c;
    struct hkp_neuro_synaptic s;
    for (uint32_t claim = 0; claim <= 5; claim++) {
        world_begin();
        w.own[E].claim = claim;
        CHECK_EQ(hkp_neuro_exchange_own(w.x[E], &w.own[E], w.commits[E]), claim <= 4 ? HKP_OK : HKP_E_INVAL);
        CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
        c = take(E);
        CHECK_EQ(give(V, &c), HKP_OK);
        CHECK_EQ(hkp_neuro_exchange_peer(w.x[V], &s), HKP_OK);
        CHECK_EQ(s.claim, claim <= 4 ? claim : HKP_NEURO_ALIGNED);
        world_end();
    }
}

/* The state of side is changed on its way at this place; 1 if it was not refused at once. */
static int break_state(int side, size_t at) {
    struct carried c;
    int taken = 0;
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    c = take(E);
    if (side == E) c.bytes[at] ^= 0x20;
    if (give(V, &c) == HKP_OK) {
        CHECK_EQ(judge(V, HKP_NEURO_SEEKING), HKP_OK);
        c = take(V);
        if (side == V) c.bytes[at] ^= 0x20;
        if (give(E, &c) == HKP_OK) {
            taken = 1;
            CHECK_EQ(judge(E, HKP_NEURO_SEEKING), HKP_OK);
            c = take(E);
            CHECK_EQ(give(V, &c), HKP_E_NEURO_SYN_MAC);
        }
    }
    world_end();
    return taken;
}

static void every_changed_bit_of_a_state_breaks_the_proof(void) {
    int taken[2] = {0, 0};
    for (size_t at = 0; at < 256; at += 5) {
        taken[E] += break_state(E, at);
        taken[V] += break_state(V, at);
    }
    CHECK(taken[E] > 20);
    CHECK(taken[V] > 20);
}

static void a_proof_out_of_place_is_no_proof(void) {
    struct carried c, first;
    world_begin();
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_ALIGNED);
    first = take(E);
    CHECK_EQ(give(E, &first), HKP_E_NEURO_SYN_RESERVED); /* step 1 sent back */
    CHECK_EQ(give(V, &first), HKP_OK);
    c = take(V);
    CHECK_EQ(give(V, &c), HKP_E_NEURO_SYN_TYPE); /* V waits for nothing more */
    CHECK_EQ(give(V, &first), HKP_E_NEURO_SYN_TYPE);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(give(E, &c), HKP_E_NEURO_SYN_TYPE);
    c.op = 9;
    CHECK_EQ(give(E, &c), HKP_E_NEURO_SYN_TYPE);
    world_end();
    world_begin(); /* before anything */
    CHECK_EQ(give(V, &first), HKP_E_NEURO_SYN_TYPE);
    CHECK_EQ(give(E, &first), HKP_E_NEURO_SYN_TYPE);
    world_end();
}

static void a_replayed_exchange_is_refused(void) {
    struct carried state, proof;
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    state = take(E);
    CHECK_EQ(give(V, &state), HKP_OK);
    CHECK_EQ(give(V, &state), HKP_E_NEURO_SYN_GEN);
    CHECK_EQ(judge(V, HKP_NEURO_SEEKING), HKP_OK);
    const struct carried answer = take(V);
    CHECK_EQ(give(E, &answer), HKP_OK);
    CHECK_EQ(judge(E, HKP_NEURO_SEEKING), HKP_OK);
    proof = take(E);
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK); /* given up; gen 2 */
    CHECK_EQ(give(E, &answer), HKP_E_NEURO_SYN_GEN);
    state = take(E);
    CHECK_EQ(give(V, &state), HKP_OK);
    CHECK_EQ(judge(V, HKP_NEURO_SEEKING), HKP_OK);
    CHECK_EQ(give(V, &proof), HKP_E_NEURO_SYN_MAC); /* of gen 1 */
    world_end();
}

static void lost_is_told_at_once_and_reaches_the_other_side(void) {
    struct hkp_neuro_exchange_result r;
    struct carried c;
    world_begin();
    both_judged(HKP_NEURO_LOST, HKP_NEURO_ALIGNED);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_LOST);
    c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_NONE);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_LOST);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_NONE);
    CHECK_EQ(hkp_neuro_exchange_result(w.x[E], &r), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_exchange_result(w.x[V], &r), HKP_E_STATE);
    world_end();
    world_begin();
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_LOST);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_LOST);
    c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_LOST);
    c = take(V);
    CHECK_EQ(c.len, 0);
    CHECK_EQ(hkp_neuro_exchange_result(w.x[V], &r), HKP_E_STATE);
    world_end();
}

static void an_exchange_that_is_not_done_within_a_minute_is_seeking(void) {
    struct carried c;
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_wake(w.x[E]), w.now + 60 * SECOND);
    c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(judge(V, HKP_NEURO_ALIGNED), HKP_OK);
    c = take(V);
    hkp_neuro_exchange_tick(w.x[E], w.now + 60 * SECOND - 1);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_NONE);
    w.now += 60 * SECOND;
    CHECK_EQ(give(E, &c), HKP_E_NEURO_SYN_TYPE); /* too late, though good */
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_TIMEOUT);
    hkp_neuro_exchange_tick(w.x[V], w.now);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[V]), HKP_NEURO_EXCHANGE_TIMEOUT);
    world_end();
}

static void the_next_exchange_is_due_after_ten_minutes(void) {
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_wake(w.x[E]), HKP_TIME_NEVER);
    both_judged(HKP_NEURO_ALIGNED, HKP_NEURO_ALIGNED);
    struct carried c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_DONE);
    CHECK_EQ(hkp_neuro_exchange_wake(w.x[E]), w.now + 600 * SECOND);
    hkp_neuro_exchange_tick(w.x[E], w.now + 600 * SECOND);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_DUE);
    hkp_neuro_exchange_tick(w.x[E], w.now + 601 * SECOND);
    CHECK_EQ(hkp_neuro_exchange_event(w.x[E]), HKP_NEURO_EXCHANGE_NONE);
    CHECK_EQ(hkp_neuro_exchange_wake(w.x[E]), HKP_TIME_NEVER);
    CHECK_EQ(hkp_neuro_exchange_start(w.x[V], w.now), HKP_E_STATE); /* only E begins */
    world_end();
}

static void aligned_cannot_be_said_without_a_replica(void) {
    struct carried c;
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_SEEKING, 0, NULL), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_ALIGNED, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_DRIFTING, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_UNALIGNED, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, 5, 0, NULL), HKP_E_INVAL);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_SEEKING, 0, NULL), HKP_OK);
    world_end();
}

static void a_pair_without_logs_and_replicas_is_seeking(void) {
    struct hkp_neuro_exchange_result r;
    struct hkp_neuro_synaptic s;
    struct carried c;
    world_begin();
    for (int i = 0; i < 2; i++) CHECK_EQ(hkp_neuro_exchange_own(w.x[i], &w.own[i], NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_peer(w.x[V], &s), HKP_E_STATE);
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_send(w.x[E], c.bytes, 255, &c.len, &c.op), HKP_E_NOSPC);
    c = take(E);
    CHECK_EQ(c.len, 256);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_SEEKING, 0, NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_peer(w.x[V], &s), HKP_E_STATE); /* judged */
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[V], w.now, HKP_NEURO_SEEKING, 0, NULL), HKP_E_STATE);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_judge(w.x[E], w.now, HKP_NEURO_SEEKING, 0, NULL), HKP_OK);
    c = take(E);
    CHECK(hkp_is_zero(c.bytes + 48, 32)); /* no log: no PoSF */
    CHECK_EQ(give(V, &c), HKP_OK);
    c = take(V);
    CHECK_EQ(give(E, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_result(w.x[E], &r), HKP_OK);
    CHECK_EQ(r.pair, HKP_NEURO_SEEKING);
    world_end();
    w.x[E] = side_make(E, NULL); /* nothing to show yet */
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], 1), HKP_E_STATE);
    CHECK_EQ(give(E, &c), HKP_E_NEURO_SYN_TYPE);
    hkp_neuro_exchange_free(w.x[E]);
}

static void what_is_shown_is_the_commit_or_zero(void) {
    struct hkp_neuro_synaptic s;
    uint8_t f[64], k_bind[32], id[16], want[32];
    struct carried c;
    world_begin();
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    c = take(E);
    CHECK_EQ(give(V, &c), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_peer(w.x[V], &s), HKP_OK);
    memset(k_bind, 0xB1, 32);
    memset(id, 0x10, 16);
    hkp_neuro_commit_f(w.commits[E], f);
    hkp_neuro_synaptic_commit(f, k_bind, id, 0, want);
    CHECK_MEM(s.w_commit, want, 32);
    k_bind[0] ^= 1; /* fresh per session */
    hkp_neuro_synaptic_commit(f, k_bind, id, 0, want);
    CHECK(memcmp(s.w_commit, want, 32) != 0);
    w.own[E].h[0] = 1;
    CHECK_EQ(hkp_neuro_exchange_own(w.x[E], &w.own[E], NULL), HKP_OK);
    CHECK_EQ(hkp_neuro_exchange_start(w.x[E], w.now), HKP_OK);
    c = take(E);
    CHECK(hkp_is_zero(c.bytes + 8, 16) && hkp_is_zero(c.bytes + 64, 116));
    world_end();
}

static void a_failed_allocation_leaves_nothing(void) {
    struct failing f = {.left = 0};
    const struct hkp_mem mem = failing_mem(&f);
    CHECK(side_make(E, &mem) == NULL);
    CHECK_EQ(f.live, 0);
    f.left = 1;
    hkp_neuro_exchange *x = side_make(E, &mem);
    CHECK(x != NULL);
    hkp_neuro_exchange_free(x);
    CHECK_EQ(f.live, 0);
    hkp_neuro_exchange_free(NULL);
}

static void only_the_two_roles_exist(void) {
    struct hkp_neuro_exchange_options opt;
    hkp_neuro_exchange *x = NULL;
    hkp_neuro_exchange_options_init(&opt, sizeof opt);
    CHECK_EQ(hkp_neuro_exchange_new(&x, &opt), HKP_E_INVAL);
    opt.role = HKP_NEURO_ROLE_E;
    opt.struct_size = 8;
    CHECK_EQ(hkp_neuro_exchange_new(&x, &opt), HKP_E_INVAL);
    CHECK(x == NULL);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(an_equal_history_is_aligned);
    CASE(nothing_is_accepted_without_a_replica);
    CASE(an_undecided_or_failed_clock_is_seeking);
    CASE(another_commit_or_one_in_no_slot_is_lost);
    CASE(another_history_at_a_known_index_is_lost);
    CASE(a_lag_is_explained_by_the_missing_records_only);
    CASE(a_record_older_than_a_minute_shows_nothing_about_now);
    CASE(gens_rise_and_are_echoed);
    CASE(an_exchange_ends_with_the_same_result_on_both_sides);
    CASE(every_changed_bit_of_a_proof_is_refused_and_tells);
    CASE(the_form_of_a_proof_is_checked_before_its_mac);
    CASE(every_claim_can_be_made_and_no_other);
    CASE(every_changed_bit_of_a_state_breaks_the_proof);
    CASE(a_proof_out_of_place_is_no_proof);
    CASE(a_replayed_exchange_is_refused);
    CASE(lost_is_told_at_once_and_reaches_the_other_side);
    CASE(an_exchange_that_is_not_done_within_a_minute_is_seeking);
    CASE(the_next_exchange_is_due_after_ten_minutes);
    CASE(aligned_cannot_be_said_without_a_replica);
    CASE(a_pair_without_logs_and_replicas_is_seeking);
    CASE(what_is_shown_is_the_commit_or_zero);
    CASE(a_failed_allocation_leaves_nothing);
    CASE(only_the_two_roles_exist);
    return check_done();
}
