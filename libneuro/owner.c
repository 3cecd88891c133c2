/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The owner of an instance (NZ1 17 "Edge", 22): its life, enrolment, evolution and commits. */
#include "libneuro/owner.h"

#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum { TCK_AT = 168, TCK_N = 24, RBA_AT = 424 };

static hkp_status owner_make(hkp_neuro_owner **out, const struct hkp_neuro_options *opt, hkp_time now) {
    struct hkp_neuro__core core = {0};
    hkp_status st = hkp_neuro__core_init(&core, opt, HKP_NEURO__SIDE_OWNER, now);
    if (st != HKP_OK) return st;
    hkp_neuro_owner *o = (hkp_neuro_owner *)hkp_mem_alloc(&core.opt.mem, sizeof *o);
    if (o == NULL) return HKP_E_NOMEM;
    o->core = core;
    sodium_memzero(&core, sizeof core);
    o->commit_at = now;
    const struct hkp_mem *mem = &o->core.opt.mem;
    st = hkp_neuro_state_new(&o->live.state, mem, o->core.opt.variant);
    if (st == HKP_OK) st = hkp_neuro_state_new(&o->next.state, mem, o->core.opt.variant);
    o->log_msg = (uint8_t *)hkp_mem_alloc(mem, HKP_NEURO_SEND_MAX);
    o->restored = (uint8_t *)hkp_mem_alloc(mem, HKP_NEURO_SEND_MAX);
    if (st == HKP_OK && (o->log_msg == NULL || o->restored == NULL)) st = HKP_E_NOMEM;
    if (st != HKP_OK) {
        hkp_neuro_owner_free(o);
        return st;
    }
    *out = o;
    return HKP_OK;
}

hkp_status hkp_neuro_owner_new(hkp_neuro_owner **out, const struct hkp_neuro_options *opt, hkp_time now) {
    return owner_make(out, opt, now);
}

void hkp_neuro_owner_free(hkp_neuro_owner *owner) {
    if (owner == NULL) return;
    const struct hkp_mem mem = owner->core.opt.mem;
    hkp_neuro__core_release(&owner->core);
    hkp_neuro_commit_unref(owner->candidate);
    hkp_neuro_state_free(owner->live.state);
    hkp_neuro_state_free(owner->next.state);
    hkp_mem_free(&mem, owner->log_msg, HKP_NEURO_SEND_MAX);
    hkp_mem_free(&mem, owner->restored, HKP_NEURO_SEND_MAX);
    sodium_memzero(owner, sizeof *owner);
    hkp_mem_free(&mem, owner, sizeof *owner);
}

/* The live state begins at E.cur, or at a newer snapshot of it that the log covers (NZ1 5.3). */
static void live_begin(hkp_neuro_owner *o, const uint8_t *live, size_t live_len, uint64_t log_index) {
    uint64_t generation = 0;
    const struct hkp_neuro__view *view = &o->core.view;
    o->has_live = view->state == HKP_NEURO_INSTANCE_PENDING || view->state == HKP_NEURO_INSTANCE_ACTIVE;
    if (!o->has_live) return;
    if (live == NULL ||
        hkp_neuro__snap_read(&o->core, HKP_NEURO__SNAP_LIVE, live, live_len, &generation, &o->live) !=
            HKP_OK ||
        o->live.cursor.index > log_index || o->live.cursor.index < view->cur->index || generation != view->id)
        hkp_neuro__replica_from(&o->live, view->cur);
    o->live_stored_index = o->live.cursor.index;
    /* a rebase may stand in the log at this very index, seen by the snapshot or not: it is asked for, and
     * there is no commit here (NZ1 11) */
    o->rebase_index = o->live.cursor.index;
    o->tail = 1;
}

hkp_status hkp_neuro_owner_load(hkp_neuro_owner **out, const struct hkp_neuro_options *opt, hkp_time now,
                                const uint8_t *bytes, size_t len, const uint8_t *live, size_t live_len,
                                uint64_t log_index) {
    hkp_neuro_owner *o = NULL;
    hkp_status st = owner_make(&o, opt, now);
    if (st != HKP_OK) return st;
    st = hkp_neuro__blob_read(&o->core, bytes, len);
    if (st == HKP_OK && o->core.view.cur != NULL && o->core.view.cur->index > log_index)
        st = HKP_E_TER_LOG_ROLLBACK;
    if (st != HKP_OK) {
        hkp_neuro_owner_free(o);
        return st;
    }
    live_begin(o, live, live_len, log_index);
    o->durable = log_index;
    hkp_neuro__owner_pump(o);
    *out = o;
    return HKP_OK;
}

