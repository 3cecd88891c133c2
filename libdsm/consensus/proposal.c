/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Headers above the newest final one: kept, judged (D-CKP validity a to j), and the state of heads that each
 * leaves. One tree of heads follows whichever header is looked at; what a header changed is kept to undo it.
 */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

struct prop *hkp_dsm__prop(node *n, const uint8_t digest[32]) {
    for (uint32_t i = 0; i < PROPS; i++)
        if (n->props[i].used && memcmp(n->props[i].h.digest, digest, 32) == 0) return &n->props[i];
    return NULL;
}

int hkp_dsm__parent(node *n, const struct prop *p, struct prop **parent) {
    *parent = NULL;
    if (memcmp(p->h.parent, n->root.digest, 32) == 0 && p->h.parent_view == n->root.view) return 0;
    *parent = hkp_dsm__prop(n, p->h.parent);
    if (*parent == NULL || (*parent)->queued || (*parent)->h.view != p->h.parent_view) return -1;
    return 1;
}

int hkp_dsm__prop_empty(const struct prop *p) { return p->parsed.n_heads == 0 && p->parsed.n_ops == 0; }

static int above(node *n, struct prop *p, const struct prop *ancestor) {
    for (uint32_t steps = 0; steps < PROPS; steps++) {
        if (p == ancestor) return 1;
        if (p == NULL || hkp_dsm__parent(n, p, &p) < 0) return 0;
    }
    return 0;
}

static void undo(node *n, struct prop *p) {
    size_t singles = p->n_undo - p->parsed.n_heads;
    hkp_status st = HKP_OK;
    for (size_t i = 0; st == HKP_OK && i < singles; i++)
        st = hkp_dsm__heads_apply(n->heads, &p->undo[p->n_undo - 1 - i], 1, NULL);
    if (st == HKP_OK) st = hkp_dsm__heads_apply(n->heads, p->undo, p->parsed.n_heads, NULL);
    if (st != HKP_OK) hkp_dsm__die(n, st, HKP_DSM_ROW_HEADS, NULL, 0);
    hkp_dsm__pool_give(&n->pool, p->undo);
    p->undo = NULL;
    p->n_undo = 0;
}

void hkp_dsm__prop_free(node *n, struct prop *p) {
    while (n->cursor != NULL && above(n, n->cursor, p)) {
        struct prop *at = n->cursor;
        undo(n, at);
        if (hkp_dsm__parent(n, at, &n->cursor) < 0) n->cursor = NULL;
    }
    if (p->undo != NULL) hkp_dsm__pool_give(&n->pool, p->undo);
    hkp_dsm__blob_drop(&n->pool, p->header);
    hkp_dsm__blob_drop(&n->pool, p->body);
    hkp_dsm__blob_drop(&n->pool, p->envelope);
    memset(p, 0, sizeof *p);
}

static void certify_below(node *n, struct prop *p) {
    while (hkp_dsm__parent(n, p, &p) > 0 && !p->certified) p->certified = 1;
}

static void certify(node *n) {
    for (uint32_t i = 0; i < PROPS; i++) {
        struct prop *p = &n->props[i];
        if (!p->used || p->queued || p->certified || !hkp_dsm__notar_held(n, p->h.view, p->h.digest))
            continue;
        p->certified = 1;
        certify_below(n, p);
    }
}

int hkp_dsm__certified(node *n, const struct hkp_dsm__header *h) {
    if (hkp_dsm__notar_held(n, h->view, h->digest)) return 1;
    certify(n);
    for (uint32_t i = 0; i < PROPS; i++) {
        const struct prop *p = &n->props[i];
        if (p->used && !p->queued && p->certified && p->h.parent_view == h->view &&
            memcmp(p->h.parent, h->digest, 32) == 0)
            return 1;
    }
    return 0;
}

/* Of no use first: what is over, the oldest first, then what is to come, the furthest first; last the view at
 * hand. */
