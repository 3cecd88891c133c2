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

enum {
    /* a BUSY server is asked again after 100 ms, doubling up to 6.4 s, so often: about the 300 s of HTP-13.5
     */
    RETRY_MS = 100,
    RETRY_SHIFT = 6,
    RETRY_MAX = 50
};

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
static void requeue(hkp_htp__files *f, transfer *t, int keep) {
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
    requeue(f, t, keep);
    t->session = hkp_htp__session_other(f->ep, t->peer, t->session);
    if (t->session != 0) return;
    t->state = HKP_HTP__FILES_WAITING;
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_WAITING);
}

/* From the beginning, without what was there. */
static void anew(hkp_htp__files *f, transfer *t, uint32_t code) {
    hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
    if (++t->anew > HKP_HTP__FILES_ANEW) {
        hkp_htp__files_end(f, t, code, 0, 0);
        return;
    }
    t->resuming = t->probing = 0;
    if (t->op == HKP_HTP_FILE_READ) t->declared = t->wanted;
    requeue(f, t, 0);
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

/* What meta told is what the part is of. */
static uint32_t open_part(hkp_htp__files *f, transfer *t) {
    uint8_t of[16];
    uint64_t have;
    const int large = t->size >= f->resume_from && !t->fresh;
    hkp_put_be64(of, t->size);
    hkp_put_be64(of + 8, t->info.mtime_us);
    hkp_htp__files_part(t, t->peer, of, sizeof of);
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

static void resumed(hkp_htp__files *f, transfer *t) {
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
        anew(f, t, HKP_HTP_FILE_CHANGED);
        return;
    }
    resumed(f, t);
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

static int settled(hkp_htp__files *f, transfer *t, uint32_t code) {
    t->again = code == HKP_HTP_FILE_AGAIN;
    if (code != HKP_HTP_FILE_OK && !t->again) hkp_htp__files_fail(f, t, code);
    return code == HKP_HTP_FILE_OK;
}

static int commit(hkp_htp__files *f, transfer *t) {
    const uint32_t code = t->store.commit(t->store.user, t->handle, t->size);
    if (code != HKP_HTP_FILE_AGAIN) t->open = t->writing = 0;
    if (settled(f, t, code)) hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
    return 0;
}

int hkp_htp__files_ask(hkp_htp__files *f, transfer *t, int64_t *budget) {
    switch (t->state) {
    case HKP_HTP__FILES_OPENING:
        (void)settled(f, t, is_put(t) ? open_source(f, t) : open_part(f, t));
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

/* ---- What the server says. */

static void take_ready(hkp_htp__files *f, transfer *t, const file_msg *m) {
    if (m->chunk_size > t->chunk_size) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_BAD_MESSAGE);
        return;
    }
    t->chunk_size = m->chunk_size;
    if (!hkp_htp__files_cut(t) || m->first > t->total || (m->first > 0 && !t->declared)) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_BAD_MESSAGE);
        return;
    }
    t->first = t->chunk = m->first;
    t->done = m->first == t->total ? t->size : (uint64_t)m->first * t->chunk_size;
    memcpy(t->prefix, m->sha256, 32);
    hkp_htp__files_hash_from_start(t, t->done);
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_STARTED);
    if (t->done == 0) resumed(f, t);
    hkp_htp__files_enter(f, t, t->done > 0 ? HKP_HTP__FILES_PREFIX : HKP_HTP__FILES_GIVING);
}

static void info_of(transfer *t, const file_msg *m) {
    memset(&t->info, 0, sizeof t->info);
    t->info.size = m->size;
    t->info.mtime_us = m->mtime_us;
    t->info.ctime_us = m->ctime_us;
    t->info.mode = m->mode;
    t->info.kind = m->kind;
}

