/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Evidence (D-EVD): two signed things that exclude each other. Recorded, reported, passed on, proposed. */
#include <string.h>

#include "libdsm/node/node.h"
#include "libter/bytes.h"

/* For E1 to E4 (D-EVD-2). */
static int in_time(const node *n, uint64_t epoch) {
    return epoch <= n->set.epoch && epoch + 1 >= n->set.epoch;
}

static const uint8_t *key_of(void *user, const uint8_t node_id[16], uint64_t epoch) {
    const node *n = user;
    if (epoch == UINT64_MAX) {
        const struct author *a = hkp_dsm__author(n, node_id);
        return a != NULL && a->n_certs > 0 ? a->certs[0].key : NULL;
    }
    /* a node_id has one key in every epoch; what was effective longer ago than the last one is forgotten */
    int seat = in_time(n, epoch) ? hkp_dsm__valset_index(&n->set, node_id) : -1;
    return seat >= 0 ? n->set.seats[seat].key : NULL;
}

struct hkp_dsm__keys hkp_dsm__keys_of(node *n) {
    return (struct hkp_dsm__keys){.user = n, .key = key_of, .officers = &n->officers};
}

hkp_status hkp_dsm__evidence_of(node *n, const struct hkp_dsm_view *op, struct hkp_dsm__evidence *e) {
    uint8_t hash[32];
    hkp_dsm__hash(hash, "checked", op, 1);
    struct checked *c = &n->checked[hash[0] % CHECKED];
    if (c->class_ != 0 && memcmp(c->hash, hash, 32) == 0) {
        *e = (struct hkp_dsm__evidence){
            .class_ = c->class_, .n_offenders = 1, .epoch = c->epoch, .point = c->point, .kind = c->kind};
        memcpy(e->offender[0], c->offender, 16);
        return HKP_OK;
    }
    struct hkp_dsm__keys keys = hkp_dsm__keys_of(n);
    hkp_status st = hkp_dsm__evidence_check(op->ptr, op->len, n->chain_id, &keys, e);
    if (st != HKP_OK || e->class_ == 6) return st;
    *c = (struct checked){.class_ = e->class_, .epoch = e->epoch, .point = e->point, .kind = e->kind};
    memcpy(c->hash, hash, 32);
    memcpy(c->offender, e->offender[0], 16);
    return HKP_OK;
}

static struct suspect *find(node *n, const uint8_t key[32]) {
    for (uint32_t i = 0; i < n->n_suspects; i++)
        if (memcmp(n->suspects[i].key, key, 32) == 0) return &n->suspects[i];
    return NULL;
}

static void tell(node *n, const struct suspect *s, const struct hkp_dsm__evidence *e) {
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_EVIDENCE);
    memcpy(fact->e.node_id, s->offender, 16);
    fact->e.type = e->class_;
    fact->e.epoch = e->epoch;
    fact->e.view = fact->e.seq = e->point;
    fact->data = hkp_dsm__blob_hold(s->op);
    if (e->class_ == 6) { /* of officers: an alarm, and no member to lose its seat */
        memset(fact->e.node_id, 0, 16);
        memcpy(fact->e.id, e->offender[0], 32);
        return;
    }
    fact = hkp_dsm__fact(n, e->class_ == 5 ? HKP_DSM_EV_AUTHOR_FORKED : HKP_DSM_EV_EQUIVOCATED);
    memcpy(fact->e.node_id, s->offender, 16);
    fact->e.type = e->class_;
    fact->e.epoch = e->epoch;
    fact->e.view = fact->e.seq = e->point;
}

static void store(node *n, const struct suspect *s, uint64_t height) {
    uint8_t key[33];
    memcpy(key, s->class_ == 6 ? s->key : s->offender, 16);
    key[16] = (uint8_t)s->class_;
    hkp_put_be64(key + 17, s->epoch);
    hkp_put_be64(key + 25, s->point);
    blob *row = hkp_dsm__room(n, 8 + (size_t)s->op->len);
    if (row == NULL) return;
    hkp_put_be64(row->ptr, height);
    memcpy(row->ptr + 8, s->op->ptr, s->op->len);
    hkp_dsm__put_blob(n, HKP_DSM_ROW_EVIDENCE, key, sizeof key, row);
}

static int is_frozen(const node *n, const uint8_t node_id[16]) {
    const struct author *a = hkp_dsm__author(n, node_id);
    return a != NULL && a->frozen;
}

/* Of no use to the chain any more: effective, or too old to be. */
static int is_spent(const node *n, const struct suspect *s) {
    if (s->class_ <= 4) return !in_time(n, s->epoch);
    return s->on_chain || (s->class_ == 5 && is_frozen(n, s->offender));
}