static uint64_t use_of(uint64_t now, uint64_t view) { return view < now ? view : UINT64_MAX - (view - now); }

static size_t bytes_of(const struct prop *p) {
    return p->header->len + p->body->len + (p->envelope != NULL ? p->envelope->len : 0);
}

/* A free place that may take len bytes. What no cert names gives way to what one names, and to what is of
 * more use; it holds no more than its part of the pool, but for the header of the view at hand. */
static struct prop *prop_place(node *n, uint64_t view, size_t len, int certified) {
    const uint64_t now = hkp_dsm__view_now(n);
    certify(n);
    for (;;) {
        struct prop *place = NULL, *worst = NULL;
        size_t loose = len;
        for (uint32_t i = 0; i < PROPS; i++) {
            struct prop *p = &n->props[i];
            if (!p->used) place = p;
            if (!p->used || p->queued || p->certified) continue;
            loose += bytes_of(p);
            if (worst == NULL || use_of(now, p->h.view) < use_of(now, worst->h.view)) worst = p;
        }
        const int fits = place != NULL && hkp_dsm__fits(n, len);
        const int small = certified || loose <= n->pool.units / LOOSE_PART * POOL_UNIT;
        if (fits && small) return place;
        if (worst == NULL || (!certified && use_of(now, worst->h.view) >= use_of(now, view)))
            return fits && view == now ? place : NULL;
        hkp_dsm__prop_free(n, worst);
    }
}

struct prop *hkp_dsm__prop_add(node *n, const struct hkp_dsm__header *h, const struct hkp_dsm_view *header,
                               const struct hkp_dsm_view *body, const struct hkp_dsm_view *envelope) {
    const int certified = hkp_dsm__certified(n, h);
    struct prop *p = hkp_dsm__prop(n, h->digest);
    if (p != NULL) {
        if (p->envelope == NULL && envelope != NULL)
            p->envelope = hkp_dsm__bytes(n, envelope->ptr, envelope->len);
        return p;
    }
    p = prop_place(n, h->view, header->len + body->len + (envelope != NULL ? envelope->len : 0), certified);
    if (p == NULL) return NULL;
    struct prop fresh = {.used = 1, .certified = (uint32_t)certified, .h = *h};
    fresh.header = hkp_dsm__bytes(n, header->ptr, header->len);
    fresh.body = hkp_dsm__bytes(n, body->ptr, body->len);
    if (envelope != NULL) fresh.envelope = hkp_dsm__bytes(n, envelope->ptr, envelope->len);
    fresh.boundary = !hkp_is_zero(h->next_valset, 32);
    uint8_t ops[32];
    if (fresh.header == NULL || fresh.body == NULL || (envelope != NULL && fresh.envelope == NULL) ||
        hkp_dsm__body_parse(fresh.body->ptr, fresh.body->len, &fresh.parsed) != HKP_OK ||
        fresh.parsed.n_heads > h->n_blocks || /* each brings a block (e): q members bound the body */
        (hkp_dsm__ops_root(&fresh.parsed, ops), memcmp(ops, h->ops_root, 32) != 0)) {
        hkp_dsm__blob_drop(&n->pool, fresh.header);
        hkp_dsm__blob_drop(&n->pool, fresh.body);
        hkp_dsm__blob_drop(&n->pool, fresh.envelope);
        return NULL;
    }
    *p = fresh;
    if (certified) certify_below(n, p);
    return p;
}

/* ---- the tree ---- */

