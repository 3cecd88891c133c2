/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Why a record does not fit (NZ1 5.5). The first one that does not is held back as the suspect; the records
 * behind it show whether it was changed, does not belong here, or whether others are missing before it.
 */
#include "libter/bytes.h"
#include "libter/verify.h"

#include <stdio.h>

enum { AT_TIME = 52, AT_SEQUENCE = 60, AT_CRC = 62, BEHIND = 0x8000 };

const char *hkp_ter_verdict_name(uint32_t kind) {
    static const char *const names[] = {"sound",     "torn",    "damaged",   "edited",
                                        "inserted",  "deleted", "reordered", "truncated",
                                        "signature", "fork",    "foreign"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

int hkp_ter__follows(const uint8_t h[32], const uint8_t body[96]) {
    uint8_t next[32];
    hkp_ter_chain_step(h, body, next);
    return memcmp(next, body + HKP_TER_SIZE, 32) == 0;
}

uint32_t hkp_ter__ahead(uint64_t index, const uint8_t *ter) {
    return (hkp_le16(ter + AT_SEQUENCE) - (uint32_t)(index & 0xFFFF)) & 0xFFFF;
}

/* ---- In plain words ---- */

static const char *record_name(uint32_t type) {
    static const char *const names[] = {"segment header", "TER",         "checkpoint",
                                        "rebase",         "boot record", "gap"};
    return type < sizeof names / sizeof names[0] ? names[type] : "record";
}

static const char *why_signature(hkp_status status) {
    switch (status) {
    case HKP_E_TER_TCK_SIGNATURE:
        return "this checkpoint was not signed by this device, or changed since";
    case HKP_E_TER_TCK_NODE:
        return "this checkpoint is of another device";
    case HKP_E_TER_TCK_TIME:
        return "this checkpoint tells another time than the TER before it";
    case HKP_E_TER_TCK_INTEGRITY:
        return "this checkpoint tells another measurement than the TER before it";
    default:
        return "this is no checkpoint";
    }
}

/* Into the verdict, as snprintf() writes. */
#define SAY(d, ...) ((void)snprintf((d)->reason, sizeof(d)->reason, __VA_ARGS__))

static void say_deleted(struct hkp_ter_verdict *d) {
    unsigned long long count = d->count, from = d->from, to = d->to;
    const char *what = record_name(d->record_type);
    if (d->located && d->record_type == HKP_TER_LOG_GAP)
        SAY(d, "%llu TERs are missing behind a gap that the next checkpoint does not own to", count);
    else if (d->located && count > 0)
        SAY(d, "%llu TERs were deleted before this %s", count, what);
    else if (d->located)
        SAY(d, "records were deleted before this %s", what);
    else if (count > 0)
        SAY(d, "%llu TERs were deleted and the chain made anew: the checkpoint counts %llu", count, to);
    else
        SAY(d, "a %s is missing between %llu and %llu", what, from, to);
}

static void say_changed(struct hkp_ter_verdict *d) {
    const char *what = record_name(d->record_type);
    unsigned long long count = d->count, from = d->from, to = d->to;
    if (d->kind == HKP_TER_VERDICT_EDITED && !d->located)
        SAY(d, "TERs between the checkpoints at %llu and %llu were changed and the chain made anew", from,
            to);
    else if (d->kind == HKP_TER_VERDICT_EDITED)
        SAY(d, "this %s was changed: it no longer fits between its neighbours", what);
    else if (d->kind == HKP_TER_VERDICT_REORDERED)
        SAY(d, "this %s stands in the wrong place", what);
    else if (!d->located)
        SAY(d, "%llu TERs were inserted and the chain made anew: the checkpoint counts %llu", count, to);
    else if (count > 1)
        SAY(d, "%llu records from this %s on were inserted", count, what);
    else
        SAY(d, "this %s was inserted", what);
}

static void say_cut(struct hkp_ter_verdict *d) {
    if (d->status == HKP_E_TER_LOG_ROLLBACK && d->count > 0)
        SAY(d, "the log ends %llu TERs before a checkpoint that somebody holds",
            (unsigned long long)d->count);
    else if (d->status == HKP_E_TER_LOG_ROLLBACK)
        SAY(d, "the log ends before a checkpoint that somebody holds");
    else if (d->status == HKP_E_TER_LOG_ORDER)
        SAY(d, "%llu TERs are missing at the end of the segment before", (unsigned long long)d->count);
    else
        SAY(d, "this segment was cut short, and a newer one exists");
}

static void say_why(struct hkp_ter_verdict *d) {
    switch (d->kind) {
    case HKP_TER_VERDICT_SOUND:
        SAY(d, "sound");
        break;
    case HKP_TER_VERDICT_TORN:
        SAY(d, "sound up to a write that a crash interrupted");
        break;
    case HKP_TER_VERDICT_DAMAGED:
        SAY(d, "the bytes of this %s do not match their checksum: damaged, or changed by hand",
            record_name(d->record_type));
        break;
    case HKP_TER_VERDICT_DELETED:
        say_deleted(d);
        break;
    case HKP_TER_VERDICT_TRUNCATED:
        say_cut(d);
        break;
    case HKP_TER_VERDICT_SIGNATURE:
        SAY(d, "%s", why_signature(d->status));
        break;
    case HKP_TER_VERDICT_FORK:
        SAY(d, "the device signed two histories: this one, and that of a checkpoint that contradicts it");
        break;
    case HKP_TER_VERDICT_FOREIGN:
        SAY(d, "this is no log of this device");
        break;
    default:
        say_changed(d);
        break;
    }
}

void hkp_ter__verdict(struct hkp_ter_verify *v, uint32_t kind, hkp_status status, uint32_t type,
                      const struct hkp_ter__place *at, uint64_t index, uint64_t count) {
    struct hkp_ter_verdict *d = &v->verdict;
    v->phase = 2;
    d->kind = kind;
    d->status = status;
    d->record_type = type;
    d->located = 1;
    d->segment = at->segment;
    d->offset = at->offset;
    d->index = index;
    d->count = count;
    d->end_index = v->cursor.index;
    say_why(d);
}

void hkp_ter__verdict_between(struct hkp_ter_verify *v, uint32_t kind, hkp_status status, uint32_t type,
                              const struct hkp_ter__place *at, uint64_t from, uint64_t to, uint64_t count) {
    struct hkp_ter_verdict *d = &v->verdict;
    hkp_ter__verdict(v, kind, status, type, at, v->cursor.index, count);
    d->located = 0;
    d->from = from > d->first_index ? from : d->first_index;
    d->to = to;
    d->end_index = d->from < d->end_index ? d->from : d->end_index;
    say_why(d);
}

/* ---- The suspect ---- */

static const struct hkp_ter__link *link_at(const struct hkp_ter_verify *v, uint32_t i) {
    return &v->links[(v->n_links - 1 - i) % HKP_TER__LINKS];
}

static uint32_t links(const struct hkp_ter_verify *v) {
    return v->n_links < HKP_TER__LINKS ? v->n_links : HKP_TER__LINKS;
}

/*
 * A TER that follows one of those before the last: either it is a copy of the one that stands there, or all
 * that stands since was put in between. 1 if so.
 */
static int follows_an_earlier(struct hkp_ter_verify *v) {
    const struct hkp_ter__suspect *s = &v->suspect;
    const uint8_t *after = s->before.h;
    for (uint32_t i = 0; i < links(v); i++) {
        const struct hkp_ter__link *link = link_at(v, i);
        if (hkp_ter__follows(link->h, s->body)) {
            if (memcmp(after, s->body + HKP_TER_SIZE, 32) == 0)
                hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, s->status, HKP_TER_LOG_TER, &s->at,
                                 s->before.index, 1);
            else
                hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, s->status, HKP_TER_LOG_TER, &link->at,
                                 link->index, s->before.index - link->index);
            return 1;
        }
        after = link->h;
    }
    return 0;
}

