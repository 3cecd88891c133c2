/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The owner and its log: catching up, LOG to the holder, ASK and HAVE, what the holder brings back
 * (SYN-2.5, 2.6). */
#include "libneuro/owner.h"
#include "libter/bytes.h"

#include <sodium.h>

void hkp_neuro__owner_log_reset(hkp_neuro_owner *o) {
    o->log_len = o->restored_len = 0;
    o->send_ready = o->send_blocked = 0;
    o->ask = (struct hkp_neuro__question){0};
    o->want = (struct hkp_neuro__question){0};
    o->missing_to = 0;
    if (o->request == OWNER_FEED_SEND) o->request = OWNER_NO_REQUEST;
}

static void ask_send(hkp_neuro_owner *o) {
    o->ask.open = 1;
    o->ask.tries++;
    o->ask.sent_at = o->core.now;
    hkp_neuro__core_send(&o->core, HKP_NEURO_CLASS_COMMIT, HKP_NEURO_MSG_ASK, NULL, 0);
}

void hkp_neuro__owner_ask(hkp_neuro_owner *o) {
    if (!o->core.session.up) return;
    o->ask = (struct hkp_neuro__question){0};
    ask_send(o);
}

static void ready(hkp_neuro_owner *o, uint64_t index) {
    const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_READY, .from = index};
    o->ask.open = 0;
    if (!o->send_ready) hkp_neuro__core_event(&o->core, &event);
    o->send_ready = 1;
    o->send_blocked = 0;
    o->send_index = index;
    o->send_at = o->core.now;
}

static void want_send(hkp_neuro_owner *o) {
    o->want.open = 1;
    o->want.tries++;
    o->want.sent_at = o->core.now;
    hkp_neuro__core_send_range(&o->core, HKP_NEURO_MSG_WANT, o->want.from, o->want.to);
}

/* The holder holds more than this log: nothing may be made until that is here, too (NZ1 5.2). */
static void take_have(hkp_neuro_owner *o, const uint8_t *body) {
    const uint64_t index = hkp_le64(body);
    if (!o->ask.open) return;
    if (index == o->live.cursor.index && o->live.cursor.index >= o->durable &&
        memcmp(o->live.cursor.h, body + 16, 32) != 0) {
        hkp_neuro__core_move(&o->core, HKP_NEURO_MOVE_CONTRADICTION, HKP_NEURO_CAUSE_HISTORY);
        return;
    }
    o->ask.open = 0;
    if (index <= o->durable) {
        ready(o, index < o->core.view.first_index ? o->core.view.first_index : index);
        return;
    }
    memcpy(o->have_h, body + 16, sizeof o->have_h);
    const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_BEHIND,
                                          .from = o->durable,
                                          .to = index,
                                          .bytes = o->have_h,
                                          .len = sizeof o->have_h};
    hkp_neuro__core_event(&o->core, &event);
    o->want = (struct hkp_neuro__question){.from = o->durable, .to = index};
    want_send(o);
}

/* Whole records that fit and follow the log here, for the host to append; the rest comes with the next WANT.
 * What does not follow is another history: this is a copy that went on by itself, or the holder has another
 * device's. */
static hkp_status take_restored(hkp_neuro_owner *o, const uint8_t *msg, size_t len) {
    size_t at = HKP_NEURO__LOG_HEAD, kept = 0;
    struct hkp_ter_cursor walk = o->live.cursor;
    if (!o->want.open || hkp_le64(msg + 4) != o->durable) return HKP_OK;
    if (o->restored_len > 0 || walk.index != o->durable) return HKP_E_STATE;
    while (at < len) {
        struct hkp_neuro__record record;
        if (hkp_neuro__record_read(msg + at, len - at, &record) != HKP_OK) break; /* checked before */
        if (kept + record.size > HKP_NEURO_SEND_MAX) break;
        if (record.type == HKP_TER_LOG_TER &&
            hkp_ter_cursor_accept(&walk, record.body, HKP_TER_SIZE, record.body + HKP_TER_SIZE) != HKP_OK) {
            hkp_neuro__core_move(&o->core, HKP_NEURO_MOVE_CONTRADICTION, HKP_NEURO_CAUSE_HISTORY);
            return HKP_E_NEURO_REPLAY_HCHAIN;
        }
        memcpy(o->restored + kept, msg + at, record.size);
        kept += record.size;
        at += record.size;
    }
    o->restored_len = kept;
    const struct hkp_neuro_event event = {.kind = HKP_NEURO_EVENT_RESTORED,
                                          .from = o->durable,
                                          .to = o->want.to,
                                          .bytes = o->restored,
                                          .len = kept};
    hkp_neuro__core_event(&o->core, &event);
    return HKP_OK;
}