/* Changed heads, then those that ops freeze, one by one. */
static hkp_status apply(node *n, struct prop *p) {
    struct hkp_dsm__head *singles = n->singles;
    size_t count = p->parsed.n_ops > 0 || p->boundary ? hkp_dsm__ops_heads(n, p, singles) : 0;
    p->undo = hkp_dsm__take(n, (p->parsed.n_heads + count + 1) * sizeof *p->undo);
    if (p->undo == NULL) return HKP_E_LIMIT;
    struct hkp_dsm_cbor_reader at = p->parsed.heads;
    for (size_t i = 0; i < p->parsed.n_heads; i++) hkp_dsm__body_head(&at, &n->changes[i]);
    hkp_status st = hkp_dsm__heads_apply(n->heads, n->changes, p->parsed.n_heads, p->undo);
    if (st != HKP_OK) {
        hkp_dsm__pool_give(&n->pool, p->undo);
        p->undo = NULL;
        return st;
    }
    p->n_undo = p->parsed.n_heads;
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t found = hkp_dsm__heads_find(n->heads, singles[i].node_id);
        if (found < 0) continue;
        struct hkp_dsm__head head = *hkp_dsm__heads_at(n->heads, (size_t)found);
        head.status = singles[i].status;
        if (hkp_dsm__heads_apply(n->heads, &head, 1, &p->undo[p->n_undo]) == HKP_OK) p->n_undo++;
    }
    return HKP_OK;
}

/* Each changed head goes up, so that one header has one body (validity e). */
static int grew(node *n, const struct prop *p) {
    for (size_t i = 0; i < p->parsed.n_heads; i++) {
        ptrdiff_t at = hkp_dsm__heads_find(n->heads, p->undo[i].node_id);
        if (p->undo[i].status < 2 && at >= 0 &&
            hkp_dsm__heads_at(n->heads, (size_t)at)->seq <= p->undo[i].seq)
            return 0;
    }
    return 1;
}

hkp_status hkp_dsm__prop_apply(node *n, struct prop *p) {
    hkp_status st = apply(n, p);
    if (st != HKP_OK) return st;
    if (memcmp(hkp_dsm__heads_root(n->heads), p->h.heads_root, 32) != 0 ||
        hkp_dsm__heads_count(n->heads) != p->h.n_heads || !grew(n, p)) {
        undo(n, p);
        return HKP_E_DSM_PROOF;
    }
    n->cursor = p;
    return HKP_OK;
}

hkp_status hkp_dsm__prop_trial(node *n, struct prop *p) {
    hkp_status st = apply(n, p);
    if (st != HKP_OK) return st;
    memcpy(p->h.heads_root, hkp_dsm__heads_root(n->heads), 32);
    p->h.n_heads = hkp_dsm__heads_count(n->heads);
    undo(n, p);
    return HKP_OK;
}

/* Not the body of this header, which q members signed: whoever sent it lied. Asked for elsewhere. */
static void body_wrong(node *n, struct prop *p) {
    uint8_t digest[32];
    if (!hkp_dsm__notar_held(n, p->h.view, p->h.digest)) return;
    memcpy(digest, p->h.digest, 32);
    hkp_dsm__prop_free(n, p);
    hkp_dsm__ask_header(n, digest);
}

/* A header below p that is not here: asked for again until it comes, whoever lost the first answer. */
static void ask_ancestor(node *n, struct prop *p) {
    for (uint32_t steps = 0; p != NULL && steps < PROPS; steps++) {
        struct prop *parent = NULL;
        if (hkp_dsm__parent(n, p, &parent) < 0) {
            if (hkp_dsm__prop(n, p->h.parent) == NULL) hkp_dsm__ask_header(n, p->h.parent);
            return;
        }
        p = parent;
    }
}

int hkp_dsm__goto(node *n, struct prop *target) {
    if (target != NULL && !above(n, target, NULL)) {
        ask_ancestor(n, target);
        return 0;
    }
    while (n->cursor != NULL && !above(n, target, n->cursor)) {
        struct prop *at = n->cursor;
        undo(n, at);
        if (hkp_dsm__parent(n, at, &n->cursor) < 0) n->cursor = NULL;
    }
    struct prop *way[PROPS];
    size_t count = 0;
    for (struct prop *p = target; p != n->cursor && count < PROPS;) {
        way[count++] = p;
        if (hkp_dsm__parent(n, p, &p) < 0) return 0;
    }
    while (count > 0) {
        hkp_status st = hkp_dsm__prop_apply(n, way[--count]);
        if (st == HKP_E_DSM_PROOF || st == HKP_E_LIMIT) body_wrong(n, way[count]);
        if (st != HKP_OK) return 0;
    }
    return 1;
}

