/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/files/file_wire.h"

#include <string.h>

#include "libter/bytes.h"

typedef struct hkp_htp__file_msg file_msg;

enum { PUT = 56, READY = 40, READ = 42, META = 64, LIST = 6, DONE = 40 };

uint64_t hkp_htp__file_chunks(uint64_t size, uint32_t chunk_size) {
    return size / chunk_size + (size % chunk_size != 0);
}

uint32_t hkp_htp__file_index(uint32_t expected, uint16_t low) {
    const uint16_t ahead = (uint16_t)(low - (uint16_t)expected);
    return ahead < 0x8000 ? expected + ahead : expected - (uint32_t)(0x10000 - ahead);
}

int hkp_htp__file_flags(uint8_t op, uint8_t flags) {
    static const uint8_t allowed[] = {
        [HKP_HTP_FILE_CREATE - 0x30] = HKP_HTP_FILE_COMPRESSED | HKP_HTP_FILE_CREATE_DIRS |
                                       HKP_HTP_FILE_OVERWRITE | HKP_HTP_FILE_VERIFY_HASH |
                                       HKP_HTP_FILE_ATOMIC,
        [HKP_HTP_FILE_READ - 0x30] = HKP_HTP_FILE_COMPRESSED | HKP_HTP_FILE_VERIFY_HASH,
        [HKP_HTP_FILE_UPDATE - 0x30] =
            HKP_HTP_FILE_COMPRESSED | HKP_HTP_FILE_APPEND | HKP_HTP_FILE_VERIFY_HASH | HKP_HTP_FILE_ATOMIC,
        [HKP_HTP_FILE_DELETE - 0x30] = HKP_HTP_FILE_RECURSIVE,
        [HKP_HTP_FILE_STAT - 0x30] = HKP_HTP_FILE_VERIFY_HASH,
        [HKP_HTP__FILE_CHUNK - 0x30] = HKP_HTP_FILE_COMPRESSED,
        [HKP_HTP__FILE_ERROR - 0x30] = 0,
    };
    return op >= 0x30 && op - 0x30U < sizeof allowed && (flags & ~allowed[op - 0x30]) == 0;
}

/* ---- Reading. Each body ends exactly where its layout ends. */

static int chunk_size_ok(uint32_t size) {
    return size >= HKP_HTP_FILE_CHUNK_MIN && size <= HKP_HTP_FILE_CHUNK_MAX;
}

static uint32_t take_path(const uint8_t *len_at, const uint8_t *path, size_t left, file_msg *m) {
    m->path_len = hkp_be16(len_at);
    m->path = path;
    return m->path_len == left ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
}

static uint32_t parse_put(const uint8_t *b, size_t len, file_msg *m) {
    if (len < PUT || take_path(b + 54, b + PUT, len - PUT, m) != HKP_HTP_FILE_OK)
        return HKP_HTP_FILE_BAD_MESSAGE;
    m->size = hkp_be64(b);
    m->mtime_us = hkp_be64(b + 8);
    memcpy(m->sha256, b + 16, 32);
    m->chunk_size = hkp_be32(b + 48);
    m->mode = hkp_be16(b + 52);
    if (!chunk_size_ok(m->chunk_size) || m->mode > 0777) return HKP_HTP_FILE_BAD_MESSAGE;
    /* What the header says must be of this body. */
    const uint64_t total = hkp_htp__file_chunks(m->size, m->chunk_size);
    if (total > UINT32_MAX || (m->total != 0 && m->total != total)) return HKP_HTP_FILE_BAD_MESSAGE;
    if (!hkp_is_zero(m->hash, 4) && memcmp(m->hash, m->sha256, 4) != 0) return HKP_HTP_FILE_BAD_MESSAGE;
    return HKP_HTP_FILE_OK;
}

static uint32_t parse_ready(const uint8_t *b, size_t len, file_msg *m) {
    if (len != READY) return HKP_HTP_FILE_BAD_MESSAGE;
    m->first = hkp_be32(b);
    m->chunk_size = hkp_be32(b + 4);
    memcpy(m->sha256, b + 8, 32);
    return chunk_size_ok(m->chunk_size) ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
}

