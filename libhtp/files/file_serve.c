/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The server of HTP-13: what a peer asks is judged, then done step by step (states: files.c). */
#include "libhtp/files/files.h"
#include "libter/bytes.h"

typedef hkp_htp__transfer transfer;
typedef struct hkp_htp__file_msg file_msg;

static int is_put(uint8_t op) { return op == HKP_HTP_FILE_CREATE || op == HKP_HTP_FILE_UPDATE; }

/* ---- A new stream's first message. */

/* Answers without a record. */
static void refuse(hkp_htp__files *f, const struct hkp_htp_event *ev, uint32_t id, uint32_t code) {
    const char *text = hkp_htp_file_code_name(code);
    file_msg m = {.op = HKP_HTP__FILE_ERROR, .id = id, .code = (uint8_t)code, .data = (const uint8_t *)text};
    m.data_len = strlen(text);
    f->kept_number = 0;
    if (hkp_htp_stream_send(f->ep, ev->session, ev->stream, f->out, hkp_htp__file_write(f->out, &m, 1), 1) !=
        HKP_OK)
        hkp_htp__files_ignore(hkp_htp_stream_reset(f->ep, ev->session, ev->stream, HKP_HTP_CODE_CANCELLED));
    hkp_htp__files_ignore(hkp_htp_stream_stop(f->ep, ev->session, ev->stream, HKP_HTP_CODE_CANCELLED));
}

static uint32_t open_of(const hkp_htp__files *f, uint64_t session) {
    uint32_t n = 0;
    for (const transfer *t = f->busy.first; t != NULL; t = t->next) n += t->served && t->session == session;
    return n;
}

/* HTP-13.6, 13.7, then the limits of 13.5: who is not allowed does not learn of them. */
static uint32_t judge(hkp_htp__files *f, const struct hkp_htp_event *ev, file_msg *m,
                      const struct hkp_htp__files_grant **grant) {
    const uint8_t *path;
    size_t len;
    if (m->op > HKP_HTP_FILE_LIST) return HKP_HTP_FILE_INVALID_OPERATION;
    const int root_ok = m->op == HKP_HTP_FILE_STAT || m->op == HKP_HTP_FILE_LIST;
    uint32_t code = hkp_htp__file_path(m->path, m->path_len, root_ok, &path, &len);
    if (code != HKP_HTP_FILE_OK) return code;
    m->path = path;
    m->path_len = len;
    const struct hkp_htp__files_grant *g = f->serving ? hkp_htp__files_granted(f, ev->peer) : NULL;
    if (!hkp_htp__files_allowed(g, m->op, (const char *)path, len)) return HKP_HTP_FILE_PERMISSION_DENIED;
    if ((m->flags & HKP_HTP_FILE_RECURSIVE) != 0 && (g->operations & HKP_HTP_FILE_MAY_RECURSE) == 0)
        return HKP_HTP_FILE_PERMISSION_DENIED;
    if (g->root_len + (g->root_len > 0) + len > HKP_HTP_FILE_PATH_MAX) return HKP_HTP_FILE_INVALID_PATH;
    if (f->served >= f->transfers_max || open_of(f, ev->session) >= HKP_HTP_FILE_SESSION_MAX)
        return HKP_HTP_FILE_BUSY;
    if (is_put(m->op) && m->size > g->size_max) return HKP_HTP_FILE_QUOTA_EXCEEDED;
    *grant = g;
    return HKP_HTP_FILE_OK;
}

static transfer *new_transfer(hkp_htp__files *f, const struct hkp_htp_event *ev, const file_msg *m,
                              const struct hkp_htp__files_grant *g) {
    const size_t slash = g->root_len > 0 && m->path_len > 0;
    transfer *t = hkp_htp__files_make(f, m->path_len, g->root_len + slash + m->path_len, m->after_len);
    if (t == NULL) return NULL;
    memcpy(t->path, m->path, m->path_len);
    memcpy(t->store_path, g->root, g->root_len);
    if (slash) t->store_path[g->root_len] = '/';
    memcpy(t->store_path + g->root_len + slash, m->path, m->path_len);
    if (m->after_len > 0) memcpy(t->after, m->after, m->after_len);
    t->served = 1;
    t->store = f->store;
    t->session = ev->session;
    memcpy(t->peer, ev->peer, 16);
    t->op = m->op;
    t->flags = m->flags;
    t->file_id = m->id;
    t->size_max = g->size_max;
    t->quota = g->quota;
    t->root_len = g->root_len;
    return t;
}

