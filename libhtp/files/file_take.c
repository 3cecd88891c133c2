/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the endpoint tells: to which transfer it belongs, and what it does to it. */
#include <string.h>

#include "libhtp/files/files.h"

typedef hkp_htp__transfer transfer;

static void session_up(hkp_htp__files *f, const struct hkp_htp_event *ev) {
    for (transfer *t = f->queue.first; t != NULL; t = t->next) {
        if (t->state != HKP_HTP__FILES_WAITING || memcmp(t->peer, ev->peer, 16) != 0) continue;
        t->session = ev->session;
        t->state = HKP_HTP__FILES_QUEUED;
    }
    f->look = 1;
}

/* A put whose content is complete is made visible all the same; its client finds it there. */
static int finishes_alone(const transfer *t) {
    return t->state == HKP_HTP__FILES_VERIFYING || t->state == HKP_HTP__FILES_COMMITTING;
}

static void session_down(hkp_htp__files *f, uint64_t session) {
    for (transfer *t = f->busy.first, *next; t != NULL; t = next) {
        next = t->next;
        if (t->session != session) continue;
        if (finishes_alone(t)) {
            hkp_htp__files_unbind(f, t);
            t->session = 0;
        } else if (!t->served) {
            hkp_htp__files_lost(f, t);
        } else {
            const int done = t->state == HKP_HTP__FILES_COMPLETING;
            hkp_htp__files_unbind(f, t);
            hkp_htp__files_end(f, t, done ? HKP_HTP_FILE_OK : HKP_HTP_FILE_CANCELLED, !done,
                               hkp_htp__files_keeps(f, t));
        }
    }
    for (transfer *t = f->queue.first, *next; t != NULL; t = next) {
        next = t->next;
        if (t->state == HKP_HTP__FILES_QUEUED && t->session == session) hkp_htp__files_lost(f, t);
    }
}

static void writable(hkp_htp__files *f, uint64_t session) {
    for (transfer *t = f->busy.first; t != NULL; t = t->next)
        if (t->session == session) t->blocked = 0;
}

/* Whether a stream was opened by the peer. */
static int is_theirs(const struct hkp_htp_event *ev) {
    return (ev->stream & 1) == (ev->role == HKP_HTP_ROLE_E ? 1U : 0U);
}

static int fits(const transfer *t, const struct hkp_htp__file_msg *m) {
    static const uint8_t none[4];
    if (m->id != t->file_id) return 0;
    if (m->total != 0 && t->total != 0 && t->state != HKP_HTP__FILES_EXPECTING && m->total != t->total)
        return 0;
    return !t->declared || memcmp(m->hash, none, 4) == 0 || memcmp(m->hash, t->want, 4) == 0;
}

static void message(hkp_htp__files *f, transfer *t, const struct hkp_htp_event *ev) {
    struct hkp_htp__file_msg m;
    uint32_t code = hkp_htp__file_parse(ev->data, ev->len, !t->served, &m);
    if (t->state == HKP_HTP__FILES_FAILING) return;
    t->heard = f->now;
    if (code == HKP_HTP_FILE_OK && !fits(t, &m)) code = HKP_HTP_FILE_INVALID_OPERATION;
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__files_fail(f, t, code);
    } else if (t->served) {
        hkp_htp__files_serve_message(f, t, &m);
    } else {
        hkp_htp__files_ask_message(f, t, &m);
    }
}

/* The peer says no more. Of a put that is not complete, and of what we still wait for, that is the end. */
static void finished(hkp_htp__files *f, transfer *t) {
    t->fin_in = 1;
    const int put = t->op == HKP_HTP_FILE_CREATE || t->op == HKP_HTP_FILE_UPDATE;
    const int early = t->state <= HKP_HTP__FILES_PREFIX || t->state == HKP_HTP__FILES_ANSWERING ||
                      t->state == HKP_HTP__FILES_TAKING;
    if (t->served ? put && early : t->state != HKP_HTP__FILES_COMMITTING)
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_INVALID_OPERATION);
}

