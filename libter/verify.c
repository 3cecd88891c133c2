/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Verification of a log as a stream (NZ1 5.5): records in, up to the first that does not fit. */
#include "libter/verify.h"
#include "libter/bytes.h"
#include "libter/options.h"
#include "libter/segment.h"

enum { RECORD_HEAD = 8 };
/* What the next bytes are. */
enum { STAGE_NONE, STAGE_HEAD, STAGE_RECORDS, STAGE_TAIL };

void hkp_ter_verify_options_init(struct hkp_ter_verify_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static hkp_status import_held(struct hkp_ter_verify *v, const uint8_t *held) {
    hkp_status st = hkp_ter_tck_decode(&v->held_tck, held, HKP_TER_TCK_SIZE);
    if (st != HKP_OK) return st;
    if (memcmp(v->held_tck.node_id, v->node_id, 16) != 0) return HKP_E_TER_TCK_NODE;
    if (!hkp_ter__tck_signed(held, v->device_public)) return HKP_E_TER_TCK_SIGNATURE;
    memcpy(v->held, held, HKP_TER_TCK_SIZE);
    v->held_state = HKP_TER__HELD_AHEAD;
    return HKP_OK;
}

hkp_status hkp_ter_verify_new(hkp_ter_verify **out, const struct hkp_ter_verify_options *opt) {
    struct hkp_ter_verify_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, HKP_TER__VERIFY_OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if ((o.flags & ~(uint32_t)HKP_TER_VERIFY_PART) != 0) return HKP_E_INVAL;
    struct hkp_ter_verify *v = hkp_mem_alloc(&o.mem, sizeof *v);
    if (v == NULL) return HKP_E_NOMEM;
    v->mem = o.mem;
    v->flags = o.flags;
    memcpy(v->node_id, o.node_id, 16);
    memcpy(v->device_public, o.device_public, 32);
    v->verdict.segment = UINT64_MAX;
    if (o.held != NULL) st = import_held(v, o.held);
    if (st == HKP_OK)
        *out = v;
    else
        hkp_ter_verify_free(v);
    return st;
}

void hkp_ter_verify_free(hkp_ter_verify *verify) {
    if (verify == NULL) return;
    struct hkp_mem mem = verify->mem;
    hkp_mem_free(&mem, verify, sizeof *verify);
}

/* ---- What is sound ---- */

/* The chain has reached an index: is it the one that somebody holds? */
static void reach(struct hkp_ter_verify *v, uint64_t before) {
    if (v->held_state != HKP_TER__HELD_AHEAD) return;
    if (before < v->held_tck.n && v->cursor.index > v->held_tck.n)
        v->held_state = HKP_TER__HELD_RIGHT; /* in a gap: nothing can be said */
    if (v->cursor.index != v->held_tck.n) return;
    v->held_state = memcmp(v->cursor.h, v->held_tck.h, 32) == 0 ? HKP_TER__HELD_RIGHT : HKP_TER__HELD_WRONG;
}

void hkp_ter__accepted(struct hkp_ter_verify *v, uint32_t type) {
    if (type != 0) v->verdict.records++;
    if (type != 0 && type != HKP_TER_LOG_TER) return;
    v->prev = v->at;
    v->prev_index = v->cursor.index;
    v->prev_type = type;
}

static void remember_link(struct hkp_ter_verify *v) {
    struct hkp_ter__link *link = &v->links[v->n_links++ % HKP_TER__LINKS];
    link->at = v->at;
    link->index = v->cursor.index;
    memcpy(link->h, v->cursor.h, 32);
}

/* ---- Records ---- */

static void check_ter(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    struct hkp_ter_cursor next = v->cursor;
    hkp_status st = hkp_ter_cursor_accept(&next, record->body, HKP_TER_SIZE, record->body + HKP_TER_SIZE);
    if (st != HKP_OK) {
        hkp_ter__suspect(v, st, HKP_TER_LOG_TER, record->body, record->body_len);
        return;
    }
    remember_link(v);
    hkp_ter__accepted(v, HKP_TER_LOG_TER);
    v->cursor = next;
    reach(v, next.index - 1);
}

static void check_gap(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    uint64_t from = v->cursor.index;
    if (hkp_ter_log_record_apply(&v->cursor, v->node_id, record) != HKP_OK) {
        hkp_ter__suspect(v, HKP_E_TER_LOG_CORRUPT, HKP_TER_LOG_GAP, record->body, record->body_len);
        return;
    }
    if (v->holes++ == 0) {
        v->hole_at = v->at;
        v->hole_from = from;
        v->hole_to = v->cursor.index;
    }
    v->n_links = 0;
    hkp_ter__accepted(v, HKP_TER_LOG_GAP);
    v->verdict.gaps++;
    reach(v, from);
}

static void check_mark(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    if (hkp_ter_log_record_apply(&v->cursor, v->node_id, record) != HKP_OK) {
        hkp_ter__suspect(v, HKP_E_TER_LOG_CORRUPT, record->type, record->body, record->body_len);
        return;
    }
    if (record->type == HKP_TER_LOG_BOOT) v->boots++;
    if (record->type == HKP_TER_LOG_REBASE) {
        uint8_t h_ref[20];
        hkp_ter_ripemd160(record->body + 8 + 64, 32, h_ref);
        if (memcmp(h_ref, record->body + 8 + 40, 20) != 0) {
            hkp_ter__verdict(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_LOG_CORRUPT, HKP_TER_LOG_REBASE, &v->at,
                             v->cursor.index, 0);
            return;
        }
        v->rebases++;
        v->rebase_at = v->at;
        v->rebase_index = v->cursor.index;
        v->policy_ver = hkp_le32(record->body + 8 + 24);
        memcpy(v->h_ref, record->body + 8 + 40, 20);
        v->rules_known = 1;
    }
    hkp_ter__accepted(v, record->type);
}

static void take_record(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record) {
    if (v->phase == 1) {
        hkp_ter__explain(v, record);
        return;
    }
    switch (record->type) {
    case HKP_TER_LOG_TER:
        check_ter(v, record);
        break;
    case HKP_TER_LOG_TCK:
        hkp_ter__check_tck(v, record);
        break;
    case HKP_TER_LOG_GAP:
        check_gap(v, record);
        break;
    default:
        check_mark(v, record);
        break;
    }
}

/* ---- Segment headers ---- */

/* The first segment of all: what stands in it is the beginning, if it can be. */
static void begin_at(struct hkp_ter_verify *v, const struct hkp_ter_cursor *cursor) {
    struct hkp_ter_cursor zero;
    hkp_ter_cursor_init(&zero, v->node_id, v->device_public);
    v->begun = 1;
    v->verdict.first_index = cursor->index;
    v->cursor = *cursor;
    if (cursor->index == 0 && memcmp(cursor->h, zero.h, 32) != 0) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_LOG_ORDER, 0, &v->at, 0, 0);
        return;
    }
    hkp_ter__accepted(v, 0);
    reach(v, cursor->index);
}

