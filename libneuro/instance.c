/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What owner and holder have in common: options, time, queues, and "stored before sent" (NZ1 17, 22.5). */
#include "libneuro/instance.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

void hkp_neuro_options_init(struct hkp_neuro_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static hkp_status import(struct hkp_neuro__core *core, const struct hkp_neuro_options *src) {
    struct hkp_neuro_options *opt = &core->opt;
    hkp_status st = hkp_options_import(opt, sizeof *opt, sizeof *opt, src);
    if (st == HKP_OK) st = hkp_mem_import(&opt->mem);
    if (st != HKP_OK) return st;
    if (opt->commit_ters == 0) opt->commit_ters = HKP_NEURO_COMMIT_TERS;
    if (opt->commit_ns == 0) opt->commit_ns = HKP_NEURO_COMMIT_NS;
    if (opt->log_ns == 0) opt->log_ns = HKP_NEURO__LOG_NS;
    if (opt->period_us == 0) opt->period_us = 1000000;
    if (opt->rng.fill == NULL || opt->commit_ters > HKP_NEURO_CATCHUP_MAX ||
        opt->variant > HKP_NEURO_VARIANT_AVX2 || opt->n_policy_keys > HKP_NEURO_KEYS_MAX ||
        (opt->n_policy_keys > 0 && opt->policy_keys == NULL))
        return HKP_E_INVAL;
    if (opt->n_policy_keys > 0) memcpy(core->keys, opt->policy_keys, (size_t)opt->n_policy_keys * 32);
    opt->policy_keys = NULL; /* the caller's; ours are core->keys */
    return hkp_neuro__kernel_find(opt->variant) != NULL ? HKP_OK : HKP_E_UNSUPPORTED;
}

hkp_status hkp_neuro__core_init(struct hkp_neuro__core *core, const struct hkp_neuro_options *opt,
                                uint32_t side, hkp_time now) {
    hkp_status st = import(core, opt);
    if (st != HKP_OK) return st;
    core->side = side;
    core->now = now;
    return HKP_OK;
}

void hkp_neuro__view_release(struct hkp_neuro__view *view) {
    hkp_neuro_commit_unref(view->cur);
    hkp_neuro_commit_unref(view->prev);
    sodium_memzero(view, sizeof *view);
}

void hkp_neuro__core_release(struct hkp_neuro__core *core) {
    hkp_neuro__view_release(&core->view);
    if (core->has_staged) hkp_neuro__view_release(&core->staged);
    hkp_mem_free(&core->opt.mem, core->blob, core->blob_len);
    hkp_mem_free(&core->opt.mem, core->live_blob, core->live_len);
}

void hkp_neuro__core_now(struct hkp_neuro__core *core, hkp_time now) {
    if (now > core->now) core->now = now;
}

struct hkp_neuro__policy hkp_neuro__core_policy(const struct hkp_neuro__core *core) {
    return (struct hkp_neuro__policy){core->keys, core->opt.n_policy_keys, core->opt.owner_id};
}

void hkp_neuro__core_send(struct hkp_neuro__core *core, uint32_t stream_class, uint32_t type,
                          const uint8_t *body, size_t len) {
    if (core->out_count == HKP_NEURO__OUTBOX) return;
    struct hkp_neuro__message *m = &core->outbox[(core->out_first + core->out_count) % HKP_NEURO__OUTBOX];
    hkp_neuro__msg_head(m->bytes, type, 0);
    if (len > 0) memcpy(m->bytes + HKP_NEURO__MSG_HEAD, body, len);
    m->stream_class = stream_class;
    m->len = HKP_NEURO__MSG_HEAD + len;
    core->out_count++;
}

void hkp_neuro__core_send_range(struct hkp_neuro__core *core, uint32_t type, uint64_t from, uint64_t to) {
    uint8_t body[HKP_NEURO__RANGE_BODY];
    if (to - from > HKP_NEURO__RANGE_MAX) to = from + HKP_NEURO__RANGE_MAX;
    hkp_put_le64(body, from);
    hkp_put_le64(body + 8, to);
    hkp_neuro__core_send(core, HKP_NEURO_CLASS_COMMIT, type, body, sizeof body);
}

hkp_status hkp_neuro__core_take(struct hkp_neuro__core *core, uint32_t *stream_class, uint8_t *dst,
                                size_t cap, size_t *len) {
    *len = 0;
    if (core->out_count == 0) return HKP_OK;
    struct hkp_neuro__message *m = &core->outbox[core->out_first];
    if (cap < m->len) return HKP_E_NOSPC;
    memcpy(dst, m->bytes, m->len);
    *len = m->len;
    *stream_class = m->stream_class;
    core->out_first = (core->out_first + 1) % HKP_NEURO__OUTBOX;
    core->out_count--;
    return HKP_OK;
}

void hkp_neuro__core_event(struct hkp_neuro__core *core, const struct hkp_neuro_event *event) {
    /* full: the oldest goes; each tells a state that can be asked for */
    if (core->event_count == HKP_NEURO__EVENTS) {
        core->event_first = (core->event_first + 1) % HKP_NEURO__EVENTS;
        core->event_count--;
    }
    core->events[(core->event_first + core->event_count) % HKP_NEURO__EVENTS] = *event;
    core->event_count++;
}

static hkp_status store_begin(struct hkp_neuro__core *core, struct hkp_neuro_event *event) {
    const struct hkp_neuro__view *view = core->has_staged ? &core->staged : &core->view;
    const size_t len = hkp_neuro__blob_size(view);
    uint8_t *blob = (uint8_t *)hkp_mem_alloc(&core->opt.mem, len);
    if (blob == NULL) return HKP_E_NOMEM;
    hkp_status st = hkp_neuro__blob_write(core, view, core->generation + 1, blob);
    if (st != HKP_OK) {
        hkp_mem_free(&core->opt.mem, blob, len);
        return st;
    }
    core->blob = blob;
    core->blob_len = len;
    core->blob_staged = core->has_staged;
    core->store_due = 0;
    core->generation++;
    core->store_ticket = ++core->ticket;
    *event = (struct hkp_neuro_event){.kind = HKP_NEURO_EVENT_STORE,
                                      .slot = HKP_NEURO_SLOT_INSTANCE,
                                      .ticket = core->store_ticket,
                                      .bytes = blob,
                                      .len = len};
    return HKP_OK;
}

hkp_status hkp_neuro__core_next(struct hkp_neuro__core *core, struct hkp_neuro_event *event) {
    if (core->store_due && core->blob == NULL) return store_begin(core, event);
    *event = (struct hkp_neuro_event){.kind = HKP_NEURO_EVENT_NONE};
    if (core->event_count == 0) return HKP_OK;
    *event = core->events[core->event_first];
    core->event_first = (core->event_first + 1) % HKP_NEURO__EVENTS;
    core->event_count--;
    return HKP_OK;
}

void hkp_neuro__core_stage(struct hkp_neuro__core *core, const struct hkp_neuro__view *next) {
    if (core->has_staged) hkp_neuro__view_release(&core->staged);
    core->staged = *next;
    core->has_staged = 1;
    core->store_due = 1;
}

static void changed(struct hkp_neuro__core *core, uint32_t from) {
    const struct hkp_neuro_event event = {
        .kind = HKP_NEURO_EVENT_STATE, .cause = core->view.cause, .from = from, .to = core->view.state};
    if (from != core->view.state) hkp_neuro__core_event(core, &event);
}

void hkp_neuro__core_move(struct hkp_neuro__core *core, uint32_t move, uint32_t cause) {
    struct hkp_neuro__view *view = &core->view;
    const uint32_t from = view->state, to = hkp_neuro_instance_next(from, move);
    if (to == from) return;
    /* what was under way belongs to the state before */
    if (core->has_staged) hkp_neuro__view_release(&core->staged);
    core->has_staged = 0;
    view->state = to;
    view->cause = cause;
    if (to == HKP_NEURO_INSTANCE_LOST || to == HKP_NEURO_INSTANCE_NONE) {
        hkp_neuro_commit_unref(view->cur);
        hkp_neuro_commit_unref(view->prev);
        view->cur = view->prev = NULL;
    }
    core->store_due = 1;
    changed(core, from);
}

void hkp_neuro__core_gens(struct hkp_neuro__core *core, uint32_t gen_owner, uint32_t gen_holder) {
    struct hkp_neuro__view *view = &core->view;
    if (gen_owner <= view->gen_owner && gen_holder <= view->gen_holder) return;
    if (gen_owner > view->gen_owner) view->gen_owner = gen_owner;
    if (gen_holder > view->gen_holder) view->gen_holder = gen_holder;
    if (core->has_staged) {
        core->staged.gen_owner = view->gen_owner;
        core->staged.gen_holder = view->gen_holder;
    }
    core->store_due = 1;
}

int hkp_neuro__core_stored(struct hkp_neuro__core *core, uint64_t ticket, int *was_staged) {
    *was_staged = 0;
    if (core->live_blob != NULL && ticket == core->live_ticket) {
        hkp_mem_free(&core->opt.mem, core->live_blob, core->live_len);
        core->live_blob = NULL;
        return 2;
    }
    if (core->blob == NULL || ticket != core->store_ticket) return 0;
    hkp_mem_free(&core->opt.mem, core->blob, core->blob_len);
    core->blob = NULL;
    /* a move that came meanwhile made staged void, and is stored next */
    if (!core->blob_staged || !core->has_staged || core->store_due) return 1;
    const uint32_t from = core->view.state;
    hkp_neuro__view_release(&core->view);
    core->view = core->staged;
    sodium_memzero(&core->staged, sizeof core->staged);
    core->has_staged = 0;
    *was_staged = 1;
    changed(core, from);
    return 1;
}

void hkp_neuro__core_info(const struct hkp_neuro__core *core, struct hkp_neuro_instance_info *info) {
    const struct hkp_neuro__view *view = &core->view;
    info->state = view->state;
    info->cause = view->cause;
    info->gen_owner = view->gen_owner;
    info->gen_holder = view->gen_holder;
    info->first_index = view->first_index;
    info->ck_index = view->cur != NULL ? view->cur->index : 0;
    info->prev_index = view->prev != NULL ? view->prev->index : info->ck_index;
    info->keep_index = info->prev_index;
    info->refused = core->refused;
    info->accepted = core->accepted;
    info->waited = core->waited;
}

const char *hkp_neuro_cause_text(uint32_t cause) {
    switch (cause) {
    case HKP_NEURO_CAUSE_NONE:
        return "not enrolled";
    case HKP_NEURO_CAUSE_ENROLLED:
        return "enrolled, not yet proven";
    case HKP_NEURO_CAUSE_HANDSHAKE:
        return "proven by a handshake";
    case HKP_NEURO_CAUSE_GAP:
        return "history gap";
    case HKP_NEURO_CAUSE_RETENTION:
        return "history no longer kept";
    case HKP_NEURO_CAUSE_HISTORY:
        return "history fork";
    case HKP_NEURO_CAUSE_BASE:
        return "old state or copy";
    case HKP_NEURO_CAUSE_PROOF:
        return "history does not lead to the state claimed";
    case HKP_NEURO_CAUSE_ACK:
        return "the holder knows another successor";
    case HKP_NEURO_CAUSE_FORK:
        return "two signed checkpoints contradict each other";
    case HKP_NEURO_CAUSE_TAG:
        return "wrong proof in an established session";
    default:
        return "";
    }
}
