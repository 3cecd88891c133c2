/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What both ends do with content: chunks that go out and come in, and its hash (HTP-13.4, 13.8). */
#include <string.h>

#include "libhtp/crypto/crypto.h"
#include "libhtp/files/files.h"

typedef hkp_htp__transfer transfer;

int hkp_htp__files_cut(transfer *t) {
    const uint64_t total = hkp_htp__file_chunks(t->size, t->chunk_size);
    if (total > UINT32_MAX) return 0;
    t->total = (uint32_t)total;
    return 1;
}

void hkp_htp__files_part(transfer *t, const uint8_t node_id[16], const uint8_t *b, size_t b_len) {
    uint8_t name[32];
    hkp_htp__hash(name, PARTS({node_id, 16}, {t->path, t->path_len}, {b, b_len}));
    memcpy(t->part, name, 16);
}

uint32_t hkp_htp__files_create(transfer *t, uint32_t flags, uint64_t *have) {
    struct hkp_htp_store_put put = {.path = t->store_path,
                                    .path_len = t->store_len,
                                    .flags = flags,
                                    .size = t->size,
                                    .quota = t->quota,
                                    .quota_root = t->store_path,
                                    .quota_root_len = t->root_len,
                                    .mode = t->mode,
                                    .mtime_us = t->mtime_us};
    memcpy(put.part, t->part, 16);
    *have = 0;
    const uint32_t code = t->store.create(t->store.user, &put, &t->handle, have);
    t->again = code == HKP_HTP_FILE_AGAIN;
    if (code != HKP_HTP_FILE_OK) return code;
    t->open = t->writing = 1;
    if (*have > t->size) *have = t->size;
    if ((flags & HKP_HTP_STORE_RESUME) == 0) *have = 0;
    return code;
}

/* ---- Hashes. */

void hkp_htp__files_hash_from_start(transfer *t, uint64_t end) {
    hkp_sha256_init(&t->hash);
    t->hashed = 0;
    t->hash_end = end;
}

int hkp_htp__files_hash(hkp_htp__files *f, transfer *t, int64_t *budget) {
    int64_t turn = HKP_HTP__FILES_TURN;
    f->kept_number = 0;
    while (t->hashed < t->hash_end && turn > 0 && *budget > 0) {
        const uint64_t left = t->hash_end - t->hashed;
        const size_t n = left < HKP_HTP_FILE_CHUNK_MAX ? (size_t)left : (size_t)HKP_HTP_FILE_CHUNK_MAX;
        const uint32_t code = t->store.read(t->store.user, t->handle, t->hashed, f->plain, n);
        if (code == HKP_HTP_FILE_AGAIN) {
            t->again = 1;
            return 0;
        }
        if (code != HKP_HTP_FILE_OK) {
            hkp_htp__files_fail(f, t, code);
            return 1;
        }
        hkp_sha256_update(&t->hash, f->plain, n);
        t->hashed += n;
        turn -= (int64_t)n;
        *budget -= (int64_t)n;
        t->step = f->now;
    }
    return 1;
}

/* ---- Chunks that go out. */

/* Whether this chunk is worth a try: after some in vain, most are not. */
static int worth_packing(transfer *t) {
    if ((t->flags & HKP_HTP_FILE_COMPRESSED) == 0) return 0;
    if (t->skip == 0) return 1;
    t->skip--;
    return 0;
}

static z_stream *packer(hkp_htp__files *f) {
    if (f->deflate_memory == NULL) {
        f->deflate_memory = f->mem.alloc(f->mem.user, HKP_HTP__DEFLATE_BYTES);
        if (f->deflate_memory == NULL) return NULL;
        f->deflate_arena = (struct hkp_htp__zarena){f->deflate_memory, HKP_HTP__DEFLATE_BYTES};
        if (!hkp_htp__pack_deflate_new(&f->deflate, &f->deflate_arena)) {
            f->mem.free(f->mem.user, f->deflate_memory, HKP_HTP__DEFLATE_BYTES);
            f->deflate_memory = NULL;
            return NULL;
        }
    }
    return &f->deflate;
}