int hkp_neuro__owner_works(const hkp_neuro_owner *o) {
    return o->has_live && (o->core.view.state == HKP_NEURO_INSTANCE_PENDING ||
                           o->core.view.state == HKP_NEURO_INSTANCE_ACTIVE);
}

static void candidate_drop(hkp_neuro_owner *o) {
    hkp_neuro_commit_unref(o->candidate);
    o->candidate = NULL;
    sodium_memzero(o->candidate_tag, sizeof o->candidate_tag);
}

void hkp_neuro_owner_session(hkp_neuro_owner *owner, hkp_time now, const struct hkp_neuro_session *session) {
    struct hkp_neuro__core *core = &owner->core;
    const uint32_t was_up = core->session.up;
    hkp_neuro__core_now(core, now);
    core->session = *session;
    if (!session->up || !was_up) {
        /* what was queued was for another session */
        core->out_count = 0;
        candidate_drop(owner);
        hkp_neuro__owner_log_reset(owner);
        owner->proposal_sent = 0;
    }
    if (!session->up) sodium_memzero(&core->session, sizeof core->session);
    if (session->up && !was_up && hkp_neuro__owner_works(owner)) hkp_neuro__owner_ask(owner);
    hkp_neuro__owner_pump(owner);
}

/* ---- Enrolment (NZ1 22.3) ---- */

static hkp_status enrol_judge(const hkp_neuro_owner *o, const uint8_t body[616]) {
    const struct hkp_neuro__core *core = &o->core;
    struct hkp_neuro_enrol_facts facts = {0};
    int32_t fork = 0;
    memcpy(facts.chain_id, core->opt.chain_id, 32);
    memcpy(facts.peer_id, core->opt.owner_id, 16);
    memcpy(facts.own_id, core->opt.holder_id, 16);
    memcpy(facts.device_public, core->opt.owner_public, 32);
    facts.keys = core->keys;
    facts.n_keys = core->opt.n_policy_keys;
    facts.allowed = core->session.allowed;
    facts.certificates = core->session.certificates;
    facts.gen_owner = core->session.gen_owner;
    facts.gen_holder = core->session.gen_holder;
    facts.state = core->view.state;
    facts.recorded_owner = core->view.gen_owner;
    facts.recorded_holder = core->view.gen_holder;
    return hkp_neuro_enrol_check(body, HKP_NEURO_ENROL_SIZE, &facts, &fork);
}

hkp_status hkp_neuro_owner_enrol(hkp_neuro_owner *owner, hkp_time now,
                                 const struct hkp_neuro_enrol_point *point) {
    struct hkp_neuro__core *core = &owner->core;
    uint8_t body[HKP_NEURO_ENROL_SIZE], seed[32];
    hkp_neuro__core_now(core, now);
    if (!core->session.up || !core->session.certificates || !core->session.has_exported ||
        owner->candidate != NULL || core->has_staged)
        return HKP_E_STATE;
    /* durable before visible (NZ1 5.1) */
    if (hkp_le64(point->tck + TCK_N) > owner->durable) return HKP_E_STATE;
    hkp_neuro_enrol_ctx(core->opt.chain_id, core->opt.owner_id, core->opt.holder_id, core->session.gen_owner,
                        core->session.gen_holder, body);
    memcpy(body + 72, point->h_before, 32);
    memcpy(body + 104, point->ter, 64);
    memcpy(body + TCK_AT, point->tck, 256);
    memcpy(body + RBA_AT, point->rba, 192);
    /* the holder's own checks: what it would refuse is not sent */
    hkp_status st = enrol_judge(owner, body);
    if (st != HKP_OK) return st;
    hkp_neuro_enrol_seed(core->opt.mesh_seed, body, core->session.exported, seed);
    hkp_neuro__enrol_replica(&owner->next, body, seed);
    sodium_memzero(seed, sizeof seed);
    owner->proposed = owner->recompute = 0; /* next was theirs */
    owner->candidate = hkp_neuro__commit_new(&core->opt.mem, core->opt.variant, &owner->next);
    if (owner->candidate == NULL) return HKP_E_NOMEM;
    hkp_neuro__enrol_tag(owner->candidate, body, owner->candidate_tag);
    owner->candidate_gens[0] = core->session.gen_owner;
    owner->candidate_gens[1] = core->session.gen_holder;
    sodium_memzero(core->session.exported, sizeof core->session.exported);
    core->session.has_exported = 0;
    hkp_neuro__core_send(core, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_MSG_ENROL, body, sizeof body);
    return HKP_OK;
}

