/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The holder of an instance (NZ1 17 "Validator", 22): its life, enrolment, replay, commits and what trust
 * sees. */
#include "libneuro/holder.h"

#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum { TCK_AT = 168, TER_INTEGRITY = 32, CREDIT_START = 600, CREDIT_TER = 10000, PERIODS = 64 };

static hkp_status holder_make(hkp_neuro_holder **out, const struct hkp_neuro_options *opt, hkp_time now) {
    struct hkp_neuro__core core = {0};
    hkp_status st = hkp_neuro__core_init(&core, opt, HKP_NEURO__SIDE_HOLDER, now);
    if (st != HKP_OK) return st;
    hkp_neuro_holder *h = (hkp_neuro_holder *)hkp_mem_alloc(&core.opt.mem, sizeof *h);
    if (h == NULL) return HKP_E_NOMEM;
    h->core = core;
    sodium_memzero(&core, sizeof core);
    h->credit = (uint64_t)CREDIT_START * CREDIT_TER;
    h->credit_at = now;
    st = hkp_neuro_state_new(&h->replica.state, &h->core.opt.mem, h->core.opt.variant);
    if (st != HKP_OK) {
        hkp_neuro_holder_free(h);
        return st;
    }
    *out = h;
    return HKP_OK;
}

hkp_status hkp_neuro_holder_new(hkp_neuro_holder **out, const struct hkp_neuro_options *opt, hkp_time now) {
    return holder_make(out, opt, now);
}

void hkp_neuro_holder_free(hkp_neuro_holder *holder) {
    if (holder == NULL) return;
    const struct hkp_mem mem = holder->core.opt.mem;
    hkp_neuro__core_release(&holder->core);
    hkp_neuro_state_free(holder->replica.state);
    hkp_neuro__kept_reset(&holder->kept, &mem, 0);
    sodium_memzero(holder, sizeof *holder);
    hkp_mem_free(&mem, holder, sizeof *holder);
}

int hkp_neuro__holder_works(const hkp_neuro_holder *h) {
    return h->has_replica && (h->core.view.state == HKP_NEURO_INSTANCE_PENDING ||
                              h->core.view.state == HKP_NEURO_INSTANCE_ACTIVE);
}

void hkp_neuro__holder_resync(hkp_neuro_holder *h) {
    const hkp_neuro_commit *cur = h->core.view.cur;
    hkp_neuro__replica_from(&h->replica, cur);
    h->has_replica = 1;
    h->head = cur->cursor;
    h->head_policy = cur->state->policy_ver;
    memcpy(h->head_h_ref, cur->state->h_ref, 20);
    hkp_neuro__kept_reset(&h->kept, &h->core.opt.mem, cur->index);
    h->tck_follows = 0;
    h->want_open = 0;
    h->broken = 0;
    h->back_from = h->back_to = 0;
}

hkp_status hkp_neuro_holder_load(hkp_neuro_holder **out, const struct hkp_neuro_options *opt, hkp_time now,
                                 const uint8_t *bytes, size_t len) {
    hkp_neuro_holder *h = NULL;
    hkp_status st = holder_make(&h, opt, now);
    if (st != HKP_OK) return st;
    st = hkp_neuro__blob_read(&h->core, bytes, len);
    if (st != HKP_OK) {
        hkp_neuro_holder_free(h);
        return st;
    }
    const struct hkp_neuro__view *view = &h->core.view;
    h->novelty = view->novelty;
    h->has_tck = view->has_tck;
    memcpy(h->tck, view->tck, sizeof h->tck);
    if (view->cur != NULL) {
        hkp_neuro__holder_resync(h);
        h->novelty_index = view->cur->index;
    }
    *out = h;
    return HKP_OK;
}

/* What is gathered between commits is stored with them. */
static void view_fill(const hkp_neuro_holder *h, struct hkp_neuro__view *view) {
    view->novelty = h->novelty;
    view->has_tck = h->has_tck;
    memcpy(view->tck, h->tck, sizeof view->tck);
}