/* Puts a chunk of n bytes into out, behind its head; where that made it shorter, compressed. */
static uint32_t make_chunk(hkp_htp__files *f, transfer *t, size_t n) {
    struct hkp_htp__file_msg m = {.op = HKP_HTP__FILE_CHUNK, .index = (uint16_t)t->chunk, .id = t->file_id};
    uint8_t *data = f->out + HKP_HTP__FILE_HEAD;
    z_stream *z = worth_packing(t) ? packer(f) : NULL;
    uint8_t *plain = z != NULL ? f->plain : data;
    size_t packed = 0;
    f->kept_number = 0;
    const uint32_t code = t->store.read(t->store.user, t->handle, t->done, plain, n);
    if (code != HKP_HTP_FILE_OK) return code;
    if (z != NULL) {
        packed = hkp_htp__pack_deflate(z, plain, n, data);
        if (packed == 0) memcpy(data, plain, n);
        if (packed == 0 && t->vain < HKP_HTP__FILES_SKIP) t->vain++;
        if (packed != 0) t->vain = 0;
        t->skip = packed == 0 ? (uint8_t)(1U << t->vain) : 0;
    }
    if (packed != 0) m.flags = HKP_HTP_FILE_COMPRESSED;
    m.total = t->total;
    if (t->declared) memcpy(m.hash, t->want, 4);
    hkp_htp__file_write_head(f->out, &m);
    f->kept_plain = plain;
    f->kept_len = HKP_HTP__FILE_HEAD + (packed != 0 ? packed : n);
    f->kept_index = t->chunk;
    f->kept_number = t->number;
    return HKP_HTP_FILE_OK;
}

static int give_one(hkp_htp__files *f, transfer *t, size_t n) {
    if (f->kept_number != t->number || f->kept_index != t->chunk) {
        const uint32_t code = make_chunk(f, t, n);
        t->again = code == HKP_HTP_FILE_AGAIN;
        if (t->again) return 0;
        if (code != HKP_HTP_FILE_OK) {
            hkp_htp__files_fail(f, t, code);
            return 0;
        }
    }
    if (!hkp_htp__files_send(f, t, f->kept_len, 0)) return 0;
    f->kept_number = 0;
    if (!t->known && t->hashed == t->done) {
        hkp_sha256_update(&t->hash, f->kept_plain, n);
        t->hashed += n;
    }
    t->done += n;
    t->chunk++;
    t->step = f->now;
    return 1;
}

int hkp_htp__files_give(hkp_htp__files *f, transfer *t, int64_t *budget) {
    int64_t turn = HKP_HTP__FILES_TURN;
    if (f->full == t->session) {
        t->blocked = 1;
        return 0;
    }
    while (t->done < t->size && turn > 0 && *budget > 0) {
        const uint64_t left = t->size - t->done;
        const size_t n = left < t->chunk_size ? (size_t)left : t->chunk_size;
        if (!give_one(f, t, n)) return 0;
        turn -= (int64_t)n;
        *budget -= (int64_t)n;
    }
    hkp_htp__files_progress(f, t);
    return 1;
}

/* ---- Chunks that come in. */

/* The plain bytes of a chunk that must have n. */
static uint32_t unpack(hkp_htp__files *f, const transfer *t, const struct hkp_htp__file_msg *m, size_t n,
                       const uint8_t **plain) {
    *plain = m->data;
    if ((m->flags & HKP_HTP_FILE_COMPRESSED) == 0)
        return m->data_len == n ? HKP_HTP_FILE_OK : HKP_HTP_FILE_TRANSFER_FAILED;
    if ((t->flags & HKP_HTP_FILE_COMPRESSED) == 0) return HKP_HTP_FILE_INVALID_OPERATION;
    f->kept_number = 0;
    *plain = f->plain;
    return hkp_htp__pack_inflate(&f->inflate, m->data, m->data_len, f->plain, n);
}

uint32_t hkp_htp__files_chunk(hkp_htp__files *f, transfer *t, const struct hkp_htp__file_msg *m) {
    const uint64_t left = t->size - t->done;
    const size_t n = left < t->chunk_size ? (size_t)left : t->chunk_size;
    const uint8_t *plain;
    if (hkp_htp__file_index(t->chunk, m->index) != t->chunk) return HKP_HTP_FILE_CHUNK_MISSING;
    if (t->chunk >= t->total) return HKP_HTP_FILE_TRANSFER_FAILED;
    if (t->done + n > t->size_max) return HKP_HTP_FILE_QUOTA_EXCEEDED;
    uint32_t code = unpack(f, t, m, n, &plain);
    if (code != HKP_HTP_FILE_OK) return code;
    code = t->store.write(t->store.user, t->handle, t->done, plain, n);
    if (code != HKP_HTP_FILE_OK) return code;
    hkp_sha256_update(&t->hash, plain, n);
    t->hashed += n;
    t->done += n;
    t->chunk++;
    t->step = f->now;
    hkp_htp__files_progress(f, t);
    return HKP_HTP_FILE_OK;
}