/* Not from here: another holder may bring them, else a GAP follows. */
static void take_none(hkp_neuro_owner *o, uint64_t to) {
    if (!o->want.open) return;
    const struct hkp_neuro_event event = {
        .kind = HKP_NEURO_EVENT_MISSING, .from = o->durable, .to = o->want.to < to ? to : o->want.to};
    hkp_neuro__core_event(&o->core, &event);
    o->want.open = 0;
    o->missing_to = event.to;
}

static hkp_status take_rebase(hkp_neuro_owner *o, const uint8_t *rba) {
    struct hkp_neuro_rba fields;
    const struct hkp_neuro__core *core = &o->core;
    hkp_status st = hkp_neuro_rba_check(&fields, rba, HKP_NEURO_RBA_SIZE, core->opt.owner_id, core->keys,
                                        core->opt.n_policy_keys);
    if (st == HKP_OK && o->has_live)
        st = hkp_neuro__rba_fits(&fields, o->live.state->policy_ver, o->live.state->last_us);
    if (st != HKP_OK) return st;
    memcpy(o->rba, rba, sizeof o->rba);
    const struct hkp_neuro_event event = {
        .kind = HKP_NEURO_EVENT_REBASE, .bytes = o->rba, .len = sizeof o->rba};
    hkp_neuro__core_event(&o->core, &event);
    return HKP_OK;
}

hkp_status hkp_neuro__owner_exchange(hkp_neuro_owner *o, uint32_t type, const uint8_t *msg, size_t len) {
    const uint8_t *body = msg + HKP_NEURO__MSG_HEAD;
    if (type == HKP_NEURO_MSG_REBASE) return take_rebase(o, body);
    if (!hkp_neuro__owner_works(o)) return HKP_OK;
    switch (type) {
    case HKP_NEURO_MSG_HAVE:
        take_have(o, body);
        return HKP_OK;
    case HKP_NEURO_MSG_LOG:
        return take_restored(o, msg, len);
    case HKP_NEURO_MSG_NONE:
        take_none(o, hkp_le64(body + 8));
        return HKP_OK;
    case HKP_NEURO_MSG_WANT:
        /* the next LOG begins where the holder stands */
        if (hkp_le64(body) <= o->durable) {
            o->send_ready = 1;
            o->send_blocked = 0;
            o->send_index = hkp_le64(body);
            o->send_at = 0;
            if (o->request == OWNER_FEED_SEND) o->request = OWNER_NO_REQUEST;
        } else
            hkp_neuro__core_send_range(&o->core, HKP_NEURO_MSG_NONE, hkp_le64(body), hkp_le64(body + 8));
        return HKP_OK;
    default:
        return HKP_OK;
    }
}

/* ---- What is asked of the host's log ---- */

static void request(hkp_neuro_owner *o, uint32_t what, uint64_t from, uint64_t to) {
    o->request = what;
    o->request_told = 0;
    o->request_from = from;
    o->request_to = to;
}

static int send_due(const hkp_neuro_owner *o) {
    const uint64_t waiting = o->durable - o->send_index;
    if (!o->core.session.up || !o->send_ready || o->send_blocked || o->log_len > 0 ||
        o->send_index >= o->durable)
        return 0;
    /* a PROPOSE follows its TERs */
    const int proposal_waits = o->proposed && o->send_index < o->next.cursor.index && o->core.session.mode_r;
    return waiting >= HKP_NEURO_LOG_RECORDS_MAX / 2 || proposal_waits ||
           o->core.now - o->send_at >= o->core.opt.log_ns;
}