static void replica_drop(hkp_neuro_holder *h) {
    if (hkp_neuro__holder_works(h) || h->core.has_staged)
        return; /* an ENROL being stored is answered after */
    h->has_replica = 0;
    h->proposed = h->answer = h->want_open = 0;
    h->back_from = h->back_to = 0;
    hkp_neuro__kept_reset(&h->kept, &h->core.opt.mem, h->head.index);
}

void hkp_neuro__holder_lost(hkp_neuro_holder *h, uint32_t cause) {
    view_fill(h, &h->core.view);
    hkp_neuro__core_move(&h->core, HKP_NEURO_MOVE_CONTRADICTION, cause);
    h->answer = 0;
    replica_drop(h);
}

void hkp_neuro_holder_session(hkp_neuro_holder *holder, hkp_time now,
                              const struct hkp_neuro_session *session) {
    struct hkp_neuro__core *core = &holder->core;
    hkp_neuro__core_now(core, now);
    if (!session->up || !core->session.up) {
        core->out_count = 0;
        holder->want_open = 0;
        holder->back_from = holder->back_to = 0;
    }
    core->session = *session;
    if (!session->up) sodium_memzero(&core->session, sizeof core->session);
}

void hkp_neuro_holder_handshake(hkp_neuro_holder *holder, hkp_time now, uint64_t ck_index, uint32_t gen_owner,
                                uint32_t gen_holder) {
    struct hkp_neuro__core *core = &holder->core;
    const struct hkp_neuro__view *view = &core->view;
    hkp_neuro__core_now(core, now);
    if (view->cur == NULL || (view->cur->index != ck_index && view->prev->index != ck_index)) return;
    view_fill(holder, &core->view);
    hkp_neuro__core_move(core, HKP_NEURO_MOVE_HANDSHAKE, HKP_NEURO_CAUSE_HANDSHAKE);
    hkp_neuro__core_gens(core, gen_owner, gen_holder);
}

void hkp_neuro_holder_contradiction(hkp_neuro_holder *holder, hkp_time now, uint32_t cause) {
    hkp_neuro__core_now(&holder->core, now);
    hkp_neuro__holder_lost(holder, cause);
}

/* ---- Enrolment (NZ1 22.3) ---- */

static hkp_status enrol_judge(hkp_neuro_holder *h, const uint8_t *body, int32_t *fork) {
    const struct hkp_neuro__core *core = &h->core;
    struct hkp_neuro_enrol_facts facts = {0};
    memcpy(facts.chain_id, core->opt.chain_id, 32);
    memcpy(facts.peer_id, core->opt.owner_id, 16);
    memcpy(facts.own_id, core->opt.holder_id, 16);
    memcpy(facts.device_public, core->opt.owner_public, 32);
    facts.held_tck = h->has_tck ? h->tck : NULL;
    facts.keys = core->keys;
    facts.n_keys = core->opt.n_policy_keys;
    facts.allowed = core->session.allowed;
    facts.certificates = core->session.certificates;
    facts.gen_owner = core->session.gen_owner;
    facts.gen_holder = core->session.gen_holder;
    facts.state = core->view.state;
    facts.recorded_owner = core->view.gen_owner;
    facts.recorded_holder = core->view.gen_holder;
    facts.policy_ver = core->session.policy_ver;
    return hkp_neuro_enrol_check(body, HKP_NEURO_ENROL_SIZE, &facts, fork);
}

static hkp_status enrol_stage(hkp_neuro_holder *h, const uint8_t *body) {
    struct hkp_neuro__core *core = &h->core;
    struct hkp_neuro__replica at = {0};
    uint8_t seed[32];
    hkp_status st = hkp_neuro_state_new(&at.state, &core->opt.mem, core->opt.variant);
    if (st != HKP_OK) return st;
    hkp_neuro_enrol_seed(core->opt.mesh_seed, body, core->session.exported, seed);
    hkp_neuro__enrol_replica(&at, body, seed);
    sodium_memzero(seed, sizeof seed);
    hkp_neuro_commit *first = hkp_neuro__commit_new(&core->opt.mem, core->opt.variant, &at);
    hkp_neuro_state_free(at.state);
    if (first == NULL) return HKP_E_NOMEM;
    sodium_memzero(core->session.exported, sizeof core->session.exported);
    core->session.has_exported = 0;
    struct hkp_neuro__view next = {.state = HKP_NEURO_INSTANCE_PENDING,
                                   .cause = HKP_NEURO_CAUSE_ENROLLED,
                                   .gen_owner = core->session.gen_owner,
                                   .gen_holder = core->session.gen_holder,
                                   .first_index = first->index,
                                   .id = core->generation + 1,
                                   .cur = first,
                                   .prev = hkp_neuro_commit_ref(first),
                                   .has_tck = 1};
    memcpy(next.tck, body + TCK_AT, sizeof next.tck);
    hkp_put_le64(h->answer_body, first->index);
    hkp_neuro__enrol_tag(first, body, h->answer_body + 8);
    h->answer = HKP_NEURO_MSG_ENROL_OK;
    h->proposed = 0;
    hkp_neuro__core_stage(core, &next);
    return HKP_OK;
}