/* A checkpoint of an index that has been: it may have moved, or TERs were put before it. */
static void find_place(struct hkp_ter_verify *v, uint64_t n, const uint8_t h[32]) {
    struct hkp_ter__suspect *s = &v->suspect;
    for (uint32_t i = 0; i < links(v) && !s->belongs_known; i++) {
        const struct hkp_ter__link *link = link_at(v, i);
        if (link->index != n || memcmp(link->h, h, 32) != 0) continue;
        s->belongs = link->at;
        s->belongs_index = n;
        s->belongs_known = 1;
    }
}

void hkp_ter__suspect(struct hkp_ter_verify *v, hkp_status status, uint32_t type, const uint8_t *body,
                      size_t body_len) {
    struct hkp_ter__suspect *s = &v->suspect;
    v->phase = 1;
    s->before = v->cursor;
    s->at = v->at;
    s->prev = v->prev;
    s->prev_index = v->prev_index;
    s->prev_type = v->prev_type;
    s->status = status;
    s->type = type;
    memcpy(s->body, body, body_len);
    if (type == HKP_TER_LOG_TER) {
        s->seen = 1;
        if (follows_an_earlier(v)) return;
    }
    if (type == HKP_TER_LOG_TCK) find_place(v, hkp_le64(body + 24), body + 32);
}