/* What was refused is told, too: an audit wants it. */
static void tell_refusal(hkp_htp__files *f, const struct hkp_htp_event *ev, const file_msg *m,
                         uint32_t code) {
    const int named =
        code != HKP_HTP_FILE_BAD_MESSAGE && m->path != NULL && m->path_len <= HKP_HTP_FILE_PATH_MAX;
    transfer *t = f->quiet ? NULL : hkp_htp__files_make(f, named ? m->path_len : 0, 0, 0);
    if (t == NULL) return;
    if (named) memcpy(t->path, m->path, m->path_len);
    t->served = 1;
    t->session = ev->session;
    memcpy(t->peer, ev->peer, 16);
    t->op = m->op;
    t->flags = m->flags;
    hkp_htp__files_refused(f, t, code);
}

void hkp_htp__files_request(hkp_htp__files *f, const struct hkp_htp_event *ev) {
    file_msg m;
    const struct hkp_htp__files_grant *g = NULL;
    uint32_t code = hkp_htp__file_parse(ev->data, ev->len, 0, &m);
    if (code == HKP_HTP_FILE_OK) code = judge(f, ev, &m, &g);
    transfer *t = code == HKP_HTP_FILE_OK ? new_transfer(f, ev, &m, g) : NULL;
    if (t == NULL) {
        if (code == HKP_HTP_FILE_OK) code = HKP_HTP_FILE_BUSY;
        refuse(f, ev, m.id, code);
        tell_refusal(f, ev, &m, code);
        return;
    }
    t->size = is_put(m.op) ? m.size : 0;
    t->mode = m.mode;
    t->mtime_us = m.mtime_us;
    t->chunk_size = m.chunk_size < f->chunk_max ? m.chunk_size : f->chunk_max;
    t->first = m.first;
    t->limit = m.count;
    memcpy(t->want, m.sha256, 32);
    t->declared = !hkp_is_zero(m.sha256, 32);
    hkp_htp__files_bind(f, t, ev->stream);
    hkp_htp__files_list_add(&f->busy, t);
    f->served++;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_OPENING);
    hkp_htp__files_tell(f, t, HKP_HTP__FILES_NEWS_STARTED);
}

/* ---- Opening: what the store says to it. */

/* HTP-13.5 for what is there and what comes behind it. */
static uint32_t append_fits(transfer *t) {
    struct hkp_htp_file_info info;
    if ((t->flags & HKP_HTP_FILE_APPEND) == 0) return HKP_HTP_FILE_OK;
    const uint32_t code = t->store.stat(t->store.user, t->store_path, t->store_len, &info);
    if (code != HKP_HTP_FILE_OK) return code;
    return info.size > t->size_max - t->size ? HKP_HTP_FILE_QUOTA_EXCEEDED : HKP_HTP_FILE_OK;
}

/* A part has one writer. One of an older session of this peer gives it up; in the same one, it is first come.
 */
static int part_is_free(hkp_htp__files *f, const transfer *t) {
    for (transfer *o = f->busy.first, *next; o != NULL; o = next) {
        next = o->next;
        if (o == t || !o->served || !o->writing || memcmp(o->part, t->part, 16) != 0) continue;
        if (o->session == t->session) return 0;
        hkp_htp__files_close(o, hkp_htp__files_keeps(f, o));
        hkp_htp__files_fail(f, o, HKP_HTP_FILE_CANCELLED);
    }
    return 1;
}

static uint32_t open_put(hkp_htp__files *f, transfer *t) {
    uint64_t have;
    uint32_t code = append_fits(t), flags = t->op == HKP_HTP_FILE_CREATE ? HKP_HTP_STORE_CREATE : 0;
    if (code != HKP_HTP_FILE_OK) return code;
    if (!hkp_htp__files_cut(t)) return HKP_HTP_FILE_BAD_MESSAGE;
    hkp_htp__files_part(t, t->peer, t->want, 32);
    if (!part_is_free(f, t)) return HKP_HTP_FILE_BUSY;
    if ((t->flags & HKP_HTP_FILE_OVERWRITE) != 0) flags |= HKP_HTP_STORE_OVERWRITE;
    if ((t->flags & HKP_HTP_FILE_APPEND) != 0) flags |= HKP_HTP_STORE_APPEND;
    if ((t->flags & HKP_HTP_FILE_CREATE_DIRS) != 0) flags |= HKP_HTP_STORE_FOLDERS;
    if (t->declared) flags |= HKP_HTP_STORE_RESUME;
    code = hkp_htp__files_create(t, flags, &have);
    if (code != HKP_HTP_FILE_OK) return code;
    t->first = have == t->size ? t->total : (uint32_t)(have / t->chunk_size);
    t->done = have == t->size ? have : (uint64_t)t->first * t->chunk_size;
    hkp_htp__files_hash_from_start(t, t->done);
    hkp_htp__files_enter(f, t, t->done > 0 ? HKP_HTP__FILES_PREFIX : HKP_HTP__FILES_ANSWERING);
    return HKP_HTP_FILE_OK;
}