static void questions(hkp_neuro_owner *o) {
    const hkp_time now = o->core.now;
    if (o->ask.open && now - o->ask.sent_at >= HKP_NEURO__ANSWER_NS) {
        if (o->ask.tries < HKP_NEURO__TRIES)
            ask_send(o);
        else
            ready(o, o->core.view.cur->index); /* nobody answers: the holder asks for what it lacks */
    }
    if (o->missing_to != 0 && o->durable >= o->missing_to) {
        const uint64_t head = o->missing_to; /* somebody else brought them */
        o->missing_to = 0;
        ready(o, head);
    }
    if (!o->want.open) return;
    if (o->durable >= o->want.to) {
        o->want.open = 0;
        ready(o, o->durable);
    } else if (o->durable > o->want.from) {
        o->want = (struct hkp_neuro__question){.from = o->durable, .to = o->want.to};
        want_send(o);
    } else if (now - o->want.sent_at >= HKP_NEURO__ANSWER_NS) {
        if (o->want.tries < HKP_NEURO__TRIES)
            want_send(o);
        else
            take_none(o, o->want.to);
    }
}

void hkp_neuro__owner_pump_log(hkp_neuro_owner *o) {
    questions(o);
    if (o->request != OWNER_NO_REQUEST) return;
    if (o->live.cursor.index < o->durable)
        request(o, OWNER_FEED_LIVE, o->live.cursor.index, o->durable);
    else if (o->tail)
        request(o, OWNER_FEED_LIVE, o->live.cursor.index, o->live.cursor.index);
    else if (o->recompute && o->next.cursor.index < o->recompute_n)
        request(o, OWNER_FEED_NEXT, o->next.cursor.index, o->recompute_n);
    else if (send_due(o))
        request(o, OWNER_FEED_SEND, o->send_index, o->durable);
}

hkp_time hkp_neuro__owner_log_wake(const hkp_neuro_owner *o) {
    hkp_time wake = HKP_TIME_NEVER;
    if (!hkp_neuro__owner_works(o) || !o->core.session.up) return wake;
    if (o->ask.open) wake = o->ask.sent_at + HKP_NEURO__ANSWER_NS;
    if (o->want.open && o->want.sent_at + HKP_NEURO__ANSWER_NS < wake)
        wake = o->want.sent_at + HKP_NEURO__ANSWER_NS;
    if (o->send_ready && !o->send_blocked && o->request == OWNER_NO_REQUEST && o->send_index < o->durable &&
        o->send_at + o->core.opt.log_ns < wake)
        wake = o->send_at + o->core.opt.log_ns;
    return wake;
}

/* One record into a state; a rebase that the state has already seen is passed over. */
static hkp_status feed(hkp_neuro_owner *o, struct hkp_neuro__replica *replica,
                       const struct hkp_neuro__record *r) {
    const struct hkp_neuro__policy policy = hkp_neuro__core_policy(&o->core);
    uint32_t sub = 0;
    if (r->type == HKP_TER_LOG_TER) {
        hkp_status st = hkp_neuro__replica_ter(replica, r->body, HKP_TER_SIZE, &sub);
        if (st == HKP_E_TER_DUPLICATE) return HKP_OK;
        if (st == HKP_OK && memcmp(replica->cursor.h, r->body + HKP_TER_SIZE, 32) != 0)
            return HKP_E_TER_HCHAIN;
        return st == HKP_OK ? HKP_OK : (hkp_status)(HKP_E_TER_BASE - (int32_t)sub);
    }
    if (r->type == HKP_TER_LOG_REBASE && hkp_le32(r->body + 8 + 24) > replica->state->policy_ver) {
        hkp_status st = hkp_neuro__replica_rebase(replica, hkp_le64(r->body), r->body + 8, HKP_NEURO_RBA_SIZE,
                                                  &policy, &sub);
        if (st == HKP_OK && replica == &o->live) o->rebase_index = replica->cursor.index;
        return st == HKP_OK ? HKP_OK : (hkp_status)(HKP_E_NEURO_BASE - (int32_t)sub);
    }
    if (r->type == HKP_TER_LOG_GAP && replica == &o->live)
        hkp_neuro__core_move(&o->core, HKP_NEURO_MOVE_GAP, HKP_NEURO_CAUSE_GAP);
    return HKP_OK;
}

