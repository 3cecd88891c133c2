/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/flow/message.h"

#include <hookprobe/htp.h>

#include "libhtp/zarena.h"
#include "libter/bytes.h"

hkp_status hkp_htp__message_head(const uint8_t *head, uint64_t avail, uint32_t max,
                                 struct hkp_htp__message *m) {
    *m = (struct hkp_htp__message){0, 0, 0};
    if (avail < HKP_HTP__MESSAGE_HEAD) return HKP_OK;
    uint32_t word = hkp_be32(head), len = word & ~HKP_HTP__MESSAGE_COMPRESSED;
    m->compressed = (word & HKP_HTP__MESSAGE_COMPRESSED) != 0;
    if (!m->compressed) {
        if (len > max) return HKP_E_HTP_MESSAGE;
        m->plain_len = len;
    } else {
        if (len < 4 || len > (uint64_t)max + HKP_HTP__MESSAGE_SLACK) return HKP_E_HTP_MESSAGE;
        if (avail < HKP_HTP__MESSAGE_HEAD + 4) return HKP_OK;
        m->plain_len = hkp_be32(head + 4);
        if (m->plain_len > max) return HKP_E_HTP_MESSAGE;
    }
    m->size = HKP_HTP__MESSAGE_HEAD + (uint64_t)len;
    return HKP_OK;
}

/* dst has plain_len + 1 bytes: one more than the message may have shows a lie without a bomb. */
static int inflate_exactly(struct hkp_htp__chain *chain, uint64_t at, uint64_t len,
                           struct hkp_htp__zarena *arena, uint8_t *dst, uint32_t plain_len) {
    z_stream z;
    hkp_htp__zarena_use(arena, &z);
    if (inflateInit(&z) != Z_OK) return Z_MEM_ERROR;
    z.next_out = dst;
    z.avail_out = plain_len + 1;
    int rc = Z_OK;
    while (rc == Z_OK && len > 0 && z.avail_out > 0) {
        size_t n = len < HKP_HTP__CHAIN_DATA ? (size_t)len : (size_t)HKP_HTP__CHAIN_DATA;
        z.next_in = hkp_htp__chain_piece(chain, at, &n);
        z.avail_in = (uInt)n;
        rc = inflate(&z, Z_NO_FLUSH);
        at += n - z.avail_in;
        len -= n - z.avail_in;
        if (rc == Z_BUF_ERROR) break;
    }
    int good = rc == Z_STREAM_END && len == 0 && z.total_out == plain_len;
    (void)inflateEnd(&z);
    return good ? Z_OK : rc == Z_MEM_ERROR ? Z_MEM_ERROR : Z_DATA_ERROR;
}

hkp_status hkp_htp__message_body(struct hkp_htp__chain *chain, struct hkp_htp__pools *pools, uint64_t offset,
                                 const struct hkp_htp__message *m, const uint8_t **body) {
    /* What no zlib stream of this length can give is a lie, and gets no memory. */
    if (m->compressed && m->plain_len > (m->size - HKP_HTP__MESSAGE_HEAD - 4) * HKP_HTP__MESSAGE_RATIO)
        return HKP_E_HTP_MESSAGE;
    uint8_t *dst = hkp_htp__pools_scratch(pools, (size_t)m->plain_len + 1);
    if (dst == NULL) return HKP_E_NOMEM;
    if (!m->compressed) {
        hkp_htp__chain_read(chain, offset + HKP_HTP__MESSAGE_HEAD, dst, m->plain_len);
    } else {
        struct hkp_htp__zarena arena = {hkp_htp__pools_arena(pools), HKP_HTP__ARENA_SIZE};
        if (arena.at == NULL) return HKP_E_NOMEM;
        int rc = inflate_exactly(chain, offset + HKP_HTP__MESSAGE_HEAD + 4,
                                 m->size - HKP_HTP__MESSAGE_HEAD - 4, &arena, dst, m->plain_len);
        if (rc != Z_OK) return rc == Z_MEM_ERROR ? HKP_E_NOMEM : HKP_E_HTP_MESSAGE;
    }
    *body = dst;
    return HKP_OK;
}

/* Writes at most room bytes; the length of the zlib stream, 0: it is longer, or the pool is empty. */
static size_t deflate_into(z_stream *z, struct hkp_htp__chain *chain, struct hkp_htp__pools *pools,
                           uint64_t offset, size_t room) {
    uint8_t piece[1024];
    int rc = Z_OK;
    size_t total = 0;
    while (rc == Z_OK) {
        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = deflate(z, Z_FINISH);
        size_t n = sizeof piece - z->avail_out;
        if (n > room - total || !hkp_htp__chain_write(chain, pools, offset + total, piece, n)) return 0;
        total += n;
    }
    return rc == Z_STREAM_END ? total : 0;
}

size_t hkp_htp__message_deflate(struct hkp_htp__chain *chain, struct hkp_htp__pools *pools, uint64_t offset,
                                const uint8_t *msg, size_t len, int level) {
    enum { WINDOW_BITS = 15, MEM_LEVEL = 8 };
    struct hkp_htp__zarena arena = {hkp_htp__pools_packer(pools), HKP_HTP__PACKER_SIZE};
    z_stream z;
    hkp_htp__zarena_use(&arena, &z);
    if (arena.at == NULL ||
        deflateInit2(&z, level, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    z.next_in = msg;
    z.avail_in = (uInt)len;
    /* With plain_len before it, it must be shorter than the message itself. */
    size_t packed = deflate_into(&z, chain, pools, offset, len - 5);
    (void)deflateEnd(&z);
    return packed;
}