static struct suspect *place(node *n) {
    for (uint32_t i = 0; n->n_suspects == EVIDENCE_MAX && i < EVIDENCE_MAX; i++) {
        if (!is_spent(n, &n->suspects[i])) continue;
        hkp_dsm__blob_drop(&n->pool, n->suspects[i].op);
        n->suspects[i] = n->suspects[--n->n_suspects];
    }
    return n->n_suspects < EVIDENCE_MAX ? &n->suspects[n->n_suspects] : NULL;
}

/* One fork freezes its author, and one piece costs a member its seat: more would only take the place of what
 * others did (D-EVD-4). */
static hkp_status is_one_more(const node *n, const struct hkp_dsm__evidence *e) {
    const int fork = e->class_ == 5;
    uint32_t same = 0, forks = 0;
    if (e->class_ == 6) return HKP_OK;
    if (fork && is_frozen(n, e->offender[0])) return HKP_E_DSM_DUPLICATE;
    for (uint32_t i = 0; i < n->n_suspects; i++) {
        const struct suspect *s = &n->suspects[i];
        if (s->class_ == 6 || (s->class_ == 5) != fork || is_spent(n, s)) continue;
        forks += (uint32_t)fork;
        same += memcmp(s->offender, e->offender[0], 16) == 0;
    }
    if (same >= (fork ? 1 : EVIDENCE_OF_ONE)) return HKP_E_DSM_DUPLICATE;
    return forks >= EVIDENCE_FORKS ? HKP_E_LIMIT : HKP_OK;
}

/* height 0: local evidence. Known evidence only learns that it is effective now. */
hkp_status hkp_dsm__suspect_add(node *n, const struct hkp_dsm_view *op, const struct hkp_dsm__evidence *e,
                                uint64_t height) {
    uint8_t key[32];
    hkp_dsm__evidence_key(e, key);
    struct author *a = e->class_ == 5 ? hkp_dsm__author(n, e->offender[0]) : NULL;
    if (a != NULL) a->forked = 1;
    struct suspect *s = find(n, key);
    int fresh = s == NULL;
    if (!fresh && (height == 0 || s->on_chain)) return HKP_E_DSM_DUPLICATE;
    if (fresh) {
        hkp_status st = height == 0 ? is_one_more(n, e) : HKP_OK;
        if (st != HKP_OK) return st;
        s = place(n);
        blob *copy = s != NULL ? hkp_dsm__bytes(n, op->ptr, op->len) : NULL;
        if (copy == NULL) return HKP_E_LIMIT;
        n->n_suspects++;
        *s = (struct suspect){.class_ = e->class_, .epoch = e->epoch, .point = e->point, .op = copy};
        memcpy(s->key, key, 32);
        hkp_dsm__item_id(s->message_id, op->ptr, op->len);
        memcpy(s->offender, e->offender[0], 16);
        st = e->class_ == 6 ? hkp_dsm__evidence_number(op, s->number) : HKP_OK;
        (void)st;
    }
    n->stirs++;
    s->on_chain = height != 0;
    if (n->state != HKP_DSM_STATE_RUNNING) return HKP_OK;
    store(n, s, height);
    if (fresh) tell(n, s, e);
    return HKP_OK;
}

hkp_status hkp_dsm__on_evidence(node *n, const struct hkp_dsm_view *op, struct peer *from, uint32_t hops) {
    struct hkp_dsm__evidence e;
    hkp_status st = hkp_dsm__evidence_of(n, op, &e);
    if (st != HKP_OK) return st;
    st = hkp_dsm__suspect_add(n, op, &e, 0);
    if (st == HKP_OK)
        hkp_dsm__spread(n, HKP_DSM__FORM_EVIDENCE, n->suspects[n->n_suspects - 1].op,
                        hops < 255 ? hops + 1 : 255, from);
    if (e.kind == HKP_DSM_KIND_CERTIFICATE) hkp_dsm__rivals_of(n, op);
    return st;
}

void hkp_dsm__suspect(node *n, const struct hkp_dsm_view *a, const struct hkp_dsm_view *b) {
    blob *room = hkp_dsm__room(n, a->len + b->len + 16);
    if (room == NULL) return;
    struct hkp_dsm_view op = {.ptr = room->ptr};
    if (hkp_dsm__evidence_build(a, b, room->ptr, room->len, &op.len) == HKP_OK) {
        hkp_status st = hkp_dsm__on_evidence(n, &op, NULL, 0);
        (void)st;
    }
    hkp_dsm__blob_drop(&n->pool, room);
}

static int in_ancestors(node *n, const struct prop *p, const uint8_t key[32]) {
    for (struct prop *up = NULL; p != NULL; p = up) {
        struct hkp_dsm_cbor_reader at = p->parsed.ops;
        for (size_t i = 0; i < p->parsed.n_ops; i++) {
            struct hkp_dsm_view op = hkp_dsm__body_op(&at);
            struct hkp_dsm__evidence e;
            uint8_t other[32];
            if (hkp_dsm__evidence_of(n, &op, &e) != HKP_OK) continue;
            hkp_dsm__evidence_key(&e, other);
            if (memcmp(other, key, 32) == 0) return 1;
        }
        if (hkp_dsm__parent(n, p, &up) < 0) return 0;
    }
    return 0;
}