static uint32_t parse_read(const uint8_t *b, size_t len, file_msg *m) {
    if (len < READ || take_path(b + 40, b + READ, len - READ, m) != HKP_HTP_FILE_OK)
        return HKP_HTP_FILE_BAD_MESSAGE;
    m->first = hkp_be32(b);
    m->chunk_size = hkp_be32(b + 4);
    memcpy(m->sha256, b + 8, 32);
    return chunk_size_ok(m->chunk_size) ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
}

static uint32_t parse_meta(const uint8_t *b, size_t len, file_msg *m) {
    if (len != META) return HKP_HTP_FILE_BAD_MESSAGE;
    m->size = hkp_be64(b);
    m->mtime_us = hkp_be64(b + 8);
    m->ctime_us = hkp_be64(b + 16);
    memcpy(m->sha256, b + 24, 32);
    m->mode = hkp_be16(b + 56);
    m->kind = b[58];
    m->chunk_size = hkp_be32(b + 60);
    const int sized = chunk_size_ok(m->chunk_size) || (m->op == HKP_HTP_FILE_STAT && m->chunk_size == 0);
    const int kind = m->kind == HKP_HTP_FILE_KIND_FILE || m->kind == HKP_HTP_FILE_KIND_FOLDER;
    return sized && kind && b[59] == 0 && m->mode <= 0777 ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
}

static uint32_t parse_list(const uint8_t *b, size_t len, file_msg *m) {
    if (len < LIST) return HKP_HTP_FILE_BAD_MESSAGE;
    m->count = hkp_be16(b);
    m->after_len = hkp_be16(b + 2);
    m->after = b + LIST;
    if (m->count < 1 || m->count > HKP_HTP_FILE_LIST_MAX || m->after_len > HKP_HTP_FILE_NAME_MAX ||
        m->after_len > len - LIST)
        return HKP_HTP_FILE_BAD_MESSAGE;
    return take_path(b + 4, b + LIST + m->after_len, len - LIST - m->after_len, m);
}

/* Names come from the peer and may become files here: each is a part as of HTP-13.6, and they ascend. */
static uint32_t parse_entries(const uint8_t *b, size_t len, file_msg *m) {
    if (len < HKP_HTP__FILE_ENTRIES || b[2] > 1 || b[3] != 0) return HKP_HTP_FILE_BAD_MESSAGE;
    m->count = hkp_be16(b);
    m->more = b[2];
    m->data = b + HKP_HTP__FILE_ENTRIES;
    m->data_len = len - HKP_HTP__FILE_ENTRIES;
    const uint8_t *before = NULL;
    size_t at = 0, before_len = 0;
    if (m->count > HKP_HTP_FILE_LIST_MAX) return HKP_HTP_FILE_BAD_MESSAGE;
    for (unsigned i = 0; i < m->count; i++) {
        if (m->data_len - at < HKP_HTP__FILE_ENTRY) return HKP_HTP_FILE_BAD_MESSAGE;
        const uint8_t *e = m->data + at, *name = e + HKP_HTP__FILE_ENTRY;
        const size_t n = e[1];
        if (n > m->data_len - at - HKP_HTP__FILE_ENTRY || !hkp_htp__file_name(name, n) ||
            (e[0] != HKP_HTP_FILE_KIND_FILE && e[0] != HKP_HTP_FILE_KIND_FOLDER))
            return HKP_HTP_FILE_BAD_MESSAGE;
        if (before != NULL) {
            const int order = memcmp(before, name, before_len < n ? before_len : n);
            if (order > 0 || (order == 0 && before_len >= n)) return HKP_HTP_FILE_BAD_MESSAGE;
        }
        before = name;
        before_len = n;
        at += HKP_HTP__FILE_ENTRY + n;
    }
    return at == m->data_len ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
}