/* A later one: it begins where the one before ended. */
static void go_on_at(struct hkp_ter_verify *v, const struct hkp_ter_cursor *head) {
    const uint64_t index = v->cursor.index;
    if (head->index > index) {
        uint32_t kind = index % HKP_TER_SEG_TERS == 0 ? HKP_TER_VERDICT_DELETED : HKP_TER_VERDICT_TRUNCATED;
        hkp_ter__verdict(v, kind, HKP_E_TER_LOG_ORDER, 0, &v->at, index, head->index - index);
    } else if (head->index < index) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_INSERTED, HKP_E_TER_LOG_ORDER, 0, &v->at, head->index,
                         index - head->index);
    } else if (memcmp(head->h, v->cursor.h, 32) != 0) {
        v->suspect.head = *head;
        hkp_ter__suspect(v, HKP_E_TER_LOG_ORDER, 0, head->h, 32);
    } else if (memcmp(head->last_ter, v->cursor.last_ter, HKP_TER_SIZE) != 0) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_LOG_ORDER, 0, &v->at, index, 0);
    } else {
        hkp_ter__accepted(v, 0);
    }
}

static void take_head(struct hkp_ter_verify *v) {
    struct hkp_ter_log_head head;
    struct hkp_ter_cursor cursor;
    v->stage = STAGE_RECORDS;
    hkp_status st = hkp_ter_log_head_decode(&head, v->buf, v->have);
    v->at.offset = 0;
    if (v->phase == 1) {
        if (st != HKP_OK) hkp_ter__explain_end(v);
        return;
    }
    if (st == HKP_OK && memcmp(head.node_id, v->node_id, 16) != 0) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_FOREIGN, HKP_E_TER_LOG_NODE, 0, &v->at, v->cursor.index, 0);
    } else if (st != HKP_OK) {
        int foreign = !v->begun && (v->have < 8 || memcmp(v->buf, "TERLOG1", 8) != 0);
        uint32_t kind = foreign ? HKP_TER_VERDICT_FOREIGN : HKP_TER_VERDICT_DAMAGED;
        hkp_ter__verdict(v, kind, st, 0, &v->at, v->cursor.index, 0);
    } else if (v->at.segment != UINT64_MAX && v->at.segment != head.first_index) {
        hkp_ter__verdict(v, HKP_TER_VERDICT_REORDERED, HKP_E_TER_LOG_ORDER, 0, &v->at, head.first_index, 0);
    } else {
        hkp_ter__head_cursor(&head, &cursor);
        if (v->begun)
            go_on_at(v, &cursor);
        else
            begin_at(v, &cursor);
    }
}