/* ---- what the rules ask ---- */

uint64_t hkp_dsm__null_missing(const node *n, uint64_t over, uint64_t below) {
    uint64_t x = over + 1;
    while (x < below && hkp_dsm__null_known(n, x)) x++;
    return x;
}

int hkp_dsm__notar_held(node *n, uint64_t view, const uint8_t digest[32]) {
    if (view == n->root.view && memcmp(digest, n->root.digest, 32) == 0) return 1;
    if (view == n->target_view && memcmp(digest, n->target, 32) == 0) return 1; /* CERT_F says more */
    if (view > 0 && view == n->newest_n && memcmp(digest, n->newest_digest, 32) == 0) return 1;
    const struct slot *s = &n->slots[view % SLOTS];
    return s->view == view && s->cert[CERT_N] != NULL && memcmp(s->cert_digest, digest, 32) == 0;
}

int hkp_dsm__is_boundary(const node *n, uint64_t height, uint64_t time_ms) {
    return height + 1 - n->epoch_first == EPOCH_HEIGHTS || time_ms >= n->epoch_ms + 3600000;
}

/* The header that the highest CERT_N names, NULL for the newest final one. */
struct prop *hkp_dsm__newest_notarised(node *n) {
    if (n->newest_n <= n->root.view) return NULL;
    struct prop *p = hkp_dsm__prop(n, n->newest_digest);
    if (p == NULL) hkp_dsm__ask_header(n, n->newest_digest);
    return p;
}

struct prop *hkp_dsm__boundary_below(node *n, struct prop *p) {
    while (p != NULL && !p->boundary)
        if (hkp_dsm__parent(n, p, &p) < 0) return NULL;
    return p;
}

/* ---- judging ---- */

static hkp_status judge_place(node *n, struct prop *p, struct prop **parent) {
    /* Certs before headers: what none of them names is not taken (R8). */
    const uint64_t missing = hkp_dsm__notar_held(n, p->h.parent_view, p->h.parent)
                                 ? hkp_dsm__null_missing(n, p->h.parent_view, p->h.view)
                                 : p->h.parent_view;
    if (missing < p->h.view) {
        hkp_dsm__ask_certs(n, NULL, missing, p->h.view - 1);
        return HKP_E_DSM_GAP;
    }
    if (hkp_dsm__parent(n, p, parent) < 0) {
        hkp_dsm__ask_header(n, p->h.parent);
        return HKP_E_DSM_GAP;
    }
    const struct prop *q = *parent;
    uint64_t height = q != NULL ? q->h.height : n->root.height;
    uint64_t time_ms = q != NULL ? q->h.time_ms : n->root.time_ms;
    if (p->h.height != height + 1) return HKP_E_DSM_SCHEMA;
    if (!hkp_dsm__header_time_ok(p->h.time_ms, time_ms, hkp_dsm__wall_us(n) / 1000)) return HKP_E_DSM_TIME;
    if (p->h.version != 0) return HKP_E_DSM_VERSION;
    const struct prop *closing = hkp_dsm__boundary_below(n, *parent);
    if (closing != NULL && p->h.height - closing->h.height > HEIGHTS_OPEN_MAX) return HKP_E_DSM_SCHEMA;
    if ((closing != NULL || height - n->root.height >= HEIGHTS_OPEN_MAX) && !hkp_dsm__prop_empty(p))
        return HKP_E_DSM_SCHEMA;
    uint8_t want[32] = {0};
    if (closing == NULL && hkp_dsm__is_boundary(n, p->h.height, p->h.time_ms)) {
        size_t len = 0;
        hkp_status st = hkp_dsm__next_set(n, hkp_dsm__pending_at(n, *parent), p->h.height, n->scratch, &len);
        if (st != HKP_OK) return st;
        hkp_dsm__valset_hash(want, n->scratch, len);
    }
    return memcmp(want, p->h.next_valset, 32) == 0 ? HKP_OK : HKP_E_DSM_SCHEMA;
}

