/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Answers to WANT and CERT_WANT: one ITEMS message each, from memory as far as blocks are there, the rest
 * from the store, one range after the other. It ends when it is large enough; the asker asks on (D-GSP-21).
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

enum {
    CERT_WANT_MAX = 64,
    ITEM_MAX = 17408,
    /** room for the head of the message, whose length depends on the number of items */
    HEAD = 16,
    ITEMS_MAX = 4096,
    JOBS_OF_PEER = 2,
    /** jobs that only members may take, for blocks of a proposal (lane 0) */
    JOBS_KEPT = 2,
    RANGE_BYTES = 32,
    /** bytes of answers that wait for one peer and of those being made, and of one (D-GSP-13) */
    WAITING_BYTES_MAX = 1048576,
    ANSWER_BYTES_MAX = ITEMS_BYTES_MAX + ITEM_MAX,
    /** young blocks that go with a proposal: what is above is asked for */
    YOUNG_BYTES_MAX = 65536
};

static blob *answer_room(node *n) {
    if (hkp_dsm__fuller(n, FILL_ANSWERS)) return NULL;
    blob *out = hkp_dsm__room(n, ITEMS_BYTES_MAX + ITEM_MAX + HEAD);
    if (out != NULL) out->len = HEAD;
    return out;
}

static int answer_full(const blob *out, uint32_t count) {
    return out->len >= ITEMS_BYTES_MAX || count >= ITEMS_MAX;
}

static void answer_add(blob *out, uint32_t *count, const uint8_t *item, size_t len) {
    memcpy(out->ptr + out->len, item, len);
    out->len += (uint32_t)len;
    (*count)++;
}

/* Small answers do not keep the room of large ones while they wait to be sent. */
static blob *answer_end(node *n, blob *out, uint32_t count) {
    uint8_t head[HEAD];
    struct hkp_dsm_cbor_writer w = {.out = head, .cap = sizeof head};
    hkp_dsm__put_list(&w, HKP_DSM__OP_MSG_ITEMS, count);
    out->ptr += HEAD - w.len;
    out->len -= HEAD - (uint32_t)w.len;
    memcpy(out->ptr, head, w.len);
    blob *small = out->len < ITEMS_BYTES_MAX / 2 ? hkp_dsm__bytes(n, out->ptr, out->len) : NULL;
    if (small == NULL) return out;
    hkp_dsm__blob_drop(&n->pool, out);
    return small;
}