/* ---- Bytes ---- */

/* Bytes wanted in the buffer before anything can be said; 0: what is there is no record. */
static size_t wanted(const struct hkp_ter_verify *v) {
    if (v->stage == STAGE_HEAD) return HKP_TER_LOG_HEAD_SIZE;
    if (v->stage == STAGE_TAIL) return HKP_TER_LOG_RECORD_MAX;
    if (v->have < RECORD_HEAD) return RECORD_HEAD;
    size_t body = hkp_ter_log_body_size(hkp_le16(v->buf));
    return body != 0 && body == hkp_le16(v->buf + 2) ? RECORD_HEAD + body : 0;
}

static int is_own_tck(const struct hkp_ter_verify *v) {
    struct hkp_ter_log_record record;
    return hkp_le16(v->buf) == HKP_TER_LOG_TCK &&
           hkp_ter_log_record_decode(&record, v->buf, v->have) == HKP_OK &&
           memcmp(record.body, "TCK1", 4) == 0 && memcmp(record.body + 8, v->node_id, 16) == 0;
}

static void damaged(struct hkp_ter_verify *v) {
    if (v->phase == 1)
        hkp_ter__explain_end(v);
    else
        hkp_ter__verdict(v, v->cut ? HKP_TER_VERDICT_TRUNCATED : HKP_TER_VERDICT_DAMAGED,
                         HKP_E_TER_LOG_CORRUPT, v->tail_type, &v->at, v->cursor.index, 0);
}

/* As judge_tail() of segment.c, in a stream: the buffer moves over the tail in steps of 8 bytes. */
static void take_tail(struct hkp_ter_verify *v) {
    if (v->tail_used > HKP_TER_TORN_MAX || is_own_tck(v)) {
        damaged(v);
        return;
    }
    memmove(v->buf, v->buf + 8, v->have - 8);
    v->have -= 8;
}

static void note_tail(struct hkp_ter_verify *v, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0) v->tail_used = v->tail_len + i + 1;
    v->tail_len += len;
}

static void begin_tail(struct hkp_ter_verify *v) {
    if (v->phase == 1) {
        hkp_ter__explain_end(v);
        return;
    }
    v->stage = STAGE_TAIL;
    v->tail_type = v->have >= 2 && hkp_ter_log_body_size(hkp_le16(v->buf)) > 0 ? hkp_le16(v->buf) : 0;
    v->tail_len = v->tail_used = 0;
    note_tail(v, v->buf, v->have);
}

/* The buffer holds what was wanted. */
static void take(struct hkp_ter_verify *v, size_t want) {
    struct hkp_ter_log_record record;
    if (v->stage == STAGE_HEAD) {
        take_head(v);
        v->at.offset = HKP_TER_LOG_HEAD_SIZE;
        v->have = 0;
    } else if (v->stage == STAGE_TAIL) {
        take_tail(v);
    } else if (want == 0 || hkp_ter_log_record_decode(&record, v->buf, v->have) != HKP_OK) {
        begin_tail(v);
    } else {
        take_record(v, &record);
        v->at.offset += record.size;
        v->have = 0;
    }
}

void hkp_ter_verify_feed(hkp_ter_verify *verify, const uint8_t *bytes, size_t len) {
    while (verify->phase != 2 && verify->stage != STAGE_NONE) {
        size_t want = wanted(verify);
        if (want <= verify->have) {
            take(verify, want);
            continue;
        }
        if (len == 0) return;
        size_t n = want - verify->have < len ? want - verify->have : len;
        memcpy(verify->buf + verify->have, bytes, n);
        if (verify->stage == STAGE_TAIL) note_tail(verify, bytes, n);
        verify->have += n;
        bytes += n;
        len -= n;
    }
}