struct hkp_dsm__block_rules hkp_dsm__header_rules(node *n, const struct author *a, uint64_t time_ms,
                                                  uint64_t parent_ms) {
    return (struct hkp_dsm__block_rules){.chain_id = n->chain_id,
                                         .certs = a->certs,
                                         .n_certs = a->n_certs,
                                         .revoked = hkp_dsm__revoked_of(n, a),
                                         .header_ms = time_ms,
                                         .parent_ms = parent_ms};
}

/* All blocks of one changed head: held, on one chain with the parent's head, dated right. */
static hkp_status judge_head(node *n, const struct prop *p, uint64_t parent_ms,
                             const struct hkp_dsm__head *head, struct hkp_dsm__merkle *tree) {
    ptrdiff_t found = hkp_dsm__heads_find(n->heads, head->node_id);
    const struct hkp_dsm__head *old = found >= 0 ? hkp_dsm__heads_at(n->heads, (size_t)found) : NULL;
    if (old != NULL && old->status != 0) return HKP_E_DSM_SCHEMA;
    uint64_t from = old != NULL ? old->seq : 0, missing = 0;
    struct author *a = hkp_dsm__author(n, head->node_id);
    if (a == NULL || a->n_certs == 0) {
        hkp_dsm__certificate_ask(n, a, hkp_dsm__peer(n, n->set.seats[p->h.proposer].node_id), head->node_id);
        return HKP_E_DSM_GAP;
    }
    if (a->headless) return HKP_E_DSM_GAP; /* the time of the block before is not known */
    int rc = hkp_dsm__blocks_path(n, a, from, old != NULL ? old->id : NULL, head->seq, head->id, &missing);
    if (rc < 0) return HKP_E_DSM_PREV;
    if (rc == 0) {
        if (n->now < a->want_again && a->want_again != 0) return HKP_E_DSM_GAP;
        struct peer *who = hkp_dsm__peer(n, n->set.seats[p->h.proposer].node_id);
        if (who == NULL || p->ask_again != 0) who = hkp_dsm__some_peer(n, 0, 1);
        hkp_dsm__want(n, who, 0, a, from + 1, missing);
        a->want_again = n->now + 2 * n->delay;
        return HKP_E_DSM_GAP;
    }
    const struct hkp_dsm__block_rules rules = hkp_dsm__header_rules(n, a, p->h.time_ms, parent_ms);
    for (uint64_t i = 0; i < head->seq - from; i++) {
        hkp_status st = hkp_dsm__block_times(&n->path[i]->b, &rules);
        if (st != HKP_OK) return st;
        uint8_t leaf[32];
        hkp_dsm__merkle_leaf(leaf, n->path[i]->b.id, 32);
        hkp_dsm__merkle_add(tree, leaf);
    }
    return HKP_OK;
}