/* An author whose head may be frozen; the heads are those of the parent. */
static int is_active(const node *n, const uint8_t node_id[16]) {
    ptrdiff_t found = hkp_dsm__heads_find(n->heads, node_id);
    return found >= 0 && hkp_dsm__heads_at(n->heads, (size_t)found)->status == 0;
}

/* E1 to E4 of a member, of this epoch or the last one, or E5 of an author whose head is to be frozen: known
 * by (offender, class, epoch, view or seq), and not effective yet (D-EVD-2). */
hkp_status hkp_dsm__evidence_valid(node *n, const struct hkp_dsm_view *op, struct prop *parent) {
    struct hkp_dsm__evidence e;
    uint8_t number[16];
    if (hkp_dsm__evidence_number(op, number) == HKP_OK)
        return hkp_dsm__officers_op_valid(n, op, number, parent);
    hkp_status st = hkp_dsm__evidence_of(n, op, &e);
    if (st != HKP_OK) return st;
    if (e.class_ == 5) return is_active(n, e.offender[0]) ? HKP_OK : HKP_E_DSM_DUPLICATE;
    uint8_t key[32];
    hkp_dsm__evidence_key(&e, key);
    const struct suspect *s = find(n, key);
    return (s != NULL && s->on_chain) || in_ancestors(n, parent, key) ? HKP_E_DSM_DUPLICATE : HKP_OK;
}

/* Whether a leader takes it. Its signatures were found right when it came and are not looked at again: a
 * leader asks often, and there may be many. One piece of a member is enough. Evidence against officers is
 * long, and verified only by who proposes or judges a header with it. asked: in the state after p. */
int hkp_dsm__suspect_due(node *n, struct suspect *s, const struct pending *asked, struct prop *p,
                         uint64_t time_ms, int propose) {
    const struct hkp_dsm_view op = {.ptr = s->op->ptr, .len = s->op->len};
    if (s->on_chain || s->refused || op.len > OPS_BYTES_MAX) return 0;
    if (s->class_ == 5) return is_active(n, s->offender);
    if (s->class_ <= 4)
        return in_time(n, s->epoch) && hkp_dsm__valset_index(&n->set, s->offender) >= 0 &&
               hkp_dsm__pending_find(asked, CHANGE_EVIDENCE, s->offender) == NULL;
    if (hkp_dsm__pending_find(asked, CHANGE_OFFICERS, s->number) != NULL) return 0;
    if (s->judged && !propose) return 1;
    hkp_status st = hkp_dsm__op_valid(n, &op, p, time_ms);
    s->judged = st == HKP_OK;
    s->refused = st != HKP_OK && st != HKP_E_DSM_TOO_BIG;
    return st == HKP_OK;
}

/* A convicted member leaves at the next boundary, and officers are asked to revoke it (D-EVD-3). */
static void convicted(node *n, const struct hkp_dsm_view *op, const struct hkp_dsm__evidence *e,
                      uint64_t height) {
    if (hkp_dsm__pending_find(n->pending, CHANGE_EVIDENCE, e->offender[0]) != NULL) return;
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_REVOKE);
    memcpy(fact->e.node_id, e->offender[0], 16);
    fact->e.type = 6;
    fact->e.epoch = n->set.epoch;
    fact->e.height = height;
    fact->data = hkp_dsm__bytes(n, op->ptr, op->len);
}

/* An alarm for all; who follows them in office is for the other officers to say (D-EVD-3). */
static void officers_convicted(node *n, const struct hkp_dsm_view *op, const struct hkp_dsm__evidence *e,
                               uint64_t height) {
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_OFFICERS);
    memcpy(fact->e.id, e->offender[0], 32);
    fact->e.seq = e->point;
    fact->e.height = height;
    fact->data = hkp_dsm__bytes(n, op->ptr, op->len);
}

void hkp_dsm__evidence_final(node *n, const struct hkp_dsm_view *op, uint64_t height) {
    struct hkp_dsm__evidence e;
    if (hkp_dsm__evidence_of(n, op, &e) != HKP_OK) return;
    hkp_status st = hkp_dsm__suspect_add(n, op, &e, height);
    (void)st;
    if (e.class_ <= 4) convicted(n, op, &e, height);
    if (e.class_ == 6) officers_convicted(n, op, &e, height);
    if (e.class_ != 5) return;
    struct author *a = hkp_dsm__author(n, e.offender[0]);
    if (a != NULL) a->frozen = 1;
    struct event_entry *fact = hkp_dsm__fact(n, HKP_DSM_EV_AUTHOR_FROZEN);
    memcpy(fact->e.node_id, e.offender[0], 16);
    fact->e.height = height;
}