static hkp_status take_enrol_ok(hkp_neuro_owner *o, const uint8_t *body) {
    if (o->candidate == NULL) return HKP_OK;
    const int same =
        hkp_le64(body) == o->candidate->index && sodium_memcmp(body + 8, o->candidate_tag, 32) == 0;
    if (!same) {
        candidate_drop(o);
        return HKP_E_NEURO_ENROL_TAG;
    }
    const struct hkp_neuro__view next = {.state = HKP_NEURO_INSTANCE_PENDING,
                                         .cause = HKP_NEURO_CAUSE_ENROLLED,
                                         .gen_owner = o->candidate_gens[0],
                                         .gen_holder = o->candidate_gens[1],
                                         .first_index = o->candidate->index,
                                         .id = o->core.generation + 1,
                                         .cur = o->candidate};
    o->candidate = NULL;
    hkp_neuro__core_stage(&o->core, &next);
    return HKP_OK;
}

/* ---- Evolution ---- */

hkp_status hkp_neuro_owner_ter(hkp_neuro_owner *owner, hkp_time now, const uint8_t ter[64]) {
    hkp_neuro__core_now(&owner->core, now);
    if (!hkp_neuro__owner_works(owner)) return HKP_OK;
    if (owner->live.cursor.index < owner->durable || owner->request == OWNER_FEED_LIVE) return HKP_E_STATE;
    struct hkp_ter_cursor next = owner->live.cursor;
    hkp_status st = hkp_ter_cursor_accept(&next, ter, HKP_TER_SIZE, NULL);
    if (st == HKP_E_TER_GAP) return HKP_E_STATE;
    if (st != HKP_OK) return st;
    st = hkp_neuro_state_evolve(owner->live.state, ter);
    if (st != HKP_OK) return st;
    owner->live.cursor = next;
    hkp_neuro__owner_pump(owner);
    return HKP_OK;
}

hkp_status hkp_neuro_owner_rebase(hkp_neuro_owner *owner, hkp_time now, uint64_t index,
                                  const uint8_t rba[192]) {
    hkp_neuro__core_now(&owner->core, now);
    if (!hkp_neuro__owner_works(owner)) return HKP_OK;
    if (owner->live.cursor.index != index || owner->request == OWNER_FEED_LIVE) return HKP_E_STATE;
    hkp_status st =
        hkp_neuro_state_rebase(owner->live.state, owner->core.opt.owner_id, rba, HKP_NEURO_RBA_SIZE,
                               owner->core.keys, owner->core.opt.n_policy_keys);
    if (st == HKP_OK) owner->rebase_index = owner->live.cursor.index;
    return st;
}

void hkp_neuro_owner_durable(hkp_neuro_owner *owner, hkp_time now, uint64_t index) {
    hkp_neuro__core_now(&owner->core, now);
    if (index > owner->durable) owner->durable = index;
    hkp_neuro__owner_pump(owner);
}

void hkp_neuro_owner_gap(hkp_neuro_owner *owner, hkp_time now, uint32_t cause) {
    hkp_neuro__core_now(&owner->core, now);
    hkp_neuro__core_move(&owner->core, HKP_NEURO_MOVE_GAP, cause);
    hkp_neuro__owner_pump(owner);
}

void hkp_neuro_owner_hold(hkp_neuro_owner *owner, hkp_time now, int32_t hold) {
    hkp_neuro__core_now(&owner->core, now);
    owner->hold = hold != 0;
    hkp_neuro__owner_pump(owner);
}

