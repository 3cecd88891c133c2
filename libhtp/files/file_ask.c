/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The client of HTP-13: what we asked for waits for its turn, is asked, and goes on after a lost session
 * (states: files.c). What is sent or fetched lies in a store of ours.
 */
#include "libhtp/files/files.h"
#include "libter/bytes.h"
#include "libter/options.h"

typedef hkp_htp__transfer transfer;
typedef struct hkp_htp__file_msg file_msg;

static int is_put(const transfer *t) { return t->op == HKP_HTP_FILE_CREATE || t->op == HKP_HTP_FILE_UPDATE; }

/* ---- The queue. */

static uint32_t busy_of(const hkp_htp__files *f, uint64_t session) {
    uint32_t n = 0;
    for (const transfer *t = f->busy.first; t != NULL; t = t->next) n += !t->served && t->session == session;
    return n;
}

void hkp_htp__files_begin(hkp_htp__files *f) {
    uint64_t full = 0;
    if (!f->look && f->now < f->queue_wake) return;
    f->look = 0;
    f->queue_wake = HKP_TIME_NEVER;
    for (transfer *t = f->queue.first, *next; t != NULL; t = next) {
        next = t->next;
        if (f->now >= t->deadline) {
            hkp_htp__files_end(f, t, HKP_HTP_FILE_TIMEOUT, 0, 0);
            continue;
        }
        if (t->deadline < f->queue_wake) f->queue_wake = t->deadline;
        if (t->state == HKP_HTP__FILES_WAITING) continue;
        if (t->retry_at > f->now) {
            if (t->retry_at < f->queue_wake) f->queue_wake = t->retry_at;
            continue;
        }
        if (t->session == full) continue;
        if (busy_of(f, t->session) >= HKP_HTP_FILE_SESSION_MAX) {
            full = t->session;
            continue;
        }
        hkp_htp__files_list_move(&f->busy, t);
        hkp_htp__files_enter(f, t, is_put(t) ? HKP_HTP__FILES_OPENING : HKP_HTP__FILES_ASKING);
    }
}

/* Back to the queue, with nothing open; what is known of the content stays. */
void hkp_htp__files_requeue(hkp_htp__files *f, transfer *t, int keep) {
    hkp_htp__files_close(t, keep);
    hkp_htp__files_unbind(f, t);
    t->done = t->hashed = 0;
    t->first = t->chunk = 0;
    t->again = t->blocked = 0;
    t->state = HKP_HTP__FILES_QUEUED;
    hkp_htp__files_list_move(&f->queue, t);
    f->look = 1;
}

