/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The verifier: a device's history replayed from its log records, a bounded number a call (NZ1 3.3, 4, 17).
 */
#include "libneuro/verifier.h"

#include "libneuro/msg.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>
#include <stdio.h>

enum { TCK_LOG_GEN = 156, RBA_VERSION = 24, RBA_H_REF = 40 };

void hkp_neuro_verifier_options_init(struct hkp_neuro_verifier_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static int options_fit(const struct hkp_neuro_verifier_options *o) {
    return o->variant <= HKP_NEURO_VARIANT_AVX2 && o->keep <= HKP_NEURO_VERIFIER_KEEP_MAX &&
           (o->keep_every & (o->keep_every - 1)) == 0 && o->n_policy_keys <= HKP_NEURO_KEYS_MAX &&
           (o->n_policy_keys == 0 || o->policy_keys != NULL);
}

static hkp_status kept_make(hkp_neuro_verifier *v, uint32_t keep, uint32_t variant) {
    if (keep == 0) return HKP_OK;
    v->kept = (struct hkp_neuro__replica *)hkp_mem_alloc(&v->mem, keep * sizeof *v->kept);
    if (v->kept == NULL) return HKP_E_NOMEM;
    v->keep = keep;
    hkp_status st = HKP_OK;
    for (uint32_t i = 0; i < keep && st == HKP_OK; i++)
        st = hkp_neuro_state_new(&v->kept[i].state, &v->mem, variant);
    return st;
}

hkp_status hkp_neuro_verifier_new(hkp_neuro_verifier **out, const struct hkp_neuro_verifier_options *opt) {
    struct hkp_neuro_verifier_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, sizeof o, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (!options_fit(&o)) return HKP_E_INVAL;
    hkp_neuro_verifier *v = (hkp_neuro_verifier *)hkp_mem_alloc(&o.mem, sizeof *v);
    if (v == NULL) return HKP_E_NOMEM;
    v->mem = o.mem;
    v->n_keys = o.n_policy_keys;
    v->gen = o.gen;
    v->keep_first = o.keep_every != 0 ? o.keep_every : VERIFIER_KEEP_EVERY;
    if (o.n_policy_keys > 0) memcpy(v->keys, o.policy_keys, (size_t)o.n_policy_keys * 32);
    memcpy(v->node_id, o.node_id, 16);
    memcpy(v->device_public, o.device_public, 32);
    st = hkp_neuro_state_new(&v->at.state, &v->mem, o.variant);
    if (st == HKP_OK) st = kept_make(v, o.keep, o.variant);
    if (st != HKP_OK) {
        hkp_neuro_verifier_free(v);
        return st;
    }
    *out = v;
    return HKP_OK;
}

void hkp_neuro_verifier_free(hkp_neuro_verifier *verifier) {
    if (verifier == NULL) return;
    const struct hkp_mem mem = verifier->mem;
    for (uint32_t i = 0; i < verifier->keep; i++) hkp_neuro_state_free(verifier->kept[i].state);
    hkp_mem_free(&mem, verifier->kept, verifier->keep * sizeof *verifier->kept);
    hkp_neuro_state_free(verifier->at.state);
    sodium_memzero(verifier, sizeof *verifier);
    hkp_mem_free(&mem, verifier, sizeof *verifier);
}

/* ---- Beginning ---- */

static void kept_put(hkp_neuro_verifier *v) {
    if (v->n_kept == v->keep) { /* every other one goes; a step from the first is never lost */
        uint32_t left = 0;
        v->keep_every *= 2;
        for (uint32_t i = 0; i < v->n_kept; i++)
            if (v->kept[i].cursor.index % v->keep_every == 0 || i == 0) {
                const struct hkp_neuro__replica swap = v->kept[left];
                v->kept[left++] = v->kept[i];
                if (left - 1 != i) v->kept[i] = swap;
            }
        v->n_kept = left;
        if (v->n_kept == v->keep || v->at.cursor.index % v->keep_every != 0) return;
    }
    struct hkp_neuro__replica *k = &v->kept[v->n_kept++];
    k->cursor = v->at.cursor;
    hkp_neuro_state_copy(k->state, v->at.state);
}

static void mark_put(hkp_neuro_verifier *v) {
    if (v->n_marks == VERIFIER_MARKS) {
        uint32_t left = 0;
        v->mark_every *= 2;
        for (uint32_t i = 0; i < VERIFIER_MARKS; i++)
            if (v->marks[i].index % v->mark_every == 0 || i == 0) v->marks[left++] = v->marks[i];
        v->n_marks = left;
        if (v->at.cursor.index % v->mark_every != 0) return;
    }
    struct hkp_neuro__mark *m = &v->marks[v->n_marks++];
    m->index = v->at.cursor.index;
    memcpy(m->h, v->at.cursor.h, 32);
}

void hkp_neuro__verifier_start(hkp_neuro_verifier *v) {
    v->begun = 1;
    v->has_before = v->has_tck = 0;
    v->first = v->at.cursor.index;
    v->until = v->checkpoints = 0;
    v->n_marks = v->n_kept = 0;
    v->mark_every = VERIFIER_MARK_EVERY;
    v->keep_every = v->keep_first;
    memset(&v->ended, 0, sizeof v->ended);
    mark_put(v);
    if (v->keep > 0) kept_put(v);
}

hkp_status hkp_neuro_verifier_enrol(hkp_neuro_verifier *verifier, const uint8_t seed[32],
                                    const uint8_t *cursor, const uint8_t h_ref[20], uint32_t policy_ver) {
    struct hkp_ter_cursor at;
    if (cursor == NULL)
        hkp_ter_cursor_init(&at, verifier->node_id, verifier->device_public);
    else if (hkp_ter_cursor_decode(&at, cursor) != HKP_OK)
        return HKP_E_INVAL;
    hkp_neuro_state_enrol(verifier->at.state, seed, verifier->node_id, h_ref);
    verifier->at.state->policy_ver = policy_ver;
    verifier->at.cursor = at;
    hkp_neuro__verifier_start(verifier);
    return HKP_OK;
}

hkp_status hkp_neuro_verifier_begin(hkp_neuro_verifier *verifier, const uint8_t cursor[104],
                                    const uint8_t *state) {
    struct hkp_ter_cursor at;
    if (hkp_ter_cursor_decode(&at, cursor) != HKP_OK) return HKP_E_INVAL;
    hkp_status st = hkp_neuro_state_decode(verifier->at.state, state, HKP_NEURO_STATE_SIZE);
    if (st != HKP_OK) return st;
    verifier->at.cursor = at;
    hkp_neuro__verifier_start(verifier);
    return HKP_OK;
}

void hkp_neuro_verifier_commit(hkp_neuro_verifier *verifier, const hkp_neuro_commit *commit) {
    hkp_neuro__replica_from(&verifier->at, commit);
    hkp_neuro__verifier_start(verifier);
}

void hkp_neuro_verifier_until(hkp_neuro_verifier *verifier, uint64_t until) { verifier->until = until; }

/* ---- Records ---- */

static hkp_status ends(hkp_neuro_verifier *v, hkp_status status, hkp_status cause, const char *what) {
    hkp_neuro__verdict_of(v, v->at.cursor.index, HKP_NEURO_VERDICT_RECORD, status, &v->ended);
    v->ended.cause = cause;
    snprintf(v->ended.reason, sizeof v->ended.reason, "%s at index %llu does not follow: %s", what,
             (unsigned long long)v->at.cursor.index, hkp_neuro__cause_words(cause));
    return status;
}

static hkp_status take_ter(hkp_neuro_verifier *v, const uint8_t *body) {
    struct hkp_ter_cursor next = v->at.cursor;
    hkp_status st = hkp_ter_cursor_accept(&next, body, HKP_TER_SIZE, body + HKP_TER_SIZE);
    if (st == HKP_E_TER_DUPLICATE) return HKP_OK;
    if (st == HKP_OK && hkp_neuro_state_evolve(v->at.state, body) != HKP_OK) st = HKP_E_TER_TIME_ORDER;
    if (st != HKP_OK) return ends(v, HKP_E_NEURO_REPLAY_TER, st, "the TER");
    memcpy(v->h_before, v->at.cursor.h, 32);
    v->has_before = 1;
    v->at.cursor = next;
    if (next.index % v->mark_every == 0) mark_put(v);
    if (v->keep > 0 && next.index % v->keep_every == 0) kept_put(v);
    return HKP_OK;
}

static hkp_status judge_tck(const hkp_neuro_verifier *v, const uint8_t *bytes) {
    struct hkp_ter_tck tck;
    const hkp_neuro_state *s = v->at.state;
    hkp_status st = hkp_ter_tck_decode(&tck, bytes, HKP_TER_TCK_SIZE);
    if (st != HKP_OK) return st;
    if (tck.log_gen > v->gen) return HKP_E_TER_TCK_NODE;
    if (v->has_tck || v->first == 0) {
        struct hkp_ter_tck_verifier known = {.cursor = &v->at.cursor,
                                             .policy_ver = s->policy_ver,
                                             .log_gen =
                                                 v->has_tck ? hkp_le32(v->tck + TCK_LOG_GEN) : tck.log_gen};
        memcpy(known.node_id, v->node_id, 16);
        memcpy(known.device_public, v->device_public, 32);
        memcpy(known.h_ref, s->h_ref, 20);
        st = hkp_ter_tck_verify(bytes, HKP_TER_TCK_SIZE, v->has_tck ? v->tck : NULL, &known);
    } else { /* the first one that is seen of a log which begins elsewhere: what it names before is not here
              */
        struct hkp_ter_tck_enrol known = {
            .h_before = v->h_before, .ter = v->at.cursor.last_ter, .gen = v->gen};
        memcpy(known.node_id, v->node_id, 16);
        memcpy(known.device_public, v->device_public, 32);
        st = hkp_ter_tck_verify_enrol(bytes, HKP_TER_TCK_SIZE, &known);
        if (st == HKP_OK && (tck.policy_ver != s->policy_ver || memcmp(tck.h_ref, s->h_ref, 20) != 0))
            st = HKP_E_TER_TCK_POLICY;
    }
    return st == HKP_OK && tck.n != v->at.cursor.index ? HKP_E_TER_TCK_INDEX : st;
}

static hkp_status take_tck(hkp_neuro_verifier *v, const uint8_t *bytes) {
    if (v->has_tck && memcmp(v->tck, bytes, sizeof v->tck) == 0) return HKP_OK;
    if (!v->has_before) return HKP_OK; /* of the point where the replay began: h before it is not known */
    hkp_status st = judge_tck(v, bytes);
    if (st != HKP_OK) return ends(v, st, st, "the checkpoint");
    memcpy(v->tck, bytes, sizeof v->tck);
    v->has_tck = 1;
    v->checkpoints++;
    return HKP_OK;
}

static hkp_status take_rebase(hkp_neuro_verifier *v, const uint8_t *body) {
    const struct hkp_neuro__policy policy = {v->keys, v->n_keys, v->node_id};
    const uint8_t *rba = body + 8;
    uint32_t sub = 0;
    if (hkp_le64(body) == v->at.cursor.index && hkp_le32(rba + RBA_VERSION) == v->at.state->policy_ver &&
        memcmp(rba + RBA_H_REF, v->at.state->h_ref, 20) == 0)
        return HKP_OK; /* in force already */
    hkp_status st = hkp_neuro__replica_rebase(&v->at, hkp_le64(body), rba, HKP_NEURO_RBA_SIZE, &policy, &sub);
    if (st == HKP_OK) return HKP_OK;
    return ends(v, st, sub != 0 ? (hkp_status)(HKP_E_NEURO_BASE - (int32_t)sub) : HKP_E_NEURO_REPLAY_REBASE,
                "the rebase");
}

static hkp_status take_gap(hkp_neuro_verifier *v, const uint8_t *body) {
    const uint64_t from = hkp_le64(body), to = hkp_le64(body + 8);
    if (to <= v->at.cursor.index) return HKP_OK;
    hkp_neuro__verdict_of(v, to, HKP_NEURO_VERDICT_GAP, HKP_E_NEURO_REPLAY_SHORT, &v->ended);
    snprintf(v->ended.reason, sizeof v->ended.reason,
             "history gap: TERs %llu to %llu are not in the log, so no state can follow",
             (unsigned long long)from, (unsigned long long)(to - 1));
    return HKP_E_NEURO_REPLAY_SHORT;
}

/* One record; work is raised by what it cost. */
static hkp_status take(hkp_neuro_verifier *v, const struct hkp_neuro__record *r, uint32_t *work) {
    if (r->type != HKP_TER_LOG_BOOT) ++*work;
    switch (r->type) {
    case HKP_TER_LOG_TER:
        return take_ter(v, r->body);
    case HKP_TER_LOG_TCK:
        return take_tck(v, r->body);
    case HKP_TER_LOG_REBASE:
        return take_rebase(v, r->body);
    case HKP_TER_LOG_GAP:
        return take_gap(v, r->body);
    default:
        return HKP_OK;
    }
}

static int at_stop(const hkp_neuro_verifier *v) { return v->until != 0 && v->at.cursor.index >= v->until; }

hkp_status hkp_neuro_verifier_feed(hkp_neuro_verifier *verifier, const uint8_t *records, size_t len,
                                   uint32_t budget, size_t *taken) {
    uint32_t work = 0;
    *taken = 0;
    if (!verifier->begun || verifier->ended.verdict != HKP_NEURO_VERDICT_OPEN) return HKP_E_STATE;
    while (*taken < len && work < budget && !at_stop(verifier)) {
        struct hkp_neuro__record record;
        hkp_status st = hkp_neuro__record_read(records + *taken, len - *taken, &record);
        if (st == HKP_OK) st = take(verifier, &record, &work);
        if (st != HKP_OK) return st;
        *taken += record.size;
    }
    return HKP_OK;
}

hkp_status hkp_neuro_verifier_message(hkp_neuro_verifier *verifier, const uint8_t *msg, size_t len,
                                      uint32_t budget, uint32_t *left) {
    uint32_t type = 0, work = 0;
    *left = 0;
    if (!verifier->begun || verifier->ended.verdict != HKP_NEURO_VERDICT_OPEN) return HKP_E_STATE;
    hkp_status st = hkp_neuro_msg_check(HKP_NEURO_CLASS_TER, msg, len, &type);
    if (st != HKP_OK) return st;
    uint64_t index = hkp_le64(msg + 4);
    if (index > verifier->at.cursor.index) return HKP_E_NOTFOUND;
    for (size_t at = HKP_NEURO__LOG_HEAD; at < len;) {
        struct hkp_neuro__record record;
        st = hkp_neuro__record_read(msg + at, len - at, &record);
        if (st != HKP_OK) return st;
        at += record.size;
        const int seen = index < verifier->at.cursor.index;
        if (!seen && at_stop(verifier)) return HKP_OK;
        if (!seen && work >= budget) {
            *left = 1;
            return HKP_OK;
        }
        if (record.type == HKP_TER_LOG_TER) index++;
        if (seen && record.type == HKP_TER_LOG_GAP && hkp_le64(record.body + 8) <= verifier->at.cursor.index)
            index = hkp_le64(record.body + 8);
        if (seen) continue;
        st = take(verifier, &record, &work);
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

hkp_status hkp_neuro_verifier_info(const hkp_neuro_verifier *verifier, struct hkp_neuro_verifier_info *info) {
    if (info->struct_size < sizeof *info) return HKP_E_INVAL;
    const uint32_t size = info->struct_size;
    memset(info, 0, sizeof *info);
    info->struct_size = size;
    info->verdict = verifier->ended.verdict;
    info->first_index = verifier->first;
    info->index = verifier->at.cursor.index;
    info->checkpoints = verifier->checkpoints;
    info->checkpoint_index = verifier->has_tck ? hkp_le64(verifier->tck + 24) : 0;
    info->policy_ver = verifier->at.state->policy_ver;
    memcpy(info->h, verifier->at.cursor.h, 32);
    return HKP_OK;
}
