/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Making the object, asking for transfers, and what is told of them. */
#include "libhtp/files/files.h"
#include "libter/bytes.h"
#include "libter/options.h"

typedef hkp_htp__transfer transfer;

enum {
    TRANSFERS_MAX = 64,
    QUEUE_MAX = 1024,
    GRANTS_MAX = 1024,
    PRIORITY = 6,
    WORK_BYTES = 1 << 20,
    OPTIONS_LEAST = sizeof(struct hkp_htp_files_options),
    REQUEST_LEAST = sizeof(struct hkp_htp_file_request)
};
#define SECOND UINT64_C(1000000000)
#define SIZE_MAX_DEFAULT (UINT64_C(1) << 30)
#define RESUME_FROM (UINT64_C(64) << 20)
#define PROGRESS_EVERY (SECOND / 5)

void hkp_htp_files_options_init(struct hkp_htp_files_options *options, size_t size) {
    if (options != NULL) hkp_options_init(options, size);
}

static int store_ok(const struct hkp_htp_store *s) {
    return s->stat != NULL && s->list != NULL && s->remove != NULL && s->open != NULL && s->create != NULL &&
           s->read != NULL && s->write != NULL && s->commit != NULL && s->close != NULL;
}

static int in_range(const struct hkp_htp_files_options *o) {
    return (o->chunk_max == 0 ||
            (o->chunk_max >= HKP_HTP_FILE_CHUNK_MIN && o->chunk_max <= HKP_HTP_FILE_CHUNK_MAX)) &&
           o->priority <= 7 && o->quiet <= 1 && (o->store == NULL || store_ok(o->store)) &&
           o->work_bytes <= INT32_MAX;
}

static void set_up(hkp_htp__files *f, const struct hkp_htp_files_options *o) {
    if (o->store != NULL) f->store = *o->store;
    f->serving = o->store != NULL;
    f->quiet = (uint8_t)o->quiet;
    memcpy(f->node_id, o->node_id, 16);
    f->size_max = o->size_max != 0 ? o->size_max : SIZE_MAX_DEFAULT;
    f->resume_from = o->resume_from != 0 ? o->resume_from : RESUME_FROM;
    f->stall = o->stall != 0 ? o->stall : 30 * SECOND;
    f->whole = o->whole != 0 ? o->whole : 300 * SECOND;
    f->transfers_max = o->transfers_max != 0 ? o->transfers_max : (uint32_t)TRANSFERS_MAX;
    f->queue_max = o->queue_max != 0 ? o->queue_max : (uint32_t)QUEUE_MAX;
    f->grants_max = o->grants_max != 0 ? o->grants_max : (uint32_t)GRANTS_MAX;
    f->chunk_max = o->chunk_max != 0 ? o->chunk_max : (uint32_t)HKP_HTP_FILE_CHUNK_MAX;
    f->priority = o->priority != 0 ? o->priority : (uint32_t)PRIORITY;
    f->work_bytes = o->work_bytes != 0 ? o->work_bytes : (uint32_t)WORK_BYTES;
    f->progress_every = o->progress_every != 0 ? o->progress_every : PROGRESS_EVERY;
    f->queue_wake = HKP_TIME_NEVER;
}

hkp_status hkp_htp_files_new(hkp_htp_files **out, hkp_htp_endpoint *ep,
                             const struct hkp_htp_files_options *options) {
    struct hkp_htp_files_options o;
    if (out == NULL || ep == NULL) return HKP_E_INVAL;
    hkp_status st = hkp_options_import(&o, sizeof o, OPTIONS_LEAST, options);
    if (st != HKP_OK) return st;
    if (hkp_mem_import(&o.mem) != HKP_OK || !in_range(&o)) return HKP_E_INVAL;
    hkp_htp__files *f = hkp_mem_alloc(&o.mem, sizeof *f);
    if (f == NULL) return HKP_E_NOMEM;
    f->mem = o.mem;
    f->ep = ep;
    set_up(f, &o);
    f->inflate_arena = (struct hkp_htp__zarena){f->inflate_memory, sizeof f->inflate_memory};
    if (!hkp_htp__pack_inflate_new(&f->inflate, &f->inflate_arena)) {
        hkp_mem_free(&o.mem, f, sizeof *f);
        return HKP_E_NOMEM;
    }
    *out = f;
    return HKP_OK;
}