/* A handshake on the slot is under way: were it replaced now, the owner would prove what nobody holds. */
static int slot_is_pinned(const struct hkp_neuro__view *view) {
    return view->state == HKP_NEURO_INSTANCE_PENDING && view->cur->refs > (view->prev == view->cur ? 2U : 1U);
}

static hkp_status take_enrol(hkp_neuro_holder *h, const uint8_t *body) {
    int32_t fork = 0;
    if (h->core.has_staged) return HKP_E_STATE;
    hkp_status st = enrol_judge(h, body, &fork);
    if (st == HKP_OK && !h->core.session.has_exported)
        return HKP_E_STATE; /* with PQ: epoch 1 is still to come */
    if (st == HKP_OK && slot_is_pinned(&h->core.view)) return HKP_E_STATE;
    if (st == HKP_OK) return enrol_stage(h, body);
    const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_REFUSED,
                                          .cause = fork ? HKP_NEURO_CAUSE_FORK : HKP_NEURO_CAUSE_NONE,
                                          .status = st};
    hkp_neuro__core_event(&h->core, &event);
    return st;
}

/* ---- Commits (NZ1 17) ---- */

static void ackack(const hkp_neuro_commit *commit, uint8_t body[HKP_NEURO__CKACK_BODY]) {
    hkp_put_le64(body, commit->index);
    hkp_neuro__ack(commit->state, commit->f_secret, commit->index, body + 8);
}

/* The replica stands at n: verified, V.cur becomes V.prev and n V.cur, as soon as that is stored. */
static void decide(hkp_neuro_holder *h) {
    struct hkp_neuro__core *core = &h->core;
    struct hkp_neuro__claim claim;
    hkp_neuro__claim_read(h->proposal, &claim);
    if (core->has_staged) return;
    if (hkp_neuro__replica_verdict(&h->replica, &claim) != HKP_OK) {
        hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_PROOF);
        return;
    }
    struct hkp_neuro__view next = core->view;
    next.cur = hkp_neuro__commit_new(&core->opt.mem, core->opt.variant, &h->replica);
    if (next.cur == NULL) return; /* no memory: at the next tick again */
    next.prev = hkp_neuro_commit_ref(core->view.cur);
    view_fill(h, &next);
    ackack(next.cur, h->answer_body);
    h->answer = HKP_NEURO_MSG_CKACK;
    h->proposed = 0;
    hkp_neuro__core_stage(core, &next);
}

static uint64_t proposal_index(const hkp_neuro_holder *h) {
    return h->proposed ? hkp_le64(h->proposal + 8) : 0;
}

/* Rebases that stand at the replica's index come before the TER there, once. */
static hkp_status work_rebases(hkp_neuro_holder *h) {
    const struct hkp_neuro__policy policy = hkp_neuro__core_policy(&h->core);
    const uint64_t index = h->replica.cursor.index;
    for (uint32_t i = 0; i < h->kept.n_rebases; i++) {
        const struct hkp_neuro__kept_rebase *r = &h->kept.rebases[i];
        uint32_t sub = 0;
        if (r->index != index || hkp_le32(r->rba + 24) <= h->replica.state->policy_ver) continue;
        if (hkp_neuro__replica_rebase(&h->replica, index, r->rba, HKP_NEURO_RBA_SIZE, &policy, &sub) !=
            HKP_OK)
            return HKP_E_NEURO_REPLAY_REBASE;
        if (index >= h->novelty_index) memset(&h->novelty, 0, sizeof h->novelty);
    }
    return HKP_OK;
}