static uint32_t open_content(transfer *t) {
    const uint32_t code = t->store.open(t->store.user, t->store_path, t->store_len, &t->handle, &t->info);
    if (code != HKP_HTP_FILE_OK) return code;
    t->open = 1;
    t->size = t->info.size;
    return t->size > t->size_max ? HKP_HTP_FILE_QUOTA_EXCEEDED : HKP_HTP_FILE_OK;
}

static uint32_t open_read(hkp_htp__files *f, transfer *t) {
    const uint32_t code = open_content(t);
    if (code != HKP_HTP_FILE_OK) return code;
    if (!hkp_htp__files_cut(t)) return HKP_HTP_FILE_BAD_MESSAGE;
    if (t->first > t->total) return HKP_HTP_FILE_CHANGED;
    t->done = t->first == t->total ? t->size : (uint64_t)t->first * t->chunk_size;
    const int whole = t->declared || (t->flags & HKP_HTP_FILE_VERIFY_HASH) != 0;
    hkp_htp__files_hash_from_start(t, whole ? t->size : t->done);
    hkp_htp__files_enter(f, t,
                         whole         ? HKP_HTP__FILES_HASHING
                         : t->done > 0 ? HKP_HTP__FILES_PREFIX
                                       : HKP_HTP__FILES_ANSWERING);
    return HKP_HTP_FILE_OK;
}

static uint32_t open_stat(hkp_htp__files *f, transfer *t) {
    uint32_t code = t->store.stat(t->store.user, t->store_path, t->store_len, &t->info);
    if (code != HKP_HTP_FILE_OK) return code;
    if ((t->flags & HKP_HTP_FILE_VERIFY_HASH) == 0 || t->info.kind != HKP_HTP_FILE_KIND_FILE) {
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_ANSWERING);
        return HKP_HTP_FILE_OK;
    }
    code = open_content(t);
    if (code != HKP_HTP_FILE_OK) return code;
    hkp_htp__files_hash_from_start(t, t->size);
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_HASHING);
    return HKP_HTP_FILE_OK;
}

/* The extension counts unless it is a folder; whether something is there at all is told only to who may know.
 */
static uint32_t open_delete(hkp_htp__files *f, transfer *t) {
    const struct hkp_htp__files_grant *g = hkp_htp__files_granted(f, t->peer);
    const uint32_t code = t->store.stat(t->store.user, t->store_path, t->store_len, &t->info);
    const int folder = code == HKP_HTP_FILE_OK && t->info.kind == HKP_HTP_FILE_KIND_FOLDER;
    if (!folder && (g == NULL || !hkp_htp__file_extension(g->extensions, t->path, t->path_len)))
        return HKP_HTP_FILE_PERMISSION_DENIED;
    if (code == HKP_HTP_FILE_OK) hkp_htp__files_enter(f, t, HKP_HTP__FILES_REMOVING);
    return code;
}

static uint32_t open_it(hkp_htp__files *f, transfer *t) {
    if (is_put(t->op)) return open_put(f, t);
    if (t->op == HKP_HTP_FILE_READ) return open_read(f, t);
    if (t->op == HKP_HTP_FILE_STAT) return open_stat(f, t);
    if (t->op == HKP_HTP_FILE_DELETE) return open_delete(f, t);
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_ANSWERING);
    return HKP_HTP_FILE_OK;
}

/* ---- Hashes that are complete. */

static void hashed_whole(hkp_htp__files *f, transfer *t) {
    hkp_sha256_final(&t->hash, t->sha256);
    t->known = 1;
    if (t->op == HKP_HTP_FILE_STAT) hkp_htp__files_close(t, 0);
    if (t->op == HKP_HTP_FILE_READ && t->declared && memcmp(t->sha256, t->want, 32) != 0)
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_CHANGED);
    else
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_ANSWERING);
}

static void hashed_prefix(hkp_htp__files *f, transfer *t) {
    struct hkp_sha256 copy = t->hash;
    hkp_sha256_final(&copy, t->prefix);
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_ANSWERING);
}

/* HTP-13.3 VERIFY_HASH of a put: what the store holds is what came. */
static void hashed_again(hkp_htp__files *f, transfer *t) {
    uint8_t stored[32];
    hkp_sha256_final(&t->hash, stored);
    if (memcmp(stored, t->sha256, 32) != 0)
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_HASH_MISMATCH);
    else
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMMITTING);
}