static uint32_t code_of(uint16_t code) {
    return code == HKP_HTP_CODE_DENIED ? HKP_HTP_FILE_PERMISSION_DENIED : HKP_HTP_FILE_CANCELLED;
}

/* The peer gave up its direction, or wants no more of ours. */
static void cut_off(hkp_htp__files *f, transfer *t, const struct hkp_htp_event *ev) {
    if (ev->type == HKP_HTP_EVENT_STREAM_RESET) {
        t->fin_in = 1;
        if (finishes_alone(t) && !t->served) return;
    } else if (!t->served) {
        t->fin_out = 1;
        if (t->state >= HKP_HTP__FILES_ASKING && t->state <= HKP_HTP__FILES_COMPLETING)
            hkp_htp__files_enter(f, t, HKP_HTP__FILES_REFUSED);
        return;
    }
    if (!t->fin_out)
        hkp_htp__files_ignore(hkp_htp_stream_reset(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
    t->fin_out = 1;
    hkp_htp__files_end(f, t, t->state == HKP_HTP__FILES_FAILING ? t->code : code_of(ev->code),
                       t->state != HKP_HTP__FILES_FAILING, 0);
}

static void stranger(hkp_htp__files *f, const struct hkp_htp_event *ev) {
    if (!is_theirs(ev)) return;
    if (ev->type == HKP_HTP_EVENT_MESSAGE) {
        hkp_htp__files_request(f, ev);
    } else if (ev->type == HKP_HTP_EVENT_STREAM) {
        if ((ev->flags & HKP_HTP_FLAG_BIDIRECTIONAL) == 0)
            hkp_htp__files_ignore(
                hkp_htp_stream_stop(f->ep, ev->session, ev->stream, HKP_HTP_CODE_CANCELLED));
        else
            hkp_htp__files_ignore(hkp_htp_stream_priority(f->ep, ev->session, ev->stream, f->priority));
    } else if (ev->type == HKP_HTP_EVENT_FIN || ev->type == HKP_HTP_EVENT_STREAM_RESET) {
        hkp_htp__files_ignore(hkp_htp_stream_send(f->ep, ev->session, ev->stream, NULL, 0, 1));
    }
}

int32_t hkp_htp_files_take(hkp_htp_files *f, hkp_time now, const struct hkp_htp_event *ev) {
    if (f == NULL || ev == NULL) return 0;
    if (now > f->now) f->now = now;
    if (ev->type == HKP_HTP_EVENT_UP) session_up(f, ev);
    if (ev->type == HKP_HTP_EVENT_DOWN) session_down(f, ev->session);
    if (ev->type == HKP_HTP_EVENT_WRITABLE) writable(f, ev->session);
    const int of_stream = (ev->type >= HKP_HTP_EVENT_STREAM && ev->type <= HKP_HTP_EVENT_DATAGRAM) ||
                          ev->type == HKP_HTP_EVENT_DELIVERED || ev->type == HKP_HTP_EVENT_EXPIRED;
    if (!of_stream || ev->stream_class != HKP_HTP_STREAM_FILE) return 0;
    transfer *t = ev->type == HKP_HTP_EVENT_DATAGRAM ? NULL : hkp_htp__files_find(f, ev->session, ev->stream);
    if (ev->type == HKP_HTP_EVENT_DATAGRAM) return 1;
    if (t == NULL) {
        stranger(f, ev);
    } else if (ev->type == HKP_HTP_EVENT_MESSAGE) {
        message(f, t, ev);
    } else if (ev->type == HKP_HTP_EVENT_FIN) {
        finished(f, t);
    } else if (ev->type == HKP_HTP_EVENT_STREAM_RESET || ev->type == HKP_HTP_EVENT_STREAM_STOPPED) {
        cut_off(f, t, ev);
    }
    return 1;
}
