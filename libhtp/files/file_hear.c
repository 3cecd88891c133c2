/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The client of HTP-13: what the server says to it. */
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
    if (t->done == 0) hkp_htp__files_resumed(f, t);
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
        hkp_htp__files_anew(f, t, code);
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
        hkp_htp__files_resumed(f, t);
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_TAKING);
    } else if ((code = hkp_htp__files_open_part(f, t)) != HKP_HTP_FILE_OK) {
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
        hkp_htp__files_anew(f, t, HKP_HTP_FILE_HASH_MISMATCH);
    else
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_HASH_MISMATCH);
}

/* 1: the transfer goes on in spite of the error. */
static int goes_on(hkp_htp__files *f, transfer *t, uint32_t code) {
    if (code == HKP_HTP_FILE_BUSY && t->tries < RETRY_MAX) {
        const unsigned shift = t->tries < RETRY_SHIFT ? t->tries : (unsigned)RETRY_SHIFT;
        hkp_htp__files_leave(f, t, HKP_HTP_FILE_CANCELLED);
        hkp_htp__files_requeue(f, t, hkp_htp__files_keeps(f, t));
        t->tries++;
        t->retry_at = f->now + ((hkp_time)RETRY_MS * 1000000 << shift);
        return 1;
    }
    if (t->op == HKP_HTP_FILE_READ && t->resuming &&
        (t->probing ? code == HKP_HTP_FILE_PERMISSION_DENIED : code == HKP_HTP_FILE_CHANGED && !t->wanted)) {
        t->fresh |= t->probing;
        hkp_htp__files_anew(f, t, code);
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
