/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Transfers of files (HTP-13). Each is a record that goes through these states; in the names, "ours" are
 * those that hkp_htp_files_start() made, "served" those of a peer.
 *
 *   ours, put     QUEUED -> OPENING [-> HASHING] -> ASKING -> EXPECTING [-> PREFIX] -> GIVING -> COMPLETING
 *                 -> AWAITING -> OVER
 *   ours, READ    QUEUED -> ASKING -> EXPECTING -> OPENING -> TAKING -> COMMITTING -> OVER
 *                 with a part to go on with: ASKING (STAT) -> EXPECTING -> OPENING -> PREFIX -> ASKING ...
 *   ours, others  QUEUED -> ASKING -> EXPECTING -> OVER
 *   served, put   OPENING [-> PREFIX] -> ANSWERING -> TAKING [-> VERIFYING] -> COMMITTING -> COMPLETING ->
 * OVER served, READ  OPENING [-> HASHING or PREFIX] -> ANSWERING -> GIVING -> COMPLETING -> OVER served, STAT
 * OPENING [-> HASHING] -> ANSWERING -> OVER;  LIST: ANSWERING -> OVER served, DELETE  OPENING -> REMOVING ->
 * ANSWERING -> OVER
 *
 *   a fault       served: FAILING (ERROR is owed), then OVER; ours: ERROR or STOP at once, then OVER
 *   STOP comes    ours: REFUSED, until the ERROR that follows
 *   session lost  ours: WAITING, and QUEUED again with another session; served: OVER, its part is kept
 *
 * take() reads messages and writes chunks to the store; all else is work()'s: one step after another, by
 * turns, within a budget of bytes. A message that finds no room blocks its transfer until WRITABLE. A client
 * ends its direction with the last that it says (READ, STAT, LIST, DELETE; COMPLETE of a put), a server with
 * its last answer, so that a stream ends with its transfer (decision 0413).
 */
#include "libhtp/files/files.h"

#include <assert.h>

#include "libhtp/endpoint.h"
#include "libter/options.h"

typedef hkp_htp__transfer transfer;

enum { SETTLE = 1000000000 };
_Static_assert(sizeof(transfer) <= HKP_HTP_FILE_TRANSFER_BYTES, "the figure that is told");

/* ---- Lists and records. */

void hkp_htp__files_list_add(struct hkp_htp__files_list *list, transfer *t) {
    t->list = list;
    t->next = NULL;
    t->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = t;
    list->last = t;
    list->count++;
}

static void list_remove(transfer *t) {
    struct hkp_htp__files_list *list = t->list;
    if (list == NULL) return;
    *(t->prev != NULL ? &t->prev->next : &list->first) = t->next;
    *(t->next != NULL ? &t->next->prev : &list->last) = t->prev;
    list->count--;
    t->list = NULL;
}

void hkp_htp__files_list_move(struct hkp_htp__files_list *to, transfer *t) {
    list_remove(t);
    hkp_htp__files_list_add(to, t);
}

transfer *hkp_htp__files_make(hkp_htp__files *f, size_t path, size_t store, size_t after) {
    const size_t bytes = sizeof(transfer) + path + 1 + store + 1 + after + 1;
    transfer *t = hkp_mem_alloc(&f->mem, bytes);
    if (t == NULL) return NULL;
    t->bytes = bytes;
    t->path = (char *)(t + 1);
    t->store_path = t->path + path + 1;
    t->after = t->store_path + store + 1;
    t->path_len = (uint32_t)path;
    t->store_len = (uint32_t)store;
    t->after_len = (uint32_t)after;
    t->number = ++f->last_number;
    t->deadline = HKP_TIME_NEVER;
    t->heard = t->step = f->now;
    return t;
}

void hkp_htp__files_drop(hkp_htp__files *f, transfer *t) {
    list_remove(t);
    if (!t->served) f->own--;
    hkp_mem_free(&f->mem, t->body, t->body_len);
    hkp_mem_free(&f->mem, t, t->bytes);
}

static transfer **bucket(hkp_htp__files *f, uint64_t session, uint32_t stream) {
    return &f->buckets[(session * 31 + stream / 4) % HKP_HTP__FILES_BUCKETS];
}

transfer *hkp_htp__files_find(hkp_htp__files *f, uint64_t session, uint32_t stream) {
    transfer *t = *bucket(f, session, stream);
    while (t != NULL && (t->session != session || t->stream != stream)) t = t->bucket_next;
    return t;
}

void hkp_htp__files_bind(hkp_htp__files *f, transfer *t, uint32_t stream) {
    transfer **b = bucket(f, t->session, stream);
    t->stream = stream;
    t->bucket_next = *b;
    *b = t;
    t->streamed = 1;
    t->blocked = t->fin_in = t->fin_out = 0;
    t->acked = t->arrived = 0;
}

void hkp_htp__files_unbind(hkp_htp__files *f, transfer *t) {
    if (!t->streamed) return;
    transfer **at = bucket(f, t->session, t->stream);
    while (*at != t) at = &(*at)->bucket_next;
    *at = t->bucket_next;
    t->streamed = 0;
}

