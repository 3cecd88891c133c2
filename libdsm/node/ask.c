/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Questions for proofs (D-SYN-4): put to one peer after the other, until an answer shows what was asked for.
 */
#include <string.h>

#include <hookprobe/dsm/ask.h>

#include "libdsm/node/node.h"

enum { AGAIN_S = 2 };

static struct question *by_nonce(node *n, const uint8_t nonce[8]) {
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        if (n->questions[i].ticket != 0 && memcmp(n->questions[i].nonce, nonce, 8) == 0)
            return &n->questions[i];
    return NULL;
}

static void end(node *n, struct question *q, hkp_status status, const struct hkp_dsm_view *proof) {
    struct event_entry *e = hkp_dsm__fact(n, HKP_DSM_EV_PROOF);
    e->e.ticket = q->ticket;
    e->e.status = status;
    if (proof != NULL) e->data = hkp_dsm__bytes(n, proof->ptr, proof->len);
    if (proof != NULL && e->data == NULL) e->e.status = HKP_E_LIMIT;
    *q = (struct question){.ticket = 0};
    n->n_questions--;
}

static void put(node *n, struct question *q) {
    struct peer *p = hkp_dsm__some_peer(n, 4, 0);
    q->again = n->now + AGAIN_S * SECOND;
    if (q->tries++ == HKP_DSM_QUESTION_TRIES || n->rng.fill(n->rng.user, q->nonce, sizeof q->nonce) != 0) {
        end(n, q, HKP_E_NOTFOUND, NULL);
        return;
    }
    if (p == NULL) return;
    const struct hkp_dsm_view key = {q->key, q->what == HKP_DSM_ASK_HEAD ? 16U : 32U};
    struct hkp_dsm_cbor_writer w = hkp_dsm__writer(n);
    hkp_dsm__put_proof_req(&w, q->nonce, q->trust.epoch, q->what, &key,
                           q->what == HKP_DSM_ASK_RECORD ? (int32_t)q->position : -1);
    blob *msg = hkp_dsm__msg(n, &w);
    hkp_dsm__send_peer(n, p, 4, msg);
    hkp_dsm__blob_drop(&n->pool, msg);
}

hkp_status hkp_dsm_ask(hkp_dsm_node *n, hkp_time now, const struct hkp_dsm_question *asked,
                       uint64_t *ticket) {
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_E_STATE;
    if (asked->struct_size < sizeof *asked || asked->what > HKP_DSM_ASK_RECORD || asked->position > 63 ||
        asked->reserved0 != 0)
        return HKP_E_INVAL;
    hkp_dsm__time(n, now);
    for (size_t i = 0; i < QUESTIONS_MAX; i++) {
        struct question *q = &n->questions[i];
        if (q->ticket != 0) continue;
        *q = (struct question){.ticket = ++n->read_ticket,
                               .what = asked->what,
                               .position = asked->position,
                               .trust = asked->trust};
        memcpy(q->key, asked->key, 32);
        n->n_questions++;
        *ticket = q->ticket;
        put(n, q);
        return HKP_OK;
    }
    return HKP_E_LIMIT;
}

/* Is it the leaf, the block, the record that was asked for? */
static int answers(const struct question *q, const struct hkp_dsm_proof *p) {
    struct hkp_dsm__head h;
    uint8_t hash[32];
    switch (q->what) {
    case HKP_DSM_ASK_HEAD:
        return p->root == 0 && hkp_dsm__head_leaf_parse(p->leaf.ptr, p->leaf.len, &h) == HKP_OK &&
               memcmp(h.node_id, q->key, 16) == 0;
    case HKP_DSM_ASK_OP:
        hkp_dsm__merkle_leaf(hash, p->leaf.ptr, p->leaf.len);
        return p->root == 2 && memcmp(hash, q->key, 32) == 0;
    case HKP_DSM_ASK_BLOCK:
        return p->root == 1 && p->has_author && memcmp(p->leaf.ptr, q->key, 32) == 0;
    default:
        return p->root == 1 && p->record.ptr != NULL && p->position == q->position &&
               memcmp(p->leaf.ptr, q->key, 32) == 0;
    }
}

hkp_status hkp_dsm_node_verify(const hkp_dsm_node *n, const uint8_t *in, size_t len,
                               struct hkp_dsm_proof *proof) {
    struct hkp_dsm_trust trust[] = {{.epoch = 0}, n->restarted};
    memcpy(trust[0].valset_hash, n->epoch0_hash, 32);
    return hkp_dsm_proof_verify(in, len, n->chain_id, trust, n->restarted.epoch > 0 ? 2 : 1, 0, proof);
}

hkp_status hkp_dsm__on_proof(node *n, struct peer *p, struct hkp_dsm__message *m) {
    (void)p;
    hkp_status st = hkp_dsm__join_proof(n, m);
    if (st == HKP_E_NOTFOUND) st = hkp_dsm__officers_proof(n, m);
    if (st != HKP_E_NOTFOUND) return st;
    struct question *q = by_nonce(n, m->nonce);
    if (q == NULL) return HKP_E_DSM_STALE;
    struct hkp_dsm_proof proof;
    struct hkp_dsm_trust trust[] = {q->trust, n->restarted};
    const size_t n_trust = n->restarted.epoch > 0 ? 2 : 1;
    for (size_t i = 0; i < n_trust; i++) /* D-SYN-2 counts from the newest boundary known */
        if (trust[i].time_ms < n->epoch_ms) trust[i].time_ms = n->epoch_ms;
    st = HKP_OK;
    if (m->status == 0)
        st = hkp_dsm_proof_verify(m->proof.ptr, m->proof.len, n->chain_id, trust, n_trust,
                                  hkp_dsm__judged_at_s(n) * 1000, &proof);
    if (m->status == 0 && st == HKP_OK && !answers(q, &proof)) st = HKP_E_DSM_PROOF;
    if (m->status == 0 && st == HKP_OK)
        end(n, q, HKP_OK, &m->proof);
    else
        put(n, q); /* somebody else */
    return st;
}

void hkp_dsm__questions_tick(node *n) {
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        if (n->questions[i].ticket != 0 && n->now >= n->questions[i].again && hkp_dsm__may_take(n))
            put(n, &n->questions[i]);
}

hkp_time hkp_dsm__questions_wake(const node *n) {
    hkp_time wake = HKP_TIME_NEVER;
    for (size_t i = 0; n->n_questions > 0 && i < QUESTIONS_MAX; i++)
        if (n->questions[i].ticket != 0 && n->questions[i].again < wake) wake = n->questions[i].again;
    return wake;
}