void hkp_htp__files_leave(hkp_htp__files *f, transfer *t, uint32_t code) {
    if (!t->streamed) return;
    if (!t->fin_out) {
        file_msg m = {.op = HKP_HTP__FILE_ERROR, .code = (uint8_t)code, .data = (const uint8_t *)""};
        if (!hkp_htp__files_say(f, t, &m, 1))
            hkp_htp__files_ignore(hkp_htp_stream_reset(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
        t->blocked = 0;
    }
    if (!t->fin_in)
        hkp_htp__files_ignore(hkp_htp_stream_stop(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
    t->fin_in = t->fin_out = 1;
}

void hkp_htp__files_lost(hkp_htp__files *f, transfer *t) {
    /* Whether it was appended nobody knows; twice would be worse than not at all. */
    if (t->completed && (t->flags & HKP_HTP_FILE_APPEND) != 0) {
        hkp_htp__files_end(f, t, HKP_HTP_FILE_TRANSFER_FAILED, 0, 0);
        return;
    }
    const int keep = hkp_htp__files_keeps(f, t);
    if (t->op == HKP_HTP_FILE_READ && (keep || t->probing)) t->resuming = 1;
    if (t->state > HKP_HTP__FILES_ASKING && t->op == HKP_HTP_FILE_DELETE) t->completed = 1;
    t->probing = 0;
    t->lost = 1;
    hkp_htp__files_requeue(f, t, keep);
    t->session = hkp_htp__session_other(f->ep, t->peer, t->session);
    if (t->session != 0) return;
    t->state = HKP_HTP__FILES_WAITING;
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_WAITING);
}

/* From the beginning, without what was there. */
void hkp_htp__files_anew(hkp_htp__files *f, transfer *t, uint32_t code) {
    hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
    if (++t->anew > HKP_HTP__FILES_ANEW) {
        hkp_htp__files_end(f, t, code, 0, 0);
        return;
    }
    t->resuming = t->probing = 0;
    if (t->op == HKP_HTP_FILE_READ) t->declared = t->wanted;
    hkp_htp__files_requeue(f, t, 0);
}

/* ---- Our content, or the part of it that we have. */

static uint32_t open_source(hkp_htp__files *f, transfer *t) {
    const struct hkp_htp_file_info before = t->info;
    const uint32_t code = t->store.open(t->store.user, t->store_path, t->store_len, &t->handle, &t->info);
    if (code != HKP_HTP_FILE_OK) return code;
    t->open = 1;
    if (t->info.size > t->size_max) return HKP_HTP_FILE_QUOTA_EXCEEDED;
    if (t->info.size != before.size || t->info.mtime_us != before.mtime_us) t->known = t->declared = 0;
    t->size = t->info.size;
    if (t->keep) t->mode = t->info.mode;
    if (t->keep) t->mtime_us = t->info.mtime_us;
    while (!hkp_htp__files_cut(t)) {
        if (t->chunk_size == HKP_HTP_FILE_CHUNK_MAX) return HKP_HTP_FILE_QUOTA_EXCEEDED;
        t->chunk_size =
            t->chunk_size < HKP_HTP_FILE_CHUNK_MAX / 2 ? t->chunk_size * 2 : (uint32_t)HKP_HTP_FILE_CHUNK_MAX;
    }
    const int hash = t->size >= f->resume_from && !t->declared;
    hkp_htp__files_hash_from_start(t, hash ? t->size : 0);
    hkp_htp__files_enter(f, t, hash ? HKP_HTP__FILES_HASHING : HKP_HTP__FILES_ASKING);
    return HKP_HTP_FILE_OK;
}

/* What meta told is what the part is of, and where it goes to: the same file may be fetched to two places. */
uint32_t hkp_htp__files_open_part(hkp_htp__files *f, transfer *t) {
    uint8_t of[16 + HKP_HTP_FILE_PATH_MAX];
    uint64_t have;
    const int large = t->size >= f->resume_from && !t->fresh;
    hkp_put_be64(of, t->size);
    hkp_put_be64(of + 8, t->info.mtime_us);
    memcpy(of + 16, t->store_path, t->store_len);
    hkp_htp__files_part(t, t->peer, of, 16 + t->store_len);
    const uint32_t code = hkp_htp__files_create(
        t, HKP_HTP_STORE_CREATE | t->store_flags | (large ? HKP_HTP_STORE_RESUME : 0U), &have);
    if (code != HKP_HTP_FILE_OK) return code;
    t->chunk = (uint32_t)(have / t->chunk_size);
    const uint64_t at = (uint64_t)t->chunk * t->chunk_size;
    if (t->chunk > 0 && !t->probing) {
        /* There is a part, and the server gives from the start already: it stops, and tells its hash first.
         */
        hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
        hkp_htp__files_unbind(f, t);
        hkp_htp__files_close(t, 1);
        t->resuming = 1;
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_ASKING);
        return HKP_HTP_FILE_OK;
    }
    hkp_htp__files_hash_from_start(t, at);
    hkp_htp__files_enter(f, t, t->probing ? HKP_HTP__FILES_PREFIX : HKP_HTP__FILES_TAKING);
    return HKP_HTP_FILE_OK;
}

/* ---- Hashes that are complete. */

static void hashed_source(hkp_htp__files *f, transfer *t) {
    hkp_sha256_final(&t->hash, t->sha256);
    memcpy(t->want, t->sha256, 32);
    t->known = t->declared = 1;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_ASKING);
}

void hkp_htp__files_resumed(hkp_htp__files *f, transfer *t) {
    if (t->lost || t->chunk > 0) hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_RESUMED);
    t->lost = 0;
}

/* A put: the server's prefix must be ours. A READ: the rest is asked for, of this very content. */
static void hashed_prefix(hkp_htp__files *f, transfer *t) {
    t->done = t->hash_end;
    if (t->op == HKP_HTP_FILE_READ) {
        t->probing = 0;
        t->first = t->chunk;
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_ASKING);
        return;
    }
    uint8_t ours[32];
    struct hkp_sha256 copy = t->hash;
    hkp_sha256_final(&copy, ours);
    if (memcmp(ours, t->prefix, 32) != 0) {
        hkp_htp__files_anew(f, t, HKP_HTP_FILE_CHANGED);
        return;
    }
    hkp_htp__files_resumed(f, t);
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_GIVING);
}