static hkp_status judge_ops(node *n, const struct prop *p, struct prop *parent) {
    uint8_t root[32];
    hkp_dsm__ops_root(&p->parsed, root);
    if (memcmp(root, p->h.ops_root, 32) != 0) return HKP_E_DSM_PROOF;
    struct hkp_dsm_cbor_reader at = p->parsed.ops;
    for (size_t i = 0; i < p->parsed.n_ops; i++) {
        struct hkp_dsm_view op = hkp_dsm__body_op(&at);
        hkp_status st = hkp_dsm__op_valid(n, &op, parent, p->h.time_ms);
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

hkp_status hkp_dsm__prop_judge(node *n, struct prop *p) {
    if (p->state == PROP_VALID) return HKP_OK;
    struct prop *parent = NULL;
    hkp_status st = judge_place(n, p, &parent);
    if (st != HKP_OK) return st;
    if (!hkp_dsm__goto(n, parent)) return HKP_E_DSM_GAP;
    uint64_t parent_ms = parent != NULL ? parent->h.time_ms : n->root.time_ms;
    hkp_dsm__revoked_begin(n, parent);
    struct hkp_dsm__merkle tree = {0};
    struct hkp_dsm_cbor_reader at = p->parsed.heads;
    hkp_status gap = HKP_OK;
    for (size_t i = 0; i < p->parsed.n_heads; i++) {
        struct hkp_dsm__head head;
        hkp_dsm__body_head(&at, &head);
        st = judge_head(n, p, parent_ms, &head, &tree);
        if (st != HKP_OK && st != HKP_E_DSM_GAP) return st;
        if (st != HKP_OK) gap = st;
    }
    if (gap != HKP_OK) return gap;
    uint8_t root[32];
    hkp_dsm__merkle_root(&tree, root);
    if (tree.size != p->h.n_blocks || memcmp(root, p->h.blocks_root, 32) != 0) return HKP_E_DSM_PROOF;
    st = judge_ops(n, p, parent);
    if (st == HKP_OK) st = hkp_dsm__prop_apply(n, p);
    if (st == HKP_OK) p->state = PROP_VALID;
    return st;
}

hkp_status hkp_dsm__on_propose(node *n, struct peer *from, struct hkp_dsm__message *m) {
    struct hkp_dsm_envelope env;
    hkp_status st =
        hkp_dsm_envelope_parse(m->envelope.ptr, m->envelope.len, 1U << HKP_DSM_KIND_PROPOSE, &env);
    if (st != HKP_OK) return st;
    struct hkp_dsm__header h;
    st = hkp_dsm__header_parse(n->chain_id, env.body.ptr, env.body.len, &h);
    if (st != HKP_OK) return st;
    if (h.epoch != n->set.epoch) {
        hkp_dsm__join_hint(n, h.epoch);
        hkp_dsm__behind(n, from, h.epoch);
        return HKP_E_DSM_EPOCH;
    }
    for (size_t i = 0; i < m->list.n; i++) {
        struct hkp_dsm_view cert = hkp_dsm__next_bytes(&m->list);
        st = hkp_dsm__cert_take(n, cert.ptr, cert.len);
        if (st == HKP_E_DSM_SIG) return st;
    }
    struct slot *s = h.view > n->root.view ? hkp_dsm__slot(n, h.view) : NULL;
    if (s == NULL) return HKP_E_DSM_OLD;
    if (h.proposer != n->perm[h.view % n->set.n] ||
        memcmp(env.signer, n->set.seats[h.proposer].node_id, 16) != 0)
        return HKP_E_DSM_SIGNER;
    struct prop *first = s->seen_proposal ? hkp_dsm__prop(n, s->proposal_digest) : NULL;
    const int same = s->seen_proposal && memcmp(s->proposal_digest, h.digest, 32) == 0;
    if (same && first != NULL) return HKP_E_DSM_DUPLICATE; /* not if it had to give way */
    st = hkp_dsm_envelope_verify(n->chain_id, &env, n->set.seats[h.proposer].key);
    if (st != HKP_OK) return st;
    if (s->proposal != NULL && !same) {
        struct hkp_dsm_view a = {.ptr = s->proposal->ptr, .len = s->proposal->len};
        hkp_dsm__suspect(n, &a, &m->envelope);
    }
    /* D 13: one of each view; another takes its place only if it was bad (R2) */
    if (first != NULL && first->state != PROP_BAD) return HKP_OK;
    if (first != NULL) hkp_dsm__prop_free(n, first);
    struct prop *p = hkp_dsm__prop_add(n, &h, &env.body, &m->body, &m->envelope);
    if (p == NULL) return HKP_E_LIMIT;
    hkp_dsm__slot_proposal(n, s, p);
    return HKP_OK;
}