/* ---- A TER ---- */

static void judge(struct hkp_ter_verify *v, uint32_t kind, uint64_t count) {
    const struct hkp_ter__suspect *s = &v->suspect;
    hkp_ter__verdict(v, kind, s->status, s->type, &s->at, s->before.index, count);
}

/*
 * The TERs behind it go on without it: it comes from another place, where it is missed then, or from nowhere.
 * broken: they do not go on to the end.
 */
static void judge_extra(struct hkp_ter_verify *v, int broken) {
    const struct hkp_ter__suspect *s = &v->suspect;
    uint32_t ahead = hkp_ter__ahead(s->before.index, s->body);
    int gap_here = broken && (hkp_ter__follows(s->on.h, s->body) || (ahead > 0 && ahead < BEHIND));
    judge(v, gap_here ? HKP_TER_VERDICT_REORDERED : HKP_TER_VERDICT_INSERTED, gap_here ? 0 : 1);
}

/* The one before the suspect was changed, and its own h with it: this one and the next still agree. */
static void judge_edit(struct hkp_ter_verify *v) {
    const struct hkp_ter__suspect *s = &v->suspect;
    int here = !(s->next && s->next_linked && s->next_crc) || hkp_ter__ahead(s->before.index, s->body) != 0;
    if (here)
        judge(v, HKP_TER_VERDICT_EDITED, 0);
    else
        hkp_ter__verdict(v, HKP_TER_VERDICT_EDITED, s->status, s->prev_type, &s->prev, s->prev_index, 0);
}

/* Nothing behind the suspect follows what stands before it. What a checkpoint counts decides, if there is
 * one. */
static void judge_ter(struct hkp_ter_verify *v) {
    const struct hkp_ter__suspect *s = &v->suspect;
    uint32_t ahead = hkp_ter__ahead(s->before.index, s->body);
    uint64_t counted = s->before.index + s->seen;
    int later = s->before.has_last && hkp_le64(s->body + AT_TIME) > hkp_le64(s->before.last_ter + AT_TIME);
    if (s->has_tck && s->tck_n > counted)
        judge(v, HKP_TER_VERDICT_DELETED, s->tck_n - counted);
    else if (s->has_tck && s->tck_n < counted)
        judge(v, HKP_TER_VERDICT_INSERTED, counted - s->tck_n);
    else if (s->has_tck || ahead == 0)
        judge_edit(v);
    else if (s->next && s->next_ahead == 1)
        judge_edit(v);
    else if (ahead < BEHIND || later)
        judge(v, HKP_TER_VERDICT_DELETED, ahead);
    else
        judge(v, HKP_TER_VERDICT_INSERTED, 1);
}

static void explain_by_ter(struct hkp_ter_verify *v, const uint8_t *body) {
    struct hkp_ter__suspect *s = &v->suspect;
    if (!s->next) {
        s->next = 1;
        s->next_linked = (uint32_t)hkp_ter__follows(s->body + HKP_TER_SIZE, body);
        s->next_crc = hkp_le16(body + AT_CRC) == hkp_ter_crc16(s->body, HKP_TER_SIZE);
        s->next_ahead = hkp_ter__ahead(s->before.index, body);
    }
    if (!s->has_tck) s->seen++;
    if (!s->resumed) {
        s->on = s->before;
        s->resumed = hkp_ter_cursor_accept(&s->on, body, HKP_TER_SIZE, body + HKP_TER_SIZE) == HKP_OK;
    } else if (hkp_ter_cursor_accept(&s->on, body, HKP_TER_SIZE, body + HKP_TER_SIZE) != HKP_OK) {
        judge_extra(v, 1);
    }
}

/* ---- A checkpoint, a mark, a header ---- */

static void judge_tck(struct hkp_ter_verify *v) {
    const struct hkp_ter__suspect *s = &v->suspect;
    uint64_t n = hkp_le64(s->body + 24), index = s->before.index, last = v->tck.n;
    if (n > index && s->next && !s->resumed)
        judge(v, HKP_TER_VERDICT_DELETED, n - index);
    else if (n > index)
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_DELETED, s->status, s->type, &s->at, last, n, n - index);
    else if (s->belongs_known)
        hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, s->status, HKP_TER_LOG_TER, &s->belongs,
                         s->belongs_index, index - n);
    else
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_INSERTED, s->status, s->type, &s->at, last, n, index - n);
}