static int hash_step(hkp_htp__files *f, transfer *t, int64_t *budget) {
    const uint8_t state = t->state;
    const int more = hkp_htp__files_hash(f, t, budget);
    if (t->state != state || t->hashed < t->hash_end) return more;
    if (state == HKP_HTP__FILES_HASHING)
        hashed_whole(f, t);
    else if (state == HKP_HTP__FILES_PREFIX)
        hashed_prefix(f, t);
    else
        hashed_again(f, t);
    return 1;
}

/* ---- Answers. */

static void head_of(const transfer *t, file_msg *m) {
    m->total = t->total;
    if (is_put(t->op) && t->declared) memcpy(m->hash, t->want, 4);
    if (t->op == HKP_HTP_FILE_READ && t->known) memcpy(m->hash, t->sha256, 4);
}

/* Entries go straight into out; as many as fit, the rest is for the next LIST. */
static uint32_t write_entries(hkp_htp__files *f, transfer *t, file_msg *m, size_t *end) {
    uint8_t after[HKP_HTP_FILE_NAME_MAX];
    size_t after_len = t->after_len;
    uint32_t got, more = 1;
    memcpy(after, t->after, after_len);
    *end = HKP_HTP__FILE_HEAD + HKP_HTP__FILE_ENTRIES;
    m->count = 0;
    while (more && m->count < t->limit) {
        const uint32_t want =
            t->limit - m->count < HKP_HTP__FILES_PAGE ? t->limit - m->count : (uint32_t)HKP_HTP__FILES_PAGE;
        const uint32_t code = t->store.list(t->store.user, t->store_path, t->store_len, after, after_len,
                                            want, f->page, &got, &more);
        if (code != HKP_HTP_FILE_OK) return code;
        for (uint32_t i = 0; i < got; i++) {
            const struct hkp_htp_file_entry *e = &f->page[i];
            /* A name that no path can have is nobody's to see. */
            if (hkp_htp__file_name(e->name, e->name_len)) {
                const size_t n = hkp_htp__file_write_entry(f->out + *end, sizeof f->out - *end, e);
                if (n == 0) {
                    m->more = 1;
                    return HKP_HTP_FILE_OK;
                }
                *end += n;
                m->count++;
            }
            memcpy(after, e->name, e->name_len);
            after_len = e->name_len;
        }
        if (got == 0) more = 0;
    }
    m->more = (uint8_t)(more != 0);
    return HKP_HTP_FILE_OK;
}

static int answer_list(hkp_htp__files *f, transfer *t) {
    file_msg m = {.op = HKP_HTP_FILE_LIST, .id = t->file_id};
    size_t end;
    f->kept_number = 0;
    const uint32_t code = write_entries(f, t, &m, &end);
    t->again = code == HKP_HTP_FILE_AGAIN;
    if (t->again) return 0;
    if (code != HKP_HTP_FILE_OK) {
        hkp_htp__files_fail(f, t, code);
        return 1;
    }
    (void)hkp_htp__file_write(f->out, &m, 1);
    if (!hkp_htp__files_send(f, t, end, 1)) return 0;
    hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
    return 0;
}

static void fill_meta(const transfer *t, file_msg *m) {
    m->size = t->info.size;
    m->mtime_us = t->info.mtime_us;
    m->ctime_us = t->info.ctime_us;
    m->mode = t->info.mode & 0777;
    m->kind = t->info.kind;
    m->chunk_size = t->op == HKP_HTP_FILE_READ ? t->chunk_size : (uint32_t)HKP_HTP_FILE_CHUNK_DEFAULT;
    if (t->known) memcpy(m->sha256, t->sha256, 32);
}

static int answer(hkp_htp__files *f, transfer *t) {
    file_msg m = {.op = t->op};
    const int content = is_put(t->op) || t->op == HKP_HTP_FILE_READ;
    if (t->op == HKP_HTP_FILE_LIST) return answer_list(f, t);
    head_of(t, &m);
    if (is_put(t->op)) {
        m.first = t->first;
        m.chunk_size = t->chunk_size;
        memcpy(m.sha256, t->prefix, 32);
    } else if (t->op != HKP_HTP_FILE_DELETE) {
        fill_meta(t, &m);
    }
    if (!hkp_htp__files_say(f, t, &m, !content)) return 0;
    if (!content) {
        hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
        return 0;
    }
    t->chunk = t->first;
    hkp_htp__files_enter(f, t, is_put(t->op) ? HKP_HTP__FILES_TAKING : HKP_HTP__FILES_GIVING);
    return 1;
}