void hkp_neuro_owner_handshake(hkp_neuro_owner *owner, hkp_time now, uint64_t ck_index, uint32_t gen_owner,
                               uint32_t gen_holder) {
    const hkp_neuro_commit *cur = owner->core.view.cur;
    hkp_neuro__core_now(&owner->core, now);
    if (cur == NULL || cur->index != ck_index) return;
    hkp_neuro__core_move(&owner->core, HKP_NEURO_MOVE_HANDSHAKE, HKP_NEURO_CAUSE_HANDSHAKE);
    hkp_neuro__core_gens(&owner->core, gen_owner, gen_holder);
    hkp_neuro__owner_pump(owner);
}

void hkp_neuro_owner_contradiction(hkp_neuro_owner *owner, hkp_time now, uint32_t cause) {
    hkp_neuro__core_now(&owner->core, now);
    hkp_neuro__core_move(&owner->core, HKP_NEURO_MOVE_CONTRADICTION, cause);
    hkp_neuro__owner_pump(owner);
}

/* ---- Commits (NZ1 17) ---- */

static int commit_due(const hkp_neuro_owner *o) {
    const uint64_t behind = o->live.cursor.index - o->core.view.cur->index;
    if (behind == 0 || o->rebase_index == o->live.cursor.index) return 0;
    return behind >= o->core.opt.commit_ters || o->core.now - o->commit_at >= o->core.opt.commit_ns;
}

static void propose(hkp_neuro_owner *o) {
    struct hkp_neuro__core *core = &o->core;
    if (core->view.state != HKP_NEURO_INSTANCE_ACTIVE || o->recompute || core->has_staged) return;
    if (!o->proposed) {
        if (o->candidate != NULL || o->live.cursor.index < o->durable || !commit_due(o)) return;
        hkp_neuro_state_copy(o->next.state, o->live.state);
        o->next.cursor = o->live.cursor;
        hkp_neuro__propose_write(&o->next, core->view.cur, o->proposal);
        o->proposed = 1;
        o->proposal_sent = 0;
    }
    /* after its TERs, in mode R, not while a handshake names this instance, and the same n until it is
     * answered */
    const uint64_t n = o->next.cursor.index;
    if (!core->session.up || !core->session.mode_r || o->hold || o->durable < n || o->send_index < n ||
        o->log_len > 0)
        return;
    if (o->proposal_sent && core->now - o->proposal_at < HKP_NEURO__PROPOSE_NS) return;
    o->proposal_sent = 1;
    o->proposal_at = core->now;
    hkp_neuro__core_send(core, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_MSG_PROPOSE, o->proposal,
                         sizeof o->proposal);
}

hkp_status hkp_neuro__owner_settle(hkp_neuro_owner *o, uint64_t n, const uint8_t ack[32]) {
    struct hkp_neuro__core *core = &o->core;
    uint8_t f[64], want[32];
    hkp_neuro_state_fingerprint(o->next.state, f);
    hkp_neuro__ack(o->next.state, f, n, want);
    const int same = sodium_memcmp(want, ack, 32) == 0;
    sodium_memzero(f, sizeof f);
    sodium_memzero(want, sizeof want);
    if (!same) {
        hkp_neuro__core_move(core, HKP_NEURO_MOVE_CONTRADICTION, HKP_NEURO_CAUSE_ACK);
        return HKP_OK;
    }
    struct hkp_neuro__view next = core->view;
    next.cur = hkp_neuro__commit_new(&core->opt.mem, core->opt.variant, &o->next);
    if (next.cur == NULL) return HKP_E_NOMEM;
    o->recompute = o->proposed = 0;
    hkp_neuro__core_stage(core, &next);
    return HKP_OK;
}

static hkp_status take_ckack(hkp_neuro_owner *o, const uint8_t *body) {
    const uint64_t n = hkp_le64(body);
    struct hkp_neuro__core *core = &o->core;
    if (core->view.state != HKP_NEURO_INSTANCE_ACTIVE || core->has_staged || o->candidate != NULL)
        return HKP_OK;
    if (n <= core->view.cur->index || n > o->live.cursor.index) return HKP_OK;
    if (o->proposed && o->next.cursor.index == n) return hkp_neuro__owner_settle(o, n, body + 8);
    /* an answer to what was proposed before a restart: that state is computed again */
    o->proposed = 0;
    o->recompute = 1;
    o->recompute_n = n;
    memcpy(o->recompute_ack, body + 8, 32);
    hkp_neuro__replica_from(&o->next, core->view.cur);
    if (o->request == OWNER_FEED_NEXT) o->request = OWNER_NO_REQUEST;
    return HKP_OK;
}