/* The head of what a READ brings. */
static void take_meta(hkp_htp__files *f, transfer *t, const file_msg *m) {
    const struct hkp_htp_file_info before = t->info;
    info_of(t, m);
    const int going_on = t->open;
    const int same = before.size == m->size && before.mtime_us == m->mtime_us;
    uint32_t code = HKP_HTP_FILE_OK;
    if (m->kind != HKP_HTP_FILE_KIND_FILE || m->chunk_size > t->chunk_size ||
        (going_on && m->chunk_size != t->chunk_size))
        code = HKP_HTP_FILE_BAD_MESSAGE;
    else if (going_on && !same)
        code = HKP_HTP_FILE_CHANGED;
    else if (m->size > t->size_max)
        code = HKP_HTP_FILE_QUOTA_EXCEEDED;
    t->chunk_size = m->chunk_size;
    t->size = m->size;
    if (code == HKP_HTP_FILE_OK && !hkp_htp__files_cut(t)) code = HKP_HTP_FILE_BAD_MESSAGE;
    if (code == HKP_HTP_FILE_CHANGED) {
        anew(f, t, code);
        return;
    }
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__files_fail(f, t, code);
        return;
    }
    if (t->keep) t->mode = m->mode;
    if (t->keep) t->mtime_us = m->mtime_us;
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_STARTED);
    if (going_on) {
        resumed(f, t);
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_TAKING);
    } else if ((code = open_part(f, t)) != HKP_HTP_FILE_OK) {
        /* Chunks come right behind: there is no time for AGAIN, and without APPEND no reason. */
        hkp_htp__files_fail(f, t, code == HKP_HTP_FILE_AGAIN ? (uint32_t)HKP_HTP_FILE_IO_ERROR : code);
    }
}

/* The STAT that a resume needs, or that tells whether a put was done although its answer was lost. */
static void take_probe(hkp_htp__files *f, transfer *t, const file_msg *m) {
    hkp_htp__files_unbind(f, t);
    if (is_put(t)) {
        const int there = m->size == t->size && memcmp(m->sha256, t->sha256, 32) == 0;
        hkp_htp__files_end(f, t, there ? HKP_HTP_FILE_OK : HKP_HTP_FILE_ALREADY_EXISTS, !there, 0);
        return;
    }
    if (hkp_is_zero(m->sha256, 32) || m->size > t->size_max || m->kind != HKP_HTP_FILE_KIND_FILE ||
        (t->declared && t->wanted && memcmp(m->sha256, t->want, 32) != 0)) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_CHANGED);
        return;
    }
    info_of(t, m);
    memcpy(t->want, m->sha256, 32);
    t->declared = 1;
    t->size = m->size;
    if (!hkp_htp__files_cut(t)) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_BAD_MESSAGE);
        return;
    }
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_OPENING);
}

static void take_entries(hkp_htp__files *f, transfer *t, const file_msg *m) {
    t->more = m->more;
    if (m->count > t->limit) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_BAD_MESSAGE);
        return;
    }
    if (m->data_len > 0) {
        t->body = hkp_mem_alloc(&f->mem, m->data_len);
        if (t->body == NULL) {
            hkp_htp__files_fail(f, t, HKP_HTP_FILE_IO_ERROR);
            return;
        }
        memcpy(t->body, m->data, m->data_len);
        t->body_len = m->data_len;
    }
    hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
}

static void take_answer(hkp_htp__files *f, transfer *t, const file_msg *m) {
    const uint8_t asked = t->probing ? (uint8_t)HKP_HTP_FILE_STAT : t->op;
    if (m->op != asked) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_INVALID_OPERATION);
    } else if (t->probing) {
        take_probe(f, t, m);
    } else if (is_put(t)) {
        take_ready(f, t, m);
    } else if (t->op == HKP_HTP_FILE_READ) {
        take_meta(f, t, m);
    } else if (t->op == HKP_HTP_FILE_LIST) {
        take_entries(f, t, m);
    } else {
        if (t->op == HKP_HTP_FILE_STAT) {
            info_of(t, m);
            memcpy(t->sha256, m->sha256, 32);
        }
        hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
    }
}