static int complete(hkp_htp__files *f, transfer *t) {
    file_msg m = {.op = HKP_HTP__FILE_COMPLETE, .size = t->size};
    if (!t->known) hkp_sha256_final(&t->hash, t->sha256);
    t->known = 1;
    head_of(t, &m);
    if (!is_put(t->op) && !t->declared && (t->flags & HKP_HTP_FILE_VERIFY_HASH) == 0) memset(m.hash, 0, 4);
    memcpy(m.sha256, t->sha256, 32);
    if (t->streamed && !hkp_htp__files_say(f, t, &m, 1)) return 0;
    hkp_htp__files_end(f, t, HKP_HTP_FILE_OK, 0, 0);
    return 0;
}

static int tell_fault(hkp_htp__files *f, transfer *t) {
    const char *text = hkp_htp_file_code_name(t->code);
    file_msg m = {.op = HKP_HTP__FILE_ERROR, .code = t->code, .data = (const uint8_t *)text};
    m.data_len = strlen(text);
    if (t->streamed && !t->fin_out && !hkp_htp__files_say(f, t, &m, 1)) return 0;
    hkp_htp__files_end(f, t, t->code, 0, 0);
    return 0;
}

/* ---- The steps. */

static int commit(hkp_htp__files *f, transfer *t) {
    if (!hkp_htp__files_commit(f, t)) return !t->again;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMPLETING);
    return 1;
}

static int remove_it(hkp_htp__files *f, transfer *t) {
    const uint32_t recursive = (t->flags & HKP_HTP_FILE_RECURSIVE) != 0;
    if (!hkp_htp__files_settled(f, t, t->store.remove(t->store.user, t->store_path, t->store_len, recursive)))
        return !t->again;
    hkp_htp__files_enter(f, t, HKP_HTP__FILES_ANSWERING);
    return 1;
}

int hkp_htp__files_serve(hkp_htp__files *f, transfer *t, int64_t *budget) {
    switch (t->state) {
    case HKP_HTP__FILES_OPENING:
        (void)hkp_htp__files_settled(f, t, open_it(f, t));
        return !t->again;
    case HKP_HTP__FILES_HASHING:
    case HKP_HTP__FILES_PREFIX:
    case HKP_HTP__FILES_VERIFYING:
        return hash_step(f, t, budget);
    case HKP_HTP__FILES_COMMITTING:
        return commit(f, t);
    case HKP_HTP__FILES_REMOVING:
        return remove_it(f, t);
    case HKP_HTP__FILES_ANSWERING:
        return answer(f, t);
    case HKP_HTP__FILES_GIVING:
        if (t->done < t->size) return hkp_htp__files_give(f, t, budget);
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMPLETING);
        return 1;
    case HKP_HTP__FILES_COMPLETING:
        return complete(f, t);
    default:
        return tell_fault(f, t);
    }
}

/* ---- What the client says after its request. */

/* HTP-13.8: size and hash against the declaration and against the bytes. */
static void take_end(hkp_htp__files *f, transfer *t, const file_msg *m) {
    hkp_sha256_final(&t->hash, t->sha256);
    t->known = 1;
    if (t->done != t->size || m->size != t->size || memcmp(m->sha256, t->sha256, 32) != 0 ||
        (t->declared && memcmp(t->want, t->sha256, 32) != 0)) {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_HASH_MISMATCH);
    } else if ((t->flags & HKP_HTP_FILE_VERIFY_HASH) != 0) {
        hkp_htp__files_hash_from_start(t, t->size);
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_VERIFYING);
    } else {
        hkp_htp__files_enter(f, t, HKP_HTP__FILES_COMMITTING);
    }
}

void hkp_htp__files_serve_message(hkp_htp__files *f, transfer *t, const file_msg *m) {
    if (m->op == HKP_HTP__FILE_ERROR) {
        hkp_htp__files_ignore(hkp_htp_stream_send(f->ep, t->session, t->stream, NULL, 0, 1));
        hkp_htp__files_end(f, t, m->code, 1, 0);
    } else if (t->state == HKP_HTP__FILES_TAKING && m->op == HKP_HTP__FILE_CHUNK) {
        const uint32_t code = hkp_htp__files_chunk(f, t, m);
        if (code != HKP_HTP_FILE_OK) hkp_htp__files_fail(f, t, code);
    } else if (t->state == HKP_HTP__FILES_TAKING && m->op == HKP_HTP__FILE_COMPLETE) {
        take_end(f, t, m);
    } else {
        hkp_htp__files_fail(f, t, HKP_HTP_FILE_INVALID_OPERATION);
    }
}