hkp_status hkp_neuro_owner_recv(hkp_neuro_owner *owner, hkp_time now, uint64_t wall_us, uint32_t stream_class,
                                const uint8_t *msg, size_t len) {
    uint32_t type = 0;
    (void)wall_us;
    hkp_neuro__core_now(&owner->core, now);
    hkp_status st = hkp_neuro_msg_check(stream_class, msg, len, &type);
    if (st == HKP_OK && !owner->core.session.up) st = HKP_E_STATE;
    if (st == HKP_OK) {
        if (type == HKP_NEURO_MSG_ENROL_OK)
            st = take_enrol_ok(owner, msg + HKP_NEURO__MSG_HEAD);
        else if (type == HKP_NEURO_MSG_CKACK)
            st = take_ckack(owner, msg + HKP_NEURO__MSG_HEAD);
        else
            st = hkp_neuro__owner_exchange(owner, type, msg, len);
    }
    if (st != HKP_OK) owner->core.refused++;
    hkp_neuro__owner_pump(owner);
    return st;
}

/* ---- Host side ---- */

static void live_snapshot_due(hkp_neuro_owner *o) {
    if (o->core.live_blob == NULL && o->durable >= o->live.cursor.index &&
        o->live.cursor.index - o->live_stored_index >= HKP_NEURO__LIVE_EVERY)
        o->live_due = 1;
}

void hkp_neuro__owner_pump(hkp_neuro_owner *o) {
    const uint32_t state = o->core.view.state;
    if (state != HKP_NEURO_INSTANCE_PENDING && state != HKP_NEURO_INSTANCE_ACTIVE) o->has_live = 0;
    if (!hkp_neuro__owner_works(o)) {
        o->proposed = o->recompute = o->live_due = 0;
        if (o->request != OWNER_NO_REQUEST) o->request = OWNER_NO_REQUEST;
        return;
    }
    if (o->recompute && o->next.cursor.index == o->recompute_n && !o->core.has_staged)
        (void)!hkp_neuro__owner_settle(o, o->recompute_n,
                                       o->recompute_ack); /* no memory: at the next tick again */
    hkp_neuro__owner_pump_log(o);
    propose(o);
    live_snapshot_due(o);
}

static hkp_status live_store(hkp_neuro_owner *o, struct hkp_neuro_event *event) {
    struct hkp_neuro__core *core = &o->core;
    uint8_t *blob = (uint8_t *)hkp_mem_alloc(&core->opt.mem, HKP_NEURO__SNAP_SIZE);
    if (blob == NULL) return HKP_E_NOMEM;
    /* generation: of the instance, so that a state of an earlier one is told apart */
    hkp_status st = hkp_neuro__snap_write(core, HKP_NEURO__SNAP_LIVE, core->view.id, &o->live, blob);
    if (st != HKP_OK) {
        hkp_mem_free(&core->opt.mem, blob, HKP_NEURO__SNAP_SIZE);
        return st;
    }
    core->live_blob = blob;
    core->live_len = HKP_NEURO__SNAP_SIZE;
    core->live_ticket = ++core->ticket;
    o->live_due = 0;
    o->live_stored_index = o->live.cursor.index;
    *event = (struct hkp_neuro_event){.kind = HKP_NEURO_EVENT_STORE,
                                      .slot = HKP_NEURO_SLOT_LIVE,
                                      .ticket = core->live_ticket,
                                      .bytes = blob,
                                      .len = HKP_NEURO__SNAP_SIZE};
    return HKP_OK;
}

hkp_status hkp_neuro_owner_event(hkp_neuro_owner *owner, struct hkp_neuro_event *event) {
    hkp_status st = hkp_neuro__core_next(&owner->core, event);
    if (st != HKP_OK) return st;
    if (event->kind == HKP_NEURO_EVENT_NONE && owner->request != OWNER_NO_REQUEST && !owner->request_told) {
        /* not in the queue, where it could be pushed out: without an answer nothing goes on */
        owner->request_told = 1;
        *event = (struct hkp_neuro_event){
            .kind = HKP_NEURO_EVENT_WANT_LOG, .from = owner->request_from, .to = owner->request_to};
        return HKP_OK;
    }
    if (event->kind == HKP_NEURO_EVENT_NONE && owner->live_due) return live_store(owner, event);
    if (event->kind == HKP_NEURO_EVENT_RESTORED) owner->restored_len = 0; /* the next LOG may come */
    return HKP_OK;
}