static hkp_status work_ter(hkp_neuro_holder *h, const uint8_t *ter) {
    uint32_t sub = 0;
    uint64_t base = 0;
    const uint64_t index = h->replica.cursor.index;
    const int healthy = memcmp(ter + TER_INTEGRITY, h->replica.state->h_ref, 20) == 0;
    const hkp_status st = hkp_neuro__replica_step(&h->replica, ter, HKP_TER_SIZE, &base, &sub);
    if (st != HKP_OK || index < h->novelty_index) return st;
    h->healthy = (uint32_t)healthy;
    hkp_neuro_novelty_update(&h->novelty, base, healthy);
    h->novelty_index = index + 1;
    return HKP_OK;
}

/* A bounded stretch of replay towards the head; a proposal is decided where it stands, before rebases there.
 */
static void work(hkp_neuro_holder *h) {
    for (int budget = HOLDER_WORK; budget > 0 && hkp_neuro__holder_works(h); budget--) {
        const uint64_t index = h->replica.cursor.index;
        if (h->proposed && proposal_index(h) == index) {
            decide(h);
            if (h->proposed) return; /* waits for memory or for a store */
        }
        const uint8_t *ter = hkp_neuro__kept_ter(&h->kept, index);
        if (ter == NULL) return;
        if (work_rebases(h) != HKP_OK || work_ter(h, ter) != HKP_OK) {
            hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_HISTORY);
            return;
        }
    }
}

/* Case 1 of NZ1 17: from V.cur on. The replay goes on from where the replica is, or again from V.cur. */
static void proposal_begin(hkp_neuro_holder *h, const uint8_t *body, const struct hkp_neuro__claim *claim) {
    if (claim->n <= claim->base) {
        hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_PROOF);
        return;
    }
    memcpy(h->proposal, body, sizeof h->proposal);
    h->proposed = 1;
    if (claim->n < h->replica.cursor.index) {
        if (h->kept.first <= h->core.view.cur->index)
            hkp_neuro__replica_from(&h->replica, h->core.view.cur);
        else
            hkp_neuro__holder_resync(h);
    }
    if (claim->n > h->head.index) hkp_neuro__holder_want(h, claim->n);
}

/* Case 2: the CKACK was lost. The same again is answered again; another successor is a fork. */
static void proposal_again(hkp_neuro_holder *h, const struct hkp_neuro__claim *claim) {
    const hkp_neuro_commit *cur = h->core.view.cur, *prev = h->core.view.prev;
    if (claim->n == cur->index) {
        uint8_t proof[32];
        hkp_neuro__proof(cur->state, cur->f_secret, prev->index, cur->index, cur->cursor.h, proof);
        if (memcmp(claim->h_n, cur->cursor.h, 32) != 0 || sodium_memcmp(proof, claim->proof, 32) != 0) {
            hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_HISTORY);
            return;
        }
    }
    uint8_t body[HKP_NEURO__CKACK_BODY];
    ackack(cur, body);
    hkp_neuro__core_send(&h->core, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_MSG_CKACK, body, sizeof body);
}

static hkp_status take_propose(hkp_neuro_holder *h, const uint8_t *body) {
    struct hkp_neuro__claim claim;
    const struct hkp_neuro__view *view = &h->core.view;
    if (view->state != HKP_NEURO_INSTANCE_ACTIVE || !h->core.session.mode_r) return HKP_E_STATE;
    if (h->core.has_staged) return HKP_OK; /* being stored; asked again, it is answered */
    hkp_neuro__claim_read(body, &claim);
    if (h->proposed && memcmp(h->proposal, body, sizeof h->proposal) == 0) {
        if (claim.n > h->head.index) hkp_neuro__holder_want(h, claim.n);
        return HKP_OK;
    }
    if (hkp_neuro__f_tag_ok(view->cur, &claim))
        proposal_begin(h, body, &claim);
    else if (hkp_neuro__f_tag_ok(view->prev, &claim))
        proposal_again(h, &claim);
    else
        hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_BASE);
    return HKP_OK;
}