void hkp_htp_files_free(hkp_htp_files *f) {
    if (f == NULL) return;
    while (f->busy.first != NULL) {
        transfer *t = f->busy.first;
        hkp_htp__files_close(t, hkp_htp__files_keeps(f, t));
        if (t->streamed && !t->fin_out)
            hkp_htp__files_ignore(hkp_htp_stream_reset(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
        if (t->streamed && !t->fin_in)
            hkp_htp__files_ignore(hkp_htp_stream_stop(f->ep, t->session, t->stream, HKP_HTP_CODE_CANCELLED));
        hkp_htp__files_drop(f, t);
    }
    while (f->queue.first != NULL) hkp_htp__files_drop(f, f->queue.first);
    while (f->over.first != NULL) hkp_htp__files_drop(f, f->over.first);
    hkp_htp__files_grants_free(f);
    hkp_mem_free(&f->mem, f->deflate_memory, HKP_HTP__DEFLATE_BYTES);
    struct hkp_mem mem = f->mem;
    hkp_mem_free(&mem, f, sizeof *f);
}

/* ---- Asking. */

static int with_content(uint32_t op) {
    return op == HKP_HTP_FILE_CREATE || op == HKP_HTP_FILE_UPDATE || op == HKP_HTP_FILE_READ;
}

static int local_ok(const struct hkp_htp_file_request *r) {
    const uint8_t *at;
    size_t len;
    const uint32_t flags =
        r->operation == HKP_HTP_FILE_READ ? HKP_HTP_STORE_OVERWRITE | HKP_HTP_STORE_FOLDERS : 0U;
    if (!with_content(r->operation)) return 1;
    return r->local != NULL && store_ok(r->local) && r->local_path != NULL &&
           (r->local_flags & ~flags) == 0 &&
           hkp_htp__file_path((const uint8_t *)r->local_path, r->local_path_len, 0, &at, &len) ==
               HKP_HTP_FILE_OK;
}

static int request_ok(const struct hkp_htp_file_request *r) {
    const uint32_t op = r->operation;
    const uint8_t *at;
    size_t len;
    if (op < HKP_HTP_FILE_CREATE || op > HKP_HTP_FILE_LIST || r->flags > 0xFF ||
        !hkp_htp__file_flags((uint8_t)op, (uint8_t)r->flags) || r->path == NULL || r->mode > 0777 ||
        r->keep > 1)
        return 0;
    if (r->chunk_size != 0 &&
        (r->chunk_size < HKP_HTP_FILE_CHUNK_MIN || r->chunk_size > HKP_HTP_FILE_CHUNK_MAX))
        return 0;
    if (op == HKP_HTP_FILE_LIST &&
        (r->limit > HKP_HTP_FILE_LIST_MAX || r->after_len > HKP_HTP_FILE_NAME_MAX ||
         (r->after == NULL && r->after_len > 0)))
        return 0;
    const int root_ok = op == HKP_HTP_FILE_STAT || op == HKP_HTP_FILE_LIST;
    return hkp_htp__file_path((const uint8_t *)r->path, r->path_len, root_ok, &at, &len) == HKP_HTP_FILE_OK &&
           local_ok(r);
}

/* A path without its leading '/'. */
static size_t relative(const char **path, size_t len) {
    if (len == 0 || (*path)[0] != '/') return len;
    (*path)++;
    return len - 1;
}

static transfer *from_request(hkp_htp__files *f, const struct hkp_htp_file_request *r) {
    const char *path = r->path, *local = r->local_path;
    const size_t len = relative(&path, r->path_len),
                 local_len = with_content(r->operation) ? relative(&local, r->local_path_len) : 0,
                 after_len = r->operation == HKP_HTP_FILE_LIST ? r->after_len : 0;
    transfer *t = hkp_htp__files_make(f, len, local_len, after_len);
    if (t == NULL) return NULL;
    memcpy(t->path, path, len);
    if (local_len > 0) memcpy(t->store_path, local, local_len);
    if (after_len > 0) memcpy(t->after, r->after, after_len);
    if (with_content(r->operation)) t->store = *r->local;
    t->op = (uint8_t)r->operation;
    t->flags = (uint8_t)r->flags;
    t->store_flags = r->local_flags;
    t->chunk_size = r->chunk_size != 0 ? r->chunk_size : (uint32_t)HKP_HTP_FILE_CHUNK_DEFAULT;
    t->mode = r->mode;
    t->keep = r->keep;
    t->mtime_us = r->mtime_us;
    t->size_max = r->size_max != 0 ? r->size_max : f->size_max;
    t->limit = r->limit != 0 ? r->limit : (uint32_t)HKP_HTP_FILE_LIST_MAX;
    if (r->deadline != 0) t->deadline = r->deadline;
    if (t->op == HKP_HTP_FILE_READ && !hkp_is_zero(r->expect_sha256, 32)) {
        memcpy(t->want, r->expect_sha256, 32);
        t->declared = t->wanted = 1;
    }
    return t;
}

hkp_status hkp_htp_files_start(hkp_htp_files *f, hkp_time now, uint64_t session,
                               const struct hkp_htp_file_request *request, uint64_t *transfer_out) {
    struct hkp_htp_file_request r;
    struct hkp_htp_session_info info = {.struct_size = sizeof info};
    if (f == NULL || hkp_options_import(&r, sizeof r, REQUEST_LEAST, request) != HKP_OK || !request_ok(&r))
        return HKP_E_INVAL;
    if (now > f->now) f->now = now;
    if (r.deadline != 0 && r.deadline <= f->now) return HKP_E_INVAL;
    if (hkp_htp_session_info(f->ep, session, &info) != HKP_OK || !info.established) return HKP_E_NOTFOUND;
    if (f->own >= f->queue_max) return HKP_E_LIMIT;
    transfer *t = from_request(f, &r);
    if (t == NULL) return HKP_E_NOMEM;
    memcpy(t->peer, info.peer, 16);
    t->session = session;
    t->state = HKP_HTP__FILES_QUEUED;
    hkp_htp__files_list_add(&f->queue, t);
    f->own++;
    f->look = 1;
    if (transfer_out != NULL) *transfer_out = t->number;
    return HKP_OK;
}

hkp_status hkp_htp_files_cancel(hkp_htp_files *f, hkp_time now, uint64_t number) {
    if (f == NULL) return HKP_E_NOTFOUND;
    if (now > f->now) f->now = now;
    transfer *t = f->busy.first;
    while (t != NULL && t->number != number) t = t->next;
    if (t == NULL)
        for (t = f->queue.first; t != NULL && t->number != number;) t = t->next;
    if (t == NULL) return HKP_E_NOTFOUND;
    /* The content is there already, or we did not say so yet. */
    if (t->served && (t->state == HKP_HTP__FILES_COMPLETING || t->state == HKP_HTP__FILES_FAILING))
        return HKP_OK;
    hkp_htp__files_fail(f, t, HKP_HTP_FILE_CANCELLED);
    return HKP_OK;
}

/* ---- Telling. */

static const uint8_t kinds[] = {HKP_HTP_FILE_EVENT_STARTED, HKP_HTP_FILE_EVENT_WAITING,
                                HKP_HTP_FILE_EVENT_RESUMED, HKP_HTP_FILE_EVENT_PROGRESS};
static const uint8_t bits[] = {HKP_HTP__FILES_NEWS_STARTED, HKP_HTP__FILES_NEWS_WAITING,
                               HKP_HTP__FILES_NEWS_RESUMED, HKP_HTP__FILES_NEWS_PROGRESS};

static uint32_t take_news(transfer *t) {
    for (size_t i = 0; i < sizeof bits; i++) {
        if ((t->news & bits[i]) == 0) continue;
        t->news &= (uint8_t)~bits[i];
        return kinds[i];
    }
    return HKP_HTP_FILE_EVENT_NONE;
}

static void fill(const transfer *t, uint32_t type, struct hkp_htp_file_event *e) {
    e->type = type;
    e->transfer = t->number;
    e->session = t->session;
    memcpy(e->peer, t->peer, 16);
    e->served = t->served;
    e->operation = t->op;
    e->flags = t->flags;
    e->done = t->done;
    e->size = t->size;
    e->path = t->path;
    e->path_len = t->path_len;
    e->message = t->message;
}

static void fill_end(const transfer *t, struct hkp_htp_file_event *e) {
    fill(t, t->code == HKP_HTP_FILE_OK ? HKP_HTP_FILE_EVENT_DONE : HKP_HTP_FILE_EVENT_FAILED, e);
    e->code = t->code;
    e->remote = t->remote;
    e->more = t->more;
    if (t->code != HKP_HTP_FILE_OK) return;
    memcpy(e->sha256, t->sha256, 32);
    if (t->op == HKP_HTP_FILE_STAT || t->op == HKP_HTP_FILE_READ) e->info = t->info;
}

/* What ended: what it began with, its entries, its end. */
static void tell_over(hkp_htp__files *f, transfer *t, struct hkp_htp_file_event *e) {
    if ((t->news & HKP_HTP__FILES_NEWS_STARTED) != 0) {
        t->news = 0;
        fill(t, HKP_HTP_FILE_EVENT_STARTED, e);
    } else if (t->body_at < t->body_len) {
        fill(t, HKP_HTP_FILE_EVENT_ENTRY, e);
        hkp_htp__file_read_entry(t->body, &t->body_at, &e->entry);
    } else {
        fill_end(t, e);
        f->told = t;
    }
}

hkp_status hkp_htp_files_event(hkp_htp_files *f, struct hkp_htp_file_event *out) {
    if (f == NULL || out == NULL || out->struct_size < sizeof *out) return HKP_E_INVAL;
    const uint32_t size = out->struct_size;
    memset(out, 0, sizeof *out);
    out->struct_size = size;
    out->path = out->message = "";
    if (f->told != NULL) hkp_htp__files_drop(f, f->told);
    f->told = NULL;
    transfer *t = f->over.first;
    if (t != NULL) {
        tell_over(f, t, out);
        return HKP_OK;
    }
    if (!f->news) return HKP_OK;
    for (int list = 0; list < 2; list++) {
        for (t = list == 0 ? f->busy.first : f->queue.first; t != NULL; t = t->next) {
            const uint32_t type = take_news(t);
            if (type == HKP_HTP_FILE_EVENT_NONE) continue;
            fill(t, type, out);
            return HKP_OK;
        }
    }
    f->news = 0;
    return HKP_OK;
}

const char *hkp_htp_file_code_name(uint32_t code) {
    static const char *const names[] = {"OK",
                                        "NOT_FOUND",
                                        "PERMISSION_DENIED",
                                        "ALREADY_EXISTS",
                                        "INVALID_PATH",
                                        "TRANSFER_FAILED",
                                        "HASH_MISMATCH",
                                        "TIMEOUT",
                                        "QUOTA_EXCEEDED",
                                        "IO_ERROR",
                                        "INVALID_OPERATION",
                                        "CANCELLED",
                                        "CHUNK_MISSING",
                                        "INTEGRITY_FAILURE",
                                        "BUSY",
                                        "BAD_MESSAGE",
                                        "CHANGED"};
    return code < sizeof names / sizeof names[0] ? names[code] : "UNKNOWN";
}