static uint32_t parse_error(const uint8_t *b, size_t len, file_msg *m) {
    if (len < 2 || len != 2U + b[1] || b[0] < HKP_HTP_FILE_NOT_FOUND || b[0] > HKP_HTP_FILE_CHANGED)
        return HKP_HTP_FILE_BAD_MESSAGE;
    m->code = b[0];
    m->data = b + 2;
    m->data_len = b[1];
    return HKP_HTP_FILE_OK;
}

static uint32_t parse_end(const uint8_t *b, size_t len, file_msg *m) {
    if (len != DONE) return HKP_HTP_FILE_BAD_MESSAGE;
    m->size = hkp_be64(b);
    memcpy(m->sha256, b + 8, 32);
    return HKP_HTP_FILE_OK;
}

static uint32_t parse_body(const uint8_t *b, size_t len, int from_server, file_msg *m) {
    switch (m->op) {
    case HKP_HTP_FILE_CREATE:
    case HKP_HTP_FILE_UPDATE:
        return from_server ? parse_ready(b, len, m) : parse_put(b, len, m);
    case HKP_HTP_FILE_READ:
        return from_server ? parse_meta(b, len, m) : parse_read(b, len, m);
    case HKP_HTP_FILE_STAT:
        if (from_server) return parse_meta(b, len, m);
        break;
    case HKP_HTP_FILE_DELETE:
        if (from_server) return len == 0 ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
        break;
    case HKP_HTP_FILE_LIST:
        return from_server ? parse_entries(b, len, m) : parse_list(b, len, m);
    case HKP_HTP__FILE_CHUNK:
        m->data = b;
        m->data_len = len;
        return len > 0 ? HKP_HTP_FILE_OK : HKP_HTP_FILE_BAD_MESSAGE;
    case HKP_HTP__FILE_COMPLETE:
        return parse_end(b, len, m);
    default:
        return parse_error(b, len, m);
    }
    return len < 2 ? HKP_HTP_FILE_BAD_MESSAGE : take_path(b, b + 2, len - 2, m);
}

uint32_t hkp_htp__file_parse(const uint8_t *msg, size_t len, int from_server, file_msg *m) {
    memset(m, 0, sizeof *m);
    if (len < HKP_HTP__FILE_HEAD) return HKP_HTP_FILE_BAD_MESSAGE;
    m->op = msg[0];
    m->flags = msg[1];
    m->index = hkp_be16(msg + 2);
    m->id = hkp_be32(msg + 4);
    m->total = hkp_be32(msg + 8);
    memcpy(m->hash, msg + 12, 4);
    if (m->op < HKP_HTP_FILE_CREATE || m->op > HKP_HTP__FILE_ERROR) return HKP_HTP_FILE_INVALID_OPERATION;
    if (m->id == 0) return HKP_HTP_FILE_BAD_MESSAGE;
    if (!hkp_htp__file_flags(m->op, m->flags)) return HKP_HTP_FILE_INVALID_OPERATION;
    if (m->index != 0 && m->op != HKP_HTP__FILE_CHUNK) return HKP_HTP_FILE_BAD_MESSAGE;
    return parse_body(msg + HKP_HTP__FILE_HEAD, len - HKP_HTP__FILE_HEAD, from_server, m);
}

void hkp_htp__file_read_entry(const uint8_t *data, size_t *at, struct hkp_htp_file_entry *e) {
    const uint8_t *p = data + *at;
    memset(e, 0, sizeof *e);
    e->info.kind = p[0];
    e->name_len = p[1];
    e->info.size = hkp_be64(p + 2);
    e->info.mtime_us = hkp_be64(p + 10);
    memcpy(e->name, p + HKP_HTP__FILE_ENTRY, e->name_len);
    *at += HKP_HTP__FILE_ENTRY + e->name_len;
}

/* ---- Writing. */

void hkp_htp__file_write_head(uint8_t dst[HKP_HTP__FILE_HEAD], const file_msg *m) {
    dst[0] = m->op;
    dst[1] = m->flags;
    hkp_put_be16(dst + 2, m->index);
    hkp_put_be32(dst + 4, m->id);
    hkp_put_be32(dst + 8, m->total);
    memcpy(dst + 12, m->hash, 4);
}