/* ---- Messages and host side ---- */

static void answer_ask(hkp_neuro_holder *h) {
    uint8_t body[HKP_NEURO__HAVE_BODY];
    if (h->core.view.cur == NULL) return;
    hkp_put_le64(body, h->head.index);
    hkp_put_le64(body + 8, h->core.view.cur->index);
    memcpy(body + 16, h->head.h, 32);
    hkp_neuro__core_send(&h->core, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_MSG_HAVE, body, sizeof body);
}

static hkp_status dispatch(hkp_neuro_holder *h, uint64_t wall_us, uint32_t type, const uint8_t *msg,
                           size_t len) {
    const uint8_t *body = msg + HKP_NEURO__MSG_HEAD;
    switch (type) {
    case HKP_NEURO_MSG_LOG:
        return hkp_neuro__holder_log(h, wall_us, msg, len);
    case HKP_NEURO_MSG_ENROL:
        return take_enrol(h, body);
    case HKP_NEURO_MSG_PROPOSE:
        return take_propose(h, body);
    case HKP_NEURO_MSG_ASK:
        answer_ask(h);
        return HKP_OK;
    case HKP_NEURO_MSG_WANT:
        if (!hkp_neuro__holder_works(h)) return HKP_OK;
        h->back_from = hkp_le64(body);
        h->back_to = hkp_le64(body + 8);
        return HKP_OK;
    case HKP_NEURO_MSG_NONE:
        if (h->want_open) h->want_failed = 1;
        h->want_open = 0;
        return HKP_OK;
    default:
        return HKP_OK;
    }
}

hkp_status hkp_neuro_holder_recv(hkp_neuro_holder *holder, hkp_time now, uint64_t wall_us,
                                 uint32_t stream_class, const uint8_t *msg, size_t len) {
    uint32_t type = 0;
    hkp_neuro__core_now(&holder->core, now);
    hkp_status st = hkp_neuro_msg_check(stream_class, msg, len, &type);
    if (st == HKP_OK && !holder->core.session.up) st = HKP_E_STATE;
    if (st == HKP_OK) st = dispatch(holder, wall_us, type, msg, len);
    if (st != HKP_OK && st != HKP_E_LIMIT) holder->core.refused++;
    replica_drop(holder);
    hkp_neuro__holder_timers(holder);
    work(holder);
    return st;
}

hkp_status hkp_neuro_holder_send(hkp_neuro_holder *holder, hkp_time now, uint32_t *stream_class, uint8_t *dst,
                                 size_t cap, size_t *len) {
    hkp_neuro__core_now(&holder->core, now);
    if (holder->back_from < holder->back_to && hkp_neuro__holder_works(holder)) {
        if (cap < HKP_NEURO_SEND_MAX) return HKP_E_NOSPC;
        *len = hkp_neuro__holder_back(holder, dst, cap);
        *stream_class = HKP_NEURO_CLASS_TER;
        if (*len > 0) return HKP_OK;
    }
    return hkp_neuro__core_take(&holder->core, stream_class, dst, cap, len);
}

hkp_status hkp_neuro_holder_event(hkp_neuro_holder *holder, struct hkp_neuro_event *event) {
    return hkp_neuro__core_next(&holder->core, event);
}

hkp_status hkp_neuro_holder_stored(hkp_neuro_holder *holder, hkp_time now, uint64_t ticket) {
    struct hkp_neuro__core *core = &holder->core;
    int was_staged = 0;
    hkp_neuro__core_now(core, now);
    if (hkp_neuro__core_stored(core, ticket, &was_staged) == 0) return HKP_E_NOTFOUND;
    if (!was_staged) return HKP_OK;
    if (holder->answer == HKP_NEURO_MSG_ENROL_OK) {
        hkp_neuro__holder_resync(holder);
        memset(&holder->novelty, 0, sizeof holder->novelty);
        holder->novelty_index = core->view.cur->index;
        holder->has_tck = holder->tck_follows = 1;
        memcpy(holder->tck, core->view.tck, sizeof holder->tck);
    } else {
        const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_COMMIT, .from = core->view.cur->index};
        hkp_neuro__core_event(core, &event);
        hkp_neuro__kept_trim(&holder->kept, &core->opt.mem, core->view.prev->index);
    }
    if (core->session.up)
        hkp_neuro__core_send(core, HKP_NEURO_CLASS_COMMIT, holder->answer, holder->answer_body,
                             sizeof holder->answer_body);
    holder->answer = 0;
    work(holder);
    return HKP_OK;
}