static void answer_send(node *n, struct peer *p, uint32_t lane, blob *out, uint32_t count) {
    blob *msg = answer_end(n, out, count);
    if (p != NULL) hkp_dsm__send_peer(n, p, lane, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

/* ---- WANT ---- */

/* 1: all that is here was in memory or is not durable yet (D-BLK-6), 0: the rest is in the store. */
static int answer_memory(const node *n, struct want_job *j, const struct author *a, uint64_t *from,
                         uint64_t to) {
    for (; *from <= to && !answer_full(j->out, j->count); ++*from) {
        const struct block *b = hkp_dsm__block_at(n, a, *from);
        if (b == NULL) return 0;
        if (b->ticket > n->durable) return 1;
        answer_add(j->out, &j->count, b->item->ptr, b->item->len);
    }
    return 1;
}

/* Blocks of another branch of this author: a checkpoint of theirs may need them (D-BLK-13). */
static void answer_branch(struct want_job *j, const struct author *a, uint64_t from, uint64_t to) {
    for (const struct block *b = a->branch; b != NULL && !answer_full(j->out, j->count); b = b->next)
        if (b->b.seq >= from && b->b.seq <= to) answer_add(j->out, &j->count, b->item->ptr, b->item->len);
}

/* 1: done with this range, 0: its rest is being read. */
static int answer_range(node *n, struct want_job *j, const uint8_t range[RANGE_BYTES]) {
    const struct author *a = hkp_dsm__author(n, range);
    if (a == NULL) return 1;
    uint64_t first = hkp_be64(range + 16), last = hkp_be64(range + 24), from = first;
    uint64_t to = last < a->tip.seq ? last : a->tip.seq;
    if (answer_memory(n, j, a, &from, to)) {
        answer_branch(j, a, first, last);
        return 1;
    }
    uint8_t key[24], key_to[24];
    hkp_dsm__key_block(key, a->node_id, from);
    struct read *r = hkp_dsm__scan(n, READ_ITEMS, HKP_DSM_ROW_BLOCK, key, key_to,
                                   hkp_dsm__key_block(key_to, a->node_id, to), (uint32_t)(to - from + 1));
    if (r == NULL) return 1;
    r->proof = (uint32_t)(j - n->want_jobs);
    return 0;
}

static void go_on(node *n, struct want_job *j) {
    while (j->at < j->ranges->len / RANGE_BYTES && !answer_full(j->out, j->count))
        if (!answer_range(n, j, j->ranges->ptr + (size_t)j->at++ * RANGE_BYTES)) return;
    answer_send(n, hkp_dsm__peer(n, j->peer), j->lane, j->out, j->count);
    hkp_dsm__blob_drop(&n->pool, j->ranges);
    *j = (struct want_job){0};
}

void hkp_dsm__items_row(node *n, struct read *r, const uint8_t *data, size_t len) {
    struct want_job *j = &n->want_jobs[r->proof];
    if (!answer_full(j->out, j->count) && len <= ITEM_MAX) answer_add(j->out, &j->count, data, len);
}

void hkp_dsm__items_end(node *n, struct read *r) { go_on(n, &n->want_jobs[r->proof]); }

/* NULL: not now. What a member needs for a proposal does not wait for what it asked for in lane 3. */
static struct want_job *job_free(node *n, const struct peer *p, uint32_t lane) {
    const int first = lane == 0 && p->seat >= 0;
    const size_t waits = p->queues[0].items + (first ? 0U : p->queues[3].items);
    struct want_job *free_one = NULL;
    uint32_t of_peer = 0, count = 0;
    for (size_t i = 0; i < WANT_JOBS; i++) {
        struct want_job *j = &n->want_jobs[i];
        of_peer += j->used && memcmp(j->peer, p->node_id, 16) == 0;
        count += !j->used;
        if (!j->used) free_one = j;
    }
    if (!first && (of_peer >= JOBS_OF_PEER || count <= JOBS_KEPT)) return NULL;
    return waits + (of_peer + 1) * (size_t)ANSWER_BYTES_MAX <= WAITING_BYTES_MAX ? free_one : NULL;
}

hkp_status hkp_dsm__on_want(node *n, struct peer *p, struct hkp_dsm__message *m) {
    struct want_job *j = job_free(n, p, m->lane);
    if (j == NULL) return HKP_E_LIMIT;
    struct want_job job = {.used = 1, .lane = m->lane, .out = answer_room(n)};
    job.ranges = hkp_dsm__room(n, m->list.n * RANGE_BYTES);
    if (job.out == NULL || job.ranges == NULL) {
        hkp_dsm__blob_drop(&n->pool, job.out);
        hkp_dsm__blob_drop(&n->pool, job.ranges);
        return HKP_E_LIMIT;
    }
    memcpy(job.peer, p->node_id, 16);
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm__range range;
        hkp_dsm__next_range(&m->list, &range);
        uint8_t *at = job.ranges->ptr + i * RANGE_BYTES;
        memcpy(at, range.node_id, 16);
        hkp_put_be64(at + 16, range.from);
        hkp_put_be64(at + 24, range.to);
    }
    *j = job;
    go_on(n, j);
    return HKP_OK;
}

/* ---- what a proposal names ---- */

blob *hkp_dsm__items_young(node *n, const struct hkp_dsm__head *heads, size_t n_heads) {
    blob *out = answer_room(n);
    uint32_t count = 0;
    for (size_t i = 0; out != NULL && i < n_heads; i++) {
        const struct author *a = hkp_dsm__author(n, heads[i].node_id);
        const ptrdiff_t found = hkp_dsm__heads_find(n->heads, heads[i].node_id);
        uint64_t seq = found >= 0 ? hkp_dsm__heads_at(n->heads, (size_t)found)->seq + 1 : 1;
        for (; a != NULL && seq <= heads[i].seq; seq++) {
            const struct block *b = hkp_dsm__block_at(n, a, seq);
            if (b == NULL || b->seen_at + SPREAD_GRACE_MS * MS <= n->now) continue;
            if (out->len + b->item->len > YOUNG_BYTES_MAX) break;
            answer_add(out, &count, b->item->ptr, b->item->len);
        }
    }
    if (count > 0) return answer_end(n, out, count);
    hkp_dsm__blob_drop(&n->pool, out);
    return NULL;
}

/* ---- CERT_WANT ---- */

static uint32_t add_certificate(blob *out, const blob *bytes) {
    struct hkp_dsm_cbor_writer w = {.out = out->ptr + out->len, .cap = 1024};
    const struct hkp_dsm_view multi = {.ptr = bytes->ptr, .len = bytes->len};
    if (out->len >= ITEMS_BYTES_MAX) return 0;
    hkp_dsm__put_item(&w, HKP_DSM__FORM_MULTI, &multi, NULL);
    if (w.status != HKP_OK) return 0;
    out->len += (uint32_t)w.len;
    return 1;
}

hkp_status hkp_dsm__on_cert_want(node *n, struct peer *p, struct hkp_dsm__message *m) {
    if (!hkp_dsm__may_ask(n, p)) return HKP_E_DSM_RATE;
    blob *out = answer_room(n);
    if (out == NULL) return HKP_E_LIMIT;
    uint32_t count = 0;
    for (size_t i = 0; i < m->list.n && i < CERT_WANT_MAX; i++) {
        const struct author *a = hkp_dsm__author(n, hkp_dsm__next_fixed(&m->list, 16));
        for (uint32_t c = 0; a != NULL && c < a->n_certs; c++)
            count += add_certificate(out, a->cert_bytes[c]);
        for (const struct rival *r = a != NULL ? a->rivals : NULL; r != NULL; r = r->next)
            count += add_certificate(out, r->bytes); /* blocks may have been final by it (D-CA-9) */
    }
    answer_send(n, p, 1, out, count);
    return HKP_OK;
}