/* The segment is complete: what is left over is no whole record. Sets torn if a crash explains it. */
static void end_segment(struct hkp_ter_verify *v, int newest) {
    if (v->phase == 2 || v->stage == STAGE_NONE) return;
    if (v->stage == STAGE_HEAD) take_head(v);
    if (v->phase != 2 && v->stage == STAGE_RECORDS && v->have > 0) {
        begin_tail(v);
        v->cut = !newest;
    }
    if (v->phase == 2 || v->stage != STAGE_TAIL) return;
    if (!newest || v->tail_used > HKP_TER_TORN_MAX)
        damaged(v);
    else
        v->verdict.torn_bytes = v->tail_len;
}

void hkp_ter_verify_segment(hkp_ter_verify *verify, uint64_t name) {
    end_segment(verify, 0);
    if (verify->phase == 2) return;
    verify->stage = STAGE_HEAD;
    verify->have = 0;
    verify->segments++;
    verify->at = (struct hkp_ter__place){.segment = name};
}

/* What somebody else holds, against a log that is sound in itself. */
static void judge_held(struct hkp_ter_verify *v) {
    const struct hkp_ter_tck *held = &v->held_tck;
    const uint64_t end = v->cursor.index;
    int part = (v->flags & HKP_TER_VERIFY_PART) != 0;
    if (v->held_state == HKP_TER__HELD_NONE || v->held_state == HKP_TER__HELD_FOUND) return;
    if (v->has_tck && v->tck.log_gen > held->log_gen) return; /* of a log before this one */
    if (held->n > end || (v->has_tck && v->tck.log_gen < held->log_gen)) {
        if (part) return;
        hkp_ter__verdict(v, HKP_TER_VERDICT_TRUNCATED, HKP_E_TER_LOG_ROLLBACK, 0, &v->at, end,
                         held->n > end ? held->n - end : 0);
    } else if (v->held_state == HKP_TER__HELD_WRONG && v->has_tck && v->tck.n >= held->n) {
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_FORK, HKP_E_TER_TCK_HCHAIN, 0, &v->at,
                                 v->verdict.first_index, held->n, 0);
    } else if (v->held_state == HKP_TER__HELD_WRONG) {
        hkp_ter__verdict_between(v, HKP_TER_VERDICT_EDITED, HKP_E_TER_TCK_HCHAIN, 0, &v->at, v->tck.n,
                                 held->n, 0);
    } else if (v->held_state == HKP_TER__HELD_RIGHT && (!v->has_tck || v->tck.n < held->n) && !part) {
        uint32_t kind = held->n == end ? HKP_TER_VERDICT_TRUNCATED : HKP_TER_VERDICT_DELETED;
        hkp_ter__verdict_between(v, kind, HKP_E_TER_LOG_ROLLBACK, HKP_TER_LOG_TCK, &v->at, held->n, end, 0);
    }
}

hkp_status hkp_ter_verify_end(hkp_ter_verify *verify, struct hkp_ter_verdict *verdict) {
    struct hkp_ter_verify *v = verify;
    if (verdict->struct_size < sizeof *verdict) return HKP_E_INVAL;
    end_segment(v, 1);
    if (v->phase == 1) hkp_ter__explain_end(v);
    if (v->phase != 2 && !v->begun)
        hkp_ter__verdict(v, HKP_TER_VERDICT_FOREIGN, HKP_E_TER_LOG_NODE, 0, &v->at, 0, 0);
    if (v->phase != 2) judge_held(v);
    if (v->phase != 2)
        hkp_ter__verdict(v, v->verdict.torn_bytes > 0 ? HKP_TER_VERDICT_TORN : HKP_TER_VERDICT_SOUND,
                         v->verdict.torn_bytes > 0 ? HKP_E_TER_LOG_TORN : HKP_OK, 0, &v->at, v->cursor.index,
                         0);
    uint32_t size = verdict->struct_size;
    *verdict = v->verdict;
    verdict->struct_size = size;
    if (verdict->kind <= HKP_TER_VERDICT_TORN) return HKP_OK;
    return verdict->kind == HKP_TER_VERDICT_FOREIGN ? HKP_E_TER_LOG_NODE : HKP_E_TER_LOG_CORRUPT;
}