hkp_status hkp_neuro_owner_stored(hkp_neuro_owner *owner, hkp_time now, uint64_t ticket) {
    int was_staged = 0;
    const uint32_t before = owner->core.view.state;
    hkp_neuro__core_now(&owner->core, now);
    if (hkp_neuro__core_stored(&owner->core, ticket, &was_staged) == 0) return HKP_E_NOTFOUND;
    const struct hkp_neuro__view *view = &owner->core.view;
    if (was_staged) owner->commit_at = owner->core.now;
    if (was_staged && view->state == HKP_NEURO_INSTANCE_PENDING) {
        hkp_neuro__replica_from(&owner->live, view->cur);
        owner->has_live = 1;
        owner->request = OWNER_NO_REQUEST; /* what was asked for was for the state before */
        owner->tail = 0;                   /* its TCK1 comes behind a rebase there */
        owner->live_stored_index = view->cur->index;
        owner->rebase_index = view->cur->index;
        if (before != HKP_NEURO_INSTANCE_PENDING || !owner->send_ready) hkp_neuro__owner_ask(owner);
    } else if (was_staged) {
        const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_COMMIT, .from = view->cur->index};
        hkp_neuro__core_event(&owner->core, &event);
    }
    hkp_neuro__owner_pump(owner);
    return HKP_OK;
}

hkp_status hkp_neuro_owner_send(hkp_neuro_owner *owner, hkp_time now, uint32_t *stream_class, uint8_t *dst,
                                size_t cap, size_t *len) {
    hkp_neuro__core_now(&owner->core, now);
    hkp_status st = hkp_neuro__core_take(&owner->core, stream_class, dst, cap, len);
    if (st != HKP_OK || *len > 0 || owner->log_len == 0) return st;
    if (cap < owner->log_len) return HKP_E_NOSPC;
    memcpy(dst, owner->log_msg, owner->log_len);
    *len = owner->log_len;
    *stream_class = HKP_NEURO_CLASS_TER;
    owner->log_len = 0;
    hkp_neuro__owner_pump(owner);
    return HKP_OK;
}

void hkp_neuro_owner_tick(hkp_neuro_owner *owner, hkp_time now) {
    hkp_neuro__core_now(&owner->core, now);
    hkp_neuro__owner_pump(owner);
}

hkp_time hkp_neuro_owner_wake(const hkp_neuro_owner *owner) {
    hkp_time wake = hkp_neuro__owner_log_wake(owner);
    const struct hkp_neuro__core *core = &owner->core;
    if (!hkp_neuro__owner_works(owner) || core->view.state != HKP_NEURO_INSTANCE_ACTIVE || core->has_staged)
        return wake;
    hkp_time due = HKP_TIME_NEVER;
    if (owner->proposed && owner->proposal_sent && core->session.up)
        due = owner->proposal_at + HKP_NEURO__PROPOSE_NS;
    if (!owner->proposed && owner->live.cursor.index > core->view.cur->index)
        due = owner->commit_at + core->opt.commit_ns;
    return due < wake ? due : wake;
}

hkp_status hkp_neuro_owner_commit(hkp_neuro_owner *owner, uint64_t ck_index, hkp_neuro_commit **out) {
    hkp_neuro_commit *cur = owner->core.view.cur;
    if (cur == NULL || (ck_index != 0 && ck_index != cur->index)) return HKP_E_NOTFOUND;
    *out = hkp_neuro_commit_ref(cur);
    return HKP_OK;
}

hkp_status hkp_neuro_owner_info(const hkp_neuro_owner *owner, struct hkp_neuro_instance_info *info) {
    if (info->struct_size < sizeof *info) return HKP_E_INVAL;
    hkp_neuro__core_info(&owner->core, info);
    info->index = owner->durable;
    info->state_index = owner->has_live ? owner->live.cursor.index : 0;
    info->proposed_index = owner->proposed ? owner->next.cursor.index : 0;
    info->newest_us = owner->has_live ? owner->live.state->last_us : 0;
    info->policy_ver = owner->has_live ? owner->live.state->policy_ver : 0;
    return HKP_OK;
}