/* ---- What happens to any transfer. */

void hkp_htp__files_enter(hkp_htp__files *f, transfer *t, uint8_t state) {
    t->state = state;
    t->again = 0;
    t->heard = t->step = f->now;
    t->look_at = f->now + SETTLE;
}

void hkp_htp__files_tell(hkp_htp__files *f, transfer *t, uint8_t bit) {
    if (t->served && f->quiet) return;
    t->news |= bit;
    f->news = 1;
}

void hkp_htp__files_progress(hkp_htp__files *f, transfer *t) {
    if (f->now < t->tell_at) return;
    t->tell_at = f->now + f->progress_every;
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_PROGRESS);
}

void hkp_htp__files_close(transfer *t, int keep) {
    if (t->open) t->store.close(t->store.user, t->handle, t->writing && keep ? 1 : 0);
    t->open = t->writing = 0;
}

int hkp_htp__files_keeps(const hkp_htp__files *f, const transfer *t) {
    if (!t->writing || t->done == 0) return 0;
    return t->served ? t->declared : t->size >= f->resume_from && !t->fresh;
}

/* Ended ones of peers wait to be told, but not without limit. */
static void bound_over(hkp_htp__files *f) {
    uint32_t served = 0;
    for (const transfer *t = f->over.first; t != NULL; t = t->next) served += t->served;
    for (transfer *t = f->over.first; t != NULL && served > f->transfers_max; t = t->next) {
        if (!t->served || t == f->told) continue;
        hkp_htp__files_drop(f, t);
        return;
    }
}

void hkp_htp__files_refused(hkp_htp__files *f, transfer *t, uint32_t code) {
    t->state = HKP_HTP__FILES_OVER;
    t->code = (uint8_t)code;
    hkp_htp__files_list_add(&f->over, t);
    bound_over(f);
}