void hkp_neuro_holder_tick(hkp_neuro_holder *holder, hkp_time now) {
    hkp_neuro__core_now(&holder->core, now);
    hkp_neuro__holder_timers(holder);
    work(holder);
}

hkp_time hkp_neuro_holder_wake(const hkp_neuro_holder *holder) {
    const struct hkp_neuro__core *core = &holder->core;
    hkp_time wake = HKP_TIME_NEVER;
    if (!hkp_neuro__holder_works(holder)) return wake;
    if (holder->replica.cursor.index < holder->head.index && !core->has_staged) return core->now;
    if (holder->want_open && core->session.up) wake = holder->want_at + HKP_NEURO__ANSWER_NS;
    if (holder->starved && core->now + 100000000 < wake) wake = core->now + 100000000;
    return wake;
}

hkp_status hkp_neuro_holder_commit(hkp_neuro_holder *holder, uint64_t ck_index, hkp_neuro_commit **out) {
    const struct hkp_neuro__view *view = &holder->core.view;
    if (view->cur == NULL) return HKP_E_NOTFOUND;
    /* an ENROL that replaces it is being stored: no handshake may begin on it any more */
    if (view->state == HKP_NEURO_INSTANCE_PENDING && holder->core.has_staged) return HKP_E_NOTFOUND;
    hkp_neuro_commit *found = ck_index == 0 || ck_index == view->cur->index ? view->cur : view->prev;
    if (ck_index != 0 && found->index != ck_index) return HKP_E_NOTFOUND;
    *out = hkp_neuro_commit_ref(found);
    return HKP_OK;
}

static uint64_t newest_us(const hkp_neuro_holder *h) {
    return h->head.has_last ? hkp_le64(h->head.last_ter + 52) : 0;
}

hkp_status hkp_neuro_holder_info(const hkp_neuro_holder *holder, struct hkp_neuro_instance_info *info) {
    if (info->struct_size < sizeof *info) return HKP_E_INVAL;
    hkp_neuro__core_info(&holder->core, info);
    info->index = holder->head.index;
    info->state_index = holder->has_replica ? holder->replica.cursor.index : 0;
    info->proposed_index = proposal_index(holder);
    info->newest_us = newest_us(holder);
    info->policy_ver = holder->head_policy;
    return HKP_OK;
}

/* ---- What trust sees (NZ1 16) ---- */

/* Judged anew each time: a rebase in the log that applies or supersedes it, or the stream's time, ends it. */
static int pending_counts(const hkp_neuro_holder *h) {
    return h->has_pending && hkp_neuro__rba_fits(&h->pending, h->head_policy, newest_us(h)) == HKP_OK;
}

hkp_status hkp_neuro_holder_pending(hkp_neuro_holder *holder, const uint8_t rba[192]) {
    const struct hkp_neuro__core *core = &holder->core;
    struct hkp_neuro_rba fields;
    if (!hkp_neuro__holder_works(holder)) return HKP_E_STATE;
    hkp_status st = hkp_neuro_rba_check(&fields, rba, HKP_NEURO_RBA_SIZE, core->opt.owner_id, core->keys,
                                        core->opt.n_policy_keys);
    if (st == HKP_OK) st = hkp_neuro__rba_fits(&fields, holder->head_policy, newest_us(holder));
    if (st != HKP_OK) return st;
    if (pending_counts(holder) && fields.policy_ver < holder->pending.policy_ver)
        return HKP_E_NEURO_RBA_VERSION;
    holder->has_pending = 1;
    holder->pending = fields;
    hkp_ter_ripemd160(fields.root, sizeof fields.root, holder->pending_h_ref);
    return HKP_OK;
}

