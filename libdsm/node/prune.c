/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * What is old goes (D-STO-8): blocks below final heads first, headers and bodies much later, boundary headers
 * and the links of epochs never. Age is chain time, so a wrong clock deletes nothing. Only ended epochs are
 * touched: their promises lie below a watermark since the epoch after them began (D-STO-6), and a start reads
 * nothing of them. One height after the other, each with its own reads, so a tick costs little.
 *
 * Of each author the newest final block stays, which new blocks are compared with (D-BLK-4).
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum { STEP_HEADER, STEP_BODY, STEP_HEADS, HEADS_A_TURN = 64, PAUSE_S = 30 };
enum { READING_HEADER = 1, READING_BODY = 2 };

static const uint8_t pruned_key[] = {'p', 'r', 'u', 'n', 'e', 'd'};

int hkp_dsm__prune_meta(node *n, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
    if (key_len != sizeof pruned_key || memcmp(key, pruned_key, key_len) != 0) return 0;
    if (len != 16) return -1;
    n->prune.blocks = hkp_be64(data);
    n->prune.headers = hkp_be64(data + 8);
    return 1;
}

/* Where the next pass begins; lost with a crash it costs a second pass over what is gone. */
static void remember(node *n) {
    uint8_t value[16];
    hkp_put_be64(value, n->prune.blocks);
    hkp_put_be64(value + 8, n->prune.headers);
    hkp_dsm__put(n, HKP_DSM_ROW_META, pruned_key, sizeof pruned_key, value, sizeof value);
    n->prune.changed = 0;
}

static void drop_heights(node *n, uint32_t row, uint64_t from, uint64_t to) {
    uint8_t a[8], b[8];
    hkp_put_be64(a, from);
    hkp_put_be64(b, to);
    hkp_dsm__drop(n, row, a, b, sizeof b);
}

/* ---- blocks ---- */

/* The block goes before its place: a place without its block proves nothing, the other way round the block
 * would seem to belong to a later checkpoint. */
static void drop_blocks(node *n, const struct hkp_dsm__head *h) {
    const struct author *a = hkp_dsm__author(n, h->node_id);
    uint64_t end = a != NULL && a->final.seq <= h->seq ? a->final.seq : h->seq + 1;
    uint8_t from[24], to[24];
    hkp_dsm__key_block(from, h->node_id, 0);
    hkp_dsm__key_block(to, h->node_id, end);
    hkp_dsm__drop(n, HKP_DSM_ROW_BLOCK, from, to, sizeof to);
    hkp_dsm__drop(n, HKP_DSM_ROW_PLACE, from, to, sizeof to);
}

static void height_done(node *n, uint64_t *next, uint64_t height) {
    struct prune *p = &n->prune;
    hkp_dsm__blob_drop(&n->pool, p->body);
    p->body = NULL;
    p->step = STEP_HEADER;
    *next = height + 1;
    p->changed = 1;
}

static void drop_some(node *n) {
    struct prune *p = &n->prune;
    for (uint32_t i = 0; i < HEADS_A_TURN && p->left > 0; i++, p->left--) {
        struct hkp_dsm__head h;
        hkp_dsm__body_head(&p->at, &h);
        drop_blocks(n, &h);
    }
    if (p->left == 0) height_done(n, &p->blocks, p->height);
}

/* ---- headers ---- */

static void drop_header(node *n, const struct hkp_dsm__header *h) {
    if (hkp_is_zero(h->next_valset, 32)) {
        hkp_dsm__drop_one(n, HKP_DSM_ROW_DIGEST, h->digest, 32);
        drop_heights(n, HKP_DSM_ROW_HEADER, h->height, h->height + 1);
        drop_heights(n, HKP_DSM_ROW_FINAL, h->height, h->height + 1);
    }
    drop_heights(n, HKP_DSM_ROW_BODY, h->height, h->height + 1);
    drop_heights(n, HKP_DSM_ROW_LEAVES, h->height, h->height + 1);
}

/* ---- one step after the other ---- */

static int old_enough(const node *n, const struct hkp_dsm__header *h, uint64_t keep_s) {
    return h->height < n->epoch_first && keep_s < (n->root.time_ms - h->time_ms) / 1000;
}

static struct read *scan_header(node *n, uint64_t from) {
    uint8_t a[8], b[8];
    hkp_put_be64(a, from);
    hkp_put_be64(b, n->epoch_first - 1);
    return hkp_dsm__scan(n, READ_PRUNE, HKP_DSM_ROW_HEADER, a, b, 8, 1);
}

void hkp_dsm__prune(node *n) {
    struct prune *p = &n->prune;
    if (p->reading || n->now < p->again || n->epoch_first == 1 || !hkp_dsm__may_take(n)) return;
    if (p->step == STEP_HEADS) {
        drop_some(n);
        return;
    }
    struct read *r;
    if (p->step == STEP_BODY) {
        uint8_t key[8];
        hkp_put_be64(key, p->height);
        r = hkp_dsm__get(n, READ_PRUNE, HKP_DSM_ROW_BODY, key, sizeof key);
    } else {
        p->found = 0;
        r = scan_header(n, p->turn ? p->headers : p->blocks);
    }
    if (r != NULL) p->reading = p->step == STEP_BODY ? READING_BODY : READING_HEADER;
}

static void header_row(node *n, const uint8_t *data, size_t len) {
    struct prune *p = &n->prune;
    struct hkp_dsm__header h;
    if (hkp_dsm__header_parse(n->chain_id, data, len, &h) != HKP_OK ||
        !old_enough(n, &h, p->turn ? n->keep_headers_s : n->keep_blocks_s))
        return;
    p->found = 1;
    p->height = h.height;
    if (p->turn) {
        drop_header(n, &h);
        height_done(n, &p->headers, h.height);
    } else {
        p->step = STEP_BODY;
    }
}

static void body_row(node *n, const uint8_t *data, size_t len) {
    struct prune *p = &n->prune;
    struct hkp_dsm__body parsed;
    p->body = hkp_dsm__bytes(n, data, len);
    if (p->body == NULL) return;
    if (hkp_dsm__body_parse(p->body->ptr, len, &parsed) != HKP_OK) return;
    p->at = parsed.heads;
    p->left = (uint32_t)parsed.n_heads;
    p->step = STEP_HEADS;
}

void hkp_dsm__prune_row(node *n, const uint8_t *data, size_t len) {
    if (n->prune.reading == READING_BODY)
        body_row(n, data, len);
    else
        header_row(n, data, len);
}

void hkp_dsm__prune_end(node *n) {
    struct prune *p = &n->prune;
    uint32_t was = p->reading;
    p->reading = 0;
    if (was == READING_BODY) { /* not here or not to be read: what it named goes with later heads */
        if (p->step != STEP_HEADS) height_done(n, &p->blocks, p->height);
        return;
    }
    if (p->found || p->turn++ == 0) return;
    p->turn = 0;
    if (p->changed) remember(n);
    p->again = n->now + PAUSE_S * SECOND;
}

hkp_time hkp_dsm__prune_wake(const node *n) {
    if (n->epoch_first == 1 || n->prune.reading) return HKP_TIME_NEVER;
    return n->prune.again > n->now ? n->prune.again : n->now + MS;
}

hkp_status hkp_dsm_node_kept(const hkp_dsm_node *n, uint64_t *blocks, uint64_t *headers) {
    *blocks = n->prune.blocks;
    *headers = n->prune.headers;
    return HKP_OK;
}