void hkp_htp__files_end(hkp_htp__files *f, transfer *t, uint32_t code, int remote, int keep) {
    hkp_htp__files_close(t, keep);
    if (t->streamed && !t->fin_in)
        hkp_htp__files_ignore(hkp_htp_stream_stop(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
    hkp_htp__files_unbind(f, t);
    t->state = HKP_HTP__FILES_OVER;
    t->code = (uint8_t)code;
    t->remote = (uint8_t)remote;
    t->again = t->blocked = 0;
    if (!t->served) f->look = 1;
    if (t->served) f->served--;
    if (t->served && f->quiet) {
        hkp_htp__files_drop(f, t);
        return;
    }
    hkp_htp__files_list_move(&f->over, t);
    if (t->served) bound_over(f);
}

int hkp_htp__files_send(hkp_htp__files *f, transfer *t, size_t len, int fin) {
    const hkp_status st = hkp_htp_stream_send(f->ep, t->session, t->stream, f->out, len, (uint32_t)fin);
    if (st == HKP_OK) {
        t->fin_out |= (uint8_t)fin;
        return 1;
    }
    /* No room: WRITABLE follows. Anything else: the event that says why does. */
    t->blocked = 1;
    if (st == HKP_E_LIMIT) f->full = t->session;
    return 0;
}

int hkp_htp__files_say(hkp_htp__files *f, transfer *t, struct hkp_htp__file_msg *m, int fin) {
    m->id = t->file_id;
    f->kept_number = 0;
    return hkp_htp__files_send(f, t, hkp_htp__file_write(f->out, m, t->served), fin);
}

void hkp_htp__files_fail(hkp_htp__files *f, transfer *t, uint32_t code) {
    if (t->state >= HKP_HTP__FILES_OVER || (t->served && t->state == HKP_HTP__FILES_FAILING)) return;
    if (!t->served) {
        hkp_htp__files_leave(f, t, code);
        hkp_htp__files_end(f, t, code, 0, 0);
        return;
    }
    hkp_htp__files_close(t, code == HKP_HTP_FILE_TIMEOUT && hkp_htp__files_keeps(f, t));
    /* What still comes is dropped, so that a flood ends here. */
    if (t->streamed && !t->fin_in)
        hkp_htp__files_ignore(hkp_htp_stream_stop(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
    t->fin_in = 1;
    t->code = (uint8_t)code;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_FAILING);
}

int hkp_htp__files_settled(hkp_htp__files *f, transfer *t, uint32_t code) {
    t->again = code == HKP_HTP_FILE_AGAIN;
    if (code != HKP_HTP_FILE_OK && !t->again) hkp_htp__files_fail(f, t, code);
    return code == HKP_HTP_FILE_OK;
}

int hkp_htp__files_commit(hkp_htp__files *f, transfer *t) {
    const uint32_t code = t->store.commit(t->store.user, t->handle, t->size);
    if (code != HKP_HTP_FILE_AGAIN) t->open = t->writing = 0;
    return hkp_htp__files_settled(f, t, code);
}

/* ---- Time (HTP-13.5). */

/* Where the peer has longer to do: it hashes, verifies, makes durable. */
static int peer_works(const transfer *t) {
    switch (t->state) {
    case HKP_HTP__FILES_EXPECTING:
        return t->probing || t->declared || (t->flags & HKP_HTP_FILE_VERIFY_HASH) != 0;
    case HKP_HTP__FILES_TAKING:
        return t->served && t->declared && t->done == (uint64_t)t->first * t->chunk_size;
    default:
        return t->state == HKP_HTP__FILES_AWAITING;
    }
}

static int works(const transfer *t) {
    return t->state >= HKP_HTP__FILES_OPENING && t->state <= HKP_HTP__FILES_REMOVING;
}

static hkp_time due(const hkp_htp__files *f, const transfer *t) {
    const hkp_time whole = t->step + f->whole;
    hkp_time at = t->deadline < whole ? t->deadline : whole;
    if (works(t)) return at;
    if (!peer_works(t) && t->heard + f->stall < at) at = t->heard + f->stall;
    return t->look_at < at ? t->look_at : at;
}

/*
 * Whether bytes of the stream moved since it was asked last: acknowledged ones of ours, ones that came. If
 * they did, it is asked again a second later, so that what was on its way then does not count as a sign later
 * on. Where the whole session hears nothing it is the session that is in trouble, and ends by its own limits.
 */
static void look_closer(hkp_htp__files *f, transfer *t) {
    uint64_t acked = t->acked, arrived = t->arrived;
    hkp_time heard;
    t->look_at = HKP_TIME_NEVER;
    if (!t->streamed || !hkp_htp__session_moved(f->ep, t->session, t->stream, &acked, &arrived, &heard))
        return;
    if (acked != t->acked || arrived != t->arrived) {
        t->heard = f->now;
        t->look_at = f->now + SETTLE;
    } else if (heard < t->heard) {
        t->heard = f->now;
    }
    /* A peer that takes what we gave is at work on it. */
    if (acked != t->acked) t->step = f->now;
    t->acked = acked;
    t->arrived = arrived;
}

/* 1: the transfer has ended, or says so. */
static int time_out(hkp_htp__files *f, transfer *t) {
    if (f->now < due(f, t)) return 0;
    look_closer(f, t);
    if (f->now < due(f, t)) return 0;
    if (t->state != HKP_HTP__FILES_FAILING) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_TIMEOUT);
        return t->state != HKP_HTP__FILES_FAILING;
    }
    hkp_htp__files_ignore(hkp_htp_stream_reset(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
    hkp_htp__files_end(f, t, t->code, 0, 0);
    return 1;
}

static int runnable(const transfer *t) {
    return t->state < HKP_HTP__FILES_EXPECTING && !t->blocked && !t->again;
}

hkp_time hkp_htp_files_wake(const hkp_htp_files *f) {
    if (f == NULL) return HKP_TIME_NEVER;
    if (f->look) return f->now;
    hkp_time at = f->queue_wake;
    for (const transfer *t = f->busy.first; t != NULL; t = t->next) {
        if (t->again || runnable(t)) return f->now;
        const hkp_time d = due(f, t);
        if (d < at) at = d;
    }
    return at;
}

/* ---- Work. */

static int advance(hkp_htp__files *f, transfer *t, int64_t *budget) {
    return t->served ? hkp_htp__files_serve(f, t, budget) : hkp_htp__files_ask(f, t, budget);
}

/*
 * Each in turn; 1: one of them may go on at once. Who moved bytes goes behind the others: when there is room
 * for some only, it is the next ones' turn.
 */
static int one_round(hkp_htp__files *f, int64_t *budget) {
    int more = 0;
    uint32_t n = f->busy.count;
    for (transfer *t = f->busy.first, *next; t != NULL && n > 0 && *budget > 0; t = next, n--) {
        next = t->next;
        if (time_out(f, t) || !runnable(t)) continue;
        const int64_t before = *budget;
        more |= advance(f, t, budget);
        /* No step that moves bytes drops its record. */
        if (*budget < before && t->list == &f->busy) hkp_htp__files_list_move(&f->busy, t);
    }
    return more;
}

/* Commits and the like that a store put off, after everything else was asked of it. */
static void flush(hkp_htp__files *f, int64_t *budget) {
    const void *flushed = NULL;
    transfer *last = f->busy.last;
    for (const transfer *t = f->busy.first; t != NULL; t = t->next) {
        if (!t->again || t->store.flush == NULL || t->store.user == flushed) continue;
        t->store.flush(t->store.user);
        flushed = t->store.user;
    }
    for (transfer *t = f->busy.first, *next; t != NULL; t = next) {
        next = t == last ? NULL : t->next;
        if (!t->again) continue;
        t->again = 0;
        (void)advance(f, t, budget);
    }
}

void hkp_htp_files_work(hkp_htp_files *f, hkp_time now) {
    if (f == NULL) return;
    if (now > f->now) f->now = now;
    int64_t budget = f->work_bytes;
    f->full = 0;
    hkp_htp__files_begin(f);
    while (budget > 0 && one_round(f, &budget)) {
    }
    budget = budget > 0 ? budget : 1;
    flush(f, &budget);
    hkp_htp__files_begin(f);
}