static int hash_step(hkp_htp__files *f, transfer *t, int64_t *budget) {
    const uint8_t state = t->state;
    const int more = hkp_htp__files_hash(f, t, budget);
    if (t->state != state || t->hashed < t->hash_end) return more;
    if (state == HKP_HTP__FILES_HASHING)
        hashed_source(f, t);
    else
        hashed_prefix(f, t);
    return 1;
}

/* ---- What we say. */

static uint32_t new_file_id(hkp_htp__files *f) {
    for (;;) {
        const transfer *t = f->busy.first;
        if (++f->last_file_id == 0) continue;
        while (t != NULL && (t->served || !t->streamed || t->file_id != f->last_file_id)) t = t->next;
        if (t == NULL) return f->last_file_id;
    }
}

static int open_stream(hkp_htp__files *f, transfer *t) {
    uint32_t stream;
    if (t->streamed) return 1;
    if (hkp_htp_stream_open(f->ep, t->session, HKP_HTP_STREAM_FILE, 1, f->priority, &stream) != HKP_OK) {
        t->blocked = 1; /* WRITABLE or DOWN follows */
        return 0;
    }
    hkp_htp__files_bind(f, t, stream);
    t->file_id = new_file_id(f);
    return 1;
}

static void request_of(const transfer *t, file_msg *m) {
    m->path = (const uint8_t *)(t->path_len > 0 ? t->path : "/");
    m->path_len = t->path_len > 0 ? t->path_len : 1;
    m->chunk_size = t->chunk_size;
    m->mtime_us = t->mtime_us;
    m->mode = t->mode;
    m->count = (uint16_t)t->limit;
    m->after = (const uint8_t *)t->after;
    m->after_len = t->after_len;
    m->first = t->first;
    if (t->declared) memcpy(m->sha256, t->want, 32);
    if (!is_put(t)) return;
    m->size = t->size;
    m->total = t->total;
    memcpy(m->hash, m->sha256, 4);
}

static int ask(hkp_htp__files *f, transfer *t) {
    file_msg m = {.op = t->op, .flags = t->flags};
    if (!open_stream(f, t)) return 0;
    t->probing = (uint8_t)(t->probing || (t->op == HKP_HTP_FILE_READ && t->resuming && !t->open));
    request_of(t, &m);
    if (t->probing) {
        m.op = HKP_HTP_FILE_STAT;
        m.flags = HKP_HTP_FILE_VERIFY_HASH;
        m.total = 0;
        memset(m.hash, 0, 4);
    }
    if (!hkp_htp__files_say(f, t, &m, m.op == t->op ? !is_put(t) : 1)) return 0;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_EXPECTING);
    return 0;
}

static int complete(hkp_htp__files *f, transfer *t) {
    file_msg m = {.op = HKP_HTP__FILE_COMPLETE, .size = t->size, .total = t->total};
    if (!t->known) hkp_sha256_final(&t->hash, t->sha256);
    t->known = 1;
    if (t->declared) memcpy(m.hash, t->want, 4);
    memcpy(m.sha256, t->sha256, 32);
    if (!hkp_htp__files_say(f, t, &m, 1)) return 0;
    t->completed = 1;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_AWAITING);
    return 0;
}

static int commit(hkp_htp__files *f, transfer *t) {
    if (hkp_htp__files_commit(f, t)) hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
    return 0;
}

int hkp_htp__files_ask(hkp_htp__files *f, transfer *t, int64_t *budget) {
    switch (t->state) {
    case HKP_HTP__FILES_OPENING:
        (void)hkp_htp__files_settled(f, t, is_put(t) ? open_source(f, t) : hkp_htp__files_open_part(f, t));
        return 1;
    case HKP_HTP__FILES_HASHING:
    case HKP_HTP__FILES_PREFIX:
        return hash_step(f, t, budget);
    case HKP_HTP__FILES_ASKING:
        return ask(f, t);
    case HKP_HTP__FILES_GIVING:
        if (t->done < t->size) return hkp_htp__files_give(f, t, budget);
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMPLETING);
        return 1;
    case HKP_HTP__FILES_COMPLETING:
        return complete(f, t);
    default:
        return commit(f, t);
    }
}