static uint32_t component_i(const hkp_neuro_holder *h) {
    if (!h->head.has_last) return 0;
    const uint8_t *seen = h->head.last_ter + TER_INTEGRITY;
    if (memcmp(seen, h->head_h_ref, 20) == 0) return HKP_NEURO_ONE;
    return pending_counts(h) && memcmp(seen, h->pending_h_ref, 20) == 0 ? HKP_NEURO_ONE / 2 : 0;
}

static uint32_t conditions(const hkp_neuro_holder *h, uint64_t wall_us) {
    const struct hkp_neuro__view *view = &h->core.view;
    const uint64_t newest = newest_us(h), age = wall_us > newest ? wall_us - newest : 0;
    const uint64_t ahead = newest > wall_us ? newest - wall_us : 0;
    uint32_t why = 0;
    if (view->state == HKP_NEURO_INSTANCE_LOST)
        why |= view->cause == HKP_NEURO_CAUSE_TAG ? HKP_NEURO_WHY_CONTRADICTION : HKP_NEURO_WHY_FORK;
    if (view->state == HKP_NEURO_INSTANCE_STALE) why |= HKP_NEURO_WHY_STALE_INSTANCE;
    if (view->state == HKP_NEURO_INSTANCE_NONE || view->state == HKP_NEURO_INSTANCE_LOST)
        why |= HKP_NEURO_WHY_NO_REPLICA;
    if (h->want_failed) why |= HKP_NEURO_WHY_GAP;
    if (h->head.index - h->replica.cursor.index > HKP_NEURO_CATCHUP_MAX && h->has_replica)
        why |= HKP_NEURO_WHY_CATCHUP;
    if (age > HKP_TER_MAX_AGE_US) why |= HKP_NEURO_WHY_STALE;
    if (ahead > HKP_TER_MAX_AGE_US) why |= HKP_NEURO_WHY_FUTURE;
    if (ahead > UINT64_C(3600000000)) why |= HKP_NEURO_WHY_FAR_FUTURE;
    if (h->head.has_last && memcmp(h->head.last_ter + TER_INTEGRITY, h->head_h_ref, 20) != 0)
        why |= HKP_NEURO_WHY_INTEGRITY;
    return why;
}

static uint32_t component_c(const hkp_neuro_holder *h, uint64_t wall_us, uint64_t session_us) {
    const uint64_t period = h->core.opt.period_us;
    /* counted from the first TER of this session */
    uint64_t first = 0, count = h->recent_count < HOLDER_RECENT ? h->recent_count : HOLDER_RECENT;
    uint32_t received = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t ts = h->recent[i];
        if (ts <= wall_us && wall_us - ts < PERIODS * period) received++;
        if (ts >= session_us && (first == 0 || ts < first)) first = ts;
    }
    if (h->recent_count > HOLDER_RECENT) first = session_us;
    if (first == 0 || first >= wall_us) return hkp_neuro_trust_c(0, 0);
    const uint64_t whole = (wall_us - first) / period;
    return hkp_neuro_trust_c(received, whole < PERIODS ? (uint32_t)whole : PERIODS);
}

void hkp_neuro_holder_trust(const hkp_neuro_holder *holder, uint64_t wall_us, uint64_t session_us,
                            int32_t clock_undecided, struct hkp_neuro_trust_inputs *inputs) {
    const uint32_t why = conditions(holder, wall_us);
    const uint32_t state = holder->core.view.state;
    const int have = state == HKP_NEURO_INSTANCE_ACTIVE || state == HKP_NEURO_INSTANCE_STALE;
    /* every TER extends the chain over which the last commit was proved: same index, equal proof */
    const uint32_t resonance = state == HKP_NEURO_INSTANCE_LOST
                                   ? HKP_NEURO_LOST
                                   : hkp_neuro_resonance(have, clock_undecided, 1, 1, 0, 0);
    inputs->r = hkp_neuro_trust_r(resonance, 1, 0);
    inputs->i = component_i(holder);
    inputs->c = component_c(holder, wall_us, session_us);
    inputs->n = hkp_neuro_trust_n(&holder->novelty);
    inputs->why |= why;
}