static hkp_status feed_all(hkp_neuro_owner *o, struct hkp_neuro__replica *replica, uint64_t end,
                           const uint8_t *records, size_t len) {
    while (len > 0 && o->has_live) {
        struct hkp_neuro__record record;
        hkp_status st = hkp_neuro__record_read(records, len, &record);
        if (st != HKP_OK) return st;
        /* state n is the one right after TER n-1: what else stands at n comes later */
        if (replica->cursor.index == end) return HKP_OK;
        st = feed(o, replica, &record);
        if (st != HKP_OK) return st;
        if (!hkp_neuro__owner_works(o)) return HKP_OK;
        /* what ends with a TER may have been cut before a rebase that belongs to its state */
        if (replica == &o->live) o->tail = record.type == HKP_TER_LOG_TER;
        records += record.size;
        len -= record.size;
    }
    return HKP_OK;
}

static void to_send(hkp_neuro_owner *o, uint64_t first, size_t count, const uint8_t *records, size_t len) {
    uint64_t index = first;
    size_t at = 0;
    if (count == 0) {
        hkp_neuro__core_send_range(&o->core, HKP_NEURO_MSG_NONE, o->request_from, o->request_to);
        o->send_blocked = 1;
        return;
    }
    hkp_neuro__msg_head(o->log_msg, HKP_NEURO_MSG_LOG, (uint32_t)count);
    hkp_put_le64(o->log_msg + 4, first);
    memcpy(o->log_msg + HKP_NEURO__LOG_HEAD, records, len);
    o->log_len = HKP_NEURO__LOG_HEAD + len;
    while (at < len) {
        struct hkp_neuro__record record;
        if (hkp_neuro__record_read(records + at, len - at, &record) != HKP_OK) break; /* checked before */
        if (record.type == HKP_TER_LOG_TER) index++;
        if (record.type == HKP_TER_LOG_GAP) index = hkp_le64(record.body + 8);
        at += record.size;
    }
    o->send_index = index;
    o->send_at = o->core.now;
}

hkp_status hkp_neuro_owner_log(hkp_neuro_owner *owner, hkp_time now, uint64_t first, size_t count,
                               const uint8_t *records, size_t len) {
    const uint32_t what = owner->request;
    hkp_neuro__core_now(&owner->core, now);
    if (what == OWNER_NO_REQUEST || first != owner->request_from) return HKP_E_STATE;
    if (len > HKP_NEURO_LOG_BYTES_MAX || count > HKP_NEURO_LOG_RECORDS_MAX) return HKP_E_INVAL;
    hkp_status st = hkp_neuro__records_check(records, len, count);
    if (st != HKP_OK) return st;
    owner->request = OWNER_NO_REQUEST;
    const int was_tail = what == OWNER_FEED_LIVE && owner->request_from == owner->request_to;
    if (was_tail) owner->tail = 0;
    if (what == OWNER_FEED_SEND)
        to_send(owner, first, count, records, len);
    else if (what == OWNER_FEED_LIVE)
        st = feed_all(owner, &owner->live, UINT64_MAX, records, len);
    else
        st = feed_all(owner, &owner->next, owner->recompute_n, records, len);
    /* nothing came: asking again at once would turn in a circle */
    if (st == HKP_OK && (count > 0 || what == OWNER_FEED_SEND || was_tail)) hkp_neuro__owner_pump(owner);
    return st;
}