static void explain_tck_by_ter(struct hkp_ter_verify *v, const uint8_t *body) {
    struct hkp_ter__suspect *s = &v->suspect;
    uint64_t n = hkp_le64(s->body + 24);
    if (!s->next) s->on = s->before;
    int fits = (!s->next || s->resumed) &&
               hkp_ter_cursor_accept(&s->on, body, HKP_TER_SIZE, body + HKP_TER_SIZE) == HKP_OK;
    s->next = 1;
    s->resumed = (uint32_t)fits;
    if (!fits)
        judge_tck(v);
    else if (n > s->before.index && s->on.index == n && memcmp(s->on.h, s->body + 32, 32) == 0)
        judge(v, HKP_TER_VERDICT_REORDERED, 0);
}

/* TERs were put before a mark, which says where it stood. */
static void judge_before_mark(struct hkp_ter_verify *v, uint64_t says) {
    const struct hkp_ter__suspect *s = &v->suspect;
    for (uint32_t i = 0; i < links(v); i++) {
        const struct hkp_ter__link *link = link_at(v, i);
        if (link->index != says) continue;
        hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, s->status, HKP_TER_LOG_TER, &link->at, says,
                         s->before.index - says);
        return;
    }
    judge(v, HKP_TER_VERDICT_INSERTED, s->before.index - says);
}

static void judge_mark(struct hkp_ter_verify *v) {
    const struct hkp_ter__suspect *s = &v->suspect;
    uint64_t says = s->type == HKP_TER_LOG_BOOT ? hkp_le64(s->body + 16) : hkp_le64(s->body);
    uint64_t index = s->before.index;
    if (says == index || (s->type == HKP_TER_LOG_GAP && hkp_le64(s->body + 8) <= says))
        judge(v, HKP_TER_VERDICT_EDITED, 0);
    else if (s->next && !s->resumed && says > index)
        judge(v, HKP_TER_VERDICT_DELETED, says - index);
    else if (s->next && !s->resumed)
        judge_before_mark(v, says);
    else
        judge(v, HKP_TER_VERDICT_REORDERED, 0);
}

static void explain_mark_by_ter(struct hkp_ter_verify *v, const uint8_t *body) {
    struct hkp_ter__suspect *s = &v->suspect;
    s->on = s->before;
    s->next = 1;
    s->resumed = hkp_ter_cursor_accept(&s->on, body, HKP_TER_SIZE, body + HKP_TER_SIZE) == HKP_OK;
    judge_mark(v);
}

/* A header whose h is not that of the segment before: what follows in the segment tells which one was
 * changed. */
static void judge_head(struct hkp_ter_verify *v, int header_goes_on) {
    const struct hkp_ter__suspect *s = &v->suspect;
    if (header_goes_on)
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_EDITED, s->status, s->type, &s->at, v->tck.n,
                                 s->before.index, 0);
    else
        judge(v, HKP_TER_VERDICT_EDITED, 0);
}

/* ---- All of them ---- */

static void explain_by_tck(struct hkp_ter_verify *v, const uint8_t *bytes) {
    struct hkp_ter__suspect *s = &v->suspect;
    struct hkp_ter_tck t;
    if (hkp_ter_tck_decode(&t, bytes, HKP_TER_TCK_SIZE) != HKP_OK ||
        !hkp_ter__tck_signed(bytes, v->device_public))
        return;
    if (s->type == HKP_TER_LOG_TCK && s->belongs_known && s->resumed && t.n == s->on.index &&
        memcmp(t.h, s->on.h, 32) == 0) {
        judge(v, HKP_TER_VERDICT_REORDERED, 0); /* all goes on without it, so only it was moved */
        return;
    }
    if (s->type == 0) {
        judge_head(v, memcmp(t.h, s->head.h, 32) == 0);
        return;
    }
    if (s->has_tck) return;
    s->has_tck = 1;
    s->tck_n = t.n;
}

void hkp_ter__explain(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    if (record->type == HKP_TER_LOG_TCK) explain_by_tck(v, record->body);
    if (record->type != HKP_TER_LOG_TER) return;
    switch (v->suspect.type) {
    case HKP_TER_LOG_TER:
        explain_by_ter(v, record->body);
        break;
    case HKP_TER_LOG_TCK:
        explain_tck_by_ter(v, record->body);
        break;
    case 0:
        judge_head(v, hkp_ter__follows(v->suspect.head.h, record->body));
        break;
    default:
        explain_mark_by_ter(v, record->body);
        break;
    }
}

void hkp_ter__explain_end(struct hkp_ter_verify *v) {
    switch (v->suspect.type) {
    case HKP_TER_LOG_TER:
        if (v->suspect.resumed)
            judge_extra(v, 0);
        else
            judge_ter(v);
        break;
    case HKP_TER_LOG_TCK:
        judge_tck(v);
        break;
    case 0:
        judge_head(v, 0);
        break;
    default:
        judge_mark(v);
        break;
    }
}