/* COMPLETE: of a READ, all must be as it was told; of a put, as we sent it. */
static void take_end(hkp_htp__files *f, transfer *t, const file_msg *m) {
    if (is_put(t)) {
        const int good = m->size == t->size && memcmp(m->sha256, t->sha256, 32) == 0;
        if (good)
            hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
        else
            hkp_htp__files_fail(f, t, HKP_HTP_FILE_HASH_MISMATCH);
        return;
    }
    hkp_sha256_final(&t->hash, t->sha256);
    if (t->done == t->size && m->size == t->size && memcmp(m->sha256, t->sha256, 32) == 0 &&
        (!t->declared || memcmp(t->want, t->sha256, 32) == 0))
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMMITTING);
    else if (t->resuming)
        anew(f, t, HKP_HTP_FILE_HASH_MISMATCH);
    else
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_HASH_MISMATCH);
}

/* 1: the transfer goes on in spite of the error. */
static int goes_on(hkp_htp__files *f, transfer *t, uint32_t code) {
    if (code == HKP_HTP_FILE_BUSY && t->tries < RETRY_MAX) {
        const unsigned shift = t->tries < RETRY_SHIFT ? t->tries : (unsigned)RETRY_SHIFT;
        hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
        requeue(f, t, hkp_htp__files_keeps(f, t));
        t->tries++;
        t->retry_at = f->now + ((hkp_time)RETRY_MS * 1000000 << shift);
        return 1;
    }
    if (t->op == HKP_HTP_FILE_READ && t->resuming &&
        (t->probing ? code == HKP_HTP_FILE_PERMISSION_DENIED : code == HKP_HTP_FILE_CHANGED && !t->wanted)) {
        t->fresh |= t->probing;
        anew(f, t, code);
        return 1;
    }
    if (code == HKP_HTP_FILE_ALREADY_EXISTS && t->completed && !t->probing) {
        hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
        hkp_htp__files_unbind(f, t);
        t->probing = 1;
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_ASKING);
        return 1;
    }
    return 0;
}

static void take_error(hkp_htp__files *f, transfer *t, const file_msg *m) {
    /* Nobody reads there any more what we would say. */
    if (!t->fin_out) hkp_htp__files_ignore(hkp_htp_stream_send(f->ep, t->session, t->stream, NULL, 0, 1));
    t->fin_out = 1;
    if (goes_on(f, t, m->code)) return;
    if (hkp_htp__file_text(m->data, m->data_len)) memcpy(t->message, m->data, m->data_len);
    const int gone = m->code == HKP_HTP_FILE_NOT_FOUND && t->op == HKP_HTP_FILE_DELETE && t->completed;
    hkp_htp__files_end(f, t, gone ? (uint32_t)HKP_HTP_FILE_OK : m->code, !gone, 0);
}

void hkp_htp__files_ask_message(hkp_htp__files *f, transfer *t, const file_msg *m) {
    if (m->op == HKP_HTP__FILE_ERROR) {
        take_error(f, t, m);
    } else if (t->state == HKP_HTP__FILES_EXPECTING && m->op <= HKP_HTP_FILE_LIST) {
        take_answer(f, t, m);
    } else if (t->state == HKP_HTP__FILES_TAKING && m->op == HKP_HTP__FILE_CHUNK) {
        const uint32_t code = hkp_htp__files_chunk(f, t, m);
        if (code != HKP_HTP_FILE_OK) hkp_htp__files_fail(f, t, code);
    } else if (m->op == HKP_HTP__FILE_COMPLETE &&
               (t->state == HKP_HTP__FILES_TAKING || t->state == HKP_HTP__FILES_AWAITING)) {
        take_end(f, t, m);
    } else {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_INVALID_OPERATION);
    }
}