static size_t write_path(uint8_t *len_at, uint8_t *dst, const file_msg *m) {
    hkp_put_be16(len_at, (uint16_t)m->path_len);
    memcpy(dst, m->path, m->path_len);
    return m->path_len;
}

static size_t write_put(uint8_t *b, const file_msg *m) {
    hkp_put_be64(b, m->size);
    hkp_put_be64(b + 8, m->mtime_us);
    memcpy(b + 16, m->sha256, 32);
    hkp_put_be32(b + 48, m->chunk_size);
    hkp_put_be16(b + 52, m->mode);
    return PUT + write_path(b + 54, b + PUT, m);
}

/* The heads of ready and READ are the same. */
static size_t write_first(uint8_t *b, const file_msg *m) {
    hkp_put_be32(b, m->first);
    hkp_put_be32(b + 4, m->chunk_size);
    memcpy(b + 8, m->sha256, 32);
    return READY;
}

static size_t write_meta(uint8_t *b, const file_msg *m) {
    hkp_put_be64(b, m->size);
    hkp_put_be64(b + 8, m->mtime_us);
    hkp_put_be64(b + 16, m->ctime_us);
    memcpy(b + 24, m->sha256, 32);
    hkp_put_be16(b + 56, m->mode);
    b[58] = m->kind;
    b[59] = 0;
    hkp_put_be32(b + 60, m->chunk_size);
    return META;
}

static size_t write_list(uint8_t *b, const file_msg *m) {
    hkp_put_be16(b, m->count);
    hkp_put_be16(b + 2, (uint16_t)m->after_len);
    if (m->after_len > 0) memcpy(b + LIST, m->after, m->after_len);
    return LIST + m->after_len + write_path(b + 4, b + LIST + m->after_len, m);
}

static size_t write_entries(uint8_t *b, const file_msg *m) {
    hkp_put_be16(b, m->count);
    b[2] = m->more;
    b[3] = 0;
    return HKP_HTP__FILE_ENTRIES;
}

static size_t write_body(uint8_t *b, const file_msg *m, int from_server) {
    switch (m->op) {
    case HKP_HTP_FILE_CREATE:
    case HKP_HTP_FILE_UPDATE:
        return from_server ? write_first(b, m) : write_put(b, m);
    case HKP_HTP_FILE_READ:
        if (from_server) return write_meta(b, m);
        (void)write_first(b, m);
        return READ + write_path(b + READY, b + READ, m);
    case HKP_HTP_FILE_STAT:
        return from_server ? write_meta(b, m) : 2 + write_path(b, b + 2, m);
    case HKP_HTP_FILE_DELETE:
        return from_server ? 0 : 2 + write_path(b, b + 2, m);
    case HKP_HTP_FILE_LIST:
        return from_server ? write_entries(b, m) : write_list(b, m);
    case HKP_HTP__FILE_CHUNK:
        return 0;
    case HKP_HTP__FILE_COMPLETE:
        hkp_put_be64(b, m->size);
        memcpy(b + 8, m->sha256, 32);
        return DONE;
    default:
        b[0] = m->code;
        b[1] = (uint8_t)m->data_len;
        memcpy(b + 2, m->data, m->data_len);
        return 2 + m->data_len;
    }
}

size_t hkp_htp__file_write(uint8_t *dst, const file_msg *m, int from_server) {
    hkp_htp__file_write_head(dst, m);
    return HKP_HTP__FILE_HEAD + write_body(dst + HKP_HTP__FILE_HEAD, m, from_server);
}

size_t hkp_htp__file_write_entry(uint8_t *dst, size_t cap, const struct hkp_htp_file_entry *e) {
    if (cap < HKP_HTP__FILE_ENTRY + e->name_len) return 0;
    dst[0] = e->info.kind;
    dst[1] = (uint8_t)e->name_len;
    hkp_put_be64(dst + 2, e->info.size);
    hkp_put_be64(dst + 10, e->info.mtime_us);
    memcpy(dst + HKP_HTP__FILE_ENTRY, e->name, e->name_len);
    return HKP_HTP__FILE_ENTRY + e->name_len;
}
